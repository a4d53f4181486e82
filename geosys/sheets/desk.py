"""What all sheets of a workspace stand on: stored layers, the findings and outcomes of the last run, rates, looks and words."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import geopandas as gpd
import numpy as np
import pandas as pd

import geosys
from geosys._errors import DeliveryError, DisclosureError, WorkspaceError
from geosys._faults import Faults
from geosys._text import Text
from geosys.layers.results_spec import results_spec
from geosys.layers.store import has_current, read_current
from geosys.layers.vector_files import read_vector
from geosys.maps.frames import DISCLOSURES, SEVERITIES, Meta, Provenance
from geosys.maps.sheet_spec import FINDINGS, load_sheets
from geosys.maps.spec import load_map
from geosys.sections.results import with_results
from geosys.views import map_layer_of, schemas_of, view_of

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterable, Mapping

    from geosys._schema import LayerSchema, UsableLayer
    from geosys.layers.intake import Layer
    from geosys.layers.spec import Catalogue
    from geosys.maps.frames import MapLayer
    from geosys.maps.sheet_parts import LayerPart, SheetSpec
    from geosys.maps.sheet_spec import SheetBook
    from geosys.maps.spec import MapSpec
    from geosys.workspace import Workspace

KEY = "feature_id"
CLOSED = ("closed", "dismissed")
SOON_DAYS = 30
HIT, NONE, PARTLY, UNJUDGED, REVIEW = "hit", "none", "partly", "not_assessed", "needs_review"
NO_RUN = Text(
    "没有运行结果：与规则有关的内容均为未评估。", "There are no results of a run: what rests on rules is not assessed."
)
OLDER = Text(
    "下列图层在上次规则运行之后有更新，线索仍为更新前的：{layers}。",
    "These layers are newer than the last run of the rules; findings are of the older ones: {layers}.",
)


@dataclass(frozen=True, slots=True)
class Results:
    """Hold what the last run found: findings in the plan's CRS, the outcome of each rule and subject, its manifest."""

    findings: gpd.GeoDataFrame
    outcomes: pd.DataFrame
    manifest: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Desk:
    """Hold what all sheets of a workspace share; open it once for many sheets. All frames are in the plan's CRS."""

    workspace: Workspace
    catalogue: Catalogue
    book: SheetBook
    screen: MapSpec
    layers: Mapping[str, Layer]
    results: Results | None
    today: dt.date
    schemas: Mapping[str, LayerSchema]
    _made: dict[object, Any] = field(default_factory=dict, repr=False, compare=False)

    @property
    def crs(self) -> str:
        """Return the plan's CRS."""
        return self.workspace.crs

    def frame(self, layer: str) -> gpd.GeoDataFrame:
        """Return the rows of a layer, or of the findings; without any where it was not delivered."""
        if layer == FINDINGS:
            return self.results.findings if self.results is not None else self.nothing()
        return self.layers[layer].frame if layer in self.layers else self.nothing(layer)

    def nothing(self, layer: str = "") -> gpd.GeoDataFrame:
        """Return a frame without rows that has the columns of a layer."""
        names = [KEY, *(self.schemas[layer].columns if layer in self.schemas else ())]
        return gpd.GeoDataFrame({name: [] for name in dict.fromkeys(names)}, geometry=[], crs=self.crs)

    def title(self, layer: str) -> Text:
        """Return the title of a layer."""
        return self.schemas[layer].title if layer in self.schemas else Text("线索", "Findings")

    def map_layer(self, layer: str) -> MapLayer:
        """Return a layer as the map on the screen has it: titles, codes and units."""
        if layer not in self._made:
            self._made[layer] = map_layer_of(self.layers[layer], self.catalogue)
        made: MapLayer = self._made[layer]
        return made

    def views(self) -> dict[str, UsableLayer]:
        """Return the layers as rules and rates see them."""
        return {name: view_of(layer, self.catalogue) for name, layer in self.layers.items()}


