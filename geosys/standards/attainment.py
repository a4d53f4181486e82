"""Attainment: the class of each section and period, held against its own target, and the shares of rivers and counties."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from geosys._errors import SpecError
from geosys._text import Text
from geosys.standards.certainty import Note
from geosys.standards.exceedance import exceedance, main_pollutants
from geosys.standards.limits import CLASSES, WORSE_THAN_V
from geosys.standards.period_values import UNKNOWN, YES
from geosys.standards.rounding import DISPLAYED
from geosys.standards.shares import share_of
from geosys.standards.surface_water import DECIDING, REFERENCE_CLASS, grade_surface_water
from geosys.standards.trend import compare_periods
from geosys.standards.water_grades import LEAST_SECTIONS, grade_by_shares, mean_of_item, river_pollutants, section_grade
from geosys.standards.water_items import ITEMS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from geosys.standards.period_values import PeriodValues
    from geosys.standards.shares import Share
    from geosys.standards.surface_water import Grading

GOOD, FOURTH = REFERENCE_CLASS, 4
BETWEEN = "、"
NOTES = (
    Note(
        Text(
            "日均值→月均值→年均值，各期以项目均值定类",
            "means of the day, of the month's days, of the year's months; the class is that of the means",
        ),
        "our reading",
    ),
    Note(Text("pH 均值按氢离子浓度计算", "pH is averaged through [H+]"), "second-hand"),
    Note(
        Text(
            "未检出以检出限的一半参与平均；全为未检出时以检出限均值判定",
            "non-detects count half their limit; where all are, the mean limit is judged",
        ),
        "unconfirmed",
    ),
    Note(
        Text(
            "目标自目标年份起适用；未注明年份的一直适用", "a target holds from its year on; one without a year always"
        ),
        "our reading",
    ),
    Note(
        Text("超标倍数以目标类别限值计，无目标的以Ⅲ类计", "multiples refer to the target's limit, else to class III"),
        "our reading",
    ),
    Note(
        Text(
            "卡滞、突变、零值判为存疑，不参与统计，逐条列出",
            "values that repeat, jump or are zero are left out and listed",
        ),
        "our reading",
    ),
)
_LEAST_SHOWN = 0.005  # two decimals of a multiple


@dataclass(frozen=True, slots=True)
class Sections:
    """Hold what of n sections is needed to judge them: kind of water (0 unknown), target 1 to 5 (0 none), its year (0 none)."""

    kind: NDArray[np.int8]
    target: NDArray[np.int64]
    target_year: NDArray[np.int64]

    def __post_init__(self) -> None:
        sizes = {len(self.kind), len(self.target), len(self.target_year)}
        if len(sizes) > 1 or ((self.target < 0) | (self.target > len(CLASSES))).any():
            raise SpecError(
                f"sections: got lengths {sorted(sizes)} or a target outside 0 to 5, expected 0 for no target."
            )

    def targets_in(self, section: NDArray[np.int64], year: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the target of each section in a year: 0 where it has none, or one that holds from a later year on only."""
        since = self.target_year[section]
        held: NDArray[np.int64] = np.where((since > 0) & (year < since), 0, self.target[section])
        return held


@dataclass(frozen=True, slots=True)
class Attainment:
    """Hold classes by section and period.

    Attributes
    ----------
    rows
        Columns `section`, `period` (as `PeriodValues` numbers them), `class` (1 to 6), `target`, `meets`, `exceeding`,
        `main_pollutants`, `items_evaluated`, `items_missing`, `samples`, `parts`, `provisional`; missing where unknown.
    means
        What was graded, row by row.
    kind
        Kind of water of each row.
    grading
        The classes of all items, with rounding and the items that may decide.
    """

    rows: pd.DataFrame
    means: PeriodValues
    kind: NDArray[np.int8]
    grading: Grading

    def at(self, period: int) -> pd.DataFrame:
        """Return the rows of one period, by section."""
        return self.rows[self.rows["period"] == period].set_index("section")


