"""Say in an issue what the coordinate detective found: inferred, contradicted, unclear, settled, offset."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from geosys._text import Text
from geosys.layers.issues import Issue

if TYPE_CHECKING:
    from collections.abc import Sequence

    from geosys.geo.interpretations import Interpretation
    from geosys.geo.ranking import Ranking
    from geosys.geo.suspicion import OffsetSuspicion

SHOWN = 3  # readings of the ranking that are told
FARTHEST_KM = 2000.0
_ANGLES = {"degrees", "sixty"}
# faults of a boundary-point file's header that are one of our causes
_CONTRADICTIONS = {
    "zone_contradicts": "wrong_zone", "zone_width_contradicts": "wrong_zone", "zone_mixed": "prefix_contradicts",
    "unit_contradicts": "crs_unit_contradicts",
}  # fmt: skip


def cause_of(stated: Interpretation, found: Interpretation) -> str:
    """Return the issue type that names how numbers contradict what a file states of them.

    Examples
    --------
    >>> from geosys.geo.interpretation_names import interpretation_named as named
    >>> cause_of(named("EPSG:4548"), named("EPSG:4547")), cause_of(named("EPSG:4526"), named("EPSG:4547"))
    ('wrong_zone', 'prefix_contradicts')
    >>> cause_of(named("EPSG:4547"), named("4547-swapped")), cause_of(named("EPSG:4547"), named("degrees"))
    ('swapped_xy', 'crs_unit_contradicts')
    """
    if (stated.kind in _ANGLES) != (found.kind in _ANGLES) or stated.is_km != found.is_km or found.kind == "sixty":
        return "crs_unit_contradicts"
    if found.is_swapped != stated.is_swapped:
        return "swapped_xy"
    if stated.kind == found.kind == "zone":
        if stated.meridian_deg != found.meridian_deg:
            return "wrong_zone"
        return "prefix_contradicts" if stated.has_prefix != found.has_prefix else "crs_contradicts"
    return "crs_contradicts"


def ranking_in_words(ranking: Ranking) -> Text:
    """Return the best readings that put the records anywhere near, each with what speaks for and against it."""
    near = [s for s in ranking.standings if s.inside > 0.0 or s.away_km < FARTHEST_KM]
    best = near[:SHOWN] or ranking.standings[:1]
    return Text(
        "；".join(f"[{s.interpretation.id}] {s.interpretation.title.zh}（{s.reason.zh}）" for s in best),
        "; ".join(f"[{s.interpretation.id}] {s.interpretation.title.en} ({s.reason.en})" for s in best),
    )


def contradiction(stated: Interpretation, ranking: Ranking) -> Issue:
    """Return the issue that stops a table whose numbers are not what it states; the ranking has a winner."""
    found = ranking.winner or ranking.standings[0].interpretation
    share = {s.interpretation.id: s.score for s in ranking.standings}
    told = ranking_in_words(ranking)
    as_stated, as_found = share.get(stated.id, 0.0), share.get(found.id, 0.0)
    zh = (
        f"写明的是“{stated.title.zh}”，照此成立的记录占 {as_stated:.1%}；按“{found.title.zh}”占 {as_found:.1%}。未作任何换算；"
        f"核实后用 --as {found.id} 重新导入。比较：{told.zh}"
    )
    en = (
        f"Stated: {stated.title.en}, which {as_stated:.1%} of the records bear out; {as_found:.1%} are {found.title.en}. "
        f"Nothing was converted; once verified, add it with --as {found.id}. Compared: {told.en}"
    )
    return Issue(cause_of(stated, found), Text(zh, en), value=found.id, before=stated.id)


def inferred(ranking: Ranking) -> Issue:
    """Return the warning that a table stating no CRS was converted as its clear winner says."""
    found = ranking.winner or ranking.standings[0].interpretation
    told = ranking_in_words(ranking)
    doubtful = int(np.count_nonzero(ranking.doubtful))
    more = Text("", "")
    if doubtful:
        more = Text(f"；其中 {doubtful} 条单独看也可作他解", f"; {doubtful} records alone could be read otherwise too")
    zh = f"没有写明坐标系，由数字判定为“{found.title.zh}”并已换算{more.zh}。比较：{told.zh}。不对的，用 --as 指明"
    en = (
        f"No CRS is stated; the numbers are {found.title.en} and were converted so{more.en}. "
        f"Compared: {told.en}. If that is wrong, state it with --as"
    )
    first = next(g.rows[0] for g in ranking.groups if g.interpretation.id == found.id)
    after = found.to_degrees(ranking.points[[first]])[0]
    return Issue("crs_inferred", Text(zh, en), value=found.id, before=_pair(ranking.points[first]), after=_pair(after))


def no_crs(ranking: Ranking | None, doubts: Sequence[Issue] = ()) -> Issue:
    """Return the issue that stops a table stating no CRS that can be used, with the candidates where there are any.

    `doubts` are what its reader found wrong with the coordinates: such a table is never converted by inference.
    """
    zh, en, kind = "没有写明坐标系", "No CRS is stated", "no_crs"
    if doubts:
        kind = next((_CONTRADICTIONS[str(i.value)] for i in doubts if str(i.value) in _CONTRADICTIONS), kind)
        zh = f"坐标系未能确定，读取时发现矛盾（{'；'.join(i.message.zh for i in doubts[:SHOWN])}），未作推断"
        en = f"The CRS is not settled: the reader found {'; '.join(i.message.en for i in doubts[:SHOWN])}; nothing inferred"
    fitting = []
    if ranking is not None:
        fitting = [s.interpretation.id for s in ranking.standings[:SHOWN] if s.score > 0.0]
        kind = "reading_unclear" if kind == "no_crs" and len(fitting) > 1 and ranking.winner is None else kind
        told = ranking_in_words(ranking)
        zh, en = f"{zh}；{ranking.verdict.zh}。候选：{told.zh}", f"{en}. {ranking.verdict.en}. Candidates: {told.en}"
    example = fitting[0] if fitting else "cgcs2000-3-38"
    zh = f"{zh}；请补报，或核实后用 --as 指明（如 --as {example}），或在 geosys.toml 用 crs 写明"
    en = f"{en}; ask for it, or once verified state it with --as (as --as {example}) or with 'crs' in geosys.toml"
    return Issue(kind, Text(zh, en), value=", ".join(fitting) or None)


def confirmed(found: Interpretation, before: str, after: str) -> Issue:
    """Return the notice that a table was converted as a person said."""
    zh = f"按已确认的读法“{found.title.zh}”换算（--as {found.id}）"
    return Issue(
        "reading_confirmed", Text(zh, f"Converted as confirmed: {found.title.en} (--as {found.id})"),
        value=found.id, before=before, after=after,
    )  # fmt: skip


def settled_row(row: int, found: Interpretation, before: str, degrees: np.ndarray) -> Issue:
    """Return the notice that one record of a mixed column was read in its own way."""
    after = _pair(degrees)
    zh = f"该条坐标按“{found.title.zh}”读取：{before} → {after}"
    en = f"This record's coordinates are read as {found.title.en}: {before} → {after}"
    return Issue("reading_settled", Text(zh, en), row, value=found.id, before=before, after=after)


def swapped_row(row: int, before: str) -> Issue:
    """Return the issue of one record that lies in the region only with x and y exchanged; it is not exchanged."""
    zh = "交换经纬度（X、Y）后落入区域：疑似写反，未作交换"
    en = "Inside the region only with x and y exchanged: probably swapped; nothing was exchanged"
    return Issue("swapped_xy", Text(zh, en), row, value=before, before=before)


def unclear_row(row: int, reason: Text, before: str) -> Issue:
    """Return the issue of one record that no single reading settles."""
    text = Text(f"坐标 {before} 不能判定：{reason.zh}", f"The coordinates {before} cannot be settled: {reason.en}")
    return Issue("bad_coordinate", text, row, value=before, before=before)


def offset(found: OffsetSuspicion) -> Issue:
    """Return the warning of a suspected offset; it is never applied without a person's word."""
    how = Text("", "")
    if found.convertible:
        how = Text(
            f"。未作改动；核实后用 --as {found.id} 重新导入",
            f". Nothing was changed; once verified, add it with --as {found.id}",
        )
    text = Text(f"{found.reason.zh}{how.zh}", f"{found.reason.en}{how.en}")
    return Issue("offset_suspected", text, value=found.id)


def _pair(pair: np.ndarray) -> str:
    return ", ".join(f"{v:.10g}" for v in pair)
