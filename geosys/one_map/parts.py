"""The parts of a feature by theme, and its combinations in words: what the rows of an area ledger amount to."""

from __future__ import annotations

import math
from collections import defaultdict
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from geosys.one_map.kinds import JOINT, SURELY, Kind

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from geosys.layers.crosswalks import Counterpart
    from geosys.one_map.kinds import Objects
    from geosys.one_map.spec import OneMapSpec

PART_COLUMNS = (
    "feature_id", "theme", "theme_title", "code", "title", "system", "state", "area_m2", "share", "adjusted_m2", "why_zh", "why_en",
    "object_ids", "near", "margin_m", "crosswalk",
)  # fmt: skip


def parts_of(
    rows: pd.DataFrame,
    kinds: Mapping[tuple[int, ...], tuple[Kind, ...]],
    objects: Objects,
    spec: OneMapSpec,
    ids: list[str],
    whole: NDArray[np.float64],
) -> pd.DataFrame:
    """Return the sums of the ledger's rows by feature, theme and kind, the largest of a theme first."""
    numbers: dict[Kind, int] = {}
    numbered = {one: [numbers.setdefault(kind, len(numbers)) for kind in found] for one, found in kinds.items()}
    known = list(numbers)
    areas: dict[tuple[int, int, int], list[tuple[float, float]]] = defaultdict(list)
    held: dict[tuple[int, int, int], set[int]] = defaultdict(set)
    layers = [theme.layer for theme in spec.themes.values()]
    columns = (rows[n].tolist() for n in ("subject", "combination", "objects", "area_m2", "adjusted_m2"))
    for subject, combination, positions, area, adjusted in zip(*columns, strict=True):
        by_layer: dict[str, list[int]] = defaultdict(list)
        for position in positions:
            by_layer[objects.layer_of(position)].append(position)
        for place, number in enumerate(numbered[combination]):
            key = (subject, place, number)
            areas[key].append((area, adjusted))
            held[key].update(by_layer.get(layers[place], ()))
    told = {key[:2] for key, sums in areas.items() if any(area > 0 for area, _ in sums)}
    table = []
    for (subject, place, number), sums in areas.items():
        if (subject, place) in told and not any(area > 0 for area, _ in sums):
            continue  # the ledger's remainder is always there; a theme has one only where land is left over
        area, adjusted = (math.fsum(column) for column in zip(*sums, strict=True))
        share = area / whole[subject] if whole[subject] > 0 else 0.0
        of = sorted(held[subject, place, number])
        table.append((subject, place, -area, ids[subject], known[number], area, share, round(adjusted, 2), of))
    table.sort(key=lambda row: (*row[:3], row[4].code, row[4].state))
    return part_table([row[3:] for row in table], objects, spec)


def part_table(rows: list[tuple[Any, ...]], objects: Objects, spec: OneMapSpec) -> pd.DataFrame:
    """Return parts (feature, kind, area, share, adjusted, objects, near codes, margin) with titles and counterparts."""
    walks = {kind: _counterparts(kind, spec) for kind in {row[1] for row in rows}}
    made = []
    for feature, kind, area, share, adjusted, held, *beside in rows:
        theme = spec.themes[kind.theme]
        system = "" if theme.system is None or not kind.code else str(theme.system.title)
        near, margin = beside or ("", math.nan)
        made.append((
            feature, theme.id, str(theme.title), kind.code, kind.title, system, kind.state, area, share, adjusted, kind.why.zh,
            kind.why.en, JOINT.join(sorted(filter(None, (objects.ids[k] for k in held)))), near, margin, walks[kind],
        ))  # fmt: skip
    floats = dict.fromkeys(("area_m2", "share", "adjusted_m2", "margin_m"), "float64")
    return pd.DataFrame(made, columns=list(PART_COLUMNS)).astype(floats)


def counterparts_of(kind: Kind, spec: OneMapSpec) -> tuple[Counterpart, ...]:
    """Return the codes of the other system that a kind's code may be, the surest first; none unless its reading is sure."""
    walk = spec.crosswalk_of(spec.themes[kind.theme])
    return walk.counterparts(kind.code) if walk is not None and kind.state == SURELY else ()


def _counterparts(kind: Kind, spec: OneMapSpec) -> str:
    walk = spec.crosswalk_of(spec.themes[kind.theme])
    titles = (
        {} if walk is None else next(s.codes.titles for s in spec.systems.values() if s.codes.id == walk.target_list)
    )
    return "；".join(f"{c.code} {titles[c.code].zh}（{c.certainty}）" for c in counterparts_of(kind, spec))


def combination_table(
    rows: pd.DataFrame,
    kinds: Mapping[tuple[int, ...], tuple[Kind, ...]],
    objects: Objects,
    spec: OneMapSpec,
    ids: list[str],
) -> pd.DataFrame:
    """Return the ledger's rows in words, a feature's largest first: what it is there in each theme, and which objects hold it."""
    words = {key: [word_of(kind) for kind in found] for key, found in kinds.items()}
    said = pd.DataFrame([words[c] for c in rows["combination"]], columns=list(spec.themes))
    table = pd.concat([said, rows[["area_m2", "planar_m2", "share", "adjusted_m2"]].reset_index(drop=True)], axis=1)
    table.insert(0, "feature_id", [ids[i] for i in rows["subject"]])
    table = table.assign(
        object_ids=[JOINT.join(sorted(filter(None, (objects.ids[k] for k in held)))) for held in rows["objects"]]
    )
    order = np.lexsort((-rows["area_m2"].to_numpy(), rows["subject"].to_numpy()))
    return table.iloc[order].reset_index(drop=True)


def word_of(kind: Kind) -> str:
    """Return a kind in one cell: its code or what it is, marked where it is in doubt."""
    if kind.state == SURELY:
        return kind.code or kind.title
    return f"{kind.code}（{kind.why.zh}）" if kind.code else kind.why.zh
