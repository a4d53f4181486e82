"""The rivers of a workspace: the network of each line layer that has one, who stands where on it, and all that is doubtful."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import shapely

from geosys._errors import SpecError
from geosys.geo.elevations import end_elevations
from geosys.geo.river_directions import attribute_signs, elevation_signs
from geosys.geo.river_faults import OPEN
from geosys.geo.river_network import build, snap
from geosys.geo.river_snapping import SIDES
from geosys.geo.waterway import Stops, Waterway, area_stops, length_below, looks_drawn_upstream, point_stops
from geosys.rivers.files import by_file_lines, chosen_lines, decided_rows, read_sheet, with_file_lines
from geosys.rivers.positions import position_rows

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from geosys.geo.river_network import Network
    from geosys.layers.intake import Layer
    from geosys.layers.spec import Catalogue
    from geosys.workspace import Workspace

    Progress = Callable[[str, int, int], None]

KEY = "feature_id"
STAGE = "rivers"
PARTING = "divergence"
DIRECTIONS = ("wrong_direction", "direction_conflict", "no_direction")
PICKED_NONE = ("用户指定：不在河上", "chosen by the user: on no river")


@dataclass(frozen=True, slots=True)
class Rivers:
    """Hold the network of one line layer, who stands on it, and what people are to look at.

    Attributes
    ----------
    waterway
        Network and stops.
    lines
        The feature id of each input line, by `Network.source`, shape (k,).
    faults, changes
        As of `geosys.geo.river_network.build`; `decided_by` is the line of the decision's file, −1 for none, and `place`
        a point on each fault.
    is_told
        Whether anything but the drawing speaks for the direction of each input line, shape (k,).
    looks_upstream
        Whether each reach looks as if it were drawn against the flow and nothing else tells: it is unsettled then.
    positions
        One row a stop, columns of `geosys.rivers.positions.POSITIONS`.
    """

    waterway: Waterway
    lines: NDArray[np.object_]
    faults: pd.DataFrame
    changes: pd.DataFrame
    is_told: NDArray[np.bool_]
    looks_upstream: NDArray[np.bool_]
    positions: pd.DataFrame


def rivers_of(
    workspace: Workspace, layers: Mapping[str, Layer], catalogue: Catalogue, progress: Progress
) -> dict[str, Rivers]:
    """Build the network of every river layer there is, and put the features of all layers that stand on it into place.

    Parameters
    ----------
    workspace
        The plan; its files of decisions, positions and elevation count.
    layers
        The layers there are, in the plan's CRS.
    progress
        Called with the stage, steps done and steps in all: a network is one, each layer on it another.

    Returns
    -------
    By id of the line layer; empty where there is none.

    Raises
    ------
    SpecError
        With every row of the plan's files that cannot be followed, or an elevation model that cannot be read.
    """
    specs = catalogue.layers
    known = [name for name, spec in specs.items() if spec.network is not None]
    here = [name for name in known if name in layers]
    if not here:
        return {}
    of = {name: spec.on_river.of for name, spec in specs.items() if spec.on_river is not None}
    features = {name: _ids(layers[name]) for name in of if name in layers}
    chosen = chosen_lines(workspace.rivers.positions, features, {name: _ids(layers[name]) for name in here}, of)
    sheet, result, done = read_sheet(workspace.rivers.decisions), {}, 0
    total = len(here) + sum(of[name] in here for name in features)
    for name in here:
        progress(STAGE, done, total)
        standing = {other: layers[other] for other in sorted(features) if of[other] == name}
        file = (workspace.rivers.decisions or workspace.root).name
        rows = decided_rows(sheet, name, known, file)
        network, faults, changes, is_told = _built(workspace, layers[name], standing, rows)
        doubted = looks_drawn_upstream(network) & ~is_told[network.source]
        parted = _parted(faults, lines := layers[name].frame[KEY].to_numpy(dtype=object)) & ~is_told
        network = replace(network, unsettled=network.unsettled | doubted | parted[network.source])
        done += 1
        below, stops, tables = length_below(network), {}, []
        for other, layer in standing.items():
            progress(STAGE, done, total)
            picks = {key: line for (owner, key), line in chosen.items() if owner == other}
            stops[other], alternatives = _placed(layer, network, lines, picks, workspace.rivers.positions)
            tables.append(position_rows(layer, stops[other], network, lines, below, alternatives))
            done += 1
        positions = (
            pd.concat(tables, ignore_index=True) if tables else position_rows(None, None, network, lines, below, None)
        )
        way = Waterway(name, network, stops, workspace.crs)
        result[name] = Rivers(way, lines, faults, changes, is_told, doubted, positions)
    progress(STAGE, total, total)
    return result


def counts_of(rivers: Mapping[str, Rivers]) -> dict[str, Any]:
    """Return for each river layer how many lines, reaches, faults, changes and positions it has."""
    told = {}
    for name, one in sorted(rivers.items()):
        placed = one.positions.groupby("layer", sort=True)
        told[name] = {
            "lines": len(one.lines), "reaches": len(one.waterway.network.length_m),
            "unsettled_reaches": int(one.waterway.network.unsettled.sum()), "lines_as_drawn": int((~one.is_told).sum()),
            "faults": {str(k): int(v) for k, v in sorted(one.faults["status"].value_counts().items())},
            "kinds": {str(k): int(v) for k, v in sorted(one.faults["kind"].value_counts().items())},
            "changes": len(one.changes),
            "positions": {
                str(layer): {
                    "features": int(rows[KEY].nunique()), "stops": int((rows["line"] != "").sum()),
                    "without_river": int((rows["line"] == "").sum()), "doubtful": int(rows["is_doubtful"].sum()),
                    "chosen_by_user": int(rows["is_chosen_by_user"].sum()),
                }
                for layer, rows in placed
            },
        }  # fmt: skip
    return told


def _ids(layer: Layer) -> set[str]:
    """Return the ids of a layer's features, the withheld ones too: what is chosen for them waits."""
    return {*layer.frame[KEY].astype(str), *layer.withheld[KEY].astype(str)}


