"""The part of template.yaml that the runbooks say: functions, machines, triggers, the ledger, and conditions.

One template serves every Region. Conditions put into a Region only what belongs there: a machine and its
trigger in the one Region that it activates, a step's function wherever a machine calls it, the ledger in the
first of its Regions. cfn-lint and SAM read the whole; a person reads the comments.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from typing import Any

from ..runbook.load import LedgerTable, Runbook, Trigger
from ..runbook.mistakes import Mistake, Mistakes
from ..runbook.registry import steps
from .emitter import Flow, Noted, Tag, emit
from .machine import Machine, logical_id
from .paging import alarm, ended
from .policy import Statement, function_name, statements

Json = dict[str, Any]
Use = tuple[Runbook, Machine]

MARKER = "# ---- derived by farshore compile: do not edit below ----"
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


def with_derived_part(path: str, text: str, uses: Sequence[Use]) -> str:
    """The template's text: its hand-written frame, the marker, and what the runbooks say. Raises Mistakes."""
    frame, marker, _ = text.partition(f"\n{MARKER}\n")
    if not marker:
        instead = f"end its Resources with this line: {MARKER}"
        raise Mistakes([Mistake(path, 0, "lacks the line below which compile writes", instead)])
    sections = [_functions(uses), *_ledgers(uses), *(_machine(runbook, machine) for runbook, machine in uses)]
    _once(path, frame, [name for _, resources in sections for name in resources])
    lines = [frame + marker.rstrip("\n")]
    for title, resources in sections:
        rule = f"  # -- {title} "
        lines += ["", rule + "-" * max(0, 110 - len(rule))]
        for name, resource in resources.items():
            lines += ["", *emit({name: resource}, 2)]
    return "\n".join([*lines, "", *emit({"Conditions": _conditions(uses)}), ""])


def _once(path: str, frame: str, names: Sequence[str]) -> None:
    """Two resources of one name are one resource to CloudFormation, and nobody tells."""
    taken = re.findall(r"^  (\w+):", frame.partition("\nResources:")[2], re.MULTILINE)
    twice = sorted({name for name in names if [*taken, *names].count(name) > 1})
    if twice:
        what = f"more than one resource would be called {', '.join(twice)}"
        raise Mistakes([Mistake(path, 0, what, "rename the application, the step or the table")])


def _functions(uses: Sequence[Use]) -> tuple[str, Json]:
    """One function a step type, for all machines of all runbooks that call it."""
    return "steps: a function each, and what it may do", {
        logical_id(step): _function(step, regions, [use for use in uses if step in use[1].functions])
        for step, regions in _homes(uses).items()
    }


def _function(step: str, regions: Iterable[str], uses: Sequence[Use]) -> Json:
    return {
        "Type": "AWS::Serverless::Function",
        "Condition": _in(regions),
        "Metadata": Flow({"BuildMethod": "makefile"}),
        "Properties": {
            "FunctionName": function_name(step),
            "Description": (steps()[step].__doc__ or step).strip().splitlines()[0].rstrip("."),
            "Handler": f"{steps()[step].__module__}.handler",
            "Policies": [_policy([_allowed(statement) for statement in statements(step, uses)])],
        },
    }


def _policy(allowed: Sequence[Any]) -> Json:
    return {"Version": "2012-10-17", "Statement": list(allowed)}


def _allowed(statement: Statement) -> Any:
    body = {
        "Effect": "Allow",
        "Action": list(statement.actions),
        "Resource": [_arn(resource) for resource in statement.resources],
    }
    return Noted(f"{statement.why}.", body) if statement.why else body


def _arn(text: str) -> str | Tag:
    filled = text.replace("{partition}", "${AWS::Partition}").replace("{account}", "${AWS::AccountId}")
    return filled if filled == text else Tag("Sub", filled)


def _ledgers(uses: Sequence[Use]) -> list[tuple[str, Json]]:
    """A global table each, that runbooks may share."""
    asked: dict[str, Runbook] = {}
    for runbook, _ in uses:
        first = asked.setdefault(runbook.ledger.table, runbook)
        if first.ledger != runbook.ledger:
            what = f"ledger: {first.path} has {runbook.ledger.table} in {', '.join(first.ledger.regions)}"
            instead = "give both the same Regions, or this one a table of its own"
            raise Mistakes([Mistake(runbook.path, runbook.lines.get("ledger", 0), what, instead)])
    return [
        (f"where runs remember: deploy to {runbook.ledger.regions[0]} first", _ledger(runbook.ledger))
        for runbook in asked.values()
    ]


