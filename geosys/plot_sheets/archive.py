"""Read once what all plot sheets of a workspace draw from: layer versions, the last run's results, the case ledger."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from geosys._errors import WorkspaceError
from geosys._faults import nearest
from geosys._text import Text
from geosys.cases.ledger.database import read_ledger
from geosys.cases.ledger.events import read_cases, read_events
from geosys.layers.store import CURRENT, read_current
from geosys.layers.vector_files import read_vector
from geosys.one_map.spec import read_one_map
from geosys.plot_sheets.spec import read_sheet_spec
from geosys.rooms import read_content

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Mapping, Sequence

    from geosys.layers.intake import Layer
    from geosys.layers.spec import LayerSpec
    from geosys.plot_sheets.spec import SheetSpec
    from geosys.rooms import Content
    from geosys.workspace import Workspace

KEY = "feature_id"
NOT_DELIVERED = Text("未交付", "not delivered")


@dataclass(frozen=True, slots=True)
class LastRun:
    """Hold what the last run left: its findings, the outcome of each subject under each rule, and its manifest."""

    findings: pd.DataFrame
    outcomes: pd.DataFrame
    manifest: Mapping[str, Any]

    @property
    def why_not(self) -> dict[str, Text]:
        """Return why a rule could not be assessed at all, by rule."""
        return {o["rule"]: Text(o["why_zh"], o["why_en"]) for o in self.manifest["outcomes"] if o.get("why_zh")}


@dataclass(frozen=True, slots=True)
class Archive:
    """Hold all that sheets of one workspace are made from.

    `run` is None where nothing was run, `cases` and `events` where there is no ledger.
    """

    workspace: Workspace
    content: Content
    spec: SheetSpec
    layers: Mapping[str, Layer]
    run: LastRun | None
    cases: pd.DataFrame | None
    events: Mapping[str, pd.DataFrame]
    today: dt.date

    def layer_spec(self, layer: str) -> LayerSpec:
        """Return the spec of a layer."""
        return self.content.catalogue.layers[layer]

    def absence(self, layer: str) -> Text | None:
        """Return what a sheet says of a layer that cannot be used, or None where it can."""
        if layer in self.layers:
            return None
        title = self.layer_spec(layer).title
        if any(delivery.layer == layer for delivery in self.workspace.deliveries):
            return Text(
                f"{title.zh}：已交付，但没有可用的版本（见问题清单）",
                f"{title.en}: delivered, but without a usable version (see the issues)",
            )
        return Text(f"{title.zh}：{NOT_DELIVERED.zh}", f"{title.en}: {NOT_DELIVERED.en}")


@dataclass(frozen=True, slots=True)
class PlotKey:
    """Name one plot: its layer, its code, its row, and whether the row was withheld for a data issue."""

    layer: str
    code: str
    row: int
    is_withheld: bool = False


def read_archive(workspace: Workspace, today: dt.date, root: Path | None = None) -> Archive:
    """Read what the sheets of a workspace are made from; the workspace's `as_of` goes before `today`.

    Raises
    ------
    WorkspaceError
        When a layer version, the results of the last run or the ledger are damaged.
    """
    content = read_content(root)
    spec = read_sheet_spec(content.catalogue)
    judged = {name for rule in content.book.rules.values() if rule.subject in spec.plots for name in (rule.object,)}
    land = read_one_map(content.catalogue).land_layers
    wanted = dict.fromkeys([*spec.layers, *land, *sorted(name for name in judged if name)])
    layers = {}
    for name in wanted:
        if (workspace.store / name / CURRENT).exists():
            layer = read_current(workspace.store, content.catalogue.layers[name])
            if layer is not None:
                layers[name] = _with_all_fields(layer)
    cases, events = _ledger(workspace.ledger, list(spec.plots))
    run = _last_run(workspace.out)
    return Archive(workspace, content, spec, layers, run, cases, events, workspace.as_of or today)


def _with_all_fields(layer: Layer) -> Layer:
    """Return a layer with every column of its spec: a version stored before a field came holds nothing in it."""
    lacking = {name: None for name in layer.spec.titles if name not in layer.frame and name != "area_m2"}
    if not lacking:
        return layer
    return replace(layer, frame=layer.frame.assign(**lacking), withheld=layer.withheld.assign(**lacking))


def _last_run(out: Path) -> LastRun | None:
    """Return what the last run left, or None where there is none or a critical issue stopped it."""
    if not (out / "manifest.json").exists():
        return None
    try:
        manifest = json.loads((out / "manifest.json").read_text(encoding="utf-8"))
        if manifest["stopped"]:
            return None
        read = read_vector(out / "results.gpkg", "findings", "utf-8", [])
        findings = pd.DataFrame(dict(read.columns))
        outcomes = pd.read_csv(out / "outcomes.csv", dtype=str, keep_default_na=False)
    except (OSError, ValueError, KeyError) as error:
        raise WorkspaceError(
            f"{out.name}: got damaged results ({error}), expected those of a run. Run 'geosys run' again."
        ) from None
    return LastRun(findings, outcomes, manifest)


def _ledger(where: Path | str, layers: Sequence[str]) -> tuple[pd.DataFrame | None, dict[str, pd.DataFrame]]:
    """Return the cases of some layers and the events of each; None where there is no ledger."""
    if isinstance(where, Path) and not where.exists():
        return None, {}
    with read_ledger(where) as connection:
        cases, events = read_cases(connection), read_events(connection)
    cases = cases[cases["subject_layer"].isin(list(layers))].reset_index(drop=True)
    events = events[events["case_id"].isin(cases["case_id"])]
    return cases, {str(case): told for case, told in events.groupby("case_id")}


def plots_of(archive: Archive, layer: str | None = None) -> list[PlotKey]:
    """Return every plot of the workspace, or of one layer, in order of layer and code; withheld ones included.

    Raises
    ------
    WorkspaceError
        When the layer is none of plots, or no layer of plots is there.
    """
    spec = archive.spec
    if layer is not None and layer not in spec.plots:
        hint = nearest(layer, spec.plots) or f"There are: {', '.join(spec.plots)}."
        raise WorkspaceError(f"plot: got the layer '{layer}', expected one of plots. {hint}")
    wanted = [layer] if layer is not None else list(spec.plots)
    there = [name for name in wanted if name in archive.layers]
    if not there:
        said = "; ".join(text.en for name in wanted if (text := archive.absence(name)))
        raise WorkspaceError(f"plot: got no layer of plots ({said}), expected one. Run 'geosys run' first.")
    found = []
    for name in there:
        kept = archive.layers[name]
        keys = [PlotKey(name, str(code), row) for row, code in enumerate(kept.frame[KEY])]
        known = {key.code for key in keys}
        lost = [
            PlotKey(name, str(code), row, is_withheld=True)
            for row, code in enumerate(kept.withheld[KEY])
            if str(code) not in known
        ]
        found += sorted([*keys, *_first(lost)], key=lambda key: key.code)
    return found


def _first(keys: list[PlotKey]) -> list[PlotKey]:
    """Return the first of keys with one code."""
    return list({key.code: key for key in reversed(keys)}.values())


def find_plots(archive: Archive, codes: Sequence[str], layer: str | None = None) -> list[PlotKey]:
    """Return the plots of some codes; a code that stands in several layers gives one of each.

    Raises
    ------
    WorkspaceError
        Naming every code that is in no layer of plots.
    """
    plots = plots_of(archive, layer)
    by_code: dict[str, list[PlotKey]] = {}
    for key in plots:
        by_code.setdefault(key.code, []).append(key)
    unknown = [code for code in codes if code.strip() not in by_code]
    if unknown:
        hint = nearest(unknown[0], by_code) or "See 'geosys plots list'."
        raise WorkspaceError(
            f"plot: got {', '.join(repr(code[:60]) for code in unknown[:10])}, expected codes of plots "
            f"({', '.join(sorted({key.layer for key in plots}))}). {hint}"
        )
    return [key for code in dict.fromkeys(code.strip() for code in codes) for key in by_code[code]]
