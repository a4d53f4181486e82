"""Many plot sheets at once: in parallel, finished ones kept by what they are made from, with an index."""

from __future__ import annotations

import hashlib
import json
import multiprocessing
import os
import re
import threading
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import pandas as pd

import geosys
from geosys._errors import GeoSysError, WorkspaceError
from geosys._text import Text
from geosys.content import hash_file
from geosys.layers.store import write_table
from geosys.maps.paper.press import compose, open_press, put
from geosys.maps.plot_index import IndexRow, index_page
from geosys.maps.plot_page import page_of
from geosys.plot_sheets.archive import read_archive
from geosys.plot_sheets.rules import judged
from geosys.plot_sheets.sheet import entries_of, file_of, open_desk, sheet_of

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from geosys.maps.paper.press import Press
    from geosys.one_map.composition import OneMapEntry
    from geosys.plot_sheets.archive import Archive, PlotKey
    from geosys.plot_sheets.sheet import Desk
    from geosys.workspace import Workspace

KEPT = ".sheets"  # below the folder of sheets: what each finished sheet was made from
FORMATS = ("pdf", "html")
INDEX_HEAD = (
    Text("序号", "No."), Text("编码", "Code"), Text("名称", "Name"), Text("图层", "Layer"), Text("命中", "Hit"), Text("需核查", "Review"),
    Text("临界", "Near"), Text("未评估", "Not assessed"), Text("未命中", "Clear"), Text("页", "Pages"), Text("未能制作的原因", "Fault"),
)  # fmt: skip
_AT_ONCE = 12  # sheets of one task: their areas are computed together
_FEW = 6  # sheets that are made without starting other processes
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
        Called with the sheets done and the sheets to do, kept ones among the done.
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
    (order.out / KEPT).mkdir(parents=True, exist_ok=True)
    base = base_key(archive, order)
    todo: list[PlotKey] = []
    found: dict[PlotKey, Made] = {}
    for key in keys:
        kept = _kept(order, key, sheet_key(archive, base, key))
        if kept is None:
            todo.append(key)
        else:
            found[key] = kept
    progress(len(found), len(keys))
    size = _AT_ONCE if len(todo) > _FEW else 1
    tasks = [todo[i : i + size] for i in range(0, len(todo), size)]
    for done in _work(archive, tasks, order, base, workers if size > 1 else 1):
        found |= done
        progress(len(found), len(keys))
    return [found[key] for key in keys]


def _work(
    archive: Archive, tasks: Sequence[Sequence[PlotKey]], order: Order, base: str, workers: int
) -> Iterator[dict[PlotKey, Made]]:
    """Yield the sheets of each task as they are finished."""
    root = archive.content.catalogue.root
    if not tasks:
        return
    if workers <= 1:
        bench = _Bench(open_desk(archive), open_press(root / "maps"), order, base)
        yield from map(bench.make, tasks)
        return
    spawned = multiprocessing.get_context("spawn")  # a fork would copy threads of other packages half-way
    started = (archive.workspace, archive.today, root, order, base)
    try:
        with ProcessPoolExecutor(min(workers, len(tasks)), spawned, _open_bench, started) as pool:
            waiting = [pool.submit(_make, task) for task in tasks]
            try:
                for future in as_completed(waiting):
                    yield future.result()
            finally:
                for future in waiting:
                    future.cancel()
    except BrokenProcessPool:
        raise WorkspaceError(
            "plot sheets: got a worker process that died (out of memory, or killed), expected it to finish. "
            "Run the same command again, with --workers 1 if it happens again: finished sheets are kept."
        ) from None


