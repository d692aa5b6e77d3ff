"""Where customers go: Global Accelerator's dials lead them to the Region `to`, and away from the other one.

A dial of 0 is no fence: where no group that is dialled up is healthy, customers go to the nearest that is,
whatever its dial. So the target is healthy and dialled up first, and the other one down after it; and what
stands behind the old one must refuse writes by itself, which connections that stand need as well. Only the
dial is sent, since a list of endpoints would replace what is there. What both dials were is kept when
customers are led away from a Region, and `restore` gives it back when they are led there again.

The control plane lives in us-west-2 alone. Where that is silent for longer than `patience`, nothing can be
set, and the accelerator moves by health alone. Then an ungraceful run is done by what is seen: every `probe`
is answered from `to`, and the other Region's own URL is answered well no more. It is asked because a probe
from `to` is nearest to `to`, and proves nothing of customers elsewhere. The dials are owed then, and turned
on schedule once the control plane answers: until then customers may return with the other Region, so its
fences matter. A graceful run waits, and is refused in the end.

With `stages` a graceful run dials up step by step, and waits for `bake` at each while the alarms stay quiet:
one that is not OK, or says nothing, is not quiet. Where one fires, what was dialled is dialled back, and then
the run is Refused; one that fires before any dial was turned is waited for. Sources:
docs.aws.amazon.com/global-accelerator/latest/dg/about-endpoint-groups-traffic-dial.html,
docs.aws.amazon.com/global-accelerator/latest/dg/about-endpoints-endpoint-weights.unhealthy-endpoints.html,
docs.aws.amazon.com/global-accelerator/latest/api/API_UpdateEndpointGroup.html
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, ClassVar, Literal

from ..alarms import TYPES, alarm_in, state_of
from ..calls import HTTP_GET, Api, Call, Sight, Silence
from ..errors import Refused
from ..fence import NOTES, PATIENCE, UNKNOWN, patient
from ..handler import lambda_handler
from ..inputs import AcceleratorArn, AlarmName, EndpointGroupArn, Patience, Region, Seconds, Url
from ..ledger import Drop, Keep, Note, Owe, Pay, number
from ..probes import is_well, lead_to, probes_of
from ..step import Change, Decision, Done, Step, Wait
from ..world import World

HOME = "us-west-2"
ACCELERATOR = Api("globalaccelerator:DescribeAccelerator", resource="{accelerator}", home=HOME)
GROUP = Api("globalaccelerator:DescribeEndpointGroup", resource="{endpoint_groups}", home=HOME)
UPDATE = Api("globalaccelerator:UpdateEndpointGroup", resource="{endpoint_groups}", home=HOME)
ALARMS = Api(
    "cloudwatch:DescribeAlarms",
    plane="data",
    why="a policy that names alarms cannot describe composite ones",
)
BY_HEALTH = "with its control plane dark the accelerator moves by health, and probes see whether it has"

DEPLOYED = "DEPLOYED"
NOT_ASKED = Silence("not asked: what the dials are decides")
Dials = Mapping[Region, float]


@dataclass(frozen=True)
class Seen:
    dials: Mapping[Region, float | Silence]
    healthy: Mapping[Region, bool]
    """An endpoint of its group is."""
    status: str | Silence
    probes: tuple[Sight, ...]
    direct: Sight
    """The answer of the other Region's own URL."""
    alarms: Mapping[str, str]
    """By their names, what each says, in CloudWatch's words or ours."""
    home: Mapping[str, Any]
    """What is kept of `to`: both dials, as customers were last led away from there."""
    left: Mapping[str, Any]
    """The same of the other Region."""
    mark: Mapping[str, Any]
    """The stage that this state has come to, if any: its dial, since when, the dials that it began with, and
    the alarm that fired."""
    marked: str
    """The ledger's name of that."""
    keeps_mark: bool
    """This run has one there, be it from before it was paused or redriven: of that only the dials that it
    began with still count, and none where it has ended in an alarm."""
    execution: str
    graceful: bool
    late: bool
    """A control plane that is silent has been so for longer than patience."""
    settling: bool
    """Only what is owed is to be done."""
    owed: frozenset[str]
    """What is owed, by its names in the ledger."""
    planned: bool
    """Only what would be changed is asked for: all of it."""
    now: float


