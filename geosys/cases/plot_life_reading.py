"""Read the content of the life of a plot and say everything that is wrong with it at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from geosys._faults import Faults
from geosys._text import Text
from geosys.cases.basis import CERTAINTIES, read_basis
from geosys.cases.plot_life import (
    BEGINNING,
    CLEAN,
    POLLUTED,
    Contradiction,
    Deadline,
    Need,
    PlotLife,
    PlotList,
    StageRule,
    Standing,
    Step,
    UnitPlace,
)
from geosys.content import read_csv, read_toml, short_name

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from geosys._schema import LayerSchema

KINDS = ("months_after", "yearly", "fixed")
STEP_COLUMNS = (
    "transition", "from", "event_zh", "event_en", "to", "actor_zh", "actor_en", "rule_zh", "rule_en", "needs", "basis", "certainty",
    "source",
)  # fmt: skip


def read_plot_life(root: Path, schemas: Mapping[str, LayerSchema]) -> PlotLife:
    """Read and validate `cases/plot_life.toml` and `cases/plot_transitions.csv` against the layers' schemas.

    The legal basis is that of ``cases/legal_basis.csv``.

    Raises
    ------
    SpecError
        With all faults, one a line.
    """
    faults = Faults()
    path = root / "cases" / "plot_life.toml"
    name, table = short_name(path), read_toml(path)
    parts = ("stages", "levels", "lists", "result_words", "deadlines", "needs", "place", "same_plot", "contradictions")
    faults.keys(name, table, (), ("early_warning_days", *parts))
    table = {part: {} for part in parts} | faults.sound(name, table, dict.fromkeys(parts, "a table"))
    basis = read_basis(root / "cases" / "legal_basis.csv", faults)
    stages = {k: faults.text(f"{name} [stages] {k}", v) for k, v in table["stages"].items()}
    needs = {k: _read_need(v, f"{name} [needs] {k}", faults) for k, v in table["needs"].items()}
    steps = _read_steps(root / "cases" / "plot_transitions.csv", stages, needs, basis, faults)
    levels = {k: faults.text(f"{name} [levels] {k}", v) for k, v in table["levels"].items()}
    lists = {
        k: _read_list(k, v, f"{name} [lists.{k}]", stages, levels, schemas, faults) for k, v in table["lists"].items()
    }
    deadlines = [
        _read_deadline(k, v, f"{name} [deadlines.{k}]", lists, stages, basis, faults)
        for k, v in table["deadlines"].items()
    ]
    clashes = {
        k: _read_contradiction(v, f"{name} [contradictions.{k}]", lists, stages, faults)
        for k, v in table["contradictions"].items()
    }
    words = faults.sound(f"{name} [result_words]", table["result_words"], dict.fromkeys((CLEAN, POLLUTED), "a list of texts"))  # fmt: skip
    faults.keys(f"{name} [result_words]", words, (), (CLEAN, POLLUTED))
    shares = faults.sound(f"{name} [same_plot]", table["same_plot"], dict.fromkeys(("min_share", "look_share"), "a number"))  # fmt: skip
    faults.keys(f"{name} [same_plot]", shares, (), ("min_share", "look_share"))
    place = _read_place(table["place"], f"{name} [place]", schemas, faults)
    faults.expect(f"{name} early_warning_days", table.get("early_warning_days"), "a whole number")
    _check_fields(deadlines, lists, needs, clashes, name, schemas, faults)
    faults.raise_if_any()
    return PlotLife(
        stages, levels, tuple(steps), lists, tuple(deadlines), needs, clashes, {k: tuple(v) for k, v in words.items()}, basis, place,
        table["early_warning_days"], float(shares["min_share"]), float(shares["look_share"]),
    )  # fmt: skip


def _read_need(table: Any, where: str, faults: Faults) -> Need:
    if not isinstance(table, dict):
        faults.add(where, table, "a table with title and fields")
        return Need(Text("", ""), ())
    faults.keys(where, table, (), ("title", "fields"))
    table = faults.sound(where, table, {"fields": "a list of texts"})
    return Need(faults.text(f"{where} title", table.get("title")), tuple(table.get("fields", ())))


def _read_steps(
    path: Path, stages: Mapping[str, Text], needs: Mapping[str, Need], basis: Mapping[str, Any], faults: Faults
) -> list[Step]:
    steps: list[Step] = []
    for line, row in enumerate(read_csv(path, STEP_COLUMNS), 2):
        where = f"{short_name(path)} line {line}"
        before, wanted, cited = (tuple(row[c].split("|")) for c in ("from", "needs", "basis"))
        for stage in (*before, row["to"]):
            faults.one_of(where, stage, (BEGINNING, *stages), "a stage of cases/plot_life.toml")
        if not row["to"]:
            faults.add(f"{where} to", "", "a stage")
        for need in wanted:
            faults.one_of(f"{where} needs", need, needs, "a need of cases/plot_life.toml")
        for clause in cited:
            faults.one_of(f"{where} basis", clause, basis, "a basis of cases/legal_basis.csv")
        faults.one_of(f"{where} certainty", row["certainty"], CERTAINTIES, "a certainty")
        if row["transition"] in {step.id for step in steps}:
            faults.add(where, row["transition"], "a transition named once")
        event, actor, rule = (Text(row[f"{c}_zh"], row[f"{c}_en"]) for c in ("event", "actor", "rule"))
        steps.append(
            Step(
                row["transition"], before, row["to"], event, actor, rule, wanted, cited, row["certainty"], row["source"]
            )
        )
    return steps


def _read_place(table: Mapping[str, Any], where: str, schemas: Mapping[str, LayerSchema], faults: Faults) -> UnitPlace:
    faults.keys(where, table, (), ("field", "layer", "unit_field"))
    layer = faults.one_of(f"{where} layer", table.get("layer"), schemas, "a layer of layers/")
    columns = schemas[layer].columns if layer in schemas else (table.get("unit_field", ""),)
    unit_field = faults.one_of(f"{where} unit_field", table.get("unit_field"), columns, f"a field of '{layer}'")
    return UnitPlace(str(table.get("field", "")), layer, unit_field)


_LIST_KINDS = {
    "layer": "a text", "level": "a text", "stage_field": "a text", "certainty": "a text", "source": "a text", "complete": "a list of texts",
    "dated": "a list of texts", "stages": "a list of texts", "dates": "a table of texts", "by": "a list of tables",
}  # fmt: skip


def _read_list(
    key: str, table: Any, where: str, stages: Mapping[str, Text], levels: Mapping[str, Text], schemas: Mapping[str, LayerSchema], faults: Faults
) -> PlotList:  # fmt: skip
    needed = ("title", "layer", "level", "complete", "dated", "dates", "source", "certainty")
    faults.keys(where, table, ("stages", "stage_field", "by"), needed)
    table = faults.sound(where, table, _LIST_KINDS)
    faults.one_of(f"{where} layer", table.get("layer"), schemas, "a layer of layers/")
    faults.one_of(f"{where} level", table.get("level"), levels, "a level of [levels]")
    faults.one_of(f"{where} certainty", table.get("certainty"), CERTAINTIES, "a certainty")
    rules = tuple(_read_stage_rule(row, f"{where} by {i}", faults) for i, row in enumerate(table.get("by", []), 1))
    for stage in [*table.get("stages", []), *table.get("dates", {}).values(), *(rule.stage for rule in rules)]:
        faults.one_of(where, stage, stages, "a stage of [stages]")
    if ("stage_field" in table) == bool(rules):
        faults.add(where, "stage_field and by" if rules else "neither stage_field nor by", "one of them")
    columns = schemas[table["layer"]].columns if table.get("layer") in schemas else None
    used = [*table.get("complete", []), *table.get("dated", []), *table.get("dates", {})]
    used += [field for rule in rules for field in (*rule.when, rule.words_field) if field]
    for field in [*used, *([table["stage_field"]] if "stage_field" in table else [])]:
        if columns is not None:
            faults.one_of(where, field, columns, f"a field of layers/{table['layer']}.toml")
    return PlotList(
        key, faults.text(f"{where} title", table.get("title")), table.get("layer", ""), table.get("level", ""), tuple(table.get("complete", ())),
        tuple(table.get("dated", ())), table.get("dates", {}), tuple(table.get("stages", ())), table.get("stage_field"), rules,
        table.get("certainty", ""), table.get("source", ""),
    )  # fmt: skip


def _read_stage_rule(row: Mapping[str, Any], where: str, faults: Faults) -> StageRule:
    faults.keys(where, row, ("words",), ("stage", "when"))
    words = row.get("words", {})
    if words:
        faults.keys(f"{where} words", words, (), ("field", "verdict"))
        faults.one_of(f"{where} words verdict", words.get("verdict"), (CLEAN, POLLUTED), "a verdict")
    when = _read_when(row.get("when"), f"{where} when", faults)
    return StageRule(str(row.get("stage", "")), when, words.get("field"), words.get("verdict"))


def _read_when(table: Any, where: str, faults: Faults) -> dict[str, tuple[Any, ...]]:
    """Return fields with the values each may have, from ``{ field = [value, …] }``."""
    if table is None:
        return {}
    if not (isinstance(table, dict) and all(isinstance(v, list) and v for v in table.values())):
        faults.add(where, table, "{ field = [value, …] }")
        return {}
    return {field: tuple(values) for field, values in table.items()}


_DEADLINE_KINDS = {
    "lists": "a list of texts", "stages": "a list of texts", "kind": "a text", "from": "a text", "since": "a text",
    "months": "a whole number", "month": "a whole number", "day": "a whole number", "on": "a date as 2026-09-30", "done": "a text",
    "basis": "a list of texts", "certainty": "a text", "source": "a text",
}  # fmt: skip
_KIND_NEEDS = {"months_after": ("from", "months"), "yearly": ("month", "day", "since"), "fixed": ("on",)}


def _read_deadline(
    key: str, table: Any, where: str, lists: Mapping[str, PlotList], stages: Mapping[str, Text], basis: Mapping[str, Any], faults: Faults
) -> Deadline:  # fmt: skip
    kind = faults.one_of(f"{where} kind", table.get("kind"), KINDS, "a kind of deadline")
    faults.keys(
        where, table, ("stages", "areas", "done_when", "open_when"),
        ("title", "lists", "kind", "done", "actor", "basis", "certainty", "source", *_KIND_NEEDS.get(kind, ())),
    )  # fmt: skip
    table = faults.sound(where, table, _DEADLINE_KINDS)
    for word, allowed, what in (("lists", lists, "a list"), ("stages", stages, "a stage"), ("basis", basis, "a basis")):
        for value in table.get(word, []):
            faults.one_of(f"{where} {word}", value, allowed, what)
    faults.one_of(f"{where} certainty", table.get("certainty"), CERTAINTIES, "a certainty")
    return Deadline(
        key, faults.text(f"{where} title", table.get("title")), tuple(table.get("lists", ())), kind, table.get("done", ""),
        faults.text(f"{where} actor", table.get("actor")), tuple(table.get("basis", ())), table.get("certainty", ""), table.get("source", ""),
        tuple(table.get("stages", ())), _read_when(table.get("areas"), f"{where} areas", faults), table.get("from", table.get("since")),
        table.get("months", 0),
        table.get("month", 0), table.get("day", 0), table.get("on"),
        _read_when(table.get("done_when"), f"{where} done_when", faults), _read_when(table.get("open_when"), f"{where} open_when", faults),
    )  # fmt: skip


def _read_contradiction(
    table: Any, where: str, lists: Mapping[str, PlotList], stages: Mapping[str, Text], faults: Faults
) -> Contradiction:
    faults.keys(where, table, ("second",), ("title", "first"))
    sides: list[Standing | None] = []
    for side in ("first", "second"):
        row = table.get(side)
        if row is None:
            sides.append(None)
            continue
        faults.keys(f"{where} {side}", row, ("when",), ("list", "stages"))
        faults.one_of(f"{where} {side} list", row.get("list"), lists, "a list of [lists]")
        for stage in row.get("stages", []):
            faults.one_of(f"{where} {side} stages", stage, stages, "a stage of [stages]")
        when = _read_when(row.get("when"), f"{where} {side} when", faults)
        sides.append(Standing(str(row.get("list")), tuple(row.get("stages", ())), when))
    first = sides[0] or Standing("", (), {})
    return Contradiction(faults.text(f"{where} title", table.get("title")), first, sides[1])


def _check_fields(
    deadlines: Sequence[Deadline], lists: Mapping[str, PlotList], needs: Mapping[str, Need], clashes: Mapping[str, Contradiction],
    name: str, schemas: Mapping[str, LayerSchema], faults: Faults,
) -> None:  # fmt: skip
    """Fault fields that the layers concerned do not have: of deadlines, of contradictions, and needs that no list has."""
    columns = {k: schemas[v.layer].columns for k, v in lists.items() if v.layer in schemas}
    for deadline in deadlines:
        named = [deadline.done, deadline.start, *deadline.areas, *deadline.done_when, *deadline.open_when]
        for field in (f for f in named if f):
            for key in deadline.lists:
                faults.one_of(f"{name} [deadlines.{deadline.id}]", field, columns.get(key, [field]), f"a field of list '{key}'")  # fmt: skip
    for key, clash in clashes.items():
        for side in (clash.first, clash.second):
            if side is None:
                continue
            for field in side.when:
                faults.one_of(
                    f"{name} [contradictions.{key}]", field, columns.get(side.list, [field]), "a field of its list"
                )
    everywhere = {field for fields in columns.values() for field in fields}
    for key, need in needs.items():
        for field in need.fields:
            faults.one_of(f"{name} [needs] {key}", field, everywhere, "a field of a listed layer")
