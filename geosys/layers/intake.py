"""Take deliveries in: read, name, settle, check, withhold what is wrong, give back one clean layer and its issues."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import geopandas as gpd
import numpy as np
import pandas as pd

from geosys._errors import DeliveryError
from geosys._text import Text
from geosys.content import hash_file
from geosys.geo.authalic import ellipsoidal_areas_m2
from geosys.layers import checks, derive, fields
from geosys.layers.cells import settle_cells
from geosys.layers.coordinates import settle_positions
from geosys.layers.issue_table import IssueLog
from geosys.layers.issues import Issue
from geosys.layers.naming import Naming, map_columns, words_of
from geosys.layers.readers import read_delivery
from geosys.layers.settle import settle_values

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from geosys.geo.ranking import Ranking
    from geosys.layers.delivery import Delivery
    from geosys.layers.place import Place
    from geosys.layers.reading import Reading
    from geosys.layers.spec import Catalogue, LayerSpec

WRONG_PLACE_SHARE = 0.5  # when more rows of a layer than this lie outside the region, its coordinates are read wrongly
WRONG_PLACE_LEAST = 4
KEYLESS_SHARE = 0.5  # when more rows of a delivery than this have no key, that is one issue
KEYLESS_LEAST = 10
OUTSIDE = ("outside_region", "swapped_xy")  # the issues that say a row lies outside


@dataclass(frozen=True, slots=True)
class Layer:
    """Hold one layer as it may be used: clean rows in the plan's CRS, and the rows withheld from it.

    `frame` has `feature_id`, the fields, derived columns, `area_m2` (polygons, on the ellipsoid), `source_file`,
    `source_row` and the geometry; `withheld` has the same columns and `issue_type`, and a geometry where there is one.
    """

    spec: LayerSpec
    frame: gpd.GeoDataFrame
    withheld: gpd.GeoDataFrame
    provenance: dict[str, Any] = field(default_factory=dict)
    version: str = ""


@dataclass(frozen=True, slots=True)
class Settled:
    """Hold one reading after settling: typed columns, geometry in the plan's CRS (None: unusable), and its issues."""

    naming: Naming
    frame: pd.DataFrame
    geometry: NDArray[np.object_] | None
    issues: list[Issue]
    ranking: Ranking | None = None

    def crs_used(self, delivery: Delivery, stated: str | None) -> str | None:
        """Return in which CRS or reading the coordinates were taken: confirmed, planned, stated, or inferred."""
        winner = self.ranking.winner if self.ranking is not None else None
        return delivery.read_as or delivery.crs or stated or (winner.id if winner is not None else None)


@dataclass(slots=True)
class _Part:
    """Hold one delivered table after settling; issue rows count within the part."""

    delivery: Delivery
    reading: Reading
    frame: pd.DataFrame
    geometry: NDArray[np.object_]
    issues: list[Issue]
    provenance: dict[str, Any]


def take_in(
    spec: LayerSpec, deliveries: Sequence[Delivery], place: Place, catalogue: Catalogue
) -> tuple[Layer | None, list[Issue]]:
    """Return the clean layer that all its deliveries together make, and every issue found.

    The layer is None when nothing could be read: rules that need it are then *not assessed*. A file that cannot be
    used is one issue; the other files of the layer still count.
    """
    issues: list[Issue] = []
    parts = [part for d in deliveries if (part := _take_part(spec, d, place, catalogue, issues)) is not None]
    if not parts:
        return None, issues
    layer, found = _combine(spec, parts, place, catalogue)
    issues += found
    if any(i.issue_type == "wrong_place" for i in found):
        return None, issues
    if layer.frame.empty:
        issues.append(
            whole_table_issue(parts[0].delivery, "empty_layer", "没有一条可用记录", "No usable record is left")
        )
        return None, issues
    return layer, issues


def whole_table_issue(delivery: Delivery, kind: str, zh: str, en: str) -> Issue:
    """Return an issue about a whole delivered file or table."""
    return Issue(kind, Text(zh, en), layer=delivery.layer, source_file=delivery.name, source_table=delivery.table or "")


