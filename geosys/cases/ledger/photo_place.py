"""A photograph against its case: how far from the subject on the ground, and on which side of which day."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyproj
import shapely
import sqlalchemy as sa

from geosys._text import Text
from geosys.cases.ledger.events import read_events
from geosys.cases.ledger.exif import Remark
from geosys.cases.ledger.finding_rows import read_shapes
from geosys.cases.ledger.tables import FINDING_VERSIONS, FINDINGS, RUNS
from geosys.geo.crs import GEOGRAPHIC, to_crs, transformer
from geosys.geo.offsets import degrees_from_gcj02

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Sequence

    from geosys.cases.ledger.evidence_terms import EvidenceTerms
    from geosys.cases.ledger.exif import Taken

_ELLIPSOID = pyproj.Geod(ellps="GRS80")  # of CGCS2000
_KM = 1000.0


@dataclass(frozen=True, slots=True)
class Ground:
    """Hold what a photograph is compared with: subjects as (geometry, CRS) and the day on which work began, if it has."""

    subjects: tuple[tuple[shapely.Geometry, str], ...]
    began_on: dt.date | None


def ground_of(connection: sa.Connection, case_id: str, terms: EvidenceTerms) -> Ground:
    """Return where the subjects of a case lie, as runs last saw each, and since when work has been going on."""
    chosen = (
        sa.select(FINDING_VERSIONS.c.finding_id, FINDING_VERSIONS.c.subject_digest, RUNS.c.crs)
        .join(FINDINGS, FINDINGS.c.finding_id == FINDING_VERSIONS.c.finding_id)
        .join(RUNS, RUNS.c.run_id == FINDING_VERSIONS.c.run_id)
        .where(FINDINGS.c.case_id == case_id, FINDING_VERSIONS.c.subject_digest != "")
        .order_by(FINDING_VERSIONS.c.run_id)
    )
    last = {row.finding_id: (row.subject_digest, row.crs) for row in connection.execute(chosen)}
    shapes = read_shapes(connection, {digest for digest, _ in last.values()})
    places = sorted({pair for pair in last.values() if pair[0] in shapes})
    began_on = None
    events = read_events(connection, case_id)
    for on, changes in zip(events["happened_on"], events["changes"], strict=True):
        state = changes.get("status", (None, None))[1]
        if state in terms.anew_states:
            began_on = None
        elif state in terms.work_states and began_on is None:
            began_on = on
    return Ground(tuple((shapes[digest], crs) for digest, crs in places), began_on)


def distance_m(longitude: float, latitude: float, subjects: Sequence[tuple[shapely.Geometry, str]]) -> float | None:
    """Return how far a place is from the nearest subject, metres on the ellipsoid; 0 inside one, None without subjects.

    Parameters
    ----------
    longitude, latitude
        Degrees in CGCS2000 (WGS 84 serves).
    subjects
        Geometries, each with its metric CRS.

    Examples
    --------
    >>> square = shapely.box(500_000, 3_850_000, 501_000, 3_851_000)  # its west side lies on 114° E
    >>> round(distance_m(113.99, 34.78, [(square, "EPSG:4547")]))
    915
    """
    found = [_distance(longitude, latitude, shape, crs) for shape, crs in subjects]
    return min(found, default=None)


def _distance(longitude: float, latitude: float, shape: shapely.Geometry, crs: str) -> float:
    """Measure in the plane which point is nearest, and how far it is on the ellipsoid."""
    x, y = transformer(GEOGRAPHIC, crs).transform(longitude, latitude)
    near = shape.representative_point()  # for a place that the plane cannot express
    if np.isfinite([x, y]).all():
        here = shapely.Point(x, y)
        if shape.intersects(here):
            return 0.0
        near = shapely.get_point(shapely.shortest_line(shape, here), 0)
    there = to_crs(np.array([near], dtype=object), crs, GEOGRAPHIC)[0]
    return float(_ELLIPSOID.inv(longitude, latitude, there.x, there.y)[2])


def compared(photo: Taken, ground: Ground, today: dt.date, terms: EvidenceTerms) -> list[Remark]:
    """Return what speaks against a photograph as evidence of its case, and what could not be compared."""
    return [*_place_remarks(photo, ground, terms), *_time_remarks(photo, ground, today)]


def _place_remarks(photo: Taken, ground: Ground, terms: EvidenceTerms) -> list[Remark]:
    if photo.longitude is None or photo.latitude is None:
        return []
    apart = distance_m(photo.longitude, photo.latitude, ground.subjects)
    if apart is None:
        told = Text("事项没有位置，拍摄位置未作比较", "the case has no place: where it was taken was not compared")
        return [Remark("place_not_compared", told)]
    remarks = []
    if apart > terms.far_m:
        told = Text(
            f"拍摄位置距事项对象 {_length(apart)}，超过 {terms.far_m:g} m",
            f"taken {_length(apart)} from the subject, more than {terms.far_m:g} m",
        )
        remarks.append(Remark("far_away", told))
    true = degrees_from_gcj02(np.array([[photo.longitude, photo.latitude]]))[0]
    read_so = distance_m(float(true[0]), float(true[1]), ground.subjects) if np.isfinite(true).all() else None
    limits = (terms.gcj02_m, terms.far_m)
    if read_so is not None and any(read_so <= limit < apart for limit in limits):
        told = Text(
            f"拍摄位置疑为 GCJ-02（火星坐标）：按此读距对象 {_length(read_so)}，按原样读 {_length(apart)}",
            f"its place may be GCJ-02: {_length(read_so)} from the subject when read so, {_length(apart)} as written",
        )
        remarks.append(Remark("gcj02", told))
    return remarks


def _length(metres: float) -> str:
    return f"{metres:.0f} m" if metres < _KM else f"{metres / _KM:.1f} km"


def _time_remarks(photo: Taken, ground: Ground, today: dt.date) -> list[Remark]:
    if photo.at is None:
        return []
    day, remarks = photo.at.date(), []
    if day > today:
        told = Text(f"拍摄于 {day}，晚于今天 {today}", f"taken on {day}, after today, {today}")
        remarks.append(Remark("after_today", told))
    if ground.began_on is None:
        told = Text(
            "尚未开始整改，拍摄时间未与之比较", "work has not begun: when it was taken was not compared with it"
        )
        remarks.append(Remark("not_begun", told))
    elif day < ground.began_on:
        told = Text(
            f"拍摄于 {day}，早于整改开始之日 {ground.began_on}",
            f"taken on {day}, before work began on {ground.began_on}",
        )
        remarks.append(Remark("before_work", told))
    return remarks
