"""Turn features into counts in areas or grid cells, small ones hidden, drawn as polygons by class of count."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import geopandas as gpd
import numpy as np
import shapely

from geosys._text import Text
from geosys.geo.crs import GEOGRAPHIC, to_crs
from geosys.geo.generalise import cells_of, inner_points, plane_length, squares
from geosys.maps.frames import MapLayer
from geosys.maps.palettes import Style, Swatch
from geosys.twins.counts import HIDDEN, SMALL, suppress
from geosys.twins.withheld import BY_LEAST, BY_SPEC, NOT_TOLD, NOTHING, Entry

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from geosys.maps.palettes import Palettes
    from geosys.twins.counts import ShownCounts
    from geosys.twins.spec import CountLooks

    Shapes = np.ndarray[Any, np.dtype[np.object_]]

CLASSES = "twin_counts"
COUNT, CLASS = "count", "count_class"
OUTSIDE = Text("界外或无位置", "outside, or without a position")
_TITLES = {COUNT: Text("数量", "Count"), CLASS: Text("数量分级", "Class of count")}


@dataclass(frozen=True, slots=True)
class Cells:
    """Hold what features are counted in: shapes in the plan's CRS (missing for no place), their names, and how it is told."""

    shapes: Shapes
    names: tuple[str, ...]
    how: Text


def cells_in_areas(features: Shapes, areas: Shapes, shown: Shapes, names: Sequence[str], how: Text) -> tuple[Cells, list[int]]:  # fmt: skip
    """Return areas as they are shown, and how many features lie in each; a last cell holds those that lie in none.

    A feature counts once: where one point of it lies, on a border for the first of the areas.

    Parameters
    ----------
    features, areas : in the plan's CRS; the areas as they are.
    shown : the areas as they are shown, in the same order.
    """
    counts = np.zeros(len(areas) + 1, dtype=np.int64)
    there = ~(shapely.is_missing(features) | shapely.is_empty(features))
    points = inner_points(features[there])
    point, area = shapely.STRtree(areas).query(points, predicate="intersects")
    home = np.full(len(points), len(areas), dtype=np.int64)
    np.minimum.at(home, point, area)
    np.add.at(counts, home, 1)
    counts[-1] += int((~there).sum())
    return Cells(_and_none(shown), (*names, OUTSIDE.zh), how), counts.tolist()


def cells_of_grid(features: Shapes, crs: str, cell_m: float, how: Text) -> tuple[Cells, list[int]]:
    """Return the grid cells that features lie in, from west to east and south to north, with their counts; last: no place."""
    there = ~(shapely.is_missing(features) | shapely.is_empty(features))
    placed = features[there]
    cells = cells_of(placed, crs, cell_m) if len(placed) else np.zeros((0, 2), dtype=np.int64)
    found, counts = np.unique(cells, axis=0, return_counts=True)
    shapes = _and_none(squares(found, plane_length(cell_m, placed, crs)))
    names = tuple(f"网格 {number}" for number in range(1, len(found) + 1))
    return Cells(shapes, (*names, OUTSIDE.zh), how), [*counts.tolist(), int((~there).sum())]


def _and_none(shapes: Shapes) -> Shapes:
    """Return shapes and, for what has no place, a missing one."""
    return np.array([*shapes, None], dtype=object)


