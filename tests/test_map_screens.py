"""The map on three screens and by keyboard alone: nothing covered, cut or too small; and the base map that a user may name."""

from __future__ import annotations

import base64
import re
from itertools import combinations

import maps_toy as toy
import pytest
from test_map_browser import ARGUMENTS, CHROMIUM, MAPS, Visit
from test_map_tools import FAINT, rich_findings, rich_layers

from geosys._errors import SpecError
from geosys._faults import Faults
from geosys._text import Text
from geosys.layers.spec import read_catalogue
from geosys.maps.basemap import Basemap, read_basemap
from geosys.maps.page import build_page
from geosys.maps.spec import load_map
from geosys.workspace import read_workspace

browsing = pytest.mark.skipif(not CHROMIUM.exists(), reason="chromium is not installed: maps cannot be opened")
TILES = "https://tiles.office:8443/w/{z}/{x}/{y}.png"
BASEMAP = Basemap(TILES, Text("单位影像", "Office imagery"), Text("某局信息中心", "Office data centre"), 16)
PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg=="
)
WIDE, LAPTOP, PHONE, TURNED = (1920, 1080), (1366, 768), (360, 740), (740, 360)
FLOATING = ("gs-zoom", "gs-tools", "gs-north", "gs-legend", "gs-tool", "gs-time", "gs-card")


def made(path, basemap=None):
    page = build_page(load_map(MAPS), rich_layers(), rich_findings(), toy.outcomes(), toy.META, basemap)
    path.write_text(page, encoding="utf-8", newline="\n")
    return path


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    return made(tmp_path_factory.mktemp("screens") / "map.html")


@pytest.fixture(scope="module")
def tiled(tmp_path_factory):
    return made(tmp_path_factory.mktemp("tiled") / "map.html", BASEMAP)


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
    assert {url for url in visit.requests if not url.startswith("data:")} == {file.as_uri()}


def screen(browser, file, size, *, touch):
    """Open the map on a screen; return page, what it complained of and what it asked for."""
    context = browser.new_context(
        viewport={"width": size[0], "height": size[1]}, has_touch=touch, is_mobile=touch, offline=True
    )
    page = context.new_page()
    page.set_default_timeout(10_000)
    trouble: list[str] = []
    page.on("console", lambda message: trouble.append(message.text))
    page.on("pageerror", lambda error: trouble.append(str(error)))
    page.on(
        "request",
        lambda request: trouble.append(request.url) if not request.url.startswith(("file:", "data:")) else None,
    )
    page.goto(file.as_uri())
    page.wait_for_selector("body[data-ready=true]")
    return page, trouble


BOXES = """ids => Object.fromEntries(ids.map((id) => [id, document.querySelector(id[0] === '.' ? id : '#' + id)]).filter(([, e]) => e.getClientRects().length)
  .map(([id, e]) => { const b = e.getBoundingClientRect(); return [id, [b.left, b.top, b.right, b.bottom]]; }))"""


def boxes_of(page, ids=FLOATING):
    return page.evaluate(BOXES, list(ids))


def overlap(a, b):
    return min(a[2], b[2]) - max(a[0], b[0]) > 1 and min(a[3], b[3]) - max(a[1], b[1]) > 1


def clashes(page, ids):
    boxes = boxes_of(page, ids)
    return [pair for pair in combinations(boxes, 2) if overlap(boxes[pair[0]], boxes[pair[1]])]


CUT = """() => Array.from(document.querySelectorAll('#gs-head *, #gs-tabs *, #gs-tool *, #gs-time *, #gs-foot *, #gs-legend *, button, label, .gs-pick span'))
  .filter((e) => e.getClientRects().length && e.textContent.trim() && !e.closest('.gs-two, .gs-card-kind, .gs-away, #gs-where, #gs-skip') && e.children.length === 0)
  .filter((e) => { const b = e.getBoundingClientRect(); return b.right > innerWidth + 1 || b.left < -1 || (getComputedStyle(e).overflow !== 'visible' && e.scrollWidth > e.clientWidth + 1); })
  .map((e) => e.outerHTML.slice(0, 120))"""
