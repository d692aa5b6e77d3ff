"""One holder: this run, and no other, may change anything of the application.

The compiler puts it first in every machine, and last with `release`. The lease is an item of the ledger,
taken by conditional write. A holder that has ended gives way, and whether it has is asked of Step Functions,
not assumed. A holder that cannot be asked gives way only to an ungraceful run with a person's recorded
take-over. Without a clean release a call of the holder before may still be in flight: the new holder changes
nothing until it has surely ended.

EventBridge delivers an event at least once, and an alarm may come again: a run that finds at work what the
same alarm has started, in the same mode, has nothing to do and ends well. Any other is Refused: what it was
started for is something else, and a person must decide.

An event is no proof that a run is under way: whoever may invoke the function writes it. So before the lease
is taken, Step Functions is asked whether that execution runs, of the machine whose lease it is, since when
the event says, and redriven as often. Its answers are eventually consistent: one who is not known yet, or not
redriven yet, is asked for again. Source:
docs.aws.amazon.com/step-functions/latest/apireference/API_DescribeExecution.html

A run does not move to a Region of which a game day still holds anything, whatever step it holds it by.

However a run ends before it has moved anything, what it took away is given back, or owed: by its undo where
that could do it; by whoever takes the lease after it where it was stopped, or its undo could not be called.
The schedule that pays debts takes the lease for that, too.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Annotated, ClassVar

from ..calls import LONGEST_TICK_SECONDS, Absent, Answer, Api, Sight, Silence
from ..errors import AtWork, Refused
from ..handler import lambda_handler
from ..inputs import Seconds
from ..ledger import DELETE, PUT, Erase, Hold, Lease, Note, Owe, Pay, Records, debtor
from ..planned import first_few
from ..run import ARN_PARTS, Run, machine_name
from ..step import Change, Decision, Done, Step, Wait
from ..world import World

DESCRIBE = Api(
    "states:DescribeExecution",
    client="stepfunctions",
    resource="states:*:{account}:execution:{machines}:*",
    absent=frozenset({"ExecutionDoesNotExist"}),
)
"""In whichever Region the runbook had its machines when the holder began; and in this one's. Of
an execution that ended 90 days ago, Step Functions knows no more."""


ENDED = frozenset({"SUCCEEDED", "FAILED", "TIMED_OUT", "ABORTED"})
"""A holder in any other state may go on. Source:
docs.aws.amazon.com/step-functions/latest/apireference/API_DescribeExecution.html"""


APART_SECONDS = 1.0
"""Two notes of one start are nearer than that: a machine's context object has milliseconds, and so has
DescribeExecution."""


@dataclass(frozen=True)
class Seen:
    run: Run
    records: Records
    now: float
    other: Sight | None
    """What Step Functions says of the execution that holds the lease, where that is not this one."""
    mine: Sight | None
    """What it says of this one, where the lease may have to be taken for it."""


@dataclass(frozen=True, kw_only=True)
class LeaseStep(Step[Seen]):
    """This run, and no other, may change anything of the application."""

    within: Annotated[Seconds, "how long a holder that does not answer is asked"] = Seconds(300)
    release: Annotated[bool, "the run is over: give the lease back"] = False
    cooldown: Annotated[Seconds, "how long after a run's end no alarm may start another"] = Seconds(0)

    name: ClassVar = "lease"
    reads: ClassVar = (DESCRIBE,)
    notes: ClassVar = (PUT, DELETE)
    needs_lease: ClassVar = False
    written: ClassVar = False

    def observe(self, world: World) -> Seen:
        run, lease = world.run, world.records.lease
        after = "" if lease is None or lease.released else lease.holder
        owed = run.purpose != "settle" or world.records.debts or after
        takes = not (self.release or run.dry_run or after == run.execution) and owed and _of_its_machine(run)
        asked = {}
        if after not in ("", run.execution):
            asked["other"] = DESCRIBE(after.split(":")[3], executionArn=after)
        if takes:
            asked["mine"] = DESCRIBE(run.target, executionArn=run.execution)
        sights = dict(zip(asked, world.ask(*asked.values()), strict=True)) if asked else {}
        return Seen(run, world.records, world.now, sights.get("other"), sights.get("mine"))

    def decide(self, seen: Seen) -> Decision:
        lease = seen.records.lease
        mine = lease is not None and lease.holder == seen.run.execution
        settling = seen.run.purpose == "settle"
        if self.release:
            return self._let_go(seen, lease) if mine and lease is not None else Done("not held")
        if settling and not seen.records.debts and not _left_up(seen):
            return Done("nothing owed")
        if lease is None or (lease.released and not mine):
            return self._cool(seen, lease) or self._take(seen, lease, quiet_until=0.0)
        if mine:
            if lease.redrives != seen.run.redrives or lease.released:
                raise Refused("redriven without the lease: `farshore redrive` looks and asks again first")
            if stale := seen.records.noted(besides=seen.run.execution):
                return Change("erase what runs before were answered", notes=tuple(map(Erase, stale)))
            return Done(facts={"epoch": lease.epoch})
        return self._after_another(seen, lease)

    def _after_another(self, seen: Seen, lease: Lease) -> Decision:
        other, quiet_until = seen.other, seen.now + LONGEST_TICK_SECONDS
        if isinstance(other, Silence):
            word = seen.records.take_over
            meant = word.get("holder"), word.get("epoch")
            if seen.run.mode == "ungraceful" and meant == (lease.holder, lease.epoch):
                return self._take(seen, lease, quiet_until)
            return Wait(
                f"{lease.holder} holds the lease and cannot be asked ({other.why}); if a person knows "
                "that it is dead, start an ungraceful run with --take-over"
            )
        if seen.run.purpose == "settle" and _just_ended(seen):
            return Done("busy")
        if isinstance(other, Absent) or (other is not None and other.get("status") in ENDED):
            return self._cool(seen, lease) or self._take(seen, lease, quiet_until)
        if other is not None and other.get("status") != "RUNNING":
            return Wait(f"{lease.holder} holds the lease and is {other.get('status')}, whatever that is")
        if seen.run.purpose == "settle":
            return Done("busy")
        if lease.purpose == "settle":
            return Wait(f"{lease.holder} is retrying an owed fence")
        if other is not None and _wanted_the_same(seen.run, lease.holder, other):
            raise AtWork(f"{lease.holder} is at work: the alarm {seen.run.trigger} has started it")
        raise Refused(f"{lease.holder} is running and holds the lease: wait for it, or abort it")

    def _cool(self, seen: Seen, lease: Lease | None) -> Decision | None:
        if seen.run.trigger and lease is not None and seen.now < lease.ended + self.cooldown:
            raise Refused(
                f"cooling down for {lease.ended + self.cooldown - seen.now:.0f} s more: not started"
            )
        return None

    def _take(self, seen: Seen, after: Lease | None, quiet_until: float) -> Decision:
        if held := _held_by_a_game_day(seen):
            raise Refused(f"the outage still holds {first_few(held)}: end it first, by `recovery`")
        if not seen.run.dry_run and (waits := _unproved(seen.run, seen.mine)):
            return waits
        left = () if after is None or after.released else _left_by(after, seen)
        epoch = 1 if after is None else after.epoch + 1
        ended = 0.0 if after is None else after.ended
        # A short hold must not end the quiet that an unclean change of holders before it began.
        quiet_until = max(quiet_until, after.quiet_until if after is not None else 0.0)
        mine = Lease(
            seen.run.execution, seen.run.redrives, epoch, False, quiet_until, ended, seen.run.purpose
        )
        return Change("take the lease", notes=(*left, Hold(mine, after)))

    def _let_go(self, seen: Seen, lease: Lease) -> Decision:
        if lease.released:
            return Done("released")
        ended = seen.now if lease.purpose == "move" else lease.ended
        free = replace(lease, released=True, ended=ended)
        gave_up = seen.run.purpose == "undo" and lease.purpose == "move"
        left = _taken_by(lease.holder, seen) if gave_up else ()
        over = map(Erase, seen.records.noted())
        return Change("release the lease", notes=(*left, *over, Hold(free, lease)))


def _held_by_a_game_day(seen: Seen) -> list[str]:
    """Resources of the Region to which the run would move the application."""
    if seen.run.purpose != "move":
        return []
    held = (each.resource for each in seen.records.memories if each.owner == "outage")
    return [resource for resource in held if f":{seen.run.target}:" in resource]


def _of_its_machine(run: Run) -> bool:
    """The execution's ARN names the machine that the run is of, in the Region in which that lives."""
    named = run.execution.split(":")
    machine = ["execution", machine_name(run.application, run.procedure)]
    return len(named) == ARN_PARTS and named[3] == run.target and named[5:7] == machine


