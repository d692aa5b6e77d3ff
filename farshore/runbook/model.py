"""What a runbook is: one application's Regions, objectives, and four procedures, each a list of steps."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Annotated, Any

from functions.assume import Assume
from functions.inputs import (
    AlarmName,
    ApplicationName,
    AwsRegion,
    BucketName,
    ProbeName,
    Seconds,
    TableName,
    Url,
)
from functions.run import Mode

from .registry import COMPILED, Input, StepType

PROCEDURES: Mapping[str, str] = MappingProxyType(
    {
        "prepare": "what must be true before a disaster; at its end, whether a failover could begin now",
        "failover": "the steps that move the application from $from to $to",
        "failback": "left out, it is failover with the Regions swapped",
        "outage": "the game day: the steps that break the primary Region on purpose",
    }
)
BEFORE_APPROVAL = Input(
    "before_approval",
    bool,
    "put the fence up before a person has spoken; ungraceful runs only",
    required=False,
)
ASSUME = Input(
    "assume",
    Assume,
    "the role, in the account that has what the line names, as which the step's calls are made",
    required=False,
)


@dataclass(frozen=True)
class Common:
    """An input that is the runbook's, not the step's."""

    input: Input
    stands: Callable[[StepType], bool]
    otherwise: str
    """Why another step does not take it, to be read after its name."""


COMMON = (
    Common(BEFORE_APPROVAL, lambda kind: kind.fences, "is for fences, and {} takes nothing from customers"),
    Common(
        ASSUME,
        lambda kind: kind.may_assume(),
        "is for steps that ask AWS of what an application has, and {} does not",
    ),
)


def common(kind: StepType) -> list[Input]:
    """Those that a step takes besides its own."""
    return [each.input for each in COMMON if each.stands(kind)]


COOLDOWN = Seconds(3600)


@dataclass(frozen=True)
class Regions:
    """Where the application runs, and a third Region that watches."""

    primary: Annotated[AwsRegion, "where the application serves while all is well"]
    standby: Annotated[AwsRegion, "where failover takes it; machines and triggers live here"]
    observer: Annotated[AwsRegion | None, "a third Region from which both can be seen"] = None


@dataclass(frozen=True)
class Objectives:
    """What was promised, in seconds."""

    rto: Annotated[Seconds, "how long customers may be without service"]
    rpo: Annotated[Seconds, "how much of the newest data may be lost"]


@dataclass(frozen=True)
class Trigger:
    """An alarm that starts a failover, which asks a person first. Its rule is in the standby."""

    alarm: Annotated[AlarmName, "name of the alarm, in the standby Region"]
    mode: Annotated[Mode, "what the run may lose"]
    cooldown: Annotated[Seconds, "how long after a run's end the alarm may start no other"] = COOLDOWN
    line: int = field(default=0, metadata=COMPILED)


@dataclass(frozen=True)
class Probe:
    """A front door of the application that each Region has of its own: the prober asks all of them."""

    url: Annotated[
        Mapping[AwsRegion, Url],
        "each Region's own URL: 5xx, 403 or no answer says that it is impaired, while the other Region's is "
        "answered well",
    ]
    search_string: Annotated[str, "text without which an answer of 2xx is none"] = ""
    name: ProbeName = field(default=ProbeName(""), metadata=COMPILED)
    line: int = field(default=0, metadata=COMPILED)


@dataclass(frozen=True)
class Sweep:
    """A table that is compared as a whole, by a machine of its own."""

    table: Annotated[TableName, "the global table"]
    bucket: Annotated[BucketName, "where what is found is kept: a bucket in the standby"]
    rate: Annotated[int, "read capacity units a second that it may consume in each Region, on average"] = 1000
    segments: Annotated[int, "of the table; 0 for as many as its size suggests"] = 0
    lag: Annotated[Seconds, "how long what differs has to become the same"] = Seconds(30)
    line: int = field(default=0, metadata=COMPILED)


@dataclass(frozen=True)
class LedgerTable:
    """The global table of strong consistency that runs remember in."""

    table: Annotated[TableName, "name of the table"] = TableName("farshore-ledger")
    regions: Annotated[
        tuple[AwsRegion, AwsRegion, AwsRegion], "its three replicas, in Regions that one such table can span"
    ] = (AwsRegion("us-east-1"), AwsRegion("us-east-2"), AwsRegion("us-west-2"))


LEDGER = LedgerTable()


@dataclass(frozen=True)
class Head:
    """What a runbook says besides its procedures."""

    application: Annotated[
        ApplicationName, "the application's name: small letters, digits and hyphens, at most 40"
    ]
    regions: Annotated[Regions, "the two Regions of the application, and an observer"]
    objectives: Annotated[Objectives, "what was promised to customers"]
    triggers: Annotated[tuple[Trigger, ...], "alarms that start a failover, which asks a person first"] = ()
    probes: Annotated[
        Mapping[ProbeName, Probe],
        "front doors that are asked every two seconds, from the standby and the observer: each has an alarm "
        "there, APPLICATION-NAME-REGION, for `triggers` and as evidence",
    ] = field(default_factory=dict)
    ledger: Annotated[LedgerTable, "where runs remember, and hold the lease"] = LEDGER
    sweep: Annotated[
        tuple[Sweep, ...], "tables that are compared as a whole, each by a machine of its own"
    ] = ()


@dataclass(frozen=True)
class Line:
    """One step of a procedure, with its inputs as written: Regions still symbolic, durations in seconds."""

    step: str
    inputs: Mapping[str, Any]
    line: int
    before_approval: bool = False
    """A fence that an ungraceful run puts up before a person has spoken."""
    assume: Mapping[str, Any] | None = None
    """The role that its calls are made as, as written (functions/assume.py)."""


@dataclass(frozen=True)
class Together:
    """Steps that are carried out side by side."""

    branches: tuple[Line, ...]
    line: int


Procedure = tuple[Line | Together, ...]


@dataclass(frozen=True)
class Runbook:
    path: str
    application: str
    regions: Regions
    objectives: Objectives
    triggers: tuple[Trigger, ...]
    probes: tuple[Probe, ...]
    ledger: LedgerTable
    sweeps: tuple[Sweep, ...]
    procedures: Mapping[str, Procedure]
    """Those that are written: failover always, failback only where it is written out."""
    lines: Mapping[str, int]
    """The line of each top-level key."""

    def entries(self, procedure: str) -> Procedure:
        """Its own, or those of the failover that it is derived from."""
        return self.procedures.get(procedure) or self.procedures["failover"]

    def direction(self, procedure: str) -> tuple[str, str]:
        """`$from` and `$to` of a procedure: only a failback leads home."""
        there = self.regions.primary, self.regions.standby
        return there[::-1] if procedure == "failback" else there


def lines(procedure: Procedure) -> Iterator[Line]:
    """Every step of a procedure, those that stand together included."""
    for item in procedure:
        yield from item.branches if isinstance(item, Together) else (item,)
