"""The page of a meeting's pack in a real browser: alone, closed to everything else, and of use in a meeting."""

from __future__ import annotations

import base64
import random
import re
import shutil
import subprocess
import zlib
from dataclasses import replace
from pathlib import Path

import maps_toy
import meeting_toy as toy
import pytest

from geosys._errors import SpecError
from geosys._faults import Faults
from geosys._text import Text
from geosys.maps.folium_page import read_asset
from geosys.maps.meeting.content import Column, Item, Listing
from geosys.maps.meeting.page import SCRIPTS, PackFile, build_pack_page
from geosys.maps.meeting.page_charts import chart_table, draw_for_page, safe_svg
from geosys.maps.page import build_page
from geosys.maps.palettes import load_palettes
from geosys.maps.paper.press import open_press
from geosys.maps.paper.words import plain
from geosys.maps.spec import load_map

MAPS = Path(__file__).resolve().parent.parent / "maps"
CHROMIUM = Path("/usr/bin/chromium")
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--disable-background-networking"]
PDF = b"%PDF-1.4\nnothing but a beginning"
FILES = [
    PackFile(Text("水质断面图", "Sections"), "sheets/断面 图.pdf", "application/pdf", PDF),
    PackFile(Text("幻灯片", "Slides"), "a?b#c/slides<b>.pptx", "application/vnd.ms-powerpoint"),
    PackFile("台账表", "tables.xlsx", "application/vnd.ms-excel", b"PK\x03\x04\x00\xff"),
]
PARTS = ("agenda", "changes", "map", "issues", "tables", "files", "notes")
needs_browser = pytest.mark.skipif(not CHROMIUM.exists(), reason="chromium is not installed: pages cannot be opened")


@pytest.fixture(scope="module")
def press():
    return open_press(MAPS)


@pytest.fixture(scope="module")
def palettes():
    return load_palettes(MAPS / "palettes.toml", Faults())


@pytest.fixture(scope="module")
def map_html():
    return build_page(load_map(MAPS), maps_toy.layers(), maps_toy.findings(), maps_toy.outcomes(), maps_toy.META)


@pytest.fixture(scope="module")
def pages(tmp_path_factory, press, palettes, map_html):
    """Return the files of a sample, a hostile and a large meeting, and of one without a map."""
    folder = tmp_path_factory.mktemp("pack")
    made = {
        "sample": (toy.meeting(), map_html),
        "hostile": (toy.hostile(), map_html),
        "large": (toy.meeting(10_000), ""),
    }
    for name, (meeting, inner) in made.items():
        text = build_pack_page(meeting, inner, FILES, press, palettes=palettes)
        (folder / f"{name}.html").write_text(text, encoding="utf-8", newline="\n")
    return {name: folder / f"{name}.html" for name in made}


@pytest.fixture(scope="module")
def browser():
    from playwright.sync_api import sync_playwright

    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=str(CHROMIUM), args=ARGUMENTS)
        yield browser
        browser.close()


class Visit:
    """Open a pack in a fresh window and note whatever it should not do."""

    def __init__(self, browser, file: Path, width: int = 1366, height: int = 768, before: str = "") -> None:
        self.file = file
        self.page = browser.new_page(viewport={"width": width, "height": height})
        self.page.set_default_timeout(20_000)
        self.trouble: list[str] = []
        self.requests: list[str] = []
        self.page.on("console", lambda message: self.trouble.append(message.text))
        self.page.on("pageerror", lambda error: self.trouble.append(str(error)))
        self.page.on("dialog", lambda dialog: (self.trouble.append(f"dialog {dialog.message}"), dialog.dismiss()))
        self.page.on("request", lambda request: self.requests.append(request.url))
        if before:
            self.page.add_init_script(before)
        self.page.goto(file.as_uri())
        self.page.wait_for_selector("body[data-ready=true]")

    def open(self, part: str) -> None:
        self.page.click(f"#gs-tab-{part}")

    def text(self, selector: str) -> str:
        return self.page.inner_text(selector)

    def column(self, number: int) -> list[str]:
        return self.page.eval_on_selector_all(
            f"#gs-tables tbody td:nth-child({number})", "cells => cells.map(cell => cell.textContent)"
        )

    def sort(self, column: str) -> None:
        self.page.click(f"#gs-tables [data-column={column}]")

    def inner(self):
        """Return the map inside, when it stands."""
        frame = self.page.frame_locator("#gs-map iframe")
        frame.locator("body[data-ready=true]").wait_for()
        return frame

    def leave(self) -> None:
        self.page.close()
        assert self.trouble == []
        # what the page carries itself has an address too: a blob or data address asks nobody
        assert [url for url in self.requests if not url.startswith(("blob:", "data:"))] == [self.file.as_uri()]