SMALL = """least => Array.from(document.querySelectorAll('button, input, select, [role=slider]')).filter((e) => e.getClientRects().length && !e.closest('#gs-skip'))
  .map((e) => [e, (e.closest('label') || e).getBoundingClientRect()]).filter(([, b]) => Math.min(b.width, b.height) < least)
  .map(([e, b]) => (e.id || e.textContent) + ' ' + b.width + 'x' + b.height)"""


@browsing
@pytest.mark.parametrize(("size", "touch"), [(WIDE, False), (LAPTOP, False), (PHONE, True), (TURNED, True)])
def test_nothing_is_covered_cut_or_too_small(browser, file, size, touch):
    page, trouble = screen(browser, file, size, touch=touch)
    press = page.tap if touch else page.click
    least = 36 if touch else 24
    for _ in range(2):  # in Chinese, then in English
        assert clashes(page, ("gs-zoom", "gs-tools", "gs-north", "gs-legend", ".leaflet-control-scale")) == []
        assert page.evaluate(CUT) == []
        assert page.evaluate(SMALL, least) == []
        assert page.evaluate("document.documentElement.scrollWidth") == size[0]
        assert "2026-09-30" in page.inner_text("#gs-day")  # the day of judgement is on every screen
        press("#gs-tool-position")
        assert clashes(page, ("gs-zoom", "gs-tools", "gs-tool")) == []
        press("#gs-tool-position")
        press("#gs-tool-time")
        page.check("#gs-swipe")
        dates = ("gs-split-left", "gs-split-right", "gs-zoom", "gs-tools", "gs-north", "gs-time")
        assert clashes(page, dates) == []
        assert page.evaluate(CUT) == []
        assert page.evaluate(SMALL, least) == []
        assert page.evaluate(FAINT) == []
        inside = boxes_of(page)
        assert all(b[0] >= 0 and b[2] <= size[0] and b[3] <= size[1] for b in inside.values()), inside
        press("#gs-tool-time")
        if page.is_hidden("#gs-panel"):
            press("#gs-menu")
        for tab in ("layers", "rules", "notes", "findings"):
            press(f"#gs-tab-{tab}")
            assert (page.evaluate(CUT), page.evaluate(SMALL, least), page.evaluate(FAINT)) == ([], [], []), tab
        if touch and size[0] < 760:
            press("#gs-menu")
        press("#gs-language")
    page.context.close()
    assert trouble == []


@browsing
@pytest.mark.parametrize("size", [LAPTOP, PHONE])
def test_the_dates_of_the_swipe_stay_readable_at_both_ends(browser, file, size):
    page, trouble = screen(browser, file, size, touch=False)
    page.click("#gs-tool-time")
    page.check("#gs-swipe")
    stage = boxes_of(page, ["gs-stage"])["gs-stage"]
    for key in ("Home", "End"):
        page.focus("#gs-split")
        page.keyboard.press(key)
        ids = ("gs-split-left", "gs-split-right", "gs-north", "gs-zoom")
        assert clashes(page, ids) == []
        boxes = boxes_of(page, ids[:2])
        assert all(stage[0] <= b[0] and b[2] <= stage[2] for b in boxes.values()), boxes
    page.context.close()
    assert trouble == []


# --- the keyboard alone ----------------------------------------------------------------------------------------------

SEEN = """() => { const e = document.activeElement, s = getComputedStyle(e), b = e.getBoundingClientRect();
  return [e.id || e.className || e.tagName, e === document.body, parseFloat(s.outlineWidth) >= 2 && s.outlineStyle !== 'none', b.bottom > 0 && b.right > 0 && b.top < innerHeight && b.left < innerWidth]; }"""


