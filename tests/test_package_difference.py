"""The difference against the last package: rows new, gone and changed by key, compared with what was planted."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from typing import TYPE_CHECKING

import geopandas as gpd
import numpy as np
import openpyxl
import pandas as pd
import pyproj
import pytest
import shapely
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from papers_toy import CRS, FIELDS, PLOTS, X, Y, account, plots, points, shaped, square, write_data
from shapely import MultiPolygon, Point, Polygon

from geosys.publish.papers.difference import differ
from geosys.publish.papers.difference_book import change_rows, count_rows, write_difference

if TYPE_CHECKING:
    from pathlib import Path

    from geosys.publish.papers.difference import Difference, LayerDifference

FILE = "data/toy.gpkg"


@pytest.fixture
def last(tmp_path: Path) -> Path:
    folder = tmp_path / "toy_1"
    write_data(folder, shaped())
    return folder


def of_plots(rows: gpd.GeoDataFrame, last: Path) -> LayerDifference:
    return differ(shaped(rows), last, FILE).layers[0]


def test_the_same_rows_are_no_difference_whatever_their_order_and_where_rings_begin(last: Path) -> None:
    rows = plots().iloc[[2, 0, 1]].reset_index(drop=True)
    corners = list(square(0).geoms[0].exterior.coords)[:-1]
    rows.loc[1, "geometry"] = MultiPolygon([Polygon([*corners[2:], *corners[:2]][::-1])])
    found = of_plots(rows, last)
    assert (found.new, found.gone, found.changes, found.same) == ([], [], [], 3)


def test_rows_new_gone_and_changed_in_every_type_of_field(last: Path) -> None:
    rows = plots()
    rows.loc[0, "DKMC"] = None
    rows.loc[0, "MJ"] = 1.26
    rows.loc[0, "JCS"] = 4
    rows.loc[0, "LRRQ"] = dt.date(2025, 1, 3)
    rows.loc[0, "SFYC"] = False
    rows.loc[1, "DKBM"] = "D"
    found = of_plots(rows, last)
    assert found.new == [("D",)]
    assert found.gone == [("B",)]
    assert found.changed == 1
    assert found.same == 1
    assert [(c.key, c.field, c.before, c.after) for c in found.changes] == [
        (("A",), "DKMC", "甲地块", ""), (("A",), "MJ", "1.25", "1.26"), (("A",), "JCS", "3", "4"),
        (("A",), "LRRQ", "2025-01-02", "2025-01-03"), (("A",), "SFYC", "True", "False"),
    ]  # fmt: skip


def test_a_border_that_moved_is_told_with_both_areas(last: Path) -> None:
    rows = plots()
    rows.loc[0, "geometry"] = square(0, 110)  # 100 m to 110 m a side: 10,000 and 12,100 m²
    (change,) = of_plots(rows, last).changes
    assert change.field == "geometry"
    geod = pyproj.Geod(ellps="GRS80")
    lonlat = gpd.GeoSeries([square(0), square(0, 110)], crs=CRS).to_crs(4490)
    before, after = (abs(geod.geometry_area_perimeter(shape)[0]) for shape in lonlat)
    assert change.area_before_m2 == pytest.approx(before, rel=1e-8)
    assert change.area_after_m2 == pytest.approx(after, rel=1e-8)
    assert change.moved == pytest.approx(2_100, abs=0.01)
    rows.loc[0, "geometry"] = square(5)  # as large as before, but elsewhere: 2 strips of 5 m by 100 m
    (change,) = of_plots(rows, last).changes
    assert change.area_after_m2 == pytest.approx(change.area_before_m2, rel=1e-6)
    assert change.moved == pytest.approx(1_000, abs=0.01)


def test_a_point_that_moved_is_told_with_its_way(last: Path) -> None:
    rows = points()
    rows.loc[1, "geometry"] = Point(X + 13, Y + 4)  # 3 m east, 4 m north
    (change,) = differ(shaped(None, rows), last, FILE).layers[1].changes
    assert change.moved == pytest.approx(5, abs=1e-6)
    assert change.area_before_m2 is None


def test_a_geometry_that_came_or_went_is_a_change(last: Path) -> None:
    rows = plots()
    rows.loc[0, "geometry"] = None
    (change,) = of_plots(rows, last).changes
    assert (change.field, change.before, change.after, change.moved) == ("geometry", "MultiPolygon, 5", "", None)


def test_keys_that_are_not_unique_are_told_and_not_guessed(last: Path) -> None:
    rows = plots()
    rows.loc[1, "DKBM"] = "A"
    found = of_plots(rows, last)
    assert found.ambiguous == [("A",)]
    assert (found.new, found.gone, found.changes, found.same) == ([], [("B",)], [], 1)


def test_fields_added_and_gone_are_told_and_the_rest_is_compared(last: Path) -> None:
    fields = (*FIELDS[:2], replace(FIELDS[2], name="FX"), *FIELDS[3:])
    layer = replace(shaped()[0], layer=replace(PLOTS, fields=fields), frame=plots().rename(columns={"FXDJ": "FX"}))
    (found,) = differ([layer], last, FILE).layers
    assert (found.fields_added, found.fields_gone, found.same) == (["FX"], ["FXDJ"], 3)


def test_another_crs_is_no_change_of_borders(last: Path) -> None:
    frame = plots().to_crs(4526)
    found = differ([replace(shaped()[0], frame=frame)], last, FILE).layers[0]
    assert found.changes == []
    frame.loc[0, "geometry"] = shapely.transform(
        frame.geometry[0], lambda xy: xy + np.array([0.01, 0])
    )  # a centimetre is one
    assert differ([replace(shaped()[0], frame=frame)], last, FILE).layers[0].changed == 1


def test_what_cannot_be_compared_says_why_and_counts_nothing(last: Path, tmp_path: Path) -> None:
    first = differ(shaped(), None, FILE)
    assert first.counts() == {}
    assert first.why is not None
    without = differ(shaped(), tmp_path, FILE)
    assert without.why is not None
    assert "has no data/toy.gpkg" in without.why.en
    strange = replace(shaped()[0], layer=replace(PLOTS, name="XX"))
    keyless = replace(shaped()[0], layer=replace(PLOTS, key=("ZZ",)))
    for layer, said in ((strange, "no such layer"), (keyless, "lacks ZZ")):
        found: Difference = differ([layer], last, FILE)
        assert found.counts() == {}
        assert found.layers[0].why is not None
        assert said in found.layers[0].why.en
        assert count_rows(found).loc[0, "new"] is None or pd.isna(count_rows(found).loc[0, "new"])  # never zero


def test_the_workbook_holds_every_row(last: Path, tmp_path: Path) -> None:
    rows = plots()
    rows.loc[0, "DKMC"] = "=1+1"
    rows.loc[1, "DKBM"] = "D"
    rows.loc[2, "geometry"] = square(400, 110)
    made = account(shaped=shaped(rows), difference=differ(shaped(rows), last, FILE))
    write_difference(tmp_path / "d.xlsx", made)
    again = tmp_path / "again.xlsx"
    write_difference(again, made)
    assert again.read_bytes() == (tmp_path / "d.xlsx").read_bytes()
    book = openpyxl.load_workbook(tmp_path / "d.xlsx")
    counts = list(book["汇总 Counts"].iter_rows(min_row=3, values_only=True))
    assert counts[0][1:5] == (1, 1, 2, 0)
    told = list(book["逐行 Rows"].iter_rows(min_row=3))
    assert len(told) == len(change_rows(made)) == 4
    formula = next(cell for row in told for cell in row if cell.value == "=1+1")
    assert formula.data_type == "s"
    border = next(row for row in told if row[3].value == "图形 geometry")
    assert border[8].value == pytest.approx(2_100, abs=0.01)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.tuples(st.sampled_from("ABCDEF"), st.sampled_from(["甲", "乙", None])), max_size=6, unique_by=lambda t: t[0]
    )
)
def test_counts_close_for_any_two_packages(last: Path, rows: list[tuple[str, str | None]]) -> None:
    frame = gpd.GeoDataFrame(
        {f.name: pd.Series([None] * len(rows), dtype=object) for f in FIELDS}, geometry=[square(0)] * len(rows), crs=CRS
    )
    frame["DKBM"] = pd.Series([key for key, _ in rows], dtype=object)
    frame["DKMC"] = pd.Series([name for _, name in rows], dtype=object)
    found = of_plots(frame, last)
    assert len(found.new) + found.changed + found.same == len(rows)
    assert len(found.gone) + found.changed + found.same == 3
