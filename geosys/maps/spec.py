"""Load and check a map's spec: ``maps/overview.toml`` with its colours in ``maps/palettes.toml``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from geosys._errors import DisclosureError
from geosys._faults import Faults
from geosys.content import read_toml, short_name
from geosys.maps.frames import DISCLOSURES
from geosys.maps.palettes import FALLBACK, Palettes, load_palettes

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from pathlib import Path

    from geosys._text import Text
    from geosys.maps.frames import MapLayer
    from geosys.maps.palettes import Style

MAX_ZOOM = 22
_TEXTS = ("title", "notice", "approval", "disclaimer")


@dataclass(frozen=True, slots=True)
class LayerView:
    """Hold how one layer takes part in a map.

    Parameters
    ----------
    layer : layer id.
    group : heading of the layer list under which it stands.
    visible : whether it is switched on when the map opens.
    columns : columns of its card, in order; empty: all that the layer offers.
    min_zoom : drawn from this zoom on; keeps heavy layers off the overview.
    label_zoom : its names are written from this zoom on; None: never.
    since : column with the day from which a row exists; the time slider hides it before. Empty: it always existed.
    """

    layer: str
    group: str
    visible: bool = False
    columns: tuple[str, ...] = ()
    min_zoom: int = 0
    label_zoom: int | None = None
    since: str = ""


@dataclass(frozen=True, slots=True)
class MapSpec:
    """Hold a map's spec; `views` stand in drawing order, the lowest first, and `areas` are layers one may filter by."""

    title: Text
    notice: Text
    approval: Text
    disclaimer: Text
    audience: str
    frame_on: str
    max_zoom: int
    groups: Mapping[str, Text]
    views: tuple[LayerView, ...]
    palettes: Palettes
    areas: tuple[str, ...] = ()

    def view(self, layer: str) -> LayerView | None:
        """Return the view of a layer, or None where the spec does not name it."""
        return next((view for view in self.views if view.layer == layer), None)


def load_map(folder: Path, fields: Mapping[str, Collection[str]] | None = None, name: str = "overview.toml") -> MapSpec:
    """Read and check one map of the content folder `folder` (``maps/``).

    Parameters
    ----------
    fields : layer id -> its column names; when given, layers and columns that do not exist are faults too.

    Raises
    ------
    SpecError
        With every fault of both files at once.
    """
    faults = Faults()
    palettes = load_palettes(folder / "palettes.toml", faults)
    where, table = short_name(folder / name), read_toml(folder / name)
    faults.keys(where, table, ("frame_on", "max_zoom", "areas"), (*_TEXTS, "audience", "groups", "layers"))
    groups = _read_groups(where, table.get("groups", {}), faults)
    views = _read_views(where, table.get("layers", []), groups, faults)
    spec = {key: faults.text(f"{where} {key}", table.get(key)) for key in _TEXTS if key in table}
    audience = faults.one_of(f"{where} audience", table.get("audience"), DISCLOSURES, "an audience")
    frame_on = table.get("frame_on", "")
    if frame_on:
        faults.one_of(f"{where} frame_on", frame_on, [view.layer for view in views], "a layer of this map")
    areas = _read_areas(f"{where} areas", table.get("areas", []), views, faults)
    max_zoom = _zoom(f"{where} max_zoom", table.get("max_zoom", 19), faults)
    if fields is not None:
        _check_fields(where, views, fields, faults)
        _check_styles(palettes, fields, faults)
    faults.raise_if_any()
    assert palettes is not None  # noqa: S101  its faults have been raised
    return MapSpec(
        **spec,
        audience=audience,
        frame_on=frame_on,
        max_zoom=max_zoom,
        groups=groups,
        views=views,
        palettes=palettes,
        areas=areas,
    )


_LOOKS = ("colour", "fill", "opacity", "width", "dash", "hatch", "shape", "size")
_NO_CLASS = "#FFFFFF"


def looks_of(style: Style, kind: str, *, classed: bool) -> dict[str, Any]:
    """Return a layer's style as a page reads it; where points have classes, one without a class is white.

    Otherwise it would look like the class that has the layer's own colour and shape.

    Examples
    --------
    >>> from geosys.maps.palettes import Style
    >>> looks_of(Style(fill="#7A4A21"), "point", classed=True)["fill"]
    '#FFFFFF'
    """
    looks = {name: getattr(style, name) for name in _LOOKS}
    return looks | ({"fill": _NO_CLASS} if classed and kind == "point" else {})


NAME = "name"  # of every layer: what its features are called, drawn wherever they are


