"""Sentences of findings: placeholders filled from the rows a finding is about, checked when the rule is read."""

from __future__ import annotations

import datetime as dt
import string
from typing import TYPE_CHECKING, Any

import pandas as pd

from geosys._text import Text
from geosys.geo.river_distance import place_text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from geosys._faults import Faults
    from geosys._schema import LayerSchema

FIGURES = ("distance_m", "length_m", "area_m2", "area_ha", "share_pct", "days", "threshold")
RIVER_DISTANCE = "river_distance"  # where the subject lies, seen from a section: 在断面X上游 3.2 km
EMPTY = Text("（空）", "(empty)")


def _placeholders(text: str) -> list[str]:
    return [name for _, name, _, _ in string.Formatter().parse(text) if name is not None]


def check_sentence(text: Text, where: str, sides: Mapping[str, LayerSchema | None], faults: Faults) -> None:
    """Fault every placeholder that names no figure and no column of the rule's subject or object."""
    known = [*FIGURES, RIVER_DISTANCE]
    for side, schema in sides.items():
        if schema is not None:
            known += [f"{side}.{c}" for c in ("id", "name", *schema.columns)]
    for language in (text.zh, text.en):
        try:
            for name in _placeholders(language):
                faults.one_of(where, name, known, "a placeholder of this rule")
        except ValueError as error:
            faults.add(where, language, f"balanced braces ({error})")


def fill(
    text: str, rows: Mapping[str, tuple[LayerSchema, Any] | None], figures: Mapping[str, float], language: str
) -> str:
    """Return a sentence with its placeholders filled; a code is written as its title, a missing value as （空）.

    Parameters
    ----------
    rows
        For each side, its schema and row (a mapping of columns), or None.
    figures
        Values of `FIGURES`, units as their names say, and `river_m` (metres along the river, + upstream of the object).
    """
    parts = []
    for literal, name, _, _ in string.Formatter().parse(text):
        parts.append(literal)
        if name is not None:
            parts.append(_value(name, rows, figures, language))
    return "".join(parts)


def _value(
    name: str, rows: Mapping[str, tuple[LayerSchema, Any] | None], figures: Mapping[str, float], language: str
) -> str:
    if name in FIGURES:
        return show_number(figures[name])
    if name == RIVER_DISTANCE:
        return _place_on_river(rows.get("object"), figures["river_m"], language)
    side, column = name.split(".", 1)
    entry = rows.get(side)
    if entry is None:
        return EMPTY.in_language(language)
    schema, row = entry
    if column == "id":
        return str(row["feature_id"])
    if column == "name":
        return name_of(schema, row)
    return show_value(row[column], schema, column, language)


def _place_on_river(entry: tuple[LayerSchema, Any] | None, river_m: float, language: str) -> str:
    """Return where the subject lies along the river, seen from the object; （空） where that is not known."""
    if entry is None or pd.isna(river_m):
        return EMPTY.in_language(language)
    return place_text(name_of(*entry), river_m).in_language(language)


def name_of(schema: LayerSchema, row: Any) -> str:
    """Return what people call a row: its name, or its id where it has none."""
    name = row[schema.name_field] if schema.name_field else None
    return str(row["feature_id"]) if name is None or pd.isna(name) else str(name)


def show_value(value: Any, schema: LayerSchema, column: str, language: str) -> str:
    """Return a value as people read it."""
    if value is None or pd.isna(value):
        return EMPTY.in_language(language)
    codes = schema.codes.get(column)
    if codes and value in codes:
        return codes[value].in_language(language)
    if isinstance(value, bool):
        return {"zh": ("否", "是"), "en": ("no", "yes")}[language][value]
    if isinstance(value, float):
        return show_number(value)
    return value.isoformat() if isinstance(value, dt.date) else str(value)


def show_number(value: float) -> str:
    """Return a number with at most two decimals (four below 1) and no trailing zeros.

    Examples
    --------
    >>> show_number(500.0), show_number(12.345), show_number(0.01234), show_number(float("nan"))
    ('500', '12.35', '0.0123', '—')
    """
    if value is None or pd.isna(value):
        return "—"
    text = f"{value:.4f}" if abs(value) < 1 else f"{value:.2f}"
    return text.rstrip("0").rstrip(".") or "0"
