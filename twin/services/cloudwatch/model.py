"""CloudWatch: metrics, and alarms that are evaluated on the twin's clock.

moto stores alarms and never evaluates them. Here every Region keeps its own metrics and judges its own
alarms; a dark Region takes no samples, judges nothing and answers nobody. A change of state is an event
on the Region's own bus. Source:
docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch-and-eventbridge.html
"""

from __future__ import annotations

import functools
import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from botocore.utils import parse_to_aware_datetime

from ...cloud import Answer, AwsError, Cloud, Operation, stamp
from ...faults import Request
from ...service import APART, Service, magnitude, register
from ..events.model import Bus
from .alarms import FURTHER_BACK, STATISTICS, Alarm, CompositeAlarm, MetricAlarm, Missing, State, holds
from .embedded import samples_of

USUAL_SECONDS = 120.0
"""Within so long, there is a new sample of each metric."""
LONG_SECONDS = 600.0
"""Whoever asks what a metric is now asks for less."""
ALARM_TYPES = ("MetricAlarm", "CompositeAlarm")


@dataclass
class Series:
    """One metric's samples, oldest first."""

    times: list[float] = field(default_factory=list)
    values: list[float] = field(default_factory=list)
    usual: float = 0.0
    """Values up to this one are all alike."""

    def newest(self, now: float) -> tuple[int, int]:
        """Whether samples come as usual (0), have stopped of late, or long ago; and by how much the newest is
        above the usual, in powers of a thousand: a sample is never quite like the one before."""
        age = now - self.times[-1]
        return (age > USUAL_SECONDS) + (age > LONG_SECONDS), _thousands(self.values[-1] - self.usual)

    def between(self, start: float, end: float) -> list[float]:
        return self.values[bisect_left(self.times, start) : bisect_left(self.times, end)]


