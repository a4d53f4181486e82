"""Make sixty deliveries with fixed seeds: twenty clean ones in every format, forty with one known fault each.

Everything is written as senders write it, apart from the code under test: pyogrio, xlsxwriter, csv and bytes by hand;
positions by pyproj, areas by a geodesic computation.
"""

from __future__ import annotations

import shutil
import struct
import zipfile
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any

import geopandas as gpd
import numpy as np
import pyogrio
import pyproj
import shapely
import xlsxwriter
from intake_toy import old_workbook

from geosys.geo.offsets import bd09_from_degrees, gcj02_from_degrees
from geosys.layers.place import Place

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

CRS = "EPSG:4547"
WEST, SOUTH, EAST, NORTH = 113.6, 34.2, 114.9, 35.2
TRADES = ("化工", "电镀", "焦化", "农药", "印染")
NAMES = (
    "大清沟",
    "惠济河",
    "黄汴河",
    "马家河",
    "贾鲁河",
    "涡河故道",
    "运粮河",
    "东护城河",
    "药厂河",
    "化肥河",
    "南郊沟",
    "杏花营",
)


@dataclass(frozen=True)
class Made:
    """Hold one delivery.

    `truth` has the true place of each feature in `CRS`, as whoever wrote the file meant it; `cells` some values that
    must come out. `expected` are issue types of which one must name the fault, `says` what its message (or the
    reading's evidence) must hold, `rows` the features it must name and no others. `besides` may come along.
    """

    file: Path
    layer: str
    truth: Mapping[str, shapely.Geometry] = field(default_factory=dict)
    cells: Mapping[tuple[str, str], Any] = field(default_factory=dict)
    expected: tuple[str, ...] = ()
    says: str = ""
    rows: tuple[str, ...] = ()
    besides: tuple[str, ...] = ()
    settings: Mapping[str, Any] = field(default_factory=dict)
    reference: np.ndarray | None = None


CLEAN: dict[str, Callable[[Path], Made]] = {}
FAULTY: dict[str, Callable[[Path], Made]] = {}


def clean(make: Callable[[Path], Made]) -> Callable[[Path], Made]:
    CLEAN[make.__name__] = make
    return make


def faulty(make: Callable[[Path], Made]) -> Callable[[Path], Made]:
    FAULTY[make.__name__] = make
    return make


@cache
def place() -> Place:
    """Return a county of the toy: a box of degrees, as plans have it."""
    box = shapely.segmentize(shapely.box(WEST, SOUTH, EAST, NORTH), 0.05)
    region = shapely.transform(box, lambda xy: moved(xy, "EPSG:4490", CRS))
    return Place(CRS, region, f"{WEST}–{EAST}°E, {SOUTH}–{NORTH}°N")


# --- what is true ---


@cache
def _change(source: str, target: str) -> pyproj.Transformer:
    return pyproj.Transformer.from_crs(source, target, always_xy=True)


def moved(xy: np.ndarray, source: str, target: str) -> np.ndarray:
    return np.column_stack(_change(source, target).transform(xy[:, 0], xy[:, 1]))


def in_crs(shape: shapely.Geometry, target: str, source: str = CRS) -> shapely.Geometry:
    return shapely.transform(shape, lambda xy: moved(xy, source, target))


def area_m2(shape: shapely.Geometry) -> float:
    """Return the geodesic area on GRS 80 by another computation than the code's."""
    return abs(pyproj.Geod(ellps="GRS80").geometry_area_perimeter(in_crs(shape, "EPSG:4490"))[0])


