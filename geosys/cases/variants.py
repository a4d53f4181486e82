"""Variants of the life cycle: what a type of cases has otherwise, laid over what holds for all."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping


def variant_of(workflow: Mapping[str, Any], rule: str, layer: str) -> str | None:
    """Return the variant for a rule, else for the layer of its subject, else None: then what holds for all cases holds."""
    variants = workflow.get("variants", {})
    for key, value in (("rules", rule), ("layers", layer)):
        for name, row in variants.items():
            if value in row.get(key, ()):
                return str(name)
    return None


def merged(table: Mapping[str, Any], variant: str | None) -> dict[str, Any]:
    """Return states, moves and handlings of a variant (None: of all cases), each laid over what it extends."""
    row = table.get("variants", {}).get(variant)
    if row is None:
        return {"states": table.get("states", {}), "moves": table.get("moves", {}), "handlings": {}}
    base = merged(table, row.get("extends"))
    moves = dict(base["moves"])
    for name, move in row.get("moves", {}).items():
        moves[name] = moves.get(name, {}) | move
    handlings = base["handlings"] | row.get("handlings", {})
    return {
        "states": base["states"] | row.get("states", {}),
        "moves": {name: move for name, move in moves.items() if name not in row.get("drops", [])},
        "handlings": {k: v for k, v in handlings.items() if k in row.get("handling_only", handlings)},
    }


def is_circle(variant: str, variants: Mapping[str, Any]) -> bool:
    """Say whether a variant extends itself by way of others."""
    passed, step = set(), variant
    while step in variants and step not in passed:
        passed.add(step)
        step = variants[step].get("extends", "")
    return step in passed
