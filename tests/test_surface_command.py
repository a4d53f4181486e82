"""The command `geosys surface`: what it writes, what it says, and how it refuses."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import rasterio
import typer
import xarray
from intake_toy import CRS, point, square

from geosys._errors import CrsError, GeoSysError, WorkspaceError
from geosys.cli import surface_command
from geosys.geo.zonal import zonal
from geosys.layers.intake import Layer
from geosys.layers.spec import read_catalogue
from geosys.layers.store import write_version
from geosys.workspace import init_workspace

if TYPE_CHECKING:
    from pathlib import Path

CATALOGUE = read_catalogue()


def deliver(
    root: Path, layer: str, columns: dict[str, Any], shapes: list[Any], withheld: int = 0, crs: str = CRS
) -> None:
    names = [f"{layer}-{i}" for i in range(len(shapes))]
    frame = gpd.GeoDataFrame({"feature_id": names, **columns}, geometry=shapes, crs=crs)
    write_version(root / "store", Layer(CATALOGUE.layers[layer], frame, frame.iloc[:withheld]))


@pytest.fixture
def county(tmp_path: Path) -> Path:
    """Return a workspace of 64 samples 100 m apart, cadmium rising to the east; one sample without a value."""
    root = tmp_path / "county"
    init_workspace(root, "某县", CRS)
    draw = np.random.default_rng(0)
    xy = [(100.0 * (i % 8), 100.0 * (i // 8)) for i in range(64)]
    cadmium = [0.1 + x / 1_000 + draw.normal(0, 0.01) for x, _ in xy]
    cadmium[9] = None
    deliver(root, "soil_sample", {"cd_mg_kg": cadmium, "ph": [7.0] * 64}, [point(*p) for p in xy], withheld=3)
    deliver(root, "farmland_class", {"unit_code": ["a", "b"]}, [square(100, 100, 500), square(5_000, 0)])
    return root


def made(root: Path, capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, Any]:
    """Run the command as a shell would; errors of ours pass through."""
    app = typer.Typer()
    app.command()(surface_command.surface)
    capsys.readouterr()
    app([*arguments, "--workspace", str(root), "--json"], standalone_mode=False)
    told: dict[str, Any] = json.loads(capsys.readouterr().out)
    return told


@pytest.mark.parametrize("method", ["kriging", "idw"])
def test_a_surface_its_files_and_its_units(
    county: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], method: str
) -> None:
    out, cube, table = tmp_path / "cd.tif", tmp_path / "cd.nc", tmp_path / "units.csv"
    told = made(
        county, capsys, "soil_sample", "cd_mg_kg", "--method", method, "--cell", "20", "--threshold", "0.45", "--out", str(out),
        "--nc", str(cube), "--units", "farmland_class", "--table", str(table),
    )  # fmt: skip
    assert told["samples"] == {
        "given": 64, "places": 63, "without_value": 1, "without_place": 0, "merged": 0, "withheld": 3,
    }  # fmt: skip
    assert told["unit"] == "mg/kg"
    assert told["cross_validation"]["rmse"] < 0.05  # half of the step from one column of samples to the next
    assert told["cross_validation"]["folds"] == 10
    assert ("variogram" in told) == (method == "kriging")
    assert json.loads((tmp_path / "cd.tif.json").read_text(encoding="utf-8"))["version"] == told["version"]
    with rasterio.open(out) as raster:
        assert raster.crs.to_epsg() == 4547
        assert raster.descriptions == ("cd_mg_kg", "cd_mg_kg_std", "cd_mg_kg_exceedance")
        assert raster.units == ("mg/kg", "mg/kg", "1")
        cells = raster.read()
        east = raster.bounds.left + 20 * (np.arange(raster.width) + 0.5) - 500_000
    assert told["cells_with_value"] == np.isfinite(cells[0]).sum() == told["columns"] * told["rows"]
    assert np.abs(cells[0] - (0.1 + east / 1_000)).max() < 0.06
    assert (cells[2][:, east < 250] < 0.05).all()
    assert (cells[2][:, east > 500] > 0.9).all()
    with xarray.open_dataset(cube) as found:
        assert np.array_equal(found["cd_mg_kg_exceedance"].to_numpy(), cells[2], equal_nan=True)
    units = pd.read_csv(table)
    assert units["feature_id"].tolist() == ["farmland_class-0", "farmland_class-1"]
    expected = zonal(out, np.array([square(100, 100, 500), square(5_000, 0)], dtype=object), CRS, threshold=0.45)
    assert units["mean"].to_numpy() == pytest.approx(expected["mean"].to_numpy(), nan_ok=True)
    assert units["mean"][0] == pytest.approx(0.45, abs=0.02)
    assert units["share_above"][0] == pytest.approx(0.5, abs=0.1)
    assert units["covered_share"].tolist() == [1.0, 0.0]
    assert told["units_without_value"] == 1


def test_people_read_what_it_is_worth(county: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    surface_command.surface("soil_sample", "cd_mg_kg", cell=50.0, log=True, out=tmp_path / "cd.tif", workspace=county)
    said = capsys.readouterr().out
    for words in (
        "places 63",
        "without value 1",
        "withheld 3",
        "RMSE",
        "mg/kg",
        "range",
        "no value farther",
        str(tmp_path / "cd.tif"),
    ):
        assert words in said
    assert sorted(path.name for path in tmp_path.iterdir()) == ["cd.tif", "cd.tif.json", "county"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("soil_sampel", "cd_mg_kg"), "Did you mean 'soil_sample'"),
        (("soil_sample", "cd_mg"), "Did you mean 'cd_mg_kg'"),
        (("soil_sample", "crop"), "expected a field of numbers"),
        (("farmland_class", "category"), "expected a layer of points"),
        (("groundwater_point", "well_depth_m"), "groundwater_point"),
        (("soil_sample", "cd_mg_kg", "--method", "krigging"), "Did you mean 'kriging'"),
        (("soil_sample", "cd_mg_kg", "--method", "idw", "--log"), "Leave --log out"),
        (("soil_sample", "cd_mg_kg", "--threshold", "nan"), "--threshold"),
        (("soil_sample", "cd_mg_kg", "--threshold", "0", "--log"), "above 0 with --log"),
        (("soil_sample", "cd_mg_kg", "--reach", "-5"), "--reach"),
        (("soil_sample", "cd_mg_kg", "--cell", "0"), "--cell"),
        (("soil_sample", "cd_mg_kg", "--cell", "0.001"), "at most 1000000000"),
        (("soil_sample", "cd_mg_kg", "--folds", "1"), "--folds"),
        (("soil_sample", "cd_mg_kg", "--out", "cd.png"), "ending in .tif"),
        (("soil_sample", "cd_mg_kg", "--out", "absent/cd.tif"), "Make it first"),
        (("soil_sample", "ph"), "all 7, expected different"),
        (("soil_sample", "cd_mg_kg", "--units", "soil_sample"), "expected a layer of polygons"),
    ],
)
def test_wrong_use_is_one_clear_message_and_no_file(
    county: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    arguments: tuple[str, ...],
    said: str,
) -> None:
    monkeypatch.chdir(county)
    before = sorted(county.iterdir())
    with pytest.raises(GeoSysError, match=said):
        made(county, capsys, *arguments)
    assert sorted(county.iterdir()) == before


def test_a_layer_in_degrees_or_another_plane_is_refused(
    county: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ("soil_sample", "cd_mg_kg", "--out", str(tmp_path / "cd.tif"))
    deliver(county, "farmland_class", {}, [square(0, 0)], crs="EPSG:4548")
    with pytest.raises(CrsError, match="EPSG:4548"):
        made(county, capsys, *arguments, "--units", "farmland_class")
    deliver(county, "soil_sample", {"cd_mg_kg": [1.0, 2.0]}, [point(0, 0), point(1, 1)], crs="EPSG:4490")
    with pytest.raises(CrsError, match="expected a projected CRS"):
        made(county, capsys, *arguments)


def test_a_layer_that_was_never_delivered_is_named(county: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (county / "store" / "soil_sample" / "current.json").unlink()
    with pytest.raises(WorkspaceError, match=r"There are: farmland_class\."):
        made(county, capsys, "soil_sample", "cd_mg_kg", "--out", str(county / "cd.tif"))
