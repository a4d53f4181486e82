"""The list of what the twin withholds or coarsens, and why: one row a layer, column or count."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pandas as pd

from geosys._text import Text

if TYPE_CHECKING:
    from collections.abc import Sequence

KINDS = {
    "layer": Text("整层未公布", "Layer withheld"),
    "field": Text("字段未公布", "Column withheld"),
    "identity": Text("标识已替换", "Identifiers replaced"),
    "geometry": Text("图形概化", "Geometry generalised"),
    "merged": Text("合并计数", "Merged into counts"),
    "counts": Text("小数隐去", "Small counts hidden"),
    "rows": Text("无法显示的记录", "Rows that cannot be shown"),
    "values": Text("数值粗化", "Values coarsened"),
    "cells": Text("单元格空置", "Cells blanked"),
}
NOT_TOLD = Text("不公布", "not told")
COLUMNS = (
    "layer_zh", "field_zh", "kind_zh", "how_zh", "count", "why_zh", "layer_en", "field_en", "kind_en", "how_en", "why_en", "layer", "field",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Entry:
    """Hold one row: layer, column (empty for the whole), what was done, how, how many, and by which rule.

    `count` is the text that may be read by all: a number, ``<k``, or that it is not told.
    """

    layer: str
    title: Text
    field: str
    field_title: Text
    kind: str
    how: Text
    count: str
    why: Text


def count_text(number: int, least: int) -> str:
    """Return a number of rows as it may be read by all.

    Examples
    --------
    >>> count_text(0, 5), count_text(4, 5), count_text(5, 5)
    ('0', '<5', '5')
    """
    return f"<{least}" if 0 < number < least else str(number)


def table_of(entries: Sequence[Entry]) -> pd.DataFrame:
    """Return the list as a table with the columns of `COLUMNS`, in the order of the entries."""
    rows = [
        {
            "layer": e.layer, "field": e.field, "count": e.count, "layer_zh": e.title.zh, "layer_en": e.title.en,
            "field_zh": e.field_title.zh, "field_en": e.field_title.en, "kind_zh": KINDS[e.kind].zh, "kind_en": KINDS[e.kind].en,
            "how_zh": e.how.zh, "how_en": e.how.en, "why_zh": e.why.zh, "why_en": e.why.en,
        }
        for e in entries
    ]  # fmt: skip
    return pd.DataFrame(rows, columns=list(COLUMNS)).astype(str)


NOTHING = Text("", "")
BY_DISCLOSURE = Text("公开级别低于受众", "disclosure narrower than the audience")
BY_LIST = Text(
    "不在公开清单 maps/public.toml 中（默认不公开）", "not on the list maps/public.toml (withheld by default)"
)
BY_SPEC = Text("公开清单 maps/public.toml", "the list maps/public.toml")
BY_LEAST = Text("最小计数规则", "the least count that may be shown")
