"""The watch on land use: all checks of two versions and the current layers in one go, each row with clause, area and versions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pandas as pd

import geosys
from geosys._errors import WorkspaceError
from geosys._text import Text
from geosys.land_watch.farmland import CANDIDATE_COLUMNS, candidates, permanent_on_polluted, priority_unprotected
from geosys.land_watch.rows import OUTCOMES, row_table
from geosys.land_watch.sensitive import Found, Sources, changes_of_use, listed_plots
from geosys.land_watch.spec import WatchSpec, read_watch
from geosys.land_watch.supplied import own_use, transactions
from geosys.land_watch.versions import StoredVersion, read_version, version_named, versions_of
from geosys.layers.land_use_codes import read_land_use_codes
from geosys.views import schemas_of

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from geosys._schema import LayerSchema
    from geosys.land_watch.spec import UseLayer
    from geosys.layers.spec import Catalogue

    Progress = Callable[[str, int, int], None]

COUNT_COLUMNS = ("check", "use", "subject_layer", "subjects", *OUTCOMES)


@dataclass(frozen=True, slots=True)
class WatchResult:
    """Hold what a watch found.

    `rows` has the columns of `geosys.land_watch.rows.COLUMNS`, one row a subject that is not clear; `candidates` those of
    `geosys.land_watch.farmland.CANDIDATE_COLUMNS`; `counts` how many subjects of each check came out how; `not_assessed` names
    checks that could not be made and why; `told` is the provenance.
    """

    rows: pd.DataFrame
    candidates: pd.DataFrame
    counts: pd.DataFrame
    not_assessed: tuple[tuple[str, str, Text], ...]
    told: dict[str, Any]


def watch(
    store: Path, crs: str, catalogue: Catalogue, before: str, after: str | None, today: dt.date,
    progress: Progress | None = None,
) -> WatchResult:  # fmt: skip
    """Watch land use between two versions of the layers of use, and in the current versions of the others.

    Parameters
    ----------
    store
        The folder of layer versions.
    crs
        The plan's metric CRS.
    before, after
        A version (or the beginning of one), or a day as 2026-09-30, which means for each layer the version written last
        by its end; `after` None means the current versions.
    today
        The day by which the law is cited and terms run.

    Raises
    ------
    WorkspaceError
        When no layer of use has a version so named.
    SpecError
        When the content is at fault.
    """
    spec = read_watch(catalogue)
    pairs = _pairs(store, spec, (before, after))
    shelf = _Shelf(store, crs, schemas_of(catalogue), _fields(spec))
    uses = {use.layer for use in spec.uses.values()}
    current: dict[str, StoredVersion] = {}
    for layer in sorted(set(shelf.fields) - uses):
        version = shelf.read(layer, None)
        current |= {} if version is None else {layer: version}
    sources = Sources(spec, read_land_use_codes(catalogue.root), shelf.schemas, crs, today, current)
    found: list[Found] = []
    missing = list(_absent_layers(sources))
    steps = len(spec.uses) + 2
    for done, use in enumerate(spec.uses.values()):
        _tell(progress, done, steps)
        one, two = (shelf.read_version(use.layer, version) for version in pairs[use.layer])
        found += _use_checks(sources, use, one, two, missing)
    for plots, stored in sources.plots():
        old, new = (shelf.read_version(plots.layer, version) for version in pairs[plots.layer])
        found += own_use(sources, plots, old, new or stored)
    _tell(progress, steps - 2, steps)
    offered = _farmland_checks(sources, found)
    _tell(progress, steps - 1, steps)
    if spec.transactions.layer in current:
        found.append(transactions(sources, current[spec.transactions.layer]))
    _tell(progress, steps, steps)
    rows = row_table([row for part in found for row in part.rows], crs)
    told = _provenance(sources, pairs, store, (before, after), missing)
    return WatchResult(rows, offered, _counts(found), tuple(missing), told)


@dataclass(frozen=True, slots=True)
class _Shelf:
    """Hold where versions stand, and which columns of each layer are wanted."""

    store: Path
    crs: str
    schemas: Mapping[str, LayerSchema]
    fields: Mapping[str, set[str]]

    def read_version(self, layer: str, version: str | None) -> StoredVersion | None:
        named = self.schemas[layer].name_field
        wanted = sorted({*self.fields[layer], *([named] if named else [])})
        return None if version is None else read_version(self.store, layer, version, wanted, self.crs)

    def read(self, layer: str, asked: str | None) -> StoredVersion | None:
        return self.read_version(layer, version_named(self.store, layer, asked))


def _tell(progress: Progress | None, done: int, total: int) -> None:
    if progress is not None:
        progress("watch", done, total)


def _fields(spec: WatchSpec) -> dict[str, set[str]]:
    """Return the columns that the checks need of each layer."""
    farmland = spec.farmland
    wanted: dict[str, set[str]] = {}

    def need(layer: str, *fields: str) -> None:
        wanted.setdefault(layer, {farmland.county, farmland.township}).update(fields)

    for use in spec.uses.values():
        need(use.layer, use.code, use.name)
    for plots in spec.plots:
        need(plots.layer, plots.own_use, *(c.column for c in (*(plots.surveyed or ()), *(plots.listed or ()))))
    terms = spec.transactions
    need(terms.layer, terms.code, terms.name, terms.document)
    for layer in terms.near:
        need(layer)
    need(farmland.protected)
    for place in (spec.county, spec.township):
        need(place.layer, place.field)
    need(farmland.layer, *(c.column for c in (*farmland.priority, *farmland.exceeding, *farmland.cultivated)))
    for polluted in farmland.polluted:
        need(polluted.layer, polluted.word, *(c.column for c in polluted.where))
    return wanted


def _pairs(store: Path, spec: WatchSpec, asked: tuple[str, str | None]) -> dict[str, tuple[str | None, str | None]]:
    """Return the two versions of each layer of use and of plots; raise where what was asked means no version of use."""
    layers = [use.layer for use in spec.uses.values()]
    every = [*layers, *(plots.layer for plots in spec.plots)]
    pairs = {layer: (version_named(store, layer, asked[0]), version_named(store, layer, asked[1])) for layer in every}
    for i, option in enumerate(("--before", "--after")):
        if asked[i] is not None and all(pairs[layer][i] is None for layer in layers):
            there = {layer: ", ".join(f"{v} ({d})" for v, d in versions_of(store, layer)) for layer in layers}
            shown = "; ".join(f"{layer}: {names or 'none'}" for layer, names in there.items())
            raise WorkspaceError(f"{option}: got '{asked[i]}', expected a stored version or a day. There are {shown}.")
    return pairs


def _absent(layer: str) -> Text:
    return Text(f"图层 {layer} 没有可用版本", f"layer '{layer}' has no such version")


def _use_checks(
    sources: Sources, use: UseLayer, before: StoredVersion | None, after: StoredVersion | None,
    missing: list[tuple[str, str, Text]],
) -> Iterator[Found]:  # fmt: skip
    """Yield the checks that one layer of use takes part in, and note those it cannot."""
    if before is None or after is None:
        missing.append(("became_sensitive", use.layer, _absent(use.layer)))
    else:
        yield from changes_of_use(sources, use, before, after)
    if after is None:
        missing.append(("listed_forbidden_use", use.layer, _absent(use.layer)))
    else:
        yield from listed_plots(sources, use, after)


def _farmland_checks(sources: Sources, found: list[Found]) -> pd.DataFrame:
    """Add the checks of farmland to those found; return the candidates for exchange."""
    farmland = sources.spec.farmland
    protected = sources.current.get(farmland.protected)
    nobody = pd.DataFrame(columns=list(CANDIDATE_COLUMNS))
    if protected is None:
        return nobody
    needs = permanent_on_polluted(sources, protected)
    found += [part for part, _, _ in needs]
    if farmland.layer not in sources.current:
        return nobody
    free = priority_unprotected(sources, protected)
    found.append(free[0])
    return candidates(sources, needs, free)


def _absent_layers(sources: Sources) -> Iterator[tuple[str, str, Text]]:
    """Yield the checks that lack a layer, each with the layer; what needs no other layer is still made."""
    spec, farmland = sources.spec, sources.spec.farmland
    wanted = [("became_sensitive", plots.layer) for plots in spec.plots]
    wanted += [("listed_forbidden_use", plots.layer) for plots in spec.plots if plots.listed is not None]
    wanted += [
        ("permanent_on_polluted", layer) for layer in (farmland.protected, *(p.layer for p in farmland.polluted))
    ]
    wanted += [("priority_unprotected", layer) for layer in (farmland.protected, farmland.layer)]
    wanted += [("transaction_unsurveyed", layer) for layer in (spec.transactions.layer, *spec.transactions.near)]
    for check, layer in dict.fromkeys(wanted):
        if layer not in sources.current:
            yield check, layer, _absent(layer)


def _counts(found: list[Found]) -> pd.DataFrame:
    """Return how many subjects of each check, use and layer came out how."""
    rows = [
        {
            "check": part.check, "use": part.use, "subject_layer": part.layer, "subjects": len(part.outcomes),
            **{outcome: int((part.outcomes == outcome).sum()) for outcome in OUTCOMES},
        }
        for part in found
    ]  # fmt: skip
    return pd.DataFrame(rows, columns=list(COUNT_COLUMNS))


def _provenance(
    sources: Sources, pairs: Mapping[str, tuple[str | None, str | None]], store: Path, asked: tuple[str, str | None],
    missing: list[tuple[str, str, Text]],
) -> dict[str, Any]:  # fmt: skip
    """Return what was compared, by which content, and what could not be judged."""
    spec = sources.spec
    compared = {}
    for layer, pair in pairs.items():
        days = dict(versions_of(store, layer))
        compared[layer] = {
            side: {"version": version, "written_on": str(days.get(version, ""))} if version else None
            for side, version in zip(("before", "after"), pair, strict=True)
        }
    return {
        "program": f"geosys {geosys.__version__}", "crs": sources.crs, "today": str(sources.today),
        "asked": {"before": asked[0], "after": asked[1]}, "compared": compared,
        "current": {layer: stored.version for layer, stored in sources.current.items()},
        "rows_without_place": {layer: stored.lost for layer, stored in sources.current.items() if stored.lost},
        "content": {"version": spec.version, "hash": spec.hash, "certainty": spec.certainty, "source": spec.source},
        "limits": {"min_area_m2": spec.min_area_m2, "strip_m": spec.strip_m, "farmland_min_area_m2": spec.farmland.min_area_m2},
        "area": "ellipsoidal, CGCS2000, m2",
        "not_assessed": [{"check": check, "layer": layer, "reason_zh": why.zh, "reason_en": why.en} for check, layer, why in missing],
    }  # fmt: skip
