"""The world as a step sees it: AWS through the calls that it declares, the time, and the ledger.

`World.ask` sends reads side by side and gets for each an answer, an `Absent` or a `Silence`: a dark Region is
a sight, not an exception. `World.send` sends the writes of a Change.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Protocol

from .calls import Answer, Api, Call, Denied, Missed, Reply, Sight, Silence
from .errors import NotYet, Refused
from .ledger import Records, number
from .outside import Outside
from .run import Run


class Declared(Protocol):
    """What a step declares of its calls: no other is made, nor more often or at more endpoints."""

    reads: ClassVar[tuple[Api, ...]]
    writes: ClassVar[tuple[Api, ...]]
    busy: ClassVar[frozenset[str]]
    asks: ClassVar[int]
    tries: ClassVar[int]


class World:
    """What a tick may see: AWS through the step's declared reads, the time, and what the ledger remembers."""

    def __init__(
        self,
        outside: Outside,
        run: Run,
        records: Records,
        since: float,
        step: Declared,
        acknowledged: Sequence[Call] = (),
        missed: Sequence[Missed] = (),
        answered: Sequence[tuple[Call, Answer]] = (),
    ) -> None:
        self._outside = outside
        self._step = step
        self._asked = 0
        self.silent: tuple[str, ...] = ()
        """Who was asked and did not answer, in words."""
        self.run = run
        self.records = records
        self.since = since
        self.acknowledged = tuple(acknowledged)
        """What this tick has sent, and AWS has done."""
        self.missed = tuple(missed)
        """What else it has sent, with what AWS said to it, or that nobody answered."""
        self.answered = tuple(answered)
        """What AWS said to what it has done: a warning can stand in a success."""

    @property
    def now(self) -> float:
        """Seconds since 1970, on the one clock."""
        return self._outside.clock()

    @property
    def waited(self) -> float:
        """Seconds since this state was entered, redriven or resumed, whichever came last."""
        return self.now - self.since

    @property
    def noted(self) -> Mapping[str, Any]:
        """What a tick before has found, since this state was entered, redriven or resumed; or nothing."""
        run = self.run
        found = self.records.found_by(run.state, run.execution, run.started)
        return found if number(found.get("at")) >= self.since else {}

    @property
    def begun(self) -> bool:
        """This run may have sent what moves data or customers."""
        return self.records.has_begun(self.run.execution, self.run.started)

    def ask(self, *calls: Call) -> list[Sight]:
        """Asks all at once. Raises Refused where AWS answers no: looking again will not help."""
        self._gate(calls, self._step.reads)
        self._asked += 1
        if self._asked > self._step.asks:
            raise Refused(f"{type(self._step).__name__} declared asks {self._step.asks}: not asked again")
        sights: list[Sight] = []
        lives = bool(self.acknowledged) or self.run.dry_run  # others are asked for the same plan, at once
        replies = self._outside.replies(calls, self._step.busy, lives)
        for call, reply in zip(calls, replies, strict=True):
            if isinstance(reply, Denied):
                raise Refused(f"{call.named} was refused: {reply.why}")
            if isinstance(reply, Silence):
                self.silent += (reply.why,)
            sights.append(reply)
        return sights

    def need(self, call: Call) -> Mapping[str, Any]:
        """Asks what the step cannot decide without; raises NotYet where nobody answers."""
        (sight,) = self.ask(call)
        if isinstance(sight, Silence):
            raise NotYet(sight.why)
        if not isinstance(sight, Mapping):
            raise Refused(f"{call.named} found nothing: {sight.code}")
        return sight

    def send(self, calls: Sequence[Call]) -> list[Missed]:
        """Sends the writes of a Change, all of them, and gives those that were not acknowledged."""
        self._gate(calls, self._step.writes)
        sent = self._outside.replies(calls, self._step.busy, lives=True)
        replies = [(call, _acknowledged(call, reply)) for call, reply in zip(calls, sent, strict=True)]
        self.answered += tuple((call, reply) for call, reply in replies if isinstance(reply, Mapping))
        return [(call, reply) for call, reply in replies if isinstance(reply, Silence | Denied)]

    def dice(self, sides: int) -> int:
        """The same for every tick of this state of this run, and another for the next run."""
        digest = hashlib.sha256(f"{self.run.execution}/{self.run.state}".encode()).digest()
        return int.from_bytes(digest[:4], "big") % sides

    def _gate(self, calls: Sequence[Call], declared: Sequence[Api]) -> None:
        for call in calls:
            if call.api not in declared:
                raise Refused(f"{type(self._step).__name__} never declared {call.api.action}: call not made")
            if len(call.endpoints) > self._step.tries:
                raise Refused(f"{type(self._step).__name__} declared tries {self._step.tries}: call not made")


def _acknowledged(call: Call, reply: Reply) -> Reply:
    """Whoever answers HTTP with a no has not done it, or does not know."""
    if not call.api.is_http or not isinstance(reply, Mapping):
        return reply
    if not 200 <= reply["status"] < 300:
        return Silence(f"{call}: HTTP {reply['status']}")
    wanted = call.parameters.get("search_string", "")
    if wanted not in reply["body"].decode(errors="replace"):
        return Silence(f"{call}: HTTP {reply['status']}, but its body lacks {wanted}")
    return reply
