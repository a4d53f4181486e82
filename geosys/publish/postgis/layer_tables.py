"""The current layer versions as tables: columns, types, codes and disclosure as their specs say."""

from __future__ import annotations

from typing import TYPE_CHECKING

from geosys._errors import WorkspaceError
from geosys._faults import nearest
from geosys._text import Text
from geosys.layers.store import has_current, read_current, read_provenance
from geosys.publish.postgis.edition import Column, Table

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    import geopandas as gpd

    from geosys.layers.spec import Catalogue, LayerSpec

PUBLIC = "public"
_NARROW_FIRST = ("internal", "shared", PUBLIC)
# Where a row comes from: for the house only, whatever the layer's disclosure.
ORIGIN = (
    Column("source_file", "text", Text("来源文件", "Source file")),
    Column("source_row", "integer", Text("来源行号", "Source row")),
)


def layer_tables(store: Path, catalogue: Catalogue, wanted: Sequence[str] = ()) -> list[Table]:
    """Return a table for each layer with a current version, or for the wanted ones; rows are read when they are loaded.

    Raises
    ------
    WorkspaceError
        When a wanted layer has no current version.
    """
    there = [name for name in catalogue.layers if has_current(store, name)]
    for name in wanted:
        if name not in there:
            hint = nearest(name, there) or f"There are: {', '.join(there) or 'none'}."
            raise WorkspaceError(f"--layer: got '{name}', expected a layer with a current version. {hint}")
    return [_table(store, catalogue.layers[name]) for name in there if name in wanted or not wanted]


def _table(store: Path, spec: LayerSpec) -> Table:
    told = read_provenance(store, spec.id)
    fields = [[name] for name in (spec.name,) if name]
    return Table(
        id=spec.id, title=spec.title, geometry=spec.geometry, crs=str(told["crs"]), columns=[*_columns(spec), *ORIGIN],
        version=str(told["version"]), rows=int(told["rows"]), read=_reader(store, spec), indexed=[list(spec.key), *fields],
        is_public=_is_public(spec), disclosure=spec.disclosure,
    )  # fmt: skip


def _is_public(spec: LayerSpec) -> bool:
    """Say whether everybody may see a layer: not where its key, which every row's name is made of, is for fewer."""
    key = [*spec.key, *spec.key_where_given]
    return all(word == PUBLIC for word in (spec.disclosure, *(spec.fields[name].disclosure for name in key)))


def _columns(spec: LayerSpec) -> list[Column]:
    columns = []
    for name, title in spec.titles.items():
        field = spec.fields.get(name)
        inputs = spec.derived[name].inputs if name in spec.derived else ()
        words = [spec.disclosure, *(spec.fields[i].disclosure for i in inputs)]
        narrowest = min(words if field is None else [field.disclosure, spec.disclosure], key=_NARROW_FIRST.index)
        columns.append(
            Column(
                name, spec.type_of(name), title, unit=(field.unit or "") if field else "", length=field.length if field else None,
                codes=(field.codes or "") if field else "", minimum=field.minimum if field else None,
                maximum=field.maximum if field else None, is_public=narrowest == PUBLIC,
            )
        )  # fmt: skip
    return columns


def _reader(store: Path, spec: LayerSpec) -> Callable[[], gpd.GeoDataFrame]:
    def read() -> gpd.GeoDataFrame:
        layer = read_current(store, spec)
        frame = None if layer is None else layer.frame
        lacking = list(spec.titles) if frame is None else [name for name in spec.titles if name not in frame]
        if frame is None or lacking:
            raise WorkspaceError(
                f"store/{spec.id}: got a version without {', '.join(lacking)}, expected what layers/{spec.id}.toml says. "
                "Run 'geosys run' to write it again."
            )
        return frame

    return read
