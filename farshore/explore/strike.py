"""How each kind of fault is done: at a point, on its way to whoever is called, or by a person's hand."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, cast

from botocore.exceptions import ClientError

from functions.errors import NotYet
from functions.outside import NO_ANSWER
from twin.clock import Clock
from twin.cloud import AwsError
from twin.faults import KINDS, Kind, Request
from twin.services.lambda_.model import FunctionError

from ..operate.trouble import Trouble
from ..simulate.deployment import TICK
from .seed import (
    CALL_KINDS,
    HAND_KINDS,
    LAG,
    LASTING_KINDS,
    OPPOSITE,
    PAUSED,
    RAIN,
    UNGRACEFUL,
    Fault,
    Point,
    Seed,
)

if TYPE_CHECKING:
    from .play import Play

TRY_AGAIN, TRIES = 10.0, 30
"""Seconds after which a person repeats what nobody answered, and how often before giving up."""
THINKS = 60.0
"""Seconds for which a person's pause lasts."""
DELAYS: tuple[Kind, ...] = tuple(kind for kind in KINDS if kind not in ("denied", "stale", "reverted"))
"""What rain is made of: what comes to an end by itself."""
GREYS: tuple[Kind, ...] = ("slow", "500", "lost_before")
REDRIVABLE = ("FAILED", "ABORTED", "TIMED_OUT")


