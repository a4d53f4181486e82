"""The same plot in several lists: by code, by the share of its outline in common, and what the lists then contradict."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import pandas as pd

from geosys._text import Text
from geosys.geo.pair_table import Terms
from geosys.geo.relations import relate

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from geosys._schema import UsableLayer
    from geosys.cases.plot_life import PlotLife, Standing

CODE = "feature_id"
MATCH_COLUMNS = (
    "first_layer", "first_code", "second_layer", "second_code", "is_same_code", "share", "area_m2", "is_same", "kind",
)  # fmt: skip
CLASH_COLUMNS = ("contradiction", "title_zh", "title_en", "first_list", "first_code", "second_list", "second_code")
SAME, CODE_ONLY, PLACE_ONLY, PARTLY = "same", "same_code_elsewhere", "same_place_other_code", "partly"
_MATCH_TITLES = {
    CODE_ONLY: Text("同一编码，位置不同", "One code, two places"),
    PLACE_ONLY: Text("同一位置，两个编码", "One place, two codes"),
    PARTLY: Text("边界部分重叠，待核对", "Outlines overlap in part: to be checked"),
}


def matches_of(layers: Mapping[str, UsableLayer], life: PlotLife) -> pd.DataFrame:
    """Return the pairs of rows of different layers that are, or may be, one plot.

    Returns
    -------
    Columns of `MATCH_COLUMNS`: `share` is the common area as a share of the smaller outline, on the ellipsoid; `kind`
    is ``same`` (code and place agree), ``same_code_elsewhere`` (no place to speak of in common),
    ``same_place_other_code`` or ``partly``; `is_same` says that the two are taken for one plot.
    """
    names = [name for name in dict.fromkeys(kept.layer for kept in life.lists.values()) if name in layers]
    pairs = [_pairs(a, b, layers, life) for a, b in itertools.combinations(names, 2)]
    filled = [table for table in pairs if len(table)]
    return pd.concat(filled, ignore_index=True) if filled else pd.DataFrame(columns=list(MATCH_COLUMNS))


def _pairs(first: str, second: str, layers: Mapping[str, UsableLayer], life: PlotLife) -> pd.DataFrame:
    one, two = layers[first].frame, layers[second].frame
    terms = Terms(str(one.crs), min_area_m2=0.0)
    found = relate("intersects", one.geometry.to_numpy(), two.geometry.to_numpy(), terms)
    ours, theirs = one[CODE].astype(str).to_numpy(), two[CODE].astype(str).to_numpy()
    shares: dict[tuple[str, str], tuple[float, float]] = {}
    for row in found.itertuples():
        share = max(row.share, row.object_share)
        if share >= life.look_share:
            shares[ours[row.subject], theirs[row.object]] = share, row.area_m2
    for code in sorted(set(ours) & set(theirs)):
        shares.setdefault((code, code), (0.0, 0.0))
    return pd.DataFrame(
        [_match(first, a, second, b, share, area, life) for (a, b), (share, area) in shares.items()],
        columns=list(MATCH_COLUMNS),
    )


def _match(first: str, a: str, second: str, b: str, share: float, area: float, life: PlotLife) -> tuple[Any, ...]:
    if a == b:
        kind = SAME if share >= life.min_share else PARTLY if share >= life.look_share else CODE_ONLY
    else:
        kind = PLACE_ONLY if share >= life.min_share else PARTLY
    is_same = kind in (SAME, PLACE_ONLY) or (kind == PARTLY and a == b)
    return first, a, second, b, a == b, share, area, is_same, kind


def contradictions_of(
    layers: Mapping[str, UsableLayer], life: PlotLife, rows: Mapping[str, pd.DataFrame], matches: pd.DataFrame
) -> pd.DataFrame:
    """Return what the lists contradict, of one plot in two lists or of one row; columns of `CLASH_COLUMNS`.

    Parameters
    ----------
    rows
        The rows of each list, with `plot_code`, `stage` and `position`.
    """
    found = list(_of_matches(life, matches))
    for name, clash in life.contradictions.items():
        firsts = _standing(clash.first, layers, life, rows)
        if clash.second is None:
            found += [(name, clash.title.zh, clash.title.en, clash.first.list, code, "", "") for code in firsts]
            continue
        seconds = set(_standing(clash.second, layers, life, rows))
        ends = life.lists[clash.first.list].layer, life.lists[clash.second.list].layer
        for a, b in _same(matches, *ends):
            if a in firsts and b in seconds:
                found.append((name, clash.title.zh, clash.title.en, clash.first.list, a, clash.second.list, b))
    return pd.DataFrame(found, columns=list(CLASH_COLUMNS))


def _of_matches(life: PlotLife, matches: pd.DataFrame) -> Iterator[tuple[str, ...]]:
    """Yield what a match itself says against its lists: one code in two places, one place under two codes."""
    list_of = {kept.layer: name for name, kept in reversed(list(life.lists.items()))}
    for row in matches[matches["kind"] != SAME].itertuples():
        title = _MATCH_TITLES[row.kind]
        ends = (list_of[row.first_layer], row.first_code, list_of[row.second_layer], row.second_code)
        yield (row.kind, title.zh, title.en, *ends)


def _standing(
    standing: Standing, layers: Mapping[str, UsableLayer], life: PlotLife, rows: Mapping[str, pd.DataFrame]
) -> list[str]:
    """Return the codes of the rows that stand so; a row whose stage or value is not known does not."""
    if standing.list not in rows:
        return []
    table = rows[standing.list]
    keep = table["stage"].isin(standing.stages)
    frame = layers[life.lists[standing.list].layer].frame.loc[table["position"]]
    for field, values in standing.when.items():
        keep &= frame[field].isin(values).to_numpy(dtype=bool)
    return [str(code) for code in table.loc[keep, "plot_code"]]


def _same(matches: pd.DataFrame, first: str, second: str) -> Iterator[tuple[str, str]]:
    """Yield the codes of the pairs taken for one plot, the row of the first layer first."""
    for row in matches[matches["is_same"].astype(bool)].itertuples():
        if (row.first_layer, row.second_layer) == (first, second):
            yield row.first_code, row.second_code
        elif (row.first_layer, row.second_layer) == (second, first):
            yield row.second_code, row.first_code
