"""Shapefiles and geodatabases that are written, read back by two GDALs and by a plain reader of our own."""

from __future__ import annotations

import datetime as dt
import math
import struct

import fiona
import geopandas as gpd
import numpy as np
import pandas as pd
import pyogrio
import pytest
import shapely
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from intake_toy import CRS, point, square

from geosys.content import content_root, read_csv
from geosys.layers import vector_files, vector_out
from geosys.layers.dbf_out import short_names
from geosys.layers.dictionary import END, full_names
from geosys.layers.domains import aliases_in, domains_in
from geosys.layers.readers import read_delivery
from geosys.layers.spec import read_catalogue
from geosys.layers.vector_out import LossError, short_names_of, write_geodatabase, write_shapefile

DONUT = shapely.Polygon([(0, 0), (9, 0), (9, 9), (0, 9)], [[(3, 3), (3, 6), (6, 6), (6, 3)]])


PLOTS = ["大清沟村东侧地块", None, "开封市化工总厂原址"]


def read_dbf(path, codec):
    """Read a DBF with nothing but struct: names and, for each record, the texts of its fields without padding."""
    data = path.read_bytes()
    count, start, length = struct.unpack("<IHH", data[4:12])
    assert len(data) == start + count * length + 1
    parts = [data[at : at + 32] for at in range(32, start - 1, 32)]
    fields = [(p[:11].rstrip(b"\0").decode(codec), p[11:12].decode(), p[16]) for p in parts]
    rows = []
    for k in range(count):
        record, at, row = data[start + k * length : start + (k + 1) * length], 1, []
        for _, _, size in fields:
            row.append(record[at : at + size].decode(codec).strip(" "))
            at += size
        rows.append(row)
    return fields, rows


def town():
    """Return a frame of every kind of value, each with a gap."""
    return gpd.GeoDataFrame(
        {
            "地块名称": PLOTS,
            "永久基本农田图斑编号": ["JN0001", "JN0002", None],
            "is_removed": pd.Series([True, False, None], dtype=object),
            "面积": [0.1 + 0.2, math.nan, 1.2345678901234568e-10],
            "人口": pd.array([2**53, None, -7], dtype="Int64"),
            "列入名录日期": [dt.date(2025, 6, 30), None, dt.date(1999, 12, 31)],
        },
        geometry=[square(0, 0), None, DONUT],
        crs=CRS,
    )


SHORT = {"永久基本农田图斑编号": "基农图斑号", "is_removed": "移出名录", "列入名录日期": "列名录日"}


@pytest.mark.parametrize(("encoding", "codec"), [("GBK", "gbk"), ("GB18030", "gb18030"), ("UTF-8", "utf-8")])
def test_a_shapefile_reads_back_equal_by_two_gdals_and_a_plain_reader(tmp_path, encoding, codec):
    path, frame = tmp_path / "地块.shp", town()
    written = write_shapefile(path, frame, SHORT if encoding != "UTF-8" else None, encoding)
    names = list(written.names.values())
    assert names == (
        ["地块名称", "基农图斑号", "移出名录", "面积", "人口", "列名录日"]
        if encoding != "UTF-8"
        else ["地块名", "永久基", "is_removed", "面积", "人口", "列入名"]
    )
    fields, rows = read_dbf(path.with_suffix(".dbf"), codec)
    assert [(n, k) for n, k, _ in fields] == list(zip(names, "CCCFND", strict=True))
    assert rows == [
        ["大清沟村东侧地块", "JN0001", "是", "0.30000000000000004", "9007199254740992", "20250630"],
        ["", "JN0002", "否", "", "", ""],
        ["开封市化工总厂原址", "", "", "1.2345678901234568e-10", "-7", "19991231"],
    ]
    by_pyogrio = pyogrio.read_dataframe(path)
    assert list(by_pyogrio.columns) == [*names, "geometry"]
    assert by_pyogrio[names[0]].astype(object).where(by_pyogrio[names[0]].notna(), None).tolist() == PLOTS
    assert by_pyogrio[names[3]].tolist()[::2] == frame["面积"].tolist()[::2]
    assert math.isnan(by_pyogrio[names[3]][1])
    assert by_pyogrio[names[4]].dropna().tolist() == [2**53, -7]
    assert pd.to_datetime(by_pyogrio[names[5]]).dt.date.tolist()[::2] == frame["列入名录日期"].tolist()[::2]
    assert by_pyogrio.crs == CRS
    with fiona.open(path) as source:
        features = list(source)
        assert list(source.schema["properties"]) == names
    assert [f.properties[names[0]] for f in features] == PLOTS
    assert [f.properties[names[3]] for f in features] == [0.1 + 0.2, None, 1.2345678901234568e-10]
    assert [f.properties[names[4]] for f in features] == [2**53, None, -7]
    assert [f.properties[names[5]] for f in features] == ["2025-06-30", None, "1999-12-31"]
    shapes = [None if f.geometry is None else shapely.geometry.shape(f.geometry) for f in features]
    for got in (shapes, by_pyogrio.geometry.tolist()):
        assert got[1] is None
        assert shapely.equals(got[0], frame.geometry[0])
        assert shapely.equals(got[2], DONUT)
        assert sorted(map(tuple, shapely.get_coordinates(got[2]))) == sorted(map(tuple, shapely.get_coordinates(DONUT)))


