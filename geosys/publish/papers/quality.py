"""Data quality of a package for its metadata: completeness with what was withheld, positional accuracy, conformance to the profile."""

from __future__ import annotations

from typing import TYPE_CHECKING

from geosys._text import Text
from geosys.publish.papers.xml_parts import citation, element, scope, words

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

    from geosys.publish.content import ShapedLayer
    from geosys.publish.papers.account import Account

OMITTED = Text("因核查问题扣留而未提供的要素数", "Number of features withheld for faults and not given")
ACCURACY = Text(
    "要素平面位置精度，米（图层规格所列，未经实地检测）",
    "Horizontal accuracy of features, metres (as the layer's spec states; not surveyed)",
)


def quality(account: Account) -> list[Element]:
    """Return the quality of the package as a whole, then of each layer."""
    failed = sum(not check.is_passed for check in account.checks)
    told = Text(
        f"出库检查 {len(account.checks)} 项，未通过 {failed} 项，其中须整改 {_stopping(account)} 项",
        f"{len(account.checks)} checks, {failed} failed, {_stopping(account)} of them stop",
    )
    whole = element(
        "mdq:DQ_DomainConsistency",
        element(
            "mdq:result",
            element(
                "mdq:DQ_ConformanceResult", citation("mdq:specification", account.profile.title),
                words("mdq:explanation", told), element("mdq:pass", element("gco:Boolean", text=str(account.is_passed).lower())),
            ),
        ),
    )  # fmt: skip
    reports = [_quality(scope("mdq:scope", "dataset"), whole)]
    return reports + [_layer(layer, account) for layer in account.shaped]


def _stopping(account: Account) -> int:
    return sum(check.stops and not check.is_passed for check in account.checks)


def _quality(applies: Element, *reports: Element) -> Element:
    return element(
        "mdb:dataQualityInfo", element("mdq:DQ_DataQuality", applies, *(element("mdq:report", r) for r in reports))
    )


def _layer(layer: ShapedLayer, account: Account) -> Element:
    reports = [_measured("mdq:DQ_CompletenessOmission", OMITTED, str(layer.withheld_rows), _counts(layer))]
    accuracy = account.accuracies_m.get(layer.layer.source)
    if accuracy is not None:
        reports.append(_measured("mdq:DQ_AbsoluteExternalPositionalAccuracy", ACCURACY, f"{accuracy:g}", None))
    return _quality(scope("mdq:scope", "featureType", layer.layer.name), *reports)


def _counts(layer: ShapedLayer) -> Text:
    rows = len(layer.frame)
    return Text(
        f"来源 {layer.source_rows} 条 = 写出 {rows} + 扣留 {layer.withheld_rows} + 方案条件以外 {layer.left_out}",
        f"{layer.source_rows} rows of the source = {rows} written + {layer.withheld_rows} withheld + {layer.left_out} outside the profile",
    )


def _measured(name: str, measure: Text, value: str, told: Text | None) -> Element:
    reference = element(
        "mdq:DQ_MeasureReference",
        words("mdq:nameOfMeasure", measure),
        words("mdq:measureDescription", told) if told else None,
    )
    result = element("mdq:DQ_QuantitativeResult", element("mdq:value", element("gco:Record", text=value)))
    return element(name, element("mdq:measure", reference), element("mdq:result", result))
