"""Whether all that a meeting shows may be seen by its audience."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from geosys._errors import DisclosureError
from geosys._faults import Faults
from geosys.maps.frames import DISCLOSURES
from geosys.maps.meeting.spec import CHANGES, LAYER
from geosys.sheets.composing import parts_of
from geosys.sheets.desk import check_audience

if TYPE_CHECKING:
    from collections.abc import Iterator

    from geosys.maps.meeting.spec import MeetingSpec
    from geosys.sheets.desk import Desk

_DO = "Take it out of the meeting, or hold the meeting for a narrower audience."


def check_meeting(desk: Desk, spec: MeetingSpec) -> None:
    """Raise when a meeting shows cases, findings, a layer or a column to a wider audience than they may have.

    The map of every pack shows the findings, which are internal: so is every pack but one for an internal meeting.

    Raises
    ------
    DisclosureError
        With everything in question.
    """
    wanted, faults = DISCLOSURES.index(spec.audience), Faults()
    given = {"map of findings": DISCLOSURES[0], **dict(_asked(desk, spec))}
    for what, disclosure in given.items():
        if DISCLOSURES.index(disclosure) < wanted:
            faults.add(f"meeting '{spec.name}', {what}", disclosure, f"'{spec.audience}' or wider", _DO)
    names = {
        name for item in spec.items for name in (*item.sheets, *(chart.rpartition(".")[0] for chart in item.charts))
    }
    for name in sorted(names):
        sheet = replace(desk.book.sheets[name], audience=spec.audience)
        try:
            check_audience(desk, sheet, parts_of(desk, sheet))
        except DisclosureError as error:
            faults.rows += str(error).splitlines()
    faults.raise_if_any(DisclosureError)


def _asked(desk: Desk, spec: MeetingSpec) -> Iterator[tuple[str, str]]:
    """Yield what a meeting shows and the disclosure that it has."""
    internal = DISCLOSURES[0]
    for number, item in enumerate(spec.items, 1):
        if item.figures or item.issues is not None or item.plots is not None:
            yield f"item {number}: cases", internal
        for name in item.listings:
            listing = spec.listings.get(name)
            if name == CHANGES or listing is None or listing.of != LAYER:
                yield f"listing '{name}'", internal
                continue
            schema = desk.schemas[listing.layer]
            yield f"layer {listing.layer}", schema.disclosure
            for column in (*listing.columns, *listing.where):
                yield f"layer {listing.layer} [{column}]", schema.disclosures.get(column, schema.disclosure)
        if item.plots is not None:
            for layer in item.plots.layers:
                yield f"layer {layer}", desk.schemas[layer].disclosure
    for layer in spec.picture_layers:
        yield f"layer {layer}", desk.schemas[layer].disclosure
