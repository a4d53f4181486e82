"""Many plot sheets at once: in parallel, finished ones kept by what they are made from, with an index."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import pandas as pd

import geosys
from geosys._text import Text
from geosys.atlas import FEW, Maker, Page, content_key, key_of, make_pages
from geosys.content import hash_file
from geosys.maps.paper.press import open_press, put, typeset_sheet
from geosys.maps.plot_index import IndexRow, index_page
from geosys.maps.plot_page import page_of
from geosys.plot_sheets.archive import read_archive
from geosys.plot_sheets.rules import judged
from geosys.plot_sheets.sheet import entries_of, file_of, open_desk, sheet_of

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from geosys.atlas import Made as MadePage
    from geosys.one_map.composition import OneMapEntry
    from geosys.plot_sheets.archive import Archive, PlotKey
    from geosys.plot_sheets.sheet import PlotFile
    from geosys.workspace import Workspace

FORMATS = ("pdf", "html")
INDEX_HEAD = (
    Text("序号", "No."), Text("编码", "Code"), Text("名称", "Name"), Text("图层", "Layer"), Text("命中", "Hit"), Text("需核查", "Review"),
    Text("临界", "Near"), Text("未评估", "Not assessed"), Text("未命中", "Clear"), Text("页", "Pages"), Text("未能制作的原因", "Fault"),
)  # fmt: skip
_AT_ONCE = 12  # plots whose areas are computed together
_UNSAFE = re.compile(r"[^\w\-]+")
_LONGEST_NAME = 60


@dataclass(frozen=True, slots=True)
class Made:
    """Hold one sheet that was made or kept: its files, pages, how many rules have which outcome; or why it failed."""

    code: str
    layer: str
    name: str
    files: tuple[str, ...]
    pages: int
    outcomes: tuple[tuple[str, int], ...]
    is_kept: bool = False
    fault: str = ""


@dataclass(frozen=True, slots=True)
class Order:
    """Hold what is asked for: where the sheets go, in which formats and language."""

    out: Path
    formats: tuple[str, ...] = FORMATS
    language: str = "zh"


def write_sheets(
    archive: Archive,
    keys: Sequence[PlotKey],
    order: Order,
    progress: Callable[[int, int], None] = lambda _done, _total: None,
    workers: int = 2,
) -> list[Made]:
    """Write the sheets of some plots; one that was finished from the same data and content is kept.

    Parameters
    ----------
    progress
        Called with the sheets done and the sheets to do, kept ones among the done; a sheet counts once it has all its files.
    workers
        Processes; few sheets are made in this one.

    Returns
    -------
    One `Made` a plot in the order of `keys`. A sheet that cannot be made has a `fault`; the others are made all the same.

    Raises
    ------
    WorkspaceError
        When the folder cannot be written, or a worker process died.
    """
    pages = pages_of(archive, keys, order)
    each = len(order.formats)
    open_press(archive.content.catalogue.root / "maps")  # what another process could not open raises here
    opener = partial(_open, archive.workspace, archive.today, archive.content.catalogue.root, order, tuple(keys))
    if workers <= 1 or len(pages) <= FEW * each:  # then what is open here already is used
        workers, opener = 1, partial(SheetMaker, archive, order, tuple(keys))
    made = make_pages(order.out, pages, opener, lambda done, total: progress(done // each, total // each), workers)
    return [_told(key, made[at * each : (at + 1) * each]) for at, key in enumerate(keys)]


def pages_of(archive: Archive, keys: Sequence[PlotKey], order: Order) -> list[Page]:
    """Return the files of some plots as pages, those of one plot one after the other, with what each is made from."""
    base = base_key(archive, order)
    return [
        Page(_id(key, kind), file_name(key, kind), sheet_key(archive, base, key), at * len(order.formats) + i)
        for at, key in enumerate(keys)
        for i, kind in enumerate(order.formats)
    ]


class SheetMaker(Maker):
    """What makes sheets of plots in one process; the areas of plots that follow each other are computed together."""

    def __init__(self, archive: Archive, order: Order, keys: tuple[PlotKey, ...]) -> None:
        self._archive, self._order, self._keys = archive, order, keys
        self._desk, self._press = open_desk(archive), open_press(archive.content.catalogue.root / "maps")
        self._known = {_id(key, kind): (at, kind) for at, key in enumerate(keys) for kind in order.formats}
        self._entries: dict[PlotKey, OneMapEntry] = {}
        self._first = -1  # of the keys whose areas are computed
        self._open: tuple[int, PlotFile] | None = None  # the plot whose files are under way

    def make(self, page: Page) -> tuple[bytes, int, Mapping[str, Any]]:
        """Return one file of a plot, its pages, and how many rules have which outcome."""
        at, kind = self._known[page.id]
        told = self._file(at)
        sheet = sheet_of(self._desk, told, language=self._order.language)
        if kind == "html":
            data, pages = page_of(sheet, self._press).encode("utf-8"), 0
        else:
            files, printed = typeset_sheet(sheet, kind, self._press)
            data, pages = files[0], printed.pages
        counts: dict[str, int] = {}
        for one in judged(self._archive, told.plot, self._desk.margins):
            counts[one.outcome] = counts.get(one.outcome, 0) + 1
        return data, pages, {"name": told.plot.name, "outcomes": dict(sorted(counts.items()))}

    def _file(self, at: int) -> PlotFile:
        """Return what is told of a plot; it is kept for its next file."""
        if self._open is not None and self._open[0] == at:
            return self._open[1]
        first = at // _AT_ONCE * _AT_ONCE
        if first != self._first:
            self._entries, self._first = entries_of(self._desk, self._keys[first : first + _AT_ONCE]), first
        told = file_of(self._desk, self._keys[at], self._entries.get(self._keys[at]))
        self._open = at, told
        return told


def _open(workspace: Workspace, today: dt.date, root: Path, order: Order, keys: tuple[PlotKey, ...]) -> SheetMaker:
    """Open what makes sheets, in a process of its own."""
    return SheetMaker(read_archive(workspace, today, root), order, keys)


def _id(key: PlotKey, kind: str) -> str:
    return f"{key.layer}/{key.code}/{key.row}{'-withheld' * key.is_withheld}/{kind}"


def _told(key: PlotKey, parts: Sequence[MadePage]) -> Made:
    """Return what became of the files of one plot as one."""
    fault = next((one.fault for one in parts if one.fault), "")
    if fault:
        return Made(key.code, key.layer, key.code, (), 0, (), fault=fault)
    outcomes = tuple((str(name), int(count)) for name, count in parts[0].told["outcomes"].items())
    name, files = str(parts[0].told["name"]), tuple(one.file for one in parts)
    pages = max(one.pages for one in parts)
    return Made(key.code, key.layer, name, files, pages, outcomes, is_kept=all(one.is_kept for one in parts))


def write_index(archive: Archive, made: Sequence[Made], order: Order) -> list[Path]:
    """Write the index of many sheets as a page with links and as a table; return both paths."""
    words, outcomes = INDEX_HEAD, ("hit", "needs_review", "near", "not_assessed", "clear")
    rows, table = [], []
    for at, one in enumerate(made, 1):
        title = archive.layer_spec(one.layer).title
        counts = dict(one.outcomes)
        figures = [str(counts.get(name, 0)) for name in outcomes]
        said = one.fault or ""
        rows.append(IndexRow((str(at), one.code, one.name, title, *figures, str(one.pages or ""), said), one.files))
        table.append([at, one.code, one.name, one.layer, *figures, one.pages, ";".join(one.files), said])
    spec, place = archive.spec, archive.workspace.title
    heading = Text(f"{place.zh} {spec.title.zh}目录", f"{place.en}: index of plot sheets")
    mark = archive.workspace.mark
    marks = [spec.notice, *([mark] if mark else [])]
    note = Text(
        f"{archive.today.isoformat()}，{len(made)} 块；未评估不等于没有风险。",
        f"{archive.today.isoformat()}, {len(made)} plots; not assessed is not safe.",
    )
    page = index_page(heading, marks, note, words, rows, order.language)
    path = order.out / "index.csv"
    columns = ["no", "code", "name", "layer", *outcomes, "pages", "files", "fault"]
    cells = pd.DataFrame(table, columns=columns).to_csv(index=False, lineterminator="\n")
    put({order.out / "index.html": page.encode("utf-8", "replace"), path: cells.encode("utf-8-sig", "replace")})
    return [order.out / "index.html", path]


def file_name(key: PlotKey, kind: str) -> str:
    """Return a sheet's file name: code and layer, without signs that a file system may not have.

    Examples
    --------
    >>> from geosys.plot_sheets.archive import PlotKey
    >>> file_name(PlotKey("plots", "410299W0025", 0), "pdf")
    '410299W0025_plots.pdf'
    >>> file_name(PlotKey("plots", "../a/b", 0), "pdf")
    '_a_b-8e7e11_plots.pdf'
    """
    safe = _UNSAFE.sub("_", key.code)[:_LONGEST_NAME]
    if safe != key.code:
        safe += f"-{hashlib.sha256(key.code.encode('utf-8', 'replace')).hexdigest()[:6]}"
    return f"{safe}_{key.layer}.{kind}"


def base_key(archive: Archive, order: Order) -> str:
    """Return the hash of what all sheets are made from: program, content, layer versions, results, day, language."""
    out = archive.workspace.out
    results = [
        hash_file(out / name) for name in ("results.gpkg", "outcomes.csv") if archive.run and (out / name).exists()
    ]
    versions = sorted((name, layer.version) for name, layer in archive.layers.items())
    told: list[Any] = [
        geosys.__version__, content_key(archive.content.catalogue.root), versions, results,
        archive.run.manifest["as_of"] if archive.run else None, archive.today, order.language,
        [(d.layer, d.name) for d in archive.workspace.deliveries], repr(archive.workspace.title), repr(archive.workspace.mark),
        archive.workspace.crs,
    ]  # fmt: skip
    return key_of(told)


def sheet_key(archive: Archive, base: str, key: PlotKey) -> str:
    """Return the hash of what one sheet is made from: the common things, the plot, its cases and their steps."""
    cases: list[Any] = []
    if archive.cases is not None:
        mine = archive.cases[(archive.cases["subject_layer"] == key.layer) & (archive.cases["subject_id"] == key.code)]
        cases = [[row, archive.events[row["case_id"]].to_dict("records")] for row in mine.to_dict("records")]
    told = [base, key.layer, key.code, key.is_withheld, archive.cases is None, cases]
    return key_of(told)
