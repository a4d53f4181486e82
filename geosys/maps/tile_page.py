"""Build the map page for large layers: vector tiles, cards and scripts in one HTML file, or tiles in a folder beside it."""

from __future__ import annotations

import base64
import html
import tempfile
from collections import Counter
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely

from geosys._faults import Faults
from geosys.maps.page import to_json
from geosys.maps.spec import LayerView, check_disclosure, looks_of
from geosys.maps.tiles import (
    CLASS,
    ROWS_PER_BLOCK,
    TOP_ZOOM,
    TileSet,
    card_blocks,
    label_points,
    lowest_zoom,
    tile_sets,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Sequence

    import geopandas as gpd

    from geosys._text import Text
    from geosys.maps.frames import MapLayer, Meta
    from geosys.maps.spec import MapSpec

    WriteTiles = Callable[[Path, str, gpd.GeoDataFrame, tuple[int, int], int, float], None]
    Progress = Callable[[str, int, int], None]

CRS = "EPSG:4490"
PIECE_BYTES = 3 * 2**20  # base64 of a piece must end without padding, or it could not be cut elsewhere
_OTHER = "_other"
_SCRIPTS = ("archives.js", "signs.js", "layers.js", "panels.js", "start.js")
_VENDORED = (("maplibre-gl-5.24.1", "maplibre-gl.js"), ("pmtiles-4.5.0", "pmtiles.js"))
# The browser itself keeps the page from fetching anything; maplibre's worker is a blob of the page's own script.
_POLICY = (
    "default-src 'none'; script-src 'unsafe-inline'{beside}; style-src 'unsafe-inline'; img-src data: blob:; "
    "worker-src blob:; base-uri 'none'"
)


@dataclass(frozen=True, slots=True)
class TilePage:
    """Hold what was written: the page, the folder beside it (or None), their bytes together, and features drawn."""

    path: Path
    folder: Path | None
    size: int
    features: int


@dataclass(frozen=True, slots=True)
class _Part:
    """Hold one layer of the page: its view, its tiles with the number of their archive, and that of its cards.

    The blocks of cards end at `ends`, in bytes from the beginning.
    """

    layer: MapLayer
    view: LayerView
    columns: list[str]
    sets: list[tuple[int, TileSet]]
    cards: int
    ends: tuple[int, ...]


def write_tile_page(
    path: Path,
    spec: MapSpec,
    layers: Sequence[MapLayer],
    meta: Meta,
    write_tiles: WriteTiles,
    *,
    shown: Collection[str] = (),
    beside: bool = False,
    progress: Progress | None = None,
) -> TilePage:
    """Write the map of large layers, whole or not at all; an older one of that name is replaced.

    Parameters
    ----------
    layers : in EPSG:4490; drawn in the order of the spec, those it does not name last.
    write_tiles : writes a frame as PMTiles: path, name of the layer inside, frame, first and last zoom, extent, slack.
    shown : ids of layers switched on besides those that the spec switches on.
    beside : put tiles and cards into the folder ``<stem>.tiles`` beside the page, loaded piece by piece when needed.

    Raises
    ------
    SpecError
        When a layer has another CRS, or no layer has a feature.
    DisclosureError
        When a layer, a column of its card or the column of its classes is for a narrower audience than the map.
    """
    placed = _place(spec, layers)
    columns = {
        layer.id: [c for c in (view.columns or tuple(layer.columns)) if c in layer.columns] for view, layer in placed
    }
    _check(spec, placed, columns)
    bounds = _bounds(spec, layers)
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=f".{path.stem}.") as scratch:
        archives = _Archives(Path(scratch), progress, sum(1 for layer in layers if len(layer.frame)))
        parts = [
            _add(spec, view, layer, columns[layer.id], lowest_zoom(bounds), archives, write_tiles)
            for view, layer in placed
        ]
        folder = path.with_name(f"{path.stem}.tiles")
        data = _data(spec, meta, bounds, parts, archives.sizes, set(shown)) | {"beside": folder.name if beside else ""}
        page = Path(scratch) / "page.html"
        with page.open("w", encoding="utf-8", newline="\n") as out:
            out.writelines(_head(f"{meta.title.zh} {spec.title.zh}", beside=beside))
            out.write(f'<script type="application/json" id="gt-data">{to_json(data)}</script>\n')
            if not beside:
                out.writelines(_inside(name, text) for name, text in archives.pieces())
            out.writelines(_scripts())
        if beside:
            _write_pieces(Path(scratch) / "tiles", archives)
        return _swap(path, page, folder, Path(scratch), sum(len(p.layer.frame) for p in parts), beside=beside)


