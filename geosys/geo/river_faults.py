"""Faults of river lines: their kinds in both languages, what may be decided about each, and the tables they come in."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import shapely

from geosys._text import Text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shapely.geometry.base import BaseGeometry

OPEN, MENDED, DECIDED = "open", "mended", "decided"
FAULTS = (
    "fault", "kind", "status", "lines", "rivers", "text_zh", "text_en", "mend_zh", "mend_en", "proposal", "decided_by", "geometry",
)  # fmt: skip
CHANGES = ("change", "line", "before", "after", "reason_zh", "reason_en", "fault")


@dataclass(frozen=True, slots=True)
class Kind:
    """Hold what a kind of fault is, how it could be mended, and the verbs a decision may use."""

    text: Text
    mend: Text
    verbs: tuple[str, ...]


def _kind(text: tuple[str, str], mend: tuple[str, str], *verbs: str) -> Kind:
    return Kind(Text(*text), Text(*mend), verbs)


_TURN = ("reverse", "keep", "drop")
KINDS = {
    "no_line": _kind(
        ("线 {lines} 没有可用的线形（{why_zh}），未进入河网", "Line {lines} has no usable line ({why_en}); it is not in the network"),
        ("补绘或删除该线", "Draw the line again or delete it"),
        "drop",
    ),
    "short_line": _kind(
        ("线 {lines} 长 {metres:.2f} 米，两端合为一点，已略去", "Line {lines} of {metres:.2f} m: its ends snap to one point, left out"),
        ("减小容差或删除该线", "Lessen the tolerance or delete the line"),
        "drop",
    ),
    "self_crossing": _kind(
        ("线 {lines} 与自身相交，未在该处断开", "Line {lines} crosses itself; it is not split there"),
        ("在交点处断开重绘", "Draw it again, split where it crosses"),
        "keep", "drop",
    ),
    "loose_end": _kind(
        ("线 {lines} 的端点相差 {metres:.2f} 米，在容差内，已接上", "Ends of lines {lines} miss by {metres:.2f} m, within the tolerance: joined"),
        ("确认相接；不相接则决定 apart", "Confirm that they join, or decide apart"),
        "join", "apart",
    ),
    "crowded_ends": _kind(
        ("线 {lines} 的端点连成一串，最远 {metres:.2f} 米，超出容差的未接", "Ends of lines {lines} in a row of {metres:.2f} m: not all joined"),
        ("减小容差，或用 gap join 逐一决定", "Lessen the tolerance, or decide each by gap join"),
        "keep", "drop",
    ),
    "crossing": _kind(
        ("线 {lines} 相交而无交汇点，河网中互不相通", "Lines {lines} cross without a node: no water passes between them"),
        ("{guess_zh}", "{guess_en}"),
        "join", "apart",
    ),
    "gap": _kind(
        ("线 {lines} 之间有 {metres:.1f} 米的断口", "A gap of {metres:.1f} m between lines {lines}"),
        ("确属同一水流则接上（join）", "Join them if it is one water (join)"),
        "join", "apart",
    ),
    "doubled": _kind(
        ("线 {first} 在线 {second} 旁重复绘制 {metres:.0f} 米", "Line {first} is drawn again along line {second} for {metres:.0f} m"),
        ("删除线 {first}", "Drop line {first}"),
        "drop", "keep",
    ),
    "overlap": _kind(
        ("线 {lines} 有 {metres:.0f} 米重合", "Lines {lines} run on each other for {metres:.0f} m"),
        ("核对并删去重合的一段", "Check, and take the common stretch out of one of them"),
        "drop", "keep",
    ),
    "wrong_direction": _kind(
        ("线 {lines} 的画线方向与水流相反（依据：{why_zh}）", "Lines {lines} are drawn against the flow (by {why_en})"),
        ("反转线 {lines}", "Reverse lines {lines}"),
        *_TURN,
    ),
    "direction_conflict": _kind(
        ("线 {lines} 的流向依据互相矛盾：{why_zh}", "The evidence for the direction of line {lines} contradicts itself: {why_en}"),
        ("查明流向后决定 reverse 或 keep（均相对画线方向）", "Find out, then decide reverse or keep (both as against the drawing)"),
        *_TURN,
    ),
    "no_direction": _kind(
        ("线 {lines} 的流向不明（{why_zh}），暂按画线方向", "The direction of line {lines} is not known ({why_en}); it stands as drawn"),
        ("查明流向后决定 reverse 或 keep", "Find out, then decide reverse or keep"),
        *_TURN,
    ),
    "section_without_river": _kind(
        ("没有名为“{name}”的线，其 {count} 个断面未用于判定流向", "No line is named {name}: its {count} section(s) settle no direction"),
        ("核对河名", "Check the name"),
        "keep",
    ),
    "contradictory_direction": _kind(
        ("线 {lines} 在此处{why_zh}", "Lines {lines} {why_en} here"),
        ("反转其中方向有误的线；确为终点或源头则 keep", "Reverse the one that is wrong; keep if the water does end or rise here"),
        *_TURN,
    ),
    "divergence": _kind(
        ("水流在此分为线 {lines}，下游不再汇合", "The water parts here into lines {lines}, which do not meet again"),
        ("确为分流则 keep；支流画反则反转：{guess_zh}", "Keep if it does part; reverse a tributary that is drawn upstream: {guess_en}"),
        *_TURN,
    ),
    "loop": _kind(
        ("线 {lines} 首尾相接成环，水流将循环不止", "Lines {lines} form a loop: the water would run in a circle"),
        ("反转其中画反的线，或删除闭合的水面轮廓线", "Reverse the one that is drawn wrongly, or drop the outline of a water body"),
        *_TURN,
    ),
    "braid": _kind(
        ("线 {lines} 分汊后又汇合，围成 {count} 处洲岛", "Lines {lines} part and meet again around {count} island(s)"),
        ("确为汊河则 keep", "Keep if it is a braid"),
        *_TURN,
    ),
    "island": _kind(
        ("线 {lines} 共 {metres:.0f} 米，与河网其余部分不相连", "Lines {lines}, {metres:.0f} m in all, meet nothing else of the network"),
        ("确为独立水系则 keep，否则补绘连接段", "Keep if it is a basin of its own; else draw what connects it"),
        "keep", "drop",
    ),
    "same_name": _kind(
        ("河名“{name}”用于 {count} 段互不相接的河，最近相距 {metres:.0f} 米", "{name} names {count} rivers that do not meet ({metres:.0f} m apart)"),
        ("{guess_zh}", "{guess_en}"),
        "same", "different", "rename",
    ),
    "two_names": _kind(
        ("同一河道在此由“{name}”改称“{other}”", "One river is called {name} above and {other} below this place"),
        ("同一条河则 rename 统一河名，否则 keep", "Rename if it is one river; else keep"),
        "rename", "keep",
    ),
    "unused_decision": _kind(
        ("决定表第 {count} 行（{name}）没有对应的问题，未起作用", "Row {count} of the decisions ({name}) meets no fault: it does nothing"),
        ("核对或删去该行", "Check the row or take it out"),
    ),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Fault:
    """Hold one fault: its kind, the ids and names of the lines concerned, its place, and the figures of its text.

    `told` stands for the text of the kind where a decision left nothing of the fault to measure.
    """

    kind: str
    lines: tuple[str, ...]
    rivers: tuple[str, ...] = ()
    place: BaseGeometry | None = None
    figures: dict[str, Any] = field(default_factory=dict)
    proposal: str = ""
    status: str = OPEN
    decided_by: int = -1
    told: Text | None = None

    def with_decision(self, row: int, status: str) -> Fault:
        """Return the fault as decided by a row of the user's table."""
        return replace(self, status=status, decided_by=row)


