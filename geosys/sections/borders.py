"""Sections that follow each other along a river on two sides of a border, and how the water changes between them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from geosys._text import Text
from geosys.geo.river_distance import along_river
from geosys.standards.water_items import ITEMS, TEMPERATURE

if TYPE_CHECKING:
    from geosys.geo.river_flow import OnRiver
    from geosys.geo.river_network import Network
    from geosys.standards.attainment import Attainment

PAIR_COLUMNS = ("upstream", "downstream", "distance_m")
BORDER_COLUMNS = (
    "upstream", "downstream", "distance_m", "item", "item_zh", "value_up", "value_down", "difference", "percent",
    "item_class_up", "item_class_down", "class_up", "class_down", "class_change", "reason_zh", "reason_en",
)  # fmt: skip
NO_ORDER = Text(
    "无河网，也无沿河序号：上下游关系未知",
    "neither a river network nor an order along the river: who is upstream is not known",
)
NO_COUNTY = Text(
    "断面未填县区：是否跨界未知", "the section's county is not given: not known whether a border lies between"
)
NOT_MEASURED = Text("上下游没有同期项目可比", "no item was measured in both sections in this period")
_FARTHEST_M = 1e7


def pairs_on_network(network: Network, stops: OnRiver) -> pd.DataFrame:
    """Return the sections that follow each other along the water, no third one between them.

    Parameters
    ----------
    network, stops
        The river network, and where the sections stand on it; several sections may lie above one.

    Returns
    -------
    Columns `PAIR_COLUMNS`: positions, and metres along the channel.
    """
    found = along_river(network, stops, stops, _FARTHEST_M, 0.0).pairs
    found = found[(found["distance_m"] > 0) & found["is_path_known"] & (found["section"] != found["point"])]
    above = {int(s): dict(zip(rows["point"], rows["distance_m"], strict=True)) for s, rows in found.groupby("section")}
    rows = [
        (int(point), section, float(distance))
        for section, points in above.items()
        for point, distance in points.items()
        if not any(d < distance and point in above.get(int(other), {}) for other, d in points.items() if other != point)
    ]
    return pd.DataFrame(sorted(rows), columns=list(PAIR_COLUMNS))


def pairs_in_order(rivers: pd.Series, orders: pd.Series) -> pd.DataFrame:
    """Return the sections that follow each other by their number along a river of one name, rising downstream.

    Sections without a river or number, and those of one river with the same number, make no pair.

    Examples
    --------
    >>> pairs_in_order(pd.Series(["a", "a", "b", "a"]), pd.Series([3, 1, 2, None]))[["upstream", "downstream"]].to_numpy().tolist()
    [[1, 0]]
    """
    table = pd.DataFrame(
        {"water": rivers.to_numpy(), "order": pd.to_numeric(orders).to_numpy(dtype=float, na_value=np.nan)}
    )
    table = (
        table.dropna().drop_duplicates(["water", "order"], keep=False).sort_values(["water", "order"], kind="stable")
    )
    follows = (table["water"] == table["water"].shift()).to_numpy()
    at = table.index.to_numpy()
    place = np.flatnonzero(follows)
    return pd.DataFrame({"upstream": at[place - 1], "downstream": at[place], "distance_m": np.nan})


def across_borders(pairs: pd.DataFrame, county: pd.Series) -> tuple[pd.DataFrame, set[int]]:
    """Return the pairs of two counties, and the sections of pairs of which nobody can tell."""
    one, two = (county.iloc[pairs[side]].reset_index(drop=True) for side in ("upstream", "downstream"))
    unknown = (one.isna() | two.isna()).to_numpy(dtype=bool)
    crosses = ~unknown & (one.astype(object) != two.astype(object)).to_numpy(dtype=bool)
    lost = {
        int(i)
        for gap, side in ((one, "upstream"), (two, "downstream"))
        for i in pairs[side].to_numpy()[gap.isna().to_numpy()]
    }
    return pairs[crosses].reset_index(drop=True), lost


def differences(pairs: pd.DataFrame, found: Attainment, period: int) -> pd.DataFrame:
    """Return how each item changes from the upper to the lower section of each pair in one period.

    Returns
    -------
    Columns `BORDER_COLUMNS`, one row a pair and item measured in both; one row with the reason where there is none.
    `difference` is down minus up, `percent` of the upper value (none for pH).
    """
    at = {
        int(s): i
        for i, (s, p) in enumerate(zip(found.rows["section"], found.rows["period"], strict=True))
        if p == period
    }
    classes = found.grading.section_class
    rows: list[dict[str, Any]] = []
    for pair in pairs.itertuples(index=False):
        head = {
            "upstream": int(pair.upstream),
            "downstream": int(pair.downstream),
            "distance_m": float(pair.distance_m),
        }
        up, down = at.get(int(pair.upstream)), at.get(int(pair.downstream))
        items = [] if up is None or down is None else _items(found, up, down)
        if not items:
            rows.append(head | {"reason_zh": NOT_MEASURED.zh, "reason_en": NOT_MEASURED.en})
            continue
        whole = {"class_up": _known(classes[up]), "class_down": _known(classes[down])}
        if whole["class_up"] and whole["class_down"]:
            whole["class_change"] = whole["class_down"] - whole["class_up"]
        rows += [head | one | whole | {"reason_zh": "", "reason_en": ""} for one in items]
    table = pd.DataFrame(rows, columns=list(BORDER_COLUMNS))
    return table.astype({name: "Int64" for name in BORDER_COLUMNS if "class" in name})


def _items(found: Attainment, up: int, down: int) -> list[dict[str, Any]]:
    rows = []
    for item, values in found.means.numbers.items():
        one, two = float(values[up]), float(values[down])
        if item == TEMPERATURE or np.isnan(one) or np.isnan(two):
            continue
        change = float(f"{two - one:.12g}")
        classes = found.grading.class_of(item) if item in found.grading.items else None
        rows.append(
            {
                "item": item, "item_zh": ITEMS[item].zh, "value_up": one, "value_down": two, "difference": change,
                "percent": np.nan if item == "ph" or one == 0 else round(100 * change / one, 1),
                "item_class_up": None if classes is None else _known(classes[up]),
                "item_class_down": None if classes is None else _known(classes[down]),
            }
        )  # fmt: skip
    return rows


def _known(number: Any) -> int | None:
    return int(number) or None
