"""What a person does to a run: start it, decide on its plan, speak to it through the ledger, redrive it.

The same for a deployed stack and for the twin: they differ in which AWS answers. Errors: `Trouble`, a message
for the person who typed; NotYet and Refused where the ledger is silent or says no (`answering` words them).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from functions.calls import LONGEST_TICK_SECONDS, Absent, Api, Denied, Silence
from functions.errors import NotYet
from functions.identity import Proof
from functions.ledger import Lease, Ledger, Records, places
from functions.outside import Outside
from functions.run import Mode, Purpose

from ..compile.definition import run_of, takes_lease
from ..runbook.model import Runbook
from .aws_cli import as_command
from .plan import fencing_states
from .proposal import Proposal, decided, is_decided, loss_of, proposal_of
from .runs import Runs, RunSnapshot, region_of, short, started
from .trouble import Trouble

SILENT = "silent"
"""The status of a run of which nobody says how it stands."""

TAKEN_BACK = frozenset({"abort", "pause", "override"})
"""Directives that a redrive takes back, since it is a person's later word: those that stopped the run, and a
safety rule that is overridden, so that a mistaken one does not stop it again."""

START = Api("states:StartExecution", client="stepfunctions")
REDRIVE = Api("states:RedriveExecution", client="stepfunctions")


@dataclass(frozen=True)
class Holder:
    """Who holds the lease, and what Step Functions says of it."""

    lease: Lease
    status: str
    """RUNNING, SUCCEEDED, FAILED, TIMED_OUT, ABORTED; "gone", or SILENT where it could not be asked."""
    why: str = ""
    started: float = 0.0
    """When it began, in seconds since 1970; 0 where it could not be asked."""

    @property
    def ended(self) -> bool:
        return self.status not in ("RUNNING", SILENT)


class Operator:
    """A person at the console of one application."""

    def __init__(self, runbook: Runbook, outside: Outside | None = None, near: str = "") -> None:
        self.runbook, self.outside = runbook, outside or Outside()
        self.runs = Runs(runbook, self.outside)
        place = near or runbook.regions.standby
        self._ledger = Ledger(
            self.outside, runbook.application, runbook.ledger.table, runbook.ledger.regions, place
        )

    def records(self) -> Records:
        """All that the ledger holds of the application. Raises NotYet where no replica answers."""
        return self._ledger.read()

    def proposal(self, records: Records) -> Proposal | None:
        """What there is to decide on: that a run goes on as ungraceful, or else the plan that was proposed
        last; and which of its steps are fences."""
        machine = self.runs.machine_of(records.proposal.get("execution", ""))
        fencing = fencing_states(machine.definition) if machine else frozenset()
        return loss_of(records, fencing) or proposal_of(records, fencing)

    def decide(
        self,
        records: Records,
        proposal: Proposal,
        decision: Literal["approve", "decline"],
        who: str,
        why: str,
        proof: Proof | None = None,
        arn: str = "",
    ) -> Mapping[str, Any]:
        """A decision counts for that plan of that run, and for no other, and is made once: the same again is
        done, unless the run has refused it. Gives the one that stands. Raises Trouble where that says
        otherwise. An approval that is not enough leaves room for another person's, and for anybody's decline.
        `arn` is who AWS says has signed; a run asks that itself."""
        word = {
            "digest": proposal.digest,
            "execution": proposal.execution,
            "started": proposal.started,
            "mode": proposal.mode,
            "decision": decision,
            "who": who,
            "why": why,
            "at": self.outside.clock(),
            **({"proof": proof.as_json()} if proof else {}),
            **({"arn": arn} if arn else {}),
        }
        said = decided(proposal, records)
        stands = next((each for each in said if _is_the_same(each, word)), None)
        if stands is None and is_decided(proposal, records):
            stands = said[-1]
        if stands is None:
            place = len(said)
            item = f"decision#{places(proposal.hash)[place]}"
            stands = next(iter(decided(proposal, self._say(item, word, records))[place:]), None)
            if stands is None:
                raise self._meanwhile(item)
        if stands.get("decision") != decision:
            raise Trouble(
                f"{stands.get('who')} said {stands.get('decision')} to plan {proposal.hash} already "
                f"({stands.get('why')}): to stop that run: farshore abort {self.runbook.application} --why …"
            )
        return stands

    def direct(self, execution: str, since: float, who: str, why: str, **word: Any) -> Mapping[str, Any]:
        """A directive to the run that began at `since`; it keeps what was said to it before (pause, skip …).
        Gives what stands. An abort is for good: Raises Trouble for whatever else is said after it."""
        if word.get("pause"):
            word["paused_at"] = self.outside.clock()
        records = self._ledger.read()
        kept = records.word_to(execution, since)
        if kept.get("abort"):
            if word.get("abort"):
                return kept
            raise Trouble(
                f"{kept.get('who')} aborted {short(execution)}{_moment(kept.get('at'))} ({kept.get('why')}), "
                f"and an abort is for good: nothing was said: farshore status {self.runbook.application}"
            )
        if "skip" in word:
            word["skip"] = list(dict.fromkeys([*kept.get("skip", ()), *word["skip"]]))
        about = {"execution": execution, "who": who, "why": why, "at": self.outside.clock()}
        whole = {**kept, **word, **about}
        self._direct(whole, records)
        return whole

    def _direct(self, word: Mapping[str, Any], records: Records) -> None:
        if self._say("directive", word, records).directive != word:
            raise self._meanwhile("directive")

    def declare_dead(self, records: Records, lease: Lease, who: str, why: str) -> None:
        """A person's word that the holder of the lease, which cannot be asked, is dead: that of this epoch,
        and not whoever has the same name later."""
        about = {"holder": lease.holder, "epoch": lease.epoch}
        word = about | {"who": who, "why": why, "at": self.outside.clock()}
        if not about.items() <= self._say("take_over", word, records).take_over.items():
            raise self._meanwhile("take_over")

    def take_lease(self, execution: str, redrives: int, purpose: Purpose, records: Records) -> Lease:
        """The lease for a run about to be redriven, unless it has changed since `records` were read."""
        old, now = records.lease, self.outside.clock()
        inherited = 0.0 if old is None else old.quiet_until
        quiet_until = inherited if old is None or old.released else now + LONGEST_TICK_SECONDS
        ended = 0.0 if old is None else old.ended
        epoch = 1 if old is None else old.epoch + 1
        mine = Lease(execution, redrives, epoch, False, quiet_until, ended, purpose)
        _twice(lambda: self._ledger.hold(mine, old))
        if (found := self.records().lease) != mine:
            raise Trouble(
                f"the lease went to {found.holder if found else 'nobody'} meanwhile: look, and try again"
            )
        return mine

    def _say(self, item: str, word: Mapping[str, Any], records: Records) -> Records:
        """A person's word, unless another was said since `records` were read; and what is read back."""
        _twice(lambda: self._ledger.say(item, word, records))
        return self.records()

    def _meanwhile(self, item: str) -> Trouble:
        app = self.runbook.application
        return Trouble(f"somebody else wrote {item} meanwhile: look (farshore status {app}), and try again")

    def holder(self, records: Records) -> Holder | None:
        """None where the lease is free."""
        lease = records.lease
        if lease is None or lease.released:
            return None
        described = self.runs.describe(lease.holder)
        if isinstance(described, Silence):
            return Holder(lease, SILENT, described.why)
        if isinstance(described, Absent):
            return Holder(lease, "gone")
        return Holder(lease, described["status"], started=started(described))

    def start(self, procedure: str, mode: Mode, dry_run: bool) -> str:
        """Starts a run and gives its ARN. The name makes a repeat after a lost answer the same run."""
        machine, arn = self.runs.machines[procedure], self.runs.deployed(procedure)
        name = f"{procedure}-{datetime.fromtimestamp(self.outside.clock(), UTC):%Y%m%dT%H%M%SZ}"
        given = json.dumps({"mode": mode} | ({"dry_run": True} if dry_run else {}))
        call = START(machine.region, stateMachineArn=arn, name=name, input=given)
        execution = f"{arn.replace(':stateMachine:', ':execution:')}:{name}"
        first = self.outside.reply(call)
        reply = self.outside.reply(call) if isinstance(first, Silence) else first
        if isinstance(reply, Silence):
            raise Trouble(
                f"{machine.region} does not say whether {name} was started: look: farshore status "
                f"{self.runbook.application} {name}"
            )
        # The first try arrived, and that run has ended already.
        again = isinstance(first, Silence) and getattr(reply, "code", "") == "ExecutionAlreadyExists"
        if isinstance(reply, Denied) and not again:
            raise Trouble(f"{call} was refused: {reply.code}: {reply.message}")
        return execution

    def why_anew(self, snapshot: RunSnapshot, records: Records) -> str:
        """Why a run that failed can never be redriven, so that a new one must be started; "" where it can."""
        lease, begun = records.lease, records.has_begun(snapshot.arn, snapshot.started)
        if snapshot.report.undone:
            return "ended in its Fail state, and a redrive would only fail again there"
        # Until its first state has ended, which takes the lease, a run has taken nothing away.
        took = any(step.ended for step in snapshot.report.steps[:1])
        if took and lease is not None and lease.holder != snapshot.arn and not begun:
            return "had moved nothing, and what it took away is no longer its own: another has held the lease"
        if snapshot.described.get("redriveStatus", "REDRIVABLE") != "REDRIVABLE":
            return f"cannot be redriven: {snapshot.described.get('redriveStatusReason', '')}"
        return ""

    def must_be_redrivable(self, snapshot: RunSnapshot, records: Records) -> None:
        """Raises Trouble, which says what to do instead, where the run cannot be redriven now."""
        status, app = snapshot.described["status"], self.runbook.application
        if not takes_lease(snapshot.definition):
            by_itself = as_command(REDRIVE(region_of(snapshot.arn), executionArn=snapshot.arn))
            raise Trouble(f"{short(snapshot.arn)} needs no lease, and would never give it back: {by_itself}")
        if status in ("RUNNING", "SUCCEEDED"):
            raise Trouble(f"{short(snapshot.arn)} is {status}: only a run that failed can be redriven")
        if why := self.why_anew(snapshot, records):
            raise Trouble(f"{short(snapshot.arn)} {why}: start a new run: farshore start {app} --mode …")
        holder = self.holder(records)
        if holder is not None and holder.lease.holder != snapshot.arn and not holder.ended:
            raise Trouble(
                f"{short(holder.lease.holder)} holds the lease ({holder.status} {holder.why}): wait for it, "
                f"or end it: farshore abort {app} --why …"
            )

    def go_on(self, snapshot: RunSnapshot, records: Records) -> Lease:
        """Redrives a run as a new holder of the lease, and takes back the word that stopped it."""
        redrives = snapshot.described.get("redriveCount", 0) + 1
        lease = self.take_lease(snapshot.arn, redrives, run_of(snapshot.definition)["purpose"], records)
        word = records.word_to(snapshot.arn, snapshot.started)
        if TAKEN_BACK & word.keys():
            self._direct({k: v for k, v in word.items() if k not in TAKEN_BACK}, records)
        self._redrive(snapshot.arn, redrives)
        return lease

    def _redrive(self, execution: str, redrives: int) -> None:
        token = f"{redrives}-{execution.rpartition(':')[2]}"[:64]
        reply = self.runs.reply(REDRIVE(region_of(execution), executionArn=execution, clientToken=token))
        if isinstance(reply, Denied):
            raise Trouble(
                f"{execution} holds the lease, but redriving it was refused: {reply.code}: {reply.message}"
            )
        if not isinstance(reply, Mapping):
            raise Trouble(
                f"{execution} holds the lease, but nobody says whether it was redriven: run this again"
            )


def _is_the_same(word: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Somebody says again what they have said."""
    return word.get("decision") == other.get("decision") and bool(_maker(word) & _maker(other))


def _maker(word: Mapping[str, Any]) -> set[str]:
    """What a decision says of who has signed it. It is no proof: the run asks AWS."""
    proof = word.get("proof")
    key = proof.get("key", "") if isinstance(proof, Mapping) else ""
    return {each for each in (str(word.get("arn", "")), str(key)) if each}


def _twice(write: Callable[[], object]) -> None:
    """A repeat of an unanswered write is harmless: it is the same item, or its condition holds no longer."""
    try:
        write()
    except NotYet:
        write()


def _moment(at: Any) -> str:
    """A time of a person's word, in seconds since 1970, as a person reads it."""
    if not isinstance(at, int | float):
        return ""
    return f" at {datetime.fromtimestamp(at, UTC):%Y-%m-%d %H:%M:%S} UTC"