def test_our_own_reader_knows_the_full_names_and_accuses_nobody(tmp_path):
    path = tmp_path / "地块.shp"
    write_shapefile(path, town(), SHORT)
    reading = read_delivery(path, None, None, [])
    assert reading.issues == ()
    assert (
        reading.titles
        == full_names(path)
        == dict(zip(["地块名称", *SHORT.values(), "面积", "人口"], ["地块名称", *SHORT, "面积", "人口"], strict=True))
    )
    assert reading.columns["移出名录"].tolist() == ["是", "否", None]
    assert path.with_suffix(".cpg").read_text() == "GBK"
    assert path.with_suffix(".prj").read_text().startswith('PROJCS["CGCS2000')
    assert path.with_suffix(".dbf").read_bytes()[29] == 0x4D
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted(
        [f"地块{END}", "地块.cpg", "地块.dbf", "地块.prj", "地块.shp", "地块.shx"]
    )


def test_three_hundred_names_and_values_come_back(tmp_path):
    rng = np.random.default_rng(3)
    letters = [
        bytes((a, b)).decode("gbk")
        for a in range(0x81, 0xFF)
        for b in [*range(0x40, 0x7F), *range(0x80, 0xFF)]
        if known(a, b)
    ]
    columns = list(dict.fromkeys("".join(rng.choice(letters, rng.integers(1, 9))) for _ in range(120)))
    values = ["".join(rng.choice(letters, rng.integers(1, 12))) for _ in range(300)]
    frame = gpd.GeoDataFrame(dict.fromkeys(columns, values), geometry=[point(k, 0) for k in range(300)], crs=CRS)
    path = tmp_path / "a.shp"
    names = write_shapefile(path, frame).names
    short = list(names.values())
    assert len({n.lower() for n in short}) == len(columns)
    assert max(len(n.encode("gbk")) for n in short) <= 10
    fields, rows = read_dbf(path.with_suffix(".dbf"), "gbk")
    assert [f[0] for f in fields] == short
    assert {tuple(r) for r in zip(*rows, strict=True)} == {tuple(values)}
    back = pyogrio.read_dataframe(path)
    assert list(back.columns)[:-1] == short
    assert all(back[n].tolist() == values for n in short)
    with fiona.open(path) as source:
        assert list(source.schema["properties"]) == short
        assert [list(f.properties.values()) for f in source] == [[v] * len(short) for v in values]
    assert full_names(path) == {s: c for c, s in names.items()}


def known(a, b):
    try:
        return bytes((a, b)).decode("gbk").isprintable() and a not in (0xA1, 0xA8)
    except UnicodeDecodeError:
        return False


