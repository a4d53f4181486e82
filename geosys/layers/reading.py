"""A delivered table as it came: columns of raw values, geometry, CRS, and where each row stands in its file."""

from __future__ import annotations

import copy
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from geosys._errors import TableError
from geosys._faults import nearest
from geosys.layers.values import plain

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from geosys.layers.issues import Issue


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
    records
        The number of each row among the file's data rows, from 1.
    issues
        What the reader itself noticed; `row` is a position in this reading, −1 the whole table.
    """

    table: str
    columns: dict[str, NDArray[np.object_]]
    geometry: NDArray[np.object_] | None = None
    crs: str | None = None
    titles: dict[str, str] = field(default_factory=dict)
    lines: tuple[int, ...] = ()
    evidence: str = ""
    records: tuple[int, ...] = ()
    issues: tuple[Issue, ...] = ()

    def __post_init__(self) -> None:
        """Give the records numbers from 1 where they have none."""
        if not self.records:
            object.__setattr__(self, "records", tuple(range(1, self.size + 1)))

    @property
    def size(self) -> int:
        """Return the number of rows."""
        if self.geometry is not None:
            return len(self.geometry)
        return len(next(iter(self.columns.values()))) if self.columns else 0

    def only(self, wanted: Mapping[str, Sequence[Any]]) -> Reading:
        """Return the rows whose columns have one of the wanted values; records and lines keep their numbers.

        Raises
        ------
        TableError
            When there is no column of a wanted name.
        """
        if not wanted:
            return self
        keep = np.ones(self.size, dtype=bool)
        for column, allowed in wanted.items():
            if column not in self.columns:
                hint = nearest(column, self.columns) or f"Columns: {', '.join(self.columns)}."
                raise TableError(f"{self.table}: got no column '{column}' for 'rows', expected one of the file. {hint}")
            words = {plain(value) for value in allowed}
            keep &= np.array([plain(value) in words for value in self.columns[column]], dtype=bool)
        at = np.flatnonzero(keep)
        position = {int(old): new for new, old in enumerate(at)}
        kept = [copy.copy(issue) for issue in self.issues if issue.row < 0 or issue.row in position]
        for issue in kept:
            issue.row = position.get(issue.row, -1)
        return replace(
            self,
            columns={name: values[at] for name, values in self.columns.items()},
            geometry=None if self.geometry is None else self.geometry[at],
            lines=tuple(self.lines[i] for i in at) if self.lines else (),
            records=tuple(self.records[i] for i in at),
            issues=tuple(kept),
        )


def choose_table(file: str, tables: Sequence[str], visible: Sequence[str], wanted: str | None) -> str:
    """Return the table asked for, or the only one that shows.

    Raises
    ------
    TableError
        When there is none of that name, or several show and none was asked for.
    """
    if wanted is None and len(visible) == 1:
        return visible[0]
    if wanted is not None and wanted in tables:
        return wanted
    got = f"no table '{wanted}'" if wanted else f"{len(visible)} tables and none named"
    hint = nearest(wanted, tables) if wanted else ""
    raise TableError(f"{file}: got {got}, expected one of: {', '.join(tables)}. Name it with 'table'. {hint}".rstrip())
