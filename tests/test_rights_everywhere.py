"""No cell leaks: who sees what by a table of cells, held against every answer of the whole application."""

from __future__ import annotations

import asyncio
import datetime as dt
import io
import re
from dataclasses import dataclass, replace
from functools import cache
from itertools import product
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import geopandas as gpd
import httpx
import mapbox_vector_tile
import numpy as np
import pandas as pd
import pytest
import shapely
from PIL import Image

from geosys._text import Text
from geosys.accounts.store import entries, tokens
from geosys.accounts.store.access_log import read_accesses
from geosys.accounts.store.database import ACCOUNTS_FILE, open_accounts
from geosys.accounts.viewer import NOBODY, OPERATIONS, ROLES, Viewer
from geosys.layers.spec import Catalogue, Derived, Field, LayerSpec, read_catalogue
from geosys.publish.field_reading import Columns
from geosys.views import disclosures_of, layer_disclosure, schema_of, schemas_of
from geosys.web.app import make_app
from geosys.web.guard.settings import Bounds, Settings
from geosys.web.pictures import classes
from geosys.web.pictures.routes import MAPSERVER, programs
from geosys.web.service import Service
from geosys.web.sources.edits import EditedSource
from geosys.web.sources.geopackage import GeoPackageSource, make_package, package_file

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

needs_mapserver = pytest.mark.skipif(
    not programs()[MAPSERVER], reason="MapServer is not installed here: apt's cgi-mapserver brings mapserv"
)
# MapProxy leaves closing its lock files to the interpreter.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")

NOW = dt.datetime(2026, 9, 30, 8, tzinfo=dt.UTC)
REGION = (114.0, 34.5, 115.0, 35.0)
WEST, EAST = "410202", "410203"
PLACES = (
    (EAST, "ecology"),
    (WEST, "ecology"),
    (WEST, "water"),
    (EAST, "water"),
    (None, None),
)  # a row of each layer lies in each


# --- the county: every cell says where it stands ---


def _narrowed(spec: LayerSpec, disclosure: str, **fields: str) -> LayerSpec:
    told = {
        n: replace(f, disclosure=fields.get(n, f.disclosure if f.disclosure != spec.disclosure else disclosure))
        for n, f in spec.fields.items()
    }
    return replace(spec, disclosure=disclosure, fields=told)


@cache
def content() -> Catalogue:
    """Return the content with some fields narrower than their layers, a column of offices, and a layer that says no county."""
    came = read_catalogue()
    told: dict[str, LayerSpec] = {}
    told["sewage_plant"] = _narrowed(
        came.layers["sewage_plant"], "shared", operator="internal", load_t_d="internal", networked_on="internal"
    )
    told["suspected_plot"] = _narrowed(came.layers["suspected_plot"], "shared", notice_on="internal")
    intake = came.layers["intake"]
    told["intake"] = replace(
        intake,
        fields={**intake.fields, "office": Field("office", Text("单位", "Office"), "text", disclosure="internal")},
    )
    patch = came.layers["land_patch"]
    told["land_patch"] = replace(patch, fields={n: f for n, f in patch.fields.items() if n != "county_code"})
    return replace(came, layers={**came.layers, **told})


LAYERS = (
    "intake", "land_patch", "outfall", "river", "sewage_plant", "suspected_plot", "township", "village", "water_sample", "water_section",
)  # fmt: skip
_LOOSE = ("river", "water_sample", "land_patch")  # rows say no county
_FIRST_DAY = dt.date(1901, 1, 1)


def _value(kind: str, number: int) -> Any:
    if kind == "text":
        return f"q{number:05d}z"
    if kind in {"number", "integer"}:
        return 70_000_031 + number * 100
    return _FIRST_DAY + dt.timedelta(days=number) if kind == "date" else number % 2 == 0


@cache
def cells() -> pd.DataFrame:
    """Return one row for each cell of the county: where it stands, what its row and column say of themselves, and its needle in a text."""
    rows = []
    for i, layer in enumerate(LAYERS):
        spec = content().layers[layer]
        schema = schema_of(spec, content())
        for r, (county, office) in enumerate(PLACES):
            for c, (column, kind) in enumerate(schema.columns.items()):
                number = (i + 1) * 1000 + r * 200 + c
                value = county if column == "county_code" else office if column == "office" else _value(kind, number)
                if schema.codes.get(column) and column != "county_code":
                    value = list(schema.codes[column])[r % len(schema.codes[column])]
                inputs = spec.derived[column].inputs if column in spec.derived else (column,)
                narrow = [spec.fields[name].disclosure for name in inputs if name in spec.fields]
                rows.append({
                    "layer": layer, "row": r, "column": column, "value": value, "kind": kind, "disclosure": spec.disclosure,
                    "narrowest": "internal" if "internal" in narrow else "shared" if "shared" in narrow else spec.disclosure,
                    "county": None if layer in _LOOSE else county, "says_county": layer not in _LOOSE,
                    "office": office if "office" in spec.fields else None, "says_office": "office" in spec.fields, "steward": spec.steward,
                })  # fmt: skip
    return pd.DataFrame(rows, dtype=object)


@cache
def place(layer: str, row: int) -> shapely.Geometry | None:
    """Return the place of a row: its longitude is its own to the fifth decimal."""
    spec = content().layers[layer]
    west, south = 114.1 + LAYERS.index(layer) / 50 + row / 1000 + 0.00057, 34.7 + row / 100
    shapes = {"point": shapely.Point(west, south), "line": shapely.LineString([(west, south), (west, south + 0.002)])}
    return (
        None
        if spec.geometry == "none"
        else shapes.get(spec.geometry, shapely.box(west, south, west + 0.0013, south + 0.002))
    )


