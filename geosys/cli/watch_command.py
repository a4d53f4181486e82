"""The command that watches land use between two versions of the layers of use."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from geosys._errors import WorkspaceError
from geosys.cli.options import JsonOption, TodayOption, WorkspaceOption, day_named
from geosys.cli.terminal import print_content, show_progress
from geosys.layers.spec import read_catalogue
from geosys.layers.store import write_json, write_table
from geosys.workspace import find_workspace, read_workspace

if TYPE_CHECKING:
    from geosys.land_watch.watch import WatchResult

HELP = (
    "用地监管 Watch land use between two versions: homes and public services without a survey, forbidden uses, farmland.\n\n"
    "Example: geosys watch --before 2026-03-31 --after 2026-09-30 --out watch.csv"
)
FORMATS = (".csv", ".parquet")
PROBLEMS = 1
MOST_SHOWN = 30  # rows on the screen; all of them stand in the file


def watch(
    before: Annotated[str, typer.Option(help="前一版本 The version, or the day as 2026-03-31, to compare from.")],
    after: Annotated[
        str | None, typer.Option(help="后一版本 The version or day to compare to (default: the current versions).")
    ] = None,
    today: TodayOption = None,
    out: Annotated[Path, typer.Option(help="输出 Where the rows go: .csv or .parquet.")] = Path("watch.csv"),
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write what the watch finds, the candidates for exchange beside it, and the provenance; exit 1 where checks lack data."""
    from geosys.land_watch.watch import watch as watch_land  # noqa: PLC0415  heavy packages are loaded only where they are used

    if out.suffix.lower() not in FORMATS:
        raise WorkspaceError(f"--out: got '{out.name}', expected a name ending in {' or '.join(FORMATS)}.")
    catalogue = read_catalogue()
    plan = read_workspace(find_workspace(workspace or Path.cwd()), catalogue)
    day = plan.as_of if plan.as_of is not None and today is None else day_named(today)
    with show_progress() as progress:
        found = watch_land(plan.store, plan.crs, catalogue, before, after, day, progress)
    beside = out.with_name(f"{out.stem}.candidates{out.suffix}")
    told = {
        **found.told,
        "counts": found.counts.to_dict("records"),
        "rows": len(found.rows),
        "candidates": len(found.candidates),
    }
    write_table(out, found.rows)
    write_table(beside, found.candidates)
    write_json(out.with_name(f"{out.name}.json"), told)
    content = {"out": str(out.resolve()), "candidates_out": str(beside.resolve()), **told}
    print_content(content, as_json=as_json, text=_text(found, told, out))
    if found.not_assessed or (found.rows["outcome"] == "not_assessed").any():
        raise SystemExit(PROBLEMS)


def _text(found: WatchResult, told: dict[str, Any], out: Path) -> str:
    """Return what people read."""
    sides = (("before", "前"), ("after", "后"))
    lines = []
    for layer, pair in told["compared"].items():
        shown = [
            f"{zh} {side}: {pair[side]['version']} ({pair[side]['written_on']})" if pair[side] else f"{zh} {side}: —"
            for side, zh in sides
        ]
        lines.append(f"{layer} {'  '.join(shown)}")
    for row in told["counts"]:
        figures = ", ".join(
            f"{name} {row[name]}" for name in ("hit", "needs_review", "not_assessed", "near", "clear") if row[name]
        )
        lines.append(f"{row['check']} {row['use']} {row['subject_layer']}: {figures or '0'}")
    lines += [f"未评估 not assessed: {check} — {why.zh} {why.en}" for check, _, why in found.not_assessed]
    shown_rows = found.rows[found.rows["outcome"] == "hit"].head(MOST_SHOWN)
    lines += [f"· {row.finding_zh}（{row.basis_zh}）" for row in shown_rows.itertuples()]
    return "\n".join([*lines, f"rows: {told['rows']}, candidates: {told['candidates']}", f"out: {out.resolve()}"])
