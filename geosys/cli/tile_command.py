"""The command that writes the map of large layers: vector tiles inside one HTML file, or in a folder beside it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

import geosys
from geosys._errors import WorkspaceError
from geosys._faults import nearest
from geosys.cli.options import JsonOption, TodayOption, WorkspaceOption, day_named
from geosys.cli.terminal import print_content, show_progress
from geosys.layers.spec import read_catalogue
from geosys.layers.store import current_file, read_current
from geosys.layers.vector_files import write_tiles
from geosys.maps.frames import Meta
from geosys.maps.spec import load_map
from geosys.maps.tile_page import write_tile_page
from geosys.views import map_layer_of, schemas_of
from geosys.workspace import find_workspace, read_workspace

if TYPE_CHECKING:
    from geosys.layers.spec import Catalogue
    from geosys.maps.frames import MapLayer
    from geosys.maps.spec import MapSpec
    from geosys.workspace import Workspace

HELP = (
    "大图层地图 One map file for layers of any size, as vector tiles.\n\n"
    "Example: geosys map land_patch --tiles --out map.html"
)


def map_of_layers(
    layers: Annotated[list[str], typer.Argument(help="图层 The layers to show; the base map is added.")],
    tiles: Annotated[bool, typer.Option("--tiles", help="矢量瓦片 As vector tiles: the only kind made here.")] = False,
    out: Annotated[Path, typer.Option(help="输出 Where the page goes: .html.")] = Path("map.html"),
    beside: Annotated[
        bool, typer.Option("--beside", help="瓦片另存 Tiles in a folder beside the page, loaded when needed.")
    ] = False,
    workspace: WorkspaceOption = None,
    today: TodayOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write the map of some layers of a workspace over the base map of its own layers."""
    if not tiles:
        raise WorkspaceError("map: got no --tiles, expected it. The map of findings is written by 'geosys run'.")
    if out.suffix.lower() != ".html":
        raise WorkspaceError(f"--out: got '{out.name}', expected a name ending in .html.")
    for above in out.resolve().parents:
        if above.is_file():
            raise WorkspaceError(
                f"--out: got '{out}', expected a place in a folder; {above.name} is a file. Name another."
            )
    catalogue = read_catalogue()
    plan = read_workspace(find_workspace(workspace or Path.cwd()), catalogue)
    schemas = schemas_of(catalogue)
    spec = load_map(catalogue.root / "maps", {name: set(schema.titles) for name, schema in schemas.items()})
    _check_named(plan, layers)
    taken = _layers_of(plan, catalogue, [*dict.fromkeys([*layers, *base_map(spec)])])
    meta = Meta(
        plan.title,
        plan.as_of if plan.as_of and today is None else day_named(today),
        f"GeoSys {geosys.__version__}",
        plan.mark,
    )
    with show_progress() as progress:
        made = write_tile_page(out, spec, taken, meta, write_tiles, shown=layers, beside=beside, progress=progress)
    empty = [layer.id for layer in taken if layer.id in layers and not len(layer.frame)]
    told: dict[str, Any] = {"map": str(made.path.resolve()), "beside": str(made.folder.resolve()) if made.folder else "", "bytes": made.size,
            "features": made.features, "layers": [layer.id for layer in taken], "empty": empty}  # fmt: skip
    lines = [
        *(f"! {name}: 没有记录 there are no rows" for name in empty),
        f"map: {told['map']}",
        *([f"beside: {told['beside']}"] if made.folder else []),
    ]
    lines.append(f"{made.features:,} features, {made.size / 1e6:.1f} MB")
    print_content(told, as_json=as_json, text="\n".join(lines))


def base_map(spec: MapSpec) -> list[str]:
    """Return the layers that stand under the others: those of the frame's group, and those that the map labels."""
    frame = spec.view(spec.frame_on)
    group = frame.group if frame else None
    return [view.layer for view in spec.views if view.group == group or view.label_zoom is not None]


def _check_named(plan: Workspace, layers: list[str]) -> None:
    """Raise when a layer that was asked for has no current version."""
    for name in layers:
        if current_file(plan.store, name) is None:
            there = [folder.name for folder in sorted(plan.store.glob("*")) if current_file(plan.store, folder.name)]
            hint = nearest(name, there) or f"There are: {', '.join(there) or 'none'}. Run 'geosys run' first."
            raise WorkspaceError(f"map: got '{name}', expected a layer with a current version. {hint}")


def _layers_of(plan: Workspace, catalogue: Catalogue, names: list[str]) -> list[MapLayer]:
    """Return the current versions of layers in degrees; a base layer that was never delivered is left out."""
    read = [read_current(plan.store, catalogue.layers[name]) for name in names]
    return [map_layer_of(layer, catalogue) for layer in read if layer is not None]
