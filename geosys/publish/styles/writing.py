"""Write the styles of a package beside its data: SLD for servers, QML for QGIS, and a QGIS project."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import TYPE_CHECKING

import numpy as np

from geosys.publish.content import PackageFile
from geosys.publish.styles.qgis_project import project_bytes
from geosys.publish.styles.qgis_style import qml_bytes
from geosys.publish.styles.signs import all_signs
from geosys.publish.styles.sld import sld_bytes

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from geosys.maps.spec import MapSpec
    from geosys.publish.content import ShapedLayer
    from geosys.publish.styles.signs import LayerSigns

FOLDER = PurePosixPath("styles")


def write_styles(
    folder: Path, shaped: Sequence[ShapedLayer], spec: MapSpec, files: Sequence[PackageFile], title: str = ""
) -> list[PackageFile]:
    """Write the styles of a package below `folder`; the bytes hang on layers, map and title only.

    ``styles/`` has an SLD 1.0.0, an SLD 1.1.0 and a QML of each layer; beside each shapefile stands its QML, which QGIS then takes of
    itself. A project (.qgz) in the package's folder opens the GeoPackage.

    Parameters
    ----------
    spec : the map whose palettes, order, groups and scales are taken.
    files : what `write_files` returned.
    title : of the project; by default the GeoPackage's name.

    Returns
    -------
        The files, of kind ``sld``, ``qml`` and ``qgz``.
    """
    layers = all_signs(shaped, spec)
    titles = {one.layer.name: {field.name: field.title.zh for field in one.layer.fields} for one in shaped}
    beside = {name: file.path for file in files if file.kind == "shp" for name in file.layers}
    made = [
        _write(folder, place, data, kind, (signs.layer,))
        for signs in layers
        for place, kind, data in _styles(signs, titles[signs.layer], beside.get(signs.layer))
    ]
    for package in (file for file in files if file.kind == "gpkg"):
        name = package.path.stem
        crs, groups = shaped[0].frame.crs, spec.groups
        data = project_bytes(name, title or name, layers, titles, package.path, crs, _bounds(shaped), groups)
        made.append(_write(folder, PurePosixPath(f"{name}.qgz"), data, "qgz", package.layers))
    return made


def _styles(
    signs: LayerSigns, titles: dict[str, str], shapefile: PurePosixPath | None
) -> Iterator[tuple[PurePosixPath, str, bytes]]:
    qml = qml_bytes(signs, titles)
    yield FOLDER / f"{signs.layer}.sld", "sld", sld_bytes(signs, "1.0.0")
    yield FOLDER / f"{signs.layer}_1.1.sld", "sld", sld_bytes(signs, "1.1.0")
    yield FOLDER / f"{signs.layer}.qml", "qml", qml
    if shapefile is not None:
        yield shapefile.with_suffix(".qml"), "qml", qml


def _write(folder: Path, place: PurePosixPath, data: bytes, kind: str, layers: Sequence[str]) -> PackageFile:
    path = folder / place
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return PackageFile(place, kind, tuple(layers))


def _bounds(shaped: Sequence[ShapedLayer]) -> tuple[float, float, float, float] | None:
    boxes = np.array([one.frame.total_bounds for one in shaped]).reshape(-1, 4)
    boxes = boxes[np.isfinite(boxes).all(axis=1)]
    if not len(boxes):
        return None
    west, south = boxes[:, :2].min(axis=0)
    east, north = boxes[:, 2:].max(axis=0)
    return float(west), float(south), float(east), float(north)
