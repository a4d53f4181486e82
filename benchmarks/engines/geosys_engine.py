"""Ours: one call of overlay_areas for the layers asked for. A call per layer would read the coverage once for each."""

from __future__ import annotations

from work import orders

import geosys
from geosys.geo.overlay import overlay_areas


def main() -> None:
    work = orders()
    risks = {layer: work.data / f"{layer}.parquet" for layer in work.layers}
    pairs = overlay_areas(work.data / "coverage.parquet", risks, coverage_id="BSM", risk_id="id", threads=work.threads)
    for layer, rows in pairs.groupby("layer", observed=True, sort=False):
        work.keep(str(layer), *(rows[name].to_numpy() for name in ("risk_id", "coverage_id", "area_m2")))
    work.report(getattr(geosys, "__version__", ""))


if __name__ == "__main__":
    main()
