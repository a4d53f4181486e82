"""Settle where the records of a reading lie: stated coordinates held against the region, others judged by evidence.

What a file states is converted as it stands while most records fit the region, and never otherwise: the cause is named
and the reading that a person may confirm. A file that states nothing is converted only when one reading clearly wins.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import shapely

from geosys._errors import CrsError
from geosys._text import Text
from geosys.geo.crs import GEOGRAPHIC, datum_that_cannot_be_converted, parse_crs, to_crs
from geosys.geo.evidence import Evidence, Stated, county_polygons, first_vertices
from geosys.geo.interpretation_names import interpretation_named, interpretation_of_crs
from geosys.geo.readings import rank
from geosys.geo.suspicion import MOST_RECORDS, suspect_offset
from geosys.layers import coordinate_causes as causes
from geosys.layers import values
from geosys.layers.issues import Issue
from geosys.layers.ledger_positions import LEAST_TO_INFER, are_sixtieths, settle_ledger
from geosys.layers.lost_places import lost

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from geosys.geo.interpretations import Interpretation
    from geosys.geo.ranking import Ranking
    from geosys.layers.delivery import Delivery
    from geosys.layers.naming import Naming
    from geosys.layers.place import Place
    from geosys.layers.reading import Reading
    from geosys.layers.spec import LayerSpec

    Geometries = NDArray[np.object_]
    Answer = tuple[Geometries | None, list[Issue], Ranking | None]

MOST_OUTSIDE = 0.5  # when more of a table lies outside the region as stated, what is stated is doubted
MOST_RANKED = 20_000  # an even sample of larger tables is ranked; every record is then held against the region
_ABSENT = {"zone_unknown", "datum_unstated"}  # what a file's header leaves out: the numbers may tell it
_COUNTY_FIELD = "county_code"


def settle_positions(reading: Reading, naming: Naming, spec: LayerSpec, delivery: Delivery, place: Place) -> Answer:
    """Return the geometries in the plan's CRS, what was found, and the ranking where one was made.

    Parameters
    ----------
    reading, naming
        The table as it came, and which of its columns hold what.
    spec, delivery
        The layer, and what the plan says of this delivery: `crs` states, `read_as` settles.
    place
        Plan's CRS and region; reference geometry and counties where the workspace has them.

    Returns
    -------
    Geometries of shape (n,), or None (with one issue for the whole table) where the table cannot be used; issues; the
    ranking for a report's map, None where the coordinates were as stated.

    Raises
    ------
    CrsError
        When `read_as` is no reading's name.
    """
    if spec.geometry == "none":
        return np.full(reading.size, None, dtype=object), [], None
    answer = _settled(reading, naming, spec, delivery, place)
    geometry, issues, ranking = answer
    if geometry is None or place.reference is None or delivery.read_as:
        return answer
    return geometry, [*issues, *_offsets(geometry, place)], ranking


def _settled(reading: Reading, naming: Naming, spec: LayerSpec, delivery: Delivery, place: Place) -> Answer:
    crs = delivery.crs or (reading.crs if reading.geometry is not None else None)
    found, refused = _named(delivery.read_as) if delivery.read_as else (None, _refused(crs))
    if refused is not None:
        return None, [refused], None
    # gathered only where it is asked for: most deliveries lie where they say
    evidence = partial(evidence_of, reading, naming, spec, place, crs or "")
    if reading.geometry is not None:
        shapes, unread = reading.geometry, []
    else:
        if not (naming.x and naming.y):
            zh = "没有几何，也没有找到经度、纬度列；请在 geosys.toml 用 x、y 指明"
            en = "No geometry and no longitude and latitude columns; name them with x and y"
            return None, [Issue("missing_geometry", Text(zh, en))], None
        ledger = settle_ledger(reading, naming, place, evidence, crs, found)
        if ledger.answer is not None:
            return ledger.answer
        shapes, unread = ledger.points, ledger.unread
    if found is not None:
        return _as_confirmed(shapes, unread, found, place)
    if crs is None:
        return _as_inferred(shapes, reading, evidence, place)
    return _as_stated(shapes, unread, crs, evidence, place)


def _named(read_as: str) -> tuple[Interpretation | None, Issue | None]:
    """Return the reading that a person has confirmed, or the issue of an old datum."""
    try:
        return interpretation_named(read_as), None
    except CrsError as error:
        if not Stated(datum=read_as).old_datum:
            raise
        return None, Issue("not_convertible", Text(str(error), str(error)), value=read_as)


def _refused(crs: str | None) -> Issue | None:
    """Return the issue of an old datum that is stated."""
    datum = datum_that_cannot_be_converted(parse_crs(crs)) if crs else ""
    if not datum:
        return None
    zh = f"坐标系为{datum}，没有可靠的公开转换参数；请向测绘部门索取 CGCS2000 成果或控制点"
    en = f"The CRS is {crs} ({datum}), which has no valid public shift; ask the survey office for CGCS2000 data"
    return Issue("not_convertible", Text(zh, en), value=crs)


def evidence_of(reading: Reading, naming: Naming, spec: LayerSpec, place: Place, crs: str) -> Evidence:
    """Return what a table's records are held against: region, their county codes and areas, and the stated CRS."""
    counties = areas = None
    if place.counties and _COUNTY_FIELD in naming.columns:
        counties = county_polygons(
            [values.plain(v) for v in reading.columns[naming.columns[_COUNTY_FIELD]]], place.counties
        )
    stated = next(
        (c["field"] for c in spec.checks if c["check"] == "area_agrees" and c["field"] in naming.columns), None
    )
    if stated is not None and reading.geometry is not None and reading.size <= MOST_RANKED:
        numbers = [values.number(v) for v in reading.columns[naming.columns[stated]]]
        areas = np.array([np.nan if v is None else v for v in numbers], dtype=np.float64)
    return Evidence(
        place.region_in_degrees(), counties, reading.geometry if areas is not None else None, areas,
        stated=Stated(crs=crs) if crs else None,
    )  # fmt: skip


