"""What a fix-list says about each issue, for the workbook and the page alike: where it stands in the sender's own file."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

import geopandas as gpd
import pandas as pd
import shapely

from geosys._faults import Faults
from geosys._text import Text
from geosys.maps.frames import ISSUE_SEVERITIES, check_columns, check_words

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date
    from pathlib import Path

    from geosys.maps.frames import Meta
    from geosys.maps.palettes import Palettes

CRS = "EPSG:4490"
SHEET_FORMATS = (".csv", ".xls", ".xlsx")  # files whose lines their sender sees; of the others he counts records
NEEDS = (
    "issue_id", "layer_title", "source_file", "source_table", "source_row", "source_line", "feature_id", "field",
    "field_title", "issue_type", "issue_title_zh", "issue_title_en", "severity", "value", "message_zh", "message_en",
    "advice_zh", "advice_en", "responsibility", "before", "after",
)  # fmt: skip
STATES = {
    "still_there": Text("上次已指出，仍未改", "Still there"),
    "new": Text("本次新增", "New"),
    "mended": Text("已改", "Mended"),
    "gone": Text("对象未再报送", "Gone with its feature"),
    "not_assessed": Text("本次无法判断", "Cannot be judged"),
}
_LEAST_REACH = 0.5  # degrees
_GEOMETRY = re.compile(r"(MULTI)?(POINT|LINESTRING|POLYGON)|GEOMETRYCOLLECTION")


@dataclass(frozen=True, slots=True)
class Original:
    """Hold one table of the sender's as it came.

    Parameters
    ----------
    file : the name by which the issues call its file.
    path : the file as it is kept; an ``.xlsx`` is copied with the sender's own formats.
    table : the sheet or layer, as the issues call it.
    columns : raw values by the sender's column name, each of the same length.
    lines : the line of each row in its file, where it has lines (csv, xls, xlsx).
    records : the number of each row among the file's records, from 1; by default in order.
    fields : our field -> the sender's column.
    sheets : the sheet of each row, where several sheets were read as one table.
    """

    file: str
    path: Path
    table: str
    columns: Mapping[str, Sequence[Any]]
    lines: Sequence[int] = ()
    records: Sequence[int] = ()
    fields: Mapping[str, str] = field(default_factory=dict)
    sheets: Sequence[str] = ()

    @property
    def size(self) -> int:
        """Return the number of rows."""
        return len(next(iter(self.columns.values()), ()))

    @property
    def has_lines(self) -> bool:
        """Say whether its sender sees lines."""
        return bool(len(self.lines)) and self.path.suffix.lower() in SHEET_FORMATS

    def column_of(self, name: str, value: object) -> str:
        """Return the sender's column that an issue is about, or an empty text."""
        column = self.fields.get(name, name)
        if column in self.columns:
            return column
        return str(value) if not name and str(value) in self.columns else ""


@dataclass(frozen=True, slots=True)
class Letter:
    """Hold what stands at the head of an answer to a sender.

    Parameters
    ----------
    meta : title, day, program and mark, as on every output.
    sender : whom it is for.
    rows, rows_withheld : how many rows came, and how many of them cannot be used; None where not known.
    outline : the region, drawn behind the places (EPSG:4490).
    reply_by : the day by which the mended delivery is wanted.
    """

    meta: Meta
    sender: str
    rows: int | None = None
    rows_withheld: int | None = None
    outline: shapely.Geometry | None = None
    reply_by: date | None = None


def fix_rows(issues: pd.DataFrame, comparison: pd.DataFrame | None = None) -> pd.DataFrame:
    """Return the issues numbered in the order of the sender's files, each with its place in words and in degrees.

    Parameters
    ----------
    issues : the issue table; where it has geometry, in EPSG:4490.
    comparison : columns ``state`` and ``after_id``, of the delivery before with this one.

    Returns
    -------
    DataFrame
        The issue table and ``number`` (from 1), ``where_zh``, ``where_en``, ``lon``, ``lat`` (degrees, missing
        without a place) and ``state`` (a word of `STATES`, empty without comparison); index from 0.

    Raises
    ------
    SpecError
        When a column is missing, a severity is unknown, or the geometry has another CRS.
    """
    check_columns(issues, NEEDS, "fix list, issues")
    check_words(issues, "severity", ISSUE_SEVERITIES, "fix list, issues")
    places = _places(issues)
    rank = issues["severity"].map({word: at for at, word in enumerate(ISSUE_SEVERITIES)})
    keyed = pd.DataFrame(issues.drop(columns="geometry", errors="ignore")).assign(
        lon=places.x.to_numpy(), lat=places.y.to_numpy(), _rank=rank.to_numpy(),
        _line=issues["source_line"].fillna(issues["source_row"]).fillna(0).astype("int64"),
    )  # fmt: skip
    order = ["source_file", "source_table", "_line", "_rank", "field", "issue_type", "issue_id"]
    rows = keyed.sort_values(order, kind="stable").drop(columns=["_rank", "_line"]).reset_index(drop=True)
    words = [
        place_words(file, line, row)
        for file, line, row in zip(rows["source_file"], rows["source_line"], rows["source_row"], strict=True)
    ]
    states = {} if comparison is None else dict(zip(comparison["after_id"], comparison["state"], strict=True))
    return rows.assign(
        number=range(1, len(rows) + 1),
        where_zh=[text.zh for text in words],
        where_en=[text.en for text in words],
        state=[states.get(i, "") for i in rows["issue_id"]],
    )


