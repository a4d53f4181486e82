"""The deck of a meeting: native charts and tables, nothing off the slide, whole texts in the notes, equal bytes, templates."""

from __future__ import annotations

import io
import zipfile
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import docx
import meeting_toy as toy
import openpyxl
import pytest
from conftest import ROOT
from hypothesis import given
from hypothesis import strategies as st
from pptx import Presentation
from pptx.enum.chart import XL_CHART_TYPE
from pptx.opc.constants import RELATIONSHIP_TYPE
from pptx.oxml.ns import qn
from pptx.util import Pt

from geosys._errors import SpecError, WorkspaceError
from geosys._faults import Faults
from geosys._text import Text
from geosys.maps.charts_values import Flows, Line, Schedule, Stack, Trend
from geosys.maps.palettes import Swatch, load_palettes
from geosys.maps.paper.fonts import find_fonts
from geosys.maps.slides import write_slides
from geosys.maps.slides.letters import LEAD, Ruler, clean
from geosys.maps.slides.tables import MOST_SLIDES, shared

if TYPE_CHECKING:
    from pathlib import Path

PALETTES = load_palettes(ROOT / "maps" / "palettes.toml", Faults())
RULER = Ruler(find_fonts())
WIDE, HIGH = Pt(960), Pt(540)


def deck_of(folder: Path, meeting: Any = None, **given_: Any) -> Any:
    path = folder / "slides.pptx"
    write_slides(path, meeting or toy.meeting(), PALETTES, **given_)
    return Presentation(str(path))


def text_of(slide: Any) -> str:
    return "\n".join("".join(t.text or "" for t in p.iter(qn("a:t"))) for p in slide._element.iter(qn("a:p")))


def notes_of(slide: Any) -> str:
    return slide.notes_slide.notes_text_frame.text if slide.has_notes_slide else ""


def titled(deck: Any, title: str) -> Any:
    return next(slide for slide in deck.slides if slide.shapes.title.text_frame.text == title)


def charts_of(slide: Any) -> list[Any]:
    return [shape.chart for shape in slide.shapes if shape.has_chart]


def table_of(slide: Any, number: int = 0) -> list[list[str]]:
    tables = [shape.table for shape in slide.shapes if shape.has_table]
    return [[cell.text_frame.text for cell in row.cells] for row in tables[number].rows]


@pytest.fixture(scope="module")
def deck(tmp_path_factory: pytest.TempPathFactory) -> Any:
    return deck_of(tmp_path_factory.mktemp("deck"))


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Any:
    return deck_of(tmp_path_factory.mktemp("hostile"), toy.hostile())


# --- what is on the slides ---


def test_the_deck_is_in_the_order_of_the_meeting(deck: Any) -> None:
    titles = [slide.shapes.title.text_frame.text for slide in deck.slides]
    assert titles == [
        "水环境调度会", "议程", "关键数字", "上次会议以来的变化", "各县办理情况", "各县办理比例", "断面达标率走势", "任务进度",
        "8 月到 9 月的状态变化", "C-00001 一级保护区内有排污口", "C-00002 长江北岸排口 反弹", "C-00003 地块未采样即供地",
        "整改事项清单", "整改事项清单（续）", "图件目录", "数据来源和版本", "未能计算或未纳入的内容",
    ]  # fmt: skip
    assert (deck.slide_width, deck.slide_height) == (WIDE, HIGH)


def test_every_slide_says_where_when_and_for_whom(deck: Any) -> None:
    for slide in deck.slides:
        assert {"样例县", "2026-09-30", "样例数据", "内部使用"} <= set(
            text_of(slide).replace("　", "\n").replace(" ", "\n").split("\n")
        )
        assert slide._element.find(f".//{qn('a:fld')}").get("type") == "slidenum"


