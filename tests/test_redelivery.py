"""Re-deliveries and scorecards: nothing is called mended that only vanished, moved a row, or could not be looked at."""

from __future__ import annotations

import datetime as dt
import io
import math
from collections import Counter

import geopandas as gpd
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from intake_toy import CRS, point, square, taken, text_file

from geosys._errors import CrsError, SpecError
from geosys.content import content_root
from geosys.layers.issue_table import COLUMNS
from geosys.layers.redelivery import compare_deliveries, count_states
from geosys.layers.scorecard import SCORE_COLUMNS, load_grades, scorecard, scorecard_csv
from geosys.layers.spec import read_catalogue

GRADES = content_root() / "layers" / "scorecard.csv"


def issues(*rows):
    """Return an issue table of rows (feature, kind, field, value, row, geometry)."""
    made = []
    for number, (feature, kind, field, value, row, shape) in enumerate(rows):
        told = dict.fromkeys(COLUMNS, "") | {
            "issue_id": f"{feature}{kind}{field}{value}{number}", "layer": "plot", "source_file": "a.csv", "source_row": row,
            "feature_id": feature, "issue_type": kind, "field": field, "value": value, "severity": "error", "responsibility": "sender",
        }  # fmt: skip
        made.append({**told, "geometry": shape})
    return gpd.GeoDataFrame(pd.DataFrame(made, columns=[*COLUMNS, "geometry"]), geometry="geometry", crs=CRS)


def features(*names, shapes=None):
    shapes = shapes or [point(i * 100, 0) for i in range(len(names))]
    return gpd.GeoDataFrame({"layer": ["plot"] * len(names), "feature_id": list(names)}, geometry=shapes, crs=CRS)


def states(made):
    return dict(zip(made["before_id"].where(made["before_id"] != "", made["after_id"]), made["state"], strict=True))


def test_an_inserted_row_changes_nothing():
    before = issues(("A", "bad", "f", "x", 1, None), ("B", "bad", "f", "y", 2, None))
    after = issues(("A", "bad", "f", "x", 2, None), ("B", "bad", "f", "y", 3, None))
    made = compare_deliveries(before, after, features("N", "A", "B"))
    assert list(made["state"]) == ["still_there", "still_there"]
    assert list(made["source_row"]) == [2, 3]  # where it stands now
    assert list(made["matched_by"]) == ["feature", "feature"]


def test_mended_gone_new_and_still_there_are_kept_apart():
    before = issues(("A", "bad", "f", "x", 1, None), ("B", "bad", "f", "y", 2, None), ("C", "bad", "f", "z", 3, None))
    after = issues(("A", "bad", "f", "another wrong value", 1, None), ("D", "bad", "f", "y", 2, None))
    made = compare_deliveries(before, after, features("A", "B", "D"))
    assert [(row.state, row.feature_id) for row in made.itertuples()] == [
        ("still_there", "A"),
        ("new", "D"),
        ("mended", "B"),
        ("gone", "C"),
    ]  # fmt: skip  B was mended; D has B's old value, but is another feature
    assert count_states(made) == {"before": 3, "still_there": 1, "new": 1, "mended": 1, "gone": 1, "not_assessed": 0}


def test_another_field_or_kind_is_another_issue():
    before = issues(("A", "bad", "f", "x", 1, None))
    after = issues(("A", "bad", "g", "x", 1, None), ("A", "worse", "f", "x", 1, None))
    assert Counter(compare_deliveries(before, after, features("A"))["state"]) == {"new": 2, "mended": 1}


def test_two_issues_of_one_feature_are_matched_by_value_first():
    before = issues(("A", "overlap", "", "1", 1, None), ("A", "overlap", "", "2", 1, None))
    after = issues(("A", "overlap", "", "2", 1, None))
    made = compare_deliveries(before, after, features("A"))
    assert {row.value: row.state for row in made.itertuples()} == {"2": "still_there", "1": "mended"}


