"""EventBridge's buses, in the Cloud that has everything."""

from __future__ import annotations

from every_service import WEST

from twin.cloud import Cloud
from twin.faults import Kind, Request
from twin.services.events.model import Bus


def furnish(cloud: Cloud, name: str) -> None:
    Bus.of(cloud).schedule(WEST, f"often-{name}", 3600, lambda event: cloud.clock.sleep(30))


def undelivered(cloud: Cloud) -> None:
    Bus.of(cloud).rule(WEST, "on-alarm", {"source": ["me"]}, lambda event: cloud.clock.sleep(60))
    Bus.of(cloud).emit(WEST, "me", "it", {})


UNDER_WAY = {"an event on its way": undelivered}


def test_a_delivery_that_is_made_twice_is_under_way_until_the_second_is_done(cloud: Cloud) -> None:
    twice = iter(("lost_after", None))

    def inject(request: Request) -> Kind | None:
        return next(twice, None) if request.operation == "Deliver" else None  # type: ignore[return-value]

    cloud.faults.injectors.append(inject)
    before = Bus.of(cloud).state()
    undelivered(cloud)
    assert Bus.of(cloud).state() != before
    cloud.clock.sleep(90)
    assert Bus.of(cloud).state() != before
    cloud.clock.sleep(90)
    assert Bus.of(cloud).state() == before