@browsing
def test_tab_reaches_every_control_with_a_visible_ring_and_leaves_again(visit):
    page = visit.page
    reached = []
    for _ in range(150):
        page.keyboard.press("Tab")
        name, is_body, has_ring, is_in_window = page.evaluate(SEEN)
        if is_body:
            break
        assert has_ring, name
        assert is_in_window, name
        reached.append(name)
    else:
        raise AssertionError(f"the keyboard is caught: {reached[-5:]}")
    wanted = {"gs-skip", "gs-menu", "gs-query", "gs-print", "gs-language", "gs-tab-findings", "gs-rule", "gs-lead", "gs-area", "gs-due",
              "gs-in", "gs-out", "gs-home", "gs-tool-distance", "gs-tool-area", "gs-tool-position", "gs-tool-time", "gs-tool-link"}  # fmt: skip
    assert wanted <= set(reached)
    assert sum(name == "map_geosys" for name in reached) == 1
    assert sum(name == "gs-item" for name in reached) == 4


@browsing
def test_keys_lead_into_the_card_and_back(visit):
    page, here = visit.page, lambda: page.evaluate("document.activeElement.className || document.activeElement.id")
    page.focus("#gs-findings .gs-item >> nth=1")
    page.keyboard.press("Enter")
    assert here() == "gs-card-body"
    assert "F-00" in visit.text("#gs-card")
    page.keyboard.press("Tab")
    assert page.evaluate("GeoSys.byId('card').contains(document.activeElement)")
    page.keyboard.press("Escape")
    assert page.is_hidden("#gs-card")
    assert here() == "gs-item"
    page.keyboard.press("Enter")
    page.focus("#gs-card [data-do=close]")
    page.keyboard.press("Enter")
    assert here() == "gs-item"
    visit.search("B-1")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    assert here() == "gs-card-body"
    assert toy.IMAGE in visit.text("#gs-card")
    page.keyboard.press("Escape")
    assert "folium-map" in here()
    page.keyboard.press("Shift+Tab")
    assert not page.evaluate("document.activeElement === document.body")


@browsing
def test_a_mouse_does_not_move_the_keyboard(visit):
    visit.page.click("#gs-findings .gs-item >> nth=0")
    assert visit.page.evaluate("document.activeElement.className") != "gs-card-body"


@browsing
def test_what_is_named_so_comes_first(visit):
    """The river's name stands within other names and within what findings say; the river itself is what one asks for."""
    visit.search("样例河")
    assert visit.text("#gs-matches li >> nth=0").startswith("样例河\n河流")
    visit.search("ylh")
    assert visit.text("#gs-matches li >> nth=0").startswith("样例河\n河流")


# --- paper -----------------------------------------------------------------------------------------------------------


@browsing
def test_the_card_on_paper_ends_with_a_whole_line_and_is_whole_again_on_the_screen(visit):
    page = visit.page
    page.evaluate("GeoSys.data().words.statuses.found.title[0] = '发现'")
    long = "(() => { const f = GeoSys.Findings, get = f.text; f.text = function (row, column) { return column === 'action' ? '逐项核实。'.repeat(300) : get.call(f, row, column); }; })()"
    page.evaluate(long)
    page.click("#gs-findings .gs-item >> nth=0")
    lines = (
        "document.querySelectorAll('#gs-card dd').length - document.querySelectorAll('#gs-card dd.gs-unprinted').length"
    )
    before = page.evaluate(lines)
    page.emulate_media(media="print")
    page.evaluate("window.dispatchEvent(new Event('beforeprint'))")
    assert (
        page.evaluate(
            "(() => { const b = document.querySelector('.gs-card-body'); return b.scrollHeight - b.clientHeight; })()"
        )
        <= 1
    )
    assert 0 < page.evaluate(lines) < before
    assert "其余内容见屏幕上的卡片" in visit.text("#gs-card")
    page.emulate_media(media="screen")
    page.evaluate("window.dispatchEvent(new Event('afterprint'))")
    assert page.evaluate(lines) == before
    assert "其余内容" not in visit.text("#gs-card")


# --- the base map a user names ---------------------------------------------------------------------------------------


def policy(file):
    return re.search(r'Content-Security-Policy" content="([^"]*)"', file.read_text(encoding="utf-8")).group(1)


def test_the_policy_opens_for_one_server_and_only_where_one_is_named(file, tiled):
    closed = (
        "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data:{}; base-uri 'none'"
    )
    assert policy(file) == closed.format("")
    assert policy(tiled) == closed.format(" https://tiles.office:8443")


