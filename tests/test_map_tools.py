"""The map's tools in a real browser: geodesy against pyproj, filters, dates, the address, search, paper, contrast, touch."""

from __future__ import annotations

import dataclasses
import datetime as dt
import math
import re
import shutil
import string
import subprocess
from urllib.parse import quote

import geopandas as gpd
import maps_toy as toy
import numpy as np
import pyproj
import pytest
from hypothesis import given
from hypothesis import strategies as st
from shapely import LineString, Point, box
from test_map_browser import ARGUMENTS, CHROMIUM, MAPS, Visit

from geosys._errors import DisclosureError, SpecError
from geosys._text import Text
from geosys.maps.finding_data import pack_areas, pack_findings
from geosys.maps.folium_page import SCRIPTS, _lean, read_asset
from geosys.maps.initials import initials_table, letters_of
from geosys.maps.pack import read_integers
from geosys.maps.page import build_page
from geosys.maps.spec import load_map

GEOD = pyproj.Geod(a=6378137, rf=298.257222101)
browsing = pytest.mark.skipif(not CHROMIUM.exists(), reason="chromium is not installed: maps cannot be opened")
PIXEL = (
    "data:image/png;base64,"
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg=="
)


def rich_findings() -> gpd.GeoDataFrame:
    """Return the toy's findings with offices, days, histories, a next step and photos."""
    found = [dt.date(2026, 6, 10), dt.date(2026, 7, 5), dt.date(2026, 8, 20), None]
    day = dt.date
    history = [
        [(day(2026, 6, 10), "found", ""), (day(2026, 8, 2), "assigned", toy.SCRIPT)],
        [(day(2026, 7, 5), "found", "x"), (day(2026, 8, 1), "rectifying", "y"), (day(2026, 9, 3), "closed", "z")],
        None,
        float("nan"),
    ]
    return toy.findings().assign(
        found_on=found,
        history=history,
        photos=[[(PIXEL, toy.IMAGE)], None, [], None],
        next_zh=["现场核查", None, None, None],
        next_en=["Visit the place", None, None, None],
        lead=["ecology", "water", "ecology", "ecology"],
        lead_zh=["生态环境局", "水利局", "生态环境局", "生态环境局"],
        lead_en=["Ecology", "Water", "Ecology", "Ecology"],
        due_on=[day(2026, 9, 1), day(2026, 9, 2), day(2026, 10, 30), None],
    )


def rich_layers() -> list:
    """Return the toy's layers: townships that part the square, water bodies with a first day, outfalls with a timeline."""
    layers = toy.layers()
    halves = [box(114.0, 34.0, 114.03, 34.1), box(114.03, 34.0, 114.1, 34.1)]
    rows = {"feature_id": ["T-1", "T-2"], "name": ["贾鲁镇", "重阳乡"], "code": ["T-1", "T-2"]}
    township = toy.layer("township", Text("乡镇", "Township"), "polygon", toy.frame(rows, halves), {})
    since = {"feature_id": ["B-1"], "name": [toy.IMAGE], "code": ["B-1"], "found_on": [dt.date(2026, 7, 15)]}
    water = toy.layer(
        "black_odorous_water", Text("黑臭水体", "Black water"), "line",
        toy.frame(since, [LineString([(114.06, 34.07), (114.09, 34.07)])]), {"found_on": Text("发现", "Found")},
    )  # fmt: skip
    then = {dt.date(2026, 6, 1): ["未整治"] * 5, dt.date(2026, 8, 1): ["整治中"] * 5}
    return [dataclasses.replace(layers[0], timeline=then), *layers[1:], township, water]


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    path = tmp_path_factory.mktemp("tools") / "map.html"
    page = build_page(load_map(MAPS), rich_layers(), rich_findings(), toy.outcomes(), toy.META)
    path.write_text(page, encoding="utf-8", newline="\n")
    return path


@pytest.fixture(scope="module")
def browser():
    from playwright.sync_api import sync_playwright

    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=str(CHROMIUM), args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture
def visit(browser, file):
    visit = Visit(browser, file)
    yield visit
    visit.page.close()
    assert visit.trouble == []
    assert set(visit.requests) - {PIXEL} == {file.as_uri()}


@pytest.fixture(scope="module")
def sums(browser, file):
    """Open one page for what is only reckoned: nothing on it is clicked."""
    visit = Visit(browser, file)
    yield visit.page
    visit.page.close()
    assert visit.trouble == []


