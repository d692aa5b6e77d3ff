"""What a step is: a state of the world that a run must bring about and hold.

A step converges. Each tick looks at AWS (`observe`), decides in pure code (`decide`), makes the changes that
are due, and looks again; success is only ever read back. Two errors carry all retry logic, and their class
names are the state machine's error names (Lambda's Python runtime reports `__name__`):

    NotYet     under way, busy, throttled, unanswered: ticked again
      Paused   a person said `pause`: ticked again, for an hour in each state
    Refused    the world is not as the runbook says: a person must look
      Untouched  so, or aborted, before anything that undo could not give back was sent
    Aborted    a person said `abort`

Adding a step is adding a file to this folder: a frozen dataclass of its inputs that derives from `Step`,
and `handler = lambda_handler(TheStep)`. Schema, IAM policy, state, function, docs and test events follow.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import (
    Annotated,
    Any,
    ClassVar,
    Generic,
    Literal,
    NewType,
    TypeVar,
    get_args,
    get_origin,
    get_type_hints,
)

from .. import telemetry
from ..ledger import BEGUN, Ledger, Note, Page
from ..world import Api, Call, Denied, NotYet, Outside, Refused, Sight, Silence

__all__ = [
    "Aborted", "AwsRegion", "Change", "Decision", "Done", "NotYet", "Paused", "Refused", "Region", "Run",
    "Seconds", "Step", "Untouched", "Wait", "World", "lambda_handler", "tick",
]  # fmt: skip

Mode = Literal["graceful", "ungraceful"]
MODES: tuple[Mode, ...] = ("graceful", "ungraceful")
Phase = Literal["detect", "approve", "data", "capacity", "consumers", "traffic", "verify"]

Region = NewType("Region", str)
"""One of the runbook's own: `$from`, `$to` or a name under `regions:`; in an event always a name."""
AwsRegion = NewType("AwsRegion", str)
"""Any Region of AWS, the application's or not: where ARC's cluster endpoints are."""
Seconds = NewType("Seconds", float)
"""A duration: "30s", "15m" or "2h" in a runbook, a number of seconds in an event."""

ROUNDS = 3
"""Changes of one tick, each looked at again: what one brought about at once needs no second tick."""


class Paused(NotYet):
    """A person said `pause`: its Retry is another than that of waiting, or a long pause would end the run."""


class Aborted(Exception):
    """A person said `abort`: before the first one-way step the fences are undone."""


class Untouched(Refused):
    """A step that moves data or customers gives up, and the run has not sent any such change: all that it
    took away can still be given back."""


@dataclass(frozen=True)
class Run:
    """The execution that this tick belongs to."""

    application: str
    procedure: str
    hand: Literal["run", "outage"]
    """Who takes away and gives back: a run, or the game day. Each remembers for itself."""
    source: Region
    target: Region
    mode: Mode
    dry_run: bool
    execution: str
    redrives: int
    state: str
    undoing: bool = False
    again: bool = False
    """What this run owes is tried once more, and nobody is waited for."""
    trigger: str = ""


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


class World:
    """What a tick may see: AWS through the step's declared reads, the time, and what the ledger remembers."""

    def __init__(self, outside: Outside, run: Run, page: Page, since: float, step: Step[Any]) -> None:
        self._outside = outside
        self._step = step
        self.run = run
        self.page = page
        self.since = since

    @property
    def now(self) -> float:
        """Seconds since 1970, on the one clock."""
        return self._outside.clock()

    @property
    def waited(self) -> float:
        """Seconds since this state was entered, redriven or resumed, whichever came last."""
        return self.now - self.since

    @property
    def begun(self) -> bool:
        """This run may have sent what moves data or customers."""
        return self.page.begun == self.run.execution

    def ask(self, *calls: Call) -> list[Sight]:
        """Asks all at once. Raises Refused where AWS answers no: looking again will not help."""
        self._gate(calls, self._step.reads)
        sights: list[Sight] = []
        for call, reply in zip(calls, self._outside.replies(calls, self._step.busy), strict=True):
            if isinstance(reply, Denied):
                raise Refused(f"{call} was refused: {reply.code}: {reply.message}")
            sights.append(reply)
        return sights

    def need(self, call: Call) -> Mapping[str, Any]:
        """Asks what the step cannot decide without; raises NotYet where nobody answers."""
        (sight,) = self.ask(call)
        if isinstance(sight, Silence):
            raise NotYet(sight.why)
        if not isinstance(sight, Mapping):
            raise Refused(f"{call} found nothing: {sight.code}")
        return sight

    def send(self, calls: Sequence[Call]) -> list[tuple[Call, Silence | Denied]]:
        """Sends the writes of a Change, all of them, and tells which were not acknowledged."""
        self._gate(calls, self._step.writes)
        replies = self._outside.replies(calls, self._step.busy)
        return [(c, r) for c, r in zip(calls, replies, strict=True) if isinstance(r, Silence | Denied)]

    def dice(self, sides: int) -> int:
        """The same for every tick of this state of this run, and another for the next run."""
        digest = hashlib.sha256(f"{self.run.execution}/{self.run.state}".encode()).digest()
        return int.from_bytes(digest[:4], "big") % sides

    def _gate(self, calls: Sequence[Call], declared: Sequence[Api]) -> None:
        for call in calls:
            if call.api not in declared:
                raise Refused(f"{type(self._step).__name__} never declared {call.api.action}: call not made")


