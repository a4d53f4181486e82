"""The risk of a plot: the decision table covers every case, facts come from hand plots, losing a fact never clears."""

from __future__ import annotations

import datetime as dt
import itertools
from typing import Any

import geopandas as gpd
import numpy as np
import pytest
import shapely
from conftest import ROOT
from hypothesis import given
from hypothesis import strategies as st

from geosys._errors import SpecError
from geosys._faults import Faults
from geosys._schema import UsableLayer
from geosys.cases.plot_life_reading import read_plot_life
from geosys.cases.plot_risk import RISKS, decide, read_plot_risk, with_stated
from geosys.cases.pollutants import judge_pollutants, names_in, read_pollutants
from geosys.layers.spec import read_catalogue
from geosys.plots.lists import read_book
from geosys.plots.receptors import around, fan
from geosys.plots.risks import plot_risks
from geosys.views import schemas_of

SCHEMAS = schemas_of(read_catalogue())
LIFE = read_plot_life(ROOT, SCHEMAS)
RISK = read_plot_risk(ROOT, SCHEMAS, LIFE.lists)
TABLE = RISK.pollutants
FACTS = list(RISK.facts)
CASES = [dict(zip(FACTS, a, strict=True)) for a in itertools.product(("yes", "no", "unknown"), repeat=len(FACTS))]
CRS = "EPSG:4547"
E0, N0 = 500_000.0, 3_850_000.0  # on the central meridian a metre of the plane is a metre on the ground


# --- the decision table ---


def plan_says(facts: dict[str, str]) -> str:
    """Say what the plan's sentence does, written a second time: sensitive and moving is high, one of the two medium, none low."""
    sensitive = "yes" in (facts["water"], facts["people"])
    moving = "yes" in (facts["mobile"], facts["volatile"])
    return RISKS[sensitive + moving]


@pytest.mark.parametrize("facts", CASES, ids=lambda f: "-".join(f.values()))
def test_every_combination_is_what_all_its_completions_agree_on(facts: dict[str, str]) -> None:
    open_facts = [name for name in FACTS if facts[name] == "unknown"]
    filled = [
        facts | dict(zip(open_facts, a, strict=True)) for a in itertools.product(("yes", "no"), repeat=len(open_facts))
    ]
    possible = {plan_says(case) for case in filled}
    told = decide(RISK, facts)
    assert told.risk == (possible.pop() if len(possible) == 1 else "cannot_judge")
    ranks = sorted(RISKS.index(plan_says(case)) for case in filled)
    assert (told.at_least, told.at_most) == (RISKS[ranks[0]], RISKS[ranks[-1]])
    assert bool(told.missing) == (told.risk == "cannot_judge")
    assert set(told.missing) <= set(open_facts)


@pytest.mark.parametrize("facts", CASES, ids=lambda f: "-".join(f.values()))
def test_one_more_yes_never_lowers_and_a_lost_fact_never_clears(facts: dict[str, str]) -> None:
    before = decide(RISK, facts)
    for name in FACTS:
        more, less = decide(RISK, facts | {name: "yes"}), decide(RISK, facts | {name: "unknown"})
        assert RISKS.index(more.at_least) >= RISKS.index(before.at_least)
        assert less.risk in (before.risk, "cannot_judge")


def test_a_table_with_a_gap_is_refused(tmp_path: Any) -> None:
    cases = tmp_path / "cases"
    cases.mkdir()
    for path in (ROOT / "cases").glob("*.csv"):
        (cases / path.name).write_bytes(path.read_bytes())
    text = (ROOT / "cases" / "plot_risk.toml").read_text(encoding="utf-8")
    text = text.replace("facts = {}", 'facts = { water = "perhaps" }').replace(
        "downstream_m = 200", "downstream_m = 100"
    )
    (cases / "plot_risk.toml").write_text(text, encoding="utf-8")
    with pytest.raises(SpecError, match=r"a row that fits every combination") as caught:
        read_plot_risk(tmp_path, SCHEMAS, LIFE.lists)
    assert "'perhaps'" in str(caught.value)
    assert "nearer is never less around" in str(caught.value)


