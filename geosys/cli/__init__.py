"""The command line: every command takes --workspace and --json, and exits 0 done, 1 problems in the data, 2 wrong use or failure."""

from __future__ import annotations

import json
import shutil
import sys
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

import geosys
from geosys import sample
from geosys._errors import GeoSysError, WorkspaceError
from geosys.cases.deadlines import read_deadlines
from geosys.cases.examples import failing_examples
from geosys.cases.ledger.evidence_terms import read_evidence_terms
from geosys.cases.plot_life_reading import read_plot_life
from geosys.cases.plot_risk import read_plot_risk
from geosys.cases.rate_examples import failing_examples as failing_rates
from geosys.cases.workflow import read_workflow
from geosys.cases.working_days import read_calendar
from geosys.cli import (
    assess_command,
    case_commands,
    edits_command,
    grade_command,
    intake_commands,
    ledger_command,
    onemap_command,
    overlay_command,
    pack_command,
    package_papers_command,
    plot_command,
    plot_commands,
    progress_command,
    publish_command,
    rate_command,
    report_command,
    river_commands,
    safekeeping_command,
    serve_command,
    sheet_command,
    surface_command,
    tile_command,
    trace_command,
    twin_command,
    user_commands,
    watch_command,
)
from geosys.cli.case_reading import clock_time
from geosys.cli.options import JsonOption, TodayOption, WorkspaceOption, box_named, day_named
from geosys.cli.terminal import print_content, print_rows, show_progress
from geosys.land_watch.spec import read_watch
from geosys.layers.spec import read_catalogue
from geosys.maps.sheet_spec import load_sheets
from geosys.maps.spec import load_map
from geosys.maps.trace_page import DOWNSTREAM_MAP, UPSTREAM_MAP, load_trace_map
from geosys.one_map.spec import read_one_map
from geosys.packs.meeting import read_meetings
from geosys.plot_sheets.spec import read_sheet_spec
from geosys.publish.profiles import read_profiles
from geosys.rates import read_rate_book
from geosys.rooms import read_content
from geosys.run import run
from geosys.traces.spec import read_trace_spec
from geosys.traces.suspects import read_pollutant_sources
from geosys.twins.spec import load_twin
from geosys.views import schemas_of
from geosys.workspace import PLAN, find_workspace, init_workspace, read_workspace

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from geosys.results import RunResult
    from geosys.workspace import Workspace

OK, PROBLEMS, FAILURE = 0, 1, 2
DEMO_SHEET = "plots_risk"
app = typer.Typer(no_args_is_help=True, add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)
app.add_typer(case_commands.app, name="cases")


def main(arguments: Sequence[str] | None = None) -> None:
    """Run one command; an error of ours is one clear message and exit code 2, never a traceback."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(encoding="utf-8", errors="replace")
    try:
        _commands()(args=arguments, prog_name="geosys", standalone_mode=True)
    except GeoSysError as error:
        _fail(str(error))
    except (OSError, MemoryError) as error:
        _fail(f"{type(error).__name__}: {error}")


@cache
def _commands() -> Callable[..., Any]:
    """Return all commands, put together once for all calls of a process."""
    return typer.main.get_command(app)


def _fail(message: str) -> None:
    typer.echo(message, err=True)
    raise SystemExit(FAILURE)


def _report(result: RunResult, workspace: Workspace, *, as_json: bool, sheet: Path | None = None) -> None:
    """Print what a run found and where it is; exit 1 where data was withheld or the run was stopped."""
    severities = {str(k): int(v) for k, v in result.issues["severity"].value_counts().items()}
    outcomes: dict[str, int] = {}
    if result.outcomes is not None:
        outcomes = {o: int(result.outcomes[o].sum()) for o in ("hit", "needs_review", "near", "not_assessed", "clear")}
    order = [k for k in ("map", "findings", "issues", "overlay") if k in result.paths]
    content = {
        "workspace": str(workspace.root), "stopped": result.findings is None, "issues_by_severity": severities, "outcomes": outcomes,
        "overlay_changes": result.overlay_changes,
        **{k: str(p) for k, p in result.paths.items()}, **({"sheet": str(sheet)} if sheet else {}),
    }  # fmt: skip
    lines = [
        "数据问题 Issues: "
        + (
            ", ".join(f"{k} {severities[k]}" for k in ("critical", "error", "warning", "notice") if k in severities)
            or "0"
        ),
        "规则结果 Outcomes: " + (", ".join(f"{k} {v}" for k, v in outcomes.items()) or "—（已停止 stopped）"),
        f"workspace: {workspace.root}",
        *(f"{key}: {result.paths[key]}" for key in order),
        *([f"sheet: {sheet}"] if sheet else []),
    ]
    if result.findings is None:
        worst = result.issues[result.issues["severity"] == "critical"]
        lines = [f"{r.source_file}: {r.message_zh} {r.message_en}" for r in worst.itertuples()] + lines
    print_content(content, as_json=as_json, text="\n".join(lines))


@app.command(
    name="demo",
    help="在样例县上运行主要工作 Run the main job on the sample county.\n\nExample: geosys demo --workspace ./geosys-demo",
)
def demo(workspace: WorkspaceOption = None, as_json: JsonOption = False) -> None:
    """Draw the sample county and run the main job on it."""
    root = (workspace or Path("geosys-demo")).resolve()
    if root.exists() and any(root.iterdir()) and not (root / "truth").is_dir():
        raise WorkspaceError(
            f"{root}: got a folder with other files, expected an empty one or an earlier demo. Name another with --workspace."
        )
    content = read_content()
    with show_progress() as progress:
        if not (root / PLAN).exists():
            progress("sample", 0, 100)
            sample.draw_county(root, progress=lambda _, share: progress("sample", round(share * 100), 100))
        plan = read_workspace(root, content.catalogue)
        result = run(plan, content, day_named(None), progress, recorded_at=clock_time())
        progress(sheet_command.STAGE, 0, 1)
        sheet = sheet_command.write_default(plan, content.catalogue, DEMO_SHEET)
    _report(result, plan, as_json=as_json, sheet=sheet)


@app.command(
    name="run",
    help="接收、检查、判定、出成果 Take in, judge, write the outputs.\n\nExample: geosys run --workspace ./county --today 2026-09-30",
)
def run_command(
    workspace: WorkspaceOption = None,
    today: TodayOption = None,
    cluster: Annotated[
        str | None, typer.Option(help="集群调度器地址 Compute the overlay on the Dask cluster of this scheduler.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Run the main job of a workspace."""
    content = read_content()
    plan = read_workspace(find_workspace(workspace or Path.cwd()), content.catalogue)
    with show_progress() as progress:
        result = run(plan, content, day_named(today), progress, cluster, recorded_at=clock_time())
    _report(result, plan, as_json=as_json)
    raise SystemExit(PROBLEMS if result.has_problems else OK)


