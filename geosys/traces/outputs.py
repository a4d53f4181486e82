"""Write what a trace found: tables, a workbook, the map and the sheet, into one folder that appears whole or not at all."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

import geopandas as gpd
import numpy as np
import pandas as pd

from geosys._errors import WorkspaceError
from geosys._text import Text
from geosys.geo.crs import GEOGRAPHIC, to_crs
from geosys.layers.store import write_json, write_table
from geosys.maps.frames import MapLayer
from geosys.maps.trace_book import columns_of, with_loads, write_trace_book
from geosys.maps.trace_page import DOWNSTREAM_MAP, UPSTREAM_MAP, load_trace_map, trace_page
from geosys.traces.upstream import UpstreamReport, load_titles
from geosys.views import map_layer_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from geosys.maps.frames import Meta
    from geosys.maps.spec import MapSpec
    from geosys.traces.downstream import DownstreamReport
    from geosys.traces.scene import Scene

    Report = UpstreamReport | DownstreamReport

TOLD = "trace.json"
WORDS_OF_MATCH = ("none", "unknown", "possible", "main")  # the classes of maps/trace_styles.toml, by degree
INDENT = "　"


def is_upstream(report: Report) -> bool:
    """Say whether a report looks against the water."""
    return isinstance(report, UpstreamReport)


def map_of(scene: Scene, report: Report) -> MapSpec:
    """Return the content of the map that a report is shown on."""
    name = UPSTREAM_MAP if is_upstream(report) else DOWNSTREAM_MAP
    known = {layer: set(spec.titles) for layer, spec in scene.catalogue.layers.items()}
    return load_trace_map(scene.catalogue.root / "maps", name, known)


def tables_of(report: Report) -> dict[str, pd.DataFrame]:
    """Return the tables of a report by name, as they are read by people and written."""
    if not isinstance(report, UpstreamReport):
        return {"targets": pd.DataFrame(report.targets), "missing": report.missing}
    tree = report.tributaries.assign(
        river_label=[
            INDENT * int(depth) + str(name) for depth, name in report.tributaries[["depth", "river_name"]].to_numpy()
        ]
    )
    return {
        "sources": pd.DataFrame(report.sources), "tributaries": tree, "sections": pd.DataFrame(report.sections), "missing": report.missing,
    }  # fmt: skip


def loads_of(report: Report) -> dict[str, Text]:
    """Return the titles of a report's load columns."""
    return load_titles(report.items) if isinstance(report, UpstreamReport) else {}


def write_trace(
    folder: Path, scene: Scene, report: Report, meta: Meta, sheet: Callable[[Path], object] | None = None
) -> list[str]:
    """Write a report into a folder and return the names of its files.

    Parameters
    ----------
    folder
        New, empty, or written by an earlier trace; that one is replaced at once when all is written.
    sheet
        Writes the one-page sheet to a path.

    Raises
    ------
    WorkspaceError
        When the folder holds other files.
    """
    if folder.exists() and (not folder.is_dir() or (any(folder.iterdir()) and not (folder / TOLD).is_file())):
        raise WorkspaceError(
            f"--out: got '{folder.name}', which holds other files, expected a new or empty folder, or one of an earlier trace. Name another."
        )
    fresh, old = (folder.with_name(f".{folder.name}.{os.getpid()}.{end}") for end in ("part", "old"))
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(parents=True)
    try:
        _write_all(fresh, scene, report, meta)
        if sheet is not None:
            sheet(fresh / "sheet.pdf")
        names = sorted(path.name for path in fresh.iterdir())
        if folder.exists():
            folder.rename(old)
        fresh.rename(folder)
    finally:
        if old.exists() and not folder.exists():
            old.rename(folder)
        shutil.rmtree(old, ignore_errors=True)
        shutil.rmtree(fresh, ignore_errors=True)
    return names


def _write_all(folder: Path, scene: Scene, report: Report, meta: Meta) -> None:
    loads, tables = loads_of(report), tables_of(report)
    for name, table in tables.items():
        plan = [column.name for column in columns_of(with_loads(name, loads)) if column.name in table.columns]
        write_table(folder / f"{name}.csv", table[plan])
    notes = [("摘要 Summary", "\n".join(text.both() for text in report.summary))]
    write_trace_book(folder / "trace.xlsx", tables, loads, meta, notes)
    page = trace_page(map_of(scene, report), [*context_layers(scene, report), *trace_layers(scene, report)], meta)
    (folder / "map.html").write_text(page, encoding="utf-8", newline="\n")
    write_json(folder / TOLD, summary_of(report, meta))


