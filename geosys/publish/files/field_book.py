"""Write the dictionary of a package: its layers, each field with name, type and length, each code with its title, and how sure that is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from geosys.maps.sheets import Column, Sheet
from geosys.maps.tables import workbook, write_notes, write_table
from geosys.publish.files.boundary_texts import ENCODING as TXT_ENCODING
from geosys.publish.files.shapefiles import ENCODING as SHP_ENCODING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from geosys.maps.frames import Meta
    from geosys.maps.palettes import Palettes
    from geosys.publish.content import Profile, ShapedLayer

NAME = "dictionary.xlsx"
_TYPES = {
    "text": "文字 text",
    "integer": "整数 integer",
    "number": "数字 number",
    "date": "日期 date",
    "truth": "是否 truth",
}
_SHAPES = {"point": "点 point", "line": "线 line", "polygon": "面 polygon"}
_CERTAINTY = Column("certainty", "确定性", "Certainty", 24)
_LAYERS = Sheet(
    read=(
        Column("layer", "图层名", "Layer", 16), Column("zh", "中文名称", "Chinese title", 32), Column("en", "英文名称", "English title", 32),
        Column("geometry", "图形", "Geometry", 14), Column("crs", "坐标系", "CRS", 44), Column("rows", "行数", "Rows", 10),
        Column("key", "关键字段", "Key", 16), Column("source", "来源图层", "Source layer", 22), Column("version", "版本", "Version", 16),
    ),
    rest=(),
)  # fmt: skip
_FIELDS = Sheet(
    read=(
        Column("layer", "图层名", "Layer", 14), Column("name", "字段短名", "Field", 14), Column("zh", "中文名称", "Chinese title", 28),
        Column("en", "英文名称", "English title", 34), Column("type", "类型", "Type", 14), Column("length", "长度", "Length", 8),
        Column("decimals", "小数位", "Decimals", 9), Column("required", "必填", "Required", 9), Column("codes", "代码", "Codes", 8),
        Column("column", "来源列", "Source column", 22), _CERTAINTY,
    ),
    rest=(),
)  # fmt: skip
_CODES = Sheet(
    read=(
        Column("layer", "图层名", "Layer", 14), Column("name", "字段短名", "Field", 14), Column("code", "代码", "Code", 14),
        Column("zh", "中文名称", "Chinese title", 36), Column("en", "英文名称", "English title", 44),
    ),
    rest=(),
)  # fmt: skip


def write_field_book(
    path: Path, shaped: Sequence[ShapedLayer], profile: Profile, meta: Meta, palettes: Palettes
) -> None:
    """Write the dictionary as a workbook of layers, fields, codes and notes."""
    words = {"certainty": palettes.certainties}
    with workbook(path, meta, "字段对照 Dictionary") as book:
        write_table(book, meta, "图层 Layers", _LAYERS, _layers(shaped), words={})
        write_table(book, meta, "字段 Fields", _FIELDS, _fields(shaped), words=words)
        write_table(book, meta, "代码 Codes", _CODES, _codes(shaped), words={})
        write_notes(book, meta, _notes(profile))


def _layers(shaped: Sequence[ShapedLayer]) -> pd.DataFrame:
    rows = [
        {
            "layer": one.layer.name, "zh": one.layer.title.zh, "en": one.layer.title.en, "geometry": _SHAPES[one.layer.geometry],
            "crs": f"EPSG:{one.frame.crs.to_epsg()} {one.frame.crs.name}", "rows": len(one.frame), "key": "、".join(one.layer.key),
            "source": one.layer.source, "version": one.version,
        }
        for one in shaped
    ]  # fmt: skip
    return pd.DataFrame(rows, columns=[column.name for column in _LAYERS.read])


def _fields(shaped: Sequence[ShapedLayer]) -> pd.DataFrame:
    rows = [
        {
            "layer": layer.name, "name": field.name, "zh": field.title.zh, "en": field.title.en, "type": _TYPES[field.type],
            "length": field.length or None, "decimals": field.decimals if field.type == "number" else None,
            "required": field.is_required, "codes": len(field.codes) or None, "column": field.column or f"= {field.constant}",
            "certainty": field.certainty,
        }
        for layer in (one.layer for one in shaped)
        for field in layer.fields
    ]  # fmt: skip
    return pd.DataFrame(rows, columns=[column.name for column in _FIELDS.read]).astype(object)


def _codes(shaped: Sequence[ShapedLayer]) -> pd.DataFrame:
    rows = [
        {"layer": layer.name, "name": field.name, "code": code, "zh": title.zh, "en": title.en}
        for layer in (one.layer for one in shaped)
        for field in layer.fields
        for code, title in field.codes.items()
    ]
    return pd.DataFrame(rows, columns=[column.name for column in _CODES.read])


def _notes(profile: Profile) -> list[tuple[str, str]]:
    return [
        ("交付包 Package", f"{profile.id} {profile.title.both()}"),
        ("交付单位 Sender", profile.sender.both()),
        ("接收单位 Receiver", profile.receiver.both()),
        ("依据 Basis", profile.basis.both()),
        ("编码 Encoding", f"Shapefile {SHP_ENCODING}；TXT {TXT_ENCODING.upper()}；其余 others UTF-8"),
        (
            "是否 Truth",
            "Shapefile、Excel：是／否；GeoPackage：true/false；文件地理数据库 file geodatabase：1／0",
        ),
        ("日期 Dates", "文件地理数据库中为当日零时 in the file geodatabase: midnight of the day"),
    ]
