"""Dask-GeoPandas on a local cluster: one worker process per thread allowed, risk layers sent to each, joined by part.

All layers are done on a part while it is in memory, so a layer's wall time is its share of the workers' time.
"""

from __future__ import annotations

import time

import dask
import dask_geopandas
import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from dask.distributed import Client
from work import orders

ROW_GROUPS = 4


def lay_over(coverage: gpd.GeoDataFrame, layers: dict[str, gpd.GeoDataFrame]):
    """Return the pairs of one part of the coverage and the time of each layer."""
    found, times = [], {}
    west, south, east, north = coverage.total_bounds
    for layer, risks in layers.items():
        wall, cpu = time.perf_counter(), time.process_time()
        near = gpd.sjoin(risks.cx[west:east, south:north], coverage, predicate="intersects")
        other = coverage.geometry.loc[near["index_right"]].to_numpy()
        area = shapely.area(shapely.intersection(near.geometry.to_numpy(), other))
        columns = {"layer": layer, "risk_id": near["id"].to_numpy(), "coverage_id": near["BSM"].to_numpy()}
        found.append(pd.DataFrame({**columns, "area_m2": area})[area > 0])
        times[layer] = (time.perf_counter() - wall, time.process_time() - cpu)
    return pd.concat(found, ignore_index=True), times


def main() -> None:
    work = orders()
    client = Client(
        n_workers=work.threads, threads_per_worker=1, processes=True, dashboard_address=None, memory_limit=0
    )
    coverage = dask_geopandas.read_parquet(
        work.file("coverage"), columns=["BSM", "geometry"], split_row_groups=ROW_GROUPS
    )
    risks = {layer: gpd.read_parquet(work.file(layer), columns=["id", "geometry"]) for layer in work.layers}
    sent = client.scatter(risks, broadcast=True)
    parts = dask.compute(*[dask.delayed(lay_over)(part, sent) for part in coverage.to_delayed()])
    pairs = pd.concat([part for part, _ in parts], ignore_index=True)
    for layer in work.layers:
        rows = pairs[pairs["layer"] == layer]
        work.keep(layer, *(rows[name].to_numpy() for name in ("risk_id", "coverage_id", "area_m2")))
        wall, cpu = np.sum([times[layer] for _, times in parts], axis=0)
        work.steps[layer] = {"wall": float(wall) / work.threads, "cpu": float(cpu)}
    client.close()
    work.report(dask_geopandas.__version__)


if __name__ == "__main__":
    main()