@pytest.fixture
def visit(browser, pages):
    visit = Visit(browser, pages["sample"])
    yield visit
    visit.leave()


@needs_browser
def test_the_first_view_says_what_meeting_it_is_and_what_is_lacking(visit):
    head = visit.text("#gs-head")
    for text in ("水环境调度会", "样例县", "样例数据", "内部使用", "会议 2026-09-30", "上次会议 2026-08-31"):
        assert text in head
    agenda = visit.text("#gs-agenda")
    for text in (
        "缺少或未能计算的内容（2 项）",
        "未提供图层：污水处理厂",
        "共 55 分钟",
        "通报总体情况",
        "汇报：办公室",
        "10 分钟",
    ):
        assert text in agenda
    tiles = [tile.inner_text() for tile in visit.page.query_selector_all(".gs-tile")]
    assert [part in tiles[0] for part in ("在办问题", "23", "件", "上次 20", "变化 +3（变差）")] == [True] * 5
    assert "变化 -3（变好）" in tiles[1]
    assert "变差" not in tiles[2]
    assert "变好" not in tiles[2]
    assert "无上次数据" in tiles[3]
    assert "台账 58 件" not in tiles[0]
    visit.page.click(".gs-tile summary >> nth=0")
    assert "台账 58 件，其中在办 23 件" in visit.text(".gs-tile >> nth=0")


@needs_browser
def test_charts_are_drawn_inside_the_page_and_have_their_values(visit):
    assert visit.page.locator(".gs-chart > svg").count() == len(toy.charts())
    ids = visit.page.eval_on_selector_all(".gs-chart [id]", "all => all.map(one => one.id)")
    assert len(ids) == len(set(ids)) > 50
    assert visit.page.locator(".gs-chart script, .gs-chart foreignObject, .gs-chart a").count() == 0
    colours = visit.page.eval_on_selector_all(
        ".gs-chart use", "uses => uses.map(use => document.querySelector(use.getAttribute('href')) !== null)"
    )
    assert colours
    assert all(colours)
    visit.page.click("figure:has([data-chart=trend]) summary")
    assert "61.5" in visit.text("figure:has([data-chart=trend]) table")


@needs_browser
def test_the_agenda_leads_to_issues_tables_and_sheets(visit):
    visit.page.click("#gs-agenda .gs-ref >> text=长江北岸排口 反弹")
    assert visit.page.is_visible("#gs-issues")
    assert visit.page.evaluate("document.activeElement.dataset.issue") == "C-00002"
    visit.open("agenda")
    visit.page.click("#gs-agenda .gs-ref >> text=整改事项清单")
    assert visit.page.evaluate("document.activeElement.closest('[data-table]').dataset.table") == "cases"
    visit.open("agenda")
    visit.page.click("#gs-agenda .gs-ref >> text=水质断面图")
    assert visit.page.evaluate("document.activeElement.dataset.file") == "sheets/断面 图.pdf"


