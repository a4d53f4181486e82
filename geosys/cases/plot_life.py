"""The life of a plot as content: stages, the steps between them, the lists that keep it, deadlines, needs, contradictions."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Mapping, Sequence

    from geosys._text import Text
    from geosys.cases.basis import Clause

CLEAN, POLLUTED = "clean", "polluted"
BEGINNING = ""  # the stage before a plot is on any list


@dataclass(frozen=True, slots=True)
class Step:
    """Hold one transition: from which stages (`BEGINNING` among them for an entry), by what event and whom, to which stage."""

    id: str
    before: tuple[str, ...]
    after: str
    event: Text
    actor: Text
    rule: Text
    needs: tuple[str, ...]
    basis: tuple[str, ...]
    certainty: str
    source: str


@dataclass(frozen=True, slots=True)
class StageRule:
    """Hold when a row of a list is in a stage: fields with their values, and what the words of a text field say."""

    stage: str
    when: Mapping[str, tuple[Any, ...]]
    words_field: str | None = None
    verdict: str | None = None


@dataclass(frozen=True, slots=True)
class PlotList:
    """Hold one list of plots: its layer, the level of office that keeps it, and how a row says its stage.

    `complete` are the fields a row should have; `dates` says which stage a date of the row opens; `dated` are its
    dates from the latest on; `stages` limits the list to some stages of the layer's rows.
    """

    id: str
    title: Text
    layer: str
    level: str
    complete: tuple[str, ...]
    dated: tuple[str, ...]
    dates: Mapping[str, str]
    stages: tuple[str, ...]
    stage_field: str | None
    rules: tuple[StageRule, ...]
    certainty: str
    source: str


@dataclass(frozen=True, slots=True)
class Deadline:
    """Hold one deadline of the plots of some lists; see `cases/plot_life.toml` for what each kind needs.

    `start` is the date field it runs from (of a yearly one: since when the plot is listed); `areas` are fields with the
    values, or prefixes as ``4102*``, of the places it holds for (none: everywhere).
    """

    id: str
    title: Text
    lists: tuple[str, ...]
    kind: str
    done: str
    actor: Text
    basis: tuple[str, ...]
    certainty: str
    source: str
    stages: tuple[str, ...] = ()
    areas: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    start: str | None = None
    months: int = 0
    month: int = 0
    day: int = 0
    on: dt.date | None = None
    done_when: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)
    open_when: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Need:
    """Hold what a step needs: a paper, and the fields of a row that show it (none: no ledger field tells)."""

    title: Text
    fields: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Standing:
    """Hold where a plot would stand for a contradiction: on a list, in one of some stages, with some values."""

    list: str
    stages: tuple[str, ...]
    when: Mapping[str, tuple[Any, ...]]


@dataclass(frozen=True, slots=True)
class Contradiction:
    """Hold two standings that one plot cannot have at once, or one that contradicts itself (`second` is None)."""

    title: Text
    first: Standing
    second: Standing | None


@dataclass(frozen=True, slots=True)
class UnitPlace:
    """Hold which layer of units, by which of its fields, fills which field of plots that do not say where they lie."""

    field: str
    layer: str
    unit_field: str


@dataclass(frozen=True, slots=True)
class PlotLife:
    """Hold the whole content of the life of a plot, validated."""

    stages: Mapping[str, Text]
    levels: Mapping[str, Text]
    steps: tuple[Step, ...]
    lists: Mapping[str, PlotList]
    deadlines: tuple[Deadline, ...]
    needs: Mapping[str, Need]
    contradictions: Mapping[str, Contradiction]
    words: Mapping[str, tuple[str, ...]]
    basis: Mapping[str, tuple[Clause, ...]]
    place: UnitPlace
    early_warning_days: int
    min_share: float
    look_share: float

    def steps_from(self, stage: str) -> tuple[Step, ...]:
        """Return the steps that leave a stage."""
        return tuple(step for step in self.steps if stage in step.before)


def verdict_of(text: str, words: Mapping[str, Sequence[str]]) -> str | None:
    """Return whether the words of a survey's result say clean or polluted; None where they say neither.

    The longest word at a place counts, so that 未超标 is not read as 超标; one polluted word outweighs all clean ones.

    Examples
    --------
    >>> words = {"clean": ("未超", "达标"), "polluted": ("超标", "不达标")}
    >>> [verdict_of(text, words) for text in ("各项未超标", "砷超标，铅未超标", "不达标", "已完成")]
    ['clean', 'polluted', 'polluted', None]
    """
    verdicts = {word: verdict for verdict in (CLEAN, POLLUTED) for word in words[verdict]}
    longest_first = sorted(verdicts, key=len, reverse=True)
    found = {verdicts[word] for word in re.findall("|".join(map(re.escape, longest_first)), text)}
    return POLLUTED if POLLUTED in found else CLEAN if CLEAN in found else None
