"""Laboratory values as arrays: numbers, non-detects with their limits, and cells that hold neither, each with a reason."""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from geosys._errors import SpecError
from geosys._text import Text

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from numpy.typing import NDArray

_PH, _MOST_PH = "pH", 14.0
_LISTED = 5
# What a laboratory leaves out of a name; "(六价)" is none of these: total chromium is another item.
_REMARK = re.compile(r"\((?:以.*计|总量|.*法,以.*计|林丹)\)$")


class Why(IntEnum):
    """Tell why a cell was not evaluated; zero where it was."""

    EVALUATED = 0
    MISSING = 1
    NOT_A_NUMBER = 2
    NEGATIVE = 3
    IMPOSSIBLE = 4
    LIMIT_UNSTATED = 5
    LIMIT_TOO_HIGH = 6
    NO_NON_DETECT = 7
    NOT_PRESENCE = 8
    NO_TARGET = 9
    ZERO = 10
    BAD_DEPTH = 11


WHY = {
    Why.MISSING: Text("无数据", "no value"),
    Why.NOT_A_NUMBER: Text("不是数值", "not a number"),
    Why.NEGATIVE: Text("负值", "negative"),
    Why.IMPOSSIBLE: Text("pH 不在 0–14 之间", "pH outside 0 to 14"),
    Why.LIMIT_UNSTATED: Text("未检出但未注明检出限", "not detected, detection limit not stated"),
    Why.LIMIT_TOO_HIGH: Text(
        "未检出，但检出限高于限值，无法判定", "not detected, but the detection limit is above the limit"
    ),
    Why.NO_NON_DETECT: Text("该项目不应有“未检出”", "an item that cannot be below a detection limit"),
    Why.NOT_PRESENCE: Text("应为“无”或“有”", "neither none nor present"),
    Why.NO_TARGET: Text("无目标类别", "no target class"),
    Why.ZERO: Text("数值为零，无法计算指数", "zero, no index can be computed"),
    Why.BAD_DEPTH: Text(
        "水深无效或小于透明度，透明度无法判定", "depth of water no number, or less than the transparency"
    ),
}


