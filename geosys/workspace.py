"""A workspace: the folder of one plan with its deliveries, layer versions, cases and outputs."""

from __future__ import annotations

import codecs
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from geosys._errors import CrsError, SpecError, WorkspaceError
from geosys._faults import Faults, nearest
from geosys.content import parse_toml, read_toml
from geosys.geo.crs import area_of_use, check_metric, datum_that_cannot_be_converted, parse_crs
from geosys.geo.interpretation_names import interpretation_named
from geosys.layers import delivery as deliveries
from geosys.layers.codes import fold
from geosys.layers.delivery import Delivery
from geosys.layers.mappings import Mappings, read_mappings, remembered
from geosys.layers.place import Place, place_of
from geosys.layers.settle import unit_factor
from geosys.maps.basemap import read_basemap
from geosys.rivers.files import NO_FILES, RiverFiles, read_plan_rivers

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Mapping
    from pathlib import Path

    from geosys._text import Text
    from geosys.layers.spec import Catalogue, LayerSpec
    from geosys.maps.basemap import Basemap

PLAN = "geosys.toml"
LEDGER = "cases.sqlite"
MAPPINGS = "mappings"  # below the workspace: how each sender names his columns
_PLAN_KINDS = {
    "crs": "a text", "overlay": "a text", "inbox": "a text", "as_of": "a date as 2026-09-30", "deliveries": "a list of tables",
    "rivers": "a table", "rasters": "a table of texts", "database": "a table of texts", "basemap": "a table",
    "permissions": "a list of tables", "publication": "a table",
}  # fmt: skip
_ENTRY_KINDS = {
    **dict.fromkeys(("file", "layer", "table", "crs", "encoding", "x", "y", "sender", "read_as"), "a text"),
    "columns": "a table of texts", "values": "a table of tables", "set": "a table of values", "units": "a table of texts",
    "rows": "a table of values or lists",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Workspace:
    """Hold the plan of one folder: title, metric CRS, region in degrees, deliveries, the day to judge by.

    A plan without a region takes the area its CRS is made for. `overlay` names the land layer that a run lays all other
    polygon layers over. `rasters` maps the names that layer specs use to files. `rivers` names the files beside the plan
    that settle what is doubtful about rivers. `basemap` is a tile service that the map may ask, where the user named one.
    """

    root: Path
    title: Text
    crs: str
    region: tuple[float, float, float, float] | None
    mark: Text | None
    as_of: dt.date | None
    deliveries: tuple[Delivery, ...]
    overlay: str | None = None
    rivers: RiverFiles = NO_FILES
    rasters: Mapping[str, str] = field(default_factory=dict)
    database: str = ""
    basemap: Basemap | None = None

    @property
    def store(self) -> Path:
        """Return the folder of layer versions."""
        return self.root / "store"

    @property
    def out(self) -> Path:
        """Return the folder of outputs."""
        return self.root / "out"

    @property
    def ledger(self) -> Path | str:
        """Return where the ledger of cases is: the URL of the plan's table ``[database]``, or the SQLite file of the folder."""
        return self.database or self.root / LEDGER

    @property
    def place(self) -> Place:
        """Return the plan's CRS and region as intake needs them: the region's border follows its degrees."""
        return place_of(self.crs, self.region, self.as_of)


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


def read_workspace(root: Path, catalogue: Catalogue, text: str | None = None) -> Workspace:
    """Read and validate the plan of a workspace; all faults at once.

    Raises
    ------
    SpecError
        With every fault of the plan: unknown keys and layers, a CRS that is not metric, fields that do not exist.
    """
    table = read_toml(root / PLAN) if text is None else parse_toml(text, PLAN)
    faults = Faults()
    optional = (
        "region",
        "mark",
        "as_of",
        "deliveries",
        "inbox",
        "overlay",
        "rivers",
        "rasters",
        "database",
        "basemap",
        "permissions",
        "publication",
    )
    faults.keys(PLAN, table, optional, ("title", "crs"))
    table = faults.sound(PLAN, table, _PLAN_KINDS)
    crs = str(table.get("crs", "EPSG:4547"))
    _check_plan_crs(crs, faults)
    inbox = root / table.get("inbox", ".")
    memory = read_mappings(root / MAPPINGS)
    entries = [
        _read_delivery(inbox, memory, entry, f"{PLAN} [[deliveries]] {i}", catalogue, faults)
        for i, entry in enumerate(table.get("deliveries", []), 1)
    ]
    mark = faults.text(f"{PLAN} mark", table["mark"]) if "mark" in table else None
    title = faults.text(f"{PLAN} title", table.get("title"))
    region = _read_region(table.get("region"), faults)
    overlay = table.get("overlay")
    areal = [name for name, spec in catalogue.layers.items() if spec.geometry == "polygon"]
    if overlay is not None:
        faults.one_of(f"{PLAN} overlay", overlay, areal, "a polygon layer of layers/")
    url = _read_database(table.get("database", {}), faults)
    basemap = read_basemap(f"{PLAN} [basemap]", table.get("basemap", {}), faults)
    rivers = read_plan_rivers(root, table.get("rivers", {}), f"{PLAN} [rivers]", faults)
    faults.raise_if_any(SpecError)
    region, taken = region or area_of_use(crs), tuple(e for e in entries if e is not None)
    return Workspace(
        root,
        title,
        crs,
        region,
        mark,
        table.get("as_of"),
        taken,
        overlay,
        rivers,
        table.get("rasters", {}),
        url,
        basemap,
    )


def _read_database(table: Any, faults: Faults) -> str:
    """Return the URL of an office's database, empty for the file in the folder."""
    where = f"{PLAN} [database]"
    faults.keys(where, table, (), ("url",) if table else ())
    url = str(table.get("url", ""))
    if url and not url.startswith("postgresql://"):
        do = "Leave the table out for a ledger in the folder. The password stands in the user's .pgpass, not here."
        faults.add(f"{where} url", url, "postgresql://USER@HOST/DATABASE", do)
    return url


def _check_plan_crs(crs: str, faults: Faults) -> None:
    try:
        check_metric(crs, f"{PLAN} crs")
        datum = datum_that_cannot_be_converted(parse_crs(crs))
    except CrsError as error:
        faults.rows.append(str(error) if str(error).startswith(PLAN) else f"{PLAN} crs: {error}".replace(": CRS:", ":"))
        return
    if datum:
        faults.add(
            f"{PLAN} crs", crs, f"a CGCS2000 zone, not {datum}", "Name the county's zone, as 'EPSG:4547' for 114° E."
        )


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
    inbox: Path, memory: Mappings, entry: Mapping[str, Any], where: str, catalogue: Catalogue, faults: Faults
) -> Delivery | None:
    before = len(faults.rows)
    faults.keys(where, entry, deliveries.KEYS, deliveries.REQUIRED)
    entry = faults.sound(where, entry, _ENTRY_KINDS)
    layer = entry.get("layer")
    if layer is not None and layer not in catalogue.layers:
        hint = nearest(layer, catalogue.layers) or f"Known: {', '.join(catalogue.layers)}."
        faults.add(f"{where} layer", layer, "a layer of layers/", hint)
    if "encoding" in entry and not _is_encoding(entry["encoding"]):
        faults.add(f"{where} encoding", entry["encoding"], "a known encoding", "Write 'gb18030' or 'utf-8'.")
    note = faults.text(f"{where} note", entry.get("note")).zh
    if len(faults.rows) > before or layer is None:
        return None
    _check_names(entry, where, catalogue.layers[layer], faults)
    _check_codes(entry, where, catalogue, faults)
    settings = {k: entry[k] for k in deliveries.KEYS if k in entry and k not in ("note", "rows")}
    rows = {k: v if isinstance(v, list) else [v] for k, v in entry.get("rows", {}).items()}
    known = remembered(memory, entry.get("sender", ""), layer)
    path = inbox / entry["file"]
    return Delivery(path=path, name=entry["file"], layer=layer, note=note, rows=rows, remembered=known, **settings)


