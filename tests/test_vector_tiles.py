"""Vector tiles: what is in them is what shapely cuts, nobody finds what is not his, and nothing grows without bound."""

from __future__ import annotations

import gzip
import json
import math
import re
import threading
from typing import TYPE_CHECKING

import geopandas as gpd
import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from pyproj import Transformer
from services_toy import EAST, OUTFALLS, TOWNS, WEST, ZONES, Client, make_app, make_service, make_source
from shapely.geometry import shape

from geosys.accounts.viewer import Viewer
from geosys.layers.spec import read_catalogue
from geosys.views import schemas_of
from geosys.web.tiles.cache import DiskCache
from geosys.web.tiles.cut import MARGIN, cut
from geosys.web.tiles.encoding import decode, encode
from geosys.web.tiles.grid import EXTENT, TOP_ZOOM, degrees_box, tile_box
from geosys.web.tiles.making import Tile, make_tile, tile_of
from geosys.web.tiles.page import FILES
from geosys.web.tiles.routes import tile_routes
from geosys.web.tiles.seen import seen_of

if TYPE_CHECKING:
    from pathlib import Path

    from geosys.web.sources.geopackage import GeoPackageSource
    from geosys.web.sources.port import Query

TO_MERCATOR = Transformer.from_crs("EPSG:4326", "EPSG:3857", always_xy=True)
Z14 = 14


def tile_at(lon: float, lat: float, z: int) -> tuple[int, int, int]:
    """Return the tile of a place by the textbook's formula."""
    x = int((lon + 180) / 360 * 2**z)
    y = int((1 - math.asinh(math.tan(math.radians(lat))) / math.pi) / 2 * 2**z)
    return z, x, y


def in_units(geometry: shapely.Geometry, place: tuple[int, int, int]) -> shapely.Geometry:
    """Place a geometry of degrees on a tile with pyproj, apart from the code under test."""
    west, _, east, north = tile_box(*place)
    scale = EXTENT / (east - west)

    def move(xy: np.ndarray) -> np.ndarray:
        x, y = TO_MERCATOR.transform(xy[:, 0], xy[:, 1])
        return np.column_stack([(np.asarray(x) - west) * scale, (north - np.asarray(y)) * scale])

    return shapely.transform(geometry, move)


WINDOW = shapely.box(-MARGIN, -MARGIN, EXTENT + MARGIN, EXTENT + MARGIN)


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Client:
    folder = tmp_path_factory.mktemp("services")
    return Client(make_app(tile_routes(make_service(folder), folder)))


def test_the_grid_is_that_of_web_maps() -> None:
    west, south, east, north = tile_box(3, 6, 3)
    assert TO_MERCATOR.transform(90.0, 0.0) == pytest.approx((west, south), abs=1e-6)
    assert east - west == pytest.approx(north - south) == pytest.approx(2 * 20037508.342789244 / 8)
    for z in (0, 5, TOP_ZOOM):
        place = tile_at(114.3, 34.8, z)
        west, south, east, north = degrees_box(*place)
        assert west <= 114.3 <= east
        assert south <= 34.8 <= north
        x, y = TO_MERCATOR.transform([west, east], [south, north])
        assert (x[0], y[0], x[1], y[1]) == pytest.approx(tile_box(*place), abs=1e-6)


def star(lon: float, lat: float, radius: float, corners: int, seed: int) -> shapely.Polygon:
    rng = np.random.default_rng(seed)
    angles = np.sort(rng.uniform(0, 2 * math.pi, corners))
    reach = radius * rng.uniform(0.3, 1.0, corners)
    return shapely.make_valid(
        shapely.Polygon(np.column_stack([lon + reach * np.cos(angles), lat + reach * np.sin(angles)]))
    )


