"""The commands of sheets on paper: default sheets by name, and an atlas with a page for each plot, section, county or river."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from geosys._errors import GeoSysError, WorkspaceError
from geosys._faults import nearest
from geosys.cli.options import JsonOption, TodayOption, WorkspaceOption, day_named, workspace_at
from geosys.cli.terminal import print_content, show_progress
from geosys.layers.spec import read_catalogue

if TYPE_CHECKING:
    from collections.abc import Sequence

    from geosys.layers.spec import Catalogue
    from geosys.sheets.desk import Desk
    from geosys.workspace import Workspace

SHEET_HELP = "专题图 Default sheets on paper.\n\nExample: geosys sheet water_sections conflicts --paper A3 --format pdf --out sheets"
ATLAS_HELP = "图集 One page for each plot, section, county or river.\n\nExample: geosys atlas river_policy --of river --out atlas"
FORMATS, LANGUAGES, PAPERS = ("pdf", "png", "svg"), ("zh", "en"), ("A4", "A3", "A2", "A1")
PROBLEMS, MOST_SHOWN, MOST_WORKERS = 1, 20, 8
STAGE, MERGING = "制图 Making sheets", "合并 Merging"
NamesArgument = Annotated[
    list[str] | None, typer.Argument(help="图名或图层 Sheets of maps/sheets/, or layers (default: list them).")
]
PaperOption = Annotated[str, typer.Option(help="纸张 A4, A3, A2 or A1 (default: as the sheet says).")]
TurnOption = Annotated[bool | None, typer.Option("--landscape/--portrait", help="横向或纵向 Landscape or portrait.")]
FormatOption = Annotated[str, typer.Option("--format", help="格式 pdf, png or svg.")]
OutOption = Annotated[
    Path | None, typer.Option("--out", help="输出文件夹 Folder (default: sheets/ or atlas/ of the workspace).")
]
LanguageOption = Annotated[str, typer.Option("--language", help="语言 zh or en.")]
ScaleOption = Annotated[int | None, typer.Option(help="比例尺分母 Denominator of the scale, as 100000.")]


def sheet(
    names: NamesArgument = None,
    every: Annotated[bool, typer.Option("--all", help="全部 Every default sheet.")] = False,
    paper: PaperOption = "",
    landscape: TurnOption = None,
    kind: FormatOption = "pdf",
    out: OutOption = None,
    language: LanguageOption = "zh",
    scale: ScaleOption = None,
    layer: Annotated[str, typer.Option(help="对照的图层 The layer whose versions are compared.")] = "",
    before: Annotated[str, typer.Option(help="此前版本 The earlier version to compare with.")] = "",
    workspace: WorkspaceOption = None,
    today: TodayOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write default sheets; one that cannot be made does not keep the others from being made."""
    from geosys.maps.paper.press import open_press  # noqa: PLC0415  heavy packages are loaded only where they are used
    from geosys.sheets.composing import Wanted, spec_named, write_sheet  # noqa: PLC0415

    _check(kind, language, paper)
    desk = _desk(workspace, today, names or [])
    if not names and not every:
        _list(desk, as_json=as_json)
        return
    specs = [spec_named(desk, name) for name in (desk.book.sheets if every else names or [])]
    folder = (out or desk.workspace.root / "sheets").resolve()
    _folder(folder)
    press = open_press(desk.catalogue.root / "maps")
    wanted = Wanted(paper, landscape, language, scale=scale, layer=layer, before=before)
    rows: list[dict[str, Any]] = []
    with show_progress() as progress:
        for done, spec in enumerate(specs):
            progress(STAGE, done, len(specs))
            path = folder / f"{spec.name}.{kind}"
            try:
                made = write_sheet(desk, spec, path, press, wanted)
                rows.append({"sheet": spec.name, "file": str(path), "pages": made.pages, "scales": list(made.scales),
                             "labels_dropped": sum(made.labels_dropped), "glyphs_lacking": made.glyphs_lacking, "fault": ""})  # fmt: skip
            except WorkspaceError:
                raise
            except GeoSysError as error:
                rows.append(
                    {"sheet": spec.name, "file": "", "pages": 0, "scales": [], "labels_dropped": 0, "fault": str(error)}
                )
        progress(STAGE, len(specs), len(specs))
    lines = [row["fault"] or f"{row['file']}（{row['pages']} 页 pages）" for row in rows]
    print_content({"out": str(folder), "sheets": rows}, as_json=as_json, text="\n".join(lines))
    if any(row["fault"] for row in rows):
        raise SystemExit(PROBLEMS)


