"""The command that works out rates and shows how the plans' targets stand by them."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

import geosys
from geosys._errors import WorkspaceError
from geosys.cli.options import JsonOption, TodayOption, WorkspaceOption, day_named
from geosys.cli.terminal import print_content, print_rows
from geosys.layers.spec import read_catalogue
from geosys.layers.store import write_json, write_table
from geosys.workspace import find_workspace, read_workspace

if TYPE_CHECKING:
    from collections.abc import Sequence

    from geosys.cases.rate_results import RateResult
    from geosys.cases.rate_tables import Standing

HELP = (
    "指标 Rates with their lists, and how the plans' targets stand.\n\n"
    "Example: geosys rates --by county --cut-off 2024-12-31 --out rates.csv"
)
FORMATS = (".csv", ".parquet")
LISTS, TARGETS = "members", "targets"  # the tables beside the one of rates


def rates(
    names: Annotated[
        list[str] | None, typer.Argument(help="公式 Formulas of cases/rates/, as outfall_traced (default: all).")
    ] = None,
    by: Annotated[list[str] | None, typer.Option(help="分组 Also for each: county, basin, river, type …")] = None,
    cut_off: Annotated[
        str | None,
        typer.Option("--cut-off", help="台账截止日 The day the ledger (denominator) is closed, as 2024-12-31."),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="输出 Where the rates go (.csv or .parquet); lists and targets stand beside it.")
    ] = None,
    today: TodayOption = None,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Work out rates over the layers of the last run, and hold them against the dated targets."""
    from geosys import rates as engine  # noqa: PLC0415  heavy packages are loaded only where they are used
    from geosys.cases.rate_tables import member_table, rate_table, target_table  # noqa: PLC0415
    from geosys.rate_layers import stored_layers  # noqa: PLC0415

    if out is not None and out.suffix.lower() not in FORMATS:
        raise WorkspaceError(f"--out: got '{out.name}', expected a name ending in {' or '.join(FORMATS)}.")
    catalogue = read_catalogue()
    plan = read_workspace(find_workspace(workspace or Path.cwd()), catalogue)
    day = plan.as_of or day_named(today)
    book = engine.read_rate_book(catalogue)
    _check_words(by or [], {word for rate in book.rates.values() for word in rate.by})
    chosen = engine.chosen_rates(book, names or [])
    stored = stored_layers(plan, catalogue, [name for rate in book.rates.values() for name in rate.needs], day)
    views = stored.views
    results = engine.rates_of(chosen, views, day, by or [], _cut_off(cut_off, day))
    entries = engine.workspace_entries(plan, book, day)
    asked = {rate.id for rate in chosen}
    standings = [
        one for one in engine.standings_of(book, views, entries, day) if not names or one.target.rate in asked
    ]  # fmt: skip
    told = {
        "program": f"geosys {geosys.__version__}",
        "on": day.isoformat(),
        "formulas": engine.provenance_of(results, stored.placed),
    }
    if out is not None:
        write_table(out, rate_table(results, book.basis))
        write_table(_beside(out, LISTS), member_table(results))
        write_table(_beside(out, TARGETS), target_table(standings))
        write_json(out.with_name(f"{out.name}.json"), told)
    if as_json:
        rows = _records(rate_table(results, book.basis))
        for row, result in zip(rows, results, strict=True):
            row["members"] = {part: list(result.ids(part)) for part in ("numerator", "rest", "unknown")}
        content = {**told, "rates": rows, "targets": _records(target_table(standings))}
        print_content(content, as_json=True)
        return
    _show(results, standings, day)
    if out is not None:
        typer.echo(f"out: {out.resolve()}")


def _check_words(words: Sequence[str], known: set[str]) -> None:
    for word in words:
        if word not in known:
            raise WorkspaceError(f"--by: got '{word}', expected a word of the formulas: {', '.join(sorted(known))}.")


def _cut_off(text: str | None, day: dt.date) -> dt.date | None:
    if text is None:
        return None
    try:
        found = dt.date.fromisoformat(text)
    except ValueError:
        raise WorkspaceError(f"--cut-off: got {text!r}, expected a date as 2024-12-31.") from None
    if found > day:
        raise WorkspaceError(f"--cut-off: got {text}, expected a day not after {day}, the day judged by.")
    return found


def _beside(out: Path, what: str) -> Path:
    return out.with_name(f"{out.stem}.{what}{out.suffix}")


def _records(table: Any) -> list[dict[str, Any]]:
    """Return a table's rows with None for what is empty, as JSON needs it."""
    return [{k: None if v is None or v != v else v for k, v in row.items()} for row in table.to_dict("records")]  # noqa: PLR0124


def _show(results: Sequence[RateResult], standings: Sequence[Standing], day: dt.date) -> None:
    """Print what people read: figures with their counts, days and certainty, then the targets that concern the workspace."""
    from geosys.cases.rate_tables import CERTAINTY, figures_of, number  # noqa: PLC0415
    from geosys.cases.targets import STANDINGS  # noqa: PLC0415

    rows = [
        {
            "公式 formula": r.rate.id, "指标 rate": r.rate.title.zh, "分组 group": "；".join(r.group.values()), "结果 result": figures_of(r),
            "截止日 cut-off": r.cut_off, "公式依据 certainty": CERTAINTY[r.rate.certainty].both(),
        }
        for r in results
    ]  # fmt: skip
    print_rows(f"指标 Rates（{day}）", rows, as_json=False)
    concerned = [one for one in standings if _concerns(one)]
    shown = [
        {
            "目标 target": f"{one.target.indicator}（{one.target.area.name}）", "方案要求 asked": f"{one.target.words} {one.target.deadline}",
            "现值 now": _now(one), "进度线 line": "" if one.expected is None else f"{number(one.expected):.1f}",
            "状态 status": STANDINGS[one.status].both(), "来源 from": _source(one), "依据 clause": one.target.clause.zh,
        }
        for one in concerned
    ]  # fmt: skip
    if shown:
        print_rows(f"目标 Targets（{day}）", shown, as_json=False)
    typer.echo(
        f"目标 targets: {len(standings)}，有数据 with data {len(concerned)}；其余无图层对象、无填报 the others have neither features nor an entry. "
        "进度判定规则为本系统理解 The schedule rule is our reading (docs/rates.md)."
    )


def _concerns(one: Standing) -> bool:
    return one.entry is not None or (one.result is not None and len(one.result.members) > 0)


def _now(one: Standing) -> str:
    """Return the figure with its unit, rounded so that what falls short of all is not shown as all."""
    from geosys.cases.rate_tables import percent, unit_of  # noqa: PLC0415

    if one.figure is None:
        return "—"
    unit = unit_of(one)
    ends = [one.figure.lower] if one.figure.lower == one.figure.upper else [one.figure.lower, one.figure.upper]
    if unit == "%":
        return "–".join("∞" if end is None else percent(float(end / 100)) for end in ends)
    return "–".join("∞" if end is None else f"{float(end):,.10g}" for end in ends) + f" {unit}"


def _source(one: Standing) -> str:
    from geosys.cases.rate_tables import CERTAINTY  # noqa: PLC0415

    if one.entry is not None:
        return f"填报 entered {one.entry.on}: {one.entry.evidence}"
    return "" if one.result is None else f"{one.result.rate.id}，{CERTAINTY[one.result.rate.certainty].both()}"
