"""Paths that many tests share."""

from __future__ import annotations

import gc
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings
from postgres_server import serve

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parent.parent
settings.register_profile("geosys", deadline=None)  # a busy machine is no fault of the code
settings.load_profile("geosys")
gc.set_threshold(100_000, 50, 50)  # short-lived objects by the million: the collector would walk after every 700


@pytest.fixture(scope="module", autouse=True)
def settled_memory() -> Iterator[None]:
    """Take what a module leaves out of the collector's sight: it would walk all of it again and again in every module after."""
    yield
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session")
def root() -> Path:
    """Return the project's root."""
    return ROOT


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Return the folder of real data beside the project; skip the test where it is absent."""
    folder = ROOT.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("the real data are not beside the project (../shared/data): nothing to run on")
    return folder


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """Return the URL of a PostgreSQL server that all tests share."""
    with serve() as url:
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def ledger(request: pytest.FixtureRequest, tmp_path: Path) -> Path | str:
    """Return where an empty ledger is: a file, and then a database of its own on the server."""
    if request.param == "sqlite":
        return tmp_path / "cases.sqlite"
    import psycopg

    url, name = request.getfixturevalue("postgres"), f"ledger_{abs(hash(request.node.nodeid)):x}"
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"drop database if exists {name}")
        connection.execute(f"create database {name}")
    return f"{url.rpartition('/')[0]}/{name}"
