"""The coordinate detective: places of Henan written in every way, mixed, contradicted and cut short."""

from __future__ import annotations

from functools import cache
from xml.etree import ElementTree as ET

import numpy as np
import pyproj
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from geosys._errors import CrsError
from geosys.geo.area import ellipsoidal_area_m2
from geosys.geo.candidate_map import candidate_svg
from geosys.geo.evidence import Evidence, Stated, county_polygons, first_vertices
from geosys.geo.interpretation_names import interpretation_named, interpretation_of_crs
from geosys.geo.interpretations import interpretations
from geosys.geo.offsets import bd09_from_degrees, gcj02_from_degrees
from geosys.geo.readings import rank
from geosys.layers.readings_of_columns import coordinate_pairs

KAIFENG = shapely.box(114.0, 34.2, 115.0, 35.0)
HENAN = shapely.box(110.3, 31.3, 116.7, 36.4)
EAST, WEST = shapely.box(114.5, 34.2, 115.0, 35.0), shapely.box(114.0, 34.2, 114.5, 35.0)
EVIDENCE = Evidence(region=KAIFENG)


def places(n: int = 40, seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).uniform([114.02, 34.22], [114.98, 34.98], (n, 2)).round(6)


# --- writing as senders do, apart from the code under test ---


@cache
def plane(code: int) -> pyproj.Transformer:
    return pyproj.Transformer.from_crs("EPSG:4490", f"EPSG:{code}", always_xy=True)


def on_plane(degrees: np.ndarray, code: int) -> np.ndarray:
    return np.column_stack(plane(code).transform(degrees[:, 0], degrees[:, 1]))


def sixty(degrees: np.ndarray, unit: float = 1e4, digits: int = 1) -> np.ndarray:
    tens = np.round(degrees * 3600 * 10**digits).astype(np.int64)
    whole, rest = np.divmod(tens, 3600 * 10**digits)
    minutes, seconds = np.divmod(rest, 60 * 10**digits)
    return (whole * 10000 + minutes * 100 + seconds / 10**digits) / unit


def minutes(degrees: np.ndarray) -> np.ndarray:
    whole = np.floor(degrees)
    return whole * 100 + (degrees - whole) * 60


WAYS = {
    "degrees": lambda d: d,
    "dms": sixty,
    "dms-packed": lambda d: sixty(d, 1.0),
    "dm-packed": minutes,
    "webmercator": lambda d: on_plane(d, 3857),
    "cgcs2000-3-38": lambda d: on_plane(d, 4526),
    "cgcs2000-3-37": lambda d: on_plane(d, 4525),
    "cgcs2000-3-39": lambda d: on_plane(d, 4527),
    "cgcs2000-3-114": lambda d: on_plane(d, 4547),
    "cgcs2000-3-111": lambda d: on_plane(d, 4508),  # written as the 6° zone 19: the same plane
    "cgcs2000-3-117": lambda d: on_plane(d, 4548),
    "cgcs2000-6-19": lambda d: on_plane(d, 4497),
    "cgcs2000-6-20": lambda d: on_plane(d, 4498),
    "cgcs2000-3-38-km": lambda d: on_plane(d, 4526) / 1000,
    "cgcs2000-3-114-km": lambda d: on_plane(d, 4547) / 1000,
    "cgcs2000-6-20-km": lambda d: on_plane(d, 4498) / 1000,
}


@pytest.mark.parametrize("swap", ["", "-swapped"])
@pytest.mark.parametrize("name", WAYS)
def test_each_way_of_writing_wins_and_comes_back(name: str, swap: str) -> None:
    truth = places()
    written = WAYS[name](truth)
    written = written[:, ::-1] if swap else written
    ranking = rank(written, EVIDENCE)
    assert ranking.winner is not None, ranking.verdict
    assert ranking.winner.id == name + swap
    assert ranking.is_clear
    assert ranking.standings[0].score == 1.0
    assert ranking.standings[1].score <= 0.1
    tolerance = 1e-6 if "dm" not in name else 2e-5  # a tenth of a second is written
    assert np.allclose(ranking.positions(), truth, atol=tolerance, rtol=0)
    assert not any(ranking.reasons)


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from([i.id for i in interpretations() if i.kind in {"zone", "mercator"}]),
    st.floats(-2.9, 2.9), st.floats(4.0, 53.0),
)  # fmt: skip
def test_planes_read_back_what_proj_wrote(name: str, east: float, lat: float) -> None:
    reading = interpretation_named(name)
    truth = np.array([[(reading.meridian_deg or 105.0) + east, lat]])
    code = next(n for n in reading.names if n.split("-")[0].isdigit()).split("-")[0]
    written = on_plane(truth, int(code)) / (1000.0 if reading.is_km else 1.0)
    back = reading.to_degrees(written[:, ::-1] if reading.is_swapped else written)
    assert np.abs(back - truth).max() < 1e-9


