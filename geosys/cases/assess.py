"""Judge every subject of every rule: hit, near, clear, not assessed or needs review, each with its margin."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import shapely

from geosys._errors import CrsError
from geosys._text import Text
from geosys.cases.conditions import FALSE, TODAY, TRUE, UNKNOWN, both, day_of, evaluate
from geosys.cases.rules import ATTRIBUTE
from geosys.geo.relations import Terms, relate

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from geosys._schema import UsableLayer
    from geosys.cases.rules import Rule

HIT, NEAR, CLEAR, NOT_ASSESSED, NEEDS_REVIEW = "hit", "near", "clear", "not_assessed", "needs_review"
OUTCOMES = (HIT, NEEDS_REVIEW, NEAR, NOT_ASSESSED, CLEAR)  # the gravest first: a subject takes its gravest
PAIR_COLUMNS = [
    "subject",
    "object",
    "outcome",
    "area_m2",
    "share",
    "distance_m",
    "measure",
    "margin",
    "days",
    "why_zh",
    "why_en",
]
UNKNOWN_VALUE = Text("判断所需的属性为空", "an attribute it depends on is missing")
WITHHELD_NEARBY = Text("附近有因数据问题未采用的记录", "a record withheld for a data issue lies there")


@dataclass(frozen=True, slots=True)
class Assessment:
    """Hold the judgement of one rule.

    `pairs` has one row a pair worth telling (hit, near, needs review), columns `PAIR_COLUMNS` with positions in
    subject and object frames (object −1: none; −2−k: the k-th withheld object); `outcomes` one row a subject
    with `subject_id` and its gravest `outcome`; `why` says why a rule could not be assessed at all.
    """

    rule: Rule
    pairs: pd.DataFrame
    outcomes: pd.DataFrame
    why: Text | None = None

    def counts(self) -> dict[str, int]:
        """Return how many subjects have each outcome."""
        found = self.outcomes["outcome"].value_counts()
        return {outcome: int(found.get(outcome, 0)) for outcome in OUTCOMES}


def assess(rule: Rule, layers: Mapping[str, UsableLayer], crs: str, today: dt.date) -> Assessment:
    """Return the judgement of one rule over the layers of a plan.

    A layer that is absent makes all subjects *not assessed*; so does a subject's own withheld row. Where an object
    was withheld, subjects within its reach *need review*: nothing is called clear on the strength of lost data.

    Raises
    ------
    CrsError
        When a layer is not in the plan's CRS.
    """
    missing = [name for name in (rule.subject, rule.object) if name is not None and name not in layers]
    if rule.subject in missing:
        nobody = pd.DataFrame({"subject_id": [None], "outcome": [NOT_ASSESSED]})
        return Assessment(rule, _no_pairs(), nobody, _absent(missing))
    view = layers[rule.subject]
    population = evaluate(rule.where, view.frame, "subject", today)
    if missing:
        outcomes = _outcomes(rule, view, np.flatnonzero(population != FALSE), _no_pairs(), today)
        if outcomes.empty:
            outcomes = pd.DataFrame({"subject_id": [None]})
        return Assessment(rule, _no_pairs(), outcomes.assign(outcome=NOT_ASSESSED), _absent(missing))
    subjects = np.flatnonzero(population != FALSE)
    if rule.relation == ATTRIBUTE:
        pairs = _judge_attributes(rule, view, subjects, population, today)
    else:
        pairs = _judge_relation(rule, view, layers[str(rule.object)], subjects, population, crs, today)
    return Assessment(rule, pairs, _outcomes(rule, view, subjects, pairs, today))


def _absent(missing: list[str]) -> Text:
    names = ", ".join(missing)
    return Text(f"缺少图层：{names}", f"layer absent: {names}")


def _no_pairs() -> pd.DataFrame:
    return pd.DataFrame(columns=PAIR_COLUMNS)


def _judge_attributes(
    rule: Rule, view: UsableLayer, subjects: NDArray[np.int64], population: NDArray[np.int8], today: dt.date
) -> pd.DataFrame:
    frame = view.frame.iloc[subjects]
    known = population[subjects]
    now = both(known, evaluate(rule.condition, frame, "subject", today))
    soon = both(known, evaluate(rule.condition, frame, "subject", today + dt.timedelta(days=rule.near_days)))
    days = _days_past(rule, frame, today)
    outcome = np.select([now == TRUE, now == UNKNOWN, soon == TRUE], [HIT, NEEDS_REVIEW, NEAR], CLEAR)
    pairs = pd.DataFrame(
        {"subject": subjects, "object": -1, "outcome": outcome, "days": days, "measure": days, "margin": days}
    )
    return _explained(pairs[pairs["outcome"] != CLEAR])


def _days_past(rule: Rule, frame: pd.DataFrame, today: dt.date) -> NDArray[np.float64]:
    """Return by how many days the one deciding date has passed; NaN where no single date decides."""
    dated = [
        c for c in (*rule.condition, *rule.where) if c.test == "before" and c.side == "subject" and c.value == TODAY
    ]
    if len(dated) == 1:
        passed = frame[dated[0].column].map(
            lambda d: (day_of(TODAY, today) - d).days if isinstance(d, dt.date) else np.nan
        )
        return np.asarray(passed, dtype=float)
    return np.full(len(frame), float((today - rule.due_on).days) if rule.due_on else np.nan)


def _judge_relation(
    rule: Rule,
    view: UsableLayer,
    other: UsableLayer,
    subjects: NDArray[np.int64],
    population: NDArray[np.int8],
    crs: str,
    today: dt.date,
) -> pd.DataFrame:
    answers = evaluate(rule.where, other.frame, "object", today)
    objects = np.flatnonzero(answers != FALSE)
    terms = terms_of(rule, view, other, crs)
    shapes, others = _shapes(view, subjects, crs), _shapes(other, objects, crs)
    pairs = relate(rule.relation, shapes, others, terms)
    pairs = _drop_self(rule, pairs, view, other, subjects, objects)
    left = subjects[pairs["subject"].to_numpy(dtype=np.int64)]
    right = np.array([objects[p] if p >= 0 else -1 for p in pairs["object"]], dtype=np.int64)
    known = population[left]
    if len(pairs):
        known = both(known, evaluate(rule.condition, view.frame.iloc[left], "subject", today))
        if rule.relation != "not_covered_by":
            known = both(known, answers[right])
            known = both(known, evaluate(rule.condition, other.frame.iloc[right], "object", today))
    hit = (pairs["state"] == "hit").to_numpy()
    outcome = np.select(
        [hit & (known == TRUE), hit & (known == UNKNOWN), ~hit & (known != FALSE)],
        [HIT, NEEDS_REVIEW, NEAR],
        CLEAR,
    )
    pairs = pairs.assign(subject=left, object=right, outcome=outcome, days=np.nan).drop(
        columns=["state", "object_share"]
    )
    pairs = pairs[pairs["outcome"] != CLEAR]
    return _explained(_with_withheld(rule, pairs, view, other, subjects, terms, today))


def terms_of(rule: Rule, view: UsableLayer, other: UsableLayer, crs: str) -> Terms:
    """Return the thresholds of a rule; nearness is the accuracy of both layers unless the rule says otherwise."""
    accuracy = float(np.hypot(view.schema.accuracy_m, other.schema.accuracy_m))
    return Terms(crs=crs, near_m=accuracy if rule.near_m is None else rule.near_m, **dict(rule.settings))


def _shapes(view: UsableLayer, rows: NDArray[np.int64], crs: str) -> NDArray[np.object_]:
    if view.frame.crs is None or view.frame.crs != crs:
        raise CrsError(f"layer {view.schema.id}: got CRS {view.frame.crs}, expected {crs}. Take the layer in again.")
    return np.asarray(view.frame.geometry.to_numpy()[rows], dtype=object)


def _drop_self(
    rule: Rule,
    pairs: pd.DataFrame,
    view: UsableLayer,
    other: UsableLayer,
    subjects: NDArray[np.int64],
    objects: NDArray[np.int64],
) -> pd.DataFrame:
    """Return the pairs without those of a feature with itself, where a rule relates a layer to itself."""
    if rule.subject != rule.object:
        return pairs
    own = view.frame["feature_id"].to_numpy()[subjects[pairs["subject"].to_numpy(dtype=np.int64)]]
    theirs = other.frame["feature_id"].to_numpy()[objects[pairs["object"].to_numpy(dtype=np.int64)]]
    return pairs[own != theirs].reset_index(drop=True)


def _with_withheld(
    rule: Rule,
    pairs: pd.DataFrame,
    view: UsableLayer,
    other: UsableLayer,
    subjects: NDArray[np.int64],
    terms: Terms,
    today: dt.date,
) -> pd.DataFrame:
    """Add *needs review* where a withheld object lies within reach; a hit on "not covered" there is no longer sure."""
    lost = other.withheld
    if lost.empty:
        return pairs
    kept = {bytes(w) for w in shapely.to_wkb(shapely.normalize(other.frame.geometry.to_numpy()))}
    place = lost.geometry.to_numpy()
    usable = [
        i
        for i, g in enumerate(place)
        if g is not None and not g.is_empty and bytes(shapely.to_wkb(shapely.normalize(g))) not in kept
    ]
    asked = evaluate(rule.where, lost, "object", today) != FALSE
    usable = [i for i in usable if asked[i]]
    hulls = shapely.convex_hull(place[usable]) if usable else np.array([], dtype=object)
    reach = terms.distance_m + terms.near_m
    tree = shapely.STRtree(hulls)
    shapes = _shapes(view, subjects, terms.crs)
    left, right = (
        tree.query(shapes, predicate="dwithin", distance=reach)
        if len(hulls)
        else (np.array([], int), np.array([], int))
    )
    touched = subjects[np.unique(left)]
    if rule.relation == "not_covered_by":
        doubtful = pairs["subject"].isin(touched) & (pairs["outcome"] == HIT)
        return pairs.assign(outcome=np.where(doubtful, NEEDS_REVIEW, pairs["outcome"]), withheld=doubtful)
    sure = set(pairs["subject"][pairs["outcome"] == HIT])
    extra = [
        (int(subjects[a]), -2 - usable[int(b)])
        for a, b in zip(left, right, strict=True)
        if int(subjects[a]) not in sure
    ]
    more = pd.DataFrame(extra, columns=["subject", "object"]).assign(outcome=NEEDS_REVIEW, withheld=True)
    return pd.concat([pairs.assign(withheld=False), more], ignore_index=True) if extra else pairs


def _explained(pairs: pd.DataFrame) -> pd.DataFrame:
    """Return the pairs in order, each needing review with the reason."""
    withheld = pairs["withheld"].eq(True) if "withheld" in pairs else pd.Series(data=False, index=pairs.index)
    review = pairs["outcome"] == NEEDS_REVIEW
    why_zh = np.where(withheld, WITHHELD_NEARBY.zh, np.where(review, UNKNOWN_VALUE.zh, ""))
    why_en = np.where(withheld, WITHHELD_NEARBY.en, np.where(review, UNKNOWN_VALUE.en, ""))
    table = pairs.assign(why_zh=why_zh, why_en=why_en).reindex(columns=PAIR_COLUMNS)
    return table.sort_values(["subject", "object"], kind="stable").reset_index(drop=True)


def _outcomes(
    rule: Rule, view: UsableLayer, subjects: NDArray[np.int64], pairs: pd.DataFrame, today: dt.date
) -> pd.DataFrame:
    """Return the gravest outcome of each subject asked about, withheld ones included as *not assessed*."""
    rank = {name: i for i, name in enumerate(OUTCOMES)}
    gravest = pd.Series(rank[CLEAR], index=subjects)
    if len(pairs):
        worst = pairs["outcome"].map(rank).groupby(pairs["subject"].to_numpy()).min()
        gravest.loc[worst.index] = worst
    names = view.frame["feature_id"].to_numpy()[subjects]
    rows = pd.DataFrame({"subject_id": names, "outcome": [OUTCOMES[int(r)] for r in gravest.to_numpy()]})
    lost = view.withheld
    asked = evaluate(rule.where, lost, "subject", today) != FALSE
    gone = pd.DataFrame({"subject_id": lost["feature_id"].to_numpy()[asked], "outcome": NOT_ASSESSED})
    gone = gone[~gone["subject_id"].isin(rows["subject_id"])]
    return pd.concat([rows, gone], ignore_index=True) if len(gone) else rows
