"""The network: names, hosts in Regions, and HTTP between them, on the one clock and under the same faults.

A host is served by a function, in a Region or (a CDN's edge) in none. A name stands for a host, now. Every
request, a customer's or a step's, takes its time, and what is injected into AWS calls may be injected into
it; errors are urllib3's own, so that a caller cannot tell this network from a real one.
"""

from __future__ import annotations

import contextvars
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar
from urllib.parse import urlsplit

from urllib3.exceptions import ConnectTimeoutError, NameResolutionError, ReadTimeoutError

from .clock import nothing
from .cloud import WHO, Cloud
from .faults import Kind, Request
from .service import APART, WIRING, Service

CONNECT_SECONDS = 2.0
READ_SECONDS = 5.0
"""How long a caller waits who does not say otherwise."""

LONGEST_CHAIN = 8
"""Names that stand for names: more than so many is a loop."""

REACHED: contextvars.ContextVar[list[str] | None] = contextvars.ContextVar("reached", default=None)
"""Where whoever follows a request has each host written down that it goes to: an edge leads on to others."""

HttpAnswer = tuple[int, bytes]

INJECTED: dict[Kind, HttpAnswer] = {
    "throttled": (429, b"Too Many Requests"),
    "500": (500, b"Internal Server Error"),
    "503": (503, b"Service Unavailable"),
    "denied": (403, b"Forbidden"),
}


