"""The rows of the watch on land use: whom they are about, how they come out, and what is said of them."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import shapely

from geosys._text import Text
from geosys.cases.basis import cite
from geosys.geo.crs import GEOGRAPHIC, to_crs
from geosys.geo.pair_table import ROUNDING
from geosys.land_watch.parts import area_of, joined
from geosys.land_watch.use_changes import as_objects, texts
from geosys.layers.land_use_codes import NOT_CONSTRUCTION, UNDETERMINED, Category

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from geosys.land_watch.spec import Check, WatchSpec
    from geosys.land_watch.versions import StoredVersion

HIT, NEAR, CLEAR, NOT_ASSESSED, NEEDS_REVIEW = "hit", "near", "clear", "not_assessed", "needs_review"
OUTCOMES = (HIT, NEEDS_REVIEW, NOT_ASSESSED, NEAR, CLEAR)
NONE = "—"
MOST_OBJECTS = 12
COLUMNS = (
    "check", "title_zh", "title_en", "outcome", "severity", "use", "subject_layer", "subject_id", "subject_name", "object_ids",
    "use_before", "use_after", "gb36600_category", "area_m2", "doubtful_area_m2", "surveyed_area_m2", "subject_area_m2", "share",
    "limit_m2", "margin_m2", "is_near", "lon", "lat", "county_code", "township_name", "finding_zh", "finding_en", "reason_zh",
    "reason_en", "basis_zh", "basis_en", "action_zh", "action_en", "lead", "support", "due_on", "certainty", "version_before",
    "version_after", "versions",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Subjects:
    """Hold the features that rows are about, shape (n,): polygons in the plan's CRS, with id, name and place."""

    layer: str
    ids: NDArray[np.object_]
    names: list[str]
    shapes: NDArray[np.object_]
    counties: list[str]
    townships: list[str]
    withheld: NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Limits:
    """Hold how much is enough: area in m² on the ellipsoid, and the accuracy of borders in m."""

    min_area_m2: float
    near_m: float
    crs: str


@dataclass(frozen=True, slots=True)
class Decided:
    """Hold how each subject comes out, with its figures; all of shape (n,), areas in m² on the ellipsoid."""

    outcome: NDArray[np.object_]
    area: NDArray[np.float64]
    doubtful: NDArray[np.float64]
    margin: NDArray[np.float64]
    is_near: NDArray[np.bool_]
    place: NDArray[np.object_]


def subjects_of(stored: StoredVersion, name: str | None, county: str, township: str) -> Subjects:
    """Return the features of a version as subjects."""
    frame = stored.frame
    empty = [""] * len(frame)
    named = texts(frame[name]) if name and name in frame else empty
    ids = as_objects(frame["feature_id"])
    names = [word or str(i) for word, i in zip(named, ids, strict=True)]
    counties, townships = (texts(frame[c]) if c in frame else empty for c in (county, township))
    return Subjects(stored.layer, ids, names, stored.shapes, counties, townships, stored.withheld)


def decide(
    sure: NDArray[np.object_], doubt: NDArray[np.object_], unjudged: NDArray[np.object_], limits: Limits,
    cores: tuple[NDArray[np.object_], ...] | None = None,
) -> Decided:  # fmt: skip
    """Say how each subject comes out from the land that counts for certain, perhaps, and cannot be judged.

    Only the core reaches the limit; what reaches it by strips beside the core is *near*: borders drawn anew leave strips.
    The margin is the core's area against the limit; `is_near` says that borders moved by the accuracy may flip it.

    Parameters
    ----------
    sure, doubt, unjudged
        Polygons or empty ones in ``limits.crs``, shape (n,).
    cores
        The cores of `sure`, of `sure` and `doubt` together, and of `unjudged` (default: all of it).
    """
    needed, crs = limits.min_area_m2 * (1 - ROUNDING), limits.crs
    core, together, blind_core = cores or (sure, joined(sure, doubt), unjudged)
    area, doubtful = area_of(sure, crs), area_of(doubt, crs)
    figure = area_of(core, crs)
    hit = figure >= needed
    review = ~hit & (doubtful > 0) & (area_of(together, crs) >= needed)
    blind = ~hit & ~review & (area_of(blind_core, crs) >= needed)
    near = ~hit & ~review & ~blind & (area >= needed)
    outcome = np.select([hit, review, blind, near], [HIT, NEEDS_REVIEW, NOT_ASSESSED, NEAR], CLEAR).astype(object)
    margin = figure - limits.min_area_m2
    is_near = np.abs(margin) <= limits.near_m * shapely.length(core)
    place = np.where(hit, core, np.where(blind, blind_core, np.where(review, together, sure)))
    return Decided(outcome, area, doubtful, margin, is_near & hit, place.astype(object))


