"""The applications of runbooks/: each game day, what comes back after it, what their workshops get wrong."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from farshore.explore.exploration import played
from farshore.explore.syntax import read
from farshore.runbook.find import find
from farshore.simulate.rehearsal import Rehearsal
from farshore.simulate.report import Report
from farshore.simulate.simulation import Simulation
from twin.applications.foundation import Foundation, builder
from twin.applications.globalflix import players
from twin.applications.globalflix.names import FUNCTION
from twin.applications.mythical_mysfits import names as mysfits
from twin.services.cloudwatch.dashboards import Dashboards
from twin.services.codepipeline.model import CodePipeline
from twin.services.dynamodb.model import DynamoDB
from twin.services.ec2.subnets import Subnets
from twin.services.ecr.model import Ecr
from twin.services.globalaccelerator.model import GlobalAccelerator
from twin.services.lambda_.model import Functions
from twin.services.xray.model import Xray

RUNBOOKS = sorted(path.stem for path in (Path(__file__).parent.parent / "runbooks").glob("*.yaml"))
FAST: dict[str, Any] = {"data": "memory", "backed": "doubles"}
HELD = {f"S{n}": 0 for n in range(1, 9)}


def game_day(app: str, mode: Any = "graceful", dark: bool = False, **more: Any) -> Report:
    runbook = find(app)
    region = runbook.regions.primary if dark else None
    with Rehearsal(runbook, mode, region, 1, lambda moment: None, **{**FAST, **more}) as rehearsal:
        return rehearsal.play()


@pytest.mark.parametrize("app", RUNBOOKS)
@pytest.mark.parametrize(("mode", "dark"), [("graceful", False), ("ungraceful", False), ("ungraceful", True)])
def test_a_game_day_comes_to_its_end_and_nothing_is_lost_unnamed(app: str, mode: str, dark: bool) -> None:
    report = game_day(app, mode, dark)
    assert report.ok, (report.breaches, report.broken)
    assert {run.status for run in report.runs} == {"SUCCEEDED"}
    assert report.as_json()["invariants"] == HELD
    assert dark or report.data["lost"] == []
    assert report.data["acknowledged"] > 500


@pytest.mark.parametrize("app", RUNBOOKS)
def test_a_plan_is_made_in_time_where_a_region_takes_connections_and_never_answers(app: str) -> None:
    outcome = played(read(f"{app},failover,ungraceful,mute:{find(app).regions.primary}"))
    assert (outcome.status, outcome.breaches) == ("SUCCEEDED", ())


# What was there before comes back.


def changed(app: str, change: Callable[[Foundation], object]) -> Callable[[Foundation], Any]:
    """The application, and then something else of it than its own `build` has made."""

    def build(on: Foundation) -> Any:
        made = builder(app)(on)
        change(on)
        return made

    return build


def test_a_dial_of_70_and_a_desired_count_come_back_with_failback() -> None:
    runbook = find("mythical-mysfits")
    found: dict[str, Any] = {}

    def dials(on: Foundation) -> None:
        (accelerator,) = GlobalAccelerator.of(on.cloud, on.net).accelerators.values()
        for region, dial in zip(mysfits.REGIONS, (70.0, 30.0), strict=True):
            accelerator.groups[region].dial = accelerator.groups[region].edge_dial = dial

    build = changed("mythical-mysfits", dials)
    with Rehearsal(runbook, "graceful", None, 1, lambda moment: None, build=build, **FAST) as rehearsal:
        before = dict(rehearsal.simulation.application.settings())
        rehearsal.play()
        cloud, net = rehearsal.simulation.cloud, rehearsal.simulation.net
        (accelerator,) = GlobalAccelerator.of(cloud, net).accelerators.values()
        found = {region: group.dial for region, group in accelerator.groups.items()}
        assert rehearsal.simulation.application.settings() == before
    assert found == {mysfits.PRIMARY: 70.0, mysfits.STANDBY: 30.0}


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
    report = game_day("globalflix")
    assert not report.ok
    assert report.stand is not None
    assert f"restore lambda:us-west-2:{FUNCTION}:reserved_concurrency" in report.stand.stopped


def test_a_viewer_who_is_answered_200_and_an_error_has_no_bookmark() -> None:
    """With DynamoDB dark the API still answers 200: a client that read the status alone would not notice."""
    with Simulation(find("globalflix"), 1, **FAST) as simulation:
        simulation.customers.come()
        simulation.clock.sleep(30)
        simulation.cloud.faults.dark.add("dynamodb/us-west-2")
        simulation.clock.sleep(1)  # what was under way has been answered
        before = len(simulation.customers.notebook.promises)
        simulation.clock.sleep(10)
        after = simulation.customers.notebook.promises[before:]
        assert [promise for promise in after if promise.region == "us-west-2"] == []
        assert simulation.functions.reserved("us-west-2", FUNCTION) == 40


def test_after_thirty_failures_a_player_moves_by_itself() -> None:
    with Simulation(find("globalflix"), 1, **FAST) as simulation:
        simulation.customers.come()
        simulation.clock.sleep(30)
        simulation.functions.function("us-west-2", FUNCTION).reserved = 0
        since = simulation.clock.now
        simulation.clock.sleep(60)
        moved = [each for each in simulation.customers.notebook.promises if each.region == "eu-west-1"]
        assert moved
        assert min(each.at for each in moved) - since > players.FAILURES * players.BEAT_SECONDS


# What `prepare` names, and what it mends.


def lacks_a_stage(on: Foundation) -> None:
    CodePipeline.of(on.cloud).pipelines[mysfits.PRIMARY, mysfits.PIPELINES[0]].stages.pop(mysfits.STAGE)


def lacks_an_index(on: Foundation) -> None:
    DynamoDB.of(on.cloud).global_tables[mysfits.TABLE].described[mysfits.STANDBY].indexes.pop("LawChaosIndex")


def lacks_a_subnet(on: Foundation) -> None:
    Subnets.of(on.cloud).drop(mysfits.STANDBY, mysfits.SUBNETS[mysfits.STANDBY][0])


def lacks_a_repository(on: Foundation) -> None:
    Ecr.of(on.cloud).drop(mysfits.STANDBY, mysfits.REPOSITORIES[1])


def lacks_an_image(on: Foundation) -> None:
    Ecr.of(on.cloud).repositories[mysfits.STANDBY, mysfits.REPOSITORIES[0]].tags.clear()


def lacks_a_group(on: Foundation) -> None:
    Xray.of(on.cloud).groups.pop((mysfits.STANDBY, "like-service"))


def lacks_a_region_on_the_dashboard(on: Foundation) -> None:
    dashboards = Dashboards.of(on.cloud)
    body = json.loads(dashboards.bodies[mysfits.DASHBOARD])
    dashboards.bodies[mysfits.DASHBOARD] = json.dumps({"widgets": body["widgets"][:1]})


def lacks_a_replica(on: Foundation) -> None:
    DynamoDB.of(on.cloud).global_tables[mysfits.TABLE].remove_replica(mysfits.STANDBY)


def prepared(change: Callable[[Foundation], object]) -> tuple[str, str]:
    """How `prepare` ends, and why."""
    build = changed("mythical-mysfits", change)
    with Simulation(find("mythical-mysfits"), 1, build=build, **FAST) as simulation:
        simulation.clock.sleep(120)
        execution = simulation.begin("prepare", {"mode": "graceful"})
        simulation.clock.wait_for(lambda: simulation.status(execution) != "RUNNING", 3 * 3600)
        report = simulation.report(execution)
        return report.status, report.why


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (lacks_a_stage, f"pipeline {mysfits.PIPELINES[0]} in {mysfits.PRIMARY} has no stage {mysfits.STAGE}"),
        (lacks_an_index, "LawChaosIndex"),
        (lacks_a_subnet, f"there is no {mysfits.SUBNETS[mysfits.STANDBY][0]} in {mysfits.STANDBY}"),
        (lacks_a_repository, f"there is no ECR repository {mysfits.REPOSITORIES[1]} in {mysfits.STANDBY}"),
    ],
)
def test_what_a_person_must_make_is_refused_by_name(
    change: Callable[[Foundation], object], named: str
) -> None:
    status, why = prepared(change)
    assert status == "FAILED"
    assert named in why


@pytest.mark.parametrize(
    "change", [lacks_an_image, lacks_a_group, lacks_a_region_on_the_dashboard, lacks_a_replica]
)
def test_what_a_run_may_make_is_made(change: Callable[[Foundation], object]) -> None:
    assert prepared(change) == ("SUCCEEDED", "")


def test_while_all_is_well_there_is_nothing_to_prepare() -> None:
    assert prepared(lambda on: None) == ("SUCCEEDED", "")


# What is not hidden.


def names(report: Report, word: str) -> Iterator[str]:
    return (name for name in report.data["overwritten"] if name.startswith(word))


def test_what_two_regions_sold_at_once_is_named() -> None:
    assert list(names(game_day("resilient-orders"), "sale of product-"))


def test_likes_that_two_regions_gave_at_once_are_named() -> None:
    assert list(names(game_day("mythical-mysfits"), "like "))
