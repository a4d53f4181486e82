"""Shapefile tables in every encoding, with right, wrong and no hints; cut names; doubly encoded and destroyed texts."""

from __future__ import annotations

import json
import sqlite3
import struct
from contextlib import closing

import geopandas as gpd
import numpy as np
import pyogrio
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st
from intake_toy import CRS, point

from geosys._errors import DeliveryError
from geosys.layers.dbf import complete_names, settle_dbf, settle_dbf_encoding
from geosys.layers.encodings import decode_bytes, decode_data, family_of, judge_encoding
from geosys.layers.mojibake import mend_mojibake, undo
from geosys.layers.naming import words_of
from geosys.layers.readers import read_delivery
from geosys.layers.reading import Reading
from geosys.layers.spec import read_catalogue

WORDS = ["地块编码", "地块名称", "地块位置", "土壤污染风险", "行业类型"]
VALUES = ["大清沟村东侧地块", "开封市化工总厂原址", "城关镇加油站"]
TRADITIONAL = ["臺北縣淡水鎮", "高雄市前鎮區", "許功蓋的農場"]
SILENT = 0x00
WRONG = {"GBK": "UTF-8", "GB18030": "UTF-8", "UTF-8": "GBK", "Big5": "936"}
FAMILY = {"GBK": "GB18030", "GB18030": "GB18030", "UTF-8": "UTF-8", "Big5": "Big5"}


def raw_dbf(names, rows, language=SILENT, width=40):
    """Return the bytes of a DBF of text fields; names and values are bytes, cut where old software cuts them."""
    length = 1 + width * len(names)
    head = struct.pack("<BBBBIHH17xBxx", 3, 124, 1, 1, len(rows), 33 + 32 * len(names), length, language)
    fields = b"".join(n[:10].ljust(11, b"\0") + b"C" + struct.pack("<4xBB14x", width, 0) for n in names)
    body = b"".join(b" " + b"".join(v[:width].ljust(width) for v in row) for row in rows)
    return head + fields + b"\r" + body + b"\x1a"


def shapefile(folder, names, rows, *, cpg=None, language=SILENT, width=40):
    """Write a shapefile of points whose table has these bytes."""
    path = folder / "地块.shp"
    frame = gpd.GeoDataFrame({"n": range(len(rows))}, geometry=[point(100 * k, 0) for k in range(len(rows))], crs=CRS)
    pyogrio.write_dataframe(frame, path)
    path.with_suffix(".cpg").unlink()
    path.with_suffix(".dbf").write_bytes(raw_dbf(names, rows, language, width))
    if cpg is not None:
        path.with_suffix(".cpg").write_text(cpg)
    return path


def kinds(reading):
    return [issue.issue_type for issue in reading.issues]


def judged(texts, codec, hints=None, words=()):
    return judge_encoding([(t.encode(codec), False) for t in texts], hints or {}, words)


# The verdict


@pytest.mark.parametrize("encoding", ["GBK", "GB18030", "UTF-8", "Big5"])
@pytest.mark.parametrize("hint", ["none", "right", "wrong", "machine", "right byte", "wrong byte"])
def test_bytes_decide_and_hints_are_told_when_they_are_wrong(tmp_path, encoding, hint):
    values = TRADITIONAL if encoding == "Big5" else VALUES
    name = "地塊名稱" if encoding == "Big5" else "地块位置"
    names = [b"CODE", name.encode(encoding)[:9] if encoding == "UTF-8" else name.encode(encoding)]
    byte = {"GBK": 0x4D, "GB18030": 0x4D, "Big5": 0x4F, "UTF-8": SILENT}[encoding]
    opposite = 0x4D if encoding in ("UTF-8", "Big5") else 0x4F
    cpg = {"right": encoding, "wrong": WRONG[encoding], "machine": "ANSI 1252"}.get(hint)
    language = {"right byte": byte, "wrong byte": opposite}.get(hint, SILENT)
    path = shapefile(tmp_path, names, [(b"A", v.encode(encoding)) for v in values], cpg=cpg, language=language)
    reading = read_delivery(path, None, None, WORDS)
    assert reading.columns[next(c for c in reading.columns if c != "CODE")].tolist() == values
    assert FAMILY[encoding] in reading.evidence.split(" ")[0]
    is_silent = hint in ("none", "machine") or (hint == "right byte" and byte == SILENT)
    expected = ["code_page_missing"] if is_silent else ["code_page_wrong"] if hint.startswith("wrong") else []
    assert [k for k in kinds(reading) if k.startswith("code_page")] == expected


