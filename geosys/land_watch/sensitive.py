"""Homes and public services on land that may be polluted: changes of use, listed plots, and land put on the market."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely

from geosys._text import Text
from geosys.cases.conditions import FALSE, TRUE, UNKNOWN, evaluate
from geosys.land_watch.parts import apart, area_of, joined, nothing, split, wide_land
from geosys.land_watch.rows import (
    CLEAR,
    NEEDS_REVIEW,
    Decided,
    Limits,
    category_words,
    decide,
    finding_row,
    listed,
    subjects_of,
)
from geosys.land_watch.use_changes import (
    BEFORE_OPEN,
    Became,
    UsePatches,
    became_sensitive,
    named_parts,
    surveyed_land,
    texts,
    use_patches,
    without_survey,
)
from geosys.layers.land_use_codes import NOT_ASSESSED as UNREADABLE
from geosys.layers.land_use_codes import UNKNOWN as OPEN
from geosys.layers.land_use_codes import YES

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from geosys._schema import LayerSchema
    from geosys.land_watch.rows import Subjects
    from geosys.land_watch.spec import PlaceLayer, PlotLayer, UseLayer, WatchSpec
    from geosys.land_watch.versions import StoredVersion
    from geosys.layers.land_use_codes import LandUseCodes

Rows = list[dict[str, Any]]
Wide = tuple["NDArray[np.object_]", ...]
PLOT_WITHHELD = Text("地块记录在接收时被扣留", "the plot's row was withheld at intake")
SURVEY_OPEN = Text("地块的调查是否完成没有记录", "whether the plot's survey is finished is not recorded")
LIST_OPEN = Text("地块是否仍在名录内没有记录", "whether the plot is still listed is not recorded")


@dataclass(frozen=True, slots=True)
class Sources:
    """Hold what every check needs: content, look-ups, schemas, the plan's CRS, the day, and the current versions."""

    spec: WatchSpec
    codes: LandUseCodes
    schemas: Mapping[str, LayerSchema]
    crs: str
    today: dt.date
    current: Mapping[str, StoredVersion]

    def subjects(self, stored: StoredVersion) -> Subjects:
        """Return the features of a version as subjects, with their place."""
        farmland = self.spec.farmland
        given = subjects_of(stored, self.schemas[stored.layer].name_field, farmland.county, farmland.township)
        counties, townships = (self._units(place, given.shapes) for place in (self.spec.county, self.spec.township))
        return dataclasses.replace(
            given, counties=[lies or said for lies, said in zip(counties, given.counties, strict=True)],
            townships=[lies or said for lies, said in zip(townships, given.townships, strict=True)],
        )  # fmt: skip

    def _units(self, place: PlaceLayer, shapes: NDArray[np.object_]) -> list[str]:
        """Return the unit that a point of each shape lies in; an empty text where none is known."""
        found = [""] * len(shapes)
        stored = self.current.get(place.layer)
        if stored is not None:
            names = texts(stored.frame[place.field])
            at, unit = shapely.STRtree(stored.shapes).query(shapely.point_on_surface(shapes), predicate="intersects")
            for i, k in sorted(zip(at.tolist(), unit.tolist(), strict=True), reverse=True):
                found[i] = names[k]
        return found

    def limits(self, one: str, two: str, min_area_m2: float) -> Limits:
        """Return the limits between two layers; the accuracy is that of both together."""
        near_m = float(np.hypot(self.schemas[one].accuracy_m, self.schemas[two].accuracy_m))
        return Limits(min_area_m2, near_m, self.crs)

    def patches(self, use: UseLayer, stored: StoredVersion) -> UsePatches:
        """Return the patches of a version of a use layer with what their use means."""
        return use_patches(stored, use.code, use.name, use.system, self.codes)

    def plots(self) -> list[tuple[PlotLayer, StoredVersion]]:
        """Return the plot layers that have a current version."""
        return [(plots, self.current[plots.layer]) for plots in self.spec.plots if plots.layer in self.current]


@dataclass(frozen=True, slots=True)
class Found:
    """Hold the rows of a check about one layer and use, and how many subjects came out how."""

    check: str
    use: str
    layer: str
    rows: Rows
    outcomes: NDArray[np.object_]


