"""Metadata of a package as ISO 19115-3:2016 XML: what it is, of whom, where, from what it was made and how good it is."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import shapely

from geosys._text import Text
from geosys.geo.crs import GEOGRAPHIC, parse_crs, to_crs
from geosys.publish.papers.lineage import lineage
from geosys.publish.papers.quality import quality
from geosys.publish.papers.xml_parts import (
    MAIN,
    OTHER,
    citation,
    code,
    date,
    document,
    element,
    identifier,
    locale,
    number,
    party,
    words,
)

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path
    from xml.etree.ElementTree import Element

    from geosys.publish.content import Field, ShapedLayer
    from geosys.publish.papers.account import Account

SPACE = "GeoSys"
NATIONAL = Text(
    "GB/T 19710 地理信息 元数据（核心元素，our_reading）", "GB/T 19710 Metadata (core elements, our_reading)"
)
FORMATS = {
    "gdb": Text("ESRI 文件地理数据库", "ESRI File Geodatabase"), "gpkg": Text("GeoPackage 1.2（OGC 12-128r14）", "GeoPackage 1.2 (OGC 12-128r14)"),
    "shp": Text("ESRI Shapefile（GBK）", "ESRI Shapefile (GBK)"), "txt": Text("界址点坐标交换文件 TXT", "Boundary-point exchange file TXT"),
    "xlsx": Text("Excel 工作簿（Office Open XML）", "Excel workbook (Office Open XML)"),
}  # fmt: skip
AUDIENCES = {
    "internal": Text("仅限接收单位内部使用，不得转交、公开", "For the receiver's internal use only; not to be passed on or made public"),
    "shared": Text("仅限共享部门使用，不得公开", "For the offices that share data; not to be made public"),
    "public": Text("可以公开", "May be made public"),
}  # fmt: skip
_OBJECTS = {"point": "point", "line": "curve", "polygon": "surface"}
_TYPES = {"text": "CharacterString", "integer": "Integer", "number": "Real", "date": "Date", "truth": "Boolean"}
_DECIMALS = 4  # of a degree: a box is rounded outward by at most 11 m


def metadata(account: Account, folder: Path | None = None) -> bytes:
    """Return the record of a package.

    Parameters
    ----------
    folder : the package's, for the size of its data; None: not said.
    """
    profile, layers = account.profile, account.shaped
    root = element(
        "mdb:MD_Metadata",
        identifier("mdb:metadataIdentifier", account.package, SPACE),
        locale("mdb:defaultLocale", MAIN, "zho"),
        element("mdb:metadataScope", element("mdb:MD_MetadataScope", code("mdb:resourceScope", "mcc:MD_ScopeCode", "dataset"))),
        party("mdb:contact", "pointOfContact", profile.sender),
        date(account.day, "creation", "mdb:dateInfo"),
        citation("mdb:metadataStandard", "ISO 19115-3", words("cit:edition", "2016")),
        citation("mdb:metadataStandard", NATIONAL),
        locale("mdb:otherLocale", OTHER, "eng"),
        *(_representation(layer) for layer in layers),
        _reference_system(account.crs),
        _identification(account),
        element("mdb:contentInfo", element("mrc:MD_FeatureCatalogue", _catalogue(account))),
        _distribution(account, folder),
        *quality(account),
        lineage(account),
    )  # fmt: skip
    return document(root)


def _representation(layer: ShapedLayer) -> Element:
    objects = element(
        "msr:MD_GeometricObjects",
        code("msr:geometricObjectType", "msr:MD_GeometricObjectTypeCode", _OBJECTS[layer.layer.geometry]),
        number("msr:geometricObjectCount", "gco:Integer", len(layer.frame)),
    )
    vector = element(
        "msr:MD_VectorSpatialRepresentation",
        code("msr:topologyLevel", "msr:MD_TopologyLevelCode", "geometryOnly"),
        element("msr:geometricObjects", objects),
    )
    return element("mdb:spatialRepresentationInfo", vector)


def _reference_system(crs: str, name: str = "mdb:referenceSystemInfo") -> Element:
    parsed = parse_crs(crs)
    kind = "projected" if parsed.is_projected else "geodeticGeographic2D"
    return element(
        name,
        element(
            "mrs:MD_ReferenceSystem", identifier("mrs:referenceSystemIdentifier", crs, "EPSG", parsed.name),
            code("mrs:referenceSystemType", "mrs:MD_ReferenceSystemTypeCode", kind),
        ),
    )  # fmt: skip


def _identification(account: Account) -> Element:
    profile = account.profile
    marks = [account.mark] if account.mark else []
    themes = element(
        "mri:MD_Keywords", *(words("mri:keyword", layer.layer.title) for layer in account.shaped),
        code("mri:type", "mri:MD_KeywordTypeCode", "theme"),
    )  # fmt: skip
    note = element("mmi:MD_MaintenanceInformation", words("mmi:maintenanceNote", profile.cycle))
    data = element(
        "mri:MD_DataIdentification",
        citation(
            "mri:citation", profile.title, date(account.day, "publication"), words("cit:edition", account.package),
            identifier("cit:identifier", account.package, SPACE),
        ),
        words("mri:abstract", profile.about),
        words("mri:purpose", profile.basis),
        code("mri:status", "mcc:MD_ProgressCode", "completed"),
        party("mri:pointOfContact", "owner", profile.sender),
        party("mri:pointOfContact", "user", profile.receiver),
        code("mri:spatialRepresentationType", "mcc:MD_SpatialRepresentationTypeCode", "vector"),
        element("mri:topicCategory", element("mri:MD_TopicCategoryCode", text="environment")),
        _extent(account),
        element("mri:resourceMaintenance", note),
        element("mri:descriptiveKeywords", themes) if account.shaped else None,
        _constraints(account, marks),
        locale("mri:defaultLocale", f"data-{MAIN}", "zho"),
        words("mri:environmentDescription", account.program),
    )  # fmt: skip
    return element("mdb:identificationInfo", data)


def bounds_degrees(account: Account) -> tuple[float, float, float, float] | None:
    """Return west, south, east, north of all features in degrees, rounded outward; None where there is none."""
    shapes = [
        shape for layer in account.shaped for shape in to_crs(layer.frame.geometry.to_numpy(), account.crs, GEOGRAPHIC)
    ]
    boxes = shapely.bounds([shape for shape in shapes if shape is not None and not shape.is_empty])
    if not len(boxes):
        return None
    unit = 10**_DECIMALS
    low, high = boxes.min(axis=0), boxes.max(axis=0)
    west, south = (math.floor(v * unit) / unit for v in low[:2])
    east, north = (math.ceil(v * unit) / unit for v in high[2:])
    return west, south, east, north


def _extent(account: Account) -> Element:
    box = bounds_degrees(account)
    place = None
    if box is not None:
        names = (
            ("west", "Longitude", box[0]),
            ("east", "Longitude", box[2]),
            ("south", "Latitude", box[1]),
            ("north", "Latitude", box[3]),
        )
        sides = [number(f"gex:{side}Bound{angle}", "gco:Decimal", value) for side, angle, value in names]
        place = element("gex:geographicElement", element("gex:EX_GeographicBoundingBox", *sides))
    day = str(account.run.get("as_of") or account.day.isoformat())
    moment = element("gml:TimeInstant", element("gml:timePosition", text=day), **{"gml:id": "as_of"})
    when = element("gex:temporalElement", element("gex:EX_TemporalExtent", element("gex:extent", moment)))
    description = words("gex:description", account.area) if account.area.zh else None
    return element("mri:extent", element("gex:EX_Extent", description, place, when))


def _constraints(account: Account, marks: list[Text]) -> Element:
    granted = [words("mco:otherConstraints", _granted(permission)) for permission in account.permissions]
    legal = element(
        "mco:MD_LegalConstraints", *(words("mco:useLimitation", mark) for mark in marks),
        code("mco:accessConstraints", "mco:MD_RestrictionCode", "otherRestrictions"),
        code("mco:useConstraints", "mco:MD_RestrictionCode", "otherRestrictions"),
        words("mco:otherConstraints", AUDIENCES[account.profile.audience]), *granted,
    )  # fmt: skip
    return element("mri:resourceConstraints", legal)


def _granted(permission: Mapping[str, Any]) -> Text:
    layer, by, on, document, until = (
        permission.get(name, "") for name in ("layer", "approved_by", "approved_on", "document", "expires_on")
    )
    return Text(
        f"经批准提供 {layer}：批准人 {by}，{on}，文号 {document}，有效至 {until}",
        f"Given by permission, {layer}: {by}, {on}, {document}, until {until}",
    )


def _catalogue(account: Account) -> Element:
    profile = account.profile
    catalogue = element(
        "gfc:FC_FeatureCatalogue",
        words("cat:name", profile.title), words("cat:scope", profile.about), words("cat:versionNumber", account.package),
        element("cat:versionDate", element("gco:Date", text=account.day.isoformat())),
        party("gfc:producer", "author", profile.sender),
        *(element("gfc:featureType", _feature_type(layer)) for layer in account.shaped),
    )  # fmt: skip
    return element("mrc:featureCatalogue", catalogue)


def _feature_type(layer: ShapedLayer) -> Element:
    spec = layer.layer
    return element(
        "gfc:FC_FeatureType", element("gfc:typeName", text=spec.name), words("gfc:definition", spec.title),
        element("gfc:isAbstract", element("gco:Boolean", text="false")),
        *(element("gfc:carrierOfCharacteristics", _attribute(field)) for field in spec.fields),
        element("gfc:featureCatalogue"),
    )  # fmt: skip


def _attribute(field: Field) -> Element:
    length = (
        f"({field.length},{field.decimals})"
        if field.type == "number" and field.length
        else f"({field.length})" * bool(field.length)
    )
    named = element("gco:TypeName", words("gco:aName", _TYPES[field.type] + length))
    listed = [
        element("gfc:listedValue", element("gfc:FC_ListedValue", words("gfc:label", title), words("gfc:code", value)))
        for value, title in field.codes.items()
    ]
    return element(
        "gfc:FC_FeatureAttribute", element("gfc:memberName", text=field.name), words("gfc:definition", field.title),
        words("gfc:cardinality", "1" if field.is_required else "0..1"), words("gfc:code", field.name),
        element("gfc:valueType", named), *listed,
    )  # fmt: skip


def _distribution(account: Account, folder: Path | None) -> Element:
    kinds = list(dict.fromkeys(file.kind for file in account.files if file.kind in FORMATS)) or list(
        account.profile.formats
    )
    formats = [
        element(
            "mrd:distributionFormat",
            element("mrd:MD_Format", citation("mrd:formatSpecificationCitation", FORMATS[kind])),
        )
        for kind in kinds
    ]
    options = None
    if folder is not None:
        size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file() and not path.is_symlink())
        megabytes = number("mrd:transferSize", "gco:Real", round(size / 1e6, 3))
        options = element("mrd:transferOptions", element("mrd:MD_DigitalTransferOptions", megabytes))
    giver = party("mrd:distributorContact", "distributor", account.profile.sender)
    distributor = element("mrd:distributor", element("mrd:MD_Distributor", giver))
    return element("mdb:distributionInfo", element("mrd:MD_Distribution", *formats, distributor, options))
