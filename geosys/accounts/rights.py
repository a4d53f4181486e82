"""Who may see and do what: the one place of the rules of layers, rows and fields for every output.

A layer, row or field that nothing here grants is not there. Every output asks these functions: pages, tiles, pictures, exports, edits.

- The **role** says which operations: each role may what those before it may. A token's scopes narrow that.
- The **audience** says how far a layer or field may reach: ``public`` reaches everybody, ``shared`` the offices that exchange data,
  ``internal`` stays in the house. Somebody without an account or role sees only what is public, whatever the audience says.
- The **offices** bind an account to what is internal to them: rows of a layer that names an office in each row, else layers whose steward
  they are. An internal layer that says neither is not there for an account bound to offices.
- The **counties** bind an account to rows of its counties in every layer that is not public. An internal layer whose rows say no county
  is not there for it (`unbound_layers` tells the administrator which); a shared one is, whole.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from geosys._schema import DISCLOSURES
from geosys.accounts.viewer import OPERATIONS, ROLES, Viewer

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import geopandas as gpd

    from geosys._schema import LayerSchema

OFFICE_COLUMNS = ("office",)
COUNTY_COLUMNS = ("county_code",)
PREFIX_COLUMNS = ("township_code", "village_code", "admin_code")  # codes of divisions: the county is how they begin
COUNTY_DIGITS = 6  # Source: GB/T 2260, codes of divisions down to the county; GB/T 10114 continues them for townships
_COUNTY_CODE = re.compile(rf"\d{{{COUNTY_DIGITS}}}")
_KEPT = ("feature_id",)  # what tells rows apart is no attribute: it stays whenever the row does


@dataclass(frozen=True, slots=True)
class RowRule:
    """Bind rows to some values of a column: a row holds when its value is one of them; a missing value never does.

    Parameters
    ----------
    values : what may stand there. An empty set lets no row through.
    leading : where above 0, only so many first characters of the column are compared.
    """

    column: str
    values: frozenset[str]
    leading: int = 0

    def admits(self, value: object) -> bool:
        """Say whether a row with this value in the column may be seen.

        Examples
        --------
        >>> RowRule("township_code", frozenset({"410202"}), leading=6).admits("410202003")
        True
        >>> RowRule("county_code", frozenset({"410202"})).admits(None)
        False
        """
        return isinstance(value, str) and (value[: self.leading] if self.leading else value) in self.values


def grants(viewer: Viewer, operation: str) -> bool:
    """Say whether the viewer's role and token allow an operation at all, whatever the layer.

    Raises
    ------
    ValueError
        When the operation is none of `OPERATIONS`.
    """
    if operation not in OPERATIONS:
        raise ValueError(f"operation: got {operation!r}, expected one of {', '.join(OPERATIONS)}.")
    if viewer.role not in ROLES:
        return operation == "read" and viewer.scopes is None  # what is public is for everybody
    in_scope = viewer.scopes is None or operation in viewer.scopes
    return in_scope and ROLES.index(viewer.role) >= OPERATIONS.index(operation)


def may(viewer: Viewer, operation: str, schema: LayerSchema) -> bool:
    """Say whether a viewer may do an operation on a layer; nothing may be done to what may not be read.

    A county-bound editor may edit only rows that `row_rules` admits, before and after the edit: `admits_row` says which.
    Changing a layer also asks that it is one of the viewer's offices', where the viewer is bound to some.
    """
    if not (grants(viewer, "read") and grants(viewer, operation) and row_rules(viewer, schema) is not None):
        return False
    return operation == "read" or _is_in_charge(viewer, schema)


def visible_columns(viewer: Viewer, schema: LayerSchema) -> tuple[str, ...]:
    """Return the columns of a layer that a viewer may see, in the layer's order; none of a layer that may not be read."""
    if not may(viewer, "read", schema):
        return ()
    return tuple(name for name in schema.columns if _reaches(viewer, schema.disclosures.get(name, schema.disclosure)))


def row_rules(viewer: Viewer, schema: LayerSchema) -> tuple[RowRule, ...] | None:
    """Return what the rows of a layer must hold for a viewer to see them.

    Returns
    -------
    None where no row may be seen, an empty tuple where every row may, else the rules that must all hold.
    """
    if not (_reaches(viewer, schema.disclosure) and grants(viewer, "read")):
        return None
    if schema.disclosure == "public":
        return ()
    rules: list[RowRule] = []
    for rule in (_office_rule(viewer, schema), _county_rule(viewer, schema)):
        if rule is None:
            return None
        rules += rule
    return tuple(rules)


