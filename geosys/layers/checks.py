"""The checks a layer spec may declare, found by name: each a function from rows to issues."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from geosys.layers.area_check import AREA_UNITS, area_agrees
from geosys.layers.cross_checks import CROSS_CHECKS
from geosys.layers.geometry_checks import (
    duplicate_geometry,
    near_duplicate,
    no_gaps,
    no_overlap,
    no_repeated_vertices,
    no_slivers,
    no_spikes,
    no_tiny_rings,
    overlap_issue,
)
from geosys.layers.land_checks import below, calls_for, digit_count, only_when, product_equals
from geosys.layers.place_checks import MANY_AT_ONE_POINT, default_point, inside_region
from geosys.layers.rows_under_check import Rows
from geosys.layers.value_checks import (
    dates_in_order,
    difference_equals,
    not_in_future,
    prefix_is_county,
    requires,
    usual_range,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from geosys._faults import Faults
    from geosys.layers.issues import Issue

__all__ = ["CHECKS", "ISSUE_TYPES", "MANY_AT_ONE_POINT", "Check", "Rows", "check_spec", "overlap_issue", "run_checks"]

ISSUE_TYPES = {
    "repeated_header", "crs_contradicts", "crs_unit_contradicts", "numbered_blank",
    "unreadable_file", "missing_file", "no_crs", "unknown_table", "empty_layer", "wrong_geometry_type", "missing_geometry",
    "wrong_place", "outside_region", "default_point", "swapped_xy", "duplicate_key", "duplicate_geometry", "missing_key",
    "missing_required", "bad_number", "bad_date", "bad_truth", "bad_code", "out_of_range", "too_long", "bad_pattern", "unmapped_column",
    "missing_column", "invalid_repaired", "invalid_refused", "overlap", "area_disagrees", "dates_out_of_order", "sums_disagree",
    "wrong_county", "bad_coordinate", "not_convertible", "requires_value", "unit_unknown", "boundary_file", "crs_inferred",
    "wrong_zone", "prefix_contradicts", "reading_settled", "reading_unclear", "offset_suspected", "encoding_unclear",
    "code_page_missing", "code_page_wrong", "name_cut", "mojibake", "text_lost", "note_row", "subtotal_row", "merged_filled",
    "hidden_sheet", "hidden_part", "sheet_left_out", "error_cell", "drawing_file", "code_damaged", "code_restored", "unit_mixed",
    "unit_suspected", "missing_part", "ring_touches_itself", "near_duplicate", "gap", "sliver", "spike",
    "repeated_vertices", "tiny_ring", "date_in_future", "outside_own_unit", "out_of_reach", "not_covered", "check_not_run",
    "reader_warning", "serial_dates", "date_unclear", "unit_in_cells", "unit_contradicts", "unit_from_note", "unit_unclear",
    "shared_number", "qualified_number", "reading_confirmed",
    "river_fault", "direction_unknown", "not_on_river", "doubtful_river",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Check:
    """Hold a check's function, the settings it needs, those of them that name columns, and whether it compares rows."""

    call: Callable[[Rows, Mapping[str, Any]], Iterator[Issue]]
    required: tuple[str, ...] = ()
    optional: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()
    compares: bool = False


def when_all_are_in(_rows: Rows, _settings: Mapping[str, Any]) -> Iterator[Issue]:
    """Find nothing yet: `geosys.layers.cross_checks` runs this check when all layers are in."""
    return iter(())


