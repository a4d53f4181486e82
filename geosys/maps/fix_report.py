"""Build the report that goes back to a sender: one HTML file with counts, a table that filters, and a sketch of the places.

The table and the sketch stand in the page as they are: it can be read and printed where scripts are forbidden.
"""

from __future__ import annotations

import base64
import hashlib
import math
from html import escape
from importlib.resources import files
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import shapely

from geosys._text import Text
from geosys.maps.cells import ink_on
from geosys.maps.fix_rows import (
    STATES,
    by_type,
    fix_rows,
    near_enough,
    since_last,
    summary,
    told_places,
    used_for_now,
)
from geosys.maps.sheets import WHO

if TYPE_CHECKING:
    from collections.abc import Mapping

    from geosys.maps.fix_rows import Letter
    from geosys.maps.palettes import Palettes

MOST_SHOWN = 5_000  # issues in the page; the workbook has the rest
_PAGE = files("geosys.maps") / "page"
_WIDE, _LEAST_HIGH, _MOST_HIGH = 640, 360, 640  # of the sketch, in its own units
_MARGIN = 24
_MOST_LETTERS = 600
_OUTLINE_STEP = 0.5  # units of the sketch
_LEAST_SPAN_M = 200.0
_METRES_PER_DEGREE = 111_320  # of latitude, near enough for a sketch and its scale bar
# The marks of the sketch, one shape a severity, so that they are apart in grey too.
_MARKS = {
    "critical": "M-6 -6H6V6H-6Z",
    "error": "M0 -7.5L7 5.5H-7Z",
    "warning": "M0 -7.5L7.5 0L0 7.5L-7.5 0Z",
    "notice": "M-5.5 0A5.5 5.5 0 1 0 5.5 0A5.5 5.5 0 1 0 -5.5 0Z",
}


def fix_report(issues: pd.DataFrame, letter: Letter, palettes: Palettes, comparison: pd.DataFrame | None = None) -> str:
    """Return the report as one HTML text that needs nothing else, and asks for nothing.

    Parameters
    ----------
    issues : the issue table of this delivery, geometry in EPSG:4490.
    palettes : titles and colours of severities.
    comparison : from `compare_deliveries`, with the delivery before.

    Raises
    ------
    SpecError
        When a frame lacks a column, holds an unknown word or has another CRS.
    """
    rows = fix_rows(issues, comparison)
    shown = rows.head(MOST_SHOWN)
    style = (_PAGE / "fix_report.css").read_text("utf-8") + _colours(palettes)
    script = (_PAGE / "fix_report.js").read_text("utf-8")
    title = f"{letter.sender} 数据问题报告"
    return "".join(
        (
            '<!DOCTYPE html>\n<html lang="zh-CN">\n<head>\n<meta charset="utf-8">\n',
            '<meta name="viewport" content="width=device-width, initial-scale=1">\n',
            f'<meta http-equiv="Content-Security-Policy" content="{_policy(style, script)}">\n',
            f"<title>{_safe(title)}</title>\n<style>{style}</style>\n</head>\n<body>\n",
            _head(rows, letter, palettes, comparison),
            "<main>\n",
            _kinds(rows, palettes),
            _sketch(shown, letter, palettes),
            _table(shown, len(rows), near_enough(shown, letter.outline), palettes, comparison),
            _foot(letter),
            f"</main>\n<script>{script}</script>\n</body>\n</html>\n",
        )
    )


def _policy(style: str, script: str) -> str:
    """Return what the browser may run and fetch: this style and this script by their hash, and nothing else."""
    hashed = [base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in (style, script)]
    return f"default-src 'none'; style-src 'sha256-{hashed[0]}'; script-src 'sha256-{hashed[1]}'; base-uri 'none'; form-action 'none'"


def _safe(value: object) -> str:
    """Return a text that stays a text in HTML, whatever it holds."""
    text = "" if value is None or pd.isna(value) else str(value)
    if len(text) > _MOST_LETTERS:
        text = text[:_MOST_LETTERS] + "…"
    kept = "".join(letter if letter in "\n\t" or letter.isprintable() else "�" for letter in text)
    return escape(kept)


