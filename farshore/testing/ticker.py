"""One application in the twin, ready for single ticks: its ledger, its Regions' Lambda, its lease."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest

from functions.handler import lambda_handler
from functions.ledger import QUERY, Lease, Ledger, Records
from functions.step import Step
from twin.clock import Clock
from twin.cloud import ACCOUNT, Cloud
from twin.faults import Kind, Request
from twin.moto.backing import Moto
from twin.net import Net
from twin.services.dynamodb.model import DynamoDB
from twin.services.iam.model import Policy, Statement
from twin.services.lambda_.model import FunctionError, Functions

from ..compile.policy import arns
from ..compile.states import PREFIX
from ..simulate.deployment import outside

APP, TABLE = "shop", "ledger"
EAST, WEST = "us-east-1", "us-west-1"
REPLICAS = ("us-east-1", "us-east-2", "us-west-2")


def execution(name: str, region: str = WEST, procedure: str = "failover") -> str:
    return f"arn:aws:states:{region}:{ACCOUNT}:execution:{APP}-{procedure}:{name}"


THIS, OTHER = execution("this"), execution("other")


class Ticker:
    """Deploys a step's real handler as a Lambda, and ticks it as its state machine would."""

    def __init__(self, cloud: Cloud) -> None:
        self.cloud, self.clock = cloud, cloud.clock
        self.net = Net(cloud)
        self.functions = Functions(cloud)
        self.table = DynamoDB.of(cloud).strong_table(TABLE, REPLICAS)
        self.outside = outside(cloud, self.net)
        self.ledger = Ledger(self.outside, APP, TABLE, REPLICAS, WEST)
        self.requests: list[Request] = []
        """Every call that a function made."""
        cloud.faults.injectors.append(self._note)

    def deploy(
        self, step: type[Step[Any]], region: str = WEST, timeout: float = 60, policy: Policy | None = None
    ) -> None:
        """With a policy, it may call only what that allows."""
        handler = lambda_handler(step, self.outside)
        self.functions.deploy(region, step.name, handler, timeout=timeout, policy=policy)

    def event(self, inputs: Mapping[str, Any], region: str = WEST, **given: Any) -> dict[str, Any]:
        """What the state machine hands over; `given` replaces any part of it by its name."""
        now = self.clock.now
        there = EAST if region == WEST else WEST
        return {
            "inputs": dict(inputs),
            "run": {
                "application": APP,
                "procedure": given.pop("procedure", "failover"),
                "step": given.pop("step", "a step"),
                "purpose": given.pop("purpose", "move"),
                "source": there,
                "target": region,
            },
            "ledger": {"table": TABLE, "regions": list(REPLICAS)},
            "execution": {
                "Id": given.pop("execution", THIS),
                "RedriveCount": given.pop("redrives", 0),
                **({"StartTime": moment(given.pop("started"))} if "started" in given else {}),
                **({"RedriveTime": moment(given.pop("redriven"))} if "redriven" in given else {}),
            },
            "state": {
                "Name": given.pop("state", "the state"),
                "EnteredTime": moment(given.pop("entered", now)),
            },
            "input": given.pop("input", {"mode": "graceful"} | given),
        }

    def tick(self, name: str, inputs: Mapping[str, Any], region: str = WEST, **given: Any) -> dict[str, Any]:
        """One invocation. Raises FunctionError, whose text is `Error: message`."""
        answer: dict[str, Any] = self.functions.invoke(
            region, name, self.event(inputs, region, **{"step": name} | given)
        )
        return answer

    def fails(self, name: str, inputs: Mapping[str, Any], region: str = WEST, **given: Any) -> str:
        """The error of one invocation, as `Error: message`."""
        with pytest.raises(FunctionError) as shown:
            self.tick(name, inputs, region, **given)
        return str(shown.value)

    def converge(
        self, name: str, inputs: Mapping[str, Any], region: str = WEST, **given: Any
    ) -> dict[str, Any]:
        """Ticks as Retry does, until the state holds or is refused."""
        given.setdefault("entered", self.clock.now)
        for _ in range(200):
            try:
                return self.tick(name, inputs, region, **given)
            except FunctionError as error:
                if error.body["errorType"] not in ("NotYet", "Paused", "Runtime.ExitError"):
                    raise
                self.clock.sleep(2)
        raise AssertionError("it never got there")

    def records(self) -> Records:
        return self.ledger.read()

    def hold(self, holder: str = THIS, **more: Any) -> Lease:
        """Gives the lease to an execution, as if it had taken it."""
        before = self.records().lease
        epoch = 1 if before is None else before.epoch + 1
        given: dict[str, Any] = {"holder": holder, "redrives": 0, "epoch": epoch, "released": False, **more}
        lease = Lease(**given)
        assert self.ledger.hold(lease, before)
        return lease

    def say(self, **word: Any) -> None:
        """A person's directive to this run."""
        word = {"execution": THIS, "who": "jane", "why": "she knows", **word}
        assert self.ledger.say("directive", word, self.records())

    def inject(
        self,
        kind: Kind,
        operation: str,
        times: int = 1,
        met: Callable[[Request], bool] = lambda request: True,
    ) -> None:
        """So many of the functions' next calls of the operation meet this fault."""
        left = [times]

        def line(request: Request) -> Kind | None:
            if request.operation != operation or not request.caller or not left[0] or not met(request):
                return None
            left[0] -= 1
            return kind

        self.cloud.faults.injectors.append(line)

    def calls(self, *operations: str) -> list[str]:
        """Of these operations, those called since the last look, in order."""
        found = [request.operation for request in self.requests if request.operation in operations]
        self.requests.clear()
        return found

    def _note(self, request: Request) -> None:
        if request.caller:
            self.requests.append(request)


def declared(step: type[Step[Any]], inputs: Mapping[str, Any]) -> Policy:
    """What its template would allow the step's function: what it declares, of what these inputs name."""
    mine = [(api, (EAST, WEST), inputs) for api in (*step.reads, *step.writes) if not api.is_http]
    words = {"table": TABLE}
    found = [*mine, *((api, REPLICAS, words) for api in (QUERY, *step.ledger_writes()))]
    return tuple(
        Statement(
            frozenset({api.action, *api.dependents}),
            tuple(
                arn.replace("{account}", ACCOUNT).replace("{partition}", "aws").replace("{prefix}", PREFIX)
                for arn in arns(api, regions, named)
            ),
            api.only,
        )
        for api, regions, named in found
    )


def moment(instant: float) -> str:
    """As the context object writes times."""
    return datetime.fromtimestamp(instant, tz=UTC).isoformat().replace("+00:00", "Z")


@contextmanager
def ticking(seed: int = 1, kind: type[Ticker] = Ticker) -> Iterator[Ticker]:
    with Cloud(Clock(), seed, Moto()) as cloud:
        ticker = kind(cloud)
        try:
            yield ticker
        finally:
            ticker.functions.close()


def topic(region: str) -> str:
    """A topic that pages whoever may decide."""
    return str(boto3.client("sns", region_name=region).create_topic(Name="pages")["TopicArn"])


def body_of(item: Mapping[str, str] | None) -> dict[str, Any]:
    assert item is not None
    found: dict[str, Any] = json.loads(item["body"])
    return found
