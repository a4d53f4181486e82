"""What a run found and where it wrote it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

    import geopandas as gpd
    import pandas as pd

    from geosys.layers.intake import Layer


@dataclass(slots=True)
class RunResult:
    """Hold what a run found and where it wrote it; `findings` is None when a critical issue stopped it."""

    issues: gpd.GeoDataFrame
    layers: dict[str, Layer] = field(default_factory=dict)
    findings: gpd.GeoDataFrame | None = None
    outcomes: pd.DataFrame | None = None
    paths: dict[str, Path] = field(default_factory=dict)
    rules_version: str = ""
    overlay: pd.DataFrame | None = None
    overlay_changes: dict[str, Any] = field(default_factory=dict)

    @property
    def has_problems(self) -> bool:
        """Say whether any data was withheld or the run was stopped."""
        return bool(self.issues["severity"].isin(["error", "critical"]).any())
