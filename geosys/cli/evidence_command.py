"""The commands of evidence: attach files to a case, list them, and hand out copies without personal data."""

from __future__ import annotations

from pathlib import Path  # noqa: TC003  typer reads the annotations
from typing import Annotated, Any

import typer

from geosys.cli.options import JsonOption, TodayOption, WorkspaceOption, day_named
from geosys.cli.terminal import print_content, print_table

ATTACH_HELP = (
    "提交证据材料 Attach photographs and documents to a case.\n\n"
    "Example: geosys cases attach C0123456789ab IMG_01.jpg 监测报告.pdf --by 张三"
)
FILES_HELP = "查看证据材料 List the files of a case.\n\nExample: geosys cases files C0123456789ab --json"
HAND_OUT_HELP = (
    "对外提供证据副本（去掉附带信息） Write copies without personal data in them.\n\n"
    "Example: geosys cases hand-out C0123456789ab 对外材料"
)
PROBLEMS = 1
CaseArgument = Annotated[str, typer.Argument(help="事项编号 The case.")]


def attach(
    case: CaseArgument,
    files: Annotated[list[Path], typer.Argument(help="照片或文件 Photographs and documents.")],
    by: Annotated[str, typer.Option(help="经办人 Who attaches them.")],
    seen_version: Annotated[
        int | None, typer.Option(help="所见版本 The version you saw; another one is a conflict.")
    ] = None,
    workspace: WorkspaceOption = None,
    today: TodayOption = None,
    as_json: JsonOption = False,
) -> None:
    """Attach files to a case; exit 1 where a person should look at one again (they are attached all the same)."""
    from geosys.cases.ledger.database import open_ledger  # noqa: PLC0415  heavy packages are loaded only where they are used
    from geosys.cases.ledger.evidence import attach_files  # noqa: PLC0415
    from geosys.cases.ledger.evidence_store import EVIDENCE, staged  # noqa: PLC0415
    from geosys.cases.ledger.evidence_terms import read_evidence_terms  # noqa: PLC0415
    from geosys.cli.case_reading import clock_time, opened  # noqa: PLC0415

    plan, content = opened(workspace)
    day = day_named(today) if today else plan.as_of or day_named(None)
    folder, terms = plan.root / EVIDENCE, read_evidence_terms(content.catalogue.root)
    with staged(folder, files, terms) as found, open_ledger(plan.ledger) as connection:
        told = attach_files(
            connection, folder, case, found, terms, actor=by, today=day, expected_version=seen_version, recorded_at=clock_time()
        )  # fmt: skip
    rows: list[dict[str, Any]] = [
        {
            "name": one.name, "sha256": one.digest, "path": str(one.path), "is_new": one.is_new, "taken_at": one.taken_at,
            "longitude": one.longitude, "latitude": one.latitude,
            "remarks": [{"kind": r.kind, "is_doubt": r.is_doubt, "zh": r.text.zh, "en": r.text.en} for r in one.remarks],
        }
        for one in told
    ]  # fmt: skip
    lines = []
    for one in told:
        lines.append(
            f"{one.name} {'已提交 attached' if one.is_new else '已有，未重复提交 already there'} {one.digest[:12]}"
        )
        lines += [f"  {'疑问 doubt' if r.is_doubt else '说明 note'}: {r.text.both()}" for r in one.remarks]
    print_content({"case_id": case, "files": rows}, as_json=as_json, text="\n".join(lines))
    raise SystemExit(PROBLEMS if any(r.is_doubt for one in told for r in one.remarks) else 0)


def files(case: CaseArgument, workspace: WorkspaceOption = None, as_json: JsonOption = False) -> None:
    """List the files of a case and of those merged into it, with what speaks against them."""
    from geosys.cases.ledger.database import read_ledger  # noqa: PLC0415
    from geosys.cases.ledger.evidence import read_files  # noqa: PLC0415
    from geosys.cases.ledger.evidence_store import EVIDENCE, original  # noqa: PLC0415
    from geosys.cli.case_reading import opened, records  # noqa: PLC0415

    plan, _ = opened(workspace)
    with read_ledger(plan.ledger) as connection:
        _check_case(connection, case)
        found = read_files(connection, case)
    if as_json:
        folder = plan.root / EVIDENCE
        rows = [row | {"path": str(original(folder, row["digest"], row["media_type"]))} for row in records(found)]
        print_content(rows, as_json=True)
        return
    found = found.assign(
        remarks=["；".join(r["zh"] for r in row) for row in found["remarks"]], digest=[d[:12] for d in found["digest"]]
    )
    columns = ("name", "digest", "taken_at", "longitude", "latitude", "attached_on", "actor", "remarks")
    print_table(f"证据材料 Files {case}", found, {name: name for name in columns})


def give_out(
    case: CaseArgument,
    folder: Annotated[Path, typer.Argument(help="输出文件夹 A new or empty folder.")],
    with_documents: Annotated[
        bool,
        typer.Option("--with-documents", help="连同去不掉附带信息的文件 Also what keeps its metadata, as it is."),
    ] = False,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write copies of a case's files for people outside; exit 1 where some were withheld or keep their metadata."""
    from geosys.cases.ledger.database import read_ledger  # noqa: PLC0415
    from geosys.cases.ledger.evidence import read_files  # noqa: PLC0415
    from geosys.cases.ledger.evidence_store import EVIDENCE  # noqa: PLC0415
    from geosys.cases.ledger.evidence_terms import read_evidence_terms  # noqa: PLC0415
    from geosys.cases.ledger.outward import GIVEN, hand_out  # noqa: PLC0415
    from geosys.cli.case_reading import opened  # noqa: PLC0415

    plan, content = opened(workspace)
    with read_ledger(plan.ledger) as connection:
        _check_case(connection, case)
        found = read_files(connection, case)
    terms, target = read_evidence_terms(content.catalogue.root), folder.absolute()
    told = hand_out(found, plan.root / EVIDENCE, target, case, terms, with_documents=with_documents)
    rows = [
        {"name": o.name, "sha256": o.digest, "copy": o.copy, "how": o.how, "why_zh": o.why.zh, "why_en": o.why.en}
        for o in told
    ]
    lines = [f"{o.name} → {o.copy or '—'} {o.why.both()}" for o in told]
    print_content({"folder": str(target), "files": rows}, as_json=as_json, text="\n".join(lines))
    raise SystemExit(PROBLEMS if any(o.how != GIVEN for o in told) else 0)


def _check_case(connection: Any, case: str) -> None:
    from geosys._errors import WorkspaceError  # noqa: PLC0415
    from geosys.cases.ledger.events import read_events  # noqa: PLC0415

    if read_events(connection, case).empty:
        raise WorkspaceError(f"case: got '{case}', expected a case of this ledger. See 'geosys cases list'.")
