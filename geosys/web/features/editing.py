"""What clients send to be written: read, held against the layer's spec and the viewer's rows, all faults told at once."""

from __future__ import annotations

import datetime as dt
import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import shapely

from geosys.accounts import rights
from geosys.geo.area import ellipsoidal_area_m2
from geosys.geo.geometry import of_kind
from geosys.layers import derive
from geosys.layers.fields import place_id
from geosys.web.features.literals import is_number, is_text, read_shape
from geosys.web.features.problems import ProblemError
from geosys.web.features.systems import inward, is_north_first
from geosys.web.sources.port import GEOMETRY, STORED_CRS, Feature

if TYPE_CHECKING:
    from collections.abc import Mapping

    from geosys.layers.spec import Field, LayerSpec
    from geosys.web.features.permitted import Access
    from geosys.web.service import Service

AREA = "area_m2"  # measured here, never taken from a client
_MEMBERS = {
    "type",
    "id",
    GEOMETRY,
    "properties",
    "links",
    "bbox",
    "coordRefSys",
    "time",
    "place",
    "conformsTo",
    "featureType",
}
_LONGEST_FREE = 4_000  # letters of a text without a length of its own
_LARGEST_WHOLE = 2**53


@dataclass(frozen=True, slots=True)
class Sent:
    """Hold a body as far as it stands by itself: what it says of values, of the place, of the name."""

    told: Mapping[str, Any]
    place: shapely.Geometry | None
    has_place: bool
    name: str | None


def read_sent(body: bytes, system: str, *, is_patch: bool) -> Sent:
    """Return what a GeoJSON feature says, its place in EPSG:4490, longitude first.

    Raises
    ------
    ProblemError
        400 when it is no feature or its coordinates are none of the system.
    """
    try:
        told = json.loads(body.decode("utf-8"), parse_constant=lambda word: {"constant": word})
    except (ValueError, RecursionError):
        raise ProblemError(400, "body: got no JSON in UTF-8, expected a GeoJSON feature.") from None
    if not isinstance(told, dict) or (not is_patch and told.get("type") != "Feature"):
        raise ProblemError(400, 'body: got no GeoJSON feature, expected {"type": "Feature", …}.')
    unknown = sorted(set(told) - _MEMBERS)
    if unknown:
        raise ProblemError(
            400, f"body: got {unknown[:5]}, expected members of a GeoJSON feature; values stand in 'properties'."
        )
    values = told.get("properties") if told.get("properties") is not None else {}
    if not isinstance(values, dict):
        raise ProblemError(400, "body: got 'properties' that are no object, expected one.")
    if "coordRefSys" in told:
        raise ProblemError(400, "body: got 'coordRefSys', expected the header Content-Crs.")
    name = told.get("id")
    if name is not None and not isinstance(name, int) and not is_text(name):
        raise ProblemError(400, "body: got an 'id' that is no text, expected one.")
    place = None if told.get(GEOMETRY) is None else _place(told[GEOMETRY], system)
    return Sent(values, place, GEOMETRY in told, None if name is None else str(name))


def _place(value: Any, system: str) -> shapely.Geometry:
    shape = read_shape(value)
    if shape is None or shapely.is_empty(shape):
        raise ProblemError(400, f"{GEOMETRY}: got no GeoJSON geometry with closed rings, expected one.")
    moved = inward(shape, system)
    if moved is None:
        raise ProblemError(400, f"{GEOMETRY}: got coordinates that {system} has no place for, expected some of it.")
    return moved


def new_feature(sent: Sent, access: Access, service: Service) -> Feature:
    """Return the feature that a body makes where there was none.

    Raises
    ------
    ProblemError
        400 with all faults; 403 when it would be a row the viewer may not see.
    """
    return _made(sent, dict.fromkeys(access.collection.columns), access, service, None)


def changed_feature(sent: Sent, before: Feature, access: Access, service: Service, *, is_patch: bool) -> Feature:
    """Return a feature as a body makes it from what is there; fields the viewer may not see stay as they are.

    Parameters
    ----------
    before
        With all columns of the collection.
    is_patch
        Values that are not sent stay; otherwise they become empty.

    Raises
    ------
    ProblemError
        400 with all faults; 403 for a row the viewer may not see; 409 when its key would name another feature.
    """
    if sent.name is not None and sent.name != before.id:
        raise ProblemError(409, f"id: got {sent.name[:60]!r}, expected {before.id!r}, the feature's own.")
    spec = service.catalogue.layers[access.collection.id]
    kept = dict(before.values)
    if not is_patch:
        kept |= dict.fromkeys((n for n in access.columns if n in spec.fields), None)
    place = sent.place if sent.has_place or not is_patch else before.geometry
    return _made(Sent(sent.told, place, has_place=True, name=sent.name), kept, access, service, before)


def _made(sent: Sent, values: dict[str, Any], access: Access, service: Service, before: Feature | None) -> Feature:
    spec = service.catalogue.layers[access.collection.id]
    faults: list[str] = []
    for name, value in sent.told.items():
        if name not in access.columns:
            faults.append(f"{name[:60]}: got a property that is not there, expected one of /schema")
        elif name in spec.fields and name in access.collection.columns:
            values[name] = _checked(value, spec.fields[name], service, faults)
    faults += [
        f"{n}: got nothing, expected a value"
        for n, f in spec.fields.items()
        if f.required and n in access.columns and values.get(n) is None
    ]
    _check_place(sent.place, spec, service, faults)
    if faults:
        raise ProblemError(400, "; ".join(faults[:30]) + ".")
    if not rights.admits_row(access.rules, values):
        raise ProblemError(
            403, "properties: got a row outside the counties or offices of your account, expected one of them."
        )
    computed = _computed(values, sent.place, spec, access)
    name = _name_of(computed, sent, spec, before)
    return Feature(name, computed, sent.place)


