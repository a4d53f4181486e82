"""What a layer spec says of rivers: a line layer's network, and the river that a layer's features stand on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from geosys._faults import Faults
    from geosys.layers.spec import LayerSpec

TOLERANCE_M, GAP_M, REACH_M = 5.0, 50.0, 500.0
MOST_TOLERANCE_M, MOST_GAP_M, MOST_REACH_M = 100.0, 5_000.0, 20_000.0
_WAYS = ("direction", "is_canal", "gate", "blocked")


@dataclass(frozen=True, slots=True)
class NetworkKeys:
    """Hold how a line layer becomes a network: lengths in metres, and the fields that say something about its lines."""

    tolerance_m: float = TOLERANCE_M
    gap_m: float = GAP_M
    direction: str | None = None
    is_canal: str | None = None
    gate: str | None = None
    blocked: str | None = None

    @property
    def fields(self) -> dict[str, str]:
        """Return the column of each attribute that the layer has a field for."""
        return {key: getattr(self, key) for key in _WAYS if getattr(self, key) is not None}


@dataclass(frozen=True, slots=True)
class OnRiverKeys:
    """Hold on which line layer a layer's features stand, and the fields that help to find where.

    `name` is the field of the river's name, `side` that of the bank, `order` that of the feature's number along its
    river, rising downstream; a feature further than `reach_m` metres stands on none. Where one is not `required`, that is
    no issue.
    """

    of: str
    reach_m: float = REACH_M
    name: str | None = None
    side: str | None = None
    order: str | None = None
    required: bool = True


def read_network(
    table: Mapping[str, Any], where: str, fields: Mapping[str, object], faults: Faults
) -> NetworkKeys | None:
    """Return the `[network]` of a line layer's spec, or None where it has none; what is wrong becomes a fault."""
    given = table.get("network")
    if given is None:
        return None
    place = f"{where} [network]"
    faults.keys(place, given, ("tolerance_m", "gap_m", *_WAYS))
    given = faults.sound(
        place, given, {**dict.fromkeys(("tolerance_m", "gap_m"), "a number"), **dict.fromkeys(_WAYS, "a text")}
    )
    if table.get("geometry") != "line":
        faults.add(place, table.get("geometry"), "geometry = 'line'", "Only lines make a network.")
    for key in _WAYS:
        if key in given:
            faults.one_of(f"{place} {key}", given[key], fields, "a field of this layer")
    tolerance = _metres(given, "tolerance_m", TOLERANCE_M, MOST_TOLERANCE_M, place, faults)
    gap = _metres(given, "gap_m", GAP_M, MOST_GAP_M, place, faults)
    return NetworkKeys(tolerance, gap, *(given.get(key) for key in _WAYS))


def read_on_river(
    table: Mapping[str, Any], where: str, fields: Mapping[str, object], faults: Faults
) -> OnRiverKeys | None:
    """Return the `on_river` of a layer's spec, or None where it has none; what is wrong becomes a fault."""
    given = table.get("on_river")
    if given is None:
        return None
    place = f"{where} on_river"
    texts = ("name", "side", "order")
    faults.keys(place, given, ("reach_m", "required", *texts), ("of",))
    kinds = {**dict.fromkeys(("of", *texts), "a text"), "reach_m": "a number", "required": "true or false"}
    given = faults.sound(place, given, kinds)
    if table.get("geometry") in ("line", "none"):
        faults.add(place, table.get("geometry"), "geometry = 'point' or 'polygon'", "Other layers stand on no river.")
    for key in texts:
        if key in given:
            faults.one_of(f"{place} {key}", given[key], fields, "a field of this layer")
            if table.get("geometry") == "polygon":
                faults.add(f"{place} {key}", given[key], "none for polygons", "They stand where rivers cross them.")
    if "order" in given and "name" not in given:
        faults.add(f"{place} order", given["order"], "'name' beside it", "An order is along a river of some name.")
    reach = _metres(given, "reach_m", REACH_M, MOST_REACH_M, place, faults)
    name, side, order = (given.get(key) for key in texts)
    return OnRiverKeys(str(given.get("of", "")), reach, name, side, order, bool(given.get("required", True)))


def check_rivers(specs: Mapping[str, LayerSpec], faults: Faults) -> None:
    """Fault an `on_river` that names no layer with a network."""
    lines = [name for name, spec in specs.items() if spec.network is not None]
    for name, spec in specs.items():
        if spec.on_river is not None:
            where = f"layers/{name}.toml on_river of"
            faults.one_of(where, spec.on_river.of or None, lines, "a line layer with a [network]")


def _metres(given: Mapping[str, Any], key: str, usual: float, most: float, where: str, faults: Faults) -> float:
    value = float(given.get(key, usual))
    if not 0 <= value <= most:
        faults.add(f"{where} {key}", given[key], f"metres from 0 to {most:g}")
        return usual
    return value
