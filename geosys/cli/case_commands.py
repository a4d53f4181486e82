"""The commands of the ledger that read: list, show, overdue, todo and verify; those that write are registered here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from geosys._errors import WorkspaceError
from geosys.cases import todo as todo_list
from geosys.cases.ledger.database import read_ledger
from geosys.cases.ledger.events import read_events, verify
from geosys.cases.ledger.evidence import expected_files, files_that_differ
from geosys.cases.ledger.evidence_store import EVIDENCE
from geosys.cases.workflow import all_states, life_cycle, read_workflow
from geosys.cli import case_moves, decision_commands, difference_command, evidence_command, exchange_command
from geosys.cli.case_reading import agenda_at, in_county, named, office_named, opened, records, titled
from geosys.cli.options import JsonOption, TodayOption, WorkspaceOption, day_named, workspace_at
from geosys.cli.terminal import print_content, print_table

if TYPE_CHECKING:
    import datetime as dt

    import pandas as pd

    from geosys.rooms import Content
    from geosys.workspace import Workspace

PROBLEMS = 1
_FEW = 5  # changes of one event that are told in full
app = typer.Typer(
    no_args_is_help=True, rich_markup_mode=None, help="整改台账 The ledger of cases.\n\nExample: geosys cases list"
)
AsOfOption = Annotated[str | None, typer.Option(help="某日的台账 The ledger as it stood on the evening of a past day.")]
OfficeOption = Annotated[str | None, typer.Option(help="只列某单位 Only of this office.")]
PersonOption = Annotated[str | None, typer.Option(help="只列某人 Only of this person.")]
RuleOption = Annotated[str | None, typer.Option(help="只列某规则 Only of this rule.")]
CountyOption = Annotated[str | None, typer.Option(help="只列某县区 Only in this county, by code or name.")]
_SHOWN = ("case_id", "rule", "subject_name", "status", "seen", "timing", "due_on", "days_left", "due_source", "office")


def _agenda(
    plan: Workspace, content: Content, today: str | None, as_of: str | None
) -> tuple[pd.DataFrame, dt.date]:  # fmt: skip
    past = day_named(as_of) if as_of else None
    day = past or (day_named(today) if today else plan.as_of or day_named(None))
    return agenda_at(plan, content, day, past), day


def _chosen(
    frame: pd.DataFrame, plan: Workspace, content: Content, rule: str | None, office: str | None, county: str | None, person: str | None
) -> pd.DataFrame:  # fmt: skip
    """Return the cases of a rule, an office (that leads), a county and a person, of those that are named."""
    if rule:
        titles = {name: r.title for name, r in content.book.rules.items()}
        frame = frame[
            frame["rule"] == (rule if rule in set(frame["rule"]) else named("--rule", rule, titles, "a rule"))
        ]
    if office:
        frame = frame[frame["office"] == office_named("--office", office, content)]
    if person:
        frame = frame[frame["person"].fillna("") == person.strip()]
    return in_county(frame, plan, content, county) if county else frame


def _print(title: str, frame: pd.DataFrame, content: Content, columns: tuple[str, ...], *, as_json: bool) -> None:
    if as_json:
        print_content(records(frame), as_json=True)
    else:
        print_table(title, titled(frame, content), {c: c for c in columns})
        if not frame["is_calendar_known"].all():
            typer.echo(
                "部分年份没有节假日安排，工作日只扣除周末 Years without a table of holidays: weekends only were left out."
            )


@app.command(
    name="list",
    help="列出整改事项 List the cases.\n\nExample: geosys cases list --state found --office water --overdue --json",
)
def cases_list(
    workspace: WorkspaceOption = None,
    state: Annotated[str | None, typer.Option("--state", "--status", help="只列某状态 Only in this state.")] = None,
    rule: RuleOption = None,
    office: OfficeOption = None,
    person: PersonOption = None,
    county: CountyOption = None,
    overdue: Annotated[bool, typer.Option("--overdue", help="只列逾期 Only what is overdue.")] = False,
    as_of: AsOfOption = None,
    today: TodayOption = None,
    as_json: JsonOption = False,
) -> None:
    """List cases with state, due date, where that comes from, and lead."""
    plan, content = opened(workspace)
    frame, day = _agenda(plan, content, today, as_of)
    frame = _chosen(frame, plan, content, rule, office, county, person)
    if state:
        titles = {name: s.title for name, s in all_states(read_workflow(content.catalogue.root)).items()}
        frame = frame[frame["status"] == named("--state", state, titles, "a state of cases/workflow.toml")]
    frame = todo_list.pressing(frame) if overdue else frame
    _print(f"整改事项 Cases {day}", frame, content, _SHOWN, as_json=as_json)


@app.command(
    name="overdue",
    help="逾期和临近到期的事项 What is overdue, and what soon will be.\n\nExample: geosys cases overdue --today 2026-09-30",
)
def cases_overdue(
    workspace: WorkspaceOption = None,
    warned: Annotated[bool, typer.Option("--warned", help="含预警 Also what is due soon.")] = False,
    office: OfficeOption = None,
    county: CountyOption = None,
    as_of: AsOfOption = None,
    today: TodayOption = None,
    as_json: JsonOption = False,
) -> None:
    """List what is overdue, the longest first, with the escalation that is proposed (people decide on it)."""
    plan, content = opened(workspace)
    frame, day = _agenda(plan, content, today, as_of)
    frame = _chosen(frame, plan, content, None, office, county, None)
    frame = todo_list.pressing(frame, ("overdue", "urgent", "soon") if warned else ("overdue",))
    columns = (
        "case_id",
        "subject_name",
        "status",
        "timing",
        "due_on",
        "days_left",
        "due_source",
        "due_clause_zh",
        "office",
        "proposed_move",
    )
    _print(f"逾期事项 Overdue {day}", frame, content, columns, as_json=as_json)


@app.command(
    name="todo",
    help="待办清单 What waits for an office or a person.\n\nExample: geosys cases todo --office water --today 2026-09-30",
)
def cases_todo(
    workspace: WorkspaceOption = None,
    office: OfficeOption = None,
    person: PersonOption = None,
    county: CountyOption = None,
    today: TodayOption = None,
    as_json: JsonOption = False,
) -> None:
    """List what waits for an office or a person, the most pressing first, with the moves that are allowed."""
    plan, content = opened(workspace)
    frame, day = _agenda(plan, content, today, None)
    frame = in_county(frame, plan, content, county) if county else frame
    frame = todo_list.todo(frame, office_named("--office", office, content) if office else None, person)
    columns = (
        "case_id",
        "subject_name",
        "status",
        "timing",
        "due_on",
        "days_left",
        "waits_for",
        "person",
        "next_moves",
        "proposed_why_zh",
    )
    _print(f"待办 To do {day}", frame, content, columns, as_json=as_json)


@app.command(
    name="show", help="查看事项的经过 Show a case with its history.\n\nExample: geosys cases show C0123456789ab"
)
def cases_show(
    case: Annotated[str, typer.Argument(help="事项编号 The case.")],
    workspace: WorkspaceOption = None,
    as_of: AsOfOption = None,
    today: TodayOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show one case, what may be done with it next, and everything that happened to it."""
    plan, content = opened(workspace)
    frame, day = _agenda(plan, content, today, as_of)
    rows = records(frame[frame["case_id"] == case])
    if not rows:
        raise WorkspaceError(f"case: got '{case}', expected a case of this ledger. See 'geosys cases list'.")
    with read_ledger(plan.ledger) as connection:
        events = read_events(connection, case)
    events = events[[on <= day for on in events["happened_on"]]] if as_of else events
    moves = _moves_told(rows[0], read_workflow(content.catalogue.root))
    if as_json:
        print_content({**rows[0], "moves": moves, "events": records(events)}, as_json=True)
        return
    told = {**rows[0], **records(titled(frame[frame["case_id"] == case], content))[0]}
    typer.echo("\n".join(f"{k}: {v}" for k, v in told.items() if v not in (None, "")))
    for move in moves:
        typer.echo(
            f"可流转 may {move['move']} {move['title_zh']}: {', '.join([*move['needs'], *move['papers']]) or '-'}"
        )
    columns = ("sequence", "happened_on", "actor", "kind", "move", "changes", "reason", "evidence", "second_person")
    print_table("经过 History", events.assign(changes=events["changes"].map(_changes_told)), {c: c for c in columns})


