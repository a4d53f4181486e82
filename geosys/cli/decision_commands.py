"""The commands by which a person decides a false hit, merges cases and splits one."""

from __future__ import annotations

import datetime as dt
from pathlib import Path  # noqa: TC003  typer reads the annotations
from typing import Annotated

import typer

from geosys.cli.options import JsonOption, TodayOption, WorkspaceOption, day_named, workspace_at
from geosys.cli.terminal import print_content

DECIDE_HELP = (
    "认定误报（贴边、界址误差）：边界不动则不再提出 Dismiss a false hit; it rests as long as both boundaries do.\n\n"
    "Example: geosys cases decide C0123456789ab --by 张三 --second-person 李四 --reason 贴边，界址误差 --tolerance-m 0.5"
)
MERGE_HELP = "合并事项 Merge cases into one.\n\nExample: geosys cases merge C0123456789ab C1123456789ab --by 张三 --reason 同一排污口"
SPLIT_HELP = (
    "拆分事项 Take findings out of a case.\n\n"
    "Example: geosys cases split C0123456789ab 1123456789ab --by 张三 --reason 分别整改"
)
CaseArgument = Annotated[str, typer.Argument(help="事项编号 The case.")]
ByOption = Annotated[str, typer.Option(help="经办人 Who decides it.")]
ReasonOption = Annotated[str, typer.Option(help="理由 Why.")]
VersionOption = Annotated[
    int | None, typer.Option(help="所见版本 The version that was looked at; another one is a conflict.")
]


def decide(
    case: CaseArgument,
    by: ByOption,
    second_person: Annotated[str, typer.Option(help="复核人 Who confirms it.")],
    reason: ReasonOption,
    tolerance_m: Annotated[float, typer.Option(help="容差（米） How far either boundary may move, m.")] = 1.0,
    version: VersionOption = None,
    workspace: WorkspaceOption = None,
    today: TodayOption = None,
    as_json: JsonOption = False,
) -> None:
    """Dismiss a case as a false hit and keep where its geometries lie."""
    from geosys.cases.ledger.database import open_ledger  # noqa: PLC0415  heavy packages are loaded only where they are used
    from geosys.cases.ledger.decisions import decide_false_hit  # noqa: PLC0415
    from geosys.cases.workflow import read_workflow  # noqa: PLC0415
    from geosys.layers.spec import read_catalogue  # noqa: PLC0415

    path, day = _ledger(workspace, today)
    workflow = read_workflow(read_catalogue().root)
    with open_ledger(path) as connection:
        numbers = decide_false_hit(
            connection, case, workflow, actor=by, second_person=second_person, reason=reason, tolerance_m=tolerance_m, today=day,
            expected_version=version, recorded_at=_now(),
        )  # fmt: skip
    print_content(
        {"case_id": case, "decisions": numbers},
        as_json=as_json,
        text=f"{case}: {len(numbers)} 条线索认定为误报 decided",
    )


def merge(
    case: Annotated[str, typer.Argument(help="保留的事项 The case that goes on.")],
    others: Annotated[list[str], typer.Argument(help="并入的事项 The cases merged into it.")],
    by: ByOption,
    reason: ReasonOption,
    workspace: WorkspaceOption = None,
    today: TodayOption = None,
    as_json: JsonOption = False,
) -> None:
    """Merge cases into one in a person's name."""
    from geosys.cases.ledger.database import open_ledger  # noqa: PLC0415
    from geosys.cases.ledger.merging import merge_cases  # noqa: PLC0415

    path, day = _ledger(workspace, today)
    with open_ledger(path) as connection:
        merge_cases(connection, case, others, actor=by, reason=reason, today=day, recorded_at=_now())
    print_content({"case_id": case, "merged": others}, as_json=as_json, text=f"{'、'.join(others)} → {case}")


def split(
    case: CaseArgument,
    findings: Annotated[list[str], typer.Argument(help="线索编号 The findings to take out.")],
    by: ByOption,
    reason: ReasonOption,
    version: VersionOption = None,
    workspace: WorkspaceOption = None,
    today: TodayOption = None,
    as_json: JsonOption = False,
) -> None:
    """Take findings out of a case in a person's name."""
    from geosys.cases.ledger.database import open_ledger  # noqa: PLC0415
    from geosys.cases.ledger.merging import split_case  # noqa: PLC0415

    path, day = _ledger(workspace, today)
    with open_ledger(path) as connection:
        new = split_case(
            connection, case, findings, actor=by, reason=reason, today=day, expected_version=version, recorded_at=_now()
        )
    print_content({"case_id": new, "from": case, "findings": findings}, as_json=as_json, text=f"{case} → {new}")


def _ledger(workspace: Path | None, today: str | None) -> tuple[Path | str, dt.date]:

    plan = workspace_at(workspace)
    return plan.ledger, plan.as_of or day_named(today)


def _now() -> str:
    return dt.datetime.now(tz=dt.UTC).astimezone().isoformat(timespec="seconds")
