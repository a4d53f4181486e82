"""The soil samples of a plot against their limits: by sample the grade, the deciding item, and how far above."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from geosys._text import Text
from geosys.plot_sheets.parts import DASH, Part, number
from geosys.standards.laboratory import LaboratoryValues
from geosys.standards.soil_grades import ABOVE, BETWEEN, GRADES, grade_construction, grade_farmland
from geosys.standards.soil_items import column_of
from geosys.standards.soil_limits import FARMLAND, STANDARDS, UNDETERMINED, land_uses
from geosys.standards.soil_reasons import soil_reasons

if TYPE_CHECKING:
    import geopandas as gpd

    from geosys.plot_sheets.archive import Archive
    from geosys.plot_sheets.parts import Plot, Words
    from geosys.standards.soil_grades import SoilGrades

_TITLE = Text("土壤样品与限值", "Soil samples against limits")
_TINTS = {BETWEEN: "#F6E3C0", ABOVE: "#EFC4BE"}
_HEAD = (
    Text("样品", "Sample"), Text("日期", "Date"), Text("深度 cm", "Depth cm"), Text("pH", "pH"), Text("结论", "Grade"),
    Text("决定项目", "Deciding item"), Text("实测 mg/kg", "Found mg/kg"), Text("筛选值", "Screening"), Text("管制值", "Control"),
    Text("超筛选值倍数", "Times above"), Text("评价/应测", "Of items"),
)  # fmt: skip
_WIDTHS = (17, 12, 8, 7, 19, 11, 10, 9, 9, 10, 9)


def samples_of(archive: Archive, plot: Plot) -> gpd.GeoDataFrame | None:
    """Return the samples that name the plot or lie in it (its border counts), or None where the layer is not there."""
    fields = archive.spec.samples
    layer = archive.layers.get(fields.layer)
    if layer is None:
        return None
    frame = layer.frame
    mine = np.array(frame[fields.unit].astype(object) == plot.key.code, dtype=bool)
    if plot.shape is not None:
        inside = np.zeros(len(frame), dtype=bool)
        inside[frame.sindex.query(plot.shape, predicate="intersects")] = True
        named = frame[fields.unit].notna().to_numpy()
        mine |= inside & ~named
    return frame[mine]


def graded(archive: Archive, plot: Plot, samples: gpd.GeoDataFrame) -> SoilGrades | None:
    """Return the grades of some samples by the standard of the plot's layer; None where no column is an item of it."""
    standard = archive.spec.plots[plot.key.layer].standard
    columns = {
        c: found for c in samples.columns if (found := column_of(c, standard)) is not None and c in _measured(samples)
    }
    items = {found.item: c for c, found in columns.items() if found.factor is not None and found.item != "ph"}
    if not items:
        return None
    values = pd.DataFrame(
        {item: pd.to_numeric(samples[c], errors="coerce") * (columns[c].factor or 1.0) for item, c in items.items()}
    )
    laboratory = LaboratoryValues.from_frame(values)
    if standard != FARMLAND:
        return grade_construction(laboratory, land_uses(standard)[UNDETERMINED].place)
    fields = archive.spec.samples
    places = {word: use.place for use in land_uses(standard).values() for word in use.words}
    uses = np.array([places.get(str(use), 0) for use in samples[fields.use]], dtype=np.int8)
    return grade_farmland(laboratory, pd.to_numeric(samples[fields.ph]).to_numpy(dtype=float), uses)


def _measured(samples: gpd.GeoDataFrame) -> set[str]:
    """Return the columns of numbers that hold any."""
    return {c for c in samples.columns if samples[c].dtype.kind in "fi" and samples[c].notna().any()}


