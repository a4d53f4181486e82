"""What may be wrong in `cases/workflow.toml`: every fault found, each with its place."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from geosys.cases.variants import is_circle, merged
from geosys.content import read_csv, read_toml, short_name

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from geosys._faults import Faults

# What a move can need, and the field of a case that holds it; None where only the event does.
NEEDS: dict[str, str | None] = {
    "lead": "assigned_lead", "due_on": "assigned_due_on", "handling": "handling", "measures": "measures", "person": "person",
    "done_on": "done_on", "evidence": None, "reason": None, "second_person": None,
}  # fmt: skip
LASTING = ("handling", "measures", "person", "done_on")  # once said they need not be said again
ACTORS = ("dispatcher", "lead")
_TOP = ("dispatcher", "assigned_by", "papers", "roles", "extension", "proposals", "variants")
_KINDS = {
    **dict.fromkeys(("states", "moves", "papers", "roles", "variants"), "a table of tables"), "extension": "a table",
    "proposals": "a list of tables", "dispatcher": "a text", "assigned_by": "a text",
}  # fmt: skip
_MOVE_KINDS = {
    "from": "a list of texts", "to": "a text", "needs": "a list of texts", "papers": "a list of texts", "confirmed_by": "a list of texts",
}  # fmt: skip
_VARIANT_KINDS = {
    "rules": "a list of texts", "layers": "a list of texts", "extends": "a text", "drops": "a list of texts", "states": "a table of tables",
    "moves": "a table of tables", "handlings": "a table of tables", "handling_codes": "a text", "handling_only": "a list of texts",
}  # fmt: skip
_PROPOSAL_KINDS = {
    "move": "a text", "seen": "a list of texts", "overdue_days": "a whole number", "quiet_days": "a whole number",
    "seen_later": "true or false",
}  # fmt: skip
_SEEN = ("present", "no_longer_found", "returned", "not_assessed")


def check_workflow(root: Path, path: Path, table: dict[str, Any], faults: Faults) -> dict[str, Any]:
    """Fault all that is wrong in the table of a workflow, and return it without what is of the wrong kind.

    Parameters
    ----------
    root
        The folder of the content: the rules, layers, code lists and offices that the workflow names are looked up there.
    """
    name = short_name(path)
    faults.keys(name, table, _TOP, ("states", "moves"))
    table = faults.sound(name, table, _KINDS)
    _check_titles(name, table, faults)
    _check_states(f"{name} [states", table.get("states", {}), faults)
    _check_moves(f"{name} [moves", table.get("moves", {}), {}, table.get("states", {}), table, faults)
    _check_variants(name, table, root, faults)
    _check_extension(f"{name} [extension]", table, faults)
    for number, row in enumerate(table.get("proposals", []), 1):
        _check_proposal(f"{name} [[proposals]] {number}", row, table, faults)
    offices = _names(root, "layers/codes/office.csv")
    faults.one_of(f"{name} assigned_by", table.get("assigned_by"), table.get("moves", {}), "a move of this file")
    faults.one_of(f"{name} dispatcher", table.get("dispatcher"), offices, "an office of layers/codes/office.csv")
    return table


def _check_proposal(where: str, row: Mapping[str, Any], table: Mapping[str, Any], faults: Faults) -> None:
    faults.keys(where, row, _PROPOSAL_KINDS, ("move", "why"))
    why = faults.text(f"{where} why", row.get("why"))
    row = faults.sound(where, row, _PROPOSAL_KINDS)
    moves = {*table.get("moves", {}), *(m for v in table.get("variants", {}).values() for m in v.get("moves", {}))}
    faults.one_of(f"{where} move", row.get("move"), moves, "a move of this file")
    if any(sign in text.replace("{days}", "") for text in (why.zh, why.en) for sign in "{}"):
        faults.add(f"{where} why", why.both(), "no other blank than {days}")
    for seen in row.get("seen", []):
        faults.one_of(f"{where} seen", seen, _SEEN, "what a run can see")


def _names(root: Path, file: str) -> list[str]:
    return [row["code"] for row in read_csv(root / file, ("code",))]


def _check_titles(name: str, table: Mapping[str, Any], faults: Faults) -> None:
    for part in ("papers", "roles"):
        for key, row in table.get(part, {}).items():
            where = f"{name} [{part}.{key}]"
            faults.keys(where, row, (), ("title",))
            faults.text(f"{where} title", row.get("title"))


def _check_states(where: str, states: Mapping[str, Any], faults: Faults) -> None:
    for state, row in states.items():
        faults.keys(f"{where}.{state}]", row, ("runs", "acts", "shown_as"), ("title",))
        faults.text(f"{where}.{state}] title", row.get("title"))
        faults.sound(f"{where}.{state}]", row, {"runs": "true or false", "shown_as": "a text"})
        faults.one_of(f"{where}.{state}] acts", row.get("acts"), ACTORS, "whose turn it is")


def _check_moves(
    where: str, moves: Mapping[str, Any], known: Mapping[str, Any], states: Mapping[str, Any], table: Mapping[str, Any], faults: Faults
) -> None:  # fmt: skip
    """Check moves; one that is `known` already may leave out what stays as it is."""
    for move, row in moves.items():
        place = f"{where}.{move}]"
        faults.keys(place, row, ("title", *_MOVE_KINDS), () if move in known else ("title", "from", "to"))
        faults.text(f"{place} title", row.get("title"))
        sound = faults.sound(place, row, _MOVE_KINDS)
        for state in [*sound.get("from", []), sound.get("to")]:
            faults.one_of(place, state, states, "a state of this file")
        for need in sound.get("needs", []):
            faults.one_of(f"{place} needs", need, NEEDS, "something a move can need")
        _check_known(place, sound, table, faults)


def _check_known(place: str, row: Mapping[str, Any], table: Mapping[str, Any], faults: Faults) -> None:
    for paper in row.get("papers", []):
        faults.one_of(f"{place} papers", paper, table.get("papers", {}), "a paper of [papers]")
    for role in row.get("confirmed_by", []):
        faults.one_of(f"{place} confirmed_by", role, table.get("roles", {}), "a role of [roles]")


def _check_variants(name: str, table: Mapping[str, Any], root: Path, faults: Faults) -> None:
    variants, taken = table.get("variants", {}), set()
    rules = {rule for path in (root / "cases" / "rules").glob("*.toml") for rule in read_toml(path)}
    layers = {path.stem for path in (root / "layers").glob("*.toml")}
    codes = {path.stem for path in (root / "layers" / "codes").glob("*.csv")}
    for variant, row in variants.items():
        where = f"{name} [variants.{variant}]"
        faults.keys(where, row, _VARIANT_KINDS, ("title",))
        faults.text(f"{where} title", row.get("title"))
        sound = faults.sound(where, row, _VARIANT_KINDS)
        if not row.get("rules") and not row.get("layers"):
            faults.add(where, "neither rules nor layers", "one of them", "Say which cases it is for.")
        for key, allowed, what in (
            ("rules", rules, "a rule of cases/rules/"),
            ("layers", layers, "a layer of layers/"),
        ):
            for value in sound.get(key, []):
                faults.one_of(f"{where} {key}", value, allowed, what)
                if (key, value) in taken:
                    faults.add(f"{where} {key}", value, "one that no other variant names")
                taken.add((key, value))
        faults.one_of(
            f"{where} extends", sound.get("extends"), [v for v in variants if v != variant], "another variant"
        )
        if is_circle(variant, variants):
            faults.add(f"{where} extends", row.get("extends"), "a variant that does not extend this one in turn")
            continue
        _check_variant(where, sound, merged(table, sound.get("extends")), table, faults)
        code_list = faults.one_of(
            f"{where} handling_codes", sound.get("handling_codes"), codes, "a list of layers/codes/"
        )
        if code_list in codes and set(sound.get("handlings", {})) != set(_names(root, f"layers/codes/{code_list}.csv")):
            faults.add(
                f"{where} handlings", list(sound.get("handlings", {})), f"every code of layers/codes/{code_list}.csv"
            )


def _check_variant(
    where: str, row: Mapping[str, Any], base: Mapping[str, Any], table: Mapping[str, Any], faults: Faults
) -> None:
    _check_states(f"{where[:-1]}.states", row.get("states", {}), faults)
    states = base["states"] | row.get("states", {})
    _check_moves(f"{where[:-1]}.moves", row.get("moves", {}), base["moves"], states, table, faults)
    for move in row.get("drops", []):
        faults.one_of(f"{where} drops", move, base["moves"], "a move that it would have")
    handlings = base["handlings"] | row.get("handlings", {})
    for handling in row.get("handling_only", []):
        faults.one_of(f"{where} handling_only", handling, handlings, "a way of handling")
    for handling, told in row.get("handlings", {}).items():
        place = f"{where[:-1]}.handlings.{handling}]"
        faults.keys(place, told, ("papers",))
        asked = faults.sound(place, told, {"papers": "a table"}).get("papers", {})
        for move, papers in asked.items():
            faults.one_of(f"{place} papers", move, base["moves"] | row.get("moves", {}), "a move")
            if faults.expect(f"{place} papers {move}", papers, "a list of texts"):
                _check_known(place, {"papers": papers}, table, faults)


def _check_extension(where: str, table: Mapping[str, Any], faults: Faults) -> None:
    row = table.get("extension", {})
    if not row:
        return
    faults.keys(where, row, ("counts_anew", "after_due"), ("from", "times"))
    kinds = {
        "from": "a list of texts",
        "counts_anew": "a list of texts",
        "after_due": "true or false",
        "times": "a list of tables",
    }
    row = faults.sound(where, row, kinds)
    for state in [*row.get("from", []), *row.get("counts_anew", [])]:
        faults.one_of(where, state, table.get("states", {}), "a state of this file")
    for number, once in enumerate(row.get("times", []), 1):
        place = f"{where} times {number}"
        faults.keys(place, once, ("needs", "confirmed_by"), ("most_days",))
        once = faults.sound(place, once, {"most_days": "a whole number"} | _MOVE_KINDS)  # noqa: PLW2901
        for need in once.get("needs", []):
            faults.one_of(
                f"{place} needs", need, ("reason", "second_person", "evidence"), "something an extension can need"
            )
        _check_known(place, once, table, faults)