def changes_of_use(sources: Sources, use: UseLayer, before: StoredVersion, after: StoredVersion) -> list[Found]:
    """Find the plots, and the land outside all plots, whose use became 一住两公 without a finished survey."""
    earlier, later = (sources.patches(use, version) for version in (before, after))
    became = became_sensitive(earlier, later, sources.crs)
    plots = sources.plots()
    strip_m = sources.spec.strip_m
    parts = (became.sure, became.doubt, became.unjudged)
    wide = tuple(np.concatenate([wide_land(np.concatenate(parts[:n]), strip_m), became.swallowed]) for n in (1, 2, 3))
    surveyed = surveyed_land([v.shapes for _, v in plots], [surveys_of(p, v, sources.today) for p, v in plots])
    versions = {"version_before": before.version, "version_after": after.version}
    found = [_changed_plots(sources, use, became, wide, surveyed, stored, versions) for _, stored in plots]
    every = np.concatenate([nothing(0), *(v.shapes[~v.withheld] for _, v in plots)])
    sure, doubt, unjudged = (split(p, every, sources.crs).outside for p in (became.sure, became.doubt, became.unjudged))
    open_land = without_survey(sure, doubt, surveyed, sources.crs)
    words: list[dict[str, Any]] = [
        {"before": became.before_words[i], "after": later.words[i], "objects": [], "patches": [i]}
        for i in range(len(later.ids))
    ]
    rest = (open_land[0], open_land[1], unjudged, open_land[2])
    return [*found, _change_rows(sources, use, became, wide, sources.subjects(after), rest, words, versions)]


def surveys_of(plots: PlotLayer, stored: StoredVersion, today: dt.date) -> NDArray[np.int8]:
    """Return whether the survey of each plot is finished; of a withheld plot nobody knows."""
    if plots.surveyed is None:
        return np.full(len(stored.frame), FALSE, dtype=np.int8)
    answer = evaluate(plots.surveyed, stored.frame, "subject", today)
    return np.where(stored.withheld & (answer == TRUE), UNKNOWN, answer).astype(np.int8)


def _changed_plots(
    sources: Sources, use: UseLayer, became: Became, wide: Wide, surveyed: tuple[NDArray[np.object_], NDArray[np.object_]],
    stored: StoredVersion, versions: Mapping[str, str],
) -> Found:  # fmt: skip
    subjects, crs = sources.subjects(stored), sources.crs
    cuts = [split(subjects.shapes, part, crs) for part in (became.sure, became.doubt, became.unjudged)]
    sure, doubt, covered = without_survey(cuts[0].inside, cuts[1].inside, surveyed, crs)
    lost = subjects.withheld
    gone = joined(cuts[2].inside, np.where(lost, joined(sure, doubt), nothing(len(lost))))
    parts = (np.where(lost, nothing(len(lost)), sure), np.where(lost, nothing(len(lost)), doubt), gone, covered)
    pairs = np.concatenate([np.column_stack([cut.left, cut.right]) for cut in cuts])
    after = named_parts(cuts[0].left, became.after.words[cuts[0].right], cuts[0].area_m2)
    words = []
    for i in range(len(subjects.ids)):
        patches = list(dict.fromkeys(pairs[pairs[:, 0] == i, 1].tolist()))
        before = listed(became.before_words[k] for k in patches)
        then = after.get(i) or listed(became.after.words[k] for k in patches)
        words.append({"before": before, "after": then, "objects": became.after.ids[patches], "patches": patches})
    return _change_rows(sources, use, became, wide, subjects, parts, words, versions)