@settings(max_examples=100)
@given(st.integers(0, 180 * 36_000_000), st.integers(0, 90 * 36_000_000))
def test_sixtieths_read_back_what_was_written(lon: int, lat: int) -> None:
    """Write angles of 1e-4 seconds by whole numbers."""
    for name, unit in (("dms", 1e4), ("dms-packed", 1.0)):
        truth = np.array([[lon, lat]]) / 36_000_000
        back = interpretation_named(name).to_degrees(sixty(truth, unit, digits=4))
        assert np.abs(back - truth).max() < 1e-9
    back = interpretation_named("dm-packed").to_degrees(minutes(truth))
    assert np.abs(back - truth).max() < 1e-9


def test_zones_are_those_of_the_epsg_register() -> None:
    """Compare meridian, prefix and false easting of every zone with PROJ's register."""
    zones = [i for i in interpretations() if i.kind == "zone" and not i.is_swapped and not i.is_km]
    assert len(zones) == 21 + 11 + 21
    for place, reading in enumerate(zones):
        for code in (n for n in reading.names if n.isdigit()):
            crs = pyproj.CRS.from_epsg(int(code))
            values = {p.name: p.value for p in crs.coordinate_operation.params}
            number = int(reading.id.rpartition("-")[2])
            assert crs.name.startswith("CGCS2000")
            assert values["Longitude of natural origin"] == reading.meridian_deg
            assert values["False easting"] == (number * 1e6 if reading.has_prefix else 0) + 500_000
            if place % 9 == 0:
                assert interpretation_of_crs(crs.to_wkt("WKT1_ESRI")).id == reading.id


# --- records settled one by one ---


def test_a_mixed_column_is_settled_record_by_record() -> None:
    truth = places(100)
    written = truth.copy()
    written[60:90] = sixty(truth[60:90], 1.0)
    written[90:] = on_plane(truth[90:], 4526)
    order = np.random.default_rng(2).permutation(100)
    ranking = rank(written[order], EVIDENCE)
    assert ranking.winner is None
    assert {g.interpretation.id: g.rows.size for g in ranking.groups} == {
        "degrees": 60,
        "dms-packed": 30,
        "cgcs2000-3-38": 10,
    }
    assert np.allclose(ranking.positions(), truth[order], atol=2e-5)
    assert "逐条" in ranking.verdict.zh


def test_a_mixed_column_of_spelled_cells() -> None:
    truth = places(20)
    lon, lat = (
        [*map(str, truth[:10, k]), *(spelled(v) for v in truth[10:16, k]), *on_plane(truth[16:], 4526)[:, k]]
        for k in (0, 1)
    )
    pairs = coordinate_pairs(lon, lat)
    assert pairs.spelled_degrees.sum() == 6
    assert not pairs.unreadable.any()
    ranking = rank(pairs.points, Evidence(region=KAIFENG, spelled_degrees=pairs.spelled_degrees))
    assert {g.interpretation.id: g.rows.size for g in ranking.groups} == {"degrees": 16, "cgcs2000-3-38": 4}
    assert np.allclose(ranking.positions(), truth, atol=2e-5)


def spelled(value: float) -> str:
    tenths = round(value * 36000)
    return f"{tenths // 36000}°{tenths // 600 % 60:02d}′{tenths % 600 / 10:04.1f}″"


def test_some_swapped_records_do_not_unseat_the_winner_and_are_found() -> None:
    truth = places(100)
    written = truth.copy()
    written[[7, 70]] = truth[[7, 70], ::-1]
    ranking = rank(written, EVIDENCE)
    assert ranking.winner is not None
    assert ranking.winner.id == "degrees"
    assert {g.interpretation.id: g.rows.tolist() for g in ranking.groups[1:]} == {"degrees-swapped": [7, 70]}
    assert np.allclose(ranking.positions(), truth)


