"""Write the deliveries as offices do: geodatabase, shapefiles with and without code page, ledgers, CSV, GeoJSON."""

from __future__ import annotations

import csv
import datetime as dt
import json
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pyogrio
import shapely

from geosys.geo.crs import GEOGRAPHIC, to_crs
from geosys.sample.ledgers import write_ledger, write_workbook
from geosys.sample.places import DECIMALS, degrees_of, dms_text
from geosys.sample.terrain import CRS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

MARK = "样例数据"
INBOX = "inbox"
_AS_OF = "2026-09-30"
_LANGUAGE_BYTE = 29  # of a DBF header


@dataclass(frozen=True)
class Sending:
    """Describe one table of `deliveries.toml`: frame, layer, style, file and the sender's columns.

    `told` names the issues that the file as a whole deserves, however clean its rows are.
    """

    frame: str
    layer: str
    style: str
    file: str
    sender: str
    columns: dict[str, str]
    table: str = ""
    title: str = ""
    crs: str = ""
    header: list[list[str]] = field(default_factory=list)
    mapping: dict[str, str] = field(default_factory=dict)
    key: list[str] = field(default_factory=list)
    told: list[str] = field(default_factory=list)

    def key_of(self, frame: pd.DataFrame, at: int) -> str:
        """Return the key of a row: its parts joined by a slash; empty where a part is missing."""
        parts = [frame[name].iloc[at] for name in self.key or [next(iter(self.columns.values()))]]
        return "" if any(p is None or pd.isna(p) for p in parts) else "/".join(str(p) for p in parts)


def read_sendings() -> list[Sending]:
    """Return what is sent, in the order of `deliveries.toml` beside this module."""
    text = Path(__file__).with_name("deliveries.toml").read_text(encoding="utf-8")
    return [Sending(**entry) for entry in tomllib.loads(text)["delivery"]]


def with_written_places(
    frames: Mapping[str, gpd.GeoDataFrame], sendings: Sequence[Sending]
) -> dict[str, gpd.GeoDataFrame]:
    """Return the frames with a note, and with `lon` and `lat` as the sender writes them where he sends a table."""
    out = {}
    for sending in sendings:
        frame = frames[sending.frame].copy()
        if "note" in sending.columns.values() and "note" not in frame:
            frame["note"] = MARK
        if "lon" in sending.columns.values():
            degrees = degrees_of(frame.geometry.to_numpy())
            dms = sending.style == "ledger"
            for k, name in enumerate(("lon", "lat")):
                frame[name] = [dms_text(v) for v in degrees[:, k]] if dms else np.round(degrees[:, k], DECIMALS)
        out[sending.frame] = frame
    return out


def write_deliveries(inbox: Path, frames: Mapping[str, gpd.GeoDataFrame], sendings: Sequence[Sending]) -> None:
    """Write every table into the inbox, in the sender's style and words."""
    inbox.mkdir(parents=True, exist_ok=True)
    for sending in sendings:
        frame = frames[sending.frame]
        table = pd.DataFrame({theirs: frame[ours] for theirs, ours in sending.columns.items()})
        _STYLES[sending.style](inbox / sending.file, table, frame.geometry.to_numpy(), sending)


def _said(value: Any) -> Any:
    """Return a value as people write it: 是 and 否, ISO dates, nothing for missing."""
    if isinstance(value, (bool, np.bool_)):
        return "是" if value else "否"
    if isinstance(value, dt.date):
        return value.isoformat()
    return None if value is None or (isinstance(value, float) and np.isnan(value)) else value


def _typed(table: pd.DataFrame) -> pd.DataFrame:
    """Return the table with number columns as numbers and everything else as text."""
    out = {}
    for name in table:
        said = table[name].map(_said).astype(object)
        present = said[said.notna()]
        numeric = len(present) > 0 and present.map(lambda v: isinstance(v, (int, float, np.number))).all()
        out[name] = pd.to_numeric(said) if numeric else said.map(lambda v: None if v is None or pd.isna(v) else str(v))
    return pd.DataFrame(out)


def _as_features(table: pd.DataFrame, geometry: Any, crs: str) -> gpd.GeoDataFrame:
    return gpd.GeoDataFrame(_typed(table), geometry=to_crs(geometry, CRS, crs or CRS), crs=crs or CRS)


def _geodatabase(path: Path, table: pd.DataFrame, geometry: Any, sending: Sending) -> None:
    features = _as_features(table, geometry, sending.crs)
    options = {"LAYER_ALIAS": sending.title, "TARGET_ARCGIS_VERSION": "ARCGIS_PRO_3_2_OR_LATER"}
    pyogrio.write_dataframe(
        features, path, layer=sending.table, driver="OpenFileGDB", promote_to_multi=True, layer_options=options
    )


