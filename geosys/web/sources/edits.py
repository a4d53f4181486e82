"""What people change through the services: working copies with a journal, apart from the layer versions, which stay as they are."""

from __future__ import annotations

import json
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

import shapely

from geosys.web.sources import tables
from geosys.web.sources.geopackage import BATCH, MOST_SECONDS
from geosys.web.sources.pool import Pool
from geosys.web.sources.port import Change, Collection, Feature, Query, StaleError, TakenError
from geosys.web.sources.sql import quoted

if TYPE_CHECKING:
    import datetime as dt
    import sqlite3
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from geosys.web.sources.conditions import Condition
    from geosys.web.sources.port import FeatureSource

EDITS = "edits.sqlite"  # below services/
_TABLES = """
CREATE TABLE IF NOT EXISTS geosys_copies (collection TEXT PRIMARY KEY, version TEXT NOT NULL, columns TEXT NOT NULL,
  has_geometry INTEGER NOT NULL, bounds TEXT, rows INTEGER NOT NULL, delivered INTEGER NOT NULL DEFAULT 0);
CREATE TABLE IF NOT EXISTS geosys_journal (number INTEGER PRIMARY KEY AUTOINCREMENT, collection TEXT NOT NULL, feature TEXT NOT NULL,
  operation TEXT NOT NULL, who TEXT NOT NULL, at TEXT NOT NULL, edition INTEGER NOT NULL, before TEXT, after TEXT);
CREATE INDEX IF NOT EXISTS geosys_journal_of ON geosys_journal (collection, feature);
"""


