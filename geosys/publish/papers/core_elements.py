"""The core elements of GB/T 19710 as a readable page: each with its obligation, and its value as the XML record has it.

Which elements are core, and which of them are mandatory, is our reading: the standard's text is not at hand. The list follows what
we know of its core metadata for geographic datasets, which are those of ISO 19115:2003.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple
from xml.etree import ElementTree as ET

from geosys._text import Text
from geosys.maps.paper.sheet import Sheet, Table
from geosys.maps.plot_page import page_of
from geosys.publish.papers.xml_parts import NAMESPACES

if TYPE_CHECKING:
    from geosys.maps.paper.press import Press
    from geosys.publish.papers.account import Account

CERTAINTY = "our_reading"
OBLIGATIONS = {"M": Text("必选", "mandatory"), "C": Text("条件必选", "conditional"), "O": Text("可选", "optional")}
_DATA = "mdb:identificationInfo/mri:MD_DataIdentification"
_BOX = f"{_DATA}/mri:extent/gex:EX_Extent/gex:geographicElement/gex:EX_GeographicBoundingBox/"
_NAME = "/cit:CI_Responsibility/cit:party/cit:CI_Organisation/cit:name"
_DATE = "/cit:CI_Date/cit:date/gco:DateTime"
_TITLE = "/cit:CI_Citation/cit:title"


class Core(NamedTuple):
    """Hold one core element: its names, obligation (M, C, O) and where its values stand in the record; nowhere: not given."""

    title: Text
    obligation: str
    paths: tuple[str, ...]


CORE = (
    Core(Text("数据集名称", "Dataset title"), "M", (f"{_DATA}/mri:citation{_TITLE}",)),
    Core(Text("数据集引用日期", "Dataset reference date"), "M", (f"{_DATA}/mri:citation/cit:CI_Citation/cit:date{_DATE}",)),
    Core(Text("数据集负责单位", "Dataset responsible party"), "O", (f"{_DATA}/mri:pointOfContact{_NAME}",)),
    Core(Text("数据集地理位置（西、东、南、北）", "Geographic location (west, east, south, north)"), "C", tuple(
        f"{_BOX}gex:{side}/gco:Decimal"
        for side in ("westBoundLongitude", "eastBoundLongitude", "southBoundLatitude", "northBoundLatitude")
    )),
    Core(Text("数据集语种", "Dataset language"), "M", (f"{_DATA}/mri:defaultLocale/lan:PT_Locale/lan:language/lan:LanguageCode",)),
    Core(Text("数据集字符集", "Dataset character set"), "C", (
        f"{_DATA}/mri:defaultLocale/lan:PT_Locale/lan:characterEncoding/lan:MD_CharacterSetCode",
    )),
    Core(Text("数据集专题分类", "Dataset topic category"), "M", (f"{_DATA}/mri:topicCategory/mri:MD_TopicCategoryCode",)),
    Core(Text("数据集空间分辨率", "Spatial resolution"), "O", ()),
    Core(Text("数据集摘要", "Abstract"), "M", (f"{_DATA}/mri:abstract",)),
    Core(Text("分发格式", "Distribution format"), "O", (
        f"mdb:distributionInfo/mrd:MD_Distribution/mrd:distributionFormat/mrd:MD_Format/mrd:formatSpecificationCitation{_TITLE}",
    )),
    Core(Text("时间和垂向覆盖范围补充信息", "Additional extent (temporal, vertical)"), "O", (
        f"{_DATA}/mri:extent/gex:EX_Extent/gex:temporalElement/gex:EX_TemporalExtent/gex:extent/gml:TimeInstant/gml:timePosition",
    )),
    Core(Text("空间表示类型", "Spatial representation type"), "O", (
        f"{_DATA}/mri:spatialRepresentationType/mcc:MD_SpatialRepresentationTypeCode",
    )),
    Core(Text("参照系", "Reference system"), "O", tuple(
        f"mdb:referenceSystemInfo/mrs:MD_ReferenceSystem/mrs:referenceSystemIdentifier/mcc:MD_Identifier/mcc:{part}"
        for part in ("code", "description")
    )),
    Core(Text("数据志", "Lineage"), "O", (
        "mdb:resourceLineage/mrl:LI_Lineage/mrl:statement",
        "mdb:resourceLineage/mrl:LI_Lineage/mrl:processStep/mrl:LI_ProcessStep/mrl:description",
    )),
    Core(Text("在线资源", "Online resource"), "O", ()),
    Core(Text("元数据文件标识符", "Metadata file identifier"), "O", ("mdb:metadataIdentifier/mcc:MD_Identifier/mcc:code",)),
    Core(Text("元数据标准名称", "Metadata standard name"), "O", (f"mdb:metadataStandard{_TITLE}",)),
    Core(Text("元数据标准版本", "Metadata standard version"), "O", ("mdb:metadataStandard/cit:CI_Citation/cit:edition",)),
    Core(Text("元数据语种", "Metadata language"), "C", ("mdb:defaultLocale/lan:PT_Locale/lan:language/lan:LanguageCode",)),
    Core(Text("元数据字符集", "Metadata character set"), "C", (
        "mdb:defaultLocale/lan:PT_Locale/lan:characterEncoding/lan:MD_CharacterSetCode",
    )),
    Core(Text("元数据联系单位", "Metadata point of contact"), "M", (f"mdb:contact{_NAME}",)),
    Core(Text("元数据创建日期", "Metadata date stamp"), "M", (f"mdb:dateInfo{_DATE}",)),
)  # fmt: skip
_NOT_GIVEN = Text("未给出", "not given")


def core_values(record: bytes) -> list[tuple[Core, list[str]]]:
    """Return the values of each core element as a record has them, Chinese first where it has both languages."""
    root = ET.fromstring(record)  # noqa: S314  written a moment ago by `metadata`
    return [(core, [value for path in core.paths for value in _values(root, path)]) for core in CORE]


def core_page(record: bytes, account: Account, press: Press) -> str:
    """Return the page of a record as HTML that needs nothing else."""
    rows = [
        (
            core.title.both(),
            OBLIGATIONS[core.obligation].both(),
            "\n".join(values) or _NOT_GIVEN.both(),
            ", ".join(core.paths[:1]),
        )
        for core, values in core_values(record)
    ]
    note = Text(
        f"核心元素的清单及其约束条件按我们的理解列出（{CERTAINTY}），未对照 GB/T 19710 原文；完整记录见同名 XML 文件（ISO 19115-3:2016）。",
        f"Which elements are core, and their obligation, is {CERTAINTY}: not held against the text of GB/T 19710. "
        "The whole record is the XML file of the same name (ISO 19115-3:2016).",
    )  # fmt: skip
    head = ("核心元素 Core element", "约束 Obligation", "内容 Value", "位置 Path in the record")
    sheet = Sheet(
        title=f"元数据 Metadata: {account.profile.title.both()}", subtitle=account.package, as_of=account.day, program=account.program,
        blocks=[Table(head, rows, widths=(3, 1.4, 7, 4))],
        boxes=[], notes=[note.zh, note.en], marks=[account.mark.both()] if account.mark else [],
    )  # fmt: skip
    return page_of(sheet, press)


def _values(root: ET.Element, path: str) -> list[str]:
    found = []
    for at in root.iterfind(path, NAMESPACES):
        texts = [(part.text or "").strip() for part in at.iter()]
        found.append(" / ".join(text for text in texts if text))
    return found
