"""The command that lays layers over a coverage and writes the area common to every pair."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from geosys._errors import WorkspaceError
from geosys._faults import nearest
from geosys.cli.options import JsonOption, WorkspaceOption, workspace_at
from geosys.cli.terminal import print_content, show_progress
from geosys.layers.store import current_file, write_table

if TYPE_CHECKING:
    from collections.abc import Callable

    import pandas as pd

HELP = (
    "两两相交面积表 The area common to every pair of two layers' features, on the ellipsoid.\n\n"
    "Example: geosys overlay land_patch source_zone farmland_class --out pairs.csv"
)
FORMATS = (".csv", ".parquet")
KEY = "feature_id"
TRUE_AREA = "area_m2"


def overlay(
    coverage: Annotated[str, typer.Argument(help="底图图层 The layer laid under, best the largest.")],
    layers: Annotated[list[str], typer.Argument(help="叠加图层 The layers laid over it.")],
    out: Annotated[Path, typer.Option(help="输出 Where the pairs go: .csv or .parquet.")] = Path("overlay.csv"),
    cluster: Annotated[
        str | None,
        typer.Option(help="集群调度器地址 Compute on the Dask cluster of this scheduler, as tcp://host:8786."),
    ] = None,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write the area common to every pair of current layer versions of a workspace, planar and on the ellipsoid."""
    if out.suffix.lower() not in FORMATS:
        raise WorkspaceError(f"--out: got '{out.name}', expected a name ending in {' or '.join(FORMATS)}.")
    store = workspace_at(workspace).store
    files = {name: _file_of(store, name) for name in (coverage, *layers)}
    with show_progress() as progress:
        table = _engine(cluster)(
            files[coverage], {name: files[name] for name in layers}, coverage_id=KEY, risk_id=KEY, true_area=TRUE_AREA,
            progress=lambda done, total: progress("overlay", done, total),
        )  # fmt: skip
    write_table(out, table)
    versions, totals = {name: path.stem for name, path in files.items()}, _totals(table)
    lines = [f"{name}（{versions[name]}）: {area:.2f} m²" for name, area in totals.items()]
    lines += [f"pairs: {len(table)}", f"out: {out.resolve()}"]
    told = {"out": str(out.resolve()), "versions": versions, "pairs": len(table), "ellipsoidal_m2": totals}
    print_content(told, as_json=as_json, text="\n".join(lines))


def _engine(cluster: str | None) -> Callable[..., pd.DataFrame]:
    """Return the overlay of this machine, or that of a cluster; compiled code is loaded only where it is used."""
    if cluster is None:
        from geosys.geo.overlay import overlay_areas  # noqa: PLC0415

        return partial(overlay_areas, check=True)
    from geosys.geo.cluster import overlay_on_cluster  # noqa: PLC0415

    return partial(overlay_on_cluster, address=cluster)


def _file_of(store: Path, layer: str) -> Path:
    """Return the file of a layer's current version."""
    path = current_file(store, layer)
    if path is None:
        there = [folder.name for folder in sorted(store.glob("*")) if current_file(store, folder.name)]
        hint = nearest(layer, there) or f"There are: {', '.join(there) or 'none'}. Run 'geosys run' first."
        raise WorkspaceError(f"overlay: got '{layer}', expected a layer with a current version. {hint}")
    return path


def _totals(table: pd.DataFrame) -> dict[str, float]:
    return {
        str(name): float(area) for name, area in table.groupby("layer", observed=False)["ellipsoidal_m2"].sum().items()
    }
