"""The register of publications: added to only, chained, in SQLite and PostgreSQL; papers, receipts, and what a killed run leaves."""

from __future__ import annotations

import datetime as dt
import gzip
import hashlib
import json
import shutil
import sqlite3
import subprocess
from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa
import typer
from papers_toy import DAY, account, plots, shaped, write_data
from typer.testing import CliRunner

from geosys._errors import ConflictError, SpecError, WorkspaceError
from geosys._text import Text
from geosys.cases.ledger.database import HEAD, open_ledger, read_ledger
from geosys.cases.ledger.publications import (
    Publication,
    last_publication,
    note_receipt,
    read_publications,
    register,
    verify_register,
)
from geosys.cases.ledger.safekeeping import backup, restore
from geosys.cli import package_papers_command as command
from geosys.cli import safekeeping_command
from geosys.content import content_root
from geosys.maps.paper.press import Press, open_press
from geosys.publish.papers.checksums import write_sums
from geosys.publish.papers.desk import Desk, enter, find_previous
from geosys.publish.papers.receipt import listed_files
from geosys.publish.papers.signature import make_key, spaced
from geosys.publish.papers.verification import is_intact, verify_package
from geosys.workspace import PLAN

if TYPE_CHECKING:
    from pathlib import Path

    from geosys.publish.papers.account import Account


def publication(number: int = 1, **changes: object) -> Publication:
    made = Publication(
        package=f"plots_{number}", profile="plots", title=Text("地块", "Plots"), sender="生态环境分局", receiver="自然资源局",
        audience="shared", published_on=DAY, sums_sha256=f"{number:064x}", fingerprint="ab", program="GeoSys 0.1.0", actor="李某",
        recorded_at="2026-09-30T10:00:00+08:00", told={"layers": [{"rows": number}]},
    )  # fmt: skip
    return replace(made, **changes)


def four_entries(path: Path) -> None:
    with open_ledger(path) as connection:
        register(connection, publication(1))
        register(connection, publication(2))
        note_receipt(connection, 1, received_by="王某", received_on=DAY)
        register(connection, publication(3))


TAMPERING = [
    "update publications set receiver = '别人' where publication_no = 1",
    "update publications set published_on = '2020-01-01' where publication_no = 2",
    "update publications set published_on = 'never' where publication_no = 2",
    "update publication_receipts set received_by = '别人'",
    "delete from publications where publication_no = 1",
    "delete from publication_receipts",
    "delete from publications where publication_no = 3",
    "update publication_chain set sequence = 3",
    "delete from publication_chain",
    "update publications set publication_no = publication_no + 10",
]


def test_packages_and_receipts_are_entered_in_one_chain(ledger: Path | str) -> None:
    with open_ledger(ledger) as connection:
        assert [register(connection, publication(n)) for n in (1, 2)] == [1, 2]
        assert register(connection, publication(1)) == 1  # a second time: nothing new
        assert note_receipt(connection, 1, received_by="王某", received_on=DAY, document="签收单-1") == 1
        assert register(connection, publication(3, profile="outfalls")) == 3
        later = dt.date(2026, 10, 8)
        assert note_receipt(connection, 1, received_by="赵某", received_on=later, document="更正") == 2
    with read_ledger(ledger) as connection:
        rows = read_publications(connection)
        assert rows["publication_no"].tolist() == [1, 2, 3]
        assert rows["sequence"].tolist() == [1, 2, 4]
        assert rows["receipts"].tolist() == [2, 0, 0]
        assert rows["received_by"].tolist() == ["赵某", None, None]
        assert rows.loc[0, "received_on"] == later
        assert rows.loc[1, "told"] == {"layers": [{"rows": 2}]}
        assert read_publications(connection, "outfalls")["package"].tolist() == ["plots_3"]
        found = last_publication(connection, "plots")
        assert found is not None
        assert (found["package"], found["published_on"]) == ("plots_2", DAY)
        assert last_publication(connection, "nothing") is None
        assert verify_register(connection) == []


