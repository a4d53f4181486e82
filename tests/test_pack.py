"""The pack of a meeting: its spec, figures and changes counted by hand, who may see it, and a folder that is whole or not there."""

from __future__ import annotations

import datetime as dt
import errno
import hashlib
import io
import json
import shutil
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import geopandas as gpd
import openpyxl
import pandas as pd
import pytest
import shapely
from conftest import ROOT
from hypothesis import given
from hypothesis import strategies as st
from maps_toy import finding
from PIL import Image
from test_sheets import CRS, X, Y, toy_frames, workspace_at

import geosys
from geosys._errors import DisclosureError, SpecError, WorkspaceError
from geosys.cases.ledger.database import open_ledger
from geosys.cases.ledger.events import MACHINE, Event, append_all
from geosys.cases.ledger.evidence import attach_files
from geosys.cases.ledger.evidence_store import EVIDENCE, staged
from geosys.cases.ledger.evidence_terms import read_evidence_terms
from geosys.cases.ledger.moves import move_case
from geosys.cases.workflow import read_workflow
from geosys.cli import pack_command
from geosys.layers.vector_files import write_geopackage
from geosys.maps.meeting.spec import MeetingSpec, load_meetings, meeting_named
from geosys.maps.paper.press import Press, open_press
from geosys.packs import folder as packs
from geosys.packs.figures import FIGURES, FLOWS, STOCKS
from geosys.packs.map_page import built, is_present, map_page
from geosys.packs.material import Material, open_material
from geosys.packs.meeting import for_slides, known_words, meeting_of, read_meetings
from geosys.packs.present import findings_now
from geosys.packs.register import FILE, Held, last_meeting, note_pack, read_register, since_of
from geosys.reports.situation import figures
from geosys.rooms import read_content
from geosys.workspace import read_workspace

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

CONTENT = read_content()
WORKFLOW = read_workflow(ROOT)
KNOWN = known_words(CONTENT)
FIRST, SINCE, DAY = dt.date(2026, 8, 1), dt.date(2026, 8, 31), dt.date(2026, 9, 30)
REDLINE, ZONE, OUTFALL = "contaminated_plot_in_redline", "contaminated_plot_in_source_zone", "outfall_in_redline"
HOSTILE = "=cmd|'/c calc'!A1</script><script>alert(7)</script>`${8}`\u202e"
SPEC = """
title = { zh = "会商", en = "Meeting" }
[deck]
most_issues = 1
most_rows   = 1
[pictures]
most     = 2
around_m = 300
layers   = ["farmland_class"]
[[items]]
title    = { zh = "总体", en = "All" }
figures  = ["open", "overdue", "new", "dismissed", "total"]
rates    = ["outfall_fixed"]
listings = ["changes", "cases"]
[[items]]
title    = { zh = "地块", en = "Plots" }
minutes  = 20
charts   = ["outfall_rates.3"]
sheets   = ["outfall_rates", "black_odorous"]
issues   = { severity = ["critical", "high"], most = 5 }
plots    = { layers = ["contaminated_plot"], most = 1, columns = { contaminated_plot = ["stage"] } }
listings = ["outfalls", "findings"]
[listings.cases]
title = { zh = "在办事项", en = "Open" }
of    = "cases"
sort  = ["-due_on", "case_id"]
[listings.findings]
title = { zh = "线索", en = "Findings" }
of    = "findings"
where = { severity = "critical" }
[listings.outfalls]
title   = { zh = "排污口", en = "Outfalls" }
of      = "layer"
layer   = "outfall"
columns = ["outfall_code", "outfall_name", "rectify_state", "is_traced"]
sort    = ["-outfall_code"]
most    = 4
"""


def spec_of(folder: Path, text: str = SPEC, name: str = "toy") -> MeetingSpec:
    (folder / "meetings").mkdir(parents=True, exist_ok=True)
    (folder / "meetings" / f"{name}.toml").write_text(text, encoding="utf-8")
    return load_meetings(folder, KNOWN)[name]


def case(name: str, day: dt.date, rule: str, subject: str, due: dt.date | None, **more: Any) -> Event:
    told = {
        "finding_id": f"F{name}", "rule": rule, "subject_layer": "contaminated_plot", "subject_id": subject, "subject_name": f"地块{subject}",
        "object_id": "", "found_on": day, "due_on": due, "lead": "ecology", "seen": "present", "status": "found",
    } | more  # fmt: skip
    return Event(name, "found", day, MACHINE, {key: (None, value) for key, value in told.items()}, reason=f"说明{name}")


