"""Work out the example that every formula carries: the content's own test."""

from __future__ import annotations

import datetime as dt
from fractions import Fraction
from typing import TYPE_CHECKING

import geopandas as gpd
import pandas as pd
import shapely

from geosys._schema import UsableLayer
from geosys.cases.rate_results import DOUBTED, NUMERATOR, REST, rate_results

if TYPE_CHECKING:
    from collections.abc import Mapping

    from geosys._schema import LayerSchema
    from geosys.cases.rate_results import RateResult
    from geosys.cases.rates import Rate

CRS = "EPSG:4547"
DAY = dt.date(2026, 9, 30)


def example_result(rate: Rate, schemas: Mapping[str, LayerSchema]) -> RateResult:
    """Return what a formula makes of its own example."""
    schema = schemas[rate.layer]
    columns = {
        name: [row.get(name) for row in rate.example["rows"]] for name in (*schema.columns, "area_m2", "length_m")
    }
    frame = gpd.GeoDataFrame(
        pd.DataFrame(columns, dtype=object).assign(feature_id=[str(i) for i in range(len(rate.example["rows"]))]),
        geometry=[shapely.Point(500_000, 3_850_000)] * len(rate.example["rows"]), crs=CRS,
    )  # fmt: skip
    view = UsableLayer(schema, frame, frame.iloc[:0], "example")
    return rate_results(rate, {rate.layer: view}, rate.example.get("today", DAY))[0]


def failing_examples(rates: Mapping[str, Rate], schemas: Mapping[str, LayerSchema]) -> list[str]:
    """Return a line for each formula whose example comes out otherwise than it says."""
    lines = []
    for rate in rates.values():
        result = example_result(rate, schemas)
        got = (
            Fraction(result.amount(NUMERATOR)),
            Fraction(result.amount(NUMERATOR, REST)),
            Fraction(len(result.ids(DOUBTED))),
        )
        wanted = tuple(Fraction(rate.example.get(key, 0)) for key in ("numerator", "denominator", "unknown"))
        if got != wanted:
            told = ", ".join(f"{float(v):g}" for v in got)
            lines.append(
                f"cases/rates [{rate.id}.example]: got numerator, denominator, unknown {told}, expected {', '.join(f'{float(v):g}' for v in wanted)}."
            )
    return lines
