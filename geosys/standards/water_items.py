"""The items of surface water: ids, names and symbols under which they are delivered, and the units of their headers."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import cache

from geosys._errors import SpecError
from geosys._faults import nearest
from geosys._text import Text

TEMPERATURE = "water_temp"
PH, OXYGEN = "ph", "do"


@dataclass(frozen=True, slots=True)
class WaterItem:
    """Hold one item of GB 3838-2002 table 1: id, its name there and in English, and what else it is called."""

    id: str
    zh: str
    en: str
    aliases: tuple[str, ...]

    @property
    def text(self) -> Text:
        """Return the name in both languages."""
        return Text(self.zh, self.en)


# Total chromium (铬, 总铬) is another item than hexavalent chromium and is no alias of it.
_ROWS = (
    ("water_temp", "水温", "water temperature", "温度|water temperature|temperature|temp|WT|SW"),
    ("ph", "pH", "pH", "pH值|酸碱度"),
    ("do", "溶解氧", "dissolved oxygen", "DO|溶解氧含量|RJY"),
    ("codmn", "高锰酸盐指数", "permanganate index", "CODMn|IMn|高锰酸盐|高锰酸钾指数|PI"),
    ("cod", "化学需氧量", "chemical oxygen demand", "COD|CODCr|化学需氧量CODCr"),
    ("bod5", "五日生化需氧量", "five-day biochemical oxygen demand", "BOD5|BOD|生化需氧量"),
    ("nh3n", "氨氮", "ammonia nitrogen", "NH3-N|NH3N|NH4-N|NH4+-N|NH4N|氨态氮|AD"),
    ("tp", "总磷", "total phosphorus", "TP|ZL"),
    ("tn", "总氮", "total nitrogen", "TN|ZD"),
    ("cu", "铜", "copper", "Cu|总铜"),
    ("zn", "锌", "zinc", "Zn|总锌"),
    ("f", "氟化物", "fluoride", "F-|F|氟|氟离子|FHW"),
    ("se", "硒", "selenium", "Se|总硒"),
    ("as", "砷", "arsenic", "As|总砷"),
    ("hg", "汞", "mercury", "Hg|总汞"),
    ("cd", "镉", "cadmium", "Cd|总镉"),
    ("cr6", "六价铬", "hexavalent chromium", "Cr6+|Cr6|Cr(VI)|Cr(6)|CrVI|铬六价|铬(六价)|LJG"),
    ("pb", "铅", "lead", "Pb|总铅"),
    ("cn", "氰化物", "cyanide", "CN|CN-|总氰化物|QHW"),
    ("phenol", "挥发酚", "volatile phenols", "挥发性酚|挥发酚类|挥发性酚类|phenol|HFF"),
    ("oil", "石油类", "petroleum", "石油|油类|oil|SYL"),
    ("las", "阴离子表面活性剂", "anionic surfactants", "LAS|阴离子洗涤剂|阴离子合成洗涤剂|阴离子表面"),
    ("sulfide", "硫化物", "sulphide", "S2-|sulfide|LHW"),
    ("fecal_coli", "粪大肠菌群", "faecal coliforms", "粪大肠菌群数|粪大肠菌|粪大肠|fecal coliform|FDCJQ"),
)
ITEMS = {row[0]: WaterItem(row[0], row[1], row[2], tuple(row[3].split("|"))) for row in _ROWS}
METALS = ("hg", "cd", "cr6", "pb", "as", "cu", "zn")  # the metals named first where they exceed: our reading

# By what a number is multiplied to be in mg/L, or in 个/L.
_UNITS = {
    "mg/l": 1.0, "毫克/升": 1.0, "g/m3": 1.0, "ppm": 1.0, "mgl-1": 1.0, "mg.l-1": 1.0, "ug/l": 1e-3, "微克/升": 1e-3, "mg/m3": 1e-3, "ppb": 1e-3,
    "ugl-1": 1e-3, "ug.l-1": 1e-3, "ng/l": 1e-6, "纳克/升": 1e-6, "g/l": 1e3,
}  # fmt: skip
_COUNTS = {
    **dict.fromkeys(("个/l", "个/升", "mpn/l", "cfu/l"), 1.0),
    **dict.fromkeys(("个/100ml", "mpn/100ml", "cfu/100ml"), 10.0),
    **dict.fromkeys(("个/ml", "mpn/ml", "cfu/ml"), 1e3),
}
_OF_ITEM = {
    TEMPERATURE: dict.fromkeys(("℃", "°c", "c", "摄氏度", "度"), 1.0),
    PH: dict.fromkeys(("无量纲", "-", "/", "dimensionless"), 1.0),
    "fecal_coli": _COUNTS,
}
_IDS = re.compile(r"_(?P<unit>mg_l|ug_l|ng_l|per_l|c)$")  # units in ids, as nh3n_mg_l
_ID_UNITS = {"mg_l": "mg/l", "ug_l": "ug/l", "ng_l": "ng/l", "per_l": "个/l", "c": "℃"}
_RAW = re.compile(r"^(?:raw|原始值?)[_\-]|[_(]原始值?\)?$", re.IGNORECASE)
_GROUP = re.compile(r"\(([^()]*)\)|\[([^\[\]]*)\]|【([^【】]*)】")
_REMARK = re.compile(r"^以[^,;计]*计?$|法$|^(?:总量|均值|平均值?|月均值?|日均值?|年均值?|浓度|实测值?)$")
_SUBSCRIPTS = {"cr6": ("六价", "vi", "6", "6+"), "cod": ("cr",), "codmn": ("mn",)}  # what brackets hold that is no unit
_TAIL = re.compile(r"(?:浓度|含量|均值|平均值|监测值|实测值|测定值)$")


@dataclass(frozen=True, slots=True)
class ItemColumn:
    """Hold what a header says: its item, its unit as written, the factor to the standard's unit, whether it is unrounded.

    `factor` is None where the unit is not one of the item's; `unit` is empty where the header names none.
    """

    header: str
    item: str
    unit: str
    factor: float | None
    is_raw: bool


def fold(text: str) -> str:
    """Return a name or unit reduced to what tells items apart: half-width, lower case, no blanks, plain digits and signs.

    Examples
    --------
    >>> fold("ＢＯＤ₅"), fold("μg／L"), fold("mg·L⁻¹")
    ('bod5', 'ug/l', 'mg.l-1')
    """
    plain = unicodedata.normalize("NFKC", text).replace("\u2212", "-").replace("\u2013", "-")
    plain = plain.replace("\u03bc", "u").replace("\u00b7", ".").replace("\u22c5", ".").replace("•", ".")
    return "".join(plain.split()).lower()


@cache
def _names() -> dict[str, str]:
    names: dict[str, str] = {}
    for item in ITEMS.values():
        for name in (item.id, item.zh, item.en, *item.aliases):
            names.setdefault(fold(name).replace("_", ""), item.id)
    return names


def item_words() -> list[str]:
    """Return all names of items: they tell a header from a title row."""
    return [name for item in ITEMS.values() for name in (item.id, item.zh, item.en, *item.aliases)]


def item_named(name: str) -> str:
    """Return the id of an item by any of its names.

    Raises
    ------
    SpecError
        When it is none of table 1.

    Examples
    --------
    >>> item_named("NH3-N"), item_named("高锰酸盐指数"), item_named("CODMn")
    ('nh3n', 'codmn', 'codmn')
    """
    found = _names().get(fold(name).replace("_", ""))
    if found is None:
        hint = nearest(name, item_words()) or f"Known: {', '.join(item.zh for item in ITEMS.values())}."
        raise SpecError(f"items: got {name!r}, expected an item of GB 3838-2002 table 1. {hint}")
    return found


def unit_factor(item: str, unit: str) -> float | None:
    """Return by what a number in a unit is multiplied to be in the standard's unit of an item; None when unknown.

    Examples
    --------
    >>> unit_factor("hg", "μg/L"), unit_factor("fecal_coli", "MPN/100mL"), unit_factor("tp", "%"), unit_factor("ph", "")
    (0.001, 10.0, None, 1.0)
    """
    known = _OF_ITEM.get(item, _UNITS)
    return known.get(fold(unit).strip("()")) if unit else 1.0


def column_of(header: str) -> ItemColumn | None:
    """Return what a column's header says of item and unit; None where it names no item of table 1.

    Examples
    --------
    >>> column_of("raw_总磷（以P计，mg/L）")
    ItemColumn(header='raw_总磷（以P计，mg/L）', item='tp', unit='mg/l', factor=1.0, is_raw=True)
    >>> column_of("铬(六价) ug/L").item, column_of("总铬(mg/L)"), column_of("nh3n_mg_l").unit, column_of("COD").unit
    ('cr6', None, 'mg/l', '')
    """
    *_, last = parts = header.split("›")  # levels of a header in several rows
    found = _column(header, "".join(parts))
    return found if found or len(parts) == 1 else _column(header, last)


def _column(header: str, title: str) -> ItemColumn | None:
    is_raw = bool(_RAW.search(title.strip()))
    text = fold(_RAW.sub("", title.strip()))
    match = _IDS.search(text)
    unit = _ID_UNITS[match["unit"]] if match else ""
    text = text[: match.start()] if match else text
    rest, groups = text, []
    while found := _GROUP.search(rest):
        groups += [part for part in re.split(r"[,;、]", next(filter(None, found.groups()), "")) if part]
        rest = rest[: found.start()] + rest[found.end() :]
    rest, tail = _without_unit(rest.strip("/_,:-"))
    units = ([unit] if unit else []) + ([tail] if tail else [])
    names = _names()
    item = names.get(text.replace("_", "")) or _of_bracket(rest, groups)
    if item is None:
        return None
    units += [p for p in groups if not (_REMARK.search(p) or names.get(p) == item or p in _SUBSCRIPTS.get(item, ()))]
    stated = units[-1] if units else ""
    return ItemColumn(header, item, stated, unit_factor(item, stated), is_raw)


def is_other_concentration(header: str) -> bool:
    """Say whether a header names a concentration of something that is no item of table 1.

    Examples
    --------
    >>> is_other_concentration("总铬(mg/L)"), is_other_concentration("总磷(mg/L)"), is_other_concentration("电导率(μS/cm)")
    (True, False, False)
    """
    text = fold(header)
    stated = [next(filter(None, found.groups()), "") for found in _GROUP.finditer(text)]
    return column_of(header) is None and (any(part in _UNITS for part in stated) or _without_unit(text)[1] in _UNITS)


def _of_bracket(rest: str, groups: list[str]) -> str | None:
    """Return the item of a name without its brackets; of chromium only where a bracket says hexavalent."""
    names = _names()
    bare = _TAIL.sub("", rest.replace("_", ""))
    if bare in ("铬", "cr") and any(part in (*_SUBSCRIPTS["cr6"], "cr6+") for part in groups):
        return "cr6"
    others = {names[part] for part in groups if part in names} - {names.get(bare)}
    if others and bare == "cod":  # COD(Mn), COD(CODMn): the bracket tells which
        return others.pop()
    if bare == "cod" and "mn" in groups:
        return "codmn"
    return names.get(bare)


def _without_unit(text: str) -> tuple[str, str]:
    """Return a name without the unit that follows it after a blank, stroke or underscore, and that unit."""
    for unit in sorted({*_UNITS, *_COUNTS, "℃", "°c"}, key=len, reverse=True):
        folded = fold(unit)
        if text.endswith(folded) and len(text) > len(folded):
            return text[: -len(folded)].rstrip("/_,:-"), folded
    return text, ""
