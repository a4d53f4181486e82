"""Write the map file of a class of rights: its layers, looks, labels, and what the services say of themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING

from geosys.geo.crs import parse_crs
from geosys.web.pictures.symbols import class_styles, symbol_blocks
from geosys.web.sources.port import GEOMETRY, KEY
from geosys.web.tiles.drawing import classes_of, in_drawing_order

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from geosys._text import Text
    from geosys.maps.palettes import Style, Swatch
    from geosys.maps.spec import LayerView, MapSpec
    from geosys.web.pictures.packages import Package

MOST_PIXELS = 4096  # of a side
MOST_FEATURES = 10_000  # of an answer of WFS
ROOT = "geosys"  # names all layers at once
FACE = "face"
FACE_FILE = "face.ttf"
SYSTEMS = ("EPSG:4490", "EPSG:3857", "EPSG:4326", "CRS:84")
_TYPES = {"point": "POINT", "line": "LINE", "polygon": "POLYGON"}
_GML = {"point": "multipoint", "line": "multiline", "polygon": "multipolygon"}
# Metres of a pixel at zoom 0 through the size of MapServer's pixel (1/72 inch); half a zoom more lets the zoom itself in.
_SCALE_OF_ZOOM_0 = 156_543.034 / (0.0254 / 72) * 2**0.5
_OTHERS = "其他"
_CHINA = (73.0, 16.0, 136.0, 54.0)


def map_systems(plan_crs: str) -> list[str]:
    """Return the systems that pictures come in, that of the plan included where it has a code."""
    code = parse_crs(plan_crs).to_epsg()
    return list(dict.fromkeys([SYSTEMS[0], *([f"EPSG:{code}"] if code else []), *SYSTEMS[1:]]))


def map_texts(spec: MapSpec, packages: Mapping[str, Package], title: Text) -> list[str]:
    """Return all texts that a map file has drawn: titles and classes; names of features come out of the packages."""
    texts = [title.zh, _OTHERS]
    for package in packages.values():
        _, classes = classes_of(spec, package.seen)
        texts += [package.seen.schema.title.zh, *(swatch.title.zh for swatch in classes.values())]
    return texts


def layer_groups(spec: MapSpec, layers: Iterable[str]) -> dict[str, list[str]]:
    """Return the layers that each name of a map file stands for: a layer's own, that of its group, and that of all."""
    there = list(layers)
    groups = {layer: [layer] for layer in there} | {ROOT: there}
    for view in spec.views:
        if view.layer in there and view.group in spec.groups:
            groups.setdefault(spec.groups[view.group].zh, []).append(view.layer)
    return groups


def label_layers(spec: MapSpec) -> list[str]:
    """Return the layers whose names are written at some scale."""
    return [view.layer for view in spec.views if view.label_zoom is not None]


def map_file(spec: MapSpec, packages: Mapping[str, Package], title: Text, plan_crs: str, fonts: str) -> str:
    """Return the text of a map file.

    Parameters
    ----------
    packages : by layer.
    fonts : path of the list of fonts.
    """
    placed = in_drawing_order(spec, {layer: package.seen for layer, package in packages.items()})
    bounds = _around([p.bounds for p in packages.values() if p.bounds is not None])
    head = [
        "MAP", f"NAME {_quoted(ROOT)}", f"EXTENT {' '.join(f'{side:.9f}' for side in bounds)}", "SIZE 800 600", "UNITS DD",
        f"MAXSIZE {MOST_PIXELS}", 'PROJECTION "init=epsg:4490" END', f"FONTSET {_quoted(fonts)}", 'IMAGECOLOR "#FFFFFF"', "IMAGETYPE png",
        'OUTPUTFORMAT NAME "png" DRIVER AGG/PNG MIMETYPE "image/png" IMAGEMODE RGBA EXTENSION "png" TRANSPARENT OFF END',
        'OUTPUTFORMAT NAME "jpeg" DRIVER AGG/JPEG MIMETYPE "image/jpeg" IMAGEMODE RGB EXTENSION "jpg" END',
        'OUTPUTFORMAT NAME "geojson" DRIVER "OGR/GEOJSON" MIMETYPE "application/json" FORMATOPTION "STORAGE=stream" FORMATOPTION "FORM=SIMPLE" END',
        symbol_blocks(), _web(title, plan_crs),
        f'LEGEND KEYSIZE 22 14 LABEL TYPE TRUETYPE FONT "{FACE}" SIZE 9 COLOR "#1D2733" ENCODING "UTF-8" END END',
    ]  # fmt: skip
    layers = [_layer(spec, view, packages[seen.schema.id]) for view, seen in placed]
    return "\n".join([*head, *layers, "END", ""])


def _web(title: Text, plan_crs: str) -> str:
    told = {
        "ows_title": title.zh, "ows_abstract": title.en, "ows_enable_request": "*", "ows_srs": " ".join(map_systems(plan_crs)),
        "ows_sld_enabled": "false", "ows_encoding": "UTF-8", "ows_updatesequence": "", "ows_contactorganization": "",
        "wms_getmap_formatlist": "image/png,image/jpeg", "wms_getlegendgraphic_formatlist": "image/png",
        "wms_getfeatureinfo_formatlist": "text/plain,application/vnd.ogc.gml,application/json", "wms_attribution_title": title.zh,
        "wms_bbox_extended": "true", "wfs_maxfeatures": str(MOST_FEATURES), "ows_http_max_age": "0", "wfs_geometry_precision": "9",
    }  # fmt: skip
    return f"WEB\n{_metadata({name: value for name, value in told.items() if value})}\nEND"


