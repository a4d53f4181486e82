"""Elevations of lines' ends, read from a raster."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import shapely

from geosys.geo.crs import check_metric
from geosys.geo.raster.reading import sample

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

GROUND_M = (-500.0, 9_000.0)  # no ground of the earth lies beyond: marks of no data that the header does not tell


def end_elevations(path: Path, lines: NDArray[np.object_], crs: str) -> Floats:
    """Return the elevation in metres at the first and last vertex of each line as drawn, shape (k, 2).

    NaN where the raster has none, where a line has no vertex, and for values that no ground has.

    Raises
    ------
    SpecError, CrsError
        As `geosys.geo.raster.reading.sample`; also when the raster's unit is not the metre.
    """
    check_metric(crs, "elevation")
    ends = np.full((len(lines), 2, 2), np.nan)
    whole = shapely.is_geometry(lines) & ~shapely.is_empty(lines)
    xy, of = shapely.get_coordinates(lines[whole], return_index=True)
    first = np.flatnonzero(np.diff(of, prepend=-1))
    ends[np.flatnonzero(whole), 0] = xy[first]
    ends[np.flatnonzero(whole), 1] = xy[np.append(first[1:], len(xy)) - 1]
    found = sample(path, ends.reshape(-1, 2), crs, unit="m").reshape(-1, 2)
    return np.where((found >= GROUND_M[0]) & (found <= GROUND_M[1]), found, np.nan)
