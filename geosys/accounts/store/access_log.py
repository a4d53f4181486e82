"""The access log: who asked for which internal layer, what for, how many rows, when; rows are added and never changed."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import sqlalchemy as sa

from geosys.accounts.store.tables import ACCESS_LOG, moment

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Sequence

_MOST_CHARACTERS = 2000


@dataclass(frozen=True, slots=True)
class Access:
    """Hold one access: who, what (``read``, ``edit``, ``login`` …), layer, filter, rows (None: not known), format, from where."""

    who: str
    what: str
    layer: str = ""
    filter: str = ""
    rows: int | None = None
    format: str = ""
    address: str = ""
    request_id: str = ""
    note: str = ""


def append_accesses(connection: sa.Connection, accesses: Sequence[Access], now: dt.datetime) -> None:
    """Add accesses to the log; a text is cut where it is very long, and a line end becomes a blank: one access is one line."""
    rows = [{k: _one_line(v) if isinstance(v, str) else v for k, v in asdict(access).items()} for access in accesses]
    if rows:
        connection.execute(sa.insert(ACCESS_LOG), [row | {"at": moment(now)} for row in rows])


def read_accesses(
    connection: sa.Connection, who: str | None = None, layer: str | None = None, most: int = 100
) -> list[dict[str, object]]:
    """Return the last accesses, the newest first, of an account and a layer where they are named."""
    chosen = sa.select(ACCESS_LOG).order_by(ACCESS_LOG.c.sequence.desc()).limit(most)
    for column, value in ((ACCESS_LOG.c.who, who), (ACCESS_LOG.c.layer, layer)):
        chosen = chosen if value is None else chosen.where(column == value)
    return [dict(row) for row in connection.execute(chosen).mappings()]


def _one_line(text: str) -> str:
    clean = "".join(" " if ord(c) < 32 or c in "\x7f\u2028\u2029" or "\ud800" <= c <= "\udfff" else c for c in text)  # noqa: PLR2004
    return clean if len(clean) <= _MOST_CHARACTERS else clean[:_MOST_CHARACTERS] + "…"
