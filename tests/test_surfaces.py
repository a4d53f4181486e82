"""Surfaces from samples: against gstools on real soil, small cases by hand, and files that other programs read."""

from __future__ import annotations

import csv
import tracemalloc
from typing import TYPE_CHECKING

import gstools
import numpy as np
import pyproj
import pytest
import rasterio
import xarray
from hypothesis import given, settings
from hypothesis import strategies as st

from geosys._errors import CrsError, SpecError
from geosys.geo.cross_validation import CrossValidation, cross_validate, doubts_of, folds_of
from geosys.geo.inverse_distance import InverseDistance
from geosys.geo.kriging import Kriging
from geosys.geo.point_samples import samples_at
from geosys.geo.raster.grid import Grid, grid_around
from geosys.geo.raster.writing import Band, write_cog, write_netcdf
from geosys.geo.surfaces import Surface, blocks_of, doubts_about, grid_of, surface_of
from geosys.geo.variogram import Variogram, fit_variogram

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

CRS = "EPSG:4547"
RD = "EPSG:28992"
EAST, NORTH = 500_000.0, 3_850_000.0
ORIGIN = np.array([EAST, NORTH])
ROUND = Variogram("spherical", 0.1, 1.0, 100.0)


def field(count: int = 120, seed: int = 1, side: float = 2_000.0) -> tuple[np.ndarray, np.ndarray]:
    """Return places in a square and a smooth field with noise there."""
    draw = np.random.default_rng(seed)
    xy = draw.uniform(0, side, (count, 2)) + ORIGIN
    smooth = np.sin((xy[:, 0] - EAST) / 400) + np.cos((xy[:, 1] - NORTH) / 500)
    return xy, 3.0 + smooth + draw.normal(0, 0.1, count)


@pytest.fixture(scope="session")
def meuse(shared_data: Path) -> tuple[np.ndarray, np.ndarray]:
    """Return places and zinc of the 155 samples that the field's books use."""
    with (shared_data / "soil" / "meuse.csv").open(encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row["in.meuse155"] == "True"]
    assert len(rows) == 155
    return np.array([[float(r["x"]), float(r["y"])] for r in rows]), np.array([float(r["zinc"]) for r in rows])


# --- kriging ---


@pytest.mark.parametrize("log", [False, True])
def test_meuse_is_estimated_as_well_as_gstools_does_on_the_same_folds(meuse: tuple, log: bool) -> None:
    xy, zinc = meuse
    folds = folds_of(155)
    ours = cross_validate(samples_at(xy, zinc, RD, "mg/kg"), "kriging", folds, log=log)
    theirs = np.empty(155)
    for fold in range(10):
        out = folds == fold
        known = np.log(zinc[~out]) if log else zinc[~out]
        middle, spread = known.mean(), known.std()
        known = (known - middle) / spread
        lags, gammas = gstools.vario_estimate(xy[~out].T, known, np.linspace(0, 1_600, 16))
        model = gstools.Spherical(dim=2)
        model.fit_variogram(lags, gammas, init_guess={"len_scale": 800.0}, nugget=True)
        estimate, variance = gstools.krige.Ordinary(model, xy[~out].T, known, exact=True)(xy[out].T)
        estimate, variance = middle + spread * estimate, variance * spread**2
        theirs[out] = np.exp(estimate + variance / 2) if log else estimate
    rmse = float(np.sqrt(np.mean((theirs - zinc) ** 2)))
    assert 150 < rmse < 300
    assert ours.rmse < 1.05 * rmse
    assert abs(ours.mean_error) < 10
    assert 0.8 < ours.standardized_rms < 1.2


