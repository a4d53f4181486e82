"""The benchmark's data by name: how large it is, and which files make it up."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

SIZES = {"county": 100_000, "city": 1_000_000}  # cells before some are merged
LAYERS = ("plots", "zones", "farmland", "outfall_buf", "outfall_corr")


def is_complete(folder: Path) -> bool:
    """Say whether a folder holds all files of the benchmark."""
    return all((folder / f"{layer}.parquet").exists() for layer in ("coverage", "rivers", *LAYERS))
