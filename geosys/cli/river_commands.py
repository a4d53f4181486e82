"""The commands about rivers: faults of their lines, who stands where on them, the sheet of decisions, corridors of sections."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from geosys._errors import WorkspaceError
from geosys._faults import nearest
from geosys.cli.options import JsonOption, TodayOption, WorkspaceOption, day_named, workspace_at
from geosys.cli.terminal import print_content, print_rows, print_table, show_progress
from geosys.layers.spec import read_catalogue

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd

    from geosys.layers.intake import Layer
    from geosys.layers.spec import Catalogue
    from geosys.rivers.networks import Rivers
    from geosys.workspace import Workspace

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    help="河网 Rivers: faults of lines, positions on them, corridors.\n\nExample: geosys rivers faults",
)
PROBLEMS = 1
FORMATS = (".gpkg", ".csv")
SIDES = {"left": "left", "左岸": "left", "左": "left", "right": "right", "右岸": "right", "右": "right"}
LayerOption = Annotated[str | None, typer.Option("--layer", help="图层 Only this layer.")]


@app.command(
    name="network",
    help="河网概况 Build the river networks and count what they hold.\n\nExample: geosys rivers network --out rivers.gpkg",
)
def network_command(
    out: Annotated[Path | None, typer.Option(help="输出 Write reaches, faults and positions as GeoPackage.")] = None,
    workspace: WorkspaceOption = None,
    today: TodayOption = None,
    as_json: JsonOption = False,
) -> None:
    """Count lines, reaches, faults and positions of each river layer; write them as a GeoPackage where asked."""
    from geosys.layers.vector_files import write_geopackage  # noqa: PLC0415  heavy packages are loaded only where they are used
    from geosys.rivers.networks import counts_of  # noqa: PLC0415
    from geosys.rivers.tables import network_tables  # noqa: PLC0415

    if out is not None and out.suffix.lower() != ".gpkg":
        raise WorkspaceError(f"--out: got '{out.name}', expected a name ending in .gpkg.")
    plan, _, rivers = _rivers(workspace)
    told: dict[str, Any] = counts_of(rivers)
    lines = [
        f"{name}: 河线 lines {one['lines']}, 河段 reaches {one['reaches']}, 流向不明 unsettled {one['unsettled_reaches']}, "
        f"问题 faults {one['faults']}"
        for name, one in told.items()
    ]
    if out is not None:
        write_geopackage(out, network_tables(rivers), (plan.as_of or day_named(today)).isoformat())
        lines.append(f"out: {out.resolve()}")
    print_content(told, as_json=as_json, text="\n".join(lines))


@app.command(
    name="faults",
    help="河线问题 List the faults of river lines, each with its place and what would mend it.\n\nExample: geosys rivers faults --status open",
)
def faults_command(
    kind: Annotated[str | None, typer.Option(help="问题种类 Only faults of this kind, as gap.")] = None,
    status: Annotated[str | None, typer.Option(help="状态 Only open, mended or decided ones.")] = None,
    layer: LayerOption = None,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """List faults with place, proposed mend, and the line of the decision about it."""
    from geosys.geo.river_faults import DECIDED, KINDS, MENDED, OPEN  # noqa: PLC0415
    from geosys.rivers.tables import fault_rows  # noqa: PLC0415

    _one_of("--kind", kind, KINDS)
    _one_of("--status", status, (OPEN, MENDED, DECIDED))
    _, _, rivers = _rivers(workspace)
    _one_of("--layer", layer, rivers)
    rows: list[dict[str, Any]] = []
    for name, one in rivers.items():
        table = fault_rows(one.faults).assign(layer=name)
        keep = table["kind"].eq(kind or table["kind"]) & table["status"].eq(status or table["status"])
        rows += _plain(table[keep]) if layer in (None, name) else []
    if as_json:
        print_content(rows, as_json=True)
        return
    shown = [
        {
            "种类 Kind": row["kind"], "状态 Status": row["status"], "问题 Fault": f"{row['text_zh']}\n{row['text_en']}",
            "建议 Proposed": f"{row['mend_zh']}\n{row['proposal']}".strip(), "x": _whole(row["x"]), "y": _whole(row["y"]),
        }
        for row in rows
    ]  # fmt: skip
    _print(f"河线问题 Faults ({len(rows)})", shown)


@app.command(
    name="positions",
    help="所在河流 List where features stand on the rivers, with the other choices.\n\nExample: geosys rivers positions --doubtful",
)
def positions_command(
    layer: LayerOption = None,
    doubtful: Annotated[
        bool, typer.Option("--doubtful", help="只列存疑的 Only doubtful ones and those without a river.")
    ] = False,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """List positions with river wanted and chosen, distance, bank, kilometres above the river's end, and alternatives."""
    _, _, rivers = _rivers(workspace)
    _one_of("--layer", layer, [name for one in rivers.values() for name in one.waterway.stops])
    rows: list[dict[str, Any]] = []
    for one in rivers.values():
        table = one.positions
        table = table[table["layer"].eq(layer)] if layer else table
        rows += _plain(table[table["is_doubtful"].astype(bool) | table["line"].eq("")] if doubtful else table)
    if as_json:
        print_content(rows, as_json=True)
        return
    shown = [
        {
            "图层 Layer": row["layer"], "编号 Id": row["feature_id"], "名称 Name": row["name"], "填写 Stated": row["river_wanted"],
            "河流 River": f"{row['river_chosen']} {row['line']}".strip(), "距河 m": _whole(row["distance_m"]), "岸 Bank": row["bank"],
            "距河末 km": "" if row["km_above_end"] is None else f"{row['km_above_end']:.2f}", "存疑 Doubt": "?" if row["is_doubtful"] else "",
            "理由 Why": row["reason_zh"], "其他 Others": row["alternatives"],
        }
        for row in rows
    ]  # fmt: skip
    _print(f"所在河流 Positions ({len(rows)})", shown)


