"""Who is upstream of a failing section: the tributaries with their loads, the sources in order, and the stretch of the fault."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from geosys._errors import WorkspaceError
from geosys._text import Text
from geosys.geo.tracing import upstream_of
from geosys.standards.water_items import ITEMS
from geosys.traces.clean_sections import clean_sections, roman
from geosys.traces.scene import (
    MISSING_COLUMNS,
    absent_layers,
    called,
    column_of,
    cut_lines,
    found_feature,
    is_gone,
    missing_row,
    named_missing,
    names_of,
    standing,
)
from geosys.traces.sources import possible_sources
from geosys.traces.suspects import exceeding_items, item_titles, ranked
from geosys.traces.tree import tributaries

if TYPE_CHECKING:
    from collections.abc import Sequence

    import geopandas as gpd
    from numpy.typing import NDArray

    from geosys.geo.tracing import Upstream
    from geosys.traces.scene import Scene, Standing
    from geosys.traces.sources import Concentrations
    from geosys.traces.spec import Role
    from geosys.traces.suspects import PollutantSources

DOUBT = Text("位置存疑", "its place is in doubt")
KILOMETRE = 1000.0


@dataclass(frozen=True, slots=True)
class Origin:
    """Hold what a trace begins at: the layer's title, id, name, river, facts (pairs of texts), whom to call, position."""

    title: Text
    feature_id: str
    name: str
    river: str
    reach: int
    along_m: float
    facts: tuple[tuple[Text, Text], ...]
    call: Text
    geometry: Any


@dataclass(frozen=True, slots=True)
class UpstreamReport:
    """Hold what is above one section.

    Attributes
    ----------
    items
        Ids of what exceeds.
    tributaries
        As `geosys.traces.tree.tributaries`.
    sources
        Ranked: `suspicion`, `layer_zh`, `layer_en`, `feature_id`, `name`, `kind_zh`, `kind_en`, `trade_zh`, `trade_en`,
        `river_name`, `distance_m`, `is_in_stretch`, `is_path_known`, `match`, `match_zh`, `match_en`, `fitting`,
        `flow_t_d`, `load_kg_d` (of the first item that exceeds) and one column for each, `state_zh`, `state_en`,
        `is_counted`, `at`, `call_zh`, `call_en`, `basis`, `certainty`, `geometry`.
    sections
        Other sections above: `rank`, `feature_id`, `name`, `river_name`, `distance_m`, `is_clean` (no worse than the target
        of the section in question in the same month; missing: not known), `why_zh`, `why_en`, `is_in_stretch`, …
    reaches
        Lines in the plan's plane with `river_name`, `near_m`, `far_m`, `is_in_stretch`.
    missing
        What is not known, by name: `what_zh`, `what_en`, `feature_id`, `name`, `text_zh`, `text_en`.
    summary
        Sentences that say it in short.
    """

    origin: Origin
    items: tuple[str, ...]
    tributaries: pd.DataFrame
    sources: pd.DataFrame
    sections: pd.DataFrame
    reaches: gpd.GeoDataFrame
    missing: pd.DataFrame
    summary: tuple[Text, ...]


def upstream_report(
    scene: Scene,
    wanted: str,
    table: PollutantSources,
    items: Sequence[str] | None = None,
    concentrations: Concentrations | None = None,
    up_m: float = np.inf,
) -> UpstreamReport:
    """Tell all that is above a section.

    Parameters
    ----------
    wanted
        The section's code or name.
    table
        What each type and trade discharges.
    items
        Ids of what exceeds; by default what the section's results say.
    concentrations
        Milligrams a litre by feature and item, beside what the layers hold.
    up_m
        How far to look, metres along the channel; all there is by default.

    Raises
    ------
    WorkspaceError
        When there is no such section, or it stands on no river.
    """
    role = scene.spec.sections
    row = found_feature(scene, role.layer, wanted, "section")
    here = standing(scene, [role])
    own = np.flatnonzero(here.table["frame_row"].to_numpy() == row)
    origin = origin_of(scene, role, row, here, own)
    text = column_of(scene.layers[role.layer].frame, scene.spec.results["exceeding"]).iloc[row]
    known, strange = exceeding_items(text)
    exceed = known if items is None else tuple(items)
    stated = str(text) if items is None and not is_gone(text) else ""
    clean, why = clean_sections(scene, row)
    stop_rows = here.table["frame_row"].to_numpy(dtype=np.int64)
    points = standing(scene, scene.spec.sources)
    found = upstream_of(
        scene.waterway.network, here.places, int(own[0]), points.places,
        passes=np.array([clean[r] for r in stop_rows], dtype=object), up_m=up_m, undirected=scene.undirected,
    )  # fmt: skip
    sources = ranked(possible_sources(scene, found, points, table, exceed, concentrations or {}))
    sections = _sections(scene, found, here, why)
    loads = [f"load_{item}_kg_d" for item in exceed]
    tree = tributaries(found.tree, sources, loads, sections)
    missing = _missing(scene, found, here, points, sources, exceed, strange, items is None)
    lines = _lines(scene, found.tree)
    return UpstreamReport(
        origin,
        exceed,
        tree,
        sources,
        sections,
        lines,
        missing,
        _summary(origin, stated, exceed, tree, sources, sections, missing),
    )


