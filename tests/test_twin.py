"""The public twin: what may not go out is in none of its files, small counts stay hidden, and permission is asked for."""

from __future__ import annotations

import csv
import datetime as dt
import html
import itertools
import json
import shutil
import zipfile
from collections import defaultdict
from dataclasses import replace
from typing import TYPE_CHECKING

import geopandas as gpd
import numpy as np
import openpyxl
import pytest
import shapely
import typer
from conftest import ROOT
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from geosys._errors import DisclosureError, SpecError, WorkspaceError
from geosys._text import Text
from geosys.cli.twin_command import twin as twin_command
from geosys.geo.crs import to_crs
from geosys.layers.intake import Layer
from geosys.layers.spec import read_catalogue
from geosys.layers.store import write_version
from geosys.layers.vector_files import write_geopackage
from geosys.maps.pack import read_integers
from geosys.maps.spec import load_map
from geosys.permissions import Permission
from geosys.twins.counts import HIDDEN, SMALL, suppress
from geosys.twins.folder import write_twin
from geosys.twins.spec import load_twin
from geosys.twins.twin import Order, finding_shapes, make_twin, survey
from geosys.views import disclosure_of
from geosys.workspace import read_workspace

if TYPE_CHECKING:
    from pathlib import Path

CRS = "EPSG:4547"
EAST, NORTH = 500_000, 3_850_000
DAY = dt.date(2026, 9, 30)
PLAN = 'title = { zh = "玩具县", en = "Toy county" }\ncrs = "EPSG:4547"\nas_of = 2026-09-30\n'
# plots by township, in the order of the townships: 3 and 1 are small, 7 is hidden for them
PLOTS = [7, 3, 12, 0, 1, 25, 0, 6]
LISTED = """
[[layers]]
layer = "contaminated_plot"
geometry = "area"
of = "township"

[[layers]]
layer = "outfall"
geometry = "grid"
cell_m = 5000

[[layers]]
layer = "source_zone"
geometry = "generalise"
tolerance_m = 300
columns = ["level", "approved_on", "supply_t_d", "is_marked"]
dates = "year"
digits = { supply_t_d = 2 }

[findings]
title    = { zh = "风险线索", en = "Findings" }
of       = "township"
group    = "soil"
outcomes = ["hit"]
"""


# --- the toy county: townships of 10 km, every field of every layer filled with a word of its own ---


def square(x: float, y: float, side: float) -> shapely.Polygon:
    return shapely.box(EAST + x, NORTH + y, EAST + x + side, NORTH + y + side)


def filled(spec, shapes, catalogue) -> gpd.GeoDataFrame:
    """Return a frame of a layer whose every cell is a value that stands nowhere else."""
    columns: dict[str, list] = {"feature_id": [f"{spec.id}-id-{row:04d}" for row in range(len(shapes))]}
    for at, (name, field) in enumerate(spec.fields.items()):
        values = {
            "text": lambda row, name=name: f"秘{spec.id}·{name}·{row:04d}",
            "integer": lambda row, at=at: 7_310_000 + 100 * at + row,
            "number": lambda row, at=at: 918_273.25 + 1000 * at + row,
            "date": lambda row, at=at: dt.date(2001 + at % 20, 3, 1) + dt.timedelta(days=row),
            "truth": lambda row: row % 2 == 0,
        }[field.type]
        columns[name] = [values(row) for row in range(len(shapes))]
        if field.codes and name == "level":
            columns[name] = [list(catalogue.codes[field.codes].titles)[row % 2] for row in range(len(shapes))]
    for name in spec.derived:
        columns[name] = [f"秘{spec.id}·{name}·{row:04d}" for row in range(len(shapes))]
    if spec.geometry == "polygon":
        columns["area_m2"] = [1_234_567.5 + row for row in range(len(shapes))]
    return gpd.GeoDataFrame(columns, geometry=list(shapes), crs=CRS)