def test_estimates_and_variances_are_those_of_gstools_with_the_same_variogram(meuse: tuple) -> None:
    xy, zinc = meuse
    fitted = fit_variogram(xy, zinc)
    kind = {"spherical": gstools.Spherical, "exponential": gstools.Exponential}[fitted.model]
    model = kind(dim=2, var=fitted.partial_sill, len_scale=fitted.scale_m, nugget=fitted.nugget)
    away = np.linspace(1, 3_000, 50)
    assert fitted.at(away) == pytest.approx(model.variogram(away), rel=1e-12)
    places = np.vstack([np.random.default_rng(0).uniform(xy.min(0), xy.max(0), (300, 2)), xy[:5]])
    value, variance, _ = Kriging(xy, zinc, fitted).at(places)
    expected, expected_variance = gstools.krige.Ordinary(model, xy.T, zinc, exact=True)(places.T)
    assert value == pytest.approx(expected, rel=1e-9)
    assert variance == pytest.approx(expected_variance, abs=1e-6 * model.sill)
    assert value[-5:] == pytest.approx(zinc[:5])
    assert variance[-5:] == pytest.approx(0, abs=1e-6 * model.sill)


def test_the_variogram_of_meuse_is_what_the_books_fit(meuse: tuple) -> None:
    # Source: Bivand, Pebesma and Gomez-Rubio (2008), Applied Spatial Data Analysis with R, 8.4.3, log(zinc):
    # spherical, nugget 0.05066, partial sill 0.5906, range 896.97 m.
    fitted = fit_variogram(meuse[0], np.log(meuse[1]))
    assert fitted.model == "spherical"
    assert fitted.nugget == pytest.approx(0.0507, abs=0.03)
    assert fitted.partial_sill == pytest.approx(0.591, rel=0.1)
    assert fitted.range_m == pytest.approx(897, rel=0.1)
    assert fitted.r2 > 0.9


def test_two_samples_by_hand() -> None:
    """Midway both weigh a half; mu = γ(30) − γ(60)/2 and the variance is 2 γ(30) − γ(60)/2."""
    estimator = Kriging(np.array([[0.0, 0.0], [60.0, 0.0]]), np.array([2.0, 6.0]), ROUND)
    value, variance, multiplier = estimator.at(np.array([[30.0, 0.0], [0.0, 0.0]]))
    near, far = 0.1 + 1.5 * 0.3 - 0.5 * 0.027, 0.1 + 1.5 * 0.6 - 0.5 * 0.216
    assert value == pytest.approx([4.0, 2.0])
    assert variance == pytest.approx([2 * near - far / 2, 0.0], abs=1e-12)
    assert multiplier[0] == pytest.approx(near - far / 2)


def test_neighbours_say_what_all_samples_say_where_all_are_neighbours() -> None:
    xy, values = field(30)
    places = field(50, seed=2)[0]
    estimator = Kriging(xy, values, Variogram("exponential", 0.1, 1.0, 500.0), neighbours=30)
    for one, other in zip(estimator._from_all(places), estimator._from_neighbours(places), strict=True):
        assert one == pytest.approx(other, abs=1e-9)


def test_of_many_samples_the_near_ones_decide() -> None:
    xy, values = field(600, side=4_000)
    fitted = fit_variogram(xy, values)
    places = field(200, seed=3, side=4_000)[0]
    near, all_of_them = Kriging(xy, values, fitted).at(places), Kriging(xy, values, fitted, neighbours=600).at(places)
    assert np.sqrt(np.mean((near[0] - all_of_them[0]) ** 2)) < 0.05 * values.std()
    assert (near[1] >= all_of_them[1] - 1e-9).all()  # fewer samples never make it surer


@settings(max_examples=20, deadline=None)
@given(shift=st.floats(-1e3, 1e3), scale=st.floats(0.01, 100), seed=st.integers(0, 1_000))
def test_a_shift_and_a_scale_of_the_values_shift_and_scale_the_surface(shift: float, scale: float, seed: int) -> None:
    xy, values = field(15, seed)
    order = np.random.default_rng(seed).permutation(15)
    places = field(5, seed + 1)[0]
    wide = Variogram("exponential", 0.2, 1.0, 700.0)
    scaled = Variogram("exponential", 0.2 * scale**2, scale**2, 700.0)
    value, variance, _ = Kriging(xy, values, wide).at(places)
    other, other_variance, _ = Kriging(xy[order], (values * scale + shift)[order], scaled).at(places)
    assert other == pytest.approx(value * scale + shift, abs=1e-6 * scale + 1e-9 * abs(shift))
    assert other_variance == pytest.approx(variance * scale**2, rel=1e-6)


