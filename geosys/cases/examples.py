"""Run the hit and the miss that every rule carries: the content's own test.

An example of a rule along rivers draws them as `along`, a list of lines that flow as drawn; who stands on them is found by place.
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from geosys._schema import UsableLayer
from geosys.cases.assess import HIT, assess
from geosys.cases.conditions import TODAY, Condition
from geosys.geo.river_network import build, snap
from geosys.geo.waterway import Waterway, area_stops, point_stops

if TYPE_CHECKING:
    from collections.abc import Mapping

    from geosys._schema import LayerSchema
    from geosys.cases.rules import Rule

CRS = "EPSG:4547"
ORIGIN = (
    500_000.0,
    3_850_000.0,
)  # on the zone's central meridian, where a metre of the plane is a metre of ground
ON_RIVER_M = 500.0  # features of examples stand on the rivers within


def outcome_of_example(rule: Rule, kind: str, schemas: Mapping[str, LayerSchema]) -> str:
    """Return the outcome that a rule gives its own example `kind` (``hit`` or ``miss``).

    Fields that `where` and (for a hit) `condition` need and the example does not name are filled in so that they hold.
    """
    example = rule.example[kind]
    today = rule.example.get("today", dt.date(2026, 9, 30))
    asked = [*rule.where, *(rule.condition if kind == "hit" else ())]
    layers = {}
    for side, layer in (("subject", rule.subject), ("object", rule.object)):
        if layer is not None and side in example:
            conditions = [c for c in asked if c.side == side]
            rows = example[side] if isinstance(example[side], list) else [example[side]]
            filled = [_row(row, conditions, schemas[layer], today) for row in rows]
            layers[layer] = _view(filled, schemas[layer])
        elif layer is not None:
            layers[layer] = _view([], schemas[layer])
    for name in (*rule.requires, *((rule.along,) if rule.along else ())):
        layers.setdefault(name, _view([], schemas[name]))
    return str(assess(rule, layers, CRS, today, _waterways(rule, example, layers)).outcomes["outcome"].iloc[0])


def _waterways(rule: Rule, example: Mapping[str, Any], layers: Mapping[str, UsableLayer]) -> dict[str, Waterway]:
    """Return the rivers that an example draws, with its subjects and objects on them; none for a rule that needs none."""
    if rule.along is None:
        return {}
    lines = np.array([_moved(text) for text in example.get("along", [])], dtype=object)
    table = pd.DataFrame({"direction": ["forward"] * len(lines)})
    network, _, _ = build(lines, table, None, 1.0, CRS)
    stops = {}
    for name in {rule.subject, str(rule.object)}:
        shapes = np.asarray(layers[name].frame.geometry.to_numpy(), dtype=object)
        is_point = layers[name].schema.geometry == "point"
        stops[name] = (
            point_stops(snap(shapes, network, ON_RIVER_M)) if is_point else area_stops(shapes, network, ON_RIVER_M)
        )
    return {rule.along: Waterway(rule.along, network, stops, CRS)}


def failing_examples(rules: Mapping[str, Rule], schemas: Mapping[str, LayerSchema]) -> list[str]:
    """Return one line for each example that does not do what it says: a hit that misses or a miss that hits."""
    wrong = []
    for rule in rules.values():
        for kind in ("hit", "miss"):
            outcome = outcome_of_example(rule, kind, schemas)
            if (outcome == HIT) != (kind == "hit"):
                wrong.append(
                    f"rule {rule.id}: got {outcome} for its example '{kind}', expected {'hit' if kind == 'hit' else 'anything but hit'}."
                )
    return wrong


def _row(given: Any, conditions: list[Condition], schema: LayerSchema, today: dt.date) -> dict[str, Any]:
    row = dict(given) if isinstance(given, dict) else {"geometry": given}
    for condition in conditions:
        if condition.column not in row:
            row[condition.column] = _holding(condition, schema, today)
    text = row.pop("geometry", None)
    return row | {"geometry": _moved(text or "POINT (0 0)")}


def _moved(text: str) -> shapely.Geometry:
    """Return a geometry of an example where its metres are metres of the plane."""
    return shapely.transform(shapely.from_wkt(text), lambda xy: xy + np.array(ORIGIN))


def _holding(condition: Condition, schema: LayerSchema, today: dt.date) -> Any:
    """Return a value for which the condition holds."""
    day = today if condition.value == TODAY else condition.value
    if condition.test == "in":
        first = condition.value[0]
        codes = schema.codes.get(condition.column, {})
        return (
            next((c for c in codes if c.startswith(first[:-1])), first)
            if isinstance(first, str) and first.endswith("*")
            else first
        )
    if condition.test in ("min", "max"):
        return condition.value
    if condition.test in ("before", "after"):
        return day + dt.timedelta(days=1 if condition.test == "after" else -1)
    if condition.test == "missing":
        return None if condition.value else _anything(schema.columns[condition.column])
    if condition.test == "present":
        return _anything(schema.columns[condition.column]) if condition.value else None
    allowed = [c for c in schema.codes.get(condition.column, {}) if c not in condition.value]
    kind = schema.columns[condition.column]
    return (not condition.value[0]) if kind == "truth" else allowed[0] if allowed else _anything(kind)


def _anything(kind: str) -> Any:
    return {"text": "样例", "integer": 1, "number": 1.0, "date": dt.date(2020, 1, 1), "truth": True}[kind]


def _view(rows: list[dict[str, Any]], schema: LayerSchema) -> UsableLayer:
    """Return a layer of example rows with every column of the schema."""
    dtypes = {"integer": "Int64", "number": "float64", "truth": "boolean"}
    columns = {
        name: pd.Series([row.get(name) for row in rows], dtype="object").astype(dtypes.get(kind, "object"))
        for name, kind in schema.columns.items()
    }
    frame = pd.DataFrame(columns | {"feature_id": [f"example-{i}" for i in range(len(rows))]})
    whole = gpd.GeoDataFrame(frame, geometry=[row["geometry"] for row in rows], crs=CRS)
    return UsableLayer(schema, whole, whole.iloc[:0].assign(issue_type=""), "example")
