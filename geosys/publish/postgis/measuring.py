"""Count and measure what was loaded, in the database, against what was sent: before anybody sees it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from geosys._errors import WorkspaceError
from geosys.publish.postgis.connection import sql
from geosys.publish.postgis.edition import DEGREES, GEOMETRY
from geosys.publish.postgis.rows import Measured

if TYPE_CHECKING:
    from collections.abc import Mapping

    from geosys.publish.postgis.connection import Connection
    from geosys.publish.postgis.rows import Sent

SUM_SHARE = 1e-9  # how far sums of the same numbers in another order may lie apart
PLACE_M = 1e-6
_MEASURES = {
    "point": "0.0::float8",
    "line": "coalesce(sum(st_length({0})), 0)",
    "polygon": "coalesce(sum(st_area({0})), 0)",
}


def measure_stored(connection: Connection, schema: str, table: str, geometry: str) -> Measured:
    """Return what the rows of a loaded table amount to; areas of the geodesic polygons, by PostGIS's own geography type."""
    name = sql.Identifier(schema, table)
    if geometry == "none":
        row = connection.execute(sql.SQL("SELECT count(*) FROM {}").format(name)).fetchone()
        return Measured(int(row[0]) if row else 0, 0, 0, 0.0, None, None)
    place, is_areal = sql.Identifier(GEOMETRY), geometry == "polygon"
    area = "sum(st_area(st_transform({0}, {1})::geography))" if is_areal else "NULL::float8"
    text = (
        f"SELECT count(*), count({{0}}), coalesce(sum(st_npoints({{0}})), 0), {_MEASURES[geometry]}, {area}, "  # noqa: S608  words of ours
        "st_xmin(st_extent({0})), st_ymin(st_extent({0})), st_xmax(st_extent({0})), st_ymax(st_extent({0})) FROM {2}"
    )
    row = connection.execute(sql.SQL(text).format(place, sql.Literal(DEGREES), name)).fetchone()
    rows, shapes, vertices, plane, area_m2, *box = row or ()
    bounds = None if box[0] is None else (float(box[0]), float(box[1]), float(box[2]), float(box[3]))
    area_m2 = (0.0 if area_m2 is None else float(area_m2)) if is_areal else None
    return Measured(int(rows), int(shapes), int(vertices), float(plane), area_m2, bounds)


def filled_stored(connection: Connection, schema: str, table: str, columns: Mapping[str, int]) -> dict[str, int]:
    """Return how many values each column of a loaded table has."""
    counted = sql.SQL(", ").join(sql.SQL("count({})").format(sql.Identifier(column)) for column in columns)
    row = connection.execute(sql.SQL("SELECT {} FROM {}").format(counted, sql.Identifier(schema, table))).fetchone()
    return dict(zip(columns, (int(count) for count in row or ()), strict=True))


def check_same(table: str, source: Measured, stored: Measured, sent: Sent, filled: Mapping[str, int]) -> None:
    """Raise where the database holds other than what was to be loaded; the transaction is then undone.

    Raises
    ------
    WorkspaceError
        Naming the table, the figure, what was got and expected.
    """
    figures = [
        ("rows", stored.rows, source.rows, 0.0), ("rows sent", sent.rows, source.rows, 0.0), ("shapes", stored.shapes, source.shapes, 0.0),
        ("vertices", stored.vertices, source.vertices, 0.0),
        ("measure in the plane", stored.plane, source.plane, SUM_SHARE * abs(source.plane)),
        *((f"values of {name}", filled.get(name, -1), count, 0.0) for name, count in sent.filled.items()),
    ]  # fmt: skip
    if source.bounds is not None or stored.bounds is not None:
        sides = zip(stored.bounds or (), source.bounds or (), strict=False)
        figures += [("side of the box", got, expected, PLACE_M) for got, expected in sides]
        figures.append(("boxes", len(stored.bounds or ()), len(source.bounds or ()), 0.0))
    if source.area_m2 is not None and stored.area_m2 is not None:
        figures.append(
            ("ellipsoidal area in m²", stored.area_m2, source.area_m2, SUM_SHARE * source.area_m2 + source.slack_m2)
        )
    for name, got, expected, slack in figures:
        if not abs(got - expected) <= slack:  # so that a NaN is wrong too
            raise WorkspaceError(
                f"{table}: got {name} {got!r} in the database, expected {expected!r} (± {slack:.3g}). Nothing was changed: "
                "the platform still reads the version before. Report it with the versions of PostgreSQL and PostGIS."
            )
