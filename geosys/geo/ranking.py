"""What the coordinate detective found: how each reading stands, which one wins, and what is left undecided."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from geosys._text import Text

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from geosys.geo.evidence import Stated
    from geosys.geo.interpretations import Interpretation

    Points = NDArray[np.float64]
    Mask = NDArray[np.bool_]

UNDECIDED = {
    "no_number": Text("坐标不是数字", "A coordinate is no number"),
    "no_reading": Text("任何读法都不落入区域", "No reading lies inside the region"),
    "several": Text("有几种读法同样成立", "Several readings fit equally"),
    "weak": Text("只有“度.分秒”落入区域，条数太少，不足为据", "Only D.MMSS fits, on too few records to be proof"),
    "refused": Text("北京54、西安80 没有可靠的公开转换参数", "Beijing 54 and Xian 80 have no valid public shift"),
}


@dataclass(frozen=True, slots=True)
class Standing:
    """Hold how one reading stands: shares of the readable records, 0 to 1, not-a-number where nothing was stated.

    Attributes
    ----------
    score
        Share of the records that may be read so after all evidence; the ranking goes by it.
    inside
        Share inside the region.
    in_county, area
        Of those inside and stating one: share in their own county; share whose area agrees, in `area_unit`.
    header
        1 as stated, 0.5 in part, 0 against it.
    away_km
        From the region to the middle of the records under this reading; not-a-number where they cannot be read so.
    same_as
        Ids of readings that put the same records to the same places.
    """

    interpretation: Interpretation
    score: float
    inside: float
    in_county: float = math.nan
    area: float = math.nan
    area_unit: str = ""
    header: float = math.nan
    away_km: float = math.nan
    same_as: tuple[str, ...] = ()

    @property
    def reason(self) -> Text:
        """Return what speaks for and against, in one sentence."""
        zh, en = [f"{self.inside:.1%} 落入区域"], [f"{self.inside:.1%} inside the region"]
        if not math.isnan(self.in_county):
            zh.append(f"其中 {self.in_county:.1%} 在所填行政区内")
            en.append(f"{self.in_county:.1%} of them in their stated county")
        if not math.isnan(self.area):
            zh.append(f"{self.area:.1%} 面积相符" + (f"（{self.area_unit}）" if self.area_unit else ""))
            en.append(f"{self.area:.1%} with the stated area" + (f" ({self.area_unit})" if self.area_unit else ""))
        if not math.isnan(self.header):
            zh.append({1.0: "与表头一致", 0.5: "与表头部分一致"}.get(self.header, "与表头不符"))
            en.append(
                {1.0: "as the header says", 0.5: "in part as the header says"}.get(self.header, "against the header")
            )
        if self.inside == 0.0 and self.away_km > 0.0:
            zh.append(f"离区域约 {self.away_km:.0f} 千米")
            en.append(f"some {self.away_km:.0f} km away")
        zh.append(f"综合后 {self.score:.1%}")
        en.append(f"{self.score:.1%} after all evidence")
        return Text("；".join(zh), "; ".join(en))


@dataclass(frozen=True, slots=True)
class Group:
    """Hold the records (positions from 0) that one reading was settled on."""

    interpretation: Interpretation
    rows: NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Ranking:
    """Hold the judgement over one set of pairs.

    Attributes
    ----------
    points
        The pairs as written, shape (n, 2).
    standings
        Every reading, the best first.
    suspects
        GCJ-02 and BD-09: they fit wherever degrees do, so they never compete; see `offset_suspicion`.
    winner
        The one reading that clearly holds for the set, or None.
    conflict
        How the header contradicts the winner (or itself); a caller reports it and does not convert without an answer.
    groups
        The records settled on each reading, largest group first.
    reasons
        For each record an empty text, or why it is undecided: a key of `UNDECIDED`; shape (n,).
    doubtful
        Records that follow the rest of the set and alone could be read otherwise too, shape (n,): in any column of decimal
        degrees some 13 of 100, up to 36 in a small town, would be good D.MMSS as well. A caller tells how many.
    verdict
        The judgement in one sentence.
    """

    points: Points
    standings: tuple[Standing, ...]
    suspects: tuple[Standing, ...]
    winner: Interpretation | None
    conflict: Text | None
    groups: tuple[Group, ...]
    reasons: NDArray[np.object_]
    doubtful: Mask
    verdict: Text

    @property
    def is_clear(self) -> bool:
        """Say whether one reading wins and nothing contradicts it: the only case to convert without asking."""
        return self.winner is not None and self.conflict is None

    def positions(self) -> Points:
        """Return longitude and latitude of every settled record, shape (n, 2), not-a-number for the others."""
        found = np.full(self.points.shape, np.nan)
        for group in self.groups:
            found[group.rows] = group.interpretation.to_degrees(self.points[group.rows])
        return found


def conflict_with_header(winner: Interpretation | None, groups: list[Group], stated: Stated) -> Text | None:
    """Return how the header contradicts the winner (or the largest group), or itself; None where it does not."""
    meridians = sorted(stated.meridians())
    if len(meridians) > 1:
        listed = ", ".join(f"{m:g}°" for m in meridians)
        return Text(f"表头自相矛盾：中央经线 {listed}", f"The header contradicts itself: central meridians {listed}")
    reading = winner or (groups[0].interpretation if groups else None)
    if reading is None:
        return None
    agreement = stated.agreement(reading)
    if math.isnan(agreement) or agreement == 1.0:
        return None
    part = Text("部分不符", "in part") if agreement > 0.0 else Text("不符", "altogether")
    return Text(
        f"表头与数字{part.zh}：数字为“{reading.title.zh}”",
        f"The header contradicts the numbers {part.en}: they are {reading.title.en}",
    )


def verdict_of(
    winner: Interpretation | None, best: Standing, rival: Standing, groups: list[Group], readable: int
) -> Text:
    """Return the judgement in one sentence."""
    if winner is not None:
        return Text(
            f"{winner.title.zh}：{best.score:.1%} 的记录符合，其次（{rival.interpretation.title.zh}）{rival.score:.1%}",
            f"{winner.title.en}: {best.score:.1%} of the records fit, the next ({rival.interpretation.title.en}) {rival.score:.1%}",
        )
    if not readable:
        return Text("没有可读的坐标", "There are no readable coordinates")
    if best.score == 0.0:
        return Text("没有一种读法落入区域", "No reading lies inside the region")
    if len(groups) > 1:
        zh = "；".join(f"{g.interpretation.title.zh} {g.rows.size} 条" for g in groups)
        en = "; ".join(f"{g.interpretation.title.en} {g.rows.size}" for g in groups)
        return Text(f"写法混用，逐条判定：{zh}", f"Mixed readings, settled record by record: {en}")
    one, two = best.interpretation.title, rival.interpretation.title
    return Text(
        f"不能判定：{one.zh} {best.score:.1%}，{two.zh} {rival.score:.1%}",
        f"Not clear: {one.en} {best.score:.1%}, {two.en} {rival.score:.1%}",
    )
