"""What happens in one simulated run, as one word: replaying, shrinking and exploring are one idea.

    APP,failover,graceful,lost_after@failover-1/STATE/3/2

An application (its name or its runbook's path), a procedure, a mode, and the faults. A fault has a kind, for
some kinds a place (`dark:us-east-1`), a point where it begins, and for what lasts a point or a number of
seconds where it ends (`dark:us-west-1@POINT..+60`). Without a point it is there from the beginning.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

from functions.run import Mode


class Point(NamedTuple):
    """Before the k-th call of the n-th tick of a state of an execution; call 0 is the machine's own."""

    label: str
    tick: int
    call: int

    def __str__(self) -> str:
        return f"{self.label}/{self.tick}/{self.call}"

    @property
    def execution(self) -> str:
        """The name of the execution, as failover-1."""
        return self.label.partition("/")[0]

    @property
    def state(self) -> str:
        """The state's name, in letters that no shell minds."""
        return self.label.partition("/")[2]

    @property
    def plans(self) -> bool:
        """It is of a tick in dry run, for the plan that a person approves."""
        return self.state.startswith("plan.")


@dataclass(frozen=True)
class Fault:
    """One thing that goes wrong; `kind` is its word, and farshore/explore/kinds says what that does."""

    kind: str
    place: str = ""
    at: Point | None = None
    until: Point | float | None = None
    """A point, or seconds after the beginning; None is for ever."""

    @property
    def regions(self) -> tuple[str, ...]:
        """Where it is, if its place is no host."""
        place = self.place.rpartition("/")[2]
        return () if "." in place else tuple(place.split("~"))

    def __str__(self) -> str:
        place = f":{self.place}" if self.place else ""
        at = f"@{self.at}" if self.at else ""
        if self.until is None:
            return f"{self.kind}{place}{at}"
        return (
            f"{self.kind}{place}{at}..{f'+{self.until:g}' if isinstance(self.until, float) else self.until}"
        )


@dataclass(frozen=True)
class Seed:
    """One simulated run. `app` is what `farshore` takes as APP."""

    app: str
    procedure: str
    mode: Mode
    faults: tuple[Fault, ...] = ()

    def __str__(self) -> str:
        return ",".join([self.app, self.procedure, self.mode, *map(str, self.faults)])

    def but(self, *faults: Fault) -> Seed:
        """The same run, and these faults too."""
        return replace(self, faults=(*self.faults, *faults))

    @property
    def dice(self) -> str:
        """What the dice of its faults are thrown by: the same wherever the runbook lies."""
        return str(replace(self, app=Path(self.app).stem))

    @property
    def execution(self) -> str:
        """The name of the execution that the seed is about."""
        return f"{self.procedure}-1"


OPPOSITE = {"failover": "failback", "failback": "failover"}
"""The procedures that move an application, each with the one that moves it back."""
