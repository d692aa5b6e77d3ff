"""Customers, and their notebook: RTO is what they felt, RPO is what they were promised and did not get."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any
from urllib.parse import urlsplit

from urllib3.exceptions import HTTPError

from .application import Application, Promise, Refusal, led_to
from .clock import Clock
from .net import REACHED, Net, Resolver

CUSTOMER_TIMEOUT_SECONDS = 5.0
BARE_VISIT_SECONDS = 2.0
"""How often a bare customer writes."""
LONGEST_KEPT_TTL = 60.0
"""The longest time to live of an application's names, in seconds.
Source: 60 or 120 for records that fail over,
docs.aws.amazon.com/Route53/latest/DeveloperGuide/best-practices-dns.html"""
FOR_EVER = float("inf")
SETTLED_SECONDS = 30.0
"""For so long all must be served before an outage counts as over, and the next as another."""
TTLS = (*[LONGEST_KEPT_TTL] * 6, FOR_EVER)
"""For how long customers keep an address, one each: six look names up again, one never does."""
NAMES = ("amber", "basil", "coral", "dahlia", "ember", "fern", "ginger", "hazel", "iris", "jade")


@dataclass(frozen=True)
class Visit:
    """One try of one customer to get what they want."""

    customer: str
    at: float
    """Its end, in seconds since 1970."""
    done: bool
    seconds: float = 0.0
    """How long it took."""
    region: str = ""
    """Where it went: whose entry its calls reached last, or its customer's calls before; "" of none yet."""


@dataclass(frozen=True)
class Outage:
    """A time in which customers did not get what they wanted."""

    at: float
    """When the first visit began that failed, in seconds since 1970."""
    until: float
    """When each of them got it again; where they have not, when it was asked."""

    @property
    def seconds(self) -> float:
        return self.until - self.at


@dataclass
class Notebook:
    """What all customers wrote down."""

    promises: list[Promise] = field(default_factory=list)
    visits: list[Visit] = field(default_factory=list)
    on_promise: list[Callable[[Promise], None]] = field(default_factory=list)
    """Called with every write that was acknowledged."""

    def promise(self, promise: Promise) -> None:
        self.promises.append(promise)
        for act in self.on_promise:
            act(promise)

    @property
    def failed(self) -> int:
        return sum(1 for visit in self.visits if not visit.done)

    def felt_outage(self, since: float, until: float, customers: set[str]) -> float:
        """RTO: from then on until each of these customers got what they wanted again for good, in seconds."""
        again: dict[str, float | None] = {}
        """By customer whose visit has failed, when one went well after the last that did."""
        for visit in self.visits:
            if visit.customer in customers and since <= visit.at <= until:
                if not visit.done:
                    again[visit.customer] = None
                elif again.get(visit.customer, visit.at) is None:
                    again[visit.customer] = visit.at
        return max((until if at is None else at) - since for at in again.values()) if again else 0.0

    def outages(self, until: float, customers: set[str]) -> list[Outage]:
        """Each time in which some of these customers did not get what they wanted, in order.

        One ends when all have got it again, if they go on to: between two are SETTLED_SECONDS at least."""
        began: dict[str, float] = {}
        """By customer whose last visit failed."""
        failed: list[tuple[float, float]] = []
        for visit in self.visits:
            if visit.customer not in customers or visit.at > until:
                continue
            if not visit.done:
                began.setdefault(visit.customer, visit.at - visit.seconds)
            elif visit.customer in began:
                failed.append((began.pop(visit.customer), visit.at))
        found: list[Outage] = []
        for since, end in sorted([*failed, *((since, until) for since in began.values())]):
            last = found[-1] if found else None
            if last is not None and since < last.until + SETTLED_SECONDS:
                found[-1] = Outage(last.at, max(last.until, end))
            else:
                found.append(Outage(since, end))
        return found

    def longest_outage(self, begin: float, end: float) -> float:
        """The longest time in which no visit of anybody went well, in seconds."""
        instants = [begin, *sorted(v.at for v in self.visits if v.done), end]
        return max(later - earlier for earlier, later in pairwise(instants))


class NetVisitor:
    """Asks over the network, keeps addresses, and writes promises down."""

    def __init__(
        self, name: str, clock: Clock, net: Net, notebook: Notebook, seed: int, ttl: float, near: str
    ) -> None:
        """`ttl` is for how long it keeps an address, in seconds; `near` is the Region that it is next to."""
        self.name = name
        self.dice = random.Random(f"{seed}/{name}")
        self._clock, self._net, self._notebook = clock, net, notebook
        self._resolver = Resolver(net, ttl, near)
        self._named = ""
        """The name that it called last."""
        self.reached: list[str] = []
        """The hosts that its last call reached, of those at an address from before."""
        self._count = 0

    def addresses(self) -> set[str]:
        """Hosts where it would go now, by what it has kept."""
        return {self._resolver.resolve(self._named)} if self._named else set()

    def number(self) -> int:
        self._count += 1
        return self._count

    def ask(self, method: str, url: str, body: Any = None, *, looked_up: bool = False) -> Any:
        host = None
        if not looked_up:
            self._named, self.reached = urlsplit(url).netloc, []
            host = self._resolver.resolve(self._named)
        REACHED.set(None if looked_up else self.reached)
        sent = None if body is None else json.dumps(body).encode()
        status, text = self._net.request("", method, url, sent, host, read_timeout=CUSTOMER_TIMEOUT_SECONDS)
        if not 200 <= status < 300:
            raise Refusal(f"{method} {url}: {status}")
        return json.loads(text)

    def promised(self, name: str, dataset: str, key: str, region: str) -> None:
        self._notebook.promise(Promise(name, dataset, key, region, self._clock.now))