def found_by_run(
    name: str, rule: str, subject: str, severity: str, place: shapely.Geometry, **more: Any
) -> dict[str, Any]:
    row = finding(
        1, finding_id=f"F{name}", case_id=name, rule=rule, subject_id=subject, subject_layer="contaminated_plot", severity=severity,
        subject_name=f"地块{subject}", object_layer="ecological_redline", object_id="H1", object_name="红线", found_on=str(FIRST), due_on=None,
        sentence_zh=f"句{name}", sentence_en=f"Words {name}",
    )  # fmt: skip
    return {**row, **more, "geometry": place}


def workspace(root: Path) -> Path:
    """Write a county with four cases.

    C1 is overdue since 10 September, C2 is due in December, C3 (an outfall with a hostile name) is new since the last
    meeting, C4 was dismissed on 20 September and is found no more.
    """
    frames = toy_frames()
    frames["outfall"].loc[4, "outfall_name"] = HOSTILE
    workspace_at(root, frames)
    rows = [
        found_by_run("C1", REDLINE, "W1", "high", shapely.Point(X + 1100, Y + 7075), due_on="2026-09-10"),
        found_by_run("C2", ZONE, "W1", "critical", shapely.Point(X + 1100, Y + 7075), due_on="2026-12-01"),
        found_by_run("C3", OUTFALL, "outfall-4", "critical", shapely.Point(X + 2100, Y + 5000), subject_layer="outfall", subject_name=HOSTILE),
    ]  # fmt: skip
    out = root / "out"
    (out / "results.gpkg").unlink()
    texts = [
        {k: None if v is None else str(v) if isinstance(v, dt.date) else v for k, v in row.items()} for row in rows
    ]
    write_geopackage(
        out / "results.gpkg", {"findings": gpd.GeoDataFrame(texts, geometry="geometry", crs=CRS)}, "2026-09-30"
    )
    told = json.loads((out / "manifest.json").read_text(encoding="utf-8"))
    told |= {
        "program": f"GeoSys {geosys.__version__}", "rules": {name: rule.version for name, rule in CONTENT.book.rules.items()},
        "outcomes": [{"rule": REDLINE, "hit": 2, "near": 0, "clear": 1, "not_assessed": 0, "needs_review": 0, "why_zh": "", "why_en": ""}],
    }  # fmt: skip
    (out / "manifest.json").write_text(json.dumps(told), encoding="utf-8")
    with open_ledger(root / "cases.sqlite") as connection:
        append_all(connection, [
            case("C1", FIRST, REDLINE, "W1", dt.date(2026, 9, 10)), case("C2", FIRST, ZONE, "W1", dt.date(2026, 12, 1)),
            case("C4", FIRST, REDLINE, "W2", None),
        ])  # fmt: skip
        append_all(
            connection,
            [
                case(
                    "C3",
                    dt.date(2026, 9, 15),
                    OUTFALL,
                    "outfall-4",
                    None,
                    subject_layer="outfall",
                    subject_name=HOSTILE,
                )
            ],
        )
        move_case(
            connection,
            "C4",
            "dismiss",
            WORKFLOW,
            today=dt.date(2026, 9, 20),
            reason="重复",
            actor="张三",
            second_person="李四",
        )
    return root


def quiet(stage: str, done: int, total: int) -> None:
    assert 0 <= done <= total, stage


@pytest.fixture(scope="session")
def press() -> Press:
    return open_press(ROOT / "maps")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return workspace(tmp_path_factory.mktemp("county") / "w")


@pytest.fixture
def county(made: Path, tmp_path: Path) -> Path:
    return shutil.copytree(made, tmp_path / "w")


def material_of(root: Path, spec: MeetingSpec, **given: Any) -> Material:
    plan = read_workspace(root, CONTENT.catalogue)
    return open_material(plan, CONTENT, spec, DAY, quiet, **({"since": SINCE} | given))


# --- the spec ---


def test_the_meetings_of_the_content_are_sound() -> None:
    meetings = read_meetings(CONTENT)
    assert set(meetings) == {"planning", "water", "dispatch"}
    assert all(one.items and one.audience == "internal" for one in meetings.values())


