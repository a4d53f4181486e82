"""Finding rows: what a run said of each finding, as the ledger keeps it and can compare it with the run before."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import shapely
import sqlalchemy as sa

from geosys.cases.ledger.events import BATCH
from geosys.cases.ledger.tables import FINDING_VERSIONS, FINDINGS, RUNS, SHAPES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from numpy.typing import NDArray

    from geosys._schema import UsableLayer

SAME_M = 0.001  # coordinates nearer than this are the same: formats round
TOLD = tuple(c.name for c in FINDING_VERSIONS.columns if c.name not in ("finding_id", "run_id"))
_TEXTS = tuple(c.name for c in FINDINGS.columns if isinstance(c.type, sa.String))
_NUMBERS = ("measure", "margin", "threshold")


@dataclass(frozen=True, slots=True)
class Feature:
    """Hold what is compared of one feature: the digest of its geometry, of its attributes, and its codes by field."""

    shape: str
    wkb: bytes
    row: str
    codes: Mapping[str, str]


ABSENT = Feature("", b"", "", {})


def digests_of(geometries: NDArray[np.object_]) -> list[str]:
    """Return the digest of each geometry, the same wherever its rings begin and however finely it was written.

    A missing or empty geometry has an empty one.

    Examples
    --------
    >>> texts = ["POLYGON ((0 0, 9 0, 9 9, 0 0))", "POLYGON ((9 0.0001, 9 9, 0 0, 9 0.0001))", "POINT (1 1)", "POINT EMPTY"]
    >>> one, two, other, empty = digests_of(shapely.from_wkt(texts))
    >>> one == two != other, empty
    (True, '')
    """
    there = ~(shapely.is_missing(geometries) | shapely.is_empty(geometries))
    steps = shapely.transform(shapely.force_2d(geometries[there]), lambda xy: np.round(xy / SAME_M) + 0.0)
    wkb = iter(shapely.to_wkb(shapely.normalize(steps), byte_order=1))
    return [hashlib.sha256(next(wkb)).hexdigest()[:16] if is_there else "" for is_there in there]


def features_of(layers: Mapping[str, UsableLayer], wanted: Iterable[tuple[str, str]]) -> dict[tuple[str, str], Feature]:
    """Return the features named by layer and feature id, also withheld ones; who is in no layer is left out."""
    ids: dict[str, set[str]] = {}
    for layer, name in wanted:
        ids.setdefault(layer, set()).add(name)
    found: dict[tuple[str, str], Feature] = {}
    for layer, names in ids.items():
        if layer in layers:
            view = layers[layer]
            for frame in (view.withheld, view.frame):
                chosen = frame[frame["feature_id"].astype(str).isin(names)]
                found |= {(layer, name): feature for name, feature in _features(chosen, view)}
    return found


def _features(frame: pd.DataFrame, view: UsableLayer) -> Iterable[tuple[str, Feature]]:
    columns = [c for c in view.schema.columns if c in frame.columns]
    coded = [c for c in view.schema.codes if c in frame.columns]
    shapes = frame.geometry.to_numpy() if "geometry" in frame.columns else np.full(len(frame), None)
    wkb = shapely.to_wkb(shapely.force_2d(shapes), byte_order=1)
    for row, shape, digest in zip(frame.to_dict("records"), wkb, digests_of(shapes), strict=True):
        said = "\x1f".join(f"{c}\x1e{'' if _is_missing(row[c]) else row[c]}" for c in columns)
        codes = {f"{view.schema.id}.{c}": str(row[c]) for c in coded if not _is_missing(row[c])}
        attributes = hashlib.sha256(said.encode()).hexdigest()[:16]
        yield str(row["feature_id"]), Feature(digest, shape or b"", attributes, codes)


def _is_missing(value: Any) -> bool:
    return value is None or value is pd.NA or value is pd.NaT or (isinstance(value, float) and np.isnan(value))


def rows_of(findings: pd.DataFrame, features: Mapping[tuple[str, str], Feature]) -> dict[str, dict[str, Any]]:
    """Return the row of each finding by its id: columns of the table `findings`, without case, runs and `seen`."""
    table = findings.drop_duplicates("finding_id")
    size = len(table)

    def column(name: str, read: Callable[[Any], Any]) -> list[Any]:
        return [read(value) for value in (table[name].tolist() if name in table.columns else [None] * size)]

    columns = {name: column(name, _text) for name in _TEXTS} | {name: column(name, _number) for name in _NUMBERS}
    columns["stated_due_on"] = column("due_field_on", _day)
    names = list(columns)
    rows = (dict(zip(names, values, strict=True)) for values in zip(*columns.values(), strict=True))
    return {row["finding_id"]: with_features(row, features) for row in rows}


def with_features(row: dict[str, Any], features: Mapping[tuple[str, str], Feature]) -> dict[str, Any]:
    """Return a row with the digests and codes of its subject and object as they are now."""
    subject = features.get((row["subject_layer"], row["subject_id"]), ABSENT)
    target = features.get((row["object_layer"], row["object_id"]), ABSENT)
    codes = {f"subject.{k}": v for k, v in subject.codes.items()} | {f"object.{k}": v for k, v in target.codes.items()}
    return row | {
        "subject_digest": subject.shape, "object_digest": target.shape, "subject_row": subject.row, "object_row": target.row,
        "classes": json.dumps(codes, ensure_ascii=False, sort_keys=True),
    }  # fmt: skip


def _text(value: Any) -> str:
    return "" if _is_missing(value) else str(value)


def _day(value: Any) -> dt.date | None:
    return value if isinstance(value, dt.date) and not _is_missing(value) else None


def _number(value: Any) -> float | None:
    return None if _is_missing(value) else float(value)


def read_findings(connection: sa.Connection) -> dict[str, dict[str, Any]]:
    """Return the row of every finding there ever was, by its id."""
    rows = connection.execute(sa.select(FINDINGS).order_by(FINDINGS.c.finding_id)).mappings()
    return {row["finding_id"]: dict(row) for row in rows}


def write_findings(
    connection: sa.Connection, fresh: list[dict[str, Any]], changed: list[dict[str, Any]], said: Iterable[str], run: int
) -> None:
    """Write new and changed finding rows; those in `said` also as what the run `run` said of them."""
    if fresh:
        connection.execute(sa.insert(FINDINGS), fresh)
    if changed:
        columns = [c.name for c in FINDINGS.columns if c.name not in ("finding_id", "first_run", "last_run")]
        given = [{"_finding_id": row["finding_id"], **{c: row[c] for c in columns}} for row in changed]
        connection.execute(sa.update(FINDINGS).where(FINDINGS.c.finding_id == sa.bindparam("_finding_id")), given)
    rows, told = {row["finding_id"]: row for row in [*fresh, *changed]}, sorted(set(said))
    versions = [{"run_id": run, "finding_id": k, **{c: rows[k][c] for c in TOLD}} for k in told]
    if versions:
        connection.execute(sa.insert(FINDING_VERSIONS), versions)


def keep_shapes(connection: sa.Connection, features: Iterable[Feature]) -> None:
    """Write the geometries that are not kept yet."""
    wkb = {feature.shape: feature.wkb for feature in features if feature.shape}
    there: set[str] = set()
    wanted = sorted(wkb)
    for start in range(0, len(wanted), BATCH):
        part = sa.select(SHAPES.c.digest).where(SHAPES.c.digest.in_(wanted[start : start + BATCH]))
        there |= set(connection.execute(part).scalars())
    new = [{"digest": digest, "wkb": wkb[digest]} for digest in wanted if digest not in there]
    if new:
        connection.execute(sa.insert(SHAPES), new)


def read_shapes(connection: sa.Connection, digests: Iterable[str]) -> dict[str, shapely.Geometry]:
    """Return the geometries of some digests, in the plan's CRS."""
    wanted = sorted(set(digests) - {""})
    found: dict[str, shapely.Geometry] = {}
    for start in range(0, len(wanted), BATCH):
        part = sa.select(SHAPES).where(SHAPES.c.digest.in_(wanted[start : start + BATCH]))
        found |= {row["digest"]: shapely.from_wkb(row["wkb"]) for row in connection.execute(part).mappings()}
    return found


def read_versions(connection: sa.Connection) -> pd.DataFrame:
    """Return what runs said of findings, in the order of the runs.

    Columns: those of `finding_versions`, `judged_on` of the run, and of the finding its `case_id`, `rule`, and the layer, id and
    name of both sides.
    """
    known = ("case_id", "rule", "subject_layer", "subject_id", "subject_name", "object_layer", "object_id")
    chosen = (
        sa.select(FINDING_VERSIONS, RUNS.c.judged_on, *(FINDINGS.c[name] for name in known))
        .join(RUNS, RUNS.c.run_id == FINDING_VERSIONS.c.run_id)
        .join(FINDINGS, FINDINGS.c.finding_id == FINDING_VERSIONS.c.finding_id)
        .order_by(FINDING_VERSIONS.c.run_id, FINDING_VERSIONS.c.finding_id)
    )
    columns = [*(c.name for c in FINDING_VERSIONS.columns), "judged_on", *known]
    return pd.DataFrame([dict(r) for r in connection.execute(chosen).mappings()], columns=columns)
