"""The command that writes the area ledger of a layer: what each feature consists of, and how that closes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

import geosys
from geosys._errors import WorkspaceError
from geosys.cli.options import JsonOption, WorkspaceOption, workspace_at
from geosys.cli.terminal import print_content, show_progress
from geosys.layers.store import write_json, write_table
from geosys.layers.stored_polygons import KEY, check_same_crs, read_polygons

if TYPE_CHECKING:
    import geopandas as gpd
    import pandas as pd

    from geosys.geo.area_ledger import AreaLedger
    from geosys.layers.stored_polygons import StoredPolygons

HELP = (
    "面积台账 What each feature consists of: areas under other layers, remainder, closing error.\n\n"
    "Example: geosys ledger contaminated_plot land_patch --by land_class_code --out ledger.csv"
)
FORMATS = (".csv", ".parquet")
JOINT = " + "
REMAINDER_LABEL = "其余 remainder"
NO_VALUE = "未填 missing"
MOST_SHOWN = 40  # combinations on the screen; all of them stand in the file
PROBLEMS = 1


def ledger(
    subject: Annotated[str, typer.Argument(help="对象图层 The layer whose features are accounted for.")],
    objects: Annotated[list[str], typer.Argument(help="叠加图层 The layers laid over it.")],
    by: Annotated[
        str | None, typer.Option(help="分类字段 The field of the one layer laid over that rows are grouped by.")
    ] = None,
    stated: Annotated[
        str | None, typer.Option(help="证载面积字段 The subject's field with its stated area in m², to adjust rows to.")
    ] = None,
    out: Annotated[Path, typer.Option(help="输出 Where the rows go: .csv or .parquet.")] = Path("ledger.csv"),
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write the area ledger of a layer's current version, with its provenance beside it."""
    import shapely  # noqa: PLC0415  heavy packages are loaded only where they are used

    from geosys.geo.area_ledger import adjust, area_ledger  # noqa: PLC0415

    if out.suffix.lower() not in FORMATS:
        raise WorkspaceError(f"--out: got '{out.name}', expected a name ending in {' or '.join(FORMATS)}.")
    if by is not None and len(objects) > 1:
        raise WorkspaceError(f"--by: got '{by}' with {len(objects)} layers, expected one. Write a ledger for each.")
    store = workspace_at(workspace).store
    plots = read_polygons(store, subject, [] if stated is None else [stated], None, "ledger")
    if not len(plots.frame):
        raise WorkspaceError(f"ledger: got '{subject}' without a feature, expected some. Deliver the layer first.")
    box = tuple(float(v) for v in plots.frame.total_bounds)
    laid = {
        name: read_polygons(store, name, [] if by is None else [by], box, "ledger") for name in dict.fromkeys(objects)
    }
    check_same_crs(plots.frame, {name: layer.frame for name, layer in laid.items()}, "ledger")
    ids, labels = _labels(laid, by)
    shapes = [shape for layer in laid.values() for shape in layer.frame.geometry]
    with show_progress() as progress:
        found = area_ledger(
            plots.frame.geometry.to_numpy(), shapely.force_2d(shapes), plots.frame.crs.to_wkt(), labels=labels,
            progress=lambda done, total: progress("ledger", done, total),
        )  # fmt: skip
    rows = found.rows if stated is None else adjust(found.rows, _numbers(plots.frame, stated, subject))
    table = _table(rows, found.closing, plots.frame[KEY].astype(str).tolist(), ids)
    told = _provenance({subject: plots, **laid}, found, table, by=by, stated=stated)
    write_table(out, table)
    write_json(out.with_name(f"{out.name}.json"), told)
    print_content({"out": str(out.resolve()), **told}, as_json=as_json, text=_text(told, out))
    if told["closing"]["not_closing"] or told["empty_layers"]:
        raise SystemExit(PROBLEMS)


def _labels(laid: dict[str, StoredPolygons], by: str | None) -> tuple[list[str], list[str]]:
    """Return the id of each object, and what it is called in combinations: class, layer, or its id."""
    ids = [str(value) for layer in laid.values() for value in layer.frame[KEY]]
    if by is not None:
        values = next(iter(laid.values())).frame[by]
        return ids, values.astype(object).where(values.notna(), NO_VALUE).astype(str).tolist()
    if len(laid) > 1:
        return ids, [name for name, layer in laid.items() for _ in range(len(layer.frame))]
    return ids, ids


