"""Areas on the ellipsoid from the plane: what the factor between the two adds up to over a piece, exact to second order."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from geosys.geo.flat.compiled import compiled
from geosys.geo.flat.edges import FROM, SIGN, SLOPE, TO, TOP, X0, Y0

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from geosys.geo.flat.wkb import Ragged

GAUSS = 0.5 / np.sqrt(3.0)  # the two points that integrate a cubic exactly, as parts of the width from the middle


class Ground(NamedTuple):
    """Hold what turns areas of the plane into areas on the ellipsoid, for the features that the others are held against.

    Attributes
    ----------
    own
        Area of each feature on the ellipsoid in m², shape (n,): taken where a feature lies wholly inside the other.
    factor
        Area on the ellipsoid ÷ area in the plane near each feature, as a polynomial of easting: easting it is
        developed at, value, slope per metre, and factor of the square, shape (n, 4).
    """

    own: NDArray[np.float64]
    factor: NDArray[np.float64]


def drawn_areas(layer: Ragged, factor: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the area on the ellipsoid of each feature as drawn: with borders that are straight in the plane, shape (n,).

    `factor` is that of `Ground`. The statutory area, with borders straight in degrees, differs by the bend of long edges.
    """
    areas = np.zeros(layer.size)
    _drawn_areas(layer.x, layer.y, layer.ring_start, layer.turn, layer.ring_of, layer.own, factor, areas)
    return areas


@compiled
def _drawn_areas(x, y, ring_start, turn, ring_of, own, factor, areas):  # type: ignore[no-untyped-def]
    """Add up factor · area: the parts of first and second order by Green's theorem, exact along each straight edge."""
    for f in range(len(ring_of) - 1):
        at, rise, bend = factor[f, 0], 0.5 * factor[f, 2], factor[f, 3] / 3.0
        total = 0.0
        for ring in range(ring_of[f], ring_of[f + 1]):
            part = 0.0
            for p in range(ring_start[ring], ring_start[ring + 1] - 1):
                s, t = x[p] - at, x[p + 1] - at
                m = 0.5 * (s + t)
                mean = rise * (s * s + 4.0 * m * m + t * t) + bend * (s * s * s + 4.0 * m * m * m + t * t * t)
                part += (y[p + 1] - y[p]) * mean / 6.0
            total += turn[ring] * part
        areas[f] = factor[f, 1] * own[f] + total
    return 0


@compiled
def section(x0, x1, m0, m1, turned, floor, at, rise, bend):  # type: ignore[no-untyped-def]
    """Return the integral of rise · t + bend · t² over the strip below a line, t = easting − `at`; exact."""
    half, middle, mean = 0.5 * (x1 - x0), 0.5 * (x0 + x1), 0.5 * (m0 + m1)
    total = 0.0
    for side in (-2.0 * GAUSS, 2.0 * GAUSS):
        m = mean + side * 0.5 * (m1 - m0)
        if turned:
            t, s = floor - at, floor - at + m
            total += 0.5 * rise * (s * s - t * t) + bend * (s * s * s - t * t * t) / 3.0
        else:
            t = middle + side * half - at
            total += (rise * t + bend * t * t) * m
    return half * total


@compiled
def bend_under(edges, first, last, ax0, ax1, ay0, slope, floor, turned, at, rise, bend):  # type: ignore[no-untyped-def]
    """Return the integral of `section` under the lower of one edge and each of some others."""
    total = 0.0
    for row in range(first, last):
        j = np.uintp(row)
        bx0, by0, steep = edges[X0, j], edges[Y0, j] - floor, edges[SLOPE, j]
        lo, hi = max(ax0, edges[FROM, j]), min(ax1, edges[TO, j])
        if hi <= lo or edges[TOP, j] <= floor:
            continue
        a_lo, a_hi = ay0 + slope * (lo - ax0), ay0 + slope * (hi - ax0)
        b_lo, b_hi = by0 + steep * (lo - bx0), by0 + steep * (hi - bx0)
        u, v = a_lo - b_lo, a_hi - b_hi
        m_lo, m_hi = min(a_lo, b_lo), min(a_hi, b_hi)
        if u * v < 0.0:
            part = abs(u) / (abs(u) + abs(v))
            x, m = lo + part * (hi - lo), a_lo + part * (a_hi - a_lo)
            value = section(lo, x, m_lo, m, turned, floor, at, rise, bend)
            value += section(x, hi, m, m_hi, turned, floor, at, rise, bend)
        else:
            value = section(lo, hi, m_lo, m_hi, turned, floor, at, rise, bend)
        total += edges[SIGN, j] * value
    return total