def origin_of(scene: Scene, role: Role, row: int, here: Standing, own: NDArray[np.int64]) -> Origin:
    """Return one feature as the origin of a trace; `own` are its rows in `here`.

    Raises
    ------
    WorkspaceError
        When it stands on no river.
    """
    layer = scene.layers[role.layer]
    name, code = names_of(layer)[row], str(layer.frame["feature_id"].iloc[row])
    on = own[here.places.reach[own] >= 0] if len(own) else own
    if not len(on):
        why = Text("未对应", "not put on a river")
        if len(own):
            why = Text(here.table["reason_zh"].iloc[own[0]], here.table["reason_en"].iloc[own[0]])
        raise WorkspaceError(
            f"{scene.title(role.layer).both()} {code} {name}: got no river ({why.both()}), expected one that it stands on. "
            "See 'geosys rivers positions', and choose its river in the table of positions."
        )
    reach = int(here.places.reach[on[0]])
    classes = {scene.spec.results["class_now"], scene.spec.results["target"]}
    values = {column: column_of(layer.frame, column).iloc[row] for column in scene.spec.facts}
    facts = [
        (
            scene.column_title(role.layer, column),
            Text(roman(values[column]), roman(values[column]))
            if column in classes and not is_gone(values[column])
            else scene.code_text(role.layer, column, values[column]),
        )
        for column in scene.spec.facts
        if role.layer == scene.spec.sections.layer
    ]
    return Origin(
        scene.title(role.layer), code, name, str(scene.waterway.network.river[reach] or ""), reach, float(here.places.along_m[on[0]]),
        tuple(facts), called(scene, role, row, reach), layer.frame.geometry.iloc[row],
    )  # fmt: skip


def _sections(scene: Scene, found: Upstream, here: Standing, why: Sequence[Text]) -> pd.DataFrame:
    """Return the other sections above, nearest first, with what their results say."""
    above = found.sections.drop_duplicates("position").reset_index(drop=True)
    position = above["position"].to_numpy()
    rows = here.table.iloc[position].reset_index(drop=True)
    reach = here.places.reach[position]
    frame = scene.layers[scene.spec.sections.layer].frame.iloc[rows["frame_row"].to_numpy(dtype=np.int64)]
    results = {name: column_of(frame, column).to_numpy() for name, column in scene.spec.results.items()}
    return rows.assign(
        rank=above["rank"], distance_m=above["distance_m"], is_path_known=above["is_path_known"],
        is_in_stretch=above["is_in_stretch"], is_clean=above["passes"].to_numpy(), reach=reach,
        river_name=scene.waterway.network.river[reach],
        why_zh=[why[r].zh for r in rows["frame_row"]], why_en=[why[r].en for r in rows["frame_row"]], **results,
    )  # fmt: skip


def _lines(scene: Scene, tree: pd.DataFrame) -> gpd.GeoDataFrame:
    """Return the reaches as lines, those that the stretch begins in cut in two."""
    low, high, begin = tree["from_m"], tree["to_m"], tree["stretch_from_m"]
    inside = tree[tree["is_in_stretch"]].assign(from_m=begin.clip(lower=low)[tree["is_in_stretch"]])
    whole_out = tree[~tree["is_in_stretch"]]
    cut = tree["is_in_stretch"] & (begin > low)
    part_out = tree[cut].assign(to_m=begin[cut], near_m=tree["near_m"][cut] + (high - begin)[cut], is_in_stretch=False)
    rows = pd.concat([whole_out, part_out, inside], ignore_index=True)
    columns = ["reach", "river_name", "from_m", "to_m", "near_m", "far_m", "is_in_stretch"]
    return cut_lines(scene, rows[columns].astype({"is_in_stretch": bool}))


