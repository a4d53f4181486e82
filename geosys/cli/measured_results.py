"""The columns that every graded table has: the sender's own, items with their multiples, and the reasons of each row."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

import geosys

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable
    from pathlib import Path

    from numpy.typing import NDArray

    from geosys._text import Text
    from geosys.cli.measured_cells import MeasuredTable

_JOINT, _JOINT_EN = "；", "; "


def input_columns(read: MeasuredTable, ours: Collection[str]) -> dict[str, Any]:
    """Return the sender's columns; one that bears a name of ours is marked as his."""
    return {f"input_{name}" if name in ours else name: cells for name, cells in read.columns.items()}


def listed_with_multiples(
    names: NDArray[np.object_], marked: NDArray[np.bool_], times: NDArray[np.float64] | None = None
) -> NDArray[np.object_]:
    """Return for each row the names of its marked items, with the multiple where there is one.

    Parameters
    ----------
    marked, times
        Shape (items, rows); NaN where there is no multiple.

    Examples
    --------
    >>> listed_with_multiples(np.array(["镉", "铅"], dtype=object), np.array([[True], [True]]), np.array([[0.5], [np.nan]])).tolist()
    ['镉(0.50)、铅']
    """
    texts = np.full(marked.shape[1], "", dtype=object)
    for i, name in enumerate(names):
        for row in np.flatnonzero(marked[i]):
            multiple = "" if times is None or np.isnan(times[i, row]) else f"({times[i, row]:.2f})"
            texts[row] += ("、" if texts[row] else "") + name + multiple
    return texts


def reason_columns(read: MeasuredTable) -> dict[str, list[str]]:
    """Return the reasons of each row in both languages."""
    return {
        "reasons": [_JOINT.join(t.zh for t in told) for told in read.reasons],
        "reasons_en": [_JOINT_EN.join(t.en for t in told) for told in read.reasons],
    }


def both_languages(texts: Iterable[Text]) -> list[dict[str, str]]:
    """Return texts as they stand in JSON."""
    return [{"zh": text.zh, "en": text.en} for text in texts]


def origin(read: MeasuredTable, file: Path) -> dict[str, Any]:
    """Return what the provenance of every graded table says of program, file and faults."""
    return {
        "program": f"geosys {geosys.__version__}",
        "file": file.name,
        "rows": read.size,
        "problems": read.problems,
        "notes": both_languages(read.notes),
    }
