"""The items of the two soil standards: their names in headers, and the units that a number of them may stand in."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from geosys._errors import SpecError
from geosys._faults import nearest
from geosys._text import Text
from geosys.standards.certainty import read_table
from geosys.standards.soil_limits import soil_limits
from geosys.standards.water_items import ItemColumn, fold

if TYPE_CHECKING:
    from collections.abc import Iterator

PH = "ph"
UNIT = "mg/kg"
_PH_NAMES = ("pH", "pH值", "酸碱度", "土壤pH", "土壤pH值", "pH(H2O)", "pH(水浸)", "pH(水提)")
# By what a number is multiplied to be in mg/kg.
_UNITS = {
    **dict.fromkeys(("mg/kg", "毫克/千克", "毫克/公斤", "ug/g", "微克/克", "g/t", "ppm", "mgkg-1", "mg.kg-1", "mgteq/kg"), 1.0),
    **dict.fromkeys(("ug/kg", "微克/千克", "微克/公斤", "ng/g", "纳克/克", "ppb", "ugkg-1", "ug.kg-1", "ugteq/kg"), 1e-3),
    **dict.fromkeys(("ng/kg", "纳克/千克", "pg/g", "ngkg-1", "ng.kg-1", "ngteq/kg", "pgteq/g"), 1e-6),
    **dict.fromkeys(("g/kg", "克/千克"), 1e3),
}  # fmt: skip
_PH_UNITS = dict.fromkeys(("无量纲", "-", "/", "dimensionless"), 1.0)
_ID_UNIT = re.compile(r"_(mg|ug|ng|g)_kg$")
_LAST_GROUP = re.compile(r"(?:\(([^()]*)\)|\[([^\[\]]*)\]|【([^【】]*)】)$")
_REMARK = re.compile(r"^以.*计$|法$|^(?:总量|全量|浓度|含量|均值|平均值?|实测值?|干重|干基|dw)$|^(?:gb|hj)[/t\d.\-]+$")
_TAIL = re.compile(r"(?:的?(?:全量|含量|浓度|测定值|检测值|监测值|实测值|平均值|均值))$")
_PUNCTUATION = re.compile(r"[\s_\-.,;:'\"()\[\]{}~+&/、，·′’‘“”《》【】]")
_UNIT_LIKE = re.compile(r"[/%‰]|^pp[bmt]$")
_ELEMENT = re.compile(r"[\u4e00-\u9fff]")  # one Chinese sign: 总镉 and 全镉 are 镉


@dataclass(frozen=True, slots=True)
class SoilItem:
    """Hold one item of a soil standard: its name there, an id for columns, and what else it is called."""

    name: str
    id: str
    en: str
    aliases: tuple[str, ...]
    certainty: str

    @property
    def text(self) -> Text:
        """Return the name in both languages."""
        return Text(self.name, self.en)


@cache
def soil_items(standard: str) -> dict[str, SoilItem]:
    """Return the items of ``farmland`` or ``construction`` by their names, in the order of the standard.

    Examples
    --------
    >>> soil_items("farmland")["铬"].en, "铬" in soil_items("construction"), len(soil_items("construction"))
    ('chromium (total)', False, 85)
    """
    rows = {row["item"]: row for row in read_table("soil_item_names.csv", ("item", "id", "en", "aliases"))}
    limits = soil_limits(standard)
    absent = [name for name in limits.items if name not in rows]
    if absent:
        raise SpecError(f"soil_item_names.csv: got no row for {absent}, expected one each. Add them.")
    return {
        name: SoilItem(name, rows[name]["id"], rows[name]["en"], _split(rows[name]["aliases"]), certainty)
        for name, certainty in zip(limits.items, limits.certainty, strict=True)
    }


def _split(cell: str) -> tuple[str, ...]:
    return tuple(part for part in cell.split("|") if part)


def item_words(standard: str) -> list[str]:
    """Return all names of a standard's items: they tell a header from a title row."""
    return [*_PH_NAMES, *(word for item in soil_items(standard).values() for word in _names_of(item))]


def _names_of(item: SoilItem) -> Iterator[str]:
    yield from (item.name, item.id, item.en, *item.aliases)
    if len(item.name) == 1 and _ELEMENT.match(item.name):
        yield from (f"总{item.name}", f"全{item.name}")


@cache
def _names(standard: str) -> dict[str, str]:
    """Return the standard's name by the bare letters of each name; pH stands for itself."""
    names = {bare_letters(name): PH for name in _PH_NAMES}
    for item in soil_items(standard).values():
        for name in _names_of(item):
            other = names.setdefault(bare_letters(name), item.name)
            if other != item.name:
                raise SpecError(
                    f"soil_item_names.csv: got '{name}' for {other} and {item.name}, expected one item. Mend it."
                )
    return names