def _missing(
    scene: Scene, found: Upstream, here: Standing, points: Standing, sources: pd.DataFrame, items: Sequence[str],
    strange: Sequence[str], is_asked: bool,
) -> pd.DataFrame:  # fmt: skip
    """Return all that is not known and would matter."""
    rows = absent_layers(scene, [scene.spec.sections, *scene.spec.sources])
    title = scene.title(scene.spec.sections.layer)
    if not items:
        rows.append(
            missing_row(
                title,
                Text("超标项目未知，排口未按项目筛选", "what exceeds is not known: sources are not judged by items"),
            )
        )
    rows += [
        missing_row(
            title,
            Text(f"超标项目“{word}”不在GB 3838表1内，未用", f"'{word}' is no item of GB 3838 table 1 and was not used"),
        )
        for word in strange
        if is_asked
    ]
    lost = {"section": here.table, "other_section": here.table, "point": points.table}
    rows += named_missing(scene, found.missing, lost)
    for kind, zh, en in (
        ("flow_t_d", "排放量未知", "its flow is not known"),
        ("load_kg_d", "浓度未知，负荷未计", "its concentration is not known: no load"),
    ):
        gone = sources[sources[kind].isna() & sources["is_counted"]] if kind == "flow_t_d" or items else sources[:0]
        if kind == "load_kg_d":
            gone = gone[gone["flow_t_d"].notna()]
        for row in gone.itertuples():
            rows.append(missing_row(Text(row.layer_zh, row.layer_en), Text(zh, en), row.feature_id, row.name))
    unsure = Text(
        "只经流向不明的河段相连，未计入支流树", "reached over a reach without direction only, and in no sum of the tree"
    )
    for row in sources[~sources["is_path_known"].astype(bool)].itertuples():
        rows.append(missing_row(Text(row.layer_zh, row.layer_en), unsure, row.feature_id, row.name))
    for row in sources[sources["is_doubtful"].astype(bool)].itertuples():
        text = Text(f"{DOUBT.zh}：{row.reason_zh}", f"{DOUBT.en}: {row.reason_en}")
        rows.append(missing_row(Text(row.layer_zh, row.layer_en), text, row.feature_id, row.name))
    return pd.DataFrame(rows, columns=list(MISSING_COLUMNS))


def _summary(
    origin: Origin,
    stated: str,
    items: Sequence[str],
    tree: pd.DataFrame,
    sources: pd.DataFrame,
    sections: pd.DataFrame,
    missing: pd.DataFrame,
) -> tuple[Text, ...]:
    """Return what a person must know first."""
    inside = sources[sources["is_in_stretch"].astype(bool)]
    length, held = tree["length_m"].sum() / KILOMETRE, tree[tree["stretch_m"] > 0]
    where = "、".join(f"{r.river_name} {r.stretch_m / KILOMETRE:.1f} km" for r in held.itertuples())
    clean = sections[sections["is_clean"].fillna(value=False).astype(bool) & sections["is_in_stretch"].astype(bool)]
    names = "、".join(clean["name"].head(6))
    told = [
        Text(
            f"断面{origin.name}以上共 {len(tree)} 条河、{length:.1f} km，断面 {len(sections)} 个，可能来源 {len(sources)} 个。",
            f"Above section {origin.name}: {len(tree)} rivers, {length:.1f} km, {len(sections)} sections, "
            f"{len(sources)} possible sources.",
        ),
        Text(
            f"超标项目：{stated or item_titles(items).zh or '未知'}。",
            f"What exceeds: {item_titles(items).en or 'not known'}.",
        ),
    ]
    narrowed = Text(
        f"上游同月仍合格：{names}。问题应在其下游：{where}，其中来源 {len(inside)} 个。",
        f"Still clean above in the same month: {names}. The fault must lie below them: {where}, with {len(inside)} sources.",
    )
    wide = Text(
        "上游没有同月合格的断面，范围不能缩小。",
        "No section above is known to be clean in the same month: the stretch cannot be narrowed.",
    )
    told.append(narrowed if len(clean) else wide)
    failing = sections[~sections["is_clean"].fillna(value=True).astype(bool) & sections["is_in_stretch"].astype(bool)]
    if len(failing):
        near = failing.iloc[0]
        km = f"{near['distance_m'] / KILOMETRE:.1f} km"
        told.append(
            Text(
                f"上游 {km} 处的断面{near['name']}同月也不合格：它以上也有来源，先比较两处。",
                f"Section {near['name']}, {km} above, is not clean either: there are causes above it too.",
            )
        )
    first = [f"{r.name}（{r.distance_m / KILOMETRE:.1f} km）" for r in inside.head(3).itertuples() if r.match > 1]
    if first:
        told.append(Text(f"先查：{'、'.join(first)}。", f"Look first at: {', '.join(first)}."))
    told.append(
        Text(
            f"未知事项 {len(missing)} 条，见表；未知不等于没有。",
            f"{len(missing)} things are not known, see the table; unknown is not none.",
        )
    )
    return tuple(told)


def load_titles(items: Sequence[str]) -> dict[str, Text]:
    """Return the titles of the load columns of some items."""
    return {f"load_{item}_kg_d": Text(f"{ITEMS[item].zh}负荷 kg/d", f"{ITEMS[item].en} load kg/d") for item in items}
