"""What lies around plots: receptors by distance on the ground and, where it is known, by the groundwater's flow."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import shapely

from geosys.cases.plot_stages import is_missing
from geosys.cases.pollutants import NO, UNKNOWN, YES
from geosys.geo.pair_table import TOLERANCE_M, Terms
from geosys.geo.relations import relate

if TYPE_CHECKING:
    from collections.abc import Mapping

    import geopandas as gpd
    from numpy.typing import NDArray

    from geosys._schema import UsableLayer
    from geosys.cases.plot_risk import Receptor

LAYER_ABSENT, WITHHELD, ACCURACY, KIND, FLOW = "layer_absent", "withheld", "accuracy", "kind_missing", "flow_missing"
COLUMNS = ("row", "receptor", "name", "distance_m", "is_downstream", "answer", "why")
_ARC_STEP_DEG = 5.0
_FAR = 1.002  # planes lengthen ground lengths by less, near their meridian


@dataclass(frozen=True, slots=True)
class Around:
    """Hold what lies around some plots of one kind of receptor.

    `pairs` has `COLUMNS`: `row` is the position of the plot, `answer` whether that receptor is around it, `why` what
    makes it unknown. `doubts` are what makes unknown, of all plots, whether there are more receptors.
    """

    pairs: pd.DataFrame
    doubts: tuple[str, ...]

    def answers(self, count: int) -> list[tuple[str, tuple[str, ...]]]:
        """Return for each of `count` plots whether a receptor is around, and what leaves that unknown."""
        told: list[tuple[str, tuple[str, ...]]] = []
        by_row = dict(iter(self.pairs.groupby("row")))
        for row in range(count):
            part = by_row.get(row)
            answers = set() if part is None else set(part["answer"])
            whys = () if part is None else tuple(sorted({w for w in part["why"] if w}))
            if YES in answers:
                told.append((YES, ()))
            elif UNKNOWN in answers or self.doubts:
                told.append((UNKNOWN, tuple(dict.fromkeys([*whys, *self.doubts]))))
            else:
                told.append((NO, ()))
        return told


def around(
    plots: gpd.GeoDataFrame, flow_deg: NDArray[np.float64], kind: Receptor, layer: UsableLayer | None,
    *, near_m: float, half_angle_deg: float,
) -> Around:  # fmt: skip
    """Return the receptors of a kind around plots.

    Parameters
    ----------
    plots
        Polygons in the plan's metric CRS.
    flow_deg
        Towards which the groundwater flows at each plot, degrees clockwise from grid north, NaN where nobody knows.
    layer
        The receptors' layer; None or without a row, nobody knows what lies around.
    near_m
        The accuracy of both layers together: a receptor beyond a limit by less leaves it unknown.
    """
    if layer is None or layer.frame.empty:
        return Around(pd.DataFrame(columns=list(COLUMNS)), (LAYER_ABSENT,))
    parts = [_pairs(plots, flow_deg, kind, layer, layer.frame, near_m, half_angle_deg)]
    doubts = []
    if len(layer.withheld):
        lost = _of_kind(layer.withheld, kind)
        placed = ~(shapely.is_missing(layer.withheld.geometry) | shapely.is_empty(layer.withheld.geometry))
        doubts += [WITHHELD] if ((lost != NO) & ~placed).any() else []
        hidden = _pairs(plots, flow_deg, kind, layer, layer.withheld[placed], near_m, half_angle_deg)
        hidden = hidden[hidden["answer"] != NO]
        parts.append(hidden.assign(answer=UNKNOWN, why=WITHHELD))
    filled = [part for part in parts if len(part)] or parts[:1]
    return Around(pd.concat(filled, ignore_index=True), tuple(doubts))


def _of_kind(frame: pd.DataFrame, kind: Receptor) -> NDArray[np.object_]:
    """Say of each row whether it is of the kind asked for: yes, no, or unknown where its field is empty."""
    told = np.full(len(frame), YES, dtype=object)
    for field, values in kind.when.items():
        if field not in frame:
            return np.full(len(frame), UNKNOWN, dtype=object)
        empty = frame[field].map(is_missing).to_numpy(dtype=bool)
        wrong = ~empty & ~frame[field].isin(values).to_numpy(dtype=bool)
        told = np.where(wrong, NO, np.where(empty & (told != NO), UNKNOWN, told))
    return told


def _pairs(
    plots: gpd.GeoDataFrame, flow_deg: NDArray[np.float64], kind: Receptor, layer: UsableLayer, frame: gpd.GeoDataFrame,
    near_m: float, half_angle_deg: float,
) -> pd.DataFrame:  # fmt: skip
    sort = _of_kind(frame, kind)
    theirs = frame[sort != NO].reset_index(drop=True)
    sort = sort[sort != NO]
    ours = plots.geometry.to_numpy()
    terms = Terms(str(plots.crs), near_m=near_m, distance_m=kind.downstream_m)
    found = relate("dwithin", ours, theirs.geometry.to_numpy(), terms)
    left, right, far = (found[c].to_numpy() for c in ("subject", "object", "distance_m"))
    down = _downstream(ours, theirs.geometry.to_numpy(), left, right, flow_deg, kind.downstream_m + near_m, half_angle_deg)  # fmt: skip
    sort = sort[right]
    close = far <= kind.within_m + TOLERANCE_M
    reached = close | ((down == YES) & (far <= kind.downstream_m + TOLERANCE_M))
    blurred = (far <= kind.within_m + near_m) | ((down == YES) & (far <= kind.downstream_m + near_m))
    flow_decides = (down == UNKNOWN) & (far > kind.within_m) & (kind.downstream_m > kind.within_m)
    answer = np.select([reached & (sort == YES), ~reached & ~blurred & ~flow_decides], [YES, NO], UNKNOWN)
    why = np.select([answer != UNKNOWN, sort == UNKNOWN, blurred & ~reached], ["", KIND, ACCURACY], FLOW)
    named = theirs[layer.schema.name_field] if layer.schema.name_field else theirs["feature_id"]
    names = named.fillna(theirs["feature_id"]).astype(str).to_numpy()
    values = (left, kind.title.zh, names[right], far, down, answer, why)
    return pd.DataFrame(dict(zip(COLUMNS, values, strict=True)))


def _downstream(
    ours: NDArray[np.object_], theirs: NDArray[np.object_], left: NDArray[np.int64], right: NDArray[np.int64],
    flow_deg: NDArray[np.float64], reach_m: float, half_angle_deg: float,
) -> NDArray[np.object_]:  # fmt: skip
    """Say of each pair whether the receptor lies down the groundwater's flow; unknown where the flow is."""
    told = np.full(len(left), UNKNOWN, dtype=object)
    for plot in np.unique(left[~np.isnan(flow_deg[left])]):
        mine = np.flatnonzero(left == plot)
        area = fan(ours[plot], flow_deg[plot], reach_m * _FAR, half_angle_deg)
        told[mine] = np.where(shapely.intersects(area, theirs[right[mine]]), YES, NO)
    return told