def plots(seed: int, count: int = 12) -> dict[str, shapely.Polygon]:
    """Return plots of four odd corners, 300 m apart, by code."""
    random = np.random.default_rng(seed)
    found = {}
    for i in range(count):
        corner = np.array([501_000.0 + 300 * (i % 4), 3_851_000.0 + 300 * (i // 4)])
        corners = np.array([[0, 0], [110, 0], [110, 90], [0, 90]]) + random.uniform(0, 30, (4, 2))
        found[f"410299{seed:03}{i:04}"] = shapely.Polygon((corner + corners).round(3))
    return found


def spots(seed: int, count: int = 12, digits: int = 6) -> dict[str, tuple[float, float]]:
    """Return outfalls in degrees, by code."""
    random = np.random.default_rng(seed)
    pairs = random.uniform([113.8, 34.4], [114.7, 35.0], (count, 2)).round(digits)
    return {f"PK{seed:03}{i:03}": (float(x), float(y)) for i, (x, y) in enumerate(pairs)}


def true_spots(degrees: Mapping[str, tuple[float, float]]) -> dict[str, shapely.Geometry]:
    return {code: shapely.Point(moved(np.array([pair]), "EPSG:4490", CRS)[0]) for code, pair in degrees.items()}


def plot_columns(shapes: Mapping[str, shapely.Geometry]) -> dict[str, list[Any]]:
    """Return what is written of plots under the names of the field list."""
    return {
        "地块编码": list(shapes),
        "地块名称": [f"{NAMES[i % len(NAMES)]}地块{i}" for i in range(len(shapes))],
        "行业类型": [TRADES[i % len(TRADES)] for i in range(len(shapes))],
        "用地面积": [round(area_m2(s), 2) for s in shapes.values()],
    }


SHORT = {"地块编码": "DKBM", "地块名称": "DKMC", "行业类型": "HYLX", "用地面积": "YDMJ"}


def frame_of(shapes: Mapping[str, shapely.Geometry], crs: str | None = CRS, **columns: Any) -> gpd.GeoDataFrame:
    return gpd.GeoDataFrame({**plot_columns(shapes), **columns}, geometry=list(shapes.values()), crs=crs)


# --- how it is written ---


def vector(path: Path, frame: gpd.GeoDataFrame, **options: Any) -> Path:
    pyogrio.write_dataframe(frame, path, **options)
    return path


def shapefile(
    path: Path,
    frame: gpd.GeoDataFrame,
    encoding: str,
    cpg: str | None,
    language: int = 0,
    names: Mapping[str, str] = SHORT,
) -> Path:
    """Write a shapefile with its text in one encoding, and whatever .cpg and language byte its sender leaves."""
    vector(path, frame.rename(columns=dict(names)), encoding=encoding)
    path.with_suffix(".cpg").unlink(missing_ok=True)
    if cpg is not None:
        path.with_suffix(".cpg").write_text(cpg, encoding="ascii")
    table = path.with_suffix(".dbf")
    data = bytearray(table.read_bytes())
    data[29] = language
    table.write_bytes(bytes(data))
    return path


def ledger(path: Path, header: Sequence[str], rows: Sequence[Sequence[Any]], encoding: str = "utf-8") -> Path:
    lines = [",".join(header), *(",".join("" if v is None else str(v) for v in row) for row in rows)]
    path.write_bytes(("\r\n".join(lines) + "\r\n").encode(encoding))
    return path


def outfall_ledger(path: Path, pairs: Mapping[str, tuple[Any, Any]], encoding: str = "utf-8") -> Path:
    rows = [(code, f"{NAMES[i % 12]}排口{i}", x, y) for i, (code, (x, y)) in enumerate(pairs.items())]
    return ledger(path, ("排污口编码", "排污口名称", "经度", "纬度"), rows, encoding)


def dms(angle: float, digits: int = 2) -> tuple[str, float]:
    """Return an angle as degrees, minutes and seconds, and what exactly that says."""
    ticks = round(angle * 3600 * 10**digits)
    whole, rest = divmod(ticks, 3600 * 10**digits)
    minutes, seconds = divmod(rest, 60 * 10**digits)
    second = seconds / 10**digits
    return f"{whole}°{minutes:02}′{second:0{3 + digits}.{digits}f}″", whole + minutes / 60 + second / 3600


def sixtieths(angle: float) -> tuple[str, float]:
    """Return an angle as D.MMSS and what exactly that says."""
    whole, rest = divmod(round(angle * 3600), 3600)
    return f"{whole}.{rest // 60:02}{rest % 60:02}", whole + (rest // 60) / 60 + (rest % 60) / 3600


def boundary_points(
    path: Path, shapes: Mapping[str, shapely.Polygon], *, zone: str = "38", prefix: float = 38e6, letter: str = "J",
    is_closed: bool = True, count_off: int = 0, encoding: str = "gb18030",
) -> Path:  # fmt: skip
    """Write a boundary-point file: north first, three decimals."""
    lines = [
        "[属性描述]", "格式版本号=1.01版本", "数据产生单位=样例单位", "数据产生日期=2026-06-30", "坐标系=2000国家大地坐标系", "几度分带=3",
        "投影类型=高斯克吕格", "计量单位=米", f"带号={zone}", "精度=0.001", "转换参数=,,,,,,", "[地块坐标]",
    ]  # fmt: skip
    for i, (code, shape) in enumerate(shapes.items()):
        points = list(shape.exterior.coords)[: None if is_closed else -1]
        stated = len(points) + (count_off if i == 1 else 0)
        lines.append(f"{stated},{area_m2(shape) / 1e4:.4f},{code},{NAMES[i % 12]},面,,,,@")
        for n, (x, y) in enumerate(points):
            number = 1 if is_closed and n == len(points) - 1 else n + 1
            lines.append(f"{letter}{number},1,{y:.3f},{x + prefix:.3f}")
    path.write_bytes(("\r\n".join(lines) + "\r\n").encode(encoding))
    return path


def workbook(path: Path, sheets: Mapping[str, Callable[[xlsxwriter.Workbook, Any], None]]) -> Path:
    book = xlsxwriter.Workbook(path)
    for name, fill in sheets.items():
        fill(book, book.add_worksheet(name))
    book.close()
    return path


def zipped(path: Path, files: Mapping[str, Path | bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content if isinstance(content, bytes) else content.read_bytes())
    return path


def parts_of(path: Path, folder: str = "") -> dict[str, Path]:
    return {f"{folder}{p.name}": p for p in sorted(path.parent.glob(f"{path.stem}.*"))}


def plot_delivery(file: Path, shapes: Mapping[str, shapely.Geometry], **more: Any) -> Made:
    return Made(file, "suspected_plot", shapes, **more)


def outfall_delivery(file: Path, pairs: Mapping[str, tuple[float, float]], **more: Any) -> Made:
    return Made(file, "outfall", true_spots(pairs), **more)


# --- twenty clean ones ---


@clean
def package(folder: Path) -> Made:
    shapes = plots(1)
    named = {(code, "plot_name"): f"{NAMES[i]}地块{i}" for i, code in enumerate(shapes)}
    return plot_delivery(vector(folder / "地块.gpkg", frame_of(shapes)), shapes, cells=named)


@clean
def package_with_prefix(folder: Path) -> Made:
    shapes = plots(2)
    return plot_delivery(vector(folder / "地块.gpkg", frame_of(shapes).to_crs("EPSG:4526")), shapes)


@clean
def package_in_degrees(folder: Path) -> Made:
    shapes = plots(3)
    return plot_delivery(vector(folder / "地块.gpkg", frame_of(shapes).to_crs("EPSG:4490")), shapes)


@clean
def shapefile_utf8(folder: Path) -> Made:
    shapes = plots(4)
    named = {(code, "plot_name"): f"{NAMES[i]}地块{i}" for i, code in enumerate(shapes)}
    return plot_delivery(shapefile(folder / "dk.shp", frame_of(shapes), "UTF-8", "UTF-8"), shapes, cells=named)


@clean
def shapefile_gbk(folder: Path) -> Made:
    shapes = plots(5)
    named = {(code, "plot_name"): f"{NAMES[i]}地块{i}" for i, code in enumerate(shapes)}
    return plot_delivery(shapefile(folder / "dk.shp", frame_of(shapes), "GBK", "GBK"), shapes, cells=named)


@clean
def shapefile_gbk_by_language_byte(folder: Path) -> Made:
    shapes = plots(6)
    named = {(code, "plot_name"): f"{NAMES[i]}地块{i}" for i, code in enumerate(shapes)}
    return plot_delivery(shapefile(folder / "dk.shp", frame_of(shapes), "GBK", None, 0x4D), shapes, cells=named)


@clean
def shapefile_in_capitals(folder: Path) -> Made:
    shapes = plots(7)
    for part in parts_of(shapefile(folder / "dk.shp", frame_of(shapes), "UTF-8", "UTF-8")).values():
        part.rename(part.with_name(part.name.upper()))
    return plot_delivery(folder / "DK.SHP", shapes)


@clean
def geodatabase(folder: Path) -> Made:
    shapes = plots(8)
    return plot_delivery(vector(folder / "地块.gdb", frame_of(shapes), driver="OpenFileGDB", layer="DK"), shapes)


@clean
def nested_zip(folder: Path) -> Made:
    shapes = plots(9)
    inner = zipped(folder / "内.zip", parts_of(shapefile(folder / "dk.shp", frame_of(shapes), "UTF-8", "UTF-8"), "图/"))
    return plot_delivery(zipped(folder / "报送.zip", {"材料/内.zip": inner}), shapes)


@clean
def geojson(folder: Path) -> Made:
    shapes = plots(10)
    written = {code: shapely.set_precision(in_crs(s, "EPSG:4326"), 1e-11) for code, s in shapes.items()}
    file = vector(
        folder / "地块.geojson",
        frame_of(shapes).set_geometry(list(written.values()), crs="EPSG:4326"),
        COORDINATE_PRECISION=11,
    )
    return plot_delivery(file, {code: in_crs(s, CRS, "EPSG:4490") for code, s in written.items()})


@clean
def placemarks(folder: Path) -> Made:
    degrees = spots(11)
    marks = "".join(
        f"<Placemark><name>{NAMES[i]}</name><ExtendedData><Data name='排污口编码'><value>{code}</value></Data></ExtendedData>"
        f"<Point><coordinates>{x},{y},0</coordinates></Point></Placemark>"
        for i, (code, (x, y)) in enumerate(degrees.items())
    )
    text = f"<?xml version='1.0' encoding='UTF-8'?><kml xmlns='http://www.opengis.net/kml/2.2'><Document>{marks}</Document></kml>"
    (folder / "排口.kml").write_text(text, encoding="utf-8")
    return outfall_delivery(folder / "排口.kml", degrees)


@clean
def csv_in_degrees(folder: Path) -> Made:
    degrees = spots(12)
    return outfall_delivery(outfall_ledger(folder / "排口.csv", degrees), degrees)


@clean
def csv_in_gbk(folder: Path) -> Made:
    degrees = spots(13)
    named = {(code, "outfall_name"): f"{NAMES[i]}排口{i}" for i, code in enumerate(degrees)}
    return outfall_delivery(outfall_ledger(folder / "排口.csv", degrees, "gbk"), degrees, cells=named)


@clean
def csv_spelled_in_dms(folder: Path) -> Made:
    spelled = {code: (dms(x), dms(y)) for code, (x, y) in spots(14).items()}
    file = outfall_ledger(folder / "排口.csv", {c: (x[0], y[0]) for c, (x, y) in spelled.items()})
    return outfall_delivery(file, {c: (x[1], y[1]) for c, (x, y) in spelled.items()})


@clean
def csv_in_metres(folder: Path) -> Made:
    true = true_spots(spots(15))
    rows = [(code, f"{NAMES[i]}排口{i}", f"{p.x:.6f}", f"{p.y:.6f}") for i, (code, p) in enumerate(true.items())]
    file = ledger(folder / "排口.csv", ("排污口编码", "排污口名称", "东坐标", "北坐标"), rows)
    return Made(file, "outfall", true, settings={"crs": CRS, "x": "东坐标", "y": "北坐标"})


@clean
def workbook_with_merged_header(folder: Path) -> Made:
    parts = {code: (dms(x), dms(y)) for code, (x, y) in spots(16).items()}

    def fill(book: Any, sheet: Any) -> None:
        form = book.add_format({"bold": True, "align": "center"})
        sheet.merge_range(0, 0, 0, 7, "样例县入河排污口排查台账", form)
        for column, title in enumerate(("排污口编码", "排污口名称")):
            sheet.merge_range(1, column, 2, column, title, form)
        for column, title in ((2, "经度"), (5, "纬度")):
            sheet.merge_range(1, column, 1, column + 2, title, form)
            for k, unit in enumerate("度分秒"):
                sheet.write(2, column + k, unit)
        for i, (code, ((x, _), (y, _))) in enumerate(parts.items()):
            cells = [
                float(v) for text in (x, y) for v in text.replace("°", " ").replace("′", " ").replace("″", "").split()
            ]
            sheet.write_row(3 + i, 0, [code, f"{NAMES[i]}排口", *cells])

    file = workbook(folder / "排口.xlsx", {"台账": fill})
    return outfall_delivery(file, {c: (x[1], y[1]) for c, (x, y) in parts.items()})


@clean
def workbook_in_wide_digits_and_serial_dates(folder: Path) -> Made:
    degrees = spots(17)
    wide = str.maketrans("0123456789.", "０１２３４５６７８９．")

    def fill(_: Any, sheet: Any) -> None:
        sheet.write_row(0, 0, ["排污口编码", "排污口名称", "经度", "纬度", "排查日期", "排放量"])
        for i, (code, (x, y)) in enumerate(degrees.items()):
            sheet.write_row(
                1 + i,
                0,
                [code, f"{NAMES[i]}排口", str(x).translate(wide), str(y).translate(wide), 45838, "１，２３４．５"],
            )

    file = workbook(folder / "排口.xlsx", {"台账": fill})
    return outfall_delivery(file, degrees, cells={(next(iter(degrees)), "flow_t_d"): 1234.5})


@clean
def old_excel(folder: Path) -> Made:
    degrees = spots(18)
    rows = [[code, f"{NAMES[i]}排口", x, y] for i, (code, (x, y)) in enumerate(degrees.items())]
    return outfall_delivery(
        old_workbook(folder / "排口.xls", [["排污口编码", "排污口名称", "经度", "纬度"], *rows]), degrees
    )


@clean
def points_with_prefix(folder: Path) -> Made:
    shapes = plots(19)
    return plot_delivery(boundary_points(folder / "界址点.txt", shapes), shapes)


@clean
def points_open_without_letter(folder: Path) -> Made:
    shapes = plots(20)
    file = boundary_points(folder / "界址点.txt", shapes, prefix=0.0, letter="", is_closed=False, encoding="utf-8")
    return plot_delivery(file, shapes)


# --- forty with one fault: the text and the tables ---


@faulty
def no_code_page(folder: Path) -> Made:
    shapes = plots(21)
    named = {(code, "plot_name"): f"{NAMES[i]}地块{i}" for i, code in enumerate(shapes)}
    file = shapefile(folder / "dk.shp", frame_of(shapes), "GBK", None)
    return plot_delivery(file, shapes, cells=named, expected=("code_page_missing",), says="GB18030|GBK")


@faulty
def wrong_code_page(folder: Path) -> Made:
    shapes = plots(22)
    named = {(code, "plot_name"): f"{NAMES[i]}地块{i}" for i, code in enumerate(shapes)}
    file = shapefile(folder / "dk.shp", frame_of(shapes), "GBK", "UTF-8")
    return plot_delivery(file, shapes, cells=named, expected=("code_page_wrong",), says="(?i)cpg.*|UTF-8")


@faulty
def cut_names(folder: Path) -> Made:
    """Four letters of three bytes each do not fit into ten bytes: the name ends in the middle of its last letter."""
    shapes = plots(23)
    names = {"地块编码": "DKBM", "地块名称": "MC1", "行业类型": "MC2", "用地面积": "YDMJ"}
    file = shapefile(folder / "dk.shp", frame_of(shapes), "UTF-8", "UTF-8", names=names)
    data = file.with_suffix(".dbf").read_bytes()
    for short, whole in (("MC1", "地块名称"), ("MC2", "行业类型")):
        data = data.replace(short.encode().ljust(11, b"\0"), whole.encode()[:10].ljust(11, b"\0"), 1)
    file.with_suffix(".dbf").write_bytes(data)
    return plot_delivery(file, shapes, expected=("name_cut",), says="地块名称")


@faulty
def merged_headers_with_subtotals(folder: Path) -> Made:
    degrees = spots(24)

    def fill(_: Any, sheet: Any) -> None:
        sheet.merge_range(0, 0, 0, 4, "样例县入河排污口台账")
        sheet.merge_range(1, 0, 2, 0, "排污口编码")
        sheet.merge_range(1, 1, 2, 1, "排污口名称")
        sheet.merge_range(1, 2, 1, 3, "位置")
        sheet.write_row(2, 2, ["经度", "纬度"])
        sheet.merge_range(1, 4, 2, 4, "排放量（t/d）")
        row = 3
        for i, (code, (x, y)) in enumerate(degrees.items()):
            sheet.write_row(row, 0, [code, f"{NAMES[i]}排口", x, y, 10.0])
            row += 1
            if i % 6 == 5:
                sheet.write_row(row, 0, ["小计", "", "", "", 60.0])
                row += 1
        sheet.write_row(row, 0, ["合计", "", "", "", 120.0])

    return outfall_delivery(
        workbook(folder / "排口.xlsx", {"台账": fill}), degrees, expected=("subtotal_row",), says="小计|合计"
    )


@faulty
def hidden_sheet(folder: Path) -> Made:
    degrees = spots(25)

    def fill(count: int) -> Callable[[Any, Any], None]:
        def write(_: Any, sheet: Any) -> None:
            sheet.write_row(0, 0, ["排污口编码", "排污口名称", "经度", "纬度"])
            for i, (code, (x, y)) in enumerate(list(degrees.items())[:count]):
                sheet.write_row(1 + i, 0, [code, f"{NAMES[i]}排口", x, y])
            if count < len(degrees):
                sheet.hide()

        return write

    file = workbook(folder / "排口.xlsx", {"2026年": fill(12), "旧台账": fill(5)})
    return outfall_delivery(file, degrees, expected=("hidden_sheet",), says="旧台账")


@faulty
def units_mixed_in_a_column(folder: Path) -> Made:
    shapes = plots(26)
    areas = [area_m2(s) for s in shapes.values()]
    said = [(f"{a:.1f}平方米", f"{a / (2000 / 3):.4f}亩", f"{a / 1e4:.5f}公顷")[i % 3] for i, a in enumerate(areas)]
    file = vector(folder / "地块.gpkg", frame_of(shapes, 用地面积=said))
    return plot_delivery(file, shapes, expected=("unit_mixed",), says="亩")


@faulty
def dates_in_the_wrong_order(folder: Path) -> Made:
    shapes = plots(27)
    first, then = ["2025-03-01"] * 12, ["2025-08-01"] * 12
    then[4] = "2024-08-01"
    file = vector(folder / "地块.gpkg", frame_of(shapes, 通知日期=first, 调查完成日期=then))
    return plot_delivery(file, shapes, expected=("dates_out_of_order",), says="2024-08-01", rows=(list(shapes)[4],))


@faulty
def zeros_lost(folder: Path) -> Made:
    """Class codes kept as numbers have lost the zero they begin with."""
    shapes = coverage(28)
    file = land_patches(folder, shapes, DLBM=np.full(len(shapes), 103))
    return Made(file, "land_patch", shapes, expected=("code_restored",), says="0103")


@faulty
def code_list_violated(folder: Path) -> Made:
    shapes = plots(29)
    trades = [TRADES[i % 5] for i in range(12)]
    trades[7] = "外星工业"
    file = vector(folder / "地块.gpkg", frame_of(shapes, 行业类型=trades))
    return plot_delivery(file, shapes, expected=("bad_code",), says="外星工业", rows=(list(shapes)[7],))


@faulty
def milligrams_are_micrograms(folder: Path) -> Made:
    random = np.random.default_rng(30)
    rows = [
        (f"D{i % 4}", f"2025-{1 + i // 4:02}-05", round(v, 1), 7.2) for i, v in enumerate(random.uniform(300, 1400, 40))
    ]
    file = ledger(folder / "水质.csv", ("断面编码", "采样日期", "氨氮(mg/L)", "溶解氧(mg/L)"), rows)
    return Made(file, "water_sample", expected=("unit_suspected",), says="除以 1000|μg|微克")


@faulty
def wrong_county_code(folder: Path) -> Made:
    shapes = coverage(31)
    seats = ["4102990010010000000"] * len(shapes)
    seats[8] = "4102040010010000000"
    file = land_patches(folder, shapes, ZLDWDM=seats)
    return Made(file, "land_patch", shapes, expected=("wrong_county",), says="410299", rows=(list(shapes)[8],))


@faulty
def key_twice(folder: Path) -> Made:
    degrees = spots(32)
    first = next(iter(degrees))
    x, y = 114.2222, 34.8111
    file = outfall_ledger(folder / "排口.csv", degrees)
    file.write_bytes(file.read_bytes() + f"{first},又一排口,{x},{y}\r\n".encode())
    return outfall_delivery(file, degrees, expected=("duplicate_key",), says=first, rows=(first,))


# --- the coordinates ---


@faulty
def no_prj(folder: Path) -> Made:
    shapes = plots(33)
    file = shapefile(folder / "dk.shp", frame_of(shapes), "UTF-8", "UTF-8")
    file.with_suffix(".prj").unlink()
    return plot_delivery(file, shapes, expected=("crs_inferred",), says="114°", besides=("missing_part",))


@faulty
def wrong_zone(folder: Path) -> Made:
    shapes = plots(34)
    file = vector(folder / "地块.gpkg", frame_of(shapes).set_crs("EPSG:4548", allow_override=True))
    return plot_delivery(file, shapes, expected=("wrong_zone",), says="--as cgcs2000-3-114")


@faulty
def prefix_kept(folder: Path) -> Made:
    shapes = plots(35)
    frame = frame_of(shapes).to_crs("EPSG:4526").set_crs(CRS, allow_override=True)
    file = shapefile(folder / "dk.shp", frame, "UTF-8", "UTF-8")
    return plot_delivery(file, shapes, expected=("prefix_contradicts",), says="--as cgcs2000-3-38")


@faulty
def prefix_lost(folder: Path) -> Made:
    shapes = plots(36)
    file = vector(folder / "地块.gpkg", frame_of(shapes).set_crs("EPSG:4526", allow_override=True))
    return plot_delivery(file, shapes, expected=("prefix_contradicts",), says="--as cgcs2000-3-114")


@faulty
def swapped_file(folder: Path) -> Made:
    shapes = plots(37)
    turned = {code: shapely.transform(s, lambda xy: xy[:, ::-1]) for code, s in shapes.items()}
    frame = frame_of(shapes).set_geometry(list(turned.values()), crs=CRS)
    return plot_delivery(
        vector(folder / "地块.gpkg", frame), shapes, expected=("swapped_xy",), says="--as cgcs2000-3-114-swapped"
    )


@faulty
def swapped_rows(folder: Path) -> Made:
    degrees = spots(38)
    bad = tuple(list(degrees)[i] for i in (2, 9))
    written = {code: (y, x) if code in bad else (x, y) for code, (x, y) in degrees.items()}
    file = outfall_ledger(folder / "排口.csv", written)
    return outfall_delivery(file, degrees, expected=("swapped_xy",), says="写反|颠倒", rows=bad)


@faulty
def degrees_in_sixtieths(folder: Path) -> Made:
    said = {code: (sixtieths(x), sixtieths(y)) for code, (x, y) in spots(39, 24).items()}
    file = outfall_ledger(folder / "排口.csv", {c: (x[0], y[0]) for c, (x, y) in said.items()})
    return outfall_delivery(
        file, {c: (x[1], y[1]) for c, (x, y) in said.items()}, expected=("crs_inferred",), says="度.分秒"
    )


@faulty
def styles_mixed_in_a_column(folder: Path) -> Made:
    """Decimal degrees, degrees-minutes-seconds, and metres with and without prefix in one column."""
    degrees, written, true = spots(40), {}, {}
    for i, (code, (x, y)) in enumerate(degrees.items()):
        east, north = (float(v) for v in moved(np.array([[x, y]]), "EPSG:4490", CRS)[0])
        exact = (dms(x)[1], dms(y)[1]) if i in (3, 4) else (x, y)
        written[code] = {
            3: (dms(x)[0], dms(y)[0]), 4: (dms(x)[0], dms(y)[0]),
            6: (f"{east + 38e6:.6f}", f"{north:.6f}"), 7: (f"{east:.6f}", f"{north:.6f}"),
        }.get(i, (x, y))  # fmt: skip
        true[code] = exact
    file = outfall_ledger(folder / "排口.csv", written)
    rows = tuple(list(degrees)[i] for i in (6, 7))
    return outfall_delivery(file, true, expected=("reading_settled",), says="CGCS2000", rows=rows)


def _offset(folder: Path, seed: int, write: Callable[[np.ndarray], np.ndarray], name: str) -> Made:
    """Return plots drawn on a map service, with the workspace's own plots as reference."""
    shapes = plots(seed)
    degrees = {code: in_crs(s, "EPSG:4490") for code, s in shapes.items()}
    drawn = {code: shapely.transform(s, write) for code, s in degrees.items()}
    frame = frame_of(shapes).set_geometry(list(drawn.values()), crs="EPSG:4490")
    stated = {code: in_crs(s, CRS, "EPSG:4490") for code, s in drawn.items()}
    reference = np.array(list(degrees.values()), dtype=object)
    file = vector(folder / "地块.gpkg", frame)
    return plot_delivery(file, stated, expected=("offset_suspected",), says=name, reference=reference)


@faulty
def gcj02(folder: Path) -> Made:
    return _offset(folder, 41, gcj02_from_degrees, "--as gcj02")


@faulty
def bd09(folder: Path) -> Made:
    return _offset(folder, 42, bd09_from_degrees, "--as bd09")


@faulty
def beijing54(folder: Path) -> Made:
    shapes = plots(43)
    file = vector(folder / "地块.gpkg", frame_of(shapes).set_crs("EPSG:2435", allow_override=True))
    return plot_delivery(file, shapes, expected=("not_convertible",), says="北京54")


@faulty
def xian80(folder: Path) -> Made:
    shapes = plots(44)
    file = boundary_points(folder / "界址点.txt", shapes)
    data = file.read_bytes().replace("2000国家大地坐标系".encode("gb18030"), "1980西安坐标系".encode("gb18030"))
    file.write_bytes(data)
    return plot_delivery(file, shapes, expected=("not_convertible",), says="西安80", besides=("boundary_file",))


@faulty
def degrees_called_metres(folder: Path) -> Made:
    shapes = plots(45)
    frame = frame_of(shapes).to_crs("EPSG:4490").set_crs(CRS, allow_override=True)
    return plot_delivery(
        vector(folder / "地块.gpkg", frame), shapes, expected=("crs_unit_contradicts",), says="--as degrees"
    )


@faulty
def kilometres(folder: Path) -> Made:
    shapes = plots(46)
    small = {code: shapely.transform(s, lambda xy: xy / 1000.0) for code, s in shapes.items()}
    frame = frame_of(shapes).set_geometry(list(small.values()), crs=CRS)
    return plot_delivery(
        vector(folder / "地块.gpkg", frame), shapes, expected=("crs_unit_contradicts",), says="--as cgcs2000-3-114-km"
    )


@faulty
def header_zone_against_numbers(folder: Path) -> Made:
    shapes = plots(47)
    file = boundary_points(folder / "界址点.txt", shapes, zone="39")
    return plot_delivery(file, shapes, expected=("wrong_zone",), says="带号与坐标不符", besides=("boundary_file",))


@faulty
def default_point(folder: Path) -> Made:
    degrees = spots(48)
    bad = tuple(list(degrees)[i] for i in (1, 5, 8))
    written = {code: (0, 0) if code in bad else pair for code, pair in degrees.items()}
    return outfall_delivery(
        outfall_ledger(folder / "排口.csv", written),
        degrees,
        expected=("default_point",),
        says="默认",
        rows=bad,
        besides=("duplicate_geometry",),
    )


@faulty
def outside_region(folder: Path) -> Made:
    degrees = spots(49)
    bad = list(degrees)[5]
    degrees[bad] = (116.404, 39.915)
    return outfall_delivery(
        outfall_ledger(folder / "排口.csv", degrees),
        degrees,
        expected=("outside_region",),
        says="区域之外",
        rows=(bad,),
    )


# --- the shapes ---


def _with_shape(
    folder: Path, seed: int, at: int, shape: shapely.Geometry, expected: str, says: str, **more: Any
) -> Made:
    """Twelve plots of which one has a fault of shape."""
    shapes = plots(seed)
    bad = list(shapes)[at]
    shapes[bad] = shape
    file = vector(folder / "地块.gpkg", frame_of(shapes, 用地面积=[None] * len(shapes)))
    return plot_delivery(file, shapes, expected=(expected,), says=says, rows=(bad,), **more)


@faulty
def bow_tie(folder: Path) -> Made:
    x, y = 505_000.0, 3_855_000.0
    tie = shapely.Polygon([(x, y), (x + 100, y + 100), (x + 100, y), (x, y + 100)])
    return _with_shape(folder, 50, 3, tie, "invalid_refused", "Self-intersection|自相交")


@faulty
def drawn_twice(folder: Path) -> Made:
    return _with_shape(folder, 51, 9, list(plots(51).values())[2], "duplicate_geometry", "相同", besides=("overlap",))


@faulty
def drawn_nearly_twice(folder: Path) -> Made:
    moved_a_little = shapely.transform(list(plots(52).values())[2], lambda xy: xy + 0.3)
    return _with_shape(folder, 52, 9, moved_a_little, "near_duplicate", "几乎|IoU|%", besides=("overlap",))


@faulty
def overlapping(folder: Path) -> Made:
    half_aside = shapely.transform(list(plots(53).values())[2], lambda xy: xy + np.array([50.0, 0.0]))
    return _with_shape(folder, 53, 9, half_aside, "overlap", "重叠")


@faulty
def spike(folder: Path) -> Made:
    x, y = 505_000.0, 3_855_000.0
    spiked = shapely.Polygon(
        [
            (x, y),
            (x + 100, y),
            (x + 100, y + 49.9),
            (x + 180, y + 50),
            (x + 100, y + 50.1),
            (x + 100, y + 100),
            (x, y + 100),
        ]
    )
    return _with_shape(folder, 54, 3, spiked, "spike", "尖刺")


def coverage(seed: int, side: int = 5) -> dict[str, shapely.Polygon]:
    """Return land patches without gaps: a net of quadrilaterals of some 100 m, by identifier."""
    random = np.random.default_rng(seed)
    steps = np.arange(side + 1)
    net = np.stack(np.meshgrid(steps, steps), axis=-1) * 100.0 + random.uniform(-20, 20, (side + 1, side + 1, 2))
    net = (net + np.array([502_000.0, 3_852_000.0])).round(3)
    return {
        f"410299{seed:04}{i * side + j:08}": shapely.Polygon([net[i, j], net[i, j + 1], net[i + 1, j + 1], net[i + 1, j]])
        for i in range(side) for j in range(side)
    }  # fmt: skip


def land_patches(folder: Path, shapes: Mapping[str, shapely.Geometry], **columns: Any) -> Path:
    told = {
        "BSM": list(shapes), "DLBM": ["0103"] * len(shapes), "ZLDWDM": ["4102990010010000000"] * len(shapes),
        "TBMJ": [round(area_m2(s), 2) for s in shapes.values()],
    }  # fmt: skip
    return vector(folder / "DLTB.gpkg", gpd.GeoDataFrame({**told, **columns}, geometry=list(shapes.values()), crs=CRS))


@faulty
def sliver(folder: Path) -> Made:
    shapes = coverage(55)
    x, y = 502_000.0, 3_853_000.0
    shapes["410299005500000099"] = shapely.box(x, y, x + 60, y + 0.2)
    file = land_patches(folder, shapes)
    return Made(
        file, "land_patch", shapes, expected=("sliver",), says="狭长", rows=("410299005500000099",), besides=("gap",)
    )


@faulty
def gap(folder: Path) -> Made:
    """Draw one township inside the coverage back from its neighbour by about half a metre."""
    shapes = dict(zip((f"4102991{i:02}" for i in range(25)), coverage(56).values(), strict=True))
    code = list(shapes)[12]
    corners = np.array(shapes[code].exterior.coords)[:4]
    corners[1] -= [0.5, 0.0]
    corners[2] -= [0.4, 0.0]
    shapes[code] = shapely.intersection(shapely.Polygon(corners), shapes[code])
    told = {"XZQDM": list(shapes), "XZQMC": [f"{NAMES[i % 12]}乡{i}" for i in range(25)]}
    file = vector(folder / "XZQ.gpkg", gpd.GeoDataFrame(told, geometry=list(shapes.values()), crs=CRS))
    return Made(file, "township", shapes, expected=("gap",), says="未被任何图斑覆盖")


def _area(folder: Path, seed: int, factor: float, says: str) -> Made:
    shapes = plots(seed)
    said = [round(area_m2(s) * factor, 5) for s in shapes.values()]
    file = vector(folder / "地块.gpkg", frame_of(shapes, 用地面积=said))
    return plot_delivery(file, shapes, expected=("area_disagrees",), says=says, rows=tuple(shapes))


@faulty
def area_in_mu(folder: Path) -> Made:
    return _area(folder, 57, 3 / 2000, "亩")


@faulty
def point_count_wrong(folder: Path) -> Made:
    shapes = plots(58)
    file = boundary_points(folder / "界址点.txt", shapes, count_off=2)
    return plot_delivery(file, shapes, expected=("boundary_file",), says="界址点数与实际不符", rows=(list(shapes)[1],))


# --- the files ---


@faulty
def cut_file(folder: Path) -> Made:
    shapes = plots(59)
    file = vector(folder / "地块.gpkg", frame_of(shapes))
    data = file.read_bytes()
    file.write_bytes(data[: len(data) * 2 // 3])
    return plot_delivery(file, {}, expected=("unreadable_file",), says="地块.gpkg")


@faulty
def encrypted_zip(folder: Path) -> Made:
    """Set the flag that tells an encrypted member in both headers."""
    source = outfall_ledger(folder / "排口.csv", spots(60))
    file = zipped(folder / "报送.zip", {"排口.csv": source})
    data = bytearray(file.read_bytes())
    for mark, at in ((b"PK\3\4", 6), (b"PK\1\2", 8)):
        start = data.index(mark) + at
        struct.pack_into("<H", data, start, struct.unpack_from("<H", data, start)[0] | 1)
    file.write_bytes(bytes(data))
    return Made(file, "outfall", expected=("unreadable_file",), says="(?i)encrypt|加密|密码|password")


def make(name: str, folder: Path) -> Made:
    """Make one of the sixty into an empty folder."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return (CLEAN | FAULTY)[name](folder)
