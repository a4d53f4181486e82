"""Archives and folders as senders pack them, and archives that mean harm: bounded, told, and nothing left behind."""

from __future__ import annotations

import io
import struct
import tempfile
import zipfile
import zlib
from pathlib import Path

import geopandas as gpd
import numpy as np
import pyogrio
import pytest
import shapely
import xlsxwriter
from intake_toy import CRS, geojson, square, text_file

from geosys._errors import DeliveryError, TableError
from geosys.layers import archives
from geosys.layers.archives import unpacked
from geosys.layers.readers import list_tables, read_delivery
from geosys.layers.shapefile_parts import index_of

SHAPES = [square(0, 0), square(100, 0), square(200, 0)]
TXT = "[属性描述]\n坐标系=2000国家大地坐标系\n几度分带=3\n带号=38\n[地块坐标]\n4,1,A1,甲,面,,,,@\n" + "\n".join(
    f"J{i},1,{y},{x}"
    for i, (y, x) in enumerate([(3850100, 38500000), (3850100, 38500100), (3850000, 38500100), (3850000, 38500000)], 1)
)


@pytest.fixture(autouse=True)
def private(tmp_path, monkeypatch):
    """Point private folders to one that must be empty after every test."""
    folder = tmp_path / "private"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    yield folder
    assert not list(folder.iterdir())


def shapefile(folder, stem="plots", shapes=SHAPES):
    folder.mkdir(parents=True, exist_ok=True)
    frame = gpd.GeoDataFrame({"DKBM": [f"D{i}" for i in range(len(shapes))]}, geometry=shapes, crs=CRS)
    pyogrio.write_dataframe(frame, folder / f"{stem}.shp", encoding="GBK")
    return folder / f"{stem}.shp"


def parts(tmp_path, stem="plots"):
    path = shapefile(tmp_path / f"parts-{stem}", stem)
    return {file.suffix: file.read_bytes() for file in path.parent.iterdir()}


def zipped(path, members, **options):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, **options) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return path


def packed(members):
    stream = io.BytesIO()
    zipped(stream, members)
    return stream.getvalue()


def old_zip(path, members, encoding="gbk"):
    """Write a zip by hand (stored), names in `encoding` without the UTF-8 flag."""
    body, listing = b"", b""
    for name, data in members.items():
        raw = name.encode(encoding)
        common = struct.pack("<HHHHHIIIHH", 20, 0, 0, 0, 33, zlib.crc32(data), len(data), len(data), len(raw), 0)
        listing += b"PK\1\2" + struct.pack("<H", 20) + common + struct.pack("<HHHII", 0, 0, 0, 0, len(body)) + raw
        body += b"PK\3\4" + common + raw + data
    count = len(members)
    path.write_bytes(
        body + listing + b"PK\5\6" + struct.pack("<HHHHIIH", 0, 0, count, count, len(listing), len(body), 0)
    )
    return path


def read(path, table=None):
    return read_delivery(path, table, None, ("编号", "经度", "纬度"))


def names(path):
    return [table.name for table in list_tables(path)]


def refused(call, path, *words):
    with pytest.raises(DeliveryError) as caught:
        call(path)
    message = str(caught.value)
    assert message.startswith(path.name)
    assert ": got " in message
    assert ", expected " in message
    assert "geosys-" not in message, "the private folder is nobody's business"
    for word in words:
        assert word in message
    return message


# What senders pack


@pytest.mark.parametrize("folder", ["", "报送/", "报送/2026年/"])
def test_a_shapefile_in_a_zip_is_read(tmp_path, folder):
    path = zipped(tmp_path / "a.zip", {f"{folder}地块{s}": d for s, d in parts(tmp_path).items()})
    assert names(path) == [f"{folder}地块.shp"]
    reading = read(path)
    assert reading.table == f"{folder}地块.shp"
    assert reading.columns["DKBM"].tolist() == ["D0", "D1", "D2"]
    assert reading.crs == CRS
    assert shapely.equals(reading.geometry, np.array(SHAPES)).all()
    table = list_tables(path)[0]
    assert (table.format, table.rows, table.geometry, table.is_hidden) == ("shp", 3, "polygon", False)


@pytest.mark.parametrize("encoding", ["gbk", "utf-8"])
def test_chinese_names_that_windows_wrote_without_saying_so_are_repaired(tmp_path, encoding):
    path = old_zip(tmp_path / "a.zip", {f"报送/图斑{s}": d for s, d in parts(tmp_path).items()}, encoding)
    assert names(path) == ["报送/图斑.shp"]
    assert "报送/图斑.shp" in read(path).evidence


