"""Turn the layers of a sheet's spec into features: rows chosen, classes found, names written, shares and changes put in."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from geosys._text import Text
from geosys.maps.palettes import Swatch
from geosys.maps.paper.sheet import Features
from geosys.maps.sheet_parts import LayerPart
from geosys.maps.sheet_spec import FINDINGS
from geosys.rate_layers import place_in_units
from geosys.rates import rates_of, read_rate_book
from geosys.sheets.desk import chosen_findings, worst_of
from geosys.sheets.risks import risk_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from geosys.cases.rate_results import RateResult
    from geosys.maps.sheet_parts import ChartPart, SheetSpec
    from geosys.sheets.desk import Desk

SHARE_CLASSES = ((100.0, "all"), (90.0, "90"), (75.0, "75"), (50.0, "50"), (0.0, "0"))
NO_SHARE = "none"
_MARKS = ("circle", "square", "triangle", "diamond", "inverted", "pentagon", "hexagon")
# Colours for words that no palette knows, told apart by their sign as well (Okabe and Ito 2008, darkened for paper).
CATEGORIES = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E0A800", "#56B4E9", "#7A4FA3", "#8C510A", "#4A4F55")
RULE, WORST, RISK = "rule", "worst", "risk"
NAMED = "name_class"  # the label with the name of a feature and its class: what a grey copy still tells


def rows_of(desk: Desk, part: LayerPart | ChartPart, spec: SheetSpec, layer: str = "") -> gpd.GeoDataFrame:
    """Return the rows of a layer, or of the findings, that a part asks for, with the columns that it makes itself."""
    name = layer or part.layer
    frame = chosen_findings(desk, spec) if name == FINDINGS else desk.frame(name)
    asked = asked_columns(desk, part) | set(part.where)
    if name != FINDINGS and len(frame) and WORST in asked:
        frame = frame.assign(worst=worst_of(desk, name, spec))
    if name != FINDINGS and len(frame) and RISK in asked:
        frame = frame.assign(risk=risk_of(desk, name))
    for column, words in part.where.items():
        if column in frame:
            frame = frame[frame[column].isin(list(words))]
    return frame.reset_index(drop=True)


def asked_columns(desk: Desk, part: LayerPart | ChartPart) -> set[str]:
    """Return which columns decide how a part looks."""
    if isinstance(part, LayerPart):
        return {desk.book.style_of(part).by, part.shape_by, part.sign_by, part.label}
    return {part.rows, part.column, *part.columns}


def features_of(desk: Desk, part: LayerPart, spec: SheetSpec) -> Features:
    """Return a part of a sheet as features of its map."""
    style = desk.book.style_of(part)
    frame = rows_of(desk, part, spec)
    title: Text = part.title if part.title.zh else desk.title(part.layer)
    if part.share:
        frame = with_share(desk, part, frame)
    if part.label == NAMED:
        frame = frame.assign(**{NAMED: _names_with_class(desk, part, frame)})
    classes: Mapping[str, Swatch] = desk.book.classes_named(style.classes)
    signs: Mapping[str, str] = part.signs
    if style.by == RULE:
        classes, signs = rule_classes(frame)
    if style.by and style.by in frame:
        frame = frame.assign(**{style.by: classed(frame[style.by], part.values)})
    elif style.by:
        style, classes = replace(style, by="", classes=""), {}
    if part.shown == "point" and len(frame):
        frame = gpd.GeoDataFrame(
            frame.drop(columns=frame.geometry.name),
            geometry=shapely.point_on_surface(frame.geometry.to_numpy()),
            crs=frame.crs,
        )
    if part.shape_by in frame and part.shape_by:
        frame = frame.assign(**{part.shape_by: classed(frame[part.shape_by], {})})
    else:
        part = replace(part, shape_by="", shapes="")
    if part.sign_by in frame and part.sign_by:
        frame = frame.assign(**{part.sign_by: classed(frame[part.sign_by], {})})
    else:
        part = replace(part, sign_by="", sign_titles="")
    return Features(
        title, frame, style, classes, label=part.label if part.label in frame else "", rank=part.rank,
        fits=part.fits and not part.is_context, listed=part.listed, shape_by=part.shape_by, shapes=desk.book.classes_named(part.shapes),
        signs=signs, sign_by=part.sign_by, sign_titles=desk.book.classes_named(part.sign_titles),
        sign_heading=desk.book.words.get(part.sign_by, ""),
    )  # fmt: skip


def classed(values: pd.Series, words: Mapping[str, str]) -> pd.Series:
    """Return values as the words of classes: truth as true and false, whole numbers without a point, then translated.

    Examples
    --------
    >>> classed(pd.Series([True, 3.0, "a", None], dtype=object), {"3": "III"}).tolist()
    ['true', 'III', 'a', None]
    """

    def word(value: Any) -> str | None:
        if pd.isna(value):
            return None
        if isinstance(value, bool | np.bool_):
            text = str(bool(value)).lower()
        elif isinstance(value, int | float | np.integer | np.floating) and float(value).is_integer():
            text = str(int(value))
        else:
            text = str(value)
        return words.get(text, text)

    return pd.Series([word(v) for v in values], index=values.index, dtype=object)


def _names_with_class(desk: Desk, part: LayerPart, frame: pd.DataFrame) -> list[Text]:
    style, name = desk.book.style_of(part), desk.schemas[part.layer].name_field or "feature_id"
    looks = desk.book.classes_named(style.classes)
    words = classed(frame[style.by], part.values)
    titles = [looks[word].title if word in looks else None for word in words]
    return [
        Text(f"{said}（{title.zh}）", f"{said} ({title.en})") if title else Text(str(said), str(said))
        for said, title in zip(frame[name].fillna(""), titles, strict=True)
    ]


def rule_classes(findings: pd.DataFrame) -> tuple[dict[str, Swatch], dict[str, str]]:
    """Return a class for each rule that found something, the most frequent first, and its number as its sign."""
    if not len(findings):
        return {}, {}
    counts = findings.groupby(["rule", "rule_title_zh", "rule_title_en"]).size().reset_index(name="n")
    counts = counts.sort_values(["n", "rule"], ascending=[False, True], kind="stable")
    classes, signs = {}, {}
    for place, row in enumerate(counts.itertuples()):
        zh, en = f"{place + 1} {row.rule_title_zh}（{row.n}）", f"{place + 1} {row.rule_title_en} ({row.n})"
        shape = _MARKS[place // len(CATEGORIES) % len(_MARKS)]
        classes[str(row.rule)] = Swatch(Text(zh, en), CATEGORIES[place % len(CATEGORIES)], shape=shape)
        signs[str(row.rule)] = str(place + 1)
    return classes, signs


def with_share(desk: Desk, part: LayerPart, frame: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Return features with the share of their group: its class, and its text with the counts behind it."""
    found = shares(desk, (part.share["rate"],), part.share["by"])
    by_name = {next(iter(result.group.values())): result for result in found if result.group}
    keys = [None if pd.isna(v) else str(v) for v in frame[part.share["on"]]]
    mine = [by_name.get(key) if key is not None else None for key in keys]
    names = frame[desk.schemas[part.layer].name_field or part.share["on"]]
    shown = [share_text(one) if one is not None else Text("", "") for one in mine]
    texts = [
        Text(f"{name} {one.zh}".rstrip(), f"{name} {one.en}".rstrip()) for name, one in zip(names, shown, strict=True)
    ]
    return frame.assign(share_class=[share_class(one) for one in mine], share_text=texts)


