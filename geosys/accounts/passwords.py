"""Passwords: what may be one, and their argon2id hashes. The one door to pwdlib."""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING

from pwdlib import PasswordHash
from pwdlib.exceptions import UnknownHashError
from pwdlib.hashers.argon2 import Argon2Hasher

from geosys._errors import GeoSysError

if TYPE_CHECKING:
    from collections.abc import Iterator

LEAST_CHARACTERS = 10
MOST_BYTES = 1024  # hashing a long text is work that a stranger could order
_RUNS = (
    "0123456789",
    "9876543210",
    "abcdefghijklmnopqrstuvwxyz",
    "qwertyuiop",
    "asdfghjkl",
    "zxcvbnm",
    "1qaz2wsx3edc4rfv5tgb",
)
# What people type where ten characters are asked for; endings of digits and signs are cut off before the comparison.
_COMMON = frozenset((
    "password", "passw0rd", "p@ssword", "p@ssw0rd", "administrator", "admin", "letmein", "welcome", "iloveyou", "sunshine", "princess",
    "football", "baseball", "superman", "dragon", "monkey", "master", "qwerty", "qwertyuiop", "asdfgh", "zxcvbn", "abc", "woaini", "woaizhongguo",
    "zhongguo", "beijing", "henan", "kaifeng", "zhengzhou", "huanbao", "shengtai", "shengtaihuanjing", "huanjing", "ziranziyuan", "geosys", "default",
    "changeme", "secret", "test", "guest", "root", "user", "login", "mima", "caonima", "wodemima", "nihao", "aini", "woaiwojia", "qazwsx",
    "qazwsxedc", "trustno", "whatever", "computer", "internet", "hello", "helloworld", "china", "tiankong", "huanghe",
))  # fmt: skip
_HASHER = PasswordHash((Argon2Hasher(),))
# The hash of a text that nobody knows: a name that does not exist takes as long to refuse as one that does.
_NOBODYS = "$argon2id$v=19$m=65536,t=3,p=4$CFrHdCp37KSwnSOeeFcW0w$l97atQCa1AgWqsIcr6bWppG5R8RTRo77K/rlFRzi6OA"


class PasswordError(GeoSysError):
    """A password is too short, too long or too well known."""


def settled(password: str) -> str:
    """Return a password in the form it is hashed in: the same letters typed on another keyboard are the same password."""
    return unicodedata.normalize("NFKC", password)


def check_password(password: str, name: str) -> None:
    """Refuse a password that is short, long, common, one run of keys or a repetition, or holds the account's name.

    Raises
    ------
    PasswordError
        With what is wrong; the password itself is never repeated.
    """
    faults = list(_faults(settled(password), settled(name).casefold()))
    if faults:
        raise PasswordError(
            f"password: got one that {'; '.join(faults)}, expected at least {LEAST_CHARACTERS} characters that nobody guesses. "
            "Put four words together that have nothing to do with each other."
        )


def _faults(text: str, name: str) -> Iterator[str]:
    plain = text.casefold()
    if len(text) < LEAST_CHARACTERS:
        yield f"has {len(text)} characters"
    if len(text.encode()) > MOST_BYTES:
        yield f"is longer than {MOST_BYTES} bytes"
    if any(unicodedata.category(c) == "Cc" for c in text):
        yield "holds control characters"
    if plain.rstrip("0123456789!@#$%^&*._-+=~? ") in _COMMON or plain in _COMMON:
        yield "is one of the commonest"
    if len(set(plain)) < 5 or _is_repeated(plain):  # noqa: PLR2004  fewer different signs than the hand has fingers
        yield "repeats itself"
    if any(plain in run * 3 for run in _RUNS) or not plain.strip("0123456789"):
        yield "is a run of keys or only digits"
    if len(name) > 2 and name in plain:  # noqa: PLR2004
        yield "holds the name of the account"


def _is_repeated(text: str) -> bool:
    """Say whether a text is a shorter one over and over."""
    return bool(text) and text in (text + text)[1:-1]


def hash_password(password: str) -> str:
    """Return the argon2id hash of a password, with its salt and settings."""
    return _HASHER.hash(settled(password))


def is_password(password: str, kept: str | None) -> bool:
    """Say whether a password is that of a hash; without one (None) the same work is done and the answer is no."""
    if len(password.encode("utf-8", "surrogatepass")) > MOST_BYTES or any("\ud800" <= c <= "\udfff" for c in password):
        password, kept = "", None
    try:
        same = bool(_HASHER.verify(settled(password), kept or _NOBODYS))
    except UnknownHashError:
        return False
    return same and kept is not None
