"""One run told in plain words: what each tick saw and did, what befell it, and what everybody else did."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from functions.ledger import QUERY, is_ledgers
from twin.faults import Request

from ..compile.machine import IDLE
from ..runbook.load import Runbook
from ..simulate.deployment import TICK, Tick
from ..simulate.report import Moment
from .cases import FIGURES
from .play import Outcome, Play
from .seed import Fault, Seed

BEFELL: Mapping[str, str] = {
    "lost_before": "is lost on its way: AWS never has it",
    "lost_after": "is done by AWS, and the answer is lost",
    "throttled": "is throttled",
    "500": "is answered 500",
    "503": "is answered 503",
    "denied": "is denied",
    "stale": "is answered as before the last change",
    "slow": "takes longer than anybody waits, and is done then",
    "reverted": "is acknowledged, and taken back at once by another hand",
    "killed": "is not made: the function is killed",
    "twice": "is made by two: the same tick is delivered a second time",
    "redriven": "is under way when a person stops the execution and redrives it",
    "again": "is under way when the same procedure is started again",
    "other": "is under way when the other direction is started",
    "turn": "is under way when a person stops the run and starts the other direction",
    "late": "takes as long as it may while a person stops the run and starts the other direction",
    "revived": "is under way when a person stops the run, starts the other direction, and another redrives",
    "abort": "is under way when a person says abort",
    "paused": "is under way when a person says pause, and resume a minute later",
    "ungraceful": "is under way when a person carries the run on as ungraceful",
}
TOLD_PARAMETERS = 160
"""Letters of a call's parameters that a story tells."""
ARN = re.compile(r"arn:aws:[a-z0-9-]+:[^ ,'\"]*[:/]([^ ,'\":/]+)")
"""An ARN and the name at its end, which is enough to know it by."""


class Told(Play):
    """A play that keeps what is needed to tell it."""

    def __init__(self, runbook: Runbook, script: Seed) -> None:
        super().__init__(runbook, script)
        self.moments: list[Moment] = []
        self.raised = 0.0
        """When the curtain was, in seconds since the beginning."""
        self._stands = ""

    def play(self) -> Outcome:
        outcome = super().play()
        for ticks in self.deployment.ticks.values():
            self.moments += (self._of_tick(tick) for tick in ticks if _worth_telling(tick))
        for at, fault, what in self.strikes.befallen if self.raised else ():
            self.moments.append(Moment(at, "fault", _befell(fault, what)))
        for arn, (procedure, mode) in self.executions.items():
            if procedure != "settle":
                self.moments += self._execution(arn, procedure, mode)
        for breach in outcome.breaches:
            text = f"{breach.invariant}: {breach.story}"
            self.moments.append(Moment(breach.at or self.clock.elapsed, "BREACH", text))
        self.moments.sort(key=lambda moment: moment.at)
        return outcome

    def _of_tick(self, tick: Tick) -> Moment:
        if not tick.ended:
            return Moment(
                tick.began - self.clock.start, "died", f"{tick.label}: tick {tick.number} never ended"
            )
        return Moment(tick.ended - self.clock.start, "tick", _verdict(tick))

    def _curtain(self) -> None:
        super()._curtain()
        self.raised = self.clock.elapsed
        self.cloud.watchers.append(self._changes)
        self.clock.after_each.append(self._look)
        self._look()

    def _execution(self, arn: str, procedure: str, mode: str) -> Iterator[Moment]:
        name, machine = arn.rpartition(":")[2], self.deployment.machines[procedure]
        execution = self.engine.executions[arn]
        yield Moment(execution.started - self.clock.start, "start", f"{name}, {mode}, in {machine.region}")
        if execution.status != "RUNNING":
            why = f": {execution.failure.error}" if execution.failure else ""
            yield Moment(execution.stopped - self.clock.start, "end", f"{name}: {execution.status}{why}")

    def _changes(self, request: Request, answer: object) -> None:
        """A change that AWS has made, by whom."""
        tick = TICK.get()
        ledgers = is_ledgers(self.runbook.ledger.table, request.service, request.parameters)
        noted = ledgers and request.operation != QUERY.operation_name
        if not noted and (tick is None or tick.change(request) is None):
            return
        who = tick.label if tick else "a person"
        self.moments.append(Moment(self.clock.elapsed, "change", f"{who}: {request}: {_parameters(request)}"))

    def _look(self) -> None:
        """How customers and data stand, whenever that changes."""
        shop, weather = self.shop, self.cloud.faults
        stands = "; ".join(
            f"{name} {', '.join(sorted(regions)) or 'nowhere'}"
            for name, regions in (
                ("data is written in", shop.writers()),
                ("the API is open in", shop.open_regions()),
                ("customers are led to", shop.routes()),
                ("dark:", weather.dark),
            )
            if regions or name != "dark:"
        )
        if stands != self._stands:
            self._stands = stands
            self.moments.append(Moment(self.clock.elapsed, "world", stands))