def test_the_agenda_leads_to_the_slides_of_each_item(deck: Any) -> None:
    slide = titled(deck, "议程")
    rows = table_of(slide)
    assert [row[4] for row in rows[1:]] == ["3–5、7", "6、9–12", "8、13–14", "—"]
    assert rows[1][:4] == ["1", "通报总体情况：在办、逾期与达标情况。", "办公室", "10"]
    slides = list(deck.slides)
    links = [link.get(qn("r:id")) for link in slide._element.iter(qn("a:hlinkClick"))]
    assert [slides.index(slide.part.related_part(link).slide) + 1 for link in links] == [3, 6, 8]


def test_figures_say_worse_and_better_in_words_and_their_ground_in_the_notes(deck: Any) -> None:
    slide = titled(deck, "关键数字")
    for words in ("23 件", "上次 20", "变化 +3（变差）", "变化 -3（好转）", "1,234.56 亩"):
        assert words in text_of(slide)
    assert "依据和范围：台账 58 件，其中在办 23 件；无缺项。" in notes_of(slide)


def test_an_issue_has_picture_facts_clause_history_and_next_step(deck: Any) -> None:
    slide = titled(deck, "C-00001 一级保护区内有排污口")
    pictures = [shape for shape in slide.shapes if shape.shape_type == 13]
    assert len(pictures) == 3
    assert pictures[0].width / pictures[0].height == pytest.approx(96 / 72, rel=0.01)
    assert [row[0] for row in table_of(slide, 0)] == ["经过", "2026-09-01", "2026-09-04", "2026-09-18"]
    assert table_of(slide, 1)[3] == ["测度", "12.5 m"]
    for words in ("重大", "整改", "依据：《生态环境法典》第二编第三分编", "请水利局与生态环境局本周内会商拆除方案"):
        assert words in text_of(slide)
    for words in ("2026-09-04：交办", "照片：封堵前", "#c=114.05000,34.05000,14&sel=F-001"):
        assert words in notes_of(slide)


def test_what_is_lacking_is_told_last(deck: Any) -> None:
    assert "未提供图层：污水处理厂；相关规则未评估。" in text_of(list(deck.slides)[-1])
    assert ["入河排污口", "5f6a7b8c", "2026-09-20 inbox/排污口台账.xlsx", "58"] in table_of(
        titled(deck, "数据来源和版本")
    )


def test_a_first_meeting_and_an_empty_one_say_so(tmp_path: Path) -> None:
    base = toy.meeting()
    bare = replace(
        base, since=None, mark=None, items=(), figures=(), charts=[], listings=[], issues=[], sheets=(), layers=(), lacking=(),
        changes=replace(base.changes, rows=[], total=0),
    )  # fmt: skip
    made = deck_of(tmp_path, bare)
    said = "\n".join(text_of(slide) for slide in made.slides)
    assert "首次会议，没有可比的变化。" in said
    assert "没有缺少的内容。" in said
    assert "没有变化" in text_of(list(deck_of(tmp_path, replace(bare, since=toy.SINCE)).slides)[2])


def test_a_long_table_is_bounded_and_tells_what_is_left(tmp_path: Path) -> None:
    base = toy.meeting(400)
    made = deck_of(tmp_path, replace(base, listings=[replace(base.listings[0], total=10_000)]))
    slides = [s for s in made.slides if s.shapes.title.text_frame.text.startswith("整改事项清单")]
    assert len(slides) == MOST_SLIDES
    codes = [row[0] for slide in slides for row in table_of(slide)[1:]]
    assert codes == [f"C-{n:05d}" for n in range(len(codes))]
    assert f"第 1–{len(table_of(slides[0])) - 1} 行，共 10,000 行" in text_of(slides[0])
    assert f"其余 {10_000 - len(codes):,} 行见附表（tables.xlsx）" in text_of(slides[-1])


def test_numbers_of_a_column_keep_their_decimals(deck: Any) -> None:
    rows = table_of(titled(deck, "整改事项清单"))
    assert rows[0][3] == "超出量（m）"
    assert [row[3] for row in rows[1:5]] == ["0.00", "9.25", "18.50", "27.75"]
    assert rows[11][3] == ""
    assert (rows[1][5], rows[2][5]) == ("是", "否")


