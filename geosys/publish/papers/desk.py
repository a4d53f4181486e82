"""The desk where the papers of a package are made: difference, metadata, report, manifest, receipt, seal and register entry."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from geosys._text import Text
from geosys.cases.ledger.database import open_ledger, read_ledger
from geosys.cases.ledger.publications import last_publication, register
from geosys.publish.content import PackageFile
from geosys.publish.papers import difference_book, receipt
from geosys.publish.papers import manifest as manifests
from geosys.publish.papers.checksums import SUMS, write_sums
from geosys.publish.papers.core_elements import core_page
from geosys.publish.papers.difference import FIRST, differ
from geosys.publish.papers.metadata import metadata
from geosys.publish.papers.report import report_json, report_page
from geosys.publish.papers.signature import SigningKey, lay_public_key, sign_sums
from geosys.publish.papers.verification import is_intact, verify_package

if TYPE_CHECKING:
    from collections.abc import Mapping

    from geosys.maps.paper.press import Press
    from geosys.publish.papers.account import Account
    from geosys.publish.papers.difference import Difference

PAPER = "paper"  # the kind of all these files


@dataclass(frozen=True, slots=True)
class Desk:
    """Hold what papers are made with.

    Parameters
    ----------
    packages : the folder of packages, where the last one of a profile lies.
    ledger : where the register is.
    press : measures and fonts.
    key : the one that signs; None: packages are not signed, and their papers say so.
    actor, recorded_at : who publishes, and the time by the caller's clock, for the register.
    """

    packages: Path
    ledger: Path | str
    press: Press
    key: SigningKey | None = None
    actor: str = ""
    recorded_at: str = ""

    def papers(self, folder: Path, account: Account) -> Account:
        """Write all papers of a package that passed into its folder; return its account with them and the difference."""
        fingerprint = self.key.fingerprint if self.key else ""
        account = replace(account, fingerprint=fingerprint, difference=self._difference(account))
        return write_papers(folder, account, self.press)

    def report(self, folder: Path, account: Account) -> None:
        """Write the report of a package that was refused: nothing else of it stays."""
        write_report(folder, account, self.press)

    def seal(self, folder: Path) -> None:
        """List the hashes of all files and sign the list."""
        seal(folder, self.key)

    def register(self, folder: Path, account: Account) -> None:  # noqa: ARG002  the manifest in the folder says it all
        """Enter a package that lies under its final name."""
        enter(folder, self.ledger, self.actor, self.recorded_at)

    def _difference(self, account: Account) -> Difference:
        with read_ledger(self.ledger) as connection:
            entry = last_publication(connection, account.profile.id)
        previous, why = find_previous(self.packages, entry)
        return differ(account.shaped, previous, f"data/{account.profile.id}.gpkg", why)


def find_previous(packages: Path, entry: Mapping[str, Any] | None) -> tuple[Path | None, Text | None]:
    """Return the folder of the package an entry of the register names, or None and why it cannot be compared with."""
    if entry is None:
        return None, FIRST
    folder = packages / entry["package"]
    if not folder.is_dir():
        zh, en = (
            f"上一包 {folder.name} 已不在 packages 文件夹",
            f"the last package, {folder.name}, no longer lies in its folder",
        )
        return None, Text(zh, en)
    sums = folder / SUMS
    own = hashlib.sha256(sums.read_bytes()).hexdigest() if sums.is_file() else ""
    files = [check for check in verify_package(folder) if not check.id.startswith("package_sign")]
    if own != entry["sums_sha256"] or not is_intact(files):
        zh, en = (
            f"上一包 {folder.name} 已不是登记时的文件",
            f"the last package, {folder.name}, is not what was registered",
        )
        return None, Text(zh, en)
    return folder, None


def write_papers(folder: Path, account: Account, press: Press) -> Account:
    """Write metadata, difference, report, manifest and receipt; return the account with their files."""
    name = f"metadata/{account.profile.id}"
    record = metadata(account, folder)
    account = _written(folder, account, f"{name}.xml", record)
    account = _written(folder, account, f"{name}.html", core_page(record, account, press).encode())
    if account.difference is not None and account.difference.layers:
        difference_book.write_difference(folder / difference_book.FILE, account)
        account = _listed(account, difference_book.FILE)
    account = write_report(folder, account, press)
    account = _written(folder, account, manifests.FILE, manifests.manifest(account, folder))
    made = receipt.receipt(account, receipt.listed_files(folder), press)
    return _written(folder, account, receipt.FILE, made[0])


def write_report(folder: Path, account: Account, press: Press) -> Account:
    """Write the report, for people and for machines."""
    account = _written(folder, account, "report.json", report_json(account))
    return _written(folder, account, "report.html", report_page(account, press).encode())


def seal(folder: Path, key: SigningKey | None) -> str:
    """List the hashes of all files, sign the list, and return the list's own hash."""
    if key is not None:
        lay_public_key(folder, key)
    told = write_sums(folder)
    if key is not None:
        sign_sums(folder, key)
    return hashlib.sha256(told).hexdigest()


def enter(folder: Path, ledger: Path | str, actor: str, recorded_at: str) -> int:
    """Enter a package into the register, or find that it is there; return its number.

    Raises
    ------
    WorkspaceError
        When its manifest cannot be read.
    ConflictError
        When another package of its name is entered.
    """
    digest = hashlib.sha256((folder / SUMS).read_bytes()).hexdigest()
    publication = manifests.publication_of(folder, digest, actor, recorded_at)
    with open_ledger(ledger) as connection:
        return register(connection, publication)


def _written(folder: Path, account: Account, name: str, content: bytes) -> Account:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return _listed(account, name)


def _listed(account: Account, name: str) -> Account:
    return replace(account, files=(*account.files, PackageFile(PurePosixPath(name), PAPER)))
