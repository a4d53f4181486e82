"""What a plot consists of by the one map, as a ledger that closes, and what lies near it with distances."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely

from geosys._text import Text
from geosys.geo.crs import GEOGRAPHIC, to_crs
from geosys.geo.distances import Targets, pairs_within
from geosys.geo.pair_table import ground_length_m
from geosys.one_map.composition import ADJUSTED, NO_AREA_STATED
from geosys.plot_sheets.parts import DASH, Part, is_missing, no_shape, number, shown

if TYPE_CHECKING:
    from collections.abc import Mapping

    from geosys.one_map.composition import OneMapEntry, OneMapPart
    from geosys.one_map.spec import OneMapSpec
    from geosys.plot_sheets.archive import Archive
    from geosys.plot_sheets.parts import Plot, Words

_MOST_OF_A_THEME = 8
_MOST_COMBINATIONS = 8
_DIRECTIONS = (
    Text("北", "N"), Text("东北", "NE"), Text("东", "E"), Text("东南", "SE"), Text("南", "S"), Text("西南", "SW"), Text("西", "W"),
    Text("西北", "NW"),
)  # fmt: skip
_LEDGER_TITLE = Text("一张图面积台账", "Area ledger of the one map")
_NEAR_TITLE = Text("周边敏感目标", "What lies near")
_CERTAINTIES = {"confirmed": "已核对", "second_hand": "转引", "unconfirmed": "未证实", "our_reading": "本系统理解"}
_STATES = {
    "sure": Text("", ""), "outside": Text("", ""), "needs_review": Text("需核查", "needs review"),
    "not_assessed": Text("未评估", "not assessed"),
}  # fmt: skip


def ledger_part(entry: OneMapEntry | None, spec: OneMapSpec) -> Part:
    """Return the plot's areas by theme, each theme adding up to the plot, with stated and adjusted area and closing error."""
    if entry is None:
        return Part("ledger", _LEDGER_TITLE, lacking=no_shape())
    head = (
        Text("主题：编码体系", "Theme: code system"), Text("编码与名称", "Code and name"), Text("椭球面积 m²", "Ellipsoidal m²"),
        Text("占地块 %", "% of plot"), Text("平差面积 m²", "Adjusted m²"), Text("备注", "Remark"),
    )  # fmt: skip
    rows: list[list[Words]] = []
    for theme in spec.themes.values():
        parts = entry.of_theme(theme.id)
        titled = (
            theme.title
            if theme.system is None
            else Text(f"{theme.title.zh}：{theme.system.title.zh}", f"{theme.title.en}: {theme.system.title.en}")
        )
        rows += [_part_row(titled if i == 0 else "", part) for i, part in enumerate(parts[:_MOST_OF_A_THEME])]
        rest = parts[_MOST_OF_A_THEME:]
        if rest:
            area, share = (math.fsum(getattr(p, n) or 0.0 for p in rest) for n in ("area_m2", "share"))
            adjusted = math.fsum(p.adjusted_m2 if p.adjusted_m2 is not None else math.nan for p in rest)
            rows.append(["", Text(f"其余 {len(rest)} 类", f"{len(rest)} more"), *_figures(area, share, adjusted), ""])
    return Part(
        "ledger", _LEDGER_TITLE, head, rows, notes=_closing(entry), widths=(27, 26, 14, 9, 14, 20), right=(2, 3, 4)
    )


def _part_row(theme: Words, part: OneMapPart) -> list[Words]:
    state = _STATES.get(part.state, Text(part.state, part.state))
    why = f"：{part.why}" if part.why and state.zh else ""
    walk = part.crosswalk
    for word, mark in _CERTAINTIES.items():
        walk = walk.replace(f"（{word}）", f"（{mark}）")
    walk = f"对照 {walk}" if walk else ""
    remark = Text(f"{state.zh}{why}" or walk, f"{state.en}{why}" or walk)
    name = f"{part.code} {part.title}".strip() or part.why or DASH
    adjusted = part.adjusted_m2 if part.adjusted_m2 is not None else math.nan
    return [theme, name, *_figures(part.area_m2 or 0.0, part.share or 0.0, adjusted), remark]


