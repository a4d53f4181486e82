"""The commands of progress: how the plans' targets stand by county and office, the month's ranking, and values entered by hand."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

import geosys
from geosys._errors import WorkspaceError
from geosys.cases.targets import COUNTY, COUNTY_FIELD
from geosys.cli.case_reading import agenda_at, clock_time, named, office_named, records
from geosys.cli.options import JsonOption, TodayOption, WorkspaceOption, day_named, workspace_at
from geosys.cli.terminal import print_content, print_rows, print_table
from geosys.rooms import read_content

if TYPE_CHECKING:
    import datetime as dt

    import pandas as pd

    from geosys.cases.case_view import Month
    from geosys.progress import ProgressBook, Ranked
    from geosys.rooms import Content
    from geosys.workspace import Workspace

app = typer.Typer(
    rich_markup_mode=None,
    help=(
        "方案目标进展 Progress against the plans.\n\n"
        "Example: geosys progress --plan kf_soil_2025 --county 410225\n\n"
        "Example: geosys progress --ranking --month 2026-10 --out 通报.xlsx"
    ),
)
ENTER_HELP = (
    "填报目标进展 Enter the value of a target that no layer computes.\n\n"
    "Example: geosys progress enter kf25_villages_renovated --on 2025-09-30 --value 40 --evidence 汴环〔2025〕9号 --by 张三"
)
FOLDER = "evidence"


@dataclass(frozen=True, slots=True)
class _Told:
    """Hold what the command found: tables of targets and offices, and the two rankings with theirs."""

    book: ProgressBook
    targets: pd.DataFrame
    offices: pd.DataFrame
    counties: Ranked
    by_office: Ranked
    places: pd.DataFrame
    office_places: pd.DataFrame


@app.callback(invoke_without_command=True)
def progress(
    context: typer.Context,
    plan: Annotated[str | None, typer.Option("--plan", help="只列某方案 Only of this plan, by id or title.")] = None,
    office: Annotated[
        str | None, typer.Option(help="只列某单位牵头或配合的 Only what this office leads or supports.")
    ] = None,
    county: Annotated[str | None, typer.Option(help="只列某县区 Only in this county, by code or name.")] = None,
    month: Annotated[str | None, typer.Option(help="月份 The month, as 2026-10 (default: that of today).")] = None,
    ranking: Annotated[bool, typer.Option("--ranking", help="月排名 Show the month's ranking of counties.")] = False,
    everything: Annotated[bool, typer.Option("--all", help="没有数据的也列出 Also targets without data.")] = False,
    out: Annotated[Path | None, typer.Option(help="输出 A workbook (.xlsx) of all tables.")] = None,
    today: TodayOption = None,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show how each target stands, computed or entered by hand, with who answers for it."""
    if context.invoked_subcommand is not None:
        return
    from geosys.cases.case_view import month_named  # noqa: PLC0415  heavy packages are loaded only where they are used

    if out is not None and out.suffix.lower() != ".xlsx":
        raise WorkspaceError(f"--out: got '{out.name}', expected a name ending in .xlsx.")
    room, content = workspace_at(workspace), read_content()
    day = day_named(today) if today else room.as_of or day_named(None)
    looked = month_named(month, day)
    told = _tell(room, content, day, looked, plan, office, county)
    if out is not None:
        _write(out, room, told, looked)
    if as_json:
        print_content(_as_json(told, looked), as_json=True)
        return
    if ranking:
        _show_ranking(told, looked)
    else:
        _show_targets(told, looked, everything=everything, in_county=county is not None)
    if out is not None:
        typer.echo(f"out: {out.resolve()}")


def _tell(
    room: Workspace, content: Content, today: dt.date, month: Month, plan: str | None, office: str | None, county: str | None
) -> _Told:  # fmt: skip
    from geosys import progress as engine  # noqa: PLC0415  heavy packages are loaded only where they are used
    from geosys.cases.progress import office_table, place_table, progress_table  # noqa: PLC0415
    from geosys.rate_layers import stored_layers  # noqa: PLC0415
    from geosys.rates import workspace_entries  # noqa: PLC0415
    from geosys.views import offices_of  # noqa: PLC0415

    catalogue = content.catalogue
    book = engine.read_progress_book(catalogue)
    offices, titles = offices_of(catalogue), catalogue.codes[COUNTY].titles
    plans = {target.plan.id: target.plan.title for target in book.rates.targets}
    chosen_plan = named("--plan", plan, plans, "a plan of cases/plans/plans.csv") if plan else ""
    chosen_office = office_named("--office", office, content) if office else ""
    code = named("--county", county, titles, "a county of layers/codes/county.csv") if county else ""
    cases, closed = _ledger(room, content, book, today, month)
    layers = [*(need for rate in book.rates.rates.values() for need in rate.needs), *cases["subject_layer"].unique()]
    views = stored_layers(
        room, catalogue, [name for name in dict.fromkeys(layers) if name in catalogue.layers], today
    ).views
    entries = workspace_entries(room, book.rates, today)
    counties = engine.counties_in(book, views, entries)
    rows = [
        row
        for row in engine.progress_of(book, views, entries, today, month.day, [code] if code else counties, room.root)
        if (not chosen_plan or row.standing.target.plan.id == chosen_plan)
        and (not chosen_office or row.duty.concerns(chosen_office))
        and (not code or row.county == code)
    ]
    layer = engine.case_layer(book, cases, engine.case_counties(book, cases, views), closed, month)
    ranked = engine.rank(book, layer, views, counties, today, month)
    by_office = engine.rank(book, layer, views, (), today, month, engine.OFFICE)
    return _Told(
        book, progress_table(rows, book.rates.targets, offices, titles), office_table(rows, offices), ranked, by_office,
        place_table(ranked.places, titles), place_table(by_office.places, offices),
    )  # fmt: skip