@given(
    texts=st.lists(
        st.text(st.characters(codec="gb18030", exclude_characters="\0"), max_size=20), min_size=1, max_size=6
    ),
    numbers=st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=6),
    integers=st.lists(st.integers(-(2**53), 2**53), min_size=1, max_size=6),
    dates=st.lists(st.dates(), min_size=1, max_size=6),
)
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_whatever_is_written_reads_back_or_is_told(tmp_path, texts, numbers, integers, dates):
    size = min(map(len, (texts, numbers, integers, dates)))
    table = {"t": texts[:size], "n": numbers[:size], "i": integers[:size], "d": dates[:size]}
    frame = gpd.GeoDataFrame(
        {k: pd.Series(v, dtype=object) for k, v in table.items()}, geometry=[point(0, 0)] * size, crs=CRS
    )
    written = write_shapefile(tmp_path / "a.shp", frame, encoding="GB18030")
    _, rows = read_dbf(tmp_path / "a.dbf", "gb18030")
    assert [float(r[1]) for r in rows] == table["n"]
    assert [int(r[2]) for r in rows] == table["i"]
    assert [dt.date(int(r[3][:4]), int(r[3][4:6]), int(r[3][6:])) for r in rows] == table["d"]
    assert [r[0] for r in rows] == [t.strip(" ") for t in table["t"]]
    told = {loss.kind for loss in written.losses}
    assert ("blank_ends" in told) == any(t != t.strip(" ") for t in table["t"])
    assert ("empty_text" in told) == any(not t for t in table["t"])
    back = pyogrio.raw.read(tmp_path / "a.shp")[3]
    assert back[1].tolist() == table["n"]
    assert back[2].tolist() == table["i"]


# What a shapefile cannot hold


def one(**columns):
    size = len(next(iter(columns.values())))
    return gpd.GeoDataFrame(
        {k: pd.Series(v, dtype=object) for k, v in columns.items()},
        geometry=[point(k, 0) for k in range(size)],
        crs=CRS,
    )


@pytest.mark.parametrize(
    ("kind", "values", "kept"),
    [
        ("letters", ["木业㙍", "好"], ["木业〓", "好"]),
        ("letters", ["a\0b"], ["a〓b"]),
        ("long_text", ["长" * 128], ["长" * 127]),
        ("long_integer", [2**53 + 1, None], ["9007199254740993", ""]),
        ("not_finite", [math.inf, 1.5], ["", "1.5"]),
        ("mixed_types", ["文字", 5, dt.date(2025, 1, 1)], ["文字", "5", "2025-01-01"]),
    ],
)
def test_a_loss_is_refused_and_nothing_written_unless_it_is_accepted(tmp_path, kind, values, kept):
    path = tmp_path / "a.shp"
    with pytest.raises(LossError) as caught:
        write_shapefile(path, one(名称=values))
    assert str(caught.value).startswith("a.shp: got values that a shapefile cannot hold, expected none. ")
    assert f"[{kind}]" in str(caught.value)
    assert "名称" in str(caught.value)
    assert list(tmp_path.iterdir()) == []
    written = write_shapefile(path, one(名称=values), accepted=[kind])
    assert [loss.kind for loss in written.losses] == [kind]
    assert [r[0] for r in read_dbf(path.with_suffix(".dbf"), "gbk")[1]] == kept


def test_rare_letters_are_kept_in_gb18030(tmp_path):
    write_shapefile(tmp_path / "a.shp", one(名称=["木业㙍", "𠮷"]), encoding="GB18030")
    assert pyogrio.read_dataframe(tmp_path / "a.shp")["名称"].tolist() == ["木业㙍", "𠮷"]
    with fiona.open(tmp_path / "a.shp") as source:
        assert [f.properties["名称"] for f in source] == ["木业㙍", "𠮷"]