def test_a_letter_whose_second_byte_is_a_backslash_is_a_letter(tmp_path):
    letter = "誠"
    assert letter.encode("gbk").endswith(b"\\")
    path = old_zip(tmp_path / "a.zip", {f"{letter}{s}": d for s, d in parts(tmp_path).items()})
    assert names(path) == [f"{letter}.shp"]


def test_several_tables_need_one_to_be_named(tmp_path):
    members = {f"{stem}{s}": d for stem in ("a", "sub/b") for s, d in parts(tmp_path).items()}
    path = zipped(tmp_path / "a.zip", {**members, "说明.txt": "请查收", "x.doc": b"x"})
    assert names(path) == ["a.shp", "sub/b.shp"]
    with pytest.raises(TableError, match=r"a\.zip: got 2 tables and none named, expected one of: a\.shp, sub/b\.shp"):
        read(path)
    assert read(path, "sub/b.shp").size == 3
    assert read(path, "b.shp").table == read(path, "b").table == "sub/b.shp"
    with pytest.raises(TableError, match=r"'c\.shp'"):
        read(path, "c.shp")


@pytest.mark.parametrize(
    "table", ["../../a.shp", "/etc/passwd", "a\\b.shp", "", "./a.shp", "a.shp/../a.shp", "C:a.shp"]
)
def test_a_table_that_leads_out_of_the_archive_is_no_table(tmp_path, table):
    path = zipped(tmp_path / "a.zip", {f"{stem}{s}": d for stem in "ab" for s, d in parts(tmp_path).items()})
    shapefile(tmp_path, "a")
    with pytest.raises(TableError):
        read(path, table)


def test_archives_in_archives_are_named_by_their_path(tmp_path):
    inner = packed({f"地块{s}": d for s, d in parts(tmp_path).items()})
    middle = packed({"里/b.zip": inner})
    path = zipped(tmp_path / "a.zip", {"c.zip": middle})
    assert names(path) == ["c.zip/里/b.zip/地块.shp"]
    assert read(path).size == 3
    refused(list_tables, zipped(tmp_path / "b.zip", {"d.zip": packed({"c.zip": middle})}), "nested more than 3 deep")


def test_a_geodatabase_in_a_zip_is_one_set_of_tables(tmp_path):
    frame = gpd.GeoDataFrame({"DKBM": ["D1"]}, geometry=SHAPES[:1], crs=CRS)
    for layer in ("DLTB", "XZQ"):
        pyogrio.write_dataframe(frame, tmp_path / "x.gdb", layer=layer, driver="OpenFileGDB", append=layer == "XZQ")
    members = {f"库/x.gdb/{file.name}": file.read_bytes() for file in (tmp_path / "x.gdb").iterdir()}
    path = zipped(tmp_path / "a.zip", members)
    assert names(path) == ["库/x.gdb/DLTB", "库/x.gdb/XZQ"]
    assert read(path, "库/x.gdb/XZQ").columns["DKBM"].tolist() == ["D1"]
    assert read(path, "DLTB").size == 1


def test_every_format_in_one_zip(tmp_path):
    pyogrio.write_dataframe(gpd.GeoDataFrame({"A": [1]}, geometry=SHAPES[:1], crs=CRS), tmp_path / "g.gpkg", layer="层")
    geojson(tmp_path / "j.geojson", [({"A": 1}, {"type": "Point", "coordinates": [114, 34]})])
    text_file(tmp_path / "c.csv", "编号,经度,纬度", "A,114,34")
    book = xlsxwriter.Workbook(tmp_path / "x.xlsx")
    for sheet in ("台账", "藏"):
        book.add_worksheet(sheet).write_column(0, 0, ["编号", "A1"])
    book.worksheets()[1].hide()
    book.close()
    files = {f.name: f.read_bytes() for f in tmp_path.iterdir() if f.is_file()} | {"t.TXT": TXT.encode("gbk")}
    path = zipped(tmp_path / "a.zip", files)
    assert names(path) == ["c.csv", "g.gpkg/层", "j.geojson", "t.TXT", "x.xlsx/台账", "x.xlsx/藏"]
    assert [t.name for t in list_tables(path) if t.is_hidden] == ["x.xlsx/藏"]
    for table in names(path):
        assert read(path, table).size == 1
        assert read(path, table).table == table


