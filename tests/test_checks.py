"""Every declared check with a hit and a miss drawn by hand, on, just below and just above its limit."""

from __future__ import annotations

import csv
import datetime as dt
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pyproj
import pytest
import shapely
from conftest import ROOT
from hypothesis import given, settings
from hypothesis import strategies as st
from intake_toy import CRS, kinds, package, point, square, taken, text_file

from geosys._errors import CrsError
from geosys._faults import Faults
from geosys.geo import coverage, geometry, outlines
from geosys.geo.area import ellipsoidal_area_m2
from geosys.layers import fields
from geosys.layers.area_check import explain_areas
from geosys.layers.checks import CHECKS, ISSUE_TYPES, Rows, check_spec, run_checks
from geosys.layers.cross_checks import CROSS_CHECKS, check_references, run_cross_checks
from geosys.layers.spec import read_catalogue

MU = 2000 / 3


@pytest.fixture(scope="module")
def catalogue():
    return read_catalogue()


def shape(*corners, holes=()):
    """Return a polygon by its corners east and north of (500000, 3850000)."""
    return shapely.Polygon(
        [(500_000 + x, 3_850_000 + y) for x, y in corners],
        [[(500_000 + x, 3_850_000 + y) for x, y in hole] for hole in holes],
    )


def box(west, south, east, north):
    return shape((west, south), (east, south), (east, north), (west, north))


def rows_of(*shapes, columns=None, **more):
    frame = pd.DataFrame({"feature_id": [f"P{i}" for i in range(len(shapes))], **(columns or {})})
    return Rows(frame, np.array(shapes, dtype=object), CRS, None, **more)


def valued(**columns):
    count = len(next(iter(columns.values())))
    return rows_of(*[point(i, 0) for i in range(count)], columns=columns)


def found(name, rows, **table):
    """Return the issues of one declared check as (row, type)."""
    return [(i.row, i.issue_type) for i in run_checks(rows, [{"check": name, **table}])]


# --- what is declared ---


