"""The note of each event of a case: what was done, by whom, until when and why, in a line that fits a card."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from geosys._text import Text
from geosys.cases.ledger.events import MACHINE
from geosys.cases.ledger.evidence import KIND
from geosys.cases.variants import merged, variant_of
from geosys.cases.workflow import all_states

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from geosys.cases.workflow import State

LONGEST = 200  # signs of what people wrote; the ledger has all of it
KINDS = {
    "edit": Text("更新", "Updated"), "extend": Text("延期", "Extended"),
    "import": Text("台账导入", "Imported"), "taken_over": Text("接收原有台账", "Taken over from an older ledger"),
    "merge": Text("合并", "Merged"), "split": Text("拆分", "Split"), "changed": Text("判定内容变化", "Judged otherwise"),
    "decision": Text("认定", "Decision"),
}  # fmt: skip
FIELDS = {
    "assigned_lead": Text("牵头", "lead"), "assigned_due_on": Text("时限", "due"), "person": Text("责任人", "person"),
    "handling": Text("处理方式", "handling"), "measures": Text("整改措施", "measures"), "progress": Text("进展", "progress"),
    "done_on": Text("完成日期", "done on"), "merged_into": Text("并入", "into"), "note": Text("备注", "note"),
}  # fmt: skip
SEEN = {
    "present": Text("本次仍存在", "Still present"), "no_longer_found": Text("本次不再发现", "No longer found"),
    "returned": Text("再次出现", "Returned"), "not_assessed": Text("本次未评估", "Not assessed"),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Words:
    """Hold the words of the content: the life cycles, their moves' titles by variant, every state, and titles of offices."""

    workflow: Mapping[str, Any]
    moves: Mapping[str, Mapping[str, Text]]
    states: Mapping[str, State]
    offices: Mapping[str, Text]

    @classmethod
    def of(cls, workflow: Mapping[str, Any], offices: Mapping[str, Text]) -> Words:
        """Return the words of a workflow as `read_workflow` returns it."""
        variants = ("", *workflow.get("variants", {}))
        moves = {
            variant: {name: Text(**row["title"]) for name, row in merged(workflow, variant or None)["moves"].items()}
            for variant in variants
        }
        return cls(workflow, moves, all_states(workflow), offices)

    def shown(self, state: str | None) -> str:
        """Return the state whose look a state has on the map; of one that the content lost, that of a new case.

        Such a case is the dispatcher's to sort out, as a new one is; its note names the lost state.
        """
        known = self.states.get(state or "")
        return known.shown_as if known is not None else "found"

    def title_of_move(self, rule: str, layer: str, move: str) -> Text:
        """Return the title of a move in the life cycle of a rule's cases; its id where the content lost it."""
        known = self.moves[variant_of(self.workflow, rule, layer) or ""]
        return known.get(move, Text(move, move))

    def office(self, name: str) -> Text:
        """Return the title of an office, or its id."""
        return self.offices.get(name, Text(name, name))


def note_of(event: Mapping[str, Any], rule: str, layer: str, words: Words) -> Text:
    """Return what an event tells beside its day and its state.

    Parameters
    ----------
    event
        A row of `ledger.events.read_events`.
    rule, layer
        Of its case: they decide how moves are called.
    """
    parts = [_head(event, rule, layer, words), *_state(event["changes"], words), *_fields(event, words)]
    if event["actor"] != MACHINE:
        parts.append(Text(f"经办 {event['actor']}", f"by {event['actor']}"))
    if event["second_person"]:
        parts.append(Text(f"复核 {event['second_person']}", f"confirmed by {event['second_person']}"))
    if event["evidence"] and event["kind"] != KIND:
        parts.append(_said("证据：", event["evidence"]))
    parts.append(_reason(event))
    return joined([part for part in parts if part.zh], "；", "; ")


def joined(parts: Sequence[Text], zh: str, en: str) -> Text:
    """Return texts as one."""
    return Text(zh.join(part.zh for part in parts), en.join(part.en for part in parts))


def _head(event: Mapping[str, Any], rule: str, layer: str, words: Words) -> Text:
    if event["kind"] == "move":
        return words.title_of_move(rule, layer, event["move"])
    if event["kind"] == KIND:
        return _said("证据：", event["evidence"])
    if event["kind"] == "seen":
        return SEEN.get(event["changes"].get("seen", ("", ""))[1], Text("", ""))
    return KINDS.get(event["kind"], Text("", ""))


def _state(changes: Mapping[str, Any], words: Words) -> list[Text]:
    """Return the title of a state that the map draws as another one, or that the content lost."""
    state = changes.get("status", (None, None))[1]
    if state is None or (state in words.states and words.shown(state) == state):
        return []
    if state not in words.states:
        return [Text(f"状态 {state} 已不在内容中", f"state {state} is no longer in the content")]
    title = words.states[state].title
    return [Text(f"状态：{title.zh}", f"state: {title.en}")]


def _fields(event: Mapping[str, Any], words: Words) -> list[Text]:
    told = []
    for name, title in FIELDS.items():
        was, now = event["changes"].get(name, (None, None))
        if now is None and was is None:
            continue
        value = words.office(now) if name == "assigned_lead" and now else Text(*(_short(now or "—"),) * 2)
        before = Text(f"（原 {was}）", f" (was {was})") if name == "assigned_due_on" and was else Text("", "")
        told.append(Text(f"{title.zh} {value.zh}{before.zh}", f"{title.en} {value.en}{before.en}"))
    return told


def _reason(event: Mapping[str, Any]) -> Text:
    """Return why; the sentence with which a run opens a case stands in its card already.

    What a photograph's file says of place and time stays in the ledger: of doubts about it only their number is told.
    """
    if event["kind"] == KIND:
        doubts = len(event["source"].get("remarks", ()))
        return Text(f"台账有 {doubts} 处提示", f"{doubts} remarks in the ledger") if doubts else Text("", "")
    if event["kind"] in ("found", "import") or not event["reason"]:
        return Text("", "")
    if event["actor"] == MACHINE:
        return _said("", event["reason"])
    return _said("理由：", event["reason"])


_ENGLISH = {"": "", "证据：": "evidence: ", "理由：": "reason: "}


def _said(word: str, text: str) -> Text:
    return Text(f"{word}{_short(text)}", f"{_ENGLISH[word]}{_short(text)}")


def _short(value: object) -> str:
    text = " ".join(str(value).split())
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"