def test_logarithms_come_back_without_bias() -> None:
    """Of fields drawn by the model itself, the mean estimate is the mean truth; with +μ instead of −μ it is 4 % off."""
    xy = np.array([[0.0, 0.0], [60.0, 0.0], [20.0, 50.0], [90.0, 90.0], [40.0, 30.0]]) + ORIGIN
    gamma = ROUND.at(np.linalg.norm(xy[:, None] - xy[None], axis=-1))
    draws = np.random.default_rng(5).multivariate_normal(np.zeros(5), ROUND.nugget + ROUND.partial_sill - gamma, 40_000)
    samples = samples_at(xy[:4], np.exp(draws[0, :4]), CRS)
    estimator = Kriging(xy[:4], draws[0, :4], ROUND)
    logarithms, variance, multiplier = (row[0] for row in estimator.at(xy[4:]))
    mean, deviation = Surface(samples, "kriging", estimator, log=True, reach_m=100.0).at(xy[4:])[:, 0]
    assert mean == pytest.approx(np.exp(logarithms + variance / 2 - multiplier))
    assert deviation == pytest.approx(mean * np.sqrt(np.exp(variance) - 1))
    weights = np.array([Kriging(xy[:4], one, ROUND).at(xy[4:])[0][0] for one in np.eye(4)])
    estimates = np.exp(draws[:, :4] @ weights + variance / 2 - multiplier)
    assert estimates.mean() == pytest.approx(np.exp(draws[:, 4]).mean(), rel=0.01)
    assert np.exp(draws[:, :4] @ weights).mean() < 0.9 * np.exp(draws[:, 4]).mean()


# --- inverse distance ---


def test_inverse_distance_by_hand() -> None:
    """Samples 10 and 20 m away weigh 4 : 1; left out, the first sees (b, c) and so on."""
    estimator = InverseDistance(
        np.array([[0.0, 0.0], [30.0, 0.0], [30.0, 40.0]]), np.array([1.0, 6.0, 11.0]), neighbours=2
    )
    errors = np.array([(25 * 6 + 9 * 11) / 34 - 1, (16 * 1 + 9 * 11) / 25 - 6, (25 * 6 + 16 * 1) / 41 - 11])
    assert estimator.left_out_errors == pytest.approx(errors)
    value, error = estimator.at(np.array([[10.0, 0.0], [0.0, 0.0]]))
    assert value == pytest.approx([(4 * 1 + 6) / 5, 1.0])
    assert error == pytest.approx([np.sqrt((4 * errors[0] ** 2 + errors[1] ** 2) / 5), abs(errors[0])])


def test_leaving_out_one_at_a_time_gives_the_left_out_errors() -> None:
    xy, values = field(25)
    samples = samples_at(xy, values, CRS)
    check = cross_validate(samples, "idw", folds_of(25, 25))
    assert check.errors == pytest.approx(InverseDistance(xy, values).left_out_errors)
    assert check.rmse == pytest.approx(np.sqrt(np.mean(check.errors**2)))
    assert check.mean_error == pytest.approx(check.estimates.mean() - values.mean())


# --- samples, folds, mask ---


def test_samples_at_one_place_are_one_sample_and_what_is_missing_is_counted() -> None:
    xy = np.array([[0, 0], [50, 0], [0, 0.001], [0, 50], [np.nan, 1], [9, 9]]) + ORIGIN
    samples = samples_at(xy, np.array([1.0, 5.0, 2.0, 7.0, 3.0, np.nan]), CRS, "mg/kg")
    assert samples.values.tolist() == [1.5, 5.0, 7.0]
    assert samples.xy.tolist() == [[EAST, NORTH], [EAST + 50, NORTH], [EAST, NORTH + 50]]
    assert (samples.given, samples.without_value, samples.without_place, samples.merged) == (6, 1, 1, 2)
    assert "2" in doubts_about(surface_of(samples, "idw"))[-1][1]