@dataclass(frozen=True)
class Tale:
    """A run, told."""

    outcome: Outcome
    moments: Sequence[Moment]

    def as_json(self) -> dict[str, Any]:
        return {
            "seed": str(self.outcome.seed),
            "status": self.outcome.status,
            "safe": self.outcome.safe,
            "live": self.outcome.live,
            "breaches": [{"invariant": b.invariant, "story": b.story} for b in self.outcome.breaches],
            "events": [{"at": round(m.at, 3), "kind": m.kind, "text": m.text} for m in self.moments],
        }


def tell(runbook: Runbook, seed: Seed) -> Tale:
    """Plays the seed, and tells what happened from the curtain on."""
    play = Told(runbook, seed)
    outcome = play.play()
    return Tale(outcome, tuple(_shortened([m for m in play.moments if m.at >= play.raised])))


def _shortened(moments: Sequence[Moment]) -> Iterator[Moment]:
    """A tick that says what the tick of its state before said is told with that one."""
    last: dict[str, tuple[str, int]] = {}
    kept: list[Moment] = []
    times: dict[int, int] = {}
    for moment in moments:
        label, _, said = FIGURES.sub("", moment.text).partition(": ")
        if moment.kind == "tick" and last.get(label, ("", 0))[0] == said:
            times[last[label][1]] += 1
            continue
        if moment.kind == "tick":
            last[label] = said, len(kept)
        times[len(kept)] = 1
        kept.append(moment)
    for number, moment in enumerate(kept):
        again = f" ({times[number]} ticks)" if times[number] > 1 else ""
        yield Moment(moment.at, moment.kind, moment.text + again)


def _worth_telling(tick: Tick) -> bool:
    """A schedule that finds nothing to do is not."""
    return not tick.label.startswith("settle-") or not tick.verdict.startswith(IDLE)


def _verdict(tick: Tick) -> str:
    """Without the state's name, which the label has said."""
    kind, _, why = tick.verdict.partition(": ")
    why = ARN.sub(r"\1", why.removeprefix(f"{tick.event['state']['Name']}: "))
    return f"{tick.label}: {kind}{f': {why}' if why else ''}"


def _befell(fault: Fault, what: str) -> str:
    if fault.kind in BEFELL:
        where = f"{fault.at.label}, tick {fault.at.tick}, call {fault.at.call}" if fault.at else ""
        return f"{where}: {what} {BEFELL[fault.kind]}"
    return f"{fault.kind}: {fault.place}"


def _parameters(request: Request) -> str:
    """What a call asks for, in a few words."""
    given: Mapping[str, Any] = request.parameters
    row = given.get("Item") or given.get("Key")
    told = _row(row) if row else ", ".join(f"{name} {value}" for name, value in given.items())
    return ARN.sub(r"\1", told)[:TOLD_PARAMETERS]


def _row(row: Mapping[str, Any]) -> str:
    """An item of the ledger; of the lease, whose it is."""
    item: str = row["item"]["S"]
    if item == "lease" and "body" in row:
        lease = json.loads(row["body"]["S"])
        return f"lease of {lease['holder']}, {'released' if lease['released'] else 'held'}"
    return item
