"""The command that makes a surface from a field of a point layer, with its uncertainty and how well it was checked."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from geosys._errors import CrsError, WorkspaceError
from geosys._faults import nearest
from geosys.cli.options import JsonOption, WorkspaceOption, workspace_at
from geosys.cli.surface_account import text_of, told_of
from geosys.cli.terminal import print_content, show_progress
from geosys.layers.spec import read_catalogue
from geosys.layers.store import current_file, write_json, write_table

if TYPE_CHECKING:
    from collections.abc import Callable

    import geopandas as gpd
    import pandas as pd

    from geosys.geo.point_samples import Samples
    from geosys.geo.raster.grid import Grid
    from geosys.geo.surfaces import Surface
    from geosys.layers.spec import Field

HELP = (
    "样点插值成面 A surface from samples: value, standard deviation, probability of exceeding a threshold.\n\n"
    "Example: geosys surface soil_sample cd_mg_kg --cell 100 --threshold 0.3 --out cd.tif --nc cd.nc --units farmland_class"
)
RASTERS, NETCDFS, TABLES = (".tif", ".tiff"), (".nc",), (".csv", ".parquet")
KEY = "feature_id"
STAGE, CHECKING, ZONES = "插值 Interpolating", "交叉验证 Cross-validating", "分区统计 Zonal statistics"


def surface(
    layer: Annotated[str, typer.Argument(help="样点图层 The layer of points.")],
    field: Annotated[str, typer.Argument(help="数值字段 Its field of numbers.")],
    method: Annotated[str, typer.Option(help="方法 kriging (ordinary) or idw (inverse distance).")] = "kriging",
    cell: Annotated[float, typer.Option(help="像元边长（m） Side of a cell in metres.")] = 100.0,
    out: Annotated[Path, typer.Option(help="输出 Where the GeoTIFF goes: .tif.")] = Path("surface.tif"),
    nc: Annotated[Path | None, typer.Option(help="同时输出 NetCDF Also as NetCDF: .nc.")] = None,
    threshold: Annotated[
        float | None, typer.Option(help="限值 Also the probability that it is exceeded, in the field's unit.")
    ] = None,
    log: Annotated[
        bool, typer.Option("--log", help="取对数（对数正态） Krige logarithms, back-transformed without bias.")
    ] = False,
    reach: Annotated[
        float | None, typer.Option(help="最大距离（m） No value farther from a sample (default: from their spacing).")
    ] = None,
    folds: Annotated[int, typer.Option(help="交叉验证折数 Folds of the cross-validation.")] = 10,
    units: Annotated[str | None, typer.Option(help="统计图层 A polygon layer to give statistics for.")] = None,
    table: Annotated[Path, typer.Option(help="统计表 Where they go: .csv or .parquet.")] = Path("units.csv"),
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write the surface of a field of a layer's current version, its check, and statistics of polygons if asked for."""
    from geosys.geo.cross_validation import cross_validate, folds_of  # noqa: PLC0415  heavy packages, loaded when used
    from geosys.geo.surfaces import grid_of, surface_of  # noqa: PLC0415

    _check_options(
        method, log=log, threshold=threshold, reach=reach, names=((out, RASTERS), (nc, NETCDFS), (table, TABLES))
    )
    store = workspace_at(workspace).store
    described = _field_of(layer, field)
    path, samples = _samples(store, layer, described)
    shapes = None if units is None else _polygons(store, units, samples.crs)
    with show_progress() as progress:
        made = surface_of(samples, method, log=log, reach_m=reach)
        grid = grid_of(made, cell)
        check = cross_validate(
            samples, method, folds_of(len(samples.values), min(folds, len(samples.values))), log=log,
            progress=lambda done, total: progress(CHECKING, done, total),
        )  # fmt: skip
        told = told_of(made, check, grid, described, path, threshold)
        told["cells_with_value"] = _write(out, nc, made, grid, described, threshold, told, progress)
        told["out"] = str(out.resolve())
        if shapes is not None:
            told |= _write_units(table, out, shapes, described.unit or "", threshold, progress)
    write_json(out.with_name(f"{out.name}.json"), told)
    print_content(told, as_json=as_json, text=text_of(told))


def _check_options(
    method: str,
    *,
    log: bool,
    threshold: float | None,
    reach: float | None,
    names: tuple[tuple[Path | None, tuple[str, ...]], ...],
) -> None:
    from geosys.geo.surfaces import KRIGING, METHODS  # noqa: PLC0415

    if method not in METHODS:
        raise WorkspaceError(f"--method: got '{method}', expected {' or '.join(METHODS)}. {nearest(method, METHODS)}")
    if log and method != KRIGING:
        raise WorkspaceError(f"--log: got it with '{method}', expected '{KRIGING}'. Leave --log out.")
    if threshold is not None and not (abs(threshold) < float("inf") and (threshold > 0 or not log)):
        raise WorkspaceError(f"--threshold: got {threshold}, expected a number{', above 0 with --log' if log else ''}.")
    if reach is not None and not 0 < reach < float("inf"):
        raise WorkspaceError(f"--reach: got {reach}, expected metres above 0.")
    for path, endings in names:
        if path is not None and path.suffix.lower() not in endings:
            raise WorkspaceError(f"--out: got '{path.name}', expected a name ending in {' or '.join(endings)}.")
        if path is not None and not path.resolve().parent.is_dir():
            raise WorkspaceError(
                f"--out: got '{path}', whose folder is not there, expected one that is. Make it first."
            )


