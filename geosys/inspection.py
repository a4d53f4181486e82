"""Inspect a delivery without a workspace: what it is, which layer it may hold, and what is wrong with it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely

from geosys._errors import GeoSysError
from geosys.content import hash_file
from geosys.geo.crs import GEOGRAPHIC, datum_that_cannot_be_converted, parse_crs, to_crs
from geosys.geo.geometry import KINDS, extent
from geosys.layers.coordinates import settle_positions
from geosys.layers.delivery import Delivery
from geosys.layers.intake import take_in
from geosys.layers.issue_table import issue_frame
from geosys.layers.mappings import Proposal, propose
from geosys.layers.naming import map_columns, words_of
from geosys.layers.place import Place
from geosys.layers.readers import list_tables, read_delivery

if TYPE_CHECKING:
    from pathlib import Path

    import geopandas as gpd

    from geosys.geo.ranking import Ranking
    from geosys.layers.reading import Reading
    from geosys.layers.spec import Catalogue, LayerSpec

MIDDLE_OF_CHINA = 114.0  # degrees east: the zone taken where a table gives no position at all


@dataclass(frozen=True, slots=True)
class TableReport:
    """Hold what was found in one table of a delivery.

    `fits` says for each layer, the likeliest first, how many of its fields the columns feed; `columns` which column
    feeds which field of `layer`; `proposals` are likenesses for a person to decide; `ranking` is how the
    coordinates may be read, where that had to be judged; `issues` is the issue table of
    taking it in as that layer, or None where that failed.
    """

    table: str
    format: str
    rows: int
    geometry: str
    crs: str
    evidence: str
    extent: tuple[float, float, float, float] | None
    layer: str
    fits: dict[str, int]
    columns: dict[str, str]
    unused: tuple[str, ...]
    usable_rows: int
    issues: gpd.GeoDataFrame | None
    proposals: tuple[Proposal, ...] = ()
    ranking: Ranking | None = None
    fault: str = ""


@dataclass(frozen=True, slots=True)
class Inspection:
    """Hold what was found in one delivered file."""

    file: str
    sha256: str
    tables: tuple[TableReport, ...]
    fault: str = ""
    hidden: tuple[str, ...] = field(default=())


def inspect_file(
    path: Path,
    catalogue: Catalogue,
    *,
    layer: str | None = None,
    table: str | None = None,
    place: Place | None = None,
    settings: dict[str, Any] | None = None,
) -> Inspection:
    """Read every visible table of a file and say what it holds; nothing is written anywhere.

    Parameters
    ----------
    layer
        The layer it is meant for (default: the one whose fields the columns feed best).
    table
        The one table to look at (default: every visible one).
    place
        CRS and region to check against (default: the file's own zone, no region).
    settings
        More settings of a delivery (`encoding`, `crs`, `read_as` …) as a plan would give them.
    """
    try:
        path.name.encode("utf-8")
    except UnicodeEncodeError:
        shown = path.name.encode("utf-8", "surrogateescape").decode("gb18030", "replace")
        return Inspection(
            shown, "", (), f"{shown}: got a file name that is not UTF-8, expected one that is. Rename the file."
        )
    try:
        tables = list_tables(path)
        digest = hash_file(path)
    except (GeoSysError, OSError) as error:
        return Inspection(path.name, "", (), str(error))
    chosen = [t for t in tables if t.name == table] if table else [t for t in tables if not t.is_hidden]
    if table and not chosen:
        return Inspection(path.name, digest, (), f"{path.name}: got no table '{table}', expected one of the file.")
    reports = tuple(_report(path, t.name, t.format, catalogue, layer, place, settings or {}) for t in chosen)
    return Inspection(path.name, digest, reports, hidden=tuple(t.name for t in tables if t.is_hidden))


def _report(
    path: Path,
    table: str,
    kind: str,
    catalogue: Catalogue,
    layer: str | None,
    place: Place | None,
    settings: dict[str, Any],
) -> TableReport:
    words = sorted({w for spec in catalogue.layers.values() for w in words_of(spec)})
    try:
        reading = read_delivery(path, table, settings.get("encoding"), words)
    except GeoSysError as error:
        return TableReport(table, kind, 0, "", "", "", None, layer or "", {}, {}, (), 0, None, fault=str(error))
    fits = _fits(reading, catalogue, path)
    chosen = layer or next(iter(fits), "")
    report: dict[str, Any] = {
        "table": table, "format": kind, "rows": reading.size, "geometry": _kind_of(reading), "crs": reading.crs or "",
        "evidence": reading.evidence, "extent": _degrees(reading), "layer": chosen, "fits": fits,
    }  # fmt: skip
    if not chosen:
        return TableReport(**report, columns={}, unused=tuple(reading.columns), usable_rows=0, issues=None)
    spec = catalogue.layers[chosen]
    delivery = Delivery(path=path, name=path.name, layer=chosen, table=table, **settings)
    naming, _ = map_columns(reading, spec, delivery)
    used = {*naming.columns.values(), *naming.x, *naming.y}
    looked_at = place or _own_place(reading)
    _, _, ranking = settle_positions(reading, naming, spec, delivery, looked_at)
    made, found = take_in(spec, [delivery], looked_at, catalogue)
    issues = issue_frame(found, catalogue, looked_at.crs)
    unused = tuple(c for c in reading.columns if c not in used)
    columns = {column: name for name, column in naming.columns.items()}
    return TableReport(
        **report, columns=columns, unused=unused, usable_rows=0 if made is None else len(made.frame), issues=issues,
        proposals=tuple(propose(reading, spec, naming)), ranking=ranking,
    )  # fmt: skip


def _fits(reading: Reading, catalogue: Catalogue, path: Path) -> dict[str, int]:
    """Return how many fields of each layer the columns feed, the best first; layers of another geometry are left out."""
    kind = _kind_of(reading)
    counts: Counter[str] = Counter()
    needed: dict[str, int] = {}
    for name, spec in catalogue.layers.items():
        if kind and spec.geometry not in (kind, "none"):
            continue
        naming, _ = map_columns(reading, spec, Delivery(path=path, name=path.name, layer=name))
        counts[name] = len(naming.columns)
        needed[name] = _lacking(spec, naming.columns)
    ranked = sorted(counts, key=lambda n: (needed[n], -counts[n], n))
    return {name: counts[name] for name in sorted(ranked, key=lambda n: -counts[n] + needed[n]) if counts[name]}


def _lacking(spec: LayerSpec, columns: Any) -> int:
    """Return how many required fields and key fields no column feeds."""
    wanted = {f.id for f in spec.fields.values() if f.required} | set(spec.key)
    return len(wanted - set(columns))


def _kind_of(reading: Reading) -> str:
    """Return point, line or polygon: what most shapes are; empty where there are none."""
    if reading.geometry is None:
        return ""
    ids = shapely.get_type_id(reading.geometry)
    counts = {kind: int(np.isin(ids, [int(t) for t in types]).sum()) for kind, types in KINDS.items()}
    best = max(counts, key=lambda kind: counts[kind])
    return best if counts[best] else ""


def _degrees(reading: Reading) -> tuple[float, float, float, float] | None:
    """Return west, south, east, north of the shapes in degrees where the stated CRS allows it."""
    if reading.geometry is None or reading.crs is None:
        return None
    try:
        box = extent(to_crs(reading.geometry, reading.crs, GEOGRAPHIC))
    except GeoSysError:
        return None
    west, south, east, north = (float(v) for v in box)
    return (west, south, east, north) if np.isfinite(box).all() else None


def _own_place(reading: Reading) -> Place:
    """Return the metric plane a table is best looked at in: its own, or the 3-degree zone it lies in."""
    if reading.crs is not None:
        try:
            stated = parse_crs(reading.crs)
        except GeoSysError:
            stated = None
        if stated is not None and stated.is_projected and not datum_that_cannot_be_converted(stated):
            return Place(reading.crs)
    box = _degrees(reading)
    return Place(zone_at(MIDDLE_OF_CHINA if box is None else (box[0] + box[2]) / 2))


def zone_at(longitude: float) -> str:
    """Return the CGCS2000 3-degree zone (without prefix) that a longitude in degrees lies in.

    Examples
    --------
    >>> zone_at(114.3), zone_at(115.6)
    ('EPSG:4547', 'EPSG:4548')
    """
    meridian = min(max(round(longitude / 3.0) * 3, 75), 135)
    return f"EPSG:{4534 + (meridian - 75) // 3}"