@dataclass(frozen=True, slots=True)
class _Bench:
    """Hold where sheets are made: the desk, the press, the order."""

    desk: Desk
    press: Press
    order: Order
    base: str

    def make(self, keys: Sequence[PlotKey]) -> dict[PlotKey, Made]:
        """Make the sheets of some plots; a fault of one of them is noted with it."""
        entries = entries_of(self.desk, keys)
        return {key: self._make(key, entries.get(key)) for key in keys}

    def _make(self, key: PlotKey, entry: OneMapEntry | None) -> Made:
        order, archive = self.order, self.desk.archive
        try:
            told = file_of(self.desk, key, entry)
            sheet = sheet_of(self.desk, told, language=order.language)
            pages = 0
            for kind in order.formats:
                path = order.out / file_name(key, kind)
                if kind == "html":
                    put({path: page_of(sheet, self.press).encode("utf-8")})
                else:
                    pages = compose(sheet, path, self.press).pages
        except GeoSysError as error:
            if isinstance(error, WorkspaceError):  # a full disk stops all of them
                raise
            return Made(key.code, key.layer, key.code, (), 0, (), fault=str(error))
        counts: dict[str, int] = {}
        for one in judged(archive, told.plot, self.desk.margins):
            counts[one.outcome] = counts.get(one.outcome, 0) + 1
        files = tuple(file_name(key, kind) for kind in order.formats)
        made = Made(key.code, key.layer, told.plot.name, files, pages, tuple(sorted(counts.items())))
        sums = {name: hash_file(order.out / name) for name in files}
        note = {"key": sheet_key(archive, self.base, key), "made": asdict(made), "files": sums}
        put({_note(order, key): json.dumps(note, ensure_ascii=False, sort_keys=True).encode("utf-8", "replace")})
        return made


_BENCH: list[_Bench] = []  # of a worker process: opened once, before its first task


def _open_bench(workspace: Workspace, today: dt.date, root: Path, order: Order, base: str) -> None:
    threading.Thread(target=_end_with_parent, daemon=True).start()
    archive = read_archive(workspace, today, root)
    _BENCH[:] = [_Bench(open_desk(archive), open_press(root / "maps"), order, base)]


def _end_with_parent() -> None:
    """End this worker when the process that started it is killed: it would wait for tasks for ever."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _make(keys: Sequence[PlotKey]) -> dict[PlotKey, Made]:
    return _BENCH[0].make(keys)


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
    put({order.out / "index.html": page.encode("utf-8", "replace")})
    write_table(path, pd.DataFrame(table, columns=columns))
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


def _note(order: Order, key: PlotKey) -> Path:
    return order.out / KEPT / file_name(key, "json")


def _kept(order: Order, key: PlotKey, made_from: str) -> Made | None:
    """Return a sheet that was finished from the same things and whose files are as they were; None for any other."""
    try:
        note = json.loads(_note(order, key).read_text(encoding="utf-8"))
        if note["key"] != made_from or set(note["files"]) != {file_name(key, kind) for kind in order.formats}:
            return None
        if any(hash_file(order.out / name) != digest for name, digest in note["files"].items()):
            return None
        made = note["made"]
        outcomes = tuple((str(name), int(count)) for name, count in made["outcomes"])
        return Made(key.code, key.layer, made["name"], tuple(made["files"]), made["pages"], outcomes, is_kept=True)
    except (OSError, ValueError, KeyError, TypeError):
        return None


def base_key(archive: Archive, order: Order) -> str:
    """Return the hash of what all sheets are made from: program, content, layer versions, results, day, formats."""
    root = archive.content.catalogue.root
    content = [(path.relative_to(root).as_posix(), hash_file(path)) for path in _content_files(root)]
    out = archive.workspace.out
    results = [
        hash_file(out / name) for name in ("results.gpkg", "outcomes.csv") if archive.run and (out / name).exists()
    ]
    told: list[Any] = [
        geosys.__version__, content, sorted((name, layer.version) for name, layer in archive.layers.items()), results,
        archive.run.manifest["as_of"] if archive.run else None, archive.today, order.formats, order.language,
        [(d.layer, d.name) for d in archive.workspace.deliveries], repr(archive.workspace.title), repr(archive.workspace.mark),
        archive.workspace.crs,
    ]  # fmt: skip
    return hashlib.sha256(json.dumps(told, default=str, ensure_ascii=False).encode()).hexdigest()


def _content_files(root: Path) -> list[Path]:
    rooms = ("layers", "cases", "maps")
    return sorted(p for room in rooms for p in (root / room).rglob("*") if p.suffix in (".toml", ".csv"))


def sheet_key(archive: Archive, base: str, key: PlotKey) -> str:
    """Return the hash of what one sheet is made from: the common things, the plot, its cases and their steps."""
    cases: list[Any] = []
    if archive.cases is not None:
        mine = archive.cases[(archive.cases["subject_layer"] == key.layer) & (archive.cases["subject_id"] == key.code)]
        cases = [[row, archive.events[row["case_id"]].to_dict("records")] for row in mine.to_dict("records")]
    told = [base, key.layer, key.code, key.is_withheld, archive.cases is None, cases]
    return hashlib.sha256(json.dumps(told, default=str, ensure_ascii=False).encode("utf-8", "replace")).hexdigest()