def _unproved(run: Run, mine: Sight | None) -> Wait | None:
    """Why the lease is not taken yet, though it is free; None where Step Functions bears the event out.
    Raises Refused where it says otherwise."""
    if not _of_its_machine(run):
        machine = machine_name(run.application, run.procedure)
        raise Refused(
            f"{run.execution} is no execution of {machine} in {run.target}, and takes no lease for it: "
            f"runs are started: farshore start {run.application} --mode …"
        )
    if not isinstance(mine, Mapping):
        why = mine.why if isinstance(mine, Silence) else "it knows none"
        return Wait(f"Step Functions in {run.target} does not say that {run.execution} runs: {why}")
    status, redrives = mine.get("status"), mine.get("redriveCount", 0)
    if "startDate" not in mine or redrives < run.redrives:
        return Wait(f"Step Functions in {run.target} does not say yet how {run.execution} was started")
    if abs(mine["startDate"].timestamp() - run.started) > APART_SECONDS or redrives != run.redrives:
        raise Refused(
            f"this event is of another run than {run.execution}, which was started at {mine['startDate']} "
            f"and redriven {redrives} times: it takes no lease"
        )
    if status in ENDED:
        raise Refused(f"{run.execution} is {status}: what has ended takes no lease")
    if status != "RUNNING":
        return Wait(f"{run.execution} is {status}, whatever that is")
    return None