@cache
def feature_id(layer: str, row: int) -> str:
    mine = cells()[(cells()["layer"] == layer) & (cells()["row"] == row)].set_index("column")["value"]
    spec = content().layers[layer]
    return "/".join(str(mine[name]) for name in (*spec.key, *spec.key_where_given))


def frame(layer: str) -> gpd.GeoDataFrame:
    mine, rows = cells().query("layer == @layer"), range(len(PLACES))
    told = {name: list(part["value"]) for name, part in mine.groupby("column", sort=False)}
    ids = {"feature_id": [feature_id(layer, r) for r in rows]}
    return gpd.GeoDataFrame(ids | told, geometry=[place(layer, r) for r in rows], crs="EPSG:4490")


def service_of(folder: Path, frames: Mapping[str, gpd.GeoDataFrame]) -> Service:
    schemas, files = schemas_of(content()), {}
    for layer, rows in frames.items():
        columns = dict(schemas[layer].columns)
        made = make_package(
            folder, layer, "v1", columns, rows, title=layer, has_geometry=schemas[layer].geometry != "none"
        )
        files[layer] = (made, package_file(folder, layer, "v1", columns))
    source = EditedSource(GeoPackageSource(files), folder / "edits.sqlite", lambda: NOW)
    return Service(
        source=source,
        schemas=schemas,
        catalogue=content(),
        title=Text("某县", "Some county"),
        plan_crs="EPSG:4547",
        clock=lambda: NOW,
        region=REGION,
    )


# --- who asks, and what the table says they see ---

COUNTIES = (frozenset(), frozenset({WEST}))
OFFICES = (frozenset(), frozenset({"ecology"}))
VIEWERS = {"nobody": NOBODY} | {
    name: Viewer(name, role, office, county, audience)
    for role, audience, county, office in product(ROLES, ("internal", "shared", "public"), COUNTIES, OFFICES)
    if (name := f"{role}_{audience}_{'west' if county else 'all'}_{'ecology' if office else 'all'}")
}
# One of each class of what may be seen: what is read does not depend on the role. They take turns with the roles.
SIGHTS = {"nobody": NOBODY} | {
    f"{role}_{rest}": VIEWERS[f"{role}_{rest}"]
    for role, rest in zip(ROLES * 3, sorted({n.partition("_")[2] for n in VIEWERS if n != "nobody"}), strict=False)
}
_RANK = {"internal": 0, "shared": 1, "public": 2}


def visible(viewer: Viewer) -> pd.Series:
    """Return for every cell whether a viewer may see it, by the words of docs/serving.md and nothing of the code."""
    told = cells()
    reach = _RANK[viewer.audience] if viewer.role else _RANK["public"]
    is_open, is_internal = told["disclosure"] == "public", told["disclosure"] == "internal"
    seen = (told["disclosure"].map(_RANK) >= reach) & (told["narrowest"].map(_RANK) >= reach)
    if viewer.counties:
        seen &= is_open | np.where(told["says_county"], told["county"].isin(viewer.counties), ~is_internal)
    if viewer.offices:
        seen &= ~is_internal | np.where(
            told["says_office"], told["office"].isin(viewer.offices), told["steward"].isin(viewer.offices)
        )
    return seen


@cache
def _sight(viewer: Viewer) -> pd.DataFrame:
    return cells()[visible(viewer)]


@cache
def rows_of(viewer: Viewer, layer: str) -> dict[str, dict[str, Any]] | None:
    """Return what a viewer sees of a layer, by id; None where it sees nothing."""
    mine = _sight(viewer).query("layer == @layer")
    if mine.empty:
        return None
    plain = {
        r: {
            c: v.isoformat() if isinstance(v, dt.date) else v
            for c, v in zip(part["column"], part["value"], strict=True)
        }
        for r, part in mine.groupby("row")
    }
    return {feature_id(layer, int(r)): values for r, values in plain.items()}


@cache
def hidden_columns(viewer: Viewer, layer: str) -> frozenset[str]:
    return frozenset(content_columns(layer)) - set(_sight(viewer).query("layer == @layer")["column"])


@cache
def content_columns(layer: str) -> tuple[str, ...]:
    return tuple(schema_of(content().layers[layer], content()).columns)


_NEEDLES = re.compile(r"q\d{5}z|(?<![\d.,])7\d{5}31(?!\d)|19\d\d-\d\d-\d\d|114\.\d{3}57")


@cache
def needles(viewer: Viewer) -> frozenset[str]:
    """Return all texts that a viewer may come upon: its cells, and the ids and places of its rows."""
    mine = _sight(viewer)
    told = {str(v) for v in mine["value"]}
    for layer, row in {(a, b) for a, b in zip(mine["layer"], mine["row"], strict=True)}:
        shape = place(layer, row)
        told |= {*_NEEDLES.findall(feature_id(layer, row)), *([] if shape is None else [f"{shape.bounds[0]:.5f}"])}
    return frozenset(told)


@cache
def _all_needles() -> frozenset[str]:
    return needles(Viewer("all", "viewer", audience="internal"))


def leaks(viewer: Viewer, answer: httpx.Response) -> set[str]:
    """Return the cells in an answer, head and body, that its viewer may not see; numbers and days in whatever dress."""
    text = answer.content.decode("utf-8", "replace") + "\n".join(f"{k}: {v}" for k, v in answer.headers.items())
    plain = re.sub(r"(?<=\d),(?=\d{3}(?!\d*\.))", "", text)
    found = (
        set(_NEEDLES.findall(text))
        | set(_NEEDLES.findall(plain))
        | set(_NEEDLES.findall(re.sub(r"(\d{4})/(\d\d)/(\d\d)", r"\1-\2-\3", text)))
    )
    return (found & _all_needles()) - needles(viewer)


