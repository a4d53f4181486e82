"""`geosys inspect`, `add` and `undo` as a user gives them: what is told, what is entered, what is kept, what comes back."""

from __future__ import annotations

import functools
import hashlib
import json
import os
import shutil
import subprocess
import sys
import zipfile
from typing import TYPE_CHECKING, Any

import geopandas as gpd
import pyogrio
import pytest
import shapely
from intake_toy import package, point, square, text_file

from geosys import inbox
from geosys.cli import intake_commands, main
from geosys.content import hash_file, read_toml
from geosys.layers.dictionary import dictionary_bytes
from geosys.layers.spec import read_catalogue

if TYPE_CHECKING:
    from pathlib import Path

    from geosys.layers.spec import Catalogue

HEAD = "排污口编号,排污口名称,经度,纬度,备注栏"
ROWS = ("P1,一号口,114.31,34.81,甲", "P2,二号口,114.32,34.82,乙")
MORE = ("Q1,三号口,114.41,34.85,丙", "Q2,四号口,114.42,34.86,丁")


def call(*arguments: object) -> int:
    with pytest.raises(SystemExit) as ended:
        main([str(argument) for argument in arguments])
    return int(ended.value.code or 0)


def strict(text: str) -> Any:
    """Read JSON as other programs do: NaN and Infinity are no JSON."""

    def refuse(word: str) -> None:
        raise ValueError(word)

    return json.loads(text, parse_constant=refuse)


@functools.cache
def catalogue_once() -> Catalogue:
    return read_catalogue()