def test_every_fault_of_a_meeting_is_told_at_once(tmp_path: Path) -> None:
    text = (
        SPEC.replace('"open"', '"opne"')
        .replace("outfall_rates.3", "outfall_rates.33")
        .replace('"black_odorous"', '"black"')
    )
    text = (
        text.replace('severity = ["critical"', 'severity = ["criticl"')
        .replace('"outfall_fixed"', '"outfall_fixd"')
        .replace('"-outfall_code"', '"-code"')
    )
    with pytest.raises(SpecError) as raised:
        spec_of(tmp_path, text.replace("minutes  = 20", "minutes = -1").replace("layers   = [", "layer = ["))
    said = str(raised.value)
    for word in (
        "opne",
        "outfall_rates.33",
        "'black'",
        "criticl",
        "outfall_fixd",
        "'code'",
        "-1",
        "'layer'",
        "Did you mean 'open'?",
    ):
        assert word in said, word


@pytest.mark.parametrize(("name", "nearest"), [("planing", "planning"), ("watr", "water")])
def test_an_unknown_meeting_is_refused_with_the_nearest(name: str, nearest: str) -> None:
    with pytest.raises(SpecError, match=f"Did you mean '{nearest}'"):
        meeting_named(read_meetings(CONTENT), name)


# --- what it says ---


@pytest.fixture(scope="module")
def toy(made: Path, tmp_path_factory: pytest.TempPathFactory) -> Material:
    return material_of(made, spec_of(tmp_path_factory.mktemp("spec")))


@pytest.fixture(scope="module")
def content(toy: Material, press: Press) -> Any:
    return meeting_of(toy, press, [], quiet)


def test_figures_of_cases_are_those_counted_by_hand(toy: Material, content: Any) -> None:
    told = {one.id: (one.value, one.before, one.change, one.is_worse) for one in content.figures}
    assert told["open"] == ("3", "3", "±0", None)  # C1 C2 C3; before C1 C2 C4
    assert told["overdue"] == ("1", "0", "+1", True)  # C1
    assert told["new"] == ("1", "", "", None)  # C3
    assert told["dismissed"] == ("1", "0", "+1", None)  # C4
    assert told["total"] == ("4", "3", "+1", None)
    assert set(figures(toy.found)) == set(FIGURES)
    assert not set(STOCKS) & set(FLOWS)


def test_a_rate_is_told_with_its_bounds_and_what_it_rests_on(content: Any) -> None:
    fixed = next(one for one in content.figures if one.id == "outfall_fixed")
    assert fixed.value == "50.0 %–66.7 %"  # 3 of 6 are done, of one nothing is known
    assert "3/5，未知 1" in fixed.told.zh
    assert "outfall_fixed" in fixed.told.zh


def test_changes_are_those_since_the_last_meeting(content: Any) -> None:
    rows = [(row[0], row[1]) for row in content.changes.rows]
    assert rows == [("新增", "C3"), ("流转", "C4")]
    assert content.changes.rows[1][5] == "张三"


def test_issues_are_the_gravest_open_cases_with_their_findings(content: Any) -> None:
    first, second, third, plot = content.issues
    assert [one.id for one in (first, second, third)] == [
        "C2",
        "C3",
        "C1",
    ]  # critical with a date, critical without, high
    assert (first.severity, first.status, first.sentence.zh) == ("critical", "found", "句C2")
    facts = {name.en: str(value) for name, value in third.facts}
    assert facts["Measured"] == "12.50 m"
    assert "逾期 20 天" in facts["Due"]
    assert [(day, str(what)) for day, what, _ in third.history] == [(FIRST, "发现")]
    assert "交办给牵头单位" in str(third.next_step)
    assert first.picture.startswith(b"\x89PNG")
    assert not third.picture  # the spec asks for two
    assert plot.id == "W1"
    assert plot.severity == "critical"
    assert "句C2；句C1" in plot.sentence.zh
    assert first.place.startswith("#c=11")
    assert first.place.endswith("&sel=FC2")


def test_tables_hold_values_of_their_kind_in_the_order_asked_for(content: Any) -> None:
    cases, outfalls, findings = content.listings
    assert [row[0] for row in cases.rows] == ["C2", "C1", "C3", "C4"]  # latest date first, none last
    assert cases.rows[0][6] == dt.date(2026, 12, 1)
    assert (outfalls.total, [row[0] for row in outfalls.rows]) == (6, ["P5", "P4", "P3", "P2"])
    assert outfalls.rows[1][1] == HOSTILE
    assert [one.kind for one in outfalls.columns] == ["text", "text", "word", "word"]
    assert [row[-1] for row in findings.rows] == ["C2", "C3"]


