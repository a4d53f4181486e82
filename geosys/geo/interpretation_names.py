"""What users and files call the readings of coordinates: the words of ``--as``, EPSG codes, the text of a ``.prj``."""

from __future__ import annotations

import re
import unicodedata
from functools import cache, lru_cache, partial
from typing import TYPE_CHECKING

import numpy as np
import pyproj

from geosys._errors import CrsError
from geosys._faults import nearest
from geosys._text import Text
from geosys.geo.crs import GEOGRAPHIC, datum_that_cannot_be_converted, parse_crs, transformer
from geosys.geo.interpretations import (
    FALSE_EASTING_M,
    PREFIX_M,
    Interpretation,
    exchanged,
    interpretations,
    on_earth,
    refusal,
    swapped_title,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Points = NDArray[np.float64]

_PARAMETERS = ("Longitude of natural origin", "False easting", "Scale factor at natural origin")
_REFUSED_WORDS = {"beijing54": r"beijing|bj-?54|北京|1954", "xian80": r"xi'?-?an|xa-?80|西安|1980"}


def interpretation_named(text: str) -> Interpretation:
    """Return the interpretation a user names: an id, an EPSG code, or a usual word, in any case and width.

    Add ``-swapped`` for pairs with north first and ``-km`` for kilometres.

    Raises
    ------
    CrsError
        For a word that is none, with the nearest one; for Beijing 54 and Xian 80, with what to supply.

    Examples
    --------
    >>> interpretation_named("EPSG:4547").id, interpretation_named("CGCS2000 / 3 / 38").id, interpretation_named("WGS-84").id
    ('cgcs2000-3-114', 'cgcs2000-3-38', 'degrees')
    >>> interpretation_named("4526-swapped").id
    'cgcs2000-3-38-swapped'
    """
    word = _folded(text)
    known = _by_name()
    if word not in known and word.startswith("epsg-"):
        word = word.removeprefix("epsg-")
    for name, form in _REFUSED_WORDS.items():
        if not word.isdecimal() and re.search(form, word):
            raise CrsError(refusal(name, text))
    if word in known:
        found = known[word]
        return found if found.convertible else _raise(refusal(found.id, text))
    if re.fullmatch(r"\d{4,6}(-swapped)?", word):
        return _by_code(word, text)
    hint = nearest(word, known) or "Known: degrees, dms, cgcs2000-3-38, EPSG:4547, webmercator, gcj02, bd09."
    raise CrsError(
        f"Coordinates: got {text!r}, expected the name of a reading, with '-swapped' where north is first. {hint}"
    )


@lru_cache(maxsize=64)
def interpretation_of_crs(text: str) -> Interpretation:
    """Return the interpretation that a file's own CRS (code, WKT, PROJ string) states.

    Raises
    ------
    CrsError
        For Beijing 54 and Xian 80, and for what PROJ does not know.

    Examples
    --------
    >>> interpretation_of_crs(parse_crs("EPSG:4526").to_wkt("WKT1_ESRI")).id
    'cgcs2000-3-38'
    """
    crs = parse_crs(text)
    datum = datum_that_cannot_be_converted(crs)
    if datum:
        raise CrsError(refusal(datum, crs.name))
    if crs.is_geographic:
        return interpretation_named("degrees")
    if crs.to_epsg() is not None:
        return interpretation_named(f"EPSG:{crs.to_epsg()}")
    operation = crs.coordinate_operation
    stated = {p.name: p.value for p in operation.params} if operation is not None else {}
    found: tuple[object, ...] = tuple(stated.get(name) for name in _PARAMETERS)
    for reading in interpretations():
        if reading.kind == "zone" and not reading.is_swapped and not reading.is_km:
            zone = int(reading.id.rpartition("-")[2]) if reading.has_prefix else 0
            if found == (reading.meridian_deg, zone * PREFIX_M + FALSE_EASTING_M, 1.0):
                return reading
    return Interpretation("stated-crs", Text(crs.name, crs.name), partial(_from_code, crs=text), "named")


def _raise(message: str) -> Interpretation:
    raise CrsError(message)


def _folded(text: str) -> str:
    """Return a name in lower case and half width, its parts joined by one hyphen."""
    word = unicodedata.normalize("NFKC", text).strip().lower()
    return re.sub(r"[\s:/_.、，,]+", "-", word).strip("-").removeprefix("epsg-")


@cache
def _by_name() -> dict[str, Interpretation]:
    return {_folded(name): i for i in interpretations() for name in (i.id, *i.names)}


def _by_code(word: str, text: str) -> Interpretation:
    """Return the reading of an EPSG code beside the national zones, as one of UTM."""
    code, is_swapped = word.removesuffix("-swapped"), word.endswith("-swapped")
    try:
        crs = parse_crs(f"EPSG:{code}")
    except CrsError:
        raise CrsError(f"Coordinates: got {text!r}, expected an EPSG code that PROJ knows, as 'EPSG:4547'.") from None
    datum = datum_that_cannot_be_converted(crs)
    if datum:
        raise CrsError(refusal(datum, text))
    if not (crs.is_projected or crs.is_geographic) or crs.geodetic_crs is None:
        raise CrsError(f"Coordinates: got {text!r} ({crs.name}), expected a plane or longitude and latitude.")
    read = partial(_from_code, crs=f"EPSG:{code}")
    title = Text(crs.name, crs.name)
    if is_swapped:
        return Interpretation(
            f"epsg-{word}", swapped_title(title), partial(exchanged, read=read), "named", is_swapped=True
        )
    return Interpretation(f"epsg-{word}", title, read, "named")


def _from_code(points: Points, *, crs: str) -> Points:
    points = np.asarray(points, dtype=np.float64)
    degrees = np.full(points.shape, np.nan)
    good = np.isfinite(points).all(axis=1)
    try:
        lon, lat = transformer(crs, GEOGRAPHIC).transform(points[good, 0], points[good, 1])
    except pyproj.exceptions.ProjError:
        return degrees
    degrees[good] = np.column_stack([lon, lat])
    return on_earth(degrees)