@pytest.fixture(autouse=True)
def quick(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Read the content once for all tests, and leave the papers for senders unwritten where a test does not ask for them."""
    monkeypatch.setattr(intake_commands, "read_catalogue", catalogue_once)
    if "papers" not in request.fixturenames:
        monkeypatch.setattr(intake_commands, "write_answers", lambda *_, **__: [], raising=False)


@pytest.fixture
def papers() -> None:
    """Let the papers be written."""


@pytest.fixture
def told(capsys: pytest.CaptureFixture[str]) -> Any:
    """Return a call that gives exit code, the JSON it printed (None: nothing), and what it said beside."""

    def run(*arguments: object) -> tuple[int, Any, str]:
        capsys.readouterr()
        code = call(*arguments, "--json")
        said = capsys.readouterr()
        assert "Traceback" not in said.err
        return code, strict(said.out) if said.out else None, said.err

    return run


@pytest.fixture
def root(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    folder = tmp_path / "county"
    assert call("init", "--workspace", folder, "--title", "某县", "--region", "114.0,34.5,114.6,35.0") == 0
    capsys.readouterr()
    return folder


@pytest.fixture
def sent(tmp_path: Path) -> Path:
    """Return a folder as it came by mail: two ledgers of outfalls."""
    folder = tmp_path / "sent"
    folder.mkdir()
    text_file(folder / "a.csv", HEAD, *ROWS)
    text_file(folder / "b.csv", HEAD, *MORE)
    return folder


def entries(root: Path) -> list[dict[str, Any]]:
    return list(read_toml(root / "geosys.toml").get("deliveries", []))


def current(root: Path, layer: str = "outfall") -> dict[str, Any] | None:
    path = root / "store" / layer / "current.json"
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else None


def version(root: Path, layer: str = "outfall") -> str | None:
    found = current(root, layer)
    return None if found is None else str(found["version"])


def plan(root: Path) -> bytes:
    return (root / "geosys.toml").read_bytes()


def shapefile(path: Path, **columns: list[str]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    return package(path, {"DKBM": ["D1", "D2"], "DKMC": ["甲块", "乙块"], **columns}, [square(0, 0), square(100, 0)])


# --- inspect ---


def test_inspect_says_what_a_ledger_is_and_writes_nothing(sent, told):
    before = {p: p.read_bytes() for p in sent.rglob("*")}
    code, content, _ = told("inspect", sent / "a.csv")
    assert code == 0
    (file,) = content
    assert file["file"] == "a.csv"
    assert file["sha256"] == hashlib.sha256((sent / "a.csv").read_bytes()).hexdigest()
    (table,) = file["tables"]
    assert (table["table"], table["format"], table["rows"], table["usable_rows"]) == ("a", "csv", 2, 2)
    assert table["layer"] == next(iter(table["fits"])) == "outfall"
    assert table["columns"] == {"排污口编号": "outfall_code", "排污口名称": "outfall_name"}
    assert table["unused"] == ["备注栏"]
    assert [i["issue_type"] for i in table["issues"]] == ["unmapped_column"]
    assert {p: p.read_bytes() for p in sent.rglob("*")} == before


def test_inspect_places_an_issue_in_degrees(tmp_path, told):
    bow = "POLYGON ((500000 3850000, 500010 3850010, 500010 3850000, 500000 3850010, 500000 3850000))"
    path = package(tmp_path / "plots.gpkg", {"DKBM": ["D1", "D2"]}, [square(100, 0), shapely.from_wkt(bow)])
    code, content, _ = told("inspect", path, "--layer", "suspected_plot")
    (table,) = content[0]["tables"]
    assert table["geometry"] == "polygon"
    assert table["crs"] == "EPSG:4547"
    assert table["extent"] == pytest.approx([114.0, 34.7783, 114.0012, 34.7784], abs=1e-3)
    bent = [i for i in table["issues"] if i["source_row"] == 2 and i["place"]]
    assert bent
    assert bent[0]["place"] == pytest.approx([114.0, 34.778], abs=1e-3)
    assert code == (0 if table["usable_rows"] == 2 else 1)


def test_inspect_reads_every_table_of_a_zip_and_a_folder(sent, tmp_path, told):
    shapefile(sent / "deep" / "plots.shp")
    packed = tmp_path / "all.zip"
    with zipfile.ZipFile(packed, "w") as archive:
        for path in sorted(p for p in sent.rglob("*") if p.is_file()):
            archive.write(path, path.relative_to(sent).as_posix())
    for delivery in (packed, sent):
        code, content, _ = told("inspect", delivery)
        names = {t["table"]: t["rows"] for t in content[0]["tables"]}
        assert names == {"a.csv": 2, "b.csv": 2, "deep/plots.shp": 2}
        assert code == 0
    code, content, _ = told("inspect", packed, "--table", "b.csv")
    assert [t["table"] for t in content[0]["tables"]] == ["b.csv"]
    code, content, _ = told("inspect", packed, "--table", "c.csv")
    assert code == 1
    assert "c.csv" in content[0]["fault"]


def test_inspect_goes_on_after_a_file_that_cannot_be_read(sent, told):
    (sent / "broken.xlsx").write_bytes(b"PK\x03\x04 no workbook")
    (sent / "broken.gpkg").write_bytes(b"SQLite format 3\0" + bytes(200))
    (sent / "letter.docx").write_bytes(b"x")
    names = ["broken.xlsx", "absent.csv", "broken.gpkg", "letter.docx", "a.csv"]
    code, content, _ = told("inspect", *(sent / name for name in names))
    assert code == 1
    assert [file["file"] for file in content] == names
    for file in content[:4]:
        assert file["fault"] or all(t["fault"] for t in file["tables"])
        assert file["file"] in (file["fault"] or file["tables"][0]["fault"])
    assert content[4]["tables"][0]["usable_rows"] == 2


@pytest.mark.parametrize("suffix", ["csv", "gpkg", "geojson"])
def test_inspect_of_a_table_without_rows_is_no_number_but_null(tmp_path, told, suffix):
    if suffix == "csv":
        path = text_file(tmp_path / "e.csv", HEAD)
    elif suffix == "gpkg":
        full = package(tmp_path / "e.gpkg", {"DKBM": ["D1"]}, [square(0, 0)])
        pyogrio.write_dataframe(pyogrio.read_dataframe(full).iloc[:0], full, geometry_type="Polygon")
        path = full
    else:
        path = tmp_path / "e.geojson"
        path.write_text('{"type":"FeatureCollection","features":[]}', encoding="utf-8")
    _, content, _ = told("inspect", path)
    for table in content[0]["tables"]:
        assert table["rows"] == 0
        assert table["extent"] is None


def test_inspect_checks_against_a_region_or_a_workspace(sent, root, told):
    assert told("inspect", sent / "a.csv", "--region", "114,34.5,115,35")[0] == 0
    assert told("inspect", sent / "a.csv", "--workspace", root)[0] == 0
    code, content, _ = told("inspect", sent / "a.csv", "--region", "110,30,111,31")
    assert code == 1
    found = {i["issue_type"] for i in content[0]["tables"][0]["issues"]}
    assert found & {"outside_region", "wrong_place"}


@pytest.mark.parametrize(
    "options",
    [
        ["--layer", "outfal"],
        ["--as", "no-such-reading"],
        ["--crs", "EPSG:999999"],
        ["--region", "1,2,3"],
        ["--region", "nan,nan,nan,nan"],
        ["--region", "115,35,114,34"],
        ["--region", "114,34,115,35", "--plane", "EPSG:4326"],
        ["--region", "114,34,115,35", "--plane", "no-crs"],
    ],
)
def test_inspect_refuses_a_wrong_option_with_one_message(sent, told, options):
    code, content, said = told("inspect", sent / "a.csv", *options)
    assert code == 2
    assert content is None
    assert "got" in said
    assert "expected" in said


def test_a_name_that_is_not_utf8_is_taken_or_refused_but_no_traceback(sent, root, told):
    """Linux hands out such a name when an archive made in China was unpacked by a program that kept its bytes."""
    path = sent / os.fsdecode("排污口".encode("gbk") + b".csv")
    shutil.copy(sent / "a.csv", path)
    before = plan(root)
    code, content, _ = told("inspect", path)
    assert code in (0, 1)
    assert content[0]["fault"] or content[0]["tables"][0]["usable_rows"] == 2
    code, content, said = told("add", path, "--layer", "outfall", "--workspace", root)
    if code == 2:
        assert "expected" in said
        assert plan(root) == before
        assert not list((root / "inbox").iterdir())
    else:
        assert content["rows"] == 2
        assert told("run", "--workspace", root)[0] == 0


HOSTILE = [
    "q\"uo'te.csv",
    "new\nline.csv",
    "back\\slash.csv",
    "[br].csv",
    "-*.csv",
    "台账.CSV",
    "a\x7f.csv",
]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such names")
@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_name_goes_in_and_comes_out_of_the_plan(sent, root, told, name):
    shutil.copy(sent / "a.csv", sent / name)
    before = plan(root)
    assert call("add", "--layer", "outfall", "--workspace", root, "--", sent / name) == 0
    assert current(root)["rows"] == 2
    assert [e["file"] for e in entries(root)] == [f"inbox/{name}"]
    assert told("undo", "--workspace", root)[0] == 0
    assert plan(root) == before


# --- add ---


@pytest.mark.usefixtures("papers")
def test_add_takes_in_tells_and_keeps_the_original(sent, root, told):
    code, content, _ = told("add", sent / "a.csv", "--layer", "outfall", "--workspace", root, "--sender", "甲分局")
    assert code == 0
    assert content["added"] == ["inbox/a.csv"]
    assert (content["rows"], content["rows_withheld"]) == (2, 0)
    assert content["issues_by_severity"] == {"notice": 1}
    assert [i["issue_type"] for i in content["issues"]] == ["unmapped_column"]
    assert content["version"] == version(root)
    assert entries(root) == [{"file": "inbox/a.csv", "layer": "outfall", "sender": "甲分局"}]
    data = (sent / "a.csv").read_bytes()
    (kept,) = (root / "store" / "originals").iterdir()
    assert kept.name == hashlib.sha256(data).hexdigest()
    assert [(p.name, p.read_bytes()) for p in kept.iterdir()] == [("a.csv", data)]
    assert (root / "inbox" / "a.csv").read_bytes() == data


@pytest.mark.usefixtures("papers")
def test_senders_of_like_names_get_papers_of_their_own(sent, root, told):
    """The folder of a sender's papers is made from his name: two names may not make one folder."""
    given = {"甲/乙": "a.csv", "甲 乙": "b.csv"}
    for sender, name in given.items():
        told("add", sent / name, "--layer", "outfall", "--workspace", root, "--sender", sender)
    assert len(list((root / "answers").rglob("fix_list.xlsx"))) == 2


@pytest.mark.usefixtures("papers")
def test_add_of_a_delivery_without_any_fault_ends_well(root, tmp_path, told):
    path = text_file(tmp_path / "good.csv", "排污口编号,排污口名称,经度,纬度", "P1,一号口,114.31,34.81")
    code, content, _ = told("add", path, "--layer", "outfall", "--workspace", root)
    assert code == 0
    assert content["issues"] == []
    assert content["rows"] == 1


def test_add_with_withheld_rows_exits_with_1(root, tmp_path, told):
    path = text_file(tmp_path / "t.csv", HEAD, *ROWS, "P2,又是二号,114.33,34.83,丙")
    code, content, _ = told("add", path, "--layer", "outfall", "--workspace", root)
    assert code == 1
    assert (content["rows"], content["rows_withheld"]) == (2, 1)
    assert content["issues_by_severity"]["error"] == 1


def test_the_settings_of_add_stand_in_the_plan_and_are_followed(root, tmp_path, told):
    zone = 38_000_000
    path = tmp_path / "x.csv"
    lines = [HEAD.replace("经度", "X").replace("纬度", "Y"), f"P1,一号口,{zone + 528350},3853600,甲"]
    path.write_bytes("\n".join(lines).encode("gb18030"))
    text_file(tmp_path / "m.toml", "[columns]", '"备注栏" = "river_name"')
    given = ["--sender", "甲分局", "--encoding", "gb18030", "--mapping", tmp_path / "m.toml"]
    told("add", path, "--layer", "outfall", "--workspace", root, *given, "--as", "degrees")
    (entry,) = entries(root)
    assert entry == {
        "file": "inbox/x.csv", "layer": "outfall", "sender": "甲分局", "encoding": "gb18030", "read_as": "degrees",
        "columns": {"备注栏": "river_name"},
    }  # fmt: skip


def test_a_sheet_named_by_add_is_the_one_read(root, sent, tmp_path, told):
    packed = tmp_path / "all.zip"
    with zipfile.ZipFile(packed, "w") as archive:
        archive.write(sent / "a.csv", "a.csv")
        archive.write(sent / "b.csv", "b.csv")
    code, content, _ = told("add", packed, "--layer", "outfall", "--workspace", root, "--table", "b.csv")
    assert (code, content["rows"]) == (0, 2)
    code, content, _ = told("add", packed, "--layer", "outfall", "--workspace", root, "--table", "a.csv")
    assert content["rows"] == 4
    assert [e.get("table") for e in entries(root)] == ["b.csv", "a.csv"]
    assert len(list((root / "store" / "originals").iterdir())) == 1


def test_a_file_of_many_tables_added_without_one_can_be_added_again_with_it(root, sent, tmp_path, told):
    """The message says to name a table: doing so must not leave the entry that cannot be read behind."""
    packed = tmp_path / "all.zip"
    with zipfile.ZipFile(packed, "w") as archive:
        archive.write(sent / "a.csv", "a.csv")
        archive.write(sent / "b.csv", "b.csv")
    assert told("add", packed, "--layer", "outfall", "--workspace", root)[0] in (1, 2)
    code, content, _ = told("add", packed, "--layer", "outfall", "--workspace", root, "--table", "b.csv")
    assert (code, content["rows"]) == (0, 2)


def test_what_is_given_at_a_second_add_of_the_same_file_is_not_dropped(root, sent, told):
    """Issues tell the user which --as would settle a delivery: adding it again with that must do so, or say why not."""
    told("add", sent / "a.csv", "--layer", "outfall", "--workspace", root)
    code, _, _ = told("add", sent / "a.csv", "--layer", "outfall", "--workspace", root, "--as", "gcj02")
    assert code == 2 or entries(root)[0].get("read_as") == "gcj02"


def test_two_files_of_one_name_in_one_call_are_refused(root, sent, tmp_path, told):
    other = tmp_path / "other"
    other.mkdir()
    text_file(other / "a.csv", HEAD, *MORE)
    before = plan(root)
    code, _, said = told("add", sent / "a.csv", other / "a.csv", "--layer", "outfall", "--workspace", root)
    assert code == 2
    assert "a.csv" in said
    assert plan(root) == before
    assert not list((root / "inbox").iterdir())


def test_one_file_given_twice_in_one_call_is_one_delivery(root, sent, told):
    told("add", sent / "a.csv", sent / "a.csv", "--layer", "outfall", "--workspace", root)
    assert len(entries(root)) <= 1


def test_another_file_of_a_known_name_is_refused_and_changes_nothing(root, sent, told):
    told("add", sent / "a.csv", "--layer", "outfall", "--workspace", root)
    before, data = plan(root), (root / "inbox" / "a.csv").read_bytes()
    text_file(sent / "a.csv", HEAD, *MORE)
    code, _, said = told("add", sent / "b.csv", sent / "a.csv", "--layer", "outfall", "--workspace", root)
    assert code == 2
    assert "Rename the delivery" in said
    assert (plan(root), (root / "inbox" / "a.csv").read_bytes()) == (before, data)
    assert not (root / "inbox" / "b.csv").exists()


def test_the_same_file_added_twice_is_one_entry(root, sent, told):
    for _ in range(2):
        code, content, _ = told("add", sent / "a.csv", "--layer", "outfall", "--workspace", root)
        assert (code, content["rows"]) == (0, 2)
    assert len(entries(root)) == 1


@pytest.mark.parametrize(
    "options",
    [
        ["--layer", "outfal"],
        ["--layer", "outfall", "--encoding", "no-such-code"],
        ["--layer", "outfall", "--crs", "EPSG:999999"],
        ["--layer", "outfall", "--as", "no-such-reading"],
        ["--layer", "outfall", "--mapping", "absent.toml"],
    ],
)
def test_a_wrong_option_of_add_changes_nothing(root, sent, told, options, monkeypatch):
    monkeypatch.chdir(sent)
    before = plan(root)
    code, _, said = told("add", sent / "a.csv", *options, "--workspace", root)
    assert code == 2
    assert said
    assert plan(root) == before
    assert told("add", sent / "a.csv", "--layer", "outfall", "--workspace", root)[0] == 0


def test_a_mapping_of_a_sender_without_a_name_is_used_or_refused_whole(root, sent, told):
    text_file(sent / "m.toml", "[columns]", '"备注栏" = "river_name"')
    before = plan(root)
    given = ["--sender", " ", "--mapping", sent / "m.toml"]
    code, content, _ = told("add", sent / "a.csv", "--layer", "outfall", "--workspace", root, *given)
    if code == 2:
        assert plan(root) == before
    else:
        assert content["issues"] == []


def test_an_absent_file_among_others_changes_nothing(root, sent, told):
    before = plan(root)
    code, _, said = told("add", sent / "a.csv", sent / "no.csv", "--layer", "outfall", "--workspace", root)
    assert code == 2
    assert "no.csv" in said
    assert plan(root) == before
    assert not list((root / "inbox").iterdir())


@pytest.mark.parametrize("line", ["deliveries = []", 'overlay = "no_layer"'])
def test_a_plan_that_cannot_take_an_entry_is_left_as_it_is(root, sent, told, line):
    path = root / "geosys.toml"
    path.write_text(path.read_text(encoding="utf-8") + line + "\n", encoding="utf-8")
    before = plan(root)
    code, _, _ = told("add", sent / "a.csv", "--layer", "outfall", "--workspace", root)
    assert plan(root) == before if code == 2 else len(entries(root)) == 1


def test_a_shapefile_brings_its_parts_and_its_dictionary_and_nothing_else(root, tmp_path, told):
    path = shapefile(tmp_path / "s" / "plots.shp")
    (path.parent / "plots_字段对照.csv").write_bytes(dictionary_bytes([("DKMC", "地块名称", "text", 10, "")]))
    text_file(path.parent / "plots.csv", HEAD, *ROWS)
    text_file(path.parent / "plots.old.csv", HEAD, *ROWS)
    text_file(path.parent / "plots2.dbf", "x")
    code, content, _ = told("add", path, "--layer", "suspected_plot", "--workspace", root)
    assert (code, content["rows"]) == (0, 2)
    known = {f"plots.{end}" for end in ("shp", "shx", "dbf", "prj", "cpg")} | {"plots_字段对照.csv"}
    assert {p.name for p in (root / "inbox").iterdir()} == known


@pytest.mark.parametrize("change", ["all", "dbf"])
def test_a_shapefile_with_upper_case_names_comes_in_whole(root, tmp_path, told, change):
    path = shapefile(tmp_path / "s" / "plots.shp")
    for part in list(path.parent.iterdir()):
        if change == "all" or part.suffix == ".dbf":
            part.rename(part.with_name(part.name.upper()))
    (shape,) = [p for p in path.parent.iterdir() if p.suffix.lower() == ".shp"]
    code, content, _ = told("add", shape, "--layer", "suspected_plot", "--workspace", root)
    assert code in (0, 1)
    assert content["rows"] == 2
    assert not [i for i in content["issues"] if i["issue_type"] == "missing_part"]


def test_a_shapefile_is_known_again_beside_another_delivery_of_its_stem(root, tmp_path, told):
    path = shapefile(tmp_path / "s" / "plots.shp")
    text_file(tmp_path / "plots.csv", HEAD, *ROWS)
    assert told("add", path, "--layer", "suspected_plot", "--workspace", root)[0] == 0
    assert told("add", tmp_path / "plots.csv", "--layer", "outfall", "--workspace", root)[0] == 0
    assert told("add", path, "--layer", "suspected_plot", "--workspace", root)[0] == 0
    assert len(entries(root)) == 2


def test_a_folder_is_one_delivery(root, tmp_path, told, monkeypatch):
    shapefile(tmp_path / "s" / "deep" / "plots.shp")
    code, content, _ = told("add", tmp_path / "s", "--layer", "suspected_plot", "--workspace", root)
    assert (code, content["added"], content["rows"]) == (0, ["inbox/s"], 2)
    assert (root / "inbox" / "s" / "deep" / "plots.dbf").is_file()
    (kept,) = (root / "store" / "originals").iterdir()
    assert kept.name == hash_file(tmp_path / "s")
    monkeypatch.chdir(tmp_path / "s")
    code, content, _ = told("add", ".", "--layer", "suspected_plot", "--workspace", root)
    assert (code, content["added"]) == (0, ["inbox/s"])
    assert len(entries(root)) == 1


@pytest.mark.parametrize("inside", [".", "inbox", "store"])
def test_the_workspace_itself_is_no_delivery(root, sent, told, inside):
    told("add", sent / "a.csv", "--layer", "outfall", "--workspace", root)
    before, count = plan(root), len(list(root.rglob("*")))
    code, _, said = told("add", root / inside, "--layer", "outfall", "--workspace", root)
    assert code == 2
    assert "expected" in said
    assert (plan(root), len(list(root.rglob("*")))) == (before, count)


def test_a_kind_nobody_reads_is_told(root, sent, told):
    (sent / "letter.docx").write_bytes(b"x")
    code, content, _ = told("add", sent / "letter.docx", "--layer", "outfall", "--workspace", root)
    assert code in (1, 2)
    if content is not None:
        assert content["version"] == ""
        assert content["issues"]


def test_the_wrong_layer_is_told_and_not_usable(root, tmp_path, told):
    path = package(tmp_path / "plots.gpkg", {"DKBM": ["D1"]}, [square(0, 0)])
    code, content, _ = told("add", path, "--layer", "outfall", "--workspace", root)
    assert code == 1
    assert content["rows"] == 0
    assert "wrong_geometry_type" in {i["issue_type"] for i in content["issues"]}


def test_a_mapping_is_remembered_for_the_sender_and_used_for_his_next_delivery(root, sent, told):
    text_file(sent / "m.toml", "[columns]", '"备注栏" = "river_name"')
    told(
        "add",
        sent / "a.csv",
        "--layer",
        "outfall",
        "--workspace",
        root,
        "--sender",
        "甲分局",
        "--mapping",
        sent / "m.toml",
    )
    code, content, _ = told("add", sent / "b.csv", "--layer", "outfall", "--workspace", root, "--sender", "甲分局")
    assert code == 0
    assert content["issues"] == []
    (_, second) = current(root)["deliveries"]
    assert second["columns"]["river_name"] == "备注栏"
    assert second["remembered"] == {"river_name": "备注栏"}
    assert "columns" not in entries(root)[1]


# --- broken off ---


def test_an_add_broken_off_in_the_middle_can_be_given_again_and_undone(root, sent, told, monkeypatch):
    before = plan(root)

    def killed(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(intake_commands, "receive", killed)
        with pytest.raises((KeyboardInterrupt, SystemExit)):
            main(["add", str(sent / "a.csv"), "--layer", "outfall", "--workspace", str(root)])
    assert version(root) is None
    code, content, _ = told("add", sent / "a.csv", "--layer", "outfall", "--workspace", root)
    assert (code, content["rows"]) == (0, 2)
    for _ in range(2):
        if plan(root) != before:
            assert told("undo", "--workspace", root)[0] == 0
    assert plan(root) == before
    assert version(root) is None


def test_a_disk_that_fills_while_copying_leaves_the_inbox_as_it_was(root, sent, told, monkeypatch):
    before = plan(root)
    real = inbox.shutil.copy2

    def full(source: Path, target: Path, **options: Any) -> Any:
        if source.name == "b.csv":
            target.write_bytes(b"half")
            raise OSError(28, "No space left on device")
        return real(source, target, **options)

    with monkeypatch.context() as patch:
        patch.setattr(inbox.shutil, "copy2", full)
        code, _, said = told("add", sent / "a.csv", sent / "b.csv", "--layer", "outfall", "--workspace", root)
    assert code == 2
    assert "No space left" in said
    assert plan(root) == before
    assert not list((root / "inbox").iterdir())
    code, content, _ = told("add", sent / "a.csv", sent / "b.csv", "--layer", "outfall", "--workspace", root)
    assert (code, content["rows"]) == (0, 4)


def test_a_plan_that_cannot_be_written_is_one_message(root, sent, told, monkeypatch):
    before = plan(root)

    def refused(*_: Any, **__: Any) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(inbox, "write_text", refused)
    code, _, said = told("add", sent / "a.csv", "--layer", "outfall", "--workspace", root)
    assert code == 2
    assert "Permission denied" in said
    assert plan(root) == before


ADD_ALL = """
import sys
from geosys.cli import main
root, *files = sys.argv[1:]
sys.stdin.readline()
for file in files:
    try:
        main(["add", file, "--layer", "outfall", "--workspace", root, "--json"])
    except SystemExit as ended:
        assert ended.code in (0, None), (file, ended.code)
"""


def test_programs_adding_at_the_same_time_lose_no_entry_and_no_note(root, tmp_path):
    """Two people of an office add to the same workspace on a shared disk: one waits for the other."""
    files = [text_file(tmp_path / f"f{k}.csv", HEAD, f"F{k},口,114.3{k},34.81,甲") for k in range(6)]
    started = [
        subprocess.Popen(
            [sys.executable, "-c", ADD_ALL, str(root), *map(str, files[k::2])],
            stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
        )
        for k in range(2)
    ]  # fmt: skip
    for process in started:
        process.stdin.write(b"\n")
        process.stdin.flush()
    said = [process.communicate()[1].decode("utf-8", "replace") for process in started]
    assert [process.returncode for process in started] == [0, 0], said
    assert {e["file"] for e in entries(root)} == {f"inbox/f{k}.csv" for k in range(6)}
    assert len(list((root / "store" / "journal").glob("*.json"))) == 6


# --- undo ---


def test_undo_returns_step_by_step_and_add_can_be_given_again(root, sent, told):
    states = [(plan(root), version(root))]
    for name in ("a.csv", "b.csv"):
        told("add", sent / name, "--layer", "outfall", "--workspace", root)
        states.append((plan(root), version(root)))
    assert len({v for _, v in states}) == 3
    for wanted in (states[1], states[0]):
        code, content, _ = told("undo", "--workspace", root)
        assert code == 0
        assert content["layer"] == "outfall"
        assert (plan(root), version(root)) == wanted
    code, content, said = told("undo", "--workspace", root)
    assert code == 2
    assert content is None
    assert "Nothing was changed" in said
    assert (root / "inbox" / "a.csv").is_file()
    code, content, _ = told("add", sent / "a.csv", "--layer", "outfall", "--workspace", root)
    assert (plan(root), version(root)) == states[1]


def test_undo_of_layers_goes_in_the_order_they_were_added(root, sent, tmp_path, told):
    plots = package(tmp_path / "plots.gpkg", {"DKBM": ["D1"], "DKMC": ["块"]}, [square(0, 0)])
    told("add", sent / "a.csv", "--layer", "outfall", "--workspace", root)
    told("add", plots, "--layer", "suspected_plot", "--workspace", root)
    _, content, _ = told("undo", "--workspace", root)
    assert content["layer"] == "suspected_plot"
    assert version(root, "suspected_plot") is None
    assert version(root) is not None


def test_undo_refuses_after_a_plan_edited_by_hand(root, sent, told):
    told("add", sent / "a.csv", "--layer", "outfall", "--workspace", root)
    path = root / "geosys.toml"
    edited = path.read_text(encoding="utf-8") + "# mended by hand\n"
    path.write_text(edited, encoding="utf-8")
    before = version(root)
    code, _, said = told("undo", "--workspace", root)
    assert code == 2
    assert "edited" in said
    assert (path.read_text(encoding="utf-8"), version(root)) == (edited, before)


def test_undo_after_a_later_run_gives_the_version_before_and_the_next_run_reuses_it(root, sent, told):
    told("add", sent / "a.csv", "--layer", "outfall", "--workspace", root)
    first = current(root)
    told("add", sent / "b.csv", "--layer", "outfall", "--workspace", root)
    told("run", "--workspace", root, "--today", "2026-09-30")
    assert told("undo", "--workspace", root)[0] == 0
    assert current(root) == first
    told("run", "--workspace", root, "--today", "2026-09-30")
    assert current(root) == first
    manifest = json.loads((root / "out" / "manifest.json").read_text(encoding="utf-8"))
    assert manifest["layers"]["outfall"]["version"] == first["version"]


def test_undo_of_a_delivery_with_a_mapping_forgets_the_mapping(root, sent, told):
    """Else the next run reads the earlier delivery with it, and the version is not the one before."""
    told("add", sent / "a.csv", "--layer", "outfall", "--workspace", root, "--sender", "甲分局")
    first = version(root)
    text_file(sent / "m.toml", "[columns]", '"备注栏" = "river_name"')
    given = ["--sender", "甲分局", "--mapping", sent / "m.toml"]
    told("add", sent / "b.csv", "--layer", "outfall", "--workspace", root, *given)
    assert told("undo", "--workspace", root)[0] == 0
    told("run", "--workspace", root, "--today", "2026-09-30")
    assert version(root) == first


def test_undo_brings_back_a_layer_that_a_bad_delivery_took_away(root, sent, tmp_path, told):
    told("add", sent / "a.csv", "--layer", "outfall", "--workspace", root)
    first = current(root)
    far = text_file(tmp_path / "far.csv", HEAD, *(f"X{k},远,{100 + k / 10},30.5,远" for k in range(6)))
    code, content, _ = told("add", far, "--layer", "outfall", "--workspace", root)
    assert code == 1
    assert content["version"] == ""
    assert told("undo", "--workspace", root)[0] == 0
    assert current(root) == first


def test_a_mended_delivery_takes_the_place_of_the_one_before(root, sent, told):
    """The sender sends his ledger again, one name mended: what counts then is what he sent last."""
    told("add", sent / "a.csv", "--layer", "outfall", "--workspace", root, "--sender", "甲分局")
    text_file(sent / "a_mended.csv", HEAD, ROWS[0].replace("一号口", "壹号口"), ROWS[1])
    _, content, _ = told(
        "add",
        sent / "a_mended.csv",
        "--layer",
        "outfall",
        "--workspace",
        root,
        "--sender",
        "甲分局",
        "--replaces",
        "a.csv",
    )
    frame = gpd.read_parquet(root / "store" / "outfall" / f"{content['version']}.parquet")
    assert "壹号口" in set(frame["outfall_name"])


def test_a_plan_with_windows_line_ends_comes_back_byte_for_byte(root, sent, told):
    path = root / "geosys.toml"
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    before = path.read_bytes()
    told("add", sent / "a.csv", "--layer", "outfall", "--workspace", root)
    told("undo", "--workspace", root)
    assert path.read_bytes() == before


def test_a_damaged_note_is_named(root, sent, told):
    told("add", sent / "a.csv", "--layer", "outfall", "--workspace", root)
    (note,) = (root / "store" / "journal").glob("*.json")
    note.write_text("{", encoding="utf-8")
    code, _, said = told("undo", "--workspace", root)
    assert code == 2
    assert note.name in said


# --- points of the toy, taken in as positions of a reading ---


def test_positions_of_a_file_without_a_crs_are_read_as_the_person_says(root, tmp_path, told):
    with pytest.warns(UserWarning, match="crs"):
        path = package(tmp_path / "p.gpkg", {"编号": ["P1"], "名称": ["口"]}, [point(28_000, 3_000)], crs=None)
    code, content, _ = told("add", path, "--layer", "outfall", "--workspace", root, "--crs", "EPSG:4547")
    assert (code, content["rows"]) == (0, 1)
    assert current(root)["deliveries"][0]["crs_used"] == "EPSG:4547"
