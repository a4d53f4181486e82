"""Before and after: two versions of one layer side by side at one scale, what changed between them, and how states flowed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from geosys._errors import WorkspaceError
from geosys._text import Text
from geosys.layers.store import read_provenance
from geosys.maps.charts_values import Flows, State
from geosys.maps.paper.sheet import Features
from geosys.sheets.layers import CATEGORIES, classed

if TYPE_CHECKING:
    from pathlib import Path

    from geosys.maps.palettes import Swatch
    from geosys.sheets.desk import Desk

KEY, CHANGE = "feature_id", "change"
ADDED, REMOVED, MOVED, SAME = "added", "removed", "reclassed", "same"
SHAPED = "reshaped"
GONE, NEW = "(gone)", "(new)"
STATES = {GONE: Text("已不在", "Gone"), NEW: Text("新增", "New"), "": Text("未填", "Missing")}
_LEAST_SHARE = 1e-6  # of an area: less is rounding, not a change of shape


def earlier_version(store: Path, layer: str) -> str | None:
    """Return the version of a layer that was stored last before the current one, or None where there is no other.

    Which one came last is told by the files' times: the store keeps no list of versions.
    """
    folder = store / layer
    if not (folder / "current.json").exists():
        return None
    current = read_provenance(store, layer)["version"]
    others = [p for p in folder.glob("*.parquet") if "." not in p.stem and p.stem != current]
    return max(others, key=lambda p: (p.stat().st_mtime_ns, p.name)).stem if others else None


def read_version(desk: Desk, layer: str, version: str) -> gpd.GeoDataFrame:
    """Return the rows of a stored version.

    Raises
    ------
    WorkspaceError
        When it is not there, or damaged.
    """
    path = desk.workspace.store / layer / f"{version}.parquet"
    try:
        frame = gpd.read_parquet(path)
    except (OSError, ValueError) as error:
        raise WorkspaceError(
            f"store/{layer}: got no readable version '{version}' ({error}), expected one that is stored. Name another version."
        ) from None
    return frame.set_crs(desk.crs, allow_override=True)


def changes_of(
    before: gpd.GeoDataFrame, after: gpd.GeoDataFrame, column: str
) -> tuple[gpd.GeoDataFrame, gpd.GeoDataFrame]:
    """Return both versions with `change`: gone, new, of another class, of another shape, or the same.

    Parameters
    ----------
    column : the column of the class; empty: only the shape counts.
    """
    both = pd.DataFrame({KEY: before[KEY], "a": np.arange(len(before))}).merge( pd.DataFrame({KEY: after[KEY], "b": np.arange(len(after))}), on=KEY
    )  # fmt: skip
    old, new = np.full(len(before), REMOVED, dtype=object), np.full(len(after), ADDED, dtype=object)
    a, b = both["a"].to_numpy(), both["b"].to_numpy()
    shapes = before.geometry.to_numpy()[a], after.geometry.to_numpy()[b]
    word = np.where(_reshaped(*shapes), SHAPED, SAME).astype(object)
    if column:
        was, now = (classed(f[column], {}).fillna("").to_numpy()[i] for f, i in ((before, a), (after, b)))
        word[was != now] = MOVED
    old[a], new[b] = word, word
    return before.assign(change=old), after.assign(change=new)


def _reshaped(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Say of pairs of shapes whether they differ by more than rounding."""
    size = np.maximum(shapely.area(one), shapely.area(other))
    apart = np.where(
        size > 0, shapely.area(shapely.symmetric_difference(shapely.make_valid(one), shapely.make_valid(other))), 0.0
    )
    differs: np.ndarray = np.where(
        size > 0, apart > size * _LEAST_SHARE, ~shapely.equals_exact(one, other, tolerance=1e-3)
    )
    return differs


def features_of_change(desk: Desk, layer: str, frame: gpd.GeoDataFrame, *, is_after: bool) -> list[Features]:
    """Return a version as features: by its class, and above it the outlines of what changed."""
    style = desk.book.style_named(layer)
    classes = desk.book.classes_named(style.classes) if style.by in frame else {}
    looks = desk.book.classes_named("change")
    marked = frame[frame[CHANGE].isin([ADDED if is_after else REMOVED, MOVED, SHAPED])].reset_index(drop=True)
    if len(marked):
        marked = gpd.GeoDataFrame(
            {CHANGE: marked[CHANGE]}, geometry=_outlines(marked.geometry.to_numpy()), crs=frame.crs
        )
    mark = desk.book.styles["change"]
    return [
        Features(desk.title(layer), frame, style, classes, fits=True),
        Features(Text("变化", "Changes"), marked, mark, looks, fits=False),
    ]


def _outlines(shapes: np.ndarray) -> np.ndarray:
    """Return the outlines of areas; lines and points stay as they are."""
    is_area = shapely.get_dimensions(shapes) == 2  # noqa: PLR2004
    return np.where(is_area, shapely.boundary(shapes), shapes)


def class_flows(desk: Desk, layer: str, before: gpd.GeoDataFrame, after: gpd.GeoDataFrame, title: Text) -> Flows | None:
    """Return how features moved between classes from one version to the other; None where the layer has no classes."""
    style = desk.book.style_named(layer)
    looks: dict[str, Swatch] = dict(desk.book.classes_named(style.classes))
    if not style.by or style.by not in before or style.by not in after:
        return None
    was = pd.DataFrame({KEY: before[KEY], "was": classed(before[style.by], {}).fillna("")})
    now = pd.DataFrame({KEY: after[KEY], "now": classed(after[style.by], {}).fillna("")})
    pairs = was.merge(now, on=KEY, how="outer")
    counts = pairs.assign(was=pairs["was"].fillna(NEW), now=pairs["now"].fillna(GONE)).groupby(["was", "now"]).size()
    order = [*looks, *sorted({w for pair in counts.index for w in pair} - set(looks))]
    states: list[State] = []
    place: dict[tuple[int, str], int] = {}
    for at in (0, 1):
        for i, word in enumerate(w for w in order if any(pair[at] == w for pair in counts.index)):
            place[at, word] = len(states)
            look = looks.get(word)
            colour = look.colour if look else CATEGORIES[i % len(CATEGORIES)]
            states.append(State(at, look.title if look else STATES.get(word, Text(word, word)), colour))
    flows = [(place[0, a], place[1, b], float(n)) for (a, b), n in counts.items()]
    heads = [Text("此前", "Before"), Text("现在", "Now")]
    return Flows(title, heads, states, sorted(flows))


def change_counts(before: gpd.GeoDataFrame, after: gpd.GeoDataFrame) -> dict[str, int]:
    """Return how many features are gone, new, reclassed, reshaped or the same."""
    gone = int((before[CHANGE] == REMOVED).sum())
    return {REMOVED: gone, **{word: int((after[CHANGE] == word).sum()) for word in (ADDED, MOVED, SHAPED, SAME)}}