def test_backup_and_restore_carry_the_register(ledger: Path | str, tmp_path: Path) -> None:
    with open_ledger(ledger) as connection:
        register(connection, publication())
        note_receipt(connection, 1, received_by="王某", received_on=DAY)
    with read_ledger(ledger) as connection:
        counts = backup(connection, tmp_path / "b.gz")
        before = read_publications(connection)
    assert (counts["publications"], counts["publication_receipts"], counts["publication_chain"]) == (1, 1, 1)
    with open_ledger(tmp_path / "other.sqlite") as connection:
        restore(connection, tmp_path / "b.gz")
        assert read_publications(connection).equals(before)
        assert verify_register(connection) == []
        assert register(connection, publication(2)) == 2


@pytest.mark.parametrize("statement", TAMPERING)
def test_a_register_that_is_not_whole_is_neither_backed_up_nor_restored(tmp_path: Path, statement: str) -> None:
    path, file = tmp_path / "l.sqlite", tmp_path / "b.gz"
    four_entries(path)
    with read_ledger(path) as connection:
        backup(connection, tmp_path / "whole.gz")
    with closing(sqlite3.connect(path)) as base, base:
        base.execute(statement)
    with pytest.raises(WorkspaceError, match="register of publications: got"), read_ledger(path) as connection:
        backup(connection, file)
    assert not list(tmp_path.glob("b.gz*"))
    with open_ledger(path) as connection:  # a whole backup mends it
        restore(connection, tmp_path / "whole.gz")
    with read_ledger(path) as connection:
        assert verify_register(connection) == []


def test_a_backup_whose_register_was_rewritten_restores_nothing(tmp_path: Path) -> None:
    """Its checksum is right: somebody counted it anew. The chain is not."""
    path, file = tmp_path / "l.sqlite", tmp_path / "b.gz"
    four_entries(path)
    with read_ledger(path) as connection:
        backup(connection, file)
    *lines, _ = (
        gzip.decompress(file.read_bytes()).decode().replace("自然资源局", "农业农村局").splitlines(keepends=True)
    )
    digest = hashlib.sha256("".join(lines[1:]).encode()).hexdigest()
    for end in (digest, hashlib.sha256("".join(lines).encode()).hexdigest()):
        text = "".join([*lines, json.dumps({"end": end}) + "\n"])
        file.write_bytes(gzip.compress(text.encode()))
        with pytest.raises(WorkspaceError) as refused, open_ledger(path) as connection:
            restore(connection, file)
        with read_ledger(path) as connection:
            assert read_publications(connection)["receiver"].unique().tolist() == ["自然资源局"]
    assert "register of publications: got" in str(refused.value)


def test_a_register_without_cases_is_not_replaced_unasked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / PLAN).write_text('title = { zh = "县", en = "County" }\ncrs = "EPSG:4547"\n', encoding="utf-8")
    app = typer.Typer()
    for each in (safekeeping_command.backup, safekeeping_command.restore):
        app.command()(each)
    file, kept = tmp_path / "空.gz", tmp_path / "登记.gz"
    where = ["--workspace", str(tmp_path), "--json"]
    with open_ledger(tmp_path / "cases.sqlite"):
        pass
    app(["backup", str(file), *where], standalone_mode=False)
    four_entries(tmp_path / "cases.sqlite")
    with pytest.raises(WorkspaceError, match="0 events and 3 publications"):
        app(["restore", str(file), *where], standalone_mode=False)
    with read_ledger(tmp_path / "cases.sqlite") as connection:
        assert len(read_publications(connection)) == 3
    app(["restore", str(file), "--replace", "--keep", str(kept), *where], standalone_mode=False)
    with read_ledger(tmp_path / "cases.sqlite") as connection:
        assert read_publications(connection).empty
    app(["restore", str(kept), *where], standalone_mode=False)  # an empty one is replaced without a word
    with read_ledger(tmp_path / "cases.sqlite") as connection:
        assert len(read_publications(connection)) == 3
    capsys.readouterr()


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"package": " "}, SpecError),
        ({"receiver": ""}, SpecError),
        ({"sums_sha256": ""}, SpecError),
        ({"title": Text("a\x00", "b")}, SpecError),
        ({"actor": "\ud800"}, SpecError),
        ({"published_on": dt.datetime(2026, 9, 30, tzinfo=dt.UTC)}, SpecError),
        ({"package": "plots_1"}, ConflictError),  # the same name, other files
        ({"sums_sha256": f"{1:064x}"}, ConflictError),  # other name, the same files
    ],
)
def test_what_cannot_be_entered_is_refused_and_leaves_nothing(tmp_path: Path, changes: dict, error: type) -> None:
    with open_ledger(tmp_path / "l") as connection:
        register(connection, publication())
    with pytest.raises(error), open_ledger(tmp_path / "l") as connection:
        register(connection, publication(2, **changes))
    with read_ledger(tmp_path / "l") as connection:
        assert len(read_publications(connection)) == 1
        assert verify_register(connection) == []


