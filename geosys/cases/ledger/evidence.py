"""Evidence: photographs and documents of a case, kept by hash, told as events, and looked for when the ledger is verified."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pandas as pd
import sqlalchemy as sa

from geosys._text import Text
from geosys.cases.ledger.events import Break, Event, append_all, read_events
from geosys.cases.ledger.evidence_store import Staged, is_whole, original, place
from geosys.cases.ledger.exif import Remark
from geosys.cases.ledger.file_kinds import MEDIA_TYPES
from geosys.cases.ledger.moves import case_to_change, check_actor
from geosys.cases.ledger.photo_place import compared, ground_of
from geosys.cases.ledger.tables import CASES, FILES

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Sequence
    from pathlib import Path

    from geosys.cases.ledger.evidence_terms import EvidenceTerms

KIND = "evidence"
_TOLD = ("name", "media_type", "size", "taken_at", "longitude", "latitude")
_COLUMNS = [*(c.name for c in FILES.columns if c.name != "remarks"), "attached_on", "actor", "remarks"]


@dataclass(frozen=True, slots=True)
class Attached:
    """Hold one file of a case: name, SHA-256, media type, where it lies, what to know of it; not new: it was there already."""

    name: str
    digest: str
    media_type: str
    path: Path
    taken_at: str
    longitude: float | None
    latitude: float | None
    remarks: tuple[Remark, ...]
    is_new: bool


def attach_files(
    connection: sa.Connection,
    folder: Path,
    case_id: str,
    files: Sequence[Staged],
    terms: EvidenceTerms,
    *,
    actor: str,
    today: dt.date,
    expected_version: int | None = None,
    recorded_at: str = "",
) -> list[Attached]:
    """Attach files that were staged to a case, one event each; a file that the case has already adds nothing.

    Parameters
    ----------
    connection
        In a transaction of writing. Files are in their place before it ends: one that no row names does no harm, a row
        without its file would.
    folder
        The folder `evidence` of the workspace.
    files
        From `evidence_store.staged`.
    today
        The day it is attached on; what was taken later is doubted.

    Raises
    ------
    WorkspaceError
        When the case is unknown or merged into another one, or nobody is named.
    ConflictError
        When the case was changed since the version expected.
    """
    case_to_change(connection, case_id, expected_version)
    check_actor(case_id, actor)
    ground = ground_of(connection, case_id, terms)
    chosen = sa.select(FILES.c.digest).where(FILES.c.case_id == case_id)
    known, told, events = set(connection.execute(chosen).scalars()), [], []
    for file in files:
        remarks = [*file.taken.remarks, *compared(file.taken, ground, today, terms)]
        remarks += _used_elsewhere(connection, file.digest, case_id)
        path = place(folder, file, terms.thumb_px)
        one = Attached(
            file.name, file.digest, MEDIA_TYPES[file.kind], path, file.taken.at.isoformat() if file.taken.at else "", file.taken.longitude,
            file.taken.latitude, tuple(remarks), file.digest not in known,
        )  # fmt: skip
        told.append(one)
        if not one.is_new:
            continue
        known.add(one.digest)
        row = {name: getattr(one, name) for name in _TOLD if name != "size"} | {"size": file.size}
        plain = [{"kind": r.kind, "zh": r.text.zh, "en": r.text.en} for r in remarks]
        values = {**row, "digest": one.digest, "case_id": case_id, "remarks": json.dumps(plain, ensure_ascii=False)}
        connection.execute(sa.insert(FILES).values(values))
        source = {**row, "sha256": one.digest, "remarks": plain}
        said = "；".join(remark.text.zh for remark in remarks)
        events.append(
            Event(
                case_id,
                KIND,
                today,
                actor.strip(),
                reason=said,
                evidence=one.name,
                source=source,
                recorded_at=recorded_at,
            )
        )
    append_all(connection, events, {} if expected_version is None or not events else {case_id: expected_version})
    return told


def _used_elsewhere(connection: sa.Connection, digest: str, case_id: str) -> list[Remark]:
    chosen = sa.select(FILES.c.case_id).where(FILES.c.digest == digest, FILES.c.case_id != case_id)
    others = sorted(connection.execute(chosen).scalars())
    if not others:
        return []
    some = "、".join(others[:5]) + ("…" if len(others) > 5 else "")  # noqa: PLR2004
    return [Remark("used_elsewhere", Text(f"同一文件已用于事项 {some}", f"the same file is evidence of {some}"))]


def read_files(connection: sa.Connection, case_id: str) -> pd.DataFrame:
    """Return the files of a case and of those merged into it, in the order they were attached.

    Columns: `digest`, `case_id`, `name`, `media_type`, `size` (bytes), `taken_at` (Beijing time, ISO, or empty), `longitude`,
    `latitude` (degrees as written), `attached_on`, `actor`, and `remarks` as lists of mappings (`kind`, `zh`, `en`).
    """
    cases = _with_merged(connection, case_id)
    chosen = sa.select(FILES).where(FILES.c.case_id.in_(cases))
    rows = {(row["case_id"], row["digest"]): dict(row) for row in connection.execute(chosen).mappings()}
    found = []
    for member in cases:
        events = read_events(connection, member)
        for event in events[events["kind"] == KIND].to_dict("records"):
            row = rows.pop((member, event["source"].get("sha256", "")), None)
            if row is not None:
                told = {"attached_on": event["happened_on"], "actor": event["actor"]}
                found.append((event["sequence"], row | told | {"remarks": json.loads(row["remarks"])}))
    return pd.DataFrame([row for _, row in sorted(found, key=lambda pair: pair[0])], columns=_COLUMNS)


def _with_merged(connection: sa.Connection, case_id: str) -> list[str]:
    cases = [case_id]
    for one in cases:  # grows while it is walked: what was merged into what was merged
        chosen = sa.select(CASES.c.case_id).where(CASES.c.merged_into == one).order_by(CASES.c.case_id)
        cases += [name for name in connection.execute(chosen).scalars() if name not in cases]
    return cases


@dataclass(frozen=True, slots=True)
class Expected:
    """Hold one original that must be there: the number of the event that told of it, case, digest, media type and name."""

    sequence: int
    case_id: str
    digest: str
    media_type: str
    name: str


def expected_files(connection: sa.Connection) -> tuple[list[Expected], list[Break]]:
    """Return the originals that events tell of, and where the table of files is not what they tell."""
    chosen = sa.select(FILES.c.digest, FILES.c.case_id, *(FILES.c[name] for name in _TOLD))
    rows = {(row["case_id"], row["digest"]): dict(row) for row in connection.execute(chosen).mappings()}
    events = read_events(connection)
    wanted, breaks = [], []
    for event in events[events["kind"] == KIND].to_dict("records"):
        said: dict[str, Any] = event["source"]
        if "sha256" not in said:
            continue
        case_id, number = event["case_id"], int(event["sequence"])
        wanted.append(Expected(number, case_id, said["sha256"], said["media_type"], said["name"]))
        row = rows.pop((case_id, said["sha256"]), None)
        if row is None or any(row[name] != said[name] for name in _TOLD):
            told = Text(
                f"证据登记与事件不符：{said['name']}", f"the entry of its file is not what was told: {said['name']}"
            )
            breaks.append(Break(number, case_id, told))
    breaks += [
        Break(0, case_id, Text(f"证据登记没有事件：{row['name']}", f"a file that no event tells of: {row['name']}"))
        for (case_id, _), row in sorted(rows.items())
    ]
    return wanted, breaks


def files_that_differ(wanted: Sequence[Expected], folder: Path) -> list[Break]:
    """Return the originals that are missing or altered; each file is read once, without the database."""
    states: dict[tuple[str, str], bool] = {}
    breaks = []
    for file in wanted:
        key, path = (file.digest, file.media_type), original(folder, file.digest, file.media_type)
        if key not in states:
            states[key] = is_whole(path, file.digest)
        if states[key]:
            continue
        there = path.exists() or path.is_symlink()
        told = (
            Text(f"证据文件被改动：{file.name}", f"its file was altered: {file.name}")
            if there
            else Text(f"证据文件缺失：{file.name}", f"its file is missing: {file.name}")
        )
        breaks.append(Break(file.sequence, file.case_id, told))
    return breaks


def missing_evidence(connection: sa.Connection, folder: Path) -> list[Break]:
    """Return every file of evidence that is missing or altered, and every entry that is not what its event tells.

    Parameters
    ----------
    folder
        The folder `evidence` of the workspace.
    """
    wanted, breaks = expected_files(connection)
    return [*breaks, *files_that_differ(wanted, folder)]
