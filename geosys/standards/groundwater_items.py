"""The 93 items of GB/T 14848-2017 with their limits, bands and names."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache

import numpy as np

from geosys._errors import SpecError
from geosys.standards.certainty import read_table

STANDARD = "GB/T 14848-2017"
ROMAN = ("I", "II", "III", "IV", "V")
REGULAR = "表1 常规"
_NO_LIMIT = np.inf
_LIMITS = 4  # class V is whatever is worse than class IV
# Names that offices write for an item of the standard. Total chromium is none of them.
ALIASES = {
    "色度": "色",
    "臭和味": "嗅和味",
    "嗅": "嗅和味",
    "浊度": "浑浊度",
    "pH值": "pH",
    "六价铬": "铬(六价)",
    "铬6": "铬(六价)",
    "挥发酚": "挥发性酚类(以苯酚计)",
    "LAS": "阴离子表面活性剂",
    "阴离子合成洗涤剂": "阴离子表面活性剂",
    "硝酸盐氮": "硝酸盐(以N计)",
    "亚硝酸盐氮": "亚硝酸盐(以N计)",
    "林丹": "γ-六六六(林丹)",
    "氯仿": "三氯甲烷",
    "TDS": "溶解性总固体",
}


@dataclass(frozen=True, slots=True)
class GroundwaterItem:
    """Hold one item: upper limits of I to IV, or bands, or that it must be absent."""

    name: str
    unit: str
    rule: str
    is_regular: bool
    limits: tuple[float, ...]
    bands: tuple[tuple[tuple[float, float, bool, bool], ...], ...]
    none_at_best: bool
    certainty: str


@cache
def groundwater_items() -> dict[str, GroundwaterItem]:
    """Return the 93 items by name.

    Source: GB/T 14848-2017, tables 1 and 2, as in ``tables/gbt14848_table1.csv`` with its mark of certainty.
    """
    rows = read_table("gbt14848_table1.csv", ("table", "item", "unit", "rule", *ROMAN))
    return {row["item"]: _item(row) for row in rows}


def _item(row: dict[str, str]) -> GroundwaterItem:
    """Return one row of the table as an item."""
    cells = [row[roman] for roman in ROMAN]
    limits: tuple[float, ...] = ()
    bands: tuple[tuple[tuple[float, float, bool, bool], ...], ...] = ()
    if row["rule"] == "max":
        limits = tuple(_limit(cell) for cell in cells[:_LIMITS])
    elif row["rule"] == "range":
        bands = tuple(tuple(_band(part) for part in cell.split("或")) for cell in cells)
    elif row["rule"] == "text":
        limits = tuple(0.0 if cell == "无" else _NO_LIMIT for cell in cells[:_LIMITS])
    else:
        raise SpecError(
            f"gbt14848_table1.csv, {row['item']}: got rule '{row['rule']}', expected max, range or text. Mend it."
        )
    return GroundwaterItem(
        row["item"],
        row["unit"],
        row["rule"],
        row["table"] == REGULAR,
        limits,
        bands,
        "不得检出" in cells,
        row["confidence"],
    )


def _limit(cell: str) -> float:
    """Return an upper limit; 'not detectable' is zero, 'more than the class before' has none."""
    return 0.0 if cell == "不得检出" else _NO_LIMIT if cell.startswith(">") else float(cell)


def _band(part: str) -> tuple[float, float, bool, bool]:
    """Return lower and upper end of a band and whether each belongs to it.

    Examples
    --------
    >>> _band("5.5≤pH<6.5"), _band("pH>9.0")
    ((5.5, 6.5, True, False), (9.0, inf, False, True))
    """
    found = re.fullmatch(r"(?:([\d.]+)([<≤]))?pH(?:([<≤>])([\d.]+))?", part.strip())
    if not found:
        raise SpecError(f"gbt14848_table1.csv, pH: got the band '{part}', expected one as 5.5≤pH<6.5. Mend the table.")
    low, low_sign, sign, end = found.groups()
    if sign == ">":
        return float(end), np.inf, False, True
    return (float(low) if low else -np.inf), float(end), low_sign != "<", sign == "≤"
