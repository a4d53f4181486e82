"""Write a file geodatabase with aliases and coded domains that ArcGIS 10.x opens too."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from geosys.layers.vector_files import write_columns
from geosys.publish.files.columns import GEODATABASE, columns_of, crs_of, geometry_kind, wkb_of
from geosys.publish.files.gdal_domains import TYPES, Domain, add_domains

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from geosys.publish.content import ShapedLayer

_READABLE_BY = "ALL"  # versions of ArcGIS, also those before 3.2


def write_geodatabase(path: Path, shaped: Sequence[ShapedLayer]) -> None:
    """Write layers into a new file geodatabase; one that stands there is replaced.

    A layer's name is ASCII and its alias the Chinese title; so are the fields'. Whole numbers have 32 bits, longer ones are
    doubles (exact up to 15 digits); truth is 1 and 0; a date is a date at midnight.

    Raises
    ------
    DomainError
        When coded domains cannot be written.
    """
    shutil.rmtree(path, ignore_errors=True)
    path.parent.mkdir(parents=True, exist_ok=True)
    for layer in shaped:
        aliases = {field.name: field.title.zh for field in layer.layer.fields}
        options = {"TARGET_ARCGIS_VERSION": _READABLE_BY, "LAYER_ALIAS": layer.layer.title.zh, "TIME_IN_UTC": "NO"}
        columns = columns_of(layer, GEODATABASE, aliases)
        write_columns(
            path, layer.layer.name, columns, wkb_of(layer), geometry_kind(layer), crs_of(layer), GEODATABASE, options
        )
    domains, fields = domains_of(shaped)
    if domains:
        add_domains(path, domains, fields)


def domains_of(shaped: Sequence[ShapedLayer]) -> tuple[list[Domain], dict[tuple[str, str], str]]:
    """Return the coded domains of some layers, equal ones once, and which (layer, field) has which.

    A domain bears the name of the first field that has it, with its layer's if the field's alone is taken.
    """
    domains: dict[tuple[str, tuple[tuple[str, str], ...]], Domain] = {}
    fields: dict[tuple[str, str], str] = {}
    for layer in (one.layer for one in shaped):
        for field in layer.fields:
            if not field.codes or field.type not in TYPES:
                continue
            codes = {code: title.zh for code, title in field.codes.items()}
            same = (field.type, tuple(codes.items()))
            if same not in domains:
                taken = {domain.name for domain in domains.values()}
                name = field.name if field.name not in taken else f"{layer.name}_{field.name}"
                domains[same] = Domain(name, field.title.zh, field.type, codes)
            fields[layer.name, field.name] = domains[same].name
    return list(domains.values()), fields
