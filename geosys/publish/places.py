"""Name the rows of a layer in messages: by their key and by where they lie."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import shapely

from geosys.geo.crs import parse_crs, to_crs

if TYPE_CHECKING:
    from geosys.publish.content import ShapedLayer


def place_of(shaped: ShapedLayer, row: int, spot: shapely.Geometry | None = None, crs: str = "") -> str:
    """Return key and place of a row, as in ``DKBM=J0001 @ 534977.25, 3858258.73 (EPSG:4547)``.

    Parameters
    ----------
    row : its position.
    spot : the place in `crs` (empty: the layer's), east first; of a line or polygon its first vertex. None: the row's geometry.
    """
    frame = shaped.frame
    own = str(frame.crs)
    key = " ".join(f"{field}={'—' if pd.isna(v := frame[field].iloc[row]) else v}" for field in shaped.layer.key)
    shape = frame.geometry.iloc[row] if spot is None else to_crs(np.array([spot], dtype=object), crs or own, own)[0]
    if shape is None or shape.is_empty:
        return f"{key} (row {row + 1})"
    x, y = shapely.get_coordinates(shape)[0]
    digits = 2 if parse_crs(own).is_projected else 7
    return f"{key} @ {x:.{digits}f}, {y:.{digits}f} ({own})"