class _Archives:
    """Number archives of bytes, kept as files until the page takes them piece by piece."""

    def __init__(self, folder: Path, progress: Progress | None, total: int) -> None:
        self.folder, self.sizes, self._progress, self._total, self._done = folder, list[int](), progress, total, 0

    def next_path(self) -> Path:
        return self.folder / f"{len(self.sizes)}.pmtiles"

    def take(self) -> int:
        """Count the file just written at `next_path`; return its number."""
        self.sizes.append(self.next_path().stat().st_size)
        return len(self.sizes) - 1

    def finish_layer(self) -> None:
        self._done += 1
        if self._progress is not None:
            self._progress("tiles", self._done, self._total)

    def pieces(self) -> Iterator[tuple[str, str]]:
        """Yield name and base64 of every piece of every archive."""
        for number in range(len(self.sizes)):
            with (self.folder / f"{number}.pmtiles").open("rb") as file:
                for place, data in enumerate(iter(lambda file=file: file.read(PIECE_BYTES), b"")):  # type: ignore[misc]
                    yield f"{number}-{place}", base64.b64encode(data).decode("ascii")


def _add(
    spec: MapSpec,
    view: LayerView,
    layer: MapLayer,
    columns: list[str],
    lowest: int,
    archives: _Archives,
    write_tiles: WriteTiles,
) -> _Part:
    """Write the tiles and cards of a layer."""
    style = spec.palettes.style(layer.id)
    sets = []
    for tiles in tile_sets(layer, style, list(spec.palettes.classes.get(style.classes, {})), lowest):
        write_tiles(archives.next_path(), tiles.name, tiles.frame, tiles.zooms, tiles.extent, tiles.slack)
        sets.append((archives.take(), tiles))
    ends = []
    with archives.next_path().open("wb") as file:
        for block in card_blocks(layer, columns):
            file.write(block)
            ends.append(file.tell())
    if len(layer.frame):
        archives.finish_layer()
    return _Part(layer, view, columns, sets, archives.take(), tuple(ends))


def _data(
    spec: MapSpec, meta: Meta, bounds: tuple[float, ...], parts: Sequence[_Part], sizes: list[int], shown: set[str]
) -> dict[str, Any]:
    """Return what the page's scripts read."""
    return {
        "title": _pair(spec.title), "place": _pair(meta.title), "mark": _pair(meta.mark) if meta.mark else None,
        "notice": _pair(spec.notice), "approval": _pair(spec.approval), "disclaimer": _pair(spec.disclaimer),
        "asOf": meta.as_of.isoformat(), "program": meta.program, "bounds": list(bounds), "lowest": lowest_zoom(bounds),  # type: ignore[arg-type]
        "topZoom": TOP_ZOOM, "maxZoom": spec.max_zoom, "pieceBytes": PIECE_BYTES, "archives": sizes,
        "groups": [[name, _pair(title)] for name, title in spec.groups.items()] + [[_OTHER, ["其他", "Other"]]],
        "layers": [_layer(spec, part, is_on=part.view.visible or part.layer.id in shown) for part in parts],
    }  # fmt: skip


def _layer(spec: MapSpec, part: _Part, *, is_on: bool) -> dict[str, Any]:
    """Return one layer as the page's scripts read it."""
    layer, style = part.layer, spec.palettes.style(part.layer.id)
    swatches = spec.palettes.classes.get(style.classes, {})
    finest = part.sets[-1][1].frame if part.sets else None
    counts = Counter(finest[CLASS].tolist()) if finest is not None and swatches else Counter()
    drawn = 0 if finest is None else len(finest)
    return {
        "id": layer.id, "title": _pair(layer.title), "group": part.view.group, "kind": layer.geometry, "isOn": is_on,
        "labelZoom": part.view.label_zoom, "labels": label_points(layer) if part.view.label_zoom is not None else [],
        "style": looks_of(style, layer.geometry, classed=bool(swatches)),
        "classes": [
            {"title": _pair(s.title), "colour": s.colour, "hatch": s.hatch, "shape": s.shape} for s in swatches.values()
        ],
        "classCounts": sorted(counts.items(), key=lambda row: (row[0] < 0, row[0])),
        "rows": len(layer.frame), "withoutPlace": len(layer.frame) - drawn, "isLarge": len(part.sets) > 1,
        "sets": [{"archive": number, "name": tiles.name, "zooms": tiles.zooms} for number, tiles in part.sets],
        "cards": {
            "archive": part.cards, "ends": part.ends, "rows": ROWS_PER_BLOCK,
            "columns": [
                {
                    "title": _pair(layer.columns[name]), "unit": layer.units.get(name, ""),
                    "codes": {code: _pair(title) for code, title in layer.codes.get(name, {}).items()},
                }
                for name in part.columns
            ],
        },
        "version": layer.version, "delivered": layer.delivered,
    }  # fmt: skip


