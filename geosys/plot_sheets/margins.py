"""How far a plot is from a rule that does not concern it: the nearest object, what is common, or the days left."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely

from geosys._text import Text
from geosys.cases.conditions import FALSE, TODAY, evaluate
from geosys.cases.rule_relations import ATTRIBUTE
from geosys.geo.area import ellipsoidal_area_m2
from geosys.geo.distances import Targets, nearest
from geosys.geo.pair_table import ground_length_m
from geosys.plot_sheets.parts import is_missing, number

if TYPE_CHECKING:
    from collections.abc import Hashable

    import geopandas as gpd

    from geosys.cases.rules import Rule
    from geosys.plot_sheets.archive import Archive
    from geosys.plot_sheets.parts import Plot

_BY_DISTANCE = ("dwithin", "nearest")
_BY_MEETING = ("covered_by", "intersects")
NOT_SAID = Text("—", "—")


@dataclass(frozen=True, slots=True)
class _Objects:
    """Hold the objects a rule asks about: their rows and shapes, ready to be searched."""

    frame: gpd.GeoDataFrame
    targets: Targets


@dataclass(frozen=True, slots=True)
class Margins:
    """Hold what margins of many plots share; objects of a layer under the same conditions are gathered once."""

    archive: Archive
    _known: dict[Hashable, _Objects] = field(default_factory=dict, repr=False)

    def of(self, rule: Rule, plot: Plot) -> Text:
        """Return how far a clear plot is from flipping, as people read it."""
        if rule.relation == ATTRIBUTE:
            return self._days(rule, plot)
        if plot.shape is None or rule.object not in self.archive.layers:
            return NOT_SAID
        if rule.relation in (*_BY_DISTANCE, *_BY_MEETING):
            return self._distance(rule, plot)
        if rule.relation == "not_covered_by":
            least = number(rule.threshold)
            return Text(f"界外部分不足 {least} 平方米", f"less than {least} m² lie outside")
        return NOT_SAID

    def _days(self, rule: Rule, plot: Plot) -> Text:
        """Return the days left to the one date that decides."""
        dated = [c.column for c in rule.condition if c.test == "before" and c.side == "subject" and c.value == TODAY]
        day = plot.row.get(dated[0]) if len(dated) == 1 else rule.due_on
        if is_missing(day) or day is None:
            return NOT_SAID
        left = (day - self.archive.today).days
        if left < 0:
            return NOT_SAID
        return Text(f"距 {day.isoformat()} 还有 {left} 天", f"{left} days to {day.isoformat()}")

    def _objects(self, rule: Rule) -> _Objects:
        asked = tuple(c for c in (*rule.where, *rule.condition) if c.side == "object")
        key = (rule.object, asked)
        if key not in self._known:
            frame = self.archive.layers[str(rule.object)].frame
            kept = frame[evaluate(asked, frame, "object", self.archive.today) != FALSE]
            kept = kept[~shapely.is_missing(kept.geometry.to_numpy()) & ~shapely.is_empty(kept.geometry.to_numpy())]
            self._known[key] = _Objects(kept, Targets.of(kept.geometry.to_numpy()))
        return self._known[key]

    def _distance(self, rule: Rule, plot: Plot) -> Text:
        objects = self._objects(rule)
        title = self.archive.layer_spec(str(rule.object)).title
        if not len(objects.frame):
            return Text(f"全域没有符合条件的{title.zh}", f"no {title.en} of this kind at all")
        _, right, _ = nearest(np.array([plot.shape], dtype=object), objects.targets, all_ties=False)
        other = objects.frame.iloc[int(right[0])]
        name = self._name(str(rule.object), other)
        crs = self.archive.workspace.crs
        apart = float(ground_length_m(shapely.shortest_line([plot.shape], [other.geometry]), crs)[0])
        if rule.relation in _BY_DISTANCE and rule.threshold > 0:
            more = apart - rule.threshold
            return Text(
                f"最近 {number(apart, 1)} 米（{name}），比界限 {number(rule.threshold)} 米远 {number(more, 1)} 米",
                f"nearest at {number(apart, 1)} m ({name}), {number(more, 1)} m beyond the limit of {number(rule.threshold)} m",
            )
        if apart > 0:
            return Text(f"最近 {number(apart, 1)} 米（{name}）", f"nearest at {number(apart, 1)} m ({name})")
        return self._common(rule, plot, objects, name)

    def _common(self, rule: Rule, plot: Plot, objects: _Objects, name: str) -> Text:
        """Return what a plot has in common with the objects it meets, where that is less than the rule asks for."""
        frame = objects.frame
        touched = frame.geometry.to_numpy()[frame.sindex.query(plot.shape, predicate="intersects")]
        common = shapely.intersection(touched, plot.shape)
        is_area = shapely.get_dimensions(common) == 2  # noqa: PLR2004  polygons
        if not is_area.any():
            return Text(f"相接而无共有面积（{name}）", f"touches without a common area ({name})")
        areas = ellipsoidal_area_m2(
            shapely.multipolygons([_polygons(c) for c in common[is_area]]), self.archive.workspace.crs
        )
        most, least = number(float(np.max(areas))), number(rule.threshold)
        if rule.unit != "m2" or rule.threshold <= 0:
            return Text(f"部分重叠，最多 {most} 平方米（{name}）", f"overlaps in part, at most {most} m² ({name})")
        return Text(
            f"最多共有 {most} 平方米，未达 {least} 平方米",
            f"at most {most} m² in common, less than the {least} m² asked for",
        )

    def _name(self, layer: str, row: Any) -> str:
        spec = self.archive.layer_spec(layer)
        name = row[spec.name] if spec.name else None
        return str(row["feature_id"]) if is_missing(name) else str(name)


def _polygons(shape: Any) -> list[Any]:
    """Return the polygons of a common part."""
    return [part for part in shapely.get_parts(shapely.get_parts([shape])) if part.geom_type == "Polygon"]
