"""Values as senders write them: what is read, and what is refused rather than guessed."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from geosys.layers import values

JUNE_30 = dt.date(2025, 6, 30)
NOTHING = [
    None,
    "",
    " ",
    "　",
    "-",
    "--",
    "—",
    "/",
    "无数据",
    "NULL",
    "NaN",
    "#N/A",
    "\ufeff",
    "\u200b",
    float("nan"),
    np.float64("nan"),
]
LONG = "长" * 5000


@pytest.mark.parametrize("value", NOTHING)
def test_an_empty_cell_is_empty_to_every_parser(value):
    for parse in (values.plain, values.number, values.date, values.truth, values.angle):
        assert parse(value) is None


@pytest.mark.parametrize("value", [pd.NaT, pd.NA, np.datetime64("NaT")])
def test_the_missing_values_of_pandas_are_empty(value):
    assert values.plain(value) is None
    assert values.date(value) is None
    assert values.number(value) is None


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (" ４１０２９９ ", "410299"), (3.0, "3"), (3, "3"), (np.int64(410299), "410299"), (2.5, "2.5"), (0, "0"), (False, "否"), (True, "是"),
        ("\ufeff编号", "编号"), ("A\u3000B", "A B"), ("=cmd()", "=cmd()"), (LONG, LONG), ("a\u202eb", "a\u202eb"), (-0.0, "0"),
    ],
)  # fmt: skip
def test_plain_text(value, text):
    assert values.plain(value) == text


@pytest.mark.parametrize(
    ("value", "number"),
    [
        (5, 5.0), (5.5, 5.5), ("5", 5.0), (" 5 ", 5.0), ("１２．５", 12.5), ("－５", -5.0), ("＋3", 3.0), ("1,234,567.5", 1234567.5),
        ("１，２３４．５", 1234.5), ("1e3", 1000.0), (".5", 0.5), ("5.", 5.0), ("-0.5", -0.5), ("0", 0.0), (np.int64(7), 7.0), (np.float32(0.5), 0.5),
    ],
)  # fmt: skip
def test_numbers_that_are_read(value, number):
    assert values.number(value) == number


@pytest.mark.parametrize(
    "value",
    [
        "12.3mg", "<0.05", "未检出", "约5", "5%", "0x10", "1_000", "½", "1..2", "1-2", "inf", "-inf", "1e400", float("inf"), True, False,
        "=1+1", LONG, "9" * 5000, dt.date(2025, 1, 1), [1], {"a": 1},
    ],
)  # fmt: skip
def test_what_is_no_number(value):
    assert values.number(value) is None


@pytest.mark.parametrize("value", ["12,5", "1,2,3", "1,23", "，5", "1,2345", "12 5", "114 18 36"])
def test_two_numbers_or_a_decimal_comma_are_never_joined_into_one_number(value):
    assert values.number(value) is None


def test_a_whole_number_too_long_for_a_float_is_no_number():
    assert values.number(10**400) is None


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_number_written_out_reads_back(number):
    assert values.number(repr(number)) == number


@pytest.mark.parametrize(
    "value",
    [
        JUNE_30, dt.datetime(2025, 6, 30, 23, 59, tzinfo=dt.UTC), pd.Timestamp("2025-06-30 08:00"), np.datetime64("2025-06-30"), 45838, 45838.75, "45838",
        "2025-06-30", "2025/6/30", "2025.6.30", "2025．6．30", "2025年6月30日", "2025 年 6 月 30 日", "２０２５-06-30", "20250630", 20250630,
        20250630.0, "2025-06-30 12:00:00", "2025-06-30T00:00:00Z", " 2025-06-30 ",
    ],
)  # fmt: skip
def test_dates_that_are_read(value):
    assert values.date(value) == JUNE_30


@pytest.mark.parametrize(
    "value",
    [
        "2025-02-29", "2025-13-01", "2025-00-10", "0000-00-00", "20251301", "2025年6月", "2025", "6月30日", "30/06/2025", "二〇二五年六月三十日",
        "待定", "1", 1, 19999, 80001, -5, True, LONG, "2025年6月30日前", "205-06-30",
    ],
)  # fmt: skip
def test_what_is_no_date(value):
    assert values.date(value) is None


@pytest.mark.parametrize("value", ["2025-06-30 至 2025-12-31", "2025-06-30 前", "2025-06-30 或更晚"])
def test_a_period_is_not_read_as_its_first_day(value):
    assert values.date(value) is None


def test_leap_days_and_the_edges_of_excel_serials():
    assert values.date("2024-02-29") == dt.date(2024, 2, 29)
    assert values.date(20_000) == dt.date(1954, 10, 3)
    assert values.date(80_000) == dt.date(2119, 1, 11)


@given(st.dates(min_value=dt.date(1000, 1, 1)))
def test_every_date_reads_back_in_each_spelling(day):
    assert values.date(day.isoformat()) == day
    assert values.date(f"{day.year}年{day.month}月{day.day}日") == day
    assert values.date(day.strftime("%Y%m%d")) == day


@pytest.mark.parametrize(
    "value", ["是", "有", "已", "√", "Y", "yes", "TRUE", "true", "1", "１", 1, 1.0, True, np.True_, " 是 "]
)
def test_true(value):
    assert values.truth(value) is True


@pytest.mark.parametrize("value", ["否", "无", "未", "×", "N", "no", "FALSE", "0", "０", 0, 0.0, False, np.False_])
def test_false(value):
    assert values.truth(value) is False


@pytest.mark.parametrize("value", ["部分", "已完成", "是否", 2, -1, 0.5, "是是", LONG, dt.date(2025, 1, 1)])
def test_neither_true_nor_false(value):
    assert values.truth(value) is None


@pytest.mark.parametrize(
    "value",
    [
        114.31, "114.31", "１１４．３１", "114.31°", "114.31度", "114.31°E", "114°18′36″", "114°18′36″E", "114°18'36\"", "114°18'36''",
        "114º18’36”", "114度18分36秒", "东经114度18分36秒", "E114°18′36″", "114:18:36", "114d18m36s", "114° 18′ 36″", "１１４°１８′３６″",
        "114°18.6′", "114°18′36.0″", "114°18′36",
    ],
)  # fmt: skip
def test_one_angle_in_many_spellings(value):
    assert values.angle(value) == 114.31


@pytest.mark.parametrize(
    ("value", "degrees"),
    [
        ("东经114度18分", 114.3), ("-0°30′", -0.5), ("W114°18′", -114.3), ("114°18′W", -114.3), ("西经114°18′", -114.3), ("34°48′S", -34.8),
        ("南纬34度48分", -34.8), ("北纬34°48′", 34.8), ("0", 0.0), ("114°0′0″", 114.0), ("114°00′36″", 114.01), ("-5.25", -5.25),
    ],
)  # fmt: skip
def test_angles_with_sign_or_hemisphere(value, degrees):
    assert values.angle(value) == degrees


@pytest.mark.parametrize("value", ["114°18", "114:18", "114度18"])
def test_a_second_part_without_mark_is_minutes_or_refused_but_never_seconds(value):
    assert values.angle(value) in (114.3, None)


@pytest.mark.parametrize("value", ["114 18 36", "34 46 12"])
def test_blanks_between_degrees_minutes_seconds(value):
    degrees, minutes, seconds = (int(part) for part in value.split())
    assert values.angle(value) == pytest.approx(degrees + minutes / 60 + seconds / 3600, abs=1e-12)


@pytest.mark.parametrize(
    "value",
    [
        "114°60′00″", "114°18′60″", "114°75′", "114°18.5′30″", "114.5°18′30″", "114.5°18′", "°18′36″", "114°18′36″东经E", "1140°", "东", "中国",
        "114°18′36″ 34°48′00″", "114,18,36", LONG, "114°" * 2000, True, float("inf"),
    ],
)  # fmt: skip
def test_what_is_no_angle(value):
    assert values.angle(value) is None


@given(st.integers(0, 179), st.integers(0, 59), st.integers(0, 59))
def test_degrees_minutes_seconds_read_back(degrees, minutes, seconds):
    expected = pytest.approx(degrees + minutes / 60 + seconds / 3600, abs=1e-11)
    assert values.angle(f"{degrees}°{minutes}′{seconds}″") == expected
    assert values.angle(f"{degrees}度{minutes}分{seconds}秒") == expected
    assert values.angle(f"{degrees}:{minutes:02}:{seconds:02}") == expected


@given(st.text(max_size=40))
def test_no_text_breaks_a_parser(text):
    for parse in (values.plain, values.number, values.date, values.truth, values.angle):
        parse(text)