def test_junk_of_other_systems_is_left_out(tmp_path):
    members = {f"plots{s}": d for s, d in parts(tmp_path).items()}
    junk = {
        "__MACOSX/._plots.shp": b"x",
        "._plots.shp": b"x",
        ".DS_Store": b"x",
        "Thumbs.db": b"x",
        "__MACOSX/sub/a.csv": b"x",
    }
    assert names(zipped(tmp_path / "a.zip", {**junk, **members})) == ["plots.shp"]


@pytest.mark.parametrize("name", ["a.rar", "a.7z", "a.tar", "a.tar.gz"])
def test_another_packer_is_told_to_unpack_first(tmp_path, name):
    (tmp_path / name).write_bytes(b"Rar!\x1a\x07\x00")
    for call in (list_tables, read):
        refused(call, tmp_path / name, "Unpack it first.")
    path = zipped(tmp_path / "b.zip", {f"sub/{name}": b"x"})
    assert names(path) == [f"sub/{name}"]
    refused(read, path, f"b.zip/sub/{name}: got", "Unpack it first.")


def test_a_zip_without_any_table_says_so(tmp_path):
    refused(
        list_tables, zipped(tmp_path / "a.zip", {"说明.docx": b"x", "说明.txt": "你好"}), "nothing that can be read"
    )


def test_a_broken_file_in_an_archive_is_listed_and_named_when_read(tmp_path):
    path = zipped(tmp_path / "a.zip", {"sub/a.gpkg": b"x" * 500, "b.csv": "编号\n1\n"})
    assert names(path) == ["b.csv", "sub/a.gpkg"]
    refused(lambda p: read(p, "sub/a.gpkg"), path, "a.zip/sub/a.gpkg: got")
    assert read(path, "b.csv").size == 1


# Parts of shapefiles


def test_capital_suffixes_mixed_cases_and_parts_in_other_folders(tmp_path):
    made = parts(tmp_path)
    for spelling in (
        {".shp": "A.SHP", ".shx": "A.SHX", ".dbf": "A.DBF", ".prj": "A.PRJ"},
        {".shp": "Plots.shp", ".shx": "plots.SHX", ".dbf": "PLOTS.dbf", ".prj": "plots.prj"},
        {".shp": "图形/a.shp", ".shx": "图形/a.shx", ".dbf": "属性/A.DBF", ".prj": "坐标/a.prj"},
    ):
        path = zipped(tmp_path / "a.zip", {name: made[suffix] for suffix, name in spelling.items()})
        reading = read(path)
        assert names(path) == [spelling[".shp"]]
        assert reading.columns["DKBM"].tolist() == ["D0", "D1", "D2"]
        assert reading.crs == CRS
        found = {i.after for i in reading.issues if i.issue_type == "missing_part"}
        assert found == ({"属性/A.DBF", "坐标/a.prj"} if "图形/a.shp" in names(path) else set())


def test_a_part_is_not_borrowed_from_a_shapefile_of_the_same_name(tmp_path):
    made = parts(tmp_path)
    members = {f"{year}/a{s}": d for year in ("2025", "2026") for s, d in made.items()}
    del members["2026/a.prj"]
    path = zipped(tmp_path / "a.zip", members)
    assert read(path, "2025/a.shp").crs == CRS
    assert read(path, "2026/a.shp").crs is None
    assert missing(read(path, "2026/a.shp")) == [("a.prj", -1)]


def test_a_prj_that_gdal_cannot_express_is_told(tmp_path):
    path = shapefile(tmp_path / "s")
    prj = path.with_suffix(".prj")
    assert b"Greenwich" in prj.read_bytes()
    prj.write_bytes(prj.read_bytes().replace(b"Greenwich", b"Gree\xeewich"))
    refused(read, path, ".prj", "state 'crs'")


def test_an_archive_that_is_not_there_is_told(tmp_path):
    refused(list_tables, tmp_path / "a.zip", "cannot be unpacked")


def test_two_tables_that_could_be_the_same_part_are_refused(tmp_path):
    made = parts(tmp_path)
    members = {"x/a.shp": made[".shp"], "x/a.shx": made[".shx"], "y/a.dbf": made[".dbf"], "z/a.dbf": made[".dbf"]}
    refused(read, zipped(tmp_path / "a.zip", members), "several .dbf files")


def test_the_dictionary_of_short_names_is_no_table_and_goes_with_its_shapefile(tmp_path):
    path = shapefile(tmp_path / "s")
    path.with_name("plots_字段对照.csv").write_text("短名,字段,类型,宽度,说明\nDKBM,parcel_code,C,10,\n", "utf-8-sig")
    assert names(path.parent) == ["plots.shp"]
    assert read(path).titles == {"DKBM": "parcel_code"}
    path.with_suffix(".shx").unlink()
    assert read(path).titles == {"DKBM": "parcel_code"}


