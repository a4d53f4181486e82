"""Relations on hand-drawn geometry whose answers are checked by eye, and against plain shapely and PostGIS."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pyproj
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from geosys._errors import CrsError
from geosys.geo.area import ellipsoidal_area_m2
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


def told(relation: str, subjects: np.ndarray, objects: np.ndarray, asked: Terms) -> pd.DataFrame:
    """Relate with a class for every object, whatever the relation."""
    return relate(relation, subjects, objects, asked, classes=np.array(["a"] * len(objects), dtype=object))


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
    assert told(relation, nothing, far, terms(distance_m=1)).empty
    alone = told(relation, far, nothing, terms(distance_m=1))
    assert len(alone) == (relation in ("not_covered_by", "composition"))


@pytest.mark.parametrize("relation", RELATIONS)
def test_missing_and_empty_geometries_pair_with_nothing(relation: str) -> None:
    subjects = np.array([None, shapely.Polygon(), at(box(0, 0, 10, 10))], dtype=object)
    table = told(relation, subjects, shapes(box(0, 0, 5, 5)), terms(distance_m=1))
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


@settings(max_examples=40, deadline=None)
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


@settings(max_examples=12, deadline=None)
@given(subjects=boxes(), objects=boxes(), order=st.randoms(use_true_random=False))
def test_the_order_of_rows_changes_nothing(subjects: list[str], objects: list[str], order: object) -> None:
    plots, zones = shapes(*subjects), shapes(*objects)
    turned = list(range(len(plots)))
    order.shuffle(turned)  # type: ignore[attr-defined]
    for relation in RELATIONS:
        one = told(relation, plots, zones, terms(distance_m=5, near_m=2))
        two = told(relation, plots[turned], zones, terms(distance_m=5, near_m=2))
        two = (
            two.assign(subject=np.array([turned[i] for i in two["subject"]], dtype="int64"))
            .sort_values(["subject", "object"])
            .reset_index(drop=True)
        )
        assert one.equals(two[one.columns]), relation


@settings(max_examples=12, deadline=None)
@given(subjects=boxes(), objects=boxes(), east=st.integers(-50_000, 50_000), order=st.randoms(use_true_random=False))
def test_roles_shifts_and_the_order_of_objects_change_nothing(
    subjects: list[str], objects: list[str], east: int, order: object
) -> None:
    plots, zones = shapes(*subjects), shapes(*objects)
    for relation in ("intersects", "dwithin"):
        one = relate(relation, plots, zones, terms(distance_m=5, near_m=2)).set_index(["subject", "object"])
        two = relate(relation, zones, plots, terms(distance_m=5, near_m=2))
        two = (
            two.rename(columns={"subject": "object", "object": "subject"}).set_index(["subject", "object"]).sort_index()
        )
        pd.testing.assert_frame_equal(
            one[["state", "area_m2", "distance_m", "margin"]], two[["state", "area_m2", "distance_m", "margin"]],
            rtol=1e-9, atol=1e-6,
        )  # fmt: skip
    moved = [shapely.transform(s, lambda xy: xy + np.array([east, 0.0])) for s in (plots, zones)]
    turned = list(range(len(zones)))
    order.shuffle(turned)  # type: ignore[attr-defined]
    for relation in ("intersects", "covered_by", "not_covered_by"):
        here = relate(relation, plots, zones, terms(min_area_m2=0.5)).query("state == 'hit'")
        there = relate(relation, *moved, terms(min_area_m2=0.5)).query("state == 'hit'")
        assert list(zip(here["subject"], here["object"], strict=True)) == list(
            zip(there["subject"], there["object"], strict=True)
        )
        other = relate(relation, plots, zones[turned], terms(min_area_m2=0.5)).query("state == 'hit'")
        named = [(i, turned[j] if j >= 0 else j) for i, j in zip(other["subject"], other["object"], strict=True)]
        assert sorted(named) == list(zip(here["subject"], here["object"], strict=True))


def test_the_nearest_within_reach_ties_and_rivals_within_the_accuracy() -> None:
    wells = shapes("POINT (0 0)", "POINT (100 0)", "POINT (53 0)", "POINT (900 0)")
    plots = shapes("POINT (50 0)", "POINT (26.5 0)", "POINT (5000 0)")
    table = relate("nearest", plots, wells, terms(reach_m=1000, distance_m=20))
    assert list(zip(table["subject"], table["object"], table["state"], strict=True)) == [
        (0, 2, "hit"), (1, 0, "clear"), (1, 2, "clear"),
    ]  # fmt: skip
    assert table["margin"].tolist() == pytest.approx([17, -6.5, -6.5], abs=1e-4)
    rivals = relate("nearest", shapes("POINT (75 0)"), wells, terms(near_m=5))
    assert rivals[["object", "state", "is_near"]].to_numpy().tolist() == [[1, "near", True], [2, "hit", True]]
    assert rivals["margin"].isna().all()


def test_a_feature_is_not_its_own_nearest() -> None:
    points = shapes("POINT (0 0)", "POINT (10 0)", "POINT (13 0)", "POINT (13 0)")
    table = relate("nearest", points, points, terms(), itself=np.arange(4))
    assert list(zip(table["subject"], table["object"], strict=True)) == [(0, 1), (1, 2), (1, 3), (2, 3), (3, 2)]


@settings(max_examples=20, deadline=None)
@given(st.lists(st.tuples(coordinate, coordinate), min_size=2, max_size=12))
def test_the_nearest_other_feature_equals_brute_force(places: list[tuple[int, int]]) -> None:
    points = shapes(*(f"POINT ({x} {y})" for x, y in places))
    table = relate("nearest", points, points, terms(), itself=np.arange(len(points)))
    apart = shapely.distance(points[:, None], points[None, :])
    np.fill_diagonal(apart, np.inf)
    expected = [(i, j) for i, row in enumerate(apart) for j, d in enumerate(row) if d <= row.min() + 1e-3]
    assert list(zip(table["subject"], table["object"], strict=True)) == expected


def test_a_composition_counts_overlap_once_and_shows_the_remainder() -> None:
    zones = shapes(box(0, 0, 60, 100), box(40, 0, 80, 100), box(70, 0, 90, 100), box(900, 0, 950, 50))
    classes = np.array(["rice", "rice", "wood", "rice"], dtype=object)
    table = relate("composition", shapes(box(0, 0, 100, 100)), zones, terms(min_share=0.5), classes=classes).set_index(
        "object_class"
    )
    assert table["area_m2"].to_dict() == pytest.approx({"": 1_000, "rice": 8_000, "wood": 2_000}, rel=1e-6)
    assert table["state"].to_dict() == {"": "clear", "rice": "hit", "wood": "near"}
    assert table.loc["wood", "margin"] == pytest.approx(-3_000, rel=1e-6)
    with pytest.raises(ValueError, match="no class for object 1"):
        relate("composition", zones, zones, terms(), classes=np.array(["a", None, "b", "c"], dtype=object))


def test_lines_have_a_common_length_and_points_lie_in() -> None:
    river = shapes("LINESTRING (-50 10, 150 10)", "LINESTRING (-50 100, 150 100)", "LINESTRING (100 300, 100 100)")
    zone = shapes(box(0, 0, 100, 100))
    table = relate("intersects", river, zone, terms(min_length_m=20))
    assert table[["subject", "state"]].to_numpy().tolist() == [[0, "hit"], [1, "hit"]]  # the border belongs to it
    assert table["length_m"].tolist() == pytest.approx([100, 100], rel=1e-3)
    assert table["share"].tolist() == pytest.approx([0.5, 0.5])
    assert table["margin"].tolist() == pytest.approx([80, 80], rel=1e-3)
    points = shapes("POINT (100 50)", "POINT (100.0001 50)", "POINT (30 50)", "POINT (101 50)")
    table = relate("intersects", points, zone, terms())
    assert table["subject"].tolist() == [0, 1, 2]
    assert table["margin"].tolist() == pytest.approx([0, 0, 30], abs=0.01)


def test_a_hole_between_the_vertices_is_not_covered() -> None:
    ring = "POLYGON ((0 0, 100 0, 100 100, 0 100, 0 0), (40 40, 60 40, 60 60, 40 60, 40 40))"
    plots = shapes(box(10, 10, 90, 90), "LINESTRING (10 50, 90 50)", box(0, 0, 40, 40))
    table = relate("covered_by", plots, shapes(ring), terms())
    assert table["subject"].tolist() == [2]
    table = relate("covered_by", plots, shapes(ring), terms(near_m=12))
    assert table["state"].tolist() == ["near", "near", "hit"]
    assert table["margin"].tolist() == pytest.approx([-10, -10, 0], abs=0.7)


def test_tolerance_and_sliver_may_be_wider() -> None:
    points, zone = shapes("POINT (10.05 5)"), shapes(box(0, 0, 10, 10))
    assert relate("covered_by", points, zone, terms()).empty
    assert relate("covered_by", points, zone, terms(tolerance_m=0.1))["state"].tolist() == ["hit"]
    strip = shapes(box(9.9, 0, 20, 10))
    assert relate("intersects", strip, zone, terms(min_area_m2=0.5))["state"].tolist() == ["hit"]
    assert relate("intersects", strip, zone, terms(min_area_m2=0.5, sliver_m2=2.0)).empty


def test_an_area_within_the_accuracy_of_its_threshold_is_marked() -> None:
    plots = shapes(box(99, 0, 200, 100), box(10, 0, 200, 100))  # 100 m² and 9,000 m² in common
    table = relate("intersects", plots, shapes(box(0, 0, 100, 100)), terms(min_area_m2=50, near_m=1))
    assert table["state"].tolist() == ["hit", "hit"]
    assert table["is_near"].tolist() == [True, False]  # 50 m² to spare on 202 m of border, against 1 m


def test_a_huge_zone_clipped_around_its_plots_gives_the_area_of_the_whole() -> None:
    turn = np.linspace(0, 2 * np.pi, 5_000, endpoint=False)
    radius = 3_000 * (1 + 0.2 * np.sin(9 * turn) + 0.01 * np.sin(801 * turn))
    zone = at(shapely.Polygon(np.column_stack([radius * np.cos(turn), radius * np.sin(turn)])).wkt)
    plots = shapes(*(box(x, y, x + 210, y + 190) for x in range(-3900, 3900, 400) for y in range(-3900, 3900, 400)))
    table = relate("intersects", plots, np.array([zone]), terms(min_area_m2=0))
    whole = ellipsoidal_area_m2(shapely.intersection(plots[table["subject"]], zone), CRS)
    np.testing.assert_allclose(table["area_m2"], whole, rtol=1e-9, atol=1e-6)
    assert len(table) == np.count_nonzero(shapely.area(shapely.intersection(plots, zone)) > 0.005)
    rest = relate("not_covered_by", plots, np.array([zone]), terms(min_area_m2=0)).set_index("subject")["area_m2"]
    outside = ellipsoidal_area_m2(shapely.difference(plots, zone), CRS)
    np.testing.assert_allclose(rest.reindex(range(len(plots))).fillna(0), outside, rtol=1e-9, atol=1e-6)


def test_a_corner_too_small_to_tell_still_closes_the_cover() -> None:
    quarters = shapes(box(0, 0, 10, 10), box(10, 0, 20, 10), box(0, 10, 10, 20), box(10, 10, 20, 20))
    table = relate("covered_by", shapes(box(2, 2, 10.05, 10.05)), quarters, terms())
    assert table["object"].tolist() == [0, 1, 2]  # the fourth holds 0.0025 m²: rounding, but not a gap
    assert table["area_m2"].tolist() == pytest.approx([64, 0.4, 0.4], rel=1e-5)
    assert relate("covered_by", shapes(box(2, 2, 10.05, 10.05)), quarters[:2], terms()).empty
