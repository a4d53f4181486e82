"""The service as a process: where it may listen, slow clients, heads and readers, its stop, and the whole of it on a toy workspace."""

from __future__ import annotations

import datetime as dt
import json
import os
import signal
import socket
import subprocess
import sys
import textwrap
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import httpx
import pytest
from conftest import ROOT

from geosys._errors import WorkspaceError
from geosys.accounts.passwords import hash_password
from geosys.accounts.store import entries
from geosys.accounts.store.database import ACCOUNTS_FILE, open_accounts
from geosys.accounts.viewer import Viewer
from geosys.cli.serve_command import check_binding, serve
from geosys.web.guard.settings import Settings, read_networks
from geosys.workspace import init_workspace

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

NOW = dt.datetime(2026, 9, 30, 8, tzinfo=dt.UTC)
HOST = "127.0.0.1"

# A service whose bounds are short, with a route that answers slowly and one that answers much.
SCRIPT = """
    import asyncio, datetime as dt, pathlib, sys
    from starlette.responses import PlainTextResponse
    from starlette.routing import Route
    from geosys._errors import GeoSysError
    from geosys.accounts.store.database import open_accounts
    from geosys.web.app import compose
    from geosys.web.guard.serving import Listening, serve_app
    from geosys.web.guard.settings import Bounds, Settings

    async def much(request):
        return PlainTextResponse(b"x" * 30_000_000)

    async def slow(request):
        print("begun", flush=True)
        await asyncio.sleep(1)
        return PlainTextResponse("whole")

    async def taken(request):
        return PlainTextResponse(str(len(await request.body())))

    bounds = Bounds(requests_per_s=0, most_pause_s=0.5, most_write_s=0.5, most_body_bytes=100_000)
    settings = Settings(clock=lambda: dt.datetime.now(dt.UTC), bounds=bounds)
    accounts = open_accounts(pathlib.Path(sys.argv[1]) / "accounts.sqlite")
    routes = [Route("/much", much), Route("/slow", slow), Route("/taken", taken, methods=["POST"])]
    app = compose(routes, {}, accounts, settings, closing=lambda: print("closed", flush=True))
    listening = Listening("127.0.0.1", int(sys.argv[2]), most_head_s=0.5, most_connections=30)
    try:
        serve_app(app, listening, lambda address: print(address, flush=True))
    except GeoSysError as error:
        print(error, flush=True)
        sys.exit(2)
"""


@contextmanager
def started(script: str, *arguments: str) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """Run a script that prints the address it serves last in its first line; stop it afterwards."""
    environment = os.environ | {"PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"}
    command = [sys.executable, "-c", textwrap.dedent(script), *arguments]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment)
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        if "http://" not in line:
            process.kill()
            raise AssertionError(line + process.communicate()[1])
        yield process, int(line.rpartition(":")[2])
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
        process.communicate(timeout=60)


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[subprocess.Popen[str], int]]:
    with started(SCRIPT, str(tmp_path_factory.mktemp("served")), "0") as running:
        yield running


def connected(port: int, *, window: int = 0) -> socket.socket:
    client = socket.socket()
    if window:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, window)
    client.settimeout(20)
    client.connect((HOST, port))
    return client


def ended(client: socket.socket) -> bytes:
    """Return what came until the other side ended, however it did."""
    received = b""
    while True:
        try:
            piece = client.recv(65536)
        except ConnectionResetError:
            return received
        if not piece:
            return received
        received += piece


def health(port: int) -> int:
    return httpx.get(f"http://{HOST}:{port}/health", timeout=20).status_code


# --- slow clients ---