def test_the_english_deck_speaks_english(tmp_path: Path) -> None:
    made = deck_of(tmp_path, language="en")
    said = text_of(titled(made, "Agenda"))
    assert "Where we stand: Open, overdue, attained." in said
    assert "Cases (continued)" in [slide.shapes.title.text_frame.text for slide in made.slides]
    with pytest.raises(SpecError, match="'de'"):
        write_slides(tmp_path / "x.pptx", toy.meeting(), PALETTES, language="de")


# --- charts ---


def values_of(chart: Any) -> dict[str, list[float | None]]:
    return {series.name: list(series.values) for plot in chart.plots for series in plot.series}


def test_a_stack_is_a_native_chart_with_its_numbers_and_hatches(deck: Any) -> None:
    (chart,) = charts_of(titled(deck, "各县办理情况"))
    (shares,) = charts_of(titled(deck, "各县办理比例"))
    assert (chart.chart_type, shares.chart_type) == (XL_CHART_TYPE.BAR_STACKED, XL_CHART_TYPE.BAR_STACKED_100)
    assert values_of(chart) == {"逾期": [3, 2, 0], "在办": [8, 5, 5], "销号": [12, 9, 14]}
    assert list(chart.plots[0].categories) == ["甲县（23 件）", "乙县（16 件）", "丙区（19 件）"]
    fills = [series._element.find(f"{qn('c:spPr')}/{qn('a:pattFill')}") for series in chart.plots[0].series]
    assert len({fill.get("prst") for fill in fills}) == 3
    assert [fill.find(f"{qn('a:bgClr')}/{qn('a:srgbClr')}").get("val") for fill in fills] == [
        "C0182B",
        "F0C020",
        "2E8B57",
    ]


def test_a_trend_has_its_target_as_a_dashed_series_and_its_gaps(deck: Any) -> None:
    (chart,) = charts_of(titled(deck, "断面达标率走势"))
    assert values_of(chart) == {
        "国控": [58.0, 60.0, None, 61.5, 61.5],
        "省控": [48.0, 52.0, 55.0, 57.0, 63.0],
        "年度目标": [75.0] * 5,
    }
    dashes = [s._element.find(f".//{qn('a:prstDash')}").get("val") for s in chart.plots[0].series]
    assert len(set(dashes)) == 3
    assert chart._chartSpace.find(f".//{qn('c:dispBlanksAs')}").get("val") == "gap"


def test_a_schedule_shows_its_bounds_and_marks(deck: Any) -> None:
    slide = titled(deck, "任务进度")
    (chart,) = charts_of(slide)
    assert values_of(chart) == {
        "已确认": [55.0, 90.0, None],
        "数据有缺，可能达到": [7.0, 0.0, None],
        "目标": [80.0, 100.0, 93.0],
        "当日进度线": [60.0, 85.0, None],
    }
    assert [len(chart._chartSpace.findall(f".//{qn(tag)}/{qn('c:ser')}")) for tag in ("c:barChart", "c:lineChart")] == [
        2,
        2,
    ]
    assert table_of(slide)[1][:4] == ["入河排污口整治", "55.0–62.0%", "80%", "60%"]
    assert table_of(slide)[3][1] == "无数据"


def test_flows_are_a_table_beside_their_picture(deck: Any) -> None:
    slide = titled(deck, "8 月到 9 月的状态变化")
    assert table_of(slide)[1:] == [
        ["8 月 发现", "9 月 整改", "6"],
        ["8 月 整改", "9 月 整改", "9"],
        ["8 月 整改", "9 月 销号", "11"],
    ]
    assert sum(shape.shape_type == 13 for shape in slide.shapes) == 1


