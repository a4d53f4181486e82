"""Guard the house: who may import whom, what may stand in code, and which files must agree."""

from __future__ import annotations

import ast
import contextlib
import doctest
import gc
import graphlib
import importlib
import importlib.metadata
import re
import subprocess
import sys
import tomllib
from functools import cache
from typing import TYPE_CHECKING

import pytest
import yaml
from conftest import ROOT
from packaging.markers import default_environment
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

PACKAGE = ROOT / "geosys"
MOST_LINES = 400

# One door per heavy package: the modules that may import it, and nobody else.
DOORS = {
    "a2wsgi": {"geosys.web.pictures.wmts"},
    "PIL": {"geosys.cases.ledger.pictures", "geosys.maps.paper.fonts"},
    "alembic": {"geosys.cases.ledger"},
    "branca": {"geosys.maps.folium_page"},
    "click": {"geosys.cli"},
    "cql2": {"geosys.web.features.filters"},
    "cryptography": {"geosys.publish.papers.signature"},
    "distributed": {"geosys.geo.cluster"},
    "docx": {"geosys.maps.word"},
    "docxtpl": {"geosys.maps.word"},
    "exactextract": {"geosys.geo.zonal"},
    "fiona": {"geosys.publish.read_back.fiona_reader"},
    "fontTools": {"geosys.web.pictures.fonts"},
    "folium": {"geosys.maps.folium_page"},
    "gstools": {"geosys.geo.variogram"},
    "jinja2": {"geosys.maps.word"},
    "mapbox_vector_tile": {"geosys.web.tiles.encoding"},
    "mapproxy": {"geosys.web.pictures.wmts"},
    "matplotlib": {"geosys.maps.paper.plate"},
    "llvmlite": {"geosys.geo.flat"},
    "pptx": {"geosys.maps.slides"},
    "openpyxl": {"geosys.maps.fix_list"},
    "numba": {"geosys.geo.flat"},
    "psycopg": {"geosys.publish.postgis.connection", "geosys.web.sources.postgis"},
    "pwdlib": {"geosys.accounts.passwords"},
    "pyogrio": {"geosys.layers.vector_files"},
    "python_calamine": {"geosys.layers.tables"},
    "rasterio": {"geosys.geo.raster"},
    "rich": {"geosys.cli.terminal"},
    "sqlalchemy": {"geosys.accounts.store", "geosys.cases.ledger"},
    "starlette": {"geosys.web"},
    "typer": {"geosys.cli"},
    "typst": {"geosys.maps.paper.typesetting"},
    "uvicorn": {"geosys.web.guard.serving"},
    "xarray": {"geosys.standards.water_cubes"},
    "xlsxwriter": {"geosys.maps.tables"},
}
# The sample plays the offices that send deliveries: it writes files as they would, not as GeoSys writes its own.
SENDER_PACKAGES = {"pyogrio", "xlsxwriter"}
# Pillow is two things: photographs in the cases, widths of type in the maps; neighbours may not import each other. So are accounts and
# the ledger in a database, and PostGIS that is loaded and PostGIS that is served.
TWO_DOORS = {"PIL", "psycopg", "sqlalchemy"}

NETWORK = {"aiohttp", "ftplib", "http", "httpx", "requests", "smtplib", "socket", "urllib", "urllib3"}

# Written in halves, so that this file holds none of them: registries' hosts, and paths of the machines we build on.
FORBIDDEN = [
    first + second
    for first, second in (
        ("pypi", ".org"),
        ("python", "hosted.org"),
        ("npm", "js.org"),
        ("npm", "js.com"),
        ("deb.", "debian.org"),
        ("anaconda", ".org"),
        ("/wo", "rk/"),
        ("/fa", "rm/"),
        ("/tm", "p/"),
        ("/ro", "ot/"),
        ("bash", "_jobs"),
        ("farm", "-studio"),
        ("farm", "-bench"),
        (".lib", "rary/"),
    )
]


# --- reading the code ---


def module_name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


# Alembic runs migrations itself, inside its own context: they are no modules that others import.
MODULES = {module_name(path): path for path in sorted(PACKAGE.rglob("*.py")) if "migrations" not in path.parts}


@cache
def tree(module: str) -> ast.Module:
    parsed = ast.parse(MODULES[module].read_text(encoding="utf-8"))
    gc.freeze()  # the trees stay for all tests: the collector would walk millions of nodes again and again
    return parsed


@cache
def imported(module: str, *, types_too: bool = True) -> tuple[str, ...]:
    """Return the full name of every module that one imports, also inside functions and, if asked, for types only."""
    return tuple(_imports(module, types_too=types_too))


