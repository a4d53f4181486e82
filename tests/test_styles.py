"""Styles beside the data: colours are the palette's, the order of elements is the standard's, MapServer draws them."""

from __future__ import annotations

import datetime as dt
import io
import shutil
import subprocess
import tomllib
import zipfile
from pathlib import PurePosixPath
from urllib.parse import urlencode
from xml.etree import ElementTree as ET

import geopandas as gpd
import numpy as np
import pytest
import shapely
from conftest import ROOT
from PIL import Image

from geosys._text import Text
from geosys.maps.spec import load_map
from geosys.publish.content import Field, Profile, ProfileLayer, ShapedLayer
from geosys.publish.files import write_files
from geosys.publish.styles import write_styles
from geosys.publish.styles.signs import all_signs, signs_of

NONE = Text("", "")
PALETTES = tomllib.loads((ROOT / "maps" / "palettes.toml").read_text(encoding="utf-8"))
SLD, SE, OGC = "{http://www.opengis.net/sld}", "{http://www.opengis.net/se}", "{http://www.opengis.net/ogc}"
MAPSERV = shutil.which("mapserv")


def text(name, zh, column, codes=None):
    return Field(name, Text(zh, zh), "text", 20, column=column, codes=codes or {})


def layer(name, source, geometry, *fields):
    return ProfileLayer(name, Text(f"{name}层", name), source, geometry, fields, (fields[0].name,))


def shaped(spec, columns, shapes):
    frame = gpd.GeoDataFrame(columns, geometry=shapes, crs="EPSG:4547")
    return ShapedLayer(spec, frame, "v1", len(frame), 0, 0, None)


LEVELS = {"一级": NONE, "二级": NONE, "准": NONE}
ZONES = layer(
    "BHQ",
    "source_zone",
    "polygon",
    text("BM", "编码", "zone_code"),
    text("MC", "名称", "zone_name"),
    text("JB", "级别", "level", LEVELS),
)
LAND = layer("GHYD", "planned_land_use", "polygon", text("BM", "编码", "patch_code"), text("YT", "用途", "plan_code"))
SPOTS = layer(
    "PWK",
    "outfall",
    "point",
    text("BM", "编码", "outfall_code"),
    text("MC", "名称", "outfall_name"),
    text("ZT", "状态", "rectify_state"),
)
DITCHES = layer("HC", "black_odorous_water", "line", text("BM", "编码", "water_code"), text("ZT", "状态", "state"))
RISKS = layer("XS", "findings", "point", text("BH", "编号", "finding_id"), text("JL", "结论", "outcome"))
LONE = layer("QT", "something_else", "polygon", text("BM", "编码", "code"))
WEST, SOUTH = 500_000, 3_850_000


def square(column, row, side=900):
    return shapely.MultiPolygon(
        [shapely.box(WEST + column * 1000, SOUTH + row * 1000, WEST + column * 1000 + side, SOUTH + row * 1000 + side)]
    )


def layers():
    return [
        shaped(SPOTS, {"BM": ["P1", "P2"], "MC": ["一号口", "二号口"], "ZT": ["已完成", None]}, [shapely.Point(WEST, SOUTH), shapely.Point(WEST + 500, SOUTH)]),
        shaped(
            ZONES,
            {"BM": ["1", "2", "3", "4"], "MC": ["甲", "乙", "丙", None], "JB": ["一级", "二级", "准", None]},
            [square(n, 0) for n in range(4)],
        ),
        shaped(LAND, {"BM": ["A", "B", "C"], "YT": ["0701", "070102", "99"]}, [square(n, 2) for n in range(3)]),
        shaped(DITCHES, {"BM": ["D"], "ZT": ["未治理"]}, [shapely.MultiLineString([[(WEST, SOUTH), (WEST + 900, SOUTH + 50)]])]),
        shaped(RISKS, {"BH": [], "JL": []}, []),
        shaped(LONE, {"BM": ["X"]}, [square(0, 4)]),
    ]  # fmt: skip


@pytest.fixture(scope="module")
def spec():
    return load_map(ROOT / "maps")


@pytest.fixture(scope="module")
def package(tmp_path_factory, spec):
    folder = tmp_path_factory.mktemp("package")
    values = dict.fromkeys(("title", "about", "sender", "receiver", "cycle", "receipt", "basis"), NONE)
    profile = Profile(
        id="toy",
        audience="shared",
        crs="plan",
        has_zone_prefix=False,
        formats=("gpkg", "shp"),
        layers=(),
        certainty="our_reading",
        **values,
    )
    files = write_files(folder, layers(), profile, dt.date(2026, 11, 22))
    return folder, write_styles(folder, layers(), spec, files, "玩具县")


