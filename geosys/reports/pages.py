"""Lay what a report says out for its template, and write it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from geosys.cases.difference import KINDS
from geosys.cases.due_dates import TIMINGS
from geosys.cases.targets import COUNTY
from geosys.cases.workflow import all_states
from geosys.maps.word.charts import Chart, Series
from geosys.maps.word.rendering import write_document
from geosys.maps.word.values import Jump, Lists, Mark, Words, plain_text
from geosys.reports import situation as reports

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from geosys.cases.todo import Terms
    from geosys.maps.frames import Meta
    from geosys.maps.palettes import Palettes
    from geosys.maps.word.spec import ReportBook
    from geosys.reports.situation import Names, Situation

_NOBODY = "未指定经办人"
_CHANGE, _TARGET, _CLAUSE = 2_000_000, 3_000_000, 4_000_000  # numbers of bookmarks: each is one of its document


def write_report(
    path: Path, name: str, found: Situation, terms: Terms, names: Names, book: ReportBook, palettes: Palettes, meta: Meta, *,
    scope: str, template: Path | None = None, office: str | None = None,
) -> None:  # fmt: skip
    """Write a report in Word.

    Parameters
    ----------
    name
        ``dispatch``, ``brief`` or ``todo``.
    scope
        What the cases are of, as people name it.
    template
        The template to fill (default: that of the content).
    office
        For ``todo``: only what waits for this office.

    Raises
    ------
    SpecError
        When the template lacks a placeholder, has an unknown one, or is no Word document.
    """
    spec = book.reports[name]
    values = {
        "title": spec.title.zh, "place": meta.title.zh, "scope": scope, "mark": meta.mark.zh if meta.mark else "", "program": meta.program,
        "day": day_zh(found.day), "since": day_zh(found.since),
        "judged_on": day_zh(found.judged_on) if found.judged_on else "未判定", "told": _told(found, book),
        **_figures(found, terms, names, spec.most_listed, book.most_pressing), **_targets(found, spec.most_listed),
        "todo": _todo(found, terms, names, office),
    }  # fmt: skip
    charts = _charts(found, terms, names, book, palettes)
    write_document(path, template or spec.template, values, charts, meta, needs=spec.needs, longest=book.longest_text)


def day_zh(day: dt.date) -> str:
    """Return a day as Chinese documents write it.

    Examples
    --------
    >>> import datetime as dt
    >>> day_zh(dt.date(2026, 9, 5))
    '2026年9月5日'
    """
    return f"{day.year}年{day.month}月{day.day}日"


def _told(found: Situation, book: ReportBook) -> str:
    unsure = 0 if found.now.empty else int((~found.now["is_calendar_known"].astype(bool)).sum())
    told = f"文字超过 {book.longest_text} 字的截断并注明。"
    return told + (f"{unsure} 项的时限跨越没有节假日安排的年份，工作日只扣除周末。" if unsure else "")


def _figures(found: Situation, terms: Terms, names: Names, most_listed: int, most_pressing: int) -> dict[str, Any]:
    every = reports.figures(found)
    rows = {row["case_id"]: _shown(row) for row in reports.case_rows(found, sorted(found.now.index), terms, names)}
    lists = Lists(rows, most_listed)
    late, clauses = _clauses([_shown(row) for row in reports.overdue(found, terms, names)])
    details, changes = _changes(found, most_listed)
    return {
        "n": {key: lists.figure(title.zh, ids) for key, (title, ids) in every.items()}, "before": reports.counts_before(found),
        "states": _states(found, every["total"][1], terms, lists), "offices": _group(found, "office", names, lists),
        "counties": _group(found, COUNTY, names, lists) if (found.now[COUNTY] != "").any() else [],
        "overdue": late, "clauses": clauses, "longest": late[:most_pressing], "details": details, "changes": changes,
        "proposals": [rows[case] for case in sorted(found.now.index[found.now["proposed_move"] != ""])],
        "not_assessed": _not_assessed(found, terms), "not_assessed_told": _not_assessed_told(found), "lists": lists, "cases": lists.register,
    }  # fmt: skip


def _shown(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return a case with dates as text, and how many days it is over or has left."""
    left = row["days_left"]
    days = "" if left is None else f"逾期 {-left} 天" if left < 0 else f"余 {left} 天"
    due = str(row["due_on"]) if row["due_on"] else "无时限"
    proposal = f"{row['proposal']}：{row['why']}" if row["proposal"] else ""
    return {
        **row,
        "found_on": str(row["found_on"]),
        "due_on": due,
        "days": "" if left is None else abs(left),
        "left": days,
        "move": row["proposal"],
        "proposal": proposal,
    }


