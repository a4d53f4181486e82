"""Outward copies: the files of a case for people outside, without who, where and when in them that nobody meant to give."""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from geosys._errors import WorkspaceError
from geosys._text import Text
from geosys.cases.ledger.evidence_store import is_whole, original
from geosys.cases.ledger.evidence_terms import AS_IS, PLAIN
from geosys.cases.ledger.file_kinds import MEDIA_TYPES
from geosys.cases.ledger.pictures import write_plain

if TYPE_CHECKING:
    import pandas as pd

    from geosys.cases.ledger.evidence_terms import EvidenceTerms

GIVEN, WITH_METADATA, WITHHELD = "given", "with_metadata", "withheld"


@dataclass(frozen=True, slots=True)
class HandedOut:
    """Hold what became of one file: its own name and SHA-256, the name of the copy (empty: none), how, and why."""

    name: str
    digest: str
    copy: str
    how: str
    why: Text


def hand_out(
    files: pd.DataFrame, folder: Path, target: Path, case_id: str, terms: EvidenceTerms, *, with_documents: bool = False
) -> list[HandedOut]:
    """Write copies of a case's files into a new folder, whole or not at all; pictures keep nothing but their pixels.

    Copies are named by the case and a number: names of files tell of people too.

    Parameters
    ----------
    files
        From `evidence.read_files`.
    folder
        The folder `evidence` of the workspace.
    target
        A folder that is not there or empty, outside of `folder`.
    with_documents
        Also copy what cannot be freed of its metadata, as it is; the result says so.

    Raises
    ------
    WorkspaceError
        When there is no file, the target is not free, an original is missing or altered, or a copy still holds metadata.
    """
    _check_target(folder, target)
    if files.empty:
        raise WorkspaceError(f"case {case_id}: got no files, expected at least one. Use 'geosys cases attach'.")
    told = []
    with tempfile.TemporaryDirectory(prefix=".part-", dir=target.parent, ignore_cleanup_errors=True) as part:
        whole = Path(part) / "whole"
        whole.mkdir()
        for number, row in enumerate(files.to_dict("records"), 1):
            source = original(folder, row["digest"], row["media_type"])
            if not is_whole(source, row["digest"]):
                raise WorkspaceError(
                    f"{row['name']}: got no whole original, expected the one that was attached. See 'geosys cases verify'."
                )
            kind = next(name for name, word in MEDIA_TYPES.items() if word == row["media_type"])
            known = terms.kinds.get(kind)
            way = known.outward if known else ""
            copy = whole / f"{case_id}-{number:02d}{_end(kind, source)}"
            try:
                told.append(_copied(row, kind, source, copy, way, with_documents=with_documents))
            except WorkspaceError as error:
                raise WorkspaceError(f"{row['name']}: {error}") from None
        if target.exists():
            target.rmdir()
        whole.replace(target)
    return told


def _copied(row: dict[str, str], kind: str, source: Path, copy: Path, way: str, *, with_documents: bool) -> HandedOut:
    own = (row["name"], row["digest"])
    if way == PLAIN:
        write_plain(source, kind, copy)
        return HandedOut(*own, copy.name, GIVEN, Text("只含像素，附带信息已去掉", "pixels only, metadata removed"))
    if way == AS_IS:
        shutil.copyfile(source, copy)
        return HandedOut(*own, copy.name, GIVEN, Text("不带附带信息", "has no metadata"))
    if with_documents:
        shutil.copyfile(source, copy)
        told = Text(
            "原样提供：附带信息（作者、时间、位置等）仍在",
            "as it is: its metadata (author, time, place) is still in it",
        )
        return HandedOut(*own, copy.name, WITH_METADATA, told)
    return HandedOut(*own, "", WITHHELD, Text("附带信息去不掉，未提供", "its metadata cannot be removed: not given"))


def _end(kind: str, source: Path) -> str:
    return ".png" if kind == "tiff" else source.suffix


def _check_target(folder: Path, target: Path) -> None:
    if target.is_symlink() or (target.exists() and (not target.is_dir() or any(target.iterdir()))):
        raise WorkspaceError(
            f"{target.name}: got something that is there, expected a new or empty folder. Name another one."
        )
    if not target.parent.is_dir():
        raise WorkspaceError(f"{target}: got a folder that is not there above it, expected one. Make it first.")
    if target.resolve().is_relative_to(folder.resolve()):
        raise WorkspaceError(f"{target.name}: got a folder inside the store of evidence, expected one outside of it.")
