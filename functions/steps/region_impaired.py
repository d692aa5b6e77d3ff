"""Is it really the Region: `region` is impaired, as enough independent sources say.

A source says yes, no or unknown, and unknown is not yes: an alarm that cannot be read, or that lacks data,
proves nothing. Sources must be readable with `region` and us-east-1 dark: alarms in the observer or in
`$to`, and probes of the Region's own endpoints. AWS Health is late and stands in us-east-1. Route 53's health
checkers are all over the world, but what they see is told by its control plane in us-east-1 alone (and so are
their metrics), and that "doesn't support production use-cases". So these two never decide, not even together,
and with us-east-1 dark they are unknown. A probe that fails in the other Region as well is unknown: whoever
asks may be refused everywhere. For a run that a person started, and for every graceful run, evidence is
noted, and stops nothing. Sources:
docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_DescribeAlarms.html,
docs.aws.amazon.com/health/latest/ug/health-api.html,
docs.aws.amazon.com/Route53/latest/APIReference/API_GetHealthCheckStatus.html,
docs.aws.amazon.com/Route53/latest/DeveloperGuide/dns-failover-determining-health-of-endpoints.html (18 %)
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, ClassVar
from urllib.parse import urlsplit

from ..alarms import TYPES, alarm_in, since, state_of
from ..calls import HTTP_GET, Absent, Api, Call, Sight, Silence
from ..evidence import Evidence, Quorum, Says
from ..handler import lambda_handler
from ..inputs import AlarmName, HealthCheckId, HealthService, Region, Seconds, Url
from ..planned import DOUBTS
from ..probes import judged
from ..step import Decision, Done, Step, Wait
from ..world import World

DENIED = frozenset({"AccessDenied", "AccessDeniedException"})
"""A source that we may not read says unknown: it must not stop a run that others are sure of."""

ALARMS = Api(
    "cloudwatch:DescribeAlarms",
    plane="data",
    absent=DENIED,
    why="a policy that names alarms cannot describe composite ones",
)
US_EAST_1 = "us-east-1"
HEALTH = Api(
    "health:DescribeEvents",
    plane="data",
    home=US_EAST_1,
    absent=DENIED | {"SubscriptionRequiredException"},
    why="AWS Health has no resources to name for it",
)
CHECK = Api(
    "route53:GetHealthCheckStatus",
    resource="route53:::healthcheck/{of.health_check}",
    home=US_EAST_1,
    absent=DENIED | {"NoSuchHealthCheck", "InvalidInput"},
)

WELL, ILL = "Success", "Failure"
"""With these words begins what a health checker says."""
ENOUGH = 0.18
"""A check is healthy where more than this share of its checkers says so."""
FRESH_SECONDS = 180.0
"""What a checker has not looked at for longer says nothing: they look every 10 or 30 seconds."""

STATES: dict[str, Says] = {"ALARM": "yes", "OK": "no"}


@dataclass(frozen=True, kw_only=True)
class Source(Evidence):
    """Who may say that the Region is impaired: exactly one of `alarm`, `probe`, `health`, `health_check`."""

    alarm: Annotated[AlarmName, "a CloudWatch alarm's name, metric or composite: ALARM is yes, OK is no"] = (
        AlarmName("")
    )
    at: Annotated[Region, "the Region that the alarm is in; the other kinds have none"] = Region("")
    probe: Annotated[
        Mapping[Region, Url],
        "each Region's own URL: 5xx, 403 or no answer is yes, 2xx is no; unknown is a host that does not "
        "exist, and a yes while the other Region's URL is not well either",
    ] = field(default_factory=dict)
    search_string: Annotated[
        str, "text without which an answer of 2xx is a yes, as in a health check of Route 53; a probe's"
    ] = ""
    health: Annotated[
        HealthService, "an AWS service, as Health names it (RDS): an open issue in the Region is yes"
    ] = HealthService("")
    health_check: Annotated[
        HealthCheckId,
        "a Route 53 health check of an endpoint in the Region, not inverted: yes where at most 18 % of its "
        "checkers reach that; unknown with us-east-1 dark",
    ] = HealthCheckId("")

    def __post_init__(self) -> None:
        if sum(map(bool, (self.alarm, self.probe, self.health, self.health_check))) != 1:
            raise ValueError(
                "a source is one of alarm, probe, health and health_check: write exactly one of them"
            )
        if self.alarm and not self.at:
            raise ValueError(f"alarm {self.alarm}: write `at`, the Region that it is in")
        if self.at and not self.alarm:
            raise ValueError(f"{self}: leave `at` out, it is asked from where the step runs")
        if len({url.rstrip("/") for url in self.probe.values()}) < len(self.probe):
            raise ValueError(
                f"probe {next(iter(self.probe.values()))} is asked for both Regions, and can never say yes: "
                "write each Region's own URL"
            )
        if self.search_string and not self.probe:
            raise ValueError(f"{self}: leave `search_string` out, it is a probe's")

    def __str__(self) -> str:
        if self.alarm:
            return f"alarm {self.alarm} in {self.at}"
        if self.health_check:
            return f"health check {self.health_check}"
        return "probe" if self.probe else f"AWS Health on {self.health}"

    @property
    def home(self) -> str:
        return self.at or ("" if self.probe else US_EAST_1)

    @property
    def decides(self) -> bool:
        """A run may go by it, with others like it."""
        return bool(self.alarm or self.probe)

    @property
    def chosen(self) -> bool:
        return bool(self.alarm)

    def host(self, region: str) -> str:
        return urlsplit(self.probe.get(Region(region), "")).hostname or ""

    def about(self, region: Region) -> str:
        """The source in words, about this Region."""
        return f"probe {self.probe[region]}" if self.probe else str(self)


@dataclass(frozen=True)
class Statement:
    """What a source says, and since when it has said yes (seconds since 1970)."""

    source: str
    says: Says
    why: str
    since: float
    elsewhere: str = ""
    """Of a probe: what it is answered where all should be well, if that is not well."""


@dataclass(frozen=True)
class Seen:
    statements: tuple[Statement, ...]
    advice: bool
    planned: bool
    now: float


@dataclass(frozen=True, kw_only=True)
class RegionImpaired(Step[Seen]):
    """Enough independent sources say that `region` is impaired."""

    region: Annotated[Region, "the Region in question"] = Region("$from")
    at_least: Annotated[Quorum, "how many sources must say yes"]
    of: Annotated[tuple[Source, ...], "the sources"]
    dwell: Annotated[Seconds, "how long so many must have said yes"] = Seconds(0)
    within: Annotated[Seconds, "how long the evidence may take to come together"] = Seconds(600)

    name: ClassVar = "region_impaired"
    reads: ClassVar = (ALARMS, HEALTH, CHECK, HTTP_GET)
    every: ClassVar = 10
    phase: ClassVar = "detect"
    tolerates: ClassVar = {
        ALARMS: "unknown is not yes, and other sources say it",
        HEALTH: "unknown is not yes, and other sources say it",
        CHECK: "unknown is not yes, and other sources say it",
        HTTP_GET: "a probe's silence is its answer",
    }

    def __post_init__(self) -> None:
        if not 1 <= self.at_least <= len(self.of):
            raise ValueError(
                f"at_least is {self.at_least}, of {len(self.of)} sources: write 1 to {len(self.of)}"
            )
        late = [source for source in self.of if not source.decides]
        if self.at_least <= len(late):
            who = " and ".join(
                name
                for name, kind in (("AWS Health", "health"), ("Route 53", "health_check"))
                if any(getattr(source, kind) for source in late)
            )
            raise ValueError(
                f"at_least is {self.at_least}: {who} could decide alone, write {len(late) + 1} or more"
            )
        if self.dwell > self.within:
            raise ValueError(f"dwell {self.dwell:g} s is longer than within {self.within:g} s")

    def observe(self, world: World) -> Seen:
        here = world.run.target
        questions = [self._question(source, here) for source in self.of]
        elsewhere = [place for place, source in enumerate(self.of) if here in source.probe]
        controls = [HTTP_GET(here, url=self.of[place].probe[here]) for place in elsewhere]
        sights = world.ask(*questions, *controls)
        wells = dict(zip(elsewhere, sights[len(questions) :], strict=True))
        return Seen(
            statements=tuple(
                _stated(source, source.about(self.region), sight, wells.get(place), world.since, world.now)
                for place, (source, sight) in enumerate(zip(self.of, sights, strict=False))
            ),
            advice=world.run.mode == "graceful" or world.run.trigger == "",
            planned=world.run.dry_run,
            now=world.now,
        )

    def decide(self, seen: Seen) -> Decision:
        facts = {
            says: [each.source for each in seen.statements if each.says == says]
            for says in ("yes", "no", "unknown")
        }
        if seen.planned:
            facts[DOUBTS] = [doubt for each in seen.statements for doubt in _doubts(each)]
        if seen.advice:
            return Done("evidence noted", facts)
        sure = [
            each for each in seen.statements if each.says == "yes" and seen.now - each.since >= self.dwell
        ]
        if len(sure) >= self.at_least:
            return Done("impaired", facts)
        said = "; ".join(f"{each.source}: {each.says} ({each.why})" for each in seen.statements)
        say = f"{len(sure)} of {len(self.of)} say that {self.region} is impaired"
        return Wait(
            f"{say}{f' for {self.dwell:g} s' if self.dwell else ''}, not {self.at_least}: {said}", facts
        )

    def _question(self, source: Source, here: Region) -> Call:
        if source.alarm:
            return ALARMS(source.at, AlarmNames=[source.alarm], AlarmTypes=TYPES)
        if source.probe:
            return HTTP_GET(here, url=source.probe[self.region])
        if source.health_check:
            return CHECK(US_EAST_1, HealthCheckId=source.health_check)
        wanted = {
            "regions": [self.region],
            "services": [source.health],
            "eventStatusCodes": ["open"],
            "eventTypeCategories": ["issue"],
        }
        return HEALTH(US_EAST_1, filter=wanted)


def _doubts(statement: Statement) -> Iterator[str]:
    """While all is well, only who says no is evidence when something is not."""
    if statement.says != "no":
        yield f"{statement.source} says {statement.says}: {statement.why}"
    elif statement.elsewhere:
        yield f"{statement.source} would prove nothing: {statement.elsewhere}"


def _stated(
    source: Source, name: str, sight: Sight, control: Sight | None, waiting: float, now: float
) -> Statement:
    """An answer that nobody foresaw says nothing, and stops no other source. A probe's Region is asked while
    the run waits: `waiting` is since when, as a probe has no memory."""
    try:
        if not source.probe:
            return _statement(source, name, sight, waiting, now)
        says, why, elsewhere = judged(sight, control, source.search_string)
        return Statement(name, says, why, waiting, elsewhere)
    except (KeyError, TypeError, AttributeError, IndexError, ValueError) as odd:
        return Statement(name, "unknown", f"its answer is odd: {type(odd).__name__}: {odd}", waiting)


def _checked(sight: Mapping[str, Any], now: float) -> tuple[Says, str]:
    """What Route 53's health checkers say, of those that have looked lately."""
    reports = [each["StatusReport"] for each in sight["HealthCheckObservations"]]
    fresh = [each["Status"] for each in reports if now - each["CheckedTime"].timestamp() <= FRESH_SECONDS]
    well = sum(1 for status in fresh if status.startswith(WELL))
    ill = sum(1 for status in fresh if status.startswith(ILL))
    if not well + ill:
        return "unknown", "none of its checkers says anything of late"
    says: Says = "no" if well > ENOUGH * (well + ill) else "yes"
    return says, f"{ill} of {well + ill} checkers do not reach it"


def _statement(source: Source, name: str, sight: Sight, waiting: float, now: float) -> Statement:
    """`waiting` is since when the state waits: a health check has no memory, either, and counts from then."""
    if isinstance(sight, Silence):
        return Statement(name, "unknown", sight.why, waiting)
    if isinstance(sight, Absent):
        return Statement(name, "unknown", f"it answers {sight.code}", waiting)
    if source.health_check:
        return Statement(name, *_checked(sight, now), waiting)
    if source.alarm:
        alarm = alarm_in(sight, source.alarm)
        if alarm is None:
            return Statement(name, "unknown", "no such alarm", waiting)
        state, moment = state_of(alarm), since(alarm)
        if not moment:
            return Statement(name, "unknown", f"{state} since nobody knows when", waiting)
        return Statement(name, STATES.get(state, "unknown"), state, moment)
    began = [event["startTime"].timestamp() for event in sight["events"]]
    if began:
        return Statement(name, "yes", "an open issue", min(began))
    if sight.get("nextToken"):
        return Statement(name, "unknown", "its answer is empty, and goes on", waiting)
    return Statement(name, "no", "no open issue", waiting)


handler = lambda_handler(RegionImpaired)
