"""Large deliveries batch by batch: the same rows and issues as in one piece, in a file that any reader opens."""

from __future__ import annotations

import json

import geopandas as gpd
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pyogrio
import pyproj
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from intake_toy import CRS, PLACE, package, square

from geosys._errors import DeliveryError
from geosys.geo import authalic, self_overlap
from geosys.geo.area import ellipsoidal_area_m2
from geosys.geo.authalic import ellipsoidal_areas_m2
from geosys.layers import bulk, bulk_checks, tally, vector_files
from geosys.layers.delivery import Delivery
from geosys.layers.intake import take_in
from geosys.layers.issue_table import issue_frame
from geosys.layers.spec import read_catalogue
from geosys.layers.store import read_current
from geosys.layers.vector_files import describe_vector, read_vector, stream_vector

LAYER = "land_patch"
SIDE = 40.0


@pytest.fixture(scope="module")
def catalogue():
    return read_catalogue()


@pytest.fixture
def small_batches(monkeypatch):
    """Let a few thousand rows pass through many batches and parts."""
    monkeypatch.setattr(bulk, "BATCH_ROWS", 700)
    monkeypatch.setattr(self_overlap, "PART_BYTES", 60_000)
    monkeypatch.setattr(bulk_checks, "SHAPES_AT_ONCE", 50)
    monkeypatch.setattr(bulk_checks, "PAIRS_AT_ONCE", 7)


def patches(count, west=-6000.0, south=-6000.0):
    """Return a field of squares, shuffled, with true attributes."""
    wide = int(np.ceil(np.sqrt(count)))
    row, column = np.divmod(np.arange(count), wide)
    x, y = 500_000 + west + column * SIDE, 3_850_000 + south + row * SIDE
    shapes = shapely.box(x, y, x + SIDE, y + SIDE)
    order = np.random.default_rng(5).permutation(count)
    shapes = np.asarray(shapely.segmentize(shapes, 9.0), dtype=object)[order]
    area = np.round(shapely.area(shapes), 2)
    columns = {
        "BSM": [f"4102{i:014d}" for i in range(count)], "DLBM": np.resize(["0101", "0301", "1109"], count).astype(object),
        "ZLDWDM": np.array(["4102990010010000000"] * count, dtype=object), "TBMJ": area, "KCMJ": 0.0, "TBDLMJ": area,
        "GDDB": np.where(np.arange(count) % 3 == 0, np.nan, 4.0), "SJNF": 2024, "BZ": np.array([None] * count, dtype=object),
        "XXX": "nobody's",
    }  # fmt: skip
    return columns, shapes


def spoil(columns, shapes):
    """Plant faults of every kind that a large file shows."""
    n = len(shapes)
    at = np.random.default_rng(9).permutation(n)[:600]
    shapes[at[0:10]] = None
    for i in at[10:20]:  # bow-ties, of which no repair is sure
        x, y = shapely.get_coordinates(shapes[i])[0]
        shapes[i] = shapely.Polygon([(x, y), (x - 9, y + 9), (x - 9, y), (x, y + 9)])
    for i in at[20:30]:  # a spike of no area: repaired
        x, y, *_ = shapely.bounds(shapes[i])
        shapes[i] = shapely.Polygon(
            [(x, y), (x + SIDE, y), (x + SIDE, y + SIDE), (x, y + SIDE), (x, y), (x - 20, y - 20), (x, y)]
        )
    shapes[at[30:40]] = shapely.transform(shapes[at[40:50]], lambda xy: xy.copy())
    shapes[at[50:60]] = shapely.transform(shapes[at[60:70]], lambda xy: xy + 25.0)
    shapes[at[70]] = shapely.box(494_000, 3_844_000, 495_000, 3_845_000)  # over hundreds of others
    shapes[at[71:80]] = shapely.transform(shapes[at[71:80]], lambda xy: xy + 90_000.0)
    shapes[at[80:85]] = shapely.transform(shapes[at[80:85]], lambda xy: xy[:, ::-1])
    shapes[at[85:90]] = shapely.points(500_000, 3_850_000)
    shapes[at[90:95]] = [
        shapely.MultiPolygon([shapes[i], square(5000 + 20.0 * k, 5000)]) for k, i in enumerate(at[90:95])
    ]
    for i, j in zip(at[100:110], at[110:120], strict=True):
        columns["BSM"][i] = columns["BSM"][j]
    for i in at[120:140]:
        columns["BSM"][i] = None
    shapes[at[120:124]] = shapes[at[140]]  # without a key and in one place, far apart in the file
    columns["BSM"][at[141]] = "4" * 30
    columns["DLBM"][at[150:160]] = "9999"
    columns["ZLDWDM"][at[160:165]] = "4101990010010000000"
    columns["TBMJ"][at[170:180]] /= 666.6667
    columns["TBMJ"][at[180]] = -5.0
    columns["BZ"][at[190:195]] = "界线待定"
    return columns, shapes


