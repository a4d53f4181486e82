"""Map a sender's column names onto the fields of a layer: by the plan, by id, title and alias, never by likeness."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from geosys._text import Text
from geosys.layers.codes import fold
from geosys.layers.issues import Issue
from geosys.layers.tables import ANGLE_PARTS, JOINT, strip_unit
from geosys.layers.values import plain

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from geosys.layers.delivery import Delivery
    from geosys.layers.reading import Reading
    from geosys.layers.spec import Field, LayerSpec

X_WORDS = ("经度", "东经", "lon", "lng", "long", "longitude", "中心经度", "出口经度", "经度e")
Y_WORDS = ("纬度", "北纬", "lat", "latitude", "中心纬度", "出口纬度", "纬度n")


@dataclass(frozen=True, slots=True)
class Naming:
    """Hold which column feeds each field, the unit its header states, and which columns hold coordinates."""

    columns: Mapping[str, str]
    units: Mapping[str, str]
    x: tuple[str, ...]
    y: tuple[str, ...]

    def told(self) -> dict[str, Any]:
        """Return which column fed what, for the provenance."""
        return {"columns": dict(self.columns), "x": list(self.x), "y": list(self.y)}


def words_of(spec: LayerSpec) -> list[str]:
    """Return every name under which a layer's fields and coordinates are known."""
    names = [n for f in spec.fields.values() for n in (f.id, f.title.zh, f.title.en, *f.aliases)]
    return [*names, *X_WORDS, *Y_WORDS]


def map_columns(reading: Reading, spec: LayerSpec, delivery: Delivery) -> tuple[Naming, list[Issue]]:
    """Return the naming of a reading and the issues it raises.

    A column is taken for a field when the plan says so, or when its full name, the title its file gives it, its
    name without unit, or its last part under a merged header is the field's id, title or alias, in this order.
    """
    meaning = {fold(n): f.id for f in spec.fields.values() for n in (f.title.en, *f.aliases, f.title.zh, f.id)}
    explicit = {fold(column): field for column, field in delivery.columns.items()}
    found: dict[str, str] = {}
    for rank in range(6):
        for column in reading.columns:
            names = _names(column, reading)
            named = next((explicit[fold(n)] for n in names if fold(n) in explicit), None)
            field = named if rank == 0 else meaning.get(fold(names[rank - 1]))
            if field and field not in found and column not in found.values() and field not in delivery.set:
                found[field] = column
    x = _coordinate(reading, delivery.x, X_WORDS)
    y = _coordinate(reading, delivery.y, Y_WORDS)
    issues = _naming_issues(reading, spec, delivery, found, {*x, *y})
    units = {f: _unit(c, spec.fields[f]) for f, c in found.items()} | dict(delivery.units)
    return Naming(found, units, x, y), issues


def _unit(column: str, field: Field) -> str:
    """Return the unit in a header's brackets; another name of the field there, or 以P计, is no unit."""
    stated = strip_unit(column.rsplit(JOINT, 1)[-1])[1]
    names = {fold(n) for n in (field.id, field.title.zh, field.title.en, *field.aliases)}
    return "" if fold(stated) in names or (stated.startswith("以") and stated.endswith("计")) else stated


def _names(column: str, reading: Reading) -> tuple[str, str, str, str, str]:
    last = strip_unit(column.rsplit(JOINT, 1)[-1])[0]
    return column, reading.titles.get(column, column), strip_unit(column)[0], last, strip_unit(last)[0]


def _coordinate(reading: Reading, named: str | None, words: Iterable[str]) -> tuple[str, ...]:
    """Return the column of one coordinate, or its three columns of degrees, minutes and seconds."""
    if named is not None:
        return tuple(c for c in reading.columns if fold(named) in {fold(n) for n in _names(c, reading)})[:1]
    folded = {fold(w) for w in words}
    for column in reading.columns:
        if {fold(n) for n in _names(column, reading)} & folded:
            return (column,)
    parts = [c for c in reading.columns if JOINT in c and {fold(p) for p in c.split(JOINT)[:-1]} & folded]
    by_part = {strip_unit(c.rsplit(JOINT, 1)[-1])[0]: c for c in parts}
    return tuple(by_part[p] for p in ANGLE_PARTS) if set(ANGLE_PARTS) <= set(by_part) else ()


def _naming_issues(
    reading: Reading, spec: LayerSpec, delivery: Delivery, found: Mapping[str, str], coordinates: set[str]
) -> list[Issue]:
    issues = []
    taken = {*found.values(), *coordinates}
    for column in reading.columns:
        if column not in taken and any(plain(v) is not None for v in reading.columns[column][:1000]):
            zh, en = (
                f"列“{column}”不属于本图层任何字段，未采用",
                f"Column '{column}' is no field of this layer and was not used",
            )
            issues.append(Issue("unmapped_column", Text(zh, en), value=column))
    here = {fold(name) for column in reading.columns for name in _names(column, reading)}
    for column, field_id in delivery.columns.items():
        if fold(column) not in here:
            zh = f"计划中的列“{column}”（→{spec.fields[field_id].title.zh}）在文件里找不到"
            en = f"The plan's column '{column}' (→ {field_id}) is not in the file"
            issues.append(Issue("missing_column", Text(zh, en), field=field_id, value=column, severity="warning"))
    for field in spec.fields.values():
        if field.required and field.id not in found and field.id not in delivery.set:
            zh = f"缺少必填列“{field.title.zh}”；所见列：{'、'.join(list(reading.columns)[:20])}"
            en = f"The required column '{field.title.en}' is absent; columns seen: {', '.join(list(reading.columns)[:20])}"
            issues.append(Issue("missing_column", Text(zh, en), field=field.id))
    return issues