def summary_of(report: Report, meta: Meta) -> dict[str, object]:
    """Return what a report says in short, for machines."""
    origin = report.origin
    told: dict[str, object] = {
        "program": meta.program, "as_of": meta.as_of.isoformat(),
        "origin": {"what": origin.title.zh, "feature_id": origin.feature_id, "name": origin.name, "river_name": origin.river},
        "summary_zh": [text.zh for text in report.summary], "summary_en": [text.en for text in report.summary],
        "counts": {name: len(table) for name, table in tables_of(report).items()},
        "versions": {layer.title.zh: layer.version for layer in meta.layers},
    }  # fmt: skip
    if isinstance(report, UpstreamReport):
        return told | {"items": list(report.items)}
    return told | {"speed_m_s": None if np.isnan(report.speed.m_s) else report.speed.m_s, "speed": report.speed.text.zh}


def context_layers(scene: Scene, report: Report) -> list[MapLayer]:
    """Return the layers of the workspace that lie under a report's map."""
    spec = map_of(scene, report)
    return [
        map_layer_of(scene.layers[view.layer], scene.catalogue) for view in spec.views if view.layer in scene.layers
    ]


def trace_layers(scene: Scene, report: Report) -> list[MapLayer]:
    """Return what a report found as layers of the map, in degrees."""
    crs, origin = scene.waterway.crs, report.origin
    lines = part_named(report)
    texts = {
        "river_name": Text("河流", "River"),
        "near_m": Text("近端距离 m", "Near end m"),
        "far_m": Text("远端距离 m", "Far end m"),
    }
    made = [
        _layer("trace_reach", Text("沿河范围", "Reaches"), "line", lines, texts | {"part": Text("类别", "Part")}, crs)
    ]
    for name, title, frame in features_of(report):
        texts = {
            column.name: Text(column.zh, column.en) for column in columns_of(with_loads(_BOOK[name], loads_of(report)))
        }
        made.append(_layer(name, title, "point", frame, texts, crs))
    facts = {f"fact_{n}": (title, value) for n, (title, value) in enumerate(origin.facts)}
    row = {
        "feature_id": origin.feature_id,
        "name": origin.name,
        **{key: value.zh or "—" for key, (_, value) in facts.items()},
    }
    frame = gpd.GeoDataFrame([row], geometry=[origin.geometry], crs=crs)
    made.append(
        _layer("trace_origin", origin.title, "point", frame, {key: title for key, (title, _) in facts.items()}, crs)
    )
    return made


_BOOK = {"trace_source": "sources", "trace_section": "sections", "trace_target": "targets"}


def features_of(report: Report) -> list[tuple[str, Text, pd.DataFrame]]:
    """Return the features of a report with the column that their look goes by: id of the layer, title, rows."""
    if not isinstance(report, UpstreamReport):
        where = report.targets.assign(what=report.targets["layer"])
        return [("trace_target", Text("下游对象", "What is below"), where)]
    words = [WORDS_OF_MATCH[int(degree)] for degree in report.sources["match"]]
    clean = report.sections["is_clean"].astype("boolean")
    state = ["unknown" if pd.isna(one) else "clean" if one else "failing" for one in clean]
    return [
        ("trace_source", Text("可能来源", "Possible sources"), report.sources.assign(match_word=words)),
        ("trace_section", Text("上游断面", "Sections above"), report.sections.assign(state_word=state)),
    ]


def part_named(report: Report) -> gpd.GeoDataFrame:
    """Return the lines of a report with the part that each is, and a name and number for the card."""
    lines = report.reaches
    part = np.where(lines["is_in_stretch"], "stretch", "above") if is_upstream(report) else np.full(len(lines), "below")
    ids = [f"R{reach}-{n}" for n, reach in enumerate(lines["reach"])]
    return lines.assign(part=part, feature_id=ids, name=lines["river_name"].replace("", "（无名）"))


def _layer(name: str, title: Text, geometry: str, frame: pd.DataFrame, texts: Mapping[str, Text], crs: str) -> MapLayer:
    """Return rows as a layer of the map; geometries that are no points are shown by a point on them."""
    shapes = gpd.GeoSeries(frame["geometry"].to_numpy() if len(frame) else [], crs=crs)
    if geometry == "point" and len(shapes):
        shapes = shapes.where(shapes.geom_type == "Point", shapes.representative_point())
    degrees = to_crs(shapes.to_numpy(), crs, GEOGRAPHIC) if len(shapes) else shapes.to_numpy()
    shown = {key: text for key, text in texts.items() if key in frame.columns}
    looks = [key for key in ("part", "match_word", "state_word", "what") if key in frame.columns]
    columns: Sequence[str] = list(dict.fromkeys(["feature_id", "name", *shown, *looks]))
    plain = frame[columns].reset_index(drop=True)
    for key in [name for name in plain.columns if plain[name].dtype.kind == "O"]:
        plain[key] = [None if value is None or pd.isna(value) else str(value) for value in plain[key]]
    made = gpd.GeoDataFrame(plain, geometry=degrees, crs=GEOGRAPHIC)
    return MapLayer(
        id=name, title=title, geometry=geometry, key=("feature_id",), frame=made, columns=shown, version="", delivered="",
        disclosure="internal",
    )  # fmt: skip