def written(store, catalogue, name=LAYER):
    """Return the rows and the withheld rows of the current version in the order of the delivery, and the pointer."""
    layer = read_current(store, catalogue.layers[name])
    return layer.frame, layer.withheld, json.loads((store / name / "current.json").read_text("utf-8"))


def assert_same(one, two):
    """Assert equal rows, names, values and geometry; areas to 1e-12."""
    assert list(one.columns) == list(two.columns)
    assert len(one) == len(two)
    for name in one.columns:
        if name == "geometry":
            assert (shapely.to_wkb(one.geometry.to_numpy()) == shapely.to_wkb(two.geometry.to_numpy())).all()
        elif name.startswith("area_"):
            np.testing.assert_allclose(one[name].to_numpy(float), two[name].to_numpy(float), rtol=1e-12)
        else:
            left, right = (f[name].astype(object).where(f[name].notna(), None).tolist() for f in (one, two))
            assert left == right, name


def issues_of(found, catalogue):
    frame = issue_frame(found, catalogue, CRS)
    return frame.sort_values(["issue_id", "source_row", "message_zh"]).reset_index(drop=True)


def both_ways(tmp_path, catalogue, *paths, name=LAYER):
    """Take files in as a whole and batch by batch; return both outcomes after comparing rows and issues."""
    deliveries = [Delivery(path=p, name=p.name, layer=name) for p in paths]
    spec = catalogue.layers[name]
    layer, found = take_in(spec, deliveries, PLACE, catalogue)
    made = bulk.take_in_bulk(spec, deliveries, PLACE, catalogue, tmp_path / "store", "k1")
    told, expected = issues_of(made.issues, catalogue), issues_of(found, catalogue)
    assert told["issue_type"].value_counts().to_dict() == expected["issue_type"].value_counts().to_dict()
    assert_same(told, expected)
    assert (layer is None) == (made.version == "")
    if layer is not None:
        frame, withheld, current = written(tmp_path / "store", catalogue, name)
        assert_same(frame, layer.frame)
        assert_same(withheld, layer.withheld)
        assert current == {"version": made.version, "key": "k1"} | json.loads(json.dumps(layer.provenance))
    return made, layer


@pytest.mark.usefixtures("small_batches")
def test_thirty_thousand_rows_with_faults_come_out_as_in_one_piece(tmp_path, catalogue, monkeypatch):
    monkeypatch.setattr(bulk, "BATCH_ROWS", 4_000)
    monkeypatch.setattr(self_overlap, "PART_BYTES", 2_000_000)
    columns, shapes = spoil(*patches(30_000))
    made, layer = both_ways(tmp_path, catalogue, package(tmp_path / "land.gpkg", columns, shapes))
    kinds = {i.issue_type for i in made.issues}
    assert kinds >= {
        "missing_geometry", "wrong_geometry_type", "invalid_refused", "duplicate_geometry", "duplicate_key", "missing_key", "overlap",
        "outside_region", "bad_code", "too_long", "out_of_range", "area_disagrees", "wrong_county", "unmapped_column",
    }  # fmt: skip
    assert len(layer.withheld) > 30