@settings(max_examples=30, deadline=None)
@given(count=st.integers(2, 300), folds=st.integers(2, 12))
def test_each_sample_is_left_out_once_and_folds_are_even(count: int, folds: int) -> None:
    if folds > count:
        with pytest.raises(SpecError, match="--folds"):
            folds_of(count, folds)
        return
    sizes = np.bincount(folds_of(count, folds))
    assert len(sizes) == folds
    assert sizes.sum() == count
    assert np.ptp(sizes) <= 1


def test_nothing_is_given_beyond_the_data() -> None:
    """Samples 100 m apart around a hole of 800 m: no value in its middle, nor outside the ring, but in each sample's cell."""
    side = np.arange(0, 1_001, 100.0)
    ring = np.array([[x, y] for x in side for y in side if {x, y} & {0.0, 100.0, 900.0, 1_000.0}])
    samples = samples_at(ring + ORIGIN, ring[:, 0] + ring[:, 1], CRS)
    made = surface_of(samples, "idw")
    assert made.reach_m == pytest.approx(200)
    places = np.array([[500, 500], [500, 299], [500, 301], [50, 50], [-1, 50], [500, 1_001]]) + ORIGIN
    assert made.reaches(places).tolist() == [False, True, False, True, False, False]
    grid = grid_of(made, 10.0)
    assert grid == Grid(EAST, NORTH + 1_000, 10.0, 100, 100)
    values = np.full((2, grid.rows, grid.columns), -1.0)
    for row, column, block in blocks_of(made, grid):
        values[:, row : row + block.shape[1], column : column + block.shape[2]] = block
    assert np.isnan(values[:, 50, 50]).all()
    assert np.isfinite(values[:, [0, 0, 99, 99], [0, 99, 0, 99]]).all()
    middles = grid.middles(0, 0, 100, 100)
    away = np.linalg.norm(middles[:, None] - samples.xy[None], axis=-1).min(axis=1)
    assert np.array_equal(np.isfinite(values[0]).ravel(), away <= 200)


def test_blocks_are_the_surface_at_the_middle_of_each_cell() -> None:
    xy, values = field(40)
    made = surface_of(samples_at(xy, values, CRS), "kriging")
    grid = grid_of(made, 6.0)
    done = []
    whole = np.full((3, grid.rows, grid.columns), np.nan, dtype=np.float32)
    for row, column, block in blocks_of(made, grid, 3.0, lambda *so_far: done.append(so_far)):
        whole[:, row : row + block.shape[1], column : column + block.shape[2]] = block
    assert done == [(0, 4), (1, 4), (2, 4), (3, 4), (4, 4)]
    for row, column in ((3, 100), (300, 300), (150, 270)):
        place = [[grid.west + (column + 0.5) * 6, grid.north - (row + 0.5) * 6]]
        expected = made.at(np.array(place), 3.0)[:, 0]
        assert np.isnan(whole[:, row, column]).all() or whole[:, row, column] == pytest.approx(expected, rel=1e-6)
    assert np.isfinite(whole).mean() > 0.5


def test_the_probability_of_exceeding() -> None:
    """A half at the estimate; of fields drawn by the model, the share above the threshold."""
    xy = np.array([[0.0, 0.0], [60.0, 0.0], [20.0, 50.0]]) + ORIGIN
    made = Surface(
        samples_at(xy, np.array([1.0, 2.0, 4.0]), CRS),
        "kriging",
        Kriging(xy, np.array([1.0, 2.0, 4.0]), ROUND),
        False,
        99.0,
    )
    place = np.array([[30.0, 10.0]]) + ORIGIN
    value, deviation = made.at(place)[:, 0]
    draws = np.random.default_rng(0).normal(value, deviation, 200_000)
    for threshold in (value, value + 0.5, value - 1.0):
        assert made.at(place, threshold)[2, 0] == pytest.approx((draws > threshold).mean(), abs=0.005)
    assert made.at(xy, 1.5)[2] == pytest.approx([0, 1, 1])
    logs = Surface(made.samples, "kriging", Kriging(xy, np.log([1.0, 2.0, 4.0]), ROUND), True, 99.0)
    middle = np.exp(logs.estimator.at(place)[0][0])
    assert logs.at(place, middle)[2, 0] == pytest.approx(0.5)


