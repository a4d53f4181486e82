"""Where records lie: what is stated is kept, what contradicts is named, what is absent is inferred only when it is clear."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from sixty_deliveries import (
    CRS,
    EAST,
    NORTH,
    SOUTH,
    WEST,
    dms,
    in_crs,
    moved,
    place,
    plots,
    sixtieths,
    spots,
    true_spots,
)

from geosys._errors import CrsError
from geosys._text import Text
from geosys.geo.interpretations import interpretations
from geosys.geo.offsets import bd09_from_degrees, gcj02_from_degrees
from geosys.layers.coordinates import settle_positions
from geosys.layers.delivery import Delivery
from geosys.layers.issues import Issue
from geosys.layers.naming import Naming
from geosys.layers.place import Place
from geosys.layers.reading import Reading
from geosys.layers.spec import read_catalogue

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from geosys.geo.ranking import Ranking
    from geosys.layers.spec import Catalogue

MOST_APART_M = 1e-6


@cache
def whole_catalogue() -> Catalogue:
    return read_catalogue()


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return whole_catalogue()


def shapes_of(found: Mapping[str, shapely.Geometry]) -> np.ndarray:
    return np.array([*found.values(), None], dtype=object)[:-1]


def settled(
    catalogue: Catalogue, geometry: np.ndarray, stated: str | None, here: Place | None = None, issues: tuple[Issue, ...] = (),
    **told: Any,
) -> tuple[np.ndarray | None, list[Issue], Ranking | None]:  # fmt: skip
    """Settle shapes as a file with this CRS would hold them."""
    count = len(geometry)
    reading = Reading(
        "甲", {"编号": np.array([f"P{i}" for i in range(count)], dtype=object)}, geometry, stated, issues=issues
    )
    delivery = Delivery(path=Path("甲.gpkg"), name="甲.gpkg", layer="suspected_plot", **told)
    naming = Naming({"plot_code": "编号"}, {}, (), ())
    return settle_positions(reading, naming, catalogue.layers["suspected_plot"], delivery, here or place())


def from_ledger(
    catalogue: Catalogue, pairs: Sequence[tuple[Any, Any]], names: tuple[str, str] = ("经度", "纬度"), here: Place | None = None,
    counties: Sequence[str] | None = None, **told: Any,
) -> tuple[np.ndarray | None, list[Issue], Ranking | None]:  # fmt: skip
    """Settle two columns as a ledger would hold them."""
    columns = {name: np.array([*(p[k] for p in pairs), None], dtype=object)[:-1] for k, name in enumerate(names)}
    fed = {}
    if counties is not None:
        columns["县区代码"], fed = np.array(counties, dtype=object), {"county_code": "县区代码"}
    delivery = Delivery(path=Path("台账.csv"), name="台账.csv", layer="outfall", **told)
    naming = Naming(fed, {}, names[:1], names[1:])
    return settle_positions(Reading("台账", columns), naming, catalogue.layers["outfall"], delivery, here or place())


def apart_m(got: np.ndarray, truth: np.ndarray) -> float:
    assert len(got) == len(truth)
    return float(np.abs(shapely.get_coordinates(got) - shapely.get_coordinates(truth)).max())


def kinds(issues: list[Issue]) -> list[str]:
    return [i.issue_type for i in issues]


def exchanged(shapes: np.ndarray) -> np.ndarray:
    return shapely.transform(shapes, lambda xy: xy[:, ::-1])


def rewritten(shapes: np.ndarray, target: str) -> np.ndarray:
    return shapely.transform(shapes, lambda xy: moved(xy, CRS, target))


TRUTH = shapes_of(plots(1))


# --- what is stated and fits ---


@pytest.mark.parametrize("code", [CRS, "EPSG:4526", "EPSG:4490", "EPSG:4508", "EPSG:4549"])
def test_what_is_stated_and_fits_is_kept_without_a_ranking(catalogue: Catalogue, code: str) -> None:
    geometry, issues, ranking = settled(catalogue, rewritten(TRUTH, code), code)
    assert (issues, ranking) == ([], None)
    assert apart_m(geometry, TRUTH) < MOST_APART_M


def test_a_file_in_the_plans_crs_is_not_touched_at_all(catalogue: Catalogue) -> None:
    geometry, _, _ = settled(catalogue, TRUTH, CRS)
    assert shapely.to_wkb(geometry).tolist() == shapely.to_wkb(TRUTH).tolist()


def test_without_a_region_what_is_stated_holds(catalogue: Catalogue) -> None:
    geometry, issues, ranking = settled(catalogue, TRUTH, "EPSG:4548", Place(CRS))
    assert geometry is not None
    assert (issues, ranking) == ([], None)


def test_lines_that_cross_the_region_with_their_middle_outside_are_inside(catalogue: Catalogue) -> None:
    inside = shapely.centroid(place().region)
    far = shapely.LineString([(inside.x, inside.y), (inside.x + 900_000, inside.y)])
    geometry, issues, ranking = settled(catalogue, np.array([far, far]), CRS)
    assert ranking is None
    assert issues == []
    assert geometry is not None


def test_up_to_half_outside_is_for_the_checks_to_name(catalogue: Catalogue) -> None:
    half = np.concatenate([TRUTH[:6], shapely.transform(TRUTH[6:], lambda xy: xy + np.array([280_000.0, 0.0]))])
    geometry, issues, ranking = settled(catalogue, half, CRS)
    assert geometry is not None
    assert (issues, ranking) == ([], None)


def test_what_no_reading_explains_stays_as_stated(catalogue: Catalogue) -> None:
    lost = shapely.transform(TRUTH, lambda xy: xy + np.array([0.0, 1_500_000.0]))
    geometry, issues, ranking = settled(catalogue, lost, CRS)
    assert apart_m(geometry, lost) == 0.0
    assert issues == []
    assert ranking is not None
    assert ranking.winner is None


# --- what is stated and contradicted ---

CONTRADICTED = [
    ("EPSG:4548", CRS, "wrong_zone", "cgcs2000-3-114"),
    ("EPSG:4527", "EPSG:4526", "wrong_zone", "cgcs2000-3-38"),
    ("EPSG:4547", "EPSG:4546", "wrong_zone", "cgcs2000-3-111"),
    ("EPSG:4526", CRS, "prefix_contradicts", "cgcs2000-3-114"),
    (CRS, "EPSG:4526", "prefix_contradicts", "cgcs2000-3-38"),
    (CRS, "EPSG:4490", "crs_unit_contradicts", "degrees"),
    ("EPSG:4490", CRS, "crs_unit_contradicts", "cgcs2000-3-114"),
    ("EPSG:4326", "EPSG:4526", "crs_unit_contradicts", "cgcs2000-3-38"),
    (CRS, "EPSG:3857", "crs_contradicts", "webmercator"),
]


@pytest.mark.parametrize(("stated", "meant", "cause", "reading"), CONTRADICTED)
def test_a_contradiction_is_named_and_settled_only_by_a_person(
    catalogue: Catalogue, stated: str, meant: str, cause: str, reading: str
) -> None:
    written = rewritten(TRUTH, meant)
    geometry, issues, ranking = settled(catalogue, written, stated)
    assert geometry is None
    assert kinds(issues) == [cause]
    assert (issues[0].row, issues[0].value) == (-1, reading)
    assert f"--as {reading}" in issues[0].message.zh
    assert f"--as {reading}" in issues[0].message.en
    assert ranking is not None
    geometry, issues, _ = settled(catalogue, written, stated, read_as=reading)
    assert kinds(issues) == ["reading_confirmed"]
    assert issues[0].before
    assert issues[0].after
    assert apart_m(geometry, TRUTH) < MOST_APART_M


@pytest.mark.parametrize(
    ("code", "suffix"), [(CRS, "cgcs2000-3-114"), ("EPSG:4526", "cgcs2000-3-38"), ("EPSG:4490", "degrees")]
)
def test_a_swapped_file_is_named_and_settled_only_by_a_person(catalogue: Catalogue, code: str, suffix: str) -> None:
    written = exchanged(rewritten(TRUTH, code))
    geometry, issues, _ = settled(catalogue, written, code)
    assert geometry is None
    assert kinds(issues) == ["swapped_xy"]
    assert issues[0].value == f"{suffix}-swapped"
    geometry, _, _ = settled(catalogue, written, code, read_as=f"{suffix}-swapped")
    assert apart_m(geometry, TRUTH) < MOST_APART_M


def test_the_plans_own_statement_is_held_against_the_numbers_too(catalogue: Catalogue) -> None:
    assert kinds(settled(catalogue, TRUTH, None, crs="EPSG:4548")[1]) == ["wrong_zone"]
    assert settled(catalogue, TRUTH, "EPSG:4548", crs=CRS)[1] == []


def test_sixtieths_drawn_as_degrees_are_named_though_they_lie_in_the_region(catalogue: Catalogue) -> None:
    said = [(float(sixtieths(x)[0]), float(sixtieths(y)[0])) for x, y in spots(4, 24).values()]
    here = shapely.box(WEST, SOUTH, EAST, NORTH)
    assert shapely.contains(here, shapely.points(said)).mean() > 0.5
    geometry, issues, _ = settled(catalogue, shapely.points(said), "EPSG:4490")
    assert geometry is None
    assert [(i.issue_type, i.value) for i in issues] == [("crs_unit_contradicts", "dms")]
    geometry, issues, _ = settled(catalogue, shapely.points(list(spots(4, 24).values())), "EPSG:4490")
    assert issues == []
    assert geometry is not None


# --- what is not stated ---


@pytest.mark.parametrize("meant", [CRS, "EPSG:4526", "EPSG:4490", "EPSG:4548"])
def test_no_crs_and_a_clear_winner_is_converted_with_a_warning(catalogue: Catalogue, meant: str) -> None:
    geometry, issues, ranking = settled(catalogue, rewritten(TRUTH, meant), None)
    assert kinds(issues) == ["crs_inferred"]
    assert issues[0].before
    assert issues[0].after
    assert "落入区域" in issues[0].message.zh
    after = np.array([[float(v) for v in issues[0].after.split(", ")]])
    assert np.abs(after - shapely.get_coordinates(rewritten(TRUTH[:1], "EPSG:4490"))[:1]).max() < 1e-7
    assert ranking is not None
    assert apart_m(geometry, TRUTH) < MOST_APART_M


def test_one_or_two_records_are_no_evidence(catalogue: Catalogue) -> None:
    for count, kind in ((1, "no_crs"), (2, "no_crs"), (3, "crs_inferred")):
        assert kinds(settled(catalogue, TRUTH[:count], None)[1]) == [kind]
    assert "--as cgcs2000-3-114" in settled(catalogue, TRUTH[:1], None)[1][0].message.zh


def test_two_readings_that_fit_are_unclear(catalogue: Catalogue) -> None:
    wide = shapely.transform(
        shapely.segmentize(shapely.box(110.5, 34.0, 114.9, 35.5), 0.05), lambda xy: moved(xy, "EPSG:4490", CRS)
    )
    geometry, issues, _ = settled(catalogue, TRUTH, None, Place(CRS, wide, "宽"))
    assert geometry is None
    assert kinds(issues) == ["reading_unclear"]
    assert "cgcs2000-3-111" in str(issues[0].value)
    assert "cgcs2000-3-114" in str(issues[0].value)


def test_nothing_is_inferred_where_the_reader_found_a_contradiction(catalogue: Catalogue) -> None:
    doubt = Issue("boundary_file", Text("带号与坐标不符", "zone"), value="zone_contradicts", severity="error")
    geometry, issues, _ = settled(catalogue, TRUTH, None, issues=(doubt,))
    assert geometry is None
    assert kinds(issues) == ["wrong_zone"]
    absent = Issue("boundary_file", Text("没有带号", "no zone"), value="zone_unknown", severity="error")
    geometry, issues, _ = settled(catalogue, TRUTH, None, issues=(absent,))
    assert kinds(issues) == ["crs_inferred"]
    assert geometry is not None


def test_no_crs_and_no_region_is_not_guessed(catalogue: Catalogue) -> None:
    assert kinds(settled(catalogue, TRUTH, None, Place(CRS))[1]) == ["no_crs"]


ZONES = [i.id for i in interpretations() if i.kind == "zone" and not i.is_km and i.names[0].split("-")[0].isdecimal()]


@settings(max_examples=40, deadline=None)
@given(name=st.sampled_from(ZONES), seed=st.integers(0, 999))
def test_law_a_file_without_crs_ends_where_it_was_meant_or_nowhere(name: str, seed: int) -> None:
    catalogue, truth = whole_catalogue(), shapes_of(plots(seed))
    code = next(i for i in interpretations() if i.id == name).names[0].split("-")[0]
    written = rewritten(truth, f"EPSG:{code}")
    written = exchanged(written) if name.endswith("-swapped") else written
    if not np.isfinite(shapely.get_coordinates(written)).all():
        return
    geometry, issues, _ = settled(catalogue, written, None)
    if geometry is None:
        assert kinds(issues)[0] in {"no_crs", "reading_unclear"}
    else:
        assert kinds(issues) == ["crs_inferred"]
        assert apart_m(geometry, truth) < 1e-4  # far from its meridian a plane itself is worth no more


# --- ledgers ---

DEGREES = list(spots(2).values())
WHERE = shapes_of(true_spots(spots(2)))


def metres(target: str = CRS) -> list[tuple[float, float]]:
    return [tuple(v) for v in moved(np.array(DEGREES), "EPSG:4490", target).tolist()]


def test_degrees_under_their_header_raise_nothing(catalogue: Catalogue) -> None:
    geometry, issues, ranking = from_ledger(catalogue, DEGREES)
    assert (issues, ranking) == ([], None)
    assert apart_m(geometry, WHERE) < MOST_APART_M


def test_metres_under_a_header_of_degrees_are_not_converted(catalogue: Catalogue) -> None:
    geometry, issues, _ = from_ledger(catalogue, metres())
    assert geometry is None
    assert kinds(issues) == ["crs_unit_contradicts"]
    geometry, issues, _ = from_ledger(catalogue, metres(), read_as="EPSG:4547")
    assert kinds(issues) == ["reading_confirmed"]
    assert apart_m(geometry, WHERE) < MOST_APART_M


def test_metres_under_another_header_are_inferred(catalogue: Catalogue) -> None:
    geometry, issues, _ = from_ledger(catalogue, metres("EPSG:4526"), ("东", "北"))
    assert kinds(issues) == ["crs_inferred"]
    assert apart_m(geometry, WHERE) < MOST_APART_M
    assert kinds(from_ledger(catalogue, metres()[:2], ("东", "北"))[1]) == ["no_crs"]


def test_sixtieths_are_understood_and_told(catalogue: Catalogue) -> None:
    said = [(sixtieths(x), sixtieths(y)) for x, y in spots(3, 24).values()]
    geometry, issues, _ = from_ledger(catalogue, [(float(x[0]), float(y[0])) for x, y in said])
    assert kinds(issues) == ["crs_inferred"]
    truth = moved(np.array([(x[1], y[1]) for x, y in said]), "EPSG:4490", CRS)
    assert np.abs(shapely.get_coordinates(geometry) - truth).max() < MOST_APART_M


def test_spelled_degrees_raise_nothing_even_in_one_cell_of_two(catalogue: Catalogue) -> None:
    (text, exact), (x, y) = dms(114.123456), (114.2, 34.6)
    geometry, issues, _ = from_ledger(catalogue, [(text, 34.6), (x, y)])
    assert issues == []
    assert apart_m(geometry[:1], shapes_of(true_spots({"a": (exact, 34.6)}))) < MOST_APART_M


def test_each_record_of_a_mixed_column_is_settled_alone(catalogue: Catalogue) -> None:
    pairs: list[tuple[Any, Any]] = list(DEGREES)
    pairs[3], pairs[5] = metres("EPSG:4526")[3], metres()[5]
    pairs[7] = (DEGREES[7][1], DEGREES[7][0])
    pairs[8] = ("东边", DEGREES[8][1])
    pairs[9] = (None, None)
    pairs[10] = (1e308, 34.5)
    geometry, issues, ranking = from_ledger(catalogue, pairs)
    assert {(i.issue_type, i.row) for i in issues} == {
        ("reading_settled", 3), ("reading_settled", 5), ("swapped_xy", 7), ("bad_coordinate", 8), ("bad_coordinate", 10),
    }  # fmt: skip
    assert all(i.before and i.after for i in issues if i.issue_type == "reading_settled")
    assert np.flatnonzero(shapely.is_missing(geometry)).tolist() == [7, 8, 9, 10]
    kept = [0, 1, 2, 3, 4, 5, 6, 11]
    assert apart_m(geometry[kept], WHERE[kept]) < MOST_APART_M
    assert ranking is not None


def test_a_record_elsewhere_stays_in_degrees_for_the_checks(catalogue: Catalogue) -> None:
    geometry, issues, _ = from_ledger(catalogue, [*DEGREES, (116.404, 39.915)])
    assert issues == []
    assert apart_m(geometry[-1:], shapes_of(true_spots({"a": (116.404, 39.915)}))) < MOST_APART_M


def test_a_swapped_ledger_is_one_issue(catalogue: Catalogue) -> None:
    turned = [(y, x) for x, y in DEGREES]
    geometry, issues, _ = from_ledger(catalogue, turned)
    assert geometry is None
    assert [(i.issue_type, i.row, i.value) for i in issues] == [("swapped_xy", -1, "degrees-swapped")]
    geometry, _, _ = from_ledger(catalogue, turned, read_as="degrees-swapped")
    assert apart_m(geometry, WHERE) < MOST_APART_M


def test_degrees_spelled_among_metres_that_the_plan_states_cannot_be_read(catalogue: Catalogue) -> None:
    pairs: list[tuple[Any, Any]] = list(metres())
    pairs[2] = (dms(114.2)[0], dms(34.6)[0])
    geometry, issues, _ = from_ledger(catalogue, pairs, crs=CRS)
    assert {(i.issue_type, i.row) for i in issues} == {("bad_coordinate", 2)}
    assert geometry[2] is None
    assert apart_m(np.delete(geometry, 2), np.delete(WHERE, 2)) < MOST_APART_M


def test_a_confirmed_plane_leaves_spelled_degrees_what_they_are(catalogue: Catalogue) -> None:
    pairs: list[tuple[Any, Any]] = list(metres())
    (x, east), (y, north) = dms(DEGREES[2][0]), dms(DEGREES[2][1])
    pairs[2] = (x, y)
    geometry, _, _ = from_ledger(catalogue, pairs, read_as=CRS)
    exact = shapes_of(true_spots({"a": (east, north)}))
    assert apart_m(geometry[2:3], exact) < MOST_APART_M
    assert apart_m(np.delete(geometry, 2), np.delete(WHERE, 2)) < MOST_APART_M


def test_a_records_own_county_decides_between_two_planes(catalogue: Catalogue) -> None:
    wide = shapely.transform(
        shapely.segmentize(shapely.box(110.5, 34.0, 114.9, 35.5), 0.05), lambda xy: moved(xy, "EPSG:4490", CRS)
    )
    east = shapely.box(113.5, 34.0, 114.9, 35.5)
    known = Place(CRS, wide, "宽", counties={"410299": east, "410122": shapely.box(110.5, 34.0, 111.9, 35.5)})
    near = [(500_000.0 + 3000 * i, 3_830_000.0 + 2000 * i) for i in range(8)]
    assert kinds(from_ledger(catalogue, near, ("东", "北"), known)[1])[:1] == ["bad_coordinate"]
    geometry, issues, _ = from_ledger(catalogue, near, ("东", "北"), known, ["410299"] * 8)
    assert kinds(issues) == ["crs_inferred"]
    assert apart_m(geometry, shapely.points(near)) < MOST_APART_M


# --- offsets, old datums, words ---


@pytest.mark.parametrize(("write", "name"), [(gcj02_from_degrees, "gcj02"), (bd09_from_degrees, "bd09")])
def test_an_offset_is_suspected_and_applied_only_when_confirmed(catalogue: Catalogue, write: Any, name: str) -> None:
    true = rewritten(TRUTH, "EPSG:4490")
    drawn = shapely.transform(true, write)
    known = Place(CRS, place().region, reference=true)
    stated = np.array([in_crs(s, CRS, "EPSG:4490") for s in drawn])
    geometry, issues, _ = settled(catalogue, drawn, "EPSG:4490", known)
    assert [(i.issue_type, i.value) for i in issues] == [("offset_suspected", name)]
    assert f"--as {name}" in issues[0].message.zh
    assert apart_m(geometry, stated) < MOST_APART_M
    assert settled(catalogue, drawn, "EPSG:4490")[1] == []
    geometry, issues, _ = settled(catalogue, drawn, "EPSG:4490", known, read_as=name)
    assert kinds(issues) == ["reading_confirmed"]
    assert apart_m(geometry, TRUTH) < 0.01


def test_true_plots_on_their_reference_are_not_suspected(catalogue: Catalogue) -> None:
    known = Place(CRS, place().region, reference=rewritten(TRUTH, "EPSG:4490"))
    assert settled(catalogue, TRUTH, CRS, known)[1] == []


@pytest.mark.parametrize("code", ["EPSG:2383", "EPSG:2435", "EPSG:4610", "EPSG:4214"])
def test_old_datums_are_refused(catalogue: Catalogue, code: str) -> None:
    geometry, issues, _ = settled(catalogue, TRUTH, code)
    assert geometry is None
    assert kinds(issues) == ["not_convertible"]


@pytest.mark.parametrize("word", ["beijing54", "西安80", "1980西安坐标系"])
def test_an_old_datum_cannot_be_confirmed_either(catalogue: Catalogue, word: str) -> None:
    geometry, issues, _ = settled(catalogue, TRUTH, None, read_as=word)
    assert geometry is None
    assert kinds(issues) == ["not_convertible"]


def test_a_word_that_is_no_reading_is_the_plans_mistake(catalogue: Catalogue) -> None:
    with pytest.raises(CrsError, match="expected the name of a reading"):
        settled(catalogue, TRUTH, None, read_as="木星坐标")


def test_a_confirmed_reading_that_cannot_hold_leaves_nothing(catalogue: Catalogue) -> None:
    geometry, issues, _ = settled(catalogue, TRUTH, CRS, read_as="火星坐标")
    assert shapely.is_missing(geometry).all()
    assert kinds(issues) == ["reading_confirmed", *["bad_coordinate"] * len(TRUTH)]


def test_layers_without_geometry_have_none(catalogue: Catalogue) -> None:
    reading = Reading("水质", {"断面编码": np.array(["D1", "D2"], dtype=object)})
    delivery = Delivery(path=Path("水质.csv"), name="水质.csv", layer="water_sample")
    naming = Naming({"section_code": "断面编码"}, {}, (), ())
    geometry, issues, ranking = settle_positions(reading, naming, catalogue.layers["water_sample"], delivery, place())
    assert geometry is not None
    assert geometry.tolist() == [None, None]
    assert (issues, ranking) == ([], None)


def test_missing_and_empty_shapes_are_left_to_the_checks(catalogue: Catalogue) -> None:
    some = np.array([*TRUTH[:4], None, shapely.Polygon()], dtype=object)
    for crs in (CRS, None):
        geometry, issues, _ = settled(catalogue, some, crs)
        assert kinds(issues) == ([] if crs else ["crs_inferred"])
        assert geometry[4] is None
    nothing = np.array([None, None], dtype=object)
    assert settled(catalogue, nothing, CRS)[1] == []
    assert kinds(settled(catalogue, nothing, None)[1]) == ["no_crs"]