def _change_rows(
    sources: Sources, use: UseLayer, became: Became, wide: Wide, subjects: Subjects,
    parts: tuple[NDArray[np.object_], ...], words: Sequence[Mapping[str, Any]], versions: Mapping[str, str],
) -> Found:  # fmt: skip
    spec, later = sources.spec, became.after
    sure, doubt, unjudged, covered = parts
    cores = tuple(
        split(part, cover, sources.crs).inside
        for part, cover in zip((sure, joined(sure, doubt), unjudged), wide, strict=True)
    )
    decided = decide(sure, doubt, unjudged, sources.limits(use.layer, use.layer, spec.min_area_m2), cores)
    own, done = area_of(subjects.shapes, sources.crs), area_of(covered, sources.crs)
    rows = []
    check = spec.checks["became_sensitive"]
    for i in np.flatnonzero(decided.outcome != CLEAR).tolist():
        patches = words[i]["patches"]
        told = {
            **words[i], **versions, "use": use.title, "category": category_words(later.categories[k] for k in patches),
            "reason": _why(became, patches, decided, i, subjects), "subject_area": own[i], "surveyed": done[i],
            "limit": spec.min_area_m2,
        }  # fmt: skip
        rows.append(finding_row(check, spec, subjects, i, decided, sources.today, told))
    return Found(check.id, use.title.zh, subjects.layer, rows, decided.outcome)


def _why(became: Became, patches: Sequence[int], decided: Decided, at: int, subjects: Subjects) -> Text:
    """Return why an outcome is as it is: what is said of the uses, and what is open."""
    triggers = [became.after.triggers[k] for k in patches]
    reasons = [trigger.reason for trigger in triggers]
    if subjects.withheld[at]:
        reasons.append(PLOT_WITHHELD)
    if decided.outcome[at] == NEEDS_REVIEW and not any(trigger.state == OPEN for trigger in triggers):
        before_is_open = not shapely.is_empty(became.doubt[list(patches)]).all()
        reasons.append(BEFORE_OPEN if before_is_open else SURVEY_OPEN)
    return Text(listed(r.zh for r in reasons), "; ".join(dict.fromkeys(r.en for r in reasons if r.en)))


def listed_plots(sources: Sources, use: UseLayer, stored: StoredVersion) -> list[Found]:
    """Find listed plots of which enough is used or planned as 一住两公 in a version of a use layer."""
    patches = sources.patches(use, stored)
    found = []
    for plots, version in sources.plots():
        if plots.listed is not None:
            found.append(_listed(sources, use, patches, plots, version))
    return found


def _listed(sources: Sources, use: UseLayer, patches: UsePatches, plots: PlotLayer, version: StoredVersion) -> Found:
    spec, crs, subjects = sources.spec, sources.crs, sources.subjects(version)
    on_list = evaluate(plots.listed or (), version.frame, "subject", sources.today)
    on_list = np.where(version.withheld & (on_list == TRUE), UNKNOWN, on_list)
    shapes = np.where(on_list == FALSE, nothing(len(on_list)), subjects.shapes)
    cuts = {state: split(shapes, patches.shapes[patches.of(state)], crs) for state in (YES, OPEN, UNREADABLE)}
    empty, known = nothing(len(shapes)), on_list == TRUE
    sure = np.where(known, cuts[YES].inside, empty)
    doubt = joined(cuts[OPEN].inside, np.where(known, empty, cuts[YES].inside))
    doubt = apart(doubt, sure)
    decided = decide(sure, doubt, cuts[UNREADABLE].inside, sources.limits(plots.layer, use.layer, spec.min_area_m2))
    own, check = area_of(subjects.shapes, crs), spec.checks["listed_forbidden_use"]
    rows = []
    for i in np.flatnonzero(decided.outcome != CLEAR).tolist():
        at = {state: np.flatnonzero(patches.of(state))[cut.right[cut.left == i]] for state, cut in cuts.items()}
        members = np.concatenate(list(at.values())).tolist()
        named = named_parts(cuts[YES].left, patches.words[patches.of(YES)][cuts[YES].right], cuts[YES].area_m2).get(i)
        reasons = [patches.triggers[k].reason for k in members] + ([] if known[i] else [LIST_OPEN])
        told = {
            "use": use.title, "after": named or listed(patches.words[k] for k in members), "objects": patches.ids[members],
            "category": category_words(patches.categories[k] for k in members), "subject_area": own[i], "limit": spec.min_area_m2,
            "reason": Text(listed(r.zh for r in reasons), "; ".join(dict.fromkeys(r.en for r in reasons if r.en))),
            "version_after": patches.version, "versions": f"{version.layer} {version.version}",
        }  # fmt: skip
        rows.append(finding_row(check, spec, subjects, i, decided, sources.today, told))
    return Found(check.id, use.title.zh, subjects.layer, rows, decided.outcome)
