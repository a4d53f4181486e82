"""The terms of evidence as content: which kinds of files are taken in, and when a photograph is asked about."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from geosys._faults import Faults
from geosys.cases.ledger.file_kinds import MEDIA_TYPES, OTHERS, PICTURES
from geosys.content import read_toml

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from geosys._text import Text

PLAIN, AS_IS, WITHHELD = "plain", "as_is", "withheld"  # how a file goes out of the office
MOST_MEGAPIXELS = 178  # Source: Pillow refuses pictures above 2 × 89,478,485 pixels
_NUMBERS = ("far_m", "gcj02_m", "clock_hours", "thumb_px", "most_megapixels", "most_unpacked_mb")
_LISTS = ("work_states", "anew_states")
_WHERE = "cases/evidence.toml"


@dataclass(frozen=True, slots=True)
class FileKind:
    """Hold one kind of file that is taken in: its endings, the largest size in MB, and how it goes out."""

    title: Text
    ends: tuple[str, ...]
    most_mb: float
    outward: str


@dataclass(frozen=True, slots=True)
class EvidenceTerms:
    """Hold the terms: lengths in metres on the ground, sizes in MB of a million bytes, states of the workflow."""

    far_m: float
    gcj02_m: float
    clock_hours: float
    thumb_px: int
    most_megapixels: float
    most_unpacked_mb: float
    work_states: tuple[str, ...]
    anew_states: tuple[str, ...]
    kinds: Mapping[str, FileKind]
    refused: Mapping[str, tuple[Text, Text]]  # title, and what to do instead

    @property
    def most_mb(self) -> float:
        """Return the largest size of any kind."""
        return max(kind.most_mb for kind in self.kinds.values())


def read_evidence_terms(root: Path) -> EvidenceTerms:
    """Read `cases/evidence.toml` below a root.

    Raises
    ------
    SpecError
        With every fault: unknown keys, kinds and ways out, a limit that is not above 0, an ending that two kinds have.
    """
    table, faults = read_toml(root / "cases" / "evidence.toml"), Faults()
    faults.keys(_WHERE, table, ("refused",), (*_NUMBERS, *_LISTS, "kinds"))
    kinds_of = dict.fromkeys(_NUMBERS, "a number") | dict.fromkeys(_LISTS, "a list of texts")
    table = faults.sound(_WHERE, table, kinds_of | {"kinds": "a table of tables", "refused": "a table of tables"})
    for name in _NUMBERS:
        most = MOST_MEGAPIXELS if name == "most_megapixels" else float("inf")
        if not 0 < table.get(name, 1) <= most:
            faults.add(f"{_WHERE} {name}", table[name], f"more than 0 and at most {most:g}")
    kinds = {name: _kind(name, row, faults) for name, row in table.get("kinds", {}).items()}
    ends = [end for kind in kinds.values() for end in kind.ends]
    for end in sorted({end for end in ends if ends.count(end) > 1}):
        faults.add(f"{_WHERE} [kinds]", end, "an ending of one kind only")
    refused = {name: _refusal(name, row, faults) for name, row in table.get("refused", {}).items()}
    if not kinds:
        faults.add(f"{_WHERE} [kinds]", "none", "at least one kind of file")
    faults.raise_if_any()
    told: dict[str, Any] = {name: float(table[name]) for name in _NUMBERS} | {
        name: tuple(table[name]) for name in _LISTS
    }
    return EvidenceTerms(**told | {"thumb_px": int(table["thumb_px"])}, kinds=kinds, refused=refused)


def _kind(name: str, row: Mapping[str, Any], faults: Faults) -> FileKind:
    where = f"{_WHERE} [kinds.{name}]"
    faults.one_of(where, name, MEDIA_TYPES, "a kind that GeoSys can tell")
    faults.keys(where, row, (), ("title", "ends", "most_mb", "outward"))
    sound = faults.sound(where, row, {"ends": "a list of texts", "most_mb": "a number", "outward": "a text"})
    ends, most_mb = tuple(sound.get("ends", ())), float(sound.get("most_mb", 1))
    if any(not end.startswith(".") or end != end.lower() for end in ends) or ("ends" in sound and not ends):
        faults.add(f"{where} ends", list(ends), "endings as '.jpg'")
    if not 0 < most_mb < float("inf"):
        faults.add(f"{where} most_mb", most_mb, "more than 0")
    ways = (PLAIN, WITHHELD) if name in PICTURES else (AS_IS, WITHHELD)
    outward = faults.one_of(f"{where} outward", sound.get("outward"), ways, "a way out for this kind")
    return FileKind(faults.text(f"{where} title", row.get("title")), ends, most_mb, outward)


def _refusal(name: str, row: Mapping[str, Any], faults: Faults) -> tuple[Text, Text]:
    where = f"{_WHERE} [refused.{name}]"
    faults.one_of(where, name, (*OTHERS, *MEDIA_TYPES), "a kind that GeoSys can tell")
    faults.keys(where, row, (), ("title", "todo"))
    return faults.text(f"{where} title", row.get("title")), faults.text(f"{where} todo", row.get("todo"))
