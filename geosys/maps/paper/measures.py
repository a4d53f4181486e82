"""Load and check ``maps/paper.toml``: sizes of paper, parts of a page, scales, and the words printed on every sheet."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from geosys._errors import SpecError
from geosys._faults import Faults, nearest
from geosys.content import read_toml, short_name

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from geosys._text import Text

LAYOUT = ("header", "footer", "boxes", "side_width", "side_height", "tick_strip", "bar_strip", "inset_share")
SCALES = ("smallest", "largest", "of_one_point", "margin_share")
LABELS = ("size_pt", "halo_pt", "most_letters", "most")
WORDS = (
    "legend", "notes", "sources", "overview", "scale", "crs", "convergence", "north", "metres", "kilometres",
    "central", "page", "as_of", "dropped", "absent", "other", "comma", "colon", "ticks",
)  # fmt: skip
_NUMBERS = ("margin", "padding", "resolution_dpi")
_TABLES = ("sizes", "text_pt", "layout", "scales", "labels", "words")


@dataclass(frozen=True, slots=True)
class Measures:
    """Hold all of ``maps/paper.toml``; lengths in millimetres."""

    margin: float
    padding: float
    resolution_dpi: float
    sizes: Mapping[str, tuple[float, float]]
    text_pt: Mapping[str, float]
    layout: Mapping[str, float]
    round_scales: tuple[float, ...]
    scales: Mapping[str, float]
    labels: Mapping[str, float]
    boxes: tuple[Text, ...]
    words: Mapping[str, Text]

    def page(self, paper: str, *, is_landscape: bool) -> tuple[float, float]:
        """Return width and height of a page in millimetres.

        Raises
        ------
        SpecError
            When there is no such paper.
        """
        if paper not in self.sizes:
            hint = nearest(paper, self.sizes) or f"Known: {', '.join(self.sizes)}."
            raise SpecError(f"sheet paper: got {paper!r}, expected a size of maps/paper.toml. {hint}")
        short, long = self.sizes[paper]
        return (long, short) if is_landscape else (short, long)

    def growth(self, paper: str) -> float:
        """Return how much larger text and parts of a page are than on the smallest paper."""
        return self.text_pt[paper] / min(self.text_pt.values())


def load_measures(path: Path) -> Measures:
    """Read and check the file.

    Raises
    ------
    SpecError
        With every fault at once.
    """
    faults, where, table = Faults(), short_name(path), read_toml(path)
    faults.keys(where, table, (), (*_NUMBERS, *_TABLES, "boxes"))
    tables = {name: _table(f"{where} [{name}]", table.get(name, {}), faults) for name in _TABLES}
    numbers = {name: _number(f"{where} {name}", table.get(name, 1), faults) for name in _NUMBERS}
    sizes = {name: _pair(f"{where} [sizes] {name}", size, faults) for name, size in tables["sizes"].items()}
    faults.keys(f"{where} [text_pt]", tables["text_pt"], (), sizes)
    faults.keys(f"{where} [layout]", tables["layout"], (), LAYOUT)
    faults.keys(f"{where} [scales]", tables["scales"], (), ("round", *SCALES))
    faults.keys(f"{where} [labels]", tables["labels"], (), LABELS)
    faults.keys(f"{where} [words]", tables["words"], (), WORDS)
    rounds = tables["scales"].get("round", [])
    if not isinstance(rounds, list) or not rounds:
        faults.add(f"{where} [scales] round", rounds, "a list of numbers from 1 to 10")
        rounds = [1]
    words = {name: faults.text(f"{where} [words] {name}", text) for name, text in tables["words"].items()}
    boxes = tuple(
        faults.text(f"{where} [[boxes]] {i}", box.get("name")) for i, box in enumerate(table.get("boxes", []), 1)
    )
    measured = {
        name: {key: _number(f"{where} [{name}] {key}", value, faults) for key, value in tables[name].items() if key != "round"}
        for name in ("text_pt", "layout", "scales", "labels")
    }  # fmt: skip
    round_scales = tuple(sorted(_number(f"{where} [scales] round", value, faults) for value in rounds))
    faults.raise_if_any()
    return Measures(
        margin=numbers["margin"], padding=numbers["padding"], resolution_dpi=numbers["resolution_dpi"], sizes=sizes,
        text_pt=measured["text_pt"], layout=measured["layout"], round_scales=round_scales, scales=measured["scales"],
        labels=measured["labels"], boxes=boxes, words=words,
    )  # fmt: skip


def _table(where: str, value: object, faults: Faults) -> dict[str, Any]:
    """Return a table, or an empty one and a fault."""
    return value if faults.typed(where, value, dict, "a table") and isinstance(value, dict) else {}


def _number(where: str, value: object, faults: Faults) -> float:
    """Return a number above 0, or 1 and a fault."""
    if isinstance(value, bool) or not isinstance(value, int | float) or value <= 0:
        faults.add(where, value, "a number above 0")
        return 1.0
    return float(value)


def _pair(where: str, value: object, faults: Faults) -> tuple[float, float]:
    """Return width and height, or a square and a fault."""
    if not isinstance(value, list) or len(value) != 2:  # noqa: PLR2004
        faults.add(where, value, "[width, height] in millimetres")
        return 1.0, 1.0
    width, height = (_number(where, number, faults) for number in value)
    return width, height