def test_receipts_are_of_an_entry_by_somebody_and_not_before_it(tmp_path: Path) -> None:
    with open_ledger(tmp_path / "l") as connection:
        with pytest.raises(WorkspaceError, match="register is empty"):
            note_receipt(connection, 1, received_by="王某", received_on=DAY)
        register(connection, publication())
        for number, by, on, said in (
            (2, "王某", DAY, "one of 1 to 1"), (1, " ", DAY, "got nobody"), (1, "王某", dt.date(2026, 9, 29), "or later"),
        ):  # fmt: skip
            with pytest.raises(WorkspaceError, match=said):
                note_receipt(connection, number, received_by=by, received_on=on)


@pytest.mark.parametrize("statement", TAMPERING)
def test_each_change_by_hand_breaks_the_chain(tmp_path: Path, statement: str) -> None:
    path = tmp_path / "l.sqlite"
    four_entries(path)
    with closing(sqlite3.connect(path)) as base, base:
        base.execute(statement)
    with read_ledger(path) as connection:
        assert verify_register(connection)


def test_a_ledger_of_the_version_before_gets_the_register(tmp_path: Path) -> None:
    path = tmp_path / "l.sqlite"
    with open_ledger(path):
        pass
    with closing(sqlite3.connect(path)) as base, base:
        for table in ("publications", "publication_receipts", "publication_chain"):
            base.execute(f"drop table {table}")
        base.execute("update alembic_version set version_num = '0003'")
    with open_ledger(path) as connection:
        assert register(connection, publication()) == 1
        assert connection.execute(sa.text("select version_num from alembic_version")).scalar() == HEAD == "0004"


# --- the desk: papers, seal, entry ---


@pytest.fixture(scope="module")
def press() -> Press:
    return open_press(content_root() / "maps")


@pytest.fixture
def desk(tmp_path: Path, press: Press) -> Desk:
    return Desk(
        tmp_path / "packages", tmp_path / "cases.sqlite", press, make_key(tmp_path), "李某", "2026-09-30T10:00:00+08:00"
    )


def publish(desk: Desk, number: int, layers=None) -> tuple[Path, Account]:
    name = f"toy_2026-09-30_{number}"
    layers = layers or shaped()
    part = desk.packages / f"{name}.part"
    files = write_data(part, layers)
    made = desk.papers(part, account(package=name, shaped=layers, files=files))
    desk.seal(part)
    part.rename(desk.packages / name)
    desk.register(desk.packages / name, made)
    return desk.packages / name, made


def test_a_package_has_all_papers_is_signed_and_entered(desk: Desk) -> None:
    folder, made = publish(desk, 1)
    there = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    papers = {"metadata/toy.xml", "metadata/toy.html", "report.html", "report.json", "manifest.json", "receipt.pdf"}
    assert there == papers | {"data/toy.gpkg", "public_key.pem", "SHA256SUMS", "SHA256SUMS.sig"}
    assert {file.path.as_posix() for file in made.files} == papers | {"data/toy.gpkg"}
    assert desk.key is not None
    assert all(check.is_passed for check in verify_package(folder, [desk.key.public_pem]))
    told = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    assert told["layers"][0]["version"] == "0123456789ab"
    assert told["fingerprint"] == desk.key.fingerprint
    assert {f["path"] for f in told["files"]} == (papers | {"data/toy.gpkg"}) - {"manifest.json", "receipt.pdf"}
    assert (folder / "receipt.pdf").read_bytes().startswith(b"%PDF")
    with read_ledger(desk.ledger) as connection:
        row = read_publications(connection).iloc[0]
    assert (row["package"], row["receiver"], row["actor"]) == (folder.name, "样例县自然资源局", "李某")
    assert row["told"]["layers"][0]["rows"] == 3


