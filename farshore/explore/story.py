"""One run described in plain words: what each tick saw and did, what went wrong, and who did what else."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from functions.calls import HOMES
from functions.fence import UNKNOWN
from functions.run import SCHEDULED
from twin.application import intended, open_regions
from twin.faults import Request

from ..checkers.events import Call, Tick
from ..compile.procedure import IDLE
from ..runbook.model import Runbook
from ..runbook.regions import partitions
from ..simulate.report import Moment
from .data import Outcome
from .driver import Driver
from .injector import Injected
from .kinds import kind_of
from .points import FIGURES
from .seed import Fault, Seed

PARAMETERS = 160
"""Letters of a call's parameters that a story gives."""
ARN = re.compile(r"arn:aws:[a-z0-9-]+:[^ ,'\"]*[:/]([^ ,'\":/]+)")
"""An ARN and the name at its end, which is enough to know it by."""

BEATEN = ("done", UNKNOWN, "NotYet")
"""How a tick ends that writes heartbeats, or finds nobody who takes them."""


class Narrator:
    """Notes what happens in a driver's simulation, from the beginning of its run on."""

    def __init__(self, driver: Driver) -> None:
        self._driver, self._simulation, self._clock = driver, driver.simulation, driver.simulation.clock
        self._noted: list[Moment] = []
        self._began: float | None = None
        """Seconds since the simulation's beginning; None while the run has not begun."""
        self._stands = ""
        driver.on_begin.append(self._begin)

    def moments(self, outcome: Outcome) -> Sequence[Moment]:
        """All of them, from the beginning of the run on."""
        every = [*self._noted, *self._at_the_end(), *self._breaches(outcome)]
        began = self._began or 0.0
        return sorted((moment for moment in every if moment.at >= began), key=lambda moment: moment.at)

    def _begin(self) -> None:
        self._began = self._clock.elapsed
        self._simulation.on_call.append(self._change)
        self._clock.after_each.append(self._look)
        self._look()

    def _at_the_end(self) -> Iterator[Moment]:
        """What is known of ticks, faults and executions only then."""
        if self._began is None:
            return
        for ticks in self._simulation.deployment.ticks.values():
            yield from (self._tick(tick) for tick in ticks if _matters(tick))
        for each in self._driver.injected:
            yield Moment(each.at - self._clock.start, "fault", _fault(each))
        for execution, (procedure, mode) in self._simulation.executions.items():
            if self._simulation.purpose(procedure) not in SCHEDULED:
                yield from self._execution(execution, procedure, mode)

    def _breaches(self, outcome: Outcome) -> Iterator[Moment]:
        for breach in outcome.breaches:
            yield Moment(breach.at or self._clock.elapsed, "BREACH", f"{breach.invariant}: {breach.story}")

    def _tick(self, tick: Tick) -> Moment:
        if not tick.ended:
            return Moment(
                tick.began - self._clock.start, "died", f"{tick.label}: tick {tick.number} never ended"
            )
        return Moment(tick.ended - self._clock.start, "tick", _answer(tick))

    def _execution(self, arn: str, procedure: str, mode: str) -> Iterator[Moment]:
        name, machine = arn.rpartition(":")[2], self._simulation.deployment.machines[procedure]
        execution = self._simulation.engine.executions[arn]
        yield Moment(execution.started - self._clock.start, "start", f"{name}, {mode}, in {machine.region}")
        if execution.status != "RUNNING":
            why = f": {execution.failure.error}" if execution.failure else ""
            yield Moment(execution.stopped - self._clock.start, "end", f"{name}: {execution.status}{why}")

    def _change(self, call: Call) -> None:
        """A change that AWS has made, and who asked for it."""
        if call.written is not None or call.change is not None:
            who = call.tick.label if call.tick else "a person"
            text = f"{who}: {call.request}: {_parameters(call.request)}"
            self._noted.append(Moment(self._clock.elapsed, "change", text))

    def _look(self) -> None:
        """How customers and data stand, whenever that changes."""
        stands = "; ".join(self._facts())
        if stands != self._stands:
            self._stands = stands
            self._noted.append(Moment(self._clock.elapsed, "world", stands))

    def _facts(self) -> Iterator[str]:
        application, faults = self._simulation.application, self._simulation.cloud.faults
        for dataset in application.datasets:
            yield f"{dataset.name} is written in {_places(dataset.writers())}"
        yield f"requests are taken in {_places(open_regions(application))}"
        yield f"customers are led to {_places(intended(application))}"
        if faults.dark:
            yield f"dark: {_places(faults.dark)}"
        for place, ailment in sorted(faults.ailing.items()):
            yield f"{place} is {'mute' if ailment == 'mute' else f'answering nothing but {ailment}'}"


