"""The map in a real browser: it asks for nothing, harms nobody, and finds what one looks for."""

from __future__ import annotations

from pathlib import Path

import maps_toy as toy
import pytest

from geosys.maps.page import build_page
from geosys.maps.spec import load_map

MAPS = Path(__file__).resolve().parent.parent / "maps"
CHROMIUM = Path("/usr/bin/chromium")
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--disable-background-networking"]

pytestmark = pytest.mark.skipif(not CHROMIUM.exists(), reason="chromium is not installed: maps cannot be opened")


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    path = tmp_path_factory.mktemp("maps") / "map.html"
    page = build_page(load_map(MAPS), toy.layers(), toy.findings(), toy.outcomes(), toy.META)
    path.write_text(page, encoding="utf-8", newline="\n")
    return path


@pytest.fixture(scope="module")
def browser():
    from playwright.sync_api import sync_playwright

    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=str(CHROMIUM), args=ARGUMENTS)
        yield browser
        browser.close()


class Visit:
    """Open the map in a fresh window and note whatever it should not do."""

    def __init__(self, browser, file: Path, width: int = 1366, height: int = 768) -> None:
        self.page = browser.new_page(viewport={"width": width, "height": height})
        self.page.set_default_timeout(10_000)
        self.trouble: list[str] = []
        self.requests: list[str] = []
        self.page.on("console", lambda message: self.trouble.append(message.text))
        self.page.on("pageerror", lambda error: self.trouble.append(str(error)))
        self.page.on("dialog", lambda dialog: (self.trouble.append(f"dialog {dialog.message}"), dialog.dismiss()))
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.goto(file.as_uri())
        self.page.wait_for_selector("body[data-ready=true]")

    def text(self, selector: str) -> str:
        return self.page.inner_text(selector)

    def search(self, text: str) -> None:
        self.page.keyboard.press("/")
        self.page.fill("#gs-query", text)


@pytest.fixture
def visit(browser, file):
    visit = Visit(browser, file)
    yield visit
    visit.page.close()
    assert visit.trouble == []
    assert visit.requests == [file.as_uri()]


def test_first_view_shows_all_that_a_map_must_say(visit):
    head = visit.text("#gs-head")
    for text in ("水土生态环境风险一张图", "样例县", "样例数据", "内部使用", "2026-09-30"):
        assert text in head
    assert "审图号：待送审" in visit.text("#gs-foot")
    assert "北" in visit.text("#gs-north")
    scale = visit.text(".leaflet-control-scale")
    assert " km" in scale or " m" in scale
    assert "mi" not in scale
    assert visit.page.query_selector(".leaflet-control-attribution") is None


COLOURS_OF = """pane => {
  const canvas = GeoSys.map.getPane(pane).querySelector('canvas');
  const data = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data;
  const seen = new Set();
  for (let i = 0; i < data.length; i += 4) if (data[i + 3] > 200) seen.add(data.slice(i, i + 3).join());
  return seen.size;
}"""


def test_something_is_drawn(visit):
    assert visit.page.evaluate(COLOURS_OF, "layers") > 20
    assert visit.page.evaluate(COLOURS_OF, "marks") > 10


def test_outcomes_and_statuses_are_counted_apart(visit):
    rows = {
        row.inner_text().split("\n")[0]: row.inner_text().split("\n")[-1]
        for row in visit.page.query_selector_all("#gs-findings .gs-toggle")
    }
    assert [
        rows[name]
        for name in ("确认命中", "临界（精度范围内）", "需核查（资料缺项）", "未评估（缺图层或行）", "未命中")
    ] == ["2", "1", "1", "7", "4"]
    assert [rows[name] for name in ("发现", "整改", "销号", "反弹")] == ["2", "1", "1", "0"]


