"""The lineage of a package for its metadata: each delivery it was made from, and each step from there to the package."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from geosys._text import Text
from geosys.publish.papers.xml_parts import citation, element, identifier, party, scope, words

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from xml.etree.ElementTree import Element

    from geosys.publish.papers.account import Account

STATEMENT = Text(
    "由各单位报送的数据经核查入库，按报送方案整理、转换坐标系后写出；各步骤及条数见下。",
    "Made from the offices' deliveries: checked and taken in, shaped by the profile, converted and written; steps and counts below.",
)


def lineage(account: Account) -> Element:
    """Return the lineage: its statement, scope, sources and steps in the order they happened."""
    sources = [_source(layer, told) for layer, told in deliveries(account)]
    done = [_step(account, text) for text in steps(account)]
    return element(
        "mdb:resourceLineage",
        element("mrl:LI_Lineage", words("mrl:statement", STATEMENT), scope("mrl:scope", "dataset"), *sources, *done),
    )


def deliveries(account: Account) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield each delivery with the layer it made: of the package's layers, or of all layers of the run where findings are in it."""
    for shaped in account.shaped:
        for told in shaped.provenance.get("deliveries", ()):  # type: ignore[attr-defined]
            yield shaped.layer.source, told
        if "deliveries" not in shaped.provenance:
            for layer, about in account.run.get("layers", {}).items():
                yield from ((layer, told) for told in about.get("deliveries", ()))


def steps(account: Account) -> list[Text]:
    """Return the steps from the deliveries to the package, with their counts."""
    done = []
    for shaped in account.shaped:
        told, title = shaped.provenance, shaped.layer.title
        delivered = told.get("rows_delivered", shaped.source_rows)
        done.append(Text(
            f"核查入库 {title.zh}（版本 {shaped.version}）：报送 {delivered} 条，扣留 {shaped.withheld_rows} 条",
            f"Taken in and checked, {title.en} (version {shaped.version}): {delivered} rows delivered, {shaped.withheld_rows} withheld",
        ))  # fmt: skip
    rules = account.run.get("rules", {})
    if any("as_of" in s.provenance for s in account.shaped):
        day, program = account.run.get("as_of", ""), account.run.get("program", "")
        done.append(
            Text(
                f"规则判定 {day}，{len(rules)} 条规则，{program}",
                f"Rules judged as of {day}: {len(rules)} rules, {program}",
            )
        )
    crs = ", ".join(sorted({str(s.provenance["crs"]) for s in account.shaped if s.provenance.get("crs")}))
    if crs and crs != account.crs:
        done.append(Text(f"坐标系转换 {crs} → {account.crs}", f"Converted from {crs} to {account.crs}"))
    for shaped in account.shaped:
        name, rows, left = shaped.layer.title, len(shaped.frame), shaped.left_out
        done.append(Text(
            f"按方案 {account.profile.id} 整理 {name.zh}：写出 {rows} 条，方案条件以外 {left} 条",
            f"Shaped by the profile {account.profile.id}, {name.en}: {rows} rows written, {left} outside its conditions",
        ))  # fmt: skip
    passed = sum(check.is_passed for check in account.checks)
    done.append(Text(
        f"出库检查与读回比对：{len(account.checks)} 项，通过 {passed} 项（见 report.html）",
        f"Checks and read-back: {len(account.checks)}, passed {passed} (see report.html)",
    ))  # fmt: skip
    return done


def _source(layer: str, told: Mapping[str, Any]) -> Element:
    name = str(told.get("file", "")).replace("\\", "/").rpartition("/")[2]
    about = f"{layer}: {told['rows']}" if "rows" in told else layer
    parts = []
    if told.get("sha256"):
        parts.append(identifier("cit:identifier", str(told["sha256"]), "SHA-256"))
    if told.get("sender"):
        parts.append(party("cit:citedResponsibleParty", "resourceProvider", str(told["sender"])))
    system = None
    if told.get("crs_used"):
        made = element(
            "mrs:MD_ReferenceSystem", identifier("mrs:referenceSystemIdentifier", str(told["crs_used"]), "EPSG")
        )
        system = element("mrl:sourceReferenceSystem", made)
    return element(
        "mrl:source",
        element("mrl:LI_Source", words("mrl:description", about), system, citation("mrl:sourceCitation", name, *parts)),
    )


def _step(account: Account, said: Text) -> Element:
    doer = party("mrl:processor", "processor", account.program)
    return element("mrl:processStep", element("mrl:LI_ProcessStep", words("mrl:description", said), doer))
