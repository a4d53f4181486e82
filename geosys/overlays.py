"""Lay the polygon layers of a workspace over its land layer: areas of all pairs, of changed features only or on a cluster."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from geosys._errors import WorkspaceError
from geosys.layers.store import current_file

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    import pandas as pd

    from geosys.layers.intake import Layer
    from geosys.workspace import Workspace

KEY = "feature_id"
TRUE_AREA = "area_m2"
STATE = "overlay"  # below the store: what the next run needs to compute changed features only


def overlay_of(
    workspace: Workspace, layers: Mapping[str, Layer], cluster: str | None, progress: Callable[[str, int, int], None]
) -> pd.DataFrame | None:
    """Return the area common to every pair of the plan's land layer and the other polygon layers, or None without one.

    On one machine only pairs that touch a feature changed since the last run are computed; on a cluster all are. The
    table is the same to the bit, columns as of `geosys.geo.overlay.overlay_areas`, with `ellipsoidal_m2`.

    Raises
    ------
    WorkspaceError
        When a cluster is named but the plan names no land layer to share out.
    """
    if workspace.overlay is None or workspace.overlay not in layers:
        if cluster is not None:
            raise WorkspaceError(
                f"--cluster: got a plan whose 'overlay' names {workspace.overlay or 'no layer'}, expected a polygon layer that "
                'can be used. Write overlay = "land_patch" (its largest polygon layer) into geosys.toml.'
            )
        return None
    others = [n for n, layer in layers.items() if layer.spec.geometry == "polygon" and n != workspace.overlay]
    files = {name: _file(workspace.store, name) for name in others}
    settings: dict[str, Any] = {
        "coverage_id": KEY, "risk_id": KEY, "true_area": TRUE_AREA,
        "progress": lambda done, total: progress("overlay", done, total),
    }  # fmt: skip
    coverage = _file(workspace.store, workspace.overlay)
    if cluster is not None:
        from geosys.geo.cluster import overlay_on_cluster  # noqa: PLC0415  only where a cluster is named

        return overlay_on_cluster(coverage, files, address=cluster, **settings)
    from geosys.geo.changes import overlay_changes  # noqa: PLC0415  compiled code is loaded only where it is used

    return overlay_changes(coverage, files, state=workspace.store / STATE, **settings)


def _file(store: Path, layer: str) -> Path:
    path = current_file(store, layer)
    assert path is not None, layer  # noqa: S101  the run has just written it
    return path
