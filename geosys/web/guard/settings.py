"""What a service is set to: its address, what it trusts, its bounds, its clock."""

from __future__ import annotations

import ipaddress
import re
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from starlette.datastructures import URL

from geosys._errors import WorkspaceError
from geosys.accounts.store.sessions import Lives

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable, Iterable

    Address = ipaddress.IPv4Address | ipaddress.IPv6Address
    Network = ipaddress.IPv4Network | ipaddress.IPv6Network

LOOPBACK_HOSTS = ("localhost", "127.0.0.1", "[::1]")
_HOST = re.compile(r"(\[[0-9a-f:.]+\]|[a-z0-9](?:[a-z0-9._-]*[a-z0-9])?)(?::([0-9]{1,5}))?")
_PATH = re.compile(r"(/[A-Za-z0-9._~-]+)*")


@dataclass(frozen=True, slots=True)
class Bounds:
    """Hold the bounds of one service.

    Parameters
    ----------
    most_body_bytes : of an upload; `most_body_s` how long it may take, `most_pause_s` how long a sender may pause.
    most_write_s : how long a reader may take for 64 KiB.
    requests_per_s, burst : of one viewer; one address may have four times as many. 0: not bounded.
    logins_per_minute : of one address.
    """

    most_body_bytes: int = 20 * 2**20
    most_body_s: float = 120.0
    most_pause_s: float = 15.0
    most_write_s: float = 20.0
    requests_per_s: float = 50.0
    burst: float = 500.0
    logins_per_minute: float = 30.0
    most_keys: int = 10_000


@dataclass(frozen=True, slots=True)
class Settings:
    """Hold what a service is set to.

    Parameters
    ----------
    clock : returns the moment, with a time zone; `seconds` a clock that never goes back.
    public_url : what the world calls the service, without a slash at the end; empty: the host of each request.
    hosts : names, with the port where they are bound to one, that a request may be for; those of `public_url` are added.
    is_loopback : nobody but this machine can reach the service.
    trusted : proxies whose word about the client's address and scheme counts.
    is_closed : nobody sees anything without an account, what is public neither.
    """

    clock: Callable[[], dt.datetime]
    public_url: str = ""
    hosts: frozenset[str] = frozenset(LOOPBACK_HOSTS)
    is_loopback: bool = True
    trusted: tuple[Network, ...] = ()
    is_closed: bool = False
    bounds: Bounds = field(default_factory=Bounds)
    lives: Lives = field(default_factory=Lives)
    seconds: Callable[[], float] = time.monotonic

    @property
    def is_https(self) -> bool:
        """Say whether the world reaches the service by HTTPS."""
        return self.public_url.startswith("https://")

    @property
    def has_local_user(self) -> bool:
        """Say whether somebody on this machine may be its single user; never where a proxy may stand between."""
        return self.is_loopback and not self.trusted and not self.public_url and not self.is_closed

    @property
    def cookie(self) -> str:
        """Return the name of the session's cookie; browsers bind a name with this prefix to the one host and to HTTPS."""
        return "__Host-geosys" if self.is_https else "geosys"

    def knows_host(self, host: str) -> bool:
        """Say whether a request's Host header names this service.

        Examples
        --------
        >>> import datetime as dt
        >>> settings = Settings(lambda: dt.datetime.now(dt.UTC))
        >>> [settings.knows_host(h) for h in ("127.0.0.1:8080", "LOCALHOST", "evil.example", "localhost@evil", "localhost:x")]
        [True, True, False, False, False]
        """
        match = _HOST.fullmatch(host.lower())
        return match is not None and (match[1] in self.hosts or match[0] in self.hosts or match[0] == self._public_host)

    @property
    def _public_host(self) -> str:
        return URL(self.public_url).netloc if self.public_url else ""

    @property
    def root_path(self) -> str:
        """Return the path that the public address puts before ours."""
        return URL(self.public_url).path if self.public_url else ""


def read_public_url(text: str) -> str:
    """Return a public address without the slash at its end.

    Raises
    ------
    WorkspaceError
        When it is no http or https address of a host and a plain path.
    """
    url = URL(text.rstrip("/").lower() if text.count("/") <= 3 else text.rstrip("/"))  # noqa: PLR2004
    good = url.scheme in {"http", "https"} and _HOST.fullmatch(url.netloc) and _PATH.fullmatch(url.path)
    if not good or url.query or url.fragment:
        raise WorkspaceError(f"--public-url: got {text!r}, expected https://HOST[:PORT][/PATH] in small letters.")
    return str(url)


def read_networks(texts: Iterable[str]) -> tuple[Network, ...]:
    """Return the networks of proxies, as ``10.1.2.3`` or ``10.1.2.0/24``.

    Raises
    ------
    WorkspaceError
        When one is none, or is the whole world.
    """
    networks = []
    for text in texts:
        try:
            network = ipaddress.ip_network(text)
        except ValueError:
            raise WorkspaceError(
                f"--trusted-proxy: got {text!r}, expected an address as 10.1.2.3 or 10.1.2.0/24."
            ) from None
        if network.prefixlen == 0:
            raise WorkspaceError(f"--trusted-proxy: got {text!r}, the whole world, expected the proxy's own address.")
        networks.append(network)
    return tuple(networks)


def address_of(text: str) -> Address | None:
    """Return an address of the internet, IPv4 where it is one in IPv6 clothes; None for anything else."""
    try:
        address = ipaddress.ip_address(text.strip().strip("[]").partition("%")[0])
    except ValueError:
        return None
    mapped = getattr(address, "ipv4_mapped", None)
    return mapped or address
