"""The commands that grade measured values by a standard and write each row with its class and the reasons for it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import typer

from geosys._errors import WorkspaceError
from geosys._text import Text
from geosys.cli.options import JsonOption, WorkspaceOption  # noqa: TC001  typer reads them when it runs
from geosys.cli.terminal import print_content

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from geosys.cli.measured_cells import MeasuredTable

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    help="按标准评价 Grade by a standard.\n\nExample: geosys grade water 监测.csv",
)
FORMATS = (".csv", ".parquet")
PROBLEMS = 1
_KINDS = {
    **dict.fromkeys(("RIVER", "河流", "河", "河道", "河流型", "1"), 1),
    **dict.fromkeys(("LAKE", "湖库", "湖泊", "水库", "湖", "库", "湖泊水库", "湖库型", "RESERVOIR", "2"), 2),
}
_NUMERALS = (("I", "1", "一"), ("II", "2", "二"), ("III", "3", "三"), ("IV", "4", "四"), ("V", "5", "五"))
_CLASS_WORDS = {word: number for number, words in enumerate(_NUMERALS, 1) for word in words}


@app.callback()
def grade() -> None:
    """Grade by a standard."""


@app.command(
    name="water",
    help="地表水水质评价 Grade surface water by GB 3838-2002, row by row.\n\n"
    "Example: geosys grade water 监测.csv --type river --items pH,DO,CODMn,NH3-N,TP --out 类别.csv",
)
def water(
    file: Annotated[Path, typer.Argument(help="监测表 The table (csv, xlsx, xls), units in its header.")],
    kind: Annotated[
        str, typer.Option("--type", help="水体类型 river, lake, or the column that says which for each row.")
    ],
    rounding: Annotated[
        str, typer.Option(help="修约 displayed: round half to even first; none: compare as measured.")
    ] = "displayed",
    items: Annotated[
        str | None,
        typer.Option(help="参评项目 The items that may decide, with commas (default: the 21 of the method)."),
    ] = None,
    target: Annotated[
        str | None, typer.Option(help="水质目标 The target class, as III, or the column that holds each row's.")
    ] = None,
    out: Annotated[Path, typer.Option(help="输出 Where the rows go: .csv or .parquet.")] = Path("grades.csv"),
    sheet: Annotated[str | None, typer.Option(help="工作表 The sheet, where the workbook has several.")] = None,
    encoding: Annotated[
        str | None, typer.Option(help="编码 The encoding of a CSV, where its bytes leave it open.")
    ] = None,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write the rows of a table in their order with class, item classes, grade and reasons, and the provenance beside it."""
    from geosys.cli.water_cells import read_water_table  # noqa: PLC0415  heavy packages are loaded only where they are used
    from geosys.cli.water_results import provenance, result_table, tell_unjudged  # noqa: PLC0415
    from geosys.layers.store import write_json, write_table  # noqa: PLC0415
    from geosys.standards.rounding import check_rounding  # noqa: PLC0415
    from geosys.standards.surface_water import deciding_items, grade_surface_water  # noqa: PLC0415
    from geosys.standards.water_items import item_named  # noqa: PLC0415

    _ = workspace  # accepted as everywhere: grading needs no plan
    _check_files(file, out)
    check_rounding(rounding)
    named = (
        None if items is None else [item_named(part) for part in items.replace("，", ",").split(",") if part.strip()]
    )
    deciding_items(named)
    read = read_water_table(file, rounding, sheet, encoding)
    kinds = _kinds(read, kind)
    graded = grade_surface_water(read.numbers, kinds, rounding=rounding, items=named, below=read.below)
    targets = None if target is None else _targets(read, target)
    tell_unjudged(read, graded, kinds, targets)
    told = provenance(read, graded, file)
    write_table(out, result_table(read, graded, kinds, targets))
    write_json(out.with_name(f"{out.name}.json"), told)
    print_content({"out": str(out.resolve()), **told}, as_json=as_json, text=_text(told, out))
    if read.problems or not told["graded"]:
        raise SystemExit(PROBLEMS)


