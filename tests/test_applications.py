"""An application that is no Unicorn Shop: both Regions serve and write, and clients choose for themselves."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

import twin.applications
from farshore.cli import farshore
from farshore.runbook.load import load
from farshore.runbook.model import Line, Runbook
from farshore.simulate.rehearsal import Rehearsal
from farshore.simulate.report import Report
from farshore.simulate.simulation import Simulation
from functions.step import Done
from functions.steps.approval import Approval
from twin.application import Promise, fates

ROOT = Path(__file__).parent.parent
HERE = ROOT / "tests" / "applications"
PARCELS = str(HERE / "parcels.yaml")
EAST, WEST = "us-east-1", "us-west-1"
HELD = {f"S{n}": 0 for n in range(1, 9)}


@pytest.fixture(autouse=True)
def _found(monkeypatch: pytest.MonkeyPatch) -> None:
    """tests/applications/ stands beside twin/applications/, and is searched as that is."""
    monkeypatch.setattr(twin.applications, "__path__", [*twin.applications.__path__, str(HERE)])


def invoked(*words: str) -> Result:
    result = CliRunner(mix_stderr=False).invoke(farshore, list(words))
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


@pytest.mark.parametrize("more", [(), ("--mode", "ungraceful"), ("--mode", "ungraceful", "--dark", EAST)])
def test_two_regions_that_both_serve_are_rehearsed_by_the_same_command(more: tuple[str, ...]) -> None:
    result = invoked("rehearse", PARCELS, "--json", *more)
    report = json.loads(result.stdout)
    assert result.exit_code == 0, report["breaches"]
    assert {run["status"] for run in report["runs"]} == {"SUCCEEDED"}
    assert report["invariants"] == HELD
    assert report["data"]["acknowledged"] > 1000
    assert report["data"]["lost"] == []
    bounds = [step["facts"] for run in report["runs"] for step in run["steps"] if "loss_at" in str(step)]
    assert [bound["loss_at_most_seconds"] for bound in bounds] == [0.0, 0.0], "as nothing was lost"


def test_what_a_region_acknowledged_while_replication_stalled_is_late_and_not_lost() -> None:
    with Simulation(load(Path(PARCELS)), 1, data="memory", backed="doubles") as simulation:
        application, clock = simulation.application, simulation.clock
        (parcels,) = application.datasets
        promise = Promise("parcels a", "parcels", "a", EAST, clock.now)
        parcels.stall()
        application.session.write(EAST, "a")
        clock.sleep(30)
        simulation.cloud.faults.dark.add(EAST)
        assert fates(application, [promise]) == {promise: "lost"}, "nobody else has it"
        simulation.cloud.faults.dark.clear()
        parcels.resume()
        clock.sleep(30)
        assert fates(application, [promise]) == {promise: "late"}


@pytest.mark.parametrize(
    "only",
    [
        "failover,graceful,killed@",
        "failback,ungraceful,lost_after@",
        "failover,graceful,dark:us-west-1@failover-1/lambda",
        "failback,graceful,dark:dynamodb/us-east-1",
        "failover,ungraceful,partition:",
    ],
)
def test_it_is_explored_by_the_same_command(only: str) -> None:
    result = invoked("explore", PARCELS, "--only", only, "--json")
    found = json.loads(result.stdout)
    assert result.exit_code == 0, found["breaches"]
    assert found["runs"] == found["safe"] == found["live"]


# Mutants: each must turn a rehearsal red, in the words of this application.


@pytest.fixture
def runbook() -> Runbook:
    return load(Path(PARCELS))


def rehearsed(runbook: Runbook) -> Report:
    with Rehearsal(runbook, "graceful", None, 1, lambda moment: None) as rehearsal:
        return rehearsal.play()


def changed(runbook: Runbook, procedure: str, number: int, **inputs: Any) -> Runbook:
    entries = list(runbook.procedures[procedure])
    entries[number] = dataclasses.replace(entries[number], inputs={**entries[number].inputs, **inputs})
    return dataclasses.replace(runbook, procedures={**runbook.procedures, procedure: tuple(entries)})


def stories(report: Report, invariant: str) -> Iterator[str]:
    return (breach.story for breach in report.breaches if breach.invariant == invariant)


def test_a_failover_that_takes_both_regions_out_leaves_customers_led_nowhere(runbook: Runbook) -> None:
    lines = runbook.procedures["failover"]
    fence = lines[2]
    assert isinstance(fence, Line)
    other = dataclasses.replace(fence, inputs={**fence.inputs, "region": "$to"})
    failover = (*lines[:3], other, *lines[3:])
    wrong = dataclasses.replace(runbook, procedures={**runbook.procedures, "failover": failover})
    report = rehearsed(wrong)
    assert "clients: no customer is led anywhere" in stories(report, "S3")


def test_a_failback_that_gives_nothing_back_has_not_done_everything(runbook: Runbook) -> None:
    wrong = changed(runbook, "failback", 1, region="$from")
    (approval, restore, *_) = wrong.procedures["failback"]
    report = rehearsed(
        dataclasses.replace(wrong, procedures={**wrong.procedures, "failback": (approval, restore)})
    )
    said = "failback SUCCEEDED, but customers are served in us-west-1, not in us-east-1 and us-west-1"
    assert [run.status for run in report.runs] == ["SUCCEEDED"] * 4
    assert said in stories(report, "S5")
    assert not report.ok


def test_a_rehearsal_knows_what_a_person_approved(runbook: Runbook, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Approval, "decide", lambda *_: Done("approved"))
    report = rehearsed(runbook)
    assert any("but the approved plan says nothing for it" in story for story in stories(report, "S8"))
