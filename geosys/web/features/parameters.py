"""The parameters of a question: each known, each of its form; what is unknown is refused, so that no typing error answers too much."""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from geosys.web.features.filters import LANGUAGES, read_filter
from geosys.web.features.literals import text_value
from geosys.web.features.problems import ProblemError
from geosys.web.features.systems import box_of, system_named
from geosys.web.sources.conditions import All, AnyOf, Compare, Missing, Related, all_of
from geosys.web.sources.port import KEY, Query

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from starlette.datastructures import QueryParams

    from geosys.web.features.permitted import Access
    from geosys.web.service import Service
    from geosys.web.sources.conditions import Condition

EVERYWHERE = ("f", "lang")
OF_ITEMS = (
    "limit", "offset", "after", "bbox", "bbox-crs", "crs", "datetime", "filter", "filter-lang", "filter-crs", "sortby", "properties",
)  # fmt: skip
DEFAULT_SYSTEM = "OGC:CRS84"
MOST_OFFSET = 2**31
_TOKEN = re.compile(r"[^\x00-\x1f]{1,200}")
_BOX_SIZES = (4, 6)


@dataclass(frozen=True, slots=True)
class Asked:
    """Hold a question for a page: for the store, the system of its answer, and the language of its page."""

    query: Query
    condition: Condition | None
    system: str


def single(parameters: QueryParams, known: Iterable[str]) -> dict[str, str]:
    """Return parameters by name.

    Raises
    ------
    ProblemError
        400 for one that is not known or stands twice.
    """
    allowed = list(known)
    told: dict[str, str] = {}
    for name, value in parameters.multi_items():
        if name not in allowed:
            raise ProblemError(
                400, f"{name[:60]}: got an unknown parameter, expected one of: {', '.join(allowed[:80])}."
            )
        if name in told:
            raise ProblemError(400, f"{name}: got it twice, expected it once.")
        told[name] = value
    return told


def read_asked(parameters: QueryParams, access: Access, service: Service) -> Asked:
    """Return the question for a page of items.

    Raises
    ------
    ProblemError
        400 with every parameter that is wrong told by its name.
    """
    columns = access.columns
    told = single(parameters, [*EVERYWHERE, *OF_ITEMS, *(c for c in columns if c not in {*EVERYWHERE, *OF_ITEMS})])
    plan = service.plan_crs
    system = system_named(told["crs"], plan, "crs") if "crs" in told else DEFAULT_SYSTEM
    parts = [access.condition, _box(told, access, plan), _filter(told, access, plan), _moment(told, access)]
    parts += [
        Compare(n, "=", text_value(columns[n], v, n))
        for n, v in told.items()
        if n in columns and n not in {*EVERYWHERE, *OF_ITEMS}
    ]
    sort = _sort(told.get("sortby"), columns)
    after = told.get("after", "")
    if after and (sort or "offset" in told or not _TOKEN.fullmatch(after)):
        raise ProblemError(
            400, "after: got it with sortby or offset, or no token, expected the one of a link 'next' alone."
        )
    if (
        after and access.condition is not None
    ):  # rows are numbered through: a number would tell of those that are hidden
        raise ProblemError(
            400, f"after: got {after[:40]!r}, expected offset, as the link 'next' of this account has it."
        )
    if after and not (after.isdecimal() and len(after) <= 18) and "." not in access.collection.version:  # noqa: PLR2004  rows of SQLite
        raise ProblemError(400, f"after: got {after[:40]!r}, expected the token of a link 'next'.")
    limit = min(whole(told, "limit", service.default_features, lowest=1), service.most_features)
    condition = all_of(parts)
    query = Query(
        _properties(told.get("properties"), columns), condition, sort, limit, whole(told, "offset", 0, lowest=0), after
    )
    return Asked(query, condition, system)


