"""What must hold of the application, looked at after every event, whatever a runbook does.

    S1  clients can never reach two Regions that both accept writes for the same single-writer data
    S2  nobody is sent to a Region whose data is not yet writable there
    S3  not all routes are off, not for one event

One window of S1 no two-Region system can close: while two Regions cannot hear each other, or from the unasked
return of a dark one, to its confirmed fence; for clients with stale addresses, and for all until the routes
are turned. That is an exposure: counted in seconds, and a breach once it lasts longer than its bound after
the Region can be heard, or once names lead clients there again.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from .cloud import Cloud

NAMES_FOLLOW_SECONDS = 10.0
"""How long after a route has been turned off names may still lead there (route53_routing_control's longest in
twin/latency.yaml)."""


class Application(Protocol):
    """What an application tells about itself. All are sets of Regions."""

    def writers(self) -> set[str]:
        """Whose data engine takes writes."""

    def open_regions(self) -> set[str]:
        """Whose API lets writes in."""

    def led_to(self) -> set[str]:
        """Where names lead new customers."""

    def stale(self) -> set[str]:
        """Where some customer would go by an address that it has cached."""

    def routes(self) -> set[str]:
        """Whose route is on."""

    def traits(self) -> tuple[object, ...]:
        """All that `writers`, `open_regions` and `routes` are made of, but for dark Regions."""


@dataclass(frozen=True)
class Breach:
    invariant: str
    at: float
    """Seconds since the beginning."""
    story: str


@dataclass
class Watch:
    """Looks after every event; each breach is told once, when it begins."""

    cloud: Cloud
    application: Application
    exposure_bound: float
    """Seconds that a returned Region may accept stale writes before it is fenced."""
    breaches: list[Breach] = field(default_factory=list)
    exposure: float = 0.0
    returned: set[str] = field(default_factory=set)
    """Regions that came back by themselves and are not confirmed as fenced."""
    _lasting: set[str] = field(default_factory=set)
    _exposed_since: float | None = None
    _routes: set[str] = field(default_factory=set)
    _dark: set[str] = field(default_factory=set)
    _parted: set[str] = field(default_factory=set)
    """Regions that do not hear another one: nobody there can fence them."""
    _not_yet: set[str] = field(default_factory=set)
    """Of the Regions that came back or are parted, those to which names still lead from before."""
    _left: dict[str, float] = field(default_factory=dict)
    """When each route was last turned off, in seconds since the beginning."""
    _heard_at: float = 0.0
    """When the last of them could be heard again, in seconds since the beginning."""
    _calm: bool = False
    """The last look would come to the same again, as long as what it saw is the same."""
    _seen: tuple[object, ...] = ()
    _seen_dark: set[str] = field(default_factory=set)

    def begin(self) -> None:
        self._routes = self.application.routes()
        self.cloud.clock.after_each.append(self.glance)

    def standing(self) -> tuple[object, ...]:
        """What it waits to see the end of, and what it has found."""
        exposed = self._exposed_since is not None
        return sorted(self._lasting), sorted(self.returned), sorted(self._not_yet), exposed, self.breaches

    def glance(self) -> None:
        """Looks, unless it would see what it saw last: while one Region at most takes writes, time alone and
        what customers have cached change nothing."""
        faults, traits = self.cloud.faults, self.application.traits()
        if self._calm and not faults.partitions and traits == self._seen and faults.dark == self._seen_dark:
            return
        self._seen, self._seen_dark = traits, set(faults.dark)
        self.look()
        taking = self.application.writers() & self.application.open_regions()
        self._calm = len(taking) < 2 and not faults.partitions

    def look(self) -> None:
        clock, writers = self.cloud.clock, self.application.writers()
        self._follow_the_dark(writers)
        taking = writers & self.application.open_regions()
        routes = self.application.routes()
        reached = (
            taking & (self.application.led_to() | self.application.stale()) if len(taking) > 1 else taking
        )
        stray = (self.returned | self._parted) & reached - (self.application.led_to() - self._not_yet)
        exposed = len(reached) > 1 and bool(stray)
        self._count(exposed, clock.elapsed)
        since = max(self._exposed_since or 0.0, self._heard_at)
        self._hold(
            "S1",
            len(reached) < 2 or (exposed and clock.elapsed - since <= self.exposure_bound),
            lambda: f"customers reach {' and '.join(sorted(reached))}, and both accept writes",
        )
        if turned := routes - self._routes:
            self._hold(
                "S2",
                turned <= writers | self._dark,
                lambda: f"customers are sent to {turned}; writers are {writers}",
            )
        self._routes = routes
        self._hold("S3", bool(routes), lambda: "every route is off")

    def _follow_the_dark(self, writers: set[str]) -> None:
        faults = self.cloud.faults
        dark = {region for region in faults.dark if "/" not in region and "." not in region}
        parted = {region for pair in faults.partitions for region in pair}
        back = (self._dark - dark) | (self._parted - parted)
        self.returned = (self.returned | back) & writers & self.application.open_regions()
        now, routes = self.cloud.clock.elapsed, self.application.routes()
        self._left |= dict.fromkeys(self._routes - routes, now)
        followed = {region for region, at in self._left.items() if now - at <= NAMES_FOLLOW_SECONDS}
        self._not_yet = (self._not_yet | back | parted) & (routes | followed)
        if self._parted:
            self._heard_at = now
        self._dark, self._parted = dark, parted

    def _count(self, exposed: bool, now: float) -> None:
        if exposed and self._exposed_since is None:
            self._exposed_since = now
        elif not exposed and self._exposed_since is not None:
            self.exposure += now - self._exposed_since
            self._exposed_since = None

    def _hold(self, invariant: str, holds: bool, story: Callable[[], str]) -> None:
        if holds:
            self._lasting.discard(invariant)
        elif invariant not in self._lasting:
            self._lasting.add(invariant)
            self.breaches.append(Breach(invariant, round(self.cloud.clock.elapsed, 3), story()))