def _both(text: Text) -> str:
    """Return both languages; the page shows one of them."""
    return f'<span class="zh" lang="zh-CN">{_safe(text.zh)}</span><span class="en" lang="en">{_safe(text.en)}</span>'


def _words(zh: str, en: str) -> str:
    return _both(Text(zh, en))


def _colours(palettes: Palettes) -> str:
    """Return the style of the severities."""
    return "".join(
        f".chip.{word}{{background:{s.colour};color:{ink_on(s.colour)}}}.mark.{word}{{fill:{s.colour}}}"
        for word, s in palettes.issue_severities.items()
    )


def _head(rows: pd.DataFrame, letter: Letter, palettes: Palettes, comparison: pd.DataFrame | None) -> str:
    """Return the head: sender, day, mark, and the counts in words."""
    meta, last = letter.meta, since_last(comparison)
    mark = f'<b class="badge">{_both(meta.mark)}</b>' if meta.mark else ""
    lines = [f"<p>{_both(summary(rows, palettes))}</p>"]
    if letter.rows is not None and letter.rows_withheld is not None:
        n, out = letter.rows, letter.rows_withheld
        lines.append(
            f"<p>{_words(f'共报送 {n} 行，其中 {out} 行暂不能采用', f'{n} rows delivered, {out} of them cannot be used yet')}</p>"
        )
    if last:
        lines.append(f'<p class="last">{_both(last)}</p>')
    if letter.reply_by:
        day = letter.reply_by.isoformat()
        lines.append(f"<p>{_words(f'请于 {day} 前改正报回', f'Please mend and send again by {day}')}</p>")
    return (
        f"<header><div><h1>{_safe(letter.sender)} {_words('数据问题报告', 'Data issues')}</h1>"
        f"<p>{_both(meta.title)} · {meta.as_of.isoformat()} {mark}</p></div>"
        '<button id="language" type="button" hidden>English</button></header>\n'
        f'<section class="sum">{"".join(lines)}</section>\n'
    )


def _kinds(rows: pd.DataFrame, palettes: Palettes) -> str:
    """Return the issue types with counts and advice."""
    body = "".join(
        f'<tr><td data-zh="严重程度" data-en="Severity">{_chip(k.severity, palettes)}</td>'
        f'<td data-zh="问题" data-en="Issue"><b>{_words(k.issue_title_zh, k.issue_title_en)}</b></td>'
        f'<td class="number" data-zh="条数" data-en="Count">{k.count}</td>'
        f'<td data-zh="应如何改" data-en="What to do">{_words(k.advice_zh, k.advice_en)}</td></tr>'
        for k in by_type(rows).itertuples()
    )
    heads = (("严重程度", "Severity"), ("问题", "Issue"), ("条数", "Count"), ("应如何改", "What to do"))
    return (
        f'<section><h2>{_words("问题类型", "Types of issue")}</h2><table class="kinds"><thead><tr>'
        + "".join(f"<th>{_words(*head)}</th>" for head in heads)
        + f"</tr></thead><tbody>{body}</tbody></table></section>\n"
    )


def _chip(severity: str, palettes: Palettes) -> str:
    return f'<span class="chip {severity}">{_both(palettes.issue_severities[severity].title)}</span>'


