"""The watch over what must always hold, and what it may leave out."""

from __future__ import annotations

from farshore.runbook.find import find
from farshore.simulate.report import EXPOSURE_BOUND
from farshore.simulate.stage import Stage
from functions.errors import NotYet
from twin.applications.unicorn_shop.application import PRIMARY
from twin.invariants import Watch


def approve(stage: Stage) -> None:
    try:
        proposal = stage.operator.records().proposal
    except NotYet:
        return
    if proposal and proposal["hash"] not in stage.operator.records().decisions:
        stage.operator.decide(proposal["hash"], "approve", "jane", "she knows")


def test_a_glance_after_every_event_finds_what_a_look_would_find() -> None:
    with Stage(find("unicorn-shop"), "ungraceful", 1, data="journal", backed="doubles").stage() as stage:
        clock, weather = stage.clock, stage.cloud.faults
        thorough = Watch(stage.cloud, stage.shop, EXPOSURE_BOUND)
        thorough.begin()
        clock.after_each[-1] = thorough.look
        stage.watch.begin()
        looks = []
        clock.after_each.append(lambda: looks.append(stage.watch._calm))
        clock.after_each.append(lambda: same(stage.watch, thorough))
        stage.shop.open()
        clock.sleep(60)
        weather.dark.add(PRIMARY)
        stage.begin("failover", {"mode": "ungraceful"})
        while stage.shop.database.writer == PRIMARY and clock.elapsed < 900:
            clock.sleep(5)
            approve(stage)
        clock.sleep(60)
        weather.dark.discard(PRIMARY)
        clock.sleep(30)
        weather.partitions.add(frozenset(stage.shop.arc.states))
        clock.sleep(30)
        weather.partitions.clear()
        stage.shop.arc.states.update(dict.fromkeys(stage.shop.arc.states, "Off"))
        clock.sleep(60)
    assert "S3" in {breach.invariant for breach in thorough.breaches}
    assert thorough.exposure > 0
    assert sum(looks) > len(looks) / 2


def same(one: Watch, other: Watch) -> None:
    assert (one.breaches, one.exposure, one.returned) == (other.breaches, other.exposure, other.returned)
