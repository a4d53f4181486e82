"""The port to features: what every store answers, and in which words; geometry is EPSG:4490, longitude first."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from geosys._errors import ConflictError, GeoSysError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import shapely

    from geosys.web.sources.conditions import Condition

KEY = "feature_id"  # the column that names a feature, in every store
GEOMETRY = "geometry"
STORED_CRS = "EPSG:4490"


class StaleError(ConflictError):
    """A feature was changed by somebody else since it was read; nothing was written."""


class TakenError(ConflictError):
    """A feature of that name is there already; nothing was written."""


class SlowError(GeoSysError):
    """A question took longer than a service may work on one; ask for less."""


@dataclass(frozen=True, slots=True)
class Collection:
    """Hold what a store has of a layer.

    Parameters
    ----------
    columns : type of each column (text, integer, number, date, truth), in order, without `KEY` and geometry.
    has_geometry : whether features have a place at all.
    version : of the layer that is served, part of every feature's tag.
    bounds : west, south, east, north in EPSG:4490 degrees; None where there is nothing.
    rows : how many there were when the store was made; edits come on top.
    """

    id: str
    columns: Mapping[str, str]
    has_geometry: bool
    version: str
    bounds: tuple[float, float, float, float] | None
    rows: int


@dataclass(frozen=True, slots=True)
class Feature:
    """Hold one feature: name, values, place (None: it has none), how often it was changed, and the token of paging after it."""

    id: str
    values: Mapping[str, Any]
    geometry: shapely.Geometry | None
    edition: int = 1
    token: str = ""


@dataclass(frozen=True, slots=True)
class Query:
    """Hold a question: which columns of which features, from where.

    Parameters
    ----------
    columns : what is answered beside name and place.
    sort : columns with whether they go down; the store's own order, the same every time, settles what is equal.
    after : the token of the last feature of the page before; only without `sort`.
    """

    columns: Sequence[str]
    condition: Condition | None = None
    sort: Sequence[tuple[str, bool]] = ()
    limit: int = 100
    offset: int = 0
    after: str = ""


@dataclass(frozen=True, slots=True)
class Change:
    """Hold one entry of the journal of edits: `before` and `after` are GeoJSON features or None."""

    number: int
    collection: str
    feature: str
    operation: str
    who: str
    when: str
    edition: int
    before: str | None
    after: str | None


@runtime_checkable
class FeatureSource(Protocol):
    """A store of features for reading."""

    def collections(self) -> Mapping[str, Collection]:
        """Return what there is, by id."""
        ...

    def count(self, collection: str, condition: Condition | None) -> int:
        """Return how many features hold."""
        ...

    def items(self, collection: str, query: Query) -> list[Feature]:
        """Return a page of features in an order that is the same every time."""
        ...

    def one(self, collection: str, feature: str, columns: Sequence[str], condition: Condition | None) -> Feature | None:
        """Return the feature of a name where it holds, or None."""
        ...

    def close(self) -> None:
        """Let go of files and connections."""
        ...


@runtime_checkable
class EditableSource(FeatureSource, Protocol):
    """A store whose features people may change; every change says which edition of the feature it is made from."""

    def create(self, collection: str, feature: Feature, who: str) -> Feature:
        """Add a feature; `TakenError` where its name is there."""
        ...

    def replace(self, collection: str, feature: Feature, edition: int, who: str) -> Feature:
        """Put a feature in the place of its edition; `StaleError` where that is no longer the one there."""
        ...

    def delete(self, collection: str, feature: str, edition: int, who: str) -> None:
        """Take a feature away; `StaleError` where another edition is there."""
        ...
