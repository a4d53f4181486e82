"""Receiving deliveries: what is stored is used again only while nothing has changed, and is whole or written again."""

from __future__ import annotations

import datetime as dt
import json
import shutil
from typing import TYPE_CHECKING, Any

import geopandas as gpd
import pandas as pd
import pytest
import shapely
from geopandas.testing import assert_geodataframe_equal
from intake_toy import copy_content, edit, geojson, package, square, text_file
from pandas.testing import assert_frame_equal

import geosys
from geosys import receive as receiving
from geosys.layers import bulk, intake
from geosys.layers.dictionary import dictionary_bytes
from geosys.layers.mappings import remember
from geosys.layers.spec import read_catalogue
from geosys.receive import Received, all_issues, receipt_key, receive
from geosys.rooms import read_content
from geosys.run import run
from geosys.workspace import MAPPINGS, init_workspace, read_workspace

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from geosys.layers.spec import Catalogue

OUTFALLS = (
    "排污口编号,排污口名称,经度,纬度,备注栏",
    "P1,一号口,114.31,34.81,甲",
    "P2,二号口,114.32,34.82,乙",
    "P2,又是二号,114.33,34.83,丙",
)
LAYER = "outfall"
PLOTS = "suspected_plot"


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return read_catalogue()


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Return a workspace with one outfall ledger: the second of two P2 is withheld, one column is unknown."""
    folder = tmp_path / "county"
    init_workspace(folder, "某县", "EPSG:4547", (114.0, 34.5, 114.6, 35.0))
    text_file(folder / "inbox" / "a.csv", *OUTFALLS)
    enter(folder, "inbox/a.csv", sender="甲分局")
    return folder


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the names of the files that intake reads from now on."""
    names: list[str] = []
    real = intake.read_delivery

    def counted(path: Path, *rest: Any) -> Any:
        names.append(path.name)
        return real(path, *rest)

    monkeypatch.setattr(intake, "read_delivery", counted)
    return names


def enter(root: Path, file: str, layer: str = LAYER, **settings: str) -> None:
    """Enter a delivery in the plan by hand."""
    lines = [f'{key} = "{value}"' for key, value in {"file": file, "layer": layer, **settings}.items()]
    with (root / "geosys.toml").open("a", encoding="utf-8") as plan:
        plan.write("\n[[deliveries]]\n" + "\n".join(lines) + "\n")


def had(root: Path, catalogue: Catalogue, layer: str = LAYER) -> Received:
    return receive(read_workspace(root, catalogue), layer, catalogue)


def kinds(received: Received) -> list[str]:
    return sorted(received.issues["issue_type"])


def pointer(root: Path, layer: str = LAYER) -> Path:
    return root / "store" / layer / "current.json"


def version(root: Path, layer: str = LAYER) -> str:
    return str(json.loads(pointer(root, layer).read_text(encoding="utf-8"))["version"])


def swap(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


# --- used again ---


def test_the_second_time_nothing_is_read_and_all_is_the_same(root, catalogue, reads):
    first = had(root, catalogue)
    assert reads == ["a.csv"]
    assert not first.reused
    assert first.is_usable
    assert first.provenance()["rows_delivered"] == 3
    second = had(root, catalogue)
    assert reads == ["a.csv"]
    assert second.reused
    assert second.provenance() == first.provenance()
    assert_geodataframe_equal(second.issues, first.issues)
    assert_geodataframe_equal(second.layer().frame, first.layer().frame)
    assert second.layer().frame["outfall_code"].tolist()[0] == "P1"


def test_what_is_stored_is_not_tied_to_the_folder_the_workspace_lies_in(root, catalogue, reads, tmp_path):
    had(root, catalogue)
    moved = tmp_path / "moved"
    shutil.move(root, moved)
    assert had(moved, catalogue).reused
    assert reads == ["a.csv"]


def _bytes(root: Path) -> None:
    swap(root / "inbox" / "a.csv", "一号口", "壹号口")


def _entry(root: Path) -> None:
    swap(root / "geosys.toml", "甲分局", "乙分局")


def _region(root: Path) -> None:
    swap(root / "geosys.toml", "35.0", "34.9")


def _day(root: Path) -> None:
    swap(root / "geosys.toml", "crs =", "as_of = 2026-01-31\ncrs =")


def _memory(root: Path) -> None:
    remember(root / MAPPINGS, "甲分局", LAYER, {"备注栏": "river_name"})


def _second(root: Path) -> None:
    text_file(root / "inbox" / "b.csv", OUTFALLS[0], "P9,九号口,114.35,34.85,丁")
    enter(root, "inbox/b.csv")


def _gone(root: Path) -> None:
    (root / "inbox" / "a.csv").unlink()


@pytest.mark.parametrize("change", [_bytes, _entry, _region, _day, _memory, _second, _gone])
def test_a_change_of_plan_or_delivery_makes_it_read_again(
    root: Path, catalogue: Catalogue, reads: list[str], change: Callable[[Path], None]
) -> None:
    had(root, catalogue)
    reads.clear()
    change(root)
    assert not had(root, catalogue).reused
    assert ("a.csv" in reads) == (change is not _gone)


def test_another_program_version_reads_again(root, catalogue, reads, monkeypatch):
    had(root, catalogue)
    monkeypatch.setattr(geosys, "__version__", "99.0.0")
    assert not had(root, catalogue).reused
    assert reads == ["a.csv", "a.csv"]


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("layers/outfall.toml", "排污口名称", "排污口的名称"),
        ("layers/outfall.toml", "minimum  = 0", "minimum  = 1"),
        ("layers/issue_types.csv", "duplicate_key,error", "duplicate_key,warning"),
    ],
)
def test_a_change_of_content_reads_again(root, catalogue, reads, tmp_path, file, old, new):
    had(root, catalogue)
    content = copy_content(tmp_path / "content")
    same = read_catalogue(content)
    assert receive(read_workspace(root, same), LAYER, same).reused
    edit(content, file, old, new)
    other = read_catalogue(content)
    assert not receive(read_workspace(root, other), LAYER, other).reused
    assert reads == ["a.csv", "a.csv"]


