"""What speaks for or against a reading of coordinates: region, stated counties, stated areas, and the header."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
import shapely

from geosys._errors import CrsError
from geosys.geo.area import SQUARE_METRES_PER_HECTARE, SQUARE_METRES_PER_MU, ellipsoidal_area_m2
from geosys.geo.crs import GEOGRAPHIC, datum_that_cannot_be_converted, parse_crs
from geosys.geo.interpretation_names import interpretation_of_crs

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from geosys.geo.interpretations import Interpretation

    Points = NDArray[np.float64]
    Geometries = NDArray[np.object_]

CHINA = (73.0, 3.0, 136.0, 54.0)
BORDER_DEG = 0.005  # county outlines are simplified by up to some 500 m; a wrong reading is off by kilometres
AREA_TOLERANCE = 0.05  # a wrong zone or D.MMSS read as degrees is off by more, a generalised plot by less
_FIRST_THREE_DEGREE_ZONE = 24
_OLD_DATUMS = {"beijing54": r"54|北京|beijing", "xian80": r"80|西安|xi'?an"}
_UNITS = {"m2": 1.0, "mu": SQUARE_METRES_PER_MU, "ha": SQUARE_METRES_PER_HECTARE, "km2": 1e6}


@lru_cache(maxsize=64)
def _datum_of(crs: str) -> str:
    return datum_that_cannot_be_converted(parse_crs(crs))


@dataclass(frozen=True, slots=True)
class Stated:
    """Hold what a header or ``.prj`` says of the coordinates; whatever it leaves out stays empty.

    Attributes
    ----------
    datum
        As the file words it: ``2000国家大地坐标系``, ``1980西安坐标系``.
    crs
        EPSG code, WKT or PROJ string.
    zone, width_deg, meridian_deg
        Zone number, 3 or 6, central meridian. A zone without a width is of 3° from 24 on.
    is_degrees
        Whether the stated unit is degrees.
    """

    datum: str = ""
    crs: str = ""
    zone: int | None = None
    width_deg: int | None = None
    meridian_deg: float | None = None
    is_degrees: bool | None = None

    @property
    def old_datum(self) -> str:
        """Return ``beijing54`` or ``xian80`` where one is stated, otherwise an empty text."""
        words = self.datum.lower()
        if self.crs:
            words += " " + _datum_of(self.crs)
        if re.search(r"2000|wgs", words):
            return ""
        return next((name for name, form in _OLD_DATUMS.items() if re.search(form, words)), "")

    @property
    def reading(self) -> Interpretation | None:
        """Return the reading that the stated CRS amounts to, or None."""
        if not self.crs or self.old_datum:
            return None
        try:
            return interpretation_of_crs(self.crs)
        except CrsError:
            return None

    def meridians(self) -> set[float]:
        """Return every central meridian that a part of the header states; more than one contradict each other."""
        found = set() if self.meridian_deg is None else {float(self.meridian_deg)}
        if self.zone is not None:
            width = self.width_deg or (3 if self.zone >= _FIRST_THREE_DEGREE_ZONE else 6)
            found.add(float(self.zone * width - (3 if width == 6 else 0)))  # noqa: PLR2004
        reading = self.reading
        if reading is not None and reading.meridian_deg is not None:
            found.add(reading.meridian_deg)
        return found

    def agreement(self, reading: Interpretation) -> float:
        """Return 1 where a reading is what is stated, 0.5 for the same meridian or angle spelled otherwise, else 0.

        Not-a-number where nothing is stated.

        Examples
        --------
        >>> from geosys.geo.interpretation_names import interpretation_named
        >>> zone = Stated(zone=38)
        >>> [zone.agreement(interpretation_named(n)) for n in ("EPSG:4526", "EPSG:4526-swapped", "EPSG:4527")]
        [1.0, 0.5, 0.0]
        """
        named, meridians = self.reading, self.meridians()
        if not meridians and named is None and self.is_degrees is None and self.width_deg is None:
            return math.nan
        if named is not None and named.id == reading.id:
            return 1.0
        is_angle = reading.kind in {"degrees", "sixty"}
        if is_angle or self.is_degrees or (named is not None and named.kind == "degrees"):
            return self._angle_agreement(reading) if is_angle else 0.0
        if meridians:
            is_same = reading.meridian_deg in meridians
        elif named is not None:
            is_same = named.kind == reading.kind
        else:
            is_same = self.width_deg is None or reading.width_deg in {None, self.width_deg}
        spelled_otherwise = named is not None or reading.is_swapped or reading.is_km
        return (0.5 if spelled_otherwise else 1.0) if is_same else 0.0

    def _angle_agreement(self, reading: Interpretation) -> float:
        named = self.reading
        if not self.is_degrees and (named is None or named.kind != "degrees"):
            return 0.0
        return 1.0 if named is None and reading.kind == "degrees" and not reading.is_swapped else 0.5


@dataclass(frozen=True, slots=True)
class Evidence:
    """Hold what the records of one file, block or column are held against.

    Attributes
    ----------
    region
        Where the records must lie, in degrees; without it only all China speaks.
    counties
        The polygon of each record's own stated county in degrees, shape (n,), None where none is stated.
    polygons
        The records' polygons in numbers as written, shape (n,); see `first_vertices`.
    areas, area_unit
        Stated areas, shape (n,), and their unit ``m2``, ``mu``, ``ha``, ``km2``, or an empty text for any.
    stated
        What the header says.
    spelled_degrees
        Records whose cells were spelled with degree signs: numbers that can only be degrees, shape (n,).
    """

    region: shapely.Geometry | None = None
    counties: Geometries | None = None
    polygons: Geometries | None = None
    areas: NDArray[np.float64] | None = None
    area_unit: str = ""
    stated: Stated | None = None
    spelled_degrees: NDArray[np.bool_] | None = None

    def check(self, size: int) -> None:
        """Raise unless every array has one entry a record, and the unit is known.

        Raises
        ------
        CrsError
            With the name of the part.
        """
        for name in ("counties", "polygons", "areas", "spelled_degrees"):
            part = getattr(self, name)
            if part is not None and np.shape(part) != (size,):
                raise CrsError(
                    f"evidence {name}: got shape {np.shape(part)}, expected ({size},). Give one entry a record."
                )
        if self.area_unit and self.area_unit not in _UNITS:
            raise CrsError(f"evidence area_unit: got {self.area_unit!r}, expected one of {', '.join(_UNITS)} or ''.")

    def widened_region(self) -> shapely.Geometry:
        """Return the region, or China's box without one, widened by what outlines leave out, prepared for questions."""
        whole = self.region is None or self.region.is_empty
        region = shapely.box(*CHINA) if whole else shapely.buffer(shapely.force_2d(self.region), BORDER_DEG)
        shapely.prepare(region)
        return region

    def in_county(self, positions: Points) -> NDArray[np.float64]:
        """Return 1 or 0 for each position inside or outside its record's stated county, not-a-number without one."""
        answer = np.full(len(positions), np.nan)
        if self.counties is None:
            return answer
        rows: dict[int, list[int]] = {}
        for row in np.flatnonzero(~shapely.is_missing(self.counties)):
            rows.setdefault(id(self.counties[row]), []).append(int(row))
        for members in rows.values():
            county = shapely.buffer(shapely.force_2d(self.counties[members[0]]), BORDER_DEG)
            shapely.prepare(county)
            at = np.array(members)
            answer[at] = shapely.intersects_xy(county, positions[at, 0], positions[at, 1])
        return answer

    def area_agrees(
        self, reading: Interpretation, rows: NDArray[np.int64], size: int
    ) -> tuple[NDArray[np.float64], str]:
        """Return 1 or 0 for each record whose stated area its polygon has or lacks under a reading, and in which unit.

        Parameters
        ----------
        reading
            By which vertices become degrees.
        rows
            The records to ask; all others, and those without polygon or area, get not-a-number.
        size
            Number of records.

        Returns
        -------
        The answers, shape (n,), and the unit in which most agree (the stated one when they tie; empty when fewer
        than half agree in any).
        """
        answer = np.full(size, np.nan)
        if self.polygons is None or self.areas is None:
            return answer, ""
        areas = np.asarray(self.areas, dtype=np.float64)
        asked = rows[(areas[rows] > 0.0) & np.isfinite(areas[rows]) & ~shapely.is_missing(self.polygons[rows])]
        if not asked.size:
            return answer, ""
        found = _areas_m2(shapely.force_2d(self.polygons[asked]), reading)
        agrees = {
            unit: np.abs(found - areas[asked] * factor) <= AREA_TOLERANCE * areas[asked] * factor
            for unit, factor in _UNITS.items()
        }
        best = max(agrees, key=lambda unit: (int(agrees[unit].sum()), unit == self.area_unit))
        answer[asked] = agrees[best]
        return answer, best if agrees[best].mean() >= 0.5 else ""  # noqa: PLR2004