def test_slides_show_less_and_say_so(toy: Material, content: Any) -> None:
    slides = for_slides(content, toy.spec)
    assert [one.id for one in slides.issues] == ["C2"]
    assert [list(item.issues) for item in slides.items] == [[], ["C2"]]
    assert all(len(one.rows) <= 1 for one in slides.listings)
    assert slides.listings[1].total == 6
    assert "幻灯片列出 1 个议题页" in slides.lacking[-1].zh


def test_a_first_meeting_compares_with_nothing(made: Path, toy: Material, press: Press) -> None:
    first = material_of(made, toy.spec, since=None, is_first=True)
    told = meeting_of(first, press, [], quiet)
    values = {one.id: (one.value, one.before, one.change) for one in told.figures}
    assert values["new"] == ("—", "", "")
    assert values["open"] == ("3", "", "")
    assert (told.since, told.changes.total) == (None, 0)
    assert first.found.since == FIRST - dt.timedelta(days=1)  # the brief counts from the day before the ledger began


def test_findings_stand_as_their_cases_do() -> None:
    frame = pd.DataFrame({
        "finding_id": ["a", "b", "c"], "case_id": ["A", "B", ""], "status": ["found"] * 3, "seen": ["present"] * 3,
        "due_on": ["2026-09-01", None, None], "found_on": ["2026-08-01"] * 3,
    })  # fmt: skip
    agenda = pd.DataFrame(
        {"status": ["closed", "found"], "seen": ["present"] * 2, "due_on": [dt.date(2026, 9, 1), None]},
        index=["A", "B"],
    )
    now, moved = findings_now(frame, agenda, WORKFLOW)  # type: ignore[arg-type]
    assert list(now["status"]) == ["closed", "found", "found"]
    assert list(now["due_on"]) == [dt.date(2026, 9, 1), None, None]
    assert moved == {"a"}


def dismiss(county: Path) -> None:
    with open_ledger(county / "cases.sqlite") as connection:
        move_case(
            connection,
            "C1",
            "dismiss",
            WORKFLOW,
            today=dt.date(2026, 9, 25),
            reason="误报",
            actor="张三",
            second_person="李四",
        )


def test_what_is_stale_is_said(county: Path, toy: Material, press: Press) -> None:
    dismiss(county)
    told = json.loads((county / "out" / "manifest.json").read_text(encoding="utf-8"))
    told["layers"]["outfall"]["version"], told["as_of"], told["rules"][REDLINE] = "0", "2026-09-01", "0"
    (county / "out" / "manifest.json").write_text(json.dumps(told), encoding="utf-8")
    stale = material_of(county, toy.spec)
    assert not is_present(stale)
    said = "\n".join(text.zh for text in meeting_of(stale, press, [], quiet).lacking)
    for words in (
        "2026-09-01 运行的结果",
        "入河排污口",
        "1 条规则在上次运行之后有变化",
        "1 条线索的事项在运行之后有流转",
    ):
        assert words in said
    assert "dismissed" in set(stale.findings["status"])


def test_photographs_are_copies_without_what_the_camera_wrote(
    county: Path, toy: Material, press: Press, tmp_path: Path
) -> None:
    photo, exif = tmp_path / "张三家门口.jpg", Image.Exif()
    exif[0x010E] = "secret place"
    Image.new("RGB", (40, 30), (200, 30, 30)).save(photo, exif=exif)
    terms = read_evidence_terms(ROOT)
    with staged(county / EVIDENCE, [photo], terms) as files, open_ledger(county / "cases.sqlite") as connection:
        attach_files(connection, county / EVIDENCE, "C2", files, terms, actor="张三", today=dt.date(2026, 9, 28))
    told = meeting_of(material_of(county, toy.spec), press, [], quiet)
    issue = next(one for one in told.issues if one.id == "C2")
    ((data, caption),) = issue.photos
    assert caption == "C2-01（2026-09-28）"
    assert b"secret" in photo.read_bytes()
    assert b"secret" not in data
    assert Image.open(io.BytesIO(data)).size == (40, 30)
    assert [str(what) for _, what, _ in issue.history] == ["发现", "提交材料"]


# --- since when ---