def shares(desk: Desk, names: Sequence[str], by: str) -> list[RateResult]:
    """Return rates as a whole and by groups; a feature whose county is empty gets that of the county it lies in."""
    made = desk._made  # noqa: SLF001  the desk keeps what is dear to make
    if "rates" not in made:
        made["rates"] = read_rate_book(desk.catalogue), _placed(desk)
    book, views = made["rates"]
    return rates_of([book.rates[name] for name in names if name in book.rates], views, desk.today, [by] if by else [])


def _placed(desk: Desk) -> dict[str, Any]:
    views = desk.views()
    for spec in desk.catalogue.layers.values():
        column, units = spec.divisions, views.get(spec.id)
        if not column or units is None:
            continue
        for name, view in views.items():
            if name != spec.id and column in view.frame:
                views[name] = replace(view, frame=place_in_units(view.frame, units.frame, str(column))[0])
    return views


def share_class(result: RateResult | None) -> str:
    """Return the class of a share: the known one of those that could be judged; ``none`` where nobody could."""
    if result is None or result.share is None:
        return NO_SHARE
    percent = result.share * 100
    return next(word for least, word in SHARE_CLASSES if percent >= least)


def share_text(result: RateResult) -> Text:
    """Return a share in per cent with its counts; never 100 % of less than all."""
    if result.share is None:
        return Text("—", "—")
    percent = result.share * 100
    shown = f"{percent:.0f}" if percent in {0.0, 100.0} else f"{min(max(percent, 0.1), 99.9):.1f}"
    return Text(f"{shown}%（{share_counts(result)}）", f"{shown}% ({share_counts(result)})")


def share_counts(result: RateResult) -> str:
    """Return how many of how many judged ones make a share; nothing where it is not known."""
    done, rest = len(result.ids("numerator")), len(result.ids("rest"))
    return "" if result.share is None else f"{done}/{done + rest}"
