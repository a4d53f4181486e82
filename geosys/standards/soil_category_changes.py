"""Changes of farmland categories between two versions: each needs a trigger, evidence and an approval."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pandas as pd

from geosys._errors import SpecError
from geosys._text import Text
from geosys.standards.soil_category_rules import CATEGORIES, category_triggers

RECORD = ("trigger", "evidence", "approval_no")
_WORDS = {
    "trigger": Text("触发原因", "trigger"),
    "evidence": Text("依据材料", "evidence"),
    "approval_no": Text("批准文号", "approval number"),
}


@dataclass(frozen=True, slots=True)
class CategoryVersion:
    """Hold the categories of one version: its name, the day from which it holds, and the category by unit code."""

    name: str
    valid_from: str
    categories: dict[str, str]

    def __post_init__(self) -> None:
        wrong = sorted({word for word in self.categories.values() if word not in CATEGORIES})
        if wrong:
            raise SpecError(f"{self.name}: got the categories {wrong}, expected some of: {', '.join(CATEGORIES[1:])}.")


def category_changes(before: CategoryVersion, after: CategoryVersion, records: Any) -> Any:
    """Return every unit whose category differs between two versions, with its record and what that lacks.

    Parameters
    ----------
    before, after
        Two versions; `after` is the later one.
    records : DataFrame
        unit_code, trigger (a word of the table of triggers or its Chinese), evidence, approval_no.

    Returns
    -------
    DataFrame with unit_code, before, after, version_before, version_after, valid_from, trigger, evidence, approval_no,
    is_complete, lacks_zh, lacks_en. A record of a unit that did not change is a row, too, and is not complete. A unit
    that is in one version only has an empty category in the other.

    Raises
    ------
    SpecError
        When the versions are out of order, a column is absent, or a unit has two records.

    Examples
    --------
    >>> one, two = CategoryVersion("2023", "2023-12-31", {"A": "安全利用"}), CategoryVersion("2026", "2026-06-30", {"A": "优先保护"})
    >>> found = category_changes(one, two, pd.DataFrame(columns=["unit_code", "trigger", "evidence", "approval_no"]))
    >>> found[["unit_code", "is_complete", "lacks_zh"]].values.tolist()
    [['A', False, '缺触发原因、依据材料、批准文号']]
    """
    if after.valid_from <= before.valid_from:
        raise SpecError(
            f"category versions: got {after.name} from {after.valid_from} after {before.name} from {before.valid_from}, "
            "expected a later day. Give the earlier version first."
        )
    given = _records(records)
    units = dict.fromkeys([*before.categories, *after.categories, *given])
    rows = []
    for unit in units:
        old, new = before.categories.get(unit, ""), after.categories.get(unit, "")
        record = given.get(unit, dict.fromkeys(RECORD, ""))
        if old == new and unit not in given:
            continue
        lacks = _lacks(record, has_changed=old != new)
        rows.append(
            {
                "unit_code": unit,
                "before": old,
                "after": new,
                "version_before": before.name,
                "version_after": after.name,
                "valid_from": after.valid_from,
                **record,
                "is_complete": not lacks.zh,
                "lacks_zh": lacks.zh,
                "lacks_en": lacks.en,
            }
        )
    columns = ("unit_code", "before", "after", "version_before", "version_after", "valid_from", *RECORD)
    return pd.DataFrame(rows, columns=[*columns, "is_complete", "lacks_zh", "lacks_en"])


def _records(records: Any) -> dict[str, dict[str, str]]:
    """Return the record of each unit; triggers by their word in the table, where it is one."""
    absent = [name for name in ("unit_code", *RECORD) if name not in records.columns]
    if absent:
        raise SpecError(f"records: got the columns {list(records.columns)}, expected also {absent}. Add them.")
    twice = sorted(set(records["unit_code"][records["unit_code"].duplicated()].astype(str)))
    if twice:
        raise SpecError(f"records: got two for {twice[:5]}, expected one a unit. Put them together.")
    words = {text.zh: word for word, text in category_triggers().items()}
    texts = records.astype(object).where(records.notna(), "").astype(str)
    found = {}
    for row in texts.to_dict("records"):
        cells = {name: row[name].strip() for name in RECORD}
        found[row["unit_code"]] = cells | {"trigger": words.get(cells["trigger"], cells["trigger"])}
    return found


def _lacks(record: dict[str, str], *, has_changed: bool) -> Text:
    """Return what a record lacks in words, empty where it is complete."""
    if not has_changed:
        return Text("有变更记录，但类别未变", "a record, but the category is the same")
    absent = [name for name in RECORD if not record[name]]
    zh, en = [], []
    if absent:
        zh.append("缺" + "、".join(_WORDS[name].zh for name in absent))
        en.append("lacks " + ", ".join(_WORDS[name].en for name in absent))
    if record["trigger"] and record["trigger"] not in category_triggers():
        known = category_triggers()
        zh.append(f"触发原因“{record['trigger']}”不识别，应为：{'、'.join(text.zh for text in known.values())}")
        en.append(f"trigger '{record['trigger']}' unknown, expected one of: {', '.join(known)}")
    return Text("；".join(zh), "; ".join(en))
