"""The command that loads layers, findings and cases into PostGIS: checked, swapped at once, the edition before kept."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

import geosys
from geosys._errors import WorkspaceError
from geosys.cli.case_reading import agenda_at, opened
from geosys.cli.options import JsonOption, TodayOption, WorkspaceOption, day_named
from geosys.cli.terminal import print_content, show_progress

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Sequence

    from geosys.publish.postgis.edition import Edition, Table
    from geosys.publish.postgis.publishing import Publication
    from geosys.rooms import Content
    from geosys.workspace import Workspace

HELP = (
    "入库 Load current versions, findings and cases into PostGIS: typed tables, comments, views, roles; the edition before is kept.\n\n"
    "Example: geosys publish postgis postgresql://platform@10.1.2.3/one_map --preview"
)
PROBLEMS = 1
KEEP = 2


def postgis(
    url: Annotated[
        str,
        typer.Argument(help="数据库 postgresql://USER@HOST/DATABASE; the password comes from .pgpass or PGPASSWORD."),
    ],
    layer: Annotated[
        list[str] | None,
        typer.Option(
            help="图层 Only these layers, findings or cases; views of others stay as they are (default: all)."
        ),
    ] = None,
    schema: Annotated[
        str, typer.Option(help="模式 The schema that the platform reads; roles begin with its name.")
    ] = "geosys",
    keep: Annotated[int, typer.Option(help="保留版本数 How many editions stay, the new one included.")] = KEEP,
    chinese: Annotated[
        bool, typer.Option("--chinese", help="中文视图 Also views with Chinese names, in the schema …_zh.")
    ] = False,
    preview: Annotated[
        bool, typer.Option("--preview", help="预览 Say what would be loaded, and change nothing.")
    ] = False,
    workspace: WorkspaceOption = None,
    today: TodayOption = None,
    as_json: JsonOption = False,
) -> None:
    """Publish the current layer versions, the findings of the last run and the cases to PostGIS."""
    from geosys.publish.postgis.connection import database_named  # noqa: PLC0415  heavy packages are loaded only where used
    from geosys.publish.postgis.publishing import preview as look  # noqa: PLC0415
    from geosys.publish.postgis.publishing import publish  # noqa: PLC0415

    database_named(url)
    plan, content = opened(workspace)
    edition = edition_of(plan, content, layer or (), schema, day_named(today))
    if preview:
        told = look(url, edition)
        print_content(told, as_json=as_json, text=_preview_text(told))
        return
    with show_progress() as progress:
        done = publish(url, edition, keep=keep, is_whole=not layer, with_chinese=chinese, progress=progress)
    print_content(_told(edition, done), as_json=as_json, text=_text(edition, done))
    if done.broken or done.flattened:
        raise SystemExit(PROBLEMS)


def edition_of(plan: Workspace, content: Content, wanted: Sequence[str], schema: str, day: dt.date) -> Edition:
    """Return what a workspace has to publish: its current layer versions, the findings of the last run, and its cases."""
    from geosys.content import hash_file  # noqa: PLC0415
    from geosys.publish.postgis.edition import Edition  # noqa: PLC0415
    from geosys.publish.postgis.layer_tables import layer_tables  # noqa: PLC0415

    records = _records(plan, content, wanted, day)
    names = [name for name in dict.fromkeys(wanted) if name not in {table.id for table in records}]
    tables = layer_tables(plan.store, content.catalogue, names) if names or not wanted else []
    manifest = plan.out / "manifest.json"
    run = hash_file(manifest)[:12] if manifest.exists() else ""
    return Edition(schema, day, [*tables, *records], content.catalogue.codes, f"GeoSys {geosys.__version__}", run)


def _records(plan: Workspace, content: Content, wanted: Sequence[str], day: dt.date) -> list[Table]:
    """Return the findings of the last run and the cases as they stand on a day, where there are any and they are wanted."""
    from geosys.publish.postgis.records import CASES, FINDINGS, cases_table, findings_table  # noqa: PLC0415
    from geosys.sheets.desk import read_results  # noqa: PLC0415

    tables = []
    results = read_results(plan) if not wanted or FINDINGS in wanted else None
    if results is not None:
        tables.append(findings_table(results.findings))
    has_ledger = not isinstance(plan.ledger, Path) or plan.ledger.exists()
    if has_ledger and (not wanted or CASES in wanted):
        tables.append(cases_table(agenda_at(plan, content, day), plan.crs))
    lacking = [name for name in (FINDINGS, CASES) if name in wanted and name not in {table.id for table in tables}]
    if lacking:
        raise WorkspaceError(f"--layer: got {', '.join(lacking)}, expected results of a run. Run 'geosys run' first.")
    return tables


def _told(edition: Edition, done: Publication) -> dict[str, Any]:
    """Return what was done, for machines."""
    return {
        "schema": done.schema, "is_loaded": done.is_loaded, "views": edition.schema,
        "tables": [
            {"table": t.id, "version": t.version, "is_public": t.is_public, **_measured(done, t.id)} for t in edition.tables
        ],
        "broken": [asdict(broken) for broken in done.broken], "flattened": done.flattened, "removed_views": done.removed_views,
        "dropped": done.dropped, "staying": done.staying, "seconds": {k: round(v, 3) for k, v in done.seconds.items()},
    }  # fmt: skip


def _measured(done: Publication, table: str) -> dict[str, Any]:
    found = done.measured.get(table)
    return {} if found is None else {"rows": found.rows, "vertices": found.vertices, "area_m2": found.area_m2}


def _text(edition: Edition, done: Publication) -> str:
    """Return what people read."""
    if not done.is_loaded:
        lines = [f"{done.schema}：已在库中，视图已指向 is there already; the views show it."]
    else:
        lines = [f"{done.schema}: {len(edition.tables)} 张表 tables"]
        for table in edition.tables:
            found = done.measured[table.id]
            area = f"，{found.area_m2:.2f} m²" if found.area_m2 is not None else ""
            public = "，公开 public" if table.is_public else ""
            lines.append(f"  {table.id} {table.title.zh}: {found.rows} 行 rows{area}{public}")
        lines.append("行数、顶点、面积与来源一致 rows, vertices and areas equal the source's")
    lines += [
        f"  {b.table}.{b.column}: {b.rows} 行不合 rows break '{b.rule}'（{', '.join(b.first)}）" for b in done.broken
    ]
    lines += [
        f"  {name}: 部分要素无高程，高程未入库 some rows have no heights; loaded without" for name in done.flattened
    ]
    lines += [f"视图已移除 view removed: {name}" for name in done.removed_views]
    lines += [f"旧版本已删除 old edition dropped: {name}" for name in done.dropped]
    lines += [f"旧版本保留 old edition stays: {name or '—'}（{why}）" for name, why in done.staying.items()]
    lines.append("用时 seconds: " + ", ".join(f"{part} {seconds:.1f}" for part, seconds in done.seconds.items()))
    return "\n".join(lines)


def _preview_text(told: dict[str, Any]) -> str:
    """Return what would be done, for people."""
    lines = [f"将入库 would load: {told['schema']}" + ("（已在库中 is there already）" if told["is_there"] else "")]
    for table in told["tables"]:
        public = f"，公开字段 public columns {len(table['public_columns'])}" if table["public_columns"] else ""
        lines.append(
            f"  {table['table']}: {table['rows']} 行 rows, {table['columns']} 列 columns，{table['disclosure']}{public}"
        )
    lines.append(f"库中版本 editions there: {', '.join(told['editions']) or '—'}")
    return "\n".join(lines)