@browsing
def test_a_map_without_a_service_offers_none(visit):
    visit.page.click("#gs-tab-layers")
    assert "联网底图" not in visit.text("#gs-layers")
    assert visit.page.is_hidden("#gs-source")


@pytest.fixture
def online(browser, tiled):
    """Open the map with a base map; `answers` says what the service returns."""
    page = browser.new_page(viewport={"width": 1366, "height": 768})
    page.set_default_timeout(10_000)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if request.url.startswith("http") else None)
    page.route(re.compile("^http"), lambda route: route.fulfill(body=PNG, content_type="image/png"))
    page.goto(tiled.as_uri())
    page.wait_for_selector("body[data-ready=true]")
    yield page, asked
    page.close()


def wait_for(page, condition):
    for _ in range(200):
        if condition():
            return
        page.wait_for_timeout(25)
    raise AssertionError("never came true")


@browsing
def test_the_base_map_is_off_until_it_is_switched_on_and_says_whom_it_asks(online):
    page, asked = online
    page.click("#gs-tab-layers")
    text = page.inner_text("#gs-layers")
    assert "单位影像" in text
    assert "打开后向 https://tiles.office:8443 请求图片" in text
    page.evaluate("GeoSys.map.setZoom(13, { animate: false })")
    assert asked == []
    page.check("#gs-basemap")
    wait_for(page, lambda: asked and page.evaluate("document.querySelectorAll('.leaflet-tile-loaded').length > 0"))
    assert all(re.fullmatch(r"https://tiles\.office:8443/w/\d+/\d+/\d+\.png", url) for url in asked)
    north_west = page.evaluate("(() => { const b = GeoSys.map.getBounds(); return [b.getWest(), b.getNorth()]; })()")
    zoom, column, _ = map(int, re.search(r"/(\d+)/(\d+)/(\d+)\.png", asked[0]).groups())
    assert 0 <= column - int((north_west[0] + 180) / 360 * 2**zoom) <= 8  # the columns of the place looked at
    assert page.inner_text("#gs-source") == "单位影像：某局信息中心"
    assert page.is_checked("#gs-basemap")
    assert page.evaluate("GeoSys.layers.find((l) => l.spec.id === GeoSys.data().basemap.frame) && GeoSys.basemap.veil(GeoSys.layers.find((l) => l.spec.id === GeoSys.data().basemap.frame))") == 0  # fmt: skip
    page.click("#gs-language")
    assert page.inner_text("#gs-source") == "Office imagery: Office data centre"
    page.uncheck("#gs-basemap")
    assert page.is_hidden("#gs-source")
    count = len(asked)
    page.evaluate("GeoSys.map.setZoom(12, { animate: false })")
    page.wait_for_timeout(200)
    assert len(asked) == count


@browsing
def test_an_address_handed_on_does_not_switch_the_base_map_on(online):
    page, asked = online
    page.click("#gs-tab-layers")
    page.check("#gs-basemap")
    wait_for(page, lambda: asked)
    page.wait_for_timeout(400)  # the address is written soon, not at once
    address, count = page.url, len(asked)
    page.goto("about:blank")
    page.goto(address)
    page.wait_for_selector("body[data-ready=true]")
    page.wait_for_timeout(200)
    assert len(asked) == count


@browsing
def test_a_service_that_gives_nothing_is_told(browser, tiled):
    page = browser.new_page(viewport={"width": 1366, "height": 768})
    page.set_default_timeout(10_000)
    page.route(re.compile("^http"), lambda route: route.abort())
    page.goto(tiled.as_uri())
    page.wait_for_selector("body[data-ready=true]")
    page.click("#gs-tab-layers")
    assert page.is_hidden("#gs-basemap-note")
    page.check("#gs-basemap")
    page.wait_for_selector("#gs-basemap-note:not([hidden])")
    assert page.inner_text("#gs-basemap-note") == "https://tiles.office:8443 没有给出图片"
    page.close()


ENTRY = {"url": TILES, "title": {"zh": "影像", "en": "Imagery"}, "attribution": {"zh": "某局", "en": "Office"}}


