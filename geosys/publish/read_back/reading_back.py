"""Read every data file of a package again by independent readers and compare each with the layers that were to be written."""

from __future__ import annotations

from typing import TYPE_CHECKING

from geosys.publish.read_back.boundary_reader import as_plots, read_boundary
from geosys.publish.read_back.comparison import compare
from geosys.publish.read_back.fiona_reader import read_by_fiona
from geosys.publish.read_back.gdal_reader import read_by_pyogrio
from geosys.publish.read_back.geodatabase_reader import read_geodatabase
from geosys.publish.read_back.package_reader import read_package
from geosys.publish.read_back.shape_reader import read_shapefile
from geosys.publish.read_back.words import check
from geosys.publish.read_back.workbook_reader import read_by_calamine, read_by_xml

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from geosys.publish.content import Check, PackageFile, Profile, ShapedLayer
    from geosys.publish.read_back.found import Found

    Reader = Callable[[Path, ShapedLayer], Found]

# By format, who reads it: pyogrio and fiona have each their own build of GDAL, the rest are ours and have none.
READERS: Mapping[str, Mapping[str, Reader]] = {
    "gdb": {"pyogrio": read_by_pyogrio, "fiona": read_by_fiona, "gdbtable": read_geodatabase},
    "gpkg": {"pyogrio": read_by_pyogrio, "fiona": read_by_fiona, "sqlite": read_package},
    "shp": {"pyogrio": read_by_pyogrio, "fiona": read_by_fiona, "plain": read_shapefile},
    "txt": {"boundary points": read_boundary},
    "xlsx": {"calamine": read_by_calamine, "xml": read_by_xml},
}


def read_back(
    folder: Path, files: Sequence[PackageFile], shaped: Sequence[ShapedLayer], profile: Profile
) -> list[Check]:
    """Return the checks of every data file of a package, by every reader of its format.

    Every value, every vertex, names, types, titles, coded values, CRS and the number of rows are compared; rows stand in the
    order of the layer. A whole number that a geodatabase keeps as a double, a truth value kept as 1 or as 是, and a date kept as
    midnight are what they stand for. Numbers may be off by what the format's digits lose, vertices by half a step of the
    format's grid (`comparison.STEPS`), areas by what follows from that and 1e-9 of themselves. Where a field differs, the
    check names file, layer, reader, the first row with its key, the field, what was found and expected, and how many rows.

    Parameters
    ----------
    folder : the package's folder.
    files : what was written; files of other kinds than `READERS` are passed over.
    shaped : the layers as they were to be written.

    Returns
    -------
        Checks in the order of the files; never an empty list.
    """
    layers = {one.layer.name: one for one in shaped}
    checks = list(_complete(files, shaped, profile))
    for file in files:
        if file.kind in READERS:
            for name in file.layers:
                checks += _layer(folder, file, layers.get(name), name)
    return checks


def _complete(files: Sequence[PackageFile], shaped: Sequence[ShapedLayer], profile: Profile) -> Iterator[Check]:
    """Yield whether each format of the profile has each layer; boundary points have polygons that have a row."""
    for kind in profile.formats:
        wanted = [
            one.layer.name for one in shaped if kind != "txt" or (one.layer.geometry == "polygon" and len(one.frame))
        ]
        got = [name for file in files if file.kind == kind for name in file.layers]
        is_known = kind in READERS
        yield check("files", f"{profile.id} · {kind}", is_known and got == wanted, "、".join(got), "、".join(wanted))


def _layer(folder: Path, file: PackageFile, layer: ShapedLayer | None, name: str) -> Iterator[Check]:
    """Yield the checks of one layer of a file by each reader of its format."""
    where = f"{file.path} · {name}"
    if layer is None:
        yield check("layers", where, False, name, "")
        return
    expected = as_plots(layer) if file.kind == "txt" else layer
    readers = READERS[file.kind]
    read = 0
    for label, reader in readers.items():
        try:
            found = reader(folder / file.path, expected)
            told = list(compare(found, expected, file.kind, str(file.path)))
        except Exception as error:  # noqa: BLE001  a damaged file may break a reader in any way; nothing of it may pass
            yield check("opens", f"{where} · {label}", False, f"{type(error).__name__}: {error}", file.kind)
            continue
        read += 1
        yield check("opens", f"{where} · {found.reader}", True, file.kind, file.kind)
        if found.layers is not None:
            yield _layers(found.layers, file, where, found.reader)
        yield from told
    yield check("readers", where, read == len(readers), f"{read}", f"{len(readers)}: {', '.join(readers)}")


def _layers(got: Sequence[str], file: PackageFile, where: str, reader: str) -> Check:
    """Return whether a file has the layers that are told of it and no other, in whatever order."""
    is_same = sorted(got) == sorted(file.layers)
    return check("layers", f"{where} · {reader}", is_same, "、".join(got), "、".join(file.layers))