class Strikes:
    """A seed's faults, from the curtain on."""

    def __init__(self, play: Play, script: Seed) -> None:
        self._play, self._clock, self._weather = play, play.clock, play.cloud.faults
        self._begins: dict[Point, list[Fault]] = {}
        self._ends: dict[Point, list[Fault]] = {}
        self._lasting: list[Fault] = []
        self.busy = 0
        """How many hands are still at work."""
        self.struck: float | None = None
        """When the first fault struck, in seconds since 1970."""
        self.befallen: list[tuple[float, Fault, str]] = []
        """When each struck, and what."""
        self.add(script, script.faults)

    def add(self, script: Seed, faults: Sequence[Fault]) -> None:
        """From now on these may strike, too; `script` is all that happens, and its dice are its own."""
        self._dice = random.Random(f"{script}")  # noqa: S311
        for fault in faults:
            if fault.at is None:
                self._begin(fault, "")
            else:
                self._begins.setdefault(fault.at, []).append(fault)

    def at(self, point: Point, request: Request) -> Kind | None:
        """A run is about to make the call at this point: what befalls it?"""
        for fault in self._ends.pop(point, ()):
            self._end(fault)
        found: Kind | None = None
        for fault in self._begins.pop(point, ()):
            found = self._begin(fault, str(request), request) or found
        return found or self._weathers(request)

    def to_come(self) -> tuple[object, ...]:
        """What has not struck or not ended yet."""
        return sorted(self._begins), sorted(self._ends), self._lasting, self.busy

    def cease(self) -> None:
        """Nothing strikes any more, and what lasts ends."""
        self._begins.clear()
        for fault in list(self._lasting):
            self._end(fault)

    def _begin(self, fault: Fault, what: str, request: Request | None = None) -> Kind | None:
        now = self._clock.now
        if self.struck is None and fault.kind != LAG:
            self.struck = now
        self.befallen.append((self._clock.elapsed, fault, what))
        if fault.kind in CALL_KINDS:
            return cast(Kind, fault.kind)
        if fault.kind in (*LASTING_KINDS, RAIN, LAG):
            self._last(fault)
        elif fault.kind in (*HAND_KINDS, "redriven", PAUSED, UNGRACEFUL):
            self._by_hand(partial(getattr(self, f"_{fault.kind}"), self._execution(request)))
        elif fault.kind == "killed":
            tick = TICK.get()
            assert tick is not None, f"{fault}: there is no function yet that could be killed"
            tick.invocation.kill()
        elif fault.kind == "twice":
            assert request is not None
            self._play.aside(partial(self._again_invoked, *self._invoked(request)))
        return "slow" if fault.kind == "late" else None

    def _execution(self, request: Request | None) -> str:
        """Whose call it is."""
        tick = TICK.get()
        if tick is not None:
            return tick.execution
        assert request is not None
        return str(self._play.event(request)["execution"]["Id"])

    # What lasts.

    def _last(self, fault: Fault) -> None:
        self._lasting.append(fault)
        if fault.kind == "dark":
            self._weather.dark.add(fault.place)
        elif fault.kind == "cut":
            self._weather.partitions.add(frozenset(fault.place.split("~")))
        elif fault.kind == LAG:
            self._play.shop.database.hold()
        if isinstance(fault.until, Point):
            self._ends.setdefault(fault.until, []).append(fault)
        elif fault.until is not None:
            self._clock.after(fault.until, lambda: self._end(fault))

    def _end(self, fault: Fault) -> None:
        if fault not in self._lasting:
            return
        self._lasting.remove(fault)
        if fault.kind == "dark":
            self._weather.dark.discard(fault.place)
        elif fault.kind == "cut":
            self._weather.partitions.discard(frozenset(fault.place.split("~")))
        elif fault.kind == LAG:
            self._play.shop.database.release()

    def _weathers(self, request: Request) -> Kind | None:
        for fault in self._lasting:
            if fault.kind == RAIN and self._dice.random() < 0.2:
                return self._dice.choice(DELAYS)
            if fault.kind == "grey" and request.region == fault.place and self._dice.random() < 0.5:
                return self._dice.choice(GREYS)
        return None

    # Hands.

    def _by_hand(self, act: Callable[[], None]) -> None:
        self.busy += 1

        def do() -> None:
            try:
                insist(self._clock, act)
            finally:
                self.busy -= 1

        self._play.aside(do)

    def _invoked(self, request: Request) -> tuple[str, str, Mapping[str, Any]]:
        """The Region and name of the function that runs, or is about to, and its event."""
        tick = TICK.get()
        if tick is not None:
            return *tick.function, tick.event
        return request.region, str(request.parameters["FunctionName"]), self._play.event(request)

    def _again_invoked(self, region: str, name: str, event: Mapping[str, Any]) -> None:
        """Lambda runs the same event once more, beside the first time."""
        try:
            self._play.functions.invoke(region, name, event)
        except (FunctionError, AwsError):
            return

    def _stop(self, execution: str) -> bool:
        """True where it was running."""
        if self._play.engine.status(execution) != "RUNNING":
            return False
        client = self._play.deployment.client(self._play.procedure_of(execution))
        client.stop_execution(executionArn=execution, error="Stopped", cause="by a person, in an exploration")
        return True

    def _redriven(self, execution: str) -> None:
        self._stop(execution)
        if self._play.engine.status(execution) in REDRIVABLE:
            self._play.redrive(execution)

    def _start(self, procedure: str) -> None:
        self._play.begin(procedure, {"mode": self._play.script.mode})

    def _again(self, execution: str) -> None:
        self._start(self._play.procedure_of(execution))

    def _other(self, execution: str) -> None:
        self._start(OPPOSITE[self._play.procedure_of(execution)])

    def _turn(self, execution: str) -> None:
        if self._stop(execution):
            self._other(execution)

    _late = _turn

    def _revived(self, execution: str) -> None:
        """A colleague who has not heard of it redrives the stopped run, from the console."""
        if not self._stop(execution):
            return
        self._other(execution)
        (other, *_) = reversed(self._play.executions)
        while self._play.running(other):
            self._clock.sleep(TRY_AGAIN)
        client = self._play.deployment.client(self._play.procedure_of(execution))
        client.redrive_execution(executionArn=execution)

    def _abort(self, execution: str) -> None:
        self._play.operator.direct(execution, "exploration", "stop it", abort=True)

    def _paused(self, execution: str) -> None:
        self._play.operator.direct(execution, "exploration", "let me think", pause=True)
        self._clock.sleep(THINKS)
        self._play.operator.direct(execution, "exploration", "go on", pause=False, resumed_at=self._clock.now)

    def _ungraceful(self, execution: str) -> None:
        self._play.operator.direct(execution, "exploration", "the Region is gone", ungraceful=True)


def insist(clock: Clock, act: Callable[[], None]) -> None:
    """As a person does: again and again, and not for ever."""
    for _ in range(TRIES):
        if _answered(act):
            break
        clock.sleep(TRY_AGAIN)


def _answered(act: Callable[[], None]) -> bool:
    """Whether somebody answered the person; a refusal is an answer, too."""
    try:
        act()
    except (NotYet, Trouble, *NO_ANSWER):
        return False
    except ClientError as error:
        return error.response["ResponseMetadata"]["HTTPStatusCode"] < 500
    return True
