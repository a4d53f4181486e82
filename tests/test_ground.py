"""The ground: areas on the ellipsoid, coordinate systems, repairs. Every expected number is checked by eye or by another way."""

from __future__ import annotations

import numpy as np
import pyproj
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st
from intake_toy import CRS, point, square

from geosys._errors import CrsError
from geosys.geo import area, crs
from geosys.geo.geometry import duplicate_of, extent, of_kind, overlapping_pairs, propose_repair

GOLDEN_M2 = 1_015_120.2983  # 114.30–114.31°E, 34.80–34.81°N on the ellipsoid of CGCS2000
DEGREES = "EPSG:4490"
GEOD = pyproj.Geod(a=6_378_137.0, rf=298.257222101)
XIAN = (
    'PROJCS["{name}",GEOGCS["{gcs}",DATUM["{datum}",SPHEROID["{ball}",{a},{rf}]],PRIMEM["Greenwich",0.0],'
    'UNIT["Degree",0.0174532925199433]],PROJECTION["Gauss_Kruger"],PARAMETER["False_Easting",500000.0],'
    'PARAMETER["False_Northing",0.0],PARAMETER["Central_Meridian",114.0],PARAMETER["Scale_Factor",1.0],'
    'PARAMETER["Latitude_Of_Origin",0.0],UNIT["Meter",1.0]]'
)


def one(geometry):
    return np.array([geometry], dtype=object)


def area_of(geometry, system=DEGREES):
    return float(area.ellipsoidal_area_m2(one(geometry), system)[0])


# Area


def test_the_golden_area():
    assert area_of(shapely.box(114.30, 34.80, 114.31, 34.81)) == pytest.approx(GOLDEN_M2, abs=1e-4)


@pytest.mark.parametrize(("west", "south"), [(114.3, 34.8), (73.5, 18.2), (134.9, 53.4), (0.0, 0.0), (-120.0, -45.0)])
def test_a_box_equals_the_geodesic_area_of_its_densified_edges(west, south):
    box = shapely.box(west, south, west + 0.01, south + 0.01)
    dense, _ = GEOD.geometry_area_perimeter(shapely.segmentize(box, 1e-5))
    assert area_of(box) == pytest.approx(abs(dense), rel=1e-8)


def test_a_small_box_nearly_equals_the_plain_geodesic_area():
    box = shapely.box(114.3, 34.8, 114.301, 34.801)
    plain, _ = GEOD.geometry_area_perimeter(box)
    assert area_of(box) == pytest.approx(abs(plain), rel=1e-6)


def test_the_area_of_a_square_in_the_plane_is_its_area_at_the_central_meridian():
    assert area_of(square(0, 0, 100), CRS) == pytest.approx(10_000.0, rel=1e-6)


def test_away_from_the_meridian_the_plane_is_larger_than_the_ground():
    far = shapely.box(600_000, 3_850_000, 600_100, 3_850_100)
    scale = crs.scale_range(CRS, far.bounds)
    assert area_of(far, CRS) == pytest.approx(10_000.0 / scale[0] ** 2, rel=1e-6)
    assert area_of(far, CRS) < 9_998.0


def test_a_hole_is_subtracted_and_direction_does_not_matter():
    shell, hole = square(0, 0, 100), square(20, 20, 10)
    ring = shapely.Polygon(shell.exterior.coords, [hole.exterior.coords])
    assert area_of(ring, CRS) == pytest.approx(area_of(shell, CRS) - area_of(hole, CRS), abs=1e-6)
    assert area_of(ring.reverse(), CRS) == area_of(ring, CRS)


def test_parts_add_up_and_what_has_no_surface_has_area_zero():
    several = shapely.MultiPolygon([square(0, 0), square(50, 0)])
    assert area_of(several, CRS) == pytest.approx(area_of(square(0, 0), CRS) + area_of(square(50, 0), CRS), abs=1e-6)
    rows = np.array([point(0, 0), shapely.LineString([(0, 0), (1, 1)]), shapely.Polygon(), None], dtype=object)
    assert area.ellipsoidal_area_m2(rows, CRS).tolist() == [0.0, 0.0, 0.0, 0.0]
    assert area.ellipsoidal_area_m2(np.array([], dtype=object), CRS).shape == (0,)
    assert area.ellipsoidal_area_m2(np.array([None], dtype=object), CRS).tolist() == [0.0]


def test_the_units_of_area():
    assert pytest.approx(10_000.0, rel=1e-15) == area.SQUARE_METRES_PER_MU * 15


