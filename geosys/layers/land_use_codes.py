"""Two independent look-ups of a land-use code: does it trigger a soil survey (一住两公), and which category of GB 36600 is it.

The same digits mean different things in the third survey and in the plan, so every question names its code system.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from geosys._errors import SpecError
from geosys._faults import Faults
from geosys._text import Text
from geosys.content import content_root, read_csv, short_name
from geosys.layers.codes import COLUMNS, fold

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

YES, NO, UNKNOWN, NOT_ASSESSED = "yes", "no", "unknown", "not_assessed"
DETERMINED, UNDETERMINED, NOT_CONSTRUCTION = "determined", "undetermined", "not_construction"
PARTS = ("住宅", "公管公服")
CATEGORY_RULES = ("1", "2", "by_name", "by_subclass", UNDETERMINED)
CERTAINTIES = ("confirmed", "second_hand", "unconfirmed", "our_reading")
STRICT = 1  # GB 36600-2018 5.3.1: where the planned use is not determined, the values of category 1 apply
CATEGORY_2 = 2
LOOK_UP = ("gb36600_category", "yizhu_lianggong")
USED = (
    *LOOK_UP, "yizhu_certainty", "yizhu_note_zh", "yizhu_note_en", "gb36600_certainty", "gb36600_names",
    "gb36600_note_zh", "gb36600_note_en",
)  # fmt: skip
NOTHING = Text("", "")


@dataclass(frozen=True, slots=True)
class LandUseCode:
    """Hold one code: its title, what triggers a survey, and how its category is found, each with its certainty."""

    code: str
    title: Text
    spellings: frozenset[str]
    trigger: str
    trigger_certainty: str
    trigger_note: Text
    category: str
    category_certainty: str
    category_names: tuple[str, ...]
    category_note: Text


@dataclass(frozen=True, slots=True)
class Trigger:
    """Say whether a use is 一住两公: `state` yes, no, unknown or not_assessed; `part` 住宅 or 公管公服 where it is."""

    state: str
    part: str
    certainty: str
    reason: Text


@dataclass(frozen=True, slots=True)
class Category:
    """Say which category of GB 36600 a use has: `number` 1, 2 or None.

    `state` is determined, undetermined (judged as category 1), not_construction or not_assessed (no number).
    """

    number: int | None
    state: str
    certainty: str
    reason: Text


@dataclass(frozen=True, slots=True)
class Meaning:
    """Hold what a code and name of a row mean: the code of its system, or a fault and the reason.

    `fault` is empty, no_code, unknown_code, wrong_system or name_disagrees; `assumed` says what was taken for granted.
    """

    code: LandUseCode | None
    fault: str
    reason: Text
    assumed: Text = NOTHING


class LandUseCodes:
    """Answer for the code systems of the content, which are its code lists with both look-ups."""

    def __init__(self, systems: Mapping[str, Mapping[str, LandUseCode]]) -> None:
        """Keep the codes of each system by the id of its code list."""
        self.systems = systems
        self._named: dict[str, dict[str, set[str]]] = {name: {} for name in systems}
        for name, codes in systems.items():
            for code in codes.values():
                for word in code.spellings:
                    self._named[name].setdefault(word, set()).add(code.code)

    def meaning(self, system: str, code: str | None, name: str | None = None) -> Meaning:
        """Return what a row's code means in its system; its name, where there is one, must not contradict it.

        Parameters
        ----------
        system
            The id of the code list the row is said to use.
        code, name
            As they stand in the row; None or an empty text where there is none.

        Raises
        ------
        SpecError
            When the system is not one of the content.
        """
        if system not in self.systems:
            raise SpecError(f"land use: got the code system '{system}', expected one of {', '.join(self.systems)}.")
        digits, word = (code or "").strip().upper(), fold(name or "")
        if not digits:
            return Meaning(None, "no_code", Text("没有用途编码", "no land-use code"))
        found, assumed = self._nearest(system, digits)
        if found is None:
            return self._unknown(system, digits)
        fault = self._contradiction(system, found, word)
        return Meaning(None, *fault) if fault else Meaning(found, "", NOTHING, assumed)

    def _nearest(self, system: str, digits: str) -> tuple[LandUseCode | None, Text]:
        """Return the code itself, or for a local subdivision of a code without subdivisions that code."""
        codes = self.systems[system]
        if digits in codes:
            return codes[digits], NOTHING
        if any(digits in others for others in self.systems.values()):
            return None, NOTHING
        parent = codes.get(digits[:-2])
        if parent is None or not digits.isdigit() or any(c != parent.code and c.startswith(parent.code) for c in codes):
            return None, NOTHING
        zh, en = (
            f"编码 {digits} 不在代码表，按上级 {parent.code} 认定",
            f"{digits} is not listed; taken as {parent.code}",
        )
        return parent, Text(zh, en)

    def _unknown(self, system: str, digits: str) -> Meaning:
        others = [other for other in self.systems if other != system and digits in self.systems[other]]
        if others:
            zh = f"编码 {digits} 不是 {system} 的编码，而是 {'、'.join(others)} 的编码，疑似编码体系用错"
            en = f"{digits} is no code of {system} but one of {', '.join(others)}: the wrong code system is suspected"
            return Meaning(None, "wrong_system", Text(zh, en))
        return Meaning(
            None, "unknown_code", Text(f"编码 {digits} 不在代码表 {system} 内", f"{digits} is no code of {system}")
        )

    def _contradiction(self, system: str, found: LandUseCode, word: str) -> tuple[str, Text] | None:
        """Return the fault where a name is the title of another code; free texts and kindred codes are no fault."""
        named = self._named[system].get(word, set())
        if any(c.startswith(found.code) or found.code.startswith(c) for c in named):
            return None
        for other, names in self._named.items():
            if other != system and found.code in names.get(word, set()):
                zh = f"编码 {found.code} 在 {system} 为“{found.title.zh}”，名称“{word}”却是 {other} 的 {found.code}，疑似编码体系用错"
                en = f"{found.code} is '{found.title.en}' in {system}, but '{word}' is {found.code} of {other}: wrong system"
                return "wrong_system", Text(zh, en)
        if named:
            zh = f"编码 {found.code}（{found.title.zh}）与名称“{word}”（{'、'.join(sorted(named))}）不符"
            en = f"code {found.code} ({found.title.en}) contradicts the name '{word}' ({', '.join(sorted(named))})"
            return "name_disagrees", Text(zh, en)
        return None

    def trigger(self, system: str, code: str | None, name: str | None = None) -> Trigger:
        """Say whether a use is 一住两公: homes, public administration or public services.

        Source
        ------
        土壤污染防治法 art. 59 and 61 (from 2026-08-15 the Code's part on soil); the classes are second-hand or our reading,
        as the columns `yizhu_*` of layers/codes say.

        Examples
        --------
        >>> codes = read_land_use_codes()
        >>> [codes.trigger("plan_landuse", code).state for code in ("0801", "090101", "16")]
        ['yes', 'no', 'unknown']
        """
        meaning = self.meaning(system, code, name)
        if meaning.code is None:
            return Trigger(NOT_ASSESSED, "", "", meaning.reason)
        found = meaning.code
        reason = _joined(found.trigger_note, meaning.assumed)
        certainty = "our_reading" if meaning.assumed.zh else found.trigger_certainty
        if found.trigger == UNDETERMINED:
            return Trigger(UNKNOWN, "", certainty, reason)
        return Trigger(YES if found.trigger else NO, found.trigger, certainty, reason)

    def category(self, system: str, code: str | None, name: str | None = None) -> Category:
        """Return the category of GB 36600 that a use is judged by; an undetermined use is judged as category 1.

        Source
        ------
        GB 36600-2018 4.1 and 5.3.1; the mapping to codes is our reading, as the columns `gb36600_*` of layers/codes say.

        Examples
        --------
        >>> codes = read_land_use_codes()
        >>> [codes.category("plan_landuse", "1401", name).number for name in ("社区公园", "中心公园", None)]
        [1, 2, 1]
        >>> codes.category("landclass", "08H1").number, codes.category("plan_landuse", "0101").state
        (2, 'not_construction')
        """
        meaning = self.meaning(system, code, name)
        if meaning.fault == "no_code":
            why = Text("规划用途未定，按第一类用地", "the use is not determined: judged as category 1")
            return Category(STRICT, UNDETERMINED, "second_hand", why)
        if meaning.code is None:
            return Category(None, NOT_ASSESSED, "", meaning.reason)
        found = meaning.code
        certainty = "our_reading" if meaning.assumed.zh else found.category_certainty
        reason = _joined(found.category_note, meaning.assumed)
        if not found.category:
            return Category(None, NOT_CONSTRUCTION, certainty, reason)
        number = _number(found, fold(name or ""))
        if number is None:
            why = _joined(reason, Text("用途未能确定，按第一类用地", "not determined: judged as category 1"))
            return Category(STRICT, UNDETERMINED, certainty, why)
        return Category(number, DETERMINED, certainty, reason)


def _number(found: LandUseCode, word: str) -> int | None:
    """Return the category that a code and the row's name give, None where they leave it open."""
    if found.category == "by_name" and word and word not in found.spellings:
        return STRICT if any(fold(name) in word for name in found.category_names) else CATEGORY_2
    return int(found.category) if found.category.isdigit() else None


def _joined(*texts: Text) -> Text:
    there = [text for text in texts if text.zh]
    return Text("；".join(t.zh for t in there), "; ".join(t.en for t in there))


def read_land_use_codes(root: Path | None = None) -> LandUseCodes:
    """Read the code lists of the content that have both look-ups (default: the content that came with GeoSys).

    Raises
    ------
    SpecError
        With every fault of every such list.
    """
    faults = Faults()
    systems = {}
    for path in sorted(((root or content_root()) / "layers" / "codes").glob("*.csv")):
        rows = read_csv(path, COLUMNS)
        if rows and set(LOOK_UP) & set(rows[0]):
            systems[path.stem] = _read_system(path, faults)
    faults.raise_if_any()
    return LandUseCodes(systems)


def _read_system(path: Path, faults: Faults) -> dict[str, LandUseCode]:
    codes = {}
    for line, row in enumerate(read_csv(path, (*COLUMNS, *USED)), 2):
        where = f"{short_name(path)} line {line}"
        faults.one_of(
            f"{where} yizhu_lianggong", row["yizhu_lianggong"], ("", *PARTS, UNDETERMINED), "a part of 一住两公"
        )
        faults.one_of(f"{where} gb36600_category", row["gb36600_category"], ("", *CATEGORY_RULES), "a category")
        for column in ("yizhu_certainty", "gb36600_certainty"):
            faults.one_of(f"{where} {column}", row[column], CERTAINTIES, "a certainty")
        if (row["gb36600_category"] == "by_name") != bool(row["gb36600_names"]):
            faults.add(
                f"{where} gb36600_names", row["gb36600_names"], "names of category 1 exactly where it is by_name"
            )
        spellings = {fold(word) for word in (row["zh"], row["en"], *row["aliases"].split("|"))} - {""}
        codes[row["code"]] = LandUseCode(
            row["code"], Text(row["zh"], row["en"]), frozenset(spellings), row["yizhu_lianggong"], row["yizhu_certainty"],
            Text(row["yizhu_note_zh"], row["yizhu_note_en"]), row["gb36600_category"], row["gb36600_certainty"],
            tuple(filter(None, row["gb36600_names"].split("|"))), Text(row["gb36600_note_zh"], row["gb36600_note_en"]),
        )  # fmt: skip
    return codes
