"""Check a layer against its source and its run: rows, areas, CRS, what was withheld, what has changed since."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import shapely

from geosys.geo.authalic import ellipsoidal_areas_m2
from geosys.geo.crs import parse_crs
from geosys.maps.sheet_spec import FINDINGS
from geosys.publish.check_words import Fault
from geosys.publish.derived import MEASURES
from geosys.publish.places import place_of
from geosys.publish.zones import crs_for, is_zone_numbered, zone_number, zone_numbered

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from geosys.layers.place import Place
    from geosys.publish.check_words import Findings
    from geosys.publish.content import Profile, ShapedLayer

# Conversion within one datum moves vertices by nanometres; PROJ here and the polynomial of areas agree to 1e-10. A wrong zone,
# a lost row or hole is far beyond 1e-8 of any sum; a millionth, 1 m² in 1 km², would let a small plot's hole pass.
AREA_SHARE, AREA_M2 = 1e-8, 1e-4
ZONE_WIDTH = 1e6  # a zone's number stands before the six digits of the easting
UNCONFIRMED = ("our_reading", "unconfirmed")


@dataclass(frozen=True, slots=True)
class Setting:
    """Hold what a package is checked against beside itself.

    Parameters
    ----------
    place : of the plan: metric CRS and region.
    newer : titles of layers that are newer than the last run's findings.
    issues : by source layer, how many issues of each severity its intake found.
    """

    place: Place
    newer: Sequence[str] = ()
    issues: Mapping[str, Mapping[str, int]] = field(default_factory=dict)


def check_source(profile: Profile, shaped: ShapedLayer, setting: Setting, told: Findings) -> None:
    """Note where a layer is not what its source is, and what must be said of the source."""
    is_there = bool(shaped.provenance.get("is_there", True))
    is_found = shaped.layer.source == FINDINGS
    if is_found:
        told.tell("findings_there", _no_run(shaped, is_there=is_there))
        told.tell(
            "findings_current",
            [Fault("", f"较新的图层 newer: {'、'.join(setting.newer)}", "同一版本 the run's versions")]
            if setting.newer
            else [],
        )
    told.tell("needed_rows", _empty(shaped, is_there=is_there), passed=str(len(shaped.frame)))
    told.tell("row_count", _uncounted(shaped), passed=counted(shaped))
    told.tell("crs", _other_crs(profile, shaped, setting), passed=str(shaped.frame.crs))
    told.tell("coordinates", _far_coordinates(shaped))
    if shaped.source_area_m2 is not None:
        told.tell("area_sum", _other_area(shaped), passed=f"{shaped.source_area_m2:.2f} m²")
        told.tell("area_field", _other_fields(shaped))
    if not is_found:
        _check_issues(shaped, setting.issues.get(shaped.layer.source, {}), told)
    told.tell("field_certainty", _unconfirmed(shaped))


def counted(shaped: ShapedLayer) -> str:
    """Return the rows of a layer as a sum: source = handed over + withheld + left out."""
    return f"{shaped.source_rows} = {len(shaped.frame)} + {shaped.withheld_rows} + {shaped.left_out}"


def _no_run(shaped: ShapedLayer, *, is_there: bool) -> Iterator[Fault]:
    if not is_there:
        yield Fault("", "没有运行结果 no results of a run", f"{shaped.layer.title.both()}")


def _empty(shaped: ShapedLayer, *, is_there: bool) -> Iterator[Fault]:
    if shaped.layer.is_needed and not len(shaped.frame):
        got = "全部未选入或未采用 all left out or withheld" if is_there else "工作区没有该图层 the workspace has none"
        yield Fault(f"({shaped.layer.source})", f"0 行 rows: {got}", "≥ 1")


def _uncounted(shaped: ShapedLayer) -> Iterator[Fault]:
    if shaped.source_rows != len(shaped.frame) + shaped.withheld_rows + shaped.left_out:
        yield Fault("", counted(shaped), "来源 = 交付 + 未采用 + 未选入 source = handed over + withheld + left out")


def _other_crs(profile: Profile, shaped: ShapedLayer, setting: Setting) -> Iterator[Fault]:
    wanted = crs_for(profile.crs, setting.place.crs, profile.id, has_zone_prefix=profile.has_zone_prefix)
    got = shaped.frame.crs
    if got is None or parse_crs(wanted) != got:
        yield Fault("", str(got), wanted)


def _far_coordinates(shaped: ShapedLayer) -> Iterator[Fault]:
    """Yield the rows whose numbers are none of the CRS's: eastings without the zone's number or with one, metres for degrees."""
    limits = _limits(shaped)
    if limits is None:
        return
    low, high = limits
    box = shapely.bounds(shaped.frame.geometry.to_numpy())
    for row in np.flatnonzero(((box[:, 0] < low) | (box[:, 2] > high)) & np.isfinite(box[:, 0])):
        yield Fault(place_of(shaped, int(row)), f"x {box[row, 0]:.2f} – {box[row, 2]:.2f}", f"{low:.0f} – {high:.0f}")


def _limits(shaped: ShapedLayer) -> tuple[float, float] | None:
    """Return the least and greatest x that a CRS may have; None for planes that are no zone of CGCS2000."""
    if shaped.frame.crs is None or not len(shaped.frame):
        return None
    crs = str(shaped.frame.crs)
    if not parse_crs(crs).is_projected:
        return -180.0, 180.0
    if zone_numbered(crs) is None:
        return None
    zone = zone_number(crs) * ZONE_WIDTH
    return (zone, zone + ZONE_WIDTH) if is_zone_numbered(crs) else (-ZONE_WIDTH, ZONE_WIDTH)


def _other_area(shaped: ShapedLayer) -> Iterator[Fault]:
    source = shaped.source_area_m2 or 0.0
    got = float(ellipsoidal_areas_m2(shaped.frame.geometry.to_numpy(), str(shaped.frame.crs)).sum())
    if not abs(got - source) <= AREA_M2 + AREA_SHARE * source:
        yield Fault("", f"{got:.4f} m²", f"{source:.4f} m² ± {AREA_M2 + AREA_SHARE * source:.4f}")


def _other_fields(shaped: ShapedLayer) -> Iterator[Fault]:
    """Yield the rows whose area field is not the area of their shape, to half of the field's last digit."""
    geometry, crs = shaped.frame.geometry.to_numpy(), str(shaped.frame.crs)
    for name in (f for f in shaped.layer.fields if f.column in MEASURES and f.column.startswith("area_")):
        true = MEASURES[name.column][1](geometry, crs)
        got = shaped.frame[name.name].to_numpy(dtype=np.float64)
        half = 0.5 * 10.0**-name.decimals if name.length or name.decimals else 0.0
        off = ~(np.abs(got - true) <= half * (1 + 1e-9) + 1e-9 + AREA_SHARE * true) & ~shapely.is_missing(geometry)
        for row in np.flatnonzero(off):
            yield Fault(f"[{name.name}] {place_of(shaped, int(row))}", f"{got[row]}", f"{true[row]:.{name.decimals}f}")


def _check_issues(shaped: ShapedLayer, issues: Mapping[str, int], told: Findings) -> None:
    for kind, severity in (("source_critical", "critical"), ("source_errors", "error")):
        found = issues.get(severity, 0)
        told.tell(kind, [Fault(f"({shaped.layer.source})", f"{found} {severity}", "0")] if found else [])
    withheld, lost = shaped.withheld_rows, shaped.provenance.get("left_out_for_lack_of_a_value", 0)
    told.tell("withheld_rows", [Fault(f"({shaped.layer.source})", f"{withheld} 行 rows", "0")] if withheld else [])
    told.tell("left_out_unknown", [Fault(f"({', '.join(shaped.layer.where)})", f"{lost} 行 rows", "0")] if lost else [])


def _unconfirmed(shaped: ShapedLayer) -> Iterator[Fault]:
    names = [field.name for field in shaped.layer.fields if field.certainty in UNCONFIRMED]
    if names:
        yield Fault("", f"{len(names)}/{len(shaped.layer.fields)}: {', '.join(names)}", "confirmed")
