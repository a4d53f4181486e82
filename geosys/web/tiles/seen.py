"""What a viewer sees of each layer of a service: its columns, the condition of its rows, and the key that caches go by."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from geosys.accounts.rights import may, rights_key, row_rules, visible_columns
from geosys.web.sources.conditions import OneOf, all_of
from geosys.web.sources.port import EditableSource

if TYPE_CHECKING:
    from collections.abc import Mapping

    from geosys._schema import LayerSchema
    from geosys.accounts.viewer import Viewer
    from geosys.web.sources.conditions import Condition
    from geosys.web.sources.port import Collection, FeatureSource


@dataclass(frozen=True, slots=True)
class Seen:
    """Hold what a viewer sees of a layer.

    Parameters
    ----------
    columns : that it may see, in the layer's order, with their types.
    condition : that rows must hold; None: every row may be seen.
    key : of the rows, fields and state of the layer: what was made for a key is for every viewer of that key.
    is_lasting : whether the key tells every change of the layer, so that what was made for it may be kept.
    """

    schema: LayerSchema
    collection: Collection
    columns: Mapping[str, str]
    condition: Condition | None
    key: str
    is_lasting: bool = True

    @property
    def bounds(self) -> tuple[float, float, float, float] | None:
        """Return the extent of the layer in degrees; None where the viewer sees only a part: the whole would tell of the rest."""
        return self.collection.bounds if self.condition is None else None

    @property
    def name_column(self) -> str:
        """Return the column with the names of features, empty where there is none for this viewer."""
        name = self.schema.name_field or ""
        return name if name in self.columns else ""


def seen_of(source: FeatureSource, schemas: Mapping[str, LayerSchema], viewer: Viewer, layer: str) -> Seen | None:
    """Return what a viewer sees of a layer; None where there is no such layer with a place, or none for this viewer."""
    collection, schema = source.collections().get(layer), schemas.get(layer)
    if collection is None or schema is None or not collection.has_geometry or not may(viewer, "read", schema):
        return None
    rules = row_rules(viewer, schema)
    if rules is None:
        return None
    allowed = set(visible_columns(viewer, schema))
    columns = {name: kind for name, kind in collection.columns.items() if name in allowed}
    if any(rule.column not in collection.columns for rule in rules):
        return None  # nothing says of a row whether it may be seen
    parts = [OneOf(rule.column, tuple(sorted(rule.values)), leading=rule.leading) for rule in rules]
    state, is_lasting = state_of(source, collection)
    told = "\n".join((state, rights_key(viewer, schema), *(f"{n} {k}" for n, k in columns.items())))
    key = hashlib.sha256(told.encode()).hexdigest()[:16]
    return Seen(schema, collection, columns, all_of(parts), key, is_lasting)


def seen_layers(source: FeatureSource, schemas: Mapping[str, LayerSchema], viewer: Viewer) -> dict[str, Seen]:
    """Return what a viewer sees, by layer; layers it does not see are not there."""
    found = {layer: seen_of(source, schemas, viewer, layer) for layer in source.collections()}
    return {layer: seen for layer, seen in found.items() if seen is not None}


def state_of(source: FeatureSource, collection: Collection) -> tuple[str, bool]:
    """Return what a collection is now, edits included, and whether that is all there is to know."""
    state = getattr(source, "state", None)
    if callable(state):
        return f"{collection.version} {state(collection.id)}", True
    return collection.version, not isinstance(source, EditableSource)