class Customer:
    """Visits the application again and again.

    Some never look a name up twice (`ttl` for ever, as old JVMs do): those have stale addresses.
    """

    def __init__(self, visitor: NetVisitor, application: Application, notebook: Notebook, ttl: float) -> None:
        self.name, self._visitor = visitor.name, visitor
        self._application, self._notebook = application, notebook
        self.stale = ttl == FOR_EVER
        """It does not honour the time to live of names."""
        self._region = ""
        """Whose entry it has reached last."""

    def live(self, clock: Clock) -> None:
        """For ever; spawn it."""
        while True:
            clock.sleep(self._visitor.dice.uniform(*self._application.session.pace))
            began = clock.now
            try:
                self._application.session.visit(self._visitor)
                done = True
            except (HTTPError, Refusal):
                done = False
            took, now = clock.now - began, clock.now
            self._notebook.visits.append(Visit(self.name, now, done, took, self._went_to()))

    def addresses(self) -> set[str]:
        """Hosts where it would go now, by what it has kept."""
        return self._visitor.addresses()

    def _went_to(self) -> str:
        regions = {entry.address: entry.region for entry in self._application.entries}
        went = [regions[host] for host in self._visitor.reached if host in regions]
        self._region = went[-1] if went else self._region
        return self._region


class BareCustomer:
    """The barest one, for exploration: a write now and then, wherever anybody could get one accepted.

    Each goes to where names lead, and to the address that it found first and never looked up again.
    """

    name, stale = "bare", True

    def __init__(self, clock: Clock, application: Application, notebook: Notebook) -> None:
        self._clock, self._application, self._notebook = clock, application, notebook
        self._dataset = next(
            dataset for dataset in application.datasets if dataset.name == application.session.dataset
        )
        self._first = led_to(application)
        clock.every(BARE_VISIT_SECONDS, self._write)

    def addresses(self) -> set[str]:
        """Where it would go by what it has kept, as `Customer.addresses`."""
        return {entry.address for entry in self._application.entries if entry.region in self._first}

    def _write(self) -> None:
        application, notebook = self._application, self._notebook
        there = (led_to(application) | self._first) & self._dataset.writers()
        for entry in sorted(application.entries, key=lambda entry: entry.region):
            if entry.region in there and self._dataset.name in entry.datasets and entry.is_open():
                key = f"bare-{len(notebook.promises)}"
                try:
                    application.session.write(entry.region, key)
                except Refusal:
                    continue
                name = f"{self._dataset.name} {key}"
                notebook.promise(Promise(name, self._dataset.name, key, entry.region, self._clock.now))


class Customers:
    """All customers of an application, and what they wrote down."""

    def __init__(
        self, clock: Clock, net: Net, application: Application, seed: int, ttls: Sequence[float] = TTLS
    ) -> None:
        """`ttls` are for how long they keep an address, in seconds, one each."""
        self.notebook = Notebook()
        self.each: list[Customer | BareCustomer] = []
        self.ttls = tuple(ttls)
        self._clock, self._net, self._application, self._seed = clock, net, application, seed

    def come(self) -> None:
        """One for each time to live, each with dice of its own and near one Region or the other, from now on:
        if nobody says otherwise, six with well-kept DNS caches, and one that never looks a name up twice."""
        for number, ttl in enumerate(self.ttls):
            again, which = divmod(number, len(NAMES))
            name = f"{NAMES[which]}-{again + 1}" if again else NAMES[which]
            near = self._application.regions[number % len(self._application.regions)]
            visitor = NetVisitor(name, self._clock, self._net, self.notebook, self._seed, ttl, near)
            customer = Customer(visitor, self._application, self.notebook, ttl)
            self.each.append(customer)
            self._clock.spawn(_living(customer, self._clock))

    def come_barely(self) -> None:
        """One bare customer."""
        self.each.append(BareCustomer(self._clock, self._application, self.notebook))

    def kept_by(self) -> set[str]:
        """Regions that some customer would still go to, by an address it has kept."""
        kept = {address for customer in self.each for address in customer.addresses()}
        return {entry.region for entry in self._application.entries if entry.address in kept}


def _living(customer: Customer, clock: Clock) -> Callable[[], None]:
    return lambda: customer.live(clock)
