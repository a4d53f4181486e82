"""An atlas: numbered pages, the same in one process and in two, kept after a kill, one merged file, faults that stay alone."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import time
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import shapely
from conftest import ROOT
from test_sheets import DAY, X, Y, desk_at, text_of, toy_frames, workspace_at

from geosys._errors import SpecError, WorkspaceError
from geosys.atlas import KEPT, Maker, Page, drop_others, key_of, make_pages, page_file
from geosys.maps.paper.press import Press, open_press
from geosys.sheets.atlas import AtlasMaker, Order, merge, opener_of, pages_of, subjects_of
from geosys.sheets.composing import Wanted, spec_named

if TYPE_CHECKING:
    from collections.abc import Mapping

    from geosys.sheets.desk import Desk


@dataclass(frozen=True)
class Toy(Maker):
    """Make a page of its id and note in a file that it was made; fail for one id."""

    diary: Path
    fails: str = ""

    def make(self, page: Page) -> tuple[bytes, int, Mapping[str, Any]]:
        with self.diary.open("a", encoding="utf-8") as file:
            file.write(f"{page.id}\n")
        if page.id == self.fails:
            raise SpecError("no room")
        return f"{page.id}{page.key}".encode(), 1, {"name": page.id}


def toys(number: int, base: str = "a") -> list[Page]:
    return [Page(f"p{i}", page_file(i, f"p{i}", "pdf", number), key_of([base, i]), i) for i in range(1, number + 1)]


def diary(path: Path) -> list[str]:
    return path.read_text(encoding="utf-8").split() if path.exists() else []


def test_finished_pages_are_not_made_again(tmp_path: Path) -> None:
    book, out = tmp_path / "diary", tmp_path / "atlas"
    make_pages(out, toys(5), partial(Toy, book), workers=1)
    assert len(diary(book)) == 5
    seen: list[tuple[int, int]] = []
    made = make_pages(out, toys(5), partial(Toy, book), lambda done, total: seen.append((done, total)), workers=1)
    assert len(diary(book)) == 5
    assert all(one.is_kept for one in made)
    assert seen == [(5, 5)]


def test_only_what_a_kill_left_undone_is_made(tmp_path: Path) -> None:
    """Leave what a kill leaves: a page without its note, a page cut off, a part beside its place, a page of older data."""
    book, out = tmp_path / "diary", tmp_path / "atlas"
    pages = toys(6)
    make_pages(out, pages, partial(Toy, book), workers=1)
    book.unlink()
    (out / KEPT / f"{pages[0].file}.json").unlink()
    (out / pages[1].file).write_bytes((out / pages[1].file).read_bytes()[:3])
    (out / f".{pages[2].file}.1.part").write_bytes(b"half")
    (out / KEPT / f"{pages[3].file}.json").write_text("{", encoding="utf-8")
    (out / pages[4].file).unlink()
    changed = [*pages[:5], replace(pages[5], key="new")]
    made = make_pages(out, changed, partial(Toy, book), workers=1)
    assert diary(book) == ["p1", "p2", "p4", "p5", "p6"]
    assert [one.is_kept for one in made] == [False, False, True, False, False, False]
    assert (out / pages[5].file).read_bytes() == b"p6new"


def test_a_page_that_cannot_be_made_stays_alone(tmp_path: Path) -> None:
    made = make_pages(tmp_path / "atlas", toys(3), partial(Toy, tmp_path / "d", "p2"), workers=1)
    assert [bool(one.fault) for one in made] == [False, True, False]
    assert not (tmp_path / "atlas" / "2_p2.pdf").exists()


def test_two_processes_make_the_same_pages_in_order(tmp_path: Path) -> None:
    pages = toys(20)
    for name, workers in (("one", 1), ("two", 2)):
        made = make_pages(tmp_path / name, pages, partial(Toy, tmp_path / f"{name}.txt"), workers=workers)
        assert [one.id for one in made] == [page.id for page in pages]
    assert sorted(diary(tmp_path / "two.txt")) == sorted(diary(tmp_path / "one.txt"))
    for page in pages:
        assert (tmp_path / "one" / page.file).read_bytes() == (tmp_path / "two" / page.file).read_bytes()


class Dies(Maker):
    """Die as a process that is killed does."""

    def make(self, page: Page) -> tuple[bytes, int, Mapping[str, Any]]:
        import os

        os._exit(9 + 0 * page.number)


def test_a_worker_that_dies_is_one_clear_message(tmp_path: Path) -> None:
    with pytest.raises(WorkspaceError, match="finished pages are kept"):
        make_pages(tmp_path / "atlas", toys(9), Dies, workers=2)


KILLED = """
import sys, time, os
from functools import partial
from pathlib import Path
from geosys.atlas import Maker, Page, make_pages

