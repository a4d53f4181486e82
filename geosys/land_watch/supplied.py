"""What ledgers themselves say of use: the planned use in a plot's own row, and land put on the market without a survey."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from geosys._text import Text
from geosys.cases.conditions import FALSE, TRUE, evaluate
from geosys.land_watch.parts import area_of, split
from geosys.land_watch.rows import CLEAR, HIT, NEEDS_REVIEW, NOT_ASSESSED, Decided, category_words, finding_row, listed
from geosys.land_watch.sensitive import LIST_OPEN, PLOT_WITHHELD, SURVEY_OPEN, Found, Sources, surveys_of
from geosys.land_watch.use_changes import texts, use_patches
from geosys.layers.land_use_codes import NO, YES
from geosys.layers.land_use_codes import NOT_ASSESSED as UNREADABLE
from geosys.layers.land_use_codes import UNKNOWN as OPEN

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from numpy.typing import NDArray

    from geosys.land_watch.spec import PlotLayer
    from geosys.land_watch.use_changes import UsePatches
    from geosys.land_watch.versions import StoredVersion

OWN_USE = Text("台账规划用途", "planned use in the plot's own row")
NO_DOCUMENT = Text("卷宗中没有土壤污染状况调查报告", "no soil survey in the file")
NOT_BEFORE = Text("前一版本没有该地块或其用途", "the version before has no such plot or no use of it")


def own_use(sources: Sources, plots: PlotLayer, before: StoredVersion | None, after: StoredVersion) -> list[Found]:
    """Judge plots by the planned use in their own row: listed ones, and those whose use became 一住两公 between versions.

    A row without a planned use says nothing: the layers of use tell what is planned there.
    """
    uses = use_patches(after, plots.own_use, "", plots.system, sources.codes)
    given = np.array([bool(word.strip()) for word in texts(after.frame[plots.own_use])], dtype=bool)
    yes, vague, blind = (uses.of(state) & given for state in (YES, OPEN, UNREADABLE))
    found = []
    if plots.listed is not None:
        on_list = evaluate(plots.listed, after.frame, "subject", sources.today)
        outcome = np.select(
            [on_list == FALSE, (blind | after.withheld) & given, yes & (on_list == TRUE), yes | vague],
            [CLEAR, NOT_ASSESSED, HIT, NEEDS_REVIEW], CLEAR,
        )  # fmt: skip
        why = [*_reasons(uses, after), (on_list != TRUE, LIST_OPEN)]
        found.append(_own_rows(sources, "listed_forbidden_use", after, uses, outcome, why))
    if before is not None:
        old = use_patches(before, plots.own_use, "", plots.system, sources.codes)
        earlier = dict(zip(old.ids, old.states, strict=True))
        was = np.array([earlier.get(i, UNREADABLE) for i in uses.ids], dtype=object)
        done = surveys_of(plots, after, sources.today)
        outcome = np.select(
            [~given | (was == YES) | (done == TRUE), blind | after.withheld, yes & (was == NO) & (done == FALSE), vague & (was == OPEN), yes | vague],
            [CLEAR, NOT_ASSESSED, HIT, CLEAR, NEEDS_REVIEW], CLEAR,
        )  # fmt: skip
        why = [
            *_reasons(uses, after),
            (np.isin(was.astype(str), (OPEN, UNREADABLE)), NOT_BEFORE),
            (~np.isin(done, (TRUE, FALSE)), SURVEY_OPEN),
        ]
        words = {i: str(w) for i, w in zip(old.ids, old.words, strict=True)}
        found.append(_own_rows(sources, "became_sensitive", after, uses, outcome, why, before, words))
    return found


def _reasons(uses: UsePatches, stored: StoredVersion) -> list[tuple[NDArray[np.bool_], Text | list[Text]]]:
    """Return what is said of each row's use, and of withheld rows."""
    return [(np.ones(len(uses.ids), dtype=bool), [t.reason for t in uses.triggers]), (stored.withheld, PLOT_WITHHELD)]


