"""What the checks of a package are called, what helps, and which of them keep it in the house."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from geosys._text import Text
from geosys.publish.content import Check

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

MOST_TOLD = 20  # rows that one check of one layer names; the rest is counted


@dataclass(frozen=True, slots=True)
class CheckKind:
    """Hold the title of a check, what helps when it fails, and whether it stops the package."""

    title: Text
    do: Text
    stops: bool = True


_MEND = Text("在来源数据中改正后重新接收", "Mend it in the source and take it in again")
_FIELD = Text("改正来源数据，或在配置中放宽该字段", "Mend the source, or widen the field in the profile")
_SHAPE = Text("在来源数据中改正图形后重新接收", "Mend the shape in the source and take it in again")
_LETTERS = Text(
    "在来源数据中改正后重新接收；只是 GBK 没有的字符，也可从 formats 中去掉 shp",
    "Mend it in the source and take it in again; letters that only GBK lacks may leave without 'shp' among the formats",
)
_SPLIT = Text(
    "在配置中用 where 把图层分成几个（每个一份 TXT），或从 formats 中去掉 txt",
    "Split the layer in the profile by 'where' (each has a TXT of its own), or take 'txt' out of its formats",
)
_ASK = Text("与接收单位核对", "Ask the receiver")

_LATER = Text("重新运行 geosys run", "Run 'geosys run' again")
_LAYER = Text("先建立所缺图层", "Make the layer that is lacking first")
KINDS: Mapping[str, CheckKind] = {
    "layers_there": CheckKind(Text("有可交付的图层", "There are layers to hand over"), _LAYER),
    "disclosure": CheckKind(
        Text("密级允许对外提供", "Disclosure allows it to leave"),
        Text("由有权决定的人批准并写入 geosys.toml [[permissions]]", "Let the one who decides approve it, and enter geosys.toml [[permissions]]"),
    ),
    "needed_rows": CheckKind(Text("必需图层有数据", "Needed layers have rows"), Text("接收该图层后再交付", "Take the layer in first")),
    "findings_there": CheckKind(Text("有上次运行的线索", "There are findings of a run"), Text("先运行 geosys run", "Run 'geosys run' first")),
    "findings_current": CheckKind(Text("线索与图层同步", "Findings are of the layers as they are"), _LATER),
    "row_count": CheckKind(Text("要素数一致", "Counts add up"), Text("报告程序错误", "Report it: the program is wrong")),
    "value_type": CheckKind(Text("值的类型", "Values have the field's type"), _FIELD),
    "required": CheckKind(Text("必填值", "Required values are there"), _MEND),
    "text_length": CheckKind(Text("文字长度", "Texts are not too long"), _FIELD),
    "text_bytes": CheckKind(Text("文字字节数（GBK）", "Texts fit into a shapefile"), _FIELD),
    "letters": CheckKind(Text("字符可写入", "Letters can be written"), _LETTERS),
    "blank_ends": CheckKind(Text("文字首尾无空白", "Texts begin and end without blanks"), _MEND),
    "number_digits": CheckKind(Text("数字位数", "Numbers have no more digits than the field"), _FIELD),
    "codes": CheckKind(Text("代码有效", "Codes are of the list"), _MEND),
    "unique_key": CheckKind(Text("主键唯一", "Keys are unique"), _MEND),
    "geometry_there": CheckKind(Text("图形存在", "Every row has a shape"), _SHAPE),
    "geometry_type": CheckKind(Text("图形类型", "Shapes are of the layer's kind"), _SHAPE),
    "geometry_valid": CheckKind(Text("图形有效", "Shapes are valid"), _SHAPE),
    "ring_self_touch": CheckKind(Text("边界不自接触", "Rings do not touch themselves"), _SHAPE),
    "duplicate_vertices": CheckKind(Text("无重复点", "No vertex stands twice in a row"), _SHAPE),
    "slivers": CheckKind(Text("无碎面", "No slivers"), _SHAPE),
    "overlaps": CheckKind(Text("图斑不重叠", "Polygons do not overlap"), _SHAPE),
    "inside_region": CheckKind(Text("位于范围内", "Shapes lie in the region"), _MEND),
    "crs": CheckKind(Text("坐标系", "CRS is the one asked for"), Text("报告程序错误", "Report it: the program is wrong")),
    "coordinates": CheckKind(Text("坐标值合理", "Coordinates fit the CRS"), _MEND),
    "area_sum": CheckKind(Text("面积与来源一致", "Areas add up to the source's"), Text("报告程序错误", "Report it: the program is wrong")),
    "area_field": CheckKind(Text("面积字段与图形一致", "Area fields are those of the shapes"), Text("用椭球面积列", "Take the ellipsoidal area")),
    "boundary_size": CheckKind(Text("界址点文件不超过读取上限", "The boundary-point file is not larger than its reader takes"), _SPLIT),
    "source_critical": CheckKind(Text("来源无严重数据问题", "The source has no critical issue"), _MEND),
    "source_errors": CheckKind(Text("来源的错误", "Errors of the source"), Text("见 issues.xlsx", "See issues.xlsx"), stops=False),
    "withheld_rows": CheckKind(Text("未采用的行", "Rows withheld by intake"), Text("见 issues.xlsx", "See issues.xlsx"), stops=False),
    "left_out_unknown": CheckKind(Text("因缺值未选入的行", "Rows left out for lack of a value"), _MEND, stops=False),
    "lacking": CheckKind(Text("配置要求而无图层的内容", "What is asked for and no layer holds"), _ASK, stops=False),
    "field_certainty": CheckKind(Text("字段未经平台确认", "Fields that the platform has not confirmed"), _ASK, stops=False),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Fault:
    """Hold one thing that a check found: where, what was got, what was expected."""

    where: str
    got: str
    expected: str


@dataclass(slots=True)
class Findings:
    """Collect what the checks of one layer found; a check that found nothing is one that passed."""

    layer: str
    rows: list[Check] = field(default_factory=list)

    def tell(self, kind: str, faults: Iterable[Fault], passed: str = "") -> None:
        """Note the outcome of one check: passed with `passed` as what was got, or failed once for each fault.

        After `MOST_TOLD` faults the rest is counted.
        """
        words, count, title = KINDS[kind], 0, KINDS[kind].title
        for fault in faults:
            count += 1
            if count <= MOST_TOLD:
                where = f"{self.layer} {fault.where}".strip()
                self.rows.append(Check(kind, title, where, False, fault.got, fault.expected, words.do, words.stops))
        if count > MOST_TOLD:
            got = f"另有 {count - MOST_TOLD} 处 {count - MOST_TOLD} more"
            self.rows.append(Check(kind, title, self.layer, False, got, "", words.do, words.stops))
        if not count:
            self.rows.append(Check(kind, title, self.layer, True, passed, stops=words.stops))


def is_stopped(checks: Iterable[Check]) -> bool:
    """Say whether a package must stay in the house."""
    return any(check.stops and not check.is_passed for check in checks)
