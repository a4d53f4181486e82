"""The coordinate detective: hold every reading of a set of pairs against the evidence, and judge every record.

A record may be read in every way that puts it into the region. Degrees and D.MMSS are first told apart by the digits of
the whole set, as far as those tell. Where several readings are left for a record, its own stated county narrows them, then
its own stated area, then the header.

A reading wins the set only when at least 90 % of the readable records fit it and at most 10 % fit another one; otherwise
nothing wins, and records are settled one by one where exactly one reading is left.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np
import shapely

from geosys._errors import CrsError
from geosys._text import Text
from geosys.geo.evidence import Evidence, Stated
from geosys.geo.interpretations import Interpretation, interpretations
from geosys.geo.ranking import Group, Ranking, Standing, conflict_with_header, verdict_of
from geosys.geo.sixtieths import settle_sixtieths

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Points = NDArray[np.float64]
    Mask = NDArray[np.bool_]

WINS_FROM, RIVAL_UP_TO = 0.9, 0.1
_SAME_M = 1.0
_METRES_PER_DEGREE = 111_320.0
_FARTHEST_MERIDIAN_DEG = 10.0
_SAMPLE = 64
_LEAST_DEGREE_M, _MOST_DEGREE_M = 110_500.0, 111_800.0  # length of a degree of the meridian, equator to pole
_CURVE_M = 70_000.0  # by which parallels rise over ten degrees from the central meridian


@dataclass(slots=True)
class _Candidate:
    """Gather what is known of one reading while the records are judged."""

    reading: Interpretation
    alive: Mask
    positions: Points
    standing: Standing
    in_county: NDArray[np.float64] = field(default_factory=lambda: np.empty(0))
    area: NDArray[np.float64] = field(default_factory=lambda: np.empty(0))


def rank(points: Points, evidence: Evidence | None = None) -> Ranking:
    """Judge how a set of pairs is meant.

    Parameters
    ----------
    points
        Pairs as written, shape (n, 2), first column taken as x; not-a-number where a cell could not be read.
    evidence
        What the records are held against; without any, only China's extent speaks.

    Raises
    ------
    CrsError
        When an array has another shape.

    Examples
    --------
    >>> kaifeng = Evidence(region=shapely.box(114.0, 34.2, 115.0, 35.0))
    >>> rank(np.array([[38528370.0, 3852567.0], [38540100.0, 3848120.0]]), kaifeng).winner.id
    'cgcs2000-3-38'
    """
    points = np.asarray(points, dtype=np.float64)
    if points.ndim != 2 or points.shape[1] != 2:  # noqa: PLR2004
        raise CrsError(f"coordinates: got shape {points.shape}, expected (n, 2). Give one pair a record.")
    evidence = evidence or Evidence()
    evidence.check(len(points))
    stated = evidence.stated or Stated()
    readable = np.asarray(np.isfinite(points).all(axis=1))
    region = evidence.widened_region()
    plain = [i for i in interpretations() if i.kind not in {"offset", "refused"}]
    extra = stated.reading
    plain += [extra] if extra is not None and extra.kind == "named" else []
    sample = points[np.flatnonzero(readable)][:: max(1, int(readable.sum()) // _SAMPLE)]
    candidates = [_held_against(points, reading, evidence, region, readable, sample) for reading in plain]
    contenders = [c for c in candidates if c.alive.any()]
    weak, followers = _sixtieths(points, contenders)
    _narrow(contenders, stated)
    contenders = _merged(contenders)
    standings = _standings(candidates, contenders, max(1, int(readable.sum())))
    suspects = tuple(_suspect(points[readable], i, region) for i in interpretations() if i.kind == "offset")
    if stated.old_datum:
        return _refused(points, readable, standings, suspects, stated.old_datum)
    return _judged(points, readable, contenders, standings, suspects, weak, followers, stated)


def _held_against(
    points: Points,
    reading: Interpretation,
    evidence: Evidence,
    region: shapely.Geometry,
    readable: Mask,
    sample: Points,
) -> _Candidate:
    """Return where a reading puts the records, and which of them into the region, their county, their area."""
    n, nothing = len(points), np.zeros(len(points), dtype=bool)
    west, _, east, _ = shapely.bounds(region)
    meridian = reading.meridian_deg
    header = (evidence.stated or Stated()).agreement(reading)
    bare = Standing(reading, 0.0, 0.0, header=header)
    if meridian is not None and not west - _FARTHEST_MERIDIAN_DEG < meridian < east + _FARTHEST_MERIDIAN_DEG:
        return _Candidate(reading, nothing, np.empty((0, 2)), bare)
    rows = np.flatnonzero(readable & _possible(points, reading, region))
    if evidence.spelled_degrees is not None and reading.kind != "degrees":
        rows = rows[~np.asarray(evidence.spelled_degrees, dtype=bool)[rows]]
    found = reading.to_degrees(points[rows])
    is_inside = np.asarray(shapely.intersects_xy(region, found[:, 0], found[:, 1]), dtype=bool)
    if not is_inside.any():
        return _Candidate(reading, nothing, np.empty((0, 2)), replace(bare, away_km=_away_km(sample, reading, region)))
    positions, inside = np.full((n, 2), np.nan), nothing
    positions[rows], inside[rows] = found, is_inside
    county = evidence.in_county(positions)
    area, unit = evidence.area_agrees(reading, np.flatnonzero(inside), n)
    county[~inside] = np.nan
    standing = replace(
        bare, inside=float(inside.sum() / readable.sum()), in_county=_mean(county), area=_mean(area), area_unit=unit, away_km=0.0,
    )  # fmt: skip
    return _Candidate(reading, inside, positions, standing, county, area if unit else np.full(n, np.nan))


def _mean(values: NDArray[np.float64]) -> float:
    known = values[~np.isnan(values)]
    return float(known.mean()) if known.size else math.nan


def _possible(points: Points, reading: Interpretation, region: shapely.Geometry) -> Mask:
    """Return the records whose northing a zone has somewhere in the region: a cheap question before the projection."""
    if reading.kind != "zone":
        return np.ones(len(points), dtype=bool)
    _, south, _, north = shapely.bounds(region)
    northing = points[:, 0 if reading.is_swapped else 1] * (1000.0 if reading.is_km else 1.0)
    with np.errstate(invalid="ignore"):
        possible = (northing > south * _LEAST_DEGREE_M - _CURVE_M) & (northing < north * _MOST_DEGREE_M + _CURVE_M)
    return np.asarray(possible)


def _away_km(sample: Points, reading: Interpretation, region: shapely.Geometry) -> float:
    """Return how far from the region the middle of a sample of the records lies under a reading."""
    positions = reading.to_degrees(sample)
    positions = positions[np.isfinite(positions).all(axis=1)]
    if not len(positions):
        return math.nan
    return float(shapely.distance(region, shapely.Point(np.median(positions, axis=0)))) * _METRES_PER_DEGREE / 1000.0


def _narrow(contenders: list[_Candidate], stated: Stated) -> None:
    """Leave each record only the readings that its county, then its area, then the header speaks for, if any does."""
    for part in ("in_county", "area"):
        speaks = [c.alive & (getattr(c, part) == 1.0) for c in contenders]
        _keep(contenders, speaks)
    agreement = [stated.agreement(c.reading) for c in contenders]
    for least in (1.0, 0.5):
        _keep(contenders, [c.alive & (value >= least) for c, value in zip(contenders, agreement, strict=True)])


def _keep(contenders: list[_Candidate], speaks: list[Mask]) -> None:
    if not contenders:
        return
    any_speaks = np.logical_or.reduce(speaks)
    for candidate, own in zip(contenders, speaks, strict=True):
        candidate.alive &= own | ~any_speaks


def _sixtieths(points: Points, contenders: list[_Candidate]) -> tuple[Mask, Mask]:
    """Settle degrees against D.MMSS, both orders together.

    Returns
    -------
    The records left out because the proof is too weak, and those that follow the set though they alone could be either.
    """
    plain = [c for c in contenders if c.reading.kind == "degrees"]
    sixty = [c for c in contenders if c.reading.id in {"dms", "dms-swapped"}]
    as_degrees, degrees_speak = _pooled(plain, len(points))
    as_sixtieths, sixtieths_speak = _pooled(sixty, len(points))
    confirmed = sixtieths_speak & ~degrees_speak
    either = as_degrees & as_sixtieths & (sixtieths_speak | ~degrees_speak)
    as_degrees, as_sixtieths, weak = settle_sixtieths(points, as_degrees, as_sixtieths, confirmed)
    for candidate in plain:
        candidate.alive &= as_degrees
    for candidate in sixty:
        candidate.alive &= as_sixtieths
    return weak, either & as_degrees & ~as_sixtieths


def _pooled(candidates: list[_Candidate], size: int) -> tuple[Mask, Mask]:
    """Return which records any of the readings fits, and for which a record's own county or area speaks for it."""
    alive, speaks = np.zeros(size, dtype=bool), np.zeros(size, dtype=bool)
    for candidate in candidates:
        alive |= candidate.alive
        speaks |= candidate.alive & ((candidate.in_county == 1.0) | (candidate.area == 1.0))
    return alive, speaks