def test_degrees_and_sixtieths_mixed_are_not_guessed() -> None:
    """Half the pairs are D.MMSS: what fits both stays open, what can only be degrees is settled."""
    truth = places(200)
    written = truth.copy()
    written[:100] = sixty(truth[:100])
    ranking = rank(written, EVIDENCE)
    assert ranking.winner is None
    positions = ranking.positions()
    settled = np.isfinite(positions).all(axis=1)
    assert np.abs(positions[settled] - truth[settled]).max() < 2e-5
    assert (ranking.reasons[~settled] == "several").all()
    assert settled[100:].mean() > 0.6


def test_records_that_follow_the_rest_are_marked() -> None:
    """Three D.MMSS among sixty degrees cannot be told by their digits: they follow the rest, and are among the marked."""
    truth = places(60)
    written = truth.copy()
    written[:3] = sixty(np.array([[114.51, 34.51], [114.62, 34.42], [114.27, 34.93]]))
    ranking = rank(written, EVIDENCE)
    assert ranking.winner is not None
    assert ranking.winner.id == "degrees"
    assert ranking.doubtful[:3].all()
    assert ranking.doubtful.mean() < 0.3
    halves = np.where(truth[:, 0] > 114.5, EAST, WEST)
    told = rank(truth, Evidence(region=KAIFENG, counties=halves))
    assert told.doubtful.sum() < rank(truth, EVIDENCE).doubtful.sum()


def test_stated_counties_settle_what_the_region_cannot() -> None:
    """Without a prefix, meridians 111 and 114 both fit the province; the county of each record decides."""
    truth = places()
    written = on_plane(truth, 4547)
    wide = rank(written, Evidence(region=HENAN))
    assert wide.winner is None
    assert set(wide.reasons) == {"several"}
    counties = county_polygons(["4102" + "05"] * 20 + ["410205001"] * 20, {"410205": KAIFENG})
    ranking = rank(written, Evidence(region=HENAN, counties=counties))
    assert ranking.winner is not None
    assert ranking.winner.id == "cgcs2000-3-114"
    assert ranking.standings[0].in_county == 1.0


def test_each_record_is_asked_for_its_own_county() -> None:
    truth = places()
    counties = np.where(truth[:, 0] > 114.5, EAST, WEST)
    ranking = rank(truth, Evidence(region=KAIFENG, counties=counties))
    assert ranking.standings[0].in_county == 1.0
    crossed = rank(truth, Evidence(region=KAIFENG, counties=np.where(truth[:, 0] > 114.5, WEST, EAST)))
    assert crossed.standings[0].interpretation.id == "degrees"
    assert crossed.standings[0].in_county < 0.1


@pytest.mark.parametrize(("unit", "square_metres"), [("m2", 1.0), ("mu", 2000 / 3), ("ha", 10_000.0)])
def test_stated_areas_settle_degrees_against_sixtieths_and_name_their_unit(unit: str, square_metres: float) -> None:
    """Few plots of 36″ by 36″: 0.0036 as D.MMSS is 0.01 degrees, nearly eight times the area."""
    corners = np.array([[114.1500, 34.2000], [114.3020, 34.4010], [114.4010, 34.3020]])
    raw = shapely.box(corners[:, 0], corners[:, 1], corners[:, 0] + 0.0036, corners[:, 1] + 0.0036)
    degrees = np.array([
        shapely.transform(p, interpretation_named("dms").to_degrees) for p in raw
    ], dtype=object)  # fmt: skip
    for name, truth in (("dms", degrees), ("degrees", raw)):
        areas = ellipsoidal_area_m2(truth, "EPSG:4490") / square_metres
        ranking = rank(first_vertices(raw), Evidence(region=KAIFENG, polygons=raw, areas=areas))
        assert ranking.winner is not None, ranking.verdict
        assert ranking.winner.id == name
        best = next(s for s in ranking.standings if s.interpretation.id == name)
        assert (best.area, best.area_unit) == (1.0, unit)


def test_a_few_wrong_county_codes_do_not_turn_degrees_into_sixtieths() -> None:
    """Records just west of 114.5 with the code of the county east of it: as D.MMSS they would lie in it."""
    truth = places(60)
    truth[:3] = [[114.3510, 34.4010], [114.4020, 34.3030], [114.3630, 34.5520]]
    counties = np.where(truth[:, 0] > 114.5, EAST, WEST)
    counties[:3] = EAST
    ranking = rank(truth, Evidence(region=KAIFENG, counties=counties))
    assert ranking.winner is not None
    assert ranking.winner.id == "degrees"
    assert np.allclose(ranking.positions(), truth)