def visible_rows(viewer: Viewer, schema: LayerSchema, frame: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Return the rows of a frame that a viewer may see, in their order; columns stay as they are.

    A frame that lacks the column of a rule has no row that holds.
    """
    rules = row_rules(viewer, schema)
    if rules is None:
        return frame.iloc[:0]
    holds = np.ones(len(frame), dtype=bool)
    for rule in rules:
        values = frame[rule.column] if rule.column in frame else [None] * len(frame)
        holds &= np.fromiter((rule.admits(value) for value in values), dtype=bool, count=len(frame))
    return frame.loc[holds]


def visible_frame(viewer: Viewer, schema: LayerSchema, frame: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Return the rows and columns of a frame that a viewer may see; ``feature_id`` and the geometry stay with the rows."""
    shown = {*visible_columns(viewer, schema), *_KEPT, getattr(frame, "_geometry_column_name", None)}
    rows = visible_rows(viewer, schema, frame)
    return rows[[name for name in rows.columns if name in shown]]


def admits_row(rules: Iterable[RowRule] | None, row: Mapping[str, object]) -> bool:
    """Say whether one row (column -> value) holds against the rules of `row_rules`: of what is read, and of what is to be written."""
    return rules is not None and all(rule.admits(row.get(rule.column)) for rule in rules)


def rights_key(viewer: Viewer, schema: LayerSchema) -> str:
    """Return the key of what a viewer sees of a layer: equal for two viewers exactly where rows and fields are the same to them.

    For caches: a stored answer is for all viewers of the same key. Twelve hexadecimal digits.
    """
    rules = row_rules(viewer, schema)
    told = None if rules is None else [(r.column, sorted(r.values), r.leading) for r in rules]
    text = json.dumps([schema.id, told, visible_columns(viewer, schema)], ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def unbound_layers(viewer: Viewer, schemas: Mapping[str, LayerSchema]) -> tuple[str, ...]:
    """Return the layers that a viewer would see without its offices and counties, and does not see with them; for the administrator."""
    free = Viewer(viewer.name, viewer.role, audience=viewer.audience, scopes=viewer.scopes)
    return tuple(n for n, schema in schemas.items() if may(free, "read", schema) and not may(viewer, "read", schema))


def _reaches(viewer: Viewer, disclosure: str) -> bool:
    """Say whether something of a disclosure reaches a viewer; an unknown word is the narrowest on both sides."""
    audience = viewer.audience if viewer.role in ROLES and viewer.audience in DISCLOSURES else "public"
    width = DISCLOSURES.index(disclosure) if disclosure in DISCLOSURES else 0
    return width >= DISCLOSURES.index(audience)


def _office_rule(viewer: Viewer, schema: LayerSchema) -> tuple[RowRule, ...] | None:
    """Return the rule of offices; shared layers are for all offices, and those in charge of an internal one see it whole."""
    if not viewer.offices or schema.disclosure == "shared":
        return ()
    column = next((name for name in OFFICE_COLUMNS if name in schema.columns), None)
    if column is not None:
        return (RowRule(column, viewer.offices),)
    return () if _is_in_charge(viewer, schema) else None


def _is_in_charge(viewer: Viewer, schema: LayerSchema) -> bool:
    """Say whether an account answers for a layer: it is bound to no office, or to the steward, or rows name their office."""
    named = any(name in schema.columns for name in OFFICE_COLUMNS)
    return not viewer.offices or named or schema.steward in viewer.offices


def _county_rule(viewer: Viewer, schema: LayerSchema) -> tuple[RowRule, ...] | None:
    if not viewer.counties:
        return ()
    column = county_column(schema)
    if column is None:
        return () if schema.disclosure == "shared" else None
    return (RowRule(column, viewer.counties, COUNTY_DIGITS if column in PREFIX_COLUMNS else 0),)


def county_column(schema: LayerSchema) -> str | None:
    """Return the column that says the county of a row: its code, else a column coded by counties, else a division's code; or None."""
    coded = [name for name, codes in schema.codes.items() if codes and all(map(_COUNTY_CODE.fullmatch, codes))]
    return next((name for name in (*COUNTY_COLUMNS, *coded, *PREFIX_COLUMNS) if name in schema.columns), None)