@needs_browser
def test_changes_stand_together_by_kind(visit):
    visit.open("changes")
    groups = visit.page.eval_on_selector_all("#gs-changes .gs-group", "all => all.map(one => one.textContent)")
    assert groups == ["新增2 行", "销号1 行", "反弹1 行", "延期1 行"]
    visit.page.click("#gs-changes [data-column=on]")
    visit.page.click("#gs-changes [data-column=on]")
    days = visit.page.eval_on_selector_all("#gs-changes td:nth-child(6)", "all => all.map(one => one.textContent)")
    assert days == ["2026-09-08", "2026-09-03", "2026-09-21", "2026-09-28", "2026-09-14"]  # newest first in each kind


@needs_browser
def test_cards_say_all_of_an_issue(visit):
    visit.open("issues")
    card = visit.text("[data-issue=C-00001]")
    for text in ("一级保护区内有排污口", "重大", "整改", "距边界 12.5 m", "裕度", "生态环境法典", "会商拆除方案", "2026-09-18", "已封堵一半", "封堵前", "已逾期 15 天"):  # fmt: skip
        assert text in card
    sizes = visit.page.eval_on_selector_all("[data-issue=C-00001] img", "all => all.map(one => one.naturalWidth)")
    assert sizes == [96, 64, 64]
    visit.page.select_option("#gs-issues select >> nth=1", "reopened")
    assert visit.text("#gs-issues .gs-count") == "显示 1 / 3 件"
    visit.page.select_option("#gs-issues select >> nth=1", "")
    visit.page.fill("#gs-issues input", "鄂城")
    assert visit.text("#gs-issues .gs-count") == "显示 1 / 3 件"
    assert visit.page.is_hidden("[data-issue=C-00001]")


@needs_browser
def test_the_map_works_inside_and_goes_where_an_issue_says(visit):
    assert visit.page.locator("iframe").count() == 0  # nothing is unpacked before it is asked for
    visit.open("issues")
    visit.page.click("[data-issue=C-00001] >> text=在地图上查看")
    inner = visit.inner()
    assert "F-001" in inner.locator("#gs-card").inner_text()
    frame = visit.page.frames[1]
    assert frame.evaluate("GeoSys.map.getZoom()") == 14
    assert "default-src 'none'" in frame.evaluate("document.querySelector('meta[http-equiv]').content")
    inner.locator("#gs-query").fill("样例河")
    assert "样例河" in inner.locator("#gs-matches").inner_text()
    visit.open("issues")
    visit.page.click("[data-issue=C-00002] >> text=在地图上查看")
    frame.wait_for_function("GeoSys.map.getZoom() === 13")
    assert frame.evaluate("Math.round(GeoSys.map.getCenter().lng * 1e3)") == 114010
    assert inner.locator("#gs-card").is_hidden()
    visit.open("agenda")
    visit.open("map")
    assert visit.page.frames[1] is frame  # kept as it was left
    assert visit.page.is_hidden("[data-issue=C-00003] >> text=在地图上查看")  # it names no place


@needs_browser
def test_old_browsers_unpack_by_themselves_and_sort_chinese(browser, pages):
    old = "delete window.DecompressionStream; Intl.Collator.supportedLocalesOf = () => [];"
    visit = Visit(browser, pages["sample"], before=old)
    assert visit.page.locator(".gs-chart > svg").count() == len(toy.charts())
    visit.open("tables")
    visit.sort("name")
    names = visit.column(2)
    assert [name[:2] for name in names] == ["安阳"] * 8 + ["白河"] * 7 + ["长江"] * 8 + ["东湖"] * 7 + ["鄂城"] * 7
    assert names[:3] == ["安阳第1号排污口", "安阳第6号排污口", "安阳第11号排污口"]
    visit.open("map")
    visit.inner()
    visit.leave()


