"""Which sources may be the cause of what exceeds in a section: items by type and trade, loads, and their order."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from geosys._errors import SpecError
from geosys._faults import Faults
from geosys._text import Text
from geosys.cases.basis import CERTAINTIES
from geosys.content import read_csv, short_name
from geosys.standards.water_items import ITEMS, item_named

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

NAME = "pollutant_sources.csv"
COLUMNS = ("list", "code", "main", "possible", "source", "certainty")
MAIN, POSSIBLE, UNKNOWN, NONE = 3, 2, 1, 0
MATCHES = {
    MAIN: Text("主要", "main"),
    POSSIBLE: Text("可能", "possible"),
    UNKNOWN: Text("不明", "not known"),
    NONE: Text("一般不排", "not usual"),
}
GRAMS_A_KILOGRAM = 1000.0
_AFTER_NAME = re.compile(r"\s*[（(]?\s*[\d.]+\s*倍?\s*[）)]?\s*$")


@dataclass(frozen=True, slots=True)
class Discharge:
    """Hold the items that one type, kind or trade discharges mainly and possibly (ids), and where that is from."""

    main: frozenset[str]
    possible: frozenset[str]
    source: str
    certainty: str


@dataclass(frozen=True, slots=True)
class PollutantSources:
    """Hold ``cases/pollutant_sources.csv``: by code list and code; a code that is not there takes that of its parent."""

    rows: Mapping[tuple[str, str], Discharge]
    parents: Mapping[tuple[str, str], str]

    def of(self, code_list: str, code: object) -> Discharge | None:
        """Return what a code discharges, or None where nothing is known of it or of any code above it."""
        seen: set[str] = set()
        name = "" if code is None or pd.isna(code) else str(code)
        while name and name not in seen:
            if (code_list, name) in self.rows:
                return self.rows[code_list, name]
            seen.add(name)
            name = self.parents.get((code_list, name), "")
        return None


def read_pollutant_sources(root: Path, code_lists: Mapping[str, Mapping[str, Text]]) -> PollutantSources:
    """Read the table of a content folder.

    Parameters
    ----------
    root
        The folder that holds ``cases/`` and ``layers/``.
    code_lists
        Code list -> code -> title; a code that no list has is a fault.

    Raises
    ------
    SpecError
        With every fault: unknown list, code, item or certainty, a code twice.
    """
    path, faults = root / "cases" / NAME, Faults()
    rows: dict[tuple[str, str], Discharge] = {}
    for line, row in enumerate(read_csv(path, COLUMNS), 2):
        where = f"{short_name(path)} line {line}"
        faults.one_of(f"{where} list", row["list"], code_lists, "a code list of layers/codes/")
        codes = code_lists.get(row["list"], {row["code"]: Text("", "")})
        faults.one_of(f"{where} code", row["code"], codes, f"a code of layers/codes/{row['list']}.csv")
        faults.one_of(f"{where} certainty", row["certainty"], CERTAINTIES, "a certainty")
        key = row["list"], row["code"]
        if key in rows:
            faults.add(where, row["code"], "each code once", "Take one of the two rows out.")
        main, possible = (_items(f"{where} {name}", row[name], faults) for name in ("main", "possible"))
        rows[key] = Discharge(main, possible - main, row["source"], row["certainty"])
    faults.raise_if_any()
    return PollutantSources(rows, _parents(root, {name for name, _ in rows}))


def _items(where: str, cell: str, faults: Faults) -> frozenset[str]:
    found = set()
    for word in filter(None, cell.split("|")):
        try:
            found.add(item_named(word))
        except SpecError as error:
            faults.rows.append(f"{where}: {error}")
    return frozenset(found)


def _parents(root: Path, lists: set[str]) -> dict[tuple[str, str], str]:
    """Return the code above each code, where a list has a column for it."""
    return {
        (name, row["code"]): row["parent"]
        for name in sorted(lists)
        for row in read_csv(root / "layers" / "codes" / f"{name}.csv", ("code",))
        if row.get("parent")
    }


def exceeding_items(text: object) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the ids of the items that a text names as exceeding, with or without multiples, and the words unknown to us.

    Examples
    --------
    >>> exceeding_items("氨氮 0.6、总磷（0.2）；溶解氧")
    (('nh3n', 'tp', 'do'), ())
    >>> exceeding_items(None), exceeding_items("BOD5 1.5、色度")
    (((), ()), (('bod5',), ('色度',)))
    """
    if text is None or (not isinstance(text, str) and pd.isna(text)):
        return (), ()
    known, strange = [], []
    for part in filter(None, (word.strip() for word in re.split(r"[、，,；;]", str(text)))):
        for word in (part, _AFTER_NAME.sub("", part)):
            try:
                known.append(item_named(word))
            except SpecError:
                continue
            break
        else:
            strange.append(part)
    return tuple(dict.fromkeys(known)), tuple(strange)


