"""Pack what the page knows of each finding: its columns, its history, its photos and the areas it lies in."""

from __future__ import annotations

import datetime as dt
import re
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import shapely

from geosys._faults import Faults
from geosys._text import Text
from geosys.maps.frames import FINDING_COLUMNS, FINDING_EXTRAS, STATUSES
from geosys.maps.pack import pack_column, pack_shapes, plain_value, write_integers

if TYPE_CHECKING:
    from collections.abc import Sequence

    import geopandas as gpd

    from geosys.maps.frames import MapLayer

HISTORY, PHOTOS = "history", "photos"
_STEPS = ("day", "status", "note")
# only pictures that are inside the page: it may fetch nothing, and an address would say who looks at the map
_PICTURE = re.compile(r"data:image/(png|jpeg|webp);base64,[A-Za-z0-9+/]+={0,2}")


def pack_findings(findings: gpd.GeoDataFrame) -> dict[str, Any]:
    """Return the findings as the page reads them: columns, shapes and, for the marks, one position each.

    Parameters
    ----------
    findings : columns of `FINDING_COLUMNS`, those of `FINDING_EXTRAS` it has, and optionally ``history``, per row a
        list of (day, status, note) from the first to the last, the note a text or a `Text`, and ``photos``, a list of
        (data URI, caption). Pictures stand in the page once, however many findings have them.

    Raises
    ------
    SpecError
        When a history holds no date, an unknown status or goes back in time, or a photo is not inside the page.
    """
    shapes = findings.geometry.to_numpy()
    names = [*FINDING_COLUMNS, *(name for name in FINDING_EXTRAS if name in findings.columns)]
    columns = {name: pack_column(findings[name]) for name in names}
    faults = Faults()
    if HISTORY in findings.columns:
        columns[HISTORY] = {"list": [_history(row, faults) for row in findings[HISTORY]]}
    pictures: dict[str, int] = {}
    if PHOTOS in findings.columns:
        columns[PHOTOS] = {"list": [_photos(row, pictures, faults) for row in findings[PHOTOS]]}
    faults.raise_if_any()
    return {
        "n": len(findings), "columns": columns, "pictures": list(pictures), "shapes": pack_shapes(shapes),
        "anchors": pack_anchors(shapes),
    }  # fmt: skip


def pack_anchors(shapes: Any) -> dict[str, Any]:
    """Return one position on each shape, where its mark or name stands; for a line its middle."""
    lineal = shapely.get_type_id(shapes) == 1
    points = shapely.point_on_surface(shapes)
    points[lineal] = shapely.line_interpolate_point(shapes[lineal], 0.5, normalized=True)
    return pack_shapes(points)


def pack_areas(findings: gpd.GeoDataFrame, layer: MapLayer, number: int) -> dict[str, Any]:
    """Return which findings lie in which polygons of a layer, both as row numbers.

    A finding belongs to every polygon whose inside it meets; one that only touches borders, to all that it touches.

    Parameters
    ----------
    findings, layer : geometry in EPSG:4490.
    number : place of the layer among those of the page.
    """
    shapes, areas = findings.geometry.to_numpy(), layer.frame.geometry.to_numpy()
    of, inside = shapely.STRtree(areas).query(shapes, predicate="intersects")
    inner = ~shapely.touches(shapes[of], areas[inside])
    met = np.zeros(len(shapes), dtype=bool)
    met[of[inner]] = True
    keep = inner | ~met[of]
    order = np.lexsort((inside[keep], of[keep]))
    return {
        "layer": number,
        "n": int(keep.sum()),
        "of": write_integers(of[keep][order]),
        "inside": write_integers(inside[keep][order]),
    }


def _history(value: Any, faults: Faults) -> list[list[Any]] | None:
    """Return a case's steps as ISO day, status and note (in one or two languages); fault what is out of order or unknown."""
    if not _is_list(value):
        return None
    steps = []
    for step in value:
        day, status, note = step
        if not isinstance(day, dt.date) or pd.isna(day):
            faults.add(f"findings [{HISTORY}] {_STEPS[0]}", day, "a date")
            continue
        faults.one_of(f"findings [{HISTORY}] {_STEPS[1]}", status, STATUSES, "a status")
        told = [note.zh, note.en] if isinstance(note, Text) and note.zh != note.en else str(plain_value(note) or "")
        steps.append([day.isoformat()[:10], str(status), told])
    if steps != sorted(steps, key=lambda step: step[0]):
        faults.add(
            f"findings [{HISTORY}]", [step[0] for step in steps], "days from the first to the last", "Sort them."
        )
    return steps


def _photos(value: Any, pictures: dict[str, int], faults: Faults) -> list[list[Any]] | None:
    """Return a finding's photos as number of the picture and caption; fault what the page would have to fetch."""
    if not _is_list(value):
        return None
    for source, _ in value:
        if not _PICTURE.fullmatch(str(source)):
            faults.add(
                f"findings [{PHOTOS}]", str(source)[:60], "data:image/png|jpeg|webp;base64,…", "Put the picture in."
            )
    return [
        [pictures.setdefault(str(source), len(pictures)), str(plain_value(caption) or "")] for source, caption in value
    ]


def _is_list(value: Any) -> bool:
    """Say whether a cell holds a list; None and NaN do not."""
    return isinstance(value, (list, tuple))


def names_of(layers: Sequence[MapLayer], findings: gpd.GeoDataFrame) -> list[str]:
    """Return every name that the page can be searched by."""
    columns = [layer.frame["name"] for layer in layers]
    columns += [findings[name] for name in ("subject_name", "object_name")]
    return [str(name) for column in columns for name in column.dropna().unique()]
