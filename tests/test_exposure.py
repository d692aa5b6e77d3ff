"""When two Regions that both take writes are an exposure, and when a breach: a made-up application."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

from twin.clock import Clock
from twin.cloud import Cloud
from twin.invariants import Watch
from twin.moto.backing import Moto

EAST, WEST = "us-east-1", "us-west-1"
BOUND = 180.0


@dataclass
class Shop:
    """All are sets of Regions: who takes writes, where customers are sent, where an old address leads."""

    dark: set[str]
    writing: set[str] = field(default_factory=lambda: {EAST})
    sent_to: set[str] = field(default_factory=lambda: {EAST})
    cached: set[str] = field(default_factory=lambda: {EAST})
    names: set[str] | None = None
    """Where names still lead, where that is not where customers are sent."""

    def writers(self) -> set[str]:
        return set(self.writing)

    def open_regions(self) -> set[str]:
        return {EAST, WEST} - self.dark

    def led_to(self) -> set[str]:
        return set(self.sent_to if self.names is None else self.names)

    def stale(self) -> set[str]:
        return set(self.cached)

    def routes(self) -> set[str]:
        return set(self.sent_to)

    def traits(self) -> tuple[object, ...]:
        return frozenset(self.writing), frozenset(self.sent_to)


class Story:
    """What happens to the shop, and what the watch makes of it."""

    def __init__(self, cloud: Cloud) -> None:
        self.clock, self.faults, self.shop = cloud.clock, cloud.faults, Shop(cloud.faults.dark)
        self.watch = Watch(cloud, self.shop, BOUND)
        self.watch.begin()
        self.clock.every(1, lambda: None)

    def pass_by(self, seconds: float) -> None:
        self.clock.sleep(seconds)

    def cut(self) -> None:
        self.faults.partitions.add(frozenset({EAST, WEST}))

    def heal(self) -> None:
        self.faults.partitions.clear()

    def failed_over(self) -> None:
        """The other Region takes writes, too, and customers are sent there: one has an old address."""
        self.shop.writing = {EAST, WEST}
        self.shop.sent_to = {WEST}

    @property
    def breached(self) -> set[str]:
        return {breach.invariant for breach in self.watch.breaches}


@pytest.fixture
def story() -> Iterator[Story]:
    with Cloud(Clock(), 1, Moto()) as cloud:
        yield Story(cloud)


def test_two_writers_that_hear_each_other_are_a_breach_at_once(story: Story) -> None:
    story.pass_by(10)
    story.failed_over()
    story.pass_by(2)
    assert story.breached == {"S1"}
    assert story.watch.exposure == 0


def test_two_writers_that_are_cut_off_from_each_other_are_an_exposure_and_counted(story: Story) -> None:
    story.cut()
    story.pass_by(5)
    story.failed_over()
    story.pass_by(BOUND * 3)
    assert story.breached == set()
    story.heal()
    story.pass_by(10)
    story.shop.writing = {WEST}
    story.pass_by(5)
    assert story.breached == set()
    assert story.watch.exposure == pytest.approx(BOUND * 3 + 10, abs=3)


def test_once_they_can_be_heard_the_exposure_is_bounded(story: Story) -> None:
    story.cut()
    story.pass_by(5)
    story.failed_over()
    story.pass_by(BOUND * 2)
    story.heal()
    story.pass_by(BOUND - 5)
    assert story.breached == set()
    story.pass_by(10)
    assert story.breached == {"S1"}


def test_a_region_that_comes_back_while_its_route_is_on_is_an_exposure(story: Story) -> None:
    """Nobody has turned it off yet, so new customers are led there as well as those with an old address."""
    story.faults.dark.add(EAST)
    story.shop.writing = {EAST, WEST}
    story.shop.cached = {EAST, WEST}
    story.pass_by(30)
    story.faults.dark.discard(EAST)
    story.pass_by(20)
    assert story.breached == set()
    story.shop.sent_to = {WEST}
    story.pass_by(20)
    assert story.breached == set()
    story.shop.writing = {WEST}
    story.pass_by(5)
    assert story.watch.exposure == pytest.approx(40, abs=3)


def test_a_region_that_came_back_and_is_not_fenced_in_time_is_a_breach(story: Story) -> None:
    story.faults.dark.add(EAST)
    story.pass_by(5)
    story.failed_over()
    story.pass_by(30)
    story.faults.dark.discard(EAST)
    story.shop.cached = {EAST, WEST}
    story.pass_by(BOUND - 5)
    assert story.breached == set()
    story.pass_by(10)
    assert story.breached == {"S1"}


def test_names_that_lead_back_to_a_region_once_its_route_was_off_are_a_breach_at_once(story: Story) -> None:
    story.faults.dark.add(EAST)
    story.pass_by(5)
    story.failed_over()
    story.shop.cached = {EAST, WEST}
    story.pass_by(120)
    story.faults.dark.discard(EAST)
    story.pass_by(20)
    assert story.breached == set()
    story.shop.names = {EAST, WEST}
    story.pass_by(2)
    assert story.breached == {"S1"}


def test_customers_sent_where_nothing_takes_writes_and_nowhere_at_all(story: Story) -> None:
    story.pass_by(1)
    story.shop.sent_to = {WEST}
    story.pass_by(2)
    assert story.breached == {"S2"}
    story.shop.sent_to = set()
    story.pass_by(2)
    assert story.breached == {"S2", "S3"}