@dataclass(frozen=True, kw_only=True)
class Step(Generic[Seen]):
    """The contract. Fields are inputs; class attributes are declared in the step's own file, nowhere else."""

    within: Annotated[Seconds, "how long the state may take to come about"] = Seconds(900)

    name: ClassVar[str]
    reads: ClassVar[tuple[Api, ...]] = ()
    writes: ClassVar[tuple[Api, ...]] = ()
    notes: ClassVar[tuple[Api, ...]] = ()
    """The ledger's writes that it needs; every tick reads the ledger."""
    busy: ClassVar[frozenset[str]] = frozenset()
    """The service's own error codes for: not now."""
    every: ClassVar[float] = 5
    """The pace, in seconds, that ticks back off to."""
    fences: ClassVar[bool] = False
    """It takes something from customers, and gives it back with `restore`."""
    one_way: ClassVar[str | None] = None
    """Why swapping the Regions does not undo it."""
    point_of_no_return: ClassVar[bool] = False
    """Once it has sent anything, data or customers have moved, and a failure no longer undoes the fences. It
    notes that in the ledger before."""

    @classmethod
    def moves(cls) -> bool:
        """It moves data or customers, so that giving the fences back would no longer undo a run."""
        return cls.point_of_no_return or cls.one_way is not None

    phase: ClassVar[Phase | None] = None
    """Where it belongs on the way of a failover: the linter holds a runbook to the order. Fences say it by
    what they do: `$from` is fenced before data moves, `$to` is given back after it."""
    tolerates: ClassVar[Mapping[Api, str]] = {}
    """Calls whose silence does not keep the state from coming about, and why: for the linter."""
    block: ClassVar[str | None] = None
    """The ARC Region switch block that it corresponds to."""
    needs_lease: ClassVar[bool] = True
    written: ClassVar[bool] = True
    """A runbook may name it; the compiler places the others by itself."""
    derived: ClassVar[frozenset[str]] = frozenset()
    """Inputs that the compiler fills in, not the runbook."""

    def observe(self, world: World) -> Seen:
        """The only reading: what the decision needs, and nothing decided."""
        raise NotImplementedError

    def decide(self, seen: Seen) -> Decision:
        """Pure. Raises Refused where a person must look."""
        raise NotImplementedError


StepT = TypeVar("StepT", bound=Step[Any])


