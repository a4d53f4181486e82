"""The ranking as content: which shares of cases and which rates count, with which points; and who stands where by them."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from geosys._faults import Faults
from geosys._text import Text
from geosys.cases.basis import CERTAINTIES
from geosys.cases.conditions import parse_conditions
from geosys.cases.rate_results import COMPUTED, NUMERATOR, REST
from geosys.cases.rate_results import NOT_ASSESSED as NO_LAYER
from geosys.cases.rates import COUNT, SHARE, SIDE, UNITS, Rate
from geosys.cases.targets import COUNTY, COUNTY_FIELD
from geosys.content import read_toml, short_name

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from geosys._schema import LayerSchema
    from geosys.cases.rate_results import RateResult

MORE, LESS = "more", "less"
KNOWN, DOES_NOT_APPLY, MISSING = "known", "does_not_apply", "missing"
STATES = {
    KNOWN: Text("已计算", "computed"), DOES_NOT_APPLY: Text("不适用（没有对象）", "does not apply: nothing to count"),
    MISSING: Text("缺", "missing"),
}  # fmt: skip
_KEYS = ("title", "denominator", "numerator", "better", "points", "note", "example")


@dataclass(frozen=True, slots=True)
class Indicator:
    """Hold one share that counts in the ranking: its formula, whether more or less of it is better, and its points."""

    rate: Rate
    better: str
    points: int
    of_cases: bool


@dataclass(frozen=True, slots=True)
class Ranking:
    """Hold the indicators, the states that count as closed, those left out, and how sure the whole is."""

    indicators: tuple[Indicator, ...]
    settled: tuple[str, ...]
    left_out: tuple[str, ...]
    certainty: str
    note: Text

    @property
    def formula(self) -> Text:
        """Return how points become a place, in words."""
        parts = "，".join(
            f"{i.rate.title.zh}{'' if i.better == MORE else '（越低越好）'} {i.points} 分" for i in self.indicators
        )
        told = ", ".join(
            f"{i.rate.title.en}{'' if i.better == MORE else ' (less is better)'} {i.points}" for i in self.indicators
        )
        return Text(
            f"得分＝Σ（分值×指标得分）÷Σ适用指标分值；{parts}。没有对象的指标不计，有对象而数据缺失的不排名，得分相同的并列。{self.note.zh}",
            f"Score = sum of points × share / sum of the points that apply; {told}. An indicator with nothing to count is left out, "
            f"one with missing data leaves a county unranked, equal scores share a place. {self.note.en}",
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Mark:
    """Hold one indicator of one county or office: its share and bounds (0 to 1), how it stands, and how many are unknown."""

    indicator: Indicator
    state: str
    share: Fraction | None = None
    lower: Fraction | None = None
    upper: Fraction | None = None
    numerator: int = 0
    denominator: int = 0
    unknown: int = 0


@dataclass(frozen=True, slots=True)
class Place:
    """Hold where one county or office stands: rank (None: not ranked), score and its bounds (0 to 100), the places it may have."""

    group: str
    marks: tuple[Mark, ...]
    rank: int | None
    is_tied: bool
    score: Fraction | None
    lower: Fraction | None
    upper: Fraction | None
    best: int | None
    worst: int | None


def read_ranking(root: Path, schema: LayerSchema, rates: Mapping[str, Rate], states: Mapping[str, Text]) -> Ranking:
    """Read and validate ``root/cases/plans/ranking.toml``.

    Parameters
    ----------
    schema
        The fields of cases, as `case_view.case_schema` gives them.
    rates
        The formulas over layers.
    states
        The states of cases.

    Raises
    ------
    SpecError
        With all faults.
    """
    faults = Faults()
    path = root / "cases" / "plans" / "ranking.toml"
    table, where = read_toml(path), short_name(path)
    faults.keys(where, table, ("cases", "rates"), ("settled", "left_out", "certainty", "note"))
    for key in ("settled", "left_out"):
        for state in table.get(key, []):
            faults.one_of(f"{where} {key}", state, states, "a state of cases/workflow.toml")
    faults.one_of(f"{where} certainty", table.get("certainty"), CERTAINTIES, "a certainty")
    note = faults.text(f"{where} note", table.get("note"))
    indicators = [
        _case_indicator(name, given, f"{where} [cases.{name}]", schema, note, table, faults)
        for name, given in table.get("cases", {}).items()
    ]
    for name, given in table.get("rates", {}).items():
        place = f"{where} [rates] {name}"
        faults.keys(place, given, (), ("better", "points"))
        if faults.one_of(place, name, rates, "a formula of cases/rates/") not in rates:
            continue
        if rates[name].value != SHARE or COUNTY not in rates[name].by:
            faults.add(place, name, "a share with 'county' in its table 'by'")
        indicators.append(Indicator(rates[name], *_weight(given, place, faults), of_cases=False))
    faults.raise_if_any()
    return Ranking(tuple(indicators), tuple(table["settled"]), tuple(table["left_out"]), table["certainty"], note)


def _weight(table: Mapping[str, Any], where: str, faults: Faults) -> tuple[str, int]:
    better = faults.one_of(f"{where} better", table.get("better"), (MORE, LESS), "more or less")
    points = table.get("points", 0)
    if not (isinstance(points, int) and points > 0):
        faults.add(f"{where} points", points, "a whole number above zero")
    return better, int(points) if isinstance(points, int) else 0


def _case_indicator(
    name: str, table: Mapping[str, Any], where: str, schema: LayerSchema, why: Text, whole: Mapping[str, Any], faults: Faults
) -> Indicator:  # fmt: skip
    faults.keys(where, table, (), _KEYS)
    terms = {
        key: (parse_conditions({SIDE: table.get(key, {})}, f"{where} {key}", {SIDE: schema}, faults),)
        for key in ("denominator", "numerator")
    }
    title, note = (faults.text(f"{where} {key}", table.get(key)) for key in ("title", "note"))
    rate = Rate(
        id=name, title=title, layer=schema.id, measure=COUNT, value=SHARE, unit=UNITS[COUNT], method="", year_of=None, **terms,
        doubtful=(), by={COUNTY: COUNTY_FIELD, "office": "office"}, cut_off=None, known_on=None, done_on=None, lookups=(), basis=(),
        certainty=str(whole.get("certainty")), note=Text(note.zh + why.zh, f"{note.en} {why.en}"), example=table.get("example", {}),
        version=hashlib.sha256(json.dumps(table, sort_keys=True, default=str).encode()).hexdigest()[:12],
    )  # fmt: skip
    return Indicator(rate, *_weight(table, where, faults), of_cases=True)


def mark_of(indicator: Indicator, result: RateResult | None) -> Mark:
    """Return an indicator as a result has it: *missing* where the layer is absent or all that would count is unknown."""
    if result is None or result.state == NO_LAYER:
        return Mark(indicator, MISSING)
    done, rest = len(result.ids(NUMERATOR)), len(result.ids(REST))
    unknown = len(result.members) - done - rest
    known = result.amount(NUMERATOR, REST)
    if not known:
        state = MISSING if len(result.members) else DOES_NOT_APPLY
        return Mark(indicator, state, numerator=done, denominator=done + rest, unknown=unknown)
    share = Fraction(result.amount(NUMERATOR)) / Fraction(known)
    lower, upper = (result.lower, result.upper) if result.state == COMPUTED else (None, None)
    return Mark(indicator, KNOWN, share, lower, upper, done, done + rest, unknown)


def ranked(marks: Mapping[str, Sequence[Mark]]) -> list[Place]:
    """Return who stands where, the best first; equal scores share a place, and who cannot be scored stands last, by name.

    `best` and `worst` are the places a county may have once what is unknown is known. (Our reading: no plan says how
    counties are ranked.)
    """
    scores = {group: _scores(of_group) for group, of_group in marks.items()}
    known = {group: score for group, score in scores.items() if score is not None}
    places = []
    for group, of_group in marks.items():
        score = known.get(group)
        if score is None:
            places.append(Place(group, tuple(of_group), None, False, None, None, None, None, None))
            continue
        own, low, high = score
        others = [other for name, other in known.items() if name != group]
        places.append(
            Place(
                group, tuple(of_group), 1 + sum(other[0] > own for other in others), any(other[0] == own for other in others),
                own, low, high, 1 + sum(other[1] > high for other in others), 1 + sum(other[2] > low for other in others),
            )
        )  # fmt: skip
    return sorted(places, key=lambda place: (place.rank is None, place.rank or 0, place.group))


def _scores(marks: Sequence[Mark]) -> tuple[Fraction, Fraction, Fraction] | None:
    """Return the score of the known, the least and the greatest; None where something is missing, or nothing applies."""
    counted = [mark for mark in marks if mark.state != DOES_NOT_APPLY]
    if not counted or any(mark.state == MISSING for mark in counted):
        return None
    points = sum(mark.indicator.points for mark in counted)
    sums = [Fraction(0), Fraction(0), Fraction(0)]
    for mark in counted:
        assert mark.share is not None  # noqa: S101  it is known
        low = mark.share if mark.lower is None else mark.lower
        high = mark.share if mark.upper is None else mark.upper
        of_mark = (mark.share, low, high) if mark.indicator.better == MORE else (1 - mark.share, 1 - high, 1 - low)
        sums = [total + mark.indicator.points * one for total, one in zip(sums, of_mark, strict=True)]
    own, low, high = (total * 100 / points for total in sums)
    return own, low, high
