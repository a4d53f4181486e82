"""The ledger in Excel: export it to fill in, take it back, and take in a ledger that an office kept by hand."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

import geosys
from geosys._errors import WorkspaceError
from geosys._faults import nearest
from geosys.cases.deadlines import read_deadlines
from geosys.cases.ledger.database import open_ledger, read_ledger
from geosys.cases.workflow import read_workflow
from geosys.cli.case_reading import clock_time, office_named
from geosys.cli.options import JsonOption, TodayOption, WorkspaceOption, day_named, workspace_at
from geosys.cli.terminal import print_content
from geosys.layers.codes import fold
from geosys.rooms import read_content

if TYPE_CHECKING:
    from geosys.exchange.applying import TakenIn
    from geosys.exchange.layout import Layout, Words
    from geosys.exchange.taking_over import Adopted
    from geosys.rooms import Content

EXPORT_HELP = (
    "导出台账到 Excel Export the ledger to fill in.\n\nExample: geosys cases export --office ecology --out 台账.xlsx"
)
IMPORT_HELP = (
    "导入填好的台账 Show what a filled-in ledger changes; with --apply record it.\n\n"
    "Example: geosys cases import 台账.xlsx --apply --by 张三"
)
ADOPT_HELP = "接收手工台账 Take in a ledger kept by hand.\n\nExample: geosys cases adopt 旧台账.xlsx --ask 待定.xlsx"
PROBLEMS = 1
MOST_SHOWN = 200  # lines on the screen; --json has all of them
EVIDENCE = "evidence"

ByOption = Annotated[str, typer.Option("--by", help="经办人 In whose name.")]


def export(
    out: Annotated[Path, typer.Option(help="输出 The workbook to write.")] = Path("台账.xlsx"),
    office: Annotated[str | None, typer.Option(help="单位 Only the cases of this office.")] = None,
    county: Annotated[str | None, typer.Option(help="县区 Only the cases of this county, by code or name.")] = None,
    workspace: WorkspaceOption = None,
    today: TodayOption = None,
    as_json: JsonOption = False,
) -> None:
    """Export the ledger, of one office or county, as a workbook to fill in."""
    from geosys.exchange.export import Scope, Surroundings, export_ledger  # noqa: PLC0415  heavy packages are loaded only where they are used
    from geosys.exchange.surroundings import counties_of, files_of_cases  # noqa: PLC0415
    from geosys.maps.frames import Meta  # noqa: PLC0415

    plan, content = workspace_at(workspace), read_content()
    if out.suffix.lower() != ".xlsx":
        raise WorkspaceError(f"--out: got '{out.name}', expected a name ending in .xlsx.")
    layout, words = _layout(content)
    scope = Scope(
        office_named("--office", office, content) if office else "", _county(county, layout, words) if county else ""
    )
    workflow = read_workflow(content.catalogue.root)
    meta = Meta(plan.title, plan.as_of or day_named(today), f"GeoSys {geosys.__version__}", plan.mark)
    warn_days = read_deadlines(content.catalogue.root, content.book).early_days
    with read_ledger(plan.ledger) as connection:
        counties = counties_of(connection, plan.store, layout.county_field)
        around = Surroundings(counties, files_of_cases(connection, plan.root / EVIDENCE), warn_days)
        done = export_ledger(connection, out, layout, words, workflow, meta, scope, around)
    told = {
        "out": str(out.resolve()),
        "cases": done.rows,
        "without_county": done.without_county,
        "last_event": done.sequence,
    }
    text = f"{out}: {done.rows} 项 cases"
    if done.without_county:
        text += f"\n不知道县区 county unknown: {done.without_county}（未导出 left out）"
    print_content(told, as_json=as_json, text=text)


def _layout(content: Content) -> tuple[Layout, Words]:
    from geosys.exchange.sheets import content_palettes  # noqa: PLC0415
    from geosys.exchange.surroundings import layout_and_words  # noqa: PLC0415

    return layout_and_words(content.catalogue, content.book, read_workflow(content.catalogue.root), content_palettes())


def _county(name: str, layout: Layout, words: Words) -> str:
    kind = f"code:{layout.county_codes}"
    code = words.spellings[kind].get(fold(name))
    if code is None:
        raise WorkspaceError(
            f"--county: got '{name}', expected a county of layers/codes/{layout.county_codes}.csv. {nearest(name, words.titles[kind].values())}"
        )
    return code


def import_sheet(
    file: Annotated[Path, typer.Argument(help="填好的台账 The filled-in workbook.")],
    apply: Annotated[
        bool, typer.Option("--apply", help="记入台账 Record it; without, only the difference is shown.")
    ] = False,
    by: ByOption = "",
    workspace: WorkspaceOption = None,
    today: TodayOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show what a filled-in ledger changes cell by cell, and record it as events if asked; exit 1 where something is held back."""
    from geosys.exchange.applying import Hand, Order, rehearse, take_in  # noqa: PLC0415
    from geosys.exchange.changes import difference  # noqa: PLC0415
    from geosys.exchange.reading import read_returned  # noqa: PLC0415

    plan, content = workspace_at(workspace), read_content()
    if apply and not by.strip():
        raise WorkspaceError("--by: got nothing, expected the name of who takes the sheet in. Give --by.")
    layout, words = _layout(content)
    root = content.catalogue.root
    order = Order(read_workflow(root), read_deadlines(root, content.book))
    hand = Hand(by.strip() or "（未具名）", plan.as_of or day_named(today), clock_time())
    returned = read_returned(file, layout)
    with (open_ledger if apply else read_ledger)(plan.ledger) as connection:
        found = difference(connection, returned, layout, words, hand.today)
        taken = (take_in if apply else rehearse)(connection, found, layout, words, order, hand)
    print_content(_told(taken, applied=apply), as_json=as_json, text=_text(taken, words, applied=apply))
    raise SystemExit(0 if taken.difference.is_clean else PROBLEMS)


