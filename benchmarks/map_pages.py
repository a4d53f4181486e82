"""What `maps.py` compares: how parcels become a workspace, and how each side makes a map of its layer."""

# ruff: noqa: PLC0415  each side loads what it needs and no more
from __future__ import annotations

import datetime as dt
import math
import subprocess
import sys
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

LAYER = "land_patch"
SEED = 7
DAY = dt.date(2026, 9, 30)
SPARE = 1.35  # cells made for each that is kept: the pattern of sites may have fewer than asked for
FAR, NEAR = 1, 2  # halvings of a border: two segments, of one border in six four: 15 vertices a parcel
TITLE = "样例县"


# --- data ---


def make_workspace(place: Path, _: Path, count: str, fineness: str) -> dict:
    """Write a workspace whose one layer is `count` parcels: Voronoi cells of the benchmark's sites, borders shared.

    Those in the middle are taken. `fineness`: ``fine`` leaves the borders as the other benchmarks have them.
    """
    import geopandas as gpd
    import numpy as np
    import pyproj
    import shapely
    from generate import CELL_M, CORNER, CRS, borders, rings, sites, voronoi

    from geosys.layers.intake import Layer
    from geosys.layers.spec import read_catalogue
    from geosys.layers.store import write_version
    from geosys.workspace import init_workspace

    rng = np.random.default_rng(SEED)
    side = CELL_M * math.sqrt(int(count) * SPARE)
    net = voronoi(sites(rng, side) + CORNER, side)
    away = np.abs(net.sites[: net.count] - (CORNER + side / 2)).max(axis=1)
    lines = borders(rng, net)
    shapes = rings(net, *(lines if fineness == "fine" else thinned(rng, *lines)))[
        np.argsort(away, kind="stable")[: int(count)]
    ]
    data = gpd.GeoDataFrame(columns_of(rng, shapes), geometry=shapes, crs=CRS)
    if len(data) != int(count) or not shapely.is_valid(shapes).all():
        raise SystemExit(f"bench: got {len(data)} parcels, expected {count}, all of them valid")
    to_degrees = pyproj.Transformer.from_crs(CRS, "EPSG:4490", always_xy=True)
    init_workspace(place, TITLE, CRS, to_degrees.transform_bounds(*data.total_bounds))
    provenance = {"layer": LAYER, "crs": CRS, "deliveries": [{"file": "parcels.gpkg", "note": ""}]}
    blank = data.iloc[:0].assign(issue_type="")
    write_version(place / "store", Layer(read_catalogue().layers[LAYER], data, blank, provenance))
    return {"parcels": len(data), "vertices": int(shapely.get_num_coordinates(shapes).sum())}


