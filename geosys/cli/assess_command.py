"""The command that assesses the water of a workspace for a month or a year and writes the tables with their provenance."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

import geosys
from geosys._errors import WorkspaceError
from geosys.cli.options import JsonOption, TodayOption, WorkspaceOption, day_named, workspace_at
from geosys.cli.terminal import print_content, show_progress

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable, Mapping

    from geosys.geo.waterway import Waterway
    from geosys.layers.intake import Layer
    from geosys.layers.results_spec import ResultsSpec
    from geosys.layers.spec import Catalogue
    from geosys.sections.assessment import WaterAssessment
    from geosys.workspace import Workspace

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    help="水质 Water.\n\nExample: geosys water assess --month 2026-01",
)
FORMATS = (".xlsx", ".csv")
PROBLEMS = 1
ALL_TITLE = "总体 All"
_SHOWN = 12  # names on the screen; all of them stand in the tables


@app.callback()
def water() -> None:
    """Judge water."""


@app.command(
    name="assess",
    help="断面达标评价 Assess the sections for a month or a year: classes, attainment, shares, changes.\n\n"
    "Example: geosys water assess --month 2026-01 --out 水质月报.xlsx",
)
def assess(
    month: Annotated[
        str | None, typer.Option(help="月份 The month, as 2026-01 (default: the latest with samples).")
    ] = None,
    year: Annotated[int | None, typer.Option(help="年份 The year, as 2025.")] = None,
    rounding: Annotated[str | None, typer.Option(help="修约 displayed or none (default: the content's).")] = None,
    items: Annotated[str | None, typer.Option(help="参评项目 The items that may decide, with commas.")] = None,
    out: Annotated[Path, typer.Option(help="输出 Where the tables go: .xlsx, or .csv (a file each).")] = Path(
        "water.xlsx"
    ),
    cube: Annotated[
        Path | None, typer.Option(help="NetCDF 数据立方 Write the samples as section x time x item, too.")
    ] = None,
    today: TodayOption = None,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write the tables of one month or year, and where they come from."""
    from geosys.layers.spec import read_catalogue  # noqa: PLC0415  heavy packages are loaded only where they are used
    from geosys.layers.store import write_json  # noqa: PLC0415
    from geosys.sections.assessment import assess_water  # noqa: PLC0415

    _check_call(month, year, out, cube)
    per, period = _period(month, year)
    plan, catalogue = workspace_at(workspace), read_catalogue()
    day = plan.as_of if plan.as_of and today is None else day_named(today)
    spec = _spec(catalogue, rounding, items)
    sections, samples = _layers(plan, catalogue, spec)
    with show_progress() as progress:
        waterway = None if sections is None else _waterway(plan, catalogue, sections, progress)
    found = assess_water(
        None if sections is None else sections.frame, samples.frame, spec, catalogue, day, per=per, period=period, waterway=waterway
    )  # fmt: skip
    told = _provenance(found, sections, samples, day, has_rivers=waterway is not None)
    told["files"] = [path.name for path in _write(found, plan, day, out, told, _group_titles(found, spec, catalogue))]
    if cube is not None:
        _write_cube(cube, None if sections is None else sections.frame, samples.frame, spec, catalogue, day)
        told["files"].append(cube.name)
    write_json(out.with_name(f"{out.name}.json"), told)
    print_content({"out": str(out.resolve()), **told}, as_json=as_json, text=_text(told, out))
    if told["without_class"] or told["values_left_out_in_period"] or told["samples_without_section"]:
        raise SystemExit(PROBLEMS)


def _check_call(month: str | None, year: int | None, out: Path, cube: Path | None) -> None:
    if month is not None and year is not None:
        raise WorkspaceError(f"assess: got --month {month} and --year {year}, expected one of them.")
    if out.suffix.lower() not in FORMATS:
        raise WorkspaceError(f"--out: got '{out.name}', expected a name ending in {' or '.join(FORMATS)}.")
    if cube is not None and cube.suffix.lower() != ".nc":
        raise WorkspaceError(f"--cube: got '{cube.name}', expected a name ending in .nc.")


def _period(month: str | None, year: int | None) -> tuple[str, int | None]:
    """Return what the period is and its number, None for the latest."""
    from geosys.standards.period_values import MONTH, YEAR, month_number  # noqa: PLC0415

    if year is not None:
        if not 1980 <= year <= 2100:  # noqa: PLR2004  a year with samples
            raise WorkspaceError(f"--year: got {year}, expected a year as 2025.")
        return YEAR, year
    return MONTH, None if month is None else month_number(month)


