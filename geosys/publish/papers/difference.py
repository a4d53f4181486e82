"""What is new, gone and changed in a package against the last one of its profile, row by row by the profile's key."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyproj
import shapely

from geosys._errors import GeoSysError
from geosys._text import Text
from geosys.geo.authalic import ellipsoidal_areas_m2
from geosys.geo.crs import GEOGRAPHIC, ellipsoid_of, parse_crs, to_crs
from geosys.layers.vector_files import read_vector
from geosys.publish.shaping import typed_column

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from geosys.publish.content import Field, ProfileLayer, ShapedLayer

Key = tuple[str, ...]
GEOMETRY = "geometry"
# Two conversions there and back move a vertex by less than 1e-8 m (PROJ, Gauss-Kruger): 0.1 mm is no change of a border.
CONVERTED_TOLERANCE_M = 1e-4
# How formats keep truth: as such, as a number, as a word.
_TRUTHS = dict.fromkeys(("True", "true", "1", "1.0", "是"), True) | dict.fromkeys(
    ("False", "false", "0", "0.0", "否"), False
)
FIRST = Text("首次报送，没有可比的上一包", "the first package: there is none to compare with")


@dataclass(frozen=True, slots=True)
class Change:
    """Hold one changed value of one row: the field's name (``geometry``: its shape), as text before and after.

    Areas are ellipsoidal, in m²; `moved` is the area covered before or now but not both, in m², or how far a point moved, in m.
    """

    key: Key
    field: str
    before: str
    after: str
    area_before_m2: float | None = None
    area_after_m2: float | None = None
    moved: float | None = None


@dataclass(frozen=True, slots=True)
class LayerDifference:
    """Hold what changed in one layer; `why` says why it was not compared, empty where it was.

    `ambiguous` are keys that stand in several rows of either package: these rows are not compared.
    """

    layer: str
    title: Text
    new: Sequence[Key] = ()
    gone: Sequence[Key] = ()
    changes: Sequence[Change] = ()
    same: int = 0
    ambiguous: Sequence[Key] = ()
    fields_added: Sequence[str] = ()
    fields_gone: Sequence[str] = ()
    why: Text | None = None

    @property
    def changed(self) -> int:
        """Return in how many rows something changed."""
        return len({change.key for change in self.changes})


@dataclass(frozen=True, slots=True)
class Difference:
    """Hold the difference against a package; `previous` is its folder's name, empty for none, and `why` says why there is none."""

    previous: str
    layers: Sequence[LayerDifference] = ()
    why: Text | None = None

    def counts(self) -> dict[str, dict[str, int]]:
        """Return rows new, gone, changed and same by layer; layers that were not compared are left out."""
        return {
            d.layer: {"new": len(d.new), "gone": len(d.gone), "changed": d.changed, "same": d.same}
            for d in self.layers
            if d.why is None
        }


def differ(shaped: Sequence[ShapedLayer], previous: Path | None, file: str, why: Text | None = None) -> Difference:
    """Compare the layers of a package with those of the last one.

    Parameters
    ----------
    shaped : the layers now.
    previous : the folder of the last package of the profile; None: there is none, or `why` says why it is not there.
    file : its GeoPackage, below that folder.
    """
    if previous is None:
        return Difference("", why=why or FIRST)
    path = previous / file
    if not path.is_file():
        zh, en = f"上一包 {previous.name} 中没有 {file}", f"the last package {previous.name} has no {file}"
        return Difference(previous.name, why=Text(zh, en))
    return Difference(previous.name, tuple(_layer(layer, path) for layer in shaped))


def _layer(now: ShapedLayer, path: Path) -> LayerDifference:
    spec = now.layer
    try:
        reading = read_vector(path, spec.name, None, ())
    except GeoSysError:
        why = Text("上一包中没有此图层", "the last package has no such layer")
        return LayerDifference(spec.name, spec.title, why=why)
    names = [field.name for field in spec.fields]
    lacking = [name for name in spec.key if name not in reading.columns]
    shapes = reading.geometry
    if lacking or shapes is None or reading.crs is None:
        told = ", ".join(lacking) or "geometry"
        why = Text(
            f"上一包的此图层缺少 {told}，无法对应",
            f"this layer of the last package lacks {told}: rows cannot be matched",
        )
        return LayerDifference(spec.name, spec.title, why=why)
    common = [field for field in spec.fields if field.name in reading.columns]
    before = {f.name: _texts(pd.Series(reading.columns[f.name]), f) for f in common}
    after = {f.name: _texts(now.frame[f.name], f) for f in common}
    crs = now.frame.crs.to_string()
    tolerance = 0.0 if parse_crs(reading.crs) == parse_crs(crs) else CONVERTED_TOLERANCE_M
    old = to_crs(shapes, reading.crs, crs)
    return _compared(
        spec, before, after, old, now.frame.geometry.to_numpy(), crs, tolerance, names, list(reading.columns)
    )


