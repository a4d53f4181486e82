"""One data issue: wrong data becomes a row that says what, where, got, expected, who mends it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import shapely

    from geosys._text import Text


@dataclass(slots=True)
class Issue:
    """Hold one issue as it is found; row −1 means the whole table of delivery `part`."""

    issue_type: str
    message: Text
    row: int = -1
    field: str = ""
    value: object = None
    before: str = ""
    after: str = ""
    area_before_m2: float | None = None
    area_after_m2: float | None = None
    geometry: shapely.Geometry | None = None
    severity: str = ""
    layer: str = ""
    source_file: str = ""
    source_table: str = ""
    source_row: int | None = None
    source_line: int | None = None
    feature_id: str = ""
    part: int = 0