@pytest.mark.usefixtures("small_batches")
def test_the_file_is_ordered_geoparquet(tmp_path, catalogue):
    columns, shapes = patches(7_000)
    path = package(tmp_path / "land.gpkg", columns, shapes)
    made, _ = both_ways(tmp_path, catalogue, path)
    file = tmp_path / "store" / LAYER / f"{made.version}.parquet"
    stored = gpd.read_parquet(file)
    meta = pq.read_metadata(file)
    assert [meta.row_group(g).num_rows for g in range(meta.num_row_groups)] == [5_000, 2_000]
    along = stored.geometry.hilbert_distance()
    assert along.is_monotonic_increasing
    assert not stored["layer_row"].is_monotonic_increasing
    reference = tmp_path / "plain.parquet"
    stored.to_parquet(reference, schema_version="1.1.0", write_covering_bbox=True, index=False)
    ours, theirs = (json.loads(pq.read_schema(p).metadata[b"geo"]) for p in (file, reference))
    assert {k: v for k, v in ours.items() if k != "creator"} == {k: v for k, v in theirs.items() if k != "creator"}
    here = gpd.read_parquet(file, bbox=(494_000, 3_844_000, 494_100, 3_844_100))
    assert len(here) == 9
    types = {f.name: f.type for f in pq.read_schema(file)}
    assert types["note"] == types["patch_code"] == pa.string()
    assert types["data_year"] == pa.int64()
    assert types["is_enclave"] == pa.bool_()


@pytest.mark.usefixtures("small_batches")
def test_the_version_is_that_of_the_content(tmp_path, catalogue):
    columns, shapes = patches(1_500)
    one = package(tmp_path / "a.gpkg", columns, shapes)
    spec = catalogue.layers[LAYER]
    versions = []
    for path in (one, one, package(tmp_path / "b" / "a.gpkg", columns | {"SJNF": 2023}, shapes)):
        delivery = Delivery(path=path, name="a.gpkg", layer=LAYER)
        versions.append(bulk.take_in_bulk(spec, [delivery], PLACE, catalogue, tmp_path / "store").version)
    assert versions[0] == versions[1] != versions[2]
    assert len(list((tmp_path / "store" / LAYER).glob("*.parquet"))) == 4


@pytest.fixture(autouse=True)
def _folder_b(tmp_path):
    (tmp_path / "b").mkdir()


@pytest.mark.usefixtures("small_batches")
def test_a_file_without_keys_gets_ids_from_places_and_one_issue(tmp_path, catalogue):
    columns, shapes = patches(2_000)
    del columns["BSM"]
    shapes[1_900:1_905] = shapes[3]
    made, layer = both_ways(tmp_path, catalogue, package(tmp_path / "land.gpkg", columns, shapes))
    assert [i.row for i in made.issues if i.issue_type == "missing_key"] == [-1]
    assert layer.frame["feature_id"].is_unique


@pytest.mark.usefixtures("small_batches")
def test_plots_that_are_nearly_the_same_are_found_across_batches(tmp_path, catalogue):
    _, shapes = patches(1_600)
    shapes[1_500:1_510] = shapely.transform(shapes[5:15], lambda xy: xy + 0.3)
    shapes[1_510:1_515] = shapes[20:25]
    columns = {"地块编码": [f"P{i}" for i in range(1_600)], "地块名称": "某地块"}
    made, _ = both_ways(tmp_path, catalogue, package(tmp_path / "a.gpkg", columns, shapes), name="suspected_plot")
    assert sum(i.issue_type == "near_duplicate" for i in made.issues) == 10


@pytest.mark.usefixtures("small_batches")
def test_a_file_that_lies_elsewhere_is_not_stored(tmp_path, catalogue):
    columns, shapes = patches(1_500, west=200_000)
    made, layer = both_ways(tmp_path, catalogue, package(tmp_path / "land.gpkg", columns, shapes))
    assert layer is None
    assert "wrong_place" in {i.issue_type for i in made.issues}
    assert list((tmp_path / "store" / LAYER).iterdir()) == []


