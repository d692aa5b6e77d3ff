"""An application's CloudWatch dashboard: its two Regions side by side. It is of the stack that takes over.

What runs and how runs end is Step Functions' metrics; what waits, lags and is not ready, the steps' own
(functions/telemetry.py). Sources: docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference,
CloudWatch-Dashboard-Body-Structure.html; docs.aws.amazon.com/step-functions/latest/dg/cw-metrics.html;
docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/search-expression-syntax.html
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

from functions.telemetry import NAMESPACE, NOT_READY_METRIC, SERVICE

from ..runbook.model import Runbook
from ..runbook.registry import steps
from .emitter import Tag
from .machine import Machine
from .resource_names import camel, condition
from .starts import LOOK_MINUTES

Json = dict[str, Any]

WIDTH, HEIGHT = 12, 5
"""Of a widget: two stand side by side in CloudWatch's 24 columns."""
TITLE_HEIGHT = 2
A_MINUTE, A_LOOK = 60, 60 * LOOK_MINUTES
"""Seconds of a point."""


def overview(runbook: Runbook, machines: Sequence[Machine]) -> Json:
    """The dashboard, as a resource of the template."""
    regions = (runbook.regions.primary, runbook.regions.standby)
    rows = [
        [widget(runbook, region, machines) for region in regions] for widget in (_runs, _ends, _person, _lag)
    ]
    ready = {**_place(0, TITLE_HEIGHT + len(rows) * HEIGHT, HEIGHT), "width": 2 * WIDTH}
    ready |= {"type": "metric", "properties": _ready(runbook)}
    widgets = ",\n".join(map(json.dumps, [*_titles(runbook, regions), *_placed(rows), ready]))
    body = f'{{"start": "-P1D", "periodOverride": "inherit", "widgets": [\n{widgets}\n]}}'
    return {
        f"{camel(runbook.application)}Overview": {
            "Type": "AWS::CloudWatch::Dashboard",
            "Condition": condition([runbook.regions.standby]),
            "Properties": {
                "DashboardName": Tag("Sub", "${Prefix}-" + runbook.application),
                "DashboardBody": Tag("Sub", body),
            },
        }
    }


def _titles(runbook: Runbook, regions: tuple[str, str]) -> Iterator[Json]:
    roles = ("customers are usually here", "takes over")
    for column, (region, role) in enumerate(zip(regions, roles, strict=True)):
        text = f"# {runbook.application}: {region}\n{role}"
        yield {**_place(column, 0, TITLE_HEIGHT), "type": "text", "properties": {"markdown": text}}


def _placed(rows: Sequence[Sequence[Json]]) -> Iterator[Json]:
    for number, row in enumerate(rows):
        for column, properties in enumerate(row):
            place = _place(column, TITLE_HEIGHT + number * HEIGHT, HEIGHT)
            yield {**place, "type": "metric", "properties": properties}


def _place(column: int, y: int, height: int) -> Json:
    return {"x": column * WIDTH, "y": y, "width": WIDTH, "height": height}


def _runs(runbook: Runbook, region: str, machines: Sequence[Machine]) -> Json:
    """Those of people and alarms, not those of schedules."""
    mine = [each for each in machines if each.region == region and each.purpose in ("move", "break", "mend")]
    return _graph("Runs started", region, "Sum", A_MINUTE, _of_machines("ExecutionsStarted", mine))


def _ends(runbook: Runbook, region: str, machines: Sequence[Machine]) -> Json:
    """Of all: of those that pay debts, too, which fail while something is owed."""
    mine = [each for each in machines if each.region == region]
    failed = [
        metric
        for name in ("ExecutionsFailed", "ExecutionsAborted", "ExecutionsTimedOut")
        for metric in _of_machines(name, mine)
    ]
    return _graph("Runs that did not succeed; settle: something is owed", region, "Sum", A_MINUTE, failed)


def _person(runbook: Runbook, region: str, machines: Sequence[Machine]) -> Json:
    asking = [name for name, kind in steps().items() if kind.phase == "approve"]
    ticks = [
        [
            *(NAMESPACE, "Ticks", "application", runbook.application, "step", name, "service", SERVICE),
            {"label": f"{name} looks for a decision"},
        ]
        for name in asking
    ]
    return _graph("A person's decision is waited for", region, "Sum", A_MINUTE, ticks)


def _lag(runbook: Runbook, region: str, machines: Sequence[Machine]) -> Json:
    lags = _search(runbook, "application,service,step", "LagSeen", "Maximum", A_MINUTE)
    return _graph("Replication lag, as steps see it (seconds)", region, "Maximum", A_MINUTE, [lags])


def _ready(runbook: Runbook) -> Json:
    """It is looked at where the failover would run. An answer that is lost once is no trouble: what counts is
    the fewest that a look has found."""
    troubles = _search(runbook, "application,state", NOT_READY_METRIC, "Minimum", A_LOOK)
    title = f"What would keep a failover from beginning, by state (a look in {LOOK_MINUTES // 60} hours)"
    return _graph(title, runbook.regions.standby, "Minimum", A_LOOK, [troubles])


def _of_machines(metric: str, machines: Sequence[Machine]) -> list[list[Any]]:
    return [
        [
            "AWS/States",
            metric,
            "StateMachineArn",
            f"arn:${{AWS::Partition}}:states:{each.region}:${{AWS::AccountId}}:stateMachine:{each.name}",
            {"label": f"{each.procedure} {metric.removeprefix('Executions').lower()}"},
        ]
        for each in machines
    ]


def _search(runbook: Runbook, dimensions: str, metric: str, statistic: str, seconds: int) -> list[Any]:
    wanted = f'{{{NAMESPACE},{dimensions}}} MetricName="{metric}" application="{runbook.application}"'
    return [{"expression": f"SEARCH('{wanted}', '{statistic}', {seconds})", "id": "found", "label": ""}]


def _graph(title: str, region: str, statistic: str, seconds: int, metrics: Sequence[Any]) -> Json:
    return {
        "title": title,
        "region": region,
        "view": "timeSeries",
        "stat": statistic,
        "period": seconds,
        "metrics": list(metrics),
    }