@dataclass(frozen=True, slots=True)
class LaboratoryValues:
    """Hold values by row and item, in the unit of the standard.

    Attributes
    ----------
    items : names of the columns
    index : labels of the rows, kept in order
    numbers : float array, rows by items; NaN where there is no number
    is_below : bool array; True where the laboratory found nothing above its limit
    detection_limit : float array; NaN where not stated
    is_refused : bool array; True where the cell holds something that is no measurement
    """

    items: tuple[str, ...]
    index: Any
    numbers: NDArray[np.float64]
    is_below: NDArray[np.bool_]
    detection_limit: NDArray[np.float64]
    is_refused: NDArray[np.bool_]

    def __post_init__(self) -> None:
        shape = (len(self.index), len(self.items))
        for name in ("numbers", "is_below", "detection_limit", "is_refused"):
            got = getattr(self, name).shape
            if got != shape:
                raise SpecError(
                    f"laboratory values: got '{name}' of shape {got}, expected {shape}. Give rows by items."
                )
        twice = sorted({item for item in self.items if self.items.count(item) > 1})
        if twice:
            raise SpecError(f"laboratory values: got {twice} in two columns, expected one. Name the column to be used.")
        if (self.is_below & np.isfinite(self.numbers)).any():
            raise SpecError(
                "laboratory values: got a number where is_below is True, expected none. "
                "Put the number into detection_limit and leave the value empty."
            )

    @classmethod
    def from_frame(
        cls, frame: Any, is_below: Any = None, detection_limit: Any = None, is_refused: Any = None
    ) -> LaboratoryValues:
        """Take a frame of numbers, one column an item; a text, truth or infinite cell is refused, not read.

        Parameters
        ----------
        frame : DataFrame of numbers, missing where not measured
        is_below, detection_limit, is_refused : DataFrame, optional
            For all or some of the columns, on the same rows.

        Raises
        ------
        SpecError
            When rows differ, a column is unknown or twice there, or a non-detect holds a number.
        """
        names = [str(column) for column in frame.columns]
        read = [numbers_of(frame.iloc[:, i]) for i in range(len(names))]
        shape = (len(frame), len(names))
        values = np.column_stack([v for v, _ in read]) if read else np.empty(shape)
        refused = np.column_stack([r for _, r in read]) if read else np.empty(shape, dtype=bool)
        below = _beside(frame, is_below, "is_below", False).astype(bool)
        limits = _beside(frame, detection_limit, "detection_limit", np.nan).astype(np.float64)
        refused |= _beside(frame, is_refused, "is_refused", False).astype(bool)
        return cls(tuple(names), frame.index, values, below, limits, refused)

    def of(self, items: Sequence[str], names: Mapping[str, str]) -> LaboratoryValues:
        """Return the columns of some items of a standard in that order; an item not there is missing in every row.

        Parameters
        ----------
        items : the items wanted
        names : the standard's name of each column here
        """
        place = {names[item]: i for i, item in enumerate(self.items)}
        take = np.array([place.get(item, -1) for item in items], dtype=np.intp)
        absent = take < 0

        def taken(array: NDArray[Any], empty: Any) -> NDArray[Any]:
            if not array.shape[1]:
                return np.full((len(self.index), len(items)), empty, dtype=array.dtype)
            out = array[:, take]
            out[:, absent] = empty
            return out

        return LaboratoryValues(
            tuple(items),
            self.index,
            taken(self.numbers, np.nan),
            taken(self.is_below, False),
            taken(self.detection_limit, np.nan),
            taken(self.is_refused, False),
        )

    def screened(self, *, signed: Iterable[str] = (), never_below: Iterable[str] = ()) -> NDArray[np.uint8]:
        """Return for each cell why it cannot be evaluated, as far as the cell alone tells.

        Parameters
        ----------
        signed : items that may be negative
        never_below : items that have no detection limit; pH is always one of them and lies from 0 to 14
        """
        why = np.where(np.isnan(self.numbers), Why.MISSING, Why.EVALUATED).astype(np.uint8)
        may_be_negative = np.isin(self.items, list(signed))
        why[(self.numbers < 0) & ~may_be_negative] = Why.NEGATIVE
        acid = np.isin(self.items, [_PH])
        why[acid & ((self.numbers < 0) | (self.numbers > _MOST_PH))] = Why.IMPOSSIBLE
        with np.errstate(invalid="ignore"):
            stated = np.isfinite(self.detection_limit) & (self.detection_limit > 0)
        why[self.is_below] = Why.EVALUATED
        why[self.is_below & ~stated] = Why.LIMIT_UNSTATED
        why[self.is_below & (acid | np.isin(self.items, list(never_below)))] = Why.NO_NON_DETECT
        why[self.is_refused] = Why.NOT_A_NUMBER
        return why


