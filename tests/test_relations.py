"""Relations on hand-drawn geometry whose answers are checked by eye, and against plain shapely and PostGIS."""

from __future__ import annotations

import numpy as np
import pyproj
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from geosys._errors import CrsError
from geosys.geo.relations import RELATIONS, Terms, relate

CRS = "EPSG:4547"
EAST, NORTH = 500_000.0, 3_850_000.0  # on the central meridian a metre of the plane is a metre of ground


def at(text: str) -> shapely.Geometry:
    """Return a geometry drawn near (0, 0), moved onto the central meridian."""
    return shapely.transform(shapely.from_wkt(text), lambda xy: xy + np.array([EAST, NORTH]))


def shapes(*texts: str) -> np.ndarray:
    return np.array([at(text) for text in texts], dtype=object)


def box(west: float, south: float, east: float, north: float) -> str:
    return shapely.box(west, south, east, north).wkt


def terms(**more: float) -> Terms:
    return Terms(crs=CRS, **more)


def test_a_point_on_the_line_is_covered_and_one_a_metre_out_is_not() -> None:
    points = shapes("POINT (10 5)", "POINT (11 5)", "POINT (4 5)")
    table = relate("covered_by", points, shapes(box(0, 0, 10, 10)), terms(near_m=5))
    assert table["state"].tolist() == ["hit", "near", "hit"]
    assert table["margin"].tolist() == pytest.approx([0, -1, 4], rel=5e-3, abs=1e-6)


def test_a_tenth_of_a_millimetre_is_not_missing() -> None:
    table = relate("covered_by", shapes("POINT (10.0001 5)", "POINT (10.1 5)"), shapes(box(0, 0, 10, 10)), terms())
    assert table["subject"].tolist() == [0]


def test_a_plot_across_two_zones_is_covered_by_both_together_and_counted_once_for_each() -> None:
    zones = shapes(box(0, 0, 10, 10), box(10, 0, 20, 10))
    table = relate("covered_by", shapes(box(8, 2, 12, 4), box(18, 2, 22, 4)), zones, terms())
    assert list(zip(table["subject"], table["object"], table["state"], strict=True)) == [(0, 0, "hit"), (0, 1, "hit")]


def test_a_hole_is_outside() -> None:
    ring = "POLYGON ((0 0, 100 0, 100 100, 0 100, 0 0), (40 40, 60 40, 60 60, 40 60, 40 40))"
    table = relate("covered_by", shapes("POINT (50 50)", "POINT (20 50)"), shapes(ring), terms())
    assert table["subject"].tolist() == [1]
    assert table["margin"].tolist() == pytest.approx([20], rel=1e-3)


def test_five_hundred_metres_are_five_hundred_on_the_ground_far_from_the_meridian() -> None:
    # 1.6° east of the central meridian the plane is longer than the ground by 1 part in 3,700
    change = pyproj.Transformer.from_crs("EPSG:4490", CRS, always_xy=True)
    lon, lat = 115.6, 34.8
    geod = pyproj.Geod(ellps="GRS80")
    points = [geod.fwd(lon, lat, azimuth, length)[:2] for azimuth in (0, 90, 217) for length in (499.99, 500.01)]
    subjects = np.array([shapely.Point(*change.transform(*p)) for p in points], dtype=object)
    here = np.array([shapely.Point(*change.transform(lon, lat))], dtype=object)
    table = relate("dwithin", subjects, here, terms(distance_m=500))
    assert table["subject"].tolist() == [0, 2, 4]
    assert table["measure"].tolist() == pytest.approx([499.99] * 3, abs=1e-6)
    assert shapely.distance(subjects[0], here[0]) > 500, "the plane alone would have missed these"


def test_near_is_marked_by_the_accuracy_and_margins_are_signed() -> None:
    table = relate(
        "dwithin",
        shapes("POINT (95 0)", "POINT (103 0)", "POINT (200 0)"),
        shapes("POINT (0 0)"),
        terms(distance_m=100, near_m=5),
    )
    assert table["state"].tolist() == ["hit", "near"]
    assert table["margin"].tolist() == pytest.approx([5, -3], abs=1e-4)


def test_touching_is_not_hitting_and_areas_are_those_drawn() -> None:
    plots = shapes(box(0, 0, 100, 100), box(100, 0, 200, 100), box(60, 0, 160, 50))
    zone = shapes(box(0, 0, 100, 100))
    table = relate("intersects", plots, zone, terms(min_area_m2=1))
    assert list(zip(table["subject"], table["state"], strict=True)) == [(0, "hit"), (2, "hit")]
    assert table["area_m2"].tolist() == pytest.approx([10_000, 2_000], rel=1e-6)
    assert table["share"].tolist() == pytest.approx([1, 0.4], rel=1e-6)
    assert table["object_share"].tolist() == pytest.approx([1, 0.2], rel=1e-6)
    assert table["margin"].tolist() == pytest.approx([9_999, 1_999], rel=1e-6)


