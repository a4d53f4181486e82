"""Column mappings: what is only alike is proposed and never applied; what a person decided is remembered by sender."""

from __future__ import annotations

import tomllib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from geosys._errors import SpecError
from geosys.layers.delivery import Delivery
from geosys.layers.headers import JOINT
from geosys.layers.mappings import (
    LEAST_SCORE,
    mapping_path,
    propose,
    read_mapping_file,
    read_mappings,
    remember,
    remembered,
)
from geosys.layers.naming import map_columns
from geosys.layers.reading import Reading
from geosys.layers.spec import read_catalogue


@pytest.fixture(scope="module")
def spec():
    return read_catalogue().layers["outfall"]


def reading(*names):
    return Reading("t", {name: np.array(["x", "y"], dtype=object) for name in names})


def delivery(**more):
    return Delivery(path=None, name="a", layer="outfall", **more)


# --- proposals ---


@pytest.mark.parametrize(
    ("column", "field"),
    [
        ("排污口名称及位置", "outfall_name"), ("排污囗名称", "outfall_name"), ("责任主体单位", "entity_name"), ("受纳水体的名称", "river_name"),
        ("outfall_nam", "outfall_name"), (f"基本信息{JOINT}所在的乡镇", "township_name"),
    ],
)  # fmt: skip
def test_what_is_alike_is_proposed_and_not_applied(spec, column, field):
    table = reading("排污口编码", column)
    naming, issues = map_columns(table, spec, delivery())
    assert naming.columns == {"outfall_code": "排污口编码"}
    assert [i.issue_type for i in issues] == ["unmapped_column"]
    found = propose(table, spec, naming)
    assert (found[0].column, found[0].field) == (column, field)
    assert LEAST_SCORE <= found[0].score < 1
    assert found[0].why
    assert [p.score for p in found] == sorted((p.score for p in found), reverse=True)


def test_what_is_not_alike_is_not_proposed(spec):
    table = reading("排污口编码", "咸菜", "列7", "Q")
    naming, _ = map_columns(table, spec, delivery())
    assert propose(table, spec, naming) == []


def test_fields_and_columns_in_use_and_empty_columns_are_not_proposed(spec):
    table = Reading(
        "t",
        {
            n: np.array([v], dtype=object)
            for n, v in {"排污口名称": "甲", "排污口名称2": "乙", "整治类型们": None}.items()
        },
    )
    naming, _ = map_columns(table, spec, delivery())
    assert naming.columns == {"outfall_name": "排污口名称"}
    assert not [p for p in propose(table, spec, naming) if p.field == "outfall_name" or p.column != "排污口名称2"]


@given(st.lists(st.text(min_size=1, max_size=12), max_size=4, unique=True))
def test_no_header_breaks_a_proposal(spec, names):
    table = reading(*names)
    naming, _ = map_columns(table, spec, delivery())
    for proposal in propose(table, spec, naming):
        assert proposal.column in names
        assert proposal.field not in naming.columns
        assert 0 < proposal.score <= 1


# --- remembered by sender ---


def test_what_was_remembered_comes_after_the_plan_and_before_the_aliases(spec):
    table = reading("编号", "自定", "名称", "口名")
    memory = {
        "自定": "outfall_code",
        "口名": "outfall_name",
        "名称": "note",
        "没有": "flow_t_d",
        "编号": "no_such_field",
    }
    naming, _ = map_columns(table, spec, delivery(columns={"名称": "outfall_name"}), memory)
    assert naming.columns["outfall_name"] == "名称", "the plan's own word"
    assert naming.columns["outfall_code"] == "自定", "remembered before the alias 编号"
    assert naming.remembered == {"outfall_code": "自定"}
    assert naming.told()["remembered"] == {"outfall_code": "自定"}
    without, _ = map_columns(table, spec, delivery())
    assert without.columns["outfall_code"] == "编号"
    assert "remembered" not in without.told()


def test_what_is_remembered_reads_back(tmp_path):
    folder = tmp_path / "mappings"
    assert read_mappings(folder) == {}
    path = remember(folder, "城关镇政府", "outfall", {"排口\n“号”": "outfall_code", "a.b = 'c'": "outfall_name"})
    assert path == folder / "城关镇政府.toml"
    remember(folder, "城关镇政府", "river", {"名": "river_name"})
    remember(folder, "城关镇政府", "outfall", {"a.b = 'c'": "note"})
    remember(folder, "乙公司", "outfall", {"甲": "note"})
    mappings = read_mappings(folder)
    assert remembered(mappings, " 城关镇政府 ", "outfall") == {"排口\n“号”": "outfall_code", "a.b = 'c'": "note"}
    assert remembered(mappings, "城关镇政府", "river") == {"名": "river_name"}
    assert remembered(mappings, "乙公司", "outfall") == {"甲": "note"}
    assert remembered(mappings, "丙", "outfall") == {}
    assert sorted(p.suffix for p in folder.iterdir()) == [".toml", ".toml"], "no half-written file is left"