def open_at(browser, file, fragment: str, width: int = 1366, height: int = 768) -> Visit:
    """Open the map at an address with a fragment."""
    visit = Visit(browser, file, width, height)
    visit.page.goto(f"{file.as_uri()}#{fragment}")
    visit.page.reload()
    visit.page.wait_for_selector("body[data-ready=true]")
    return visit


def wait_until(page, condition):
    """Wait for a condition of the page; its own waiting would evaluate text, which the page's policy forbids."""
    for _ in range(200):
        if page.evaluate(condition):
            return
        page.wait_for_timeout(50)
    raise AssertionError(f"never came true: {condition}")


def click_at(visit: Visit, lon: float, lat: float) -> None:
    """Click the map at a position."""
    script = """([lon, lat]) => { const p = GeoSys.map.latLngToContainerPoint([lat, lon]);
      const r = GeoSys.map.getContainer().getBoundingClientRect(); return [p.x + r.left, p.y + r.top]; }"""
    visit.page.mouse.click(*visit.page.evaluate(script, [lon, lat]))


# --- geodesy ---------------------------------------------------------------------------------------------------------


@browsing
def test_lengths_are_those_of_the_geodesic(sums):
    paths = [[[73.5 + 3 * n, 4.0 + 2.3 * n], [135.0 - 2.7 * n, 53.0 - 1.9 * n], [114.3, 34.8]] for n in range(20)]
    paths += [[[114.0, 34.0], [114.0 + 10.0**-n, 34.0 + 3 * 10.0**-n]] for n in range(7)]
    got = sums.evaluate("paths => paths.map(GeoSys.Ellipsoid.length)", paths)
    for path, length in zip(paths, got, strict=True):
        assert length == pytest.approx(GEOD.line_length(*zip(*path, strict=True)), rel=1e-9, abs=1e-6)
    assert sums.evaluate("GeoSys.Ellipsoid.length([[0, 0], [179.9, 0.1]])") is None  # said, not guessed
    assert sums.evaluate("GeoSys.Ellipsoid.length([[114, 34], [114, 34]])") == 0


@browsing
@pytest.mark.parametrize("size", [0.0005, 0.01, 0.3, 4.0])
def test_areas_are_those_of_geodesic_polygons(sums, size):
    turns = [2 * math.pi * n / 7 for n in range(7)]
    rings = [
        [
            [x + size * (1 + 0.5 * math.sin(5 * t)) * math.cos(t), y + size * (1 + 0.5 * math.cos(3 * t)) * math.sin(t)]
            for t in order
        ]
        for x, y in ((75.0, 40.0), (114.3, 34.8), (110.0, 18.2), (123.0, 52.0))
        for order in (turns, turns[::-1])
    ]
    got = sums.evaluate("rings => rings.map(GeoSys.Ellipsoid.area)", rings)
    for ring, area in zip(rings, got, strict=True):
        expected = abs(GEOD.polygon_area_perimeter(*zip(*ring, strict=True))[0])
        assert area == pytest.approx(expected, rel=1e-9, abs=0.002)


@browsing
def test_plane_coordinates_agree_to_a_millimetre(sums):
    places = [
        [3 * zone + off, lat, 3 * zone] for zone in range(25, 46) for off in (-1.5, -0.4, 1.5) for lat in (4, 34.8, 53)
    ]
    got = sums.evaluate("places => places.map((p) => GeoSys.Ellipsoid.plane(p, p[2]))", places)
    for (lon, lat, meridian), plane in zip(places, got, strict=True):
        code = 4534 + meridian // 3 - 25  # CGCS2000 / 3-degree Gauss-Kruger CM 75E to 135E
        turn = pyproj.Transformer.from_crs("EPSG:4490", f"EPSG:{code}", always_xy=True)
        assert plane == pytest.approx(turn.transform(lon, lat), abs=1e-3)


@browsing
def test_minutes_and_seconds_carry(sums):
    script = "([d, n]) => GeoSys.Ellipsoid.sixtieths(d, n, 'EW')"
    assert sums.evaluate(script, [114.05, 2]) == "114°03′00.00″E"
    assert sums.evaluate(script, [59.99999999, 2]) == "60°00′00.00″E"
    assert sums.evaluate(script, [-0.5125, 0]) == "0°30′45″W"


# --- tools -----------------------------------------------------------------------------------------------------------


