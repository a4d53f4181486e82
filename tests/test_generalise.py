"""Generalising for publication: on the grid, valid, near the original, no original vertex left, borders still shared."""

from __future__ import annotations

import numpy as np
import pyproj
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from geosys._errors import CrsError, SpecError
from geosys.geo.generalise import ORIGIN_SHARE, cells_of, generalise, plane_length, squares

CRS = "EPSG:4547"  # CGCS2000, central meridian 114° E
EAST, NORTH = 500_000, 3_850_000


def vertices(shapes) -> set[tuple[float, float]]:
    return set(map(tuple, shapely.get_coordinates(shapes).tolist()))


def off_grid(shapes, side: float) -> float:
    """Return by how much the farthest coordinate misses the grid, in cells."""
    steps = shapely.get_coordinates(shapes) / side - ORIGIN_SHARE
    return float(np.abs(steps - np.rint(steps)).max(initial=0.0))


def wavy(seed: int, rows: int = 3) -> np.ndarray:
    """Return a coverage of 9 polygons whose common borders have many vertices: a triangulation's faces, dissolved."""
    rng = np.random.default_rng(seed)
    seeds = shapely.points(np.add(rng.uniform(0, 30_000, (400, 2)), (EAST, NORTH)))
    cells = shapely.get_parts(
        shapely.voronoi_polygons(
            shapely.multipoints(seeds), extend_to=shapely.box(EAST, NORTH, EAST + 3e4, NORTH + 3e4)
        )
    )
    cells = shapely.intersection(cells, shapely.box(EAST, NORTH, EAST + 3e4, NORTH + 3e4))
    centres = shapely.get_coordinates(shapely.centroid(cells)) - [EAST, NORTH]
    block = (centres // 10_000).clip(0, rows - 1).astype(int)
    keys = block[:, 0] * rows + block[:, 1]
    return np.array([shapely.coverage_union_all(cells[keys == key]) for key in np.unique(keys)], dtype=object)


def test_a_square_of_1_km_keeps_its_place_and_loses_its_corners():
    square = shapely.box(EAST, NORTH, EAST + 1000, NORTH + 1000)
    made = generalise(np.array([square], dtype=object), CRS, 100.0)[0]
    assert made.is_valid
    assert made.geom_type == "Polygon"
    assert not vertices([square]) & vertices([made])
    assert abs(made.area - 1e6) < 0.25e6  # each side moves by half a cell of 100 m at most
    assert made.hausdorff_distance(square) <= 0.5 * 100 * 2**0.5 * 1.001


def test_points_become_the_centres_of_cells_and_those_of_one_cell_are_one():
    points = shapely.points([[EAST + 1, NORTH + 1], [EAST + 2, NORTH + 3], [EAST + 900, NORTH]])
    made = generalise(points, CRS, 100.0)
    assert made[0].equals(made[1])
    assert not made[0].equals(made[2])
    assert shapely.distance(points, made).max() <= 50 * 2**0.5 * 1.001
    side = plane_length(100.0, points, CRS)
    assert shapely.covers(squares(cells_of(points, CRS, 100.0), side), points).all()


def test_the_tolerance_is_on_the_ground():
    """At the edge of a wide zone the plane is longer than the ground: the cell is at least as long by the geodesic."""
    lon = 117.0
    east, north = pyproj.Transformer.from_crs("EPSG:4490", CRS, always_xy=True).transform(lon, 34.5)
    point = np.array([shapely.Point(east, north)], dtype=object)
    side = plane_length(1000.0, point, CRS)
    assert side > 1000.5
    back = pyproj.Transformer.from_crs(CRS, "EPSG:4490", always_xy=True)
    ends = back.transform([east, east + side], [north, north])
    length = pyproj.Geod(ellps="GRS80").inv(ends[0][0], ends[1][0], ends[0][1], ends[1][1])[2]
    assert length == pytest.approx(1000.0, abs=0.1)


def test_a_polygon_smaller_than_the_grid_becomes_its_cell_and_is_not_lost():
    tiny = shapely.box(EAST + 10, NORTH + 10, EAST + 12, NORTH + 12)
    made = generalise(np.array([tiny], dtype=object), CRS, 100.0)[0]
    assert made.area == pytest.approx(plane_length(100.0, np.array([tiny]), CRS) ** 2)
    assert made.covers(tiny)
    assert len(shapely.get_coordinates(made)) == 5


def test_missing_and_empty_stay_and_a_short_line_is_empty():
    line = shapely.LineString([(EAST + 50, NORTH + 50), (EAST + 51, NORTH + 50)])
    made = generalise(np.array([None, shapely.Polygon(), line], dtype=object), CRS, 100.0)
    assert made[0] is None
    assert made[1].is_empty
    assert made[2].is_empty


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_neighbours_still_share_their_borders(seed):
    areas = wavy(seed)
    assert shapely.coverage_is_valid(areas)
    made = generalise(areas, CRS, 400.0)
    assert shapely.is_valid(made).all()
    assert not shapely.is_empty(made).any()
    assert shapely.coverage_is_valid(made)
    # no gap: the whole is one polygon without holes, and its area is the sum of the parts
    whole = shapely.union_all(made)
    assert whole.area == pytest.approx(shapely.area(made).sum(), rel=1e-9)
    assert shapely.get_num_interior_rings(whole) == 0
    assert shapely.get_num_coordinates(made).sum() < shapely.get_num_coordinates(areas).sum() * 0.75
    assert not vertices(areas) & vertices(made)
    assert off_grid(made, plane_length(400.0, areas, CRS)) < 1e-6


numbers = st.integers(0, 5_000)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(numbers, numbers), min_size=3, max_size=9, unique=True), st.sampled_from([10.0, 50.0, 250.0]))
def test_no_whole_number_vertex_is_left_and_all_lie_on_the_grid(corners, tolerance):
    hull = shapely.convex_hull(shapely.multipoints([(EAST + x, NORTH + y) for x, y in corners]))
    line = shapely.LineString([(EAST + x, NORTH + y) for x, y in corners])
    for shape in (hull, line):
        shapes = np.array([shape], dtype=object)
        made = generalise(shapes, CRS, tolerance)
        assert shapely.is_valid(made).all()
        assert not vertices(shapes) & vertices(made)
        assert off_grid(made, plane_length(tolerance, shapes, CRS)) < 1e-6
        if not made[0].is_empty:
            assert (
                made[0].geom_type.removeprefix("Multi") == shape.geom_type.replace("Point", "Polygon")
                or shape.area == 0
            )
            # simplified by one cell at most, then moved by half a cell's diagonal; a cell for a tiny one by its own
            assert shapely.distance(made[0], shape) <= 1.42 * tolerance * 1.001


def test_wrong_calls_are_refused():
    point = np.array([shapely.Point(114, 34)], dtype=object)
    with pytest.raises(CrsError, match="metres"):
        generalise(point, "EPSG:4490", 100.0)
    for wrong in (0.0, -1.0, float("nan")):
        with pytest.raises(SpecError, match="above 0"):
            generalise(point, CRS, wrong)
