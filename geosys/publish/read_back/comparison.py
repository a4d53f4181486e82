"""Compare one layer as one reader found it with the layer that was to be written, and say each difference with its place."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import shapely

from geosys.publish.read_back import shapes, values
from geosys.publish.read_back.described import compare_described
from geosys.publish.read_back.words import check

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from geosys.publish.content import Check, ShapedLayer
    from geosys.publish.read_back.found import Found, Piece

# The step of a format's coordinates in metres and in degrees; writing may move a vertex by half of one.
# Source: GDAL, OpenFileGDB driver, XYSCALE: 1e4 steps a metre, 1e9 a degree; boundary points have as many decimals.
STEPS = {"gdb": (1e-4, 1e-9), "txt": (1e-4, 1e-9)}
_HALF = 0.51  # the grid's origin lies 10⁷ m away, where what doubles round off is a part of a thousandth of a step
DIGITS = {"shp": 1e-15, "xlsx": 1e-15}  # relative: their numbers are decimal, and Excel keeps sixteen digits


@dataclass(slots=True)
class _Tally:
    """Count the rows that differ in one thing and keep the first."""

    count: int = 0
    row: int = -1
    got: str = ""
    expected: str = ""

    def add(self, count: int, row: int, got: str, expected: str) -> None:
        """Count some rows; the first of all is kept."""
        if not self.count:
            self.row, self.got, self.expected = row, got, expected
        self.count += count


@dataclass(slots=True)
class _Account:
    """Gather what all rows of a layer come to."""

    layer: ShapedLayer
    kind: str
    step: float
    rows: int = 0
    fields: dict[str, _Tally] = field(default_factory=dict)
    geometry: _Tally = field(default_factory=_Tally)
    areas: _Tally = field(default_factory=_Tally)
    area: float = 0.0


def compare(found: Found, layer: ShapedLayer, kind: str, file: str) -> Iterator[Check]:
    """Yield the checks of one layer by one reader, first of what the file says of it, then of its rows.

    Parameters
    ----------
    kind : ``gdb``, ``gpkg``, ``shp``, ``txt`` or ``xlsx``.
    file : the file's place in the package, for people.
    """
    where = f"{file} · {layer.layer.name} · {found.reader}"
    yield from compare_described(found, layer, kind, where)
    account = _Account(layer, kind, step_of(kind, layer), fields={f.name: _Tally() for f in layer.layer.fields})
    with closing(found.pieces) as pieces:
        for piece in pieces:
            _add(account, piece)
    yield from _outcome(account, found.rows, where)


def step_of(kind: str, layer: ShapedLayer) -> float:
    """Return how far a vertex may be off in a format, in the unit of the layer's CRS; nothing where it keeps doubles."""
    metres, degrees = STEPS.get(kind, (0.0, 0.0))
    return (degrees if layer.frame.crs.is_geographic else metres) * _HALF


def _add(account: _Account, piece: Piece) -> None:
    """Compare some rows; those beyond the expected ones are only counted."""
    size = len(piece.geometry) if piece.geometry is not None else len(next(iter(piece.columns.values()), ()))
    first = account.rows
    account.rows += size
    frame = account.layer.frame.iloc[first : first + size]
    if not len(frame):
        return
    for one in account.layer.layer.fields:
        if one.name in piece.columns:
            got, expected = piece.columns[one.name][: len(frame)], frame[one.name]
            wrong = np.flatnonzero(values.differing(got, expected, one.type, DIGITS.get(account.kind, 0.0)))
            if len(wrong):
                row = int(wrong[0])
                shown = values.shown(values.first_of(got, row)), values.shown(expected.iloc[row])
                account.fields[one.name].add(len(wrong), first + row, *shown)
    if piece.geometry is not None:
        _add_shapes(account, piece.geometry[: len(frame)], frame.geometry.to_numpy(), first)


def _add_shapes(account: _Account, got: NDArray[np.object_], expected: NDArray[np.object_], first: int) -> None:
    wrong = np.flatnonzero(shapes.differing(got, expected, account.step))
    if len(wrong):
        row = int(wrong[0])
        account.geometry.add(len(wrong), first + row, *shapes.told(got[row], expected[row], account.step))
    areas = shapely.area(got)
    account.area += float(np.nansum(areas))
    off = np.flatnonzero(shapes.areas_differ(got, expected, account.step))
    if len(off):
        row = int(off[0])
        account.areas.add(len(off), first + row, repr(float(areas[row])), repr(float(shapely.area(expected[row]))))


def _outcome(account: _Account, stated: int | None, where: str) -> Iterator[Check]:
    layer, rows = account.layer, account.rows
    wanted = len(layer.frame)
    said = rows if stated is None else stated
    yield check(
        "rows", where, rows == said == wanted, f"{rows}" if rows == said else f"{rows}, {said} stated", f"{wanted}"
    )
    wrong = {name: tally for name, tally in account.fields.items() if tally.count}
    for name, tally in wrong.items():
        yield _failed("values", tally, layer, where, name)
    if not wrong:
        yield check("values", where, True, f"{rows} × {len(account.fields)}", f"{wanted} × {len(account.fields)}")
    if account.kind == "xlsx":
        return
    if account.geometry.count:
        yield _failed("geometry", account.geometry, layer, where)
    else:
        yield check("geometry", where, True, f"{rows}", f"{wanted}")
    if layer.layer.geometry == "polygon":
        total = float(np.nansum(shapely.area(layer.frame.geometry.to_numpy())))
        is_same = not account.areas.count
        yield (
            check("area", where, True, repr(account.area), repr(total))
            if is_same
            else _failed("area", account.areas, layer, where)
        )


def _failed(kind: str, tally: _Tally, layer: ShapedLayer, where: str, name: str = "") -> Check:
    """Return a failed check with the first row that differs and the number of them."""
    place = " · ".join(filter(None, [where, row_name(layer, tally.row), name]))
    return check(kind, place, False, tally.got, tally.expected, tally.count)


def row_name(layer: ShapedLayer, row: int) -> str:
    """Return a row as people find it: its number from 1 and its key."""
    keys = [f"{name}={layer.frame[name].iloc[row]}" for name in layer.layer.key if name in layer.frame]
    return f"row {row + 1}" + (f" ({', '.join(keys)})" if keys else "")
