"""Write the difference against the last package as a workbook: a sheet of counts, one of rows and values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd

from geosys._text import Text
from geosys.maps.frames import Meta, Provenance
from geosys.maps.sheets import Column, Sheet
from geosys.maps.tables import workbook, write_notes, write_table
from geosys.publish.papers.difference import GEOMETRY

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from geosys.publish.papers.account import Account
    from geosys.publish.papers.difference import Difference, LayerDifference

FILE = "difference.xlsx"
JOINT = " | "
KINDS = {
    "new": Text("新增", "new"), "gone": Text("减少", "gone"), "changed": Text("变化", "changed"),
    "ambiguous": Text("标识重复，未比较", "key not unique, not compared"),
}  # fmt: skip
_COUNTS = Sheet(
    read=(
        Column("title", "图层", "Layer", 34), Column("new", "新增", "New", 10), Column("gone", "减少", "Gone", 10),
        Column("changed", "变化", "Changed", 10), Column("same", "未变", "Same", 10),
        Column("ambiguous", "标识重复", "Key not unique", 12), Column("fields", "字段增减", "Fields", 30),
        Column("why", "未比较的原因", "Why not compared", 40),
    ),
    rest=(),
)  # fmt: skip
_ROWS = Sheet(
    read=(
        Column("layer", "图层", "Layer", 26), Column("kind", "变动", "What", 14), Column("key", "标识", "Key", 28),
        Column("field", "字段", "Field", 22), Column("before", "原值", "Before", 30), Column("after", "现值", "After", 30),
        Column("area_before_m2", "原面积 m²", "Area before m²", 16, unit="m2"),
        Column("area_after_m2", "现面积 m²", "Area after m²", 16, unit="m2"),
        Column("area_change_m2", "面积变化 m²", "Area change m²", 16, unit="m2"),
        Column("moved", "移动（面 m²，点 m）", "Moved (areas m², points m)", 18),
    ),
    rest=(),
)  # fmt: skip


def write_difference(path: Path, account: Account) -> None:
    """Write the difference of a package as a workbook; the same difference gives the same bytes."""
    assert account.difference is not None  # noqa: S101  the caller has one
    layers = [Provenance(s.layer.title, s.version, s.layer.source, len(s.frame)) for s in account.shaped]
    meta = Meta(account.area, account.day, account.program, account.mark, layers=layers)
    with workbook(path, meta, "与上一包的差异 Difference") as book:
        write_table(book, meta, "汇总 Counts", _COUNTS, count_rows(account.difference), words={})
        write_table(book, meta, "逐行 Rows", _ROWS, change_rows(account), words={"kind": KINDS})
        before = account.difference.previous or (account.difference.why.both() if account.difference.why else "")
        write_notes(book, meta, [("上一包 Last package", before)])


def count_rows(difference: Difference) -> pd.DataFrame:
    """Return one row a layer: counts of rows, fields added (+) and gone (-), and why it was not compared."""
    rows = [
        {
            "title": d.title.both(), "new": _count(len(d.new), d), "gone": _count(len(d.gone), d),
            "changed": _count(d.changed, d), "same": _count(d.same, d), "ambiguous": _count(len(d.ambiguous), d),
            "fields": ", ".join([*(f"+{n}" for n in d.fields_added), *(f"-{n}" for n in d.fields_gone)]),
            "why": d.why.both() if d.why else "",
        }
        for d in difference.layers
    ]  # fmt: skip
    return pd.DataFrame(rows, columns=[column.name for column in _COUNTS.read])


def _count(number: int, layer: LayerDifference) -> int | None:
    """Return a count, none where nothing was compared: zero would say that nothing changed."""
    return None if layer.why else number


def change_rows(account: Account) -> pd.DataFrame:
    """Return one row for each row new, gone or not compared, and for each changed value."""
    rows: list[dict[str, Any]] = []
    for layer in account.difference.layers if account.difference else ():
        spec = next((s.layer for s in account.shaped if s.layer.name == layer.layer), None)
        titles = {f.name: f"{f.name} {f.title.zh}" for f in spec.fields} if spec else {}
        rows += _layer_rows(layer, titles)
    return pd.DataFrame(rows, columns=[column.name for column in _ROWS.read])


def _layer_rows(layer: LayerDifference, titles: Mapping[str, str]) -> list[dict[str, Any]]:
    name = layer.title.both()
    groups = (("new", layer.new), ("gone", layer.gone), ("ambiguous", layer.ambiguous))
    rows: list[dict[str, Any]] = [
        {"layer": name, "kind": kind, "key": JOINT.join(key)} for kind, keys in groups for key in keys
    ]
    for change in layer.changes:
        areas = change.area_before_m2, change.area_after_m2
        grown = areas[1] - areas[0] if areas[0] is not None and areas[1] is not None else None
        rows.append({
            "layer": name, "kind": "changed", "key": JOINT.join(change.key),
            "field": "图形 geometry" if change.field == GEOMETRY else titles.get(change.field, change.field),
            "before": change.before, "after": change.after, "area_before_m2": areas[0], "area_after_m2": areas[1],
            "area_change_m2": grown, "moved": change.moved,
        })  # fmt: skip
    return rows
