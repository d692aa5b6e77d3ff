"""Checkers look after every event, and what they may leave out."""

from __future__ import annotations

from pathlib import Path

import pytest
from own_shop import SHOP
from samples import EACH

import farshore.checkers
from farshore.checkers.checkers import Checkers, registry
from farshore.operate.proposal import proposal_of
from farshore.runbook.find import find
from farshore.runbook.load import load
from farshore.simulate.simulation import Simulation
from functions.errors import NotYet
from twin.applications.unicorn_shop.names import PRIMARY

ADDED = """
from farshore.checkers.checker import Checker

class NobodyPrepares(Checker):
    invariant = "S9"

    def on_call(self, call):
        if call.tick is not None and call.tick.event["run"]["procedure"] == "prepare":
            self.breach("somebody prepares")
"""


def test_every_invariant_has_a_checker() -> None:
    assert {"S1", "S2", "S3", "S4", "S5", "S6", "S7", "S8", "L1"} <= {kind.invariant for kind in registry()}


def test_adding_an_invariant_is_adding_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "s9_nobody_prepares.py").write_text(ADDED)
    monkeypatch.setattr(farshore.checkers, "__path__", [*farshore.checkers.__path__, str(tmp_path)])
    registry.cache_clear()
    try:
        with Simulation(load(SHOP), 1, data="memory", backed="doubles") as simulation:
            simulation.begin("prepare", {"mode": "graceful"})
            simulation.clock.sleep(60)
            said = {breach.story for breach in simulation.checkers.breaches if breach.invariant == "S9"}
    finally:
        registry.cache_clear()
    assert said == {"somebody prepares"}


def approve(simulation: Simulation) -> None:
    try:
        records = simulation.operator.records()
    except NotYet:
        return
    proposal = proposal_of(records)
    if proposal and proposal.hash not in records.decisions:
        plan = {step.state: step for step in proposal.plan}
        simulation.checkers.on_approval(proposal.execution, plan)
        simulation.operator.decide(records, proposal, "approve", "jane", "she knows")


def test_a_glance_after_every_event_finds_what_a_look_would_find() -> None:
    with Simulation(load(SHOP), 1, data="memory", backed="doubles") as simulation:
        clock, faults = simulation.clock, simulation.cloud.faults
        application, easy = simulation.application, simulation.checkers
        users, _ = application.datasets
        thorough = Checkers(simulation)
        thorough.begin()
        looks = clock.after_each.pop()

        def look() -> None:
            thorough._at_ease = False
            looks()

        easy.begin()
        left_out = []
        clock.after_each.append(lambda: left_out.append(easy._at_ease))
        clock.after_each.append(look)
        clock.after_each.append(lambda: same(easy, thorough))
        simulation.customers.come()
        clock.sleep(60)
        faults.dark.add(PRIMARY)
        simulation.begin("failover", {"mode": "ungraceful"})
        while PRIMARY in users._database.writer and clock.elapsed < 900:
            clock.sleep(5)
            approve(simulation)
        clock.sleep(60)
        faults.dark.discard(PRIMARY)
        clock.sleep(30)
        faults.partitions.add(frozenset(application.regions))
        clock.sleep(30)
        faults.partitions.clear()
        application.arc.states.update(dict.fromkeys(application.arc.states, "Off"))
        clock.sleep(60)
    assert "S3" in {breach.invariant for breach in thorough.breaches}
    assert thorough.figures()["exposure_seconds"] > 0
    assert sum(left_out) > len(left_out) / 2


@pytest.mark.parametrize("app", [str(SHOP), *EACH])
def test_a_glance_changes_whenever_what_it_stands_for_does(app: str) -> None:
    """Through a whole game day: the outage, and what mends it."""
    with Simulation(find(app), 1, data="memory", backed="doubles") as simulation:
        application, seen = simulation.application, dict[int, tuple[object, object]]()
        told = [
            *((each.glance, each.writers) for each in application.datasets),
            *((each.glance, each.intent) for each in application.routes),
            *((each.glance, each.is_open) for each in application.entries),
        ]
        changed = set[int]()

        def look() -> None:
            for place, (glance, asked) in enumerate(told):
                now = glance(), asked()
                before = seen.get(place, now)
                assert now[0] != before[0] or now[1] == before[1], (
                    f"{asked} is another, and its glance is not"
                )
                changed.update([place] if now[1] != before[1] else [])
                seen[place] = now

        simulation.clock.after_each.append(look)
        for procedure in ("outage", "recovery"):
            simulation.begin(procedure, {"mode": "graceful"})
            simulation.clock.sleep(300)
    assert changed


def same(one: Checkers, other: Checkers) -> None:
    of_events = [[b for b in each.breaches if b.invariant in ("S1", "S2", "S3")] for each in (one, other)]
    assert of_events[0] == of_events[1]
    assert one.figures() == other.figures()
    assert one.state()[0][:3] == other.state()[0][:3]