def test_the_receipt_lists_files_whose_hashes_can_be_copied(desk: Desk) -> None:
    folder, made = publish(desk, 1)
    if shutil.which("pdftotext") is None:
        pytest.skip("pdftotext is not installed: './geo test' installs it where it may")
    text = subprocess.run(
        ["pdftotext", "-layout", str(folder / "receipt.pdf"), "-"], check=True, capture_output=True
    ).stdout.decode()
    digest = hashlib.sha256((folder / "data/toy.gpkg").read_bytes()).hexdigest()
    assert digest in text.replace(" ", "")
    assert spaced(made.fingerprint).replace(" ", "") in text.replace(" ", "")
    assert all(word in text for word in ("样例县自然资源局", "签字", "日期", "盖章", "30,000.00", "toy_2026-09-30_1"))


def test_a_geodatabase_is_one_line_whose_hash_the_shell_can_make(tmp_path: Path) -> None:
    (tmp_path / "data/a.gdb").mkdir(parents=True)
    for name in ("gdb", "a01.gdbtable"):
        (tmp_path / "data/a.gdb" / name).write_text(name)
    told = write_sums(tmp_path)
    lines = b"".join(line for line in told.splitlines(keepends=True) if b"  data/a.gdb/" in line)
    listed = {f.name: f for f in listed_files(tmp_path)}
    assert listed["data/a.gdb/"].digest == hashlib.sha256(lines).hexdigest()
    assert (listed["data/a.gdb/"].number, listed["data/a.gdb/"].size) == (2, 15)


def test_the_second_package_tells_what_changed_and_a_first_one_that_it_is_the_first(desk: Desk) -> None:
    folder, first = publish(desk, 1)
    assert first.difference is not None
    assert "首次" in (folder / "report.html").read_text(encoding="utf-8")
    changed = plots()
    changed.loc[0, "DKMC"] = "改名"
    folder, second = publish(desk, 2, shaped(changed))
    assert second.difference is not None
    assert second.difference.previous == "toy_2026-09-30_1"
    assert second.difference.counts()["WRDK"] == {"new": 0, "gone": 0, "changed": 1, "same": 2}
    assert (folder / "difference.xlsx").is_file()
    told = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    assert told["difference"]["layers"]["WRDK"]["changed"] == 1


def test_a_last_package_that_is_gone_or_was_changed_is_not_compared_with(desk: Desk) -> None:
    folder, _ = publish(desk, 1)
    with read_ledger(desk.ledger) as connection:
        entry = last_publication(connection, "toy")
    assert find_previous(desk.packages, entry) == (folder, None)
    assert find_previous(desk.packages / "x", entry)[0] is None
    (folder / "data/toy.gpkg").write_bytes(b"changed")
    found, why = find_previous(desk.packages, entry)
    assert found is None
    assert why is not None
    assert "not what was registered" in why.en
    _, second = publish(desk, 2)
    assert second.difference is not None
    assert second.difference.why == why


def test_a_run_killed_before_the_entry_is_entered_afterwards_and_once(desk: Desk) -> None:
    quiet = replace(desk, ledger=desk.packages.parent / "another.sqlite")
    folder, _ = publish(quiet, 1)
    assert enter(folder, desk.ledger, "李某", "") == 1
    assert enter(folder, desk.ledger, "赵某", "") == 1
    renamed = folder.rename(folder.with_name("toy_2026-09-30_9"))
    with pytest.raises(WorkspaceError, match="Give the folder its name back"):
        enter(renamed, desk.ledger, "李某", "")


def test_without_a_key_the_papers_say_so(desk: Desk) -> None:
    folder, made = publish(replace(desk, key=None), 1)
    assert made.fingerprint == ""
    assert "未签名" in (folder / "report.html").read_text(encoding="utf-8")
    assert not is_intact(verify_package(folder))


def test_the_same_package_has_the_same_papers(desk: Desk, tmp_path: Path) -> None:
    one, _ = publish(desk, 1)
    other, _ = publish(replace(desk, packages=tmp_path / "p2", ledger=tmp_path / "l2.sqlite"), 1)
    for name in ("SHA256SUMS", "SHA256SUMS.sig", "receipt.pdf", "report.html", "metadata/toy.xml"):
        assert (one / name).read_bytes() == (other / name).read_bytes(), name


