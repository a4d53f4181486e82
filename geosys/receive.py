"""Receive the deliveries of a layer: take them in, or use what was stored when nothing has changed since."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import geopandas as gpd
import pandas as pd

import geosys
from geosys._errors import WorkspaceError
from geosys.content import hash_file
from geosys.layers.intake import take_in
from geosys.layers.issue_table import issue_frame
from geosys.layers.store import drop_current, read_current, read_issues, stored_key, write_issues, write_version

if TYPE_CHECKING:
    from geosys.layers.intake import Layer
    from geosys.layers.spec import Catalogue
    from geosys.workspace import Workspace


@dataclass(frozen=True, slots=True)
class Received:
    """Hold a layer as stored (None: it cannot be used), its issue table, and whether it was stored before."""

    layer: Layer | None
    issues: gpd.GeoDataFrame
    reused: bool


def receive(workspace: Workspace, layer_id: str, catalogue: Catalogue) -> Received:
    """Take the deliveries of one layer in, store the version and its issues, and return both as stored.

    What was stored is used again when deliveries, plan entry, layer spec, code lists, issue types, region and program
    version are the same. A layer that cannot be had loses its current version: its rules are then *not assessed*.
    """
    deliveries = [d for d in workspace.deliveries if d.layer == layer_id]
    spec, key = catalogue.layers[layer_id], receipt_key(workspace, layer_id, catalogue)
    stored = _stored(workspace, layer_id, key, catalogue)
    if stored is not None:
        return stored
    made, found = take_in(spec, deliveries, workspace.place, catalogue)
    if made is not None:
        write_version(workspace.store, made, key)
    issues = issue_frame(found, catalogue, workspace.crs)
    write_issues(workspace.store, layer_id, key, issues)
    if made is None:
        drop_current(workspace.store, layer_id)
    return Received(read_current(workspace.store, layer_id, catalogue), issues, reused=False)


def _stored(workspace: Workspace, layer_id: str, key: str, catalogue: Catalogue) -> Received | None:
    """Return what an earlier intake of the same key stored, or None when it is not there whole."""
    if stored_key(workspace.store, layer_id) != key:
        return None
    try:
        layer = read_current(workspace.store, layer_id, catalogue)
    except WorkspaceError:  # damaged since: it is made again from the deliveries
        return None
    issues = read_issues(workspace.store, layer_id, key, workspace.crs)
    return None if layer is None or issues is None else Received(layer, issues, reused=True)


def receipt_key(workspace: Workspace, layer_id: str, catalogue: Catalogue) -> str:
    """Return the hash of all that decides how a layer's deliveries are taken in."""
    spec = catalogue.layers[layer_id]
    lists = sorted({f.codes for f in spec.fields.values() if f.codes})
    kinds = sorted((k.id, k.severity, k.title, k.advice) for k in catalogue.issue_types.values())
    told: list[Any] = [
        geosys.__version__, spec.spec_hash, [(name, catalogue.codes[name].hash) for name in lists],
        repr(kinds), workspace.crs, workspace.region,
    ]  # fmt: skip
    for delivery in workspace.deliveries:
        if delivery.layer == layer_id:
            entry = {k: v for k, v in asdict(delivery).items() if k != "path"}
            told.append([entry, hash_file(delivery.path) if delivery.path.exists() else None])
    return hashlib.sha256(json.dumps(told, default=str, ensure_ascii=False, sort_keys=True).encode()).hexdigest()


def all_issues(tables: list[gpd.GeoDataFrame], crs: str, catalogue: Catalogue) -> gpd.GeoDataFrame:
    """Return several issue tables as one, in their order."""
    filled = [table for table in tables if len(table)]
    if not filled:
        return issue_frame([], catalogue, crs)
    return gpd.GeoDataFrame(pd.concat(filled, ignore_index=True), crs=crs)
