"""The map of large layers: what its tiles and cards hold, who may see it, and how it works in a real browser."""

from __future__ import annotations

import base64
import gzip
import json
import re
from dataclasses import replace
from pathlib import Path

import geopandas as gpd
import maps_toy as toy
import numpy as np
import pyogrio.raw
import pytest
import shapely

from geosys._errors import DisclosureError, GeoSysError, SpecError, WorkspaceError
from geosys._text import Text
from geosys.cli.tile_command import base_map, map_of_layers
from geosys.layers.intake import Layer
from geosys.layers.spec import read_catalogue
from geosys.layers.store import write_version
from geosys.layers.vector_files import write_tiles
from geosys.maps import tiles
from geosys.maps.palettes import Style
from geosys.maps.spec import load_map
from geosys.maps.tile_page import PIECE_BYTES, write_tile_page
from geosys.workspace import init_workspace

MAPS = Path(__file__).resolve().parent.parent / "maps"
CHROMIUM = Path("/usr/bin/chromium")
ARGUMENTS = [
    "--no-sandbox", "--disable-dev-shm-usage", "--disable-background-networking", "--use-gl=angle", "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader", "--ignore-gpu-blocklist",
]  # fmt: skip
WEST, SOUTH, STEP = 114.0, 34.0, 0.01
HIDDEN = "绝密-7391"
needs_browser = pytest.mark.skipif(not CHROMIUM.exists(), reason="chromium is not installed: maps cannot be opened")


@pytest.fixture(scope="module")
def spec():
    return load_map(MAPS)


def squares(side: int = 20) -> gpd.GeoDataFrame:
    """Return squares of a hundredth of a degree, row by row from the south-west, their codes in turn."""
    x, y = (part.ravel() for part in np.meshgrid(np.arange(side), np.arange(side)))
    shapes = shapely.box(WEST + x * STEP, SOUTH + y * STEP, WEST + (x + 1) * STEP, SOUTH + (y + 1) * STEP)
    number = np.arange(side * side)
    return toy.frame(
        {
            "feature_id": [f"P-{n:04d}" for n in number],
            "name": [f"图斑{n}" for n in number],
            "patch_code": [f"P-{n:04d}" for n in number],
            "land_class_code": np.array(["0101", "0601", "110X", None], dtype=object)[number % 4],
            "owner_unit_name": [HIDDEN] * len(number),
        },
        list(shapes),
    )


def patches(data: gpd.GeoDataFrame | None = None, **more):
    titles = {name: Text(name, name) for name in ("patch_code", "land_class_code")}
    return toy.layer(
        "land_patch", Text("地类图斑", "Patches"), "polygon", squares() if data is None else data, titles, **more
    )


def decoded(path: Path) -> tuple[dict, np.ndarray]:
    """Return columns and shapes (degrees) of the highest zoom of an archive, as GDAL reads it."""
    meta, _, wkb, values = pyogrio.raw.read(path)
    shapes = gpd.GeoSeries(shapely.from_wkb(wkb), crs=meta["crs"]).to_crs(4326).to_numpy()
    return dict(zip(map(str, meta["fields"]), values, strict=True)), shapes


def written(folder: Path, sets: list[tiles.TileSet]) -> list[Path]:
    paths = [folder / f"{n}.pmtiles" for n, _ in enumerate(sets)]
    for path, one in zip(paths, sets, strict=True):
        write_tiles(path, one.name, one.frame, one.zooms, one.extent, one.slack)
    return paths


# --- tiles ---


def test_tiles_hold_every_feature_where_it_is_and_nothing_else(tmp_path, spec):
    layer = patches()
    classes = list(spec.palettes.classes["land_class"])
    (one,) = tiles.tile_sets(layer, spec.palettes.style("land_patch"), classes, 8)
    columns, shapes = decoded(written(tmp_path, [one])[0])
    assert set(columns) == {"mvt_id", tiles.ROW, tiles.CLASS}
    rows = columns[tiles.ROW].astype(int)
    assert set(rows) == set(range(400))
    wanted = layer.frame.geometry.to_numpy()
    metre = 1 / 90_000  # degrees, about
    for row in (0, 21, 199, 399):
        pieces = shapely.union_all(shapely.make_valid(shapes[rows == row]))
        assert shapely.hausdorff_distance(pieces, wanted[row]) < metre
    codes = {"0101": classes.index("0101"), "0601": classes.index("0601"), "110X": -1}
    assert dict(zip(rows, columns[tiles.CLASS].astype(int), strict=True)) == {
        n: codes.get(code, -1) for n, code in enumerate(layer.frame["land_class_code"])
    }


