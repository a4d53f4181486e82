"""Distances by runs of vertices: toy cases by eye, and whole geometries measured by plain shapely."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import geopandas as gpd
import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from geosys._errors import CrsError, DeliveryError
from geosys.geo.distances import Targets, nearest, pairs_within, shortest_lines
from geosys.geo.runs import cut
from geosys.geo.stored_distances import nearest_stored, pairs_within_stored

if TYPE_CHECKING:
    from pathlib import Path

CRS = "EPSG:4547"
HOLED = "POLYGON ((0 0, 100 0, 100 100, 0 100, 0 0), (40 40, 60 40, 60 60, 40 60, 40 40))"
PLACES = [(0.0, 0.0), (38_500_000.0, 3_850_000.0)]


def shapes(*texts: str | None) -> np.ndarray:
    return np.array([None if text is None else shapely.from_wkt(text) for text in texts], dtype=object)


def listed(found: Any) -> list[tuple[int, int, float]]:
    return list(zip(*(column.tolist() for column in found), strict=True))


def cut_up(geometries: np.ndarray) -> Targets:
    """Cut even the smallest geometry, two segments a run."""
    return Targets.of(geometries, whole=2, size=3)


CUTS = [Targets.of, cut_up]
cuts = pytest.mark.parametrize("build", CUTS)


# --- by eye ---


@cuts
@pytest.mark.parametrize(
    ("subject", "expected"),
    [
        ("POINT (20 20)", 0),  # inside
        ("POINT (100 50)", 0),  # on the border
        ("POINT (100 100)", 0),  # on a corner
        ("POINT (50 50)", 10),  # in the hole
        ("POINT (40 50)", 0),  # on the hole's border
        ("POINT (103 104)", 5),  # 3, 4, 5
        ("LINESTRING (10 10, 20 20)", 0),  # inside, far from every border
        ("LINESTRING (-10 50, 110 50)", 0),  # across
        ("LINESTRING (45 50, 55 50)", 5),  # in the hole
        ("POLYGON ((110 0, 120 0, 120 10, 110 0))", 10),
        ("POLYGON ((100 0, 120 0, 120 10, 100 0))", 0),  # touches a corner
        ("POLYGON ((45 45, 55 45, 55 55, 45 55, 45 45))", 5),  # an island in the hole
        ("POLYGON ((-10 -10, 200 -10, 200 200, -10 200, -10 -10))", 0),  # around it
        ("POLYGON ((-10 -10, 200 -10, 200 200, -10 200, -10 -10), (-5 -5, 110 -5, 110 110, -5 110, -5 -5))", 5),
        ("MULTIPOINT (300 300, 50 52)", 8),  # its second part is nearer
        ("MULTIPOINT (300 300, 20 20)", 0),  # its second part is inside
        ("MULTIPOLYGON (((300 300, 310 300, 310 310, 300 300)), ((5 5, 6 5, 6 6, 5 5)))", 0),
        ("GEOMETRYCOLLECTION (POINT (300 0), LINESTRING (102 0, 102 10))", 2),
    ],
)
def test_a_subject_at_a_polygon_with_a_hole(build: Any, subject: str, expected: float) -> None:
    subjects, targets = shapes(subject), build(shapes(HOLED))
    for ours in (subjects, cut_up(subjects)):
        assert listed(nearest(ours, targets)) == [(0, 0, expected)]
        assert listed(pairs_within(ours, targets, expected)) == [(0, 0, expected)]
        assert not expected or not listed(pairs_within(ours, targets, np.nextafter(expected, 0)))
        line = shortest_lines(ours, targets, np.array([0]), np.array([0]))[0]
        assert (shapely.get_type_id(line), shapely.get_num_points(line), line.length) == (1, 2, expected)
        assert shapely.distance(line, subjects[0]) == 0
        assert shapely.distance(line, targets.shapes[0]) == 0


KINDS = {
    "point": ("POINT (0 0)", "POINT (6 8)"),
    "line": ("LINESTRING (0 0, 0 -5, -5 -5)", "LINESTRING (6 8, 20 8, 20 30)"),
    "polygon": ("POLYGON ((0 0, -5 0, -5 -5, 0 -5, 0 0))", "POLYGON ((6 8, 20 8, 20 30, 6 30, 6 8))"),
}


@cuts
@pytest.mark.parametrize(("a", "b"), list(itertools.product(KINDS, KINDS)))
def test_all_nine_combinations(build: Any, a: str, b: str) -> None:
    subjects, targets = shapes(KINDS[a][0]), build(shapes(KINDS[b][1]))
    assert listed(nearest(subjects, targets)) == listed(pairs_within(cut_up(subjects), targets, 10)) == [(0, 0, 10.0)]
    line = shortest_lines(subjects, targets, np.array([0]), np.array([0]))[0]
    assert line.wkt == "LINESTRING (0 0, 6 8)"


@cuts
def test_all_that_are_equally_near_are_found_and_the_first_alone_on_demand(build: Any) -> None:
    targets = build(shapes("POINT (9 0)", "LINESTRING (-5 -5, -5 5)", "POINT (5 0)", None, "POINT (0 5)"))
    subjects = shapes("POINT (0 0)", None, "POINT EMPTY", "POINT (9 1)")
    assert listed(nearest(subjects, targets)) == [(0, 1, 5.0), (0, 2, 5.0), (0, 4, 5.0), (3, 0, 1.0)]
    assert listed(nearest(subjects, targets, all_ties=False)) == [(0, 1, 5.0), (3, 0, 1.0)]
    assert listed(nearest(subjects, targets, reach=5)) == [(0, 1, 5.0), (0, 2, 5.0), (0, 4, 5.0), (3, 0, 1.0)]
    assert listed(nearest(subjects, targets, reach=4.999)) == [(3, 0, 1.0)]
    assert listed(nearest(subjects, targets, reach=0)) == []


@cuts
def test_patches_that_share_a_border_are_all_nearest(build: Any) -> None:
    squares = np.array([shapely.box(x, 0, x + 10, 10) for x in (0, 10, 20)])
    assert listed(nearest(shapes("POINT (10 5)", "POINT (5 5)"), build(squares))) == [
        (0, 0, 0.0),
        (0, 1, 0.0),
        (1, 0, 0.0),
    ]


@cuts
def test_missing_and_empty_geometries_pair_with_nothing(build: Any) -> None:
    nothing = shapes(None, "POLYGON EMPTY", "GEOMETRYCOLLECTION EMPTY", "MULTIPOINT EMPTY")
    some = shapes("POINT (0 0)", HOLED)
    for a, b in ((nothing, some), (some, nothing), (nothing, nothing), (some, shapes()), (shapes(), some)):
        assert listed(nearest(a, build(b))) == listed(pairs_within(a, build(b), 1e6)) == []
    lines = shortest_lines(some, build(nothing), np.array([0, 1, 0]), np.array([0, 1, 3]))
    assert lines.tolist() == [None, None, None]
    assert len(shortest_lines(some, build(nothing), np.array([]), np.array([]))) == 0


@pytest.mark.parametrize("wrong", [-1.0, np.nan])
def test_what_is_no_length_is_refused(wrong: float) -> None:
    points = shapes("POINT (0 0)")
    with pytest.raises(ValueError, match="expected metres"):
        pairs_within(points, Targets.of(points), wrong)
    with pytest.raises(ValueError, match="expected metres"):
        nearest(points, Targets.of(points), wrong)


def test_within_infinity_is_refused() -> None:
    points = shapes("POINT (0 0)")
    with pytest.raises(ValueError, match="Ask for the nearest"):
        pairs_within(points, Targets.of(points), np.inf)


def test_runs_cover_the_line_and_share_their_ends() -> None:
    line = shapely.LineString(np.column_stack([np.arange(100), np.zeros(100)]))
    runs, owner = cut(np.array([line, shapely.LineString([(0, 0), (1, 1)])]))
    assert owner.tolist() == [0, 0, 0, 0, 1]
    assert shapely.get_num_points(runs).tolist() == [32, 32, 32, 7, 2]
    assert shapely.equals(shapely.line_merge(shapely.union_all(runs[:4])), line)


# --- against plain shapely ---


def star(centre: tuple[float, float], radii: list[float], has_hole: bool) -> shapely.Geometry:
    angle = np.linspace(0, 2 * np.pi, len(radii), endpoint=False)
    ring = np.column_stack([np.cos(angle), np.sin(angle)]) * np.array(radii)[:, None] + centre
    hole = np.column_stack([np.cos(angle), np.sin(angle)]) * min(radii) * 0.5 + centre
    return shapely.Polygon(ring, [hole] if has_hole else [])


def drawn(draw: Any, east: float, north: float) -> shapely.Geometry:
    """Return a point, line or polygon, or two of them, on whole or on any coordinates."""
    number = st.integers(-100, 100) | st.floats(-100, 100, width=32)
    count = draw(st.sampled_from([1, 1, 2]))
    kind = draw(st.sampled_from(["point", "line", "polygon"]))
    parts = []
    for k in range(count):
        at = (east + draw(number) + 500 * k, north + draw(number))
        if kind == "point":
            parts.append(shapely.Point(at))
        elif kind == "line":
            steps = draw(st.lists(st.tuples(number, number), min_size=1, max_size=12))
            parts.append(shapely.LineString([at, *((east + x, north + y) for x, y in steps)]))
        else:
            radii = draw(st.lists(st.integers(1, 100) | st.floats(1, 100), min_size=3, max_size=70))
            parts.append(star(at, radii, draw(st.booleans())))
    gather = {"point": shapely.MultiPoint, "line": shapely.MultiLineString, "polygon": shapely.MultiPolygon}
    return parts[0] if count == 1 else gather[kind](parts)


@st.composite
def layers(draw: Any, place: tuple[float, float]) -> tuple[np.ndarray, np.ndarray]:
    def layer() -> np.ndarray:
        found = [drawn(draw, *place) for _ in range(draw(st.integers(1, 5)))]
        valid = [shape if shape.is_valid else shape.convex_hull for shape in found]
        return np.array([*valid, None], dtype=object)

    return layer(), layer()


def by_shapely(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return the whole matrix of distances; 0 where two meet."""
    distance = shapely.distance(a[:, None], b[None, :])
    return np.where(shapely.intersects(a[:, None], b[None, :]), 0.0, distance)