@browsing
def test_measuring_says_what_pyproj_says(visit):
    corners = [(114.03, 34.03), (114.08, 34.03), (114.08, 34.08), (114.03, 34.08)]
    visit.page.click("#gs-tool-area")
    for corner in corners:
        click_at(visit, *corner)
    clicked = visit.page.evaluate("GeoSys.tools.points.map((p) => [p.lng, p.lat])")
    lines = dict(visit.page.evaluate("GeoSys.tools.lines()"))
    area, length = GEOD.polygon_area_perimeter(*zip(*clicked, strict=True))
    assert float(lines["area"].removesuffix(" m²").replace(",", "")) == pytest.approx(abs(area), abs=0.51)
    assert float(lines["perimeter"].removesuffix(" km")) == pytest.approx(length / 1000, abs=0.00051)
    assert f"{abs(area) * 3 / 2000:,.2f} 亩" in visit.text("#gs-tool")
    assert visit.page.is_hidden("#gs-card")  # a click measures, it does not open cards
    visit.page.click("#gs-tool >> text=撤销一点")
    assert visit.page.evaluate("GeoSys.tools.points.length") == 3
    visit.page.click("#gs-tool-distance")
    click_at(visit, 114.03, 34.03)
    click_at(visit, 114.08, 34.03)
    two = visit.page.evaluate("GeoSys.tools.points.map((p) => [p.lng, p.lat])")
    shown = float(visit.text("[data-copy=total]").split()[0].replace(",", ""))
    assert shown == pytest.approx(GEOD.line_length(*zip(*two, strict=True)), abs=0.0051)
    visit.page.keyboard.press("Escape")
    assert visit.page.is_hidden("#gs-tool")


@browsing
def test_a_border_that_crosses_itself_has_no_area(visit):
    visit.page.click("#gs-tool-area")
    for corner in [(114.03, 34.03), (114.08, 34.08), (114.08, 34.03), (114.03, 34.08)]:
        click_at(visit, *corner)
    assert "边界自相交" in visit.text("#gs-tool")
    assert "m²" not in visit.text("#gs-tool")


@browsing
def test_coordinates_are_copied_by_a_click(visit):
    visit.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    visit.page.click("#gs-tool-position")
    click_at(visit, 114.05, 34.05)
    lon, lat = visit.page.evaluate("(({ lng, lat }) => [lng, lat])(GeoSys.tools.points[0])")
    east, north = pyproj.Transformer.from_crs("EPSG:4490", "EPSG:4526", always_xy=True).transform(lon, lat)
    assert visit.text("[data-copy=degrees]") == f"{lon:.6f}°, {lat:.6f}°"
    visit.page.click("[data-copy=zoneMetres]")
    wait_until(visit.page, "GeoSys.byId('told').textContent !== ''")
    x, y = re.fullmatch(r"X (\S+)  Y 38(\S+)", visit.page.evaluate("navigator.clipboard.readText()")).groups()
    assert float(x) == pytest.approx(north, abs=0.0051)
    assert float(y) == pytest.approx(east - 38e6, abs=0.0051)
    visit.page.mouse.move(700, 400)
    assert re.search(r"\d+°\d\d′[\d.]+″E .*X \d+\.\d\d", visit.text("#gs-where"), re.DOTALL)


@browsing
def test_the_keyboard_alone_measures_and_opens_cards(visit):
    visit.page.evaluate("GeoSys.map.setView([34.05, 114.05], 14, { animate: false })")
    visit.page.keyboard.press("Tab")  # the first stop leads past the head to the map
    visit.page.keyboard.press("Enter")
    visit.page.keyboard.press("Enter")
    assert "F-001" in visit.text("#gs-card")
    visit.page.focus("#gs-tool-distance")
    visit.page.keyboard.press("Enter")
    visit.page.focus("#gs-stage > .folium-map")
    visit.page.keyboard.press("Enter")
    visit.page.evaluate("GeoSys.map.setView([34.06, 114.06], 14, { animate: false })")
    visit.page.keyboard.press("Enter")
    assert visit.page.evaluate("GeoSys.tools.points.length") == 2
    visit.page.keyboard.press("Backspace")
    assert visit.page.evaluate("GeoSys.tools.points.length") == 1
    visit.page.keyboard.press("Escape")
    assert visit.page.evaluate("document.activeElement.id") == "gs-tool-distance"


# --- filters ---------------------------------------------------------------------------------------------------------


