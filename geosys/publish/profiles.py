"""The profiles of ``layers/profiles/``: who is handed what, in which form; a file for each."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from geosys._errors import SpecError
from geosys._faults import Faults, nearest
from geosys._text import Text
from geosys.layers.vector_out import short_names_of
from geosys.publish.content import Field, ProfileLayer
from geosys.publish.field_reading import DIGITS, NAME_BYTES, Columns
from geosys.publish.profile_reading import SHAPES, ShippedProfile, read_profile

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from geosys.layers.spec import Catalogue, LayerSpec

FOLDER = "profiles"
IDENTITY = "标识"  # the key of layers that the caller names: rows without a key of their own have it too


def read_profiles(root: Path, catalogue: Catalogue) -> Mapping[str, ShippedProfile]:
    """Return every profile by its id, in order of id.

    Parameters
    ----------
    root : the content folder, which holds ``layers/profiles/<id>.toml``.

    Raises
    ------
    SpecError
        With all faults of all files, one a line.
    """
    faults = Faults()
    found = {
        path.stem: read_profile(path, catalogue, faults) for path in sorted((root / "layers" / FOLDER).glob("*.toml"))
    }
    faults.raise_if_any()
    return found


def profile_named(profiles: Mapping[str, ShippedProfile], name: str) -> ShippedProfile:
    """Return a profile by its id.

    Raises
    ------
    SpecError
        When there is none of that id; the message has the nearest one.
    """
    if name in profiles:
        return profiles[name]
    hint = nearest(name, profiles) or f"Known: {', '.join(profiles)}."
    raise SpecError(f"profile: got {name!r}, expected a profile of layers/{FOLDER}/. {hint}")


def with_layers(profile: ShippedProfile, names: Sequence[str], catalogue: Catalogue) -> ShippedProfile:
    """Return an open profile with the layers its caller names: all their columns, under their short names.

    Raises
    ------
    SpecError
        When the profile has layers of its own, none is named, or a layer is unknown, has no geometry, or has columns
        whose short names are longer than ten bytes of GBK or not told apart.
    """
    faults, where = Faults(), f"layers/{FOLDER}/{profile.id}.toml"
    if not profile.is_open:
        if names:
            faults.add(
                where, list(names), "no layers of the caller's", "Its own are fixed; use a profile with 'open = true'."
            )
        faults.raise_if_any()
        return profile
    if not names:
        faults.add(where, "no layer", "one or more", "Name them, as --layer LAYER.")
    layers = []
    for name in dict.fromkeys(names):
        faults.one_of("--layer", name, catalogue.layers, "a layer of layers/")
        if name in catalogue.layers:
            layers.append(_whole_layer(catalogue.layers[name], catalogue, faults))
    faults.raise_if_any(SpecError)
    kept = (
        profile.formats
        if any(layer.geometry == "polygon" for layer in layers)
        else tuple(f for f in profile.formats if f != "txt")
    )
    return replace(profile, layers=tuple(layers), formats=kept)


def with_formats(profile: ShippedProfile, names: Sequence[str]) -> ShippedProfile:
    """Return a profile that is handed over in some of its formats only; none named: in all.

    Raises
    ------
    SpecError
        When it has no such format.
    """
    faults = Faults()
    for name in names:
        faults.one_of("--format", name, profile.formats, f"a format of the profile '{profile.id}'")
    faults.raise_if_any()
    return replace(profile, formats=tuple(f for f in profile.formats if f in names)) if names else profile


def _whole_layer(spec: LayerSpec, catalogue: Catalogue, faults: Faults) -> ProfileLayer:
    faults.one_of(f"layers/{spec.id}.toml geometry", spec.geometry, SHAPES, "a layer with a geometry")
    short = short_names_of(spec.titles, catalogue.root / "layers" / "short_names.csv")
    names = list(short.values())
    for column, name in short.items():
        if len(name.encode("gbk", "replace")) > NAME_BYTES or names.count(name) > 1:
            do = "Add a line to layers/short_names.csv."
            faults.add(
                f"layers/{spec.id}.toml {column}", name, f"a name of its own of at most {NAME_BYTES} bytes of GBK", do
            )
    columns = Columns.of(spec.id, catalogue) or Columns.none()
    fields = [_whole_field(spec, column, short[column], columns, catalogue) for column in spec.titles]
    told = Text("要素标识", "Feature id")
    fields.insert(0, Field(IDENTITY, told, "text", column="feature_id", disclosure=columns.disclosures["feature_id"]))
    return ProfileLayer(spec.id, spec.title, spec.id, spec.geometry, tuple(fields), (IDENTITY,))


def _whole_field(spec: LayerSpec, column: str, name: str, columns: Columns, catalogue: Catalogue) -> Field:
    own = spec.fields.get(column)
    kind = spec.type_of(column)
    codes = catalogue.codes[own.codes].titles if own is not None and own.codes else {}
    is_measured = column not in spec.fields and kind == "number"
    return Field(
        name=name, title=spec.titles[column], type=kind, length=(own.length or 0) if own is not None else DIGITS * is_measured,
        decimals=2 * is_measured, codes=codes, column=column, disclosure=columns.disclosures[column],
        certainty="our_reading" if own is None else own.certainty,
    )  # fmt: skip