def thinned(rng, points, segments):
    """Return borders of at most two segments, one in six of four."""
    import numpy as np
    from generate import counted, starts

    most = np.where(rng.random(len(segments)) < 1 / 6, 2**NEAR, 2**FAR)
    kept = np.minimum(segments, most)
    step = np.repeat(segments // kept, kept + 1)
    return points[np.repeat(starts(segments + 1)[:-1], kept + 1) + counted(kept + 1) * step], kept


def columns_of(rng, shapes) -> dict:
    """Return the columns of a land survey that our card shows."""
    import numpy as np
    import shapely

    number = np.arange(len(shapes))
    code = [f"410299{n:012d}" for n in number]
    area = np.round(shapely.area(shapes), 2)
    names = {
        "0101": "水田",
        "0102": "水浇地",
        "0103": "旱地",
        "0201": "果园",
        "0301": "乔木林地",
        "0601": "工业用地",
        "0702": "农村宅基地",
    }
    land = rng.choice(list(names), len(shapes), p=[0.15, 0.4, 0.15, 0.08, 0.08, 0.04, 0.1])
    village = np.array([f"样例镇第{n}村" for n in range(1, 301)], dtype=object)[number * 300 // len(number)]
    return {
        "feature_id": code, "patch_code": code, "land_class_code": land.astype(object), "land_class_name": [names[c] for c in land],
        "owner_kind": "30", "owner_unit_name": village, "seat_unit_name": village, "stated_area_m2": area,
        "deduct_share": 0.0, "net_area_m2": area,
    }  # fmt: skip


# --- ours ---


def tiles(place: Path, out: Path) -> dict:
    """Write the page of vector tiles as the command line does."""
    command = [sys.executable, "-m", "geosys", "map", LAYER, "--tiles", "--out", out, "--workspace", place, "--today", str(DAY)]  # fmt: skip
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return {}


def canvas(place: Path, out: Path) -> dict:
    """Write the page that draws on a canvas, with the layer switched on from the first zoom on."""
    from dataclasses import replace

    import geopandas as gpd
    import pandas as pd

    from geosys.maps.frames import FINDING_COLUMNS, OUTCOME_COLUMNS
    from geosys.maps.page import build_page

    spec, layer, meta = content(place)
    shown = tuple(replace(v, visible=True, min_zoom=0) if v.layer == LAYER else v for v in spec.views)
    findings = gpd.GeoDataFrame({name: [] for name in FINDING_COLUMNS}, geometry=[], crs=layer.frame.crs)
    page = build_page(replace(spec, views=shown), [layer], findings, pd.DataFrame(columns=list(OUTCOME_COLUMNS)), meta)
    out.write_text(page, encoding="utf-8", newline="\n")
    return {}


def content(place: Path):
    """Return the map's spec, the layer and what the page's head says."""
    from geosys._text import Text
    from geosys.layers.spec import read_catalogue
    from geosys.layers.store import read_current
    from geosys.maps.frames import Meta
    from geosys.maps.spec import load_map
    from geosys.views import map_layer_of, schemas_of

    catalogue = read_catalogue()
    columns = {name: set(schema.titles) for name, schema in schemas_of(catalogue).items()}
    layer = map_layer_of(read_current(place / "store", catalogue.layers[LAYER]), catalogue)
    return load_map(catalogue.root / "maps", columns), layer, Meta(Text(TITLE, "Sample county"), DAY, "GeoSys")


# --- the others ---


def with_columns(place: Path):
    """Return the frame that the others map, in degrees, and the columns that our card shows and the layer has."""
    spec, layer, _ = content(place)
    columns = [name for name in spec.view(LAYER).columns if name in layer.frame]
    return layer.frame[[*columns, "geometry"]].to_crs(4326), columns


def folium_page(place: Path, out: Path, decimals: int | None = None) -> dict:
    """Save a plain folium map."""
    import folium
    import numpy as np
    import shapely

    frame, columns = with_columns(place)
    if decimals is not None:
        frame.geometry = shapely.transform(frame.geometry.to_numpy(), lambda xy: np.round(xy, decimals))
    west, south, east, north = frame.total_bounds
    page = folium.Map(location=[(south + north) / 2, (west + east) / 2], zoom_start=11)
    folium.GeoJson(frame, popup=folium.GeoJsonPopup(fields=columns)).add_to(page)
    page.save(str(out))
    return {"features": len(frame)}


def folium_rounded(place: Path, out: Path) -> dict:
    """Save the same with coordinates of a tenth of a metre, as in our canvas page."""
    return folium_page(place, out, 6)


def tippecanoe(place: Path, out: Path, program: str) -> dict:
    """Write an archive with all columns, the way tippecanoe's manual advises for parcels, for the zooms of ours."""
    from geosys.maps.tiles import TOP_ZOOM, lowest_zoom

    frame, _ = with_columns(place)
    lowest = lowest_zoom(tuple(frame.total_bounds))
    options = ["--drop-smallest-as-needed", "--simplification=4", "--no-simplification-of-shared-nodes"]
    return {"program_s": round(run_tippecanoe(program, out, LAYER, frame, (lowest, TOP_ZOOM), options), 2)}


def tippecanoe_page(place: Path, out: Path, program: str) -> dict:
    """Write our page with tiles made by tippecanoe: as many steps a tile, no feature left out because a tile is full."""
    from geosys.maps.tile_page import write_tile_page
    from geosys.maps.tiles import CLASS, ROW

    took = []
    whole = [f"--attribute-type={name}:int" for name in (ROW, CLASS)]  # it takes 32-bit numbers of FlatGeobuf for text

    def write(path: Path, name: str, frame, zooms: tuple[int, int], extent: int, slack: float) -> None:
        detail = int(math.log2(extent))
        coarse = (
            ["--simplification=1", "--no-simplification-of-shared-nodes"] if slack else ["--no-line-simplification"]
        )
        options = [f"--full-detail={detail}", f"--low-detail={detail}", "--buffer=4", "--no-feature-limit", "--no-tile-size-limit"]  # fmt: skip
        took.append(run_tippecanoe(program, path, name, frame, zooms, [*whole, *options, *coarse]))

    spec, layer, meta = content(place)
    write_tile_page(out, spec, [layer], meta, write, shown=[LAYER])
    return {"program_s": round(sum(took), 2)}


def run_tippecanoe(program: str, out: Path, name: str, frame, zooms: tuple[int, int], options: list[str]) -> float:
    """Run the program on a frame; return its seconds, without those of writing the file that it reads."""
    import pyogrio

    source = out.with_name(f"{out.name}.fgb")
    pyogrio.write_dataframe(frame.to_crs(4326), source)
    began = time.perf_counter()
    command = [program, "-o", out, "-f", "-q", "-t", out.parent, "-l", name, f"-Z{zooms[0]}", f"-z{zooms[1]}"]
    try:
        subprocess.run([*command, *options, source], check=True)
    finally:
        source.unlink()
    return time.perf_counter() - began


SIDES = {
    "canvas": canvas, "tiles": tiles, "folium": folium_page, "folium rounded": folium_rounded, "tippecanoe": tippecanoe,
    "tippecanoe page": tippecanoe_page,
}  # fmt: skip