@pytest.mark.parametrize("place", PLACES)
@given(data=st.data())
@settings(max_examples=50, deadline=None)
def test_distances_are_those_of_the_whole_geometries_to_the_bit(place: tuple[float, float], data: Any) -> None:
    a, b = data.draw(layers(place))
    matrix = by_shapely(a, b)
    least = np.fmin.reduce(matrix, axis=1)
    reach = float(np.nanmedian(matrix))
    for ours, theirs in itertools.product((Targets.of(a), cut_up(a)), (Targets.of(b), cut_up(b), Targets.of(b, 8, 8))):
        left, right, distance = pairs_within(ours, theirs, reach)
        expected = np.argwhere(matrix <= reach)
        assert np.column_stack([left, right]).tolist() == expected.tolist()
        assert distance.tolist() == matrix[left, right].tolist()
        left, right, distance = nearest(ours, theirs)
        assert np.column_stack([left, right]).tolist() == np.argwhere(matrix == least[:, None]).tolist()
        assert distance.tolist() == least[left].tolist()
        lines = shortest_lines(ours, theirs, left, right)
        assert shapely.length(lines) == pytest.approx(distance, abs=3e-8)  # an end is rounded to the coordinates' grid
        assert (shapely.get_num_points(lines) == 2).all()


def wavy(rng: np.random.Generator, count: int, size: int, at: tuple[float, float]) -> np.ndarray:
    """Return stars of many vertices, some with holes, overlapping and apart."""
    centres = rng.uniform(0, 3000, (count, 2)) + np.array(at)
    angle = np.linspace(0, 2 * np.pi, size, endpoint=False)
    rings = [
        centre
        + (rng.uniform(50, 300) + 20 * rng.random(size))[:, None] * np.column_stack([np.cos(angle), np.sin(angle)])
        for centre in np.round(centres, 3)
    ]
    return np.array(
        [
            shapely.Polygon(r, [c + (r - c) * 0.6] if k % 2 else [])
            for k, (r, c) in enumerate(zip(rings, centres, strict=True))
        ]
    )


