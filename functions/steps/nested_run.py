"""Another application moves to the same Region, as a part of this run: its machine is started, and waited
for.

The run that is started has a name made of this run and state, so that it is started once, however often a
tick is repeated or its answer lost; and another run of ours starts another. Whoever knows our name knows it,
too: one that was started with another input (a dry run has moved nothing), or before this run, is refused.
Its mode is that of this run when it was started. What it asks of people (an approval, a pause) is said to
it, under its own name. Where it fails, this state is Refused: Step Functions keeps its name for 90 days, so
it is redriven first, and then this run. The machine must know `$to` as the Region that takes over: it stands
there, as each of our machines does in the Region that it activates. Sources:
docs.aws.amazon.com/step-functions/latest/apireference/API_StartExecution.html (the same name and input is the
same execution while that runs),
docs.aws.amazon.com/step-functions/latest/apireference/API_DescribeExecution.html (eventually consistent; its
input is left out where a key may not be used)
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Annotated, Any, ClassVar

from ..calls import Absent, Api, Call, Sight, Silence
from ..errors import NotYet, Refused
from ..handler import lambda_handler
from ..inputs import MachineName, Region, Seconds
from ..planned import DOUBTS, one_line
from ..run import MODES, Run
from ..step import Change, Decision, Done, Step, Wait
from ..world import World


def _loses(asked: Mapping[str, Any]) -> bool:
    """The other run is to be ungraceful."""
    return bool(asked.get("input") == json.dumps({"mode": "ungraceful"}))


MACHINE = "states:{region}:{account}:stateMachine:{activates}"
START = Api(
    "states:StartExecution",
    client="stepfunctions",
    resource=MACHINE,
    absent=frozenset({"ExecutionAlreadyExists"}),
    of=lambda asked: not _loses(asked),
)
"""One of that name has ended, or was started in another mode: it is that one which counts."""
START_UNGRACEFUL = replace(START, accepts_loss=True, of=_loses)
DESCRIBE = Api(
    "states:DescribeExecution",
    client="stepfunctions",
    resource="states:{region}:{account}:execution:{activates}:*",
    absent=frozenset({"ExecutionDoesNotExist"}),
)
MACHINE_THERE = Api(
    "states:DescribeStateMachine",
    client="stepfunctions",
    resource=MACHINE,
    absent=frozenset({"StateMachineDoesNotExist"}),
)
"""Only in dry run: whether there is such a machine."""

GOES_ON = frozenset({"RUNNING", "PENDING_REDRIVE"})
FAILED = frozenset({"FAILED", "TIMED_OUT", "ABORTED"})
APART_SECONDS = 60
"""How far the clocks of two Regions are apart at most."""
LONGEST_WHY = 300
"""Characters of what the other run says that are passed on."""


@dataclass(frozen=True)
class Seen:
    name: str
    """Of the run that is started, or is to be."""
    start: Call
    run: Sight
    machine: Sight | None
    """Only in a dry run."""
    ours: Run


@dataclass(frozen=True, kw_only=True)
class NestedRun(Step[Seen]):
    """The run of another application's machine, which activates `region`, has succeeded."""

    activates: Annotated[
        Mapping[Region, MachineName], "by each Region, the other application's machine that activates it"
    ]
    region: Annotated[Region, "the Region that takes over"] = Region("$to")
    within: Annotated[Seconds, "how long the other run may take"] = Seconds(3600)

    name: ClassVar = "nested_run"
    reads: ClassVar = (DESCRIBE, MACHINE_THERE)
    writes: ClassVar = (START, START_UNGRACEFUL)
    busy: ClassVar = frozenset({"ExecutionLimitExceeded"})
    every: ClassVar = 10
    point_of_no_return: ClassVar = True
    leads_to: ClassVar = "region"
    block: ClassVar = "ARCRegionSwitchPlan"

    def observe(self, world: World) -> Seen:
        run, machine = world.run, self.activates[self.region]
        of_account = _beginning(run.execution, self.region)
        named, arn = _name(run), f"{of_account}:stateMachine:{machine}"
        calls = [DESCRIBE(self.region, executionArn=f"{of_account}:execution:{machine}:{named}")]
        calls += [MACHINE_THERE(self.region, stateMachineArn=arn)] if run.dry_run else []
        sights = world.ask(*calls)
        given = json.dumps({"mode": run.mode})
        asked = {"stateMachineArn": arn, "name": named, "input": given}
        loses = run.mode == "ungraceful"
        start = START_UNGRACEFUL(self.region, **asked) if loses else START(self.region, **asked)
        return Seen(named, start, sights[0], sights[1] if run.dry_run else None, run)

    def decide(self, seen: Seen) -> Decision:
        machine = f"{self.activates[self.region]} in {self.region}"
        facts = {DOUBTS: [f"there is no machine {machine}"]} if isinstance(seen.machine, Absent) else {}
        if isinstance(seen.run, Absent):
            return Change(f"start {machine} as {seen.name}", (seen.start,), (), facts)
        if isinstance(seen.run, Silence):
            return Wait(f"{machine}: {seen.run.why}", facts)
        if stranger := _stranger(seen.run, seen.ours):
            raise Refused(
                f"{seen.name} of {machine} {stranger}: it is not this run's; stop it, and start this run anew"
            )
        status = seen.run.get("status") if _is_whole(seen.run) else None
        if status == "SUCCEEDED":
            return Done(facts={"run": seen.name})
        if status in FAILED:
            raise Refused(
                f"{seen.name} of {machine} is {status}{_why(seen.run)}: mend that, redrive it, then this run"
            )
        known = status if status in GOES_ON else "in no state that is told"
        return Wait(f"{seen.name} of {machine} is {known}", facts)


def _beginning(execution: str, region: str) -> str:
    """Of the ARNs of that Region, by this run's own. Raises NotYet where that has none: a plan is of no
    account."""
    parts = execution.split(":")
    if len(parts) < 5:
        raise NotYet(
            "a plan without a run knows no account, and so not what the other application's run does"
        )
    return f"arn:{parts[1]}:states:{region}:{parts[4]}"


def _name(run: Run) -> str:
    """The same in the plan of a run. One of the same name 90 days ago is forgotten by then, as ours is."""
    said = json.dumps([run.execution, run.state])
    return f"{run.application}-{hashlib.sha256(said.encode()).hexdigest()[:32]}"


def _is_whole(described: Mapping[str, Any]) -> bool:
    """It tells how it was started."""
    return "input" in described and isinstance(described.get("startDate"), datetime)


def _stranger(described: Mapping[str, Any], ours: Run) -> str:
    """Why it is none that this run has started; "" where nothing says so. A person may have said `ungraceful`
    since it was, or before, which a dry run does not hear."""
    if not _is_whole(described):
        return ""
    if described["startDate"].timestamp() < ours.started - APART_SECONDS:
        return "began before this run"
    given = described["input"]
    modes = MODES if ours.dry_run else ("graceful", ours.mode)
    known = [json.dumps({"mode": mode}) for mode in modes]
    return "" if given in known else f"was started with {one_line(given[:LONGEST_WHY])}"


def _why(described: Mapping[str, Any]) -> str:
    said = [str(described[part]) for part in ("error", "cause") if described.get(part)]
    return f" ({one_line(': '.join(said)[:LONGEST_WHY])})" if said else ""


handler = lambda_handler(NestedRun)