@settings(max_examples=40, deadline=None)
@given(
    lon=st.floats(113.99, 114.02),
    lat=st.floats(34.69, 34.71),
    radius=st.floats(1e-4, 0.08),
    corners=st.integers(4, 40),
    seed=st.integers(0, 9999),
)
def test_a_decoded_tile_is_what_shapely_cuts(lon: float, lat: float, radius: float, corners: int, seed: int) -> None:
    place = tile_at(114.0, 34.7, Z14)
    drawn = star(lon, lat, radius, corners, seed)
    expected = shapely.intersection(shapely.make_valid(in_units(drawn, place)), WINDOW)
    [part] = cut(np.array([drawn], dtype=object), *place)
    if part is None:
        assert expected.area <= 2 * (expected.length + 4)
        return
    [feature] = decode(encode({"l": ([part], [{}])}))["l"]["features"]
    got = shape(feature["geometry"])
    assert got.is_valid
    # Simplified by a unit and set on whole units: nothing may move further than that from where it was.
    difference = shapely.symmetric_difference(got, expected)
    assert difference.area <= 2 * (expected.length + 8)
    assert shapely.hausdorff_distance(got, expected) <= 2.5 or got.area > 0
    assert shapely.within(got, shapely.buffer(WINDOW, 1e-6))


def test_lines_and_points_are_cut_with_the_margin() -> None:
    place = tile_at(114.0, 34.7, Z14)
    west, south, east, north = degrees_box(*place)
    middle = (south + north) / 2
    line = shapely.LineString([(west - 1, middle), (east + 1, middle)])
    points = [
        shapely.Point(west, north),
        shapely.Point(east + (east - west) * 0.9 * MARGIN / EXTENT, middle),
        shapely.Point(east + 0.1, middle),
    ]
    parts = cut(np.array([line, *points], dtype=object), *place)
    assert shapely.bounds(parts[0])[[0, 2]].tolist() == [-MARGIN, EXTENT + MARGIN]
    assert shapely.get_coordinates(parts[1]).tolist() == [[0.0, 0.0]]
    assert shapely.get_x(parts[2]) == pytest.approx(EXTENT + 0.9 * MARGIN, abs=1)
    assert parts[3] is None


def test_rings_run_as_the_specification_wants() -> None:
    place = tile_at(114.0, 34.7, Z14)
    west, south, east, north = degrees_box(*place)
    outer = shapely.box(west + 0.002, south + 0.002, east - 0.002, north - 0.002)
    hole = shapely.Polygon(
        outer.exterior.coords, [shapely.box(west + 0.008, south + 0.008, east - 0.008, north - 0.008).exterior.coords]
    )
    [part] = cut(np.array([hole], dtype=object), *place)
    [feature] = decode(encode({"l": ([part], [{}])}))["l"]["features"]

    def surveyor(ring: list[list[float]]) -> float:
        xy = np.array(ring)
        return float((xy[:-1, 0] * xy[1:, 1] - xy[1:, 0] * xy[:-1, 1]).sum() / 2)

    shell, inside = feature["geometry"]["coordinates"]
    assert surveyor(shell) > 0 > surveyor(inside)  # MVT 2.1, 4.3.3.3


def test_what_touches_a_tile_only_along_its_edge_leaves_nothing_of_lower_dimension() -> None:
    place = tile_at(114.0, 34.7, Z14)
    _, south, east, north = degrees_box(*place, margin=MARGIN / EXTENT)
    beside = shapely.box(east, south, east + 1, north)
    [part] = cut(np.array([beside], dtype=object), *place)
    assert part is None or part.geom_type in {"Polygon", "MultiPolygon"}


def test_a_plot_smaller_than_a_screen_can_show_does_not_vanish() -> None:
    plot = shapely.box(114.0, 34.7, 114.00001, 34.70001)
    for z in (2, 6, 10, 16):
        [part] = cut(np.array([plot], dtype=object), *tile_at(114.000005, 34.700005, z))
        assert part is not None
        assert part.area > 0


def test_missing_and_empty_places_are_left_out() -> None:
    parts = cut(np.array([None, shapely.Polygon(), shapely.Point()], dtype=object), 0, 0, 0)
    assert list(parts) == [None, None, None]


# --- the service ---


def tile_url(who: str, layer: str, geometry: shapely.Geometry, z: int = Z14) -> str:
    z, x, y = tile_at(*geometry.centroid.coords[0], z)
    return f"/as-{who}/tiles/{layer}/{z}/{x}/{y}.mvt"


