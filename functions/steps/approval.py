"""A person has said yes to this very plan.

The later steps' functions are asked, in dry run, what they would do now. That plan is shown with its hash,
and a decision counts for that hash only: when the world moves, the hash does, and the step asks again.
A page that cannot be sent delays nothing: the plan stands in the ledger for whoever looks, and the page is
sent again, since one can get lost. A plan of which a step would refuse can be approved, and says so first.

A decision may hold a proof of who made it (functions/identity.py). STS is asked beside the later steps. A
decision whose proof it refuses counts for nothing: that is noted, and another is waited for. A silence of STS
holds up nothing for long, unless the runbook asks for a proof.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal

from ..calls import HTTP_GET, Absent, Api, Call, Silence
from ..errors import NotYet, Refused
from ..handler import lambda_handler
from ..identity import (
    PROVED,
    Disproved,
    Proof,
    Proved,
    is_refused,
    mark,
    proof_from,
    refused_in,
    statement,
    told,
)
from ..inputs import Region, Seconds, TopicArn
from ..later import ASKS, INVOKE, Later, ask_each
from ..ledger import PUT, Propose, Records, number
from ..page import Asked, page
from ..planned import DOUBTS, PAGE_AGAIN_SECONDS, Plan, one_line
from ..run import SHOWN, Run, account_of
from ..step import Change, Decision, Done, Step, Wait
from ..world import World

PROOF_SECONDS = 30
"""So long after a decision STS is asked whose it is, if it is silent: some ticks."""

PUBLISH = Api("sns:Publish", resource="{topics}", plane="data", pages=True)
SUBSCRIBED = Api("sns:ListSubscriptionsByTopic", resource="{topics}", absent=frozenset({"NotFound"}))
"""Only in dry run: whether a page would reach anybody."""


@dataclass(frozen=True)
class Seen:
    run: Run
    records: Records
    now: float
    plan: Plan
    doubts: tuple[str, ...] = ()
    """Pages that would wake nobody."""
    maker: Proved | Disproved | Silence | None = None
    """Who made the decision on the plan that was proposed last; None where it brings no proof, or counts for
    nothing already."""
    until: float = 0.0
    """When it will have been waited for as long as it may be."""

    @property
    def late(self) -> bool:
        return self.now > self.until


@dataclass(frozen=True, kw_only=True)
class Approval(Step[Seen]):
    """A person has said yes to this very plan."""

    topics: Annotated[
        Mapping[Region, TopicArn], "ARN of each Region's SNS topic, which pages whoever may decide"
    ]
    within: Annotated[Seconds, "how long a decision is waited for"] = Seconds(900)
    identity: Annotated[
        Literal["self-declared", "proved"],
        "who may decide: whoever may write a decision, or only who proves to STS to be of this account; then "
        "nobody can decide while STS is silent",
    ] = "self-declared"
    chat: Annotated[
        bool, "topics lead to Slack or Teams, too, by AWS Chatbot, which takes its own schema alone"
    ] = False
    later: Annotated[tuple[Later, ...], "the steps after this one; the compiler fills it in"] = ()

    name: ClassVar = "approval"
    reads: ClassVar = (INVOKE, SUBSCRIBED, HTTP_GET)
    asks: ClassVar = ASKS
    writes: ClassVar = (PUBLISH,)
    notes: ClassVar = (PUT,)
    derived: ClassVar = frozenset({"later"})
    phase: ClassVar = "approve"
    tolerates: ClassVar = {
        PUBLISH: "the plan stands in the ledger for whoever looks",
        HTTP_GET: "a decision counts as self-declared where STS is silent",
    }
    block: ClassVar = "ManualApproval"

    def observe(self, world: World) -> Seen:
        run = world.run
        if run.dry_run:
            return Seen(run, world.records, world.now, (), tuple(self._doubts(world)))
        maker = _maker(run, world.records)
        asks = (maker,) if isinstance(maker, Call) else ()
        answers, sights = ask_each(world, [(run.mode, later) for later in self.later], asks)
        plan: list[Mapping[str, Any]] = []
        for said in answers:
            if isinstance(said, NotYet):
                raise said
            plan.append(said)
        who = told(sights[0], account_of(run.execution)) if isinstance(maker, Call) else maker
        until = world.now - world.waited + self.within
        return Seen(run, world.records, world.now, tuple(plan), maker=who, until=until)

    def _doubts(self, world: World) -> Iterator[str]:
        topics = list(self.topics.items())
        sights = world.ask(*(SUBSCRIBED(region, TopicArn=topic) for region, topic in topics))
        for (_, topic), sight in zip(topics, sights, strict=True):
            if isinstance(sight, Absent):
                yield f"there is no topic {topic}"
            elif isinstance(sight, Mapping) and not any(map(_confirmed, sight["Subscriptions"])):
                yield f"nobody has confirmed a subscription to {topic}"

    def decide(self, seen: Seen) -> Decision:
        if seen.run.dry_run:
            return Wait("a person's approval of this plan", {DOUBTS: seen.doubts})
        digest = _digest(seen.run, seen.plan)
        decision = seen.records.decisions.get(digest[:SHOWN])
        if decision is None or not _is_about(decision, seen.run, digest):
            return self._propose(seen, digest)
        if is_refused(decision, _proposal(seen.run, seen.records)):
            return self._propose(seen, digest)
        who = self._who(seen, decision, digest)
        if isinstance(who, Wait):
            return who
        if who is None:
            return self._propose(seen, digest)
        if isinstance(who, Disproved):
            named = one_line(str(decision.get("who", "somebody")))
            why = f"the decision of {named} counts for nothing: {who.why}"
            return self._propose(seen, digest, {"word": mark(decision), "why": why})
        why = decision.get("why", "")
        if decision.get("decision") != "approve":
            raise Refused(f"declined by {who}: {why}")
        return Done("approved", {"plan": digest[:SHOWN], "by": who, "why": why})

    def _who(self, seen: Seen, decision: Mapping[str, Any], digest: str) -> str | Disproved | Wait | None:
        """Whose decision it is, in words; None where STS is to be asked in the next look, since another plan
        was proposed until now."""
        declares = f"{decision.get('who', 'somebody')} (self-declared"
        demanded = self.identity == PROVED
        if "proof" not in decision:
            return (
                Disproved("it has no proof of identity, and the runbook asks for one")
                if demanded
                else f"{declares})"
            )
        if seen.maker is None or _proposal(seen.run, seen.records).get("digest") != digest:
            return None
        if isinstance(seen.maker, Proved):
            return f"{seen.maker.arn} (proved by STS)"
        if isinstance(seen.maker, Disproved):
            return seen.maker
        asked_for = 0 <= seen.now - number(decision.get("at")) < PROOF_SECONDS
        if demanded or (asked_for and not seen.late):
            return Wait(
                f"plan {digest[:SHOWN]} is decided on, and STS does not say by whom: {seen.maker.why}"
            )
        return f"{declares}: STS was silent)"

    def _propose(self, seen: Seen, digest: str, refused: Mapping[str, str] | None = None) -> Decision:
        """Pages whoever may decide, and waits. That it was paged is noted first, acknowledged or not; so is a
        decision that counts for nothing."""
        run, mine = seen.run, _proposal(seen.run, seen.records)
        before = refused_in(mine)
        refused = before if refused is None else refused
        known, paged_at, shown = mine.get("digest") == digest, mine.get("paged_at", 0.0), digest[:SHOWN]
        due = seen.now - paged_at >= PAGE_AGAIN_SECONDS
        undecided = f"nobody has decided on plan {shown}" + (f"; {refused['why']}" if refused else "")
        if known and not due and refused == before:
            return Wait(undecided)
        note = Propose(
            shown,
            digest,
            run.execution,
            run.started,
            run.mode,
            list(seen.plan),
            at=mine.get("at", seen.now) if known else seen.now,
            paged_at=seen.now if due else paged_at,
            proof=self.identity,
            refused=refused,
        )
        owed = tuple(f"{resource}: {debt['why']}" for resource, debt in seen.records.debts.items())
        asked = Asked(run, shown, seen.plan, seen.now, seen.until, owed, refused.get("why", ""))
        paged = PUBLISH(run.target, TopicArn=self.topics[run.target], **page(asked, self.chat))
        return Change(f"{undecided}: propose it", (paged,) if due else (), (note,))


def _confirmed(subscription: Mapping[str, str]) -> bool:
    """Until then its ARN is a word.
    Source: docs.aws.amazon.com/sns/latest/api/API_ListSubscriptionsByTopic.html"""
    return subscription["SubscriptionArn"].startswith("arn:")


def _maker(run: Run, records: Records) -> Call | Disproved | None:
    """How to ask who made the decision on the plan that this run has proposed last."""
    proposal = _proposal(run, records)
    digest = str(proposal.get("digest"))
    decision = records.decisions.get(digest[:SHOWN], {})
    if "proof" not in decision or is_refused(decision, proposal):
        return None
    proof = proof_from(decision["proof"])
    said = str(decision.get("decision")), str(decision.get("why", ""))
    if isinstance(proof, Proof):
        return proof.asked(run.target, statement(run.execution, run.started, digest, *said))
    return proof


def _proposal(run: Run, records: Records) -> Mapping[str, Any]:
    """The plan that this run has proposed last; empty where it has proposed none."""
    proposal = records.proposal
    mine = (proposal.get("execution"), proposal.get("started")) == (run.execution, run.started)
    return proposal if mine else {}


def _is_about(decision: Mapping[str, Any], run: Run, digest: str) -> bool:
    """The decision is on this plan of this execution, and not of one whose name or hash is the same."""
    meant = decision.get("digest"), decision.get("execution"), decision.get("started")
    return meant == (digest, run.execution, run.started)


def _digest(run: Run, plan: Plan) -> str:
    """Of what would be done, not of figures that change from second to second."""
    done = [(entry["state"], entry["outcome"], entry.get("calls", [])) for entry in plan]
    return hashlib.sha256(json.dumps([run.execution, run.mode, done], sort_keys=True).encode()).hexdigest()


handler = lambda_handler(Approval)
