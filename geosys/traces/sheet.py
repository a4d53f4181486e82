"""The one-page sheet of a trace: map, facts, sentences and the head of each table (一河一策一图)."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import geopandas as gpd
import pandas as pd

from geosys._errors import SpecError
from geosys._text import Text
from geosys.maps.paper.press import compose, open_press, typeset_sheet
from geosys.maps.paper.sheet import Facts, Features, Legend, MapFrame, Paragraph, Row, Sheet, Table
from geosys.standards.water_items import ITEMS
from geosys.traces.downstream import hours_text
from geosys.traces.outputs import context_layers, features_of, is_upstream, map_of, part_named
from geosys.traces.scene import NOT_FILLED
from geosys.traces.upstream import UpstreamReport

if TYPE_CHECKING:
    from pathlib import Path

    from geosys.maps.frames import Meta
    from geosys.maps.paper.press import Press
    from geosys.maps.paper.sheet import Block, Words
    from geosys.maps.spec import MapSpec
    from geosys.traces.downstream import DownstreamReport
    from geosys.traces.scene import Scene

    Report = UpstreamReport | DownstreamReport

KILOMETRE = 1000.0
UNKNOWN, NOT_TOLD, YES, NO = Text("未知", "unknown"), Text("不明", "not known"), Text("是", "yes"), Text("否", "no")
MOST_KINDS = 8  # of unknown things, as many as a small paragraph holds
# Rows of the main table and height of the map in mm, the first that one page holds.
TRIES = ((14, 150.0), (14, 110.0), (12, 84.0), (10, 84.0), (8, 80.0), (6, 80.0), (5, 72.0), (3, 64.0))
WIDTHS = {"above": 2.0, "below": 4.5, "stretch": 5.0}  # of lines on paper, by part
MARGIN = 0.05  # of the extent, around what the trace covers
LEAST_M = 1500.0


def write_sheet(
    path: Path, scene: Scene, report: Report, meta: Meta, press: Press | None = None, language: str = "zh"
) -> int:
    """Write the sheet as one page of A4, PDF, PNG or SVG by the ending of `path`; return how many rows its table has.

    Raises
    ------
    SpecError
        When not even the shortest tables fit on a page.
    """
    machine = press if press is not None else open_press(scene.catalogue.root / "maps")
    for most, height in TRIES:
        sheet = sheet_of(scene, report, meta, most, height, language)
        if typeset_sheet(sheet, "pdf", machine)[1].pages == 1:
            compose(sheet, path, machine)
            return most
    raise SpecError(
        f"sheet of {report.origin.name}: got more than one page with {TRIES[-1][0]} rows, expected one. Shorten names or notes."
    )


def sheet_of(scene: Scene, report: Report, meta: Meta, most: int, height_mm: float, language: str = "zh") -> Sheet:
    """Return the sheet of a report with at most so many rows in its main table, and a map so high, in `zh` or `en`."""
    spec, origin = map_of(scene, report), report.origin
    where = "上游溯源" if is_upstream(report) else "下游影响"
    where_en = "upstream" if is_upstream(report) else "downstream"
    river = "" if origin.name.startswith(origin.river) else origin.river
    title = Text(f"{river}{origin.name}{where}一河一策一图", f"{origin.name}, {where_en}")
    blocks: list[Block] = [*[Paragraph(text, is_strong=n == 1) for n, text in enumerate(report.summary)]]
    blocks.append(_facts(report))
    call = report.origin.call
    blocks.append(Paragraph(Text(f"联系谁——{call.zh or '未登记'}", f"Whom to call — {call.en or 'not filled in'}")))
    blocks.append(Row(((map_frame(scene, report, spec, most, height_mm),), (Legend(),)), shares=(0.72, 0.28)))
    blocks += _tables(report, most)
    blocks.append(Paragraph(_unknown(report.missing), is_small=True))
    used = [one for one in meta.layers if one.rows]
    zh = "；".join(f"{one.title.zh} {one.version[:8]}（{one.rows}）" for one in used)
    en = "; ".join(f"{one.title.en} {one.version[:8]} ({one.rows})" for one in used)
    blocks.append(Paragraph(Text(f"数据与版本（行数）：{zh}。", f"Data, version (rows): {en}."), is_small=True))
    return Sheet(
        title, meta.as_of, meta.program, subtitle=meta.title, blocks=blocks,
        marks=[spec.notice, *([meta.mark] if meta.mark else [])], disclaimer=spec.disclaimer, approval=spec.approval, language=language,
    )  # fmt: skip


def map_frame(scene: Scene, report: Report, spec: MapSpec, most: int, height_mm: float) -> MapFrame:
    """Return the map of a report on paper, in the plan's plane: the stretch of the fault, with all that is above as inset.

    Only what the table lists, `most` rows, is numbered.
    """
    crs = scene.waterway.crs
    looks = spec.palettes
    layers = []
    for layer in context_layers(scene, report):
        view = spec.view(layer.id)
        if view is not None and view.visible:
            style = looks.style(layer.id)
            frame = scene.layers[layer.id].frame.reset_index(drop=True)
            layers.append(
                Features(
                    layer.title,
                    frame,
                    style,
                    looks.classes.get(style.classes, {}),
                    fits=False,
                    rank=6,
                    label=_label(scene, layer.id),
                )
            )
    lines = part_named(report)
    style = looks.style("trace_reach")
    for part, width in WIDTHS.items():  # on a grey print the stretch is told by its width
        some = lines[lines["part"] == part].reset_index(drop=True)
        if len(some):
            look = looks.classes[style.classes][part]
            plain = replace(style, colour=look.colour, fill=look.colour, width=width, by="", classes="")
            layers.append(Features(look.title, some, plain))
    for name, title, frame in features_of(report):
        if not len(frame):
            continue
        points = gpd.GeoDataFrame(frame.drop(columns="geometry"), geometry=frame["geometry"].to_numpy(), crs=crs)
        points["sign"] = _signs(points, most)
        style = looks.style(name)
        layers.append(
            Features(
                title, points.reset_index(drop=True), style, looks.classes.get(style.classes, {}), label="sign", rank=3
            )
        )
    origin = gpd.GeoDataFrame({"name": [report.origin.name]}, geometry=[report.origin.geometry], crs=crs)
    layers.append(Features(report.origin.title, origin, looks.style("trace_origin"), label="name", rank=1))
    inside = lines[lines["part"] == "stretch"]
    is_narrow = 0 < len(inside) < len(lines) and bool((lines["part"] == "above").any())
    extent = _extent(inside if is_narrow else lines, origin)
    base = [layer for layer in layers if not layer.fits]
    overview = [
        *base,
        Features(Text("沿河范围", "Reaches"), lines, looks.style("trace_reach"), looks.classes["trace_part"]),
    ]
    return MapFrame(
        layers, crs, extent=extent, height_mm=height_mm, has_ticks=False, overview=overview if is_narrow else ()
    )


def _label(scene: Scene, layer: str) -> str:
    """Return the column whose text is written at a layer's features: names of rivers only, others would crowd the map."""
    return scene.layers[layer].spec.name or "" if layer == scene.spec.river.layer else ""