def test_noise_without_structure_is_doubted() -> None:
    draw = np.random.default_rng(3)
    xy = draw.uniform(0, 5_000, (40, 2)) + ORIGIN
    said = " ".join(en for _, en in doubts_about(surface_of(samples_at(xy, draw.normal(0, 1, 40), CRS), "kriging")))
    assert "no correlation" in said
    assert "fewer than 50" in said


def test_deviations_that_are_too_small_are_doubted() -> None:
    errors = np.array([2.0, -2.0])
    honest = CrossValidation(np.array([0, 1]), errors, np.full(2, 2.0), errors)
    assert (honest.standardized_rms, doubts_of(honest)) == (1.0, [])
    too_sure = CrossValidation(np.array([0, 1]), errors, np.full(2, 0.5), errors)
    assert "4.0 times" in doubts_of(too_sure)[0][1]


# --- bad input ---


def test_bad_samples_are_refused_by_name() -> None:
    xy, values = field(20)
    with pytest.raises(SpecError, match=r"got 2 places with a value \(4 rows, 2 without value"):
        samples_at(xy[:4], np.array([1.0, 2.0, np.nan, np.nan]), CRS)
    with pytest.raises(SpecError, match="0 places"):
        samples_at(np.zeros((0, 2)), np.zeros(0), CRS)
    with pytest.raises(SpecError, match="1 infinite"):
        samples_at(xy[:4], np.array([1.0, np.inf, 2.0, 3.0]), CRS)
    with pytest.raises(CrsError, match="expected a projected CRS"):
        samples_at(xy, values, "EPSG:4490")
    with pytest.raises(CrsError, match="They are degrees"):
        samples_at(np.array([[114.3, 34.8], [114.4, 34.8], [114.3, 34.9]]), np.arange(3.0), CRS)
    for method in ("kriging", "idw"):
        with pytest.raises(SpecError, match=r"all 0\.2, expected different"):
            surface_of(samples_at(xy, np.full(20, 0.2), CRS), method)
    with pytest.raises(SpecError, match="got 9 places with a value, expected at least 10"):
        surface_of(samples_at(xy[:9], values[:9], CRS), "kriging")
    with pytest.raises(SpecError, match="1 values of 0 or less"):
        surface_of(samples_at(xy, np.append(values[:-1], 0.0), CRS), "kriging", log=True)
    with pytest.raises(ValueError, match="log with kriging only"):
        surface_of(samples_at(xy, values, CRS), "idw", log=True)


def test_a_cell_must_be_one() -> None:
    for cell in (0.0, -1.0, float("nan"), float("inf")):
        with pytest.raises(SpecError, match="--cell"):
            grid_around((0, 0, 10, 10), cell)
    with pytest.raises(SpecError, match="100000 x 100000 cells"):
        grid_around((0, 0, 100_000, 100_000), 1.0)


# --- files ---

BANDS = (Band("cd_mg_kg", "mg/kg", "镉"), Band("cd_mg_kg_std", "mg/kg", "镉（标准差）"))


def written(folder: Path, name: str = "cd") -> tuple[Path, Path, np.ndarray]:
    xy, values = field(60)
    made = surface_of(samples_at(xy, values, CRS, "mg/kg"), "kriging")
    grid = grid_of(made, 4.0)
    blocks = list(blocks_of(made, grid))
    raster, cube = folder / f"{name}.tif", folder / f"{name}.nc"
    write_cog(raster, blocks, grid, BANDS, CRS, {"method": "克里金"})
    write_netcdf(cube, raster, {"method": "克里金"})
    whole = np.full((2, grid.rows, grid.columns), np.nan, dtype=np.float32)
    for row, column, block in blocks:
        whole[:, row : row + block.shape[1], column : column + block.shape[2]] = block
    return raster, cube, whole


