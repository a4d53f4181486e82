"""What a layer spec says of results: the samples of another layer that tell how the features of this one stand."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from geosys._faults import Faults
from geosys._text import Text
from geosys.content import read_toml, short_name
from geosys.standards.limits import LAKE, RIVER
from geosys.standards.rounding import DISPLAYED, ROUNDINGS
from geosys.standards.surface_water import KINDS
from geosys.standards.water_items import column_of, item_named

if TYPE_CHECKING:
    from collections.abc import Mapping

    from geosys.layers.spec import Catalogue, LayerSpec

# By column its type and title: what the rules and maps know of a section's results.
RESULT_COLUMNS: Mapping[str, tuple[str, Text]] = MappingProxyType({
    "month": ("text", Text("最近评价月份", "Latest month assessed")),
    "class_now": ("integer", Text("现状类别", "Class now")),
    "class_before": ("integer", Text("上月类别", "Class of the month before")),
    "class_change": ("integer", Text("类别变化（正为变差）", "Change of class (+ is worse)")),
    "target": ("integer", Text("当期目标类别", "Target class of the day")),
    "meets_target": ("truth", Text("是否达标", "Meets its target")),
    "months_failing": ("integer", Text("连续不达标月数", "Months failing in a row")),
    "exceeding": ("text", Text("超标项目及倍数", "Items exceeding, with multiples")),
    "silent_days": ("integer", Text("距最近有效数据天数", "Days since the last usable sample")),
    "is_suspect": ("truth", Text("数据存疑", "Data suspect")),
    "is_provisional": ("truth", Text("结果为初步", "Result provisional")),
    "items_evaluated": ("integer", Text("评价项目数", "Items evaluated")),
    "items_missing": ("integer", Text("缺测项目数", "Items missing")),
    "year_class": ("integer", Text("年均值类别", "Class of the year's means")),
    "year_meets": ("truth", Text("年均值是否达标", "Year's means meet the target")),
})  # fmt: skip
DTYPES = {"text": "object", "integer": "Int64", "truth": "boolean"}
_OF_SECTION = ("key", "kind", "target", "target_year", "automatic", "border", "groups")
_OF_SAMPLE = ("key", "on", "at", "kind", "state", "provisional", "not_detected")
_TEXTS = (
    "samples",
    "key",
    "on",
    "at",
    "kind",
    "kind_if_missing",
    "target",
    "target_year",
    "state",
    "provisional",
    "not_detected",
    "automatic",
    "border",
    "rounding",
)
_LISTS = (RIVER, LAKE, "closed", "maintained", "items", "graded")


@dataclass(frozen=True, slots=True)
class ResultsSpec:
    """Describe how samples make results, as the table ``[results]`` of a layer spec does.

    Attributes
    ----------
    layer, samples
        Ids of the layer that gets the results, and of the samples'.
    key, on, at
        Fields: what names the feature in both layers; the sample's date; its time of day.
    kind, kinds, kind_if_missing
        The field of the kind of water, what its codes mean (1 river, 2 lake), and what is assumed where it is empty.
    target, target_year, automatic
        Fields of the feature.
    state, closed, maintained
        The sample's field of the station's state, and its words that forbid use or make a result provisional.
    provisional, not_detected
        The sample's fields that say so; the second lists items whose value is a detection limit.
    border
        The feature's field that changes where a river crosses a border.
    groups, graded
        By what sections are counted together (its word and the feature's field), and which of these the method grades.
    items
        Ids of the items that may decide; None for the 21 of the method.
    """

    layer: str
    samples: str
    key: str
    on: str
    at: str | None
    kind: str | None
    kinds: Mapping[str, int]
    kind_if_missing: int
    target: str | None
    target_year: str | None
    automatic: str | None
    state: str | None
    closed: tuple[str, ...]
    maintained: tuple[str, ...]
    provisional: str | None
    not_detected: str | None
    border: str | None
    groups: Mapping[str, str]
    graded: tuple[str, ...]
    rounding: str
    items: tuple[str, ...] | None


def result_types(spec: LayerSpec, catalogue: Catalogue) -> dict[str, tuple[str, Text]]:
    """Return type and title of the result columns of a layer; none for a layer without ``[results]``."""
    return dict(RESULT_COLUMNS) if "results" in _table(spec.id, catalogue) else {}


def results_spec(layer: str, catalogue: Catalogue) -> ResultsSpec | None:
    """Return what a layer's spec says of results, or None where it says nothing.

    Raises
    ------
    SpecError
        With all faults: unknown keys, layers or fields, words that are no kind of water, unknown items.
    """
    table = _table(layer, catalogue).get("results")
    if table is None:
        return None
    where = f"{short_name(catalogue.root / 'layers' / f'{layer}.toml')} [results]"
    faults = Faults()
    faults.keys(where, table, (*_TEXTS, *_LISTS, "groups"), ("samples", "key", "on"))
    kinds = {
        **dict.fromkeys(_TEXTS, "a text"),
        **dict.fromkeys(_LISTS, "a list of texts"),
        "groups": "a table of texts",
    }
    table = faults.sound(where, table, kinds)
    faults.one_of(f"{where} samples", table.get("samples"), catalogue.layers, "a layer of layers/")
    if table.get("samples") in catalogue.layers:
        _check_fields(where, table, catalogue.layers[layer], catalogue.layers[table["samples"]], faults)
    rounding = faults.one_of(f"{where} rounding", table.get("rounding", DISPLAYED), ROUNDINGS, "a rounding")
    assumed = faults.one_of(
        f"{where} kind_if_missing", table.get("kind_if_missing", ""), ("", *KINDS), "a kind of water"
    )
    for name in table.get("items", ()):
        if column_of(name) is None:
            faults.add(f"{where} items", name, "an item of GB 3838-2002 table 1")
    for name in sorted(set(RESULT_COLUMNS) & {*catalogue.layers[layer].fields, *catalogue.layers[layer].derived}):
        faults.add(where, name, "no field of this name beside the results", "Rename the field.")
    for name in table.get("graded", ()):
        faults.one_of(f"{where} graded", name, table.get("groups", {}), "one of the groups")
    faults.raise_if_any()
    texts = {
        name: table.get(name)
        for name in (
            "at",
            "kind",
            "target",
            "target_year",
            "automatic",
            "state",
            "provisional",
            "not_detected",
            "border",
        )
    }
    return ResultsSpec(
        layer=layer, samples=table["samples"], key=table["key"], on=table["on"], **texts,
        kinds={word: code for name, code in KINDS.items() for word in table.get(name, ())},
        kind_if_missing=KINDS.get(assumed, 0), closed=tuple(table.get("closed", ())),
        maintained=tuple(table.get("maintained", ())), groups=dict(table.get("groups", {})), graded=tuple(table.get("graded", ())), rounding=rounding,
        items=tuple(item_named(name) for name in table["items"]) if "items" in table else None,
    )  # fmt: skip


def item_fields(spec: LayerSpec) -> dict[str, str]:
    """Return the field of each item of GB 3838-2002 table 1 that a layer of samples has, in the standard's unit.

    The id of a field says item and unit, as ``nh3n_mg_l`` does.
    """
    found = {f.id: column_of(f.id) for f in spec.fields.values() if f.type == "number"}
    return {column.item: name for name, column in found.items() if column is not None and column.factor == 1.0}


def _table(layer: str, catalogue: Catalogue) -> dict[str, Any]:
    path = catalogue.root / "layers" / f"{layer}.toml"
    return read_toml(path) if path.exists() else {}


def _check_fields(where: str, table: Mapping[str, Any], section: LayerSpec, sample: LayerSpec, faults: Faults) -> None:
    """Fault every field that the layer it is read from does not have; the kind of water may stand in either."""
    for names, spec in ((_OF_SECTION, section), (_OF_SAMPLE, sample)):
        for name in names:
            wanted = (
                table.get("groups", {}).items() if name == "groups" else [(name, table[name])] if name in table else []
            )
            for key, value in wanted:
                either = {*section.fields, *sample.fields} if key == "kind" else spec.fields
                faults.one_of(f"{where} {key}", value, either, f"a field of '{spec.id}'")
