"""What a trace stands on: the network, who stands where on it, what their columns mean, and whom to call."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from shapely.ops import substring

from geosys._errors import WorkspaceError
from geosys._faults import nearest
from geosys._text import Text
from geosys.geo.river_flow import Places
from geosys.layers.results_spec import RESULT_COLUMNS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from geosys.geo.waterway import Waterway
    from geosys.layers.intake import Layer
    from geosys.layers.spec import Catalogue
    from geosys.traces.spec import Role, TraceSpec

NOT_FILLED = Text("未填", "not filled in")
STANDING_COLUMNS = (
    "layer", "layer_zh", "layer_en", "feature_id", "name", "kind", "kind_zh", "kind_en", "frame_row", "geometry",
    "call_zh", "call_en", "is_doubtful", "reason_zh", "reason_en",
)  # fmt: skip
MISSING_COLUMNS = ("what_zh", "what_en", "feature_id", "name", "text_zh", "text_en")


@dataclass(frozen=True, slots=True)
class Scene:
    """Hold all that a trace asks: the waterway, the layers in its plane, the content, and the role of each layer."""

    waterway: Waterway
    layers: Mapping[str, Layer]
    catalogue: Catalogue
    spec: TraceSpec

    @property
    def undirected(self) -> NDArray[np.bool_]:
        """Return for each reach whether its direction is not known."""
        network = self.waterway.network
        unsettled = getattr(network, "unsettled", None)
        return np.zeros(len(network.reach_from), dtype=bool) if unsettled is None else np.asarray(unsettled, dtype=bool)

    def title(self, layer: str) -> Text:
        """Return the title of a layer."""
        return self.catalogue.layers[layer].title

    def column_title(self, layer: str, column: str) -> Text:
        """Return the title of a column; of one that no spec knows its name."""
        result = RESULT_COLUMNS.get(column, ("", Text(column, column)))[1]
        return self.catalogue.layers[layer].titles.get(column, result)

    def code_text(self, layer: str, column: str, value: Any) -> Text:
        """Return a value as it is told: the title of a code, yes or no, else as it is; empty where missing."""
        if value is None or pd.isna(value):
            return Text("", "")
        if isinstance(value, bool | np.bool_):
            return Text("是", "yes") if value else Text("否", "no")
        field = self.catalogue.layers[layer].fields.get(column)
        titles = self.catalogue.codes[field.codes].titles if field is not None and field.codes else {}
        plain = f"{value:g}" if isinstance(value, float) else str(value)
        return titles.get(str(value), Text(plain, plain))


@dataclass(frozen=True, slots=True)
class Standing:
    """Hold the features of some layers where they stand: places, and a table with one row each.

    The table has `layer`, `layer_zh`, `layer_en`, `feature_id`, `name`, `kind`, `kind_zh`, `kind_en`, `call_zh`, `call_en`,
    `is_doubtful`, `reason_zh`, `reason_en`, `frame_row`, `geometry`.
    """

    places: Places
    table: pd.DataFrame


def column_of(frame: pd.DataFrame, name: str) -> pd.Series:
    """Return a column, or missing values where the frame has none of that name."""
    return (
        frame[name]
        if name and name in frame.columns
        else pd.Series([None] * len(frame), index=frame.index, dtype=object)
    )


def is_gone(value: Any) -> bool:
    """Say whether a value is missing."""
    return value is None or bool(pd.isna(value))


def names_of(layer: Layer) -> list[str]:
    """Return the names of a layer's features, their ids where they have none."""
    ids = layer.frame["feature_id"].astype(str)
    names = column_of(layer.frame, layer.spec.name or "")
    told: list[str] = names.where(names.notna() & (names.astype(str) != ""), ids).astype(str).tolist()
    return told


