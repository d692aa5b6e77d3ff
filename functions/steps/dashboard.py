"""One CloudWatch dashboard shows both Regions: whoever looks at night sees the one that takes over as well.

A metric is shown where a metric widget has it, in its short forms too, in its own Region or the widget's.
What is missing gets a widget of its own below the others, and everything else stays as it is. PutDashboard
replaces the whole, so the body is read twice before; and what AWS warns of stands in its success. Dashboards
are the account's, not a Region's: they are asked for in the Region that takes over. Sources:
docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutDashboard.html,
docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/CloudWatch-Dashboard-Body-Structure.html
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, ClassVar, NewType

from ..calls import Absent, Api, Sight, Silence
from ..errors import Refused
from ..handler import lambda_handler
from ..inputs import FORMS, Form, Region, Seconds
from ..step import Change, Decision, Done, Step, Wait
from ..world import World

DashboardName = NewType("DashboardName", str)
# docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutDashboard.html
FORMS[DashboardName] = Form(
    "a dashboard's name",
    "dashboards' names",
    "[A-Za-z0-9_-]{1,255}",
    "at most 255 letters, digits, hyphens and underscores",
    "shop-both-regions",
)

DASHBOARD = "cloudwatch::{account}:dashboard/{dashboard}"
GET = Api(
    "cloudwatch:GetDashboard",
    resource=DASHBOARD,
    absent=frozenset({"ResourceNotFound", "DashboardNotFoundError"}),
)
PUT = Api("cloudwatch:PutDashboard", resource=DASHBOARD)

SHORT = (".", "...")
"""What CloudWatch reads in a widget as names of the row above."""
MOST_WIDGETS = 500
WIDTH, HEIGHT = 12, 6
"""Of a widget, in the dashboard's 24 columns."""

Shown = tuple[str, str, str, frozenset[tuple[str, str]]]
"""A Region, a namespace, a metric, and its dimensions."""


@dataclass(frozen=True)
class Metric:
    """One graph."""

    namespace: Annotated[str, "as AWS/ECS"]
    metric: Annotated[str, "its name"]
    dimensions: Annotated[Mapping[str, str], "all its dimensions"] = field(default_factory=dict)
    stat: Annotated[str, "as Average, Sum or p99"] = "Average"

    def shown_in(self, region: str) -> Shown:
        return region, self.namespace, self.metric, frozenset(self.dimensions.items())

    def named(self, region: str) -> str:
        """For people."""
        of = f" of {', '.join(self.dimensions.values())}" if self.dimensions else ""
        return f"{self.metric}{of} in {region}"

    def widget(self, region: str) -> dict[str, Any]:
        """Its properties."""
        pairs = [text for pair in self.dimensions.items() for text in pair]
        return {
            "metrics": [[self.namespace, self.metric, *pairs]],
            "period": 60,
            "region": region,
            "stat": self.stat,
            "title": self.named(region),
            "view": "timeSeries",
        }


@dataclass(frozen=True)
class Seen:
    body: str | Silence | None
    """None where there is no such dashboard."""
    stable: bool
    """Both looks have found the same."""
    warnings: tuple[tuple[str, str], ...]
    """What AWS warned of in what this tick has written: where, and what."""
    region: str


