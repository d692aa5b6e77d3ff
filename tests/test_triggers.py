"""What an alarm starts, in the twin: by the rule that the template ships, whose events come at least once."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from own_shop import SHOP

from farshore.runbook.load import load
from farshore.simulate.simulation import Simulation
from twin.faults import Kind, Request
from twin.services.events.model import Bus

STRANGER = "999999999999"


@pytest.fixture
def account() -> Iterator[Simulation]:
    with Simulation(load(SHOP), 1, data="memory", backed="doubles") as simulation:
        simulation.customers.come_barely()
        simulation.clock.sleep(130)
        yield simulation


def alarmed(account: Simulation) -> list[str]:
    """The executions that the runbook's first alarm starts, once its canary fails."""
    started: list[str] = []
    account.on_alarm.append(lambda execution, alarm: started.append(execution))
    region, (rule, *_) = account.runbook.regions.standby, account.alarm_rules
    account.account.canaries[region, rule.alarm].broken = True
    account.clock.wait_for(lambda: bool(started), 600)
    account.clock.sleep(30)
    return started


def deliver_twice(account: Simulation) -> None:
    """The acknowledgement of the first delivery is lost."""
    alarms = [rule.alarm for rule in account.alarm_rules]
    lost: list[Kind] = ["lost_after"]

    def line(request: Request) -> Kind | None:
        mine = request.operation == "Deliver" and request.parameters["Rule"] in alarms
        return lost.pop() if mine and lost else None

    account.cloud.faults.injectors.append(line)


def test_an_event_that_is_delivered_twice_starts_one_run_and_the_other_ends_well(account: Simulation) -> None:
    deliver_twice(account)
    first, second = alarmed(account)
    held, report = account.operator.records().lease, account.report(second)
    assert held is not None
    assert (held.holder, account.status(first)) == (first, "RUNNING")
    assert report.status == "SUCCEEDED", "neither the alarm nor the rule for failed runs pages anybody"
    assert report.needless
    (step,) = report.steps
    assert f"{first} is at work" in step.why


def test_the_other_only_looks(account: Simulation) -> None:
    deliver_twice(account)
    calls: list[tuple[str, str]] = []
    account.on_call.append(
        lambda call: calls.append((call.tick.execution, call.request.operation)) if call.tick else None
    )
    _, second = alarmed(account)
    assert {operation for execution, operation in calls if execution == second} == {
        "Query",
        "DescribeExecution",
    }


def test_what_an_alarm_starts_beside_a_persons_run_fails_and_so_pages(account: Simulation) -> None:
    """The alarm would have the run in its own mode: whether it shall be, a person says."""
    mode = next(iter({"graceful", "ungraceful"} - {rule.mode for rule in account.alarm_rules}))
    execution = account.begin("failover", {"mode": mode})
    (triggered,) = alarmed(account)
    report = account.report(triggered)
    assert (report.status, report.needless) == ("FAILED", False)
    assert f"{execution} is running and holds the lease" in report.why


# Whose alarm it is.


def heard(account: Simulation) -> dict[str, Any]:
    """The event of the runbook's first alarm, as EventBridge has it in the alarm's own Region."""
    region, (rule, *_) = account.runbook.regions.standby, account.alarm_rules
    events: list[dict[str, Any]] = []
    Bus.of(account.cloud).rule(region, "a test's", {"source": ["aws.cloudwatch"]}, events.append)
    account.account.canaries[region, rule.alarm].broken = True
    account.clock.wait_for(lambda: any(each["detail"]["state"]["value"] == "ALARM" for each in events), 600)
    return next(each for each in events if each["detail"]["state"]["value"] == "ALARM")


@pytest.mark.parametrize(
    ("of_another", "starts"),
    [({}, 1), ({"region": "ap-southeast-2"}, 0), ({"account": STRANGER}, 0)],
    ids=["its own", "another Region's", "another account's"],
)
def test_an_alarm_of_the_same_name_of_another_region_or_account_starts_nothing(
    account: Simulation, of_another: dict[str, str], starts: int
) -> None:
    """A bus is sent what the rules of other Regions and accounts send it."""
    event = heard(account)
    account.clock.sleep(60)
    started: list[str] = []
    account.on_alarm.append(lambda execution, alarm: started.append(execution))
    Bus.of(account.cloud).put(account.runbook.regions.standby, event | of_another)
    account.clock.sleep(60)
    assert len(started) == starts


def test_an_alarm_that_only_watches_in_another_region_starts_nothing(account: Simulation) -> None:
    started: list[str] = []
    account.on_alarm.append(lambda execution, alarm: started.append(execution))
    (rule, *_), observer = account.alarm_rules, account.runbook.regions.observer
    assert observer is not None
    account.account.canaries[observer, rule.alarm].broken = True
    account.clock.sleep(600)
    assert started == []