@pytest.mark.parametrize("place", PLACES)
def test_large_zones_give_the_answers_of_the_tree_over_whole_zones(place: tuple[float, float]) -> None:
    rng = np.random.default_rng(3)
    zones, plots = wavy(rng, 20, 3000, place), wavy(rng, 60, 12, place)
    tree, targets = shapely.STRtree(zones), Targets.of(zones)
    (left, right), distance = tree.query_nearest(plots, return_distance=True)
    assert listed(nearest(plots, targets)) == sorted(zip(left.tolist(), right.tolist(), distance.tolist(), strict=True))
    joined = gpd.sjoin_nearest(
        gpd.GeoDataFrame(geometry=plots, crs=CRS), gpd.GeoDataFrame(geometry=zones, crs=CRS), distance_col="d"
    )
    assert listed(nearest(plots, targets)) == sorted(zip(joined.index, joined["index_right"], joined["d"], strict=True))
    left, right = tree.query(plots, predicate="dwithin", distance=500)
    pairs = pairs_within(plots, targets, 500)
    assert [pair[:2] for pair in listed(pairs)] == sorted(zip(left.tolist(), right.tolist(), strict=True))
    assert pairs[2].tolist() == shapely.distance(plots[pairs[0]], zones[pairs[1]]).tolist()
    lines = shortest_lines(plots, targets, pairs[0], pairs[1])
    assert shapely.length(lines) == pytest.approx(pairs[2], abs=3e-8)
    assert shapely.distance(lines, plots[pairs[0]]).max() < 1e-8
    assert shapely.distance(lines, zones[pairs[1]]).max() < 1e-8