def whole(told: Mapping[str, str], name: str, default: int, lowest: int) -> int:
    """Return a whole number of a parameter.

    Raises
    ------
    ProblemError
        400 when it is none or too low.
    """
    text = told.get(name)
    if text is None:
        return default
    if not re.fullmatch(r"[0-9]{1,10}", text) or not lowest <= int(text) <= MOST_OFFSET:
        raise ProblemError(400, f"{name}: got {text[:40]!r}, expected a whole number from {lowest}.")
    return int(text)


def _box(told: Mapping[str, str], access: Access, plan: str) -> Condition | None:
    system = system_named(told["bbox-crs"], plan, "bbox-crs") if "bbox-crs" in told else DEFAULT_SYSTEM
    if "bbox" not in told:
        return None
    parts = told["bbox"].split(",")
    try:
        numbers = [float(part) for part in parts]
    except ValueError:
        numbers = []
    if len(numbers) not in _BOX_SIZES or not all(abs(number) < 1e12 for number in numbers):  # noqa: PLR2004  NaN and infinity are refused too
        raise ProblemError(
            400, f"bbox: got {told['bbox'][:100]!r}, expected four numbers (six with heights), the lower corner first."
        )
    area = box_of(numbers, system)
    return Related("intersects", area) if access.collection.has_geometry else None


def _filter(told: Mapping[str, str], access: Access, plan: str) -> Condition | None:
    language = told.get("filter-lang", LANGUAGES[0])
    if language not in LANGUAGES:
        raise ProblemError(400, f"filter-lang: got {language[:40]!r}, expected one of: {', '.join(LANGUAGES)}.")
    system = system_named(told["filter-crs"], plan, "filter-crs") if "filter-crs" in told else DEFAULT_SYSTEM
    if "filter" not in told:
        return None
    return read_filter(
        told["filter"], language, access.columns, has_geometry=access.collection.has_geometry, system=system
    )


def _sort(text: str | None, columns: Mapping[str, str]) -> tuple[tuple[str, bool], ...]:
    """Return columns to sort by with whether they go down, from ``+name,-year``."""
    if text is None:
        return ()
    found: dict[str, bool] = {}
    for part in text.split(","):
        name = part.strip().removeprefix("-").removeprefix("+")
        if name not in {KEY, *columns} or name in found:
            raise ProblemError(400, f"sortby: got {part[:60]!r}, expected properties, each once, as: -year,name.")
        found[name] = part.strip().startswith("-")
    return tuple(found.items())


def _properties(text: str | None, columns: Mapping[str, str]) -> tuple[str, ...]:
    if text is None:
        return tuple(columns)
    wanted = [part.strip() for part in text.split(",") if part.strip()]
    for name in wanted:
        if name not in columns:
            raise ProblemError(400, f"properties: got {name[:60]!r}, expected properties of the collection.")
    return tuple(name for name in columns if name in wanted)


def _moment(told: Mapping[str, str], access: Access) -> Condition | None:
    """Return the condition of ``datetime``: the day a row stands for lies in it, both ends included.

    A row without its day holds, and so does every row of a layer that has none, as Core (7.15.4) has it. Days have no time zone here:
    of a moment the day counts as it is written.
    """
    if "datetime" not in told:
        return None
    days = _days(told["datetime"])
    time = access.schema.time
    if time not in access.columns or time is None:
        return None
    ends = zip((">=", "<="), (days[0], days[-1]), strict=True)
    return AnyOf((All(tuple(Compare(time, sign, day) for sign, day in ends if day is not None)), Missing(time)))


def _days(text: str) -> list[dt.date | None]:
    """Return the one or two days of ``datetime``; None for an open end."""
    ends = text.split("/")
    try:
        days = [None if end in {"", ".."} else dt.datetime.fromisoformat(end.upper()).date() for end in ends]
    except ValueError:
        days = []
    known = [day for day in days if day is not None]
    if len(days) not in {1, 2} or not known or known != sorted(known):
        raise ProblemError(
            400,
            f"datetime: got {text[:60]!r}, expected a moment or an interval, as 2025-01-01/2025-12-31 or ../2025-12-31.",
        )
    return days
