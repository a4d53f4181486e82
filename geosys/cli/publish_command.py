"""The commands of publishing: make a package of a profile, or see beforehand whether it may leave; list the profiles."""

from __future__ import annotations

import getpass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from geosys._errors import WorkspaceError
from geosys.cli import package_papers_command, postgis_command
from geosys.cli.options import JsonOption, TodayOption, WorkspaceOption, day_named
from geosys.cli.package_papers_command import desk_at
from geosys.cli.terminal import print_content, print_rows, show_progress
from geosys.layers.spec import read_catalogue
from geosys.publish.profiles import profile_named, read_profiles, with_formats, with_layers
from geosys.workspace import find_workspace, read_workspace

if TYPE_CHECKING:
    from geosys.layers.spec import Catalogue
    from geosys.publish.package import Outcome
    from geosys.publish.profile_reading import ShippedProfile
    from geosys.publish.steps import Steps
    from geosys.workspace import Workspace

PROBLEMS = 1
MOST_SHOWN = 40
app = typer.Typer(
    no_args_is_help=True, help="交付：检查、打包、签名、登记 Publishing: what leaves is checked, signed and registered."
)


@app.command(
    name="package",
    help="按配置打包交付 Make a package of a profile; it leaves only if every check passes.\n\n"
    "Example: geosys publish package plots --workspace ./county --preview",
)
def package_command(
    profile: Annotated[
        str, typer.Argument(help="配置 A profile of layers/profiles/ (list them: geosys publish profiles).")
    ],
    layer: Annotated[
        list[str] | None,
        typer.Option("--layer", help="图层 A layer for a profile without layers of its own; may be repeated."),
    ] = None,
    kind: Annotated[
        list[str] | None, typer.Option("--format", help="格式 Only this format of the profile's; may be repeated.")
    ] = None,
    workspace: WorkspaceOption = None,
    today: TodayOption = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", help="成果包文件夹 Folder of packages (default: packages/ of the workspace)."),
    ] = None,
    preview: Annotated[bool, typer.Option("--preview", help="只检查不写 Shape and check only; write nothing.")] = False,
    by: Annotated[str, typer.Option("--by", help="经办人 In whose name (default: the user of this computer).")] = "",
    as_json: JsonOption = False,
) -> None:
    """Make a package, or say why it must stay in the house."""
    from geosys.publish.package import packages_of, preview_package, publish_package  # noqa: PLC0415  heavy: only where used

    catalogue = read_catalogue()
    plan = read_workspace(find_workspace(workspace or Path.cwd()), catalogue)
    wanted = with_layers(profile_named(read_profiles(catalogue.root, catalogue), profile), layer or [], catalogue)
    wanted = with_formats(wanted, kind or [])
    day, packages = day_named(today), packages_of(plan, out.resolve() if out else None)
    if preview:
        outcome = preview_package(plan, catalogue, wanted, day)
    else:
        steps = _steps(plan, catalogue, packages, by or getpass.getuser())
        with show_progress() as progress:
            outcome = publish_package(plan, catalogue, wanted, day, steps, out=packages, progress=progress)
    _report(outcome, as_json=as_json)


def _steps(plan: Workspace, catalogue: Catalogue, packages: Path, actor: str) -> Steps:
    """Return how the house makes the parts of a package.

    Raises
    ------
    WorkspaceError
        When the workspace has no key: what is not signed does not leave.
    """
    from geosys.maps.spec import load_map  # noqa: PLC0415
    from geosys.publish.files import write_files  # noqa: PLC0415
    from geosys.publish.read_back import read_back  # noqa: PLC0415
    from geosys.publish.steps import Steps  # noqa: PLC0415
    from geosys.publish.styles import write_styles  # noqa: PLC0415
    from geosys.views import schemas_of  # noqa: PLC0415

    desk = desk_at(plan, packages, actor)
    if desk.key is None:
        raise WorkspaceError(
            f"{plan.root}: got no key to sign with, expected one. Make it once with 'geosys publish key', and give its "
            "fingerprint to receivers; what a package would be found to be is shown by --preview."
        )
    spec = load_map(
        catalogue.root / "maps", {name: set(schema.titles) for name, schema in schemas_of(catalogue).items()}
    )
    return Steps(
        files=write_files, styles=lambda folder, shaped, files: write_styles(folder, shaped, spec, files), read_back=read_back,
        papers=desk.papers, report=desk.report, seal=desk.seal, register=desk.register,
    )  # fmt: skip