class EditedSource:
    """Answer as another store does, with the changes of people on top.

    A collection is copied into the file of edits at its first change. A copy whose changes are all delivered gives way to
    a newer version of the layer; one with changes that are not stays, so that nobody's work is lost.
    """

    def __init__(
        self, base: FeatureSource, path: Path, clock: Callable[[], dt.datetime], titles: Mapping[str, str] | None = None
    ) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._base, self._clock, self._titles = base, clock, titles or {}
        self._pool = Pool(path, is_immutable=False)
        with self._writing() as connection:
            _make_tables(connection)
            for copy in _copies(connection).values():
                newer = base.collections().get(copy.id)
                is_other = newer is None or (newer.version, newer.columns) != (copy.version, copy.columns)
                if is_other and not _pending(connection, copy.id):
                    drop_copy(connection, copy.id)

    def collections(self) -> Mapping[str, Collection]:
        """Return the collections by id; an edited one as its copy is."""
        with self._pool.borrowed() as connection:
            copies = _copies(connection)
        return {name: copies.get(name, collection) for name, collection in self._base.collections().items()}

    def count(self, collection: str, condition: Condition | None) -> int:
        """Return how many features hold."""
        with self._pool.borrowed() as connection, tables.bounded(connection, MOST_SECONDS):
            copy = _copies(connection, collection).get(collection)
            if copy is not None:
                return tables.count(connection, copy, condition)
        return self._base.count(collection, condition)

    def items(self, collection: str, query: Query) -> list[Feature]:
        """Return a page of features."""
        with self._pool.borrowed() as connection, tables.bounded(connection, MOST_SECONDS):
            copy = _copies(connection, collection).get(collection)
            if copy is not None:
                return tables.select(connection, copy, query)
        return self._base.items(collection, query)

    def one(self, collection: str, feature: str, columns: Sequence[str], condition: Condition | None) -> Feature | None:
        """Return the feature of a name where it holds, or None."""
        with self._pool.borrowed() as connection, tables.bounded(connection, MOST_SECONDS):
            copy = _copies(connection, collection).get(collection)
            if copy is not None:
                return tables.find(connection, copy, feature, columns, condition)
        return self._base.one(collection, feature, columns, condition)

    def create(self, collection: str, feature: Feature, who: str) -> Feature:
        """Add a feature; its edition goes on from one of the same name that was there before.

        Raises
        ------
        TakenError
            When a feature of its name is there.
        """
        with self._writing() as connection:
            copy = self._copied(connection, collection)
            if tables.find(connection, copy, feature.id, (), None) is not None:
                raise TakenError(
                    f"{feature.id}: got the name of a feature that is there, expected another. Replace that one."
                )
            last = "SELECT coalesce(max(edition), 0) FROM geosys_journal WHERE collection = ? AND feature = ?"
            added = replace(feature, edition=connection.execute(last, (collection, feature.id)).fetchone()[0] + 1)
            tables.insert(connection, copy, [added])
            self._note(connection, copy, ("create", who), None, added)
        return added

    def replace(self, collection: str, feature: Feature, edition: int, who: str) -> Feature:
        """Put a feature in the place of the edition it was made from.

        Raises
        ------
        StaleError
            When the feature is gone or was changed since.
        """
        with self._writing() as connection:
            copy = self._copied(connection, collection)
            before = _of_edition(connection, copy, feature.id, edition)
            changed = replace(feature, edition=edition + 1)
            tables.put(connection, copy, changed)
            self._note(connection, copy, ("replace", who), before, changed)
        return changed

    def delete(self, collection: str, feature: str, edition: int, who: str) -> None:
        """Take the edition of a feature away.

        Raises
        ------
        StaleError
            When the feature is gone or was changed since.
        """
        with self._writing() as connection:
            copy = self._copied(connection, collection)
            before = _of_edition(connection, copy, feature, edition)
            tables.remove(connection, copy, feature)
            self._note(connection, copy, ("delete", who), before, None)

    def state(self, collection: str) -> str:
        """Return what changes with every edit of a collection, so that pictures and tiles of it can be kept until then."""
        with self._pool.borrowed() as connection:
            last = "SELECT coalesce(max(number), 0) FROM geosys_journal WHERE collection = ?"
            number = connection.execute(last, (collection,)).fetchone()[0]
            return f"{int(collection in _copies(connection, collection))}-{number}"

    def close(self) -> None:
        """Close all files."""
        self._pool.close()
        self._base.close()

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        """Lend a connection in a transaction of writing: all of it is kept, or nothing; writers wait for each other."""
        with self._pool.borrowed() as connection:
            connection.execute("BEGIN IMMEDIATE")
            yield connection
            connection.execute("COMMIT")

    def _copied(self, connection: sqlite3.Connection, name: str) -> Collection:
        """Return the working copy of a collection, made where there is none."""
        copy = _copies(connection, name).get(name)
        if copy is not None:
            return copy
        collection = self._base.collections()[name]
        tables.make_table(connection, collection, self._titles.get(name, name))
        for batch in _all_features(self._base, collection):
            tables.insert(connection, collection, batch)
        told = (
            name, collection.version, json.dumps(list(collection.columns.items()), ensure_ascii=False), int(collection.has_geometry),
            json.dumps(collection.bounds), collection.rows,
        )  # fmt: skip
        last = "SELECT coalesce(max(number), 0) FROM geosys_journal WHERE collection = ?"
        delivered = connection.execute(last, (name,)).fetchone()[0]
        connection.execute("INSERT INTO geosys_copies VALUES (?, ?, ?, ?, ?, ?, ?)", (*told, delivered))
        return collection

    def _note(
        self, connection: sqlite3.Connection, copy: Collection, what: tuple[str, str], before: Feature | None, after: Feature | None
    ) -> None:  # fmt: skip
        one = after if after is not None else before
        if one is None:
            raise ValueError("journal: got neither a feature before nor one after, expected one of them.")
        when = self._clock().isoformat(timespec="seconds")
        told = (copy.id, one.id, *what, when, one.edition, _as_json(before), _as_json(after))
        sql = "INSERT INTO geosys_journal (collection, feature, operation, who, at, edition, before, after) VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
        connection.execute(sql, told)


def _make_tables(connection: sqlite3.Connection) -> None:
    tables.make_package(connection)
    for statement in _TABLES.split(";\n"):
        if statement.strip():
            connection.execute(statement)


def _copies(connection: sqlite3.Connection, name: str | None = None) -> dict[str, Collection]:
    """Return the working copies, or that of one name."""
    where, values = ("", ()) if name is None else (" WHERE collection = ?", (name,))
    sql = "SELECT collection, version, columns, has_geometry, bounds, rows FROM geosys_copies" + where  # noqa: S608  a constant
    return {
        row[0]: Collection(row[0], dict(json.loads(row[2])), bool(row[3]), row[1], _bounds(row[4]), row[5])
        for row in connection.execute(sql, values)
    }


def _bounds(text: str) -> tuple[float, float, float, float] | None:
    told = json.loads(text)
    return None if told is None else (told[0], told[1], told[2], told[3])


def _all_features(base: FeatureSource, collection: Collection) -> Iterator[list[Feature]]:
    after = ""
    while page := base.items(collection.id, Query(tuple(collection.columns), limit=BATCH, after=after)):
        yield page
        after = page[-1].token


