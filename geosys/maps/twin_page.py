"""The pages of the public twin: the map without findings and rules, and the readable list of what is withheld."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

import geopandas as gpd
import pandas as pd

from geosys._text import Text
from geosys.maps.frames import FINDING_COLUMNS, OUTCOME_COLUMNS
from geosys.maps.page import CRS, build_page
from geosys.maps.paper.words import one_line, plain
from geosys.maps.plot_page import head_of
from geosys.maps.sheets import Column, Sheet
from geosys.maps.tables import workbook, write_table

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from geosys.maps.frames import MapLayer, Meta
    from geosys.maps.spec import MapSpec

# Empty panels of findings, and a legend of outcomes with zeros, would read as "nothing found".
_HIDE = "#gs-tab-findings,#gs-tab-rules,#gs-findings,#gs-rules,#gs-legend{display:none!important}"
# On paper the list of layers is the legend.
_PRINT = "@media print{#gs-app:not(.gs-closed) #gs-panel{display:block!important}#gs-tabs,#gs-layers button{display:none!important}}"
_WIDTHS = "<colgroup>" + "".join(f'<col style="width:{share}%">' for share in (13, 25, 13, 22, 9, 18)) + "</colgroup>"
_FIELD = {"field_zh": "、", "field_en": ", ", "field": ", "}
WITHHELD = Text("未公布清单", "What is withheld")
SHEET = Sheet(
    read=(
        Column("layer_zh", "图层", "Layer (Chinese)", 22), Column("field_zh", "字段", "Column (Chinese)", 20),
        Column("kind_zh", "处理", "Done (Chinese)", 16), Column("how_zh", "方式", "How (Chinese)", 40),
        Column("count", "数量", "Count", 14), Column("why_zh", "依据", "Why (Chinese)", 48),
    ),
    rest=(
        Column("layer_en", "图层（英文）", "Layer", 24), Column("field_en", "字段（英文）", "Column", 24),
        Column("kind_en", "处理（英文）", "Done", 24), Column("how_en", "方式（英文）", "How", 50),
        Column("why_en", "依据（英文）", "Why", 40), Column("layer", "图层标识", "Layer id", 20), Column("field", "字段标识", "Column id", 20),
    ),
)  # fmt: skip


def map_page(spec: MapSpec, layers: Sequence[MapLayer], meta: Meta) -> str:
    """Return the twin's map as HTML text that needs nothing else; findings are not in it but as a layer of counts.

    Raises
    ------
    SpecError, DisclosureError
        As `geosys.maps.page.build_page`.
    """
    nothing = gpd.GeoDataFrame({name: pd.Series(dtype=object) for name in FINDING_COLUMNS}, geometry=[], crs=CRS)
    rules = pd.DataFrame({name: pd.Series(dtype=object) for name in OUTCOME_COLUMNS})
    page = build_page(spec, layers, nothing, rules, meta)
    return page.replace("</head>", f"<style>{_HIDE}{_PRINT}</style>\n</head>", 1)


def withheld_page(table: pd.DataFrame, spec: MapSpec, meta: Meta) -> str:
    """Return the list of what is withheld as one HTML text, Chinese with English below.

    Parameters
    ----------
    table : the columns of `SHEET`, all texts.
    """
    head = "".join(_head(column) for column in SHEET.read)
    rows = "".join(
        "<tr>" + "".join(f"<td>{_cell(row, column.name)}</td>" for column in SHEET.read) + "</tr>"
        for row in _condensed(table)
    )
    marks = "".join(
        f'<span class="mark">{escape(plain(m, "zh"))}</span>' for m in (spec.notice, meta.mark, spec.approval) if m
    )
    title = Text(f"{meta.title.zh} {WITHHELD.zh}", f"{meta.title.en}: {WITHHELD.en.lower()}")
    note = Text(
        f"{spec.title.zh}（map.html）中没有公布或经过概化的内容，截至 {meta.as_of.isoformat()}。",
        f"What is withheld from, or coarser on, {spec.title.en} (map.html), as of {meta.as_of.isoformat()}.",
    )
    return (
        f'{head_of(one_line(title, "zh", 90), "zh")}<main class="paper"><header><div><h1>{escape(plain(title, "zh"))}</h1>'
        f'<div class="sub">{escape(plain(title, "en"))}</div></div>{marks}</header><p>{escape(note.zh)}<br>{escape(note.en)}</p>'
        f'<div class="scroll"><table class="wide">{_WIDTHS}<thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>'
        f"<footer><span>{escape(plain(spec.disclaimer, 'zh'))}</span><span>{escape(meta.program)}</span></footer></main></body></html>\n"
    )


def _condensed(table: pd.DataFrame) -> list[dict[str, str]]:
    """Return the rows, those that differ by their column only as one."""
    rows: list[dict[str, str]] = []
    for row in table.to_dict("records"):
        told = {str(name): str(value) for name, value in row.items()}
        if rows and _but_field(rows[-1]) == _but_field(told):
            rows[-1] |= {name: f"{rows[-1][name]}{mark}{told[name]}" for name, mark in _FIELD.items()}
        else:
            rows.append(told)
    return rows


def _but_field(row: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in row.items() if name not in _FIELD}


def _head(column: Column) -> str:
    en = escape(column.en.removesuffix(" (Chinese)"))
    return f'<th scope="col">{escape(column.zh)}<br><span class="sub">{en}</span></th>'


def _cell(row: dict[str, str], name: str) -> str:
    zh = escape(row[name])
    other = row.get(f"{name.removesuffix('_zh')}_en", "") if name.endswith("_zh") else ""
    return f'{zh}<br><span class="sub">{escape(other)}</span>' if other else zh


def write_withheld(path: Path, table: pd.DataFrame, meta: Meta) -> None:
    """Write the list of what is withheld as a workbook of one sheet, whole or not at all."""
    with workbook(path, meta, WITHHELD.both()) as book:
        write_table(book, meta, "未公布 Withheld", SHEET, table, words={})
