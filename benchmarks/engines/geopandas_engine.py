"""GeoPandas: overlay(how="intersection"), the way its manual shows."""

from __future__ import annotations

import geopandas as gpd
from work import orders


def main() -> None:
    work = orders()
    coverage = gpd.read_parquet(work.file("coverage"), columns=["BSM", "geometry"])
    for layer in work.layers:
        with work.timed(layer):
            risks = gpd.read_parquet(work.file(layer), columns=["id", "geometry"])
            pieces = gpd.overlay(risks, coverage, how="intersection", keep_geom_type=True)
            work.keep(layer, pieces["id"].to_numpy(), pieces["BSM"].to_numpy(), pieces.area.to_numpy())
    work.report(gpd.__version__)


if __name__ == "__main__":
    main()
