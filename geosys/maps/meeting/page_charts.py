"""Make charts fit for the page of a pack: pictures of whitelisted shapes with ids of their own, and the values as a table."""

from __future__ import annotations

import re
from dataclasses import fields, is_dataclass, replace
from html import escape
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

from geosys._errors import SpecError
from geosys._text import Text
from geosys.maps.charts import chart_file
from geosys.maps.charts_values import Flows, Schedule, Stack, Trend
from geosys.maps.meeting.content import Column, Listing

if TYPE_CHECKING:
    from collections.abc import Sequence

    from geosys.maps.charts_values import Chart
    from geosys.maps.paper.press import Press
    from geosys.maps.paper.sheet import Words

_ELEMENTS = {
    "svg",
    "g",
    "defs",
    "symbol",
    "use",
    "path",
    "rect",
    "circle",
    "line",
    "polygon",
    "polyline",
    "clipPath",
    "image",
}
_ATTRIBUTES = {
    "viewBox", "d", "fill", "fill-rule", "fill-opacity", "opacity", "stroke", "stroke-width", "stroke-linecap",
    "stroke-linejoin", "stroke-miterlimit", "stroke-dasharray", "stroke-dashoffset", "stroke-opacity", "transform", "x", "y",
    "x1", "y1", "x2", "y2", "cx", "cy", "r", "rx", "ry", "points", "width", "height", "overflow", "preserveAspectRatio",
    "clip-path", "clip-rule", "clipPathUnits", "id",
}  # fmt: skip
_INSIDE = re.compile(r"url\(#([\w.-]+)\)")
_PICTURE = re.compile(r"data:image/(?:png|jpeg|svg\+xml);base64,[A-Za-z0-9+/=]+")
_NUMBER, _NAME = "number", "name"
_LONGEST = 150  # letters, wider than a chart of the page


def draw_for_page(charts: Sequence[tuple[str, Chart]], press: Press) -> list[list[str]]:
    """Return each chart as SVG in Chinese and in English; no two pictures share an id.

    Raises
    ------
    SpecError
        When a chart cannot be drawn, or its picture holds what a picture does not need.
    """
    return [
        [
            safe_svg(
                chart_file(_brief(chart), "svg", press, language=language), f"c{number}{language}-", f"chart '{name}'"
            )
            for language in ("zh", "en")
        ]
        for number, (name, chart) in enumerate(charts)
    ]


def _brief(part: Any) -> Any:
    """Return a chart, or a part of one, without the tails of texts that are wider than any chart; its table has them whole."""
    if isinstance(part, str):
        return part if len(part) <= _LONGEST else f"{part[: _LONGEST - 1]}…"
    if isinstance(part, (list, tuple)):
        return [_brief(one) for one in part]
    if is_dataclass(part) and not isinstance(part, type):
        return replace(part, **{one.name: _brief(getattr(part, one.name)) for one in fields(part)})
    return part


def safe_svg(svg: bytes, prefix: str, what: str) -> str:
    """Return a picture that holds nothing but shapes, and refers to nothing outside itself.

    Parameters
    ----------
    prefix : put before each id, so that pictures of one page do not meet.
    what : named in messages.

    Raises
    ------
    SpecError
        For an element that is no shape, and for an address outside the picture.

    Examples
    --------
    >>> safe_svg(b'<svg xmlns="http://www.w3.org/2000/svg" onload="x()"><path id="a" d="M0 0"/></svg>', "c1-", "chart")
    '<svg xmlns="http://www.w3.org/2000/svg"><path id="c1-a" d="M0 0"></path></svg>'
    """
    root = ET.fromstring(svg)  # noqa: S314  our own typesetter wrote it
    head = ' xmlns="http://www.w3.org/2000/svg"'
    # the page gives the size: a picture of fixed points would leave a narrow screen
    root.attrib.pop("width", None)
    root.attrib.pop("height", None)
    return _write(root, prefix, what, head)