@dataclass
class House:
    """Hold the application with an account and a token for everybody; ask it without a network."""

    app: Any
    secrets: Mapping[str, str]
    accounts: Any
    service: Service
    loop: asyncio.Runner

    def ask(self, viewer: Viewer, method: str, path: str, **more: Any) -> httpx.Response:
        """Ask as a viewer; whatever the answer is, nothing that is hidden stands in it."""
        return self.loop.run(self._ask(viewer, method, path, **more))

    def get_all(self, asked: Sequence[tuple[Viewer, str]]) -> list[httpx.Response]:
        """Ask at the same time, as an office does: nobody is answered with what another one sees."""

        async def together() -> list[httpx.Response]:
            return await asyncio.gather(*(self._ask(viewer, "GET", path) for viewer, path in asked))

        return self.loop.run(together())

    async def _ask(self, viewer: Viewer, method: str, path: str, **more: Any) -> httpx.Response:
        headers = {
            **({"Authorization": f"Bearer {self.secrets[viewer.name]}"} if viewer.name else {}),
            **more.pop("headers", {}),
        }
        transport = httpx.ASGITransport(self.app, client=("127.0.0.1", 5000))
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            answer = await client.request(method, path, headers=headers, **more)
        assert answer.status_code < 500, (path, answer.text)
        said = unquote(path) + str(more.get("json", ""))  # what it says itself it may hear again
        found = leaks(viewer, answer) - set(_NEEDLES.findall(said))
        assert not found, (
            viewer.name,
            method,
            path,
            [c for c in cells().to_dict("records") if str(c["value"]) in found] or found,
        )
        return answer

    def get(self, viewer: Viewer, path: str, **more: Any) -> httpx.Response:
        return self.ask(viewer, "GET", path, **more)


def house_of(
    folder: Path, frames: Mapping[str, gpd.GeoDataFrame], viewers: Mapping[str, Viewer], loop: asyncio.Runner
) -> House:
    folder.mkdir(exist_ok=True)
    accounts, secrets = open_accounts(folder / ACCOUNTS_FILE), {}
    with accounts.writing() as connection:
        entries.add_account(connection, Viewer("first", "administrator"), "not-a-hash", NOW)
        for name, viewer in viewers.items():
            if viewer.role:
                entries.add_account(connection, viewer, None, NOW)
                _, secrets[name] = tokens.make_token(connection, name, "", OPERATIONS, NOW + dt.timedelta(days=1), NOW)
    settings = Settings(clock=lambda: NOW, bounds=Bounds(requests_per_s=0))
    service = service_of(folder / "data", frames)
    return House(make_app(service, accounts, settings, folder), secrets, accounts, service, loop)


@pytest.fixture(scope="module")
def loop() -> Iterator[asyncio.Runner]:
    with asyncio.Runner() as runner:
        yield runner


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory, loop: asyncio.Runner) -> Iterator[House]:
    """Serve the county; a face for pictures is written once, for it takes seconds and shows no cell."""
    folder, write = tmp_path_factory.mktemp("house"), classes.write_face
    with pytest.MonkeyPatch.context() as patch:
        faces: dict[str, bytes] = {}

        def written(path: Path, texts: Any) -> str:
            _ = list(texts)
            if "face" not in faces:
                write(path, [])
                faces["face"] = path.read_bytes()
            path.write_bytes(faces["face"])
            return ""

        patch.setattr(classes, "write_face", written)
        made = house_of(folder, {name: frame(name) for name in LAYERS}, VIEWERS, loop)
        yield made
        made.service.source.close()
        made.accounts.close()


def absent(layer: str) -> str:
    """Return the name of no layer, as long as a layer's."""
    return "x" * len(layer)


def told(answer: httpx.Response, *names: str) -> tuple[Any, ...]:
    """Return all that an answer tells, names that were asked for and the request's own id taken out."""
    body, head = answer.text, {k: v for k, v in answer.headers.items() if k != "x-request-id"}
    body = re.sub(r"[0-9a-f]{16}", "ID", body) if answer.status_code >= 400 else body
    for name in names:
        body = body.replace(name, "NAME")
        head = {k: v.replace(name, "NAME") for k, v in head.items()}
    return answer.status_code, body, head


# --- the table itself ---


def test_the_table_has_something_to_hide_from_everybody_but_one() -> None:
    assert set(_all_needles()) >= {v for v in map(str, cells()["value"]) if _NEEDLES.fullmatch(v)}
    assert len(SIGHTS) == 13
    counts = {name: int(visible(viewer).sum()) for name, viewer in SIGHTS.items()}
    assert max(counts.values()) == len(cells())
    assert sorted(counts.values())[-2] < len(cells())
    assert len(set(counts.values())) >= 7  # classes of rights do differ
    assert rows_of(NOBODY, "outfall") is None
    assert set(rows_of(VIEWERS["viewer_internal_west_all"], "outfall") or {}) == {
        feature_id("outfall", 1),
        feature_id("outfall", 2),
    }
    assert rows_of(VIEWERS["viewer_internal_west_all"], "land_patch") is None
    assert set(rows_of(VIEWERS["viewer_internal_all_ecology"], "intake") or {}) == {
        feature_id("intake", 0),
        feature_id("intake", 1),
    }
    assert "survey_due_on" in hidden_columns(VIEWERS["viewer_shared_all_all"], "suspected_plot")


# --- reading: every role, every layer ---


