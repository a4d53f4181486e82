"""What can be wrong with a sheet that comes back: each kind with how far it reaches, and one finding of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from geosys._text import Text

STOP, HELD, NOTICE = "stop", "held", "notice"  # the whole file, one row, or only told
KINDS = {
    "no_record": STOP, "record_changed": STOP, "other_ledger": STOP, "older_file": STOP, "no_sheet": STOP, "key_column": STOP,
    "column_doubled": STOP, "locked_column": STOP, "rows_shifted": STOP,
    "column_renamed": NOTICE, "column_missing": NOTICE, "column_added": NOTICE, "rows_sorted": NOTICE, "row_deleted": NOTICE,
    "date_as_text": NOTICE, "formula_kept": NOTICE, "given_alone": NOTICE,
    "key_changed": HELD, "unknown_key": HELD, "duplicate_key": HELD, "locked_changed": HELD, "case_changed": HELD, "formula": HELD,
    "unclear_date": HELD, "unknown_word": HELD, "cell_emptied": HELD, "cut_text": HELD, "state_jumped": HELD, "needs_lacking": HELD,
    "edited_twice": HELD, "dated_before": HELD, "closed_case": HELD,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Problem:
    """Hold one thing that is wrong, or worth telling: kind, where (sheet row from 1, cell; 0 and "": the file), case, and what."""

    kind: str
    text: Text
    row: int = 0
    cell: str = ""
    case_id: str = ""

    @property
    def reach(self) -> str:
        """Return how far it reaches: `stop` the whole file, `held` the row, `notice` nothing."""
        return KINDS[self.kind]
