"""A runbook deployed into the twin, as `sam deploy` would deploy it into an account.

The same functions, with the policies that the template gives them, and the same compiled machines.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from typing import Any

from functions.calls import LONGEST_TICK_SECONDS, Reply
from functions.handler import lambda_handler
from functions.outside import Outside
from functions.prober import prober
from functions.run import Run
from functions.telemetry import Report, Telemetry, tick_of
from twin.applications import account as accounts
from twin.clock import at_once
from twin.cloud import Cloud
from twin.net import Net

from ..checkers.events import TICK, Tick
from ..compile import probing
from ..compile.definition import last_fence
from ..compile.states import OWN_PREFIX, PREFIX, function_name, function_of
from ..runbook.model import Runbook
from ..runbook.registry import steps
from .package import Part, package, substituted

Handler = Callable[[Mapping[str, Any], Any], Any]


def outside(cloud: Cloud, net: Net, kind: type[Outside] = Outside) -> Outside:
    """What the steps see of the world: the twin's clock, its network, its AWS."""

    def side_by_side(thunks: Sequence[Callable[[], Reply]]) -> list[Reply]:
        return at_once(cloud.clock, list(thunks))

    def http(
        region: str, method: str, url: str, body: bytes | None, headers: Mapping[str, str]
    ) -> tuple[int, bytes]:
        return net.request(region, method, url, body, headers=headers)

    return kind(clock=lambda: cloud.clock.now, at_once=side_by_side, http=http)


def label_of(event: Mapping[str, Any]) -> str:
    """How a tick of this event is called: failover-1/STATE.us-east-1.2"""
    execution = event["execution"]["Id"].rpartition(":")[2]
    state = event["state"]["Name"].replace(" ", ".").translate(_BRACKETS)
    given = event["input"]
    dry = isinstance(given, Mapping) and given.get("dry_run")
    return f"{execution}/{'plan.' if dry else ''}{state}"


_BRACKETS = str.maketrans("", "", "()")


_NOTHING_NOTED: nullcontext[Report] = nullcontext(lambda outcome, why, waited, facts: None)


def no_telemetry(run: Run) -> nullcontext[Report]:
    """Notes nothing of a tick: log lines and metrics would take longer than the tick itself."""
    return _NOTHING_NOTED


class Deployment:
    """Where the machines of one runbook run, by procedure."""

    def __init__(
        self, account: accounts.Account, outside: Outside, runbook: Runbook, telemetry: Telemetry = tick_of
    ) -> None:
        """`telemetry` notes how ticks end: by log lines and metrics, where nothing else is given."""
        self.runbook, self.outside, self._account = runbook, outside, account
        ours = package(runbook)
        self.machines = ours.machines
        self.arns: dict[str, str] = {}
        """Of the machines that stand, by procedure."""
        self._later: dict[str, tuple[str, str, str]] = {}
        """Region, name and text of machines that have not been started yet, and stand from then on: what only
        looks on is created for no simulation that never sees it."""
        self.ticks: dict[str, list[Tick]] = {}
        """By label."""
        for role, (policy, external_id) in ours.roles.items():
            account.role(role, policy, external_id)
        for part in ours.parts:
            self._deploy(part, telemetry)
        self.probing: dict[str, str] = {}
        """The ARN of the machine by which the runbook's probes are looked at, by Region."""
        for region in probing.lookers(runbook):
            self._deploy_prober(region)

    def _deploy(self, part: Part, telemetry: Telemetry) -> None:
        region, versions = part.region, {}
        for step, policy in part.policies.items():
            name = function_name(step)
            own = self.outside.elsewhere()
            handler = self._on_behalf(region, name, lambda_handler(steps()[step], own, telemetry))
            versions[function_of(step)] = self._account.functions.deploy(
                region, name, handler, timeout=LONGEST_TICK_SECONDS, policy=policy
            )
        for procedure, definition in part.definitions.items():
            text = substituted(definition, (*versions.items(), (OWN_PREFIX, PREFIX)))
            machine = self.machines[procedure]
            self._later[procedure] = region, machine.name, text
            if machine.purpose != "look":
                self.arn(procedure)

    def _deploy_prober(self, region: str) -> None:
        name = function_name(probing.FUNCTION)
        version = self._account.functions.deploy(
            region, name, prober(self.outside), timeout=probing.LONGEST_LOOK_SECONDS, policy=()
        )
        self._account.embedded(region, name)
        text = json.dumps(probing.definition(self.runbook))
        self.probing[region] = self._account.create_machine(
            region,
            probing.machine(self.runbook),
            substituted(text, ((function_of(probing.FUNCTION), version),)),
            express=True,
        )

    def arn(self, procedure: str) -> str:
        """Of the procedure's machine, which stands now."""
        if procedure in self._later:
            self.arns[procedure] = self._account.create_machine(*self._later.pop(procedure))
        return self.arns[procedure]

    def _on_behalf(self, region: str, name: str, handler: Handler) -> Handler:
        """The function, saying whose tick it is to whoever checks."""

        def run(event: Mapping[str, Any], context: Any) -> Any:
            label = label_of(event)
            ticks = self.ticks.setdefault(label, [])
            tick = Tick(event["execution"]["Id"], label, len(ticks) + 1, (region, name), event, context)
            tick.began = self.outside.clock()
            ticks.append(tick)
            token = TICK.set(tick)
            try:
                answer = handler(event, context)
                tick.answer = f"{answer['outcome']}: {answer.get('why', '')}"
                return answer
            except Exception as error:
                tick.answer = f"{type(error).__name__}: {error}"
                raise
            finally:
                tick.ended = self.outside.clock() if tick.answer else 0.0
                TICK.reset(token)

        return run

    def last_fence(self, procedure: str) -> str:
        """The last state that may take something from customers before the point of no return; "" where none
        does."""
        return last_fence(self.machines[procedure].definition)

    def client(self, procedure: str) -> Any:
        """boto3's, of what runs machines in the Region in which the procedure's lives."""
        return self._account.machines(self.machines[procedure].region)
