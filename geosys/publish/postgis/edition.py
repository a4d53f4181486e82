"""What is loaded: tables with typed columns, and the name of the schema that this edition of them lies in."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from geosys._errors import WorkspaceError

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable, Mapping, Sequence

    import geopandas as gpd

    from geosys._text import Text
    from geosys.layers.codes import CodeList

KEY = "feature_id"
GEOMETRY = "geometry"
DEGREES = 4490  # EPSG code of the views in degrees
CODES = "code_"  # what tables of codes begin with
REGISTER = "versions"
LAYOUT = 1  # of the tables: counted up where the program makes them otherwise, so that they are loaded anew
MOST_BYTES = 63  # Source: PostgreSQL manual, 4.1.1 Identifiers and Key Words (NAMEDATALEN - 1)
_SCHEMA = re.compile(r"[a-z][a-z0-9_]{0,29}")


@dataclass(frozen=True, slots=True)
class Column:
    """Hold one column.

    Parameters
    ----------
    kind : ``text``, ``integer``, ``number``, ``date`` or ``truth``.
    length : greatest number of characters of a text; None: not bounded.
    codes : the list whose codes alone may stand there; empty: any value.
    is_public : whether everybody may see it; only then it is in the public view.
    """

    id: str
    kind: str
    title: Text
    unit: str = ""
    length: int | None = None
    codes: str = ""
    minimum: float | None = None
    maximum: float | None = None
    is_public: bool = False

    def told(self) -> str:
        """Return the comment of the column: Chinese and English title, unit, list of codes."""
        zh, en = (f"（{self.unit}）", f" ({self.unit})") if self.unit else ("", "")
        codes = f"；代码表 {CODES}{self.codes}" if self.codes else ""
        return f"{self.title.zh}{zh} {self.title.en}{en}{codes}"


@dataclass(frozen=True, slots=True)
class Table:
    """Hold one table: of a layer, the findings or the cases.

    Parameters
    ----------
    geometry : ``point``, ``line``, ``polygon`` or ``none``.
    columns : without `KEY` and geometry, in order.
    read : gives the rows: `KEY`, the columns, and the geometry in `crs`.
    version : of the content. `indexed`: columns that are looked up often.
    is_public : whether everybody may see its public columns.
    """

    id: str
    title: Text
    geometry: str
    crs: str
    columns: Sequence[Column]
    version: str
    rows: int
    read: Callable[[], gpd.GeoDataFrame] = field(repr=False, compare=False)
    indexed: Sequence[Sequence[str]] = ()
    is_public: bool = False
    disclosure: str = "internal"

    @property
    def public_columns(self) -> list[Column]:
        """Return the columns that everybody may see; none of a table that is not public."""
        return [column for column in self.columns if column.is_public and self.is_public]


@dataclass(frozen=True, slots=True)
class Edition:
    """Hold what one publication loads.

    Parameters
    ----------
    schema : the stable one that the platform reads; its roles and its other schemas begin with this name.
    codes : the lists that columns name. `program` and `run` tell by what it was made.
    """

    schema: str
    day: dt.date
    tables: Sequence[Table]
    codes: Mapping[str, CodeList]
    program: str
    run: str = ""

    @property
    def name(self) -> str:
        """Return the schema of this edition: its day and the hash of versions, definitions and program; equal content, equal name."""
        told = [
            [
                t.id,
                t.version,
                t.geometry,
                t.crs,
                t.is_public,
                t.disclosure,
                t.title.both(),
                *([c.told(), *_form(c)] for c in t.columns),
            ]
            for t in self.tables
        ]
        codes = {name: self.codes[name].hash for name in self.used_codes}
        text = json.dumps(
            [LAYOUT, self.program, self.run, told, codes], ensure_ascii=False, sort_keys=True, default=str
        )
        return f"{self.schema}_v{self.day:%Y%m%d}_{hashlib.sha256(text.encode()).hexdigest()[:8]}"

    @property
    def used_codes(self) -> list[str]:
        """Return the lists of codes that columns name, in order."""
        return sorted({column.codes for table in self.tables for column in table.columns if column.codes})

    @property
    def public_schema(self) -> str:
        """Return the schema of what everybody may see."""
        return f"{self.schema}_public"

    @property
    def chinese_schema(self) -> str:
        """Return the schema of the views with Chinese names."""
        return f"{self.schema}_zh"


def _form(column: Column) -> tuple[object, ...]:
    return column.id, column.kind, column.length, column.minimum, column.maximum, column.is_public


def check_edition(edition: Edition) -> None:
    """Raise where names cannot stand beside each other in a database.

    Raises
    ------
    WorkspaceError
        When the schema's name is none, a table is named as another or as a table of ours, or there is nothing to load.
    """
    if not _SCHEMA.fullmatch(edition.schema) or edition.schema.startswith("pg_"):
        raise WorkspaceError(
            f"--schema: got '{edition.schema}', expected small letters, digits and _, at most 30, beginning with a letter."
        )
    if not edition.tables:
        raise WorkspaceError(
            "postgis: got nothing to load, expected a layer with a current version. Run 'geosys run' first."
        )
    taken = {REGISTER, *(f"{CODES}{name}" for name in edition.codes)}
    for table in edition.tables:
        names = {table.id, degrees_view(table.id)} if table.geometry != "none" else {table.id}
        if names & taken:
            raise WorkspaceError(
                f"postgis: got '{table.id}', a name that is taken, expected another. Rename the layer."
            )
        taken |= names


def degrees_view(table: str) -> str:
    """Return the name of the view of a table in degrees.

    Examples
    --------
    >>> degrees_view("river")
    'river_4490'
    """
    return f"{table}_{DEGREES}"