@browsing
def test_office_area_and_deadline_leave_what_is_asked_for(visit):
    page, shown = visit.page, lambda: visit.text("#gs-shown")
    page.select_option("#gs-lead", "water")
    assert shown() == "显示 1 / 4 条"
    page.click("text=清除筛选")
    assert "水利局（1）" in visit.text("#gs-lead")
    page.select_option("#gs-area", "township/T-1")
    assert shown() == "显示 1 / 4 条"  # only the one in the western part; the one without a place is in no township
    page.select_option("#gs-area", "county/410299")
    assert shown() == "显示 3 / 4 条"
    page.click("text=清除筛选")
    for due, rows in (("overdue", 1), ("next30", 1), ("none", 1)):  # a closed case is never overdue
        page.select_option("#gs-due", due)
        assert shown() == f"显示 {rows} / 4 条"
    page.select_option("#gs-due", "range")
    page.fill("#gs-from", "2026-09-02")
    page.keyboard.press("Enter")
    page.fill("#gs-to", "2026-09-30")
    page.keyboard.press("Enter")
    assert shown() == "显示 1 / 4 条"
    assert page.evaluate("GeoSys.Findings.get(GeoSys.Findings.visible[0], 'finding_id')") == "F-002"
    page.click("text=清除筛选")
    assert shown() == "显示 4 / 4 条"


def test_a_finding_belongs_to_every_area_it_reaches_into():
    areas = dataclasses.replace(rich_layers()[-2])
    shapes = [Point(114.01, 34.05), Point(114.03, 34.05), box(114.02, 34.02, 114.05, 34.05), Point(1, 1), None]
    shapes.append(box(114.03, 34.02, 114.05, 34.05))  # along the border: only where its inside is
    packed = pack_areas(gpd.GeoDataFrame(geometry=shapes, crs=toy.CRS), areas, 3)
    pairs = list(zip(read_integers(packed["of"]), read_integers(packed["inside"]), strict=True))
    assert pairs == [(0, 0), (1, 0), (1, 1), (2, 0), (2, 1), (5, 1)]
    assert packed["layer"] == 3


# --- dates -----------------------------------------------------------------------------------------------------------


@browsing
def test_the_slider_shows_findings_states_and_classes_of_a_month(visit):
    page = visit.page
    page.click("#gs-tool-time")
    assert page.evaluate("GeoSys.time.days") == ["2026-06-30", "2026-07-31", "2026-08-31", "2026-09-30"]
    assert visit.text("#gs-shown") == "显示 4 / 4 条"
    page.focus("#gs-month")
    page.keyboard.press("ArrowLeft")  # end of August
    states = "GeoSys.Findings.visible.map((row) => GeoSys.time.asOf(GeoSys.time.now(), () => GeoSys.Findings.status(row))).sort()"
    assert page.evaluate(states) == ["assigned", "found", "rectifying", "rectifying"]
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowLeft")
    assert page.evaluate("GeoSys.time.day") == "2026-06-30"
    assert visit.text("#gs-shown") == "显示 2 / 4 条"  # one of June, one without a date
    assert "图面日期 2026-06-30" in visit.text("#gs-day")
    assert visit.text("#gs-findings .gs-apart").split("\n")[1::2] == ["—", "—"]  # nobody counted what was clear then
    body = "GeoSys.layers.find((l) => l.spec.since)"
    assert page.evaluate(f"{body}.exists(0)") is False
    classes = "(() => { const l = GeoSys.layers.find((l) => l.spec.timeline.length); return Array.from(l.classes(), (n) => l.spec.classes[n] ? l.spec.classes[n].title[0] : ''); })()"
    assert page.evaluate(classes) == ["未整治"] * 5
    page.click("#gs-time >> text=关闭")
    assert page.evaluate(classes) == ["未整治", "整治中", "已完成", "", "未整治"]
    assert page.evaluate(f"{body}.exists(0)") is True
    assert visit.text("#gs-shown") == "显示 4 / 4 条"