def parsed(path):
    """Return the tree of a document that we wrote ourselves."""
    return ET.parse(path)  # noqa: S314


def rules(root, space):
    """Return of each rule that draws: its title, the values it is for, and the parameters of its symbols in order."""
    found = []
    for rule in root.iter(f"{space}Rule"):
        parameters = [
            (p.get("name"), p.text) for p in rule.iter() if p.tag in (f"{SLD}CssParameter", f"{SE}SvgParameter")
        ]
        title = next(rule.iter(f"{space}Title")).text
        held = [] if rule.find(f".//{OGC}Not") is not None else [literal.text for literal in rule.iter(f"{OGC}Literal")]
        found.append((title, held, parameters))
    return found


def test_every_layer_has_its_styles_where_the_list_says(package):
    folder, files = package
    places = [str(file.path) for file in files]
    for name in ("BHQ", "GHYD", "PWK", "HC", "XS", "QT"):
        assert {f"styles/{name}.sld", f"styles/{name}_1.1.sld", f"styles/{name}.qml", f"data/shp/{name}.qml"} <= set(
            places
        )
    assert places[-1] == "toy.qgz"
    assert len(places) == len(set(places)) == 6 * 4 + 1
    assert all((folder / place).is_file() for place in places)
    assert (folder / "styles/BHQ.qml").read_bytes() == (folder / "data/shp/BHQ.qml").read_bytes()


@pytest.mark.parametrize(("file", "space"), [("BHQ.sld", SLD), ("BHQ_1.1.sld", SE)])
def test_areas_are_filled_with_the_colours_of_the_palette_and_keep_its_hatches(package, file, space):
    folder, _ = package
    root = parsed(folder / "styles" / file).getroot()
    by_value = {
        values[0]: dict(parameters) | {"title": title} for title, values, parameters in rules(root, space) if values
    }
    style = PALETTES["styles"]["source_zone"]
    assert set(by_value) == set(PALETTES["classes"]["zone_level"])
    for code, swatch in PALETTES["classes"]["zone_level"].items():
        assert by_value[code]["fill"] == swatch["colour"]
        assert by_value[code]["title"] == swatch["zh"]
        assert float(by_value[code]["fill-opacity"]) == style["opacity"]
        assert (by_value[code]["stroke"], float(by_value[code]["stroke-width"])) == (style["colour"], style["width"])
    marks = [mark.text for mark in root.iter(f"{space}WellKnownName")]
    assert marks == ["x", "shape://slash", "circle"], "cross, forward and dots; other values have no hatch"


def test_other_values_take_the_colour_of_the_layer(package):
    folder, _ = package
    root = parsed(folder / "styles/BHQ.sld").getroot()
    others = [rule for rule in root.iter(f"{SLD}Rule") if rule.find(f"{OGC}Filter/{OGC}Not") is not None]
    assert len(others) == 1
    assert [v.text for v in others[0].findall(f".//{OGC}Not/{OGC}Or/{OGC}PropertyIsEqualTo/{OGC}Literal")] == [
        "一级",
        "二级",
        "准",
    ]
    fills = [p.text for p in others[0].iter(f"{SLD}CssParameter") if p.get("name") == "fill"]
    assert fills == [PALETTES["styles"]["source_zone"]["fill"]]


def test_a_code_without_a_class_of_its_own_takes_that_of_its_beginning(package):
    folder, _ = package
    found = {
        tuple(values): dict(parameters)
        for _, values, parameters in rules(parsed(folder / "styles/GHYD.sld").getroot(), SLD)
    }
    housing = next(values for values in found if "0701" in values)
    assert {"07", "0701", "070102"} == set(housing)
    assert found[housing]["fill"] == PALETTES["classes"]["plan_code"]["07"]["colour"]
    assert not any("99" in values for values in found)


def test_lines_take_the_colour_and_the_dashes_of_the_palette(package):
    folder, _ = package
    found = {
        tuple(values): dict(parameters)
        for _, values, parameters in rules(parsed(folder / "styles/HC.sld").getroot(), SLD)
    }
    assert found["未治理",]["stroke"] == PALETTES["classes"]["black_odorous_state"]["未治理"]["colour"]
    assert found["未治理",]["stroke-dasharray"] == "6 4"


