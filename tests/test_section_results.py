"""Results of samples as columns of their sections: what rules see, and what stays unknown."""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import replace
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely

from geosys._errors import SpecError
from geosys.cases.conditions import UNKNOWN, parse_conditions
from geosys.layers.codes import fold
from geosys.layers.intake import Layer
from geosys.layers.results_spec import RESULT_COLUMNS, item_fields, result_types, results_spec
from geosys.layers.spec import Catalogue, read_catalogue
from geosys.sections.results import result_columns, with_results
from geosys.sections.samples import samples_of, sections_of
from geosys.standards.water_items import ITEMS, item_named
from geosys.views import map_layer_of, schema_of, view_of

DAY = dt.date(2026, 4, 30)
CATALOGUE = read_catalogue()
SPEC = results_spec("water_section", CATALOGUE)
SAMPLE = CATALOGUE.layers["water_sample"]
CRS = "EPSG:4547"


def sections(*codes: str, **columns: list[Any]) -> gpd.GeoDataFrame:
    """Return sections with class III as target, other columns as given."""
    n = len(codes)
    given = {"target_class": ["III"] * n, "target_year": [2025] * n, "water_type": ["河流"] * n} | columns
    frame = gpd.GeoDataFrame(
        {"feature_id": list(codes), "section_code": list(codes)},
        geometry=[shapely.Point(i, 0) for i in range(n)],
        crs=CRS,
    )
    for name in CATALOGUE.layers["water_section"].fields:
        if name not in frame:
            frame[name] = given.get(name, [None] * n)
    return frame


def samples(*rows: tuple[str, str, dict[str, Any]]) -> pd.DataFrame:
    """Return samples from (section, day, fields), with all columns of the layer."""
    frame = pd.DataFrame(
        [{"section_code": c, "sampled_on": dt.date.fromisoformat(d), **values} for c, d, values in rows]
    )
    for name, field in SAMPLE.fields.items():
        if name not in frame:
            frame[name] = None
        if field.type == "number":
            frame[name] = frame[name].astype(float)
    frame["is_provisional"] = frame["is_provisional"].astype("boolean")
    return frame


def results(frame: Any, rows: pd.DataFrame | None, today: dt.date = DAY, **changes: Any) -> pd.DataFrame:
    return pd.DataFrame(result_columns(frame, rows, replace(SPEC, **changes), SAMPLE, today))


def one(frame: pd.DataFrame, row: int = 0) -> dict[str, Any]:
    return {k: None if pd.isna(v) else v for k, v in frame.iloc[row].items()}


# --- columns ---


def test_all_columns_of_a_section_by_hand() -> None:
    months = [("2026-01-10", 5.0), ("2026-02-10", 7.0), ("2026-03-10", 9.0), ("2026-04-10", 12.0)]
    rows = samples(*(("A", day, {"codmn_mg_l": v, "nh3n_mg_l": 0.3, "is_provisional": False}) for day, v in months))
    found = results(sections("A"), rows)
    assert list(found) == list(RESULT_COLUMNS)
    assert one(found) == {
        "month": "2026-04", "class_now": 5, "class_before": 4, "class_change": 1, "target": 3, "meets_target": False,
        "months_failing": 3, "exceeding": "高锰酸盐指数 1", "silent_days": 20, "is_suspect": False, "is_provisional": False,
        "items_evaluated": 2, "items_missing": 19, "year_class": 4, "year_meets": False,  # (5 + 7 + 9 + 12) / 4 = 8.25
    }  # fmt: skip


def test_nothing_known_is_missing_and_never_false() -> None:
    rows = samples(("B", "2026-04-10", {"codmn_mg_l": 5.0}))
    found = results(sections("A", "B"), rows)
    assert set(one(found, 0).values()) == {None}
    assert one(results(sections("A"), None)) == dict.fromkeys(RESULT_COLUMNS)
    assert one(found, 1)["is_provisional"] is None  # nobody says whether it is final
    assert one(found, 1)["class_before"] is None
    for name, (kind, _) in RESULT_COLUMNS.items():
        assert str(found[name].dtype) == {"text": "object", "integer": "Int64", "truth": "boolean"}[kind]


def test_later_samples_are_not_known_yet_and_old_ones_are_no_present_state() -> None:
    rows = samples(("A", "2026-01-10", {"codmn_mg_l": 5.0}), ("A", "2026-05-01", {"codmn_mg_l": 16.0}))
    found = one(results(sections("A"), rows))
    assert (found["month"], found["class_now"], found["silent_days"]) == ("2026-01", 3, 110)
    assert one(results(sections("A"), rows, dt.date(2026, 5, 1)))["class_now"] == 6
    stale = one(results(sections("A"), samples(("A", "2025-12-31", {"codmn_mg_l": 5.0}))))
    assert (stale["month"], stale["class_now"], stale["meets_target"], stale["silent_days"]) == (None, None, None, 120)