HOSTILE = [
    "../../etc/passwd", "..", ".", "/", "C:\\Windows", "con", "NUL", "com1", "a/b", "a\\b", "a:b", "a\x00b", "a\nb", "A" * 300, "长" * 300, " ", "x.",
    "<b>&\"'", "\ud800", "-rf", "~", "$(rm)", "ａ", "İ", "Straße", "STRASSE", "甲 乙", "甲乙", "ABC", "abc", "é", "📮",
]  # fmt: skip


@pytest.mark.parametrize("sender", [s for s in HOSTILE if s.strip()])
def test_hostile_senders_stay_inside_their_folder_and_read_back(tmp_path, sender):
    folder = tmp_path / "w" / "mappings"
    path = remember(folder, sender, "outfall", {sender: "note"})
    assert path.parent == folder
    assert [p.relative_to(tmp_path).parts[:2] for p in tmp_path.rglob("*") if p.is_file()] == [("w", "mappings")]
    assert len(path.name.encode()) < 200
    assert path.stem.lower() not in {"con", "nul", "com1"}
    assert list(remembered(read_mappings(folder), sender, "outfall").values()) == ["note"]


def test_senders_that_differ_have_files_that_differ_whatever_the_file_system(tmp_path):
    names = [mapping_path(tmp_path, s).name.lower() for s in HOSTILE]
    assert len(set(names)) == len(HOSTILE)
    assert mapping_path(tmp_path, "e\u0301") == mapping_path(tmp_path, "é"), "one name in two spellings of Unicode"


@given(st.dictionaries(st.text(max_size=20), st.text(max_size=20), max_size=4), st.text(min_size=1, max_size=30))
def test_every_mapping_reads_back(tmp_path_factory, columns, sender):
    folder = tmp_path_factory.mktemp("m")
    if not sender.strip():
        with pytest.raises(SpecError, match="got no sender"):
            remember(folder, sender, "outfall", columns)
        return
    remember(folder, sender, "outfall", columns)
    assert remembered(read_mappings(folder), sender, "outfall") == columns


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("sender = 1\n[layers.outfall]\n", "a text"), ("[layers.outfall]\n", "sender"), ('sender = "a"\n', "layers"),
        ('sender = "a"\n[layers]\noutfall = 3\n', "a table of tables"), ('sender = "a"\n[layers.outfall]\n"x" = 3\n', "a table of texts"),
        ('sender = "a"\nlayer = "b"\n[layers.outfall]\n', "a known key"), ("not toml", "TOML"),
    ],
)  # fmt: skip
def test_a_damaged_file_is_named_with_its_fault(tmp_path, text, part):
    (tmp_path / "a.toml").write_text(text, encoding="utf-8")
    with pytest.raises(SpecError, match=part) as caught:
        read_mappings(tmp_path)
    assert str(caught.value).startswith("a.toml")
    with pytest.raises(SpecError):
        remember(tmp_path, "a", "outfall", {})
    assert (tmp_path / "a.toml").read_text(encoding="utf-8") == text, "what a person may still mend is not overwritten"


def test_a_file_of_another_sender_is_not_overwritten(tmp_path):
    (tmp_path / "a.toml").write_text('sender = "b"\n[layers.outfall]\n', encoding="utf-8")
    with pytest.raises(SpecError, match="expected the sender 'a'"):
        remember(tmp_path, "a", "outfall", {"x": "note"})


def test_an_interrupted_write_leaves_the_old_file(tmp_path, monkeypatch):
    path = remember(tmp_path, "a", "outfall", {"x": "note"})
    before = path.read_bytes()

    def fail(*_):
        raise OSError("disk full")

    monkeypatch.setattr("pathlib.Path.replace", fail)
    with pytest.raises(OSError, match="disk full"):
        remember(tmp_path, "a", "outfall", {"y": "note"})
    assert path.read_bytes() == before


# --- the mapping file of the command line ---


def test_a_mapping_file(tmp_path, spec):
    path = tmp_path / "m.toml"
    path.write_text('[columns]\n"排口（号）" = "outfall_code"\n', encoding="utf-8")
    assert read_mapping_file(path, spec) == {"排口（号）": "outfall_code"}


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ('[columns]\n"a" = "outfall_nam"\n', "Did you mean 'outfall_name'"), ('[columns]\n"a" = 3\n', "a table of texts"), ("", "'columns'"),
        ("[columns]\n[rows]\n", "a known key"), ("columns = 3", "a table of texts"), ("[", "TOML"),
    ],
)  # fmt: skip
def test_a_wrong_mapping_file_is_refused(tmp_path, spec, text, part):
    (tmp_path / "m.toml").write_text(text, encoding="utf-8")
    with pytest.raises(SpecError, match=part):
        read_mapping_file(tmp_path / "m.toml", spec)


def test_the_file_is_toml_a_person_can_edit(tmp_path):
    path = remember(tmp_path, "甲", "outfall", {"b": "note", "a": "outfall_code"})
    assert (
        path.read_text(encoding="utf-8") == 'sender = "甲"\n\n[layers."outfall"]\n"a" = "outfall_code"\n"b" = "note"\n'
    )
    assert tomllib.loads(path.read_text(encoding="utf-8"))["sender"] == "甲"
