"""The commands of the ledger that write: move, assign and extend cases, and enter people."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from geosys._errors import WorkspaceError
from geosys._text import Text
from geosys.cases.deadlines import read_deadlines
from geosys.cases.ledger.database import open_ledger
from geosys.cases.ledger.extensions import extend_case
from geosys.cases.ledger.moves import assign_cases, case_to_change, move_case
from geosys.cases.ledger.people import enter_person, read_people
from geosys.cases.workflow import read_workflow
from geosys.cli.case_reading import clock_time, due_named, named, office_named, opened, records
from geosys.cli.options import JsonOption, TodayOption, WorkspaceOption, day_named
from geosys.cli.terminal import print_content

if TYPE_CHECKING:
    import datetime as dt

    from geosys.workspace import Workspace

MOVE_HELP = "流转事项 Move a case.\n\nExample: geosys cases move C0123456789ab assign --by 张三 --lead ecology --due-on 2026-10-31"
ASSIGN_HELP = "交办或转办 Give cases to an office.\n\nExample: geosys cases assign C0123456789ab --by 张三 --lead water --due-in 15wd"
EXTEND_HELP = (
    "延期 Give a case more time.\n\n"
    "Example: geosys cases extend C0123456789ab --by 张三 --due-on 2026-11-15 --reason 汛期停工 --second-person 李四"
)
PERSON_HELP = "登记复核、审批人员 Enter a person who confirms.\n\nExample: geosys cases person 李四 --office ecology --role supervisor"
CaseArgument = Annotated[str, typer.Argument(help="事项编号 The case.")]
ByOption = Annotated[str, typer.Option(help="经办人 Who decides it.")]
DueOnOption = Annotated[str | None, typer.Option(help="时限 The day it is due.")]
DueInOption = Annotated[
    str | None, typer.Option(help="时限长度 Or how long from today: 15wd 个工作日, 30d 天, 6m 个月.")
]
DeadlineOption = Annotated[str | None, typer.Option(help="法定时限 Or a deadline of cases/deadlines.toml.")]
FromOption = Annotated[str | None, typer.Option("--from", help="起算日 The day that the deadline runs from.")]
EvidenceOption = Annotated[str, typer.Option(help="证据 Papers or photos that show it.")]
ReasonOption = Annotated[str, typer.Option(help="理由 Why.")]
SecondOption = Annotated[str, typer.Option(help="复核人 Who confirms it.")]
VersionOption = Annotated[
    int | None, typer.Option("--seen-version", help="所见版本 The version you saw; another one is a conflict.")
]


def _day(plan: Workspace, today: str | None) -> dt.date:
    return plan.as_of or day_named(today)


def move(
    case: CaseArgument,
    move: Annotated[str, typer.Argument(help="流转 A move of cases/workflow.toml.")],
    by: ByOption,
    lead: Annotated[str | None, typer.Option(help="牵头单位 The office that must act.")] = None,
    due_on: DueOnOption = None,
    due_in: DueInOption = None,
    deadline: DeadlineOption = None,
    start: FromOption = None,
    evidence: EvidenceOption = "",
    paper: Annotated[list[str] | None, typer.Option(help="材料 A paper asked for: NAME=where it is (repeat).")] = None,
    reason: ReasonOption = "",
    second_person: SecondOption = "",
    handling: Annotated[str, typer.Option(help="处理方式 How it is handled.")] = "",
    measures: Annotated[str, typer.Option(help="整改措施 What is done.")] = "",
    person: Annotated[str, typer.Option(help="责任人 Who does it.")] = "",
    done_on: Annotated[str | None, typer.Option(help="完成日期 When it was done.")] = None,
    seen_version: VersionOption = None,
    workspace: WorkspaceOption = None,
    today: TodayOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make one lawful move of a case in a person's name."""
    plan, content = opened(workspace)
    day = _day(plan, today)
    due, source = due_named(content, day, due_on, due_in, deadline, start)
    given: dict[str, Any] = {
        "lead": office_named("--lead", lead, content) if lead else None, "due_on": due, "evidence": evidence, "reason": reason,
        "second_person": second_person, "handling": handling, "measures": measures, "person": person, "source": source,
        "done_on": day_named(done_on) if done_on else None, "papers": dict(_paper(text) for text in paper or []),
    }  # fmt: skip
    workflow = read_workflow(content.catalogue.root)
    with open_ledger(plan.ledger) as connection:
        state = move_case(
            connection, case, move, workflow, actor=by, today=day, expected_version=seen_version, recorded_at=clock_time(), **given
        )  # fmt: skip
    told = {"case_id": case, "status": state, **_due_told(due, source, day)}
    print_content(told, as_json=as_json, text="\n".join([f"{case}: {state}", *_lines(due, source, day)]))