@pytest.mark.parametrize("layer", LAYERS)
def test_everybody_reads_exactly_their_cells(house: House, layer: str) -> None:
    answers = house.get_all([(viewer, f"/collections/{layer}/items?limit=100") for viewer in VIEWERS.values()])
    nothing = {
        v.name: told(a, absent(layer))
        for v, a in zip(
            SIGHTS.values(),
            house.get_all([(v, f"/collections/{absent(layer)}/items?limit=100") for v in SIGHTS.values()]),
            strict=True,
        )
    }
    for viewer, answer in zip(VIEWERS.values(), answers, strict=True):
        expected = rows_of(viewer, layer)
        if expected is None:
            assert answer.status_code == 404
            assert told(answer, layer) == nothing.get(viewer.name, told(answer, layer))
            continue
        content = answer.json()
        assert {f["id"]: f["properties"] for f in content["features"]} == expected, viewer.name
        assert content["numberMatched"] == content["numberReturned"] == len(expected)


# --- reading: every kind of answer, each class of rights ---


@pytest.mark.parametrize("name", SIGHTS)
def test_documents_name_only_what_is_there_for_the_viewer(house: House, name: str) -> None:
    viewer = SIGHTS[name]
    there = {layer for layer in LAYERS if rows_of(viewer, layer) is not None}
    assert {c["id"] for c in house.get(viewer, "/collections").json()["collections"]} == there
    api = house.get(viewer, "/api").json()
    assert {path.split("/")[2] for path in api["paths"] if path.count("/") > 1} == there
    drawn = {one["id"]: one for one in house.get(viewer, "/tiles").json()["layers"]}
    assert set(drawn) == there - {"water_sample"}
    for path in ("/", "/conformance", "/api?f=html", "/collections?f=html", "/map", "/me", "/health"):
        page = house.get(viewer, path).text
        assert not {layer for layer in set(LAYERS) - there if f"/{layer}" in page or f">{layer}<" in page}
    for layer in LAYERS:
        if layer not in there:
            for rest in (
                "",
                "/queryables",
                "/schema",
                "/items",
                "/items/x",
                "?f=html",
                "/items?f=html",
                "/items?filter=note%3D'x'",
                "/items?bbox=0,0,1,1",
                "/items?x=y",
            ):
                assert told(house.get(viewer, f"/collections/{layer}{rest}"), layer) == told(
                    house.get(viewer, f"/collections/{absent(layer)}{rest}"), absent(layer)
                )
            for path in ("/tiles/{}", "/tiles/{}/3/6/3.mvt", "/tiles/{}/99/0/0.mvt"):
                assert told(house.get(viewer, path.format(layer)), layer) == told(
                    house.get(viewer, path.format(absent(layer))), absent(layer)
                )
            continue
        shown, hidden = set(content_columns(layer)) - hidden_columns(viewer, layer), hidden_columns(viewer, layer)
        answers = [
            house.get(viewer, f"/collections/{layer}{rest}")
            for rest in ("/queryables", "/schema", "/schema?f=html", "/items?f=html&limit=50", "", "?f=html")
        ]
        assert set(answers[0].json()["properties"]) - {"feature_id", "geometry"} == shown
        assert set(answers[1].json()["properties"]) - {"geometry"} == shown
        asked = {p["name"] for p in api["paths"][f"/collections/{layer}/items"]["get"]["parameters"] if "name" in p}
        assert asked <= shown
        if layer in drawn:
            described = house.get(viewer, f"/tiles/{layer}")
            assert set(described.json()["vector_layers"][0]["fields"]) == shown
            assert {c["id"] for c in drawn[layer]["columns"]} <= shown
            assert set(drawn[layer]["codes"]) <= shown
            assert drawn[layer]["by"] in {"", *shown}
            answers.append(described)
        for answer in answers:
            assert not {column for column in hidden if re.search(rf"\b{column}\b", answer.text)}


@pytest.mark.parametrize("name", SIGHTS)
def test_a_row_and_its_pages_are_there_for_those_who_see_it_alone(house: House, name: str) -> None:
    viewer = SIGHTS[name]
    for layer in LAYERS:
        mine = rows_of(viewer, layer) or {}
        for row in range(len(PLACES)):
            key = feature_id(layer, row)
            path = f"/collections/{layer}/items/{key.replace('/', '%2F')}"
            answers = [house.get(viewer, path + rest) for rest in ("", "?f=html", "?f=html&lang=en")][
                : 3 if row in {0, 4} else 1
            ]
            assert {a.status_code for a in answers} == ({200} if key in mine else {404})
            if key in mine:
                assert answers[0].json()["properties"] == mine[key]
            else:
                nothing = house.get(viewer, path.replace(key.replace("/", "%2F"), "q00000z"))
                assert told(answers[0], key, key.replace("/", "%2F")) == told(nothing, "q00000z")


@pytest.mark.parametrize("name", ["nobody", *(n for n in SIGHTS if "internal" not in n or "west_ecology" in n)])
def test_a_hidden_column_is_asked_for_in_vain_like_one_that_is_none(house: House, name: str) -> None:
    viewer = SIGHTS[name]
    for layer in LAYERS:
        hidden = hidden_columns(viewer, layer) if rows_of(viewer, layer) is not None else set()
        for column in sorted(hidden)[:4]:
            none = "y" * len(column)
            for query in (
                "filter={}='q'", "filter={} IS NULL", "filter=note = {}", "filter=NOT ({} = 1)", "sortby={}", "sortby=-{}", "properties=note,{}", "{}=1",
                'filter-lang=cql2-json&filter={{"op":"isNull","args":[{{"property":"{}"}}]}}', "filter=t_after({}, DATE('1900-01-01'))", "filter=CASEI({}) = CASEI('q')",
            ):  # fmt: skip
                asked = [
                    house.get(viewer, f"/collections/{layer}/items?{query.format(column if i else none)}")
                    for i in (0, 1)
                ]
                assert asked[0].status_code == 400
                assert told(asked[0], none) == told(asked[1], column), query