def _built(
    workspace: Workspace, layer: Layer, standing: Mapping[str, Layer], rows: pd.DataFrame
) -> tuple[Network, pd.DataFrame, pd.DataFrame, NDArray[np.bool_]]:
    """Return the network of a line layer, its faults and changes, and whether anything tells the direction of each line.

    Rows of decisions are told by the line of their file.
    """
    keys, spec, frame = layer.spec.network, layer.spec, layer.frame
    assert keys is not None  # noqa: S101  asked for before
    attributes = pd.DataFrame({"id": frame[KEY].astype(str)})
    if spec.name:
        attributes["name"] = frame[spec.name]
    for attribute, column in keys.fields.items():
        attributes[attribute] = frame[column]
    lines = frame.geometry.to_numpy()
    model, ordered = workspace.rivers.elevation, _ordered(standing)
    heights = None if model is None else end_elevations(model, lines, workspace.crs)
    try:
        network, faults, changes = build(
            lines, attributes, rows.drop(columns="line") if len(rows) else None, keys.tolerance_m, workspace.crs, gap_m=keys.gap_m,
            elevation=heights, sections=ordered,
        )  # fmt: skip
    except SpecError as error:
        raise with_file_lines(error, rows, (workspace.rivers.decisions or workspace.root).name) from None
    told = _told(attributes, heights, ordered, faults)
    return (
        network,
        _with_places(by_file_lines(faults, rows), lines, attributes["id"]),
        by_file_lines(changes, rows),
        told,
    )


def _parted(faults: pd.DataFrame, lines: NDArray[np.object_]) -> NDArray[np.bool_]:
    """Return whether each line is an arm of waters that part for good, which nobody has confirmed.

    Most such arms are tributaries drawn from the mouth up: taken as drawn, what lies below would seem to lie above.
    """
    still = faults[(faults["kind"] == PARTING) & (faults["status"] == OPEN)]
    named = {line for some in still["lines"] for line in some}
    return np.array([str(line) in named for line in lines], dtype=np.bool_)


def _told(
    attributes: pd.DataFrame, heights: NDArray[np.float64] | None, ordered: pd.DataFrame | None, faults: pd.DataFrame
) -> NDArray[np.bool_]:
    """Return whether an attribute, elevations, the order of sections or a decision speaks for the direction of each line."""
    told = np.isfinite(elevation_signs(heights, len(attributes)))
    if "direction" in attributes:
        told |= np.nan_to_num(attribute_signs(attributes["direction"])[0]) != 0
    if ordered is not None and "name" in attributes:
        count = ordered["river_name"].value_counts()
        told |= attributes["name"].isin(count.index[count > 1]).to_numpy()
    settled = faults["kind"].isin(DIRECTIONS) & (faults["status"] != OPEN)
    named = {line for lines in faults.loc[settled, "lines"] for line in lines}
    return np.asarray(told | attributes["id"].isin(named).to_numpy(), dtype=np.bool_)


