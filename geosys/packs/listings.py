"""The tables of a meeting: findings, cases, targets and layers as columns of a kind and cells that sort."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from geosys._text import Text
from geosys.cases.difference import KINDS
from geosys.cases.due_dates import SOURCES, TIMINGS
from geosys.cases.targets import COUNTY
from geosys.cases.workflow import all_states
from geosys.maps.cells import UNITS
from geosys.maps.meeting.content import Column, Listing
from geosys.maps.meeting.spec import CASES, CHANGES, FINDINGS, LAYER, TARGETS
from geosys.sheets.tables import titles_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from geosys.maps.meeting.spec import ListingSpec
    from geosys.packs.material import Material

TEXT, NUMBER, DATE, WORD = "text", "number", "date", "word"
_FINDING = {
    "severity": ("严重程度", "Severity", WORD), "outcome": ("结论", "Outcome", WORD), "rule_title": ("规则", "Rule", WORD),
    "subject_name": ("主体", "Subject", TEXT), "subject_id": ("编号", "Code", TEXT), "object_name": ("相关对象", "Related object", TEXT),
    "sentence": ("线索说明", "What was found", TEXT), "measure": ("实测", "Measured", NUMBER), "unit": ("单位", "Unit", WORD),
    "threshold": ("阈值", "Threshold", NUMBER), "margin": ("距翻转", "Margin to flip", NUMBER), "basis": ("依据", "Basis", TEXT),
    "action": ("处置要求", "Action", TEXT), "lead": ("牵头单位", "Lead", WORD), "due_on": ("时限", "Due on", DATE), "status": ("状态", "State", WORD),
    "seen": ("核查", "Looked at", WORD), "certainty": ("确定性", "Certainty", WORD), "case_id": ("事项编号", "Case", TEXT),
    "rule": ("规则标识", "Rule id", WORD), "subject_layer": ("主体图层", "Layer", WORD), "found_on": ("发现日期", "Found on", DATE),
}  # fmt: skip
_CASE = {
    "case_id": ("事项编号", "Case", TEXT), "severity": ("严重程度", "Severity", WORD), "rule_title": ("规则", "Rule", WORD),
    "subject_name": ("主体", "Subject", TEXT), "subject_id": ("编号", "Code", TEXT), "status": ("状态", "State", WORD),
    "timing": ("时限情况", "Timing", WORD), "due_on": ("时限", "Due on", DATE), "days_left": ("余天数", "Days left", NUMBER),
    "due_source": ("时限来源", "Source of the date", WORD), "lead": ("牵头单位", "Lead", WORD), "waits_for": ("待办单位", "Waits for", WORD),
    COUNTY: ("县区", "County", WORD), "person": ("经办人", "Person", WORD), "found_on": ("发现日期", "Found on", DATE),
    "seen": ("核查", "Looked at", WORD), "rule": ("规则标识", "Rule id", WORD), "subject_layer": ("主体图层", "Layer", WORD),
    "clause": ("时限依据", "Clause of the date", TEXT),
}  # fmt: skip
_TARGET = {
    "indicator": ("指标", "Indicator", TEXT), "area": ("范围", "Area", WORD), "words": ("方案要求", "Asked", TEXT),
    "deadline": ("时限", "Deadline", TEXT), "now": ("现值", "Now", TEXT), "counts": ("计数", "Counts", TEXT), "status": ("进展", "Standing", WORD),
    "source": ("来源", "Source", WORD),
    "clause": ("依据", "Clause", TEXT), "is_behind": ("落后", "Behind", WORD),
}  # fmt: skip
_CHANGE = {
    "kind": ("变化", "Change", WORD), "case_id": ("事项编号", "Case", TEXT), "subject": ("主体", "Subject", TEXT), "what": ("内容", "What", TEXT),
    "why": ("原因", "Why", TEXT), "person": ("经办人", "Person", WORD), "on": ("日期", "On", DATE),
}  # fmt: skip
_OF = {FINDINGS: _FINDING, CASES: _CASE, TARGETS: _TARGET}
COLUMNS: Mapping[str, tuple[str, ...]] = {of: tuple(known) for of, known in _OF.items()}
_STANDARD = {
    FINDINGS: ("severity", "rule_title", "subject_name", "object_name", "sentence", "measure", "unit", "margin", "lead", "due_on",
        "status", "case_id"),
    CASES: ("case_id", "severity", "rule_title", "subject_name", "status", "timing", "due_on", "days_left", "lead", COUNTY),
    TARGETS: ("indicator", "area", "words", "deadline", "now", "counts", "status", "source", "clause"),
}  # fmt: skip
_MOST_WORDS = 40  # columns of a layer with no more different texts than this are filtered by choosing
_YES = {True: Text("是", "yes"), False: Text("否", "no")}


def listing_of(material: Material, spec: ListingSpec, rows: pd.DataFrame, language: str) -> Listing:
    """Return a table of the meeting's spec; `rows` are the cases as `issues.rows_of` gives them."""
    frame, titles = _source(material, spec, rows, language)
    names = spec.columns or _STANDARD[spec.of]
    for column, words in spec.where.items():
        frame = frame[[_fits(value, words) for value in frame[column]]]
    total = len(frame)
    frame = frame.iloc[_order(frame, spec.sort)]
    if spec.most:
        frame = frame.head(spec.most)
    columns = _columns(material, spec, names, frame, titles)
    cells = [[_cell(value, titles.get(name, {}), language) for value in frame[name]] for name in names]
    return Listing(
        spec.id, spec.title, columns, [list(row) for row in zip(*cells, strict=True)] if cells else [], total, spec.note
    )


