"""The lie of the land: a warped lattice of cells, each with a strip of road, ditch or canal and a block."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import shapely

if TYPE_CHECKING:
    from numpy.typing import NDArray

CRS = "EPSG:4547"
CENTRE = (530_000.0, 3_850_000.0)  # east, north in metres of the CRS
COLUMNS, ROWS = 46, 52
GRID_M = 0.001  # coordinates are written to the millimetre

RURAL_ROAD, DITCH, CANAL, HIGHWAY = 0, 1, 2, 3
STRIP_WIDTH_M = np.array([5.5, 4.5, 16.0, 22.0])
STRIP_CLASS = np.array(["1006", "1107", "1107A", "1003"])


@dataclass(frozen=True)
class Terrain:
    """Hold the lattice: nodes (columns+1, rows+1, 2) in metres, cells of the county, kinds of its lines."""

    nodes: NDArray[np.float64]
    inside: NDArray[np.bool_]
    column_kind: NDArray[np.int64]
    row_kind: NDArray[np.int64]

    @property
    def cells(self) -> NDArray[np.int64]:
        """Return (n, 2): column and row of each cell of the county."""
        return np.argwhere(self.inside)

    def centres(self) -> NDArray[np.float64]:
        """Return (n, 2): the middle of each cell of the county, in metres."""
        i, j = self.cells.T
        corners = self.nodes[i, j] + self.nodes[i + 1, j] + self.nodes[i, j + 1] + self.nodes[i + 1, j + 1]
        return np.asarray(corners / 4.0)


def draw_terrain(rng: np.random.Generator) -> Terrain:
    """Draw the lattice of a county of about 28 × 24 km, in the metric CRS."""
    u = _spread(rng, COLUMNS, 28_000.0)
    v = _spread(rng, ROWS, 24_000.0)
    grid = np.stack(np.meshgrid(u, v, indexing="ij"), axis=-1)
    nodes = _warp(rng, grid) + rng.normal(0.0, 9.0, grid.shape)
    middle = (u[:-1, None] + u[1:, None]) / 2.0, (v[None, :-1] + v[None, 1:]) / 2.0
    inside = _blob(rng, *middle)
    return Terrain(nodes, inside, _kinds(rng, COLUMNS), _kinds(rng, ROWS))


def _spread(rng: np.random.Generator, count: int, length_m: float) -> NDArray[np.float64]:
    """Return count+1 uneven stations over a length, centred on zero."""
    step = rng.uniform(0.86, 1.14, count)
    station = np.concatenate([[0.0], np.cumsum(step)])
    return np.asarray(station / station[-1] * length_m - length_m / 2.0)


def _warp(rng: np.random.Generator, grid: NDArray[np.float64]) -> NDArray[np.float64]:
    """Turn the lattice by some degrees and bend it by long waves, as old field systems lie."""
    turn = np.radians(rng.uniform(4.0, 8.0))
    spin = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    bent = grid @ spin.T + np.array(CENTRE)
    for wavelength, height in ((17_000.0, 420.0), (9_000.0, 190.0), (5_000.0, 70.0)):
        for axis in (0, 1):
            heading = rng.uniform(0.0, 2.0 * np.pi)
            phase = grid @ np.array([np.cos(heading), np.sin(heading)]) * 2.0 * np.pi / wavelength
            bent[..., axis] += height * np.sin(phase + rng.uniform(0.0, 2.0 * np.pi))
    return np.asarray(bent)


def _blob(rng: np.random.Generator, x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Say which cells lie within the county: a rounded, uneven outline without holes or spurs."""
    angle = np.arctan2(y, x)
    rim = sum(rng.uniform(0.01, 0.05) * np.sin(k * angle + rng.uniform(0.0, 6.28)) for k in (2, 3, 5, 8))
    radius = (np.abs(x / 14_200.0) ** 3.4 + np.abs(y / 12_200.0) ** 3.4) ** (1 / 3.4)
    inside = np.asarray(radius < 0.95 + rim)
    for _ in range(6):
        padded = np.pad(inside, 1).astype(int)
        around = padded[:-2, 1:-1] + padded[2:, 1:-1] + padded[1:-1, :-2] + padded[1:-1, 2:]
        inside = (inside & (around > 1)) | (around > 2)  # noqa: PLR2004
    return inside


