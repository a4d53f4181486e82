"""Where the plan is: what intake measures and checks positions against."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import shapely


@dataclass(frozen=True, slots=True)
class Place:
    """Hold where the plan is: its metric CRS and its region in that CRS, with the region in words."""

    crs: str
    region: shapely.Geometry | None = None
    region_text: str = ""
