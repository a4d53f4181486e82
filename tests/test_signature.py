"""Checksums and signature: what is missing, changed, added or signed by another is found; other programs agree."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from geosys._errors import WorkspaceError
from geosys.publish.papers import signature as signing
from geosys.publish.papers.checksums import PUBLIC_KEY, SIGNATURE, SUMS, read_sums, write_sums
from geosys.publish.papers.desk import seal
from geosys.publish.papers.signature import fingerprint_of, load_key, make_key, spaced
from geosys.publish.papers.verification import is_intact, verify_package

if TYPE_CHECKING:
    from pathlib import Path

    from geosys.publish.content import Check


@pytest.fixture
def key(tmp_path: Path) -> signing.SigningKey:
    return make_key(tmp_path / "office")


@pytest.fixture
def package(tmp_path: Path, key: signing.SigningKey) -> Path:
    folder = tmp_path / "plots_2026-09-30_1"
    (folder / "data/地块.gdb").mkdir(parents=True)
    (folder / "data/地块.gdb/a00000001.gdbtable").write_bytes(b"one")
    (folder / "data/plots.gpkg").write_bytes(b"two" * 1000)
    (folder / "report.html").write_text("报告", encoding="utf-8")
    seal(folder, key)
    return folder


def failed(checks: list[Check]) -> set[str]:
    return {check.id for check in checks if not check.is_passed and check.stops}


def check(checks: list[Check], name: str) -> Check:
    return next(one for one in checks if one.id == name)


def test_the_list_is_sorted_and_sha256sum_reads_it(package: Path) -> None:
    lines = (package / SUMS).read_text(encoding="utf-8").splitlines()
    names = [line[66:] for line in lines]
    assert names == sorted(names)
    assert set(names) == {"data/plots.gpkg", "data/地块.gdb/a00000001.gdbtable", PUBLIC_KEY, "report.html"}
    assert f"{hashlib.sha256(b'one').hexdigest()}  data/地块.gdb/a00000001.gdbtable" in lines
    if shutil.which("sha256sum") is None:
        pytest.skip("sha256sum is not installed")
    assert (
        subprocess.run(["sha256sum", "-c", "--strict", SUMS], cwd=package, check=False, capture_output=True).returncode
        == 0
    )


def test_openssl_agrees_on_signature_and_fingerprint(package: Path, key: signing.SigningKey) -> None:
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed")
    verify = [
        "openssl",
        "pkeyutl",
        "-verify",
        "-pubin",
        "-inkey",
        PUBLIC_KEY,
        "-rawin",
        "-in",
        SUMS,
        "-sigfile",
        SIGNATURE,
    ]
    told = subprocess.run(verify, cwd=package, check=False, capture_output=True, text=True)
    assert "Verified Successfully" in told.stdout
    der = subprocess.run(
        ["openssl", "pkey", "-pubin", "-in", PUBLIC_KEY, "-outform", "DER"],
        cwd=package,
        check=True,
        capture_output=True,
    ).stdout
    assert hashlib.sha256(der).hexdigest() == key.fingerprint


def test_intact_and_by_whom_are_kept_apart(package: Path, tmp_path: Path, key: signing.SigningKey) -> None:
    alone = verify_package(package)
    assert is_intact(alone)
    assert check(alone, "package_signature").is_passed
    whom = check(alone, "package_signer")
    assert not whom.is_passed
    assert not whom.stops
    assert "cannot show who signed" in whom.got
    for known in (
        verify_package(package, [key.public_pem]), verify_package(package, None, [key.fingerprint]),
        verify_package(package, (), [f"SHA256:{spaced(key.fingerprint)}"]),
    ):  # fmt: skip
        assert is_intact(known)
        assert check(known, "package_signer").is_passed
    other = make_key(tmp_path / "another")
    for strange in (verify_package(package, [other.public_pem]), verify_package(package, None, [other.fingerprint])):
        assert failed(strange) == {"package_signer"}
    both = verify_package(package, [other.public_pem, key.public_pem])
    assert check(both, "package_signer").is_passed


def test_a_key_that_was_replaced_with_the_files_is_intact_but_of_somebody_else(
    package: Path, tmp_path: Path, key: signing.SigningKey
) -> None:
    (package / "data/plots.gpkg").write_bytes(b"forged")
    seal(package, make_key(tmp_path / "forger"))
    assert is_intact(verify_package(package))  # which is why it says that it does not show by whom
    assert failed(verify_package(package, [key.public_pem])) == {"package_signer"}
    assert failed(verify_package(package, None, [key.fingerprint])) == {"package_signer"}


HARMS = {
    "package_changed": lambda p: (p / "data/plots.gpkg").write_bytes(b"two" * 999 + b"twx"),
    "package_missing": lambda p: (p / "report.html").unlink(),
    "package_extra": lambda p: (p / "data/more.txt").write_text("x"),
    "package_plain_files": lambda p: (p / "data/link").symlink_to(p / "report.html"),
    "package_list": lambda p: (p / SUMS).unlink(),
    "package_signature": lambda p: (p / SIGNATURE).write_bytes(bytes(64)),
}


@pytest.mark.parametrize("name", HARMS)
def test_each_harm_is_found_and_named(package: Path, key: signing.SigningKey, name: str) -> None:
    HARMS[name](package)
    assert name in failed(verify_package(package, [key.public_pem]))
    assert not is_intact(verify_package(package))


def test_each_other_harm_is_found(package: Path, key: signing.SigningKey) -> None:
    told, mark = (package / SUMS).read_bytes(), (package / SIGNATURE).read_bytes()
    for harmed in (mark[:-1], mark + b"\n", b""):
        (package / SIGNATURE).write_bytes(harmed)
        assert {"package_signature", "package_signer"} <= failed(verify_package(package, [key.public_pem]))
    (package / SIGNATURE).unlink()
    got = verify_package(package)
    assert "no signature" in check(got, "package_signature").got
    (package / SIGNATURE).write_bytes(mark)
    (package / SUMS).write_bytes(told[:66] + b"../../etc/passwd\n")
    assert "package_list" in failed(verify_package(package))
    (package / SUMS).write_bytes(told + b"\n")  # the same files, but not what was signed
    assert {"package_list", "package_signature"} <= failed(verify_package(package))
    (package / SUMS).write_bytes(told.replace(b"  report", b" *report"))
    assert failed(verify_package(package)) == {"package_signature"}
    (package / SUMS).write_bytes(told)
    (package / PUBLIC_KEY).write_text("no key")
    assert {"package_changed", "package_signature"} <= failed(verify_package(package))
    assert check(verify_package(package, [key.public_pem]), "package_signature").is_passed


def test_a_linked_folder_is_not_followed(package: Path, tmp_path: Path, key: signing.SigningKey) -> None:
    shutil.move(package / "data", tmp_path / "elsewhere")
    (package / "data").symlink_to(tmp_path / "elsewhere")
    got = failed(verify_package(package, [key.public_pem]))
    assert {"package_plain_files", "package_missing"} <= got


def test_links_pipes_and_odd_names_cannot_leave(tmp_path: Path) -> None:
    for make in (
        lambda p: p.symlink_to("x"), os.mkfifo, lambda p: p.with_name("a\nb").write_text("x"), lambda p: p.with_name("a\\b").write_text("x"),
    ):  # fmt: skip
        folder = tmp_path / "p"
        folder.mkdir()
        make(folder / "odd")
        with pytest.raises(WorkspaceError, match="expected plain files with plain names"):
            write_sums(folder)
        shutil.rmtree(folder)


@pytest.mark.parametrize(
    "name", ["/etc/x", "../x", "a/../../x", "a//b", "./a", "C:/x", "C:x", "a\\b", "a\x00b", SUMS, SIGNATURE, ""]
)
def test_a_list_that_leads_out_of_the_folder_is_refused(name: str) -> None:
    with pytest.raises(WorkspaceError, match="SHA256SUMS line 1"):
        read_sums(f"{'0' * 64}  {name}\n".encode())


@given(st.binary(max_size=300))
def test_any_bytes_are_a_list_or_refused(told: bytes) -> None:
    try:
        sums = read_sums(told)
    except WorkspaceError:
        return
    assert all(len(digest) == 64 and ".." not in name.split("/") for name, digest in sums.items())


def test_a_key_is_its_owners_alone_and_made_once(tmp_path: Path) -> None:
    key = make_key(tmp_path)
    path = tmp_path / signing.KEYS / signing.PRIVATE
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert load_key(tmp_path).fingerprint == key.fingerprint
    assert fingerprint_of((path.parent / signing.PUBLIC).read_bytes()) == key.fingerprint
    before = path.read_bytes()
    with pytest.raises(WorkspaceError, match="got a key that exists"):
        make_key(tmp_path)
    assert path.read_bytes() == before
    path.chmod(0o640)
    with pytest.raises(WorkspaceError, match="others can read"):
        load_key(tmp_path)
    path.chmod(0o600)
    path.write_bytes(before[:60])
    with pytest.raises(WorkspaceError, match="damaged"):
        load_key(tmp_path)
    path.unlink()
    with pytest.raises(WorkspaceError, match="geosys publish key"):
        load_key(tmp_path)


def test_a_password_is_asked_for_and_a_wrong_one_signs_nothing(tmp_path: Path) -> None:
    key = make_key(tmp_path, "口令".encode())
    assert signing.is_protected(tmp_path)
    assert load_key(tmp_path, "口令".encode()).fingerprint == key.fingerprint
    for password, said in ((None, "no password"), (b"wrong", "wrong password")):
        with pytest.raises(WorkspaceError, match=said) as error:
            load_key(tmp_path, password)
        assert "口令" not in str(error.value)
    make_key(tmp_path / "plain")
    with pytest.raises(WorkspaceError, match="for a key that has none"):
        load_key(tmp_path / "plain", b"x")


def test_a_key_of_another_kind_is_refused(tmp_path: Path) -> None:
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

    other = ec.generate_private_key(ec.SECP256R1())
    path = tmp_path / signing.KEYS / signing.PRIVATE
    path.parent.mkdir()
    path.write_bytes(other.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    path.chmod(0o600)
    with pytest.raises(WorkspaceError, match="expected Ed25519"):
        load_key(tmp_path)
    with pytest.raises(WorkspaceError, match="Ed25519"):
        fingerprint_of(other.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