@dataclass(frozen=True, slots=True)
class Change:
    """Hold one change of a line: before and after are geometries, or names; it belongs to a kind of fault of the line."""

    change: str
    line: str
    before: Any
    after: Any
    reason: Text
    kind: str = ""


def fault_table(faults: Sequence[Fault]) -> pd.DataFrame:
    """Return faults as a frame of `FAULTS`, in an order that does not depend on that of the lines."""
    rows: list[tuple[object, ...]] = []
    for fault in sorted(faults, key=_order):
        kind, words = KINDS[fault.kind], {"lines": _listed(fault.lines)} | fault.figures
        told = fault.told or kind.text
        texts = [text.format(**words) for text in (told.zh, told.en)]
        texts += ["", ""] if fault.told else [text.format(**words) for text in (kind.mend.zh, kind.mend.en)]
        rows.append(
            (len(rows), fault.kind, fault.status, fault.lines, fault.rivers, *texts, fault.proposal, fault.decided_by, fault.place)
        )  # fmt: skip
    return pd.DataFrame(rows, columns=list(FAULTS)).astype({"fault": "int64", "decided_by": "int64"})


def decision_sheet(faults: pd.DataFrame) -> pd.DataFrame:
    """Return the open faults as a table for the user to decide: `decision` is empty, `proposal` is what could stand there.

    `x` and `y` are given where the place is a point, as lines may cross more than once, and where there is no line to name.
    """
    rows = faults[faults["status"] == OPEN]
    places = rows["geometry"].to_numpy(dtype=object)
    places = np.where(rows["lines"].str.len() == 0, shapely.get_geometry(places, 0), places)
    points = np.where(shapely.get_type_id(places) == 0, places, None)
    return pd.DataFrame({
        "kind": rows["kind"], "lines": rows["lines"].map(";".join), "x": shapely.get_x(points), "y": shapely.get_y(points),
        "decision": "", "proposal": rows["proposal"], "text_zh": rows["text_zh"], "text_en": rows["text_en"],
        "mend_zh": rows["mend_zh"], "mend_en": rows["mend_en"],
    }).reset_index(drop=True)  # fmt: skip


def change_table(changes: Sequence[Change], faults: pd.DataFrame) -> pd.DataFrame:
    """Return changes as a frame of `CHANGES`; `fault` is the row of the fault they mend, −1 where a line was only split."""
    number: dict[tuple[str, str], int] = {}
    for fault, kind, lines in zip(faults["fault"], faults["kind"], faults["lines"], strict=True):
        for line in lines:
            number.setdefault((kind, line), fault)
    rows = [
        (
            row.change,
            row.line,
            row.before,
            row.after,
            row.reason.zh,
            row.reason.en,
            number.get((row.kind, row.line), -1),
        )
        for row in sorted(changes, key=lambda row: (row.change, row.line))
    ]
    return pd.DataFrame(rows, columns=list(CHANGES)).astype({"fault": "int64"})


def _order(fault: Fault) -> tuple[str, tuple[str, ...], float, float]:
    x, y = (float("inf"), float("inf")) if fault.place is None else shapely.bounds(fault.place)[:2].tolist()
    return list(KINDS).index(fault.kind).__format__("03"), fault.lines, x, y


def _listed(lines: tuple[str, ...], most: int = 12) -> str:
    return "、".join(lines[:most]) + (f" … ({len(lines)})" if len(lines) > most else "")