def _take_part(
    spec: LayerSpec, delivery: Delivery, place: Place, catalogue: Catalogue, issues: list[Issue]
) -> _Part | None:
    """Return one delivery settled, or None with the reason among the issues."""
    if not delivery.path.exists():
        issues.append(
            whole_table_issue(
                delivery, "missing_file", f"找不到文件 {delivery.name}", f"The file {delivery.name} is absent"
            )
        )
        return None
    try:
        reading = read_delivery(delivery.path, delivery.table, delivery.encoding, words_of(spec)).only(delivery.rows)
    except DeliveryError as error:
        issues.append(whole_table_issue(delivery, error.issue_type, str(error), str(error)))
        return None
    if reading.size == 0:
        issues += [locate(i, delivery, reading) for i in reading.issues]
        issues.append(
            whole_table_issue(
                delivery, "empty_layer", "文件可读，但没有记录", "The file can be read but holds no record"
            )
        )
        return None
    settled = settle_reading(reading, spec, delivery, place, catalogue)
    if settled.geometry is None:
        issues += [locate(i, delivery, reading, i.row) for i in settled.issues]
        return None
    provenance = {
        "file": delivery.name, "sha256": hash_file(delivery.path), "table": reading.table, "sender": delivery.sender, "note": delivery.note,
        "rows": reading.size, "crs_stated": reading.crs, "crs_used": settled.crs_used(delivery, reading.crs), "evidence": reading.evidence,
        **settled.naming.told(),
    }  # fmt: skip
    return _Part(delivery, reading, settled.frame, settled.geometry, settled.issues, provenance)


def settle_reading(
    reading: Reading, spec: LayerSpec, delivery: Delivery, place: Place, catalogue: Catalogue
) -> Settled:
    """Return a reading named, typed and in the plan's CRS; no geometry where the whole table cannot be used."""
    naming, found = map_columns(reading, spec, delivery, delivery.remembered)
    reading, naming, cells = settle_cells(reading, naming, spec, catalogue.codes, delivery.values)
    geometry, trouble, ranking = settle_positions(reading, naming, spec, delivery, place)
    frame, bad = settle_values(reading, naming, spec, delivery, catalogue.codes)
    issues = [*reading.issues, *found, *cells, *trouble, *bad]
    if any(i.issue_type == "missing_column" and not i.severity for i in issues):
        geometry = None
    return Settled(naming, frame, geometry, issues, ranking)


def locate(issue: Issue, delivery: Delivery, reading: Reading | None = None, record: int = -1) -> Issue:
    """Fill in where an issue stands: layer, file, table, and for a row its record (from 1) and line."""
    issue.layer, issue.source_file = delivery.layer, delivery.name
    if reading is not None:
        issue.source_table = reading.table
    if reading is not None and record >= 0:
        issue.source_row = reading.records[record]
        issue.source_line = reading.lines[record] if record < len(reading.lines) else None
    return issue


def _combine(spec: LayerSpec, parts: Sequence[_Part], place: Place, catalogue: Catalogue) -> tuple[Layer, list[Issue]]:
    """Return the layer made of all parts, checked as a whole, and the issues of the parts and of the whole."""
    frame = pd.concat([p.frame for p in parts], ignore_index=True)
    geometry = np.concatenate([p.geometry for p in parts])
    starts = np.cumsum([0, *(p.reading.size for p in parts)])
    log = IssueLog()
    for position, (part, start) in enumerate(zip(parts, starts, strict=False)):
        for issue in part.issues:
            issue.row += int(start) if issue.row >= 0 else 0
            issue.part = position
            log.add(issue)
    part_of = np.repeat(np.arange(len(parts)), np.diff(starts))
    geometry = check_rows(spec, frame, geometry, place, spec.checks, log, part_of)
    log.rows += list(fields.check_keys(frame["feature_id"], log.withheld(catalogue), spec.key))
    _check_place(log, starts)
    _gather_keyless(spec, log, starts)
    for issue in log.rows:
        if issue.row < 0:
            part = parts[issue.part]
            locate(issue, part.delivery, part.reading)
        else:
            owner = int(np.searchsorted(starts, issue.row, side="right")) - 1
            issue.feature_id = str(frame["feature_id"].iloc[issue.row])
            locate(issue, parts[owner].delivery, parts[owner].reading, issue.row - int(starts[owner]))
            issue.geometry = geometry[issue.row] if issue.geometry is None else issue.geometry
    layer = _clean(spec, frame, geometry, parts, place, log, catalogue)
    return layer, log.rows