class Metrics(Service):
    """Every Region's metrics and alarms."""

    service: ClassVar = "cloudwatch"
    not_state: ClassVar = {"cloud": APART, "bus": APART}

    def __init__(self, cloud: Cloud, bus: Bus | None = None) -> None:
        super().__init__(cloud)
        self.bus = bus
        self._series: dict[tuple[str, str, str, frozenset[tuple[str, str]]], Series] = {}
        self._alarms: dict[tuple[str, str], Alarm] = {}
        self._dropped: dict[tuple[str, str], Alarm] = {}

    def operations(self) -> Mapping[str, Operation]:
        return {"GetMetricData": self._get_metric_data, "DescribeAlarms": self._describe_alarms}

    def state(self) -> object:
        now = self.cloud.clock.now
        series = [each.newest(now) for each in self._series.values()]
        return series, [alarm.state for alarm in self._alarms.values()], sorted(self._dropped)

    def put(
        self,
        region: str,
        namespace: str,
        name: str,
        dimensions: Mapping[str, str],
        value: float,
        usual: float = 0.0,
        at: float | None = None,
    ) -> None:
        """One sample: of now, or of an instant that has passed. Nobody takes it where the Region is dark.
        Values up to `usual` are all alike to whoever tells one state of the twin from another."""
        if self._dark(region):
            return
        key = region, namespace, name, frozenset(dimensions.items())
        series = self._series.setdefault(key, Series(usual=usual))
        when = self.cloud.clock.now if at is None else at
        place = bisect_right(series.times, when)
        series.times.insert(place, when)
        series.values.insert(place, value)

    def embedded(self, region: str, line: str) -> None:
        """A line of a log of the Region: what is embedded in it becomes samples of now, in a while."""
        now = self.cloud.clock.now
        for namespace, name, dimensions, value in samples_of(line):
            put = functools.partial(self.put, region, namespace, name, dimensions, value, at=now)
            self.cloud.clock.after(self.cloud.latency.draw("cloudwatch_embedded_metric"), put)

    def alarm(
        self,
        region: str,
        name: str,
        namespace: str,
        metric: str,
        dimensions: Mapping[str, str],
        threshold: float,
        comparison: str,
        period: int = 60,
        evaluation_periods: int = 1,
        datapoints_to_alarm: int | None = None,
        treat_missing: Missing = "missing",
        statistic: str = "Average",
    ) -> None:
        """An alarm on one metric, judged every minute (every period, where that is shorter)."""
        alarm = MetricAlarm(
            region=region,
            name=name,
            since=self.cloud.clock.now,
            namespace=namespace,
            metric=metric,
            dimensions=dict(dimensions),
            threshold=threshold,
            comparison=comparison,
            period=period,
            evaluation_periods=evaluation_periods,
            datapoints_to_alarm=datapoints_to_alarm or evaluation_periods,
            treat_missing=treat_missing,
            statistic=statistic,
        )
        self._add(alarm)
        pace, clock = min(period, 60), self.cloud.clock

        def begin() -> None:
            self._evaluate(alarm)
            clock.every(pace, lambda: self._evaluate(alarm))

        clock.at(
            _floor(clock.now, pace) + pace + self.cloud.latency.draw("cloudwatch_alarm_evaluation"), begin
        )

    def composite(self, region: str, name: str, rule: str) -> None:
        """An alarm on alarms of the same Region; raises ValueError where AWS would refuse the rule."""
        holds(rule, lambda other: self._state(region, other))
        alarm = CompositeAlarm(region, name, rule=rule, since=self.cloud.clock.now)
        self._add(alarm)
        self.cloud.clock.after(0, lambda: self._evaluate_composite(alarm))

    def has_alarm(self, region: str, name: str) -> bool:
        return (region, name) in self._alarms

    def drop(self, region: str, name: str) -> None:
        """Somebody deletes the alarm."""
        self._dropped[region, name] = self._alarms.pop((region, name))

    def put_back(self, region: str, name: str) -> None:
        """Somebody creates the deleted alarm again."""
        alarm = self._dropped.pop((region, name))
        alarm.state = "INSUFFICIENT_DATA"
        self._add(alarm)

    def states(self) -> dict[tuple[str, str], State]:
        """Of every alarm, by its Region and name."""
        return {where: alarm.state for where, alarm in self._alarms.items()}

    def _add(self, alarm: Alarm) -> None:
        register(self._alarms, (alarm.region, alarm.name), lambda: alarm)

    def _state(self, region: str, name: str) -> State:
        alarm = self._alarms.get((region, name.rpartition(":alarm:")[2]))
        if alarm is None:
            raise ValueError(f"no alarm {name} in {region}")
        return alarm.state

    def _evaluate(self, alarm: MetricAlarm) -> None:
        if self._dark(alarm.region) or self._alarms.get((alarm.region, alarm.name)) is not alarm:
            return
        key = (alarm.region, alarm.namespace, alarm.metric, frozenset(alarm.dimensions.items()))
        series = self._series.get(key, Series())
        # Standard alarms look at whole minutes, whatever their period: the window slides with the minute.
        end = _floor(self.cloud.clock.now, min(alarm.period, 60))
        points: list[float | None] = []
        for back in range(alarm.evaluation_periods + FURTHER_BACK, 0, -1):
            start = end - back * alarm.period
            values = series.between(start, start + alarm.period)
            points.append(STATISTICS[alarm.statistic](values) if values else None)
        state = alarm.judge(points)
        if state is not None:
            shown = ", ".join("-" if point is None else f"{point:g}" for point in points)
            self._become(
                alarm, state, f"{alarm.metric} was [{shown}]; {alarm.comparison} {alarm.threshold:g}"
            )

    def _evaluate_composite(self, alarm: CompositeAlarm) -> None:
        if self._dark(alarm.region):
            return
        state: State = "ALARM" if holds(alarm.rule, lambda name: self._state(alarm.region, name)) else "OK"
        self._become(alarm, state, f"{alarm.rule} is {'TRUE' if state == 'ALARM' else 'FALSE'}")

    def _become(self, alarm: Alarm, state: State, reason: str) -> None:
        if state == alarm.state:
            return
        before = alarm.shown()
        alarm.state, alarm.reason, alarm.since = state, reason, self.cloud.clock.now
        if self.bus is not None:
            detail = {
                "alarmName": alarm.name,
                "configuration": alarm.configuration(),
                "previousState": before,
                "state": alarm.shown(),
            }
            what = "CloudWatch Alarm State Change"
            self.bus.emit(alarm.region, "aws.cloudwatch", what, detail, (alarm.arn,))
        for other in list(self._alarms.values()):
            if isinstance(other, CompositeAlarm) and other.region == alarm.region and other is not alarm:
                self._evaluate_composite(other)

    def _dark(self, region: str) -> bool:
        return self.cloud.faults.is_dark(region, "cloudwatch")

    def _describe_alarms(self, request: Request) -> Answer:
        asked = _only(request, "AlarmNames", "AlarmTypes")
        names, types = asked.get("AlarmNames", []), asked.get("AlarmTypes", ["MetricAlarm"])
        if len(names) > 100 or not set(types) <= set(ALARM_TYPES):
            raise AwsError("ValidationError", f"at most 100 names, and types of {ALARM_TYPES}")
        found = [
            alarm for (region, name), alarm in self._alarms.items()
            if region == request.region and (not names or name in names)
        ]  # fmt: skip
        # Composite alarms are shown only where their type is asked for.
        return {
            f"{kind.__name__}s": [
                a.description() for a in found if isinstance(a, kind) and kind.__name__ in types
            ]
            for kind in (MetricAlarm, CompositeAlarm)
        }

    def _get_metric_data(self, request: Request) -> Answer:
        asked = _only(request, "MetricDataQueries", "StartTime", "EndTime", "ScanBy")
        start, end = (_instant(asked[name]) for name in ("StartTime", "EndTime"))
        queries, order = asked["MetricDataQueries"], asked.get("ScanBy", "TimestampDescending")
        ids = [query["Id"] for query in queries]
        if start >= end:
            raise AwsError(
                "ValidationError", "The parameter StartTime must be less than the parameter EndTime."
            )
        if len(queries) > 500 or len(set(ids)) < len(ids) or not all(re.match(r"[a-z]\w*$", i) for i in ids):
            raise AwsError("ValidationError", "at most 500 queries, each with an id of its own like q1")
        if order not in ("TimestampDescending", "TimestampAscending"):
            raise AwsError("ValidationError", f"no order {order}")
        results = []
        for query in queries:
            if not set(query) <= {"Id", "Label", "MetricStat"} or len(query["MetricStat"]) > 3:
                raise NotImplementedError(
                    f"the twin knows Metric, Period and Stat of a MetricStat, not {query}"
                )
            samples = list(self._samples(request.region, query, start, end))
            if order == "TimestampDescending":
                samples.reverse()
            results.append(
                {
                    "Id": query["Id"],
                    "Label": query.get("Label", query["MetricStat"]["Metric"]["MetricName"]),
                    "Timestamps": [stamp(when) for when, _ in samples],
                    "Values": [value for _, value in samples],
                    "StatusCode": "Complete",
                }
            )
        return {"MetricDataResults": results, "Messages": []}

    def _samples(
        self, region: str, query: Mapping[str, Any], start: float, end: float
    ) -> Iterator[tuple[float, float]]:
        """Each period that has data, oldest first: when it begins, and the statistic over it."""
        stat, metric = query["MetricStat"], query["MetricStat"]["Metric"]
        period, name = stat["Period"], stat["Stat"]
        if period not in (1, 5, 10, 20, 30) and (period % 60 or period <= 0):
            raise AwsError("ValidationError", f"Period {period}: 1, 5, 10, 20, 30 or a multiple of 60")
        if name not in STATISTICS:
            raise AwsError("ValidationError", f"Stat {name}: the twin knows {', '.join(STATISTICS)}")
        pairs = frozenset((pair["Name"], pair["Value"]) for pair in metric.get("Dimensions", []))
        series = self._series.get(
            (region, metric.get("Namespace", ""), metric.get("MetricName", ""), pairs), Series()
        )
        first, last = bisect_left(series.times, _floor(start, period)), bisect_left(series.times, end)
        begins = sorted({_floor(when, period) for when in series.times[first:last]})
        for begin in begins:
            yield begin, STATISTICS[name](series.between(begin, begin + period))


def _thousands(value: float) -> int:
    return (magnitude(value) + 9) // 10


def _floor(instant: float, seconds: float) -> float:
    return instant // seconds * seconds


def _instant(given: Any) -> float:
    """Of a time as boto3 takes it, in whole microseconds. Seconds need no parsing."""
    if isinstance(given, float):
        return stamp(given).timestamp()
    return float(parse_to_aware_datetime(given).timestamp())


def _only(request: Request, *known: str) -> Mapping[str, Any]:
    """The parameters, where the twin knows them all."""
    if not set(request.parameters) <= set(known):
        raise NotImplementedError(f"the twin's {request.operation} knows only {known}")
    return request.parameters
