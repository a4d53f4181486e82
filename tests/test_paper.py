"""Sheets on paper: scale, north, labels, legend, text, hostile names, bad input, and the same bytes each time."""

from __future__ import annotations

import datetime as dt
import errno
import io
import re
import shutil
import subprocess
from dataclasses import replace
from itertools import combinations
from pathlib import Path

import geopandas as gpd
import numpy as np
import pyproj
import pytest
import shapely
from conftest import ROOT
from hypothesis import example, given, settings
from hypothesis import strategies as st
from PIL import Image

from geosys._errors import CrsError, SpecError, WorkspaceError
from geosys._faults import Faults
from geosys._text import Text
from geosys.maps.frames import MapLayer, Meta, Provenance
from geosys.maps.palettes import Style, Swatch, load_palettes
from geosys.maps.paper.fonts import find_fonts
from geosys.maps.paper.furniture import degrees, scale_bar, ticks_of
from geosys.maps.paper.labels import MM_PER_PT, Wish, place
from geosys.maps.paper.layout import Layout
from geosys.maps.paper.looks import groups_of, lightness
from geosys.maps.paper.mapping import draw_map
from geosys.maps.paper.measures import load_measures
from geosys.maps.paper.origins import features_of, findings_of, printed_of
from geosys.maps.paper.plate import Plate
from geosys.maps.paper.press import Press, compose, open_press, put, typeset_sheet
from geosys.maps.paper.sheet import (
    Facts,
    Features,
    Heading,
    Legend,
    MapFrame,
    PageBreak,
    Paragraph,
    Picture,
    Row,
    Sheet,
    Source,
    Table,
)  # fmt: skip
from geosys.maps.paper.window import at_point, open_window
from geosys.maps.paper.words import breakable, plain
from geosys.maps.spec import load_map

CRS = "EPSG:4547"
DAY = dt.date(2026, 9, 30)
WATER = {
    "II": Swatch(Text("Ⅱ类", "Class II"), "#5AA9E6", "forward"),
    "V": Swatch(Text("Ⅴ类", "Class V"), "#F08A24", "cross"),
    "III": Swatch(Text("Ⅲ类", "Class III"), "#3FAE5A"),
}
HOSTILE = [
    '#panic("x")',
    "$x^2$",
    "\\ end",
    "@cite <lab>",
    "`raw` *b* _i_",
    "</style><script>",
    "\"quotes'",
    "\u202eesrever\u202c",
    "a\x00b",
]


@pytest.fixture(scope="module")
def press() -> Press:
    return open_press(ROOT / "maps")