def test_a_code_list_of_the_layer_reads_again(root, catalogue, tmp_path):
    had(root, catalogue)
    content = copy_content(tmp_path / "content")
    path = content / "layers" / "codes" / "outfall_type.csv"
    path.write_text(path.read_text(encoding="utf-8").replace("排污口", "排口", 1), encoding="utf-8")
    other = read_catalogue(content)
    assert not receive(read_workspace(root, other), LAYER, other).reused


def test_issues_name_the_office_and_who_mends_as_the_content_says_now(root, catalogue, tmp_path):
    """`steward_zh` comes from codes/office.csv and `responsibility` from issue_types.csv: neither may be an old one."""
    had(root, catalogue)
    content = copy_content(tmp_path / "content")
    office = catalogue.codes["office"].titles[catalogue.layers[LAYER].steward].zh
    edit(content, "layers/codes/office.csv", office, f"新{office}")
    kind = catalogue.issue_types["duplicate_key"]
    other_hand = next(
        k.responsibility for k in catalogue.issue_types.values() if k.responsibility != kind.responsibility
    )
    edit(
        content,
        "layers/issue_types.csv",
        f"duplicate_key,error,{kind.responsibility}",
        f"duplicate_key,error,{other_hand}",
    )
    other = read_catalogue(content)
    issues = receive(read_workspace(root, other), LAYER, other).issues
    twice = issues[issues["issue_type"] == "duplicate_key"]
    assert set(twice["responsibility"]) == {other_hand}
    assert set(twice["steward_zh"]) == {f"新{office}"}


@pytest.mark.parametrize("change", ["title", "other layer"])
def test_what_does_not_concern_the_layer_changes_nothing(root, catalogue, reads, change):
    had(root, catalogue)
    if change == "title":
        swap(root / "geosys.toml", "某县", "另县")
    else:
        text_file(root / "inbox" / "s.csv", "断面编码,断面名称,经度,纬度", "S1,一,114.31,34.81")
        enter(root, "inbox/s.csv", "water_section")
    assert had(root, catalogue).reused
    assert reads == ["a.csv"]


# --- shapefiles are more than one file ---


def shapefile(folder: Path, name: str = "plots") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    columns = {"DKBM": ["D1", "D2"], "DKMC": ["甲块", "乙块"]}
    return package(folder / f"{name}.shp", columns, [square(0, 0), square(100, 0)])


def test_every_part_of_a_shapefile_counts_whatever_the_case_of_its_name(root, catalogue):
    path = shapefile(root / "inbox")
    path.with_suffix(".dbf").rename(root / "inbox" / "PLOTS.DBF")
    enter(root, "inbox/plots.shp", PLOTS)
    before = receipt_key(read_workspace(root, catalogue), PLOTS, catalogue)
    table = (root / "inbox" / "PLOTS.DBF").read_bytes()
    (root / "inbox" / "PLOTS.DBF").write_bytes(table.replace(b"D2", b"D7"))
    assert receipt_key(read_workspace(root, catalogue), PLOTS, catalogue) != before