def bare_letters(text: str) -> str:
    """Return a name without punctuation, so that brackets, strokes and commas of chemical names do not matter.

    Examples
    --------
    >>> bare_letters("苯并（a）芘") == bare_letters("苯并[a]芘"), bare_letters("p,p′-DDE"), bare_letters("铬(六价)")
    (True, 'ppdde', '铬六价')
    """
    return _PUNCTUATION.sub("", fold(text)).removeprefix("土壤")


def item_named(name: str, standard: str) -> str:
    """Return the standard's name of an item by any of its names.

    Raises
    ------
    SpecError
        When it is none of the standard: total chromium is not hexavalent chromium.

    Examples
    --------
    >>> item_named("Cd", "farmland"), item_named("三氯甲烷", "construction")
    ('镉', '氯仿')
    """
    found = _names(standard).get(bare_letters(name))
    if found is None:
        hint = nearest(name, item_words(standard)) or "See the table of the standard."
        raise SpecError(f"items: got {name!r}, expected an item of {soil_limits(standard).standard}. {hint}")
    return found


def column_of(header: str, standard: str) -> ItemColumn | None:
    """Return what a column's header says of item and unit; None where it names no item of the standard.

    A number without a unit has no factor: mg/kg and μg/kg are a thousand apart. What a bracket adds that is no unit
    makes it another quantity: 镉(有效态), 铬(六价), pH(KCl).

    Examples
    --------
    >>> column_of("镉（μg/kg）", "farmland")
    ItemColumn(header='镉（μg/kg）', item='镉', unit='ug/kg', factor=0.001, is_raw=False)
    >>> column_of("铬(六价)(mg/kg)", "farmland"), column_of("总铬 mg/kg", "construction"), column_of("镉", "farmland").factor
    (None, None, None)
    >>> column_of("二苯并[a,h]蒽（mg/kg）", "construction").item, column_of("镉(有效态)(mg/kg)", "farmland")
    ('二苯并[a,h]蒽', None)
    """
    *_, last = parts = header.split("›")  # levels of a header in several rows
    return _column(header, "".join(parts), standard) or (_column(header, last, standard) if len(parts) > 1 else None)


def _column(header: str, title: str, standard: str) -> ItemColumn | None:
    names = _names(standard)
    rest, units, others = _taken_apart(title, names)
    item = names.get(bare_letters(rest)) or names.get(bare_letters(_TAIL.sub("", rest)))
    if item is None:
        return None
    foreign = [part for part in others if _UNIT_LIKE.search(part)]
    if any(names.get(bare_letters(part)) != item for part in others if part not in foreign):
        return None
    stated = next(iter([*foreign, *units]), "")
    known = _PH_UNITS if item == PH else _UNITS
    factor = 1.0 if item == PH and not stated else known.get(stated)
    return ItemColumn(header, item, stated, factor, is_raw=False)


def _taken_apart(title: str, names: dict[str, str]) -> tuple[str, list[str], list[str]]:
    """Return a header's name, the units behind it, and what else its brackets say."""
    rest, units, others = fold(title), [], []
    if found := _ID_UNIT.search(rest):
        rest, units = rest[: found.start()], [f"{found[1]}/kg"]
    while bare_letters(rest) not in names:
        group = _LAST_GROUP.search(rest)
        tail = next((unit for unit in _by_length() if rest.endswith(unit) and len(rest) > len(unit)), "")
        if group:
            inside = [part for part in re.split(r"[,;、，；:：]", next(filter(None, group.groups()), "")) if part]
            inside = [part.removeprefix("单位") for part in inside]
            units += [part for part in inside if part in _UNITS or part in _PH_UNITS]
            others += [p for p in inside if p not in _UNITS and p not in _PH_UNITS and not _REMARK.search(p)]
            rest = rest[: group.start()].rstrip("/_,:-")
        elif tail:
            units.append(tail)
            rest = rest[: -len(tail)].rstrip("/_,:-")
        else:
            break
    return rest, units, others


@cache
def _by_length() -> tuple[str, ...]:
    return tuple(sorted(_UNITS, key=len, reverse=True))


def is_other_content(header: str, standard: str) -> bool:
    """Say whether a header names, in a unit of soil, something that is no item of the standard.

    Examples
    --------
    >>> is_other_content("总铬(mg/kg)", "construction"), is_other_content("有机质(g/kg)", "farmland"), is_other_content("样品", "farmland")
    (True, True, False)
    """
    *_, last = header.split("›")
    return column_of(header, standard) is None and bool(_taken_apart(last, _names(standard))[1])