def county_shapes() -> dict[str, list]:
    towns = [square(10_000 * x, 10_000 * y, 10_000) for y in range(2) for x in range(4)]
    plots = [
        square(10_000 * (town % 4) + 311 + 277 * n, 10_000 * (town // 4) + 1234 + 301 * n, 123)
        for town, count in enumerate(PLOTS)
        for n in range(count)
    ]
    rng = np.random.default_rng(5)
    return {
        "county": [shapely.union_all(towns)],
        "township": towns,
        "contaminated_plot": plots,
        "outfall": list(shapely.points(np.add(rng.integers(0, 20_000, (60, 2)), (EAST, NORTH)))),
        "source_zone": [square(4_000, 4_000, 3_000), square(23_456, 13_210, 2_000), square(33_333, 3_333, 57)],
        "river": [shapely.LineString([(EAST, NORTH + 5_001), (EAST + 20_000, NORTH + 7_003), (EAST + 40_000, NORTH)])],
        "soil_sample": list(shapely.points([[EAST + 77, NORTH + 99]])),
    }


@pytest.fixture(scope="module")
def content(tmp_path_factory) -> Path:
    """Return a copy of the content with some layers public, and a list that names them."""
    folder = tmp_path_factory.mktemp("content")
    for room in ("layers", "cases", "maps"):
        shutil.copytree(ROOT / room, folder / room)
    for layer in ("contaminated_plot", "outfall", "source_zone"):
        path = folder / "layers" / f"{layer}.toml"
        path.write_text(
            path.read_text(encoding="utf-8").replace('disclosure = "internal"', 'disclosure = "public"', 1), "utf-8"
        )
    path = folder / "maps" / "public.toml"
    path.write_text(path.read_text(encoding="utf-8") + LISTED, "utf-8")
    return folder


@pytest.fixture(scope="module")
def catalogue(content):
    return read_catalogue(content)


@pytest.fixture(scope="module")
def frames(catalogue):
    return {name: filled(catalogue.layers[name], shapes, catalogue) for name, shapes in county_shapes().items()}


@pytest.fixture(scope="module")
def county(tmp_path_factory, catalogue, frames) -> Path:
    """Return a workspace with all layers stored, and the findings of a run: one at each plot."""
    root = tmp_path_factory.mktemp("county")
    (root / "geosys.toml").write_text(PLAN, "utf-8")
    versions = {}
    for name, frame in frames.items():
        kept = frame.iloc[:0].assign(issue_type="")
        told = {"deliveries": [{"file": "秘密交付.gdb", "note": "秘密备注"}], "crs": CRS}
        versions[name] = {
            "version": write_version(root / "store", Layer(catalogue.layers[name], frame, kept, told)).version
        }
    (root / "out").mkdir()
    plots = frames["contaminated_plot"]
    found = gpd.GeoDataFrame(
        {"outcome": ["hit"] * len(plots), "sentence_zh": [f"秘密线索{n}" for n in range(len(plots))]}, geometry=plots.geometry.centroid, crs=CRS,
    )  # fmt: skip
    write_geopackage(root / "out" / "results.gpkg", {"findings": found}, "2026-09-30")
    (root / "out" / "manifest.json").write_text(json.dumps({"stopped": False, "layers": versions}), "utf-8")
    return root


def allowed(*layers: str, **other) -> tuple[Permission, ...]:
    first = Permission("", "public", "局长", dt.date(2026, 1, 1), "环发〔2026〕1号", dt.date(2026, 12, 31))
    return tuple(replace(first, layer=layer, **other) for layer in layers)


@pytest.fixture(scope="module")
def parts(county, content, catalogue):
    chart = load_map(content / "maps")
    return read_workspace(county, catalogue), catalogue, chart, load_twin(content / "maps", catalogue, chart)


@pytest.fixture(scope="module")
def everything():
    return allowed("county", "township", "river", "contaminated_plot", "outfall", "source_zone", "findings")


@pytest.fixture(scope="module")
def made(parts, everything):
    return make_twin(*parts, Order("public", DAY, everything))


@pytest.fixture(scope="module")
def folder(made, tmp_path_factory):
    path = tmp_path_factory.mktemp("twin") / "public"
    write_twin(path, made)
    return path


def data_of(page: str) -> dict:
    return json.loads(page.split('id="geosys-data">')[1].split("</script>", maxsplit=1)[0])


def cells(packed: dict | None) -> list:
    """Return the values of a packed column, row by row."""
    if packed is None:
        return []
    return packed["list"] if "list" in packed else [packed["words"][n] for n in read_integers(packed["rows"])]


def positions(packed: dict) -> np.ndarray:
    """Return all positions of packed shapes, in millionths of a degree."""
    return np.cumsum(np.array(read_integers(packed["steps"]), dtype=np.int64).reshape(-1, 2), axis=0)


def all_values(node) -> list:
    """Return every value that JSON holds, packed columns unpacked."""
    if isinstance(node, dict):
        unpacked = cells(node) if {"words", "rows"} <= set(node) or "list" in node else []
        return [*unpacked, *itertools.chain.from_iterable(all_values(v) for v in node.values())]
    if isinstance(node, list):
        return list(itertools.chain.from_iterable(map(all_values, node)))
    return [node]


def layer_of(made, name: str):
    return next(layer for layer in made.layers if layer.id == name)


# --- nothing withheld is in it ---

SHOWN = {
    "county": {"county_name"},
    "township": {"township_name"},
    "river": {"river_name"},
    "source_zone": {"level", "is_marked"},
}


def test_no_withheld_value_is_in_any_file(folder, frames):
    """Look for every cell of every layer, but those that are shown as they are, in all files, packed data unpacked."""
    page = (folder / "map.html").read_text(encoding="utf-8")
    values = all_values(data_of(page))
    texts = {str(value) for value in values}
    numbers = {float(value) for value in values if isinstance(value, (int, float)) and not isinstance(value, bool)}
    whole = "\n".join([page, *texts, *(_text_of(path) for path in sorted(folder.iterdir()))])
    sought = 0
    for name, frame in frames.items():
        for column in frame.columns.drop("geometry"):
            if column in SHOWN.get(name, ()):
                continue
            for value in frame[column]:
                if isinstance(value, (bool, np.bool_)):
                    continue
                sought += 1
                if isinstance(value, dt.date):
                    assert value.isoformat() not in whole, (name, column)
                elif isinstance(value, str):
                    assert value not in whole, (name, column)
                else:
                    assert float(value) not in numbers, (name, column)
                    assert str(value) not in whole, (name, column)
    assert sought > 2000
    for word in ("秘密交付", "秘密备注", "秘密线索"):
        assert word not in whole


def _text_of(path: Path) -> str:
    if path.suffix != ".xlsx":
        return html.unescape(path.read_text(encoding="utf-8"))
    with zipfile.ZipFile(path) as book:
        return "\n".join(
            html.unescape(book.read(name).decode("utf-8")) for name in book.namelist() if name.endswith(".xml")
        )


def test_no_original_position_is_in_the_page(folder, frames):
    """Every vertex of every layer, in the page's own steps: none is among the positions of the page, nor a neighbour."""
    shown = {
        tuple(xy) for layer in data_of((folder / "map.html").read_text("utf-8"))["layers"] for packed in (layer["shapes"], layer["anchors"]) if packed
        for xy in positions(packed).tolist()
    }  # fmt: skip
    assert len(shown) > 50
    around = list(itertools.product((-1, 0, 1), repeat=2))
    for name, frame in frames.items():
        degrees = shapely.get_coordinates(to_crs(frame.geometry.to_numpy(), CRS, "EPSG:4490"))
        for x, y in np.rint(degrees * 1e6).astype(int).tolist():
            assert not any((x + dx, y + dy) in shown for dx, dy in around), name


def test_the_page_says_that_it_is_public_and_nothing_of_findings(folder):
    data = data_of((folder / "map.html").read_text("utf-8"))
    assert data["notice"] == ["公开版", "Public edition"]
    assert data["approval"][0].startswith("审图号")
    assert data["rules"] == []
    assert data["findings"]["n"] == 0
    assert data["rulesVersion"] == ""


def test_rows_are_numbered_anew_in_an_order_of_what_is_shown(parts, everything, frames, tmp_path, county, catalogue):
    """Deliver the zones the other way round: the twin is the same to the byte, so that the order tells nothing."""
    other = tmp_path / "county"
    shutil.copytree(county, other)
    turned = frames["source_zone"].iloc[::-1].reset_index(drop=True)
    told = {"deliveries": [], "crs": CRS}
    write_version(
        other / "store", Layer(catalogue.layers["source_zone"], turned, turned.iloc[:0].assign(issue_type=""), told)
    )
    spec = replace(parts[3], findings=None)
    here = make_twin(*parts[:3], spec, Order("public", DAY, everything))
    there = make_twin(read_workspace(other, catalogue), *parts[1:3], spec, Order("public", DAY, everything))
    assert here.page == there.page


# --- what is shown is right ---


def test_values_are_coarse(made):
    frame = layer_of(made, "source_zone").frame
    assert set(frame["approved_on"].str.len()) == {4}
    assert set(frame["supply_t_d"]) == {930_000} or all(v % 10_000 == 0 for v in frame["supply_t_d"])
    assert set(frame["level"]) <= {"一级", "二级", "准"}
    assert list(frame["feature_id"]) == ["1", "2", "3"]
    assert shapely.is_valid(frame.geometry).all()


def test_plots_are_counted_by_township_and_small_counts_hidden(made, frames):
    layer = layer_of(made, "contaminated_plot")
    names = [
        f"{name}：{text}"
        for name, text in zip(
            frames["township"]["township_name"], ["≥5", "<5", "12", "0", "<5", "25", "0", "6"], strict=True
        )
    ]
    assert list(layer.frame["name"]) == names
    assert layer.title.zh == "污染地块（按乡级行政区计数，合计 54）"  # 7 + 3 + 12 + 1 + 25 + 6
    assert list(layer.columns) == ["count", "count_class"]
    assert list(layer_of(made, "findings").frame["count"]) == ["≥5", "<5", "12", "0", "<5", "25", "0", "6"]


def test_outfalls_are_counted_in_cells(made, frames):
    """Count by brute force: each shown number is that of the points that the drawn cell holds."""
    layer = layer_of(made, "outfall")
    points = frames["outfall"].geometry.to_numpy()
    squares = to_crs(layer.frame.geometry.to_numpy(), "EPSG:4490", CRS)
    held = [int(shapely.covers(cell, points).sum()) for cell in squares]
    assert sum(held) == len(points)
    for text, count in zip(layer.frame["count"], held, strict=True):
        assert text == str(count) if count >= 5 and text != "≥5" else text == ("<5" if count < 5 else "≥5")
    sides = shapely.get_coordinates(squares[0])
    assert np.ptp(sides[:, 0]) == pytest.approx(5000, rel=1e-3)


def test_the_list_of_the_withheld_is_the_same_in_all_three_forms(folder):
    rows = list(csv.reader((folder / "withheld.csv").read_text("utf-8-sig").splitlines()))
    sheet = openpyxl.load_workbook(folder / "withheld.xlsx").worksheets[0]
    from_book = [["" if v is None else str(v) for v in row] for row in sheet.iter_rows(min_row=3, values_only=True)]
    head = [
        "layer_zh",
        "field_zh",
        "kind_zh",
        "how_zh",
        "count",
        "why_zh",
        "layer_en",
        "field_en",
        "kind_en",
        "how_en",
        "why_en",
        "layer",
        "field",
    ]
    assert rows[0] == head
    assert rows[1:] == from_book
    page = html.unescape((folder / "withheld.html").read_text("utf-8"))
    for row in rows[1:]:
        for cell in row[:6]:
            assert cell in page
    told = {(row[11], row[12]): row for row in rows[1:]}
    assert told["soil_sample", ""][2] == "整层未公布"
    assert told["soil_sample", ""][4] == "不公布 not told"
    assert told["township", "township_code"][4] == "8"
    assert len([row for row in rows if row[11] == "contaminated_plot" and row[2] == "小数隐去"]) == 2


def test_a_total_that_is_not_shown_is_not_in_the_list_either(parts, everything, tmp_path, county, catalogue, frames):
    other = tmp_path / "county"
    shutil.copytree(county, other)
    few = frames["contaminated_plot"].iloc[:9].reset_index(drop=True)  # 7 and 2
    kept = few.iloc[:0].assign(issue_type="")
    write_version(
        other / "store",
        Layer(
            catalogue.layers["contaminated_plot"],
            few.drop(index=[5, 6]).reset_index(drop=True),
            kept,
            {"deliveries": [], "crs": CRS},
        ),
    )
    spec = replace(parts[3], findings=None)
    made = make_twin(read_workspace(other, catalogue), *parts[1:3], spec, Order("public", DAY, everything))
    layer = layer_of(made, "contaminated_plot")
    assert "合计不公布" in layer.title.zh or "合计 不公布" in layer.title.zh
    entry = next(e for e in made.withheld if e.layer == "contaminated_plot" and e.kind == "merged")
    assert entry.count == "不公布 not told"


# --- small counts ---


def tables(cells: int, most: int):
    """Yield every table of so many cells with a total of at most `most`."""
    if cells == 0:
        yield ()
        return
    for first in range(most + 1):
        for rest in tables(cells - 1, most - first):
            yield (first, *rest)


@pytest.mark.parametrize(
    ("cells", "least", "most"), [(1, 5, 40), (2, 5, 40), (3, 3, 22), (3, 5, 26), (4, 3, 15), (4, 4, 16)]
)
def test_who_knows_the_table_its_total_and_the_rule_learns_nothing_of_a_small_count(cells, least, most):
    """Take all tables; of those that look alike, a small count must take every value of 1 to k - 1."""
    alike = defaultdict(lambda: [set() for _ in range(cells)])
    for table in tables(cells, most):
        shown = suppress(table, least)
        if shown.total is None:
            assert sum(table) < cells * least <= most + 1, "all tables whose total is hidden are tried"
        for seen, count in zip(alike[shown.cells, shown.total], table, strict=True):
            seen.add(count)
    assert len(alike) > 10
    for (shown_cells, _), seen in alike.items():
        for cell, values in zip(shown_cells, seen, strict=True):
            if cell == SMALL:
                assert values == set(range(1, least))
            elif cell == HIDDEN:
                assert min(values) >= least
            else:
                assert values == {cell}


@settings(max_examples=300, deadline=None)
@given(st.lists(st.integers(0, 30), min_size=1, max_size=12), st.integers(3, 8))
def test_bounds_of_every_small_count_are_1_and_k_less_1(counts, least):
    """Bound each small count by hand: what the total leaves when the others are at their least, and at their most."""
    shown = suppress(counts, least)
    assert [c for c in shown.cells if isinstance(c, int)] == [
        n for n, c in zip(counts, shown.cells, strict=True) if isinstance(c, int)
    ]
    assert all((cell == SMALL) == (0 < n < least) for n, cell in zip(counts, shown.cells, strict=True))
    if shown.total is None or SMALL not in shown.cells:
        assert shown.total in (None, sum(counts))
        return
    hidden, small = shown.cells.count(HIDDEN), shown.cells.count(SMALL)
    rest = shown.total - sum(c for c in shown.cells if isinstance(c, int))
    assert rest - (small - 1) - hidden * least >= least - 1  # the largest fits
    assert hidden >= 1  # a hidden count has no upper end, so that the smallest fits too


def test_small_counts_need_a_k_of_3():
    with pytest.raises(SpecError, match="3 or more"):
        suppress([1, 2], 2)
    with pytest.raises(SpecError, match="whole numbers"):
        suppress([1.5], 5)
    assert suppress([0, 0, 9], 5).total == 9
    assert suppress([], 5).total == 0


# --- who may ---


def test_nothing_goes_out_without_a_permission(parts):
    with pytest.raises(DisclosureError) as refused:
        make_twin(*parts, Order("public", DAY, ()))
    text = str(refused.value)
    for layer in ("county", "township", "river", "contaminated_plot", "outfall", "source_zone", "findings"):
        assert f'layer       = "{layer}"' in text
    assert "[[permissions]]" in text


@pytest.mark.parametrize(
    ("other", "got"),
    [
        ({"expires_on": dt.date(2026, 9, 29)}, "from 2026-01-01 to 2026-09-29"),
        ({"approved_on": dt.date(2026, 10, 1)}, "from 2026-10-01"),
        ({"audience": "shared"}, "narrower audience"),
    ],
)
def test_a_permission_that_does_not_hold_is_refused(parts, everything, other, got):
    late = tuple(replace(p, **other) if p.layer == "outfall" else p for p in everything)
    with pytest.raises(DisclosureError, match=got) as refused:
        make_twin(*parts, Order("public", DAY, late))
    assert "county" not in str(refused.value)


@pytest.mark.parametrize("narrow", [{"receiver": "generic"}, {"fields": ("outfall_name",)}, {"fields": ()}])
def test_a_permission_for_a_receiver_or_some_columns_opens_no_twin(parts, everything, narrow):
    part = tuple(replace(p, **narrow) if p.layer == "outfall" else p for p in everything)
    with pytest.raises(DisclosureError, match="for a receiver or some columns only") as refused:
        make_twin(*parts, Order("public", DAY, part))
    assert "county" not in str(refused.value)


def test_naming_a_layer_or_column_in_the_list_does_not_make_it_public(catalogue, parts, everything):
    workspace, _, chart, spec = parts
    narrow = dict(catalogue.layers)
    narrow["outfall"] = replace(narrow["outfall"], disclosure="internal")
    fields = dict(narrow["source_zone"].fields)
    fields["level"] = replace(fields["level"], disclosure="shared")
    narrow["source_zone"] = replace(narrow["source_zone"], fields=fields)
    with pytest.raises(DisclosureError) as refused:
        make_twin(workspace, replace(catalogue, layers=narrow), chart, spec, Order("public", DAY, everything))
    assert "layer outfall: got 'internal'" in str(refused.value)
    assert "layer source_zone [level]: got 'shared'" in str(refused.value)


def test_a_derived_column_is_as_narrow_as_what_it_is_made_from(catalogue):
    for spec in catalogue.layers.values():
        for name, derived in spec.derived.items():
            one = derived.inputs[0]
            fields = {n: replace(f, disclosure="internal" if n == one else "public") for n, f in spec.fields.items()}
            assert disclosure_of(replace(spec, fields=fields, disclosure="public"), name) == "internal"
            return
    pytest.fail("no layer of the content has a derived column")


def test_the_content_as_it_comes_asks_for_public_layers_only():
    """Every layer that the list names for an audience is as wide by its own spec: only permissions are to be entered."""
    catalogue = read_catalogue(ROOT)
    spec = load_twin(ROOT / "maps", catalogue, load_map(ROOT / "maps"))
    for audience in ("public", "shared"):
        releases = spec.releases_for(audience)
        assert releases
        words = {disclosure_of(catalogue.layers[r.layer], c) for r in releases for c in ("", *r.columns)}
        assert words <= {"public"} | ({"shared"} if audience == "shared" else set())
    assert spec.findings is None


# --- the list itself ---


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ('[[layers]]\nlayer = "villag"\ngeometry = "as_is"', "Did you mean 'village'"),
        ('[[layers]]\nlayer = "intake"\ngeometry = "generalise"', "'tolerance_m' with geometry = 'generalise'"),
        ('[[layers]]\nlayer = "intake"\ngeometry = "grid"\ncell_m = -5', "metres above 0"),
        ('[[layers]]\nlayer = "intake"\ngeometry = "grid"\ncell_m = 500\ncolumns = ["status"]', "counts only"),
        ('[[layers]]\nlayer = "intake"\ngeometry = "area"\nof = "contaminated_plot"', "as_is or generalised"),
        ('[[layers]]\nlayer = "intake"\ngeometry = "as_is"\ncolumns = ["intake_name"]', "as_written"),
        ('[[layers]]\nlayer = "intake"\ngeometry = "as_is"\ncolumns = ["supply_t_d"]', "digits.supply_t_d"),
        ('[[layers]]\nlayer = "suspected_plot"\ngeometry = "as_is"\ncolumns = ["notice_on"]', "'dates'"),
        ('[[layers]]\nlayer = "river"\ngeometry = "as_is"', "each layer once"),
    ],
)  # fmt: skip
def test_faults_of_the_list_name_key_and_way_out(content, catalogue, tmp_path, wrong, told):
    shutil.copytree(content / "maps", tmp_path / "maps")
    path = tmp_path / "maps" / "public.toml"
    path.write_text(path.read_text("utf-8").replace("\n[findings]", f"\n{wrong}\n\n[findings]"), "utf-8")
    with pytest.raises(SpecError) as faults:
        load_twin(tmp_path / "maps", catalogue, load_map(tmp_path / "maps"))
    assert told in str(faults.value)
    assert "maps/public.toml" in str(faults.value)