def _ledger(
    room: Workspace, content: Content, book: ProgressBook, today: dt.date, month: Month
) -> tuple[pd.DataFrame, dict[str, dt.date]]:  # fmt: skip
    """Return the cases as they stood on the month's day, with what is due, and the days they were closed on."""
    from geosys.cases.ledger.closings import closing_days  # noqa: PLC0415  heavy packages are loaded only where they are used
    from geosys.cases.ledger.database import read_ledger  # noqa: PLC0415

    past = month.day if month.day < today else None
    with read_ledger(room.ledger) as connection:
        closed = closing_days(connection, book.ranking.settled, past)
    return agenda_at(room, content, month.day, past), closed


def _write(out: Path, room: Workspace, told: _Told, month: Month) -> None:
    from geosys.maps.frames import Meta  # noqa: PLC0415  heavy packages are loaded only where they are used
    from geosys.progress_book import write_progress  # noqa: PLC0415

    meta = Meta(room.title, month.day, f"GeoSys {geosys.__version__}", room.mark)
    write_progress(
        out, meta, told.targets, told.offices, told.places, told.office_places, told.book.ranking, told.counties, f"{month.first:%Y-%m}"
    )  # fmt: skip


def _as_json(told: _Told, month: Month) -> dict[str, Any]:
    ranking = told.book.ranking
    return {
        "program": f"geosys {geosys.__version__}", "on": month.day, "month": f"{month.first:%Y-%m}",
        "targets": records(told.targets), "offices": records(told.offices),
        "ranking": {
            "formula_zh": ranking.formula.zh, "formula_en": ranking.formula.en, "certainty": ranking.certainty,
            "left_out": [one.rate.id for one in told.counties.left_out], "cases_without_county": told.counties.without_group,
            "counties": records(told.places), "offices": records(told.office_places),
        },
    }  # fmt: skip


def _show_targets(told: _Told, month: Month, *, everything: bool, in_county: bool) -> None:
    frame = told.targets
    shown = frame if everything else frame[frame["source"] != "none"]
    whole = shown if in_county else shown[shown[COUNTY_FIELD] == ""]
    rows = [
        {
            "目标 target": f"{row['indicator']}（{row['county_zh'] or row['area']}）", "要求 asked": f"{row['words']} {row['due_on'] or ''}",
            "现值 now": _value(row), "进度线 line": "" if row["expected"] is None else f"{row['expected']:.1f}",
            "状态 status": f"{row['status_zh']} {row['status_en']}", "方式 told": f"{row['source_zh']}（{row['way_zh']}）",
            "牵头 lead": row["lead"], "依据 clause": row["clause_zh"],
        }
        for row in records(whole)
    ]  # fmt: skip
    if rows:
        print_rows(f"方案目标 Targets（{month.day}）", rows, as_json=False)
    if len(told.offices) and not in_county:
        columns = ("office_zh", "names", "steps", "reached", "on_track", "at_risk", "late", "not_assessed")
        print_table("按单位 By office", told.offices, {name: name for name in columns})
    by_way = frame[frame[COUNTY_FIELD] == ""].drop_duplicates("target")["way"].value_counts()
    typer.echo(
        f"目标 targets {len(frame[frame[COUNTY_FIELD] == ''].drop_duplicates('target'))}：由图层计算 computed {by_way.get('computed', 0)}，"
        f"人工填报 by hand {by_way.get('by_hand', 0)}；本次列出 shown {len(rows)}。判定规则为本系统理解 Our reading (docs/progress.md)."
    )


def _value(row: dict[str, Any]) -> str:
    """Return the figure with its unit, rounded so that what falls short of all is not shown as all."""
    from geosys.cases.rate_tables import percent  # noqa: PLC0415  heavy packages are loaded only where they are used

    if row["lower"] is None:
        return "—"
    ends = [row["lower"]] if row["lower"] == row["upper"] else [row["lower"], row["upper"]]
    if row["unit"] == "%":
        return "–".join("∞" if end is None else percent(end / 100) for end in ends)
    return "–".join("∞" if end is None else f"{end:,.10g}" for end in ends) + f" {row['unit']}"