def missing(reading):
    return [(i.value, i.row) for i in reading.issues if i.issue_type == "missing_part"]


def test_an_absent_index_is_made_anew_and_told(tmp_path):
    path = shapefile(tmp_path / "s")
    true = path.with_suffix(".shx").read_bytes()
    path.with_suffix(".shx").unlink()
    before = sorted(p.name for p in path.parent.iterdir())
    assert index_of(path) == true
    reading = read(path)
    assert shapely.equals(reading.geometry, np.array(SHAPES)).all()
    assert missing(reading) == [("plots.shx", -1)]
    assert sorted(p.name for p in path.parent.iterdir()) == before


def test_absent_attributes_and_projection_are_told(tmp_path):
    path = shapefile(tmp_path / "s")
    path.with_suffix(".dbf").unlink()
    path.with_suffix(".prj").unlink()
    reading = read(path)
    assert missing(reading) == [("plots.dbf", -1), ("plots.prj", -1)]
    assert reading.size == 3
    assert reading.crs is None


def test_parts_of_two_exports_are_not_paired(tmp_path):
    path = shapefile(tmp_path / "s")
    other = shapefile(tmp_path / "t", shapes=SHAPES[:2])
    path.with_suffix(".dbf").write_bytes(other.with_suffix(".dbf").read_bytes())
    refused(read, path, "3 shapes and 2 rows")
    path = shapefile(tmp_path / "s")
    path.with_suffix(".shx").write_bytes(other.with_suffix(".shx").read_bytes())
    refused(read, path, "2 shapes and 3 rows")


def test_an_index_that_exchanges_two_records_is_refused(tmp_path):
    path = shapefile(tmp_path / "s")
    index = path.with_suffix(".shx")
    data = index.read_bytes()
    index.write_bytes(data[:100] + data[108:116] + data[100:108] + data[116:])
    refused(read, path, "contradicts the .shp at record 1")


def test_a_folder_of_loose_files_is_a_delivery(tmp_path):
    folder = tmp_path / "报送"
    shapefile(folder / "sub")
    text_file(folder / "a.csv", "编号,经度,纬度", "A,114,34")
    zipped(folder / "z.zip", {f"b{s}": d for s, d in parts(tmp_path).items()})
    (folder / ".git").mkdir()
    shapefile(folder / ".git", "hidden")
    assert names(folder) == ["a.csv", "z.zip/b.shp", "sub/plots.shp"]
    assert [read(folder, name).size for name in names(folder)] == [1, 3, 3]
    (tmp_path / "leer").mkdir()
    refused(list_tables, tmp_path / "leer", "nothing that can be read")


# What means harm


@pytest.mark.parametrize(
    "name",
    [
        "../a.csv",
        "/a.csv",
        "x/../../a.csv",
        "C:/a.csv",
        "C:a.csv",
        "x\\..\\a.csv",
        "..\\a.csv",
        "a\nb.csv",
        "a.csv:stream",
        "x/" * 40 + "a.csv",
    ],
)
def test_a_path_that_leads_outside_is_refused(tmp_path, name):
    path = zipped(tmp_path / "a.zip", {"good.csv": "编号\n1\n", name: "编号\n1\n"})
    before = sorted(tmp_path.rglob("*"))
    refused(list_tables, path, "leads outside")
    assert sorted(tmp_path.rglob("*")) == before


def test_a_link_is_refused(tmp_path):
    info = zipfile.ZipInfo("a.csv")
    info.external_attr = 0o120777 << 16
    refused(list_tables, zipped(tmp_path / "a.zip", {info: "/etc/passwd"}), "a link or device")


def test_an_encrypted_member_is_refused_in_words(tmp_path):
    data = bytearray(packed({"a.csv": "编号\n"}))
    for mark, at in ((b"PK\3\4", 6), (b"PK\1\2", 8)):
        data[data.find(mark) + at] |= 1
    (tmp_path / "a.zip").write_bytes(data)
    refused(list_tables, tmp_path / "a.zip", "encrypted", "Send it unencrypted.")