def test_the_workbook_behind_a_chart_holds_texts_never_formulas(tmp_path: Path) -> None:
    bad = "=cmd|'/c calc'!A1"
    stack = Stack("x", [Swatch(Text(bad, bad), "#C0182B")], [(bad, [3]), ("+1", [2])])
    (chart,) = charts_of(titled(deck_of(tmp_path, replace(toy.meeting(), charts=[("x", stack)])), "x"))
    sheet = openpyxl.load_workbook(io.BytesIO(chart.part.chart_workbook.xlsx_part.blob)).active
    assert [cell.data_type for row in sheet["A1:B3"] for cell in row] == ["n", "s", "s", "n", "s", "n"]
    assert (sheet["B1"].value, sheet["A2"].value, sheet["B2"].value) == (bad, f"{bad}（3）", 3)
    (series,) = chart.plots[0].series
    assert series._element.find(f"{qn('c:val')}//{qn('c:f')}").text == "Sheet1!$B$2:$B$3"
    with zipfile.ZipFile(io.BytesIO(chart.part.chart_workbook.xlsx_part.blob)) as book:
        assert b"<f>" not in book.read("xl/worksheets/sheet1.xml")


def test_many_bars_go_on_upon_one_scale(tmp_path: Path) -> None:
    stack = Stack("x", [Swatch(Text("a", "a"), "#C0182B")], [(f"r{n}", [n + 1.0]) for n in range(40)])
    made = deck_of(tmp_path, replace(toy.meeting(), charts=[("x", stack)]))
    drawn = [c for slide in made.slides for c in charts_of(slide)]
    assert [v for c in drawn for v in values_of(c)["a"]] == [n + 1.0 for n in range(40)]
    assert {c.value_axis.maximum_scale for c in drawn} == {40.0}


@pytest.mark.parametrize(
    ("chart", "words"),
    [
        (Stack("x", [Swatch(Text("a", "a"))], [("r", [1, 2])]), "another length than the classes"),
        (Stack("x", [Swatch(Text("a", "a"))], [("r", [-1])]), "below 0"),
        (Trend("x", ["1"], [Line("a", [1, 2])]), "another length than the periods"),
        (Trend("x", ["1"], [Line("a", [float("nan")])]), "not finite"),
    ],
)
def test_a_chart_that_would_be_wrong_is_refused(chart: Any, words: str, tmp_path: Path) -> None:
    with pytest.raises(SpecError, match=words):
        deck_of(tmp_path, replace(toy.meeting(), charts=[("x", chart)]))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "chart", [Stack("x", [], []), Trend("x", ["1"], [Line("a", [None])]), Schedule("x", []), Flows("x", [], [], [])]
)
def test_a_chart_of_nothing_says_so(chart: Any, tmp_path: Path) -> None:
    slide = titled(deck_of(tmp_path, replace(toy.meeting(), charts=[("x", chart)])), "x")
    assert "没有可以画出的数据。" in text_of(slide)
    assert not charts_of(slide)


# --- room ---


def boxes(slide: Any) -> list[tuple[float, float, float, float]]:
    return [
        (s.left / Pt(1), s.top / Pt(1), (s.left + s.width) / Pt(1), (s.top + s.height) / Pt(1)) for s in slide.shapes
    ]


@pytest.mark.parametrize("which", ["deck", "hostile"])
def test_nothing_leaves_the_slide_and_no_table_reaches_the_foot(which: str, request: pytest.FixtureRequest) -> None:
    for slide in request.getfixturevalue(which).slides:
        for left, top, right, bottom in boxes(slide):
            assert left >= 0
            assert top >= 0
            assert right <= 960.5
            assert bottom <= 540.5
        for shape in slide.shapes:
            if shape.has_table:
                assert (shape.top + sum(row.height for row in shape.table.rows)) / Pt(1) <= 508


@pytest.mark.parametrize("which", ["deck", "hostile"])
def test_texts_fit_their_boxes(which: str, request: pytest.FixtureRequest) -> None:
    """Each paragraph's lines, counted anew letter by letter, are no higher than the box they stand in."""
    fonts = find_fonts()
    for slide in request.getfixturevalue(which).slides:
        for shape in slide.shapes:
            if not shape.has_text_frame or not shape.text_frame.text:
                continue
            frame, high = shape.text_frame, 0.0
            room = (shape.width - frame.margin_left - frame.margin_right) / Pt(1)
            for paragraph in frame.paragraphs:
                for run in paragraph.runs:
                    size = run.font.size / Pt(1)
                    lines, filled = 1, 0.0
                    for sign in run.text:
                        wide = fonts.width(sign, size, 700 if run.font.bold else 400)
                        lines, filled = (lines + 1, wide) if filled + wide > room else (lines, filled + wide)
                    high += lines * paragraph.line_spacing / Pt(1)
            assert high <= shape.height / Pt(1) + 0.5, (shape.text_frame.text[:40], high)