def adopt(
    file: Annotated[Path, typer.Argument(help="手工台账 The workbook that an office kept by hand.")],
    table: Annotated[str | None, typer.Option(help="工作表 The sheet, where there are several.")] = None,
    ask: Annotated[Path | None, typer.Option(help="待定表 Where the doubtful rows are written, to be decided.")] = None,
    decisions: Annotated[Path | None, typer.Option(help="已填的待定表 The decided sheet.")] = None,
    apply: Annotated[bool, typer.Option("--apply", help="记入台账 Record the rows that are sure.")] = False,
    by: ByOption = "",
    workspace: WorkspaceOption = None,
    today: TodayOption = None,
    as_json: JsonOption = False,
) -> None:
    """Match a ledger kept by hand to objects, ask about what is doubtful, and record the rest as first events if asked."""
    from geosys.exchange.applying import Hand  # noqa: PLC0415
    from geosys.exchange.questions import read_decisions, write_questions  # noqa: PLC0415
    from geosys.exchange.surroundings import objects_of, placer  # noqa: PLC0415
    from geosys.exchange.taking_over import judge_rows, read_hand_ledger, take_over  # noqa: PLC0415
    from geosys.maps.frames import Meta  # noqa: PLC0415

    plan, content = workspace_at(workspace), read_content()
    if apply and not by.strip():
        raise WorkspaceError("--by: got nothing, expected the name of who takes the ledger in. Give --by.")
    layout, words = _layout(content)
    day = plan.as_of or day_named(today)
    hand_kept = read_hand_ledger(file, layout.adopt, table)
    decided = read_decisions(decisions, hand_kept) if decisions else {}
    objects = objects_of(plan.store, content.catalogue, {rule.subject for rule in content.book.rules.values()})
    place = placer(plan.crs, plan.region)
    with (open_ledger if apply else read_ledger)(plan.ledger) as connection:
        judged = judge_rows(connection, hand_kept, objects, layout, words, place, decided, day)
        done = take_over(connection, hand_kept, judged, Hand(by, day, clock_time())) if apply else 0
    meta = Meta(plan.title, day, f"GeoSys {geosys.__version__}", plan.mark)
    asked = write_questions(ask, hand_kept, judged, meta) if ask else 0
    rows = [_row_told(told) for told in judged]
    counts = {
        verdict: sum(told.verdict == verdict for told in judged) for verdict in ("sure", "doubtful", "none", "known")
    }
    told = {"file": file.name, "columns": hand_kept.titles, **counts, "recorded": done, "asked": asked, "rows": rows}
    lines = [
        f"{row['line']} {row['verdict']} {row['case_id']} {row['why_zh']}" for row in rows if row["verdict"] != "sure"
    ][:MOST_SHOWN]
    told_of = {"sure": "可接收 sure", "doubtful": "待定 doubtful", "none": "没有对象 no object", "known": "已有 known"}
    summary = "，".join(f"{title} {counts[verdict]}" for verdict, title in told_of.items())
    lines.append(f"{summary}；已记入 recorded {done}")
    print_content(told, as_json=as_json, text="\n".join([*lines, *([f"待定表 to decide: {ask}"] if ask else [])]))
    raise SystemExit(PROBLEMS if counts["doubtful"] or counts["none"] else 0)


