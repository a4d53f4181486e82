"""QGIS without a window, run by the system's Python: load what a service or a package offers, tell what QGIS makes of it, draw it.

``python3 qgis_client.py service URL FOLDER LAYER…`` or ``python3 qgis_client.py project FILE.qgz FOLDER``; JSON comes out.
Run by `test_qgis.py`; by hand with ``QT_QPA_PLATFORM=offscreen``.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from qgis.core import (
    QgsApplication,
    QgsCoordinateReferenceSystem,
    QgsCoordinateTransform,
    QgsMapLayer,
    QgsMapRendererParallelJob,
    QgsMapSettings,
    QgsProject,
    QgsRasterLayer,
    QgsRectangle,
    QgsVectorLayer,
)
from qgis.PyQt.QtCore import QSize
from qgis.PyQt.QtGui import QColor

WIDTH, HEIGHT = 900, 700
DEGREES = "EPSG:4490"
FEATURES = {
    "OAPIF": ("OAPIF", "url='{url}/' typename='{name}' pagingEnabled='true' srsname='OGC:CRS84'"),
    **{
        f"WFS {version}": (
            "WFS",
            f"url='{{url}}/wfs' typename='{prefix}{{name}}' version='{version}' srsname='EPSG:4490' pagingEnabled='true'",
        )
        for version, prefix in (("1.0.0", ""), ("1.1.0", ""), ("2.0.0", "ms:"))  # as MapServer's capabilities name them
    },
}
PICTURES = {
    "WMS": "crs={crs}&dpiMode=7&format=image/png&layers={name}&styles&url={url}/wms",
    "WMTS": "crs={crs}&dpiMode=7&format=image/png&layers={name}&styles=default&tileMatrixSet={matrices}"
    "&url={url}/wmts/1.0.0/WMTSCapabilities.xml",
}
MATRICES = {"EPSG:4490": "CGCS2000", "EPSG:3857": "GoogleMapsCompatible"}


def vector(layer: QgsVectorLayer) -> dict[str, Any]:
    """Tell what QGIS reads of a layer: rows, fields, and for the place of each row the middle of its box, longitude first."""
    told: dict[str, Any] = {"valid": layer.isValid(), "error": fault(layer)}
    if not layer.isValid():
        return told
    to_degrees = QgsCoordinateTransform(
        layer.crs(), QgsCoordinateReferenceSystem(DEGREES), QgsProject.instance().transformContext()
    )
    rows = list(layer.getFeatures())
    boxes = [to_degrees.transformBoundingBox(row.geometry().boundingBox()) for row in rows if row.hasGeometry()]
    whole = QgsRectangle()
    for box in boxes:
        whole.combineExtentWith(box)
    told |= {"crs": layer.crs().authid(), "read": len(rows), "with_place": len(boxes)}
    told |= {"fields": [field.name() for field in layer.fields()], "extent": corners(whole) if boxes else []}
    offered = corners(to_degrees.transformBoundingBox(layer.extent())) if boxes else []
    return told | {"offered": offered, "renderer": layer.renderer().type() if layer.renderer() else ""}


def fault(layer: QgsMapLayer) -> str:
    """Return what QGIS says is wrong with a layer; asked for the summary of no error, QGIS 3.22 dies."""
    return "" if layer.error().isEmpty() else layer.error().summary()


def corners(box: QgsRectangle) -> list[float]:
    """Return west, south, east, north."""
    return [box.xMinimum(), box.yMinimum(), box.xMaximum(), box.yMaximum()]


def draw(layers: list[Any], box: list[float], crs: str, path: Path) -> dict[str, Any]:
    """Draw layers, the first on top, within a box in degrees, and tell how much of the picture is not background."""
    system = QgsCoordinateReferenceSystem(crs)
    moved = QgsCoordinateTransform(QgsCoordinateReferenceSystem(DEGREES), system, QgsProject.instance())
    settings = QgsMapSettings()
    settings.setLayers(layers)
    settings.setDestinationCrs(system)
    settings.setOutputSize(QSize(WIDTH, HEIGHT))
    settings.setBackgroundColor(QColor("white"))
    settings.setExtent(moved.transformBoundingBox(QgsRectangle(*box)))
    job = QgsMapRendererParallelJob(settings)
    job.start()
    job.waitForFinished()
    image = job.renderedImage()
    image.save(str(path))
    white = QColor("white").rgb()
    seen = [image.pixel(x, y) for x in range(0, WIDTH, 6) for y in range(0, HEIGHT, 6)]
    inked = sum(1 for pixel in seen if pixel != white) / len(seen)
    return {"inked": inked, "colours": len(set(seen)), "errors": [error.message for error in job.errors()]}


def of_service(url: str, folder: Path, box: list[float], names: list[str]) -> dict[str, Any]:
    """Tell what QGIS makes of the layers of a service by each protocol."""
    told: dict[str, Any] = {}
    drawn = []
    for kind, (provider, form) in FEATURES.items():
        for name in names:
            layer = QgsVectorLayer(form.format(url=url, name=name), name, provider)
            told[f"{kind} {name}"] = vector(layer)
            drawn += [layer] if kind == "OAPIF" and layer.isValid() else []
    told["OAPIF drawn"] = draw(drawn, box, DEGREES, folder / "oapif.png")
    for kind, form in PICTURES.items():
        for crs, matrices in MATRICES.items():
            layers = [
                QgsRasterLayer(form.format(url=url, name=name, crs=crs, matrices=matrices), name, "wms")
                for name in names
            ]
            code = crs.rpartition(":")[2]
            told[f"{kind} {code}"] = {
                "valid": [layer.isValid() for layer in layers],
                "error": [fault(layer) for layer in layers],
            } | draw([layer for layer in layers if layer.isValid()], box, crs, folder / f"{kind.lower()}_{code}.png")
    return told


def of_project(path: Path, folder: Path) -> dict[str, Any]:
    """Tell what QGIS makes of a project: every layer, and all of them drawn as the project has them."""
    project = QgsProject.instance()
    opened = project.read(str(path))
    order = project.layerTreeRoot().layerOrder()
    told: dict[str, Any] = {"opened": opened, "error": project.error(), "crs": project.crs().authid(), "layers": {}}
    whole = QgsRectangle()
    for layer in order:
        found = vector(layer)
        told["layers"][layer.name()] = found
        if found["valid"] and found["read"]:
            whole.combineExtentWith(QgsRectangle(*found["extent"]))
    return told | {"drawn": draw(order, corners(whole), project.crs().authid(), folder / "project.png")}


def main() -> None:
    """Do what the command line says."""
    application = QgsApplication([], False)
    application.initQgis()
    kind, target, folder, *more = sys.argv[1:]
    if kind == "service":
        told = of_service(target, Path(folder), [float(part) for part in more[0].split(",")], more[1:])
    else:
        told = of_project(Path(target), Path(folder))
    print(json.dumps(told, ensure_ascii=False), flush=True)
    QgsProject.instance().clear()
    application.exitQgis()


if __name__ == "__main__":
    main()