def judge(
    values: PeriodValues, sections: Sections, *, rounding: str = DISPLAYED, items: Sequence[str] | None = None
) -> Attainment:
    """Return the class of every section and period, and whether it meets the target that held then.

    Parameters
    ----------
    values
        Means, of `values_by`.
    sections
        By position, as `values.section` counts them.
    rounding, items
        As `grade_surface_water` takes them.

    Examples
    --------
    >>> from geosys.standards.period_values import Samples, values_by
    >>> day = np.array(["2026-01-05"], "datetime64[D]")
    >>> one = Samples(np.zeros(1, int), day, np.full(1, np.nan), {"nh3n": np.array([1.6])}, {}, np.zeros(1, np.int8))
    >>> river = Sections(np.ones(1, np.int8), np.array([3]), np.array([2025]))
    >>> judge(values_by(one, "month"), river).rows[["class", "target", "meets", "exceeding"]].to_numpy().tolist()
    [[5, 3, False, '氨氮 0.6']]
    """
    kind = sections.kind[values.section]
    numbers: dict[str, Any] = dict(values.numbers) or {"ph": np.full(len(values.section), np.nan)}
    graded = grade_surface_water(numbers, kind, rounding=rounding, items=items, below=values.below)
    target = sections.targets_in(values.section, values.year)
    known = graded.section_class > 0
    section_class = graded.section_class.astype(np.int64)
    rows = pd.DataFrame(
        {
            "section": values.section,
            "period": values.period,
            "class": pd.Series(section_class, dtype="Int64").mask(~known),
            "target": pd.Series(target, dtype="Int64").mask(target == 0),
            "meets": pd.Series(section_class <= target, dtype="boolean").mask(~known | (target == 0)),
            "exceeding": exceeding_texts(values, kind, graded, np.where(target > 0, target, REFERENCE_CLASS)),
            "main_pollutants": _main(values, kind, graded),
            "items_evaluated": pd.Series(graded.evaluated, dtype="Int64"),
            "items_missing": pd.Series(graded.missing, dtype="Int64"),
            "samples": values.samples,
            "parts": values.parts,
            "provisional": pd.Series(values.provisional == YES, dtype="boolean").mask(values.provisional == UNKNOWN),
        }
    )
    return Attainment(rows, values, kind, graded)


def _times(
    values: PeriodValues, kind: NDArray[np.int8], graded: Grading, reference: Any
) -> tuple[list[str], NDArray[np.float64], NDArray[np.uint8]]:
    """Return the items that may decide, their multiples and classes; a detection limit has no multiple."""
    items = [item for item in graded.items if item in graded.deciding]
    size = len(values.section)
    times, classes = np.full((len(items), size), np.nan), np.zeros((len(items), size), dtype=np.uint8)
    for i, item in enumerate(items):
        found = exceedance(values.numbers[item], item, kind, reference, graded.rounding) if size else times[i]
        times[i] = np.where(values.below[item], np.nan, found) if item in values.below else found
        classes[i] = graded.class_of(item)
    return items, times, classes


def exceeding_texts(
    values: PeriodValues, kind: NDArray[np.int8], graded: Grading, reference: NDArray[np.int64]
) -> pd.Series:
    """Return for each row the items worse than a class, with their multiples: ``氨氮 0.6、溶解氧``; missing without a class."""
    items, times, classes = _times(values, kind, graded, reference)
    texts = np.full(len(values.section), "", dtype=object)
    for i, item in enumerate(items):
        for row in np.flatnonzero(classes[i] > reference):
            multiple = times[i, row]
            told = "" if np.isnan(multiple) else " <0.01" if multiple < _LEAST_SHOWN else f" {round(multiple, 2):g}"
            texts[row] += (BETWEEN if texts[row] else "") + ITEMS[item].zh + told
    return pd.Series(texts, dtype=object).mask(graded.section_class == 0)


def _main(values: PeriodValues, kind: NDArray[np.int8], graded: Grading) -> pd.Series:
    items, times, classes = _times(values, kind, graded, REFERENCE_CLASS)
    if not items:
        return pd.Series(np.full(len(values.section), None, dtype=object))
    found = main_pollutants(classes, times, items)
    told = [BETWEEN.join(ITEMS[items[i]].zh for i in row if i >= 0) for row in found]
    return pd.Series(told, dtype=object).mask(graded.section_class == 0)


@dataclass(frozen=True, slots=True)
class Standing:
    """Hold how a group of sections (a river, basin, county, level) stands in one period; each share with its lists.

    Attributes
    ----------
    sections
        All of the group, with or without a class.
    classes
        How many sections have class 1 to 6.
    good, fourth, worse
        Shares of I to III, of I to IV, and of worse than V among those with a class.
    meeting
        Share of those that meet their target among those with class and target.
    grade, method, main_pollutants
        Of rivers and basins: position in `GRADES` (0: none), ``shares`` or ``means``, the items; the reason where none.
    """

    sections: tuple[str, ...]
    classes: tuple[int, ...]
    good: Share
    fourth: Share
    worse: Share
    meeting: Share
    grade: int = 0
    method: str = ""
    main_pollutants: tuple[str, ...] = ()
    why_no_grade: Text | None = None


NO_CLASS = Text("无定类断面", "no section with a class")
MIXED = Text(
    "不足 5 个断面且河流、湖库混合，均值无限值",
    "fewer than five sections, rivers and lakes mixed: means have no limits",
)


def stand(
    found: Attainment, period: int, members: pd.Series, *, certainty: str = "second-hand", graded: bool = True
) -> Standing:
    """Return how the sections of one group stand in a period, as `standings` does for many."""
    return standings(found, period, [members], certainty=certainty, graded=graded)[0]


