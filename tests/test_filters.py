"""Filters: what CQL2 finds is what pandas and shapely find, and nothing a client writes gets further than a bound value."""

from __future__ import annotations

import datetime as dt
import json
import sqlite3
import time
from typing import TYPE_CHECKING, Any

import cql2
import numpy as np
import pandas as pd
import pytest
import shapely
from features_town import COUNTIES, NAMES, OUTFALL, PLOT, Client, outfalls, plots, service_of
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from geosys.accounts.viewer import NOBODY
from geosys.web.features.filters import read_filter
from geosys.web.features.problems import ProblemError
from geosys.web.sources.blobs import SQLITE
from geosys.web.sources.conditions import Compare, reach
from geosys.web.sources.port import Query
from geosys.web.sources.sql import Compiler

if TYPE_CHECKING:
    import geopandas as gpd

    from geosys.web.service import Service

ROWS = 150
KINDS = {
    "outfall_name": "text",
    "river_name": "text",
    "flow_t_d": "number",
    "is_traced": "truth",
    "found_on": "date",
    "done_on": "date",
    "county_code": "text",
}


@pytest.fixture(scope="module")
def frame() -> gpd.GeoDataFrame:
    return outfalls(ROWS)


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory, frame: gpd.GeoDataFrame) -> Service:
    return service_of(tmp_path_factory.mktemp("services"), {OUTFALL: frame, PLOT: plots(120)})


# --- the expectation: Kleene's logic over Python values, written apart from any SQL ---

Verdict = bool | None


def both(a: Verdict, b: Verdict) -> Verdict:
    return False if a is False or b is False else None if a is None or b is None else True


def value_of(row: Any, tree: Any) -> Any:
    if isinstance(tree, dict) and "property" in tree:
        value = row[tree["property"]]
        return None if value is None or (isinstance(value, float) and np.isnan(value)) else value
    if isinstance(tree, dict) and "date" in tree:
        return dt.date.fromisoformat(tree["date"])
    if isinstance(tree, dict) and tree.get("op") == "casei":
        value = value_of(row, tree["args"][0])
        return None if value is None else value.casefold()
    return tree


def like(text: str, pattern: str) -> bool:
    """Match by trying, letter by letter: % any letters, _ one, a backslash takes the next as it is."""
    if not pattern:
        return not text
    head, rest = pattern[0], pattern[1:]
    if head == "%":
        return any(like(text[i:], rest) for i in range(len(text) + 1))
    if head == "\\" and rest:
        return text[:1] == rest[0] and like(text[1:], rest[1:])
    return bool(text) and head in {"_", text[0]} and like(text[1:], rest)


def holds(tree: Any, row: Any) -> Verdict:  # noqa: PLR0911
    op, args = tree["op"], tree["args"]
    if op == "not":
        inner = holds(args[0], row)
        return None if inner is None else not inner
    if op in {"and", "or"}:
        told = [holds(part, row) for part in args]
        result: Verdict = True
        for one in told:
            result = both(result, one if op == "and" else (None if one is None else not one))
        return result if op == "and" else (None if result is None else not result)
    left = value_of(row, args[0])
    if op == "isNull":
        return left is None
    if left is None:
        return None
    if op == "between":
        return value_of(row, args[1]) <= left <= value_of(row, args[2])
    if op == "in":
        return left in [value_of(row, a) for a in args[1]]
    right = value_of(row, args[1])
    if right is None:
        return None
    if op == "like":
        return like(left, right)
    return {
        "=": left == right,
        "<>": left != right,
        "<": left < right,
        ">": left > right,
        "<=": left <= right,
        ">=": left >= right,
    }[op]


def literals(kind: str) -> st.SearchStrategy[Any]:
    return {
        "text": st.sampled_from([*NAMES, *COUNTIES, "惠济河", "", "zzz", "城"]),
        "number": st.integers(0, 40).map(lambda k: k / 2),
        "truth": st.booleans(),
        "date": st.integers(0, 60).map(lambda k: {"date": str(dt.date(2025, 1, 1) + dt.timedelta(days=k))}),
    }[kind]


