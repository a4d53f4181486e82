"""What a surface says of itself: where it comes from, how it was made, and what it is worth."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import geosys
from geosys.content import hash_file

if TYPE_CHECKING:
    from pathlib import Path

    from geosys.geo.cross_validation import CrossValidation
    from geosys.geo.raster.grid import Grid
    from geosys.geo.surfaces import Surface
    from geosys.layers.spec import Field


def told_of(
    made: Surface, check: CrossValidation, grid: Grid, field: Field, path: Path, threshold: float | None
) -> dict[str, Any]:
    """Return where the surface comes from, and what it is worth."""
    from geosys.geo.cross_validation import doubts_of  # noqa: PLC0415
    from geosys.geo.kriging import Kriging  # noqa: PLC0415
    from geosys.geo.surfaces import doubts_about, formula_of  # noqa: PLC0415

    samples = made.samples
    told: dict[str, Any] = {
        "program": f"geosys {geosys.__version__}", "field": field.id, "unit": field.unit or "1", "certainty": field.certainty,
        "crs": samples.crs, "version": path.stem, "layer_file_hash": hash_file(path),
        "method": made.method, "log": made.log, "formula": formula_of(made),
        "samples": {
            "given": samples.given, "places": len(samples.values), "without_value": samples.without_value,
            "without_place": samples.without_place, "merged": samples.merged, "withheld": _withheld(path),
        },
        "threshold": threshold, "reach_m": made.reach_m, "cell_m": grid.cell_m, "columns": grid.columns, "rows": grid.rows,
        "cross_validation": {
            "folds": len(set(check.folds.tolist())), "rmse": check.rmse, "mean_error": check.mean_error,
            "standardized_rms": check.standardized_rms,
        },
        "doubts": [{"zh": zh, "en": en} for zh, en in [*doubts_about(made), *doubts_of(check)]],
    }  # fmt: skip
    if isinstance(made.estimator, Kriging):
        fitted = made.estimator.variogram
        told["variogram"] = {
            "model": fitted.model, "nugget": fitted.nugget, "partial_sill": fitted.partial_sill, "range_m": fitted.range_m,
            "r2": fitted.r2, "lags_m": fitted.lags_m, "gammas": fitted.gammas, "pairs": fitted.pairs,
        }  # fmt: skip
    return told


def text_of(told: dict[str, Any]) -> str:
    """Return what people read."""
    samples, check, unit = told["samples"], told["cross_validation"], told["unit"]
    cells = told["columns"] * told["rows"]
    title = f"{told['field']}（{unit}） {told['method']}{'，对数 logarithms' if told['log'] else ''}，版本 version {told['version']}"
    counts = {
        "用于插值的点位 places": samples["places"], "缺值 without value": samples["without_value"],
        "无位置 without place": samples["without_place"], "同位合并 merged": samples["merged"], "扣留 withheld": samples["withheld"],
    }  # fmt: skip
    errors = {
        "RMSE": f"{check['rmse']:.4g} {unit}", "平均误差 mean error": f"{check['mean_error']:+.4g} {unit}",
        "误差/标准差 error over deviation": f"{check['standardized_rms']:.2f}",
    }  # fmt: skip
    lines = [
        title,
        f"样品 samples {samples['given']}: {_listed(counts)}",
        f"{check['folds']} 折交叉验证 cross-validation: {_listed(errors)}",
        f"像元 cells {cells}，有值 with value {told['cells_with_value']}",
        f"距样点 {told['reach_m']:.0f} m 以外或样点范围外不给值 no value farther from samples, nor outside their hull",
    ]
    if "variogram" in told:
        fitted = told["variogram"]
        parts = {
            "块金 nugget": f"{fitted['nugget']:.4g}", "偏基台 partial sill": f"{fitted['partial_sill']:.4g}",
            "变程 range": f"{fitted['range_m']:.0f} m", "R²": f"{fitted['r2']:.2f}",
        }  # fmt: skip
        lines.insert(2, f"变异函数 variogram: {fitted['model']}，{_listed(parts)}")
    lines += [f"注意 Note: {doubt['zh']} {doubt['en']}" for doubt in told["doubts"]]
    if "table" in told:
        lines.append(f"units: {told['units']}，无值 without value {told['units_without_value']}，{told['table']}")
    return "\n".join([*lines, *(f"{key}: {told[key]}" for key in ("out", "nc") if key in told)])


def _listed(parts: dict[str, Any]) -> str:
    return "，".join(f"{name} {value}" for name, value in parts.items())


def _withheld(path: Path) -> int:
    """Return how many rows of the version were withheld: none of them is in the surface."""
    from pyarrow import parquet as pq  # noqa: PLC0415

    withheld = path.with_name(f"{path.stem}.withheld.parquet")
    return int(pq.read_metadata(withheld).num_rows) if withheld.exists() else 0
