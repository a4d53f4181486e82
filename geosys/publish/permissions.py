"""Judge what a package may hand over: what is narrower than its audience and not granted to its receiver stays."""

from __future__ import annotations

from typing import TYPE_CHECKING

from geosys.layers.spec import DISCLOSURES
from geosys.permissions import reaches
from geosys.publish.check_words import Fault
from geosys.publish.check_words import Findings as Told
from geosys.publish.field_reading import Columns

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Sequence

    from geosys.layers.spec import Catalogue
    from geosys.permissions import Permission
    from geosys.publish.content import Check, Profile, ProfileLayer


def judge_disclosure(
    profile: Profile, catalogue: Catalogue, permissions: Sequence[Permission], day: dt.date
) -> tuple[list[Check], list[Permission]]:
    """Return whether each layer and field of a package may leave, and the permissions it leaves by.

    A column that only narrows the rows counts too: what was chosen by it tells its value.

    Parameters
    ----------
    day : when it leaves; the first and last day of a permission are among its days.
    """
    rows: list[Check] = []
    used: dict[int, Permission] = {}
    for layer in profile.layers:
        told = Told(layer.name)
        faults = []
        for column, label, word, own in _narrower(layer, profile.audience, catalogue):
            place = next(
                (i for i, p in enumerate(permissions) if _grants(p, profile, layer.source, column, word, own, day)),
                None,
            )
            if place is None:
                why = _why(permissions, profile, layer.source, day)
                faults.append(
                    Fault(
                        f"({layer.source}) {label}".strip(),
                        f"{word}；{why}",
                        f"'{profile.audience}' 或批准 or a permission",
                    )
                )
            else:
                used[place] = permissions[place]
        told.tell("disclosure", faults, passed=profile.audience)
        rows += told.rows
    return rows, [used[place] for place in sorted(used)]


def _narrower(layer: ProfileLayer, audience: str, catalogue: Catalogue) -> list[tuple[str, str, str, str]]:
    """Return column, label, disclosure and the layer's own disclosure of all that may not reach the audience by itself."""
    own = catalogue.layers[layer.source].disclosure if layer.source in catalogue.layers else DISCLOSURES[0]
    columns = Columns.of(layer.source, catalogue) or Columns.none()
    asked = [("", "", own)]
    asked += [(f.column, f"[{f.name}={f.column}]", f.disclosure) for f in layer.fields if f.column]
    asked += [(name, f"[where {name}]", columns.disclosures.get(name, DISCLOSURES[0])) for name in layer.where]
    return [(column, label, word, own) for column, label, word in asked if not reaches(word, audience)]


def _grants(
    permission: Permission, profile: Profile, source: str, column: str, word: str, own: str, day: dt.date
) -> bool:
    if not (_fits(permission, profile, source) and permission.is_valid_on(day)):
        return False
    if not column:
        return True
    if permission.fields is not None:
        return column in permission.fields
    return reaches(word, own)


def _fits(permission: Permission, profile: Profile, source: str) -> bool:
    names = {profile.id, profile.receiver.zh, profile.receiver.en}
    is_named = bool(permission.receiver) and permission.receiver in names  # a profile may name no receiver
    return is_named and permission.covers(source, profile.audience)


def _why(permissions: Sequence[Permission], profile: Profile, source: str, day: dt.date) -> str:
    """Return why no permission of a layer helps."""
    own = [p for p in permissions if p.layer == source]
    fitting = [p for p in own if _fits(p, profile, source)]
    valid = [p for p in fitting if p.is_valid_on(day)]
    if valid:
        return "批准未列该字段 the permission does not name the field"
    if fitting:
        last = max(fitting, key=lambda p: p.expires_on)
        return f"批准只在 {last.approved_on} 至 {last.expires_on} 有效 the permission holds on those days only ({last.document})"
    return "批准给其他接收方或范围 permitted for another receiver or circle" if own else "未经批准 no permission"