def test_the_dictionary_of_short_names_counts(root, catalogue):
    package(root / "inbox" / "plots.shp", {"DKBM": ["D1"], "SHORT1": ["甲块"]}, [square(0, 0)])
    enter(root, "inbox/plots.shp", PLOTS)
    assert "plot_name" not in had(root, catalogue, PLOTS).provenance()["deliveries"][0]["columns"]
    beside = root / "inbox" / "plots_字段对照.csv"
    beside.write_bytes(dictionary_bytes([("SHORT1", "地块名称", "text", 10, "")]))
    after = had(root, catalogue, PLOTS)
    assert not after.reused
    assert after.provenance()["deliveries"][0]["columns"]["plot_name"] == "SHORT1"


def test_another_delivery_of_the_same_stem_is_no_part_of_a_shapefile(root, catalogue):
    shapefile(root / "inbox")
    enter(root, "inbox/plots.shp", PLOTS)
    had(root, catalogue, PLOTS)
    text_file(root / "inbox" / "plots.csv", *OUTFALLS)
    assert had(root, catalogue, PLOTS).reused


# --- what is damaged is written again ---


def _cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-20])


def _holed(path: Path) -> None:
    """Overwrite the pages of a Parquet file: its footer at the end stays."""
    data = bytearray(path.read_bytes())
    data[4:400] = b"\xff" * 396
    path.write_bytes(bytes(data))


def _delete(path: Path) -> None:
    path.unlink()


def _blank(path: Path) -> None:
    path.write_bytes(b"")


def _list(path: Path) -> None:
    path.write_text("[]", encoding="utf-8")


@pytest.mark.parametrize("which", ["{v}.parquet", "{v}.withheld.parquet", "{k}.issues.parquet", "current.json"])
@pytest.mark.parametrize("damage", [_cut, _delete, _blank, _list])
def test_a_damaged_file_of_the_store_is_written_again(root, catalogue, which, damage):
    first = had(root, catalogue)
    told = json.loads(pointer(root).read_text(encoding="utf-8"))
    frame = first.layer().frame
    damage(root / "store" / LAYER / which.format(v=told["version"], k=told["key"][:16]))
    again = had(root, catalogue)
    assert again.provenance() == first.provenance()
    assert_geodataframe_equal(again.layer().frame, frame)
    assert_geodataframe_equal(again.issues, first.issues)
    assert had(root, catalogue).reused


def test_a_damaged_issue_table_with_its_footer_whole_is_written_again(root, catalogue):
    first = had(root, catalogue)
    (kept,) = (root / "store" / LAYER).glob("*.issues.parquet")
    _holed(kept)
    assert_geodataframe_equal(had(root, catalogue).issues, first.issues)


@pytest.mark.parametrize("end", [".parquet", ".withheld.parquet"])
def test_a_run_mends_a_version_whose_footer_alone_is_whole(root, end):
    """The message about a damaged version says that 'geosys run' writes it again: so it must."""
    content = read_content()
    workspace, day = read_workspace(root, content.catalogue), dt.date(2026, 9, 30)
    run(workspace, content, day, lambda *_: None)
    first, good = outputs(root), version(root)
    _holed(root / "store" / LAYER / f"{good}{end}")
    run(workspace, content, day, lambda *_: None)
    assert version(root) == good
    assert outputs(root) == first


@pytest.mark.parametrize("step", ["write_version", "write_issues"])
def test_a_receipt_broken_off_leaves_nothing_half_and_can_be_made_again(root, catalogue, monkeypatch, step):
    had(root, catalogue)
    _bytes(root)

    def fail(*_: Any, **__: Any) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(receiving, step, fail)
        with pytest.raises(OSError, match="No space"):
            had(root, catalogue)
    assert not list((root / "store").rglob("*.part"))
    after = had(root, catalogue)
    assert not after.reused
    assert after.layer().frame["outfall_name"].tolist()[0] == "壹号口"
    assert had(root, catalogue).reused


def test_a_full_disk_leaves_the_version_before(root, catalogue, monkeypatch):
    had(root, catalogue)
    before = version(root)
    _bytes(root)

    def full(*_: Any, **__: Any) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("pyarrow.parquet.ParquetWriter.write_table", full)
        with pytest.raises(OSError, match="No space"):
            had(root, catalogue)
    assert version(root) == before
    assert not list((root / "store").rglob("*.part"))
    assert had(root, catalogue).is_usable


# --- unusable, and usable again ---


