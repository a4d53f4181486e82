"""The screening and control values of soil: GB 15618-2018 by pH and use, GB 36600-2018 by category of land."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from geosys._errors import SpecError
from geosys._faults import nearest
from geosys._text import Text
from geosys.standards.certainty import read_table

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

FARMLAND, CONSTRUCTION = "farmland", "construction"
STANDARDS = {FARMLAND: "GB 15618-2018", CONSTRUCTION: "GB 36600-2018"}
PH_ENDS = (5.5, 6.5, 7.5)  # each belongs to the band below it
MOST_PH = 14.0
PADDY, OTHER, ORCHARD, ROTATION = "paddy", "other", "orchard", "rotation"
_BANDS = len(PH_ENDS) + 2  # band 0: pH not known
# The columns of the table that a use is judged by; the first that an item has, of rotation the stricter of both.
_COLUMNS = {PADDY: ("水田", "其他", "全部"), OTHER: ("其他", "全部"), ORCHARD: ("果园", "其他", "全部")}
USES = {FARMLAND: (PADDY, OTHER, ORCHARD, ROTATION), CONSTRUCTION: ("1", "2")}
UNDETERMINED = "undetermined"  # a stated use that has no category yet: the first, the stricter one
BACKGROUND_ITEMS = ("砷", "钴", "钒")
_TABLES = {"basic": "gb36600_basic45.csv", "other": "gb36600_other40.csv"}


@dataclass(frozen=True, slots=True)
class SoilLimits:
    """Hold the limits of a standard by item and condition, in mg/kg.

    Attributes
    ----------
    items
        Names in the order of the standard.
    screening, control
        Shape (items, uses + 1, pH bands + 1), for construction land (items, categories + 1, 1). Place 0 is a use or
        pH not known: NaN where the limit depends on it. Infinite where the standard has no control value.
    is_basic
        Whether an item must always be measured.
    certainty
        By item.
    """

    kind: str
    standard: str
    items: tuple[str, ...]
    screening: NDArray[np.float64]
    control: NDArray[np.float64]
    is_basic: NDArray[np.bool_]
    certainty: tuple[str, ...]

    @property
    def uses(self) -> tuple[str, ...]:
        """Return the names of the uses at places 1 and on."""
        return USES[self.kind]

    @property
    def needs_ph(self) -> bool:
        """Return whether limits depend on pH."""
        return self.kind == FARMLAND


@cache
def soil_limits(kind: str) -> SoilLimits:
    """Return the limits of ``farmland`` (11 items) or ``construction`` land (85 items).

    Raises
    ------
    SpecError
        When the word is another, or a table contradicts itself.

    Source: GB 15618-2018 tables 1 to 3; GB 36600-2018 tables 1 and 2; each row of the tables says how sure it is.
    Rotation of paddy and upland takes the stricter column (unconfirmed).

    Examples
    --------
    >>> found = soil_limits("farmland")
    >>> cadmium = found.screening[found.items.index("镉")]
    >>> cadmium[1, 1:].tolist(), cadmium[4, 1:].tolist(), float(cadmium[0, 2])
    ([0.3, 0.4, 0.6, 0.8], [0.3, 0.3, 0.3, 0.6], nan)
    """
    if kind not in STANDARDS:
        raise SpecError(
            f"standard: got {kind!r}, expected one of: {', '.join(STANDARDS)}. {nearest(kind, STANDARDS)}".rstrip()
        )
    found = _farmland() if kind == FARMLAND else _construction()
    if not _in_order(found):
        raise SpecError(f"{found.standard}: got a screening value above the control value. Mend the table.")
    for array in (found.screening, found.control, found.is_basic):
        array.flags.writeable = False
    return found


def _farmland() -> SoilLimits:
    rows = read_table(
        "gb15618.csv", ("element", "kind", "land_use", "ph_min_excl", "ph_max_incl", "value", "unit", "group")
    )
    items = tuple(dict.fromkeys(row["element"] for row in rows))
    cells: dict[tuple[str, str, str], NDArray[np.float64]] = {}
    for row in rows:
        _check_unit("gb15618.csv", row["element"], row["unit"])
        bands = cells.setdefault((row["kind"], row["element"], row["land_use"]), np.full(_BANDS, np.nan))
        low = 1 + PH_ENDS.index(float(row["ph_min_excl"])) + 1 if row["ph_min_excl"] else 1
        high = 1 + PH_ENDS.index(float(row["ph_max_incl"])) if row["ph_max_incl"] else _BANDS - 1
        bands[low : high + 1] = float(row["value"])
    shape = (len(items), len(USES[FARMLAND]) + 1, _BANDS)
    screening, control = np.full(shape, np.nan), np.full(shape, np.inf)
    for i, item in enumerate(items):
        for j, use in enumerate((PADDY, OTHER, ORCHARD), 1):
            column = next(name for name in _COLUMNS[use] if ("筛选值", item, name) in cells)
            screening[i, j] = cells["筛选值", item, column]
        screening[i, 4] = np.minimum(screening[i, 1], screening[i, 2])
        if ("管制值", item, "全部") in cells:
            control[i] = cells["管制值", item, "全部"]
        _fill_unknown(screening[i])
        _fill_unknown(control[i])
    basic = {row["element"] for row in rows if row["group"].startswith("基本项目")}
    marks = {row["element"]: row["confidence"] for row in rows}
    return SoilLimits(
        FARMLAND, STANDARDS[FARMLAND], items, screening, control, np.array([i in basic for i in items]),
        tuple(marks[item] for item in items),
    )  # fmt: skip


def _fill_unknown(limits: NDArray[np.float64]) -> None:
    """Give a limit where use or pH is not known, if it is the same whatever they are."""
    for j in range(1, limits.shape[0]):
        if (limits[j, 1:] == limits[j, 1]).all():
            limits[j, 0] = limits[j, 1]
    for b in range(limits.shape[1]):
        if (limits[1:, b] == limits[1, b]).all():
            limits[0, b] = limits[1, b]
        else:
            limits[0, b] = np.nan


def _construction() -> SoilLimits:
    required = ("item", "screening_cat1", "screening_cat2", "control_cat1", "control_cat2", "unit")
    rows = [(group, row) for group, name in _TABLES.items() for row in read_table(name, required)]
    for _, row in rows:
        _check_unit("gb36600", row["item"], row["unit"])

    def column(kind: str) -> NDArray[np.float64]:
        found = np.array([[np.nan, *(float(row[f"{kind}_cat{c}"]) for c in (1, 2))] for _, row in rows])
        is_one = found[:, 1] == found[:, 2]
        found[is_one, 0] = found[is_one, 1]
        return found[:, :, None]

    items = tuple(row["item"] for _, row in rows)
    return SoilLimits(
        CONSTRUCTION, STANDARDS[CONSTRUCTION], items, column("screening"), column("control"),
        np.array([group == "basic" for group, _ in rows]), tuple(row["confidence"] for _, row in rows),
    )  # fmt: skip


def _check_unit(table: str, item: str, unit: str) -> None:
    if unit != "mg/kg":
        raise SpecError(f"{table}, {item}: got the unit '{unit}', expected mg/kg. Mend the table.")


def _in_order(found: SoilLimits) -> bool:
    known = np.isfinite(found.screening) & np.isfinite(found.control)
    return bool((found.screening[known] <= found.control[known]).all())


def ph_bands(ph: ArrayLike) -> NDArray[np.int8]:
    """Return the pH band of values: 1 up to 5.5, 2 up to 6.5, 3 up to 7.5, 4 above; 0 where there is none from 0 to 14.

    Examples
    --------
    >>> ph_bands([5.5, 5.51, 6.5, 7.5, 7.51, 14.1, float("nan")]).tolist()
    [1, 2, 2, 3, 4, 0, 0]
    """
    numbers = np.asarray(ph, dtype=np.float64)
    found = (np.searchsorted(PH_ENDS, numbers, side="left") + 1).astype(np.int8)
    found[~((numbers >= 0) & (numbers <= MOST_PH))] = 0
    return found


@dataclass(frozen=True, slots=True)
class LandUse:
    """Hold one use of land: its place in the limits, its names, and how sure its reading is."""

    use: str
    place: int
    text: Text
    words: tuple[str, ...]
    certainty: str


@cache
def land_uses(kind: str) -> dict[str, LandUse]:
    """Return the uses of a standard by name; an undetermined use of construction land is judged as category 1.

    Examples
    --------
    >>> land_uses("construction")["undetermined"].place, land_uses("farmland")["rotation"].text.zh
    (1, '水旱轮作')
    """
    limits = soil_limits(kind)
    found = {}
    for row in read_table("soil_land_uses.csv", ("standard", "use", "zh", "en", "words")):
        if row["standard"] == kind:
            place = 1 if row["use"] == UNDETERMINED else limits.uses.index(row["use"]) + 1
            words = (row["use"], row["zh"], row["en"], *row["words"].split("|"))
            found[row["use"]] = LandUse(row["use"], place, Text(row["zh"], row["en"]), words, row["confidence"])
    return found