@app.command(
    name="soil",
    help="土壤评价 Grade soil samples by GB 15618 (farmland) or GB 36600 (construction), row by row.\n\n"
    "Example: geosys grade soil 土壤样品.csv --standard farmland --land-use paddy --out 等级.csv",
)
def soil(
    file: Annotated[Path, typer.Argument(help="样品表 The table (csv, xlsx, xls), units in its header.")],
    standard: Annotated[str, typer.Option(help="标准 farmland: GB 15618-2018; construction: GB 36600-2018.")],
    land_use: Annotated[
        str | None,
        typer.Option(
            help="用地 The use of all samples (paddy, other, orchard, rotation; 1, 2) or its column (default: land_use)."
        ),
    ] = None,
    background: Annotated[
        str | None,
        typer.Option(help="背景值 Regional background in mg/kg, as 砷=12.5,钴=20 (As, Co, V; construction)."),
    ] = None,
    unit: Annotated[
        str | None, typer.Option(help="单元列 The column of plots or units: they are graded, too, in a second file.")
    ] = None,
    depth: Annotated[str | None, typer.Option(help="深度列 The column of depths (default: 采样深度(cm)).")] = None,
    out: Annotated[Path, typer.Option(help="输出 Where the rows go: .csv or .parquet.")] = Path("grades.csv"),
    sheet: Annotated[str | None, typer.Option(help="工作表 The sheet, where the workbook has several.")] = None,
    encoding: Annotated[
        str | None, typer.Option(help="编码 The encoding of a CSV, where its bytes leave it open.")
    ] = None,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write the rows of a table in their order with grade, deciding item, multiples and reasons, and the provenance beside it."""
    from geosys.cli import soil_cells, soil_results  # noqa: PLC0415  heavy packages are loaded only where they are used
    from geosys.layers.store import write_json, write_table  # noqa: PLC0415
    from geosys.standards.soil_grades import grade_construction, grade_farmland  # noqa: PLC0415
    from geosys.standards.soil_limits import FARMLAND, soil_limits  # noqa: PLC0415

    _ = workspace  # accepted as everywhere: grading needs no plan
    _check_files(file, out)
    soil_limits(standard)
    natural = _background(background, standard)
    read = soil_cells.read_soil_table(file, standard, sheet, encoding)
    units = None if unit is None else soil_cells.sample_units(read, unit)
    depths = soil_cells.sample_depths(read, depth)
    uses, told_use = soil_cells.land_use_places(read, standard, land_use)
    values = soil_cells.laboratory_values(read, standard)
    is_farmland = standard == FARMLAND
    ph = soil_cells.ph_values(read)
    graded = grade_farmland(values, ph, uses) if is_farmland else grade_construction(values, uses, natural)
    told = soil_results.provenance(read, graded, file, told_use, natural)
    write_table(out, soil_results.result_table(read, graded, uses, has_background=bool(natural)))
    paths = [out]
    if units is not None:
        paths.append(out.with_name(f"{out.stem}.units{out.suffix}"))
        write_table(paths[1], soil_results.unit_table(graded, units, depths))
    write_json(out.with_name(f"{out.name}.json"), told)
    content = {"out": str(out.resolve()), "units": str(paths[1].resolve()) if paths[1:] else "", **told}
    print_content(content, as_json=as_json, text=soil_results.summary(told, paths))
    if read.problems or not told["graded"]:
        raise SystemExit(PROBLEMS)


def _check_files(file: Path, out: Path) -> None:
    if out.suffix.lower() not in FORMATS:
        raise WorkspaceError(f"--out: got '{out.name}', expected a name ending in {' or '.join(FORMATS)}.")
    if not file.exists():
        raise WorkspaceError(f"{file}: got no file, expected a table. Mend the name.")


def _background(given: str | None, standard: str) -> dict[str, float]:
    """Return the background values that an option names, by item."""
    from geosys.layers.values import number  # noqa: PLC0415
    from geosys.standards.soil_items import item_named  # noqa: PLC0415
    from geosys.standards.soil_limits import CONSTRUCTION  # noqa: PLC0415

    if given is not None and standard != CONSTRUCTION:
        raise WorkspaceError(
            f"--background: got '{given}' with --standard {standard}, expected it with construction only."
        )
    found = {}
    for part in (given or "").replace("，", ",").split(","):
        name, _, value = part.partition("=")
        if part.strip():
            amount = number(value)
            if amount is None:
                raise WorkspaceError(
                    f"--background: got '{part}', expected an item with its value in mg/kg, as 砷=12.5."
                )
            found[item_named(name, standard)] = amount
    return found


def _kinds(read: MeasuredTable, kind: str) -> NDArray[np.int8]:
    """Return the kind of water of each row: 0 where it is not told."""
    from geosys.cli.measured_cells import folded  # noqa: PLC0415
    from geosys.cli.measured_columns import named_column  # noqa: PLC0415

    if folded(kind) in ("RIVER", "LAKE"):
        return np.full(read.size, _KINDS[folded(kind)], dtype=np.int8)
    codes = np.zeros(read.size, dtype=np.int8)
    for row, cell in enumerate(named_column(read.columns, kind, "--type", "'river', 'lake' or a column")):
        codes[row] = _KINDS.get(folded(cell), 0)
        if not codes[row]:
            shown = str(cell or "").strip()
            read.problems += 1
            read.reasons[row].append(
                Text(
                    f"水体类型“{shown}”不识别，总磷、总氮未评价",
                    f"kind of water '{shown}' unknown: phosphorus and nitrogen not evaluated",
                )
            )
    return codes


def _targets(read: MeasuredTable, target: str) -> NDArray[np.int64]:
    """Return the target class of each row: 0 where there is none."""
    from geosys.cli.measured_columns import named_column  # noqa: PLC0415

    single = _class_of(target)
    if single:
        return np.full(read.size, single, dtype=np.int64)
    classes = np.zeros(read.size, dtype=np.int64)
    for row, cell in enumerate(named_column(read.columns, target, "--target", "a class I to V or a column")):
        classes[row] = _class_of(cell)
        if not classes[row]:
            shown = str(cell or "").strip()
            read.problems += bool(shown)
            read.reasons[row].append(
                Text(f"水质目标“{shown}”不识别，未评价达标", f"target '{shown}' unknown: attainment not judged")
            )
    return classes


def _class_of(value: object) -> int:
    """Return the class 1 to 5 that a word means, 0 where it means none."""
    from geosys.cli.measured_cells import folded  # noqa: PLC0415

    word = folded("" if value is None else value).removesuffix("类").removesuffix("级").removesuffix(".0")
    return _CLASS_WORDS.get(word, 0)


def _text(told: dict[str, Any], out: Path) -> str:
    """Return what people read."""
    absent = told["items_without_column"]
    lines = [
        "类别 Classes: " + ", ".join(f"{name} {count}" for name, count in told["classes"].items() if count),
        f"定类 graded: {told['graded']} / {told['rows']}，未定类 without class: {told['without_class']}",
        f"{told['standard']}；{told['rounding_rule']['zh']} {told['rounding_rule']['en']}",
        "溶解氧饱和度 saturation of oxygen: " + ("采用 used" if told["saturation_used"] else "未采用 not used"),
        *(f"无此列 no column ({len(absent)}): {'、'.join(absent)}" for _ in absent[:1]),
        *(f"{note['zh']} {note['en']}" for note in told["notes"]),
        f"out: {out.resolve()}",
    ]
    return "\n".join(lines)