def test_hostile_names_are_text(visit):
    visit.search("PW-0")
    visit.page.keyboard.press("ArrowDown")
    visit.page.keyboard.press("Enter")
    assert toy.IMAGE in visit.text("#gs-card")
    visit.search("PW-2")
    assert "{{ 7*7 }} {% raw %} {# x #}" in visit.text("#gs-matches")
    for code in ("PW-1", "PW-3", "PW-4"):
        visit.search(code)
        visit.page.keyboard.press("Enter")
        card = visit.page.query_selector("#gs-card").bounding_box()
        assert card["x"] + card["width"] <= 1366
        assert card["y"] + card["height"] <= 768
    assert visit.page.query_selector("img, b b, #gs-card script") is None


def test_search_finds_parts_of_names_in_findings_and_layers(visit):
    visit.search("样例河")
    assert visit.text("#gs-matches li >> nth=0").startswith("样例河")
    visit.page.keyboard.press("Enter")
    assert "样例河" in visit.text("#gs-card h2")
    visit.search("ｓｚ-1")  # full width, another case
    assert visit.page.locator("#gs-matches li[role=option]").count() == 5  # four findings about it, and the zone itself
    visit.search("不存在")
    assert "没有匹配项" in visit.text("#gs-matches")


def test_click_on_a_mark_opens_the_card_with_clause_and_duties(visit):
    place = visit.page.evaluate("(() => { const p = GeoSys.map.latLngToContainerPoint([34.05, 114.05]); const r = GeoSys.map.getContainer()"
        ".getBoundingClientRect(); return [p.x + r.left, p.y + r.top]; })()")  # fmt: skip
    visit.page.mouse.click(*place)
    card = visit.text("#gs-card")
    for text in ("《生态环境法典》第二编第三分编", "12.5 m", "生态环境局", "水利局", "2026-09-01", "已逾期 29 天", "核实后依法处置",
                 "确认命中", "重大", "发现", "本系统的理解", "一水厂", "F-001", "C-001"):  # fmt: skip
        assert text in card
    assert "1 / " in card
    visit.page.click("#gs-card [data-do=next]")
    assert "F-002" in visit.text("#gs-card")
    visit.page.keyboard.press("Escape")
    assert visit.page.is_hidden("#gs-card")


def test_card_leads_to_subject_and_object(visit):
    visit.page.click("#gs-findings .gs-item >> nth=0")
    visit.page.click("#gs-card >> text=查看相关对象")
    card = visit.text("#gs-card")
    assert "一水厂" in card
    assert "12,000.5 t/d" in card


def test_filters_leave_what_is_asked_for(visit):
    assert visit.text("#gs-shown") == "显示 4 / 4 条"
    visit.page.click("[data-filter='outcome:near']")
    assert visit.text("#gs-shown") == "显示 1 / 4 条"
    visit.page.click("[data-filter='outcome:near']")
    visit.page.click("[data-filter='status:rectifying']")
    assert visit.text("#gs-shown") == "显示 1 / 4 条"
    visit.page.click("text=清除筛选")
    visit.page.select_option("#gs-rule", "near_intake")
    assert visit.text("#gs-shown") == "显示 1 / 4 条"
    assert visit.page.evaluate("GeoSys.Findings.stacks.length") == 1


def test_layers_are_counted_switched_and_explained(visit):
    visit.page.click("#gs-tab-layers")
    panel = visit.text("#gs-layers")
    for text in ("入河排污口\n5", "河流\n1", "污水处理厂\n未提供", "一级保护区", "1 条无位置"):
        assert text in panel
    switch = visit.page.locator("#gs-layers label", has_text="河流").locator("input")
    switch.uncheck()
    assert visit.page.evaluate("GeoSys.layers.filter(l => GeoSys.map.hasLayer(l)).length") == 4
    visit.page.locator("#gs-layers label", has_text="河流").locator("input").check()
    assert visit.page.evaluate("GeoSys.layers.filter(l => GeoSys.map.hasLayer(l)).length") == 5


