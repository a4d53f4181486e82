"""What a sheet takes from what the maps room is handed: layers as features, notes as marks and sources."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import geopandas as gpd

from geosys._text import Text
from geosys.geo.crs import to_crs
from geosys.maps.palettes import Style
from geosys.maps.paper.sheet import Features, Source

if TYPE_CHECKING:
    from collections.abc import Mapping

    from geosys.maps.frames import MapLayer, Meta
    from geosys.maps.palettes import Palettes
    from geosys.maps.spec import MapSpec


def features_of(layer: MapLayer, palettes: Palettes, crs: str, **how: Any) -> Features:
    """Return a map layer as features of a sheet, in the style of the map on the screen.

    Parameters
    ----------
    crs : the projected CRS of the map frame.
    how : any other field of `Features`, as ``label="name"``, ``rank=1``, ``fits=False``, ``signs={…}``.

    Raises
    ------
    CrsError
        When the two datums have no valid shift.
    """
    style = palettes.style(layer.id)
    geometry = to_crs(layer.frame.geometry.to_numpy(), str(layer.frame.crs), crs)
    frame = gpd.GeoDataFrame(layer.frame.drop(columns=layer.frame.geometry.name), geometry=geometry, crs=crs)
    classes = palettes.classes.get(style.classes, {}) if style.by in frame.columns else {}
    return Features(layer.title, frame, style, classes, **how)


def findings_of(findings: gpd.GeoDataFrame, palettes: Palettes, crs: str, title: Text, **how: Any) -> Features:
    """Return findings as features: colour and mark by outcome, shape by status, as on the screen.

    Parameters
    ----------
    findings : rows with ``outcome``, ``status`` and a geometry, of which a point is marked.
    """
    points = gpd.GeoSeries(findings.geometry).representative_point().to_numpy()
    geometry = to_crs(points, str(findings.crs), crs)
    frame = gpd.GeoDataFrame(findings.drop(columns=findings.geometry.name), geometry=geometry, crs=crs)
    style = Style(colour="#1A1E24", fill="#666666", opacity=1.0, shape="circle", size=6.0, by="outcome")
    shapes = {} if frame["status"].isna().all() else palettes.statuses
    return Features(title, frame, style, palettes.outcomes, shape_by="status" if shapes else "", shapes=shapes, **how)


def printed_of(meta: Meta, spec: MapSpec) -> Mapping[str, Any]:
    """Return the fields of a `Sheet` that every output of a run has in common: day, program, marks, foot, sources.

    Examples of use: ``Sheet(title=…, main=…, **printed_of(meta, spec))``.
    """
    return {
        "as_of": meta.as_of,
        "program": meta.program,
        "marks": [spec.notice, *([meta.mark] if meta.mark else [])],
        "disclaimer": spec.disclaimer,
        "approval": spec.approval,
        "sources": [
            Source(
                layer.title,
                layer.version,
                Text(
                    f"{layer.delivered}，{layer.rows} 行".removeprefix("，"),
                    f"{layer.delivered}, {layer.rows} rows".removeprefix(", "),
                ),
            )
            for layer in meta.layers
        ],
    }