def test_files_read_back_by_rasterio_and_xarray(tmp_path: Path) -> None:
    raster, cube, whole = written(tmp_path)
    with rasterio.open(raster) as found:
        assert found.crs.to_epsg() == 4547
        assert found.tags(ns="IMAGE_STRUCTURE")["LAYOUT"] == "COG"
        assert found.overviews(1) == [2]
        assert (found.units, found.descriptions) == (("mg/kg", "mg/kg"), ("cd_mg_kg", "cd_mg_kg_std"))
        assert found.tags()["method"] == "克里金"
        assert found.tags(1)["long_name"] == "镉"
        assert np.array_equal(found.read(), whole, equal_nan=True)
        north, east = found.bounds.top, found.bounds.left
    with xarray.open_dataset(cube) as found:
        assert np.array_equal(found["cd_mg_kg"].to_numpy(), whole[0], equal_nan=True)
        assert np.array_equal(found["cd_mg_kg_std"].to_numpy(), whole[1], equal_nan=True)
        assert found["cd_mg_kg"].attrs["units"] == "mg/kg"
        assert found["cd_mg_kg"].attrs["long_name"] == "镉"
        assert found.attrs["method"] == "克里金"
        assert (found["x"].to_numpy()[0], found["y"].to_numpy()[0]) == (east + 2.0, north - 2.0)
        mapping = found[found["cd_mg_kg"].attrs["grid_mapping"]].attrs
        assert mapping["grid_mapping_name"] == "transverse_mercator"
        assert pyproj.CRS.from_cf(mapping).to_epsg() == 4547
    with rasterio.open(f"netcdf:{cube}:cd_mg_kg") as found:  # GDAL reads it as it reads the GeoTIFF
        assert found.bounds.left == east
        assert np.array_equal(found.read(1), whole[0], equal_nan=True)


def test_equal_input_equal_bytes_and_nothing_else_in_the_folder(tmp_path: Path) -> None:
    first, second = written(tmp_path, "a"), written(tmp_path, "b")
    for one, other in zip(first[:2], second[:2], strict=True):
        assert one.read_bytes() == other.read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.nc", "a.tif", "b.nc", "b.tif"]


def test_what_breaks_off_leaves_the_file_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    raster, cube, _ = written(tmp_path)
    before = raster.read_bytes(), cube.read_bytes()

    def breaking() -> Iterator[tuple[int, int, np.ndarray]]:
        yield 0, 0, np.zeros((2, 5, 5), dtype=np.float32)
        raise SpecError("broken off")

    with pytest.raises(SpecError, match="broken off"):
        write_cog(raster, breaking(), Grid(0.0, 50.0, 10.0, 5, 5), BANDS, CRS, {})
    monkeypatch.setattr("geosys.geo.raster.writing.MOST_CELLS_OF_NETCDF", 10)
    with pytest.raises(SpecError, match="larger cell"):
        write_netcdf(cube, raster, {})
    assert (raster.read_bytes(), cube.read_bytes()) == before
    assert len(list(tmp_path.iterdir())) == 2
    with pytest.raises(SpecError, match=r"cd\.tif: got no file"):
        write_cog(tmp_path / "absent" / "cd.tif", [], Grid(0.0, 50.0, 10.0, 5, 5), BANDS, CRS, {})


def test_a_large_grid_is_never_in_memory_whole(tmp_path: Path) -> None:
    grid = Grid(EAST, NORTH, 10.0, 2_560, 2_560)

    def blocks() -> Iterator[tuple[int, int, np.ndarray]]:
        for row in range(0, 2_560, 256):
            for column in range(0, 2_560, 256):
                yield row, column, np.full((2, 256, 256), row + column, dtype=np.float32)

    tracemalloc.start()
    write_cog(tmp_path / "large.tif", blocks(), grid, BANDS, CRS, {})
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 5_000_000 < grid.rows * grid.columns * 8