def test_a_layer_that_cannot_be_had_is_forgotten_and_comes_back_as_it_was(root, catalogue):
    first = had(root, catalogue)
    good = version(root)
    (root / "inbox" / "a.csv").rename(root / "inbox" / "away.csv")
    gone = had(root, catalogue)
    assert not gone.is_usable
    assert gone.layer() is None
    assert gone.provenance() == {}
    assert kinds(gone) == ["missing_file"]
    assert not pointer(root).exists()
    assert not had(root, catalogue).is_usable
    (root / "inbox" / "away.csv").rename(root / "inbox" / "a.csv")
    back = had(root, catalogue)
    assert version(root) == good
    assert_geodataframe_equal(back.issues, first.issues)


def test_one_bad_file_of_two_does_not_take_the_layer_away(root, catalogue):
    (root / "inbox" / "b.xlsx").write_bytes(b"no workbook")
    enter(root, "inbox/b.xlsx")
    received = had(root, catalogue)
    assert received.is_usable
    assert received.provenance()["rows"] == 2
    assert set(received.issues["source_file"]) == {"inbox/a.csv", "inbox/b.xlsx"}


def test_most_rows_outside_the_region_stop_the_layer(root, catalogue):
    far = [f"F{k},远,{100 + k / 10},30.5,远" for k in range(6)]
    text_file(root / "inbox" / "a.csv", OUTFALLS[0], *far)
    received = had(root, catalogue)
    assert not received.is_usable
    assert kinds(received).count("wrong_place") == 1
    text_file(root / "inbox" / "a.csv", *OUTFALLS)
    assert had(root, catalogue).is_usable


def test_issue_tables_are_joined_in_their_order_and_none_is_still_a_table(root, catalogue):
    one = had(root, catalogue).issues
    none = one.iloc[:0]
    joined = all_issues([none, one, none, one], "EPSG:4547", catalogue)
    assert list(joined["issue_id"]) == [*one["issue_id"], *one["issue_id"]]
    assert joined.crs == "EPSG:4547"
    empty = all_issues([none], "EPSG:4547", catalogue)
    assert list(empty.columns) == list(one.columns)
    assert isinstance(empty, gpd.GeoDataFrame)


# --- the memory of column names ---


def test_what_was_remembered_of_a_sender_feeds_his_next_delivery_only(root, catalogue):
    remember(root / MAPPINGS, "甲分局", LAYER, {"备注栏": "river_name"})
    text_file(root / "inbox" / "b.csv", OUTFALLS[0], "P9,九号口,114.35,34.85,丁")
    enter(root, "inbox/b.csv", sender="乙分局")
    received = had(root, catalogue)
    by_code = received.layer().frame.set_index("outfall_code")["river_name"]
    assert by_code["P1"] == "甲"
    assert by_code.isna()["P9"]
    told = {d["file"]: d.get("remembered") for d in received.provenance()["deliveries"]}
    assert told == {"inbox/a.csv": {"river_name": "备注栏"}, "inbox/b.csv": None}


def test_the_plan_goes_before_the_memory(root, catalogue):
    remember(root / MAPPINGS, "甲分局", LAYER, {"备注栏": "river_name"})
    with (root / "geosys.toml").open("a", encoding="utf-8") as plan:
        plan.write('columns = { "备注栏" = "entity_name" }\n')
    frame = had(root, catalogue).layer().frame
    assert frame["entity_name"].tolist() == ["甲", "乙"]
    assert frame["river_name"].isna().all()


def test_a_remembered_field_that_the_layer_no_longer_has_does_no_harm(root, catalogue):
    remember(root / MAPPINGS, "甲分局", LAYER, {"备注栏": "field_of_old"})
    assert had(root, catalogue).is_usable


# --- large deliveries ---


@pytest.fixture
def patches(root: Path) -> Path:
    """Return the workspace with 40 squares: two of one key, two one over the other, a bow-tie and a lost shape."""
    shapes: list[Any] = [square(50.0 * k, 0) for k in range(40)]
    shapes[6] = square(50.0 * 5 + 5, 0)
    shapes[10] = shapely.Polygon([(500500, 3850000), (500510, 3850010), (500510, 3850000), (500500, 3850010)])
    shapes[20] = None
    keys = [f"D{k:02}" for k in range(40)]
    keys[30] = keys[31] = "D99"
    package(root / "inbox" / "plots.gpkg", {"DKBM": keys, "DKMC": [f"块{k}" for k in range(40)]}, shapes)
    enter(root, "inbox/plots.gpkg", PLOTS)
    return root


