"""The photographs of findings: small pictures of their evidence, bare of all but pixels, bounded, and the rest told."""

from __future__ import annotations

import base64
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from geosys._errors import WorkspaceError
from geosys._text import Text
from geosys.cases.ledger.evidence import KIND
from geosys.cases.ledger.evidence_store import is_whole, original, small_picture
from geosys.cases.ledger.file_kinds import MEDIA_TYPES, PICTURES
from geosys.cases.ledger.pictures import draw_small, metadata_left

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd

MOST_A_CASE = 4
MOST_BYTES = 20_000_000  # of all pictures, as the page holds them
_KINDS = {MEDIA_TYPES[kind]: kind for kind in PICTURES}
_HEAD = "data:image/jpeg;base64,"


@dataclass(frozen=True, slots=True)
class Photos:
    """Hold pictures of cases as (data URI, caption), a line about those that are not there, and how many of each."""

    pictures: Mapping[str, list[tuple[str, str]]] = field(default_factory=dict)
    rest: Mapping[str, Text] = field(default_factory=dict)
    told: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Shot:
    case: str
    sequence: int
    digest: str
    media_type: str
    caption: str


def photos_of(
    events: pd.DataFrame, heirs: Mapping[str, str], folder: Path, pixels: int, most_bytes: int = MOST_BYTES
) -> Photos:
    """Return the pictures of each case, those of cases merged into it among them.

    Of each case the `MOST_A_CASE` newest are taken; where all are more than `most_bytes`, every case gets its newest first.

    Parameters
    ----------
    events
        As `ledger.events.read_events` returns them.
    heirs
        The case that stands for each case of which pictures are wanted.
    folder
        The folder `evidence` of the workspace.
    pixels
        The longer side of small pictures, as the terms of evidence say.
    """
    shots = _shots_of(events, heirs)
    wanted = sorted(
        ((place, -shot.sequence, shot) for row in shots.values() for place, shot in enumerate(row[:MOST_A_CASE])),
        key=lambda entry: entry[:2],
    )
    sources: dict[str, str] = {}
    shown: dict[str, list[_Shot]] = {}
    missing = dict.fromkeys(shots, 0)
    size = 0
    for _, _, shot in wanted:
        source = sources.get(shot.digest) or _source_of(shot, folder, pixels)
        if source is None:
            missing[shot.case] += 1
        elif shot.digest in sources or size + len(source) <= most_bytes:
            size += 0 if shot.digest in sources else len(source)
            sources[shot.digest] = source
            shown.setdefault(shot.case, []).append(shot)
    pictures = {
        case: [(sources[s.digest], s.caption) for s in sorted(row, key=lambda s: s.sequence)]
        for case, row in sorted(shown.items())
    }
    rest = {case: _rest(len(row), len(pictures.get(case, ())), missing[case]) for case, row in sorted(shots.items())}
    left = sum(map(len, shots.values())) - sum(map(len, pictures.values()))
    told = {
        "shown": sum(map(len, pictures.values())),
        "left_out": left,
        "unreadable": sum(missing.values()),
        "bytes": size,
    }
    return Photos(pictures, {case: text for case, text in rest.items() if text is not None}, told)


def _shots_of(events: pd.DataFrame, heirs: Mapping[str, str]) -> dict[str, list[_Shot]]:
    """Return the pictures of each case, the newest first, each content once."""
    found: dict[str, dict[str, _Shot]] = {}
    chosen = events[(events["kind"] == KIND).to_numpy(dtype=bool)]
    for event in chosen.sort_values("sequence").to_dict("records"):
        said: dict[str, Any] = event["source"]
        case = heirs.get(event["case_id"])
        if case is None or said.get("media_type") not in _KINDS or "sha256" not in said:
            continue
        caption = f"{event['happened_on']} {said['name']}"
        shot = _Shot(case, int(event["sequence"]), said["sha256"], said["media_type"], caption)
        found.setdefault(case, {}).setdefault(shot.digest, shot)
    return {case: sorted(row.values(), key=lambda shot: -shot.sequence) for case, row in found.items()}


def _source_of(shot: _Shot, folder: Path, pixels: int) -> str | None:
    """Return a small picture as the page holds it, or None where none can be had.

    The one in the store is taken if it is bare; another file may stand in its place, so it is looked at. Else it is drawn
    anew from the original, if that is whole.
    """
    small = small_picture(folder, shot.digest, pixels)
    if small.is_file() and not small.is_symlink() and not _is_dressed(small):
        return _HEAD + base64.b64encode(small.read_bytes()).decode("ascii")
    source = original(folder, shot.digest, shot.media_type)
    if not is_whole(source, shot.digest):
        return None
    with tempfile.TemporaryDirectory() as part:
        fresh = Path(part) / "small.jpg"
        try:
            draw_small(source, _KINDS[shot.media_type], fresh, pixels)
        except WorkspaceError:
            return None
        return None if _is_dressed(fresh) else _HEAD + base64.b64encode(fresh.read_bytes()).decode("ascii")


def _is_dressed(path: Path) -> bool:
    """Say whether a file is no JPEG, or one with more than pixels in it."""
    with path.open("rb") as file:
        is_jpeg = file.read(3) == b"\xff\xd8\xff"
    return not is_jpeg or bool(metadata_left(path))


def _rest(there: int, shown: int, unreadable: int) -> Text | None:
    if there == shown:
        return None
    zh, en = f"台账另有 {there - shown} 张照片未放入本图", f"{there - shown} more in the ledger, not in this map"
    return (
        Text(f"{zh}，其中 {unreadable} 张缺失或损坏", f"{en}; {unreadable} of them missing or damaged")
        if unreadable
        else Text(zh, en)
    )