@dataclass(frozen=True)
class Story:
    """A run, described."""

    outcome: Outcome
    moments: Sequence[Moment]
    never: Sequence[Fault] = ()
    """Faults of the seed that did not happen, for the run made no call at their point."""

    def as_json(self) -> dict[str, Any]:
        return {
            "seed": str(self.outcome.seed),
            "status": self.outcome.status,
            "safe": self.outcome.safe,
            "live": self.outcome.live,
            "breaches": [{"invariant": b.invariant, "story": b.story} for b in self.outcome.breaches],
            "never": [str(fault) for fault in self.never],
            "events": [{"at": round(m.at, 3), "kind": m.kind, "text": m.text} for m in self.moments],
        }


def story_of(runbook: Runbook, seed: Seed) -> Story:
    """Plays the seed, and describes what happened from the beginning of its run on."""
    driver = Driver(runbook, seed)
    narrator = Narrator(driver)
    outcome = driver.play()
    happened = [each.fault for each in driver.injected]
    known = _known(runbook)
    elsewhere = [each for each in outcome.seed.faults if _is_elsewhere(each, known)]
    never = tuple(each for each in outcome.seed.faults if each in elsewhere or each not in happened)
    return Story(outcome, tuple(_shortened(narrator.moments(outcome))), never)


def _known(runbook: Runbook) -> frozenset[str]:
    """The Regions that its calls may go to."""
    text = Path(runbook.path).read_text(encoding="utf-8")
    named = (region for region in partitions() if region in text)
    return frozenset((*HOMES, *runbook.ledger.regions, *named))


def _is_elsewhere(fault: Fault, known: frozenset[str]) -> bool:
    return kind_of(fault).in_a_region and bool(fault.regions) and known.isdisjoint(fault.regions)


def _shortened(moments: Sequence[Moment]) -> Iterator[Moment]:
    """A tick that says what the tick of its state before said is counted with that one."""
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


def _places(places: Iterable[str]) -> str:
    return ", ".join(sorted(places)) or "nowhere"


def _matters(tick: Tick) -> bool:
    """A schedule that finds nothing to do does not, nor one that does what it does each minute."""
    return not tick.answer.startswith({"settle": IDLE, "beat": BEATEN}.get(tick.purpose, ()))


def _answer(tick: Tick) -> str:
    """Without the state's name, which the label has said."""
    kind, _, why = tick.answer.partition(": ")
    why = ARN.sub(r"\1", why.removeprefix(f"{tick.event['state']['Name']}: "))
    return f"{tick.label}: {kind}{f': {why}' if why else ''}"


def _fault(each: Injected) -> str:
    fault, sentence = each.fault, kind_of(each.fault).sentence
    if not sentence:
        return f"{fault.kind}: {fault.place}"
    where = f"{fault.at.label}, tick {fault.at.tick}, call {fault.at.call}" if fault.at else ""
    return f"{where}: {each.request} {sentence}"


def _parameters(request: Request) -> str:
    """What a call asks for, in a few words."""
    given: Mapping[str, Any] = request.parameters
    row = given.get("Item") or given.get("Key")
    said = _row(row) if row else ", ".join(f"{name} {value}" for name, value in given.items())
    return ARN.sub(r"\1", said)[:PARAMETERS]


def _row(row: Mapping[str, Any]) -> str:
    """An item of the ledger; of what is held, by whom."""
    item: str = row["item"]["S"]
    body: Mapping[str, Any] = json.loads(row["body"]["S"]) if "body" in row else {}
    if "holder" in body and "released" in body:
        return f"{item} of {body['holder']}, {'released' if body['released'] else 'held'}"
    return item
