"""What we write for others' programs, against the schemas of those who made the formats: ISO 19115-3, WMS, WMTS, OWS, GML.

OGC's schemas come with MapProxy, which keeps them for tests of its own; ISO's with a package that `./geo test` installs for them.
WFS has none here but those of its errors and of the features in it.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from lxml import etree
from papers_toy import account, plots, shaped
from services_toy import Client, make_app, make_service

from geosys._text import Text
from geosys.publish.papers.metadata import metadata
from geosys.web.pictures.routes import picture_routes, programs

if TYPE_CHECKING:
    from collections.abc import Mapping

pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # MapProxy's lock files
needs_programs = pytest.mark.skipif(not all(programs().values()), reason="MapServer or MapProxy is not installed here")
OGC = Path(importlib.util.find_spec("mapproxy").submodule_search_locations[0]) / "test" / "schemas"  # type: ignore[union-attr,index]
OGC_ADDRESS, ISO_ADDRESS = "http://schemas.opengis.net/", "http://standards.iso.org/iso/"
# W3C's schema of links, as far as ISO's and GML's make use of it; OGC's older one lacks this group.
LINKS = """<schema xmlns="http://www.w3.org/2001/XMLSchema" targetNamespace="http://www.w3.org/1999/xlink"><attributeGroup name="simpleAttrs">
<attribute name="type" fixed="simple" form="qualified"/><attribute name="href" type="anyURI" form="qualified"/>
<attribute name="role" type="anyURI" form="qualified"/><attribute name="arcrole" type="anyURI" form="qualified"/>
<attribute name="title" form="qualified"/><attribute name="show" form="qualified"/><attribute name="actuate" form="qualified"/>
</attributeGroup></schema>"""


def iso_schemas() -> Path:
    try:
        held = importlib.metadata.distribution("ckanext-iso19115")
    except importlib.metadata.PackageNotFoundError:
        pytest.skip("the schemas of ISO 19115-3 are not installed here: `./geo test` brings them")
    return Path(str(held.locate_file("ckanext/iso19115/namespaces")))


class Shelf(etree.Resolver):
    """Answer addresses of schemas from files; what is not there is asked of nobody."""

    def __init__(self, folders: Mapping[str, Path]) -> None:
        self.folders = folders

    def resolve(self, url: str, _public: str | None, context: Any) -> Any:
        if url == "http://www.w3.org/1999/xlink.xsd":
            return self.resolve_string(LINKS, context)
        if url == "http://www.w3.org/2001/xml.xsd":
            return self.resolve_filename(str(OGC / "xml.xsd"), context)
        for address, folder in self.folders.items():
            if url.startswith(address):
                return self.resolve_filename(str(folder / url.removeprefix(address)), context)
        return None


def parser(folders: Mapping[str, Path], **more: bool) -> etree.XMLParser:
    made = etree.XMLParser(no_network=True, **more)
    made.resolvers.add(Shelf(folders))
    return made


def faults(schema: etree.XMLSchema, document: bytes) -> list[str]:
    schema.validate(etree.fromstring(document).getroottree())
    return [f"line {fault.line}: {fault.message}" for fault in schema.error_log]


def together(folders: Mapping[str, Path], parts: Mapping[str, str]) -> etree.XMLSchema:
    """Return one schema of several namespaces: their addresses by namespace."""
    imports = "".join(f'<import namespace="{space}" schemaLocation="{place}"/>' for space, place in parts.items())
    text = f'<schema xmlns="http://www.w3.org/2001/XMLSchema">{imports}</schema>'
    return etree.XMLSchema(etree.fromstring(text, parser(folders)))


@pytest.fixture(scope="module")
def iso() -> etree.XMLSchema:
    # The schema of a data set's record does not name that of feature catalogues, which stand in it by substitution.
    folder = iso_schemas()
    parts = {f"{ISO_ADDRESS}{name}": f"{ISO_ADDRESS}{name}/{name.split('/')[-2]}.xsd" for name in (
        "19115/-3/mds/1.0", "19110/gfc/1.1",
    )}  # fmt: skip
    return together({ISO_ADDRESS: folder, OGC_ADDRESS: folder / "schemas.opengis.net"}, parts)


NOTHING = account(shaped=(), permissions=(), mark=None)
HOSTILE = "]]><script>\x00\u202e\ud800&amp;"


@pytest.mark.parametrize(
    "made",
    [
        account(),
        NOTHING,
        account(shaped=shaped(plots().iloc[:0])[:1]),
        account(profile=replace(account().profile, title=Text(HOSTILE, HOSTILE), sender=Text(HOSTILE, "en"))),
        account(run={"as_of": "2026-09-29", "program": "GeoSys 0.1.0", "rules": {"a": "1"}}),
    ],
    ids=["whole", "nothing", "empty layer", "hostile", "of a run"],
)
def test_a_record_is_valid_by_the_schemas_of_iso_19115_3(iso: etree.XMLSchema, made: Any) -> None:
    assert faults(iso, metadata(made)) == []


@pytest.mark.parametrize(
    ("sound", "harmed"),
    [
        (b"<gco:Date>", b"<gco:Date>soon "),
        (b"mdb:contact>", b"mdb:kontakt>"),
        (b"<mdq:pass>", b"<mdq:pass/><mdq:pass>"),
        (b"<gfc:isAbstract>", b"<gfc:isabstract/><gfc:isAbstract>"),
    ],
)
def test_the_schemas_of_iso_notice_harm(iso: etree.XMLSchema, sound: bytes, harmed: bytes) -> None:
    record = metadata(account())
    assert sound in record
    assert faults(iso, record.replace(sound, harmed))


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Client:
    folder = tmp_path_factory.mktemp("services")
    return Client(make_app(picture_routes(make_service(folder), folder)))


def ogc(place: str) -> etree.XMLSchema:
    return etree.XMLSchema(etree.parse(str(OGC / place), parser({OGC_ADDRESS: OGC})))


@needs_programs
@pytest.mark.parametrize(
    ("asked", "place"),
    [
        ("wms?SERVICE=WMS&VERSION=1.3.0&REQUEST=GetCapabilities", "wms/1.3.0/capabilities_1_3_0.xsd"),
        ("wms?SERVICE=WMS&VERSION=1.3.0&REQUEST=GetMap&LAYERS=nope", "wms/1.3.0/exceptions_1_3_0.xsd"),
        ("wms?SERVICE=WMS&VERSION=1.3.0&REQUEST=GetMap&LAYERS=<script>", "wms/1.3.0/exceptions_1_3_0.xsd"),
        ("wms?REQUEST=Nope%00%1f", "wms/1.3.0/exceptions_1_3_0.xsd"),
        ("wmts/1.0.0/WMTSCapabilities.xml", "wmts/1.0/wmtsGetCapabilities_response.xsd"),
        ("wmts?SERVICE=WMTS&VERSION=1.0.0&REQUEST=GetCapabilities", "wmts/1.0/wmtsGetCapabilities_response.xsd"),
        ("wmts?SERVICE=WMTS&REQUEST=GetTile&LAYER=nope", "ows/1.1.0/owsExceptionReport.xsd"),
        ("wfs?SERVICE=WFS&VERSION=2.0.0&REQUEST=GetFeature&TYPENAMES=nope", "ows/1.1.0/owsExceptionReport.xsd"),
        ("wmts?SERVICE=WMTS", "ows/1.1.0/owsExceptionReport.xsd"),
        ("wfs?SERVICE=WFS&VERSION=2.0.0&REQUEST=Nope", "ows/1.1.0/owsExceptionReport.xsd"),
        ("wfs?SERVICE=WFS&VERSION=1.0.0&REQUEST=GetFeature&TYPENAME=nope", "wms/1.1.1/OGC-exception.xsd"),
        ("wfs?SERVICE=WFS&VERSION=1.0.0&REQUEST=Nope", "wms/1.1.1/OGC-exception.xsd"),
    ],
)
@pytest.mark.parametrize("who", ["local", "west", "nobody"])
def test_answers_are_valid_by_the_schemas_of_ogc(client: Client, who: str, asked: str, place: str) -> None:
    assert faults(ogc(place), client.get(f"/as-{who}/{asked}").content) == []


@needs_programs
def test_the_schemas_of_ogc_notice_harm(client: Client) -> None:
    told = client.get("/as-local/wms?SERVICE=WMS&VERSION=1.3.0&REQUEST=GetCapabilities").content
    assert b"<Name>" in told
    assert faults(ogc("wms/1.3.0/capabilities_1_3_0.xsd"), told.replace(b"<Name>", b"<Name/><Name>", 1))


@needs_programs
def test_wms_1_1_1_is_valid_by_its_document_type(client: Client) -> None:
    told = client.get("/as-local/wms?SERVICE=WMS&VERSION=1.1.1&REQUEST=GetCapabilities").content
    strict = parser({OGC_ADDRESS: OGC}, dtd_validation=True, load_dtd=True)
    assert etree.fromstring(told, strict).tag == "WMT_MS_Capabilities"
    with pytest.raises(etree.XMLSyntaxError, match="Nome"):
        etree.fromstring(
            told.replace(b"<Name>", b"<Nome/><Name>", 1), parser({OGC_ADDRESS: OGC}, dtd_validation=True, load_dtd=True)
        )


@needs_programs
@pytest.mark.parametrize("asked", ["REQUEST=GetMap&LAYERS=nope", "REQUEST=GetMap&WIDTH=-1", "REQUEST=<&'\""])
def test_faults_of_wms_1_1_1_are_valid_by_their_document_type(client: Client, asked: str) -> None:
    told = client.get(f"/as-local/wms?SERVICE=WMS&VERSION=1.1.1&{asked}")
    assert told.headers["content-type"].startswith("application/vnd.ogc.se_xml")
    types = etree.DTD(str(OGC / "wms/1.1.1/exception_1_1_1.dtd"))
    assert types.validate(etree.fromstring(told.content)), types.error_log


@needs_programs
@pytest.mark.parametrize("layer", ["source_zone", "outfall", "river", "township"])
def test_features_of_wfs_2_are_valid_by_what_the_service_says_of_them_and_gml(client: Client, layer: str) -> None:
    gml = {OGC_ADDRESS: iso_schemas() / "schemas.opengis.net"}
    about = client.get(f"/as-local/wfs?SERVICE=WFS&VERSION=2.0.0&REQUEST=DescribeFeatureType&TYPENAMES={layer}").content
    schema = etree.XMLSchema(etree.fromstring(about, parser(gml)))
    told = etree.fromstring(
        client.get(f"/as-local/wfs?SERVICE=WFS&VERSION=2.0.0&REQUEST=GetFeature&TYPENAMES={layer}").content
    )
    members = told.findall("{*}member/*")
    assert members
    assert [fault for member in members for fault in faults(schema, etree.tostring(member))] == []