@pytest.mark.usefixtures("small_batches")
def test_several_files_make_one_layer_and_one_that_breaks_off_is_left_out(tmp_path, catalogue, monkeypatch):
    columns, shapes = spoil(*patches(4_000))
    halves = [slice(0, 1_500), slice(1_500, 3_000), slice(3_000, 4_000)]
    paths = [
        package(tmp_path / f"{k}.gpkg", {n: v if isinstance(v, (str, int, float)) else v[part] for n, v in columns.items()}, shapes[part])
        for k, part in enumerate(halves)
    ]  # fmt: skip
    both_ways(tmp_path, catalogue, *paths)
    whole = read_vector

    def broken(path, *rest):
        for k, reading in enumerate(stream_vector(path, *rest)):
            if path.name == "1.gpkg" and k == 1:
                raise DeliveryError("1.gpkg: cut off")
            yield reading

    def broken_whole(path, *rest):
        if path.name == "1.gpkg":
            raise DeliveryError("1.gpkg: cut off")
        return whole(path, *rest)

    monkeypatch.setattr(bulk, "stream_vector", broken)
    monkeypatch.setattr("geosys.layers.intake.read_delivery", broken_whole)
    made, _ = both_ways(tmp_path, catalogue, *paths)
    assert made.provenance["rows_delivered"] == 2_500


@pytest.mark.usefixtures("small_batches")
def test_issues_beyond_the_limit_are_counted(tmp_path, catalogue, monkeypatch):
    monkeypatch.setattr(tally, "MOST_ALIKE", 20)
    monkeypatch.setattr(bulk_checks, "MOST_ALIKE", 20)
    columns, shapes = patches(1_500)
    columns["DLBM"][::3] = "9999"
    path = package(tmp_path / "land.gpkg", columns, np.concatenate([shapes[:750], shapes[:750]]))
    delivery = Delivery(path=path, name=path.name, layer=LAYER)
    made = bulk.take_in_bulk(catalogue.layers[LAYER], [delivery], PLACE, catalogue, tmp_path / "store")
    codes = [i for i in made.issues if i.issue_type == "bad_code"]
    assert (len(codes), codes[-1].row, codes[-1].value) == (21, -1, 480)
    lying = [i for i in made.issues if i.issue_type == "overlap"]
    assert (len(lying), lying[-1].value) == (21, 730)


@pytest.mark.usefixtures("small_batches")
def test_a_run_that_is_broken_off_leaves_the_last_version_and_nothing_else(tmp_path, catalogue):
    columns, shapes = patches(2_000)
    spec, store = catalogue.layers[LAYER], tmp_path / "store"
    first = Delivery(path=package(tmp_path / "a.gpkg", columns, shapes), name="a.gpkg", layer=LAYER)
    bulk.take_in_bulk(spec, [first], PLACE, catalogue, store, "k1")
    before = {p.name: p.read_bytes() for p in (store / LAYER).iterdir()}
    second = Delivery(path=package(tmp_path / "b.gpkg", columns | {"SJNF": 2020}, shapes), name="b.gpkg", layer=LAYER)
    for share in (0.2, 0.7, 0.95):

        def stop(done, total, share=share):
            if done > share * total:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            bulk.take_in_bulk(spec, [second], PLACE, catalogue, store, "k2", stop)
        assert {p.name: p.read_bytes() for p in (store / LAYER).iterdir()} == before


@pytest.mark.usefixtures("small_batches")
def test_progress_grows_to_the_number_of_rows(tmp_path, catalogue):
    path = package(tmp_path / "a.gpkg", *patches(2_000))
    seen = []
    delivery = Delivery(path=path, name=path.name, layer=LAYER)
    bulk.take_in_bulk(
        catalogue.layers[LAYER], [delivery], PLACE, catalogue, tmp_path / "s", progress=lambda *told: seen.append(told)
    )
    assert seen[-1] == (2_000, 2_000)
    assert seen == sorted(seen)
    assert len(seen) > 5