def test_rules_say_what_was_not_assessed_and_why(visit):
    visit.page.click("#gs-tab-rules")
    assert "未评估原因：未提供图层：污水处理厂" in visit.text("#gs-rules")
    visit.page.click("#gs-rules >> text=取水口附近")
    assert visit.text("#gs-shown") == "显示 1 / 4 条"


def test_english_replaces_every_word(visit):
    visit.page.click("#gs-findings .gs-item >> nth=0")
    visit.page.click("#gs-language")
    assert visit.page.get_attribute("html", "lang") == "en"
    for text in ("Soil and water risk map", "sample data", "Internal use", "As of"):
        assert text in visit.text("#gs-head")
    assert "Code, book 2, part 3" in visit.text("#gs-card")
    assert "Needs review" in visit.text("#gs-findings")
    visit.page.click("#gs-tab-notes")
    assert "Version 5f6a7b8c" in visit.text("#gs-notes")
    visit.page.click("#gs-language")
    assert "版本 5f6a7b8c" in visit.text("#gs-notes")


def test_narrow_screen_is_usable(browser, file):
    phone = Visit(browser, file, 360, 720)
    assert phone.page.is_hidden("#gs-panel")
    assert phone.page.evaluate("document.documentElement.scrollWidth") == 360
    assert "确认命中" in phone.text("#gs-legend")
    phone.page.click("#gs-menu")
    phone.page.click("#gs-findings .gs-item >> nth=0")
    assert phone.page.is_hidden("#gs-panel")
    card = phone.page.query_selector("#gs-card").bounding_box()
    assert card["x"] >= 0
    assert card["x"] + card["width"] <= 360
    chosen = phone.page.evaluate(
        "GeoSys.map.latLngToContainerPoint([34.05, 114.05]).y + GeoSys.byId('stage').getBoundingClientRect().top"
    )
    assert chosen < card["y"]  # what the card speaks of is not under the card
    phone.page.close()
    assert phone.trouble == []


def test_paper_gets_map_and_legend(visit):
    visit.page.emulate_media(media="print")
    visit.page.evaluate("window.dispatchEvent(new Event('beforeprint'))")
    assert visit.page.is_visible("#gs-legend")
    assert visit.page.is_hidden("#gs-panel")
    assert visit.page.evaluate("GeoSys.byId('stage').offsetWidth") == 1060
    assert visit.page.evaluate("GeoSys.map.getSize().x") == 1060 - 276  # beside it the legend
    visit.page.evaluate("window.dispatchEvent(new Event('afterprint'))")
    assert visit.page.evaluate("GeoSys.map.getSize().x") > 900


def test_a_map_that_opens_unseen_shows_its_county_once_it_is_seen(browser, file, tmp_path):
    around = tmp_path / "around.html"
    frame = f'<iframe id="map" src="{file.as_uri()}" style="display:none;width:700px;height:500px;border:0"></iframe>'
    around.write_text(f"<!DOCTYPE html><body>{frame}", encoding="utf-8")
    page = browser.new_page(viewport={"width": 800, "height": 600})
    trouble: list[str] = []
    page.on("pageerror", lambda error: trouble.append(str(error)))
    page.goto(around.as_uri())
    inside = page.frames[1]
    inside.wait_for_selector("body[data-ready=true]", state="attached")
    page.evaluate("document.getElementById('map').style.display = ''")
    for _ in range(100):  # the page's own rules forbid Playwright to wait for an expression
        if inside.evaluate("GeoSys.map.getSize().x > 0 && GeoSys.map.getZoom() > GeoSys.map.getMinZoom()"):
            break
        page.wait_for_timeout(50)
    assert inside.evaluate("GeoSys.map.getBounds().contains(L.latLngBounds(GeoSys.data().bounds))")
    assert inside.evaluate("Math.abs(GeoSys.map.getZoom() - GeoSys.map.getBoundsZoom(GeoSys.data().bounds)) <= 1")
    assert trouble == []
    page.close()
