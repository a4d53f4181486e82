"""The command that writes the one map of plots, units, zones and outfalls: what the land is there, and how it closes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

import geosys
from geosys._errors import WorkspaceError
from geosys.cli.options import JsonOption, TodayOption, WorkspaceOption, day_named, workspace_at
from geosys.cli.terminal import print_content, show_progress
from geosys.layers.spec import read_catalogue

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Mapping

    import pandas as pd

    from geosys.layers.spec import Catalogue
    from geosys.one_map.composition import OneMap
    from geosys.workspace import Workspace

HELP = (
    "一张图 What the land is under plots, units, zones and outfalls: classes, planned use, control lines, owner, township.\n\n"
    "Example: geosys onemap contaminated_plot --out 一张图.xlsx"
)
FORMATS = (".xlsx", ".csv", ".parquet")
PROBLEMS = 1
READINGS = {"sure": "确定", "needs_review": "需核查", "not_assessed": "未评估", "outside": "界外"}
STATES = {
    "assessed": "已评估 assessed",
    "partly": "部分 partly",
    "needs_review": "需核查 needs review",
    "not_assessed": "未评估 not assessed",
}
ADJUSTMENTS = {"adjusted": "已平差", "none_stated": "未填面积", "too_far": "偏差过大，未平差"}
MOST_NAMED = 5  # codes in one line of the screen; all stand in the file


def onemap(
    layers: Annotated[
        list[str] | None,
        typer.Argument(metavar="[LAYER]...", help="对象图层 Layers of plots, units, zones, points (default: all)."),
    ] = None,
    feature: Annotated[
        list[str] | None, typer.Option("--feature", help="对象编号 Only the feature of this code; may be repeated.")
    ] = None,
    out: Annotated[Path, typer.Option(help="输出 Where the tables go: .xlsx, .csv or .parquet (a file each).")] = Path(
        "onemap.xlsx"
    ),
    workspace: WorkspaceOption = None,
    today: TodayOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write the one map of a workspace's current versions, with its provenance."""
    from geosys.one_map.stored import provenance_of, stored_one_maps  # noqa: PLC0415  heavy packages are loaded only where used

    if out.suffix.lower() not in FORMATS:
        raise WorkspaceError(f"--out: got '{out.name}', expected a name ending in {', '.join(FORMATS)}.")
    plan, catalogue = workspace_at(workspace), read_catalogue()
    with show_progress() as progress:
        found = stored_one_maps(plan, catalogue, layers or (), feature, progress)
    if not found:
        raise WorkspaceError(
            "onemap: got a workspace without plots, units, zones or outfalls, expected some. Run 'geosys run' first."
        )
    told = {name: provenance_of(one, f"geosys {geosys.__version__}") for name, one in found.items()}
    written = _write(found, plan, catalogue, out, told, day_named(today))
    content: dict[str, Any] = {"out": [str(path.resolve()) for path in written], "layers": told}
    if feature and as_json:
        content["entries"] = [_entry(one, code) for one in found.values() for code in one.features["feature_id"]]
    print_content(content, as_json=as_json, text=_text(found, told, written, detailed=bool(feature)))
    if any(one["not_assessed"] or one.get("closing", {}).get("not_closing") for one in told.values()):
        raise SystemExit(PROBLEMS)


def _entry(found: OneMap, code: str) -> dict[str, Any]:
    from dataclasses import asdict  # noqa: PLC0415

    return asdict(found.entry(code))


def _tables(found: Mapping[str, OneMap], catalogue: Catalogue) -> dict[str, pd.DataFrame]:
    """Return the tables of all layers one below the other, with the layer's title and each feature's name."""
    import pandas as pd  # noqa: PLC0415

    from geosys.maps.one_map_book import COMBINATIONS, FEATURES, PARTS  # noqa: PLC0415

    parts: dict[str, list[pd.DataFrame]] = {FEATURES: [], PARTS: [], COMBINATIONS: []}
    for name, one in found.items():
        names = one.features.set_index("feature_id")["name"]
        frames = {FEATURES: one.features.drop(columns="name"), PARTS: one.parts, COMBINATIONS: one.combinations}
        for key, frame in frames.items():
            table = frame.dropna(axis="columns", how="all")
            table.insert(0, "layer", name)
            table.insert(1, "layer_title", str(catalogue.layers[name].title))
            table.insert(3, "name", table["feature_id"].map(names))
            parts[key].append(table)
    tables = {key: pd.concat(frames, ignore_index=True) for key, frames in parts.items()}
    tables[PARTS] = tables[PARTS].assign(state_words=tables[PARTS]["state"].map(READINGS))
    return tables


