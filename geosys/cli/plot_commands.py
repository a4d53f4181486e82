"""The commands of the plots: lists with their deadlines, what a plot needs next, and its risk in the plan's words."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

import geosys
from geosys._errors import WorkspaceError
from geosys._faults import nearest
from geosys.cli.options import JsonOption, TodayOption, WorkspaceOption, day_named, workspace_at
from geosys.cli.terminal import print_content, print_table
from geosys.layers.spec import read_catalogue
from geosys.layers.store import write_json, write_table

if TYPE_CHECKING:
    import datetime as dt

    import pandas as pd

    from geosys._schema import UsableLayer
    from geosys.cases.plot_life import PlotLife
    from geosys.layers.spec import Catalogue
    from geosys.plots.lists import PlotBook
    from geosys.workspace import Workspace

app = typer.Typer(
    no_args_is_help=True, rich_markup_mode=None, help="地块名录、期限和风险 Plot lists, deadlines, risk.\n\nExample: geosys plots list"
)  # fmt: skip
FORMATS = (".xlsx", ".csv")
PROBLEMS = 1
RISK_SHOWN = (
    "risk_zh",
    "at_least",
    "at_most",
    "plot_code",
    "plot_name",
    "why_zh",
    "missing_zh",
    "receptors",
    "pollutants",
)
OutOption = Annotated[Path | None, typer.Option("--out", help="输出 Where the table goes: .xlsx or .csv.")]


@dataclass(frozen=True, slots=True)
class _Scene:
    """Hold what every command reads first."""

    plan: Workspace
    catalogue: Catalogue
    life: PlotLife
    layers: dict[str, UsableLayer]
    book: PlotBook
    today: dt.date


def _scene(workspace: Path | None, today: str | None) -> _Scene:
    from geosys.cases.plot_life_reading import read_plot_life  # noqa: PLC0415  loaded only where it is used
    from geosys.plots.lists import read_book, read_layers  # noqa: PLC0415
    from geosys.views import schemas_of  # noqa: PLC0415

    plan, catalogue = workspace_at(workspace), read_catalogue()
    life = read_plot_life(catalogue.root, schemas_of(catalogue))
    day = plan.as_of if plan.as_of is not None and today is None else day_named(today)
    layers = read_layers(plan.store, catalogue, [*(kept.layer for kept in life.lists.values()), life.place.layer])
    if not any(kept.layer in layers for kept in life.lists.values()):
        titles = "、".join(dict.fromkeys(catalogue.layers[kept.layer].title.zh for kept in life.lists.values()))
        raise WorkspaceError(
            f"plots: got no version of {titles}, expected at least one. Deliver a list and run 'geosys run'."
        )
    return _Scene(plan, catalogue, life, layers, read_book(layers, life, day), day)


@app.command(
    name="list",
    help="列出名录和期限 List the plots and their deadlines.\n\nExample: geosys plots list --level city --overdue --out plots.xlsx",
)
def plots_list(
    workspace: WorkspaceOption = None,
    level: Annotated[str | None, typer.Option(help="层级 county, city or province.")] = None,
    overdue: Annotated[
        bool, typer.Option("--overdue", help="只列逾期和预警 Only what is overdue or due soon.")
    ] = False,
    out: OutOption = None,
    today: TodayOption = None,
    as_json: JsonOption = False,
) -> None:
    """List the plots of all lists, or the deadlines that press; with completeness and contradictions."""
    from geosys.plots.tables import count_table, deadline_table, row_table  # noqa: PLC0415

    _check_out(out)
    scene = _scene(workspace, today)
    levels = scene.life.levels
    if level is not None and level not in levels:
        hint = nearest(level, levels)
        raise WorkspaceError(f"--level: got '{level}', expected one of {', '.join(levels)}. {hint}".rstrip())
    kept = {name for name, one in scene.life.lists.items() if level is None or one.level == level}
    book = _limited(scene.book, kept)
    rows = row_table(book, scene.layers, scene.life)
    due = deadline_table(book, scene.layers, scene.life, scene.today)
    pressing = due[due["state"].isin(("overdue", "due_soon"))]
    if overdue:
        keys = set(zip(pressing["list"], pressing["plot_code"], strict=True))
        rows = rows[[key in keys for key in zip(rows["list"], rows["plot_code"], strict=True)]]
        due = pressing
    counts = count_table(book, scene.layers, scene.life)
    tables = {"rows": rows, "deadlines": due, "contradictions": book.contradictions, "counts": counts}
    told = _told(scene) | {
        "lists": _plain(counts.drop(columns=["list_zh"])),
        "deadline_states": {str(k): int(v) for k, v in due["state"].value_counts().items()},
        "contradictions": len(book.contradictions),
    }
    if out is not None:
        _write(out, tables, "deadlines" if overdue else "rows", scene, told)
    if as_json:
        shown = {name: _plain(table) for name, table in tables.items() if name != "counts"}
        print_content(told | shown, as_json=True)
    else:
        _print_list(tables, overdue=overdue)
    if any(count.is_absent for count in book.counts) or len(book.contradictions):
        raise SystemExit(PROBLEMS)


def _print_list(tables: dict[str, pd.DataFrame], *, overdue: bool) -> None:
    if not overdue:
        columns = ("list_zh", "plot_code", "plot_name", "stage_zh", "dated_on", "complete", "missing_zh")
        print_table("名录 Lists", tables["rows"], {c: c for c in columns})
    pressing = (
        "state_zh",
        "overdue_days",
        "due_on",
        "deadline_zh",
        "plot_code",
        "plot_name",
        "missing_zh",
        "certainty",
    )
    if len(tables["deadlines"]):
        print_table("期限 Deadlines", tables["deadlines"], {c: c for c in pressing})
    if len(tables["contradictions"]):
        shown = ("title_zh", "first_list", "first_code", "second_list", "second_code")
        print_table("矛盾 Contradictions", tables["contradictions"], {c: c for c in shown})
    counted = ("list_zh", "rows", "withheld", "complete_rows", "mean", "gaps_zh")
    print_table("完整性 Completeness", tables["counts"], {c: c for c in counted})


@app.command(
    name="next",
    help="下一步要什么 What a plot needs next, and by when.\n\nExample: geosys plots next 410299Y0001 --history history.csv",
)
def plots_next(
    code: Annotated[str, typer.Argument(help="地块编码 The plot's code.")],
    workspace: WorkspaceOption = None,
    history: Annotated[
        Path | None, typer.Option(help="阶段台账 A CSV of dated stages: plot_code, stage, on (and source).")
    ] = None,
    today: TodayOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show one plot: its lists, its history judged, its deadlines, the steps that may follow and what they lack."""
    from geosys.plots.story import read_history, story_of  # noqa: PLC0415

    scene = _scene(workspace, today)
    codes = scene.book.rows["plot_code"].unique().tolist()
    if code not in codes:
        raise WorkspaceError(f"plot: got '{code}', expected a code of a plot list. {nearest(code, codes)}".rstrip())
    records = None if history is None else read_history(history, scene.life)
    story = story_of(scene.book, scene.layers, scene.life, code, scene.today, records)
    print_content(_told(scene) | story.content, as_json=as_json, text="\n".join(story.lines))


