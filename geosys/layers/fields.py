"""The checks that always run: geometry is there, of its kind and valid; values are present, in range, in form; keys are unique."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import shapely

from geosys._text import Text
from geosys.geo.area import ellipsoidal_area_m2
from geosys.geo.geometry import of_kind, propose_repair
from geosys.layers.issues import Issue
from geosys.layers.value_checks import suspect_unit

if TYPE_CHECKING:
    from collections.abc import Iterator
    from collections.abc import Set as AbstractSet

    from numpy.typing import NDArray

    from geosys.layers.spec import Field, LayerSpec

REPAIR_LIMIT_SHARE = 0.01  # a repair that changes the area by more is refused: nobody knows what was meant
SHIFTS = (10.0, 100.0, 1_000.0)  # a lost decimal point, per cent for a share, micrograms for milligrams
MANIFOLD = 100.0  # a change of area beyond this many times says nothing any more
ROUNDING_SHARE = 1e-9  # a repair that changes the area by less changes nothing but the writing
TOUCHES_ITSELF = "Ring Self-intersection"
_REASONS_ZH = {
    TOUCHES_ITSELF: "环与自身相接", "Self-intersection": "自相交", "Hole lies outside shell": "孔洞在外环之外", "Holes are nested": "孔洞相互嵌套",
    "Nested shells": "外环相互嵌套", "Nested holes": "孔洞相互嵌套", "Interior is disconnected": "内部不连通", "Duplicate Rings": "环重复",
    "Too few points": "拐点不足", "Invalid Coordinate": "坐标无效", "Ring is not closed": "环未闭合",
}  # fmt: skip
_KIND_ZH = {"point": "点", "line": "线", "polygon": "面"}


def settle_shapes(
    geometry: NDArray[np.object_], spec: LayerSpec, crs: str, known_bad: AbstractSet[int]
) -> tuple[NDArray[np.object_], list[Issue]]:
    """Return the geometries with invalid ones repaired, and an issue for each that is missing, of another kind or invalid.

    Rows of `known_bad` already have an issue about their place and get no second one.
    """
    if spec.geometry == "none":
        return geometry, []
    shapes = geometry.copy()
    issues: list[Issue] = []
    empty = shapely.is_missing(shapes) | shapely.is_empty(shapes)
    lost = [int(i) for i in np.flatnonzero(empty) if int(i) not in known_bad]
    issues += [Issue("missing_geometry", Text("没有几何位置", "No geometry"), i) for i in lost]
    wrong = ~empty & ~of_kind(shapes, spec.geometry)
    for i in np.flatnonzero(wrong):
        kind = shapes[i].geom_type
        zh, en = (
            f"几何类型为 {kind}，应为{_KIND_ZH[spec.geometry]}",
            f"Geometry is a {kind}, expected a {spec.geometry}",
        )
        issues.append(Issue("wrong_geometry_type", Text(zh, en), int(i), value=kind, geometry=shapes[i]))
    for i in np.flatnonzero(~empty & ~wrong & ~shapely.is_valid(shapes)):
        issue, shapes[i] = _repair(int(i), shapes[i], crs)
        issues.append(issue)
    return shapes, issues


def _repair(row: int, shape: shapely.Geometry, crs: str) -> tuple[Issue, shapely.Geometry]:
    """Return the issue of one invalid geometry and what stands in its place: the repair, or itself when refused.

    The issue lies where the geometry is at fault.
    """
    repair = propose_repair(shape)
    before, after = repair.area_before, repair.area_after
    if repair.geometry is not None:
        after = float(ellipsoidal_area_m2(np.array([repair.geometry], dtype=object), crs)[0])
        before = before * (after / repair.area_after) if repair.area_after else before
    refused = repair.geometry is None or (
        shape.geom_type.endswith("Polygon") and repair.change_share > REPAIR_LIMIT_SHARE
    )
    change = f"{repair.change_share:.2%}" if repair.change_share < MANIFOLD else "∞"
    cause = next((zh for word, zh in _REASONS_ZH.items() if repair.reason.startswith(word)), repair.reason)
    x, y = repair.place.x, repair.place.y
    kind = "invalid_refused" if refused else "invalid_repaired"
    if refused:
        zh = f"几何无效（{cause}，位于 {x:.3f}, {y:.3f}）；修复会使面积由 {before:.2f} 变为 {after:.2f} m²（{change}）"
        zh += f"，超过 {REPAIR_LIMIT_SHARE:.0%}，不予修复"
        en = f"Invalid ({repair.reason}); a repair would change the area from {before:.2f} to {after:.2f} m² ({change}): refused"
    elif repair.reason.startswith(TOUCHES_ITSELF) and repair.change_share < ROUNDING_SHARE:
        kind = "ring_touches_itself"
        zh = f"一个环在 {x:.3f}, {y:.3f} 处与自身相接，已改写为外环加内环；面积不变，为 {after:.2f} m²"
        en = f"A ring touches itself ({repair.reason}) and was rewritten as shell and holes; the area stays {after:.2f} m²"
    else:
        zh = f"几何无效（{cause}，位于 {x:.3f}, {y:.3f}），已修复；面积由 {before:.2f} 变为 {after:.2f} m²（{change}）"
        en = f"Invalid ({repair.reason}), repaired; area from {before:.2f} to {after:.2f} m² ({change})"
    issue = Issue(
        kind, Text(zh, en), row, value=repair.reason, before=shape.wkt[:30000],
        after="" if repair.geometry is None else repair.geometry.wkt[:30000], area_before_m2=before, area_after_m2=after,
        geometry=repair.place,
    )  # fmt: skip
    return issue, shape if refused else repair.geometry


def check_values(frame: pd.DataFrame, spec: LayerSpec, known_bad: AbstractSet[tuple[int, str]]) -> list[Issue]:
    """Return an issue for each value out of range, too long or malformed, and for each required one that is absent.

    A number out of range is taken out of the frame: it is no measurement, and nothing may be judged by it. Cells of
    `known_bad` (row, field) could not be read and already have their issue; a required one withholds its row still.
    """
    issues = [issue for field in spec.fields.values() for issue in _check_limits(field, frame[field.id])]
    issues += [issue for field in spec.fields.values() for issue in _doubt_unit(field, frame[field.id])]
    unusable = {(i.row, i.field) for i in issues if i.issue_type == "out_of_range"}
    for row, name in unusable:
        frame.loc[row, name] = None
    for field in spec.fields.values():
        if field.required:
            for i in np.flatnonzero(np.asarray(frame[field.id].isna(), dtype=bool)):
                read = "（原值不能用）" if (int(i), field.id) in known_bad | unusable else ""
                text = Text(f"必填项“{field.title.zh}”为空{read}", f"{field.title.en} is required")
                issues.append(Issue("missing_required", text, int(i), field.id))
    return issues


def _doubt_unit(field: Field, column: pd.Series) -> Iterator[Issue]:
    """Yield one issue when most figures of a column lie outside its limits and fall inside with the point moved."""
    if field.minimum is None or field.maximum is None:
        return
    number = pd.to_numeric(column).to_numpy(dtype=float, na_value=np.nan)
    at = np.flatnonzero(np.isfinite(number))
    issue = suspect_unit(field.id, number[at], at, (field.minimum, field.maximum), SHIFTS)
    if issue is not None:
        yield issue


def _check_limits(field: Field, column: pd.Series) -> Iterator[Issue]:
    if field.minimum is not None or field.maximum is not None:
        number = pd.to_numeric(column).to_numpy(dtype=float, na_value=np.nan)
        low, high = field.minimum, field.maximum
        out = (number < low if low is not None else False) | (number > high if high is not None else False)
        for i in np.flatnonzero(out):
            limits = f"[{'' if low is None else low}, {'' if high is None else high}] {field.unit or ''}".rstrip()
            zh, en = (
                f"“{field.title.zh}” {number[i]:g} 超出范围 {limits}",
                f"{field.title.en} {number[i]:g} is outside {limits}",
            )
            yield Issue("out_of_range", Text(zh, en), int(i), field.id, number[i], before=f"{number[i]:g}")
    if column.isna().all():
        return
    if field.length is not None and field.type == "text" and field.codes is None:
        for i in np.flatnonzero(
            column.map(lambda v: isinstance(v, str) and len(v) > field.length).to_numpy(dtype=bool)
        ):
            zh, en = (
                f"“{field.title.zh}”有 {len(column[i])} 字，超过 {field.length}",
                f"{field.title.en} has {len(column[i])} characters, more than {field.length}",
            )
            yield Issue("too_long", Text(zh, en), int(i), field.id, column[i])
    if field.pattern is not None:
        form = re.compile(field.pattern)
        for i in np.flatnonzero(
            column.map(lambda v: isinstance(v, str) and not form.fullmatch(v)).to_numpy(dtype=bool)
        ):
            zh, en = (
                f"“{field.title.zh}”的值“{column[i]}”格式不符（{field.pattern}）",
                f"{field.title.en}: '{column[i]}' does not match {field.pattern}",
            )
            yield Issue("bad_pattern", Text(zh, en), int(i), field.id, column[i])


def name_features(frame: pd.DataFrame, geometry: NDArray[np.object_], spec: LayerSpec) -> tuple[pd.Series, list[Issue]]:
    """Return a stable id for each row: its key, or where the key is incomplete a hash of its place.

    Rows without a key that share one place (or have none) are told apart by their values as well.
    """
    parts = frame[list(spec.key)]
    lacking = np.asarray(parts.isna().any(axis=1), dtype=bool) if spec.key else np.ones(len(frame), dtype=bool)
    ids = np.empty(len(frame), dtype=object)
    ids[~lacking] = ["/".join(str(v) for v in row) for row in parts[~lacking].itertuples(index=False)]
    for name in spec.key_where_given:
        given = ~lacking & frame[name].notna().to_numpy(dtype=bool)
        ids[given] = [f"{key}/{value}" for key, value in zip(ids[given], frame[name][given], strict=True)]
    rows = np.flatnonzero(lacking)
    places = [b"" if g is None else shapely.to_wkb(shapely.normalize(g)) for g in geometry[rows]]
    times = Counter(places)
    for row, place in zip(rows, places, strict=True):
        is_shared = not place or times[place] > 1
        ids[row] = place_id(place, [str(v) for v in frame.iloc[row]] if is_shared else None)
    title = "、".join(spec.fields[k].title.zh for k in spec.key)
    issues = [
        Issue(
            "missing_key",
            Text(
                f"主键“{title}”不全，以位置生成临时编号 {ids[i]}",
                f"The key is incomplete; {ids[i]} is made from its place",
            ),
            int(i),
            spec.key[0],
        )
        for i in rows
        if spec.key and not any(spec.fields[k].required and pd.isna(frame[k].iloc[i]) for k in spec.key)
    ]
    return pd.Series(ids, dtype=object), issues


def place_id(place: bytes, values: list[str] | None = None) -> str:
    """Return the id of a feature without a key: a hash of its place (normalised WKB), and of its values where it shares it."""
    told = "" if values is None else repr(values)
    return "~" + hashlib.sha256(place + told.encode("utf-8", "replace")).hexdigest()[:10]


def check_keys(ids: pd.Series, withheld: AbstractSet[int], key: tuple[str, ...]) -> Iterator[Issue]:
    """Yield an issue for each row whose id an earlier row already has; rows already withheld do not count.

    The index of `ids` are the positions of the rows in their layer.
    """
    seen: dict[str, int] = {}
    for i, name in ids.items():
        if i in withheld:
            continue
        first = seen.setdefault(name, i)
        if first != i:
            zh, en = (
                f"主键“{name}”与第 {first + 1} 条重复，仅采用先出现的一条",
                f"The key '{name}' is that of record {first + 1}, which alone is used",
            )
            yield Issue("duplicate_key", Text(zh, en), i, key[0] if key else "", name)