def faults_of(**more):
    faults = Faults()
    found = read_basemap("geosys.toml [basemap]", ENTRY | more, faults)
    assert (found is None) == bool(faults.rows)
    return "\n".join(faults.rows)


@pytest.mark.parametrize("url", [
    TILES, "http://10.0.3.7/tms/{z}/{x}/{-y}.jpg",
    "https://t0.tiles.example/img_w/wmts?SERVICE=WMTS&TILEMATRIXSET=w&TILEMATRIX={z}&TILEROW={y}&TILECOL={x}&tk=0a1b",
    "http://gis.office/wmts?TileMatrixSet=GoogleMapsCompatible&TileMatrix={z}&TileRow={y}&TileCol={x}",
])  # fmt: skip
def test_addresses_of_tiles_in_web_mercator_are_taken(url):
    assert faults_of(url=url) == ""


@pytest.mark.parametrize(("url", "told"), [
    ("https://t{s}.tiles.example/{z}/{x}/{y}", "the address of one server, without {s}"),
    ("https://tiles.example/wmts?request=GetCapabilities", "expected https://SERVER/{z}/{x}/{y}"),
    ("tiles/{z}/{x}/{y}.png", "expected https://SERVER/{z}/{x}/{y}"),
    ("ftp://tiles.example/{z}/{x}/{y}", "expected https://SERVER/{z}/{x}/{y}"),
    ("https://a.example; script-src */{z}/{x}/{y}", "expected https://SERVER/{z}/{x}/{y}"),
    ("https://*.example/{z}/{x}/{y}", "expected https://SERVER/{z}/{x}/{y}"),
    ("https://user:word@tiles.example/{z}/{x}/{y}", "expected https://SERVER/{z}/{x}/{y}"),
    ("https://tiles.example/{z}/{x}/{y}\"onerror='1'", "expected https://SERVER/{z}/{x}/{y}"),
    ("https://tiles.example:99999/{z}/{x}/{y}", "expected https://SERVER/{z}/{x}/{y}"),
    ("https://{z}.example/{x}/{y}", "expected https://SERVER/{z}/{x}/{y}"),
    ("https://t0.tiles.example/img_c/wmts?TILEMATRIXSET=c&TILEMATRIX={z}&TILEROW={y}&TILECOL={x}", "tile matrices of Web Mercator"),
    ("https://t0.tiles.example/wmts?TILEMATRIXSET=EPSG:4490&TILEMATRIX={z}&TILEROW={y}&TILECOL={x}", "tile matrices of Web Mercator"),
    (7, "expected an address"),
])  # fmt: skip
def test_other_addresses_are_refused_with_what_to_write(url, told):
    assert told in faults_of(url=url)


def test_other_keys_and_planes_are_faults():
    assert "Tianditu: 'img_w' instead of 'img_c'" in faults_of(crs="EPSG:4490")
    assert "Did you mean 'max_zoom'" in faults_of(maxzoom=3)
    assert "a whole number from 1 to 22" in faults_of(max_zoom=40)
    assert '{ zh = "…", en = "…" }' in faults_of(title="影像")
    faults = Faults()
    assert read_basemap("geosys.toml [basemap]", {"url": TILES}, faults) is None
    assert len(faults.rows) == 2
    assert read_basemap("geosys.toml [basemap]", {}, Faults()) is None


def test_a_plan_names_its_base_map(tmp_path):
    catalogue = read_catalogue()
    plan = 'title = { zh = "样例", en = "Sample" }\ncrs = "EPSG:4547"\n'
    assert read_workspace(tmp_path, catalogue, plan).basemap is None
    table = f'[basemap]\nurl = "{TILES}"\ntitle = {{ zh = "单位影像", en = "Office imagery" }}\nattribution = {{ zh = "某局信息中心", en = "Office data centre" }}\nmax_zoom = 16\n'
    assert read_workspace(tmp_path, catalogue, plan + table).basemap == BASEMAP
    with pytest.raises(SpecError, match=r"geosys\.toml \[basemap\] crs: got 'EPSG:4490'"):
        read_workspace(tmp_path, catalogue, plan + table + 'crs = "EPSG:4490"\n')
