"""Read boundary-point files (界址点 TXT, ``[属性描述]`` / ``[地块坐标]``) in the dialects that senders use."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import shapely

from geosys._errors import DeliveryError
from geosys.layers.boundary_checks import check_areas, check_rings, stated_count
from geosys.layers.boundary_frame import LATITUDE_FIRST, LONGITUDE_FIRST, NORTH_FIRST, READINGS, settle_frame
from geosys.layers.boundary_lines import decode, read_lines
from geosys.layers.boundary_model import AREA, ATTRIBUTES, Block, BoundaryFile, Dialect
from geosys.layers.boundary_rings import (
    MOST_RINGS_BEYOND,
    geometry_of,
    number_of,
    prefix_of,
    rings_of,
)
from geosys.layers.dbf import check_known
from geosys.layers.reading import Reading

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from geosys.layers.boundary_frame import Frame
    from geosys.layers.boundary_lines import RawBlock, RawFile
    from geosys.layers.boundary_rings import Ring


def read_boundary_points(data: bytes, name: str, north_first: bool | None = None) -> BoundaryFile:
    """Read a boundary-point file from its bytes.

    Nothing is left out in silence: every plot is returned, with a fault and without geometry where a line of it
    could not be read, and the CRS is None wherever header and numbers leave a doubt.

    Parameters
    ----------
    data
        The file's bytes: UTF-8 or GB18030.
    name
        The file's name, for messages only.
    north_first
        Whether the first value of a point is north (the surveyors' X); None to judge by the numbers.

    Raises
    ------
    DeliveryError
        When the bytes are no text, too many, or hold neither header nor point.

    Examples
    --------
    >>> text = '''[属性描述]
    ... 坐标系=2000国家大地坐标系
    ... 几度分带=3
    ... 带号=38
    ... [地块坐标]
    ... 4,1,1,甲地块,面,,,,@
    ... J1,1,3850100,38500000
    ... J2,1,3850100,38500100
    ... J3,1,3850000,38500100
    ... J4,1,3850000,38500000
    ... '''
    >>> file = read_boundary_points(text.encode("gb18030"), "甲.txt")
    >>> file.crs, file.blocks[0].geometry.area, file.dialect.is_closed, file.faults
    ('EPSG:4526', 10000.0, False, ())
    """
    text, encoding = decode(data, name)
    raw = read_lines(text, name)
    if not raw.blocks and not raw.entries:
        raise DeliveryError(
            f"{name}: got neither header entries nor plots, expected [属性描述] and [地块坐标]. Ask for the boundary-point TXT."
        )
    frame = settle_frame(raw, north_first)
    is_degrees = frame.reading in (LATITUDE_FIRST, LONGITUDE_FIRST)
    rings = [rings_of(b, i, raw.log, is_degrees=is_degrees) for i, b in enumerate(raw.blocks)]
    shapes = _shapes(raw, rings, frame)
    dialect = _dialect(raw, rings, frame, text, encoding)
    check_rings(raw, rings, shapes, dialect)
    units = check_areas(raw, shapes, frame.candidates[0] if frame.candidates else None, is_degrees=is_degrees)
    blocks = tuple(
        Block(b.values, shape, tuple(b.points), b.line, int(zone) or None, unit)
        for b, shape, zone, unit in zip(raw.blocks, shapes, frame.zones, units, strict=True)
    )
    faults = raw.log.closed()
    return BoundaryFile(
        tuple(raw.entries), blocks, dialect, faults, frame.crs, frame.candidates, frame.zone,
        _evidence(dialect, frame, raw, len(faults)), name,
    )  # fmt: skip


def _shapes(raw: RawFile, rings: Sequence[Sequence[Ring]], frame: Frame) -> NDArray[np.object_]:
    """Return one geometry a plot, None where a fault leaves it unsettled."""
    shapes = np.full(len(raw.blocks), None, dtype=object)
    beyond = 0
    for i, (block, parts) in enumerate(zip(raw.blocks, rings, strict=True)):
        if not block.points:
            raw.log.add("no_points", block.line, "no point", "at least 3", i)
            continue
        beyond += len(parts) - 1
        if beyond > MOST_RINGS_BEYOND:
            raw.log.add("too_many_rings", block.line, f"{beyond} in the file", f"at most {MOST_RINGS_BEYOND}", i)
            continue
        if frame.readings[i]:
            is_north = int(frame.readings[i]) in (NORTH_FIRST, LATITUDE_FIRST)
            shapes[i] = geometry_of(parts, block, i, raw.log, north_first=is_north)
    for at in np.flatnonzero(~shapely.is_missing(shapes) & ~shapely.is_valid(shapes)):
        i = int(at)
        raw.log.add(
            "invalid_geometry", raw.blocks[i].line, shapely.is_valid_reason(shapes[i]), "a valid geometry", int(i)
        )
    return shapes


def _dialect(raw: RawFile, rings: Sequence[Sequence[Ring]], frame: Frame, text: str, encoding: str) -> Dialect:
    """Return how most of the file is spelled."""
    labels = Counter(prefix_of(p.number) for b in raw.blocks for p in b.points)
    prefixes = Counter({label: 0 for label, _ in labels})
    for (label, _), count in labels.items():
        prefixes[label] += count
    closed = [r.is_closed for parts in rings for r in parts]
    reading = frame.reading
    return Dialect(
        prefix=max(prefixes, key=lambda label: prefixes[label], default=""),
        pad=max((pad for _, pad in labels), default=0),
        attributes=raw.names,
        has_at=raw.seen["at"] >= raw.seen["no at"],
        has_plot_lines=not raw.seen["no plot line"] or len(raw.blocks) > 1,
        has_header=ATTRIBUTES in raw.sections,
        north_first=reading in (NORTH_FIRST, LATITUDE_FIRST) if reading else None,
        is_degrees=reading in (LATITUDE_FIRST, LONGITUDE_FIRST),
        has_zone_prefix=bool(np.any(frame.zones > 0)),
        decimals=raw.decimals,
        is_closed=2 * sum(closed) > len(closed),
        counts_closing=_counts_closing(raw.blocks, rings),
        points_restart=_points_restart(rings),
        rings_restart=_rings_restart(rings),
        separator=max(raw.marks, key=lambda m: raw.marks[m]) or "," if raw.marks else ",",
        newline="\r\n" if "\r\n" in text else "\n",
        encoding=encoding,
    )


def _counts_closing(blocks: Sequence[RawBlock], rings: Sequence[Sequence[Ring]]) -> bool:
    """Say whether more stated counts hold the closing points than do not."""
    with_closing = without = 0
    for block, parts in zip(blocks, rings, strict=True):
        bare = sum(len(r.points) for r in parts)
        stated = stated_count(block)
        with_closing += stated == bare + len(parts)
        without += stated == bare
    if with_closing == without:
        return any(r.is_closed for parts in rings for r in parts)
    return with_closing > without


def _points_restart(rings: Sequence[Sequence[Ring]]) -> str:
    """Return where point numbers begin again: with each ring, plot or file."""
    for parts in rings:
        if len(parts) > 1:
            firsts = [number_of(r.points[0].number) for r in parts[:2]]
            if firsts[0] == firsts[1]:
                return "ring"
    starts = [number_of(parts[0].points[0].number) for parts in rings if parts]
    return "file" if len(starts) > 1 and starts[1] is not None and starts[1] != starts[0] else "plot"


def _rings_restart(rings: Sequence[Sequence[Ring]]) -> str:
    """Return ``file`` where the rings of each plot are numbered on from those of the plot before."""
    pairs = [(a[-1].points[0].ring, b[0].points[0].ring) for a, b in pairwise([p for p in rings if p])]
    return "file" if pairs and all(after == before + 1 for before, after in pairs) else "plot"


def _evidence(dialect: Dialect, frame: Frame, raw: RawFile, faults: int) -> str:
    """Return in words how encoding, order and CRS were settled."""
    points = sum(len(b.points) for b in raw.blocks)
    order = READINGS.get(frame.reading, "order unsettled")
    place = frame.crs or f"no CRS; candidates {', '.join(frame.candidates) or 'none'}"
    comments = f", {raw.seen['comment']} comments" if raw.seen["comment"] else ""
    return (
        f"{dialect.encoding}: the whole file decodes; {len(raw.blocks)} plots, {points} points{comments}; {order}; "
        f"zone {frame.zone or 'none'}{', prefixed' if dialect.has_zone_prefix else ''}; {place}; {faults} faults"
    )


def read_boundary_table(
    path: Path, _table: str | None = None, encoding: str | None = None, _words: Sequence[str] = ()
) -> Reading:
    """Read a boundary-point file as a table: one row a plot, columns by the names of the plot line.

    Raises
    ------
    DeliveryError
        As `read_boundary_points`, and when the file cannot be opened.
    """
    return table_of(open_boundary_points(path, encoding), path.stem)


def open_boundary_points(path: Path, encoding: str | None = None) -> BoundaryFile:
    """Return the boundary points of a file, its text in the encoding that is stated or by its bytes.

    Raises
    ------
    DeliveryError
        As `read_boundary_points`, and when the bytes are not of the stated encoding.
    """
    data = path.read_bytes()
    if encoding is not None:
        check_known(encoding, path.name)
        try:
            data = data.decode(encoding).encode("utf-8")
        except UnicodeError:
            raise DeliveryError(
                f"{path.name}: got bytes that are not {encoding}, expected that encoding. Leave 'encoding' out."
            ) from None
    return read_boundary_points(data, path.name)


def table_of(file: BoundaryFile, name: str) -> Reading:
    """Return a boundary-point file's plots as a table; degrees and prefixed eastings stay as they are."""
    names = dict.fromkeys(key for b in file.blocks for key in b.values)
    columns = {
        key: np.array([b.values.get(key) or None for b in file.blocks] + [None], dtype=object)[:-1] for key in names
    }
    units = {b.area_unit for b in file.blocks} - {""}
    area = (
        f"{AREA}（{units.pop() if len(units) == 1 else '公顷'}）"  # the stated unit, hectares where the file names none
    )
    columns = {area if key == AREA else key: values for key, values in columns.items()}
    geometry = np.full(len(file.blocks), None, dtype=object)
    geometry[:] = [b.geometry for b in file.blocks]
    faults = sorted({f"{f.what} (line {f.line})" for f in file.faults if f.severity == "error"})[:20]
    evidence = file.evidence + (f": {', '.join(faults)}" if faults else "")
    return Reading(name, columns, geometry, file.crs, lines=tuple(b.line for b in file.blocks), evidence=evidence)
