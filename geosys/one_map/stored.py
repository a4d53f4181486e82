"""The one map of a workspace: from the layer versions in its store, and what stands beside the numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from geosys._errors import WorkspaceError
from geosys._faults import nearest
from geosys.layers.store import read_current
from geosys.one_map.composition import one_map
from geosys.one_map.land import land_in_store, subjects_of
from geosys.one_map.results import STATE
from geosys.one_map.spec import read_one_map

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from geosys.layers.spec import Catalogue
    from geosys.one_map.composition import OneMap
    from geosys.one_map.land import Subjects
    from geosys.one_map.spec import OneMapSpec
    from geosys.workspace import Workspace


def stored_one_maps(
    workspace: Workspace,
    catalogue: Catalogue,
    layers: Sequence[str] = (),
    only: Sequence[str] | None = None,
    progress: Callable[[str, int, int], None] | None = None,
) -> dict[str, OneMap]:
    """Return the one map of some layers of a workspace (default: all that content names), by layer.

    Parameters
    ----------
    layers
        Ids of layers of polygons or points.
    only
        Feature ids; the map is made of the layer or layers that hold one of them. None: all features.
    progress
        Called with the layer's title, the features done and the features to do.

    Raises
    ------
    WorkspaceError
        When a layer is unknown or has no current version, or no layer holds a feature asked for.
    """
    spec = read_one_map(catalogue)
    subjects = _subjects(workspace, catalogue, spec, layers, only)
    if not subjects:
        return {}
    boxes = np.array([s.frame.total_bounds + np.array([-1, -1, 1, 1]) * s.accuracy_m for s in subjects])
    box = (*boxes[:, :2].min(axis=0).tolist(), *boxes[:, 2:].max(axis=0).tolist())
    land = land_in_store(workspace.store, spec, box, subjects[0].frame.crs)
    found = {}
    for one in subjects:
        title = one.title.both()
        show = None if progress is None else (lambda done, total, title=title: progress(title, done, total))
        found[one.layer] = one_map(one, land, spec, show)
    return found


def _subjects(
    workspace: Workspace, catalogue: Catalogue, spec: OneMapSpec, layers: Sequence[str], only: Sequence[str] | None
) -> list[Subjects]:
    """Return the features asked about, layer by layer; layers that content names may be absent, others not."""
    found, left = [], set(only or ())
    for name in dict.fromkeys(layers or spec.subjects):
        if name not in catalogue.layers:
            hint = nearest(name, catalogue.layers) or f"It is made for: {', '.join(spec.subjects)}."
            raise WorkspaceError(f"one map: got '{name}', expected a layer of layers/. {hint}")
        layer = read_current(workspace.store, catalogue.layers[name])
        if layer is None and name in layers:
            raise WorkspaceError(
                f"one map: got '{name}', expected a layer with a current version. Run 'geosys run' first."
            )
        if layer is None:
            continue
        here = None if only is None else [code for code in only if code in set(layer.frame["feature_id"].astype(str))]
        left -= set(here or ())
        subjects = subjects_of(layer, here)
        if len(subjects.frame):
            found.append(subjects)
    if left:
        raise WorkspaceError(
            f"one map: got feature {', '.join(sorted(left))}, expected a code of {', '.join(layers or spec.subjects)} that was "
            "not withheld. See the issues for rows that were."
        )
    return found


def provenance_of(found: OneMap, program: str) -> dict[str, Any]:
    """Return where the numbers of a one map come from, how the themes were assessed, and how the ledgers close."""
    features = found.features
    closing = features.dropna(subset=["area_m2"])
    states = [name for name in features if name.endswith(STATE)]
    told: dict[str, Any] = {
        "program": program, "layer": found.layer, "features": len(features), "content": found.spec_hash,
        "versions": dict(found.versions), "withheld": dict(found.withheld),
        "not_assessed": {theme: {"zh": why.zh, "en": why.en} for theme, why in found.absent.items()},
        "states": {n.removesuffix(STATE): {str(k): int(v) for k, v in features[n].value_counts().items()} for n in states},
    }  # fmt: skip
    if len(closing):
        told["formula"] = found.formula
        told["closing"] = {
            "area_m2": float(closing["area_m2"].sum()), "rows_m2": float(closing["rows_m2"].sum()),
            "largest_error_m2": float(closing["closing_error_m2"].abs().max()),
            "largest_edge_gap_m2": float(closing["edge_gap_m2"].abs().max()), "sliver_m2": float(closing["sliver_m2"].sum()),
            "not_closing": closing.loc[~closing["closes"].astype(bool), "feature_id"].tolist(),
            "not_adjusted": closing.loc[closing["adjustment"] == "too_far", "feature_id"].tolist(),
        }  # fmt: skip
    return told
