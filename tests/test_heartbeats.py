"""Heartbeats, from a runbook to a report: they are written before a run, and bound what it has lost."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

import twin.applications
from farshore.cli import farshore
from farshore.compile.machine import Machine, machines
from farshore.compile.machine_resources import events
from farshore.compile.starts import schedule_of
from farshore.explore.person import Person
from farshore.operate.history import RunReport
from farshore.runbook.load import load
from farshore.runbook.model import Runbook
from farshore.simulate.simulation import Backed, Simulation
from twin.application import Promise, fates

HERE = Path(__file__).parent / "applications"
PARCELS = HERE / "parcels.yaml"
LINE = "  - loss_bounded: {tables: {parcels: {parcel: farshore-heartbeat}}}\n"
EAST, WEST = "us-east-1", "us-west-1"
TABLE = "parcels"


@pytest.fixture(autouse=True)
def _found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(twin.applications, "__path__", [*twin.applications.__path__, str(HERE)])


@pytest.fixture
def runbook() -> Runbook:
    return load(PARCELS)


@pytest.fixture
def beating(runbook: Runbook) -> Machine:
    (found,) = (machine for machine in machines(runbook) if machine.purpose == "beat")
    return found


# What is compiled.


def test_whoever_goes_by_heartbeats_gets_a_machine_that_writes_them_each_minute(
    runbook: Runbook, beating: Machine
) -> None:
    schedule = schedule_of(beating)
    assert schedule is not None
    assert schedule.minutes == 1
    (event,) = events(runbook, beating).values()
    assert event.value["Properties"]["Schedule"] == "rate(1 minute)"


def test_each_region_that_can_be_left_has_heartbeats_of_its_own(beating: Machine) -> None:
    tasks = beating.definition["States"].values()
    inputs = [task["Parameters"]["Payload"]["inputs"] for task in tasks]
    assert [(each["source"], each["region"]) for each in inputs] == [(EAST, WEST), (WEST, EAST)]


def test_they_take_no_lease_and_so_keep_no_run_from_it(beating: Machine) -> None:
    assert beating.functions == ("loss_bounded",)


def test_a_runbook_that_does_not_go_by_them_has_no_such_machine(tmp_path: Path) -> None:
    path = tmp_path / "parcels.yaml"
    path.write_text(PARCELS.read_text().replace(LINE, ""))
    assert "beat" not in {machine.purpose for machine in machines(load(path))}


# What lint says.


def linted(tmp_path: Path, edit: Callable[[str], str]) -> Result:
    path = tmp_path / "parcels.yaml"
    path.write_text(edit(PARCELS.read_text()))
    return CliRunner(mix_stderr=False).invoke(farshore, ["lint", str(path)])


def test_a_table_without_heartbeats_is_a_warning_where_a_failover_names_it(tmp_path: Path) -> None:
    said = linted(tmp_path, lambda text: text.replace(LINE, ""))
    assert said.exit_code == 0
    assert "nothing bounds what an ungraceful run loses of parcels: write loss_bounded after" in said.stdout
    assert "[unbounded]" not in linted(tmp_path, str).stdout


def test_what_customers_write_after_it_would_not_be_in_the_bound(tmp_path: Path) -> None:
    fence = "  - lambda_concurrency: {functions: [parcels], region: $from, reserved: 0, patience: 40s}\n"
    said = linted(tmp_path, lambda text: text.replace(LINE, "").replace(fence, LINE + fence))
    assert said.exit_code == 1
    assert "loss_bounded stands before lambda_concurrency in line 25: what customers write" in said.stdout


# What a run says.


@contextmanager
def customers(runbook: Runbook, backed: Backed = "doubles") -> Iterator[Simulation]:
    """Customers come, and whoever is paged approves."""
    with Simulation(runbook, 1, data="memory", backed=backed) as simulation:
        person = Person(simulation, "ungraceful")
        simulation.on_call.append(person.reads)
        simulation.customers.come()
        simulation.clock.sleep(200)
        yield simulation


@pytest.fixture
def account(runbook: Runbook) -> Iterator[Simulation]:
    with customers(runbook) as simulation:
        yield simulation


def lose_a_region(account: Simulation, stalled: float) -> RunReport:
    """Replication stalls, and so long after it the Region goes dark; the alarm starts a failover."""
    started: list[str] = []
    account.on_alarm.append(lambda execution, alarm: started.append(execution))
    for dataset in account.application.datasets:
        dataset.stall()
    account.clock.sleep(stalled)
    account.cloud.faults.dark.add(EAST)
    account.clock.wait_for(lambda: bool(started) and not account.running(started[0]), 3600)
    return account.report(started[0])


def lost(account: Simulation) -> list[Promise]:
    promises = account.customers.notebook.promises
    return [promise for promise, fate in fates(account.application, promises).items() if fate == "lost"]


def began(account: Simulation) -> float:
    """When the state began that says the bound."""
    found = (ticks for label, ticks in account.deployment.ticks.items() if label.startswith("failover"))
    tick = next(tick for ticks in found for tick in ticks if tick.label.endswith("/loss_bounded.us-west-1"))
    return datetime.fromisoformat(tick.event["state"]["EnteredTime"]).timestamp()


@pytest.mark.parametrize("stalled", [6, 30, 90, 200])
def test_what_customers_say_is_lost_was_written_within_the_bound(account: Simulation, stalled: float) -> None:
    report = lose_a_region(account, stalled)
    dark = account.clock.now
    assert report.status == "SUCCEEDED"
    facts, missing = report.bound, lost(account)
    assert facts is not None
    assert missing
    first, last = min(p.at for p in missing), max(p.at for p in missing)
    end = began(account)
    assert end - facts["loss_at_most_seconds"] <= first <= last <= end < dark
    assert facts["loss_at_least_seconds"] <= last - first + 60
    store = facts["stores"][TABLE]
    assert store["lost_heartbeats"] in (int(stalled // 60), int(stalled // 60) + 1)


def test_it_is_no_larger_than_what_a_schedule_of_a_minute_leaves_open(account: Simulation) -> None:
    facts = lose_a_region(account, 6).bound
    assert facts is not None
    first = min(promise.at for promise in lost(account))
    assert began(account) - facts["loss_at_most_seconds"] >= first - 60 - 10


def test_without_heartbeats_the_run_goes_on_and_says_that_nothing_is_known(
    runbook: Runbook, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("farshore.simulate.simulation.schedule_of", lambda machine: None)
    with customers(runbook, backed="moto") as account:
        report = lose_a_region(account, 6)
        said = reported(account, report)
    assert report.status == "SUCCEEDED"
    assert report.bound is not None
    assert "loss_at_most_seconds" not in report.bound
    assert f"unknown: parcels: no heartbeat of {EAST} is in {WEST}; the objective is 30 s" in said.stdout


@pytest.mark.parametrize("beats", [True, False])
def test_whether_heartbeats_arrive_is_known_before_the_night(
    runbook: Runbook, beats: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not beats:
        monkeypatch.setattr("farshore.simulate.simulation.schedule_of", lambda machine: None)
    with customers(runbook) as account:
        execution = account.begin("prepare", {"mode": "graceful"})
        account.clock.wait_for(lambda: not account.running(execution), 3600)
        report = account.report(execution)
    assert (report.status == "SUCCEEDED") == beats, report.why
    missing = f"parcels: no heartbeat has arrived from {EAST} in {WEST}: nothing bounds what is lost"
    assert (missing in report.why) != beats


def test_a_heartbeat_that_dies_beside_a_run_keeps_it_from_nothing() -> None:
    words = ["explore", str(PARCELS), "--only", "failover,ungraceful,killed@heartbeat-4/loss", "--json"]
    result = CliRunner(mix_stderr=False).invoke(farshore, words)
    found = json.loads(result.stdout)
    assert result.exit_code == 0, found["breaches"]
    assert found["runs"] == found["safe"] == found["live"] > 0


def reported(account: Simulation, run: RunReport, *more: str) -> Result:
    execution = next(arn for arn, (of, _) in account.executions.items() if of == run.procedure)
    words = ["report", account.runbook.path, execution, *more]
    return CliRunner(mix_stderr=False).invoke(farshore, words, obj=account.deployment.outside)


def test_the_report_of_a_run_says_the_bound_beside_the_objective(runbook: Runbook) -> None:
    with customers(runbook, backed="moto") as account:
        run = lose_a_region(account, 6)
        said, as_json = reported(account, run).stdout, reported(account, run, "--json").stdout
    facts = run.bound
    assert facts is not None
    most = f"{facts['loss_at_most_seconds']:g}"
    (store,) = facts["stores"]
    assert f"by heartbeats  the writes of {most} s of {store} at most; the objective is 30 s" in said
    assert json.loads(as_json)["bound"] == facts


def test_the_newest_run_is_never_the_schedules(runbook: Runbook) -> None:
    with customers(runbook, backed="moto") as account:
        assert {of for of, _ in account.executions.values()} == {"heartbeat", "settle"}
        assert account.operator.runs.newest() == (None, ())


def test_a_heartbeat_that_was_stopped_is_redriven_by_itself_and_takes_no_lease(runbook: Runbook) -> None:
    """Its machine would never give one back."""
    with customers(runbook, backed="moto") as account:
        execution = next(each for each in account.executions if ":parcels-heartbeat:" in each)
        words = ["redrive", str(PARCELS), execution.rpartition(":")[2], "--yes"]
        said = CliRunner(mix_stderr=False).invoke(farshore, words, obj=account.deployment.outside)
        assert said.exit_code == 1
        assert f"redrive-execution --region {WEST} --execution-arn {execution}" in said.stderr
        assert account.operator.records().lease is None


def test_heartbeats_that_a_person_stops_and_redrives_keep_no_later_run_from_the_lease() -> None:
    words = ["explore", str(PARCELS), "--only", "failover,graceful,redriven@heartbeat-2/loss", "--json"]
    result = CliRunner(mix_stderr=False).invoke(farshore, words)
    found = json.loads(result.stdout)
    assert result.exit_code == 0, found["breaches"]
