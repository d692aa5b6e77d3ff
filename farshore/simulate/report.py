"""What a rehearsal says: moments as they come, scenes for whoever watches, and the report at the end."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from functions.calls import LONGEST_TICK_SECONDS
from twin.clock import EPOCH

from ..checkers.checker import Breach
from ..checkers.checkers import registry
from ..compile.starts import SETTLE_MINUTES
from ..operate.history import RunReport
from ..operate.run_tree import RunTree

EXPOSURE_BOUND = SETTLE_MINUTES * 60.0 + LONGEST_TICK_SECONDS + 60.0
"""For how long a returned Region may take stale writes: one period of that schedule, the quiet time where the
run before ended without releasing its lease, and the settling run."""


DARK = "dark"
"""How a place is away where nobody answers. There are other ways: what it does with every call."""
PlugKind = Literal["region", "between", "thing", "service"]
"""A whole Region, something between the Regions, one thing of a Region, or a service of it."""


@dataclass(frozen=True)
class Moment:
    """Something worth saying, at `at` seconds since the beginning."""

    at: float
    kind: str
    text: str


@dataclass(frozen=True)
class Row:
    """A dataset, an entry or a route, in one Region."""

    name: str
    serves: bool
    if_so: str
    """What is said of it where it serves, as "writer"."""
    if_not: str
    lag: float | None = None
    """How old the oldest write is that a dataset's Region has not got yet, in seconds; None of what is no
    dataset."""
    newest: Written | None = None
    """The last acknowledged write that a dataset's Region has; None of what is no dataset, or where there is
    none."""

    @property
    def says(self) -> str:
        """In words, as every drawing has them."""
        behind = f"; not here yet: a write of {self.lag:.1f} s ago" if self.lag else ""
        return (self.if_so if self.serves else self.if_not) + behind


@dataclass(frozen=True)
class RegionScene:
    """How one Region stands."""

    away: str
    """How it is away as a whole, as "dark"; "" where it is not."""
    has_customers: bool
    """Visits have gone well there in the last half minute; where they have nowhere, any route is to lead
    customers there."""
    writes: int
    """Acknowledged there in the last half minute."""
    done: int
    failed: int
    """Visits of the last half minute that went there."""
    latency: float | None
    """Seconds that such a visit took which went well, in the middle; None where none did."""
    rows: Sequence[Row]

    @property
    def dark(self) -> bool:
        return self.away == DARK


@dataclass(frozen=True)
class Fared:
    """How customers fared in the few seconds before `at`, in visits."""

    at: float
    done: int
    failed: int
    latency: float | None = None
    """Seconds that a visit took which went well, in the middle; None where none did."""


@dataclass(frozen=True)
class Written:
    """A write that customers were acknowledged."""

    at: float
    name: str
    region: str


@dataclass(frozen=True)
class PlanStep:
    """What one step of a plan would do."""

    name: str
    outcome: str
    says: Sequence[str]
    """Why, or what is due: a sentence each, the equal ones said once."""
    doubts: Sequence[str]
    """What it could not read, said alike."""
    calls: Sequence[tuple[str, str]]
    """Each call that it would make, with its parameters."""
    edge: bool
    """With it data or traffic moves: the point of no return is before it."""


@dataclass(frozen=True)
class PlanScene:
    """A plan that waits for a person."""

    hash: str
    mode: str
    steps: Sequence[PlanStep]
    at_stake: Sequence[Sequence[str]]
    """What a decision costs, in rows of three texts, as `farshore status` prints them."""
    deciding: str = ""
    """The decision that is on its way to the ledger."""


@dataclass(frozen=True)
class PlugScene:
    """What whoever leads a rehearsal can take away, and give back."""

    name: str
    kind: PlugKind
    region: str
    what: str
    verb: str
    how: str
    """What it is while it is pulled, in a sentence: "dark"; "" while it is not."""
    since: float | None = None
    """When the person pulled it."""


@dataclass(frozen=True)
class Hands:
    """What whoever leads a rehearsal can do now."""

    plugs: Sequence[PlugScene]
    hows: Sequence[tuple[str, str]]
    """How a Region or service may be away, each with what that means, the usual one first."""
    procedures: Sequence[str]
    """Those that can be started."""
    modes: Sequence[str]


@dataclass(frozen=True)
class Scene:
    """How everything stands at an instant, for whoever watches."""

    at: float
    doing: str
    """What the game day waits for."""
    regions: Mapping[str, RegionScene]
    run: RunTree | None
    """None before the first."""
    done: int
    failed: int
    """Visits of the last half minute."""
    fared: Sequence[Fared] = ()
    """The last of it, oldest first."""
    written: Sequence[Written] = ()
    """The last writes, newest first."""
    said: Sequence[Moment] = ()
    """The last moments, newest first."""
    plan: PlanScene | None = None
    """None where no plan waits."""
    outage: float | None = None
    """When customers began to be without service; None while each of them gets what they want."""
    at_risk: int = 0
    """Acknowledged writes, at most, that some Region has not got yet which is not away."""
    marks: Sequence[Moment] = ()
    """What was taken, given back and decided, and which runs ended, in the time of `fared`, newest first."""
    hands: Hands | None = None
    """None where nobody leads it."""


@dataclass(frozen=True)
class Fence:
    """A resource that something was taken from, and who remembers what it was: "run" or "outage"."""

    resource: str
    owner: str


@dataclass(frozen=True)
class Pull:
    """Something that a person has taken away. Instants are seconds since the beginning."""

    what: str
    how: str
    """How it was then, in a sentence: "dark"."""
    at: float
    until: float | None = None
    """None while it is not given back."""


@dataclass
class Stand:
    """How everything stood when the game day stopped before its end, and what to do then."""

    stopped: str
    """What stopped it."""
    served: Sequence[str]
    """Regions in which customers were served."""
    led_to: Sequence[str]
    """Regions to which they were led."""
    writers: Mapping[str, Sequence[str]]
    """By dataset, the Regions that accepted writes."""
    dark: Sequence[str]
    """Regions in which nobody answered."""
    fences: Sequence[Fence]
    """What was taken and not given back."""
    owed: Sequence[str]
    """Fences that nobody had confirmed, or given back."""
    held_by: str
    """The run that held the lease; "" where it was free."""
    ledger: str
    """Why the ledger did not say; "" where it did."""
    to_do: list[str] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        return {**vars(self), "fences": [vars(fence) for fence in self.fences]}


@dataclass
class Report:
    """What a rehearsal found; `as_json` is the command line's JSON."""

    application: str
    seed: int
    mode: str
    dark: str | None
    virtual_seconds: float = 0.0
    wall_seconds: float = 0.0
    runs: list[RunReport] = field(default_factory=list)
    clients: dict[str, Any] = field(default_factory=dict)
    data: dict[str, Any] = field(default_factory=dict)
    debts: list[dict[str, Any]] = field(default_factory=list)
    breaches: list[Breach] = field(default_factory=list)
    simulated: list[str] = field(default_factory=list)
    moments: list[Moment] = field(default_factory=list)
    """What was said on the way."""
    course: dict[str, Any] = field(default_factory=dict)
    """What happened when, and what the RTO is made of."""
    stand: Stand | None = None
    """None where the game day came to its end."""
    broken: list[str] = field(default_factory=list)
    """What broke the rehearsal itself."""
    by_hand: bool = False
    """A person has led it."""
    pulls: list[Pull] = field(default_factory=list)
    """What the person took away, in order."""

    @property
    def invariants(self) -> dict[str, int]:
        """Breaches of each invariant of safety. Those of liveness are on the list of breaches alone."""
        found = Counter(breach.invariant for breach in self.breaches)
        safety = dict.fromkeys(kind.invariant for kind in registry() if kind.invariant.startswith("S"))
        return {name: found[name] for name in safety}

    @property
    def ok(self) -> bool:
        well = all(run.status == "SUCCEEDED" for run in self.runs)
        return well and not (self.breaches or self.broken or self.stand)

    def as_json(self) -> dict[str, Any]:
        return {
            "application": self.application,
            "seed": self.seed,
            "mode": self.mode,
            "dark": self.dark,
            **({"by_hand": True, "pulls": [vars(pull) for pull in self.pulls]} if self.by_hand else {}),
            "virtual_seconds": round(self.virtual_seconds, 3),
            "wall_seconds": round(self.wall_seconds, 3),
            "runs": [run.as_json() | {"at": round(run.started - EPOCH, 3)} for run in self.runs],
            "clients": self.clients,
            "data": self.data,
            "debts": self.debts,
            "invariants": self.invariants,
            "breaches": [vars(breach) for breach in self.breaches],
            "exposure_bound_seconds": EXPOSURE_BOUND,
            "simulated": self.simulated,
            "stand": self.stand and self.stand.as_json(),
            "broken": self.broken,
            "moments": [vars(moment) | {"at": round(moment.at, 3)} for moment in self.moments],
            **self.course,
        }