def category_words(found: Iterable[Category]) -> Text:
    """Return the categories of some uses for people: the strictest first, each with its reason."""
    told: dict[tuple[int, str], Text] = {}
    for category in found:
        if category.number is not None:
            mark = Text("（用途未定）", " (use undetermined)") if category.state == UNDETERMINED else Text("", "")
            zh, en = f"第{'一二'[category.number - 1]}类{mark.zh}", f"category {category.number}{mark.en}"
        elif category.state == NOT_CONSTRUCTION:
            zh, en = "非建设用地", "not construction land"
        else:
            zh, en = "不能判定", "cannot be judged"
        why = category.reason
        told[(category.number or 3, zh)] = Text(
            zh + (f"：{why.zh}" if why.zh else ""), en + (f": {why.en}" if why.en else "")
        )
    words = [told[key] for key in sorted(told)]
    return Text("；".join(w.zh for w in words) or NONE, "; ".join(w.en for w in words) or NONE)


def listed(words: Iterable[object], most: int = MOST_OBJECTS) -> str:
    """Return words as one text, each once, in order; what is too many is counted."""
    every = list(dict.fromkeys(str(word) for word in words if word))
    more = [f"… +{len(every) - most}"] if len(every) > most else []
    return "、".join([*every[:most], *more])


def finding_row(
    check: Check, spec: WatchSpec, subjects: Subjects, at: int, decided: Decided, today: dt.date, told: dict[str, Any]
) -> dict[str, Any]:
    """Return one row: the figures of a subject, its sentences, clause and term.

    Parameters
    ----------
    told
        What the check knows beyond: `use`, `before`, `after`, `category`, `reason` (texts), `objects` (ids), `subject_area`,
        `surveyed`, `limit` (m²), `version_before`, `version_after`, `versions`.
    """
    share = float(decided.area[at] / told["subject_area"]) if told["subject_area"] else 0.0
    use, category, reason = (told.get(key) or Text("", "") for key in ("use", "category", "reason"))
    objects = listed(told.get("objects", ()))
    basis = cite(check.basis, spec.basis, today)
    figures = {
        "name": subjects.names[at], "area_m2": f"{decided.area[at]:.2f}", "doubtful_area_m2": f"{decided.doubtful[at]:.2f}",
        "share_pct": f"{100 * min(share, 1.0):.2f}", "before": told.get("before") or NONE, "after": told.get("after") or NONE,
        "objects": objects or NONE,
    }  # fmt: skip
    sentence = {
        "zh": check.finding.zh.format(**figures, use=use.zh, category=category.zh or NONE),
        "en": check.finding.en.format(**figures, use=use.en, category=category.en or NONE),
    }
    outcome = str(decided.outcome[at])
    if outcome == NEAR and not reason.zh:
        reason = Text("只有窄条或零碎边，可能是重新描边", "strips or crumbs only: borders may have been drawn anew")
    due = today + dt.timedelta(days=check.due_days) if outcome in (HIT, NEEDS_REVIEW) else None
    return {
        "check": check.id, "title_zh": check.title.zh, "title_en": check.title.en, "outcome": outcome, "severity": check.severity,
        "use": use.zh, "subject_layer": subjects.layer, "subject_id": subjects.ids[at], "subject_name": subjects.names[at],
        "object_ids": objects, "use_before": told.get("before", ""), "use_after": told.get("after", ""),
        "gb36600_category": category.zh, "area_m2": decided.area[at], "doubtful_area_m2": decided.doubtful[at],
        "surveyed_area_m2": told.get("surveyed", 0.0), "subject_area_m2": told["subject_area"], "share": min(share, 1.0),
        "limit_m2": told["limit"], "margin_m2": decided.margin[at], "is_near": bool(decided.is_near[at]),
        "county_code": subjects.counties[at], "township_name": subjects.townships[at], "place": decided.place[at],
        "finding_zh": sentence["zh"], "finding_en": sentence["en"], "reason_zh": reason.zh, "reason_en": reason.en,
        "basis_zh": basis.zh, "basis_en": basis.en, "action_zh": check.action.zh, "action_en": check.action.en,
        "lead": check.lead, "support": "、".join(check.support), "due_on": due, "certainty": spec.certainty,
        "version_before": told.get("version_before", ""), "version_after": told.get("version_after", ""),
        "versions": told.get("versions", ""),
    }  # fmt: skip


def row_table(rows: Sequence[dict[str, Any]], crs: str) -> pd.DataFrame:
    """Return rows as a frame of `COLUMNS`, gravest outcome first, each with a point in its land in degrees (EPSG:4490)."""
    table = pd.DataFrame(list(rows)) if rows else pd.DataFrame(columns=[*COLUMNS, "place"])
    table["lon"], table["lat"] = point_in(as_objects(table["place"]), crs)
    rank = table["outcome"].map({outcome: i for i, outcome in enumerate(OUTCOMES)})
    table = table.assign(_rank=rank).sort_values(["check", "_rank", "subject_layer", "subject_id"], kind="stable")
    return table.reset_index(drop=True)[list(COLUMNS)]


def point_in(shapes: NDArray[np.object_], crs: str) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return longitude and latitude (EPSG:4490, six decimals) of a point in each shape; NaN for empty ones."""
    points = to_crs(np.array(shapely.point_on_surface(shapes), dtype=object), crs, GEOGRAPHIC)
    return np.round(shapely.get_x(points), 6), np.round(shapely.get_y(points), 6)
