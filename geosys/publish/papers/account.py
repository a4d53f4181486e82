"""The account of a package: all that its papers say, gathered once, so that no two papers say different things."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from geosys._text import Text

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Mapping, Sequence

    from geosys.publish.content import Check, PackageFile, Profile, ShapedLayer
    from geosys.publish.papers.difference import Difference

NO_TEXT = Text("", "")


@dataclass(frozen=True, slots=True)
class Account:
    """Hold what is known of one package when its papers are written.

    Parameters
    ----------
    package : the name of its folder.
    day : the day it speaks of and is dated.
    program : program and version, as in ``GeoSys 0.1.0``.
    profile : who is given what.
    crs : of its geometries, as in ``EPSG:4526``.
    shaped : its layers; empty where it was refused before they were shaped.
    files : what was written; paths below the package's folder.
    checks : every check of every stage, in the order they were made.
    area : title of the workspace; `mark` is what must stand on every output, as 样例数据.
    run : ``out/manifest.json`` of the last run; empty where there was none.
    accuracies_m : positional accuracy in metres by layer id, from the layers' specs.
    permissions : those the plan grants and this package used, with keys as in the plan's ``[[permissions]]``.
    difference : against the last package of the profile; None where the package was refused before it was known.
    fingerprint : of the key it will be signed with; empty: it will not be signed.
    """

    package: str
    day: dt.date
    program: str
    profile: Profile
    crs: str
    shaped: Sequence[ShapedLayer] = ()
    files: Sequence[PackageFile] = ()
    checks: Sequence[Check] = ()
    area: Text = NO_TEXT
    mark: Text | None = None
    run: Mapping[str, Any] = field(default_factory=dict)
    accuracies_m: Mapping[str, float] = field(default_factory=dict)
    permissions: Sequence[Mapping[str, Any]] = ()
    difference: Difference | None = None
    fingerprint: str = ""

    @property
    def is_passed(self) -> bool:
        """Say whether the package may leave: no check that stops has failed."""
        return all(check.is_passed or not check.stops for check in self.checks)