def check_disclosure(spec: MapSpec, layers: Sequence[MapLayer], shown: Mapping[str, Sequence[str]]) -> None:
    """Raise when a layer, or a column that it shows, may not be seen by the map's audience.

    Raises
    ------
    DisclosureError
        With every layer and column in question.
    """
    rank = {word: place for place, word in enumerate(DISCLOSURES)}
    faults = Faults()
    for layer in layers:
        given = {f"layer {layer.id}": layer.disclosure}
        given |= {
            f"layer {layer.id} [{column}]": layer.column_disclosure[column]
            for column in (*shown[layer.id], NAME)
            if column in layer.column_disclosure
        }
        for what, disclosure in given.items():
            word = faults.one_of(f"{what} disclosure", disclosure, DISCLOSURES, "a disclosure")
            if rank.get(word, 0) < rank[spec.audience]:
                faults.add(
                    f"map '{spec.title.en}', {what}", disclosure, f"'{spec.audience}' or wider",
                    "Take it out of the map, or make the map for a narrower audience.",
                )  # fmt: skip
    faults.raise_if_any(DisclosureError)


def _read_groups(where: str, table: object, faults: Faults) -> dict[str, Text]:
    """Read the headings of the layer list."""
    if not faults.typed(f"{where} [groups]", table, dict, "a table of headings") or not isinstance(table, dict):
        return {}
    return {name: faults.text(f"{where} [groups] {name}", title) for name, title in table.items()}


def _read_areas(where: str, value: object, views: Sequence[LayerView], faults: Faults) -> tuple[str, ...]:
    """Read the layers whose polygons the findings may be filtered by."""
    if not faults.typed(where, value, list, "a list of layers") or not isinstance(value, list):
        return ()
    known = [view.layer for view in views]
    return tuple(faults.one_of(where, layer, known, "a layer of this map") for layer in value)


def _read_views(where: str, rows: object, groups: Mapping[str, Text], faults: Faults) -> tuple[LayerView, ...]:
    """Read ``[[layers]]``, lowest first."""
    if not faults.typed(f"{where} [[layers]]", rows, list, "a list of layers") or not isinstance(rows, list):
        return ()
    views: list[LayerView] = []
    for number, row in enumerate(rows, 1):
        place = f"{where} [[layers]] {number}"
        if not faults.typed(place, row, dict, "a table") or not isinstance(row, dict):
            continue
        faults.keys(place, row, LayerView.__dataclass_fields__, ("layer", "group"))
        view = _read_view(place, row, groups, faults)
        if view.layer in {other.layer for other in views}:
            faults.add(place, view.layer, "each layer once", "Take one of the two out.")
        views.append(view)
    return tuple(views)


def _read_view(place: str, row: Mapping[str, Any], groups: Mapping[str, Text], faults: Faults) -> LayerView:
    """Read one table of ``[[layers]]``."""
    columns, visible = row.get("columns", []), row.get("visible", False)
    faults.typed(f"{place} layer", row.get("layer"), str, "a layer id")
    faults.typed(f"{place} visible", visible, bool, "true or false")
    if faults.typed(f"{place} columns", columns, list, "a list of columns"):
        for column in columns:
            faults.typed(f"{place} columns", column, str, "a column")
    faults.typed(f"{place} since", row.get("since", ""), str, "a column")
    label = row.get("label_zoom")
    return LayerView(
        layer=str(row.get("layer")),
        group=faults.one_of(f"{place} group", row.get("group"), groups, "a heading of [groups]"),
        visible=bool(visible),
        columns=tuple(map(str, columns)) if isinstance(columns, list) else (),
        min_zoom=_zoom(f"{place} min_zoom", row.get("min_zoom", 0), faults),
        label_zoom=None if label is None else _zoom(f"{place} label_zoom", label, faults),
        since=str(row.get("since", "")),
    )


def _zoom(where: str, value: object, faults: Faults) -> int:
    """Return a zoom level; fault what is none."""
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= MAX_ZOOM:
        faults.add(where, value, f"a whole number from 0 to {MAX_ZOOM}")
        return 0
    return value


def _check_fields(
    where: str, views: Sequence[LayerView], fields: Mapping[str, Collection[str]], faults: Faults
) -> None:
    """Fault layers and columns of the map that no layer spec knows."""
    for view in views:
        place = f"{where} [[layers]] {view.layer}"
        faults.one_of(place, view.layer, fields, "a layer of layers/")
        named = (*view.columns, *([view.since] if view.since else []))
        for column in named if view.layer in fields else ():
            faults.one_of(f"{place} columns", column, fields[view.layer], f"a field of layers/{view.layer}.toml")


def _check_styles(palettes: Palettes | None, fields: Mapping[str, Collection[str]], faults: Faults) -> None:
    """Fault styles of layers, and class columns, that no layer spec knows."""
    for layer, style in palettes.styles.items() if palettes else ():
        if layer == FALLBACK:
            continue
        place = f"maps/palettes.toml [styles.{layer}]"
        faults.one_of(place, layer, fields, "a layer of layers/")
        if style.by and layer in fields:
            faults.one_of(f"{place} by", style.by, fields[layer], f"a field of layers/{layer}.toml")