def test_one_record_of_sixtieths_is_settled_by_its_county() -> None:
    pair, county = np.array([[114.3510, 34.4010]]), county_polygons(["410222"], {"410222": EAST})
    ranking = rank(pair, Evidence(region=KAIFENG, counties=county))
    assert ranking.winner is not None
    assert ranking.winner.id == "dms"
    assert np.allclose(ranking.positions(), [[114 + 35 / 60 + 10 / 3600, 34 + 40 / 60 + 10 / 3600]])


# --- no winner ---


def test_two_readings_that_fit_give_no_winner() -> None:
    """Three pairs that are good degrees and good D.MMSS, both in the region: nothing tells."""
    pairs = np.array([[114.3015, 34.4020], [114.2510, 34.3540], [114.4030, 34.5025]])
    ranking = rank(pairs, EVIDENCE)
    assert ranking.winner is None
    assert [s.interpretation.id for s in ranking.standings[:2]] == ["degrees", "dms"]
    assert [s.score for s in ranking.standings[:2]] == [1.0, 1.0]
    assert set(ranking.reasons) == {"several"}
    assert np.isnan(ranking.positions()).all()
    assert not ranking.is_clear
    settled = rank(pairs, Evidence(region=KAIFENG, stated=Stated(is_degrees=True)))
    assert settled.winner is not None
    assert settled.winner.id == "degrees"


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("n", [5, 12, 60])
def test_ordinary_degrees_are_never_taken_for_sixtieths(n: int, seed: int) -> None:
    truth = places(n, seed)
    ranking = rank(truth, EVIDENCE)
    assert {g.interpretation.id for g in ranking.groups} == {"degrees"}
    assert ranking.winner is None or ranking.winner.id == "degrees"


def test_one_record_alone() -> None:
    assert rank(np.array([[114.3173, 34.7987]]), EVIDENCE).winner.id == "degrees"
    one = rank(on_plane(np.array([[114.31, 34.80]]), 4526), EVIDENCE)
    assert one.winner is not None
    assert one.winner.id == "cgcs2000-3-38"
    either = rank(np.array([[114.3015, 34.4020]]), EVIDENCE)
    assert either.winner is None
    assert either.reasons.tolist() == ["several"]
    weak = rank(np.array([[113.5530, 34.4020]]), Evidence(region=shapely.box(113.8, 34.2, 115, 35)))
    assert weak.winner is None
    assert weak.reasons.tolist() == ["weak"]


def test_nothing_and_what_is_no_number() -> None:
    empty = rank(np.empty((0, 2)), EVIDENCE)
    assert empty.winner is None
    assert empty.groups == ()
    bad = rank(np.array([[np.nan, 34.0], [np.inf, np.inf], [114.3, -np.inf]]), EVIDENCE)
    assert bad.winner is None
    assert bad.reasons.tolist() == ["no_number"] * 3
    truth = places(10)
    truth[4] = np.nan
    some = rank(truth, EVIDENCE)
    assert some.winner is not None
    assert some.winner.id == "degrees"
    assert some.reasons[4] == "no_number"
    assert np.isnan(some.positions()[4]).all()


def test_no_reading_lies_in_the_region() -> None:
    ranking = rank(np.array([[6.08, 50.78], [6.2, 50.9]]), EVIDENCE)
    assert ranking.winner is None
    assert ranking.reasons.tolist() == ["no_reading"] * 2
    assert "没有一种读法" in ranking.verdict.zh


def test_points_on_the_border_belong() -> None:
    border = np.array(
        [[114.0, 34.2], [115.0, 35.0], [114.0, 34.6789], [114.5678, 35.0], [115.0, 34.6677], [114.9999, 34.2]]
    )
    ranking = rank(border, EVIDENCE)
    assert ranking.standings[0].interpretation.id == "degrees"
    assert ranking.standings[0].inside == 1.0


def test_without_a_region_all_china_speaks() -> None:
    prefixed = rank(on_plane(places(), 4526))
    assert prefixed.winner is not None
    assert prefixed.winner.id == "cgcs2000-3-38"
    bare = rank(on_plane(places(), 4547))
    assert bare.winner is None
    settled = rank(on_plane(places(), 4547), Evidence(stated=Stated(zone=38)))
    assert settled.winner is not None
    assert settled.winner.id == "cgcs2000-3-114"


