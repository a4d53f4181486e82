"""The columns that rules, cards and plot sheets take from the one map: codes, areas, and how far each theme was assessed."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from geosys.one_map.kinds import NOT_ASSESSED, OUTSIDE, REVIEW, SURELY

if TYPE_CHECKING:
    from geosys.one_map.spec import Measure, OneMapSpec, Theme

ASSESSED, PARTLY = "assessed", "partly"
JOINT = "、"
STATE = "_state"  # the end of the names of the columns that tell how far a theme was assessed


def results_of(features: pd.Series, parts: pd.DataFrame, spec: OneMapSpec, *, is_point: bool) -> pd.DataFrame:
    """Return the result columns, on the index of the features.

    Parameters
    ----------
    features
        Feature ids.
    parts
        The parts of the one map, columns as of `geosys.one_map.composition.PART_COLUMNS`.

    Returns
    -------
    For each theme ``<theme>_state`` (`assessed`, `partly`: the layer leaves a part open, `needs_review`,
    `not_assessed`) and its result: the sure codes, the largest first; for a line of control the area under it in m² (for
    a point, under the name without its unit, whether it lies inside). For each measure its area. What is not assessed
    is missing, never 0; what is assessed in part is what is sure.
    """
    found: dict[str, pd.Series] = {}
    for theme in spec.themes.values():
        own = parts[parts["theme"] == theme.id]
        states = _states(features, own, spec.least_m2, is_point=is_point)
        found[theme.id + STATE] = states
        known = states.ne(NOT_ASSESSED)
        sure = own[own["state"] == SURELY]
        if theme.field is not None:
            found[theme.result] = _codes(features, sure).where(known)
        elif is_point:
            found[theme.result.removesuffix("_m2")] = _truth(features, own).where(known)
        else:
            found[theme.result] = _areas(features, sure).where(known)
    for measure in spec.measures.values():
        if not is_point:
            own = parts[(parts["theme"] == measure.theme) & (parts["state"] == SURELY)]
            known = found[measure.theme + STATE].ne(NOT_ASSESSED)
            found[measure.id] = (_areas(features, _chosen(own, measure)) / measure.unit_m2).where(known)
    order = sorted(found, key=lambda name: name.endswith(STATE))
    return pd.DataFrame({name: found[name] for name in order}, index=features.index)


def titles_of(spec: OneMapSpec) -> dict[str, str]:
    """Return the Chinese title of each result column, of states and measures too."""
    themes: list[Theme] = list(spec.themes.values())
    titles = {t.result: str(t.title) + ("" if t.field else "（m²）") for t in themes}
    titles |= {t.result.removesuffix("_m2"): f"在{t.title}内" for t in themes if not t.field}
    return (
        titles
        | {t.id + STATE: f"{t.title}：状态" for t in themes}
        | {m.id: str(m.title) for m in spec.measures.values()}
    )


def _states(features: pd.Series, own: pd.DataFrame, least_m2: float, *, is_point: bool) -> pd.Series:
    """Return how far a theme was assessed for each feature; less than `least_m2` changes nothing."""
    counts = own if is_point else own[own["area_m2"] >= least_m2]
    has = {
        state: set(counts.loc[counts["state"] == state, "feature_id"])
        for state in (SURELY, OUTSIDE, REVIEW, NOT_ASSESSED)
    }
    ids = features.tolist()
    inside = {state: np.array([i in found for i in ids], dtype=bool) for state, found in has.items()}
    some = inside[SURELY] | inside[OUTSIDE] | inside[REVIEW]
    small = ~(some | inside[NOT_ASSESSED])  # a feature below the least area: its largest part speaks
    states = np.select(
        [inside[REVIEW], some & inside[NOT_ASSESSED], inside[NOT_ASSESSED]], [REVIEW, PARTLY, NOT_ASSESSED], ASSESSED
    ).astype(object)
    if small.any():
        first = own.drop_duplicates("feature_id").set_index("feature_id")["state"]
        words = {SURELY: ASSESSED, OUTSIDE: ASSESSED}
        found = [first.get(ids[i], NOT_ASSESSED) for i in np.flatnonzero(small)]
        states[small] = [words.get(state, state) for state in found]
    return pd.Series(states, index=features.index)


def _codes(features: pd.Series, sure: pd.DataFrame) -> pd.Series:
    found: dict[str, list[str]] = defaultdict(list)
    for feature, code in zip(sure["feature_id"], sure["code"], strict=True):
        found[feature].append(code)
    return pd.Series([JOINT.join(found[i]) for i in features], index=features.index, dtype=object)


def _truth(features: pd.Series, own: pd.DataFrame) -> pd.Series:
    known = own[own["state"].isin([SURELY, OUTSIDE])].set_index("feature_id")["state"].eq(SURELY).to_dict()
    return pd.Series([known.get(i) for i in features], index=features.index, dtype="boolean")


def _areas(features: pd.Series, sure: pd.DataFrame) -> pd.Series:
    sums = sure.groupby("feature_id")["area_m2"].sum().to_dict()
    return pd.Series([sums.get(i, 0.0) for i in features], index=features.index, dtype="float64")


def _chosen(own: pd.DataFrame, measure: Measure) -> pd.DataFrame:
    return own[own["code"].str.startswith(measure.prefixes)]
