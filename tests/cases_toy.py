"""A toy of outfalls and zones in whole metres, judged by the engine itself and reconciled with a ledger."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import geopandas as gpd
import numpy as np
import shapely

from geosys._schema import LayerSchema, UsableLayer
from geosys._text import Text
from geosys.cases.assess import assess
from geosys.cases.findings import findings_of, outcome_rows
from geosys.cases.ledger.reconciliation import reconcile
from geosys.cases.rules import RuleBook
from geosys.rooms import read_content

if TYPE_CHECKING:
    import datetime as dt

    import pandas as pd
    import sqlalchemy as sa

    from geosys.cases.rules import Rule

CRS = "EPSG:4547"
BOOK = read_content().book
NEAR, INSIDE = "outfall_near_section", "outfall_in_redline"  # 500 m between points; covered by a polygon


def layer(name: str, rows: dict[str, str], version: str, **columns: dict[str, str]) -> UsableLayer:
    """Return a layer of features by id and WKT; `columns` gives the text of a coded column by id."""
    kinds = ("name", *columns)
    schema = LayerSchema(
        id=name, title=Text(name, name), geometry="", name_field="name", accuracy_m=0.0, disclosure="internal", columns=dict.fromkeys(kinds, "text"),
        titles={k: Text(k, k) for k in kinds}, codes={k: {} for k in columns}, disclosures={},
    )  # fmt: skip
    frame = gpd.GeoDataFrame(
        {"feature_id": list(rows), "name": list(rows)} | {k: [v.get(i) for i in rows] for k, v in columns.items()},
        geometry=[
            shapely.transform(shapely.from_wkt(w), lambda xy: xy + np.array([5e5, 3.85e6])) for w in rows.values()
        ],
        crs=CRS,
    )
    return UsableLayer(schema, frame, frame.iloc[:0].assign(issue_type=""), version)


def book(**changes: float | str) -> RuleBook:
    """Return a book of the two rules; `distance_m`, `version` and others change the one about sections."""
    distance, version = changes.pop("distance_m", 500.0), changes.pop("version", "v500")
    sections = dataclasses.replace(
        BOOK.rules[NEAR],
        settings={"distance_m": distance},
        near_m=0.0,
        version=str(version),
        valid_from=None,
        **changes,
    )
    inside = dataclasses.replace(BOOK.rules[INSIDE], near_m=0.0, version="i1", one_case_per=sections.one_case_per)
    return RuleBook({NEAR: sections, INSIDE: inside}, BOOK.basis, BOOK.offices)


def rule(name: str) -> Rule:
    """Return a rule of the content."""
    return BOOK.rules[name]


def layers(
    outfalls: dict[str, str],
    version: str = "o1",
    zones: dict[str, str] | None = None,
    zone_version: str = "z1",
    **columns: dict[str, str],
) -> dict[str, UsableLayer]:
    """Return outfalls, one section at the origin, and zones."""
    near, inside = BOOK.rules[NEAR], BOOK.rules[INSIDE]
    return {
        near.subject: layer(near.subject, outfalls, version, **columns),
        str(near.object): layer(str(near.object), {"S": "POINT (0 0)"}, "s1"),
        str(inside.object): layer(str(inside.object), zones or {}, zone_version),
    }


def run(
    connection: sa.Connection, rules: RuleBook, given: dict[str, UsableLayer], day: dt.date, program: str = "GeoSys 1"
) -> pd.DataFrame:
    """Judge and reconcile; return the case of each finding."""
    judged = [assess(r, given, CRS, day) for r in rules.rules.values()]
    rows = outcome_rows(judged)
    rows = rows[rows["outcome"] != "not_assessed"]
    pairs = set(zip(rows["rule"], rows["subject_id"], strict=True))
    found = findings_of(judged, given, rules, CRS)
    cases = reconcile(connection, found, pairs, rules, day, layers=given, program=program, crs=CRS)
    about = found[["finding_id", "rule", "subject_id", "object_id"]]
    return cases.merge(about, on="finding_id", how="left")