@app.command(
    name="risk",
    help="按方案原话判风险 The risk of plots in the plan's own words.\n\nExample: geosys plots risk --flow 135 --out risk.csv",
)
def plots_risk(
    workspace: WorkspaceOption = None,
    flow: Annotated[
        float | None,
        typer.Option(min=0, max=360, help="地下水流向 Degrees clockwise from north, where a plot has none."),
    ] = None,
    out: OutOption = None,
    today: TodayOption = None,
    as_json: JsonOption = False,
) -> None:
    """Judge every listed plot: high, medium, low, or cannot judge with the facts that are missing."""
    from geosys.cases.basis import cite  # noqa: PLC0415
    from geosys.cases.plot_risk import RISKS, read_plot_risk  # noqa: PLC0415
    from geosys.plots.lists import read_layers  # noqa: PLC0415
    from geosys.plots.receptors import layers_named  # noqa: PLC0415
    from geosys.plots.risks import plot_risks  # noqa: PLC0415
    from geosys.views import schemas_of  # noqa: PLC0415

    if out is not None and out.suffix.lower() != ".csv":
        raise WorkspaceError(f"--out: got '{out.name}', expected a name ending in .csv.")
    scene = _scene(workspace, today)
    content = read_plot_risk(scene.catalogue.root, schemas_of(scene.catalogue), scene.life.lists)
    around = read_layers(scene.plan.store, scene.catalogue, layers_named(content.receptors))
    scene = replace(scene, layers={**scene.layers, **around})
    found = plot_risks(scene.layers, content, scene.life, scene.book.rows, flow)
    order = [*reversed(RISKS), "cannot_judge"]
    found = found.assign(risk_zh=[content.risks[risk].zh for risk in found["risk"]])
    found = found.iloc[sorted(range(len(found)), key=lambda i: (order.index(found["risk"].iloc[i]), i))]
    basis = cite(content.cites, content.basis, scene.today)
    told = _told(scene) | {
        "risks": {risk: int((found["risk"] == risk).sum()) for risk in order}, "plots": len(found), "basis": basis.zh,
        "certainty": content.certainty, "flow_deg": flow,
        "receptor_layers": {name: name in scene.layers for name in layers_named(content.receptors)},
    }  # fmt: skip
    table = _flat(found)
    if out is not None:
        write_table(out, table)
        write_json(out.with_name(f"{out.name}.json"), told)
    if as_json:
        print_content(told | {"rows": _plain(found)}, as_json=True)
    else:
        print_table(f"风险（{basis.zh}；{content.certainty}）", table, {c: c for c in RISK_SHOWN})