@pytest.mark.parametrize(
    ("setting", "hits"), [({"min_area_m2": 2_001}, 0), ({"min_share": 0.41}, 0), ({"min_share": 0.39}, 1)]
)
def test_least_area_and_least_share_decide(setting: dict[str, float], hits: int) -> None:
    table = relate("intersects", shapes(box(60, 0, 160, 50)), shapes(box(0, 0, 100, 100)), terms(**setting))
    assert (table["state"] == "hit").sum() == hits
    assert len(table) == 1, "what falls short of the threshold is near, not gone"


def test_what_lies_outside_all_objects_together_is_measured() -> None:
    fields = shapes(box(0, 0, 100, 100), box(200, 0, 300, 100), box(0, 200, 100, 300))
    protected = shapes(box(0, 0, 60, 100), box(50, 0, 90, 100), box(200, 0, 300, 100))
    table = relate("not_covered_by", fields, protected, terms(min_area_m2=1))
    assert table["subject"].tolist() == [0, 2]
    assert table["area_m2"].tolist() == pytest.approx([1_000, 10_000], rel=1e-6)
    assert (table["object"] == -1).all()


@pytest.mark.parametrize("relation", RELATIONS)
def test_nothing_beside_nothing_is_an_empty_table(relation: str) -> None:
    nothing = np.array([], dtype=object)
    far = shapes(box(0, 0, 1, 1))
    assert relate(relation, nothing, far, terms(distance_m=1)).empty
    alone = relate(relation, far, nothing, terms(distance_m=1))
    assert len(alone) == (relation == "not_covered_by")


@pytest.mark.parametrize("relation", RELATIONS)
def test_missing_and_empty_geometries_pair_with_nothing(relation: str) -> None:
    subjects = np.array([None, shapely.Polygon(), at(box(0, 0, 10, 10))], dtype=object)
    table = relate(relation, subjects, shapes(box(0, 0, 5, 5)), terms(distance_m=1))
    assert set(table["subject"]) <= {2}


def test_degrees_passed_as_metres_and_web_mercator_raise() -> None:
    degrees = np.array([shapely.Point(114.31, 34.81), shapely.Point(114.32, 34.82)], dtype=object)
    with pytest.raises(CrsError, match="look like degrees"):
        relate("dwithin", degrees, degrees, terms(distance_m=500))
    with pytest.raises(CrsError, match="true metres"):
        relate("dwithin", degrees, degrees, Terms(crs="EPSG:3857", distance_m=500))
    with pytest.raises(CrsError, match="true metres"):
        relate("dwithin", degrees, degrees, Terms(crs="EPSG:4490", distance_m=500))


coordinate = st.integers(min_value=0, max_value=60)


@st.composite
def boxes(draw: st.DrawFn) -> list[str]:
    count = draw(st.integers(min_value=1, max_value=6))
    corners = [(draw(coordinate), draw(coordinate), draw(coordinate) + 1, draw(coordinate) + 1) for _ in range(count)]
    return [box(x, y, x + w, y + h) for x, y, w, h in corners]


@settings(max_examples=150, deadline=None)
@given(subjects=boxes(), objects=boxes())
def test_common_and_left_over_area_of_random_boxes_add_up(subjects: list[str], objects: list[str]) -> None:
    plots, zones = shapes(*subjects), shapes(*objects)
    common = relate("intersects", plots, zones, terms(min_area_m2=0))
    for i, j, area in zip(common["subject"], common["object"], common["area_m2"], strict=True):
        assert area == pytest.approx(shapely.intersection(plots[i], zones[j]).area, abs=1e-4, rel=1e-6)
    left = relate("not_covered_by", plots, zones, terms(min_area_m2=0)).set_index("subject")["area_m2"]
    for i, plot in enumerate(plots):
        covered = shapely.intersection(plot, shapely.union_all(zones)).area
        assert plot.area - covered == pytest.approx(left.get(i, 0.0), abs=1e-2)


@settings(max_examples=60, deadline=None)
@given(subjects=boxes(), objects=boxes(), order=st.randoms(use_true_random=False))
def test_the_order_of_rows_changes_nothing(subjects: list[str], objects: list[str], order: object) -> None:
    plots, zones = shapes(*subjects), shapes(*objects)
    turned = list(range(len(plots)))
    order.shuffle(turned)  # type: ignore[attr-defined]
    for relation in RELATIONS:
        one = relate(relation, plots, zones, terms(distance_m=5, near_m=2))
        two = relate(relation, plots[turned], zones, terms(distance_m=5, near_m=2))
        two = (
            two.assign(subject=np.array([turned[i] for i in two["subject"]], dtype="int64"))
            .sort_values(["subject", "object"])
            .reset_index(drop=True)
        )
        assert one.equals(two[one.columns]), relation