# --- pollutants ---


def test_the_table_of_pollutants_is_sound_and_has_every_item_of_gb_36600() -> None:
    faults = Faults()
    table = read_pollutants(ROOT / "cases" / "pollutants.csv", faults)
    assert faults.rows == []
    from geosys.standards.soil_limits import soil_limits

    for standard in ("construction", "farmland"):
        assert [item for item in soil_limits(standard).items if table.named(item) is None] == []
    assert table.named("总铬").name == "铬"
    assert table.named("六价铬").name == "铬(六价)"
    assert (table.named("总铬").mobile, table.named("六价铬").mobile) == ("no", "yes")


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("苯;三氯乙烯", ["苯", "三氯乙烯"]),
        ("1,1,2-三氯乙烷,苯，1,2-二氯乙烷", ["1,1,2-三氯乙烷", "苯", "1,2-二氯乙烷"]),
        ("铅,砷、镉", ["铅", "砷", "镉"]),
        ("间,对-二甲苯;苯", ["间,对-二甲苯", "苯"]),
        ("p,p'-滴滴滴、苯", ["p,p'-滴滴滴", "苯"]),
        ("多环芳烃（苯并[a]芘、萘）", ["多环芳烃", "苯并[a]芘", "萘"]),
        ("1,3-丁二烯，苯", ["1,3-丁二烯", "苯"]),
        ("71-43-2", ["71-43-2"]),
    ],
)
def test_names_in_a_cell(text: str, names: list[str]) -> None:
    assert list(names_in(text, TABLE)) == names
    assert [n for n in names if TABLE.named(n) is None] == ([names[0]] if "丁二烯" in text else [])


@pytest.mark.parametrize(
    ("text", "mobile", "volatile", "unknown"),
    [
        ("苯", "yes", "yes", ()), ("铅、铜", "no", "no", ()), ("铬(六价)", "yes", "no", ()), ("砷（超标2.3倍）", "unknown", "no", ()),
        ("铅、某新物质", "unknown", "unknown", ("某新物质",)), ("苯、某新物质", "yes", "yes", ("某新物质",)), ("铅等", "unknown", "unknown", ("铅等",)),
        ("未超标", "no", "no", ()), (None, "unknown", "unknown", ()), (" ", "unknown", "unknown", ()), ("四氯乙烯", "yes", "yes", ()),
        ("苯并[a]芘", "no", "no", ()), ("石油烃(C10-C40)", "unknown", "unknown", ()),
    ],
)  # fmt: skip
def test_what_a_cell_amounts_to(text: str | None, mobile: str, volatile: str, unknown: tuple[str, ...]) -> None:
    told = judge_pollutants(text, TABLE, RISK.none_words)
    assert (told.mobile, told.volatile, told.unknown_names) == (mobile, volatile, unknown)


@given(
    st.lists(st.sampled_from(sorted({p.name for p in TABLE.by_name.values()})), min_size=1, max_size=6), st.randoms()
)
def test_a_list_says_the_same_in_any_order_and_one_more_pollutant_never_less(names: list[str], random: Any) -> None:
    mixed = [*names]
    random.shuffle(mixed)
    whole, other = (judge_pollutants("；".join(n), TABLE, ()) for n in (names, mixed))
    assert (whole.mobile, whole.volatile, whole.unknown_names) == (other.mobile, other.volatile, ())
    ranks = ["no", "unknown", "yes"]
    part = judge_pollutants("；".join(names[:-1]), TABLE, ()) if len(names) > 1 else None
    if part is not None:
        assert ranks.index(whole.mobile) >= ranks.index(part.mobile)
        assert ranks.index(whole.volatile) >= ranks.index(part.volatile)