def _numbers(frame: gpd.GeoDataFrame, field: str, layer: str) -> Any:
    """Return a field as numbers; NaN where it is empty."""
    if frame[field].dtype.kind not in "iuf":
        raise WorkspaceError(f"--stated: got '{field}' of '{layer}', expected a field of numbers in m².")
    return frame[field].to_numpy(dtype="float64", na_value=float("nan"))


def _table(rows: pd.DataFrame, closing: pd.DataFrame, subjects: list[str], objects: list[str]) -> pd.DataFrame:
    """Return the rows as they are written: ids for positions, and how each subject closes."""
    whole = closing.set_index("subject").loc[rows["subject"]].reset_index(drop=True)
    is_remainder = rows["combination"].map(len) == 0
    table = rows.drop(columns=["subject", "combination", "objects"])
    table.insert(0, "subject_id", [subjects[i] for i in rows["subject"]])
    table.insert(1, "combination", [JOINT.join(c) or REMAINDER_LABEL for c in rows["combination"]])
    table.insert(2, "remainder", is_remainder)
    table.insert(3, "object_ids", [JOINT.join(sorted(objects[k] for k in held)) for held in rows["objects"]])
    return table.assign(
        subject_area_m2=whole["area_m2"], closing_error_m2=whole["closing_error_m2"],
        edge_gap_m2=whole["edge_gap_m2"], sliver_m2=whole["sliver_m2"],
    )  # fmt: skip


def _provenance(
    layers: dict[str, StoredPolygons], found: AreaLedger, table: pd.DataFrame, *, by: str | None, stated: str | None
) -> dict[str, Any]:
    """Return where the rows come from, their totals, and how they close."""
    from geosys.geo.area_ledger import FORMULA  # noqa: PLC0415

    closing = found.closing
    open_ones = table["subject_id"].groupby(found.rows["subject"]).first()[~closing["closes"].to_numpy()]
    subject, *laid = layers
    return {
        "program": f"geosys {geosys.__version__}", "formula": FORMULA, "crs": layers[subject].frame.crs.to_string(),
        "subject": subject, "by": by, "stated": stated,
        "versions": {name: layer.version for name, layer in layers.items()},
        "withheld": {name: layer.withheld for name, layer in layers.items()},
        "empty_layers": [name for name in laid if not layers[name].size],
        "subjects": len(closing), "rows": len(table),
        "totals_m2": {str(k): float(v) for k, v in table.groupby("combination")["area_m2"].sum().items()},
        "closing": {
            "subject_area_m2": float(closing["area_m2"].sum()), "rows_m2": float(closing["rows_m2"].sum()),
            "largest_error_m2": float(closing["closing_error_m2"].abs().max()),
            "largest_edge_gap_m2": float(closing["edge_gap_m2"].abs().max()),
            "sliver_m2": float(closing["sliver_m2"].sum()), "not_closing": open_ones.tolist(),
        },
    }  # fmt: skip


def _text(told: dict[str, Any], out: Path) -> str:
    """Return what people read."""
    closing = told["closing"]
    lines = [f"{name}（{version}）" for name, version in told["versions"].items()]
    totals = told["totals_m2"]
    shown = totals if len(totals) <= MOST_SHOWN else {k: totals[k] for k in totals if k == REMAINDER_LABEL}
    lines += [f"{label}: {area:.2f} m²" for label, area in shown.items()]
    lines += [
        f"合计 sum: {closing['rows_m2']:.2f} m²，对象 subjects {told['subjects']}: {closing['subject_area_m2']:.2f} m²",
        f"闭合差 closing error: ≤ {closing['largest_error_m2']:.6f} m²",
    ]
    lines += [f"未闭合 does not close: {name}" for name in closing["not_closing"]]
    lines += [
        f"{name}: 扣留 withheld {count}；其面积不在表中 their area is in no row"
        for name, count in told["withheld"].items()
        if count
    ]
    lines += [f"{name}: 现行版本无要素 no feature in its version，未评估 not assessed" for name in told["empty_layers"]]
    return "\n".join([*lines, f"rows: {told['rows']}", f"out: {out.resolve()}"])
