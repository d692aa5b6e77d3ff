"""The probes' part of the template: the prober, and of each application its machine and alarms."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

from functions import prober
from functions.telemetry import NAMESPACE

from ..runbook.model import Runbook
from .emitter import Flow, Noted, Tag
from .paging import DEAD_LETTERS
from .parameters import BOUNDED, armed
from .probing import (
    FUNCTION,
    LONGEST_LOOK_SECONDS,
    LOOK_SECONDS,
    PERIOD_SECONDS,
    PERIODS,
    SCHEDULE_SECONDS,
    UNSEEN_PERIOD_SECONDS,
    UNSEEN_PERIODS,
    ProbeAlarm,
    alarms,
    lookers,
    machine,
)
from .resource_names import camel, condition
from .states import function_name, logical_id

Json = dict[str, Any]

MEMORY_MB = 256
"""It waits for answers, and computes nothing."""
SCHEDULED = "Scheduled"


def probing_resources(runbooks: Sequence[Runbook]) -> Json:
    """Of all runbooks that have probes; nothing where none has."""
    probing = [runbook for runbook in runbooks if runbook.probes]
    if not probing:
        return {}
    return {
        logical_id(FUNCTION): _prober([region for runbook in probing for region in lookers(runbook)]),
        **{name: each for runbook in probing for name, each in _of(runbook)},
    }


def conditions_of(runbook: Runbook) -> Iterator[frozenset[str]]:
    """The sets of Regions that something of it belongs in."""
    if runbook.probes:
        yield frozenset(lookers(runbook))
    yield from (frozenset(alarm.regions) for alarm in alarms(runbook))


def made_by_sam(runbooks: Sequence[Runbook], of_a_function: Sequence[str]) -> Iterator[str]:
    """The names of what SAM makes besides what is written."""
    probing = [runbook for runbook in runbooks if runbook.probes]
    if probing:
        yield from (logical_id(FUNCTION) + what for what in of_a_function)
    for name in (camel(machine(runbook)) for runbook in probing):
        yield from (f"{name}Role", f"{name}{SCHEDULED}", f"{name}{SCHEDULED}Role")


def _prober(regions: Sequence[str]) -> Any:
    return Noted(
        "It asks over HTTP, and calls nothing of AWS: its role may write its log, in which its metric is.",
        {
            "Type": "AWS::Serverless::Function",
            "Condition": condition(regions),
            "Metadata": Flow({"BuildMethod": "makefile"}),
            "Properties": {
                "FunctionName": Tag("Sub", function_name(FUNCTION, "${Prefix}")),
                "Description": "Asks front doors, and says as a metric whether their Regions look impaired",
                "Handler": f"{prober.__name__}.handler",
                "MemorySize": MEMORY_MB,
                "Timeout": LONGEST_LOOK_SECONDS,
            },
        },
    )


def _of(runbook: Runbook) -> Iterator[tuple[str, Any]]:
    name, function = machine(runbook), logical_id(FUNCTION)
    state = {"State": Tag("If", [armed(runbook.application), "ENABLED", "DISABLED"])}
    every = {"Schedule": "rate(1 minute)", "Input": json.dumps({}), **state, **DEAD_LETTERS}
    assert SCHEDULE_SECONDS == 60, "the rate of the schedule"
    yield (
        camel(name),
        Noted(
            f"Its branches wait for their second: a look every {LOOK_SECONDS} s. An express machine: of a "
            "standard one each of these transitions would be paid for.",
            {
                "Type": "AWS::Serverless::StateMachine",
                "Condition": condition(lookers(runbook)),
                "Properties": {
                    "Name": name,
                    "Type": "EXPRESS",
                    "DefinitionUri": f"statemachines/{name}.asl.json",
                    "DefinitionSubstitutions": {function: Tag("Ref", f"{function}.Version")},
                    "Policies": [{"Version": "2012-10-17", "Statement": [_invoke(function)]}],
                    **BOUNDED,
                    "Events": {SCHEDULED: {"Type": "Schedule", "Properties": every}},
                },
            },
        ),
    )
    for alarm in alarms(runbook):
        yield camel(alarm.name), _impaired(alarm)
        yield f"{camel(alarm.name)}Unseen", _unseen(alarm, armed(runbook.application))


def _invoke(function: str) -> Any:
    return Noted(
        "Any version: what was started before a deployment ends on the code that it began with.",
        {
            "Effect": "Allow",
            "Action": "lambda:InvokeFunction",
            "Resource": [Tag("Sub", "${" + function + ".Arn}:*")],
        },
    )


def _impaired(alarm: ProbeAlarm) -> Any:
    """A lost look says nothing: of those that there are, each must say so."""
    return Noted(
        "Missing is not breaching: where it counted as missing, one bad look before the prober dies would "
        "become an alarm. That nobody looks is paged below.",
        {
            "Type": "AWS::CloudWatch::Alarm",
            "Condition": condition(alarm.regions),
            "Properties": {
                "AlarmName": alarm.name,
                "AlarmDescription": f"The probe {alarm.probe.name} of {alarm.application} finds "
                f"{alarm.watched} impaired: {PERIODS} x {PERIOD_SECONDS} s in which no look was better",
                **_metric(alarm, PERIOD_SECONDS, PERIODS),
                "Threshold": prober.VALUES["yes"],
                "TreatMissingData": "notBreaching",
            },
        },
    )


def _unseen(alarm: ProbeAlarm, is_armed: str) -> Json:
    minutes = UNSEEN_PERIODS * UNSEEN_PERIOD_SECONDS // 60
    return {
        "Type": "AWS::CloudWatch::Alarm",
        "Condition": condition(alarm.regions),
        "Properties": {
            "AlarmName": alarm.unseen,
            "AlarmDescription": f"For {minutes} minutes the probe {alarm.probe.name} of {alarm.application} "
            f"has not found {alarm.watched} well: it is impaired, the probe proves nothing (a name that does "
            "not exist, both Regions ill), or nobody looks",
            "ActionsEnabled": Tag("If", [is_armed, True, False]),
            "AlarmActions": Flow([Tag("Ref", "Pages")]),
            **_metric(alarm, UNSEEN_PERIOD_SECONDS, UNSEEN_PERIODS),
            "Threshold": prober.VALUES["unknown"],
            "TreatMissingData": "breaching",
        },
    }


def _metric(alarm: ProbeAlarm, period: int, periods: int) -> Json:
    return {
        "Namespace": NAMESPACE,
        "MetricName": prober.METRIC,
        "Dimensions": [Flow({"Name": name, "Value": value}) for name, value in alarm.dimensions.items()],
        "Statistic": "Minimum",
        "Period": period,
        "EvaluationPeriods": periods,
        "DatapointsToAlarm": periods,
        "ComparisonOperator": "GreaterThanOrEqualToThreshold",
    }
