"""Lay risk layers over a large coverage: the area common to every pair, streamed from GeoParquet.

The coverage is read row group by row group, those outside the risk layers' box not at all, the next one while the
last is computed: memory does not grow with it. No piece is built; see `geosys.geo.flat.areas`.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from geosys._errors import DeliveryError
from geosys.geo.flat.areas import common_areas, common_areas_on_ground
from geosys.geo.flat.cells import Cells, build_cells, candidates
from geosys.geo.flat.ground import Ground, drawn_areas
from geosys.geo.flat.wkb import Ragged, join
from geosys.geo.stored import Layer, check_metres, crs_of, groups_meeting, open_layer, read_batches, read_layer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    import pandas as pd
    import pyarrow.parquet as pq
    from numpy.typing import NDArray

    from geosys.geo.area_factor import AreaFactor

LEAST_M2 = 1e-6  # a common area below is rounding of coordinates
CELL_M = 50.0
ROOM_PER_FEATURE = 8
SLACK = 1e-9  # how much more than a feature's own area, as a part of it, its common area may be by rounding


@dataclass(frozen=True, slots=True)
class Risks:
    """Hold all risk layers as one, with the layer and id of each row and the grid over them."""

    names: list[str]
    layer: NDArray[np.int16]
    ids: NDArray[Any]
    shapes: Ragged
    cells: Cells


@dataclass(frozen=True, slots=True)
class Found:
    """Hold the pairs of one batch: risk row, coverage id, common area in the plane and on the ellipsoid."""

    row: NDArray[np.int32]
    coverage_id: NDArray[Any]
    area: NDArray[np.float64]
    true_area: NDArray[np.float64]


def overlay_areas(
    coverage: Path,
    risks: Mapping[str, Path],
    *,
    coverage_id: str,
    risk_id: str,
    true_area: str | None = None,
    threads: int = 2,
    check: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> pd.DataFrame:
    """Return the area common to every feature of the risk layers and of the coverage.

    Parameters
    ----------
    coverage
        GeoParquet of valid polygons (WKB) with a bbox column, as `geosys run` writes layers: intake mends or withholds what
        is not valid. Hilbert order makes it faster.
    risks
        GeoParquet of polygons by name; all in the coverage's metric CRS.
    coverage_id, risk_id
        The columns that name their rows.
    true_area
        The coverage's column of ellipsoidal areas in m², where the areas on the ellipsoid are wanted too.
    threads
        Threads for the pairs; the result does not depend on them.
    check
        Whether every polygon of the risk layers is checked for validity first (GEOS). The coverage's never are.
    progress
        Called with the row groups done and the row groups to do.

    Returns
    -------
    Columns `layer`, `risk_id`, `coverage_id`, `area_m2` (planar, in the layers' CRS) and with `true_area`
    `ellipsoidal_m2`, pairs of at least 1e-6 m², sorted by layer, then in the order of coverage and risk rows. The area on
    the ellipsoid is the stated one of the coverage's feature times the share of it that the piece has as drawn, its borders
    straight in the plane, measured on the ellipsoid: to 1e-9 of it for pieces up to 1 km (the scale changes over the
    piece), and the shares of a feature wholly covered add up to its stated area.

    Raises
    ------
    DeliveryError, CrsError
        As `read_layer`; nothing is returned then.
    DeliveryError
        When a pair's common area is below 0 or above the smaller of the two features' own: one of them is invalid.

    Notes
    -----
    Rings that cross themselves or each other have no meaningful sum. With `check`, no such risk feature passes. Without,
    and always for the coverage, those are found whose sums are impossible, as of most pairs that the crossing rings of
    a bow-tie meet; not found are those whose sums stay within both areas, as overlapping parts of a multipolygon, or
    rings that cross outside of the other layer. Only valid input, as from intake, makes sure of the numbers.
    """
    file = open_layer(coverage, coverage_id, None)
    crs = crs_of(file, coverage)
    check_metres(crs, f"overlay, {coverage.name}")
    group = gather({name: read_layer(path, risk_id, crs, check=check, threads=threads) for name, path in risks.items()})
    groups = groups_meeting(file, group.shapes.box)
    found: list[Found] = []
    for part, done in find_pairs(file, groups, group, coverage_id, true_area, threads):
        found.append(part)
        if progress is not None:
            progress(done, len(groups))
    return pair_table(found, group, with_true_area=true_area is not None)


def find_pairs(
    file: pq.ParquetFile, groups: Sequence[int], risks: Risks, coverage_id: str, true_area: str | None, threads: int
) -> Iterator[tuple[Found, int]]:
    """Yield the pairs of some row groups of a coverage batch by batch, each with the groups done by then.

    This is the one partition function: a run on one machine gives it all row groups, a cluster a few to each worker.
    """
    factor = None if true_area is None else _factor_of(file)
    with ThreadPoolExecutor(threads) as pool:
        for batch, done in read_batches(file, groups, coverage_id, true_area, risks.cells):
            yield pairs_of(batch, risks, pool, threads, factor), done


def _factor_of(file: pq.ParquetFile) -> AreaFactor:
    from geosys.geo.area_factor import AreaFactor  # noqa: PLC0415  PROJ is asked only where true areas are wanted

    return AreaFactor(crs_of(file, Path("coverage")))


def pair_table(found: Sequence[Found], risks: Risks, *, with_true_area: bool) -> pd.DataFrame:
    """Return all pairs as one frame, sorted by layer, coverage row and risk row."""
    import pandas as pd  # noqa: PLC0415  it takes long to load: after the work, and not where there is no table to make

    rows = np.concatenate([f.row for f in found]) if found else np.zeros(0, dtype=np.int32)
    order = np.argsort(risks.layer[rows], kind="stable")
    rows = rows[order]
    columns = {
        "layer": pd.Categorical.from_codes(risks.layer[rows], categories=risks.names),
        "risk_id": risks.ids[rows],
        "coverage_id": np.concatenate([f.coverage_id for f in found])[order] if found else np.zeros(0, dtype=object),
        "area_m2": np.concatenate([f.area for f in found])[order] if found else np.zeros(0),
    }
    if with_true_area:
        columns["ellipsoidal_m2"] = np.concatenate([f.true_area for f in found])[order] if found else np.zeros(0)
    return pd.DataFrame(columns)


def gather(layers: Mapping[str, Layer]) -> Risks:
    """Return several layers as one, with the grid over them."""
    shapes = join([layer.shapes for layer in layers.values()])
    sizes = [layer.shapes.size for layer in layers.values()]
    owner = np.repeat(np.arange(len(sizes), dtype=np.int16), sizes)
    kinds = {layer.ids.dtype for layer in layers.values()}
    ids = np.concatenate([v.ids if len(kinds) == 1 else v.ids.astype(object) for v in layers.values()])
    return Risks(list(layers), owner, ids, shapes, build_cells(shapes, CELL_M))


def pairs_of(
    batch: Layer, risks: Risks, pool: ThreadPoolExecutor, threads: int, factor: AreaFactor | None = None
) -> Found:
    """Return the pairs of one batch of the coverage with all risk layers, by coverage row, then risk row."""
    shapes = batch.shapes
    pairs = _candidates(shapes, risks)
    areas = shapes.own[pairs[:, 1]]
    crossing = np.flatnonzero(pairs[:, 2] == 0)
    if batch.true_area is None:
        areas[crossing] = common_areas(risks.shapes, shapes, pairs[crossing], pool, threads)
        true_areas = areas
    else:
        true_areas = batch.true_area[pairs[:, 1]]
        if factor is None:
            raise TypeError(
                "pairs_of: got ellipsoidal areas without a factor, expected an AreaFactor of the layers' CRS."
            )
        near = factor.near(shapes.box)
        drawn = drawn_areas(shapes, near)
        share = batch.true_area / np.where(drawn > 0, drawn, np.nan)
        areas[crossing], on_ground = common_areas_on_ground(
            risks.shapes, shapes, pairs[crossing], Ground(drawn, near), pool, threads
        )
        true_areas[crossing] = on_ground * share[pairs[crossing, 1]]
    _check_sums(batch, risks, pairs, areas)
    keep = np.flatnonzero(areas >= LEAST_M2)
    keep = keep[np.argsort(pairs[keep, 1].astype(np.int64) * risks.shapes.size + pairs[keep, 0], kind="stable")]
    return Found(pairs[keep, 0], batch.ids[pairs[keep, 1]], areas[keep], true_areas[keep])


def _check_sums(batch: Layer, risks: Risks, pairs: NDArray[np.int32], areas: NDArray[np.float64]) -> None:
    """Raise when a pair shares less than nothing or more than one of the two has: rings cross then."""
    least = np.minimum(risks.shapes.own[pairs[:, 0]], batch.shapes.own[pairs[:, 1]])
    slack = LEAST_M2 + SLACK * np.abs(least)
    wrong = np.flatnonzero(~((areas >= -slack) & (areas <= least + slack)))
    if len(wrong):
        row, partner = pairs[wrong[0], :2]
        raise DeliveryError(
            f"layer {risks.names[risks.layer[row]]}, id {risks.ids[row]!r}, with the coverage's id {batch.ids[partner]!r}: "
            f"got a common area of {areas[wrong[0]]:.6f} m² ({len(wrong)} such pairs), expected 0 to "
            f"{max(least[wrong[0]], 0.0):.6f}. One of the two is no valid polygon: mend it, or take the layer in with "
            "'geosys run'."
        )


def _candidates(shapes: Ragged, risks: Risks) -> NDArray[np.int32]:
    """Return the pairs that may share area, columns risk row, coverage row and 1 where it lies wholly inside."""
    cells, size = risks.cells, risks.shapes.size
    room = ROOM_PER_FEATURE * shapes.size + 1_000
    inside, found = np.empty(size, dtype=np.int32), np.empty(size, dtype=np.int32)
    while True:
        pairs = np.empty((room, 3), dtype=np.int32)
        seen = np.full(size, -1, dtype=np.int64)
        count = candidates(
            shapes.box, cells.west, cells.south, cells.size, cells.columns, cells.rows, cells.start, cells.feature,
            risks.shapes.box, seen, inside, found, pairs,
        )  # fmt: skip
        if count >= 0:
            return pairs[:count]
        room *= 2
