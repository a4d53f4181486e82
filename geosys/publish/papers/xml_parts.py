"""The small parts ISO 19115-3 records are made of: elements with prefixes, texts in two languages, codes, parties, citations."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

from geosys._text import Text

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Sequence

_ISO = "http://standards.iso.org/iso/19115/-3/"
# Source: ISO/TS 19115-3:2016 (edition 1.0 of each part), ISO/TS 19157-2:2016, ISO 19110 as ISO 19115-3 uses it.
NAMESPACES = {
    **{part: f"{_ISO}{part}/1.0" for part in (
        "mdb", "cat", "cit", "gco", "gex", "lan", "mcc", "mco", "mmi", "mrc", "mrd", "mri", "mrl", "mrs", "msr",
    )},
    "mdq": "http://standards.iso.org/iso/19157/-2/mdq/1.0",
    "gfc": "http://standards.iso.org/iso/19110/gfc/1.1",
    "gml": "http://www.opengis.net/gml/3.2",
    "xsi": "http://www.w3.org/2001/XMLSchema-instance",
}  # fmt: skip
CODE_LISTS = "http://standards.iso.org/iso/19115/resources/Codelists/cat/codelists.xml"
MAIN, OTHER = "zh", "en"  # ids of the two locales in a record
_ILLEGAL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]")
Words = str | Text


def element(name: str, *children: ET.Element | None, text: str = "", **attributes: str) -> ET.Element:
    """Return an element by its prefixed name; the prefixes are declared at the root. A child of None is left out."""
    made = ET.Element(name, attributes)
    made.extend(child for child in children if child is not None)
    if text:
        made.text = _ILLEGAL.sub("�", text)
    return made


def words(name: str, said: Words) -> ET.Element:
    """Return a property that holds a text, in both languages where it has two."""
    if isinstance(said, str):
        return element(name, element("gco:CharacterString", text=said))
    made = element(name, element("gco:CharacterString", text=said.zh))
    if said.en and said.en != said.zh:
        made.set("xsi:type", "lan:PT_FreeText_PropertyType")
        other = element("lan:LocalisedCharacterString", text=said.en, locale=f"#{OTHER}")
        made.append(element("lan:PT_FreeText", element("lan:textGroup", other)))
    return made


def code(name: str, kind: str, value: str) -> ET.Element:
    """Return a property that holds a value of a code list, as ``cit:CI_RoleCode``."""
    listed = f"{CODE_LISTS}#{kind.partition(':')[2]}"
    return element(name, element(kind, text=value, codeList=listed, codeListValue=value))


def number(name: str, kind: str, value: float) -> ET.Element:
    """Return a property that holds a number, as ``gco:Decimal``."""
    return element(name, element(kind, text=f"{value}"))


def date(day: dt.date, kind: str, name: str = "cit:date") -> ET.Element:
    """Return a date with what happened on it (``creation``, ``publication``)."""
    moment = element("cit:date", element("gco:DateTime", text=f"{day.isoformat()}T00:00:00"))
    return element(name, element("cit:CI_Date", moment, code("cit:dateType", "cit:CI_DateTypeCode", kind)))


def identifier(name: str, value: str, space: str = "", told: Words = "") -> ET.Element:
    """Return an identifier with its space and description."""
    return element(
        name,
        element(
            "mcc:MD_Identifier", words("mcc:code", value), words("mcc:codeSpace", space) if space else None,
            words("mcc:description", told) if told else None,
        ),
    )  # fmt: skip


def citation(name: str, title: Words, *parts: ET.Element | None) -> ET.Element:
    """Return a citation with its title and further parts in their order."""
    return element(name, element("cit:CI_Citation", words("cit:title", title), *parts))


def party(name: str, role: str, organisation: Words) -> ET.Element:
    """Return an organisation with its role."""
    named = element("cit:party", element("cit:CI_Organisation", words("cit:name", organisation)))
    return element(name, element("cit:CI_Responsibility", code("cit:role", "cit:CI_RoleCode", role), named))


def locale(name: str, key: str, language: str) -> ET.Element:
    """Return a language of the record (ISO 639-2), in UTF-8."""
    said = code("lan:language", "lan:LanguageCode", language)
    signs = code("lan:characterEncoding", "lan:MD_CharacterSetCode", "utf8")
    return element(name, element("lan:PT_Locale", said, signs, id=key))


def scope(name: str, level: str, features: Words = "") -> ET.Element:
    """Return what something applies to: a level, and the features by name."""
    about = (
        element("mcc:levelDescription", element("mcc:MD_ScopeDescription", words("mcc:features", features)))
        if features
        else None
    )
    return element(name, element("mcc:MD_Scope", code("mcc:level", "mcc:MD_ScopeCode", level), about))


def document(root: ET.Element, used: Sequence[str] = tuple(NAMESPACES)) -> bytes:
    """Return a record as a file: UTF-8, indented, all prefixes declared at its root."""
    for prefix in used:
        root.set(f"xmlns:{prefix}", NAMESPACES[prefix])
    ET.indent(root)
    body: bytes = ET.tostring(root, encoding="utf-8")
    return b'<?xml version="1.0" encoding="UTF-8"?>\n' + body + b"\n"
