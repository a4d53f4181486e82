"""Hostile names on everything that is handed out: shown as text in sheets, Word, PowerPoint and Excel, and the files open."""

from __future__ import annotations

import io
import re
import shutil
import subprocess
import xml.etree.ElementTree as ET
import zipfile
from typing import TYPE_CHECKING

import docx
import maps_toy
import meeting_toy
import openpyxl
import pytest
import test_reports as reports
from conftest import ROOT
from docx.oxml.ns import qn
from pptx import Presentation

from geosys._faults import Faults
from geosys.cases.ledger.database import open_ledger
from geosys.cases.ledger.events import append_all
from geosys.maps.cells import cell_text
from geosys.maps.palettes import load_palettes
from geosys.maps.paper.press import Press, open_press, typeset_sheet
from geosys.maps.paper.sheet import Facts, Heading, Legend, Paragraph, Sheet, Table
from geosys.maps.paper.words import plain
from geosys.maps.slides import write_slides
from geosys.maps.tables import write_findings

if TYPE_CHECKING:
    from pathlib import Path

    import geopandas as gpd

PALETTES = load_palettes(ROOT / "maps" / "palettes.toml", Faults())
TEXTS = tuple(text for text in meeting_toy.HOSTILE if len(text) < 100)
ODD = "\x00\x07\x1b\u202e\u2066\u2069\u200f\ud83d"
LONG = "长" * 5000


def squeezed(text: str) -> str:
    """Return a text without blanks and unreadable signs: where a line is broken is not what is asked here."""
    return re.sub(r"[\s\ufffd…\u200b]+", "", plain(text))


def all_xml(path: Path, odd: str = ODD) -> list[tuple[str, str]]:
    """Return the parts of a package as texts, each well-formed; nothing in it is executed or fetched."""
    with zipfile.ZipFile(path) as package:
        assert package.testzip() is None
        parts = [(n, package.read(n).decode()) for n in package.namelist() if n.endswith((".xml", ".rels"))]
        books = [package.read(n) for n in package.namelist() if n.endswith(".xlsx")]
    for book in books:
        with zipfile.ZipFile(io.BytesIO(book)) as inside:
            parts += [(n, inside.read(n).decode()) for n in inside.namelist() if n.endswith((".xml", ".rels"))]
    for name, text in parts:
        ET.fromstring(text)  # noqa: S314  our own file
        assert 'TargetMode="External"' not in text, name
        assert not set(text) & set(odd), name
        assert not re.search(r"<f[ >]", text), name
    return parts


def opens_in_office(path: Path) -> bool:
    """Say whether LibreOffice turns a file into pages; None of its programs: the test is skipped."""
    office = shutil.which("soffice")
    if office is None:
        pytest.skip("LibreOffice is not installed")
    profile = f"-env:UserInstallation={(path.parent / 'profile').as_uri()}"
    done = subprocess.run(
        [office, profile, "--headless", "--convert-to", "pdf", "--outdir", path.parent, path],
        capture_output=True,
        check=False,
    )
    if b"source file could not be loaded" in done.stderr + done.stdout:
        pytest.skip(f"LibreOffice has no program for {path.suffix}")
    return path.with_suffix(".pdf").stat().st_size > 1000


def findings(names: list[str]) -> gpd.GeoDataFrame:
    rows = maps_toy.findings().iloc[[0] * len(names)].reset_index(drop=True)
    return rows.assign(subject_name=names, sentence_zh=names, action_zh=names)


@pytest.fixture(scope="module")
def press() -> Press:
    return open_press(ROOT / "maps")


def test_a_sheet_prints_them_as_text(press: Press, tmp_path: Path) -> None:
    if shutil.which("pdftotext") is None:
        pytest.skip("pdftotext is not installed")
    blocks = [Heading(t) for t in TEXTS] + [Paragraph(t) for t in (*TEXTS, LONG)]
    blocks += [
        Facts([(t, t) for t in TEXTS]),
        Table(list(TEXTS[:3]), [list(TEXTS[i : i + 3]) for i in range(0, 12, 3)]),
        Legend(),
    ]
    for title in (*TEXTS[:2], LONG):
        files, _ = typeset_sheet(
            Sheet(title=title, as_of=meeting_toy.DAY, program="GeoSys", blocks=blocks, main=None), "pdf", press
        )
        (tmp_path / "a.pdf").write_bytes(files[0])
        assert b"/JavaScript" not in files[0]
        assert b"/URI" not in files[0]
        said = subprocess.run(["pdftotext", tmp_path / "a.pdf", "-"], capture_output=True, check=True).stdout.decode()
        assert not set(said) & set(ODD) - {"\x0c"}
        for text in TEXTS:
            assert squeezed(text) in squeezed(said), text
        assert squeezed(said).count("长") >= 5000