def test_tiles_of_one_content_are_the_same_bytes(tmp_path, spec):
    (one,) = tiles.tile_sets(patches(), spec.palettes.style("land_patch"), [], 8)
    first = written(tmp_path, [one])[0].read_bytes()
    assert written(tmp_path, [one])[0].read_bytes() == first


def test_a_large_layer_has_coarse_tiles_for_low_zooms(tmp_path, spec, monkeypatch):
    monkeypatch.setattr(tiles, "MOST_ON_CANVAS", 399)
    far, near = tiles.tile_sets(patches(), spec.palettes.style("land_patch"), [], 8)
    assert (far.zooms, far.extent, near.zooms, near.extent) == ((8, 12), 1024, (13, 13), 8192)
    for path in written(tmp_path, [far, near]):
        columns, _ = decoded(path)
        assert set(columns[tiles.ROW].astype(int)) == set(range(400))
    monkeypatch.setattr(tiles, "MOST_ON_CANVAS", 400)
    assert len(tiles.tile_sets(patches(), spec.palettes.style("land_patch"), [], 8)) == 1


def test_rows_without_position_have_no_tile_but_a_card(spec):
    data = squares(2)
    data.geometry = [data.geometry[0], None, shapely.Polygon(), data.geometry[3]]
    (one,) = tiles.tile_sets(patches(data), spec.palettes.style("land_patch"), [], 8)
    assert one.frame[tiles.ROW].tolist() == [0, 3]
    assert len(json.loads(gzip.decompress(b"".join(tiles.card_blocks(patches(data), []))))) == 4
    assert tiles.tile_sets(patches(data.iloc[:0]), spec.palettes.style("land_patch"), [], 8) == []


def test_a_code_takes_the_class_of_its_longest_beginning():
    data = toy.frame({"code": ["0101", "0102", "02", None, "9"]}, [None] * 5)
    style = Style(by="code", classes="some", prefix=True)
    assert tiles.class_numbers(data, style, ["01", "0102", "02"]).tolist() == [0, 1, 2, -1, -1]
    assert tiles.class_numbers(data, replace(style, prefix=False), ["01", "0102"]).tolist() == [-1, 1, -1, -1, -1]
    assert tiles.class_numbers(data, Style(), ["01"]).tolist() == [-1] * 5


def test_cards_come_in_blocks_in_order_of_rows(monkeypatch):
    monkeypatch.setattr(tiles, "ROWS_PER_BLOCK", 150)
    blocks = [json.loads(gzip.decompress(block)) for block in tiles.card_blocks(patches(), ["patch_code", "absent"])]
    assert [len(block) for block in blocks] == [150, 150, 100]
    assert blocks[1][0] == ["P-0150", "图斑150", "P-0150", None]


def test_labels_are_one_short_line_at_the_middle():
    (river,) = (layer for layer in toy.layers() if layer.geometry == "line")
    line = river.frame.geometry[0]
    ((x, y, text, row),) = tiles.label_points(river)
    assert (text, row) == ("样例河", 0)
    assert line.distance(shapely.Point(x, y)) < 1e-6
    assert line.project(shapely.Point(x, y), normalized=True) == pytest.approx(0.5, abs=1e-4)
    assert tiles.short_label("a\u2028b\u202ec\n d") == "a b c d"
    assert len(tiles.short_label(toy.LONG)) == tiles.LONGEST_LABEL


def test_the_lowest_zoom_fills_half_of_a_small_window():
    for span in (0.01, 0.3, 1.4, 40, 360):
        zoom = tiles.lowest_zoom((0, 0, span, 0))
        assert 256 <= 512 * 2**zoom * span / 360 <= 512 or zoom == tiles.TOP_ZOOM


# --- the page ---


def made(folder: Path, spec, layers=None, **more):
    more = {"shown": ["land_patch"], **more}
    layers = [patches(), *toy.layers()] if layers is None else layers
    return write_tile_page(folder / "map.html", spec, layers, toy.META, write_tiles, **more)


