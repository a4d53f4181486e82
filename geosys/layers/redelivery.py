"""Compare the issues of a delivery with those of the one before it: mended, still there, new, or gone with their feature.

Row numbers are never compared: a sender who inserts a line moves all rows below it.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

import geopandas as gpd
import pandas as pd
import shapely

from geosys._errors import CrsError, SpecError
from geosys.layers.issue_table import COLUMNS

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Sequence

STATES = ("still_there", "new", "mended", "gone", "not_assessed")
KEY = ("layer", "issue_type", "field")
REACH_M = 1.0  # two issues no farther apart stand in one place
FEATURE_COLUMNS = ("layer", "feature_id")
TOLD = ["state", "matched_by", "before_id", "after_id"]


def compare_deliveries(
    before: gpd.GeoDataFrame, after: gpd.GeoDataFrame, features: gpd.GeoDataFrame, key: Sequence[str] = KEY
) -> gpd.GeoDataFrame:
    """Return what became of each issue of the delivery before, and the issues that are new.

    Two issues are one when they agree in `key` and in feature; issues without a feature that both deliveries have,
    when they agree in value, else in place (within `REACH_M`), else when both are about a whole table. Each issue
    is matched once.

    Parameters
    ----------
    before, after
        Issue tables (`issue_table.COLUMNS` and geometry) in one projected CRS.
    features
        Every feature of the delivery after, rows withheld too: ``layer``, ``feature_id``, geometry in the same CRS.
        It tells an issue that was mended from one that vanished with its feature.
    key
        Columns that both must agree in.

    Returns
    -------
    GeoDataFrame
        ``state``, ``matched_by`` (feature, value, place or table), ``before_id``, ``after_id`` and the issue table's
        columns: as they are now where the issue is still there or new, as they were otherwise. States: *mended*
        (the feature came again without the issue), *gone* (its feature did not come), *not_assessed* (nothing of the
        layer could be used, or the feature came without a usable geometry), *still_there*, *new*.

    Raises
    ------
    SpecError
        When a frame lacks a column.
    CrsError
        When the frames are in different CRS, or in degrees.
    """
    _check(before, after, features, key)
    old, new = before.reset_index(drop=True), after.reset_index(drop=True)
    delivered = _Delivered(features)
    pairs = _match(old, new, delivered, key)
    matched = {j for _, j, _ in pairs}
    by_old = {i: (j, how) for i, j, how in pairs}
    rows: list[dict[str, Any]] = []
    for i, row in enumerate(old.to_dict("records")):
        if i in by_old:
            j, how = by_old[i]
            now = new.iloc[j].to_dict()
            rows.append({**now, **_told("still_there", how, row["issue_id"], now["issue_id"])})
        else:
            rows.append({**row, **_told(delivered.state_of(row), "", row["issue_id"], "")})
    news = (row for j, row in enumerate(new.to_dict("records")) if j not in matched)
    rows += [{**row, **_told("new", "", "", row["issue_id"])} for row in news]
    frame = pd.DataFrame(rows, columns=[*TOLD, *COLUMNS, "geometry"])
    order = frame["state"].map({state: rank for rank, state in enumerate(STATES)})
    frame = frame.iloc[order.argsort(kind="stable")].reset_index(drop=True)
    return gpd.GeoDataFrame(frame, geometry="geometry", crs=before.crs or after.crs)


def _told(state: str, how: str, before: str, after: str) -> dict[str, str]:
    return dict(zip(TOLD, (state, how, before, after), strict=True))


def count_states(comparison: pd.DataFrame) -> dict[str, int]:
    """Return how many issues the delivery before had (``before``) and how many there are of each state.

    Examples
    --------
    >>> count_states(pd.DataFrame({"state": ["mended", "new", "mended"]}))
    {'before': 2, 'still_there': 0, 'new': 1, 'mended': 2, 'gone': 0, 'not_assessed': 0}
    """
    counts = {state: int((comparison["state"] == state).sum()) for state in STATES}
    return {"before": sum(counts.values()) - counts["new"], **counts}


class _Delivered:
    """Answer which features the delivery after has, by id and by place."""

    def __init__(self, features: gpd.GeoDataFrame) -> None:
        self.layers = set(features["layer"])
        shapes = features.geometry.to_numpy()
        usable = ~(shapely.is_missing(shapes) | shapely.is_empty(shapes))
        self.placed = dict(zip(zip(features["layer"], features["feature_id"], strict=True), usable, strict=True))
        self._trees = {
            layer: shapely.STRtree(shapes[usable & (features["layer"] == layer).to_numpy()]) for layer in self.layers
        }

    def has(self, layer: str, feature: object) -> bool:
        return (layer, feature) in self.placed

    def state_of(self, row: dict[str, Any]) -> str:
        """Return what became of an issue that the delivery after no longer has."""
        layer, feature, place = row["layer"], row["feature_id"], row["geometry"]
        has_place = place is not None and not shapely.is_missing(place) and not place.is_empty
        if layer not in self.layers:
            return "not_assessed"
        if not feature:
            return "mended"
        if self.has(layer, feature):
            return "not_assessed" if has_place and not self.placed[layer, feature] else "mended"
        # a key may have been the very thing that was mended: then the feature stands where it stood under another id
        if has_place and len(self._trees[layer].query(shapely.centroid(place), "dwithin", REACH_M)):
            return "mended"
        return "gone"


def _match(
    old: gpd.GeoDataFrame, new: gpd.GeoDataFrame, delivered: _Delivered, key: Sequence[str]
) -> list[tuple[int, int, str]]:
    """Return the pairs of rows that are one issue, and by what they were matched."""
    left, right = _grouped(old, key), _grouped(new, key)
    before, after = _Words(old), _Words(new)
    pairs: list[tuple[int, int, str]] = []
    for group in sorted(left.keys() & right.keys(), key=repr):
        olds, news = left[group], right[group]
        pairs += _pair("feature", olds, news, before.feature_and_value, after.feature_and_value)
        pairs += _pair("feature", olds, news, before.feature, after.feature)
        # a feature that both deliveries have keeps its own issues: another feature's is not the same one
        olds = [i for i in olds if not delivered.has(*before.features[i])]
        news = [j for j in news if not after.features[j][1] or after.features[j] not in before.all]
        pairs += _pair("value", olds, news, before.value, after.value)
        pairs += _by_place(olds, news, before.shapes, after.shapes)
        pairs += _pair("table", olds, news, before.whole, after.whole)
    return pairs


class _Words:
    """Give the words by which rows of one issue table are compared; None is like nothing."""

    def __init__(self, frame: gpd.GeoDataFrame) -> None:
        self.features = list(zip(frame["layer"], frame["feature_id"], strict=True))
        self.all = set(self.features)
        self.shapes = frame.geometry.to_numpy()
        self._values = frame["value"].tolist()
        self._is_whole = frame["source_row"].isna().tolist()
        self._has_place = (~(shapely.is_missing(self.shapes) | shapely.is_empty(self.shapes))).tolist()

    def feature(self, row: int) -> Hashable:
        return self.features[row] if self.features[row][1] else None

    def feature_and_value(self, row: int) -> Hashable:
        return (self.features[row], self._values[row]) if self.features[row][1] else None

    def value(self, row: int) -> Hashable:
        return self._values[row] or None

    def whole(self, row: int) -> Hashable:
        """Say whether an issue is about a whole table, or has nothing else by which it could be known again."""
        is_bare = not self.features[row][1] and not self._values[row] and not self._has_place[row]
        return self._is_whole[row] or is_bare or None


def _pair(
    how: str, olds: list[int], news: list[int], old: Callable[[int], Hashable], new: Callable[[int], Hashable]
) -> list[tuple[int, int, str]]:
    """Pair rows of equal words in their order, and take them out of both lists."""
    waiting: dict[Hashable, list[int]] = defaultdict(list)
    for j in reversed(news):
        waiting[new(j)].append(j)
    waiting.pop(None, None)
    found = [(i, waiting[old(i)].pop(), how) for i in olds if waiting.get(old(i))]
    taken_old, taken_new = {i for i, _, _ in found}, {j for _, j, _ in found}
    olds[:] = [i for i in olds if i not in taken_old]
    news[:] = [j for j in news if j not in taken_new]
    return found


def _grouped(frame: pd.DataFrame, key: Sequence[str]) -> dict[tuple[str, ...], list[int]]:
    groups: dict[tuple[str, ...], list[int]] = defaultdict(list)
    for row, words in enumerate(frame[list(key)].astype(str).itertuples(index=False, name=None)):
        groups[words].append(row)
    return groups


def _by_place(olds: list[int], news: list[int], before: Any, after: Any) -> list[tuple[int, int, str]]:
    """Pair the issues that stand in one place, the nearest first, and take them out."""
    if not olds or not news:
        return []
    tree = shapely.STRtree([after[j] for j in news])
    left, right = tree.query([before[i] for i in olds], "dwithin", REACH_M)
    gaps = [float(before[olds[a]].distance(after[news[b]])) for a, b in zip(left, right, strict=True)]
    found: dict[int, int] = {}
    used: set[int] = set()
    for _, i, j in sorted(zip(gaps, (olds[a] for a in left), (news[b] for b in right), strict=True)):
        if i not in found and j not in used:
            found[i] = j
            used.add(j)
    olds[:] = [i for i in olds if i not in found]
    news[:] = [j for j in news if j not in used]
    return [(i, j, "place") for i, j in found.items()]


def _check(before: gpd.GeoDataFrame, after: gpd.GeoDataFrame, features: gpd.GeoDataFrame, key: Sequence[str]) -> None:
    needed = {
        "before": (before, [*COLUMNS, *key]),
        "after": (after, [*COLUMNS, *key]),
        "features": (features, FEATURE_COLUMNS),
    }
    for what, (frame, columns) in needed.items():
        missing = [c for c in columns if c not in frame.columns]
        if missing:
            raise SpecError(
                f"compare_deliveries {what}: got a frame without {missing}, expected {list(columns)}. Hand over a whole frame."
            )
    stated = {str(f.crs) for f in (before, after, features) if len(f)}
    projected = all(f.crs is not None and f.crs.is_projected for f in (before, after, features) if len(f))
    if len(stated) > 1 or not projected:
        raise CrsError(
            f"compare_deliveries: got frames in {sorted(stated)}, expected one projected CRS. Convert them to the plan's first."
        )
