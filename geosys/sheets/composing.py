"""Default sheets of a workspace: a sheet's spec with what is stored and what the last run found, as a sheet that can be printed."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import shapely

from geosys._errors import SpecError
from geosys._faults import nearest
from geosys._text import Text
from geosys.maps.charts import picture_of
from geosys.maps.palettes import Style
from geosys.maps.paper.layout import Layout
from geosys.maps.paper.origins import printed_of
from geosys.maps.paper.press import compose, typeset_sheet
from geosys.maps.paper.sheet import Features, Legend, MapFrame, Paragraph, Row, Sheet, Table
from geosys.maps.sheet_parts import LayerPart, SheetSpec
from geosys.maps.sheet_spec import FINDINGS
from geosys.sheets.charts import chart_of
from geosys.sheets.desk import check_audience, meta_of, staleness
from geosys.sheets.filling import Leaf, filled
from geosys.sheets.layers import WORST, features_of, shares
from geosys.sheets.tables import table_of
from geosys.sheets.versions import (
    change_counts,
    changes_of,
    class_flows,
    earlier_version,
    features_of_change,
    read_version,
)

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import geopandas as gpd

    from geosys.maps.paper.press import Press
    from geosys.maps.paper.sheet import Block, Printed
    from geosys.sheets.desk import Desk

SIDE, AFTER = "side", "after"
NO_VERSION = Text("没有可比的历史版本", "there is no earlier version")
_ROW_MM = 150.0  # of two maps side by side
_NOTE_MM = 3.6  # of one line of notes or sources on the smallest paper
TRIED = (0.98, 0.93, 0.86, 0.0)  # of a page: how much is filled, less where what was reckoned runs over


@dataclass(frozen=True, slots=True)
class Wanted:
    """Hold how a sheet is wanted: its paper, language, page numbers; None or nothing: as the spec says.

    `focus` is the one feature that an atlas makes the page of, `before` the version to compare with, `layer` the layer.
    """

    paper: str = ""
    is_landscape: bool | None = None
    language: str = "zh"
    first_page: int = 1
    last_page: int = 0
    scale: int | None = None
    layer: str = ""
    before: str = ""


def spec_named(desk: Desk, name: str) -> SheetSpec:
    """Return the sheet of a name; the name of a layer gives that layer upon the base map.

    Raises
    ------
    SpecError
        When it is neither.
    """
    if name in desk.book.sheets:
        return desk.book.sheets[name]
    schema = desk.schemas.get(name)
    if schema is None:
        hint = nearest(name, [*desk.book.sheets, *desk.schemas]) or f"Known: {', '.join(desk.book.sheets)}."
        raise SpecError(f"sheet: got '{name}', expected a sheet of maps/sheets/ or a layer. {hint}")
    if schema.geometry == "none":
        raise SpecError(f"sheet '{name}': got a layer without geometry, expected one with places. Name another layer.")
    part = LayerPart(name, label=schema.name_field or "", fits=False, needed=True, rank=2)
    known = [p.layer for p in desk.book.under]
    if name in known:
        part = replace(part, label="")
    return SheetSpec(name, schema.title, layers=(part,))


def sheet_of(desk: Desk, spec: SheetSpec, press: Press, wanted: Wanted = Wanted()) -> Sheet:
    """Return a default sheet.

    Raises
    ------
    SpecError
        When a layer that the sheet is about has no feature, or there is nothing to compare.
    DisclosureError
        When it would show more than its audience may see.
    """
    parts = parts_of(desk, spec)
    check_audience(desk, spec, parts)
    _check_needed(desk, spec)
    if spec.versions_of:
        return _compared(desk, spec, press, wanted)
    features = [features_of(desk, part, spec) for part in parts]
    used = layers_used(desk, spec)
    side = _beside(desk, spec, press, wanted)
    after = _behind(desk, spec, press, wanted, used)
    main = None
    if spec.has_map:
        main = MapFrame(features, desk.crs, scale=wanted.scale, extent=None if wanted.scale is None else _middle(desk))
    blocks = (
        after
        if main is not None or after
        else [Paragraph(Text("没有可显示的数据。", "There is nothing to show."), is_strong=True)]
    )
    return printed(desk, spec, wanted, used, main=main, side=side, blocks=blocks)


def parts_of(desk: Desk, spec: SheetSpec) -> list[LayerPart]:
    """Return what a sheet draws, the lowest first: the base map, then its own layers, which write their names in its stead."""
    labelled = {part.layer for part in spec.layers if part.label}
    return [*(replace(p, label="") if p.layer in labelled else p for p in desk.book.under), *spec.layers]


def layers_used(desk: Desk, spec: SheetSpec) -> list[str]:
    """Return the layers that a sheet shows, counts or lists, in that order: its sources."""
    named = [part.layer for part in (*(desk.book.under if spec.has_map else ()), *spec.layers)]
    for chart in spec.charts:
        named += [chart.layer, *chart.layers, *(one.rate.layer for one in shares(desk, chart.rates, ""))]
    named += [table.layer for table in spec.tables]
    return [name for name in dict.fromkeys(named) if name in desk.layers]


def write_sheet(desk: Desk, spec: SheetSpec, path: Path, press: Press, wanted: Wanted = Wanted()) -> Printed:
    """Write a default sheet, whole or not at all; return what became of it."""
    return compose(sheet_of(desk, spec, press, wanted), path, press)


def _middle(desk: Desk) -> tuple[float, float, float, float]:
    west, south, east, north = desk.frame(desk.book.frame_on).total_bounds
    x, y = (west + east) / 2, (south + north) / 2
    return x, y, x, y


def printed(
    desk: Desk, spec: SheetSpec, wanted: Wanted, used: Sequence[str], *, main: MapFrame | None = None, side: Sequence[Block] = (),
    blocks: Sequence[Block] = (), title: Text | None = None, notes: Sequence[Text] = (),
) -> Sheet:  # fmt: skip
    """Return a sheet with what all of them print: title, day, marks, foot, notes, sources."""
    place = desk.workspace.title
    head = title or Text(f"{place.zh}{spec.title.zh}", f"{place.en}: {spec.title.en}")
    said = printed_of(meta_of(desk, [n for n in dict.fromkeys(used) if n in desk.layers]), desk.screen)
    if spec.audience != "internal":
        said = {**said, "marks": [mark for mark in said["marks"] if mark != desk.screen.notice]}
    asks_run = asks_a_run(desk, spec)
    told = [*notes, *spec.notes, *(staleness(desk, dict.fromkeys(used)) if asks_run else [])]
    turned = spec.is_landscape if wanted.is_landscape is None else wanted.is_landscape
    return Sheet(
        head, subtitle=spec.about, paper=wanted.paper or spec.paper, is_landscape=turned, main=main, side=side, blocks=blocks,
        notes=told, first_page=wanted.first_page, last_page=wanted.last_page, language=wanted.language, **said,
    )  # fmt: skip


def asks_a_run(desk: Desk, spec: SheetSpec) -> bool:
    """Say whether a sheet rests on what a run of the rules found."""
    names = [*(p.layer for p in spec.layers), *(c.layer for c in spec.charts), *(t.layer for t in spec.tables)]
    columns = [name for c in spec.charts for name in (c.column, *c.columns)]
    columns += [name for p in spec.layers for name in (desk.book.style_of(p).by, p.sign_by)]
    return FINDINGS in names or WORST in columns


def _check_needed(desk: Desk, spec: SheetSpec) -> None:
    for part in spec.layers:
        if part.needed and not len(features_of(desk, part, spec).frame):
            there = "no layer" if part.layer not in desk.layers and part.layer != FINDINGS else "no feature"
            title = part.title if part.title.zh else desk.title(part.layer)
            raise SpecError(
                f"sheet '{spec.name}', {title.both()}: got {there}, expected at least one feature. "
                "Deliver the layer and run 'geosys run', or choose another sheet."
            )


def _beside(desk: Desk, spec: SheetSpec, press: Press, wanted: Wanted) -> list[Block]:
    """Return what stands beside the map: charts, then tables."""
    paper, measures = wanted.paper or spec.paper, press.measures
    width, size = measures.layout["side_width"] * measures.growth(paper), measures.text_pt[paper] * 0.9
    charts = [chart for part in spec.charts if part.place == SIDE and (chart := chart_of(desk, part, spec)) is not None]
    tables = [table_of(desk, part, spec) for part in spec.tables if part.place == SIDE]
    return [
        *(picture_of(chart, press, width_mm=width, language=wanted.language, size_pt=size) for chart in charts),
        *(table for table in tables if table is not None),
    ]


def _behind(desk: Desk, spec: SheetSpec, press: Press, wanted: Wanted, used: Sequence[str]) -> list[Block]:
    """Return the charts and tables that come after the map, so that they fill their page and begin no further one."""
    charts = [
        chart for part in spec.charts if part.place == AFTER and (chart := chart_of(desk, part, spec)) is not None
    ]
    tables = [part for part in spec.tables if part.place == AFTER]
    empty = printed(desk, spec, wanted, used, blocks=[Paragraph("")])
    if spec.has_map:  # then these stand on the first page
        empty = replace(empty, notes=(), sources=(), boxes=())
    layout = Layout(empty, press.measures, press.fonts)
    height = layout.height - _foot_height(empty, press)
    blocks: list[Block] = []
    for share in TRIED:
        leaf = Leaf(layout.width, height * share, press.measures.text_pt[empty.paper], wanted.language)
        blocks = filled(charts, tables, lambda part: table_of(desk, part, spec), leaf, press)
        if not blocks or share == 0.0 or typeset_sheet(replace(empty, blocks=blocks), "pdf", press)[1].pages == 1:
            break
    return blocks


def _foot_height(sheet: Sheet, press: Press) -> float:
    """Return about how much height in millimetres boxes, notes and sources take at the end of a sheet without a map."""
    grow = press.measures.growth(sheet.paper)
    boxes = press.measures.layout["boxes"] * grow + 4.0 if sheet.boxes is None else 0.0
    return boxes + (len(sheet.notes) + len(sheet.sources) + 2) * _NOTE_MM * grow * bool(sheet.notes or sheet.sources)


def _compared(desk: Desk, spec: SheetSpec, press: Press, wanted: Wanted) -> Sheet:
    """Return the sheet of two versions of a layer.

    Raises
    ------
    SpecError
        When no layer has an earlier version.
    """
    names = [wanted.layer] if wanted.layer else list(spec.versions_of)
    there = [(n, wanted.before or earlier_version(desk.workspace.store, n)) for n in names if n in desk.layers]
    chosen = next(((n, v) for n, v in there if v), None)
    if chosen is None:
        titles = "、".join(desk.title(n).zh for n in names)
        raise SpecError(
            f"sheet '{spec.name}': got no earlier version of {titles}, expected one. A second delivery makes it: "
            "run 'geosys run' again after it came, or name another layer with --layer."
        )
    layer, version = chosen
    column = desk.book.style_named(layer).by
    before, after = changes_of(read_version(desk, layer, version), desk.frame(layer), column)
    extent = _extent_of(desk, before, after)
    under = [features_of(desk, part, spec) for part in desk.book.under if part.layer != layer]
    current = desk.layers[layer].version
    maps = [
        MapFrame(
            [*under, *features_of_change(desk, layer, frame, is_after=now)],
            desk.crs,
            extent=extent,
            height_mm=_ROW_MM,
            title=said,
        )
        for frame, now, said in (
            (
                before,
                False,
                Text(f"此前：版本 {version}，{len(before)} 行", f"Before: version {version}, {len(before)} rows"),
            ),
            (after, True, Text(f"现在：版本 {current}，{len(after)} 行", f"Now: version {current}, {len(after)} rows")),
        )
    ]
    counts, looks = change_counts(before, after), desk.book.classes_named("change")
    table = Table(
        (Text("变化", "Change"), Text("个数", "Count")),
        [(looks[w].title, str(n)) for w, n in counts.items()],
        widths=(3, 1),
        right=(1,),
    )
    flows = class_flows(desk, layer, before, after, Text("类别流向（个数）", "Classes before and now (count)"))
    half = (press.measures.page(wanted.paper or spec.paper, is_landscape=True)[0] - 26.0) / 2
    below: list[Block] = (
        [picture_of(flows, press, width_mm=half, language=wanted.language)] if flows is not None else []
    )
    title = Text(
        f"{desk.workspace.title.zh}{desk.title(layer).zh}变化对照图",
        f"{desk.workspace.title.en}: {desk.title(layer).en}, before and now",
    )
    blocks: list[Block] = [Row([[maps[0]], [maps[1]]]), Row([[Legend(), table], below])]
    return printed(desk, replace(spec, about=spec.about), wanted, [layer], blocks=blocks, title=title)


def _extent_of(desk: Desk, *frames: gpd.GeoDataFrame) -> tuple[float, float, float, float]:
    """Return the extent of what changed, or of both versions where all or nothing did; never less than a tenth of the whole."""
    whole = shapely.total_bounds(
        [shapely.box(*f.total_bounds) for f in frames if len(f)]
        or [shapely.box(*desk.frame(desk.book.frame_on).total_bounds)]
    )
    west, south, east, north = (float(v) for v in whole)
    return west, south, east, north


def focus_features(frame: gpd.GeoDataFrame, title: Text) -> Features:
    """Return the outline that shows which feature a page is of."""
    style = Style(colour="#C0182B", fill="#FFFFFF", opacity=0.0, width=4.0, shape="ring", size=9.0)
    return Features(title, frame, style, fits=False, rank=1)
