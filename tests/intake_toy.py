"""Tiny deliveries drawn by hand near (500000, 3850000) in EPSG:4547, and the calls that take them in."""

from __future__ import annotations

import json
import shutil
import struct
from typing import TYPE_CHECKING, Any

import geopandas as gpd
import pyogrio
import shapely

from geosys.content import ROOMS, content_root
from geosys.layers.delivery import Delivery
from geosys.layers.intake import take_in
from geosys.layers.issue_table import issue_frame
from geosys.layers.place import Place

if TYPE_CHECKING:
    from pathlib import Path

    from geosys.layers.intake import Layer
    from geosys.layers.spec import Catalogue

CRS = "EPSG:4547"
PLACE = Place(CRS, shapely.box(490_000, 3_840_000, 510_000, 3_860_000), "a box of 20 km")
LEDGER = "编号,名称,经度,纬度"


def square(east: float, north: float, side: float = 10.0) -> shapely.Polygon:
    """Return a square with its south-west corner `east` and `north` of (500000, 3850000), in metres."""
    x, y = 500_000 + east, 3_850_000 + north
    return shapely.box(x, y, x + side, y + side)


def point(east: float, north: float) -> shapely.Point:
    return shapely.Point(500_000 + east, 3_850_000 + north)


def text_file(path: Path, *lines: str, encoding: str = "utf-8") -> Path:
    path.write_bytes(("\n".join(lines) + "\n").encode(encoding))
    return path


def package(path: Path, columns: dict[str, Any], shapes: list[Any], crs: str | None = CRS) -> Path:
    pyogrio.write_dataframe(gpd.GeoDataFrame(columns, geometry=shapes, crs=crs), path)
    return path


def geojson(path: Path, rows: list[tuple[dict[str, Any], dict[str, Any] | None]]) -> Path:
    features = [{"type": "Feature", "properties": p, "geometry": g} for p, g in rows]
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features}, ensure_ascii=False), "utf-8")
    return path


def taken(
    catalogue: Catalogue, layer: str, *paths: Path, place: Place = PLACE, **settings: Any
) -> tuple[Layer | None, gpd.GeoDataFrame]:
    """Return the layer made of the files and the issue table."""
    deliveries = [Delivery(path=p, name=p.name, layer=layer, **settings) for p in paths]
    made, issues = take_in(catalogue.layers[layer], deliveries, place, catalogue)
    return made, issue_frame(issues, catalogue, place.crs)


def kinds(issues: gpd.GeoDataFrame) -> list[str]:
    return sorted(issues["issue_type"])


def copy_content(folder: Path) -> Path:
    """Return a copy of the whole content that a test may spoil."""
    for room in ROOMS:
        shutil.copytree(content_root() / room, folder / room, ignore=shutil.ignore_patterns("*.js", "*.css", "vendor"))
    return folder


def edit(root: Path, file: str, old: str, new: str) -> None:
    text = (root / file).read_text(encoding="utf-8")
    assert old in text, f"{file} no longer has {old!r}: mend the test"
    (root / file).write_text(text.replace(old, new, 1), encoding="utf-8")


def old_workbook(path: Path, rows: list[list[str | float]]) -> Path:
    """Write the smallest Excel 97 workbook (BIFF8 in a compound file): one sheet '台账' of texts and numbers."""

    def record(kind: int, body: bytes) -> bytes:
        return struct.pack("<HH", kind, len(body)) + body

    cells = b""
    for i, row in enumerate(rows):
        for j, cell in enumerate(row):
            at = struct.pack("<HHH", i, j, 0)
            text = str(cell)
            number = isinstance(cell, float)
            label = struct.pack("<HB", len(text), 1) + text.encode("utf-16-le")
            cells += record(0x0203, at + struct.pack("<d", cell)) if number else record(0x0204, at + label)
    end, name = record(0x000A, b""), "台账".encode("utf-16-le")
    opening = [record(0x0809, struct.pack("<HHHHII", 0x0600, kind, 0, 0, 0, 0)) for kind in (0x05, 0x10)]
    sheet_at = len(opening[0]) + 4 + 8 + len(name) + len(end)
    listed = record(0x0085, struct.pack("<IHBB", sheet_at, 0, 2, 1) + name)
    stream = (opening[0] + listed + end + opening[1] + cells + end).ljust(4096, b"\0")
    stream = stream.ljust(-(-len(stream) // 512) * 512, b"\0")
    count = len(stream) // 512
    chain = [0xFFFFFFFD, 0xFFFFFFFE, *range(3, 2 + count), 0xFFFFFFFE]
    table = struct.pack("<128I", *chain, *[0xFFFFFFFF] * (128 - len(chain)))

    def entry(title: str, kind: int, child: int, start: int, size: int) -> bytes:
        raw = title.encode("utf-16-le") + b"\0\0" if title else b""
        none = 0xFFFFFFFF
        return (
            raw.ljust(64, b"\0")
            + struct.pack("<HBBIII", len(raw), kind, 1, none, none, child)
            + b"\0" * 36
            + struct.pack("<IQ", start, size)
        )

    folder = entry("Root Entry", 5, 1, 0xFFFFFFFE, 0) + entry("Workbook", 2, 0xFFFFFFFF, 2, len(stream))
    folder += entry("", 0, 0xFFFFFFFF, 0, 0) * 2
    header = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 16 + struct.pack("<HHHHH6x", 0x3E, 3, 0xFFFE, 9, 6)
    header += struct.pack("<IIIIIIIII", 0, 1, 1, 0, 4096, 0xFFFFFFFE, 0, 0xFFFFFFFE, 0)
    header += struct.pack("<109I", 0, *[0xFFFFFFFF] * 108)
    path.write_bytes(header + table + folder + stream)
    return path
