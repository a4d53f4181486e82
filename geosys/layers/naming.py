"""Map a sender's column names onto the fields of a layer: by the plan, by what was remembered of him, by id, title and alias.

Never by likeness: what is only alike is proposed to a person (`geosys.layers.mappings`).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from geosys._text import Text
from geosys.layers.codes import fold
from geosys.layers.headers import ANGLE_PARTS, JOINT, SHEET_COLUMN, strip_unit
from geosys.layers.issues import Issue
from geosys.layers.settle import unit_factor
from geosys.layers.values import plain

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from geosys.layers.delivery import Delivery
    from geosys.layers.reading import Reading
    from geosys.layers.spec import Field, LayerSpec

X_WORDS = ("经度", "东经", "lon", "lng", "long", "longitude", "中心经度", "出口经度", "经度e")
Y_WORDS = ("纬度", "北纬", "lat", "latitude", "中心纬度", "出口纬度", "纬度n")
RANKS = 6  # names under which a column may be known


@dataclass(frozen=True, slots=True)
class Naming:
    """Hold which column feeds each field, the unit its header states, and which columns hold coordinates.

    `remembered` are the fields whose column an earlier answer about this sender names.
    """

    columns: Mapping[str, str]
    units: Mapping[str, str]
    x: tuple[str, ...]
    y: tuple[str, ...]
    remembered: Mapping[str, str] = field(default_factory=dict)

    def told(self) -> dict[str, Any]:
        """Return which column fed what, for the provenance."""
        told: dict[str, Any] = {"columns": dict(self.columns), "x": list(self.x), "y": list(self.y)}
        return {**told, "remembered": dict(self.remembered)} if self.remembered else told


def words_of(spec: LayerSpec) -> list[str]:
    """Return every name under which a layer's fields and coordinates are known."""
    names = [n for f in spec.fields.values() for n in (f.id, f.title.zh, f.title.en, *f.aliases)]
    return [*names, *X_WORDS, *Y_WORDS]


def map_columns(
    reading: Reading, spec: LayerSpec, delivery: Delivery, remembered: Mapping[str, str] | None = None
) -> tuple[Naming, list[Issue]]:
    """Return the naming of a reading and the issues it raises.

    A column is taken for a field when the plan says so, when `remembered` (column → field, confirmed earlier for this
    sender) does, or when its full name, the title its file gives it, its name without unit, the parts of a merged
    header joined, or their last part is the field's id, title or alias, in this order.
    """
    meaning = {fold(n): f.id for f in spec.fields.values() for n in (f.title.en, *f.aliases, f.title.zh, f.id)}
    explicit = {fold(column): name for column, name in delivery.columns.items()}
    memory = {fold(column): name for column, name in (remembered or {}).items() if name in spec.fields}
    found: dict[str, str] = {}
    recalled: dict[str, str] = {}
    for rank in range(-1, RANKS + 1):
        for column in reading.columns:
            names = _names(column, reading)
            if rank > 0:
                taken = meaning.get(fold(names[rank - 1]))
            else:
                said = explicit if rank < 0 else memory
                taken = next((said[fold(n)] for n in names if fold(n) in said), None)
            if taken and taken not in found and column not in found.values() and taken not in delivery.set:
                found[taken] = column
                if rank == 0:
                    recalled[taken] = column
    x = _coordinate(reading, delivery.x, X_WORDS)
    y = _coordinate(reading, delivery.y, Y_WORDS)
    issues = _naming_issues(reading, spec, delivery, found, {*x, *y})
    units = {f: _unit(c, spec.fields[f]) for f, c in found.items()} | dict(delivery.units)
    return Naming(found, units, x, y, recalled), issues


def _unit(column: str, field: Field) -> str:
    """Return the unit in the brackets of a header or, if it fits the field, of the group above it.

    Another name of the field there, or 以P计, is no unit.
    """
    names = {fold(n) for n in (field.id, field.title.zh, field.title.en, *field.aliases)}
    *groups, last = column.split(JOINT)
    stated = strip_unit(last)[1]
    if stated:
        return "" if fold(stated) in names or (stated.startswith("以") and stated.endswith("计")) else stated
    above = [unit for group in reversed(groups) if (unit := strip_unit(group)[1])]
    return next((unit for unit in above if field.unit and unit_factor(unit, field.unit) is not None), "")


def _names(column: str, reading: Reading) -> tuple[str, ...]:
    """Return the `RANKS` names under which a column may be known, the fullest first."""
    *groups, last = column.split(JOINT)
    bare = strip_unit(last)[0]
    joined = "".join([*(strip_unit(group)[0] for group in groups), bare])
    return column, reading.titles.get(column, column), strip_unit(column)[0], joined, bare, strip_unit(bare)[0]


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
    taken = {*found.values(), *coordinates, SHEET_COLUMN}
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
    for wanted in spec.fields.values():
        if wanted.required and wanted.id not in found and wanted.id not in delivery.set:
            zh = f"缺少必填列“{wanted.title.zh}”；所见列：{'、'.join(list(reading.columns)[:20])}"
            en = f"The required column '{wanted.title.en}' is absent; columns seen: {', '.join(list(reading.columns)[:20])}"
            issues.append(Issue("missing_column", Text(zh, en), field=wanted.id))
    return issues
