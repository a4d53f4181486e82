"""The clients of `services.py`: those who are measured, those who ask for much, and those who stop reading or send slowly."""

from __future__ import annotations

import asyncio
import itertools
import random
import socket
import time
from collections import defaultdict
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

BIG = "/collections/land_patch/items?f=json&limit=10000"  # what a client asks for that then reads no further
HEAD = "GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAccept: */*\r\nAccept-Encoding: gzip\r\n\r\n"
LONGEST_S = 30.0
BORNE_S = 20.0  # how long the service waits for a reader who stops


@dataclass(frozen=True)
class Question:
    """Hold what is asked, of which kind, and how long the answer is."""

    kind: str
    path: str
    length: int


@dataclass
class Told:
    """Hold what the clients of one round saw: seconds of each answer, and what went wrong."""

    seconds: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    errors: list[str] = field(default_factory=list)
    dropped: int = 0


async def ask(port: int, asked: list[Question], until: float, told: Told, seed: int) -> None:
    """Ask one question after the other over one connection until the time is up; a broken connection counts as an error."""
    draw = random.Random(seed)
    while time.perf_counter() < until:
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=2**20)
        except OSError as error:
            told.errors.append(f"connect: {error}")
            await asyncio.sleep(0.1)
            continue
        try:
            while time.perf_counter() < until:
                question = draw.choice(asked)
                began = time.perf_counter()
                writer.write(HEAD.format(path=question.path, port=port).encode())
                status, length = await asyncio.wait_for(answer(reader), LONGEST_S)
                told.seconds[question.kind].append(time.perf_counter() - began)
                if status != 200 or length != question.length:
                    told.errors.append(f"{question.path}: {status}, {length} bytes of {question.length}")
        except (OSError, EOFError, TimeoutError, ValueError) as error:
            told.errors.append(f"{type(error).__name__}: {error}")
        finally:
            writer.close()


async def answer(reader: asyncio.StreamReader) -> tuple[int, int]:
    """Read one answer whole and return its status and length."""
    lines = (await reader.readuntil(b"\r\n\r\n")).split(b"\r\n")
    headers = dict(line.lower().split(b": ", 1) for line in lines[1:] if b": " in line)
    if b"content-length" in headers:
        return int(lines[0].split()[1]), len(await reader.readexactly(int(headers[b"content-length"])))
    size = 0
    while True:  # in pieces
        piece = int((await reader.readuntil(b"\r\n")).strip() or b"0", 16)
        await reader.readexactly(piece + 2)
        if not piece:
            return int(lines[0].split()[1]), size
        size += piece


async def read_big(port: int, told: Told, begun: asyncio.Event, *, reads_on: bool) -> None:
    """Ask for a big answer; read it whole and rest as long as the service bears a reader who stops, or stop reading until dropped."""
    loop = asyncio.get_running_loop()
    while True:
        client = socket.socket()
        client.setblocking(False)
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2**20 if reads_on else 4096)
        try:
            await loop.sock_connect(client, ("127.0.0.1", port))
            await loop.sock_sendall(client, HEAD.format(path=BIG, port=port).encode())
            await loop.sock_recv(client, 1000)
            begun.set()
            if reads_on:
                with suppress(TimeoutError):
                    while await asyncio.wait_for(loop.sock_recv(client, 2**18), 1.0):
                        pass
                await asyncio.sleep(BORNE_S)
            else:
                while True:
                    await asyncio.sleep(1.0)
                    client.send(b"x")  # fails once it is dropped
        except OSError:
            told.dropped += 1
        finally:
            client.close()
        await asyncio.sleep(0.2)


async def send_slowly(port: int, told: Told) -> None:
    """Send a request a letter at a time and never its end, half of the times its body; when the server drops it, again."""
    for turn in itertools.count():
        begun = b"POST /collections/outfall/items HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/geo+json\r\n"
        head = begun + b"Content-Length: 100000\r\n\r\n{" if turn % 2 else b"GET / HTTP/1.1\r\nHost: 127"
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(head)
            while not reader.at_eof():
                writer.write(b"0")
                await writer.drain()
                with suppress(TimeoutError):
                    if not await asyncio.wait_for(reader.read(1000), 0.25):
                        break
        except OSError:
            pass
        told.dropped += 1
        await asyncio.sleep(0.2)


@asynccontextmanager
async def beside(port: int, count: int, told: Told, manner: str):
    """Keep so many others busy: half ask for big answers and, where they are rude, read no further; the other half sends slowly.

    But for those who come at once, the round begins when their first answers have begun to come: what it costs to make those is
    not what reading no further costs.
    """
    begun = [asyncio.Event() for _ in range(count // 2)]
    tasks = [asyncio.create_task(read_big(port, told, one, reads_on=manner != "rude")) for one in begun]
    if manner == "rude":
        tasks += [asyncio.create_task(send_slowly(port, told)) for _ in range(count - count // 2)]
    try:
        if count and manner != "at once":
            with suppress(TimeoutError):
                await asyncio.wait_for(asyncio.gather(*(one.wait() for one in begun)), LONGEST_S)
            await asyncio.sleep(2.0)
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def load(
    port: int, asked: list[Question], seconds: float, clients: int, others: int, manner: str
) -> tuple[Told, float]:
    """Let clients ask for so many seconds, half of them features, and return what they saw and how long it took."""
    told = Told()
    kinds = [[q for q in asked if q.kind == kind] for kind in ("features", "tiles")]
    async with beside(port, others, told, manner):
        began = time.perf_counter()
        await asyncio.gather(*(ask(port, kinds[n % 2], began + seconds, told, n) for n in range(clients)))
        return told, time.perf_counter() - began
