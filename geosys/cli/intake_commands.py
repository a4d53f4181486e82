"""The commands for deliveries: look at one, take it in, undo that."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from geosys._errors import WorkspaceError
from geosys._faults import nearest
from geosys.answers import NOBODY, write_answers
from geosys.cli.options import JsonOption, TodayOption, WorkspaceOption, box_named, day_named
from geosys.cli.terminal import print_content, print_table, show_progress
from geosys.geo.candidate_map import candidate_svg
from geosys.geo.crs import GEOGRAPHIC, check_metric, to_crs
from geosys.geo.interpretation_names import interpretation_named
from geosys.inbox import add_deliveries
from geosys.inspection import Inspection, TableReport, inspect_file
from geosys.journal import held, note_step, state_of, undo_last
from geosys.layers.mappings import read_mapping_file, remember
from geosys.layers.place import place_of
from geosys.layers.spec import read_catalogue
from geosys.layers.store import stored_key
from geosys.receive import receive
from geosys.workspace import MAPPINGS, find_workspace, read_workspace, write_text

if TYPE_CHECKING:
    import geopandas as gpd

    from geosys.geo.ranking import Ranking
    from geosys.layers.place import Place
    from geosys.layers.spec import Catalogue
    from geosys.receive import Received

OK, PROBLEMS = 0, 1
INSPECT_HELP = (
    "检查报送文件，不写任何东西 Say what a delivery is and what is wrong with it; nothing is written.\n\n"
    "Example: geosys inspect 排污口台账.xlsx 地块.zip"
)
ADD_HELP = "接收报送文件 Take deliveries in.\n\nExample: geosys add 排污口台账.xlsx --layer outfall --sender 祥符分局"
ANSWER_HELP = "给报送单位的修改清单 Write to each sender what to mend: fix list, report, scorecard.\n\nExample: geosys answer --sender 祥符分局"
UNDO_HELP = "撤销上一次接收 Undo the last 'geosys add'; no file is deleted.\n\nExample: geosys undo"

SHOWN = 12  # issues shown on the screen; all stand in the JSON and in the fix list

TableOption = Annotated[
    str | None, typer.Option(help="工作表或图层 Sheet or layer of the file; * joins sheets of one form.")
]
CrsOption = Annotated[str | None, typer.Option(help="坐标系 The CRS, where the file does not state it.")]
EncodingOption = Annotated[str | None, typer.Option(help="文字编码 The text encoding, where the bytes do not tell.")]
AsOption = Annotated[
    str | None,
    typer.Option(
        "--as",
        help="坐标读法，人工确认 How coordinates are to be read, confirmed: EPSG:4547, dms, gcj02, wgs84-swapped …",
    ),
]


def inspect(
    files: Annotated[list[Path], typer.Argument(help="文件、文件夹或压缩包 Files, folders or archives.")],
    layer: Annotated[str | None, typer.Option(help="图层 The layer it is meant for (default: the best fit).")] = None,
    table: TableOption = None,
    crs: CrsOption = None,
    encoding: EncodingOption = None,
    read_as: AsOption = None,
    region: Annotated[str | None, typer.Option(help="范围 west,south,east,north in degrees to check against.")] = None,
    candidates: Annotated[
        Path | None,
        typer.Option("--map", help="坐标候选图 Write a small map of how the coordinates may be read (.svg)."),
    ] = None,
    plane: Annotated[str, typer.Option(help="米制坐标系 The metric CRS to check in, with --region.")] = "EPSG:4547",
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Say what deliveries are and what is wrong with them; exit 1 where a row could not be used."""
    catalogue = read_catalogue()
    _check_layer(layer, catalogue)
    settings = _settings(crs=crs, encoding=encoding, read_as=read_as)
    place = _place(region, plane, workspace, catalogue)
    found = []
    with show_progress() as progress:
        for done, file in enumerate(files):
            progress("inspect", done, len(files))
            found.append(inspect_file(file, catalogue, layer=layer, table=table, place=place, settings=settings))
        progress("inspect", len(files), len(files))
    told = [_told(inspection) for inspection in found]
    if candidates is not None:
        _write_candidates(candidates, found, place)
    print_content(told, as_json=as_json, text="\n\n".join(_lines(inspection) for inspection in found))
    unusable = any(f.fault or any(t.fault or t.usable_rows < t.rows for t in f.tables) for f in found)
    raise SystemExit(PROBLEMS if unusable else OK)


