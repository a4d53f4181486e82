"""What a place is, theme by theme: the reading of the land objects that hold it, in their own code system."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import shapely

from geosys._text import Text
from geosys.layers.crosswalks import MISSING, SURE, CodeVerdict, judge_code

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from numpy.typing import NDArray

    from geosys.one_map.land import LandLayer
    from geosys.one_map.spec import OneMapSpec, Theme

SURELY, REVIEW, NOT_ASSESSED, OUTSIDE = "sure", "needs_review", "not_assessed", "outside"
JOINT = " + "
NOTHING = Text("", "")
INSIDE = Text("在内", "inside")
LEFT_OPEN = Text("图层未覆盖", "not covered by the layer")
BEYOND = Text("界外", "outside")
WITHHELD = Text("该处记录因数据问题未采用", "the record here was withheld for a data issue")
OVERLAP = Text("不同编码的图斑重叠", "patches of different codes overlap")
ABSENT = Text("缺少图层", "layer absent")
EMPTY = Text("图层为空", "the layer is empty")
ALL_WITHHELD = Text("图层记录全部因数据问题未采用", "all records of the layer were withheld")


@dataclass(frozen=True, slots=True)
class Kind:
    """Hold what a part of a feature is in one theme: code and title, the state of that reading, and why.

    `code` is empty where a theme has no field, or nothing was found; codes of patches that overlap stand joined.
    """

    theme: str
    code: str
    title: str
    state: str
    why: Text = NOTHING


@dataclass(frozen=True, slots=True)
class Objects:
    """Hold all land objects: shapes, ids, and a label each; a label is a layer with the values its fields have there.

    The values are None where the object was withheld.
    """

    shapes: NDArray[np.object_]
    ids: list[str]
    labels: NDArray[np.int64]
    table: list[tuple[str, tuple[str | None, ...] | None]]

    def layer_of(self, position: int) -> str:
        """Return the layer of an object."""
        return self.table[int(self.labels[position])][0]


def objects_of(land: Mapping[str, LandLayer], spec: OneMapSpec, box: Sequence[float]) -> Objects:
    """Return the objects of all land layers that come near a box, withheld ones after the others of their layer.

    `box` is least x and y, most x and y in the CRS of the land. The tree that finds them is kept with each layer's frame,
    so that a plot after the other may be asked about.
    """
    shapes: list[NDArray[np.object_]] = [np.array([], dtype=object)]
    ids: list[str] = []
    labels: list[int] = []
    table: dict[tuple[str, tuple[str | None, ...] | None], int] = {}
    for name, layer in land.items():
        frame = layer.frame
        if np.isfinite(box).all():
            frame = frame.iloc[np.sort(frame.sindex.query(shapely.box(*box)))]
        columns: list[list[str | None]] = [_texts(frame[field]) for field in spec.fields_of(name)]
        values = list(zip(*columns, strict=True)) if columns else [()] * len(frame)
        labels += [table.setdefault((name, value), len(table)) for value in values]
        labels += [table.setdefault((name, None), len(table))] * len(layer.hulls)
        ids += [*frame["feature_id"].astype(str), *[""] * len(layer.hulls)]
        shapes += [frame.geometry.to_numpy(), layer.hulls]
    return Objects(np.concatenate(shapes), ids, np.array(labels, dtype=np.int64), list(table))


def _texts(column: pd.Series) -> list[str | None]:
    """Return a column as texts, None where a cell is empty."""
    return [None if pd.isna(v) or str(v) == "" else str(v) for v in column]


def kinds_of(
    combinations: Iterable[tuple[int, ...]], objects: Objects, land: Mapping[str, LandLayer], spec: OneMapSpec
) -> dict[tuple[int, ...], tuple[Kind, ...]]:
    """Return for each combination of labels what the place is, one kind for each theme in the order of the themes."""
    reading = _Reading(
        objects.table, {name: spec.fields_of(name) for name in spec.land_layers},
        {name: absence(name, land) for name in spec.land_layers}, spec,
    )  # fmt: skip
    return {one: tuple(reading.kind(theme, one) for theme in spec.themes.values()) for one in set(combinations)}


@dataclass(frozen=True, slots=True)
class _Reading:
    """Hold what labels mean: their table, the fields of each layer, why a layer cannot tell anything."""

    table: list[tuple[str, tuple[str | None, ...] | None]]
    fields: Mapping[str, tuple[str, ...]]
    absent: Mapping[str, Text | None]
    spec: OneMapSpec

    def kind(self, theme: Theme, combination: tuple[int, ...]) -> Kind:
        why = self.absent[theme.layer]
        if why is not None:
            return Kind(theme.id, "", "", NOT_ASSESSED, why)
        held = [self.table[label][1] for label in combination if self.table[label][0] == theme.layer]
        usable = [values for values in held if values is not None]
        if usable:
            return self._inside(theme, usable)
        if held:
            return Kind(theme.id, "", "", REVIEW, WITHHELD)
        if theme.is_full:
            return Kind(theme.id, "", "", NOT_ASSESSED, LEFT_OPEN)
        return Kind(theme.id, "", str(BEYOND), OUTSIDE, BEYOND)

    def _inside(self, theme: Theme, usable: list[tuple[str | None, ...]]) -> Kind:
        if theme.field is None:
            return Kind(theme.id, "", str(INSIDE), SURELY)
        names = self.fields[theme.layer]
        at, called = names.index(theme.field), None if theme.name is None else names.index(theme.name)
        by_code: dict[str, str | None] = {}
        verdicts: list[CodeVerdict] = []
        for values in sorted(usable, key=lambda v: (v[at] or "", "" if called is None else v[called] or "")):
            code, name = values[at], None if called is None else values[called]
            verdicts.append(self._verdict(theme, code, name))
            by_code.setdefault(code or "", name)
        title = JOINT.join(self._title(theme, code, name) for code, name in by_code.items())
        code = JOINT.join(by_code)
        if len(by_code) > 1:
            return Kind(theme.id, code, title, REVIEW, OVERLAP)
        worst = next((v for v in verdicts if v.state != SURE), verdicts[0])
        return Kind(theme.id, code, title, SURELY if worst.state == SURE else REVIEW, worst.why)

    def _verdict(self, theme: Theme, code: str | None, name: str | None) -> CodeVerdict:
        if theme.system is None:
            return CodeVerdict(SURE) if code else CodeVerdict(MISSING, Text("没有编码", "no code"))
        others = {str(s.title): s.codes for s in self.spec.systems.values() if s.id != theme.system.id}
        return judge_code(code, name, theme.system.codes, others)

    def _title(self, theme: Theme, code: str, name: str | None) -> str:
        """Return what a code is called: in its system, or by the sender where the field has none."""
        if theme.system is not None and code in theme.system.codes.titles:
            return theme.system.codes.titles[code].zh
        return name or ""


def absence(layer: str, land: Mapping[str, LandLayer]) -> Text | None:
    """Return why a theme cannot be told at all: its layer is absent, empty or wholly withheld; None where it can."""
    if layer not in land:
        return Text(f"{ABSENT.zh} {layer}", f"{ABSENT.en}: {layer}")
    if not land[layer].size:
        why = ALL_WITHHELD if land[layer].withheld else EMPTY
        return Text(f"{why.zh} {layer}", f"{why.en}: {layer}")
    return None
