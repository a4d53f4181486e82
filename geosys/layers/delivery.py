"""One entry of the plan: which file holds which layer, and what its sender means by his names and values."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class Delivery:
    """Describe one delivered table and how it maps onto a layer; `name` is the path as the plan writes it.

    `remembered` is how earlier deliveries of the same sender were mapped, our memory rather than the plan's.
    `read_as` is the reading of its coordinates that a person has confirmed: it goes before what the file states.
    """

    path: Path
    name: str
    layer: str
    table: str | None = None
    crs: str | None = None
    encoding: str | None = None
    columns: Mapping[str, str] = field(default_factory=dict)
    values: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    set: Mapping[str, Any] = field(default_factory=dict)
    units: Mapping[str, str] = field(default_factory=dict)
    x: str | None = None
    y: str | None = None
    sender: str = ""
    note: str = ""
    rows: Mapping[str, Sequence[Any]] = field(default_factory=dict)
    read_as: str | None = None
    remembered: Mapping[str, str] = field(default_factory=dict)


KEYS = ("table", "crs", "encoding", "columns", "values", "set", "units", "x", "y", "sender", "note", "rows", "read_as")
REQUIRED = ("file", "layer")