def test_254_bytes_are_kept_and_times_of_day_told(tmp_path):
    frame = one(
        长文=["长" * 127, "a" * 254], 时间=[dt.datetime(2025, 6, 30, 8, 5, tzinfo=dt.UTC), None], 空=["", " a "]
    )
    written = write_shapefile(tmp_path / "a.shp", frame)
    assert sorted(loss.kind for loss in written.losses) == ["as_text", "blank_ends", "empty_text"]
    back = pyogrio.read_dataframe(tmp_path / "a.shp")
    assert back["长文"].tolist() == ["长" * 127, "a" * 254]
    assert back["时间"][0] == "2025-06-30T08:05:00+00:00"
    told = (tmp_path / f"a{END}").read_text(encoding="utf-8-sig")
    assert "带时刻的日期写成文字" in told
    assert "空文字" in told


def test_heights_are_dropped_and_told(tmp_path):
    frame = gpd.GeoDataFrame({"a": [1, 2]}, geometry=[shapely.Point(1, 2, 71.5), shapely.Point(3, 4)], crs=CRS)
    written = write_shapefile(tmp_path / "a.shp", frame)
    assert [(loss.kind, loss.message.en) for loss in written.losses] == [
        ("z", "1 geometries lose their heights and measures (Z, M)")
    ]
    assert pyogrio.read_dataframe(tmp_path / "a.shp").geometry.to_wkt().tolist() == ["POINT (1 2)", "POINT (3 4)"]


def test_geometries_of_several_kinds_are_refused_and_multi_ones_kept(tmp_path):
    mixed = gpd.GeoDataFrame({"a": [1, 2]}, geometry=[point(0, 0), square(0, 0)], crs=CRS)
    with pytest.raises(LossError, match="here are: Point, Polygon"):
        write_shapefile(tmp_path / "a.shp", mixed)
    parts = shapely.MultiPolygon([square(0, 0), square(5000, 0)])
    write_shapefile(tmp_path / "a.shp", gpd.GeoDataFrame({"a": [1, 2]}, geometry=[parts, square(0, 0)], crs=CRS))
    assert shapely.equals(pyogrio.read_dataframe(tmp_path / "a.shp").geometry.to_numpy(), [parts, square(0, 0)]).all()
    points = gpd.GeoDataFrame({"a": [1, 2]}, geometry=[point(0, 0), shapely.MultiPoint([(0, 0), (1, 1)])], crs=CRS)
    write_shapefile(tmp_path / "b.shp", points)
    assert shapely.equals(
        pyogrio.read_dataframe(tmp_path / "b.shp").geometry.to_numpy(), points.geometry.to_numpy()
    ).all()


def test_too_many_columns_are_refused(tmp_path):
    with pytest.raises(LossError, match="256 columns"):
        write_shapefile(tmp_path / "a.shp", one(**{f"c{k}": ["x"] for k in range(256)}))


@pytest.mark.parametrize(
    "names",
    [{"名称": "六个字太长了"}, {"名称": ""}, {"名称": "㙍"}, {"名称": "甲", "编号": "甲"}, {"名称": "A", "编号": "a"}],
)
def test_wanted_names_that_cannot_be_are_refused(tmp_path, names):
    with pytest.raises(ValueError, match="expected 1 to 10 bytes"):
        write_shapefile(tmp_path / "a.shp", one(名称=["x"], 编号=["y"]), names)


def test_an_empty_frame_and_one_without_columns(tmp_path):
    write_shapefile(tmp_path / "a.shp", one(名称=["x"]).iloc[:0])
    assert list(pyogrio.read_dataframe(tmp_path / "a.shp").columns) == ["名称", "geometry"]
    write_shapefile(tmp_path / "b.shp", one(名称=["x", "y"])[["geometry"]])
    assert len(pyogrio.read_dataframe(tmp_path / "b.shp")) == 2


