"""Many pages from one spec: in parallel, finished ones kept by what they are made from, with an index and one merged file.

What a page shows is not known here: whoever has pages to make hands over `Page`s and a function that makes some of them.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import multiprocessing
import os
import re
import threading
from abc import ABC, abstractmethod
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from geosys._errors import GeoSysError, WorkspaceError
from geosys.content import hash_file
from geosys.maps.paper.press import put

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

KEPT = ".pages"  # below the atlas: what each finished page was made from
FEW = 6  # pages that are made without starting other processes
_AT_ONCE = (
    8  # pages of one task: small enough that little is lost by a kill, large enough to share what they have in common
)
_UNSAFE = re.compile(r"[^\w\-]+")
_LONGEST = 60


@dataclass(frozen=True, slots=True)
class Page:
    """Hold one page that is wanted: its id, its file, the hash of all that it is made from, and its number in the atlas."""

    id: str
    file: str
    key: str
    number: int


@dataclass(frozen=True, slots=True)
class Made:
    """Hold what became of a page: how many sheets of paper, what the index tells of it, or why it could not be made."""

    id: str
    file: str
    pages: int = 0
    told: Mapping[str, Any] = field(default_factory=dict)
    is_kept: bool = False
    fault: str = ""


class Maker(ABC):
    """What makes pages: it is opened once in each process, from what can be sent there.

    A subclass overrides `make`; it raises a `GeoSysError` for a page that cannot be made.
    """

    @abstractmethod
    def make(self, page: Page) -> tuple[bytes, int, Mapping[str, Any]]:
        """Return a page's bytes, its sheets of paper, and what the index tells of it."""


def make_pages(
    folder: Path,
    pages: Sequence[Page],
    opener: Callable[[], Maker],
    progress: Callable[[int, int], None] = lambda _done, _total: None,
    workers: int = 2,
) -> list[Made]:
    """Make pages; one that was finished from the same things and is as it was is kept.

    Parameters
    ----------
    opener
        Opens a maker; it is called once in each process and must be a function of a module, or a partial of one.
    progress
        Called with the pages done and to do, kept ones among the done.
    workers
        Processes; few pages are made in this one.

    Returns
    -------
    One `Made` a page, in order. A page that cannot be made has a `fault`; the others are made all the same.

    Raises
    ------
    WorkspaceError
        When the folder cannot be written, or a worker process died; what was finished is kept.
    """
    try:
        (folder / KEPT).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise WorkspaceError(
            f"{folder.name}: got {error.strerror}, expected a folder to write to. Name another."
        ) from None
    found = {page.id: kept for page in pages if (kept := _kept(folder, page)) is not None}
    todo = [page for page in pages if page.id not in found]
    progress(len(found), len(pages))
    for made in _work(folder, todo, opener, workers if len(todo) > FEW else 1):
        found[made.id] = made
        progress(len(found), len(pages))
    return [found[page.id] for page in pages]


def _work(folder: Path, todo: Sequence[Page], opener: Callable[[], Maker], workers: int) -> Iterator[Made]:
    """Yield pages as they are finished."""
    if not todo:
        return
    if workers <= 1:
        maker = opener()
        yield from (_finish(folder, page, maker) for page in todo)
        return
    spawned = multiprocessing.get_context("spawn")  # a fork would copy threads of other packages half-way
    tasks = [todo[i : i + _AT_ONCE] for i in range(0, len(todo), _AT_ONCE)]
    try:
        with ProcessPoolExecutor(min(workers, len(tasks)), spawned, _open, (folder, opener)) as pool:
            waiting = [pool.submit(_task, task) for task in tasks]
            try:
                for future in as_completed(waiting):
                    yield from future.result()
            finally:
                for future in waiting:
                    future.cancel()
    except BrokenProcessPool:
        raise WorkspaceError(
            f"{folder.name}: got a worker process that died (out of memory, or killed), expected it to finish. "
            "Run the same command again, with --jobs 1 if it happens again: finished pages are kept."
        ) from None


_OPENED: list[tuple[Path, Maker]] = []  # of a worker process: opened once, before its first task


def _open(folder: Path, opener: Callable[[], Maker]) -> None:
    """Open the maker of a worker process, which ends when the process that started it does: a kill leaves none behind."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_end_with, args=(parent,), daemon=True).start()
    _OPENED[:] = [(folder, opener())]


def _end_with(parent: Any) -> None:
    parent.join()
    os._exit(1)


def _task(pages: Sequence[Page]) -> list[Made]:
    folder, maker = _OPENED[0]
    return [_finish(folder, page, maker) for page in pages]


def _finish(folder: Path, page: Page, maker: Maker) -> Made:
    """Make one page and note what it was made from, the note after the page: a kill between the two makes it anew."""
    try:
        data, sheets, told = maker.make(page)
    except GeoSysError as error:
        if isinstance(error, WorkspaceError):  # a full disk stops all of them
            raise
        return Made(page.id, page.file, fault=str(error))
    made = Made(page.id, page.file, sheets, dict(told))
    put({folder / page.file: data})
    note = {"key": page.key, "sum": hashlib.sha256(data).hexdigest(), "made": asdict(made)}
    put({_note(folder, page): json.dumps(note, ensure_ascii=False, sort_keys=True).encode("utf-8", "replace")})
    return made


def _note(folder: Path, page: Page) -> Path:
    return folder / KEPT / f"{page.file}.json"


def _kept(folder: Path, page: Page) -> Made | None:
    """Return a page that was finished from the same things and whose file is as it was; None for any other."""
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
        note = json.loads(_note(folder, page).read_text(encoding="utf-8"))
        if note["key"] == page.key and note["sum"] == _sum(folder / page.file):
            made = note["made"]
            return Made(page.id, page.file, int(made["pages"]), dict(made["told"]), is_kept=True)
    return None


def _sum(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def drop_others(folder: Path, pages: Sequence[Page]) -> list[str]:
    """Delete pages of an earlier atlas that this one does not have, with their notes; return their names.

    Only files that stand in a note of this folder are deleted.
    """
    wanted, gone = {page.file for page in pages}, []
    for note in sorted((folder / KEPT).glob("*.json")):
        name = note.name.removesuffix(".json")
        if name not in wanted:
            (folder / name).unlink(missing_ok=True)
            note.unlink()
            gone.append(name)
    return gone


def page_file(place: int, name: str, kind: str, total: int) -> str:
    """Return a page's file name: its number and name without signs that a file system may not have.

    Examples
    --------
    >>> page_file(7, "410299W0025", "pdf", 500)
    '007_410299W0025.pdf'
    >>> page_file(7, "../a/b", "pdf", 5)
    '7__a_b-8e7e11.pdf'
    """
    safe = _UNSAFE.sub("_", name)[:_LONGEST]
    if safe != name:
        safe += f"-{hashlib.sha256(name.encode('utf-8', 'replace')).hexdigest()[:6]}"
    return f"{place:0{len(str(total))}d}_{safe}.{kind}"


def key_of(told: object) -> str:
    """Return the hash of what something is made from."""
    return hashlib.sha256(
        json.dumps(told, default=str, ensure_ascii=False, sort_keys=True).encode("utf-8", "replace")
    ).hexdigest()


def content_key(root: Path, rooms: Sequence[str] = ("layers", "cases", "maps")) -> str:
    """Return the hash of all content that decides how pages look."""
    files = sorted(p for room in rooms for p in (root / room).rglob("*") if p.suffix in (".toml", ".csv"))
    return key_of([(path.relative_to(root).as_posix(), hash_file(path)) for path in files])