def place_words(file: object, line: object, record: object) -> Text:
    """Say where a row stands, as its sender counts: the line of a sheet or text, else the record.

    Examples
    --------
    >>> place_words("a.csv", 5, 4).zh, place_words("a.shp", pd.NA, 4).zh, place_words("a.csv", pd.NA, pd.NA).zh
    ('第 5 行', '第 4 条', '整表')
    """
    if not pd.isna(line) and PurePath(str(file)).suffix.lower() not in (".shp", ".gpkg", ".geojson", ".json"):
        return Text(f"第 {line} 行", f"line {line}")
    if not pd.isna(record):
        return Text(f"第 {record} 条", f"record {record}")
    return Text("整表", "whole table")


def _places(issues: pd.DataFrame) -> gpd.GeoSeries:
    """Return one position for each issue, empty where it has none."""
    if not isinstance(issues, gpd.GeoDataFrame) or issues.geometry.isna().all():
        return gpd.GeoSeries([shapely.Point()] * len(issues), crs=CRS)
    if issues.crs != CRS:
        faults = Faults()
        faults.add("fix list, issues", str(issues.crs), CRS, f"Convert them to {CRS} first.")
        faults.raise_if_any()
    shapes = issues.geometry.where(issues.geometry.notna(), shapely.Point())
    return gpd.GeoSeries(shapely.point_on_surface(shapes.to_numpy()), crs=CRS)


def near_enough(rows: pd.DataFrame, outline: shapely.Geometry | None) -> pd.Series:
    """Say which places can be drawn on one sketch: a default point at 0, 0 would shrink the rest to a dot.

    With an outline those within its box and as much again on each side; without, those about the middle of all.
    """
    placed = rows["lon"].notna() & rows["lat"].notna()
    if outline is not None and not outline.is_empty:
        west, south, east, north = outline.bounds
        wide, high = east - west, north - south
        return placed & rows["lon"].between(west - wide, east + wide) & rows["lat"].between(south - high, north + high)
    for axis in ("lon", "lat"):
        middle = rows.loc[placed, axis].median()
        reach = max(10 * (rows.loc[placed, axis] - middle).abs().median(), _LEAST_REACH)
        placed &= rows[axis].between(middle - reach, middle + reach)
    return placed


def used_for_now(row: Mapping[Any, Any]) -> str:
    """Return the value that stands in for the sender's until he mends it; none where the row is withheld."""
    after = str(row["after"] or "")
    if not after or row["severity"] in ("critical", "error"):
        return ""
    return "修复后的图形 repaired shape" if _GEOMETRY.match(after) else after


def told_places(rows: pd.DataFrame, drawn: pd.Series) -> Text:
    """Say how many issues are on the sketch, and how many are not and why."""
    far = int((rows["lon"].notna() & ~drawn).sum())
    none = int(rows["lon"].isna().sum())
    zh, en = f"图上 {int(drawn.sum())} 处；{none} 条没有位置", f"{int(drawn.sum())} places; {none} issues have none"
    if far:
        zh, en = f"{zh}；{far} 处远在区域之外，未画", f"{en}; {far} lie far outside and are not drawn"
    return Text(zh, en)


def summary(rows: pd.DataFrame, palettes: Palettes) -> Text:
    """Return how many issues there are of each severity, in words."""
    counts = rows["severity"].value_counts()
    zh = "、".join(f"{s.title.zh} {counts[w]}" for w, s in palettes.issue_severities.items() if w in counts)
    en = ", ".join(f"{s.title.en} {counts[w]}" for w, s in palettes.issue_severities.items() if w in counts)
    if not len(rows):
        return Text("没有发现问题", "No issue was found")
    return Text(f"共 {len(rows)} 条：{zh}", f"{len(rows)} in all: {en}")


def since_last(comparison: pd.DataFrame | None) -> Text | None:
    """Return what became of the last delivery's issues, in words; None without a comparison.

    Examples
    --------
    >>> since_last(pd.DataFrame({"state": ["mended"] * 9 + ["still_there"] * 3 + ["new"] * 2})).zh
    '上次 12 条：已改 9，仍有 3，新增 2'
    """
    if comparison is None:
        return None
    check_words(comparison, "state", tuple(STATES), "fix list, comparison")
    n = {state: int((comparison["state"] == state).sum()) for state in STATES}
    before = sum(n.values()) - n["new"]
    zh = f"上次 {before} 条：已改 {n['mended']}，仍有 {n['still_there']}，新增 {n['new']}"
    en = f"Last time {before}: {n['mended']} mended, {n['still_there']} still there, {n['new']} new"
    if n["gone"]:
        zh, en = f"{zh}，对象未再报送 {n['gone']}", f"{en}, {n['gone']} gone with their feature"
    if n["not_assessed"]:
        zh, en = f"{zh}，本次无法判断 {n['not_assessed']}", f"{en}, {n['not_assessed']} cannot be judged"
    return Text(zh, en)


def by_type(rows: pd.DataFrame) -> pd.DataFrame:
    """Return one row an issue type: titles, advice, worst severity, count; the worst and most frequent first."""
    rank = {word: at for at, word in enumerate(ISSUE_SEVERITIES)}
    columns = ["issue_type", "issue_title_zh", "issue_title_en", "advice_zh", "advice_en", "severity", "count"]
    found = []
    for kind, group in rows.groupby("issue_type", sort=True):
        first = group.iloc[0]
        found.append(
            [kind, *(first[c] for c in columns[1:5]), min(group["severity"], key=rank.__getitem__), len(group)]
        )
    frame = pd.DataFrame(found, columns=columns)
    order = frame.assign(_rank=frame["severity"].map(rank), _count=-frame["count"])
    return frame.loc[order.sort_values(["_rank", "_count", "issue_type"]).index].reset_index(drop=True)
