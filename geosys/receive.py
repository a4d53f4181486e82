"""Receive the deliveries of a layer: take them in, or use what was stored when nothing has changed since."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

import geopandas as gpd
import numpy as np
import pandas as pd

import geosys
from geosys.content import hash_file
from geosys.geo.crs import GEOGRAPHIC, to_crs
from geosys.layers.bulk import is_bulk, take_in_bulk
from geosys.layers.intake import take_in
from geosys.layers.issue_table import issue_frame
from geosys.layers.store import (
    drop_current,
    has_current,
    read_current,
    read_issues,
    read_provenance,
    stored_key,
    write_issues,
    write_version,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from geosys.layers.delivery import Delivery
    from geosys.layers.intake import Layer
    from geosys.layers.issues import Issue
    from geosys.layers.place import Place
    from geosys.layers.spec import Catalogue, LayerSpec
    from geosys.workspace import Workspace


@dataclass(frozen=True, slots=True)
class Received:
    """Hold the issues of a layer's intake, whether it can be used, whether it was stored before; rows are read when asked."""

    store: Path
    spec: LayerSpec
    issues: gpd.GeoDataFrame
    is_usable: bool
    reused: bool

    def layer(self) -> Layer | None:
        """Read the layer as stored, or return None when it cannot be used."""
        return read_current(self.store, self.spec) if self.is_usable else None

    def provenance(self) -> dict[str, Any]:
        """Return where the layer's version comes from, `version` included; empty when it cannot be used."""
        return read_provenance(self.store, self.spec.id) if self.is_usable else {}


def receive(
    workspace: Workspace, layer_id: str, catalogue: Catalogue, progress: Callable[[int, int], None] | None = None
) -> Received:
    """Take the deliveries of one layer in, store the version and its issues, and return both as stored.

    What was stored is used again when deliveries, plan entry, layer spec, code lists, issue types, region and program
    version are the same. A layer that cannot be had loses its current version: its rules are then *not assessed*.
    `progress` is called with rows done and to do where a delivery is large.
    """
    spec, key = catalogue.layers[layer_id], receipt_key(workspace, layer_id, catalogue)
    issues = _stored_issues(workspace, layer_id, key)
    if issues is not None:
        return Received(workspace.store, spec, issues, is_usable=True, reused=True)
    deliveries = [d for d in workspace.deliveries if d.layer == layer_id]
    is_stored, found = _take_in(workspace, spec, deliveries, catalogue, key, progress)
    issues = issue_frame(found, catalogue, workspace.crs)
    write_issues(workspace.store, layer_id, key, issues)
    if not is_stored:
        drop_current(workspace.store, layer_id)
    return Received(workspace.store, spec, issues, is_usable=is_stored, reused=False)


def _take_in(
    workspace: Workspace, spec: LayerSpec, deliveries: Sequence[Delivery], catalogue: Catalogue, key: str,
    progress: Callable[[int, int], None] | None,
) -> tuple[bool, list[Issue]]:  # fmt: skip
    """Take deliveries in and store the version, batch by batch where they are many rows; say whether there is one."""
    place = _place(workspace, spec, catalogue)
    if is_bulk(spec, deliveries):
        try:
            made = take_in_bulk(spec, deliveries, place, catalogue, workspace.store, key, progress)
        except UnicodeDecodeError:  # texts against the law of their format: judged on the whole column below
            pass
        else:
            return bool(made.version), made.issues
    layer, found = take_in(spec, deliveries, place, catalogue)
    if layer is not None:
        write_version(workspace.store, layer, key)
    return layer is not None, found


def _witnesses(spec: LayerSpec, catalogue: Catalogue) -> list[LayerSpec]:
    """Return the layers that positions of a layer are held against; none for those that are held against themselves."""
    if spec.is_reference or spec.divisions:
        return []
    return [other for other in catalogue.layers.values() if other.is_reference or other.divisions]


def _place(workspace: Workspace, spec: LayerSpec, catalogue: Catalogue) -> Place:
    """Return the plan's place with what is known to lie right: reference layers, and divisions by code, in degrees."""
    reference: list[NDArray[np.object_]] = []
    divisions: dict[str, Any] = {}
    for other in _witnesses(spec, catalogue):
        layer = read_current(workspace.store, other) if has_current(workspace.store, other.id) else None
        if layer is None:
            continue
        shapes = to_crs(layer.frame.geometry.to_numpy(), workspace.crs, GEOGRAPHIC)
        if other.is_reference:
            reference.append(shapes)
        if other.divisions:
            divisions |= dict(zip(layer.frame[other.divisions].astype(str), shapes, strict=True))
    there = np.concatenate(reference) if reference else None
    return replace(workspace.place, reference=there, counties=divisions)


def _stored_issues(workspace: Workspace, layer_id: str, key: str) -> gpd.GeoDataFrame | None:
    """Return the issues of an earlier intake of the same key, or None when it is not there whole."""
    if stored_key(workspace.store, layer_id) != key or not has_current(workspace.store, layer_id):
        return None
    return read_issues(workspace.store, layer_id, key, workspace.crs)


def receipt_key(workspace: Workspace, layer_id: str, catalogue: Catalogue) -> str:
    """Return the hash of all that decides how a layer's deliveries are taken in."""
    spec = catalogue.layers[layer_id]
    lists = sorted({"office"} | {f.codes for f in spec.fields.values() if f.codes})  # issues name the office
    kinds = sorted((k.id, k.severity, k.responsibility, k.title, k.advice) for k in catalogue.issue_types.values())
    told: list[Any] = [
        geosys.__version__, spec.spec_hash, [(name, catalogue.codes[name].hash) for name in lists],
        repr(kinds), workspace.crs, workspace.region, workspace.as_of,
    ]  # fmt: skip
    store = workspace.store
    witnesses = [other.id for other in _witnesses(spec, catalogue) if has_current(store, other.id)]
    told += [[name, read_provenance(store, name)["version"]] for name in witnesses]
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
