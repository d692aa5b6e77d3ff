"""The samples of runbooks/: their game days, what comes back, what `prepare` finds, and their roles."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
import samples
from game_days import CALLED, FAST, WAYS, game_day, played, prepared
from own_shop import compiled
from roles import dependents, granted
from taken_away import pieces

from farshore.explore import exploration
from farshore.explore.syntax import read
from farshore.runbook.find import find
from farshore.simulate.report import Report
from farshore.simulate.simulation import Simulation
from functions.run import Mode
from twin.applications.foundation import Foundation
from twin.applications.globalflix import players
from twin.applications.globalflix.names import FUNCTION
from twin.applications.mythical_mysfits import names as mysfits
from twin.applications.mythical_mysfits.application import MythicalMysfits
from twin.services.ecs.model import Ecs
from twin.services.globalaccelerator.model import GlobalAccelerator
from twin.services.lambda_.model import Functions

HELD = {f"S{n}": 0 for n in range(1, 9)}
PEACE = WAYS[0]
GLOBALFLIX, MYSFITS, ORDERS, _ = samples.NAMES
HOME, AWAY = mysfits.PRIMARY, mysfits.STANDBY


@pytest.mark.parametrize("app", samples.EACH)
@pytest.mark.parametrize(("mode", "dark"), WAYS)
def test_a_game_day_comes_to_its_end_and_nothing_is_lost_unnamed(app: str, mode: Mode, dark: bool) -> None:
    report = game_day(app, mode, dark).report
    assert report.ok, (report.breaches, report.broken)
    assert {run.status for run in report.runs} == {"SUCCEEDED"}
    assert report.as_json()["invariants"] == HELD
    assert dark or report.data["lost"] == []
    assert report.data["acknowledged"] > 500


@pytest.mark.parametrize("app", samples.EACH)
@pytest.mark.parametrize(("mode", "dark"), WAYS)
def test_customers_are_served_when_a_game_day_has_come_to_its_end(app: str, mode: Mode, dark: bool) -> None:
    last_minute = game_day(app, mode, dark).report.as_json()["visits"][-12:]
    done, failed = (sum(each[name] for each in last_minute) for name in ("done", "failed"))
    assert done > 5 * failed


@pytest.mark.parametrize("app", samples.EACH)
@pytest.mark.parametrize(("mode", "dark"), WAYS)
def test_every_millisecond_of_an_rto_is_accounted_for(app: str, mode: Mode, dark: bool) -> None:
    report = game_day(app, mode, dark).report
    rto = report.as_json()["rto"]
    parts = [round(seconds * 1000) for seconds in rto["parts"].values()]
    assert sum(parts) == round(report.clients["rto_seconds"] * 1000)
    assert sum(round(span["seconds"] * 1000) for span in rto["spans"]) == sum(parts)
    assert all(span["seconds"] > 0 for span in rto["spans"])


@pytest.mark.parametrize("app", samples.EACH)
def test_a_plan_is_made_in_time_where_a_region_takes_connections_and_never_answers(app: str) -> None:
    outcome = exploration.played(read(f"{app},failover,ungraceful,mute:{find(app).regions.primary}"))
    assert (outcome.status, outcome.breaches) == ("SUCCEEDED", ())


# What was there before comes back.


@samples.of(GLOBALFLIX)
@pytest.mark.parametrize(("mode", "dark"), WAYS)
def test_a_reserved_concurrency_of_40_comes_back_with_failback(mode: Mode, dark: bool) -> None:
    day = game_day(GLOBALFLIX, mode, dark)
    assert (day.before["us-west-2"], day.after["us-west-2"]) == (40, 40)


@samples.of(MYSFITS)
def test_a_dial_of_70_and_a_desired_count_of_3_come_back_with_failback() -> None:
    def found(simulation: Simulation) -> object:
        (accelerator,) = GlobalAccelerator.of(simulation.cloud, simulation.net).accelerators.values()
        services = Ecs.of(simulation.cloud).services.items()
        dials = {region: group.dial for region, group in accelerator.groups.items()}
        return dials, {name: service.desired for (region, _, name), service in services if region == HOME}

    day = played(MYSFITS, build=lambda on: MythicalMysfits(on, {HOME: 70, AWAY: 30}), find_out=found)
    assert day.report.ok, day.report.breaches
    counts = {mysfits.service(HOME, name): 3 for name in mysfits.SERVICES}
    assert day.found == ({HOME: 70.0, AWAY: 30.0}, counts)
    assert day.before == day.after


@samples.of(GLOBALFLIX)
def test_a_failback_by_hand_to_unreserved_is_not_what_was_there(monkeypatch: pytest.MonkeyPatch) -> None:
    """As the workshop's last step is: "Use unreserved account concurrency"."""
    real = Functions._put_concurrency

    def unreserved(self: Functions, request: Any) -> Any:
        if request.parameters["ReservedConcurrentExecutions"] == 40 and request.caller:
            return self._delete_concurrency(
                dataclasses.replace(request, operation="DeleteFunctionConcurrency")
            )
        return real(self, request)

    monkeypatch.setattr(Functions, "_put_concurrency", unreserved)
    report = played(GLOBALFLIX).report
    assert not report.ok
    assert report.stand is not None
    assert f"restore lambda:us-west-2:{FUNCTION}:reserved_concurrency" in report.stand.stopped