def test_a_hollow_mark_bears_the_colour_of_its_class_on_its_edge(package):
    folder, _ = package
    root = parsed(folder / "styles/PWK.sld").getroot()
    found = {tuple(values): dict(parameters) for _, values, parameters in rules(root, SLD)}
    classes = PALETTES["classes"]["rectify_state"]
    assert (found["已完成",]["fill"], found["已完成",]["stroke"]) == ("#FFFFFF", classes["已完成"]["colour"])
    assert found["未整治",]["fill"] == classes["未整治"]["colour"]
    turned = [rule for rule in root.iter(f"{SLD}Rule") if rule.find(f".//{SLD}Rotation") is not None]
    assert [next(rule.iter(f"{SLD}Title")).text for rule in turned] == ["未整治", "其他"], "inverted triangles"


def test_findings_are_coloured_by_their_outcome_also_where_there_is_none(package):
    folder, _ = package
    found = {
        values[0]: dict(p)["fill"] for _, values, p in rules(parsed(folder / "styles/XS.sld").getroot(), SLD) if values
    }
    assert found == {word: swatch["colour"] for word, swatch in PALETTES["outcomes"].items()}


# The content models of OGC 02-070 (SLD 1.0.0) and 05-077r4 (SE 1.1.0): what may stand in an element, in this order.
ORDER = {
    "StyledLayerDescriptor": ("NamedLayer",),
    "NamedLayer": ("Name", "UserStyle"),
    "UserStyle": ("Name", "Title", "Abstract", "Description", "IsDefault", "FeatureTypeStyle"),
    "FeatureTypeStyle": ("Rule",),
    "Rule": (
        "Name", "Title", "Abstract", "Description", "Filter", "ElseFilter", "MinScaleDenominator", "MaxScaleDenominator",
        "LineSymbolizer", "PolygonSymbolizer", "PointSymbolizer", "TextSymbolizer",
    ),
    "PolygonSymbolizer": ("Fill", "Stroke"),
    "LineSymbolizer": ("Stroke",),
    "PointSymbolizer": ("Graphic",),
    "Graphic": ("Mark", "Opacity", "Size", "Rotation"),
    "Mark": ("WellKnownName", "Fill", "Stroke"),
    "Fill": ("GraphicFill", "CssParameter", "SvgParameter"),
    "Stroke": ("CssParameter", "SvgParameter"),
    "GraphicFill": ("Graphic",),
    "TextSymbolizer": ("Label", "Font", "LabelPlacement", "Halo", "Fill"),
    "Font": ("CssParameter", "SvgParameter"),
    "LabelPlacement": ("PointPlacement", "LinePlacement"),
    "PointPlacement": ("AnchorPoint", "Displacement", "Rotation"),
    "AnchorPoint": ("AnchorPointX", "AnchorPointY"),
    "Displacement": ("DisplacementX", "DisplacementY"),
    "Halo": ("Radius", "Fill"),
    "Description": ("Title", "Abstract"),
    "Filter": ("PropertyIsEqualTo", "Or", "Not"),
    "Or": ("PropertyIsEqualTo",),
    "Not": ("PropertyIsEqualTo", "Or"),
    "PropertyIsEqualTo": ("PropertyName", "Literal"),
    "Label": ("PropertyName",),
}  # fmt: skip


@pytest.mark.parametrize(("end", "version", "space"), [(".sld", "1.0.0", SLD), ("_1.1.sld", "1.1.0", SE)])
def test_an_sld_has_the_elements_of_its_version_in_the_order_of_the_standard(package, end, version, space):
    folder, _ = package
    for name in ("BHQ", "GHYD", "PWK", "HC", "XS", "QT"):
        root = parsed(folder / "styles" / f"{name}{end}").getroot()
        assert (root.tag, root.get("version")) == (f"{SLD}StyledLayerDescriptor", version)
        for parent in root.iter():
            allowed = ORDER.get(parent.tag.partition("}")[2], ())
            children = [child.tag.partition("}")[2] for child in parent]
            assert all(child in allowed for child in children), f"{name}: {parent.tag} holds {children}"
            places = [allowed.index(child) for child in children]
            assert places == sorted(places), f"{name}: {parent.tag} holds {children} out of order"
        spaces = {element.tag.partition("}")[0] + "}" for element in root.iter()}
        assert spaces <= ({SLD, OGC} if space == SLD else {SLD, OGC, SE})
        assert {e.tag for e in root.iter() if e.tag.endswith("Parameter")} == {
            f"{space}{'CssParameter' if space == SLD else 'SvgParameter'}"
        }
        assert root.find(f"{SLD}NamedLayer/{space}Name").text == name


