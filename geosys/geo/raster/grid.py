"""The cells of a north-up raster with square cells in a metric plane."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from geosys._errors import SpecError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

MOST_CELLS = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Grid:
    """Hold the north-west corner of a grid, the side of its cells in metres of the plane, and their number."""

    west: float
    north: float
    cell_m: float
    columns: int
    rows: int

    def middles(self, row: int, column: int, rows: int, columns: int) -> Floats:
        """Return the middles of a block's cells row by row, shape (rows · columns, 2).

        Examples
        --------
        >>> Grid(0.0, 20.0, 10.0, 2, 2).middles(0, 0, 2, 2).tolist()
        [[5.0, 15.0], [15.0, 15.0], [5.0, 5.0], [15.0, 5.0]]
        """
        x = self.west + (column + np.arange(columns) + 0.5) * self.cell_m
        y = self.north - (row + np.arange(rows) + 0.5) * self.cell_m
        return np.column_stack([np.tile(x, rows), np.repeat(y, columns)])


def grid_around(bounds: tuple[float, float, float, float], cell_m: float) -> Grid:
    """Return the grid that covers a box, its lines at whole multiples of the cell: grids of one cell fall on each other.

    Parameters
    ----------
    bounds
        West, south, east, north in metres.
    cell_m
        Side of a cell.

    Raises
    ------
    SpecError
        When the cell is no length, or so small that there would be more than `MOST_CELLS`.

    Examples
    --------
    >>> grid_around((105.0, 200.0, 199.0, 290.0), 100.0)
    Grid(west=100.0, north=300.0, cell_m=100.0, columns=1, rows=1)
    """
    if not (np.isfinite(cell_m) and cell_m > 0):
        raise SpecError(f"--cell: got {cell_m}, expected the side of a cell in metres, above 0.")
    low, high = np.floor(np.array(bounds[:2]) / cell_m), np.ceil(np.array(bounds[2:]) / cell_m)
    columns, rows = (int(n) for n in np.maximum(high - low, 1))
    if columns * rows > MOST_CELLS:
        raise SpecError(
            f"--cell: got {cell_m:g} m, which makes {columns} x {rows} cells, expected at most {MOST_CELLS}. Take a larger cell."
        )
    return Grid(float(low[0] * cell_m), float((low[1] + rows) * cell_m), float(cell_m), columns, rows)
