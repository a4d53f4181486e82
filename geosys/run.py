"""The order of things: deliveries in, layers, rules, findings, cases, then the outputs; forward only."""

from __future__ import annotations

import os
import shutil
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

import geosys
from geosys._errors import WorkspaceError
from geosys.cases.assess import Assessment, assess
from geosys.cases.findings import findings_of, outcome_rows, outcome_table, with_basis
from geosys.cases.ledger.database import open_ledger
from geosys.cases.ledger.evidence_store import EVIDENCE
from geosys.cases.ledger.reconciliation import reconcile
from geosys.cases.workflow import read_workflow
from geosys.layers.cross_checks import run_cross_checks
from geosys.layers.issue_table import issue_frame
from geosys.layers.store import forget_version, write_json, write_table
from geosys.map_feed.feed import LEADS, Feed, feed_of
from geosys.map_feed.notes import Words
from geosys.outputs import write_outputs
from geosys.overlays import overlay_of
from geosys.raster_columns import Attached, told_of, with_rasters
from geosys.receive import all_issues, receive
from geosys.results import RunResult
from geosys.rivers.networks import counts_of, rivers_of
from geosys.rivers.tables import river_issues, write_rivers
from geosys.sections.results import with_results
from geosys.views import offices_of, view_of

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable, Mapping, Sequence

    import geopandas as gpd
    import pandas as pd

    from geosys.layers.intake import Layer
    from geosys.layers.spec import Catalogue
    from geosys.rivers.networks import Rivers
    from geosys.rooms import Content
    from geosys.workspace import Workspace

    Progress = Callable[[str, int, int], None]

OVERLAY = "overlay.parquet"


def run(
    workspace: Workspace,
    content: Content,
    today: dt.date,
    progress: Progress,
    cluster: str | None = None,
    recorded_at: str = "",
) -> RunResult:
    """Run the main job of a workspace and write its outputs; equal inputs give equal bytes, timings aside.

    Parameters
    ----------
    today
        The day to judge by; the workspace's `as_of` goes before it.
    progress
        Called with the stage's name, steps done and steps in all.
    cluster
        The address of a Dask scheduler to compute the overlay on (default: this machine).
    recorded_at
        The time of the run as ISO text, for the ledger only.

    Returns
    -------
    Findings, issues and the paths written. A critical issue stops before any rule: then only issues are written.

    Raises
    ------
    GeoSysError
        When content, plan or ledger are at fault; nothing is written then.
    """
    clock = _Clock()
    today = workspace.as_of or today
    layers, issues = _receive_all(workspace, content.catalogue, progress)
    clock.mark("deliveries")
    if (issues["severity"] == "critical").any():
        result = RunResult(issues, layers, rules_version=content.book.version)
        _publish(workspace, content, result, Feed(), today, clock, progress, {}, ())
        return result
    layers = with_results(layers, content.catalogue, today)
    layers, rasters = with_rasters(layers, content.catalogue, workspace.root, workspace.rasters, progress)
    rivers = rivers_of(workspace, layers, content.catalogue, progress)
    found = river_issues(rivers, layers, content.catalogue, workspace.crs)
    issues = all_issues([issues, found], workspace.crs, content.catalogue)
    clock.mark("rivers")
    overlay = overlay_of(workspace, layers, cluster, progress)
    clock.mark("overlay")
    assessments = _assess_all(workspace, content, layers, rivers, today, progress)
    clock.mark("rules")
    views = {name: view_of(layer, content.catalogue) for name, layer in layers.items()}
    findings = findings_of(assessments, views, content.book, workspace.crs)
    with open_ledger(workspace.ledger) as ledger:
        cases = reconcile(
            ledger, findings, _judged(assessments), content.book, today, layers=views, program=f"GeoSys {geosys.__version__}",
            crs=workspace.crs, recorded_at=recorded_at,
        )  # fmt: skip
        findings = findings.merge(cases, on="finding_id", how="left")
        findings = _as_shown(_fill_caseless(findings, today), content)
        feed = feed_of(ledger, findings, content, workspace.root / EVIDENCE, today)
        findings = findings.assign(**{name: feed.columns[name] for name in LEADS})
        result = RunResult(
            issues,
            layers,
            with_basis(findings, content.book),
            outcome_table(assessments),
            rules_version=content.book.version,
        )
        clock.mark("cases")
        if overlay is not None:
            result.overlay, result.overlay_changes = overlay, overlay.attrs.pop("changes", {})
        _publish(workspace, content, result, feed, today, clock, progress, rivers, rasters, outcome_rows(assessments))
    return result


def _receive_all(
    workspace: Workspace, catalogue: Catalogue, progress: Progress
) -> tuple[dict[str, Layer], gpd.GeoDataFrame]:
    """Receive every layer of the plan; return the usable ones and all issues."""
    given = {delivery.layer for delivery in workspace.deliveries}
    specs = catalogue.layers  # what others are held against comes first
    names = sorted(given, key=lambda name: (not (specs[name].is_reference or specs[name].divisions), name))
    layers, tables = {}, []
    for done, name in enumerate(names):
        progress("deliveries", done, len(names))
        received = receive(workspace, name, catalogue)
        try:
            layer = received.layer()
        except WorkspaceError:  # whole by its footer only
            forget_version(workspace.store, name)
            received = receive(workspace, name, catalogue)
            layer = received.layer()
        tables.append(received.issues)
        if layer is not None:
            layers[name] = layer
    progress("deliveries", len(names), len(names))
    frames = {name: layer.frame for name, layer in layers.items()}
    tables.append(issue_frame(run_cross_checks(frames, catalogue.layers, workspace.crs), catalogue, workspace.crs))
    return layers, all_issues(tables, workspace.crs, catalogue)


