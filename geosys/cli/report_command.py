"""The commands that write reports in Word, and give their templates out for editing."""

from __future__ import annotations

import calendar
import datetime as dt
import re
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

import geosys
from geosys._errors import WorkspaceError
from geosys.cases.targets import COUNTY, COUNTY_FIELD
from geosys.cli.options import JsonOption, TodayOption, WorkspaceOption, day_named
from geosys.cli.terminal import print_content

if TYPE_CHECKING:
    from geosys.maps.palettes import Palettes
    from geosys.reports.situation import Names, Situation
    from geosys.rooms import Content
    from geosys.workspace import Workspace

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    help="报告 Reports in Word.\n\nExample: geosys report dispatch --month 2026-09 --out 通报.docx",
)
_MONTH = re.compile(r"\d{4}-(0[1-9]|1[0-2])")
OUTCOMES = "outcomes.csv"

MonthOption = Annotated[str | None, typer.Option(help="月份 The month, as 2026-09 (default: that of the day).")]
SinceOption = Annotated[
    str | None, typer.Option(help="上次会议日期 The day of the last meeting: changes are counted from its evening.")
]
OfficeOption = Annotated[str | None, typer.Option(help="单位 Only the cases of this office.")]
CountyOption = Annotated[str | None, typer.Option(help="县区 Only the cases of this county, by code or name.")]
TemplateOption = Annotated[
    Path | None, typer.Option(help="模板 A template edited by the office (default: the content's).")
]
OutOption = Annotated[Path | None, typer.Option(help="输出 The .docx to write.")]


@app.command(
    help="月度调度通报 The monthly dispatch note.\n\nExample: geosys report dispatch --month 2026-09 --out 通报.docx"
)
def dispatch(
    month: MonthOption = None, since: SinceOption = None, office: OfficeOption = None, county: CountyOption = None, out: OutOption = None,
    template: TemplateOption = None, today: TodayOption = None, workspace: WorkspaceOption = None, as_json: JsonOption = False,
) -> None:  # fmt: skip
    """Write the dispatch note of a month: from the evening before it to its last day, or to today while it goes on."""
    plan, content = _opened(workspace)
    start, day = _month(month, plan.as_of or day_named(today))
    start = _day(since, "--since") if since else start
    _report("dispatch", plan, content, start, day, office, county, out, template, as_json=as_json)


@app.command(help="会议简报 A brief for a meeting.\n\nExample: geosys report brief --since 2026-09-01 --out 简报.docx")
def brief(
    since: Annotated[str, typer.Option(help="上次会议日期 The day of the last meeting.")],
    office: OfficeOption = None, county: CountyOption = None, out: OutOption = None, template: TemplateOption = None,
    today: TodayOption = None, workspace: WorkspaceOption = None, as_json: JsonOption = False,
) -> None:  # fmt: skip
    """Write what changed since the last meeting, what is overdue and what is to be decided."""
    plan, content = _opened(workspace)
    _report(
        "brief",
        plan,
        content,
        _day(since, "--since"),
        plan.as_of or day_named(today),
        office,
        county,
        out,
        template,
        as_json=as_json,
    )


@app.command(
    help="待办清单 The to-do lists of the offices.\n\nExample: geosys report todo --office water --out 待办.docx"
)
def todo(
    office: OfficeOption = None, county: CountyOption = None,
    each: Annotated[Path | None, typer.Option(help="文件夹 A folder for one file for each office.")] = None,
    out: OutOption = None, template: TemplateOption = None, today: TodayOption = None, workspace: WorkspaceOption = None, as_json: JsonOption = False,
) -> None:  # fmt: skip
    """Write what waits for each office, person by person; of one office or of all, in one file or one for each."""
    plan, content = _opened(workspace)
    day = plan.as_of or day_named(today)
    _report(
        "todo",
        plan,
        content,
        day - dt.timedelta(days=1),
        day,
        office,
        county,
        out,
        template,
        each=each,
        as_json=as_json,
    )


