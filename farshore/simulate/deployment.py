"""A runbook deployed into the twin, as `sam deploy` would deploy it into an account.

The same functions, with the policies that the template gives them, and the same compiled machines.
"""

from __future__ import annotations

import contextvars
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

import boto3

from functions.calls import LONGEST_TICK_SECONDS, Api, Reply
from functions.handler import lambda_handler
from functions.outside import Outside
from functions.run import GIVES_UP, Run
from functions.telemetry import Report, Telemetry, tick_of
from twin.clock import at_once
from twin.cloud import ACCOUNT, Cloud
from twin.faults import Request
from twin.net import Net
from twin.services.lambda_.model import Functions

from ..compile.definition import change_of
from ..compile.machine import function_of
from ..compile.policy import function_name
from ..operate.history import RunReport, events_of, run_report
from ..runbook.load import Runbook
from ..runbook.registry import steps
from .package import Part, package, substituted

Handler = Callable[[Mapping[str, Any], Any], Any]


def outside(cloud: Cloud, net: Net) -> Outside:
    """What the steps see of the world: the twin's clock, its network, its AWS."""

    def side_by_side(thunks: Sequence[Callable[[], Reply]]) -> list[Reply]:
        return at_once(cloud.clock, list(thunks))

    def http(region: str, method: str, url: str, body: bytes | None) -> tuple[int, bytes]:
        return net.request(region, method, url, body)

    return Outside(clock=lambda: cloud.clock.now, at_once=side_by_side, http=http)


@dataclass
class Tick:
    """One invocation of a step's function, on behalf of an execution."""

    execution: str
    """Its ARN."""
    label: str
    """The execution's name and the state's, in letters that no shell minds; a plan's dry tick says so."""
    number: int
    """Of this label's ticks, from 1."""
    function: tuple[str, str]
    """Its Region and name."""
    event: Mapping[str, Any]
    invocation: Any
    began: float = 0.0
    """In seconds since 1970."""
    ended: float = 0.0
    """0 where it died."""
    verdict: str = ""
    """What it answered, or the error that it raised, once it has ended."""
    calls: int = 0
    """For whoever counts them."""

    def change(self, request: Request) -> Api | None:
        """The step's declared write that the request is, where that changes something of the application."""
        return change_of(self.event, request.service, request.operation, request.parameters)

    @property
    def undoing(self) -> bool:
        return self.event["run"]["purpose"] in GIVES_UP


TICK: contextvars.ContextVar[Tick | None] = contextvars.ContextVar("tick", default=None)
"""The tick that is running; None outside."""


def label_of(event: Mapping[str, Any]) -> str:
    """How a tick of this event is called: failover-1/lambda_concurrency.us-east-1.2"""
    execution = event["execution"]["Id"].rpartition(":")[2]
    state = event["state"]["Name"].replace(" ", ".").translate(_BRACKETS)
    given = event["input"]
    dry = isinstance(given, Mapping) and given.get("dry_run")
    return f"{execution}/{'plan.' if dry else ''}{state}"


_BRACKETS = str.maketrans("", "", "()")


_UNHEARD: nullcontext[Report] = nullcontext(lambda outcome, why, waited, facts: None)


def unheard(run: Run) -> nullcontext[Report]:
    """Tells nobody of a tick: log lines and metrics would take longer than the tick itself."""
    return _UNHEARD


class Deployment:
    """Where the machines of one runbook run, by procedure."""

    def __init__(
        self, cloud: Cloud, net: Net, functions: Functions, runbook: Runbook, telling: Telemetry = tick_of
    ) -> None:
        """`telling` hears how ticks end: Powertools' log lines and metrics, where nothing else is given."""
        self.runbook, self.outside = runbook, outside(cloud, net)
        ours = package(runbook)
        self.machines = ours.machines
        self.arns: dict[str, str] = {}
        self.ticks: dict[str, list[Tick]] = {}
        """By label."""
        for part in ours.parts:
            self._deploy(functions, part, telling)

    def _deploy(self, functions: Functions, part: Part, telling: Telemetry) -> None:
        region, versions = part.region, {}
        for step, policy in part.policies.items():
            name = function_name(step)
            handler = self._on_behalf(region, name, lambda_handler(steps()[step], self.outside, telling))
            versions[function_of(step)] = functions.deploy(
                region, name, handler, timeout=LONGEST_TICK_SECONDS, policy=policy
            )
        client = boto3.client("stepfunctions", region_name=region)
        for procedure, definition in part.definitions.items():
            made = client.create_state_machine(
                name=self.machines[procedure].name,
                definition=substituted(definition, tuple(versions.items())),
                roleArn=f"arn:aws:iam::{ACCOUNT}:role/farshore",
            )
            self.arns[procedure] = made["stateMachineArn"]

    def _on_behalf(self, region: str, name: str, handler: Handler) -> Handler:
        """The function, saying whose tick it is to whoever keeps score."""

        def run(event: Mapping[str, Any], context: Any) -> Any:
            label = label_of(event)
            ticks = self.ticks.setdefault(label, [])
            tick = Tick(event["execution"]["Id"], label, len(ticks) + 1, (region, name), event, context)
            tick.began = self.outside.clock()
            ticks.append(tick)
            token = TICK.set(tick)
            try:
                answer = handler(event, context)
                tick.verdict = f"{answer['outcome']}: {answer.get('why', '')}"
                return answer
            except Exception as error:
                tick.verdict = f"{type(error).__name__}: {error}"
                raise
            finally:
                tick.ended = self.outside.clock() if tick.verdict else 0.0
                TICK.reset(token)

        return run

    def client(self, procedure: str) -> Any:
        """Step Functions in the Region in which the procedure's machine lives."""
        return boto3.client("stepfunctions", region_name=self.machines[procedure].region)


def report_of(deployment: Deployment, procedure: str, mode: str, execution: str, calls: int) -> RunReport:
    """A run of the twin, with the calls that were counted there."""
    client = deployment.client(procedure)
    told = client.describe_execution(executionArn=execution)
    definition = deployment.machines[procedure].definition
    return run_report(
        procedure, mode, definition, told, list(events_of(client.get_execution_history, execution)), calls
    )
