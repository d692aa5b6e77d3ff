"""Runbook to state machines: what its procedures become in Amazon States Language.

Three patterns. A step is a Task that is ticked by its Retry (states.py). `together` is a Parallel whose
branches each end with an outcome and are judged when all have ended (parallel.py). Undo is derived: a failure
before the point of no return gives the fences back, releases the lease and then fails the run (undo.py). A
failure after it fails the run where it stands, so that it can be redriven from there. That AWS will accept
the machines and their longest run is proved (proof.py).

JSONPath only, no intrinsics, no expressions; Regions are literals, so a committed machine reads like the run.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from functions.assume import Assume
from functions.run import Purpose, machine_name

from ..runbook.mistakes import Mistake, Mistakes
from ..runbook.model import Line, Procedure, Runbook, lines
from ..runbook.registry import steps
from . import sweep
from .direction import Direction, both_ways
from .fences import is_fence, restored
from .procedure import definition
from .proof import mistakes
from .states import Json, States, Use, function_of, inputs_of, type_of

LEASED = ("failover", "failback", "settle", "outage", "recovery", "prepare")
"""Of any application, whether its runbook has them or had them once: those that take the lease."""
PROCEDURES = (*LEASED, "heartbeat", "readiness")


@dataclass(frozen=True)
class Machine:
    """A compiled procedure: its name, the one Region that it lives in, and its definition."""

    application: str
    procedure: str
    purpose: Purpose
    region: str
    definition: Json
    functions: tuple[str, ...]
    """The step types that it calls."""
    named: tuple[str, ...]
    """The step types whose functions its definition names: those, and the ones that they ask in turn."""
    uses: tuple[Use, ...]
    """What each of its states calls them with: what their IAM policies are derived from."""

    @property
    def distributes(self) -> bool:
        """It has a distributed Map, whose children are executions of their own."""
        return self.purpose == "sweep"

    @property
    def name(self) -> str:
        return machine_name(self.application, self.procedure)


def machines(runbook: Runbook) -> list[Machine]:
    """Every machine of a runbook. Raises Mistakes, with all that AWS would refuse of them."""
    made, wrong = proved(runbook)
    if wrong:
        raise Mistakes(wrong)
    return made


def proved(runbook: Runbook) -> tuple[list[Machine], list[Mistake]]:
    """Every machine of a runbook, and what AWS would refuse of them."""
    made: list[Machine] = []
    wrong: list[Mistake] = []
    asked: dict[str, list[Json]] = {}
    for procedure, purpose, way, entries in _procedures(runbook):
        states = States(runbook, procedure, purpose, way)
        asl = definition(states, entries, asked)
        asked[procedure] = states.asked
        wrong += mistakes(asl, states)
        made.append(_made(states, asl))
    for each in runbook.sweeps:
        states = States(runbook, sweep.procedure_of(each), "sweep", both_ways(runbook)[0])
        asl = sweep.definition(states, each)
        wrong += mistakes(asl, states)
        made.append(_made(states, asl))
    wrong += sweep.refusals(runbook)
    return made, list(dict.fromkeys(wrong))


def _made(states: States, asl: Json) -> Machine:
    called = tuple(sorted({use.step for use in states.uses}))
    text = json.dumps(asl)
    named = tuple(step for step in sorted(steps()) if function_of(step) in text)
    application, region = states.runbook.application, states.way.target
    return Machine(
        application, states.procedure, states.purpose, region, asl, called, named, tuple(states.uses)
    )


def _procedures(runbook: Runbook) -> Iterator[tuple[str, Purpose, Direction, Procedure]]:
    """Those that are written, and those that follow from them."""
    there, back = both_ways(runbook)
    failover = runbook.procedures["failover"]
    failback = runbook.procedures.get("failback", failover)
    yield "failover", "move", there, failover
    yield "failback", "move", back, failback
    # A Region that was left in the dark owes its fences, whichever of the two it was.
    if owed := (*_owed(failover, there), *_owed(failback, back)):
        yield "settle", "settle", there, owed
    # Nobody need know which Region serves: of each way the Region that it leaves has heartbeats.
    if beats := (*_beating(failover, there), *_beating(failback, back)):
        yield "heartbeat", "beat", there, beats
    if outage := runbook.procedures.get("outage"):
        yield "outage", "break", there, outage
        broken = [line for line in lines(outage) if is_fence(line)]
        yield "recovery", "mend", there, tuple(restored(line) for line in reversed(broken))
    yield "prepare", "prepare", there, runbook.procedures.get("prepare", ())
    yield "readiness", "look", there, ()


def _owed(entries: Procedure, way: Direction) -> Iterator[Line]:
    """The lines of a procedure that may owe something, with their Regions' names."""
    return _literal((each for each in lines(entries) if is_fence(each) or type_of(each).owes), way)


def _beating(entries: Procedure, way: Direction) -> Iterator[Line]:
    """Those that go by heartbeats."""
    return _literal((each for each in lines(entries) if type_of(each).beats is not None), way)


def _literal(chosen: Iterable[Line], way: Direction) -> Iterator[Line]:
    for line in chosen:
        # Its defaults, too: they name the Regions of this way, and a machine has but one.
        assume = None if line.assume is None else way.literal(Assume, line.assume)
        yield dataclasses.replace(line, inputs=way.literal(type_of(line), inputs_of(line)), assume=assume)