def _sketch(rows: pd.DataFrame, letter: Letter, palettes: Palettes) -> str:
    """Return the places as a drawing over the region's outline, north up, with a scale bar."""
    drawn = near_enough(rows, letter.outline)
    placed = rows[drawn]
    title = f"<h2>{_words('位置示意图', 'Where they are')}</h2>"
    note = f'<p class="note">{_both(told_places(rows, drawn))}</p>'
    if not len(placed):
        return f'<section class="map">{title}{note}</section>\n'
    outline = letter.outline if letter.outline is not None else shapely.Point()
    corners = np.array([[placed["lon"].min(), placed["lat"].min()], [placed["lon"].max(), placed["lat"].max()]])
    if not outline.is_empty:
        box = np.reshape(shapely.bounds(outline), (2, 2))
        corners = np.array([np.minimum(corners[0], box[0]), np.maximum(corners[1], box[1])])
    frame = _Frame(corners)
    marks = "".join(
        f'<g class="mark {r.severity}" data-row="{r.number}" tabindex="0" role="button" transform="translate({x:.1f} {y:.1f})">'
        f'<path d="{_MARKS[r.severity]}"/><title>{r.number} {_safe(r.issue_title_zh)}</title></g>'
        for r, (x, y) in zip(placed[::-1].itertuples(), frame.xy(placed[["lon", "lat"]].to_numpy())[::-1], strict=True)
    )
    keys = "".join(
        f'<span class="key"><svg viewBox="-9 -9 18 18" width="16" height="16"><g class="mark {w}">'
        f'<path d="{_MARKS[w]}"/></g></svg>{_both(s.title)}</span>'
        for w, s in palettes.issue_severities.items()
        if w in set(placed["severity"])
    )
    return (
        f'<section class="map">{title}<p class="keys">{keys}</p><div class="sheet">'
        f'<svg id="map" viewBox="0 0 {_WIDE} {frame.high:.0f}" role="img" aria-label="map">'
        f'<path class="region" d="{_path(outline, frame)}"/>{marks}</svg>{_scale(frame)}'
        '<span class="zoom" hidden><button type="button" id="in">+</button><button type="button" id="out">−</button>'
        f'<button type="button" id="home">⌂</button></span></div>{note}</section>\n'
    )


class _Frame:
    """Turn degrees into the units of the sketch: a degree of longitude shrunk by the cosine of the middle latitude."""

    def __init__(self, corners: np.ndarray) -> None:
        self.shrink = math.cos(math.radians(float(corners[:, 1].mean())))
        spans = (corners[1] - corners[0]) * (self.shrink, 1)
        spans = np.maximum(spans, _LEAST_SPAN_M / _METRES_PER_DEGREE)
        inner = _WIDE - 2 * _MARGIN
        self.high = float(np.clip(inner * spans[1] / spans[0] + 2 * _MARGIN, _LEAST_HIGH, _MOST_HIGH))
        self.scale = min(inner / spans[0], (self.high - 2 * _MARGIN) / spans[1])  # units a degree of latitude
        self.middle = corners.mean(axis=0)

    def xy(self, positions: np.ndarray) -> np.ndarray:
        """Return positions (lon, lat; shape (n, 2)) in units, y downwards."""
        away = (positions - self.middle) * np.array([self.shrink * self.scale, -self.scale])
        return np.asarray(away + np.array([_WIDE / 2, self.high / 2]))


