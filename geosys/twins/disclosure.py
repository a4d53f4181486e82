"""Judge what may go out: the layer's own words, then the permission; nothing crosses because a list names it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from geosys._errors import DisclosureError
from geosys.layers.spec import DISCLOSURES
from geosys.twins.permissions import FINDINGS, lacking
from geosys.twins.spec import AREA, FILE, reaches

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Collection, Sequence

    from geosys._text import Text
    from geosys.layers.spec import Catalogue, LayerSpec
    from geosys.twins.permissions import Permission
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


def disclosure_of(spec: LayerSpec, column: str) -> str:
    """Return the disclosure of a column; a derived one is no wider than what it is made from, none wider than its layer."""
    inputs = spec.derived[column].inputs if column in spec.derived else (column,)
    words = [spec.fields[name].disclosure for name in inputs if name in spec.fields]
    return min([spec.disclosure, *words], key=DISCLOSURES.index)


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