def _signs(points: gpd.GeoDataFrame, most: int) -> list[str]:
    """Return what is written at points: their number in the table, of sections the name."""
    for column in ("suspicion", "rank"):
        if column in points.columns and "is_clean" not in points.columns:
            return [str(number) if number <= most else "" for number in points[column].tolist()]
    return [str(name) for name in points["name"]]


def _extent(lines: gpd.GeoDataFrame, origin: gpd.GeoDataFrame) -> tuple[float, float, float, float]:
    both = pd.concat([lines.geometry, origin.geometry])
    west, south, east, north = (float(v) for v in both.total_bounds)
    more = max((east - west) * MARGIN, (north - south) * MARGIN, LEAST_M / 2 - (east - west) / 2 - (north - south) / 2)
    return west - more, south - more, east + more, north + more


def _facts(report: Report) -> Facts:
    rows = [(title, _or_dash(value)) for title, value in report.origin.facts]
    rows.append((Text("编码", "Code"), Text(report.origin.feature_id, report.origin.feature_id)))
    return Facts(rows, columns=min(3, len(rows)))


def _or_dash(text: Text) -> Text:
    return text if text.zh else Text("—", "—")


def _km(metres: float) -> str:
    return f"{metres / KILOMETRE:.1f}"


def _number(value: float) -> Words:
    return UNKNOWN if pd.isna(value) else f"{value:,.0f}"


def _tables(report: Report, most: int) -> list[Block]:
    if not isinstance(report, UpstreamReport):
        return [_targets(report.targets, most)]
    few = most // 2 + 1
    return [_sources(report, most), Row(((_rivers(report, few),), (_sections(report, few),)), shares=(0.5, 0.5))]