def _changes_told(changes: dict[str, tuple[Any, Any]]) -> str:
    """Return what an event changed, as before → after; what a new case begins with stands above."""
    told = [f"{name}: {was} → {now}" for name, (was, now) in changes.items() if was is not None]
    told += [f"{name}: {now}" for name, (was, now) in changes.items() if was is None and len(changes) <= _FEW]
    return "\n".join(told)


def _moves_told(row: dict[str, Any], workflow: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the moves that a case may make next with what each needs."""
    cycle = life_cycle(workflow, row["rule"], row["subject_layer"])
    asked = cycle.handlings.get(row["handling"] or "", {})
    return [
        {
            "move": name, "title_zh": cycle.moves[name].title.zh, "title_en": cycle.moves[name].title.en, "needs": list(cycle.moves[name].needs),
            "papers": [*cycle.moves[name].papers, *asked.get(name, ())], "confirmed_by": list(cycle.moves[name].confirmed_by),
        }
        for name in cycle.allowed(row["status"])
    ]  # fmt: skip


@app.command(
    name="verify",
    help="核验台账未被改动 Check that no event was removed or changed.\n\nExample: geosys cases verify --json",
)
def cases_verify(workspace: WorkspaceOption = None, as_json: JsonOption = False) -> None:
    """Check the chain of events and that every case is the sum of its own; exit 1 where something does not fit."""
    plan = workspace_at(workspace)
    with read_ledger(plan.ledger) as connection:
        breaks = verify(connection)
        events = len(read_events(connection))
        wanted, strayed = expected_files(connection)
    breaks += [*strayed, *files_that_differ(wanted, plan.root / EVIDENCE)]
    rows = [{"sequence": b.sequence, "case_id": b.case_id, "what_zh": b.what.zh, "what_en": b.what.en} for b in breaks]
    lines = [f"#{row['sequence']} {row['case_id']} {row['what_zh']} {row['what_en']}" for row in rows]
    lines.append(f"事件 events {events}，不符 breaks {len(rows)}")
    print_content({"events": events, "breaks": rows}, as_json=as_json, text="\n".join(lines))
    raise SystemExit(PROBLEMS if rows else 0)


app.command(name="move", help=case_moves.MOVE_HELP)(case_moves.move)
app.command(name="assign", help=case_moves.ASSIGN_HELP)(case_moves.assign)
app.command(name="extend", help=case_moves.EXTEND_HELP)(case_moves.extend)
app.command(name="person", help=case_moves.PERSON_HELP)(case_moves.person)
app.command(name="diff", help=difference_command.HELP)(difference_command.diff)
app.command(name="decide", help=decision_commands.DECIDE_HELP)(decision_commands.decide)
app.command(name="merge", help=decision_commands.MERGE_HELP)(decision_commands.merge)
app.command(name="split", help=decision_commands.SPLIT_HELP)(decision_commands.split)
app.command(name="export", help=exchange_command.EXPORT_HELP)(exchange_command.export)
app.command(name="import", help=exchange_command.IMPORT_HELP)(exchange_command.import_sheet)
app.command(name="adopt", help=exchange_command.ADOPT_HELP)(exchange_command.adopt)
app.command(name="attach", help=evidence_command.ATTACH_HELP)(evidence_command.attach)
app.command(name="files", help=evidence_command.FILES_HELP)(evidence_command.files)
app.command(name="hand-out", help=evidence_command.HAND_OUT_HELP)(evidence_command.give_out)
