"""Where the plan is: what intake measures and checks positions against."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import shapely

from geosys.geo.crs import GEOGRAPHIC, to_crs

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Mapping

    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Place:
    """Hold where the plan is: its metric CRS and its region in that CRS, with the region in words.

    Attributes
    ----------
    reference
        Geometry in degrees that is known to lie right (plots, rivers), shape (n,): against it an offset is suspected.
    counties
        Polygons in degrees by division code: they tell where a record with such a code must lie.
    as_of
        The day the plan judges by: dates after it are suspicious.
    """

    crs: str
    region: shapely.Geometry | None = None
    region_text: str = ""
    reference: NDArray[np.object_] | None = field(default=None, compare=False, repr=False)
    counties: Mapping[str, shapely.Geometry] = field(default_factory=dict, compare=False, repr=False)
    as_of: dt.date | None = None

    def region_in_degrees(self) -> shapely.Geometry | None:
        """Return the region in longitude and latitude, None without one or where degrees cannot express it.

        Examples
        --------
        >>> import shapely
        >>> box = Place("EPSG:4547", shapely.box(490_000, 3_840_000, 510_000, 3_860_000)).region_in_degrees()
        >>> [round(v, 2) for v in box.bounds]
        [113.89, 34.69, 114.11, 34.87]
        """
        if self.region is None or self.region.is_empty:
            return None
        found = to_crs(np.array([self.region], dtype=object), self.crs, GEOGRAPHIC)[0]
        return found if found is not None and found.is_valid else None


def place_of(crs: str, region: tuple[float, float, float, float] | None, as_of: dt.date | None = None) -> Place:
    """Return the place of a metric CRS and a region of west, south, east, north in degrees: its border follows the degrees."""
    if region is None:
        return Place(crs, as_of=as_of)
    box = shapely.segmentize(shapely.box(*region), 0.05)
    west, south, east, north = region
    return Place(
        crs,
        to_crs(np.array([box], dtype=object), GEOGRAPHIC, crs)[0],
        f"{west}–{east}°E, {south}–{north}°N",
        as_of=as_of,
    )