def _path(outline: shapely.Geometry, frame: _Frame) -> str:
    """Return the rings of a region as the path of a drawing, without positions that would not be seen."""
    drawn = shapely.transform(outline, frame.xy)
    loops = []
    for part in shapely.get_parts(drawn):
        if part.geom_type == "Polygon":
            for ring in (part.exterior, *part.interiors):
                steps = shapely.get_coordinates(shapely.simplify(ring, _OUTLINE_STEP))
                loops.append("M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in steps[:-1]) + "Z")
    return "".join(loops)


def _scale(frame: _Frame) -> str:
    """Return a scale bar of a round length, about a fifth of the sketch; the page shows it until someone zooms."""
    metres = _WIDE / 5 / frame.scale * _METRES_PER_DEGREE
    power = 10 ** math.floor(math.log10(metres))
    length = max(step * power for step in (1, 2, 5) if step * power <= metres)
    units = length / _METRES_PER_DEGREE * frame.scale
    text = f"{length / 1000:g} km" if length >= 1000 else f"{length:g} m"  # noqa: PLR2004
    return (
        f'<svg id="scale" viewBox="0 0 {_WIDE} 36"><path d="M{_MARGIN} 4V10H{_MARGIN + units:.1f}V4"/>'
        f'<text x="{_MARGIN}" y="32">{text}</text><text x="{_WIDE - _MARGIN}" y="32" text-anchor="end">↑ 北 N</text></svg>'
    )


def _table(
    rows: pd.DataFrame, total: int, drawn: pd.Series, palettes: Palettes, comparison: pd.DataFrame | None
) -> str:
    """Return the issues as a table, with the filters that the script brings to life."""
    severities = "".join(
        f'<label><input type="checkbox" value="{w}" checked> {_both(s.title)}</label>'
        for w, s in palettes.issue_severities.items()
        if w in set(rows["severity"])
    )
    kinds = "".join(
        f'<option value="{_safe(k.issue_type)}" data-zh="{_safe(k.issue_title_zh)}" data-en="{_safe(k.issue_title_en)}">'
        f"{_safe(k.issue_title_zh)}</option>"
        for k in by_type(rows).itertuples()
    )
    heads = [
        ("序号", "No."),
        ("严重程度", "Severity"),
        ("位置", "Place"),
        ("问题", "What is wrong"),
        ("现值", "Got"),
        ("应如何改", "What to do"),
    ]
    if comparison is not None:
        heads.insert(2, ("与上次比", "Since last"))
    cut = ""
    if total > len(rows):
        cut = f"<p>{_words(f'只显示前 {len(rows)} 条，全部见 Excel 修改清单', f'The first {len(rows)} only; the workbook has all')}</p>"
    return (
        f"<section><h2>{_words('逐条清单', 'All issues')}</h2>{cut}"
        f'<div id="filters" hidden><span id="severities">{severities}</span>'
        f'<select id="kind"><option value="" data-zh="全部类型" data-en="All types">全部类型</option>{kinds}</select>'
        '<input id="query" type="search" placeholder="查找 Search"><span id="count"></span></div>'
        f'<table class="issues"><thead><tr>{"".join(f"<th>{_words(*head)}</th>" for head in heads)}</tr></thead><tbody>'
        + "".join(_row(row, heads, palettes) for row in rows.assign(drawn=drawn).to_dict("records"))
        + "</tbody></table></section>\n"
    )


def _row(row: Mapping[object, object], heads: list[tuple[str, str]], palettes: Palettes) -> str:
    """Return one issue as a row of the table."""
    state = str(row["state"])
    who = WHO.get(str(row["responsibility"]), Text("", ""))
    place = " · ".join(_safe(row[name]) for name in ("source_file", "source_table") if row[name])
    field = f"<br><b>{_safe(row['field_title'])}</b>" if row["field_title"] else ""
    title = _words(str(row["issue_title_zh"]), str(row["issue_title_en"]))
    what = f"<b>{title}</b><br>{_words(str(row['message_zh']), str(row['message_en']))}"
    used = used_for_now(row)
    after = f"<br><small>{_words('程序暂按', 'used for now')} {_safe(used)}</small>" if used else ""
    code = f'<br><small class="code">{_safe(row["feature_id"])}</small>' if row["feature_id"] else ""
    cells = [
        _safe(row["number"]),
        _chip(str(row["severity"]), palettes),
        f"{_words(str(row['where_zh']), str(row['where_en']))}{field}<br><small>{place}</small>{code}",
        what,
        f"<code>{_safe(row['value'])}</code>{after}",
        f"{_words(str(row['advice_zh']), str(row['advice_en']))}<br><small>{_words('谁来改', 'Who mends')}: {_both(who)}</small>",
    ]
    if len(heads) > len(cells):
        cells.insert(2, _both(STATES[state]) if state else "")
    has_place = "1" if row["drawn"] else ""
    filled = "".join(
        f'<td data-zh="{zh}" data-en="{en}">{cell}</td>' for cell, (zh, en) in zip(cells, heads, strict=True)
    )
    return (
        f'<tr id="row-{row["number"]}" data-severity="{_safe(row["severity"])}" data-kind="{_safe(row["issue_type"])}"'
        f' data-place="{has_place}">{filled}</tr>\n'
    )


def _foot(letter: Letter) -> str:
    """Return where all of it came from."""
    layers = "".join(f"<li>{_both(p.title)} {_safe(p.version)} {_safe(p.delivered)}</li>" for p in letter.meta.layers)
    crs = _words(
        "坐标系 CGCS2000（EPSG:4490）；位置为示意，不作量算", "CGCS2000 (EPSG:4490); a sketch, not for measuring"
    )
    return (
        f"<footer><p>{_safe(letter.meta.program)} · {letter.meta.as_of.isoformat()} {_safe(letter.meta.rules_version)}</p>"
        f"<p>{crs}</p><ul>{layers}</ul></footer>"
    )
