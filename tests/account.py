"""An account of AWS on this machine: moto, what a deployment needs of it, and what moto has not.

SAM's transform is made first (moto knows none of its types). moto makes no global tables, no alarms, and its
EventBridge starts no state machines: that is done here, as AWS documents it.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import boto3
from click.testing import CliRunner, Result
from moto import mock_aws
from transform import transformed

from farshore.cli import farshore
from farshore.runbook.model import Runbook
from functions.calls import Call, Reply
from functions.outside import Outside
from twin.cloud import ACCOUNT
from twin.moto.backing import handlers
from twin.services.events.pattern import matches

Json = dict[str, Any]
STACK = "farshore"
PAGED = {"PageAddress": "ops@shop.example"}


def body(template: Path) -> str:
    """The template as moto takes it."""
    whole = transformed(template)
    for resource in whole["Resources"].values():
        if definition := resource["Properties"].pop("Definition", None):
            resource["Properties"]["DefinitionString"] = json.dumps(definition)
    return json.dumps(whole)


def filled(template: Json, values: Mapping[str, str]) -> Json:
    """What CloudFormation makes with these values of parameters, AWS::Region among them: moto compares the
    texts of an update before it has looked at conditions."""
    conditions = template["Conditions"]

    def holds(condition: Json) -> bool:
        ((function, words),) = condition.items()
        match function:
            case "Condition":
                return holds(conditions[words])
            case "Fn::Not":
                return not holds(words[0])
            case "Fn::Or":
                return any(map(holds, words))
        assert function == "Fn::Equals"
        return bool(values[words[0]["Ref"]] == words[1])

    def made(value: Any) -> Any:
        if isinstance(value, list):
            return [made(each) for each in value]
        if not isinstance(value, dict):
            return value
        if "Fn::If" in value:
            name, yes, no = value["Fn::If"]
            return made(yes if holds(conditions[name]) else no)
        return {
            key: made(each)
            for key, each in value.items()
            if not (
                isinstance(each, dict)
                and isinstance(each.get("Condition"), str)
                and not holds(conditions[each["Condition"]])
            )
        }

    return {**template, "Resources": made(template["Resources"]), "Outputs": made(template["Outputs"])}


@contextmanager
def moto_alone() -> Iterator[None]:
    """Without the twin, whose import has taken moto's handlers out of botocore."""
    with handlers(), mock_aws():
        yield