def _clauses(rows: Sequence[Mapping[str, Any]]) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Return rows with the number of what each due date rests on, linked to it, and what there is of these, each once."""
    numbers = {
        text: number for number, text in enumerate(dict.fromkeys(row["clause"] for row in rows if row["clause"]), 1)
    }
    told = [{"mark": Mark(f"clause_{n}", _CLAUSE + n), "number": n, "text": text} for text, n in numbers.items()]
    jumps = {text: Jump(f"clause_{n}", f"[{n}]") for text, n in numbers.items()}
    return [{**row, "clause_no": jumps.get(row["clause"], "")} for row in rows], told


def _states(found: Situation, total: Sequence[str], terms: Terms, lists: Lists) -> list[dict[str, Any]]:
    alone = found.now.loc[list(total)]
    rows = []
    for title, ids in _by_state(alone, terms):
        share = f"{len(ids) / len(alone) * 100:.1f} %"
        rows.append({"title": title, "count": lists.figure(f"状态：{title}", ids), "share": share})
    return rows


def _by_state(alone: Any, terms: Terms) -> list[tuple[str, list[str]]]:
    """Return the states that cases are in, in the order of the workflow, with their cases."""
    titles = {key: state.title.zh for key, state in all_states(terms.workflow).items()}
    there = [key for key in (*titles, *sorted(set(alone["status"]) - set(titles))) if key in set(alone["status"])]
    return [(titles.get(key, key), sorted(alone.index[alone["status"] == key])) for key in there]


def _group(found: Situation, by: str, names: Names, lists: Lists) -> list[dict[str, Any]]:
    words = names.offices if by == "office" else names.counties
    titles = {key: title.zh for key, (title, _) in reports.figures(found).items()}
    return [
        {
            "title": row["title"].zh, "longest": "—" if row["longest"] is None else str(row["longest"]),
            **{key: lists.figure(f"{row['title'].zh}：{titles[key]}", ids) for key, ids in row["lists"].items()},
        }
        for row in reports.groups(found, by, words)
    ]  # fmt: skip


def _changes(found: Situation, most: int) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Return the changes one by one, at most so many of each kind and the first of it marked, and how many there are of each kind."""
    kinds: dict[str, list[dict[str, Any]]] = {}
    for row in found.changes.to_dict("records"):
        kinds.setdefault(row["kind"], []).append(row)
    details: list[dict[str, Any]] = []
    told = []
    for kind, rows in kinds.items():
        number = list(KINDS).index(kind) + 1
        mark = Mark(f"change_{number}", _CHANGE + number)
        details += [{
            "mark": "" if place else mark, "kind": KINDS[kind].zh, "case_id": row["case_id"],
            "subject": row["subject_name"] or row["subject_id"], "what": row["what_zh"],
            "why": row["why_zh"], "person": row["person"], "on": str(row["on"] or ""),
        } for place, row in enumerate(rows[:most])]  # fmt: skip
        if len(rows) > most:
            nothing = dict.fromkeys(("mark", "case_id", "subject", "why", "person", "on"), "")
            details.append(nothing | {"kind": KINDS[kind].zh, "what": f"……另有 {len(rows) - most} 项，见台账。"})
        told.append({"title": KINDS[kind].zh, "count": Jump(f"change_{number}", str(len(rows)))})
    return details, told


