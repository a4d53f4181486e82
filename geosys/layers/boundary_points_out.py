"""Write boundary-point files (界址点 TXT) in a chosen dialect."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import shapely

from geosys._errors import SpecError
from geosys.layers.boundary_frame import ZONE_STEP
from geosys.layers.boundary_model import ATTRIBUTES, COUNT, KIND, PLOTS, Block, Entry

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from geosys.layers.boundary_model import BoundaryFile, Dialect

    _Part = tuple[list[tuple[float, float]], bool]

_KINDS = {0: "点", 1: "线", 2: "面"}
_MOST_DECIMALS = 18


def standard_header(zone: int, dialect: Dialect, unit: str, day: str, version: str = "1.01版本") -> tuple[Entry, ...]:
    """Return the header of a CGCS2000 file in a Gauss-Kruger zone.

    Parameters
    ----------
    zone
        The zone, 24 to 45 of 3 degrees or 13 to 23 of 6.
    unit, day
        Who made the file, and the day in ISO form.
    """
    width = "3" if zone >= 24 else "6"  # noqa: PLR2004
    precision = f"{10.0**-dialect.decimals:.{dialect.decimals}f}"
    pairs = {
        "格式版本号": version, "数据产生单位": unit, "数据产生日期": day, "坐标系": "2000国家大地坐标系", "几度分带": width,
        "投影类型": "高斯克吕格", "计量单位": "米", "带号": str(zone), "精度": precision, "转换参数": ",,,,,,",
    }  # fmt: skip
    return tuple(Entry(key, value) for key, value in pairs.items())


def write_boundary_points(file: BoundaryFile, dialect: Dialect) -> bytes:
    """Return the bytes of a file in a dialect.

    Header and texts are written as they stand, points from the geometry with the dialect's decimals; the point count
    is counted anew. The zone's prefix is put before eastings or taken off as the dialect says.

    Raises
    ------
    SpecError
        When the dialect cannot hold the file: a plot without geometry, degrees against metres, no zone for the
        prefix, a separator or line break within a text, a letter the encoding lacks, or a ring lost by rounding.
    """
    _check(file, dialect)
    lines = list(_header(file.header, dialect))
    point_number = ring_number = 1
    for at, block in enumerate(file.blocks):
        point_number = point_number if dialect.points_restart == "file" else 1
        ring_number = ring_number if dialect.rings_restart == "file" else 1
        parts = _parts(block, at)
        if dialect.has_plot_lines:
            lines.append(_plot_line(block, at, parts, dialect))
        shift = _shift(file, block, at, parts, dialect)
        for path, is_ring in parts:
            point_number = 1 if dialect.points_restart == "ring" else point_number
            values = [_point(xy, shift, dialect) for xy in path]
            if is_ring and len(set(values)) < 3:  # noqa: PLR2004
                raise _error(at, f"a ring that {dialect.decimals} decimals collapse", "a ring", "Write more decimals.")
            lines += _point_lines(values, point_number, ring_number, dialect, is_closed=is_ring and dialect.is_closed)
            point_number += len(path)
            ring_number += 1
    text = "".join(line + dialect.newline for line in lines)
    try:
        return text.encode(dialect.encoding)
    except UnicodeEncodeError as error:
        raise SpecError(
            f"boundary points: got the letter {text[error.start]!r}, expected one of {dialect.encoding}. Write GB18030 or UTF-8."
        ) from None


def _error(at: int, got: str, expected: str, do: str) -> SpecError:
    return SpecError(f"boundary points, plot {at + 1}: got {got}, expected {expected}. {do}")


def _check(file: BoundaryFile, dialect: Dialect) -> None:
    """Raise where file and dialect contradict each other as a whole."""
    if dialect.north_first is None or not 0 <= dialect.decimals <= _MOST_DECIMALS:
        raise SpecError(
            f"boundary points: got the order {dialect.north_first} and {dialect.decimals} decimals, "
            f"expected True or False and 0 to {_MOST_DECIMALS}. Name them in the dialect."
        )
    if file.dialect.is_degrees != dialect.is_degrees:
        raise SpecError(
            "boundary points: got degrees for metres or metres for degrees, expected one unit. Convert the geometry first."
        )
    if not dialect.has_plot_lines and len(file.blocks) > 1:
        raise SpecError(
            f"boundary points: got {len(file.blocks)} plots, expected one where plots have no line. Write one file a plot."
        )


def _header(entries: Sequence[Entry], dialect: Dialect) -> Iterator[str]:
    """Yield the header: other sections in their place, the attribute section last, then the mark of the plots."""
    section = ""
    for entry in sorted(entries, key=lambda e: e.section == ATTRIBUTES):
        if entry.section == ATTRIBUTES and not dialect.has_header:
            continue
        if entry.section != section:
            section = entry.section
            yield f"[{section}]"
        if any(c in entry.key + entry.value for c in "\r\n"):
            raise SpecError(f"boundary points, header: got a line break in {entry.key!r}, expected none. Take it out.")
        yield f"{entry.key}={entry.value}"
    if dialect.has_header and section != ATTRIBUTES:
        yield f"[{ATTRIBUTES}]"
    yield f"[{PLOTS}]"


def _plot_line(block: Block, at: int, parts: Sequence[_Part], dialect: Dialect) -> str:
    """Return a plot's line; blank-separated files have commas in it, because empty texts would vanish."""
    mark = dialect.separator if dialect.separator.strip(" ") else ","
    count = sum(len(path) + (is_ring and dialect.counts_closing) for path, is_ring in parts)
    texts = []
    for name in dialect.attributes:
        text = str(count) if name == COUNT else block.values.get(name, "")
        if name == KIND and not text:
            text = _KINDS[int(shapely.get_dimensions(block.geometry))]
        if any(c in text for c in (mark, "\r", "\n")) or text == "@":
            raise _error(at, f"{mark!r}, @ or a line break in {name} {text!r}", "none", "Write '，' in its place.")
        texts.append(text)
    return mark.join([*texts, "@"] if dialect.has_at else texts)


