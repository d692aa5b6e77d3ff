"""Customers, and their notebooks: RTO is what they felt, RPO is what they were promised and did not get."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, Protocol

from urllib3.exceptions import HTTPError

from .clock import Clock
from .net import Net, Resolver

THINK_SECONDS = (2.0, 6.0)
CUSTOMER_TIMEOUT_SECONDS = 5.0
PULSE_SECONDS = 2.0
LONGEST_KEPT_TTL = 60.0
"""The time to live of the shop's names, in seconds."""


@dataclass(frozen=True)
class Promise:
    """A write that the shop acknowledged: it must be in the data that survives, or be named."""

    name: str
    kind: str
    key: str
    region: str
    """Which Region acknowledged it."""
    at: float
    """Seconds since 1970."""


@dataclass(frozen=True)
class Purchase:
    """One try of one customer to buy."""

    customer: str
    at: float
    done: bool


@dataclass
class Notebook:
    """What all customers wrote down."""

    promises: list[Promise] = field(default_factory=list)
    purchases: list[Purchase] = field(default_factory=list)

    @property
    def failed(self) -> int:
        return sum(1 for purchase in self.purchases if not purchase.done)

    def felt_outage(self, struck: float, until: float, customers: set[str]) -> float:
        """RTO: from the strike until each of these customers could buy again for good, in seconds."""
        tries = [p for p in self.purchases if p.customer in customers and struck <= p.at <= until]
        felt = 0.0
        for customer in customers:
            mine = [p for p in tries if p.customer == customer]
            last = max((p.at for p in mine if not p.done), default=None)
            if last is not None:
                felt = max(felt, min((p.at for p in mine if p.done and p.at > last), default=until) - struck)
        return felt

    def longest_outage(self, begin: float, end: float) -> float:
        """The longest time in which no purchase of anybody went through, in seconds."""
        instants = [begin, *sorted(p.at for p in self.purchases if p.done), end]
        return max(later - earlier for earlier, later in pairwise(instants))


class Customer:
    """Looks at the pages, asks them where the API is, signs up, fills a basket. Again and again.

    Some never look a name up twice (`ttl` infinite, as old JVMs do): those have stale addresses.
    """

    def __init__(
        self, name: str, net: Net, notebook: Notebook, dice: random.Random, pages: str, ttl: float
    ) -> None:
        self.name, self._net, self._notebook, self._dice = name, net, notebook, dice
        self._pages = pages
        self.stale = ttl > LONGEST_KEPT_TTL
        """It does not honour the time to live of names."""
        self._resolver = Resolver(net, ttl)
        self._turn = 0
        self._host = ""

    def live(self, clock: Clock) -> None:
        """For ever; spawn it."""
        while True:
            clock.sleep(self._dice.uniform(*THINK_SECONDS))
            try:
                self._shop(clock)
                done = True
            except (HTTPError, Refusal):
                done = False
            self._notebook.purchases.append(Purchase(self.name, clock.now, done))

    def addresses(self) -> set[str]:
        """Where this customer would go now, by what it has cached."""
        return {self._resolver.resolve(_name(self._host))} if self._host else set()

    def _shop(self, clock: Clock) -> None:
        config = json.loads(self._fetch("GET", f"https://{self._pages}/config.json", None, host=None))
        self._host = config["host"]
        self._turn += 1
        user = f"{self.name}-{self._turn:04d}"
        email = f"{user}@example.com"
        signup = {"email": email, "firstName": self.name, "lastName": "Customer"}
        answer = self._call("POST", "/user", signup)
        self._promise(clock, f"sign-up {email}", "user", email, answer)
        catalogue = self._call("GET", "/unicorns", None)["unicorns"]
        unicorn = self._dice.choice(catalogue)
        answer = self._call("POST", "/unicorns/basket", {"uuid": email, "unicorns": [unicorn]})
        self._promise(clock, f"basket {email}", "basket", email, answer)

    def _call(self, method: str, path: str, body: Any) -> dict[str, Any]:
        host = self._resolver.resolve(_name(self._host))
        text = self._fetch(
            method, self._host + path, None if body is None else json.dumps(body).encode(), host
        )
        answer: dict[str, Any] = json.loads(text)
        return answer

    def _fetch(self, method: str, url: str, body: bytes | None, host: str | None) -> bytes:
        status, text = self._net.request("", method, url, body, host, read_timeout=CUSTOMER_TIMEOUT_SECONDS)
        if not 200 <= status < 300:
            raise Refusal(f"{method} {url}: {status}")
        return text

    def _promise(self, clock: Clock, name: str, kind: str, key: str, answer: dict[str, Any]) -> None:
        self._notebook.promises.append(Promise(name, kind, key, answer["region"], clock.now))


class Shop(Protocol):
    """What a pulse needs to know of an application: sets of Regions, and its data."""

    def writers(self) -> set[str]: ...

    def open_regions(self) -> set[str]: ...

    def led_to(self) -> set[str]: ...

    def host(self, region: str) -> str: ...

    def write(self, region: str, key: str) -> None: ...

    def written(self, region: str) -> set[str]: ...


class Pulse:
    """The barest customer, for exploration: a write now and then, wherever anybody could get one accepted.

    Each goes to where names lead, and to the address that it found first and never looked up again.
    """

    def __init__(self, clock: Clock, shop: Shop) -> None:
        self._clock, self._shop = clock, shop
        self._first = set(shop.led_to())
        self.promises: list[tuple[float, str]] = []
        """Of each write that was acknowledged: when (seconds since 1970), and its key."""
        clock.every(PULSE_SECONDS, self._beat)

    def addresses(self) -> set[str]:
        """Where it would go by what it has cached, as `Customer.addresses`."""
        return {self._shop.host(region) for region in self._first}

    def lost(self) -> list[float]:
        """When those writes were acknowledged that no writer has any more."""
        kept = set[str]().union(*(self._shop.written(region) for region in self._shop.writers()))
        return [at for at, key in self.promises if key not in kept]

    def _beat(self) -> None:
        shop = self._shop
        for region in sorted((shop.led_to() | self._first) & shop.writers() & shop.open_regions()):
            key = f"pulse-{len(self.promises)}"
            shop.write(region, key)
            self.promises.append((self._clock.now, key))


class Refusal(Exception):
    """The shop answered, and not with what the customer wanted."""


def crowd(
    clock: Clock, net: Net, notebook: Notebook, seed: int, pages: str, ttls: Iterable[float]
) -> list[Customer]:
    """One customer for each time to live, each with dice of its own, shopping from now on."""
    names = ("amber", "basil", "coral", "dahlia", "ember", "fern", "ginger", "hazel", "iris", "jade")
    customers = [
        Customer(name, net, notebook, random.Random(f"{seed}/{name}"), pages, ttl)
        for name, ttl in zip(names, ttls, strict=False)
    ]
    for customer in customers:
        clock.spawn(_living(customer, clock))
    return customers


def _living(customer: Customer, clock: Clock) -> Callable[[], None]:
    return lambda: customer.live(clock)


def _name(url: str) -> str:
    return url.split("/")[2]
