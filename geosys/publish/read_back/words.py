"""What the checks of reading back are called, and what helps when one fails."""

from __future__ import annotations

from typing import TYPE_CHECKING

from geosys._text import Text
from geosys.publish.content import Check

if TYPE_CHECKING:
    from collections.abc import Mapping

_AGAIN = Text(
    "不要交付；重新制作交付包，仍不通过时把报告交给程序维护人员",
    "Hand nothing over; make the package again, and if it still fails give this report to those who maintain the program",
)
_TITLES: Mapping[str, Text] = {
    "files": Text("读回：各图层在各格式中齐全", "Read back: every layer is in every format"),
    "opens": Text("读回：文件可读取", "Read back: the file can be read"),
    "layers": Text("读回：文件中的图层", "Read back: the layers in the file"),
    "whole": Text("读回：文件自身无矛盾", "Read back: the file does not contradict itself"),
    "crs": Text("读回：坐标系", "Read back: CRS"),
    "title": Text("读回：图层中文名", "Read back: the layer's title"),
    "fields": Text("读回：字段名及顺序", "Read back: names and order of fields"),
    "types": Text("读回：字段与图形类型", "Read back: types of fields and geometry"),
    "titles": Text("读回：字段中文名", "Read back: titles of fields"),
    "codes": Text("读回：代码表", "Read back: coded values"),
    "rows": Text("读回：行数", "Read back: number of rows"),
    "values": Text("读回：每个值", "Read back: every value"),
    "geometry": Text("读回：每个图形逐点", "Read back: every geometry, vertex by vertex"),
    "area": Text("读回：面积", "Read back: areas"),
    "readers": Text("读回：独立读取程序", "Read back: independent readers"),
}


def check(kind: str, where: str, is_passed: bool, got: str, expected: str, rows: int = 0) -> Check:
    """Return one check; `rows` is how many rows differ where the first one is shown."""
    more = f"（共 {rows} 行 {rows} rows）" if rows > 1 else ""
    do: Text | str = "" if is_passed else _AGAIN
    return Check(f"read_back_{kind}", _TITLES[kind], where, is_passed, got + more, expected, do)
