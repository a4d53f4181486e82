"""A workspace: the folder of one plan with its deliveries, layer versions, cases and outputs."""

from __future__ import annotations

import datetime as dt
import json
import shutil
from dataclasses import dataclass
from glob import escape as glob_escape
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely

from geosys._errors import CrsError, SpecError, WorkspaceError
from geosys._faults import Faults, nearest
from geosys.content import hash_file, read_toml
from geosys.geo.crs import GEOGRAPHIC, area_of_use, check_metric, parse_crs, to_crs
from geosys.layers import delivery as deliveries
from geosys.layers.delivery import Delivery
from geosys.layers.place import Place

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from geosys._text import Text
    from geosys.layers.spec import Catalogue, LayerSpec

PLAN = "geosys.toml"
_TEXTS = ("file", "layer", "table", "crs", "encoding", "x", "y", "sender")


@dataclass(frozen=True, slots=True)
class Workspace:
    """Hold the plan of one folder: title, metric CRS, region in degrees, deliveries, the day to judge by.

    A plan without a region takes the area its CRS is made for.
    """

    root: Path
    title: Text
    crs: str
    region: tuple[float, float, float, float] | None
    mark: Text | None
    as_of: dt.date | None
    deliveries: tuple[Delivery, ...]

    @property
    def store(self) -> Path:
        """Return the folder of layer versions."""
        return self.root / "store"

    @property
    def out(self) -> Path:
        """Return the folder of outputs."""
        return self.root / "out"

    @property
    def place(self) -> Place:
        """Return the plan's CRS and region as intake needs them: the region's border follows its degrees."""
        if self.region is None:
            return Place(self.crs)
        box = shapely.segmentize(shapely.box(*self.region), 0.05)
        region = to_crs(np.array([box], dtype=object), GEOGRAPHIC, self.crs)[0]
        west, south, east, north = self.region
        return Place(self.crs, region, f"{west}–{east}°E, {south}–{north}°N")


def find_workspace(start: Path) -> Path:
    """Return the nearest folder with a plan: `start` or one above it.

    Raises
    ------
    WorkspaceError
        When there is none.
    """
    for folder in (start.resolve(), *start.resolve().parents):
        if (folder / PLAN).is_file():
            return folder
    raise WorkspaceError(
        f"{start}: got no {PLAN} here or above, expected a workspace. Make one with 'geosys init' or name it with --workspace."
    )


def read_workspace(root: Path, catalogue: Catalogue) -> Workspace:
    """Read and validate the plan of a workspace; all faults at once.

    Raises
    ------
    SpecError
        With every fault of the plan: unknown keys and layers, a CRS that is not metric, fields that do not exist.
    """
    table = read_toml(root / PLAN)
    faults = Faults()
    faults.keys(PLAN, table, ("region", "mark", "as_of", "deliveries", "inbox"), ("title", "crs"))
    crs = str(table.get("crs", "EPSG:4547"))
    try:
        check_metric(crs, f"{PLAN} crs")
    except CrsError as error:
        faults.rows.append(str(error))
    inbox = root / str(table.get("inbox", "."))
    entries = [
        _read_delivery(inbox, entry, f"{PLAN} [[deliveries]] {i}", catalogue, faults)
        for i, entry in enumerate(table.get("deliveries", []), 1)
    ]
    if "inbox" in table:
        faults.typed(f"{PLAN} inbox", table["inbox"], str, "a folder")
    as_of = table.get("as_of")
    if as_of is not None and not isinstance(as_of, dt.date):
        faults.add(f"{PLAN} as_of", as_of, "a date as 2026-09-30")
    mark = faults.text(f"{PLAN} mark", table["mark"]) if "mark" in table else None
    title = faults.text(f"{PLAN} title", table.get("title"))
    region = _read_region(table.get("region"), faults)
    faults.raise_if_any(SpecError)
    region = region or area_of_use(crs)
    return Workspace(root, title, crs, region, mark, as_of, tuple(e for e in entries if e is not None))


def _read_region(value: Any, faults: Faults) -> tuple[float, float, float, float] | None:
    if value is None:
        return None
    numbers = isinstance(value, list) and len(value) == 4 and all(isinstance(v, (int, float)) for v in value)  # noqa: PLR2004
    if not numbers or not (-180 <= value[0] < value[2] <= 180 and -90 <= value[1] < value[3] <= 90):  # noqa: PLR2004
        faults.add(f"{PLAN} region", value, "[west, south, east, north] in degrees")
        return None
    west, south, east, north = (float(v) for v in value)
    return west, south, east, north


