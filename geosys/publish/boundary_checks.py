"""Check before it is written that a boundary-point file (界址点 TXT) will not be larger than its reader takes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import shapely

from geosys.layers.boundary_lines import MOST_BYTES, MOST_LINES, MOST_PLOTS
from geosys.layers.boundary_rings import MOST_PLOT_POINTS, MOST_RINGS, MOST_RINGS_BEYOND
from geosys.publish.check_words import Fault
from geosys.publish.files.boundary_texts import ENCODING
from geosys.publish.files.names import name_field
from geosys.publish.places import place_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from geosys.publish.check_words import Findings
    from geosys.publish.content import ShapedLayer

_HEADER_LINES = 12  # two marks and ten entries; degrees have fewer
_HEADER_BYTES = 1024
_PLOT_BYTES = 64  # of a plot's line beside code and name: counts, area, kind and marks
_POINT_BYTES = 45  # J000000, ring, and two values of at most 13 letters, with their marks


@dataclass(frozen=True, slots=True)
class Limits:
    """Hold what the reader takes: of one file; `plot_rings` and `plot_points` of one plot.

    Parameters
    ----------
    further_rings : of a file, without the first of each plot.
    """

    size: int = MOST_BYTES
    lines: int = MOST_LINES
    plots: int = MOST_PLOTS
    further_rings: int = MOST_RINGS_BEYOND
    plot_rings: int = MOST_RINGS
    plot_points: int = MOST_PLOT_POINTS


READER = Limits()


def check_boundary_points(shaped: ShapedLayer, told: Findings, limits: Limits | None = None) -> None:
    """Note what of a layer of polygons is too large for a boundary-point file; rows without a shape are not counted."""
    told.tell("boundary_size", _too_large(shaped, limits or READER))


def _too_large(shaped: ShapedLayer, limits: Limits) -> Iterator[Fault]:
    shapes = shaped.frame.geometry.to_numpy()
    points = shapely.get_num_coordinates(shapes)  # a ring is closed by its first point written again
    rings = shapely.get_num_geometries(shapes) + _holes(shapes)
    further = np.maximum(rings - 1, 0)
    found = (
        ("地块 plots", len(shapes), limits.plots),
        ("行 lines", _HEADER_LINES + len(shapes) + int(points.sum()), limits.lines),
        ("字节 bytes", _most_bytes(shaped, int(points.sum())), limits.size),
        ("除各地块首圈外的圈 rings beyond the first of each plot", int(further.sum()), limits.further_rings),
    )
    for what, got, most in found:
        if got > most:
            yield Fault("(txt)", f"{got} {what}", f"≤ {most}")
    for what, counts, most in (("圈 rings", rings, limits.plot_rings), ("点 points", points, limits.plot_points)):
        for row in np.flatnonzero(counts > most):
            yield Fault(f"(txt) {place_of(shaped, int(row))}", f"{counts[row]} {what}", f"≤ {most}")


def _holes(shapes: NDArray[np.object_]) -> NDArray[np.int64]:
    parts, rows = shapely.get_parts(shapes, return_index=True)
    return np.bincount(rows, weights=shapely.get_num_interior_rings(parts), minlength=len(shapes)).astype(np.int64)


def _most_bytes(shaped: ShapedLayer, points: int) -> int:
    """Return how many bytes a file has at most: the letters of codes and names counted, numbers as long as they get."""
    named = name_field(shaped.layer)
    columns = [*shaped.layer.key, *([named.name] if named else [])]
    texts = sum(
        len(str(value).encode(ENCODING, "replace")) + 1
        for name in columns
        for value in shaped.frame[name].dropna().tolist()
    )
    return _HEADER_BYTES + texts + _PLOT_BYTES * len(shaped.frame) + _POINT_BYTES * points