def _merged(contenders: list[_Candidate]) -> list[_Candidate]:
    """Return the contenders without those that put the same records to the same places as one before them."""
    kept: list[_Candidate] = []
    for candidate in contenders:
        twin = next((c for c in kept if _same_places(c, candidate)), None)
        if twin is None:
            kept.append(candidate)
        else:
            twin.standing = replace(twin.standing, same_as=(*twin.standing.same_as, candidate.reading.id))
    return kept


def _same_places(one: _Candidate, other: _Candidate) -> bool:
    if not one.alive.any() or not np.array_equal(one.alive, other.alive):
        return False
    apart = np.abs(one.positions[one.alive] - other.positions[other.alive]).max()
    return bool(apart * _METRES_PER_DEGREE < _SAME_M)


def _standings(candidates: list[_Candidate], contenders: list[_Candidate], readable: int) -> tuple[Standing, ...]:
    """Return all standings, the best first: by score, then header, region, nearness, and plainness."""
    twins = {name for c in contenders for name in c.standing.same_as}
    rows = [replace(c.standing, score=float(c.alive.sum() / readable)) for c in candidates if c.reading.id not in twins]
    return tuple(
        sorted(
            rows,
            key=lambda s: (
                -s.score, -s.inside, -np.nan_to_num(s.header, nan=0.0), np.nan_to_num(s.away_km, nan=math.inf),
            ),
        )
    )  # fmt: skip