def cells(frame: gpd.GeoDataFrame) -> pd.DataFrame:
    """Return the attributes as plain values, missing ones as None."""
    values = pd.DataFrame(frame.drop(columns=frame.geometry.name)).astype(object)
    return values.where(values.notna(), None)


def test_batch_by_batch_gives_what_taking_it_whole_gives(patches, catalogue, monkeypatch, tmp_path):
    whole = had(patches, catalogue, PLOTS)
    plain = whole.layer()
    other = tmp_path / "other"
    shutil.copytree(patches, other, ignore=shutil.ignore_patterns("store"))
    steps: list[tuple[int, int]] = []
    monkeypatch.setattr(receiving, "is_bulk", lambda spec, deliveries: bulk.is_bulk(spec, deliveries, 5))
    monkeypatch.setattr(bulk, "BATCH_ROWS", 7)
    workspace = read_workspace(other, catalogue)
    received = receive(workspace, PLOTS, catalogue, lambda done, total: steps.append((done, total)))
    assert received.is_usable
    assert received.provenance() == whole.provenance() | {"version": received.provenance()["version"]}
    made = received.layer()
    for one, two in ((made.frame, plain.frame), (made.withheld, plain.withheld)):
        assert list(one.columns) == list(two.columns)
        assert_frame_equal(cells(one), cells(two))
        assert [g and g.wkb for g in one.geometry] == [g and g.wkb for g in two.geometry]
    assert made.withheld["issue_type"].tolist() == plain.withheld["issue_type"].tolist()
    order = ["issue_type", "source_row", "field", "issue_id"]
    one, two = (t.issues.sort_values(order).reset_index(drop=True) for t in (received, whole))
    assert_frame_equal(cells(one), cells(two))
    assert {total for _, total in steps} == {40}
    done = [count for count, _ in steps]
    assert done == sorted(done)
    assert done[-1] == 40
    assert receive(workspace, PLOTS, catalogue).reused


def test_a_large_delivery_that_becomes_unusable_is_forgotten(patches, catalogue, monkeypatch):
    monkeypatch.setattr(receiving, "is_bulk", lambda spec, deliveries: bulk.is_bulk(spec, deliveries, 5))
    assert had(patches, catalogue, PLOTS).is_usable
    good = version(patches, PLOTS)
    swap(patches / "geosys.toml", "114.0, 34.5, 114.6, 35.0", "100.0, 30.0, 101.0, 31.0")
    stopped = had(patches, catalogue, PLOTS)
    assert not stopped.is_usable
    assert "wrong_place" in kinds(stopped)
    assert not pointer(patches, PLOTS).exists()
    swap(patches / "geosys.toml", "100.0, 30.0, 101.0, 31.0", "114.0, 34.5, 114.6, 35.0")
    assert had(patches, catalogue, PLOTS).is_usable
    assert version(patches, PLOTS) == good


# --- a run over what was received ---


def outputs(root: Path) -> dict[str, bytes]:
    """Return the bytes of all outputs, the manifest without its timings."""
    found = {p.relative_to(root / "out").as_posix(): p.read_bytes() for p in (root / "out").rglob("*") if p.is_file()}
    manifest = json.loads(found["manifest.json"])
    manifest.pop("seconds")
    return found | {"manifest.json": json.dumps(manifest, sort_keys=True).encode()}


def test_the_second_run_reads_no_delivery_and_writes_the_same_bytes(patches, reads):
    day = dt.date(2026, 9, 30)
    content = read_content()
    geojson(
        patches / "inbox" / "r.geojson",
        [({"HLMC": "河"}, {"type": "LineString", "coordinates": [[114.3, 34.8], [114.4, 34.8]]})],
    )
    enter(patches, "inbox/r.geojson", "river")
    workspace = read_workspace(patches, content.catalogue)
    run(workspace, content, day, lambda *_: None)
    assert sorted(reads) == ["a.csv", "plots.gpkg", "r.geojson"]
    first = outputs(patches)
    run(workspace, content, day, lambda *_: None)
    assert len(reads) == 3
    second = outputs(patches)
    assert second.keys() == first.keys()
    assert [name for name in first if first[name] != second[name]] == []


def test_a_run_without_its_store_gives_the_same_bytes(root):
    """Reused or taken in anew is no difference to anybody who reads the outputs."""
    day = dt.date(2026, 9, 30)
    content = read_content()
    run(read_workspace(root, content.catalogue), content, day, lambda *_: None)
    first = outputs(root)
    shutil.rmtree(root / "store")
    run(read_workspace(root, content.catalogue), content, day, lambda *_: None)
    assert outputs(root) == first
