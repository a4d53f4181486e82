"""Build the page of a meeting's pack: one HTML file with agenda, figures, changes, map, cards, tables and files.

The page asks for nothing. Its policy lets no script run but those that stood here when it was built, by their hash; the map
is a page of its own inside it, opened when its tab is, under its own policy as well.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import zlib
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Any

from geosys._faults import Faults
from geosys.maps.folium_page import read_asset
from geosys.maps.meeting.page_charts import draw_for_page
from geosys.maps.meeting.page_data import check_meeting, meeting_data, words
from geosys.maps.page import to_json
from geosys.maps.paper.words import one_line

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from geosys._text import Text
    from geosys.maps.meeting.content import Meeting
    from geosys.maps.palettes import Palettes
    from geosys.maps.paper.press import Press

SCRIPTS = (
    "meeting/words.js", "page/dom.js", "meeting/texts.js", "meeting/inflate.js", "meeting/order.js", "meeting/table.js",
    "meeting/agenda.js", "meeting/cards.js", "meeting/map.js", "meeting/files.js", "meeting/start.js",
)  # fmt: skip
_SCRIPT = re.compile(r"<script\b([^>]*)>(.*?)</script\s*>", re.DOTALL | re.IGNORECASE)
_MEDIA = re.compile(r"[a-z]+/[A-Za-z0-9.+-]+")
_POLICY_TAG = re.compile(r'<meta http-equiv="Content-Security-Policy"[^>]*>')
# maplibre asks the page around it for its address, which a browser forbids between pages of files: there is none around it.
_ALONE = "window.parent = window;"
_MAP_POLICY = re.compile(r'http-equiv="Content-Security-Policy" content="([^"]*)"')


@dataclass(frozen=True, slots=True)
class PackFile:
    """Hold one file of the pack.

    Parameters
    ----------
    file : its path below the pack's folder, parted by ``/``.
    media : its media type, as in ``application/pdf``.
    data : its bytes, carried in the page; None: the page links to the file beside it.
    """

    title: Text | str
    file: str
    media: str
    data: bytes | None = None


def build_pack_page(
    meeting: Meeting, map_html: str, files: Sequence[PackFile], press: Press, *, palettes: Palettes | None = None, language: str = "zh",
) -> str:  # fmt: skip
    """Return the pack as one HTML text that needs nothing else; equal meetings give equal texts.

    Parameters
    ----------
    map_html : the map page, carried whole; empty: there is none, and the page says so.
    files : sheets, slides, brief and workbook; a sheet of the meeting that is not among them is linked to beside the page.
    press : fonts and measures for the charts.
    palettes : titles and colours of severities and states; without them their words are shown as they are.
    language : ``zh`` or ``en``, which the page opens in.

    Raises
    ------
    SpecError
        When parts of the meeting do not fit together, a chart cannot be drawn or a file lies outside the pack.
    """
    check_meeting(meeting)
    _check_files([*(file.file for file in files), *(sheet.file for sheet in meeting.sheets)], files, language)
    data = meeting_data(meeting, palettes) | {
        "language": 1 if language == "en" else 0, "hasMap": bool(map_html),
        "files": [
            {"title": words(f.title), "file": f.file, "media": f.media, "size": None if f.data is None else len(f.data)} for f in files
        ],
    }  # fmt: skip
    map_html = _POLICY_TAG.sub(lambda tag: f"{tag.group()}\n<script>{_ALONE}</script>", map_html, count=1)
    packed = {"map": zlib.compress(map_html.encode("utf-8", "replace"), 9)}
    charts = json.dumps(draw_for_page(meeting.charts, press), ensure_ascii=True, separators=(",", ":"))
    packed["charts"] = zlib.compress(charts.encode(), 9)
    packed |= {f"file-{number}": file.data for number, file in enumerate(files) if file.data is not None}
    script = "\n".join(read_asset(name) for name in SCRIPTS)
    return "".join(_write(meeting, to_json(data), packed, script, _policy(script, map_html), language))


def _write(
    meeting: Meeting, data: str, packed: dict[str, bytes], script: str, policy: str, language: str
) -> Iterator[str]:
    """Yield the page, part by part."""
    title = escape(f"{one_line(meeting.place, language, 60)} {one_line(meeting.title, language, 90)}")
    yield f'<!DOCTYPE html>\n<html lang="{"en" if language == "en" else "zh-CN"}">\n<head>\n<meta charset="utf-8">\n'
    yield f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
    yield '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
    yield f"<title>{title}</title>\n<style>\n{read_asset('meeting/page.css')}</style>\n</head>\n<body>\n"
    yield read_asset("meeting/frame.html")
    yield f'<script type="application/json" id="gs-data">{data}</script>\n'
    for name, content in packed.items():
        yield f'<script type="text/plain" id="gs-packed-{name}">{base64.b64encode(content).decode()}</script>\n'
    yield f"<script>{script}</script>\n</body>\n</html>\n"


def _policy(script: str, map_html: str) -> str:
    """Return what the browser lets the page do.

    A page inside stands under the policy of the page around it too, so that the map's own scripts are named as well.
    """
    inner = _MAP_POLICY.search(map_html)
    allowed = _directives(inner.group(1)) if inner else {}
    hashes = [_hash(script)]
    for attributes, text in _SCRIPT.findall(map_html):
        if "type=" not in attributes.lower() or "javascript" in attributes.lower():
            hashes.append(_hash(text))
    blobs = " blob:" if "blob:" in allowed.get("img-src", "") else ""
    worker = "; worker-src blob:" if "blob:" in allowed.get("worker-src", "") else ""
    return (
        f"default-src 'none'; script-src {' '.join(dict.fromkeys(hashes))}; style-src 'unsafe-inline'; img-src data:{blobs}; "
        f"frame-src blob:{worker}; base-uri 'none'; form-action 'none'"
    )


def _directives(policy: str) -> dict[str, str]:
    """Return the directives of a policy."""
    parts = [part.strip().partition(" ") for part in policy.split(";")]
    return {name: value for name, _, value in parts}


def _hash(script: str) -> str:
    """Return a script's hash as a policy names it; the browser reads line ends as line feeds."""
    text = script.replace("\r\n", "\n").replace("\r", "\n").encode("utf-8", "replace")
    return f"'sha256-{base64.b64encode(hashlib.sha256(text).digest()).decode()}'"


def _check_files(paths: Sequence[str], files: Sequence[PackFile], language: Any) -> None:
    """Raise for a file outside the pack's folder, and for a media type that is none."""
    faults = Faults()
    for path in dict.fromkeys(paths):
        steps = path.split("/")
        if "\\" in path or any(step in {"", ".", ".."} for step in steps):
            faults.add("pack, file", path, "a path below the pack's folder, parted by /")
    for file in files:
        if not _MEDIA.fullmatch(file.media):
            faults.add(f"pack, file {file.file}", file.media, "a media type, as in application/pdf")
    faults.one_of("pack, language", language, ("zh", "en"), "language")
    faults.raise_if_any()
