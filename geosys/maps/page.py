"""Build the map page: one HTML file with layers, findings, the rules' outcomes and where all of it came from."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np

from geosys._faults import Faults
from geosys.maps.finding_data import names_of, pack_anchors, pack_areas, pack_findings
from geosys.maps.folium_page import render_page
from geosys.maps.frames import (
    FINDING_COLUMNS,
    FOUND,
    OUTCOME_COLUMNS,
    STATUSES,
    check_columns,
    check_words,
)
from geosys.maps.initials import initials_table
from geosys.maps.pack import pack_column, pack_shapes, plain_value, write_integers
from geosys.maps.spec import LayerView, check_disclosure, looks_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import geopandas as gpd
    import pandas as pd

    from geosys._text import Text
    from geosys.maps.basemap import Basemap
    from geosys.maps.frames import MapLayer, Meta
    from geosys.maps.palettes import Swatch
    from geosys.maps.spec import MapSpec

CRS = "EPSG:4490"
_OTHER = "_other"  # heading of layers that the map's spec does not name


def build_page(
    spec: MapSpec,
    layers: Sequence[MapLayer],
    findings: gpd.GeoDataFrame,
    outcomes: pd.DataFrame,
    meta: Meta,
    basemap: Basemap | None = None,
) -> str:
    """Return the map as one HTML text that needs nothing else.

    Parameters
    ----------
    layers : the workspace's layers in EPSG:4490; their order does not matter, the spec's counts. A layer that the
        spec does not name is there too, switched off, under a heading of its own.
    findings : columns of `frames.FINDING_COLUMNS` and a geometry in EPSG:4490.
    outcomes : columns of `frames.OUTCOME_COLUMNS`, one row a rule.
    basemap : a tile service that can be switched on; without one the page can ask nobody for anything.

    Raises
    ------
    SpecError
        When a frame lacks a column, has another CRS or holds a word that has no colour.
    DisclosureError
        When a layer or column is for a narrower audience than the map.
    """
    check_columns(findings, FINDING_COLUMNS, "findings")
    check_columns(outcomes, OUTCOME_COLUMNS, "outcomes")
    check_words(findings, "outcome", FOUND, "findings")
    check_words(findings, "status", STATUSES, "findings")
    _check_crs([(f"layer {layer.id}", layer.frame) for layer in layers] + [("findings", findings)])
    placed = _place(spec, layers)
    check_disclosure(spec, layers, _shown(spec, placed))
    bounds = _bounds(spec, layers, findings)
    data = {
        "title": _pair(spec.title),
        "place": _pair(meta.title),
        "mark": _pair(meta.mark) if meta.mark else None,
        "notice": _pair(spec.notice),
        "approval": _pair(spec.approval),
        "disclaimer": _pair(spec.disclaimer),
        "asOf": meta.as_of.isoformat(),
        "program": meta.program,
        "rulesVersion": meta.rules_version,
        "bounds": bounds,
        "groups": [[name, _pair(title)] for name, title in spec.groups.items()] + [[_OTHER, ["其他", "Other"]]],
        "words": _words(spec),
        "layers": [_pack_layer(spec, view, layer) for view, layer in placed],
        "findings": pack_findings(findings),
        "areas": _pack_areas(spec, placed, findings),
        "initials": initials_table(names_of(layers, findings)),
        "basemap": _pack_basemap(spec, basemap) if basemap else None,
        "rules": [{name: plain_value(row[name]) for name in OUTCOME_COLUMNS} for _, row in outcomes.iterrows()],
    }
    centre = ((bounds[0][0] + bounds[1][0]) / 2, (bounds[0][1] + bounds[1][1]) / 2)
    name = f"{meta.title.zh} {spec.title.zh}"
    shown = [view.visible for view, _ in placed]
    return render_page(name, to_json(data), centre, (10, spec.max_zoom), shown, basemap.origin if basemap else "")


def to_json(data: object) -> str:
    r"""Return JSON that may stand in an HTML element: no character of it can end the element or a line of script.

    Examples
    --------
    >>> to_json("</script>")
    '"\\u003c/script\\u003e"'
    """
    text = json.dumps(data, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    for letter in "<>&\u2028\u2029\x7f":
        text = text.replace(letter, f"\\u{ord(letter):04x}")
    # lone surrogates cannot be written as UTF-8, whatever file they came from
    return text.encode("utf-8", "replace").decode("utf-8")


def _check_crs(frames: Sequence[tuple[str, gpd.GeoDataFrame]]) -> None:
    """Raise when a frame is not in EPSG:4490: degrees of another datum, or metres, would be drawn elsewhere."""
    faults = Faults()
    for what, frame in frames:
        if frame.crs != CRS and (len(frame) or frame.crs is not None):
            faults.add(f"map, {what}", str(frame.crs), CRS, f"Convert it with to_crs('{CRS}') first.")
    faults.raise_if_any()


def _place(spec: MapSpec, layers: Sequence[MapLayer]) -> list[tuple[LayerView, MapLayer]]:
    """Return each layer with its view, in drawing order; layers that the spec does not name come last."""
    order = {view.layer: place for place, view in enumerate(spec.views)}
    placed = sorted(layers, key=lambda layer: (order.get(layer.id, len(order)), layer.id))
    return [(spec.view(layer.id) or LayerView(layer.id, _OTHER), layer) for layer in placed]


def _shown(spec: MapSpec, placed: Sequence[tuple[LayerView, MapLayer]]) -> dict[str, list[str]]:
    """Return the columns of each layer that the page tells: those of the card, of time, and of the classes drawn."""
    return {layer.id: [*_columns(view, layer), view.since, spec.palettes.style(layer.id).by] for view, layer in placed}


def _columns(view: LayerView, layer: MapLayer) -> list[str]:
    """Return the columns of a layer's card; what the spec names and the layer lacks, `load_map` has faulted."""
    wanted = view.columns or tuple(layer.columns)
    return [column for column in wanted if column in layer.columns]