def _show_ranking(told: _Told, month: Month) -> None:
    for title, table, of_cases in (("县区 Counties", told.places, False), ("单位 Offices", told.office_places, True)):
        rows = [
            {
                "名次 place": row["place_zh"], "单位 who": row["group_zh"], "得分 score": "—" if row["score"] is None else f"{row['score']:.2f}",
                **{
                    one.rate.title.zh: _share(row, one.rate.id)
                    for one in told.book.ranking.indicators
                    if one.rate.id in row and (one.of_cases or not of_cases)
                },
                "可能名次 may be": "" if row["best"] is None else f"{row['best']}–{row['worst']}",
            }
            for row in records(table)
        ]  # fmt: skip
        if rows:
            print_rows(f"月排名 Ranking {month.first:%Y-%m}（{month.day}）{title}", rows, as_json=False)
    typer.echo(told.book.ranking.formula.both())
    if told.counties.left_out:
        names = "、".join(one.rate.title.both() for one in told.counties.left_out)
        typer.echo(f"未纳入（缺少图层，或图层不能说明该日情况） left out, for no layer tells: {names}")
    if told.counties.without_group:
        typer.echo(f"县区不明的事项 cases of no known county: {told.counties.without_group}（不参加排名 rank nobody）")


def _share(row: dict[str, Any], name: str) -> str:
    if row[name] is None:
        return str(row[f"{name}_zh"])
    unknown = f"，未知 {row[f'{name}_unknown']}" if row[f"{name}_unknown"] else ""
    return f"{row[name]:.1f} %（{row[f'{name}_zh']}{unknown}）"


@app.command(name="enter", help=ENTER_HELP)
def enter(
    target: Annotated[str, typer.Argument(help="目标编号 The target, as in cases/plans/targets.csv.")],
    on: Annotated[str, typer.Option("--on", help="数值所属日期 The day the value is of.")],
    evidence: Annotated[
        str, typer.Option(help="依据 What it rests on: a document's number and date, or a file of the workspace.")
    ],
    by: Annotated[str, typer.Option("--by", help="填报人 In whose name.")],
    value: Annotated[str | None, typer.Option(help="数值 The value, as 55 (per cent) or II类.")] = None,
    numerator: Annotated[str | None, typer.Option(help="分子 Of a share.")] = None,
    denominator: Annotated[str | None, typer.Option(help="分母 Of a share.")] = None,
    county: Annotated[str | None, typer.Option(help="县区 Of this county alone, by code or name.")] = None,
    replaces: Annotated[
        str | None, typer.Option(help="更正原因 Why it takes the place of the value of the same day.")
    ] = None,
    today: TodayOption = None,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Append one value to progress.csv with who entered it, when, and the hash of the file it rests on."""
    from geosys.cases.entering import enter as append  # noqa: PLC0415  heavy packages are loaded only where they are used
    from geosys.cases.entries import FILE  # noqa: PLC0415
    from geosys.rates import read_rate_book  # noqa: PLC0415

    room, content = workspace_at(workspace), read_content()
    if not by.strip():
        raise WorkspaceError("--by: got nothing, expected the name of who enters the value.")
    titles = content.catalogue.codes[COUNTY].titles
    file, digest = _evidence_file(room.root, evidence)
    row = {
        "target": target.strip(), "on": on, "value": value or _share_of(numerator, denominator), "evidence": evidence,
        COUNTY_FIELD: named("--county", county, titles, "a county of layers/codes/county.csv") if county else "",
        "numerator": numerator or "", "denominator": denominator or "", "by": by, "recorded_at": clock_time(), "file": file, "sha256": digest,
        "replaces": replaces or "",
    }  # fmt: skip
    entry = append(room.root / FILE, row, read_rate_book(content.catalogue).targets, day_named(today))
    told = {**row, "on": entry.on, "value": float(entry.value), "line": entry.line}
    text = f"{FILE} 第 {entry.line} 行 line: {entry.target} {entry.on} {float(entry.value):.10g}，依据 evidence: {entry.evidence}"
    print_content(told, as_json=as_json, text=text + (f"\n文件 file: {file} SHA-256 {digest}" if file else ""))


def _share_of(numerator: str | None, denominator: str | None) -> str:
    """Return the share that two numbers make, rounded for the table; an empty text where they make none."""
    from fractions import Fraction  # noqa: PLC0415

    try:
        share = Fraction(numerator or "") / Fraction(denominator or "") * 100
    except (ValueError, ZeroDivisionError):
        return ""
    return f"{float(share):.2f}%"


def _evidence_file(root: Path, evidence: str) -> tuple[str, str]:
    """Return the path below the workspace and the hash of the file that the evidence names; nothing where it names none.

    Raises
    ------
    WorkspaceError
        When the file lies outside the workspace, where it would not be found again.
    """
    from geosys.content import hash_file  # noqa: PLC0415

    for place in (Path(evidence), root / evidence):
        if place.is_file():
            if not place.resolve().is_relative_to(root.resolve()):
                raise WorkspaceError(
                    f"--evidence: got '{place}', expected a file of the workspace. Copy it into {FOLDER}/ first."
                )
            return place.resolve().relative_to(root.resolve()).as_posix(), hash_file(place)
    return "", ""