def _ranked(shapes: Geometries, evidence: Evidence) -> Ranking:
    """Return the ranking of all records, or of an even sample of a large table."""
    step = max(1, -(-len(shapes) // MOST_RANKED))
    if step == 1:
        return rank(first_vertices(shapes), evidence)
    counties = None if evidence.counties is None else evidence.counties[::step]
    return rank(first_vertices(shapes[::step]), Evidence(evidence.region, counties, stated=evidence.stated))


def _as_stated(
    shapes: Geometries, unread: list[Issue], crs: str, evidence: Callable[[], Evidence], place: Place
) -> Answer:
    """Convert what states its CRS, unless most of it lies elsewhere and another reading explains why."""
    try:
        settled = to_crs(shapes, crs, place.crs)
    except CrsError as error:
        return None, [Issue("not_convertible", Text(str(error), str(error)), value=crs)], None
    ranking = None
    if place.region is not None and (
        _mostly_outside(shapes, settled, place) or _look_like_sixtieths(shapes, crs, place)
    ):
        ranking = _ranked(shapes, evidence())
        stated = interpretation_of_crs(crs)
        if ranking.winner is not None and ranking.winner.id != stated.id:
            return None, [*unread, causes.contradiction(stated, ranking)], ranking
    return settled, [*unread, *lost(shapes, settled, crs, place)], ranking


def _look_like_sixtieths(shapes: Geometries, crs: str, place: Place) -> bool:
    """Say whether what is stated as degrees is D.MMSS by its digits: it may well lie in the region as degrees too."""
    region = place.region_in_degrees()
    if region is None or not parse_crs(crs).is_geographic:
        return False
    points = first_vertices(shapes[:: max(1, -(-len(shapes) // MOST_RECORDS))])
    return are_sixtieths(points[np.isfinite(points).all(axis=1)], region)


def _mostly_outside(shapes: Geometries, settled: Geometries, place: Place) -> bool:
    """Say whether most records lie outside the region, or nowhere."""
    present = ~shapely.is_missing(shapes) & ~shapely.is_empty(shapes)
    west, south, east, north = shapely.bounds(settled[present]).T
    shapely.prepare(place.region)
    inside = shapely.intersects_xy(place.region, (west + east) / 2.0, (south + north) / 2.0)
    if inside.sum() >= (1.0 - MOST_OUTSIDE) * len(inside):
        return False
    # a river or a coverage may cross the region with its middle outside
    inside[~inside] = shapely.intersects(place.region, settled[present][~inside])
    return bool(inside.sum() < (1.0 - MOST_OUTSIDE) * len(inside))


def _as_inferred(shapes: Geometries, reading: Reading, evidence: Callable[[], Evidence], place: Place) -> Answer:
    """Convert what states no CRS where one reading clearly wins and its reader had no doubt of the coordinates."""
    doubts = [i for i in reading.issues if i.row < 0 and i.severity == "error" and i.value not in _ABSENT]
    present = np.flatnonzero(~shapely.is_missing(shapes) & ~shapely.is_empty(shapes))
    if place.region is None or not present.size:
        return None, [causes.no_crs(None, doubts)], None
    ranking = _ranked(shapes, evidence())
    if doubts or ranking.winner is None or present.size < LEAST_TO_INFER:
        return None, [causes.no_crs(ranking, doubts)], ranking
    return in_plan(shapes, ranking.winner, place), [causes.inferred(ranking)], ranking


def _as_confirmed(shapes: Geometries, unread: list[Issue], found: Interpretation, place: Place) -> Answer:
    """Convert everything as a person has said."""
    settled = in_plan(shapes, found, place)
    first = first_vertices(shapes)
    rows = np.flatnonzero(np.isfinite(first).all(axis=1))[:1]
    before, after = (
        ", ".join(f"{v:.10g}" for v in p[0]) if len(p) else "" for p in (first[rows], found.to_degrees(first[rows]))
    )
    return settled, [*unread, causes.confirmed(found, before, after), *lost(shapes, settled, "", place)], None


def in_plan(shapes: Geometries, found: Interpretation, place: Place) -> Geometries:
    """Return shapes as written in the plan's CRS under a reading; a plane goes there directly, not through degrees."""
    code = found.names[0].split("-")[0] if found.names else ""
    if found.kind not in {"zone", "mercator"} or not code.isdecimal():
        return to_crs(_in_degrees(shapes, found), GEOGRAPHIC, place.crs)
    factor = 1000.0 if found.is_km else 1.0

    def plain(xy: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.asarray(xy[:, ::-1] if found.is_swapped else xy) * factor

    flat = shapely.force_2d(shapes)
    is_plain = not found.is_swapped and factor == 1.0
    return to_crs(flat if is_plain else shapely.transform(flat, plain), f"EPSG:{code}", place.crs)


def _in_degrees(shapes: Geometries, found: Interpretation) -> Geometries:
    """Return shapes in degrees under a reading; those with a vertex that cannot be meant so become missing."""
    degrees = np.array(shapely.force_2d(shapes), dtype=object)
    vertices, owners = shapely.get_coordinates(degrees, return_index=True)
    # a ring that ends in not-a-number would not be closed
    degrees[owners[~np.isfinite(found.to_degrees(vertices)).all(axis=1)]] = None
    return np.asarray(shapely.transform(degrees, found.to_degrees), dtype=object)


def _offsets(geometry: Geometries, place: Place) -> list[Issue]:
    """Return the warning of a map service's offset against the workspace's reference, if there is one."""
    if place.reference is None:
        return []
    present = geometry[~shapely.is_missing(geometry) & ~shapely.is_empty(geometry)]
    sample = to_crs(present[:: max(1, -(-len(present) // MOST_RECORDS))], place.crs, GEOGRAPHIC)
    found = suspect_offset(sample, place.reference, place.region_in_degrees())
    return [] if found is None else [causes.offset(found)]
