"""The words that people use for the ids in a ledger, from the content: offices, counties, fields, how cases were seen again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from geosys.cases.targets import COUNTY_FIELD
from geosys.reports.situation import Names
from geosys.views import offices_of, schemas_of

if TYPE_CHECKING:
    from geosys.layers.spec import Catalogue
    from geosys.maps.palettes import Palettes


def names_of(catalogue: Catalogue, palettes: Palettes) -> Names:
    """Return the words that people use for the ids in a ledger."""
    lists = {spec.fields[COUNTY_FIELD].codes for spec in catalogue.layers.values() if COUNTY_FIELD in spec.fields}
    counties = {
        code: title for name in sorted(filter(None, lists)) for code, title in catalogue.codes[name].titles.items()
    }
    fields = {
        f"{layer}.{name}": text
        for layer, schema in schemas_of(catalogue).items()
        for name, text in schema.titles.items()
    }
    return Names(offices_of(catalogue), counties, {key: swatch.title for key, swatch in palettes.seen.items()}, fields)