def test_what_the_ledger_states_of_both_together() -> None:
    both = {"mobile": "unknown", "volatile": "no"}
    assert with_stated(both, None) == (both, False)
    assert with_stated(both, stated=False) == ({"mobile": "no", "volatile": "no"}, False)
    assert with_stated(both, stated=True) == ({"mobile": "yes", "volatile": "no"}, False)
    assert with_stated({"mobile": "no", "volatile": "no"}, stated=True) == ({"mobile": "yes", "volatile": "yes"}, True)
    assert with_stated({"mobile": "yes", "volatile": "no"}, stated=False) == ({"mobile": "yes", "volatile": "no"}, True)


# --- what lies around: plots of 100 m × 100 m, receptors at whole metres ---


def layer(name: str, rows: list[dict[str, Any]], withheld: list[dict[str, Any]] | None = None) -> UsableLayer:
    schema = SCHEMAS[name]
    names = [*schema.columns, "feature_id"]

    def frame(given_rows: list[dict[str, Any]]) -> gpd.GeoDataFrame:
        shapes = [row.pop("at", None) for row in given_rows]
        shapes = [None if s is None else shapely.transform(s, lambda xy: xy + np.array([E0, N0])) for s in shapes]
        data = {n: np.array([row.get(n) for row in given_rows], dtype=object) for n in names}
        return gpd.GeoDataFrame(data, geometry=gpd.GeoSeries(shapes, crs=CRS))

    rows = [{"feature_id": f"{name}{i}"} | row for i, row in enumerate(rows)]
    return UsableLayer(schema, frame(rows), frame([dict(row) for row in withheld or []]), "v1")


PLOT = shapely.box(0, 0, 100, 100)
FAR_AWAY = {"at": shapely.Point(90_000, 90_000), "receptor_kind": "学校"}
NO_ZONE = {"at": shapely.box(80_000, 0, 80_100, 100)}


def scene(plot: dict[str, Any], receptors: list[dict[str, Any]], *, zones: list[dict[str, Any]] | None = None, **more: Any) -> Any:  # fmt: skip
    layers = {
        "contaminated_plot": layer("contaminated_plot", [{"at": PLOT, "stage": "污染地块"} | plot]),
        "sensitive_receptor": layer("sensitive_receptor", [FAR_AWAY.copy(), *receptors], more.get("withheld")),
        "source_zone": layer("source_zone", [NO_ZONE.copy(), *(zones or [])]),
        "intake": layer("intake", [{"at": shapely.Point(90_000, 0)}]),
    }
    for name in more.get("absent", ()):
        del layers[name]
    book = read_book(layers, LIFE, dt.date(2026, 9, 30))
    return plot_risks(layers, RISK, LIFE, book.rows, more.get("flow")).iloc[0]


def home(metres: float) -> dict[str, Any]:
    return {"at": shapely.Point(100 + metres, 50), "receptor_kind": "住宅"}


def well(east: float, north: float, kind: str | None = "水井") -> dict[str, Any]:
    return {"at": shapely.Point(east, north), "receptor_kind": kind}


@pytest.mark.parametrize(
    ("items", "metres", "risk"),
    [("苯", 150, "high"), ("苯", 400, "medium"), ("铅", 150, "medium"), ("铅", 400, "low"), (None, 150, "cannot_judge"), ("砷", 150, "cannot_judge")],
)  # fmt: skip
def test_homes_and_pollutants(items: str | None, metres: float, risk: str) -> None:
    assert scene({"exceed_items": items}, [home(metres)]).risk == risk


def test_what_is_missing_is_named_with_its_range() -> None:
    told = scene({"exceed_items": "某新物质"}, [home(150)])
    assert (told.risk, told.at_least, told.at_most) == ("cannot_judge", "medium", "high")
    assert told.missing == ("mobile: unknown_item 某新物质", "volatile: unknown_item 某新物质")


def test_within_the_accuracy_nobody_knows() -> None:  # 0.5 m of the plot and 5 m of the receptor
    assert [scene({"exceed_items": "苯"}, [home(m)]).people for m in (199, 203, 206)] == ["yes", "unknown", "no"]


