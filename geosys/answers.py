"""The answers to senders: what each is to mend, in his own sheet and as a page, and how his deliveries score."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

import geopandas as gpd
import numpy as np
import pandas as pd

import geosys
from geosys._errors import GeoSysError
from geosys.content import content_root
from geosys.layers.mappings import mapping_path
from geosys.layers.naming import map_columns, words_of
from geosys.layers.readers import read_delivery
from geosys.layers.redelivery import compare_deliveries
from geosys.layers.scorecard import load_grades, scorecard, scorecard_csv
from geosys.layers.store import read_issues, stored_key
from geosys.maps.fix_list import content_palettes, write_fix_list
from geosys.maps.fix_report import fix_report
from geosys.maps.fix_rows import Letter, Original
from geosys.maps.frames import Meta
from geosys.views import in_degrees
from geosys.workspace import write_text

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from geosys.layers.delivery import Delivery
    from geosys.layers.spec import Catalogue
    from geosys.receive import Received
    from geosys.workspace import Workspace

FOLDER = "answers"
SCORES = "scorecard.csv"
NOBODY = "未注明报送单位"
MOST_ROWS_COPIED = 100_000  # a larger delivery is answered without a copy of its table


def write_answers(
    workspace: Workspace,
    catalogue: Catalogue,
    received: Mapping[str, Received],
    day: dt.date,
    before: Mapping[str, str | None] | None = None,
    only: str | None = None,
) -> list[Path]:
    """Write for each sender of some layers a fix list (.xlsx) and a report (.html), and the scorecard of all; return them.

    Parameters
    ----------
    received
        By layer what its intake gave.
    day
        The day on the papers.
    before
        For a layer the key of its intake before (`geosys.layers.store.stored_key`): what was mended since is told.
    only
        The one sender who gets papers, `received` holding all layers he delivers (default: all senders, and the scorecard).

    Returns
    -------
    The files below ``answers/``, each written whole; a sender of whom nothing is to be mended gets none.
    """
    issues = {name: received[name].issues for name in sorted(received)}
    told = [t for name in issues if (t := _comparison(workspace, received[name], (before or {}).get(name))) is not None]
    comparison = gpd.GeoDataFrame(pd.concat(told, ignore_index=True), crs=workspace.crs) if told else None
    deliveries = [d for d in workspace.deliveries if d.layer in issues]
    scores = _scores(deliveries, received, comparison)
    rows_of = {
        (name, str(entry["file"])): int(entry["rows"])
        for name, found in received.items()
        for entry in found.provenance().get("deliveries", [])
    }
    root = workspace.root / FOLDER
    root.mkdir(exist_ok=True)
    written = []
    for sender in sorted({d.sender or NOBODY for d in deliveries} if only is None else {only}):
        own = [d for d in deliveries if (d.sender or NOBODY) == sender]
        files = {(d.layer, d.name) for d in own}
        rows = [
            t.loc[np.array([pair in files for pair in zip(t["layer"], t["source_file"], strict=True)], dtype=bool)]
            for t in issues.values()
        ]
        table = in_degrees(gpd.GeoDataFrame(pd.concat(rows, ignore_index=True), crs=workspace.crs))
        if table.empty:
            continue
        folder = root / mapping_path(root, sender).stem  # a safe name, one a sender
        folder.mkdir(exist_ok=True)
        letter = _letter(workspace, sender, scores, day)
        since = None if comparison is None else comparison[comparison["source_file"].isin([d.name for d in own])]
        write_fix_list(
            folder / "fix_list.xlsx",
            table,
            _originals(own, catalogue, rows_of),
            letter,
            comparison=since,
            scores=scores,
        )
        write_text(folder / "fix_report.html", fix_report(table, letter, content_palettes(), since))
        written += [folder / "fix_list.xlsx", folder / "fix_report.html"]
    if only is not None:
        return written
    part = root / f"{SCORES}.part"
    part.write_bytes(scorecard_csv(scores))
    shutil.move(part, root / SCORES)
    return [*written, root / SCORES]


def _comparison(workspace: Workspace, received: Received, key: str | None) -> gpd.GeoDataFrame | None:
    """Return what became of the issues of the intake before; None where there was none, or it is the same."""
    layer = received.spec.id
    if key is None or key == stored_key(workspace.store, layer):
        return None
    before = read_issues(workspace.store, layer, key, workspace.crs)
    if before is None:
        return None
    made = received.layer()
    columns = ["feature_id", "geometry"]
    frames = [] if made is None else [made.frame[columns], made.withheld[columns]]
    empty = gpd.GeoDataFrame({"feature_id": np.array([], dtype=object)}, geometry=[], crs=workspace.crs)
    features = pd.concat([f for f in frames if len(f)] or [empty], ignore_index=True).assign(layer=layer)
    return compare_deliveries(before, received.issues, gpd.GeoDataFrame(features, crs=workspace.crs))


def _scores(
    deliveries: Sequence[Delivery], received: Mapping[str, Received], comparison: gpd.GeoDataFrame | None
) -> pd.DataFrame:
    provenance = {name: found.provenance() for name, found in received.items()}
    rows = []
    for delivery in deliveries:
        told = provenance[delivery.layer]
        entry: dict[str, Any] = next((e for e in told.get("deliveries", []) if e["file"] == delivery.name), {})
        alone = len(told.get("deliveries", [])) == 1
        rows.append({
            "sender": delivery.sender or NOBODY, "layer": delivery.layer, "source_file": delivery.name, "delivered_on": None,
            "rows": entry.get("rows", np.nan), "rows_withheld": told.get("rows_withheld", np.nan) if alone else np.nan,
        })  # fmt: skip
    issues = pd.concat([found.issues for found in received.values()], ignore_index=True)
    grades = load_grades(content_root() / "layers" / "scorecard.csv")
    return scorecard(issues, pd.DataFrame(rows), grades, comparison)


def _letter(workspace: Workspace, sender: str, scores: pd.DataFrame, day: dt.date) -> Letter:
    mine = scores[scores["sender"] == sender]
    rows, withheld = (
        None if mine[c].isna().any() or mine.empty else int(mine[c].sum()) for c in ("rows", "rows_withheld")
    )
    meta = Meta(workspace.title, day, f"GeoSys {geosys.__version__}", workspace.mark)
    return Letter(meta, sender, rows, withheld, outline=workspace.place.region_in_degrees())


def _originals(own: Sequence[Delivery], catalogue: Catalogue, rows_of: Mapping[tuple[str, str], int]) -> list[Original]:
    """Return the sender's tables as they came; one that cannot be read, or is too large to copy, is left out."""
    found = []
    for delivery in own:
        spec = catalogue.layers[delivery.layer]
        if rows_of.get((delivery.layer, delivery.name), 0) > MOST_ROWS_COPIED:
            continue
        try:
            reading = read_delivery(delivery.path, delivery.table, delivery.encoding, words_of(spec)).only(
                delivery.rows
            )
        except (GeoSysError, OSError):
            continue
        naming, _ = map_columns(reading, spec, delivery, delivery.remembered)
        sheets = [str(v) for v in reading.columns.get("工作表", ())] if delivery.table == "*" else ()
        found.append(
            Original(
                delivery.name,
                delivery.path,
                reading.table,
                {name: list(values) for name, values in reading.columns.items()},
                reading.lines,
                reading.records,
                dict(naming.columns),
                sheets,
            )
        )
    return found