def test_the_last_pack_is_the_last_meeting(tmp_path: Path) -> None:
    for meeting, day in (("a", FIRST), ("a", SINCE), ("b", DAY), ("a", DAY)):
        note_pack(tmp_path, Held(meeting, day, "", "p", "0", "GeoSys"))
    note_pack(tmp_path, Held("a", SINCE, "", "again", "1", "GeoSys"))
    held = read_register(tmp_path)
    assert len(held) == 4
    assert last_meeting(held, "a", DAY) == SINCE  # the pack of the same day is made anew, not followed
    assert last_meeting(held, "b", DAY) is None
    assert since_of(held, "a", DAY, FIRST, None) == SINCE
    assert since_of(held, "a", DAY, FIRST, FIRST) == FIRST
    assert since_of(held, "b", DAY, FIRST, None, is_first=True) is None
    assert since_of([], "b", DAY, DAY, None) is None  # the ledger began today: nothing can have changed
    assert since_of([], "b", DAY, None, None) is None
    with pytest.raises(WorkspaceError, match="Give --since DATE"):
        since_of(held, "b", DAY, FIRST, None)
    (tmp_path / FILE).write_text("meeting,day,since,folder,manifest,program\na,gestern,,,,\n", encoding="utf-8")
    with pytest.raises(WorkspaceError, match="line 2: got the day 'gestern'"):
        read_register(tmp_path)


@given(
    days=st.lists(st.dates(dt.date(2026, 1, 1), dt.date(2026, 12, 31)), max_size=6),
    day=st.dates(dt.date(2026, 1, 1), dt.date(2026, 12, 31)),
)
def test_the_last_meeting_is_always_before_the_day(days: list[dt.date], day: dt.date) -> None:
    last = last_meeting([Held("a", one, "", "", "", "") for one in days], "a", day)
    assert last == max((one for one in days if one < day), default=None)


@pytest.mark.parametrize("since", [DAY, DAY + dt.timedelta(days=1)])
def test_a_last_meeting_that_is_not_before_this_one_is_refused(made: Path, toy: Material, since: dt.date) -> None:
    with pytest.raises(WorkspaceError, match="expected a day before the meeting's, 2026-09-30"):
        material_of(made, toy.spec, since=since)


def test_an_unknown_last_meeting_is_asked_for(made: Path, toy: Material) -> None:
    with pytest.raises(
        WorkspaceError, match=r"packs\.csv tells of no pack before 2026-09-30, and the ledger goes back to 2026-08-01"
    ):
        material_of(made, toy.spec, since=None)


def test_without_a_run_there_is_no_pack(county: Path, toy: Material) -> None:
    shutil.rmtree(county / "out")
    with pytest.raises(WorkspaceError, match="got no results of a run"):
        material_of(county, toy.spec)


# --- who may see it ---


def test_a_pack_for_a_wider_audience_is_refused(county: Path, toy: Material, press: Press, tmp_path: Path) -> None:
    shared = replace(toy, spec=replace(toy.spec, audience="shared"), plan=replace(toy.plan, root=county))
    with pytest.raises(DisclosureError) as raised:
        packs.write_pack(shared, tmp_path / "p", press, quiet)
    for words in ("map of findings", "item 1: cases", "listing 'changes'", "layer outfall", "sheet 'outfall_rates'"):
        assert words in str(raised.value)
    assert not (tmp_path / "p").exists()
    assert not (county / FILE).exists()


# --- the folder ---


