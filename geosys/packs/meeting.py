"""Collect the content of a meeting: figures, changes, charts, tables, issues and plot cards, item by item."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import geosys
from geosys._errors import GeoSysError
from geosys._text import Text
from geosys.cases.due_dates import TIMINGS
from geosys.cases.workflow import all_states, read_workflow
from geosys.maps.frames import DISCLOSURES
from geosys.maps.meeting.content import Item, Meeting
from geosys.maps.meeting.spec import CHANGES, Known, load_meetings
from geosys.maps.sheet_spec import load_sheets
from geosys.packs.figures import FIGURES, case_figures, rate_figures
from geosys.packs.issues import Drawn, chosen, issue_of, rows_of
from geosys.packs.listings import COLUMNS, changes_of, listing_of
from geosys.packs.map_page import changed_rules, judged_on, newer_layers
from geosys.packs.pictures import Painter
from geosys.packs.plots import plot_cards
from geosys.rates import read_rate_book
from geosys.sheets.charts import chart_of
from geosys.sheets.desk import meta_of
from geosys.views import schemas_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import pandas as pd

    from geosys.maps.charts_values import Chart
    from geosys.maps.meeting.content import Issue, SheetFile
    from geosys.maps.meeting.spec import ItemSpec, MeetingSpec
    from geosys.maps.paper.press import Press
    from geosys.packs.material import Material, Progress
    from geosys.rooms import Content

_MOST_NAMED = 8


def read_meetings(content: Content) -> dict[str, MeetingSpec]:
    """Read and check the meetings of the content.

    Raises
    ------
    SpecError
        With every fault of every file.
    """
    return load_meetings(content.catalogue.root / "maps", known_words(content))


def known_words(content: Content) -> Known:
    """Return the words of the content that a meeting may name."""
    catalogue = content.catalogue
    fields = {name: set(schema.titles) for name, schema in schemas_of(catalogue).items()}
    sheets = load_sheets(catalogue.root / "maps", fields).sheets
    return Known(
        rules=content.book.rules, figures=FIGURES, rates=read_rate_book(catalogue).rates, statuses=all_states(read_workflow(catalogue.root)),
        timings=TIMINGS, fields=fields, charts={name: len(sheet.charts) for name, sheet in sheets.items()}, columns=COLUMNS,
    )  # fmt: skip


def meeting_of(
    material: Material, press: Press, sheets: Sequence[SheetFile], progress: Progress, language: str = "zh"
) -> Meeting:
    """Return the content of a meeting.

    Parameters
    ----------
    sheets : the sheets that could be made, by the file below the pack's folder.
    progress : called with the stage's name, steps done and steps in all.
    """
    spec, desk = material.spec, material.desk
    stale(material)
    rows, drawn = rows_of(material), Drawn()
    painter = Painter(desk, press, spec.picture_layers, spec.around_m, language)
    charts = _charts(material)
    items, issues = [], dict[str, "Issue"]()
    for number, item in enumerate(spec.items):
        progress("pack_items", number, len(spec.items))
        mine = _issues(material, item, rows, painter, drawn)
        issues |= {one.id: one for one in mine}
        items.append(_item(item, mine, charts, sheets))
    progress("pack_items", len(spec.items), len(spec.items))
    screen = desk.screen
    return Meeting(
        spec.title, desk.workspace.title, material.day, material.since, desk.workspace.mark,
        screen.notice if spec.audience == DISCLOSURES[0] else Text("", ""), f"GeoSys {geosys.__version__}", material.rules_version, items,
        [*case_figures(material, _once(spec, lambda item: item.figures)), *rate_figures(material, _once(spec, lambda item: item.rates))],
        changes_of(material, language), list(charts.items()),
        [listing_of(material, spec.listings[name], rows, language) for name in _once(spec, lambda item: item.listings) if name != CHANGES],
        list(issues.values()), sheets, meta_of(desk, desk.layers).layers, tuple(material.lacking),
    )  # fmt: skip


def _once(spec: MeetingSpec, of: Callable[[ItemSpec], Sequence[str]]) -> list[str]:
    """Return what the items of a meeting name, each once, in the order of the agenda."""
    return list(dict.fromkeys(name for item in spec.items for name in of(item)))


def _issues(material: Material, item: ItemSpec, rows: pd.DataFrame, painter: Painter, drawn: Drawn) -> list[Issue]:
    """Return the issues of an item: its cases, then its plots; how many more there are is told."""
    made: list[Issue] = []
    if item.issues is not None:
        ids, total = chosen(rows, item.issues)
        made += [issue_of(material, row, painter, drawn) for row in rows.loc[ids].to_dict("records")]
        if total > len(ids):
            material.lack(
                f"议题“{item.title.zh}”列出 {len(ids)} 项，共 {total} 项符合。",
                f"'{item.title.en}' shows {len(ids)} of {total} cases that fit.",
            )
    if item.plots is not None:
        made += plot_cards(material, item.plots, painter, drawn)
    return made


def _item(spec: ItemSpec, issues: Sequence[Issue], charts: dict[str, Chart], sheets: Sequence[SheetFile]) -> Item:
    files = {sheet.file.rpartition("/")[2].removesuffix(".pdf"): sheet.file for sheet in sheets}
    return Item(
        spec.title, spec.text, spec.minutes, spec.reporter, (*spec.figures, *spec.rates), [name for name in spec.charts if name in charts],
        spec.listings, [issue.id for issue in issues], [files[name] for name in spec.sheets if name in files],
    )  # fmt: skip


def _charts(material: Material) -> dict[str, Chart]:
    """Return the charts of a meeting by name; one without data is told."""
    desk, made = material.desk, {}
    for name in _once(material.spec, lambda item: item.charts):
        sheet, _, number = name.rpartition(".")
        spec = desk.book.sheets[sheet]
        part = spec.charts[int(number) - 1]
        try:
            chart, why = chart_of(desk, part, spec), Text("没有数据", "there are no data")
        except GeoSysError as error:
            chart, why = None, Text(str(error), str(error))
        if chart is None:
            material.lack(f"图“{part.title.zh}”未出：{why.zh}。", f"The chart '{part.title.en}' is left out: {why.en}.")
        else:
            made[name] = chart
    return made


def stale(material: Material) -> None:
    """Note what of the results is not of the meeting's day, and which rules could not be judged for all."""
    results = material.desk.results
    assert results is not None  # noqa: S101  `open_material` refuses a workspace without
    as_of = judged_on(material)
    if as_of != material.day:
        material.lack(
            f"线索为 {as_of} 运行的结果，不是会议当日的；地图上的逾期也按该日计算。",
            f"Findings are of the run for {as_of}, not of the day of the meeting; what is overdue on the map is so on that day.",
        )
    layers = [material.desk.title(name) for name in newer_layers(material)]
    if layers:
        zh, en = "、".join(t.zh for t in layers), ", ".join(t.en for t in layers)
        material.lack(
            f"下列图层在上次规则运行之后有更新，线索仍为更新前的：{zh}。",
            f"These layers are newer than the last run of the rules: {en}.",
        )
    rules = changed_rules(material)
    if rules:
        material.lack(
            f"{len(rules)} 条规则在上次运行之后有变化，线索仍按原规则。",
            f"{len(rules)} rules have changed since the last run; findings are by the old ones.",
        )
    if material.moved:
        n = len(material.moved)
        material.lack(
            f"{n} 条线索的事项在运行之后有流转，这里按台账现状显示。",
            f"{n} findings have cases moved since the run; they are shown as the ledger has them.",
        )
    _not_assessed(material)


