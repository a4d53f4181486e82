"""Turn the charts of a sheet's spec into charts: amounts by class, shares over months, progress of targets, flows between states."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd

from geosys._text import Text
from geosys.cases.rates import SHARE
from geosys.cases.targets import STANDINGS
from geosys.layers.results_spec import results_spec
from geosys.maps.charts_values import Flows, Line, Progress, Schedule, Stack, State, Trend
from geosys.maps.palettes import Swatch
from geosys.maps.sheet_spec import FINDINGS
from geosys.rates import standings_of, workspace_entries
from geosys.sections.samples import samples_of, sections_of
from geosys.sheets.layers import CATEGORIES, classed, rows_of, share_counts, shares
from geosys.standards.attainment import GOOD, judge
from geosys.standards.period_values import MONTH, month_text, values_by

if TYPE_CHECKING:
    from collections.abc import Mapping

    from geosys.cases.rate_results import RateResult
    from geosys.maps.charts_values import Chart
    from geosys.maps.sheet_parts import ChartPart, SheetSpec
    from geosys.sheets.desk import Desk

MOST_ROWS, MOST_STATES = 12, 9
SQUARE_METRES, PER_HECTARE = "_m2", 10_000.0
OTHER, MISSING = Text("其他", "Others"), Text("未填", "Missing")
_GREY = "#B8BEC6"
_TRUTH = {"true": Text("是", "yes"), "false": Text("否", "no")}


def chart_of(desk: Desk, part: ChartPart, spec: SheetSpec) -> Chart | None:
    """Return a chart, or None where there is nothing to draw: a chart without an amount says nothing."""
    makers = {"stack": _stack, "trend": _trend, "schedule": _schedule, "flows": _flows}
    return makers[part.kind](desk, part, spec)


def _stack(desk: Desk, part: ChartPart, spec: SheetSpec) -> Stack | None:
    frames = {layer: rows_of(desk, part, spec, layer) for layer in part.layers or (part.layer,)}
    table = pd.concat(
        [
            pd.DataFrame({
                "row": list(_names(desk, layer, part.rows, frame)), "class": classed(frame[part.column], part.values),
                "amount": _amounts(frame, part.measure),
            })
            for layer, frame in frames.items() if part.column in frame and len(frame)
        ] or [pd.DataFrame({"row": [], "class": [], "amount": []})]
    )  # fmt: skip
    if not table["amount"].sum() > 0:
        return None
    looks = desk.book.classes_named(part.classes)
    known = table["class"].where(table["class"].isin(list(looks)), None)
    table = table.assign(**{"class": known.where(known.notna(), "")})
    used = [word for word in looks if (table["class"] == word).any()] + ([""] if (table["class"] == "").any() else [])
    classes = [looks[word] if word else Swatch(MISSING, _GREY) for word in used]
    totals = table.groupby("row", sort=False)["amount"].sum().sort_values(ascending=False, kind="stable")
    shown = list(totals.index[: MOST_ROWS if len(totals) <= MOST_ROWS else MOST_ROWS - 1])
    table["row"] = table["row"].where(table["row"].isin(shown), OTHER)
    rows = [*shown, *([OTHER] if len(totals) > len(shown) else [])]
    sums = table.groupby(["row", "class"], sort=False)["amount"].sum()
    amounts = [(row, [float(sums.get((row, word), 0.0)) for word in used]) for row in rows]
    return Stack(part.title, classes, amounts, part.unit, part.is_share)


def _names(desk: Desk, layer: str, column: str, frame: pd.DataFrame) -> list[Text]:
    """Return the title of the row that each feature counts to."""
    if not column:
        return [desk.title(layer)] * len(frame)
    titles = _titles(desk, layer, column, frame)
    return [titles.get(word or "", MISSING) for word in classed(frame[column], {})]


def _titles(desk: Desk, layer: str, column: str, frame: pd.DataFrame, table: str = "") -> dict[str, Text]:
    """Return the title of each word of a column: of its classes, its code list, of a rule, or the word itself."""
    looks = desk.book.classes_named(table)
    codes = desk.schemas[layer].codes.get(column, {}) if layer in desk.schemas else {}
    words = [w for w in classed(frame[column], {}).unique() if w]
    if layer == FINDINGS and f"{column}_zh" in frame:
        pairs = frame[[column, f"{column}_zh", f"{column}_en"]].drop_duplicates(column)
        codes = {str(a): Text(str(b), str(c)) for a, b, c in pairs.itertuples(index=False)}
    if layer == FINDINGS and column.endswith("_layer"):
        codes = {word: desk.title(word) for word in words}
    known = {**_TRUTH, **codes}
    return {word: looks[word].title if word in looks else known.get(word, Text(word, word)) for word in words}


def _amounts(frame: pd.DataFrame, measure: str) -> Any:
    """Return what each feature counts: one, or its measure (square metres as hectares)."""
    if not measure:
        return 1.0
    values = pd.to_numeric(frame[measure], errors="coerce").fillna(0.0)
    return values / (PER_HECTARE if measure.endswith(SQUARE_METRES) else 1.0)


def _trend(desk: Desk, part: ChartPart, spec: SheetSpec) -> Trend | None:
    """Return by month the share of sections in class III or better and of those that meet their target."""
    asked = results_spec(part.layer, desk.catalogue)
    if asked is None or part.layer not in desk.layers or asked.samples not in desk.layers:
        return None
    sections, samples = rows_of(desk, part, spec), desk.frame(asked.samples)
    known, _ = sections_of(sections, asked, samples)
    read = samples_of(samples, sections[asked.key].to_numpy(), asked, desk.catalogue.layers[asked.samples], desk.today)
    rows = judge(values_by(read.samples, MONTH), known, rounding=asked.rounding, items=asked.items).rows
    rows = rows[rows["class"].notna()]
    if not len(rows):
        return None
    last = int(rows["period"].max())
    periods = range(max(int(rows["period"].min()), last - part.months + 1), last + 1)
    good = _by_month(rows.assign(good=rows["class"].astype(int) <= GOOD), "good", periods)
    meets = _by_month(rows[rows["meets"].notna()], "meets", periods)
    lines = [
        Line(Text("Ⅰ–Ⅲ类比例", "Class I to III"), good, CATEGORIES[0]),
        Line(Text("达标比例", "Meeting target"), meets, CATEGORIES[1]),
    ]
    return Trend(part.title, [month_text(p) for p in periods], lines, Text("%", "%"))


def _by_month(rows: pd.DataFrame, column: str, periods: range) -> list[float | None]:
    share = rows[column].astype(float).groupby(rows["period"]).mean() * 100
    return [round(float(share[p]), 1) if p in share.index else None for p in periods]


def _schedule(desk: Desk, part: ChartPart, spec: SheetSpec) -> Schedule | None:
    """Return how rates stand, as a whole and by group; without a group, held against the dated targets of the plans."""
    _ = spec
    whole = shares(desk, part.rates, part.by)
    computed = [one for one in whole if one.share is not None and bool(one.group) == bool(part.by)]
    targets = {} if part.by else _targets(desk)
    rows = []
    for one in computed[:MOST_ROWS]:
        title = one.rate.title if not one.group else _grouped(desk, one)
        lower, upper = share_bounds(one)
        target, expected, said = targets.get(one.rate.id, (None, None, Text("", "")))
        counts = share_counts(one)
        note = Text(" ".join(filter(None, (counts, said.zh))), " ".join(filter(None, (counts, said.en))))
        rows.append(Progress(title, lower, upper, target, expected, note))
    return Schedule(part.title, rows) if rows else None


def share_bounds(result: RateResult) -> tuple[float | None, float | None]:
    """Return what share in per cent the members of a rate can make, also of a rate whose own value is an amount."""
    if result.rate.value == SHARE:
        ends = [None if end is None else float(end) * 100 for end in (result.lower, result.upper)]
        return ends[0], ends[1]
    done, rest, open_ = (len(result.ids(part)) for part in ("numerator", "rest", "unknown"))
    whole = done + rest + open_
    return (done / whole * 100, (done + open_) / whole * 100) if whole else (None, None)


def _grouped(desk: Desk, result: RateResult) -> Text:
    """Return the title of a rate with its group, a code by its name."""
    names = [group_title(desk, result, word, value) for word, value in result.group.items()]
    title = result.rate.title
    return Text(f"{title.zh} · {'；'.join(n.zh for n in names)}", f"{title.en} · {'; '.join(n.en for n in names)}")


def group_title(desk: Desk, result: RateResult, word: str, value: str) -> Text:
    """Return a group's name: of the division that has the code, of the code list, or the value itself."""
    column = result.rate.by[word]
    for spec in desk.catalogue.layers.values():
        if spec.divisions == column and spec.id in desk.layers and spec.name:
            frame = desk.layers[spec.id].frame
            names = frame.loc[frame[column].astype(str) == value, spec.name].dropna()
            if len(names):
                return Text(str(names.iloc[0]), str(names.iloc[0]))
    return desk.schemas[result.rate.layer].codes.get(column, {}).get(value, Text(value, value))