def _read_delivery(
    inbox: Path, entry: Mapping[str, Any], where: str, catalogue: Catalogue, faults: Faults
) -> Delivery | None:
    before = len(faults.rows)
    faults.keys(where, entry, deliveries.KEYS, deliveries.REQUIRED)
    layer = entry.get("layer")
    if "layer" in entry and layer not in catalogue.layers:
        faults.add(
            f"{where} layer",
            layer,
            "a layer of layers/",
            nearest(layer, catalogue.layers) or f"Known: {', '.join(catalogue.layers)}.",
        )
    for key in _TEXTS:
        if key in entry:
            faults.typed(f"{where} {key}", entry[key], str, "a text")
    for key in ("columns", "values", "set", "units", "rows"):
        if key in entry:
            faults.typed(f"{where} {key}", entry[key], dict, "a table")
    if len(faults.rows) > before:
        return None
    _check_names(entry, where, catalogue.layers[str(layer)], faults)
    settings = {k: entry[k] for k in deliveries.KEYS if k in entry and k not in ("note", "rows")}
    settings["rows"] = {k: v if isinstance(v, list) else [v] for k, v in entry.get("rows", {}).items()}
    settings["note"] = faults.text(f"{where} note", entry["note"]).zh if "note" in entry else ""
    return Delivery(path=inbox / entry["file"], name=entry["file"], layer=str(layer), **settings)


def _check_names(entry: Mapping[str, Any], where: str, spec: LayerSpec, faults: Faults) -> None:
    """Fault names that are no fields of the layer, and a CRS that PROJ does not know."""
    for key in ("columns", "values", "set", "units"):
        named = entry.get(key, {}).values() if key == "columns" else entry.get(key, {})
        for name in named:
            faults.one_of(f"{where} {key}", name, spec.fields, f"a field of layers/{spec.id}.toml")
    if "crs" in entry:
        try:
            parse_crs(entry["crs"])
        except CrsError as error:
            faults.rows.append(f"{where} {error}")


def init_workspace(root: Path, title: str, crs: str, region: tuple[float, float, float, float] | None = None) -> Path:
    """Make a workspace with an empty plan and an inbox; return the plan's path.

    Raises
    ------
    WorkspaceError
        When the folder already has a plan.
    CrsError
        When the CRS is not metric.
    """
    check_metric(crs, "init --crs")
    path = root / PLAN
    if path.exists():
        raise WorkspaceError(
            f"{root}: got a folder that already has a {PLAN}, expected one without. Use it, or name another folder."
        )
    (root / "inbox").mkdir(parents=True, exist_ok=True)
    quoted = _quote(title)
    border = f"region = {list(region)}" if region else "# region = [west, south, east, north] in degrees"
    write_text(
        path,
        f"title = {{ zh = {quoted}, en = {quoted} }}\ncrs = {_quote(crs)}\n{border}\n",
    )
    return path


def add_delivery(root: Path, file: Path, layer: str, table: str | None, catalogue: Catalogue) -> str:
    """Copy a delivered file into the inbox and enter it in the plan; return its name there.

    Raises
    ------
    WorkspaceError
        When the file is absent, or the inbox has another file of its name.
    SpecError
        When the layer is unknown.
    """
    if layer not in catalogue.layers:
        hint = nearest(layer, catalogue.layers) or f"Known: {', '.join(catalogue.layers)}."
        raise SpecError(f"add --layer: got '{layer}', expected a layer of layers/. {hint}")
    if not file.exists():
        raise WorkspaceError(f"{file}: got no file, expected a delivery. Mend the name.")
    name = f"inbox/{file.name}"
    plan = (root / PLAN).read_text(encoding="utf-8")
    parts = (
        [file]
        if file.is_dir() or file.suffix.lower() != ".shp"
        else sorted(file.parent.glob(f"{glob_escape(file.stem)}.*"))
    )
    for part in parts:
        target = root / "inbox" / part.name
        if target.exists() and hash_file(target) != hash_file(part):
            raise WorkspaceError(
                f"{target.name}: got another file of this name in the inbox, expected none. Rename the delivery; nothing was changed."
            )
    for part in parts:
        target = root / "inbox" / part.name
        target.parent.mkdir(exist_ok=True)
        if not target.exists():
            (shutil.copytree if part.is_dir() else shutil.copy2)(part, target)
    entry = f"\n[[deliveries]]\nfile = {_quote(name)}\nlayer = {_quote(layer)}\n" + (
        f"table = {_quote(table)}\n" if table else ""
    )
    if entry.strip() not in plan:
        write_text(root / PLAN, plan.rstrip("\n") + "\n" + entry)
    return name


def write_text(path: Path, text: str) -> None:
    """Write a text file whole or not at all."""
    part = path.with_suffix(".part")
    part.write_text(text, encoding="utf-8", newline="\n")
    part.replace(path)


def _quote(text: str) -> str:
    """Return a TOML basic string."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
