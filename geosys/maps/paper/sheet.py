"""What a sheet is made of: map frames with features, tables, facts, paragraphs, boxes, and what is said about it all."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

from geosys._text import Text

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date

    import geopandas as gpd

    from geosys.maps.palettes import Style, Swatch

Words: TypeAlias = str | Text  # a plain text, or one in both languages


@dataclass(frozen=True, slots=True)
class Features:
    """Hold features of one layer as a map frame draws them.

    Parameters
    ----------
    title : what the legend calls them.
    frame : rows in the CRS of the map frame (metres); any mixture of points, lines and polygons.
    style : colours, line, hatch, marker; ``style.by`` names the column that holds the class.
    classes : class -> look and title; a row of another class, or of none, is drawn as ``style`` says.
    label : the column whose text is written at the features; empty: none.
    rank : labels of a lower rank are placed first.
    fits : whether the extent is taken from these features where the frame gives none.
    listed : whether the legend shows them.
    shape_by, shapes : a second column that decides the marker's shape only (state by shape, outcome by colour).
    sign_by, sign_titles, sign_heading : a second column whose words `signs` are of instead of the classes, what the legend
        calls them, and the heading they stand under there.
    signs : class -> one to three letters written inside its markers (Ⅱ, Ⅴ), so that classes can be told apart in a grey copy.
    prefix : let a code without a class take the class of the longest code that it begins with.
    """

    title: Words
    frame: gpd.GeoDataFrame
    style: Style
    classes: Mapping[str, Swatch] = field(default_factory=dict)
    label: str = ""
    rank: int = 5
    fits: bool = True
    listed: bool = True
    shape_by: str = ""
    shapes: Mapping[str, Swatch] = field(default_factory=dict)
    signs: Mapping[str, str] = field(default_factory=dict)
    sign_by: str = ""
    sign_titles: Mapping[str, Swatch] = field(default_factory=dict)
    sign_heading: Words = ""
    prefix: bool = False


@dataclass(frozen=True, slots=True)
class MapFrame:
    """Hold one map: what it shows, where, and how large on paper.

    Parameters
    ----------
    layers : features, the lowest first.
    crs : a projected CRS in true metres; every frame of `layers` and `overview` is in it.
    extent : xmin, ymin, xmax, ymax in metres of `crs`; None: the bounds of the layers that `fits`.
    scale : denominator of the scale on the ground; None: the largest round one that holds the extent.
    height_mm, width_mm : size on paper with ticks and scale bar; 0: as much as there is room for.
    overview : features of the overview inset; empty: no inset.
    title : written above the map; empty: nothing.
    has_ticks : whether the graticule and the grid of the zone stand at the neat line.
    """

    layers: Sequence[Features]
    crs: str
    extent: tuple[float, float, float, float] | None = None
    scale: int | None = None
    height_mm: float = 0.0
    width_mm: float = 0.0
    overview: Sequence[Features] = ()
    title: Words = ""
    has_ticks: bool = True


@dataclass(frozen=True, slots=True)
class Heading:
    """Hold a heading; `level` 1 or 2."""

    text: Words
    level: int = 1


@dataclass(frozen=True, slots=True)
class Paragraph:
    """Hold a paragraph; `is_small` for notes, `is_strong` for what must not be overlooked."""

    text: Words
    is_small: bool = False
    is_strong: bool = False


@dataclass(frozen=True, slots=True)
class Facts:
    """Hold pairs of name and value, set in `columns` pairs side by side."""

    rows: Sequence[tuple[Words, Words]]
    columns: int = 2
    title: Words = ""


@dataclass(frozen=True, slots=True)
class Table:
    """Hold a table; its head is repeated where it runs over a page.

    Parameters
    ----------
    head : titles of the columns.
    rows : cells as text, formatted by the caller; each row as long as `head`.
    widths : shares of the width; empty: equal.
    right : numbers of the columns (from 0) that are set to the right, as numbers are.
    tints : row number -> ``#RRGGBB`` behind that row.
    growth : how many times their usual size its letters have.
    """

    head: Sequence[Words]
    rows: Sequence[Sequence[Words]]
    widths: Sequence[float] = ()
    right: Sequence[int] = ()
    title: Words = ""
    tints: Mapping[int, str] = field(default_factory=dict)
    growth: float = 1.0


@dataclass(frozen=True, slots=True)
class Picture:
    """Hold a drawing made elsewhere (a chart): the file's bytes, its kind (``svg``, ``png``, ``pdf``) and its height."""

    data: bytes
    kind: str
    height_mm: float
    caption: Words = ""


@dataclass(frozen=True, slots=True)
class Legend:
    """Stand where the legend of all map frames of the sheet is wanted."""


@dataclass(frozen=True, slots=True)
class PageBreak:
    """Start a new page."""


@dataclass(frozen=True, slots=True)
class Row:
    """Hold columns side by side, each a sequence of blocks; `shares` of the width, empty: equal."""

    columns: Sequence[Sequence[Block]]
    shares: Sequence[float] = ()


Block: TypeAlias = MapFrame | Heading | Paragraph | Facts | Table | Picture | Legend | PageBreak | Row


@dataclass(frozen=True, slots=True)
class Source:
    """Hold one source of data: its title, its date or version, and its rows or sender."""

    title: Words
    dated: str
    note: Words = ""


@dataclass(frozen=True, slots=True)
class Sheet:
    """Hold a sheet: one page with a main map, or pages of blocks, or the first and then the second.

    Parameters
    ----------
    title, subtitle : printed at the head.
    as_of : the day the sheet speaks of; also its creation date, so that the same input gives the same bytes.
    program : program and version, as in ``GeoSys 0.1.0``.
    paper : ``A4`` … ``A1``, as in maps/paper.toml; `is_landscape` turns it.
    main : the map that fills the first page, with legend, notes and sources beside it (landscape) or below (portrait).
    side : more blocks after the legend of the main map.
    blocks : blocks that run over pages.
    notes : sentences under the legend, or at the end.
    sources : where the data come from, and of when.
    boxes : names and values of the boxes at the foot; empty value: to be filled in by hand. None: those of maps/paper.toml.
    marks : words framed at the head, as 内部使用 and 样例数据.
    disclaimer, approval : printed at the foot of every page (示意图…; 审图号：待送审).
    first_page, last_page : page numbers where the sheet is part of an atlas; 0 for `last_page`: the sheet's own count.
    language : ``zh`` or ``en``.
    """

    title: Words
    as_of: date
    program: str
    subtitle: Words = ""
    paper: str = "A4"
    is_landscape: bool = False
    main: MapFrame | None = None
    side: Sequence[Block] = ()
    blocks: Sequence[Block] = ()
    notes: Sequence[Words] = ()
    sources: Sequence[Source] = ()
    boxes: Sequence[tuple[Words, Words]] | None = None
    marks: Sequence[Words] = ()
    disclaimer: Words = ""
    approval: Words = ""
    first_page: int = 1
    last_page: int = 0
    language: str = "zh"


@dataclass(frozen=True, slots=True)
class Printed:
    """Hold what became of a sheet: how many pages, and what could not be shown on it.

    Parameters
    ----------
    pages : number of pages.
    scales : denominator of the scale of each map frame, in order of the sheet.
    labels_dropped : number of labels for which there was no room, for each map frame.
    absent : titles of layers without a feature inside their map, for each map frame.
    glyphs_lacking : characters that no font of the program has.
    """

    pages: int
    scales: tuple[int, ...]
    labels_dropped: tuple[int, ...]
    absent: tuple[tuple[str, ...], ...]
    glyphs_lacking: str = ""
