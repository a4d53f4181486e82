"""Make the public twin of a workspace: the map with what may go out, and the list of what may not."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely

import geosys
from geosys._errors import WorkspaceError
from geosys._text import Text
from geosys.layers.store import CURRENT, read_current
from geosys.layers.vector_files import read_vector
from geosys.maps.frames import Meta
from geosys.maps.sheet_spec import FINDINGS
from geosys.maps.spec import LayerView
from geosys.maps.twin_page import map_page
from geosys.permissions import AUDIENCES, reaches
from geosys.twins.counted import cells_in_areas, cells_of_grid, count_layer, with_count_looks
from geosys.twins.disclosure import judge, refuse
from geosys.twins.released import release_layer, shapes_of
from geosys.twins.spec import AREA
from geosys.twins.withheld import BY_DISCLOSURE, BY_LIST, NOT_TOLD, NOTHING, Entry

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Mapping, Sequence

    from geosys.layers.intake import Layer
    from geosys.layers.spec import Catalogue
    from geosys.maps.frames import MapLayer
    from geosys.maps.spec import MapSpec
    from geosys.permissions import Permission
    from geosys.twins.disclosure import Verdict
    from geosys.twins.spec import TwinSpec
    from geosys.workspace import Workspace

SHARED = Text("部门共享，不得公开", "Shared among departments, not public")


@dataclass(frozen=True, slots=True)
class Order:
    """Hold whom a twin is for, on which day, by which permissions, and the plan's own map approval number, if any."""

    audience: str
    today: dt.date
    permissions: tuple[Permission, ...]
    approval: Text | None = None


@dataclass(frozen=True, slots=True)
class Twin:
    """Hold a twin: the map as HTML text, the list of what is withheld, the layers shown, and what is printed on both."""

    page: str
    withheld: tuple[Entry, ...]
    layers: tuple[MapLayer, ...]
    meta: Meta
    spec: MapSpec


def survey(workspace: Workspace, catalogue: Catalogue, spec: TwinSpec, order: Order) -> list[Verdict]:
    """Return for every layer of a workspace whether it may go out, and what has to be decided where it may not."""
    there = {name for name in catalogue.layers if (workspace.store / name / CURRENT).exists()}
    return judge(spec, catalogue, there, order.permissions, order.audience, order.today)


def make_twin(workspace: Workspace, catalogue: Catalogue, chart: MapSpec, spec: TwinSpec, order: Order) -> Twin:
    """Return the twin of a workspace's current layers.

    Parameters
    ----------
    chart : the map whose twin it is, as `geosys.maps.spec.load_map` reads it.

    Raises
    ------
    DisclosureError
        When the list names a layer or column that is for a narrower audience or has no permission.
    WorkspaceError
        When a layer is damaged, or findings are to be counted and there is no run of the current layers.
    """
    verdicts = survey(workspace, catalogue, spec, order)
    refuse(verdicts, order.audience)
    going = {v.layer for v in verdicts if v.is_going}
    layers = {
        name: read for name in going - {FINDINGS} if (read := read_current(workspace.store, catalogue.layers[name]))
    }
    making = _Making(workspace, catalogue, spec, order, layers)
    shown, entries = making.layers_shown()
    if FINDINGS in going:
        counted, more = making.findings_shown()
        shown, entries = [*shown, counted], [*entries, *more]
    entries += [_withheld(v, order.audience) for v in verdicts if not v.is_going]
    if FINDINGS not in going:
        title = Text("风险线索与整改事项", "Findings and cases")
        entries.append(Entry(FINDINGS, title, "", NOTHING, "layer", NOTHING, NOT_TOLD.both(), BY_DISCLOSURE))
    own = _chart_of(chart, spec, order, shown)
    meta = Meta(workspace.title, order.today, f"GeoSys {geosys.__version__}", workspace.mark)
    return Twin(map_page(own, shown, meta), tuple(entries), tuple(shown), meta, own)


def _withheld(verdict: Verdict, audience: str) -> Entry:
    why = BY_LIST if reaches(verdict.disclosure, audience) else BY_DISCLOSURE
    return Entry(verdict.layer, verdict.title, "", NOTHING, "layer", NOTHING, NOT_TOLD.both(), why)


def _chart_of(chart: MapSpec, spec: TwinSpec, order: Order, shown: Sequence[MapLayer]) -> MapSpec:
    """Return the map's spec as the twin has it: counts lowest, then the layers in their order, with the columns that are told."""
    by_id = {layer.id: layer for layer in shown}
    counted = [name for name, layer in by_id.items() if _is_counted(name, spec)]
    first = next((r.layer for r in spec.releases if r.layer in counted and r.is_visible), FINDINGS)
    # counts lie over each other: one of them is enough to begin with
    visible = {r.layer: r.is_visible and (not r.is_counted or r.layer == first) for r in spec.releases}
    views = []
    for view in chart.views:
        if view.layer in by_id:
            columns = tuple(by_id[view.layer].columns)
            zoom = 0 if view.layer in counted else view.min_zoom
            label = None if view.layer in counted else view.label_zoom
            views.append(replace(view, columns=columns, visible=visible[view.layer], since="", min_zoom=zoom, label_zoom=label))  # fmt: skip
    if FINDINGS in by_id and spec.findings:
        views.append(
            LayerView(FINDINGS, spec.findings.group, visible=first == FINDINGS, columns=tuple(by_id[FINDINGS].columns))
        )
    areas = {r.of for r in spec.releases} | {spec.findings.of if spec.findings else ""} | {chart.frame_on}
    views.sort(key=lambda view: 0 if view.layer in areas else 1 if view.layer in counted else 2)
    used = {view.group for view in views}
    told = {name: layer.columns for name, layer in by_id.items() if name not in counted}
    return replace(
        chart, title=spec.title, notice=spec.notice if order.audience == AUDIENCES[-1] else SHARED,
        approval=order.approval or spec.approval, disclaimer=spec.disclaimer, audience=order.audience,
        frame_on=chart.frame_on if chart.frame_on in by_id else "", views=tuple(views), areas=(),
        groups={name: title for name, title in chart.groups.items() if name in used},
        palettes=with_count_looks(chart.palettes, counted, told, spec.looks, spec.min_count),
    )  # fmt: skip