def _layer(spec: MapSpec, view: LayerView, package: Package) -> str:
    seen = package.seen
    schema = seen.schema
    style, classes = classes_of(spec, seen)
    labelled = seen.name_column if view.label_zoom is not None else ""
    lines = [
        "LAYER", f"NAME {_quoted(schema.id)}", f"TYPE {_TYPES[schema.geometry]}", "STATUS OFF", "CONNECTIONTYPE OGR",
        f"CONNECTION {_quoted(str(package.path))}", f"DATA {_quoted(schema.id)}", 'PROJECTION "init=epsg:4490" END', 'TEMPLATE "none"',
        "TOLERANCE 4", "TOLERANCEUNITS PIXELS", "EXTENT " + " ".join(f"{side:.9f}" for side in _around([package.bounds or _CHINA])),
        _told(spec, view, package),
    ]  # fmt: skip
    if view.min_zoom:
        lines.append(f"MAXSCALEDENOM {_SCALE_OF_ZOOM_0 / 2**view.min_zoom:.0f}")
    if labelled:
        lines.append(f"LABELITEM {_quoted(labelled)}")
        lines.append(f"LABELMAXSCALEDENOM {_SCALE_OF_ZOOM_0 / 2 ** (view.label_zoom or 0):.0f}")
    if classes:
        lines.append(f"CLASSITEM {_quoted(style.by)}")
    label = _label(schema.geometry, style) if labelled else ""
    codes = sorted(classes, key=len, reverse=True) if style.prefix else list(classes)
    lines += [_class(style, schema.geometry, classes[code], code, label) for code in codes]
    lines.append(_class(style, schema.geometry, None, "", label, _OTHERS if classes else schema.title.zh))
    return "\n".join([*lines, "END"])


def _told(spec: MapSpec, view: LayerView, package: Package) -> str:
    seen = package.seen
    schema = seen.schema
    items = ",".join((KEY, *seen.columns))
    group = spec.groups.get(view.group)
    told = {
        "ows_title": schema.title.zh, "ows_abstract": schema.title.en, "ows_include_items": items, "gml_include_items": items, "gml_featureid": KEY,
        "gml_types": "auto", "gml_geometries": GEOMETRY, f"gml_{GEOMETRY}_type": _GML[schema.geometry], f"gml_{GEOMETRY}_occurances": "0,1",
        "wms_layer_group": f"/{group.zh}" if group is not None else "",
    }  # fmt: skip
    return _metadata({name: value for name, value in told.items() if value})


def _class(style: Style, kind: str, swatch: Swatch | None, code: str, label: str, name: str = "") -> str:
    title = swatch.title.zh if swatch is not None else name
    lines = ["CLASS", f"NAME {_quoted(title)}"]
    if swatch is not None:
        lines.append(f"EXPRESSION /^{_regular(code)}/" if style.prefix else f"EXPRESSION {_quoted(code)}")
    return "\n".join([*lines, *class_styles(style, kind, swatch), *([label] if label else []), "END"])


def _label(kind: str, style: Style) -> str:
    place = {
        "line": "ANGLE FOLLOW POSITION CC",
        "point": f"POSITION CR OFFSET {style.size + 2:.0f} 0",
        "polygon": "POSITION CC",
    }[kind]
    colour = "#0B4F8A" if kind == "line" else "#1D2733"
    return (
        f'LABEL TYPE TRUETYPE FONT "{FACE}" SIZE {10 if kind == "polygon" else 9} COLOR "{colour}" OUTLINECOLOR "#FFFFFF" OUTLINEWIDTH 2 '
        f'ENCODING "UTF-8" {place} PARTIALS FALSE BUFFER 3 MINDISTANCE 160 END'
    )


def _regular(code: str) -> str:
    if not code.isalnum():
        raise ValueError(f"class: got {code!r}, expected letters and digits of a code that others begin with.")
    return code


def _metadata(told: Mapping[str, str]) -> str:
    return "METADATA\n" + "\n".join(f"{_quoted(name)} {_quoted(value)}" for name, value in told.items()) + "\nEND"


def _around(boxes: Sequence[tuple[float, float, float, float]]) -> tuple[float, float, float, float]:
    """Return the box around boxes, never without width or height."""
    west, south, east, north = zip(*(boxes or [_CHINA]), strict=True)
    slack = 1e-6
    return min(west) - slack, min(south) - slack, max(east) + slack, max(north) + slack


def _quoted(text: str) -> str:
    r"""Return a string of a map file.

    Examples
    --------
    >>> print(_quoted('a "b" [c]'))
    "a \"b\" [c]"
    """
    plain = "".join(sign if sign.isprintable() else " " for sign in text)
    return '"' + plain.replace("\\", "\\\\").replace('"', '\\"') + '"'