def archives_of(page: Path) -> list[bytes]:
    """Return the archives inside a page, put together from their pieces."""
    text = page.read_text(encoding="utf-8")
    pieces = re.findall(r'id="gt-data-(\d+)-\d+">([^<]*)<', text)
    found: dict[str, bytes] = {}
    for number, data in pieces:
        found[number] = found.get(number, b"") + base64.b64decode(data)
    return list(found.values())


def test_what_is_not_shown_is_nowhere_in_the_file(tmp_path, spec):
    """The secret column stands in the frame, not among the columns of the card: neither tiles nor cards have it."""
    made(tmp_path, spec)
    found = archives_of(tmp_path / "map.html")
    sets = [data for data in found if data.startswith(b"PMTiles")]
    cards = [gzip.decompress(data).decode() for data in found if not data.startswith(b"PMTiles") and data]
    assert len(sets) == 5  # patches, outfalls, zones, river, county
    for n, data in enumerate(sets):
        path = tmp_path / f"seen-{n}.pmtiles"
        path.write_bytes(data)
        columns, _ = decoded(path)
        assert set(columns) == {"mvt_id", tiles.ROW, tiles.CLASS}
    text = "".join(cards) + (tmp_path / "map.html").read_text(encoding="utf-8")
    assert "P-0399" in text
    assert HIDDEN not in text


def test_what_is_for_a_narrower_audience_is_refused_and_nothing_is_written(tmp_path, spec):
    public = replace(spec, audience="public")
    with pytest.raises(DisclosureError, match="layer land_patch"):
        made(tmp_path, public, [patches(disclosure="shared")])
    narrow = {"disclosure": "public", "column_disclosure": {"land_class_code": "internal"}}
    with pytest.raises(DisclosureError, match="land_class_code"):
        made(tmp_path, public, [patches(**narrow)])
    unshown = replace(public, views=tuple(replace(v, columns=("patch_code",)) for v in public.views))
    with pytest.raises(
        DisclosureError, match="land_class_code"
    ):  # its classes are drawn, though no card has the column
        made(tmp_path, unshown, [patches(**narrow)])
    made(tmp_path, unshown, [patches(disclosure="public", column_disclosure={"owner_unit_name": "internal"})])
    assert [path.name for path in tmp_path.iterdir()] == ["map.html"]


def test_a_page_that_fails_leaves_the_old_one(tmp_path, spec):
    (tmp_path / "map.html").write_text("old", encoding="utf-8")

    def full(*_):
        raise GeoSysError("disk full")

    with pytest.raises(GeoSysError, match="disk full"):
        write_tile_page(tmp_path / "map.html", spec, [patches()], toy.META, full)
    assert [path.name for path in tmp_path.iterdir()] == ["map.html"]
    assert (tmp_path / "map.html").read_text(encoding="utf-8") == "old"


def test_tiles_that_cannot_be_written_are_told_in_one_line(tmp_path):
    with pytest.raises(GeoSysError, match="tiles cannot be written"):
        write_tiles(tmp_path / "absent" / "a.pmtiles", "a", squares(2)[["geometry"]], (8, 9), 512)


def test_empty_layers_and_other_datums_are_refused(tmp_path, spec):
    with pytest.raises(SpecError, match="no feature with a position"):
        made(tmp_path, spec, [patches(squares(2).iloc[:0])])
    with pytest.raises(SpecError, match="EPSG:4547"):
        made(tmp_path, spec, [patches(squares(2).to_crs(4547))])
    assert list(tmp_path.iterdir()) == []


def test_the_page_names_no_address_that_it_could_fetch(tmp_path, spec):
    made(tmp_path, spec)
    text = (tmp_path / "map.html").read_text(encoding="utf-8")
    frame = re.sub(r"<(script|style)\b.*?</\1>", "", text, flags=re.DOTALL)
    assert not re.search(r"\b(src|href)\s*=|@import", frame)
    assert "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'" in text


def test_pieces_can_be_cut_anywhere():
    assert PIECE_BYTES % 3 == 0  # base64 of all but the last piece has no padding


# --- in the browser ---


@pytest.fixture(scope="module")
def browser():
    from playwright.sync_api import sync_playwright

    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=str(CHROMIUM), args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def hostile(spec):
    """Return the map's spec with labels on the layer whose names mean harm."""
    return replace(spec, views=tuple(replace(v, label_zoom=0) if v.layer == "outfall" else v for v in spec.views))