def standing(scene: Scene, roles: Sequence[Role]) -> Standing:
    """Return where the features of some layers stand; a layer that is absent, or stands on no river, adds no row."""
    tables, reach, along, offset = [], [], [], []
    for role in roles:
        stops, layer = scene.waterway.stops.get(role.layer), scene.layers.get(role.layer)
        if stops is None or layer is None or not len(stops.feature):
            continue
        reach.append(stops.reach)
        along.append(stops.along_m)
        offset.append(stops.offset_m)
        told = features_table(scene, role, layer).iloc[stops.feature].reset_index(drop=True)
        call = [called(scene, role, int(row), int(on)) for row, on in zip(stops.feature, stops.reach, strict=True)]
        tables.append(
            told.assign(
                call_zh=[text.zh for text in call],
                call_en=[text.en for text in call],
                is_doubtful=np.asarray(stops.is_doubtful, dtype=bool),
                reason_zh=stops.reason_zh,
                reason_en=stops.reason_en,
                geometry=_shown_at(scene, told["geometry"].to_numpy(), stops.reach, stops.along_m),
            )
        )
    if not tables:
        none = np.zeros(0)
        nobody = pd.DataFrame({name: pd.Series(dtype=object) for name in STANDING_COLUMNS})
        return Standing(Places(none.astype(np.int64), none, none), nobody)
    places = Places(np.concatenate(reach).astype(np.int64), np.concatenate(along), np.concatenate(offset))
    return Standing(places, pd.concat(tables, ignore_index=True))


def _shown_at(
    scene: Scene, shapes: NDArray[np.object_], reach: NDArray[np.int64], along_m: NDArray[np.float64]
) -> NDArray[np.object_]:
    """Return where stops are shown: points as they are, what covers an area where it meets its river."""
    network, shown = scene.waterway.network, np.asarray(shapes, dtype=object).copy()
    move = np.flatnonzero((shapely.get_type_id(shown) != 0) & (reach >= 0) & np.isfinite(along_m))
    share = along_m[move] / np.maximum(network.length_m[reach[move]], 1e-9)
    shown[move] = shapely.line_interpolate_point(network.lines[reach[move]], share, normalized=True)
    return shown


def features_table(scene: Scene, role: Role, layer: Layer) -> pd.DataFrame:
    """Return one row for each feature of a layer: what it is, its id, name and kind."""
    kinds = column_of(layer.frame, role.kind).tolist()
    texts = [scene.code_text(role.layer, role.kind, value) for value in kinds]
    title = scene.title(role.layer)
    return pd.DataFrame(
        {
            "layer": role.layer, "layer_zh": title.zh, "layer_en": title.en,
            "feature_id": layer.frame["feature_id"].astype(str).to_numpy(), "name": names_of(layer), "kind": kinds,
            "kind_zh": [text.zh for text in texts], "kind_en": [text.en for text in texts],
            "frame_row": np.arange(len(layer.frame)), "geometry": layer.frame.geometry.to_numpy(),
        }
    )  # fmt: skip


def called(scene: Scene, role: Role, row: int, reach: int) -> Text:
    """Return whom to call about a feature: its own columns, the river's, the steward's office; what is missing is named."""
    parts = []
    for one, frame_row in ((role, row), (scene.spec.river, river_row(scene, reach))):
        layer = scene.layers.get(one.layer)
        if layer is None or frame_row is None or (one is scene.spec.river and one.layer == role.layer):
            continue
        for column, words in one.call.items():
            value = column_of(layer.frame, column).iloc[frame_row]
            told = NOT_FILLED if value is None or pd.isna(value) else Text(str(value), str(value))
            parts.append(Text(f"{words.zh}：{told.zh}", f"{words.en}: {told.en}"))
    office = scene.catalogue.codes["office"].titles.get(scene.catalogue.layers[role.layer].steward)
    if office is not None:
        parts.append(Text(f"主管：{office.zh}", f"steward: {office.en}"))
    return Text("；".join(part.zh for part in parts), "; ".join(part.en for part in parts))


def river_row(scene: Scene, reach: int) -> int | None:
    """Return the row of the river layer that a reach was drawn from, None for no reach."""
    return int(scene.waterway.network.source[reach]) if reach >= 0 else None


