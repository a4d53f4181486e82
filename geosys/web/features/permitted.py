"""What of a collection is there for a viewer: the one door through which every answer and every edit goes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from geosys.accounts import rights
from geosys.web.features.problems import not_found
from geosys.web.sources.conditions import Constant, OneOf, all_of
from geosys.web.sources.port import EditableSource

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from geosys._schema import LayerSchema
    from geosys.accounts.viewer import Viewer
    from geosys.web.service import Service
    from geosys.web.sources.conditions import Condition
    from geosys.web.sources.port import Collection


@dataclass(frozen=True, slots=True)
class Access:
    """Hold a collection as one viewer has it.

    Parameters
    ----------
    columns : type of each column that may be seen, asked for and answered; no other exists here.
    condition : that the rows must hold which may be seen; None: all of them.
    """

    collection: Collection
    schema: LayerSchema
    columns: Mapping[str, str]
    condition: Condition | None
    rules: tuple[rights.RowRule, ...]
    may_edit: bool

    @property
    def bounds(self) -> tuple[float, float, float, float] | None:
        """Return the box of the collection, unless it would tell where rows lie that may not be seen."""
        return self.collection.bounds if self.condition is None else None


def access(service: Service, viewer: Viewer, name: str) -> Access:
    """Return a collection as a viewer has it.

    Raises
    ------
    ProblemError
        404, the same for a collection that is not there and for one that may not be read.
    """
    collection, schema = service.source.collections().get(name), service.schemas.get(name)
    if collection is None or schema is None:
        raise not_found()
    found = _access(service, viewer, collection, schema)
    if found is None:
        raise not_found()
    return found


def accesses(service: Service, viewer: Viewer) -> list[Access]:
    """Return all collections that a viewer may read, in the order of the content."""
    there = service.source.collections()
    found = [_access(service, viewer, there[n], schema) for n, schema in service.schemas.items() if n in there]
    return [one for one in found if one is not None]


def _access(service: Service, viewer: Viewer, collection: Collection, schema: LayerSchema) -> Access | None:
    rules = rights.row_rules(viewer, schema) if rights.may(viewer, "read", schema) else None
    if rules is None:
        return None
    visible = set(rights.visible_columns(viewer, schema))
    columns = {name: kind for name, kind in collection.columns.items() if name in visible}
    may_edit = isinstance(service.source, EditableSource) and rights.may(viewer, "edit", schema)
    return Access(collection, schema, columns, _condition(rules, collection), tuple(rules), may_edit)


def _condition(rules: Iterable[rights.RowRule], collection: Collection) -> Condition | None:
    """Return row rules as a condition; a rule on a column that the store lacks lets no row through."""
    return all_of(
        OneOf(rule.column, tuple(sorted(rule.values)), leading=rule.leading)
        if collection.columns.get(rule.column) == "text"
        else Constant(holds=False)
        for rule in rules
    )