@cache
def note_of(layer: str, row: int) -> str:
    told_of = cells()
    return str(
        told_of[(told_of["layer"] == layer) & (told_of["row"] == row) & (told_of["column"] == "note")]["value"].iloc[0]
    )


@pytest.mark.parametrize("name", SIGHTS)
def test_boxes_filters_and_counts_tell_of_no_hidden_row(house: House, name: str) -> None:
    viewer = SIGHTS[name]
    for layer in LAYERS:
        mine = rows_of(viewer, layer)
        if mine is None:
            continue
        for query in (
            "",
            "&filter=1 = 1 OR note IS NULL",
            "&filter=NOT (note = 'q')",
            "&bbox=114,34,115,35",
            "&filter=TRUE OR TRUE",
            "&offset=4",
            "&sortby=-feature_id",
        ):
            answer = house.get(viewer, f"/collections/{layer}/items?limit=1{query}")
            if answer.status_code == 200:
                assert answer.json()["numberMatched"] == len(mine), (layer, query)
        for row in range(len(PLACES)):
            shape = place(layer, row)
            if shape is not None:
                box = ",".join(str(side) for side in shape.buffer(1e-5).bounds)
                seen = house.get(viewer, f"/collections/{layer}/items?bbox={box}").json()
                assert [f["id"] for f in seen["features"]] == [feature_id(layer, row)] * (
                    feature_id(layer, row) in mine
                )
                assert seen["numberMatched"] == len(seen["features"])
            note = note_of(layer, row)
            assert house.get(viewer, f"/collections/{layer}/items?filter=note='{note}'&limit=1").json()[
                "numberMatched"
            ] == (feature_id(layer, row) in mine)


TILE = "8/209/101"  # in which all rows lie: 113.9 to 115.3 east, 34.3 to 35.5 north


@pytest.mark.parametrize("name", SIGHTS)
def test_tiles_hold_the_same_cells(house: House, name: str) -> None:
    viewer = SIGHTS[name]
    for layer in LAYERS:
        mine = rows_of(viewer, layer)
        if mine is None or layer == "water_sample":
            continue
        answer = house.get(viewer, f"/tiles/{layer}/{TILE}.mvt", headers={"Accept-Encoding": "identity"})
        found = mapbox_vector_tile.decode(answer.content).get(layer, {"features": []})["features"]
        seen = {
            f["properties"]["feature_id"]: {k: v for k, v in f["properties"].items() if k != "feature_id"}
            for f in found
        }
        assert seen == {key: {k: v for k, v in row.items() if v is not None} for key, row in mine.items()}
        assert answer.headers["geosys-left-out"] == "0"


# What may be seen is the same whether the rest is hidden or was never there.
def test_answers_are_those_of_a_service_that_holds_nothing_else(
    house: House, tmp_path: Path, loop: asyncio.Runner
) -> None:
    name = next(n for n in SIGHTS if "internal_west_all" in n)
    viewer = SIGHTS[name]
    kept = {
        layer: frame(layer)[lambda rows, layer=layer: rows["feature_id"].isin(rows_of(viewer, layer) or {})]
        for layer in LAYERS
        if rows_of(viewer, layer) is not None
    }
    bare = house_of(tmp_path / "bare", kept, {name: viewer}, loop)
    paths = ["/collections", "/api", "/tiles", "/collections?f=html"]
    for layer in LAYERS:
        paths += [
            f"/collections/{layer}{rest}"
            for rest in (
                "",
                "/items",
                "/items?limit=1",
                "/items?limit=1&offset=1",
                "/items?f=html",
                "/items?limit=1&sortby=-note",
                "/schema",
            )
        ]
        paths += [f"/tiles/{layer}", f"/tiles/{layer}/{TILE}.mvt"]
    differing = []
    for path in paths:
        one, other = (h.get(viewer, path) for h in (house, bare))
        if told(one)[:2] != told(other)[:2]:
            differing.append((path, one.text[:300], other.text[:300]))
    bare.service.source.close()
    bare.accounts.close()
    assert not differing, differing


# --- writing: every role, every layer; what is hidden is not there ---

GEOJSON = {"Content-Type": "application/geo+json"}


@cache
def may_edit(viewer: Viewer, layer: str) -> bool:
    """Say by the words of docs/serving.md whether an account may change a layer."""
    spec = content().layers[layer]
    in_charge = not viewer.offices or "office" in spec.fields or spec.steward in viewer.offices
    return viewer.role in ROLES[1:] and rows_of(viewer, layer) is not None and in_charge


def changes(layer: str, key: str) -> list[tuple[str, str, dict[str, Any]]]:
    """Return a change of each kind that is never done: of an edition that is none, or of a body that is no feature."""
    one, stale = f"/collections/{layer}/items/{key}", {"If-Match": '"v1-99"', **GEOJSON}
    sent = {"type": "Feature", "geometry": None, "properties": {}}
    return [
        ("PUT", one, {"headers": stale, "json": sent}), ("PATCH", one, {"headers": stale, "json": sent}), ("DELETE", one, {"headers": stale}),
        ("DELETE", one, {}), ("POST", f"/collections/{layer}/items", {"headers": GEOJSON, "json": {"type": "Nothing"}}), ("OPTIONS", one, {}),
        ("POST", one, {}), ("PUT", f"/collections/{layer}/items", {}), ("DELETE", f"/collections/{layer}", {}), ("OPTIONS", f"/collections/{layer}/items", {}),
        ("HEAD", one, {}), ("PATCH", f"/collections/{layer}/schema", {}), ("POST", f"/tiles/{layer}", {}), ("DELETE", f"/tiles/{layer}/1/1/1.mvt", {}),
    ]  # fmt: skip