def numbers_of(column: Any) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Return the numbers of a column, NaN where there is none, and which cells hold something else."""
    if pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column):
        values = column.to_numpy(dtype=np.float64, na_value=np.nan, copy=True)
        refused = np.isinf(values)
    else:
        cells = column.to_numpy(dtype=object)
        is_number = [isinstance(c, (int, float, np.number)) and not isinstance(c, (bool, np.bool_)) for c in cells]
        values = np.array(
            [float(c) if ok else np.nan for c, ok in zip(cells, is_number, strict=True)], dtype=np.float64
        )
        refused = ~(np.array(is_number, dtype=bool) | pd.isna(cells)) | np.isinf(values)
    values[refused] = np.nan
    return values, refused


def _beside(frame: Any, other: Any, name: str, empty: object) -> NDArray[Any]:
    """Return a frame that stands beside the values, with `empty` in the columns and cells it lacks."""
    if other is None:
        return np.full(frame.shape, empty)
    unknown = [str(column) for column in other.columns if column not in frame.columns]
    if unknown or not other.index.equals(frame.index):
        what = f"the columns {unknown}" if unknown else "other rows"
        raise SpecError(
            f"laboratory values: got '{name}' with {what}, expected rows and columns of the values. Align them."
        )
    aligned = other.reindex(columns=frame.columns).astype(object)
    return np.asarray(aligned.where(aligned.notna(), empty).to_numpy())


def bare_name(name: str) -> str:
    """Return an item's name without blanks, wide letters and the remark how it is expressed.

    Examples
    --------
    >>> bare_name("总硬度（以CaCO3计）"), bare_name("铬(六价)"), bare_name("二甲苯(总量)")
    ('总硬度', '铬(六价)', '二甲苯')
    """
    half = re.sub(r"\s+", "", name).translate({ord("（"): "(", ord("）"): ")", ord("，"): ",", ord("、"): ","})
    return _REMARK.sub("", half)


def match_items(
    given: Iterable[str], known: Iterable[str], standard: str, aliases: Mapping[str, str]
) -> dict[str, str]:
    """Return the standard's name of each given item.

    Raises
    ------
    SpecError
        When a name is none of the standard's, all such names at once, or two columns are one item.
    """
    exact = {bare_name(name): name for name in known}
    exact |= {alias: name for alias, name in aliases.items() if name in exact.values()}
    named = list(given)
    found = {name: exact.get(bare_name(name)) for name in named}
    unknown = [name for name, item in found.items() if item is None]
    if unknown:
        near = difflib.get_close_matches(bare_name(unknown[0]), list(exact), n=1)
        hint = f" Did you mean '{exact[near[0]]}' for '{unknown[0]}'?" if near else ""
        raise SpecError(
            f"{standard}: got the items {unknown[:_LISTED]}, expected items of the standard.{hint} Rename or drop them."
        )
    matched = {name: item for name, item in found.items() if item is not None}
    twice = sorted({item for item in matched.values() if list(matched.values()).count(item) > 1})
    if twice:
        raise SpecError(f"{standard}: got {twice} in two columns, expected one. Name the column to be used.")
    return matched


def listed(marked: NDArray[np.bool_], items: Sequence[str], between: str = "、") -> NDArray[np.object_]:
    """Return for each row the names of its marked items as one text, empty where there is none.

    Examples
    --------
    >>> listed(np.array([[True, True], [False, False]]), ["铅", "镉"]).tolist()
    ['铅、镉', '']
    """
    return _by_pattern(marked, lambda row: between.join(item for item, on in zip(items, row, strict=True) if on))


def reasons(why: NDArray[np.uint8], items: Sequence[str], language: str = "zh") -> NDArray[np.object_]:
    """Return for each row what was not evaluated and why, empty where everything was.

    Examples
    --------
    >>> reasons(np.array([[0, 1], [3, 1]], dtype=np.uint8), ["铅", "镉"]).tolist()
    ['无数据：镉', '负值：铅；无数据：镉']
    """
    colon, between, end = ("：", "、", "；") if language == "zh" else (": ", ", ", "; ")

    def told(row: Any) -> str:
        codes = dict.fromkeys(int(code) for code in row if code)
        return end.join(
            WHY[Why(code)].in_language(language)
            + colon
            + between.join(item for item, c in zip(items, row, strict=True) if c == code)
            for code in codes
        )

    return _by_pattern(why, told)


def _by_pattern(rows: NDArray[Any], told: Any) -> NDArray[np.object_]:
    """Make the text of each different row once: tables repeat few patterns many times."""
    texts = np.full(len(rows), "", dtype=object)
    if not rows.size:
        return texts
    packed = np.ascontiguousarray(rows).view(np.dtype((np.void, rows.shape[1] * rows.itemsize))).ravel()
    _, first, inverse = np.unique(packed, return_index=True, return_inverse=True)
    texts[:] = np.array([told(row) for row in rows[first]], dtype=object)[inverse]
    return texts
