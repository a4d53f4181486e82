"""Build the wheel, look inside, and run the demo from it in an empty environment, away from the checkout."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest
from conftest import ROOT

DEMO_SECONDS = 180


def run(*command: str | Path, cwd: Path, seconds: int = 120) -> subprocess.CompletedProcess[str]:
    """Run a command as in a clean shell; nothing of ours may come in by PYTHONPATH."""
    env = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "COV_"))}
    done = subprocess.run(
        list(map(str, command)),
        cwd=cwd,
        env={**env, "PYTHONUTF8": "1"},
        capture_output=True,
        encoding="utf-8",
        timeout=seconds,
        check=False,
    )
    assert done.returncode == 0, (
        f"{command} ended with {done.returncode}:\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
    )
    return done


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a wheel built from the source distribution, so that both are known to be whole."""
    folder = tmp_path_factory.mktemp("dist")
    run(sys.executable, "-m", "build", "--no-isolation", "--outdir", folder, ROOT, cwd=folder)
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def environment(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the scripts' folder of an environment that holds the wheel and sees the dependencies.

    The dependencies are not installed a second time: a path file names the folder they stand in. Path files in that
    folder are not read, so the checkout, which is installed there by one, stays out of sight.
    """
    folder = tmp_path_factory.mktemp("empty") / "environment"
    venv.create(folder, with_pip=False)
    scripts = folder / ("Scripts" if os.name == "nt" else "bin")
    pip = [sys.executable, "-m", "pip", "--python", folder, "install", "--no-deps", "--no-index"]
    run(*pip, wheel, cwd=folder)
    dependencies = sysconfig.get_paths()
    code = "import sysconfig; print(sysconfig.get_path('purelib'))"
    packages = run(scripts / "python", "-c", code, cwd=folder).stdout.strip()
    lines = sorted({dependencies["purelib"], dependencies["platlib"]})
    (folder / packages / "dependencies.pth").write_text("\n".join(lines), encoding="utf-8")
    return scripts


def wanted_files() -> set[str]:
    """Return what the wheel must hold: all content, and all files of the package."""
    found = set()
    for room in ("layers", "cases", "maps"):
        found |= {
            f"geosys/_content/{path.relative_to(ROOT).as_posix()}"
            for path in (ROOT / room).rglob("*")
            if path.is_file()
        }
    found |= {path.relative_to(ROOT).as_posix() for path in (ROOT / "geosys").rglob("*") if path.is_file()}
    return {name for name in found if "__pycache__" not in name}


def test_the_wheel_holds_code_content_tables_and_licences(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    assert not wanted_files() - names
    kinds = (
        "_content/layers/",
        "_content/layers/codes/",
        "_content/cases/rules/",
        "_content/maps/",
        "standards/tables/",
    )
    for kind in kinds:
        assert any(name.startswith(f"geosys/{kind}") for name in names), f"nothing of {kind}"
    assert any(name.endswith("leaflet.js") for name in names)
    assert any(name.endswith(".dist-info/licenses/LICENSE") for name in names)
    assert not [name for name in names if name.startswith("tests/") or name.endswith(".pyc")]


def test_the_demo_runs_from_the_wheel_in_any_folder(environment: Path, tmp_path: Path) -> None:
    away = tmp_path / "任意 folder"
    away.mkdir()
    place = run(environment / "python", "-c", "import geosys; print(geosys.__file__)", cwd=away).stdout.strip()
    inside = Path(place).resolve().is_relative_to(environment.parent.resolve())
    assert inside, f"{place} was imported, not the wheel"
    workspace = away / "demo"
    said = run(environment / "geosys", "demo", "--workspace", workspace, cwd=away, seconds=DEMO_SECONDS).stdout
    results = dict(line.split(": ", 1) for line in said.splitlines()[-5:])
    assert list(results) == ["workspace", "map", "findings", "issues", "sheet"]
    for name, suffix in (("map", ".html"), ("findings", ".xlsx"), ("issues", ".xlsx"), ("sheet", ".pdf")):
        path = away / results[name]
        assert path.suffix == suffix
        assert path.stat().st_size > 0
    assert (away / results["workspace"]).resolve() == workspace.resolve()