@st.composite
def predicates(draw: st.DrawFn) -> dict[str, Any]:  # noqa: PLR0911
    name = draw(st.sampled_from(sorted(KINDS)))
    kind = KINDS[name]
    column: Any = {"property": name}
    op = draw(st.sampled_from(["=", "<>", "<", ">", "<=", ">=", "isNull", "between", "in", "like", "casei", "columns"]))
    if op == "isNull":
        return {"op": op, "args": [column]}
    if op == "columns":
        return {
            "op": draw(st.sampled_from(["<", "=", ">="])),
            "args": [{"property": "found_on"}, {"property": "done_on"}],
        }
    if op == "between" and kind != "truth":
        return {"op": op, "args": [column, draw(literals(kind)), draw(literals(kind))]}
    if op == "in":
        return {"op": op, "args": [column, draw(st.lists(literals(kind), min_size=1, max_size=4))]}
    if op in {"like", "casei"} and kind == "text":
        pattern = draw(
            st.sampled_from(["%", "城%", "%a%", "_lpha", "50\\%%", "%_x", 'a"_', "%河", "back\\\\%", "ALPHA", "o'%"])
        )
        if op == "like":
            return {"op": "like", "args": [column, pattern]}
        return {
            "op": draw(st.sampled_from(["=", "like"])),
            "args": [{"op": "casei", "args": [column]}, {"op": "casei", "args": [pattern]}],
        }
    comparison = op if op in {"=", "<>", "<", ">", "<=", ">="} else "="
    if draw(st.booleans()):
        return {"op": comparison, "args": [column, draw(literals(kind))]}
    mirrored = {"<": ">", ">": "<", "<=": ">=", ">=": "<="}.get(comparison, comparison)
    return {"op": mirrored, "args": [draw(literals(kind)), column], "mirrored": True}


def plain(tree: Any) -> Any:
    return {k: v for k, v in tree.items() if k != "mirrored"}


trees = st.recursive(
    predicates().map(plain),
    lambda inner: st.one_of(
        inner.map(lambda part: {"op": "not", "args": [part]}),
        st.tuples(st.sampled_from(["and", "or"]), st.lists(inner, min_size=2, max_size=3)).map(
            lambda t: {"op": t[0], "args": t[1]}
        ),
    ),
    max_leaves=6,
)


def expected(tree: Any, frame: gpd.GeoDataFrame) -> list[str]:
    rows = frame.astype(object).where(frame.notna(), None).to_dict("records")
    return [row["feature_id"] for row in rows if _holds(tree, row) is True]


def _holds(tree: Any, row: Any) -> Verdict:
    if tree["op"] in {"and", "or", "not"}:
        return holds({"op": tree["op"], "args": tree["args"]}, row)
    return holds(tree, row)


def _swapped(tree: Any) -> Any:
    """Put the column first, as the expectation reads it."""
    if tree["op"] in {"and", "or", "not"}:
        return {"op": tree["op"], "args": [_swapped(part) for part in tree["args"]]}
    args = tree["args"]
    if (
        len(args) == 2
        and isinstance(args[1], dict)
        and "property" in args[1]
        and not (isinstance(args[0], dict) and "property" in args[0])
    ):
        return {
            "op": {"<": ">", ">": "<", "<=": ">=", ">=": "<="}.get(tree["op"], tree["op"]),
            "args": [args[1], args[0]],
        }
    return tree


def found(service: Service, text: str, language: str, layer: str = OUTFALL) -> list[str]:
    collection = service.source.collections()[layer]
    condition = read_filter(text, language, collection.columns, has_geometry=True)
    names = [f.id for f in service.source.items(layer, Query((), condition, limit=10_000))]
    assert service.source.count(layer, condition) == len(names)
    return names


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture]
)
@given(tree=trees)
def test_a_filter_finds_what_three_valued_logic_finds(service: Service, frame: gpd.GeoDataFrame, tree: Any) -> None:
    wanted = expected(_swapped(tree), frame)
    assert found(service, json.dumps(tree), "cql2-json") == wanted
    assert found(service, cql2.Expr(tree).to_text(), "cql2-text") == wanted


PREDICATES = {
    "intersects": shapely.intersects, "within": shapely.within, "contains": shapely.contains, "disjoint": shapely.disjoint,
    "touches": shapely.touches, "crosses": shapely.crosses, "overlaps": shapely.overlaps, "equals": shapely.equals,
}  # fmt: skip