@browsing
def test_two_dates_stand_side_by_side(visit):
    page = visit.page
    page.evaluate("GeoSys.map.setView([34.05, 114.05], 13, { animate: false })")
    page.click("#gs-tool-time")
    page.check("#gs-swipe")
    assert page.inner_text("#gs-split-left") == "2026-06-30"
    assert page.inner_text("#gs-split-right") == "2026-09-30"
    place = "(x) => { GeoSys.time.split = 0.5; const w = GeoSys.map.getSize().x; return GeoSys.time.dayAt(w * x); }"
    assert [page.evaluate(place, x) for x in (0.4, 0.6)] == ["2026-06-30", "2026-09-30"]
    page.focus("#gs-split")
    before = page.evaluate("GeoSys.time.split")
    page.keyboard.press("ArrowRight")
    assert page.evaluate("GeoSys.time.split") > before
    handle = page.query_selector("#gs-split").bounding_box()
    page.mouse.move(handle["x"] + 14, handle["y"] + 200)
    page.mouse.down()
    page.mouse.move(500, 300)
    page.mouse.up()
    stage = page.query_selector("#gs-stage").bounding_box()
    assert page.evaluate("GeoSys.time.split") == pytest.approx((500 - stage["x"]) / stage["width"], abs=0.01)
    # the mark of August is drawn right of the divider only
    marks = """() => { const c = GeoSys.map.getPane('marks').querySelector('canvas'), d = document.createElement('canvas');
      [d.width, d.height] = [c.width, c.height];
      const x = d.getContext('2d', { willReadFrequently: true });
      x.drawImage(c, 0, 0);
      return (lon, lat) => { const p = GeoSys.map.latLngToLayerPoint([lat, lon]).subtract(L.DomUtil.getPosition(c)); return x.getImageData(p.x, p.y, 1, 1).data[3]; }; }"""
    for split, drawn in ((0.9, False), (0.05, True)):
        page.evaluate(f"GeoSys.time.split = {split}; GeoSys.board(GeoSys.map, 'marks').paint()")
        assert bool(page.evaluate(f"({marks})()(114.01, 34.01)")) is drawn


@browsing
def test_the_card_tells_history_next_step_and_photo(visit):
    visit.search("F-001")
    visit.page.keyboard.press("Enter")
    card = visit.text("#gs-card")
    for text in ("办理过程", "2026-08-02\n交办", toy.SCRIPT, "下一步", "现场核查", "照片", toy.IMAGE, "发现日期"):
        assert text in card
    assert visit.page.evaluate("document.querySelector('#gs-card img').naturalWidth") == 1
    visit.search("F-002")
    visit.page.keyboard.press("Enter")
    assert "无照片" in visit.text("#gs-card")
    visit.page.click("#gs-language")
    assert "Closed" in visit.text("#gs-card .gs-steps")


def test_histories_and_photos_that_cannot_be_shown_are_refused():
    rows = toy.findings()
    day = dt.date(2026, 8, 1)
    for name, value, told in (
        ("history", [(day, "lost", "")], "'lost'"),
        ("history", [("2026-08-01", "found", "")], "a date"),
        ("history", [(day, "found", ""), (dt.date(2026, 7, 1), "closed", "")], "first to the last"),
        ("photos", [("https://example/a.png", "")], "data:image"),
        ("photos", [("data:image/svg+xml;base64,AAAA", "")], "data:image"),
    ):
        with pytest.raises(SpecError, match=re.escape(told)):
            pack_findings(rows.assign(**{name: [value, None, None, None]}))


def test_a_timeline_has_a_class_for_each_row():
    layer = dataclasses.replace(toy.layers()[0], timeline={dt.date(2026, 6, 1): ["未整治"]})
    with pytest.raises(SpecError, match=r"1 classes.*5"):
        build_page(load_map(MAPS), [layer], toy.findings(), toy.outcomes(), toy.META)


def test_the_column_of_first_days_is_not_disclosed_more_widely_than_it_may_be():
    spec = dataclasses.replace(load_map(MAPS), audience="shared")
    layers = [dataclasses.replace(layer, disclosure="public") for layer in rich_layers()]
    narrow = [dataclasses.replace(layer, columns={}, column_disclosure={"found_on": "internal"}) for layer in layers]
    with pytest.raises(DisclosureError, match="found_on"):
        build_page(spec, narrow, toy.findings(), toy.outcomes(), toy.META)


def test_areas_and_first_days_name_what_the_content_knows(tmp_path):
    folder = tmp_path / "maps"
    shutil.copytree(MAPS, folder)
    path = folder / "overview.toml"
    text = path.read_text(encoding="utf-8")
    path.write_text(
        text.replace('["county", "township"]', '["county", "townshop"]').replace('"listed_on"\n', "3\n"),
        encoding="utf-8",
    )
    with pytest.raises(SpecError) as caught:
        load_map(folder)
    assert "Did you mean 'township'?" in str(caught.value)
    assert "since" in str(caught.value)
    path.write_text(text.replace('since      = "listed_on"', 'since      = "listed"'), encoding="utf-8")
    spec = load_map(folder)
    fields = {view.layer: {*view.columns, "river_name", "stage"} for view in spec.views}
    with pytest.raises(SpecError, match="'listed'"):
        load_map(folder, fields)


# --- address ---------------------------------------------------------------------------------------------------------