def test_only_what_can_be_streamed_is_taken_in_batches(tmp_path, catalogue):
    path = package(tmp_path / "a.gpkg", *patches(30))
    deliveries = [Delivery(path=path, name=path.name, layer=LAYER)]
    spec = catalogue.layers[LAYER]
    assert bulk.is_bulk(spec, deliveries, least=29)
    assert not bulk.is_bulk(spec, deliveries, least=30)
    assert not bulk.is_bulk(catalogue.layers["outfall"], deliveries, least=3)
    gone = Delivery(path=tmp_path / "no.gpkg", name="no.gpkg", layer=LAYER)
    assert not bulk.is_bulk(spec, [*deliveries, gone], least=29)


@pytest.mark.parametrize("suffix", [".gpkg", ".shp"])
def test_a_stream_gives_what_a_whole_reading_gives(tmp_path, suffix):
    count = 95
    frame = gpd.GeoDataFrame(
        {
            "BSM": [f"{i:018d}" for i in range(count)], "名称": ["村" * (i % 4) or None for i in range(count)],
            "n": pd.array([None if i % 7 == 0 else i for i in range(count)], dtype="Int64"), "x": np.linspace(0, 1, count),
            "day": pd.to_datetime(["2024-05-01"] * count).date,
        },
        geometry=[square(20.0 * i, 0) if i % 5 else None for i in range(count)], crs=CRS,
    )  # fmt: skip
    path = tmp_path / f"a{suffix}"
    pyogrio.write_dataframe(frame, path, encoding="GBK" if suffix == ".shp" else None)
    whole = read_vector(path, None, None, ())
    parts = list(stream_vector(path, None, None, 20))
    assert [p.size for p in parts] == [20, 20, 20, 20, 15]
    assert describe_vector(path, None).rows == count
    for name in whole.columns:
        joined = [v for part in parts for v in part.columns[name].tolist()]
        told = pd.Series(whole.columns[name]).astype(object)
        assert (
            pd.Series(joined, dtype=object).where(pd.notna(joined), None).tolist()
            == told.where(told.notna(), None).tolist()
        )
    shapes = np.concatenate([p.geometry for p in parts])
    assert (shapely.to_wkb(shapes) == shapely.to_wkb(whole.geometry)).all()
    assert tuple(r for p in parts for r in p.records) == whole.records
    assert tuple(r for p in parts for r in p.lines) == whole.lines
    assert {(p.crs, p.evidence, tuple(p.titles)) for p in parts} == {(whole.crs, whole.evidence, tuple(whole.titles))}
    assert parts[0].issues == whole.issues
    with pytest.raises(DeliveryError, match="expected one of"):
        list(stream_vector(path, "nothing", None, 20))


def test_a_file_cut_off_in_its_middle_is_unreadable(tmp_path):
    path = package(tmp_path / "a.gpkg", *patches(3_000))
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])
    with pytest.raises(DeliveryError, match="GDAL cannot read"):
        list(vector_files.stream_vector(path, None, None, 500))


# Areas on the ellipsoid


@settings(max_examples=40, deadline=None)
@given(
    st.sampled_from([("EPSG:4547", 500_000.0), ("EPSG:4526", 38_500_000.0), ("EPSG:32650", 500_000.0), ("EPSG:3857", 1.27e7)]),
    st.floats(-190_000, 190_000), st.floats(2_000_000, 5_500_000), st.floats(1.0, 20_000.0), st.integers(3, 40), st.booleans(),
)  # fmt: skip
def test_fitted_areas_are_those_of_the_formula(crs, east, north, radius, corners, has_hole):
    angle = np.linspace(0, 2 * np.pi, corners, endpoint=False)
    ring = np.column_stack([np.cos(angle), 0.3 * np.sin(angle)]) * radius + (crs[1] + east, north)
    shape = shapely.Polygon(
        ring, [0.5 * (ring - ring[0]) + 0.7 * ring[0] + 0.3 * ring.mean(axis=0)] if has_hole else None
    )
    both = np.array(
        [shape, shapely.MultiPolygon([shape, shapely.transform(shape, lambda xy: xy + 50_000)])], dtype=object
    )
    found, wanted = ellipsoidal_areas_m2(both, crs[0]), ellipsoidal_area_m2(both, crs[0])
    np.testing.assert_allclose(found, wanted, rtol=1e-9, atol=1e-6)


