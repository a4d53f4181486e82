"""Bad input to sheets, atlases and maps of tiles, as people type them: one clear message each, and no half file."""

from __future__ import annotations

import errno
import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import shapely
from test_sheets import X, Y, frame_of, toy_frames, workspace_at
from typed_commands import call

from geosys.atlas import KEPT
from geosys.maps.paper import fonts

if TYPE_CHECKING:
    from collections.abc import Callable

COMMANDS = {
    "sheet": ("sheet", "contaminated_plot"),
    "atlas": ("atlas", "plot_surroundings", "--of", "plot", "--jobs", "1"),
    "tiles": ("map", "contaminated_plot", "--tiles"),
}
CRASHED = ("Traceback", "内部错误", "Internal error")


@pytest.fixture(scope="module")
def usual(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return workspace_at(tmp_path_factory.mktemp("usual") / "w", toy_frames())


def with_plots(root: Path, shapes: list[shapely.Geometry], base: bool = True) -> Path:
    """Return a workspace whose only plots are of some shapes, upon the toy county or upon nothing."""
    codes = [f"W{i}" for i in range(len(shapes))]
    plots = frame_of("contaminated_plot", {"feature_id": codes, "plot_code": codes, "plot_name": codes}, shapes)
    frames = {n: f for n, f in toy_frames().items() if n in ("county", "township")} if base else {}
    return workspace_at(root, {**frames, "contaminated_plot": plots}, has_run=False)


def run(kind: str, root: Path, out: Path, *more: str) -> int:
    target = out / "map.html" if kind == "tiles" else out
    return call(*COMMANDS[kind], "-w", str(root), "--out", str(target), *more)


def left(out: Path) -> list[str]:
    return sorted(p.relative_to(out).as_posix() for p in out.rglob("*") if p.is_file()) if out.exists() else []


def said(capsys: pytest.CaptureFixture[str]) -> str:
    printed = "".join(capsys.readouterr())
    assert not any(word in printed for word in CRASHED), printed
    return " ".join(printed.split())


@pytest.mark.parametrize(
    ("kind", "words"), [("sheet", "got no feature"), ("atlas", "got no feature of"), ("tiles", "got")]
)
def test_an_empty_layer(kind: str, words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = with_plots(tmp_path / "w", [], base=kind != "tiles")  # a map of tiles with a base map shows that alone
    assert run(kind, root, tmp_path / "out") != 0
    printed = said(capsys)
    assert words in printed
    assert "expected" in printed
    assert left(tmp_path / "out") == []


@pytest.mark.parametrize("kind", COMMANDS)
@pytest.mark.parametrize("base", [True, False])
def test_a_single_point(kind: str, base: bool, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = with_plots(tmp_path / "w", [shapely.Point(X + 2000, Y + 2000)], base)
    assert run(kind, root, tmp_path / "out") == 0
    said(capsys)
    wanted = {"sheet": "contaminated_plot.pdf", "atlas": "1_W0.pdf", "tiles": "map.html"}[kind]
    assert wanted in left(tmp_path / "out")
    assert not [name for name in left(tmp_path / "out") if name.endswith(".part")]


@pytest.mark.parametrize("kind", COMMANDS)
def test_features_outside_of_the_region(kind: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    far = [shapely.box(X + 90_000, Y, X + 90_100, Y + 100), shapely.box(X + 1000, Y + 1000, X + 1100, Y + 1100)]
    root = with_plots(tmp_path / "w", far)
    assert run(kind, root, tmp_path / "out", "--json") == 0
    told = json.loads(capsys.readouterr().out)
    if kind == "atlas":
        assert (told["pages"], told["failed"]) == (2, 0)
    elif kind == "tiles":
        assert told["features"] == 2 + 3  # with county and townships
    else:
        assert told["sheets"][0]["scales"][0] < 200_000  # the county decides, not the one far off


def test_a_sheet_of_what_lies_outside_alone_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    if shutil.which("pdftotext") is None:
        pytest.skip("pdftotext is not installed")
    root = with_plots(tmp_path / "w", [shapely.Point(X + 90_000, Y)])
    assert run("sheet", root, tmp_path / "out") == 0
    said(capsys)
    file = tmp_path / "out" / "contaminated_plot.pdf"
    text = subprocess.run(["pdftotext", "-raw", file, "-"], capture_output=True, check=True).stdout.decode()
    assert re.search(r"本图范围内没有：[^。]*污染地块", "".join(text.split()))


@pytest.mark.parametrize(("kind", "scale"), [("sheet", "1"), ("atlas", "1"), ("atlas", str(10**9))])
def test_an_absurd_scale(
    kind: str, scale: str, usual: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(kind, usual, tmp_path / "out", "--scale", scale) != 0
    assert "expected one from 1:200 to 1:20000000" in said(capsys)
    assert [name for name in left(tmp_path / "out") if name != "index.csv"] == []


def test_a_missing_font_package_is_told_before_any_process_starts(
    usual: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(fonts, "PACKAGE", "no_such_fonts")
    for kind in ("sheet", "atlas"):
        more = () if kind == "sheet" else ("--jobs", "2")
        assert run(kind, usual, tmp_path / kind, *more) != 0
        assert "no-such-fonts" in said(capsys)
        assert left(tmp_path / kind) == []
    assert call("plot", "W1", "-w", str(usual), "--out", str(tmp_path / "plots")) != 0
    assert "no-such-fonts" in said(capsys)
    assert left(tmp_path / "plots") == []


class Full:
    """A disk that takes so many bytes below a folder, and then no more."""

    def __init__(self, folder: Path, room: int) -> None:
        self._folder, self._room, self._write = folder, room, Path.write_bytes

    def taking(self) -> Callable[[Path, bytes], int]:
        """Return what stands for a path's own way to write."""

        def take(path: Path, data: bytes) -> int:
            return self._take(path, data)

        return take

    def _take(self, path: Path, data: bytes) -> int:
        if self._folder in path.parents:
            self._room -= len(data)
            if self._room < 0:
                self._write(path, data[:10])  # what a disk that runs full leaves behind
                raise OSError(errno.ENOSPC, "No space left on device")
        return self._write(path, data)


def test_a_sheet_on_a_full_disk(
    usual: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "contaminated_plot.pdf").write_bytes(b"old")
    disk = Full(out, 1000)
    monkeypatch.setattr(Path, "write_bytes", disk.taking())
    assert run("sheet", usual, out) != 0
    assert "no space left" in said(capsys)
    assert left(out) == ["contaminated_plot.pdf"]
    assert (out / "contaminated_plot.pdf").read_bytes() == b"old"


def test_an_atlas_goes_on_after_the_disk_was_full(
    usual: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    assert run("atlas", usual, tmp_path / "whole", "--no-merge") == 0
    size = max(p.stat().st_size for p in (tmp_path / "whole").glob("*.pdf"))
    disk = Full(out, size + size // 2)
    with monkeypatch.context() as patched:
        patched.setattr(Path, "write_bytes", disk.taking())
        assert run("atlas", usual, out, "--no-merge") != 0
    assert "no space left" in said(capsys)
    there = {name: (out / name).stat().st_ino for name in left(out) if name.endswith(".pdf")}
    assert 0 < len(there) < 3
    assert run("atlas", usual, out, "--no-merge", "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["pages"], told["kept"]) == (3, len(there))
    assert {name: (out / name).stat().st_ino for name in there} == there
    assert len(list((out / KEPT).glob("*.json"))) == 3


def test_tiles_on_a_full_disk(
    usual: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "map.html").write_text("old", encoding="utf-8")

    def full(*_: Any, **__: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    for writer in ("write_bytes", "write_text", "open"):
        whole = getattr(Path, writer)
        monkeypatch.setattr(
            Path, writer,
            lambda path, *a, _whole=whole, **k: full() if out in path.parents and "r" not in str(a[:1]) else _whole(path, *a, **k),
        )  # fmt: skip
    assert run("tiles", usual, out) != 0
    said(capsys)
    monkeypatch.undo()
    assert left(out) == ["map.html"]
    assert (out / "map.html").read_text(encoding="utf-8") == "old"


def test_a_folder_that_cannot_be_written_to(usual: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("a file", encoding="utf-8")
    for kind in ("sheet", "atlas"):
        assert run(kind, usual, tmp_path / "file" / "below") != 0
        assert "got Not a directory, expected a folder" in said(capsys)