def _spec(catalogue: Catalogue, rounding: str | None, items: str | None) -> ResultsSpec:
    """Return how results are made, with the options of this call."""
    from dataclasses import replace  # noqa: PLC0415

    from geosys.layers.results_spec import results_spec  # noqa: PLC0415
    from geosys.standards.rounding import check_rounding  # noqa: PLC0415
    from geosys.standards.surface_water import deciding_items  # noqa: PLC0415
    from geosys.standards.water_items import item_named  # noqa: PLC0415

    spec = next((s for name in catalogue.layers if (s := results_spec(name, catalogue)) is not None), None)
    if spec is None:
        raise WorkspaceError("assess: got no layer with [results], expected one. See docs/water.md.")
    if rounding is not None:
        spec = replace(spec, rounding=check_rounding(rounding))
    if items is not None:
        named = [item_named(part) for part in items.replace("，", ",").split(",") if part.strip()]
        deciding_items(named)
        spec = replace(spec, items=tuple(named))
    return spec


def _layers(plan: Workspace, catalogue: Catalogue, spec: ResultsSpec) -> tuple[Layer | None, Layer]:
    """Return the current versions of sections (None: the samples name them) and samples."""
    sections, samples = (_current(plan, catalogue, name) for name in (spec.layer, spec.samples))
    if samples is None:
        raise WorkspaceError(
            f"assess: got no current version of '{spec.samples}', expected samples. Deliver them and run 'geosys run' first."
        )
    return sections, samples


def _current(plan: Workspace, catalogue: Catalogue, name: str) -> Layer | None:
    """Return the current version of a layer, made by its present spec."""
    from geosys.layers.store import read_current  # noqa: PLC0415

    layer = read_current(plan.store, catalogue.layers[name])
    made_by = None if layer is None else layer.provenance.get("spec")
    if layer is not None and made_by != layer.spec.spec_hash:
        raise WorkspaceError(
            f"assess: got '{name}' as taken in by an earlier content ({made_by}), expected {layer.spec.spec_hash}. Run 'geosys run' first."
        )
    return layer


def _waterway(
    plan: Workspace, catalogue: Catalogue, sections: Layer, progress: Callable[[str, int, int], None]
) -> Waterway | None:
    """Return the rivers that the sections stand on, if their layer is there."""
    from geosys.rivers.networks import rivers_of  # noqa: PLC0415

    keys = sections.spec.on_river
    lines = None if keys is None else _current(plan, catalogue, keys.of)
    if keys is None or lines is None:
        return None
    rivers = rivers_of(plan, {keys.of: lines, sections.spec.id: sections}, catalogue, progress)
    return rivers[keys.of].waterway if keys.of in rivers else None


def _provenance(
    found: WaterAssessment, sections: Layer | None, samples: Layer, day: dt.date, *, has_rivers: bool
) -> dict[str, Any]:
    """Return what the numbers rest on."""
    from geosys.standards.attainment import NOTES  # noqa: PLC0415
    from geosys.standards.limits import STANDARD  # noqa: PLC0415
    from geosys.standards.rounding import ROUNDINGS  # noqa: PLC0415

    rule = ROUNDINGS[found.told["rounding"]]
    layers = {samples.spec.id: samples} if sections is None else {sections.spec.id: sections, samples.spec.id: samples}
    return {
        "program": f"geosys {geosys.__version__}", "as_of": day.isoformat(), **found.told,
        "standard": f"{STANDARD} table 1; 环办〔2011〕22号", "rounding_rule": {"zh": rule.zh, "en": rule.en},
        "notes": [{"zh": note.text.zh, "en": note.text.en, "certainty": note.certainty} for note in NOTES],
        "versions": {name: layer.version for name, layer in layers.items()},
        "rows": {name: len(layer.frame) for name, layer in layers.items()},
        "withheld": {name: len(layer.withheld) for name, layer in layers.items()},
        "sections_from": "samples" if sections is None else "layer", "has_rivers": has_rivers,
    }  # fmt: skip