@needs_browser
def test_our_own_unpacking_agrees_with_zlib(browser, pages):
    visit = Visit(browser, pages["large"])
    words = random.Random(7)  # noqa: S311  no secret, the same each time
    texts = [
        b"",
        b"a",
        "水质断面".encode() * 9000,
        words.randbytes(70_000),
        bytes(words.choice(b"abc") for _ in range(50_000)),
    ]
    for text in texts:
        for level, strategy in (
            (0, zlib.Z_DEFAULT_STRATEGY),
            (1, zlib.Z_FIXED),
            (6, zlib.Z_HUFFMAN_ONLY),
            (9, zlib.Z_DEFAULT_STRATEGY),
        ):
            packer = zlib.compressobj(level, strategy=strategy)
            packed = base64.b64encode(packer.compress(text) + packer.flush()).decode()
            got = visit.page.evaluate(
                "packed => { const out = GeoSys.inflate(Uint8Array.from(atob(packed), c => c.charCodeAt(0)));"
                " let s = ''; for (const byte of out) s += String.fromCharCode(byte); return btoa(s); }", packed,
            )  # fmt: skip
            assert base64.b64decode(got) == text
    visit.leave()


@needs_browser
def test_tables_sort_numbers_days_and_pinyin_with_what_is_missing_last(visit):
    rows = toy.listing().rows
    visit.open("tables")
    for name, number, at in (("margin", 4, 3), ("due", 5, 4)):
        known = sorted(row[at] for row in rows if row[at] is not None)
        told = [f"{value:,.2f}".rstrip("0").rstrip(".") if at == 3 else value.isoformat() for value in known]
        visit.sort(name)
        assert visit.column(number) == told + [""] * (len(rows) - len(told))
        visit.sort(name)
        assert visit.column(number) == told[::-1] + [""] * (len(rows) - len(told))
    visit.sort("name")
    # the browser's pinyin (CLDR) reads 长 as zhǎng
    order = ["安阳"] * 8 + ["白河"] * 7 + ["东湖"] * 7 + ["鄂城"] * 7 + ["长江"] * 8
    assert [name[:2] for name in visit.column(2)] == order
    assert visit.page.get_attribute("#gs-tables th:nth-child(2)", "aria-sort") == "ascending"


@needs_browser
def test_tables_filter_and_are_copied_as_they_stand(browser, pages):
    stub = "Object.defineProperty(navigator, 'clipboard', { value: { writeText: (t) => { window.copied = t; return Promise.resolve(); } } });"
    visit = Visit(browser, pages["sample"], before=stub)
    visit.open("tables")
    visit.page.fill("#gs-tables input", "安阳")
    assert visit.text("#gs-tables .gs-count") == "显示 8 / 37 行"
    visit.page.select_option("#gs-tables select >> nth=0", label="销号（12）")
    fitting = [row for row in toy.listing().rows if "安阳" in row[1] and row[2] == "销号"]
    assert visit.column(1) == [row[0] for row in fitting]
    visit.page.click("#gs-tables .gs-copy")
    lines = visit.page.evaluate("window.copied").rstrip("\n").split("\n")
    assert lines[0].split("\t") == ["编号", "名称", "状态", "超出量（m）", "时限", "逾期"]
    assert [line.split("\t")[0] for line in lines[1:]] == [row[0] for row in fitting]
    assert visit.text("#gs-told") == f"已复制 {len(fitting)} 行"
    visit.page.fill("#gs-tables input", "没有这样的行")
    assert visit.text("#gs-tables tbody") == "没有符合条件的行。"
    visit.page.click("#gs-tables >> text=清除筛选")
    assert visit.text("#gs-tables .gs-count") == "显示 37 / 37 行"
    spec = "{columns: [{title: 'a', unit: '', kind: 'text'}, {title: 'n', unit: '', kind: 'number'}], rows: [['=1+1\\t\\nx', -5], ['  @x', null]]}"
    assert visit.page.evaluate(f"GeoSys.asTable({spec}, [0, 1])") == "a\tn\n'=1+1 x\t-5\n'  @x\t\n"
    visit.leave()