def _kinds(rng: np.random.Generator, count: int) -> NDArray[np.int64]:
    """Return what runs along each lattice line: mostly roads and ditches by turns, a few canals and highways."""
    kind = np.where(np.arange(count) % 2 == 0, RURAL_ROAD, DITCH)
    chosen = np.sort(rng.choice(np.arange(3, count - 3, 4), 6, replace=False))
    kind[chosen[::2]] = CANAL
    kind[chosen[1::2]] = HIGHWAY
    return np.asarray(kind, dtype=np.int64)


@dataclass(frozen=True)
class CellShape:
    """Hold the corners of one cell's parts, anticlockwise from the south-west, in metres."""

    block: NDArray[np.float64]
    south: NDArray[np.float64]
    west: NDArray[np.float64]


def cell_shape(terrain: Terrain, i: int, j: int) -> CellShape:
    """Divide the cell of column i and row j into its southern and western strip and the block."""
    node = terrain.nodes
    p00, p10, p11, p01 = node[i, j], node[i + 1, j], node[i + 1, j + 1], node[i, j + 1]
    across = float(STRIP_WIDTH_M[terrain.column_kind[i]])
    along = float(STRIP_WIDTH_M[terrain.row_kind[j]])
    left, right = _step(p00, p01, along), _step(p10, p11, along)
    low, high = _step(p00, p10, across), _step(p01, p11, across)
    corner = _crossing(left, right, low, high)
    return CellShape(
        block=np.array([corner, right, p11, high]),
        south=np.array([p00, p10, right, corner, left]),
        west=np.array([left, corner, high, p01]),
    )


def _step(a: NDArray[np.float64], b: NDArray[np.float64], length_m: float) -> NDArray[np.float64]:
    """Return the point `length_m` along the way from a to b."""
    return np.asarray(a + (b - a) * (length_m / float(np.hypot(*(b - a)))))


def _crossing(
    a: NDArray[np.float64], b: NDArray[np.float64], c: NDArray[np.float64], d: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return where the line through a and b meets the line through c and d."""
    r, q, w = b - a, d - c, c - a
    share = (w[0] * q[1] - w[1] * q[0]) / (r[0] * q[1] - r[1] * q[0])
    return np.asarray(a + share * r)


def in_block(block: NDArray[np.float64], s: NDArray[np.float64], t: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the place in metres of (s, t), each 0 to 1, in a block by bilinear interpolation."""
    s, t = s[..., None], t[..., None]
    return np.asarray((1 - s) * (1 - t) * block[0] + s * (1 - t) * block[1] + s * t * block[2] + (1 - s) * t * block[3])


def lattice_line(terrain: Terrain, axis: int, index: int) -> shapely.LineString:
    """Return the middle line of the strip along column (axis 0) or row (axis 1) `index`, in metres."""
    kind = terrain.column_kind[index] if axis == 0 else terrain.row_kind[index]
    nodes = terrain.nodes if axis == 0 else terrain.nodes.swapaxes(0, 1)
    here, there = nodes[index], nodes[index + 1]
    away = (there - here) / np.hypot(*(there - here).T)[:, None]
    return shapely.LineString(here + away * (float(STRIP_WIDTH_M[kind]) / 2.0))


def to_grid(geometry: NDArray[np.object_]) -> NDArray[np.object_]:
    """Return the geometries with every coordinate rounded to the millimetre."""
    return np.asarray(shapely.transform(geometry, lambda xy: np.round(xy / GRID_M) * GRID_M), dtype=object)
