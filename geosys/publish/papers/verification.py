"""Check a package that was received: its files against the list, the list against the signature, the key against those trusted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from geosys._errors import WorkspaceError
from geosys._text import Text
from geosys.publish.content import Check
from geosys.publish.papers.checksums import PUBLIC_KEY, SIGNATURE, SUMS, find_files, read_sums, sha256_of
from geosys.publish.papers.signature import SIGNATURE_BYTES, fingerprint_of, is_signed_by, spaced

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

_MOST_KEY_BYTES = 10_000
_LIST = Text("文件清单可读", "The list of files can be read")
_PLAIN = Text("只有普通文件", "There are plain files only")
_MISSING = Text("文件齐全", "No file is missing")
_CHANGED = Text("文件未被改动", "No file was changed")
_EXTRA = Text("没有多余文件", "There is no other file")
_INTACT = Text("完整：签名与文件清单相符", "Intact: the signature fits the list of files")
_WHOM = Text("由谁：签名密钥为已知密钥", "By whom: the key that signed is a known one")
_AGAIN = Text("请向报送单位索取完整的成果包。", "Ask the sender for a complete copy.")
_HOW = Text(
    "请用 --key 给出报送单位的公钥或指纹（指纹印在签收单上，应从签收单或电话核对，不能取自成果包）。",
    "Give the sender's public key or fingerprint with --key: as printed on the receipt or told by telephone, not out of the package.",
)
_NOT_SHOWN = Text(
    "未核对：成果包内的密钥不能证明是谁签的，改动文件的人也能换掉它",
    "not checked: the key inside the package cannot show who signed; who changes the files can change it too",
)


def verify_package(
    folder: Path, trusted: Sequence[bytes] | None = None, fingerprints: Sequence[str] = ()
) -> list[Check]:
    """Check a package: missing, changed and added files, its signature, and whose it is.

    A check of *intact* passes when the list was signed with the key that lies in the package, or with a trusted one. One of
    *by whom* passes only for a key that the caller knows from elsewhere; where the caller names none it fails without
    stopping, and says so.

    Parameters
    ----------
    folder : the package.
    trusted : public keys in PEM that the caller knows from elsewhere; None or empty: none.
    fingerprints : fingerprints known from elsewhere; the key in the package counts where its fingerprint is one of them.

    Raises
    ------
    WorkspaceError
        When the folder is not there, or a trusted key cannot be read.
    """
    if not folder.is_dir():
        raise WorkspaceError(
            f"{folder.name}: got no folder, expected a package. Unpack it first, then name its folder."
        )
    for key in trusted or ():
        fingerprint_of(key)
    found = find_files(folder)
    checks = [_check("package_plain_files", _PLAIN, SUMS, found.odd, "只有普通文件 plain files only", "")]
    told = found.files[SUMS].read_bytes() if SUMS in found.files else None
    try:
        sums = read_sums(told) if told is not None else None
        fault = "" if told is not None else "无此文件 no such file"
    except WorkspaceError as error:
        sums, fault = None, str(error)
    checks.append(Check("package_list", _LIST, SUMS, not fault, fault, "SHA256SUMS", "" if not fault else _AGAIN))
    if sums is not None:
        checks += _file_checks(sums, found.files)
    return [*checks, *_signature_checks(found.files, told, trusted or (), [_plain(f) for f in fingerprints])]


def is_intact(checks: Sequence[Check]) -> bool:
    """Say whether no check that stops has failed."""
    return all(check.is_passed or not check.stops for check in checks)


def _file_checks(sums: Mapping[str, str], files: Mapping[str, Path]) -> list[Check]:
    missing = [name for name in sums if name not in files]
    changed = [name for name, digest in sums.items() if name in files and sha256_of(files[name]) != digest]
    extra = [name for name in files if name not in sums and name not in {SUMS, SIGNATURE}]
    count = f"{len(sums)} 个文件 files"
    return [
        _check("package_missing", _MISSING, SUMS, missing, count, count),
        _check("package_changed", _CHANGED, SUMS, changed, count, count),
        _check("package_extra", _EXTRA, SUMS, extra, count, count),
    ]


def _check(name: str, title: Text, where: str, faults: Sequence[str], expected: str, got: str) -> Check:
    """Return a check that passes where there is no fault; a failed one names the first of them, and how many there are."""
    if not faults:
        return Check(name, title, where, is_passed=True, got=got, expected=expected)
    shown = ", ".join(faults[:20]) + (" …" if len(faults) > 20 else "")  # noqa: PLR2004
    return Check(
        name, title, ", ".join(faults[:3]), is_passed=False, got=f"{len(faults)}: {shown}", expected=expected, do=_AGAIN
    )


def _signature_checks(
    files: Mapping[str, Path], told: bytes | None, trusted: Sequence[bytes], fingerprints: Sequence[str]
) -> list[Check]:
    enclosed, own = _enclosed(files)
    signature = (
        files[SIGNATURE].read_bytes()
        if SIGNATURE in files and files[SIGNATURE].stat().st_size == SIGNATURE_BYTES
        else b""
    )
    if told is None or not signature:
        got = "无签名 no signature" if SIGNATURE not in files else "签名不可读 a signature that cannot be read"
        intact = Check("package_signature", _INTACT, SIGNATURE, is_passed=False, got=got, expected="Ed25519", do=_AGAIN)
        return [intact, _by_whom("", trusted, fingerprints)]
    known = next((fingerprint_of(key) for key in trusted if is_signed_by(key, told, signature)), "")
    if not known and enclosed and is_signed_by(enclosed, told, signature):
        intact = Check("package_signature", _INTACT, SIGNATURE, is_passed=True, got=spaced(own), expected="Ed25519")
        return [intact, _by_whom(own if own in fingerprints else "", trusted, fingerprints, own)]
    if known:
        intact = Check("package_signature", _INTACT, SIGNATURE, is_passed=True, got=spaced(known), expected="Ed25519")
        return [intact, _by_whom(known, trusted, fingerprints)]
    got = "签名不符 the signature does not fit" if enclosed or trusted else f"无公钥 no {PUBLIC_KEY}"
    intact = Check("package_signature", _INTACT, SIGNATURE, is_passed=False, got=got, expected="Ed25519", do=_AGAIN)
    return [intact, _by_whom("", trusted, fingerprints)]


def _enclosed(files: Mapping[str, Path]) -> tuple[bytes, str]:
    """Return the key that lies in the package and its fingerprint; nothing where it is absent or cannot be read."""
    if PUBLIC_KEY not in files or files[PUBLIC_KEY].stat().st_size > _MOST_KEY_BYTES:
        return b"", ""
    pem = files[PUBLIC_KEY].read_bytes()
    try:
        return pem, fingerprint_of(pem)
    except WorkspaceError:
        return b"", ""


def _by_whom(known: str, trusted: Sequence[bytes], fingerprints: Sequence[str], own: str = "") -> Check:
    """Return whose signature it is: it stops where the caller named keys and it is of none of them."""
    if known:
        return Check("package_signer", _WHOM, SIGNATURE, is_passed=True, got=spaced(known), expected=spaced(known))
    named = [spaced(fingerprint_of(key)) for key in trusted] + [spaced(f) for f in fingerprints]
    if not named:
        got = _NOT_SHOWN.both() + (f" [{spaced(own)}]" if own else "")
        return Check("package_signer", _WHOM, SIGNATURE, is_passed=False, got=got, do=_HOW, stops=False)
    got = f"另一密钥 another key {spaced(own)}" if own else "无已知密钥的签名 no signature of a known key"
    return Check("package_signer", _WHOM, SIGNATURE, is_passed=False, got=got, expected=" / ".join(named), do=_HOW)


def _plain(fingerprint: str) -> str:
    """Return a fingerprint as it is computed: people write it in groups, with colons or in capitals."""
    return fingerprint.strip().lower().removeprefix("sha256:").replace(" ", "").replace(":", "")