def _figures(area: float, share: float, adjusted: float) -> list[Words]:
    return [f"{area:,.2f}", f"{share * 100:.2f}", DASH if math.isnan(adjusted) else f"{adjusted:,.2f}"]


def _closing(entry: OneMapEntry) -> list[Text]:
    """Say how the ledger closes: stated, ellipsoidal and adjusted area, and the closing error."""
    a = entry.areas
    area, error = float(a["area_m2"]), round(float(a["closing_error_m2"]), 6) + 0.0
    closes = Text("闭合", "closes") if a["closes"] else Text("未闭合", "does not close")
    stated = _stated(a)
    return [
        Text(
            f"各主题合计均为地块椭球面积 {area:,.2f} m²，闭合差 {error:+.6f} m²（{closes.zh}）。{stated.zh}",
            f"Each theme adds up to the plot's ellipsoidal area, {area:,.2f} m²; closing error {error:+.6f} m² ({closes.en}). {stated.en}",
        )
    ]


def _stated(a: Mapping[str, Any]) -> Text:
    if a["adjustment"] == NO_AREA_STATED or is_missing(a["stated_m2"]):
        return Text("台账未填面积，未平差。", "No area is stated, nothing is adjusted.")
    stated, gap = float(a["stated_m2"]), float(a["stated_gap_share"]) * 100
    if a["adjustment"] == ADJUSTED:
        return Text(
            f"平差至台账面积 {stated:,.2f} m²（相差 {gap:+.3f}%）。",
            f"Adjusted to the stated {stated:,.2f} m² ({gap:+.3f}%).",
        )
    return Text(
        f"台账面积 {stated:,.2f} m² 相差 {gap:+.2f}%，超过允许值，未平差。",
        f"The stated {stated:,.2f} m² differ by {gap:+.2f}%, too much to adjust to.",
    )


def combinations_part(entry: OneMapEntry | None, spec: OneMapSpec) -> Part:
    """Return the largest combinations of land class, planned use and lines of control; they do not overlap."""
    title = Text("叠加组合", "Combinations")
    if entry is None:
        return Part("combinations", title, lacking=no_shape())
    themes = [theme for theme in spec.themes.values() if theme.system is not None or theme.field is None]
    sums: dict[tuple[str, ...], float] = {}
    for row in entry.combinations:
        key = tuple(str(row[theme.id]) for theme in themes)
        sums[key] = sums.get(key, 0.0) + float(row["area_m2"])
    order = sorted(sums.items(), key=lambda item: (-item[1], item[0]))
    whole = math.fsum(sums.values()) or 1.0
    rows: list[list[Words]] = [
        [*key, f"{area:,.2f}", f"{area / whole * 100:.2f}"] for key, area in order[:_MOST_COMBINATIONS]
    ]
    rest = [area for _, area in order[_MOST_COMBINATIONS:]]
    if rest:
        more = Text(f"其余 {len(rest)} 种", f"{len(rest)} more")
        rows.append(
            [more, *[""] * (len(themes) - 1), f"{math.fsum(rest):,.2f}", f"{math.fsum(rest) / whole * 100:.2f}"]
        )
    head = (*(theme.title for theme in themes), Text("面积 m²", "m²"), Text("%", "%"))
    return Part(
        "combinations", title, head, rows, right=(len(themes), len(themes) + 1), widths=(*[18] * len(themes), 13, 9)
    )


@dataclass(frozen=True, slots=True)
class Neighbours:
    """Hold the layers of receptors ready to be searched, for any number of plots."""

    archive: Archive
    _targets: dict[str, Targets] = field(default_factory=dict, repr=False)

    def near(self, layer: str, plot: Plot) -> list[tuple[int, float, Text]]:
        """Return the rows of a layer in reach of a plot: position, ground distance in metres, direction; the nearest first."""
        frame, crs = self.archive.layers[layer].frame, self.archive.workspace.crs
        if layer not in self._targets:
            self._targets[layer] = Targets.of(frame.geometry.to_numpy())
        reach = self.archive.spec.reach_m
        _, right, _ = pairs_within(np.array([plot.shape], dtype=object), self._targets[layer], reach * 1.001)
        if not len(right):
            return []
        others = frame.geometry.to_numpy()[right]
        apart = ground_length_m(shapely.shortest_line(plot.shape, others), crs)
        found = [
            (int(at), float(m), _direction(plot.shape, other, crs))
            for at, m, other in zip(right, apart, others, strict=True)
            if m <= reach
        ]
        return sorted(found, key=lambda one: (one[1], one[0]))