@app.command(
    name="init",
    help="新建工作区 Make a workspace.\n\nExample: geosys init --workspace ./county --title 某县 --crs EPSG:4547",
)
def init(
    workspace: WorkspaceOption = None,
    title: Annotated[str, typer.Option(help="名称 The county's name.")] = "工作区",
    crs: Annotated[str, typer.Option(help="米制坐标系 The CGCS2000 3-degree zone.")] = "EPSG:4547",
    region: Annotated[str | None, typer.Option(help="范围 West,south,east,north in degrees.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Make a workspace folder with an empty plan."""
    path = init_workspace((workspace or Path.cwd()).resolve(), title, crs, box_named(region))
    print_content(
        {"workspace": str(path.parent), "plan": str(path)},
        as_json=as_json,
        text=f"workspace: {path.parent}\nplan: {path}",
    )


@app.command(name="layers", help="列出图层 List the layers the content knows.\n\nExample: geosys layers --json")
def layers_command(workspace: WorkspaceOption = None, as_json: JsonOption = False) -> None:
    """List all layers; in a workspace, with their current version."""
    catalogue = read_catalogue()
    rows = [
        {
            "layer": s.id,
            "title": s.title.zh,
            "title_en": s.title.en,
            "geometry": s.geometry,
            "fields": len(s.fields),
            "disclosure": s.disclosure,
        }
        for s in catalogue.layers.values()
    ]
    if workspace is not None:
        store = find_workspace(workspace) / "store"
        for row in rows:
            current = store / str(row["layer"]) / "current.json"
            row["version"] = json.loads(current.read_text(encoding="utf-8"))["version"] if current.exists() else ""
    print_rows("图层 Layers", rows, as_json=as_json)


@app.command(
    name="rules",
    help="列出规则 List the rules with their threshold and basis.\n\nExample: geosys rules --today 2026-09-30",
)
def rules_command(workspace: WorkspaceOption = None, today: TodayOption = None, as_json: JsonOption = False) -> None:
    """List all rules as they stand on a day."""
    from geosys.cases.basis import cite  # noqa: PLC0415

    content = read_content()
    plan = read_workspace(find_workspace(workspace), content.catalogue) if workspace else None
    book, day = content.book, (plan.as_of if plan and plan.as_of and today is None else day_named(today))
    rows = [
        {
            "rule": r.id, "title": r.title.zh, "title_en": r.title.en, "relation": r.relation, "threshold": r.threshold, "severity": r.severity,
            "certainty": r.certainty, "in_force": r.in_force(day), "basis": cite(r.basis, book.basis, day).zh,
        }
        for r in book.rules.values()
    ]  # fmt: skip
    print_rows("规则 Rules", rows, as_json=as_json)


@app.command(
    name="content",
    help="检查全部内容 Check all content: specs, code lists, rules and their examples.\n\nExample: geosys content",
)
def content_command(workspace: WorkspaceOption = None, as_json: JsonOption = False) -> None:
    """Read all content, run every rule's examples, and say what is wrong."""
    _ = workspace
    content = read_content()
    root = content.catalogue.root
    read_workflow(root)
    read_deadlines(root, content.book)
    read_calendar(root)
    read_evidence_terms(root)
    schemas = schemas_of(content.catalogue)
    known = {name: set(schema.titles) for name, schema in schemas.items()}
    folder = content.catalogue.root / "maps"
    load_twin(folder, content.catalogue, load_map(folder, known))
    read_meetings(content)
    load_sheets(folder, known)
    for name in (UPSTREAM_MAP, DOWNSTREAM_MAP):
        load_trace_map(folder, name, known)
    read_trace_spec(content.catalogue.root, content.catalogue)
    read_pollutant_sources(
        content.catalogue.root, {name: codes.titles for name, codes in content.catalogue.codes.items()}
    )
    read_watch(content.catalogue)
    read_one_map(content.catalogue)
    read_sheet_spec(content.catalogue)
    read_profiles(root, content.catalogue)
    life = read_plot_life(content.catalogue.root, schemas)
    read_plot_risk(content.catalogue.root, schemas, life.lists)
    rates = read_rate_book(content.catalogue).rates
    wrong = failing_examples(content.book.rules, schemas) + failing_rates(rates, schemas)
    counts = {
        "layers": len(content.catalogue.layers),
        "code_lists": len(content.catalogue.codes),
        "rules": len(content.book.rules),
        "rates": len(rates),
        "faults": wrong,
    }
    told = (
        ("图层 layers", "layers"),
        ("代码表 code lists", "code_lists"),
        ("规则 rules", "rules"),
        ("比率 rates", "rates"),
    )
    summary = ", ".join(f"{title} {counts[key]}" for title, key in told)
    lines = [*wrong, f"{summary}, 错误 faults {len(wrong)}"]
    print_content(counts, as_json=as_json, text="\n".join(lines))
    raise SystemExit(FAILURE if wrong else OK)


@app.command(name="doctor", help="检查运行环境 Check this machine and installation.\n\nExample: geosys doctor")
def doctor(workspace: WorkspaceOption = None, as_json: JsonOption = False) -> None:
    """Print versions, free disk space and whether content and CRS data are complete."""
    import pyproj  # noqa: PLC0415
    import shapely  # noqa: PLC0415

    from geosys.web.pictures.routes import programs  # noqa: PLC0415

    catalogue = read_catalogue()
    facts = {
        "geosys": geosys.__version__,
        "python": sys.version.split()[0],
        "proj": pyproj.proj_version_str,
        "geos": shapely.geos_version_string,
        "content": str(catalogue.root),
        "layers": len(catalogue.layers),
        **{name: told or "— （服务的图片需要 pictures of services need it）" for name, told in programs().items()},
        "free_disk_gb": round(shutil.disk_usage(workspace or Path.cwd()).free / 1e9, 1),
    }
    print_content(facts, as_json=as_json, text="\n".join(f"{k}: {v}" for k, v in facts.items()))


app.command(name="inspect", help=intake_commands.INSPECT_HELP)(intake_commands.inspect)
app.command(name="add", help=intake_commands.ADD_HELP)(intake_commands.add)
app.command(name="answer", help=intake_commands.ANSWER_HELP)(intake_commands.answer)
app.command(name="undo", help=intake_commands.UNDO_HELP)(intake_commands.undo)
app.command(name="overlay", help=overlay_command.HELP)(overlay_command.overlay)
app.command(name="ledger", help=ledger_command.HELP)(ledger_command.ledger)
app.command(name="backup", help=safekeeping_command.BACKUP_HELP)(safekeeping_command.backup)
app.command(name="restore", help=safekeeping_command.RESTORE_HELP)(safekeeping_command.restore)
app.command(name="onemap", help=onemap_command.HELP)(onemap_command.onemap)
app.command(name="surface", help=surface_command.HELP)(surface_command.surface)
app.command(name="watch", help=watch_command.HELP)(watch_command.watch)
app.command(name="rates", help=rate_command.HELP)(rate_command.rates)
app.add_typer(grade_command.app, name="grade")
app.command(name="map", help=tile_command.HELP)(tile_command.map_of_layers)
app.command(name="sheet", help=sheet_command.SHEET_HELP)(sheet_command.sheet)
app.command(name="atlas", help=sheet_command.ATLAS_HELP)(sheet_command.atlas)
app.command(name="pack", help=pack_command.HELP)(pack_command.pack)
app.command(name="twin", help=twin_command.HELP)(twin_command.twin)
app.command(name="plot", help=plot_command.HELP)(plot_command.plot)
app.add_typer(plot_commands.app, name="plots")
app.add_typer(progress_command.app, name="progress")
app.add_typer(report_command.app, name="report")
app.add_typer(river_commands.app, name="rivers")
app.add_typer(trace_command.app, name="trace")
app.add_typer(assess_command.app, name="water")
app.add_typer(publish_command.app, name="publish")
app.command(name="verify", help=package_papers_command.VERIFY_HELP)(package_papers_command.verify)
app.command(name="serve", help=serve_command.HELP)(serve_command.serve)
app.add_typer(edits_command.app, name="edits")
app.add_typer(user_commands.app, name="users")
