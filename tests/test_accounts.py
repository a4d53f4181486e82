"""Accounts: passwords, the last administrator, tokens, sessions, lock-out, the log; in SQLite and PostgreSQL, by hand and by command."""

from __future__ import annotations

import datetime as dt
import io
import json
import sqlite3
import threading
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa
from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher

from geosys._errors import GeoSysError, WorkspaceError
from geosys.accounts import login, passwords
from geosys.accounts.store import entries, failures, sessions, tokens
from geosys.accounts.store.access_log import Access, append_accesses, read_accesses
from geosys.accounts.store.database import Accounts, open_accounts
from geosys.accounts.store.tables import ABOUT, ACCESS_LOG, ACCOUNTS, SESSIONS, TOKENS
from geosys.accounts.viewer import Viewer
from geosys.cli import user_commands
from geosys.workspace import init_workspace

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

NOW = dt.datetime(2026, 9, 30, 8, 0, tzinfo=dt.UTC)
LIVES = sessions.Lives(idle_s=1800.0, absolute_s=6 * 3600.0)
GOOD = "黄河滩 tractor 九月 lantern"
# The real settings take 64 MiB and a core for each hash: most tests are about what is done with the answer.
REAL, CHEAP = passwords._HASHER, PasswordHash((Argon2Hasher(time_cost=1, memory_cost=8, parallelism=1),))
HASH, NOBODYS = CHEAP.hash(passwords.settled(GOOD)), CHEAP.hash("nobody's")
ADMIN = Viewer("管理员", "administrator", audience="internal")
ZHANG = Viewer("Zhang", "viewer", frozenset({"water"}), frozenset({"410202"}), "shared")


def later(**by: float) -> dt.datetime:
    return NOW + dt.timedelta(**by)