def test_a_request_that_never_begins_or_never_ends_is_dropped(service: tuple[subprocess.Popen[str], int]) -> None:
    _, port = service
    silent, slow = connected(port), connected(port)
    slow.sendall(b"GET /health HTTP/1.1\r\nHost: localhost\r\n")

    def drip() -> None:
        try:
            for _ in range(200):
                slow.sendall(b"X-A: b\r\n")
                time.sleep(0.05)
        except OSError:
            return

    dripping = threading.Thread(target=drip)
    dripping.start()
    assert ended(silent) == b""
    assert ended(slow) == b""  # the time of a head is counted from its first byte, however busy the sender is
    dripping.join()
    resting = connected(port)
    resting.sendall(b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n")
    assert resting.recv(65536).startswith(b"HTTP/1.1 200")
    resting.sendall(b"GET /health HTTP/1.1\r\nHost:")  # the second request of a connection no less
    assert ended(resting) in {b"", b'{"status":"ok"}'}
    for client in (silent, slow, resting):
        client.close()


def test_a_sender_who_stops_is_told_and_one_who_sends_too_much_too(service: tuple[subprocess.Popen[str], int]) -> None:
    _, port = service
    head = b"POST /taken HTTP/1.1\r\nHost: localhost\r\nContent-Length: "
    stops = connected(port)
    stops.sendall(head + b"100\r\n\r\nabc")
    assert ended(stops).startswith(b"HTTP/1.1 408")
    much = connected(port)
    much.sendall(head + b"100001\r\n\r\n")
    assert ended(much).startswith(b"HTTP/1.1 413")  # nothing of it was sent
    chunks = connected(port)
    chunks.sendall(
        b"POST /taken HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
        b"186a1\r\n" + b"x" * 100_001 + b"\r\n"
    )
    assert ended(chunks).startswith(b"HTTP/1.1 413")
    good = connected(port)
    good.sendall(head + b"3\r\nConnection: close\r\n\r\nabc")
    assert ended(good).endswith(b"\r\n\r\n3")
    for client in (stops, much, chunks, good):
        client.close()


def test_readers_who_stop_are_dropped_and_block_nobody(service: tuple[subprocess.Popen[str], int]) -> None:
    _, port = service
    stuck = [connected(port, window=4096) for _ in range(5)]
    for client in stuck:
        client.sendall(b"GET /much HTTP/1.1\r\nHost: localhost\r\n\r\n")
    assert [health(port) for _ in range(5)] == [200] * 5
    assert len(httpx.get(f"http://{HOST}:{port}/much", timeout=20).content) == 30_000_000
    time.sleep(1.5)
    for client in stuck:
        assert len(ended(client)) < 30_000_000  # what they did not read in time is gone, and they can tell
        client.close()


def test_more_connections_than_borne_are_refused_and_then_there_is_room_again(
    service: tuple[subprocess.Popen[str], int],
) -> None:
    _, port = service
    many = [connected(port) for _ in range(40)]
    assert health(port) == 503
    for client in many:
        assert ended(client) == b""
        client.close()
    assert health(port) == 200


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"GET /health HTTP/1.1\r\n\r\n",
        b"GET /health HTTP/1.1\r\nHost: localhost\r\nHost: localhost\r\n\r\n",
        b"GET /health HTTP/1.1\r\nHost: localhost\r\nX: a\x00b\r\n\r\n",
        b"GET /health HTTP/1.1\r\nHost: localhost\r\nBad Name: x\r\n\r\n",
        b"GET /health HTTP/1.1\r\nHost: localhost\r\nX: " + b"x" * 100_000 + b"\r\n\r\n",
        b"GET http://evil.example/health HTTP/1.1\r\nHost: evil.example\r\n\r\n",
        b"POST /taken HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
        b"POST /taken HTTP/1.1\r\nHost: localhost\r\nContent-Length: +3\r\n\r\nabc",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"CONNECT evil.example:80 HTTP/1.1\r\nHost: evil.example\r\n\r\n",
    ],
)
def test_requests_that_are_none(service: tuple[subprocess.Popen[str], int], request_bytes: bytes) -> None:
    _, port = service
    client = connected(port)
    client.sendall(request_bytes)
    client.shutdown(socket.SHUT_WR)
    answer = ended(client)
    assert answer == b"" or answer.split()[1] in {b"400", b"404", b"405", b"421", b"431"}
    assert b"Traceback" not in answer
    client.close()
    assert health(port) == 200


# --- beginning and end ---