def test_offsets_are_never_assumed() -> None:
    for shift in (gcj02_from_degrees, bd09_from_degrees):
        ranking = rank(shift(places()), EVIDENCE)
        assert ranking.winner is not None
        assert ranking.winner.id == "degrees"
        assert {s.interpretation.id for s in ranking.suspects} >= {"gcj02", "bd09"}
        assert not {s.interpretation.kind for s in ranking.standings} & {"offset", "refused"}


def test_a_wrong_shape_raises() -> None:
    with pytest.raises(CrsError, match="expected \\(n, 2\\)"):
        rank(np.zeros((3, 3)))
    with pytest.raises(CrsError, match="counties"):
        rank(np.zeros((3, 2)), Evidence(counties=np.array([None])))
    with pytest.raises(CrsError, match="area_unit"):
        rank(np.zeros((3, 2)), Evidence(area_unit="斤"))


# --- the header ---


@pytest.mark.parametrize("stated", [
    Stated(datum="2000国家大地坐标系", zone=39, width_deg=3), Stated(meridian_deg=117), Stated(crs="EPSG:4527"),
    Stated(crs=pyproj.CRS.from_epsg(4548).to_wkt("WKT1_ESRI")),
])  # fmt: skip
def test_a_header_against_its_numbers_is_reported_and_nothing_is_clear(stated: Stated) -> None:
    ranking = rank(on_plane(places(), 4526), Evidence(region=KAIFENG, stated=stated))
    assert ranking.winner is not None
    assert ranking.winner.id == "cgcs2000-3-38"
    assert ranking.conflict is not None
    assert "不符" in ranking.conflict.zh
    assert not ranking.is_clear
    assert ranking.standings[0].header == 0.0


@pytest.mark.parametrize("stated", [
    Stated(zone=38), Stated(meridian_deg=114.0), Stated(crs="EPSG:4526"), Stated(width_deg=3),
    Stated(datum="2000国家大地坐标系", zone=38, width_deg=3, meridian_deg=114), Stated(datum="CGCS2000"),
])  # fmt: skip
def test_a_header_that_agrees_leaves_it_clear(stated: Stated) -> None:
    ranking = rank(on_plane(places(), 4526), Evidence(region=KAIFENG, stated=stated))
    assert ranking.is_clear
    assert ranking.winner is not None
    assert ranking.winner.id == "cgcs2000-3-38"


def test_a_lost_or_kept_prefix_agrees_in_part() -> None:
    kept = rank(on_plane(places(), 4526), Evidence(region=KAIFENG, stated=Stated(crs="EPSG:4547")))
    assert kept.winner is not None
    assert kept.winner.id == "cgcs2000-3-38"
    assert kept.standings[0].header == 0.5
    assert kept.conflict is not None
    assert not kept.is_clear


def test_a_header_that_contradicts_itself() -> None:
    ranking = rank(on_plane(places(), 4526), Evidence(region=KAIFENG, stated=Stated(zone=38, meridian_deg=117)))
    assert ranking.conflict is not None
    assert "自相矛盾" in ranking.conflict.zh


def test_another_plane_of_the_header_competes() -> None:
    written = np.column_stack(pyproj.Transformer.from_crs(4326, 32650, always_xy=True).transform(*places().T))
    ranking = rank(written, Evidence(region=KAIFENG, stated=Stated(crs="EPSG:32650")))
    assert ranking.winner is not None
    assert ranking.winner.id == "epsg-32650"
    assert np.allclose(ranking.positions(), places(), atol=1e-7)


@pytest.mark.parametrize("stated", [
    Stated(datum="1980西安坐标系"), Stated(datum="北京54"), Stated(crs="EPSG:2362"), Stated(crs="EPSG:2414"),
    Stated(datum="Xian 1980", zone=38),
])  # fmt: skip
def test_old_datums_are_not_converted(stated: Stated) -> None:
    ranking = rank(on_plane(places(), 4526), Evidence(region=KAIFENG, stated=stated))
    assert ranking.winner is None
    assert set(ranking.reasons) == {"refused"}
    assert np.isnan(ranking.positions()).all()
    assert "控制点" in ranking.verdict.zh
    assert ranking.standings[0].interpretation.id == "cgcs2000-3-38"


