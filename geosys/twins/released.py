"""Turn one layer into what is released of it: rows with coarse geometry, few columns and no identifier."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from geosys._text import Text
from geosys.geo.crs import GEOGRAPHIC, to_crs
from geosys.geo.generalise import generalise
from geosys.maps.frames import MapLayer
from geosys.permissions import reaches
from geosys.twins.spec import GENERALISE
from geosys.twins.values import cut_date, known_code, plain_truth, round_digits
from geosys.twins.withheld import BY_DISCLOSURE, BY_LIST, BY_SPEC, NOTHING, Entry, count_text
from geosys.views import disclosure_of

if TYPE_CHECKING:
    from geosys.layers.intake import Layer
    from geosys.layers.spec import Catalogue, LayerSpec
    from geosys.twins.spec import Release

    Shapes = np.ndarray[Any, np.dtype[np.object_]]


def shapes_of(layer: Layer, release: Release, crs: str) -> Shapes:
    """Return the geometries of all rows as they may be shown, in the plan's CRS; missing where nothing is left."""
    shapes = layer.frame.geometry.to_numpy()
    if release.geometry == GENERALISE:
        shapes = generalise(shapes, crs, release.tolerance_m)
    return np.asarray(shapely.force_2d(shapes), dtype=object)


def release_layer(
    layer: Layer, release: Release, catalogue: Catalogue, crs: str, audience: str, least: int
) -> tuple[MapLayer, list[Entry]]:
    """Return a layer as the twin shows it, and what was withheld of it.

    The rows lie in the order of what is shown, numbered anew: neither their order nor their numbers tell of what is not.

    Parameters
    ----------
    crs : of the layer, the plan's metric one.
    least : rows that are counted in the list of the withheld are told from this number on.
    """
    spec = layer.spec
    shapes = shapes_of(layer, release, crs)
    gone = shapely.is_missing(shapes) | shapely.is_empty(shapes)
    table, blanked = _columns(layer.frame[~gone], release, catalogue)
    degrees = to_crs(shapes[~gone], crs, GEOGRAPHIC)
    frame = _ordered(table, degrees)
    frame["feature_id"] = [str(number) for number in range(1, len(frame) + 1)]
    named = spec.name if spec.name in release.columns else None
    titles = [f"{spec.title.zh} {number}" for number in frame["feature_id"]]
    frame["name"] = frame[named].fillna(pd.Series(titles, index=frame.index)) if named else titles
    how = geometry_text(release)
    shown = MapLayer(
        id=spec.id, title=spec.title, geometry=spec.geometry, key=(), frame=frame, version=_hash(frame), delivered=how.both(),
        columns={c: spec.titles[c] for c in release.columns}, disclosure=spec.disclosure,
        column_disclosure={c: disclosure_of(spec, c) for c in release.columns},
        codes={c: catalogue.codes[spec.fields[c].codes or ""].titles for c in release.columns if c in spec.fields and spec.fields[c].codes},
        units={c: spec.fields[c].unit or "" for c in release.columns if c in spec.fields and spec.fields[c].unit},
    )  # fmt: skip
    return shown, _entries(layer, release, audience, least, int(gone.sum()), blanked)


def _columns(frame: gpd.GeoDataFrame, release: Release, catalogue: Catalogue) -> tuple[pd.DataFrame, dict[str, int]]:
    """Return the columns that are shown, coarsened, and of each how many filled cells became empty."""
    spec, made, blanked = catalogue.layers[release.layer], {}, {}
    for name in release.columns:
        values = frame[name] if name in frame else pd.Series([None] * len(frame), index=frame.index, dtype=object)
        rows = [_value(value, name, spec, release, catalogue) for value in values]
        made[name] = np.array([*rows, None], dtype=object)[:-1]  # the spare None keeps numpy from guessing a type
        blanked[name] = sum(new is None and not pd.isna(old) for new, old in zip(rows, values, strict=True))
    return pd.DataFrame(made, index=range(len(frame))), blanked


