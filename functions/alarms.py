"""What CloudWatch says of an alarm, as DescribeAlarms answers. Not a step itself.

An alarm that could not be evaluated keeps its state, so its OK says nothing. Sources:
docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_MetricAlarm.html (EvaluationState),
docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_DescribeAlarms.html
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from .inputs import AlarmName

TYPES = ["MetricAlarm", "CompositeAlarm"]
"""Without AlarmTypes, AWS keeps silent about composite alarms."""


def alarm_in(answer: Mapping[str, Any], name: AlarmName) -> Mapping[str, Any] | None:
    """The alarm of this name; None where the answer tells of none, or of others alone."""
    shown = (*answer.get("MetricAlarms", ()), *answer.get("CompositeAlarms", ()))
    return next((each for each in shown if each.get("AlarmName") == name), None)


def state_of(alarm: Mapping[str, Any]) -> str:
    """OK or ALARM; anything else is why it is not known."""
    state, evaluation = str(alarm.get("StateValue", "its state is missing")), alarm.get("EvaluationState")
    return f"{state}, but {evaluation}" if state == "OK" and evaluation else state


def since(alarm: Mapping[str, Any]) -> float:
    """When it came into its state, in seconds since 1970; 0 where AWS does not say."""
    moment = alarm.get("StateTransitionedTimestamp", alarm.get("StateUpdatedTimestamp"))
    return moment.timestamp() if isinstance(moment, datetime) else 0.0
