"""Write the polygons of a layer as a boundary-point file (界址点 TXT), one plot a row."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd
import pyproj

from geosys._errors import SpecError
from geosys.geo.area import SQUARE_METRES_PER_HECTARE
from geosys.geo.authalic import ellipsoidal_areas_m2
from geosys.layers.boundary_header import ZONES, epsg
from geosys.layers.boundary_model import AREA, BEFORE_KIND, KIND, PURPOSE, Block, BoundaryFile, Dialect, Entry
from geosys.layers.boundary_points_out import standard_header, write_boundary_points
from geosys.publish.files.names import name_field

if TYPE_CHECKING:
    import datetime as dt
    from pathlib import Path

    from geosys.publish.content import Profile, ShapedLayer

ENCODING = "gb18030"
_CODE, _NAME = BEFORE_KIND[4][2:]
METRES = Dialect(attributes=(*BEFORE_KIND[4], KIND, "图幅号", PURPOSE, "地类编码"), decimals=4, encoding=ENCODING)
_DEGREE_DECIMALS = 9  # a tenth of a millimetre
_KIND = "面"
# A comma ends an attribute, so that one in a name is written as the Chinese one.
_WRITTEN = str.maketrans({",": "，", "\r": " ", "\n": " ", "@": "＠"})


def write_layer(path: Path, shaped: ShapedLayer, profile: Profile, day: dt.date) -> None:
    """Write a layer of polygons; X is north, as surveyors write it, and areas are ellipsoidal in hectares.

    Raises
    ------
    SpecError
        When the CRS is neither a Gauss-Kruger zone of CGCS2000 nor its degrees, or a row has no geometry; with the layer's name.
    """
    name, crs = shaped.layer.name, shaped.frame.crs
    zone, is_numbered = _zone(crs, name)
    is_degrees = zone is None
    attributes, point_decimals = METRES.attributes, _DEGREE_DECIMALS if is_degrees else METRES.decimals
    dialect = Dialect(
        attributes=attributes,
        decimals=point_decimals,
        encoding=ENCODING,
        is_degrees=is_degrees,
        has_zone_prefix=is_numbered,
    )
    sender, on = profile.sender.zh.translate(_WRITTEN), day.isoformat()
    header = _degrees_header(sender, on) if zone is None else standard_header(zone, dialect, sender, on)
    blocks = _blocks(shaped, zone if is_numbered else None)
    file = BoundaryFile(header, blocks, dialect, crs=crs.to_string(), zone=zone, name=path.name)
    try:
        data = write_boundary_points(file, dialect)
    except SpecError as error:
        raise SpecError(f"layer '{name}' as TXT, {error}") from None
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


def _zone(crs: pyproj.CRS, name: str) -> tuple[int | None, bool]:
    """Return the zone of a CRS, None for degrees, and whether eastings bear its number."""
    found = f"EPSG:{crs.to_epsg()}"
    if crs.is_geographic and pyproj.CRS(crs).equals(pyproj.CRS("EPSG:4490"), ignore_axis_order=True):
        return None, False
    for zone in range(ZONES[0], ZONES[1] + 1):
        for prefixed in (True, False):
            if epsg("CGCS2000", zone, prefixed=prefixed) == found:
                return zone, prefixed
    raise SpecError(
        f"layer '{name}' as TXT: got the CRS {crs.to_string()}, expected a Gauss-Kruger zone of CGCS2000 or EPSG:4490. "
        "Name one in the profile, or take 'txt' out of its formats."
    )


def _degrees_header(unit: str, day: str) -> tuple[Entry, ...]:
    pairs = {
        "格式版本号": "1.01版本", "数据产生单位": unit, "数据产生日期": day, "坐标系": "2000国家大地坐标系", "计量单位": "度",
        "精度": f"{10.0**-_DEGREE_DECIMALS:.{_DEGREE_DECIMALS}f}", "转换参数": ",,,,,,",
    }  # fmt: skip
    return tuple(Entry(key, value) for key, value in pairs.items())


def _blocks(shaped: ShapedLayer, zone: int | None) -> tuple[Block, ...]:
    frame, named = shaped.frame, name_field(shaped.layer)
    shapes = frame.geometry.to_numpy()
    areas = ellipsoidal_areas_m2(shapes, frame.crs.to_string()) / SQUARE_METRES_PER_HECTARE
    codes = [frame[name].astype(object) for name in shaped.layer.key]
    blocks = []
    for row, (shape, area) in enumerate(zip(shapes, areas, strict=True)):
        code = "-".join(_written(column.iloc[row]) for column in codes)
        name = _written(frame[named.name].iloc[row]) if named else ""
        values = {AREA: f"{area:.4f}", _CODE: code, _NAME: name, KIND: _KIND}
        blocks.append(Block(values, shape, zone=zone))
    return tuple(blocks)


def _written(value: object) -> str:
    return "" if pd.isna(value) else str(value).translate(_WRITTEN)