def _sources(report: UpstreamReport, most: int) -> Table:
    item = ITEMS[report.items[0]].text if report.items else Text("", "")
    head = (
        Text("次序", "No."), Text("名称", "Name"), Text("类型", "Kind"), Text("距离 km", "km"), Text("问题河段", "In stretch"),
        Text("与超标项目", "Fits"), Text("排放量 t/d", "t/d"), Text(f"{item.zh}负荷 kg/d", f"Load of {item.en} kg/d"),
    )  # fmt: skip
    rows = [
        (
            str(r.suspicion), r.name, Text(r.kind_zh, r.kind_en), _km(r.distance_m), YES if r.is_in_stretch else NO,
            Text(r.fitting or r.match_zh, f"{r.match_en}: {r.fitting}" if r.fitting else r.match_en), _number(r.flow_t_d), _number(r.load_kg_d),
        )
        for r in report.sources.head(most).itertuples()
    ]  # fmt: skip
    whole = len(report.sources)
    title = Text(
        f"可能来源（前 {len(rows)} 个，共 {whole} 个；图上数字为次序）",
        f"Possible sources (first {len(rows)} of {whole}; numbered on the map)",
    )
    return Table(head, rows, widths=(5, 21, 19, 7, 7, 27, 8, 9), right=(3, 6, 7), title=title)


def _rivers(report: UpstreamReport, most: int) -> Table:
    rows = [
        (
            "　" * int(r.depth) + str(r.river_name), _km(r.joins_at_m), _km(r.length_m), str(r.all_sources), _number(r.all_flow_t_d),
            str(r.all_flow_unknown),
        )
        for r in report.tributaries.head(most).itertuples()
    ]  # fmt: skip
    head = (
        Text("河流", "River"), Text("汇入处 km", "Joins at km"), Text("长 km", "km"), Text("来源", "Sources"), Text("已知 t/d", "Known t/d"),
        Text("未知个数", "Unknown"),
    )  # fmt: skip
    count = len(report.tributaries)
    title = Text(
        f"支流树（共 {count} 条，来源与排放量连同其支流）",
        f"Tributaries ({count}; sources and discharge with what runs into each)",
    )
    return Table(head, rows, widths=(30, 14, 12, 10, 16, 14), right=(1, 2, 3, 4, 5), title=title)


def _sections(report: UpstreamReport, most: int) -> Table:
    words = {True: Text("合格", "clean"), False: Text("不合格", "not clean")}
    rows = [
        (
            r.name,
            _km(r.distance_m),
            NOT_TOLD if pd.isna(r.is_clean) else words[bool(r.is_clean)],
            Text(r.why_zh, r.why_en),
        )
        for r in report.sections.head(most).itertuples()
    ]
    head = (Text("断面", "Section"), Text("距离 km", "km"), Text("同月", "In the month"), Text("判断", "Why"))
    count = len(report.sections)
    title = Text(f"上游断面（共 {count} 个，列最近者）", f"Sections above ({count}, the nearest)")
    return Table(head, rows, widths=(34, 14, 14, 38), right=(1,), title=title)


def _targets(targets: pd.DataFrame, most: int) -> Table:
    rows = [
        (
            str(r.rank), Text(r.layer_zh, r.layer_en), r.name, _km(r.distance_m),
            UNKNOWN if pd.isna(r.time_h) else hours_text(float(r.time_h)), Text(r.call_zh, r.call_en) if r.call_zh else NOT_FILLED,
        )
        for r in _spread(targets, most * 2).itertuples()
    ]  # fmt: skip
    head = (
        Text("次序", "No."), Text("对象", "What"), Text("名称", "Name"), Text("距离 km", "km"), Text("最早到达", "Earliest"),
        Text("联系谁", "Whom to call"),
    )  # fmt: skip
    title = Text(
        f"下游对象（列 {len(rows)} 个，共 {len(targets)} 个；图上数字为次序）",
        f"What is below ({len(rows)} of {len(targets)}; numbered on the map)",
    )
    return Table(head, rows, widths=(6, 14, 26, 9, 11, 40), right=(3,), title=title)


def _spread(targets: pd.DataFrame, most: int) -> pd.DataFrame:
    """Return the nearest rows, but of each kind of thing the first one in any case."""
    first = targets.drop_duplicates("layer")
    return pd.concat([first, targets]).drop_duplicates("rank").head(max(most, len(first))).sort_values("rank")


def _unknown(missing: pd.DataFrame) -> Text:
    if not len(missing):
        return Text("未知事项：无。", "Not known: nothing.")
    counts = missing.groupby(["what_zh", "text_zh", "what_en", "text_en"], sort=False).size()
    kinds = list(counts.items())
    zh = "；".join(f"{key[0]}{key[1]}（{count}）" for key, count in kinds[:MOST_KINDS])
    en = "; ".join(f"{key[2]}: {key[3]} ({count})" for key, count in kinds[:MOST_KINDS])
    rest = len(kinds) - MOST_KINDS
    more = Text(f"；另有 {rest} 类，见表", f"; {rest} more kinds, see the table") if rest > 0 else Text("", "")
    return Text(f"未知事项（未知不等于没有）：{zh}{more.zh}。", f"Not known (which is not none): {en}{more.en}.")