@pytest.mark.parametrize("which", ["deck", "hostile"])
def test_parts_of_an_issue_do_not_cover_each_other(which: str, request: pytest.FixtureRequest) -> None:
    for slide in list(request.getfixturevalue(which).slides)[9:12]:
        parts = [s for s in slide.shapes if s.has_table or s.shape_type == 13]
        for number, one in enumerate(parts):
            for two in parts[number + 1 :]:
                apart = (
                    one.left + one.width <= two.left or two.left + two.width <= one.left
                    or one.top + one.height <= two.top + Pt(0.5) or two.top + two.height <= one.top + Pt(0.5)
                )  # fmt: skip
                assert apart


def test_what_is_cut_says_so_and_stands_whole_in_the_notes(tmp_path: Path) -> None:
    long = "".join(chr(0x4E00 + n) for n in range(5000))
    base = toy.meeting()
    issue = replace(base.issues[0], sentence=Text(long, long), facts=((Text("名称", "Name"), long),), next_step=long)
    figure = replace(base.figures[0], title=Text(long, long))
    rows = [[long, *list(base.listings[0].rows[0])[1:]]]
    meeting = replace(base, issues=[issue], figures=[figure], listings=[replace(base.listings[0], rows=rows, total=1)])
    made = deck_of(tmp_path, meeting)
    for title, most in (("关键数字", 300), ("C-00001 一级保护区内有排污口", 900), ("整改事项清单", 400)):
        slide = titled(made, title)
        assert long in notes_of(slide)
        assert "…（见" in text_of(slide)
        assert len(text_of(slide)) < most


@given(st.text(max_size=120), st.floats(20, 400), st.floats(8, 80), st.booleans())
def test_what_is_fitted_fits(text: str, room: float, height: float, bold: bool) -> None:
    text = clean(text)
    fitted = RULER.fit(text, room, height, (14.0, 12.0, 10.0), bold=bold)
    assert fitted.size in (14.0, 12.0, 10.0)
    assert fitted.is_cut == (fitted.text != text) or not text
    if height >= 10.0 * LEAD:
        assert fitted.height <= height + 1e-6 or len(fitted.text) <= 2
    if fitted.is_cut:
        assert text.startswith(fitted.text[:-1])
        assert fitted.text.endswith("…")


@given(st.lists(st.floats(1, 500), min_size=1, max_size=12), st.floats(700, 1000))
def test_widths_fill_the_room(wanted: list[float], room: float) -> None:
    widths = shared(wanted, room, 46.0)
    assert sum(widths) == pytest.approx(room)
    assert min(widths) > 0


@given(st.text())
def test_any_text_is_legal_in_a_slide(text: str) -> None:
    made = clean(text + "\ufffe\ud800\x0b")
    made.encode()
    assert not set(made) & {"\ufffe", "\uffff", "\x0b", "\u202e", "\u2066", "\u200f", "\n"}


# --- the file ---


def test_equal_contents_give_equal_bytes(tmp_path: Path) -> None:
    one, two = tmp_path / "1.pptx", tmp_path / "2.pptx"
    for path in (one, two):
        write_slides(path, toy.meeting(), PALETTES)
    assert one.read_bytes() == two.read_bytes()
    with zipfile.ZipFile(one) as package:
        assert {entry.date_time for entry in package.infolist()} == {(1980, 1, 1, 0, 0, 0)}
    told = Presentation(str(one)).core_properties
    assert (told.author, told.modified.date(), told.title) == ("GeoSys 0.1.0", toy.DAY, "水环境调度会")


