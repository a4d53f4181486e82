"""What a reader found in a file of a package, in the same words for every reader and format."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from geosys._errors import GeoSysError

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Mapping, Sequence

    from numpy.typing import NDArray

PIECE_ROWS = 10_000
TEXT, INTEGER, NUMBER, DATE, TRUTH, UNSAID = "text", "integer", "number", "date", "truth", ""
POINT, LINE, POLYGON, NOTHING = "point", "line", "polygon", "none"


class DamageError(GeoSysError):
    """A file of a package is not what its format demands; the message says where in it."""


@dataclass(frozen=True, slots=True)
class FoundField:
    """Hold one field as a file describes it.

    Parameters
    ----------
    kind : of the words above; empty where this reader cannot tell.
    title : None where the format or the reader has no titles.
    codes : code -> title; None where the format or the reader has no coded values.
    """

    name: str
    kind: str = UNSAID
    title: str | None = None
    codes: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Piece:
    """Hold some rows: values by field (None or NaN where missing) and shapely geometries, None where the file has none."""

    columns: Mapping[str, NDArray[Any]]
    geometry: NDArray[np.object_] | None


@dataclass(frozen=True, slots=True)
class Found:
    """Hold one layer as one reader found it.

    Parameters
    ----------
    reader : who read, with its version.
    rows : as the file states them before any is read; None where it states nothing.
    shape : ``point``, ``line``, ``polygon``, ``none``; empty where the reader cannot tell.
    crs : as the file writes it; None where there is none, `NOT_READ` where the format has no place for it.
    pieces : the rows, in their order in the file.
    title : of the layer; None where the format or the reader has none.
    layers : of the whole file; None where the file holds one.
    faults : what is wrong in the file itself.
    keeps_order : whether the fields must stand in the profile's order with no other between them.
    """

    reader: str
    fields: Sequence[FoundField]
    rows: int | None
    shape: str
    crs: str | None
    pieces: Generator[Piece]
    title: str | None = None
    layers: Sequence[str] | None = None
    faults: Sequence[str] = ()
    keeps_order: bool = True


NOT_READ = "not read"


def objects(values: Iterable[Any]) -> NDArray[np.object_]:
    """Return values as an array of one dimension, also where they are sequences themselves."""
    return np.array([*values, None], dtype=object)[:-1]
