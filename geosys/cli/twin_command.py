"""The command of the public twin: the map for publication, and the list of what it withholds."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from geosys._errors import WorkspaceError
from geosys._faults import Faults, nearest
from geosys.cli.options import JsonOption, TodayOption, WorkspaceOption, day_named
from geosys.cli.terminal import print_content
from geosys.content import read_toml
from geosys.layers.spec import read_catalogue
from geosys.workspace import PLAN, find_workspace, read_workspace

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from geosys._text import Text
    from geosys.twins.disclosure import Verdict

HELP = "公开版 The map for publication, with a list of what is withheld.\n\nExample: geosys twin --preview"
PROBLEMS = 1
_NOT_NAMED = "不在清单 not on the list"


def twin(
    audience: Annotated[str, typer.Option(help="受众 public or shared.")] = "public",
    out: Annotated[
        Path | None, typer.Option(help="输出文件夹 Folder (default: twin/AUDIENCE of the workspace).")
    ] = None,
    preview: Annotated[bool, typer.Option("--preview", help="预览 Say what would go out; write nothing.")] = False,
    workspace: WorkspaceOption = None,
    today: TodayOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write the public twin of a workspace, or say what would go out and what has to be decided first."""
    from geosys.maps.spec import load_map  # noqa: PLC0415  heavy packages are loaded only where they are used
    from geosys.permissions import AUDIENCES, read_permissions  # noqa: PLC0415
    from geosys.twins.folder import write_twin  # noqa: PLC0415
    from geosys.twins.spec import load_twin  # noqa: PLC0415
    from geosys.twins.twin import Order, make_twin, survey  # noqa: PLC0415

    if audience not in AUDIENCES:
        hint = nearest(audience, AUDIENCES)
        raise WorkspaceError(f"--audience: got '{audience}', expected {' or '.join(AUDIENCES)}. {hint}".rstrip())
    catalogue = read_catalogue()
    root = find_workspace(workspace or Path.cwd())
    plan, table = read_workspace(root, catalogue), read_toml(root / PLAN)
    chart = load_map(catalogue.root / "maps")
    spec = load_twin(catalogue.root / "maps", catalogue, chart)
    permissions = read_permissions(table, catalogue)
    order = Order(
        audience, plan.as_of if plan.as_of and today is None else day_named(today), permissions, _approval(table)
    )
    if preview:
        verdicts = survey(plan, catalogue, spec, order)
        rows = [_told(verdict) for verdict in verdicts]
        print_content({"audience": audience, "layers": rows}, as_json=as_json, text=_lines(verdicts))
        if any(verdict.reasons for verdict in verdicts) or not any(verdict.is_going for verdict in verdicts):
            raise SystemExit(PROBLEMS)
        return
    made = make_twin(plan, catalogue, chart, spec, order)
    files = write_twin((out or root / "twin" / audience).resolve(), made)
    told: dict[str, Any] = {
        "out": str(files[0].parent), "audience": audience, "approval": made.spec.approval.zh, "files": [str(file) for file in files],
        "layers": [{"layer": layer.id, "rows": len(layer.frame), "columns": list(layer.columns)} for layer in made.layers],
        "withheld": len(made.withheld),
    }  # fmt: skip
    lines = [f"{row['layer']}: {row['rows']} 行 rows" for row in told["layers"]]
    lines += [f"未公布 withheld: {told['withheld']}", f"{told['approval']}", f"twin: {told['out']}"]
    print_content(told, as_json=as_json, text="\n".join(lines))


def _approval(table: Mapping[str, Any]) -> Text | None:
    """Return the map approval number of the plan's table ``[publication]``, or None where it has none."""
    faults, where = Faults(), f"{PLAN} [publication]"
    given = table.get("publication", {})
    if faults.expect(where, given, "a table"):
        faults.keys(where, given, (), ("approval",) if given else ())
    text = faults.text(f"{where} approval", given.get("approval")) if not faults.rows and given else None
    faults.raise_if_any()
    return text


def _told(verdict: Verdict) -> dict[str, Any]:
    return {
        "layer": verdict.layer, "title": verdict.title.zh, "disclosure": verdict.disclosure, "is_named": verdict.is_named,
        "is_going": verdict.is_going, "reasons": list(verdict.reasons),
    }  # fmt: skip


def _lines(verdicts: Sequence[Verdict]) -> str:
    """Return one line a layer, and below it what has to be decided or entered."""
    lines = []
    for verdict in verdicts:
        state = "公开 goes out" if verdict.is_going else "拒绝 refused" if verdict.is_named else _NOT_NAMED
        lines.append(f"{verdict.layer} {verdict.title.zh} [{verdict.disclosure}]: {state}")
        lines += [f"  {line}" for reason in verdict.reasons for line in reason.splitlines()]
    return "\n".join(lines)
