"""A machine's part of the template: itself, what it may call, its log, what starts it, and who is paged."""

from __future__ import annotations

import json
from typing import Any

from ..runbook.model import Runbook
from .emitter import Flow, Noted, Tag
from .machine import Machine
from .paging import DEAD_LETTERS, alarm, ended
from .parameters import BOUNDED, HAS_LOG_KEY, armed
from .policy import by_machine
from .resource_names import camel, condition
from .starts import AlarmRule, alarm_rules, schedule_of
from .states import OWN_PREFIX, logical_id

Json = dict[str, Any]

DELIVERY_SECONDS = 900
"""How long EventBridge tries to start a run. By then a person has been paged, and decides."""
LOG_DELIVERY = (
    "logs:CreateLogDelivery",
    "logs:DeleteLogDelivery",
    "logs:DescribeLogGroups",
    "logs:DescribeResourcePolicies",
    "logs:GetLogDelivery",
    "logs:ListLogDeliveries",
    "logs:PutResourcePolicy",
    "logs:UpdateLogDelivery",
)
"""Source: docs.aws.amazon.com/step-functions/latest/dg/cw-logs.html#cloudwatch-iam-policy"""


def machine_resources(runbook: Runbook, machine: Machine) -> Json:
    """A state machine, its log, and who is paged when it does not succeed."""
    name, here = camel(machine.name), {"Condition": condition([machine.region])}
    started = events(runbook, machine)
    resources: Json = {
        name: {
            "Type": "AWS::Serverless::StateMachine",
            **here,
            "Properties": {
                "Name": machine.name,
                "DefinitionUri": f"statemachines/{machine.name}.asl.json",
                "DefinitionSubstitutions": _substitutions(machine),
                "Policies": [{"Version": "2012-10-17", "Statement": _machine_may(runbook, machine)}],
                "Logging": {
                    "Level": "ALL",
                    "IncludeExecutionData": True,
                    "Destinations": [
                        {"CloudWatchLogsLogGroup": Flow({"LogGroupArn": Tag("GetAtt", f"{name}Logs.Arn")})}
                    ],
                },
                "Tracing": Flow({"Enabled": True}),
                **BOUNDED,
                **({"Events": started} if started else {}),
            },
        },
        f"{name}Logs": {
            "Type": "AWS::Logs::LogGroup",
            **here,
            "DeletionPolicy": "RetainExceptOnCreate",
            "UpdateReplacePolicy": "Retain",
            "Properties": {
                "LogGroupName": f"/aws/vendedlogs/states/{machine.name}",
                "RetentionInDays": Tag("Ref", "LogRetentionDays"),
                "KmsKeyId": Tag("If", [HAS_LOG_KEY, Tag("Ref", "LogKeyArn"), Tag("Ref", "AWS::NoValue")]),
            },
        },
        f"{name}DidNotSucceed": {
            "Type": "AWS::CloudWatch::Alarm",
            **here,
            "Properties": alarm(machine.name, name),
        },
        f"{name}Ended": Noted(
            "Sooner than the alarm and with the reason, but best effort: hence both.",
            {"Type": "AWS::Events::Rule", **here, "Properties": ended(name)},
        ),
    }
    return resources


def _machine_may(runbook: Runbook, machine: Machine) -> list[Any]:
    own = [Tag("Sub", "${" + logical_id(step) + ".Arn}:*") for step in machine.functions]
    return [
        Noted(
            "Any version: a run from before a deployment, or its redrive 14 days later, calls the old ones.",
            {"Effect": "Allow", "Action": "lambda:InvokeFunction", "Resource": own},
        ),
        Noted(
            "Log delivery: these actions have no resources.",
            {"Effect": "Allow", "Action": list(LOG_DELIVERY), "Resource": "*"},
        ),
        *(_children_may(runbook, machine) if machine.distributes else ()),
    ]


def _children_may(runbook: Runbook, machine: Machine) -> list[Any]:
    """What a distributed Map needs to begin its children, follow them, and redrive them. The machine is named
    by its ARN's pattern, as a reference would be a circle.
    Source: docs.aws.amazon.com/step-functions/latest/dg/iam-policies-eg-dist-map.html"""
    states = "arn:${AWS::Partition}:states:${AWS::Region}:${AWS::AccountId}"
    children = Tag("Sub", f"{states}:execution:{machine.name}/*:*")
    start = Tag("Sub", f"{states}:stateMachine:{machine.name}")
    follow = ["states:DescribeExecution", "states:RedriveExecution", "states:StopExecution"]
    moved = [
        {
            "Effect": "Allow",
            "Action": list(each.actions),
            "Resource": [
                Tag("Sub", arn.replace("{partition}", "${AWS::Partition}")) for arn in each.resources
            ],
        }
        for each in by_machine(runbook, machine)
    ]
    return [
        {"Effect": "Allow", "Action": "states:StartExecution", "Resource": start},
        Noted(
            "Any child of its Maps: which they are, Step Functions says.",
            {"Effect": "Allow", "Action": follow, "Resource": children},
        ),
        Noted("The folder of its runs: they are named when they begin.", moved[0]),
        *moved[1:],
    ]


def _substitutions(machine: Machine) -> Json:
    """What becomes of ${…} in the definition: functions' versions, and the stack's prefix."""
    own = {"Prefix": Tag("Ref", "Prefix")} if OWN_PREFIX in json.dumps(machine.definition) else {}
    return {logical_id(step): Tag("Ref", f"{logical_id(step)}.Version") for step in machine.named} | own


def events(runbook: Runbook, machine: Machine) -> Json:
    """What starts it besides people."""
    state = {"State": Tag("If", [armed(runbook.application), "ENABLED", "DISABLED"])}
    started: Json = {camel(rule.alarm): _rule(rule, state) for rule in alarm_rules(runbook, machine)}
    if schedule := schedule_of(machine):
        rate = f"rate({schedule.minutes} minute{'s' if schedule.minutes > 1 else ''})"
        every = {"Schedule": rate, "Input": json.dumps(schedule.given), **state, **DEAD_LETTERS}
        started["Scheduled"] = Noted(schedule.why, {"Type": "Schedule", "Properties": every})
    return started


def _rule(rule: AlarmRule, state: Json) -> Json:
    pattern = rule.pattern(Tag("Ref", "AWS::AccountId"))
    detail = {**pattern["detail"], "state": Flow(pattern["detail"]["state"])}
    return {
        "Type": "EventBridgeRule",
        "Properties": {
            "Pattern": {**pattern, "account": Flow(pattern["account"]), "detail": detail},
            "Input": json.dumps(rule.given),
            **state,
            "RetryPolicy": {"MaximumRetryAttempts": 185, "MaximumEventAgeInSeconds": DELIVERY_SECONDS},
            **DEAD_LETTERS,
        },
    }
