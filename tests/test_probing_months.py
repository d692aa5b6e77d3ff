"""Months of a prober's looks, and the alarm on them, judged and evaluated as the prober and CloudWatch do.

Of a month only the minutes in which something happens are looked at: in all others everything is well. What
happens is made up, and more of it than most applications meet.
"""

from __future__ import annotations

import math
import random
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterator, Sequence

import pytest

from farshore.compile.probing import LOOK_SECONDS, PERIOD_SECONDS, PERIODS
from functions.calls import CONNECT_SECONDS, READ_SECONDS, Sight, Silence
from functions.prober import VALUES
from functions.probes import judged
from twin.services.cloudwatch.alarms import FURTHER_BACK, MetricAlarm, Missing

MONTH = 30 * 86_400.0
MINUTE = 60.0
Span = tuple[float, float]
Answer = tuple[Sight, float]
"""With how many seconds it took."""

WELL: Sight = {"status": 200, "body": b"well"}
ILL: Sight = {"status": 503, "body": b""}
LATE, NOBODY = Silence("no answer in time"), Silence("no connection")
WAYS_TO_BE_GONE: dict[str, Answer] = {
    "dark": (NOBODY, CONNECT_SECONDS),
    "mute": (LATE, READ_SECONDS),
    "worse than mute": (LATE, CONNECT_SECONDS + READ_SECONDS),
    "503": (ILL, 0.1),
}


class Month:
    """What one prober meets."""

    def __init__(
        self, seed: int, outage: Span = (0.0, 0.0), gone: Answer = (NOBODY, CONNECT_SECONDS)
    ) -> None:
        self.dice = dice = random.Random(seed)
        self.outage, self.gone = outage, gone

        def spans(count: int, least: float, most: float) -> list[Span]:
            begun = sorted(dice.uniform(0, MONTH) for _ in range(count))
            return [(at, at + dice.uniform(least, most)) for at in begun]

        self.blips = spans(800, 0, LOOK_SECONDS)
        """One look that is not answered well."""
        self.deployments, self.elsewhere = spans(60, 10, 15), spans(60, 10, 15)
        """All answers are 503; in the primary, and in the other Region."""
        self.slow = spans(40, MINUTE, MINUTE)
        """Answers take some four seconds: one in three is too late."""
        self.own = spans(20, MINUTE, MINUTE)
        """The prober reaches hardly anybody, wherever."""
        self.gaps = spans(10, MINUTE, 5 * MINUTE)
        """It does not look at all."""
        self.phase = dice.uniform(0, LOOK_SECONDS)
        self.evaluated = dice.uniform(1, 5)
        """So long after a period has ended the alarm is evaluated."""

    def look(self, at: float) -> tuple[float, float] | None:
        """When it ends, and what becomes of it in the metric; None where it is lost."""
        if self.dice.random() < 1 / 500 or within(self.gaps, at):
            return None
        mine, mine_took = self._primary(at)
        other, other_took = self._other(at)
        says, _, _ = judged(mine, other, "")
        return at + max(mine_took, other_took), VALUES[says]

    def _primary(self, at: float) -> Answer:
        if within([self.outage], at):
            return self.gone
        if within(self.own, at) and self.dice.random() < 0.9:
            return NOBODY, CONNECT_SECONDS
        if within(self.deployments, at) or within(self.blips, at):
            return ILL, 0.1
        if within(self.slow, at):
            took = math.exp(self.dice.gauss(math.log(4), 0.5))
            return (WELL, took) if took < READ_SECONDS else (LATE, READ_SECONDS)
        return WELL, 0.1

    def _other(self, at: float) -> Answer:
        if within(self.own, at) and self.dice.random() < 0.9:
            return NOBODY, CONNECT_SECONDS
        return (ILL if within(self.elsewhere, at) else WELL), 0.1

    def eventful(self) -> list[int]:
        """Minutes in which something happens, or has just happened."""
        spans = [*self.blips, *self.deployments, *self.slow, *self.own, *self.gaps, self.outage]
        around = (
            minute
            for start, end in spans
            for minute in range(int(start // MINUTE) - 1, int((end + MINUTE) // MINUTE) + 1)
        )
        return sorted(set(around))

    def alarms(self, periods: int = PERIODS, missing: Missing = "notBreaching") -> Iterator[float]:
        """When the alarm turns red."""
        samples: defaultdict[int, list[tuple[float, float]]] = defaultdict(list)
        minutes = self.eventful()
        for minute in minutes:
            for look in range(round(MINUTE / LOOK_SECONDS)):
                if seen := self.look(minute * MINUTE + look * LOOK_SECONDS + self.phase):
                    ended, value = seen
                    arrives = ended + self.dice.uniform(1, 5)  # as the twin's embedded metrics
                    samples[int(ended // PERIOD_SECONDS)].append((arrives, value))
        alarm = MetricAlarm(
            "",
            "",
            threshold=VALUES["yes"],
            comparison="GreaterThanOrEqualToThreshold",
            period=PERIOD_SECONDS,
            evaluation_periods=periods,
            datapoints_to_alarm=periods,
            treat_missing=missing,
            statistic="Minimum",
        )
        eventful = set(minutes)
        for minute in minutes:
            for part in range(1, round(MINUTE / PERIOD_SECONDS) + 1):
                end = round(minute * MINUTE / PERIOD_SECONDS) + part
                now = end * PERIOD_SECONDS + self.evaluated
                points: list[float | None] = []
                for each in range(end - periods - FURTHER_BACK, end):
                    values = [value for arrives, value in samples[each] if arrives <= now]
                    quiet = 0.0 if int(each * PERIOD_SECONDS // MINUTE) not in eventful else None
                    points.append(min(values) if values else quiet)
                state = alarm.judge(points) or alarm.state
                if state == "ALARM" and alarm.state != "ALARM":
                    yield now
                alarm.state = state


def within(spans: Sequence[Span], at: float) -> bool:
    """Whether it is in the one that began last before."""
    place = bisect_right(spans, (at, math.inf))
    return place > 0 and at < spans[place - 1][1]


@pytest.mark.parametrize("seed", range(6))
def test_a_month_in_which_nothing_worse_happens_has_no_false_alarm(seed: int) -> None:
    assert list(Month(seed).alarms()) == []


@pytest.mark.parametrize("way", WAYS_TO_BE_GONE)
def test_every_outage_is_seen_in_less_than_45_seconds(way: str) -> None:
    took = []
    for seed in range(30):
        began = random.Random(seed).uniform(MINUTE, MONTH)
        month = Month(seed, (began, began + 10 * MINUTE), WAYS_TO_BE_GONE[way])
        for spans in (month.blips, month.deployments, month.slow, month.own, month.gaps):
            spans[:] = [span for span in spans if abs(span[0] - began) < MINUTE]
        seen = next((at for at in month.alarms() if at >= began), math.inf)
        took.append(seen + 1.0 - began)  # the rule's delivery
    assert max(took) < 45, sorted(took)[-3:]


def test_fewer_periods_would_not_do() -> None:
    assert sum(1 for _ in Month(0).alarms(periods=1)) > 5


def test_one_bad_look_before_a_prober_dies_is_no_alarm_as_missing_data_would_make_it() -> None:
    month = Month(0)
    for spans in (month.blips, month.deployments, month.slow, month.own):
        spans.clear()
    month.blips, month.gaps = [(3600.0, 3609.0)], [(3609.0, 3900.0)]
    assert list(month.alarms()) == []
    assert len(list(month.alarms(missing="missing"))) == 1
