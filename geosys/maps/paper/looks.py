"""Sort features into groups that look alike: what is drawn together, and what stands in the legend as one entry."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd
import shapely

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from numpy.typing import NDArray

    from geosys.maps.palettes import Style, Swatch
    from geosys.maps.paper.sheet import Features, Words

_PT_PER_PX = 0.6  # lines on paper are finer than on a screen
_MM_PER_PX = 0.27
_HOLLOW = ("ring", "frame")
KINDS = ("point", "line", "polygon")


@dataclass(frozen=True, slots=True)
class Look:
    """Hold how a group is drawn: lines in points, markers by their radius in millimetres, at the smallest paper."""

    kind: str
    colour: str
    fill: str
    opacity: float
    width_pt: float
    dash: tuple[float, ...]
    hatch: str
    shape: str
    radius_mm: float
    mark: str
    sign: str = ""


class Group(NamedTuple):
    """Hold one group: its look, its title in the legend, which rows are in it."""

    look: Look
    title: Words
    rows: NDArray[np.int64]
    is_other: bool  # rows of a layer with classes that have none of them


def kind_of(shapes: NDArray[np.object_]) -> str:
    """Return what most of the shapes are: ``point``, ``line`` or ``polygon``."""
    dimensions = shapely.get_dimensions(shapes)
    present = dimensions[dimensions >= 0]
    return KINDS[int(np.bincount(present).argmax())] if len(present) else "point"


def groups_of(features: Features, rows: NDArray[np.int64], kind: str) -> list[Group]:
    """Return the groups of some rows of a layer, in the order of its classes; empty groups are left out.

    Parameters
    ----------
    rows : positions in ``features.frame``.
    """
    style = features.style
    plain = _look(style, kind, None)
    if not (style.by and features.classes):
        groups = [Group(plain, features.title, rows, is_other=False)]
    else:
        codes = classes_of(
            features.frame[style.by].iloc[rows], features.classes, prefix=features.prefix or style.prefix
        )
        groups = [
            Group(
                replace(_look(style, kind, swatch), sign="" if features.sign_by else features.signs.get(code, "")),
                swatch.title,
                rows[codes == code],
                is_other=False,
            )
            for code, swatch in features.classes.items()
        ]
        groups.append(Group(plain, features.title, rows[codes == ""], is_other=True))
    return [group for group in groups if len(group.rows)]


def shaped(features: Features, group: Group) -> list[Group]:
    """Return a group split by the column that decides the marker's shape; unsplit where there is none."""
    if not (features.shape_by and features.shapes) or group.look.kind != "point":
        return [group]
    words = classes_of(features.frame[features.shape_by].iloc[group.rows], features.shapes, prefix=False)
    parts = [
        group._replace(look=replace(group.look, shape=swatch.shape or group.look.shape), rows=group.rows[words == word])
        for word, swatch in features.shapes.items()
    ]
    parts.append(group._replace(rows=group.rows[words == ""]))
    return [part for part in parts if len(part.rows)]


def signed(features: Features, group: Group) -> list[Group]:
    """Return a group split by the column that decides the marker's sign; unsplit where there is none."""
    if not features.sign_by or group.look.kind != "point":
        return [group]
    words = classes_of(features.frame[features.sign_by].iloc[group.rows], features.signs, prefix=False)
    parts = [
        group._replace(look=replace(group.look, sign=features.signs.get(word, "")), rows=group.rows[words == word])
        for word in (*features.signs, "")
    ]
    return [part for part in parts if len(part.rows)]


def sign_entries(features: Features, rows: NDArray[np.int64]) -> list[Group]:
    """Return one white group for each sign that occurs, for the legend."""
    if not features.sign_by:
        return []
    words = classes_of(features.frame[features.sign_by].iloc[rows], features.signs, prefix=False)
    white = replace(_look(features.style, "point", None), fill="#FFFFFF", colour="#4A4F55", mark="", shape="circle")
    return [
        Group(
            replace(white, sign=sign),
            features.sign_titles[word].title if word in features.sign_titles else word,
            rows[words == word],
            is_other=False,
        )
        for word, sign in features.signs.items()
        if (words == word).any()
    ]