def _place(spec: MapSpec, layers: Sequence[MapLayer]) -> list[tuple[LayerView, MapLayer]]:
    """Return each layer with its view, the lowest first; layers that the spec does not name come last."""
    order = {view.layer: place for place, view in enumerate(spec.views)}
    placed = sorted(layers, key=lambda layer: (order.get(layer.id, len(order)), layer.id))
    return [(spec.view(layer.id) or LayerView(layer.id, _OTHER), layer) for layer in placed]


def _check(spec: MapSpec, placed: Sequence[tuple[LayerView, MapLayer]], columns: dict[str, list[str]]) -> None:
    """Raise when a layer is in another CRS, nothing can be drawn, or something may not be seen by the map's audience."""
    faults = Faults()
    for _, layer in placed:
        if len(layer.frame) and layer.frame.crs != CRS:
            faults.add(f"map, layer {layer.id}", str(layer.frame.crs), CRS, f"Convert it with to_crs('{CRS}') first.")
    if not any((layer.frame.geometry.notna() & ~layer.frame.geometry.is_empty).any() for _, layer in placed):
        faults.add("map", "no feature with a position", "at least one", "Name a layer that holds features.")
    faults.raise_if_any()
    told = {layer.id: [*columns[layer.id], spec.palettes.style(layer.id).by] for _, layer in placed}
    check_disclosure(spec, [layer for _, layer in placed], told)


def _bounds(spec: MapSpec, layers: Sequence[MapLayer]) -> tuple[float, float, float, float]:
    """Return west, south, east, north of what the map shows first."""
    filled = [layer for layer in layers if np.isfinite(layer.frame.total_bounds).all()]
    first = [layer for layer in filled if layer.id == spec.frame_on] or filled
    west, south, east, north = shapely.total_bounds([shapely.box(*layer.frame.total_bounds) for layer in first])
    return float(west), float(south), float(east), float(north)


def _head(title: str, *, beside: bool) -> Iterator[str]:
    """Yield the page down to its frame."""
    policy = _POLICY.format(beside=" 'self'" if beside else "")
    yield f'<!DOCTYPE html>\n<html lang="zh-CN">\n<head>\n<meta charset="utf-8">\n<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
    yield f'<meta name="viewport" content="width=device-width, initial-scale=1">\n<title>{html.escape(title)}</title>\n'
    yield f"<style>\n{_text('vendor/maplibre-gl-5.24.1/maplibre-gl.css')}\n{_text('tile_map/map.css')}</style>\n</head>\n<body>\n"
    yield _text("tile_map/frame.html")


def _scripts() -> Iterator[str]:
    """Yield the scripts and the end of the page."""
    for folder, name in _VENDORED:
        licence = _text(f"vendor/{folder}/LICENSE").replace("*/", "* /")
        yield f"<script>\n/*\n{licence}*/\n{_safe(_text(f'vendor/{folder}/{name}'))}\n</script>\n"
    own = "\n".join(_safe(_text(f"tile_map/{name}")) for name in _SCRIPTS)
    yield f"<script>\n{own}\nGeoTiles.start();\n</script>\n</body>\n</html>\n"


def _inside(name: str, text: str) -> str:
    """Return a piece as an element that the browser keeps and does not run."""
    return f'<script type="application/octet-stream" id="gt-data-{name}">{text}</script>\n'


def _write_pieces(folder: Path, archives: _Archives) -> None:
    """Write each piece as a script of its own: a page opened from a folder may load scripts and nothing else."""
    folder.mkdir()
    for name, text in archives.pieces():
        (folder / f"{name}.js").write_text(f'GeoTiles.take("{name}","{text}");\n', encoding="ascii", newline="\n")


def _swap(path: Path, page: Path, folder: Path, scratch: Path, features: int, *, beside: bool) -> TilePage:
    """Put page and folder in the place of older ones."""
    if folder.exists():
        folder.replace(scratch / "old")
    if beside:
        (scratch / "tiles").replace(folder)
    page.replace(path)
    size = path.stat().st_size + sum(f.stat().st_size for f in folder.glob("*.js"))
    return TilePage(path, folder if beside else None, size, features)


def _safe(text: str) -> str:
    """Return JavaScript in which no string can end the script element."""
    return text.replace("</script", "<\\/script").replace("<!--", "<\\!--")


def _text(name: str) -> str:
    return files("geosys.maps").joinpath(*name.split("/")).read_text(encoding="utf-8")


def _pair(text: Text) -> list[str]:
    return [text.zh, text.en]
