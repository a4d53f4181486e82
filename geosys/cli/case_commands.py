"""The commands of the ledger: list, show and move cases."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from geosys._errors import WorkspaceError
from geosys._faults import nearest
from geosys.cases import ledger
from geosys.cases.rules import read_workflow
from geosys.cli.options import JsonOption, TodayOption, WorkspaceOption, day_named, workspace_at
from geosys.cli.terminal import print_content, print_table
from geosys.layers.spec import read_catalogue
from geosys.views import offices_of

if TYPE_CHECKING:
    import pandas as pd

app = typer.Typer(
    no_args_is_help=True, rich_markup_mode=None, help="整改台账 The ledger of cases.\n\nExample: geosys cases list"
)


@app.command(name="list", help="列出整改事项 List the cases.\n\nExample: geosys cases list --status found --json")
def cases_list(
    workspace: WorkspaceOption = None,
    status: Annotated[str | None, typer.Option(help="只列某状态 Only cases in this state.")] = None,
    as_json: JsonOption = False,
) -> None:
    """List cases with state, due date and lead."""
    plan = workspace_at(workspace)
    with ledger.open_ledger(plan.ledger) as connection:
        frame = ledger.read_cases(connection)
    frame = frame[frame["status"] == status] if status else frame
    if as_json:
        print_content(frame.to_dict("records"), as_json=True)
    else:
        print_table(
            "整改事项 Cases",
            _titled(frame),
            {c: c for c in ("case_id", "rule", "subject_name", "status", "seen", "found_on", "due_on", "lead")},
        )


def _titled(frame: pd.DataFrame) -> pd.DataFrame:
    """Return cases with states and offices as people name them; what a person decided goes before the rule."""
    catalogue = read_catalogue()
    states = {name: state["title"]["zh"] for name, state in read_workflow(catalogue.root)["states"].items()}
    offices = {name: title.zh for name, title in offices_of(catalogue).items()}
    due_on = frame["assigned_due_on"].where(frame["assigned_due_on"].notna(), frame["due_on"])
    lead = frame["assigned_lead"].fillna(frame["lead"]).map(offices)
    return frame.assign(status=frame["status"].map(states), lead=lead, due_on=due_on)


@app.command(
    name="show",
    help="查看事项的经过 Show a case with its history.\n\nExample: geosys cases show C0123456789ab",
)
def cases_show(
    case: Annotated[str, typer.Argument(help="事项编号 The case.")],
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show one case and everything that happened to it."""
    plan = workspace_at(workspace)
    with ledger.open_ledger(plan.ledger) as connection:
        frame = ledger.read_cases(connection)
        events = ledger.read_events(connection, case)
    rows = frame[frame["case_id"] == case].to_dict("records")
    if not rows:
        raise WorkspaceError(f"case: got '{case}', expected a case of this ledger. See 'geosys cases list'.")
    if as_json:
        print_content({**rows[0], "events": events.to_dict("records")}, as_json=True)
    else:
        typer.echo("\n".join(f"{k}: {v}" for k, v in rows[0].items()))
        print_table(
            "经过 History",
            events,
            {c: c for c in ("happened_on", "actor", "move", "before", "after", "reason", "evidence", "second_person")},
        )


@app.command(
    name="move",
    help="流转事项 Move a case.\n\nExample: geosys cases move C0123456789ab assign --by 张三 --lead ecology --due-on 2026-10-31",
)
def cases_move(
    case: Annotated[str, typer.Argument(help="事项编号 The case.")],
    move: Annotated[str, typer.Argument(help="流转 A move of cases/workflow.toml.")],
    by: Annotated[str, typer.Option(help="经办人 Who moves it.")],
    lead: Annotated[str | None, typer.Option(help="牵头单位 The office that must act.")] = None,
    due_on: Annotated[str | None, typer.Option(help="时限 The day it is due.")] = None,
    evidence: Annotated[str, typer.Option(help="证据 Papers or photos that show it.")] = "",
    reason: Annotated[str, typer.Option(help="理由 Why.")] = "",
    second_person: Annotated[str, typer.Option(help="复核人 Who confirms it.")] = "",
    workspace: WorkspaceOption = None,
    today: TodayOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make one lawful move of a case in a person's name."""
    plan = workspace_at(workspace)
    catalogue = read_catalogue()
    if lead is not None and lead not in offices_of(catalogue):
        hint = nearest(lead, offices_of(catalogue))
        raise WorkspaceError(f"--lead: got '{lead}', expected an office of layers/codes/office.csv. {hint}".rstrip())
    given = {"lead": lead, "evidence": evidence, "reason": reason, "second_person": second_person}
    with ledger.open_ledger(plan.ledger) as connection:
        state = ledger.move_case(
            connection, case, move, read_workflow(catalogue.root), actor=by, today=plan.as_of or day_named(today),
            due_on=day_named(due_on) if due_on else None, **given,
        )  # fmt: skip
    print_content({"case_id": case, "status": state}, as_json=as_json, text=f"{case}: {state}")
