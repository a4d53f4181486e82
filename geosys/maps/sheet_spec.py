"""Load and check ``maps/sheets/*.toml``: what each default sheet asks, which layers answer it, its charts and tables."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from geosys._errors import SpecError
from geosys._faults import Faults, nearest
from geosys.content import read_toml, short_name
from geosys.maps.frames import DISCLOSURES, OUTCOMES
from geosys.maps.palettes import load_palettes, read_style, read_swatch, swatch_tables
from geosys.maps.sheet_parts import ChartPart, Each, LayerPart, SheetSpec, TablePart

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from pathlib import Path

    from geosys._text import Text
    from geosys.maps.palettes import Palettes, Style, Swatch

FOLDER, BASE, STYLES = "sheets", "base.toml", "styles.toml"
CHARTS = ("stack", "trend", "schedule", "flows")
PLACES = ("side", "after")
SHOWN = ("shape", "point")
FINDINGS = "findings"  # what stands for a layer's id where the findings of the last run are meant
DERIVED = (
    "worst",
    "risk",
    "due_state",
    "change",
    "share_class",
    "share_text",
    "name_class",
    "number",
)  # columns that a sheet makes itself
_LAYER_KINDS = {
    **dict.fromkeys(("layer", "style", "label", "shape_by", "shapes", "sign_by", "sign_titles", "shown"), "a text"),
    **dict.fromkeys(("listed", "fits", "needed", "is_context"), "true or false"),
    "rank": "a whole number", "signs": "a table of texts", "values": "a table of texts", "where": "a table of values or lists",
    "share": "a table of texts",
}  # fmt: skip
_CHART_KINDS = {
    **dict.fromkeys(("kind", "place", "layer", "rows", "column", "classes", "measure", "unit_of"), "a text"),
    "columns": "a list of texts", "layers": "a list of texts", "classes_of": "a list of texts", "rates": "a list of texts", "by": "a text",
    "is_share": "true or false",
    "values": "a table of texts", "where": "a table of values or lists", "months": "a whole number",
}  # fmt: skip
_TABLE_KINDS = {
    "layer": "a text", "columns": "a list of texts", "sort": "a list of texts", "most": "a whole number",
    "where": "a table of values or lists", "place": "a text", "group": "a text",
}  # fmt: skip
_EACH_KINDS = {"layers": "a list of texts", "reach_m": "a number", "link": "a text", "columns": "a table of lists"}


@dataclass(frozen=True, slots=True)
class SheetBook:
    """Hold all sheets, what stands under every map, what an atlas can be made of, and all looks."""

    sheets: Mapping[str, SheetSpec]
    under: tuple[LayerPart, ...]
    overview: tuple[str, ...]
    frame_on: str
    each: Mapping[str, Each]
    words: Mapping[str, Text]
    palettes: Palettes
    styles: Mapping[str, Style]
    classes: Mapping[str, Mapping[str, Swatch]]

    def sheet(self, name: str) -> SheetSpec:
        """Return a sheet of a name.

        Raises
        ------
        SpecError
            When there is none.
        """
        if name not in self.sheets:
            hint = nearest(name, self.sheets) or f"Known: {', '.join(self.sheets)}."
            raise SpecError(f"sheet: got '{name}', expected a sheet of maps/sheets/ or a layer. {hint}")
        return self.sheets[name]

    def style_of(self, part: LayerPart) -> Style:
        """Return the look of a part: its own style, or that of its layer."""
        return self.style_named(part.style or part.layer)

    def style_named(self, name: str) -> Style:
        """Return a look of the sheets, or the one that screen and paper share."""
        return self.styles[name] if name in self.styles else self.palettes.style(name)

    def classes_named(self, name: str) -> Mapping[str, Swatch]:
        """Return a table of classes, of the sheets' own styles or of the palettes; empty for none."""
        return self.classes.get(name) or _shared(self.palettes).get(name, {})