def _own_rows(
    sources: Sources, check: str, stored: StoredVersion, uses: UsePatches, outcome: NDArray[np.str_],
    why: list[tuple[NDArray[np.bool_], Text | list[Text]]], before: StoredVersion | None = None,
    words: Mapping[object, str] | None = None,
) -> Found:  # fmt: skip
    """Return the rows of plots judged by their own row: their whole area counts."""
    decided, own = _whole(sources, stored, outcome.astype(object))
    subjects, spec, rows = sources.subjects(stored), sources.spec, []
    for i in np.flatnonzero(decided.outcome != CLEAR).tolist():
        told = {
            "use": OWN_USE, "before": (words or {}).get(uses.ids[i], ""), "after": uses.words[i], "subject_area": own[i],
            "category": category_words([uses.categories[i]]), "limit": spec.min_area_m2,
            "reason": _told(text if isinstance(text, Text) else text[i] for holds, text in why if holds[i]),
            "version_before": before.version if before else "", "version_after": stored.version,
            "versions": f"{stored.layer} {stored.version}",
        }  # fmt: skip
        rows.append(finding_row(spec.checks[check], spec, subjects, i, decided, sources.today, told))
    return Found(check, OWN_USE.zh, stored.layer, rows, decided.outcome)


def _told(reasons: Iterable[Text]) -> Text:
    there = [r for r in reasons if r.zh]
    return Text("；".join(dict.fromkeys(r.zh for r in there)), "; ".join(dict.fromkeys(r.en for r in there)))


def _whole(
    sources: Sources, stored: StoredVersion, outcome: NDArray[np.object_]
) -> tuple[Decided, NDArray[np.float64]]:
    """Return outcomes about whole features: for certain where they are a hit, else perhaps."""
    own = area_of(stored.shapes, sources.crs)
    hit = outcome == HIT
    never = np.zeros(len(own), dtype=bool)
    margin = own - sources.spec.min_area_m2
    return Decided(outcome, np.where(hit, own, 0.0), np.where(hit, 0.0, own), margin, never, stored.shapes), own


def transactions(sources: Sources, stored: StoredVersion) -> Found:
    """Find key land transactions whose file holds no soil survey.

    A transaction is a key one where its land is supplied as 一住两公, or where it lies on a plot that the content names.
    """
    spec, terms, subjects = sources.spec, sources.spec.transactions, sources.subjects(stored)
    uses = use_patches(stored, terms.code, terms.name, terms.system, sources.codes)
    near = {layer: sources.current[layer] for layer in terms.near if layer in sources.current}
    on_plots = {layer: split(subjects.shapes, version.shapes, sources.crs) for layer, version in near.items()}
    touched = np.zeros(len(subjects.ids), dtype=bool)
    for cut in on_plots.values():
        touched |= area_of(cut.inside, sources.crs) >= spec.min_area_m2
    filed = np.array([bool(word.strip()) for word in texts(stored.frame[terms.document])], dtype=bool)
    outcome = np.select(
        [stored.withheld, filed, uses.of(YES) | touched, uses.of(OPEN), uses.of(UNREADABLE)],
        [NOT_ASSESSED, CLEAR, HIT, NEEDS_REVIEW, NOT_ASSESSED], CLEAR,
    )  # fmt: skip
    decided, own = _whole(sources, stored, outcome.astype(object))
    check, rows = spec.checks["transaction_unsurveyed"], []
    for i in np.flatnonzero(decided.outcome != CLEAR).tolist():
        plots = [
            str(near[n].frame["feature_id"].iloc[k]) for n, cut in on_plots.items() for k in cut.right[cut.left == i]
        ]
        on = Text(f"压占 {listed(plots)}", f"on {listed(plots)}") if plots else Text("", "")
        told = {
            "after": uses.words[i], "objects": plots, "category": category_words([uses.categories[i]]), "subject_area": own[i],
            "limit": spec.min_area_m2, "reason": _told((uses.triggers[i].reason, on, Text("", "") if filed[i] else NO_DOCUMENT)),
            "versions": " ".join([f"{stored.layer} {stored.version}", *(f"{n} {v.version}" for n, v in near.items())]),
        }  # fmt: skip
        rows.append(finding_row(check, spec, subjects, i, decided, sources.today, told))
    return Found(check.id, "", subjects.layer, rows, decided.outcome)
