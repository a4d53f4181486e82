"""Findings: what is wrong where, by which clause, who must act by when; ids stay the same from run to run."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import geopandas as gpd
import pandas as pd
import shapely

from geosys._text import Text
from geosys.cases import sentences
from geosys.cases.assess import NEEDS_REVIEW, OUTCOMES, UNKNOWN_VALUE, Assessment
from geosys.cases.basis import cite

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from geosys._schema import LayerSchema, UsableLayer
    from geosys.cases.rules import Rule, RuleBook

COLUMNS = [
    "finding_id", "rule", "rule_title_zh", "rule_title_en", "outcome", "severity", "subject_layer", "subject_id", "subject_name",
    "object_layer", "object_id", "object_name", "measure", "unit", "threshold", "margin", "margin_unit", "area_m2", "share", "distance_m",
    "length_m", "object_class", "is_near",
    "sentence_zh", "sentence_en", "why_zh", "why_en", "action_zh", "action_en", "lead", "lead_zh", "lead_en", "support_zh", "certainty",
    "note_zh", "note_en", "rule_version", "subject_version", "object_version", "due_field_on",
]  # fmt: skip


def finding_id(rule: str, subject_layer: str, subject_id: str, object_id: str) -> str:
    """Return the id of a finding: the same rule, subject and object have the same id in each run.

    Examples
    --------
    >>> finding_id("a", "b", "1", "2") == finding_id("a", "b", "1", "2") != finding_id("a", "b", "12", "")
    True
    """
    parts = (rule, subject_layer, subject_id, object_id)
    return hashlib.sha256("\x1f".join(parts).encode()).hexdigest()[:12]


def findings_of(
    assessments: Sequence[Assessment], layers: Mapping[str, UsableLayer], book: RuleBook, crs: str
) -> gpd.GeoDataFrame:
    """Return the finding table of all assessments: columns `COLUMNS` and a point on the subject, in the plan's CRS.

    Sorted by rule, subject and object; one row a pair that hits, comes near or needs review.
    """
    rows: list[list[Any]] = []
    places: list[shapely.Geometry] = []
    for assessment in assessments:
        if assessment.pairs.empty:
            continue
        view = layers[assessment.rule.subject]
        other = layers.get(assessment.rule.object) if assessment.rule.object else None
        subjects, objects = _records(view.frame), _records(other.frame) if other else []
        lost = _records(other.withheld) if other else []
        for pair in assessment.pairs.to_dict("records"):
            subject = subjects[pair["subject"]]
            position = int(pair["object"])
            target = objects[position] if position >= 0 else lost[-2 - position] if position <= -2 else None  # noqa: PLR2004
            rows.append(
                _row(
                    assessment.rule,
                    pair,
                    (view, subject),
                    (other, target) if other and target else None,
                    book,
                )
            )
            places.append(shapely.point_on_surface(subject["geometry"]) if subject["geometry"] is not None else None)
    frame = gpd.GeoDataFrame(pd.DataFrame(rows, columns=COLUMNS), geometry=places, crs=crs)
    for column in ("measure", "threshold", "margin", "area_m2", "share", "distance_m", "length_m"):
        frame[column] = frame[column].astype("float64")
    return frame.sort_values(["rule", "subject_id", "object_id"], kind="stable").reset_index(drop=True)


def _records(frame: gpd.GeoDataFrame) -> list[dict[str, Any]]:
    return list(frame.to_dict("records"))


def _row(
    rule: Rule, pair: Mapping[str, Any], subject: tuple[UsableLayer, Mapping[str, Any]],
    target: tuple[UsableLayer, Mapping[str, Any]] | None, book: RuleBook,
) -> list[Any]:  # fmt: skip
    view, row = subject
    figures = {
        "distance_m": pair["distance_m"], "area_m2": pair["area_m2"], "area_ha": pair["area_m2"] / 1e4, "share_pct": pair["share"] * 100,
        "length_m": pair["length_m"], "days": pair["days"], "threshold": rule.threshold,
        "river_m": pair["river_m"],
    }  # fmt: skip
    sides = {"subject": (view.schema, row), "object": (target[0].schema, target[1]) if target else None}
    texts = {
        f"{key}_{language}": sentences.fill(text.in_language(language), sides, figures, language)
        for key, text in (("sentence", rule.finding), ("action", rule.action))
        for language in ("zh", "en")
    }
    object_id = str(target[1]["feature_id"]) if target else ""
    why = _why(rule, pair, sides)
    for language in ("zh", "en"):
        texts[f"sentence_{language}"] = _doubtful(texts[f"sentence_{language}"], why, language)
    offices = book.offices
    return [
        finding_id(rule.id, rule.subject, str(row["feature_id"]), object_id), rule.id, rule.title.zh, rule.title.en, pair["outcome"],
        rule.severity, rule.subject, str(row["feature_id"]), sentences.name_of(view.schema, row), rule.object or "", object_id,
        sentences.name_of(target[0].schema, target[1]) if target else "", pair["measure"], rule.unit, rule.threshold,
        pair["margin"], rule.unit, pair["area_m2"], pair["share"], pair["distance_m"], pair["length_m"],
        pair["object_class"], pair["is_near"], texts["sentence_zh"], texts["sentence_en"],
        why.zh if why else "", why.en if why else "", texts["action_zh"], texts["action_en"], rule.lead, offices[rule.lead].zh, offices[rule.lead].en,
        "、".join(offices[o].zh for o in rule.support), rule.certainty, rule.note.zh if rule.note else "", rule.note.en if rule.note else "",
        rule.version, view.version, target[0].version if target else "", row[rule.due_field] if rule.due_field else None,
    ]  # fmt: skip


def _why(
    rule: Rule, pair: Mapping[str, Any], sides: Mapping[str, tuple[LayerSchema, Mapping[str, Any]] | None]
) -> Text | None:
    """Return why a pair needs review: the record withheld there, or the attributes that are empty; None for the others."""
    if pair["outcome"] != NEEDS_REVIEW:
        return None
    empty = [
        schema.titles[c.column]
        for c in (*rule.where, *rule.condition)
        if c.test not in ("missing", "present") and (side := sides[c.side]) is not None
        for schema, row in [side]
        if pd.isna(row[c.column])
    ]
    if pair["why_zh"] != UNKNOWN_VALUE.zh or not empty:
        return Text(pair["why_zh"], pair["why_en"])
    names = list(dict.fromkeys(empty))
    return Text("、".join(n.zh for n in names) + "为空", "empty: " + ", ".join(n.en for n in names))


def _doubtful(sentence: str, why: Text | None, language: str) -> str:
    """Return the sentence of a finding that needs review so that nobody takes it for a fact."""
    if why is None:
        return sentence
    return f"待核实（{why.zh}）：{sentence}" if language == "zh" else f"To be verified ({why.en}): {sentence}"


def with_basis(findings: gpd.GeoDataFrame, book: RuleBook) -> gpd.GeoDataFrame:
    """Return the findings with `basis_zh` and `basis_en` cited as of each finding's own date, column `found_on`."""
    known: dict[tuple[str, Any], Any] = {}
    for name, day in set(zip(findings["rule"], findings["found_on"], strict=True)):
        known[name, day] = cite(book.rules[name].basis, book.basis, day)
    texts = [known[key] for key in zip(findings["rule"], findings["found_on"], strict=True)]
    return findings.assign(basis_zh=[t.zh for t in texts], basis_en=[t.en for t in texts])


def outcome_table(assessments: Sequence[Assessment]) -> pd.DataFrame:
    """Return how many subjects of each rule have each outcome, and why a rule was not assessed.

    Columns `rule`, `rule_title_zh`, `rule_title_en`, one count an outcome, `subjects`, `why_zh`, `why_en`.
    """
    rows = []
    for a in assessments:
        counts = a.counts()
        why = (a.why.zh, a.why.en) if a.why else ("", "")
        rows.append(
            [
                a.rule.id,
                a.rule.title.zh,
                a.rule.title.en,
                *(counts[o] for o in OUTCOMES),
                sum(counts.values()),
                *why,
            ]
        )
    return pd.DataFrame(
        rows, columns=["rule", "rule_title_zh", "rule_title_en", *OUTCOMES, "subjects", "why_zh", "why_en"]
    )


def outcome_rows(assessments: Sequence[Assessment]) -> pd.DataFrame:
    """Return the gravest outcome of every subject under every rule: columns `rule`, `subject_id`, `outcome`."""
    parts = [
        a.outcomes.assign(rule=a.rule.id)[["rule", "subject_id", "outcome"]] for a in assessments if len(a.outcomes)
    ]
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=["rule", "subject_id", "outcome"])