@pytest.mark.parametrize("name", [n for n, v in VIEWERS.items() if v.role == "editor" or n in SIGHTS])
def test_what_may_not_be_seen_may_not_be_changed_and_does_not_say_that_it_is_there(house: House, name: str) -> None:
    viewer = VIEWERS[name]
    for layer in LAYERS if viewer.role == "editor" else ("land_patch", "outfall", "sewage_plant"):
        mine = rows_of(viewer, layer)
        if mine is None:
            pairs = zip(changes(layer, feature_id(layer, 1)), changes(absent(layer), "q00000z"), strict=True)
            for (method, path, more), (_, nowhere, _) in pairs:
                one, other = house.ask(viewer, method, path, **more), house.ask(viewer, method, nowhere, **more)
                assert told(one, layer, feature_id(layer, 1)) == told(other, absent(layer), "q00000z"), (method, path)
                assert one.status_code >= 400 or method == "OPTIONS"
            continue
        key = next(iter(mine)).replace("/", "%2F")
        expected = [412, 412, 412, 428, 400] if may_edit(viewer, layer) else [401 if not viewer.role else 403] * 5
        assert [
            house.ask(viewer, m, path, **more).status_code for m, path, more in changes(layer, key)[:5]
        ] == expected, (name, layer)
        for row in range(len(PLACES)):
            hidden = feature_id(layer, row)
            if hidden not in mine and row in {0, 4}:
                for (method, path, more), (_, nowhere, _) in list(
                    zip(changes(layer, hidden), changes(layer, "q00000z"), strict=True)
                )[:4]:
                    one, other = house.ask(viewer, method, path, **more), house.ask(viewer, method, nowhere, **more)
                    assert told(one, hidden) == told(other, "q00000z"), (method, path)
                    assert one.status_code == (404 if may_edit(viewer, layer) else expected[0])


def test_a_token_bound_to_reading_changes_nothing(house: House) -> None:
    with house.accounts.writing() as connection:
        _, secret = tokens.make_token(
            connection, "administrator_internal_all_all", "", ("read",), NOW + dt.timedelta(days=1), NOW
        )
    head = {"Authorization": f"Bearer {secret}"}
    for method, path, more in changes("outfall", feature_id("outfall", 0))[:5]:
        assert (
            house.ask(
                VIEWERS["administrator_internal_all_all"],
                method,
                path,
                **{**more, "headers": more.get("headers", {}) | head},
            ).status_code
            == 403
        )


def test_an_edit_reaches_no_hidden_column_and_no_row_of_others(tmp_path: Path, loop: asyncio.Runner) -> None:
    """An editor of the west sees shared columns alone: what it writes leaves the others as they were, and it can name none of them."""
    editor, chief = VIEWERS["editor_shared_west_all"], VIEWERS["administrator_internal_all_all"]
    house = house_of(
        tmp_path / "edits", {"sewage_plant": frame("sewage_plant")}, {editor.name: editor, chief.name: chief}, loop
    )
    own, other = feature_id("sewage_plant", 1), feature_id("sewage_plant", 0)
    path = f"/collections/sewage_plant/items/{own}"
    before = house.get(chief, path)
    head = {"If-Match": before.headers["etag"], **GEOJSON}
    for column in ("operator", "load_t_d", "networked_on", "qqqqqqqq"):
        refused = house.ask(editor, "PATCH", path, headers=head, json={"type": "Feature", "properties": {column: None}})
        assert refused.status_code == 400
        assert refused.json()["detail"] == f"{column}: got a property that is not there, expected one of /schema."
    for county in (EAST, None):
        assert (
            house.ask(editor, "PATCH", path, headers=head, json={"properties": {"county_code": county}}).status_code
            == 403
        )
    feature = {
        "type": "Feature",
        "geometry": shapely.geometry.mapping(place("sewage_plant", 1)),
        "properties": {"plant_code": own, "county_code": WEST, "note": "new"},
    }
    made = house.ask(editor, "PUT", path, headers=head, json=feature)
    assert (made.status_code, made.json()["properties"]["note"]) == (200, "new")
    assert not {"operator", "load_t_d", "networked_on"} & set(made.json()["properties"])
    after = house.get(chief, path).json()["properties"]
    assert {c: after[c] for c in ("operator", "load_t_d", "networked_on")} == {
        c: before.json()["properties"][c] for c in ("operator", "load_t_d", "networked_on")
    }
    assert after["plant_name"] is None
    added = house.ask(
        editor,
        "POST",
        "/collections/sewage_plant/items",
        headers=GEOJSON,
        json=feature | {"properties": {"plant_code": "new", "county_code": EAST}},
    )
    assert added.status_code == 403
    assert (
        house.get(chief, f"/collections/sewage_plant/items/{other}").json()["properties"]
        == rows_of(chief, "sewage_plant")[other]
    )
    changed = [(a["what"], a["layer"]) for a in logged(house) if a["what"] != "read"]
    assert changed == [("replace", "sewage_plant")]
    house.service.source.close()
    house.accounts.close()


def logged(house: House) -> list[dict[str, Any]]:
    with house.accounts.reading() as connection:
        return read_accesses(connection, most=100_000)[::-1]


