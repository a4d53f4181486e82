"""The commands around a package's papers: check one that was received, make the key that signs, the register and its receipts."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import pandas as pd
import typer

from geosys._errors import WorkspaceError
from geosys.cli.case_reading import clock_time
from geosys.cli.options import JsonOption, WorkspaceOption, day_named, workspace_at
from geosys.cli.terminal import print_content, print_rows

if TYPE_CHECKING:
    from collections.abc import Sequence

    from geosys.publish.papers.desk import Desk
    from geosys.publish.papers.signature import SigningKey
    from geosys.workspace import Workspace

VERIFY_HELP = (
    "核对成果包 Check a package that was received: files, signature, and whose it is.\n\n"
    "Example: geosys verify packages/plots_2026-09-30_1 --key 公钥.pem"
)
KEY_HELP = "签名密钥 Make the key that signs packages.\n\nExample: geosys publish key --password"
REGISTER_HELP = "移交登记 Show what was given to whom and when.\n\nExample: geosys publish register --profile plots"
RECEIPT_HELP = (
    "登记签收 Note that a package was countersigned.\n\n"
    "Example: geosys publish receipt 3 --by 王某 --on 2026-10-08 --document 签收单-003.pdf"
)
PASSWORD = "GEOSYS_KEY_PASSWORD"  # noqa: S105  the variable's name
PACKAGES = "packages"
PROBLEMS = 1
_FINGERPRINT = re.compile(r"(?:SHA256:)?(?:[0-9A-Fa-f]{2}[ :]?){32}")
_SHOWN = (
    "publication_no", "published_on", "profile", "package", "receiver", "audience", "received_by", "received_on", "document", "receipts",
)  # fmt: skip


def verify(
    package: Annotated[Path, typer.Argument(help="成果包文件夹 The package's folder.")],
    key: Annotated[
        list[str] | None,
        typer.Option(
            help="报送单位的公钥文件或指纹 The sender's public key (PEM file) or fingerprint, known from elsewhere."
        ),
    ] = None,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Check a package: is it whole and unchanged (intact), and is it of somebody known (by whom)."""
    from geosys.publish.papers.verification import is_intact, verify_package  # noqa: PLC0415  loaded only where used
    from geosys.publish.papers.words import told_check  # noqa: PLC0415

    _ = workspace  # accepted as everywhere: whoever receives a package has none
    trusted, fingerprints = _known_keys(key or [])
    checks = verify_package(package, trusted, fingerprints)
    if as_json:
        print_content({"intact": is_intact(checks), "checks": [told_check(c) for c in checks]}, as_json=True)
    else:
        for check in checks:
            mark = "✓" if check.is_passed else "✗" if check.stops else "?"
            typer.echo(f"{mark} {check.title.both()}: {check.got}")
            if not check.is_passed and not isinstance(check.do, str):
                typer.echo(f"  → {check.do.both()}")
    if not is_intact(checks):
        raise SystemExit(PROBLEMS)


