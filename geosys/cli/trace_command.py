"""The commands that trace water: who is upstream of a section, and what lies below an outfall or a spill."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from geosys._errors import WorkspaceError
from geosys.cli.options import JsonOption, TodayOption, WorkspaceOption, day_named, workspace_at
from geosys.cli.terminal import print_content, print_table, show_progress

if TYPE_CHECKING:
    import datetime as dt

    from geosys.layers.spec import Catalogue
    from geosys.traces.downstream import DownstreamReport
    from geosys.traces.scene import Scene
    from geosys.traces.upstream import UpstreamReport
    from geosys.workspace import Workspace

app = typer.Typer(
    no_args_is_help=True, help="河流溯源 Trace water: up from a section, down from an outfall or a spill."
)
UPSTREAM_HELP = (
    "断面上游溯源：支流、负荷、排口排序、问题河段 Who is upstream of a section.\n\n"
    "Example: geosys trace upstream DM410299012 --out trace/DM410299012"
)
DOWNSTREAM_HELP = (
    "排口或事故点下游：断面、取水口、保护区、闸坝、县界与到达时间 What lies below an outfall or a spill.\n\n"
    "Example: geosys trace downstream --point 114.21,34.62 --speed 0.5"
)
MOST_SHOWN, LANGUAGES = 20, ("zh", "en")
OutOption = Annotated[
    Path | None,
    typer.Option("--out", help="输出文件夹 Folder for tables, map and sheet (default: trace/ of the workspace)."),
]


LanguageOption = Annotated[str, typer.Option("--language", help="图纸语言 Language of the sheet: zh or en.")]


@app.command(name="upstream", help=UPSTREAM_HELP)
def upstream(
    section: Annotated[str, typer.Argument(help="断面编码或名称 Code or name of the section.")],
    items: Annotated[
        str | None, typer.Option(help="超标项目 What exceeds, as 氨氮,总磷 (default: the section's results).")
    ] = None,
    within: Annotated[float | None, typer.Option(help="上溯距离 How far to look, km along the channel.")] = None,
    concentrations: Annotated[Path | None, typer.Option(help="排放浓度表 CSV with code, item, mg_l.")] = None,
    out: OutOption = None,
    language: LanguageOption = "zh",
    workspace: WorkspaceOption = None,
    today: TodayOption = None,
    as_json: JsonOption = False,
) -> None:
    """Trace up from a section."""
    from geosys.traces.loading import read_concentrations  # noqa: PLC0415
    from geosys.traces.suspects import exceeding_items, read_pollutant_sources  # noqa: PLC0415
    from geosys.traces.upstream import upstream_report  # noqa: PLC0415

    plan, catalogue, scene, day = _scene(workspace, today)
    asked, strange = exceeding_items(items)
    if strange:
        raise WorkspaceError(
            f"--items: got {'、'.join(strange)}, expected items of GB 3838-2002 table 1, as 氨氮,总磷."
        )
    table = read_pollutant_sources(catalogue.root, {name: codes.titles for name, codes in catalogue.codes.items()})
    known = read_concentrations(concentrations) if concentrations is not None else None
    report = upstream_report(scene, section, table, asked or None, known, _metres("--within", within))
    folder = _written(plan, scene, report, out, day, language)
    shown = {
        "suspicion": "次序",
        "name": "名称",
        "kind_zh": "类型",
        "distance_m": "距离 m",
        "is_in_stretch": "问题河段",
        "match_zh": "项目",
        "flow_t_d": "t/d",
    }
    _report(report, folder, ("可能来源 Sources", report.sources, shown), as_json=as_json)


@app.command(name="downstream", help=DOWNSTREAM_HELP)
def downstream(
    outfall: Annotated[str | None, typer.Argument(help="排口编码或名称 Code or name of the outfall.")] = None,
    point: Annotated[str | None, typer.Option(help="事故点经纬度 Longitude,latitude of a spill, CGCS2000.")] = None,
    speed: Annotated[float | None, typer.Option(help="流速 Speed of the water, m/s.")] = None,
    flow: Annotated[float | None, typer.Option(help="流量 Flow, m³/s; with --width and --depth.")] = None,
    width: Annotated[float | None, typer.Option(help="水面宽 Width, m.")] = None,
    depth: Annotated[float | None, typer.Option(help="平均水深 Mean depth, m.")] = None,
    within: Annotated[float | None, typer.Option(help="下游距离 How far to look, km along the channel.")] = None,
    reach: Annotated[float | None, typer.Option(help="距河最远 A point is put on a river no farther away, m.")] = None,
    out: OutOption = None,
    language: LanguageOption = "zh",
    workspace: WorkspaceOption = None,
    today: TodayOption = None,
    as_json: JsonOption = False,
) -> None:
    """Trace down from an outfall or a spill."""
    from geosys.traces.downstream import downstream_report, outfall_at, speed_of, spill_at  # noqa: PLC0415

    if (outfall is None) == (point is None):
        raise WorkspaceError(
            "trace downstream: got " + ("neither" if outfall is None else "both") + ", expected an outfall or --point."
        )
    rate = speed_of(speed, flow, width, depth)
    degrees = _degrees(point) if point is not None else None
    plan, _, scene, day = _scene(workspace, today)
    spill = degrees is not None and spill_at(scene, *_in_plane(degrees, scene.waterway.crs), reach)
    start = spill or outfall_at(scene, str(outfall))
    report = downstream_report(scene, start, rate, _metres("--within", within))
    folder = _written(plan, scene, report, out, day, language)
    shown = {
        "rank": "次序",
        "layer_zh": "对象",
        "name": "名称",
        "distance_m": "距离 m",
        "time_h": "到达 h",
        "call_zh": "联系谁",
    }
    _report(report, folder, ("下游对象 Downstream", report.targets, shown), as_json=as_json)


def _scene(workspace: Path | None, today: str | None) -> tuple[Workspace, Catalogue, Scene, dt.date]:
    """Return plan, content, what a trace stands on, and the day."""
    from geosys.layers.spec import read_catalogue  # noqa: PLC0415
    from geosys.traces.loading import scene_of  # noqa: PLC0415

    plan, catalogue = workspace_at(workspace), read_catalogue()
    day = plan.as_of or day_named(today)
    with show_progress() as progress:
        scene = scene_of(plan, catalogue, day, progress)
    return plan, catalogue, scene, day


def _metres(option: str, kilometres: float | None) -> float:
    if kilometres is None:
        return float("inf")
    if not 0 < kilometres < float("inf"):
        raise WorkspaceError(f"{option}: got {kilometres}, expected kilometres above 0.")
    return kilometres * 1000.0


def _degrees(text: str) -> tuple[float, float]:
    """Return longitude and latitude of a text."""
    parts = re.split(r"[,，\s]+", text.strip())
    try:
        lon, lat = (float(part) for part in parts)
    except ValueError:
        raise WorkspaceError(
            f"--point: got '{text}', expected longitude,latitude in degrees, as 114.21,34.62."
        ) from None
    if not (-180 <= lon <= 180 and -90 <= lat <= 90):  # noqa: PLR2004  degrees; NaN is refused too
        hint = " Longitude comes first." if -90 <= lon <= 90 else ""  # noqa: PLR2004
        raise WorkspaceError(
            f"--point: got '{text}', expected longitude from -180 to 180 and latitude from -90 to 90.{hint}"
        )
    return lon, lat


def _in_plane(degrees: tuple[float, float], crs: str) -> tuple[float, float]:
    import numpy as np  # noqa: PLC0415
    import shapely  # noqa: PLC0415

    from geosys.geo.crs import GEOGRAPHIC, to_crs  # noqa: PLC0415

    moved = to_crs(np.array([shapely.Point(degrees)], dtype=object), GEOGRAPHIC, crs)[0]
    return float(moved.x), float(moved.y)


def _written(
    plan: Workspace,
    scene: Scene,
    report: UpstreamReport | DownstreamReport,
    out: Path | None,
    day: dt.date,
    language: str,
) -> Path:
    """Write all outputs and return their folder."""
    from geosys.traces.loading import meta_of  # noqa: PLC0415
    from geosys.traces.outputs import write_trace  # noqa: PLC0415
    from geosys.traces.sheet import write_sheet  # noqa: PLC0415

    if language not in LANGUAGES:
        raise WorkspaceError(f"--language: got '{language}', expected one of {', '.join(LANGUAGES)}.")
    name = re.sub(r"[^\w.-]+", "_", report.origin.feature_id) or "trace"
    folder = out if out is not None else plan.root / "trace" / name
    folder.parent.mkdir(parents=True, exist_ok=True)
    meta = meta_of(plan, scene, day)
    write_trace(folder, scene, report, meta, lambda path: write_sheet(path, scene, report, meta, language=language))
    return folder


def _report(
    report: UpstreamReport | DownstreamReport, folder: Path, table: tuple[str, Any, dict[str, str]], *, as_json: bool
) -> None:
    """Print what was found in short, and where all of it is."""
    from geosys.traces.outputs import tables_of  # noqa: PLC0415

    title, frame, columns = table
    if as_json:
        rows = {
            name: part.drop(columns=["geometry"], errors="ignore")
            .astype(object)
            .where(part.notna(), None)
            .to_dict("records")
            for name, part in tables_of(report).items()
        }
        print_content(
            {"out": str(folder.resolve()), "summary": [text.both() for text in report.summary], **rows}, as_json=True
        )
        return
    typer.echo("\n".join(text.both() for text in report.summary))
    short = frame.head(MOST_SHOWN)[list(columns)].round({"distance_m": 0, "time_h": 1})
    print_table(title, short, columns)
    print_content({}, as_json=False, text=f"rows: {len(frame)}\nout: {folder.resolve()}")
