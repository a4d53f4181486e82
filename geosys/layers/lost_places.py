"""Name the records whose coordinates the plan's CRS cannot express."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import numpy as np
import shapely

from geosys._text import Text
from geosys.geo.crs import to_crs
from geosys.layers import coordinate_causes as causes
from geosys.layers.checks import MANY_AT_ONE_POINT
from geosys.layers.issues import Issue

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from geosys.layers.place import Place

    Geometries = NDArray[np.object_]


def lost(shapes: Geometries, settled: Geometries, crs: str, place: Place) -> list[Issue]:
    """Return an issue for each geometry whose coordinates the plan's CRS cannot express, as latitude 114.

    An empty `crs` says that the coordinates were read as a person confirmed: then none is called swapped.
    """
    rows = np.flatnonzero(~shapely.is_missing(shapes) & ~shapely.is_empty(shapes) & shapely.is_missing(settled))
    places = Counter(shapely.to_wkb(shapes[rows]))
    turned = to_crs(shapely.transform(shapes[rows], lambda xy: xy[:, ::-1]), crs, place.crs) if crs else shapes[rows]
    issues = []
    for row, exchanged in zip(rows, turned, strict=True):
        value = str(shapely.get_coordinates(shapes[row])[0].tolist())
        has_place = bool(crs) and exchanged is not None and place.region is not None
        if has_place and shapely.intersects(place.region, exchanged):
            issues.append(causes.swapped_row(int(row), value))
            continue
        if (count := places[shapely.to_wkb(shapes[row])]) >= MANY_AT_ONE_POINT:
            zh = f"{count} 条共用同一坐标，且远在区域之外：是默认坐标，不是真实位置"
            en = f"{count} records share one place far outside the region: a default point, not a position"
            kind = "default_point"
        else:
            zh, en = "坐标超出该坐标系可表示的范围", "The coordinates lie beyond what the CRS can express"
            kind = "bad_coordinate"
        issues.append(Issue(kind, Text(zh, en), int(row), value=value, before=value))
    return issues