def _of_edition(connection: sqlite3.Connection, copy: Collection, feature: str, edition: int) -> Feature:
    """Return a feature as it is, if that is the edition a change was made from."""
    there = tables.find(connection, copy, feature, tuple(copy.columns), None)
    if there is None or there.edition != edition:
        now = "none" if there is None else f"edition {there.edition}"
        raise StaleError(
            f"{feature}: got {now}, expected edition {edition}. Read it again, then repeat the change on it."
        )
    return there


def _as_json(feature: Feature | None) -> str | None:
    """Return a feature as GeoJSON in EPSG:4490, longitude first, for the journal."""
    if feature is None:
        return None
    place = None if feature.geometry is None else json.loads(shapely.to_geojson(feature.geometry))
    told = {"type": "Feature", "id": feature.id, "geometry": place, "properties": dict(feature.values)}
    return json.dumps(told, ensure_ascii=False, default=str)


def _pending(connection: sqlite3.Connection, name: str) -> int:
    """Return how many changes of a collection are not delivered."""
    sql = (
        "SELECT count(*) FROM geosys_journal j JOIN geosys_copies c ON c.collection = j.collection "
        "WHERE j.collection = ? AND j.number > c.delivered"
    )
    return int(connection.execute(sql, (name,)).fetchone()[0])


def drop_copy(connection: sqlite3.Connection, name: str) -> None:
    """Forget a working copy; the journal stays."""
    for table in (f"rtree_{name}_geometry", name):
        connection.execute(f"DROP TABLE IF EXISTS {quoted(table)}")
    for table in ("gpkg_extensions", "gpkg_geometry_columns", "gpkg_contents"):
        connection.execute(f"DELETE FROM {table} WHERE table_name = ?", (name,))  # noqa: S608  three names of ours
    connection.execute("DELETE FROM geosys_copies WHERE collection = ?", (name,))


class EditLog:
    """Read and settle the edits of a workspace from outside the service: list, take out for delivery, give up."""

    def __init__(self, path: Path) -> None:
        self._pool = Pool(path, is_immutable=False)
        with self._pool.borrowed() as connection:
            connection.execute("BEGIN IMMEDIATE")
            _make_tables(connection)
            connection.execute("COMMIT")

    def pending(self) -> dict[str, int]:
        """Return how many changes of each edited collection are not delivered."""
        with self._pool.borrowed() as connection:
            return {name: _pending(connection, name) for name in _copies(connection)}

    def changes(self, collection: str, *, pending_only: bool = True) -> list[Change]:
        """Return the journal of a collection, the oldest first."""
        since = (
            "AND number > (SELECT delivered FROM geosys_copies c WHERE c.collection = j.collection)"
            if pending_only
            else ""
        )
        sql = (
            "SELECT number, collection, feature, operation, who, at, edition, before, after FROM geosys_journal j "  # noqa: S608  a constant
            f"WHERE collection = ? {since} ORDER BY number"
        )
        with self._pool.borrowed() as connection:
            return [Change(*row) for row in connection.execute(sql, (collection,))]

    def features(self, collection: str) -> tuple[Collection, list[Feature], int] | None:
        """Return an edited collection as it is, all its features, and the number of the last change in them; None without a copy."""
        with self._pool.borrowed() as connection:
            connection.execute("BEGIN")
            copy = _copies(connection, collection).get(collection)
            if copy is None:
                return None
            last = connection.execute(
                "SELECT coalesce(max(number), 0) FROM geosys_journal WHERE collection = ?", (collection,)
            )
            number = int(last.fetchone()[0])
            found = tables.select(connection, copy, Query(tuple(copy.columns), limit=-1))
            connection.execute("COMMIT")
        return copy, found, number

    def note_delivered(self, collection: str, number: int) -> None:
        """Note that all changes up to a number have left as a delivery."""
        with self._pool.borrowed() as connection:
            connection.execute("UPDATE geosys_copies SET delivered = ? WHERE collection = ?", (number, collection))

    def discard(self, collection: str) -> int:
        """Give up the changes of a collection that are not delivered and return how many; the journal keeps what they were."""
        with self._pool.borrowed() as connection:
            connection.execute("BEGIN IMMEDIATE")
            lost = _pending(connection, collection)
            drop_copy(connection, collection)
            connection.execute("COMMIT")
        return lost

    def close(self) -> None:
        """Close the file."""
        self._pool.close()
