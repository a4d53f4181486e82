"""Read and check one profile of ``layers/profiles/``; faults are collected, nothing is guessed."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from geosys._errors import CrsError
from geosys._text import Text
from geosys.content import read_toml, short_name
from geosys.geo.crs import datum_that_cannot_be_converted, parse_crs
from geosys.layers.spec import CERTAINTIES, DISCLOSURES
from geosys.publish.content import Profile, ProfileLayer
from geosys.publish.field_reading import Columns, read_field
from geosys.publish.zones import is_zone_numbered, zone_numbered

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from geosys._faults import Faults
    from geosys.layers.spec import Catalogue
    from geosys.publish.content import Field

FORMATS = ("gdb", "gpkg", "shp", "txt", "xlsx")
SHAPES = ("point", "line", "polygon")
PLAN_CRS = "plan"
_TEXTS = ("title", "about", "sender", "receiver", "cycle", "receipt", "basis")
_REQUIRED = (*_TEXTS, "audience", "crs", "formats", "certainty")
_KINDS = {
    "audience": "a text", "crs": "a text", "zone_prefix": "true or false", "formats": "a list of texts", "certainty": "a text",
    "layers": "a list of tables", "open": "true or false",
}  # fmt: skip
_LAYER_KINDS = {
    "name": "a text", "source": "a text", "geometry": "a text", "key": "a list of texts", "where": "a table of values or lists",
    "may_overlap": "true or false", "needed": "true or false", "fields": "a list of tables",
}  # fmt: skip
NOTHING = Text("", "")
_LAYER_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,29}")


@dataclass(frozen=True, slots=True)
class ShippedProfile(Profile):
    """Hold a profile as its file has it.

    `lacking` says what it asks for and no layer of ours can hold; empty: nothing. One without layers can then make no package.
    `is_open`: whoever makes the package names the layers.
    """

    lacking: Text = NOTHING
    is_open: bool = False


def read_profile(path: Path, catalogue: Catalogue, faults: Faults) -> ShippedProfile:
    """Return the profile of one file; faults are added, and defaults stand in for what is wrong."""
    table, where = read_toml(path), short_name(path)
    faults.keys(where, table, ("zone_prefix", "layers", "lacking", "open"), _REQUIRED)
    table = faults.sound(where, table, _KINDS)
    texts = {name: faults.text(f"{where} {name}", table.get(name)) for name in (*_TEXTS, "lacking")}
    certainty = faults.one_of(f"{where} certainty", table.get("certainty"), CERTAINTIES, "a certainty")
    formats = table.get("formats", [])
    for name in formats:
        faults.one_of(f"{where} formats", name, FORMATS, "a format")
    if not formats or len(set(formats)) != len(formats):
        faults.add(f"{where} formats", formats, f"one or more of {', '.join(FORMATS)}, each once")
    crs, has_prefix = table.get("crs", PLAN_CRS), table.get("zone_prefix", False)
    _check_crs(crs, where, faults, has_prefix=has_prefix)
    layers = [
        _read_layer(entry, f"{where} [[layers]] {i}", catalogue, certainty, faults)
        for i, entry in enumerate(table.get("layers", []), 1)
    ]
    _check_layers(layers, formats, where, faults)
    is_open = table.get("open", False)
    if bool(layers) + bool(is_open) != 1 and not (not layers and texts["lacking"].zh):
        do = (
            "Name the layers, write 'open = true' where the caller names them, or say in 'lacking' what no layer holds."
        )
        faults.add(f"{where} layers", len(layers), "layers, or the reason why there are none", do)
    return ShippedProfile(
        id=path.stem, audience=faults.one_of(f"{where} audience", table.get("audience"), DISCLOSURES, "a disclosure level"),
        crs=crs, has_zone_prefix=has_prefix, formats=tuple(formats), layers=tuple(layers), certainty=certainty, is_open=is_open, **texts,
    )  # fmt: skip


def _check_crs(crs: str, where: str, faults: Faults, *, has_prefix: bool) -> None:
    if crs == PLAN_CRS:
        return
    try:
        parsed = parse_crs(crs)
    except CrsError as error:
        faults.rows.append(f"{where} crs: {error}")
        return
    if parsed.to_epsg() is None or datum_that_cannot_be_converted(parsed):
        faults.add(f"{where} crs", crs, "'plan' or an EPSG code of CGCS2000, as 'EPSG:4547'")
    elif has_prefix and zone_numbered(crs) is None:
        faults.add(
            f"{where} zone_prefix", crs, "a Gauss-Kruger zone of CGCS2000", "Only its eastings can carry a number."
        )
    elif not has_prefix and is_zone_numbered(crs):
        faults.add(f"{where} crs", crs, "zone_prefix = true beside it", "Its eastings carry the number of the zone.")


def _read_layer(
    table: Mapping[str, Any], where: str, catalogue: Catalogue, certainty: str, faults: Faults
) -> ProfileLayer:
    faults.keys(
        where, table, ("where", "may_overlap", "needed"), ("name", "title", "source", "geometry", "key", "fields")
    )
    table = faults.sound(where, table, _LAYER_KINDS)
    name = table.get("name", "")
    if not _LAYER_NAME.fullmatch(name):
        faults.add(f"{where} name", name, "a letter, then letters, digits and _, at most 30 in all")
    columns = Columns.of(table.get("source", ""), catalogue)
    geometry = faults.one_of(f"{where} geometry", table.get("geometry"), SHAPES, "a geometry")
    if columns is None:
        faults.one_of(f"{where} source", table.get("source"), catalogue.layers, "a layer of layers/, or findings")
        columns = Columns.none()
    elif geometry != columns.geometry:
        faults.add(f"{where} geometry", geometry, f"'{columns.geometry}', that of {table.get('source')}")
    fields = [
        read_field(entry, f"{where} fields {i}", columns, catalogue, certainty, faults)
        for i, entry in enumerate(table.get("fields", []), 1)
    ]
    _check_fields(fields, table.get("key", []), where, faults)
    wanted = {k: v if isinstance(v, list) else [v] for k, v in table.get("where", {}).items()}
    for column in wanted:
        faults.one_of(f"{where} where", column, columns.types, "a column of the layer")
    return ProfileLayer(
        name=name, title=faults.text(f"{where} title", table.get("title")), source=table.get("source", ""), geometry=geometry,
        fields=tuple(fields), key=tuple(table.get("key", ())), where={k: tuple(map(written, v)) for k, v in wanted.items()},
        may_overlap=table.get("may_overlap", True), is_needed=table.get("needed", True),
    )  # fmt: skip


def written(value: object) -> str:
    """Return a value as `where` compares it: truth as ``true`` or ``false``, all else as text.

    Examples
    --------
    >>> [written(v) for v in (True, "一级", 3)]
    ['true', '一级', '3']
    """
    return str(value).lower() if isinstance(value, bool) else str(value)


def _check_fields(fields: Sequence[Field], key: Sequence[str], where: str, faults: Faults) -> None:
    names = [field.name for field in fields]
    if not names:
        faults.add(f"{where} fields", "none", "at least one field")
    folded = [name.casefold() for name in names]
    for name in sorted({n for n in names if folded.count(n.casefold()) > 1}):
        faults.add(f"{where} fields", name, "a name used once, whatever its case")
    if not key:
        faults.add(f"{where} key", key, "the fields that tell rows apart")
    for name in key:
        faults.one_of(f"{where} key", name, names, "a field of this layer of the profile")


def _check_layers(layers: Sequence[ProfileLayer], formats: Sequence[str], where: str, faults: Faults) -> None:
    names = [layer.name.casefold() for layer in layers]
    for name in sorted({n for n in names if names.count(n) > 1}):
        faults.add(f"{where} layers", name, "a name used once, whatever its case")
    if "txt" in formats and layers and not any(layer.geometry == "polygon" for layer in layers):
        faults.add(f"{where} formats", "txt", "a polygon layer for files of boundary points", "Leave 'txt' out.")
