"""The parts of every cell: strips along its edges and the lots of its block, each with a land class."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import shapely

from geosys.sample import villages
from geosys.sample.terrain import STRIP_CLASS, Terrain, cell_shape, in_block

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from geosys.sample.villages import Settlement

Rows = list[tuple[float, float, list[float], list[str]]]  # from, to (0–1), cuts between, class of each lot

_FIELD_CLASSES = ("0102", "0101", "0103", "0201", "0301", "1104", "0404")
_RIM = ("0702", "0702", "0201", "0301", "1104", "1202", "0404", "1201")
_TOWN_THEMES = (
    ("0701", "0701", "0701", "0701", "05H1", "08H2"),
    ("0701", "0701", "0701", "0810", "0701", "05H1"),
    ("05H1", "05H1", "08H1", "0701", "0809", "05H1"),
    ("08H1", "08H2", "08H2", "0701", "05H1", "0810"),
    ("0601", "0601", "0508", "0701", "0601", "1201"),
)


@dataclass(frozen=True)
class Lots:
    """Hold the lots: outline (metres), cell (position in ``Terrain.cells``), land class, and whether it is a strip."""

    outline: NDArray[np.object_]
    cell: NDArray[np.int64]
    land_class: NDArray[np.object_]
    is_strip: NDArray[np.bool_]


def divide_cells(rng: np.random.Generator, terrain: Terrain, settlement: Settlement) -> Lots:
    """Divide every cell of the county into strips and lots, by its role."""
    outline: list[NDArray[np.float64]] = []
    cell: list[int] = []
    land_class: list[str] = []
    strip: list[bool] = []
    for k, (i, j) in enumerate(terrain.cells):
        shape = cell_shape(terrain, int(i), int(j))
        corners, classes = _block_lots(rng, _LAYOUTS[int(settlement.role_of_cell[k])](rng), shape.block)
        outline += [shape.south, shape.west, *corners]
        land_class += [STRIP_CLASS[terrain.row_kind[j]], STRIP_CLASS[terrain.column_kind[i]], *classes]
        cell += [k] * (2 + len(classes))
        strip += [True, True] + [False] * len(classes)
    return Lots(
        np.array([shapely.Polygon(ring) for ring in outline], dtype=object),
        np.array(cell),
        np.array(land_class, dtype=object),
        np.array(strip),
    )


def _block_lots(
    rng: np.random.Generator, rows: Rows, block: NDArray[np.float64]
) -> tuple[list[NDArray[np.float64]], list[str]]:
    """Place the rows of a layout in a block; each cut leans a little, and half of the blocks lie crosswise."""
    turned = rng.random() < 0.45  # noqa: PLR2004
    corners, classes = [], []
    for low, high, cuts, kinds in rows:
        lean = np.clip(rng.normal(0.0, 0.006), -0.012, 0.012)
        bottom = np.array([0.0, *(np.array(cuts) + lean), 1.0])
        top = np.array([0.0, *(np.array(cuts) - lean), 1.0])
        for n, kind in enumerate(kinds):
            along = np.array([bottom[n], bottom[n + 1], top[n + 1], top[n]])
            across = np.array([low, low, high, high])
            ring = in_block(block, across, along)[::-1] if turned else in_block(block, along, across)
            corners.append(ring)
            classes.append(kind)
    return corners, classes


def _cuts(rng: np.random.Generator, count: int) -> list[float]:
    """Return count−1 uneven cuts between 0 and 1."""
    width = rng.uniform(0.7, 1.3, count)
    return [float(x) for x in np.cumsum(width)[:-1] / width.sum()]


def _fields(rng: np.random.Generator) -> Rows:
    """Lay out strips of field, in one or two rows; one in seven blocks keeps a yard (works, farm, pond) in a corner."""
    main = str(rng.choice(("0102", "0101", "0103"), p=(0.82, 0.09, 0.09)))
    odd = 1.0 - 0.11 if main == "0102" else 0.86

    def kinds(count: int) -> list[str]:
        other = rng.choice(_FIELD_CLASSES, count, p=(0.2, 0.05, 0.2, 0.25, 0.18, 0.07, 0.05))
        return [main if keep else str(kind) for keep, kind in zip(rng.random(count) < odd, other, strict=True)]

    if rng.random() < 0.15:  # noqa: PLR2004
        count = int(rng.integers(6, 9))
        yard = str(rng.choice(("0601", "1202", "1104"), p=(0.68, 0.2, 0.12)))
        low = sorted([0.24, *(0.24 + 0.76 * np.array(_cuts(rng, count - 1)))])
        return [
            (0.0, 0.42, [float(x) for x in low], [yard, *kinds(count - 1)]),
            (0.42, 1.0, _cuts(rng, count), kinds(count)),
        ]
    if rng.random() < 0.4:  # noqa: PLR2004
        middle = float(rng.uniform(0.4, 0.6))
        first, second = int(rng.integers(4, 6)), int(rng.integers(4, 6))
        return [(0.0, middle, _cuts(rng, first), kinds(first)), (middle, 1.0, _cuts(rng, second), kinds(second))]
    count = int(rng.integers(7, 11))
    return [(0.0, 1.0, _cuts(rng, count), kinds(count))]


def _village(rng: np.random.Generator) -> Rows:
    """Lay out a village: four rows of homesteads between lanes, a school, an office, and a mixed rim."""
    rows: Rows = []
    edges = (0.0, 0.24, 0.253, 0.5, 0.513, 0.76, 0.773, 1.0)
    for n in range(7):
        if n % 2:
            rows.append((edges[n], edges[n + 1], [], ["1004"]))
            continue
        count = int(rng.integers(4, 6))
        kinds = ["0702"] * count
        kinds[0], kinds[-1] = str(rng.choice(_RIM)), str(rng.choice(_RIM))
        if n in (0, 6):
            kinds[1] = str(rng.choice(_RIM))
        rows.append((edges[n], edges[n + 1], _cuts(rng, count), kinds))
    rows[2][3][1] = "08H2"
    rows[4][3][2] = "08H1"
    return rows


def _streets(rng: np.random.Generator, theme: Callable[[int], list[str]], count: int) -> Rows:
    """Lay out two rows of lots with a street between and beside them."""
    return [
        (0.0, 0.025, [], ["1004"]),
        (0.025, 0.49, _cuts(rng, count), theme(count)),
        (0.49, 0.515, [], ["1004"]),
        (0.515, 1.0, _cuts(rng, count), theme(count)),
    ]


def _town(rng: np.random.Generator) -> Rows:
    """Lay out a block of the county town."""
    theme = _TOWN_THEMES[int(rng.choice(5, p=(0.32, 0.28, 0.14, 0.13, 0.13)))]
    return _streets(rng, lambda n: [str(k) for k in rng.choice(theme, n)], 5)


def _park(rng: np.random.Generator) -> Rows:
    """Lay out a block of an industrial park."""
    return _streets(
        rng, lambda n: [str(k) for k in rng.choice(("0601", "0508", "1201", "0810"), n, p=(0.8, 0.08, 0.07, 0.05))], 4
    )


def _seat(rng: np.random.Generator) -> Rows:
    """Lay out the seat of a township."""
    mix = ("0701", "0702", "05H1", "08H1", "08H2", "0601", "0810")
    return _streets(rng, lambda n: [str(k) for k in rng.choice(mix, n, p=(0.36, 0.2, 0.12, 0.07, 0.08, 0.12, 0.05))], 5)


_LAYOUTS: dict[int, Callable[[np.random.Generator], Rows]] = {
    villages.FIELD: _fields,
    villages.VILLAGE: _village,
    villages.TOWN: _town,
    villages.PARK: _park,
    villages.SEAT: _seat,
}
