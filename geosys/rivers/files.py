"""The files beside a plan that settle what is doubtful about rivers: decisions on faults, chosen lines, an elevation model."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pandas as pd

from geosys._errors import SpecError
from geosys._faults import nearest
from geosys.content import read_csv
from geosys.geo.river_decisions import SEPARATOR

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from pathlib import Path

    from geosys._faults import Faults

DECISIONS, POSITIONS = "river_decisions.csv", "river_positions.csv"  # taken where they lie beside the plan
SHEET = ("layer", "kind", "lines", "x", "y", "decision", "proposal", "text_zh", "text_en", "mend_zh", "mend_en")
CHOSEN = ("layer", "feature_id", "line")
NONE = ("none", "无")  # in place of a line: the feature stands on no river
_COUNTED = re.compile(r"(决定表第 |[Rr]ow )(\d+)( 行| of the decisions)")


@dataclass(frozen=True, slots=True)
class RiverFiles:
    """Hold where a plan's river files lie; None for one that it neither names nor has."""

    decisions: Path | None = None
    positions: Path | None = None
    elevation: Path | None = None
    sheet: Path | None = None


NO_FILES = RiverFiles()


def read_plan_rivers(root: Path, table: Mapping[str, Any], where: str, faults: Faults) -> RiverFiles:
    """Return the files of a plan's `[rivers]`; one that is named must be there, but for the sheet of decisions.

    That one is written by `geosys rivers decide`, into the place the plan names.
    """
    faults.keys(where, table, ("decisions", "positions", "elevation"))
    named = faults.sound(where, table, dict.fromkeys(("decisions", "positions", "elevation"), "a text"))
    paths = {key: root / named[key] for key in ("positions", "elevation") if key in named}
    for key, path in paths.items():
        if not path.is_file():
            faults.add(f"{where} {key}", named[key], "a file beside the plan", "Put it there or mend the name.")
    sheet = root / named.get("decisions", DECISIONS)
    paths.setdefault("positions", root / POSITIONS)
    return RiverFiles(
        sheet if sheet.is_file() else None,
        paths["positions"] if paths["positions"].is_file() else None,
        paths.get("elevation"),
        sheet,
    )


def read_sheet(path: Path | None) -> pd.DataFrame:
    """Return the sheet of decisions as texts, with `line`, the line of the file each row stands on; empty without a file."""
    if path is None or not path.is_file():
        return pd.DataFrame(columns=[*SHEET, "line"], dtype=object)
    rows = read_csv(path, ("kind", "decision"))
    frame = pd.DataFrame(rows, dtype=object).reindex(columns=list(rows[0]) if rows else list(SHEET))
    return frame.assign(line=range(2, len(rows) + 2))


def decided_rows(sheet: pd.DataFrame, layer: str, layers: Sequence[str], name: str) -> pd.DataFrame:
    """Return the rows of a sheet that hold a decision about one river layer; an empty `layer` means the only one there is.

    Raises
    ------
    SpecError
        With every row that names another layer than the content's river layers, or none where there are several.
    """
    filled = sheet[sheet["decision"].astype(str).str.strip() != ""]
    stated = filled["layer"].astype(str).str.strip() if "layer" in filled else pd.Series("", index=filled.index)
    stated = stated.where(stated != "", layers[0] if len(layers) == 1 else "")
    wrong = filled[~stated.isin(layers)]
    if len(wrong):
        told = "; ".join(f"line {row.line}: layer {stated[row.Index]!r}" for row in wrong.itertuples())
        raise SpecError(f"{name}: got {told}, expected one of {', '.join(layers)}. Mend these rows.")
    return filled[stated == layer].reset_index(drop=True)


def with_file_lines(error: SpecError, rows: pd.DataFrame, name: str) -> SpecError:
    """Return an error of `read_decisions` that counts lines of the file in place of rows of the table."""
    lines = rows["line"].tolist()
    told = re.sub(
        r"\brow (\d+):", lambda m: f"line {lines[int(m[1]) - 1]}:" if int(m[1]) <= len(lines) else m[0], str(error)
    )
    return SpecError(told.replace("decisions:", f"{name}:", 1).replace("Mend these rows", "Mend these lines"))


def by_file_lines(table: pd.DataFrame, rows: pd.DataFrame) -> pd.DataFrame:
    """Return faults or changes that name decisions by the line of their file in place of the row of the table handed in."""
    lines = rows["line"].tolist()
    if not lines:
        return table
    told = {}
    for column in table.columns.intersection(["text_zh", "text_en", "reason_zh", "reason_en"]):
        told[column] = [_COUNTED.sub(lambda m: f"{m[1]}{lines[int(m[2]) - 1]}{m[3]}", text) for text in table[column]]
    if "decided_by" in table:
        told["decided_by"] = [lines[row] if row >= 0 else row for row in table["decided_by"].tolist()]
    return table.assign(**told)


