"""Match the rows of a ledger kept by hand to objects: by code, name and place; what is doubtful is asked, never guessed."""

from __future__ import annotations

from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import shapely

from geosys._text import Text
from geosys.layers.codes import fold

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from geosys.exchange.layout import Adoption

SURE, DOUBTFUL, NONE = "sure", "doubtful", "none"
MOST_CANDIDATES = 5


@dataclass(frozen=True, slots=True)
class Wanted:
    """Hold what a row says of its object: code, name, and a point in the plan's CRS (metres), each if it says it."""

    code: str = ""
    name: str = ""
    x: float | None = None
    y: float | None = None


@dataclass(frozen=True, slots=True)
class Match:
    """Hold what a row was matched to: how sure, the objects that may be meant (rows of the objects), and why."""

    verdict: str
    candidates: tuple[int, ...]
    why: Text


class Objects:
    """Hold the objects that rows may mean, found by code, name and place."""

    def __init__(self, frame: pd.DataFrame) -> None:
        """Take a frame with `layer`, `feature_id`, `name` and `geometry` (the plan's CRS, metres)."""
        self.frame = frame.reset_index(drop=True)
        self.codes = _places_of(self.frame["feature_id"])
        self.names = _places_of(self.frame["name"])
        self._shapes: NDArray[np.object_] = np.asarray(self.frame["geometry"], dtype=object)
        self._tree = shapely.STRtree(self._shapes)

    def near(self, point: shapely.Point, distance_m: float) -> list[int]:
        """Return the objects within a distance of a point, the nearest first."""
        found = self._tree.query(point, predicate="dwithin", distance=distance_m)
        return sorted(map(int, found), key=lambda at: (self.distance_m(at, point), at))

    def distance_m(self, at: int, point: shapely.Point) -> float:
        """Return the distance of an object from a point in metres; infinite for one without a geometry."""
        shape = self._shapes[at]
        return float("inf") if shape is None or shape.is_empty else float(shapely.distance(shape, point))


def _places_of(texts: Sequence[object] | pd.Series) -> dict[str, list[int]]:
    places: dict[str, list[int]] = {}
    for at, text in enumerate(texts):
        if text is not None and not pd.isna(text) and fold(str(text)):
            places.setdefault(fold(str(text)), []).append(at)
    return places


def match_row(wanted: Wanted, objects: Objects, adopt: Adoption) -> Match:
    """Return which object a row means.

    Sure is: one object of that code, or of that very name, and nothing else that the row says speaks against it; a name
    alone is sure only where the place agrees, or the row has none and the name is the only one of its kind. All else that
    speaks for some object is doubtful.
    """
    point = None if wanted.x is None or wanted.y is None else shapely.Point(wanted.x, wanted.y)
    by_code = objects.codes.get(fold(wanted.code), []) if wanted.code else []
    has_name = len(fold(wanted.name)) >= adopt.least_name
    by_name = objects.names.get(fold(wanted.name), []) if has_name else []
    for found, word in ((by_code, Text("编号", "code")), (by_name, Text("名称", "name"))):
        if len(found) == 1 and not (found is by_name and wanted.code):
            against = _against(found[0], wanted, point, objects, adopt, is_named=found is by_name)
            if against is None:
                return Match(SURE, (found[0],), Text(f"{word.zh}一致", f"same {word.en}"))
            return Match(DOUBTFUL, _candidates(wanted, point, objects, adopt, found), against)
    candidates = _candidates(wanted, point, objects, adopt, [*by_code, *by_name])
    if not candidates:
        return Match(NONE, (), Text("没有编号、名称或位置相符的对象", "no object has its code, name or place"))
    if len(by_code) > 1 or len(by_name) > 1:
        return Match(DOUBTFUL, candidates, Text("有几个同号或同名的对象", "several objects have its code or name"))
    if wanted.code and not by_code:
        return Match(
            DOUBTFUL, candidates, Text("没有这个编号；名称或位置相近", "no object has its code; name or place are near")
        )
    return Match(DOUBTFUL, candidates, Text("只有位置或相近的名称相符", "only the place, or a similar name, fits"))


def _against(
    at: int, wanted: Wanted, point: shapely.Point | None, objects: Objects, adopt: Adoption, *, is_named: bool
) -> Text | None:
    """Return what a row says against an object, None where nothing does."""
    name = objects.frame["name"].iloc[at]
    known = "" if name is None or pd.isna(name) else str(name)
    if point is not None:
        away = objects.distance_m(at, point)
        if away > (adopt.near_m if is_named else adopt.far_m):
            return Text(f"位置相距 {away:.0f} m", f"its place is {away:.0f} m away")
    if not is_named and wanted.name and known and _alike(wanted.name, known) < adopt.alike:
        return Text(f"编号相同但名称是“{known}”", f"the code is the same, but the name is '{known}'")
    return None


def _alike(one: str, other: str) -> float:
    """Return how alike two names are, from 0 to 1; one that holds the other is as alike as can be."""
    first, second = fold(one), fold(other)
    if first and second and (first in second or second in first):
        return 1.0
    return SequenceMatcher(None, first, second).ratio()


def _candidates(
    wanted: Wanted, point: shapely.Point | None, objects: Objects, adopt: Adoption, found: Sequence[int]
) -> tuple[int, ...]:
    """Return the objects that may be meant: by code and name, near ones, and those of a similar name."""
    near = objects.near(point, adopt.near_m) if point is not None else []
    alike: Mapping[int, float] = {}
    if len(fold(wanted.name)) >= adopt.least_name:
        ratios = {name: _alike(wanted.name, name) for name in objects.names}
        alike = {at: ratio for name, ratio in ratios.items() if ratio >= adopt.alike for at in objects.names[name]}
    ordered = [*found, *near, *sorted(alike, key=lambda at: (-alike[at], at))]
    return tuple(dict.fromkeys(ordered))[:MOST_CANDIDATES]