def _not_assessed(material: Material) -> None:
    """Note the rules that could not be judged for some subjects: no finding there is not the same as no risk."""
    told, rules = material.found.not_assessed, material.content.book.rules
    if not told:
        return
    ranked = sorted(told, key=lambda name: (-told[name], name))
    titles = [rules[name].title if name in rules else Text(name, name) for name in ranked[:_MOST_NAMED]]
    rest = len(ranked) - len(titles)
    zh = "、".join(f"{t.zh}（{told[n]}）" for n, t in zip(ranked, titles, strict=False)) + (
        f"等 {len(ranked)} 条" if rest else ""
    )
    en = ", ".join(f"{t.en} ({told[n]})" for n, t in zip(ranked, titles, strict=False)) + (
        f" and {rest} more" if rest else ""
    )
    material.lack(
        f"下列规则有对象未能评估，未评估不等于没有风险：{zh}。",
        f"Not assessed for some subjects, which is not safe: {en}.",
    )


def for_slides(meeting: Meeting, spec: MeetingSpec) -> Meeting:
    """Return the meeting as its slides show it: so many issues and rows at most, the rest told."""
    kept = meeting.issues[: spec.most_issues]
    ids = {issue.id for issue in kept}
    lacking = list(meeting.lacking)
    if len(kept) < len(meeting.issues):
        zh = f"幻灯片列出 {len(kept)} 个议题页，其余 {len(meeting.issues) - len(kept)} 个见会议网页。"
        lacking.append(
            Text(
                zh, f"The slides show {len(kept)} issues; the other {len(meeting.issues) - len(kept)} are on the page."
            )
        )
    return replace(
        meeting, issues=kept, items=[replace(item, issues=[name for name in item.issues if name in ids]) for item in meeting.items],
        listings=[replace(one, rows=one.rows[: spec.most_rows]) for one in meeting.listings], lacking=tuple(lacking),
        changes=replace(meeting.changes, rows=meeting.changes.rows[: spec.most_rows]),
    )  # fmt: skip
