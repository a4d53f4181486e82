"""A fictitious county near Kaifeng: drawn from a seed, delivered as offices do, with the truth beside it."""

from __future__ import annotations

import csv
import shutil
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely

from geosys.sample import deliveries, faults, truth
from geosys.sample.county import draw_frames
from geosys.sample.places import degrees_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    import geopandas as gpd

    from geosys.sample.deliveries import Sending

__all__ = ["draw_county"]
_MARGIN_DEGREES = 0.03


def draw_county(workspace: Path, seed: int = 410299, progress: Callable[[str, float], None] | None = None) -> None:
    """Draw the sample county into a folder: its plan, its deliveries and the truth about them.

    Parameters
    ----------
    workspace
        The folder; made when absent. Its ``geosys.toml``, ``inbox/`` and ``truth/`` are written anew.
    seed
        The same seed gives the same values and geometries.
    progress
        Called with a step's name and the share done so far, 0 to 1.

    Notes
    -----
    ``truth/faults.csv`` names each planted fault (file, table, source_row, layer, key, field, issue_type);
    ``truth/risks.csv`` names each hit of each rule (rule, subject_layer, subject_id, object_layer, object_id, kind).
    """
    report = progress or (lambda _step, _share: None)
    sendings = deliveries.read_sendings()
    frames, flawed = draw_frames(np.random.default_rng(seed), lambda step, share: report(step, share * 0.55))
    report("faults", 0.58)
    spoiled = faults.plant_faults(deliveries.with_written_places(frames, sendings), flawed)
    report("truth", 0.62)
    effective = spoiled.effective()
    inbox, beside = workspace / deliveries.INBOX, workspace / "truth"
    for folder in (inbox, beside):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
    _write_rows(beside / "risks.csv", _risk_rows(effective, sendings))
    _write_rows(beside / "faults.csv", _fault_rows(spoiled, sendings))
    report("deliveries", 0.72)
    deliveries.write_deliveries(inbox, spoiled.frames, sendings)
    deliveries.write_plan(workspace / "geosys.toml", sendings, _region(frames["counties"]))
    report("done", 1.0)


def _region(counties: gpd.GeoDataFrame) -> list[float]:
    """Return west, south, east, north in degrees: the county's box with a margin, to two decimals."""
    degrees = degrees_of(shapely.points(shapely.get_coordinates(counties.geometry.to_numpy())))
    low, high = degrees.min(axis=0) - _MARGIN_DEGREES, degrees.max(axis=0) + _MARGIN_DEGREES
    return [*np.floor(low * 100.0) / 100.0, *np.ceil(high * 100.0) / 100.0]


def _fault_rows(spoiled: faults.Spoiled, sendings: Sequence[Sending]) -> list[dict[str, Any]]:
    """Return the labels of all faults with file, table, record number and key."""
    by_frame = {s.frame: s for s in sendings}
    rows: list[dict[str, Any]] = [
        {
            "file": f"{deliveries.INBOX}/{s.file}", "table": s.table, "source_row": "", "layer": s.layer, "key": "", "field": "",
            "issue_type": kind,
        }
        for s in sendings
        for kind in s.told
    ]  # fmt: skip
    for entry in spoiled.labels:
        sending = by_frame[entry["frame"]]
        rows.append(
            {
                "file": f"{deliveries.INBOX}/{sending.file}",
                "table": sending.table,
                "source_row": entry["row"] + 1,
                "layer": sending.layer,
                "key": sending.key_of(spoiled.frames[sending.frame], entry["row"]),
                "field": entry["field"],
                "issue_type": entry["issue_type"],
            }
        )
    return rows


def _risk_rows(frames: Mapping[str, gpd.GeoDataFrame], sendings: Sequence[Sending]) -> list[dict[str, Any]]:
    """Return every hit with layer and key of both sides, and whether it was put there on purpose."""
    by_frame = {s.frame: s for s in sendings}
    rows = []
    for hits in truth.find_hits(frames):
        subject, other = by_frame[hits.subject], by_frame.get(hits.object)
        for i, j in hits.pairs:
            meant = (
                other is None
                or _is_planted(frames[hits.subject], i)
                or (j >= 0 and _is_planted(frames[hits.object], j))
            )
            rows.append(
                {
                    "rule": hits.rule,
                    "subject_layer": subject.layer,
                    "subject_id": subject.key_of(frames[hits.subject], i),
                    "object_layer": other.layer if other else "",
                    "object_id": other.key_of(frames[hits.object], j) if other and j >= 0 else "",
                    "kind": "planted" if meant else "incidental",
                }
            )
    return rows


def _is_planted(frame: gpd.GeoDataFrame, at: int) -> bool:
    return "is_planted" in frame and bool(frame["is_planted"].iloc[at])


def _write_rows(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
