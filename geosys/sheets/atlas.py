"""An atlas: one page for each plot, section, county or river, all from one sheet spec, with page numbers, index and one file."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

import geosys
from geosys._errors import SpecError
from geosys._faults import nearest
from geosys._text import Text
from geosys.atlas import Maker, Page, content_key, key_of, page_file
from geosys.content import hash_file
from geosys.layers.spec import read_catalogue
from geosys.maps.paper.press import open_press, put, typeset_sheet
from geosys.maps.paper.sheet import Features, MapFrame, Paragraph
from geosys.maps.paper.typesetting import TooFullError, typeset
from geosys.maps.sheet_parts import TablePart
from geosys.maps.sheet_spec import FINDINGS
from geosys.sheets.composing import focus_features, layers_used, parts_of, printed, spec_named
from geosys.sheets.desk import check_audience, chosen_findings, open_desk, staleness
from geosys.sheets.layers import features_of
from geosys.sheets.tables import facts_of, table_of

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    import geopandas as gpd
    import shapely

    from geosys.atlas import Made
    from geosys.layers.spec import Catalogue
    from geosys.maps.paper.press import Press
    from geosys.maps.paper.sheet import Block, Sheet
    from geosys.maps.sheet_parts import SheetSpec
    from geosys.sheets.composing import Wanted
    from geosys.sheets.desk import Desk
    from geosys.workspace import Workspace

KEY = "feature_id"
TRIES = (8, 5, 3, 1, 0)  # rows of each table, the most that one page holds
MOST_FACTS = 9
SHEETS_OF = Text("本页对象", "Subject of this page")
LEFT_OUT = Text("另有 {count} 行因版面未列出。", "{count} more rows are left out for lack of room.")
FOUND = Text("线索", "Findings")
_FOUND_COLUMNS = ("rule_title", "severity", "due_on")


@dataclass(frozen=True, slots=True)
class Subject:
    """Hold one feature that gets a page: its layer, its id, its name, and which row of the layer it is."""

    layer: str
    id: str
    name: str
    row: int


def subjects_of(desk: Desk, kind: str, layer: str = "") -> list[Subject]:
    """Return the features that an atlas has pages of, in order of layer, name and id.

    Raises
    ------
    SpecError
        When there is no such kind, or no feature of it.
    """
    if kind not in desk.book.each:
        hint = nearest(kind, desk.book.each) or f"Known: {', '.join(desk.book.each)}."
        raise SpecError(f"atlas --of: got '{kind}', expected a kind of maps/sheets/base.toml. {hint}")
    each = desk.book.each[kind]
    if layer and layer not in each.layers:
        raise SpecError(f"atlas --layer: got '{layer}', expected one of {', '.join(each.layers)}.")
    found = []
    for name in [layer] if layer else each.layers:
        frame = desk.frame(name)
        placed = ~(frame.geometry.isna() | frame.geometry.is_empty)
        names = frame[desk.schemas[name].name_field or KEY].fillna(frame[KEY]).astype(str)
        rows = [
            Subject(name, str(i), str(n), at)
            for at, (i, n, there) in enumerate(zip(frame[KEY], names, placed, strict=True))
            if there
        ]
        found += sorted(rows, key=lambda one: (one.name, one.id))
    if not found:
        titles = "、".join(desk.title(name).zh for name in each.layers)
        raise SpecError(
            f"atlas of {kind}: got no feature of {titles}, expected at least one. Deliver the layer and run 'geosys run'."
        )
    return found


def pages_of(desk: Desk, spec: SheetSpec, subjects: Sequence[Subject], wanted: Wanted, kind: str) -> list[Page]:
    """Return the pages of an atlas with the hash of what each is made from: program, content, layers, results, day, number."""
    used = dict.fromkeys([*layers_used(desk, spec), *(one.layer for one in subjects)])
    out, plan = desk.workspace.out, desk.workspace
    results = [
        hash_file(out / n) for n in ("results.gpkg", "outcomes.csv") if desk.results is not None and (out / n).exists()
    ]
    base = key_of([
        geosys.__version__, content_key(desk.catalogue.root), [(n, desk.layers[n].version) for n in used if n in desk.layers], results,
        desk.today, spec.name, repr(wanted), kind, repr(plan.title), repr(plan.mark), plan.crs, len(subjects),
    ])  # fmt: skip
    total = len(subjects)
    return [
        Page(
            f"{one.layer}/{one.id}/{one.row}",
            page_file(at, one.name, kind, total),
            key_of([base, one.layer, one.id, one.row, at]),
            at,
        )
        for at, one in enumerate(subjects, 1)
    ]


def page_sheet(desk: Desk, spec: SheetSpec, subject: Subject, of: str, wanted: Wanted, rows: int) -> Sheet:
    """Return the page of one feature: the map around it, its facts, its findings and what belongs to it, so many rows of each."""
    frame = desk.frame(subject.layer)
    mine = frame.iloc[[subject.row]].reset_index(drop=True)
    each = desk.book.each[of]
    layers = [*_cached(desk, spec), focus_features(mine[["geometry"]], SHEETS_OF)]
    extent = _around(mine.geometry.iloc[0], each.reach_m)
    overview = [features_of(desk, part, spec) for part in desk.book.under if part.layer in desk.book.overview]
    side, left_out = _side(desk, spec, subject, mine, each.link, rows)
    if left_out:
        side.append(
            Paragraph(Text(*[t.replace("{count}", str(left_out)) for t in (LEFT_OUT.zh, LEFT_OUT.en)]), is_small=True)
        )
    about = Text(f"{desk.title(subject.layer).zh} {subject.id}", f"{desk.title(subject.layer).en} {subject.id}")
    title = Text(f"{subject.name}{spec.title.zh}", f"{subject.name}: {spec.title.en}")
    main = MapFrame(layers, desk.crs, extent=extent, overview=overview, scale=wanted.scale)
    return printed(
        desk, replace(spec, about=about), wanted, [], main=main, side=side, title=title, notes=_notes(desk, spec)
    )


def _cached(desk: Desk, spec: SheetSpec) -> list[Features]:
    """Return the layers of all pages, made once for a desk."""
    made = desk._made  # noqa: SLF001  the desk keeps what is dear to make
    if ("pages", spec.name) not in made:
        made["pages", spec.name] = [features_of(desk, part, spec) for part in parts_of(desk, spec)]
    features: list[Features] = made["pages", spec.name]
    return features


def _notes(desk: Desk, spec: SheetSpec) -> list[Text]:
    """Return in one sentence of which versions the layers are: a page has no room for a list of sources."""
    zh = "、".join(f"{desk.title(n).zh} {desk.layers[n].version[:8]}" for n in layers_used(desk, spec))
    en = ", ".join(f"{desk.title(n).en} {desk.layers[n].version[:8]}" for n in layers_used(desk, spec))
    return [Text(f"数据版本：{zh}。", f"Versions: {en}."), *staleness(desk, layers_used(desk, spec))]


def _around(shape: shapely.Geometry, reach: float) -> tuple[float, float, float, float]:
    """Return the extent of a page: the feature with a margin, and never less than `reach` metres around its middle."""
    west, south, east, north = shape.bounds
    x, y = (west + east) / 2, (south + north) / 2
    across, high = max((east - west) / 2, reach), max((north - south) / 2, reach)
    return x - across, y - high, x + across, y + high


def _side(
    desk: Desk, spec: SheetSpec, subject: Subject, mine: gpd.GeoDataFrame, link: str, rows: int
) -> tuple[list[Block], int]:
    view = desk.screen.view(subject.layer)
    known = desk.schemas[subject.layer].titles
    columns = [c for c in (view.columns if view is not None else known) if c in known][:MOST_FACTS]
    blocks: list[Block] = [facts_of(desk, subject.layer, columns, mine, desk.title(subject.layer))]
    left_out = 0
    lists: list[tuple[TablePart, pd.DataFrame]] = []
    if desk.results is not None and spec.audience == "internal":
        found = chosen_findings(desk, spec)
        own = found[(found["subject_layer"] == subject.layer) & (found["subject_id"].astype(str) == subject.id)]
        lists.append((TablePart(FINDINGS, FOUND, _FOUND_COLUMNS, ("severity", "due_on"), rows), own))
    for part in spec.tables:
        if part.layer != FINDINGS and link and link in desk.frame(part.layer):
            other = desk.frame(part.layer)
            value = mine[link].iloc[0]
            own = other[(other[link] == value) & _chosen(other, part.where)]
            lists.append((replace(part, most=max(rows, 1) if part.group else rows), own.reset_index(drop=True)))
    for part, own in lists:
        if part.most == 0:
            left_out += len(own)
            continue
        table = table_of(desk, part, spec, own)
        if table is not None:
            blocks.append(table)
    return blocks, left_out


def _chosen(frame: pd.DataFrame, where: Mapping[str, tuple[Any, ...]]) -> Any:
    keep = np.ones(len(frame), dtype=bool)
    for column, words in where.items():
        keep &= frame[column].isin(list(words)).to_numpy()
    return keep


class AtlasMaker(Maker):
    """What makes the pages of an atlas in one process."""

    def __init__(self, desk: Desk, press: Press, spec: SheetSpec, order: Order) -> None:
        self._desk, self._press, self._spec, self._order = desk, press, spec, order
        self._subjects = {f"{s.layer}/{s.id}/{s.row}": s for s in subjects_of(desk, order.of, order.layer)}
        check_audience(desk, spec, parts_of(desk, spec))

    def make(self, page: Page) -> tuple[bytes, int, Mapping[str, Any]]:
        """Return one page; its tables are cut until it is one sheet of paper."""
        subject, order = self._subjects[page.id], self._order
        wanted = replace(order.wanted, first_page=page.number, last_page=len(self._subjects))
        error: SpecError | None = None
        for rows in TRIES:
            sheet = page_sheet(self._desk, self._spec, subject, order.of, wanted, rows)
            try:
                files, made = typeset_sheet(sheet, order.kind, self._press)
            except TooFullError as full:
                error = full
                continue
            told = {"layer": subject.layer, "code": subject.id, "name": subject.name, "scale": made.scales[0]}
            return files[0], made.pages, told
        raise error or SpecError(f"atlas, {subject.name}: got no room for its page, expected some. Take larger paper.")


@dataclass(frozen=True, slots=True)
class Order:
    """Hold what atlas is asked for: the sheet's name, pages of what, only of which layer, in which format and paper."""

    name: str
    of: str
    kind: str
    wanted: Wanted
    layer: str = ""


