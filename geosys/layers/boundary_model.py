"""Boundary-point files (界址点 TXT): plots as lists of numbered points under a header, and how senders spell them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from geosys._text import Text

if TYPE_CHECKING:
    import shapely

COUNT, AREA, KIND, PURPOSE = "界址点数", "地块面积", "记录图形属性", "地块用途"
BEFORE_KIND = {
    3: (COUNT, AREA, "地块名称"),
    4: (COUNT, AREA, "地块编号", "地块名称"),
    6: (COUNT, AREA, "行政区代码", "行政区名称", "地块编号", "地块名称"),
}
AFTER_KIND = ("图幅号", PURPOSE, "地类编码", "图斑类型", "地类", "改造前质量等别", "改造后质量等别", "备注")
STANDARD = (*BEFORE_KIND[4], KIND, *AFTER_KIND[:3])
ATTRIBUTES, PLOTS = "属性描述", "地块坐标"
WHOLE_FILE = -1

# what a fault is called, how grave it is, and its title; an error leaves the geometry of its plot (or the CRS) unsettled
FAULTS: dict[str, tuple[str, Text]] = {
    "line_too_long": ("error", Text("行过长，未读取", "A line is too long and was not read")),
    "bad_point": ("error", Text("界址点行无法读取", "A point cannot be read")),
    "unknown_line": ("warning", Text("无法识别的行", "A line is of no known form")),
    "no_points": ("error", Text("地块没有界址点", "A plot has no points")),
    "points_without_plot": ("warning", Text("界址点之前没有地块属性行", "Points stand before any plot line")),
    "short_plot_line": ("warning", Text("地块属性行缺少项目", "A plot line lacks attributes")),
    "many_attributes": ("warning", Text("地块属性行项目过多，其余未读取", "A plot line has too many attributes; the rest was not read")),
    "no_at_sign": ("notice", Text("地块属性行末尾没有 @", "A plot line lacks its @")),
    "mixed_separators": ("warning", Text("分隔符混用", "Separators are mixed")),
    "no_attribute_section": ("warning", Text("没有[属性描述]", "There is no [属性描述]")),
    "no_plot_section": ("warning", Text("没有[地块坐标]", "There is no [地块坐标]")),
    "header_repeated": ("error", Text("文件头同一项有不同的值", "The header states one thing twice, differently")),
    "extra_value": ("warning", Text("界址点行有多余的值，未读取", "A point has a value too many; it was not read")),
    "ring_missing": ("warning", Text("界址点没有地块圈号，按闭合点分圈", "Points have no ring number; rings end where they close")),
    "ring_number_repeated": ("warning", Text("不同的圈使用同一圈号", "Two rings bear one number")),
    "ring_not_closed": ("warning", Text("圈未闭合，其他圈闭合", "A ring is open while others are closed")),
    "closing_gap": ("warning", Text("首尾点号相同但坐标略有差异", "The closing point is slightly off the first")),
    "closing_point_differs": ("error", Text("首尾点号相同但坐标不同", "The closing point is not where the first is")),
    "few_points": ("error", Text("圈的点数不足以成面", "A ring has too few points")),
    "too_many_rings": ("error", Text("地块的圈数超过上限", "A plot has more rings than are read")),
    "too_many_points": ("error", Text("地块的点数超过上限", "A plot has more points than are read")),
    "point_number_gap": ("warning", Text("点号不连续，可能缺行", "Point numbers leave a gap; a line may be lost")),
    "invalid_geometry": ("warning", Text("图形无效", "The geometry is invalid")),
    "bad_count": ("warning", Text("界址点数不是整数", "The stated point count is no whole number")),
    "point_count": ("warning", Text("界址点数与实际不符", "The stated point count differs from the points")),
    "bad_area": ("warning", Text("地块面积不是数字", "The stated area is no number")),
    "area_unit": ("notice", Text("地块面积的单位不是公顷", "The stated area is not in hectares")),
    "area_differs": ("warning", Text("地块面积与坐标计算的面积不符", "The stated area differs from that of the points")),
    "order_unsettled": ("error", Text("无法确定 X、Y 次序", "The order of X and Y cannot be settled")),
    "order_mixed": ("warning", Text("地块之间 X、Y 次序不一致", "Plots differ in the order of X and Y")),
    "out_of_place": ("error", Text("坐标值不合理", "A coordinate is out of all bounds")),
    "zone_contradicts": ("error", Text("带号与坐标不符", "The stated zone contradicts the eastings")),
    "zone_width_contradicts": ("error", Text("几度分带与带号不符", "The stated zone width contradicts the zone")),
    "zone_mixed": ("error", Text("坐标带有不同的带号", "Eastings bear different zones")),
    "zone_unknown": ("error", Text("没有带号", "No zone is stated")),
    "zone_is_meridian": ("notice", Text("带号处写的是中央经线", "The zone is stated as a central meridian")),
    "unit_contradicts": ("error", Text("计量单位与坐标不符", "The stated unit contradicts the numbers")),
    "projection_contradicts": ("error", Text("投影类型不是高斯克吕格", "The stated projection is not Gauss-Kruger")),
    "datum_unstated": ("error", Text("没有说明坐标系", "No datum is stated")),
    "datum_unknown": ("error", Text("坐标系名称无法识别", "The stated datum is not known")),
    "datum_not_converted": ("error", Text("该坐标系没有公开的转换参数", "The stated datum has no valid public shift")),
    "parameters_not_applied": ("warning", Text("转换参数未使用", "Transformation parameters are stated and not applied")),
    "maybe_packed_degrees": ("warning", Text("坐标可能是“度.分秒”而非十进制度", "Degrees may be packed ddd.mmss, not decimal")),
    "more_faults": ("warning", Text("问题过多，其余未列出", "More faults than are listed")),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Entry:
    """Hold one `key=value` of the header and its section."""

    key: str
    value: str
    section: str = ATTRIBUTES
    line: int = 0


@dataclass(frozen=True, slots=True)
class Point:
    """Hold one point as written: its number, ring, the two values in the file's order, and its line."""

    number: str
    ring: int
    first: float
    second: float
    line: int