def test_every_type_is_known_and_every_known_type_has_both_languages_and_advice():
    with (ROOT / "layers" / "issue_types.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    names = [row["issue_type"] for row in rows]
    assert len(names) == len(set(names))
    assert set(names) == ISSUE_TYPES
    for row in rows:
        texts = [row[k] for k in ("title_zh", "title_en", "advice_zh", "advice_en")]
        assert all(texts), row["issue_type"]
        assert not any(text.isascii() for text in texts[::2]), row["issue_type"]


def test_every_issue_type_that_the_code_names_is_in_the_table():
    code = "".join(path.read_text(encoding="utf-8") for path in Path(ROOT / "geosys").rglob("*.py"))
    for name in ("gap", "sliver", "spike", "tiny_ring", "near_duplicate", "ring_touches_itself", "unit_suspected"):
        assert f'"{name}"' in code
        assert name in ISSUE_TYPES


def test_what_other_layers_are_checked_against_exists(catalogue):
    faults = Faults()
    check_references(catalogue.layers, faults)
    assert faults.rows == []
    declared = {t["check"] for spec in catalogue.layers.values() for t in spec.checks}
    assert {"within_reach", "in_own_unit"} <= declared & set(CROSS_CHECKS) <= set(CHECKS)


def test_a_check_with_a_wrong_setting_is_a_fault(catalogue):
    columns = catalogue.layers["outfall"].fields
    for table, words in (
        ({"check": "no_gap"}, "no_gaps"),
        ({"check": "no_gaps"}, "max_area_m2"),
        ({"check": "no_slivers", "max_area_m2": "20", "max_compactness": 0.1}, "a number"),
        ({"check": "not_in_future", "field": "found"}, "found_on"),
        ({"check": "within_reach", "of": "river", "distance_m": 5, "unless": {"entry": "x"}}, "entry_way"),
        ({"check": "within_reach", "of": "river", "distance_m": 5, "severity": "error"}, "'error'"),
    ):
        faults = Faults()
        check_spec(table, "here", columns, faults)
        assert any(words in row for row in faults.rows), (table, faults.rows)


def test_a_check_against_a_layer_that_does_not_exist_is_a_fault(catalogue):
    spec = catalogue.layers["outfall"]
    for old, new, words in (("of", "rivr", "river"), ("of_field", "county_cod", "county_code")):
        table = dict(next(t for t in spec.checks if old in t and t["check"] == "in_own_unit"), **{old: new})
        faults = Faults()
        changed = {**catalogue.layers, "outfall": type(spec)(**{**vars_of(spec), "checks": (table,)})}
        check_references(changed, faults)
        assert len(faults.rows) == 1
        assert words in faults.rows[0]


def vars_of(spec):
    return {name: getattr(spec, name) for name in spec.__dataclass_fields__}


def test_every_issue_of_a_row_has_a_place():
    rows = valued(a=[dt.date(2025, 1, 2)], b=[dt.date(2025, 1, 1)])
    issue = run_checks(rows, [{"check": "dates_in_order", "first": "a", "then": "b", "severity": "notice"}])[0]
    assert issue.geometry.equals(point(0, 0))
    assert issue.severity == "notice"


# --- single outlines ---


def wedge(half, leg=30.0):
    """Return a square with a needle to the east, `half` wide on either side of its tip."""
    return shape((0, 0), (10, 0), (10, 5 - half), (10 + leg, 5), (10, 5 + half), (10, 10), (0, 10))


@pytest.mark.parametrize(
    ("half", "is_spike"),
    [(30 * np.tan(np.radians(0.499)), True), (30 * np.tan(np.radians(0.501)), False), (3.0, False)],
)
def test_a_corner_of_less_than_a_degree_is_a_spike(half, is_spike):
    rows = rows_of(square(100, 0), wedge(half))
    assert found("no_spikes", rows, max_angle_deg=1, min_leg_m=1) == ([(1, "spike")] if is_spike else [])


@pytest.mark.parametrize(("leg", "is_spike"), [(0.99, False), (1.001, True)])
def test_a_spike_has_long_legs(leg, is_spike):
    assert bool(found("no_spikes", rows_of(wedge(0.001, leg)), max_angle_deg=1, min_leg_m=1)) == is_spike


def test_a_spike_is_told_by_its_tip_also_where_vertices_repeat():
    ring = shape((0, 0), (10, 0), (10, 4.99), (40, 5), (40, 5), (10, 5.01), (10, 10), (0, 10), (0, 10))
    spots = outlines.spikes(np.array([None, ring, shapely.Polygon()], dtype=object), 1.0, 1.0)
    assert spots.row.tolist() == [1]
    assert spots.place[0].equals(shapely.Point(500_040, 3_850_005))
    first = shape((40, 5), (10, 5.01), (10, 10), (0, 10), (0, 0), (10, 0), (10, 4.99))
    assert outlines.spikes(np.array([first]), 1.0, 1.0).place[0].equals(shapely.Point(500_040, 3_850_005))


def test_repeated_vertices_are_counted_and_the_closing_one_is_none():
    ring = shape((0, 0), (10, 0), (10, 0), (10, 10), (10, 10), (10, 10), (0, 10))
    line = shapely.LineString([(0, 0), (1, 0), (2, 0), (2, 0)])
    rows = rows_of(square(0, 0), ring, line, None)
    assert found("no_repeated_vertices", rows) == [(1, "repeated_vertices"), (2, "repeated_vertices")]
    issue = run_checks(rows, [{"check": "no_repeated_vertices"}])[0]
    assert issue.value == 3
    assert shapely.get_num_geometries(issue.geometry) == 3
    apart = shapely.MultiLineString([[(0, 0), (1, 0)], [(1, 0), (2, 0)]])
    assert found("no_repeated_vertices", rows_of(apart)) == []


@pytest.mark.parametrize(("side", "is_tiny"), [(0.999, True), (1.0, False), (1.001, False)])
def test_a_ring_of_less_than_a_square_metre_is_tiny_be_it_hole_or_part(side, is_tiny):
    hole = [(4, 4), (4 + side, 4), (4 + side, 4 + side), (4, 4 + side)]
    parts = shapely.MultiPolygon([square(0, 0), square(50, 0, side)])
    rows = rows_of(square(100, 0), shape((0, 0), (10, 0), (10, 10), (0, 10), holes=[hole]), parts)
    wanted = [(1, "tiny_ring"), (2, "tiny_ring")] if is_tiny else []
    assert found("no_tiny_rings", rows, max_area_m2=1) == wanted


@pytest.mark.parametrize(
    ("wide", "long", "is_sliver"),
    [
        (0.1, 199.0, True),
        (0.1, 200.0, False),
        (0.1, 201.0, False),
        (4.0, 4.5, False),
        (1.0, 18.0, False),
        (0.2, 60.0, True),
    ],
)
def test_a_sliver_is_small_and_thin(wide, long, is_sliver):
    """A strip of a × b has 4πab / (2a + 2b)²: 0.0016 for 0.1 × 199, 0.157 for 1 × 18."""
    rows = rows_of(square(0, 0, 100), box(0, 0, long, wide))
    assert bool(found("no_slivers", rows, max_area_m2=20, max_compactness=0.05)) == is_sliver


def test_a_sliver_among_the_parts_of_a_row_is_told_by_its_place():
    thin = box(50, 0, 100, 0.1)
    issue = run_checks(
        rows_of(None, shapely.MultiPolygon([square(0, 0), thin])),
        [{"check": "no_slivers", "max_area_m2": 20, "max_compactness": 0.05}],
    )[0]
    assert (issue.row, issue.value) == (1, "5.00")
    assert issue.geometry.equals(thin)


# --- several outlines ---


@pytest.mark.parametrize(("shift", "is_near"), [(2.5, True), (2.57, False), (0.0, False), (50.0, False)])
def test_more_than_95_per_cent_in_common_is_nearly_the_same(shift, is_near):
    """Two boxes of 100 × 10, one moved by s: (100 − s) / (100 + s), which is 0.95 at s = 2.564."""
    rows = rows_of(square(0, 500), box(0, 0, 100, 10), box(shift, 0, 100 + shift, 10))
    assert found("near_duplicate", rows, min_iou=0.95) == ([(2, "near_duplicate")] if is_near else [])


def test_the_same_surface_drawn_with_another_vertex_is_nearly_the_same():
    drawn = shape((0, 0), (5, 0), (10, 0), (10, 10), (0, 10))
    turned = shape((10, 10), (0, 10), (0, 0), (10, 0))
    pairs = coverage.near_equal_pairs(np.array([square(0, 0), drawn, turned], dtype=object), 0.95)
    assert pairs == [(0, 1, 1.0), (1, 2, 1.0)], "the third equals the first: that is duplicate_geometry"


@st.composite
def boxes(draw):
    """Return up to eight boxes on a small grid: many touch, overlap, lie in each other or are equal."""
    corner = st.integers(0, 6)
    made = []
    for _ in range(draw(st.integers(1, 8))):
        (x0, x1), (y0, y1) = (sorted(draw(st.lists(corner, min_size=2, max_size=2, unique=True))) for _ in "xy")
        made.append(shapely.box(x0, y0, x1, y1))
    return np.array(made, dtype=object)


@given(boxes())
@settings(max_examples=150, deadline=None)
def test_overlaps_equal_brute_force(shapes):
    every = [
        (i, j, shapely.area(shapely.intersection(shapes[i], shapes[j])))
        for i in range(len(shapes))
        for j in range(i + 1, len(shapes))
    ]
    assert geometry.overlapping_pairs(shapes, 0.5) == [pair for pair in every if pair[2] > 0.5]
    near = coverage.near_equal_pairs(shapes, 0.6)
    expected = [
        (i, j)
        for i, j, a in every
        if a >= 0.6 * (shapes[i].area + shapes[j].area - a) and not shapes[i].equals(shapes[j])
    ]
    assert [pair[:2] for pair in near] == expected


@given(boxes())
@settings(max_examples=150, deadline=None)
def test_gaps_equal_the_holes_of_the_union(shapes):
    union = shapely.get_parts(shapely.union_all(shapes))
    holes = [shapely.polygons(ring) for part in union for ring in shapely.get_rings(part)[1:]]
    holes = [
        piece for hole in holes for piece in shapely.get_parts(shapely.difference(hole, shapely.union_all(shapes)))
    ]
    mine = [gap.place for gap in coverage.gaps(shapes, 1e9, 0.0)]
    assert sum(p.area for p in mine) == pytest.approx(sum(h.area for h in holes))
    assert shapely.union_all(mine).symmetric_difference(shapely.union_all(holes)).area == pytest.approx(0.0)


@given(boxes(), st.integers(0, 8))
@settings(max_examples=100, deadline=None)
def test_gaps_are_the_same_when_edges_are_matched_part_by_part(shapes, cut):
    parts = [coverage.edges_of(part) for part in (shapes[:cut], shapes[cut:])]
    left = np.concatenate([part[coverage.lone(part)] for part in parts])
    faces = coverage.gap_faces(left[coverage.lone(left)], 1e9, 0.0)
    mine = coverage.uncovered(faces, shapes, np.arange(len(shapes)))
    whole = coverage.gaps(shapes, 1e9, 0.0)
    assert sum(gap.place.area for gap in mine) == pytest.approx(sum(gap.place.area for gap in whole))
    assert len(mine) == len(whole)


def frame_around(width, height):
    """Return four boxes around an opening with its south-west corner at 0, 0; none shares a vertex with another's side."""
    w, h = width, height
    return [box(-10, -10, w + 10, 0), box(-10, h, w + 10, h + 10), box(-10, 0, 0, h), box(w, 0, w + 10, h)]


@pytest.mark.parametrize(
    ("width", "height", "is_gap"),
    [(10, 19.9, True), (10, 20, False), (10, 20.1, False), (150, 0.021, True), (150, 0.019, False)],
)
def test_a_gap_is_a_hole_below_the_limit_and_wider_than_rounding(width, height, is_gap):
    rows = rows_of(None, *frame_around(width, height))
    assert found("no_gaps", rows, max_area_m2=200) == ([(1, "gap")] if is_gap else [])


def test_a_gap_names_its_place_and_its_neighbours():
    issue = run_checks(rows_of(*frame_around(3, 2)), [{"check": "no_gaps", "max_area_m2": 200}])[0]
    assert issue.geometry.equals(box(0, 0, 3, 2))
    assert float(issue.value) == pytest.approx(6.0, abs=0.01)
    assert "“P0”“P1”“P2”等" in issue.message.zh


def test_an_opening_to_the_outside_or_one_that_is_filled_is_no_gap():
    assert found("no_gaps", rows_of(*frame_around(3, 2)[:3]), max_area_m2=200) == []
    assert found("no_gaps", rows_of(*frame_around(3, 2), box(0, 0, 3, 2)), max_area_m2=200) == []
    holed = shape((0, 0), (10, 0), (10, 10), (0, 10), holes=[[(4, 4), (6, 4), (6, 6), (4, 6)]])
    assert found("no_gaps", rows_of(holed), max_area_m2=200) == [(0, "gap")]
    assert found("no_gaps", rows_of(holed, box(4, 4, 6, 6)), max_area_m2=200) == []


ALL_OF_A_COVERAGE = [
    {"check": "duplicate_geometry"},
    {"check": "near_duplicate", "min_iou": 0.95},
    {"check": "no_overlap", "max_area_m2": 1},
    {"check": "no_gaps", "max_area_m2": 1e9},
    {"check": "no_slivers", "max_area_m2": 20, "max_compactness": 0.05},
    {"check": "no_spikes", "max_angle_deg": 1, "min_leg_m": 1},
    {"check": "no_tiny_rings", "max_area_m2": 1},
    {"check": "no_repeated_vertices"},
]


@given(st.integers(3, 60), st.integers(0, 2**32 - 1), st.sampled_from(["EPSG:4490", "EPSG:4526", CRS]))
@settings(max_examples=30, deadline=None)
def test_a_clean_coverage_is_accused_of_nothing_whatever_it_was_sent_in(count, seed, sent_in):
    points = np.add(np.random.default_rng(seed).uniform(0, 3_000, (count, 2)), (500_000, 3_850_000))
    frame = shapely.box(499_000, 3_849_000, 504_000, 3_854_000)
    cells = shapely.get_parts(shapely.voronoi_polygons(shapely.multipoints(points), extend_to=frame))
    cells = shapely.set_precision(shapely.intersection(cells, frame), 0.001)
    cells = cells[shapely.get_type_id(cells) == 3]
    compact = 4 * np.pi * shapely.area(cells) / shapely.length(cells) ** 2
    corner = outlines.spikes(cells, 2.0, 0.5).row
    if (compact < 0.06).any() or (shapely.area(cells) < 30).any() or len(corner):
        return  # chance drew a real sliver or needle
    moved = gpd.GeoSeries(cells, crs=CRS).to_crs(sent_in).to_crs(CRS).to_numpy()
    assert run_checks(rows_of(*moved), ALL_OF_A_COVERAGE) == []


def test_bricks_that_share_no_vertices_leave_no_gap_when_degrees_become_metres():
    """Their long edges, straight in degrees, bend by millimetres in the plane, away from the vertices that lie on them."""
    bricks = [
        shapely.box(
            114 + 0.01 * k + 0.005 * (row % 2),
            34.8 + 0.002 * row,
            114.01 + 0.01 * k + 0.005 * (row % 2),
            34.802 + 0.002 * row,
        )
        for row in range(6)
        for k in range(5)
    ]
    moved = gpd.GeoSeries(bricks, crs="EPSG:4490").to_crs(CRS).to_numpy()
    assert coverage.gaps(moved, 1e6, 0.0), "there are cracks"
    assert found("no_gaps", rows_of(*moved), max_area_m2=1e6) == []


# --- validity ---


def test_an_invalid_outline_is_told_by_the_place_of_its_fault(catalogue, tmp_path):
    tie = shape((200, 0), (300, 100), (300, 0), (200, 100))
    path = package(tmp_path / "a.gpkg", {"地块编码": ["P1", "P2"]}, [knotted(1), tie])
    _, issues = taken(catalogue, "suspected_plot", path)
    refused = issues[issues["issue_type"] == "invalid_refused"].iloc[0]
    assert refused.geometry.equals(shapely.Point(500_250, 3_850_050))
    assert "自相交，位于 500250.000, 3850050.000" in refused.message_zh
    repaired = issues[issues["issue_type"] == "invalid_repaired"].iloc[0]
    assert shapely.distance(repaired.geometry, point(5, 10 + 10 / 6)) < 1e-6


def test_a_ring_that_touches_itself_keeps_its_area_and_its_name(catalogue, tmp_path):
    """A courtyard whose wall is drawn as one ring with the yard, touching in one corner."""
    yard = shape((0, 0), (10, 0), (10, 10), (0, 10), (0, 0), (2, 4), (4, 4), (4, 2))
    path = package(tmp_path / "a.gpkg", {"地块编码": ["P1"]}, [yard])
    layer, issues = taken(catalogue, "suspected_plot", path)
    assert kinds(issues) == ["ring_touches_itself"]
    issue = issues.iloc[0]
    assert issue.severity == "notice"
    assert issue.geometry.equals(point(0, 0))
    assert issue.area_before_m2 == pytest.approx(issue.area_after_m2)
    assert layer.frame.geometry.iloc[0].area == pytest.approx(100 - 8)
    assert len(layer.frame.geometry.iloc[0].interiors) == 1
    assert issue.before != issue.after


def knotted(w):
    """Return a square whose gable crosses itself: body 100 + 50 / (5 + w) m², lobe 2w² / (5 + w) m² the other way round."""
    return shape((0, 0), (10, 0), (10, 10), (5 - w, 12), (5 + w, 12), (0, 10))


@pytest.mark.parametrize(("w", "kind"), [(1.0, "repaired"), (1.30, "repaired"), (1.31, "refused"), (2.0, "refused")])
def test_a_repair_of_more_than_one_per_cent_is_refused(w, kind):
    issue, made = fields._repair(0, knotted(w), CRS)
    change = 4 * w**2 / (5 + w) / (100 + (50 - 2 * w**2) / (5 + w))
    assert issue.issue_type == f"invalid_{kind}"
    assert issue.area_after_m2 / issue.area_before_m2 - 1 == pytest.approx(change, abs=1e-9)
    assert made.is_valid == (kind == "repaired")


# --- stated against drawn ---


def stated(value, *shapes, **table):
    rows = rows_of(*shapes, columns={"stated": [float(value)] * len(shapes)})
    return run_checks(rows, [{"check": "area_agrees", "field": "stated", "tolerance_share": 0.01, **table}])


def true_area(drawn):
    """Return the geodesic area of a polygon by another method than the land survey's: summed over geodesic edges."""
    there = pyproj.Transformer.from_crs(CRS, "EPSG:4490", always_xy=True)
    dense = shapely.segmentize(drawn, 50.0)
    return abs(
        pyproj.Geod(ellps="GRS80").geometry_area_perimeter(
            shapely.transform(dense, there.transform, interleaved=False)
        )[0]
    )


@pytest.mark.parametrize("lon_m", [500_000, 560_000, 630_000])
@pytest.mark.parametrize("side", [30.0, 3_000.0])
def test_the_ellipsoidal_area_equals_a_geodesic_computation(lon_m, side):
    drawn = shapely.box(lon_m, 3_850_000, lon_m + side, 3_850_000 + side)
    mine = ellipsoidal_area_m2(np.array([drawn], dtype=object), CRS)[0]
    assert mine == pytest.approx(true_area(drawn), rel=2e-7)


@pytest.mark.parametrize(("factor", "hit"), [(1.00999, False), (0.99001, False), (1.01001, True), (0.98999, True)])
def test_the_tolerance_of_a_stated_area(factor, hit):
    drawn = square(0, 0, 100)
    assert bool(stated(true_area(drawn) * factor, drawn)) == hit


@pytest.mark.parametrize(
    ("value", "table", "words"),
    [
        (10_000 / MU, {}, "mu"), (1.0, {}, "hectares"), (0.01, {}, "km²"), (10_000, {"unit": "mu"}, "square metres"),
        (10_000, {"unit": "ha"}, "square metres"), (1.0, {"unit": "mu"}, "hectares"),
    ],
)  # fmt: skip
def test_a_wrong_unit_is_named(value, table, words):
    issue = stated(value, square(0, 0, 100), **table)[0]
    assert words in issue.message.en
    assert issue.geometry.equals(square(0, 0, 100))
    assert issue.area_after_m2 == pytest.approx(10_000, rel=1e-4)


def planar(drawn, crs):
    return gpd.GeoSeries([drawn], crs=CRS).to_crs(crs).area.iloc[0]


@pytest.mark.parametrize(
    ("crs", "words"),
    [
        (CRS, "planar"), ("EPSG:4548", "117°"), ("EPSG:4546", "111°"), ("EPSG:3857", "Mercator"), ("EPSG:4490", "square degrees"),
    ],
)  # fmt: skip
@pytest.mark.filterwarnings("ignore:Geometry is in a geographic CRS")
def test_the_plane_that_a_stated_area_was_taken_in_is_named(crs, words):
    drawn = shapely.box(560_000, 3_850_000, 560_500, 3_850_500)
    issue = stated(planar(drawn, crs), drawn, tolerance_share=0.00005)[0]
    assert words in issue.message.en


def test_the_area_of_one_part_or_without_its_holes_is_named():
    parts = shapely.MultiPolygon([square(0, 0, 100), square(200, 0, 50)])
    assert "largest part" in stated(10_000, parts)[0].message.en
    holed = shape((0, 0), (100, 0), (100, 100), (0, 100), holes=[[(40, 40), (60, 40), (60, 60), (40, 60)]])
    assert "holes" in stated(10_000, holed)[0].message.en


def test_what_nothing_explains_is_not_explained():
    drawn = np.array([square(0, 0, 100)], dtype=object)
    assert explain_areas(np.array([7_777.0]), np.array([10_000.0]), drawn, CRS, "m2", 0.01) == [None]
    assert stated(0, square(0, 0, 100))[0].issue_type == "area_disagrees"
    assert stated(float("nan"), square(0, 0, 100)) == []


# --- values ---


@pytest.mark.parametrize(("then", "hit"), [(dt.date(2025, 5, 1), False), (dt.date(2025, 4, 30), True), (None, False)])
def test_dates_in_order_on_the_day_and_the_day_before(then, hit):
    rows = valued(a=[dt.date(2025, 5, 1)], b=[then])
    assert bool(found("dates_in_order", rows, first="a", then="b")) == hit


@pytest.mark.parametrize(("today", "hit"), [(dt.date(2025, 5, 1), False), (dt.date(2025, 4, 30), True), (None, False)])
def test_what_has_happened_lies_not_after_the_day_of_judgement(today, hit):
    rows = rows_of(point(0, 0), point(1, 0), columns={"a": [dt.date(2025, 5, 1), None]}, today=today)
    assert found("not_in_future", rows, field="a") == ([(0, "date_in_future")] if hit else [])


@pytest.mark.parametrize(("net", "hit"), [(80.0, False), (80.01, False), (80.02, True), (79.98, True)])
def test_a_sum_agrees_within_its_tolerance(net, hit):
    rows = valued(a=[100.0], b=[20.0], c=[net])
    assert bool(found("difference_equals", rows, total="a", minus="b", equals="c", tolerance=0.01)) == hit


def test_a_code_of_another_county_and_a_value_that_another_requires():
    rows = valued(
        code=["410299001", "410299002", "410223001", None],
        state=["done", "done", "open", None],
        on=[1, None, None, None],
    )
    assert found("prefix_is_county", rows, field="code") == [(2, "wrong_county")]
    assert found("requires", rows, field="on", when={"state": "done"}) == [(1, "requires_value")]
    assert len(found("requires", rows, field="on", when={"state": ["done", "open"]})) == 2


USUAL = {"check": "usual_range", "field": "nh3n", "low": 0.01, "high": 20}


@pytest.mark.parametrize(
    ("values", "hit"),
    [
        ([120, 250, 400, 800, 1500], True),  # micrograms
        ([0.12, 0.25, 0.4, 0.8, 1.5], False),
        ([120, 250, 400, 800], False),  # four figures say nothing
        ([120, 250, 400, 0.4, 0.8, 1.5], False),  # half of them are usual
        ([120, 250, 400, 500, 600, 700, 800, 900, 990, 1.5], True),  # nine of ten
        ([120, 250, 400, 500, 600, 700, 800, 900, 1.6, 1.5], False),
        ([0.00012, 0.0002, 0.0004, 0.0008, 0.0015], True),  # grams per litre
        ([1e6, 2e6, 3e6, 4e6, 5e6], False),  # nothing usual comes of them
        ([0, 0, 0, 0, 0, None], False),
    ],
)  # fmt: skip
def test_a_column_a_thousand_times_beside_the_usual_is_suspected(values, hit):
    rows = valued(nh3n=values)
    before = rows.frame.copy()
    assert [kind for _, kind in found("usual_range", rows, **USUAL)] == (["unit_suspected"] if hit else [])
    pd.testing.assert_frame_equal(rows.frame, before)


def test_each_delivery_has_its_own_unit():
    values = [120.0, 250, 400, 800, 1500, 0.12, 0.25, 0.4, 0.8, 1.5, 0.2]
    rows = rows_of(*[point(i, 0) for i in range(11)], columns={"nh3n": values}, part=np.repeat([1, 0], [5, 6]))
    assert found("usual_range", rows, **USUAL) == [(0, "unit_suspected")]
    assert found("usual_range", valued(nh3n=values), **USUAL) == []


def test_micrograms_under_a_header_without_unit_are_suspected_and_kept(catalogue, tmp_path):
    lines = [f"S1,2025-{m:02}-01,{v}" for m, v in enumerate([120, 250, 400, 800, 1500, 90], 1)]
    path = text_file(tmp_path / "a.csv", "断面编码,采样日期,氨氮", *lines)
    layer, issues = taken(catalogue, "water_sample", path)
    assert kinds(issues) == ["unit_suspected"]
    assert layer.frame["nh3n_mg_l"].tolist() == [120, 250, 400, 800, 1500, 90]
    path = text_file(tmp_path / "b.csv", "断面编码,采样日期,氨氮(μg/L)", *lines)
    assert taken(catalogue, "water_sample", path)[1].empty


def test_a_column_beyond_its_limits_is_suspected_as_a_whole_and_each_value_is_told(catalogue, tmp_path):
    lines = [f"S1,2025-{m:02}-01,{v}" for m, v in enumerate([71, 78, 80, 69, 7.5, 74], 1)]
    _, issues = taken(catalogue, "water_sample", text_file(tmp_path / "a.csv", "断面编码,采样日期,pH", *lines))
    assert kinds(issues) == [*["out_of_range"] * 5, "unit_suspected"]
    assert "divided by 10" in issues[issues["issue_type"] == "unit_suspected"].iloc[0].message_en


# --- layers against each other ---


def layer(shapes, **columns):
    count = len(shapes)
    rows = {
        "feature_id": [f"F{i}" for i in range(count)],
        "source_file": ["a.csv"] * count,
        "source_row": range(1, count + 1),
    }
    return gpd.GeoDataFrame({**rows, **columns}, geometry=shapes, crs=CRS)


def declared(catalogue, **tables):
    """Return the specs with these checks and no others."""
    return {
        name: type(spec)(**{**vars_of(spec), "checks": tables.get(name, ())}) for name, spec in catalogue.layers.items()
    }


RIVER = shapely.LineString([(500_000, 3_850_000), (510_000, 3_850_000)])


@pytest.mark.parametrize(("north", "hit"), [(499.9, False), (500.1, True)])
def test_an_outfall_within_reach_of_a_river(catalogue, north, hit):
    table = {"check": "within_reach", "of": "river", "distance_m": 500, "unless": {"entry_way": ["间接排放"]}}
    outfalls = layer([point(10, north), point(10, 9_000), point(9, 1)], entry_way=[None, "间接排放", "直接排放"])
    issues = run_cross_checks(
        {"outfall": outfalls, "river": layer([RIVER])}, declared(catalogue, outfall=(table,)), CRS
    )
    assert [(i.layer, i.feature_id, i.source_file, i.source_row, i.issue_type) for i in issues] == (
        [("outfall", "F0", "a.csv", 1, "out_of_reach")] if hit else []
    )
    assert all(i.geometry.equals(point(10, north)) for i in issues)


@pytest.mark.parametrize(("east", "hit"), [(0.0, False), (0.99, False), (1.01, True)])
def test_a_plot_inside_its_land_parcels(catalogue, east, hit):
    """Parcels of 10 m beside each other; the plot of 10 m × 10 m sticks out of the second by `east` metres."""
    table = {"check": "inside_of", "of": "land_patch", "max_outside_m2": 10}
    parcels = layer([square(0, 0), square(10, 0)])
    plots = layer([box(10 + east, 0, 20 + east, 10), box(5, 2, 15, 8)])
    issues = run_cross_checks(
        {"suspected_plot": plots, "land_patch": parcels}, declared(catalogue, suspected_plot=(table,)), CRS
    )
    assert [(i.feature_id, i.issue_type) for i in issues] == ([("F0", "not_covered")] if hit else [])


TOWNS = {"shapes": [box(0, 0, 1_000, 1_000), box(1_000, 0, 2_000, 1_000)], "township_code": ["410299100", "410299101"]}
OWN = {"check": "in_own_unit", "field": "code", "of": "township", "of_field": "township_code", "tolerance_m": 10}


@pytest.mark.parametrize(("east", "hit"), [(990, False), (1_009.9, False), (1_010.1, True), (1_500, True)])
def test_a_point_inside_the_township_of_its_code(catalogue, east, hit):
    towns = layer(TOWNS["shapes"], township_code=TOWNS["township_code"], township_name=["东乡", "西乡"])
    rows = layer(
        [point(east, 500), point(1_500, 500), point(1_500, 500)], code=["410299100205", "410299101", "419999001"]
    )
    issues = run_cross_checks({"village": rows, "township": towns}, declared(catalogue, village=(OWN,)), CRS)
    assert [(i.feature_id, i.issue_type, i.field) for i in issues] == (
        [("F0", "outside_own_unit", "code")] if hit else []
    )
    assert all("410299101" in i.message.zh for i in issues), "the unit that holds it is named"


def test_names_are_matched_whole_and_units_of_one_name_count_together(catalogue):
    towns = layer([*TOWNS["shapes"], box(5_000, 0, 6_000, 1_000)], township_name=["城关", "城关镇", "城关"])
    table = {**OWN, "field": "township_name", "of_field": "township_name"}
    rows = layer(
        [point(5_500, 500), point(1_500, 500), point(5_500, 500), point(1, 1)],
        township_name=["城关", "城关", "城关镇", None],
    )
    issues = run_cross_checks({"village": rows, "township": towns}, declared(catalogue, village=(table,)), CRS)
    assert [i.feature_id for i in issues] == ["F1", "F2"]


def test_a_name_that_agrees_by_chance_is_not_judged(catalogue):
    towns = layer(TOWNS["shapes"], township_code=TOWNS["township_code"])
    rows = layer([point(1_500, 500)] * 3, code=["410299100", "330101001", "330101002"])
    assert run_cross_checks({"village": rows, "township": towns}, declared(catalogue, village=(OWN,)), CRS) == []


def test_an_absent_layer_is_told_once_and_only_where_it_is_needed(catalogue):
    rows = layer([point(0, 0)], code=["410299100"])
    specs = declared(catalogue, village=(OWN,), outfall=(OWN,))
    issues = run_cross_checks({"village": rows, "outfall": rows}, specs, CRS)
    assert [(i.issue_type, i.layer, i.row) for i in issues] == [("check_not_run", "township", -1)]
    assert "行政村" in issues[0].message.zh
    assert "入河排污口" in issues[0].message.zh
    silent = rows.assign(code=None)
    assert run_cross_checks({"village": silent}, declared(catalogue, village=(OWN,)), CRS) == []


def test_layers_in_two_planes_are_not_compared(catalogue):
    rows = layer([point(0, 0)], code=["410299100"])
    with pytest.raises(CrsError, match="village"):
        run_cross_checks({"village": rows.to_crs("EPSG:4548")}, catalogue.layers, CRS)
