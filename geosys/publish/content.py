"""What a package is made of: its profile with layers and fields, each layer as it will be written, the files, the checks."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import PurePosixPath

    import geopandas as gpd

    from geosys._text import Text


@dataclass(frozen=True, slots=True)
class Field:
    """Hold one field of a layer of a profile.

    Parameters
    ----------
    name : as it is written, at most ten bytes of GBK where the profile has shapefiles.
    type : ``text``, ``integer``, ``number``, ``date`` or ``truth``.
    length : greatest number of characters of a text; of a number its digits. 0: not bounded.
    decimals : digits behind the point of a number.
    codes : code -> title where only these may stand; empty: any value.
    column : the layer's column it is taken from; empty: `constant`.
    disclosure : of the column it is taken from.
    certainty : how sure the name and the type are, as in ``standards/``.
    """

    name: str
    title: Text
    type: str
    length: int = 0
    decimals: int = 0
    is_required: bool = False
    codes: Mapping[str, Text] = field(default_factory=dict)
    column: str = ""
    constant: str = ""
    disclosure: str = "internal"
    certainty: str = "our_reading"


@dataclass(frozen=True, slots=True)
class ProfileLayer:
    """Hold one layer of a profile: its name in the package, the layer it comes from (``findings``: those of the last run) and its fields.

    `where` narrows the rows (column -> values); `key` names the fields that tell rows apart; `may_overlap` says whether polygons may.
    `is_needed`: without rows there is no package.
    """

    name: str
    title: Text
    source: str
    geometry: str
    fields: Sequence[Field]
    key: Sequence[str]
    where: Mapping[str, Sequence[str]] = field(default_factory=dict)
    may_overlap: bool = True
    is_needed: bool = True


@dataclass(frozen=True, slots=True)
class Profile:
    """Hold what is handed to whom, in which form: ``layers/profiles/<id>.toml``.

    Parameters
    ----------
    sender, receiver, cycle, receipt : who gives what to whom, how often, and what is countersigned.
    audience : ``internal``, ``shared`` or ``public``: the widest circle the package may reach.
    crs : as in ``EPSG:4547``; ``plan``: the workspace's; ``has_zone_prefix``: eastings carry the zone's number.
    formats : of ``gdb``, ``gpkg``, ``shp``, ``txt``, ``xlsx``.
    basis : the clause that asks for it, with its certainty.
    """

    id: str
    title: Text
    about: Text
    sender: Text
    receiver: Text
    cycle: Text
    receipt: Text
    audience: str
    crs: str
    has_zone_prefix: bool
    formats: Sequence[str]
    layers: Sequence[ProfileLayer]
    basis: Text
    certainty: str


@dataclass(frozen=True, slots=True)
class ShapedLayer:
    """Hold one layer as every format of the package will hold it.

    Parameters
    ----------
    frame : columns are the names of the fields in their order, then the geometry in the profile's CRS; rows in the order of the key.
        Missing is None; dates are `datetime.date`, truth is bool, whole numbers are Int64.
    version : of the source layer. `source_rows`, `withheld_rows`: how many there were, how many intake withheld, `left_out` by `where`.
    source_area_m2 : ellipsoidal area of the rows before they were converted; None for points and lines.
    """

    layer: ProfileLayer
    frame: gpd.GeoDataFrame
    version: str
    source_rows: int
    withheld_rows: int
    left_out: int
    source_area_m2: float | None
    provenance: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class PackageFile:
    """Hold one file of a package: its place below the package's folder, its kind and the layers in it."""

    path: PurePosixPath
    kind: str
    layers: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Check:
    """Hold one check and what came of it; a failed one that `stops` keeps the package in the house.

    `where` names layer, field and row or place; `got` and `expected` are what was found and asked for; `do` is what helps.
    """

    id: str
    title: Text
    where: str
    is_passed: bool
    got: str = ""
    expected: str = ""
    do: Text | str = ""
    stops: bool = True
