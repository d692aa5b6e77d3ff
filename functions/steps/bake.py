"""A run goes on only when these alarms have been quiet for a while.

An alarm is quiet while CloudWatch says OK of it. INSUFFICIENT_DATA, an alarm that is not there, one that
could not be evaluated, and silence are not quiet: they are waited for. The time counts from when the state
was entered, and anew from when an alarm changed to OK, so that one which fired between two looks is not
missed. What fires after the state was entered is Refused at once; what has fired since before, as an alarm on
what customers feel does in a failover, has until `within` to become quiet. CloudWatch evaluates an alarm once
a minute, so a look every half a minute sees each of its states. Alarms on DynamoDB's metrics ignore missing
data, and so stay OK when their metric stops. Sources:
docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_MetricAlarm.html (EvaluationState),
docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_DescribeAlarms.html,
docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarms-and-missing-data.html
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, ClassVar

from ..alarms import TYPES, alarm_in, since, state_of
from ..calls import Api, Call, Sight, Silence
from ..errors import Refused
from ..handler import lambda_handler
from ..inputs import AlarmName, Region, Seconds
from ..planned import DOUBTS
from ..step import Decision, Done, Step, Wait
from ..world import World

ALARMS = Api(
    "cloudwatch:DescribeAlarms",
    plane="data",
    why="a policy that names alarms cannot describe composite ones",
)
ON_A_PAGE = 50
"""So many alarms are told of in one answer."""
EVALUATED = 60
"""Seconds: how often CloudWatch evaluates an alarm."""


@dataclass(frozen=True)
class Alarm:
    """One alarm that shall be quiet."""

    alarm: Annotated[AlarmName, "a CloudWatch alarm's name, metric or composite"]
    at: Annotated[Region, "the Region that it is in"]

    def __str__(self) -> str:
        return f"alarm {self.alarm} in {self.at}"


@dataclass(frozen=True)
class Told:
    """What is known of an alarm."""

    alarm: Alarm
    state: str
    """As CloudWatch says it, OK or ALARM; anything else is why it is not known."""
    since: float
    """Since when it is in that state, in seconds since 1970; 0 where that is not known."""


@dataclass(frozen=True)
class Seen:
    told: tuple[Told, ...]
    entered: float
    now: float
    planned: bool


@dataclass(frozen=True, kw_only=True)
class Bake(Step[Seen]):
    """These alarms have been quiet for `quiet_for` since the state was entered."""

    alarms: Annotated[tuple[Alarm, ...], "the alarms that shall be quiet"]
    quiet_for: Annotated[Seconds, "how long all of them must have been quiet"]

    name: ClassVar = "bake"
    reads: ClassVar = (ALARMS,)
    every: ClassVar = 30

    def __post_init__(self) -> None:
        if not self.quiet_for:
            raise ValueError(
                "quiet_for 0 s leaves no time in which an alarm could fire: write how long it watches"
            )
        if self.within < (least := self.quiet_for + 2 * EVALUATED):
            raise ValueError(
                f"within {self.within:g} s leaves no time to look after {self.quiet_for:g} s of quiet: "
                f"write {least:g}s or more"
            )

    def observe(self, world: World) -> Seen:
        asked = list(self._pages())
        sights = world.ask(*(call for call, _ in asked))
        told = [
            _told(alarm, sight) for (_, alarms), sight in zip(asked, sights, strict=True) for alarm in alarms
        ]
        return Seen(tuple(told), world.since, world.now, world.run.dry_run)

    def decide(self, seen: Seen) -> Decision:
        loud = [each for each in seen.told if each.state != "OK"]
        if seen.planned:
            doubts = {DOUBTS: [_said(each) for each in loud]} if loud else {}
            return Wait(f"{len(self.alarms)} alarms are to be quiet for {self.quiet_for:g} s", doubts)
        if fired := [each for each in loud if each.state == "ALARM" and each.since > seen.entered]:
            raise Refused("; ".join(map(_said, fired)))
        if loud:
            return Wait(f"not quiet: {'; '.join(map(_said, loud))}")
        quiet = seen.now - max(seen.entered, *(each.since for each in seen.told))
        if quiet < self.quiet_for:
            return Wait(f"all alarms have been quiet for {quiet:.0f} s of {self.quiet_for:g} s")
        return Done(facts={"quiet_seconds": round(quiet)})

    def _pages(self) -> Iterator[tuple[Call, tuple[Alarm, ...]]]:
        """Of each Region as few calls as tell of all its alarms."""
        for region in dict.fromkeys(each.at for each in self.alarms):
            here = [each for each in self.alarms if each.at == region]
            for first in range(0, len(here), ON_A_PAGE):
                page = tuple(here[first : first + ON_A_PAGE])
                yield ALARMS(region, AlarmNames=[each.alarm for each in page], AlarmTypes=TYPES), page


def _told(alarm: Alarm, sight: Sight) -> Told:
    if not isinstance(sight, Mapping):
        return Told(alarm, sight.why if isinstance(sight, Silence) else sight.code, 0.0)
    mine = alarm_in(sight, alarm.alarm)
    if mine is None:
        whole = "MetricAlarms" in sight and "NextToken" not in sight
        return Told(alarm, "there is no such alarm" if whole else "the answer does not tell of it", 0.0)
    state, began = state_of(mine), since(mine)
    if state == "OK" and not began:
        return Told(alarm, "OK since nobody knows when", 0.0)
    return Told(alarm, state, began if state == mine.get("StateValue") else 0.0)


def _said(told: Told) -> str:
    if not told.since:
        return f"{told.alarm}: {told.state}"
    since = datetime.fromtimestamp(told.since, tz=UTC).isoformat(timespec="seconds")
    return f"{told.alarm}: {told.state} since {since}"


handler = lambda_handler(Bake)
