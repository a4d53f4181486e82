"""The stated area against the one on the ellipsoid, and the reading that explains a difference."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import shapely

from geosys._text import Text
from geosys.geo.area import SQUARE_METRES_PER_HECTARE, SQUARE_METRES_PER_MU, ellipsoidal_area_m2
from geosys.geo.crs import GEOGRAPHIC, to_crs
from geosys.layers.issues import Issue
from geosys.layers.rows_under_check import present_at

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from numpy.typing import NDArray

    from geosys.layers.rows_under_check import Rows

AREA_UNITS = {"m2": 1.0, "ha": SQUARE_METRES_PER_HECTARE, "mu": SQUARE_METRES_PER_MU, "km2": 1_000_000.0}
_UNIT_NAMES = {
    "m2": ("平方米", "square metres"),
    "ha": ("公顷", "hectares"),
    "mu": ("亩", "mu"),
    "km2": ("平方公里", "km²"),
}
EXPLAINED_SHARE = 0.1  # a reading explains a difference when it leaves at most this much of it
_SAME = 1e-6  # of two readings that miss by less, the first and plainer one counts
PLANE_SHARE = 0.02  # planes of neighbouring zones differ from the ellipsoid by less


@dataclass(frozen=True, slots=True)
class Explanation:
    """Hold what a sender may have stated instead, for each row: the figure in m² as it came out, and words for it."""

    figure: NDArray[np.float64]
    text: Text


def area_agrees(rows: Rows, settings: Mapping[str, Any]) -> Iterator[Issue]:
    """Compare the stated area with the ellipsoidal one; name the reading that would explain a difference."""
    field, tolerance, unit = settings["field"], float(settings["tolerance_share"]), settings.get("unit", "m2")
    stated = pd.to_numeric(rows.frame[field]).to_numpy(dtype=float) * AREA_UNITS[unit]
    at = present_at(rows)
    at = at[np.isfinite(stated[at])]
    known = "area_m2" in rows.frame
    true = rows.frame["area_m2"].to_numpy(float)[at] if known else ellipsoidal_area_m2(rows.geometry[at], rows.crs)
    differs = (true > 0) & (np.abs(stated[at] - true) > tolerance * true * (1 + 1e-12))
    at, true = at[differs], true[differs]
    reasons = explain_areas(stated[at], true, rows.geometry[at], rows.crs, unit, tolerance)
    for i, area, reason in zip(at, true, reasons, strict=True):
        zh, en = ("", "") if reason is None else (f"；{reason.zh}", f"; {reason.en}")
        text = Text(
            f"填报面积 {stated[i]:.2f} m²，椭球面积 {area:.2f} m²，相差 {stated[i] / area - 1:+.2%}{zh}",
            f"Stated {stated[i]:.2f} m², ellipsoidal {area:.2f} m² ({stated[i] / area - 1:+.2%}){en}",
        )
        shown = f"{stated[i]:.2f}"
        yield Issue(
            "area_disagrees",
            text,
            int(i),
            field,
            shown,
            before=shown,
            area_after_m2=float(area),
            geometry=rows.geometry[i],
        )


def explain_areas(
    stated: NDArray[np.float64],
    true: NDArray[np.float64],
    geometry: NDArray[np.object_],
    crs: str,
    unit: str,
    tolerance: float,
) -> list[Text | None]:
    """Return for each row the reading that explains its stated area best, or None where none does.

    Parameters
    ----------
    stated, true
        Areas in m², shape (n,): as stated, taken in `unit`, and on the ellipsoid.
    geometry
        The polygons in `crs`, shape (n,).
    tolerance
        Share by which a reading may miss the stated area; besides it must leave a tenth of the difference at most.
    """
    best = np.full(len(stated), np.inf)
    found: list[Text | None] = [None] * len(stated)
    gap = np.abs(stated / true - 1)
    for explanation in _explanations(stated, true, geometry, crs, unit):
        miss = np.abs(stated / np.where(explanation.figure > 0, explanation.figure, np.nan) - 1)
        miss = np.maximum(miss, _SAME)
        better = (miss <= tolerance * (1 + 1e-9)) & (miss <= EXPLAINED_SHARE * gap) & (miss < 0.5 * best)
        for k in np.flatnonzero(better):
            best[k], found[k] = miss[k], explanation.text
    return found


def _explanations(
    stated: NDArray[np.float64], true: NDArray[np.float64], geometry: NDArray[np.object_], crs: str, unit: str
) -> Iterator[Explanation]:
    ratio = stated / true
    for other, (zh, en) in _UNIT_NAMES.items():
        if other != unit:
            text = Text(f"与以{zh}计的数值相符，疑似单位写错", f"it matches {en}, so the unit may be wrong")
            yield Explanation(true * AREA_UNITS[unit] / AREA_UNITS[other], text)
    yield from _of_shape(ratio, geometry, crs)
    near = np.abs(ratio - 1) < PLANE_SHARE
    if near.any():
        yield from _of_planes(near, geometry, crs)
    apart = np.flatnonzero(~near)
    if len(apart):
        text = Text("与以平方度计的面积相符，请改用椭球面积", "it matches the area in square degrees")
        yield _measured(apart, geometry, crs, GEOGRAPHIC, text, AREA_UNITS[unit])
        text = Text(
            "与网络墨卡托平面面积相符，不是真实面积", "it matches the plane of Web Mercator, which is no true area"
        )
        yield _measured(apart, geometry, crs, "EPSG:3857", text)


def _of_shape(ratio: NDArray[np.float64], geometry: NDArray[np.object_], crs: str) -> Iterator[Explanation]:
    """Yield the area of the largest part where there are several, and the area with holes filled where there are any."""
    several = np.flatnonzero((shapely.get_num_geometries(geometry) > 1) & (ratio < 1))
    largest = np.full(len(geometry), np.nan)
    for k in several:
        largest[k] = ellipsoidal_area_m2(shapely.get_parts(geometry[k]), crs).max()
    yield Explanation(largest, Text("与其中最大一块的面积相符，疑似漏计其余部分", "it matches the largest part alone"))
    shells = np.full(len(geometry), np.nan)
    for k in np.flatnonzero(ratio > 1):
        parts = shapely.get_parts(geometry[k])
        if (shapely.get_num_interior_rings(parts) > 0).any():
            shells[k] = ellipsoidal_area_m2(shapely.polygons(shapely.get_exterior_ring(parts)), crs).sum()
    yield Explanation(shells, Text("与未扣除孔洞的面积相符", "it matches the area without its holes cut out"))


def _of_planes(near: NDArray[np.bool_], geometry: NDArray[np.object_], crs: str) -> Iterator[Explanation]:
    """Yield the planar area in the plan's plane, in the rows' own 3-degree zone, and in the zones beside it."""
    rows = np.flatnonzero(near)
    yield _measured(rows, geometry, crs, crs, Text("与平面投影面积相符，应采用椭球面积", "it matches the planar area"))
    box = shapely.total_bounds(to_crs(geometry[rows], crs, GEOGRAPHIC))
    if not np.isfinite(box).all():
        return
    own = 3 * round((box[0] + box[2]) / 2 / 3)
    for step in (0, 3, -3):
        zh, en = f"与中央经线 {own + step}° 的平面面积相符", f"it matches the plane of central meridian {own + step}°"
        if step:
            zh, en = f"{zh}，疑似分带写错", f"{en}: the zone may be wrong"
        plane = f"+proj=tmerc +lon_0={own + step} +k=1 +x_0=500000 +ellps=GRS80 +units=m +type=crs"
        yield _measured(rows, geometry, crs, plane, Text(zh, en))


def _measured(
    rows: NDArray[np.int64], geometry: NDArray[np.object_], crs: str, plane: str, text: Text, factor: float = 1.0
) -> Explanation:
    """Return the planar area of some rows in another plane, times a factor; NaN for the others."""
    figure = np.full(len(geometry), np.nan)
    figure[rows] = shapely.area(to_crs(geometry[rows], crs, plane)) * factor
    return Explanation(figure, text)