def open_maker(workspace: Workspace, root: Path, today: dt.date, order: Order) -> AtlasMaker:
    """Open what makes pages, in a process of its own."""
    catalogue: Catalogue = read_catalogue(root)
    desk = open_desk(workspace, catalogue, today, [order.name] if order.name in catalogue.layers else [])
    return AtlasMaker(desk, open_press(root / "maps"), spec_named(desk, order.name), order)


def opener_of(desk: Desk, order: Order, *, is_here: bool = False) -> Callable[[], AtlasMaker]:
    """Return what can be sent to another process to open its maker there; what it could not open there raises here.

    Parameters
    ----------
    is_here : whether pages are made in this process; then the maker that was opened to try is the one they are made with.

    Raises
    ------
    SpecError, DisclosureError
        As `AtlasMaker` does.
    WorkspaceError
        When the font package is not there.
    """
    maker = AtlasMaker(desk, open_press(desk.catalogue.root / "maps"), spec_named(desk, order.name), order)
    if is_here:
        return lambda: maker
    return partial(open_maker, desk.workspace, desk.catalogue.root, desk.today, order)


def index_table(desk: Desk, made: Sequence[Made]) -> pd.DataFrame:
    """Return the index: number, code, name, layer, scale, file, fault."""
    rows = [
        [at, one.told.get("code", ""), one.told.get("name", one.id), desk.title(str(one.told.get("layer", ""))).zh if one.told else "",
         one.told.get("scale", ""), one.file, one.fault]
        for at, one in enumerate(made, 1)
    ]  # fmt: skip
    return pd.DataFrame(rows, columns=["no", "code", "name", "layer", "scale", "file", "fault"])