def _imports(module: str, *, types_too: bool) -> Iterator[str]:
    blocks = [node for node in ast.walk(tree(module)) if isinstance(node, ast.If)]
    for_types = [block for block in blocks if ast.unparse(block.test) == "TYPE_CHECKING"]
    left_out = {id(node) for block in for_types for node in ast.walk(block) if not types_too}
    package = module if MODULES[module].name == "__init__.py" else module.rpartition(".")[0]
    for node in ast.walk(tree(module)):
        if id(node) in left_out:
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
            source = ".".join([*above, *([node.module] if node.module else [])])
            for alias in node.names:
                full = f"{source}.{alias.name}"
                yield full if full in MODULES else source


def own_imports(module: str, *, types_too: bool = True) -> set[str]:
    names = imported(module, types_too=types_too)
    return {name for name in names if name.partition(".")[0] == "geosys"} - {module}


def storey(module: str) -> int:
    """Return how high a module lives: plain ground 0, content 1, geo and standards 2, rooms 3, above 4, run 5, top 6."""
    place = module.split(".")[1] if "." in module else ""
    if place in {"cli", "__main__"}:
        return 6
    if place.startswith("_") or not place:
        return 0
    return {
        "content": 1,
        "geo": 2,
        "standards": 2,
        "layers": 3,
        "cases": 3,
        "maps": 3,
        "sample": 3,
        "run": 5,
    }.get(place, 4)


NEIGHBOURS = {"geo", "standards", "layers", "cases", "maps", "sample"}


@pytest.mark.parametrize("module", MODULES)
def test_imports_go_down_only_and_never_to_a_neighbour(module: str) -> None:
    room = module.split(".")[1] if "." in module else ""
    for other in own_imports(module):
        other_room = other.split(".")[1] if "." in other else ""
        assert storey(other) <= storey(module), f"{module} imports {other}, which stands above it"
        if room in NEIGHBOURS and other_room in NEIGHBOURS:
            is_below = storey(other) < storey(module)
            assert room == other_room or is_below, f"{module} imports {other} of the neighbour '{other_room}'"


def test_modules_import_each_other_in_no_circle() -> None:
    graph = {module: own_imports(module, types_too=False) for module in MODULES}
    assert list(graphlib.TopologicalSorter(graph).static_order())


@pytest.mark.parametrize("package", DOORS)
def test_a_heavy_package_is_entered_by_one_door(package: str) -> None:
    users = {module for module in MODULES if package in {name.partition(".")[0] for name in imported(module)}}
    if package in SENDER_PACKAGES:
        users = {module for module in users if not module.startswith("geosys.sample.")}
    assert len(DOORS[package]) <= 1 + (package in TWO_DOORS)
    users = {module for module in users if not any(module.startswith(f"{door}.") for door in DOORS[package])}
    assert users <= DOORS[package], f"{package} is imported by {sorted(users)}; its one door stands in DOORS above"


@pytest.mark.parametrize("module", MODULES)
def test_nothing_reaches_for_the_network(module: str) -> None:
    assert not NETWORK & {name.partition(".")[0] for name in imported(module)}


@cache
def owners_of(package: str) -> frozenset[str]:
    return frozenset(map(canonicalize_name, providers().get(package, [])))


@cache
def providers() -> Mapping[str, list[str]]:
    return importlib.metadata.packages_distributions()


@cache
def declared_to_run() -> frozenset[str]:
    extra = project()["optional-dependencies"]["cluster"]  # loaded only where a cluster is named
    return frozenset(canonicalize_name(Requirement(text).name) for text in [*project()["dependencies"], *extra])


@pytest.mark.parametrize("module", MODULES)
def test_what_is_imported_is_declared(module: str) -> None:
    outside = {name.partition(".")[0] for name in imported(module)} - sys.stdlib_module_names - {"geosys"}
    for package in outside:
        assert owners_of(package) & declared_to_run(), (
            f"{module} imports {package}, which pyproject.toml does not declare"
        )


# --- what may stand in code ---


def without_docstrings(module: str) -> Iterator[ast.AST]:
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    docstrings = {
        id(node.body[0].value)
        for node in ast.walk(tree(module))
        if isinstance(node, documented) and ast.get_docstring(node) is not None and isinstance(node.body[0], ast.Expr)
    }
    return (node for node in ast.walk(tree(module)) if id(node) not in docstrings)


@cache
def layer_ids() -> frozenset[str]:
    return frozenset(path.stem for path in (ROOT / "layers").glob("*.toml"))


@pytest.mark.parametrize("module", MODULES)
def test_no_layer_is_named_in_code(module: str) -> None:
    layers = layer_ids()
    named = [
        f"line {node.lineno}: {node.value!r}"
        for node in without_docstrings(module)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value.removesuffix(".toml") in layers
    ]
    assert not named, f"{module} names layers, which is for the content to do: {named}"


@pytest.mark.parametrize("module", [name for name in MODULES if storey(name) < 6])
def test_only_the_command_line_prints_and_asks_the_clock(module: str) -> None:
    for node in ast.walk(tree(module)):
        if not isinstance(node, ast.Call):
            continue
        called = ast.unparse(node.func)
        where = f"{module}, line {node.lineno}: {called}()"
        assert called not in {"print", "sys.stdout.write", "sys.stderr.write", "typer.echo", "rich.print"}, where
        assert called.rpartition(".")[2] not in {"today", "utcnow"}, f"{where}: 'today' is an argument"
        assert not re.search(r"(datetime|Timestamp)\.now$|^time\.(time|localtime)$", called), where


