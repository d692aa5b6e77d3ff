"""S1: clients can never reach two Regions that both accept writes for the same single-writer dataset.

One window no two-Region system can close: while two Regions cannot reach each other, or from the unasked
return of a dark one, to its confirmed fence; for clients with stale addresses, and for all until the routes
are turned. That is an exposure: counted in seconds, and a breach once it lasts longer than its bound after
the Region can be reached, or once names lead clients there again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from twin.application import Application, Dataset, intended, led_to

from .checker import Checker, Subject

NAMES_FOLLOW_SECONDS = 10.0
"""How long after a route has been turned off names may still lead there: the longest that the twin's tables
of latencies give any route."""


class OneWriter(Checker):
    invariant = "S1"

    def __init__(self, subject: Subject, breach: Callable[[str], None]) -> None:
        super().__init__(subject, breach)
        self._datasets = [_Watched(each) for each in subject.application.datasets if not each.many_writers]
        self._exposure = 0.0
        self._exposed_since: float | None = None
        self._restless = False
        self._routes: set[str] = set()
        self._left: dict[str, float] = {}
        """When each route was last turned off, in seconds since the beginning."""
        self._dark: set[str] = set()
        self._parted: set[str] = set()
        """Regions that do not reach another one: nobody there can fence them."""
        self._not_yet: set[str] = set()
        """Of the Regions that came back or are parted, those to which names still lead from before."""
        self._reached_at = 0.0
        """When the last of them could be reached again, in seconds since the beginning."""

    @property
    def restless(self) -> bool:
        """While one Region at most takes writes, and names follow their routes, neither time alone nor what
        customers have cached changes anything."""
        return self._restless

    def figures(self) -> Mapping[str, float]:
        return {"exposure_seconds": self._exposure}

    def state(self) -> object:
        returned = [sorted(watched.returned) for watched in self._datasets]
        return super().state(), returned, sorted(self._not_yet), self._exposed_since is not None

    def begin(self) -> None:
        self._routes = intended(self.subject.application)

    def on_event(self) -> None:
        application, now = self.subject.application, self.subject.cloud.clock.elapsed
        back = self._follow_the_dark()
        for watched in self._datasets:
            watched.look(application, back)
        several = any(len(watched.taking) > 1 for watched in self._datasets)
        self._restless = several or bool(self._parted) or not self._not_yet <= self._routes
        led = led_to(application) if several else set()
        kept = self.subject.customers.kept_by() if several else set()
        for watched in self._datasets:
            watched.reached = watched.taking & (led | kept) if len(watched.taking) > 1 else set()
        unasked = [each for each in self._datasets if each.unasked(self._parted, led - self._not_yet)]
        self._count(bool(unasked), now)
        since = max(self._exposed_since or 0.0, self._reached_at)
        bounded = now - since <= self.subject.exposure_bound
        for watched in self._datasets:
            allowed = len(watched.reached) < 2 or (watched in unasked and bounded)
            self.hold(allowed, watched.story, watched.dataset.name)

    def _follow_the_dark(self) -> set[str]:
        """Regions that have just come back, or can just be reached again."""
        faults, now = self.subject.cloud.faults, self.subject.cloud.clock.elapsed
        dark = {region for region in faults.dark if "/" not in region and "." not in region}
        parted = {region for pair in faults.partitions for region in pair}
        back = (self._dark - dark) | (self._parted - parted)
        routes = intended(self.subject.application)
        self._left |= dict.fromkeys(self._routes - routes, now)
        followed = {region for region, at in self._left.items() if now - at <= NAMES_FOLLOW_SECONDS}
        self._not_yet = (self._not_yet | back | parted) & (routes | followed)
        if self._parted:
            self._reached_at = now
        self._dark, self._parted, self._routes = dark, parted, routes
        return back

    def _count(self, exposed: bool, now: float) -> None:
        if exposed and self._exposed_since is None:
            self._exposed_since = now
        elif not exposed and self._exposed_since is not None:
            self._exposure += now - self._exposed_since
            self._exposed_since = None


class _Watched:
    """A single-writer dataset."""

    def __init__(self, dataset: Dataset) -> None:
        self.dataset = dataset
        self.taking: set[str] = set()
        """Regions that let writes in and accept them."""
        self.reached: set[str] = set()
        """Of those, where they are several, the ones to which some customer is led or would still go."""
        self.returned: set[str] = set()
        """Regions that came back by themselves and are not confirmed as fenced."""

    def look(self, application: Application, back: set[str]) -> None:
        mine = (entry for entry in application.entries if self.dataset.name in entry.datasets)
        self.taking = self.dataset.writers() & {entry.region for entry in mine if entry.is_open()}
        self.returned = (self.returned | back) & self.taking

    def unasked(self, parted: set[str], led: set[str]) -> bool:
        """Customers reach several, and one of them is there unasked: nobody is led there anew."""
        stray = (self.returned | parted) & self.reached - led
        return len(self.reached) > 1 and bool(stray)

    def story(self) -> str:
        where = " and ".join(sorted(self.reached))
        return f"customers reach {where}, and both accept writes of {self.dataset.name}"
