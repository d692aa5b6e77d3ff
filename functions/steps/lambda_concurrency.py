"""Throttling: these functions' reserved concurrency in `region` is `reserved`, or what it was.

Reserved 0 turns away every new invocation; requests in flight go on, up to the function's time-out, so writes
may still arrive for that long after the fence is read back. Only GetFunctionConcurrency reads it back: what
a customer gets from a throttled function depends on what stands in front of it. With an SQS source, disable
the mapping first, or messages go to the dead-letter queue. The calls are control plane, in the Region that
may be sick, hence `patience`. A function is not reserved below what is provisioned of its versions and
aliases: Lambda refuses that, so plans look for it while all is well. Sources:
docs.aws.amazon.com/lambda/latest/dg/configuration-concurrency.html,
docs.aws.amazon.com/lambda/latest/dg/provisioned-concurrency.html,
docs.aws.amazon.com/lambda/latest/api/API_PutFunctionConcurrency.html,
docs.aws.amazon.com/lambda/latest/api/API_ListProvisionedConcurrencyConfigs.html
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal

from ..calls import Absent, Api, Call, Sight, Silence
from ..fence import (
    ASKS,
    NOTES,
    PATIENCE,
    FenceSight,
    Held,
    Value,
    ask_all,
    confirmed_before,
    give_back,
    paced_by_lambda,
    patient,
    remembered_here,
    take_away,
)
from ..handler import lambda_handler
from ..inputs import FunctionName, Patience, Region
from ..step import Decision, Step
from ..world import World

FUNCTION = "lambda:{region}:{account}:function:{functions}"
READ = Api("lambda:GetFunctionConcurrency", resource=FUNCTION)
PUT = Api("lambda:PutFunctionConcurrency", resource=FUNCTION)
DELETE = Api("lambda:DeleteFunctionConcurrency", resource=FUNCTION)
PROVISIONED = Api(
    "lambda:ListProvisionedConcurrencyConfigs", resource=FUNCTION, absent=frozenset({"AccessDeniedException"})
)
"""Only in dry run: whether the function can be fenced at all. No run needs it: that it is denied is a doubt.
One page has 50 versions and aliases."""

UNRESERVED = "unreserved"
"""What is remembered of a function that drew on the account's common pool: giving it back is a deletion."""


@dataclass(frozen=True, kw_only=True)
class LambdaConcurrency(Step[FenceSight]):
    """These functions may run as many invocations at once as `reserved` says: none, where it is 0."""

    functions: Annotated[tuple[FunctionName, ...], "the functions' names"]
    region: Annotated[Region, "where they run"]
    reserved: Annotated[int | Literal["restore"], "how many at once, or `restore`: what it was before"]
    patience: Annotated[Patience, "how long a silent Region is waited for"] = PATIENCE

    name: ClassVar = "lambda_concurrency"
    reads: ClassVar = (READ, PROVISIONED)
    writes: ClassVar = (PUT, DELETE)
    notes: ClassVar = NOTES
    busy: ClassVar = frozenset({"ResourceConflictException"})
    asks: ClassVar = ASKS
    fences: ClassVar = True
    closed: ClassVar = 0

    def __post_init__(self) -> None:
        patient(self.patience, self.within)
        paced_by_lambda(self.patience, len(self.functions), "functions")

    def observe(self, world: World) -> FenceSight:
        resources = {self._resource(function): function for function in self.functions}
        asked = [resource for resource in resources if not self._needless(world, resource)]
        fenced = asked if world.run.dry_run and self.reserved != "restore" else []
        calls = [
            *(READ(self.region, FunctionName=resources[resource]) for resource in asked),
            *(PROVISIONED(self.region, FunctionName=resources[resource]) for resource in fenced),
        ]
        answers = ask_all(world, calls, self.patience)
        sights = dict(zip(asked, answers, strict=False))
        provisioned = dict(zip(fenced, answers[len(asked) :], strict=True))
        unasked = NOT_ASKED if self.reserved == "restore" else self.reserved
        held = [
            Held(
                resource,
                _value(sights[resource]) if resource in sights else unasked,
                confirmed=None,
                put=self._put(function),
                **self._provisioned(function, provisioned.get(resource)),
            )
            for resource, function in resources.items()
        ]
        return FenceSight.of(world, self.patience, held, self.region)

    def _needless(self, world: World, resource: str) -> bool:
        """It need not be read, or not again."""
        if self.reserved == "restore":
            return not remembered_here(world, resource)
        return confirmed_before(world, resource)

    def decide(self, seen: FenceSight) -> Decision:
        return give_back(seen) if self.reserved == "restore" else take_away(seen, self.reserved)

    def _provisioned(self, function: str, sight: Sight | None) -> dict[str, Any]:
        """What keeps the function from being fenced, or could not be learnt, as `Held` tells it."""
        asked = f"{PROVISIONED.action} of {function} in {self.region}"
        if isinstance(sight, Absent):
            return {"doubt": f"{asked}: {sight.code}"}
        if sight is None or isinstance(sight, Silence):
            return {}  # who is silent is told by the plan
        configured = sight.get("ProvisionedConcurrencyConfigs", ())
        there = sum(each.get("RequestedProvisionedConcurrentExecutions", 0) for each in configured)
        if isinstance(self.reserved, int) and there > self.reserved:
            where = ", ".join(sorted(each.get("FunctionArn", "").rpartition(":")[2] for each in configured))
            why = (
                f"{function} in {self.region} has {there} provisioned ({where}), and Lambda reserves no "
                "fewer: delete its provisioned concurrency before, or fence what calls it"
            )
            return {"barred": why}
        if "ProvisionedConcurrencyConfigs" not in sight or "NextMarker" in sight:
            return {"doubt": f"{asked} did not tell all"}
        return {}

    def _resource(self, function: str) -> str:
        return f"lambda:{self.region}:{function}:reserved_concurrency"

    def _put(self, function: str) -> Callable[[Value], tuple[Call, ...]]:
        def put(value: Value) -> tuple[Call, ...]:
            if value == UNRESERVED:
                return (DELETE(self.region, FunctionName=function),)
            return (PUT(self.region, FunctionName=function, ReservedConcurrentExecutions=value),)

        return put


NOT_ASKED = Silence("not asked: its owner remembers nothing of it")


def _value(sight: Sight) -> Value | Silence:
    """AWS leaves the number out where nothing is reserved."""
    if isinstance(sight, Silence):
        return sight
    assert not isinstance(sight, Absent), "a function that is not there is Refused"
    value: Value = sight.get("ReservedConcurrentExecutions", UNRESERVED)
    return value


handler = lambda_handler(LambdaConcurrency)
