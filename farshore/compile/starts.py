"""What starts a machine besides people: an alarm's rule, or a schedule, each with its constant input.

Said once: the template ships it (machine_resources.py), and the twin's EventBridge has it from here, too.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from functions.run import BEAT_SECONDS, Mode, Purpose

from ..runbook.model import Runbook
from .machine import Machine

Json = dict[str, Any]

ALARMS_START = "failover"
"""The procedure that alarms start."""
UNGRACEFUL: Mapping[str, Any] = {"mode": "ungraceful"}
"""The input of a run that nobody is asked about."""
SETTLE_MINUTES = 1
"""How often debts are tried again."""
BEAT_MINUTES = round(BEAT_SECONDS / 60)
LOOK_MINUTES = 360
"""How often what is ready is looked at: each look asks AWS what a whole plan does."""
OWED = "Owed fences are tried again until they are paid. Where none is owed, it looks once and ends."
LOOKS = "What would keep a failover from beginning is paged by day, not found at night."
BEATS = "The newest heartbeat that survives a failover bounds what was lost."


@dataclass(frozen=True)
class AlarmRule:
    """An alarm starts the machine."""

    alarm: str
    region: str
    """Of the alarm, and of the rule."""
    given: Mapping[str, Any]
    """The run's input."""

    @property
    def mode(self) -> Mode:
        """Of the run."""
        mode: Mode = self.given["mode"]
        return mode

    def pattern(self, account: Any) -> Json:
        """Of EventBridge's events. A bus may be sent what other Regions and accounts say: an alarm of this
        name there is another.
        Source: docs.aws.amazon.com/eventbridge/latest/userguide/eb-cross-account.html"""
        return {
            "source": ["aws.cloudwatch"],
            "detail-type": ["CloudWatch Alarm State Change"],
            "account": [account],
            "region": [self.region],
            "detail": {"alarmName": [self.alarm], "state": {"value": ["ALARM"]}},
        }


@dataclass(frozen=True)
class Schedule:
    """The machine is started again and again."""

    minutes: int
    given: Mapping[str, Any]
    """The run's input."""
    why: str


SCHEDULES: Mapping[Purpose, Schedule] = {
    "settle": Schedule(SETTLE_MINUTES, UNGRACEFUL, OWED),
    "beat": Schedule(BEAT_MINUTES, UNGRACEFUL, BEATS),
    "look": Schedule(LOOK_MINUTES, {"mode": "graceful"}, LOOKS),
}
"""By the purpose of the machine that is started."""


def alarm_rules(runbook: Runbook, machine: Machine) -> tuple[AlarmRule, ...]:
    """The rules that start the machine, in the order of the runbook's triggers."""
    if machine.procedure != ALARMS_START:
        return ()
    return tuple(
        AlarmRule(trigger.alarm, machine.region, {"mode": trigger.mode, "trigger": trigger.alarm})
        for trigger in runbook.triggers
    )


def schedule_of(machine: Machine) -> Schedule | None:
    """None where only people and alarms start it."""
    return SCHEDULES.get(machine.purpose)