@pytest.mark.parametrize("relation", PREDICATES)
@pytest.mark.parametrize("layer", [OUTFALL, PLOT])
def test_places_stand_as_shapely_says(service: Service, relation: str, layer: str) -> None:
    whole = service.source.items(layer, Query((), limit=10_000))
    shapes = np.array([f.geometry for f in whole])
    others = [
        shapely.box(114.2, 34.72, 114.28, 34.8), shapes[3], shapely.Polygon([(114.2, 34.7), (114.3, 34.8), (114.2, 34.8)]),
        shapely.LineString([(114.16, 34.7), (114.33, 34.83)]), shapely.MultiPoint([shapely.get_point(shapely.get_exterior_ring(shapes[7]), 0) if layer == PLOT else shapes[7], (114.25, 34.75)]),
    ]  # fmt: skip
    for other in others:
        tree = {"op": f"s_{relation}", "args": [{"property": "geometry"}, shapely.geometry.mapping(other)]}
        wanted = [f.id for f, is_so in zip(whole, PREDICATES[relation](shapes, other), strict=True) if is_so]
        assert found(service, json.dumps(tree, default=list), "cql2-json", layer) == wanted
        negated = found(service, json.dumps({"op": "not", "args": [tree]}), "cql2-json", layer)
        assert sorted(negated + wanted) == sorted(f.id for f in whole)


def test_within_and_contains_are_told_from_the_property_on_either_side(service: Service) -> None:
    box = "POLYGON((114.2 34.72,114.28 34.72,114.28 34.8,114.2 34.8,114.2 34.72))"
    assert (
        found(service, f"S_WITHIN(geometry, {box})", "cql2-text")
        == found(service, f"S_CONTAINS({box}, geometry)", "cql2-text")
        != []
    )


def test_dates_and_intervals(service: Service, frame: gpd.GeoDataFrame) -> None:
    days = pd.to_datetime(frame["found_on"])
    inside = frame.loc[(days > "2025-01-10") & (days < "2025-01-20"), "feature_id"].tolist()
    assert found(service, "T_DURING(found_on, INTERVAL('2025-01-10','2025-01-20'))", "cql2-text") == inside
    after = frame.loc[days > "2025-01-10", "feature_id"].tolist()
    for text in (
        "T_AFTER(found_on, DATE('2025-01-10'))",
        "found_on > TIMESTAMP('2025-01-10T00:00:00Z')",
        "found_on > '2025-01-10'",
    ):
        assert found(service, text, "cql2-text") == after


REFUSED = [
    "outfall_nam = 'x'", "1 = 1", "outfall_name = 5", "flow_t_d = 'x'", "is_traced = 'true'", "found_on > 5", "found_on > DATE('2025-13-01')",
    "flow_t_d + 1 > 2", "foo(outfall_name) = 'x'", "outfall_name", "outfall_name = 'x'; DROP TABLE outfall", "outfall_name = 'x' --", "",
    "outfall_name LIKE 5", "flow_t_d LIKE '1%'", "outfall_name LIKE '%%%%%%%%%%%%'", "S_INTERSECTS(geometry, POINT(NaN 1))",
    "S_INTERSECTS(outfall_name, POINT(1 2))", "S_DISTANCE(geometry, POINT(1 2)) < 5", "T_MEETS(found_on, INTERVAL('2025-01-01','..'))",
    "CASEI(outfall_name) = 'x'", "outfall_name = found_on", "sqlite_version() = '3'", "load_extension('x') = 1", "geometry IS NULL",
    '"geosys_row" = 1', "rowid = 1", "\"outfall_name\"\"\" = 'x'", "outfall_name = 'x' UNION SELECT 1", "accenti(outfall_name) = accenti('x')",
    "S_INTERSECTS(geometry, POLYGON((0 0,1 1,1 0,0 1,0 0)))", "flow_t_d = 1e400", "geosys_edition = 1",
]  # fmt: skip


@pytest.mark.parametrize("text", REFUSED)
def test_what_is_no_filter_is_refused_with_a_reason(service: Service, text: str) -> None:
    answer = Client(service).get(f"/collections/{OUTFALL}/items", filter=text)
    assert answer.status_code == 400
    assert "expected" in answer.json()["detail"]
    assert "Traceback" not in answer.text
    assert "OperationalError" not in answer.text


