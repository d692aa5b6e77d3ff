"""A person has said yes to this very plan.

The later steps' functions are asked, in dry run, what they would do now. That plan is shown with its hash,
and a decision counts for that hash only: when the world moves, the hash does, and the step asks again.
A page that cannot be sent delays nothing: the plan stands in the ledger for whoever looks, and the page is
sent again, since one can get lost. A plan of which a step would refuse can be approved, and says so first.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

from ..calls import Api, Sight
from ..errors import NotYet, Refused
from ..handler import lambda_handler
from ..inputs import Region, Seconds, TopicArn
from ..ledger import PUT, Propose, Records
from ..planned import Planned
from ..run import Run
from ..step import Change, Decision, Done, Step, Wait
from ..world import World

INVOKE = Api(
    "lambda:InvokeFunction",
    client="lambda",
    operation="Invoke",
    resource="lambda:{region}:{account}:function:{later}",
    plane="data",
    read_seconds=20,
)
"""A step whose Region takes connections and never answers needs its time to say so."""
PUBLISH = Api("sns:Publish", resource="{topics}", plane="data", pages=True)

PAGE_AGAIN_SECONDS = 120
"""A page is repeated after so long without a decision, and a plan that flickers pages no more often."""

SAID_NOTHING = ("NotYet", "Runtime.ExitError", "Sandbox.Timedout")
"""What a tick ends with that has said nothing about the world: it is asked again."""


@dataclass(frozen=True)
class Later:
    """A step after this one: its state, its function, and the event that it will get."""

    state: str
    function: str
    event: Mapping[str, Any]
    no_return: bool


@dataclass(frozen=True)
class Seen:
    run: Run
    records: Records
    now: float
    plan: tuple[Mapping[str, Any], ...]


@dataclass(frozen=True, kw_only=True)
class Approval(Step[Seen]):
    """A person has said yes to this very plan."""

    topics: Annotated[
        Mapping[Region, TopicArn], "ARN of each Region's SNS topic, which pages whoever may decide"
    ]
    within: Annotated[Seconds, "how long a decision is waited for"] = Seconds(900)
    later: Annotated[tuple[Later, ...], "the steps after this one; the compiler fills it in"] = ()

    name: ClassVar = "approval"
    reads: ClassVar = (INVOKE,)
    writes: ClassVar = (PUBLISH,)
    notes: ClassVar = (PUT,)
    derived: ClassVar = frozenset({"later"})
    phase: ClassVar = "approve"
    tolerates: ClassVar = {PUBLISH: "the plan stands in the ledger for whoever looks"}
    block: ClassVar = "ManualApproval"

    def observe(self, world: World) -> Seen:
        run = world.run
        if run.dry_run:
            return Seen(run, world.records, world.now, ())
        calls = [
            INVOKE(run.target, FunctionName=later.function, Payload=_ask(later, run)) for later in self.later
        ]
        answers = world.ask(*calls)
        plan = tuple(_planned(later, answer) for later, answer in zip(self.later, answers, strict=True))
        return Seen(run, world.records, world.now, plan)

    def decide(self, seen: Seen) -> Decision:
        if seen.run.dry_run:
            return Wait("a person's approval of this plan")
        digest = _hash(seen.run, seen.plan)
        decision = seen.records.decisions.get(digest)
        if decision is None:
            return self._propose(seen, digest)
        who = f"{decision['who']} ({decision['identity']})"
        if decision["decision"] != "approve":
            raise Refused(f"declined by {who}: {decision['why']}")
        return Done("approved", {"plan": digest, "by": who, "why": decision["why"]})

    def _propose(self, seen: Seen, digest: str) -> Decision:
        """Pages whoever may decide, and waits. That it was paged is noted first, acknowledged or not."""
        run, proposal = seen.run, seen.records.proposal
        mine = proposal if proposal.get("execution") == run.execution else {}
        known, paged_at = mine.get("hash") == digest, mine.get("paged_at", 0.0)
        due = seen.now - paged_at >= PAGE_AGAIN_SECONDS
        if known and not due:
            return Wait(f"nobody has decided on plan {digest}")
        note = Propose(
            digest,
            run.execution,
            list(seen.plan),
            at=mine["at"] if known else seen.now,
            paged_at=seen.now if due else paged_at,
        )
        page = PUBLISH(
            run.target,
            TopicArn=self.topics[run.target],
            Subject=f"{run.application} {run.procedure}: approve {digest}?"[:100],
            Message=_message(run, digest, seen.plan),
        )
        return Change(f"nobody has decided on plan {digest}: propose it", (page,) if due else (), (note,))


def _ask(later: Later, run: Run) -> bytes:
    """The event that the state will get, in dry run."""
    event = dict(later.event) | {
        "input": {"mode": run.mode, "dry_run": True},
        "execution": {"Id": run.execution},
        "state": {"Name": later.state, "EnteredTime": None},
    }
    return json.dumps(event).encode()


def _planned(later: Later, answer: Sight) -> Mapping[str, Any]:
    if not isinstance(answer, Mapping):
        raise NotYet(f"{later.state} did not say what it would do: {answer}")
    body: dict[str, Any] = json.loads(answer["Payload"].read())
    if answer.get("FunctionError"):
        kind, why = body.get("errorType", ""), body.get("errorMessage", "")
        if kind in SAID_NOTHING:
            raise NotYet(f"{later.state} did not say what it would do: {why}")
        # A step that is broken fails the run as surely as one that refuses.
        body = Planned("would refuse", why if kind == "Refused" else f"{kind}: {why}").as_json()
    return body | {"state": later.state, "no_return": later.no_return}


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
    return "\n".join([*lines, "", json.dumps(plan, indent=1)])[:200_000]


def _hash(run: Run, plan: tuple[Mapping[str, Any], ...]) -> str:
    """Of what would be done, not of figures that change from second to second."""
    done = [(entry["state"], entry["outcome"], entry.get("calls", [])) for entry in plan]
    return hashlib.sha256(json.dumps([run.execution, run.mode, done], sort_keys=True).encode()).hexdigest()[
        :12
    ]


handler = lambda_handler(Approval)