def _paper(text: str) -> tuple[str, str]:
    name, _, where = text.partition("=")
    return name.strip(), where.strip()


def _due_told(due: dt.date | None, source: dict[str, Any], today: dt.date) -> dict[str, Any]:
    return {"due_on": due, "due_source": source, "is_past": due < today} if due else {}


def _lines(due: dt.date | None, source: dict[str, Any], today: dt.date) -> list[str]:
    """Return what is said of a due date: that it has passed; if it was counted, the day and whether holidays are known for it."""
    lines = [f"时限 {due} 已过 This due date has passed already."] if due and due < today else []
    if not due or not source:
        return lines
    lines.append(f"时限 due {due}（{source.get('period') or source.get('deadline')}）")
    if not source.get("is_calendar_known", True):
        lines.append(
            "该年份没有节假日安排，只扣除了周末 No table of holidays for that year: weekends only were left out."
        )
    return lines


def assign(
    cases: Annotated[list[str], typer.Argument(help="事项编号 The cases.")],
    by: ByOption,
    lead: Annotated[str, typer.Option(help="牵头单位 The office that must act.")],
    due_on: DueOnOption = None,
    due_in: DueInOption = None,
    deadline: DeadlineOption = None,
    start: FromOption = None,
    person: Annotated[str, typer.Option(help="责任人 Who in the office.")] = "",
    reason: ReasonOption = "",
    workspace: WorkspaceOption = None,
    today: TodayOption = None,
    as_json: JsonOption = False,
) -> None:
    """Assign cases to an office, or hand over what is assigned already; all of them or none."""
    plan, content = opened(workspace)
    day = _day(plan, today)
    due, source = due_named(content, day, due_on, due_in, deadline, start)
    with open_ledger(plan.ledger) as connection:
        states = assign_cases(
            connection, cases, read_workflow(content.catalogue.root), actor=by, today=day, lead=office_named("--lead", lead, content),
            due_on=due, person=person, reason=reason, source=source, recorded_at=clock_time(),
        )  # fmt: skip
    told = [{"case_id": case, "status": state, **_due_told(due, source, day)} for case, state in states.items()]
    lines = [*(f"{case}: {state}" for case, state in states.items()), *_lines(due, source, day)]
    print_content(told, as_json=as_json, text="\n".join(lines))


def extend(
    case: CaseArgument,
    by: ByOption,
    due_on: DueOnOption = None,
    due_in: DueInOption = None,
    reason: ReasonOption = "",
    evidence: EvidenceOption = "",
    second_person: SecondOption = "",
    seen_version: VersionOption = None,
    workspace: WorkspaceOption = None,
    today: TodayOption = None,
    as_json: JsonOption = False,
) -> None:
    """Give a case a later due date, as often and as far as cases/workflow.toml allows."""
    plan, content = opened(workspace)
    day = _day(plan, today)
    due, source = due_named(content, day, due_on, due_in, None, None)
    if due is None:
        raise WorkspaceError("--due-on: got nothing, expected the new day, or --due-in.")
    root = content.catalogue.root
    with open_ledger(plan.ledger) as connection:
        rule = case_to_change(connection, case)["rule"]
        times = extend_case(
            connection, case, read_workflow(root), actor=by, today=day, due_on=due, reason=reason, evidence=evidence,
            deadline=read_deadlines(root, content.book).of_rule(rule), second_person=second_person, source=source,
            expected_version=seen_version, recorded_at=clock_time(),
        )  # fmt: skip
    told = {"case_id": case, "due_on": due, "extended": times, "due_source": source}
    text = "\n".join([f"{case}: 第 {times} 次延期至 extension number {times}, to {due}", *_lines(due, source, day)])
    print_content(told, as_json=as_json, text=text)


def person(
    name: Annotated[str, typer.Argument(help="姓名 The name.")],
    office: Annotated[str, typer.Option(help="单位 The office.")],
    role: Annotated[str, typer.Option(help="职责 A role of cases/workflow.toml.")],
    left: Annotated[bool, typer.Option("--left", help="已离任 No longer acts.")] = False,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Enter a person who may confirm what others decide, or change the office and role."""
    plan, content = opened(workspace)
    roles = read_workflow(content.catalogue.root).get("roles", {})
    titles = {key: Text(**row["title"]) for key, row in roles.items()}
    with open_ledger(plan.ledger) as connection:
        chosen = named("--role", role, titles, "a role of cases/workflow.toml")
        enter_person(connection, name, office_named("--office", office, content), chosen, roles, is_active=not left)
        people = records(read_people(connection))
    lines = [f"{p['name']} {p['office']} {p['role']}{'' if p['is_active'] else ' （已离任 left）'}" for p in people]
    print_content(people, as_json=as_json, text="\n".join(lines))
