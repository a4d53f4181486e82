"""Soil limits: every number of the tables on, just below and just above; names, units and words of land use."""

from __future__ import annotations

import csv
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
from conftest import ROOT

from geosys._errors import SpecError
from geosys.standards.laboratory import LaboratoryValues
from geosys.standards.soil_grades import grade_construction, grade_farmland
from geosys.standards.soil_items import column_of, is_other_content, item_named, soil_items
from geosys.standards.soil_limits import land_uses, ph_bands, soil_limits

TABLES = ROOT / "geosys/standards/tables"
PADDY, OTHER, ORCHARD, ROTATION = 1, 2, 3, 4
BANDS = {"": 4.8, "5.5": 6.0, "6.5": 7.0, "7.5": 8.2}  # by the lower end of the band, a pH inside it


def rows_of(name: str) -> list[dict[str, str]]:
    with (TABLES / name).open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


FARMLAND = rows_of("gb15618.csv")
CONSTRUCTION = [*rows_of("gb36600_basic45.csv"), *rows_of("gb36600_other40.csv")]


def numbers(item: str, values: list[float]) -> LaboratoryValues:
    return LaboratoryValues.from_frame(pd.DataFrame({item: np.array(values, dtype=float)}))


def around(limit: str) -> list[float]:
    """Return the limit, the numbers next to it, and decimals just below and above."""
    step = Decimal(limit) / 10**9
    on = float(limit)
    return [
        float(Decimal(limit) - step),
        np.nextafter(on, 0),
        on,
        np.nextafter(on, np.inf),
        float(Decimal(limit) + step),
    ]


def uses_of(row: dict[str, str]) -> list[int]:
    """Return the uses that a person reading the table would judge by this row."""
    has = {r["land_use"] for r in FARMLAND if r["element"] == row["element"] and r["kind"] == row["kind"]}
    return {
        "水田": [PADDY],
        "果园": [ORCHARD],
        "全部": [PADDY, OTHER, ORCHARD, ROTATION],
        "其他": [OTHER] + ([PADDY] if "水田" not in has else []) + ([ORCHARD] if "果园" not in has else []),
    }[row["land_use"]]


@pytest.mark.parametrize(
    "row", FARMLAND, ids=lambda r: f"{r['element']}-{r['kind']}-{r['land_use']}-{r['ph_min_excl']}"
)
def test_every_farmland_limit_on_below_and_above(row: dict[str, str]) -> None:
    ph = BANDS[row["ph_min_excl"]]
    reached = 2 if row["kind"] == "筛选值" else 3
    for use in uses_of(row):
        graded = grade_farmland(numbers(row["element"], around(row["value"])), ph, use)
        found = graded.rows["grade"].to_numpy()
        assert (found[:3] < reached).all(), "on the limit is not above it"
        assert (found[3:] == reached).all()


def test_rotation_takes_the_stricter_of_paddy_and_other() -> None:
    limits = soil_limits("farmland")
    stricter = np.minimum(limits.screening[:, PADDY, 1:], limits.screening[:, OTHER, 1:])
    assert (limits.screening[:, ROTATION, 1:] == stricter).all()
    cadmium, mercury = (limits.screening[limits.items.index(i), ROTATION, 1:].tolist() for i in ("镉", "汞"))
    assert (cadmium, mercury) == ([0.3, 0.3, 0.3, 0.6], [0.5, 0.5, 0.6, 1.0])


@pytest.mark.parametrize("category", [1, 2])
@pytest.mark.parametrize("row", CONSTRUCTION, ids=lambda r: r["item"])
def test_every_construction_limit_on_below_and_above(row: dict[str, str], category: int) -> None:
    screening, control = row[f"screening_cat{category}"], row[f"control_cat{category}"]
    found = grade_construction(numbers(row["item"], around(screening)), category).rows["grade"].tolist()
    over = 3 if Decimal(screening) == Decimal(control) else 2
    assert found == [1, 1, 1, over, over]
    found = grade_construction(numbers(row["item"], around(control)), category).rows["grade"].tolist()
    under = 1 if over == 3 else 2
    assert found == [under, under, under, 3, 3]


def test_counts_of_items() -> None:
    farmland, construction = soil_limits("farmland"), soil_limits("construction")
    assert (len(farmland.items), int(farmland.is_basic.sum())) == (11, 8)
    assert (len(construction.items), int(construction.is_basic.sum())) == (85, 45)
    assert int(np.isfinite(farmland.control[:, 1, 1]).sum()) == 5
    assert set(construction.certainty) == {"partly confirmed", "second-hand"}
    with pytest.raises(SpecError, match="Did you mean 'farmland'"):
        soil_limits("farmlnd")


def test_ends_of_the_ph_bands_belong_to_the_lower_band() -> None:
    ph = [0, 5.5, np.nextafter(5.5, 9), 6.5, np.nextafter(6.5, 9), 7.5, np.nextafter(7.5, 9), 14, 14.01, -0.1, np.nan]
    assert ph_bands(ph).tolist() == [1, 1, 2, 2, 3, 3, 4, 4, 0, 0, 0]
    found = grade_farmland(numbers("镍", [65.0] * 3), [5.5, 5.51, 6.5], OTHER).rows["grade"]
    assert found.tolist() == [2, 1, 1]


