"""Metadata: order, namespaces and mandatory elements of ISO 19115-3:2016, values by hand, and a reader that we did not write.

`ORDER` is the order of children as the schemas have it, written down by hand, and only what stands
in it may occur. What it cannot show is the types of simple values: `test_schemas` holds records against the schemas themselves.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from html.parser import HTMLParser
from xml.etree import ElementTree as ET

import pyproj
import pytest
from papers_toy import PLOTS, account, plots, shaped

from geosys._text import Text
from geosys.content import content_root
from geosys.maps.paper.press import Press, open_press
from geosys.publish.papers.core_elements import CORE, core_page, core_values
from geosys.publish.papers.metadata import bounds_degrees, metadata
from geosys.publish.papers.report import report_json, report_page
from geosys.publish.papers.xml_parts import NAMESPACES

# parent -> children in order; ! mandatory. Source: ISO 19115-3:2016, 19157-2:2016, 19110 (order of the sequences of each type).
ORDER = {
    "mdb:MD_Metadata": "metadataIdentifier defaultLocale parentMetadata metadataScope contact! dateInfo! metadataStandard metadataProfile "
    "alternativeMetadataReference otherLocale metadataLinkage spatialRepresentationInfo referenceSystemInfo metadataExtensionInfo "
    "identificationInfo! contentInfo distributionInfo dataQualityInfo resourceLineage portrayalCatalogueInfo metadataConstraints "
    "applicationSchemaInfo metadataMaintenance",
    "mdb:MD_MetadataScope": "resourceScope! name",
    "mcc:MD_Identifier": "authority code! codeSpace version description",
    "mcc:MD_Scope": "level! extent levelDescription",
    "mcc:MD_ScopeDescription": "features!",
    "lan:PT_Locale": "language! country characterEncoding!",
    "lan:PT_FreeText": "textGroup!",
    "cit:CI_Citation": "title! alternateTitle date edition editionDate identifier citedResponsibleParty presentationForm series",
    "cit:CI_Date": "date! dateType!",
    "cit:CI_Responsibility": "role! extent party!",
    "cit:CI_Organisation": "name contactInfo partyIdentifier logo individual",
    "msr:MD_VectorSpatialRepresentation": "scope topologyLevel geometricObjects",
    "msr:MD_GeometricObjects": "geometricObjectType! geometricObjectCount",
    "mrs:MD_ReferenceSystem": "referenceSystemIdentifier referenceSystemType",
    "mri:MD_DataIdentification": "citation! abstract! purpose credit status pointOfContact spatialRepresentationType spatialResolution "
    "temporalResolution topicCategory extent additionalDocumentation processingLevel resourceMaintenance graphicOverview resourceFormat "
    "descriptiveKeywords resourceSpecificUsage resourceConstraints associatedResource defaultLocale otherLocale environmentDescription "
    "supplementalInformation",
    "mri:MD_Keywords": "keyword! type thesaurusName keywordClass",
    "gex:EX_Extent": "description geographicElement temporalElement verticalElement",
    "gex:EX_GeographicBoundingBox": "extentTypeCode westBoundLongitude! eastBoundLongitude! southBoundLatitude! northBoundLatitude!",
    "gex:EX_TemporalExtent": "extent!",
    "gml:TimeInstant": "timePosition!",
    "mmi:MD_MaintenanceInformation": "maintenanceAndUpdateFrequency maintenanceDate userDefinedMaintenanceFrequency maintenanceScope maintenanceNote",
    "mco:MD_LegalConstraints": "useLimitation constraintApplicationScope graphic reference releasability responsibleParty accessConstraints "
    "useConstraints otherConstraints",
    "mrc:MD_FeatureCatalogue": "featureCatalogue!",
    "gfc:FC_FeatureCatalogue": "name! scope! fieldOfApplication versionNumber! versionDate! producer! functionalLanguage identifier featureType",
    "gfc:FC_FeatureType": "typeName! definition code isAbstract! aliases designation carrierOfCharacteristics inheritsFrom inheritsTo "
    "constrainedBy definitionReference featureCatalogue!",
    "gfc:FC_FeatureAttribute": "memberName! definition cardinality! definitionReference featureCatalogue designation code valueMeasurementUnit "
    "valueType listedValue",
    "gfc:FC_ListedValue": "label! code definition",
    "gco:TypeName": "aName!",
    "mrd:MD_Distribution": "description distributionFormat distributor transferOptions",
    "mrd:MD_Format": "formatSpecificationCitation! amendmentNumber",
    "mrd:MD_Distributor": "distributorContact!",
    "mrd:MD_DigitalTransferOptions": "unitsOfDistribution transferSize onLine",
    "mdq:DQ_DataQuality": "scope! standaloneQualityReport report!",
    "mdq:DQ_DomainConsistency": "measure evaluationMethod result! derivedElement",
    "mdq:DQ_CompletenessOmission": "measure evaluationMethod result! derivedElement",
    "mdq:DQ_AbsoluteExternalPositionalAccuracy": "measure evaluationMethod result! derivedElement",
    "mdq:DQ_MeasureReference": "measureIdentification nameOfMeasure measureDescription",
    "mdq:DQ_ConformanceResult": "dateTime resultScope specification! explanation pass!",
    "mdq:DQ_QuantitativeResult": "dateTime resultScope value! valueUnit valueRecordType",
    "mrl:LI_Lineage": "statement scope additionalDocumentation source processStep",
    "mrl:LI_Source": "description sourceSpatialResolution sourceReferenceSystem sourceCitation sourceMetadata scope sourceStep",
    "mrl:LI_ProcessStep": "description! rationale stepDateTime processor reference scope source",
}  # fmt: skip
# Children whose namespace is not their parent's: FC_FeatureCatalogue takes its first four from the catalogue it extends.
INHERITED = {"gfc:FC_FeatureCatalogue": {"name", "scope", "versionNumber", "versionDate"}}
PREFIXES = {address: prefix for prefix, address in NAMESPACES.items()}


def parsed(record: bytes) -> ET.Element:
    return ET.fromstring(record)  # noqa: S314  our own


def prefixed(tag: str) -> tuple[str, str]:
    address, _, name = tag[1:].partition("}")
    return PREFIXES[address], name  # an unknown namespace is an error


def faults_of(record: bytes) -> list[str]:
    """Return where a record has children in another order, unknown or missing ones, or of another namespace."""
    faults = []
    for parent in parsed(record).iter():
        prefix, name = prefixed(parent.tag)
        full = f"{prefix}:{name}"
        children = [prefixed(child.tag) for child in parent]
        if full not in ORDER:
            is_property = name[0].islower() or full in {"gco:CharacterString", "gco:Date", "gco:DateTime"}
            if children and not is_property:
                faults.append(f"{full}: a class that stands in no table")
            continue
        words = ORDER[full].split()
        allowed = [word.rstrip("!") for word in words]
        names = [child for _, child in children]
        faults += [f"{full}: {child} unknown" for child in names if child not in allowed]
        faults += [f"{full}: {word[:-1]} missing" for word in words if word.endswith("!") and word[:-1] not in names]
        places = [allowed.index(child) for child in names if child in allowed]
        if places != sorted(places):
            faults.append(f"{full}: {names} out of order")
        for space, child in children:
            expected = "cat" if child in INHERITED.get(full, ()) else prefix
            if space != expected:
                faults.append(f"{full}: {child} of {space}")
    return faults


def at(record: bytes, path: str) -> list[str]:
    root = parsed(record)
    return ["".join(found.itertext()).strip() for found in root.iterfind(path, NAMESPACES)]


@pytest.fixture(scope="module")
def press() -> Press:
    return open_press(content_root() / "maps")


def test_order_namespaces_and_mandatory_elements_are_those_of_the_standard() -> None:
    record = metadata(account())
    assert faults_of(record) == []
    assert NAMESPACES["mdb"] == "http://standards.iso.org/iso/19115/-3/mdb/1.0"
    assert parsed(record).tag == f"{{{NAMESPACES['mdb']}}}MD_Metadata"


@pytest.mark.parametrize("harm", ["swap", "drop", "strange"])
def test_the_test_of_order_can_fail(harm: str) -> None:
    root = parsed(metadata(account()))
    contact = root.find("mdb:contact", NAMESPACES)
    assert contact is not None
    root.remove(contact)
    if harm == "swap":
        root.append(contact)
    elif harm == "strange":
        root.insert(4, contact)
        ET.SubElement(root, f"{{{NAMESPACES['mdb']}}}onSale")
    assert faults_of(ET.tostring(root))


def test_every_mandatory_core_element_has_a_value_and_the_list_is_marked_as_our_reading(press: Press) -> None:
    record = metadata(account())
    values = {core.title.en: found for core, found in core_values(record)}
    assert len(CORE) == 22
    assert all(values[core.title.en] for core in CORE if core.obligation in "MC")
    assert values["Dataset title"] == ["建设用地土壤环境质量图层 / Soil quality of construction land"]
    assert values["Metadata date stamp"] == ["2026-09-30T00:00:00"]
    assert values["Spatial resolution"] == []
    page = core_page(record, account(), press)
    assert "our_reading" in page
    assert "未给出 not given" in page
    assert "样例：两个图层 &lt;&amp;&gt;" in page


def test_values_are_those_of_the_package() -> None:
    made = account(run={"as_of": "2026-09-29", "program": "GeoSys 0.1.0", "rules": {"a": "1"}})
    record = metadata(made)
    box = [float(v) for side in ("west", "east") for v in at(record, f".//gex:{side}BoundLongitude")]
    box += [float(v) for side in ("south", "north") for v in at(record, f".//gex:{side}BoundLatitude")]
    geod = pyproj.Transformer.from_crs(4547, 4490, always_xy=True)
    west, south = geod.transform(500_000, 3_850_000)
    east, north = geod.transform(500_500, 3_850_100)
    assert 0 <= west - box[0] < 1.01e-4
    assert 0 <= box[1] - east < 1.01e-4
    assert 0 <= south - box[2] < 1.01e-4
    assert 0 <= box[3] - north < 1.01e-4
    assert at(record, ".//gml:timePosition") == ["2026-09-29"]
    assert at(record, ".//msr:geometricObjectCount") == ["3", "2"]
    assert at(record, "mdb:referenceSystemInfo//mcc:code") == ["EPSG:4547"]
    assert at(record, ".//mdq:DQ_CompletenessOmission//gco:Record") == ["1", "0"]  # withheld
    assert at(record, ".//mdq:DQ_AbsoluteExternalPositionalAccuracy//gco:Record") == [
        "0.5"
    ]  # none is stated of the points
    assert at(record, ".//mdq:pass") == ["true"]
    assert at(record, ".//mrl:LI_Source//mcc:code")[0] == "EPSG:4547"
    assert "ab" * 32 in at(record, ".//mrl:LI_Source//mcc:code")
    assert at(record, ".//gfc:memberName")[:7] == ["DKBM", "DKMC", "FXDJ", "MJ", "JCS", "LRRQ", "SFYC"]
    assert at(record, ".//gfc:FC_ListedValue/gfc:code") == ["1", "2"]
    assert at(record, ".//gfc:cardinality")[:2] == ["1", "0..1"]
    constraints = at(record, ".//mco:otherConstraints/gco:CharacterString")
    assert "不得公开" in constraints[0]
    assert "样环函〔2026〕1号" in constraints[1]


def test_texts_stand_in_both_languages_by_free_text() -> None:
    record = metadata(account())
    title = parsed(record).find(".//mri:citation/cit:CI_Citation/cit:title", NAMESPACES)
    assert title is not None
    assert title.get(f"{{{NAMESPACES['xsi']}}}type") == "lan:PT_FreeText_PropertyType"
    assert title.findtext("gco:CharacterString", namespaces=NAMESPACES) == "建设用地土壤环境质量图层"
    other = title.find("lan:PT_FreeText/lan:textGroup/lan:LocalisedCharacterString", NAMESPACES)
    assert other is not None
    assert (other.get("locale"), other.text) == ("#en", "Soil quality of construction land")
    locales = {e.get("id") for e in parsed(record).iterfind(".//lan:PT_Locale", NAMESPACES)}
    assert {"zh", "en"} <= locales
    assert "zho" in at(record, "mdb:defaultLocale//lan:LanguageCode")


def test_a_package_without_a_feature_has_no_place_and_says_nothing_wrong() -> None:
    empty = account(shaped=shaped(plots().iloc[:0])[:1])
    assert bounds_degrees(empty) is None
    record = metadata(empty)
    assert faults_of(record) == []
    assert at(record, ".//gex:EX_GeographicBoundingBox") == []
    assert faults_of(metadata(account(shaped=(), permissions=(), mark=None))) == []


class Tags(HTMLParser):
    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.addresses: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.addresses += [value or "" for name, value in attrs if name in {"src", "href"}]


@pytest.mark.parametrize("text", ["a\x00b\x1f", "]]><script>alert(1)</script>", "\u202e反\ud800", "\ufffe&amp;<!--"])
def test_any_text_gives_a_sound_record_and_page(text: str, press: Press) -> None:
    profile = replace(account().profile, title=Text(text, text), about=Text(text, "en"), sender=Text(text, text))
    check = replace(account().checks[1], where=text, got=text, do=text)
    layer = replace(shaped()[0], layer=replace(PLOTS, title=Text(text, "en")))
    made = account(profile=profile, checks=(check,), shaped=(layer,), run={"as_of": text})
    record = metadata(made)
    assert faults_of(record) == []
    for page in (core_page(record, made, press), report_page(made, press)):
        page.encode()
        assert "script" not in Tags(page).tags
        assert not Tags(page).addresses  # nothing to ask for
    assert b"\\ud800" not in record


def test_the_report_of_a_refused_package_says_so_first(press: Press) -> None:
    stopped = replace(account().checks[1], stops=True, title=Text("面积不符", "Area differs"))
    made = account(checks=(*account().checks, stopped))
    page = report_page(made, press)
    assert page.index("不得提供") < page.index("面积不符") < page.index("扣留已说明") < page.index("标识唯一")
    told = report_json(made).decode()
    assert '"verdict": "refused"' in told
    assert '"verdict": "passed"' in report_json(account()).decode()
    assert report_json(made) == report_json(made)


def test_owslib_reads_the_record() -> None:
    iso3 = pytest.importorskip("owslib.iso3", reason="OWSLib is not installed: it reads ISO 19115-3 as others do")
    etree = pytest.importorskip("lxml.etree")
    root = etree.fromstring(metadata(account()))
    for fields in root.findall("mdb:contentInfo", NAMESPACES):
        root.remove(
            fields
        )  # OWSLib 0.35 fails on every feature catalogue: it hands its own reader one argument too many
    read = iso3.MD_Metadata(root)
    assert read.identifier == "toy_2026-09-30_1"
    assert read.datestamp.startswith(dt.date(2026, 9, 30).isoformat())
    found = read.identification[0]
    assert found.title == "建设用地土壤环境质量图层"
    assert found.abstract.startswith("样例")
    assert (found.bbox.minx, found.bbox.maxy) == tuple(str(bounds_degrees(account())[i]) for i in (0, 3))
    assert read.referencesystem.code == "EPSG:4547"
    assert read.contact[0].organization == "样例县生态环境分局"
