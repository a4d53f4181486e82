"""The answers to writing: create, replace, update and delete, each on the edition of the feature that the client has read."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from starlette.responses import Response

from geosys.web.features.answers import crs_header, feature_as_text, item_address, tag_of
from geosys.web.features.asking import VARY, note, told
from geosys.web.features.editing import changed_feature, content_system, new_feature, read_sent
from geosys.web.features.geojson import GEOJSON
from geosys.web.features.openapi import PATCH
from geosys.web.features.parameters import DEFAULT_SYSTEM, EVERYWHERE, single
from geosys.web.features.permitted import access
from geosys.web.features.problems import ProblemError, not_found
from geosys.web.features.systems import system_named
from geosys.web.sources.port import EditableSource

if TYPE_CHECKING:
    from geosys.web.features.asking import Asking
    from geosys.web.features.editing import Sent
    from geosys.web.features.permitted import Access
    from geosys.web.sources.port import Feature

_WHOLE = (GEOJSON, "application/json")


def create(asking: Asking) -> Response:
    """Add a feature to a collection."""
    found, source = _editable(asking)
    sent = _sent(asking, _WHOLE, is_patch=False)
    feature = source.create(found.collection.id, new_feature(sent, found, asking.service), asking.viewer.name)
    note(asking, found.schema, feature.id, 1, "create")
    return _written(asking, found, feature, 201)


def replace(asking: Asking) -> Response:
    """Put a feature in the place of the one that is there."""
    return _changed(asking, is_patch=False)


def update(asking: Asking) -> Response:
    """Change what is sent of a feature and leave the rest."""
    return _changed(asking, is_patch=True)


def delete(asking: Asking) -> Response:
    """Take a feature away."""
    found, source = _editable(asking)
    before = _before(asking, found)
    source.delete(found.collection.id, before.id, before.edition, asking.viewer.name)
    note(asking, found.schema, before.id, 1, "delete")
    return Response(status_code=204, headers=VARY)


def _changed(asking: Asking, *, is_patch: bool) -> Response:
    found, source = _editable(asking)
    before = _before(asking, found)
    sent = _sent(asking, (PATCH, *_WHOLE) if is_patch else _WHOLE, is_patch=is_patch)
    feature = changed_feature(sent, before, found, asking.service, is_patch=is_patch)
    changed = source.replace(found.collection.id, feature, before.edition, asking.viewer.name)
    note(asking, found.schema, changed.id, 1, "update" if is_patch else "replace")
    return _written(asking, found, changed, 200)


def _editable(asking: Asking) -> tuple[Access, EditableSource]:
    """Return the collection that is to be changed.

    Raises
    ------
    ProblemError
        404 where it may not be read, 401 and 403 where it may be read but not changed.
    """
    found = access(asking.service, asking.viewer, asking.name)
    if not found.may_edit and not asking.viewer.name:
        raise ProblemError(
            401, "account: got nobody, expected somebody who may edit. Sign in.", {"WWW-Authenticate": "Bearer"}
        )
    if not found.may_edit or not isinstance(asking.service.source, EditableSource):
        raise ProblemError(403, "account: got one that may read this collection, expected one that may edit it.")
    single(asking.request.query_params, EVERYWHERE)
    return found, asking.service.source


def _before(asking: Asking, found: Access) -> Feature:
    """Return the feature as it is, if the client has read it so.

    Raises
    ------
    ProblemError
        404 where it is not there, 428 without If-Match, 412 where it was changed since.
    """
    columns = tuple(found.collection.columns)
    before = asking.service.source.one(
        found.collection.id, asking.request.path_params["feature"], columns, found.condition
    )
    if before is None:
        raise not_found()
    header = asking.request.headers.get("if-match", "").strip()
    if header in {"", "*"}:
        raise ProblemError(
            428, "If-Match: got none, expected the ETag of the feature as you read it: so that nobody's change is lost."
        )
    if tag_of(found, before) not in [tag.strip() for tag in header.split(",")]:
        raise ProblemError(
            412,
            "If-Match: got another edition than is there, expected the current one. Read the feature again, then repeat the change.",
        )
    return before


def _sent(asking: Asking, kinds: tuple[str, ...], *, is_patch: bool) -> Sent:
    kind = asking.request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind not in kinds:
        raise ProblemError(415, f"Content-Type: got {kind[:60]!r}, expected one of: {', '.join(kinds)}.")
    system = system_named(
        content_system(asking.request.headers.get("content-crs")), asking.service.plan_crs, "Content-Crs"
    )
    return read_sent(asking.body, system, is_patch=is_patch)


def _written(asking: Asking, found: Access, feature: Feature, status: int) -> Response:
    """Return the feature as it is now, its values those the viewer may see."""
    shown = dataclasses.replace(feature, values={name: feature.values.get(name) for name in found.columns})
    headers = {"ETag": tag_of(found, shown), **crs_header(DEFAULT_SYSTEM)}
    if status == 201:  # noqa: PLR2004
        headers["Location"] = item_address(asking, found, shown)
    return told(feature_as_text(asking, found, shown, DEFAULT_SYSTEM), GEOJSON, headers, status)
