"""CloudWatch's alarms: how M out of N, missing data and composite rules make a state.

Sources:
docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarm-evaluation.html,
docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarms-and-missing-data.html,
docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutCompositeAlarm.html
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

from ...cloud import ACCOUNT, stamp
from ...service import WIRING

State = Literal["OK", "ALARM", "INSUFFICIENT_DATA"]
Missing = Literal["missing", "notBreaching", "breaching", "ignore"]

STATISTICS: Mapping[str, Callable[[Sequence[float]], float]] = {
    "Maximum": max,
    "Minimum": min,
    "Sum": sum,
    "Average": lambda values: sum(values) / len(values),
    "SampleCount": len,
}
COMPARISONS: Mapping[str, Callable[[float, float], bool]] = {
    "GreaterThanThreshold": operator.gt,
    "GreaterThanOrEqualToThreshold": operator.ge,
    "LessThanThreshold": operator.lt,
    "LessThanOrEqualToThreshold": operator.le,
}
MISSING: tuple[Missing, ...] = ("missing", "notBreaching", "breaching", "ignore")
FURTHER_BACK = 2
"""Periods beyond N that an evaluation may reach back for real data: 5 for N = 3 in AWS's examples; it gives
no rule for others."""
DAY_SECONDS = 86_400


@dataclass
class Alarm:
    """A name with a state; since when, and why."""

    not_state: ClassVar = {
        "reason": "words about the state",
        "since": "what has been is past",
        **dict.fromkeys(("region", "name", "namespace", "metric", "dimensions", "threshold"), WIRING),
        **dict.fromkeys(("comparison", "period", "evaluation_periods", "datapoints_to_alarm"), WIRING),
        **dict.fromkeys(("treat_missing", "statistic", "rule"), WIRING),
    }

    region: str
    name: str
    state: State = "INSUFFICIENT_DATA"
    reason: str = "Unchecked: Initial alarm creation"
    since: float = 0.0

    @property
    def arn(self) -> str:
        return f"arn:aws:cloudwatch:{self.region}:{ACCOUNT}:alarm:{self.name}"

    def shown(self) -> dict[str, str]:
        """The state, as an event shows it."""
        when = stamp(self.since).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "+0000"
        return {"value": self.state, "reason": self.reason, "timestamp": when}

    def configuration(self) -> dict[str, Any]:
        """As an event shows it."""
        raise NotImplementedError

    def description(self) -> dict[str, Any]:
        """As DescribeAlarms shows it."""
        when = stamp(self.since)
        return {
            "AlarmName": self.name,
            "AlarmArn": self.arn,
            "ActionsEnabled": True,
            "StateValue": self.state,
            "StateReason": self.reason,
            "StateUpdatedTimestamp": when,
            "StateTransitionedTimestamp": when,
        }


@dataclass
class MetricAlarm(Alarm):
    """ALARM where at least M of N periods' statistics are beyond the threshold."""

    namespace: str = ""
    metric: str = ""
    dimensions: Mapping[str, str] = field(default_factory=dict)
    threshold: float = 0.0
    comparison: str = "GreaterThanThreshold"
    period: int = 60
    evaluation_periods: int = 1
    datapoints_to_alarm: int = 1
    treat_missing: Missing = "missing"
    statistic: str = "Average"

    def __post_init__(self) -> None:
        assert self.comparison in COMPARISONS, f"{self.name}: no comparison {self.comparison}"
        assert self.statistic in STATISTICS, f"{self.name}: no statistic {self.statistic}"
        assert self.treat_missing in MISSING, f"{self.name}: no treatment {self.treat_missing}"
        assert 1 <= self.datapoints_to_alarm <= self.evaluation_periods, f"{self.name}: M is 1 to N"
        assert self.period in (10, 20, 30) or self.period % 60 == 0 < self.period, f"{self.name}: period"
        assert self.period * self.evaluation_periods <= DAY_SECONDS, (
            f"{self.name}: N periods are at most a day"
        )

    def judge(self, points: Sequence[float | None]) -> State | None:
        """The state that the newest N + 2 periods call for, oldest first; None is to stay as it is."""
        real = [COMPARISONS[self.comparison](point, self.threshold) for point in points if point is not None]
        real = real[-self.evaluation_periods :]
        breaching = sum(real)
        if self.treat_missing == "breaching":
            breaching += self.evaluation_periods - len(real)
        if breaching >= self.datapoints_to_alarm:
            return "ALARM"
        if False in real or self.treat_missing in ("breaching", "notBreaching"):
            return "OK"
        if self.treat_missing == "ignore":
            return None
        # No good sample in the whole range, and too few bad ones: one old enough will do.
        oldest = next((len(points) - at for at, point in enumerate(points) if point is not None), 0)
        return "ALARM" if oldest >= self.datapoints_to_alarm else "INSUFFICIENT_DATA"

    def configuration(self) -> dict[str, Any]:
        metric = {"namespace": self.namespace, "name": self.metric, "dimensions": dict(self.dimensions)}
        stat = {"metric": metric, "period": self.period, "stat": self.statistic}
        return {"metrics": [{"id": "m1", "metricStat": stat, "returnData": True}]}

    def description(self) -> dict[str, Any]:
        return super().description() | {
            "Namespace": self.namespace,
            "MetricName": self.metric,
            "Dimensions": [{"Name": name, "Value": value} for name, value in self.dimensions.items()],
            "Statistic": self.statistic,
            "Period": self.period,
            "EvaluationPeriods": self.evaluation_periods,
            "DatapointsToAlarm": self.datapoints_to_alarm,
            "Threshold": self.threshold,
            "ComparisonOperator": self.comparison,
            "TreatMissingData": self.treat_missing,
        }


@dataclass
class CompositeAlarm(Alarm):
    """ALARM where its rule over other alarms of the Region holds."""

    rule: str = ""

    def configuration(self) -> dict[str, Any]:
        return {"alarmRule": self.rule}

    def description(self) -> dict[str, Any]:
        return super().description() | {"AlarmRule": self.rule}


WORD = re.compile(
    r"""\s*(?:(ALARM|OK|INSUFFICIENT_DATA)\s*\(\s*("[^"]+"|[^\s")]+)\s*\)|(TRUE|FALSE|AND|OR|NOT|\(|\)))\s*"""
)


def holds(rule: str, state_of: Callable[[str], State]) -> bool:
    """Whether a composite alarm's rule holds: NOT binds tighter than AND, and AND than OR."""
    if re.fullmatch(f"(?:{WORD.pattern})+", rule) is None:
        raise ValueError(f"not an alarm rule: {rule}")
    words: list[str] = []
    for state, name, other in WORD.findall(rule):
        words.append(other or str(state_of(name.strip('"')) == state).upper())
    answer = _either(words)
    if words:
        raise ValueError(f"not an alarm rule: {rule}")
    return answer


def _either(words: list[str]) -> bool:
    answer = _both(words)
    while words and words[0] == "OR":
        words.pop(0)
        answer = _both(words) or answer
    return answer


def _both(words: list[str]) -> bool:
    answer = _one(words)
    while words and words[0] == "AND":
        words.pop(0)
        answer = _one(words) and answer
    return answer


def _one(words: list[str]) -> bool:
    word = words.pop(0) if words else "its end"
    if word == "NOT":
        return not _one(words)
    if word == "(":
        answer = _either(words)
        if not words or words.pop(0) != ")":
            raise ValueError("not an alarm rule: a bracket is not closed")
        return answer
    if word not in ("TRUE", "FALSE"):
        raise ValueError(f"not an alarm rule: {word} where an alarm should be")
    return word == "TRUE"
