"""The area ledger: how a plot divides among overlapping objects, with the remainder and the closing error.

Each subject is cut by all object borders that come near it into faces that fill it by construction; each face is
asked which objects hold it. Nothing is subtracted, so that the sum of the rows checks the work.
"""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import shapely

from geosys._errors import DeliveryError
from geosys.geo.area import ellipsoidal_area_m2
from geosys.geo.crs import check_metric
from geosys.geo.faces import Faces, corners_of, cut_faces, drawn_area_m2, moved, shared_borders
from geosys.geo.geometry import of_kind
from geosys.geo.relations import SLIVER_M2, _check_metres

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Sequence

    from numpy.typing import NDArray

Combination = tuple[Any, ...]

CLOSES_M2 = 0.01  # a ledger that misses its subject's area by more is wrong
REMAINDER: Combination = ()
CENT = Decimal("0.01")  # adjusted areas are stated to 0.01 m²
FORMULA = (
    "area ledger 1: a row's area is the subject's statutory ellipsoidal area times the row's share of the subject as drawn "
    f"in the plane, measured face by face on the ellipsoid; rows below {SLIVER_M2} m² go to the neighbour with the longest border; "
    "the remainder is measured like every other row; closing error = sum of rows - statutory area"
)
SUBJECTS_AT_ONCE = 256  # bounds memory; the result does not depend on it
CLOSING = (
    "subject", "area_m2", "rows_m2", "closing_error_m2", "edge_gap_m2", "planar_m2", "planar_error_m2", "sliver_m2", "closes",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class AreaLedger:
    """Hold the rows of the ledger and, per subject, how they close."""

    rows: pd.DataFrame
    closing: pd.DataFrame


def area_ledger(
    subjects: NDArray[np.object_],
    objects: NDArray[np.object_],
    crs: str,
    *,
    labels: Sequence[Hashable] | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> AreaLedger:
    """Return per subject the areas under each combination of objects, the remainder and the closing error.

    Parameters
    ----------
    subjects, objects
        Valid polygons, shapes (n,) and (m,), in `crs`; missing and empty ones have no area. Objects may overlap.
    crs
        Their metric CRS.
    labels
        One sortable label an object, as its land class or layer: combinations are then of labels, and objects of one
        label that overlap count once. Default: the objects' positions.
    progress
        Called with the subjects done and the subjects to do.

    Returns
    -------
    `rows`: `subject` (position), `combination` (sorted tuple of labels; ``()`` is the remainder, always there),
    `objects` (sorted tuple of positions of the objects that hold a part of it), `area_m2` (ellipsoidal), `planar_m2`
    and `share` (0-1, of the subject's area), sorted by subject and combination.
    `closing`: `subject`, `area_m2` (the statutory one, `ellipsoidal_area_m2` of the subject), `rows_m2`,
    `closing_error_m2` (rows less statutory), `edge_gap_m2`, `planar_m2`, `planar_error_m2`, `sliver_m2`, `closes`.

    Raises
    ------
    CrsError
        When the CRS is not metric or coordinates are no metres of it.
    DeliveryError
        When a geometry is no polygon or not valid, or labels are missing.

    Notes
    -----
    *Area.* The statutory area draws a subject's edges straight in longitude and latitude; rows follow them as the plan
    draws them, straight in the plane, so that a cut never moves a border. The two differ by `edge_gap_m2`: nothing for
    plots of 100 m, some m² for edges of kilometres. A row is the statutory area times the row's share of the plot as
    drawn, face by face on the ellipsoid. The shares are not forced to add up to 1: what they miss is the closing error.

    *Slivers.* A combination that has less than `SLIVER_M2` in a subject is rounding of coordinates: each of its faces
    goes to the combination it has the longest border with (then the larger, then the first in the plane's order).
    `sliver_m2` says how much went so. What has no neighbour stays.

    Examples
    --------
    >>> plot = np.array([shapely.box(500_000, 3_850_000, 500_100, 3_850_100)])
    >>> zones = shapely.box([500_000, 500_050], 3_850_000, [500_060, 500_080], 3_850_100)
    >>> area_ledger(plot, zones, "EPSG:4547").rows[["combination", "planar_m2"]].to_numpy().tolist()
    [[(), 2000.0], [(0,), 5000.0], [(0, 1), 1000.0], [(1,), 2000.0]]
    """
    subjects, objects = (np.asarray(shapely.force_2d(g), dtype=object) for g in (subjects, objects))
    _check(subjects, objects, crs, labels)
    tree = shapely.STRtree(objects)
    rows: list[tuple[Any, ...]] = []
    closing: list[dict[str, Any]] = []
    for start in range(0, len(subjects), SUBJECTS_AT_ONCE):
        part = subjects[start : start + SUBJECTS_AT_ONCE]
        corners, planar = corners_of(part), shapely.area(part)
        drawn = drawn_area_m2(moved(part, -corners), corners, crs)
        faces = cut_faces(part, objects, tree, corners, crs)
        ends = np.searchsorted(faces.subject, np.arange(len(part) + 1))
        for i in range(len(part)):
            # one at a time: the last digits of an area must not hang on which other subjects are there
            own = float(ellipsoidal_area_m2(part[i : i + 1], crs)[0])
            scale = own / drawn[i] if drawn[i] > 0 else 0.0
            found, slivers = _combine(faces, slice(ends[i], ends[i + 1]), scale, labels)
            rows += [(start + i, *row, row[2] / own if own > 0 else 0.0) for row in found]
            closing.append(_closing_row(start + i, own, float(drawn[i]), float(planar[i]), found, slivers))
        if progress is not None:
            progress(start + len(part), len(subjects))
    return AreaLedger(_row_table(rows), pd.DataFrame(closing, columns=CLOSING))


def adjust(rows: pd.DataFrame, stated: Sequence[float | None] | NDArray[np.float64]) -> pd.DataFrame:
    """Return the rows with `adjusted_m2`: computed areas brought to a stated total (面积平差).

    Parameters
    ----------
    rows
        The rows of an `AreaLedger`.
    stated
        The stated area in m² of each subject, by position; None or NaN where none is stated.

    Returns
    -------
    A copy of `rows`. The difference is spread in proportion to area, each row is rounded to 0.01 m², and the largest row
    (the first of equals) takes the rest, so that the rows of a subject, added as decimals, are the stated figure exactly.
    NaN where none is stated.

    Raises
    ------
    DeliveryError
        When a stated area is not positive, or a subject without area has one.

    Examples
    --------
    >>> rows = pd.DataFrame({"subject": [0, 0, 0], "area_m2": [0.0, 100.0, 200.0]})
    >>> adjust(rows, [301.0])["adjusted_m2"].tolist()
    [0.0, 100.33, 200.67]
    """
    adjusted = np.full(len(rows), np.nan)
    areas = rows["area_m2"].to_numpy()
    for subject, at in rows.reset_index(drop=True).groupby("subject").indices.items():
        total = stated[int(subject)]
        if total is None or math.isnan(total):
            continue
        computed = math.fsum(areas[at])
        if not (math.isfinite(total) and total > 0 and computed > 0):
            raise DeliveryError(
                f"adjust: got a stated area of {total} m² for subject {subject} with {computed:.2f} m² computed, "
                "expected two positive areas. Mend the stated area, or state none."
            )
        goal = Decimal(repr(float(total)))
        parts = [Decimal(a / computed * float(total)).quantize(CENT, ROUND_HALF_UP) for a in areas[at]]
        parts[int(np.argmax(areas[at]))] += goal - sum(parts)
        adjusted[at] = [float(part) for part in parts]
    return rows.assign(adjusted_m2=adjusted)


def _check(
    subjects: NDArray[np.object_], objects: NDArray[np.object_], crs: str, labels: Sequence[Hashable] | None
) -> None:
    """Raise unless both are valid polygons in metres and every object has a label."""
    check_metric(crs, "area ledger")
    for name, shapes in (("subject", subjects), ("object", objects)):
        there = ~shapely.is_missing(shapes) & ~shapely.is_empty(shapes)
        wrong = np.flatnonzero(there & ~(of_kind(shapes, "polygon") & shapely.is_valid(shapes)))
        if len(wrong):
            first = shapes[wrong[0]]
            raise DeliveryError(
                f"area ledger: got {first.geom_type}, {shapely.is_valid_reason(first)}, as {name} {wrong[0]} "
                f"({len(wrong)} such), expected valid polygons. Take the layer in with 'geosys run'."
            )
        _check_metres(shapes, crs, f"area ledger, {name}s")
    if labels is not None and (len(labels) != len(objects) or bool(pd.isna(np.asarray(labels, dtype=object)).any())):
        raise DeliveryError(
            f"area ledger: got {len(labels)} labels, some may be missing, for {len(objects)} objects, "
            "expected one for each. Give those without one a label that says so."
        )


def _combine(
    faces: Faces, of: slice, scale: float, labels: Sequence[Hashable] | None
) -> tuple[list[tuple[Any, ...]], float]:
    """Return one subject's rows (combination, objects, area, planar area) and the area its slivers gave away."""
    holders, true, planar = faces.holders[of], faces.true_m2[of] * scale, faces.planar_m2[of]
    keys: list[Combination] = [h if labels is None else tuple(sorted({labels[k] for k in h})) for h in holders]
    objects: dict[Combination, set[int]] = defaultdict(set)
    for key, held in zip(keys, holders, strict=True):
        objects[key].update(held)
    members = _members(keys)
    small = {key for key, at in members.items() if math.fsum(true[at]) < SLIVER_M2}
    given: list[int] = []
    if small and len(small) < len(members):
        settled = _give_slivers(faces.shapes[of], keys, small, true)
        given = [i for i, key in enumerate(keys) if settled[i] != key]
        members = _members(settled)
    members.setdefault(REMAINDER, [])
    rows = [
        (key, tuple(sorted(objects[key])), math.fsum(true[at]), math.fsum(planar[at]))
        for key, at in sorted(members.items(), key=lambda item: item[0])
    ]
    return rows, math.fsum(true[given])


def _members(keys: list[Combination]) -> dict[Combination, list[int]]:
    """Return the positions at which each combination stands."""
    members: dict[Combination, list[int]] = defaultdict(list)
    for i, key in enumerate(keys):
        members[key].append(i)
    return members


def _give_slivers(
    shapes: NDArray[np.object_], keys: list[Combination], small: set[Combination], area: NDArray[np.float64]
) -> list[Combination]:
    """Return the combinations with each face of a small one given to that it shares the longest border with.

    A face that touches small ones only waits for them; all of one round are given at once.
    """
    weight = {key: (math.fsum(area[at]), -at[0]) for key, at in _members(keys).items()}
    one, two, length = shared_borders(shapes)
    settled = list(keys)
    while True:
        borders: dict[int, dict[Combination, float]] = defaultdict(lambda: defaultdict(float))
        for a, b, shared in zip(one, two, length, strict=True):
            for face, other in ((a, b), (b, a)):
                if settled[face] in small and settled[other] not in small:
                    borders[face][settled[other]] += shared
        if not borders:
            return settled
        for face, found in borders.items():
            settled[face] = max(found, key=lambda key: (found[key], weight[key]))


def _row_table(rows: list[tuple[Any, ...]]) -> pd.DataFrame:
    """Return all rows as a frame."""
    columns = ["subject", "combination", "objects", "area_m2", "planar_m2", "share"]
    kinds = {"subject": "int64", "area_m2": "float64", "planar_m2": "float64", "share": "float64"}
    return pd.DataFrame(rows, columns=columns).astype(kinds)


def _closing_row(
    subject: int, own: float, drawn: float, planar: float, rows: list[tuple[Any, ...]], slivers: float
) -> dict[str, Any]:
    """Return how one subject closes."""
    total = math.fsum(row[2] for row in rows)
    return {
        "subject": subject, "area_m2": own, "rows_m2": total, "closing_error_m2": total - own, "edge_gap_m2": own - drawn,
        "planar_m2": planar, "planar_error_m2": math.fsum(row[3] for row in rows) - planar, "sliver_m2": slivers,
        "closes": abs(total - own) <= CLOSES_M2,
    }  # fmt: skip