@pytest.mark.parametrize(
    "tree",
    [
        {}, [], 5, None, {"op": "and", "args": []}, {"op": "drop", "args": []}, {"op": "=", "args": [{"property": "outfall_name"}]},
        {"op": "=", "args": [{"property": "outfall_name"}, None]}, {"op": "=", "args": [{"property": ["outfall_name"]}, "x"]},
        {"op": "in", "args": [{"property": "outfall_name"}, "x"]}, {"op": "in", "args": [{"property": "flow_t_d"}, list(range(2000))]},
        {"op": "isNull", "args": {"property": "outfall_name"}}, {"op": "s_intersects", "args": [{"property": "geometry"}, {"type": "Point", "coordinates": []}]},
        {"op": "s_intersects", "args": [{"property": "geometry"}, {"bbox": [1, 2, 3]}]}, {"op": "like", "args": [{"property": "outfall_name"}, "a\u0000b"]},
        {"op": "s_intersects", "args": [{"property": "geometry"}, {"type": "Polygon", "coordinates": [[[0, 0], [1, 1]]]}]}, {"op": ["and"], "args": []},
        {"op": "s_intersects; DROP", "args": [{"property": "geometry"}, {"bbox": [1, 2, 3, 4]}]}, {"op": "not", "args": [True, False]},
        {"op": "=", "args": [{"property": "outfall_name"}, "\ud800"]},
        {"op": "=", "args": [{"property": "\ud800"}, "x"]},
        {"op": "=", "args": [{"property": "flow_t_d"}, 10**400]},
    ],
)  # fmt: skip
def test_trees_of_another_form_are_refused(service: Service, tree: Any) -> None:
    answer = Client(service).get(f"/collections/{OUTFALL}/items", filter=json.dumps(tree), filter_lang="cql2-json")
    assert answer.status_code == 400, answer.text


@pytest.mark.parametrize("name", NAMES)
def test_texts_full_of_sql_are_only_values(service: Service, frame: gpd.GeoDataFrame, name: str) -> None:
    wanted = frame.loc[frame["outfall_name"] == name, "feature_id"].tolist()
    told = name.replace("'", "''")
    assert found(service, f"outfall_name = '{told}'", "cql2-text") == wanted != []
    answer = (
        Client(service).ask("GET", f"/collections/{OUTFALL}/items", params={"outfall_name": name, "limit": 1000}).json()
    )
    assert [f["id"] for f in answer["features"]] == wanted


@pytest.mark.parametrize(
    "text",
    [
        "(" * 40 + "a=1", "(" * 12 + "a=" + ")" * 12, "NOT " * 1900 + "is_traced", "NOT (" * 40 + "is_traced" + ")" * 40, "outfall_name = '" + "x" * 9000 + "'",
        "CASEI(" * 800 + "a" + ")" * 800 + "=1", " AND ".join(["flow_t_d=1"] * 600), "flow_t_d=" + "^".join(["1"] * 2000), "'" * 3001, "a=1\x00",
        "(outfall_name=1 or " * 9 + "a=" + ")" * 9,
    ],
)  # fmt: skip
def test_what_would_keep_a_parser_busy_is_refused_at_once(text: str) -> None:
    start = time.monotonic()
    with pytest.raises(ProblemError):
        read_filter(text, "cql2-text", KINDS, has_geometry=True)
    assert time.monotonic() - start < 5  # the parser alone would need hours for the first one
    with pytest.raises(ProblemError):
        read_filter('{"op":"not","args":[' * 5000, "cql2-json", KINDS, has_geometry=True)


def test_only_names_of_the_collection_become_sql() -> None:
    compiler = Compiler(SQLITE, {"a"})
    with pytest.raises(ValueError, match="column"):
        compiler.compile(Compare("b", "=", 1))
    with pytest.raises(ValueError, match="operator"):
        compiler.compile(Compare("a", "= 1 OR 1 =", 1))
    sql, values = compiler.compile(Compare("a", "=", "x' OR 1=1"))
    assert sql == '("a" = ?)'
    assert values == ["x' OR 1=1"]


def test_a_reach_never_leaves_out_what_holds(service: Service) -> None:
    text = "(S_INTERSECTS(geometry, BBOX(114.2,34.7,114.3,34.8)) AND flow_t_d > 3) OR S_WITHIN(geometry, BBOX(114.25,34.75,114.33,34.83))"
    collection = service.source.collections()[OUTFALL]
    condition = read_filter(text, "cql2-text", collection.columns, has_geometry=True)
    assert reach(condition) == (114.2, 34.7, 114.33, 34.83)
    assert found(service, text, "cql2-text") == found(service, f"NOT (NOT ({text}))", "cql2-text") != []


def test_a_hidden_field_cannot_be_asked_for(service: Service) -> None:
    answer = Client(service, NOBODY).get(f"/collections/{OUTFALL}/items", filter="outfall_name = 'Alpha'")
    assert answer.status_code == 404  # the layer is internal: it is not there


def test_the_store_of_a_version_cannot_be_written(service: Service) -> None:
    base = service.source._base  # type: ignore[attr-defined]
    with base._pools[OUTFALL].borrowed() as connection, pytest.raises(sqlite3.OperationalError):
        connection.execute("DELETE FROM outfall")