def tick(step: Step[Any], run: Run, ledger: Ledger, outside: Outside, since: float) -> dict[str, Any]:
    """Looks, decides, changes, looks again. Returns the state's output, or raises one of the errors."""
    trouble: list[tuple[Call, Silence | Denied]] = []
    acknowledged: list[Call] = []
    why, touched = "", run.dry_run or not step.moves()
    for look in range(ROUNDS + 1):
        page = ledger.read()
        touched = touched or (look == 0 and page.begun == run.execution)
        try:
            looked = _looked(step, run, page, outside, since)
        except (Refused, Aborted) as error:
            raise _given_up(error, touched) from None
        if isinstance(looked, dict):
            return looked
        world, decision = looked
        if isinstance(decision, Wait):
            raise NotYet(decision.why)
        why = decision.why
        if look == ROUNDS or _denied(trouble):
            break
        _be_sure(step, world, ledger, touched)
        for note in decision.notes:
            note.write_in(ledger)
        due = [call for call in decision.calls if call not in acknowledged]
        if not due and not decision.notes:
            raise NotYet(f"acknowledged, but not to be seen yet: {decision.why}")
        trouble = world.send(due)
        touched = touched or any(call not in _denied(trouble) for call in due)
        missed = [call for call, _ in trouble]
        acknowledged += [call for call in due if call not in missed]
    why = "; ".join(f"{call}: {_tell(reply)}" for call, reply in trouble) or why
    if _denied(trouble):
        raise _given_up(Refused(why), touched)
    raise NotYet(why)


def _denied(trouble: Sequence[tuple[Call, Silence | Denied]]) -> list[Call]:
    """AWS said no to these, so it has not done them."""
    return [call for call, reply in trouble if isinstance(reply, Denied)]


def _given_up(why: Refused | Aborted, touched: bool) -> Refused | Aborted:
    return why if touched else Untouched(str(why))


def _be_sure(step: Step[Any], world: World, ledger: Ledger, touched: bool) -> None:
    """Before anything is sent: this run holds the lease, and whoever looks later knows that it has begun."""
    if step.needs_lease:
        _hold(ledger.read(), world.run, world.now)
    if not touched:
        ledger.write(BEGUN, {"execution": world.run.execution})


def _looked(
    step: Step[Any], run: Run, page: Page, outside: Outside, since: float
) -> dict[str, Any] | tuple[World, Wait | Change]:
    """The state's output where it holds, is skipped or only planned; else what was seen, and what is due."""
    run, since, word = _heed(run, page, since)
    if word is not None:
        return word
    world = World(outside, run, page, since, step)
    decision = _decided(step, world)
    if isinstance(decision, Done):
        return {"outcome": decision.outcome, "facts": dict(decision.facts)}
    if run.dry_run:
        return _preview(decision)
    if world.waited > step.within:
        raise Refused(f"not within {step.within:g} s: {decision.why}")
    return world, decision


def _decided(step: Step[Any], world: World) -> Decision:
    """What the step cannot decide without is waited for, and `within` ends that, too."""
    try:
        return step.decide(step.observe(world))
    except NotYet as silence:
        return Wait(str(silence))


def _heed(run: Run, page: Page, since: float) -> tuple[Run, float, dict[str, Any] | None]:
    """A person's word to this run, from the ledger."""
    word = page.directive
    if run.dry_run or word.get("execution") != run.execution:
        return run, since, None
    who = f"{word['who']}: {word['why']}"
    if word.get("ungraceful"):
        run = dataclasses.replace(run, mode="ungraceful")
    since = max(since, word.get("resumed_at", 0.0))
    if word.get("abort") and not run.undoing:
        raise Aborted(f"aborted by {who}")
    if word.get("pause"):
        raise Paused(f"paused by {who}")
    if run.state in word.get("skip", ()):
        return run, since, {"outcome": "skipped", "facts": {"by": who}}
    return run, since, None


def _hold(page: Page, run: Run, now: float) -> None:
    """Only the holder changes anything, and only after the hand before it has surely let go."""
    lease = page.lease
    if lease is None or lease.released or lease.holder != run.execution:
        raise Refused(f"superseded: the lease is held by {lease.holder if lease else 'nobody'}")
    if lease.redrives != run.redrives:
        raise Refused("redriven without the lease: use `farshore redrive`, which looks and asks again first")
    if now < lease.quiet_until:
        raise NotYet(f"a call of the run before may be in flight for {lease.quiet_until - now:.0f} s more")


def _preview(decision: Wait | Change) -> dict[str, Any]:
    if isinstance(decision, Wait):
        return {"outcome": "would wait", "why": decision.why, "facts": dict(decision.facts)}
    calls = [
        {"action": c.api.action, "region": c.region, "parameters": _legible(c.parameters)}
        for c in decision.calls
    ]
    return {"outcome": "would change", "why": decision.why, "calls": calls, "facts": dict(decision.facts)}


