"""Settle the coordinate columns of a ledger, record by record where its writers mixed their styles."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely

from geosys._text import Text
from geosys.geo.crs import GEOGRAPHIC, parse_crs, to_crs
from geosys.geo.evidence import Evidence, Stated
from geosys.geo.interpretation_names import interpretation_named
from geosys.geo.interpretations import on_earth
from geosys.geo.ranking import UNDECIDED
from geosys.geo.readings import rank
from geosys.geo.sixtieths import settle_sixtieths
from geosys.layers import coordinate_causes as causes
from geosys.layers import values
from geosys.layers.codes import fold
from geosys.layers.issues import Issue
from geosys.layers.lost_places import lost
from geosys.layers.naming import X_WORDS, Y_WORDS
from geosys.layers.readings_of_columns import CoordinatePairs, coordinate_pairs
from geosys.layers.tables import JOINT, strip_unit

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from geosys.geo.interpretations import Interpretation
    from geosys.geo.ranking import Ranking
    from geosys.layers.naming import Naming
    from geosys.layers.place import Place
    from geosys.layers.reading import Reading

    Points = NDArray[np.float64]
    Geometries = NDArray[np.object_]
    Answer = tuple[Geometries | None, list[Issue], Ranking | None]

LEAST_TO_INFER = 3  # records; fewer are no evidence of a plane
_LARGEST = 1e10  # no coordinate, in whatever unit
_PLANES = {"zone", "mercator"}


@dataclass(frozen=True, slots=True, eq=False)
class Ledger:
    """Hold the points of a ledger as written, its unreadable cells, and the whole answer where no CRS is stated."""

    points: Geometries
    unread: list[Issue]
    answer: Answer | None = None


def settle_ledger(
    reading: Reading,
    naming: Naming,
    place: Place,
    evidence: Callable[[], Evidence],
    crs: str | None,
    found: Interpretation | None,
) -> Ledger:
    """Read the coordinate columns; settle them, unless a CRS is stated for them.

    Parameters
    ----------
    evidence
        Gathers what records are held against.
    crs
        What the plan states, or None.
    found
        The reading that a person has confirmed, or None.
    """
    cells = [_cells(reading, columns) for columns in (naming.x, naming.y)]
    pairs = coordinate_pairs(*cells)
    is_metric = crs is not None and not parse_crs(crs).is_geographic and found is None
    if is_metric:
        pairs = _without_spelled(pairs)
    unread = _unreadable(cells, naming, pairs, is_metric=is_metric)
    if found is not None:
        return Ledger(_points(pairs.points), unread, _as_confirmed(pairs, unread, found, place))
    if crs is not None:
        return Ledger(_points(pairs.points), unread)
    means_degrees = all(_is_headed(columns, words) for columns, words in ((naming.x, X_WORDS), (naming.y, Y_WORDS)))
    return Ledger(
        _points(pairs.points), unread, _by_evidence(pairs, unread, place, evidence(), means_degrees=means_degrees)
    )


def _cells(reading: Reading, columns: tuple[str, ...]) -> list[Any]:
    if len(columns) == 1:
        return list(reading.columns[columns[0]])
    parts = zip(*(reading.columns[c] for c in columns), strict=True)
    return [_join_dms([values.plain(p) for p in row]) for row in parts]


def _join_dms(parts: list[str | None]) -> str | None:
    if all(p is None for p in parts):
        return None
    return re.sub(r"\s", "", f"{parts[0] or ''}°{parts[1] or 0}′{parts[2] or 0}″")


def _is_headed(columns: tuple[str, ...], words: Sequence[str]) -> bool:
    """Say whether a header is a word for longitude or latitude: such a column means degrees."""
    known = {fold(w) for w in words}
    return any(fold(n) in known for c in columns for p in c.split(JOINT) for n in (p, strip_unit(p)[0]))


def _without_spelled(pairs: CoordinatePairs) -> CoordinatePairs:
    """Return the pairs with degrees spelled among metres as unreadable."""
    spelled = pairs.spelled_degrees
    points = np.where(spelled[:, None], np.nan, pairs.points)
    return replace(pairs, points=points, unreadable=pairs.unreadable | spelled, spelled_degrees=np.zeros_like(spelled))


def _unreadable(cells: list[list[Any]], naming: Naming, pairs: CoordinatePairs, *, is_metric: bool) -> list[Issue]:
    """Return an issue for each cell that holds something else than a coordinate."""
    read, issues = values.number if is_metric else values.angle, []
    for row in np.flatnonzero(pairs.unreadable):
        for column, columns in zip(cells, (naming.x, naming.y), strict=True):
            cell, name = column[row], columns[0]
            if values.plain(cell) is not None and read(cell) is None:
                zh = f"“{name}”的值“{cell}”读不成坐标"
                en = f"{name}: got '{str(cell)[:100]}', expected degrees or degrees-minutes-seconds"
                issues.append(Issue("bad_coordinate", Text(zh, en), int(row), name, cell, before=str(cell)[:100]))
    return issues


def _points(pairs: Points) -> Geometries:
    """Return points, None where a pair is not whole."""
    points = np.full(len(pairs), None, dtype=object)
    whole = np.isfinite(pairs).all(axis=1)
    points[whole] = shapely.points(pairs[whole])
    return points


def _in_plan(degrees: Points, place: Place) -> Geometries:
    return to_crs(_points(degrees), GEOGRAPHIC, place.crs)


def _as_confirmed(pairs: CoordinatePairs, unread: list[Issue], found: Interpretation, place: Place) -> Answer:
    """Read every pair as a person has said; cells spelled with degree signs stay degrees."""
    degrees = found.to_degrees(pairs.points)
    if found.kind != "offset":
        spelled = pairs.points[:, ::-1] if found.is_swapped else pairs.points
        degrees = np.where(pairs.spelled_degrees[:, None], spelled, degrees)
    whole = np.isfinite(pairs.points).all(axis=1)
    rows = np.flatnonzero(whole & np.isfinite(degrees).all(axis=1))[:1]
    told = [
        ", ".join(f"{v:.10g}" for v in values_of[rows[0]]) if rows.size else "" for values_of in (pairs.points, degrees)
    ]
    settled = _in_plan(degrees, place)
    return settled, [*unread, causes.confirmed(found, *told), *lost(_points(pairs.points), settled, "", place)], None


def _as_written(pairs: CoordinatePairs, row: int) -> str:
    return ", ".join(f"{v:.12g}" for v in pairs.points[row])


def _by_evidence(
    pairs: CoordinatePairs, unread: list[Issue], place: Place, evidence: Evidence, *, means_degrees: bool
) -> Answer:
    """Settle columns for which no CRS is stated: degrees where all fit, otherwise by the ranking."""
    if evidence.region is None or _are_degrees(pairs.points, evidence):
        settled = _in_plan(pairs.points, place)
        return settled, [*unread, *lost(_points(pairs.points), settled, GEOGRAPHIC, place)], None
    stated = Stated(is_degrees=True) if means_degrees else None
    possible = np.where((np.abs(pairs.points) < _LARGEST).all(axis=1, keepdims=True), pairs.points, np.nan)
    ranking = rank(possible, replace(evidence, stated=stated, spelled_degrees=pairs.spelled_degrees))
    winner = ranking.winner
    if winner is not None and (winner.is_swapped or (winner.kind in _PLANES and means_degrees)):
        return None, [*unread, causes.contradiction(interpretation_named("degrees"), ranking)], ranking
    if winner is not None and winner.kind != "degrees":
        if winner.kind in _PLANES and np.isfinite(pairs.points).all(axis=1).sum() < LEAST_TO_INFER:
            return None, [*unread, causes.no_crs(ranking)], ranking
        return _one_by_one(pairs, [*unread, causes.inferred(ranking)], ranking, winner, place)
    return _one_by_one(pairs, unread, ranking, interpretation_named("degrees"), place)


def _are_degrees(points: Points, evidence: Evidence) -> bool:
    """Say whether all whole pairs lie in the region as degrees, and their digits do not prove sixtieths."""
    points = points[np.isfinite(points).all(axis=1)]
    region = evidence.widened_region()
    inside = np.asarray(shapely.intersects_xy(region, points[:, 0], points[:, 1]), dtype=bool)
    return bool(inside.all()) and not are_sixtieths(points, region)


def are_sixtieths(points: Points, region: shapely.Geometry) -> bool:
    """Say whether the digits of pairs prove that they are D.MMSS, though they lie in the region as degrees too.

    Parameters
    ----------
    points
        Pairs in degrees, or in D.MMSS, shape (n, 2).
    region
        Where they must lie, in degrees.
    """
    sixtieths = interpretation_named("dms").to_degrees(points)
    inside, turned = (
        np.asarray(shapely.intersects_xy(region, xy[:, 0], xy[:, 1]), dtype=bool) for xy in (points, sixtieths)
    )
    left, _, _ = settle_sixtieths(points, inside, turned, np.zeros_like(inside))
    return bool((inside & ~left).any())


def _one_by_one(
    pairs: CoordinatePairs, issues: list[Issue], ranking: Ranking, usual: Interpretation, place: Place
) -> Answer:
    """Return each record under its own reading, with a notice for each that is not the usual one.

    What no reading puts into the region stays as degrees where it can be meant so: the checks of the layer name it.
    """
    issues = list(issues)
    degrees = ranking.positions()
    for group in ranking.groups:
        for row in (int(r) for r in group.rows):
            before = _as_written(pairs, row)
            if group.interpretation.is_swapped:
                degrees[row] = np.nan
                issues.append(causes.swapped_row(row, before))
            elif group.interpretation.id != usual.id and not pairs.spelled_degrees[row]:
                issues.append(causes.settled_row(row, group.interpretation, before, degrees[row]))
    elsewhere = np.flatnonzero(ranking.reasons == "no_reading")
    degrees[elsewhere] = on_earth(pairs.points[elsewhere])
    for kind in ("several", "weak"):
        rows = np.flatnonzero(ranking.reasons == kind)
        issues += [causes.unclear_row(int(r), UNDECIDED[kind], _as_written(pairs, int(r))) for r in rows]
    settled = _in_plan(degrees, place)
    known = {i.row for i in issues}
    gone = lost(_points(pairs.points), settled, GEOGRAPHIC, place)
    return settled, [*issues, *(i for i in gone if i.row not in known)], ranking