def test_the_verdict_says_why_in_both_languages(tmp_path):
    path = shapefile(tmp_path, ["地块名称".encode("gbk")], [(v.encode("gbk"),) for v in VALUES], cpg="UTF-8")
    text = settle_dbf(path, None, WORDS)
    assert text.encoding == "gb18030"
    assert text.evidence.en.startswith(
        "GB18030 (judged on the bytes): all 4 non-ASCII texts decode; of 27 letters 27 frequent"
    )
    assert ".cpg = UTF-8" in text.evidence.en
    assert "UTF-8 fails on 4" in text.evidence.en
    assert text.evidence.zh.startswith("GB18030（按字节判断）：4 条非 ASCII 文字全部可解")
    [issue] = text.issues
    assert (issue.issue_type, issue.before, issue.after) == ("code_page_wrong", ".cpg = UTF-8", "GB18030")
    assert settle_dbf_encoding(path, None) == ("gb18030", settle_dbf(path, None, ()).evidence.en)


def test_plain_ascii_is_fine_whatever_the_hints_say(tmp_path):
    path = shapefile(tmp_path, [b"DKBM"], [(b"A1",), (b"B2",)], cpg="Big5", language=0x4D)
    text = settle_dbf(path, None, WORDS)
    assert text.encoding == "UTF-8"
    assert text.names == ("DKBM",)
    assert text.issues == ()


# Letters of no list of ours: all of level 1 of GB 2312, each as likely as the next.
LEVEL_1 = [bytes((a, b)).decode("gb2312") for a in range(0xB0, 0xD7) for b in range(0xA1, 0xFF)]
ENDS = ["村", "镇", "厂", "沟", "河", "地块", "排污口", "有限公司", "污水处理厂"]


@pytest.mark.parametrize("codec", ["gbk", "utf-8"])
def test_three_hundred_random_names_are_read_whole(codec):
    rng = np.random.default_rng(7)
    names = ["".join(rng.choice(LEVEL_1, rng.integers(1, 4))) + str(rng.choice(ENDS)) for _ in range(300)]
    verdict = judged(names, codec)
    assert [decode_bytes(n.encode(codec), verdict.encoding) for n in names] == names
    for at in range(0, 300, 3):  # three names alone are enough, or are refused, and never read wrongly
        three = names[at : at + 3]
        try:
            verdict = judged(three, codec)
        except DeliveryError:
            continue
        assert [decode_bytes(n.encode(codec), verdict.encoding) for n in three] == three


def test_most_single_names_are_clear_and_none_is_misread():
    rng = np.random.default_rng(11)
    refused = 0
    for _ in range(300):
        name = "".join(rng.choice(LEVEL_1, rng.integers(1, 4))) + str(rng.choice(ENDS))
        try:
            verdict = judged([name], "gbk")
        except DeliveryError:
            refused += 1
        else:
            assert verdict.ranking[0].name == "GB18030", name
    assert refused < 150


def test_a_close_call_is_refused_with_both_readings_and_how_to_state_it():
    raw = "帮扶".encode("gbk")  # 堆痴 in Big5: both of common letters
    with pytest.raises(DeliveryError) as caught:
        judge_encoding([(raw, False)], {}, (), name="a.shp")
    assert caught.value.issue_type == "encoding_unclear"
    message = str(caught.value)
    assert message.startswith(
        "a.shp: got texts that may be GB18030 ('帮扶') or Big5 ('堆痴'), expected one clear encoding. "
    )
    assert 'encoding = "gb18030" or encoding = "big5"' in message
    assert judge_encoding([(raw, False)], {}, (), stated="gb18030").encoding == "gb18030"
    assert judge_encoding([(raw, False)], {}, (), stated="big5").encoding == "cp950"


def test_a_hint_settles_what_is_nearly_clear_but_no_tie():
    nearly, tie = "村东".encode("gbk"), "帮扶".encode("gbk")
    with pytest.raises(DeliveryError):
        judge_encoding([(nearly, False)], {}, ())
    assert judge_encoding([(nearly, False)], {".cpg": "936"}, ()).encoding == "gb18030"
    for raw, said in ((nearly, "Big5"), (tie, "936"), (tie, "Big5")):
        with pytest.raises(DeliveryError):
            judge_encoding([(raw, False)], {".cpg": said}, ())