def test_labels_are_the_features_names_and_come_before_what_is_drawn(package):
    folder, _ = package
    root = parsed(folder / "styles/BHQ.sld").getroot()
    first, second = root.iter(f"{SLD}FeatureTypeStyle")
    assert first.find(f".//{SLD}Label/{OGC}PropertyName").text == "MC"
    assert second.find(f".//{SLD}TextSymbolizer") is None
    assert not list(parsed(folder / "styles/QT.sld").getroot().iter(f"{SLD}TextSymbolizer"))


# --- QGIS ---


def categories(root):
    """Return value(s) -> colour of the first symbol layer of each category."""
    symbols = {s.get("name"): s for s in root.findall(".//renderer-v2/symbols/symbol")}
    found = {}
    for category in root.iter("category"):
        values = tuple(v.get("value") for v in category.findall("val")) or (category.get("value"),)
        layer = symbols[category.get("symbol")].find("layer")
        options = {o.get("name"): o.get("value") for o in layer.findall("Option/Option")}
        assert options == {p.get("k"): p.get("v") for p in layer.findall("prop")}
        found[values] = options
    return found


def hexed(rgba):
    return "#" + "".join(f"{int(part):02X}" for part in rgba.split(",")[:3])


def test_qgis_styles_have_the_same_classes_and_colours(package):
    folder, _ = package
    zones = categories(parsed(folder / "styles/BHQ.qml").getroot())
    assert {values[0]: hexed(o["color"]) for values, o in zones.items() if values != ("",)} == {
        code: swatch["colour"] for code, swatch in PALETTES["classes"]["zone_level"].items()
    }
    assert zones["一级",]["color"].endswith(f",{round(0.4 * 255)}")
    assert hexed(zones["",]["color"]) == PALETTES["styles"]["source_zone"]["fill"]
    land = categories(parsed(folder / "styles/GHYD.qml").getroot())
    assert hexed(land["07", "0701", "070102"]["color"]) == PALETTES["classes"]["plan_code"]["07"]["colour"]
    ditches = categories(parsed(folder / "styles/HC.qml").getroot())
    assert hexed(ditches["未治理",]["line_color"]) == PALETTES["classes"]["black_odorous_state"]["未治理"]["colour"]
    spots = categories(parsed(folder / "styles/PWK.qml").getroot())
    assert (spots["未整治",]["name"], spots["未整治",]["angle"], hexed(spots["未整治",]["color"])) == (
        "triangle",
        "180",
        "#5E3A1E",
    )
    lone = parsed(folder / "styles/QT.qml").getroot().find("renderer-v2")
    assert lone.get("type") == "singleSymbol"


def test_qgis_styles_name_fields_in_chinese_and_label_by_name(package):
    folder, _ = package
    root = parsed(folder / "styles/BHQ.qml").getroot()
    assert [(a.get("field"), a.get("name")) for a in root.iter("alias")] == [
        ("BM", "编码"),
        ("MC", "名称"),
        ("JB", "级别"),
    ]
    assert root.find(".//text-style").get("fieldName") == "MC"
    assert parsed(folder / "styles/QT.qml").getroot().find("labeling") is None


def test_the_project_opens_the_geopackage_by_a_relative_path_in_the_maps_order(package, spec):
    folder, _ = package
    with zipfile.ZipFile(folder / "toy.qgz") as packed:
        assert packed.namelist() == ["toy.qgs"]
        root = ET.fromstring(packed.read("toy.qgs"))  # noqa: S314
    made = {layer.find("id").text: layer for layer in root.iter("maplayer")}
    listed = [node.get("id") for node in root.iter("layer-tree-layer")]
    assert set(listed) == set(made)
    assert all(len(name) > 10 for name in made), "QGIS gives others new identifiers"
    for layer in made.values():
        file, _, name = layer.find("datasource").text.partition("|layername=")
        assert (folder / PurePosixPath(file)).is_file()
        assert not PurePosixPath(file).is_absolute()
        assert name in {"BHQ", "GHYD", "PWK", "HC", "XS", "QT"}
        assert layer.find("srs/spatialrefsys/authid").text == "EPSG:4547"
        own = parsed(folder / "styles" / f"{name}.qml").getroot()
        assert [
            ET.canonicalize(ET.tostring(layer.find(part)), strip_text=True) for part in ("renderer-v2", "aliases")
        ] == [ET.canonicalize(ET.tostring(own.find(part)), strip_text=True) for part in ("renderer-v2", "aliases")]
    assert root.find("projectCrs/spatialrefsys/authid").text == "EPSG:4547"
    assert root.find("properties/Paths/Absolute").text == "false"
    drawn = [item.text.removeprefix("package_layer_") for item in root.iter("item")]
    views = [view.layer for view in spec.views]
    low_to_high = [
        one.layer.name
        for one in sorted(layers(), key=lambda s: views.index(s.layer.source) if s.layer.source in views else 99)
    ]
    known = [name for name in low_to_high if name not in {"XS", "QT"}]
    assert drawn == ["XS", "QT", *reversed(known)]
    assert {group.get("name") for group in root.iter("layer-tree-group") if group.get("name")} <= {
        t.zh for t in spec.groups.values()
    }