@samples.of(GLOBALFLIX)
def test_a_viewer_who_is_answered_200_and_an_error_has_no_bookmark() -> None:
    """With DynamoDB dark the API still answers 200: a client that read the status alone would not notice."""
    with Simulation(find(GLOBALFLIX), 1, **FAST) as simulation:
        simulation.customers.come()
        simulation.clock.sleep(30)
        simulation.cloud.faults.dark.add("dynamodb/us-west-2")
        simulation.clock.sleep(1)  # what was under way has been answered
        before = len(simulation.customers.notebook.promises)
        simulation.clock.sleep(10)
        after = simulation.customers.notebook.promises[before:]
        assert [promise for promise in after if promise.region == "us-west-2"] == []
        assert simulation.functions.reserved("us-west-2", FUNCTION) == 40


@samples.of(GLOBALFLIX)
def test_after_thirty_failures_a_player_moves_by_itself() -> None:
    with Simulation(find(GLOBALFLIX), 1, **FAST) as simulation:
        simulation.customers.come()
        simulation.clock.sleep(30)
        simulation.functions.function("us-west-2", FUNCTION).reserved = 0
        since = simulation.clock.now
        simulation.clock.sleep(60)
        moved = [each for each in simulation.customers.notebook.promises if each.region == "eu-west-1"]
        assert moved
        assert min(each.at for each in moved) - since > players.FAILURES * players.BEAT_SECONDS


# What `prepare` names, and what it makes.

PIECES = dict(pieces())


def healthy(on: Foundation) -> None:
    """Nothing is taken away."""


@pytest.mark.parametrize("app", samples.EACH)
def test_while_all_is_well_there_is_nothing_to_prepare(app: str) -> None:
    found = prepared(app, healthy)
    assert {step.outcome for step in found.before} == {"done"}
    assert (found.status, found.why) == ("SUCCEEDED", "")


@pytest.mark.parametrize("piece", [samples.case(PIECES[name].app, name) for name in PIECES])
def test_what_is_taken_away_is_named_and_made_or_left_to_a_person(piece: str) -> None:
    it = PIECES[piece]
    found = prepared(it.app, it.take)
    step = next(step for step in found.before if step.state == it.step)
    assert it.said in step.why
    if it.made:
        assert step.outcome == "would change"
        assert (found.status, found.why) == ("SUCCEEDED", "")
        assert {step.outcome for step in found.after} == {"done"}
    else:
        assert step.outcome == "would refuse"
        assert found.status == "FAILED"
        assert it.said in found.why


# What a step's function may do is what it does.

ANSWERED = "AWS has answered a change with a no for longer than half of the time that the state has"
"""Only then is that noted in the ledger: no rehearsal is so ill."""
NEVER_HERE: Mapping[str, Mapping[str, str]] = {
    "aurora_snapshot_kept": {"dynamodb:PutItem": ANSWERED},
    "dashboard": {"dynamodb:PutItem": ANSWERED},
    "ecr_images": {"dynamodb:PutItem": ANSWERED},
    "xray_groups": {"dynamodb:PutItem": ANSWERED},
    "custom_lambda": {"dynamodb:PutItem": ANSWERED},
    "synthetic_write": {
        "dynamodb:PutItem": "a write was accepted, and what stands before the shop does not show it yet"
    },
}
"""By step, what its role allows and no rehearsal needs, with when it is needed."""


def test_a_functions_role_allows_what_it_has_called_and_nothing_else() -> None:
    """Over all game days and all preparations. Each is played once, here or above."""
    for app in samples.THERE:
        prepared(app, healthy)
        for mode, dark in WAYS:
            game_day(app, mode, dark)
    for piece in (each for each in PIECES.values() if samples.is_there(each.app)):
        prepared(piece.app, piece.take)
    template = compiled(*map(samples.path_of, samples.THERE)) / "template.yaml"
    for step, allowed in granted(template).items():
        never = NEVER_HERE.get(step, {}).keys()
        assert not never & CALLED[step], f"{step} needs it, and is said not to"
        assert allowed == CALLED[step] | dependents(step, CALLED[step]) | never, step


# What is not hidden.


def names(report: Report, word: str) -> Iterator[str]:
    return (name for name in report.data["overwritten"] if name.startswith(word))


@samples.of(ORDERS)
def test_what_two_regions_sold_at_once_is_named() -> None:
    assert list(names(game_day(ORDERS, *PEACE).report, "sale of product-"))


@samples.of(MYSFITS)
def test_likes_that_two_regions_gave_at_once_are_named() -> None:
    assert list(names(game_day(MYSFITS, *PEACE).report, "like "))
