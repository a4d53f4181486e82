"""Test the script `geo` as far as that goes without installing anything."""

from __future__ import annotations

import ast
import importlib.machinery
import importlib.util
import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def geo(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return the script as a module that believes it stands in an empty folder."""
    loader = importlib.machinery.SourceFileLoader("geo_script", str(root / "geo"))
    spec = importlib.util.spec_from_loader("geo_script", loader)
    assert spec is not None
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    module = importlib.util.module_from_spec(spec)
    loader.exec_module(module)
    places = {
        "ROOT": ".",
        "VENV": ".venv",
        "STAMP": ".geo/installed.json",
        "LOCK": ".geo/lock",
        "LOG": ".geo/install.log",
    }
    for name, place in places.items():
        monkeypatch.setattr(module, name, tmp_path / place)
    for name in ("pyproject.toml", "constraints.txt"):
        (tmp_path / name).write_text(name, encoding="utf-8")
    return module


def make_environment(geo: Any, version: str = "3.11.7") -> None:
    geo.venv_python().parent.mkdir(parents=True)
    geo.venv_python().touch()
    (geo.VENV / "pyvenv.cfg").write_text(f"home = {geo.ROOT}\nversion = {version}\n", encoding="utf-8")


def stamp(geo: Any, state: str, extras: list[str]) -> None:
    geo.STAMP.parent.mkdir(exist_ok=True)
    geo.STAMP.write_text(json.dumps({"state": state, "extras": extras}), encoding="utf-8")


def test_any_python_from_3_8_on_can_read_it(root: Path) -> None:
    tree = ast.parse((root / "geo").read_text(encoding="utf-8"), feature_version=(3, 8))
    names = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    names |= {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert {name.partition(".")[0] for name in names} <= sys.stdlib_module_names


@pytest.mark.parametrize("words", [[], ["--help"], ["-h"]])
def test_help_installs_nothing(root: Path, words: list[str]) -> None:
    done = subprocess.run([sys.executable, root / "geo", *words], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("usage: ./geo WORD")
    assert done.stderr == ""


def test_children_get_nothing_that_other_software_set(geo: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("PROJ_LIB", "PROJ_DATA", "GDAL_DATA", "PYTHONPATH"):
        monkeypatch.setenv(name, "elsewhere")
    environment = geo.environment()
    assert "elsewhere" not in environment.values()
    assert environment["PYTHONUTF8"] == "1"


def test_an_install_is_done_when_it_was_completed_for_the_same_files(geo: Any) -> None:
    assert not geo.is_installed([])
    make_environment(geo)
    assert not geo.is_installed([])
    stamp(geo, geo.state(), ["test"])
    assert geo.is_installed([])
    assert geo.is_installed(["test"])
    (geo.ROOT / "constraints.txt").write_text("changed", encoding="utf-8")
    assert not geo.is_installed([])


def test_an_interrupted_or_smaller_install_is_run_again(geo: Any) -> None:
    make_environment(geo)
    stamp(geo, geo.HALF_DONE, [])
    assert not geo.is_installed([])
    stamp(geo, geo.state(), [])
    assert geo.is_installed([])
    assert not geo.is_installed(["test"])


@pytest.mark.parametrize(
    ("version", "is_usable"), [("3.10.13", False), ("3.11.7", True), ("3.13.0", True), ("3.14.1", False)]
)
def test_only_a_supported_python_is_used(geo: Any, version: str, is_usable: bool) -> None:
    make_environment(geo, version)
    assert geo.is_usable() is is_usable


def test_without_a_fitting_python_it_says_what_to_install(
    geo: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(
        geo, "probe_python", lambda command: ("3.9", True) if command == [sys.executable] else ("3.12", False)
    )
    with pytest.raises(SystemExit) as ended:
        geo.find_python()
    assert ended.value.code == 2
    message = capsys.readouterr().err
    assert "is 3.9" in message
    assert "without its venv module" in message
    assert "Install Python 3.11, 3.12 or 3.13" in message


def test_the_running_python_is_found(geo: Any) -> None:
    assert geo.find_python() == ([sys.executable], f"3.{sys.version_info.minor}")


def test_a_failing_step_shows_its_last_words(geo: Any, capsys: pytest.CaptureFixture[str]) -> None:
    geo.LOG.parent.mkdir()
    with pytest.raises(SystemExit):
        geo.watch("trying", [sys.executable, "-c", "print('no such mirror'); raise SystemExit(7)"])
    message = capsys.readouterr().err
    assert "no such mirror" in message
    assert "trying: failed with exit code 7" in message


def test_two_runs_do_not_install_at_once(
    geo: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def give_up(seconds: float) -> None:
        raise TimeoutError(seconds)

    with geo.locked():
        monkeypatch.setattr(geo.time, "sleep", give_up)
        with pytest.raises(TimeoutError), geo.locked():
            pass
    assert "another run is installing" in capsys.readouterr().err
    with geo.locked():
        pass


def test_the_tests_run_in_order_and_stop_at_the_first_failure(geo: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    ran = []

    def call(command: list[str], cwd: Path | None = None) -> int:
        assert cwd == geo.ROOT
        ran.append(command[2])
        return 3 if command[2] == "mypy" else 0

    monkeypatch.setattr(geo, "call", call)
    assert geo.run_tests(["-x"]) == 3
    assert ran == ["ruff", "ruff", "mypy"]


def test_a_benchmark_runs_with_its_engines_installed(geo: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    ran: list[list[str]] = []
    monkeypatch.setattr(geo, "install", ran.append)
    monkeypatch.setattr(geo, "call", lambda command: ran.append(command) or 1)
    assert geo.main(["bench", "overlay", "--size", "city"]) == 1
    script = str(geo.ROOT / "benchmarks" / "overlay.py")
    assert ran == [["bench"], [str(geo.venv_python()), script, "--size", "city"]]


@pytest.mark.parametrize("words", [[], ["farthest"], ["--help"]])
def test_an_unknown_benchmark_installs_nothing(
    geo: Any, words: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(geo, "install", lambda _: pytest.fail("installed"))
    with pytest.raises(SystemExit) as ended:
        geo.main(["bench", *words])
    assert ended.value.code == 2
    assert "expected one of: overlay" in capsys.readouterr().err


def test_every_benchmark_that_it_names_is_there(geo: Any, root: Path) -> None:
    assert [name for name in geo.BENCHMARKS if not (root / "benchmarks" / f"{name}.py").is_file()] == []


def test_missing_system_packages_are_named_and_the_tests_go_on(
    geo: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(geo, "missing_system", lambda: {"Chromium": "chromium", "PostgreSQL with PostGIS": ""})
    monkeypatch.setattr(geo, "apt_get", list)
    geo.install_system()
    assert "not on this machine: Chromium, PostgreSQL with PostGIS" in capsys.readouterr().err


def test_a_refusing_apt_does_not_stop_the_tests(
    geo: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(geo, "missing_system", lambda: {"pdftotext": "poppler-utils"})
    refuse = "import sys; sys.exit('no network')"
    monkeypatch.setattr(geo, "apt_get", lambda: [sys.executable, "-c", refuse])
    geo.install_system()
    message = capsys.readouterr().err
    assert "no network" in message
    assert "not on this machine: pdftotext" in message
