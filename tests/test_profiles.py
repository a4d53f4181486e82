"""Profiles: all that are shipped are sound and fit every format, the sharing list is whole, and wrong ones are named at once."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING

import pytest
from publish_toy import PROFILE, catalogue, profile_of

from geosys._errors import SpecError
from geosys.publish.derived import MEASURES
from geosys.publish.profile_reading import FORMATS
from geosys.publish.profiles import profile_named, read_profiles, with_formats, with_layers
from geosys.publish.zones import crs_for, is_zone_numbered, zone_numbered

if TYPE_CHECKING:
    from pathlib import Path

    from geosys.publish.profile_reading import ShippedProfile

SHIPPED = read_profiles(catalogue().root, catalogue())
SHARING = [name for name in SHIPPED if name.startswith("sharing_")]


@pytest.mark.parametrize("name", SHIPPED)
def test_a_shipped_profile_says_who_gives_what_to_whom(name: str) -> None:
    profile = SHIPPED[name]
    texts = (
        profile.title,
        profile.about,
        profile.sender,
        profile.receiver,
        profile.cycle,
        profile.receipt,
        profile.basis,
    )
    assert all(text.zh and text.en for text in texts)
    assert set(profile.formats) <= set(FORMATS)
    assert profile.layers or profile.lacking.zh or profile.is_open
    for layer in profile.layers:
        assert layer.title.zh
        assert layer.title.en
        for field in layer.fields:
            assert len(field.name.encode("gbk")) <= 10
            assert field.title.zh
            assert field.title.en
            assert field.disclosure in {"internal", "shared", "public"}
            if field.type == "text":
                assert 0 < field.length <= 127, "a shapefile holds 254 bytes, 127 Chinese letters"


@pytest.mark.parametrize("name", SHIPPED)
def test_code_lists_fit_their_fields(name: str) -> None:
    for layer in SHIPPED[name].layers:
        for field in layer.fields:
            assert all(len(code) <= field.length for code in field.codes), (layer.name, field.name)


@pytest.mark.parametrize("name", SHIPPED)
def test_what_is_ours_is_not_called_confirmed(name: str) -> None:
    for layer in SHIPPED[name].layers:
        assert {field.certainty for field in layer.fields} <= {"our_reading", "unconfirmed"}


def test_the_issue_s_profiles_are_there() -> None:
    assert {"construction_land", "plots", "farmland", "outfalls", "source_zones", "generic"} <= set(SHIPPED)
    assert len(SHARING) == 11


def test_the_sharing_list_names_the_offices_of_its_rows(root: Path) -> None:
    path = root.parent / "shared" / "standards" / "data_sharing_matrix.csv"
    if not path.is_file():
        pytest.skip("the list of data to be shared is not beside the project (../shared/standards)")
    with path.open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["source"] == "004 土(五)2"]
    words = {"生态环境": "生态环境局", "资源规划": "自然资源和规划局", "农业农村": "农业农村局"}
    assert len(rows) == len(SHARING)
    for row, name in zip(rows, SHARING, strict=True):
        profile = SHIPPED[name]
        assert profile.sender.zh == words[row["provider"]], name
        assert profile.receiver.zh == "、".join(words[office] for office in row["receiver"].split("+")), name
        assert f"第{int(name[8:10])}项" in profile.basis.zh


def test_what_no_layer_holds_is_told_and_has_no_layers() -> None:
    empty = [name for name in SHARING if not SHIPPED[name].layers]
    assert [name[8:10] for name in empty] == ["03", "04", "07", "11"]
    assert all("图层" in SHIPPED[name].lacking.zh for name in empty)


# --- the caller's own layers ---


@pytest.mark.parametrize("name", [n for n, spec in catalogue().layers.items() if spec.geometry != "none"])
def test_any_layer_with_a_geometry_can_be_handed_over(name: str) -> None:
    (layer,) = with_layers(SHIPPED["generic"], [name], catalogue()).layers
    names = [field.name for field in layer.fields]
    assert len({n.casefold() for n in names}) == len(names)
    assert all(len(n.encode("gbk")) <= 10 for n in names)
    assert [field.column for field in layer.fields[1:]] == list(catalogue().layers[name].titles)
    assert layer.key == ("标识",)


def test_points_have_no_boundary_files() -> None:
    point = next(n for n, spec in catalogue().layers.items() if spec.geometry == "point")
    assert "txt" not in with_layers(SHIPPED["generic"], [point], catalogue()).formats


@pytest.mark.parametrize(("profile", "layers", "told"), [
    ("generic", [], "--layer"),
    ("generic", ["outfal"], "Did you mean 'outfall'"),
    ("generic", ["water_sample"], "a layer with a geometry"),
    ("plots", ["outfall"], "Its own are fixed"),
])  # fmt: skip
def test_wrong_layers_of_the_caller_raise(profile: str, layers: list[str], told: str) -> None:
    with pytest.raises(SpecError, match=told):
        with_layers(SHIPPED[profile], layers, catalogue())


def test_some_formats_may_do() -> None:
    assert with_formats(SHIPPED["plots"], ["gpkg", "gdb"]).formats == ("gdb", "gpkg")
    assert with_formats(SHIPPED["plots"], []).formats == SHIPPED["plots"].formats
    with pytest.raises(SpecError, match="a format of the profile 'outfalls'"):
        with_formats(SHIPPED["outfalls"], ["txt"])


def test_an_unknown_profile_has_a_neighbour() -> None:
    with pytest.raises(SpecError, match="Did you mean 'plots'"):
        profile_named(SHIPPED, "plot")


# --- wrong profiles ---

KEY = 'key      = ["DKBM"]'
NAME = '{ name = "DKMC", column = "plot_name", length = 10, required = true }'


def read(text: str, folder: Path) -> ShippedProfile:
    return profile_of(text, folder)


@pytest.mark.parametrize(("change", "told"), [
    (('audience = "shared"', 'audience = "everybody"'), "a disclosure level"),
    (('certainty = "confirmed"', 'certainty = "sure"'), "a certainty"),
    (('"gdb", "gpkg"', '"gdb", "dwg"'), "a format"),
    (('"gdb", "gpkg"', '"gdb", "gdb"'), "each once"),
    (('crs      = "plan"', 'crs      = "EPSG:999999"'), "expected one PROJ knows"),
    (('crs      = "plan"', 'crs      = "EPSG:2383"'), "an EPSG code of CGCS2000"),
    (('crs      = "plan"', 'crs      = "EPSG:4526"'), "zone_prefix = true beside it"),
    (('crs      = "plan"', 'crs      = "EPSG:4490"\nzone_prefix = true'), "a Gauss-Kruger zone"),
    (('source   = "suspected_plot"', 'source   = "suspectd_plot"'), "Did you mean 'suspected_plot'"),
    (('geometry = "polygon"', 'geometry = "point"'), "'polygon', that of suspected_plot"),
    ((KEY, "key      = []"), "the fields that tell rows apart"),
    ((KEY, 'key      = ["DKBH"]'), "Did you mean 'DKBM'"),
    ((KEY, KEY + '\nwhere    = { trad = ["化工"] }'), "Did you mean 'trade'"),
    ((NAME, NAME.replace("DKMC", "dkbm")), "a name used once"),
    ((NAME, NAME.replace("DKMC", "DIKUAIMINGCHENG")), "at most 10 bytes of GBK"),
    ((NAME, NAME.replace("DKMC", "地块的全部名称")), "at most 10 bytes of GBK"),
    ((NAME, NAME.replace("DKMC", "2MC")), "at most 10 bytes of GBK"),
    ((NAME, NAME.replace("DKMC", "OBJECTID")), "no format keeps for itself"),
    ((NAME, NAME.replace("plot_name", "plot_nam")), "Did you mean 'plot_name'"),
    ((NAME, NAME.replace('column = "plot_name", ', "")), "either a column or a constant"),
    ((NAME, NAME.replace("length = 10", 'length = 10, constant = "x"')), "either a column or a constant"),
    ((NAME, NAME.replace("length = 10", 'type = "date"')), "column of type text can be written as"),
    ((NAME, NAME.replace("length = 10", "length = -1")), "0 to 65535"),
    ((NAME, NAME.replace("length = 10", "decimals = 2")), "digits behind the point"),
    ((NAME, NAME.replace("length = 10", 'codes = "trades"')), "Did you mean 'trade'"),
    ((NAME, NAME.replace("length = 10", 'codes = { a = "甲" }')), "a table of tables"),
    ((NAME, NAME.replace("length = 10", "lenght = 10")), "Did you mean 'length'"),
    (('constant = "2026"', 'constant = "MMXXVI"'), "reads as a field of type integer"),
    (("length = 4, decimals = 1", "length = 1, decimals = 1"), "fewer than its length"),
    (('name     = "DK"', 'name     = "地块"'), "a letter, then letters"),
    (('receipt  = { zh = "签收", en = "Signed" }', 'receipt  = "签收"'), "Give both languages"),
    (('cycle    = { zh = "每季度", en = "Quarterly" }', ""), "the key 'cycle'"),
])  # fmt: skip
def test_a_wrong_profile_raises_with_what_helps(change: tuple[str, str], told: str, tmp_path: Path) -> None:
    assert change[0] in PROFILE
    with pytest.raises(SpecError, match=told) as raised:
        read(PROFILE.replace(*change), tmp_path)
    assert "layers/profiles/toy.toml" in str(raised.value)


def test_all_faults_come_at_once(tmp_path: Path) -> None:
    text = (
        PROFILE.replace('"gdb", "gpkg"', '"gdb", "dwg"')
        .replace("plot_name", "plot_nam")
        .replace('"confirmed"', '"sure"')
    )
    with pytest.raises(SpecError) as raised:
        read(text, tmp_path)
    assert len(str(raised.value).splitlines()) == 3
    assert all(word in str(raised.value) for word in ("dwg", "plot_nam", "sure"))


def test_a_profile_without_layers_says_why(tmp_path: Path) -> None:
    head = PROFILE.partition("[[layers]]")[0]
    with pytest.raises(SpecError, match="the reason why there are none"):
        read(head, tmp_path)
    profile = read(head + 'lacking = { zh = "缺图层", en = "No layer" }\n', tmp_path)
    assert profile.lacking.en == "No layer"
    assert read(head + "open = true\n", tmp_path).is_open


def test_fields_take_title_type_and_disclosure_from_their_column(tmp_path: Path) -> None:
    fields = {field.name: field for field in read(PROFILE, tmp_path).layers[0].fields}
    assert (fields["LRRQ"].title.zh, fields["LRRQ"].type, fields["LRRQ"].disclosure) == (
        "列入名单日期",
        "date",
        "internal",
    )
    assert (fields["NF"].type, fields["NF"].disclosure) == ("integer", "public")
    assert fields["HYLX"].codes == catalogue().codes["trade"].titles


def test_measures_are_no_columns_of_a_layer_but_the_area() -> None:
    for spec in catalogue().layers.values():
        assert set(spec.fields) & set(MEASURES) == set(), spec.id


# --- zones ---


@pytest.mark.parametrize("zone", range(25, 46))
def test_every_zone_of_three_degrees_has_its_number(zone: int) -> None:
    import pyproj

    plain = f"EPSG:{4534 + zone - 25}"
    numbered = zone_numbered(plain)
    assert numbered is not None
    one, other = (dict(pyproj.CRS(c).coordinate_operation.to_json_dict()) for c in (plain, numbered))
    given = {p["name"]: p["value"] for p in one["parameters"]}
    twin = {p["name"]: p["value"] for p in other["parameters"]}
    assert given["Longitude of natural origin"] == twin["Longitude of natural origin"] == 3 * zone
    assert (given["False easting"], twin["False easting"]) == (500_000, zone * 1_000_000 + 500_000)
    assert is_zone_numbered(numbered)
    assert not is_zone_numbered(plain)


@pytest.mark.parametrize("zone", range(13, 24))
def test_every_zone_of_six_degrees_has_its_number(zone: int) -> None:
    import pyproj

    plain = f"EPSG:{4502 + zone - 13}"
    numbered = crs_for("plan", plain, "x", has_zone_prefix=True)
    parameters = pyproj.CRS(numbered).coordinate_operation.to_json_dict()["parameters"]
    twin = {p["name"]: p["value"] for p in parameters}
    assert twin["Longitude of natural origin"] == 6 * zone - 3
    assert twin["False easting"] == zone * 1_000_000 + 500_000