def test_failing_months_are_counted_in_a_row_only() -> None:
    def failing(*values: float | None) -> Any:
        rows = [("A", f"2026-{m:02}-10", {"codmn_mg_l": v}) for m, v in enumerate(values, 1) if v is not None]
        return one(results(sections("A"), samples(*rows)))["months_failing"]

    assert failing(7, 7, 7, 5) == 0
    assert failing(7, 5, 7, 7) == 2
    assert failing(7, None, 7, 7) == 2  # the month without a sample may have been good
    assert failing(7, 7, 7, None) == 3
    assert (
        one(results(sections("A", target_class=[None]), samples(("A", "2026-04-10", {"codmn_mg_l": 7.0}))))[
            "months_failing"
        ]
        is None
    )


def test_failing_months_end_where_the_target_began() -> None:
    rows = samples(*(("A", day, {"codmn_mg_l": 7.0}) for day in ("2025-12-10", "2026-01-10", "2026-02-10")))
    assert one(results(sections("A", target_year=[2026]), rows))["months_failing"] == 2
    later = one(results(sections("A", target_year=[2027]), rows))
    assert (later["target"], later["meets_target"], later["months_failing"]) == (None, None, None)
    assert later["exceeding"] == "高锰酸盐指数 0.17"  # against class III, for lack of a target


def test_suspect_values_are_not_used_and_marked() -> None:
    stuck = {"codmn_mg_l": 3.3, "nh3n_mg_l": 0.31, "tp_mg_l": 0.111}
    rows = [("A", day, stuck) for day in ("2026-02-10", "2026-03-10", "2026-04-10")]
    found = one(results(sections("A"), samples(*rows)))
    assert (found["month"], found["is_suspect"], found["silent_days"]) == ("2026-02", True, 79)
    good = one(results(sections("A"), samples(*rows, ("A", "2026-04-20", {"codmn_mg_l": 7.0}))))
    assert (good["month"], good["class_now"], good["is_suspect"]) == ("2026-04", 4, True)
    moved = [(c, d, v | {"codmn_mg_l": v["codmn_mg_l"] + i / 10}) for i, (c, d, v) in enumerate(rows)]
    assert not one(results(sections("A"), samples(*moved)))["is_suspect"]


def test_a_closed_station_is_not_used_and_maintenance_makes_provisional() -> None:
    rows = samples(
        ("A", "2026-04-10", {"codmn_mg_l": 3.0, "station_state": "停站"}),
        ("A", "2026-04-09", {"codmn_mg_l": 5.0, "station_state": "维护"}),
    )
    found = one(results(sections("A"), rows))
    assert (found["class_now"], found["is_provisional"], found["silent_days"]) == (3, True, 21)
    read = samples_of(rows, np.array(["A"]), SPEC, SAMPLE, DAY)
    assert read.left_out[["section", "item", "fault"]].to_numpy().tolist() == [[0, "", "closed"]]


def test_items_not_detected_are_limits() -> None:
    rows = samples(
        ("A", "2026-04-10", {"hg_mg_l": 0.0002, "codmn_mg_l": 1.0, "not_detected": "汞、Cd"}),
        ("B", "2026-04-10", {"hg_mg_l": 0.0002, "codmn_mg_l": 1.0}),
        ("C", "2026-04-10", {"hg_mg_l": 0.0002, "codmn_mg_l": 1.0, "not_detected": "汞和别的"}),
        ("D", "2026-04-10", {"ph": 9.5, "codmn_mg_l": 1.0, "not_detected": "pH"}),
    )
    found = results(sections("A", "B", "C", "D"), rows)
    assert found["exceeding"].iloc[:2].tolist() == [
        "汞",
        "汞 1",
    ]  # above III either way; of a limit no multiple is known
    assert one(found, 2)["class_now"] is None  # a name that nobody knows: the sample is left out, not misread
    assert one(found, 3)["items_evaluated"] == 1


def test_the_kind_of_water_is_the_sections_then_the_samples_then_assumed() -> None:
    rows = samples(
        *((c, "2026-04-10", {"tp_mg_l": 0.06, "water_type": w}) for c, w in (("A", "河流"), ("B", "湖库"), ("C", None)))
    )
    frame = sections("A", "B", "C", water_type=["湖库", None, None])
    assert results(frame, rows)["class_now"].tolist() == [4, 4, 2]
    assert sections_of(frame, SPEC, rows)[1].tolist() == [False, False, True]
    unknown = results(frame, rows, kind_if_missing=0)
    assert one(unknown, 2)["class_now"] is None


def test_several_samples_of_a_day_count_as_one() -> None:
    rows = samples(
        ("A", "2026-04-10", {"codmn_mg_l": 3.0, "sampled_at": "08:00"}), ("A", "2026-04-10", {"codmn_mg_l": 5.0, "sampled_at": "20:00"}),
        ("A", "2026-04-11", {"codmn_mg_l": 8.4}),
    )  # fmt: skip
    found = one(results(sections("A"), rows, rounding="none"))
    assert found["exceeding"] == "高锰酸盐指数 0.03"  # ((3 + 5) / 2 + 8.4) / 2 = 6.2, not 5.47


