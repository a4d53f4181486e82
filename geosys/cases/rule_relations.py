"""What a rule may and must say about its relation, and in which unit its measure is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from geosys._faults import Faults
    from geosys._schema import LayerSchema
    from geosys.cases.conditions import Condition

ATTRIBUTE = "attribute"
SETTINGS: dict[str, tuple[str, ...]] = {
    "covered_by": (),
    "dwithin": ("distance_m",),
    "intersects": ("min_area_m2", "min_share", "min_length_m"),
    "nearest": ("distance_m", "reach_m"),
    "not_covered_by": ("min_area_m2", "min_share"),
    "composition": ("by", "min_area_m2", "min_share"),
    "corridor": ("along", "up_m", "down_m", "offset_m"),
    "upstream": ("along", "within_m"),
    ATTRIBUTE: (),
}
TEXTS = ("by", "along")  # settings that are words
NEEDED = {
    "dwithin": ("distance_m",), "composition": ("by", "condition"), "corridor": ("along", "up_m", "down_m", "offset_m"),
    "upstream": ("along",),
}  # fmt: skip
ABOUT_ALL = ("not_covered_by", "composition")  # about all objects together: a finding names none
ALONG = ("corridor", "upstream")  # along the rivers of a line layer
_UNITS = {
    "covered_by": "m",
    "dwithin": "m",
    "nearest": "m",
    "not_covered_by": "m2",
    "composition": "m2",
    "corridor": "m",
    "upstream": "m",
    ATTRIBUTE: "d",
}


def kinds_of(sides: Mapping[str, LayerSchema | None]) -> set[str]:
    """Return the kinds of geometry that a rule's layers have."""
    return {schema.geometry for schema in sides.values() if schema is not None}


def unit_of(relation: str, sides: Mapping[str, LayerSchema | None]) -> str:
    """Return the unit of a rule's measure: ``m``, ``m2`` or ``d`` (days)."""
    return _UNITS.get(relation, "m2" if kinds_of(sides) == {"polygon"} else "m")


def check_relation(
    relation: str, table: Mapping[str, Any], where: str, sides: Mapping[str, LayerSchema | None],
    condition: Sequence[Condition], faults: Faults,
) -> None:  # fmt: skip
    """Fault what a relation cannot do with the layers, settings and conditions of its rule."""
    kinds = kinds_of(sides)
    if relation != ATTRIBUTE and "none" in kinds:
        faults.add(
            f"{where} relation", relation, "layers with a geometry", "A layer without one has relation 'attribute'."
        )
    if relation in ABOUT_ALL and kinds - {"polygon"}:
        faults.add(f"{where} relation", relation, "two polygon layers", "It is about areas.")
    if relation == "not_covered_by" and any(c.side == "object" for c in condition):
        do = "What lies outside all objects has no object: use 'where'."
        faults.add(f"{where} condition", "object", "conditions on the subject", do)
    if relation == "intersects":
        _check_least(table, where, kinds, sides, faults)
    if relation == "nearest":
        _check_nearest(table, where, faults)
    if relation in ALONG:
        _check_along(relation, table, where, sides, faults)
    if relation == "composition":
        _check_composition(table, where, sides, condition, faults)
    share = table.get("min_share")
    if isinstance(share, (int, float)) and not isinstance(share, bool) and share > 1:
        faults.add(f"{where} min_share", share, "a share from 0 to 1", "Write 10 % as 0.1.")


def _check_least(
    table: Mapping[str, Any], where: str, kinds: set[str], sides: Mapping[str, LayerSchema | None], faults: Faults
) -> None:
    """Fault a least area where a line or a point takes part, and a least length where none does."""
    lines = "line" in kinds and "point" not in kinds
    if "min_area_m2" in table and kinds - {"polygon"}:
        do = "Use min_length_m." if lines else "A point has no area."
        faults.add(f"{where} min_area_m2", table["min_area_m2"], "two polygon layers", do)
    if "min_length_m" in table and not lines:
        do = "Use min_area_m2." if kinds == {"polygon"} else "A point has no length."
        faults.add(f"{where} min_length_m", table["min_length_m"], "a line layer on one side, no points", do)
    subject = sides["subject"]
    if "min_share" in table and ("point" in kinds or (lines and subject is not None and subject.geometry != "line")):
        do = "What is common has no such share of the subject."
        faults.add(f"{where} min_share", table["min_share"], "a subject that has the common area or length", do)


def _check_nearest(table: Mapping[str, Any], where: str, faults: Faults) -> None:
    limit, reach = (table.get(key) for key in ("distance_m", "reach_m"))
    for key, value in (("distance_m", limit), ("reach_m", reach)):
        if value == 0:
            faults.add(f"{where} {key}", value, "a number above 0", "Leave it out for no limit.")
    if isinstance(limit, (int, float)) and isinstance(reach, (int, float)) and reach < limit:
        faults.add(
            f"{where} reach_m", reach, f"at least distance_m, {limit}", "Beyond its reach nothing is looked for."
        )


def check_layers(
    table: Mapping[str, Any], where: str, schemas: Mapping[str, LayerSchema], faults: Faults
) -> None:  # fmt: skip
    """Fault layers that a rule needs beside its subject and object and that are not there: its rivers, what it `requires`."""
    for name in table.get("requires", []):
        faults.one_of(f"{where} requires", name, schemas, "a layer of layers/")
    if "along" in table and faults.one_of(f"{where} along", table["along"], schemas, "a layer of layers/") in schemas:
        kind = schemas[table["along"]].geometry
        if kind != "line":
            faults.add(f"{where} along", f"{table['along']} ({kind})", "a line layer", "Name the layer of the rivers.")


def _check_along(
    relation: str, table: Mapping[str, Any], where: str, sides: Mapping[str, LayerSchema | None], faults: Faults
) -> None:
    """Fault lengths of nothing, and a corridor around what is no point on a river."""
    for key in ("within_m", "offset_m"):
        if table.get(key) == 0:
            do = "Leave it out for no limit." if key == "within_m" else "It is the width on each side."
            faults.add(f"{where} {key}", 0, "a number above 0", do)
    schema = sides["object"]
    if relation == "corridor" and schema is not None and schema.geometry not in ("point", "none"):
        faults.add(
            f"{where} object", f"{schema.id} ({schema.geometry})", "a point layer", "A corridor belongs to a section."
        )


def _check_composition(
    table: Mapping[str, Any],
    where: str,
    sides: Mapping[str, LayerSchema | None],
    condition: Sequence[Condition],
    faults: Faults,
) -> None:
    """Fault a composition that does not name the field of the classes, or that chooses classes by another field."""
    schema, by = sides["object"], table.get("by")
    if schema is not None and by is not None:
        faults.one_of(f"{where} by", by, schema.columns, f"a field of layers/{schema.id}.toml")
    chosen = [c for c in condition if c.side == "object"]
    if "condition" in table and not chosen:
        faults.add(f"{where} condition", "no class", f"object.{by}", "It chooses the classes whose areas are added.")
    for c in chosen:
        if c.column != by:
            do = "Which objects are looked at at all is said by 'where'."
            faults.add(f"{where} condition", f"object.{c.column}", f"object.{by}, the field of 'by'", do)
