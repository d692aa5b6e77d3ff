"""Who is paged when a run does not succeed: the topic `Pages` of template.yaml, by two ways, and
its role `RulesPage`.

Waiting ticks count as errors of the steps' functions, so nothing here looks at those.
"""

from __future__ import annotations

from typing import Any

from .emitter import Flow, Tag

Json = dict[str, Any]

DEAD_LETTERS: Json = {"DeadLetterConfig": Flow({"Arn": Tag("GetAtt", "Undelivered.Arn")})}
"""Of a rule's target: the queue `Undelivered` of template.yaml gets what was not delivered, and pages."""


def alarm(machine: str, name: str) -> Json:
    """By the machine's metrics: late by a minute or two, and sure."""
    metrics = {
        "failed": "ExecutionsFailed",
        "timed_out": "ExecutionsTimedOut",
        "aborted": "ExecutionsAborted",
    }
    return {
        "AlarmDescription": f"A run of {machine} failed, timed out or was aborted",
        "AlarmActions": Flow([Tag("Ref", "Pages")]),
        "Metrics": [
            {"Id": "bad", "Expression": " + ".join(f"FILL({metric}, 0)" for metric in metrics)},
            *(_count(metric, counted, name) for metric, counted in metrics.items()),
        ],
        "ComparisonOperator": "GreaterThanThreshold",
        "Threshold": 0,
        "EvaluationPeriods": 1,
        "TreatMissingData": "notBreaching",
    }


def _count(metric: str, counted: str, name: str) -> Json:
    of = {"Name": "StateMachineArn", "Value": Tag("Ref", name)}
    return {
        "Id": metric,
        "ReturnData": False,
        "MetricStat": {
            "Metric": {"Namespace": "AWS/States", "MetricName": counted, "Dimensions": [Flow(of)]},
            "Period": 60,
            "Stat": "Sum",
        },
    }


def ended(name: str) -> Json:
    """By the execution's own event: at once and with its reason, and best effort."""
    return {
        "EventPattern": {
            "source": ["aws.states"],
            "detail-type": ["Step Functions Execution Status Change"],
            "detail": {
                "stateMachineArn": Flow([Tag("Ref", name)]),
                "status": ["FAILED", "TIMED_OUT", "ABORTED"],
            },
        },
        "Targets": [
            {
                "Id": "pages",
                "Arn": Tag("Ref", "Pages"),
                "RoleArn": Tag("GetAtt", "RulesPage.Arn"),
                **DEAD_LETTERS,
            }
        ],
    }