@dataclass(frozen=True, slots=True)
class Fault:
    """Hold one fault: where, what (a key of `FAULTS`), the two sides, how grave; `block` counts plots from 0."""

    line: int
    what: str
    got: str
    expected: str
    severity: str
    block: int = WHOLE_FILE

    @property
    def title(self) -> Text:
        """Return the fault's title in both languages."""
        return FAULTS[self.what][1]


@dataclass(frozen=True, slots=True)
class Dialect:
    """Hold how a file is spelled.

    Attributes
    ----------
    prefix, pad
        What stands before a point's number (``J`` or nothing) and its least digits (2 for ``J01``).
    attributes
        Names of a plot line's fields in order, without the ``@``.
    has_at
        Whether a plot line ends in ``@``.
    has_plot_lines, has_header
        Whether plots have attribute lines, and the file an ``[属性描述]``.
    north_first
        Whether the first value is the surveyors' X (north, or latitude); None where that is unsettled.
    is_degrees, has_zone_prefix
        Whether values are degrees, and whether eastings begin with the zone's number.
    decimals
        Digits after the point.
    is_closed
        Whether each ring ends in its first point.
    counts_closing
        Whether the stated point count holds a closing point for each ring.
    points_restart, rings_restart
        Where numbers begin again at 1: points with each ``ring``, ``plot`` or ``file``; rings with each ``plot`` or
        only once a ``file``.
    separator, newline, encoding
        Between fields, lines, and letters.
    """

    prefix: str = "J"
    pad: int = 0
    attributes: tuple[str, ...] = STANDARD
    has_at: bool = True
    has_plot_lines: bool = True
    has_header: bool = True
    north_first: bool | None = True
    is_degrees: bool = False
    has_zone_prefix: bool = True
    decimals: int = 3
    is_closed: bool = True
    counts_closing: bool = True
    points_restart: str = "ring"
    rings_restart: str = "plot"
    separator: str = ","
    newline: str = "\r\n"
    encoding: str = "utf-8"


@dataclass(frozen=True, slots=True)
class Block:
    """Hold one plot.

    Attributes
    ----------
    values
        The plot line's texts by attribute name.
    geometry
        The plot, x = east or longitude, in the numbers of the file (with zone prefix where it has one); None where
        a fault leaves it unsettled.
    points
        The points as written, and `line` that of the plot line.
    zone
        The zone that prefixes its eastings, or None.
    area_unit
        The unit in which the stated area fits the points: 公顷, 平方米, 亩, 平方公里, or an empty text.
    """

    values: dict[str, str]
    geometry: shapely.Geometry | None
    points: tuple[Point, ...] = ()
    line: int = 0
    zone: int | None = None
    area_unit: str = ""


@dataclass(frozen=True, slots=True)
class BoundaryFile:
    """Hold one file: header in its order, plots, dialect, faults, and what is known of the coordinates.

    Attributes
    ----------
    crs
        The CRS where header and numbers agree on one, otherwise None.
    crs_candidates
        The CRSs that numbers (first) and header name; Beijing 54 and Xian 80 are named and never converted.
    zone
        The zone of the numbers, otherwise of the header.
    """

    header: tuple[Entry, ...]
    blocks: tuple[Block, ...]
    dialect: Dialect
    faults: tuple[Fault, ...] = ()
    crs: str | None = None
    crs_candidates: tuple[str, ...] = ()
    zone: int | None = None
    evidence: str = ""
    name: str = ""


@dataclass(slots=True)
class FaultLog:
    """Gather faults up to a number that people can read; the rest are counted."""

    rows: list[Fault] = field(default_factory=list)
    unlisted: int = 0

    def add(self, what: str, line: int, got: object, expected: str, block: int = WHOLE_FILE) -> None:
        """Note one fault; a long text is cut."""
        if len(self.rows) >= MOST_FAULTS and FAULTS[what][0] != "error":
            self.unlisted += 1
            return
        if len(self.rows) >= 2 * MOST_FAULTS:
            self.unlisted += 1
            return
        text = str(got)
        text = text if len(text) <= _MOST_SHOWN else text[:_MOST_SHOWN] + "…"
        self.rows.append(Fault(line, what, text, expected, FAULTS[what][0], block))

    def closed(self) -> tuple[Fault, ...]:
        """Return all faults by line, and one more for those not listed."""
        rows = sorted(self.rows, key=lambda f: f.line)
        if self.unlisted:
            text = f"{self.unlisted} more"
            rows.append(Fault(0, "more_faults", text, f"at most {MOST_FAULTS}", FAULTS["more_faults"][0]))
        return tuple(rows)


MOST_FAULTS = 1000
_MOST_SHOWN = 120