class Slow(Maker):
    def make(self, page):
        with open(sys.argv[1] + "/pids", "a") as file:
            file.write(f"{os.getpid()}\\n")
        time.sleep(0.2)
        return page.id.encode(), 1, {}

if __name__ == "__main__":
    root = Path(sys.argv[1])
    make_pages(root / "a", [Page(f"p{i}", f"{i}.pdf", "k", i) for i in range(60)], Slow, workers=2)
"""


@pytest.mark.skipif(os.name != "posix", reason="signals as POSIX has them")
def test_a_kill_leaves_whole_pages_and_no_process(tmp_path: Path) -> None:
    (tmp_path / "killed.py").write_text(KILLED, encoding="utf-8")
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    process = subprocess.Popen([sys.executable, "killed.py", str(tmp_path)], cwd=tmp_path, env=environment)
    while not list((tmp_path / "a").glob("*.pdf")):
        assert process.poll() is None
        time.sleep(0.05)
    process.kill()
    process.wait()
    for pid in {int(line) for line in (tmp_path / "pids").read_text(encoding="utf-8").split()}:
        while (Path("/proc") / str(pid)).exists():
            time.sleep(0.05)
    files = list((tmp_path / "a").glob("*.pdf"))
    assert 0 < len(files) < 60
    assert all(file.read_bytes() == f"p{file.stem}".encode() for file in files)
    pages = [Page(f"p{i}", f"{i}.pdf", "k", i) for i in range(60)]
    made = make_pages(tmp_path / "a", pages, partial(Toy, tmp_path / "d"), workers=1)
    assert sum(one.is_kept for one in made) >= len(files) - 2  # a page may lack the note that comes after it
    assert len(diary(tmp_path / "d")) == 60 - sum(one.is_kept for one in made)


def test_pages_of_an_earlier_atlas_are_dropped_and_nothing_else(tmp_path: Path) -> None:
    out = tmp_path / "atlas"
    make_pages(out, toys(4), partial(Toy, tmp_path / "d"), workers=1)
    (out / "notes.pdf").write_bytes(b"mine")
    assert drop_others(out, toys(4)[:2]) == ["3_p3.pdf", "4_p4.pdf"]
    assert sorted(p.name for p in out.glob("*.pdf")) == ["1_p1.pdf", "2_p2.pdf", "notes.pdf"]


# --- the pages of a workspace ---


@pytest.fixture(scope="module")
def press() -> Press:
    return open_press(ROOT / "maps")


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Desk:
    return desk_at(workspace_at(tmp_path_factory.mktemp("toy") / "w", toy_frames()))


def test_an_atlas_of_plots_is_numbered_and_merged_in_order(desk: Desk, press: Press, tmp_path: Path) -> None:
    spec, order = spec_named(desk, "plot_surroundings"), Order("plot_surroundings", "plot", "pdf", Wanted())
    subjects = subjects_of(desk, "plot")
    assert [one.id for one in subjects] == ["W1", "W3", "W2"]  # in order of their names: 一号 三号 二号
    pages = pages_of(desk, spec, subjects, order.wanted, "pdf")
    made = make_pages(tmp_path / "a", pages, opener_of(desk, order), workers=1)
    assert [(one.pages, one.fault) for one in made] == [(1, "")] * 3
    merge([tmp_path / "a" / one.file for one in made], tmp_path / "all.pdf", press, DAY, (210.0, 297.0))
    leaves = text_of(tmp_path / "all.pdf").split("\f")
    assert [leaf.strip() != "" for leaf in leaves] == [True, True, True, False]
    for number, (leaf, name) in enumerate(zip(leaves, ("一号", "三号", "二号"), strict=False), 1):
        assert f"第 {number} 页，共 3 页" in leaf
        assert f"{name}周边环境图" in leaf
    assert "重大" in leaves[0]  # the finding of W1
    again = make_pages(tmp_path / "a", pages, opener_of(desk, order), workers=1)
    assert all(one.is_kept for one in again)


def test_a_page_of_a_river_counts_what_belongs_to_it(desk: Desk, press: Press, tmp_path: Path) -> None:
    spec, order = spec_named(desk, "river_policy"), Order("river_policy", "river", "pdf", Wanted())
    pages = pages_of(desk, spec, subjects_of(desk, "river"), order.wanted, "pdf")
    data, sheets, told = AtlasMaker(desk, press, spec, order).make(pages[0])
    (tmp_path / "r.pdf").write_bytes(data)
    text = text_of(tmp_path / "r.pdf")
    assert (sheets, told["name"]) == (1, "直河")
    assert "本河排污口整治状态" in text
    counts = {
        line.split()[-2]: line.split()[-1]
        for line in text.splitlines()
        if line.split()[-1:] and line.split()[-1] in "123"
    }
    assert counts.get("已完成") == "3"


def test_other_data_other_key_same_data_same_key(desk: Desk) -> None:
    spec, subjects = spec_named(desk, "river_policy"), subjects_of(desk, "river")
    first = pages_of(desk, spec, subjects, Wanted(), "pdf")
    assert [p.key for p in pages_of(desk, spec, subjects, Wanted(), "pdf")] == [p.key for p in first]
    assert pages_of(desk, spec, subjects, Wanted(language="en"), "pdf")[0].key != first[0].key
    other = replace(desk, layers={**desk.layers, "outfall": replace(desk.layers["outfall"], version="another")})
    assert pages_of(other, spec, subjects, Wanted(), "pdf")[0].key != first[0].key
    unused = replace(
        desk, layers={**desk.layers, "farmland_class": replace(desk.layers["farmland_class"], version="another")}
    )
    assert pages_of(unused, spec, subjects, Wanted(), "pdf")[0].key == first[0].key


def test_unknown_kinds_and_empty_layers_are_named(desk: Desk) -> None:
    with pytest.raises(SpecError, match=r"Did you mean 'river'\?"):
        subjects_of(desk, "rivers")
    with pytest.raises(SpecError, match="no feature of 水质断面"):
        subjects_of(desk, "section")
    with pytest.raises(SpecError, match="expected one of contaminated_plot"):
        subjects_of(desk, "plot", "outfall")


def test_names_of_files_are_safe_and_apart() -> None:
    names = [page_file(1, name, "pdf", 10) for name in ("a/b", "a\\b", "../x", "名" * 200, "\u202e")]
    assert len(set(names)) == len(names)
    assert all("/" not in name and "\\" not in name and len(name.encode()) < 250 for name in names)
    assert hashlib.sha256(b"a/b").hexdigest()[:6] in names[0]


def test_the_reach_of_a_page_is_kept(desk: Desk) -> None:
    from geosys.sheets.atlas import _around

    west, south, east, north = _around(shapely.Point(X, Y), 800.0)
    assert (east - west, north - south) == (1600.0, 1600.0)
    wide = _around(shapely.box(X, Y, X + 5000, Y + 100), 800.0)
    assert wide[2] - wide[0] == 5000.0
    assert desk.book.each["plot"].reach_m == 800