def count_layer(
    name: str, title: Text, disclosure: str, cells: Cells, counts: Sequence[int], least: int, looks: CountLooks, crs: str
) -> tuple[MapLayer, list[Entry]]:  # fmt: skip
    """Return counts as a layer of the map, with its total in the title, and what was withheld."""
    shown = suppress(counts, least)
    keep = [place for place, count in enumerate(counts) if place < len(counts) - 1 or count]
    texts = [shown.text(shown.cells[place]) for place in keep]
    frame = gpd.GeoDataFrame(
        {
            "feature_id": [str(number) for number in range(1, len(keep) + 1)],
            "name": [f"{cells.names[place]}：{text}" for place, text in zip(keep, texts, strict=True)],
            COUNT: texts,
            CLASS: [class_of(shown.cells[place], looks) for place in keep],
        },
        geometry=to_crs(cells.shapes[keep], crs, GEOGRAPHIC),
        crs=GEOGRAPHIC,
    )
    told = "不公布" if shown.total is None else str(shown.total)
    total = Text(f"，合计 {told}", f", total {'not told' if shown.total is None else told}")
    layer = MapLayer(
        id=name, title=Text(f"{title.zh}（{cells.how.zh}{total.zh}）", f"{title.en} ({cells.how.en}{total.en})"), geometry="polygon",
        key=(), frame=frame, columns=_TITLES, version="", delivered=f"公开版：{cells.how.zh} public edition: {cells.how.en}",
        disclosure=disclosure, codes={CLASS: {code: swatch.title for code, swatch in swatches(looks, least).items()}},
    )  # fmt: skip
    return layer, _entries(name, title, cells, shown)


def _entries(name: str, title: Text, cells: Cells, shown: ShownCounts) -> list[Entry]:
    told = NOT_TOLD.both() if shown.total is None else str(shown.total)
    small, hidden = shown.cells.count(SMALL), shown.cells.count(HIDDEN)
    how = Text(f"{cells.how.zh}；图形与全部字段不公布", f"{cells.how.en}; geometry and all columns withheld")
    found = [Entry(name, title, "", NOTHING, "merged", how, told, BY_SPEC)]
    if small:
        k = shown.least
        how = Text(f"1 至 {k - 1} 的计数写作“<{k}”", f"counts of 1 to {k - 1} are written '<{k}'")
        found.append(Entry(name, title, "", NOTHING, "counts", how, str(small), BY_LEAST))
    if hidden:
        how = Text(
            "另隐去其他计数，使小数不能由合计推出", "others hidden too, so that the total gives no small count back"
        )
        found.append(Entry(name, title, "", NOTHING, "counts", how, str(hidden), BY_LEAST))
    if shown.total is None:
        how = Text("合计不公布，使小数不能由其推出", "the total is not told, so that it gives no small count back")
        found.append(Entry(name, title, "", NOTHING, "counts", how, "1", BY_LEAST))
    return found


def class_of(cell: int | str, looks: CountLooks) -> str:
    """Return the class of a count as it is shown: zero, small, hidden, or the number of its class."""
    if isinstance(cell, str):
        return cell
    return str(int(np.searchsorted(looks.breaks, cell, side="right"))) if cell else "zero"


def swatches(looks: CountLooks, least: int) -> dict[str, Swatch]:
    """Return title and look of each class of counts; what is hidden has a hatch, for grey copies."""
    edges = [least, *looks.breaks]
    texts = [f"{low}" if low == high - 1 else f"{low}–{high - 1}" for low, high in itertools.pairwise(edges)]
    made = {
        "zero": Swatch(Text("0", "0"), looks.zero, "none"),
        SMALL: Swatch(Text(f"<{least}", f"<{least}"), looks.small, "dots"),
        HIDDEN: Swatch(Text(f"≥{least}（隐去）", f"≥{least} (hidden)"), looks.hidden, "forward"),
    }
    for number, (text, colour) in enumerate(zip([*texts, f"≥{edges[-1]}"], looks.colours, strict=True)):
        made[str(number)] = Swatch(Text(text, text), colour, "none")
    return made


def with_count_looks(
    palettes: Palettes, names: Sequence[str], columns: Mapping[str, Collection[str]], looks: CountLooks, least: int
) -> Palettes:
    """Return palettes in which counted layers have classes of counts, and others none by a column that is not shown."""
    style = Style(colour="#5B4636", fill=looks.zero, opacity=0.8, width=0.8, by=CLASS, classes=CLASSES)
    styles = dict(palettes.styles) | dict.fromkeys(names, style)
    for layer, shown in columns.items():
        own = palettes.style(layer)
        if own.by not in shown:
            styles[layer] = replace(own, by="", classes="")
    return replace(palettes, classes={**palettes.classes, CLASSES: swatches(looks, least)}, styles=styles)