def test_every_look_at_an_internal_layer_is_in_the_log_with_its_rows(house: House) -> None:
    viewer = VIEWERS["publisher_internal_west_ecology"]
    key = feature_id("outfall", 1)
    asked = {
        "/collections/outfall/items?limit=1&filter=note IS NOT NULL": 1, f"/collections/outfall/items/{key}": 1, "/collections/outfall/items?f=html": 2,
        f"/tiles/outfall/{TILE}.mvt": 2,
    }  # fmt: skip
    for path, rows in asked.items():
        start = len(logged(house))
        house.get(viewer, path)
        (entry,) = logged(house)[start:]
        assert (entry["who"], entry["what"], entry["layer"], entry["rows"]) == (viewer.name, "read", "outfall", rows), (
            path
        )


# --- pictures: MapServer and MapProxy are handed nothing that their client may not have ---

DRAWN = [n for n in SIGHTS if "internal" in n or n == "nobody" or "shared_west_ecology" in n]


def capabilities(answer: httpx.Response) -> set[str]:
    return set(re.findall(r"<(?:\w+:)?(?:Name|Identifier|Title)>(?:ms:)?(\w+)</", answer.text)) & set(LAYERS)


@needs_mapserver
@pytest.mark.parametrize("name", DRAWN)
def test_wms_wfs_and_wmts_hold_the_same_cells(house: House, name: str) -> None:
    viewer = SIGHTS[name]
    there = {layer for layer in LAYERS if rows_of(viewer, layer) is not None} - {"water_sample"}
    for service, more in (
        ("wms", "VERSION=1.3.0"),
        ("wms", "VERSION=1.1.1"),
        ("wfs", "VERSION=2.0.0"),
        ("wfs", "VERSION=1.0.0"),
    ):
        assert capabilities(house.get(viewer, f"/{service}?SERVICE={service}&REQUEST=GetCapabilities&{more}")) == there
    assert capabilities(house.get(viewer, "/wmts?SERVICE=WMTS&REQUEST=GetCapabilities")) == there
    names = ",".join(sorted(there))
    described = house.get(viewer, f"/wfs?SERVICE=WFS&VERSION=1.1.0&REQUEST=DescribeFeatureType&TYPENAME={names}").text
    types = dict(re.findall(r'<complexType name="(\w+)Type">(.*?)</complexType>', described, re.DOTALL))
    assert {
        layer: set(re.findall(r'<element name="(\w+)"', told)) - {"geometry", "feature_id"}
        for layer, told in types.items()
    } == {layer: set(content_columns(layer)) - hidden_columns(viewer, layer) for layer in there}
    gml = house.get(viewer, f"/wfs?SERVICE=WFS&VERSION=1.1.0&REQUEST=GetFeature&TYPENAME={names}").text
    found: dict[str, dict[str, dict[str, str]]] = {layer: {} for layer in there}
    for layer, row in re.findall(r"<ms:(\w+) gml:id=.*?>(.*?)</ms:\1>", gml, re.DOTALL):
        values = dict(re.findall(r"<ms:(\w+)>([^<]*)</ms:\1>", row))
        key = values.pop("feature_id")
        found[layer][key] = {column: plain(value) for column, value in values.items() if value}
    assert found == {
        layer: {
            key: {c: plain(v) for c, v in row.items() if v is not None} for key, row in rows_of(viewer, layer).items()
        }
        for layer in there
    }


def plain(value: object) -> str:
    """Return a value as it stands in any format: a whole number without a point, truth as a number."""
    text = str(int(value) if isinstance(value, bool) else value).replace("/", "-").removesuffix("Z")
    text = {"true": "1", "false": "0"}.get(text, text)
    return text.rstrip("0").rstrip(".") if re.fullmatch(r"\d+\.\d+", text) else text


@needs_mapserver
@pytest.mark.parametrize("name", ["nobody", "reviewer_internal_west_all", "editor_shared_west_ecology"])
def test_pictures_of_hidden_rows_are_empty_and_no_sign_answers(house: House, name: str) -> None:
    viewer = SIGHTS[name]
    for layer in ("outfall", "sewage_plant"):
        mine = rows_of(viewer, layer)
        for row in (0, 1):
            west, south, east, north = place(layer, row).buffer(0.0004).bounds
            at = f"VERSION=1.1.1&SRS=EPSG:4490&BBOX={west},{south},{east},{north}&WIDTH=40&HEIGHT=40&STYLES="
            picture = house.get(viewer, f"/wms?SERVICE=WMS&REQUEST=GetMap&LAYERS={layer}&FORMAT=image/png&{at}")
            signs = [
                house.get(
                    viewer,
                    f"/wms?SERVICE=WMS&REQUEST=GetFeatureInfo&LAYERS={layer}&QUERY_LAYERS={layer}&FORMAT=image/png&X=20&Y=20&FEATURE_COUNT=9&INFO_FORMAT={kind}&{at}",
                )
                for kind in ("text/plain", "application/vnd.ogc.gml", "application/json")
            ]
            if mine is None:
                other = house.get(
                    viewer, f"/wms?SERVICE=WMS&REQUEST=GetMap&LAYERS={absent(layer)}&FORMAT=image/png&{at}"
                )
                assert told(picture, layer) == told(other, absent(layer))
                assert (
                    house.get(viewer, f"/wmts/{layer}/CGCS2000/8/209/39.png").status_code
                    == house.get(viewer, f"/wmts/{absent(layer)}/CGCS2000/8/209/39.png").status_code
                )
                continue
            drawn = np.asarray(Image.open(io.BytesIO(picture.content)).convert("RGB"))
            is_mine = feature_id(layer, row) in mine
            assert bool((drawn != 255).any()) == is_mine, (layer, row)
            assert [feature_id(layer, row) in sign.text for sign in signs] == [is_mine] * 3