@needs_browser
def test_ten_thousand_rows_sort_filter_and_turn_pages(browser, pages):
    visit = Visit(browser, pages["large"])
    visit.open("tables")
    assert visit.text("#gs-tables .gs-count") == "显示 10,000 / 10,000 行"
    assert visit.page.locator("#gs-tables tbody tr").count() == 100
    visit.sort("name")
    assert visit.column(2)[:2] == ["安阳第1号排污口", "安阳第6号排污口"]  # 6 before 11: numbers in names count
    visit.page.click("#gs-tables .gs-on")
    assert visit.text("#gs-tables .gs-pager span") == "第 2 / 100 页"
    assert visit.column(2)[0] == "安阳第501号排污口"
    visit.page.fill("#gs-tables input", "c-09999")
    assert visit.column(1) == ["C-09999"]
    visit.open("map")
    assert visit.text("#gs-map") == "本材料未含地图。"
    assert visit.page.locator("text=在地图上查看").count() == 0
    visit.leave()


@needs_browser
def test_hostile_texts_are_texts_everywhere(browser, pages):
    visit = Visit(browser, pages["hostile"])
    shown = ""
    for part in PARTS:
        visit.open(part)
        if part == "map":
            visit.inner()
        shown += visit.page.evaluate("document.body.textContent")
    own = visit.page.eval_on_selector_all("script, style, noscript", "all => all.map(one => one.textContent).join('')")
    assert len(own) > 1000
    for text in toy.HOSTILE:
        found = visit.page.evaluate(
            "text => Array.from(document.querySelectorAll('#gs-app *')).some(one => one.textContent.split('…').join('').includes(text))",
            plain(text),
        )
        assert found, text[:40]
    assert not set(shown[: -len(own)]) & set(toy.MARKS)
    assert visit.page.locator("#gs-app script, #gs-app style, #gs-app img[onerror]").count() == 0
    assert visit.page.locator("style").count() == 1
    visit.open("issues")
    visit.page.click("[data-issue=C-00001] .gs-more >> nth=0")
    opened = visit.text("[data-issue=C-00001] .gs-whole")
    assert "W" * 5000 in opened or "长" * 5000 in opened
    for width in (1366, 360):
        visit.page.set_viewport_size({"width": width, "height": 720})
        for part in PARTS:
            visit.open(part)
            assert visit.page.evaluate("document.documentElement.scrollWidth") == width
            assert visit.page.evaluate("document.getElementById('gs-main').scrollWidth") <= width
    visit.leave()


@needs_browser
def test_the_policy_stops_what_was_not_there_when_the_page_was_built(browser, pages):
    text = pages["sample"].read_text("utf-8")
    policy = re.search(r'Policy" content="([^"]*)"', text).group(1)
    assert policy.startswith("default-src 'none'; script-src 'sha256-")
    assert "unsafe-inline" not in policy.partition("style-src")[0]
    page = browser.new_page()
    page.goto(pages["sample"].as_uri())
    page.wait_for_selector("body[data-ready=true]")
    page.evaluate("""() => { const s = document.createElement('script'); s.textContent = 'window.stolen = 1'; document.body.append(s);
        const i = document.createElement('img'); i.setAttribute('onerror', 'window.stolen = 2'); i.src = 'x'; document.body.append(i); }""")
    page.wait_for_timeout(100)
    assert page.evaluate("window.stolen") is None
    page.close()


@needs_browser
def test_files_are_saved_from_the_page_or_linked_to_beside_it(visit):
    visit.open("files")
    for name, data in (("sheets/断面 图.pdf", PDF), ("tables.xlsx", FILES[2].data)):
        with visit.page.expect_download() as coming:
            visit.page.click(f"[data-file='{name}'] .gs-save")
        assert coming.value.suggested_filename == name.rpartition("/")[2]
        assert Path(coming.value.path()).read_bytes() == data
    assert visit.page.locator("[data-file='tables.xlsx'] .gs-open").count() == 0  # a browser shows no workbook
    links = visit.page.eval_on_selector_all("#gs-files a", "all => all.map(one => one.getAttribute('href'))")
    assert links == ["./a%3Fb%23c/slides%3Cb%3E.pptx", "./sheets/plots.pdf"]
    assert "12 页" in visit.text("[data-file='sheets/plots.pdf']")