def merged_sheet(fresh: pd.DataFrame, old: pd.DataFrame) -> tuple[pd.DataFrame, dict[str, int]]:
    """Return a sheet of decisions brought up to date, and what became of its rows.

    Rows with a decision stay as they are, and first. Each open fault follows once, with what was written beside it in
    columns of the reader's own. Undecided rows whose fault is no longer there go, unless something of his stands in them.

    Returns
    -------
    Columns of `SHEET`, then the reader's own; counts `decided`, `open`, `new`, `gone`.
    """
    own = [column for column in old.columns if column not in (*SHEET, "line")]
    old = old.reindex(columns=[*SHEET, *own]).fillna("").astype(str)
    fresh = fresh.reindex(columns=[*SHEET, *own]).astype(object)
    fresh[own] = ""
    is_decided = old["decision"].str.strip() != ""
    left = {_key(row): row for row in old[~is_decided].to_dict("records")}
    done = {_key(row) for row in old[is_decided].to_dict("records")}
    rows, new = [], 0
    for record in fresh.to_dict("records"):
        row = {str(k): _cell(v) for k, v in record.items()}
        key = _key(row)
        if key in done:
            continue
        before = left.pop(key, None)
        new += before is None
        rows.append({**row, **({column: before[column] for column in own} if before else {})})
    kept = [row for row in left.values() if any(str(row[column]).strip() for column in own)]
    table = pd.DataFrame([*old[is_decided].to_dict("records"), *kept, *rows], columns=[*SHEET, *own], dtype=object)
    counts = {"decided": int(is_decided.sum()), "open": len(rows), "new": new, "gone": len(left) - len(kept)}
    return table, counts


def _key(row: Mapping[str, Any]) -> tuple[str, ...]:
    """Return what tells a row of the sheet: kind, lines in any order, and the place to a centimetre."""
    lines = ";".join(sorted(part for part in SEPARATOR.split(str(row["lines"]).strip()) if part))
    place = [pd.to_numeric(str(row[axis]).strip() or "nan", errors="coerce") for axis in ("x", "y")]
    return str(row["layer"]).strip(), str(row["kind"]).strip(), lines, *(f"{value:.2f}" for value in place)


def _cell(value: object) -> str:
    if value is None or (isinstance(value, float) and value != value):  # noqa: PLR0124
        return ""
    return f"{value:.3f}" if isinstance(value, float) else str(value)


def chosen_lines(
    path: Path | None,
    features: Mapping[str, Collection[str]],
    lines: Mapping[str, Collection[str]],
    of: Mapping[str, str],
) -> dict[tuple[str, str], str]:
    """Return the line that the user chose for features, by layer and feature id; an empty text for no river at all.

    Parameters
    ----------
    path
        CSV with the columns `CHOSEN`: a layer id, the id of its feature, the id of the river line, or 无 / none.
    features, lines
        Ids that there are, by layer and by river layer.
    of
        The river layer of each layer of the content that stands on one; rows about one that the workspace lacks are left.

    Raises
    ------
    SpecError
        With every row that names what does not exist, or a feature twice.
    """
    if path is None:
        return {}
    chosen: dict[tuple[str, str], str] = {}
    wrong = []
    for number, row in enumerate(read_csv(path, CHOSEN), 2):
        layer, feature, line = (row[column].strip() for column in CHOSEN)
        if not (layer or feature or line):
            continue
        fault = _what_is_wrong(layer, feature, line, (features, lines, of))
        if not fault and (layer, feature) in chosen:
            fault = f"{layer} {feature!r} a second time, expected one row for each feature"
        wrong += [f"line {number}: {fault}"] if fault else []
        if not fault and layer in features:
            chosen[layer, feature] = "" if line.lower() in NONE else line
    if wrong:
        raise SpecError(f"{path.name}: got " + "; ".join(wrong) + ". Mend these lines.")
    return chosen


def _what_is_wrong(
    layer: str,
    feature: str,
    line: str,
    known: tuple[Mapping[str, Collection[str]], Mapping[str, Collection[str]], Mapping[str, str]],
) -> str:
    features, lines, of = known
    if layer not in of:
        return f"layer {layer!r}, expected one that stands on rivers ({', '.join(of)}). {nearest(layer, of)}".strip()
    if layer not in features or of[layer] not in lines:
        return ""
    if feature not in features[layer]:
        return f"feature_id {feature!r}, which {layer} does not have. {nearest(feature, features[layer])}".strip()
    if line.lower() in NONE or line in lines[of[layer]]:
        return ""
    if not line:
        return f"no line for {feature!r}, expected the id of a river line, or 无 (none)"
    return f"line {line!r}, which {of[layer]} does not have. {nearest(line, lines[of[layer]])}".strip()
