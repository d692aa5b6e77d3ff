"""One tick: looks, decides, makes the changes that are due, and looks again."""

from __future__ import annotations

import dataclasses
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from .calls import LONGEST_TICK_SECONDS, Answer, Call, Denied, Missed, said_to
from .errors import Aborted, NotYet, Paused, Refused, Untouched
from .ledger import Ledger, Records, Remember
from .outside import Outside
from .planned import DOUBTS, Planned, first_few, one_line
from .run import SHOWN, Run, loss_digest
from .step import Change, Decision, Done, Step, Wait
from .world import World

ROUNDS = 3
"""Changes of one tick, each looked at again: what one brought about at once needs no second tick."""

SKIPPED = "skipped"
"""The outcome of a state that a person lets the run go past."""

LEFT_FOR_LATER = "left for later"
"""The outcome of a fence that may go up before a person has spoken, in a graceful run: that waits."""

LOSS_BY_PROOF = "by proof, which only a plan can be: abort it, and start an ungraceful run"
"""What is to be done where approvals are to be proved, and a run is to lose more than was approved."""

LONGEST_WORD = 1000
"""Characters of one answer of AWS: a Cause holds 32,768, and a person fewer."""

LONGEST_PAUSE_SECONDS = 3600.0
"""A pause that nobody ends is over so long after it was said, since a run's history is finite. Then a run
that gives up goes on, because what was taken from customers must be given back; any other is Refused."""


@dataclasses.dataclass
class _Progress:
    """How far a tick has come."""

    since: float
    """Since when the state waits, in seconds since 1970."""
    touched: bool = True
    """Not all that was sent can be given back, or nobody knows yet; where the step moves nothing, too."""
    noted_at: float | None = None
    """When this tick has noted in the ledger that the run has begun to move something."""
    trouble: list[Missed] = dataclasses.field(default_factory=list)
    """What was not acknowledged of the calls that were sent last."""
    missed: list[Missed] = dataclasses.field(default_factory=list)
    """What was not of all that this tick has sent, each as it was answered last."""
    acknowledged: list[Call] = dataclasses.field(default_factory=list)
    answered: Sequence[tuple[Call, Answer]] = ()
    """What AWS said to these."""
    noted: str = ""
    """What AWS said to the last change of this state before this tick, if it did not make that."""
    last_answer: str = ""
    """The same, and what it has said in this tick."""


def tick(step: Step[Any], run: Run, ledger: Ledger, outside: Outside, since: float) -> dict[str, Any]:
    """Looks, decides, changes, looks again. Returns the state's output, or raises one of the errors.

    Whatever else is raised is a mistake of ours, or an answer that nobody foresaw. It is told, and ticked
    again for as long as the state may wait, since the next answer may be another.
    """
    progress = _Progress(since)
    try:
        return _tick(step, run, ledger, outside, progress)
    except NotYet:
        # For the state's last tick, which only looks. A state that is soon done notes nothing.
        half_over = outside.clock() - progress.since > step.within / 2
        if half_over and progress.last_answer != progress.noted:
            ledger.note_answer(run, progress.last_answer)
        raise
    except (Refused, Aborted):
        raise
    except Exception as error:
        if run.dry_run:
            raise
        place = traceback.extract_tb(error.__traceback__)[-1]
        where = f"{Path(place.filename).name}, line {place.lineno}"
        why = f"Farshore did not foresee this: {type(error).__name__}: {error} ({where})"
        if outside.clock() - progress.since <= step.within:
            raise NotYet(why) from error
        late = _late(step, why, (), progress.last_answer)
        raise _given_up(late, progress.touched) from error


def _tick(step: Step[Any], run: Run, ledger: Ledger, outside: Outside, progress: _Progress) -> dict[str, Any]:
    why, moves = "", step.moves() and not run.dry_run
    for look in range(ROUNDS + 1):
        records = ledger.read()
        if look == 0:
            progress.last_answer = progress.noted = records.last_answer(run)
        progress.touched = (
            not moves or records.has_begun(run.execution, run.started) or (look > 0 and progress.touched)
        )
        try:
            looked = _looked(step, run, records, outside, progress)
        except (Refused, Aborted) as error:
            raise _given_up(error, progress.touched) from None
        if isinstance(looked, dict):
            if looked["outcome"] == SKIPPED and moves:
                _hold(records, run, outside.clock())
                ledger.begin(run.execution, records, outside.clock())  # a person has moved it, or will
            return looked
        world, decision = looked
        if isinstance(decision, Wait):
            raise NotYet(decision.why, decision.facts)
        why = decision.why
        # A fence decides itself what a no means: what else it takes or gives back is still to be confirmed.
        if (_denied(progress.trouble) and not step.fences) or (look == ROUNDS and decision.calls):
            break
        if step.needs_lease:
            records = ledger.read()
            _hold(records, run, world.now)
        if run.gives_up:
            _note_giving_up(ledger, records, run, world.now)
        due = [call for call in decision.calls if call not in progress.acknowledged]
        if not due and not decision.notes:
            raise NotYet(f"acknowledged, but not to be seen yet: {decision.why}")
        _change(decision, due, world, ledger, progress, moves)
    why = _said(progress.trouble) or why
    if _denied(progress.trouble) and not step.fences:
        raise _given_up(Refused(why), progress.touched)
    raise NotYet(why)


