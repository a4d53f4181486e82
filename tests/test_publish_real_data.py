"""Packages of real data of others: what left is what came, by readers that are not ours, or it stayed for a reason that is true."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import tomllib
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import fiona
import geopandas as gpd
import numpy as np
import pandas as pd
import pyogrio
import pyproj
import pytest
import shapely
from test_real_data import CRS, plan_for
from typer.testing import CliRunner

from geosys.cli import app
from geosys.layers.spec import read_catalogue
from geosys.publish.field_reading import Columns
from geosys.publish.profiles import profile_named, read_profiles, with_layers
from geosys.receive import receive
from geosys.workspace import PLAN, read_workspace

if TYPE_CHECKING:
    from pathlib import Path

DAY = "2026-06-30"
GEOD = pyproj.Geod(ellps="GRS80")
# layer: file of the source, its key, and the source's column for columns of ours that the plan hands through unchanged
SOURCES: dict[str, tuple[str, str, dict[str, str]]] = {
    "outfall": ("rur/elwas_einleiter", "betriebs_nr", {"outfall_name": "name", "township_name": "gemeinde"}),
    "sewage_plant": (
        "rur/klaeranlagen", "anlagen_nr", {"plant_name": "name", "operator": "betreiber", "township_name": "gemeinde", "river_name": "gewaesser"},
    ),
    "water_section": ("rur/pegel", "pegel_nr", {"section_name": "name", "river_name": "gewaesser"}),
    "suspected_plot": (
        "plots/bratislava_brownfields", "OBJECTID", {"plot_name": "NAZOV", "address": "ADRESA", "township_name": "MC"},
    ),
    "land_patch": ("rur/gsk3c_gew_flaeche", "GEWFID", {}),
    "river": ("rur/gewaesser_rur_official", "", {}),
}  # fmt: skip
KEYS = {"outfall": "outfall_code", "sewage_plant": "plant_code", "water_section": "section_code", "suspected_plot": "plot_code", "land_patch": "patch_no"}  # fmt: skip
NOT_GBK = ("outfall", "sewage_plant", "water_section", "suspected_plot", "river")
PERMISSION = """
[[permissions]]
layer = "{layer}"
receiver = "generic"
audience = "shared"
approved_by = "测试"
approved_on = 2026-01-01
document = "测试〔2026〕1号"
expires_on = 2026-12-31
fields = {fields}
"""


@dataclass(frozen=True)
class House:
    """Hold a workspace that took the sources in, and the packages made of it, as the command told of them."""

    root: Path
    data: Path

    def source(self, layer: str) -> gpd.GeoDataFrame:
        return _source(self.data / f"{SOURCES[layer][0]}.geojson")

    def key_of(self, layer: str, frame: pd.DataFrame) -> pd.Series:
        values = frame[SOURCES[layer][1]]
        return values.map(lambda v: f"{v:.0f}" if isinstance(v, float) else str(v))


@cache
def _source(path: Path) -> gpd.GeoDataFrame:
    return gpd.read_file(path)


def command(*arguments: str) -> tuple[int, dict[str, Any], Any]:
    result = CliRunner().invoke(app, ["publish", *arguments])
    return result.exit_code, json.loads(result.stdout) if "--json" in arguments and result.stdout else {}, result.exception  # fmt: skip


def package(house: House, layers: tuple[str, ...], *formats: str, preview: bool = False) -> tuple[int, dict[str, Any], Any]:  # fmt: skip
    named = [word for layer in layers for word in ("--layer", layer)] + [w for f in formats for w in ("--format", f)]
    more = ["--preview"] if preview else []
    return command("package", "generic", *named, *more, "--json", "--workspace", str(house.root), "--today", DAY)


@pytest.fixture(scope="module")
def house(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> House:
    """Take in the sources of `SOURCES` by the example's plan; every column of every layer is permitted."""
    root, catalogue = tmp_path_factory.mktemp("real") / "workspace", read_catalogue()
    head, *entries = plan_for(shared_data).split("[[deliveries]]")
    files = {f"{file}.geojson" for file, _, _ in SOURCES.values()}
    kept = [e for e in entries if tomllib.loads("[[deliveries]]" + e)["deliveries"][0]["file"] in files]
    assert len(kept) == len(SOURCES)
    granted = [PERMISSION.format(layer=name, fields=json.dumps(list(Columns.of(name, catalogue).types))) for name in SOURCES]  # fmt: skip
    root.mkdir()
    (root / PLAN).write_text("[[deliveries]]".join([head, *kept]) + "".join(granted), encoding="utf-8")
    workspace = read_workspace(root, catalogue)
    assert all(receive(workspace, name, catalogue).is_usable for name in SOURCES)
    assert command("key", "--workspace", str(root))[0] == 0
    return House(root, shared_data)


