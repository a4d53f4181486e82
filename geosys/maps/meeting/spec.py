"""Load and check ``maps/meetings/*.toml``: what is on the agenda of a meeting, and which figures, cases and sheets belong to it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from geosys._errors import SpecError
from geosys._faults import Faults, nearest
from geosys._text import Text
from geosys.content import read_toml, short_name
from geosys.maps.frames import DISCLOSURES, FOUND, SEVERITIES

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from pathlib import Path

FOLDER = "meetings"
FINDINGS, CASES, TARGETS, LAYER = "findings", "cases", "targets", "layer"
SOURCES = (FINDINGS, CASES, TARGETS, LAYER)
CHANGES = "changes"  # the listing that every meeting has: what changed since the last one
NO_TEXT = Text("", "")
_TOP = {
    "deck": "a table",
    "pictures": "a table",
    "page": "a table",
    "listings": "a table of tables",
    "items": "a list of tables",
}
_ITEM_KINDS = {
    "minutes": "a whole number", "issues": "a table", "plots": "a table",
    **dict.fromkeys(("figures", "rates", "charts", "listings", "sheets"), "a list of texts"),
}  # fmt: skip
_CHOICE_KINDS = {
    **dict.fromkeys(("rules", "layers", "severity", "status", "outcome", "timing"), "a list of texts"),
    "is_new": "true or false", "most": "a whole number",
}  # fmt: skip
_PLOT_KINDS = {"layers": "a list of texts", "columns": "a table of values or lists", "most": "a whole number"}
_LISTING_KINDS = {
    "of": "a text", "layer": "a text", "columns": "a list of texts", "sort": "a list of texts", "most": "a whole number",
    "where": "a table of values or lists",
}  # fmt: skip
_NUMBERS = {
    "deck": {"most_issues": 12, "most_rows": 24},
    "pictures": {"most": 12, "around_m": 800, "most_photos": 3},
    "page": {"embed_mb": 20},
}


@dataclass(frozen=True, slots=True)
class Known:
    """Hold the words that a meeting's spec may name.

    Parameters
    ----------
    rules, figures, rates, statuses, timings : ids.
    fields : layer id -> its columns.
    charts : sheet -> how many charts it has.
    columns : of what a listing is (``findings``, ``cases``, ``targets``) -> the columns it may have.
    """

    rules: Collection[str]
    figures: Collection[str]
    rates: Collection[str]
    statuses: Collection[str]
    timings: Collection[str]
    fields: Mapping[str, Collection[str]]
    charts: Mapping[str, int]
    columns: Mapping[str, Collection[str]]


@dataclass(frozen=True, slots=True)
class Choice:
    """Hold which cases an item is about; an empty list of words asks for nothing. At most `most`, the gravest first."""

    rules: tuple[str, ...] = ()
    layers: tuple[str, ...] = ()
    severity: tuple[str, ...] = ()
    status: tuple[str, ...] = ()
    outcome: tuple[str, ...] = ()
    timing: tuple[str, ...] = ()
    is_new: bool = False
    most: int = 10


@dataclass(frozen=True, slots=True)
class PlotChoice:
    """Hold of which layers an item shows plots, with which columns each, the plots with the gravest findings first."""

    layers: tuple[str, ...]
    columns: Mapping[str, tuple[str, ...]]
    most: int = 6


@dataclass(frozen=True, slots=True)
class ListingSpec:
    """Hold one table: of findings, cases, targets or a layer; `where` names words of columns, ``-column`` sorts falling."""

    id: str
    title: Text
    of: str
    layer: str = ""
    columns: tuple[str, ...] = ()
    where: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)
    sort: tuple[str, ...] = ()
    most: int = 0
    note: Text = NO_TEXT


@dataclass(frozen=True, slots=True)
class ItemSpec:
    """Hold one item of the agenda; a chart is named ``sheet.number``, as in ``overdue.1``."""

    title: Text
    text: Text = NO_TEXT
    reporter: Text = NO_TEXT
    minutes: int = 0
    figures: tuple[str, ...] = ()
    rates: tuple[str, ...] = ()
    charts: tuple[str, ...] = ()
    listings: tuple[str, ...] = ()
    sheets: tuple[str, ...] = ()
    issues: Choice | None = None
    plots: PlotChoice | None = None


@dataclass(frozen=True, slots=True)
class MeetingSpec:
    """Hold one meeting.

    Parameters
    ----------
    most_issues, most_rows : of the slides; the page and the workbook have all.
    most_pictures, around_m : how many issues get a map picture, and how far around the issue it reaches at least.
    picture_layers : layers drawn on the pictures, the lowest first, on top of the base of the sheets.
    most_photos : photographs of one issue.
    embed_mb : files of the pack are put into the page up to so many megabytes; larger ones lie beside it.
    """

    name: str
    title: Text
    about: Text
    audience: str
    items: tuple[ItemSpec, ...]
    listings: Mapping[str, ListingSpec]
    most_issues: int
    most_rows: int
    most_pictures: int
    around_m: float
    picture_layers: tuple[str, ...]
    most_photos: int
    embed_mb: int


def load_meetings(folder: Path, known: Known) -> dict[str, MeetingSpec]:
    """Read and check all meetings of the content folder ``maps/``.

    Raises
    ------
    SpecError
        With every fault of every file.
    """
    faults = Faults()
    paths = sorted((folder / FOLDER).glob("*.toml"))
    meetings = {path.stem: _read_meeting(path, known, faults) for path in paths}
    faults.raise_if_any()
    return meetings


def meeting_named(meetings: Mapping[str, MeetingSpec], name: str) -> MeetingSpec:
    """Return the meeting of a name.

    Raises
    ------
    SpecError
        With the nearest name, when there is none.
    """
    if name not in meetings:
        hint = nearest(name, meetings) or f"Known: {', '.join(meetings)}."
        raise SpecError(f"pack: got '{name}', expected a meeting of maps/{FOLDER}/. {hint}")
    return meetings[name]


def _read_meeting(path: Path, known: Known, faults: Faults) -> MeetingSpec:
    where, table = short_name(path), read_toml(path)
    faults.keys(where, table, ("about", "audience", "deck", "pictures", "page", "listings"), ("title", "items"))
    table = faults.sound(where, table, _TOP)
    numbers: dict[str, int] = {}
    for part, defaults in _NUMBERS.items():
        row = table.get(part, {})
        faults.keys(f"{where} [{part}]", row, (*defaults, *(("layers",) if part == "pictures" else ())))
        numbers |= {
            f"{part}.{k}": _number(f"{where} [{part}] {k}", row.get(k, standard), faults)
            for k, standard in defaults.items()
        }
    drawn = _words(
        f"{where} [pictures] layers", table.get("pictures", {}).get("layers", []), known.fields, "a layer", faults
    )
    listings = {name: _read_listing(where, name, row, known, faults) for name, row in table.get("listings", {}).items()}
    rows = enumerate(table.get("items", []), 1)
    return MeetingSpec(
        path.stem, faults.text(f"{where} title", table.get("title")), faults.text(f"{where} about", table.get("about")),
        faults.one_of(f"{where} audience", table.get("audience", DISCLOSURES[0]), DISCLOSURES, "an audience"),
        tuple(_read_item(f"{where} [[items]] {i}", row, listings, known, faults) for i, row in rows), listings,
        most_issues=numbers["deck.most_issues"], most_rows=numbers["deck.most_rows"], most_pictures=numbers["pictures.most"],
        around_m=float(numbers["pictures.around_m"]), picture_layers=drawn, most_photos=numbers["pictures.most_photos"],
        embed_mb=numbers["page.embed_mb"],
    )  # fmt: skip


def _read_item(
    where: str, row: Mapping[str, Any], listings: Mapping[str, ListingSpec], known: Known, faults: Faults
) -> ItemSpec:
    faults.keys(where, row, (*_ITEM_KINDS, "text", "reporter"), ("title",))
    row = faults.sound(where, row, _ITEM_KINDS)
    charts = {f"{sheet}.{i + 1}" for sheet, count in known.charts.items() for i in range(count)}
    named = {
        key: _words(f"{where} {key}", row.get(key, []), words, what, faults)
        for key, words, what in (
            ("figures", known.figures, "a figure of the cases"), ("rates", known.rates, "a formula of cases/rates/"),
            ("charts", charts, "a chart of a sheet, as 'overdue.1'"), ("listings", {CHANGES, *listings}, "a listing of this file"),
            ("sheets", known.charts, "a sheet of maps/sheets/"),
        )
    }  # fmt: skip
    return ItemSpec(
        faults.text(f"{where} title", row.get("title")), faults.text(f"{where} text", row.get("text")),
        faults.text(f"{where} reporter", row.get("reporter")), _number(f"{where} minutes", row.get("minutes", 0), faults), **named,
        issues=_read_choice(f"{where} issues", row["issues"], known, faults) if "issues" in row else None,
        plots=_read_plots(f"{where} plots", row["plots"], known, faults) if "plots" in row else None,
    )  # fmt: skip


def _read_choice(where: str, row: Mapping[str, Any], known: Known, faults: Faults) -> Choice:
    faults.keys(where, row, _CHOICE_KINDS)
    row = faults.sound(where, row, _CHOICE_KINDS)
    named = {
        key: _words(f"{where} {key}", row.get(key, []), words, what, faults)
        for key, words, what in (
            ("rules", known.rules, "a rule of cases/rules/"), ("layers", known.fields, "a layer"), ("severity", SEVERITIES, "a severity"),
            ("status", known.statuses, "a state of cases/workflow.toml"), ("outcome", FOUND, "an outcome"), ("timing", known.timings, "a timing"),
        )
    }  # fmt: skip
    return Choice(**named, is_new=row.get("is_new", False), most=_number(f"{where} most", row.get("most", 10), faults))


def _read_plots(where: str, row: Mapping[str, Any], known: Known, faults: Faults) -> PlotChoice:
    faults.keys(where, row, ("columns", "most"), ("layers",))
    row = faults.sound(where, row, _PLOT_KINDS)
    layers = _words(f"{where} layers", row.get("layers", []), known.fields, "a layer", faults)
    columns = {}
    for layer, names in row.get("columns", {}).items():
        faults.one_of(f"{where} columns", layer, layers, "a layer of these plots")
        some = names if isinstance(names, list) else [names]
        columns[layer] = _words(
            f"{where} columns.{layer}", some, known.fields.get(layer, ()), "a column of the layer", faults
        )
    return PlotChoice(layers, columns, _number(f"{where} most", row.get("most", 6), faults))


def _read_listing(file: str, name: str, row: Mapping[str, Any], known: Known, faults: Faults) -> ListingSpec:
    where = f"{file} [listings.{name}]"
    faults.keys(where, row, (*_LISTING_KINDS, "note"), ("title", "of"))
    row = faults.sound(where, row, _LISTING_KINDS)
    if name == CHANGES:
        faults.add(where, name, f"another name: '{CHANGES}' is what changed since the last meeting")
    of = faults.one_of(f"{where} of", row.get("of"), SOURCES, "what the table is of")
    layer = str(row.get("layer", ""))
    words = known.columns.get(of, ())
    if of == LAYER:
        faults.one_of(f"{where} layer", layer or "nothing", known.fields, "a layer")
        words = known.fields.get(layer, ())
        if not row.get("columns"):
            faults.add(f"{where} columns", row.get("columns"), "at least one column of the layer")
    elif layer:
        faults.add(f"{where} layer", layer, f"nothing: the table is of {of}")
    columns = _words(f"{where} columns", row.get("columns", []), words, "a column of the table", faults)
    sort = row.get("sort", [])
    _words(f"{where} sort", [key.removeprefix("-") for key in sort], words, "a column of the table", faults)
    _words(f"{where} where", list(row.get("where", {})), words, "a column of the table", faults)
    chosen = {k: tuple(v) if isinstance(v, list) else (v,) for k, v in row.get("where", {}).items()}
    return ListingSpec(
        name, faults.text(f"{where} title", row.get("title")), of, layer, columns, chosen, tuple(sort),
        _number(f"{where} most", row.get("most", 0), faults), faults.text(f"{where} note", row.get("note")),
    )  # fmt: skip


def _words(where: str, names: Any, words: Collection[str], what: str, faults: Faults) -> tuple[str, ...]:
    """Return a list of words; fault those that are not known, and those given twice."""
    if not isinstance(names, list):
        faults.add(where, names, f"a list, each {what}")
        return ()
    for name in names:
        faults.one_of(where, name, words, what)
    told = tuple(str(name) for name in names)
    for name in sorted({name for name in told if told.count(name) > 1}):
        faults.add(where, name, "each word once", "Take one of the two out.")
    return told


def _number(where: str, value: object, faults: Faults) -> int:
    """Return a whole number from 0; fault anything else."""
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        faults.add(where, value, "a whole number from 0")
        return 0
    return value