def samples_part(archive: Archive, plot: Plot) -> Part:
    """Return the table of samples, the worst first."""
    fields, standard = archive.spec.samples, archive.spec.plots[plot.key.layer].standard
    samples = samples_of(archive, plot)
    if samples is None:
        return Part("samples", _TITLE, lacking=archive.absence(fields.layer))
    if not len(samples):
        return Part("samples", _TITLE, lacking=Text(
            "样点图层中没有写明本地块编码的样品，也没有落在地块内的样品：未评价（不等于未超标）。",
            "No sample names this plot or lies in it: not assessed, which is not below the limits.",
        ))  # fmt: skip
    found = graded(archive, plot, samples)
    if found is None:
        return Part("samples", _TITLE, lacking=Text(
            f"有 {len(samples)} 个样品，但没有 {STANDARDS[standard]} 的项目数据：未评价。",
            f"{len(samples)} samples without a value of an item of {STANDARDS[standard]}: not assessed.",
        ))  # fmt: skip
    reasons = {language: soil_reasons(found, language) for language in ("zh", "en")}
    order = np.lexsort(
        (np.arange(len(samples)), -np.nan_to_num(found.rows["multiple"].to_numpy()), -found.rows["grade"].to_numpy())
    )
    rows = [_row(samples.iloc[i], found, i, fields) for i in order]
    tints = {at: _TINTS[g] for at, i in enumerate(order) if (g := int(found.rows["grade"].iloc[i])) in _TINTS}
    told = Text(*(_told(samples, order, reasons[language], language) for language in ("zh", "en")))
    return Part(
        "samples", _TITLE, _HEAD, rows, notes=[_basis(found, standard), *([told] if told.zh else []), *_left_out(archive, samples, standard)],
        widths=_WIDTHS, right=(2, 3, 6, 7, 8, 9, 10), tints=tints,
    )  # fmt: skip


def _row(sample: pd.Series, found: SoilGrades, i: int, fields: Any) -> list[Words]:
    row = found.rows.iloc[i]
    day = next((v for v in sample if hasattr(v, "isoformat") and not pd.isna(v)), None)

    def cell(value: Any, digits: int = 3) -> str:
        return DASH if pd.isna(value) else number(float(value), digits)

    times = cell(row["multiple"])
    count = int(row["items_evaluated"])
    return [
        str(sample["feature_id"]), day.isoformat()[:10] if day is not None else DASH, cell(sample[fields.depth_cm]), cell(sample[fields.ph]),
        GRADES[int(row["grade"])], str(row["deciding_item"]) or DASH, cell(row["deciding_value_mg_kg"], 4), cell(row["screening_mg_kg"], 4),
        cell(row["control_mg_kg"], 4), times, f"{count}/{count + int(row['items_missing'])}",
    ]  # fmt: skip


def _basis(found: SoilGrades, standard: str) -> Text:
    if standard == FARMLAND:
        return Text(
            f"标准：{found.standard}；样品按台账写明的用地方式和 pH 取限值。",
            f"Limits: {found.standard}, by the stated use and pH.",
        )
    use = land_uses(standard)[UNDETERMINED].text
    return Text(
        f"标准：{found.standard}；{use.zh}取限值（从严）。",
        f"Limits: {found.standard}; {use.en} (the stricter values).",
    )


def _told(samples: gpd.GeoDataFrame, order: Any, reasons: Any, language: str) -> str:
    """Return why items or samples were not evaluated, each reason once with how many samples it is of."""
    counts: dict[str, int] = {}
    for i in order:
        if reasons[i]:
            counts[reasons[i]] = counts.get(reasons[i], 0) + 1
    if not counts:
        return ""
    unit = "个样品" if language == "zh" else " samples"
    joint = "；" if language == "zh" else "; "
    head = "未能评价或须注意——" if language == "zh" else "Not evaluated, or to be noted: "
    whole = len(samples)
    return head + joint.join(f"{text}（{count}/{whole}{unit}）" for text, count in list(counts.items())[:4])


def _left_out(archive: Archive, samples: gpd.GeoDataFrame, standard: str) -> list[Text]:
    """Name measured columns that are no item of the standard: total chromium is not hexavalent chromium."""
    spec = archive.layer_spec(archive.spec.samples.layer)
    names = [
        spec.titles[c]
        for c in spec.titles
        if c in _measured(samples) and spec.fields[c].unit == "mg/kg" and column_of(c, standard) is None
    ]
    if not names:
        return []
    return [
        Text(
            f"有数据而不是 {STANDARDS[standard]} 项目，未评价：{'、'.join(n.zh for n in names)}。",
            f"Measured, but no item of {STANDARDS[standard]}: {', '.join(n.en for n in names)}.",
        )
    ]