def _is_encoding(name: str) -> bool:
    try:
        codecs.lookup(name)
    except LookupError:
        return False
    return True


def _check_names(entry: Mapping[str, Any], where: str, spec: LayerSpec, faults: Faults) -> None:
    """Fault names that are no fields of the layer, units that cannot be converted, and a CRS that PROJ does not know."""
    for key in ("columns", "values", "set", "units"):
        named = entry.get(key, {}).values() if key == "columns" else entry.get(key, {})
        for name in named:
            faults.one_of(f"{where} {key}", name, spec.fields, f"a field of layers/{spec.id}.toml")
    for name, unit in entry.get("units", {}).items():
        field = spec.fields.get(name)
        if field is not None and unit_factor(unit, field.unit) is None:
            faults.add(f"{where} units {name}", unit, f"a unit that can be turned into {field.unit}")
    if "read_as" in entry:
        try:
            interpretation_named(entry["read_as"])
        except CrsError as error:
            faults.rows.append(f"{where} read_as: {error}")
    if "crs" in entry:
        try:
            parse_crs(entry["crs"])
        except CrsError as error:
            faults.rows.append(f"{where} {error}")


def _check_codes(entry: Mapping[str, Any], where: str, catalogue: Catalogue, faults: Faults) -> None:
    """Fault a constant or translated value that is none of the field's codes (an empty one means empty)."""
    spec = catalogue.layers[entry["layer"]]
    stated = [(f"set {name}", name, value) for name, value in entry.get("set", {}).items()]
    stated += [
        (f"values {name}", name, value) for name, words in entry.get("values", {}).items() for value in words.values()
    ]
    for key, name, value in stated:
        field = spec.fields.get(name)
        if field is not None and field.codes and value != "":
            codes = catalogue.codes[field.codes]
            if fold(str(value)) not in codes.spellings:
                hint = nearest(value, codes.titles) or f"Known: {', '.join(list(codes.titles)[:20])}."
                faults.add(f"{where} {key}", value, f"a code of layers/codes/{field.codes}.csv", hint)


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
    quoted = quote(title)
    border = f"region = {list(region)}" if region else "# region = [west, south, east, north] in degrees"
    write_text(
        path,
        f"title = {{ zh = {quoted}, en = {quoted} }}\ncrs = {quote(crs)}\n{border}\n",
    )
    return path


def read_text(path: Path) -> str:
    """Read a text file with its line ends as they are, so that it can be written back byte for byte."""
    return path.read_bytes().decode("utf-8")


def write_text(path: Path, text: str) -> None:
    """Write a text file whole or not at all."""
    part = path.with_suffix(".part")
    part.write_text(text, encoding="utf-8", newline="\n")
    part.replace(path)


def quote(text: str) -> str:
    """Return a TOML basic string."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
