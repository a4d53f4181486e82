"""Backup and restore of a ledger: all rows of all tables in one file with its checksums, whichever the database."""

from __future__ import annotations

import base64
import datetime as dt
import gzip
import hashlib
import json
import zlib
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from geosys._errors import WorkspaceError
from geosys.cases.ledger.database import HEAD
from geosys.cases.ledger.events import verify
from geosys.cases.ledger.publications import verify_register
from geosys.cases.ledger.tables import METADATA

if TYPE_CHECKING:
    from pathlib import Path

KIND = "geosys ledger backup"
MOST_BYTES = 4 * 1024**3  # of a backup unpacked: more is no ledger
_CHUNK = 5_000


def backup(connection: sa.Connection, path: Path) -> dict[str, int]:
    """Write every row of a ledger into a file, whole or not at all, and return how many rows each table has.

    Raises
    ------
    WorkspaceError
        When the ledger is not what its events say, or its register of publications is not whole: a backup of it would bless
        the damage; or the file exists.
    """
    if path.exists():
        raise WorkspaceError(f"{path.name}: got a file that exists, expected a new name. Backups are not overwritten.")
    _check_whole(connection, "Restore an older backup, or ask who changed the database by hand.")
    counts: dict[str, int] = {}
    digest = hashlib.sha256()
    part = path.with_name(path.name + ".part")
    try:
        with gzip.GzipFile(part, "wb", mtime=0) as file:
            for line in _lines(connection, counts):
                digest.update(line)
                file.write(line)
            file.write(_line({"end": digest.hexdigest(), "rows": counts}))
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
    return counts


def _lines(connection: sa.Connection, counts: dict[str, int]) -> Any:
    yield _line({"kind": KIND, "version": HEAD})
    for table in METADATA.sorted_tables:
        counts[table.name] = 0
        chosen = sa.select(table).order_by(*table.primary_key.columns)
        for row in connection.execute(chosen, execution_options={"yield_per": _CHUNK}).mappings():
            counts[table.name] += 1
            yield _line({"table": table.name, "row": dict(row)})


def _line(value: dict[str, Any]) -> bytes:
    return (json.dumps(value, ensure_ascii=False, sort_keys=True, default=_plain) + "\n").encode()


def _plain(value: Any) -> str:
    return value.isoformat() if isinstance(value, dt.date) else base64.b64encode(value).decode()


def restore(connection: sa.Connection, path: Path) -> dict[str, int]:
    """Put a backup in the place of all that a ledger holds, and return how many rows each table has.

    Raises
    ------
    WorkspaceError
        When the file is no backup, is cut short or changed, is of a newer program, or its ledger is not whole. Nothing
        is written then.
    """
    rows = _checked(path)
    for table in reversed(METADATA.sorted_tables):
        connection.execute(sa.delete(table))
    for table in METADATA.sorted_tables:
        values = [_read(table, row) for row in rows.get(table.name, [])]
        for start in range(0, len(values), _CHUNK):
            connection.execute(sa.insert(table), values[start : start + _CHUNK])
        _reset_counter(connection, table)
    _check_whole(connection, "Take another backup: this one was changed.")
    return {name: len(found) for name, found in rows.items()}


def _checked(path: Path) -> dict[str, list[dict[str, Any]]]:
    """Return the rows of a backup by table, once its checksum has been found to fit."""
    wrong = f"{path.name}: got {{}}, expected a backup of 'geosys backup'. Take another one; nothing was written."
    digest, size, end = hashlib.sha256(), 0, None
    rows: dict[str, list[dict[str, Any]]] = {table.name: [] for table in METADATA.sorted_tables}
    try:
        with gzip.open(path, "rb") as file:
            for number, line in enumerate(file):
                size += len(line)
                told = json.loads(line)
                if size > MOST_BYTES or end is not None or (number == 0 and told.get("kind") != KIND):
                    raise WorkspaceError(wrong.format("another kind of file"))
                if number == 0 and told["version"] > HEAD:
                    raise WorkspaceError(wrong.format(f"one of a newer program ({told['version']})"))
                if "end" in told:
                    end = told
                    continue
                digest.update(line)
                if number:
                    rows[told["table"]].append(told["row"])
    except (OSError, EOFError, zlib.error, ValueError, KeyError, TypeError, AttributeError) as error:
        raise WorkspaceError(wrong.format(f"a file that cannot be read ({error})")) from None
    if end is None or end["end"] != digest.hexdigest():
        raise WorkspaceError(wrong.format("one that was cut short or changed"))
    return rows


def _read(table: sa.Table, row: dict[str, Any]) -> dict[str, Any]:
    kinds = {column.name: column.type for column in table.columns}
    return {name: _typed(kinds[name], value) for name, value in row.items()}


def _typed(kind: Any, value: Any) -> Any:
    if value is None:
        return None
    if isinstance(kind, sa.Date):
        return dt.date.fromisoformat(value)
    return base64.b64decode(value) if isinstance(kind, sa.LargeBinary) else value


def _reset_counter(connection: sa.Connection, table: sa.Table) -> None:
    """Let PostgreSQL count on from the last row: it does not look at numbers that were given."""
    column = next(iter(table.primary_key.columns))
    if connection.dialect.name == "postgresql" and column.autoincrement is True and table.name != "chain":
        top = sa.select(sa.func.coalesce(sa.func.max(column), 0) + 1).scalar_subquery()
        name = sa.func.pg_get_serial_sequence(table.name, column.name)
        connection.execute(sa.select(sa.func.setval(name, top, False)))


def _check_whole(connection: sa.Connection, what_to_do: str) -> None:
    for chain, breaks in (("ledger", verify(connection)), ("register of publications", verify_register(connection))):
        if breaks:
            told = "; ".join(f"{b.case_id} #{b.sequence} {b.what.en}" for b in breaks[:5])
            raise WorkspaceError(
                f"{chain}: got {len(breaks)} places that do not fit ({told}), expected a whole chain. {what_to_do}"
            )