class Visit:
    """Open the map with the network cut and note whatever it should not do."""

    def __init__(self, browser, file: Path, width: int = 1366, height: int = 768) -> None:
        self.context = browser.new_context(viewport={"width": width, "height": height}, offline=True)
        self.page = self.context.new_page()
        self.page.set_default_timeout(30_000)
        self.trouble: list[str] = []
        self.requests: list[str] = []
        self.page.on("console", lambda message: self.trouble.append(message.text))
        self.page.on("pageerror", lambda error: self.trouble.append(str(error)))
        self.page.on("dialog", lambda dialog: (self.trouble.append(f"dialog {dialog.message}"), dialog.dismiss()))
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.goto(file.as_uri())
        self.page.wait_for_selector("body[data-ready=true]")

    def click_at(self, lon: float, lat: float, zoom: float) -> str:
        self.page.evaluate(
            "([lon, lat, zoom]) => new Promise(done => { GeoTiles.closeCard(); GeoTiles.map.once('idle', () => done()); GeoTiles.map.jumpTo({ center: [lon, lat], zoom }); })",
            [lon, lat, zoom],
        )
        box = self.page.query_selector("#gt-map").bounding_box()
        self.page.mouse.click(box["width"] / 2, box["height"] / 2)
        self.page.wait_for_selector("#gt-card:not([hidden])")
        return self.page.inner_text("#gt-card")

    def close(self, allowed: list[str]) -> None:
        self.context.close()
        assert self.trouble == []
        assert [url for url in self.requests if not url.startswith("blob:")] == allowed


@pytest.fixture(scope="module")
def file(tmp_path_factory, hostile):
    return made(tmp_path_factory.mktemp("tiles"), hostile).path


@pytest.fixture
def visit(browser, file):
    visit = Visit(browser, file)
    yield visit
    visit.close([file.as_uri()])


PIXELS = """() => { const c = GeoTiles.map.getCanvas(), o = document.createElement('canvas');
  o.width = c.width; o.height = c.height; const x = o.getContext('2d'); x.drawImage(c, 0, 0);
  const d = x.getImageData(0, 0, o.width, o.height).data, seen = new Set();
  for (let i = 0; i < d.length; i += 4) seen.add(d.slice(i, i + 3).join());
  return seen.size; }"""


@needs_browser
def test_the_map_says_and_draws_what_it_must(visit):
    head = visit.page.inner_text("#gt-head")
    for text in ("水土生态环境风险一张图", "样例县", "样例数据", "内部使用", "2026-09-30"):
        assert text in head
    assert "审图号：待送审" in visit.page.inner_text("#gt-foot")
    assert "北" in visit.page.inner_text("#gt-north")
    assert re.fullmatch(r"\d+ k?m", visit.page.inner_text(".maplibregl-ctrl-scale").replace("\xa0", " "))
    assert visit.page.evaluate(PIXELS) > 50
    legend = visit.page.inner_text("#gt-legend")
    for text in ("地类图斑\n400", "水田\n100", "工业用地\n100", "其他\n200", "污水处理厂\n未提供", "1 条无位置"):
        assert text in legend
    assert "旱地" not in legend  # nothing of that class is there
    switch = visit.page.locator("#gt-legend .gt-layer", has_text="地类图斑").locator("input")
    switch.uncheck()
    assert visit.page.evaluate("GeoTiles.map.queryRenderedFeatures().every(f => !f.source.endsWith('-1'))")


@needs_browser
def test_labels_are_drawn_without_a_glyph_server(visit):
    drawn = "GeoTiles.map.queryRenderedFeatures({ layers: ['labels-outfall'] }).map(f => f.properties.text)"
    assert toy.IMAGE[:23] in "".join(visit.page.evaluate(drawn))
    assert "glyphs" not in visit.page.evaluate("GeoTiles.map.getStyle()")


@needs_browser
def test_a_click_shows_the_card_and_hostile_names_are_text(visit):
    for place, name in (
        (toy.IMAGE, (114.05, 34.05)),
        (toy.SCRIPT, (114.01, 34.01)),
        (toy.BRACES, (114.09, 34.02)),
        (toy.LONG, (114.02, 34.09)),
    ):
        assert place in visit.click_at(*name, 14)
    assert visit.page.query_selector("#gt-card img, #gt-card script") is None
    card = visit.click_at(114.155, 34.105, 15)  # column 15, row 10: square 215
    assert "图斑215" in card
    assert "P-0215" in card
    visit.page.keyboard.press("Escape")
    assert visit.page.is_hidden("#gt-card")