def _targets(found: Situation, most_listed: int) -> dict[str, Any]:
    """Return the targets as rows, and the features behind each that are not there yet."""
    rows, lists = [], []
    for number, row in enumerate(found.targets.rows, 1):
        is_listed = bool(row["rest"] or row["unknown"])
        rows.append({**row, "counts": Jump(f"target_{number}" if is_listed else "", row["counts"])})
        if is_listed:
            rest, unknown = (_ids(row[part], most_listed) for part in ("rest", "unknown"))
            title = f"{row['indicator']}（{row['area']}）{row['deadline']}"
            lists.append(
                {
                    "mark": Mark(f"target_{number}", _TARGET + number),
                    "title": title,
                    "is_behind": row["is_behind"],
                    "rest": rest,
                    "unknown": unknown,
                }
            )
    others = found.targets.unknown
    return {
        "targets": rows, "targets_behind": [row for row in rows if row["is_behind"]], "targets_all": len(rows) + others, "targets_unknown": others,
        "target_lists": lists,
    }  # fmt: skip


def _ids(ids: Sequence[str], most: int) -> Words:
    return Words(
        "、".join(plain_text(one, 60) for one in ids[:most])
        + (f"……另有 {len(ids) - most} 个" if len(ids) > most else "")
    )


def _not_assessed(found: Situation, terms: Terms) -> list[dict[str, Any]]:
    told = found.not_assessed or {}
    rows = [
        (terms.book.rules[rule].title.zh if rule in terms.book.rules else rule, count)
        for rule, count in told.items()
        if count
    ]
    return [{"title": title, "count": f"{count:,}"} for title, count in sorted(rows, key=lambda row: (-row[1], row[0]))]


def _not_assessed_told(found: Situation) -> str:
    if found.not_assessed is None:
        return "没有该日判定的结果文件，不知道哪些规则未能评估。"
    return "最近一次判定中各规则都评估了全部对象。"


def _charts(found: Situation, terms: Terms, names: Names, book: ReportBook, palettes: Palettes) -> dict[str, Chart]:
    total = reports.figures(found)["total"][1]
    states = _by_state(found.now.loc[total], terms)
    colours = {swatch.title.zh: swatch.colour for swatch in palettes.statuses.values()}
    one = Series(
        "事项数", [colours.get(title, book.colours["rest"]) for title, _ in states], [len(ids) for _, ids in states]
    )
    charts = {"states": Chart("各状态事项数", [title for title, _ in states], [one])}
    for by, key, words in (("office", "offices", names.offices), (COUNTY, "counties", names.counties)):
        rows = [row for row in reports.groups(found, by, words) if row["lists"]["open"]]
        numbers = [{k: len(row["lists"][k]) for k in ("overdue", "soon", "open")} for row in rows]
        series = [
            Series("逾期", [book.colours["overdue"]], [n["overdue"] for n in numbers]),
            Series("临近到期", [book.colours["near"]], [n["soon"] for n in numbers]),
            Series("其他在办", [book.colours["rest"]], [n["open"] - n["overdue"] - n["soon"] for n in numbers]),
        ]  # fmt: skip
        charts[key] = Chart("在办事项的时限情况", [row["title"].zh for row in rows], series, lying=True)
    return charts


def _todo(found: Situation, terms: Terms, names: Names, office: str | None) -> list[dict[str, Any]]:
    told = []
    for _, title, people in reports.todo_lists(found, names, office):
        lists = [(who, [_shown(row) for row in reports.case_rows(found, ids, terms, names)]) for who, ids in people]
        rows = [row for _, part in lists for row in part]
        late, near = (
            sum(row["timing"] in [TIMINGS[t].zh for t in wanted] for row in rows)
            for wanted in (["overdue"], ["urgent", "soon"])
        )
        told.append({
            "title": title.zh, "count": len(rows), "overdue": late, "soon": near,
            "people": [{"title": who or _NOBODY, "count": len(part), "rows": part} for who, part in lists],
        })  # fmt: skip
    return told