def _parts(block: Block, at: int) -> list[_Part]:
    """Return the paths of a geometry without closing points, and whether each is a ring: shell, its holes, next shell."""
    shape = block.geometry
    if shape is None or shape.is_empty:
        raise _error(at, "no geometry", "one", "Mend the plot first.")
    found: list[_Part] = []
    for part in shapely.get_parts(shape):
        if part.geom_type == "Polygon":
            found += [(_path(ring)[:-1], True) for ring in (part.exterior, *part.interiors)]
        elif part.geom_type == "Point" and found:
            found[0][0].extend(_path(part))
        else:
            found.append((_path(part), False))
    if not all(math.isfinite(v) for path, _ in found for xy in path for v in xy):
        raise _error(at, "a coordinate that is no number", "finite ones", "Mend the geometry first.")
    return found


def _path(shape: shapely.Geometry) -> list[tuple[float, float]]:
    return [(float(x), float(y)) for x, y in shapely.get_coordinates(shape)]


def _shift(file: BoundaryFile, block: Block, at: int, parts: Sequence[_Part], dialect: Dialect) -> float:
    """Return what is added to eastings: the zone's prefix, less the one that is there."""
    if dialect.is_degrees:
        return 0.0
    zone = block.zone or file.zone or 0
    if dialect.has_zone_prefix and not zone:
        raise _error(at, "no zone", "one for the prefix of eastings", "Name the zone.")
    prefix = zone * dialect.has_zone_prefix
    shift = (prefix - (block.zone or 0)) * ZONE_STEP
    wrong = next((x for path, _ in parts for x, _ in path if (x + shift) // ZONE_STEP != prefix), None)
    if wrong is not None:
        raise _error(at, f"the easting {wrong:.3f}", f"one in zone {block.zone or 'none'}", "Name the plot's zone.")
    return shift


def _point(xy: tuple[float, float], shift: float, dialect: Dialect) -> tuple[str, str]:
    """Return a point's two values in the dialect's order."""
    east, north = f"{xy[0] + shift:.{dialect.decimals}f}", f"{xy[1]:.{dialect.decimals}f}"
    return (north, east) if dialect.north_first else (east, north)


def _point_lines(
    values: Sequence[tuple[str, str]], first: int, ring: int, dialect: Dialect, *, is_closed: bool
) -> Iterator[str]:
    """Yield the lines of one ring, its first point again at the end where rings are closed."""
    numbered = [*enumerate(values, first), *([(first, values[0])] if is_closed else [])]
    for n, xy in numbered:
        yield dialect.separator.join([f"{dialect.prefix}{n:0{dialect.pad}d}", str(ring), *xy])