def changes_of(material: Material, language: str) -> Listing:
    """Return what changed since the last meeting; for the first one a table without rows that says so."""
    note = Text("", "")
    frame = material.found.changes
    if material.since is None:
        frame, note = (
            frame.iloc[:0],
            Text("第一次会议，没有上次可比。", "The first meeting: there is none to compare with."),
        )
    told = pd.DataFrame({
        "kind": [KINDS[kind].in_language(language) for kind in frame["kind"]], "case_id": frame["case_id"],
        "subject": [name or code for name, code in zip(frame["subject_name"], frame["subject_id"], strict=True)],
        "what": frame[f"what_{language}"], "why": frame[f"why_{language}"], "person": frame["person"], "on": frame["on"],
    })  # fmt: skip
    cells = [[_cell(value, {}, language) for value in told[name]] for name in _CHANGE]
    columns = [Column(name, Text(zh, en), kind) for name, (zh, en, kind) in _CHANGE.items()]
    rows = [list(row) for row in zip(*cells, strict=True)]
    title = Text("上次会议以来的变化", "What changed since the last meeting")
    return Listing(CHANGES, title, columns, rows, len(rows), note)


def _source(
    material: Material, spec: ListingSpec, rows: pd.DataFrame, language: str
) -> tuple[pd.DataFrame, dict[str, Mapping[str, Text]]]:
    """Return the rows a table is of, and the titles of its columns' words."""
    makers: Mapping[str, Callable[[], tuple[pd.DataFrame, dict[str, Mapping[str, Text]]]]] = {
        FINDINGS: lambda: _findings(material, language), CASES: lambda: _cases(material, rows, language),
        TARGETS: lambda: (pd.DataFrame(list(material.found.targets.rows), columns=list(_TARGET)), {}), LAYER: lambda: _layer(material, spec.layer),
    }  # fmt: skip
    return makers[spec.of]()


def _looks(material: Material) -> dict[str, Mapping[str, Text]]:
    palettes = material.desk.screen.palettes
    tables = {
        "severity": palettes.severities,
        "outcome": palettes.outcomes,
        "status": palettes.statuses,
        "certainty": palettes.certainties,
    }
    return {
        **{name: {word: look.title for word, look in table.items()} for name, table in tables.items()},
        "seen": dict(material.names.seen), "lead": dict(material.names.offices),
        "subject_layer": {name: schema.title for name, schema in material.desk.schemas.items()},
    }  # fmt: skip


def _findings(material: Material, language: str) -> tuple[pd.DataFrame, dict[str, Mapping[str, Text]]]:
    frame = pd.DataFrame(material.findings)
    texts = {name: frame[f"{name}_{language}"] for name in ("rule_title", "sentence", "basis", "action")}
    units = [UNITS.get(unit, unit) for unit in frame["unit"]]
    return frame.assign(**texts, unit=units), _looks(material)