def _write(element: ET.Element, prefix: str, what: str, head: str = "") -> str:
    tag = element.tag.rpartition("}")[2]
    if tag not in _ELEMENTS:
        raise SpecError(
            f"{what}: got the element <{tag}> in its picture, expected one of {', '.join(sorted(_ELEMENTS))}."
        )
    for key, value in element.attrib.items():
        name = key.rpartition("}")[2]
        if name == "href":
            head += f' href="{_address(value, prefix, what)}"'
        elif name in _ATTRIBUTES:
            text = prefix + value if name == "id" else _INSIDE.sub(rf"url(#{prefix}\1)", value)
            head += f' {name}="{escape(text)}"'
    return f"<{tag}{head}>{''.join(_write(child, prefix, what) for child in element)}</{tag}>"


def _address(value: str, prefix: str, what: str) -> str:
    """Return where a part of a picture points: to another part of it, or to a picture that it carries."""
    if value.startswith("#"):
        return escape(f"#{prefix}{value[1:]}")
    if not _PICTURE.fullmatch(value):
        raise SpecError(f"{what}: got the address {value[:60]!r} in its picture, expected one inside it.")
    return value


def chart_table(name: str, chart: Chart) -> Listing:
    """Return the values of a chart as a table: for readers of the screen, and to copy."""
    makers: dict[type, Any] = {Stack: _stack, Trend: _trend, Schedule: _schedule, Flows: _flows}
    columns, rows = makers[type(chart)](chart)
    return Listing(name, _text(chart.title), columns, rows, len(rows))


def _stack(chart: Stack) -> tuple[list[Column], list[list[object]]]:
    columns = [Column(f"class_{i}", swatch.title, _NUMBER, str(chart.unit)) for i, swatch in enumerate(chart.classes)]
    return [Column(_NAME, Text("名称", "Name")), *columns], [[name, *values] for name, values in chart.rows]


def _trend(chart: Trend) -> tuple[list[Column], list[list[object]]]:
    columns = [Column(f"line_{i}", _text(line.title), _NUMBER, str(chart.unit)) for i, line in enumerate(chart.lines)]
    rows: list[list[object]] = [
        [period, *(line.values[i] for line in chart.lines)] for i, period in enumerate(chart.periods)
    ]
    if chart.target is not None:
        columns.append(Column("target", _text(chart.target_title or Text("目标", "Target")), _NUMBER, str(chart.unit)))
        rows = [[*row, chart.target] for row in rows]
    return [Column("period", Text("时段", "Period")), *columns], rows


def _schedule(chart: Schedule) -> tuple[list[Column], list[list[object]]]:
    titles = (
        Text("下限", "Lower bound"), Text("上限", "Upper bound"), Text("目标", "Target"), Text("按进度应达", "Due by the schedule"),
    )  # fmt: skip
    columns = [Column(f"value_{i}", title, _NUMBER, "%") for i, title in enumerate(titles)]
    rows: list[list[object]] = [[r.title, r.lower, r.upper, r.target, r.expected, r.note] for r in chart.rows]
    return [Column(_NAME, Text("事项", "Task")), *columns, Column("note", Text("说明", "Note"))], rows


def _flows(chart: Flows) -> tuple[list[Column], list[list[object]]]:
    columns = [
        Column("from", Text("从", "From")), Column("to", Text("到", "To")),
        Column("amount", Text("数量", "Amount"), _NUMBER, str(chart.unit)),
    ]  # fmt: skip
    return columns, [[_place(chart, a), _place(chart, b), amount] for a, b, amount in chart.flows]


def _place(chart: Flows, number: int) -> Text:
    """Return a state with its column, in both languages."""
    state = chart.states[number]
    column, title = _text(chart.columns[state.column]), _text(state.title)
    return Text(f"{column.zh} {title.zh}", f"{column.en} {title.en}")


def _text(words: Words) -> Text:
    return words if isinstance(words, Text) else Text(str(words), str(words))