def _gbk_shapefile(path: Path, table: pd.DataFrame, geometry: Any, sending: Sending) -> None:
    """Write GBK texts and names and say nowhere that they are: no .cpg, language byte 0."""
    _shapefile(path, table, geometry, sending, "GBK")
    path.with_suffix(".cpg").unlink(missing_ok=True)
    head = bytearray(path.with_suffix(".dbf").read_bytes())
    head[_LANGUAGE_BYTE] = 0
    path.with_suffix(".dbf").write_bytes(head)


def _utf8_shapefile(path: Path, table: pd.DataFrame, geometry: Any, sending: Sending) -> None:
    _shapefile(path, table, geometry, sending, "UTF-8")


def _shapefile(path: Path, table: pd.DataFrame, geometry: Any, sending: Sending, encoding: str) -> None:
    features = _as_features(table, geometry, sending.crs)
    options = {"DBF_DATE_LAST_UPDATE": _AS_OF}
    pyogrio.write_dataframe(
        features, path, driver="ESRI Shapefile", encoding=encoding, geometry_type="Polygon", layer_options=options
    )


def _geojson(path: Path, table: pd.DataFrame, geometry: Any, _sending: Sending) -> None:
    """Write longitude and latitude with nine decimals, as a web service would."""
    degrees = to_crs(geometry, CRS, GEOGRAPHIC)
    rows = _typed(table).astype(object)
    shapes = [json.loads(shapely.to_geojson(shapely.transform(g, lambda xy: np.round(xy, 9)))) for g in degrees]
    features = [
        {"type": "Feature", "properties": {k: None if pd.isna(v) else v for k, v in row.items()}, "geometry": shape}
        for row, shape in zip(rows.to_dict("records"), shapes, strict=True)
    ]
    text = json.dumps({"type": "FeatureCollection", "name": path.stem, "features": features}, ensure_ascii=False)
    path.write_text(text, encoding="utf-8")


def _geopackage(path: Path, table: pd.DataFrame, geometry: Any, sending: Sending) -> None:
    features = _as_features(table, geometry, GEOGRAPHIC)
    polygons = bool((shapely.get_dimensions(geometry) == 2).any())  # noqa: PLR2004
    pyogrio.write_dataframe(features, path, layer=sending.table, driver="GPKG", promote_to_multi=polygons)


def _csv(encoding: str) -> Callable[[Path, pd.DataFrame, Any, Sending], None]:
    def write(path: Path, table: pd.DataFrame, _geometry: Any, _sending: Sending) -> None:
        rows = table.map(_said).astype(object)
        with path.open("w", encoding=encoding, newline="") as file:
            writer = csv.writer(file)
            writer.writerow(table.columns)
            writer.writerows([["" if pd.isna(v) else v for v in row] for row in rows.itertuples(index=False)])

    return write


def _ledger(path: Path, table: pd.DataFrame, _geometry: Any, sending: Sending) -> None:
    write_ledger(
        path,
        table.map(lambda v: v if isinstance(v, dt.date) else _said(v)),
        sending.table,
        sending.title,
        sending.header,
    )


def _workbook(path: Path, table: pd.DataFrame, _geometry: Any, sending: Sending) -> None:
    write_workbook(path, table.map(lambda v: v if isinstance(v, dt.date) else _said(v)), sending.table)


_STYLES: dict[str, Callable[[Path, pd.DataFrame, Any, Sending], None]] = {
    "geodatabase": _geodatabase,
    "gbk_shapefile": _gbk_shapefile,
    "utf8_shapefile": _utf8_shapefile,
    "geojson": _geojson,
    "geopackage": _geopackage,
    "utf8_csv": _csv("utf-8-sig"),
    "gbk_csv": _csv("gbk"),
    "ledger": _ledger,
    "workbook": _workbook,
}


def write_plan(path: Path, sendings: Sequence[Sending], region: Sequence[float]) -> None:
    """Write the workspace's plan, `geosys.toml`, with one entry a table."""
    lines = [
        'title  = { zh = "样例县", en = "Sample county" }',
        f'crs    = "{CRS}"',
        f"region = [{', '.join(f'{v:.2f}' for v in region)}]",
        'mark   = { zh = "样例数据", en = "sample data" }',
        f"as_of  = {_AS_OF}",
    ]
    for sending in sendings:
        lines += ["", "[[deliveries]]", f'file   = "{INBOX}/{sending.file}"', f'layer  = "{sending.layer}"']
        lines += [f'table  = "{sending.table}"'] if sending.table else []
        lines += [f'crs    = "{GEOGRAPHIC}"'] if sending.style == "geojson" or "lon" in sending.columns.values() else []
        if sending.mapping:
            pairs = ", ".join(f'"{theirs}" = "{ours}"' for theirs, ours in sending.mapping.items())
            lines.append(f"columns = {{ {pairs} }}")
        lines.append(f'sender = "{sending.sender}"')
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
