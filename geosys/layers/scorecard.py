"""Reckon a scorecard: how well each sender delivers each layer, with a grade by the rule of ``layers/scorecard.csv``."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pandas as pd

from geosys._errors import SpecError
from geosys._faults import Faults
from geosys._text import Text
from geosys.content import read_csv, short_name

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

SEVERITIES = ("critical", "error", "warning", "notice")
LIMITS = (
    "most_withheld_share", "most_errors_per_100_rows", "most_warnings_per_100_rows", "least_mended_share",
)  # fmt: skip
CERTAINTIES = ("confirmed", "second_hand", "unconfirmed", "our_reading")
DELIVERY_COLUMNS = ("sender", "layer", "source_file", "delivered_on", "rows", "rows_withheld")
ISSUE_NEEDS = ("layer", "source_file", "severity", "responsibility")
COMPARISON_NEEDS = ("layer", "source_file", "responsibility", "state")
SCORE_COLUMNS = [
    "sender", "layer", "layer_title", "deliveries", "rows", "rows_withheld", "withheld_share",
    *(f"{severity}_per_100_rows" for severity in SEVERITIES),
    "mended_share", "last_delivery", "grade", "grade_zh", "grade_en", "certainty",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Grade:
    """Hold one grade and the limits it asks for; None asks for nothing.

    Shares are 0 to 1; errors and critical issues count together, per 100 rows delivered.
    """

    id: str
    title: Text
    most_withheld_share: float | None
    most_errors_per_100_rows: float | None
    most_warnings_per_100_rows: float | None
    least_mended_share: float | None
    certainty: str


def load_grades(path: Path) -> tuple[Grade, ...]:
    """Return the grades of ``layers/scorecard.csv``, the best first.

    Source: our own reading; no standard grades deliveries, and the office may change the limits.

    Raises
    ------
    SpecError
        When a limit is no number, a certainty is unknown, a limit is stricter than that of the grade above, or the
        last grade has a limit (then some deliveries would have no grade).
    """
    rows = read_csv(path, ("grade", "title_zh", "title_en", *LIMITS, "certainty"))
    where, faults = short_name(path), Faults()
    grades = []
    for row in rows:
        limits = {name: _limit(f"{where} {row['grade']} {name}", row[name], faults) for name in LIMITS}
        faults.one_of(f"{where} {row['grade']} certainty", row["certainty"], CERTAINTIES, "a certainty")
        grades.append(Grade(row["grade"], Text(row["title_zh"], row["title_en"]), **limits, certainty=row["certainty"]))
    if not grades or any(getattr(grades[-1], name) is not None for name in LIMITS):
        faults.add(
            where, grades[-1].id if grades else "no row", "a last grade without limits", "Leave its limits empty."
        )
    for name in LIMITS:
        asked = [value for grade in grades if (value := getattr(grade, name)) is not None]
        if asked != sorted(asked, reverse=name.startswith("least")):
            faults.add(f"{where} {name}", asked, "limits that grow laxer from grade to grade", "Order the rows.")
    faults.raise_if_any()
    return tuple(grades)


def _limit(where: str, text: str, faults: Faults) -> float | None:
    """Return a limit; None where the cell is empty."""
    if not text:
        return None
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not (math.isfinite(value) and value >= 0):
        faults.add(where, text, "a number from 0 upwards, or nothing")
        return None
    return value


def scorecard(
    issues: pd.DataFrame,
    deliveries: pd.DataFrame,
    grades: Sequence[Grade],
    comparison: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """Return one row a sender and layer: what was delivered, what was wrong with it, what was mended, and a grade.

    Parameters
    ----------
    issues
        Issue table of all the deliveries; only what the sender must mend counts.
    deliveries
        One row a delivery: `DELIVERY_COLUMNS`; ``delivered_on`` a date or missing, rows as counts.
    grades
        From `load_grades`, the best first.
    comparison
        From `redelivery.compare_deliveries`, of all re-deliveries; without one, nothing is said of mending.

    Returns
    -------
    DataFrame
        `SCORE_COLUMNS`. Shares are 0 to 1 and missing where nothing can be reckoned; without rows there is no grade.

    Raises
    ------
    SpecError
        When a frame lacks a column, or a file of a layer stands under two senders.
    """
    _check(issues, deliveries, comparison)
    own = _of_senders(issues, deliveries)
    redelivered = None if comparison is None else _of_senders(comparison, deliveries)
    titles = dict(zip(issues["layer"], issues["layer_title"], strict=True)) if "layer_title" in issues else {}
    rows = []
    for (sender, layer), group in deliveries.groupby(["sender", "layer"], sort=True):
        found = own[(own["sender"] == sender) & (own["layer"] == layer)]
        total, withheld = int(group["rows"].sum()), int(group["rows_withheld"].sum())
        score: dict[str, Any] = {
            "sender": sender, "layer": layer, "layer_title": titles.get(layer, ""), "deliveries": len(group),
            "rows": total, "rows_withheld": withheld, "withheld_share": withheld / total if total else math.nan,
            "last_delivery": group["delivered_on"].dropna().max() if group["delivered_on"].notna().any() else None,
            "mended_share": _mended_share(redelivered, sender, layer),
        }  # fmt: skip
        for severity in SEVERITIES:
            count = int((found["severity"] == severity).sum())
            score[f"{severity}_per_100_rows"] = 100 * count / total if total else math.nan
        rows.append({**score, **_graded(score, grades)})
    return pd.DataFrame(rows, columns=SCORE_COLUMNS)


def scorecard_csv(scores: pd.DataFrame) -> bytes:
    r"""Return a scorecard as CSV that Excel opens in Chinese (UTF-8 with its mark); texts that begin a formula are quoted.

    Examples
    --------
    >>> scorecard_csv(pd.DataFrame({"sender": ["=1+1", "县局"], "rows": [1, 2]})).decode("utf-8-sig")
    "sender,rows\r\n'=1+1,1\r\n县局,2\r\n"
    """
    texts = {c: scores[c].map(_inert) for c in scores.columns if not pd.api.types.is_numeric_dtype(scores[c])}
    text = str(scores.assign(**texts).to_csv(index=False, lineterminator="\r\n", float_format="%.6g"))
    return text.encode("utf-8-sig")


def _inert(value: object) -> object:
    return f"'{value}" if isinstance(value, str) and value.startswith(("=", "+", "-", "@", "\t", "\r")) else value


def _of_senders(frame: pd.DataFrame, deliveries: pd.DataFrame) -> pd.DataFrame:
    """Return those rows that a sender must mend, with the sender whose file they are of."""
    of = {(r.layer, r.source_file): r.sender for r in deliveries.itertuples()}
    senders = [of.get(pair) for pair in zip(frame["layer"], frame["source_file"], strict=True)]
    named = pd.DataFrame(frame).assign(sender=senders)
    return named[(named["responsibility"] == "sender") & named["sender"].notna()]


def _mended_share(comparison: pd.DataFrame | None, sender: object, layer: object) -> float:
    """Return how many of the issues that could be judged again were mended; missing where there were none."""
    if comparison is None:
        return math.nan
    states = comparison.loc[(comparison["sender"] == sender) & (comparison["layer"] == layer), "state"]
    mended, still = int((states == "mended").sum()), int((states == "still_there").sum())
    return mended / (mended + still) if mended + still else math.nan


def _graded(score: dict[str, Any], grades: Sequence[Grade]) -> dict[str, Any]:
    """Return the best grade whose limits a score keeps; none where no row was delivered."""
    if not score["rows"]:
        return {"grade": "", "grade_zh": "无法评定", "grade_en": "Not graded", "certainty": ""}
    errors = score["critical_per_100_rows"] + score["error_per_100_rows"]
    for grade in grades:
        asked = (
            (score["withheld_share"], grade.most_withheld_share),
            (errors, grade.most_errors_per_100_rows),
            (score["warning_per_100_rows"], grade.most_warnings_per_100_rows),
        )
        mended, least = score["mended_share"], grade.least_mended_share
        is_mended = least is None or math.isnan(mended) or mended >= least
        if is_mended and all(limit is None or value <= limit for value, limit in asked):
            return {
                "grade": grade.id, "grade_zh": grade.title.zh, "grade_en": grade.title.en, "certainty": grade.certainty,
            }  # fmt: skip
    raise SpecError("scorecard: got no grade without limits, expected one last. Load the grades with load_grades.")


def _check(issues: pd.DataFrame, deliveries: pd.DataFrame, comparison: pd.DataFrame | None) -> None:
    faults = Faults()
    frames = [("issues", issues, ISSUE_NEEDS), ("deliveries", deliveries, DELIVERY_COLUMNS)]
    if comparison is not None:
        frames.append(("comparison", comparison, COMPARISON_NEEDS))
    for what, frame, columns in frames:
        missing = [c for c in columns if c not in frame.columns]
        if missing:
            faults.add(f"scorecard {what}", list(map(str, frame.columns)), f"also {', '.join(missing)}")
    faults.raise_if_any()
    senders = deliveries.groupby(["layer", "source_file"])["sender"].nunique()
    for layer, file in senders[senders > 1].index:
        faults.add(
            f"scorecard deliveries {layer} {file}", "several senders", "one", "Give their files different names."
        )
    faults.raise_if_any()
