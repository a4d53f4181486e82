"""SedonaDB: a spatial join straight from the files; area > 0 is asked for afterwards, as with DuckDB."""

from __future__ import annotations

from importlib.metadata import version

import pyarrow as pa
import pyarrow.compute as pc
import sedonadb
from work import orders

QUERY = """
SELECT r.id AS risk_id, c."BSM" AS coverage_id, ST_Area(ST_Intersection(r.geometry, c.geometry)) AS area_m2
FROM coverage c JOIN {risks} r ON ST_Intersects(c.geometry, r.geometry)
"""


def main() -> None:
    work = orders()
    session = sedonadb.connect()
    session.read_parquet(work.file("coverage")).to_view("coverage", overwrite=True)
    for layer in work.layers:
        with work.timed(layer):
            session.read_parquet(work.file(layer)).to_view(layer, overwrite=True)
            pairs = pa.table(session.sql(QUERY.format(risks=layer)))  # needs no geoarrow, unlike to_pandas
            pairs = pairs.filter(pc.greater(pairs["area_m2"], 0))
            work.keep(layer, *(pairs[name].to_numpy() for name in ("risk_id", "coverage_id", "area_m2")))
    work.report(version("sedonadb"))


if __name__ == "__main__":
    main()