def key(
    password: Annotated[
        bool,
        typer.Option(
            "--password", help=f"以口令保护（或设环境变量 {PASSWORD}）Protect it by a password that is asked for."
        ),
    ] = False,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make the pair of keys of a workspace; give the fingerprint to receivers on paper or by telephone."""
    from geosys.publish.papers import signature  # noqa: PLC0415

    plan = workspace_at(workspace)
    secret = os.environ.get(PASSWORD, "")
    if password and not secret:
        secret = typer.prompt("口令 Password", hide_input=True, confirmation_prompt=True)
    made = signature.make_key(plan.root, secret.encode() or None)
    public = plan.root / signature.KEYS / signature.PUBLIC
    told = {"public_key": str(public.resolve()), "fingerprint": made.fingerprint, "is_protected": bool(secret)}
    lines = [
        f"公钥 public key: {public.resolve()}", f"指纹 fingerprint: {signature.spaced(made.fingerprint)}",
        "私钥只留本机，另存一份备份；丢失后只能换新密钥。Keep the private key here and a copy in a safe place.",
    ]  # fmt: skip
    print_content(told, as_json=as_json, text="\n".join(lines))


def register(
    profile: Annotated[str | None, typer.Option(help="方案 Only packages of this profile.")] = None,
    add: Annotated[
        list[Path] | None,
        typer.Option(help="补登记 Enter a package that lies in packages/ but is not in the register."),
    ] = None,
    by: Annotated[str, typer.Option(help="登记人 Who enters it.")] = "",
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show the register of packages with their receipts; its chain is checked each time."""
    from geosys.cases.ledger.database import read_ledger  # noqa: PLC0415
    from geosys.cases.ledger.publications import read_publications, verify_register  # noqa: PLC0415
    from geosys.publish.papers.desk import enter  # noqa: PLC0415

    plan = workspace_at(workspace)
    for folder in add or []:
        _check_unchanged(folder)
        enter(folder.resolve(), plan.ledger, by, clock_time())
    with read_ledger(plan.ledger) as connection:
        rows, breaks = read_publications(connection, profile), verify_register(connection)
        entered = set(read_publications(connection)["package"])
    waiting = [name for name in _packages(plan) if name not in entered]
    told = [{n: None if pd.isna(row[n]) else row[n] for n in _SHOWN} for row in rows.to_dict("records")]
    if as_json:
        print_content(
            {"register": told, "not_registered": waiting, "breaks": [b.what.en for b in breaks]}, as_json=True
        )
    else:
        print_rows("移交登记 Register", told, as_json=False)
        for name in waiting:
            typer.echo(f"未登记 not registered: {name}（geosys publish register --add {PACKAGES}/{name}）")
        for found in breaks:
            typer.echo(f"登记链断裂 broken chain: {found.case_id} #{found.sequence} {found.what.both()}", err=True)
    if breaks:
        raise SystemExit(PROBLEMS)


def receipt(
    number: Annotated[int, typer.Argument(help="登记号 The package's number in the register.")],
    by: Annotated[str, typer.Option(help="签收人 Who countersigned.")],
    on: Annotated[str | None, typer.Option(help="签收日期 The day, as 2026-10-08 (default: today).")] = None,
    document: Annotated[str, typer.Option(help="签收单编号或文件 The countersigned paper: its number or file.")] = "",
    entered_by: Annotated[str, typer.Option(help="登记人 Who enters it.")] = "",
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Note by whom, when and on which paper a package was countersigned."""
    from geosys.cases.ledger.database import open_ledger  # noqa: PLC0415
    from geosys.cases.ledger.publications import note_receipt  # noqa: PLC0415

    plan = workspace_at(workspace)
    with open_ledger(plan.ledger) as connection:
        made = note_receipt(
            connection, number, received_by=by, received_on=day_named(on), document=document, actor=entered_by, recorded_at=clock_time()
        )  # fmt: skip
    told: dict[str, Any] = {"receipt": made, "publication": number, "by": by, "document": document}
    print_content(told, as_json=as_json, text=f"已登记签收 receipt {made}: 第 {number} 号 number {number}, {by}")


def desk_at(plan: Workspace, packages: Path, actor: str = "") -> Desk:
    """Return the desk that makes the papers of a workspace's packages, with its key where it has one."""
    from geosys.content import content_root  # noqa: PLC0415
    from geosys.maps.paper.press import open_press  # noqa: PLC0415
    from geosys.publish.papers.desk import Desk  # noqa: PLC0415

    press = open_press(content_root() / "maps")
    return Desk(packages, plan.ledger, press, signing_key(plan.root), actor, clock_time())


def signing_key(root: Path) -> SigningKey | None:
    """Return the key of a workspace, None where it has none; a password comes from the environment or is asked for.

    Raises
    ------
    WorkspaceError
        When it cannot be read, or needs a password that nobody can be asked for.
    """
    from geosys.publish.papers import signature  # noqa: PLC0415

    if not signature.has_key(root):
        return None
    if not signature.is_protected(root):
        return signature.load_key(root)
    secret = os.environ.get(PASSWORD, "")
    if not secret and sys.stdin.isatty():
        secret = typer.prompt("签名密钥口令 Password of the signing key", hide_input=True, err=True)
    return signature.load_key(root, secret.encode() or None)


def _known_keys(given: Sequence[str]) -> tuple[list[bytes], list[str]]:
    """Return the public keys and the fingerprints among what was given."""
    trusted, fingerprints = [], []
    for text in given:
        path = Path(text)
        if path.is_file():
            trusted.append(path.read_bytes())
        elif _FINGERPRINT.fullmatch(text.strip()):
            fingerprints.append(text)
        else:
            raise WorkspaceError(
                f"--key: got {text!r}, expected a public key file (PEM) or a fingerprint of 64 hexadecimal digits."
            )
    return trusted, fingerprints


def _check_unchanged(folder: Path) -> None:
    from geosys.publish.papers.verification import is_intact, verify_package  # noqa: PLC0415

    checks = [check for check in verify_package(folder) if not check.id.startswith("package_sign")]
    if not is_intact(checks):
        faults = "; ".join(f"{c.title.en}: {c.got}" for c in checks if not c.is_passed)
        raise WorkspaceError(
            f"{folder.name}: got a package that is not whole ({faults}), expected one as it was published."
        )


def _packages(plan: Workspace) -> list[str]:
    """Return the packages that lie in a workspace, those finished only."""
    return sorted(
        path.parent.name
        for path in (plan.root / PACKAGES).glob("*/SHA256SUMS")
        if not path.parent.name.endswith(".part")
    )
