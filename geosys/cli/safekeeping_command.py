"""The commands that keep a ledger safe: backup and restore."""

from __future__ import annotations

import hashlib
from pathlib import Path  # noqa: TC003  typer reads annotations
from typing import Annotated

import typer

from geosys._errors import WorkspaceError
from geosys.cases.ledger import safekeeping
from geosys.cases.ledger.database import open_ledger, read_ledger
from geosys.cases.ledger.events import read_events
from geosys.cases.ledger.publications import read_publications
from geosys.cli.options import JsonOption, WorkspaceOption, workspace_at
from geosys.cli.terminal import print_content

BACKUP_HELP = "备份台账 Write the ledger into one file with its checksum.\n\nExample: geosys backup 台账-2026-09-30.gz"
RESTORE_HELP = "恢复台账 Put a backup in the place of the ledger.\n\nExample: geosys restore 台账-2026-09-30.gz --replace --keep 恢复前.gz"


def backup(
    file: Annotated[Path, typer.Argument(help="备份文件 The file to write; it must not exist.")],
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write every case, event, person and run of the ledger into one file, once the ledger has been verified."""
    plan = workspace_at(workspace)
    if not file.parent.is_dir():
        raise WorkspaceError(f"{file}: got a folder that is not there, expected one. Make it first.")
    with read_ledger(plan.ledger) as connection:
        counts = safekeeping.backup(connection, file)
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    told = {"file": str(file.resolve()), "sha256": digest, "rows": counts}
    lines = [
        f"file: {file.resolve()}",
        f"sha256: {digest}",
        *(f"{name}: {count}" for name, count in counts.items() if count),
    ]
    print_content(told, as_json=as_json, text="\n".join(lines))


def restore(
    file: Annotated[Path, typer.Argument(help="备份文件 A file of 'geosys backup'.")],
    replace: Annotated[
        bool, typer.Option("--replace", help="替换现有台账和登记 Replace a ledger that has events or publications.")
    ] = False,
    keep: Annotated[Path | None, typer.Option(help="先备份到 Back up what there is into this file first.")] = None,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Check a backup and put it in the place of the ledger, whole or not at all."""
    plan = workspace_at(workspace)
    with open_ledger(plan.ledger) as connection:
        events, packages = len(read_events(connection)), len(read_publications(connection))
        if (events or packages) and not replace:
            raise WorkspaceError(
                f"{plan.root.name}: got a ledger of {events} events and {packages} publications, expected an empty "
                "one. Give --replace, and --keep FILE to back it up first."
            )
        if keep is not None:
            safekeeping.backup(connection, keep)
        counts = safekeeping.restore(connection, file)
    told = {"file": str(file.resolve()), "kept": str(keep.resolve()) if keep else None, "rows": counts}
    lines = [f"restored: {file.resolve()}", *(f"{name}: {count}" for name, count in counts.items() if count)]
    print_content(told, as_json=as_json, text="\n".join(lines))