def test_texts_that_are_no_code_are_left_empty_and_counted(parts, everything, tmp_path, county, catalogue, frames):
    other = tmp_path / "county"
    shutil.copytree(county, other)
    odd = frames["source_zone"].assign(level=["一级", "张三家的井", None])
    write_version(
        other / "store",
        Layer(catalogue.layers["source_zone"], odd, odd.iloc[:0].assign(issue_type=""), {"deliveries": [], "crs": CRS}),
    )
    made = make_twin(
        read_workspace(other, catalogue),
        *parts[1:3],
        replace(parts[3], findings=None),
        Order("public", DAY, everything),
    )
    assert sorted(v for v in layer_of(made, "source_zone").frame["level"] if isinstance(v, str)) == ["一级"]
    assert "张三" not in made.page
    entry = next(e for e in made.withheld if e.kind == "cells")
    assert (entry.field, entry.count) == ("level", "<5")


def test_findings_of_older_layers_are_not_counted(tmp_path, county, catalogue):
    other = tmp_path / "county"
    shutil.copytree(county, other)
    pointer = other / "store" / "river" / "current.json"
    pointer.write_text(pointer.read_text("utf-8").replace('"version": "', '"version": "0'), "utf-8")
    with pytest.raises(WorkspaceError, match="older version of 'river'"):
        finding_shapes(read_workspace(other, catalogue), ["hit"])