def test_a_sample_of_no_section_is_told() -> None:
    rows = samples(
        ("X", "2026-04-10", {"codmn_mg_l": 3.0}),
        ("X", "2026-04-11", {"codmn_mg_l": 3.0}),
        ("A", "2026-04-11", {"codmn_mg_l": 3.0}),
    )
    assert samples_of(rows, np.array(["A", None], dtype=object), SPEC, SAMPLE, DAY).strangers == {"X": 2}


def test_the_order_of_rows_does_not_matter() -> None:
    rng = np.random.default_rng(7)
    rows = samples(
        *(
            (c, f"2026-{m:02}-10", {"codmn_mg_l": round(rng.uniform(1, 12), 1), "nh3n_mg_l": 0.4})
            for c in "ABC"
            for m in range(1, 5)
        )
    )
    frame = sections("A", "B", "C")
    expected = results(frame, rows)
    mixed = results(frame.iloc[::-1], rows.sample(frac=1, random_state=3))
    pd.testing.assert_frame_equal(mixed.loc[expected.index], expected)


# --- layers, schemas, conditions ---


def layer(name: str, frame: Any) -> Layer:
    return Layer(CATALOGUE.layers[name], frame, frame.iloc[:0], {"deliveries": []}, "v")


def test_layers_get_their_columns_and_schemas_know_them() -> None:
    frame, rows = sections("A", "B"), samples(("A", "2026-04-10", {"codmn_mg_l": 7.0}))
    layers = with_results(
        {"water_section": layer("water_section", frame), "water_sample": layer("water_sample", rows)}, CATALOGUE, DAY
    )
    assert layers["water_section"].frame["class_now"].tolist() == [4, pd.NA]
    assert set(RESULT_COLUMNS) <= set(layers["water_section"].withheld)
    schema = schema_of(CATALOGUE.layers["water_section"], CATALOGUE)
    assert {name: schema.columns[name] for name in RESULT_COLUMNS} == {
        name: kind for name, (kind, _) in RESULT_COLUMNS.items()
    }
    assert all(schema.titles[name].zh and schema.titles[name].en for name in RESULT_COLUMNS)
    assert "class_now" in map_layer_of(layers["water_section"], CATALOGUE).columns
    assert result_types(SAMPLE, CATALOGUE) == {}
    bare = view_of(layer("water_section", frame), CATALOGUE)
    assert bare.frame["meets_target"].isna().all()


def test_a_rule_on_an_unknown_result_is_unknown() -> None:
    from geosys._faults import Faults
    from geosys.cases.conditions import evaluate

    schema = schema_of(CATALOGUE.layers["water_section"], CATALOGUE)
    faults = Faults()
    wanted = parse_conditions({"subject": {"meets_target": False}}, "test", {"subject": schema}, faults)
    assert not faults.rows
    frame = sections("A", "B").assign(**results(sections("A", "B"), samples(("A", "2026-04-10", {"codmn_mg_l": 7.0}))))
    assert evaluate(wanted, frame, "subject", DAY).tolist() == [1, UNKNOWN]


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ('samples = "water_smaple"', "Did you mean 'water_sample'"),
        ('target = "traget_class"', "Did you mean 'target_class'"),
        ('on = "sampled"', "a field of 'water_sample'"),
        ('rounding = "up"', "expected a rounding"),
        ('kind_if_missing = "pond"', "a kind of water"),
        ('items = ["pH", "zzz"]', "an item of GB 3838-2002"),
        ('graded = ["rvier"]', "Did you mean 'river'"),
        ("colour = 1", "a known key"),
        ("closed = 5", "a list of texts"),
    ],
)
def test_a_faulty_results_table_is_told(tmp_path, line: str, told: str) -> None:
    text = (CATALOGUE.root / "layers" / "water_section.toml").read_text(encoding="utf-8")
    key = line.split(" ", maxsplit=1)[0]
    head, tail = text.split("[results]")
    tail = re.sub(rf"(?m)^{key}\s*=.*$", "", tail, count=1)
    (tmp_path / "layers").mkdir()
    (tmp_path / "layers" / "water_section.toml").write_text(f"{head}[results]\n{line}\n{tail}", encoding="utf-8")
    catalogue = Catalogue(CATALOGUE.layers, CATALOGUE.codes, CATALOGUE.issue_types, tmp_path)
    with pytest.raises(SpecError, match=re.escape(told)):
        results_spec("water_section", catalogue)


# --- one table of items ---


def test_the_samples_fields_and_the_items_of_the_standard_agree() -> None:
    fields = item_fields(SAMPLE)
    assert set(fields) == set(ITEMS)
    for item, name in fields.items():
        field = SAMPLE.fields[name]
        for word in (field.title.zh, field.title.en, *field.aliases):
            assert item_named(word) == item, f"{name}: '{word}' is no name of {item} in water_items"
        known = {fold(word) for word in (field.id, field.title.zh, field.title.en, *field.aliases)}
        words = [
            w for w in (ITEMS[item].zh, ITEMS[item].en, *ITEMS[item].aliases) if "(" not in w
        ]  # brackets hold units in headers
        assert {fold(w) for w in words} <= known, f"layers/water_sample.toml [fields.{name}] lacks a name of {item}"
