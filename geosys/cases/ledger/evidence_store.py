"""The store of evidence: originals by the hash of their content, each once, never altered; small pictures beside them.

`evidence/ab/abcdef….jpg` holds an original; `evidence/thumbs/abcdef…-320.jpg` a small picture of it.
"""

from __future__ import annotations

import hashlib
import os
import stat
import tempfile
import unicodedata
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from geosys._errors import WorkspaceError
from geosys._text import Text
from geosys.cases.ledger.exif import Remark, Taken, taken
from geosys.cases.ledger.file_kinds import MEDIA_TYPES, PICTURES, check_whole, kind_of
from geosys.cases.ledger.pictures import draw_small, read_tags

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from geosys.cases.ledger.evidence_terms import EvidenceTerms

EVIDENCE = "evidence"  # below the workspace
THUMBS = "thumbs"
_MB, _BLOCK = 1_000_000, 1 << 20
_MOST_NAME = 200
_OPENING = os.O_RDONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)


@dataclass(frozen=True, slots=True)
class Staged:
    """Hold one file that was looked at: its copy, the small picture or None, name, SHA-256, kind, size in bytes, what it says."""

    copy: Path
    small: Path | None
    name: str
    digest: str
    kind: str
    size: int
    taken: Taken


@contextmanager
def staged(folder: Path, files: Sequence[Path], terms: EvidenceTerms) -> Iterator[list[Staged]]:
    """Copy files beside the store and look at the copies; they go when the context ends, unless they were placed.

    Parameters
    ----------
    folder
        The folder `evidence` of the workspace; made where it is absent.
    files
        What people give, each a plain file; no link is followed.
    terms
        Kinds and limits.

    Raises
    ------
    WorkspaceError
        With every file that is refused and why; none is taken in then.
    """
    if folder.is_symlink():
        raise WorkspaceError(
            f"{folder.name}: got a link, expected a folder of the workspace. Put the folder itself there."
        )
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".part-", dir=folder, ignore_cleanup_errors=True) as part:
        found, refused = [], []
        for number, path in enumerate(files):
            try:
                found.append(_look_at(path, Path(part) / f"{number}", terms))
            except WorkspaceError as error:
                refused.append(f"{shown(path.name)}: {error}")
            except OSError as error:
                refused.append(f"{shown(path.name)}: got {error.strerror}, expected a file that can be read.")
        if refused:
            raise WorkspaceError("\n".join(refused))
        yield found


def _look_at(path: Path, copy: Path, terms: EvidenceTerms) -> Staged:
    _check_name(path.name)
    digest, size = _copied(path, copy, terms)
    kind = kind_of(copy)
    _check_kind(path, kind, size, terms)
    check_whole(copy, kind, terms.most_unpacked_mb)
    if kind not in PICTURES:
        told = Text("拍摄时间、位置未读取：不是照片", "no photograph: place and time were not read")
        return Staged(copy, None, path.name, digest, kind, size, Taken(None, None, None, (Remark("not_read", told),)))
    tags, small = read_tags(copy, kind, terms.most_megapixels), copy.with_suffix(".small")
    draw_small(copy, kind, small, terms.thumb_px)
    return Staged(copy, small, path.name, digest, kind, size, taken(tags, terms.clock_hours))


def shown(name: str) -> str:
    """Return a file's name for a message: bounded, and without what would garble a screen.

    Examples
    --------
    >>> shown("a" * 300 + ".jpg")[-5:], shown("x" + chr(10) + chr(0x202E) + "gpj.exe")
    ('aaaa…', 'x??gpj.exe')
    """
    plain = "".join("?" if unicodedata.category(sign)[0] == "C" else sign for sign in name)
    return plain if len(plain) <= 80 else f"{plain[:79]}…"  # noqa: PLR2004