# --- the folder and the command ---


def test_a_folder_of_something_else_is_not_replaced(made, tmp_path):
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "notes.txt").write_text("keep", "utf-8")
    with pytest.raises(WorkspaceError, match="no twin"):
        write_twin(mine, made)
    assert [path.name for path in tmp_path.rglob("*")] == ["mine", "notes.txt"]
    first = write_twin(tmp_path / "twin", made)
    before = {path.name: path.read_bytes() for path in first}
    write_twin(tmp_path / "twin", made)
    assert {path.name: path.read_bytes() for path in (tmp_path / "twin").iterdir()} == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["mine", "twin"]


def typed(*arguments: str):
    app = typer.Typer()
    app.command()(twin_command)
    return CliRunner().invoke(app, list(arguments))


def test_the_command_says_what_has_to_be_decided_and_writes_nothing(county):
    before = sorted(county.rglob("*"))
    told = typed("--preview", "--json", "--workspace", str(county))
    assert told.exit_code == 1
    layers = {row["layer"]: row for row in json.loads(told.stdout)["layers"]}
    assert not layers["soil_sample"]["is_named"]
    assert "[[permissions]]" in layers["river"]["reasons"][0]
    refused = typed("--workspace", str(county))
    assert isinstance(refused.exception, DisclosureError)
    assert isinstance(typed("--audience", "all", "--workspace", str(county)).exception, WorkspaceError)
    assert sorted(county.rglob("*")) == before


