"""Who allowed what to leave the house: the tables ``[[permissions]]`` of a plan, read here for twins and for packages."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from geosys._faults import Faults
from geosys.layers.spec import DISCLOSURES
from geosys.maps.sheet_spec import FINDINGS
from geosys.publish.field_reading import Columns
from geosys.workspace import PLAN

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Mapping

    from geosys.layers.spec import Catalogue

AUDIENCES = DISCLOSURES[1:]  # what is internal needs no permission to stay
_TEXTS, _DAYS = ("layer", "audience", "approved_by", "document"), ("approved_on", "expires_on")
_KINDS = {
    **dict.fromkeys((*_TEXTS, "receiver"), "a text"), **dict.fromkeys(_DAYS, "a date as 2026-09-30"), "fields": "a list of texts",
}  # fmt: skip


def reaches(disclosure: str, audience: str) -> bool:
    """Say whether what has a disclosure may go to an audience.

    Examples
    --------
    >>> reaches("shared", "public"), reaches("public", "shared")
    (False, True)
    """
    return DISCLOSURES.index(disclosure) >= DISCLOSURES.index(audience)


@dataclass(frozen=True, slots=True)
class Permission:
    """Hold one decision: a layer (or ``findings``) may go to a circle or a receiver, by whom, by which document, how long.

    Parameters
    ----------
    audience : the widest circle it allows.
    receiver : whom alone it is for: a profile's id or the receiver it names. Empty: everybody of the audience, for outputs
        without a receiver (the public twin); no package may use it.
    fields : the only columns it speaks of; None: those that are not narrower than the layer itself.
    """

    layer: str
    audience: str
    approved_by: str
    approved_on: dt.date
    document: str
    expires_on: dt.date
    receiver: str = ""
    fields: tuple[str, ...] | None = None

    @property
    def is_open(self) -> bool:
        """Say whether it is for everybody of its audience and for the layer as a whole: nothing less opens a twin."""
        return not self.receiver and self.fields is None

    def covers(self, layer: str, audience: str) -> bool:
        """Say whether it is for a layer and a circle as wide, whoever receives it and whenever."""
        return self.layer == layer and reaches(self.audience, audience)

    def is_valid_on(self, day: dt.date) -> bool:
        """Say whether it holds on a day; both of its days count."""
        return self.approved_on <= day <= self.expires_on

    def told(self) -> dict[str, Any]:
        """Return it with the keys of the plan, for the papers of a package."""
        own = {name: getattr(self, name) for name in (*_TEXTS, *_DAYS, "receiver")}
        return own | ({"fields": list(self.fields)} if self.fields is not None else {})


def read_permissions(plan: Mapping[str, Any], catalogue: Catalogue) -> tuple[Permission, ...]:
    """Read the permissions of a parsed plan, those for twins and those for packages.

    Raises
    ------
    SpecError
        With every fault at once: one that is half written, or names an unknown layer, column or audience, permits nothing.
    """
    faults, found = Faults(), []
    rows = plan.get("permissions", [])
    if not faults.expect(f"{PLAN} [[permissions]]", rows, "a list of tables"):
        rows = []
    for number, row in enumerate(rows, 1):
        where, before = f"{PLAN} [[permissions]] {number}", len(faults.rows)
        faults.keys(where, row, ("fields", "receiver"), (*_TEXTS, *_DAYS))
        sound = faults.sound(where, row, _KINDS)
        _check(sound, where, catalogue, faults)
        if len(faults.rows) == before:
            named = sound.pop("fields", None)
            found.append(Permission(**sound, fields=None if named is None else tuple(named)))
    faults.raise_if_any()
    return tuple(found)


def _check(sound: Mapping[str, Any], where: str, catalogue: Catalogue, faults: Faults) -> None:
    known = (*catalogue.layers, FINDINGS)
    layer = faults.one_of(f"{where} layer", sound.get("layer"), known, "a layer of layers/, or 'findings'")
    faults.one_of(f"{where} audience", sound.get("audience"), AUDIENCES, "an audience")
    for key in ("approved_by", "document"):
        if key in sound and not sound[key].strip():
            faults.add(f"{where} {key}", sound[key], "who decided, and by which document")
    if "receiver" in sound and not sound["receiver"].strip():  # an empty one would be for everybody
        faults.add(f"{where} receiver", sound["receiver"], "a profile or a receiver", "Leave the key out for a twin.")
    if all(day in sound for day in _DAYS) and sound["expires_on"] < sound["approved_on"]:
        faults.add(f"{where} expires_on", str(sound["expires_on"]), "a day not before approved_on")
    columns = Columns.of(layer, catalogue)
    if columns:  # an unknown layer is a fault of its own
        for name in sound.get("fields", []):
            faults.one_of(f"{where} fields", name, columns.types, "a column of the layer")
