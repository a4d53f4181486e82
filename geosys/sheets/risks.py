"""The risk of plots in the plan's own words, as a column of the sheets: what `geosys plots risk` computes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from geosys.cases.plot_life_reading import read_plot_life
from geosys.cases.plot_risk import read_plot_risk
from geosys.plots.lists import read_book, read_layers
from geosys.plots.receptors import layers_named
from geosys.plots.risks import plot_risks

if TYPE_CHECKING:
    from collections.abc import Mapping

    from geosys.sheets.desk import Desk

KEY = "feature_id"
OUTSIDE = "outside"  # not judged: on no list that the plan's words are about, or in a stage beyond them


def risk_of(desk: Desk, layer: str) -> list[str]:
    """Return for each row of a layer its risk: ``high``, ``medium``, ``low``, ``cannot_judge``, or ``outside``.

    Groundwater flows nowhere known where a plot does not say so itself: a receptor that the flow would decide is then
    a missing fact, and the plot cannot be judged.
    """
    made = desk._made  # noqa: SLF001  the desk keeps what is dear to make
    if "risks" not in made:
        made["risks"] = _risks(desk)
    known: Mapping[str, str] = made["risks"].get(layer, {})
    return [known.get(str(name), OUTSIDE) for name in desk.frame(layer)[KEY]]


def _risks(desk: Desk) -> dict[str, dict[str, str]]:
    """Return by layer and plot the risk of every plot that is judged."""
    root = desk.catalogue.root
    life = read_plot_life(root, desk.schemas)
    content = read_plot_risk(root, desk.schemas, life.lists)
    asked = [kept.layer for kept in life.lists.values()] + [life.place.layer, *layers_named(content.receptors)]
    views = desk.views()
    views |= read_layers(desk.workspace.store, desk.catalogue, [name for name in asked if name not in views])
    book = read_book(views, life, desk.today)
    found: dict[str, dict[str, str]] = {}
    for row in plot_risks(views, content, life, book.rows).itertuples():
        found.setdefault(life.lists[str(row.list)].layer, {})[str(row.plot_code)] = str(row.risk)
    return found