def test_word_shows_them_as_text(tmp_path: Path) -> None:
    # the ledger refuses half a letter and the sign 0: no database keeps them
    names = [t.replace("\x00", "") for t in (*TEXTS, LONG) if "\ud83d" not in t]
    with open_ledger(tmp_path / "l") as connection:
        append_all(
            connection,
            [
                reports.opened(f"K{n}", reports.FIRST, subject_name=name, due_on=reports.FIRST)
                for n, name in enumerate(names)
            ],
        )
    found = reports.gather(tmp_path / "l")
    for name in ("dispatch", "brief", "todo"):
        path = reports.written(tmp_path, name, found)
        all_xml(path, "\x00\x07\x1b\ud83d")
        body = docx.Document(str(path)).element.body
        said = squeezed("".join(t.text or "" for t in body.iter(qn("w:t"))))
        for text in names[:-1]:
            assert squeezed(text) in said, (name, text)
        assert "（共5000字）" in said


@pytest.mark.parametrize("name", ["dispatch", "brief"])
def test_word_drops_signs_that_turn_the_writing(name: str, tmp_path: Path) -> None:
    with open_ledger(tmp_path / "l") as connection:
        append_all(connection, [reports.opened("K1", reports.FIRST, subject_name=TEXTS[6], due_on=reports.FIRST)])
    assert "\u202e" in TEXTS[6]
    all_xml(reports.written(tmp_path, name, reports.gather(tmp_path / "l")))


def test_powerpoint_shows_them_as_text(tmp_path: Path) -> None:
    path = tmp_path / "slides.pptx"
    write_slides(path, meeting_toy.hostile(), PALETTES)
    all_xml(path)
    deck = Presentation(str(path))
    shown = squeezed("".join(t.text or "" for slide in deck.slides for t in slide._element.iter("{*}t")))
    noted = squeezed("".join(slide.notes_slide.notes_text_frame.text for slide in deck.slides if slide.has_notes_slide))
    for text in TEXTS:
        assert squeezed(text) in shown, text
    assert LONG in noted
    assert "W" * 5000 in noted


def test_excel_holds_them_as_text(tmp_path: Path) -> None:
    path = tmp_path / "findings.xlsx"
    names = [*(t for t in TEXTS if "\ud83d" not in t), LONG]  # no layer's file can hold half a letter
    write_findings(path, findings(names), maps_toy.outcomes(), maps_toy.META)
    all_xml(path, "\x00\x07\x1b\ud83d")  # signs that turn the writing stay: a workbook holds the data as they are
    sheet = openpyxl.load_workbook(path).worksheets[0]
    cells = {
        cell.value: cell.data_type for row in sheet.iter_rows(min_row=3) for cell in row if isinstance(cell.value, str)
    }
    for name in names:
        wanted = cell_text(name).replace("_x005F_", "_")
        assert cells.get(wanted) == "s", name
    assert set(cells.values()) == {"s"}


@pytest.mark.parametrize("kind", ["pptx", "xlsx", "docx"])
def test_libreoffice_opens_them(kind: str, tmp_path: Path) -> None:
    path = tmp_path / f"a.{kind}"
    if kind == "pptx":
        write_slides(path, meeting_toy.hostile(), PALETTES)
    elif kind == "xlsx":
        write_findings(path, findings([t for t in TEXTS if "\ud83d" not in t]), maps_toy.outcomes(), maps_toy.META)
    else:
        with open_ledger(tmp_path / "l") as connection:
            append_all(connection, [reports.opened("K1", reports.FIRST, subject_name=TEXTS[0], due_on=reports.FIRST)])
        reports.written(tmp_path, "brief", reports.gather(tmp_path / "l")).rename(path)
    assert opens_in_office(path)
