"""The commands of the ledger: list, show and move cases."""

from __future__ import annotations

from typing import Annotated

import typer

from geosys._errors import WorkspaceError
from geosys.cases import ledger
from geosys.cases.rules import read_workflow
from geosys.cli.options import JsonOption, TodayOption, WorkspaceOption, day_named, workspace_at
from geosys.cli.terminal import print_content, print_table
from geosys.layers.spec import read_catalogue
from geosys.run import LEDGER

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
    with ledger.open_ledger(plan.root / LEDGER) as connection:
        frame = ledger.read_cases(connection)
    frame = frame[frame["status"] == status] if status else frame
    if as_json:
        print_content(frame.to_dict("records"), as_json=True)
    else:
        print_table(
            "整改事项 Cases",
            frame,
            {c: c for c in ("case_id", "rule", "subject_name", "status", "seen", "found_on", "due_on", "lead")},
        )


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
    with ledger.open_ledger(plan.root / LEDGER) as connection:
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
            {c: c for c in ("happened_on", "actor", "move", "before", "after", "reason")},
        )


@app.command(
    name="move",
    help="流转事项 Move a case.\n\nExample: geosys cases move C0123456789ab assign --by 张三 --reason 交办祥符分局",
)
def cases_move(
    case: Annotated[str, typer.Argument(help="事项编号 The case.")],
    move: Annotated[str, typer.Argument(help="流转 A move of cases/workflow.toml.")],
    by: Annotated[str, typer.Option(help="经办人 Who moves it.")],
    reason: Annotated[str, typer.Option(help="理由 Why.")] = "",
    workspace: WorkspaceOption = None,
    today: TodayOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make one lawful move of a case in a person's name."""
    plan = workspace_at(workspace)
    workflow = read_workflow(read_catalogue().root)
    with ledger.open_ledger(plan.root / LEDGER) as connection:
        state = ledger.move_case(
            connection, case, move, workflow, actor=by, reason=reason, today=plan.as_of or day_named(today)
        )
    print_content({"case_id": case, "status": state}, as_json=as_json, text=f"{case}: {state}")