@pytest.fixture(scope="module")
def pack(made: Path, toy: Material, press: Press, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a pack in its workspace."""
    root = shutil.copytree(made, tmp_path_factory.mktemp("pack") / "w")
    packs.write_pack(material_of(root, toy.spec), root / "packs" / "p", press, quiet)
    return root / "packs" / "p"


def test_a_pack_has_all_files_and_their_hashes(pack: Path) -> None:
    told = json.loads((pack / "manifest.json").read_text(encoding="utf-8"))
    there = {path.relative_to(pack).as_posix() for path in pack.rglob("*") if path.is_file()}
    assert there == {
        "index.html",
        "map.html",
        "slides.pptx",
        "brief.docx",
        "tables.xlsx",
        "manifest.json",
        "sheets/outfall_rates.pdf",
    }
    assert there - {"manifest.json"} == set(told["files"])
    assert all(
        hashlib.sha256((pack / name).read_bytes()).hexdigest() == digest for name, digest in told["files"].items()
    )
    assert (told["kind"], told["day"], told["since"]) == ("meeting_pack", "2026-09-30", "2026-08-31")
    assert any("黑臭水体治理图" in text for text in told["lacking"])  # no such layer: said, and the rest made
    (held,) = read_register(pack.parent.parent)
    assert (held.meeting, held.day, held.since, held.folder) == ("toy", DAY, "2026-08-31", "packs/p")
    assert held.manifest == hashlib.sha256((pack / "manifest.json").read_bytes()).hexdigest()


def test_the_same_twice_gives_the_same_bytes(
    county: Path, toy: Material, pack: Path, press: Press, tmp_path: Path
) -> None:
    again = replace(
        toy, plan=replace(toy.plan, root=county)
    )  # the content of another test has been collected from it already
    packs.write_pack(again, tmp_path / "p", press, quiet)
    for path in sorted(pack.rglob("*")):
        if path.is_file():
            assert path.read_bytes() == (tmp_path / "p" / path.relative_to(pack)).read_bytes(), path.name


def test_the_map_is_that_of_the_run_until_a_case_moves(county: Path, toy: Material) -> None:
    (county / "out" / "map.html").write_text("the run's map", encoding="utf-8")
    before = material_of(county, toy.spec)
    assert map_page(before) == "the run's map"
    dismiss(county)
    anew = map_page(material_of(county, toy.spec))
    assert anew.startswith("<!DOCTYPE html>")
    assert anew != built(before)  # the state of the case stands on it


def test_hostile_names_are_text_in_page_and_workbook(pack: Path) -> None:
    for name in ("index.html", "map.html"):
        assert "<script>alert(7)" not in (pack / name).read_text(encoding="utf-8")
    book = openpyxl.load_workbook(pack / "tables.xlsx")
    cells = [
        cell
        for sheet in book
        for row in sheet.iter_rows()
        for cell in row
        if isinstance(cell.value, str) and "calc" in cell.value
    ]
    assert cells
    assert all(cell.data_type == "s" for cell in cells)
    assert {"指标 Figures", "变化 Changes", "在办事项", "排污口", "线索", "议题 Issues"} <= set(book.sheetnames)
    outfalls = book["排污口"]
    assert [cell.value for cell in outfalls["A"]][2:] == ["P5", "P4", "P3", "P2"]


@pytest.mark.parametrize("fault", [OSError(errno.ENOSPC, "No space left on device"), KeyboardInterrupt()])
def test_an_interrupted_run_leaves_the_old_pack_and_nothing_else(
    county: Path, toy: Material, press: Press, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: BaseException
) -> None:  # fmt: skip
    place = tmp_path / "packs" / "p"
    place.mkdir(parents=True)
    (place / "manifest.json").write_text('{"kind": "meeting_pack", "files": {}}', encoding="utf-8")
    before = (place / "manifest.json").read_bytes()

    def broken(*_: object) -> None:
        raise fault

    monkeypatch.setattr(packs, "write_tables", broken)
    monkeypatch.setattr(packs, "_sheets", lambda *_: [])
    with pytest.raises(WorkspaceError if isinstance(fault, OSError) else KeyboardInterrupt):
        packs.write_pack(replace(toy, plan=replace(toy.plan, root=county)), place, press, quiet)
    assert [path.name for path in place.parent.iterdir()] == ["p"]
    assert (place / "manifest.json").read_bytes() == before
    assert not (county / FILE).exists()


def _file(place: Path) -> None:
    place.write_text("mine", encoding="utf-8")


def _folder_of_others(place: Path) -> None:
    place.mkdir()
    (place / "mine.txt").write_text("mine", encoding="utf-8")


def _pack_with_more(place: Path) -> None:
    _folder_of_others(place)
    (place / "manifest.json").write_text('{"kind": "meeting_pack", "files": {"index.html": ""}}', encoding="utf-8")


def _run(place: Path) -> None:
    place.mkdir()
    (place / "manifest.json").write_text('{"layers": {}}', encoding="utf-8")


@pytest.mark.parametrize("fill", [_file, _folder_of_others, _pack_with_more, _run])
def test_a_place_that_is_no_pack_is_never_replaced(tmp_path: Path, fill: Callable[[Path], None]) -> None:
    fill(tmp_path / "p")
    with pytest.raises(WorkspaceError, match="--out p: got"):
        packs.check_place(tmp_path / "p", tmp_path / "w")
    with pytest.raises(WorkspaceError, match="holds the workspace"):
        packs.check_place(tmp_path, tmp_path / "w")


def test_the_command_lists_the_meetings_and_says_what_is_wrong(
    county: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pack_command.pack(as_json=True)
    assert {row["meeting"] for row in json.loads(capsys.readouterr().out)} == {"planning", "water", "dispatch"}
    with pytest.raises(WorkspaceError, match="--language: got 'cn'"):
        pack_command.pack("planning", language="cn")
    with pytest.raises(WorkspaceError, match="--since: got 'gestern'"):
        pack_command.pack("planning", since="gestern", workspace=county)