def _report(outcome: Outcome, *, as_json: bool) -> None:
    """Print the verdict, what stops the package, and what must be said of it; exit 1 where it stays."""
    account = outcome.account
    failed = [check for check in account.checks if not check.is_passed]
    content: dict[str, Any] = {
        "profile": account.profile.id, "package": account.package, "passed": outcome.is_passed,
        "folder": str(outcome.folder) if outcome.folder else "", "crs": account.crs,
        "layers": {one.layer.name: len(one.frame) for one in account.shaped}, "checks": len(account.checks),
        "failed": [
            {"id": c.id, "title": str(c.title), "where": c.where, "got": c.got, "expected": c.expected, "do": str(c.do), "stops": c.stops}
            for c in failed
        ],
    }  # fmt: skip
    stopping = [c for c in failed if c.stops]
    shown = [*stopping, *(c for c in failed if not c.stops)]
    verdict = "可以交付 May leave" if outcome.is_passed else "不得交付 Must stay in the house"
    lines = [
        f"{verdict}：{account.profile.title.both()}（{', '.join(f'{n} {r}' for n, r in content['layers'].items()) or '—'}）",
        *(
            f"{'✗' if c.stops else '!'} {c.title.both()} [{c.id}] {c.where}: got {c.got}, expected {c.expected}. {_do(c.do)}".rstrip()
            for c in shown[:MOST_SHOWN]
        ),
        *([f"… {len(shown) - MOST_SHOWN} more: report.html"] if len(shown) > MOST_SHOWN else []),
        f"检查 checks: {len(account.checks)}，阻止 stopping {len(stopping)}，提示 told {len(failed) - len(stopping)}",
        *([f"{'package' if outcome.is_passed else 'report'}: {outcome.folder}"] if outcome.folder else []),
    ]
    print_content(content, as_json=as_json, text="\n".join(lines))
    if not outcome.is_passed:
        raise SystemExit(PROBLEMS)


def _do(do: object) -> str:
    return do.both() if hasattr(do, "both") else str(do)


@app.command(name="profiles", help="列出交付配置 List the profiles.\n\nExample: geosys publish profiles --json")
def profiles_command(workspace: WorkspaceOption = None, as_json: JsonOption = False) -> None:
    """List the profiles: who gives what to whom, in which formats, and what no layer holds yet."""
    _ = workspace  # accepted as everywhere: profiles are content
    catalogue = read_catalogue()
    rows = [_row(profile) for profile in read_profiles(catalogue.root, catalogue).values()]
    print_rows("交付配置 Profiles", rows, as_json=as_json)


def _row(profile: ShippedProfile) -> dict[str, object]:
    return {
        "profile": profile.id, "title": profile.title.zh, "sender": profile.sender.zh, "receiver": profile.receiver.zh,
        "layers": ", ".join(layer.source for layer in profile.layers) or ("--layer" if profile.is_open else "—"),
        "formats": " ".join(profile.formats), "audience": profile.audience, "certainty": profile.certainty,
        "lacking": profile.lacking.zh,
    }  # fmt: skip


app.command(name="key", help=package_papers_command.KEY_HELP)(package_papers_command.key)
app.command(name="register", help=package_papers_command.REGISTER_HELP)(package_papers_command.register)
app.command(name="receipt", help=package_papers_command.RECEIPT_HELP)(package_papers_command.receipt)
app.command(name="postgis", help=postgis_command.HELP)(postgis_command.postgis)
