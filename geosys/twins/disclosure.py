"""Judge what may go out: the layer's own words, then the permission; nothing crosses because a list names it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from geosys._errors import DisclosureError
from geosys.layers.spec import DISCLOSURES
from geosys.maps.sheet_spec import FINDINGS
from geosys.permissions import reaches
from geosys.twins.spec import AREA, FILE
from geosys.views import disclosure_of
from geosys.workspace import PLAN

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Collection, Sequence

    from geosys._text import Text
    from geosys.layers.spec import Catalogue, LayerSpec
    from geosys.permissions import Permission
    from geosys.twins.spec import Release, TwinSpec


@dataclass(frozen=True, slots=True)
class Verdict:
    """Hold whether one layer may go out, and where not, what somebody has to decide."""

    layer: str
    title: Text
    disclosure: str
    is_named: bool
    reasons: tuple[str, ...] = ()

    @property
    def is_going(self) -> bool:
        """Say whether the layer goes out."""
        return self.is_named and not self.reasons


def judge(
    spec: TwinSpec, catalogue: Catalogue, there: Collection[str], permissions: Sequence[Permission], audience: str, today: dt.date
) -> list[Verdict]:  # fmt: skip
    """Return a verdict on every layer that is there, named by the list or not, and on the findings.

    Parameters
    ----------
    there : ids of the layers that the workspace has.
    """
    named = {release.layer: release for release in spec.releases_for(audience)}
    verdicts = []
    for name in catalogue.layers:
        if name not in there:
            continue
        layer, release = catalogue.layers[name], named.get(name)
        reasons = _too_narrow(layer, release, audience) if release else []
        if release and release.geometry == AREA and release.of not in there:
            reasons.append(f"maps/{FILE} [[layers]] {name} of: got '{release.of}', expected a layer that is delivered.")
        if release and (why := lacking(permissions, name, audience, today)):
            reasons.append(why)
        verdicts.append(Verdict(name, layer.title, layer.disclosure, release is not None, tuple(reasons)))
    counted = spec.findings_for(audience)
    if counted is not None:
        why = lacking(permissions, FINDINGS, audience, today)
        verdicts.append(Verdict(FINDINGS, counted.title, DISCLOSURES[0], is_named=True, reasons=(why,) if why else ()))
    return verdicts


def lacking(permissions: Sequence[Permission], layer: str, audience: str, today: dt.date) -> str:
    """Return why a layer may not go to an audience, with what to enter; an empty text where it may."""
    own = [p for p in permissions if p.layer == layer]
    wide = [p for p in own if p.is_open and p.covers(layer, audience)]
    if any(p.is_valid_on(today) for p in wide):
        return ""
    got = "no permission"
    if wide:
        last = max(wide, key=lambda p: p.expires_on)
        got = f"a permission from {last.approved_on} to {last.expires_on} ({last.document})"
    elif any(p.is_open for p in own):
        got = "a permission for a narrower audience"
    elif own:
        got = "a permission for a receiver or some columns only, which is for packages"
    entry = (
        f'[[permissions]]\nlayer       = "{layer}"\naudience    = "{audience}"\napproved_by = "…"\n'
        'approved_on = 20…-…-…\ndocument    = "…"\nexpires_on  = 20…-…-…'
    )
    return (
        f"{PLAN} [[permissions]] {layer}: got {got}, expected one for '{audience}' that holds on {today}. "
        f"Let the one who decides on disclosure sign, and enter:\n{entry}"
    )


def _too_narrow(spec: LayerSpec, release: Release, audience: str) -> list[str]:
    given = {"": spec.disclosure} | {f" [{c}]": disclosure_of(spec, c) for c in release.columns}
    return [
        f"maps/{FILE}, layer {spec.id}{column}: got {word!r}, expected '{audience}' or wider. An administrator decides in "
        f"layers/{spec.id}.toml; until then take it out of the list."
        for column, word in given.items()
        if not reaches(word, audience)
    ]


def refuse(verdicts: Sequence[Verdict], audience: str) -> None:
    """Raise unless all that the list names may go out, and something does.

    Raises
    ------
    DisclosureError
        With every layer and column that may not, and what is to be decided or entered.
    """
    reasons = [reason for verdict in verdicts for reason in verdict.reasons if verdict.is_named]
    if reasons:
        raise DisclosureError("\n".join(dict.fromkeys(reasons)))
    if not any(verdict.is_going for verdict in verdicts):
        wide = [v.layer for v in verdicts if not v.is_named and reaches(v.disclosure, audience)]
        raise DisclosureError(
            f"maps/{FILE}: got no layer for '{audience}', expected at least one. By their specs these may be named: "
            f"{', '.join(wide) or 'none; an administrator decides on disclosure in layers/*.toml'}."
        )