@needs_mapserver
@pytest.mark.parametrize("name", ["nobody", "editor_shared_west_ecology"])
def test_wfs_asks_for_hidden_layers_and_columns_in_vain_like_ones_that_are_none(house: House, name: str) -> None:
    viewer = SIGHTS[name]
    base = "/wfs?SERVICE=WFS&VERSION={v}&REQUEST={r}"
    for version, key in (("1.0.0", "TYPENAME"), ("2.0.0", "TYPENAMES")):
        for request in ("GetFeature", "DescribeFeatureType"):
            one, other = (
                house.get(viewer, base.format(v=version, r=request) + f"&{key}={layer}")
                for layer in ("outfall", absent("outfall"))
            )
            assert told(one, "outfall") == told(other, absent("outfall"))
    layer, column = ("river", "river_chief") if name == "nobody" else ("suspected_plot", "survey_due_on")
    for condition in (
        "<Filter><PropertyIsEqualTo><PropertyName>{}</PropertyName><Literal>q</Literal></PropertyIsEqualTo></Filter>",
        "<Filter><PropertyIsLike wildCard='*' singleChar='.' escape='!'><PropertyName>{}</PropertyName><Literal>*</Literal></PropertyIsLike></Filter>",
        "<Filter><Not><PropertyIsNull><PropertyName>{}</PropertyName></PropertyIsNull></Not></Filter>",
    ):
        asked = [
            house.get(
                viewer, base.format(v="1.1.0", r="GetFeature") + f"&TYPENAME={layer}&FILTER={condition.format(c)}"
            )
            for c in (column, "y" * len(column))
        ]
        assert told(asked[0], column) == told(asked[1], "y" * len(column))
    for more in ("PROPERTYNAME={}", "SORTBY={}"):
        asked = [
            house.get(viewer, base.format(v="2.0.0", r="GetFeature") + f"&TYPENAMES={layer}&{more.format(c)}")
            for c in (column, "y" * len(column))
        ]
        assert told(asked[0], column) == told(asked[1], "y" * len(column))


# --- outputs that leave the house go by the same words ---


def test_all_outputs_judge_a_column_alike() -> None:
    for name, spec in content().layers.items():
        here, outside = disclosures_of(spec, content()), Columns.of(name, content())
        for column in (*spec.fields, *spec.derived):
            assert here[column] == outside.disclosures[column], (name, column)
        assert layer_disclosure(spec) == outside.disclosures["feature_id"]


def test_a_layer_reaches_no_further_than_its_key_and_results_no_further_than_samples() -> None:
    came = content()
    river = came.layers["river"]
    keyed = replace(
        river, fields={**river.fields, "river_code": replace(river.fields["river_code"], disclosure="internal")}
    )
    assert schema_of(keyed, came).disclosure == "internal"
    sample = came.layers["water_sample"]
    for field, is_narrow in (("ph", True), ("station_state", True), ("monitored_by", False)):
        narrow = replace(sample, fields={**sample.fields, field: replace(sample.fields[field], disclosure="internal")})
        told = disclosures_of(
            came.layers["water_section"], replace(came, layers={**came.layers, "water_sample": narrow})
        )
        assert (told["class_now"], told["note"]) == ("internal" if is_narrow else "shared", "shared"), field
    late = Derived("late", Text("迟", "late"), "add_months", ("found_on",), {})
    assert (
        disclosures_of(replace(came.layers["outfall"], disclosure="public", derived={"late": late}), came)["late"]
        == "internal"
    )


def test_pages_of_one_who_sees_a_part_number_no_hidden_row(house: House) -> None:
    """The store's own numbers of rows would say how many lie between; the links count what is seen, and lead through all of it."""
    viewer = VIEWERS["viewer_internal_west_all"]
    found, path = [], "/collections/outfall/items?limit=1"
    while path:
        content = house.get(viewer, path).json()
        found += [f["id"] for f in content["features"]]
        path = next((link["href"] for link in content["links"] if link["rel"] == "next"), "").removeprefix(
            "http://localhost"
        )
        assert "after=" not in path
    assert found == list(rows_of(viewer, "outfall"))
    for token in ("1", "2", "0"):
        assert house.get(viewer, f"/collections/outfall/items?after={token}").status_code == 400
    assert (
        house.get(VIEWERS["viewer_internal_all_all"], "/collections/outfall/items?after=1").json()["numberReturned"]
        == 4
    )


@needs_mapserver
@pytest.mark.parametrize("asked", ["outfall", "OutFall", "geosys", "水环境", "village,GEOSYS"])
def test_an_internal_layer_is_in_the_log_by_whatever_name_it_was_drawn(house: House, asked: str) -> None:
    """MapServer takes names in any case, that of a group for its layers, and that of the map for all of them."""
    viewer, start = VIEWERS["viewer_internal_all_all"], len(logged(house))
    west, south, east, north = place("outfall", 1).buffer(0.001).bounds
    at = f"SERVICE=WMS&VERSION=1.1.1&SRS=EPSG:4490&BBOX={west},{south},{east},{north}&WIDTH=40&HEIGHT=40&STYLES=&FORMAT=image/png"
    house.get(
        viewer, f"/wms?{at}&REQUEST=GetFeatureInfo&LAYERS={asked}&QUERY_LAYERS={asked}&X=20&Y=20&INFO_FORMAT=text/plain"
    )
    assert ("read", "outfall", "wms") in {(a["what"], a["layer"], a["format"]) for a in logged(house)[start:]}
