"""What a default sheet is specified by: its layers, charts and tables, and what an atlas makes a page of."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from geosys._text import Text

if TYPE_CHECKING:
    from collections.abc import Mapping

NO_TEXT = Text("", "")


@dataclass(frozen=True, slots=True)
class LayerPart:
    """Hold how one layer, or the findings, take part in a sheet.

    Parameters
    ----------
    layer : layer id, or ``findings``.
    title : what the legend calls it; empty: the layer's own title.
    style : a style of ``sheets/styles.toml`` or of the palettes; empty: the layer's own.
    label, rank : the column written at the features, and how important that is.
    where : column -> words of which a row must have one.
    signs : class -> letters inside its marker.
    values : value -> class, where a column does not hold the class itself.
    sign_by, sign_titles : a column whose words `signs` are of instead of the classes, and the table of classes that names them.
    shape_by, shapes : the column that decides the marker's shape, and the table of classes that says how.
    share : ``rate``, ``by`` and ``on``: features are coloured by the share of their group.
    shown : ``shape``, or ``point`` for areas too small to be seen.
    needed : a sheet without a feature of this layer is refused.
    is_context : stands on the sheet to find one's way, never decides the extent.
    """

    layer: str
    title: Text = NO_TEXT
    style: str = ""
    label: str = ""
    rank: int = 5
    where: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)
    signs: Mapping[str, str] = field(default_factory=dict)
    values: Mapping[str, str] = field(default_factory=dict)
    shape_by: str = ""
    shapes: str = ""
    sign_by: str = ""
    sign_titles: str = ""
    share: Mapping[str, str] = field(default_factory=dict)
    shown: str = "shape"
    listed: bool = True
    fits: bool = False
    needed: bool = False
    is_context: bool = False


@dataclass(frozen=True, slots=True)
class ChartPart:
    """Hold one chart of a sheet: its kind, where it stands, and which columns of which layer it counts."""

    kind: str
    title: Text
    place: str = "after"
    layer: str = ""
    rows: str = ""
    column: str = ""
    classes: str = ""
    measure: str = ""
    layers: tuple[str, ...] = ()
    unit: Text = NO_TEXT
    columns: tuple[str, ...] = ()
    classes_of: tuple[str, ...] = ()
    rates: tuple[str, ...] = ()
    by: str = ""
    is_share: bool = False
    values: Mapping[str, str] = field(default_factory=dict)
    where: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)
    months: int = 24


@dataclass(frozen=True, slots=True)
class TablePart:
    """Hold one table of a sheet: columns of a layer or of the findings, sorted, cut after `most` rows with the number left out."""

    layer: str
    title: Text
    columns: tuple[str, ...] = ()
    sort: tuple[str, ...] = ()
    most: int = 24
    where: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)
    place: str = "after"
    group: str = ""


class Each(NamedTuple):
    """Hold what an atlas makes a page of.

    `layers`, how far around a feature its map reaches at least, and the column by which other features belong to it.
    """

    layers: tuple[str, ...]
    reach_m: float
    link: str


@dataclass(frozen=True, slots=True)
class SheetSpec:
    """Hold one default sheet; `rules` limits the findings, `versions_of` names layers of which two versions are compared."""

    name: str
    title: Text
    about: Text = NO_TEXT
    paper: str = "A3"
    is_landscape: bool = True
    audience: str = "internal"
    layers: tuple[LayerPart, ...] = ()
    charts: tuple[ChartPart, ...] = ()
    tables: tuple[TablePart, ...] = ()
    notes: tuple[Text, ...] = ()
    rules: tuple[str, ...] = ()
    outcomes: tuple[str, ...] = ("hit",)
    versions_of: tuple[str, ...] = ()
    has_map: bool = True