def _cases(material: Material, rows: pd.DataFrame, language: str) -> tuple[pd.DataFrame, dict[str, Mapping[str, Text]]]:
    rules, looks = material.terms.book.rules, _looks(material)
    states = {name: state.title for name, state in all_states(material.terms.workflow).items()}
    frame = rows[rows["merged_into"].isna()]
    titles = [rules[rule].title.in_language(language) if rule in rules else rule for rule in frame["rule"]]
    frame = frame.assign(rule_title=titles, lead=frame["office"], clause=frame[f"due_clause_{language}"])
    words = {
        **looks, "status": states, "timing": TIMINGS, "due_source": SOURCES, "waits_for": looks["lead"], COUNTY: dict(material.names.counties),
    }  # fmt: skip
    return frame, words


def _layer(material: Material, layer: str) -> tuple[pd.DataFrame, dict[str, Mapping[str, Text]]]:
    desk = material.desk
    if layer not in desk.layers:
        title = desk.title(layer)
        material.lack(f"没有图层“{title.zh}”，其清单为空。", f"There is no layer '{title.en}': its table is empty.")
    frame = pd.DataFrame(desk.frame(layer))
    return frame, {column: titles_of(desk, layer, column) for column in frame.columns}


def _columns(
    material: Material, spec: ListingSpec, names: Sequence[str], frame: pd.DataFrame, titles: Mapping[str, Mapping[str, Text]]
) -> list[Column]:  # fmt: skip
    if spec.of != LAYER:
        return [Column(name, Text(*_OF[spec.of][name][:2]), _OF[spec.of][name][2]) for name in names]
    schema, fields = material.desk.schemas[spec.layer], material.desk.catalogue.layers[spec.layer].fields
    return [
        Column(
            name, schema.titles.get(name, Text(name, name)), _kind(schema.columns.get(name, ""), bool(titles.get(name)), frame[name]),
            fields[name].unit or "" if name in fields else "",
        )
        for name in names
    ]  # fmt: skip


def _kind(kind: str, is_coded: bool, values: pd.Series) -> str:
    if is_coded or kind == "truth":
        return WORD
    if kind in {"number", "integer"}:
        return NUMBER
    if kind == "date":
        return DATE
    known = values.dropna()
    return WORD if len(known) and known.nunique() <= min(_MOST_WORDS, len(known) // 2) else TEXT


def _fits(value: Any, words: Sequence[Any]) -> bool:
    """Say whether a cell is one of some words; dates are written as ISO text."""
    if value is None or (not isinstance(value, str) and pd.isna(value)):
        return False
    plain = value.item() if isinstance(value, np.generic) else value
    return plain in words or str(plain) in {str(word) for word in words if not isinstance(word, bool)}


def _order(frame: pd.DataFrame, sort: Sequence[str]) -> list[int]:
    """Return the order of rows by some columns, the last first so that each keeps what the others did; missing ones last."""
    order = list(range(len(frame)))
    for key in reversed(sort):
        known = [(_sortable(value), at) for at, value in enumerate(frame[key.removeprefix("-")])]
        values = {at: value for value, at in known if value is not None}
        there = [at for at in order if at in values]
        there.sort(key=values.__getitem__, reverse=key.startswith("-"))
        order = there + [at for at in order if at not in values]
    return order


def _sortable(value: Any) -> tuple[int, Any] | None:
    """Return what a cell is sorted by, None for a missing one; numbers before days before texts."""
    if value is None or (not isinstance(value, str) and pd.isna(value)):
        return None
    if isinstance(value, bool | np.bool_ | int | float | np.number):
        return 0, float(value)
    return (1, value.isoformat()) if isinstance(value, dt.date) else (2, str(value))


def _cell(value: Any, titles: Mapping[str, Text], language: str) -> object:
    """Return a cell: text in the language, number, date, or None; a code by its title."""
    if value is None or (not isinstance(value, str) and pd.isna(value)):
        return None
    if isinstance(value, bool | np.bool_):
        return _YES[bool(value)].in_language(language)
    word = str(int(value)) if isinstance(value, float | np.floating) and float(value).is_integer() else str(value)
    if word in titles:
        return titles[word].in_language(language)
    if isinstance(value, dt.datetime):
        return value.date()
    plain = value.item() if isinstance(value, np.generic) else value
    if isinstance(plain, float):
        return round(plain, 2 if abs(plain) >= 1 else 4)
    return plain if isinstance(plain, int | dt.date) else str(plain) or None
