"""PostGIS: what is loaded equals its source by plain SQL, readers see whole editions, killed publishers leave none, the public sees its own."""

from __future__ import annotations

import datetime as dt
import os
import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import geopandas as gpd
import numpy as np
import pandas as pd
import psycopg
import pyproj
import pytest
import shapely
import typer
from conftest import ROOT
from hypothesis import given, settings
from hypothesis import strategies as st
from psycopg import sql
from typer.testing import CliRunner

from geosys._errors import ConflictError, DisclosureError, WorkspaceError
from geosys._text import Text
from geosys.cli.postgis_command import postgis
from geosys.geo.area import ellipsoidal_area_m2
from geosys.geo.crs import to_crs
from geosys.layers.intake import Layer
from geosys.layers.spec import read_catalogue
from geosys.layers.store import write_version
from geosys.publish.postgis import definitions, publishing, register
from geosys.publish.postgis.connection import connect, database_named
from geosys.publish.postgis.edition import Column, Edition, Table
from geosys.publish.postgis.layer_tables import layer_tables
from geosys.publish.postgis.publishing import Publication, preview, publish
from geosys.publish.postgis.reading import read_published
from geosys.publish.postgis.records import cases_table, findings_table
from geosys.publish.postgis.rows import as_one_kind, edge_slack_m2

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

CATALOGUE = read_catalogue()
DAY = dt.date(2026, 9, 30)
PLAN = "EPSG:4547"
X, Y = 520_000.0, 3_840_000.0
HOSTILE = [
    "\\.",
    'a"b',
    "一\n\\.\n二",
    "",
    "\\N",
    "NULL",
    "逗号,，;",
    "\t制表",
    "'; DROP TABLE x; --",
    "𠮷 é %s {}",
    " 前后 ",
    "\r\n",
]
RNG = np.random.default_rng(9)


# --- a small county ---


def frame_of(layer: str, shapes: list[Any], **values: list[Any]) -> gpd.GeoDataFrame:
    """Return a frame as intake leaves it: every column of the spec, typed, missing where no values are given."""
    spec, size = CATALOGUE.layers[layer], len(shapes)
    dtypes = {"text": "object", "integer": "Int64", "number": "float64", "date": "object", "truth": "boolean"}
    columns = {n: pd.Series(values.get(n, [None] * size), dtype=dtypes[spec.type_of(n)]) for n in spec.titles}
    if "area_m2" in columns:
        columns["area_m2"] = pd.Series(ellipsoidal_area_m2(np.array(shapes, dtype=object), PLAN))
    ids = [f"{layer}-{n:05d}" for n in range(size)]
    origin = {"source_file": ["inbox/表.xlsx"] * size, "source_row": np.arange(1, size + 1)}
    return gpd.GeoDataFrame({"feature_id": ids, **columns, **origin}, geometry=shapes, crs=PLAN)


def store_layer(root: Path, layer: str, frame: gpd.GeoDataFrame) -> None:
    told = {"crs": PLAN, "layer": layer, "rows": len(frame), "deliveries": []}
    write_version(
        root / "store", Layer(CATALOGUE.layers[layer], frame, frame.iloc[:0].assign(issue_type=[]), told), "k"
    )