def _change(
    decision: Change, due: list[Call], world: World, ledger: Ledger, progress: _Progress, moves: bool
) -> None:
    """Writes the notes and makes the calls. What the ledger must know comes before anything is sent: what
    will be overwritten, and last that this run has begun. Each tick that sends what moves something notes it
    for itself, so that no other can take it back."""
    try:
        for note in decision.notes:
            note.write_in(ledger)
        if due and moves and progress.noted_at is None:
            now = world.now
            ledger.begin(world.run.execution, world.records, now)
            progress.noted_at = now
    except Refused as error:
        raise _given_up(error, progress.touched) from None
    before, progress.touched = progress.touched, progress.touched or bool(due)
    progress.trouble = world.send(due)
    progress.answered = world.answered
    progress.missed = [*(m for m in progress.missed if m[0] not in due), *progress.trouble]
    if not all(call.api.is_http for call in due):
        progress.last_answer = _said([missed for missed in progress.trouble if not missed[0].api.is_http])
    missed = [call for call, _ in progress.trouble]
    progress.acknowledged += [call for call in due if call not in missed]
    said_no = [call for call, reply in progress.trouble if reply.answered]
    progress.touched = before or any(call not in said_no for call in due)
    if progress.noted_at is not None and not progress.touched:
        # AWS has answered each call, and done none: the fences can still be given back.
        ledger.not_begun(progress.noted_at)
        progress.noted_at = None


def _denied(trouble: Sequence[Missed]) -> list[Call]:
    """AWS said no to these, so it has not done them."""
    return [call for call, reply in trouble if isinstance(reply, Denied)]


def _given_up(why: Refused | Aborted, touched: bool) -> Refused | Aborted:
    return why if touched else Untouched(str(why))


def _looked(
    step: Step[Any],
    run: Run,
    records: Records,
    outside: Outside,
    progress: _Progress,
) -> dict[str, Any] | tuple[World, Wait | Change]:
    """The state's output where it holds, is skipped or only planned; else what was seen, and what is due."""
    step, stated = _stated(step, run, records)
    run, since, word = _heed(run, records, progress.since, outside.clock(), step)
    progress.since = since
    if word is not None:
        return word
    if run.purpose == "early" and run.mode == "graceful":
        return {"outcome": LEFT_FOR_LATER, "facts": {}}
    sent = progress.acknowledged, progress.missed, progress.answered
    world = World(outside, run, records, since, step, *sent)
    decision = _decided(step, world)
    if run.dry_run:
        return _preview(step, run, decision, world.silent)
    if isinstance(decision, Done):
        return {"outcome": decision.outcome, "facts": {**decision.facts, **stated}}
    if world.waited > step.within:
        raise _late(step, decision.why, world.silent, progress.last_answer)
    return world, decision


def _late(step: Step[Any], why: str, silent: Sequence[str], last_answer: str) -> Refused:
    """With AWS's last word: what the reads of this tick met, and what was said to the last change."""
    more = [word for word in dict.fromkeys(silent) if word not in why]
    silences = [first_few([_cut(word) for word in more])] if more else []
    said = [f"AWS last answered {last_answer}"] if last_answer and last_answer not in why else []
    return Refused(f"not within {step.within:g} s: {'; '.join([why, *silences, *said])}")


def _stated(step: Step[Any], run: Run, records: Records) -> tuple[Step[Any], dict[str, Any]]:
    """With the safety rules that a person overrides in this run, and who did, for its facts."""
    rules = records.word_to(run.execution, run.started).get("override")
    if run.dry_run or step.overrides is None or not rules or not isinstance(rules, dict):
        return step, {}
    inputs: dict[str, Any] = {step.overrides: tuple(rules)}
    return dataclasses.replace(step, **inputs), {
        "overridden": [f"{rule} by {who}" for rule, who in rules.items()]
    }


