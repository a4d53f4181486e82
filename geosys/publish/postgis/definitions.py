"""The tables of one edition: made, filled, commented, constrained and indexed; identifiers and texts by the driver's own quoting."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from geosys._errors import WorkspaceError
from geosys.publish.postgis.connection import errors, sql
from geosys.publish.postgis.edition import CODES, DEGREES, GEOMETRY, KEY
from geosys.publish.postgis.rows import Sent, csv_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    import geopandas as gpd

    from geosys.layers.codes import CodeList
    from geosys.publish.postgis.connection import Composed, Connection
    from geosys.publish.postgis.edition import Column, Table
    from geosys.publish.postgis.rows import Shapes

_TYPES = {"text": "text", "integer": "bigint", "number": "double precision", "date": "date", "truth": "boolean"}
CODE_COLUMNS = (("code", "代码 Code"), ("title_zh", "名称 Title in Chinese"), ("title_en", "英文名称 Title in English"))
MOST_NAMED = 3


@dataclass(frozen=True, slots=True)
class Broken:
    """Hold a rule of a column that delivered rows break: how many, the first of them. New rows must still keep it."""

    table: str
    column: str
    rule: str
    rows: int
    first: tuple[str, ...]


def make_codes(connection: Connection, schema: str, codes: CodeList) -> None:
    """Make and fill the table of a list of codes."""
    name = sql.Identifier(schema, CODES + codes.id)
    connection.execute(
        sql.SQL("CREATE TABLE {} (code text PRIMARY KEY, title_zh text NOT NULL, title_en text NOT NULL)").format(name)
    )
    copy = sql.SQL("COPY {} FROM STDIN (FREEZE, ENCODING 'UTF8')").format(name)
    with connection.cursor() as cursor, cursor.copy(copy) as stream:
        for code, title in codes.titles.items():
            stream.write_row((code, title.zh, title.en))
    connection.execute(comments("TABLE", (schema, CODES + codes.id), f"代码表 Code list {codes.id}", CODE_COLUMNS))


def comments(what: str, name: tuple[str, ...], text: str, columns: Sequence[tuple[str, str]]) -> Composed:
    """Return the statements that comment on a table or view (`what`) and on its columns, to be executed at once."""
    on = sql.SQL("COMMENT ON {} {} IS {}")
    told = [on.format(sql.SQL(what), sql.Identifier(*name), sql.Literal(text))]
    told += [on.format(sql.SQL("COLUMN"), sql.Identifier(*name, column), sql.Literal(t)) for column, t in columns]
    return sql.SQL("; ").join(told)


def make_table(connection: Connection, schema: str, table: Table, shapes: Shapes | None, srid: int) -> None:
    """Make the empty table with the comments on it and on every column."""
    parts = [sql.SQL("{} text NOT NULL").format(sql.Identifier(KEY))]
    parts += [sql.SQL("{} {}").format(sql.Identifier(c.id), sql.SQL(_TYPES[c.kind])) for c in table.columns]
    if shapes is not None:
        parts.append(sql.SQL("{} {}").format(sql.Identifier(GEOMETRY), geometry_type(shapes.kind, srid)))
    name = (schema, table.id)
    connection.execute(sql.SQL("CREATE TABLE {} ({})").format(sql.Identifier(*name), sql.SQL(", ").join(parts)))
    told = f"{table.title.both()}；版本 version {table.version}"
    connection.execute(comments("TABLE", name, told, comments_of(table, srid)))


def comments_of(table: Table, srid: int) -> list[tuple[str, str]]:
    """Return the comment of every column of a table, key and geometry included."""
    told = [(KEY, "要素编号 Feature"), *((column.id, column.told()) for column in table.columns)]
    return told if table.geometry == "none" else [*told, (GEOMETRY, f"图形 Geometry, EPSG:{srid}")]


def geometry_type(kind: str, srid: int) -> Composed:
    """Return the type of a geometry column."""
    if not kind.isalpha():
        raise ValueError(f"geometry: got {kind!r}, expected the name of a type.")
    return sql.SQL("geometry({}, {})").format(sql.SQL(kind), sql.Literal(srid))


def fill_table(
    connection: Connection, schema: str, table: Table, frame: gpd.GeoDataFrame, shapes: Shapes | None, srid: int
) -> Sent:
    """Copy the rows into the table that this transaction made; return what was sent.

    Frozen rows are there for every snapshot that sees the table: a reader whose transaction is older than the swap
    would else find a new table empty.

    Raises
    ------
    WorkspaceError
        When the server refuses a value.
    """
    sent = Sent()
    copy = sql.SQL("COPY {} FROM STDIN (FORMAT csv, FREEZE, ENCODING 'UTF8')").format(sql.Identifier(schema, table.id))
    try:
        with connection.cursor() as cursor, cursor.copy(copy) as stream:
            for part in csv_of(table, frame, shapes.shapes if shapes is not None else None, srid, sent):
                stream.write(part)
    except errors.DataError as error:
        raise WorkspaceError(
            f"{table.id}: got a row that PostgreSQL refuses ({error.diag.message_primary}; {error.diag.context}), "
            "expected values of the column's type. Mend the row in the delivery and run again; nothing was changed."
        ) from None
    return sent


def finish_table(connection: Connection, schema: str, table: Table, shapes: Shapes | None) -> list[Broken]:
    """Give a filled table its key, constraints, indexes and statistics; return the rules that rows break.

    Raises
    ------
    WorkspaceError
        When two rows have one key.
    """
    name = sql.Identifier(schema, table.id)
    rules = [rule for column in table.columns for rule in _rules(schema, column)]
    broken = _broken(connection, table, name, rules)
    lax = {(b.column, b.rule) for b in broken}
    parts = [sql.SQL("ADD PRIMARY KEY ({})").format(sql.Identifier(KEY))]
    parts += [
        sql.SQL("ADD {}{}").format(definition, sql.SQL(" NOT VALID" if (column, rule) in lax else ""))
        for column, rule, _, definition in rules
    ]
    try:
        connection.execute(sql.SQL("ALTER TABLE {} {}").format(name, sql.SQL(", ").join(parts)))
    except errors.UniqueViolation as error:
        raise WorkspaceError(
            f"{table.id}: got several rows of one {KEY} ({error.diag.message_detail}), expected each once. "
            "Run 'geosys run' to write the version again."
        ) from None
    for columns in table.indexed:
        listed = sql.SQL(", ").join(map(sql.Identifier, columns))
        connection.execute(sql.SQL("CREATE INDEX ON {} ({})").format(name, listed))
    if shapes is not None:
        connection.execute(sql.SQL("CREATE INDEX ON {} USING gist ({})").format(name, sql.Identifier(GEOMETRY)))
        connection.execute(sql.SQL("CREATE INDEX ON {} USING gist (({}))").format(name, in_degrees(shapes.kind)))
    connection.execute(sql.SQL("ANALYZE {}").format(name))
    return broken


def in_degrees(kind: str) -> Composed:
    """Return the expression of the geometry in degrees: the same in the index and in the view, so that one serves the other."""
    place, kind_4490 = sql.Identifier(GEOMETRY), geometry_type(kind, DEGREES)
    return sql.SQL("st_transform({}, {})::{}").format(place, sql.Literal(DEGREES), kind_4490)


def _rules(schema: str, column: Column) -> list[tuple[str, str, Composed, Composed]]:
    """Return the rules of a column: its name, what the rule is called, when a row breaks it, and its constraint."""
    name, rules = sql.Identifier(column.id), []
    if column.length is not None:
        holds = sql.SQL("char_length({}) <= {}").format(name, sql.Literal(column.length))
        rules.append((f"length {column.length}", holds))
    if column.minimum is not None:
        rules.append((f"minimum {column.minimum:g}", sql.SQL("{} >= {}").format(name, sql.Literal(column.minimum))))
    if column.maximum is not None:
        rules.append((f"maximum {column.maximum:g}", sql.SQL("{} <= {}").format(name, sql.Literal(column.maximum))))
    told = [
        (column.id, rule, sql.SQL("NOT ({})").format(holds), sql.SQL("CHECK ({})").format(holds))
        for rule, holds in rules
    ]
    if column.codes:
        list_of = sql.Identifier(schema, CODES + column.codes)
        lost = sql.SQL("{} NOT IN (SELECT code FROM {})").format(name, list_of)
        key = sql.SQL("FOREIGN KEY ({}) REFERENCES {}").format(name, list_of)
        told.append((column.id, f"codes {column.codes}", lost, key))
    return told


def _broken(
    connection: Connection, table: Table, name: sql.Identifier, rules: list[tuple[str, str, Composed, Composed]]
) -> list[Broken]:
    """Return the rules that rows break: a notice or warning at intake lets a value through, and the load must too."""
    if not rules:
        return []
    counted = sql.SQL(", ").join(sql.SQL("count(*) FILTER (WHERE {})").format(breaks) for _, _, breaks, _ in rules)
    counts = connection.execute(sql.SQL("SELECT {} FROM {}").format(counted, name)).fetchone() or ()
    found = []
    for (column, rule, breaks, _), count in zip(rules, counts, strict=True):
        if count:
            first = sql.SQL("SELECT {0} FROM {1} WHERE {2} ORDER BY {0} LIMIT {3}").format(
                sql.Identifier(KEY), name, breaks, sql.Literal(MOST_NAMED)
            )
            named = tuple(str(row[0]) for row in connection.execute(first).fetchall())
            found.append(Broken(table.id, column, rule, int(count), named))
    return found