@pytest.mark.parametrize(
    ("flow", "north", "water"),
    [(None, 850, "unknown"), (0, 850, "yes"), (180, 850, "no"), (90, 850, "no"), (59, 850, "yes"), (180, 550, "yes"), (None, 1_120, "no"), (0, 1_120, "no")],
)  # fmt: skip
def test_a_well_beyond_500_m_counts_only_down_the_flow(flow: float | None, north: float, water: str) -> None:
    told = scene({"exceed_items": "苯", "groundwater_flow_deg": flow}, [well(50, north)])
    assert told.water == water
    assert told.risk == {"yes": "high", "no": "medium", "unknown": "cannot_judge"}[water]
    if water == "unknown":
        assert told.missing == ("water: flow_missing",)
    assert scene({"exceed_items": "苯"}, [well(50, north)], flow=flow).water == water


def test_a_receptor_without_a_kind_a_withheld_one_and_an_absent_layer_are_unknown() -> None:
    assert scene({"exceed_items": "铅"}, [well(150, 50, None)]).missing == (
        "water: kind_missing",
        "people: kind_missing",
    )
    assert scene({"exceed_items": "铅"}, [], withheld=[home(150) | {"feature_id": "x"}]).missing == (
        "people: withheld",
    )
    assert scene({"exceed_items": "铅"}, [], withheld=[home(900) | {"feature_id": "x"}]).risk == "low"
    lost = {"feature_id": "x", "receptor_kind": "学校"}
    assert scene({"exceed_items": "铅"}, [], withheld=[lost]).missing == ("people: withheld",)
    assert scene({"exceed_items": "铅"}, [], absent=["sensitive_receptor"]).missing == (
        "water: layer_absent",
        "people: layer_absent",
    )
    assert scene({"exceed_items": "苯"}, [home(10)], absent=["source_zone", "intake"]).risk == "high"


def test_a_zone_that_only_its_far_part_lies_down_the_flow_counts() -> None:
    zone = {"at": shapely.box(650, -3_000, 700, 3_000)}  # 550 m east, beside a flow to the north
    assert scene({"exceed_items": "苯", "groundwater_flow_deg": 0}, [], zones=[zone]).water == "yes"
    assert scene({"exceed_items": "苯", "groundwater_flow_deg": 270}, [], zones=[zone.copy()]).water == "no"


def test_a_removed_plot_is_not_judged() -> None:
    with pytest.raises(IndexError):
        scene({"exceed_items": "苯", "stage": "移出名录"}, [home(10)])


@given(st.floats(0, 360), st.floats(0, 360), st.floats(1, 900))
def test_the_fan_holds_what_lies_down_the_flow_and_nothing_else(flow: float, bearing: float, far: float) -> None:
    point = shapely.Point(0, 0)
    at = shapely.Point(far * np.sin(np.radians(bearing)), far * np.cos(np.radians(bearing)))
    apart = abs((bearing - flow + 180) % 360 - 180)
    inside = bool(shapely.intersects(fan(point, flow, 1_000.0, 60.0), at))
    if abs(apart - 60.0) > 1e-6:
        assert inside == (apart < 60.0)


@given(
    st.lists(st.tuples(st.integers(-1500, 1500), st.integers(-1500, 1500)), min_size=1, max_size=5),
    st.none() | st.floats(0, 360),
)
def test_one_more_receptor_never_lowers_an_answer(places: list[tuple[int, int]], flow: float | None) -> None:
    plots = gpd.GeoDataFrame(geometry=[shapely.transform(PLOT, lambda xy: xy + np.array([E0, N0]))], crs=CRS)
    wells = RISK.receptors[2]
    ranks = ["no", "unknown", "yes"]
    flows = np.array([np.nan if flow is None else flow])
    told = []
    for count in (len(places) - 1, len(places)):
        there = layer("sensitive_receptor", [FAR_AWAY.copy(), *(well(*at) for at in places[:count])])
        told.append(around(plots, flows, wells, there, near_m=5.5, half_angle_deg=60.0).answers(1)[0][0])
    assert ranks.index(told[1]) >= ranks.index(told[0])
