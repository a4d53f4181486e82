"""The commands for what people changed through the services: look at it, hand it to the next run, give it up."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import geopandas as gpd
import pandas as pd
import typer

from geosys._errors import WorkspaceError
from geosys.cli.options import JsonOption, WorkspaceOption, workspace_at
from geosys.cli.terminal import print_content, print_rows
from geosys.inbox import add_deliveries
from geosys.journal import held
from geosys.layers.spec import read_catalogue
from geosys.layers.vector_files import write_layer
from geosys.web.service import FOLDER
from geosys.web.sources.edits import EDITS, EditLog
from geosys.web.sources.port import STORED_CRS

if TYPE_CHECKING:
    from geosys.layers.spec import LayerSpec
    from geosys.web.sources.port import Feature
    from geosys.workspace import Workspace

app = typer.Typer(help="服务中的编辑 What people changed through the services.", no_args_is_help=True)
LayerArgument = Annotated[str, typer.Argument(help="图层 The layer.")]


@app.command(name="list", help="列出未移交的编辑 List the changes that no run has seen.\n\nExample: geosys edits list")
def list_edits(workspace: WorkspaceOption = None, as_json: JsonOption = False) -> None:
    """List what was changed, by whom and when."""
    log = _log(workspace_at(workspace))
    rows: list[dict[str, object]] = []
    if log is not None:
        rows = [
            {
                "layer": c.collection,
                "feature": c.feature,
                "operation": c.operation,
                "who": c.who,
                "when": c.when,
                "edition": c.edition,
            }
            for layer in sorted(log.pending())
            for c in log.changes(layer)
        ]
        log.close()
    print_rows("编辑 Edits", rows, as_json=as_json)


@app.command(
    name="deliver",
    help="把编辑后的图层作为一次报送 Enter an edited layer in the plan as a delivery.\n\nExample: geosys edits deliver outfall --reviewer 李审核",
)
def deliver(
    layer: LayerArgument,
    reviewer: Annotated[str, typer.Option(help="审核人 Who has looked at the changes.")],
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write an edited layer as a GeoPackage into the inbox, in the place of its earlier deliveries; the next run takes it in."""
    plan = workspace_at(workspace)
    log = _log(plan)
    taken = None if log is None or not log.pending().get(layer) else log.features(layer)
    if log is None or taken is None:
        raise WorkspaceError(
            f"edits deliver: got '{layer}' without changes, expected an edited layer. See 'geosys edits list'."
        )
    if not reviewer.strip():
        raise WorkspaceError("--reviewer: got nothing, expected the name of who has looked at the changes.")
    _, features, number = taken
    changes = log.changes(layer)
    catalogue = read_catalogue()
    spec = catalogue.layers[layer]
    earlier = [d.name for d in plan.deliveries if d.layer == layer]
    with held(plan.root), tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"{layer}_edits_{number}.gpkg"
        write_layer(path, layer, edited_frame(features, spec), "GPKG", {}, {})
        people = "、".join(sorted({change.who for change in changes}))
        settings = {"sender": f"在线编辑（{people}；审核 {reviewer.strip()}）"}
        replaced: list[str | None] = [*earlier] or [None]
        for name in replaced:
            add_deliveries(plan.root, [path], layer, catalogue, settings, replaces=name)
    log.note_delivered(layer, number)
    log.close()
    told = {"layer": layer, "file": path.name, "features": len(features), "changes": len(changes), "replaced": earlier}
    lines = [f"{layer}: {len(changes)} 处编辑，{len(features)} 个要素 → inbox/{path.name}", "下一步 next: geosys run"]
    print_content(told, as_json=as_json, text="\n".join(lines))


@app.command(
    name="discard",
    help="放弃未移交的编辑 Give up the changes of a layer.\n\nExample: geosys edits discard outfall --yes",
)
def discard(
    layer: LayerArgument,
    yes: Annotated[
        bool, typer.Option("--yes", help="确认 Yes, give them up; the journal keeps what they were.")
    ] = False,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Give up the changes of a layer that were not delivered."""
    log = _log(workspace_at(workspace))
    count = 0 if log is None else log.pending().get(layer, 0)
    if log is None or not count:
        raise WorkspaceError(
            f"edits discard: got '{layer}' without changes, expected an edited layer. See 'geosys edits list'."
        )
    if not yes:
        raise WorkspaceError(f"edits discard: got no --yes, expected it: {count} changes of {layer} would be given up.")
    lost = log.discard(layer)
    log.close()
    print_content(
        {"layer": layer, "discarded": lost},
        as_json=as_json,
        text=f"{layer}: 已放弃 {lost} 处编辑 {lost} changes given up",
    )


def _log(plan: Workspace) -> EditLog | None:
    path = plan.root / FOLDER / EDITS
    return EditLog(path) if path.exists() else None


def edited_frame(features: list[Feature], spec: LayerSpec) -> gpd.GeoDataFrame:
    """Return an edited collection as its next delivery: the layer's own fields, and the geometry in EPSG:4490."""
    rows = pd.DataFrame(
        [{name: dict(f.values).get(name) for name in spec.fields} for f in features], columns=list(spec.fields)
    )
    kinds = {"number": "Float64", "integer": "Int64", "truth": "boolean", "text": "string"}
    for name, field in spec.fields.items():
        if field.type == "date":
            rows[name] = pd.to_datetime(rows[name]).dt.date if rows[name].notna().any() else rows[name].astype("string")
        else:
            rows[name] = rows[name].astype(kinds[field.type])
    return gpd.GeoDataFrame(rows, geometry=[f.geometry for f in features], crs=STORED_CRS)
