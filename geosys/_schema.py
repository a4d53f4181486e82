"""What the rooms hand each other about a layer: plain data, so that no room needs to import its neighbour."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    import geopandas as gpd

    from geosys._text import Text


DISCLOSURES = ("internal", "shared", "public")  # from the narrowest audience to the widest


@dataclass(frozen=True, slots=True)
class LayerSchema:
    """Describe a layer to rules and maps: titles, column types, code titles, accuracy and disclosure.

    `columns` gives the type of each column (text, integer, number, date, truth); `codes` the title of each code
    of the columns that have a code list. `tolerances_m` and `slivers_m2` are what passes as rounding of coordinates
    against a layer of each kind of geometry, where the layer says so. `steward` is the office that answers for the layer,
    `time` the date that a row stands for.
    """

    id: str
    title: Text
    geometry: str
    name_field: str | None
    accuracy_m: float
    disclosure: str
    columns: Mapping[str, str]
    titles: Mapping[str, Text]
    codes: Mapping[str, Mapping[str, Text]]
    disclosures: Mapping[str, str]
    tolerances_m: Mapping[str, float] = field(default_factory=dict)
    slivers_m2: Mapping[str, float] = field(default_factory=dict)
    steward: str = ""
    time: str | None = None


@dataclass(frozen=True, slots=True)
class UsableLayer:
    """Hold a layer as it may be used: its schema, clean rows, withheld rows (with `issue_type`) and version."""

    schema: LayerSchema
    frame: gpd.GeoDataFrame
    withheld: gpd.GeoDataFrame
    version: str
