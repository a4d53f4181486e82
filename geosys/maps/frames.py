"""What the maps room is handed: layers with frames, findings, outcomes, and what is printed on every output."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from geosys import _schema
from geosys._faults import Faults

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date

    import geopandas as gpd
    import pandas as pd

    from geosys._text import Text

DISCLOSURES = _schema.DISCLOSURES
OUTCOMES = ("hit", "near", "needs_review", "not_assessed", "clear")
FOUND = ("hit", "near", "needs_review")  # the outcomes that make a row of the findings
STATUSES = (
    "found", "assigned", "escalated", "rectifying", "accepted", "closed", "look_back", "reopened", "dismissed",
)  # fmt: skip
SEVERITIES = ("critical", "high", "medium", "low")
ISSUE_SEVERITIES = ("critical", "error", "warning", "notice")
CERTAINTIES = ("confirmed", "second_hand", "unconfirmed", "our_reading")

FINDING_COLUMNS = (
    "finding_id", "rule", "rule_title_zh", "rule_title_en", "outcome", "severity",
    "subject_layer", "subject_id", "subject_name", "object_layer", "object_id", "object_name",
    "measure", "unit", "threshold", "margin", "margin_unit", "sentence_zh", "sentence_en",
    "action_zh", "action_en", "basis_zh", "basis_en", "lead", "lead_zh", "lead_en", "support_zh",
    "due_on", "certainty", "case_id", "status", "seen",
)  # fmt: skip
# Used where the findings have them; `found_on` and `history` carry the page's months, `photos_rest` tells of photos left out.
FINDING_EXTRAS = (
    "why_zh", "why_en", "next_zh", "next_en", "area_m2", "share", "distance_m", "found_on", "photos_rest_zh", "photos_rest_en",
)  # fmt: skip
OUTCOME_COLUMNS = (
    "rule", "rule_title_zh", "rule_title_en", "hit", "near", "clear", "not_assessed", "needs_review",
    "why_zh", "why_en",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class MapLayer:
    """Hold one layer version as the map shows it.

    Parameters
    ----------
    id : the layer's id, the name of its spec.
    title : its title.
    geometry : ``point``, ``line`` or ``polygon``.
    key : the fields that name a row.
    frame : rows in EPSG:4490 (lon, lat; degrees) with columns ``feature_id``, ``name`` and those shown.
    columns : titles of the columns that may be shown.
    version : the layer version (a short hash), printed in the notes.
    delivered : date and files of the delivery, printed in the notes.
    disclosure : ``internal``, ``shared`` or ``public``.
    column_disclosure : disclosure of single columns, where narrower than the layer's.
    codes : column -> code -> title, for columns that hold codes.
    units : column -> unit, printed behind numbers.
    timeline : day -> the class code of each row as it was from that day on, in the order of `frame`, for layers whose
        classes change: results of earlier months or runs. The page's time slider goes through them; empty: it does not.
    """

    id: str
    title: Text
    geometry: str
    key: Sequence[str]
    frame: gpd.GeoDataFrame
    columns: Mapping[str, Text]
    version: str
    delivered: str
    disclosure: str
    column_disclosure: Mapping[str, str] = field(default_factory=dict)
    codes: Mapping[str, Mapping[str, Text]] = field(default_factory=dict)
    units: Mapping[str, str] = field(default_factory=dict)
    timeline: Mapping[date, Sequence[Any]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Provenance:
    """Hold one line of the notes: a layer, its version, what was delivered and how many rows it has."""

    title: Text
    version: str
    delivered: str
    rows: int


@dataclass(frozen=True, slots=True)
class Meta:
    """Hold what is printed on every output.

    Parameters
    ----------
    title : the workspace's title.
    as_of : the day the findings were judged by.
    program : program name and version, as in ``GeoSys 0.1.0``.
    mark : printed large on every output, as in 样例数据 (optional).
    rules_version : a short hash of the rules' content (optional).
    layers : the layer versions, for the workbooks; the map takes them from its own layers.
    """

    title: Text
    as_of: date
    program: str
    mark: Text | None = None
    rules_version: str = ""
    layers: Sequence[Provenance] = ()


def check_columns(frame: pd.DataFrame, columns: Sequence[str], what: str) -> None:
    """Raise when `frame` lacks one of `columns`.

    Raises
    ------
    SpecError
        Naming every column that is missing.
    """
    faults = Faults()
    missing = [column for column in columns if column not in frame.columns]
    if missing:
        faults.add(
            what, list(map(str, frame.columns)), f"also the columns {', '.join(missing)}", "Hand over a complete frame."
        )
    faults.raise_if_any()


def check_words(frame: pd.DataFrame, column: str, words: Sequence[str], what: str) -> None:
    """Raise when a column holds a word that has no colour and no title.

    Raises
    ------
    SpecError
        Naming the unknown words.
    """
    faults = Faults()
    for word in sorted(set(frame[column].dropna().astype(str)) - set(words)):
        faults.add(f"{what} [{column}]", word, f"one of {', '.join(words)}")
    faults.raise_if_any()