@needs_browser
def test_english_replaces_the_words(visit):
    assert "一级" in visit.click_at(114.025, 34.05, 14)
    visit.page.click("#gt-language")
    assert visit.page.get_attribute("html", "lang") == "en"
    assert "12,000.5 t/d" in visit.page.inner_text("#gt-card")
    assert "Source zone" in visit.page.inner_text("#gt-card")
    assert "Internal use" in visit.page.inner_text("#gt-head")
    assert "not supplied" in visit.page.inner_text("#gt-legend")


@needs_browser
def test_hatches_differ_without_colour(visit):
    """The pictures of hatches are different from each other when only their ink counts."""
    inks = [
        visit.page.evaluate(
            "kind => Array.from(GeoTiles.hatchPicture(kind, '#000000').data.filter((_, i) => i % 4 === 3)).join()", kind
        )
        for kind in ("forward", "backward", "cross", "horizontal", "vertical", "dots")
    ]
    assert len(set(inks)) == 6
    assert all(re.search("[1-9]", ink) for ink in inks)
    assert (
        visit.page.evaluate("GeoTiles.map.getStyle().layers.filter(l => l.paint && l.paint['fill-pattern']).length")
        == 2
    )


@needs_browser
def test_tiles_beside_are_loaded_when_needed(browser, hostile, tmp_path):
    page = made(tmp_path, hostile, beside=True)
    assert page.folder == tmp_path / "map.tiles"
    assert "gt-data-" not in page.path.read_text(encoding="utf-8").replace('"gt-data-"', "")
    visit = Visit(browser, page.path)
    assert "图斑215" in visit.click_at(114.155, 34.105, 15)
    files = [url for url in visit.requests if not url.startswith("blob:")]
    assert set(files[1:]) < {path.as_uri() for path in page.folder.iterdir()}  # cards nobody asked for stay unread
    assert len(files) == len(set(files))
    visit.close(files)
    made(tmp_path, hostile)
    assert [path.name for path in tmp_path.iterdir()] == ["map.html"]  # tiles of the older map are gone


@needs_browser
def test_a_narrow_screen_is_usable(browser, file):
    visit = Visit(browser, file, 360, 720)
    assert visit.page.is_hidden("#gt-legend")
    assert visit.page.evaluate("document.documentElement.scrollWidth") == 360
    visit.page.click("#gt-menu")
    assert "地类图斑" in visit.page.inner_text("#gt-legend")
    visit.page.click("#gt-menu")
    assert "图斑215" in visit.click_at(114.155, 34.105, 15)
    visit.close([file.as_uri()])


# --- the command ---


def test_the_command_maps_layers_of_a_workspace(tmp_path, capsys, spec):
    catalogue = read_catalogue()
    init_workspace(tmp_path, "样例", "EPSG:4547", (114.0, 34.0, 114.3, 34.3))
    data = squares(3).drop(columns="name").assign(seat_unit_name="某村").to_crs(4547)
    layer_spec = catalogue.layers["land_patch"]
    provenance = {"layer": "land_patch", "crs": "EPSG:4547", "deliveries": [{"file": "a.gpkg", "note": ""}]}
    blank = data.iloc[:0].assign(issue_type="")
    write_version(tmp_path / "store", Layer(layer_spec, data, blank, provenance))
    out = tmp_path / "map.html"
    map_of_layers(["land_patch"], tiles=True, out=out, workspace=tmp_path, today="2026-09-30", as_json=True)
    told = json.loads(capsys.readouterr().out)
    assert (told["features"], told["layers"], told["beside"]) == (9, ["land_patch"], "")
    assert told["bytes"] == out.stat().st_size
    with pytest.raises(WorkspaceError, match="Did you mean 'land_patch'"):
        map_of_layers(["land_patc"], tiles=True, out=out, workspace=tmp_path)
    with pytest.raises(WorkspaceError, match="--tiles"):
        map_of_layers(["land_patch"], tiles=False, out=out, workspace=tmp_path)
    with pytest.raises(WorkspaceError, match=r"\.html"):
        map_of_layers(["land_patch"], tiles=True, out=tmp_path / "a.txt", workspace=tmp_path)
    assert {"county", "township", "village", "river"} <= set(base_map(spec))