def test_known_words_settle_what_letters_do_not():
    raw = "帮扶".encode("gbk")
    assert judge_encoding([(raw, False), ("堆痴".encode("gbk"), False)], {}, ["帮扶", "堆痴"]).encoding == "gb18030"


def test_texts_that_are_hardly_chinese_in_any_reading_are_refused():
    with pytest.raises(DeliveryError) as caught:
        judge_encoding([(f"Z\xfcrich {k} M\xfcnchen".encode("latin-1"), False) for k in range(9)], {}, ())
    assert caught.value.issue_type == "encoding_unclear"


@pytest.mark.parametrize("text", ["Café", "Zürich", "Łódź", "ガス", "ｶﾞｽ会社"])
def test_other_languages_in_utf_8_are_utf_8(text):
    assert judged([text], "utf-8").encoding == "utf-8"


def test_a_table_of_two_encodings_is_refused_with_counts():
    cells = (
        [(v.encode("gbk"), False) for v in VALUES[:2]] + [(VALUES[2].encode("utf-8"), False)] + [(b"\xff\xff", False)]
    )
    with pytest.raises(DeliveryError, match=r"UTF-8 \(3 of 4 do not decode\) nor GB18030 \(\d of 4 .*'encoding'"):
        judge_encoding(cells, {}, ())


def test_four_byte_letters_the_euro_sign_and_half_width_katakana():
    texts = ["木业㙍有限公司", "𠮷林村", "ｶﾞｽ站", "5€每吨", *VALUES]
    assert len("㙍".encode("gb18030")) == 4
    verdict = judged(texts, "gb18030")
    assert [decode_bytes(t.encode("gb18030"), verdict.encoding) for t in texts] == texts
    windows = judge_encoding(
        [(b"5\x80" + "每吨".encode("gbk"), False), *((v.encode("gbk"), False) for v in VALUES)], {}, ()
    )
    assert decode_bytes(b"5\x80" + "每吨".encode("gbk"), windows.encoding) == "5€每吨"


@pytest.mark.parametrize("codec", ["gbk", "gb18030", "utf-8"])
@pytest.mark.parametrize("width", range(6, 16))
def test_a_value_cut_at_the_width_of_its_field_counts_against_no_encoding(codec, width):
    long = "木业㙍排污口大清沟" if codec == "gb18030" else "大清沟排污口木业厂"
    cells = [(v.encode(codec)[:width], len(v.encode(codec)) >= width) for v in [long, *VALUES]]
    verdict = judge_encoding(cells, {}, ())
    assert verdict.encoding == ("utf-8" if codec == "utf-8" else "gb18030")
    kept = decode_bytes(cells[0][0], verdict.encoding, is_full=True)
    assert long.startswith(kept)
    assert len(long[: len(kept) + 1].encode(codec)) > width


def test_a_value_damaged_inside_is_not_taken_for_a_cut_one():
    with pytest.raises(DeliveryError):
        judge_encoding([(b"\xff" + VALUES[0].encode("gbk"), True), (VALUES[1].encode("gbk"), True)], {}, ())


@given(st.integers(0, 2**32))
def test_forty_texts_are_never_misread(seed):
    rng = np.random.default_rng(seed)
    texts = ["".join(rng.choice(LEVEL_1, rng.integers(1, 6))) for _ in range(40)]
    for codec in ("gb18030", "utf-8"):
        assert judged(texts, codec).encoding == codec


@pytest.mark.parametrize(
    ("name", "family"),
    [("GBK", "GB18030"), ("cp936", "GB18030"), ("936", "GB18030"), ("gb2312", "GB18030"), ("ANSI 936", "GB18030"), ("utf8", "UTF-8"),
     ("65001", "UTF-8"), ("BIG5", "Big5"), ("950", "Big5"), ("OEM", None), ("ISO-8859-1", None), ("", None)],
)  # fmt: skip
def test_what_a_code_page_is_called(name, family):
    assert family_of(name) == family


# Names


def cut(names, codec):
    return [n.encode(codec)[:10] for n in names]


def test_names_cut_in_the_middle_of_a_letter_are_completed_and_told(tmp_path):
    names = ["地块编码", "地块名称", "行业类型"]
    path = shapefile(tmp_path, cut(names, "utf-8"), [tuple(v.encode() for v in VALUES)])
    reading = read_delivery(path, None, None, WORDS)
    assert list(reading.columns) == names
    told = [i for i in reading.issues if i.issue_type == "name_cut"]
    assert [(i.before, i.after) for i in told] == [
        ("地块编", "地块编码"),
        ("地块名", "地块名称"),
        ("行业类", "行业类型"),
    ]


