"""The manifest of a package: what it is, of which layer versions and run, and every file with its hash."""

from __future__ import annotations

import datetime as dt
import json
from typing import TYPE_CHECKING, Any

from geosys._errors import WorkspaceError
from geosys._text import Text
from geosys.cases.ledger.publications import Publication
from geosys.publish.papers.checksums import SUMS, find_files, sha256_of
from geosys.publish.papers.words import plain, told_difference, told_layers

if TYPE_CHECKING:
    from pathlib import Path

    from geosys.publish.papers.account import Account

FILE = "manifest.json"
KIND = "geosys package 1"


def manifest(account: Account, folder: Path) -> bytes:
    """Return the manifest over the files that lie in the folder now."""
    profile, run = account.profile, account.run
    told: dict[str, Any] = {
        "kind": KIND, "package": account.package, "day": account.day.isoformat(), "program": account.program,
        "mark": account.mark.both() if account.mark else None, "profile": profile.id,
        "title": {"zh": profile.title.zh, "en": profile.title.en}, "certainty": profile.certainty,
        "sender": profile.sender.zh, "receiver": profile.receiver.zh, "audience": profile.audience, "crs": account.crs,
        "layers": told_layers(account), "run": plain({n: run[n] for n in ("as_of", "program", "workspace", "rules") if n in run}),
        "permissions": plain(list(account.permissions)), "difference": told_difference(account), "fingerprint": account.fingerprint,
        "files": [
            {"path": name, "size": path.stat().st_size, "sha256": sha256_of(path)} for name, path in find_files(folder).files.items()
        ],
    }  # fmt: skip
    return (json.dumps(told, ensure_ascii=False, indent=1) + "\n").encode()


def publication_of(folder: Path, digest: str, actor: str, recorded_at: str) -> Publication:
    """Return the entry of the register for a package as its manifest has it.

    Parameters
    ----------
    digest : SHA-256 of its ``SHA256SUMS``.

    Raises
    ------
    WorkspaceError
        When it has no manifest of a package, or that of another one.
    """
    try:
        told = json.loads((folder / FILE).read_text(encoding="utf-8"))
        if told["kind"] != KIND or told["package"] != folder.name:
            got = f"the manifest of '{told.get('package')}'"
            raise WorkspaceError(f"{folder.name}: got {got}, expected its own. Give the folder its name back.")
        kept = {name: told[name] for name in ("layers", "permissions", "difference", "run", "crs")}
        return Publication(
            package=told["package"], profile=told["profile"], title=Text(**told["title"]), sender=told["sender"],
            receiver=told["receiver"], audience=told["audience"], published_on=dt.date.fromisoformat(told["day"]),
            sums_sha256=digest, fingerprint=told["fingerprint"], program=told["program"], actor=actor, recorded_at=recorded_at,
            told=kept,
        )  # fmt: skip
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise WorkspaceError(
            f"{folder.name}/{FILE}: got {error!r}, expected a manifest of a package ({SUMS} beside it)."
        ) from None