def _targets(desk: Desk) -> dict[str, tuple[float | None, float | None, Text]]:
    """Return by rate its next dated target in per cent that a formula can judge: number, schedule's value of the day, standing."""
    book, views = desk._made["rates"]  # noqa: SLF001  made by `shares`
    found: dict[str, tuple[float | None, float | None, Text]] = {}
    standings = standings_of(book, views, workspace_entries(desk.workspace, book, desk.today), desk.today)
    dated = [
        one
        for one in standings
        if one.target.due_on is not None and one.target.number is not None and one.target.unit == "%"
    ]
    order = sorted(dated, key=lambda one: (one.target.due_on < desk.today, abs((one.target.due_on - desk.today).days)))  # type: ignore[operator]
    for one in order:
        if one.target.rate not in found and one.figure is not None and one.target.number is not None:
            words = STANDINGS[one.status]
            said = Text(f"{one.target.due_on} {words.zh}", f"{one.target.due_on} {words.en}")
            expected = None if one.expected is None else float(one.expected)
            found[one.target.rate] = float(one.target.number), expected, said
    return found


def _flows(desk: Desk, part: ChartPart, spec: SheetSpec) -> Flows | None:
    """Return how many features stand in which states, from one column to the next."""
    frame = rows_of(desk, part, spec)
    if not len(frame) or any(column not in frame for column in part.columns):
        return None
    words = [classed(frame[column], part.values).map(lambda w: w or "") for column in part.columns]
    states: list[State] = []
    places: list[dict[str, int]] = []
    for at, (column, values) in enumerate(zip(part.columns, words, strict=True)):
        table = part.classes_of[at] if at < len(part.classes_of) else ""
        looks, titles = desk.book.classes_named(table), _titles(desk, part.layer, column, frame, table)
        counts = values.value_counts(sort=True)
        order = [w for w in looks if w in counts.index] + sorted(
            (w for w in counts.index if w not in looks), key=lambda w: (not w, -counts[w], w)
        )
        kept = order[: MOST_STATES if len(order) <= MOST_STATES else MOST_STATES - 1]
        states, place = _column(states, at, kept, [w for w in order if w not in kept], looks, titles)
        places.append(place)
    totals: dict[tuple[int, int], float] = {}
    for row in zip(*words, strict=True):
        for at in range(len(row) - 1):
            pair = places[at][row[at]], places[at + 1][row[at + 1]]
            totals[pair] = totals.get(pair, 0.0) + 1.0
    heads = [_column_title(desk, part.layer, column) for column in part.columns]
    return Flows(part.title, heads, states, [(a, b, n) for (a, b), n in sorted(totals.items())], part.unit)


def _column(
    states: list[State],
    at: int,
    kept: list[str],
    rest: list[str],
    looks: Mapping[str, Swatch],
    titles: Mapping[str, Text],
) -> tuple[list[State], dict[str, int]]:
    """Return the states with those of one column, and where each of its words stands; rare ones stand together."""
    place = {word: len(states) + i for i, word in enumerate(kept)}
    new = [
        State(
            at,
            titles.get(w, MISSING),
            looks[w].colour if w in looks else CATEGORIES[i % len(CATEGORIES)] if w else _GREY,
        )
        for i, w in enumerate(kept)
    ]
    if rest:
        place |= dict.fromkeys(rest, len(states) + len(new))
        new.append(State(at, OTHER, _GREY))
    return [*states, *new], place


def _column_title(desk: Desk, layer: str, column: str) -> Text:
    if layer == FINDINGS:
        named = desk.book.words.get(column)
        return named if named is not None else Text(column, column)
    return desk.schemas[layer].titles.get(column, desk.book.words.get(column, Text(column, column)))
