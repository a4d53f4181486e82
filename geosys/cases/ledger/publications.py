"""The register of publications: which package was given to whom and when, and who countersigned for it.

Entries are added, never changed. Packages and receipts stand in one chain of hashes, whose end is kept apart: an entry that is
changed, taken out or cut off at the end is found by `verify_register`.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pandas as pd
import sqlalchemy as sa

from geosys._errors import ConflictError, SpecError, WorkspaceError
from geosys._text import Text
from geosys.cases.ledger.events import START, Break
from geosys.cases.ledger.tables import PUBLICATION_CHAIN, PUBLICATION_RECEIPTS, PUBLICATIONS

if TYPE_CHECKING:
    from collections.abc import Mapping

_CANONICAL = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
_SIGNED = ("received_by", "received_on", "document")
COLUMNS = (*(c.name for c in PUBLICATIONS.columns), *_SIGNED, "receipts")


@dataclass(frozen=True, slots=True)
class Publication:
    """Hold one package that was given away.

    Parameters
    ----------
    package : the name of its folder.
    profile : id of its profile; `title` its title.
    sender, receiver : who gave it to whom, as the profile says.
    audience : the widest circle it may reach.
    published_on : the day it is dated. `recorded_at`: the time of recording as ISO text. `actor`: who recorded it.
    sums_sha256 : of its ``SHA256SUMS``, which holds the hash of every file.
    fingerprint : of the key it is signed with; empty where it is not.
    told : layers with versions and counts, permissions and difference, as JSON can hold them.
    """

    package: str
    profile: str
    title: Text
    sender: str
    receiver: str
    audience: str
    published_on: dt.date
    sums_sha256: str
    fingerprint: str = ""
    program: str = ""
    actor: str = ""
    recorded_at: str = ""
    told: Mapping[str, Any] = field(default_factory=dict)


def register(connection: sa.Connection, publication: Publication) -> int:
    """Enter a package into the register and return its number; one that is entered already keeps the number it has.

    Raises
    ------
    ConflictError
        When another package of that name was entered: its files are not those that were given away.
    SpecError
        When it lacks its name, profile, receiver or hash, is dated with a time, or holds text no database can keep.
    """
    row = _publication_row(publication)
    same = _one(connection, PUBLICATIONS, PUBLICATIONS.c.package == publication.package)
    if same is not None and same["sums_sha256"] == publication.sums_sha256:
        return int(same["publication_no"])
    twin = _one(connection, PUBLICATIONS, PUBLICATIONS.c.sums_sha256 == publication.sums_sha256)
    found = same or twin
    if found is not None:
        raise ConflictError(
            f"register: got package '{publication.package}' with files {publication.sums_sha256[:12]}, expected '{found['package']}' "
            f"with {found['sums_sha256'][:12]}, entered as number {found['publication_no']}. Publish anew; nothing was written."
        )
    number = _last(connection, PUBLICATIONS.c.publication_no) + 1
    _append(connection, PUBLICATIONS, {"publication_no": number, **row})
    return number


def note_receipt(
    connection: sa.Connection,
    publication_no: int,
    *,
    received_by: str,
    received_on: dt.date,
    document: str = "",
    actor: str = "",
    recorded_at: str = "",
) -> int:
    """Enter that a package was countersigned, by whom, when and on which paper; return the receipt's number.

    A correction is another receipt: the last one counts, all are kept.

    Raises
    ------
    WorkspaceError
        When there is no such package, nobody is named, or the day lies before the package's.
    SpecError
        When a text cannot be kept.
    """
    package = _one(connection, PUBLICATIONS, PUBLICATIONS.c.publication_no == publication_no)
    if package is None:
        last = _last(connection, PUBLICATIONS.c.publication_no)
        raise WorkspaceError(
            f"receipt: got number {publication_no}, expected one of 1 to {last}. See 'geosys publish register'."
            if last
            else f"receipt: got number {publication_no}, expected an entry; the register is empty. Publish a package first."
        )
    if not received_by.strip():
        raise WorkspaceError(f"receipt {publication_no}: got nobody, expected who countersigned. Name them with --by.")
    _check_day("receipt", received_on)
    if received_on < package["published_on"]:
        raise WorkspaceError(
            f"receipt {publication_no}: got {received_on}, expected {package['published_on']} or later, the day of the package."
        )
    number = _last(connection, PUBLICATION_RECEIPTS.c.receipt_no) + 1
    row = {
        "receipt_no": number, "publication_no": publication_no, "received_by": received_by.strip(), "received_on": received_on,
        "document": document.strip(), "recorded_at": recorded_at, "actor": actor,
    }  # fmt: skip
    _append(connection, PUBLICATION_RECEIPTS, row)
    return number


def read_publications(connection: sa.Connection, profile: str | None = None) -> pd.DataFrame:
    """Return the packages given away in their order, `COLUMNS`: what was told as mappings, and the last receipt of each.

    `received_by`, `received_on` and `document` are missing, and `receipts` is 0, where none was countersigned.
    """
    chosen = sa.select(PUBLICATIONS).order_by(PUBLICATIONS.c.publication_no)
    if profile is not None:
        chosen = chosen.where(PUBLICATIONS.c.profile == profile)
    signed: dict[int, list[dict[str, Any]]] = {}
    for row in connection.execute(
        sa.select(PUBLICATION_RECEIPTS).order_by(PUBLICATION_RECEIPTS.c.receipt_no)
    ).mappings():
        signed.setdefault(row["publication_no"], []).append(dict(row))
    rows = []
    for row in connection.execute(chosen).mappings():
        receipts = signed.get(row["publication_no"], [])
        last = receipts[-1] if receipts else dict.fromkeys(_SIGNED)
        told = {name: last[name] for name in _SIGNED}
        rows.append({**row, "told": json.loads(row["told"]), **told, "receipts": len(receipts)})
    signed_columns = {name: pd.Series([row[name] for row in rows], dtype=object) for name in _SIGNED}  # None stays None
    return pd.DataFrame(rows, columns=list(COLUMNS)).assign(**signed_columns)


def last_publication(connection: sa.Connection, profile: str) -> dict[str, Any] | None:
    """Return the last package of a profile (columns of `PUBLICATIONS`, `told` as a mapping), or None before the first."""
    chosen = sa.select(PUBLICATIONS).where(PUBLICATIONS.c.profile == profile)
    row = connection.execute(chosen.order_by(PUBLICATIONS.c.publication_no.desc()).limit(1)).mappings().first()
    return None if row is None else {**row, "told": json.loads(row["told"])}


def verify_register(connection: sa.Connection) -> list[Break]:
    """Return every place where the register's chain is broken: none when it is whole."""
    rows: list[tuple[str, dict[str, Any]]] = [
        (table.name, dict(row))
        for table in (PUBLICATIONS, PUBLICATION_RECEIPTS)
        for row in connection.execute(sa.select(*_readable(connection, table))).mappings()
    ]
    breaks, last, number = [], START, 0
    for number, (table, row) in enumerate(sorted(rows, key=lambda entry: entry[1]["sequence"]), 1):
        name = str(row.get("package", f"receipt {row.get('receipt_no')}"))
        if row["sequence"] != number:
            breaks.append(Break(row["sequence"], name, Text("前面缺少登记", "entries before it are missing")))
            break
        if row["previous_hash"] != last:
            breaks.append(Break(number, name, Text("与前一登记不相接", "does not follow the entry before it")))
        last = str(row["hash"])
        if last != _hash_of(table, row):
            breaks.append(Break(number, name, Text("内容被改动", "its content was changed")))
    head = connection.execute(sa.select(PUBLICATION_CHAIN)).mappings().first()
    if (head["sequence"], head["hash"]) != (number, last) if head else number:
        breaks.append(
            Break(0, "", Text("末尾的登记与记录的链尾不符", "the last entry is not the one the chain ends with"))
        )
    return breaks