def shape_entries(features: Features, rows: NDArray[np.int64]) -> list[Group]:
    """Return one grey group for each shape that occurs, for the legend."""
    if not (features.shape_by and features.shapes):
        return []
    words = classes_of(features.frame[features.shape_by].iloc[rows], features.shapes, prefix=False)
    grey = replace(_look(features.style, "point", None), fill="#9AA0A6", colour="#4A4F55", opacity=1.0, mark="")
    return [
        Group(replace(grey, shape=swatch.shape or grey.shape), swatch.title, rows[words == word], is_other=False)
        for word, swatch in features.shapes.items()
        if (words == word).any()
    ]


def classes_of(values: pd.Series, classes: Collection[str], *, prefix: bool) -> NDArray[np.object_]:
    """Return the class of each value, or an empty text.

    Examples
    --------
    >>> classes_of(pd.Series(["0101", None, "9"]), {"01": "a"}, prefix=True).tolist()
    ['01', '', '']
    """
    found: dict[object, str] = {}
    for value in values.dropna().unique():
        text = str(value)
        lengths = range(len(text), 0, -1) if prefix else (len(text),)
        found[value] = next((text[:n] for n in lengths if text[:n] in classes), "")
    return np.array([found.get(value, "") if not pd.isna(value) else "" for value in values], dtype=object)


def darker(colour: str, share: float) -> str:
    """Return a colour mixed with black.

    Examples
    --------
    >>> darker("#FF8000", 0.5)
    '#804000'
    """
    return "#" + "".join(f"{round(int(colour[i : i + 2], 16) * (1 - share)):02X}" for i in (1, 3, 5))


def lightness(colour: str) -> float:
    """Return the CIE L* of a colour: what is left of it in a grey copy, from 0 (black) to 100 (white).

    Source: CIE 15:2004, 8.2.1 (L*), with the sRGB transfer function of IEC 61966-2-1.

    Examples
    --------
    >>> round(lightness("#FFFFFF"), 3), round(lightness("#777777"), 1)
    (100.0, 50.0)
    """
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]  # noqa: PLR2004
    y = float(np.dot((0.2126, 0.7152, 0.0722), linear))
    return 116 * y ** (1 / 3) - 16 if y > (6 / 29) ** 3 else y * (29 / 3) ** 3


def _look(style: Style, kind: str, swatch: Swatch | None) -> Look:
    """Return how a class of a layer is drawn: a line takes the class's colour, an area and a marker are filled with it."""
    fill = swatch.colour if swatch else style.fill
    colour = swatch.colour if swatch and kind == "line" else style.colour
    return Look(
        kind=kind, colour=colour, fill=fill, opacity=style.opacity if kind == "polygon" else 1.0,
        width_pt=style.width * _PT_PER_PX, dash=tuple(d * _PT_PER_PX for d in style.dash),
        hatch=(swatch.hatch if swatch and swatch.hatch else style.hatch), shape=(swatch.shape if swatch and swatch.shape else style.shape),
        radius_mm=style.size * _MM_PER_PX, mark=swatch.mark if swatch else "",
    )  # fmt: skip


def is_hollow(look: Look) -> bool:
    """Say whether a marker is an outline only."""
    return look.shape in _HOLLOW or look.mark == "none"


def entries_of(layers: Sequence[tuple[Features, list[Group]]]) -> list[tuple[Words, list[Group]]]:
    """Return the legend: for each layer, the topmost first, its heading (empty where one entry says it all) and groups."""
    entries: list[tuple[Words, list[Group]]] = []
    for features, groups in reversed(layers):
        if not groups or not features.listed:
            continue
        has_classes = bool(features.style.by and features.classes) or bool(features.shape_by)
        heading: Words = features.title if has_classes else ""
        entries.append((heading, groups))
    return entries
