"""A runbook with probes in the twin: what sees that a Region goes dark, how soon, and what starts nothing."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from own_shop import STAND_INS

from farshore.runbook.load import load
from farshore.simulate.rehearsal import Rehearsal
from farshore.simulate.simulation import Simulation
from functions.run import Mode
from twin.faults import Kind, Request

LIGHTHOUSE = load(STAND_INS / "lighthouse.yaml")
PRIMARY, STANDBY, OBSERVER = "eu-west-1", "eu-central-1", "eu-west-3"
ALARM = "lighthouse-front-eu-west-1"
SECONDS = 45
"""In so many a run has begun."""


@pytest.fixture
def lighthouse() -> Iterator[Simulation]:
    with Simulation(LIGHTHOUSE, 1, data="memory", backed="doubles") as simulation:
        simulation.customers.come_barely()
        simulation.clock.sleep(130)
        assert set(simulation.metrics.states().values()) == {"OK"}
        yield simulation


def started(simulation: Simulation, within: float) -> list[float]:
    """Seconds after which the alarm has started a run, each."""
    began, found = simulation.clock.now, list[float]()
    simulation.on_alarm.append(lambda execution, alarm: found.append(simulation.clock.now - began))
    simulation.clock.sleep(within)
    return found


def ill(simulation: Simulation, word: str, seconds: float, kind: Kind = "503") -> None:
    """Whoever asks a host with this word in its name is answered so, for so long."""
    until = simulation.clock.now + seconds

    def answer(request: Request) -> Kind | None:
        asked = request.service == "http" and word in str(request.parameters["url"])
        return kind if asked and simulation.clock.now < until else None

    simulation.cloud.faults.injectors.append(answer)


@pytest.mark.parametrize("later", [0.0, 2.5, 5.0, 7.5, 31.0])
def test_a_region_that_goes_dark_has_a_run_begin_within_45_seconds(
    lighthouse: Simulation, later: float
) -> None:
    lighthouse.clock.sleep(later)
    lighthouse.cloud.faults.dark.add(PRIMARY)
    (after,) = started(lighthouse, 90)
    assert 15 < after < SECONDS


def test_a_region_that_takes_connections_and_does_nothing_is_seen_as_soon(lighthouse: Simulation) -> None:
    lighthouse.cloud.faults.ailing[PRIMARY] = "mute"
    (after,) = started(lighthouse, 90)
    assert after < SECONDS


def test_an_ungraceful_failover_that_a_probe_starts_comes_to_its_end() -> None:
    told: list[tuple[float, str]] = []
    with Rehearsal(
        LIGHTHOUSE,
        "ungraceful",
        PRIMARY,
        1,
        lambda moment: told.append((moment.at, moment.kind)),
        data="memory",
        backed="doubles",
    ) as game_day:
        report = game_day.play()
    assert (report.broken, report.breaches) == ([], [])
    assert [(run.procedure, run.status) for run in report.runs] == [
        ("failover", "SUCCEEDED"),
        ("failback", "SUCCEEDED"),
    ]
    first = {kind: at for at, kind in reversed(told)}
    assert first["alarm"] - first["outage"] < SECONDS


@pytest.mark.parametrize("mode", ["graceful", "ungraceful"])
def test_a_game_day_with_probes_comes_to_its_end(mode: Mode) -> None:
    """In a graceful one a person is sooner than the alarm."""
    with Rehearsal(LIGHTHOUSE, mode, None, 1, lambda _: None, data="memory", backed="doubles") as game_day:
        report = game_day.play()
    assert (report.broken, report.breaches) == ([], [])
    assert [run.status for run in report.runs] == ["SUCCEEDED"] * 4
    assert {run.mode for run in report.runs if run.procedure == "failover"} == {mode}


def test_a_deployment_that_answers_503_for_twelve_seconds_starts_nothing(lighthouse: Simulation) -> None:
    for _ in range(10):
        ill(lighthouse, "api-dub", 12)
        assert started(lighthouse, 41) == []


def test_half_a_minute_of_503_is_an_outage(lighthouse: Simulation) -> None:
    ill(lighthouse, "api-dub", 60)
    assert len(started(lighthouse, SECONDS)) == 1


def test_what_is_ill_in_both_regions_starts_nothing(lighthouse: Simulation) -> None:
    ill(lighthouse, "lighthouse.example", 300)
    assert started(lighthouse, 300) == []


def test_a_prober_that_is_lost_starts_nothing(lighthouse: Simulation) -> None:
    """Nor one that is lost just when it has seen something once."""
    (plug,) = (
        plug for plug in lighthouse.functions.plugs() if plug.region == STANDBY and "prober" in plug.what
    )
    ill(lighthouse, "api-dub", 3)
    lighthouse.clock.sleep(3)
    plug.pull()
    assert started(lighthouse, 300) == []
    assert lighthouse.metrics.states()[STANDBY, ALARM] == "OK"


def test_looks_that_are_lost_now_and_then_delay_nothing_much(lighthouse: Simulation) -> None:
    dice = iter(range(10_000))

    def lost(request: Request) -> Kind | None:
        return "lost_before" if request.operation == "Invoke" and next(dice) % 3 == 0 else None

    lighthouse.cloud.faults.injectors.append(lost)
    lighthouse.clock.sleep(60)
    lighthouse.cloud.faults.dark.add(PRIMARY)
    (after,) = started(lighthouse, 90)
    assert after < SECONDS + 10


def test_what_the_standby_alone_sees_starts_a_run_that_moves_nothing(lighthouse: Simulation) -> None:
    """Its own road to the primary is cut: the observer, which has another, does not say so."""
    lighthouse.cloud.faults.partitions.add(frozenset({PRIMARY, STANDBY}))
    executions: list[str] = []
    lighthouse.on_alarm.append(lambda execution, alarm: executions.append(execution))
    lighthouse.clock.sleep(900)
    (execution,) = executions
    report = lighthouse.report(execution)
    assert report.status == "FAILED"
    assert "1 of 2 say that eu-west-1 is impaired" in report.why
    assert not lighthouse.may_have_moved(execution)


def test_the_prober_is_no_run_and_nobody_judges_it(lighthouse: Simulation) -> None:
    assert not any("probes" in execution for execution in lighthouse.executions)
    printed = [name for _, _, name, _ in lighthouse.functions.logs]
    assert printed.count("farshore-prober") > 60


def test_a_dark_observer_leaves_the_standby_to_see(lighthouse: Simulation) -> None:
    lighthouse.cloud.faults.dark.update({PRIMARY, OBSERVER})
    (after,) = started(lighthouse, 90)
    assert after < SECONDS