@needs_browser
def test_english_replaces_every_word(visit):
    visit.open("tables")
    visit.page.fill("#gs-tables input", "C-0000")
    visit.page.click("#gs-language")
    assert visit.page.get_attribute("html", "lang") == "en"
    assert visit.page.title() == "Sample county Water dispatch meeting"
    assert visit.text("#gs-tables .gs-count") == "10 of 37 rows"  # the filter is kept
    for part, text in (("agenda", "Where we stand"), ("changes", "last one 2026-08-31"), ("issues", "Reopened"), ("files", "Slides"), ("notes", "Layer not supplied")):  # fmt: skip
        visit.open(part)
        assert text in visit.text(f"#gs-{part}")
    visit.open("map")
    assert visit.inner().locator("html").get_attribute("lang") == "en"
    visit.page.click("#gs-language")
    assert "图层与版本" in visit.page.text_content("#gs-notes")


@needs_browser
def test_keys_lead_through_the_parts(visit):
    visit.page.keyboard.press("Tab")
    visit.page.keyboard.press("Enter")  # skips to the content
    assert visit.page.evaluate("document.activeElement.id") == "gs-agenda"
    visit.page.focus("#gs-tab-agenda")
    visit.page.keyboard.press("ArrowRight")
    assert visit.page.evaluate("document.activeElement.id") == "gs-tab-changes"
    visit.page.keyboard.press("End")
    assert visit.page.is_visible("#gs-notes")
    assert visit.page.locator("#gs-tabs [tabindex='0']").count() == 1
    visit.page.keyboard.press("ArrowRight")
    assert visit.page.is_visible("#gs-agenda")


CONTRAST = """() => {
  const parts = (c) => c.match(/[\\d.]+/g).map(Number);
  const light = (c) => { const [r, g, b] = c.slice(0, 3).map(v => (v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
  const ground = (e) => { for (; e; e = e.parentElement) { const c = parts(getComputedStyle(e).backgroundColor); if (c.length < 4 || c[3] === 1) return c; }
    return [255, 255, 255]; };
  const poor = [];
  for (const e of document.querySelectorAll('#gs-app *')) {
    if (!e.checkVisibility() || e.closest('svg, iframe, :disabled')) continue;
    if (!Array.from(e.childNodes).some(n => n.nodeType === 3 && n.textContent.trim())) continue;
    const [a, b] = [light(parts(getComputedStyle(e).color)), light(ground(e))].sort((x, y) => y - x);
    if ((a + 0.05) / (b + 0.05) < 4.5) poor.push(e.className + ' ' + e.textContent.slice(0, 20));
  }
  return poor;
}"""


@needs_browser
def test_every_text_stands_out_from_its_ground(visit):
    for part in PARTS:
        if part != "map":
            visit.open(part)
            assert visit.page.evaluate(CONTRAST) == []


@needs_browser
def test_a_narrow_screen_is_not_left(browser, pages):
    phone = Visit(browser, pages["sample"], 360, 720)
    for part in PARTS:
        phone.open(part)
        assert phone.page.evaluate("document.documentElement.scrollWidth") == 360
        assert phone.page.evaluate("document.getElementById('gs-main').scrollWidth") <= 360
    phone.leave()