@given(st.integers(1, 9), st.integers(0, 1000), st.integers(0, 1000))
def test_the_parts_of_a_cut_square_sum_to_it(cut, east, north):
    whole = square(east, north, 10)
    left = shapely.box(*whole.bounds[:2], whole.bounds[0] + cut, whole.bounds[3])
    right = shapely.box(whole.bounds[0] + cut, whole.bounds[1], *whole.bounds[2:])
    assert area_of(left, CRS) + area_of(right, CRS) == pytest.approx(area_of(whole, CRS), abs=1e-5)


def test_a_surface_drawn_in_any_system_of_one_datum_has_one_area():
    zone = square(0, 0, 1000)
    for other in ("EPSG:4526", DEGREES):
        moved = crs.to_crs(one(shapely.segmentize(zone, 10)), CRS, other)[0]
        assert area_of(moved, other) == pytest.approx(area_of(zone, CRS), rel=1e-8)


# Coordinate systems


def test_there_and_back_again():
    places = np.array(
        [point(0, 0), square(5, 5), shapely.LineString([(500_000, 3_850_000), (501_000, 3_851_000)])], dtype=object
    )
    back = crs.to_crs(crs.to_crs(places, CRS, DEGREES), DEGREES, CRS)
    assert shapely.equals_exact(back, places, tolerance=1e-6).all()


def test_longitude_comes_first():
    lon, lat = shapely.get_coordinates(crs.to_crs(one(point(0, 0)), CRS, DEGREES))[0]
    assert lon == pytest.approx(114.0, abs=1e-12)
    assert lat == pytest.approx(34.77, abs=0.1)


def test_missing_and_empty_geometries_stay_and_heights_go():
    rows = np.array([None, shapely.Point(), shapely.Point(500_000, 3_850_000, 70)], dtype=object)
    moved = crs.to_crs(rows, CRS, DEGREES)
    assert moved[0] is None
    assert moved[1].is_empty
    assert not moved[2].has_z
    assert not crs.to_crs(rows, CRS, CRS)[2].has_z


@pytest.mark.parametrize("place", [(34.8, 114.3), (1e308, 0.0), (0.0, 91.0), (float("inf"), 0.0)])
def test_what_the_target_cannot_express_becomes_missing_never_infinite(place):
    assert crs.to_crs(one(shapely.Point(*place)), DEGREES, CRS)[0] is None


def test_the_ends_of_the_scale():
    low, high = crs.scale_range(CRS, (500_000, 3_850_000, 500_000, 3_850_000))
    assert [low, high] == pytest.approx([1.0, 1.0], abs=1e-7)
    _, far = crs.scale_range(CRS, (500_000, 3_850_000, 600_000, 3_850_000))
    assert far == pytest.approx(1 + (100_000 / 6_370_000) ** 2 / 2, abs=2e-6)


@pytest.mark.parametrize("code", ["EPSG:4214", "EPSG:2435", "EPSG:4610", "EPSG:2383", "EPSG:4555"])
def test_beijing_54_and_xian_80_are_refused_both_ways(code):
    with pytest.raises(CrsError, match=r"expected CGCS2000"):
        crs.transformer(code, CRS)
    with pytest.raises(CrsError, match=r"expected CGCS2000"):
        crs.transformer(CRS, code)


@pytest.mark.parametrize(
    "text",
    [
        XIAN.format(name="Xian_1980_3_Degree_GK_CM_114E", gcs="GCS_Xian_1980", datum="D_Xian_1980", ball="Xian_1980", a=6378140.0, rf=298.257),
        XIAN.format(name="x", gcs="GCS_User", datum="D_Xian_1980", ball="Xian_1980", a=6378140.0, rf=298.257),
        XIAN.format(name="x", gcs="GCS_Beijing_1954", datum="D_Beijing_1954", ball="Krasovsky_1940", a=6378245.0, rf=298.3),
        XIAN.format(name="x", gcs="GCS_User", datum="D_Krasovsky_1940", ball="Krasovsky_1940", a=6378245.0, rf=298.3),
        XIAN.format(name="x", gcs="GCS_User", datum="D_User", ball="IAG 75", a=6378140.0, rf=298.257),
        "+proj=tmerc +lon_0=114 +x_0=500000 +ellps=krass +units=m",
    ],
)  # fmt: skip
def test_the_old_datums_are_known_by_their_ellipsoid_when_the_name_hides_them(text):
    assert crs.datum_that_cannot_be_converted(crs.parse_crs(text))
    with pytest.raises(CrsError):
        crs.to_crs(one(point(0, 0)), text, CRS)


@pytest.mark.parametrize("text", ["EPSG:4547", "EPSG:4490", "EPSG:4326", "EPSG:4526", "EPSG:32650", "EPSG:3857"])
def test_other_systems_may_be_converted(text):
    assert crs.datum_that_cannot_be_converted(crs.parse_crs(text)) == ""