def test_a_failure_leaves_the_old_file_whole_and_success_leaves_nothing_old(tmp_path, monkeypatch):
    path = tmp_path / "a.shp"
    write_shapefile(path, one(名称=["旧"]))
    (tmp_path / "a.sbn").write_bytes(b"index of the old file")
    before = {p.name: p.read_bytes() for p in tmp_path.iterdir()}

    def broken(*_):
        raise OSError("disk full")

    for name in ("write_shapes", "dictionary_bytes"):
        with monkeypatch.context() as patch:
            patch.setattr(vector_out, name, broken)
            with pytest.raises(OSError, match="disk full"):
                write_shapefile(path, one(名称=["新"]))
        assert {p.name: p.read_bytes() for p in tmp_path.iterdir()} == before
    true, moves = type(path).replace, []

    def fails_at_the_third(self, target):
        moves.append(target)
        if len(moves) == 9:
            raise OSError("disk full")
        return true(self, target)

    with monkeypatch.context() as patch:
        patch.setattr(type(path), "replace", fails_at_the_third)
        with pytest.raises(OSError, match="disk full"):
            write_shapefile(path, one(名称=["新"]))
    assert {p.name: p.read_bytes() for p in tmp_path.iterdir()} == before
    write_shapefile(path, one(名称=["新"]))
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted(set(before) - {"a.sbn"})
    assert pyogrio.read_dataframe(path)["名称"].tolist() == ["新"]


def test_the_same_frame_gives_the_same_bytes(tmp_path):
    for name in ("x", "y"):
        write_shapefile(tmp_path / name / "a.shp", town(), SHORT, day=dt.date(2026, 9, 30))
    for part in (tmp_path / "x").iterdir():
        assert part.read_bytes() == (tmp_path / "y" / part.name).read_bytes(), part.name
    assert (tmp_path / "x" / "a.dbf").read_bytes()[1:4] == bytes([126, 9, 30])


# Short names of the layers


def test_every_column_of_every_layer_has_a_short_name_that_gbk_holds():
    file = content_root() / "layers" / "short_names.csv"
    titles = {t.zh for spec in read_catalogue().layers.values() for t in spec.titles.values()}
    used = [row["title"] for row in read_csv(file, ("title", "short_name"))]
    assert len(used) == len(set(used))
    assert set(used) <= titles
    for spec in read_catalogue().layers.values():
        names = short_names_of(spec.titles, file)
        assert list(names) == list(spec.titles)
        assert short_names(list(names), names, "gbk") == names, spec.id


# Geodatabases


def test_a_geodatabase_keeps_aliases_whole_numbers_and_values(tmp_path):
    path, frame = tmp_path / "一张图.gdb", town().rename(columns={"人口": "RK", "面积": "MJ"})
    frame["n"] = [2**60, -1, 0]
    other = gpd.GeoDataFrame({"DM": ["01"]}, geometry=[point(0, 0)], crs="EPSG:4490")
    write_geodatabase(
        path, {"DKXX": frame, "DIAN": other}, {"DKXX": "地块信息"}, {"DKXX": {"RK": "人口 & 户", "MJ": "面积"}}
    )
    assert sorted(p.name for p in tmp_path.iterdir()) == ["一张图.gdb"]
    reading = read_delivery(path, "DKXX", None, [])
    assert reading.titles == {"RK": "人口 & 户", "MJ": "面积"}
    assert reading.columns["n"].tolist() == [2**60, -1, 0]
    assert reading.columns["MJ"].tolist()[::2] == [0.1 + 0.2, 1.2345678901234568e-10]
    assert reading.columns["地块名称"].tolist() == PLOTS
    assert pyogrio.read_info(path, layer="DKXX")["layer_metadata"]["ALIAS_NAME"] == "地块信息"
    assert shapely.equals(reading.geometry[[0, 2]], frame.geometry.to_numpy()[[0, 2]]).all()
    with fiona.open(path, layer="DKXX") as source:
        features = list(source)
    assert [f.properties["地块名称"] for f in features] == PLOTS
    assert [f.properties["MJ"] for f in features] == [0.1 + 0.2, None, 1.2345678901234568e-10]
    assert [f.properties["n"] for f in features] == [2**60, -1, 0]
    assert read_delivery(path, "DIAN", None, []).crs == "EPSG:4490"
    write_geodatabase(path, {"DIAN": other})
    assert pyogrio.list_layers(path)[:, 0].tolist() == ["DIAN"]