def test_a_tile_through_the_service(client: Client) -> None:
    answer = client.get(tile_url("all", "source_zone", ZONES["西水源"], 12))
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/vnd.mapbox-vector-tile"
    assert answer.headers["content-encoding"] == "gzip"
    assert (answer.headers["geosys-features"], answer.headers["geosys-left-out"]) == ("1", "0")
    [feature] = decode(answer.content)["source_zone"]["features"]
    assert feature["properties"] == {
        "feature_id": "f1", "zone_code": "Z1", "zone_name": "西水源", "level": "一级", "county_code": WEST, "is_marked": True
    }  # fmt: skip
    place = tile_at(*ZONES["西水源"].centroid.coords[0], 12)
    assert shape(feature["geometry"]).area == pytest.approx(in_units(ZONES["西水源"], place).area, rel=0.01)


def test_a_client_that_has_the_tile_is_told_so(client: Client) -> None:
    url = tile_url("all", "source_zone", ZONES["西水源"])
    first = client.get(url)
    again = client.get(url, headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    plain = client.get(url, headers={"Accept-Encoding": "identity"})
    assert "content-encoding" not in plain.headers
    assert plain.content == first.content
    assert plain.headers["etag"] != first.headers["etag"]
    other = client.get(
        tile_url("west", "source_zone", ZONES["东水源"]), headers={"If-None-Match": first.headers["etag"]}
    )
    assert other.status_code == 200
    assert client.get(url, method="HEAD").status_code == 200


@pytest.mark.parametrize("z", range(0, TOP_ZOOM + 1, 3))
def test_a_viewer_of_one_county_finds_nothing_of_another(client: Client, z: int) -> None:
    for layer, places in (("source_zone", ZONES), ("outfall", OUTFALLS)):
        for name, geometry in places.items():
            for who, mine in (("west", "西"), ("east", "东")):
                content = client.get(tile_url(who, layer, geometry, z)).content
                told = {
                    f["properties"]["county_code"] for f in decode(content).get(layer, {"features": []})["features"]
                }
                assert told <= {WEST if mine == "西" else EAST}
                other = next(n for n in places if n[0] != mine)
                assert other.encode() not in content
                if name[0] == mine:
                    assert told
            assert name.encode() in client.get(tile_url("all", layer, geometry, z)).content


def test_a_field_that_is_not_open_is_in_no_tile(client: Client) -> None:
    middle = shapely.Point(114.2, 34.69)
    assert "张河长".encode() in client.get(tile_url("all", "river", middle)).content
    for who in ("nobody", "public"):
        answer = client.get(tile_url(who, "river", middle))
        assert "惠济河".encode() in answer.content
        assert "张河长".encode() not in answer.content
        assert b"river_chief" not in answer.content
        assert "river_chief" not in client.get(f"/as-{who}/tiles/river").text
        assert "river_chief" not in client.get(f"/as-{who}/tiles").text


def test_what_may_not_be_seen_is_as_what_is_not_there(client: Client) -> None:
    absent = client.get("/as-nobody/tiles/no_such_layer")
    for path in (
        "source_zone",
        "outfall",
        "no_such_layer",
        "source_zone/0/0/0.mvt",
        "no_such_layer/0/0/0.mvt",
        "source_zone'--/0/0/0.mvt",
    ):
        answer = client.get(f"/as-nobody/tiles/{path}")
        assert (answer.status_code, answer.content) == (404, absent.content)
        assert {k: v for k, v in answer.headers.items() if k != "date"} == {
            k: v for k, v in absent.headers.items() if k != "date"
        }
    told = client.get("/as-nobody/tiles").json()
    assert [layer["id"] for layer in told["layers"]] == ["township", "river"]


@pytest.mark.parametrize("place", ["3/8/0", "3/0/8", "19/0/0", "99/0/0", "1/-1/0", "a/0/0", "1/0/0.5", "1/0/%2e%2e"])
def test_a_tile_that_is_none_is_not_found(client: Client, place: str) -> None:
    assert client.get(f"/tiles/township/{place}.mvt").status_code == 404


def test_tilejson_says_where_tiles_are_and_what_is_in_them(client: Client) -> None:
    told = client.get("/as-west/tiles/source_zone").json()
    assert told["tiles"] == ["http://testserver/as-west/tiles/source_zone/{z}/{x}/{y}.mvt"]
    layer, names = told["vector_layers"]
    assert (names["id"], set(names["fields"])) == ("source_zone-names", {"zone_name"})
    assert layer["id"] == "source_zone"
    assert set(layer["fields"]) == {"zone_code", "zone_name", "level", "county_code", "is_marked"}
    assert "bounds" not in told  # of the whole layer: it would tell where the other county's features lie
    assert client.get("/as-all/tiles/source_zone").json()["bounds"] == pytest.approx([114.05, 34.70, 114.27, 34.76])
    hostile = client.get("/as-west/tiles/source_zone", headers={"host": "evil.example"}).json()
    assert "evil" not in hostile["tiles"][0]


def test_the_name_of_an_area_stands_in_one_tile_only(client: Client) -> None:
    town = TOWNS["西镇"]
    _, west, north = tile_at(town.bounds[0], town.bounds[3], 12)
    _, east, south = tile_at(town.bounds[2], town.bounds[1], 12)
    pieces, names = 0, []
    for x in range(west, east + 1):
        for y in range(north, south + 1):
            told = decode(client.get(f"/tiles/township/12/{x}/{y}.mvt").content)
            pieces += sum(f["properties"]["township_name"] == "西镇" for f in told["township"]["features"])
            found = told.get("township-names", {"features": []})["features"]
            names += [(x, y, f["geometry"]["coordinates"]) for f in found if f["properties"]["township_name"] == "西镇"]
    assert pieces >= 4
    [(x, y, point)] = names
    assert in_units(town, (12, x, y)).contains(shapely.Point(point))


# --- bounds and cache ---


@pytest.fixture(scope="module")
def crowd(tmp_path_factory: pytest.TempPathFactory) -> tuple:
    """Make a layer of 900 squares that grow towards the north-east, and what somebody sees of it."""
    folder = tmp_path_factory.mktemp("crowd")
    shapes = [
        shapely.box(x, y, x + 1e-4 * (1 + i / 90), y + 1e-4)
        for i, (x, y) in enumerate((114 + i % 30 / 100, 34.6 + i // 30 / 100) for i in range(900))
    ]
    rows = {
        "feature_id": [f"p{i:03}" for i in range(900)],
        "patch_code": [f"C{i:018}" for i in range(900)],
        "land_class_code": ["0101"] * 900,
    }
    source = make_source(folder, {"land_patch": gpd.GeoDataFrame(rows, geometry=shapes, crs="EPSG:4490")})
    schemas = schemas_of(read_catalogue())
    seen = seen_of(source, schemas, Viewer("a", "viewer", audience="internal"), "land_patch")
    return source, seen, schemas


def features(tile: Tile) -> list[dict]:
    return decode(gzip.decompress(tile.packed))["land_patch"]["features"]


def test_a_tile_is_bounded_in_features_and_says_how_many_are_left_out(crowd: tuple) -> None:
    source, seen, _ = crowd
    place = tile_at(114.15, 34.75, 7)
    whole = make_tile(source, seen, place, ["land_class_code"])
    assert (whole.features, whole.left_out, len(features(whole))) == (900, 0, 900)
    some = make_tile(source, seen, place, ["land_class_code"], most_features=100)
    assert (some.features, some.left_out, len(features(some))) == (100, 800, 100)


def test_a_tile_is_bounded_in_bytes_first_by_columns_then_by_size(crowd: tuple) -> None:
    source, seen, _ = crowd
    place = tile_at(114.15, 34.75, 7)
    size = len(gzip.decompress(make_tile(source, seen, place, []).packed))
    brief = make_tile(source, seen, place, ["land_class_code"], most_bytes=size - 1)
    assert (brief.is_whole, brief.features, brief.left_out) == (False, 900, 0)
    assert set(features(brief)[0]["properties"]) == {"feature_id", "land_class_code"}
    least = make_tile(source, seen, place, [], most_bytes=size // 8)
    assert len(gzip.decompress(least.packed)) <= size // 8
    assert least.features + least.left_out == 900
    assert 0 < least.features < 900


def test_a_made_tile_comes_from_the_disk_and_never_for_other_rights(crowd: tuple, tmp_path: Path) -> None:
    source, seen, schemas = crowd
    cache, place = DiskCache(tmp_path), tile_at(114.15, 34.75, 9)
    made = tile_of(source, seen, place, [], cache)

    class Silent:
        def items(self, *_: object) -> list:
            raise AssertionError("the store was asked")

    assert tile_of(Silent(), seen, place, [], cache) == made
    bound = seen_of(
        source, schemas, Viewer("b", "viewer", counties=frozenset({WEST}), audience="internal"), "land_patch"
    )
    assert bound is None or bound.key != seen.key


class Edited:
    """A store that can be written to and does not say in which state it is."""

    def __init__(self, base: GeoPackageSource) -> None:
        self.base, self.asked = base, 0
        self.collections, self.count, self.one, self.close = base.collections, base.count, base.one, base.close
        self.create = self.replace = self.delete = self.items

    def items(self, layer: str, query: Query) -> list:
        self.asked += 1
        return self.base.items(layer, query)


def test_what_changes_without_telling_is_not_kept(crowd: tuple, tmp_path: Path) -> None:
    source, _, schemas = crowd

    class Telling(Edited):
        told = "1"

        def state(self, _: str) -> str:
            return self.told

    viewer, cache, place = Viewer("a", "viewer", audience="internal"), DiskCache(tmp_path), (9, 0, 0)
    for store, expected in ((Edited(source), 2), (Telling(source), 1)):
        for _ in range(2):
            tile_of(store, seen_of(store, schemas, viewer, "land_patch"), place, [], cache)
        assert store.asked == expected
    store = Telling(source)
    before = seen_of(store, schemas, viewer, "land_patch").key
    store.told = "2"
    assert seen_of(store, schemas, viewer, "land_patch").key != before


def test_the_cache_stays_below_its_bound_and_drops_the_oldest(tmp_path: Path) -> None:
    cache = DiskCache(tmp_path, most_bytes=10_000)
    for i in range(50):
        cache.put(bytes(1_000), "k", str(i))
    kept = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert 1 <= len(kept) <= 10
    assert cache.get("k", "49") is not None
    assert cache.get("k", "0") is None
    with pytest.raises(ValueError, match="plain letters"):
        cache.get("..", "x")


def test_many_threads_use_one_cache(tmp_path: Path) -> None:
    cache, wrong = DiskCache(tmp_path, most_bytes=20_000), []

    def work(seed: int) -> None:
        for i in range(60):
            name = str((i * seed) % 17)
            cache.put(name.encode() * 400, "t", name)
            got = cache.get("t", name)
            if got not in {None, name.encode() * 400}:
                wrong.append(name)

    threads = [threading.Thread(target=work, args=(seed,)) for seed in (1, 3, 5, 7)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
    assert not list(tmp_path.rglob("*.part"))


# --- the page ---


def test_the_page_and_its_files_name_no_outside_address(client: Client) -> None:
    page = client.get("/as-nobody/map")
    assert page.status_code == 200
    named = re.findall(r'(?:src|href)="([^"]*)"', page.text)
    assert all(link.startswith(("/as-nobody/", "#", "?", "data:")) for link in named)
    for name, path in FILES.items():
        answer = client.get(f"/map/files/{name}")
        assert answer.status_code == 200
        if "maplibre" not in path.name:
            assert "://" not in answer.text.replace("http://www.w3.org", "")
    assert client.get("/map/files/..%2Fpage%2F__init__.py").status_code == 404
    assert "<script>" not in page.text
    assert 'lang="en"' in client.get("/map?lang=en").text


def test_what_the_page_draws_is_plain_data(client: Client) -> None:
    told = client.get("/as-all/tiles").json()
    zone = next(layer for layer in told["layers"] if layer["id"] == "source_zone")
    assert [c["code"] for c in zone["classes"]] == ["一级", "二级", "准"]
    assert zone["by"] == "level"
    assert told["bounds"]
    assert json.dumps(told)