def test_a_cut_name_that_nobody_knows_or_two_begin_with_is_told_and_not_guessed():
    names, issues = complete_names(cut(["监测断面", "地块名称"], "utf-8"), "utf-8", ["地块名称", "地块名称全称"])
    assert names == ("监测断", "地块名")
    assert [(i.before, i.after) for i in issues] == [("监测断", ""), ("地块名", "")]
    assert "地块名称、地块名称全称" in issues[1].message.zh


def test_two_columns_cut_to_the_same_name_are_both_kept():
    names, issues = complete_names(
        cut(["土壤污染风险一", "土壤污染风险二"], "gbk"), "gbk", ["土壤污染风险一", "土壤污染风险二"]
    )
    assert names == ("土壤污染风", "土壤污染风 (2)")
    assert issues == []  # five whole letters fill the field: nothing says that they were cut
    names, issues = complete_names(cut(["地块名称", "地块名称"], "utf-8"), "utf-8", ["地块名称"])
    assert len(set(names)) == 2
    assert len(issues) == 2
    assert all(not i.after for i in issues)


def test_a_name_that_fills_its_field_is_completed_only_where_it_is_no_name_itself():
    assert complete_names(cut(["土壤污染风险"], "gbk"), "gbk", WORDS)[0] == ("土壤污染风险",)
    assert complete_names(cut(["土壤污染风险"], "gbk"), "gbk", [*WORDS, "土壤污染风"]) == (("土壤污染风",), [])
    assert complete_names(cut(["地块"], "gbk"), "gbk", WORDS) == (("地块",), [])


def test_every_long_name_of_every_layer_is_completed_or_told_never_misnamed():
    for spec in read_catalogue().layers.values():
        words = words_of(spec)
        for title in {f.title.zh for f in spec.fields.values() if len(f.title.zh.encode()) > 10}:
            raw = title.encode()[:10]
            left = raw.decode("utf-8", "ignore")
            (name,), issues = complete_names([raw], "utf-8", words)
            rivals = {w for w in words if w.encode().startswith(raw)}
            assert name == (title if rivals == {title} else left), (spec.id, title)
            assert bool(issues) == (name != left or left.encode() != raw), (spec.id, title)


# Other formats


def test_a_csv_is_judged_in_each_encoding():
    for codec, name in (("utf-8-sig", "utf-8"), ("utf-8", "utf-8"), ("gbk", "gb18030"), ("cp950", "cp950")):
        text = (
            "地塊名稱,所在鄉鎮\r\n臺北縣淡水鎮,高雄市前鎮區\r\n"
            if codec == "cp950"
            else "地块名称,乡镇\r\n大清沟村,城关镇\r\n"
        )
        assert decode_data(text.encode(codec), "a.csv", None, WORDS)[0] == text
        assert decode_data(text.encode(codec), "a.csv", None, WORDS)[1].encoding == name


def test_geojson_in_gbk_is_read_and_told_also_with_braces_in_its_letters(tmp_path):
    text = "誠信\u8a9d\u7008村大清沟"  # whose second bytes are backslash and letters of ASCII
    feature = {
        "type": "Feature",
        "properties": {"地块名称": text},
        "geometry": {"type": "Point", "coordinates": [114, 34]},
    }
    path = tmp_path / "a.geojson"
    path.write_bytes(json.dumps({"type": "FeatureCollection", "features": [feature]}, ensure_ascii=False).encode("gbk"))
    reading = read_delivery(path, None, None, WORDS)
    assert reading.columns["地块名称"].tolist() == [text]
    assert kinds(reading) == ["code_page_wrong"]


def test_a_geopackage_with_gbk_inside_is_read_and_told(tmp_path):
    path = tmp_path / "a.gpkg"
    frame = gpd.GeoDataFrame({"地块名称": VALUES}, geometry=[point(k, 0) for k in range(3)], crs=CRS)
    pyogrio.write_dataframe(frame, path, layer="a")
    with closing(sqlite3.connect(path)) as store:
        for (trigger,) in store.execute("select name from sqlite_master where type = 'trigger'").fetchall():
            store.execute(f'drop trigger "{trigger}"')
        for value in VALUES:
            store.execute("update a set 地块名称 = cast(? as text) where 地块名称 = ?", (value.encode("gbk"), value))
        store.commit()
    reading = read_delivery(path, None, None, WORDS)
    assert {k: v.tolist() for k, v in reading.columns.items()} == {"地块名称": VALUES}
    assert kinds(reading) == ["code_page_wrong"]