def standings(
    found: Attainment, period: int, groups: Sequence[pd.Series], *, certainty: str = "second-hand", graded: bool = True
) -> list[Standing]:
    """Return how the sections of each group stand in a period.

    Parameters
    ----------
    groups
        The names of each group's sections, indexed by their positions; a section without a row has no class.
    graded
        Whether the method grades such groups: it does rivers and basins.

    Source: 环办〔2011〕22号: shares from five sections on, below that the mean of each item.
    """
    rows = found.at(period)
    grades = _grades(found, period, groups) if graded else [_Grade()] * len(groups)
    result = []
    for members, grade in zip(groups, grades, strict=True):
        classes, meets = (rows[c].reindex(members.index).set_axis(members.to_numpy()) for c in ("class", "meets"))
        counts = tuple(int((classes == c).sum()) for c in range(1, WORSE_THAN_V + 1))
        result.append(
            Standing(
                tuple(members), counts, share_of(classes <= GOOD, certainty), share_of(classes <= FOURTH, certainty),
                share_of(classes == WORSE_THAN_V, certainty), share_of(meets, certainty),
                grade.grade, grade.method, grade.main, grade.why,
            )
        )  # fmt: skip
    return result


@dataclass(frozen=True, slots=True)
class _Grade:
    grade: int = 0
    method: str = ""
    main: tuple[str, ...] = ()
    why: Text | None = None


def _grades(found: Attainment, period: int, groups: Sequence[pd.Series]) -> list[_Grade]:
    """Return the grade of each river or basin, or why it has none; the means of all small ones are graded at once."""
    rows, graded = found.rows, found.grading
    here = np.flatnonzero((rows["period"] == period) & rows["class"].notna())
    section = rows["section"].to_numpy()[here]
    result: list[_Grade] = []
    small: dict[int, NDArray[np.int64]] = {}
    for number, members in enumerate(groups):
        at = here[np.isin(section, members.index)]
        part = replace(
            graded,
            item_class=graded.item_class[:, at],
            section_class=graded.section_class[at],
            evaluated=graded.evaluated[at],
        )
        classes, is_mixed = part.section_class, len(set(found.kind[at].tolist()) | {0}) > 2  # noqa: PLR2004
        main = river_pollutants(part) if len(at) else ()
        if len(at) >= LEAST_SECTIONS:
            grade = grade_by_shares(int((classes <= GOOD).sum()), int((classes == WORSE_THAN_V).sum()), len(at))
            result.append(_Grade(grade, "shares", main))
        elif not len(at) or is_mixed:
            result.append(_Grade(why=MIXED if is_mixed else NO_CLASS, main=main))
        else:
            small[number] = at
            result.append(_Grade(0, "means", main))
    for number, section_class in zip(small, _classes_of_means(found, list(small.values())), strict=True):
        result[number] = replace(result[number], grade=int(section_grade(section_class)))
    return result


def _classes_of_means(found: Attainment, groups: Sequence[NDArray[np.int64]]) -> NDArray[np.uint8]:
    """Return the class of the means of each group of rows, of one kind of water each, as `grade_river` takes them."""
    values, graded = found.means, found.grading
    if not groups:
        return np.zeros(0, dtype=np.uint8)
    means = {
        item: np.array(
            [mean_of_item(v[at], item, values.below[item][at] if item in values.below else None) for at in groups]
        )
        for item, v in values.numbers.items()
    }
    kinds = np.array([found.kind[at].max() for at in groups], dtype=np.int8)
    return grade_surface_water(means, kinds, rounding=graded.rounding, items=_asked(found)).section_class


def _asked(found: Attainment) -> tuple[str, ...] | None:
    """Return the items that were named to decide; None for those of the method, which let saturation decide, too."""
    return None if found.grading.deciding == DECIDING else found.grading.deciding


def compare(found: Attainment, before: int, after: int, members: pd.Series) -> pd.DataFrame:
    """Return the shares of I to III and worse than V of a group in two periods, as `compare_periods` judges them.

    Sections that have a class in one period only stand in the columns `only_before` and `only_after`.
    """
    return compare_classes(found.at(before)["class"], found.at(after)["class"], members)


def compare_classes(before: pd.Series, after: pd.Series, members: pd.Series) -> pd.DataFrame:
    """Return what `compare` does, from the classes of both periods by section."""
    one, two = (classes.reindex(members.index).set_axis(members.to_numpy()) for classes in (before, after))
    compared = compare_periods(one, two)
    only = [BETWEEN.join(one.index[mask]) for mask in (one.notna() & two.isna(), one.isna() & two.notna())]
    return compared.rows.assign(only_before=only[0], only_after=only[1])
