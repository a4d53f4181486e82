"""The rows of one layer as the checks see them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import shapely

if TYPE_CHECKING:
    import datetime as dt

    import pandas as pd
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Rows:
    """Hold the rows of one layer under check: settled columns and geometries in the plan's metric CRS.

    `part` tells the delivery of each row (None: all came together); `today` is the plan's day of judgement, if it names
    one.
    """

    frame: pd.DataFrame
    geometry: NDArray[np.object_]
    crs: str
    region: shapely.Geometry | None
    region_text: str = ""
    has_default_check: bool = False
    today: dt.date | None = None
    part: NDArray[np.int64] | None = None

    def id_of(self, row: int) -> str:
        """Return the feature id of a row."""
        return str(self.frame["feature_id"].iloc[row])


def present_at(rows: Rows) -> NDArray[np.int64]:
    """Return the positions of rows that have a place."""
    return np.flatnonzero(~shapely.is_missing(rows.geometry) & ~shapely.is_empty(rows.geometry))