def _field_of(layer: str, field: str) -> Field:
    catalogue = read_catalogue()
    if layer not in catalogue.layers:
        raise WorkspaceError(f"surface: got '{layer}', expected a layer of layers/. {nearest(layer, catalogue.layers)}")
    spec = catalogue.layers[layer]
    numbers = [f.id for f in spec.fields.values() if f.type in ("number", "integer")]
    if spec.geometry != "point":
        raise WorkspaceError(f"surface: got '{layer}' of {spec.geometry}s, expected a layer of points.")
    if field not in numbers:
        hint = nearest(field, numbers) or f"There are: {', '.join(numbers) or 'none'}."
        raise WorkspaceError(f"surface: got field '{field}', expected a field of numbers of '{layer}'. {hint}")
    return spec.fields[field]


def _read(store: Path, layer: str, columns: list[str]) -> tuple[Path, gpd.GeoDataFrame]:
    import geopandas as gpd  # noqa: PLC0415

    path = current_file(store, layer)
    if path is None:
        there = [folder.name for folder in sorted(store.glob("*")) if current_file(store, folder.name)]
        hint = nearest(layer, there) or f"There are: {', '.join(there) or 'none'}. Run 'geosys run' first."
        raise WorkspaceError(f"surface: got '{layer}', expected a layer with a current version. {hint}")
    return path, gpd.read_parquet(path, columns=[KEY, *columns, "geometry"])


def _samples(store: Path, layer: str, field: Field) -> tuple[Path, Samples]:
    """Return the file of a layer's current version and its samples."""
    import numpy as np  # noqa: PLC0415
    import shapely  # noqa: PLC0415

    from geosys.geo.point_samples import samples_at  # noqa: PLC0415

    path, frame = _read(store, layer, [field.id])
    shapes = frame.geometry.to_numpy()
    xy = np.column_stack([shapely.get_x(shapes), shapely.get_y(shapes)])
    values = frame[field.id].to_numpy(dtype="float64", na_value=float("nan"))
    return path, samples_at(xy, values, frame.crs.to_string(), field.unit or "")


def _polygons(store: Path, layer: str, crs: str) -> gpd.GeoDataFrame:
    _, frame = _read(store, layer, [])
    wrong = sorted(set(frame.geom_type.dropna()) - {"Polygon", "MultiPolygon"})
    if wrong:
        raise WorkspaceError(f"--units: got '{layer}' with {', '.join(wrong)}, expected a layer of polygons.")
    if frame.crs.to_string() != crs:
        raise CrsError(
            f"--units: got '{layer}' in {frame.crs.to_string()}, expected {crs} as the samples. Run 'geosys run' again."
        )
    return frame


def _write(
    out: Path,
    nc: Path | None,
    made: Surface,
    grid: Grid,
    field: Field,
    threshold: float | None,
    told: dict[str, Any],
    progress: Callable[[str, int, int], None],
) -> int:
    """Write the surface and return how many cells have a value."""
    import numpy as np  # noqa: PLC0415

    from geosys.geo.raster.writing import Band, write_cog, write_netcdf  # noqa: PLC0415
    from geosys.geo.surfaces import blocks_of  # noqa: PLC0415

    name, unit = re.sub(r"\W", "_", field.id, flags=re.ASCII), field.unit or "1"
    bands = [Band(name, unit, field.title.zh), Band(f"{name}_std", unit, f"{field.title.zh}（标准差）")]
    if threshold is not None:
        bands.append(Band(f"{name}_exceedance", "1", f"{field.title.zh}超过 {threshold:g} {field.unit or ''} 的概率"))
    count = 0

    def counted() -> Any:
        nonlocal count
        for row, column, block in blocks_of(made, grid, threshold, lambda done, total: progress(STAGE, done, total)):
            count += int(np.isfinite(block[0]).sum())
            yield row, column, block

    tags = {key: str(told[key]) for key in ("program", "method", "version", "formula")}
    write_cog(out, counted(), grid, tuple(bands), made.samples.crs, tags)
    if nc is not None:
        write_netcdf(nc, out, tags)
        told["nc"] = str(nc.resolve())
    return count


def _write_units(
    table: Path,
    out: Path,
    frame: gpd.GeoDataFrame,
    unit: str,
    threshold: float | None,
    progress: Callable[[str, int, int], None],
) -> dict[str, Any]:
    """Write the statistics of polygons; return where they are and how many polygons have none."""
    from geosys.geo.zonal import zonal  # noqa: PLC0415

    found: pd.DataFrame = zonal(
        out, frame.geometry.to_numpy(), frame.crs.to_wkt(), threshold=threshold, unit=unit,
        progress=lambda done, total: progress(ZONES, done, total),
    )  # fmt: skip
    found.insert(0, KEY, frame[KEY].to_numpy())
    if threshold is None:
        found = found.drop(columns="share_above")
    write_table(table, found)
    return {"table": str(table.resolve()), "units": len(found), "units_without_value": int(found["mean"].isna().sum())}
