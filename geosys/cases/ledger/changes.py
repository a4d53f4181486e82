"""Changes: how what is said of a finding differs from what was said before, and which rule or input is why."""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from geosys._text import Text

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

LOST = ("clear", "not_assessed")  # outcomes of a finding that is no more
DAYS = "d"
SHARE, LEAST = 1e-5, 0.001  # what passes as rounding of a measure: a share of it, and in its unit
_PLAIN = ("outcome", "severity", "lead", "object_class", "subject_digest", "object_digest", "stated_due_on")
RULE, SUBJECT, OBJECT, PROGRAM, DAY, FIRST = "rule", "subject", "object", "program", "day", "first_run"


@dataclass(frozen=True, slots=True)
class Cause:
    """Hold one thing that changed: its kind, the rule or layer, and its versions before and after (empty: none)."""

    kind: str
    name: str
    before: str
    after: str

    def told(self) -> Text:
        """Return what people read."""
        versions = f" {self.before or '—'} → {self.after or '—'}"
        titles = {
            RULE: Text("规则", "rule"), SUBJECT: Text("主体数据", "data of the subject"), OBJECT: Text("对象数据", "data of the object"),
            PROGRAM: Text("程序", "program"), DAY: Text("日期推移", "passing of time"), FIRST: Text("首次运行", "first run"),
        }  # fmt: skip
        title, name = titles[self.kind], f" {self.name}" if self.name else ""
        return title if self.kind == FIRST else Text(f"{title.zh}{name}{versions}", f"{title.en}{name}{versions}")


def told_together(causes: Iterable[Cause]) -> Text:
    """Return several causes as one text."""
    texts = [cause.told() for cause in causes]
    return Text("；".join(t.zh for t in texts), "; ".join(t.en for t in texts))


def plain(causes: Iterable[Cause]) -> list[dict[str, str]]:
    """Return causes as an event's source holds them."""
    return [asdict(cause) for cause in causes]


def changed(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    """Return what differs between two rows of a finding: name to (before, after); days that merely passed do not count.

    A code is named as ``subject.<layer>.<field>``.
    """
    found = {name: (before[name], after[name]) for name in _PLAIN if not _same(before[name], after[name])}
    numbers = ("threshold",) if DAYS in (before["unit"], after["unit"]) else ("measure", "threshold")
    found |= {name: (before[name], after[name]) for name in numbers if not _same(before[name], after[name])}
    one, two = json.loads(before["classes"] or "{}"), json.loads(after["classes"] or "{}")
    sides = {side for side in (SUBJECT, OBJECT) if before[f"{side}_row"] and after[f"{side}_row"]}
    names = sorted(name for name in one.keys() | two.keys() if name.partition(".")[0] in sides)
    return found | {n: (one.get(n), two.get(n)) for n in names if one.get(n) != two.get(n)}


def _same(one: Any, two: Any) -> bool:
    one, two = (None if isinstance(v, float) and math.isnan(v) else v for v in (one, two))
    if isinstance(one, float) and isinstance(two, float):
        return math.isclose(one, two, rel_tol=SHARE, abs_tol=LEAST)
    return bool(one == two)


def causes_of(
    before: Mapping[str, Any] | None, after: Mapping[str, Any], then: Mapping[str, Any] | None, now: Mapping[str, Any]
) -> list[Cause]:
    """Return why a finding is said to be what it is now, between two runs.

    Parameters
    ----------
    before, after
        Rows of the finding; `before` is None where there was none.
    then, now
        The two runs: `rules` and `layers` (versions by name), `program`, `judged_on`; `then` is None before the first run.

    Returns
    -------
    What changed of the rule, of the subject's own row, of the object's own row. Where none of these did: the layers that
    changed around them, then the program, then the day. Several causes: the machine cannot tell which was enough.
    """
    if then is None:
        return [Cause(FIRST, "", "", "")]
    rule = Cause(RULE, after["rule"], then["rules"].get(after["rule"], ""), now["rules"].get(after["rule"], ""))
    sides = []
    for side in (SUBJECT, OBJECT):
        layer = after[f"{side}_layer"]
        cause = Cause(side, layer, then["layers"].get(layer, ""), now["layers"].get(layer, ""))
        own = before is not None and any(
            before[f"{side}_{part}"] != after[f"{side}_{part}"] for part in ("digest", "row")
        )
        sides.append((cause, own))
    certain = [rule] if rule.before != rule.after else []
    certain += [cause for cause, own in sides if own]
    around = [cause for cause, _ in sides if cause.name and cause.before != cause.after]
    if before is None:  # nothing is known of its rows before: whatever changed may be why
        certain += around
    rest = [
        Cause(PROGRAM, "", then["program"], now["program"]),
        Cause(DAY, "", str(then["judged_on"]), str(now["judged_on"])),
    ]
    return certain or around or [cause for cause in rest if cause.before != cause.after][:1]