def atlas(
    name: Annotated[str, typer.Argument(help="图名 A sheet of maps/sheets/, or a layer.")],
    of: Annotated[str, typer.Option("--of", help="对象 plot, section, county or river.")],
    layer: Annotated[str, typer.Option(help="只做该图层 Only features of this layer.")] = "",
    paper: PaperOption = "",
    landscape: TurnOption = None,
    kind: FormatOption = "pdf",
    out: OutOption = None,
    language: LanguageOption = "zh",
    scale: ScaleOption = None,
    jobs: Annotated[int | None, typer.Option("--jobs", help="进程数 Processes (default: cores, at most 8).")] = None,
    merged: Annotated[bool, typer.Option("--merge/--no-merge", help="合成一个 PDF Also all pages in one PDF.")] = True,
    workspace: WorkspaceOption = None,
    today: TodayOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write an atlas: pages that are finished are kept, so that a run that was killed goes on where it stood."""
    from geosys.atlas import FEW, drop_others, make_pages  # noqa: PLC0415
    from geosys.maps.paper.press import open_press, put  # noqa: PLC0415
    from geosys.sheets.atlas import Order, index_file, merge, opener_of, pages_of, subjects_of  # noqa: PLC0415
    from geosys.sheets.composing import Wanted, spec_named  # noqa: PLC0415

    _check(kind, language, paper)
    if jobs is not None and jobs < 1:
        raise WorkspaceError(f"--jobs: got {jobs}, expected 1 or more.")
    desk = _desk(workspace, today, [name])
    spec = spec_named(desk, name)
    wanted = Wanted(paper, landscape, language, scale=scale)
    pages = pages_of(desk, spec, subjects_of(desk, of, layer), wanted, kind)
    folder = (out or desk.workspace.root / "atlas" / f"{name}_{of}").resolve()
    _folder(folder)
    workers = jobs or min(os.cpu_count() or 1, MOST_WORKERS)
    opener = opener_of(desk, Order(name, of, kind, wanted, layer), is_here=workers == 1 or len(pages) <= FEW)
    with show_progress() as progress:
        made = make_pages(folder, pages, opener, lambda done, total: progress(STAGE, done, total), workers)
        gone = drop_others(folder, pages)
        put({folder / "index.csv": index_file(desk, made)})
        whole = folder / "atlas.pdf"
        if merged and kind == "pdf" and any(not one.fault for one in made):
            press = open_press(desk.catalogue.root / "maps")
            turned = spec.is_landscape if landscape is None else landscape
            progress(MERGING, 0, 1)
            size = press.measures.page(paper or spec.paper, is_landscape=turned)
            merge([folder / one.file for one in made if not one.fault], whole, press, desk.today, size)
            progress(MERGING, 1, 1)
    faults = [one for one in made if one.fault]
    kept = sum(one.is_kept for one in made)
    told = {
        "out": str(folder), "pages": len(made), "kept": kept, "failed": len(faults), "dropped": gone, "index": str(folder / "index.csv"),
        "merged": str(whole) if whole.exists() and merged and kind == "pdf" else "",
        "faults": [{"page": one.id, "fault": one.fault} for one in faults],
    }  # fmt: skip
    lines = [
        *(f"{one.id}: {one.fault}" for one in faults[:MOST_SHOWN]),
        f"页 pages: {len(made)}，沿用 kept {kept}，失败 failed {len(faults)}",
        f"index: {folder / 'index.csv'}",
        *([f"merged: {whole}"] if told["merged"] else []),
    ]
    print_content(told, as_json=as_json, text="\n".join(lines))
    if faults:
        raise SystemExit(PROBLEMS)


def write_default(plan: Workspace, catalogue: Catalogue, name: str) -> Path:
    """Write one default sheet as PDF into ``sheets/`` of a workspace and return where it is."""
    from geosys.maps.paper.press import open_press  # noqa: PLC0415  heavy packages are loaded only where they are used
    from geosys.sheets.composing import spec_named, write_sheet  # noqa: PLC0415
    from geosys.sheets.desk import open_desk  # noqa: PLC0415

    desk = open_desk(plan, catalogue, plan.as_of or day_named(None))
    path = plan.root / "sheets" / f"{name}.pdf"
    _folder(path.parent)
    write_sheet(desk, spec_named(desk, name), path, open_press(catalogue.root / "maps"))
    return path


def _desk(workspace: Path | None, today: str | None, names: Sequence[str]) -> Desk:
    from geosys.sheets.desk import open_desk  # noqa: PLC0415

    plan, catalogue = workspace_at(workspace), read_catalogue()
    return open_desk(
        plan, catalogue, plan.as_of or day_named(today), [name for name in names if name in catalogue.layers]
    )


def _check(kind: str, language: str, paper: str) -> None:
    for option, value, words in (
        ("--format", kind, FORMATS),
        ("--language", language, LANGUAGES),
        ("--paper", paper or "A4", PAPERS),
    ):
        if value not in words:
            hint = nearest(value, words)
            raise WorkspaceError(f"{option}: got '{value}', expected one of {', '.join(words)}. {hint}".rstrip())


def _folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise WorkspaceError(
            f"--out {folder}: got {error.strerror}, expected a folder to write to. Name another."
        ) from None


def _list(desk: Desk, *, as_json: bool) -> None:
    rows = [
        {"sheet": one.name, "title": one.title.zh, "title_en": one.title.en, "about": one.about.zh}
        for one in desk.book.sheets.values()
    ]
    text = "\n".join(f"{row['sheet']:20} {row['title']} {row['title_en']}" for row in rows)
    print_content(rows, as_json=as_json, text=f"{text}\n各图层也可单独成图 Any layer can be named too: geosys layers")