def index_file(desk: Desk, made: Sequence[Made]) -> bytes:
    """Return the index as CSV with the mark by which a spreadsheet knows its letters."""
    table: str = index_table(desk, made).to_csv(index=False, lineterminator="\n")
    return table.encode("utf-8-sig", "replace")


def merge(files: Sequence[Path], path: Path, press: Press, day: dt.date, size: tuple[float, float]) -> None:
    """Put pages of PDF into one file, in order, as they are.

    Parameters
    ----------
    size : width and height of the pages in millimetres.
    """
    drawings = {f"page-{i}.pdf": file.read_bytes() for i, file in enumerate(files)}
    blocks: list[dict[str, Any]] = []
    for i, name in enumerate(drawings):
        blocks += [{"kind": "break"}] * bool(i) + [
            {"kind": "picture", "file": name, "height": size[1] - 0.01, "caption": ""}
        ]
    words = dict.fromkeys(("legend", "notes", "sources", "page", "colon"), "")
    data = {
        "width": size[0], "height": size[1], "margin": -2.0, "padding": 2.0, "header": 0.0, "footer": 0.0, "boxes_height": 0.0, "text_pt": 8.0,
        "side": [], "blocks": blocks, "maps": [], "legend": {"count": 0, "parts": [], "longest": 0}, "title": "", "subtitle": "", "marks": [],
        "disclaimer": "", "approval": "", "program": "GeoSys", "about": "", "day": [day.year, day.month, day.day], "language": "zh",
        "words": words, "notes": [], "sources": [], "boxes": [], "fonts": list(press.fonts.families), "first_page": 1, "last_page": 0,
    }  # fmt: skip
    put({path: typeset(data, drawings, "pdf", press.fonts, press.measures.resolution_dpi, 0).files[0]})