def _write_candidates(path: Path, found: list[Inspection], place: Place | None) -> None:
    """Write the map of the first table whose coordinates had to be judged."""
    ranking = next((t.ranking for f in found for t in f.tables if t.ranking is not None), None)
    if ranking is None:
        raise WorkspaceError(
            "--map: got tables whose coordinates fit as stated, expected one to judge. Give --region to check against."
        )
    region = None if place is None else place.region_in_degrees()
    write_text(path, candidate_svg(ranking, region, "" if place is None else place.region_text))


def add(
    files: Annotated[
        list[Path],
        typer.Argument(help="文件 Files (a .gdb folder counts as one; a shapefile brings its parts)."),
    ],
    layer: Annotated[str, typer.Option(help="图层 The layer they hold; see 'geosys layers'.")],
    table: TableOption = None,
    sender: Annotated[str, typer.Option(help="报送单位 Who sent it; column mappings are remembered for him.")] = "",
    crs: CrsOption = None,
    encoding: EncodingOption = None,
    read_as: AsOption = None,
    replaces: Annotated[
        str | None,
        typer.Option(help="替换 The earlier delivery (file in the plan) that this mended one takes the place of."),
    ] = None,
    mapping: Annotated[
        Path | None, typer.Option(help='列对应表 A TOML file with [columns] "their column" = "our field".')
    ] = None,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Copy files into the inbox, enter them in the plan and take their layer in; exit 1 where rows were withheld."""
    catalogue = read_catalogue()
    _check_layer(layer, catalogue)
    root = find_workspace(workspace or Path.cwd())
    columns = read_mapping_file(mapping, catalogue.layers[layer]) if mapping else {}
    settings = _settings(
        table=table, sender=sender.strip(), crs=crs, encoding=encoding, read_as=read_as, columns=columns
    )
    with held(root):
        before = state_of(root, layer)
        key = stored_key(root / "store", layer)
        names = add_deliveries(root, files, layer, catalogue, settings, replaces)
        if columns and sender.strip():
            remember(root / MAPPINGS, sender, layer, columns)
        note_step(
            root, f"add {' '.join(names)} --layer {layer}", layer, before
        )  # before the long part: it may be broken off
        with show_progress() as progress:
            plan = read_workspace(root, catalogue)
            received = receive(plan, layer, catalogue, lambda done, total: progress("deliveries", done, total))
            progress("answers", 0, 1)
            whom = sender.strip() or NOBODY
            others = {d.layer for d in plan.deliveries if (d.sender or NOBODY) == whom} - {layer}
            all_his = {name: receive(plan, name, catalogue) for name in sorted(others)} | {layer: received}
            papers = write_answers(plan, catalogue, all_his, day_named(None), {layer: key}, whom)
            progress("answers", 1, 1)
    told = _summary(names, layer, received) | {"answers": [str(path) for path in papers]}
    lines = [_summary_lines(names, layer, received), *(f"answer: {path}" for path in papers)]
    print_content(told, as_json=as_json, text="\n".join(lines))
    if not as_json:
        _print_issues(received.issues)
    raise SystemExit(PROBLEMS if _has_problems(received) else OK)


def answer(
    sender: Annotated[str | None, typer.Option(help="报送单位 Only the papers of this sender.")] = None,
    today: TodayOption = None,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write for each sender the fix list and the report of all his deliveries, and the scorecard."""
    catalogue = read_catalogue()
    plan = read_workspace(find_workspace(workspace or Path.cwd()), catalogue)
    senders = {d.sender or NOBODY for d in plan.deliveries}
    if sender is not None and sender not in senders:
        raise WorkspaceError(
            f"--sender: got '{sender}', expected one of: {'、'.join(sorted(senders))}. {nearest(sender, senders)}".rstrip()
        )
    names = sorted({d.layer for d in plan.deliveries if sender in (None, d.sender or NOBODY)})
    received = {}
    with show_progress() as progress:
        for done, name in enumerate(names):
            progress("deliveries", done, len(names))
            received[name] = receive(plan, name, catalogue)
        progress("deliveries", len(names), len(names))
        progress("answers", 0, 1)
        papers = write_answers(plan, catalogue, received, plan.as_of or day_named(today), only=sender)
        progress("answers", 1, 1)
    print_content(
        {"answers": [str(p) for p in papers]}, as_json=as_json, text="\n".join(f"answer: {p}" for p in papers)
    )


def undo(workspace: WorkspaceOption = None, as_json: JsonOption = False) -> None:
    """Put the plan and the layer's current version back to what they were before the last 'geosys add'."""
    root = find_workspace(workspace or Path.cwd())
    with held(root):
        step = undo_last(root)
    told = {"undone": step.command, "layer": step.layer, "number": step.number}
    print_content(
        told,
        as_json=as_json,
        text=f"已撤销 undone: geosys {step.command}\n文件仍在 inbox 中 The files stay in the inbox.",
    )


def _check_layer(layer: str | None, catalogue: Catalogue) -> None:
    if layer is not None and layer not in catalogue.layers:
        hint = nearest(layer, catalogue.layers) or f"Known: {', '.join(catalogue.layers)}."
        raise WorkspaceError(f"--layer: got '{layer}', expected a layer of layers/. {hint}")


def _settings(**given: Any) -> dict[str, Any]:
    """Return the settings that were given; a reading that nobody knows is refused here."""
    if given.get("read_as"):
        interpretation_named(given["read_as"])
    return {key: value for key, value in given.items() if value not in (None, "", {})}


def _place(region: str | None, plane: str, workspace: Path | None, catalogue: Catalogue) -> Place | None:
    """Return what positions are checked against: a stated region, that of a named workspace, or nothing."""
    if region is not None:
        check_metric(plane, "inspect --plane")
        return place_of(plane, box_named(region))
    return None if workspace is None else read_workspace(find_workspace(workspace), catalogue).place


def _told(inspection: Inspection) -> dict[str, Any]:
    """Return an inspection as plain values for machines."""
    tables = []
    for table in inspection.tables:
        row = {
            name: getattr(table, name)
            for name in TableReport.__slots__
            if name not in ("issues", "proposals", "ranking")
        }
        row["proposals"] = [{n: getattr(p, n) for n in ("column", "field", "why", "score")} for p in table.proposals]
        row["readings"] = [] if table.ranking is None else _readings(table.ranking)
        row["issues"] = [] if table.issues is None else _issue_rows(table.issues)
        tables.append(row)
    return {
        "file": inspection.file, "sha256": inspection.sha256, "fault": inspection.fault, "hidden_tables": list(inspection.hidden),
        "tables": tables,
    }  # fmt: skip


def _readings(ranking: Ranking) -> list[dict[str, Any]]:
    """Return the best readings of the coordinates with why."""
    return [
        {"reading": s.interpretation.id, "inside": s.inside, "score": s.score, "zh": s.reason.zh, "en": s.reason.en}
        for s in ranking.standings[:5]
    ]


def _issue_rows(issues: gpd.GeoDataFrame) -> list[dict[str, Any]]:
    columns = [
        "issue_type",
        "severity",
        "source_row",
        "source_line",
        "field",
        "value",
        "before",
        "after",
        "message_zh",
        "message_en",
    ]
    frame = issues[columns].astype(object)
    rows: list[dict[str, Any]] = frame.where(frame.notna(), None).to_dict("records")
    places = to_crs(issues.geometry.envelope.centroid.to_numpy(), str(issues.crs), GEOGRAPHIC)
    for row, place in zip(rows, places, strict=True):
        row["place"] = None if place is None or place.is_empty else [round(place.x, 7), round(place.y, 7)]
    return rows


def _lines(inspection: Inspection) -> str:
    """Return an inspection in words."""
    if inspection.fault:
        return f"{inspection.file}: {inspection.fault}"
    lines = [f"{inspection.file}（sha256 {inspection.sha256[:12]}）"]
    if inspection.hidden:
        lines.append(f"  隐藏的工作表 hidden sheets: {', '.join(inspection.hidden)}")
    for table in inspection.tables:
        lines += [f"  {line}" for line in _table_lines(table)]
    return "\n".join(lines)


def _table_lines(table: TableReport) -> list[str]:
    if table.fault:
        return [f"{table.table}: {table.fault}"]
    fits = "、".join(f"{name} {count}" for name, count in list(table.fits.items())[:3]) or "—"
    lines = [
        f"{table.table} · {table.format} · {table.rows} 行 rows · {table.geometry or '无图形 no geometry'}",
        f"  坐标系 CRS: {table.crs[:100] or '未说明 not stated'} · 编码等 evidence: {table.evidence or '—'}",
    ]
    if table.extent:
        lines.append("  范围 extent: " + ", ".join(f"{v:.5f}" for v in table.extent))
    lines.append(f"  图层 layer: {table.layer or '—'}（匹配字段数 fields matched: {fits}）")
    if table.ranking is not None:
        lines += [f"  读法 reading {r['reading']}: {r['zh']} {r['en']}" for r in _readings(table.ranking)]
    if table.columns:
        lines.append("  列 columns: " + "；".join(f"{column}→{field}" for column, field in table.columns.items()))
    if table.unused:
        lines.append("  未用的列 unused: " + "、".join(table.unused[:20]))
    lines += [f"  建议 proposal: {p.column} → {p.field}（{p.why}）" for p in table.proposals[:5]]
    if table.issues is not None:
        lines.append(f"  可用 usable: {table.usable_rows} / {table.rows}")
        counts = table.issues.groupby(["severity", "issue_title_zh", "issue_title_en"], sort=False).size()
        lines += [f"  [{severity}] {zh} {en}: {count}" for (severity, zh, en), count in counts.items()]
        first = table.issues[table.issues["severity"].isin(["error", "critical"])].head(5)
        lines += [f"    {row.message_zh} {row.message_en}" for row in first.itertuples()]
    return lines


def _has_problems(received: Received) -> bool:
    return not received.is_usable or bool(received.issues["severity"].isin(["error", "critical"]).any())


def _summary(names: list[str], layer: str, received: Received) -> dict[str, Any]:
    provenance = received.provenance()
    severities = {str(k): int(v) for k, v in received.issues["severity"].value_counts().items()}
    return {
        "added": names, "layer": layer, "version": provenance.get("version", ""),
        "rows": provenance.get("rows", 0), "rows_withheld": provenance.get("rows_withheld", 0), "issues_by_severity": severities,
        "issues": _issue_rows(received.issues),
    }  # fmt: skip


def _summary_lines(names: list[str], layer: str, received: Received) -> str:
    told = _summary(names, layer, received)
    state = f"version {told['version']}" if told["version"] else "不可用 not usable"
    counts = ", ".join(f"{k} {v}" for k, v in told["issues_by_severity"].items()) or "0"
    return "\n".join([
        *(f"added: {name}" for name in names),
        f"{layer}: {state} · 可用 rows {told['rows']} · 扣下 withheld {told['rows_withheld']} · 问题 issues {counts}",
        "撤销 to undo: geosys undo",
    ])  # fmt: skip


def _print_issues(issues: gpd.GeoDataFrame) -> None:
    """Print the gravest issues as a table."""
    if issues.empty:
        return
    rank = {"critical": 0, "error": 1, "warning": 2, "notice": 3}
    worst = issues.assign(rank=issues["severity"].map(rank)).sort_values("rank", kind="stable").head(SHOWN)
    columns = {
        "severity": "级别",
        "source_file": "文件",
        "source_line": "行",
        "field_title": "字段",
        "message_zh": "问题",
        "advice_zh": "怎么改",
    }
    print_table(f"数据问题 Issues（{len(issues)}）", worst, columns)
