"""How the parts of a package are made: the doors to files, styles, read-back, papers, signature and register."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from geosys.publish.content import Check, PackageFile, Profile, ShapedLayer
    from geosys.publish.papers.account import Account


@dataclass(frozen=True, slots=True)
class Steps:
    """Hold what makes each part of a package below a folder.

    Parameters
    ----------
    files : writes the data and returns its files.
    styles : writes styles beside the data, given the files that are there.
    read_back : reads the files again and returns what it compared.
    papers : writes metadata, report, receipt, manifest; returns the account with their files and checks.
    report : writes the report alone, of a package that was refused.
    seal : lists the checksums of all files and signs the list.
    register : notes that the package, under its final name, is ready to be given.
    """

    files: Callable[[Path, Sequence[ShapedLayer], Profile, dt.date], list[PackageFile]]
    styles: Callable[[Path, Sequence[ShapedLayer], Sequence[PackageFile]], list[PackageFile]]
    read_back: Callable[[Path, Sequence[PackageFile], Sequence[ShapedLayer], Profile], list[Check]]
    papers: Callable[[Path, Account], Account]
    report: Callable[[Path, Account], None]
    seal: Callable[[Path], None]
    register: Callable[[Path, Account], None]
