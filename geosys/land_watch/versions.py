"""The versions of a layer that the store keeps: which one a name or a day means, and what it holds."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING

import geopandas as gpd
import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import shapely

from geosys._errors import CrsError, WorkspaceError
from geosys.layers.store import current_file

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

KEY, WITHHELD_WHY = "feature_id", "issue_type"
POLYGONS = ("Polygon", "MultiPolygon")


@dataclass(frozen=True, slots=True)
class StoredVersion:
    """Hold one version of a polygon layer: rows with a polygon, withheld ones last and marked by `withheld`.

    `lost` counts the rows without a polygon, withheld for that or another reason: nothing can be said of their place.
    """

    layer: str
    version: str
    written_on: dt.date
    frame: gpd.GeoDataFrame
    withheld: NDArray[np.bool_]
    lost: int

    @property
    def shapes(self) -> NDArray[np.object_]:
        """Return the polygons, two-dimensional, in the plan's CRS."""
        return np.asarray(shapely.force_2d(self.frame.geometry.to_numpy()), dtype=object)


def versions_of(store: Path, layer: str) -> list[tuple[str, dt.date]]:
    """Return the versions of a layer that the store holds, the oldest first, each with the day its file was written."""
    files = [p for p in (store / layer).glob("*.parquet") if p.name.count(".") == 1]
    files.sort(key=lambda p: (p.stat().st_mtime_ns, p.name))
    return [(p.stem, _written_on(p)) for p in files]


def _written_on(path: Path) -> dt.date:
    return dt.datetime.fromtimestamp(path.stat().st_mtime, tz=dt.UTC).astimezone().date()


def version_named(store: Path, layer: str, asked: str | None) -> str | None:
    """Return the version of a layer that a name or a day means; None where the layer has no such version.

    Parameters
    ----------
    asked
        A version, the beginning of one (four characters at least), a day as 2026-09-30 (the version written last by the
        end of that day), or None: the current version.

    Raises
    ------
    WorkspaceError
        When several versions begin so.
    """
    if asked is None:
        path = current_file(store, layer)
        return None if path is None else path.stem
    there = versions_of(store, layer)
    try:
        day = dt.date.fromisoformat(asked)
    except ValueError:
        found = [version for version, _ in there if version.startswith(asked)]
        exact = [version for version in found if version == asked]
        if len(found) > 1 and not exact:
            raise WorkspaceError(
                f"watch: got '{asked}', which {', '.join(found)} of '{layer}' begin with, expected one. Write more of it."
            ) from None
        return next(iter(exact or (found if len(asked) >= 4 else [])), None)  # noqa: PLR2004  a short beginning is a guess
    return next((version for version, written in reversed(there) if written <= day), None)


def read_version(store: Path, layer: str, version: str, fields: Sequence[str], crs: str) -> StoredVersion:
    """Return the polygons of one version with some of their columns; a column that the version lacks is empty.

    Parameters
    ----------
    store
        The folder of layer versions.
    fields
        The columns wanted beside `feature_id` and the geometry.
    crs
        The plan's metric CRS, which the version must be in.

    Raises
    ------
    WorkspaceError
        When the version's file is damaged or absent.
    CrsError
        When it is in another CRS.
    """
    path = store / layer / f"{version}.parquet"
    kept = _read(path, [*fields], crs)
    aside = path.with_suffix(".withheld.parquet")
    lost = (
        _read(aside, [*fields, WITHHELD_WHY], crs) if aside.exists() else kept.iloc[:0].assign(**{WITHHELD_WHY: None})
    )
    lost = lost[~lost[KEY].isin(kept[KEY])]
    frame = pd.concat([kept.assign(**{WITHHELD_WHY: None}).astype(object), lost.astype(object)], ignore_index=True)
    is_lost = np.arange(len(frame)) >= len(kept)
    shapes = np.asarray(frame["geometry"].to_numpy(), dtype=object)
    areal = shapely.get_dimensions(shapes) == 2  # noqa: PLR2004
    areal &= shapely.is_valid(shapes) & ~shapely.is_empty(shapes)
    frame = gpd.GeoDataFrame(frame[areal].reset_index(drop=True), geometry="geometry", crs=crs)
    return StoredVersion(layer, version, _written_on(path), frame, is_lost[areal], int((~areal).sum()))


def _read(path: Path, fields: list[str], crs: str) -> gpd.GeoDataFrame:
    try:
        there = set(pq.read_schema(path).names)
        wanted = [KEY, *dict.fromkeys(f for f in fields if f in there), "geometry"]
        frame = gpd.read_parquet(path, columns=wanted)
    except (OSError, ValueError, KeyError) as error:
        raise WorkspaceError(
            f"store/{path.parent.name}/{path.name}: got a file that cannot be read ({error}), expected a layer version. "
            "Run 'geosys run' to write the current one again; an older one must come from a backup."
        ) from None
    if frame.crs is not None and frame.crs != crs:
        raise CrsError(
            f"watch: got '{path.parent.name}' {path.stem} in {frame.crs.to_string()}, expected the plan's {crs}. "
            "Compare versions that were taken in with this plan's CRS."
        )
    return frame.assign(**{f: None for f in fields if f not in there})