def _group_titles(found: WaterAssessment, spec: ResultsSpec, catalogue: Catalogue) -> dict[str, str]:
    """Return by group the title of its field, for people."""
    from geosys.sections.groups import ALL  # noqa: PLC0415

    titles = catalogue.layers[spec.layer].titles
    return {name: ALL_TITLE if name == ALL else titles[spec.groups[name]].both() for name in found.groups}


def _write(
    found: WaterAssessment, plan: Workspace, day: dt.date, out: Path, told: Mapping[str, Any], titles: Mapping[str, str]
) -> list[Path]:
    """Write the tables and return the files."""
    from geosys.layers.store import write_table  # noqa: PLC0415
    from geosys.maps.assessment_book import write_assessment  # noqa: PLC0415
    from geosys.maps.frames import Meta  # noqa: PLC0415

    tables = {"sections": found.sections, "borders": found.borders, "left_out": found.left_out}
    if out.suffix.lower() == ".xlsx":
        meta = Meta(plan.title, day, f"GeoSys {geosys.__version__}", plan.mark)
        groups = {titles[name]: table for name, table in found.groups.items()}
        write_assessment(out, tables, groups, meta, _notes(told))
        return [out]
    paths = []
    for name, table in {**tables, **found.groups}.items():
        path = out if name == "sections" else out.with_name(f"{out.stem}.{name}.csv")
        write_table(path, table)
        paths.append(path)
    return paths


def _notes(told: Mapping[str, Any]) -> list[tuple[str, str]]:
    versions = ", ".join(f"{name} {version}" for name, version in told["versions"].items())
    return [
        ("评价期 Period", told["period"] + (f"（1–{told['months']} 月 months）" if told["per"] == "year" else "")),
        ("标准 Standard", told["standard"]),
        ("修约 Rounding", f"{told['rounding_rule']['zh']} {told['rounding_rule']['en']}"),
        ("参评项目 Items that may decide", "、".join(told["items_that_decide"])),
        ("图层版本 Layer versions", versions),
        *(("说明 Note", f"{n['zh']} {n['en']}（{n['certainty']}）") for n in told["notes"]),
    ]


def _write_cube(path: Path, sections: Any, samples: Any, spec: ResultsSpec, catalogue: Catalogue, day: dt.date) -> None:
    from geosys.sections.assessment import named_sections  # noqa: PLC0415
    from geosys.sections.cubes import cube_of  # noqa: PLC0415
    from geosys.sections.samples import samples_of, sections_of  # noqa: PLC0415
    from geosys.standards.water_cubes import write_cube  # noqa: PLC0415

    frame = named_sections(samples, spec) if sections is None else sections.reset_index(drop=True)
    known, _ = sections_of(frame, spec, samples)
    read = samples_of(samples, frame[spec.key].to_numpy(), spec, catalogue.layers[spec.samples], day)
    write_cube(path, cube_of(read.samples, frame[spec.key].astype(object).fillna("").tolist(), known))


def _text(told: Mapping[str, Any], out: Path) -> str:
    """Return what people read."""
    lines = [
        f"评价期 period: {told['period']}" + (f"（1–{told['months']} 月 months）" if told["per"] == "year" else ""),
        "类别 Classes: " + ", ".join(f"{name} {count}" for name, count in told["classes"].items() if count),
        f"定类 graded: {told['with_class']} / {told['sections']}",
        f"达标 meet their target: {told['meeting']} / {told['with_target']}",
        *(f"未达标 fail: {_some(told['failing'])}" for _ in told["failing"][:1]),
        *(f"未定类 without class: {_some(told['without_class'])}" for _ in told["without_class"][:1]),
        *(f"存疑或停运未采用 values left out in the period: {n}" for n in [told["values_left_out_in_period"]] if n),
        *(f"初步结果 provisional: {n}" for n in [told["provisional"]] if n),
        *(f"水体类型为假定 kind of water assumed: {n}" for n in [told["kind_assumed"]] if n),
        *(
            f"样品无对应断面 samples without section: {_some(list(told['samples_without_section']))}"
            for _ in list(told["samples_without_section"])[:1]
        ),
        f"{told['standard']}；{told['rounding_rule']['zh']} {told['rounding_rule']['en']}",
        f"out: {out.resolve()}",
    ]
    return "\n".join(lines)


def _some(names: list[str]) -> str:
    more = f" … ({len(names)})" if len(names) > _SHOWN else ""
    return "、".join(names[:_SHOWN]) + more