@dataclass(frozen=True)
class HttpRequest:
    """A request as the host receives it."""

    method: str
    host: str
    """The Host header: the name that the caller asked for, not the host that it led to."""
    path: str
    """With its query, as on the request line."""
    body: bytes
    origin: str
    """The Region that it comes from; "" on the Internet."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """Its own, besides those of every request."""


Handler = Callable[[HttpRequest], HttpAnswer]


@dataclass(frozen=True)
class _Host:
    region: str
    service: str
    answer: Handler


NOBODY = _Host("", "", lambda request: (0, b""))
"""An address that no longer leads anywhere."""


@dataclass(frozen=True)
class _Road:
    """What a request must pass, and what may be dark on its way."""

    region: str
    service: str
    address: str
    origin: str


class Net(Service):
    """All names and hosts. It answers no client of boto3's."""

    service: ClassVar = "http"
    not_state: ClassVar = {
        "cloud": APART,
        "_hosts": WIRING,
        "_names": WIRING,
        "_kept": "it holds something only where errors are kept, and that is in the faults' state",
    }

    def __init__(self, cloud: Cloud) -> None:
        super().__init__(cloud)
        self._hosts: dict[str, _Host] = {}
        self._names: dict[str, Callable[[str], str | None]] = {}
        self._kept: dict[str, tuple[HttpAnswer, float]] = {}
        """Errors by URL, and until when a CDN answers with them."""

    def serve(self, host: str, region: str, answer: Handler, service: str = "") -> None:
        """A host in a Region ("" for the edge, which is in all): dark with it, and with the service there."""
        self._hosts[self._new(host)] = _Host(region, service, answer)

    def serves(self, host: str) -> bool:
        return host.lower() in self._hosts

    def knows(self, name: str) -> bool:
        """As a host, or as a name that stands for one."""
        return self.serves(name) or name.lower() in self._names

    def name(self, name: str, target: Callable[[], str | None]) -> None:
        """A DNS name: `target` gives the host or name that it stands for now, None where there is none."""
        self.name_by_place(name, lambda near: target())

    def name_by_place(self, name: str, target: Callable[[str], str | None]) -> None:
        """A DNS name that stands for another host from elsewhere: `target` gets the Region that whoever asks
        is in, or is next to; "" where that is anywhere."""
        self._names[self._new(name)] = target

    def _new(self, name: str) -> str:
        """As it is kept: hosts and names share one space. ValueError where it is taken."""
        kept = name.lower()
        if kept in self._hosts or kept in self._names:
            what = "host" if kept in self._hosts else "name"
            raise ValueError(f"{name} cannot be served: there is a {what} {kept} already")
        return kept

    def resolve(self, name: str, near: str = "") -> str:
        """The host that a name stands for now. DNS has no Region, and answers whatever is dark. `near` is the
        Region that whoever asks is in, or is next to."""
        here = name.lower()
        for _ in range(LONGEST_CHAIN):
            if here in self._hosts:
                return here
            following = self._names[here](near) if here in self._names else None
            if following is None:
                break
            here = following.lower()
        unmade: Any = None
        why = socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        raise NameResolutionError(name, unmade, why) from why

    def request(
        self,
        origin: str,
        method: str,
        url: str,
        body: bytes | None = None,
        host: str | None = None,
        service: str = "",
        *,
        connect_timeout: float = CONNECT_SECONDS,
        read_timeout: float = READ_SECONDS,
        headers: Mapping[str, str] | None = None,
    ) -> HttpAnswer:
        """Sends and waits. `origin` is a Region, or "" for the Internet; `host` an address known from before.

        Raises urllib3's NameResolutionError, ConnectTimeoutError or ReadTimeoutError: after the last, the
        host may have done, or may yet do, what it was asked.
        """
        named = urlsplit(url).hostname or ""
        address = (host or self.resolve(named, origin)).lower()
        if (reached := REACHED.get()) is not None:
            reached.append(address)
        served = self._hosts.get(address, NOBODY)
        road = _Road(served.region, service or served.service, address, origin)
        kind = self.cloud.faults.injected(_as_call(origin, method, url, body, served.region))
        if served is NOBODY or kind == "lost_before" or self._is_dark(road):
            self.cloud.clock.sleep(connect_timeout)
            raise ConnectTimeoutError(
                f"{address}: connection timed out (connect timeout={connect_timeout:g})"
            )
        deadline = self.cloud.clock.now + read_timeout
        ailment = self.cloud.faults.ailment(road.region, road.service, road.address)
        if ailment == "mute":
            self.cloud.clock.sleep(read_timeout)
            raise _late(address, url, read_timeout)
        kind = ailment or kind
        self.cloud.clock.sleep(self.cloud.latency.draw("http_request") / 2)
        kept, until = self._kept.get(url, ((0, b""), 0.0))
        if method == "GET" and self.cloud.clock.now < until:
            return kept
        answer = self._answer(served, _as_received(origin, method, url, body, headers or {}), kind, deadline)
        if answer is None or self._is_dark(road):
            self.cloud.clock.sleep(max(0.0, deadline - self.cloud.clock.now))
            raise _late(address, url, read_timeout)
        if method == "GET" and answer[0] >= 400 and self.cloud.faults.errors_kept:
            self._kept[url] = answer, self.cloud.clock.now + self.cloud.faults.errors_kept
        self.cloud.clock.sleep(self.cloud.latency.draw("http_request") / 2)
        return answer

    def _answer(
        self, served: _Host, sent: HttpRequest, kind: Kind | None, deadline: float
    ) -> HttpAnswer | None:
        """What comes back by the deadline, if anything does."""
        if kind in INJECTED:
            return INJECTED[kind]
        clock = self.cloud.clock
        if kind == "slow":
            # It is done when nobody waits for it any more.
            clock.spawn(lambda: served.answer(sent), delay=deadline - clock.now)
            return None
        work = clock.spawn(lambda: served.answer(sent))
        clock.at(deadline, nothing)  # so that a caller outside any greenlet looks up then, too
        in_time = work.join_for(deadline - clock.now)
        return work.result if in_time and kind != "lost_after" else None

    def _is_dark(self, road: _Road) -> bool:
        return self.cloud.faults.is_dark(road.region, road.service, road.address, road.origin)


class Resolver:
    """A customer's DNS cache: an address is kept for its time to live, however stale it has become."""

    def __init__(self, net: Net, ttl: float, near: str = "") -> None:
        self._net = net
        self._ttl, self._near = ttl, near
        self._kept: dict[str, tuple[str, float]] = {}

    def resolve(self, name: str) -> str:
        """The host, as it was when last asked for. Raises urllib3's NameResolutionError."""
        now = self._net.cloud.clock.now
        kept = self._kept.get(name)
        if kept is None or kept[1] <= now:
            kept = (self._net.resolve(name, self._near), now + self._ttl)
            self._kept[name] = kept
        return kept[0]


def _as_call(origin: str, method: str, url: str, body: bytes | None, region: str) -> Request:
    """The request as an injector sees it."""
    caller, _ = WHO.get()
    return Request("http", method, region, {"url": url, "body": body}, caller, origin, url)


def _as_received(
    origin: str, method: str, url: str, body: bytes | None, headers: Mapping[str, str]
) -> HttpRequest:
    parts = urlsplit(url)
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return HttpRequest(method, parts.hostname or "", path, body or b"", origin, headers)


def _late(address: str, url: str, read_timeout: float) -> ReadTimeoutError:
    pool: Any = None
    return ReadTimeoutError(pool, url, f"{address}: read timed out (read timeout={read_timeout:g})")