def toy(points: int = 3) -> list[Features]:
    """Return a square county of 10 km with a river through it and some sections on the river."""
    county = gpd.GeoDataFrame(
        {"name": ["方县"]}, geometry=[shapely.box(500_000, 3_800_000, 510_000, 3_810_000)], crs=CRS
    )
    line = gpd.GeoDataFrame(
        {"name": ["直河"]}, geometry=[shapely.LineString([(500_000, 3_805_000), (510_000, 3_805_000)])], crs=CRS
    )
    sections = gpd.GeoDataFrame(
        {"name": [f"断面{i}" for i in range(points)], "class": ["II", "V", None][:points] + ["II"] * max(0, points - 3)},
        geometry=[shapely.Point(501_000 + 1000 * (i % 9), 3_805_000 + 400 * (i // 9)) for i in range(points)], crs=CRS,
    )  # fmt: skip
    return [
        Features(Text("县界", "County"), county, Style(fill="#FBF9F3", opacity=1.0)),
        Features(Text("河流", "River"), line, Style(colour="#4A9BD4", width=2), label="name", rank=1),
        Features(
            Text("断面", "Section"), sections, Style(by="class", classes="water", shape="square"), WATER, label="name"
        ),
    ]


def sheet(**changes: object) -> Sheet:
    given_ = {"title": "方县水环境图", "as_of": DAY, "program": "GeoSys 0.1.0", "main": MapFrame(toy(), CRS)} | changes
    return Sheet(**given_)  # type: ignore[arg-type]


def text_of(files: list[bytes], folder: Path) -> str:
    if shutil.which("pdftotext") is None:
        pytest.skip("pdftotext is not installed")
    (folder / "read.pdf").write_bytes(files[0])
    return subprocess.run(
        ["pdftotext", "-layout", folder / "read.pdf", "-"], capture_output=True, check=True
    ).stdout.decode()


# --- measures on the map ---


@pytest.mark.parametrize(
    ("crs", "lon"), [("EPSG:4547", 114.3), ("EPSG:4547", 115.45), ("EPSG:4526", 112.6), ("EPSG:3415", 100.0)]
)
def test_a_known_distance_measures_as_the_scale_says(crs: str, lon: float, press: Press) -> None:
    to_plane = pyproj.Transformer.from_crs("EPSG:4490", crs, always_xy=True)
    geod = pyproj.Geod(ellps="GRS80")
    for azimuth in (0, 60, 90, 170):
        lon2, lat2, _ = geod.fwd(lon, 34.8, azimuth, 5000)
        ends = np.column_stack(to_plane.transform([lon, lon2], [34.8, lat2]))
        frame = gpd.GeoDataFrame(geometry=shapely.points(ends), crs=crs)
        window = open_window(MapFrame([Features("x", frame, Style())], crs), 150, 120, press.measures)
        a, b = window.on_paper(ends)
        on_paper = float(np.hypot(*(b - a)))
        bar = scale_bar(window)
        assert on_paper * window.scale / 1000 == pytest.approx(5000, rel=5e-3)
        assert on_paper / bar.length_mm * bar.ground_m == pytest.approx(5000, rel=5e-3)


def test_the_printed_bar_measures_a_known_distance(press: Press) -> None:
    """Print two red marks 5 km apart on the ground, and measure them with the printed bar."""
    lon, lat, _ = pyproj.Geod(ellps="GRS80").fwd(115.3, 34.8, 70, 5000)
    ends = np.column_stack(
        pyproj.Transformer.from_crs("EPSG:4490", CRS, always_xy=True).transform([115.3, lon], [34.8, lat])
    )
    red = Style(colour="#FF0000", fill="#FF0000", shape="square", size=4)
    marks = Features("点", gpd.GeoDataFrame(geometry=shapely.points(ends), crs=CRS), red, listed=False)
    main = MapFrame([marks], CRS)
    files, _ = typeset_sheet(sheet(main=main), "png", press)
    drawn = draw_map(main, *_main_size(press), press.measures, press.fonts)
    picture = np.asarray(Image.open(io.BytesIO(files[0])).convert("RGB")).astype(int)
    assert picture.shape[:2] == (3508, 2480)
    mm = 300 / 25.4
    y, x = np.nonzero((picture[:, :, 0] > 230) & (picture[:, :, 1] < 60) & (picture[:, :, 2] < 60))
    near = x < (x.min() + x.max()) / 2
    apart = np.hypot(x[near].mean() - x[~near].mean(), y[near].mean() - y[~near].mean())
    edge = press.measures.margin + press.measures.padding
    start = round((edge + drawn.left_mm) * mm)
    below = round((edge + press.measures.layout["header"] + drawn.height_mm - press.measures.layout["bar_strip"]) * mm)
    dark = picture[below : below + round(9 * mm), start + 2 :].max(axis=2) < 140
    bar = max(int(np.argmin(row)) for row in dark if row[0]) + 2
    assert bar == pytest.approx(drawn.bar.length_mm * mm, abs=4)
    assert apart / bar * drawn.bar.ground_m == pytest.approx(5000, rel=5e-3)


def _main_size(press: Press) -> tuple[float, float]:
    layout = Layout(sheet(), press.measures, press.fonts)
    part = press.measures.layout
    return layout.width, layout.height - part["boxes"] - 2 - part["side_height"] - 2


@pytest.mark.parametrize(
    ("crs", "x", "y"),
    [("EPSG:4547", 540_000, 3_850_000), ("EPSG:4547", 430_000, 3_600_000), ("EPSG:4526", 38_600_000, 4_000_000)],
)
def test_north_is_where_the_meridian_goes(crs: str, x: float, y: float) -> None:
    _, convergence = at_point(crs, x, y)
    back = pyproj.Transformer.from_crs(crs, "EPSG:4490", always_xy=True)
    lon, lat = back.transform(x, y)
    up = back.transform(*pyproj.Transformer.from_crs("EPSG:4490", crs, always_xy=True).transform(lon, lat + 1e-4))
    assert up[0] == pytest.approx(lon)
    x2, y2 = pyproj.Transformer.from_crs("EPSG:4490", crs, always_xy=True).transform(lon, lat + 1e-3)
    true_north_in_plane = np.degrees(np.arctan2(x2 - x, y2 - y))  # clockwise from grid north
    assert -convergence == pytest.approx(true_north_in_plane, abs=0.01)
    by_formula = np.degrees(np.arctan(np.tan(np.radians(lon - 114)) * np.sin(np.radians(lat))))
    assert convergence == pytest.approx(by_formula, abs=0.05)


def test_the_arrow_is_drawn_at_that_angle(press: Press) -> None:
    plate = Plate(40, 40, press.fonts)
    plate.arrow(20, 20, 30, -12.5)
    outline = plate._figure.artists[0].get_path().vertices
    tip, base = outline[0], outline[2]
    assert np.degrees(np.arctan2(tip[0] - base[0], base[1] - tip[1])) == pytest.approx(-12.5, abs=0.1)


@pytest.mark.parametrize(("x", "y"), [(430_000, 3_845_000), (500_000, 3_845_000), (640_000, 3_300_000)])
def test_the_arrow_of_a_map_points_along_the_meridian(
    x: float, y: float, press: Press, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Measure the arrow that a map draws against the way a geodesic leaves the map's centre due north."""
    seen: list[np.ndarray] = []
    whole = Plate.arrow

    def watched(self: Plate, *given: float) -> None:
        whole(self, *given)
        seen.append(self._figure.artists[-1].get_path().vertices)

    monkeypatch.setattr(Plate, "arrow", watched)
    box = gpd.GeoDataFrame(geometry=[shapely.box(x - 5000, y - 4000, x + 5000, y + 4000)], crs=CRS)
    draw_map(MapFrame([Features("x", box, Style())], CRS), 180, 150, press.measures, press.fonts)
    tip, base = seen[0][0], seen[0][2]
    drawn = np.degrees(np.arctan2(tip[0] - base[0], base[1] - tip[1]))  # clockwise from the paper's upward
    back = pyproj.Transformer.from_crs(CRS, "EPSG:4490", always_xy=True)
    lon, lat = back.transform(x, y)
    lon2, lat2, _ = pyproj.Geod(ellps="GRS80").fwd(lon, lat, 0.0, 1000.0)
    x2, y2 = pyproj.Transformer.from_crs("EPSG:4490", CRS, always_xy=True).transform(lon2, lat2)
    assert drawn == pytest.approx(np.degrees(np.arctan2(x2 - x, y2 - y)), abs=0.1)


def test_the_bar_of_a_map_is_as_long_as_it_says(press: Press, monkeypatch: pytest.MonkeyPatch) -> None:
    """Add up the fields of the drawn bar, and compare with a geodesic of that length laid onto the map's paper."""
    fields: list[tuple[float, float, float, float]] = []
    whole = Plate.rectangle

    def watched(self: Plate, box: tuple[float, float, float, float], **look: object) -> None:
        whole(self, box, **look)  # type: ignore[arg-type]
        if look.get("width_pt") == 0.4:
            fields.append(box)

    monkeypatch.setattr(Plate, "rectangle", watched)
    for x, y in ((430_000, 3_845_000), (500_000, 3_845_000), (645_000, 3_300_000)):
        fields.clear()
        box = gpd.GeoDataFrame(geometry=[shapely.box(x - 9000, y - 8000, x + 9000, y + 8000)], crs=CRS)
        drawn = draw_map(MapFrame([Features("x", box, Style())], CRS), 180, 150, press.measures, press.fonts)
        length = max(f[2] for f in fields) - min(f[0] for f in fields)
        assert [b[0] for b in fields[1:]] == pytest.approx([a[2] for a in fields[:-1]])  # no gap, no overlap
        lon, lat = pyproj.Transformer.from_crs(CRS, "EPSG:4490", always_xy=True).transform(x, y)
        lon2, lat2, _ = pyproj.Geod(ellps="GRS80").fwd(lon, lat, 60.0, drawn.bar.ground_m)
        to_plane = pyproj.Transformer.from_crs("EPSG:4490", CRS, always_xy=True)
        ends = np.column_stack(to_plane.transform([lon, lon2], [lat, lat2]))
        on_paper = float(np.hypot(*np.diff(drawn.window.on_paper(ends), axis=0)[0]))
        assert length == pytest.approx(on_paper, rel=5e-3)
        unit = f"{drawn.bar.ground_m / 1000:g} 千米"
        assert unit in [text.text for text in drawn.texts]


def test_ticks_stand_at_round_degrees_and_kilometres(press: Press) -> None:
    window = open_window(MapFrame(toy(), CRS), 150, 150, press.measures)
    ticks = ticks_of(window)
    to_degrees = pyproj.Transformer.from_crs(CRS, "EPSG:4490", always_xy=True)
    for tick in ticks.meridians:
        x = window.extent[0] + tick.along_mm * window.metres_per_mm
        lon, _ = to_degrees.transform(x, window.extent[3])
        assert degrees(lon * 3600) == tick.label
        assert lon * 60 == pytest.approx(round(lon * 60 * 12) / 12, abs=1e-4)
    assert ticks.parallels
    for tick in ticks.eastings:
        assert window.extent[0] + tick.along_mm * window.metres_per_mm == pytest.approx(float(tick.label) * 1000)
    for tick in ticks.northings:
        assert window.extent[3] - tick.along_mm * window.metres_per_mm == pytest.approx(float(tick.label) * 1000)


@settings(max_examples=40, deadline=None)
@given(st.floats(0.001, 100_000), st.floats(0.2, 4), st.sampled_from([60.0, 180.0, 700.0]))
def test_every_extent_fits_and_the_scale_is_round(side: float, shape: float, paper: float) -> None:
    measures = load_measures(ROOT / "maps" / "paper.toml")
    box = gpd.GeoDataFrame(
        geometry=[shapely.box(500_000, 3_800_000, 500_000 + side, 3_800_000 + side * shape)], crs=CRS
    )
    window = open_window(MapFrame([Features("x", box, Style())], CRS), paper, paper * 0.7, measures)
    west, south, east, north = box.total_bounds
    assert window.extent[0] < west
    assert window.extent[1] < south
    assert window.extent[2] > east
    assert window.extent[3] > north
    assert float(f"{window.scale:.3g}") == window.scale


# --- labels ---


@settings(max_examples=30, deadline=None)
@given(
    st.lists(
        st.tuples(st.floats(0, 100), st.floats(0, 80), st.sampled_from(["断面", "某某河下游断面一号", "A"])),
        max_size=40,
    )
)
def test_labels_never_overlap_and_none_is_lost_unsaid(spots: list[tuple[float, float, str]]) -> None:
    wishes = [Wish(name, shapely.Point(x, y), 1.0, 1, 7.0, 400, "#000000") for x, y, name in spots]
    fonts, marker = find_fonts(), shapely.box(40, 30, 60, 50)
    placed, dropped = place(wishes, [marker], (100, 80), fonts, 400)
    assert len(placed) + dropped == len(wishes)
    boxes = [
        shapely.box(
            t.x, t.y - 7 * MM_PER_PT * 0.86, t.x + fonts.width(t.text, 7.0) * MM_PER_PT, t.y + 7 * MM_PER_PT * 0.14
        )
        for t in placed
    ]
    assert not any(a.intersects(b) for a, b in combinations(boxes, 2))
    assert not any(box.intersects(marker) for box in boxes)
    assert all(shapely.box(0, 0, 100, 80).covers(box) for box in boxes)


def test_labels_without_room_are_counted_and_said(press: Press, tmp_path: Path) -> None:
    crowded = toy(90)
    crowded[2] = replace(crowded[2], frame=crowded[2].frame.assign(geometry=shapely.Point(505_000, 3_805_000)))
    files, printed = typeset_sheet(sheet(main=MapFrame(crowded, CRS)), "pdf", press)
    assert printed.labels_dropped[0] >= 82
    assert f"另有 {printed.labels_dropped[0]} 处注记" in re.sub(r"\s+", " ", text_of(files, tmp_path))


def test_one_river_of_many_pieces_has_one_label(press: Press) -> None:
    pieces = [shapely.LineString([(x, 3_805_000), (x + 1000, 3_805_000)]) for x in range(500_000, 510_000, 1000)]
    river = gpd.GeoDataFrame({"name": ["直河"] * 10}, geometry=pieces, crs=CRS)
    drawn = draw_map(
        MapFrame([Features("河流", river, Style(), label="name")], CRS), 150, 120, press.measures, press.fonts
    )
    assert [t.text for t in drawn.texts].count("直河") == 1


# --- legend ---


def test_the_legend_holds_what_is_on_the_sheet_and_nothing_else(press: Press, tmp_path: Path) -> None:
    off = toy()[2]
    moved = Features("远处的厂", off.frame.assign(geometry=shapely.Point(900_000, 3_805_000)), Style(), fits=False)
    files, printed = typeset_sheet(sheet(main=MapFrame([*toy(), moved], CRS)), "pdf", press)
    said = text_of(files, tmp_path)
    assert "Ⅱ" in said
    assert "Ⅴ" in said
    assert "其他或未填" in said
    assert "Ⅲ" not in said  # a class of the layer that does not occur
    assert printed.absent == (("远处的厂",),)
    assert "没有：远处的厂" in said.replace(" ", "")


def test_a_code_takes_the_class_it_begins_with() -> None:
    frame = gpd.GeoDataFrame({"code": ["0101", "02", "9", None]}, geometry=[shapely.Point(0, 0)] * 4, crs=CRS)
    features = Features("x", frame, Style(by="code", prefix=True), {"01": WATER["II"], "02": WATER["V"]})
    groups = groups_of(features, np.arange(4), "point")
    assert [list(g.rows) for g in groups] == [[0], [1], [2, 3]]
    assert groups[-1].is_other


# --- grey copies ---


@pytest.mark.parametrize(
    "family",
    [
        "farmland_category",
        "zone_level",
        "rectify_state",
        "black_odorous_state",
        "water_class",
        "plan_code",
        "receptor_kind",
    ],
)
def test_classes_stay_apart_in_a_grey_copy(family: str) -> None:
    palettes = load_palettes(ROOT / "maps" / "palettes.toml", Faults())
    assert palettes is not None
    for (a, one), (b, two) in combinations(palettes.classes[family].items(), 2):
        apart = abs(lightness(one.colour) - lightness(two.colour))
        assert apart >= 8 or one.hatch != two.hatch or one.shape != two.shape, (
            f"{family}: {a} and {b} differ by {apart:.1f} only"
        )


def test_signs_tell_water_classes_apart_in_a_grey_copy(press: Press) -> None:
    """Upon one grey ground, as the worst copy gives it, the sign inside the marker alone tells the classes apart."""
    palettes = load_palettes(ROOT / "maps" / "palettes.toml", Faults())
    assert palettes is not None
    classes = palettes.classes["water_class"]
    pictures = []
    for code, swatch in classes.items():
        plate = Plate(8, 8, press.fonts)
        frame = gpd.GeoDataFrame({"c": [code]}, geometry=[shapely.Point(0, 0)], crs=CRS)
        look = groups_of(
            Features("x", frame, Style(by="c", shape="square", size=11), {code: swatch}, signs={code: code}),
            np.arange(1),
            "point",
        )[0].look
        assert look.sign == code
        plate.markers(np.array([[4.0, 4.0]]), replace(look, fill="#777777"), shapely.box(0, 0, 8, 8))
        pictures.append(plate.to_pdf())
    assert len(set(pictures)) == len(classes)


def test_states_and_outcomes_stay_apart_in_a_grey_copy() -> None:
    palettes = load_palettes(ROOT / "maps" / "palettes.toml", Faults())
    assert palettes is not None
    assert len({s.shape for s in palettes.statuses.values()}) == len(palettes.statuses)
    for one, two in combinations(palettes.outcomes.values(), 2):
        assert one.mark != two.mark or abs(lightness(one.colour) - lightness(two.colour)) >= 8


# --- text and fonts ---


def test_text_is_text_in_own_fonts_embedded_as_subsets(press: Press, tmp_path: Path) -> None:
    rare = "镕埗㙟䴙𬭩"
    files, printed = typeset_sheet(
        sheet(notes=[rare], marks=["内部使用"], disclaimer="示意图", approval="审图号：待送审"), "pdf", press
    )
    said = text_of(files, tmp_path)
    for words in (
        "方县水环境图",
        "内部使用",
        "示意图",
        "审图号：待送审",
        "断面0",
        "直河",
        "县界",
        "第1页，共1页",
        rare,
        "数据截至2026-09-30",
        "CGCS2000",
    ):
        assert words in said.replace(" ", ""), words
    assert printed.glyphs_lacking == ""
    if shutil.which("pdffonts"):
        rows = (
            subprocess.run(["pdffonts", tmp_path / "read.pdf"], capture_output=True, check=True)
            .stdout.decode()
            .splitlines()[2:]
        )
        assert rows
        assert all(re.search(r"^[A-Z]{6}\+NotoSans", row) and re.search(r" yes yes yes ", row) for row in rows), rows
    assert len(files[0]) < 400_000


def test_characters_that_no_font_has_are_named(press: Press) -> None:
    _, printed = typeset_sheet(sheet(notes=["𪚥"]), "pdf", press)
    assert printed.glyphs_lacking == "𪚥"


@pytest.mark.parametrize("words", HOSTILE)
def test_hostile_names_are_printed_as_text(words: str, press: Press, tmp_path: Path) -> None:
    layers = toy()
    layers[2] = replace(layers[2], title=words, frame=layers[2].frame.assign(name=words))
    blocks = [
        Heading(words),
        Paragraph(words),
        Facts([(words, words)]),
        Table([words, "b"], [[words, words]], title=words),
        Legend(),
    ]
    one = sheet(
        title=words, subtitle=words, main=MapFrame(layers, CRS, title=words), blocks=blocks, notes=[words], marks=[words],
        sources=[Source(words, words, words)], boxes=[(words, words)], disclaimer=words, approval=words, program=words,
    )  # fmt: skip
    files, _ = typeset_sheet(one, "pdf", press)
    said = text_of(files, tmp_path)
    assert plain(words).replace("\ufffd", "")[:6].strip() in said
    assert "\u202e" not in said


def test_five_thousand_letters_stay_on_the_page(press: Press) -> None:
    for words in ("长" * 5000, "w" * 5000):
        blocks = [Paragraph(words), Table(["a", "b"], [[words[:600], "1"]]), Facts([("名称", words[:600])])]
        files, printed = typeset_sheet(sheet(title=words, main=None, blocks=blocks), "png", press)
        assert printed.pages == len(files) >= 2
        for file in files:
            picture = np.asarray(Image.open(io.BytesIO(file)).convert("L"))
            edge = round(9 * 300 / 25.4)
            assert min(picture[:, :edge].min(), picture[:, -edge:].min()) == 255, "text runs off the page"


@given(st.text(max_size=200))
@example("a\ud800\x00")
def test_made_fit_text_has_no_control_signs(text: str) -> None:
    for made in (plain(text), breakable(text)):
        made.encode()
        assert not re.search(r"[\x00-\x09\x0b-\x1f\u202a-\u202e\u2066-\u2069]", made)


def test_english_sheets_speak_english(press: Press, tmp_path: Path) -> None:
    files, _ = typeset_sheet(sheet(title=Text("水", "Water map"), language="en"), "pdf", press)
    said = text_of(files, tmp_path)
    assert "Water map" in said
    assert "Legend" in said
    assert "Class II" in said
    assert "Page 1 of 1" in said
    assert "图例" not in said


# --- what comes from the maps room ---


def test_map_layers_and_findings_become_features(press: Press, tmp_path: Path) -> None:
    palettes = load_palettes(ROOT / "maps" / "palettes.toml", Faults())
    assert palettes is not None
    degrees_ = gpd.GeoDataFrame(
        {"feature_id": ["a", "b"], "name": ["甲", "乙"]},
        geometry=shapely.points([[114.3, 34.8], [114.32, 34.81]]),
        crs="EPSG:4490",
    )
    layer = MapLayer("nameless", Text("井", "Wells"), "point", ["feature_id"], degrees_, {}, "v1", "x.shp", "internal")
    found = gpd.GeoDataFrame(
        {"outcome": ["hit", "needs_review", "near"], "status": ["found", "closed", None]},
        geometry=[shapely.box(114.30, 34.79, 114.31, 34.8), shapely.Point(114.31, 34.8), shapely.Point(114.315, 34.805)], crs="EPSG:4490",
    )  # fmt: skip
    wells = features_of(layer, palettes, CRS, label="name")
    expected = pyproj.Transformer.from_crs("EPSG:4490", CRS, always_xy=True).transform(114.3, 34.8)
    assert (wells.frame.geometry.x[0], wells.frame.geometry.y[0]) == pytest.approx(expected)
    findings = findings_of(found, palettes, CRS, Text("风险线索", "Findings"))
    meta = Meta(
        Text("县", "County"),
        DAY,
        "GeoSys 0.1.0",
        Text("样例数据", "sample"),
        layers=[Provenance(layer.title, "v1", "x.shp", 2)],
    )
    spec = load_map(ROOT / "maps")
    files, _ = typeset_sheet(Sheet("图", main=MapFrame([wells, findings], CRS), **printed_of(meta, spec)), "pdf", press)
    said = text_of(files, tmp_path)
    for words in ("甲", "内部使用", "样例数据", "审图号", "x.shp", "确认命中", "需核查", "发现", "销号", "临界"):
        assert words in said.replace(" ", ""), words
    assert "未命中" not in said


# --- files ---


@pytest.mark.parametrize("kind", ["pdf", "svg", "png"])
def test_the_same_sheet_gives_the_same_bytes(kind: str, press: Press) -> None:
    first, _ = typeset_sheet(sheet(), kind, press)
    again, _ = typeset_sheet(sheet(), kind, open_press(ROOT / "maps"))
    assert first == again


def test_all_papers_both_ways(press: Press, tmp_path: Path) -> None:
    for paper, (short, long) in press.measures.sizes.items():
        for turned in (False, True):
            file = tmp_path / f"{paper}-{turned}.svg"
            assert compose(sheet(paper=paper, is_landscape=turned), file, press).pages == 1
            wide, high = re.search(
                r'width="([\d.]+)pt" height="([\d.]+)pt"', file.read_text(encoding="utf-8")[:400]
            ).groups()
            assert float(wide) == pytest.approx((long if turned else short) * 72 / 25.4, abs=0.1)
            assert float(high) == pytest.approx((short if turned else long) * 72 / 25.4, abs=0.1)


def test_blocks_of_every_kind_and_an_atlas_number(press: Press, tmp_path: Path) -> None:
    chart = b'<svg xmlns="http://www.w3.org/2000/svg" width="100" height="50"><rect width="60" height="20" fill="red"/></svg>'
    small = MapFrame(toy(), CRS, height_mm=60, title="位置", overview=toy()[:1])
    blocks = [
        Row([[small], [Paragraph("旁边", is_small=True), Facts([("一", "1"), ("二", "2"), ("三", "3")])]], shares=(2, 1)), Legend(),
        PageBreak(), Picture(chart, "svg", 30, "图表"), Table(["项目", "值"], [["砷", "1.5"]] * 3, tints={1: "#FFE0E0"}, right=(1,)),
    ]  # fmt: skip
    files, printed = typeset_sheet(sheet(main=None, blocks=blocks, first_page=7, last_page=20), "pdf", press)
    said = text_of(files, tmp_path).replace(" ", "")
    assert printed.pages == 2
    for words in ("第7页，共20页", "第8页，共20页", "图表", "砷", "旁边", "三"):
        assert words in said


def test_a_picture_of_several_pages_has_several_files(press: Press, tmp_path: Path) -> None:
    compose(sheet(main=None, blocks=[Paragraph("一"), PageBreak(), Paragraph("二")]), tmp_path / "a.svg", press)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a-1.svg", "a-2.svg"]


# --- bad input ---


def test_empty_layers_one_point_and_far_features(press: Press) -> None:
    empty = [replace(f, frame=f.frame.iloc[:0]) for f in toy()]
    with pytest.raises(SpecError, match="without any feature"):
        typeset_sheet(sheet(main=MapFrame(empty, CRS)), "pdf", press)
    _, printed = typeset_sheet(
        sheet(main=MapFrame(empty, CRS, extent=(500_000, 3_800_000, 510_000, 3_810_000))), "pdf", press
    )
    assert printed.absent == (("县界", "河流", "断面"),)
    one = replace(toy()[2], frame=toy()[2].frame.iloc[:1])
    _, printed = typeset_sheet(sheet(main=MapFrame([one], CRS)), "pdf", press)
    assert printed.scales == (10_000,)


@pytest.mark.parametrize("scale", [0, -5, 1, 10**9])
def test_an_absurd_scale_is_refused(scale: int, press: Press, tmp_path: Path) -> None:
    with pytest.raises(SpecError, match=r"expected one from 1:200 to 1:20000000"):
        compose(sheet(main=MapFrame(toy(), CRS, scale=scale)), tmp_path / "a.pdf", press)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("changes", "error", "words"),
    [
        ({"paper": "A7"}, SpecError, "Known: A4"),
        ({"main": MapFrame(toy(), "EPSG:3857")}, CrsError, "true metres"),
        ({"main": MapFrame(toy(), "EPSG:4548")}, CrsError, "Convert the layer"),
        ({"main": MapFrame(toy(), CRS, extent=(5.0, 5.0, 1.0, 1.0))}, SpecError, "xmin <= xmax"),
        ({"main": MapFrame(toy(), CRS, extent=(float("nan"), 5.0, 1.0, 1.0))}, SpecError, "xmin <= xmax"),
        ({"main": None}, SpecError, "neither a main map nor blocks"),
        ({"main": None, "blocks": [Table(["a"], [["1", "2"]])]}, SpecError, "1 cells in each"),
        ({"main": None, "blocks": [Picture(b"no picture", "svg", 20)]}, SpecError, "cannot be set"),
        ({"main": None, "blocks": [Row([[Legend()]], shares=(1, 2))]}, SpecError, "one share above 0"),
        ({"is_landscape": True, "notes": ["长" * 40_000]}, SpecError, "larger paper"),
    ],
)
def test_what_cannot_be_printed_says_why_and_leaves_nothing(
    changes: dict[str, object], error: type[Exception], words: str, press: Press, tmp_path: Path
) -> None:
    with pytest.raises(error, match=re.escape(words)):
        compose(sheet(**changes), tmp_path / "a.pdf", press)
    assert not list(tmp_path.iterdir())


def test_another_ending_and_a_missing_font_are_refused(press: Press, tmp_path: Path) -> None:
    with pytest.raises(SpecError, match=r"ends in \.pdf"):
        compose(sheet(), tmp_path / "a.docx", press)
    with pytest.raises(WorkspaceError, match="Noto Sans SC"):
        find_fonts(tmp_path)


def test_a_full_disk_leaves_the_old_file_and_no_part(
    press: Press, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = tmp_path / "a.pdf"
    old.write_bytes(b"old")

    def full(self: Path, data: bytes) -> int:
        with self.open("wb") as file:
            file.write(data[:2])
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(WorkspaceError, match="no space left"):
        put({old: b"new file"})
    with pytest.raises(WorkspaceError, match="temporary files"):
        compose(sheet(), old, press)
    assert [p.name for p in tmp_path.iterdir()] == ["a.pdf"]
    assert old.read_bytes() == b"old"


def test_faults_of_the_measures_come_all_at_once(tmp_path: Path) -> None:
    text = (ROOT / "maps" / "paper.toml").read_text(encoding="utf-8")
    (tmp_path / "paper.toml").write_text(
        text.replace("A4 = [210, 297]", "A4 = [210]").replace("margin  = 10.0", "margin = -1"), encoding="utf-8"
    )
    with pytest.raises(SpecError, match=r"(?s)margin.*A4|A4.*margin"):
        load_measures(tmp_path / "paper.toml")
