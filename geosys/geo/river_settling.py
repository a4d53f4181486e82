"""What attributes and decisions settle about river lines: labels, names, directions, and which faults are decided."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import shapely

from geosys._errors import SpecError
from geosys._text import Text
from geosys.geo.river_directions import attribute_signs, elevation_signs, section_signs, settle
from geosys.geo.river_faults import DECIDED, MENDED, OPEN, Change, Fault
from geosys.geo.river_joining import Labels, Reaches, by_decision
from geosys.geo.river_patterns import name_groups, strands
from geosys.geo.river_suspects import graph_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from geosys.geo.river_decisions import Decision
    from geosys.geo.river_directions import Directions
    from geosys.geo.river_suspects import Gaps

TRUE = {"true", "1", "1.0", "yes", "y", "是", "有"}
STATED = {"no_direction", "direction_conflict"}  # told by the evidence itself
PATTERNS = {"wrong_direction", "contradictory_direction", "loop"}  # told by the network: the drawing cannot be right
FLOWS = {"wrong_direction", "direction_conflict", "no_direction"}  # where `keep` means: it flows as drawn
ACTS = {("loose_end", "apart"), *((kind, "keep") for kind in FLOWS)}  # without a change of a line to show for it


def yes(frame: pd.DataFrame, column: str) -> NDArray[np.bool_]:
    """Return a column of an attribute table as true or false; false where empty or absent."""
    if column not in frame.columns:
        return np.zeros(len(frame), dtype=bool)
    return np.asarray(_words(frame, column).str.lower().isin(TRUE), dtype=np.bool_)


def labels_of(frame: pd.DataFrame) -> Labels:
    """Return ids, names and kinds of the lines; the row number is the id where there is none."""
    rows = pd.Series(np.arange(len(frame)).astype(str), index=frame.index)
    ids = _words(frame, "id") if "id" in frame.columns else rows
    ids = ids.where(ids != "", rows)
    names = _words(frame, "name") if "name" in frame.columns else pd.Series("", index=frame.index)
    return Labels(ids.to_numpy(dtype=object), names.to_numpy(dtype=object), yes(frame, "is_canal"))


def _words(frame: pd.DataFrame, column: str) -> pd.Series:
    values = frame[column].astype(object)
    words = values.where(values.notna(), "").astype(str).str.strip()
    if column != "id":
        return words
    return words.str.replace(r"^(\d+)\.0$", r"\1", regex=True)


def renamed(labels: Labels, decisions: Sequence[Decision]) -> tuple[Labels, list[Change]]:
    """Return the labels with the names that the user gave."""
    names, changes = labels.names.copy(), []
    for decision in decisions:
        if decision.verb != "rename":
            continue
        for row in labels.rows_of(decision.operands).tolist():
            if names[row] != decision.word:
                changes.append(
                    Change("renamed", labels.ids[row], names[row], decision.word, by_decision(decision), decision.kind)
                )
                names[row] = decision.word
    return Labels(labels.ids, names, labels.is_canal), changes


def told_apart(
    reaches: Reaches, labels: Labels, decisions: Sequence[Decision], found: Gaps, seen: NDArray[np.bool_]
) -> tuple[NDArray[np.object_], list[Change]]:
    """Return the river name of each reach; names that the user says are of different rivers get a number, from the west."""
    names, changes = labels.names[reaches.source], []
    for decision in decisions:
        if (decision.kind, decision.verb) != ("same_name", "different"):
            continue
        where = np.flatnonzero(seen)
        groups = name_groups(graph_of(reaches).keep(seen), names[where], (found.node, found.across))
        for name in sorted(set(labels.names[labels.rows_of(decision.concerned)].tolist()) & set(groups)):
            members = [where[group] for group in groups[name]]
            members.sort(key=lambda group: tuple(shapely.total_bounds(reaches.lines[group]).tolist()))
            for number, group in enumerate(members, 1):
                names[group] = f"{name}#{number}"
                rows = np.unique(reaches.source[group])
                changes += [
                    Change("renamed", labels.ids[row], name, f"{name}#{number}", by_decision(decision), "same_name")
                    for row in rows.tolist()
                ]
    return names, changes


def directions(
    frame: pd.DataFrame,
    reaches: Reaches,
    labels: Labels,
    decisions: Sequence[Decision],
    given: tuple[NDArray[np.float64] | None, pd.DataFrame | None],
) -> Directions:
    """Return the direction of each input line from attributes, sections, elevations and decisions."""
    elevation, sections = given
    size = len(frame)
    if sections is not None and (missing := {"river_name", "order", "x", "y"} - set(sections.columns)):
        raise SpecError(f"sections: columns {sorted(missing)} are missing, expected river_name, order, x, y. Add them.")
    attribute, odd = np.full(size, np.nan), dict[int, str]()
    if "direction" in frame.columns:
        attribute, odd = attribute_signs(frame["direction"])
    if sections is not None:
        placed = sections[["order", "x", "y"]].apply(pd.to_numeric, errors="coerce")
        sections = sections.assign(**placed)[np.isfinite(placed).all(axis=1)]
    names = labels.names[reaches.source]
    by_sections, crossed = section_signs(sections, graph_of(reaches), reaches.lines, names, reaches.source, size)
    ways = settle(attribute, by_sections, elevation_signs(elevation, size), _decided_signs(labels, decisions), odd)
    return replace(ways, conflicts=crossed | ways.conflicts)


def _decided_signs(labels: Labels, decisions: Sequence[Decision]) -> NDArray[np.float64]:
    sign = np.full(len(labels.ids), np.nan)
    for decision in decisions:
        if decision.verb == "reverse":
            sign[labels.rows_of(decision.operands)] = -1.0
        elif decision.verb == "keep" and decision.kind in FLOWS:
            sign[labels.rows_of(decision.operands)] = 1.0
    return sign


def strange_sections(sections: pd.DataFrame | None, labels: Labels) -> list[Fault]:
    """Return the rivers that sections are said to be on and no line is named for."""
    if sections is None:
        return []
    strange = sections[~sections["river_name"].isin(labels.names)].groupby("river_name", sort=True)
    faults = []
    for name, group in strange:
        xy = group[["x", "y"]].apply(pd.to_numeric, errors="coerce").dropna().to_numpy(dtype=np.float64)
        place = shapely.MultiPoint(xy) if len(xy) else None
        faults.append(Fault("section_without_river", (), (str(name),), place, {"name": name, "count": len(group)}))
    return faults


def turn(reaches: Reaches, ways: Directions) -> Reaches:
    """Return the reaches in flow direction."""
    back = ways.sign[reaches.source] < 0
    start, end = np.where(back, reaches.end, reaches.start), np.where(back, reaches.start, reaches.end)
    lines = reaches.lines.copy()
    lines[back] = shapely.reverse(lines[back])
    return Reaches(reaches.node_xy, start, end, lines, reaches.source)


def turn_changes(lines: NDArray[np.object_], labels: Labels, ways: Directions) -> list[Change]:
    """Return the lines that flow against their drawing."""
    return [
        Change("reversed", labels.ids[row], lines[row], shapely.reverse(lines[row]), why, "wrong_direction")
        for row, why in ways.reasons.items()
    ]


def way_faults(
    lines: NDArray[np.object_], labels: Labels, ways: Directions, decisions: Sequence[Decision]
) -> list[Fault]:
    """Return what the evidence for directions shows: lines turned, contradictions, lines of unknown direction."""
    decider = {
        row: decision.row
        for decision in decisions
        if decision.verb == "reverse" or (decision.verb == "keep" and decision.kind in FLOWS)
        for row in labels.rows_of(decision.operands).tolist()
    }
    faults = []
    for kind, status, found in (
        ("wrong_direction", MENDED, ways.reasons),
        ("direction_conflict", "", ways.conflicts),
        ("no_direction", "", ways.unknown),
    ):
        for row, why in found.items():
            values = {"why_zh": why.zh, "why_en": why.en}
            ids, rivers = labels.of([row])
            fault = Fault(kind, ids, rivers, lines[row], values, f"reverse {ids[0]}" if status else "")
            fault = replace(fault, status=status) if status else fault
            faults.append(fault.with_decision(decider[row], DECIDED) if row in decider else fault)
    return faults


def decided(
    faults: Sequence[Fault], decisions: Sequence[Decision], changes: Sequence[Change], reach: float
) -> list[Fault]:
    """Return the faults, each with the decision about it; and a row for each decision that left no fault, or meets none."""
    by_line, by_place = defaultdict(list), [row for row in decisions if not row.concerned]
    for decision in decisions:
        if decision.concerned:
            by_line[decision.concerned[0]].append(decision)
    acted = {change.reason for change in changes}
    told, used = [], set()
    for fault in faults:
        near = by_place + [row for line in fault.lines for row in by_line.get(line, ())]
        about = [row for row in near if row.is_about(fault.kind, fault.lines, fault.place, reach)]
        one = fault.with_decision(about[0].row, DECIDED) if about and fault.decided_by < 0 else fault
        used |= {one.decided_by} | {row.row for row in about}
        told.append(one)
    for decision in decisions:
        if decision.row in used:
            continue
        place = shapely.Point(decision.place) if decision.place else None
        lines = tuple(sorted({*decision.concerned, *decision.operands}))
        if by_decision(decision) in acted or (decision.kind, decision.verb) in ACTS:
            text = Text(
                f"已按决定表第 {decision.row + 1} 行处理（{decision.kind}：{decision.verb}），线 {{lines}}",
                f"Done as row {decision.row + 1} of the decisions says ({decision.kind}: {decision.verb}), lines {{lines}}",
            )
            told.append(Fault(decision.kind, lines, (), place, {}, "", DECIDED, decision.row, text))
        else:
            values = {"count": decision.row + 1, "name": f"{decision.kind} {decision.verb}"}
            told.append(Fault("unused_decision", lines, (), place, values))
    return told


def unsettled(reaches: Reaches, labels: Labels, ways: Directions, faults: Sequence[Fault]) -> NDArray[np.bool_]:
    """Return which reaches flow nobody knows where: as long as a fault about it is open, and no evidence says more.

    A reach is named by its evidence, where that says unknown or contradicts itself, or by its place in the network, where
    water could not pass as drawn and nothing but the drawing speaks; then with all that it goes on as.
    """
    still = [fault for fault in faults if fault.status == OPEN]
    named, drawn = (
        np.isin(labels.ids.astype(str), sorted({one for fault in still if fault.kind in kinds for one in fault.lines}))
        for kinds in (STATED, PATTERNS)
    )
    drawn &= ~ways.is_told
    strand = strands(graph_of(reaches))
    goes_on = np.isin(strand, strand[drawn[reaches.source]]) & ~ways.is_told[reaches.source]
    return np.asarray(named[reaches.source] | goes_on, dtype=np.bool_)