@dataclass(frozen=True, kw_only=True)
class AcceleratorDials(Step[Seen]):
    """Global Accelerator leads customers to `to`, and no longer to the other Region."""

    accelerator: Annotated[AcceleratorArn, "the accelerator's ARN"]
    endpoint_groups: Annotated[Mapping[Region, EndpointGroupArn], "each Region's endpoint group"]
    to: Annotated[Region, "where customers shall go"] = Region("$to")
    dial: Annotated[
        int | Literal["restore"],
        "the percentage there, and 0 in the other Region; `restore`: what both were before customers were "
        "led away from there, where that is known, else 100",
    ] = 100
    probe: Annotated[Url, "the accelerator's URL, whose answer names the Region that gives it"]
    direct: Annotated[Mapping[Region, Url], "each Region's own URL, past the accelerator"]
    stages: Annotated[tuple[int, ...], "percentages to dial up through, in a graceful run"] = ()
    bake: Annotated[Seconds, "how long at each stage"] = Seconds(300)
    alarms: Annotated[Mapping[Region, AlarmName], "by Region, the alarm that must stay quiet"] = field(
        default_factory=dict
    )
    patience: Annotated[Patience, "how long a silent control plane is waited for"] = PATIENCE

    name: ClassVar = "accelerator_dials"
    reads: ClassVar = (ACCELERATOR, GROUP, HTTP_GET, ALARMS)
    writes: ClassVar = (UPDATE,)
    notes: ClassVar = NOTES
    every: ClassVar = 10
    asks: ClassVar = 3
    tolerates: ClassVar = {
        ACCELERATOR: BY_HEALTH,
        GROUP: BY_HEALTH,
        UPDATE: BY_HEALTH,
        HTTP_GET: "the silence of the Region that is left is its answer",
        ALARMS: "only a graceful run has stages",
    }
    point_of_no_return: ClassVar = True
    owes: ClassVar = True
    phase: ClassVar = "traffic"
    leads_to: ClassVar = "to"

    def __post_init__(self) -> None:
        patient(self.patience, self.within)
        if isinstance(self.dial, int) and not 1 <= self.dial <= 100:
            raise ValueError(f"dial {self.dial} leads nobody anywhere: write 1 to 100, or restore")
        groups, listener = self.endpoint_groups.values(), f"{self.accelerator}/listener/"
        if strays := [arn for arn in groups if not arn.startswith(listener)]:
            raise ValueError(f"{strays[0]} is not of {self.accelerator}: write groups of one accelerator")
        if strays := [arn for arn in groups if _listener(arn) != _listener(next(iter(groups)))]:
            raise ValueError(f"{strays[0]} is of another listener: write groups of one listener")
        urls = [self.probe, *self.direct.values()]
        if twice := [url for url in urls if urls.count(url) > 1]:
            raise ValueError(f"{twice[0]} stands twice: write the accelerator's URL, and each Region's own")
        if list(self.stages) != sorted({stage for stage in self.stages if 1 <= stage <= 100}):
            raise ValueError(f"stages {list(self.stages)}: write rising percentages, from 1 to 100")
        if self.stages and not self.alarms:
            raise ValueError("stages without alarms watch nothing: write alarms, or leave stages out")
        if self.stages and isinstance(self.dial, int) and self.stages[-1] > self.dial:
            raise ValueError(f"stages {list(self.stages)} rise above the dial {self.dial}: write lower ones")
        if self.stages and not self.bake:
            raise ValueError(
                "bake 0 s leaves no time in which an alarm could fire: write how long it watches"
            )
        if self.within <= (least := len(self.stages) * self.bake):
            raise ValueError(f"within {self.within:g} s is no longer than the stages bake ({least:g} s)")

    @property
    def _left(self) -> Region:
        return next((region for region in self.endpoint_groups if region != self.to), self.to)

    def _name(self, left: Region) -> str:
        """The ledger's name of what the dials were before customers were led away from there."""
        return f"dials:{self.accelerator.rpartition('/')[2]}:{left}"

    def observe(self, world: World) -> Seen:
        run, records = world.run, world.records
        watched = self.alarms if self.stages and run.mode == "graceful" else {}
        calls = [
            *(GROUP(HOME, EndpointGroupArn=arn) for arn in self.endpoint_groups.values()),
            ACCELERATOR(HOME, AcceleratorArn=self.accelerator),
            *_asking(watched),
        ]
        sights = iter(world.ask(*calls))
        groups = {region: next(sights) for region in self.endpoint_groups}
        dials, status = {region: _dial(sight) for region, sight in groups.items()}, _status(next(sights))
        marked = f"stage:{run.state}"
        mark = records.kept.get(marked, {})
        ours = mark.get("execution") == run.execution
        mine = ours and number(mark.get("at")) >= world.since
        begun = {"start": mark["start"]} if ours and not mark.get("alarm") and mark.get("start") else {}
        alarms = _said(watched, list(sights))
        fire = {region: name for region, name in watched.items() if alarms[_named(region, name)] == "ALARM"}
        if mine and fire:  # the answer may be from before the dials were turned, when one was waited for
            alarms |= _said(fire, world.ask(*_asking(fire)))
        direct, probes = self._probed(world, dials, status)
        return Seen(
            dials=dials,
            healthy={region: _is_healthy(sight) for region, sight in groups.items()},
            status=status,
            probes=probes,
            direct=direct,
            alarms=alarms,
            home=records.kept.get(self._name(self.to), {}),
            left=records.kept.get(self._name(self._left), {}),
            mark=mark if mine else begun,
            marked=marked,
            keeps_mark=ours,
            execution=run.execution,
            graceful=run.mode == "graceful",
            late=world.waited > self.patience,
            settling=run.purpose == "settle",
            owed=frozenset(records.debts),
            planned=run.dry_run,
            now=world.now,
        )

    def _probed(
        self, world: World, dials: Mapping[Region, float | Silence], status: str | Silence
    ) -> tuple[Sight, tuple[Sight, ...]]:
        """What the other Region's own URL and the probes are answered, where they decide: where
        nobody can say what the dials are, and where each edge has dials that lead away from there. And in a
        dry run, so that a URL that nobody answers is found in peace."""
        silent = any(isinstance(each, Silence) for each in (*dials.values(), status))
        if not (silent or world.run.dry_run) and (status != DEPLOYED or dials[self._left] != 0):
            return NOT_ASKED, ()
        here = world.run.target
        direct, *probes = world.ask(HTTP_GET(here, url=self.direct[self._left]), *probes_of(self.probe, here))
        return direct, tuple(probes)

    def decide(self, seen: Seen) -> Decision:
        if seen.settling and self._debt(self.to) not in seen.owed:
            return Done("nothing owed")
        dials = {region: dial for region, dial in seen.dials.items() if not isinstance(dial, Silence)}
        silent = [each.why for each in (*seen.dials.values(), seen.status) if isinstance(each, Silence)]
        if seen.mark.get("alarm"):
            return self._back(seen, dials, silent)
        if silent:
            return self._by_health(seen, silent[0])
        wanted = self._wanted(seen)
        if seen.planned and (to_come := self._to_come(seen, dials, wanted)):
            told = ", then ".join(f"{region} to {dial:g} %" for region, dial in to_come)
            told += "; and back, where an alarm fires meanwhile" if seen.alarms else ""
            back = [region for region in (self._left, self.to) if seen.alarms and region in dict(to_come)]
            turned = [*to_come, *((region, dials[region]) for region in back)]
            return Change(f"dial {told}", tuple(self._dialled(*each) for each in turned))
        if not seen.healthy[self.to]:
            return Wait(f"no endpoint of {self.to} is healthy: dialled up it would lead customers elsewhere")
        if dials != wanted or seen.status != DEPLOYED:
            if fired := [name for name, says in seen.alarms.items() if says == "ALARM"]:
                return self._fired(seen, dials, fired[0])
            if not seen.mark and (loud := _loud(seen.alarms)):
                return Wait(f"no dial is turned before all is quiet: {loud}")
            if due := self._due(seen, dials, wanted):
                return due
            return Wait(f"the accelerator is {seen.status}: not every edge has its dials yet")
        if wanted[self._left] == 0 and not lead_to(seen.probes, self.to, self._left):
            return Wait(f"{self.probe} is not answered from {self.to} alone yet")
        if notes := (*self._settled(seen), *self._paid(seen)):
            return Change(f"note that customers are led to {self.to}", (), notes)
        return Done(facts={"dials": dials})

    def _wanted(self, seen: Seen) -> dict[Region, float]:
        kept: Mapping[Region, float] = seen.home.get("dials", {})
        if self.dial == "restore" and kept.keys() == self.endpoint_groups.keys() and kept[self.to] > 0:
            return dict(kept)
        return {self.to: 100 if self.dial == "restore" else self.dial, self._left: 0}

    def _by_health(self, seen: Seen, why: str) -> Decision:
        """Nobody can say what the dials are: customers go where health leads them."""
        if seen.settling and seen.late:
            raise Refused(f"the dials that lead customers to {self.to} are owed: {why}")
        if seen.graceful or seen.settling or not seen.late:
            return Wait(why)
        if not lead_to(seen.probes, self.to, self._left):
            return Wait(f"{why}; and {self.probe} is not answered from {self.to} alone")
        if is_well(seen.direct):
            return Wait(f"{why}; and {self.direct[self._left]} is answered well: customers may be led there")
        if self._debt(self.to) not in seen.owed:
            owe = Owe(self._debt(self.to), why, seen.now, seen.execution)
            return Change(f"owe the dials that lead customers to {self.to}", (), (owe,))
        return Done(UNKNOWN, {"dials": UNKNOWN, "led_by": "health"})

    def _to_come(self, seen: Seen, dials: Dials, wanted: Dials) -> list[tuple[Region, float]]:
        """The target up, in stages perhaps; and only then the other one."""
        at, aim = dials[self.to], wanted[self.to]
        stages = [float(stage) for stage in self.stages if at < stage < aim] if seen.graceful else []
        up = [(self.to, dial) for dial in (*stages, aim) if dial != at]
        down = [(self._left, wanted[self._left])] if dials[self._left] != wanted[self._left] else []
        return up + down

    def _due(self, seen: Seen, dials: Dials, wanted: Dials) -> Decision | None:
        """The next of what is to come, once the stage before it has baked."""
        to_come, staged = self._to_come(seen, dials, wanted), self.stages and seen.graceful
        if not to_come:
            return None
        baking = staged and dials[self.to] in self.stages and dials[self.to] < wanted[self.to]
        if baking and (held := self._baking(seen, dials)) is not None:
            return held
        region, dial = to_come[0]
        notes = [*self._before(seen, dials), *self._begun(seen, dials), *self._void(seen)]
        return Change(f"dial {region} to {dial:g} %", (self._dialled(region, dial),), tuple(notes))

    def _baking(self, seen: Seen, dials: Dials) -> Decision | None:
        """None once the stage has baked while the alarms were quiet."""
        at = dials[self.to]
        if seen.status != DEPLOYED:
            return Wait(f"{at:g} % in {self.to}: not every edge has that yet")
        if seen.mark.get("dial") != at:
            note = Keep(seen.marked, {**self._marked(seen, dials), "dial": at})
            return Change(f"note that {self.to} bakes at {at:g} %", (), (note,))
        left = number(seen.mark["at"]) + self.bake - seen.now
        if left > 0:
            return Wait(f"{at:g} % in {self.to}: bakes for {left:.0f} s more")
        if loud := _loud(seen.alarms):
            return Wait(f"{at:g} % in {self.to}, and not quiet: {loud}")
        return None

    def _debt(self, to: Region) -> str:
        """The ledger's name of dials that are owed."""
        return f"globalaccelerator:{to}:{self.accelerator.rpartition('/')[2]}:dials"

    def _void(self, seen: Seen) -> tuple[Note, ...]:
        """That customers were to be led to the other Region is not wanted any more."""
        debt = self._debt(self._left)
        return (Pay(debt),) if debt in seen.owed else ()

    def _paid(self, seen: Seen) -> tuple[Note, ...]:
        mine = self._debt(self.to)
        return (*self._void(seen), *((Pay(mine),) if mine in seen.owed else ()))

    def _before(self, seen: Seen, dials: Dials) -> Iterator[Note]:
        """What both dials are as customers are led away from the other Region; not what a run before this one
        has made of them on its way."""
        if not seen.left or seen.left.get("returned"):
            body = {"dials": dict(dials), "returned": False}
            yield Keep(self._name(self._left), body, once=not seen.left)

    def _begun(self, seen: Seen, dials: Dials) -> Iterator[Note]:
        if self.stages and seen.graceful and not seen.mark:
            yield Keep(seen.marked, self._marked(seen, dials))

    def _marked(self, seen: Seen, dials: Dials) -> dict[str, Any]:
        start = seen.mark.get("start", dict(dials))
        return {"execution": seen.execution, "at": seen.now, "start": start}

    def _fired(self, seen: Seen, dials: Dials, alarm: str) -> Decision:
        if dials == seen.mark.get("start", dials):
            return Wait(f"alarm {alarm} fires: no dial is turned before it is quiet")
        note = Keep(seen.marked, {**self._marked(seen, dials), "dial": dials[self.to], "alarm": alarm})
        return Change(f"note that alarm {alarm} fires at {dials[self.to]:g} % in {self.to}", (), (note,))

    def _back(self, seen: Seen, dials: Dials, silent: list[str]) -> Decision:
        """What was dialled is dialled back, the other Region first."""
        start: Mapping[Region, float] = seen.mark["start"]
        for region in (self._left, self.to):
            if region in dials and dials[region] != start[region]:
                call = self._dialled(region, start[region])
                return Change(f"dial {region} back to {start[region]:g} %", (call,))
        if silent or seen.status != DEPLOYED:
            return Wait(f"dialled back: {silent[0] if silent else 'not every edge has that yet'}")
        at, alarm = seen.mark.get("dial", 0), seen.mark["alarm"]
        raise Refused(f"alarm {alarm} fired at {at:g} % in {self.to}: dialled back; mend that, and redrive")

    def _settled(self, seen: Seen) -> tuple[Note, ...]:
        """Customers are led here: what was kept is overwritten when they next leave."""
        home = [Keep(self._name(self.to), {**seen.home, "returned": True})] * bool(
            seen.home and not seen.home.get("returned")
        )
        return (*home, *([Drop(seen.marked)] if seen.keeps_mark else []))

    def _dialled(self, region: Region, dial: float) -> Call:
        return UPDATE(HOME, EndpointGroupArn=self.endpoint_groups[region], TrafficDialPercentage=float(dial))


