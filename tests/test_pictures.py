"""Pictures: the place of every pixel in every axis order, clients that we did not write, and nobody's picture of another's data."""

from __future__ import annotations

import io
import os
import re
import stat
from typing import TYPE_CHECKING
from urllib.parse import quote

import numpy as np
import pyogrio
import pytest
import rasterio
import shapely
from owslib.wfs import WebFeatureService
from owslib.wms import WebMapService
from owslib.wmts import WebMapTileService
from PIL import Image, ImageDraw, ImageFont
from pyproj import Transformer
from services_toy import OUTFALLS, TOWNS, VIEWERS, ZONES, Client, frames, make_app, make_service, make_source, running
from starlette.exceptions import HTTPException

from geosys.content import content_root
from geosys.maps.spec import load_map
from geosys.web.pictures import child
from geosys.web.pictures.child import MapServer, PictureError
from geosys.web.pictures.classes import DATA, RightsClasses
from geosys.web.pictures.fonts import write_face
from geosys.web.pictures.requests import checked_query, layers_asked
from geosys.web.pictures.routes import MAPPROXY, MAPSERVER, picture_routes, programs

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

needs_mapserver = pytest.mark.skipif(
    not programs()[MAPSERVER], reason="MapServer is not installed here: apt's cgi-mapserver brings mapserv"
)
needs_mapproxy = pytest.mark.skipif(not all(programs().values()), reason="MapServer or MapProxy is not installed here")
# MapProxy leaves closing its lock files to the interpreter.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")

WHITE = (255, 255, 255)
NORTH_FIRST = {"EPSG:4490", "EPSG:4326", "EPSG:4547"}  # as their authority writes them
SYSTEMS = ("EPSG:4490", "EPSG:4326", "EPSG:4547", "EPSG:3857")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("services")


@pytest.fixture(scope="module")
def client(folder: Path) -> Client:
    return Client(make_app(picture_routes(make_service(folder), folder)))


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with running(tmp_path_factory.mktemp("served")) as url:
        yield url


def in_system(geometry: shapely.Geometry, system: str) -> shapely.Geometry:
    """Move a geometry of degrees, easting first, apart from the code under test."""
    change = Transformer.from_crs("EPSG:4490", system, always_xy=True)
    return shapely.transform(geometry, lambda xy: np.column_stack(change.transform(xy[:, 0], xy[:, 1])))


def query(
    version: str, system: str, box: tuple[float, ...], size: tuple[int, int], layers: str = "source_zone", **more: str
) -> str:
    west, south, east, north = box
    is_turned = version == "1.3.0" and system in NORTH_FIRST
    sides = (south, west, north, east) if is_turned else box
    told = {
        "SERVICE": "WMS", "VERSION": version, "REQUEST": "GetMap", "LAYERS": layers, "STYLES": "", "CRS" if version == "1.3.0" else "SRS": system,
        "BBOX": ",".join(f"{side:.9f}" for side in sides), "WIDTH": str(size[0]), "HEIGHT": str(size[1]), "FORMAT": "image/png", **more,
    }  # fmt: skip
    return "&".join(f"{name}={value}" for name, value in told.items())


def picture(client: Client, who: str, *asked: object, **more: str) -> Image.Image:
    answer = client.get(f"/as-{who}/wms?{query(*asked, **more)}")
    assert answer.headers["content-type"] == "image/png", answer.text
    return Image.open(io.BytesIO(answer.content)).convert("RGB")


def drawn_box(image: Image.Image) -> tuple[int, int, int, int] | None:
    """Return the rows and columns of what is not white."""
    drawn = (np.asarray(image) != 255).any(axis=2)
    if not drawn.any():
        return None
    rows, columns = np.flatnonzero(drawn.any(axis=1)), np.flatnonzero(drawn.any(axis=0))
    return int(columns[0]), int(rows[0]), int(columns[-1]), int(rows[-1])