def _wanted_the_same(run: Run, holder: str, other: Answer) -> bool:
    """The holder is a run of the same machine, that the same alarm has started in the same mode."""
    try:
        given = json.loads(other.get("input", ""))
        cause = given.get("trigger"), given.get("mode"), given.get("dry_run", False)
    except (ValueError, AttributeError):
        return False
    same_machine = holder.rpartition(":")[0] == run.execution.rpartition(":")[0]
    return bool(run.trigger) and same_machine and cause == (run.trigger, run.mode, run.dry_run)


def _left_up(seen: Seen) -> bool:
    """The holder has left something taken away, and is over."""
    lease, other = seen.records.lease, seen.other
    if lease is None or lease.released or other is None or isinstance(other, Silence):
        return False
    ended = isinstance(other, Absent) or other.get("status") in ENDED
    return ended and not _just_ended(seen) and bool(_left_by(lease, seen))


def _just_ended(seen: Seen) -> bool:
    """The holder has: a person may be redriving it, and has written that it holds the lease."""
    other = seen.other
    if not isinstance(other, Mapping) or other.get("status") not in ENDED or "stopDate" not in other:
        return False
    return bool(seen.now < other["stopDate"].timestamp() + LONGEST_TICK_SECONDS)


def _left_by(lease: Lease, seen: Seen) -> tuple[Note, ...]:
    """What a holder that is over left for others to give back: nothing, where it may have moved anything."""
    known = seen.other if isinstance(seen.other, Mapping) else {}
    began = known["startDate"].timestamp() if "startDate" in known else 0.0
    if lease.purpose != "move" or seen.records.has_begun(lease.holder, began):
        return ()
    return _taken_by(lease.holder, seen)


def _taken_by(execution: str, seen: Seen) -> tuple[Note, ...]:
    """Notes that this is to be given back. Fences that it only owed are wanted no more."""
    debts = seen.records.debts
    taken = [m.resource for m in seen.records.memories if m.owner == "run" and m.by == execution]
    why = f"{execution.rpartition(':')[2]} ended before it moved anything"
    return (
        *(
            Owe(resource, why, seen.now, execution, give_back=True)
            for resource in taken
            if not (debt := debts.get(resource, {})).get("give_back") or debtor(debt) != "run"
        ),
        *(
            Pay(resource)
            for resource, debt in debts.items()
            if debt.get("by") == execution and resource not in taken
        ),
    )


handler = lambda_handler(LeaseStep)