def _is_counted(name: str, spec: TwinSpec) -> bool:
    return name == FINDINGS or any(r.layer == name and r.is_counted for r in spec.releases)


@dataclass(frozen=True, slots=True)
class _Making:
    """Hold what the layers of a twin are made from."""

    workspace: Workspace
    catalogue: Catalogue
    spec: TwinSpec
    order: Order
    layers: Mapping[str, Layer]

    def layers_shown(self) -> tuple[list[MapLayer], list[Entry]]:
        """Return every layer that goes out, and what was withheld of each."""
        shown, entries = [], []
        for release in self.spec.releases_for(self.order.audience):
            layer = self.layers.get(release.layer)
            if layer is None:
                continue
            if release.is_counted:
                shapes = layer.frame.geometry.to_numpy()
                if release.geometry == AREA:
                    made, more = self._count_in(
                        release.of, release.layer, layer.spec.title, layer.spec.disclosure, shapes
                    )
                else:
                    how = Text(f"按 {release.cell_m:g} m 网格计数", f"counted in cells of {release.cell_m:g} m")
                    cells, counts = cells_of_grid(shapes, self.workspace.crs, release.cell_m, how)
                    made, more = count_layer(
                        release.layer, layer.spec.title, layer.spec.disclosure, cells, counts, self.spec.min_count, self.spec.looks,
                        self.workspace.crs,
                    )  # fmt: skip
            else:
                made, more = release_layer(
                    layer, release, self.catalogue, self.workspace.crs, self.order.audience, self.spec.min_count
                )
            shown.append(made)
            entries += more
        return shown, entries

    def _count_in(
        self, of: str, name: str, title: Text, disclosure: str, shapes: np.ndarray[Any, np.dtype[np.object_]]
    ) -> tuple[MapLayer, list[Entry]]:
        """Return features counted in the polygons of a layer, as that layer goes out itself."""
        area = self.layers[of]
        release = next(r for r in self.spec.releases if r.layer == of)
        label = area.spec.name if area.spec.name in release.columns else None
        names = [
            str(value) if label and isinstance(value, str) else f"{area.spec.title.zh} {number}"
            for number, value in enumerate(area.frame[label] if label else area.frame["feature_id"], 1)
        ]
        how = Text(f"按{area.spec.title.zh}计数", f"counted by {area.spec.title.en.lower()}")
        drawn = shapes_of(area, release, self.workspace.crs)
        cells, counts = cells_in_areas(shapes, area.frame.geometry.to_numpy(), drawn, names, how)
        return count_layer(
            name, title, disclosure, cells, counts, self.spec.min_count, self.spec.looks, self.workspace.crs
        )

    def findings_shown(self) -> tuple[MapLayer, list[Entry]]:
        """Return the findings of the last run as counts."""
        counted = self.spec.findings
        assert counted is not None  # noqa: S101  only where the list says so
        shapes = finding_shapes(self.workspace, counted.outcomes)
        # the permission has been asked for: counts of them are as wide as it is
        return self._count_in(counted.of, FINDINGS, counted.title, self.order.audience, shapes)


def finding_shapes(workspace: Workspace, outcomes: Sequence[str]) -> np.ndarray[Any, np.dtype[np.object_]]:
    """Return the geometries of the last run's findings of some outcomes, in the plan's CRS.

    Raises
    ------
    WorkspaceError
        When there is no whole run, or layers have changed since.
    """
    do = "Run 'geosys run' first: the twin counts the findings of the layers as they are now."
    try:
        manifest = json.loads((workspace.out / "manifest.json").read_text(encoding="utf-8"))
        versions = {name: told["version"] for name, told in manifest["layers"].items()}
        if manifest["stopped"]:
            raise WorkspaceError(f"out: got a run that was stopped by data, expected a whole one. {do}")
        read = read_vector(workspace.out / "results.gpkg", "findings", "utf-8", [])
        words = np.asarray(read.columns["outcome"], dtype=object)
    except (OSError, ValueError, KeyError) as error:
        raise WorkspaceError(f"out: got no whole results ({error}), expected those of a run. {do}") from None
    for name, version in sorted(versions.items()):
        now = workspace.store / name / CURRENT
        if not now.exists() or json.loads(now.read_text(encoding="utf-8"))["version"] != version:
            raise WorkspaceError(f"out: got findings of an older version of '{name}', expected the current one. {do}")
    shapes = np.asarray(shapely.force_2d(np.asarray(read.geometry, dtype=object)), dtype=object)
    return shapes[np.isin(words, list(outcomes))]
