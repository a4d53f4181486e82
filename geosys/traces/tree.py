"""The tributaries above a section as a tree of rivers, with what each brings and what comes down it in all."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray


UNNAMED = "（无名）"


def stems_of(tree: pd.DataFrame) -> pd.Series:
    """Return for each reach of a tree, indexed by reach, the number of the river stem that it belongs to.

    A stem is what hangs together under one name; an unnamed tributary is a stem of its own. Numbers count from the section
    upwards, 0 being the section's own river.

    Parameters
    ----------
    tree
        `geosys.geo.tracing.Upstream.tree`: `reach`, `river_name`, `next_reach`, nearest first.
    """
    stem: dict[int, int] = {}
    name: dict[int, str] = {}
    count = 0
    for reach, river, below in tree[["reach", "river_name", "next_reach"]].itertuples(index=False):
        if reach in stem:
            continue
        name[reach] = str(river or "")
        if below in stem and name[below] == name[reach]:
            stem[reach] = stem[below]
        elif below not in stem and not count:
            stem[reach], count = 0, 1
        elif below not in stem and name[reach] in {name[r] for r, s in stem.items() if s == 0}:
            stem[reach] = 0  # a section at a node stands on several reaches
        else:
            stem[reach], count = count, count + 1
    return pd.Series(stem, dtype=np.int64)


def tributaries(
    tree: pd.DataFrame, sources: pd.DataFrame, loads: Sequence[str], sections: pd.DataFrame
) -> pd.DataFrame:
    """Return one row for each river stem above a section, in the order of the tree, each under the one it runs into.

    Parameters
    ----------
    tree
        `geosys.geo.tracing.Upstream.tree`.
    sources
        What may be the cause, one row each: `reach`, `flow_t_d` (NaN: unknown), `is_counted` (false for one that discharges
        through another), and the load columns.
    loads
        Names of the columns with kilograms a day, NaN where unknown.
    sections
        The other sections above: `reach`.

    Returns
    -------
    Columns `stem`, `parent` (−1 for the section's own), `depth`, `river_name`, `joins_at_m` (channel distance from the
    section to where it joins), `length_m`, `stretch_m` (the part where the fault must lie), `sections`, `sources`,
    `flow_t_d`, `flow_unknown` and for each load `<load>`, `<load>_unknown`; of the stem alone. Then the same with `all_`
    before the name: the stem with all that runs into it. Sums are of what is known; how many are not is told beside.
    """
    stem = stems_of(tree)
    part = tree.assign(stem=tree["reach"].map(stem), length=tree["to_m"] - tree["from_m"])
    inside = part["to_m"] - part["stretch_from_m"].clip(lower=part["from_m"])
    part["inside"] = inside.where(part["is_in_stretch"], 0.0).fillna(0.0)
    first = part.drop_duplicates("stem").set_index("stem").sort_index()
    parent = first["next_reach"].map(stem).fillna(-1).astype(np.int64).where(first.index != 0, -1)
    table = pd.DataFrame(
        {
            "stem": first.index, "parent": parent.to_numpy(), "river_name": first["river_name"].replace("", UNNAMED).to_numpy(),
            "joins_at_m": first["near_m"].to_numpy(),
        }
    )  # fmt: skip
    sums = part.groupby("stem")[["length", "inside"]].sum()
    table["length_m"], table["stretch_m"] = sums["length"].to_numpy(), sums["inside"].to_numpy()
    own = _own(table["stem"].to_numpy(), stem, sources, loads, sections)
    table = pd.concat([table, own], axis=1)
    table = table.assign(
        **{f"all_{name}": _with_tributaries(table["parent"].to_numpy(), own[name].to_numpy()) for name in own}
    )
    return _in_tree_order(table)


def _own(
    stems: NDArray[np.int64], stem: pd.Series, sources: pd.DataFrame, loads: Sequence[str], sections: pd.DataFrame
) -> pd.DataFrame:
    """Return what stands on each stem: sections, sources, known sums and counts of unknown."""
    counted = sources[sources["is_counted"].astype(bool)]
    size, at = len(stems), counted["reach"].map(stem)
    on = at.notna().to_numpy()  # one found over a reach without direction is in no stem
    at = at.to_numpy()[on].astype(np.int64)
    other = sections["reach"].map(stem).dropna().to_numpy(dtype=np.int64)
    table = pd.DataFrame(
        {"sections": np.bincount(other, minlength=size), "sources": np.bincount(at, minlength=size)}, index=range(size)
    )
    for name in ("flow_t_d", *loads):
        value = counted[name].to_numpy(dtype=np.float64)[on]
        table[name] = np.bincount(at, weights=np.nan_to_num(value), minlength=size)
        unknown = "flow_unknown" if name == "flow_t_d" else f"{name}_unknown"
        table[unknown] = np.bincount(at[np.isnan(value)], minlength=size)
    return table


def _with_tributaries(parent: NDArray[np.int64], own: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return sums over each stem and all above it; a stem has a higher number than the one it runs into."""
    total = own.copy()
    for row in range(len(parent) - 1, 0, -1):
        if parent[row] >= 0:
            total[parent[row]] += total[row]
    return total


def _in_tree_order(table: pd.DataFrame) -> pd.DataFrame:
    """Return stems depth first, the nearest confluence first, with how deep each lies."""
    children: dict[int, list[int]] = {}
    for row, parent in zip(table["stem"], table["parent"], strict=True):
        children.setdefault(int(parent), []).append(int(row))
    order: list[int] = []
    depth: dict[int, int] = {}
    todo = [(one, 0) for one in reversed(children.get(-1, []))]
    while todo:
        one, level = todo.pop()
        order.append(one)
        depth[one] = level
        near = sorted(children.get(one, []), key=lambda row: (table["joins_at_m"][row], row), reverse=True)
        todo += [(row, level + 1) for row in near]
    result = table.iloc[order].reset_index(drop=True)
    result.insert(2, "depth", [depth[one] for one in order])
    return result