def _ledger(ledger: LedgerTable) -> Json:
    replica = {
        "DeletionProtectionEnabled": True,
        "PointInTimeRecoverySpecification": Flow({"PointInTimeRecoveryEnabled": True}),
    }
    keys = {"application": "HASH", "item": "RANGE"}
    why = (
        "One lock for every run. Multi-Region strong consistency, since the conditional writes of an "
        "eventually consistent table judge the local copy. MRSC tables take no transactions and no TTL."
    )
    table = {
        "Type": "AWS::DynamoDB::GlobalTable",
        "Condition": _in([ledger.regions[0]]),
        "DeletionPolicy": "Retain",
        "UpdateReplacePolicy": "Retain",
        "Properties": {
            "TableName": ledger.table,
            "MultiRegionConsistency": "STRONG",
            "BillingMode": "PAY_PER_REQUEST",
            "AttributeDefinitions": [Flow({"AttributeName": name, "AttributeType": "S"}) for name in keys],
            "KeySchema": [Flow({"AttributeName": name, "KeyType": kind}) for name, kind in keys.items()],
            "Replicas": [{"Region": region, **replica} for region in ledger.regions],
        },
    }
    return {_camel(ledger.table): Noted(why, table)}


def _machine(runbook: Runbook, machine: Machine) -> tuple[str, Json]:
    """A state machine, its log, and who is told when it does not succeed."""
    name, here = _camel(machine.name), {"Condition": _in([machine.region])}
    events = _events(runbook, machine)
    resources: Json = {
        name: {
            "Type": "AWS::Serverless::StateMachine",
            **here,
            "Properties": {
                "Name": machine.name,
                "DefinitionUri": f"statemachines/{machine.name}.asl.json",
                "DefinitionSubstitutions": {
                    logical_id(step): Tag("Ref", f"{logical_id(step)}.Version") for step in machine.functions
                },
                "Policies": [_policy(_machine_may(machine))],
                "Logging": {
                    "Level": "ALL",
                    "IncludeExecutionData": True,
                    "Destinations": [
                        {"CloudWatchLogsLogGroup": Flow({"LogGroupArn": Tag("GetAtt", f"{name}Logs.Arn")})}
                    ],
                },
                "Tracing": Flow({"Enabled": True}),
                **({"Events": events} if events else {}),
            },
        },
        f"{name}Logs": {
            "Type": "AWS::Logs::LogGroup",
            **here,
            "DeletionPolicy": "Retain",
            "UpdateReplacePolicy": "Retain",
            "Properties": {
                "LogGroupName": f"/aws/vendedlogs/states/{machine.name}",
                "RetentionInDays": Tag("Ref", "LogRetentionDays"),
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
    return f"{machine.name}: activates {machine.region}", resources


def _machine_may(machine: Machine) -> list[Any]:
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
    ]


def _events(runbook: Runbook, machine: Machine) -> Json:
    """What starts it besides people."""
    if machine.procedure == "failover":
        return {_camel(trigger.alarm): _trigger(trigger) for trigger in runbook.triggers}
    if machine.purpose == "settle":
        every = {"Schedule": "rate(1 minute)", "Input": json.dumps({"mode": "ungraceful"})}
        why = "Owed fences are tried again until they are paid. Where none is owed, it looks once and ends."
        return {"EveryMinute": Noted(why, {"Type": "Schedule", "Properties": every})}
    return {}


def _trigger(trigger: Trigger) -> Json:
    return {
        "Type": "EventBridgeRule",
        "Properties": {
            "Pattern": {
                "source": ["aws.cloudwatch"],
                "detail-type": ["CloudWatch Alarm State Change"],
                "detail": {"alarmName": [trigger.alarm], "state": Flow({"value": ["ALARM"]})},
            },
            "Input": json.dumps({"mode": trigger.mode, "trigger": trigger.alarm}),
            "RetryPolicy": {"MaximumRetryAttempts": 185, "MaximumEventAgeInSeconds": DELIVERY_SECONDS},
        },
    }


def _conditions(uses: Sequence[Use]) -> Json:
    """Every set of Regions that something belongs in, and the Regions that they are made of."""
    sets = {frozenset(regions) for regions in _homes(uses).values()}
    sets |= {frozenset([machine.region]) for _, machine in uses}
    sets |= {frozenset([runbook.ledger.regions[0]]) for runbook, _ in uses}
    single = {
        _in([region]): Tag("Equals", [Tag("Ref", "AWS::Region"), region])
        for region in sorted(frozenset().union(*sets))
    }
    several = {
        _in(regions): Tag("Or", [Tag("Condition", _in([region])) for region in sorted(regions)])
        for regions in sets
        if len(regions) > 1
    }
    return single | dict(sorted(several.items()))


def _homes(uses: Sequence[Use]) -> dict[str, list[str]]:
    """The Regions of each step type that a machine calls."""
    called = sorted({step for _, machine in uses for step in machine.functions})
    return {step: [machine.region for _, machine in uses if step in machine.functions] for step in called}


def _in(regions: Iterable[str]) -> str:
    """The condition's name of a set of Regions: InUsEast1OrUsWest1."""
    return "In" + "Or".join(_camel(region) for region in sorted(set(regions)))


def _camel(name: str) -> str:
    return "".join(word[0].upper() + word[1:] for word in re.findall(r"[A-Za-z0-9]+", name))