def _with_places(faults: pd.DataFrame, lines: NDArray[np.object_], ids: pd.Series) -> pd.DataFrame:
    """Return faults with `place`, a point on each: where the fault has none, a vertex of its first line."""
    shapes = faults["geometry"].to_numpy(dtype=object)
    is_line = shapely.get_type_id(shapes) == shapely.GeometryType.LINESTRING
    places = np.asarray(shapely.point_on_surface(shapes), dtype=object)
    places[is_line] = shapely.line_interpolate_point(shapes[is_line], 0.5, normalized=True)
    row_of = {line: row for row, line in enumerate(ids.tolist())}
    for at in np.flatnonzero(shapely.is_missing(places) | shapely.is_empty(places)).tolist():
        row = next((row_of[line] for line in faults["lines"].iloc[at] if line in row_of), None)
        xy = shapely.get_coordinates(lines[row]) if row is not None else np.zeros((0, 2))
        places[at] = shapely.Point(xy[0]) if len(xy) and np.isfinite(xy[0]).all() else None
    return faults.assign(place=places)


def _ordered(standing: Mapping[str, Layer]) -> pd.DataFrame | None:
    """Return the points whose tables number them along their river, or None where there are none."""
    tables = []
    for layer in standing.values():
        keys = layer.spec.on_river
        if keys is None or keys.order is None or keys.name is None or not layer.frame[keys.order].notna().any():
            continue
        frame = layer.frame[layer.frame[keys.order].notna() & layer.frame[keys.name].notna()]
        points = shapely.centroid(frame.geometry.to_numpy())
        tables.append(
            pd.DataFrame(
                {
                    "river_name": frame[keys.name].astype(str).str.strip().to_numpy(),
                    "order": frame[keys.order].astype(float).to_numpy(),
                    "x": shapely.get_x(points),
                    "y": shapely.get_y(points),
                }
            )
        )
    return pd.concat(tables, ignore_index=True) if tables else None


def _placed(
    layer: Layer, network: Network, lines: NDArray[np.object_], picks: Mapping[str, str], file: Path | None
) -> tuple[Stops, pd.DataFrame | None]:
    """Return where a layer's features stand, and for points the other rivers that each may be on."""
    keys, frame = layer.spec.on_river, layer.frame
    assert keys is not None  # noqa: S101  asked for before
    row_of = {str(line): row for row, line in enumerate(lines)}
    ids = frame[KEY].astype(str).tolist()
    chosen = np.array([row_of.get(picks.get(one, ""), -1) for one in ids], dtype=np.int64)
    lost = np.setdiff1d(chosen[chosen >= 0], network.source)
    if len(lost) and file is not None:
        gone = "、".join(str(lines[row]) for row in lost.tolist())
        raise SpecError(
            f"{file.name}: got the line {gone}, which is not in the network (dropped, or without a usable line). Choose another line."
        )
    shapes, alternatives = frame.geometry.to_numpy(), None
    if layer.spec.geometry == "polygon":
        stops = area_stops(shapes, network, keys.reach_m, chosen)
    else:
        names = frame[keys.name].to_numpy(dtype=object) if keys.name else None
        names = None if names is None else np.array([None if pd.isna(one) else one for one in names], dtype=object)
        sides = _sides(frame[keys.side]) if keys.side else None
        snaps = snap(shapely.centroid(shapes), network, keys.reach_m, names, sides, chosen)
        stops, alternatives = point_stops(snaps), snaps.alternatives
    return _taken_off(stops, np.array([picks.get(one) == "" for one in ids], dtype=bool)), alternatives


def _sides(column: pd.Series) -> NDArray[np.object_]:
    """Return the bank of each row, nothing for a word that is none: such a cell has its issue."""
    words = column.astype(object).where(column.notna(), "").astype(str).str.strip()
    return np.asarray(words.where(words.str.casefold().isin(SIDES), ""), dtype=object)


def _taken_off(stops: Stops, is_off: NDArray[np.bool_]) -> Stops:
    """Return stops with one of no river for each feature that the user says stands on none."""
    if not is_off.any():
        return stops
    off = is_off[stops.feature]
    first = np.diff(stops.feature, prepend=-1) != 0
    keep = ~off | first
    values = {name: getattr(stops, name)[keep].copy() for name in Stops.__dataclass_fields__}
    off = off[keep]
    values["reach"][off], values["is_doubtful"][off] = -1, False
    values["along_m"][off] = values["offset_m"][off] = np.nan
    values["reason_zh"][off], values["reason_en"][off] = PICKED_NONE
    return Stops(**values)