def _pack_layer(spec: MapSpec, view: LayerView, layer: MapLayer) -> dict[str, Any]:
    """Return one layer as the page reads it."""
    frame, style = layer.frame, spec.palettes.style(layer.id)
    columns = [
        {
            "title": _pair(layer.columns[name]),
            "unit": layer.units.get(name, ""),
            "codes": {code: _pair(title) for code, title in layer.codes.get(name, {}).items()},
            "values": pack_column(frame[name]) if name in frame.columns else None,
            "key": name in layer.key,
        }
        for name in _columns(view, layer)
    ]
    shapes = frame.geometry.to_numpy()
    swatches = spec.palettes.classes.get(style.classes, {})
    codes = frame[style.by] if style.by in frame.columns else [None] * len(frame)
    return {
        "id": layer.id,
        "title": _pair(layer.title),
        "group": view.group,
        "kind": layer.geometry,
        "minZoom": view.min_zoom,
        "labelZoom": view.label_zoom,
        "style": looks_of(style, layer.geometry, classed=bool(swatches)),
        "by": _pair(layer.columns[style.by]) if style.by in layer.columns else None,
        "classes": [_swatch(swatch) for swatch in swatches.values()],
        "since": pack_column(frame[view.since]) if view.since in frame.columns else None,
        "timeline": _pack_timeline(layer, list(swatches), prefix=style.prefix),
        "classRows": write_integers(_class_rows(codes, list(swatches), prefix=style.prefix)),
        "ids": pack_column(frame["feature_id"].astype(str)),
        "names": pack_column(frame["name"]),
        "columns": columns,
        "shapes": pack_shapes(shapes),
        "anchors": pack_anchors(shapes) if view.label_zoom is not None else None,
        "version": layer.version,
        "delivered": layer.delivered,
    }


