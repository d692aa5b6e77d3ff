"""A person has said yes to this very plan.

The later steps' functions are asked, in dry run, what they would do now. That plan is shown with its hash,
and a decision counts for that hash only: when the world moves, the hash does, and the step asks again.
A page that cannot be sent delays nothing: the plan stands in the ledger for whoever looks, and the page is
sent again, since one can get lost. A plan of which a step would refuse can be approved, and says so first.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

from ..calls import Absent, Api
from ..errors import NotYet, Refused
from ..handler import lambda_handler
from ..inputs import Region, Seconds, TopicArn
from ..later import ASKS, INVOKE, Later, ask_each
from ..ledger import PUT, Propose, Records
from ..planned import DOUBTS, PAGE_AGAIN_SECONDS, one_line
from ..run import SHOWN, Run
from ..step import Change, Decision, Done, Step, Wait
from ..world import World

LONGEST_PAGE = 256_000
"""Bytes. SNS takes 262,144, what it adds included.
Source: docs.aws.amazon.com/sns/latest/api/API_Publish.html"""

PUBLISH = Api("sns:Publish", resource="{topics}", plane="data", pages=True)
SUBSCRIBED = Api("sns:ListSubscriptionsByTopic", resource="{topics}", absent=frozenset({"NotFound"}))
"""Only in dry run: whether a page would reach anybody."""


@dataclass(frozen=True)
class Seen:
    run: Run
    records: Records
    now: float
    plan: tuple[Mapping[str, Any], ...]
    doubts: tuple[str, ...] = ()
    """Pages that would wake nobody."""


@dataclass(frozen=True, kw_only=True)
class Approval(Step[Seen]):
    """A person has said yes to this very plan."""

    topics: Annotated[
        Mapping[Region, TopicArn], "ARN of each Region's SNS topic, which pages whoever may decide"
    ]
    within: Annotated[Seconds, "how long a decision is waited for"] = Seconds(900)
    later: Annotated[tuple[Later, ...], "the steps after this one; the compiler fills it in"] = ()

    name: ClassVar = "approval"
    reads: ClassVar = (INVOKE, SUBSCRIBED)
    asks: ClassVar = ASKS
    writes: ClassVar = (PUBLISH,)
    notes: ClassVar = (PUT,)
    derived: ClassVar = frozenset({"later"})
    phase: ClassVar = "approve"
    tolerates: ClassVar = {PUBLISH: "the plan stands in the ledger for whoever looks"}
    block: ClassVar = "ManualApproval"

    def observe(self, world: World) -> Seen:
        run = world.run
        if run.dry_run:
            return Seen(run, world.records, world.now, (), tuple(self._doubts(world)))
        plan: list[Mapping[str, Any]] = []
        for said in ask_each(world, [(run.mode, later) for later in self.later]):
            if isinstance(said, NotYet):
                raise said
            plan.append(said)
        return Seen(run, world.records, world.now, tuple(plan))

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
        who = f"{decision.get('who', 'somebody')} ({decision.get('identity', 'unknown')})"
        why = decision.get("why", "")
        if decision.get("decision") != "approve":
            raise Refused(f"declined by {who}: {why}")
        return Done("approved", {"plan": digest[:SHOWN], "by": who, "why": why})

    def _propose(self, seen: Seen, digest: str) -> Decision:
        """Pages whoever may decide, and waits. That it was paged is noted first, acknowledged or not."""
        run, proposal = seen.run, seen.records.proposal
        mine = proposal if _is_from(proposal, run) else {}
        known, paged_at, shown = mine.get("digest") == digest, mine.get("paged_at", 0.0), digest[:SHOWN]
        due = seen.now - paged_at >= PAGE_AGAIN_SECONDS
        if known and not due:
            return Wait(f"nobody has decided on plan {shown}")
        note = Propose(
            shown,
            digest,
            run.execution,
            run.started,
            run.mode,
            list(seen.plan),
            at=mine.get("at", seen.now) if known else seen.now,
            paged_at=seen.now if due else paged_at,
        )
        page = PUBLISH(
            run.target,
            TopicArn=self.topics[run.target],
            Subject=f"{run.application} {run.procedure}: approve {shown}?"[:100],
            Message=_message(run, shown, seen.plan),
        )
        return Change(f"nobody has decided on plan {shown}: propose it", (page,) if due else (), (note,))


def _confirmed(subscription: Mapping[str, str]) -> bool:
    """Until then its ARN is a word.
    Source: docs.aws.amazon.com/sns/latest/api/API_ListSubscriptionsByTopic.html"""
    return subscription["SubscriptionArn"].startswith("arn:")


def _message(run: Run, digest: str, plan: tuple[Mapping[str, Any], ...]) -> str:
    """What a person reads at night: what would fail, then step by step, then every call."""
    lines = [
        f"{run.application} {run.procedure}, {run.mode}, {run.source} to {run.target}",
        f"approve plan {digest} of {run.execution}?",
    ]
    lines += [
        f"WOULD FAIL at {e['state']}: {e.get('why', '')}" for e in plan if e["outcome"] == "would refuse"
    ]
    for entry in plan:
        why = f": {entry['why']}" if entry.get("why") else ""
        lines.append(
            f"- {entry['state']}: {entry['outcome']}{why}{' [no return]' if entry['no_return'] else ''}"
        )
    text = "\n".join([*map(one_line, lines), "", json.dumps(plan, indent=1)])
    return text.encode()[:LONGEST_PAGE].decode(errors="ignore")


def _is_from(proposal: Mapping[str, Any], run: Run) -> bool:
    return (proposal.get("execution"), proposal.get("started")) == (run.execution, run.started)


def _is_about(decision: Mapping[str, Any], run: Run, digest: str) -> bool:
    """The decision is on this plan of this execution, and not of one whose name or hash is the same."""
    meant = decision.get("digest"), decision.get("execution"), decision.get("started")
    return meant == (digest, run.execution, run.started)


def _digest(run: Run, plan: tuple[Mapping[str, Any], ...]) -> str:
    """Of what would be done, not of figures that change from second to second."""
    done = [(entry["state"], entry["outcome"], entry.get("calls", [])) for entry in plan]
    return hashlib.sha256(json.dumps([run.execution, run.mode, done], sort_keys=True).encode()).hexdigest()


handler = lambda_handler(Approval)