# Texts that were spoiled before


def reading_of(**columns):
    return Reading("a", {k: np.array([*v, None], dtype=object)[:-1] for k, v in columns.items()})


WAYS = [("latin-1", "utf-8"), ("latin-1", "gb18030"), ("gb18030", "utf-8")]


@pytest.mark.parametrize("way", WAYS)
def test_a_column_encoded_twice_is_undone_when_every_value_comes_back(way):
    true = [
        v for v in ("大清沟排污", "开封化工", "城关镇加油站甲", "村东", "河南省开封市", "东村化工") if undoable(v, way)
    ]
    assert len(true) >= 2
    spoiled = [v.encode(way[1]).decode(way[0]) for v in true]
    mended = mend_mojibake(reading_of(名称=[*spoiled, "A1", None], 好=[*true, "A1", None]))
    assert mended.columns["名称"].tolist() == [*true, "A1", None]
    assert mended.columns["好"].tolist() == [*true, "A1", None]
    [issue] = mended.issues
    assert (issue.issue_type, issue.value, issue.row) == ("mojibake", "名称", -1)
    assert issue.before.split("、")[0] == spoiled[0]
    assert issue.after.split("、")[0] == true[0]


def undoable(text, way):
    try:
        return undo(text.encode(way[1]).decode(way[0]), way) == text
    except UnicodeDecodeError:
        return False


def test_a_column_of_which_a_part_does_not_come_back_is_told_and_left():
    spoiled = [v.encode().decode("latin-1") for v in VALUES]
    column = [*spoiled, "手写的新值"]
    mended = mend_mojibake(reading_of(名称=column))
    assert mended.columns["名称"].tolist() == column
    [issue] = mended.issues
    assert issue.issue_type == "mojibake"
    assert issue.after == ""
    assert "3" in issue.message.en
    assert VALUES[0] in issue.message.en


def test_names_encoded_twice_are_put_right_with_their_values():
    name = "地块名称".encode().decode("latin-1")
    mended = mend_mojibake(reading_of(**{name: VALUES, "CODE": ["1", "2", "3"]}))
    assert list(mended.columns) == ["地块名称", "CODE"]
    assert [(i.before, i.after) for i in mended.issues] == [(name, "地块名称")]


@pytest.mark.parametrize(
    "texts",
    [
        VALUES,
        TRADITIONAL,
        ["Café", "Zürich", "Ærø", "naïve"],
        ["Łódź", "Český Těšín"],
        ["㎡", "μg/L", "±0.5℃", "（一）"],
        ["Москва", "Київ"],
        ["①", "Ⅲ类"],
    ],
)
def test_good_texts_are_left_alone(texts):
    reading = reading_of(名称=texts)
    assert mend_mojibake(reading) is reading


@given(st.lists(st.text(st.characters(codec="utf-8"), max_size=12), max_size=8))
def test_nothing_is_lost_or_raised_on_any_text(texts):
    mended = mend_mojibake(reading_of(名称=texts))
    assert len(mended.columns["名称"]) == len(texts)
    if mended.columns["名称"].tolist() != texts:
        assert any(i.after for i in mended.issues)


@pytest.mark.parametrize("spoiled", ["大\ufffd沟", "锟斤拷", "????", "？？？"])
def test_destroyed_texts_are_told_as_lost(spoiled):
    mended = mend_mojibake(reading_of(名称=["好", spoiled]))
    assert [(i.issue_type, i.before) for i in mended.issues] == [("text_lost", spoiled)]


def test_deleted_records_and_empty_tables_do_not_count(tmp_path):
    path = shapefile(tmp_path, [b"NAME"], [(b"A",), (b"B",)])
    data = bytearray(path.with_suffix(".dbf").read_bytes())
    first = data.index(b"\r") + 1
    data[first : first + 4] = b"*\xff\xff\xff"
    path.with_suffix(".dbf").write_bytes(data)
    assert settle_dbf(path, None, ()).evidence.en.startswith("plain ASCII")
    path.with_suffix(".dbf").write_bytes(raw_dbf([b"NAME"], []))
    assert settle_dbf(path, None, ()).names == ("NAME",)


def test_shapely_reads_what_stands_beside(tmp_path):
    path = shapefile(tmp_path, ["地块名称".encode("gbk")], [(v.encode("gbk"),) for v in VALUES])
    assert shapely.equals(read_delivery(path, None, None, WORDS).geometry[1], point(100, 0))
