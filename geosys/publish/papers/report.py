"""The report of a package, refused or not: verdict, every check, provenance, disclosure, permissions, difference; HTML and JSON."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from geosys.maps.paper.sheet import Facts, Heading, Paragraph, Sheet, Table
from geosys.maps.plot_page import page_of
from geosys.publish.papers.difference_book import KINDS, change_rows, count_rows
from geosys.publish.papers.lineage import deliveries, steps
from geosys.publish.papers.metadata import AUDIENCES
from geosys.publish.papers.signature import spaced
from geosys.publish.papers.words import plain, told_check, told_difference, told_layers, verdict

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from geosys.maps.paper.press import Press
    from geosys.maps.paper.sheet import Block
    from geosys.publish.content import Check
    from geosys.publish.papers.account import Account

_RED, _AMBER = "#fbe3e4", "#fdf3d8"
_MOST_CHANGES = 200  # on the page; all of them stand in the workbook
_NOTES = (
    "方括号内为确定性：confirmed 已核实，second_hand 转引，unconfirmed 未核实，our_reading 我们的理解。The word in brackets says how sure we are.",
    "扣留的要素因核查问题未提供，不等于不存在。Features withheld were not given because of faults: they exist.",
)
_CHECK_HEAD = ("检查 Check", "位置 Where", "实际 Got", "应为 Expected", "处理 Do")
_GROUPS = (
    ("须整改后才能提供 Must be mended before it may leave", True, _RED),
    ("提示，不阻止提供 Told, does not stop", False, _AMBER),
)


def report_json(account: Account) -> bytes:
    """Return the report for machines."""
    profile, run = account.profile, account.run
    told: dict[str, Any] = {
        "verdict": "passed" if account.is_passed else "refused", "package": account.package, "day": account.day.isoformat(),
        "program": account.program, "mark": account.mark.both() if account.mark else None, "profile": profile.id,
        "certainty": profile.certainty, "sender": profile.sender.zh, "receiver": profile.receiver.zh, "audience": profile.audience,
        "crs": account.crs, "layers": told_layers(account), "checks": [told_check(check) for check in account.checks],
        "permissions": plain(list(account.permissions)), "difference": told_difference(account), "fingerprint": account.fingerprint,
        "run": plain({name: run[name] for name in ("as_of", "program", "workspace", "findings", "issues") if name in run}),
    }  # fmt: skip
    return (json.dumps(told, ensure_ascii=False, indent=1) + "\n").encode()


def report_page(account: Account, press: Press) -> str:
    """Return the report for people, Chinese and English side by side, as a page that needs nothing else."""
    blocks: list[Block] = [
        Paragraph(f"{verdict(account).zh}\n{verdict(account).en}", is_strong=True), _facts(account), *_layers(account),
        *_failed(account.checks), *_disclosure(account), *_difference(account), *_provenance(account), *_passed(account.checks),
    ]  # fmt: skip
    sheet = Sheet(
        title=f"出库检查报告 Report: {account.profile.title.both()}", subtitle=account.package, as_of=account.day,
        program=account.program, blocks=blocks, boxes=[], notes=_NOTES,
        marks=[account.mark.both()] if account.mark else [],
    )  # fmt: skip
    return page_of(sheet, press)


def _facts(account: Account) -> Facts:
    profile = account.profile
    return Facts([
        ("方案 Profile", f"{profile.title.both()} ({profile.id})"), ("依据 Basis", f"{profile.basis.both()} [{profile.certainty}]"),
        ("报送 Sender", profile.sender.both()), ("接收 Receiver", profile.receiver.both()),
        ("周期 Cycle", profile.cycle.both()), ("签收 Receipt", profile.receipt.both()),
        ("坐标系 CRS", account.crs), ("格式 Formats", ", ".join(profile.formats)),
        ("数据 Of the run", str(account.run.get("as_of", "—"))),
        ("密钥指纹 Key fingerprint", spaced(account.fingerprint) or "未签名 not signed"),
    ])  # fmt: skip


def _layers(account: Account) -> Iterator[Block]:
    head = (
        "图层 Layer",
        "版本 Version",
        "来源 Source rows",
        "写出 Written",
        "扣留 Withheld",
        "条件外 Outside",
        "椭球面积 Area m²",
    )
    rows = [
        (f"{t['title']['zh']} {t['title']['en']}", t["version"], *(f"{t[n]:,}" for n in ("source_rows", "rows", "withheld", "left_out")),
         "—" if t["area_m2"] is None else f"{t['area_m2']:,.2f}")
        for t in told_layers(account)
    ]  # fmt: skip
    if rows:
        yield Table(head, rows, widths=(4, 2, 1.5, 1.5, 1.5, 1.5, 2.5), right=(2, 3, 4, 5, 6), title="图层 Layers")


def _failed(checks: Sequence[Check]) -> Iterator[Block]:
    for title, stops, tint in _GROUPS:
        group = [check for check in checks if not check.is_passed and check.stops == stops]
        rows = [
            (f"{c.title.zh}\n{c.title.en}\n[{c.id}]", c.where, c.got, c.expected, c.do if isinstance(c.do, str) else f"{c.do.zh}\n{c.do.en}")
            for c in group
        ]  # fmt: skip
        if rows:
            tints = dict.fromkeys(range(len(rows)), tint)
            yield Table(_CHECK_HEAD, rows, widths=(3, 3, 4, 2, 4), title=f"{title} ({len(group)})", tints=tints)


def _passed(checks: Sequence[Check]) -> Iterator[Block]:
    rows = [(f"{c.title.both()} [{c.id}]", c.where, c.got) for c in checks if c.is_passed]
    if rows:
        yield Table(_CHECK_HEAD[:3], rows, widths=(5, 4, 4), title=f"通过 Passed ({len(rows)})")


def _disclosure(account: Account) -> Iterator[Block]:
    yield Heading("知悉范围与批准 Disclosure and permissions")
    yield Paragraph(f"{account.profile.audience}: {AUDIENCES[account.profile.audience].both()}")
    rows = [
        (t["layer"], ", ".join(f"{level}: {n}" for level, n in t["disclosures"].items())) for t in told_layers(account)
    ]
    if rows:
        yield Table(("图层 Layer", "字段的知悉范围 Disclosure of its fields"), rows, widths=(1, 3))
    keys = ("layer", "fields", "receiver", "audience", "approved_by", "approved_on", "document", "expires_on")
    granted = [tuple(_shown(p.get(key, "")) for key in keys) for p in account.permissions]
    if granted:
        head = (
            "图层 Layer",
            "字段 Fields",
            "接收 Receiver",
            "范围 Audience",
            "批准人 By",
            "批准日 On",
            "文号 Document",
            "有效至 Until",
        )
        yield Table(head, granted, title="已使用的批准 Permissions used")
    else:
        yield Paragraph("未使用批准 No permission was used", is_small=True)


def _shown(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value)


def _difference(account: Account) -> Iterator[Block]:
    difference = account.difference
    if difference is None:
        return
    yield Heading(f"与上一包的差异 Difference {difference.previous}")
    if difference.why:
        yield Paragraph(difference.why.both())
        return
    counts = count_rows(difference).astype(object)
    rows = [tuple("—" if v is None or v != v else str(v) for v in row) for row in counts.itertuples(index=False)]  # noqa: PLR0124
    head = (
        "图层 Layer",
        "新增 New",
        "减少 Gone",
        "变化 Changed",
        "未变 Same",
        "标识重复 Key not unique",
        "字段 Fields",
        "未比较 Not compared",
    )
    yield Table(head, rows, widths=(3, 1, 1, 1, 1, 1.3, 2, 3), right=(1, 2, 3, 4, 5))
    changes = change_rows(account).astype(object)
    changes["kind"] = changes["kind"].map(lambda kind: KINDS[kind].both())
    names = ("layer", "kind", "key", "field", "before", "after", "area_change_m2", "moved")
    shown = [
        tuple(_cell(getattr(row, name)) for name in names)
        for row in changes.head(_MOST_CHANGES).itertuples(index=False)
    ]
    if shown:
        head = (
            "图层 Layer",
            "变动 What",
            "标识 Key",
            "字段 Field",
            "原值 Before",
            "现值 After",
            "面积变化 m²",
            "移动 Moved",
        )
        yield Table(head, shown, widths=(2, 1.4, 2, 2, 2.4, 2.4, 1.4, 1.2), right=(6, 7))
    if len(changes) > _MOST_CHANGES:
        yield Paragraph(
            f"共 {len(changes)} 行，全部见 difference.xlsx。{len(changes)} rows in all: see difference.xlsx.",
            is_small=True,
        )


def _cell(value: Any) -> str:
    if value is None or value != value:  # noqa: PLR0124  NaN is no value
        return ""
    return f"{value:,.3f}" if isinstance(value, float) else str(value)


def _provenance(account: Account) -> Iterator[Block]:
    yield Heading("来源与处理 Provenance")
    rows = [
        (layer, str(t.get("file", "")).rpartition("/")[2], str(t.get("sender", "")), str(t.get("rows", "")), str(t.get("sha256", ""))[:16])
        for layer, t in deliveries(account)
    ]  # fmt: skip
    if rows:
        head = ("图层 Layer", "报送文件 File", "报送单位 Sender", "条数 Rows", "SHA-256")
        yield Table(head, rows, widths=(2, 3, 3, 1, 2), right=(3,))
    done = [(str(n), f"{step.zh}\n{step.en}") for n, step in enumerate(steps(account), 1)]
    yield Table(("", "步骤 Step"), done, widths=(1, 20))
