"""A person has said yes to this very plan.

The later steps' functions are asked, in dry run, what they would do now. That plan is shown with its hash,
and a decision counts for that hash only: when the world moves, the hash does, and the step asks again.
A page that cannot be sent delays nothing: the plan stands in the ledger for whoever looks, and the page is
sent again, since one can get lost. A plan of which a step would refuse can be approved, and says so first.

A decision may hold a proof of who made it (functions/identity.py). STS is asked beside the later steps. A
decision whose proof it refuses counts for nothing: that is noted, and another is waited for. A silence of STS
holds up nothing for long, unless the runbook asks for a proof. Where it asks for two approvers, the second
must be another identity than the first, and either's decline ends the run.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, ClassVar, Literal

from ..calls import HTTP_GET, Absent, Api, Call, Silence
from ..errors import NotYet, Refused
from ..handler import lambda_handler
from ..identity import (
    PROVED,
    Disproved,
    Proof,
    Proved,
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

NOBODY: Mapping[str, Mapping[str, Any]] = {}

PUBLISH = Api("sns:Publish", resource="{topics}", plane="data", pages=True, ours=True)
SUBSCRIBED = Api(
    "sns:ListSubscriptionsByTopic", resource="{topics}", absent=frozenset({"NotFound"}), ours=True
)
"""Only in dry run: whether a page would reach anybody."""


@dataclass(frozen=True)
class Seen:
    run: Run
    records: Records
    now: float
    plan: Plan
    doubts: tuple[str, ...] = ()
    """Pages that would wake nobody."""
    makers: Mapping[str, Proved | Disproved | Silence] = field(default_factory=dict)
    """Who made a decision on the plan that was proposed last, by its mark; only of those that bring a proof,
    and count for something."""
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
    approvers: Annotated[
        Literal[1, 2],
        "how many people must approve; two are told apart by what STS says, so that takes `proved`",
    ] = 1
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

    def __post_init__(self) -> None:
        if self.approvers > 1 and self.identity != PROVED:
            raise ValueError(
                "approvers: 2 of whom nobody proves who they are may be one: write identity: proved"
            )

    def observe(self, world: World) -> Seen:
        run = world.run
        if run.dry_run:
            return Seen(run, world.records, world.now, (), tuple(self._doubts(world)))
        makers = _makers(run, world.records)
        asks = [maker for maker in makers.values() if isinstance(maker, Call)]
        answers, sights = ask_each(world, [(run.mode, later) for later in self.later], asks)
        plan: list[Mapping[str, Any]] = []
        for said in answers:
            if isinstance(said, NotYet):
                raise said
            plan.append(said)
        said_by = iter(sights)
        who = {
            word: told(next(said_by), account_of(run.execution)) if isinstance(maker, Call) else maker
            for word, maker in makers.items()
        }
        until = world.now - world.waited + self.within
        return Seen(run, world.records, world.now, tuple(plan), makers=who, until=until)

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
        digest, run = _digest(seen.run, seen.plan), seen.run
        approved: dict[str, Mapping[str, Any]] = {}
        for decision in seen.records.decided(digest, run.execution, run.started)[: self.approvers]:
            who = self._who(seen, decision, digest)
            if isinstance(who, Wait):
                return who
            if who is None:
                return self._propose(seen, digest)
            declines = decision.get("decision") != "approve"
            if who in approved and not declines:
                who = Disproved(f"{who} has approved already, and another must")
            if isinstance(who, Disproved):
                named = one_line(str(decision.get("who", "somebody")))
                why = f"the decision of {named} counts for nothing: {who.why}"
                return self._propose(seen, digest, approved, {"word": mark(decision), "why": why})
            if declines:
                raise Refused(f"declined by {who}: {decision.get('why', '')}")
            approved[who] = decision
        if len(approved) < self.approvers:
            return self._propose(seen, digest, approved)
        whys = "; ".join(str(decision.get("why", "")) for decision in approved.values())
        return Done("approved", {"plan": digest[:SHOWN], "by": " and ".join(approved), "why": whys})

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
        proposal, word = _proposal(seen.run, seen.records), mark(decision)
        if known := _approved_in(proposal).get(word):
            return known
        maker = seen.makers.get(word)
        if maker is None or proposal.get("digest") != digest:
            return None
        if isinstance(maker, Proved):
            return f"{maker.arn} (proved by STS)"
        if isinstance(maker, Disproved):
            return maker
        asked_for = 0 <= seen.now - number(decision.get("at")) < PROOF_SECONDS
        if demanded or (asked_for and not seen.late):
            return Wait(f"plan {digest[:SHOWN]} is decided on, and STS does not say by whom: {maker.why}")
        return f"{declares}: STS was silent)"

    def _propose(
        self,
        seen: Seen,
        digest: str,
        approved: Mapping[str, Mapping[str, Any]] = NOBODY,
        refused: Mapping[str, str] | None = None,
    ) -> Decision:
        """Pages whoever may decide, and waits. That it was paged is noted first, acknowledged or not; so is a
        decision that counts for nothing, and who has approved, where another must."""
        run, mine = seen.run, _proposal(seen.run, seen.records)
        before = refused_in(mine)
        refused = before if refused is None else refused
        known, paged_at, shown = mine.get("digest") == digest, mine.get("paged_at", 0.0), digest[:SHOWN]
        noted = {mark(decision): who for who, decision in approved.items()}
        one_more = noted != (_approved_in(mine) if known else {})
        due = seen.now - paged_at >= PAGE_AGAIN_SECONDS or one_more
        by = f"only {', '.join(approved)} has approved" if approved else "nobody has decided on"
        undecided = f"{by} plan {shown}" + (f"; {refused['why']}" if refused else "")
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
            approvers=self.approvers,
            approved=noted,
        )
        owed = tuple(f"{resource}: {debt['why']}" for resource, debt in seen.records.debts.items())
        said = (refused.get("why", ""), f"{undecided}: another must" if approved else "")
        asked = Asked(run, shown, seen.plan, seen.now, seen.until, owed, tuple(filter(None, said)))
        paged = PUBLISH(run.target, TopicArn=self.topics[run.target], **page(asked, self.chat))
        return Change(f"{undecided}: propose it", (paged,) if due else (), (note,))


def _confirmed(subscription: Mapping[str, str]) -> bool:
    """Until then its ARN is a word.
    Source: docs.aws.amazon.com/sns/latest/api/API_ListSubscriptionsByTopic.html"""
    return subscription["SubscriptionArn"].startswith("arn:")


def _makers(run: Run, records: Records) -> Mapping[str, Call | Disproved]:
    """How to ask who made each decision on the plan that this run has proposed last, by its mark: of those
    that bring a proof, and where that is not known already."""
    proposal = _proposal(run, records)
    digest, known = str(proposal.get("digest")), _approved_in(proposal)
    words = (word for word in records.decided(digest, run.execution, run.started) if "proof" in word)
    return {mark(word): _maker(run, digest, word) for word in words if mark(word) not in known}


def _maker(run: Run, digest: str, decision: Mapping[str, Any]) -> Call | Disproved:
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


def _approved_in(proposal: Mapping[str, Any]) -> Mapping[str, str]:
    """Who has approved a plan that others must approve, too, by the marks of their decisions."""
    noted: Mapping[str, str] = proposal.get("approved", {})
    return noted


def _digest(run: Run, plan: Plan) -> str:
    """Of what would be done, not of figures that change from second to second."""
    done = [(entry["state"], entry["outcome"], entry.get("calls", [])) for entry in plan]
    return hashlib.sha256(json.dumps([run.execution, run.mode, done], sort_keys=True).encode()).hexdigest()


handler = lambda_handler(Approval)
