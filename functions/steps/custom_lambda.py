"""What no step brings about, a function of the application's own does, and says when it is done.

The function gets what the run is about, as one JSON object:

    application, procedure, mode     of the run: "shop", "failover", "graceful" or "ungraceful"
    from, to                         the Region that is left, and the one that takes over
    execution                        the run's ARN
    dry_run                          true where nothing is to be changed now
    look                             true: say how it stands, and change nothing; false: bring it about

and answers {"status": "done" | "wait" | "refused", "why": "…"} within five seconds: what takes longer it
begins, and answers "wait". It is asked with `look` first, then told to bring it about, then asked again; only
what it says to a look counts. It is told again and again until a look says "done", also by a second run or
after an answer was lost, so it must come to the same end however often it is told. What it has brought about
is not undone when a run gives up before data has moved. One that `verifies` is asked alone, and waited for.
Sources:
docs.aws.amazon.com/lambda/latest/api/API_Invoke.html (FunctionError; a function's own error is HTTP 200),
docs.aws.amazon.com/r53recovery/latest/dg/custom-action-lambda-block.html
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Annotated, Any, ClassVar, NewType

from ..calls import Api, Call, Sight, Silence
from ..errors import Refused
from ..handler import lambda_handler
from ..inputs import FORMS, FunctionName, Region
from ..outside import UNREADY
from ..planned import DOUBTS, one_line
from ..run import Run
from ..step import Change, Decision, Done, Step, Wait
from ..world import World

CustomFunctionName = NewType("CustomFunctionName", str)
FORMS[CustomFunctionName] = replace(
    FORMS[FunctionName],
    noun="the name of a function of the application's own",
    several="names of functions of the application's own",
    example="shop-warm-caches",
)

FUNCTION = "lambda:{region}:{account}:function:{function}"
LONGEST_WHY = 300
"""Characters of what the function says that are passed on."""
CONTRACT = 'it must answer {"status": "done", "wait" or "refused", "why": "…"}'


def _looks(parameters: Mapping[str, Any]) -> bool:
    return json.loads(parameters["Payload"])["look"] is True


def _acts(parameters: Mapping[str, Any]) -> bool:
    return not _looks(parameters)


LOOK = Api("lambda:InvokeFunction", operation="Invoke", resource=FUNCTION, plane="data", of=_looks)
ACT = Api("lambda:InvokeFunction", operation="Invoke", resource=FUNCTION, plane="data", of=_acts)


@dataclass(frozen=True)
class Seen:
    status: str
    """done, wait or refused, as the function says; "" where it says none of them."""
    why: str
    act: Call
    """What tells it to bring it about."""
    dry_run: bool


@dataclass(frozen=True, kw_only=True)
class CustomLambda(Step[Seen]):
    """The application's own function says that what it brings about holds."""

    function: Annotated[CustomFunctionName, "the function's name, the same in each Region"]
    region: Annotated[Region, "where it is invoked"] = Region("$to")
    verifies: Annotated[bool, "it changes nothing: it is asked how it stands, and never told"] = False

    name: ClassVar = "custom_lambda"
    reads: ClassVar = (LOOK,)
    writes: ClassVar = (ACT,)
    busy: ClassVar = UNREADY
    every: ClassVar = 10
    block: ClassVar = "CustomActionLambda"

    def observe(self, world: World) -> Seen:
        run = world.run
        (answer,) = world.ask(
            LOOK(self.region, FunctionName=self.function, Payload=_told(run, look=True, dry_run=run.dry_run))
        )
        told = _told(run, look=False, dry_run=False)  # nobody is told in a dry run
        act = ACT(self.region, FunctionName=self.function, Payload=told)
        return Seen(*_said(answer), act, run.dry_run)

    def decide(self, seen: Seen) -> Decision:
        who = f"{self.function} in {self.region}"
        if seen.status == "done":
            return Done(facts={"why": seen.why} if seen.why else {})
        if seen.status == "refused":
            raise Refused(f"{who} refuses: {seen.why or 'it does not say why'}")
        if seen.status == "wait" and self.verifies:
            # A person's word on a plan must outlast what is under way.
            return Done(facts={"why": seen.why}) if seen.dry_run else Wait(f"{who}: {seen.why or 'not yet'}")
        if seen.status == "wait":
            return Change(f"invoke {who}: {seen.why or 'not done yet'}", (seen.act,))
        return Wait(f"{who}: {seen.why}", {DOUBTS: [f"{who}: {seen.why}"]})


def _told(run: Run, look: bool, dry_run: bool) -> bytes:
    facts = {
        "application": run.application,
        "procedure": run.procedure,
        "mode": run.mode,
        "from": run.source,
        "to": run.target,
        "execution": run.execution,
        "dry_run": dry_run,
        "look": look,
    }
    return json.dumps(facts).encode()


def _said(answer: Sight) -> tuple[str, str]:
    """Its status and why; no status where the function failed, or answered something else."""
    if not isinstance(answer, Mapping):
        return "", answer.why if isinstance(answer, Silence) else answer.code
    body = answer.get("Payload", b"")
    text = body.decode(errors="replace") if isinstance(body, bytes) else str(body)
    if answer.get("FunctionError"):
        return "", f"it failed: {_short(text)}"
    try:
        said = json.loads(text)
        status, why = said["status"], said.get("why", "")
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        status, why = "", ""
    if status not in ("done", "wait", "refused") or not isinstance(why, str):
        return "", f"it answered {_short(text) or 'nothing'}, and {CONTRACT}"
    return status, _short(why)


def _short(text: str) -> str:
    """What a function of others says, on one line that a page can hold."""
    return one_line(text[:LONGEST_WHY])


handler = lambda_handler(CustomLambda)
