"""What changed between two days, from a workspace's ledger: as a table, as text and as a layer for maps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from geosys._errors import WorkspaceError
from geosys._text import Text
from geosys.cases.difference import KINDS, difference, states_of
from geosys.cases.ledger.boundaries import moved_m
from geosys.cases.ledger.events import read_events
from geosys.cases.ledger.finding_rows import read_shapes, read_versions
from geosys.cases.ledger.runs import read_runs

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from geosys.cases.ledger.standing import Connection

LEAST_M = 0.1  # a boundary that moved by less is said to have moved less than this
SHEET = {
    "kind_zh": "变化", "case_id": "事项编号", "subject_name": "主体名称", "subject_id": "主体编号", "object_id": "对象编号", "rule": "规则",
    "what_zh": "内容", "why_zh": "原因", "person": "经办人", "on": "日期", "kind_en": "Change", "what_en": "What", "why_en": "Why",
    "cause": "Cause", "before": "Before", "after": "After", "moved_m": "Moved m", "area_change_m2": "Area change m²", "finding_id": "线索编号",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Difference:
    """Hold what changed between the evenings of two days: `rows` as a layer, columns of `cases.difference.COLUMNS`.

    Besides: `kind_zh`, `kind_en`, `moved_m` (m, moved boundaries only) and `area_change_m2` (m² in the plan's plane). Rows
    about no place have no geometry; the CRS is the plan's.
    """

    start: dt.date
    end: dt.date
    rows: gpd.GeoDataFrame

    def counts(self) -> dict[str, int]:
        """Return how many changes there are of each kind."""
        found = self.rows["kind"].value_counts()
        return {kind: int(found[kind]) for kind in KINDS if kind in found}

    def layer(self) -> gpd.GeoDataFrame:
        """Return the rows that have a place."""
        return self.rows[~shapely.is_missing(self.rows.geometry.to_numpy())].reset_index(drop=True)

    def table(self) -> pd.DataFrame:
        """Return the rows for people, headed in Chinese first; what a spreadsheet would compute stands behind an apostrophe."""
        table = pd.DataFrame(self.rows)[list(SHEET)].rename(columns=SHEET)
        return table.apply(lambda column: column if column.dtype.kind == "f" else column.astype(object).map(_harmless))

    def text(self, language: str = "zh", most: int = 20) -> str:
        """Return the difference as text in ``zh`` or ``en``: a heading for each kind, its rows below, at most `most` each."""
        title = Text(f"{self.start} 至 {self.end} 的变化", f"Changes from {self.start} to {self.end}").in_language(
            language
        )
        lines = [title]
        for kind, count in self.counts().items():
            lines.append(
                f"{KINDS[kind].in_language(language)}（{count}）" if language == "zh" else f"{KINDS[kind].en} ({count})"
            )
            chosen = self.rows[self.rows["kind"] == kind]
            for row in chosen.head(most).to_dict("records"):
                parts = [
                    row["case_id"],
                    row["subject_name"] or row["rule"],
                    row[f"what_{language}"],
                    row[f"why_{language}"],
                    row["person"],
                ]
                lines.append("  " + " · ".join(part for part in dict.fromkeys(parts) if part))
            if count > most:
                lines.append(f"  …… 另有 {count - most} 项" if language == "zh" else f"  … {count - most} more")
        if len(lines) == 1:
            lines.append("无变化" if language == "zh" else "nothing changed")
        return "\n".join(lines)


def difference_between(
    connection: Connection, start: dt.date, end: dt.date, *,
    targets: tuple[pd.DataFrame, pd.DataFrame] | None = None, titles: Mapping[str, Text] | None = None,
) -> Difference:  # fmt: skip
    """Return what changed in a ledger between the evenings of two days.

    Parameters
    ----------
    targets, titles
        As for `geosys.cases.difference.difference`.

    Raises
    ------
    WorkspaceError
        When the first day is not before the second.
    """
    if not start < end:
        raise WorkspaceError(
            f"difference: got {start} to {end}, expected an earlier and a later day. Change --from or --to."
        )
    versions, runs = read_versions(connection), read_runs(connection)
    rows = difference(read_events(connection), versions, runs, start, end, targets, titles)
    moved = {
        (name, side): (str(state.before[f"{side}_digest"]), str(state.after[f"{side}_digest"]))
        for name, state in states_of(versions, runs, start, end).items()
        for side in ("subject", "object")
        if state.before is not None and state.after is not None
    }
    digests = {d for pair in moved.values() for d in pair if pair[0] != pair[1]} | set(rows["subject_digest"])
    shapes = read_shapes(connection, digests)
    return Difference(start, end, _placed(rows, moved, shapes, runs))


def _placed(
    rows: pd.DataFrame,
    moved: Mapping[tuple[str, str], tuple[str, str]],
    shapes: Mapping[str, shapely.Geometry],
    runs: pd.DataFrame,
) -> gpd.GeoDataFrame:
    """Return the rows with their places, and how far boundaries moved."""
    places: list[shapely.Geometry | None] = []
    figures: list[Sequence[float]] = []
    for row in rows.to_dict("records"):
        places.append(shapes.get(row["subject_digest"]))
        figures.append((np.nan, np.nan))
        if row["kind"] == "moved_boundary":
            one, two = (shapes.get(d) for d in moved[row["finding_id"], row["side"]])
            far = moved_m(one, two, LEAST_M)
            figures[-1] = (0.0 if far is None else far, _area(two) - _area(one))
            places[-1] = two if row["side"] == "object" else places[-1]
    crs = next((c for c in reversed(runs["crs"].tolist()) if c), None)
    kinds = [KINDS[kind] for kind in rows["kind"]]
    table = rows.assign(
        kind_zh=[k.zh for k in kinds], kind_en=[k.en for k in kinds],
        moved_m=[f[0] for f in figures], area_change_m2=[f[1] for f in figures],
    )  # fmt: skip
    return gpd.GeoDataFrame(table, geometry=gpd.GeoSeries(places, index=table.index, crs=crs), crs=crs)


def _harmless(value: object) -> object:
    return f"'{value}" if isinstance(value, str) and value.startswith(("=", "+", "-", "@", "\t", "\r")) else value


def _area(shape: shapely.Geometry | None) -> float:
    return 0.0 if shape is None else float(shapely.area(shape))


def write_difference(path: Path, found: Difference) -> None:
    """Write a difference as ``.csv`` (all rows) or ``.gpkg`` (rows with a place); the file appears whole or not at all.

    Raises
    ------
    WorkspaceError
        When the name ends otherwise, or no row has a place for a ``.gpkg``.
    """
    suffix = path.suffix.lower()
    if suffix == ".csv":
        from geosys.layers.store import write_table  # noqa: PLC0415

        write_table(path, found.table())
    elif suffix == ".gpkg":
        from geosys.layers.vector_files import write_geopackage  # noqa: PLC0415

        layer = found.layer()
        if layer.empty:
            raise WorkspaceError(f"{path.name}: got no change with a place, expected one. Write a .csv.")
        texts = {"on": [None if day is None else str(day) for day in layer["on"]]}
        write_geopackage(path, {"difference": layer.assign(**texts)}, found.end.isoformat())
    else:
        raise WorkspaceError(f"--out: got '{path.name}', expected a name ending in .csv or .gpkg.")