def load_sheets(folder: Path, fields: Mapping[str, Collection[str]] | None = None) -> SheetBook:
    """Read and check all sheets of the content folder ``maps/``.

    Parameters
    ----------
    fields : layer id -> its columns; when given, layers and columns that do not exist are faults too.

    Raises
    ------
    SpecError
        With every fault of every file.
    """
    faults = Faults()
    palettes = load_palettes(folder / "palettes.toml", faults)
    faults.raise_if_any()
    assert palettes is not None  # noqa: S101  its faults have been raised
    styles, classes = _read_looks(folder / FOLDER / STYLES, palettes, faults)
    known = _Known({**palettes.styles, **styles}, {**_shared(palettes), **classes}, fields)
    base, where = read_toml(folder / FOLDER / BASE), f"maps/{FOLDER}/{BASE}"
    faults.keys(where, base, (), ("frame_on", "overview", "under", "each", "words"))
    under = tuple(
        _read_layer(f"{where} [[under]] {i}", row, known, faults) for i, row in enumerate(_rows(base, "under"), 1)
    )
    each = {name: _read_each(f"{where} [each.{name}]", row, faults) for name, row in dict(base.get("each", {})).items()}
    words = {name: faults.text(f"{where} [words] {name}", row) for name, row in dict(base.get("words", {})).items()}
    paths = [p for p in sorted((folder / FOLDER).glob("*.toml")) if p.name not in {BASE, STYLES}]
    sheets = {path.stem: read_sheet(path.stem, read_toml(path), known, faults) for path in paths}
    for layer in [
        *base.get("overview", []),
        base.get("frame_on"),
        *(name for one in each.values() for name in one.layers),
    ]:
        _check_layer(where, layer, known, faults)
    faults.raise_if_any()
    overview = tuple(base["overview"])
    return SheetBook(sheets, under, overview, base["frame_on"], each, words, palettes, styles, classes)


class _Known(NamedTuple):
    """Hold what a sheet may name."""

    styles: Mapping[str, Style]
    classes: Mapping[str, Mapping[str, Swatch]]
    fields: Mapping[str, Collection[str]] | None


def _read_looks(
    path: Path, palettes: Palettes, faults: Faults
) -> tuple[dict[str, Style], dict[str, dict[str, Swatch]]]:
    """Read the classes and styles that only sheets use; a style may use the classes of the palettes."""
    where, table = short_name(path), read_toml(path)
    faults.keys(where, table, (), ("classes", "styles"))
    classes = {
        name: {
            word: read_swatch(f"{where} [classes.{name}] {word}", row, ("colour",), faults)
            for word, row in rows.items()
        }
        for name, rows in swatch_tables(where, table.get("classes", {}), faults).items()
    }
    every = {**_shared(palettes), **classes}
    styles = {
        name: read_style(f"{where} [styles.{name}]", row, every, faults)
        for name, row in swatch_tables(where, table.get("styles", {}), faults).items()
    }
    return styles, classes


def _shared(palettes: Palettes) -> dict[str, Mapping[str, Swatch]]:
    """Return the tables of classes that sheets share with the map on the screen."""
    words = {"severities": palettes.severities, "statuses": palettes.statuses, "outcomes": palettes.outcomes}
    return {**palettes.classes, **words}


def read_sheet(name: str, table: Mapping[str, Any], known: _Known, faults: Faults) -> SheetSpec:
    """Read one sheet; what is wrong is added to `faults`."""
    where = f"maps/{FOLDER}/{name}.toml"
    optional = (*SheetSpec.__dataclass_fields__, "landscape")
    faults.keys(where, table, set(optional) - {"name", "is_landscape"}, ("title",))
    kinds = {
        "paper": "a text", "landscape": "true or false", "has_map": "true or false", "rules": "a list of texts",
        "outcomes": "a list of texts", "versions_of": "a list of texts",
    }  # fmt: skip
    table = faults.sound(where, table, kinds)
    audience = faults.one_of(f"{where} audience", table.get("audience", "internal"), DISCLOSURES, "an audience")
    for outcome in table.get("outcomes", ()):
        faults.one_of(f"{where} outcomes", outcome, OUTCOMES, "an outcome")
    for layer in table.get("versions_of", ()):
        _check_layer(f"{where} versions_of", layer, known, faults)
    layers = [
        _read_layer(f"{where} [[layers]] {i}", row, known, faults) for i, row in enumerate(_rows(table, "layers"), 1)
    ]
    charts = [
        _read_chart(f"{where} [[charts]] {i}", row, known, faults) for i, row in enumerate(_rows(table, "charts"), 1)
    ]
    tables = [
        _read_table(f"{where} [[tables]] {i}", row, known, faults) for i, row in enumerate(_rows(table, "tables"), 1)
    ]
    notes = [faults.text(f"{where} notes", row) for row in _rows(table, "notes")]
    return SheetSpec(
        name, faults.text(f"{where} title", table.get("title")), faults.text(f"{where} about", table.get("about")),
        table.get("paper", "A3"), table.get("landscape", True), audience, tuple(layers), tuple(charts), tuple(tables), tuple(notes),
        tuple(table.get("rules", ())), tuple(table.get("outcomes", ("hit",))), tuple(table.get("versions_of", ())),
        table.get("has_map", True),
    )  # fmt: skip