@browsing
def test_the_address_brings_the_view_back(browser, file):
    first = Visit(browser, file)
    page = first.page
    page.click("#gs-language")
    page.click("[data-filter='outcome:hit']")
    page.select_option("#gs-area", "county/410299")
    page.click("#gs-tab-layers")
    page.locator("#gs-layers label", has_text="River").locator("input").uncheck()
    page.click("#gs-tool-time")
    page.focus("#gs-month")
    page.keyboard.press("ArrowLeft")
    page.evaluate("GeoSys.map.setView([34.051, 114.052], 13.5, { animate: false })")
    page.click("#gs-tab-findings")
    page.click("#gs-findings .gs-item >> nth=0")
    page.evaluate("GeoSys.permalink.copy()")
    look = """() => [GeoSys.language, GeoSys.map.getZoom(), GeoSys.map.getCenter().lat.toFixed(4), GeoSys.byId('shown').textContent,
      GeoSys.time.now(), GeoSys.layers.filter((l) => GeoSys.map.hasLayer(l)).map((l) => l.spec.id), document.querySelector('#gs-card h2').textContent]"""
    seen, fragment = page.evaluate(look), page.evaluate("location.hash")
    page.close()
    second = open_at(browser, file, fragment[1:])
    assert second.page.evaluate(look) == seen
    assert second.page.evaluate("location.hash") == fragment
    second.page.close()
    assert first.trouble == second.trouble == []


HOSTILE = [
    "c=1e999,NaN,7&on=%00.__proto__&o=constructor&s=__proto__&r=toString&a=x&d=later&from=2026-99-99&m=1.2.3&sel=%3Cimg%20src=x%3E",
    "c=114,91,5&lang=%3Cscript%3E&sel=" + quote("outfall/" + "长" * 3000),
    "%E0%A4%A",
    "&&&===",
]


@browsing
@pytest.mark.parametrize("fragment", HOSTILE)
def test_an_address_that_names_nothing_changes_nothing(browser, file, fragment):
    visit = open_at(browser, file, fragment)
    page = visit.page
    assert page.evaluate("[GeoSys.language, GeoSys.Findings.visible.length]") == [0, 4]
    assert page.evaluate("Number.isFinite(GeoSys.map.getZoom()) && GeoSys.map.getBounds().contains([34.05, 114.05])")
    page.evaluate("location.hash = 'lang=en&c=114.05,34.05,12'")  # and a right one is followed later on
    wait_until(page, "GeoSys.language === 1 && GeoSys.map.getZoom() === 12")
    page.close()
    assert visit.trouble == []
    assert all(url.split("#")[0] == file.as_uri() for url in visit.requests)


# --- search ----------------------------------------------------------------------------------------------------------


@browsing
def test_initials_find_names_of_every_level_and_reading(visit):
    for typed, name in (("jlz", "贾鲁镇"), ("zyx", "重阳乡"), ("cyx", "重阳乡"), ("YLH", "样例河")):
        visit.search(typed)
        assert name in visit.text("#gs-matches"), typed
    visit.search("qqx")
    assert "没有匹配项" in visit.text("#gs-matches")
    visit.search("R-1")  # what is written as typed comes first
    assert visit.text("#gs-matches li >> nth=0").startswith("样例河")


def test_letters_of_names_that_are_known():
    table = {
        "濮": "p",
        "漯": "lt",
        "淇": "q",
        "颍": "y",
        "沁": "q",
        "涧": "j",
        "郑": "z",
        "长": "cz",
        "a": "",
        "，": "",
        "①": "",
        "㐀": "",
    }
    assert {character: letters_of(character) for character in table} == table
    assert initials_table([]) == {}


@given(st.text())
def test_letters_are_letters(text):
    for letter, characters in initials_table([text]).items():
        assert letter in string.ascii_lowercase
        assert set(characters) <= set(text)
        assert list(characters) == sorted(set(characters))


@browsing
def test_letters_agree_with_the_browser_collation(sums):
    """Compare all 6,763 characters with the pinyin order of the browser; only characters of several readings differ."""
    cells = [bytes([row, cell]) for row in range(0xB0, 0xF8) for cell in range(0xA1, 0xFF)]
    characters = [raw.decode("gb2312") for raw in cells if raw.decode("gb2312", "ignore")]
    script = """(characters) => { const order = new Intl.Collator('zh-Hans-CN-u-co-pinyin');
      const first = Array.from('阿八嚓哒妸发旮哈讥咔垃妈拏噢妑七呥仨他穵夕丫帀'), letters = 'abcdefghjklmnopqrstwxyz';
      return characters.map((c) => letters[first.filter((f) => order.compare(f, c) <= 0).length - 1] || 'a'); }"""
    theirs = sums.evaluate(script, characters)
    differ = [c for c, letter in zip(characters, theirs, strict=True) if letter not in letters_of(c)]
    assert len(characters) == 6763
    assert len(differ) <= 15, differ