def _readable(connection: sa.Connection, table: sa.Table) -> list[sa.ColumnElement[Any]]:
    """Return a table's columns, days as text in SQLite, which keeps whatever is put in: a day that is none would stop the reading."""
    if connection.dialect.name != "sqlite":
        return list(table.columns)
    return [c.cast(sa.String).label(c.name) if isinstance(c.type, sa.Date) else c for c in table.columns]


def _one(connection: sa.Connection, table: sa.Table, where: sa.ColumnElement[bool]) -> dict[str, Any] | None:
    row = connection.execute(sa.select(table).where(where)).mappings().first()
    return None if row is None else dict(row)


def _last(connection: sa.Connection, column: sa.Column[Any]) -> int:
    return int(connection.execute(sa.select(sa.func.coalesce(sa.func.max(column), 0))).scalar_one())


def _append(connection: sa.Connection, table: sa.Table, values: dict[str, Any]) -> None:
    head = connection.execute(sa.select(PUBLICATION_CHAIN).with_for_update()).mappings().first()
    sequence, last = (head["sequence"], head["hash"]) if head else (0, START)
    row = {**values, "sequence": sequence + 1, "previous_hash": last}
    odd = [name for name, value in row.items() if isinstance(value, str) and not _is_plain(value)]
    if odd:
        raise SpecError(f"register: got {', '.join(odd)} with NUL or half a character, expected plain text.")
    row["hash"] = _hash_of(table.name, row)
    connection.execute(sa.insert(table).values(row))
    end = {"sequence": row["sequence"], "hash": row["hash"]}
    connection.execute(
        sa.update(PUBLICATION_CHAIN).values(end) if head else sa.insert(PUBLICATION_CHAIN).values(id=1, **end)
    )


def _hash_of(table: str, row: Mapping[str, Any]) -> str:
    """Return the hash of an entry: SHA-256 over its table, the hash before it and all that it says, as canonical JSON."""
    said = {name: str(v) if isinstance(v, dt.date) else v for name, v in row.items() if name != "hash"}
    return hashlib.sha256(_CANONICAL([table, [[name, said[name]] for name in sorted(said)]]).encode()).hexdigest()


def _publication_row(publication: Publication) -> dict[str, Any]:
    _check_day("register", publication.published_on)
    needed = ("package", "profile", "receiver", "sums_sha256")
    lacking = [name for name in needed if not str(getattr(publication, name)).strip()]
    if lacking:
        raise SpecError(f"register: got a package without {', '.join(lacking)}, expected all of {', '.join(needed)}.")
    told = json.dumps(
        dict(publication.told), ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False
    )
    plain = ("package", "profile", "sender", "receiver", "audience", "published_on", "recorded_at", "actor", "program")
    return {
        **{name: getattr(publication, name) for name in plain}, "title_zh": publication.title.zh, "title_en": publication.title.en,
        "sums_sha256": publication.sums_sha256, "fingerprint": publication.fingerprint, "told": told,
    }  # fmt: skip


def _check_day(what: str, day: object) -> None:
    if isinstance(day, dt.datetime) or not isinstance(day, dt.date):
        raise SpecError(f"{what}: got {day!r}, expected a date without a time.")


def _is_plain(text: str) -> bool:
    """Say whether PostgreSQL can keep a text: no NUL, no half of a character."""
    return "\x00" not in text and not any("\ud800" <= c <= "\udfff" for c in text)