@pytest.mark.parametrize("path", [*MODULES.values(), *sorted((ROOT / "tests").rglob("*.py"))], ids=lambda p: p.stem)
def test_every_module_says_what_it_is(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert ast.get_docstring(ast.parse(text)), f"{path.relative_to(ROOT)} has no docstring"
    assert not path.is_relative_to(PACKAGE) or text.count("\n") <= MOST_LINES, f"{path.relative_to(ROOT)} is two nouns"


@pytest.mark.parametrize("module", [name for name in MODULES if not name.endswith("__main__")])
def test_examples_in_docstrings_run(module: str) -> None:
    flags = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    outcome = doctest.testmod(importlib.import_module(module), optionflags=flags)
    assert outcome.failed == 0


# --- files ---


def repository_files() -> list[Path]:
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, check=False)
    if listed.returncode:
        pytest.skip("not a git checkout: there is no list of the repository's files")
    return [path for name in listed.stdout.decode().split("\0") if name and (path := ROOT / name).is_file()]


def test_no_file_names_a_registry_or_a_machine() -> None:
    found = [
        f"{path.relative_to(ROOT)}: {word}"
        for path in repository_files()
        for word in FORBIDDEN
        if word.encode() in path.read_bytes()
    ]
    assert not found


@pytest.mark.parametrize("room", ["layers", "cases", "maps"])
def test_every_spec_file_is_toml(room: str) -> None:
    files = sorted((ROOT / room).rglob("*.toml"))
    assert files
    for file in files:
        assert tomllib.loads(file.read_text(encoding="utf-8")), f"{file.relative_to(ROOT)} is empty"


@cache
def project() -> dict[str, list[str]]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def declared(*extras: str) -> dict[str, Requirement]:
    """Return the requirements of pyproject.toml, to run and of some extras, by name."""
    texts = [
        *project()["dependencies"],
        *(text for extra in extras for text in project()["optional-dependencies"][extra]),
    ]
    return {canonicalize_name(requirement.name): requirement for requirement in map(Requirement, texts)}


def pins() -> dict[str, str]:
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pattern = re.compile(r"([a-z0-9-]+)==([0-9][0-9a-z.]*)")
    found = [pattern.fullmatch(line) for line in lines if not line.startswith("#")]
    assert all(found), "constraints.txt holds lines that are not name==version"
    return {canonicalize_name(match[1]): match[2] for match in found if match}


def needed(requirement: Requirement, seen: set[str]) -> Iterator[Requirement]:
    """Yield a requirement and all that it needs in turn, as the installed packages tell."""
    yield requirement
    key = str(requirement)
    if key in seen:
        return
    seen.add(key)
    environments = [default_environment() | {"extra": extra} for extra in ("", *requirement.extras)]
    with contextlib.suppress(importlib.metadata.PackageNotFoundError):
        for text in importlib.metadata.requires(requirement.name) or []:
            further = Requirement(text)
            if further.marker is None or any(map(further.marker.evaluate, environments)):
                yield from needed(further, seen)


def test_every_package_that_is_installed_is_pinned() -> None:
    pinned, seen = pins(), set()
    for top in declared(*project()["optional-dependencies"]).values():
        for requirement in needed(top, seen):
            name = canonicalize_name(requirement.name)
            assert name in pinned, f"constraints.txt lacks {name}"
            assert requirement.specifier.contains(pinned[name], prereleases=True), (
                f"{requirement} is not {pinned[name]}"
            )


def test_the_conda_environment_is_in_step() -> None:
    conda_names = {"build": "python-build"}
    environment = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))
    by_pip = next(entry["pip"] for entry in environment["dependencies"] if isinstance(entry, dict))
    entries = [entry for entry in environment["dependencies"] if isinstance(entry, str)] + by_pip
    bounds = {
        name: SpecifierSet(bound) for name, _, bound in (entry.partition(" ") for entry in entries if entry != "-e .")
    }
    # Without the extra `bench`: only `./geo bench` compares with other engines, and it brings its own .venv.
    expected = {conda_names.get(name, name): requirement.specifier for name, requirement in declared("test").items()}
    expected |= {"python": SpecifierSet(str(project()["requires-python"])), "pip": SpecifierSet()}
    assert environment["name"] == "geosys"
    assert environment["channels"] == ["conda-forge"]
    assert bounds == expected


def test_hooks_before_a_commit_fetch_nothing() -> None:
    hooks = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))
    assert [entry["repo"] for entry in hooks["repos"]] == ["local"]
    assert {hook["language"] for hook in hooks["repos"][0]["hooks"]} == {"system"}
