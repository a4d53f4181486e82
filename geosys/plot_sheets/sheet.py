"""The sheet of one plot (一地一档): its maps, facts, samples, areas, rules, neighbours, cases and what comes next."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import geosys
from geosys._errors import DisclosureError
from geosys._faults import Faults
from geosys._text import Text
from geosys.cases.plot_life_reading import read_plot_life
from geosys.maps.frames import DISCLOSURES
from geosys.maps.palettes import load_palettes
from geosys.maps.paper.sheet import Facts, Heading, Legend, Paragraph, Row, Sheet, Source, Table
from geosys.one_map.composition import one_map
from geosys.one_map.land import land_of, subjects_of
from geosys.one_map.spec import read_one_map
from geosys.plot_sheets.land import Neighbours, combinations_part, ledger_part, receptors_part
from geosys.plot_sheets.lists import Lists, lists_part, read_lists, risk_part
from geosys.plot_sheets.maps import Atlas
from geosys.plot_sheets.margins import Margins
from geosys.plot_sheets.next_steps import life_parts
from geosys.plot_sheets.parts import Part, identity, no_shape, plot_of, state, withheld
from geosys.plot_sheets.rules import CONCERNED, NOT_ASSESSED, cases_part, judged, rule_parts
from geosys.plot_sheets.samples import samples_part
from geosys.views import schemas_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from geosys.cases.plot_life import PlotLife
    from geosys.maps.palettes import Palettes
    from geosys.maps.paper.sheet import Block, Words
    from geosys.one_map.composition import OneMapEntry
    from geosys.one_map.land import LandLayer
    from geosys.one_map.spec import OneMapSpec
    from geosys.plot_sheets.archive import Archive, PlotKey
    from geosys.plot_sheets.parts import Plot

_HEADINGS = {"", "identity"}


@dataclass(frozen=True, slots=True)
class Desk:
    """Hold what all sheets of a workspace share; open it once for many plots."""

    archive: Archive
    palettes: Palettes
    one_map: OneMapSpec
    life: PlotLife
    lists: Lists
    land: Mapping[str, LandLayer]
    atlas: Atlas
    margins: Margins
    neighbours: Neighbours


@dataclass(frozen=True, slots=True)
class PlotFile:
    """Hold what is told of one plot: summary sentences, parts and sources; the same on paper, in HTML and in JSON."""

    plot: Plot
    summary: tuple[Text, ...]
    parts: tuple[Part, ...]
    sources: tuple[Source, ...]


def open_desk(archive: Archive) -> Desk:
    """Return what all sheets of a workspace share.

    Raises
    ------
    SpecError
        With every fault of the palettes or the one map.
    DisclosureError
        When a layer of plots may not be shown to the audience of `maps/plot_sheet.toml`.
    """
    check_disclosure(archive)
    faults = Faults()
    palettes = load_palettes(archive.content.catalogue.root / "maps" / "palettes.toml", faults)
    faults.raise_if_any()
    assert palettes is not None  # noqa: S101  its faults have been raised
    catalogue = archive.content.catalogue
    one, life = read_one_map(catalogue), read_plot_life(catalogue.root, schemas_of(catalogue))
    land = land_of(archive.layers, one)
    lists = read_lists(archive, life)
    return Desk(
        archive, palettes, one, life, lists, land, Atlas(archive, palettes), Margins(archive), Neighbours(archive)
    )


def check_disclosure(archive: Archive) -> None:
    """Raise when a layer that sheets show, or a field of a plot, is for a narrower audience than the sheets.

    Raises
    ------
    DisclosureError
        Naming every layer and field in question.
    """
    least, faults = DISCLOSURES.index(archive.spec.audience), Faults()
    do = "Take it out of the sheet, or make the sheet for a narrower audience."
    for name in archive.spec.layers:
        spec = archive.layer_spec(name)
        given = {f"layer {name}": spec.disclosure}
        given |= {f"layer {name} [{f.id}]": f.disclosure for f in spec.fields.values()}
        for what, word in given.items():
            if DISCLOSURES.index(word) < least:
                faults.add(f"plot sheet, {what}", word, f"'{archive.spec.audience}' or wider", do)
    faults.raise_if_any(DisclosureError)


def entries_of(desk: Desk, keys: Sequence[PlotKey]) -> dict[PlotKey, OneMapEntry]:
    """Return what the one map says of some plots; withheld ones have no entry."""
    found: dict[PlotKey, OneMapEntry] = {}
    by_layer: dict[str, list[PlotKey]] = {}
    for key in keys:
        if not key.is_withheld:
            by_layer.setdefault(key.layer, []).append(key)
    for layer, some in by_layer.items():
        subjects = subjects_of(desk.archive.layers[layer], [key.code for key in some])
        made = one_map(subjects, desk.land, desk.one_map)
        found |= {key: made.entry(key.code) for key in some}
    return found


def file_of(desk: Desk, key: PlotKey, entry: OneMapEntry | None) -> PlotFile:
    """Return all that is told of a plot; `entry` is what the one map says of it, None where it has no polygon."""
    archive = desk.archive
    plot = plot_of(archive, key)
    concerned, others = rule_parts(archive, plot, desk.margins, desk.palettes)
    history, following = life_parts(archive, plot, desk.life)
    parts = (
        identity(archive, plot), state(archive, plot), history, following, lists_part(plot, desk.life, desk.lists),
        risk_part(plot, desk.life, desk.lists), concerned, others,
        samples_part(archive, plot), ledger_part(entry, desk.one_map), combinations_part(entry, desk.one_map),
        receptors_part(archive, plot, desk.neighbours), cases_part(archive, plot, desk.palettes),
    )  # fmt: skip
    return PlotFile(plot, tuple(_summary(desk, plot, following)), parts, tuple(_sources(archive, desk.one_map)))


def _summary(desk: Desk, plot: Plot, following: Part) -> list[Text]:
    """Return what must not be overlooked: a withheld row, how many rules concern the plot or were not assessed."""
    said = [text for text in (withheld(desk.archive, plot),) if text is not None]
    rows = judged(desk.archive, plot, desk.margins)
    concerned = sum(one.outcome in CONCERNED for one in rows)
    unknown = sum(one.outcome == NOT_ASSESSED for one in rows)
    clear = sum(one.outcome == "clear" for one in rows)
    said.append(Text(
        f"规则 {len(rows)} 条：涉及 {concerned}，未评估 {unknown}，未命中 {clear}，不适用 {len(rows) - concerned - unknown - clear}。"
        "未评估不等于没有风险。",
        f"{len(rows)} rules: {concerned} concern the plot, {unknown} not assessed, {clear} clear, "
        f"{len(rows) - concerned - unknown - clear} do not apply. Not assessed is not safe.",
    ))  # fmt: skip
    if following.notes:
        said.append(following.notes[0])
    return said


def _sources(archive: Archive, one: OneMapSpec) -> list[Source]:
    """Return the layers a sheet rests on with version, files and withheld rows; those not there are named, too."""
    names = dict.fromkeys([*archive.spec.layers, *one.land_layers])
    found = []
    for name in names:
        title = archive.layer_spec(name).title
        layer = archive.layers.get(name)
        if layer is None:
            absent = archive.absence(name) or Text("", "")
            found.append(Source(title, "—", Text(absent.zh.partition("：")[2], absent.en.partition(": ")[2])))
            continue
        files = "；".join(
            str(d["file"]) + (f"（{d['note']}）" if d["note"] else "") for d in layer.provenance["deliveries"]
        )
        lost = len(layer.withheld)
        zh, en = f"{files}，{len(layer.frame)} 行", f"{files}, {len(layer.frame)} rows"
        found.append(
            Source(title, layer.version, Text(f"{zh}，扣留 {lost}", f"{en}, {lost} withheld") if lost else Text(zh, en))
        )
    return found


def sheet_of(desk: Desk, told: PlotFile, pages: tuple[int, int] = (1, 0), language: str = "zh") -> Sheet:
    """Return the sheet of a plot: first page with maps, then the tables; `pages` as of `Sheet.first_page` and `last_page`."""
    archive, plot = desk.archive, told.plot
    spec = archive.spec
    by_id = {part.id: part for part in told.parts}
    head: list[Block] = [Paragraph(text, is_strong=i == 0) for i, text in enumerate(told.summary)]
    head += _blocks(by_id["identity"], spec.most_rows)
    if plot.shape is None:
        head.append(Paragraph(no_shape(), is_strong=True))
    else:
        maps = (desk.atlas.location(plot, spec.map_height_mm), desk.atlas.closeup(plot, spec.map_height_mm))
        head += [Row(((maps[0],), (maps[1],))), Legend()]
    body = [block for part in told.parts if part.id not in _HEADINGS for block in _blocks(part, spec.most_rows)]
    mark = archive.workspace.mark
    place = archive.workspace.title
    return Sheet(
        _title(plot), archive.today, f"GeoSys {geosys.__version__}",
        subtitle=Text(f"{spec.title.zh} · {plot.spec.title.zh} · {place.zh}", f"{spec.title.en} · {plot.spec.title.en} · {place.en}"),
        blocks=[*head, *body, *_sources_told(told)], marks=[spec.notice, *([mark] if mark else [])], disclaimer=spec.disclaimer,
        approval=spec.approval, first_page=pages[0], last_page=pages[1], language=language,
    )  # fmt: skip


def _title(plot: Plot) -> Text:
    """Return name and code; the code alone where it is the name."""
    name, code = plot.name, plot.key.code
    return Text(code, code) if name == code else Text(f"{name}（{code}）", f"{name} ({code})")


def _sources_told(told: PlotFile) -> list[Block]:
    """Return the sources as one running paragraph: a line for each would fill half a page."""
    zh, en = (
        "；".join(
            f"{s.title.zh} {s.dated}（{s.note.zh}）"
            for s in told.sources
            if isinstance(s.title, Text) and isinstance(s.note, Text)
        ),
        "; ".join(
            f"{s.title.en} {s.dated} ({s.note.en})"
            for s in told.sources
            if isinstance(s.title, Text) and isinstance(s.note, Text)
        ),
    )
    return [
        Heading(Text("数据来源与版本", "Sources and versions"), level=2),
        Paragraph(Text(f"{zh}。", f"{en}."), is_small=True),
    ]


def _blocks(part: Part, most: int) -> list[Block]:
    """Return a part as blocks: pairs or a table, what is lacking, notes; rows beyond `most` are counted and said."""
    blocks: list[Block] = []
    rows = list(part.rows[:most])
    if part.is_facts:
        blocks.append(Facts([(row[0], row[1]) for row in rows], columns=2, title=part.title))
    elif rows:
        blocks.append(Table(part.head, rows, part.widths, part.right, part.title, part.tints))
    else:
        blocks.append(Heading(part.title, level=2))
    if part.lacking is not None:
        blocks.append(Paragraph(part.lacking))
    if len(part.rows) > most:
        rest = len(part.rows) - most
        blocks.append(Paragraph(Text(f"另有 {rest} 行未列出。", f"{rest} more rows are not listed."), is_small=True))
    blocks += [Paragraph(note, is_small=True) for note in part.notes]
    return blocks


def as_data(told: PlotFile, language: str = "zh") -> dict[str, Any]:
    """Return what is told of a plot as plain data, for machines."""

    def text(words: Words) -> str:
        return words.in_language(language) if isinstance(words, Text) else words

    parts: Mapping[str, Any] = {
        part.id: {
            "title": text(part.title), "rows": _rows(part, text), "lacking": text(part.lacking) if part.lacking else "",
            "notes": [text(note) for note in part.notes],
        }
        for part in told.parts
    }  # fmt: skip
    sources = [{"title": text(s.title), "version": s.dated, "note": text(s.note)} for s in told.sources]
    key = told.plot.key
    return {
        "code": key.code, "layer": key.layer, "name": told.plot.name, "withheld": key.is_withheld,
        "summary": [text(line) for line in told.summary], "parts": parts, "sources": sources,
    }  # fmt: skip


def _rows(part: Part, text: Any) -> Sequence[Mapping[str, str]]:
    if part.is_facts:
        return [{"name": text(row[0]), "value": text(row[1])} for row in part.rows]
    names = [text(h) for h in part.head]
    return [dict(zip(names, map(text, row), strict=True)) for row in part.rows]
