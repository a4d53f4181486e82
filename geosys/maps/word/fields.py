"""What a row of each list has, so that a template's mistake is found also where a list is empty today."""

from __future__ import annotations

_GROUP = {"title", "total", "open", "new", "closed", "overdue", "soon", "longest"}
_CASE = {
    "case_id", "subject", "rule", "state", "office", "county_name", "person", "seen",
    "found_on", "due_on", "days", "days_left", "left", "timing", "source",
    "clause", "moves", "move", "why", "proposal",
}  # fmt: skip
_TARGET = {
    "id",
    "indicator",
    "area",
    "words",
    "deadline",
    "now",
    "counts",
    "status",
    "is_behind",
    "source",
    "clause",
    "rest",
    "unknown",
}
FIELDS = {
    "states": {"title", "count", "share"}, "offices": _GROUP, "counties": _GROUP, "overdue": _CASE | {"clause_no"}, "longest": _CASE | {"clause_no"},
    "proposals": _CASE, "clauses": {"mark", "number", "text"}, "changes": {"title", "count"},
    "details": {"mark", "kind", "case_id", "subject", "what", "why", "person", "on"}, "targets": _TARGET, "targets_behind": _TARGET,
    "target_lists": {"mark", "title", "rest", "unknown", "is_behind"}, "not_assessed": {"title", "count"},
    "lists": {"mark", "title", "count", "cases", "more"}, "cases": _CASE | {"mark"}, "todo": {"title", "count", "overdue", "soon", "people"},
    "people": {"title", "count", "rows"}, "rows": _CASE,
}  # fmt: skip