# --- names ---


@pytest.mark.parametrize(("text", "name"), [
    ("EPSG:4547", "cgcs2000-3-114"), ("4526", "cgcs2000-3-38"), ("cgcs2000-3-38", "cgcs2000-3-38"),
    ("CGCS2000_3_114", "cgcs2000-3-114"), ("EPSG:4508", "cgcs2000-3-111"), ("EPSG:4497", "cgcs2000-6-19"),
    ("wgs84", "degrees"), ("EPSG:4326", "degrees"), ("经纬度", "degrees"), ("latlon", "degrees-swapped"),
    ("WGS84-swapped", "degrees-swapped"), ("GCJ-02", "gcj02"), ("火星坐标", "gcj02"), ("ＢＤ０９", "bd09"),
    ("度分秒", "dms"), ("D.MMSS", "dms"), ("dms-packed-swapped", "dms-packed-swapped"), ("EPSG:3857", "webmercator"),
    ("EPSG:4547-swapped", "cgcs2000-3-114-swapped"), ("4526-km-swapped", "cgcs2000-3-38-km-swapped"),
    ("EPSG:32650", "epsg-32650"),
])  # fmt: skip
def test_names_that_users_give(text: str, name: str) -> None:
    assert interpretation_named(text).id == name


@pytest.mark.parametrize(
    "text",
    ["beijing54", "北京54", "Beijing 1954", "xian80", "西安80", "Xi'an 1980", "EPSG:2383", "2414", "4214", "EPSG:4610"],
)
def test_old_datums_by_name_say_what_to_supply(text: str) -> None:
    with pytest.raises(CrsError, match="control points"):
        interpretation_named(text)


def test_unknown_names_get_the_nearest_word() -> None:
    with pytest.raises(CrsError, match="Did you mean 'webmercator'"):
        interpretation_named("webmercater")
    with pytest.raises(CrsError, match="Known: degrees"):
        interpretation_named("~")
    with pytest.raises(CrsError, match="PROJ knows"):
        interpretation_named("EPSG:999999")


def test_ids_and_names_are_unique() -> None:
    listed = [name for i in interpretations() for name in (i.id, *i.names)]
    assert len(listed) == len(set(listed))
    refused = [i for i in interpretations() if not i.convertible]
    assert {i.id for i in refused} == {"beijing54", "xian80"}
    for reading in refused:
        with pytest.raises(CrsError, match="control points"):
            reading.to_degrees(np.zeros((1, 2)))


# --- the picture ---


def test_the_picture_shows_region_records_and_numbers() -> None:
    ranking = rank(on_plane(places(), 4547), Evidence(region=HENAN))
    outline = shapely.MultiPolygon([HENAN, shapely.box(117.0, 33.0, 117.2, 33.2)])
    svg = candidate_svg(ranking, outline, '<河南> & "省"')
    tree = ET.fromstring(svg)  # noqa: S314  our own text
    space = "{http://www.w3.org/2000/svg}"
    texts = ["".join(t.itertext()) for t in tree.iter(f"{space}text")]
    assert any('<河南> & "省"' in t for t in texts)
    assert "<河南>" not in svg
    drawn = [g for g in tree.iter(f"{space}g") if g.get("fill")]
    assert len(drawn) >= 2
    region = next(p for p in tree.iter(f"{space}path") if p.get("fill-rule"))
    assert region.get("d").count("Z") == 2
    assert len({g.get("fill") for g in drawn}) == len({g[0].get("d") for g in drawn}) == len(drawn)
    assert sum(t.startswith(("1  ", "2  ", "3  ", "4  ", "5  ")) for t in texts) == 5
    assert "http" not in svg.replace("http://www.w3.org/2000/svg", "")


def test_the_picture_of_nothing_and_of_far_away() -> None:
    assert "没有可画的坐标" in candidate_svg(rank(np.empty((0, 2)), EVIDENCE), KAIFENG)
    far = candidate_svg(rank(np.array([[6.08, 50.78]]), EVIDENCE), KAIFENG)
    assert "图外" in far
    english = candidate_svg(rank(places(5)), None, language="en")
    assert "No region given" in english
    assert "judged to be this" in english
    for svg in (far, english):
        ET.fromstring(svg)  # noqa: S314  our own text
        assert "nan" not in svg