def fan(plot: shapely.Geometry, flow_deg: float, reach_m: float, half_angle_deg: float) -> shapely.Geometry:
    """Return where the groundwater of a plot may flow: its hull, swept along every direction of the flow's fan.

    Examples
    --------
    >>> square = shapely.box(0, 0, 10, 10)
    >>> east = fan(square, 90.0, 100.0, 30.0)
    >>> [bool(shapely.intersects(east, shapely.Point(*at))) for at in ((105, 5), (-5, 5), (5, 60))]
    [True, False, False]
    """
    count = max(int(np.ceil(2 * half_angle_deg / _ARC_STEP_DEG)), 1)
    bearing = np.radians(flow_deg + np.linspace(-half_angle_deg, half_angle_deg, count + 1))
    reach = reach_m / np.cos(np.radians(half_angle_deg / count))  # chords lie inside the arc they stand for
    ends = np.vstack([[0.0, 0.0], reach * np.column_stack([np.sin(bearing), np.cos(bearing)])])
    corners = shapely.get_coordinates(shapely.convex_hull(plot))
    swept = (corners[:, None, :] + ends[None, :, :]).reshape(-1, 2)
    return shapely.convex_hull(shapely.multipoints(swept))


def flow_of(frame: pd.DataFrame, field: str, stated_deg: float | None) -> NDArray[np.float64]:
    """Return towards which the groundwater flows at each row: its field, else what was stated for all, else NaN."""
    known = frame[field].to_numpy(dtype="float64", na_value=np.nan) if field in frame else np.full(len(frame), np.nan)
    return np.where(np.isnan(known), np.nan if stated_deg is None else stated_deg, known)


def layers_named(kinds: tuple[Receptor, ...]) -> dict[str, None]:
    """Return the layers that kinds of receptors stand in, each once."""
    return dict.fromkeys(kind.layer for kind in kinds)


def reach_of(layers: Mapping[str, UsableLayer], plots: UsableLayer, kind: Receptor) -> float:
    """Return the accuracy of a plot layer and a receptor layer together, in metres."""
    return plots.schema.accuracy_m + (layers[kind.layer].schema.accuracy_m if kind.layer in layers else 0.0)