def _decided(step: Step[Any], world: World) -> Decision:
    """What the step cannot decide without is waited for, and `within` ends that, too."""
    try:
        return step.decide(step.observe(world))
    except NotYet as silence:
        return Wait(str(silence))


def _heed(
    run: Run, records: Records, since: float, now: float, step: Step[Any]
) -> tuple[Run, float, dict[str, Any] | None]:
    """A person's word to this run, from the ledger. Nobody skips an approval: it would be one of no plan. Who
    says `ungraceful` after the plan was approved as graceful is heard once that is approved, too."""
    word = records.word_to(run.execution, run.started)
    if run.dry_run or not word:
        return run, since, None
    who = f"{word.get('who', 'somebody')}: {word.get('why', '')}"
    since = max(since, word.get("resumed_at", 0.0))
    asks = not run.gives_up and run.mode == "graceful" and records.asks_to_lose(run.execution, run.started)
    if word.get("ungraceful") and not asks:
        run = dataclasses.replace(run, mode="ungraceful")
    if word.get("abort") and not run.gives_up:
        raise Aborted(f"aborted by {who}")
    if word.get("pause"):
        if now < word.get("paused_at", now) + LONGEST_PAUSE_SECONDS:
            raise Paused(f"paused by {who}")
        if not run.gives_up:
            raise Refused(f"paused by {who}, and nobody resumed it within {LONGEST_PAUSE_SECONDS:g} s")
    if run.state in word.get("skip", ()) and step.phase != "approve":
        return run, since, {"outcome": SKIPPED, "facts": {"by": who}}
    loss = loss_digest(run.execution, run.started)
    if word.get("ungraceful") and asks and now - since <= step.within and not records.declined(loss):
        by_proof = records.wants_proof(run.execution, run.started)
        approve = f"farshore approve {run.application} {loss[:SHOWN]} --why …"
        said = f"{who} says ungraceful, and the plan was approved as graceful"
        raise NotYet(f"{said}, {LOSS_BY_PROOF}" if by_proof else f"{said}: {approve}")
    return run, since, None


def _hold(records: Records, run: Run, now: float) -> None:
    """Only the holder changes anything, and only after the one before it has surely let go."""
    lease = records.lease
    if lease is None or lease.released or lease.holder != run.execution:
        raise Refused(f"superseded: the lease is held by {lease.holder if lease else 'nobody'}")
    if lease.redrives != run.redrives:
        raise Refused("redriven without the lease: use `farshore redrive`, which looks and asks again first")
    if now < lease.quiet_until:
        raise NotYet(f"a call of the run before may be in flight for {lease.quiet_until - now:.0f} s more")
    if not run.gives_up and records.has_given_up(run.execution, run.started):
        raise Refused("the run has given up, and gives back what it took: it changes nothing else any more")


def _note_giving_up(ledger: Ledger, records: Records, run: Run, now: float) -> None:
    """Before anything is given back, the lease among it, it is noted that the run moves nothing any more: one
    of its ticks may be delivered late. One that was quicker has moved data or customers, unless AWS tells it
    no: to give back then would open the Region that is left."""
    if records.has_begun(run.execution, run.started):
        if now < (records.begun_at or 0.0) + LONGEST_TICK_SECONDS:
            raise NotYet("a late tick of this run has begun to move something, and may be told no")
        raise Refused("a late tick of this run has moved something: nothing is given back; start it again")
    if not records.has_given_up(run.execution, run.started):
        ledger.give_up(run.execution, records, now)


def _preview(step: Step[Any], run: Run, decision: Decision, silent: Sequence[str]) -> dict[str, Any]:
    doubts = [*decision.facts.get(DOUBTS, ()), *silent]
    facts = {name: fact for name, fact in decision.facts.items() if name != DOUBTS}
    facts |= {DOUBTS: doubts} if doubts else {}
    state, moves = run.state, step.moves()
    if isinstance(decision, Done):
        return {"outcome": decision.outcome, "facts": dict(facts)}
    if isinstance(decision, Wait):
        return Planned("would wait", decision.why, facts=facts, state=state, no_return=moves).as_json()
    overwrites = {
        note.memory.resource: note.memory.value for note in decision.notes if isinstance(note, Remember)
    }
    return Planned("would change", decision.why, decision.calls, overwrites, facts, state, moves).as_json()


def _said(trouble: Sequence[Missed]) -> str:
    """What was answered to the calls that were not done: which call, in which Region, code and message."""
    return first_few([_cut(said_to(call, reply)) for call, reply in trouble])


def _cut(word: str) -> str:
    """What others wrote, on one line."""
    return one_line(word)[:LONGEST_WORD]