def check_rows(
    spec: LayerSpec,
    frame: pd.DataFrame,
    geometry: NDArray[np.object_],
    place: Place,
    declared: Sequence[Mapping[str, Any]],
    log: IssueLog,
    part: NDArray[np.int64] | None = None,
) -> NDArray[np.object_]:
    """Check rows one by one and by the declared checks; add ids, derived columns and area to the frame.

    `part` tells the delivery of each row (None: all came together). Return the geometry with repairs.
    """
    unread = {(i.row, i.field) for i in log.rows}
    placeless = {i.row for i in log.rows if i.issue_type in ("bad_coordinate", "swapped_xy", "default_point")}
    shapes, found = fields.settle_shapes(geometry, spec, place.crs, placeless)
    values = fields.check_values(frame, spec, unread)
    frame["feature_id"], unnamed = fields.name_features(frame, shapes, spec)
    for name, derived in spec.derived.items():
        frame[name] = derive.FUNCTIONS[derived.function].call(frame, derived.inputs, derived.settings)
    if spec.geometry == "polygon":
        frame["area_m2"] = ellipsoidal_areas_m2(shapes, place.crs)
    log.rows += [*found, *unnamed, *values]
    usable = shapes.copy()
    usable[[i.row for i in found if i.issue_type in ("wrong_geometry_type", "invalid_refused")]] = None
    has_default_check = any(check["check"] == "default_point" for check in spec.checks)
    rows = checks.Rows(
        frame, usable, place.crs, place.region, place.region_text, has_default_check, part=part, today=place.as_of
    )
    log.rows += checks.run_checks(rows, declared)
    return shapes


def _check_place(log: IssueLog, starts: NDArray[np.int64]) -> None:
    """Put one critical issue in place of many, where most rows of a delivery lie outside the region.

    Its coordinates are read in a wrong way then, and nothing may be judged by them.
    """
    outside = [i for i in log.rows if i.issue_type in OUTSIDE]
    for part, (first, end) in enumerate(pairwise(starts)):
        rows = [i for i in outside if first <= i.row < end]
        wrong = wrong_place_issue(len(rows), int(end - first), rows[0].value if rows else None)
        if wrong is not None:
            wrong.part = part
            log.replace(rows, wrong)


def wrong_place_issue(outside: int, rows: int, place: object) -> Issue | None:
    """Return the issue of a delivery of which most rows lie outside the region, the first of them at `place`."""
    if outside < WRONG_PLACE_LEAST or outside <= WRONG_PLACE_SHARE * rows:
        return None
    zh = f"{rows} 条中有 {outside} 条在区域之外：坐标系、带号或坐标次序很可能不对，已停止"
    en = f"{outside} of {rows} records lie outside the region: CRS, zone or axis order is probably wrong; stopped"
    return Issue("wrong_place", Text(zh, en), value=place)


def _gather_keyless(spec: LayerSpec, log: IssueLog, starts: NDArray[np.int64]) -> None:
    """Replace one issue a row by one a delivery, where most rows of a delivery have no key."""
    keyless = [i for i in log.rows if i.issue_type == "missing_key"]
    for part, (first, end) in enumerate(pairwise(starts)):
        rows = [i for i in keyless if first <= i.row < end]
        one = keyless_issue(spec, len(rows), int(end - first))
        if one is not None:
            one.part = part
            log.replace(rows, one)


def keyless_issue(spec: LayerSpec, keyless: int, rows: int) -> Issue | None:
    """Return the issue of a delivery of which most rows have no key."""
    if keyless < KEYLESS_LEAST or keyless <= KEYLESS_SHARE * rows:
        return None
    title = "、".join(spec.fields[k].title.zh for k in spec.key)
    zh = f"{rows} 条中有 {keyless} 条没有主键“{title}”：以位置生成临时编号"
    en = f"{keyless} of {rows} records lack the key ({', '.join(spec.key)}): ids are made from their place"
    return Issue("missing_key", Text(zh, en), field=spec.key[0])


def _clean(
    spec: LayerSpec,
    frame: pd.DataFrame,
    geometry: NDArray[np.object_],
    parts: Sequence[_Part],
    place: Place,
    log: IssueLog,
    catalogue: Catalogue,
) -> Layer:
    """Return the rows no error withholds, and those it does, with where all came from."""
    frame["source_file"] = np.repeat([p.delivery.name for p in parts], [p.reading.size for p in parts])
    frame["source_row"] = np.concatenate([p.reading.records for p in parts])
    columns = ["feature_id", *[c for c in frame.columns if c != "feature_id"]]
    whole = gpd.GeoDataFrame(frame[columns], geometry=geometry, crs=place.crs)
    out = sorted(log.withheld(catalogue))
    why = {i.row: i.issue_type for i in reversed(log.rows) if log.severity_of(i, catalogue) in ("error", "critical")}
    withheld = whole.iloc[out].assign(issue_type=[why[i] for i in out]).reset_index(drop=True)
    clean = whole.drop(index=out).reset_index(drop=True)
    provenance = {
        "layer": spec.id, "spec": spec.spec_hash, "crs": place.crs, "deliveries": [p.provenance for p in parts],
        "rows_delivered": len(whole), "rows_withheld": len(withheld), "rows": len(clean),
    }  # fmt: skip
    return Layer(spec, clean, withheld, provenance)