@app.command(
    help="取出模板以便修改 Give a template out for editing.\n\nExample: geosys report template dispatch --out 我的模板.docx"
)
def template(
    name: Annotated[str, typer.Argument(help="dispatch, brief or todo.")],
    out: Annotated[Path, typer.Option(help="输出 The .docx to write.")],
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Copy the template of a report; edit it in Word and hand it back with --template."""
    from geosys.content import content_root  # noqa: PLC0415  heavy packages are loaded only where they are used
    from geosys.maps.word.spec import read_reports  # noqa: PLC0415

    _ = workspace  # accepted as everywhere: templates are of the program
    specs = read_reports(content_root()).reports
    if name not in specs:
        raise WorkspaceError(f"template: got '{name}', expected one of {', '.join(specs)}.")
    _check_out(out)
    if out.exists():
        raise WorkspaceError(
            f"--out: got '{out.name}', which is there already, expected a new name: a template edited by hand is not written over."
        )
    shutil.copyfile(specs[name].template, out)
    print_content({"out": str(out.resolve())}, as_json=as_json, text=f"out: {out.resolve()}")


def _opened(workspace: Path | None) -> tuple[Workspace, Content]:
    from geosys.cli.case_reading import opened  # noqa: PLC0415

    return opened(workspace)


def _check_out(out: Path) -> None:
    if out.suffix.lower() != ".docx":
        raise WorkspaceError(f"--out: got '{out.name}', expected a name ending in .docx.")


def _day(text: str, option: str) -> dt.date:
    try:
        return dt.date.fromisoformat(text)
    except ValueError:
        raise WorkspaceError(f"{option}: got {text!r}, expected a date as 2026-09-30.") from None


def _month(text: str | None, today: dt.date) -> tuple[dt.date, dt.date]:
    """Return the evening before a month and its last day, not after today."""
    if text is not None and not _MONTH.fullmatch(text):
        raise WorkspaceError(f"--month: got {text!r}, expected a month as 2026-09.")
    year, month = (int(part) for part in text.split("-")) if text else (today.year, today.month)
    first = dt.date(year, month, 1)
    if first > today:
        raise WorkspaceError(f"--month: got {text}, expected a month that has begun on {today}.")
    return first - dt.timedelta(days=1), min(today, dt.date(year, month, calendar.monthrange(year, month)[1]))


def _report(
    name: str, plan: Workspace, content: Content, since: dt.date, day: dt.date, office: str | None, county: str | None,
    out: Path | None, template: Path | None, *, each: Path | None = None, as_json: bool,
) -> None:  # fmt: skip
    """Gather what a report says and write it, or one for each office; print what its figures are."""
    from geosys.cases.ledger.database import read_ledger  # noqa: PLC0415
    from geosys.cli.case_reading import named, office_named, terms_of  # noqa: PLC0415
    from geosys.exchange.surroundings import counties_of  # noqa: PLC0415
    from geosys.reports.names import names_of  # noqa: PLC0415
    from geosys.reports.situation import situation  # noqa: PLC0415

    for path in [p for p in (out,) if p is not None]:
        _check_out(path)
    names, terms = names_of(content.catalogue, _palettes(content)), terms_of(content)
    chosen = office_named("--office", office, content) if office else None
    code = named("--county", county, names.counties, f"a code or name of the field {COUNTY_FIELD}") if county else None
    targets = _targets(plan, content, day) if name != "todo" else None
    with read_ledger(plan.ledger) as connection:
        found = situation(
            connection, since, day, terms, names, counties_of(connection, plan.store, COUNTY_FIELD),
            office=chosen if name != "todo" else None, county=code,
            not_assessed=_not_assessed(plan), **({"targets": targets} if targets else {}),
        )  # fmt: skip
    scope = " · ".join(
        [plan.title.zh, *([names.offices[chosen].zh] if chosen else []), *([names.counties[code].zh] if code else [])]
    )
    written = _write(name, plan, content, found, names, scope, out, template, each, chosen)
    _tell(found, names, chosen, name, written, as_json=as_json)


def _write(
    name: str, plan: Workspace, content: Content, found: Situation, names: Names, scope: str,
    out: Path | None, template: Path | None, each: Path | None, office: str | None,
) -> list[Path]:  # fmt: skip
    from geosys.cli.case_reading import terms_of  # noqa: PLC0415
    from geosys.maps.frames import Meta  # noqa: PLC0415
    from geosys.maps.word.spec import read_reports  # noqa: PLC0415
    from geosys.reports.pages import write_report  # noqa: PLC0415
    from geosys.reports.situation import todo_lists  # noqa: PLC0415

    root = content.catalogue.root
    meta = Meta(plan.title, found.day, f"GeoSys {geosys.__version__}", plan.mark)
    places: list[tuple[Path, str | None]] = [(out, office)] if out is not None else []
    if each is not None:
        each.mkdir(parents=True, exist_ok=True)
        places += [
            (each / f"待办_{title.zh}_{found.day}.docx", key) for key, title, _ in todo_lists(found, names, office)
        ]
    terms, book, palettes = terms_of(content), read_reports(root), _palettes(content)
    for path, who in places:
        told = (
            scope
            if who is None or who == office
            else f"{scope} · {names.offices[who].zh if who in names.offices else who}"
        )
        write_report(path, name, found, terms, names, book, palettes, meta, scope=told, template=template, office=who)
    return [path for path, _ in places]


def _palettes(content: Content) -> Palettes:
    from geosys._faults import Faults  # noqa: PLC0415
    from geosys.maps.palettes import load_palettes  # noqa: PLC0415

    faults = Faults()
    palettes = load_palettes(content.catalogue.root / "maps" / "palettes.toml", faults)
    faults.raise_if_any()
    assert palettes is not None  # noqa: S101  its faults have been raised
    return palettes


def _targets(plan: Workspace, content: Content, day: dt.date) -> Any:
    from geosys import rates as engine  # noqa: PLC0415
    from geosys.rate_layers import stored_layers  # noqa: PLC0415
    from geosys.reports.targets import targets_of  # noqa: PLC0415

    book = engine.read_rate_book(content.catalogue)
    stored = stored_layers(plan, content.catalogue, [name for rate in book.rates.values() for name in rate.needs], day)
    return targets_of(engine.standings_of(book, stored.views, engine.workspace_entries(plan, book, day), day))


def _not_assessed(plan: Workspace) -> dict[str, int] | None:
    """Return, by rule, of how many subjects the last run could say nothing; None where its table is not there."""
    import pandas as pd  # noqa: PLC0415

    path = plan.out / OUTCOMES
    if not path.is_file():
        return None
    rows = pd.read_csv(path, dtype=str, keep_default_na=False)
    counts = rows.loc[rows["outcome"] == "not_assessed", "rule"].value_counts()
    return {str(rule): int(count) for rule, count in counts.items()}


def _tell(found: Situation, names: Names, office: str | None, name: str, written: list[Path], *, as_json: bool) -> None:
    from geosys.reports.situation import counts_before, figures, groups, todo_lists  # noqa: PLC0415

    every = figures(found)
    content = {
        "report": name, "since": found.since, "day": found.day, "judged_on": found.judged_on, "out": [str(path.resolve()) for path in written],
        "figures": {key: {"count": len(ids), "cases": ids} for key, (_, ids) in every.items()}, "before": counts_before(found),
        "offices": [{"office": g["key"], "longest": g["longest"],
        **{k: len(ids) for k, ids in g["lists"].items()}} for g in groups(found, "office", names.offices)],
        "counties": [{COUNTY: g["key"], "longest": g["longest"],
        **{k: len(ids) for k, ids in g["lists"].items()}} for g in groups(found, COUNTY, names.counties)],
        "changes": {str(k): int(v) for k, v in found.changes["kind"].value_counts(sort=False).items()}, "not_assessed": found.not_assessed,
        "targets": [{k: v for k, v in row.items() if k not in ("rest", "unknown")} for row in found.targets.rows],
        "targets_unknown": found.targets.unknown,
        "todo": {key: dict(people) for key, _, people in todo_lists(found, names, office)},
    }  # fmt: skip
    lines = [f"{title.both()} {len(ids)}" for title, ids in every.values() if ids]
    print_content(
        content,
        as_json=as_json,
        text="\n".join([f"{found.since} → {found.day}", *lines, *(f"out: {path.resolve()}" for path in written)]),
    )
