"""Samples at points of a plane, made ready for a surface: every place once, and a count of what was left out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.spatial import KDTree

from geosys._errors import CrsError, SpecError
from geosys.geo.crs import check_metric, parse_crs

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

LEAST_SAMPLES = 3
SAME_PLACE_M = 0.01


@dataclass(frozen=True, slots=True)
class Samples:
    """Hold samples at different places of one metric plane, and what was done to get there.

    Attributes
    ----------
    xy, values
        Shapes (n, 2) and (n,); finite.
    crs, unit
        The plane; the values' unit, empty if they have none.
    given, without_value, without_place
        Rows given, and those left out because value or place is missing.
    merged
        Rows that share their place with another; each such place has the mean of its rows.
    """

    xy: Floats
    values: Floats
    crs: str
    unit: str
    given: int
    without_value: int
    without_place: int
    merged: int


def samples_at(xy: Floats, values: Floats, crs: str, unit: str = "") -> Samples:
    """Return samples ready for a surface: rows without value or place left out, those at one place replaced by their mean.

    Parameters
    ----------
    xy, values
        Shapes (n, 2) and (n,); NaN where missing.
    crs
        A projected CRS in true metres.

    Raises
    ------
    CrsError
        For degrees, feet or Web Mercator, and for places where no coordinate of the CRS can be.
    SpecError
        For fewer than `LEAST_SAMPLES` places, or infinite values.
    """
    check_metric(crs, "surface")
    xy, values = np.asarray(xy, dtype=np.float64).reshape(-1, 2), np.asarray(values, dtype=np.float64)
    if np.isinf(values).any():
        raise SpecError(
            f"surface: got {int(np.isinf(values).sum())} infinite values, expected numbers. Mend those rows."
        )
    placed, valued = np.isfinite(xy).all(axis=1), np.isfinite(values)
    kept = placed & valued
    _check_in_plane(xy[kept], crs)
    places, means, merged = _at_one_place_once(xy[kept], values[kept])
    if len(places) < LEAST_SAMPLES:
        raise SpecError(
            f"surface: got {len(places)} places with a value ({len(values)} rows, {int((~valued).sum())} without value, "
            f"{int((~placed).sum())} without place), expected at least {LEAST_SAMPLES}. Deliver more samples."
        )
    return Samples(places, means, crs, unit, len(values), int((~valued).sum()), int((valued & ~placed).sum()), merged)


def _check_in_plane(xy: Floats, crs: str) -> None:
    """Raise where all coordinates are degrees in a metric plane: every distance would be a plausible wrong one."""
    if len(xy) and (np.abs(xy) <= [180.0, 90.0]).all():
        raise CrsError(
            f"surface: got coordinates within ±180 and ±90, expected metres of {parse_crs(crs).name}. "
            "They are degrees: name their CRS and convert them."
        )


def _at_one_place_once(xy: Floats, values: Floats) -> tuple[Floats, Floats, int]:
    """Return each place once with the mean of its values, in order of first row, and how many rows shared one."""
    pairs = KDTree(xy).query_pairs(SAME_PLACE_M, output_type="ndarray") if len(xy) else np.zeros((0, 2), dtype=np.int64)
    if not len(pairs):
        return xy, values, 0
    graph = coo_array((np.ones(len(pairs)), (pairs[:, 0], pairs[:, 1])), shape=(len(xy), len(xy)))
    count, group = connected_components(graph, directed=False)
    first = np.unique(group, return_index=True)[1]
    size = np.bincount(group, minlength=count)
    mean = np.bincount(group, weights=values, minlength=count) / size
    order = np.argsort(first, kind="stable")
    return xy[first[order]], mean[order], int(size[size > 1].sum())


def spacing_m(xy: Floats) -> float:
    """Return the distance within which 95 % of the samples have another one.

    Examples
    --------
    >>> spacing_m(np.array([[0.0, 0.0], [30.0, 0.0], [30.0, 40.0]])).__round__(6)
    39.0
    """
    away, _ = KDTree(xy).query(xy, k=2)
    return float(np.quantile(away[:, 1], 0.95))
