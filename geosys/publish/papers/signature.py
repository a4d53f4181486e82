"""Sign a package and check its signature: Ed25519. The one door to cryptography.

A signature says two things, and they are kept apart. **Intact**: nothing was changed since somebody signed the list of hashes.
**By whom**: the key that signed is one that the receiver knows from elsewhere (its fingerprint stands on the signed receipt).
A key that lies in the package itself shows the first only: whoever changes the files can put another key beside them.
"""

from __future__ import annotations

import hashlib
import os
import stat
from typing import TYPE_CHECKING, NamedTuple

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)

from geosys._errors import WorkspaceError
from geosys.publish.papers.checksums import PUBLIC_KEY, SIGNATURE, SUMS

if TYPE_CHECKING:
    from pathlib import Path

KEYS = "keys"  # below the workspace
PRIVATE = "publish_private_key.pem"
PUBLIC = "publish_public_key.pem"
SIGNATURE_BYTES = 64
_GROUP = 4


class SigningKey(NamedTuple):
    """Hold a key that signs, its public half as PEM, and the fingerprint of that."""

    private: Ed25519PrivateKey
    public_pem: bytes
    fingerprint: str


def make_key(workspace: Path, password: bytes | None = None) -> SigningKey:
    """Make the pair of keys of a workspace: ``keys/`` for its owner only, the private one readable by nobody else.

    Raises
    ------
    WorkspaceError
        When there is one already: packages signed with it could no longer be told from others.
    """
    folder = workspace / KEYS
    path = folder / PRIVATE
    if path.exists() or path.is_symlink():
        raise WorkspaceError(
            f"{KEYS}/{PRIVATE}: got a key that exists, expected none. Use it; to change keys, move it to a safe place first."
        )
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o700)
    key = Ed25519PrivateKey.generate()
    cipher = BestAvailableEncryption(password) if password else NoEncryption()
    told = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, cipher)
    with os.fdopen(
        os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb"
    ) as file:  # fails where one is just made
        file.write(told)
        file.flush()
        os.fsync(file.fileno())
    made = _signing(key)
    (folder / PUBLIC).write_bytes(made.public_pem)
    return made


def has_key(workspace: Path) -> bool:
    """Say whether a workspace has a key to sign with."""
    return (workspace / KEYS / PRIVATE).is_file()


def is_protected(workspace: Path) -> bool:
    """Say whether the key of a workspace asks for a password."""
    return b"ENCRYPTED" in (workspace / KEYS / PRIVATE).read_bytes()


def load_key(workspace: Path, password: bytes | None = None) -> SigningKey:
    """Return the key of a workspace.

    Raises
    ------
    WorkspaceError
        When there is none, others can read it, the password is wrong or missing, or it is no Ed25519 key.
    """
    path, where = workspace / KEYS / PRIVATE, f"{KEYS}/{PRIVATE}"
    if not path.is_file():
        raise WorkspaceError(f"{where}: got no key, expected one to sign with. Make it with 'geosys publish key'.")
    if os.name == "posix" and stat.S_IMODE(path.stat().st_mode) & 0o077:
        raise WorkspaceError(f"{where}: got a key that others can read, expected its owner only. Run chmod 600 on it.")
    try:
        key = load_pem_private_key(path.read_bytes(), password or None)
    except TypeError:
        got = "a password for a key that has none" if password else "no password for a key that has one"
        raise WorkspaceError(
            f"{where}: got {got}, expected the one it was made with. Give GEOSYS_KEY_PASSWORD."
        ) from None
    except (ValueError, UnsupportedAlgorithm):
        raise WorkspaceError(
            f"{where}: got a wrong password or a damaged file, expected a key of 'geosys publish key'. Nothing was signed."
        ) from None
    if not isinstance(key, Ed25519PrivateKey):
        raise WorkspaceError(
            f"{where}: got a key of another kind, expected Ed25519. Make one with 'geosys publish key'."
        )
    return _signing(key)


def sign_sums(folder: Path, key: SigningKey) -> None:
    """Sign the list of a package: ``SHA256SUMS.sig`` of 64 bytes over the bytes of ``SHA256SUMS``."""
    (folder / SIGNATURE).write_bytes(key.private.sign((folder / SUMS).read_bytes()))


def lay_public_key(folder: Path, key: SigningKey) -> None:
    """Put the public key into a package, before the list is made."""
    (folder / PUBLIC_KEY).write_bytes(key.public_pem)


def is_signed_by(public_pem: bytes, told: bytes, signature: bytes) -> bool:
    """Say whether a signature over some bytes is of a key.

    Raises
    ------
    WorkspaceError
        When the key cannot be read.
    """
    try:
        _public(public_pem).verify(signature, told)
    except InvalidSignature:
        return False
    return True


def fingerprint_of(public_pem: bytes) -> str:
    """Return the SHA-256 of a public key (its DER form, SubjectPublicKeyInfo) in hexadecimal digits.

    Raises
    ------
    WorkspaceError
        When it is no public Ed25519 key in PEM.
    """
    return hashlib.sha256(_public(public_pem).public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).hexdigest()


def spaced(fingerprint: str) -> str:
    """Return a fingerprint in groups of four, as people compare it.

    Examples
    --------
    >>> spaced("0123456789ab")
    '0123 4567 89AB'
    """
    return " ".join(fingerprint[i : i + _GROUP] for i in range(0, len(fingerprint), _GROUP)).upper()


def _signing(key: Ed25519PrivateKey) -> SigningKey:
    pem = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return SigningKey(key, pem, fingerprint_of(pem))


def _public(pem: bytes) -> Ed25519PublicKey:
    try:
        key = load_pem_public_key(pem)
    except (ValueError, UnsupportedAlgorithm):
        key = None
    if not isinstance(key, Ed25519PublicKey):
        raise WorkspaceError(
            "public key: got a file that is none, expected an Ed25519 key in PEM. Ask the sender for it."
        )
    return key
