"""GCJ-02 and BD-09: against four independent implementations, both ways, and suspected only where they are."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import pyproj
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from geosys._errors import CrsError
from geosys.geo.interpretation_names import interpretation_named
from geosys.geo.offsets import bd09_from_degrees, degrees_from_bd09, degrees_from_gcj02, gcj02_from_degrees
from geosys.geo.suspicion import suspect_offset

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    Points = NDArray[np.float64]

GEOD = pyproj.Geod(ellps="GRS80")
KAIFENG = shapely.box(114.0, 34.2, 115.0, 35.0)
CENTIMETRE = 0.01


def apart_m(one: Points, other: Points) -> NDArray[np.float64]:
    return np.abs(np.asarray(GEOD.inv(*one.T, *other.T)[2]))


# --- the formulas ---


@pytest.fixture(scope="module")
def vectors(shared_data: Path) -> dict[str, Points]:
    path = shared_data / "gcj02" / "vectors_multi_implementation.json"
    rows = json.loads(path.read_text(encoding="utf-8"))
    keys = ("gcoord_gcj", "gcoord_bd", "prc", "cc", "ct")
    found = {key: np.array([row[key] for row in rows]) for key in keys}
    found["true"] = np.array([[row["wgs_lon"], row["wgs_lat"]] for row in rows])
    assert len(found["true"]) == 16
    return found


@pytest.mark.parametrize("library", ["gcoord_gcj", "prc", "cc", "ct"])
def test_vectors_of_four_libraries_come_out_both_ways(vectors: dict[str, Points], library: str) -> None:
    assert apart_m(gcj02_from_degrees(vectors["true"]), vectors[library]).max() < CENTIMETRE
    assert apart_m(degrees_from_gcj02(vectors[library]), vectors["true"]).max() < CENTIMETRE


def test_bd09_vectors_come_out_both_ways(vectors: dict[str, Points]) -> None:
    assert apart_m(bd09_from_degrees(vectors["true"]), vectors["gcoord_bd"]).max() < CENTIMETRE
    assert apart_m(degrees_from_bd09(vectors["gcoord_bd"]), vectors["true"]).max() < CENTIMETRE


def test_kaifeng_without_the_shared_data() -> None:
    """Hold two figures of the vectors here, so that the formulas are guarded in every checkout."""
    true = np.array([[114.3073, 34.7972]])
    assert apart_m(gcj02_from_degrees(true), np.array([[114.31314366388185, 34.796306602557415]])).max() < 1e-4
    assert apart_m(bd09_from_degrees(true), np.array([[114.31972061546807, 34.802040600158485]])).max() < 1e-4


@settings(max_examples=200, deadline=None)
@given(st.floats(73.5, 135.0), st.floats(3.5, 53.5))
def test_inverse_of_every_place_in_china_is_within_a_tenth_of_a_millimetre(lon: float, lat: float) -> None:
    true = np.array([[lon, lat]])
    for forward, back in ((gcj02_from_degrees, degrees_from_gcj02), (bd09_from_degrees, degrees_from_bd09)):
        shifted = forward(true)
        assert apart_m(back(shifted), true).max() < 1e-4
        assert 50.0 < apart_m(shifted, true).max() < 2500.0


def test_outside_the_box_nothing_moves_and_what_is_no_number_stays_none() -> None:
    abroad = np.array([[139.6917, 35.6895], [6.08, 50.78], [-70.0, -33.0]])
    assert (gcj02_from_degrees(abroad) == abroad).all()
    assert (degrees_from_gcj02(abroad) == abroad).all()
    bad = np.array([[np.nan, 34.0], [np.inf, 34.0], [114.0, -np.inf]])
    for change in (gcj02_from_degrees, degrees_from_gcj02, bd09_from_degrees, degrees_from_bd09):
        assert np.isnan(change(bad)).all()
        assert change(np.empty((0, 2))).shape == (0, 2)


def test_a_place_at_the_box_edge_that_nothing_is_shown_at_has_no_original() -> None:
    west = np.array([[72.0041, 35.0]])  # the offset there is some hundred metres east: its original would lie outside
    true = degrees_from_gcj02(west)
    assert np.isnan(true).all() or apart_m(gcj02_from_degrees(true), west).max() < CENTIMETRE


# --- the suspicion ---


def scattered(n: int = 60, seed: int = 3) -> Points:
    return np.random.default_rng(seed).uniform([114.05, 34.25], [114.95, 34.95], (n, 2))


def plots_at(middles: Points, size_m: float = 60.0) -> NDArray[np.object_]:
    half = size_m / 2.0 / np.array([91_500.0, 110_900.0])
    low, high = middles - half, middles + half
    return shapely.box(low[:, 0], low[:, 1], high[:, 0], high[:, 1])


def noise(n: int, metres: float, seed: int = 5) -> Points:
    return np.random.default_rng(seed).normal(0.0, metres, (n, 2)) / np.array([91_500.0, 110_900.0])


@pytest.mark.parametrize("is_paired", [True, False])
@pytest.mark.parametrize(("name", "shift"), [("gcj02", gcj02_from_degrees), ("bd09", bd09_from_degrees)])
def test_shifted_plots_are_suspected_with_the_right_name(name: str, shift, is_paired: bool) -> None:
    middles = scattered()
    records = plots_at(shift(middles + noise(60, 5.0)))
    found = suspect_offset(records, plots_at(middles), KAIFENG, is_paired=is_paired)
    assert found is not None
    assert found.id == name
    assert found.convertible
    assert found.used == 60
    assert found.after_m < 10.0
    assert found.before_m > 300.0
    expected = np.median((shift(middles) - middles) * [91_500.0, 110_900.0], axis=0)
    assert np.allclose([found.east_m, found.north_m], expected, atol=12.0)
    assert found.spread_m < 12.0
    assert f"{name[:-2].upper()}-{name[-2:]}" in found.reason.zh
    undone = interpretation_named(found.id).to_degrees(shift(middles))
    assert apart_m(undone, middles).max() < CENTIMETRE


@pytest.mark.parametrize("is_paired", [True, False])
def test_truthful_plots_with_noise_are_not_accused(is_paired: bool) -> None:
    middles = scattered()
    records = plots_at(middles + noise(60, 5.0))
    assert suspect_offset(records, plots_at(middles), KAIFENG, is_paired=is_paired) is None


def test_points_are_held_against_rivers() -> None:
    bends = np.linspace(114.05, 114.95, 40)
    rivers = np.array(
        [shapely.LineString(np.column_stack([bends, 34.4 + 0.1 * k + 0.02 * np.sin(40 * bends + k)])) for k in range(5)]
    )
    along = np.random.default_rng(7).uniform(0.0, 1.0, 80)
    outfalls = shapely.get_coordinates(
        shapely.line_interpolate_point(rivers[np.arange(80) % 5], along, normalized=True)
    )
    outfalls = outfalls + noise(80, 8.0)
    assert suspect_offset(shapely.points(outfalls), rivers) is None
    found = suspect_offset(shapely.points(gcj02_from_degrees(outfalls)), rivers, KAIFENG)
    assert found is not None
    assert found.id == "gcj02"


@pytest.mark.parametrize("turn", [(-1, 1), (1, -1), (-1, -1)])
def test_the_right_size_in_the_wrong_direction_is_none(turn: tuple[int, int]) -> None:
    middles = scattered()
    offset = (gcj02_from_degrees(middles) - middles) * turn
    offset += [
        0.0,
        0.003 if turn == (1, -1) else 0.0,
    ]  # the northward part is small: turned alone it is nearly the same
    assert suspect_offset(plots_at(middles + offset), plots_at(middles), is_paired=True) is None


def test_inconsistent_shifts_are_none() -> None:
    middles = scattered()
    angles = np.random.default_rng(11).uniform(0, 2 * np.pi, 60)
    offset = 0.005 * np.column_stack([np.cos(angles), np.sin(angles)])
    assert suspect_offset(plots_at(middles + offset), plots_at(middles), is_paired=True) is None


def test_far_from_rivers_is_not_shifted() -> None:
    river = np.array([shapely.LineString([(114.0, 34.3), (115.0, 34.9)])])
    assert suspect_offset(shapely.points(scattered()), river) is None


def test_a_constant_shift_of_an_old_datum_is_suspected_and_not_convertible() -> None:
    middles = scattered()
    moved = middles + np.array([115.0, -45.0]) / np.array([91_500.0, 110_900.0]) + noise(60, 2.0)
    found = suspect_offset(plots_at(moved), plots_at(middles), is_paired=True)
    assert found is not None
    assert found.id == "old-datum"
    assert not found.convertible
    assert np.allclose([found.east_m, found.north_m], [115.0, -45.0], atol=3.0)
    assert "北京54" in found.reason.zh


def test_few_missing_or_empty_records_say_nothing() -> None:
    middles = scattered(4)
    assert suspect_offset(plots_at(gcj02_from_degrees(middles)), plots_at(middles), is_paired=True) is None
    nothing = np.array([], dtype=object)
    assert suspect_offset(nothing, plots_at(middles)) is None
    assert suspect_offset(plots_at(scattered()), nothing) is None
    with pytest.raises(CrsError, match="one each"):
        suspect_offset(plots_at(middles), nothing, is_paired=True)
    middles = scattered()
    records = plots_at(gcj02_from_degrees(middles))
    records[3], records[9] = None, shapely.Polygon()
    found = suspect_offset(records, plots_at(middles), is_paired=True)
    assert found is not None
    assert found.used == 58