def item_titles(items: Sequence[str]) -> Text:
    """Return the names of items in both languages.

    Examples
    --------
    >>> item_titles(["nh3n", "tp"]).both()
    '氨氮、总磷 ammonia nitrogen, total phosphorus'
    """
    return Text("、".join(ITEMS[item].zh for item in items), ", ".join(ITEMS[item].en for item in items))


def matches(
    discharges: Sequence[Sequence[Discharge | None]], items: Sequence[str]
) -> tuple[NDArray[np.int64], NDArray[np.object_]]:
    """Return how well each source fits what exceeds: 3 main, 2 possible, 1 not known, 0 not usual; and the fitting items.

    Parameters
    ----------
    discharges
        For each source what its type and its trade discharge; None for one that the table does not know.
    items
        The ids of what exceeds; where there are none, every source is *not known*.
    """
    degree = np.full(len(discharges), UNKNOWN, dtype=np.int64)
    fitting = np.full(len(discharges), "", dtype=object)
    for row, given in enumerate(discharges):
        known = [one for one in given if one is not None]
        if not known or not items:
            continue
        main = [item for item in items if any(item in one.main for one in known)]
        maybe = [item for item in items if item not in main and any(item in one.possible for one in known)]
        degree[row] = MAIN if main else POSSIBLE if maybe else NONE
        fitting[row] = "、".join([ITEMS[item].zh for item in main] + [f"{ITEMS[item].zh}（可能）" for item in maybe])
    return degree, fitting


def loads_kg_d(
    flow_t_d: NDArray[np.float64], mg_l: NDArray[np.float64], density_t_m3: float = 1.0
) -> NDArray[np.float64]:
    """Return kilograms a day of flows in tonnes a day and concentrations in milligrams a litre; NaN where one is unknown.

    Examples
    --------
    >>> loads_kg_d(np.array([2000.0, np.nan]), np.array([15.0, 15.0])).tolist()
    [30.0, nan]

    Source: mg/L is g/m³; t/d over t/m³ is m³/d.
    """
    return np.asarray(flow_t_d / density_t_m3 * mg_l / GRAMS_A_KILOGRAM, dtype=np.float64)


def ranked(sources: pd.DataFrame) -> pd.DataFrame:
    """Return sources in the order in which to look at them, numbered by `suspicion` from 1.

    First those in the stretch in which the fault must lie, then by fit of items, then the greater known load of what
    exceeds, then the nearer. A source whose load is not known stands after those whose load is, within its fit: unknown
    is said, and is no small load.

    Parameters
    ----------
    sources
        Columns `is_in_stretch`, `match`, `load_kg_d` (NaN where not known), `distance_m`, `feature_id`.
    """
    order = sources.assign(
        _out=~sources["is_in_stretch"].astype(bool), _fit=-sources["match"], _load=-sources["load_kg_d"]
    ).sort_values(["_out", "_fit", "_load", "distance_m", "feature_id"], kind="stable", na_position="last")
    result = order.drop(columns=["_out", "_fit", "_load"]).reset_index(drop=True)
    result.insert(0, "suspicion", np.arange(1, len(result) + 1))
    return result