def test_every_run_names_its_chinese_face(deck: Any) -> None:
    for slide in deck.slides:
        for run in slide._element.iter(qn("a:r")):
            assert run.find(f"{qn('a:rPr')}/{qn('a:ea')}") is not None
        for chart in charts_of(slide):
            assert chart._chartSpace.find(f"{qn('c:txPr')}//{qn('a:ea')}").get("typeface")
    theme = deck.slide_master.part.part_related_by(RELATIONSHIP_TYPE.THEME).blob.decode()
    assert theme.count('<a:ea typeface="微软雅黑"/>') == 2


def test_pictures_tables_and_charts_are_described(deck: Any) -> None:
    for slide in deck.slides:
        for shape in slide.shapes:
            if (shape.has_table and shape.table.first_row) or shape.has_chart or shape.shape_type == 13:
                assert shape._element.xpath("./*/p:cNvPr/@descr")[0]


def test_what_cannot_be_written_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(WorkspaceError):
        write_slides(tmp_path / "absent" / "slides.pptx", toy.meeting(), PALETTES)
    assert not list(tmp_path.iterdir())


def test_a_picture_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    base = toy.meeting()
    broken = replace(base.issues[0], picture=b"\x89PNG\r\n\x1a\nxx", photos=((b"GIF89a", "现场"), (b"", "空")))
    slide = titled(deck_of(tmp_path, replace(base, issues=[broken])), "C-00001 一级保护区内有排污口")
    assert text_of(slide).count("图片不能读取") == 2


# --- an office's own master ---


def office(path: Path, name: str = "仅标题") -> Path:
    made = Presentation()
    for layout in made.slide_layouts:
        if layout.name == "Title Only":
            layout.element.cSld.set("name", name)
    made.slides.add_slide(made.slide_layouts[0]).shapes.title.text = "旧的一页"
    made.save(str(path))
    return path


def test_an_offices_master_is_used_and_its_slides_are_not(tmp_path: Path) -> None:
    made = deck_of(tmp_path, template=office(tmp_path / "office.pptx"))
    assert (made.slide_width, made.slide_height) == (Pt(720), Pt(540))
    assert {slide.slide_layout.name for slide in made.slides} == {"Title Slide", "仅标题"}
    assert all("旧的一页" not in text_of(slide) for slide in made.slides)
    for slide in made.slides:
        assert all(box[2] <= 720.5 and box[3] <= 540.5 for box in boxes(slide))
        assert not [p for p in slide.placeholders if not p.text_frame.text]
    with zipfile.ZipFile(tmp_path / "slides.pptx") as package:
        assert len(package.namelist()) == len(set(package.namelist()))


def test_without_the_layout_the_blank_one_is_used(tmp_path: Path) -> None:
    made = deck_of(tmp_path, template=office(tmp_path / "office.pptx", "别的"))
    assert {slide.slide_layout.name for slide in made.slides} == {"Title Slide", "Blank"}
    assert "关键数字" in text_of(list(made.slides)[2])


def test_what_is_no_template_is_refused(tmp_path: Path) -> None:
    (tmp_path / "text.pptx").write_text("no")
    docx.Document().save(str(tmp_path / "word.pptx"))
    with zipfile.ZipFile(tmp_path / "zip.pptx", "w") as package:
        package.writestr("a", "b")
    linked = Presentation(str(office(tmp_path / "a.pptx")))
    linked.slide_master.part.relate_to("file:///x/logo.png", RELATIONSHIP_TYPE.IMAGE, is_external=True)
    linked.save(str(tmp_path / "linked.pptx"))
    for name, words in (
        ("text", "no PowerPoint"), ("word", "no PowerPoint"), ("zip", "no PowerPoint"), ("absent", "no PowerPoint"), ("linked", "lies outside"),
    ):  # fmt: skip
        with pytest.raises(SpecError, match=words):
            deck_of(tmp_path, template=tmp_path / f"{name}.pptx")
    assert not (tmp_path / "slides.pptx").exists()