def _value(value: Any, name: str, spec: LayerSpec, release: Release, catalogue: Catalogue) -> Any:
    kind, field = spec.type_of(name), spec.fields.get(name)
    if kind == "date":
        return cut_date(value, release.dates)
    if kind in ("integer", "number"):
        return round_digits(value, release.digits[name])
    if kind == "truth":
        return plain_truth(value)
    if field is not None and field.codes:
        return known_code(value, catalogue.codes[field.codes].titles)
    return None if pd.isna(value) else str(value)


def _ordered(table: pd.DataFrame, shapes: Shapes) -> gpd.GeoDataFrame:
    """Return rows in the order of what they show: shape first, then values."""
    keys = [(shapely.to_wkb(s, byte_order=1), *map(str, row)) for s, row in zip(shapes, table.itertuples(index=False), strict=True)]  # fmt: skip
    order = sorted(range(len(keys)), key=keys.__getitem__)
    return gpd.GeoDataFrame(table.iloc[order].reset_index(drop=True), geometry=shapes[order], crs=GEOGRAPHIC)


def _hash(frame: gpd.GeoDataFrame) -> str:
    """Return a short hash of what is shown: that of the whole layer would confirm a guess of the rest."""
    digest = hashlib.sha256(b"".join(shapely.to_wkb(frame.geometry.to_numpy(), byte_order=1)))
    digest.update(frame.drop(columns="geometry").to_csv(index=False).encode("utf-8", "replace"))
    return digest.hexdigest()[:12]


def geometry_text(release: Release) -> Text:
    """Return how coarse the geometry of a release is."""
    if release.geometry == GENERALISE:
        m = f"{release.tolerance_m:g}"
        return Text(f"公开版：图形概化至 {m} m 网格", f"public edition: geometry generalised to a grid of {m} m")
    return Text("公开版：图形未概化", "public edition: geometry not generalised")


def _entries(
    layer: Layer, release: Release, audience: str, least: int, gone: int, blanked: dict[str, int]
) -> list[Entry]:
    spec = layer.spec

    def entry(kind: str, how: Text, count: str, why: Text, name: str = "") -> Entry:
        return Entry(spec.id, spec.title, name, spec.titles.get(name, NOTHING), kind, how, count, why)

    rows = str(len(layer.frame) - gone)  # as many as the map shows
    fresh = Text(
        "编号按公开内容重新排列，原编号不公布", "numbered anew by what is shown; the original ids are not told"
    )
    found = [entry("identity", fresh, rows, BY_SPEC)]
    if release.geometry == GENERALISE:
        found.append(entry("geometry", geometry_text(release), rows, BY_SPEC))
    if gone:
        what = Text("无位置，或概化后无图形", "without a position, or nothing left after generalising")
        found.append(entry("rows", what, count_text(gone, least), BY_SPEC))
    if len(layer.withheld):
        what = Text("数据问题，未进入图层", "kept out of the layer by data issues")
        found.append(entry("rows", what, count_text(len(layer.withheld), least), Text("数据检查", "the data checks")))
    for name in release.columns:
        if (how := _coarser(spec, release, name)) is not None:
            found.append(entry("values", how, rows, BY_SPEC, name))
        if blanked[name]:
            what = Text("不在代码表中的文字空置", "texts that are no code of the list are left empty")
            found.append(entry("cells", what, count_text(blanked[name], least), BY_SPEC, name))
    hidden = [name for name in spec.titles if name not in release.columns]
    narrow = [name for name in hidden if not reaches(disclosure_of(spec, name), audience)]
    found += [entry("field", NOTHING, rows, BY_DISCLOSURE, name) for name in narrow]
    found += [entry("field", NOTHING, rows, BY_LIST, name) for name in hidden if name not in narrow]
    return found


def _coarser(spec: LayerSpec, release: Release, name: str) -> Text | None:
    kind = spec.type_of(name)
    if kind == "date" and release.dates != "day":
        zh = {"month": "月", "year": "年"}[release.dates]
        return Text(f"日期截至{zh}", f"dates cut to the {release.dates}")
    if kind in ("integer", "number"):
        digits = release.digits[name]
        return Text(f"数值取 {digits} 位有效数字", f"rounded to {digits} significant digits")
    return None