def _checked(value: Any, field: Field, service: Service, faults: list[str]) -> Any:
    """Return a value as it is stored; a fault is added where the layer's spec does not allow it."""
    if value is None or value == "":
        return None
    good, expected = _typed(value, field)
    if not good:
        faults.append(f"{field.id}: got {str(value)[:60]!r}, expected {expected}")
        return None
    codes = service.catalogue.codes[field.codes].titles if field.codes else {}
    if codes and str(value) not in codes:
        faults.append(f"{field.id}: got {str(value)[:60]!r}, expected one of: {', '.join(list(codes)[:30])}")
    if field.type == "text" and not codes and len(value) > (field.length or _LONGEST_FREE):
        faults.append(f"{field.id}: got {len(value)} letters, expected at most {field.length or _LONGEST_FREE}")
    if field.pattern and isinstance(value, str) and not re.fullmatch(field.pattern, value[:_LONGEST_FREE]):
        faults.append(f"{field.id}: got {value[:60]!r}, expected the form {field.pattern}")
    low, high = field.minimum, field.maximum
    if is_number(value) and ((low is not None and value < low) or (high is not None and value > high)):
        faults.append(
            f"{field.id}: got {value}, expected {'' if low is None else low} to {'' if high is None else high}"
        )
    return value


def _typed(value: Any, field: Field) -> tuple[bool, str]:
    """Say whether a JSON value is of a field's type, and what was expected."""
    if field.type == "text":
        return is_text(value), "a text"
    if field.type == "truth":
        return isinstance(value, bool), "true or false"
    if field.type == "date":
        return isinstance(value, str) and _is_day(value), "a date as 2025-06-30"
    whole = field.type == "integer"
    good = is_number(value) and (not whole or (float(value).is_integer() and abs(value) <= _LARGEST_WHOLE))
    return good, "a whole number" if whole else "a number"


def _is_day(text: str) -> bool:
    try:
        return dt.date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


def _check_place(place: shapely.Geometry | None, spec: LayerSpec, service: Service, faults: list[str]) -> None:
    """Add what is wrong with a place: absent, of another kind, invalid, or outside the region (the axes turned round)."""
    if spec.geometry == "none":
        if place is not None:
            faults.append(f"{GEOMETRY}: got one, expected none: these features have no place")
        return
    if place is None:
        faults.append(f"{GEOMETRY}: got none, expected a {spec.geometry}")
        return
    if not of_kind(np.array([place], dtype=object), spec.geometry)[0]:
        faults.append(f"{GEOMETRY}: got a {place.geom_type}, expected a {spec.geometry}")
    elif not shapely.is_valid(place):
        faults.append(f"{GEOMETRY}: got {shapely.is_valid_reason(place)[:120]}, expected a valid geometry")
    west, south, east, north = shapely.bounds(place)
    region = service.region or (-180.0, -90.0, 180.0, 90.0)
    if not (region[0] <= west and east <= region[2] and region[1] <= south and north <= region[3]):
        faults.append(
            f"{GEOMETRY}: got a place outside the region {list(region)}, expected one in it. Is Content-Crs right, and the order of the axes?"
        )


def _computed(
    values: dict[str, Any], place: shapely.Geometry | None, spec: LayerSpec, access: Access
) -> dict[str, Any]:
    """Return values with what the machine knows computed anew: area and derived columns; the rest waits for the next run."""
    frame = pd.DataFrame([{n: _as_date(values.get(n), f.type) for n, f in spec.fields.items()}], dtype=object)
    told = {name: values.get(name) if name in spec.fields else None for name in access.collection.columns}
    for name, derived in spec.derived.items():
        if name in told:
            value = derive.FUNCTIONS[derived.function].call(frame, derived.inputs, derived.settings).iloc[0]
            told[name] = None if pd.isna(value) else value.isoformat() if isinstance(value, dt.date) else str(value)
    if AREA in told and place is not None:
        told[AREA] = float(ellipsoidal_area_m2(np.array([place], dtype=object), STORED_CRS)[0])
    return told


def _as_date(value: Any, kind: str) -> Any:
    return dt.date.fromisoformat(value[:10]) if kind == "date" and isinstance(value, str) else value


def _name_of(values: Mapping[str, Any], sent: Sent, spec: LayerSpec, before: Feature | None) -> str:
    """Return the name that intake would give the feature: its key, or a hash of its place where the key is not whole."""
    parts = [values.get(name) for name in spec.key]
    if before is not None and (not spec.key or any(part is None for part in parts)) and before.id.startswith("~"):
        return before.id
    if spec.key and all(part is not None for part in parts):
        more = [values[name] for name in spec.key_where_given if values.get(name) is not None]
        name = "/".join(str(part) for part in [*parts, *more])
    else:
        place = b"" if sent.place is None else shapely.to_wkb(shapely.normalize(sent.place))
        name = place_id(place, [str(value) for value in values.values()])
    if before is not None and name != before.id and before.id.partition("~")[0] != name:
        raise ProblemError(
            409,
            f"key: got {name[:80]!r}, expected {before.id!r}: the key names the feature. Delete this one and create another.",
        )
    return name if before is None else before.id


def content_system(header: str | None) -> str:
    """Return what a header Content-Crs names, without its angle brackets; CRS84 where there is none."""
    return "OGC:CRS84" if header is None else header.strip().removeprefix("<").removesuffix(">")


def order_told(system: str) -> str:
    """Return in words which coordinate stands first."""
    return "north, east" if is_north_first(system) else "east, north"