def test_the_same_layers_give_the_same_bytes(package, spec, tmp_path):
    folder, files = package
    from geosys.publish.content import PackageFile

    given = [
        PackageFile(PurePosixPath("data/toy.gpkg"), "gpkg"),
        *(
            PackageFile(PurePosixPath(f"data/shp/{n}.shp"), "shp", (n,))
            for n in ("BHQ", "GHYD", "PWK", "HC", "XS", "QT")
        ),
    ]
    again = write_styles(tmp_path, layers(), spec, given, "玩具县")
    assert [f.path for f in again] == [f.path for f in files]
    assert all((tmp_path / f.path).read_bytes() == (folder / f.path).read_bytes() for f in files)


def test_signs_do_not_depend_on_the_order_of_layers(spec):
    assert all_signs(layers(), spec) == all_signs(layers()[::-1], spec)


def test_a_class_column_that_the_package_leaves_out_gives_one_sign(spec):
    bare = layer("BHQ", "source_zone", "polygon", text("BM", "编码", "zone_code"))
    signs = signs_of(shaped(bare, {"BM": ["1"]}, [square(0, 0)]), spec)
    assert [(sign.title.zh, sign.values) for sign in signs.signs] == [("BHQ层", ())]


# --- a client that we did not write ---

MAP = """MAP
 NAME "toy"
 SIZE 400 100
 EXTENT 500000 3850000 504000 3851000
 PROJECTION "init=epsg:4547" END
 WEB METADATA "ows_title" "toy" "ows_enable_request" "*" "ows_srs" "EPSG:4547" END END
 LAYER
  NAME "BHQ" TYPE POLYGON STATUS ON CONNECTIONTYPE OGR CONNECTION "{data}" DATA "BHQ"
  PROJECTION "init=epsg:4547" END
  METADATA "ows_title" "BHQ" END
 END
END
"""


@pytest.mark.skipif(MAPSERV is None, reason="MapServer's mapserv is not installed")
@pytest.mark.parametrize("file", ["BHQ.sld", "BHQ_1.1.sld"])
def test_mapserver_draws_the_classes_in_the_colours_of_the_palette(package, tmp_path, file):
    folder, _ = package
    (tmp_path / "toy.map").write_text(MAP.format(data=folder / "data/toy.gpkg"), encoding="utf-8")
    (tmp_path / "toy.conf").write_text('CONFIG\n ENV\n  MS_MAP_PATTERN "."\n END\nEND\n', encoding="utf-8")
    asked = {
        "map": tmp_path / "toy.map", "SERVICE": "WMS", "VERSION": "1.1.1", "REQUEST": "GetMap", "LAYERS": "BHQ", "STYLES": "", "SRS": "EPSG:4547",
        "BBOX": "500000,3850000,504000,3851000", "WIDTH": 400, "HEIGHT": 100, "FORMAT": "image/png",
        "SLD_BODY": (folder / "styles" / file).read_text(encoding="utf-8"),
    }  # fmt: skip
    environment = {
        "MAPSERVER_CONFIG_FILE": str(tmp_path / "toy.conf"),
        "QUERY_STRING": urlencode(asked),
        "REQUEST_METHOD": "GET",
    }
    answer = subprocess.run([MAPSERV], env=environment, capture_output=True, check=True).stdout
    head, _, body = answer.partition(b"\r\n\r\n")
    assert b"image/png" in head, answer[:500]
    pixels = np.asarray(Image.open(io.BytesIO(body)).convert("RGB")).astype(int)
    style = PALETTES["styles"]["source_zone"]
    fills = [*(swatch["colour"] for swatch in PALETTES["classes"]["zone_level"].values()), style["fill"]]
    for place, colour in enumerate(fills):
        part = pixels[15:85, place * 100 + 5 : place * 100 + 85].reshape(-1, 3)
        # the fill as it looks over white; the hatch covers the rest
        expected = np.array([round(255 + (int(colour[at : at + 2], 16) - 255) * style["opacity"]) for at in (1, 3, 5)])
        share = (np.abs(part - expected).max(axis=1) <= 2).mean()
        assert share > 0.3, f"{colour} over white covers {share:.0%} of square {place + 1}"
