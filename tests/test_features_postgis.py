"""The same answers from PostGIS: filters, boxes, pages and rights as from GeoPackages, and edits beside the tables."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import psycopg
import pytest
import shapely
from features_town import (
    CLOCK,
    COUNTIES,
    EPSG,
    OUTFALL,
    PLAN,
    PLOT,
    REGION,
    Client,
    content,
    outfalls,
    plots,
    service_of,
)

from geosys._errors import WorkspaceError
from geosys._text import Text
from geosys.accounts.viewer import Viewer
from geosys.views import schemas_of
from geosys.web.service import Service
from geosys.web.sources.edits import EditedSource
from geosys.web.sources.port import Query, SlowError
from geosys.web.sources.postgis import PostgisSource

if TYPE_CHECKING:
    from collections.abc import Iterator

ROWS = 300
TYPES = {"text": "text", "number": "double precision", "integer": "bigint", "date": "date", "truth": "boolean"}


@pytest.fixture(scope="module")
def url(postgres: str) -> Iterator[str]:
    with psycopg.connect(postgres, autocommit=True) as connection:
        connection.execute("drop database if exists features_town")
        connection.execute("create database features_town")
    address = f"{postgres.rpartition('/')[0]}/features_town"
    with psycopg.connect(address) as connection:
        connection.execute("create extension postgis")
        connection.execute("create schema geosys")
        for layer, frame in ((OUTFALL, outfalls(ROWS)), (PLOT, plots(60))):
            kinds = schemas_of(content())[layer].columns
            columns = [c for c in frame.columns if c in kinds]
            told = ", ".join(f"{c} {TYPES[kinds[c]]}" for c in columns)
            connection.execute(
                f"create table geosys.{layer} (feature_id text primary key, {told}, geom geometry(Geometry, 4547))"
            )
            marks = ", ".join(["%s"] * (1 + len(columns)))
            for _, row in frame.astype(object).where(frame.notna(), None).iterrows():
                values = [row["feature_id"], *(row[c] for c in columns), shapely.to_wkb(row["geometry"])]
                connection.execute(f"insert into geosys.{layer} values ({marks}, ST_GeomFromWKB(%s, 4547))", values)  # noqa: S608  names of the test
    yield address
    with psycopg.connect(postgres, autocommit=True) as connection:
        connection.execute("drop database features_town with (force)")


@pytest.fixture(scope="module")
def two(url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Client, Client]]:
    """Return a client of PostGIS and one of GeoPackages with the same features."""
    schemas = schemas_of(content())
    source = EditedSource(PostgisSource(url, schemas), tmp_path_factory.mktemp("edits") / "edits.sqlite", lambda: CLOCK)
    service = Service(
        source=source,
        schemas=schemas,
        catalogue=content(),
        title=Text("镇", "Town"),
        plan_crs=PLAN,
        clock=lambda: CLOCK,
        region=REGION,
    )
    files = service_of(tmp_path_factory.mktemp("services"), {OUTFALL: outfalls(ROWS), PLOT: plots(60)})
    yield Client(service), Client(files)
    source.close()


FILTERS = [
    "river_name = '黄河' AND flow_t_d > 5", "NOT (flow_t_d > 5)", "outfall_name LIKE '50\\%%'", "outfall_name LIKE '%a%'", "CASEI(outfall_name) = CASEI('aLPHA')",
    "outfall_name IN ('O''Brien', 'a\"b')", "is_traced = true OR found_on < DATE('2025-01-15')", "found_on BETWEEN DATE('2025-01-10') AND DATE('2025-02-01')",
    "outfall_name IS NULL", "found_on < done_on", "outfall_name = '; DROP TABLE outfall; --'", "is_traced", "NOT is_traced", "T_AFTER(found_on, DATE('2025-02-01'))",
    "S_INTERSECTS(geometry, BBOX(114.2,34.72,114.3,34.8))", "NOT S_DISJOINT(geometry, POLYGON((114.2 34.7,114.3 34.8,114.2 34.8,114.2 34.7)))", "outfall_name LIKE 'back\\\\%'",
]  # fmt: skip


@pytest.mark.parametrize("text", FILTERS)
def test_a_filter_finds_the_same_in_both_stores(two: tuple[Client, Client], text: str) -> None:
    one, other = (client.items(OUTFALL, filter=text, limit=1000) for client in two)
    assert [f["id"] for f in one["features"]] == [f["id"] for f in other["features"]] != []
    assert one["numberMatched"] == other["numberMatched"]


@pytest.mark.parametrize("relation", ["INTERSECTS", "WITHIN", "DISJOINT", "OVERLAPS", "CONTAINS"])
def test_places_stand_the_same_in_both_stores(two: tuple[Client, Client], relation: str) -> None:
    told = [
        client.items(PLOT, filter=f"S_{relation}(geometry, BBOX(114.2003,34.7204,114.2805,34.8006))", limit=100)
        for client in two
    ]
    assert [f["id"] for f in told[0]["features"]] == [f["id"] for f in told[1]["features"]]


def test_answers_are_the_same_to_the_value(two: tuple[Client, Client]) -> None:
    for crs in (f"{EPSG}4490", f"{EPSG}4547"):
        one, other = (client.items(OUTFALL, crs=crs, limit=1000)["features"] for client in two)
        for a, b in zip(one, other, strict=True):
            assert a["geometry"]["coordinates"] == pytest.approx(
                b["geometry"]["coordinates"], abs=2e-4 if crs.endswith("4547") else 2e-9
            )
            assert a["properties"].items() <= b["properties"].items()


def test_pages_hold_every_feature_once_and_counties_their_own(two: tuple[Client, Client], url: str) -> None:
    address, names = f"/collections/{OUTFALL}/items?limit=37", []
    while address:
        told = two[0].ask("GET", address).json()
        names += [f["id"] for f in told["features"]]
        address = next((link["href"] for link in told["links"] if link["rel"] == "next"), "")
    assert names == outfalls(ROWS)["feature_id"].tolist()
    schemas = schemas_of(content())
    source = PostgisSource(url, schemas)
    service = Service(
        source=source,
        schemas=schemas,
        catalogue=content(),
        title=Text("镇", "Town"),
        plan_crs=PLAN,
        clock=lambda: CLOCK,
    )
    county = Client(service, Viewer("li", "editor", counties=frozenset({COUNTIES[0]}), audience="internal"))
    frame = outfalls(ROWS)
    assert [f["id"] for f in county.items(OUTFALL, limit=1000)["features"]] == frame[
        frame["county_code"] == COUNTIES[0]
    ]["feature_id"].tolist()
    body = json.dumps({"type": "Feature", "geometry": None, "properties": {}})
    assert (
        county.ask(
            "POST", f"/collections/{OUTFALL}/items", content=body, headers={"Content-Type": "application/geo+json"}
        ).status_code
        == 403
    )
    source.close()


def test_edits_stand_beside_the_tables(url: str, two: tuple[Client, Client]) -> None:
    client = two[0]
    address = f"/collections/{OUTFALL}/items/C0002"
    headers = {"If-Match": client.get(address).headers["etag"], "Content-Type": "application/merge-patch+json"}
    changed = client.ask(
        "PATCH", address, content=json.dumps({"properties": {"outfall_name": "改名"}}), headers=headers
    )
    assert changed.status_code == 200, changed.text
    assert client.get(address).json()["properties"]["outfall_name"] == "改名"
    with psycopg.connect(url) as connection:
        assert connection.execute("select count(*) from geosys.outfall where outfall_name = '改名'").fetchone() == (0,)


def test_a_question_that_takes_too_long_is_ended(url: str) -> None:
    source = PostgisSource(url, schemas_of(content()), most_seconds=1)
    with pytest.raises(SlowError, match="expected less"), source._borrowed() as connection:
        connection.execute("select pg_sleep(5)")
    assert len(source.items(OUTFALL, Query((), limit=3))) == 3
    with source._borrowed() as connection, pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
        connection.execute("delete from geosys.outfall")
    source.close()


def test_a_database_that_is_not_there_is_told_without_its_password() -> None:
    with pytest.raises(WorkspaceError, match="--database") as caught:
        PostgisSource("postgresql://u:secret@127.0.0.1:1/none", schemas_of(content()))
    assert "secret" not in str(caught.value)
