"""What a step is: a state of the world that a run must bring about and hold.

A step converges. Each tick looks at AWS (`observe`), decides in pure code (`decide`), makes the changes that
are due, and looks again; success is only ever read back. Its errors are in errors.py.

Adding a step is adding a file to functions/steps/: a frozen dataclass of its inputs that derives from `Step`,
and `handler = lambda_handler(TheStep)`. Schema, IAM policy, state, function, docs and test events follow.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Generic, Literal, TypeVar

from .calls import Api, Call
from .inputs import Seconds
from .ledger import PUT, Note
from .world import World

Phase = Literal["detect", "approve", "data", "capacity", "consumers", "traffic", "verify"]


@dataclass(frozen=True)
class Done:
    """The state holds, as just read. `facts` go into the report (numbers and short texts)."""

    outcome: str = "done"
    facts: Mapping[str, Any] = dataclasses.field(default_factory=dict)


@dataclass(frozen=True)
class Wait:
    """Nothing to do but look again later."""

    why: str
    facts: Mapping[str, Any] = dataclasses.field(default_factory=dict)


@dataclass(frozen=True)
class Change:
    """What is due: `notes` are written in the ledger first, then all `calls` go out side by side."""

    why: str
    calls: tuple[Call, ...] = ()
    notes: tuple[Note, ...] = ()
    facts: Mapping[str, Any] = dataclasses.field(default_factory=dict)


Decision = Done | Wait | Change
Seen = TypeVar("Seen")


@dataclass(frozen=True, kw_only=True)
class Step(Generic[Seen]):
    """The contract. Fields are inputs; class attributes are declared in the step's own file, nowhere else."""

    within: Annotated[Seconds, "how long the state may take to come about"] = Seconds(900)

    name: ClassVar[str]
    reads: ClassVar[tuple[Api, ...]] = ()
    writes: ClassVar[tuple[Api, ...]] = ()
    notes: ClassVar[tuple[Api, ...]] = ()
    """The ledger's writes that its own notes need; see `ledger_writes`."""
    busy: ClassVar[frozenset[str]] = frozenset()
    """The service's own error codes for: not now."""
    every: ClassVar[float] = 5
    """The pace, in seconds, that ticks back off to."""
    asks: ClassVar[int] = 1
    """How often one look asks, one after the other, at most: how long a tick may take follows."""
    tries: ClassVar[int] = 1
    """At how many endpoints one of its calls is tried, one after the other, at most."""
    fences: ClassVar[bool] = False
    """It takes something from customers, and gives it back with `restore`."""
    closed: ClassVar[object] = True
    """Of a step that fences: what its input says where nobody gets in any more."""
    owes: ClassVar[bool] = False
    """It may end before its change could be made, and owes that: it is made on schedule, as a fence is."""
    each_run: ClassVar[bool] = False
    """It is done anew in each run: it removes again what it writes, or nothing tells that it has been done.
    Asked once more, it would be done once more."""
    beats: ClassVar[Any] = None
    """The type of the stores that it writes heartbeats into, where it does: it is ticked on schedule for
    that, and in a run it judges by them."""
    for_the_run: ClassVar[bool] = False
    """Of a step that fences: what it takes customers do not feel, and it is given back when the run ends, in
    whichever Region it was taken. What a dark Region is not given back then is owed."""
    leads_to: ClassVar[str | None] = None
    """The input that names the Region to which it leads customers or data, where it leads them anywhere."""
    one_way: ClassVar[str | None] = None
    """Why swapping the Regions does not undo it."""
    planned_only: ClassVar[str | None] = None
    """Why it refuses an ungraceful run before it asks anybody, where it does. It stands in a `failback` that
    is written out, and nowhere else."""
    unplanned_only: ClassVar[str | None] = None
    """Why it refuses a graceful run before it asks anybody, where it does."""
    prepares: ClassVar[str | None] = None
    """Why it stands in `prepare` and nowhere else, where it does."""
    point_of_no_return: ClassVar[bool] = False
    """Once it has sent anything, data or customers have moved, and a failure no longer undoes the fences. It
    notes that in the ledger before."""

    @classmethod
    def moves(cls) -> bool:
        """It moves data or customers, so that giving the fences back would no longer undo a run."""
        return cls.point_of_no_return or cls.one_way is not None

    @classmethod
    def may_assume(cls) -> bool:
        """Its calls may be made as another account's role: some ask AWS of what an application has."""
        return any(not (api.is_http or api.ours) for api in (*cls.reads, *cls.writes))

    @classmethod
    def asks_itself(cls, inputs: Mapping[str, Any]) -> bool:
        """With these inputs it asks its own function, in both Regions of the runbook: it is deployed to both,
        and has the derived input ITSELF (functions/later.py)."""
        return False

    @classmethod
    def ledger_writes(cls) -> tuple[Api, ...]:
        """What its function writes in the ledger: its notes, before it moves anything that it has begun, and
        what AWS said to a change that it did not make. Every tick reads the ledger."""
        asks_aws = any(not api.is_http for api in cls.writes)
        return tuple(dict.fromkeys((*cls.notes, *((PUT,) if asks_aws or cls.moves() else ()))))

    phase: ClassVar[Phase | None] = None
    """Where it belongs on the way of a failover: the linter holds a runbook to the order. Fences say it by
    what they do: `$from` is fenced before data moves, `$to` is given back after it."""
    tolerates: ClassVar[Mapping[Api, str]] = {}
    """Calls whose silence does not keep the state from coming about, and why: for the linter."""
    keeps: ClassVar[str | None] = None
    """What it keeps true where it stands in `prepare`, in the word by which other steps rely on it."""
    relies_on: ClassVar[Mapping[str, str]] = {}
    """What `prepare` should keep true beside this step, and what happens otherwise: for the linter."""
    block: ClassVar[str | None] = None
    """The ARC Region switch block that it corresponds to."""
    needs_lease: ClassVar[bool] = True
    written: ClassVar[bool] = True
    """A runbook may name it; the compiler places the others by itself."""
    sweeps: ClassVar[bool] = False
    """It is every task of the machine that a runbook's `sweep` becomes, in which a distributed Map reads its
    items, and writes their results, by the calls that it declares as `read_by_machine` and
    `written_by_machine`."""
    read_by_machine: ClassVar[Api | None] = None
    written_by_machine: ClassVar[Api | None] = None
    derived: ClassVar[frozenset[str]] = frozenset()
    """Inputs that the compiler fills in, or a person for one run, and not the runbook."""
    overrides: ClassVar[str | None] = None
    """The one of these that a person states for one run (`farshore override`): the safety rules that shall
    not stand against it."""

    def observe(self, world: World) -> Seen:
        """The only reading: what the decision needs, and nothing decided."""
        raise NotImplementedError

    def decide(self, seen: Seen) -> Decision:
        """Pure. Raises Refused where a person must look."""
        raise NotImplementedError
