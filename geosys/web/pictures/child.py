"""Run MapServer for one request, as CGI: no shell, an environment of its own, a bound on time, bytes and how many at once."""

from __future__ import annotations

import shutil
import subprocess
import threading
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from starlette.datastructures import URL

from geosys._errors import GeoSysError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

PROGRAM = "mapserv"
PLACES = "/usr/bin:/usr/local/bin:/usr/lib/cgi-bin"
MAP = "map.map"
SETTINGS = "mapserver.conf"
MOST_SECONDS = 30.0
MOST_BYTES = 64 * 2**20
AT_ONCE = 4
_PATIENCE_S = 15.0
_PIECE = 65_536


class PictureError(GeoSysError):
    """MapServer did not answer in the bounds set for it, or not at all."""


@dataclass(frozen=True, slots=True)
class Answer:
    """Hold what MapServer answered."""

    status: int
    media_type: str
    body: bytes


def find_program() -> str | None:
    """Return the path of MapServer's CGI program, or None where it is not installed."""
    return shutil.which(PROGRAM, path=PLACES)


class MapServer:
    """Run the program, a few at a time."""

    def __init__(
        self, program: str, most_seconds: float = MOST_SECONDS, most_bytes: int = MOST_BYTES, at_once: int = AT_ONCE
    ) -> None:
        self._program, self._most_seconds, self._most_bytes = program, most_seconds, most_bytes
        self._free = threading.BoundedSemaphore(at_once)

    def ask(self, folder: Path, query: str, address: str) -> Answer:
        """Return the answer of the map file in a folder to a query.

        Parameters
        ----------
        query : already checked, see `requests`.
        address : of the service, that its own links begin with.

        Raises
        ------
        PictureError
            When it takes too long, answers too much, fails, or too many others are waiting.
        """
        if not self._free.acquire(timeout=_PATIENCE_S):
            raise PictureError(
                "pictures: got more requests at once than can be drawn, expected fewer. Ask again in a while."
            )
        try:
            answer = _parsed(self._run(_environment(folder, query, address), folder))
        finally:
            self._free.release()
        if answer.media_type.startswith("image/"):
            return answer
        # What goes wrong is told with the places of files: those are nobody's business.
        return replace(answer, body=answer.body.replace(str(folder.parent).encode(), b"services"))

    def _run(self, environment: Mapping[str, str], folder: Path) -> bytes:
        run = subprocess.Popen(  # noqa: S603  a fixed path and no argument
            [self._program], env=dict(environment), cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )  # fmt: skip
        late = threading.Timer(self._most_seconds, run.kill)
        late.start()
        pieces: list[bytes] = []
        try:
            assert run.stdout is not None  # noqa: S101  it is a pipe
            while piece := run.stdout.read(_PIECE):
                pieces.append(piece)
                if len(pieces) * _PIECE > self._most_bytes:
                    raise PictureError(
                        "pictures: got an answer beyond the bound, expected less. Ask for a smaller area or fewer features."
                    )
            code = run.wait()
        finally:
            late.cancel()
            run.kill()
            run.wait()
            if run.stdout is not None:
                run.stdout.close()
        if code < 0:
            raise PictureError(
                f"pictures: got no answer within {self._most_seconds:g} s, expected less work. Ask for a smaller area."
            )
        return b"".join(pieces)


def _environment(folder: Path, query: str, address: str) -> dict[str, str]:
    """Return all of the program's environment: PROJ and GDAL of Python's packages must not reach the system's own."""
    parts = URL(address)
    is_safe = parts.scheme == "https"
    return {
        "PATH": PLACES, "LC_ALL": "C.UTF-8", "PROJ_NETWORK": "OFF", "GDAL_PAM_ENABLED": "NO", "GDAL_DISABLE_READDIR_ON_OPEN": "EMPTY_DIR",
        "MAPSERVER_CONFIG_FILE": str(folder / SETTINGS), "MS_MAPFILE": str(folder / MAP), "GATEWAY_INTERFACE": "CGI/1.1", "REQUEST_METHOD": "GET",
        "QUERY_STRING": query, "SCRIPT_NAME": parts.path or "/", "SERVER_NAME": parts.hostname or "localhost", "SERVER_PROTOCOL": "HTTP/1.1",
        "SERVER_PORT": str(parts.port or (443 if is_safe else 80)), **({"HTTPS": "on"} if is_safe else {}),
    }  # fmt: skip


def _parsed(output: bytes) -> Answer:
    """Take a CGI answer apart."""
    head, mark, body = output.partition(b"\r\n\r\n")
    if not mark:
        head, mark, body = output.partition(b"\n\n")
    fields = dict(line.split(":", 1) for line in head.decode("latin-1").splitlines() if ":" in line)
    told = {name.strip().lower(): value.strip() for name, value in fields.items()}
    if not mark or "content-type" not in told:
        raise PictureError("pictures: got no answer from MapServer, expected one. See 'geosys doctor'.")
    status = told.get("status", "200")[:3]
    return Answer(int(status) if status.isdigit() else 200, told["content-type"], body)