def test_a_geodatabase_that_fails_leaves_the_old_one(tmp_path, monkeypatch):
    path, frame = tmp_path / "a.gdb", one(名称=["x"])
    write_geodatabase(path, {"A": frame})

    def broken(*_):
        raise OSError("disk full")

    monkeypatch.setattr(vector_out, "write_layer", broken)
    with pytest.raises(OSError, match="disk full"):
        write_geodatabase(path, {"B": frame})
    assert pyogrio.list_layers(path)[:, 0].tolist() == ["A"]
    assert [p.name for p in tmp_path.iterdir()] == ["a.gdb"]
    with pytest.raises(ValueError, match="expected at least one"):
        write_geodatabase(path, {})


DOMAIN = """<typens:GPCodedValueDomain2 xsi:type="typens:GPCodedValueDomain2"><DomainName>污染类别</DomainName>
<FieldType>esriFieldTypeString</FieldType><CodedValues xsi:type="typens:ArrayOfCodedValue">
<CodedValue xsi:type="typens:CodedValue"><Name>工业 &amp; 矿山</Name><Code xsi:type="xs:string">1</Code></CodedValue>
<CodedValue xsi:type="typens:CodedValue"><Name>农业</Name><Code xsi:type="xs:string">2</Code></CodedValue>
</CodedValues></typens:GPCodedValueDomain2>"""
TABLE = """<typens:DEFeatureClassInfo><Name>DK</Name><GPFieldInfoExs>
<GPFieldInfoEx xsi:type="typens:GPFieldInfoEx"><Name>LB</Name><AliasName>类别</AliasName><DomainName>污染类别</DomainName></GPFieldInfoEx>
<GPFieldInfoEx xsi:type="typens:GPFieldInfoEx"><Name>BM</Name><AliasName>BM</AliasName><Domain xsi:type="typens:GPRangeDomain2">
<DomainName>范围</DomainName></Domain></GPFieldInfoEx></GPFieldInfoExs></typens:DEFeatureClassInfo>"""


def test_coded_domains_of_a_delivered_geodatabase_are_kept(tmp_path, monkeypatch):
    items = [("污染类别", DOMAIN), ("范围", "<typens:GPRangeDomain2/>"), ("DK", TABLE)]
    assert aliases_in(items, "DK") == {"LB": "类别"}
    assert domains_in(items, "DK") == {"LB": {"1": "工业 & 矿山", "2": "农业"}}
    path = tmp_path / "a.gdb"
    write_geodatabase(path, {"DK": one(LB=["1"], BM=["A"])})
    true = pyogrio.raw.read

    def with_domain(file, **options):
        result = true(file, **options)
        if options.get("layer") == "GDB_Items":
            return (*result[:3], [np.array(column, dtype=object) for column in zip(*items, strict=True)])
        return result

    monkeypatch.setattr(vector_files.pyogrio.raw, "read", with_domain)
    reading = read_delivery(path, "DK", None, [])
    assert reading.columns["LB"].tolist() == ["1"]
    assert reading.titles == {"LB": "类别"}
    assert "LB (1=工业 & 矿山, 2=农业)" in reading.evidence


def test_a_definition_made_to_hurt_expands_nothing():
    bomb = (
        '<!DOCTYPE x [<!ENTITY a "'
        + "b" * 1000
        + '">'
        + "".join(f'<!ENTITY a{k} "{"&a;" * 50}">' for k in range(50))
        + "]>"
    )
    items = [("DK", bomb + TABLE + "<GPFieldInfoEx" * 20_000), ("污染类别", DOMAIN + "<CodedValue>" * 20_000)]
    assert aliases_in(items, "DK") == {"LB": "类别"}
    assert domains_in(items, "DK")["LB"] == {"1": "工业 & 矿山", "2": "农业"}