def _compared(
    spec: ProfileLayer, before: Mapping[str, Sequence[str]], after: Mapping[str, Sequence[str]],
    old: NDArray[np.object_], new: NDArray[np.object_], crs: str, tolerance: float, names: Sequence[str], others: Sequence[str],
) -> LayerDifference:  # fmt: skip
    then, twice = _places(before, spec.key, len(old))
    today, again = _places(after, spec.key, len(new))
    ambiguous = sorted(twice | again)
    both = [key for key in today if key in then and key not in ambiguous]
    pairs = [(key, then[key], today[key]) for key in both]
    changes = [
        Change(key, name, before[name][i], after[name][j])
        for key, i, j in pairs
        for name in before
        if before[name][i] != after[name][j]
    ]
    changes += _shape_changes(pairs, old, new, crs, tolerance)
    order = {key: at for at, key in enumerate(both)}
    return LayerDifference(
        spec.name, spec.title,
        new=[key for key in today if key not in then and key not in ambiguous],
        gone=[key for key in then if key not in today and key not in ambiguous],
        changes=sorted(changes, key=lambda change: order[change.key]),
        same=len(both) - len({change.key for change in changes}), ambiguous=ambiguous,
        fields_added=[name for name in names if name not in others], fields_gone=[name for name in others if name not in names],
    )  # fmt: skip


def _texts(column: pd.Series, field: Field) -> list[str]:
    """Return values as text in the type of their field, so that a format's own way of keeping them is no change."""
    if field.type == "truth":
        column = column.map(lambda v: _TRUTHS.get(str(v), v))
    typed, _ = typed_column(column, field)
    return ["" if pd.isna(value) else repr(value) if isinstance(value, float) else str(value) for value in typed]


def _places(columns: Mapping[str, Sequence[str]], key: Sequence[str], size: int) -> tuple[dict[Key, int], set[Key]]:
    """Return the row of each key, and the keys that several rows have."""
    rows: dict[Key, int] = {}
    twice = set()
    for row in range(size):
        name = tuple(columns[part][row] for part in key)
        if name in rows:
            twice.add(name)
        rows[name] = row
    return rows, twice


def _shape_changes(
    pairs: Sequence[tuple[Key, int, int]],
    old: NDArray[np.object_],
    new: NDArray[np.object_],
    crs: str,
    tolerance: float,
) -> list[Change]:
    """Return the rows whose shape changed; where a ring begins and how parts are ordered is no change."""
    if not pairs:
        return []
    left = np.array([*(old[i] for _, i, _ in pairs), None], dtype=object)[:-1]
    right = np.array([*(new[j] for _, _, j in pairs), None], dtype=object)[:-1]
    at = np.flatnonzero(~_are_same(left, right, _in_units(tolerance, crs)))
    before, after = (ellipsoidal_areas_m2(shapes[at], crs) for shapes in (left, right))
    changes = []
    for n, row in enumerate(at.tolist()):
        is_areal = any(shapely.get_dimensions(s) == 2 for s in (left[row], right[row]))  # noqa: PLR2004  2: an area
        areas = [float(side[n]) if is_areal else None for side in (before, after)]
        moved = _moved(left[row], right[row], crs)
        changes.append(Change(pairs[row][0], GEOMETRY, _kind(left[row]), _kind(right[row]), areas[0], areas[1], moved))
    return changes


def _are_same(left: NDArray[np.object_], right: NDArray[np.object_], tolerance: float) -> NDArray[np.bool_]:
    none = shapely.is_missing(left) & shapely.is_missing(right)
    exact = shapely.equals_exact(shapely.normalize(left), shapely.normalize(right), tolerance=tolerance)
    return np.asarray(none | exact, dtype=bool)


def _in_units(tolerance_m: float, crs: str) -> float:
    """Return a length in the units of a CRS: metres, or degrees of a great circle."""
    axis, _ = ellipsoid_of(crs)
    return float(tolerance_m if parse_crs(crs).is_projected else np.degrees(tolerance_m / axis))


def _moved(before: Any, after: Any, crs: str) -> float | None:
    """Return the area in m² that is covered on one side only, or how far a point moved in m; None where neither can be said."""
    if before is None or after is None or before.is_empty or after.is_empty:
        return None
    if shapely.get_dimensions(before) == shapely.get_dimensions(after) == 2:  # noqa: PLR2004
        if not (before.is_valid and after.is_valid):
            return None
        one_side = shapely.symmetric_difference(before, after)
        return float(ellipsoidal_areas_m2(np.array([one_side, None], dtype=object)[:1], crs)[0])
    points = [shapely.get_parts(shape) for shape in (before, after)]
    if all(len(part) == 1 and part[0].geom_type == "Point" for part in points):
        lon, lat = shapely.get_coordinates(to_crs(np.concatenate(points), crs, GEOGRAPHIC)).T
        axis, flattening = ellipsoid_of(GEOGRAPHIC)
        return float(pyproj.Geod(a=axis, f=flattening).inv(lon[0], lat[0], lon[1], lat[1])[2])
    return None


def _kind(shape: Any) -> str:
    return "" if shape is None or shape.is_empty else f"{shape.geom_type}, {shapely.get_num_coordinates(shape)}"
