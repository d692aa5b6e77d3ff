"""When two Regions that both take writes are an exposure, and when a breach: a made-up application."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import cast

import pytest

from farshore.checkers.checker import Subject
from farshore.checkers.checkers import Checkers
from twin.clock import Clock
from twin.cloud import Cloud
from twin.customers import Notebook
from twin.faults import Faults
from twin.moto.backing import Moto

EAST, WEST = "us-east-1", "us-west-1"
BOUND = 180.0


@dataclass
class Shop:
    """A made-up application. All are sets of Regions: who takes writes, where customers are sent."""

    faults: Faults
    writing: set[str] = field(default_factory=lambda: {EAST})
    sent_to: set[str] = field(default_factory=lambda: {EAST})
    names: set[str] | None = None
    """Where names still lead, where that is not where customers are sent."""
    name, many_writers = "orders", False

    def __post_init__(self) -> None:
        self.regions = (EAST, WEST)
        self.datasets = self.routes = (self,)
        self.entries = tuple(Entry(self.faults, region) for region in self.regions)

    def writers(self) -> set[str]:
        return set(self.writing)

    def intent(self) -> dict[str, float]:
        return dict.fromkeys(self.sent_to, 1.0)

    def led_to(self) -> dict[str, float]:
        return dict.fromkeys(self.sent_to if self.names is None else self.names, 1.0)

    def glance(self) -> object:
        return frozenset(self.writing), frozenset(self.sent_to)


@dataclass
class Entry:
    faults: Faults
    region: str
    datasets: tuple[str, ...] = ("orders",)

    def is_open(self) -> bool:
        return self.region not in self.faults.dark

    def glance(self) -> object:
        return None


class Customers:
    """Where an old address leads."""

    def __init__(self) -> None:
        self.notebook = Notebook()
        self.kept = {EAST}

    def kept_by(self) -> set[str]:
        return set(self.kept)


class Story:
    """What happens to the shop, and what the checkers make of it."""

    exposure_bound = BOUND

    def __init__(self, cloud: Cloud) -> None:
        self.cloud, self.clock, self.faults = cloud, cloud.clock, cloud.faults
        self.shop = self.application = Shop(cloud.faults)
        self.customers = Customers()
        self.checkers = Checkers(cast(Subject, self))
        self.checkers.begin()
        self.clock.every(1, lambda: None)

    def pass_by(self, seconds: float) -> None:
        self.clock.sleep(seconds)

    def part(self) -> None:
        self.faults.partitions.add(frozenset({EAST, WEST}))

    def heal(self) -> None:
        self.faults.partitions.clear()

    def failed_over(self) -> None:
        """The other Region takes writes, too, and customers are sent there: one has an old address."""
        self.shop.writing = {EAST, WEST}
        self.shop.sent_to = {WEST}

    @property
    def breached(self) -> set[str]:
        return {breach.invariant for breach in self.checkers.breaches}

    @property
    def exposure(self) -> float:
        return self.checkers.figures()["exposure_seconds"]


@pytest.fixture
def story() -> Iterator[Story]:
    with Cloud(Clock(), 1, Moto()) as cloud:
        yield Story(cloud)


def test_two_writers_that_hear_each_other_are_a_breach_at_once(story: Story) -> None:
    story.pass_by(10)
    story.failed_over()
    story.pass_by(2)
    assert story.breached == {"S1"}
    assert story.exposure == 0


def test_two_writers_that_are_that_cannot_hear_each_other_are_an_exposure_and_counted(story: Story) -> None:
    story.part()
    story.pass_by(5)
    story.failed_over()
    story.pass_by(BOUND * 3)
    assert story.breached == set()
    story.heal()
    story.pass_by(10)
    story.shop.writing = {WEST}
    story.pass_by(5)
    assert story.breached == set()
    assert story.exposure == pytest.approx(BOUND * 3 + 10, abs=3)


def test_once_they_can_be_reached_the_exposure_is_bounded(story: Story) -> None:
    story.part()
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
    story.customers.kept = {EAST, WEST}
    story.pass_by(30)
    story.faults.dark.discard(EAST)
    story.pass_by(20)
    assert story.breached == set()
    story.shop.sent_to = {WEST}
    story.pass_by(20)
    assert story.breached == set()
    story.shop.writing = {WEST}
    story.pass_by(5)
    assert story.exposure == pytest.approx(40, abs=3)


def test_a_region_that_came_back_and_is_not_fenced_in_time_is_a_breach(story: Story) -> None:
    story.faults.dark.add(EAST)
    story.pass_by(5)
    story.failed_over()
    story.pass_by(30)
    story.faults.dark.discard(EAST)
    story.customers.kept = {EAST, WEST}
    story.pass_by(BOUND - 5)
    assert story.breached == set()
    story.pass_by(10)
    assert story.breached == {"S1"}


def test_names_that_lead_back_to_a_region_once_its_route_was_off_are_a_breach_at_once(story: Story) -> None:
    story.faults.dark.add(EAST)
    story.pass_by(5)
    story.failed_over()
    story.customers.kept = {EAST, WEST}
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
