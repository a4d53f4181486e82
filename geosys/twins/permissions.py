"""Who allowed what to go out: the tables ``[[permissions]]`` of a plan, and what is missing in them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from geosys._errors import SpecError
from geosys._faults import Faults
from geosys.twins.spec import AUDIENCES, reaches

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Collection, Mapping, Sequence

PLAN = "geosys.toml"
FINDINGS = "findings"  # what a permission names for counts of findings, which are no layer
_TEXTS = ("layer", "audience", "approved_by", "document")
_DAYS = ("approved_on", "expires_on")


@dataclass(frozen=True, slots=True)
class Permission:
    """Hold one decision: a layer (or `findings`) may go to an audience, by whom, by which document, from when, how long."""

    layer: str
    audience: str
    approved_by: str
    approved_on: dt.date
    document: str
    expires_on: dt.date

    def holds(self, layer: str, audience: str, today: dt.date) -> bool:
        """Say whether it allows a layer to go to an audience on a day; both of its days count."""
        fits = self.layer == layer and reaches(self.audience, audience)
        return fits and self.approved_on <= today <= self.expires_on


def read_permissions(plan: Mapping[str, Any], layers: Collection[str]) -> tuple[Permission, ...]:
    """Read the permissions of a parsed plan.

    Parameters
    ----------
    plan : the whole plan as a table.
    layers : the ids that a permission may name besides `findings`.

    Raises
    ------
    SpecError
        With every fault at once; a permission that is half written permits nothing.
    """
    faults, found = Faults(), []
    rows = plan.get("permissions", [])
    if not faults.expect(f"{PLAN} [[permissions]]", rows, "a list of tables"):
        rows = []
    kinds = {**dict.fromkeys(_TEXTS, "a text"), **dict.fromkeys(_DAYS, "a date as 2026-09-30")}
    for number, row in enumerate(rows, 1):
        where, before = f"{PLAN} [[permissions]] {number}", len(faults.rows)
        faults.keys(where, row, (), (*_TEXTS, *_DAYS))
        sound = faults.sound(where, row, kinds)
        faults.one_of(f"{where} layer", sound.get("layer"), (*layers, FINDINGS), "a layer of layers/, or 'findings'")
        faults.one_of(f"{where} audience", sound.get("audience"), AUDIENCES, "an audience")
        for key in ("approved_by", "document"):
            if key in sound and not sound[key].strip():
                faults.add(f"{where} {key}", sound[key], "who decided, and by which document")
        if all(day in sound for day in _DAYS) and sound["expires_on"] < sound["approved_on"]:
            faults.add(f"{where} expires_on", str(sound["expires_on"]), "a day not before approved_on")
        if len(faults.rows) == before:
            found.append(Permission(**sound))
    faults.raise_if_any(SpecError)
    return tuple(found)


def lacking(permissions: Sequence[Permission], layer: str, audience: str, today: dt.date) -> str:
    """Return why a layer may not go to an audience, with what to enter; an empty text where it may."""
    if any(p.holds(layer, audience, today) for p in permissions):
        return ""
    wide = [p for p in permissions if p.layer == layer and reaches(p.audience, audience)]
    got = "no permission"
    if wide:
        last = max(wide, key=lambda p: p.expires_on)
        got = f"a permission from {last.approved_on} to {last.expires_on} ({last.document})"
    elif any(p.layer == layer for p in permissions):
        got = "a permission for a narrower audience"
    entry = (
        f'[[permissions]]\nlayer       = "{layer}"\naudience    = "{audience}"\napproved_by = "…"\n'
        'approved_on = 20…-…-…\ndocument    = "…"\nexpires_on  = 20…-…-…'
    )
    return (
        f"{PLAN} [[permissions]] {layer}: got {got}, expected one for '{audience}' that holds on {today}. "
        f"Let the one who decides on disclosure sign, and enter:\n{entry}"
    )
