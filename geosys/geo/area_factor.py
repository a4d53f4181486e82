"""How much larger an area on the ellipsoid is than in the plane, as a smooth function of place in any metric CRS."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import shapely
from numpy.polynomial import polynomial

from geosys.geo.area import ellipsoidal_area_m2

if TYPE_CHECKING:
    from numpy.typing import NDArray

TILE_M = 100_000.0
CELL_M, EDGE_M = (
    200.0,
    20.0,
)  # squares whose exact area is taken, and their edges: short, for they bend on the ellipsoid
DEGREES = (5, 3)  # of the polynomial in easting and northing


@dataclass(frozen=True)
class AreaFactor:
    """Give area on the ellipsoid ÷ area in the plane, exact to 1e-10 where the CRS is smooth over 100 km.

    On each square of 100 km, counted from the origin of the plane so that it depends on nothing but the CRS, a polynomial
    is laid through the areas of small squares as `geosys.geo.area` computes them.

    Examples
    --------
    >>> east = 500_000.0
    >>> box = np.array([[east - 50, 3_850_000.0, east + 50, 3_850_100.0]])
    >>> round(float(AreaFactor("EPSG:4547").near(box)[0, 1]), 9)
    1.0
    """

    crs: str
    tiles: dict[tuple[int, int], NDArray[np.float64]] = field(default_factory=dict, compare=False)

    def near(self, box: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the factor near each box as a polynomial of easting.

        Parameters
        ----------
        box
            West, south, east, north in metres of the plane, shape (n, 4).

        Returns
        -------
        Easting of the middle, value there, first and half the second derivative by easting, shape (n, 4); 0 where the
        box is not finite.
        """
        found = np.zeros((len(box), 4))
        there = np.flatnonzero(np.isfinite(box).all(axis=1))
        middle = 0.5 * (box[there, :2] + box[there, 2:])
        tile = np.floor(middle / TILE_M).astype(np.int64)
        found[there, 0] = middle[:, 0]
        for corner in np.unique(tile, axis=0):
            rows = np.flatnonzero((tile == corner).all(axis=1))
            u, v = (2.0 * (middle[rows] / TILE_M - corner) - 1.0).T
            terms = self._tile(int(corner[0]), int(corner[1]))
            for k in range(3):
                part = polynomial.polyder(terms, k, scl=2.0 / TILE_M, axis=0)
                found[there[rows], 1 + k] = polynomial.polyval2d(u, v, part) / max(k, 1)
        return found

    def _tile(self, column: int, row: int) -> NDArray[np.float64]:
        """Return the terms of the polynomial on one tile, its sides running from −1 to 1."""
        if (column, row) not in self.tiles:
            u, v = (a.ravel() for a in np.meshgrid(_nodes(2 * DEGREES[0]), _nodes(2 * DEGREES[1])))
            east, north = (column + 0.5 * (u + 1.0)) * TILE_M, (row + 0.5 * (v + 1.0)) * TILE_M
            half = 0.5 * CELL_M
            cells = shapely.segmentize(shapely.box(east - half, north - half, east + half, north + half), EDGE_M)
            ratio = ellipsoidal_area_m2(np.asarray(cells, dtype=object), self.crs) / CELL_M**2
            fitted = np.linalg.lstsq(polynomial.polyvander2d(u, v, DEGREES), ratio - 1.0)[0]
            terms = np.asarray(fitted, dtype=np.float64).reshape(DEGREES[0] + 1, DEGREES[1] + 1)
            terms[0, 0] += 1.0
            self.tiles[column, row] = np.asarray(terms, dtype=np.float64)
        return self.tiles[column, row]


def _nodes(count: int) -> NDArray[np.float64]:
    """Return the Chebyshev points between −1 and 1, where a polynomial through values is best conditioned."""
    return np.asarray(np.cos(np.pi * (np.arange(count) + 0.5) / count))