@pytest.mark.parametrize(("method", "word"), [(9, "Deflate64"), (12, "BZip2"), (14, "LZMA"), (77, "method 77")])
def test_a_method_we_do_not_read_is_named(tmp_path, method, word):
    data = bytearray(packed({"a.csv": "编号\n"}))
    for mark, at in ((b"PK\3\4", 8), (b"PK\1\2", 10)):
        data[data.find(mark) + at] = method
    (tmp_path / "a.zip").write_bytes(data)
    refused(list_tables, tmp_path / "a.zip", word)


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_two_members_of_one_name_are_refused_unless_they_are_the_same(tmp_path):
    for second, third in ((b"A\n2\n", False), (b"A\n1\n", True)):
        path = tmp_path / "a.zip"
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("a.csv", b"A\n1\n")
            archive.writestr("a.csv", second)
        if third:
            assert names(path) == ["a.csv"]
        else:
            refused(list_tables, path, "two members named 'a.csv'")


def test_names_that_differ_in_case_only_are_refused(tmp_path):
    refused(list_tables, zipped(tmp_path / "a.zip", {"a.csv": "1", "A.CSV": "1"}), "differ in case only")


def test_a_file_where_a_folder_must_be_is_refused(tmp_path):
    refused(list_tables, zipped(tmp_path / "a.zip", {"a": "1", "a/b.csv": "1"}), "cannot be unpacked")


def test_a_bomb_is_stopped_by_the_bytes_it_writes(tmp_path, monkeypatch):
    monkeypatch.setattr(archives, "RATIO_COUNTS_FROM", 1 << 20)
    path = zipped(tmp_path / "a.zip", {"a.csv": b"0" * (8 << 20)})
    assert path.stat().st_size < (8 << 20) / archives.MOST_RATIO
    refused(list_tables, path, "200 to 1")
    monkeypatch.setattr(archives, "RATIO_COUNTS_FROM", 1 << 30)
    monkeypatch.setattr(archives, "MOST_MEMBER_BYTES", 1 << 20)
    refused(list_tables, path, "a member of more than 1048576 bytes")
    monkeypatch.setattr(archives, "MOST_MEMBER_BYTES", 1 << 30)
    monkeypatch.setattr(archives, "MOST_BYTES", 1 << 20)
    refused(list_tables, path, "more than 1048576 bytes unpacked")
    refused(list_tables, zipped(tmp_path / "b.zip", {"i.zip": path.read_bytes()}), "more than 1048576 bytes unpacked")


def test_a_bomb_that_states_a_small_size_writes_no_more(tmp_path):
    data = bytearray(packed({"a.csv": b"0" * (4 << 20)}))
    at = data.find(b"PK\1\2") + 24
    data[at : at + 4] = struct.pack("<I", 10)
    (tmp_path / "a.zip").write_bytes(data)
    refused(list_tables, tmp_path / "a.zip", "cannot be unpacked")


def test_members_are_counted_over_all_levels(tmp_path, monkeypatch):
    monkeypatch.setattr(archives, "MOST_MEMBERS", 10)
    inner = packed({f"{i}.csv": "A\n1\n" for i in range(6)})
    assert len(names(zipped(tmp_path / "a.zip", {"a.zip": inner}))) == 6
    refused(list_tables, zipped(tmp_path / "b.zip", {"a.zip": inner, "b.zip": inner}), "more than 10 members")
    monkeypatch.setattr(archives, "MOST_DIRECTORY_BYTES", 100)
    refused(list_tables, tmp_path / "a.zip", "more than 10 members")


@pytest.mark.parametrize("data", [b"", b"PK\3\4", b"x" * 100, b"PK\5\6" + b"\0" * 17, b"PK\5\6" + b"\xff" * 18])
def test_bytes_that_are_no_zip_are_refused(tmp_path, data):
    (tmp_path / "a.zip").write_bytes(data)
    refused(list_tables, tmp_path / "a.zip")


def test_a_cut_or_changed_zip_is_refused(tmp_path):
    whole = packed({"a.csv": "编号\n" + "1\n" * 500})
    path = tmp_path / "a.zip"
    for data in (
        whole[:-30],
        whole[: len(whole) // 2],
        whole[10:],
        whole.replace(b"a.csv", b"b.csv", 1),
        whole[:45] + b"\0\0" + whole[47:],
    ):
        path.write_bytes(data)
        refused(list_tables, path)


def test_the_folder_is_removed_when_reading_fails(tmp_path, private):
    path = zipped(tmp_path / "a.zip", {"a.csv": "编号\n"})

    def fail():
        with unpacked(path) as archive:
            assert Path(archive.folder).parent == private
            assert archive.folder.stat().st_mode & 0o077 == 0
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert not list(private.iterdir())
