"""The issue table: issues in the order they were found, then one row each with title, advice and who mends it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import geopandas as gpd
import pandas as pd

if TYPE_CHECKING:
    from collections.abc import Sequence

    from geosys.layers.issues import Issue
    from geosys.layers.spec import Catalogue

COLUMNS = [
    "issue_id", "layer", "layer_title", "source_file", "source_table", "source_row", "source_line", "feature_id", "field", "field_title",
    "issue_type", "issue_title_zh", "issue_title_en", "severity", "value", "message_zh", "message_en", "advice_zh", "advice_en",
    "steward", "steward_zh", "responsibility", "before", "after", "area_before_m2", "area_after_m2",
]  # fmt: skip


@dataclass(slots=True)
class IssueLog:
    """Hold the issues of one delivery or layer in the order they were found."""

    rows: list[Issue] = field(default_factory=list)

    def add(self, issue: Issue) -> None:
        """Note one issue."""
        self.rows.append(issue)

    def replace(self, many: Sequence[Issue], one: Issue) -> None:
        """Put one issue in place of many that say the same."""
        gone = {id(issue) for issue in many}
        self.rows = [*(issue for issue in self.rows if id(issue) not in gone), one]

    def severity_of(self, issue: Issue, catalogue: Catalogue) -> str:
        """Return the issue's own severity or its type's."""
        return issue.severity or catalogue.issue_types[issue.issue_type].severity

    def withheld(self, catalogue: Catalogue) -> set[int]:
        """Return the rows that an error or worse keeps out of the layer."""
        return {i.row for i in self.rows if i.row >= 0 and self.severity_of(i, catalogue) in ("error", "critical")}


def issue_frame(issues: Sequence[Issue], catalogue: Catalogue, crs: str) -> gpd.GeoDataFrame:
    """Return the issue table: one row an issue, columns `COLUMNS` and the place in `crs`.

    Ids are stable: the same fault in the same place of the same file has the same id in each run.
    """
    rows = [_row(issue, catalogue) for issue in issues]
    frame = pd.DataFrame(rows, columns=COLUMNS)
    for column in ("source_row", "source_line"):
        frame[column] = frame[column].astype("Int64")
    for column in ("area_before_m2", "area_after_m2"):
        frame[column] = frame[column].astype("float64")
    return gpd.GeoDataFrame(frame, geometry=[i.geometry for i in issues], crs=crs)


def _row(issue: Issue, catalogue: Catalogue) -> list[object]:
    kind = catalogue.issue_types[issue.issue_type]
    spec = catalogue.layers.get(issue.layer)
    steward = spec.steward if spec else ""
    offices = catalogue.codes["office"].titles
    field_title = spec.titles[issue.field].zh if spec and issue.field in spec.titles else issue.field
    place = (
        issue.layer,
        issue.source_file,
        issue.source_table,
        issue.source_row,
        issue.field,
        issue.issue_type,
        issue.value,
        issue.message.en,
    )
    return [
        hashlib.sha256(repr(place).encode()).hexdigest()[:12],
        issue.layer, spec.title.zh if spec else "", issue.source_file, issue.source_table, issue.source_row, issue.source_line,
        issue.feature_id, issue.field, field_title, issue.issue_type, kind.title.zh, kind.title.en,
        issue.severity or kind.severity, "" if issue.value is None else str(issue.value)[:2000], issue.message.zh, issue.message.en,
        kind.advice.zh, kind.advice.en, steward, offices[steward].zh if steward in offices else "", kind.responsibility,
        issue.before, issue.after, issue.area_before_m2, issue.area_after_m2,
    ]  # fmt: skip
