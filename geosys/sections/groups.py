"""The shares of rivers, basins, counties and levels in one period, each with its lists, and how they changed."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pandas as pd

from geosys._text import Text
from geosys.standards.attainment import BETWEEN, compare_classes, standings
from geosys.standards.limits import WORSE_THAN_V
from geosys.standards.trend import CHANGES
from geosys.standards.water_grades import GRADES
from geosys.standards.water_items import ITEMS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from geosys.standards.attainment import Attainment, Standing
    from geosys.standards.shares import Share

ALL = "all"
NOT_GIVEN = "未填 missing"
_NO_TEXT = Text("", "")
SHARES = {
    "good": Text("Ⅰ–Ⅲ类（优良）", "class I to III"), "fourth": Text("Ⅳ类及以上", "class IV or better"),
    "worse": Text("劣Ⅴ类", "worse than V"), "meeting": Text("达标", "meet their target"),
}  # fmt: skip


def group_table(
    found: Attainment, period: int, before: Mapping[str, int], labels: pd.Series, groups: pd.Series, *, graded: bool
) -> pd.DataFrame:
    """Return one row a group, in the order of their names, those without one last.

    Parameters
    ----------
    before
        By word the periods to compare with.
    labels, groups
        By position of the section: the name under which it is listed, and its group (missing: not given).
    graded
        Whether the method grades such groups.

    Returns
    -------
    Columns: `group`, `sections`, `class_1` to `class_6`, `without_class` (names); of each share of `SHARES` its
    numerator, denominator, percent and names (of `good` and `fourth` those that are not, where work is to be done);
    `grade_zh`, `method`, `main_pollutants`; and by word of `before` the percents then, their change and its judgement.
    """
    known = groups.astype(object).where(groups.notna(), NOT_GIVEN)
    names = sorted(set(known) - {NOT_GIVEN}, key=str) + [NOT_GIVEN] * bool((known == NOT_GIVEN).any())
    members = [labels[known == name] for name in names]
    now, then = found.at(period)["class"], {word: found.at(p)["class"] for word, p in before.items()}
    rows = []
    for name, mine, standing in zip(names, members, standings(found, period, members, graded=graded), strict=True):
        if name == NOT_GIVEN:  # no river or basin, but what nobody gave
            standing = replace(standing, grade=0, method="", why_no_grade=None)  # noqa: PLW2901
        row = {"group": str(name)} | _row(standing)
        for word, classes in then.items():
            row |= _changes(classes, now, mine, word)
        rows.append(row)
    return pd.DataFrame(rows)


def _row(standing: Standing) -> dict[str, Any]:
    why = standing.why_no_grade or _NO_TEXT
    row: dict[str, Any] = {"sections": len(standing.sections), "with_class": len(standing.good.denominator)}
    row |= {f"class_{c}": standing.classes[c - 1] for c in range(1, WORSE_THAN_V + 1)}
    for word in SHARES:
        share: Share = getattr(standing, word)
        row |= {
            f"{word}_count": len(share.numerator),
            f"{word}_of": len(share.denominator),
            f"{word}_percent": percent(share),
        }
    return row | {
        "not_good": _names(_rest(standing.good)), "not_fourth": _names(_rest(standing.fourth)), "worse_names": _names(standing.worse.numerator),
        "failing": _names(_rest(standing.meeting)), "without_class": _names(standing.good.left_out),
        "without_target_or_class": _names(standing.meeting.left_out), "grade_zh": GRADES[standing.grade].zh,
        "grade_en": GRADES[standing.grade].en, "method": standing.method,
        "main_pollutants": BETWEEN.join(ITEMS[item].zh for item in standing.main_pollutants), "reason_zh": why.zh, "reason_en": why.en,
    }  # fmt: skip


def percent(share: Share) -> float | None:
    """Return a share in percent with one decimal, None of nobody; halves are rounded away from zero, on the fraction.

    Examples
    --------
    >>> from geosys.standards.shares import share_of
    >>> percent(share_of(pd.Series([True] * 1 + [False] * 15, range(16)), "confirmed"))
    6.3
    """
    part, whole = len(share.numerator), len(share.denominator)
    return (2000 * part + whole) // (2 * whole) / 10 if whole else None


def _rest(share: Share) -> tuple[Any, ...]:
    inside = set(share.numerator)
    return tuple(name for name in share.denominator if name not in inside)


def _names(names: Any) -> str:
    return BETWEEN.join(str(name) for name in names)


def _changes(before: pd.Series, after: pd.Series, members: pd.Series, word: str) -> dict[str, Any]:
    compared = compare_classes(before, after, members)
    row: dict[str, Any] = {}
    for name, label in (("I-III", "good"), ("worse than V", "worse")):
        line = compared.loc[name]
        row |= {
            f"{label}_{word}": line["sections_before"],
            f"{label}_points_{word}": None
            if pd.isna(line["change_points"])
            else round(float(line["change_points"]), 1),
            f"{label}_change_{word}": CHANGES[line["change"]].zh,
        }
    return row | {
        f"only_before_{word}": compared["only_before"].iloc[0],
        f"only_after_{word}": compared["only_after"].iloc[0],
    }