CHECKS: dict[str, Check] = {
    "inside_region": Check(inside_region),
    "default_point": Check(default_point, compares=True),
    "duplicate_geometry": Check(duplicate_geometry, compares=True),
    "near_duplicate": Check(near_duplicate, ("min_iou",), compares=True),
    "no_overlap": Check(no_overlap, ("max_area_m2",), compares=True),
    "no_gaps": Check(no_gaps, ("max_area_m2",), compares=True),
    "no_slivers": Check(no_slivers, ("max_area_m2", "max_compactness")),
    "no_spikes": Check(no_spikes, ("max_angle_deg", "min_leg_m")),
    "no_repeated_vertices": Check(no_repeated_vertices),
    "no_tiny_rings": Check(no_tiny_rings, ("max_area_m2",)),
    "area_agrees": Check(area_agrees, ("field", "tolerance_share"), ("unit",), ("field",)),
    "dates_in_order": Check(dates_in_order, ("first", "then"), (), ("first", "then")),
    "not_in_future": Check(not_in_future, ("field",), (), ("field",)),
    "difference_equals": Check(
        difference_equals, ("total", "minus", "equals"), ("tolerance",), ("total", "minus", "equals")
    ),
    "prefix_is_county": Check(prefix_is_county, ("field",), (), ("field",), compares=True),
    "requires": Check(requires, ("field", "when"), (), ("field",)),
    "usual_range": Check(usual_range, ("field", "low", "high"), ("source",), ("field",), compares=True),
    "product_equals": Check(
        product_equals, ("factor", "share", "equals"), ("tolerance",), ("factor", "share", "equals")
    ),
    "below": Check(below, ("field", "limit"), (), ("field",)),
    "calls_for": Check(calls_for, ("field", "when"), ("codes", "positive", "beside"), ("field", "positive")),
    "only_when": Check(only_when, ("field", "when"), (), ("field",)),
    "digit_count": Check(digit_count, ("field", "digits"), (), ("field",)),
    "within_reach": Check(when_all_are_in, ("of", "distance_m"), ("unless",)),
    "inside_of": Check(when_all_are_in, ("of", "max_outside_m2"), ("unless",)),
    "in_own_unit": Check(when_all_are_in, ("field", "of", "of_field", "tolerance_m"), ("unless",), ("field",)),
}


_NUMBERS = (
    "max_area_m2", "max_compactness", "max_angle_deg", "min_leg_m", "min_iou", "tolerance_share", "tolerance", "low", "high",
    "distance_m", "tolerance_m", "max_outside_m2",
    "limit", "digits",
)  # fmt: skip
_TEXTS = (
    "field",
    "first",
    "then",
    "total",
    "minus",
    "equals",
    "unit",
    "severity",
    "of",
    "of_field",
    "source",
    "factor",
    "share",
    "positive",
)
_KINDS = {
    **dict.fromkeys(_NUMBERS, "a number"),
    **dict.fromkeys(_TEXTS, "a text"),
    **dict.fromkeys(("when", "unless"), "a table of values or lists"),
    **dict.fromkeys(("codes", "beside"), "a list of texts"),
}
_SEVERITIES = ("critical", "error", "warning", "notice")


def check_spec(table: Mapping[str, Any], where: str, columns: Mapping[str, object], faults: Faults) -> None:
    """Fault a declared check that is unknown, lacks a setting or names no column of the layer."""
    name = faults.one_of(f"{where} check", str(table.get("check", "")), CHECKS, "a check of geosys/layers/checks.py")
    if name not in CHECKS:
        return
    check = CHECKS[name]
    faults.keys(where, table, ("severity", *check.optional), ("check", *check.required))
    table = faults.sound(where, table, _KINDS)
    for setting in check.columns:
        if setting in table:
            faults.one_of(f"{where} {setting}", table[setting], columns, "a field of this layer")
    if "severity" in table:
        allowed = _SEVERITIES[2:] if name in CROSS_CHECKS else _SEVERITIES  # rows are in their layers already
        faults.one_of(f"{where} severity", table["severity"], allowed, "a severity")
    if "unit" in table:
        faults.one_of(f"{where} unit", table["unit"], AREA_UNITS, "an area unit")
    for column in (*table.get("when", {}), *table.get("unless", {}), *table.get("beside", ())):
        faults.one_of(f"{where} when", column, columns, "a field of this layer")


def run_checks(rows: Rows, declared: Sequence[Mapping[str, Any]]) -> list[Issue]:
    """Return the issues of all declared checks, in their order; a check's own severity goes before the type's.

    An issue that names no place of its own lies where its row lies.
    """
    issues = []
    for table in declared:
        for issue in CHECKS[table["check"]].call(rows, table):
            issue.severity = table.get("severity", "")
            if issue.geometry is None and issue.row >= 0:
                issue.geometry = rows.geometry[issue.row]
            issues.append(issue)
    return issues
