"""Write a QGIS project that opens a package's GeoPackage with its styles, groups and order, by a relative path."""

from __future__ import annotations

import io
import zipfile
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

from geosys.publish.styles.qgis_style import VERSION, as_bytes, layer_attributes, style_parts

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import PurePosixPath

    import pyproj

    from geosys._text import Text
    from geosys.publish.styles.signs import LayerSigns

_GEOMETRIES = {"point": "Point", "line": "Line", "polygon": "Polygon"}
_EPOCH = (1980, 1, 1, 0, 0, 0)  # of the file inside, so that the bytes hang on the content
_MARGIN = 0.05


def project_bytes(
    name: str,
    title: str,
    layers: Sequence[LayerSigns],
    titles: Mapping[str, Mapping[str, str]],
    data: PurePosixPath,
    crs: pyproj.CRS,
    bounds: tuple[float, float, float, float] | None,
    groups: Mapping[str, Text],
) -> bytes:
    """Return a project (.qgz).

    Parameters
    ----------
    name : of the project's file, without its ending.
    layers : in drawing order, the lowest first.
    titles : layer -> field -> title.
    data : the GeoPackage, seen from the project.
    bounds : west, south, east, north of all layers in `crs`; None where there is nothing.
    groups : headings of the list of layers, in their order.
    """
    root = ET.Element("qgis", projectname=title, version=VERSION)
    ET.SubElement(root, "homePath", path="")
    ET.SubElement(root, "title").text = title
    place = ET.SubElement(root, "projectCrs")
    place.append(_reference(crs))
    tops = list(reversed(layers))
    root.append(_tree(tops, data, groups))
    root.append(_canvas(crs, bounds))
    order = ET.Element("layerorder")
    shown = ET.Element("projectlayers")
    for signs in tops:
        ET.SubElement(order, "layer", id=_id(signs))
        shown.append(_layer(signs, titles[signs.layer], data, crs))
    root.extend([shown, order, _properties()])
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        entry = zipfile.ZipInfo(f"{name}.qgs", _EPOCH)
        entry.compress_type, entry.external_attr, entry.create_system = zipfile.ZIP_DEFLATED, 0o644 << 16, 3
        archive.writestr(entry, as_bytes(root))
    return packed.getvalue()


def _id(signs: LayerSigns) -> str:
    return f"package_layer_{signs.layer}"  # QGIS replaces identifiers of ten letters or fewer


def _source(signs: LayerSigns, data: PurePosixPath) -> str:
    return f"./{data}|layername={signs.layer}"


def _tree(tops: Sequence[LayerSigns], data: PurePosixPath, groups: Mapping[str, Text]) -> ET.Element:
    """Return the list of layers, the topmost first; a group stands where its topmost layer does."""
    tree = ET.Element("layer-tree-group")
    made: dict[str, ET.Element] = {}
    for signs in tops:
        parent = tree
        if signs.group in groups:
            if signs.group not in made:
                heading = groups[signs.group].zh
                made[signs.group] = ET.SubElement(
                    tree, "layer-tree-group", name=heading, checked="Qt::Checked", expanded="1"
                )
            parent = made[signs.group]
        ET.SubElement(
            parent, "layer-tree-layer", id=_id(signs), name=signs.title.zh, source=_source(signs, data), providerKey="ogr",
            checked="Qt::Checked", expanded="1",
        )  # fmt: skip
    custom = ET.SubElement(tree, "custom-order", enabled="1")
    for signs in tops:
        ET.SubElement(custom, "item").text = _id(signs)
    return tree


def _reference(crs: pyproj.CRS) -> ET.Element:
    """Return a CRS; QGIS goes by the EPSG code, and by the WKT where there is none."""
    code = crs.to_epsg()
    made = ET.Element("spatialrefsys", nativeFormat="Wkt")
    values = {
        "wkt": crs.to_wkt(), "proj4": "", "srsid": "0", "srid": str(code or 0), "authid": f"EPSG:{code}" if code else "",
        "description": crs.name, "projectionacronym": "", "ellipsoidacronym": "",
        "geographicflag": "true" if crs.is_geographic else "false",
    }  # fmt: skip
    for key, value in values.items():
        ET.SubElement(made, key).text = value
    return made


def _canvas(crs: pyproj.CRS, bounds: tuple[float, float, float, float] | None) -> ET.Element:
    canvas = ET.Element("mapcanvas", name="theMapCanvas", annotationsVisible="1")
    ET.SubElement(canvas, "units").text = "degrees" if crs.is_geographic else "meters"
    if bounds is not None:
        west, south, east, north = bounds
        margin = _MARGIN * max(east - west, north - south)
        extent = ET.SubElement(canvas, "extent")
        corners = {"xmin": west - margin, "ymin": south - margin, "xmax": east + margin, "ymax": north + margin}
        for key, value in corners.items():
            ET.SubElement(extent, key).text = f"{value:.9f}"
    ET.SubElement(canvas, "rotation").text = "0"
    ET.SubElement(canvas, "destinationsrs").append(_reference(crs))
    return canvas


def _layer(signs: LayerSigns, titles: Mapping[str, str], data: PurePosixPath, crs: pyproj.CRS) -> ET.Element:
    made = ET.Element("maplayer", {"type": "vector", "geometry": _GEOMETRIES[signs.kind], **layer_attributes(signs)})
    ET.SubElement(made, "id").text = _id(signs)
    ET.SubElement(made, "datasource").text = _source(signs, data)
    ET.SubElement(made, "layername").text = signs.title.zh
    ET.SubElement(made, "srs").append(_reference(crs))
    ET.SubElement(made, "provider", encoding="UTF-8").text = "ogr"
    made.extend(style_parts(signs, titles))
    return made


def _properties() -> ET.Element:
    properties = ET.Element("properties")
    paths = ET.SubElement(properties, "Paths")
    ET.SubElement(paths, "Absolute", type="bool").text = "false"
    systems = ET.SubElement(properties, "SpatialRefSys")  # without it QGIS does not take the project's CRS
    ET.SubElement(systems, "ProjectionsEnabled", type="int").text = "1"
    return properties