def open_desk(workspace: Workspace, catalogue: Catalogue, today: dt.date, extra: Iterable[str] = ()) -> Desk:
    """Return what the sheets of a workspace share; layers that no sheet names and `extra` does not are not read.

    Raises
    ------
    SpecError
        With every fault of the sheets.
    WorkspaceError
        When a layer version or the results of the last run are damaged.
    """
    schemas = schemas_of(catalogue)
    known = {name: set(schema.titles) for name, schema in schemas.items()}
    folder, day = catalogue.root / "maps", workspace.as_of or today
    book = load_sheets(folder, known)
    wanted = dict.fromkeys([*_layers_of(book), *extra])
    samples = [asked.samples for name in wanted if (asked := results_spec(name, catalogue)) is not None]
    layers: dict[str, Layer] = {}
    for name in dict.fromkeys([*wanted, *samples]):
        there = has_current(workspace.store, name)
        layer = read_current(workspace.store, catalogue.layers[name]) if there else None
        if layer is not None:
            lacking = {c: None for c in schemas[name].columns if c not in layer.frame}
            result = layer.frame.assign(**lacking) if lacking and results_spec(name, catalogue) is None else layer.frame
            layers[name] = type(layer)(layer.spec, result, layer.withheld, layer.provenance, layer.version)
    layers = with_results(layers, catalogue, day)
    screen = load_map(folder, known)
    return Desk(workspace, catalogue, book, screen, layers, read_results(workspace), day, schemas)


def _layers_of(book: SheetBook) -> list[str]:
    """Return every layer that a sheet draws, counts or lists."""
    parts = [part.layer for part in book.under]
    for spec in book.sheets.values():
        parts += [part.layer for part in spec.layers]
        parts += [part.layer for part in spec.charts]
        parts += [part.layer for part in spec.tables]
        parts += [name for chart in spec.charts for name in chart.layers]
    parts += [name for one in book.each.values() for name in one.layers]
    return [name for name in dict.fromkeys([*parts, *book.overview, book.frame_on]) if name and name != FINDINGS]


def read_results(workspace: Workspace) -> Results | None:
    """Return what the last run found, or None where there was none or a critical issue stopped it.

    Raises
    ------
    WorkspaceError
        When the results are damaged.
    """
    out = workspace.out
    if not (out / "manifest.json").exists():
        return None
    try:
        manifest = json.loads((out / "manifest.json").read_text(encoding="utf-8"))
        if manifest["stopped"]:
            return None
        read = read_vector(out / "results.gpkg", "findings", "utf-8", [])
        outcomes = pd.read_csv(out / "outcomes.csv", dtype=str, keep_default_na=False)
    except (OSError, ValueError, KeyError, DeliveryError) as error:
        raise WorkspaceError(
            f"{out.name}: got damaged results ({error}), expected those of a run. Run 'geosys run' again."
        ) from None
    shapes = read.geometry if read.geometry is not None else np.full(len(read.lines), None, dtype=object)
    return Results(gpd.GeoDataFrame(dict(read.columns), geometry=shapes, crs=workspace.crs), outcomes, manifest)


def chosen_findings(desk: Desk, spec: SheetSpec) -> gpd.GeoDataFrame:
    """Return the findings that a sheet speaks of, with `due_state`: overdue, soon, later, no_date or closed."""
    frame = desk.frame(FINDINGS)
    if not len(frame):
        return frame.assign(**{c: [] for c in ("due_state", "rule", "outcome", "status", "severity") if c not in frame})
    chosen = frame["outcome"].isin(spec.outcomes)
    if spec.rules:
        chosen &= frame["rule"].isin(spec.rules)
    frame = frame[chosen].reset_index(drop=True)
    return frame.assign(
        due_state=[due_state(d, s, desk.today) for d, s in zip(frame["due_on"], frame["status"], strict=True)]
    )


def due_state(due: object, status: object, today: dt.date) -> str:
    """Return how a case stands to its deadline on a day.

    Examples
    --------
    >>> import datetime as dt
    >>> day = dt.date(2026, 9, 30)
    >>> [due_state(d, "found", day) for d in ("2026-09-29", "2026-09-30", "2026-11-01", None)]
    ['overdue', 'soon', 'later', 'no_date']
    >>> due_state("2020-01-01", "closed", day)
    'closed'
    """
    if status in CLOSED:
        return "closed"
    day = pd.to_datetime(str(due), errors="coerce") if not pd.isna(due) and due else pd.NaT
    if pd.isna(day):
        return "no_date"
    left = (day.date() - today).days
    return "overdue" if left < 0 else "soon" if left <= SOON_DAYS else "later"