def test_a_nameless_feature_is_known_by_its_value_or_place():
    here, near, far = point(0, 0), point(0.5, 0), point(5, 0)
    before = issues(
        ("~1", "bad", "f", "x", 1, None), ("~2", "bad", "g", "q", 2, here), ("~3", "bad", "h", "q", 3, here)
    )
    after = issues(("~8", "bad", "f", "x", 7, None), ("~9", "bad", "g", "r", 8, near), ("~7", "bad", "h", "r", 9, far))
    made = compare_deliveries(before, after, features("~7", "~8", "~9", shapes=[far, point(900, 0), near]))
    by = {row.field: (row.state, row.matched_by) for row in made[made["state"] != "new"].itertuples()}
    assert by["f"] == ("still_there", "value")
    assert by["g"] == ("still_there", "place")
    assert by["h"][0] == "mended"  # a feature stands there again, the issue does not


def test_a_mended_key_is_not_a_vanished_feature():
    place = point(0, 0)
    before = issues(("~1", "missing_key", "code", "", 1, place))
    assert list(compare_deliveries(before, issues(), features("A1", shapes=[place]))["state"]) == ["mended"]
    assert list(compare_deliveries(before, issues(), features("A1", shapes=[point(50, 0)]))["state"]) == ["gone"]


def test_what_could_not_be_looked_at_is_not_mended():
    before = issues(("A", "bad", "f", "x", 1, None), ("A", "overlap", "", "5", 1, square(0, 0)))
    assert set(compare_deliveries(before, issues(), features())["state"]) == {"not_assessed"}
    made = compare_deliveries(before, issues(), features("A", shapes=[None]))
    assert {row.issue_type: row.state for row in made.itertuples()} == {"bad": "mended", "overlap": "not_assessed"}


def test_an_issue_of_a_whole_table_is_matched_whatever_its_value():
    before = issues(("", "no_crs", "", "114", pd.NA, None), ("", "name_cut", "f", "q", pd.NA, None))
    after = issues(("", "no_crs", "", "115", pd.NA, None))
    made = compare_deliveries(before, after, features("A"))
    assert {row.issue_type: (row.state, row.matched_by) for row in made.itertuples()} == {
        "no_crs": ("still_there", "table"), "name_cut": ("mended", ""),
    }  # fmt: skip


def test_frames_that_cannot_be_compared_raise():
    with pytest.raises(CrsError, match="one projected CRS"):
        compare_deliveries(issues(("A", "b", "f", "x", 1, None)).to_crs(4490), issues(), features("A"))
    with pytest.raises(SpecError, match="feature_id"):
        compare_deliveries(issues(), issues(), features("A").drop(columns="feature_id"))


rows = st.lists(
    st.tuples(
        st.sampled_from(["A", "B", "~1", ""]), st.sampled_from(["k", "l"]), st.sampled_from(["f", "g"]),
        st.sampled_from(["", "1", "2"]), st.sampled_from([1, pd.NA]), st.sampled_from([None, point(0, 0), point(9, 0)]),
    ),
    max_size=8,
)  # fmt: skip


@settings(deadline=None, max_examples=60)
@given(rows, rows)
def test_every_issue_has_exactly_one_fate(old, new):
    made = compare_deliveries(issues(*old), issues(*new), features("A", "~1"))
    n = count_states(made)
    assert n["before"] == len(old)
    assert n["still_there"] + n["new"] == len(new)
    assert sorted(made.loc[made["before_id"] != "", "before_id"]) == sorted(issues(*old)["issue_id"])
    assert sorted(made.loc[made["after_id"] != "", "after_id"]) == sorted(issues(*new)["issue_id"])


@settings(deadline=None, max_examples=30)
@given(rows)
def test_the_same_delivery_again_mends_nothing(same):
    made = compare_deliveries(issues(*same), issues(*same), features("A", "~1"))
    assert set(made["state"]) <= {"still_there"}


def test_a_real_redelivery(tmp_path):
    catalogue = read_catalogue()
    head = "排污口编码,名称,经度,纬度,日排放量"
    first = text_file(
        tmp_path / "a.csv", head, "A1,甲,114.0,34.78,很多", "A2,乙,114.001,34.781,不详", "A3,丙,114.002,34.782,未知"
    )
    second = text_file(
        tmp_path / "b.csv",
        head,
        "A0,新,114.003,34.783,5",
        "A1,甲,114.0,34.78,12",
        "A2,乙,114.001,34.781,不详",
        "A4,丁,114.004,34.784,少",
    )
    _, before = taken(catalogue, "outfall", first)
    layer, after = taken(catalogue, "outfall", second)
    delivered = layer.frame[["feature_id", "geometry"]].assign(layer="outfall")
    made = compare_deliveries(before, after, delivered)
    assert {row.feature_id: row.state for row in made.itertuples()} == {
        "A1": "mended", "A2": "still_there", "A3": "gone", "A4": "new",
    }  # fmt: skip