@dataclass(frozen=True, kw_only=True)
class Dashboard(Step[Seen]):
    """This CloudWatch dashboard shows these metrics of both Regions."""

    dashboard: Annotated[DashboardName, "the dashboard"]
    metrics: Annotated[Mapping[Region, tuple[Metric, ...]], "what it shows of each Region"]
    within: Annotated[Seconds, "how long the state may take to come about"] = Seconds(120)

    name: ClassVar = "dashboard"
    reads: ClassVar = (GET,)
    writes: ClassVar = (PUT,)
    busy: ClassVar = frozenset({"ConflictException"})
    asks: ClassVar = 2

    def __post_init__(self) -> None:
        for metric in (each for several in self.metrics.values() for each in several):
            names = (metric.namespace, metric.metric, *metric.dimensions, *metric.dimensions.values())
            if short := [name for name in names if name in SHORT]:
                raise ValueError(
                    f'"{short[0]}" in the name of a metric means the one above it: write the name itself'
                )

    def observe(self, world: World) -> Seen:
        region = world.run.target
        (first,), (again,) = (world.ask(GET(region, DashboardName=self.dashboard)) for _ in range(2))
        warned = [each for call, answer in world.answered if call.api == PUT for each in _warned(answer)]
        return Seen(_body(again), _body(first) == _body(again), tuple(warned), region)

    def decide(self, seen: Seen) -> Decision:
        if isinstance(seen.body, Silence):
            return Wait(f"dashboard {self.dashboard}: {seen.body.why}")
        body = self._parsed(seen.body)
        widgets = body["widgets"]
        there = set(_shown(widgets))
        missing = [
            (region, metric)
            for region, metrics in self.metrics.items()
            for metric in metrics
            if metric.shown_in(region) not in there
        ]
        if not missing:
            return self._done(widgets, seen)
        if not seen.stable:
            return Wait(f"dashboard {self.dashboard} changes while it is read")
        if len(widgets) + len(missing) > MOST_WIDGETS:
            what = f"dashboard {self.dashboard} has {len(widgets)} widgets, and may have {MOST_WIDGETS}"
            raise Refused(f"{what}: remove some, or name another dashboard")
        whole = json.dumps({**body, "widgets": [*widgets, *_below(widgets, missing)]})
        what = "; ".join(metric.named(region) for region, metric in missing)
        call = PUT(seen.region, DashboardName=self.dashboard, DashboardBody=whole)
        return Change(f"show {what} on {self.dashboard}", (call,))

    def _parsed(self, text: str | None) -> dict[str, Any]:
        """Of a dashboard that is not there, an empty one."""
        try:
            body: Any = {"widgets": []} if text is None else json.loads(text)
        except (ValueError, RecursionError):
            body = None
        widgets = body.get("widgets") if isinstance(body, dict) else None
        if not isinstance(widgets, list) or not all(isinstance(widget, dict) for widget in widgets):
            what = f"dashboard {self.dashboard} has a body that is none"
            raise Refused(f"{what}: correct it in the console, or delete it, and it is made anew")
        return dict(body)

    def _done(self, widgets: Sequence[Mapping[str, Any]], seen: Seen) -> Done:
        """What AWS warns of others' widgets is told, and of our own refused: it shows nothing."""
        mine = [metric.widget(region) for region, metrics in self.metrics.items() for metric in metrics]
        for path, what in seen.warnings:
            place = re.match(r"/widgets/(\d+)", path)
            at = int(place[1]) if place else len(widgets)
            if at < len(widgets) and widgets[at].get("properties") in mine:
                title = widgets[at]["properties"]["title"]
                raise Refused(f"CloudWatch says of {title} on {self.dashboard}: {what}: correct its metric")
        warned = [f"{path}: {what}" for path, what in seen.warnings]
        return Done(facts={"widgets": len(widgets), **({"warnings": warned} if warned else {})})


def _body(sight: Sight) -> str | Silence | None:
    if isinstance(sight, Absent):
        return None
    if isinstance(sight, Silence):
        return sight
    return str(sight["DashboardBody"]) if "DashboardBody" in sight else Silence("its body was not told")


def _warned(answer: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for each in answer.get("DashboardValidationMessages", ()):
        yield each.get("DataPath", ""), each.get("Message", "it would show nothing")


def _shown(widgets: Sequence[Mapping[str, Any]]) -> Iterator[Shown]:
    """Every metric of every metric widget. What is searched or computed shows nothing by name."""
    for widget in widgets:
        properties = widget.get("properties")
        if widget.get("type") != "metric" or not isinstance(properties, dict):
            continue
        before: list[str] = []
        rows = properties.get("metrics")
        for row in rows if isinstance(rows, list) else ():
            if not isinstance(row, list) or not row or not isinstance(row[0], str):
                continue
            names = [part for part in row if isinstance(part, str)]
            options = row[-1] if isinstance(row[-1], dict) else {}
            before = _whole(names, before)
            if len(before) >= 2:
                pairs = frozenset(zip(before[2::2], before[3::2], strict=False))
                yield str(options.get("region", properties.get("region"))), before[0], before[1], pairs


def _whole(names: list[str], before: list[str]) -> list[str]:
    """A row as it would be in full: "." is what stands there in the row before, "..." all that does."""
    if names[0] == "...":
        rest = names[1:]
        return [*before[: len(before) - len(rest)], *rest]
    return [before[at] if part == "." and at < len(before) else part for at, part in enumerate(names)]


def _below(
    widgets: Sequence[Mapping[str, Any]], missing: Sequence[tuple[str, Metric]]
) -> Iterator[dict[str, Any]]:
    """A widget for each, two a row, below whatever is there."""
    places = [(each.get("y", 0), each.get("height", HEIGHT)) for each in widgets]
    ends = [y + height for y, height in places if type(y) is int and type(height) is int]
    for place, (region, metric) in enumerate(missing):
        x, y = WIDTH * (place % 2), max(ends, default=0) + HEIGHT * (place // 2)
        where = {"type": "metric", "x": x, "y": y, "width": WIDTH, "height": HEIGHT}
        yield {**where, "properties": metric.widget(region)}


handler = lambda_handler(Dashboard)