def _suspect(points: Points, reading: Interpretation, region: shapely.Geometry) -> Standing:
    sample = points[:: max(1, len(points) // 2000)]
    positions = reading.to_degrees(sample)
    inside = shapely.intersects_xy(region, positions[:, 0], positions[:, 1])
    return Standing(
        reading, 0.0, float(inside.mean()) if len(sample) else 0.0, away_km=_away_km(sample, reading, region)
    )


def _judged(
    points: Points, readable: Mask, contenders: list[_Candidate], standings: tuple[Standing, ...],
    suspects: tuple[Standing, ...], weak: Mask, followers: Mask, stated: Stated,
) -> Ranking:  # fmt: skip
    """Apply the rule of the margin, then settle every record that has one reading left."""
    best, rival = standings[0], standings[1]
    winner = best.interpretation if best.score >= WINS_FROM and rival.score <= RIVAL_UP_TO else None
    count = np.zeros(len(points), dtype=np.int64)
    for candidate in contenders:
        count += candidate.alive
    groups, doubtful = [], followers.copy()
    settled = np.zeros(len(points), dtype=bool)
    for candidate in contenders:
        wins = winner is not None and candidate.reading.id == winner.id
        own = candidate.alive if wins else candidate.alive & (count == 1)
        if wins:
            doubtful |= candidate.alive & (count > 1)
        settled |= own
        if own.any():
            groups.append(Group(candidate.reading, np.flatnonzero(own)))
    reasons = np.full(len(points), "", dtype=object)
    reasons[~settled] = "no_reading"
    reasons[~settled & weak] = "weak"
    reasons[~settled & (count > 1)] = "several"
    reasons[~readable] = "no_number"
    groups.sort(key=lambda g: -g.rows.size)
    doubtful &= settled
    conflict = conflict_with_header(winner, groups, stated)
    verdict = verdict_of(winner, best, rival, groups, int(readable.sum()))
    return Ranking(points, standings, suspects, winner, conflict, tuple(groups), reasons, doubtful, verdict)


def _refused(
    points: Points, readable: Mask, standings: tuple[Standing, ...], suspects: tuple[Standing, ...], datum: str
) -> Ranking:
    reasons = np.where(readable, "refused", "no_number").astype(object)
    title = next(i.title for i in interpretations() if i.id == datum)
    verdict = Text(
        f"{title.zh}：请向测绘部门索取 CGCS2000 成果、至少四个公共控制点或本县七参数",
        f"{title.en}: ask the survey office for CGCS2000 data, four or more control points, or the county's seven parameters",
    )
    nothing = np.zeros(len(points), dtype=bool)
    return Ranking(points, standings, suspects, None, None, (), reasons, nothing, verdict)
