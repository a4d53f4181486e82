"""What is kept of a large layer while its batches pass: ids, places of rows without a key, issues, rows withheld."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from geosys._text import Text
from geosys.layers.intake import OUTSIDE, keyless_issue, locate, wrong_place_issue
from geosys.layers.issue_table import IssueLog
from geosys.layers.issues import Issue

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd
    from numpy.typing import NDArray

    from geosys.layers.delivery import Delivery
    from geosys.layers.spec import Catalogue, LayerSpec

MOST_ALIKE = 10_000  # issues of one kind and field told one by one: nobody reads more, and a workbook ends at a million
_ALWAYS_TOLD = ("invalid_repaired",)  # what changes a geometry is told of each
_NO_KEY = "missing_key"


@dataclass(slots=True)
class Part:
    """Hold one delivery of a large layer: its first row in the layer, its rows, and where they come from."""

    delivery: Delivery
    start: int
    rows: int = 0
    has_lines: bool = False  # a line of a vector file is a record of it
    provenance: dict[str, Any] = field(default_factory=dict)


@dataclass(slots=True)
class Tally:
    """Hold what is known of all rows; issues count rows through the whole layer."""

    catalogue: Catalogue
    parts: list[Part] = field(default_factory=list)
    issues: list[Issue] = field(default_factory=list)
    withheld: dict[int, str] = field(default_factory=dict)
    rows: int = 0
    unusable: list[int] = field(default_factory=list)
    common: tuple[NDArray[np.int64], NDArray[np.float64]] | None = None
    _ids: list[pa.Array] = field(default_factory=list)
    _unnamed: list[tuple[NDArray[np.int64], NDArray[np.uint64]]] = field(default_factory=list)
    _alike: Counter[tuple[str, str]] = field(default_factory=Counter)
    _of_part: Counter[tuple[int, str]] = field(default_factory=Counter)
    _first_outside: dict[int, object] = field(default_factory=dict)

    def note(self, found: Sequence[Issue], start: int) -> None:
        """Keep the issues of a part that begins at row `start`, and the rows that they withhold."""
        log = IssueLog()
        for issue in found:
            if issue.row >= 0:
                if log.severity_of(issue, self.catalogue) in ("error", "critical"):
                    self.withheld.setdefault(issue.row, issue.issue_type)
                if issue.issue_type in ("wrong_geometry_type", "invalid_refused"):
                    self.unusable.append(issue.row)
                if issue.issue_type in OUTSIDE:
                    self._first_outside.setdefault(start, issue.value)
                self._of_part[start, issue.issue_type] += 1
                self._alike[issue.issue_type, issue.field] += 1
            is_told = issue.issue_type in _ALWAYS_TOLD or issue.row < 0
            if is_told or self._alike[issue.issue_type, issue.field] <= MOST_ALIKE:
                self.issues.append(issue)

    def add(self, ids: pd.Series, unnamed: tuple[NDArray[np.int64], NDArray[np.uint64]]) -> None:
        """Append the ids of a batch, and of its rows without a key their positions and hashes of their places."""
        self._ids.append(pa.array(ids.to_numpy(), pa.string()))
        self._unnamed.append((unnamed[0] + self.rows, unnamed[1]))
        self.rows += len(ids)

    def mark(self) -> tuple[Any, ...]:
        """Return what `cut` needs to come back to this state."""
        return (
            self.rows, len(self.issues), len(self._ids), len(self.unusable), self._alike.copy(), self._of_part.copy()
        )  # fmt: skip

    def cut(self, mark: tuple[Any, ...]) -> None:
        """Forget all that came after a mark: the file it came from broke off."""
        self.rows, issues, batches, unusable, self._alike, self._of_part = mark
        del self.issues[issues:], self._ids[batches:], self._unnamed[batches:], self.unusable[unusable:]
        self.withheld = {row: kind for row, kind in self.withheld.items() if row < self.rows}
        self._first_outside.pop(self.rows, None)

    def join(self) -> None:
        """Make one column of the ids; no batch may be added after."""
        self._ids = [pa.concat_arrays(self._ids)]

    @property
    def ids(self) -> pa.StringArray:
        """Return the ids of all rows, after `join`."""
        return self._ids[0]

    @property
    def unnamed(self) -> tuple[NDArray[np.int64], NDArray[np.uint64]]:
        """Return the rows without a key that have a place, and the hashes of their places."""
        rows, places = zip(*self._unnamed, strict=True)
        return np.concatenate(rows), np.concatenate(places)

    def rename(self, rows: NDArray[np.int64], names: list[str]) -> None:
        """Give some rows (ascending) other ids, also in what was said of them."""
        mask = np.zeros(self.rows, dtype=bool)
        mask[rows] = True
        before = dict(zip(rows.tolist(), self.ids.take(pa.array(rows)).to_pylist(), strict=True))
        self._ids = [pc.replace_with_mask(self.ids, pa.array(mask), pa.array(names, pa.string()))]
        after = dict(zip(rows.tolist(), names, strict=True))
        for issue in self.issues:
            if issue.issue_type == _NO_KEY and issue.row in before:
                old, new = before[issue.row], after[issue.row]
                issue.message = Text(issue.message.zh.replace(old, new), issue.message.en.replace(old, new))

    def part_of(self, row: int) -> Part:
        """Return the part a row belongs to."""
        starts = [part.start for part in self.parts]
        return self.parts[int(np.searchsorted(starts, row, side="right")) - 1]

    def locate(self, records: NDArray[np.int64]) -> None:
        """Fill in id and origin of each issue of a row; `records` are the rows' numbers in their files."""
        there = [issue for issue in self.issues if issue.row >= 0]
        names = self.ids.take(pa.array([issue.row for issue in there], pa.int64())).to_pylist()
        for issue, name in zip(there, names, strict=True):
            part = self.part_of(issue.row)
            locate(issue, part.delivery)
            issue.feature_id, issue.source_table = name, part.provenance["table"]
            issue.source_row = int(records[issue.row])
            issue.source_line = issue.source_row if part.has_lines else None

    def gather(self, spec: LayerSpec) -> bool:
        """Put one issue in place of many where most rows of a part have the same; say whether a part lies elsewhere."""
        is_elsewhere = False
        for part in self.parts:
            outside = sum(self._of_part[part.start, kind] for kind in OUTSIDE)
            elsewhere = wrong_place_issue(outside, part.rows, self._first_outside.get(part.start))
            keyless = keyless_issue(spec, self._of_part[part.start, _NO_KEY], part.rows)
            is_elsewhere |= elsewhere is not None
            for one, kinds in ((elsewhere, OUTSIDE), (keyless, (_NO_KEY,))):
                if one is not None:
                    self._replace(part, kinds, one)
        return is_elsewhere

    def _replace(self, part: Part, kinds: Sequence[str], one: Issue) -> None:
        rows = range(part.start, part.start + part.rows)
        self.issues = [i for i in self.issues if i.issue_type not in kinds or i.row not in rows]
        locate(one, part.delivery).source_table = part.provenance["table"]
        self.issues.append(one)
        for kind, name in list(self._alike):
            if kind in kinds:
                self._alike[kind, name] -= self._of_part[part.start, kind]

    def told(self) -> list[Issue]:
        """Return the issues kept, and one for each kind of which more were found than are told one by one."""
        more = []
        for (kind, name), count in self._alike.items():
            if count > MOST_ALIKE and kind not in _ALWAYS_TOLD:
                severity = next((i.severity for i in self.issues if (i.issue_type, i.field) == (kind, name)), "")
                zh, en = (
                    f"另有 {count - MOST_ALIKE} 条同类问题，未逐条列出",
                    f"{count - MOST_ALIKE} more of this kind, not listed one by one",
                )
                one = Issue(kind, Text(zh, en), field=name, value=count - MOST_ALIKE, severity=severity)
                more.append(locate(one, self.parts[0].delivery))
        return [*self.issues, *more]
