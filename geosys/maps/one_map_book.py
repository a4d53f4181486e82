"""Which columns the tables of the one map have, and the workbook that holds them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from geosys.maps.sheets import Column, Sheet
from geosys.maps.tables import workbook, write_notes, write_table

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    import pandas as pd

    from geosys.maps.frames import Meta

SUBJECT = "一张图 One map"
FEATURES, PARTS, COMBINATIONS = "对象 Features", "分类组成 Composition", "叠加组合 Combinations"
_WHO = (
    Column("layer_title", "图层", "Layer", 14),
    Column("feature_id", "编号", "Code", 22),
    Column("name", "名称", "Name", 26),
)
_AREAS = (
    Column("area_m2", "椭球面积 m²", "Ellipsoidal area m²", 14),
    Column("stated_m2", "填报面积 m²", "Stated area m²", 14),
    Column("stated_gap_share", "填报偏差", "Stated against ellipsoidal", 10),
    Column("adjustment", "平差", "Adjustment", 12),
    Column("rows_m2", "各行合计 m²", "Sum of rows m²", 14),
    Column("closing_error_m2", "闭合差 m²", "Closing error m²", 12),
    Column("closes", "闭合", "Closes", 7),
)
_SHARES = (
    Column("area_m2", "椭球面积 m²", "Ellipsoidal area m²", 14),
    Column("share", "占比", "Share", 9),
    Column("adjusted_m2", "平差面积 m²", "Adjusted area m²", 14),
)
PART_SHEET = Sheet(
    read=(
        *_WHO,
        Column("theme_title", "主题", "Theme", 16),
        Column("code", "编码", "Code in its system", 14),
        Column("title", "名称", "Title", 20),
        Column("system", "编码体系", "Code system", 24),
        Column("state_words", "判读", "Reading", 10),
        *_SHARES,
        Column("why_zh", "说明", "Why (Chinese)", 26),
        Column("near", "定位误差内另有", "Also within accuracy", 14),
        Column("margin_m", "距离 m", "At m", 8),
        Column("crosswalk", "对照编码（确定性）", "Counterparts (certainty)", 34),
    ),
    rest=(
        Column("why_en", "说明（英文）", "Why", 30),
        Column("object_ids", "图斑或对象", "Land objects", 40, most_lines=3),
        Column("theme", "主题标识", "Theme id", 14),
        Column("state", "判读标识", "Reading id", 12),
    ),
)


def write_one_map(
    path: Path,
    tables: Mapping[str, pd.DataFrame],
    themes: Mapping[str, str],
    results: Mapping[str, str],
    meta: Meta,
    notes: Sequence[tuple[str, str]],
) -> None:
    """Write the one map as a workbook of four sheets: features, composition, combinations, notes.

    Parameters
    ----------
    path
        The ``.xlsx`` file; it appears when complete, or not at all.
    tables
        By `FEATURES`, `PARTS` and `COMBINATIONS` the tables of a one map with `layer_title` and `name`.
    themes, results
        Titles of the columns of themes (of combinations) and of results (of features), by name.
    meta
        What is printed on every output.
    notes
        Lines of the notes: heading and text.
    """
    plans = {
        FEATURES: Sheet(
            (*_WHO, *_AREAS, *(Column(n, t, n, 16) for n, t in results.items() if not n.endswith("_state"))),
            tuple(Column(n, t, n, 16) for n, t in results.items() if n.endswith("_state")),
        ),
        PARTS: PART_SHEET,
        COMBINATIONS: Sheet(
            (*_WHO, *(Column(n, t, n, 16) for n, t in themes.items()), *_SHARES),
            (
                Column("planar_m2", "平面面积 m²", "Planar area m²", 14),
                Column("object_ids", "图斑或对象", "Land objects", 40, most_lines=3),
            ),
        ),
    }
    with workbook(path, meta, SUBJECT) as book:
        for name, plan in plans.items():
            write_table(book, meta, name, plan, tables[name], words={})
        write_notes(book, meta, notes)