@pytest.fixture(autouse=True)
def _cheap(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    if not request.node.name.startswith("test_real"):
        monkeypatch.setattr(passwords, "_HASHER", CHEAP)
        monkeypatch.setattr(passwords, "_NOBODYS", NOBODYS)


@pytest.fixture
def accounts(ledger: Path | str) -> Iterator[Accounts]:
    opened = open_accounts(ledger)
    with opened.writing() as connection:
        entries.add_account(connection, ADMIN, HASH, NOW)
        entries.add_account(connection, ZHANG, HASH, NOW)
    yield opened
    opened.close()


# --- passwords ---


@pytest.mark.parametrize(
    "password",
    ["", "short", "九个字不够长呀吧", "Password123!", "passw0rd2026", "1234567890", "13912345678", "qwertyuiop", "aaaaaaaaaaaa", "abcabcabcabc",
     "abababababab", "woaini1314520", "geosys2026!", "zhang-is-here", "ＺＨＡＮＧ-1234-xy", "x" * 2000, "line\nbreak-and-more", "ABCDEFGHIJKLM"],
)  # fmt: skip
def test_weak_passwords_are_refused_and_never_repeated(password: str) -> None:
    with pytest.raises(passwords.PasswordError) as refused:
        passwords.check_password(password, "zhang")
    assert not password or password not in str(refused.value)


def test_real_passwords_are_hashed_with_argon2id_and_a_salt_of_their_own() -> None:
    passwords.check_password(GOOD, "zhang")
    kept, again = passwords.hash_password(GOOD), passwords.hash_password(GOOD)
    assert kept.startswith("$argon2id$v=19$m=65536,t=3,p=4$")
    assert again != kept
    assert passwords.is_password(GOOD, kept)
    assert passwords.is_password(GOOD.replace("t", "ｔ"), kept)  # a full-width letter is the same letter
    assert not passwords.is_password(GOOD + " ", kept)
    assert not passwords.is_password("\ud800", kept)
    assert not passwords.is_password(GOOD, "no hash at all")


def test_real_hash_for_unknown_names_costs_the_same_work() -> None:
    """What makes the time equal is that the same settings are computed, for which no clock is needed."""
    cost = [text.rsplit("$", 2)[0] for text in (passwords._NOBODYS, REAL.hash("x"))]
    assert cost[0] == cost[1]
    assert PasswordHash.recommended().verify("anything", passwords._NOBODYS) is False
    assert not passwords.is_password("anything", None)


# --- entries ---


def test_the_first_account_is_an_administrator_who_can_log_in(ledger: Path | str) -> None:
    fresh = open_accounts(ledger)
    for viewer, kept in ((ZHANG, HASH), (ADMIN, None)):
        with pytest.raises(entries.AccountError, match="administrator with a password"), fresh.writing() as connection:
            entries.add_account(connection, viewer, kept, NOW)
    with fresh.reading() as connection:
        assert not entries.exist(connection)
    fresh.close()


def test_accounts_are_kept_as_they_were_given_and_names_that_look_alike_are_one(accounts: Accounts) -> None:
    with accounts.reading() as connection:
        assert entries.account_named(connection, "ｚｈａｎｇ").viewer == ZHANG
        assert [a.viewer.name for a in entries.read_accounts(connection)] == ["Zhang", "管理员"]
    with pytest.raises(entries.AccountError, match="free"), accounts.writing() as connection:
        entries.add_account(connection, Viewer("ZHANG", "viewer"), HASH, NOW)


@pytest.mark.parametrize(
    "viewer",
    [
        Viewer("", "viewer"), Viewer("a b", "viewer"), Viewer("a\nb", "viewer"), Viewer("../x", "viewer"), Viewer("local", "viewer"),
        Viewer("x" * 65, "viewer"), Viewer("ok", "king"), Viewer("ok", "viewer", audience="all"), Viewer("ok", "viewer", counties=frozenset({"41"})),
        Viewer("a<b>", "viewer"), Viewer("a\x00", "viewer"),
    ],
)  # fmt: skip
def test_what_cannot_be_an_account(accounts: Accounts, viewer: Viewer) -> None:
    with pytest.raises(entries.AccountError), accounts.writing() as connection:
        entries.add_account(connection, viewer, HASH, NOW)


def test_the_last_administrator_cannot_be_removed_locked_or_made_less(accounts: Accounts) -> None:
    def attempts() -> Iterator[str]:
        for attempt in (
            lambda c: entries.remove_account(c, "管理员"),
            lambda c: entries.lock_account(c, "管理员", is_locked=True),
            lambda c: entries.change_account(c, Viewer("管理员", "viewer")),
        ):
            with (
                pytest.raises(entries.AccountError, match="last administrator") as refused,
                accounts.writing() as connection,
            ):
                attempt(connection)
            yield str(refused.value)

    assert len(list(attempts())) == 3
    # One without a password, or locked, is no second one.
    with accounts.writing() as connection:
        entries.add_account(connection, Viewer("robot", "administrator"), None, NOW)
        entries.add_account(connection, Viewer("second", "administrator"), HASH, NOW)
        entries.lock_account(connection, "second", is_locked=True)
    assert len(list(attempts())) == 3
    with accounts.writing() as connection:
        entries.lock_account(connection, "second", is_locked=False)
        entries.remove_account(connection, "管理员")
    with pytest.raises(entries.AccountError, match="last administrator"), accounts.writing() as connection:
        entries.remove_account(connection, "second")


# --- tokens ---


def test_a_token_is_shown_once_and_kept_as_its_digest(accounts: Accounts) -> None:
    with accounts.writing() as connection:
        token, secret = tokens.make_token(connection, "zhang", "地图", ["edit"], later(days=90), NOW)
        kept = connection.execute(sa.select(TOKENS)).mappings().one()
        found = tokens.viewer_of_token(connection, secret, later(days=89))
    assert secret not in json.dumps(dict(kept))
    assert len(secret.removeprefix(tokens.PREFIX)) == 43  # 32 bytes
    assert token.scopes == ("read", "edit")
    assert found is not None
    assert found[0] == Viewer("Zhang", "viewer", ZHANG.offices, ZHANG.counties, "shared", frozenset({"read", "edit"}))


def test_a_token_ends_with_its_day_its_revocation_and_its_account(accounts: Accounts) -> None:
    with accounts.writing() as connection:
        token, secret = tokens.make_token(connection, "zhang", "", ["read"], later(days=1), NOW)

        def works(at: dt.datetime = NOW) -> bool:
            return tokens.viewer_of_token(connection, secret, at) is not None

        assert works(later(hours=23, minutes=59))
        assert not works(later(days=1))
        assert tokens.viewer_of_token(connection, secret + "x", NOW) is None
        assert tokens.viewer_of_token(connection, "", NOW) is None
        assert tokens.viewer_of_token(connection, kept_digest(connection), NOW) is None  # what is kept opens nothing
        entries.lock_account(connection, "zhang", is_locked=True)
        assert not works()
        entries.lock_account(connection, "zhang", is_locked=False)
        assert works()
        tokens.revoke_token(connection, token.token_id, NOW)
        assert not works()
        assert tokens.read_tokens(connection, "zhang")[0].revoked_at is not None
        for scopes, days in ((["write"], 1), ([], 1), (["read"], 0), (["read"], 400)):
            with pytest.raises(entries.AccountError, match="token"):
                tokens.make_token(connection, "zhang", "", scopes, later(days=days), NOW)


def kept_digest(connection: sa.Connection) -> str:
    return str(connection.execute(sa.select(TOKENS.c.digest)).scalar())


# --- login, sessions, lock-out ---


def enter(
    accounts: Accounts,
    password: str = GOOD,
    name: str = "Zhang",
    at: dt.datetime = NOW,
    address: str = "10.0.0.1",
    old: str = "",
) -> str | None:
    return login.log_in(accounts, name, password, address, at, LIVES, old)


def who(accounts: Accounts, secret: str | None, at: dt.datetime = NOW) -> str | None:
    with accounts.reading() as connection:
        found = sessions.viewer_of_session(connection, secret or "", at, LIVES)
    return found and found[0].name


def test_a_session_is_new_at_each_login_and_ends_by_idleness_age_leaving_and_another_password(
    accounts: Accounts,
) -> None:
    first = enter(accounts)
    second = enter(accounts, name="ZHANG", old=first or "")
    assert first != second
    assert (who(accounts, first), who(accounts, second)) == (None, "Zhang")  # the old one of the same browser has ended
    with accounts.reading() as connection:
        kept = connection.execute(sa.select(SESSIONS.c.digest)).scalars().all()
    assert second not in kept
    assert all(who(accounts, digest) is None for digest in kept)
    assert who(accounts, second, later(minutes=29)) == "Zhang"
    assert who(accounts, second, later(minutes=30)) is None
    for step in range(1, 15):  # used every 25 minutes it still ends after six hours
        at = later(minutes=25 * step)
        alive = who(accounts, second, at)
        assert (alive == "Zhang") == (25 * step < 360)
        with accounts.writing() as connection:
            sessions.note_session(connection, second or "", at)
    third, fourth = enter(accounts), enter(accounts)
    with accounts.writing() as connection:
        entries.set_password(connection, "zhang", HASH)
    assert who(accounts, third) is who(accounts, fourth) is None
    fifth = enter(accounts)
    login.log_out(accounts, "Zhang", fifth or "", "", NOW)
    assert who(accounts, fifth) is None


def test_changing_ones_password_asks_for_the_old_one_and_ends_the_other_sessions(accounts: Accounts) -> None:
    mine, other = enter(accounts), enter(accounts)
    assert login.change_password(accounts, "Zhang", "wrong", "four unrelated words x", "", NOW, LIVES) is None
    with pytest.raises(passwords.PasswordError):
        login.change_password(accounts, "Zhang", GOOD, "password", "", NOW, LIVES)
    assert who(accounts, mine) == "Zhang"
    fresh = login.change_password(accounts, "Zhang", GOOD, "four unrelated words x", "", NOW, LIVES)
    assert [who(accounts, s) for s in (mine, other, fresh)] == [None, None, "Zhang"]
    assert enter(accounts) is None
    assert enter(accounts, "four unrelated words x") is not None


def test_failures_make_the_account_wait_longer_each_time_and_say_nothing(accounts: Accounts) -> None:
    for _ in range(5):
        assert enter(accounts, "wrong") is None
    assert enter(accounts) is None  # the right password, too early
    assert enter(accounts, at=later(seconds=29), address="10.9.9.9") is None  # from anywhere
    assert enter(accounts, "wrong", at=later(seconds=31)) is None
    assert enter(accounts, at=later(seconds=90)) is None  # now it is a minute
    assert enter(accounts, at=later(seconds=92)) is not None
    assert enter(accounts, "wrong", at=later(seconds=93)) is None
    assert enter(accounts, at=later(seconds=94)) is not None  # after a success the count begins anew
    assert enter(accounts, name="管理员") is not None


def test_an_address_that_tries_many_names_waits_whatever_the_name(accounts: Accounts) -> None:
    for i in range(20):
        assert enter(accounts, "wrong", name=f"name{i}") is None
    assert enter(accounts) is None
    assert enter(accounts, address="10.0.0.2") is not None
    assert enter(accounts, at=later(seconds=31)) is not None


def test_every_way_to_be_wrong_does_the_same_work(accounts: Accounts, monkeypatch: pytest.MonkeyPatch) -> None:
    """Unknown, without a password, locked, waiting, wrong: one hash is computed in each, and the same answer given."""
    with accounts.writing() as connection:
        entries.add_account(connection, Viewer("robot", "viewer"), None, NOW)
        entries.add_account(connection, Viewer("shut", "viewer"), HASH, NOW)
        entries.add_account(connection, Viewer("waits", "viewer"), HASH, NOW)
        entries.lock_account(connection, "shut", is_locked=True)
        for _ in range(6):
            failures.note_failure(connection, failures.keys_of("waits", "10.0.0.3"), NOW)
    computed: list[str] = []
    real = CHEAP

    class Counting:
        def verify(self, password: str, kept: str) -> bool:
            computed.append(kept)
            return real.verify(password, kept)

    monkeypatch.setattr(passwords, "_HASHER", Counting())
    for name in ("Zhang", "unknown", "robot", "shut", "waits", "", "x" * 5000, "a\x00b", "\ud800"):
        before = len(computed)
        assert enter(accounts, "wrong password", name=name) is None
        assert len(computed) == before + 1, name
        assert computed[-1].rsplit("$", 2)[0] == HASH.rsplit("$", 2)[0]


def test_many_guesses_at_once_count_one_by_one(accounts: Accounts) -> None:
    answers: list[str | None] = []
    guesses = [threading.Thread(target=lambda: answers.append(enter(accounts, "wrong"))) for _ in range(8)]
    for guess in guesses:
        guess.start()
    for guess in guesses:
        guess.join()
    assert answers == [None] * 8
    assert enter(accounts) is None


# --- the database ---


def test_a_newer_database_and_somebody_elses_are_refused(ledger: Path | str, accounts: Accounts) -> None:
    with accounts.writing() as connection:
        connection.execute(sa.update(ABOUT).values(version=2))
    with pytest.raises(WorkspaceError, match="got accounts of version 2, expected 1 or older"):
        open_accounts(ledger)


def test_what_is_no_database_is_told_plainly(tmp_path: Path) -> None:
    (tmp_path / "accounts.sqlite").write_bytes(b"nothing of the kind" * 100)
    with pytest.raises(WorkspaceError, match=r"accounts\.sqlite"):
        open_accounts(tmp_path / "accounts.sqlite")
    with pytest.raises(WorkspaceError, match="postgresql://"):
        open_accounts("mysql://somewhere/x")
    with pytest.raises(WorkspaceError, match="postgresql://"):
        open_accounts("nothing")
    other = tmp_path / "other.sqlite"
    with sqlite3.connect(other) as connection:
        connection.execute("create table accounts (x)")
    connection.close()
    with pytest.raises(WorkspaceError, match="another program"):
        open_accounts(other)


def test_the_file_is_for_its_owner_only(tmp_path: Path) -> None:
    open_accounts(tmp_path / "accounts.sqlite").close()
    assert (tmp_path / "accounts.sqlite").stat().st_mode & 0o077 == 0


def test_two_programs_on_one_database_see_each_others_changes_at_once(ledger: Path | str, accounts: Accounts) -> None:
    other = open_accounts(ledger)
    secret = enter(accounts)
    assert who(other, secret) == "Zhang"
    with other.writing() as connection:
        entries.lock_account(connection, "zhang", is_locked=True)
    assert who(accounts, secret) is None
    other.close()


def test_the_log_is_added_to_and_never_changed(accounts: Accounts) -> None:
    with accounts.writing() as connection:
        append_accesses(connection, [Access("Zhang", "read", "inner", "a\r\nb\x00" + "x" * 5000, 3, "geojson")], NOW)
    with accounts.reading() as connection:
        row = read_accesses(connection, "Zhang")[0]
    assert (row["layer"], row["rows"], row["at"]) == ("inner", 3, "2026-09-30T08:00:00.000000Z")
    assert str(row["filter"]).startswith("a  b xxx")
    assert len(str(row["filter"])) == 2001
    for statement in (sa.update(ACCESS_LOG).values(who="nobody"), sa.delete(ACCESS_LOG)):
        with (
            pytest.raises((WorkspaceError, sa.exc.IntegrityError), match="only added to"),
            accounts.writing() as connection,
        ):
            connection.execute(statement)
    with accounts.reading() as connection:
        assert connection.execute(sa.select(sa.func.count()).select_from(ACCESS_LOG)).scalar() == 1


def test_names_are_values_and_never_statements(accounts: Accounts) -> None:
    for name in ("' OR 1=1 --", "Zhang'; DROP TABLE accounts; --", 'x" OR ""="', "%", "_hang", "Zhang\\"):
        assert enter(accounts, name=name) is None
        with accounts.reading() as connection, pytest.raises(entries.AccountError):
            entries.account_named(connection, name)
    with accounts.reading() as connection:
        assert connection.execute(sa.select(sa.func.count()).select_from(ACCOUNTS)).scalar() == 2


# --- commands ---


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    return init_workspace(tmp_path, "某县", "EPSG:4547").parent


def users(workspace: Path, monkeypatch: pytest.MonkeyPatch, *arguments: str, typed: str = "") -> tuple[int, str]:
    """Run one command of accounts and return its exit code, and what an error of ours said."""
    monkeypatch.setattr("sys.stdin", io.StringIO(typed))
    try:
        user_commands.app(args=[*arguments, "--workspace", str(workspace)], standalone_mode=False)
    except GeoSysError as error:
        return 2, str(error)
    return 0, ""


def test_accounts_by_command(
    workspace: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def run(*arguments: str, typed: str = "") -> tuple[int, str, str]:
        capsys.readouterr()
        code, error = users(workspace, monkeypatch, *arguments, typed=typed)
        return code, capsys.readouterr()[0], error

    assert run("add", "zhang", typed=GOOD + "\n")[0] == 2
    code, out, _ = run("add", "管理员", "--role", "administrator", "--json", typed=GOOD + "\n")
    assert (code, json.loads(out)["audience"]) == (0, "internal")
    code, out, _ = run("add", "zhang", "--county", "410202", "--office", "water", "--json", typed=GOOD + "\n")
    assert (code, json.loads(out)["counties"]) == (0, ["410202"])
    assert "Did you mean" in run("bind", "zhang", "--office", "watr")[2]
    code, _, err = run("add", "li", typed="short\n")
    assert code == 2
    assert "'short'" not in err
    assert run("role", "zhang", "editor", "--audience", "internal")[0] == 0
    code, out, _ = run("list", "--json")
    assert [(r["name"], r["role"], r["audience"]) for r in json.loads(out)] == [
        ("zhang", "editor", "internal"),
        ("管理员", "administrator", "internal"),
    ]
    assert "argon2" not in out
    code, out, _ = run("token", "add", "zhang", "--scope", "edit", "--days", "30", "--json")
    made = json.loads(out)
    assert made["scopes"] == ["read", "edit"]
    assert made["token"] not in run("token", "list", "--json")[1]
    assert "read、edit" in run("token", "list", "zhang")[1]
    assert "410202" in run("list")[1]
    assert "token_made" in run("log")[1]
    assert run("token", "revoke", made["token_id"])[0] == 0
    assert run("token", "revoke", "nothing")[0] == 2
    for word in ("lock", "unlock", "remove"):
        assert run(word, "管理员" if word != "unlock" else "zhang")[0] == (2 if word != "unlock" else 0)
    assert run("password", "zhang", typed="another four words here\n")[0] == 0
    assert run("remove", "zhang")[0] == 0
    told = [row["what"] for row in json.loads(run("log", "--json")[1])]
    assert told == [
        "account_removed", "password_set", "account_unlocked", "token_revoked", "token_made", "account_changed", "account_added", "account_added",
    ]  # fmt: skip
    everything = b"".join(path.read_bytes() for path in workspace.glob("accounts.sqlite*"))
    assert made["token"].encode() not in everything
    assert GOOD.encode() not in everything