def test_a_refused_package_gets_the_same_report_and_nothing_else(desk: Desk, tmp_path: Path) -> None:
    folder = tmp_path / "refused"
    folder.mkdir()
    stopped = account().checks[1]
    desk.report(folder, account(checks=(replace(stopped, stops=True),)))
    assert {path.name for path in folder.iterdir()} == {"report.html", "report.json"}
    assert "不得提供" in (folder / "report.html").read_text(encoding="utf-8")


# --- the commands ---


@pytest.fixture
def office(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> Path:
    root = desk.packages.parent
    root.joinpath("geosys.toml").write_text(
        'title = { zh = "样例县", en = "Sample" }\ncrs = "EPSG:4547"\n', encoding="utf-8"
    )
    monkeypatch.chdir(root)
    monkeypatch.delenv("GEOSYS_KEY_PASSWORD", raising=False)
    return root


def commands() -> typer.Typer:
    app = typer.Typer()
    for function in (command.verify, command.key, command.register, command.receipt):
        app.command()(function)
    return app


def run(*arguments: str, code: int = 0) -> str:
    result = CliRunner().invoke(commands(), list(arguments))
    assert result.exit_code == code, (result.output, result.exception)
    return result.output


def test_the_register_shows_what_was_given_and_what_was_countersigned(desk: Desk, office: Path) -> None:
    folder, _ = publish(desk, 1)
    run("receipt", "1", "--by", "王某", "--on", "2026-10-08", "--document", "签收单-1.pdf")
    told = json.loads(run("register", "--json"))
    assert told["breaks"] == []
    assert told["not_registered"] == []
    (row,) = told["register"]
    assert (row["package"], row["received_by"], row["received_on"]) == (folder.name, "王某", "2026-10-08")
    assert json.loads(run("register", "--profile", "other", "--json"))["register"] == []
    publish(replace(desk, ledger=office / "another.sqlite"), 2)  # as a run killed before the entry leaves it
    assert "not registered: toy_2026-09-30_2" in run("register")
    run("register", "--add", "packages/toy_2026-09-30_2", "--by", "李某")
    assert json.loads(run("register", "--json"))["not_registered"] == []
    (folder / "report.html").write_text("x", encoding="utf-8")
    result = CliRunner().invoke(commands(), ["register", "--add", f"packages/{folder.name}"])
    assert isinstance(result.exception, WorkspaceError)
    with closing(sqlite3.connect(office / "cases.sqlite")) as base, base:
        base.execute("update publications set receiver = '别人' where publication_no = 1")
    assert json.loads(run("register", "--json", code=1))["breaks"] == ["its content was changed"]


@pytest.mark.usefixtures("office")
def test_verify_says_intact_and_by_whom_and_fails_on_harm(desk: Desk) -> None:
    folder, _ = publish(desk, 1)
    where = f"packages/{folder.name}"
    assert "? 由谁" in run("verify", where)
    assert desk.key is not None
    public = "keys/publish_public_key.pem"
    assert "✓ 由谁" in run("verify", where, "--key", public)
    assert "✓ 由谁" in run("verify", where, "--key", spaced(desk.key.fingerprint))
    assert "✗ 由谁" in run("verify", where, "--key", "0" * 64, code=1)
    result = CliRunner().invoke(commands(), ["verify", where, "--key", "nonsense"])
    assert isinstance(result.exception, WorkspaceError)
    (folder / "data/toy.gpkg").write_bytes(b"x")
    told = json.loads(run("verify", where, "--json", "--key", public, code=1))
    assert told["intact"] is False
    assert next(c for c in told["checks"] if c["id"] == "package_changed")["where"] == "data/toy.gpkg"


def test_a_protected_key_is_made_and_used_by_its_password(office: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for path in (office / "keys").iterdir():
        path.unlink()
    monkeypatch.setenv("GEOSYS_KEY_PASSWORD", "口令")
    told = json.loads(run("key", "--json"))
    assert told["is_protected"] is True
    found = command.signing_key(office)
    assert found is not None
    assert found.fingerprint == told["fingerprint"]
    monkeypatch.setenv("GEOSYS_KEY_PASSWORD", "falsch")
    with pytest.raises(WorkspaceError, match="wrong password"):
        command.signing_key(office)
    assert command.signing_key(office / "packages") is None
