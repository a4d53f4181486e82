"""The declared checks of one layer against another, run when all layers are in.

They see clean layers only and withhold nothing: what they find is a warning or a notice.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import shapely

from geosys._errors import CrsError
from geosys._text import Text
from geosys.geo.crs import parse_crs
from geosys.geo.relations import Terms, relate
from geosys.layers.issues import Issue
from geosys.layers.value_checks import matching

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    import geopandas as gpd
    from numpy.typing import NDArray

    from geosys._faults import Faults
    from geosys.layers.spec import LayerSpec

    Call = Callable[[gpd.GeoDataFrame, gpd.GeoDataFrame, Mapping[str, Any], str], Iterator[Issue]]

FAR_M = 10_000.0
KNOWN_SHARE = 0.5


def run_cross_checks(layers: Mapping[str, gpd.GeoDataFrame], specs: Mapping[str, LayerSpec], crs: str) -> list[Issue]:
    """Return what the checks find that compare layers, each issue located by file, record and feature.

    Parameters
    ----------
    layers
        The clean rows of each usable layer: `feature_id`, fields, `source_file`, `source_row` and geometry, in `crs`.
    specs
        The specs of at least these layers.
    crs
        The plan's metric CRS.

    Returns
    -------
    Issues by layer, check and row; and one notice for each layer that is absent although others are checked against it.

    Raises
    ------
    CrsError
        When a layer is in another CRS.
    """
    for name, frame in layers.items():
        if frame.crs is not None and parse_crs(crs) != frame.crs:
            raise CrsError(
                f"layer {name}: got {frame.crs.name}, expected {crs}. Convert it before layers are compared."
            )
    issues: list[Issue] = []
    absent: dict[str, list[str]] = {}
    for name in sorted(layers):
        for table in specs[name].checks:
            if table["check"] not in CROSS_CHECKS:
                continue
            if "field" in table and layers[name][table["field"]].isna().all():
                continue
            if table["of"] not in layers:
                absent.setdefault(table["of"], []).append(specs[name].title.zh)
                continue
            for issue in CROSS_CHECKS[table["check"]](layers[name], layers[table["of"]], table, crs):
                issue.severity = table.get("severity", "")
                issues.append(_located(issue, name, layers[name]))
    return issues + [_not_run(other, sorted(set(names)), specs) for other, names in sorted(absent.items())]


def _located(issue: Issue, layer: str, frame: gpd.GeoDataFrame) -> Issue:
    row = frame.iloc[issue.row]
    issue.layer, issue.feature_id = layer, str(row["feature_id"])
    issue.source_file, issue.source_row = str(row["source_file"]), int(row["source_row"])
    if issue.geometry is None:
        issue.geometry = row[frame.geometry.name]
    return issue


def _not_run(other: str, names: list[str], specs: Mapping[str, LayerSpec]) -> Issue:
    title = specs[other].title if other in specs else Text(other, other)
    zh = f"没有“{title.zh}”图层，未做与它的比对：{'、'.join(names)}"
    en = f"There is no layer '{title.en}'; {len(names)} layers were not checked against it"
    return Issue("check_not_run", Text(zh, en), value=other, layer=other)


def within_reach(
    rows: gpd.GeoDataFrame, others: gpd.GeoDataFrame, settings: Mapping[str, Any], crs: str
) -> Iterator[Issue]:
    """Find rows with nothing of the other layer within ``distance_m`` on the ground; rows ``unless`` names are left out."""
    shapes, objects = rows.geometry.to_numpy(), others.geometry.to_numpy()
    limit = float(settings["distance_m"])
    pairs = relate("dwithin", shapes, objects, Terms(crs=crs, distance_m=limit))
    lonely = _asked(rows, settings)
    lonely[pairs["subject"][pairs["state"] == "hit"].to_numpy()] = False
    at = np.flatnonzero(lonely)
    nearest, distance = shapely.STRtree(objects).query_nearest(shapes[at], return_distance=True, all_matches=False)
    for k, other, far in zip(at[nearest[0]], nearest[1], distance, strict=True):
        name, about = others["feature_id"].iloc[other], f"{far:.0f} m" if far < FAR_M else f"{far / 1000:.0f} km"
        zh = f"{limit:g} m 以内没有应当相邻的对象；最近的是“{name}”，约 {about}"
        en = f"Nothing it belongs to lies within {limit:g} m; the nearest is '{name}', about {about} off"
        yield Issue("out_of_reach", Text(zh, en), int(k), value=f"{far:.1f}")


def inside_of(
    rows: gpd.GeoDataFrame, others: gpd.GeoDataFrame, settings: Mapping[str, Any], crs: str
) -> Iterator[Issue]:
    """Find polygons of which at least ``max_outside_m2`` lies outside all polygons of the other layer."""
    shapes, objects = rows.geometry.to_numpy(), others.geometry.to_numpy()
    asked = np.flatnonzero(_asked(rows, settings))
    terms = Terms(crs=crs, min_area_m2=float(settings["max_outside_m2"]))
    table = relate("not_covered_by", shapes[asked], objects, terms)
    for found in table[table["state"] == "hit"].itertuples():
        row = int(asked[found.subject])
        zh = f"有 {found.area_m2:.2f} m²（{found.share:.1%}）在应当包含它的对象之外"
        en = f"{found.area_m2:.2f} m² ({found.share:.1%}) lie outside what should contain it"
        yield Issue("not_covered", Text(zh, en), row, value=f"{found.area_m2:.2f}")


def in_own_unit(
    rows: gpd.GeoDataFrame, others: gpd.GeoDataFrame, settings: Mapping[str, Any], _: str
) -> Iterator[Issue]:
    """Find rows further than ``tolerance_m`` from the unit whose code or name they state.

    A unit's code of digits also names what begins with it: a village's code names its township. What names no unit of
    the other layer is not judged; where fewer than half of the stated ones do, that layer holds other units, and what
    agrees agrees by chance.
    """
    field, named = settings["field"], others[settings["of_field"]].astype("string")
    shapes, units = rows.geometry.to_numpy(), others.geometry.to_numpy()
    stated, asked = rows[field].astype("string"), _asked(rows, settings)
    lost = np.zeros(len(rows), dtype=bool)
    owner = np.full(len(rows), None, dtype=object)
    for name in sorted(named.dropna().unique()):
        same = stated.str.startswith(name) if name.isdigit() else stated == name
        at = np.flatnonzero(same.fillna(value=False).to_numpy(dtype=bool) & asked)
        if len(at):
            unit = shapely.union_all(units[(named == name).fillna(value=False).to_numpy(dtype=bool)])
            shapely.prepare(unit)
            lost[at] = ~shapely.dwithin(shapes[at], unit, float(settings["tolerance_m"]))
            owner[at] = name
    is_stated = asked & stated.notna().to_numpy(dtype=bool)
    known = np.array([name is not None for name in owner])
    if known.sum() < KNOWN_SHARE * is_stated.sum():
        return
    for k in np.flatnonzero(lost):
        holding = _holding(shapes[k], units, named)
        zh = f"填写的是“{stated.iloc[k]}”，但位置不在“{owner[k]}”内" + (f"，而在“{holding}”内" if holding else "")
        en = f"States '{stated.iloc[k]}' but does not lie in '{owner[k]}'" + (
            f", it lies in '{holding}'" if holding else ""
        )
        yield Issue("outside_own_unit", Text(zh, en), int(k), field, stated.iloc[k], before=str(stated.iloc[k]))


def _holding(shape: shapely.Geometry, units: NDArray[np.object_], named: pd.Series) -> str:
    """Return the name of the unit that the middle of a shape lies in, or an empty text."""
    at = np.flatnonzero(shapely.intersects(units, shapely.point_on_surface(shape)))
    return "" if not len(at) or pd.isna(named.iloc[at[0]]) else str(named.iloc[at[0]])


def _asked(rows: gpd.GeoDataFrame, settings: Mapping[str, Any]) -> NDArray[np.bool_]:
    """Say which rows have a place and are not left out by ``unless``."""
    shapes = rows.geometry.to_numpy()
    there = ~shapely.is_missing(shapes) & ~shapely.is_empty(shapes)
    return np.asarray(there & ~matching(rows, settings["unless"]) if settings.get("unless") else there)


CROSS_CHECKS: dict[str, Call] = {"within_reach": within_reach, "inside_of": inside_of, "in_own_unit": in_own_unit}


def check_references(specs: Mapping[str, LayerSpec], faults: Faults) -> None:
    """Fault a declared check that names a layer, or a column of it, that does not exist."""
    for name, spec in specs.items():
        for number, table in enumerate(spec.checks, 1):
            if table.get("check") in CROSS_CHECKS and isinstance(table.get("of"), str):
                where = f"layers/{name}.toml [[checks]] {number}"
                other = faults.one_of(f"{where} of", table["of"], specs, "a layer")
                if "of_field" in table and other in specs:
                    columns = {**specs[other].fields, **specs[other].derived}
                    faults.one_of(f"{where} of_field", table["of_field"], columns, f"a field of layers/{other}.toml")