def _areas_m2(polygons: Geometries, reading: Interpretation) -> NDArray[np.float64]:
    """Return the ellipsoidal area of polygons as written; not-a-number where a vertex cannot be meant so."""
    vertices, owners = shapely.get_coordinates(polygons, return_index=True)
    good = np.ones(len(polygons), dtype=bool)
    good[owners[~np.isfinite(reading.to_degrees(vertices)).all(axis=1)]] = False
    areas = np.full(len(polygons), np.nan)
    areas[good] = ellipsoidal_area_m2(shapely.transform(polygons[good], reading.to_degrees), GEOGRAPHIC)
    return areas


def county_polygons(codes: Sequence[object], polygons: Mapping[str, shapely.Geometry]) -> Geometries:
    """Return for each stated division code the polygon of the longest known code that it begins with, or None.

    Examples
    --------
    >>> county = shapely.box(114, 34, 115, 35)
    >>> county_polygons(["410205101000", 410205, None, "990000"], {"410205": county}) == [county, county, None, None]
    array([ True,  True,  True,  True])
    """
    lengths = sorted({len(code) for code in polygons}, reverse=True)
    found = np.full(len(codes), None, dtype=object)
    for row, code in enumerate(codes):
        text = "" if code is None else str(code).strip()
        key = next((text[:n] for n in lengths if len(text) >= n and text[:n] in polygons), None)
        found[row] = polygons[key] if key is not None else None
    return found


def first_vertices(polygons: Geometries) -> Points:
    """Return the first vertex of each geometry, shape (n, 2), not-a-number for missing and empty ones.

    A vertex is a pair as written; the middle of pairs in D.MMSS would be none.
    """
    flat = shapely.force_2d(np.asarray(polygons, dtype=object))
    points = np.full((len(flat), 2), np.nan)
    coordinates, owners = shapely.get_coordinates(flat, return_index=True)
    rows, first = np.unique(owners, return_index=True)
    points[rows] = coordinates[first]
    return points