# --- scorecard -------------------------------------------------------------------------------------------------------


def deliveries(**other):
    table = {
        "sender": ["县局", "县局", "乡镇", "空"], "layer": ["plot"] * 4, "source_file": ["a.csv", "b.csv", "c.csv", "d.csv"],
        "delivered_on": [dt.date(2026, 3, 1), dt.date(2026, 6, 1), None, None], "rows": [150, 50, 10, 0], "rows_withheld": [1, 1, 5, 0],
    }  # fmt: skip
    return pd.DataFrame({**table, **other})


def test_a_scorecard_counts_what_its_sender_must_mend():
    found = issues(*[("A", "k", "f", "x", i, None) for i in range(6)])
    found["severity"] = ["critical", "error", "warning", "warning", "error", "error"]
    found["source_file"] = ["a.csv", "b.csv", "a.csv", "a.csv", "c.csv", "a.csv"]
    found["responsibility"] = ["sender"] * 5 + ["office"]
    made = scorecard(found, deliveries(), load_grades(GRADES)).set_index("sender")
    county = made.loc["县局"]
    assert (county["deliveries"], county["rows"], county["rows_withheld"]) == (2, 200, 2)
    assert county["withheld_share"] == pytest.approx(0.01)
    assert [county[f"{s}_per_100_rows"] for s in ("critical", "error", "warning", "notice")] == [0.5, 0.5, 1.0, 0.0]
    assert county["last_delivery"] == dt.date(2026, 6, 1)
    assert math.isnan(county["mended_share"])
    assert (county["grade"], county["certainty"]) == ("B", "our_reading")  # 1 % withheld, 1 error in 100: not A, B
    assert made.loc["乡镇", "grade"] == "D"  # half withheld
    assert (made.loc["空", "grade"], made.loc["空", "grade_zh"]) == ("", "无法评定")
    assert math.isnan(made.loc["空", "withheld_share"])


def test_mending_little_lowers_the_grade_and_what_is_gone_does_not_count():
    comparison = issues(*[("A", "k", "f", "x", i, None) for i in range(7)]).assign(
        state=["mended"] * 2 + ["still_there"] * 2 + ["gone", "new", "not_assessed"], source_file="a.csv"
    )
    made = scorecard(issues(), deliveries(rows_withheld=0), load_grades(GRADES), comparison).set_index("sender")
    assert made.loc["县局", "mended_share"] == pytest.approx(0.5)
    assert made.loc["县局", "grade"] == "C"  # without a fault in 200 rows it would be A
    assert made.loc["乡镇", "grade"] == "A"


def test_a_scorecard_as_csv_opens_in_excel():
    made = scorecard(issues(), deliveries(sender=["=1+1"] * 4), load_grades(GRADES))
    data = scorecard_csv(made)
    assert data.startswith(b"\xef\xbb\xbf")
    back = pd.read_csv(io.BytesIO(data), encoding="utf-8-sig")
    assert list(back.columns) == SCORE_COLUMNS
    assert back["sender"].tolist() == ["'=1+1"]
    assert back["rows"].tolist() == [210]


def test_one_file_has_one_sender():
    with pytest.raises(SpecError, match="several senders"):
        scorecard(issues(), deliveries(source_file="a.csv"), load_grades(GRADES))
    with pytest.raises(SpecError, match="rows_withheld"):
        scorecard(issues(), deliveries().drop(columns="rows_withheld"), load_grades(GRADES))


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [("0.005", "x", "a number"), ("D,差,Poor,,,,", "D,差,Poor,1,,,", "last grade"), ("0.005", "0.5", "laxer"), ("B,较好,Fair,0.02,2,15,0.7,our_reading", "B,较好,Fair,0.02,2,15,0.7,sure", "certainty")],
)  # fmt: skip
def test_a_faulty_rule_of_grades_is_named(tmp_path, old, new, said):
    text = GRADES.read_text("utf-8")
    assert old in text
    (tmp_path / "scorecard.csv").write_text(text.replace(old, new, 1), "utf-8")
    with pytest.raises(SpecError, match=said):
        load_grades(tmp_path / "scorecard.csv")
