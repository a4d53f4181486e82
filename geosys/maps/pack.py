"""Pack geometries and attribute tables small enough that 20,000 polygons travel inside one page.

Coordinates are whole millionths of a degree (about 0.1 m), each written as the difference from the one before;
the differences, like all counts, are text of base 64 digits: five bits a digit, the sixth says that more follow.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import shapely

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Integers = NDArray[np.int64]

DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
STEPS_PER_DEGREE = 1_000_000
_LETTERS = np.frombuffer(DIGITS.encode("ascii"), dtype=np.uint8)
_MAX_DIGITS = 13  # 64 bits at five a digit


def write_integers(values: Integers) -> str:
    """Write whole numbers, small ones short, as text of `DIGITS`.

    Examples
    --------
    >>> write_integers(np.array([0, -1, 1, 100]))
    'ABCoG'
    """
    rest = np.where(values < 0, -2 * values - 1, 2 * values).astype(np.int64)
    if not len(rest):
        return ""
    digits = np.zeros((len(rest), _MAX_DIGITS), dtype=np.uint8)
    used = np.zeros((len(rest), _MAX_DIGITS), dtype=bool)
    for place in range(_MAX_DIGITS):
        digits[:, place] = rest & 31
        used[:, place] = (rest > 0) | (place == 0)
        rest = rest >> 5
        digits[:, place] |= np.where(rest > 0, 32, 0).astype(np.uint8)
        if not rest.any():
            break
    return _LETTERS[digits[used]].tobytes().decode("ascii")


def read_integers(text: str) -> list[int]:
    """Read what `write_integers` wrote; the page does the same in JavaScript.

    Examples
    --------
    >>> read_integers("ABCoG")
    [0, -1, 1, 100]
    """
    values, value, shift = [], 0, 0
    for letter in text:
        digit = DIGITS.index(letter)
        value |= (digit & 31) << shift
        shift += 5
        if digit < 32:  # noqa: PLR2004  the sixth bit says that more digits follow
            values.append(-(value + 1) // 2 if value & 1 else value // 2)
            value, shift = 0, 0
    return values


def pack_shapes(geometries: Sequence[Any] | NDArray[Any]) -> dict[str, Any]:
    """Pack geometries (EPSG:4490, lon and lat in degrees) of any mix of kinds.

    A geometry is a number of parts, a part a number of rings (a point or a line is one ring), a ring a number of
    positions; the last position of a polygon's ring, equal to its first, is left out. Of a collection only the parts
    of its highest dimension are kept. An absent or empty geometry has no parts.

    Returns
    -------
    dict
        ``n`` and the texts ``kinds`` (0 none, 1 point, 2 line, 3 polygon), ``parts``, ``rings``, ``points``, ``steps``.
    """
    shapes = np.asarray(geometries, dtype=object)
    parts, outer = shapely.get_parts(shapes, return_index=True)
    inner, inner_owner = shapely.get_parts(parts, return_index=True)  # collections nest multi-parts
    parts, owner = inner, outer[inner_owner]
    full = ~shapely.is_empty(parts)
    parts, owner = parts[full], owner[full]
    dimension = shapely.get_dimensions(parts).astype(np.int64) + 1
    kinds = np.zeros(len(shapes), dtype=np.int64)
    np.maximum.at(kinds, owner, dimension)
    keep = dimension == kinds[owner]
    parts, owner, dimension = parts[keep], owner[keep], dimension[keep]
    rings, ring_owner = _rings(parts, dimension)
    positions, position_owner = shapely.get_coordinates(rings, return_index=True)
    last = np.diff(position_owner, append=-1) != 0
    closing = last & (dimension[ring_owner][position_owner] == 3)  # noqa: PLR2004
    positions, position_owner = positions[~closing], position_owner[~closing]
    whole = np.rint(positions * STEPS_PER_DEGREE).astype(np.int64)
    return {
        "n": len(shapes),
        "kinds": write_integers(kinds),
        "parts": write_integers(np.bincount(owner, minlength=len(shapes))),
        "rings": write_integers(np.bincount(ring_owner, minlength=len(parts))),
        "points": write_integers(np.bincount(position_owner, minlength=len(rings))),
        "steps": write_integers(np.diff(whole, axis=0, prepend=np.zeros((1, 2), np.int64)).ravel()),
    }


def _rings(parts: NDArray[Any], dimension: Integers) -> tuple[NDArray[Any], Integers]:
    """Return the rings of polygons, points and lines as they are, each with the number of its part, in order."""
    areal = np.flatnonzero(dimension == 3)  # noqa: PLR2004
    plain = np.flatnonzero(dimension != 3)  # noqa: PLR2004
    rings, of = shapely.get_rings(parts[areal], return_index=True)
    lines = np.concatenate([rings, parts[plain]])
    owner = np.concatenate([areal[of], plain]).astype(np.int64)
    order = np.argsort(owner, kind="stable")
    return lines[order], owner[order]


def pack_column(values: pd.Series) -> dict[str, Any]:
    """Pack a column as its different values and, per row, which one; or as a list where that is shorter.

    Missing values become null, numbers stay numbers (at most six decimals), dates become ISO text, truth stays
    truth, the rest becomes text.
    """
    plain = [plain_value(value) for value in values]
    words: dict[tuple[type, Any], int] = {}
    rows = [words.setdefault((type(value), value), len(words)) for value in plain]
    if len(words) * 2 < len(plain) + 2:
        return {"words": [value for _, value in words], "rows": write_integers(np.array(rows, dtype=np.int64))}
    return {"list": plain}


def plain_value(value: Any) -> str | float | int | bool | None:
    """Return `value` as JSON can hold it.

    Examples
    --------
    >>> plain_value(float("nan")) is None, plain_value(2.0), plain_value(pd.Timestamp("2026-01-02"))
    (True, 2, '2026-01-02')
    """
    if isinstance(value, (list, tuple, set, np.ndarray)):
        return "、".join(str(item) for item in value)
    if value is None or pd.isna(value):
        return None
    if isinstance(value, (bool, np.bool_)):
        return bool(value)
    if isinstance(value, (int, np.integer, float, np.floating)):
        return _plain_number(value)
    return str(value.isoformat())[:10] if hasattr(value, "isoformat") else str(value)


def _plain_number(value: Any) -> float | int | None:
    """Return a number with at most six decimals, whole ones as integers; None for what JSON has no word for."""
    if isinstance(value, (int, np.integer)):
        return int(value)
    number = round(float(value), 6)
    if not math.isfinite(number):
        return None
    return int(number) if number.is_integer() else number
