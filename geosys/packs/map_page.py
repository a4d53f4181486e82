"""The map of a pack: that of the last run while it shows the present state, else built anew from what is stored."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import pandas as pd

import geosys
from geosys._text import Text
from geosys.cases.ledger.database import read_ledger
from geosys.cases.ledger.events import MACHINE
from geosys.cases.ledger.evidence_store import EVIDENCE
from geosys.cases.plot_life_reading import read_plot_life
from geosys.map_feed.feed import feed_of
from geosys.map_feed.months import with_months
from geosys.maps.frames import OUTCOME_COLUMNS, Meta
from geosys.maps.page import build_page
from geosys.maps.sheet_spec import FINDINGS
from geosys.sheets.desk import meta_of
from geosys.views import INTERNAL, in_degrees

if TYPE_CHECKING:
    from geosys.packs.material import Material

PAGE = "map.html"
_COUNTS = ("hit", "near", "clear", "not_assessed", "needs_review")


def map_page(material: Material) -> str:
    """Return the map page: the run's own where nothing has changed since, else one built from the stored layers."""
    path = material.plan.out / PAGE
    if is_present(material) and path.is_file():
        return path.read_text(encoding="utf-8")
    return built(material)


def is_present(material: Material) -> bool:
    """Say whether what the last run showed is what holds now: day, program, layers, and what people did with the cases."""
    assert material.desk.results is not None  # noqa: S101  `open_material` refuses a workspace without
    told = material.desk.results.manifest
    touched = any(
        actor != MACHINE and on >= judged_on(material)
        for actor, on in zip(material.events["actor"], material.events["happened_on"], strict=True)
    )
    same_day = told.get("as_of") == material.day.isoformat() and told.get("program") == f"GeoSys {geosys.__version__}"
    return same_day and not touched and not material.moved and not newer_layers(material)


def newer_layers(material: Material) -> list[str]:
    """Return the layers whose stored version is not the one that the last run judged."""
    assert material.desk.results is not None  # noqa: S101  `open_material` refuses a workspace without
    ran = material.desk.results.manifest["layers"]
    return [name for name, layer in material.desk.layers.items() if layer.version != ran.get(name, {}).get("version")]


def changed_rules(material: Material) -> list[str]:
    """Return the rules that are other, new or gone since the last run."""
    assert material.desk.results is not None  # noqa: S101  `open_material` refuses a workspace without
    ran = dict(material.desk.results.manifest.get("rules", {}))
    now = {name: rule.version for name, rule in material.content.book.rules.items()}
    return sorted(name for name in ran.keys() | now.keys() if ran.get(name) != now.get(name))


def built(material: Material) -> str:
    """Return the map of the stored layers with the findings as their cases stand, as a run would draw it."""
    desk, plan, catalogue = material.desk, material.plan, material.content.catalogue
    lists = tuple(read_plot_life(catalogue.root, desk.schemas).lists.values())
    day = judged_on(material)
    shown = [
        with_months(desk.map_layer(name), desk.layers, catalogue, lists, desk.screen.palettes.style(name).by, day)
        for name, layer in desk.layers.items()
        if layer.spec.geometry != "none"
    ]
    findings = in_degrees(desk.frame(FINDINGS))
    if desk.screen.audience == INTERNAL:  # what people wrote and photographed is for an internal map only
        with read_ledger(plan.ledger) as connection:
            feed = feed_of(connection, findings, material.content, plan.root / EVIDENCE, material.day)
        findings = findings.assign(**feed.columns)
    return build_page(desk.screen, shown, findings, outcomes_of(material), meta_for(material), plan.basemap)


def outcomes_of(material: Material) -> pd.DataFrame:
    """Return the outcomes of the last run by rule, columns of `frames.OUTCOME_COLUMNS`, as its manifest tells them."""
    assert material.desk.results is not None  # noqa: S101  `open_material` refuses a workspace without
    rules = material.content.book.rules
    rows = []
    for told in material.desk.results.manifest.get("outcomes", []):
        name = str(told["rule"])
        title = rules[name].title if name in rules else Text(name, name)
        counts = {key: int(told.get(key, 0)) for key in _COUNTS}
        titles = {"rule_title_zh": title.zh, "rule_title_en": title.en}
        why = {key: told.get(key, "") for key in ("why_zh", "why_en")}
        rows.append({"rule": name, **titles, **counts, **why})
    return pd.DataFrame(rows, columns=list(OUTCOME_COLUMNS))


def meta_for(material: Material, *, is_judged: bool = True) -> Meta:
    """Return what the outputs of a pack print about themselves.

    Parameters
    ----------
    is_judged : whether the day printed is that on which findings were judged; else the day of the meeting.
    """
    told = meta_of(material.desk, material.desk.layers)
    day = judged_on(material) if is_judged else material.day
    return Meta(told.title, day, told.program, told.mark, material.rules_version, told.layers)


def judged_on(material: Material) -> dt.date:
    """Return the day that the last run judged by."""
    assert material.desk.results is not None  # noqa: S101  `open_material` refuses a workspace without
    return dt.date.fromisoformat(str(material.desk.results.manifest["as_of"]))