def squares(number: int, side: float = 90.0) -> list[Any]:
    wide = int(np.ceil(np.sqrt(number)))
    return [
        shapely.box(
            X + 100 * (i % wide), Y + 100 * (i // wide), X + 100 * (i % wide) + side, Y + 100 * (i // wide) + side
        )
        for i in range(number)
    ]


def land(number: int = 400) -> gpd.GeoDataFrame:
    turned = [shapely.affinity.rotate(shape, 7.0 * i) for i, shape in enumerate(squares(number))]
    turned[0] = shapely.MultiPolygon([turned[0], shapely.box(X - 500, Y - 500, X - 400, Y - 400)])
    turned[1] = turned[1].difference(turned[1].centroid.buffer(20))
    random = np.random.default_rng(9)
    classes = list(CATALOGUE.codes["landclass"].titles)[:7]
    return frame_of(
        "land_patch", turned, land_class_code=[None if i % 11 == 0 else classes[i % 7] for i in range(number)],
        stated_area_m2=[np.nan if i % 5 == 0 else float(random.random() * 10.0 ** (i % 9)) for i in range(number)],
        data_year=[None if i % 3 == 0 else 2009 + i % 17 for i in range(number)],
        is_enclave=[None if i % 4 == 0 else i % 2 == 0 for i in range(number)], note=[HOSTILE[i % len(HOSTILE)] for i in range(number)],
    )  # fmt: skip


def make_county(root: Path) -> Path:
    root.mkdir(parents=True, exist_ok=True)
    (root / "geosys.toml").write_text(f'title = {{ zh = "县", en = "County" }}\ncrs = "{PLAN}"\n', encoding="utf-8")
    store_layer(root, "land_patch", land())
    store_layer(root, "township", frame_of("township", [shapely.box(X, Y, X + 9000, Y + 8000)], township_name=["柳园"]))
    lines = [shapely.LineString([(X, Y), (X + 100, Y + 50)]), shapely.LineString([(X, Y + 9), (X + 5, Y + 9)])]
    store_layer(root, "river", frame_of("river", lines, river_name=["小芦河", None], river_chief=["张三", "李四"]))
    spots = [shapely.Point(X + i, Y - i) for i in range(5)]
    days = [DAY, None, dt.date(1999, 12, 31), None, dt.date(2024, 2, 29)]
    store_layer(root, "outfall", frame_of("outfall", spots, found_on=days, flow_t_d=[0.1, np.nan, 1e-300, 1e15, 3.0]))
    store_layer(
        root, "water_sample", frame_of("water_sample", [None] * 3, ph=[7.1, np.nan, 8.0], sampled_on=[DAY, DAY, DAY])
    )
    return root


@pytest.fixture(scope="module")
def county(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a workspace with five layers: of polygons, lines, points and rows without a place."""
    return make_county(tmp_path_factory.mktemp("county") / "w")


def edition_of(county: Path, schema: str, *layers: str, day: dt.date = DAY, more: tuple[Table, ...] = ()) -> Edition:
    tables = [*layer_tables(county / "store", CATALOGUE, layers), *more]
    return Edition(schema, day, tables, CATALOGUE.codes, "GeoSys 0", "r1")


@pytest.fixture
def database(postgres: str, request: pytest.FixtureRequest) -> Iterator[str]:
    """Return the URL of an empty database with PostGIS."""
    name = f"p_{abs(hash(request.node.nodeid)):x}"
    with psycopg.connect(postgres, autocommit=True) as base:
        base.execute(f"drop database if exists {name} with (force)")
        base.execute(f"create database {name} template {template(base)}")
    yield f"{postgres.rpartition('/')[0]}/{name}"
    with psycopg.connect(postgres, autocommit=True) as base:
        base.execute(f"drop database if exists {name} with (force)")


def template(base: psycopg.Connection) -> str:
    """Return the name of a database with PostGIS that others are copied from: making the extension takes a second each time."""
    if base.execute("select from pg_database where datname = 'with_postgis'").fetchone() is None:
        base.execute("create database with_postgis")
        with psycopg.connect(f"{base.info.dsn} dbname=with_postgis", autocommit=True) as made:
            made.execute("create extension postgis")
    return "with_postgis"


def ask(url: str, query: str, *values: Any, role: str = "") -> list[tuple[Any, ...]]:
    with psycopg.connect(url) as connection:
        if role:
            connection.execute(sql.SQL("set role {}").format(sql.Identifier(role)))
        return connection.execute(query, values or None).fetchall()


# --- the same as the source, by plain SQL ---


@pytest.fixture(scope="module")
def published(postgres: str, county: Path) -> tuple[str, Publication]:
    """Return a database with the county in it, and what publishing it told."""
    with psycopg.connect(postgres, autocommit=True) as base:
        base.execute("drop database if exists p_county with (force)")
        base.execute(f"create database p_county template {template(base)}")
    url = f"{postgres.rpartition('/')[0]}/p_county"
    return url, publish(url, edition_of(county, "geosys"), with_chinese=True)


def test_rows_values_and_places_equal_the_source(published: tuple[str, Publication]) -> None:
    url, _ = published
    frame = land()
    columns = [c for c in frame.columns if c != "geometry"]
    listed = ", ".join(f'"{c}"' for c in columns)
    rows = {r[0]: r for r in ask(url, f"select {listed}, st_asbinary(geometry) from geosys.land_patch")}  # noqa: S608
    assert len(rows) == len(frame) == 400
    for row in RNG.choice(len(frame), 100, replace=False):
        expected, got = frame.iloc[row], rows[frame["feature_id"].iloc[row]]
        for column, value in zip(columns, got[:-1], strict=True):
            want = None if pd.isna(expected[column]) else expected[column]
            assert value == want, (column, value, want)
        assert (
            shapely.from_wkb(got[-1])
            .normalize()
            .equals(as_one_kind(frame.geometry.to_numpy()[[row]], "polygon").shapes[0].normalize())
        )
    assert ask(url, "select flow_t_d, found_on from geosys.outfall order by 1")[0] == (1e-300, dt.date(1999, 12, 31))
    assert ask(url, "select count(*), count(ph), count(sampled_at) from geosys.water_sample") == [(3, 2, 0)]


def test_areas_equal_those_of_pyproj(published: tuple[str, Publication]) -> None:
    url, _ = published
    degrees = to_crs(land().geometry.to_numpy(), PLAN, "EPSG:4490")
    geod = pyproj.Geod(ellps="GRS80")
    expected = sum(abs(geod.geometry_area_perimeter(shapely.orient_polygons(shape))[0]) for shape in degrees)
    [(got,)] = ask(url, "select sum(st_area(geometry::geography)) from geosys.land_patch_4490")
    assert got == pytest.approx(expected, rel=1e-9)
    [(noted,)] = ask(url, "select area_m2 from geosys.versions where layer = 'land_patch' and is_current")
    assert noted == pytest.approx(land()["area_m2"].sum(), rel=1e-9)


def test_types_comments_and_srid_are_as_the_spec_says(published: tuple[str, Publication]) -> None:
    url, done = published
    with psycopg.connect(url) as connection:
        tables = read_published(connection, "geosys")
        public = read_published(connection, "geosys_public")
        chinese = read_published(connection, "geosys_zh")
    kinds = {column.id: column.kind for column in tables["outfall"].columns}
    assert (kinds["flow_t_d"], kinds["found_on"], kinds["is_traced"], kinds["outfall_name"]) == (
        "number",
        "date",
        "truth",
        "text",
    )
    told = {column.id: column.comment for column in tables["outfall"].columns}
    assert told["flow_t_d"] == "排放量（t/d） Discharge (t/d)"
    assert all(column.comment for table in tables.values() for column in table.columns)
    assert (tables["outfall"].kind, tables["outfall"].srid, tables["outfall_4490"].srid) == ("Point", 4547, 4490)
    assert (tables["land_patch"].kind, tables["river"].kind, tables["water_sample"].srid) == (
        "MultiPolygon",
        "MultiLineString",
        0,
    )
    versions = dict(ask(url, "select layer, version from geosys.versions where is_current"))
    assert {name: tables[name].version for name in versions} == versions
    assert sorted(name for name in public if not name.startswith("code_")) == [
        "river",
        "river_4490",
        "township",
        "township_4490",
    ]
    assert {"排污口名称", "排放量", "要素编号"} <= {column.id for column in chinese["入河排污口"].columns}
    uncommented = ask(
        url, "select c.relname, a.attname from pg_attribute a join pg_class c on c.oid = a.attrelid join pg_namespace n on "
        "n.oid = c.relnamespace where n.nspname = %s and c.relkind = 'r' and a.attnum > 0 and col_description(c.oid, a.attnum) is null",
        done.schema,
    )  # fmt: skip
    assert uncommented == []


@pytest.mark.parametrize(("view", "box"), [("land_patch", (X, Y, X + 150, Y + 150, 4547)), ("land_patch_4490", None)])
def test_a_box_is_found_through_an_index(
    published: tuple[str, Publication], view: str, box: tuple[float, ...] | None
) -> None:
    url, _ = published
    if box is None:
        west, south, east, north = to_crs(np.array([shapely.box(X, Y, X + 150, Y + 150)]), PLAN, "EPSG:4490")[0].bounds
        box = (west, south, east, north, 4490)
    query = f"select feature_id from geosys.{view} where geometry && st_makeenvelope(%s, %s, %s, %s, %s)"  # noqa: S608
    with psycopg.connect(url) as connection:
        plan = "\n".join(str(row[0]) for row in connection.execute("explain " + query, box).fetchall())
        found = {row[0] for row in connection.execute(query, box).fetchall()}
    assert "Index Scan" in plan, plan
    frame = land()
    assert {"land_patch-00000", "land_patch-00001"} <= found < set(frame["feature_id"])
    [(reason,)] = ask(url, "explain select 1 from geosys.land_patch where feature_id = 'land_patch-00007'")[:1]
    assert "pkey" in reason


def test_codes_and_lengths_are_kept_by_the_database(published: tuple[str, Publication]) -> None:
    url, done = published
    for change in ("land_class_code = 'no such'", f"note = '{'长' * 300}'"):
        with (
            psycopg.connect(url) as connection,
            pytest.raises((psycopg.errors.CheckViolation, psycopg.errors.ForeignKeyViolation)),
        ):
            connection.execute(f"update {done.schema}.land_patch set {change} where feature_id = 'land_patch-00003'")  # noqa: S608


@given(st.lists(st.tuples(st.floats(0, 3e4), st.floats(0, 3e4)), min_size=3, max_size=9, unique=True))
@settings(max_examples=150, deadline=None)
def test_the_slack_bounds_what_lies_between_two_definitions_of_an_edge(points: list[tuple[float, float]]) -> None:
    shape = shapely.convex_hull(shapely.MultiPoint([(X + x, Y + y) for x, y in points]))
    if shape.geom_type != "Polygon":
        return
    polygon = np.array([shape], dtype=object)
    degrees = shapely.orient_polygons(to_crs(polygon, PLAN, "EPSG:4490")[0])
    geodesic = abs(pyproj.Geod(ellps="GRS80").geometry_area_perimeter(degrees)[0])
    statutory = float(ellipsoidal_area_m2(polygon, PLAN)[0])
    assert abs(geodesic - statutory) <= edge_slack_m2(polygon, PLAN) + 1e-9 * statutory


# --- who may ---


def test_the_public_reads_what_is_public_and_nothing_else(published: tuple[str, Publication]) -> None:
    """Every relation there is, for each role: whether it may be read."""
    url, done = published
    relations = ask(
        url, "select n.nspname, c.relname from pg_class c join pg_namespace n on n.oid = c.relnamespace "
        "where n.nspname like 'geosys%%' and c.relkind in ('r', 'v') and %s", True,
    )  # fmt: skip
    assert len(relations) > 30
    for schema, name in relations:
        for role in ("geosys_reader", "geosys_public"):
            is_open = schema == "geosys_public" or (role == "geosys_reader" and schema in {"geosys", "geosys_zh"})
            query = sql.SQL("select count(*) from {}").format(sql.Identifier(schema, name))
            with psycopg.connect(url) as connection:
                connection.execute(sql.SQL("set role {}").format(sql.Identifier(role)))
                if is_open:
                    connection.execute(query)
                else:
                    with pytest.raises(psycopg.errors.InsufficientPrivilege):
                        connection.execute(query)
    columns = {
        c
        for (c,) in ask(
            url, "select attname from pg_attribute where attrelid = 'geosys_public.river'::regclass and attnum > 0"
        )
    }
    assert "river_name" in columns
    assert not {"river_chief", "source_file", "source_row"} & columns
    assert done.schema.startswith("geosys_v20260930_")


def test_what_is_no_longer_public_is_taken_from_the_public(database: str, county: Path) -> None:
    publish(database, edition_of(county, "geosys"))
    assert ask(database, "select count(*) from geosys_public.township", role="geosys_public") == [(1,)]
    edition = edition_of(county, "geosys", "township", "river")
    closed = [replace(t, is_public=False, disclosure="internal") if t.id == "township" else t for t in edition.tables]
    done = publish(database, replace(edition, tables=closed), is_whole=False)
    assert done.removed_views == ["geosys_public.township", "geosys_public.township_4490"]
    assert ask(database, "select to_regclass('geosys_public.township')") == [(None,)]
    assert ask(database, "select count(*) from geosys.outfall") == [(5,)]  # not in that edition: shows what it showed


def test_a_right_that_somebody_gave_the_public_stops_the_swap(database: str, county: Path) -> None:
    publish(database, edition_of(county, "leaky", "township"))
    with psycopg.connect(database, autocommit=True) as base:
        base.execute("grant leaky_reader to leaky_public")
        try:
            with pytest.raises(
                DisclosureError, match=r"leaky_public: got the right to read leaky\.code_.*leaky\.river,"
            ):
                publish(database, edition_of(county, "leaky", "river"))
        finally:
            base.execute("revoke leaky_reader from leaky_public")
    assert ask(database, "select to_regclass('leaky.river')") == [(None,)]


def test_a_publisher_needs_no_superuser_and_is_told_what_it_lacks(postgres: str, database: str, county: Path) -> None:
    name = database.rpartition("/")[2]
    with psycopg.connect(postgres, autocommit=True) as base:
        base.execute("drop role if exists office")
        base.execute("create role office login")
    mine = database.replace("geosys@", "office@")
    with pytest.raises(
        WorkspaceError, match=r'CREATE ROLE "platform_owner" NOLOGIN; .*GRANT "platform_owner" TO "office";'
    ):
        publish(mine, edition_of(county, "platform", "river"))
    with psycopg.connect(postgres, autocommit=True) as base:
        for which in ("owner", "reader", "public"):
            base.execute(f"create role platform_{which} nologin")
        base.execute("grant platform_owner to office")
    with pytest.raises(WorkspaceError, match=f'GRANT CREATE ON DATABASE "{name}" TO "office"'):
        publish(mine, edition_of(county, "platform", "river"))
    with psycopg.connect(postgres, autocommit=True) as base:
        base.execute(f"grant create on database {name} to office")
    assert publish(mine, edition_of(county, "platform", "river")).is_loaded
    assert publish(mine, edition_of(county, "platform", "river", day=dt.date(2026, 10, 1))).is_loaded
    owners = ask(database, "select distinct pg_get_userbyid(relowner) from pg_class c join pg_namespace n on n.oid = relnamespace "
                 "where nspname like 'platform%%' and %s", True)  # fmt: skip
    assert owners == [("platform_owner",)]
    with psycopg.connect(database, autocommit=True) as base:
        base.execute("drop owned by office")


def test_a_database_without_postgis_is_told_plainly(postgres: str, county: Path) -> None:
    with psycopg.connect(postgres, autocommit=True) as base:
        base.execute("drop role if exists guest")
        base.execute("create role guest login")
        base.execute("drop database if exists bare")
        base.execute("create database bare owner guest")
    bare = f"{postgres.replace('geosys@', 'guest@').rpartition('/')[0]}/bare"
    with pytest.raises(WorkspaceError, match=r"CREATE EXTENSION postgis;"):
        publish(bare, edition_of(county, "geosys"))


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://me:s3cret@h/d",
        "postgresql://me@h/d?password=s3cret",
        "postgresql://me:s3cret@h:port:x/d?nonsense=1",
    ],
)
def test_a_password_in_the_url_is_refused_and_not_repeated(url: str) -> None:
    with pytest.raises(WorkspaceError) as told:
        database_named(url)
    assert "s3cret" not in str(told.value)


def test_a_server_that_does_not_answer_is_told_without_the_password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGPASSWORD", "s3cret")
    with (
        pytest.raises(WorkspaceError, match=r"127\.0\.0\.1:1/d: got") as told,
        connect("postgresql://me@127.0.0.1:1/d"),
    ):
        pass
    assert "s3cret" not in str(told.value)


# --- whole or not at all ---


def counting(tag: int) -> tuple[Table, ...]:
    """Return two tables whose rows all say one number: a mix of two editions shows."""
    column = Column("tag", "integer", Text("号", "Tag"))

    def rows(size: int) -> gpd.GeoDataFrame:
        ids = [str(i) for i in range(size)]
        return gpd.GeoDataFrame({"feature_id": ids, "tag": [tag] * size}, geometry=squares(size), crs=PLAN)

    return tuple(
        Table(name, Text("表", name), "polygon", PLAN, [column], f"{name}{tag}", 200, lambda: rows(200))
        for name in ("one", "two")
    )


def tagged(schema: str, tag: int) -> Edition:
    return Edition(schema, DAY, counting(tag), {}, "GeoSys 0", "")


SEEN = "select (select array_agg(distinct tag) || count(*) from e.one), (select array_agg(distinct tag) || count(*) from e.two)"


def test_readers_see_whole_editions_while_others_are_published(database: str) -> None:
    """One reader a statement at a time, one with two statements a transaction, one on a snapshot older than the swap."""
    publish(database, tagged("e", 0))
    stop, faults, seen = threading.Event(), [], set()

    def read(level: str) -> None:
        try:
            with psycopg.connect(database) as connection:
                while not stop.is_set():
                    connection.execute(f"set transaction isolation level {level}")
                    connection.execute("select 1")  # the snapshot is taken here where there is one a transaction
                    if level == "repeatable read":
                        time.sleep(0.05)
                    one, two = connection.execute(SEEN).fetchone() or ((), ())
                    again = connection.execute(SEEN).fetchone()
                    connection.commit()
                    seen.add(one[0])
                    if one != two or len(one) != 2 or one[1] != 200 or again != (one, two):
                        faults.append((level, one, two, again))
        except Exception as error:  # noqa: BLE001  whatever it is, the reader must not have it
            faults.append(repr(error))

    readers = [threading.Thread(target=read, args=(level,)) for level in ("read committed", "repeatable read")]
    for reader in readers:
        reader.start()
    for tag in range(1, 6):
        publish(database, tagged("e", tag))
    time.sleep(0.1)
    stop.set()
    for reader in readers:
        reader.join()
    assert faults == []
    assert len(seen) > 2
    assert ask(database, SEEN) == [([5, 200], [5, 200])]


def test_a_reader_that_does_not_end_is_named_and_nothing_changes(database: str) -> None:
    publish(database, tagged("e", 1))
    with psycopg.connect(database, application_name="长报表") as reader:
        reader.execute("select * from e.one")
        with pytest.raises(ConflictError, match=r"e: got readers that do not end within 0\.2 s \(pid \d+, geosys, "):
            publish(database, tagged("e", 2), patience_s=0.2)
        assert reader.execute("select count(*) from e.two").fetchone() == (200,)
    assert ask(database, SEEN) == [([1, 200], [1, 200])]
    assert publish(database, tagged("e", 2)).is_loaded


def test_two_publishers_do_not_meet(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(register, "_LOCK_WAIT_MS", 200)
    with psycopg.connect(database) as other, other.transaction():
        register.take_lock(other, "e")
        with pytest.raises(
            ConflictError, match=r"e: got another publisher at work \(geosys from 127\.0\.0\.1, since .*pid \d+\)"
        ):
            publish(database, tagged("e", 1))
    assert publish(database, tagged("e", 1)).is_loaded


KILLED = """
import datetime as dt, pathlib, sys, time
from geosys.layers.spec import read_catalogue
from geosys.publish.postgis import publishing
from geosys.publish.postgis.edition import Edition
from geosys.publish.postgis.layer_tables import layer_tables
url, store, stage, flag = sys.argv[1:]
def stop(*given, **named):
    pathlib.Path(flag).write_text("here")
    time.sleep(60)
setattr(publishing, stage, stop)
catalogue = read_catalogue()
tables = layer_tables(pathlib.Path(store), catalogue, ["outfall", "river"])
publishing.publish(url, Edition("geosys", dt.date(2026, 10, 1), tables, catalogue.codes, "GeoSys 0", "r1"))
"""


@pytest.mark.parametrize("stage", ["finish_table", "check_closed", "drop_old"])
def test_a_killed_publisher_leaves_the_edition_before_and_a_retry_works(
    database: str, county: Path, tmp_path: Path, stage: str
) -> None:
    """Killed in the middle of loading, before the commit, and between it and dropping what is old."""
    first, later = (edition_of(county, "geosys", "outfall", "river", day=day) for day in (DAY, dt.date(2026, 10, 1)))
    publish(database, first)
    flag = tmp_path / "flag"
    command = [sys.executable, "-c", KILLED, database, str(county / "store"), stage, str(flag)]
    with subprocess.Popen(command, env=os.environ | {"PYTHONPATH": str(ROOT)}, stderr=subprocess.PIPE) as child:
        while not flag.exists():
            assert child.poll() is None, child.stderr.read().decode() if child.stderr else ""
            time.sleep(0.02)
        child.send_signal(signal.SIGKILL)
    is_done = stage == "drop_old"
    shown = "select substring(pg_get_viewdef('geosys.outfall') from 'geosys_v[0-9a-f_]+'), count(*) from geosys.outfall"
    there = "select nspname from pg_namespace where nspname like 'geosys\\_v%%' and %s order by 1"
    assert ask(database, shown) == [((later if is_done else first).name, 5)]
    assert ask(database, there, True) == [(first.name,), (later.name,)][: 1 + is_done]
    assert publish(database, later).is_loaded is not is_done
    assert ask(database, shown) == [(later.name, 5)]


def test_what_differs_from_the_source_is_undone(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    publish(database, tagged("e", 1))
    whole = definitions.csv_of

    def without_a_row(*given: Any) -> Iterator[bytes]:
        yield b"".join(whole(*given)).split(b"\n", 1)[1]

    def one_value_lost(*given: Any) -> Iterator[bytes]:
        yield b"".join(whole(*given)).replace(b'"7",2,', b'"7",,')

    def moved(table: Table, frame: gpd.GeoDataFrame, shapes: Any, *given: Any) -> Iterator[bytes]:
        yield from whole(table, frame, shapely.transform(shapes, lambda xy: xy + 0.01), *given)

    for tamper, words in (
        (without_a_row, "got rows 199"),
        (one_value_lost, "got values of tag 199"),
        (moved, "side of the box"),
    ):
        monkeypatch.setattr(definitions, "csv_of", tamper)
        with pytest.raises(WorkspaceError, match=words):
            publish(database, tagged("e", 2))
        assert ask(database, SEEN) == [([1, 200], [1, 200])]
    monkeypatch.setattr(definitions, "csv_of", whole)
    monkeypatch.setattr(publishing, "measure_stored", lambda *given: replace(whole_measure(*given), area_m2=1.7e6))
    with pytest.raises(WorkspaceError, match=r"one: got ellipsoidal area in m² 1700000\.0 in the database"):
        publish(database, tagged("e", 2))


whole_measure = publishing.measure_stored


# --- editions that stay and go ---


def test_old_editions_go_unless_somebody_builds_on_them(database: str) -> None:
    first = publish(database, tagged("e", 1))
    second = publish(database, tagged("e", 2), keep=2)
    assert second.dropped == []
    with psycopg.connect(database) as base:
        base.execute(f"create view public.mine as select * from {first.schema}.one")  # noqa: S608
    third = publish(database, tagged("e", 3), keep=2)
    assert (third.dropped, list(third.staying)) == ([], [first.schema])
    assert "mine" in third.staying[first.schema]
    with psycopg.connect(database) as base:
        base.execute("drop view public.mine")
    back = publish(database, tagged("e", 2), keep=2)
    assert (back.is_loaded, back.dropped) == (False, [first.schema])
    assert ask(database, SEEN) == [([2, 200], [2, 200])]
    assert ask(database, "select distinct schema_name, is_current from e.versions order by 2") == [
        (third.schema, False),
        (second.schema, True),
    ]


def test_columns_may_change_but_not_under_others_views(database: str) -> None:
    publish(database, tagged("e", 1))
    wider = [replace(t, columns=[Column("tag", "text", Text("号", "Tag"))], version="x") for t in counting(2)]
    edition = Edition("e", DAY, wider, {}, "GeoSys 0", "")
    with psycopg.connect(database) as base:
        base.execute("create view public.mine as select tag from e.one")
    with pytest.raises(
        WorkspaceError, match=r"got views built on ours whose columns change \(view mine depends on view e\.one\)"
    ):
        publish(database, edition)
    with psycopg.connect(database) as base:
        base.execute("drop view public.mine")
    publish(database, edition)
    assert ask(database, "select distinct tag from e.one") == [("2",)]


def test_rows_that_break_a_rule_are_loaded_and_told(database: str, tmp_path: Path) -> None:
    frame = frame_of(
        "outfall",
        [shapely.Point(X, Y), None],
        outfall_name=["长" * 150, "短"],
        flow_t_d=[-1.0, 2.0],
        bank=["中岸", None],
    )
    store_layer(tmp_path, "outfall", frame)
    done = publish(database, edition_of(tmp_path, "geosys"))
    assert {(b.column, b.rule, b.rows, b.first) for b in done.broken} == {
        ("outfall_name", "length 100", 1, ("outfall-00000",)), ("flow_t_d", "minimum 0", 1, ("outfall-00000",)),
        ("bank", "codes bank", 1, ("outfall-00000",)),
    }  # fmt: skip
    assert ask(database, "select char_length(outfall_name), bank from geosys.outfall where flow_t_d < 0") == [
        (150, "中岸")
    ]
    with psycopg.connect(database) as base, pytest.raises(psycopg.errors.CheckViolation):
        base.execute(f"insert into {done.schema}.outfall (feature_id, flow_t_d) values ('new', -2)")  # noqa: S608


def test_heights_stay_where_all_have_them() -> None:
    flat, high = shapely.Point(1, 2), shapely.Point(1, 2, 3)
    assert as_one_kind(np.array([high, high, None]), "point").kind == "PointZ"
    mixed = as_one_kind(np.array([flat, high]), "point")
    assert (mixed.kind, mixed.has_lost_heights, shapely.has_z(mixed.shapes).any()) == ("Point", True, False)
    assert as_one_kind(np.array([flat, shapely.MultiPoint([flat])]), "point").kind == "MultiPoint"


def test_findings_and_cases_are_tables_for_readers_only(database: str) -> None:
    findings = gpd.GeoDataFrame(
        {"finding_id": ["a", "b", "a"], "due_on": ["2026-01-31", "", None], "measure": [1.5, np.nan, 2.0], "is_near": [True, False, False],
         "outcome": ["hit"] * 3}, geometry=[shapely.Point(X, Y), None, shapely.Point(X, Y)], crs=PLAN,
    )  # fmt: skip
    agenda = pd.DataFrame(
        {"case_id": ["Ca"], "due_on": [DAY], "status": ["found"], "days_left": pd.array([3], dtype="Int64")}
    )
    publish(
        database, Edition("geosys", DAY, [findings_table(findings), cases_table(agenda, PLAN)], {}, "GeoSys 0", "r1")
    )
    rows = ask(database, "select feature_id, due_on, measure, is_near, st_x(geometry) from geosys.findings order by 1")
    assert rows == [
        ("a", dt.date(2026, 1, 31), 1.5, True, X),
        ("a#2", None, 2.0, False, X),
        ("b", None, None, False, None),
    ]
    assert ask(database, "select feature_id, due_on, days_left from geosys.cases") == [("Ca", DAY, 3)]
    assert ask(database, "select count(*) from pg_views where schemaname = 'geosys_public'") == [(0,)]


# --- the command ---


def test_the_command_previews_and_publishes(database: str, county: Path) -> None:
    app = typer.Typer()
    app.command()(postgis)
    options = ["--workspace", str(county), "--today", "2026-09-30"]
    told = CliRunner().invoke(app, [database, *options, "--preview", "--layer", "river"])
    assert told.exit_code == 0, told.output
    assert "river: 2 行 rows" in told.output
    assert ask(database, "select to_regnamespace('geosys')") == [(None,)]
    told = CliRunner().invoke(app, [database, *options, "--json"])
    assert told.exit_code == 0, told.output
    assert '"rows": 400' in told.output
    assert "geosys@" not in told.output
    assert ask(database, "select count(*) from geosys.land_patch") == [(400,)]
    refused = CliRunner().invoke(app, [database, *options, "--layer", "land_pach"])
    assert "Did you mean 'land_patch'?" in str(refused.exception)
    with pytest.raises(WorkspaceError, match="expected small letters"):
        preview(database, edition_of(county, "Bad; schema"))