def _rows(table: Mapping[str, Any], key: str) -> list[Mapping[str, Any]]:
    rows = table.get(key, [])
    return [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []


def _read_layer(where: str, row: Mapping[str, Any], known: _Known, faults: Faults) -> LayerPart:
    faults.keys(where, row, (*_LAYER_KINDS, "title"), ("layer",))
    row = faults.sound(where, row, _LAYER_KINDS)
    _check_layer(where, row.get("layer"), known, faults)
    for key, words, what in (
        ("style", known.styles, "a style"),
        ("shapes", known.classes, "a table of classes"),
        ("sign_titles", known.classes, "a table of classes"),
        ("shown", SHOWN, "a way to draw"),
    ):
        if key in row:
            faults.one_of(f"{where} {key}", row[key], words, what)
    _check_columns(
        where,
        row.get("layer"),
        [*(row.get(key, "") for key in ("label", "shape_by", "sign_by")), *row.get("where", {})],
        known,
        faults,
    )
    if "share" in row:
        faults.keys(f"{where} share", row["share"], (), ("rate", "by", "on"))
    given = {key: row[key] for key in _LAYER_KINDS if key in row and key != "where"}
    return LayerPart(**given, title=faults.text(f"{where} title", row.get("title")), where=_where(row))


def _read_chart(where: str, row: Mapping[str, Any], known: _Known, faults: Faults) -> ChartPart:
    faults.keys(where, row, (*_CHART_KINDS, "title", "unit"), ("kind", "title"))
    row = faults.sound(where, row, _CHART_KINDS)
    faults.one_of(f"{where} kind", row.get("kind"), CHARTS, "a kind of chart")
    faults.one_of(f"{where} place", row.get("place"), PLACES, "a place")
    for layer in row.get("layers", ()):
        _check_layer(where, layer, known, faults)
    if "layer" in row:
        _check_layer(where, row["layer"], known, faults)
        named = [
            row.get("rows", ""),
            row.get("column", ""),
            row.get("measure", ""),
            *row.get("columns", ()),
            *row.get("where", {}),
        ]
        _check_columns(where, row["layer"], named, known, faults)
    for name in [*row.get("classes_of", ()), *([row["classes"]] if "classes" in row else [])]:
        if name:
            faults.one_of(f"{where} classes", name, known.classes, "a table of classes")
    lists: dict[str, Any] = {key: tuple(row[key]) for key in ("columns", "layers", "classes_of", "rates") if key in row}
    plain = {
        k: row[k]
        for k in ("place", "layer", "rows", "column", "classes", "measure", "by", "is_share", "values", "months")
        if k in row
    }
    return ChartPart(
        str(row.get("kind")), faults.text(f"{where} title", row.get("title")), **plain, **lists, where=_where(row),
        unit=faults.text(f"{where} unit", row.get("unit")),
    )  # fmt: skip


def _read_table(where: str, row: Mapping[str, Any], known: _Known, faults: Faults) -> TablePart:
    faults.keys(where, row, (*_TABLE_KINDS, "title"), ("layer", "title"))
    row = faults.sound(where, row, _TABLE_KINDS)
    _check_layer(where, row.get("layer"), known, faults)
    faults.one_of(f"{where} place", row.get("place"), PLACES, "a place")
    named = [
        *row.get("columns", ()),
        *(key.removeprefix("-") for key in row.get("sort", ())),
        *row.get("where", {}),
        row.get("group", ""),
    ]
    _check_columns(where, row.get("layer"), named, known, faults)
    return TablePart(
        str(row.get("layer")), faults.text(f"{where} title", row.get("title")), tuple(row.get("columns", ())), tuple(row.get("sort", ())),
        int(row.get("most", 24)), _where(row), row.get("place", "after"), row.get("group", ""),
    )  # fmt: skip


def _read_each(where: str, row: Any, faults: Faults) -> Each:
    if not faults.typed(where, row, dict, "a table"):
        return Each((), 0.0, "")
    faults.keys(where, row, ("link",), ("layers", "reach_m"))
    row = faults.sound(where, row, _EACH_KINDS)
    return Each(tuple(row.get("layers", ())), float(row.get("reach_m", 0.0)), row.get("link", ""))


def _where(row: Mapping[str, Any]) -> dict[str, tuple[Any, ...]]:
    return {key: tuple(value) if isinstance(value, list) else (value,) for key, value in row.get("where", {}).items()}


def _check_layer(where: str, layer: object, known: _Known, faults: Faults) -> None:
    if known.fields is not None and layer != FINDINGS:
        faults.one_of(f"{where} layer", layer, known.fields, "a layer of layers/")


def _check_columns(where: str, layer: object, columns: list[str], known: _Known, faults: Faults) -> None:
    """Fault columns that a layer does not have; those of the findings are known when they are there."""
    if known.fields is None or not isinstance(layer, str) or layer not in known.fields:
        return
    for column in columns:
        if column and column not in DERIVED:
            faults.one_of(f"{where} column", column, known.fields[layer], f"a field of layers/{layer}.toml")
