"""One account in all its Regions: what runs functions and state machines, watches, and pages.

An application and Farshore beside it stand on these. Whoever simulates them asks here, and names no service.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from typing import Any

import boto3
from botocore.credentials import ReadOnlyCredentials

from ..application import Journey
from ..cloud import ACCOUNT, Cloud
from ..net import Net
from ..services.cloudwatch.model import Metrics
from ..services.dynamodb.model import DynamoDB
from ..services.dynamodb.strong_table import StrongTable
from ..services.events.model import Bus
from ..services.health.model import Health
from ..services.iam.model import Policy, Statement
from ..services.lambda_.model import FunctionError, Functions
from ..services.stepfunctions.model import StepFunctions
from ..services.sts.model import Sts
from ..services.synthetics.model import Canary, Synthetics

__all__ = ["Account", "FunctionError", "Policy", "Statement"]

ON_CALL = "on-call@example.com"
"""Who is paged."""
OwnEngine = StepFunctions
"""The twin's own."""
Engine = Callable[[Cloud, ExitStack], OwnEngine | None]
"""Puts what runs state machines into a Cloud; None where that is moto's interpreter."""
Act = Callable[[Mapping[str, Any]], object]


def own_engine(cloud: Cloud, stack: ExitStack) -> OwnEngine:
    return StepFunctions(cloud)


class Account:
    """The services, each once."""

    def __init__(self, cloud: Cloud, net: Net, stack: ExitStack, engine: Engine = own_engine) -> None:
        self._cloud, self._net = cloud, net
        self.engine = engine(cloud, stack)
        self.functions = Functions(cloud)
        self._bus = Bus(cloud)
        self.metrics = Metrics(cloud, self._bus)
        self.canaries: dict[tuple[str, str], Canary] = {}
        """By Region and name."""
        self._machines: dict[str, Any] = {}
        Health(cloud, self._bus)
        self._sts = Sts(cloud, net)

    # What it has.

    def strong_table(self, name: str, regions: Sequence[str]) -> StrongTable:
        return DynamoDB.of(self._cloud).strong_table(name, regions)

    def topic(self, arn: str) -> None:
        """A topic of this ARN, by which a person is paged."""
        _, _, service, region, account, name = arn.split(":")
        assert service == "sns", arn
        if account != ACCOUNT:  # its owner has made it
            self._cloud.backing.keeper(service).topic(arn, ON_CALL)
            return
        sns = boto3.client("sns", region_name=region)
        sns.create_topic(Name=name)
        sns.subscribe(TopicArn=arn, Protocol="email", Endpoint=ON_CALL)

    def drop_topic(self, arn: str) -> None:
        """Somebody has deleted it."""
        boto3.client("sns", region_name=_region(arn)).delete_topic(TopicArn=arn)

    def canary(self, region: str, name: str, journey: Journey) -> None:
        """A canary, and an alarm of the same name: two of three journeys in a row have failed."""
        of_all = Synthetics.of(self._cloud, self._net, self.metrics)
        self.canaries[region, name] = of_all.alarmed(region, name, journey)

    def embedded(self, region: str, function: str) -> None:
        """The Region has the metrics that a function of it prints."""
        self.functions.on_line[region, function] = lambda line: self.metrics.embedded(region, line)

    def rule(
        self, region: str, name: str, pattern: Mapping[str, Any], act: Act, given: Mapping[str, Any]
    ) -> None:
        """A rule of the Region: whenever an event there fits the pattern, `act` gets what is given."""
        self._bus.rule(region, name, pattern, act, given)

    def schedule(self, region: str, name: str, seconds: float, act: Act, given: Mapping[str, Any]) -> None:
        """A rule that fires every so many seconds: `act` gets what is given."""
        self._bus.schedule(region, name, seconds, act, given)

    def user(self, name: str) -> ReadOnlyCredentials:
        """Somebody of the account, by credentials."""
        return self._sts.user(name)

    def role(self, arn: str, policy: Policy, external_id: str) -> None:
        """A role of another account, which trusts this one with that external ID ("" for none)."""
        self._sts.role(arn, policy, external_id)

    # State machines: as boto3 has them, in the Region that an ARN names.

    def machines(self, region: str) -> Any:
        """boto3's client of what runs state machines there: one, as making it takes longer than a call."""
        if region not in self._machines:
            self._machines[region] = boto3.client("stepfunctions", region_name=region)
        return self._machines[region]

    def create_machine(self, region: str, name: str, definition: str, *, express: bool = False) -> str:
        """Its ARN."""
        self._sts.endpoint(region)
        role = f"arn:aws:iam::{ACCOUNT}:role/farshore"
        kind = {"type": "EXPRESS"} if express else {}
        made = self.machines(region).create_state_machine(
            name=name, definition=definition, roleArn=role, **kind
        )
        return str(made["stateMachineArn"])

    def start(self, machine: str, name: str, given: str) -> str:
        """Starts an execution with this input, and gives its ARN."""
        client = self.machines(_region(machine))
        return str(client.start_execution(stateMachineArn=machine, name=name, input=given)["executionArn"])


def _region(arn: str) -> str:
    return arn.split(":")[3]
