"""How the use of land changed between two versions of a layer: where it became 一住两公, for certain or perhaps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import shapely

from geosys._text import Text
from geosys.land_watch.parts import area_of, joined, nothing, split
from geosys.layers.land_use_codes import NO, NOT_ASSESSED, UNKNOWN, YES, Category, LandUseCodes, Trigger

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from geosys.land_watch.versions import StoredVersion

WITHHELD = Text("该记录在接收时被扣留，用途不采信", "the row was withheld at intake: its use is not relied on")
BEFORE_OPEN = Text(
    "前一版本该处用途不明、被扣留或没有数据", "in the version before, the use there is unknown, withheld or absent"
)
MOST_NAMED = 6
WHOLE = 0.99  # of an earlier patch, that is the patch: its border may have been drawn anew, too


@dataclass(frozen=True, slots=True)
class UsePatches:
    """Hold the patches of one version with what their use means; all of shape (n,), polygons in the plan's CRS.

    `states` are yes, no, unknown or not_assessed (of 一住两公), `reasons` why, `words` code and name for people.
    """

    layer: str
    version: str
    ids: NDArray[np.object_]
    shapes: NDArray[np.object_]
    words: NDArray[np.object_]
    states: NDArray[np.object_]
    triggers: list[Trigger]
    categories: list[Category]

    def of(self, *states: str) -> NDArray[np.bool_]:
        """Say which patches have one of some states."""
        return np.isin(self.states.astype(str), states)


@dataclass(frozen=True, slots=True)
class Became:
    """Hold for each patch of the later version (shape (n,)) the part that became 一住两公.

    `sure` was known to be another use before; of `doubt` one of the two uses is unknown; of `unjudged` the later use
    cannot be read at all. `before_words` names the uses before. `swallowed` are the earlier patches that became it whole,
    shape (k,): a narrow road that changed its use is no border drawn anew.
    """

    after: UsePatches
    sure: NDArray[np.object_]
    doubt: NDArray[np.object_]
    unjudged: NDArray[np.object_]
    before_words: list[str]
    swallowed: NDArray[np.object_]


def use_patches(stored: StoredVersion, code: str, name: str, system: str, codes: LandUseCodes) -> UsePatches:
    """Look the uses of all patches of a version up, each code and name once.

    Parameters
    ----------
    code, name
        The columns of the code and of its name; an empty text where there is no column of names.
    system
        The code system the column is in.
    """
    frame = stored.frame
    pairs = list(zip(texts(frame[code]), texts(frame[name]) if name else [""] * len(frame), strict=True))
    known = {pair: (codes.trigger(system, *pair), codes.category(system, *pair)) for pair in dict.fromkeys(pairs)}
    gone = (Trigger(NOT_ASSESSED, "", "", WITHHELD), Category(None, NOT_ASSESSED, "", WITHHELD))
    answers = [gone if lost else known[pair] for pair, lost in zip(pairs, stored.withheld, strict=True)]
    words = [" ".join(part for part in pair if part) or "—" for pair in pairs]
    triggers = [trigger for trigger, _ in answers]
    return UsePatches(
        stored.layer, stored.version, as_objects(frame["feature_id"]), stored.shapes, as_objects(words),
        as_objects([t.state for t in triggers]), triggers, [category for _, category in answers],
    )  # fmt: skip


def texts(column: Sequence[object] | pd.Series) -> list[str]:
    """Return values as texts; missing ones are empty."""
    return ["" if pd.isna(value) else str(value) for value in column]


def as_objects(values: Sequence[object] | pd.Series) -> NDArray[np.object_]:
    """Return values as an array of objects, also where they are none or sequences."""
    array = np.empty(len(values), dtype=object)
    array[:] = list(values)
    return array


def became_sensitive(before: UsePatches, after: UsePatches, crs: str) -> Became:
    """Return where land became 一住两公 between two versions of one layer.

    What was 一住两公 before did not become it, whichever patch it lay in: redrawn and divided patches are compared by
    land, not by row. Land whose later use is open is told only where it was not open in the same way before; land whose
    later code cannot be read (wrong system, no code, withheld) always, unless it was 一住两公 before already.
    """
    looked = after.of(YES, UNKNOWN, NOT_ASSESSED) & ~_untouched(before, after)
    at = np.flatnonzero(looked)
    changed = split(after.shapes[at], before.shapes[before.of(YES)], crs).outside
    earlier = before.of(NO)
    cut = split(changed, before.shapes[earlier], crs)
    is_yes, is_open = after.of(YES)[at], after.of(UNKNOWN)[at]
    still_open = split(changed, before.shapes[before.of(UNKNOWN)], crs).outside
    empty = nothing(len(at))
    parts = (
        np.where(is_yes, cut.inside, empty),
        np.where(is_yes, cut.outside, np.where(is_open, still_open, empty)),
        np.where(is_yes | is_open, empty, changed),
    )
    sure, doubt, unjudged = (_placed(part, at, len(looked)) for part in parts)
    words = [""] * len(looked)
    for i, told in named_parts(cut.left, before.words[earlier][cut.right], cut.area_m2).items():
        words[at[i]] = told
    mine = is_yes[cut.left]
    gone = np.bincount(cut.right[mine], weights=cut.area_m2[mine], minlength=int(earlier.sum()))
    touched = np.flatnonzero(gone)
    own = area_of(before.shapes[earlier][touched], crs)
    swallowed = before.shapes[earlier][touched[gone[touched] >= WHOLE * own]]
    return Became(after, sure, doubt, unjudged, words, swallowed)


def _untouched(before: UsePatches, after: UsePatches) -> NDArray[np.bool_]:
    """Say which later patches stood in the version before with the same shape and the same answer: yes or unknown."""
    same = np.zeros(len(after.ids), dtype=bool)
    for state in (YES, UNKNOWN):  # most land is neither, and its bytes are not needed
        there = set(shapely.to_wkb(before.shapes[before.of(state)]).tolist())
        at = np.flatnonzero(after.of(state))
        same[at] = [wkb in there for wkb in shapely.to_wkb(after.shapes[at]).tolist()]
    return same


def _placed(shapes: NDArray[np.object_], at: NDArray[np.int64], size: int) -> NDArray[np.object_]:
    placed = nothing(size)
    placed[at] = shapes
    return placed


def named_parts(left: NDArray[np.int64], words: NDArray[np.object_], area: NDArray[np.float64]) -> dict[int, str]:
    """Return for each shape the words of what lies in it, each with its area in m², the largest first."""
    table = pd.DataFrame({"left": left, "word": words, "area": area})
    told: dict[int, str] = {}
    for i, rows in table.groupby("left"):
        sums = rows.groupby("word")["area"].sum().sort_values(ascending=False, kind="stable")
        named = [f"{word} {value:.2f} m²" for word, value in sums.head(MOST_NAMED).items()]
        told[int(str(i))] = "；".join([*named, *(["…"] if len(sums) > MOST_NAMED else [])])
    return told


def surveyed_land(
    shapes: Sequence[NDArray[np.object_]], answers: Sequence[NDArray[np.int8]]
) -> tuple[NDArray[np.object_], NDArray[np.object_]]:
    """Return the plots with a finished survey, and those of which nobody knows whether theirs is finished."""
    every = np.concatenate([nothing(0), *shapes])
    answer = np.concatenate([np.zeros(0, dtype=np.int8), *answers])
    return every[answer == 1], every[answer == -1]


def without_survey(
    sure: NDArray[np.object_],
    doubt: NDArray[np.object_],
    surveyed: tuple[NDArray[np.object_], NDArray[np.object_]],
    crs: str,
) -> tuple[NDArray[np.object_], NDArray[np.object_], NDArray[np.object_]]:
    """Return what of some land has no finished survey, what perhaps has none, and what has one; each of shape (n,)."""
    finished, perhaps = surveyed
    cut, vague = split(sure, finished, crs), split(doubt, finished, crs)
    rest = split(cut.outside, perhaps, crs)
    return rest.outside, joined(vague.outside, rest.inside), joined(cut.inside, vague.inside)