def places_of(transform: object, columns: np.ndarray, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the middle of pixels of a raster that is north up."""
    return transform.c + transform.a * (columns + 0.5), transform.f + transform.e * (rows + 0.5)


# --- place ---


@needs_mapserver
@pytest.mark.parametrize("system", SYSTEMS)
@pytest.mark.parametrize("version", ["1.1.1", "1.3.0"])
def test_a_square_is_drawn_where_it_lies_in_every_axis_order(client: Client, version: str, system: str) -> None:
    square = in_system(ZONES["西水源"], system)
    west, south, east, north = square.bounds
    width, height = east - west, north - south
    window = (
        west - width,
        south - 2 * height,
        east + 3 * width,
        north + height,
    )  # 5 wide, 4 high: turned axes would show
    pixels = (500, 400)
    left, top, right, bottom = drawn_box(picture(client, "all", version, system, window, pixels))
    expected = (100, 100, 200, 200)
    assert (left, top, right, bottom) == pytest.approx(expected, abs=3)  # half of the line and the bend of meridians


@needs_mapserver
def test_crs84_is_longitude_first_in_every_version(client: Client) -> None:
    west, south, east, north = ZONES["西水源"].bounds
    window = (west - 0.02, south - 0.02, east + 0.06, north + 0.01)
    assert drawn_box(picture(client, "all", "1.3.0", "CRS:84", window, (500, 400))) == pytest.approx(
        (100, 100, 200, 200), abs=3
    )


@needs_mapserver
def test_a_swapped_box_shows_nothing(client: Client) -> None:
    west, south, east, north = ZONES["西水源"].bounds
    assert drawn_box(picture(client, "all", "1.3.0", "CRS:84", (south, west, north, east), (100, 100))) is None


@needs_mapserver
def test_names_are_written_in_chinese_of_the_mainland(client: Client, folder: Path) -> None:
    """The label is the face's own letters, not boxes: a picture of them set by another program correlates."""
    name = next(iter(TOWNS))
    x, y = TOWNS[name].centroid.coords[0]
    window = (x - 0.03, y - 0.015, x + 0.03, y + 0.015)
    got = picture(client, "all", "1.1.1", "EPSG:4490", window, (400, 200), layers="township").convert("L")
    left, top, right, bottom = drawn_box(got.convert("RGB"))
    assert 20 <= right - left <= 40
    assert 9 <= bottom - top <= 20
    [face] = {
        path
        for path in (folder / "pictures").glob("*/face.ttf")
        if ImageFont.truetype(path).getlength(name) > 0 and path.parent.is_dir()
    } & {next(path for path in (folder / "pictures").glob("*/face.ttf"))}
    best = 0.0
    dark = 255 - np.asarray(got.crop((left - 2, top - 2, right + 3, bottom + 3)), dtype=float)
    for size in np.arange(10, 18, 0.5):
        drawn = Image.new("L", got.size, 255)
        ImageDraw.Draw(drawn).text((60, 60), name, font=ImageFont.truetype(face, size), fill=0)
        box = drawn_box(drawn.convert("RGB"))
        letters = drawn.crop((box[0] - 2, box[1] - 2, box[2] + 3, box[3] + 3)).resize((dark.shape[1], dark.shape[0]))
        best = max(best, float(np.corrcoef(dark.ravel(), 255 - np.asarray(letters, dtype=float).ravel())[0, 1]))
    assert best > 0.7


def test_a_face_has_the_characters_that_are_asked_for(tmp_path: Path) -> None:
    assert write_face(tmp_path / "face.ttf", ["直骨开封", "\U000f0000"]) == "\U000f0000"
    face = ImageFont.truetype(tmp_path / "face.ttf", 40)
    assert face.getmask("直").getbbox() != face.getmask("\u4e01").getbbox()
    assert (tmp_path / "face.ttf").stat().st_size < 60_000


@needs_mapserver
def test_the_legend_names_the_classes(client: Client) -> None:
    url = "/as-all/wms?SERVICE=WMS&VERSION=1.3.0&REQUEST=GetLegendGraphic&LAYER=source_zone&FORMAT=image/png&SLD_VERSION=1.1.0"
    image = Image.open(io.BytesIO(client.get(url).content)).convert("RGB")
    colours = {colour for _, colour in image.getcolors(100_000)}
    assert image.height >= 60
    assert len(colours) > 20


# --- rights ---


def info(client: Client, who: str, layer: str, place: shapely.Geometry) -> str:
    x, y = place.centroid.coords[0]
    window = (x - 0.001, y - 0.001, x + 0.001, y + 0.001)
    asked = query(
        "1.1.1",
        "EPSG:4490",
        window,
        (101, 101),
        layer,
        QUERY_LAYERS=layer,
        X="50",
        Y="50",
        INFO_FORMAT="text/plain",
        FEATURE_COUNT="50",
    )
    return client.get(f"/as-{who}/wms?{asked.replace('GetMap', 'GetFeatureInfo')}").text


@needs_mapserver
@pytest.mark.parametrize(("who", "mine"), [("west", "西"), ("east", "东")])
def test_a_viewer_of_one_county_sees_nothing_of_another(client: Client, who: str, mine: str) -> None:
    window = (114.0, 34.6, 114.4, 34.8)
    for layer, places in (("source_zone", ZONES), ("outfall", OUTFALLS)):
        for name, place in places.items():
            west, south, east, north = shapely.buffer(place, 0.004).bounds
            image = picture(client, who, "1.1.1", "EPSG:4490", (west, south, east, north), (64, 64), layers=layer)
            assert (drawn_box(image) is not None) == (name[0] == mine)
            assert (name in info(client, who, layer, place)) == (name[0] == mine)
            assert name in info(client, "all", layer, place)
        for version in ("1.0.0", "1.1.0", "2.0.0"):
            key = "TYPENAMES" if version == "2.0.0" else "TYPENAME"
            text = client.get(f"/as-{who}/wfs?SERVICE=WFS&VERSION={version}&REQUEST=GetFeature&{key}={layer}").text
            assert all((name in text) == (name[0] == mine) for name in places)
        capabilities = client.get(f"/as-{who}/wfs?SERVICE=WFS&VERSION=1.1.0&REQUEST=GetCapabilities").text
        own = next(shape for name, shape in places.items() if name[0] == mine)
        corner = re.search(rf"<Name>[^<]*{layer}</Name>.*?<ows:LowerCorner>([\d.]+)", capabilities, re.DOTALL)[1]
        assert float(corner) == pytest.approx(own.bounds[0], abs=1e-4)  # the extent, too, is of its own rows
    assert drawn_box(picture(client, who, "1.1.1", "EPSG:4490", window, (64, 64), layers="township")) is not None


@needs_mapserver
def test_layers_and_fields_that_are_not_open_are_not_there(client: Client) -> None:
    for service in ("WMS&VERSION=1.3.0", "WFS&VERSION=2.0.0"):
        path = service[:3].lower()
        text = client.get(f"/as-nobody/{path}?SERVICE={service}&REQUEST=GetCapabilities").text
        assert "township" in text
        assert "source_zone" not in text
        assert "outfall" not in text
    described = client.get("/as-nobody/wfs?SERVICE=WFS&VERSION=2.0.0&REQUEST=DescribeFeatureType&TYPENAMES=river").text
    assert "river_name" in described
    assert "river_chief" not in described
    assert (
        "river_chief"
        in client.get("/as-all/wfs?SERVICE=WFS&VERSION=2.0.0&REQUEST=DescribeFeatureType&TYPENAMES=river").text
    )
    for who, is_told in (("nobody", False), ("all", True)):
        asked = client.get(f"/as-{who}/wfs?SERVICE=WFS&VERSION=1.1.0&REQUEST=GetFeature&TYPENAME=river").text
        assert ("张河长" in asked) == is_told
        assert "惠济河" in asked


@needs_mapserver
def test_a_hidden_layer_is_answered_as_one_that_does_not_exist(client: Client) -> None:
    for path in (
        "wms?" + query("1.3.0", "EPSG:4490", (114, 34, 115, 35), (10, 10), "{}"),
        "wms?SERVICE=WMS&VERSION=1.1.1&REQUEST=GetLegendGraphic&LAYER={}&FORMAT=image/png",
        "wfs?SERVICE=WFS&VERSION=2.0.0&REQUEST=GetFeature&TYPENAMES={}",
        "wfs?SERVICE=WFS&VERSION=1.0.0&REQUEST=DescribeFeatureType&TYPENAME={}",
        "wmts/{}/CGCS2000/3/6/1.png",
    ):
        hidden, absent = (client.get("/as-nobody/" + path.format(layer)) for layer in ("source_zone", "no_such_one"))
        assert hidden.status_code == absent.status_code
        assert hidden.text.replace("source_zone", "X") == absent.text.replace("no_such_one", "X")


@needs_mapserver
@pytest.mark.parametrize(
    "more",
    [
        "map=/etc/passwd", "MAP=../x.map", "map_layer_class=x", "map.layer[source_zone].data=x", "layers=source_zone&mapext=0 0 1 1", "mode=map",
        "qstring=1=1", "mode=browse&template=/etc/passwd", "root=/", "config=x",
    ],
)  # fmt: skip
def test_no_parameter_leads_round_the_map_file(client: Client, more: str) -> None:
    plain = "/as-west/wfs?SERVICE=WFS&VERSION=1.1.0&REQUEST=GetFeature&TYPENAME=source_zone"
    expected = re.sub(r"timeStamp=\S+", "", client.get(plain).text)
    assert re.sub(r"timeStamp=\S+", "", client.get(f"{plain}&{more}").text) == expected


FILTERS = [
    f"<Filter><PropertyIsEqualTo><PropertyName>zone_name{injected}</PropertyName><Literal>x</Literal></PropertyIsEqualTo></Filter>"
    for injected in (
        '" OR 1=1 --',
        "&quot; OR &quot;1&quot;=&quot;1",
        "&#34; OR 1=1 OR &#34;",
        "&amp;quot; OR 1",
        "' OR '1'='1",
        '<![CDATA["]]> OR 1',
    )
]


@needs_mapserver
@pytest.mark.parametrize("text", FILTERS)
def test_a_column_of_a_filter_is_a_name_or_the_filter_is_refused(client: Client, text: str) -> None:
    answer = client.get(
        f"/as-west/wfs?SERVICE=WFS&VERSION=1.1.0&REQUEST=GetFeature&TYPENAME=source_zone&FILTER={quote(text)}"
    )
    assert answer.status_code == 400
    assert "东水源" not in answer.text


@needs_mapserver
@pytest.mark.parametrize(
    "literal",
    [
        "x' OR '1'='1",
        "x' UNION SELECT * FROM gpkg_contents --",
        "%",
        "东水源",
        'x" OR 1=1 --',
        "x'); DROP TABLE source_zone; --",
    ],
)
def test_a_value_of_a_filter_is_a_value(client: Client, literal: str) -> None:
    from html import escape

    for element in ("PropertyIsEqualTo", 'PropertyIsLike wildCard="%" singleChar="_" escapeChar="!"'):
        tag = element.partition(" ")[0]
        text = f"<Filter><{element}><PropertyName>zone_name</PropertyName><Literal>{escape(literal)}</Literal></{tag}></Filter>"
        answer = client.get(
            f"/as-west/wfs?SERVICE=WFS&VERSION=1.1.0&REQUEST=GetFeature&TYPENAME=source_zone&FILTER={quote(text)}"
        )
        assert "东水源" not in answer.text.replace(escape(literal), "")
        assert "gpkg_contents" not in answer.text.replace(escape(literal), "")
    assert "西水源" in client.get("/as-west/wfs?SERVICE=WFS&VERSION=1.1.0&REQUEST=GetFeature&TYPENAME=source_zone").text


@needs_mapserver
def test_viewers_of_equal_rights_share_a_class_and_nothing_else_is_kept(tmp_path: Path) -> None:
    service = make_service(tmp_path)
    spec = load_map(content_root() / "maps")
    classes = RightsClasses(service, spec, tmp_path / "pictures", most=2)
    assert classes.of(VIEWERS["local"]) is classes.of(VIEWERS["all"])
    west = classes.of(VIEWERS["west"])
    assert {path.parent.name for path in west.folder.parent.glob("*/map.map")} == {
        classes.of(VIEWERS["all"]).key,
        west.key,
    }
    nobody = classes.of(VIEWERS["nobody"])
    kept = {path.name for path in (tmp_path / "pictures").iterdir() if path.is_dir()}
    assert kept == {DATA, nobody.key, classes.of(VIEWERS["all"]).key}
    names = {path.name for path in (tmp_path / "pictures" / DATA).iterdir()}
    assert west.packages["source_zone"].path.name not in names
    for package in nobody.packages.values():
        assert package.path.name in names
    for name, package in west.packages.items():
        content = package.path.read_bytes() if package.path.exists() else b""
        assert "东水源".encode() not in content, name


@needs_mapserver
def test_another_version_of_a_layer_is_another_class(tmp_path: Path) -> None:
    from dataclasses import replace

    service = make_service(tmp_path)
    spec = load_map(content_root() / "maps")
    first = RightsClasses(service, spec, tmp_path / "pictures").of(VIEWERS["all"])
    newer = replace(service, source=make_source(tmp_path / "newer", frames(), "v2"))
    assert RightsClasses(newer, spec, tmp_path / "pictures").of(VIEWERS["all"]).key != first.key


# --- clients that we did not write ---


@needs_mapserver
def test_owslib_reads_wms_in_both_versions(address: str) -> None:
    for version in ("1.1.1", "1.3.0"):
        wms = WebMapService(f"{address}/as-all/wms", version=version)
        assert set(wms.contents) >= {"township", "river", "source_zone", "outfall"}
        assert wms["source_zone"].title == "饮用水水源保护区"
        assert {"EPSG:4490", "EPSG:4547", "EPSG:3857", "EPSG:4326"} <= set(wms["source_zone"].crsOptions)
        assert wms["source_zone"].boundingBoxWGS84 == pytest.approx((114.05, 34.70, 114.27, 34.76), abs=1e-4)
        assert all(operation.methods[0]["url"].startswith(f"{address}/as-all/wms") for operation in wms.operations)
        got = wms.getmap(
            layers=["source_zone"],
            styles=[""],
            srs="EPSG:4490",
            bbox=(114.0, 34.65, 114.4, 34.85),
            size=(400, 200),
            format="image/png",
        )
        left, top, right, bottom = drawn_box(Image.open(io.BytesIO(got.read())).convert("RGB"))
        assert (left, top, right, bottom) == pytest.approx((50, 90, 270, 150), abs=2)


@needs_mapserver
def test_owslib_reads_wfs_in_all_versions(address: str) -> None:
    for version in ("1.0.0", "1.1.0", "2.0.0"):
        wfs = WebFeatureService(f"{address}/as-all/wfs", version=version)
        name = next(layer for layer in wfs.contents if layer.endswith("source_zone"))
        text = wfs.getfeature(typename=[name]).read().decode()
        assert "西水源" in text
        assert "东水源" in text


@needs_mapserver
@pytest.mark.parametrize(
    ("version", "system"), [("1.0.0", "EPSG:4490"), ("1.1.0", "EPSG:4490"), ("2.0.0", "EPSG:4490"), ("2.0.0", "EPSG:4547"), ("1.1.0", "EPSG:4547"), ("2.0.0", "EPSG:3857")]
)  # fmt: skip
def test_gdal_reads_features_where_they_lie(address: str, version: str, system: str) -> None:
    asked = "" if version == "1.0.0" else f"&SRSNAME=urn:ogc:def:crs:EPSG::{system[5:]}"  # which came with 1.1
    url = f"WFS:{address}/as-all/wfs?VERSION={version}{asked}"
    layers = [name for name, _ in pyogrio.list_layers(url)]
    for layer, column, places in (("source_zone", "zone_name", ZONES), ("outfall", "outfall_name", OUTFALLS)):
        [name] = [told for told in layers if told.endswith(layer)]
        frame = pyogrio.read_dataframe(url, layer=name)
        assert sorted(frame[column]) == sorted(places)
        assert frame.crs.to_epsg() == int(system[5:])
        for _, row in frame.iterrows():
            expected = in_system(places[row[column]], system)
            assert shapely.hausdorff_distance(row.geometry, expected) < (
                1e-6 if system in {"EPSG:4490", "EPSG:4326"} else 0.01
            )


@needs_mapserver
def test_gdal_filters_features(address: str) -> None:
    url = f"WFS:{address}/as-all/wfs?VERSION=2.0.0"
    names = {name.rpartition(":")[2]: name for name, _ in pyogrio.list_layers(url)}
    frame = pyogrio.read_dataframe(url, layer=names["source_zone"], where="level = '一级'")
    assert list(frame["zone_name"]) == ["西水源"]
    frame = pyogrio.read_dataframe(url, layer=names["outfall"], bbox=(114.29, 34.77, 114.31, 34.79))
    assert list(frame["outfall_name"]) == ["东口"]


@needs_mapserver
@pytest.mark.parametrize(
    ("version", "system"),
    [("1.1.1", "EPSG:4490"), ("1.3.0", "EPSG:4490"), ("1.3.0", "EPSG:4547"), ("1.3.0", "EPSG:3857")],
)
def test_gdal_reads_pictures_where_they_lie(address: str, tmp_path: Path, version: str, system: str) -> None:
    west, south, east, north = shapely.buffer(
        in_system(ZONES["西水源"], system), 0.02 if system == "EPSG:4490" else 2000
    ).bounds
    order = "<BBoxOrder>yxYX</BBoxOrder>" if version == "1.3.0" and system in NORTH_FIRST else ""
    key = "CRS" if version == "1.3.0" else "SRS"
    path = tmp_path / "wms.xml"
    path.write_text(
        f'<GDAL_WMS><Service name="WMS"><Version>{version}</Version><ServerUrl>{address}/as-all/wms?</ServerUrl><{key}>{system}</{key}>'
        f"<ImageFormat>image/png</ImageFormat><Layers>source_zone</Layers><Styles></Styles>{order}</Service><DataWindow><UpperLeftX>{west}</UpperLeftX>"
        f"<UpperLeftY>{north}</UpperLeftY><LowerRightX>{east}</LowerRightX><LowerRightY>{south}</LowerRightY><SizeX>300</SizeX><SizeY>300</SizeY>"
        f"</DataWindow><Projection>{system}</Projection><BandsCount>3</BandsCount><BlockSizeX>300</BlockSizeX><BlockSizeY>300</BlockSizeY></GDAL_WMS>"
    )
    with rasterio.open(path) as raster:
        drawn = (raster.read([1, 2, 3]) != 255).any(axis=0)
        rows, columns = np.nonzero(drawn)
        xs, ys = places_of(raster.transform, columns, rows)
    expected = in_system(ZONES["西水源"], system).bounds
    pixel = (east - west) / 300
    assert (xs.min(), ys.min(), xs.max(), ys.max()) == pytest.approx(expected, abs=3 * pixel)


# --- WMTS ---


def tile_of(lon: float, lat: float, level: int) -> tuple[int, int, tuple[float, float, float, float]]:
    """Return column, row and box of the tile of a place in the grid of 1.40625 / 2^n degrees from the north-west."""
    span = 1.40625 / 2**level * 256
    column, row = int((lon + 180) // span), int((90 - lat) // span)
    return column, row, (column * span - 180, 90 - (row + 1) * span, (column + 1) * span - 180, 90 - row * span)


@needs_mapproxy
@pytest.mark.parametrize("level", [9, 12, 18])
def test_a_tile_is_the_picture_of_its_place(client: Client, level: int) -> None:
    x, y = 114.0501, 34.7001  # a corner of the zone
    column, row, box = tile_of(x, y, level)
    expected = picture(client, "all", "1.3.0", "EPSG:4490", box, (256, 256))
    by_path = client.get(f"/as-all/wmts/source_zone/CGCS2000/{level}/{column}/{row}.png")
    asked = f"SERVICE=WMTS&VERSION=1.0.0&REQUEST=GetTile&LAYER=source_zone&STYLE=default&TILEMATRIXSET=CGCS2000&TILEMATRIX={level}&TILECOL={column}&TILEROW={row}&FORMAT=image/png"
    by_parameters = client.get(f"/as-all/wmts?{asked}")
    assert by_path.content == by_parameters.content
    tile = Image.open(io.BytesIO(by_path.content)).convert("RGBA")
    ground = Image.new("RGBA", tile.size, "white")
    ground.alpha_composite(tile)
    difference = np.abs(np.asarray(ground.convert("RGB"), dtype=int) - np.asarray(expected, dtype=int)).max(axis=2)
    outline, other = drawn_box(ground.convert("RGB")), drawn_box(expected)
    assert outline == pytest.approx(other, abs=1)
    assert (
        difference > 40
    ).mean() < 0.2  # hatches may lie differently: they count from the corner of what is drawn at once


@needs_mapproxy
def test_a_tile_of_points_is_the_picture_to_a_pixel(client: Client) -> None:
    column, row, box = tile_of(*OUTFALLS["西口"].coords[0], 12)
    expected = picture(client, "all", "1.1.1", "EPSG:4490", box, (256, 256), layers="outfall")
    tile = Image.open(io.BytesIO(client.get(f"/as-all/wmts/outfall/CGCS2000/12/{column}/{row}.png").content)).convert(
        "RGBA"
    )
    ground = Image.new("RGBA", tile.size, "white")
    ground.alpha_composite(tile)
    assert drawn_box(expected) is not None
    assert drawn_box(ground.convert("RGB")) == pytest.approx(drawn_box(expected), abs=1)
    assert {c for _, c in ground.convert("RGB").getcolors(9_999)} & {c for _, c in expected.getcolors(9_999)} > {WHITE}


@needs_mapproxy
def test_tiles_of_web_maps_lie_where_pictures_do(client: Client) -> None:
    z, x, y = 12, int((114.06 + 180) / 360 * 4096), 0
    lat = np.radians(34.705)
    y = int((1 - np.arcsinh(np.tan(lat)) / np.pi) / 2 * 4096)
    span = 2 * 20037508.342789244 / 4096
    box = (
        x * span - 20037508.342789244,
        20037508.342789244 - (y + 1) * span,
        (x + 1) * span - 20037508.342789244,
        20037508.342789244 - y * span,
    )
    expected = drawn_box(picture(client, "all", "1.3.0", "EPSG:3857", box, (256, 256)))
    tile = Image.open(
        io.BytesIO(client.get(f"/as-all/wmts/source_zone/GoogleMapsCompatible/{z}/{x}/{y}.png").content)
    ).convert("RGBA")
    ground = Image.new("RGBA", tile.size, "white")
    ground.alpha_composite(tile)
    assert drawn_box(ground.convert("RGB")) == pytest.approx(expected, abs=1)


@needs_mapproxy
def test_owslib_and_gdal_read_wmts(address: str) -> None:
    wmts = WebMapTileService(f"{address}/as-all/wmts")
    assert set(wmts.contents) == {"township", "river", "source_zone", "outfall"}
    grid = wmts.tilematrixsets["CGCS2000"]
    assert grid.crs.endswith("4490")
    first = (
        grid.tilematrix[min(grid.tilematrix, key=int)]
        if all(k.isdigit() for k in grid.tilematrix)
        else next(iter(grid.tilematrix.values()))
    )
    assert first.topleftcorner == (90.0, -180.0)
    column, row, _ = tile_of(114.06, 34.705, 11)
    got = wmts.gettile(
        layer="source_zone",
        tilematrixset="CGCS2000",
        tilematrix=list(grid.tilematrix)[11],
        row=row,
        column=column,
        format="image/png",
    )
    assert Image.open(io.BytesIO(got.read())).size == (256, 256)
    with rasterio.open(
        f"WMTS:{address}/as-all/wmts/1.0.0/WMTSCapabilities.xml,layer=source_zone,tilematrixset=CGCS2000,tilematrix=14"
    ) as raster:
        assert raster.crs.to_epsg() == 4490
        west, south, east, north = shapely.buffer(ZONES["西水源"], 0.005).bounds
        window = raster.window(west, south, east, north).round_offsets().round_lengths()
        alpha = raster.read(4, window=window)
        rows, columns = np.nonzero(alpha)
        xs, ys = places_of(raster.transform, columns + window.col_off, rows + window.row_off)
    pixel = 1.40625 / 2**14
    assert (xs.min(), ys.min(), xs.max(), ys.max()) == pytest.approx(ZONES["西水源"].bounds, abs=3 * pixel)


@needs_mapproxy
def test_kept_tiles_are_for_their_rights_alone(client: Client) -> None:
    column, row, _ = tile_of(114.26, 34.755, 12)
    path = f"wmts/source_zone/CGCS2000/12/{column}/{row}.png"

    def is_drawn(who: str) -> bool:
        answer = client.get(f"/as-{who}/{path}")
        assert answer.headers["cache-control"] == "private, no-cache"
        return answer.status_code == 200 and bool(
            np.asarray(Image.open(io.BytesIO(answer.content)).convert("RGBA"))[..., 3].any()
        )

    for _ in range(2):
        assert [is_drawn(who) for who in ("all", "west", "east", "nobody")] == [True, False, True, False]


@needs_mapproxy
def test_a_hostile_host_gets_into_no_link(client: Client) -> None:
    for path in (
        "wmts?SERVICE=WMTS&REQUEST=GetCapabilities",
        "wms?SERVICE=WMS&REQUEST=GetCapabilities",
        "wfs?SERVICE=WFS&REQUEST=GetCapabilities",
    ):
        told = {
            "host": "evil.example",
            "x-forwarded-host": "evil.example",
            "x-script-name": "/evil",
            "x-forwarded-proto": "gopher",
        }
        assert "evil" not in client.get(f"/as-all/{path}", headers=told).text


@needs_mapserver
def test_what_goes_wrong_tells_no_place_on_the_disk(tmp_path: Path) -> None:
    alone = Client(make_app(picture_routes(make_service(tmp_path), tmp_path)))
    asked = f"/as-all/wms?{query('1.1.1', 'EPSG:4490', (114, 34, 115, 35), (10, 10))}"
    assert alone.get(asked).headers["content-type"] == "image/png"
    for path in (tmp_path / "pictures" / DATA).iterdir():
        path.write_bytes(b"damaged")
    answer = alone.get(asked)
    assert "ServiceException" in answer.text
    assert str(tmp_path) not in answer.text


# --- bounds ---


TILE = {
    "SERVICE": "WMTS", "REQUEST": "GetTile", "VERSION": "1.0.0", "LAYER": "source_zone", "STYLE": "", "TILEMATRIXSET": "CGCS2000",
    "TILEMATRIX": "0", "TILEROW": "0", "TILECOL": "0", "FORMAT": "image/png",
}  # fmt: skip


@needs_mapproxy
@pytest.mark.parametrize(
    ("name", "value"),
    [
        *((name, "") for name in TILE if name not in {"VERSION", "STYLE", "FORMAT"}),
        *(("TILEROW", value) for value in ("x", "-1", "1.5", "²", "9" * 40)), ("TILECOL", "1e3"), ("TILEMATRIX", "99"), ("TILEMATRIX", "a"),
        ("TILEMATRIXSET", "<nope>"), ("LAYER", "nope"), ("LAYER", "../x"), ("FORMAT", "text/html"), ("REQUEST", "GetFeatureInfo"),
        ("SERVICE", "WMS"), ("SLD", "http://x"),
    ],
)  # fmt: skip
def test_a_wrong_question_for_a_tile_is_the_askers_fault_not_a_failure(client: Client, name: str, value: str) -> None:
    good = "&".join(f"{key}={quote(text)}" for key, text in TILE.items())
    assert client.get(f"/as-all/wmts?{good}").headers["content-type"] == "image/png"
    asked = "&".join(f"{key}={quote(text)}" for key, text in {**TILE, name: value}.items())
    answer = client.get(f"/as-all/wmts?{asked}")
    assert (answer.status_code, answer.headers["content-type"].partition(";")[0]) == (400, "text/xml")


@needs_mapserver
@pytest.mark.parametrize("version", ["1.1.0", "2.0.0"])
def test_wfs_keeps_nine_digits_of_a_degree(tmp_path: Path, version: str) -> None:
    lon, lat = 114.123456789, 34.712345678
    made = frames()
    made["outfall"] = made["outfall"].iloc[:1].set_geometry([shapely.Point(lon, lat)], crs="EPSG:4490")
    client = Client(make_app(picture_routes(make_service(tmp_path, made), tmp_path)))
    name = "TYPENAMES" if version == "2.0.0" else "TYPENAME"
    text = client.get(f"/as-all/wfs?SERVICE=WFS&VERSION={version}&REQUEST=GetFeature&{name}=outfall").text
    assert f"{lat:.9f} {lon:.9f}" in text


def test_a_query_is_checked_before_it_is_asked() -> None:
    assert (
        checked_query("WMS", [("REQUEST", "GetMap"), ("map", "/x"), ("Layers", "a")])
        == "REQUEST=GetMap&LAYERS=a&SERVICE=WMS"
    )
    for pairs, word in (
        ([("request", "GetMap"), ("sld", "http://x")], "sld"),
        ([("request", "GetMap"), ("SLD_BODY", "<x/>")], "sld_body"),
        ([("request", "GetMap"), ("width", "4097")], "width"),
        ([("request", "GetMap"), ("height", "0")], "height"),
        ([("request", "GetMap"), ("width", "²")], "width"),
        ([("request", "PutStyles")], "request"),
        ([("request", "GetMap"), ("format", "application/OpenLayers")], "format"),
        ([("request", "GetMap"), ("layers", "a," * 99)], "layers"),
        ([("request", "GetMap"), ("service", "WFS")], "service"),
        ([("request", "GetMap"), ("layers", "a"), ("LAYERS", "b")], "layers"),
        ([("request", "GetMap"), ("layers", 'a"b')], "layers"),
        ([("request", "GetMap"), ("bgcolor", "a\0b")], "bgcolor"),
    ):
        with pytest.raises(HTTPException) as caught:
            checked_query("WMS", pairs)
        assert (caught.value.status_code, caught.value.detail.partition(":")[0]) == (400, word)
    with pytest.raises(HTTPException) as long:
        checked_query("WFS", [("request", "GetFeature"), ("filter", "x" * 7_000)])
    assert long.value.status_code == 414
    groups = {name: [name] for name in "abcd"} | {"all": list("abcd"), "水 环境": ["d", "b"]}
    assert layers_asked([("typenames", "ms:a,(b)"), ("featureid", "c.f1")], groups) == ["a", "b", "c"]
    assert layers_asked([("LAYERS", "A,水 环境")], groups) == ["a", "d", "b"]
    assert layers_asked([("layers", "ALL")], groups) == list("abcd")


def program(folder: Path, text: str) -> str:
    path = folder / "program"
    path.write_text(text)
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return str(path)


@pytest.mark.skipif(os.name != "posix", reason="the stand-in program is a script")
def test_a_program_that_hangs_talks_too_much_or_dies_is_stopped(tmp_path: Path) -> None:
    hangs = MapServer(program(tmp_path, "#!/bin/sh\nexec sleep 60\n"), most_seconds=0.3)
    with pytest.raises(PictureError, match=r"within 0.3 s"):
        hangs.ask(tmp_path, "", "http://localhost")
    talks = MapServer(program(tmp_path, "#!/bin/sh\nexec cat /dev/zero\n"), most_bytes=1_000_000)
    with pytest.raises(PictureError, match="beyond the bound"):
        talks.ask(tmp_path, "", "http://localhost")
    dies = MapServer(program(tmp_path, "#!/bin/sh\nexit 3\n"))
    with pytest.raises(PictureError, match="no answer from MapServer"):
        dies.ask(tmp_path, "", "http://localhost")


@pytest.mark.skipif(os.name != "posix", reason="the stand-in program is a script")
def test_the_program_gets_an_environment_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (
        "PROJ_LIB",
        "PROJ_DATA",
        "GDAL_DATA",
        "GDAL_DRIVER_PATH",
        "HTTP_PROXY",
        "LD_PRELOAD_X",
        "MS_MAP_PATTERN",
    ):
        monkeypatch.setenv(name, "foreign")
    tells = MapServer(program(tmp_path, "#!/bin/sh\nprintf 'Content-Type: text/plain\\r\\n\\r\\n'\nenv\n"))
    answer = tells.ask(tmp_path, "a=b;rm", "https://gis.example/geosys/wms")
    told = dict(line.partition("=")[::2] for line in answer.body.decode().splitlines())
    assert "foreign" not in answer.body.decode()
    assert told["QUERY_STRING"] == "a=b;rm"
    assert (told["SERVER_NAME"], told["SERVER_PORT"], told["SCRIPT_NAME"], told["HTTPS"]) == (
        "gis.example",
        "443",
        "/geosys/wms",
        "on",
    )
    assert (
        told["MS_MAPFILE"] == f"services/{tmp_path.name}/{child.MAP}"
    )  # as it is told: where it lies is nobody's business


def test_without_the_programs_it_says_which_is_lacking(tmp_path: Path) -> None:
    service = make_service(tmp_path)
    without = Client(make_app(picture_routes(service, tmp_path, {MAPSERVER: "", MAPPROXY: "installed"})))
    for path in ("wms", "wfs", "wmts", "wmts/1.0.0/WMTSCapabilities.xml"):
        answer = without.get(f"/as-all/{path}")
        assert answer.status_code == 501
        assert "MapServer" in answer.text
        assert "cgi-mapserver" in answer.text


@needs_mapserver
def test_without_mapproxy_pictures_are_there_and_tiles_are_not(tmp_path: Path) -> None:
    service = make_service(tmp_path)
    without = Client(make_app(picture_routes(service, tmp_path, {**programs(), MAPPROXY: ""})))
    assert without.get("/as-all/wmts").status_code == 501
    assert "MapProxy" in without.get("/as-all/wmts").text
    assert without.get("/as-all/wms?SERVICE=WMS&REQUEST=GetCapabilities").status_code == 200