def test_a_zone_as_subject_costs_no_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(4)
    a, b = wavy(rng, 6, 2000, PLACES[0]), wavy(rng, 6, 2000, PLACES[0])
    matrix = by_shapely(a, b)
    expected = [(i, j, matrix[i, j]) for i, j in np.argwhere(matrix <= 600).tolist()]
    assert listed(pairs_within(a, Targets.of(b), 600)) == expected
    whole_lines = shapely.to_wkb(shortest_lines(a, Targets.of(b), *np.indices((6, 6)).reshape(2, -1)))
    monkeypatch.setattr("geosys.geo.runs.BLOCK", 1_000)
    assert listed(pairs_within(a, Targets.of(b), 600)) == expected
    assert (shapely.to_wkb(shortest_lines(a, Targets.of(b), *np.indices((6, 6)).reshape(2, -1))) == whole_lines).all()


def test_the_order_of_subjects_and_objects_does_not_matter() -> None:
    rng = np.random.default_rng(5)
    zones, plots = wavy(rng, 12, 900, PLACES[1]), wavy(rng, 40, 10, PLACES[1])
    p, z = rng.permutation(40), rng.permutation(12)
    for question in (nearest, lambda a, b: pairs_within(a, b, 400)):
        moved = [(int(p[i]), int(z[j]), d) for i, j, d in listed(question(plots[p], Targets.of(zones[z])))]
        assert sorted(moved) == listed(question(plots, Targets.of(zones)))


# --- stored ---


def write(path: Path, geometries: np.ndarray, rows: int = 7, **options: Any) -> Path:
    frame = gpd.GeoDataFrame({"code": [f"c{k}" for k in range(len(geometries))]}, geometry=geometries, crs=CRS)
    frame.to_parquet(path, row_group_size=rows, **{"write_covering_bbox": True, "schema_version": "1.1.0", **options})
    return path


@pytest.fixture(scope="module")
def patches() -> np.ndarray:
    rng = np.random.default_rng(6)
    found = np.concatenate([wavy(rng, 100, 30, (505_000, 3_845_000)), wavy(rng, 3, 2000, (505_000, 3_845_000))])
    found[[5, 50]] = [None, shapely.Polygon()]
    return found


@pytest.fixture(scope="module")
def plots() -> np.ndarray:
    rng = np.random.default_rng(7)
    found = np.concatenate(
        [
            wavy(rng, 20, 9, (504_000, 3_844_000)),
            shapely.points(rng.uniform(0, 9000, (20, 2)) + np.array([502_000, 3_842_000])),
        ]
    )
    found[[3, 30]] = [None, shapely.Point()]
    return found


