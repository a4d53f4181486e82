"""The reader table: which function reads which kind of file. «Intake» adds kinds here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from geosys._errors import DeliveryError
from geosys.layers.tables import read_csv_table, read_workbook
from geosys.layers.vector_files import read_vector

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from geosys.layers.reading import Reading

READERS: dict[str, Callable[[Path, str | None, str | None, Sequence[str]], Reading]] = {
    ".csv": read_csv_table,
    ".gdb": read_vector,
    ".geojson": read_vector,
    ".gpkg": read_vector,
    ".json": read_vector,
    ".shp": read_vector,
    ".xls": read_workbook,
    ".xlsx": read_workbook,
}

FOLDERS = (".gdb",)


def read_delivery(path: Path, table: str | None, encoding: str | None, words: Sequence[str]) -> Reading:
    """Read one table of a delivered file.

    Parameters
    ----------
    path
        The file (or .gdb folder).
    table
        Sheet or layer; None where the file has one only.
    encoding
        The text encoding where the sender states it; None to judge by the bytes.
    words
        All names under which the layer's fields are known: they tell a header from a title row.

    Raises
    ------
    DeliveryError
        When the kind of file is unknown or the file cannot be read.
    """
    if path.is_dir() and path.suffix.lower() not in FOLDERS:
        raise DeliveryError(f"{path.name}: got a folder, expected a file. Name the file inside it.")
    reader = READERS.get(path.suffix.lower())
    if reader is None:
        raise DeliveryError(
            f"{path.name}: got a '{path.suffix}' file, expected one of: {', '.join(READERS)}. Save it as one of these."
        )
    return reader(path, table, encoding, words)
