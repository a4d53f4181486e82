"""Which field of a layer holds the name of a feature: what is written beside it on a map, and in the line of a plot."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from geosys.publish.content import Field, ProfileLayer

_CODE, _NAMES = "_code", ("_name", "_plot")


def name_field(layer: ProfileLayer) -> Field | None:
    """Return the field of a feature's name, None where there is none.

    It is taken from the column ``name`` or from the one that is called like the key's: ``plot_name`` with ``plot_code``; where the
    key is a number of ours, like the first code's. The name of a township or of an owner, which stands in many layers, is not the feature's own.
    """
    columns = {field.column: field for field in layer.fields}
    keys = [field.column for field in layer.fields if field.name in layer.key]
    codes = (
        keys
        if any(key.endswith(_CODE) for key in keys)
        else [column for column in columns if column.endswith(_CODE)][:1]
    )
    stems = [code.removesuffix(end) for code in [*keys, *codes] for end in (_CODE, "_id") if code.endswith(end)]
    wanted = ["name", *(stem + end for stem in stems for end in _NAMES)]
    return next((columns[column] for column in wanted if column in columns), None)
