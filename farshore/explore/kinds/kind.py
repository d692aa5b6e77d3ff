"""What a kind of fault is: one record that says everything about it.

Its word in a seed, its family in the matrix, its sentence in a story, where it applies, what it does, whether
it may end a run, and how two faults of its sort can be told apart.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from functions.run import Mode
from twin.faults import Kind as CallFault
from twin.faults import Request

from ...checkers.events import Tick
from ...runbook.model import Runbook
from ..data import Baseline, RecordedCall
from ..seed import Fault, Seed
from ..site import Site

Takes = Literal["", "place", "number"]
"""What stands after a kind's word, as dark:us-east-1 or random:7."""

Apart = Literal["always", "reply", "writes", "race"]
"""How two faults at a call can be told apart: always; by the reply that the step gets; only with a write
between them; only with a write between them, or where a read and the write after it race with it."""

Procedures = tuple[str, ...]


@dataclass(frozen=True)
class Family:
    """Kinds that stand in one column of the matrix."""

    name: str
    explained: str
    """For the written matrix."""


@dataclass(frozen=True)
class Met:
    """The call at whose point a fault begins."""

    request: Request
    tick: Tick | None
    """None where it is the machine's own call."""
    execution: str
    """The ARN of the execution on whose behalf it is made."""
    function: tuple[str, str]
    """Region and name of the function that runs, or is about to."""
    event: Mapping[str, Any]
    """With which that function is invoked."""


@dataclass(frozen=True)
class Terms:
    """What the run that a seed is about has promised: by these a kind says whether it may end it."""

    source: str
    target: str
    may_lose: bool
    """It is ungraceful, or carried on as such."""
    faults: Sequence[Fault]
    """All that goes wrong."""
    led_from: frozenset[str] = frozenset()
    """Regions without which nobody can lead customers elsewhere: the homes of what does so."""


@dataclass(frozen=True, kw_only=True)
class FaultKind:
    """Fields that are left out say that it does no such thing."""

    word: str
    family: Family
    sentence: str = ""
    """In a story, after the call: "is throttled". Without one the story gives its word and its place."""
    explained: str = ""
    """For docs/words.md, where it has no sentence and its family has other kinds, too."""

    # In a seed.
    takes: Takes = ""
    in_a_region: bool = False
    """Its place is a Region, perhaps with a service before it, or another one beside it
    (us-east-1~us-west-1), or a host."""
    at_a_point: bool = False
    """It needs a point, and has no end."""

    # Where it applies.
    at_call: Callable[[Baseline, RecordedCall], bool] | None = None
    """Whether it could happen to this call, or beside it."""
    apart: Apart = "always"
    cases: Callable[[Baseline, Runbook], Iterable[tuple[Fault, ...]]] | None = None
    """Other cases of it, each with all its faults; the first is of this kind."""
    like_another: Callable[[Baseline, Fault], bool] = lambda baseline, fault: False
    """Of those: nothing can tell it from one of another kind that is played."""

    # What it does.
    to_the_call: CallFault | None = None
    """What happens to the call itself, as the twin does it."""
    reaches_aws: bool = True
    """AWS does what such a call asks."""
    act: Callable[[Site, Met], None] | None = None
    """What happens beside the call."""
    begin: Callable[[Site, Fault], None] | None = None
    end: Callable[[Site, Fault], None] | None = None
    while_it_lasts: Callable[[Site, Fault, Request], CallFault | None] | None = None
    """What happens to any call of a run meanwhile."""

    # What the run may come to.
    excuses: Callable[[Fault, Terms], str] = lambda fault, terms: ""
    """Why the run that the seed is about need not succeed, in one sentence; "" where it must."""
    refused: bool = False
    """Where it ends the run, that is before anything has moved."""
    passes: bool = False
    """It is over by itself: the next try of the same call is not concerned."""
    outlasts: bool = False
    """It lasts so long that a run which it ends has met a dependency that it should not have (S7)."""
    mode: Mode | None = None
    """The run goes on in this mode."""
    denies: bool = False
    """AWS says no to the call: a run that ends of it names the call."""
    declines: bool = False
    """A person says no to the plan."""
    second_run: bool = False
    """A second run is started, and one of the two gets there."""
    last_may_fail: bool = False
    """The last of all runs may fail, and be right."""
    goes_wrong: bool = True
    """Something is wrong from its beginning on: a loss is measured from there."""

    prepare_says: Callable[[Fault], Sequence[str]] = lambda fault: ()
    """A run of `prepare` fails, and says one of these texts; none where that need not."""

    # How the run begins.
    alarm: Callable[[Fault, Runbook], bool] = lambda fault, runbook: False
    """The alarm starts the run by itself."""
    false_alarm: Callable[[Fault, Seed, Runbook], bool] = lambda fault, seed, runbook: False
    """An alarm starts the run, though nothing is wrong."""
    before: Callable[[Procedures, str], Procedures] | None = None
    """The procedures that have been carried out before the run, given those that must have been, and its."""
    struck: Callable[[Sequence[RecordedCall]], bool] = lambda tick: True
    """Whether a baseline run with it is met at such a tick: others are those of the same run without it."""
    setting: str = ""
    """That in words, as it stands in a baseline run's name."""

    @property
    def lasts(self) -> bool:
        return self.end is not None or self.while_it_lasts is not None
