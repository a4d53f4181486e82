"""Soil grades: golden cases, gaps, non-detects, background, the law that more is never better, real data, plots and units."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from conftest import ROOT
from hypothesis import given, settings
from hypothesis import strategies as st

from geosys._errors import SpecError
from geosys.standards.laboratory import LaboratoryValues
from geosys.standards.soil_grades import grade_construction, grade_farmland
from geosys.standards.soil_limits import soil_limits
from geosys.standards.soil_reasons import notes_of, soil_reasons
from geosys.standards.soil_units import depth_cm, unit_grades

if TYPE_CHECKING:
    from pathlib import Path

NONE, BELOW, BETWEEN, ABOVE = range(4)
PADDY, OTHER, ORCHARD, ROTATION = 1, 2, 3, 4
NAN = float("nan")


def lab(**items: Any) -> LaboratoryValues:
    names = {
        "bap": "苯并[a]芘",
        "cr6": "铬(六价)",
        "cd": "镉",
        "as_": "砷",
        "pb": "铅",
        "cu": "铜",
        "hg": "汞",
        "co": "钴",
        "v": "钒",
        "cr": "铬",
    }
    return LaboratoryValues.from_frame(pd.DataFrame({names[k]: np.array(v, dtype=float) for k, v in items.items()}))


def undetected(item: str, limits: list[float]) -> LaboratoryValues:
    frame = pd.DataFrame({item: [NAN] * len(limits)})
    return LaboratoryValues.from_frame(frame, is_below=frame.isna(), detection_limit=pd.DataFrame({item: limits}))


# --- golden cases of the standards README, sections 3 and 4 ---


def test_golden_farmland() -> None:
    graded = grade_farmland(lab(cd=[0.45, 0.30, NAN], as_=[NAN, NAN, 26]), [6.2, 6.5, 7.8], OTHER)
    rows = graded.rows
    assert rows["grade"].tolist() == [BETWEEN, BELOW, BETWEEN]
    assert rows["deciding_item"].tolist() == ["镉", "镉", "砷"]
    assert rows["screening_mg_kg"].tolist() == [0.3, 0.3, 25]
    assert rows["control_mg_kg"].tolist() == [2.0, 2.0, 100]
    assert rows["multiple"].round(6).fillna(-1).tolist() == [0.5, -1, 0.04]
    assert (rows["items_evaluated"].tolist(), rows["items_missing"].tolist()) == ([1, 1, 1], [7, 7, 7])


def test_golden_construction() -> None:
    rows = grade_construction(lab(bap=[0.8, 0.8, NAN, NAN], pb=[NAN, NAN, 600, 600]), [1, 2, 1, 2]).rows
    assert rows["grade"].tolist() == [BETWEEN, BELOW, BETWEEN, BELOW]
    assert rows["items_missing"].tolist() == [44] * 4


def test_copper_of_orchards_and_of_other_land() -> None:
    found = grade_farmland(lab(cu=[150, 150, 150, 151]), 6.0, [ORCHARD, OTHER, PADDY, ORCHARD]).rows
    assert found["grade"].tolist() == [BELOW, BETWEEN, BETWEEN, BETWEEN]
    assert found["control_mg_kg"].isna().all(), "copper has no control value"


def test_the_worst_grade_decides_and_then_the_furthest_above_its_limit() -> None:
    # Upland, pH 7: Cd 0.3/3, Pb 120/700, As 30/120.
    values = lab(cd=[0.6, 0.33, 3.3, 0.6], pb=[130, 600, 130, 130], as_=[31, 31, 31, 240])
    rows = grade_farmland(values, 7.0, OTHER).rows
    assert rows["deciding_item"].tolist() == ["镉", "铅", "镉", "砷"]
    assert rows["multiple"].round(9).tolist() == [1.0, 4.0, 10.0, 7.0]
    assert rows["grade"].tolist() == [BETWEEN, BETWEEN, ABOVE, ABOVE]


# --- gaps ---


def test_without_ph_nothing_is_below_and_the_row_says_why() -> None:
    graded = grade_farmland(lab(cd=[0.01, 99, 0.01], bap=[0.1, 0.1, NAN]), [NAN, 15, -1], PADDY)
    assert graded.rows["grade"].tolist() == [NONE, NONE, NONE]
    assert "无pH，无法取限值：镉" in soil_reasons(graded)[0]
    assert "no pH, no limit: cadmium" in soil_reasons(graded, "en")[0]
    assert grade_farmland(lab(bap=[0.1, 0.6]), NAN, 0).rows["grade"].tolist() == [BELOW, BETWEEN], "BaP needs neither"


def test_without_land_use_only_what_is_certain_is_said() -> None:
    # Cd at pH 6: 0.4 in paddies, 0.3 elsewhere, control 2.0 everywhere; at pH 5 the limit is 0.3 for every use.
    graded = grade_farmland(lab(cd=[0.1, 0.35, 2.1, 0.31]), [6, 6, 6, 5], 0)
    assert graded.rows["grade"].tolist() == [NONE, NONE, ABOVE, BETWEEN]
    assert "用地不明" in soil_reasons(graded)[0]
    assert grade_construction(lab(pb=[1.0, 3000.0]), 0).rows["grade"].tolist() == [NONE, NONE]


def test_a_value_that_cannot_be_judged_never_makes_a_clear() -> None:
    graded = grade_farmland(lab(cd=[-1, -1, -1, NAN], pb=[1, 150, 900, 1]), 7.0, OTHER)
    assert graded.rows["grade"].tolist() == [NONE, BETWEEN, ABOVE, BELOW]
    assert graded.rows["items_unjudged"].tolist() == [1, 1, 1, 0]
    told = soil_reasons(graded)
    assert "负值：镉" in told[0]
    assert "可能更高" in told[1]
    assert told[3] == "无数据：镉"


def test_a_sample_without_any_value() -> None:
    graded = grade_farmland(lab(cd=[NAN], pb=[NAN]), 7.0, OTHER)
    assert graded.rows["grade"].tolist() == [NONE]
    assert soil_reasons(graded).tolist() == ["无数据：镉、铅；无可评价项目"]


def test_non_detects() -> None:
    graded = grade_farmland(undetected("镉", [0.3, 0.31, 5.0, NAN]), 7.0, OTHER)
    assert graded.rows["grade"].tolist() == [BELOW, NONE, NONE, NONE]
    told = soil_reasons(graded)
    assert ["检出限高于限值" in told[1], "未注明检出限" in told[3], told[0]] == [True, True, ""]
    assert graded.rows["deciding_item"].tolist() == [""] * 4, "nothing that was not found decides"


def test_total_chromium_is_no_item_of_construction_land_nor_the_other_way_round() -> None:
    with pytest.raises(SpecError, match="铬"):
        grade_construction(lab(cr=[1.0]), 1)
    with pytest.raises(SpecError, match="六价"):
        grade_farmland(lab(cr6=[1.0]), 7.0, OTHER)
    assert grade_farmland(lab(cr=[100.0]), 7.0, OTHER).rows["grade"].tolist() == [BELOW]
    assert grade_construction(lab(cr6=[100.0]), 2).rows["grade"].tolist() == [ABOVE]


def test_background_of_arsenic_cobalt_and_vanadium() -> None:
    # Category 1: As 20/120, Co 20/190, V 165/330.
    values = lab(as_=[25, 26, 130, 10], co=[1, 1, 1, 25], v=[1, 1, 1, 200])
    graded = grade_construction(values, 1, {"砷": 25.0, "钴": 30.0})
    assert graded.rows["grade"].tolist() == [BELOW, BETWEEN, ABOVE, BETWEEN]
    assert graded.rows["grade_before_exemption"].tolist() == [BETWEEN, BETWEEN, ABOVE, BETWEEN]
    assert graded.rows["deciding_item"].tolist()[3] == "钒", "what is exempt does not decide"
    assert "不超过背景值，不计超标：砷" in soil_reasons(graded)[0]
    assert grade_construction(lab(as_=[130.0]), 1, {"砷": 500.0}).rows["grade"].tolist() == [ABOVE]
    for wrong in ({"铅": 30.0}, {"砷": -1.0}, {"砷": NAN}):
        with pytest.raises(SpecError, match="background"):
            grade_construction(values, 1, wrong)


def test_wrong_calls() -> None:
    for ph, use in (([7.0, 7.0], 1), (7.0, 5), (7.0, [1, 1]), (7.0, "paddy")):
        with pytest.raises(SpecError, match="got"):
            grade_farmland(lab(cd=[1.0]), ph, use)
    with pytest.raises(SpecError, match="none"):
        grade_farmland(LaboratoryValues.from_frame(pd.DataFrame(index=[0])), 7.0, 1)
    assert {note.certainty for note in notes_of("construction")} == {"unconfirmed", "our reading"}


# --- a law ---

ITEMS = soil_limits("farmland").items
CONSTRUCTION_ITEMS = soil_limits("construction").items
amounts = st.floats(0, 5000, allow_nan=False) | st.sampled_from([0.1, 0.3, 0.6, 1.5, 30.0, 250.0, 850.0])


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_a_grade_never_improves_when_a_value_rises(data: st.DataObject) -> None:
    is_farmland = data.draw(st.booleans())
    items = ITEMS if is_farmland else CONSTRUCTION_ITEMS
    chosen = data.draw(st.lists(st.sampled_from(items), min_size=1, max_size=5, unique=True))
    before = [data.draw(amounts | st.just(NAN)) for _ in chosen]
    at = data.draw(st.integers(0, len(chosen) - 1))
    before[at] = data.draw(amounts)
    after = list(before)
    after[at] = before[at] + data.draw(amounts)
    values = LaboratoryValues.from_frame(pd.DataFrame([before, after], columns=chosen))
    if is_farmland:
        graded = grade_farmland(values, data.draw(st.floats(0, 14)), data.draw(st.integers(1, 4)))
    else:
        graded = grade_construction(
            values, data.draw(st.integers(1, 2)), data.draw(st.sampled_from([{}, {"砷": 40.0}]))
        )
    first, then = graded.rows["grade"].tolist()
    assert then >= first > NONE
    assert (graded.item_grades[1] >= graded.item_grades[0]).all()


# --- real data against an independent computation ---

METALS = {"As": "砷", "Cd": "镉", "Cr": "铬", "Cu": "铜", "Hg": "汞", "Ni": "镍", "Pb": "铅", "Zn": "锌"}


def by_hand(frame: pd.DataFrame, column: dict[str, str]) -> pd.DataFrame:
    """Grade with merges of pandas over the CSV table, apart from the code under test."""
    limits = pd.read_csv(ROOT / "geosys/standards/tables/gb15618.csv")
    limits["low"], limits["high"] = limits["ph_min_excl"].fillna(-1), limits["ph_max_incl"].fillna(99)
    long = frame.reset_index(names="row").melt(["row", "pH"], var_name="element", value_name="content").dropna()
    found = long.merge(limits, on="element")
    found = found[(found["pH"] > found["low"]) & (found["pH"] <= found["high"])]
    found = found[found.apply(lambda r: r["land_use"] in ("全部", column.get(r["element"], "其他")), axis=1)]
    wide = found.pivot_table(index=["row", "element", "content"], columns="kind", values="value").reset_index()
    wide["grade"] = 1 + (wide["content"] > wide["筛选值"]) + (wide["content"] > wide["管制值"].fillna(np.inf))
    return wide


@pytest.mark.parametrize(
    ("use", "column"),
    [(OTHER, {}), (PADDY, dict.fromkeys(("镉", "汞", "砷", "铅", "铬"), "水田")), (ORCHARD, {"铜": "果园"})],
)
def test_trondelag_equals_an_independent_computation(shared_data: Path, use: int, column: dict[str, str]) -> None:
    frame = pd.read_csv(shared_data / "soil/trondelag_topsoil.csv")[["pH", *METALS]].rename(columns=METALS)
    graded = grade_farmland(LaboratoryValues.from_frame(frame[list(METALS.values())]), frame["pH"], use)
    expected = by_hand(frame, column)
    for i, item in enumerate(graded.items):
        ours = pd.Series(graded.item_grades[:, i], frame.index)
        assert (
            ours[frame["pH"].notna()].tolist()
            == expected[expected["element"] == item].set_index("row")["grade"].tolist()
        )
    worst = expected.groupby("row")["grade"].max().reindex(frame.index, fill_value=NONE)
    assert graded.rows["grade"].tolist() == worst.tolist()
    assert len(frame) == 756
    assert (graded.rows["grade"] == NONE).sum() == frame["pH"].isna().sum() == 2
    assert set(graded.rows["grade"]) == {NONE, BELOW, BETWEEN, ABOVE}


def test_meuse_equals_an_independent_computation(shared_data: Path) -> None:
    names = {"cadmium": "镉", "copper": "铜", "lead": "铅", "zinc": "锌"}
    frame = pd.read_csv(shared_data / "soil/meuse.csv").rename(columns=names)[list(names.values())]
    frame["pH"] = np.linspace(4.5, 8.5, len(frame)).round(1)
    graded = grade_farmland(LaboratoryValues.from_frame(frame[list(names.values())]), frame["pH"], OTHER)
    expected = by_hand(frame, {}).groupby("row")["grade"].max()
    assert graded.rows["grade"].tolist() == expected.tolist()
    assert (graded.rows["items_missing"] == 4).all()


def test_many_samples_are_graded_like_single_ones() -> None:
    rng = np.random.default_rng(5)
    frame = pd.DataFrame(rng.lognormal(1, 2, (300, 5)), columns=["镉", "砷", "铅", "锌", "铜"])
    ph, uses = rng.uniform(4, 9, 300), rng.integers(1, 5, 300)
    whole = grade_farmland(LaboratoryValues.from_frame(frame), ph, uses).rows
    for row in range(0, 300, 7):
        one = grade_farmland(LaboratoryValues.from_frame(frame.iloc[[row]]), ph[row], int(uses[row])).rows
        pd.testing.assert_frame_equal(one, whole.iloc[[row]])


# --- plots and units ---


def test_a_unit_is_as_bad_as_its_worst_sample() -> None:
    graded = grade_construction(lab(pb=[500, 900, 100, 100, NAN, 100, 700], as_=[25, 1, 1, 1, NAN, 1, 1]), 1)
    depth = [20, 150, 400, 20, 20, 20, NAN]
    found = unit_grades(graded, ["P1", "P1", "P1", "P2", "P2", "P3", None], depth).set_index("unit")
    assert found["grade"].to_dict() == {"P1": ABOVE, "P2": NONE, "P3": BELOW}
    first = found.loc["P1"]
    assert (first["samples"], first["samples_above"], first["samples_between"], first["samples_below"]) == (3, 1, 1, 1)
    assert (first["deciding_item"], first["multiple"], first["deciding_sample"]) == ("铅", 1.25, 1)
    assert (first["deciding_depth_cm"], first["deepest_exceeding_cm"]) == (150, 150)
    assert first["exceeding_items"] == "砷 1/3、铅 2/3"
    assert found.loc["P2", "samples_not_assessed"] == 1
    assert found["exceeding_items"].tolist()[1:] == ["", ""]


def test_of_equal_grades_the_furthest_above_its_limit_decides_a_unit() -> None:
    # Category 1: Pb 400/800, As 20/120. Above the control value by 1.25, 3 and 2 times; between by 1.5 and 1.75 times.
    graded = grade_construction(lab(pb=[1000, 1, 1600, 600, 700], as_=[1, 360, 1, 1, 1]), 1)
    found = unit_grades(graded, ["A", "A", "A", "B", "B"])
    assert found[["deciding_sample", "deciding_item", "multiple"]].to_numpy().tolist() == [
        [1, "砷", 17.0],
        [4, "铅", 0.75],
    ]


def test_the_deepest_exceedance_is_open_where_a_depth_is() -> None:
    graded = grade_construction(lab(pb=[500, 500, 1]), 1)
    assert np.isnan(unit_grades(graded, ["A"] * 3, [20, NAN, 300])["deepest_exceeding_cm"][0])
    assert unit_grades(graded, ["A"] * 3, [20, 60, NAN])["deepest_exceeding_cm"][0] == 60
    assert unit_grades(graded, [None] * 3).empty
    with pytest.raises(SpecError, match="one a sample"):
        unit_grades(graded, ["A"])


@pytest.mark.parametrize(
    ("cell", "unit", "expected"),
    [
        ("0-20", "cm", 20),
        ("0～0.5", "m", 50),
        ("1.5m", "cm", 150),
        ("20厘米", "", 20),
        ("20-0", "cm", NAN),
        ("", "cm", NAN),
        (None, "cm", NAN),
    ],
)
def test_depths(cell: str | None, unit: str, expected: float) -> None:
    assert depth_cm(cell, unit) == pytest.approx(expected, nan_ok=True)


def test_the_tables_are_those_of_the_standards_folder(shared_data: Path) -> None:
    standards = shared_data.parent / "standards"
    for name in ("gb15618.csv", "gb36600_basic45.csv", "gb36600_other40.csv"):
        ours, theirs = (
            list(csv.reader((folder / name).read_text(encoding="utf-8-sig").splitlines()))
            for folder in (ROOT / "geosys/standards/tables", standards)
        )
        assert ours == theirs