def _row_told(told: Adopted) -> dict[str, Any]:
    return {
        "line": told.row.line, "verdict": told.verdict, "case_id": told.case_id, "candidates": [f"{c[0]}:{c[1]}" for c in told.candidates],
        "why_zh": told.why.zh, "why_en": told.why.en,
    }  # fmt: skip


def _told(taken: TakenIn, *, applied: bool) -> dict[str, Any]:
    found = taken.difference
    return {
        "file": found.file, "applied": applied and not found.is_stopped, "rows": found.rows_read, "edited": taken.edited, "moved": taken.moved,
        "changes": [
            {"case_id": c.case_id, "row": c.row, "cell": c.cell, "column": c.title, "field": c.field, "at_export": c.at_export,
             "in_ledger": c.in_ledger, "in_sheet": c.in_sheet, "is_held": found.is_stopped or c.case_id in found.held}
            for c in found.changes
        ],
        "problems": [
            {"kind": p.kind, "reach": p.reach, "case_id": p.case_id, "row": p.row, "cell": p.cell, "zh": p.text.zh, "en": p.text.en}
            for p in found.problems
        ],
    }  # fmt: skip


def _text(taken: TakenIn, words: Words, *, applied: bool) -> str:
    """Return the difference as people read it: cells, then what is wrong, then what was or would be recorded."""
    found = taken.difference
    marks = {"stop": "拒收 refused", "held": "暂缓 held back", "notice": "提示 note"}
    lines = []
    for c in found.changes:
        held = "（暂缓 held back）" if found.is_stopped or c.case_id in found.held else ""
        was, now, wanted = (_shown(c.field, v, words) for v in (c.at_export, c.in_ledger, c.in_sheet))
        lines.append(
            f"{c.case_id} {c.cell} {c.title}：{was} → {wanted}" + (f"（现在 now {now}）" if now != was else "") + held
        )
    lines += [
        f"{marks[p.reach]} {p.case_id} {p.cell or p.row or ''} {p.text.zh}".replace("  ", " ") for p in found.problems
    ]
    if len(lines) > MOST_SHOWN:
        lines = [*lines[:MOST_SHOWN], f"…… 还有 {len(lines) - MOST_SHOWN} 行，见 --json and more: see --json"]
    verb = "已记入 recorded" if applied else "可记入（加 --apply --by）would be recorded"
    return "\n".join(
        [*lines, f"{verb}: 修改 edited {taken.edited}，流转 moved {taken.moved}，共读 read {found.rows_read}"]
    )


def _shown(field: str, value: Any, words: Words) -> str:
    if value is None or value == "":
        return "（空）"
    kind = {"status": "state", "assigned_lead": "office"}.get(field, "")
    return words.title(kind, value) if kind else str(value)
