"""What a runbook's probes become: a machine by which they are looked at every two seconds, and alarms.

Said once: the template ships it (probing_resources.py), the linter knows it, and the twin has it from here.

The machine is an express one, started each minute, whose branches wait for their second and then invoke the
prober: no schedule is shorter than a minute, and no function of ours sleeps. What a look takes delays no
other, and a look that fails takes none with it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from functions.run import machine_name

from ..runbook.model import Probe, Runbook
from ..runbook.regions import partitions
from .states import function_of

Json = dict[str, Any]

PROCEDURE = "probes"
"""What the machine is called after the application, as those of runs are after their procedures."""
FUNCTION = "prober"
"""What its function is called, as those of steps are after the steps."""
SCHEDULE_SECONDS = 60
"""The machine is started so often: EventBridge has no shorter rate.
Source: docs.aws.amazon.com/eventbridge/latest/userguide/eb-create-rule-schedule.html"""
LOOK_SECONDS = 2
LONGEST_LOOK_SECONDS = 20
"""Of the prober's function; its requests give up sooner."""

PERIOD_SECONDS = 10
"""Of an alarm: no shorter one is evaluated more often.
Source: docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarm-evaluation.html"""
PERIODS = 2
"""So many in a row in which no look has seen anything better than an impaired Region: M is N. Measured over
months of deployments, slow minutes and lost probes (tests/test_probing_months.py)."""
UNSEEN_PERIOD_SECONDS, UNSEEN_PERIODS = 60, 5
"""For so long no look has found it well, or nobody has looked: somebody is paged."""


@dataclass(frozen=True)
class ProbeAlarm:
    """What a probe's alarm is about: a Region, in the Regions that it is watched from."""

    application: str
    probe: Probe
    watched: str
    regions: tuple[str, ...]
    """Where there is one."""

    @property
    def name(self) -> str:
        return f"{self.application}-{self.probe.name}-{self.watched}"

    @property
    def unseen(self) -> str:
        """The name of the alarm that says that nobody has found the Region well of late."""
        return f"{self.name}-unseen"

    @property
    def dimensions(self) -> dict[str, str]:
        return {"application": self.application, "probe": self.probe.name, "region": self.watched}


def lookers(runbook: Runbook) -> tuple[str, ...]:
    """The Regions that the prober is in: those that are there when the primary is not."""
    regions = runbook.regions
    return tuple(filter(None, (regions.standby, regions.observer))) if runbook.probes else ()


def alarms(runbook: Runbook) -> tuple[ProbeAlarm, ...]:
    """Of each probe, one for each Region of the application that somebody else looks at."""
    watched = (runbook.regions.primary, runbook.regions.standby)
    every = [
        ProbeAlarm(runbook.application, probe, of, tuple(each for each in lookers(runbook) if each != of))
        for probe in runbook.probes
        for of in watched
    ]
    return tuple(alarm for alarm in every if alarm.regions)


def standing(runbook: Runbook) -> dict[str, tuple[str, ...]]:
    """The Regions of each alarm that compile makes, by its name."""
    return {alarm.name: alarm.regions for alarm in alarms(runbook)}


def machine(runbook: Runbook) -> str:
    """The machine's name."""
    return machine_name(runbook.application, PROCEDURE)


def definition(runbook: Runbook) -> Json:
    """The machine, in Amazon States Language: the same in all its Regions."""
    asked: list[Json] = [
        {"name": probe.name, "url": {**probe.url}, "search_string": probe.search_string}
        for probe in runbook.probes
    ]
    resource = f"arn:{partitions()[runbook.regions.standby]}:states:::lambda:invoke"
    return {
        "Comment": f"{runbook.application}: its front doors, every {LOOK_SECONDS} s. "
        "Compiled: edit the runbook instead.",
        "StartAt": "what is asked",
        "States": {
            "what is asked": {
                "Type": "Pass",
                "Parameters": {"application": runbook.application, "probes": asked},
                "Next": "looks",
            },
            "looks": {
                "Type": "Parallel",
                "Branches": [
                    _branch(second, resource) for second in range(0, SCHEDULE_SECONDS, LOOK_SECONDS)
                ],
                "ResultPath": None,
                "End": True,
            },
        },
    }


def _branch(second: int, resource: str) -> Json:
    """One look, in that second of the minute."""
    look, wait, lost = f"look at {second} s", f"until {second} s", f"no look at {second} s"
    waiting = {wait: {"Type": "Wait", "Seconds": second, "Next": look}} if second else {}
    payload = {
        "application.$": "$.application",
        "probes.$": "$.probes",
        "execution.$": "$$.Execution.Id",
    }
    task = {
        "Type": "Task",
        "Resource": resource,
        "Parameters": {"FunctionName": function_of(FUNCTION), "Payload": payload},
        "ResultPath": None,
        "TimeoutSeconds": LONGEST_LOOK_SECONDS + 5,
        "Catch": [{"ErrorEquals": ["States.ALL"], "ResultPath": None, "Next": lost}],
        "End": True,
    }
    states = {**waiting, look: task, lost: {"Type": "Pass", "End": True}}
    return {"StartAt": next(iter(states)), "States": states}


def texts(runbook: Runbook) -> Iterator[tuple[int, str, Any]]:
    """What of it becomes part of the template or the definition: line, owner, value."""
    for probe in runbook.probes:
        yield probe.line, "probes", {probe.name: [probe.url, probe.search_string]}
