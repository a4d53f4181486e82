"""Layer versions as files: ordered along a Hilbert curve, the same content and bytes for the same layer."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from typing import TYPE_CHECKING

import geopandas as gpd
import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
import shapely
from geopandas.testing import assert_geodataframe_equal
from hypothesis import given, settings
from hypothesis import strategies as st

from geosys.geo.stored import groups_meeting
from geosys.layers import store
from geosys.layers.intake import Layer
from geosys.layers.spec import read_catalogue
from geosys.layers.store import content_hash, hilbert_order, read_current, write_version

if TYPE_CHECKING:
    from pathlib import Path

    from geosys.layers.spec import Catalogue

CRS = "EPSG:4547"
LAYER = "land_patch"
WEST, SOUTH = 500_000.0, 3_850_000.0


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return read_catalogue()


def frame_of(count: int, seed: int = 1) -> gpd.GeoDataFrame:
    """Return 10 m squares strewn over 100 km in no order, with a missing, an empty and a multiple geometry among them."""
    rng = np.random.default_rng(seed)
    corners = rng.uniform(0, 100_000, (count, 2)) + np.array([WEST, SOUTH])
    shapes = np.asarray(shapely.box(*corners.T, *(corners + 10.0).T), dtype=object)
    shapes[[count // 3, count // 2]] = None, shapely.Polygon()
    shapes[-1] = shapely.MultiPolygon([shapes[0], shapes[1]])
    columns = {
        "feature_id": [f"地块{k}" for k in range(count)],
        "area_m2": rng.normal(size=count),
        "empty": [None] * count,
        "surveyed_on": [None if k % 3 else dt.date(2026, 1, 1 + k % 28) for k in range(count)],
        "is_farmland": pd.array([None if k % 5 == 0 else k % 2 == 0 for k in range(count)], dtype="boolean"),
    }
    return gpd.GeoDataFrame(columns, geometry=shapes, crs=CRS)


def layer_of(catalogue: Catalogue, frame: gpd.GeoDataFrame) -> Layer:
    withheld = frame.iloc[:7].assign(issue_type="duplicate_key")
    return Layer(catalogue.layers[LAYER], frame, withheld, {"layer": LAYER})


def stored(folder: Path, version: str, suffix: str = "") -> Path:
    return folder / LAYER / f"{version}{suffix}.parquet"


# --- the order ---


@pytest.mark.parametrize("level", [1, 2, 3, 4])
def test_the_order_is_a_hilbert_curve(level: int) -> None:
    """One cell after the other is a neighbour, and every quarter, sixteenth, … is walked through whole: no other curve."""
    side = 2**level
    places = np.random.default_rng(level).permutation(side * side)
    x, y = places % side, places // side
    order = hilbert_order(shapely.points(WEST + 100.0 * x, SOUTH + 70.0 * y))
    x, y = x[order], y[order]
    assert (np.abs(np.diff(x)) + np.abs(np.diff(y)) == 1).all()
    for size in 2 ** np.arange(1, level + 1):
        block = (x // size) + side * (y // size)
        assert (np.diff(block) != 0).sum() == (side // size) ** 2 - 1


def test_rows_on_one_spot_keep_their_order_and_lost_geometries_come_last() -> None:
    spot, other, far = shapely.Point(1, 1), shapely.Point(0, 0), shapely.Point(9, 0)
    shapes = np.array([spot, None, other, spot.buffer(1), shapely.Point(), spot, None, far], dtype=object)
    order = hilbert_order(shapes).tolist()
    assert order[5:] == [1, 4, 6]
    assert [k for k in order if k in {0, 3, 5}] == [0, 3, 5]
    assert sorted(order) == list(range(8))
    assert hilbert_order(shapes[[1, 4, 6]]).tolist() == [0, 1, 2]
    assert hilbert_order(shapes[:0]).tolist() == []


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9), st.booleans()), max_size=40), st.randoms())
def test_the_order_of_places_does_not_depend_on_that_of_rows(rows: list, random: object) -> None:
    places = [None if lost else shapely.Point(x, y) for x, y, lost in rows]
    mixed = list(places)
    random.shuffle(mixed)  # type: ignore[attr-defined]
    walks = []
    for some in (places, mixed):
        array = np.empty(len(some), dtype=object)
        array[:] = some
        walks.append([None if g is None else g.wkt for g in array[hilbert_order(array)]])
    assert walks[0] == walks[1]


# --- content and bytes ---


@pytest.mark.parametrize("count", [3, 5_000, 12_001])
def test_what_is_read_back_is_what_was_written_in_its_order(tmp_path, catalogue, count):
    layer = layer_of(catalogue, frame_of(count))
    version = write_version(tmp_path, layer).version
    back = read_current(tmp_path, catalogue.layers[LAYER])
    for mine, given_frame in ((back.frame, layer.frame), (back.withheld, layer.withheld)):
        given_frame.to_parquet(tmp_path / "plain.parquet", index=False)
        assert_geodataframe_equal(mine, gpd.read_parquet(tmp_path / "plain.parquet"), check_less_precise=False)
        assert content_hash(mine) == content_hash(given_frame)
    raw = gpd.read_parquet(stored(tmp_path, version))
    assert raw[store.LAYER_ROW].tolist() == hilbert_order(layer.frame.geometry.to_numpy()).tolist()


def test_the_version_is_that_of_the_content_in_the_order_it_came(tmp_path, catalogue):
    layer = layer_of(catalogue, frame_of(11_000))
    hashes = []
    for frame in (layer.frame, layer.withheld):
        digest = hashlib.sha256()
        for name in frame.columns:
            digest.update(f"\x1d{name}\x1d".encode())
            if name == "geometry":
                digest.update(b"\x1f".join(w or b"" for w in shapely.to_wkb(frame.geometry.to_numpy(), byte_order=1)))
            elif name == "area_m2":
                digest.update(frame[name].to_numpy("<f8").tobytes())
            else:
                digest.update("\x1f".join("\x1e" if pd.isna(v) else str(v) for v in frame[name]).encode())
        hashes.append(digest.hexdigest())
    expected = hashlib.sha256("".join([*hashes, layer.spec.spec_hash]).encode()).hexdigest()[:12]
    assert write_version(tmp_path, layer).version == expected


def test_equal_layers_make_equal_bytes(tmp_path, catalogue):
    files = []
    for name in ("one", "two"):
        version = write_version(tmp_path / name, layer_of(catalogue, frame_of(6_000))).version
        files.append([stored(tmp_path / name, version, suffix).read_bytes() for suffix in ("", ".withheld")])
    assert files[0] == files[1]


def test_a_layer_without_geometry_and_one_without_rows_are_stored(tmp_path, catalogue):
    frame = frame_of(30)
    for some in (frame.assign(geometry=gpd.GeoSeries([None] * 30, crs=CRS)), frame.iloc[:0]):
        layer = Layer(catalogue.layers[LAYER], some, some.iloc[:0], {})
        write_version(tmp_path, layer)
        back = read_current(tmp_path, catalogue.layers[LAYER])
        assert content_hash(back.frame) == content_hash(some)
        assert back.frame.crs == CRS
        assert len(back.withheld) == 0


# --- the file ---


def test_the_file_is_geoparquet_in_neighbourhoods_with_their_boxes(tmp_path, catalogue):
    frame = frame_of(20_000)
    file = pq.ParquetFile(stored(tmp_path, write_version(tmp_path, layer_of(catalogue, frame)).version))
    meta = file.metadata
    assert [meta.row_group(g).num_rows for g in range(4)] == [5_000] * 4
    assert {meta.row_group(0).column(c).compression for c in range(meta.num_columns)} == {"ZSTD"}
    frame.to_parquet(tmp_path / "plain.parquet", write_covering_bbox=True, schema_version="1.1.0")
    geo, plain = (
        json.loads(schema.metadata[b"geo"])
        for schema in (file.schema_arrow, pq.read_schema(tmp_path / "plain.parquet"))
    )
    del plain["creator"]
    assert geo == plain
    boxes = file.read(columns=["bbox"])["bbox"].to_pylist()
    shapes = file.read(columns=["geometry"])["geometry"].to_pylist()
    bounds = shapely.bounds(shapely.from_wkb(np.array(shapes, dtype=object)))
    assert np.array_equal([list(box.values()) for box in boxes], bounds, equal_nan=True)
    corner = np.array([[WEST, SOUTH, WEST + 2_000, SOUTH + 2_000]])
    assert groups_meeting(file, corner) != groups_meeting(file, bounds)
    assert len(groups_meeting(file, corner)) == 1


def test_the_bytes_of_no_more_than_one_row_group_are_made_at_once(tmp_path, catalogue, monkeypatch):
    layer = layer_of(catalogue, frame_of(12_001))
    sizes: list[int] = []
    real = shapely.to_wkb

    def measured(geometries, **options):
        sizes.append(len(geometries))
        return real(geometries, **options)

    monkeypatch.setattr(shapely, "to_wkb", measured)
    write_version(tmp_path, layer)
    assert max(sizes) == store.ROWS_PER_GROUP
    assert sum(sizes) == 2 * (12_001 + 7)


# --- files of other times ---


def test_a_version_of_an_earlier_geosys_is_read_and_ordered_by_the_next_run(tmp_path, catalogue):
    layer = layer_of(catalogue, frame_of(300))
    version = write_version(tmp_path, layer).version
    for suffix, frame in (("", layer.frame), (".withheld", layer.withheld)):
        frame.to_parquet(stored(tmp_path, version, suffix), index=False, write_covering_bbox=True)
    old = read_current(tmp_path, catalogue.layers[LAYER])
    assert content_hash(old.frame) == content_hash(layer.frame)
    assert list(old.frame.columns) == list(layer.frame.columns)
    assert write_version(tmp_path, layer).version == version
    for suffix in ("", ".withheld"):
        assert store.LAYER_ROW in pq.read_schema(stored(tmp_path, version, suffix)).names


def test_a_version_that_is_there_is_not_written_again(tmp_path, catalogue):
    layer = layer_of(catalogue, frame_of(300))
    path = stored(tmp_path, write_version(tmp_path, layer).version)
    before = path.stat()
    write_version(tmp_path, layer)
    assert (path.stat().st_ino, path.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


def test_a_writing_that_dies_in_the_middle_leaves_nothing(tmp_path, catalogue, monkeypatch):
    real, groups = pq.ParquetWriter.write_table, []

    def die(writer, table, *arguments, **options):
        if groups:
            raise OSError(28, "no space left")
        groups.append(len(table))
        real(writer, table, *arguments, **options)

    monkeypatch.setattr(pq.ParquetWriter, "write_table", die)
    with pytest.raises(OSError, match="no space"):
        write_version(tmp_path, layer_of(catalogue, frame_of(12_000)))
    assert groups == [5_000]
    assert not list((tmp_path / LAYER).iterdir())
