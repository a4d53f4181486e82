"""DuckDB with its spatial extension: a spatial join straight from the files.

The condition area > 0 stands outside: inside, the optimizer moves it into the join and cuts every pair twice.
"""

from __future__ import annotations

from pathlib import Path

import duckdb
import duckdb_extension_spatial
from work import orders

QUERY = """
SELECT r.id AS risk_id, c.BSM AS coverage_id, ST_Area(ST_Intersection(r.geometry, c.geometry)) AS area_m2
FROM read_parquet('{coverage}') c JOIN read_parquet('{risks}') r ON ST_Intersects(c.geometry, r.geometry)
"""


def main() -> None:
    work = orders()
    extension = next(Path(duckdb_extension_spatial.__file__).parent.rglob("spatial.duckdb_extension"))
    connection = duckdb.connect(config={"threads": work.threads})
    connection.execute(f"LOAD '{extension}'")
    for layer in work.layers:
        with work.timed(layer):
            query = QUERY.format(coverage=work.file("coverage"), risks=work.file(layer))
            connection.execute(f"CREATE TEMP TABLE pairs_{layer} AS {query}")
            pairs = connection.execute(f"SELECT * FROM pairs_{layer} WHERE area_m2 > 0").fetchnumpy()
            work.keep(layer, pairs["risk_id"], pairs["coverage_id"], pairs["area_m2"])
    work.report(duckdb.__version__)


if __name__ == "__main__":
    main()