@app.command(
    name="decide",
    help="决定表 Write the open faults into the sheet of decisions; what is filled in stays.\n\nExample: geosys rivers decide",
)
def decide_command(workspace: WorkspaceOption = None, as_json: JsonOption = False) -> None:
    """Bring the sheet of decisions beside the plan up to date: decided rows stay as they are, each open fault has a row."""
    from geosys.layers.store import write_table  # noqa: PLC0415
    from geosys.rivers.files import merged_sheet, read_sheet  # noqa: PLC0415
    from geosys.rivers.tables import open_sheet  # noqa: PLC0415

    plan, _, rivers = _rivers(workspace)
    path = plan.rivers.sheet
    assert path is not None  # noqa: S101  every plan that is read has one
    table, counts = merged_sheet(open_sheet(rivers), read_sheet(path))
    write_table(path, table)
    lines = [
        f"已决定 decided {counts['decided']}, 待定 open {counts['open']}（新增 new {counts['new']}）, 已消失 gone {counts['gone']}",
        "在 decision 一列填写决定，可照抄 proposal；再运行 geosys run。 Fill in the column decision, then run 'geosys run'.",
        f"out: {path}",
    ]
    print_content({"out": str(path), **counts}, as_json=as_json, text="\n".join(lines))


@app.command(
    name="corridor",
    help="断面廊道 What lies along the river above and below sections.\n\n"
    "Example: geosys rivers corridor 沁河入黄 --up 5000 --down 500 --offset 500 --out corridor.gpkg",
)
def corridor_command(
    sections: Annotated[list[str], typer.Argument(help="断面 Sections by id or name.")],
    up: Annotated[float, typer.Option(help="上游 Metres up the river and all its tributaries.")] = 5000.0,
    down: Annotated[float, typer.Option(help="下游 Metres down the river.")] = 500.0,
    offset: Annotated[float, typer.Option(help="两岸 Metres on each side.")] = 500.0,
    side: Annotated[str | None, typer.Option(help="岸别 Only the left or right bank, looking downstream.")] = None,
    among: Annotated[
        list[str] | None,
        typer.Option("--with", help="查找的图层 The layers to look for (default: all that the plan delivers)."),
    ] = None,
    circle: Annotated[
        float | None, typer.Option(help="对照圆 Radius of the circle beside it (default: --offset).")
    ] = None,
    layer: Annotated[
        str | None, typer.Option("--layer", help="断面图层 The layer of the sections, where names are in several.")
    ] = None,
    out: Annotated[Path, typer.Option(help="输出 .gpkg: areas, marks, members; .csv: members.")] = Path(
        "corridor.gpkg"
    ),
    workspace: WorkspaceOption = None,
    today: TodayOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write the corridors of sections with distance marks, what lies in them, and what a circle would have found."""
    from geosys.layers.store import write_table  # noqa: PLC0415
    from geosys.layers.vector_files import write_geopackage  # noqa: PLC0415
    from geosys.rivers.corridors import Lengths, find_sections, section_corridors, told_of  # noqa: PLC0415

    if out.suffix.lower() not in FORMATS:
        raise WorkspaceError(f"--out: got '{out.name}', expected a name ending in {' or '.join(FORMATS)}.")
    if side is not None and side not in SIDES:
        raise WorkspaceError(f"--side: got '{side}', expected left (左岸) or right (右岸), looking downstream.")
    for name, metres in (("--up", up), ("--down", down), ("--offset", offset), ("--circle", circle or 0.0)):
        if not 0 <= metres < float("inf"):
            raise WorkspaceError(f"{name}: got {metres}, expected metres, 0 or more.")
    if offset == 0:
        raise WorkspaceError("--offset: got 0, expected metres above 0: a corridor has a width.")
    plan, catalogue, rivers = _rivers(workspace)
    stored = _stored(plan, catalogue, _corridor_layers(plan, catalogue, among))
    layers = _stored(plan, catalogue, [name for one in rivers.values() for name in one.waterway.stops]) | stored
    home, rows = find_sections(rivers, layers, sections, layer)
    lengths = Lengths(up, down, offset, SIDES[side] if side else None, circle)
    found = section_corridors(rivers, layers, home, rows, list(stored), lengths)
    if not len(found.areas):
        typer.echo("没有可画的廊道，未写出文件。 There is no corridor to draw: nothing was written.", err=True)
    elif out.suffix.lower() == ".gpkg":
        write_geopackage(out, found.tables, (plan.as_of or day_named(today)).isoformat())
    else:
        write_table(out, found.members.drop(columns="geometry"))
    print_content({"out": str(out.resolve()), **told_of(found)}, as_json=as_json) if as_json else _tell(found, out)
    if len(found.missing):
        raise SystemExit(PROBLEMS)


def _tell(found: Any, out: Path) -> None:
    """Show people the corridors, what lies in them, the circle beside, and what could not be told."""
    for row in found.areas.itertuples():
        doubt = "（所在河流存疑 doubtful river）" if row.is_doubtful else ""
        typer.echo(
            f"{row.section_name}：{row.river_name or '—'}{doubt}，上游 up {row.up_m:.0f} m，下游 down {row.down_m:.0f} m"
        )
    if len(found.members):
        columns = {"section_name": "断面 Section", "layer_title": "图层 Layer", "name": "名称 Name", "place_zh": "位置 Place",
                   "offset_m": "距河 m", "bank": "岸 Bank"}  # fmt: skip
        print_table("廊道内 In the corridor", found.members.round({"offset_m": 0}), columns)
    if len(found.counts):
        some = found.counts[(found.counts["in_corridor"] + found.counts["in_circle"]) > 0]
        print_table("与圆对照 Beside a circle", some, {"section": "断面", "layer": "图层", "in_corridor": "廊道内", "in_circle": "圆内",
                    "both": "两者", "false_hits": "圆误入 false", "misses": "圆漏掉 missed"})  # fmt: skip
    for row in found.missing.itertuples():
        typer.echo(f"{row.section}: {row.reason_zh} {row.reason_en}")
    if len(found.areas):
        typer.echo(f"out: {out.resolve()}")


def _corridor_layers(plan: Workspace, catalogue: Catalogue, among: list[str] | None) -> list[str]:
    """Return the layers to look for: those named, else all the plan delivers but rivers, divisions and tables without places."""
    for name in among or ():
        _one_of("--with", name, [n for n, spec in catalogue.layers.items() if spec.geometry != "none"])
    given = {delivery.layer for delivery in plan.deliveries}
    usual = [
        name for name in sorted(given)
        if (spec := catalogue.layers[name]).geometry != "none" and spec.network is None and not spec.divisions
    ]  # fmt: skip
    return list(dict.fromkeys(among)) if among else usual


def _rivers(folder: Path | None) -> tuple[Workspace, Catalogue, Mapping[str, Rivers]]:
    """Return the plan, the content, and the rivers of the layers as the last run took them in."""
    from geosys.rivers.networks import rivers_of  # noqa: PLC0415

    plan, catalogue = workspace_at(folder), read_catalogue()
    given = {delivery.layer for delivery in plan.deliveries}
    specs = catalogue.layers
    wanted = [name for name in specs if name in given and (specs[name].network or specs[name].on_river)]
    with show_progress() as progress:
        rivers = rivers_of(plan, _stored(plan, catalogue, wanted), catalogue, progress)
    if not rivers:
        names = ", ".join(name for name, spec in specs.items() if spec.network is not None)
        raise WorkspaceError(
            f"rivers: got a workspace without a river layer that can be used, expected one of {names}. Deliver it and run 'geosys run'."
        )
    return plan, catalogue, rivers


def _stored(plan: Workspace, catalogue: Catalogue, names: list[str]) -> dict[str, Layer]:
    """Return the current versions of layers, those that have one.

    Raises
    ------
    WorkspaceError
        When one was taken in under another layer spec than the content's.
    """
    from geosys.layers.store import read_current  # noqa: PLC0415

    layers = {}
    for name in dict.fromkeys(names):
        layer = read_current(plan.store, catalogue.layers[name])
        if layer is None:
            continue
        if layer.provenance.get("spec") != layer.spec.spec_hash:
            raise WorkspaceError(
                f"rivers: got '{name}' as taken in under another layers/{name}.toml, expected the present one. Run 'geosys run' first."
            )
        layers[name] = layer
    return layers


def _one_of(option: str, value: str | None, allowed: Any) -> None:
    if value is not None and value not in allowed:
        hint = nearest(value, allowed) or f"Known: {', '.join(allowed)}."
        raise WorkspaceError(f"{option}: got '{value}', expected another word. {hint}")


def _plain(table: pd.DataFrame) -> list[dict[str, Any]]:
    """Return rows with None for what is missing."""
    values = table.astype(object).where(table.notna(), None)
    return [{str(k): v for k, v in row.items()} for row in values.to_dict("records")]


def _whole(value: float | None) -> str:
    return "" if value is None else f"{value:.0f}"


def _print(title: str, rows: list[dict[str, Any]]) -> None:
    if rows:
        print_rows(title, rows, as_json=False)
    else:
        typer.echo(f"{title}: —")