# --- legend, paper, contrast, touch ----------------------------------------------------------------------------------


@browsing
def test_not_assessed_is_drawn_apart(visit):
    visit.page.click("#gs-menu")
    assert visit.page.inner_text("#gs-legend .gs-apart").split("\n")[:2] == ["未评估", "7"]
    look = "getComputedStyle(document.querySelector('#gs-legend .gs-box-not_assessed'))"
    assert "repeating-linear-gradient" in visit.page.evaluate(f"{look}.backgroundImage")
    assert visit.page.evaluate(f"{look}.borderStyle") == "dashed"


@browsing
def test_paper_holds_legend_of_what_is_in_view_and_gives_the_screen_back(visit):
    page = visit.page
    page.evaluate("GeoSys.map.setView([34.085, 114.085], 16, { animate: false })")
    before = page.evaluate("[GeoSys.map.getCenter().lat, GeoSys.map.getZoom()]")
    page.emulate_media(media="print")
    page.evaluate("window.dispatchEvent(new Event('beforeprint'))")
    legend = visit.text("#gs-legend")
    assert "饮用水水源保护区\n1\n准保护区\n1" in legend  # of two zones one is in view
    assert "一级保护区" not in legend
    assert visit.page.is_hidden("#gs-tools")
    for part in (
        "#gs-title",
        "#gs-day",
        "#gs-notice",
        "#gs-approval",
        "#gs-disclaimer",
        ".leaflet-control-scale",
        "#gs-north",
    ):
        assert visit.page.is_visible(part), part
    page.evaluate("window.dispatchEvent(new Event('afterprint'))")
    after = page.evaluate("[GeoSys.map.getCenter().lat, GeoSys.map.getZoom()]")
    assert after == pytest.approx(before, abs=1e-6)