@pytest.mark.parametrize("options", [{}, {"write_covering_bbox": False}, {"rows": 1}, {"rows": 10_000}])
@pytest.mark.parametrize("at_once", [5_000, 3])
def test_stored_objects_give_the_answers_of_those_in_memory(
    tmp_path: Path, patches: np.ndarray, plots: np.ndarray, options: Any, at_once: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("geosys.geo.stored_distances.ROWS_AT_ONCE", at_once)
    path, targets = write(tmp_path / "patches.parquet", patches, **options), Targets.of(patches)
    for reach in (np.inf, 200.0, 0.0):
        for all_ties in (True, False):
            found = nearest_stored(plots, path, "code", crs=CRS, reach=reach, all_ties=all_ties)
            assert listed((found.left, found.row, found.distance)) == listed(nearest(plots, targets, reach, all_ties))
    for distance in (0.0, 150.0):
        found = pairs_within_stored(plots, path, "code", distance, lines=True)
        expected = pairs_within(plots, targets, distance)
        assert listed((found.left, found.row, found.distance)) == listed(expected)
        assert found.ids.tolist() == [f"c{k}" for k in expected[1]]
        assert (
            shapely.to_wkb(found.lines).tolist()
            == shapely.to_wkb(shortest_lines(plots, targets, *expected[:2])).tolist()
        )


def test_stored_ties_lie_in_different_row_groups(tmp_path: Path) -> None:
    squares = np.array([shapely.box(x, 0, x + 10, 10) for x in range(500_000, 500_100, 10)])
    path = write(tmp_path / "squares.parquet", squares, rows=1)
    found = nearest_stored(shapely.points([(500_050, 5), (500_050, 30)]), path, "code")
    assert (found.left.tolist(), found.row.tolist(), found.distance.tolist()) == (
        [0, 0, 1, 1],
        [4, 5, 4, 5],
        [0, 0, 20, 20],
    )


def test_only_row_groups_in_reach_are_decoded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from geosys.geo import stored_distances as module

    squares = np.array([shapely.box(x, 0, x + 10, 10) for x in range(500_000, 501_000, 10)])
    path = write(tmp_path / "squares.parquet", squares, rows=10)
    decoded: list[int] = []
    real = module._decoded

    def noted(source: Any, group: int, chosen: Any, stated: Any) -> Any:
        decoded.extend([group] if len(chosen) else [])
        return real(source, group, chosen, stated)

    monkeypatch.setattr(module, "_decoded", noted)
    assert nearest_stored(shapely.points([(500_455, 5)]), path, "code").row.tolist() == [45]
    assert decoded == [4]


def test_nothing_stored_and_nobody_asking(tmp_path: Path, plots: np.ndarray) -> None:
    path = write(tmp_path / "none.parquet", np.array([], dtype=object))
    assert len(nearest_stored(plots, path, "code").left) == len(pairs_within_stored(plots, path, "code", 9).left) == 0
    path = write(tmp_path / "some.parquet", np.array([shapely.box(0, 0, 1, 1)]))
    assert len(nearest_stored(np.array([], dtype=object), path, "code").left) == 0
    assert len(nearest_stored(shapes(None), path, "code").left) == 0


def rewritten(path: Path, change: Any) -> Path:
    """Write a GeoParquet file again with its box column changed."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = pq.read_table(path)
    boxes = table["bbox"].combine_chunks()
    sides = [
        change(name, boxes.field(name).to_numpy(zero_copy_only=False)) for name in ("xmin", "ymin", "xmax", "ymax")
    ]
    column = pa.StructArray.from_arrays([pa.array(side) for side in sides], ["xmin", "ymin", "xmax", "ymax"])
    place = table.schema.get_field_index("bbox")
    changed = table.set_column(place, "bbox", column).replace_schema_metadata(table.schema.metadata)
    pq.write_table(changed, path, row_group_size=7)
    return path


@pytest.mark.parametrize("wider", [0.0, 3_000.0])
def test_boxes_of_32_bits_or_wider_than_they_need_be_change_nothing(
    tmp_path: Path, patches: np.ndarray, plots: np.ndarray, wider: float
) -> None:
    path = write(tmp_path / "patches.parquet", patches)
    rewritten(path, lambda name, side: (side + (wider if name.endswith("max") else -wider)).astype(np.float32))
    found = nearest_stored(plots, path, "code")
    assert listed((found.left, found.row, found.distance)) == listed(nearest(plots, Targets.of(patches)))


def test_a_box_that_does_not_hold_its_geometry_is_refused(
    tmp_path: Path, patches: np.ndarray, plots: np.ndarray
) -> None:
    path = write(tmp_path / "patches.parquet", patches)
    rewritten(path, lambda name, side: side + (-5.0 if name == "xmax" else 0.0))
    with pytest.raises(DeliveryError, match=r"patches\.parquet, row \d+: .*expected it inside the box"):
        nearest_stored(plots, path, "code")


def test_bad_files_are_told_apart(tmp_path: Path, patches: np.ndarray, plots: np.ndarray) -> None:
    path = write(tmp_path / "patches.parquet", patches)
    with pytest.raises(CrsError, match=r"patches\.parquet"):
        nearest_stored(plots, path, "code", crs="EPSG:4548")
    with pytest.raises(DeliveryError, match="expected 'id' among them"):
        pairs_within_stored(plots, path, "id", 10)
    contents = path.read_bytes()
    path.write_bytes(contents[: len(contents) // 2])
    with pytest.raises(DeliveryError, match=r"patches\.parquet"):
        nearest_stored(plots, path, "code")
    path.write_bytes(contents[:4] + bytes(len(contents) // 4) + contents[4 + len(contents) // 4 :])
    with pytest.raises(DeliveryError, match=r"patches\.parquet.*damaged"):
        nearest_stored(plots, path, "code")
