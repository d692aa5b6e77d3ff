"""EventBridge's buses, in the Cloud that has everything."""

from __future__ import annotations

from every_service import WEST, client

from twin.cloud import Cloud
from twin.faults import Kind, Request
from twin.services.events.model import Bus


def furnish(cloud: Cloud, name: str) -> None:
    Bus.of(cloud).schedule(WEST, f"often-{name}", 3600, lambda event: cloud.clock.sleep(30))


def undelivered(cloud: Cloud) -> None:
    Bus.of(cloud).rule(WEST, "on-alarm", {"source": ["me"]}, lambda event: cloud.clock.sleep(60))
    Bus.of(cloud).emit(WEST, "me", "it", {})


def disable(cloud: Cloud) -> None:
    client("events").disable_rule(Name="often-one")


UNDER_WAY = {"an event on its way": undelivered, "a rule that is disabled": disable}


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


def test_a_disabled_rule_starts_nothing_by_pattern_or_schedule_until_it_is_enabled(cloud: Cloud) -> None:
    started: list[str] = []
    bus = Bus.of(cloud)
    bus.rule(WEST, "on-push", {"source": ["me"]}, lambda event: started.append("push"))
    bus.schedule(WEST, "nightly", 60, lambda event: started.append("night"))
    for name in ("on-push", "nightly"):
        client("events").disable_rule(Name=name)
        assert client("events").describe_rule(Name=name)["State"] == "DISABLED"
    bus.emit(WEST, "me", "it", {})
    cloud.clock.sleep(90)
    assert started == []
    for name in ("on-push", "nightly"):
        client("events").enable_rule(Name=name)
    bus.emit(WEST, "me", "it", {})
    cloud.clock.sleep(90)
    assert set(started) == {"push", "night"}