@browsing
@pytest.mark.skipif(shutil.which("pdftoppm") is None, reason="pdftoppm is not installed: the print cannot be looked at")
def test_the_print_shows_both_dates_and_the_map(visit, tmp_path):
    page = visit.page
    page.click("#gs-tool-time")
    page.check("#gs-swipe")
    page.pdf(path=tmp_path / "print.pdf", prefer_css_page_size=True)
    subprocess.run(["pdftoppm", "-r", "40", tmp_path / "print.pdf", tmp_path / "print"], check=True)
    pictures = list(tmp_path.glob("print*.ppm"))
    assert len(pictures) == 1  # one sheet
    head, width, height, _ = pictures[0].read_bytes().split(maxsplit=4)[:4]
    assert (head, int(width) > int(height)) == (b"P6", True)
    pixels = np.frombuffer(pictures[0].read_bytes()[-3 * int(width) * int(height) :], np.uint8).reshape(
        int(height), -1, 3
    )
    sheet = pixels[int(height) // 5 : -int(height) // 5, int(width) // 8 : int(width) * 5 // 8].astype(int)
    assert (np.ptp(sheet, axis=2) > 8).mean() > 0.02  # a canvas drawn twice on the way to paper was printed white
    page.emulate_media(media="print")
    page.evaluate("window.dispatchEvent(new Event('beforeprint'))")
    where = "(() => { const b = GeoSys.byId('split').getBoundingClientRect(); return [b.left + 14, GeoSys.map.getSize().x / 2]; })()"
    divider, middle = page.evaluate(where)
    assert divider == pytest.approx(middle, abs=1)


FAINT = """() => {
  const read = (text) => { const n = text.match(/[\\d.]+/g).map(Number); return n.length === 3 ? [...n, 1] : n; };
  const part = (v) => { v /= 255; return v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4; };
  const light = ([r, g, b]) => 0.2126 * part(r) + 0.7152 * part(g) + 0.0722 * part(b);
  const over = (a, b) => [0, 1, 2].map((i) => a[i] * a[3] + b[i] * (1 - a[3]));
  const ground = (e) => { const layers = []; for (; e; e = e.parentElement) { const c = read(getComputedStyle(e).backgroundColor); if (c[3]) layers.push(c); if (c[3] === 1) break; }
    return layers.reverse().reduce((below, c) => over(c, below), [255, 255, 255]); };
  const faint = [];
  for (const e of document.querySelectorAll('#gs-app *')) {
    const own = Array.from(e.childNodes).some((n) => n.nodeType === 3 && n.textContent.trim());
    if (!own || !e.getClientRects().length || e.closest('option, .leaflet-control')) continue;
    const style = getComputedStyle(e), below = ground(e), ink = over(read(style.color), below);
    const [a, b] = [light(ink), light(below)].sort((x, y) => y - x);
    const large = parseFloat(style.fontSize) >= 24 || (parseFloat(style.fontSize) >= 18.66 && style.fontWeight >= 700);
    if ((a + 0.05) / (b + 0.05) < (large ? 3 : 4.5)) faint.push(e.className + ': ' + e.textContent.slice(0, 30) + ' ' + ((a + 0.05) / (b + 0.05)).toFixed(2));
  }
  return faint;
}"""


@browsing
def test_every_word_has_the_contrast_of_wcag_aa(visit):
    page = visit.page
    page.click("[data-filter='outcome:hit']")
    page.click("#gs-findings .gs-item >> nth=0")
    page.click("#gs-tool-time")
    page.check("#gs-swipe")
    for tab in ("findings", "layers", "rules", "notes"):
        page.click(f"#gs-tab-{tab}")
        assert page.evaluate(FAINT) == [], tab
    page.click("#gs-tool-position")
    click_at(visit, 114.05, 34.05)
    page.click("#gs-menu")
    visit.search("PW")
    assert page.evaluate(FAINT) == []


def luminance(colour: str) -> float:
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@browsing
def test_ink_on_every_colour_of_the_palette_is_readable(sums):
    palettes = load_map(MAPS).palettes
    words = (palettes.outcomes, palettes.statuses, palettes.severities)
    colours = sorted({swatch.colour for table in words for swatch in table.values()})
    for colour, ink in zip(colours, sums.evaluate("colours => colours.map(GeoSys.inkOn)", colours), strict=True):
        high, low = sorted((luminance(colour), luminance(ink)), reverse=True)
        assert (high + 0.05) / (low + 0.05) >= 4.5, colour


@browsing
def test_every_control_has_a_name(visit):
    visit.page.click("#gs-tool-time")
    nameless = """() => Array.from(document.querySelectorAll('button, input, select, [role=slider]')).filter((e) =>
      e.getClientRects().length && !e.getAttribute('aria-label') && !e.textContent.trim() && !(e.labels && e.labels.length && e.labels[0].textContent.trim())).map((e) => e.outerHTML)"""
    assert visit.page.evaluate(nameless) == []


@browsing
def test_a_finger_measures_on_a_narrow_screen(browser, file):
    context = browser.new_context(
        viewport={"width": 360, "height": 720}, has_touch=True, is_mobile=True, device_scale_factor=2
    )
    page = context.new_page()
    trouble: list[str] = []
    page.on("pageerror", lambda error: trouble.append(str(error)))
    page.goto(file.as_uri())
    page.wait_for_selector("body[data-ready=true]")
    page.tap("#gs-tool-distance")
    page.touchscreen.tap(120, 400)
    page.touchscreen.tap(300, 480)
    wait_until(page, "GeoSys.tools.points.length === 2")
    page.tap("#gs-tool-time")
    page.tap("#gs-swipe")
    assert page.evaluate("document.documentElement.scrollWidth") == 360
    inside = """() => ['tool', 'time', 'tools', 'zoom'].map((id) => GeoSys.byId(id).getBoundingClientRect())
      .every((box) => box.left >= 0 && box.right <= 360 && box.bottom <= 720)"""
    assert page.evaluate(inside)
    small = """() => Array.from(document.querySelectorAll('#gs-stage button, #gs-head button')).filter((e) => e.getClientRects().length)
      .map((e) => e.getBoundingClientRect()).filter((box) => Math.min(box.width, box.height) < 20).length"""
    assert page.evaluate(small) == 0
    context.close()
    assert trouble == []


def test_scripts_lose_comments_only():
    for name in SCRIPTS:
        text = read_asset(f"page/{name}")
        kept = [line.strip() for line in text.splitlines()]
        lean = _lean(text).splitlines()
        rest = iter(kept)
        assert all(line in rest for line in lean)  # in order, none changed
        gone = [line for line in kept if line and line not in lean]
        assert all(line.startswith(("/*", "*", "//")) or line.endswith("*/") for line in gone), name
