"""What the papers of a package say of its layers, permissions and difference, as rows for report, receipt and manifest."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from geosys._text import Text
from geosys.geo.authalic import ellipsoidal_areas_m2

if TYPE_CHECKING:
    from geosys.publish.content import Check, ShapedLayer
    from geosys.publish.papers.account import Account

PASSED = Text("通过，可以提供", "Passed: may be given")
STOPPED = Text("未通过，不得提供；未留下任何数据文件", "Refused: may not be given; no data file is left")


def verdict(account: Account) -> Text:
    """Return the verdict in words."""
    return PASSED if account.is_passed else STOPPED


def area_m2(layer: ShapedLayer) -> float | None:
    """Return the ellipsoidal area of a layer as it is handed over, in m²; None for points and lines."""
    if layer.source_area_m2 is None:
        return None
    return float(ellipsoidal_areas_m2(layer.frame.geometry.to_numpy(), layer.frame.crs.to_string()).sum())


def told_layers(account: Account) -> list[dict[str, Any]]:
    """Return of each layer its version, counts, areas in m², and how many fields it has of each disclosure."""
    return [
        {
            "layer": s.layer.name, "title": {"zh": s.layer.title.zh, "en": s.layer.title.en}, "source": s.layer.source,
            "version": s.version, "source_rows": s.source_rows, "rows": len(s.frame), "withheld": s.withheld_rows,
            "left_out": s.left_out, "area_m2": area_m2(s), "source_area_m2": s.source_area_m2, "key": list(s.layer.key),
            "disclosures": _disclosures(s),
        }
        for s in account.shaped
    ]  # fmt: skip


def _disclosures(layer: ShapedLayer) -> dict[str, int]:
    levels = [field.disclosure for field in layer.layer.fields]
    return {level: levels.count(level) for level in sorted(set(levels))}


def told_check(check: Check) -> dict[str, Any]:
    """Return a check as JSON can hold it."""
    do = check.do if isinstance(check.do, str) else {"zh": check.do.zh, "en": check.do.en}
    return {
        "id": check.id, "title": {"zh": check.title.zh, "en": check.title.en}, "where": check.where, "is_passed": check.is_passed,
        "stops": check.stops, "got": check.got, "expected": check.expected, "do": do,
    }  # fmt: skip


def told_difference(account: Account) -> dict[str, Any] | None:
    """Return the difference's counts as JSON can hold them; None where it is not known."""
    difference = account.difference
    if difference is None:
        return None
    reasons = {d.layer: {"zh": d.why.zh, "en": d.why.en} for d in difference.layers if d.why}
    why = {"zh": difference.why.zh, "en": difference.why.en} if difference.why else None
    return {"previous": difference.previous, "why": why, "layers": difference.counts(), "not_compared": reasons}


def plain(value: Any) -> Any:
    """Return a value as JSON can hold it: days as text."""
    if isinstance(value, dict):
        return {str(key): plain(part) for key, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(part) for part in value]
    return value if isinstance(value, (str, int, float, bool, type(None))) else str(value)