def _pack_basemap(spec: MapSpec, basemap: Basemap) -> dict[str, Any]:
    """Return a tile service as the page reads it; `frame` is the layer whose fill would hide it."""
    return {
        "url": basemap.url,
        "origin": basemap.origin,
        "title": _pair(basemap.title),
        "attribution": _pair(basemap.attribution),
        "maxZoom": basemap.max_zoom,
        "frame": spec.frame_on,
    }


def _pack_areas(
    spec: MapSpec, placed: Sequence[tuple[LayerView, MapLayer]], findings: gpd.GeoDataFrame
) -> list[dict[str, Any]]:
    """Return, for each layer of `spec.areas` that is there, which findings lie in which of its polygons."""
    numbers = {view.layer: number for number, (view, layer) in enumerate(placed) if len(layer.frame)}
    return [pack_areas(findings, placed[numbers[a]][1], numbers[a]) for a in spec.areas if a in numbers]


def _class_rows(codes: Sequence[Any] | pd.Series, known: Sequence[str], *, prefix: bool) -> np.ndarray[Any, Any]:
    """Return per row the number of its class, or -1; with `prefix`, of the longest code that it begins with."""
    numbers = {code: number for number, code in enumerate(known)}

    def number(code: object) -> int:
        text = str(plain_value(code) or "")
        ends = range(len(text), 0, -1) if prefix else (len(text),)
        return next((numbers[text[:end]] for end in ends if text[:end] in numbers), -1)

    return np.array([number(code) for code in codes], dtype=np.int64)


def _pack_timeline(layer: MapLayer, codes: Sequence[str], *, prefix: bool) -> list[list[str]]:
    """Return day and classes of each row for every day of a layer's timeline, the first day first."""
    faults = Faults()
    for day, values in layer.timeline.items():
        if len(values) != len(layer.frame):
            what = f"map, layer {layer.id} timeline {day.isoformat()}"
            faults.add(what, f"{len(values)} classes", f"{len(layer.frame)}, one a row")
    faults.raise_if_any()
    days = sorted(layer.timeline)
    return [[day.isoformat(), write_integers(_class_rows(layer.timeline[day], codes, prefix=prefix))] for day in days]


def _bounds(spec: MapSpec, layers: Sequence[MapLayer], findings: gpd.GeoDataFrame) -> list[list[float]]:
    """Return south-west and north-east (lat, lon) of what the map shows first."""
    frames = [layer.frame for layer in layers if layer.id == spec.frame_on and len(layer.frame)]
    frames = frames or [layer.frame for layer in layers] + [findings]
    filled = [frame.geometry[frame.geometry.notna() & ~frame.geometry.is_empty] for frame in frames]
    boxes = [places.total_bounds for places in filled if len(places)]
    if not boxes:
        return [[34.0, 113.0], [35.0, 115.0]]
    west, south = np.min([box[:2] for box in boxes], axis=0)
    east, north = np.max([box[2:] for box in boxes], axis=0)
    return [[float(south), float(west)], [float(north), float(east)]]


def _words(spec: MapSpec) -> dict[str, Mapping[str, Any]]:
    """Return titles, colours and shapes of outcomes, statuses, severities, certainties and of being seen again."""
    palettes = spec.palettes
    return {
        name: {word: _swatch(swatch) for word, swatch in getattr(palettes, name).items()}
        for name in ("outcomes", "statuses", "severities", "certainties", "seen")
    }


def _swatch(swatch: Swatch) -> dict[str, Any]:
    """Return a swatch as the page reads it."""
    look = {name: getattr(swatch, name) for name in ("colour", "hatch", "shape", "mark")}
    return {"title": _pair(swatch.title), **{name: value for name, value in look.items() if value}}


def _pair(text: Text) -> list[str]:
    """Return a text as the page holds it: Chinese, English."""
    return [text.zh, text.en]
