"""Fencing: to take something from customers, to remember what it was, and to give it back. Not a step itself.

A step that fences observes its resources as `Held`, in a `FenceSight`, and lets `take_away` or `give_back`
decide about all of them at once: forty functions are fenced in one tick. Both are pure. Their rules:

- What will be overwritten is remembered first, for the owner that overwrites it ("run" or "outage"), and
  never when it already equals the target. An owner that finds the other's fence joins it: it remembers the
  other's value, so that the first to give back does not open it under the second's feet.
- Where a fence is not confirmed within `patience`, an ungraceful run owes it, and the step ends as `unknown`:
  the debt is paid once the fence is read back, or no longer wanted. The run itself tries once more when
  data has moved: whatever a Region that came back meanwhile accepts is lost. Others are Refused by silence.
- What an undo cannot give back, because nobody answers or AWS says no, is owed as well: a Region that comes
  back must not stay closed by a run that is over.
- What AWS denies of some keeps nothing from the others. A fence that is denied ends a graceful run, which
  has moved nothing yet; an ungraceful one tries until patience ends, then owes it and goes on. A restore that
  is denied is tried as long, and owed; a graceful run is then Refused where customers are led there next.
- What is held for a run only is given back at its end wherever it was taken, and owed where nobody answers.
- A memory is forgotten only after the value has been read back.
- Progress needs no tick in which all can be read: where AWS takes fewer calls than that, a memory keeps that
  its fence was confirmed, and what is given back is forgotten one by one.
- A run does not move to a Region in which a game day still holds what customers need: it takes no lease, and
  one that has it, as a redriven one does, is Refused by the plan that a person approves.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from .calls import Call, Denied, Missed, Sight, Silence, said_to
from .errors import Refused
from .inputs import Patience, Seconds
from .ledger import DELETE, PUT, Adopt, Forget, Memory, Note, Owe, Pay, Records, Remember, debtor
from .planned import DOUBTS, first_few
from .run import GIVES_UP, MOVES, Mode, Owner, Purpose
from .step import Change, Decision, Done, Wait
from .world import World

NOTES = (PUT, DELETE)
"""What a step that fences writes in the ledger."""

PATIENCE = Patience(Seconds(20))
"""Where a runbook says no other."""

UNKNOWN = "unknown"
"""The outcome of a fence that nobody confirmed: it is a debt."""

NOTHING_TO_GIVE_BACK = "nothing to give back"
"""The outcome of a restore: its owner remembers nothing, or no longer."""

ASKS = 5
"""How often one look asks those that were silent while others answered; in the dark it mostly asks twice."""

PLAN_ASKS = 2
"""The same in a dry run: whoever asks for a plan waits no longer for a Region that takes connections and
never answers, beside one that does."""

LAMBDA_CALLS_A_SECOND = 15
"""What Lambda takes of its control plane in a Region, of everybody in the account.
Source: docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html"""
CALLS_EACH = 3
"""What is fenced is read, set and read back."""

Value = object
"""What JSON can hold: a setting as the ledger remembers it. None is a setting too: there is none."""


@dataclass(frozen=True)
class Words:
    """What is done to a resource, for people."""

    do: str
    done: str
    owed: str = ""


FENCE = Words("fence", "fenced", "the fence of ")


@dataclass(frozen=True)
class Held:
    """One resource that is fenced, as just read."""

    resource: str
    """Its name in the ledger, without "#"."""
    current: Value | Silence
    confirmed: bool | None
    """Customers feel what the configuration says. None where nothing can be felt."""
    put: Callable[[Value], tuple[Call, ...]]
    """The calls that set a value. The calls of one value may go out together."""
    barred: str = ""
    """Why AWS will not let it be fenced, and what to do: as a dry run asks while all is well."""
    doubt: str = ""
    """What else a dry run could not learn of that."""
    aim: Callable[[Any], Value] | None = None
    """What its setting is to become, of the one that is there, where that has parts which stay."""
    lacks: str = "customers do not feel it yet"
    """What is missing where it is not confirmed."""


@dataclass(frozen=True)
class FenceSight:
    """All resources of a step, and for whom they are held. Durations and `now` in seconds."""

    owner: Owner
    execution: str
    purpose: Purpose
    mode: Mode
    now: float
    waited: float
    patience: float
    records: Records
    acknowledged: tuple[Call, ...]
    """What this tick has sent, and AWS has done."""
    missed: tuple[Missed, ...]
    """What else it has sent."""
    held: tuple[Held, ...]
    lets_go: bool = False
    """Nobody is led there next: what a silent Region is not given back is owed."""

    @classmethod
    def of(cls, world: World, patience: float, held: Sequence[Held], region: str) -> FenceSight:
        """`region` is where they are; "" where that is any, and the run only ends with giving them back."""
        run = world.run
        return cls(
            run.owner,
            run.execution,
            run.purpose,
            run.mode,
            world.now,
            world.waited,
            patience,
            world.records,
            world.acknowledged,
            world.missed,
            tuple(held),
            lets_go=(region == run.source and run.purpose in MOVES)
            or (not region and run.purpose != "settle"),
        )

    @property
    def settling(self) -> bool:
        """A debt is being paid: what is not owed is let be, and what cannot be paid pages a person."""
        return self.purpose == "settle"

    @property
    def again(self) -> bool:
        """What this run owes is tried once more, and it goes on without."""
        return self.purpose == "again"

    @property
    def late(self) -> bool:
        """Patience is at its end."""
        return self.again or self.waited > self.patience

    @property
    def owes(self) -> bool:
        """Only an ungraceful run goes on without its fence. A game day owes no breakage."""
        return self.mode == "ungraceful" and self.owner == "run" and not self.settling

    @property
    def dark(self) -> bool:
        """Nobody answered. Where some did, be it nothing of use, or that they were asked too much, or have
        just done what this tick sent, the Region lives."""
        silent = (held.current for held in self.held if isinstance(held.current, Silence))
        dark = [not (silence.throttled or silence.answered) for silence in silent]
        return not self.acknowledged and len(dark) == len(self.held) and all(dark)

    @property
    def crowded(self) -> bool:
        """AWS takes fewer calls than there are resources: what is confirmed is kept for later ticks."""
        return any(isinstance(held.current, Silence) and held.current.throttled for held in self.held)

    def owed(self, resource: str) -> bool:
        """Its fence is a debt."""
        return resource in self.records.debts and not self.records.debts[resource].get("give_back")

    def to_give_back(self, resource: str) -> bool:
        """An undo could not give it back: that is a debt."""
        return bool(self.records.debts.get(resource, {}).get("give_back"))

    def holder(self, resource: str) -> Owner:
        """For whom it is held: whoever pays debts gives back what either owes."""
        owes = self.settling and self.to_give_back(resource)
        return debtor(self.records.debts[resource]) if owes else self.owner

    def void(self, resource: str) -> tuple[Note, ...]:
        """Pays what is owed of it. A game day's debt is not a run's to forgive."""
        debt = self.records.debts.get(resource)
        return () if debt is None or debtor(debt) != self.holder(resource) else (Pay(resource),)

    def mine(self, resource: str) -> Memory | None:
        """What this owner remembers of the resource."""
        return next((m for m in self.records.remembered(resource) if m.owner == self.holder(resource)), None)

    def others(self, resource: str) -> tuple[Memory, ...]:
        """What the other owner remembers of it."""
        return tuple(m for m in self.records.remembered(resource) if m.owner != self.holder(resource))

    def tried(self, calls: Sequence[Call]) -> bool:
        """This tick has sent them, whatever became of it."""
        sent = [*self.acknowledged, *(call for call, _ in self.missed)]
        return all(call in sent for call in calls)

    def denied(self, calls: Sequence[Call]) -> bool:
        """AWS has said no to one of them, in this tick."""
        return any(isinstance(reply, Denied) for call, reply in self.missed if call in calls)

    def said_to(self, calls: Sequence[Call]) -> str:
        """What AWS said to them instead of doing them; "" where it did, or has not been asked."""
        return next((said_to(call, reply) for call, reply in self.missed if call in calls), "")


@dataclass
class _Sum:
    """What is due over all resources: one Decision comes of it."""

    notes: list[Note] = field(default_factory=list)
    calls: list[Call] = field(default_factory=list)
    due: list[str] = field(default_factory=list)
    waiting: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)
    doubts: list[str] = field(default_factory=list)

    def add(self, why: str, notes: Sequence[Note] = (), calls: Sequence[Call] = ()) -> None:
        self.notes.extend(notes)
        self.calls.extend(calls)
        self.due.append(why)

    def decision(self, done: Done) -> Decision:
        if self.due:
            facts: dict[str, object] = {"unread": len(self.waiting)} if self.waiting else {}
            facts |= {DOUBTS: self.doubts} if self.doubts else {}
            return Change(first_few(self.due), tuple(self.calls), tuple(self.notes), facts)
        if self.refused:
            raise Refused(first_few(self.refused))
        if self.waiting:
            return Wait(first_few(self.waiting))
        return done


def patient(patience: float, within: float) -> None:
    """Raises ValueError where a silent Region would end the run before its fence could be owed."""
    if patience >= within:
        raise ValueError(
            f"patience {patience:g} s is not shorter than within {within:g} s: a fence of a Region that is "
            "silent would fail the run and never be owed"
        )


def paced_by_lambda(patience: float, count: int, what: str) -> None:
    """Raises ValueError where so many cannot be read, set and read back before they would be owed."""
    if 0 < patience < (least := count * CALLS_EACH / LAMBDA_CALLS_A_SECOND):
        raise ValueError(
            f"patience {patience:g} s is shorter than the {least:g} s that {count} {what} take at Lambda's "
            f"{LAMBDA_CALLS_A_SECOND} calls a second: write {math.ceil(least)}s or more"
        )


def remembered_here(world: World, resource: str) -> bool:
    """Its owner has something to give back: where it has not, a restore needs no reading."""
    return any(memory.owner == world.run.owner for memory in world.records.remembered(resource))


def confirmed_before(world: World, resource: str) -> bool:
    """A tick of this state has read it back as fenced: it need not be read again."""
    run = world.run
    return any(
        memory.confirmed_at >= world.since and (memory.owner, memory.by) == (run.owner, run.execution)
        for memory in world.records.remembered(resource)
    )


def ask_all(world: World, calls: Sequence[Call], patience: float, asks: int = ASKS) -> list[Sight]:
    """`world.ask`, and again for those that were silent: of forty reads, one fails. Where all were, only once
    more: a Region that lives must not seem dark for a few lost answers. A graceful run's look past `patience`
    is its last, and may be its first (Lambda's own answers get lost too): it asks as often as it may."""
    sights, last = world.ask(*calls), world.run.mode == "graceful" and world.waited > patience
    most = min(asks, PLAN_ASKS) if world.run.dry_run else asks
    # What was changed is looked at once more: a tick's time must do for that, too.
    for again in range(most - 1 if not world.acknowledged else 0):
        silent = [place for place, sight in enumerate(sights) if isinstance(sight, Silence)]
        if not silent or (again and len(silent) == len(sights) and not last):
            break
        for place, sight in zip(silent, world.ask(*(calls[place] for place in silent)), strict=True):
            sights[place] = sight
    return sights


def take_away(seen: FenceSight, target: Value, words: Words = FENCE) -> Decision:
    """Brings every resource to `target`, each value remembered before it is overwritten."""
    barred = [held.barred for held in seen.held if held.barred]
    if barred and not seen.owes:
        raise Refused("; ".join(barred))
    due = _Sum(doubts=[*barred, *(held.doubt for held in seen.held if held.doubt)])
    read_back = 0
    for held in seen.held:
        silent = isinstance(held.current, Silence)
        aim = held.aim(held.current) if held.aim is not None and not silent else target
        read_back += not silent and _holds(held, aim)
        _fence(seen, held, aim, due, words)
    facts: dict[str, object] = {words.done: read_back}
    if due.unknown:
        return due.decision(
            Done(UNKNOWN, facts | {"unknown": len(due.unknown), "why": first_few(due.unknown)})
        )
    return due.decision(Done(facts=facts))


def give_back(seen: FenceSight) -> Decision:
    """Brings every resource to what its owner remembers; Done where that remembers nothing."""
    due = _Sum()
    still = sorted({memory.owner for held in seen.held for memory in seen.others(held.resource)})
    if still and seen.purpose == "move":
        what = first_few([held.resource for held in seen.held])
        raise Refused(f"the {' and '.join(still)} still holds {what}: end it first, by `recovery`")
    for held in seen.held:
        _restore(seen, held, due)
    if due.unknown:
        return due.decision(Done(UNKNOWN, {"unknown": len(due.unknown), "why": first_few(due.unknown)}))
    return due.decision(Done(f"still held by {', '.join(still)}" if still else NOTHING_TO_GIVE_BACK))


def _fence(seen: FenceSight, held: Held, target: Value, due: _Sum, words: Words) -> None:
    if seen.settling and seen.to_give_back(held.resource):
        _restore(seen, held, due)
        return
    owed = seen.owed(held.resource)
    void = seen.void(held.resource)
    if (seen.settling or seen.again) and not owed:
        return
    silent = held.current.why if isinstance(held.current, Silence) else ""
    if silent and seen.late and seen.dark and not seen.owes:
        raise Refused(f"{held.resource} may not stay open, and is silent after {seen.waited:.0f} s: {silent}")
    if not silent and _holds(held, target):
        notes = (*_memory(seen, held, target), *void)
        if notes:
            due.add(f"note that {held.resource} is {words.done}", notes)
        return
    stale = f"not {words.done} yet" if held.current != target else f"{words.done}, but {held.lacks}"
    notes = () if silent else _memory(seen, held, target)
    calls = () if silent or held.current == target else held.put(target)
    why = f"{held.resource}: {silent or seen.said_to(calls) or stale}"
    if seen.late and seen.owes and seen.tried(calls):
        if owed and not notes:
            due.unknown.append(why)
        else:
            owe = Owe(held.resource, why, seen.now, seen.execution)
            due.add(f"owe {words.owed}{held.resource}", (*notes, *(() if owed else void), owe))
    elif seen.denied(calls):
        (due.waiting if seen.owes else due.refused).append(why)
    elif notes or calls:
        due.add(f"{words.do} {held.resource}", notes, calls)
    else:
        due.waiting.append(why)


def _holds(held: Held, target: Value) -> bool:
    """It is read as that, and customers feel it where that can be felt."""
    return held.current == target and held.confirmed is not False


def _memory(seen: FenceSight, held: Held, target: Value) -> tuple[Note, ...]:
    """What to remember of a resource that answered: never our own target, and at most once.

    What a run before has left fenced is this run's from now on: whoever fences last gives back."""
    mine = seen.mine(held.resource)
    if mine is not None:
        adopts = seen.purpose in MOVES and mine.by != seen.execution
        again = held.current == target and mine.confirmed_at < seen.now - seen.waited
        confirms = again and seen.crowded and (adopts or mine.by == seen.execution)
        if not adopts and not confirms:
            return ()
        return (Adopt(replace(mine, by=seen.execution, confirmed_at=seen.now if confirms else 0.0)),)
    if held.current != target:
        return (Remember(Memory(seen.owner, held.resource, held.current, seen.execution)),)
    others = seen.others(held.resource)[:1]
    return tuple(Remember(Memory(seen.owner, held.resource, m.value, seen.execution)) for m in others)


def _restore(seen: FenceSight, held: Held, due: _Sum) -> None:
    # A fence that is given back is owed no more: a late payment would close it again.
    mine, void = seen.mine(held.resource), seen.void(held.resource)
    if mine is None:
        if void:
            due.add(f"no longer owe the fence of {held.resource}", void)
    elif seen.others(held.resource):
        due.add(f"leave {held.resource} to {seen.others(held.resource)[0].owner}", (Forget(mine), *void))
    elif isinstance(held.current, Silence):
        why = f"{held.resource}: {held.current.why}"
        if (seen.purpose in GIVES_UP or seen.lets_go) and seen.late:
            _owe_giving_back(seen, held, why, due)
        else:
            due.waiting.append(why)
    elif held.current != mine.value or _may_be_stale(seen, held, mine.value):
        calls = held.put(mine.value)
        denied, gives_up = seen.denied(calls), seen.purpose in GIVES_UP
        why = f"{held.resource}: {seen.said_to(calls) or 'not given back yet'}"
        if not (denied or (gives_up and seen.late and seen.tried(calls))):
            due.add(f"restore {held.resource}", (), calls)
        elif seen.late or seen.settling:
            _owe_giving_back(seen, held, why, due)
        else:
            due.waiting.append(why)
    elif held.confirmed is False:
        due.waiting.append(f"{held.resource}: restored, but {held.lacks}")
    else:
        due.add(f"note that {held.resource} is restored", (Forget(mine), *void))


def _owe_giving_back(seen: FenceSight, held: Held, why: str, due: _Sum) -> None:
    """A run owes it, and so does a game day that gives up: its recovery is a person's, who is told."""
    gives_up = seen.purpose in GIVES_UP
    if not seen.to_give_back(held.resource) and (gives_up or seen.owner == "run"):
        owe = Owe(held.resource, why, seen.now, seen.execution, give_back=True, owner=seen.owner)
        due.add(f"owe giving back {held.resource}", (owe,))
    elif gives_up or seen.owes or seen.lets_go:
        due.unknown.append(why)
    else:
        due.refused.append(why if seen.settling else f"{why} (mend that, and redrive)")


def _may_be_stale(seen: FenceSight, held: Held, value: Value) -> bool:
    """What was read may be from before the fence, and its memory is about to be forgotten. So it is given
    back once more, unless this tick has done so, or customers feel it."""
    return held.confirmed is None and not all(call in seen.acknowledged for call in held.put(value))