def _listener(group: str) -> str:
    return group.partition("/endpoint-group/")[0]


def _dial(sight: Sight) -> float | Silence:
    if not isinstance(sight, Mapping):
        return sight if isinstance(sight, Silence) else Silence(sight.code)
    dial = sight.get("EndpointGroup", {}).get("TrafficDialPercentage")
    if not isinstance(dial, int | float) or not 0 <= dial <= 100:
        return Silence("Global Accelerator did not tell a dial")
    return float(dial)


def _is_healthy(sight: Sight) -> bool:
    """INITIAL is not yet; of an endpoint of weight 0 nobody gets any."""
    group = sight.get("EndpointGroup", {}) if isinstance(sight, Mapping) else {}
    return any(
        each.get("HealthState") == "HEALTHY" and each.get("Weight", 0) > 0
        for each in group.get("EndpointDescriptions", ())
    )


def _status(sight: Sight) -> str | Silence:
    if not isinstance(sight, Mapping):
        return sight if isinstance(sight, Silence) else Silence(sight.code)
    status = sight.get("Accelerator", {}).get("Status")
    return str(status) if status else Silence("Global Accelerator did not tell its status")


def _asking(alarms: Mapping[Region, AlarmName]) -> list[Call]:
    return [ALARMS(region, AlarmNames=[name], AlarmTypes=TYPES) for region, name in alarms.items()]


def _named(region: Region, name: AlarmName) -> str:
    return f"{name} in {region}"


def _said(alarms: Mapping[Region, AlarmName], sights: Sequence[Sight]) -> dict[str, str]:
    """What each says, in the order in which they were asked."""
    each = zip(alarms.items(), sights, strict=True)
    return {_named(region, name): _says(name, sight) for (region, name), sight in each}


def _says(name: AlarmName, sight: Sight) -> str:
    """What CloudWatch says of an alarm, or why it says nothing."""
    if not isinstance(sight, Mapping):
        return sight.why if isinstance(sight, Silence) else sight.code
    alarm = alarm_in(sight, name)
    return "nothing: there is no such alarm" if alarm is None else state_of(alarm)


def _loud(alarms: Mapping[str, str]) -> str:
    """The alarms that are not OK, or say nothing, with what they say."""
    return "; ".join(f"{name} says {says}" for name, says in alarms.items() if says != "OK")


handler = lambda_handler(AcceleratorDials)
