"""Tell of graded soil samples what was not judged and why, and which rules of the method were followed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from geosys._text import Text
from geosys.standards.certainty import Note
from geosys.standards.laboratory import listed, reasons
from geosys.standards.soil_grades import BETWEEN, NOT_ASSESSED
from geosys.standards.soil_items import soil_items
from geosys.standards.soil_limits import CONSTRUCTION, FARMLAND

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from geosys.standards.laboratory import Why
    from geosys.standards.soil_grades import SoilGrades

NOTES = {
    FARMLAND: (
        Note(
            Text(
                "按样品pH和用地取限值；5.5、6.5、7.5归入低一档",
                "limits by pH and use; 5.5, 6.5, 7.5 belong to the lower band",
            ),
            "confirmed",
        ),
        Note(
            Text("水旱轮作取水田与其他中较严值", "rotation of paddy and upland takes the stricter column"),
            "unconfirmed",
        ),
    ),
    CONSTRUCTION: (
        Note(
            Text(
                "砷、钴、钒超过筛选值但不超过给定背景值的，不计超标；超过管制值的仍计",
                "As, Co, V above screening but not above a given background do not count; above control they do",
            ),
            "unconfirmed",
        ),
        Note(Text("规划用途未定的按第一类用地", "use not determined: category 1"), "unconfirmed"),
    ),
}
_COMMON = (
    Note(
        Text(
            "样品取最差项目；倍数=(实测值-筛选值)/筛选值",
            "the worst item decides; multiple = (C - screening) / screening",
        ),
        "our reading",
    ),
    Note(
        Text(
            "未检出：检出限不高于筛选值的为不超过",
            "not detected: below, if the detection limit is not above the screening value",
        ),
        "our reading",
    ),
    Note(
        Text(
            "有实测值未能判定的样品，不得判为“不超过筛选值”",
            "a sample with a value that could not be judged is never called below",
        ),
        "our reading",
    ),
)
_NO_PH = Text("无pH，无法取限值", "no pH, no limit")
_NO_USE = {
    FARMLAND: Text("用地不明，无法取限值", "use not known, no limit"),
    CONSTRUCTION: Text("用地类别不明，无法取限值", "category of land not known, no limit"),
}
_EXEMPT = Text("超筛选值但不超过背景值，不计超标", "above screening, within the background, not counted")
_AT_LEAST = Text("另有项目未能判定，等级可能更高", "items were not judged: the grade may be higher")
_OPEN = Text("有实测值未能判定，样品未评价", "a value could not be judged: the sample is not assessed")
_NOTHING = Text("无可评价项目", "no item to judge by")


def notes_of(kind: str) -> tuple[Note, ...]:
    """Return the rules that grading by a standard follows, each with how sure it is.

    Examples
    --------
    >>> [note.certainty for note in notes_of("farmland")][:2]
    ['confirmed', 'unconfirmed']
    """
    return (*NOTES[kind], *_COMMON)


def soil_reasons(grades: SoilGrades, language: str = "zh", *, without: tuple[Why, ...] = ()) -> NDArray[np.object_]:
    """Return for each sample what was not judged and why, empty where everything was.

    Parameters
    ----------
    without
        Reasons that have been told elsewhere.
    """
    names = soil_items(grades.kind)
    items = tuple(names[item].text.in_language(language) for item in grades.items)
    told = np.where(np.isin(grades.why, without), np.uint8(0), grades.why)
    grade, unjudged = grades.rows["grade"].to_numpy(), grades.rows["items_unjudged"].to_numpy()
    last = np.full(len(grade), "", dtype=object)
    last[(grade == BETWEEN) & (unjudged > 0)] = _AT_LEAST.in_language(language)
    last[(grade == NOT_ASSESSED) & (unjudged > 0)] = _OPEN.in_language(language)
    last[(grades.rows["items_evaluated"].to_numpy() == 0) & (unjudged == 0)] = _NOTHING.in_language(language)
    parts = [
        reasons(told, items, language),
        _headed(_NO_PH, grades.lacks_ph, items, language),
        _headed(_NO_USE[grades.kind], grades.lacks_use, items, language),
        _headed(_EXEMPT, grades.exempt, items, language),
        last,
    ]
    return joined(parts, language)


def _headed(head: Text, marked: NDArray[np.bool_], items: tuple[str, ...], language: str) -> NDArray[np.object_]:
    """Return for each row a heading with its marked items, empty where there is none."""
    colon, between = ("：", "、") if language == "zh" else (": ", ", ")
    texts = np.full(len(marked), "", dtype=object)
    some = np.flatnonzero(marked.any(axis=1))
    texts[some] = (head.in_language(language) + colon) + listed(marked[some], items, between)
    return texts


def joined(parts: list[NDArray[np.object_]], language: str) -> NDArray[np.object_]:
    """Return for each row its texts that are not empty, one after the other.

    Examples
    --------
    >>> joined([np.array(["a", ""], dtype=object), np.array(["b", "c"], dtype=object)], "en").tolist()
    ['a; b', 'c']
    """
    joint = "；" if language == "zh" else "; "
    texts = np.full(len(parts[0]), "", dtype=object)
    for part in parts:
        some = np.flatnonzero(part != "")
        texts[some] = np.where(texts[some] == "", part[some], texts[some] + joint + part[some])
    return texts
