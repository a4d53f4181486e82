"""The dictionary beside a shapefile: what its short field names stand for."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

END = "_字段对照.csv"
COLUMNS = ("短名", "字段", "类型", "宽度", "说明")
_MOST_BYTES = 1 << 20


def dictionary_bytes(rows: Sequence[Sequence[object]]) -> bytes:
    """Return the dictionary as a CSV that Excel opens; a row has short name, column, kind, width and what to know."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\r\n").writerows([COLUMNS, *rows])
    return text.getvalue().encode("utf-8-sig")


def full_names(shapefile: Path) -> dict[str, str]:
    """Return the columns that short names stand for, where a dictionary of ours lies beside a shapefile."""
    path = shapefile.with_name(f"{shapefile.stem}{END}")
    if not path.is_file() or path.stat().st_size > _MOST_BYTES:
        return {}
    try:
        rows = list(csv.reader(io.StringIO(path.read_bytes().decode("utf-8-sig"))))
    except (UnicodeDecodeError, csv.Error):
        return {}
    if not rows or tuple(rows[0]) != COLUMNS:
        return {}
    return {row[0]: row[1] for row in rows[1:] if len(row) == len(COLUMNS) and row[0] and row[1]}
