"""What lost and incomplete objects may change: nothing is called clear, and nothing certain, on the strength of them.

An object is lost where its row was withheld; the hull of its shape bounds it. It is uncertain where an attribute that
`where` needs is missing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import shapely

from geosys.cases.conditions import FALSE, TRUE, UNKNOWN, both, evaluate
from geosys.geo.pair_table import in_plane
from geosys.geo.relations import Sides, Terms, relate

if TYPE_CHECKING:
    import datetime as dt

    from numpy.typing import NDArray

    from geosys._schema import UsableLayer
    from geosys.cases.rules import Rule

NONE_FOUND = -1


@dataclass(frozen=True, slots=True)
class Objects:
    """Hold some objects: shapes, feature ids, and positions as pairs tell them (−2−k: the k-th withheld row)."""

    shapes: NDArray[np.object_]
    ids: NDArray[np.object_]
    place: NDArray[np.int64]

    def where(self, keep: NDArray[np.bool_]) -> Objects:
        """Return some of the objects."""
        return Objects(self.shapes[keep], self.ids[keep], self.place[keep])

    def and_also(self, more: Objects) -> Objects:
        """Return these objects and some more."""
        parts = [(getattr(self, name), getattr(more, name)) for name in ("shapes", "ids", "place")]
        return Objects(*(np.concatenate(pair) for pair in parts))

    def related_to(self, subjects: Objects, rule: Rule, terms: Terms) -> pd.DataFrame:
        """Return the pair table of subjects with these objects, the object as it is told; no feature with itself."""
        itself = None
        if rule.subject == rule.object:
            place = pd.Series(np.arange(len(self.ids)), index=self.ids)
            place = place[~place.index.duplicated() & place.index.notna()]
            itself = place.reindex(subjects.ids).fillna(NONE_FOUND).to_numpy(dtype=np.int64)
        classes = (
            np.full(len(self.place), chosen_classes(rule), dtype=object) if rule.relation == "composition" else None
        )
        pairs = relate(rule.relation, subjects.shapes, self.shapes, terms, itself=itself, classes=classes)
        if rule.relation == "composition":
            pairs = pairs[pairs["object_class"] != ""]
        right = pairs["object"].to_numpy()
        return pairs.assign(object=np.where(right >= 0, np.append(self.place, NONE_FOUND)[right], NONE_FOUND))


def chosen_classes(rule: Rule) -> str:
    """Return the classes that a composition adds up, as its condition names them."""
    chosen = [c for c in rule.condition if c.side == "object"]
    return "; ".join("、".join(map(str, c.value)) if c.test == "in" else f"{c.test} {c.value}" for c in chosen)


def lost_objects(rule: Rule, other: UsableLayer, today: dt.date) -> Objects:
    """Return the hulls of the withheld objects that the rule may be about, those without a place left out.

    One that is drawn exactly as a row that was kept is a double of it, and nothing is lost with it.
    """
    lost = other.withheld
    place = np.asarray(lost.geometry.to_numpy(), dtype=object)
    usable = (
        ~shapely.is_missing(place) & ~shapely.is_empty(place) & (evaluate(rule.where, lost, "object", today) != FALSE)
    )
    if rule.relation == "composition":
        usable &= evaluate(rule.condition, lost, "object", today) != FALSE
    if usable.any():
        kept = np.asarray(other.frame.geometry.to_numpy(), dtype=object)
        alike = np.isin(_corners(kept), _corners(place[usable]))  # only where the boxes agree is drawing compared
        known = {bytes(w) for w in shapely.to_wkb(shapely.normalize(kept[alike]))}
        usable[usable] = [bytes(w) not in known for w in shapely.to_wkb(shapely.normalize(place[usable]))]
    at = np.flatnonzero(usable)
    hulls = np.asarray(shapely.convex_hull(place[at]), dtype=object)
    return Objects(hulls, np.full(len(at), None, dtype=object), -2 - at)


def _corners(shapes: NDArray[np.object_]) -> NDArray[np.complex128]:
    bounds = shapely.bounds(shapes)
    return np.asarray(bounds[:, 0] + 1j * bounds[:, 3])


def with_lost(pairs: pd.DataFrame, subjects: Objects, lost: Objects, terms: Terms) -> pd.DataFrame:
    """Add the pairs of subjects that have no sure hit with the lost objects in their reach on the ground.

    `pairs` has the positions in `subjects` as `subject` and whether the pair is a sure hit as `sure`.
    """
    tree = shapely.STRtree(lost.shapes)
    reach = in_plane(terms.distance_m + terms.near_m, Sides(subjects.shapes, lost.shapes), terms.crs)
    left, right = tree.query(subjects.shapes, predicate="dwithin", distance=reach)
    unsure = ~np.isin(left, pairs["subject"][pairs["sure"]])
    more = pd.DataFrame(
        {"subject": left[unsure], "object": lost.place[right[unsure]], "withheld": True, "doubtful": True}
    )
    return pd.concat([pairs, more], ignore_index=True) if len(more) else pairs


def nearest_in_doubt(
    subjects: Objects, sure: Objects, uncertain: Objects, lost: Objects, rule: Rule, terms: Terms
) -> pd.DataFrame:
    """Return the nearest of the sure objects, and the uncertain and lost ones that may be nearer.

    Columns of the pair table, `doubtful` (which one is the nearest is not known) and `withheld`.
    """
    pairs = sure.related_to(subjects, rule, terms).assign(doubtful=False, withheld=False)
    others = uncertain.and_also(lost)
    if not len(others.place):
        return pairs
    more = others.related_to(subjects, rule, terms)
    least = pairs.groupby("subject")["distance_m"].min().reindex(more["subject"]).fillna(np.inf).to_numpy()
    more = more[more["distance_m"].to_numpy() <= least + max(terms.near_m, terms.tolerance_m)]
    more = more.assign(doubtful=True, withheld=more["object"] < NONE_FOUND)
    by_lost = set(more["subject"][more["withheld"]])
    pairs = pairs.assign(doubtful=pairs["subject"].isin(more["subject"]), withheld=pairs["subject"].isin(by_lost))
    return pd.concat([pairs, more], ignore_index=True) if len(more) else pairs


def all_in_doubt(
    subjects: Objects, sure: Objects, uncertain: Objects, lost: Objects, rule: Rule, terms: Terms
) -> pd.DataFrame:
    """Return what holds with the sure objects, and for which subjects the uncertain and lost ones may turn it.

    Columns of the pair table, figures those of the sure objects alone, `doubtful` (a hit may be none, or none a hit)
    and `withheld` (it takes a lost object for that).
    """
    pairs = sure.related_to(subjects, rule, terms)
    flips: dict[int, bool] = {}
    for more, with_hulls in ((uncertain, False), (uncertain.and_also(lost), True)):
        if len(more.place) > (len(uncertain.place) if with_hulls else 0):
            other = sure.and_also(more).related_to(subjects, rule, terms)
            turned = set(pairs["subject"][pairs["state"] == "hit"]) ^ set(other["subject"][other["state"] == "hit"])
            flips |= {int(s): with_hulls for s in turned if s not in flips}
    absent = sorted(set(flips) - set(pairs["subject"]))
    blank = pd.DataFrame(
        {"subject": absent, "object": NONE_FOUND, "state": "near", "area_m2": 0.0, "share": 0.0, "measure": 0.0}
    )
    pairs = pd.concat([pairs, blank.assign(object_class=chosen_classes(rule))], ignore_index=True) if absent else pairs
    return pairs.assign(
        doubtful=pairs["subject"].isin(list(flips)),
        withheld=pairs["subject"].isin([s for s, lost_one in flips.items() if lost_one]),
    )


def answers_about(rule: Rule, other: UsableLayer, today: dt.date) -> NDArray[np.int8]:
    """Return for each object whether the rule is about it; a composition is about those of its classes only."""
    answers = evaluate(rule.where, other.frame, "object", today)
    if rule.relation == "composition":
        answers = both(answers, evaluate(rule.condition, other.frame, "object", today))
    return answers


def parted(objects: Objects, answers: NDArray[np.int8]) -> tuple[Objects, Objects]:
    """Return the objects that a rule is about for sure, and those of which that is not known."""
    return objects.where(answers == TRUE), objects.where(answers == UNKNOWN)
