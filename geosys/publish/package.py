"""Make a package: shape, judge, check, write, read back, describe, sign, and only then let it appear."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import geosys
from geosys.content import read_toml
from geosys.permissions import read_permissions
from geosys.publish.check_words import is_stopped
from geosys.publish.checks import check_layers
from geosys.publish.claims import PART, REFUSED, claimed
from geosys.publish.gathering import gather
from geosys.publish.papers.account import Account
from geosys.publish.permissions import judge_disclosure
from geosys.publish.shaping import shape_layers
from geosys.publish.zones import crs_for
from geosys.workspace import PLAN

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from geosys.layers.spec import Catalogue
    from geosys.publish.content import Check, ShapedLayer
    from geosys.publish.profile_reading import ShippedProfile
    from geosys.publish.steps import Steps
    from geosys.workspace import Workspace

PACKAGES = "packages"
STAGES = ("shaping", "disclosure", "checks", "files", "styles", "read_back", "papers", "seal", "finish")


@dataclass(frozen=True, slots=True)
class Outcome:
    """Hold what came of making a package.

    `folder` holds the package, or the report of a refused one; None after a preview.
    """

    account: Account
    folder: Path | None

    @property
    def is_passed(self) -> bool:
        """Say whether the package may leave, or could as far as a preview tells."""
        return self.account.is_passed


def packages_of(workspace: Workspace, out: Path | None = None) -> Path:
    """Return the folder of packages: `out`, or that of the workspace."""
    return out or workspace.root / PACKAGES


def preview_package(workspace: Workspace, catalogue: Catalogue, profile: ShippedProfile, day: dt.date) -> Outcome:
    """Shape and check a package without writing anything; arguments and errors as `publish_package`."""
    account, _ = _judge(workspace, catalogue, profile, day, _Bar(None))
    return Outcome(account, None)


def publish_package(
    workspace: Workspace,
    catalogue: Catalogue,
    profile: ShippedProfile,
    day: dt.date,
    steps: Steps,
    *,
    out: Path | None = None,
    progress: Callable[[str, int, int], None] | None = None,
) -> Outcome:
    """Make a package of a profile, or a report of why it must stay in the house.

    The package is built in ``<name>.part`` and appears under its name at once, signed, after every check has passed. A
    refused one leaves ``refused/<name>/`` with its report, never data. A process that is killed leaves neither; what it
    had begun is deleted when the next package is made.

    Parameters
    ----------
    day : the package's date, and that on which permissions must hold.
    steps : how files, styles, papers and signature are made.
    out : the folder of packages; default ``packages/`` of the workspace.
    progress : called with a stage of `STAGES`, 0 and 1 when it begins, 1 and 1 when it is done.

    Raises
    ------
    SpecError
        When the plan's permissions are wrong.
    CrsError
        When the profile's CRS cannot be reached exactly.
    WorkspaceError
        When a layer version is damaged or the folder cannot be written to.
    """
    bar = _Bar(progress)
    packages = packages_of(workspace, out)
    account, shaped = _judge(workspace, catalogue, profile, day, bar)
    with claimed(packages, f"{profile.id}_{day.isoformat()}") as name:
        account = replace(account, package=name)
        part = packages / f"{name}{PART}"
        if account.is_passed:
            account = _build(part, account, shaped, steps, bar)
        if not account.is_passed:
            return Outcome(account, _refuse(packages / REFUSED, account, steps, bar))
        bar.begin("seal")
        steps.seal(part)
        bar.begin("finish")
        part.rename(packages / name)
        steps.register(packages / name, account)
        bar.end()
    return Outcome(account, packages / name)


class _Bar:
    """Tell which stage begins, and that the one before is done."""

    def __init__(self, progress: Callable[[str, int, int], None] | None) -> None:
        self._progress = progress
        self._stage = ""

    def begin(self, stage: str) -> None:
        self.end()
        self._stage = stage
        if self._progress:
            self._progress(stage, 0, 1)

    def end(self) -> None:
        if self._progress and self._stage:
            self._progress(self._stage, 1, 1)


def _judge(
    workspace: Workspace, catalogue: Catalogue, profile: ShippedProfile, day: dt.date, bar: _Bar
) -> tuple[Account, list[ShapedLayer]]:
    """Return the account of a package as far as it can be known before anything is written, and its layers."""
    bar.begin("shaping")
    permissions = read_permissions(read_toml(workspace.root / PLAN), catalogue)
    found = gather(workspace, catalogue, profile)
    shaped = shape_layers(profile, found.layers, found.results, workspace.crs)
    bar.begin("disclosure")
    allowed, used = judge_disclosure(profile, catalogue, permissions, day)
    bar.begin("checks")
    checks = [*allowed, *check_layers(profile, shaped, found.setting)]
    run: dict[str, Any] = dict(found.results.manifest) if found.results is not None else {}
    sources = [layer.source for layer in profile.layers if layer.source in catalogue.layers]
    account = Account(
        package="", day=day, program=f"GeoSys {geosys.__version__}", profile=profile, shaped=tuple(shaped), checks=tuple(checks),
        crs=crs_for(profile.crs, workspace.crs, profile.id, has_zone_prefix=profile.has_zone_prefix),
        area=workspace.title, mark=workspace.mark, run=run, permissions=tuple(p.told() for p in used),
        accuracies_m={name: catalogue.layers[name].accuracy_m for name in sources},
    )  # fmt: skip
    return account, shaped


def _build(part: Path, account: Account, shaped: Sequence[ShapedLayer], steps: Steps, bar: _Bar) -> Account:
    """Write files, styles and papers of a package into a folder; return the account with all checks of them."""
    bar.begin("files")
    files = steps.files(part, shaped, account.profile, account.day)
    bar.begin("styles")
    files = [*files, *steps.styles(part, shaped, files)]
    bar.begin("read_back")
    account = _with_checks(account, steps.read_back(part, files, shaped, account.profile))
    account = replace(account, files=tuple(files))
    if is_stopped(account.checks):
        return account
    bar.begin("papers")
    return steps.papers(part, account)


def _with_checks(account: Account, checks: Sequence[Check]) -> Account:
    return replace(account, checks=(*account.checks, *checks))


def _refuse(refused: Path, account: Account, steps: Steps, bar: _Bar) -> Path:
    """Write the report of a package that must stay; return its folder."""
    bar.begin("papers")
    part = refused / f"{account.package}{PART}"
    part.mkdir()
    steps.report(part, replace(account, files=()))
    folder = refused / account.package
    part.rename(folder)
    bar.end()
    return folder