@pytest.mark.parametrize("text", ["EPSG:99999", "", "nonsense", "EPSG:", "<img src=x>", "长" * 5000])
def test_a_system_nobody_knows_is_an_error_of_ours(text):
    with pytest.raises(CrsError, match="expected one PROJ knows"):
        crs.parse_crs(text)


def test_a_local_system_is_an_error_of_ours():
    with pytest.raises(CrsError):
        crs.to_crs(one(point(0, 0)), 'LOCAL_CS["独立坐标系",UNIT["Meter",1]]', CRS)


@pytest.mark.parametrize("code", ["EPSG:4490", "EPSG:3857", "EPSG:2229", "EPSG:4479"])
def test_degrees_feet_and_web_mercator_are_no_metres(code):
    with pytest.raises(CrsError, match=r"geosys\.toml crs: got"):
        crs.check_metric(code, "geosys.toml crs")


def test_the_zones_of_cgcs2000_are_metric():
    for code in range(4534, 4555):
        crs.check_metric(f"EPSG:{code}", "here")


# Geometry


def test_a_spike_is_cut_off_and_a_bow_tie_has_no_price():
    spike = shapely.Polygon([(0, 0), (10, 0), (10, 10), (5, 10), (5, 20), (5, 10), (0, 10)])
    fixed = propose_repair(spike)
    assert (fixed.area_before, fixed.area_after, fixed.change_share) == (100.0, 100.0, 0.0)
    assert shapely.is_valid(fixed.geometry)
    tie = propose_repair(shapely.Polygon([(0, 0), (10, 10), (10, 0), (0, 10)]))
    assert (tie.area_before, tie.area_after, tie.change_share) == (0.0, 50.0, np.inf)


def test_a_hole_outside_its_shell_costs_a_share_that_is_refused_and_parts_that_overlap_are_merged():
    fixed = propose_repair(shapely.Polygon(square(0, 0).exterior.coords, [square(20, 0, 5).exterior.coords]))
    assert (fixed.area_before, fixed.area_after) == (75.0, 125.0)
    lapped = propose_repair(shapely.MultiPolygon([square(0, 0), square(5, 0)]))
    assert (lapped.area_before, lapped.area_after) == (pytest.approx(200.0), pytest.approx(150.0))


def test_what_has_no_surface_left_has_no_repair():
    flat = propose_repair(shapely.Polygon([(0, 0), (5, 0), (10, 0), (0, 0)]))
    assert flat.geometry is None
    assert flat.area_after == 0.0


@given(st.lists(st.tuples(st.integers(0, 20), st.integers(0, 20)), min_size=3, max_size=8))
def test_a_repair_is_valid_and_repaired_twice_is_repaired_once(corners):
    once = propose_repair(shapely.Polygon(corners))
    if once.geometry is None:
        return
    assert shapely.is_valid(once.geometry)
    assert once.geometry.geom_type in ("Polygon", "MultiPolygon")
    assert propose_repair(once.geometry).geometry.equals(once.geometry)


def test_duplicates_whatever_way_they_are_drawn():
    ring = square(0, 0)
    turned = shapely.Polygon([*ring.exterior.coords[2:], *ring.exterior.coords[1:3]])
    rows = np.array([ring, None, turned, square(1, 0), None, ring.reverse()], dtype=object)
    assert duplicate_of(rows).tolist() == [-1, -1, 0, -1, -1, 0]


def test_pairs_that_overlap():
    rows = np.array(
        [square(0, 0), square(5, 0), square(10, 0), square(1, 1, 2), None, shapely.Polygon(), square(0, 0)],
        dtype=object,
    )
    found = {(i, j): s for i, j, s in overlapping_pairs(rows, 1.0)}
    assert found == {(0, 1): 50.0, (0, 3): 4.0, (0, 6): 100.0, (1, 2): 50.0, (1, 6): 50.0, (3, 6): 4.0}
    assert overlapping_pairs(rows, 100.0) == []
    assert overlapping_pairs(np.array([], dtype=object), 1.0) == []


def test_kinds_and_extent():
    rows = np.array(
        [point(0, 0), shapely.MultiPoint([(0, 0)]), square(0, 0), shapely.LineString([(0, 0), (1, 1)]), None],
        dtype=object,
    )
    assert of_kind(rows, "point").tolist() == [True, True, False, False, False]
    assert of_kind(rows, "polygon").tolist() == [False, False, True, False, False]
    assert of_kind(rows, "line").tolist() == [False, False, False, True, False]
    assert extent(one(square(0, 0))).tolist() == [500_000.0, 3_850_000.0, 500_010.0, 3_850_010.0]
    assert np.isnan(extent(np.array([], dtype=object))).all()
