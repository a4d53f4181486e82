"""The lists of plots of a workspace: who keeps which, how complete it is, what is due, which plots stand in several."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import shapely

from geosys.cases.plot_deadlines import deadlines_of
from geosys.cases.plot_stages import is_missing, stages_of
from geosys.layers.store import read_current
from geosys.plots.matches import contradictions_of, matches_of
from geosys.views import view_of

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    import geopandas as gpd

    from geosys._schema import UsableLayer
    from geosys.cases.plot_life import PlotLife, PlotList
    from geosys.layers.spec import Catalogue

CODE = "feature_id"
ROW_COLUMNS = (
    "list", "level", "plot_code", "plot_name", "stage", "stage_hangs_on", "dated_on", "complete_share", "missing_fields", "position",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class ListCount:
    """Hold how a list stands: its rows, those withheld, those complete, the mean share of fields filled, gaps by field.

    `is_absent` says that its layer has no version: the counts are then of nothing, not of an empty list.
    """

    list: str
    rows: int
    withheld: int
    complete_rows: int
    mean_share: float | None
    gaps: Mapping[str, int]
    is_absent: bool


@dataclass(frozen=True, slots=True)
class PlotBook:
    """Hold everything the lists say together on a day.

    `rows` has `ROW_COLUMNS` (`position` is the row of its layer's frame); `deadlines` those of
    `geosys.cases.plot_deadlines`, with `list` and `plot_code`; `matches` and `contradictions` those of
    `geosys.plots.matches`.
    """

    rows: pd.DataFrame
    deadlines: pd.DataFrame
    matches: pd.DataFrame
    contradictions: pd.DataFrame
    counts: tuple[ListCount, ...]
    versions: Mapping[str, str]


def read_layers(store: Path, catalogue: Catalogue, names: Iterable[str]) -> dict[str, UsableLayer]:
    """Return the current versions of some layers as rules see them; those without a version are left out.

    A version taken in before its spec had a field gets it as an empty column: what it held is not known.
    """
    found = {name: read_current(store, catalogue.layers[name]) for name in dict.fromkeys(names)}
    views = {name: view_of(layer, catalogue) for name, layer in found.items() if layer is not None}
    return {name: replace(view, frame=_with_all_fields(view, view.frame)) for name, view in views.items()}


def _with_all_fields(view: UsableLayer, frame: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    return frame.assign(**{name: None for name in view.schema.columns if name not in frame})


def rows_of(kept: PlotList, layer: UsableLayer, life: PlotLife) -> pd.DataFrame:
    """Return the rows of one list: code, name, stage, the latest day the row gives, and which fields are missing.

    A list limited to some stages leaves out rows of other stages, and keeps those whose stage cannot be told.
    """
    frame = layer.frame
    told = stages_of(kept, frame, life)
    if kept.stages:
        told = told[told["stage"].isin(kept.stages) | told["stage"].isna()]
    frame = frame.loc[told.index]
    names = frame[layer.schema.name_field] if layer.schema.name_field else frame[CODE]
    gaps = [tuple(f for f in kept.complete if is_missing(row[f])) for row in frame[list(kept.complete)].to_dict("records")]  # fmt: skip
    return pd.DataFrame(
        {
            "list": kept.id, "level": kept.level, "plot_code": frame[CODE].astype(str), "plot_name": names, "stage": told["stage"],
            "stage_hangs_on": told["missing"], "dated_on": _dated(kept, frame),
            "complete_share": [1.0 - len(gap) / len(kept.complete) for gap in gaps], "missing_fields": gaps, "position": frame.index,
        },
        columns=list(ROW_COLUMNS),
    )  # fmt: skip


def _dated(kept: PlotList, frame: pd.DataFrame) -> pd.Series:
    """Return the first of the list's dates that a row has."""
    found = [next((row[f] for f in kept.dated if not is_missing(row[f])), None) for row in frame[list(kept.dated)].to_dict("records")]  # fmt: skip
    return pd.Series(found, index=frame.index, dtype=object)


def read_book(layers: Mapping[str, UsableLayer], life: PlotLife, today: dt.date) -> PlotBook:
    """Return what the lists say together on a day.

    Parameters
    ----------
    layers
        By id, in one metric CRS; a list whose layer is not among them is counted as absent.
    """
    there = {name: kept for name, kept in life.lists.items() if kept.layer in layers}
    rows = {name: rows_of(kept, layers[kept.layer], life) for name, kept in there.items()}
    placed = {kept.layer: in_units(layers[kept.layer].frame, layers, life) for kept in there.values()}
    due = [
        deadlines_of(kept, placed[kept.layer].loc[rows[name].index], rows[name]["stage"], life, today).assign(list=name)
        for name, kept in there.items()
    ]  # fmt: skip
    table = _joined(list(rows.values()), list(ROW_COLUMNS))
    codes = {(r.list, r.position): r.plot_code for r in table.itertuples()}
    deadlines = _joined(due, [])
    if len(deadlines):
        keys = zip(deadlines["list"], deadlines["row"], strict=True)
        deadlines = deadlines.assign(plot_code=[codes[key] for key in keys])
    matches = matches_of(layers, life)
    counts = tuple(_count(kept, layers.get(kept.layer), rows.get(name)) for name, kept in life.lists.items())
    versions = {kept.layer: layers[kept.layer].version for kept in there.values()}
    return PlotBook(table, deadlines, matches, contradictions_of(layers, life, rows, matches), counts, versions)


def in_units(frame: gpd.GeoDataFrame, layers: Mapping[str, UsableLayer], life: PlotLife) -> gpd.GeoDataFrame:
    """Return plots whose empty place is filled with that of the one unit that holds the whole plot, if there is one."""
    place = life.place
    if place.layer not in layers or place.field not in frame:
        return frame
    units = layers[place.layer].frame
    empty = frame[place.field].map(is_missing).to_numpy(dtype=bool)
    shapes = frame.geometry.to_numpy()
    plot, unit = shapely.STRtree(units.geometry.to_numpy()).query(shapes, predicate="covered_by")
    once = (np.bincount(plot, minlength=len(frame)) == 1)[plot] & empty[plot]
    filled = frame[place.field].to_numpy(dtype=object, copy=True)
    filled[plot[once]] = units[place.unit_field].to_numpy(dtype=object)[unit[once]]
    return frame.assign(**{place.field: filled})


def _joined(tables: list[pd.DataFrame], columns: list[str]) -> pd.DataFrame:
    filled = [table for table in tables if len(table)]
    return pd.concat(filled, ignore_index=True) if filled else pd.DataFrame(columns=columns)


def _count(kept: PlotList, layer: UsableLayer | None, rows: pd.DataFrame | None) -> ListCount:
    if layer is None or rows is None:
        return ListCount(kept.id, 0, 0, 0, None, {}, is_absent=True)
    gaps = rows["missing_fields"].explode().dropna().value_counts()
    mean = float(rows["complete_share"].mean()) if len(rows) else None
    full = int((rows["missing_fields"].map(len) == 0).sum())
    return ListCount(kept.id, len(rows), len(layer.withheld), full, mean, {str(k): int(v) for k, v in gaps.items()}, is_absent=False)  # fmt: skip


def plot_group(book: PlotBook, life: PlotLife, code: str) -> list[tuple[str, str]]:
    """Return every list and code that a plot stands under: the code itself, and what was recognised as the same plot.

    Lists of one layer hold the same rows and so count as one plot without a match.
    """
    layer_of = {name: kept.layer for name, kept in life.lists.items()}
    found = [(r.list, r.plot_code) for r in book.rows.itertuples() if r.plot_code == code]
    same = book.matches[book.matches["is_same"]] if len(book.matches) else book.matches
    at = 0
    while at < len(found):
        kept, own = found[at]
        ends = [((m.first_layer, m.first_code), (m.second_layer, m.second_code)) for m in same.itertuples()]
        linked = [b for a, b in ends if a == (layer_of[kept], own)] + [a for a, b in ends if b == (layer_of[kept], own)]
        for layer, other in linked:
            new = [(r.list, r.plot_code) for r in book.rows.itertuples() if r.plot_code == other and layer_of[r.list] == layer]  # fmt: skip
            found += [key for key in new if key not in found]
        at += 1
    return found


def values_of(layers: Mapping[str, UsableLayer], book: PlotBook, life: PlotLife, group: list[tuple[str, str]]) -> dict[str, Any]:  # fmt: skip
    """Return the fields of one plot from all lists together: the first that is there counts."""
    values: dict[str, Any] = {}
    for kept, code in group:
        rows = book.rows[(book.rows["list"] == kept) & (book.rows["plot_code"] == code)]
        for position in rows["position"]:
            row = layers[life.lists[kept].layer].frame.loc[position].to_dict()
            values |= {k: v for k, v in row.items() if is_missing(values.get(k))}
    return values