def _assess_all(
    workspace: Workspace,
    content: Content,
    layers: dict[str, Layer],
    rivers: dict[str, Rivers],
    today: dt.date,
    progress: Progress,
) -> list[Assessment]:
    views = {name: view_of(layer, content.catalogue) for name, layer in layers.items()}
    waterways = {name: one.waterway for name, one in rivers.items()}
    rules = [rule for rule in content.book.rules.values() if rule.in_force(today)]
    assessments = []
    for done, rule in enumerate(rules):
        progress("rules", done, len(rules))
        assessments.append(assess(rule, views, workspace.crs, today, waterways))
    progress("rules", len(rules), len(rules))
    return assessments


def _judged(assessments: Sequence[Assessment]) -> set[tuple[str, str]]:
    """Return the pairs of rule and subject that this run could judge."""
    rows = outcome_rows(assessments)
    rows = rows[rows["outcome"] != "not_assessed"]
    return set(zip(rows["rule"], rows["subject_id"].astype(str), strict=True))


def _fill_caseless(findings: gpd.GeoDataFrame, today: dt.date) -> gpd.GeoDataFrame:
    """Give findings that open no case (near) the state and day of the run."""
    none = findings["case_id"].isna()
    days = np.array(
        [today if lone else day for lone, day in zip(none, findings["found_on"], strict=True)], dtype=object
    )
    due = np.array([None if v is None or v != v else v for v in findings["due_on"]], dtype=object)  # noqa: PLR0124
    filled = {"case_id": "", "status": "found", "seen": "present", "decided": ""}
    return findings.assign(found_on=days, due_on=due, **{k: findings[k].fillna(v) for k, v in filled.items()})


def _as_shown(findings: gpd.GeoDataFrame, content: Content) -> gpd.GeoDataFrame:
    """Return findings with the state whose look a state of the workflow has: a new one is content alone."""
    words = Words.of(read_workflow(content.catalogue.root), offices_of(content.catalogue))
    return findings.assign(status=findings["status"].map(words.shown))


@dataclass(slots=True)
class _Clock:
    """Hold how long each stage took, for the manifest only."""

    started: float = field(default_factory=time.perf_counter)
    seconds: dict[str, float] = field(default_factory=dict)

    def mark(self, stage: str) -> None:
        """Note the time since the last mark."""
        now = time.perf_counter()
        self.seconds[stage] = round(now - self.started, 3)
        self.started = now


def _publish(
    workspace: Workspace,
    content: Content,
    result: RunResult,
    feed: Feed,
    today: dt.date,
    clock: _Clock,
    progress: Progress,
    rivers: dict[str, Rivers],
    rasters: tuple[Attached, ...],
    outcomes: pd.DataFrame | None = None,
) -> None:
    """Write all outputs beside the old ones, then put them in their place at once."""
    fresh = workspace.root / f"out.{os.getpid()}.part"
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(parents=True)
    try:
        names = write_outputs(fresh, workspace, content.catalogue, result, today, progress, feed)
        if outcomes is not None:
            outcomes.to_csv(fresh / "outcomes.csv", index=False, lineterminator="\n")
        names |= write_rivers(fresh, rivers)
        if result.overlay is not None:
            write_table(fresh / OVERLAY, result.overlay)
            names["overlay"] = OVERLAY
        clock.mark("outputs")
        beside = {"rivers": counts_of(rivers), "rasters": told_of(rasters), "photos": feed.told}
        write_json(fresh / "manifest.json", _manifest(workspace, content, result, beside, today, clock))
        old = workspace.root / f"out.{os.getpid()}.old"
        if workspace.out.exists():
            workspace.out.rename(old)
        try:
            fresh.rename(workspace.out)
        except OSError:
            if old.exists():
                old.rename(workspace.out)
            raise
        shutil.rmtree(old, ignore_errors=True)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
    result.paths = {key: workspace.out / name for key, name in names.items()}


def _manifest(
    workspace: Workspace,
    content: Content,
    result: RunResult,
    beside: Mapping[str, Any],
    today: dt.date,
    clock: _Clock,
) -> dict[str, Any]:
    """Return what a number needs to be traced: inputs, versions, rules, counts, program and timings."""
    severities = result.issues["severity"].value_counts().to_dict()
    outcomes = (
        []
        if result.outcomes is None
        else result.outcomes.drop(columns=["rule_title_zh", "rule_title_en"]).to_dict("records")
    )
    return {
        "program": f"GeoSys {geosys.__version__}",
        "workspace": workspace.title.zh,
        "as_of": today.isoformat(),
        "crs": workspace.crs,
        "stopped": result.findings is None,
        "layers": {n: {"version": layer.version, **layer.provenance} for n, layer in sorted(result.layers.items())},
        "rules": {name: rule.version for name, rule in sorted(content.book.rules.items())},
        "issues": {str(k): int(v) for k, v in sorted(severities.items())},
        "outcomes": outcomes,
        **beside,
        "overlay": _overlay_told(workspace, result.overlay),
        "findings": 0 if result.findings is None else len(result.findings),
        "seconds": clock.seconds,
    }


def _overlay_told(workspace: Workspace, overlay: pd.DataFrame | None) -> dict[str, Any] | None:
    """Return over which layer the others were laid, how many pairs there are, and their area by layer in m²."""
    if overlay is None:
        return None
    sums = overlay.groupby("layer", observed=False)["ellipsoidal_m2"].sum()
    return {
        "over": workspace.overlay, "pairs": len(overlay), "ellipsoidal_m2": {str(k): float(v) for k, v in sums.items()},
        "formula": "statutory area of the land feature x share of the piece as drawn, on the ellipsoid",
    }  # fmt: skip
