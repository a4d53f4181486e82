"""Read ``maps/public.toml``: which layers and columns the public twin shows, and how coarsely."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from geosys._faults import Faults
from geosys.content import read_toml, short_name
from geosys.maps.frames import FOUND
from geosys.permissions import AUDIENCES, reaches
from geosys.twins.counts import LEAST

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from geosys._text import Text
    from geosys.layers.spec import Catalogue, LayerSpec
    from geosys.maps.spec import MapSpec

FILE = "public.toml"
AS_IS, GENERALISE, GRID, AREA = "as_is", "generalise", "grid", "area"
GEOMETRIES = {AS_IS: "", GENERALISE: "tolerance_m", GRID: "cell_m", AREA: "of"}
COUNTED = (GRID, AREA)
DATES = ("day", "month", "year")
MOST_DIGITS = 15
_TEXTS = ("title", "notice", "approval", "disclaimer")
_KINDS = {
    "layer": "a text", "geometry": "a text", "audience": "a text", "of": "a text", "dates": "a text", "visible": "true or false",
    "tolerance_m": "a number", "cell_m": "a number", "columns": "a list of texts", "as_written": "a list of texts", "digits": "a table",
}  # fmt: skip
_COLOUR = re.compile(r"#[0-9A-Fa-f]{6}")


@dataclass(frozen=True, slots=True)
class Release:
    """Hold how one layer goes out.

    Parameters
    ----------
    audience : the widest audience it goes out to.
    geometry : ``as_is``, ``generalise`` (to `tolerance_m`), ``grid`` (counts in cells of `cell_m`) or ``area`` (counts in
        the polygons of the layer `of`); metres on the ground.
    columns : of the card; none where the layer is counted.
    digits : significant digits of each number shown.
    dates : what is left of a date: ``day``, ``month`` or ``year``.
    as_written : text columns without a code list that go out as they are written.
    """

    layer: str
    audience: str
    geometry: str
    tolerance_m: float = 0.0
    cell_m: float = 0.0
    of: str = ""
    columns: tuple[str, ...] = ()
    digits: Mapping[str, int] = field(default_factory=dict)
    dates: str = ""
    as_written: tuple[str, ...] = ()
    is_visible: bool = True

    @property
    def is_counted(self) -> bool:
        """Say whether features are shown as counts only."""
        return self.geometry in COUNTED


@dataclass(frozen=True, slots=True)
class FindingCounts:
    """Hold how findings go out: as counts of some outcomes in the polygons of one layer."""

    title: Text
    audience: str
    of: str
    group: str
    outcomes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class CountLooks:
    """Hold the colours of counts: of none, of small and hidden ones, and of the classes that `breaks` part."""

    zero: str
    small: str
    hidden: str
    breaks: tuple[int, ...]
    colours: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class TwinSpec:
    """Hold what the public twin shows; all else is withheld."""

    title: Text
    notice: Text
    approval: Text
    disclaimer: Text
    min_count: int
    looks: CountLooks
    releases: tuple[Release, ...]
    findings: FindingCounts | None = None

    def releases_for(self, audience: str) -> tuple[Release, ...]:
        """Return what goes out to an audience."""
        return tuple(r for r in self.releases if reaches(r.audience, audience))

    def findings_for(self, audience: str) -> FindingCounts | None:
        """Return how findings go out to an audience, or None where they do not."""
        return self.findings if self.findings and reaches(self.findings.audience, audience) else None


def load_twin(folder: Path, catalogue: Catalogue, chart: MapSpec) -> TwinSpec:
    """Read and check ``maps/public.toml`` of the content folder `folder`.

    Parameters
    ----------
    chart : the map whose twin it is: only layers that it shows can go out.

    Raises
    ------
    SpecError
        With every fault at once.
    """
    faults = Faults()
    where, table = short_name(folder / FILE), read_toml(folder / FILE)
    faults.keys(where, table, ("findings", "layers"), (*_TEXTS, "min_count", "counts"))
    texts = {key: faults.text(f"{where} {key}", table.get(key)) for key in _TEXTS}
    least = table.get("min_count", LEAST)
    if not faults.expect(f"{where} min_count", least, "a whole number") or least < LEAST:
        faults.add(f"{where} min_count", least, f"a whole number from {LEAST}", "Below, '<k' is a number by itself.")
        least = LEAST
    rows = table.get("layers", [])
    rows = rows if faults.expect(f"{where} [[layers]]", rows, "a list of tables") else []
    releases = tuple(_read_release(f"{where} [[layers]] {i}", row, catalogue, faults) for i, row in enumerate(rows, 1))
    _check_together(where, releases, catalogue, chart, faults)
    looks = _read_looks(f"{where} [counts]", table.get("counts", {}), least, faults)
    counted = _read_findings(f"{where} [findings]", table.get("findings"), releases, chart, faults)
    faults.raise_if_any()
    return TwinSpec(**texts, min_count=least, looks=looks, releases=releases, findings=counted)


def _read_release(where: str, row: Mapping[str, Any], catalogue: Catalogue, faults: Faults) -> Release:
    faults.keys(where, row, _KINDS, ("layer", "geometry"))
    row = faults.sound(where, row, _KINDS)
    layer = faults.one_of(f"{where} layer", row.get("layer"), catalogue.layers, "a layer of layers/")
    where = f"{where} {layer}"
    kind = faults.one_of(f"{where} geometry", row.get("geometry"), GEOMETRIES, "a way to show geometry")
    for name, key in GEOMETRIES.items():
        if key and (key in row) != (name == kind):
            faults.add(
                f"{where} {key}", row.get(key, "nothing"), f"'{key}' with geometry = '{name}', and with no other"
            )
    for key in ("tolerance_m", "cell_m"):
        if key in row and not row[key] > 0:
            faults.add(f"{where} {key}", row[key], "metres above 0")
    release = Release(
        layer=layer, geometry=kind, columns=tuple(row.get("columns", ())), digits=row.get("digits", {}),
        audience=faults.one_of(f"{where} audience", row.get("audience", AUDIENCES[-1]), AUDIENCES, "an audience"),
        tolerance_m=float(row.get("tolerance_m", 0)), cell_m=float(row.get("cell_m", 0)), of=row.get("of", ""),
        dates=faults.one_of(f"{where} dates", row.get("dates", ""), ("", *DATES), "day, month or year"),
        as_written=tuple(row.get("as_written", ())), is_visible=row.get("visible", True),
    )  # fmt: skip
    if release.is_counted and release.columns:
        faults.add(f"{where} columns", list(release.columns), "none: a counted layer shows counts only")
    elif layer in catalogue.layers:
        _check_columns(where, release, catalogue.layers[layer], faults)
    return release


def _check_columns(where: str, release: Release, spec: LayerSpec, faults: Faults) -> None:
    """Fault columns that do not exist, and those for which nothing says how exactly they may be shown."""
    for name in release.columns:
        faults.one_of(f"{where} columns", name, spec.titles, f"a field of layers/{spec.id}.toml")
        if name not in spec.titles:
            continue
        kind, known = spec.type_of(name), spec.fields.get(name)
        if kind == "date" and not release.dates:
            faults.add(f"{where} [{name}]", "a date", "'dates'", 'Say what is left of it: dates = "month".')
        if kind in ("integer", "number") and name not in release.digits:
            faults.add(f"{where} [{name}]", "a number", f"digits.{name}", "Say how many significant digits are shown.")
        if kind == "text" and not (known and known.codes) and name not in release.as_written:
            do = "Free text may hold anything: name it in as_written only if every value may be read by all."
            faults.add(f"{where} [{name}]", "a text without a code list", "a code list, or its name in as_written", do)
    for name in (*release.digits, *release.as_written):
        faults.one_of(f"{where} digits, as_written", name, release.columns, "a column that is shown")
    for name, digits in release.digits.items():
        if not isinstance(digits, int) or isinstance(digits, bool) or not 1 <= digits <= MOST_DIGITS:
            faults.add(f"{where} digits.{name}", digits, f"a whole number from 1 to {MOST_DIGITS}")


def _check_together(
    where: str, releases: Sequence[Release], catalogue: Catalogue, chart: MapSpec, faults: Faults
) -> None:
    """Fault layers that stand twice or on no map, and counts in areas that do not go out themselves."""
    seen: set[str] = set()
    for release in releases:
        place = f"{where} [[layers]] {release.layer}"
        faults.one_of(place, release.layer, [view.layer for view in chart.views], "a layer of the overview map")
        if release.layer in seen:
            faults.add(place, release.layer, "each layer once", "Two ways to show one layer could be subtracted.")
        seen.add(release.layer)
        if release.geometry == AREA:
            _check_area(f"{place} of", release.of, release.audience, releases, faults)
            area = catalogue.layers.get(release.of)
            if area is not None and area.geometry != "polygon":
                faults.add(f"{place} of", release.of, "a polygon layer")


def _check_area(where: str, of: str, audience: str, releases: Sequence[Release], faults: Faults) -> None:
    shown = [r.layer for r in releases if not r.is_counted and reaches(r.audience, audience)]
    faults.one_of(where, of, shown, "a layer that goes out to the same audience, as_is or generalised")


def _read_looks(where: str, table: Any, least: int, faults: Faults) -> CountLooks:
    if not faults.expect(where, table, "a table"):
        return CountLooks("", "", "", (), ())
    faults.keys(where, table, (), CountLooks.__dataclass_fields__)
    breaks, colours = table.get("breaks", []), table.get("colours", [])
    named = [table.get(name) for name in ("zero", "small", "hidden")]
    for colour in [*named, *(colours if isinstance(colours, list) else [])]:
        if colour is not None and not (isinstance(colour, str) and _COLOUR.fullmatch(colour)):
            faults.add(where, colour, "a colour '#RRGGBB'")
    sound = isinstance(breaks, list) and all(isinstance(b, int) and not isinstance(b, bool) for b in breaks)
    if not sound or sorted({least, *breaks}) != [least, *breaks]:
        faults.add(f"{where} breaks", breaks, f"whole numbers above min_count ({least}), rising")
    elif len(colours) != len(breaks) + 1:
        faults.add(f"{where} colours", len(colours), f"{len(breaks) + 1} colours, one a class")
    zero, small, hidden = map(str, named)
    return CountLooks(zero, small, hidden, tuple(breaks) if sound else (), tuple(map(str, colours)))


def _read_findings(
    where: str, table: Any, releases: Sequence[Release], chart: MapSpec, faults: Faults
) -> FindingCounts | None:
    if table is None or not faults.expect(where, table, "a table"):
        return None
    faults.keys(where, table, ("audience",), ("title", "of", "group", "outcomes"))
    outcomes = table.get("outcomes", [])
    outcomes = outcomes if faults.expect(f"{where} outcomes", outcomes, "a list of texts") else []
    for word in outcomes:
        faults.one_of(f"{where} outcomes", word, FOUND, "an outcome that makes a finding")
    audience = faults.one_of(f"{where} audience", table.get("audience", AUDIENCES[-1]), AUDIENCES, "an audience")
    _check_area(f"{where} of", str(table.get("of", "")), audience, releases, faults)
    group = faults.one_of(f"{where} group", table.get("group"), chart.groups, "a heading of the overview map")
    title = faults.text(f"{where} title", table.get("title"))
    return FindingCounts(title, audience, str(table.get("of", "")), group, tuple(outcomes))