def _legible(parameters: Mapping[str, Any]) -> dict[str, Any]:
    return {k: v.decode(errors="replace") if isinstance(v, bytes) else v for k, v in parameters.items()}


def _tell(reply: Silence | Denied) -> str:
    return reply.why if isinstance(reply, Silence) else f"{reply.code}: {reply.message}"


def lambda_handler(
    step_type: type[StepT], outside: Outside | None = None, tick_of: telemetry.Telling = telemetry.tick_of
) -> Callable[[Mapping[str, Any], Any], Any]:
    """The Lambda of a step type: one tick an invocation, its log lines and metrics by the run's id.

    `tick_of` is who tells of them: an exploration has nobody who would listen.
    """
    home = outside or Outside()

    def handler(event: Mapping[str, Any], context: Any) -> dict[str, Any]:
        """One tick. Its errors name the state, so that a failed execution says where it failed."""
        run, since = run_from(event)
        since = since or home.clock()  # a plan's dry tick has not entered its state
        ledger = Ledger(
            home, run.application, event["ledger"]["table"], event["ledger"]["regions"], run.target
        )
        with tick_of(step_type.name, run) as report:
            result: dict[str, Any] | NotYet | Refused | Aborted
            try:
                step = step_from(step_type, event["inputs"])
                result = tick(step, run, ledger, home, since)
            except (NotYet, Refused, Aborted) as error:
                result = error
                report(type(error).__name__, str(error), home.clock() - since, {})
            else:
                report(result["outcome"], result.get("why", ""), home.clock() - since, result["facts"])
        if isinstance(result, Exception):
            raise type(result)(f"{run.state}: {result}")
        return result

    handler.step_type = step_type  # type: ignore[attr-defined]
    return handler


def run_from(event: Mapping[str, Any]) -> tuple[Run, float]:
    """The run and since when its state has been waiting, from the state machine's context object."""
    execution, state, given = event["execution"], event["state"], event["input"]
    _accept(given)
    run = Run(
        **event["run"],
        mode=given["mode"],
        dry_run=given.get("dry_run", False),
        execution=execution["Id"],
        redrives=execution.get("RedriveCount", 0),
        state=state["Name"],
        trigger=given.get("trigger", ""),
    )
    return run, max(_epoch(state["EnteredTime"]), _epoch(execution.get("RedriveTime")))


ACCEPTED = (
    'start it with {"mode": "graceful"} or {"mode": "ungraceful"}; add "dry_run": true to change nothing'
)


def _accept(given: Any) -> None:
    """Nobody's Region moves by a default: anything but the documented input is refused, saying what it is."""
    known = isinstance(given, Mapping) and given.keys() <= {"mode", "dry_run", "trigger"}
    if (
        not known
        or given.get("mode") not in MODES
        or not isinstance(given.get("dry_run", False), bool)
        or not isinstance(given.get("trigger", ""), str)
    ):
        raise Refused(f"not an input: {json.dumps(given)[:200]}; {ACCEPTED}")


def step_from(step_type: type[StepT], inputs: Mapping[str, Any]) -> StepT:
    """The step with its inputs, as the compiler wrote them into the event."""
    hints = _hints(step_type)
    return step_type(**{name: _shaped(hints[name], value) for name, value in inputs.items()})


_HINTS: dict[Any, Mapping[str, Any]] = {}


def _hints(kind: Any) -> Mapping[str, Any]:
    """A class's fields and their types, which stay what they are: reading them takes longer than a tick."""
    if kind not in _HINTS:
        _HINTS[kind] = get_type_hints(kind)
    return _HINTS[kind]


def _shaped(kind: Any, value: Any) -> Any:
    """JSON's lists and objects as the tuples and dataclasses that the step declares."""
    if isinstance(value, list):
        return tuple(_shaped(get_args(kind)[0], item) for item in value)
    if not isinstance(value, Mapping):
        return value
    if dataclasses.is_dataclass(kind):
        hints = _hints(kind)
        return kind(**{name: _shaped(hints[name], item) for name, item in value.items()})  # type: ignore[operator]
    if get_origin(kind) is not None:
        return {name: _shaped(get_args(kind)[1], item) for name, item in value.items()}
    return value


def _epoch(text: str | None) -> float:
    return 0.0 if text is None else datetime.fromisoformat(text).timestamp()