def _check_name(name: str) -> None:
    if len(name) > _MOST_NAME:
        raise WorkspaceError(f"got a name of {len(name)} signs, expected at most {_MOST_NAME}. Rename the file.")
    if any(unicodedata.category(sign)[0] == "C" for sign in name):
        raise WorkspaceError("got invisible or control characters in the name, expected plain ones. Rename the file.")


def _copied(path: Path, copy: Path, terms: EvidenceTerms) -> tuple[str, int]:
    """Copy a plain file, bounded, and return its SHA-256 and size: what is looked at later is the copy only."""
    if path.is_symlink():
        raise WorkspaceError("got a link, expected the file itself. Name the file that it leads to.")
    digest, size = hashlib.sha256(), 0
    with os.fdopen(os.open(path, _OPENING), "rb") as source, copy.open("xb") as target:
        if not stat.S_ISREG(os.fstat(source.fileno()).st_mode):
            raise WorkspaceError("got a folder or device, expected a file. Name each file.")
        while block := source.read(_BLOCK):
            size += len(block)
            if size > terms.most_mb * _MB:
                raise WorkspaceError(f"got more than {terms.most_mb:g} MB, expected less. Give a smaller file.")
            digest.update(block)
            target.write(block)
        target.flush()
        os.fsync(target.fileno())
    if not size:
        raise WorkspaceError("got an empty file, expected one with content. Copy it again.")
    return digest.hexdigest(), size


def _check_kind(path: Path, kind: str, size: int, terms: EvidenceTerms) -> None:
    known = terms.kinds.get(kind)
    if known is None:
        title, todo = terms.refused.get(kind, (Text("认不出的文件", "an unknown kind of file"), None))
        accepted = "、".join(row.title.zh for row in terms.kinds.values())
        raise WorkspaceError(
            f"got {title.both()}, expected one of: {accepted}. {todo.both() if todo else 'Give it as one of these.'}"
        )
    if path.suffix.lower() not in known.ends:
        raise WorkspaceError(
            f"got the ending '{shown(path.suffix)}' on {known.title.both()}, expected {' or '.join(known.ends)}. Rename it, if it is what you meant."
        )
    if size > known.most_mb * _MB:
        raise WorkspaceError(f"got {size / _MB:.0f} MB, expected at most {known.most_mb:g} MB. Give a smaller file.")


def original(folder: Path, digest: str, media_type: str) -> Path:
    """Return where the original of a digest lies.

    Examples
    --------
    >>> original(Path("evidence"), "abcdef", "image/jpeg").as_posix()
    'evidence/ab/abcdef.jpg'
    """
    ends = {"jpeg": "jpg"}
    kind = next((name for name, word in MEDIA_TYPES.items() if word == media_type), "bin")
    return folder / digest[:2] / f"{digest}.{ends.get(kind, kind)}"


def small_picture(folder: Path, digest: str, pixels: int) -> Path:
    """Return where the small picture of a digest lies; its name must not be taken for the original's."""
    return folder / THUMBS / f"{digest}-{pixels}.jpg"


def place(folder: Path, file: Staged, pixels: int) -> Path:
    """Put a staged file where its hash says, and return that; what lies there whole stays as it is."""
    target = original(folder, file.digest, MEDIA_TYPES[file.kind])
    if not is_whole(target, file.digest):
        target.parent.mkdir(exist_ok=True)
        with suppress(FileNotFoundError):
            target.chmod(stat.S_IREAD | stat.S_IWRITE)  # a damaged one: some systems replace no file that is locked
        file.copy.replace(target)
        target.chmod(stat.S_IREAD | stat.S_IRGRP | stat.S_IROTH)  # so that no viewer saves into it
    small = small_picture(folder, file.digest, pixels)
    if file.small is not None and not small.exists():
        small.parent.mkdir(exist_ok=True)
        file.small.replace(small)
    return target


def is_whole(path: Path, digest: str) -> bool:
    """Say whether a plain file lies there whose SHA-256 is the digest."""
    if path.is_symlink() or not path.is_file():
        return False
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest() == digest