class Account(Outside):
    """What farshore's commands see of it. `said` are answers of calls that moto has not, or not so."""

    def __init__(self, template: str) -> None:
        super().__init__()
        self._template: Json = json.loads(template)
        self._parameters: Json = self._template["Parameters"]
        self.said: dict[str, Callable[[Call], Reply]] = {
            "GetAccountSettings": lambda call: {"AccountLimit": {"UnreservedConcurrentExecutions": 1000}},
            "DescribeTable": self._table,
            "GetFunctionConfiguration": self._function,
            "UpdateStack": self._update,
        }
        boto3.client("s3", region_name="us-east-1").create_bucket(Bucket="bucket")

    def reply(self, call: Call, busy: frozenset[str] = frozenset()) -> Reply:
        said = self.said.get(call.api.operation_name)
        return said(call) if said else super().reply(call, busy)

    def _table(self, call: Call) -> Reply:
        """With its consistency, which moto forgets."""
        answer = super().reply(call)
        if isinstance(answer, Mapping):
            return {"Table": {**answer["Table"], "MultiRegionConsistency": "STRONG"}}
        return answer

    def _function(self, call: Call) -> Reply:
        """With the hash of its code, which moto does not tell of what lies in a bucket."""
        answer = super().reply(call)
        return {**answer, "CodeSha256": "the same"} if isinstance(answer, Mapping) else answer

    # What `sam deploy` does.

    def deploy(self, region: str, **parameters: str) -> None:
        """A parameter that is not given has its default at first, and then what it had."""
        values = {name: str(each.get("Default", "")) for name, each in self._parameters.items()}
        about = self._about(region, {**values, **self._values(region), **parameters})
        stacks = self.stacks(region)
        make = stacks.update_stack if self._values(region) else stacks.create_stack
        with warnings.catch_warnings():  # whatever moto has no model of, it leaves out with a warning
            warnings.filterwarnings("ignore", ".*not supported by moto", UserWarning)
            make(StackName=STACK, **about)

    def _about(self, region: str, values: Mapping[str, str]) -> Json:
        template = filled(self._template, {**values, "AWS::Region": region})
        return {
            "TemplateBody": json.dumps(template),
            "Parameters": [{"ParameterKey": name, "ParameterValue": value} for name, value in values.items()],
            "Capabilities": ["CAPABILITY_IAM"],
        }

    def _update(self, call: Call) -> Reply:
        """What a command asks, with the template that the stack has."""
        assert call.parameters["UsePreviousTemplate"]
        given: Any = call.parameters["Parameters"]
        kept = {each["ParameterKey"] for each in given if each.get("UsePreviousValue")}
        assert kept | {each["ParameterKey"] for each in given} == self._parameters.keys()
        self.deploy(
            call.region,
            **{each["ParameterKey"]: each["ParameterValue"] for each in given if "ParameterValue" in each},
        )
        return {}

    def _values(self, region: str) -> dict[str, str]:
        """Of the parameters of the stack; nothing where there is none."""
        if not any(each["StackName"] == STACK for each in self.stacks(region).describe_stacks()["Stacks"]):
            return {}
        return {each["ParameterKey"]: each["ParameterValue"] for each in self.stack(region)["Parameters"]}

    def make_ledger(self, runbook: Runbook) -> None:
        """Its three replicas, as the template's global table would make them."""
        keys = {"application": "HASH", "item": "RANGE"}
        for region in runbook.ledger.regions:
            boto3.client("dynamodb", region_name=region).create_table(
                TableName=runbook.ledger.table,
                BillingMode="PAY_PER_REQUEST",
                AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in keys],
                KeySchema=[{"AttributeName": name, "KeyType": kind} for name, kind in keys.items()],
            )

    # What is there.

    def stacks(self, region: str) -> Any:
        return boto3.client("cloudformation", region_name=region)

    def stack(self, region: str) -> Json:
        (stack,) = self.stacks(region).describe_stacks(StackName=STACK)["Stacks"]
        return dict(stack)

    def machine(self, region: str, name: str) -> str:
        return f"arn:aws:states:{region}:{ACCOUNT}:stateMachine:{name}"

    def runs(self, machine: str) -> list[str]:
        states = boto3.client("stepfunctions", region_name=machine.split(":")[3])
        return [
            each["executionArn"] for each in states.list_executions(stateMachineArn=machine)["executions"]
        ]

    def enabled(self, region: str, machine: str) -> list[Json]:
        """The rules that would start the machine."""
        return [
            rule
            for rule in boto3.client("events", region_name=region).list_rules()["Rules"]
            if rule["State"] == "ENABLED"
            and any(each["Arn"] == machine for each in self._targets(region, rule))
        ]

    def _targets(self, region: str, rule: Json) -> list[Json]:
        events = boto3.client("events", region_name=region)
        return list(events.list_targets_by_rule(Rule=rule["Name"])["Targets"])

    # What happens in it.

    def alarm(self, region: str, name: str) -> None:
        """The alarm goes off: every rule that is enabled and matches starts what it names, with its input."""
        event = {
            "source": "aws.cloudwatch",
            "detail-type": "CloudWatch Alarm State Change",
            "account": ACCOUNT,
            "region": region,
            "detail": {"alarmName": name, "state": {"value": "ALARM"}},
        }
        states = boto3.client("stepfunctions", region_name=region)
        for rule in boto3.client("events", region_name=region).list_rules()["Rules"]:
            pattern = json.loads(rule.get("EventPattern") or "null")
            if rule["State"] == "ENABLED" and pattern and matches(pattern, event):
                for target in self._targets(region, rule):
                    states.start_execution(stateMachineArn=target["Arn"], input=target["Input"])

    def run(self, verb: str, runbook: Runbook, *words: str) -> Result:
        """A command of ours, by somebody who is logged in."""
        result = CliRunner(mix_stderr=False).invoke(farshore, [verb, runbook.path, *words], obj=self)
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result
