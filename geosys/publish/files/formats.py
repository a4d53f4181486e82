"""Write the layers of a package in every format of its profile, and the dictionary of their fields."""

from __future__ import annotations

import shutil
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from geosys import __version__
from geosys._errors import SpecError
from geosys._faults import Faults
from geosys.content import content_root
from geosys.maps.frames import Meta, Provenance
from geosys.maps.palettes import load_palettes
from geosys.publish.content import PackageFile
from geosys.publish.files import boundary_texts, shapefiles
from geosys.publish.files.attribute_tables import write_tables
from geosys.publish.files.field_book import NAME, write_field_book
from geosys.publish.files.geodatabases import write_geodatabase
from geosys.publish.files.geopackages import write_geopackage

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from geosys.maps.palettes import Palettes
    from geosys.publish.content import Profile, ShapedLayer

DATA = PurePosixPath("data")


def write_files(
    folder: Path, shaped: Sequence[ShapedLayer], profile: Profile, day: dt.date, palettes: Palettes | None = None
) -> list[PackageFile]:
    """Write all data files of a package below `folder`, and ``dictionary.xlsx`` into it; what stood there is replaced.

    The same layers, profile and day give the same bytes, but for the geodatabase: its items have identifiers drawn anew.

    Parameters
    ----------
    day : the day of the package.
    palettes : titles of the words of certainty; by default the content's.

    Returns
    -------
        One entry a file (a geodatabase is a folder), of kind ``gdb``, ``gpkg``, ``shp``, ``txt``, ``xlsx`` or ``dictionary``. A
        shapefile's other parts lie beside its ``.shp``.

    Raises
    ------
    SpecError
        When the profile names an unknown format, two layers have one name, or the CRS is none that TXT can hold.
    LossError
        When a format cannot hold a value.
    DomainError
        When coded domains cannot be written.
    """
    _check(shaped, profile)
    data, meta = folder / DATA, _meta(shaped, profile, day)
    shutil.rmtree(data, ignore_errors=True)
    data.mkdir(parents=True)
    files: list[PackageFile] = []
    for kind in profile.formats:
        files += _WRITERS[kind](folder, shaped, profile, day, meta)
    looks = palettes or _content_palettes()
    write_field_book(folder / NAME, shaped, profile, meta, looks)
    return [*files, PackageFile(PurePosixPath(NAME), "dictionary", tuple(one.layer.name for one in shaped))]


def _check(shaped: Sequence[ShapedLayer], profile: Profile) -> None:
    faults = Faults()
    for kind in profile.formats:
        faults.one_of(f"profile '{profile.id}' formats", kind, _WRITERS, "a format")
    names = [one.layer.name.lower() for one in shaped]
    for name in sorted({name for name in names if names.count(name) > 1}):
        faults.add(f"profile '{profile.id}' layers", name, "each name once, capitals aside", "Rename one of the two.")
    faults.raise_if_any(SpecError)


def _meta(shaped: Sequence[ShapedLayer], profile: Profile, day: dt.date) -> Meta:
    layers = [
        Provenance(one.layer.title, one.version, str(one.provenance.get("delivered", "")), len(one.frame))
        for one in shaped
    ]
    return Meta(profile.title, day, f"GeoSys {__version__}", layers=layers)


def _content_palettes() -> Palettes:
    faults = Faults()
    palettes = load_palettes(content_root() / "maps" / "palettes.toml", faults)
    faults.raise_if_any()
    assert palettes is not None  # noqa: S101  its faults have been raised
    return palettes


def _names(shaped: Sequence[ShapedLayer]) -> tuple[str, ...]:
    return tuple(one.layer.name for one in shaped)


def _write_gdb(
    folder: Path, shaped: Sequence[ShapedLayer], profile: Profile, day: dt.date, meta: Meta
) -> Iterator[PackageFile]:
    del day, meta
    if shaped:
        place = DATA / f"{profile.id}.gdb"
        write_geodatabase(folder / place, shaped)
        yield PackageFile(place, "gdb", _names(shaped))


def _write_gpkg(
    folder: Path, shaped: Sequence[ShapedLayer], profile: Profile, day: dt.date, meta: Meta
) -> Iterator[PackageFile]:
    del meta
    if shaped:
        place = DATA / f"{profile.id}.gpkg"
        write_geopackage(folder / place, shaped, day)
        yield PackageFile(place, "gpkg", _names(shaped))


def _write_shp(
    folder: Path, shaped: Sequence[ShapedLayer], profile: Profile, day: dt.date, meta: Meta
) -> Iterator[PackageFile]:
    del profile, meta
    for one in shaped:
        place = DATA / "shp" / f"{one.layer.name}.shp"
        shapefiles.write_layer(folder / place, one, day)
        yield PackageFile(place, "shp", (one.layer.name,))


def _write_txt(
    folder: Path, shaped: Sequence[ShapedLayer], profile: Profile, day: dt.date, meta: Meta
) -> Iterator[PackageFile]:
    """Write the layers of polygons; the format has no others, and none without a plot."""
    del meta
    for one in shaped:
        if one.layer.geometry == "polygon" and len(one.frame):
            place = DATA / "txt" / f"{one.layer.name}.txt"
            boundary_texts.write_layer(folder / place, one, profile, day)
            yield PackageFile(place, "txt", (one.layer.name,))


def _write_xlsx(
    folder: Path, shaped: Sequence[ShapedLayer], profile: Profile, day: dt.date, meta: Meta
) -> Iterator[PackageFile]:
    del day
    if shaped:
        place = DATA / f"{profile.id}.xlsx"
        write_tables(folder / place, shaped, meta)
        yield PackageFile(place, "xlsx", _names(shaped))


_WRITERS = {"gdb": _write_gdb, "gpkg": _write_gpkg, "shp": _write_shp, "txt": _write_txt, "xlsx": _write_xlsx}