def _limited(book: PlotBook, kept: set[str]) -> PlotBook:
    """Return the part of a book that some lists make."""
    due, clashes = book.deadlines, book.contradictions
    return replace(
        book,
        rows=book.rows[book.rows["list"].isin(kept)].reset_index(drop=True),
        deadlines=due[due["list"].isin(kept)] if len(due) else due,
        contradictions=clashes[clashes["first_list"].isin(kept) | clashes["second_list"].isin(kept)],
        counts=tuple(count for count in book.counts if count.list in kept),
    )


def _told(scene: _Scene) -> dict[str, Any]:
    """Return where an answer comes from."""
    return {
        "program": f"geosys {geosys.__version__}", "workspace": str(scene.plan.root), "today": scene.today.isoformat(),
        "versions": {name: layer.version for name, layer in scene.layers.items()},
        "absent_layers": sorted({k.layer for k in scene.life.lists.values()} - set(scene.layers)),
    }  # fmt: skip


def _check_out(out: Path | None) -> None:
    if out is not None and out.suffix.lower() not in FORMATS:
        raise WorkspaceError(f"--out: got '{out.name}', expected a name ending in {' or '.join(FORMATS)}.")


def _write(out: Path, tables: dict[str, pd.DataFrame], main: str, scene: _Scene, told: dict[str, Any]) -> None:
    """Write the workbook of all tables, or the main one as CSV with its provenance beside it."""
    from geosys.maps.frames import Meta, Provenance  # noqa: PLC0415
    from geosys.maps.plot_book import write_plot_book  # noqa: PLC0415

    if out.suffix.lower() == ".csv":
        write_table(out, _flat(tables[main]))
        write_json(out.with_name(f"{out.name}.json"), told)
        return
    layers = [Provenance(layer.schema.title, layer.version, "", len(layer.frame)) for layer in scene.layers.values()]
    program = f"GeoSys {geosys.__version__}"
    meta = Meta(scene.plan.title, scene.today, program, scene.plan.mark, layers=layers)
    write_plot_book(out, tables, meta)


def _flat(table: pd.DataFrame) -> pd.DataFrame:
    """Return a table whose tuples are texts."""
    return table.assign(**{
        c: table[c].map(lambda v: "；".join(map(str, v)) if isinstance(v, tuple) else v)
        for c in table.columns
        if table[c].dtype == object
    })  # fmt: skip


def _plain(table: pd.DataFrame) -> list[dict[str, Any]]:
    """Return rows for JSON: nothing for what is missing."""
    empty = table.astype(object).where(table.notna(), None)
    return [{str(k): v for k, v in row.items()} for row in empty.to_dict("records")]