@pytest.fixture(scope="module")
def made(house: House) -> dict[str, Any]:
    code, told, error = package(house, tuple(SOURCES), "gdb", "gpkg", "xlsx")
    assert code == 0, error or told["failed"]
    return told


@pytest.fixture(scope="module")
def patches(house: House) -> dict[str, Any]:
    """Return the package of the one layer whose texts are all GBK."""
    code, told, error = package(house, ("land_patch",), "shp", "xlsx")
    assert code == 0, error or told["failed"]
    return told


@cache
def names_of(layer: str) -> dict[str, str]:
    """Return the field of each column in the generic profile."""
    catalogue = read_catalogue()
    profile = with_layers(profile_named(read_profiles(catalogue.root, catalogue), "generic"), [layer], catalogue)
    return {field.column: field.name for field in profile.layers[0].fields}


def test_every_layer_passes_in_a_geodatabase_a_geopackage_and_a_workbook(made: dict[str, Any], house: House) -> None:
    assert made["passed"]
    assert {f["id"] for f in made["failed"]} <= {"withheld_rows", "field_certainty", "source_errors"}
    assert not any(f["stops"] for f in made["failed"])
    assert made["layers"].keys() == SOURCES.keys()
    withheld = {f["where"].split()[0]: int(f["got"].split()[0]) for f in made["failed"] if f["id"] == "withheld_rows"}
    for layer, rows in made["layers"].items():
        assert rows + withheld.get(layer, 0) == len(house.source(layer)), layer


@pytest.mark.parametrize("layer", SOURCES)
@pytest.mark.parametrize("kind", ["gdb", "gpkg"])
def test_shapes_lie_where_they_lay(layer: str, kind: str, made: dict[str, Any], house: House) -> None:
    """Back in degrees: by key, or all of them where every row left; geodesic areas and lengths, and points in metres."""
    frame = pyogrio.read_dataframe(f"{made['folder']}/data/generic.{kind}", layer=layer)
    assert frame.crs.to_epsg() == 3035
    back, source = frame.to_crs("EPSG:4326"), house.source(layer)
    if layer in KEYS:
        assert house.key_of(layer, source).isin(frame[names_of(layer)[KEYS[layer]]]).sum() >= len(frame)
        keyed = source.set_index(house.key_of(layer, source))
        keyed = keyed[~keyed.index.duplicated(keep=False)]
        back = back.set_index(names_of(layer)[KEYS[layer]])
        same = keyed.index.intersection(back.index)
        assert len(same) > 0.75 * len(frame)
        source, back = keyed.loc[same], back.loc[same]
    if source.geom_type.iloc[0] == "Point":
        metres = GEOD.inv(source.geometry.x, source.geometry.y, back.geometry.x, back.geometry.y)[2]
        assert max(metres) < 0.001
    elif layer == "river":
        lengths = [sum(GEOD.geometry_length(g) for g in f.geometry) for f in (back, source)]
        assert lengths[0] == pytest.approx(lengths[1], rel=1e-8)
    else:
        sound = source.is_valid.to_numpy()  # the one bow-tie was mended at intake
        assert (~sound).sum() == (layer == "suspected_plot")
        source, back = source[sound], back[sound]
        areas = [np.array([abs(GEOD.geometry_area_perimeter(g)[0]) for g in f.geometry]) for f in (back, source)]
        assert areas[0] == pytest.approx(areas[1], rel=1e-5, abs=0.01)
        assert back[names_of(layer)["area_m2"]].to_numpy() == pytest.approx(areas[1], rel=1e-4, abs=0.02)


def test_the_shapefile_holds_chinese_texts_for_fiona(patches: dict[str, Any], house: House) -> None:
    with fiona.open(f"{patches['folder']}/data/shp/land_patch.shp") as rows:
        found = list(rows)
    assert len(found) == len(house.source("land_patch")) == patches["layers"]["land_patch"]
    assert {row["properties"][names_of("land_patch")["land_class_name"]] for row in found} == {
        "水域（河流、湖库、坑塘未分）"
    }
    by_file = sum(shapely.area(shapely.geometry.shape(row["geometry"])) for row in found)
    assert by_file == pytest.approx(house.source("land_patch").to_crs(CRS).area.sum(), rel=1e-6)