def test_fitted_areas_agree_with_geodesic_ones():
    shapes = shapely.segmentize(
        shapely.box(*np.array([[4e5, 3.8e6, 4.001e5, 3.8001e6], [5.9e5, 4e6, 5.905e5, 4.0005e6]]).T), 10.0
    )
    degrees = shapely.transform(
        shapes, lambda xy: np.column_stack(pyproj.Transformer.from_crs(4547, 4490, always_xy=True).transform(*xy.T))
    )
    geodesic = [abs(pyproj.Geod(a=6378137, rf=298.257222101).geometry_area_perimeter(s)[0]) for s in degrees]
    np.testing.assert_allclose(ellipsoidal_areas_m2(np.asarray(shapes), "EPSG:4547"), geodesic, rtol=1e-7)


def test_what_has_no_area_or_reaches_too_far_has_the_exact_one():
    shapes = np.array(
        [None, shapely.Point(5e5, 4e6), shapely.Polygon(), shapely.box(3e5, 3.8e6, 6e5, 4.2e6), shapely.LineString([(0, 0), (1, 1)])],
        dtype=object,
    )  # fmt: skip
    np.testing.assert_allclose(ellipsoidal_areas_m2(shapes, CRS), ellipsoidal_area_m2(shapes, CRS), rtol=1e-14)
    degrees = np.array([shapely.box(114, 34, 114.1, 34.1)])
    assert ellipsoidal_areas_m2(degrees, "EPSG:4490").tolist() == ellipsoidal_area_m2(degrees, "EPSG:4490").tolist()
    assert len(ellipsoidal_areas_m2(np.empty(0, dtype=object), CRS)) == 0


def test_a_tile_where_the_crs_is_not_smooth_is_left_to_proj(monkeypatch):
    monkeypatch.setattr(authalic, "TOLERANCE_M", 0.0)
    authalic._terms.cache_clear()
    shapes = np.array([square(0, 0)], dtype=object)
    assert ellipsoidal_areas_m2(shapes, CRS).tolist() == ellipsoidal_area_m2(shapes, CRS).tolist()
    authalic._terms.cache_clear()


# Overlap within a layer


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from([300, 3_000, 1 << 20]))
def test_overlapping_pairs_are_found_once_each(seed, part_bytes):
    rng = np.random.default_rng(seed)
    count = 60
    centre = rng.uniform(0, 400, (count, 2)) + np.array([500_000, 3_850_000])
    shapes = shapely.buffer(shapely.points(centre), rng.uniform(2, 60, count), quad_segs=3)
    shapes[:5] = shapes[5:10]
    wkb = pa.array(shapely.to_wkb(shapes), pa.large_binary())
    left, right = np.triu_indices(count, 1)
    area = shapely.area(shapely.intersection(shapes[left], shapes[right]))
    wanted = {(a, b): s for a, b, s in zip(left.tolist(), right.tolist(), area.tolist(), strict=True) if s >= 0.01}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(self_overlap, "PART_BYTES", part_bytes)
        parts = self_overlap.overlaps(
            rng.permutation(count), shapely.bounds(shapes), np.array([len(w) for w in wkb.to_pylist()]),
            lambda rows: wkb.take(pa.array(rows)), 0.01,
        )  # fmt: skip
        found = [
            (tuple(p), s) for pairs, areas, _ in parts for p, s in zip(pairs.tolist(), areas.tolist(), strict=True)
        ]
    assert len(found) == len(dict(found))
    assert dict(found) == pytest.approx(wanted, abs=1e-5)
