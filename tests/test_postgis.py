"""The same areas and distances from PostGIS: another program, another language, the same answers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import psycopg
import pytest
import shapely
from test_overlay import coverage

from geosys.geo.area import ellipsoidal_area_m2
from geosys.geo.overlay import overlay_areas
from geosys.geo.relations import Terms, relate

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import geopandas as gpd

CRS = "EPSG:4547"


@pytest.fixture(scope="module")
def database(postgres: str) -> Iterator[psycopg.Connection]:
    """Return a connection to a database with PostGIS."""
    with psycopg.connect(postgres, autocommit=True) as connection:
        connection.execute("create extension if not exists postgis")
        yield connection


def load(database: psycopg.Connection, name: str, frame: gpd.GeoDataFrame, key: str) -> None:
    database.execute(f"drop table if exists {name}")
    database.execute(f"create table {name} (id text, g geometry(geometry, 4547))")
    rows = zip(frame[key].astype(str), shapely.to_wkb(frame.geometry.to_numpy(), hex=True), strict=True)
    with database.cursor() as cursor:
        cursor.executemany(f"insert into {name} values (%s, st_setsrid(%s::geometry, 4547))", list(rows))  # noqa: S608


def test_common_areas_equal_postgis(database: psycopg.Connection, tmp_path: Path) -> None:
    import geopandas as gpd

    rng = np.random.default_rng(17)
    patches = coverage(rng, 25)
    patches["area_m2"] = ellipsoidal_area_m2(patches.geometry.to_numpy(), CRS)
    centres = shapely.points(rng.uniform(500_000, 502_500, 40), rng.uniform(3_850_000, 3_852_500, 40))
    zones = gpd.GeoDataFrame({"id": range(40)}, geometry=shapely.buffer(centres, 220), crs=CRS)
    for name, frame, key in (("patches", patches, "patch"), ("zones", zones, "id")):
        frame.to_parquet(tmp_path / f"{name}.parquet")
        load(database, name, frame, key)
    found = overlay_areas(
        tmp_path / "patches.parquet", {"zones": tmp_path / "zones.parquet"}, coverage_id="patch", risk_id="id",
        true_area="area_m2",
    ).set_index(["risk_id", "coverage_id"])  # fmt: skip
    rows = database.execute(
        """select z.id::int, p.id, st_area(st_intersection(z.g, p.g)),
                  st_area(st_transform(st_intersection(z.g, p.g), 4490)::geography)
           from zones z join patches p on st_intersects(z.g, p.g)"""
    ).fetchall()
    theirs = {(z, p): (plane, ground) for z, p, plane, ground in rows if plane >= 1e-6}
    assert set(theirs) == set(found.index)
    for pair, (plane, ground) in theirs.items():
        assert found.loc[pair, "area_m2"] == pytest.approx(plane, abs=1e-6)
        assert found.loc[pair, "ellipsoidal_m2"] == pytest.approx(ground, rel=3e-6, abs=1e-3), "its edges are geodesics"
    assert found["area_m2"].sum() == pytest.approx(sum(v[0] for v in theirs.values()), rel=1e-12)


def test_distances_on_the_ground_equal_postgis(database: psycopg.Connection) -> None:
    import geopandas as gpd

    rng = np.random.default_rng(23)
    # near the border of the zone, where plane and ground differ by 1 part in 4,000
    one = gpd.GeoDataFrame(
        {"id": range(60)},
        geometry=shapely.points(rng.uniform(6.33e5, 6.36e5, 60), rng.uniform(3.85e6, 3.853e6, 60)),
        crs=CRS,
    )
    two = gpd.GeoDataFrame(
        {"id": range(30)},
        geometry=shapely.points(rng.uniform(6.33e5, 6.36e5, 30), rng.uniform(3.85e6, 3.853e6, 30)),
        crs=CRS,
    )
    load(database, "one", one, "id")
    load(database, "two", two, "id")
    rows = database.execute(
        """select a.id::int, b.id::int, st_distance(st_transform(a.g, 4490)::geography, st_transform(b.g, 4490)::geography)
           from one a, two b where st_dwithin(st_transform(a.g, 4490)::geography, st_transform(b.g, 4490)::geography, 500)"""
    ).fetchall()
    mine = relate("dwithin", one.geometry.to_numpy(), two.geometry.to_numpy(), Terms(crs=CRS, distance_m=500.0))
    found = {(s, o): d for s, o, d in zip(mine["subject"], mine["object"], mine["measure"], strict=True)}
    assert {(a, b) for a, b, _ in rows} == set(found)
    assert all(found[a, b] == pytest.approx(d, abs=1e-4) for a, b, d in rows)