def test_the_command_writes_with_the_permissions_and_the_approval_of_the_plan(county, tmp_path):
    """With the content as it comes. Needs a plan that may have the tables [[permissions]] and [publication]."""
    other = tmp_path / "county"
    shutil.copytree(county, other)
    entries = "".join(
        f'\n[[permissions]]\nlayer = "{layer}"\naudience = "public"\napproved_by = "局长"\napproved_on = 2026-01-01\n'
        'document = "环发〔2026〕1号"\nexpires_on = 2026-12-31\n'
        for layer in ("county", "township", "river")
    )
    approval = '\n[publication]\napproval = { zh = "审图号：豫S〔2026〕1号", en = "Map approval Yu S (2026) 1" }\n'
    (other / "geosys.toml").write_text(PLAN + approval + entries, "utf-8")
    told = typed("--json", "--workspace", str(other))
    assert told.exception is None, told.exception
    assert json.loads(told.stdout)["approval"] == "审图号：豫S〔2026〕1号"
    page = (other / "twin" / "public" / "map.html").read_text("utf-8")
    assert [layer["id"] for layer in data_of(page)["layers"]] == ["county", "township", "river"]
    assert "秘contaminated_plot" not in page


def test_the_survey_tells_of_every_layer_that_is_there(parts, everything, frames):
    verdicts = survey(*parts[:2], parts[3], Order("public", DAY, everything))
    assert {v.layer for v in verdicts} == {*frames, "findings"}
    assert {v.layer for v in verdicts if v.is_going} == {*frames, "findings"} - {"soil_sample"}