def _write(
    found: Mapping[str, OneMap], plan: Workspace, catalogue: Catalogue, out: Path, told: Mapping[str, Any], day: dt.date
) -> list[Path]:
    """Write the tables and return the files."""
    from geosys.layers.store import write_json, write_table  # noqa: PLC0415
    from geosys.maps.frames import Meta  # noqa: PLC0415
    from geosys.maps.one_map_book import FEATURES, write_one_map  # noqa: PLC0415
    from geosys.one_map.results import STATE, titles_of  # noqa: PLC0415
    from geosys.one_map.spec import read_one_map  # noqa: PLC0415

    tables = _tables(found, catalogue)
    if out.suffix.lower() == ".xlsx":
        spec = read_one_map(catalogue)
        meta = Meta(plan.title, day, f"GeoSys {geosys.__version__}", plan.mark)
        themes = {theme.id: str(theme.title) for theme in spec.themes.values()}
        words = {name: state.partition(" ")[0] for name, state in STATES.items()} | ADJUSTMENTS
        spoken = [name for name in tables[FEATURES] if name.endswith(STATE) or name == "adjustment"]
        tables[FEATURES] = tables[FEATURES].assign(**{name: tables[FEATURES][name].map(words) for name in spoken})
        write_one_map(out, tables, themes, titles_of(spec), meta, _notes(told))
        return [out]
    paths = [
        out,
        out.with_name(f"{out.stem}.features{out.suffix}"),
        out.with_name(f"{out.stem}.combinations{out.suffix}"),
    ]
    features, parts, combinations = tables.values()
    for path, table in zip(paths, (parts, features, combinations), strict=True):
        write_table(path, table)
    write_json(out.with_name(f"{out.name}.json"), told)
    return [*paths, out.with_name(f"{out.name}.json")]


def _notes(told: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return the lines of the workbook's notes."""
    first = next(iter(told.values()))
    versions = {name: version for one in told.values() for name, version in one["versions"].items()}
    withheld = {name: count for one in told.values() for name, count in one["withheld"].items() if count}
    lines = [
        (
            "编码体系 Code systems",
            "三调与用地用海同一数字含义不同，编码均按所列体系理解 The same digits differ between systems; read each code in its own",
        ),
        (
            "对照 Counterparts",
            "按确定性列出，多个即须人工判定 With their certainty; several mean that a person must decide",
        ),
        (
            "平差 Adjustment",
            "填报与椭球面积之差超出图层允许时不平差 No adjustment where the stated area is too far off",
        ),
        ("图层版本 Layer versions", ", ".join(f"{name} {version}" for name, version in versions.items())),
        ("内容版本 Content", first["content"]),
        *(("扣留记录 Withheld rows", f"{name} {count}") for name, count in withheld.items()),
        *(("未评估 Not assessed", f"{why['zh']} {why['en']}") for why in first["not_assessed"].values()),
    ]
    formula = next((one["formula"] for one in told.values() if "formula" in one), None)
    return lines if formula is None else [*lines, ("面积算法 Formula", formula)]


def _text(found: Mapping[str, OneMap], told: Mapping[str, Any], written: list[Path], *, detailed: bool) -> str:
    """Return what people read."""
    lines: list[str] = []
    for name, one in told.items():
        lines.append(f"{name}（{one['versions'][name]}）: {one['features']}")
        closing = one.get("closing")
        if closing is not None:
            lines.append(f"  合计 sum: {closing['rows_m2']:.2f} m²，椭球面积 ellipsoidal {closing['area_m2']:.2f} m²")
            lines.append(f"  闭合差 closing error: ≤ {closing['largest_error_m2']:.6f} m²")
            lines += [f"  未闭合 does not close: {code}" for code in closing["not_closing"]]
            lines += [
                f"  填报面积偏差过大，未平差 stated area too far off: {_some(closing['not_adjusted'])}"
                for _ in closing["not_adjusted"][:1]
            ]
        lines += [f"  {layer}: 扣留 withheld {count}" for layer, count in one["withheld"].items() if count]
        titles = dict(zip(found[name].parts["theme"], found[name].parts["theme_title"], strict=True))
        for theme, states in one["states"].items():
            said = "，".join(f"{STATES[state]} {count}" for state, count in states.items())
            why = one["not_assessed"].get(theme)
            lines.append(f"  {titles.get(theme, theme)}: {said}" + (f"（{why['zh']} {why['en']}）" if why else ""))
        if detailed:
            lines += [_line(row) for row in found[name].parts.to_dict("records")]
    return "\n".join([*lines, *(f"out: {path.resolve()}" for path in written)])


def _line(row: Mapping[Any, Any]) -> str:
    """Return one part of a feature as a line."""
    area = "" if row["area_m2"] != row["area_m2"] else f" {row['area_m2']:.2f} m²（{row['share']:.2%}）"
    why = f"，{row['why_zh']}" if row["why_zh"] and row["why_zh"] != row["title"] else ""
    near = (
        f"，{row['margin_m']:.1f} m 内另有 near: {row['near'] or '界线 border'}"
        if row["margin_m"] == row["margin_m"]
        else ""
    )
    return f"  {row['feature_id']} {row['theme_title']}: {row['code']} {row['title']}{area}{why}{near}".rstrip()


def _some(codes: list[str]) -> str:
    more = len(codes) - MOST_NAMED
    return ", ".join(codes[:MOST_NAMED]) + (f" … +{more}" if more > 0 else "")
