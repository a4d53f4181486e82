"""The command that says what changed between two days."""

from __future__ import annotations

from pathlib import Path  # noqa: TC003  typer reads the annotations
from typing import TYPE_CHECKING, Annotated

import pandas as pd
import typer

from geosys._errors import WorkspaceError
from geosys.cli.options import JsonOption, WorkspaceOption, day_named, workspace_at
from geosys.cli.terminal import print_content

if TYPE_CHECKING:
    import datetime as dt

    from geosys._text import Text

HELP = (
    "两日之间的变化 What changed between two days, and why.\n\n"
    "Example: geosys cases diff --from 2026-09-01 --to 2026-09-30 --out changes.csv"
)
FORMATS = (".csv", ".gpkg")


def diff(
    since: Annotated[str, typer.Option("--from", help="起日（当日结束时） The day whose evening is compared.")],
    until: Annotated[str | None, typer.Option("--to", help="止日 The later day (default: today).")] = None,
    out: Annotated[Path | None, typer.Option(help="输出 Where the rows go: .csv, or .gpkg as a map layer.")] = None,
    language: Annotated[str, typer.Option(help="语言 zh or en.")] = "zh",
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Say what is other on one day than on an earlier one: cases, boundaries, classes, rules."""
    from geosys.cases.ledger.database import read_ledger  # noqa: PLC0415  heavy packages are loaded only where they are used
    from geosys.difference import difference_between, write_difference  # noqa: PLC0415

    if out is not None and out.suffix.lower() not in FORMATS:
        raise WorkspaceError(f"--out: got '{out.name}', expected a name ending in {' or '.join(FORMATS)}.")
    if language not in ("zh", "en"):
        raise WorkspaceError(f"--language: got '{language}', expected zh or en.")
    plan = workspace_at(workspace)
    start = _day(since, "--from")
    end = _day(until, "--to") if until else plan.as_of or day_named(None)
    with read_ledger(plan.ledger) as connection:
        found = difference_between(connection, start, end, titles=_titles())
    if out is not None:
        write_difference(out, found)
    content = {
        "from": start, "to": end, "counts": found.counts(), "out": str(out.resolve()) if out else None,
        "rows": [{k: None if pd.isna(v) else v for k, v in row.items()} for row in found.rows.drop(columns="geometry").to_dict("records")],
    }  # fmt: skip
    print_content(content, as_json=as_json, text=found.text(language) + (f"\nout: {out.resolve()}" if out else ""))


def _day(text: str, option: str) -> dt.date:
    try:
        return day_named(text)
    except WorkspaceError:
        raise WorkspaceError(f"{option}: got {text!r}, expected a date as 2026-09-30.") from None


def _titles() -> dict[str, Text]:
    """Return the titles of states, offices and layers' fields."""
    from geosys._text import Text  # noqa: PLC0415
    from geosys.cases.workflow import read_workflow  # noqa: PLC0415
    from geosys.layers.spec import read_catalogue  # noqa: PLC0415
    from geosys.views import offices_of, schemas_of  # noqa: PLC0415

    catalogue = read_catalogue()
    states = read_workflow(catalogue.root)["states"]
    titles = {
        f"{name}.{field}": text
        for name, schema in schemas_of(catalogue).items()
        for field, text in schema.titles.items()
    }
    titles |= {name: Text(state["title"]["zh"], state["title"]["en"]) for name, state in states.items()}
    return titles | dict(offices_of(catalogue))