def _direction(shape: Any, other: Any, crs: str) -> Text:
    """Return where another shape lies, seen from the middle of a plot, by true north."""
    ends = np.array(
        [shape.centroid, other if other.geom_type == "Point" else shapely.shortest_line(shape.centroid, other)],
        dtype=object,
    )
    if shapely.intersects(shape, other):
        return Text("地块内或相接", "inside or touching")
    last = shapely.points(shapely.get_coordinates(ends[1])[-1])
    (lon0, lat0), (lon1, lat1) = shapely.get_coordinates(
        to_crs(np.array([ends[0], last], dtype=object), crs, GEOGRAPHIC)
    )
    turn = math.degrees(math.atan2((lon1 - lon0) * math.cos(math.radians((lat0 + lat1) / 2)), lat1 - lat0)) % 360
    return _DIRECTIONS[round(turn / 45) % 8]


def receptors_part(archive: Archive, plot: Plot, neighbours: Neighbours) -> Part:
    """Return what lies within reach of a plot, layer by layer; a layer that is not there is said to be not assessed."""
    if plot.shape is None:
        return Part("receptors", _NEAR_TITLE, lacking=no_shape())
    spec = archive.spec
    found: list[tuple[float, str, list[Words]]] = []
    kept: list[tuple[float, str, list[Words]]] = []
    none, notes = [], []
    for layer in spec.receptors:
        if (absent := archive.absence(layer)) is not None:
            notes.append(Text(f"{absent.zh}，未评估。", f"{absent.en}: not assessed."))
            continue
        rows = neighbours.near(layer, plot)
        title = archive.layer_spec(layer).title
        if not rows:
            none.append(title)
        cells = [(m, layer, _near_row(archive, layer, at, m, where)) for at, m, where in rows]
        kept += cells[:1]
        found += cells[1:]
        lost = len(archive.layers[layer].withheld)
        if lost:
            notes.append(
                Text(
                    f"{title.zh}有 {lost} 行因数据问题未采用，不在表中。",
                    f"{title.en}: {lost} rows withheld are not listed.",
                )
            )
    room = max(0, spec.most_receptors - len(kept))
    rest = sorted(found, key=lambda one: one[:2])
    listed = sorted([*kept, *rest[:room]], key=lambda one: one[:2])
    if len(rest) > room:
        notes.append(Text(f"另有 {len(rest) - room} 处未列出。", f"{len(rest) - room} more are not listed."))
    reach = number(spec.reach_m)
    if none:
        notes.append(
            Text(
                f"{reach} 米内没有：{'、'.join(t.zh for t in none)}。",
                f"None within {reach} m: {', '.join(t.en for t in none)}.",
            )
        )
    notes.append(Text(
        f"{reach} 米为本系统的筛查范围，不是法定距离；距离为地块边界至目标的大地线长，方位以真北计。",
        f"{reach} m is our screening range, not a distance of law; geodesic from the plot's border, directions by true north.",
    ))  # fmt: skip
    head = (
        Text("目标", "What"),
        Text("名称", "Name"),
        Text("类型", "Kind"),
        Text("距离 m", "Distance m"),
        Text("方位", "Direction"),
    )
    lacking = (
        None
        if listed
        else Text(f"有数据的图层中，{reach} 米内没有目标。", f"Nothing within {reach} m in the layers that are there.")
    )
    return Part(
        "receptors",
        _NEAR_TITLE,
        head,
        [row for _, _, row in listed],
        lacking,
        notes,
        widths=(18, 36, 18, 13, 15),
        right=(3,),
    )


def _near_row(archive: Archive, layer: str, at: int, metres: float, where: Text) -> list[Words]:
    spec, row = archive.layer_spec(layer), archive.layers[layer].frame.iloc[at]
    name = row[spec.name] if spec.name else None
    told = archive.spec.receptor_kinds.get(layer, "")
    kind = shown(archive, spec, told, row[told]) if told else DASH
    return [spec.title, str(row["feature_id"]) if is_missing(name) else str(name), kind, number(metres, 1), where]
