"""What an execution is made of: its machine, what it calls, and a cursor for each of its branches."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

from ....service import WIRING
from .states import Program, State

if TYPE_CHECKING:
    from .map_run import MapRun


@dataclass(frozen=True)
class Machine:
    """A state machine as it was created."""

    not_state: ClassVar = dict.fromkeys(
        ("arn", "definition", "role", "created", "program", "express"), WIRING
    )

    arn: str
    name: str
    definition: str
    role: str
    created: float
    program: Program
    express: bool = False
    """Nobody is told how its executions went, nor that there were any."""


@dataclass(frozen=True)
class Calls:
    """What Step Functions itself calls in the execution's Region. Each parks, and raises Failure."""

    invoke: Callable[[Mapping[str, Any]], Any]
    """A Lambda function, with a Task's parameters; gives the Task's result."""
    read: Callable[[Mapping[str, Any]], bytes]
    """An object."""
    write: Callable[[Mapping[str, Any]], None]


@dataclass
class Cursor:
    """Where one branch stands."""

    not_state: ClassVar = {
        "program": WIRING,
        "last": "what has been is past",
        "entered": "what has been is past",
        "retries": "how often it has tried differs from run to run; where it is, is in the state",
        "turn": "distinguishes turns",
        "output": "of a branch that has ended: it is in the next one's input",
    }

    path: tuple[int, ...]
    """Which branch of which branch; () is the machine itself."""
    program: Program
    name: str
    """The state."""
    given: Any
    """The state's input."""
    last: int = 0
    """The event of this branch that the next one follows."""
    entered: float = 0.0
    entry: int = 0
    """The event that entered the state; 0 before the branch's first."""
    retries: int = 0
    tries: dict[int, tuple[int, float]] = field(default_factory=dict)
    """By retrier: how often it has retried, and the seconds that it last waited."""
    turn: int = 0
    """What was asked for in an earlier turn is void."""
    branches: list[Cursor] = field(default_factory=list)
    children: MapRun | None = None
    """Of a Map that has begun."""
    ended: bool = False
    output: Any = None

    @property
    def state(self) -> State:
        return self.program.states[self.name]

    def state_of_branch(self) -> tuple[object, ...]:
        """Where it stands, for who asks what follows from it."""
        ended = [branch.ended for branch in self.branches]
        children = self.children.state() if self.children else ()
        return self.path, self.name, self.given, self.entry > 0, sorted(self.tries), ended, children

    def unfinished(self) -> Iterator[Cursor]:
        """Every cursor, from the innermost out, that has not come to its branch's end."""
        for branch in self.branches:
            yield from branch.unfinished()
        if not self.ended:
            yield self
