"""The register of packs in a workspace: which meeting was prepared for which day, so that the next one knows the last."""

from __future__ import annotations

import datetime as dt
from dataclasses import astuple, dataclass, fields
from typing import TYPE_CHECKING

import pandas as pd

from geosys._errors import SpecError, WorkspaceError
from geosys.content import read_csv
from geosys.layers.store import write_table

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

FILE = "packs.csv"


@dataclass(frozen=True, slots=True)
class Held:
    """Hold one pack that was made: of which meeting and day, since when (empty: the first), where, and the manifest's SHA-256."""

    meeting: str
    day: dt.date
    since: str
    folder: str
    manifest: str
    program: str


_COLUMNS = tuple(one.name for one in fields(Held))


def read_register(root: Path) -> list[Held]:
    """Return the packs that were made of a workspace, in the order of the file; none where there is no register.

    Raises
    ------
    WorkspaceError
        When the register is damaged.
    """
    path = root / FILE
    if not path.is_file():
        return []
    held = []
    try:
        rows = read_csv(path, _COLUMNS)
    except SpecError as error:
        raise WorkspaceError(f"{error} It is written by 'geosys pack'; take it away to begin a new one.") from None
    for line, row in enumerate(rows, 2):
        try:
            held.append(Held(**{**{name: row[name] for name in _COLUMNS}, "day": dt.date.fromisoformat(row["day"])}))  # type: ignore[arg-type]
        except ValueError:
            raise WorkspaceError(
                f"{FILE} line {line}: got the day {row['day']!r}, expected a date as 2026-09-30. Mend or remove the line."
            ) from None
    return held


def last_meeting(held: Sequence[Held], meeting: str, day: dt.date) -> dt.date | None:
    """Return the day of the last pack of a meeting before a day, None where there is none."""
    return max((one.day for one in held if one.meeting == meeting and one.day < day), default=None)


def since_of(
    held: Sequence[Held], meeting: str, day: dt.date, began: dt.date | None, asked: dt.date | None, *, is_first: bool = False
) -> dt.date | None:  # fmt: skip
    """Return the day of the last meeting; None for the first one.

    Parameters
    ----------
    began : the day of the ledger's first event; None: it has none.
    asked : the day that the user names; None: that of the last pack.
    is_first : whether the user says that it is the first meeting.

    Raises
    ------
    WorkspaceError
        When the day asked for is not before the meeting, or nobody knows the last meeting although the ledger is older.
    """
    if asked is not None and asked >= day:
        raise WorkspaceError(
            f"--since: got {asked}, expected a day before the meeting's, {day}. Name an earlier day, or change --today."
        )
    if is_first or asked is not None:
        return asked
    known = last_meeting(held, meeting, day)
    if known is None and began is not None and began < day:
        raise WorkspaceError(
            f"pack {meeting}: got no day of the last meeting, expected one: {FILE} tells of no pack before {day}, and the ledger "
            f"goes back to {began}. Give --since DATE, or --since none when this is the first meeting."
        )
    return known


def note_pack(root: Path, pack: Held) -> None:
    """Write a pack into the register, in the place of an earlier one of the same meeting and day; whole or not at all."""
    rows = [one for one in read_register(root) if (one.meeting, one.day) != (pack.meeting, pack.day)]
    write_table(root / FILE, pd.DataFrame([astuple(one) for one in [*rows, pack]], columns=list(_COLUMNS)))
