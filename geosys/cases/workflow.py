"""The life cycle of cases as content: states, moves and what they need, for all cases and where a type differs."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from geosys._faults import Faults
from geosys._text import Text
from geosys.cases.variants import merged, variant_of
from geosys.cases.workflow_faults import check_workflow
from geosys.content import read_toml

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class State:
    """Hold one state: whether its due date runs, whose turn it is, and which state of the map draws it."""

    title: Text
    runs: bool
    acts: str
    shown_as: str


@dataclass(frozen=True, slots=True)
class Move:
    """Hold one move: the states it starts from and its target, what it needs, the papers, and the roles that may confirm it."""

    title: Text
    starts: tuple[str, ...]
    to: str
    needs: tuple[str, ...]
    papers: tuple[str, ...]
    confirmed_by: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class LifeCycle:
    """Hold the states and moves of one type of cases; `handlings` maps each way of handling to its papers by move."""

    name: str
    title: Text
    states: Mapping[str, State]
    moves: Mapping[str, Move]
    papers: Mapping[str, Text]
    handlings: Mapping[str, Mapping[str, Sequence[str]]] = field(default_factory=dict)

    def allowed(self, state: str) -> list[str]:
        """Return the moves that start from a state, in the order of the content."""
        return [name for name, move in self.moves.items() if state in move.starts]


def read_workflow(root: Path) -> dict[str, Any]:
    """Return `cases/workflow.toml` below a root, validated: states, moves, papers, roles, extension, proposals, variants.

    Raises
    ------
    SpecError
        With every fault: unknown keys and needs, a state without a title, a move from or to a state that is not there, a
        variant of a rule, layer or code list that is not there, one rule or layer in two variants.
    """
    path, faults = root / "cases" / "workflow.toml", Faults()
    table = check_workflow(root, path, read_toml(path), faults)
    faults.raise_if_any()
    return table


def life_cycle(workflow: Mapping[str, Any], rule: str = "", layer: str = "") -> LifeCycle:
    """Return the life cycle of the cases of a rule and layer (default: of cases of no special type).

    Parameters
    ----------
    workflow
        As `read_workflow` returns it.
    """
    variant = variant_of(workflow, rule, layer)
    whole = merged(workflow, variant)
    title = workflow["variants"][variant]["title"] if variant else {"zh": "整改事项", "en": "Cases"}
    return LifeCycle(
        variant or "", Text(**title), {name: _state(name, row) for name, row in whole["states"].items()},
        {name: _move(row) for name, row in whole["moves"].items()},
        {name: Text(**row["title"]) for name, row in workflow.get("papers", {}).items()},
        {name: row.get("papers", {}) for name, row in whole["handlings"].items()},
    )  # fmt: skip


def _state(name: str, row: Mapping[str, Any]) -> State:
    return State(Text(**row["title"]), row.get("runs", True), row.get("acts", ""), row.get("shown_as", name))


def _move(row: Mapping[str, Any]) -> Move:
    lists = (tuple(row.get(key, ())) for key in ("needs", "papers", "confirmed_by"))
    return Move(Text(**row["title"]), tuple(row["from"]), str(row["to"]), *lists)


def all_states(workflow: Mapping[str, Any]) -> dict[str, State]:
    """Return every state that a case can have, those of variants included."""
    rows = dict(workflow["states"])
    for variant in workflow.get("variants", {}).values():
        rows |= variant.get("states", {})
    return {name: _state(name, row) for name, row in rows.items()}
