"""Areas without pieces: the compiled kernel against shapely, and the streamed overlay against geopandas."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from geosys._errors import CrsError, DeliveryError
from geosys.geo import overlay
from geosys.geo.area import ellipsoidal_area_m2
from geosys.geo.area_factor import AreaFactor
from geosys.geo.flat import compiled
from geosys.geo.flat.areas import common_areas, common_areas_on_ground, own_areas
from geosys.geo.flat.cells import build_cells
from geosys.geo.flat.ground import Ground
from geosys.geo.flat.wkb import Ragged, join, read_wkb
from geosys.geo.overlay import overlay_areas

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

CRS = "EPSG:4547"
FAR = np.array([38_500_000.0, 3_850_000.0])  # real coordinates with a zone prefix: 8 digits before the point


def ragged(geometries: NDArray, **options: object) -> Ragged:
    values = shapely.to_wkb(geometries, byte_order=1, **options)
    return from_bytes(list(values))


def from_bytes(values: list[bytes | None]) -> Ragged:
    parts = [v or b"" for v in values]
    offsets = np.concatenate([[0], np.cumsum([len(p) for p in parts])]).astype(np.int64)
    return read_wkb(np.frombuffer(b"".join(parts), dtype=np.uint8), offsets)


def areas_of(one: NDArray, two: NDArray, pairs: NDArray) -> NDArray:
    return common_areas(ragged(one), ragged(two), pairs.astype(np.int32))


def every_pair(one: NDArray, two: NDArray) -> NDArray:
    left, right = np.meshgrid(np.arange(len(one)), np.arange(len(two)), indexing="ij")
    return np.column_stack([left.ravel(), right.ravel()])


def moved(geometries: NDArray, by: NDArray) -> NDArray:
    return np.asarray(shapely.transform(geometries, lambda xy: xy + by), dtype=object)


def lattice_polygons(rng: np.random.Generator, count: int) -> NDArray:
    """Return valid polygons on a small lattice: upright and shared edges, touching corners, holes, several parts."""
    found: list[shapely.Geometry] = []
    while len(found) < count:
        x, y = rng.integers(0, 12, 2)
        w, h = rng.integers(1, 8, 2)
        box = shapely.box(x, y, x + w, y + h)
        hole = shapely.box(x + 1, y + 1, x + 1 + rng.integers(1, w + 1), y + 1 + rng.integers(1, h + 1))
        needle = shapely.Polygon([(x, y), (x + w, y), (x + rng.integers(0, w + 1), y + h)])
        hull = shapely.convex_hull(shapely.multipoints(rng.integers(0, 12, (rng.integers(3, 8), 2))))
        kinds = [box, shapely.box(x, y, x + w + 2, y + h + 2).difference(hole), needle, hull]
        chosen = [kinds[k] for k in rng.integers(0, 4, rng.integers(1, 4))]
        shape = shapely.make_valid(shapely.union_all(chosen), method="structure", keep_collapsed=False)
        parts = [p for p in shapely.get_parts(shape) if p.geom_type == "Polygon" and p.area > 0]
        if not parts:
            continue
        shape = parts[0] if len(parts) == 1 else shapely.multipolygons(parts)
        if rng.random() < 0.3:
            shape = shape.reverse()
        found.append(shapely.segmentize(shape, 1.0) if rng.random() < 0.2 else shape)
    return np.array(found, dtype=object)


def test_a_million_degenerate_pairs_equal_shapely() -> None:
    rng = np.random.default_rng(20260930)
    one, two = lattice_polygons(rng, 720), lattice_polygons(rng, 720)
    pairs = every_pair(one, two)
    expected = shapely.area(shapely.intersection(one[pairs[:, 0]], two[pairs[:, 1]]))
    places = [(np.zeros(2), 1e-8), (FAR, 1e-7)]  # at the origin, and where the county is
    assert len(places) * len(pairs) >= 1_000_000
    for shift, bound in places:
        assert np.abs(areas_of(moved(one, shift), moved(two, shift), pairs) - expected).max() < bound


def ring_around(centre: tuple[float, float], radii: list[float]) -> list[tuple[float, float]]:
    angles = np.linspace(0, 2 * np.pi, len(radii), endpoint=False)
    return [(centre[0] + r * np.cos(a), centre[1] + r * np.sin(a)) for r, a in zip(radii, angles, strict=True)]


radius = st.floats(min_value=5.0, max_value=60.0, allow_nan=False)
star = st.tuples(
    st.tuples(st.floats(-50, 50), st.floats(-50, 50)), st.lists(radius, min_size=3, max_size=40), st.booleans()
).map(
    lambda t: shapely.Polygon(ring_around(t[0], t[1]), [ring_around(t[0], [1.0] * 5)] if t[2] and min(t[1]) > 4 else [])
)


@settings(max_examples=400, deadline=None)
@given(one=st.lists(star, min_size=1, max_size=3), two=st.lists(star, min_size=1, max_size=3))
def test_random_stars_with_holes_equal_shapely_and_order_does_not_matter(one: list, two: list) -> None:
    left = np.array([s for s in one if s.is_valid], dtype=object)
    right = np.array([s for s in two if s.is_valid], dtype=object)
    if not len(left) or not len(right):
        return
    pairs = every_pair(left, right)
    expected = shapely.area(shapely.intersection(left[pairs[:, 0]], right[pairs[:, 1]]))
    assert np.abs(areas_of(left, right, pairs) - expected).max() < 1e-8
    assert np.abs(areas_of(right, left, pairs[:, ::-1]) - expected).max() < 1e-8
    assert np.abs(areas_of(moved(left, FAR), moved(right, FAR), pairs) - expected).max() < 1e-6
    dense = np.asarray(shapely.segmentize(left, 3.0), dtype=object)
    assert np.abs(areas_of(dense, right, pairs) - expected).max() < 1e-8


def random_polygons(rng: np.random.Generator, count: int) -> NDArray:
    """Return valid polygons of all kinds within some 100 m: stars with holes, several parts, and cells of one net.

    The cells of the net share their borders to the bit, and so do the unions of neighbours.
    """
    x, y = np.meshgrid(np.linspace(0, 100, 6), np.linspace(0, 100, 6))
    x[1:-1, 1:-1] += rng.uniform(-8, 8, (4, 4))
    y[1:-1, 1:-1] += rng.uniform(-8, 8, (4, 4))
    corner = [[0, 0], [0, 1], [1, 1], [1, 0]]
    net = np.array(
        [shapely.Polygon([(x[j + b, i + a], y[j + b, i + a]) for a, b in corner]) for j in range(5) for i in range(5)]
    )
    found: list[shapely.Geometry] = []
    while len(found) < count:
        kind = rng.integers(0, 4)
        if kind == 0:
            shape = shapely.union_all(net[rng.choice(25, rng.integers(1, 9), replace=False)])
        else:
            centre = tuple(rng.uniform(10, 90, 2))
            radii = list(rng.uniform(8, 40, rng.integers(3, 30)))
            hole = [ring_around(centre, [rng.uniform(0.5, 2.0)] * 6)] if kind == 2 else []
            shape = shapely.Polygon(ring_around(centre, radii), hole)
            if kind == 3:
                shape = shapely.union_all(
                    [shape, shapely.box(-40, -40, -20, rng.uniform(0, 90)), net[rng.integers(25)]]
                )
        if shape.is_valid and shape.area > 0:
            found.append(shape)
    return np.array(found, dtype=object)


@pytest.mark.parametrize(("shift", "bound"), [(np.zeros(2), 1e-8), (FAR, 1e-7)], ids=["origin", "real"])
def test_ten_thousand_random_polygons_equal_shapely(shift: NDArray, bound: float) -> None:
    rng = np.random.default_rng(41)
    one, two = random_polygons(rng, 5_000), random_polygons(rng, 5_000)
    left, right = moved(one, shift), moved(two, shift)
    pairs = np.column_stack([np.arange(5_000)] * 2)
    # brought back to the origin exactly, shapely rounds its corners a million times finer
    expected = shapely.area(shapely.intersection(moved(left, -shift), moved(right, -shift)))
    assert (expected > 0).sum() > 3_000
    found = areas_of(left, right, pairs)
    assert np.abs(found - expected).max() < bound
    swapped = areas_of(right, left, pairs)
    assert np.abs(swapped - expected).max() < bound
    dense = np.asarray(shapely.segmentize(one, 2.5), dtype=object)
    # far from the origin the new vertices are rounded to 7e-9 m themselves: another shape by that times its border
    assert np.abs(areas_of(moved(dense, shift), right, pairs) - found).max() < (1e-6 if shift.any() else bound)
    assert np.abs(areas_of(np.asarray(shapely.reverse(left), dtype=object), right, pairs) - found).max() < bound


def turned_rings(shape: shapely.Geometry, by: int) -> shapely.Geometry:
    """Return the same polygon with rings that begin elsewhere, holes and parts in another order."""

    def ring(line: shapely.LinearRing) -> list[tuple[float, ...]]:
        points = list(line.coords)[:-1]
        k = by % len(points)
        return [*points[k:], *points[:k], points[k]]

    parts = [shapely.Polygon(ring(p.exterior), [ring(h) for h in p.interiors][::-1]) for p in shapely.get_parts(shape)]
    return parts[0] if len(parts) == 1 else shapely.MultiPolygon(parts[::-1])


def test_order_of_vertices_rings_and_features_and_the_place_change_nothing_beyond_rounding() -> None:
    rng = np.random.default_rng(42)
    one, two = random_polygons(rng, 300), random_polygons(rng, 300)
    pairs = np.column_stack([np.arange(300)] * 2)
    plain = areas_of(one, two, pairs)
    other = np.array([turned_rings(s, k + 1) for k, s in enumerate(one)], dtype=object)
    assert np.abs(areas_of(other, two, pairs) - plain).max() < 1e-8
    mixed = rng.permutation(300)
    assert areas_of(one[mixed], two[mixed], pairs).tobytes() == plain[mixed].tobytes()
    # a shift of 2²⁵ m keeps all bits of coordinates rounded to 2⁻²⁰ m, so nothing but our own sums can differ
    coarse = [
        np.asarray(shapely.transform(a, lambda xy: np.round(xy * 2.0**20) / 2.0**20), dtype=object) for a in (one, two)
    ]
    near = areas_of(*coarse, pairs)
    far = areas_of(*(moved(a, np.array([2.0**25, 2.0**25])) for a in coarse), pairs)
    assert np.abs(far - near).max() < 1e-8
    assert (
        np.abs(areas_of(moved(one, np.array([4e7, 4e7])), moved(two, np.array([4e7, 4e7])), pairs) - plain).max() < 5e-6
    )


def test_hand_drawn_hard_cases() -> None:
    box = shapely.box(0, 0, 10, 10)
    ring = shapely.Polygon(box.exterior.coords, [[(2, 2), (8, 2), (8, 8), (2, 8)]])
    cases = [
        (box, shapely.box(10, 0, 20, 10), 0.0),  # a shared border
        (box, shapely.box(10, 10, 20, 20), 0.0),  # a touching corner
        (box, box, 100.0),  # the same
        (box, shapely.box(2, 2, 8, 8), 36.0),  # inside
        (ring, shapely.box(2, 2, 8, 8), 0.0),  # exactly in the hole
        (ring, shapely.box(3, 3, 12, 5), 4.0),  # through hole and border
        (shapely.Polygon([(0, 0), (10, 0.001), (0, 0.002)]), box, 0.01),  # a needle
        (shapely.MultiPolygon([shapely.box(0, 0, 1, 1), shapely.box(5, 5, 6, 6)]), shapely.box(0.5, 0, 5.5, 10), 1.0),
    ]
    left, right = (np.array([c[k] for c in cases], dtype=object) for k in (0, 1))
    pairs = np.column_stack([np.arange(len(cases))] * 2)
    for shift in (np.zeros(2), FAR):
        found = areas_of(moved(left, shift), moved(right, shift), pairs)
        assert found.tolist() == pytest.approx([c[2] for c in cases], abs=1e-7)


def test_the_result_does_not_depend_on_threads() -> None:
    rng = np.random.default_rng(3)
    one, two = ragged(lattice_polygons(rng, 60)), ragged(lattice_polygons(rng, 60))
    pairs = every_pair(np.empty(60), np.empty(60)).astype(np.int32)
    alone = common_areas(one, two, pairs)
    with ThreadPoolExecutor(3) as pool:
        assert common_areas(one, two, pairs, pool, 3).tobytes() == alone.tobytes()
    back = pairs[::-1]
    assert common_areas(one, two, back)[::-1].tobytes() == alone.tobytes()


# WKB


def with_second_x(value: float) -> bytes:
    """Return the WKB of a square whose second vertex has a given x."""
    good = shapely.to_wkb(shapely.box(0, 0, 1, 1), byte_order=1)
    return good[:29] + np.float64(value).tobytes() + good[37:]


def test_polygons_come_back_as_they_were_written() -> None:
    hole = shapely.Polygon([(0, 0), (9, 0), (9, 9), (0, 9)], [[(1, 1), (1, 2), (2, 2), (2, 1)]])
    several = shapely.MultiPolygon([shapely.box(0, 0, 1, 1), hole])
    shapes = np.array([hole, several, None, shapely.Polygon(), hole.reverse()], dtype=object)
    read = ragged(shapes)
    assert read.size == 5
    assert np.diff(read.ring_of).tolist() == [2, 3, 0, 0, 2]
    assert own_areas(read).tolist() == [80, 81, 0, 0, 80]
    assert read.box[0].tolist() == [0, 0, 9, 9]
    assert not np.isfinite(read.box[2]).any()
    assert read.most_vertices == 15


@pytest.mark.parametrize("flavor", ["iso", "extended"])
def test_heights_and_measures_are_passed_over(flavor: str) -> None:
    flat = shapely.box(0, 0, 10, 10)
    high = shapely.force_3d(flat, 7.0)
    shapes = np.array([flat, high, shapely.MultiPolygon([high])], dtype=object)
    assert own_areas(ragged(shapes, output_dimension=3, flavor=flavor)).tolist() == [100, 100, 100]


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (shapely.to_wkb(shapely.Point(1, 2), byte_order=1), "no polygon"),
        (shapely.to_wkb(shapely.box(0, 0, 1, 1), byte_order=0), "big-endian"),
        (shapely.to_wkb(shapely.box(0, 0, 1, 1), byte_order=1)[:-3], "cut off"),
        (b"\x01\x03\x00\x00\x00\xff\xff\xff\xff", "cut off"),
        (b"\x01\x06\x00\x00\x00\xff\xff\xff\x7f", "cut off"),
        (b"\x01", "cut off"),
        (with_second_x(np.nan), "no numbers"),
        (with_second_x(np.inf), "no numbers"),
    ],
)
def test_what_is_no_polygon_is_refused_with_its_row(value: bytes, said: str) -> None:
    good = shapely.to_wkb(shapely.box(0, 0, 1, 1), byte_order=1)
    with pytest.raises(DeliveryError, match=r"geometry: got .* in row 2 \(1 such rows\)") as caught:
        from_bytes([good, value, good])
    assert said in str(caught.value)


def test_two_sets_join_as_one() -> None:
    one, two = ragged(np.array([shapely.box(0, 0, 1, 1)])), ragged(np.array([shapely.box(0, 0, 3, 3), None]))
    both = join([one, two, one])
    assert own_areas(both).tolist() == [1, 9, 0, 1]
    assert both.ring_start.tolist() == [0, 5, 10, 15]


# the grid


def test_cells_that_are_called_inside_are_inside_and_none_is_missing() -> None:
    rng = np.random.default_rng(11)
    shapes = moved(lattice_polygons(rng, 80), np.array([500_000.0, 3_850_000.0]))
    cells = build_cells(ragged(shapes), 0.7)
    held: set[tuple[int, int]] = set()
    for c in range(cells.columns):
        for r in range(cells.rows):
            west, south = cells.west + c * cells.size, cells.south + r * cells.size
            square = shapely.box(west, south, west + cells.size, south + cells.size)
            for f in cells.feature[cells.start[c * cells.rows + r] : cells.start[c * cells.rows + r + 1]]:
                feature = shapes[~f if f < 0 else f]
                held.add((c * cells.rows + r, int(~f if f < 0 else f)))
                if f < 0:
                    assert shapely.area(square.difference(feature)) < 1e-9
            inside = np.flatnonzero(shapely.area(shapely.intersection(shapes, square)) > 1e-9)
            assert all((c * cells.rows + r, int(i)) in held for i in inside)


# whole layers


def coverage(rng: np.random.Generator, side: int) -> gpd.GeoDataFrame:
    """Return a gap-free coverage of warped cells that share their corners bit for bit."""
    x, y = np.meshgrid(np.arange(side + 1) * 100.0, np.arange(side + 1) * 100.0)
    inner = np.zeros_like(x)
    inner[1:-1, 1:-1] = 1
    x, y = x + inner * rng.uniform(-30, 30, x.shape), y + inner * rng.uniform(-30, 30, y.shape)
    x, y = x + 500_000.0, y + 3_850_000.0
    cells = [
        shapely.Polygon([(x[j, i], y[j, i]), (x[j, i + 1], y[j, i + 1]), (x[j + 1, i + 1], y[j + 1, i + 1]), (x[j + 1, i], y[j + 1, i])])
        for j in range(side)
        for i in range(side)
    ]  # fmt: skip
    return gpd.GeoDataFrame({"patch": [f"P{k:05d}" for k in range(len(cells))]}, geometry=cells, crs=CRS)


@pytest.fixture(scope="module")
def layers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Path, gpd.GeoDataFrame]]:
    """Write a coverage of 1,600 patches and three risk layers: exact unions, circles, and one long strip with holes."""
    folder = tmp_path_factory.mktemp("layers")
    rng = np.random.default_rng(5)
    patches = coverage(rng, 40)
    groups = patches.dissolve(np.arange(len(patches)) // 7).geometry.to_numpy()
    centres = shapely.points(rng.uniform(500_000, 504_000, 60), rng.uniform(3_850_000, 3_854_000, 60))
    line = shapely.LineString([(499_900, 3_850_100), (501_500, 3_853_900), (504_200, 3_851_000)])
    strip = shapely.difference(line.buffer(300, quad_segs=200), shapely.union_all(shapely.buffer(centres[:8], 120)))
    frames = {
        "patches": patches,
        "unions": gpd.GeoDataFrame({"id": range(len(groups))}, geometry=groups, crs=CRS),
        "circles": gpd.GeoDataFrame({"id": range(60)}, geometry=shapely.buffer(centres, 250), crs=CRS),
        "strip": gpd.GeoDataFrame({"id": [0, 1]}, geometry=[strip, None], crs=CRS),
    }
    for name, frame in frames.items():
        frame.to_parquet(
            folder / f"{name}.parquet", write_covering_bbox=True, schema_version="1.1.0", row_group_size=100
        )
    return {name: (folder / f"{name}.parquet", frame) for name, frame in frames.items()}


def run(layers: dict, names: tuple[str, ...] = ("unions", "circles", "strip"), **options: object) -> pd.DataFrame:
    risks = {name: layers[name][0] for name in names}
    return overlay_areas(layers["patches"][0], risks, coverage_id="patch", risk_id="id", **options)


def test_totals_and_pairs_equal_geopandas(layers: dict) -> None:
    found = run(layers)
    for name in ("unions", "circles", "strip"):
        frame = layers[name][1]
        other = gpd.overlay(
            frame[frame.geometry.notna()], layers["patches"][1], how="intersection", keep_geom_type=False
        )
        other = other.assign(area=other.area)
        other = other[other["area"] >= 1e-6].set_index(["id", "patch"])["area"].sort_index()
        mine = found[found["layer"] == name].set_index(["risk_id", "coverage_id"])["area_m2"].sort_index()
        assert mine.index.tolist() == other.index.tolist()
        assert np.abs(mine.to_numpy() - other.to_numpy()).max() < 1e-6
        assert mine.sum() == pytest.approx(other.sum(), rel=1e-12)


def test_the_ledger_of_a_gap_free_coverage_closes(layers: dict) -> None:
    found = run(layers, ("unions",)).groupby("risk_id")["area_m2"].sum()
    assert found.to_numpy() == pytest.approx(layers["unions"][1].area.to_numpy(), rel=1e-12)


def test_threads_and_progress_change_nothing(layers: dict) -> None:
    steps: list[tuple[int, int]] = []
    one = run(layers, threads=1, progress=lambda done, total: steps.append((done, total)))
    assert one.equals(run(layers, threads=4))
    assert steps[-1][0] == steps[-1][1] == 16
    assert [s[0] for s in steps] == sorted(s[0] for s in steps)


def test_row_groups_out_of_reach_are_not_read(layers: dict, tmp_path: Path) -> None:
    corner = gpd.GeoDataFrame({"id": [7]}, geometry=[shapely.box(500_010, 3_850_010, 500_090, 3_850_090)], crs=CRS)
    corner.to_parquet(tmp_path / "corner.parquet")
    steps: list[tuple[int, int]] = []
    found = overlay_areas(
        layers["patches"][0], {"corner": tmp_path / "corner.parquet"}, coverage_id="patch", risk_id="id",
        progress=lambda done, total: steps.append((done, total)),
    )  # fmt: skip
    assert steps == [(1, 1)]
    assert found["area_m2"].sum() == pytest.approx(6_400, rel=1e-12)


def test_layers_apart_and_an_empty_one_give_an_empty_table(layers: dict, tmp_path: Path) -> None:
    far = gpd.GeoDataFrame({"id": [1]}, geometry=[shapely.box(0, 0, 1, 1)], crs=CRS)
    far.to_parquet(tmp_path / "far.parquet")
    far.iloc[:0].to_parquet(tmp_path / "none.parquet")
    for name in ("far", "none"):
        found = overlay_areas(
            layers["patches"][0], {name: tmp_path / f"{name}.parquet"}, coverage_id="patch", risk_id="id"
        )
        assert found.empty
        assert found.columns.tolist() == ["layer", "risk_id", "coverage_id", "area_m2"]


def test_another_crs_degrees_and_no_crs_are_refused(layers: dict, tmp_path: Path) -> None:
    zone = layers["circles"][1]
    zone.to_crs("EPSG:4490").to_parquet(tmp_path / "degrees.parquet")
    zone.to_crs("EPSG:4548").to_parquet(tmp_path / "zone39.parquet")
    zone.set_crs(None, allow_override=True).to_parquet(tmp_path / "none.parquet")
    for name in ("degrees", "zone39", "none"):
        with pytest.raises(CrsError, match=rf"{name}\.parquet: got .* expected"):
            overlay_areas(layers["patches"][0], {"x": tmp_path / f"{name}.parquet"}, coverage_id="patch", risk_id="id")
    with pytest.raises(CrsError, match="true metres"):
        overlay_areas(tmp_path / "degrees.parquet", {}, coverage_id="id", risk_id="id")


def test_files_that_are_no_layers_are_refused(layers: dict, tmp_path: Path) -> None:
    path = layers["circles"][0]
    whole = path.read_bytes()
    (tmp_path / "cut.parquet").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "text.parquet").write_text("no parquet", encoding="utf-8")
    pd.DataFrame({"id": [1]}).to_parquet(tmp_path / "table.parquet")
    for name in ("cut", "text", "table"):
        with pytest.raises(DeliveryError, match=rf"{name}\.parquet: got .* expected"):
            overlay_areas(layers["patches"][0], {"x": tmp_path / f"{name}.parquet"}, coverage_id="patch", risk_id="id")
    with pytest.raises(DeliveryError, match="expected 'nummer' among them"):
        overlay_areas(layers["patches"][0], {"x": path}, coverage_id="patch", risk_id="nummer")


def test_room_for_pairs_grows(layers: dict, monkeypatch: pytest.MonkeyPatch) -> None:
    before = run(layers)
    monkeypatch.setattr(overlay, "ROOM_PER_FEATURE", 0)
    assert run(layers).equals(before)


def test_a_box_that_reaches_beyond_the_other_layer_is_not_taken_for_inside() -> None:
    square = np.array([shapely.box(6, 2, 7, 3)], dtype=object)
    wedge = np.array([shapely.Polygon([(2, 2), (6, 3), (8, 2)])], dtype=object)
    for one, two in ((square, wedge), (wedge, square)):
        assert areas_of(one, two, np.array([[0, 0]])).tolist() == pytest.approx([0.75], abs=1e-12)


# areas on the ellipsoid


@pytest.mark.parametrize("crs", ["EPSG:4547", "EPSG:4526"])
@pytest.mark.parametrize("degrees", [-1.6, 0.4, 1.6])
@pytest.mark.parametrize("north", [2_500_000.0, 5_300_000.0])
def test_areas_on_the_ellipsoid_are_those_of_the_pieces(crs: str, degrees: float, north: float) -> None:
    rng = np.random.default_rng(7)
    east = (38_500_000.0 if crs == "EPSG:4526" else 500_000.0) + degrees * 111_300 * np.cos(north / 6_367_000)
    place = np.array([east, north])
    one = moved(np.array([scaled(s, 10.0) for s in random_polygons(rng, 40)], dtype=object), place)
    two = moved(np.array([scaled(s, rng.uniform(2.0, 10.0)) for s in random_polygons(rng, 40)], dtype=object), place)
    left, right = ragged(one), ragged(two)
    pairs = every_pair(one, two).astype(np.int32)[::7]
    ground = Ground(true_area(two, crs), AreaFactor(crs).near(right.box))
    plane, found = common_areas_on_ground(left, right, pairs, ground)
    assert plane.tobytes() == common_areas(left, right, pairs).tobytes()
    expected = true_area(shapely.intersection(one[pairs[:, 0]], two[pairs[:, 1]]), crs)
    large = expected > 10_000.0
    assert large.sum() > 5
    assert np.abs(found[large] / expected[large] - 1.0).max() < 1e-9
    assert np.abs(found - expected)[~large].max() < 2e-5


def true_area(shapes: NDArray, crs: str) -> NDArray:
    """Return areas on the ellipsoid of shapes whose borders are straight in the plane: at 1 m no edge bends by 1e-8 m."""
    return ellipsoidal_area_m2(np.asarray(shapely.segmentize(shapes, 1.0), dtype=object), crs)


def scaled(shape: shapely.Geometry, by: float) -> shapely.Geometry:
    return shapely.transform(shape, lambda xy: xy * by)


def test_streamed_areas_on_the_ellipsoid_equal_those_of_pieces(layers: dict, tmp_path: Path) -> None:
    patches = layers["patches"][1]
    patches = patches.assign(true_m2=true_area(patches.geometry.to_numpy(), CRS))
    patches.to_parquet(tmp_path / "p.parquet", write_covering_bbox=True, schema_version="1.1.0", row_group_size=100)
    found = overlay_areas(
        tmp_path / "p.parquet", {"strip": layers["strip"][0]}, coverage_id="patch", risk_id="id", true_area="true_m2"
    )
    assert found["area_m2"].tolist() == run(layers, ("strip",))["area_m2"].tolist()
    strip = layers["strip"][1].geometry[0]
    pieces = shapely.intersection(patches.set_index("patch").geometry[found["coverage_id"]].to_numpy(), strip)
    expected = true_area(pieces, CRS)
    large = expected > 1_000.0
    assert found["ellipsoidal_m2"].to_numpy()[large] == pytest.approx(expected[large], rel=1e-9)


# input that is not valid

BOW_TIE = shapely.Polygon([(500_120, 3_850_110), (500_980, 3_850_910), (500_980, 3_850_110), (500_120, 3_850_910)])


def test_rings_that_cross_are_named_and_never_summed(layers: dict, tmp_path: Path) -> None:
    frame = gpd.GeoDataFrame(
        {"id": ["good", "bow"]}, geometry=[shapely.box(500_000, 3_850_000, 500_500, 3_850_500), BOW_TIE], crs=CRS
    )
    frame.to_parquet(tmp_path / "bow.parquet")
    options = {"coverage_id": "patch", "risk_id": "id"}
    with pytest.raises(DeliveryError, match=r"bow\.parquet: got an invalid polygon, id 'bow' \(Self-intersection"):
        overlay_areas(layers["patches"][0], {"zones": tmp_path / "bow.parquet"}, check=True, **options)
    with pytest.raises(DeliveryError, match=r"layer zones, id 'bow', with the coverage's id 'P\d+': got a common area"):
        overlay_areas(layers["patches"][0], {"zones": tmp_path / "bow.parquet"}, **options)


def test_a_crossing_ring_in_the_coverage_is_named(layers: dict, tmp_path: Path) -> None:
    frame = gpd.GeoDataFrame({"patch": ["bow"]}, geometry=[BOW_TIE], crs=CRS)
    frame.to_parquet(tmp_path / "cov.parquet")
    with pytest.raises(DeliveryError, match="with the coverage's id 'bow': got a common area"):
        overlay_areas(tmp_path / "cov.parquet", {"unions": layers["unions"][0]}, coverage_id="patch", risk_id="id")


def test_checked_layers_give_the_same_table(layers: dict) -> None:
    assert run(layers, check=True).equals(run(layers))


# machine code


@compiled.compiled
def _twice(values, total):
    for k in range(len(values)):
        total[0] += 2.0 * values[k]
    return len(values)


def test_machine_code_is_kept_found_again_and_made_anew_when_damaged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(compiled.CACHE_VARIABLE, str(tmp_path / "code"))
    values, function = np.arange(5.0), _twice.function

    def answer() -> float:
        total = np.zeros(1)
        assert compiled.Kernel(function)(values, total) == 5
        return float(total[0])

    assert answer() == 20.0
    if not compiled.KEPT_HERE:
        return
    (kept,) = (tmp_path / "code").iterdir()
    made = []
    monkeypatch.setattr(compiled, "_translate", lambda *given: made.append(given))
    assert answer() == 20.0
    assert not made
    kept.write_bytes(kept.read_bytes()[:-1])
    monkeypatch.undo()
    monkeypatch.setenv(compiled.CACHE_VARIABLE, str(tmp_path / "code"))
    assert answer() == 20.0
    assert compiled._read(kept) is not None


def test_where_no_code_can_be_kept_numba_gives_the_same_bits(monkeypatch: pytest.MonkeyPatch) -> None:
    values, total = np.linspace(0.1, 0.7, 9), np.zeros(2)
    assert _twice(values, total[:1]) == 9
    monkeypatch.setattr(compiled, "KEPT_HERE", False)
    assert compiled.Kernel(_twice.function)(values, total[1:]) == 9
    assert total[0].tobytes() == total[1].tobytes()


def test_arrays_with_gaps_are_refused() -> None:
    with pytest.raises(TypeError, match="C-contiguous"):
        _twice(np.zeros(6)[::2], np.zeros(1))