def test_the_plans_approval_goes_before_the_lists(parts, everything):
    stated = Text("审图号：豫S〔2026〕1号", "Map approval Yu S (2026) 1")
    made = make_twin(*parts, Order("public", DAY, everything, stated))
    assert data_of(made.page)["approval"] == [stated.zh, stated.en]
    shared = make_twin(*parts, Order("shared", DAY, everything))
    assert data_of(shared.page)["notice"][0] == "部门共享，不得公开"


CHROMIUM = "/usr/bin/chromium"


def test_the_map_opens_alone_and_shows_no_panel_of_findings(folder):
    if not shutil.which(CHROMIUM):
        pytest.skip("chromium is not installed: maps cannot be opened")
    from playwright.sync_api import sync_playwright

    trouble: list[str] = []
    requests: list[str] = []
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page(viewport={"width": 1366, "height": 768})
        page.on("console", lambda message: trouble.append(message.text))
        page.on("pageerror", lambda error: trouble.append(str(error)))
        page.on("request", lambda request: requests.append(request.url))
        page.goto((folder / "map.html").as_uri())
        page.wait_for_selector("body[data-ready=true]")
        for hidden in ("#gs-tab-findings", "#gs-tab-rules", "#gs-legend"):
            assert not page.is_visible(hidden)
        assert "公开版" in page.inner_text("#gs-head")
        assert "内部使用" not in page.inner_text("body")
        assert "审图号" in page.inner_text("#gs-foot")
        legend = page.inner_text("#gs-layers")
        assert "<5" in legend
        assert "≥5（隐去）" in legend
        browser.close()
    assert trouble == []
    assert requests == [(folder / "map.html").as_uri()]