def worst_of(desk: Desk, layer: str, spec: SheetSpec) -> list[str]:
    """Return for each row of a layer its worst severity among the hits, or why there is none.

    ``needs_review``: some rule lacks a value; ``partly``: no hit, but rules that could not be judged; ``none``: all clear;
    ``not_assessed``: nothing was judged.
    """
    ids = desk.frame(layer)[KEY].astype(str)
    if desk.results is None:
        return [UNJUDGED] * len(ids)
    found = desk.results.findings
    mine = found[(found["subject_layer"] == layer) & (not spec.rules or found["rule"].isin(spec.rules))]
    hits = mine[mine["outcome"] == HIT]
    ranks = hits["severity"].map({word: place for place, word in enumerate(SEVERITIES)})
    worst = ranks.groupby(hits["subject_id"].astype(str)).min()
    review = set(mine.loc[mine["outcome"] == REVIEW, "subject_id"].astype(str))
    outcomes = desk.results.outcomes
    told = outcomes[outcomes["subject_id"].isin(set(ids))]
    judged = set(told.loc[told["outcome"] != UNJUDGED, "subject_id"])
    unjudged = set(told.loc[told["outcome"] == UNJUDGED, "subject_id"])

    def word(name: str) -> str:
        if name in worst.index:
            return SEVERITIES[int(worst[name])]
        if name in review:
            return REVIEW
        return UNJUDGED if name not in judged else PARTLY if name in unjudged else NONE

    return [word(name) for name in ids]


def check_audience(desk: Desk, spec: SheetSpec, parts: Iterable[LayerPart]) -> None:
    """Raise when a sheet shows a layer, or the findings, to a wider audience than they may have.

    Raises
    ------
    DisclosureError
        With every layer and column in question.
    """
    faults, wanted = Faults(), DISCLOSURES.index(spec.audience)
    used: dict[str, set[str]] = {}
    for part in parts:
        used.setdefault(part.layer, set()).update({part.label, part.shape_by, *part.where} - {""})
    for table in spec.tables:
        used.setdefault(table.layer, set()).update(table.columns)
    for chart in spec.charts:
        for layer in (chart.layer, *chart.layers):
            used.setdefault(layer, set()).update({chart.rows, chart.column} - {""})
    for layer, columns in used.items():
        schema = desk.schemas.get(layer)
        if schema is None:
            narrow = {FINDINGS: DISCLOSURES[0]} if layer == FINDINGS else {}
        else:
            narrow = {layer: schema.disclosure} | {
                f"{layer} [{c}]": schema.disclosures[c] for c in columns if c in schema.disclosures
            }
        for what, disclosure in narrow.items():
            if DISCLOSURES.index(disclosure) < wanted:
                faults.add(
                    f"sheet '{spec.name}', {what}",
                    disclosure,
                    f"'{spec.audience}' or wider",
                    "Make the sheet for a narrower audience.",
                )
    faults.raise_if_any(DisclosureError)


def staleness(desk: Desk, layers: Iterable[str]) -> list[Text]:
    """Return what must be said of the run: that there was none, or that layers are newer than it."""
    if desk.results is None:
        return [NO_RUN]
    ran = desk.results.manifest["layers"]
    newer = [
        desk.title(n) for n in layers if n in desk.layers and desk.layers[n].version != ran.get(n, {}).get("version")
    ]
    if not newer:
        return []
    zh, en = "、".join(t.zh for t in newer), ", ".join(t.en for t in newer)
    return [Text(OLDER.zh.replace("{layers}", zh), OLDER.en.replace("{layers}", en))]


def meta_of(desk: Desk, layers: Iterable[str]) -> Meta:
    """Return what a sheet prints about itself: title, day, program, mark, and the versions of its layers."""
    told = [
        Provenance(layer.spec.title, layer.version, ", ".join(d["file"] for d in layer.provenance.get("deliveries", ())), len(layer.frame))
        for name in layers
        if (layer := desk.layers.get(name)) is not None
    ]  # fmt: skip
    plan = desk.workspace
    return Meta(plan.title, desk.today, f"GeoSys {geosys.__version__}", plan.mark, layers=told)