@needs_browser
@pytest.mark.skipif(not shutil.which("pdftotext"), reason="pdftotext is not installed: paper cannot be read")
def test_paper_gets_agenda_figures_and_whole_cards(browser, tmp_path, press, palettes):
    first = toy.issues()[0]
    issues = [
        replace(first, id=f"C-{n}", title=f"第{n}件开始", next_step=f"第{n}件结束", history=(), photos=())
        for n in range(9)
    ]
    meeting = replace(toy.meeting(), issues=issues, items=[Item("唯一的议题")], lacking=[Text("缺" * 700, "x")])
    file = tmp_path / "index.html"
    file.write_text(build_pack_page(meeting, "", [], press, palettes=palettes), encoding="utf-8")
    visit = Visit(browser, file)
    visit.open("tables")
    visit.page.pdf(path=tmp_path / "out.pdf", prefer_css_page_size=True)
    visit.leave()
    out = subprocess.run(["pdftotext", "-layout", tmp_path / "out.pdf", "-"], capture_output=True, check=True)
    text = out.stdout.decode("utf-8")
    sheets = ["".join(sheet.split()) for sheet in text.split("\f")]
    whole = "".join(sheets)
    for words in ("在办问题", "唯一的议题", "入河排污口", "5f6a7b8c"):
        assert words in whole
    assert whole.count("缺") >= 700  # what lacks is printed whole
    assert "整改事项清单" not in whole
    for n in range(9):
        assert sum(f"第{n}件开始" in sheet and f"第{n}件结束" in sheet for sheet in sheets) == 1


def test_equal_meetings_give_equal_pages(pages, press, palettes, map_html):
    again = build_pack_page(toy.meeting(), map_html, FILES, press, palettes=palettes)
    assert again == pages["sample"].read_text("utf-8")
    again.encode("utf-8")


def test_our_scripts_cannot_end_their_element():
    for name in SCRIPTS:
        assert "</script" not in read_asset(name)
        assert "<!--" not in read_asset(name)
        assert "innerHTML" not in read_asset(name)


def test_parts_that_do_not_fit_are_refused_together(press):
    bad = replace(
        toy.meeting(), figures=[*toy.figures(), toy.figures()[0]], items=[Item("a", figures=("opne",), issues=("C-9",))],
        listings=[Listing("t", Text("t", "t"), [Column("a", Text("a", "a"), "nummer")], [(1, 2)], 0)],
        issues=[replace(toy.issues()[0], picture=b"GIF89a")],
    )  # fmt: skip
    with pytest.raises(SpecError) as caught:
        build_pack_page(bad, "", [], press)
    message = str(caught.value)
    for part in (
        "'open', expected each id once",
        "Did you mean 'open'?",
        "'C-9'",
        "'nummer'",
        "1 cells in each row",
        "a total of 0",
        "a PNG or JPEG",
    ):
        assert part in message


@pytest.mark.parametrize("file", ["../secret.pdf", "/etc/passwd", "a//b", "C:\\x", "."])
def test_files_outside_the_pack_are_refused(press, file):
    with pytest.raises(SpecError, match="below the pack's folder"):
        build_pack_page(toy.meeting(), "", [PackFile("x", file, "application/pdf")], press)


@pytest.mark.parametrize(
    "inside",
    [
        "<script>x</script>",
        "<a href='#x'/>",
        "<use href='http://example.invalid/a.svg#b'/>",
        "<image href='data:text/html;base64,QQ=='/>",
    ],
)
def test_a_picture_that_is_more_than_shapes_is_refused(inside):
    with pytest.raises(SpecError, match="in its picture"):
        safe_svg(f"<svg xmlns='http://www.w3.org/2000/svg'>{inside}</svg>".encode(), "c", "chart 'x'")


def test_charts_keep_their_values_and_share_no_id(press):
    seen: set[str] = set()
    for pair in draw_for_page(toy.charts()[:2], press):
        for svg in pair:
            ids = set(re.findall(r'\bid="([^"]*)"', svg))
            assert ids
            assert not ids & seen
            assert set(re.findall(r'href="#([^"]*)"', svg)) | set(re.findall(r"url\(#([^)]*)\)", svg)) <= ids
            seen |= ids
    tables = {name: chart_table(name, chart) for name, chart in toy.charts()}
    assert tables["by_county"].rows[1][1:] == [2, 5, 9]
    assert tables["trend"].rows[2] == ["2026-07", None, 55.0, 75.0]
    assert tables["schedule"].rows[2][1:5] == [None, None, 93.0, None]
    assert tables["flows"].rows[2] == [
        Text("8 月 整改", "August Rectifying"),
        Text("9 月 销号", "September Closed"),
        11,
    ]
