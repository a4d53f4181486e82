"""A delivered table as it came: columns of raw values, geometry, CRS, and where each row stands in its file."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Reading:
    """Hold one table of one file, nothing changed yet.

    Attributes
    ----------
    columns
        Raw values by the sender's column name, each of shape (n,).
    titles
        Titles the file itself gives its columns (geodatabase aliases), by column name.
    geometry
        Shapely geometries of shape (n,), or None where the file has no geometry of its own.
    crs
        The CRS the file states, or None.
    lines
        The line in sheet or file of each row, for people who look it up.
    evidence
        How encoding and header were settled, in words.
    """

    table: str
    columns: dict[str, NDArray[np.object_]]
    geometry: NDArray[np.object_] | None = None
    crs: str | None = None
    titles: dict[str, str] = field(default_factory=dict)
    lines: tuple[int, ...] = ()
    evidence: str = ""

    @property
    def size(self) -> int:
        """Return the number of rows."""
        if self.geometry is not None:
            return len(self.geometry)
        return len(next(iter(self.columns.values()))) if self.columns else 0