# --- names and units ---


@pytest.mark.parametrize(
    ("header", "item", "factor"),
    [
        ("镉(mg/kg)", "镉", 1.0), ("Cd（μg/kg）", "镉", 1e-3), ("cd_mg_kg", "镉", 1.0), ("总镉 mg/kg", "镉", 1.0), ("镉›mg/kg", "镉", 1.0),
        ("镉含量（ng/g）", "镉", 1e-3), ("镉", "镉", None), ("镉(mg/L)", "镉", None), ("镉(%)", "镉", None), ("Hg[mg·kg⁻¹]", "汞", 1.0),
        ("铬(总量)(mg/kg)", "铬", 1.0), ("总铬(mg/kg)", "铬", 1.0), ("苯并（a）芘（mg/kg）", "苯并[a]芘", 1.0), ("DDT(mg/kg)", "滴滴涕总量", 1.0),
        ("pH", "ph", 1.0), ("土壤pH值(无量纲)", "ph", 1.0), ("金属元素›砷（以干重计，mg/kg）", "砷", 1.0), ("砷(HJ 680-2013)(mg/kg)", "砷", 1.0),
    ],
)  # fmt: skip
def test_headers_of_farmland(header: str, item: str, factor: float | None) -> None:
    found = column_of(header, "farmland")
    assert found is not None
    assert (found.item, found.factor) == (item, factor)


@pytest.mark.parametrize(
    ("header", "item"),
    [
        ("1,1-二氯乙烷（μg/kg）", "1,1-二氯乙烷"), ("顺式-1,2-二氯乙烯 μg/kg", "顺-1,2-二氯乙烯"), ("间、对-二甲苯(μg/kg)", "间二甲苯+对二甲苯"),
        ("茚并(1,2,3-c,d)芘(ug/kg)", "茚并[1,2,3-cd]芘"), ("䓛(ug/kg)", "䓛"), ("屈(ug/kg)", "䓛"), ("三氯甲烷(ug/kg)", "氯仿"),
        ("p,p′-滴滴伊(ug/kg)", "p,p'-滴滴伊"), ("3,3',4,4',5-五氯联苯（PCB126）(ug/kg)", "3,3',4,4',5-五氯联苯(PCB126)"),
        ("石油烃（C10～C40）(ug/kg)", "石油烃(C10-C40)"), ("六价铬(ug/kg)", "铬(六价)"), ("铬（六价）（ug/kg）", "铬(六价)"), ("Cr6+ (ug/kg)", "铬(六价)"),
        ("二苯并[a,h]蒽(ug/kg)", "二苯并[a,h]蒽"), ("2-氯苯酚(ug/kg)", "2-氯酚"), ("林丹(ug/kg)", "γ-六六六"),
    ],
)  # fmt: skip
def test_headers_of_construction_land(header: str, item: str) -> None:
    found = column_of(header, "construction")
    assert found is not None
    assert (found.item, found.factor) == (item, 1e-3)


def test_every_name_of_every_item_finds_it_again() -> None:
    for standard in ("farmland", "construction"):
        for item in soil_items(standard).values():
            for name in (item.name, item.en, f"{item.id}", *item.aliases):
                assert item_named(name, standard) == item.name
                found = column_of(f"{name}(mg/kg)", standard)
                assert found is not None, name
                assert (found.item, found.factor) == (item.name, 1.0)
        ids = [item.id for item in soil_items(standard).values()]
        assert len(set(ids)) == len(ids)


@pytest.mark.parametrize(
    "header", ["总铬(mg/kg)", "铬(mg/kg)", "Cr(mg/kg)", "cr_mg_kg", "铬(三价)(mg/kg)", "Cr3+(mg/kg)"]
)
def test_total_chromium_is_no_hexavalent_chromium(header: str) -> None:
    assert column_of(header, "construction") is None
    assert is_other_content(header, "construction")
    with pytest.raises(SpecError, match="got"):
        item_named("总铬", "construction")


@pytest.mark.parametrize(
    "header", ["六价铬(mg/kg)", "铬(六价)(mg/kg)", "Cr(VI)(mg/kg)", "Cr6+ mg/kg", "铬（六价，mg/kg）"]
)
def test_hexavalent_chromium_is_no_total_chromium(header: str) -> None:
    assert column_of(header, "farmland") is None
    assert is_other_content(header, "farmland")


@pytest.mark.parametrize(
    "header",
    [
        "镉(有效态)(mg/kg)",
        "有效态镉(mg/kg)",
        "镉（有效态，mg/kg）",
        "可交换态镉 mg/kg",
        "pH(KCl)",
        "石油烃(C6-C9)(mg/kg)",
    ],
)
def test_another_quantity_of_the_same_name_is_none(header: str) -> None:
    assert column_of(header, "farmland") is None
    assert column_of(header, "construction") is None


def test_words_of_land_use_are_each_of_one_use() -> None:
    for standard in ("farmland", "construction"):
        words = [word.casefold() for use in land_uses(standard).values() for word in {w.casefold() for w in use.words}]
        assert len(words) == len(set(words))
    assert land_uses("construction")["undetermined"].place == 1
    assert land_uses("farmland")["rotation"].certainty == "unconfirmed"