def test_a_shapefile_is_refused_for_the_letters_that_gbk_lacks(made: dict[str, Any], house: House) -> None:
    """Counted by Python on the package that left without shapefiles; nothing else stands against it."""
    code, told, _ = package(house, NOT_GBK, "shp", preview=True)
    assert code == 1
    stopping = [f for f in told["failed"] if f["stops"]]
    assert {f["id"] for f in stopping} == {"letters"}
    for layer in NOT_GBK:
        rows = [f["got"] for f in stopping if f["where"].split()[0].rstrip(":") == layer]
        more = [int(m[1]) for got in rows if (m := re.match(r"另有 (\d+) 处", got))]
        frame = pyogrio.read_dataframe(f"{made['folder']}/data/generic.gpkg", layer=layer, read_geometry=False)
        texts = [v for name in frame for v in frame[name] if isinstance(v, str)]
        assert len(rows) - len(more) + sum(more) == sum(v != v.encode("gbk", "ignore").decode("gbk") for v in texts)


def test_boundary_points_are_refused_for_a_plane_they_do_not_know(house: House) -> None:
    before = sorted(path.name for path in (house.root / "packages").iterdir())
    code, _, error = package(house, ("land_patch",), "txt")
    assert code
    assert re.search(r"'land_patch' as TXT: got the CRS EPSG:3035, expected a Gauss-Kruger zone", str(error))
    assert sorted(path.name for path in (house.root / "packages").iterdir()) == before


# --- GDAL's command line: another build of GDAL than pyogrio's and fiona's ---


@pytest.fixture
def gdal() -> None:
    if not (shutil.which("ogrinfo") and shutil.which("ogr2ogr")):
        pytest.skip("ogrinfo is not installed (gdal-bin): GDAL's command line reads no package here")


def printed(*words: str) -> str:
    return subprocess.run(words, check=True, capture_output=True, timeout=60).stdout.decode()


def places(made: dict[str, Any], patches: dict[str, Any]) -> list[tuple[str, str]]:
    data = [f"{told['folder']}/data" for told in (made, patches)]
    found = [(f"{data[0]}/generic.{kind}", layer) for kind in ("gdb", "gpkg") for layer in SOURCES]
    return [*found, (f"{data[1]}/shp/land_patch.shp", "land_patch")]


@pytest.mark.usefixtures("gdal")
def test_gdals_command_line_finds_the_counts_and_the_extents(
    made: dict[str, Any], patches: dict[str, Any], house: House
) -> None:
    whole = 0
    for place, layer in places(made, patches):
        told = printed("ogrinfo", "-ro", "-so", place, layer)
        count = re.search(r"Feature Count: (\d+)", told)
        extent = re.search(r"Extent: \((\S+), (\S+)\) - \((\S+), (\S+)\)", told)
        assert count, told
        assert extent, told
        assert int(count[1]) == made["layers"][layer]
        assert 'ID["EPSG",3035]]' in told or place.endswith(".shp")
        source = house.source(layer)
        if len(source) == made["layers"][layer]:  # where rows were withheld, which of two left is not known here
            expected = source.to_crs(CRS).total_bounds.tolist()
            assert [float(v) for v in extent.groups()] == pytest.approx(expected, abs=0.002), layer
            whole += 1
    assert whole >= 2 * 4 + 1


@pytest.mark.usefixtures("gdal")
def test_gdals_command_line_finds_a_hundred_values_of_the_sources(
    made: dict[str, Any], patches: dict[str, Any], house: House
) -> None:
    rng, seen = np.random.default_rng(20260630), 0
    for kind in ("gdb", "gpkg"):
        for layer, (_, _, columns) in SOURCES.items():
            if not columns:
                continue
            text = printed("ogr2ogr", "-f", "GeoJSON", "/vsistdout/", f"{made['folder']}/data/generic.{kind}", layer)
            rows = [feature["properties"] for feature in json.loads(text)["features"]]
            source = house.source(layer).assign(key=lambda frame, layer=layer: house.key_of(layer, frame))
            source = source[~source["key"].duplicated(keep=False)].set_index("key")
            names = names_of(layer)
            known = [row for row in rows if row[names[KEYS[layer]]] in source.index]
            for at in rng.integers(0, len(known), 15):
                ours = rng.choice(list(columns))
                wanted = source.loc[known[at][names[KEYS[layer]]], columns[ours]]
                wanted = None if pd.isna(wanted) or not str(wanted).strip() else " ".join(str(wanted).split())
                assert known[at][names[ours]] == wanted, (kind, layer, ours)
                seen += 1
    assert seen >= 100
    assert patches["passed"]