def found_feature(scene: Scene, layer: str, wanted: str, what: str) -> int:
    """Return the row of the feature that a code or name means.

    Raises
    ------
    WorkspaceError
        When the layer is absent, nothing has that code or name, or several have that name.
    """
    given = scene.layers.get(layer)
    if given is None:
        raise WorkspaceError(
            f"{what}: got no usable layer '{layer}' in this workspace, expected one. Deliver it first."
        )
    ids: list[str] = given.frame["feature_id"].astype(str).tolist()
    names = names_of(given)
    if wanted in ids:
        return ids.index(wanted)
    rows = [row for row, name in enumerate(names) if name == wanted]
    if len(rows) == 1:
        return rows[0]
    if rows:
        codes = ", ".join(ids[row] for row in rows[:10])
        raise WorkspaceError(
            f"{what}: got '{wanted}', which {len(rows)} features are called, expected one. Give its code: {codes}."
        )
    raise WorkspaceError(
        f"{what}: got '{wanted}', expected a code or name of '{layer}'. {nearest(wanted, [*ids, *names])}".rstrip()
    )


def missing_row(what: Text, text: Text, feature_id: str = "", name: str = "") -> dict[str, str]:
    """Return one row of what is not known."""
    return {
        "what_zh": what.zh,
        "what_en": what.en,
        "feature_id": feature_id,
        "name": name,
        "text_zh": text.zh,
        "text_en": text.en,
    }


def absent_layers(scene: Scene, roles: Sequence[Role]) -> list[dict[str, str]]:
    """Return a row for each layer that is not there, or that nobody put on a river."""
    rows = []
    for role in roles:
        title = scene.title(role.layer)
        if role.layer not in scene.layers:
            rows.append(
                missing_row(title, Text("没有这个图层，未查", "this layer is absent and was not asked"), role.layer)
            )
        elif role.layer not in scene.waterway.stops:
            rows.append(
                missing_row(
                    title, Text("图层未对应到河流，未查", "this layer stands on no river and was not asked"), role.layer
                )
            )
    return rows


def named_missing(scene: Scene, ground: pd.DataFrame, tables: Mapping[str, pd.DataFrame]) -> list[dict[str, str]]:
    """Return the rows of a trace on the ground with names instead of positions.

    Parameters
    ----------
    ground
        `missing` of `geosys.geo.tracing`.
    tables
        For each kind of thing its table of `Standing`; a kind without one is a reach.
    """
    rows, river = [], scene.waterway.network.river
    for kind, position, reach, zh, en in ground[["kind", "position", "reach", "text_zh", "text_en"]].itertuples(
        index=False
    ):
        text = Text(zh, en)
        if kind in tables:
            one = tables[kind].iloc[position]
            rows.append(missing_row(Text(one["layer_zh"], one["layer_en"]), text, one["feature_id"], one["name"]))
        else:
            where = ground_place(scene, int(reach))
            rows.append(
                missing_row(
                    Text("河段", "Reach"), Text(f"{zh}（{where}）", f"{en} ({where})"), "", str(river[reach] or "")
                )
            )
    return rows


def ground_place(scene: Scene, reach: int) -> str:
    """Return where a reach begins in the plan's plane, in whole metres."""
    x, y = scene.waterway.network.lines[reach].coords[0][:2]
    return f"X {x:.0f} Y {y:.0f}"


def cut_lines(scene: Scene, reaches: pd.DataFrame, begin: str = "from_m", end: str = "to_m") -> gpd.GeoDataFrame:
    """Return rows of stretches with the part of the river's line that each is, in the plan's plane."""
    network = scene.waterway.network
    lines = []
    for reach, low, high in reaches[["reach", begin, end]].itertuples(index=False):
        line, length = network.lines[reach], network.length_m[reach]
        whole = low <= 0 and high >= length
        lines.append(line if whole or not length else substring(line, low / length, high / length, normalized=True))
    shapes = np.array(lines, dtype=object) if lines else np.array([], dtype=object)
    keep = shapely.get_type_id(shapes) == 1 if len(shapes) else np.zeros(0, dtype=bool)
    return gpd.GeoDataFrame(reaches[keep].reset_index(drop=True), geometry=shapes[keep], crs=scene.waterway.crs)
