"""The parts of a plot sheet: a table or pairs with a title, what is lacking, and notes; identity, state and history."""

from __future__ import annotations

import datetime as dt
import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

import pandas as pd

from geosys._text import Text

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from geosys.layers.spec import LayerSpec
    from geosys.plot_sheets.archive import Archive, PlotKey

Words: TypeAlias = str | Text
YES, NO = Text("是", "yes"), Text("否", "no")
UNKNOWN = Text("未填", "not filled in")
DASH = "—"
PLACE_OF_ROW = ("source_file", "source_row")


@dataclass(frozen=True, slots=True)
class Part:
    """Hold one part of a sheet.

    Parameters
    ----------
    id, title : its name for machines and for people.
    head, rows : a table; with two columns and `is_facts` it is set as pairs.
    lacking : why there is nothing, or not all; printed instead of, or below, the rows.
    notes : sentences below.
    widths, right, tints : as of `geosys.maps.paper.sheet.Table`.
    """

    id: str
    title: Text
    head: Sequence[Words] = ()
    rows: Sequence[Sequence[Words]] = ()
    lacking: Text | None = None
    notes: Sequence[Text] = ()
    widths: Sequence[float] = ()
    right: Sequence[int] = ()
    tints: Mapping[int, str] = field(default_factory=dict)
    is_facts: bool = False


@dataclass(frozen=True, slots=True)
class Plot:
    """Hold one plot: where it stands, its layer's spec and its row."""

    key: PlotKey
    spec: LayerSpec
    row: Mapping[str, Any]

    @property
    def shape(self) -> Any:
        """Return its polygon in the plan's CRS, or None where it has none that can be used."""
        shape = self.row.get("geometry")
        return shape if shape is not None and not shape.is_empty and shape.is_valid else None

    @property
    def name(self) -> str:
        """Return its name, or its code."""
        name = self.row.get(self.spec.name) if self.spec.name else None
        return self.key.code if is_missing(name) else str(name)


def plot_of(archive: Archive, key: PlotKey) -> Plot:
    """Return the row of a plot."""
    layer = archive.layers[key.layer]
    frame = layer.withheld if key.is_withheld else layer.frame
    empty: dict[str, Any] = dict.fromkeys(layer.spec.titles)  # fields that came after the version was stored
    return Plot(key, layer.spec, empty | {str(k): v for k, v in frame.iloc[key.row].to_dict().items()})


def is_missing(value: Any) -> bool:
    """Say whether a cell says nothing."""
    return value is None or (isinstance(value, float) and math.isnan(value)) or value is pd.NaT or value is pd.NA


def shown(archive: Archive, spec: LayerSpec, column: str, value: Any) -> Words:
    """Return a cell as people read it: codes by their titles, numbers with their unit, days as 2026-09-30."""
    if is_missing(value):
        return UNKNOWN
    if isinstance(value, bool):
        return YES if value else NO
    if isinstance(value, dt.date):
        return value.isoformat()[:10]
    known = spec.fields.get(column)
    if known is not None and known.codes:
        title = archive.content.catalogue.codes[known.codes].titles.get(str(value))
        if title is not None:
            code = "" if title.zh.startswith(str(value)) else f"{value} "
            return Text(f"{code}{title.zh}", f"{code}{title.en}")
    unit = "m²" if column == "area_m2" else (known.unit if known is not None and known.unit else "")
    if isinstance(value, (int, float)) and spec.type_of(column) in ("number", "integer"):
        return f"{number(float(value))} {unit}".strip()
    return str(value)


def number(value: float, digits: int = 2) -> str:
    """Return a number with so many decimals at most and no needless ones.

    Examples
    --------
    >>> number(12345.678), number(3.0), number(0.04561, 4), number(float("nan"))
    ('12,345.68', '3', '0.0456', '—')
    """
    if math.isnan(value):
        return DASH
    text = f"{value:,.{digits}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def identity(archive: Archive, plot: Plot) -> Part:
    """Return what the ledger says the plot is; fields that nobody filled in are named below."""
    spec, told = plot.spec, archive.spec.plots[plot.key.layer]
    state = {*told.state, told.pollutants}
    columns = [c for c in spec.titles if spec.type_of(c) != "date" and c not in state]
    there = [c for c in columns if not is_missing(plot.row.get(c))]
    rows = [(spec.titles[c], shown(archive, spec, c, plot.row[c])) for c in there if c != "area_m2" or plot.row[c] > 0]
    if plot.shape is not None:
        rows.append((Text("组成部分", "Parts"), str(len(getattr(plot.shape, "geoms", [plot.shape])))))
    empty = [spec.titles[c] for c in columns if c not in there]
    return Part(
        "identity", Text("基本信息", "Identity"), ("", ""), rows, is_facts=True, notes=_not_filled(empty)
    )  # fmt: skip


def _not_filled(titles: Sequence[Text]) -> list[Text]:
    if not titles:
        return []
    return [
        Text(
            f"台账中{UNKNOWN.zh}：{'、'.join(t.zh for t in titles)}。",
            f"Not filled in in the ledger: {', '.join(t.en for t in titles)}.",
        )
    ]


def state(archive: Archive, plot: Plot) -> Part:
    """Return the plot's state as its ledger tells it, and the days of its history in their order."""
    spec, told = plot.spec, archive.spec.plots[plot.key.layer]
    columns = [*told.state, *([told.pollutants] if told.pollutants else [])]
    rows: list[tuple[Words, Words]] = [(spec.titles[c], shown(archive, spec, c, plot.row.get(c))) for c in columns]
    days = {c: plot.row.get(c) for c in spec.titles if spec.type_of(c) == "date"}
    dated = sorted((day, c) for c, day in days.items() if isinstance(day, dt.date) and not is_missing(day))
    rows += [(spec.titles[c], day.isoformat()) for day, c in dated]
    empty = [spec.titles[c] for c, day in days.items() if is_missing(day)]
    return Part(
        "state", Text("状态与历程", "State and history"), ("", ""), rows, is_facts=True, notes=_not_filled(empty)
    )


def withheld(archive: Archive, plot: Plot) -> Text | None:
    """Return why the plot's row was withheld, or None where it is used."""
    if not plot.key.is_withheld:
        return None
    kind = archive.content.catalogue.issue_types.get(str(plot.row.get("issue_type", "")))
    zh, en = (
        (kind.title.zh, kind.title.en) if kind else (str(plot.row.get("issue_type")), str(plot.row.get("issue_type")))
    )
    return Text(
        f"本地块因数据问题未被采用（{zh}）：各项规则均未评估，须先改正来文。",
        f"This plot's row is withheld for a data issue ({en}): no rule was assessed. Mend the delivery first.",
    )


def no_shape() -> Text:
    """Return what is said where the plot has no polygon that can be used."""
    return Text("地块没有可用的图形：未评估。", "The plot has no usable polygon: not assessed.")