def test_a_stop_lets_running_answers_end_and_a_taken_port_is_told(tmp_path: Path) -> None:
    with started(SCRIPT, str(tmp_path), "0") as (process, port):
        second = [sys.executable, "-c", textwrap.dedent(SCRIPT), str(tmp_path), str(port)]
        told = subprocess.run(
            second, capture_output=True, text=True, check=False, env=os.environ | {"PYTHONPATH": str(ROOT)}
        )
        assert told.returncode == 2
        assert f"--port {port}: got a port of 127.0.0.1 that cannot be had" in told.stdout
        answers: list[str] = []
        asking = threading.Thread(
            target=lambda: answers.append(httpx.get(f"http://{HOST}:{port}/slow", timeout=20).text)
        )
        asking.start()
        assert process.stdout is not None
        assert process.stdout.readline() == "begun\n"
        process.send_signal(signal.SIGTERM)
        asking.join()
        rest, errors = process.communicate(timeout=60)
    assert answers == ["whole"]
    assert rest == "closed\n"  # what the service held is let go
    assert "Traceback" not in errors


# --- where it may listen ---


def settings(**changes: object) -> Settings:
    return Settings(clock=lambda: NOW, **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "changes",
    [
        {"is_loopback": False},
        {"public_url": "https://gis.example"},
        {"is_closed": True},
        {"trusted": read_networks(["10.0.0.1"]), "public_url": "http://g"},
    ],
)
def test_nobody_else_is_let_near_without_an_administrator(tmp_path: Path, changes: dict[str, object]) -> None:
    accounts = open_accounts(tmp_path / ACCOUNTS_FILE)
    check_binding(accounts, settings(), HOST)
    with pytest.raises(WorkspaceError, match="geosys users add NAME --role administrator"):
        check_binding(accounts, settings(**changes), "10.0.0.5")
    with accounts.writing() as connection:
        entries.add_account(connection, Viewer("admin", "administrator"), hash_password("four unrelated words"), NOW)
    check_binding(accounts, settings(**changes), "10.0.0.5")
    for host in ("0.0.0.0", "::"):  # noqa: S104
        with pytest.raises(WorkspaceError, match="--public-url"):
            check_binding(accounts, settings(is_loopback=False), host)
    accounts.close()


def test_the_command_refuses_before_it_builds_anything(tmp_path: Path) -> None:
    init_workspace(tmp_path, "某县", "EPSG:4547")
    with pytest.raises(WorkspaceError, match="got no account"):
        serve(workspace=tmp_path, port=0, host="10.0.0.5")
    assert not (tmp_path / "services").exists()


COMMAND = """
    import sys, pathlib
    from geosys.cli.serve_command import serve
    serve(workspace=pathlib.Path(sys.argv[1]), port=0)
"""


def test_the_whole_service_on_this_machine(tmp_path: Path) -> None:
    """A workspace without layers is served too; login, features and tiles stand behind one guard."""
    init_workspace(tmp_path, "某县", "EPSG:4547")
    with (
        started(COMMAND, str(tmp_path)) as (_, port),
        httpx.Client(base_url=f"http://{HOST}:{port}", timeout=30) as client,
    ):
        landing = client.get("/", headers={"accept": "application/json"})
        assert landing.status_code == 200
        assert json.loads(landing.text)["title"] == "某县"
        assert client.get("/collections?f=json").json()["collections"] == []
        assert client.get("/me").status_code == 200
        for path in ("/collections/nothing/items", "/tiles/nothing/0/0/0.mvt", "/nothing"):
            answer = client.get(path)
            assert answer.status_code == 404
            assert "content-security-policy" in answer.headers
        assert client.get("/health", headers={"host": "evil.example"}).status_code == 421
        accounts = open_accounts(tmp_path / ACCOUNTS_FILE)  # as 'geosys users add' does, beside the running service
        with accounts.writing() as connection:
            entries.add_account(
                connection, Viewer("admin", "administrator"), hash_password("four unrelated words"), NOW
            )
        accounts.close()
        assert client.get("/me", follow_redirects=False).status_code == 303  # the single user is one no more
