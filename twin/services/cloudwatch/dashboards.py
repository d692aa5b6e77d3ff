"""CloudWatch's dashboards: the account's, the same in every Region.

Who writes one replaces all of it. A body that is none is refused; a widget that would show nothing is kept,
and told in a success. Sources:
docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutDashboard.html,
docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/CloudWatch-Dashboard-Body-Structure.html
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from ...cloud import ACCOUNT, Answer, AwsError, Cloud, Operation
from ...faults import Request
from ...service import APART, Service

MOST_WIDGETS = 500
NAME = re.compile(r"[A-Za-z0-9_-]{1,255}")


class Dashboards(Service):
    """Bodies by name, as they were written."""

    service: ClassVar = "cloudwatch"
    not_state: ClassVar = {"cloud": APART}

    def __init__(self, cloud: Cloud) -> None:
        super().__init__(cloud)
        self.bodies: dict[str, str] = {}

    def operations(self) -> Mapping[str, Operation]:
        return {"GetDashboard": self._get, "PutDashboard": self._put}

    def state(self) -> object:
        return list(self.bodies.items())

    def _get(self, request: Request) -> Answer:
        name = str(request.parameters["DashboardName"])
        if name not in self.bodies:
            raise AwsError("ResourceNotFound", f"Dashboard {name} does not exist", 404)
        arn = f"arn:aws:cloudwatch::{ACCOUNT}:dashboard/{name}"
        return {"DashboardArn": arn, "DashboardName": name, "DashboardBody": self.bodies[name]}

    def _put(self, request: Request) -> Answer:
        name, text = (str(request.parameters[each]) for each in ("DashboardName", "DashboardBody"))
        widgets = _widgets(text)
        if NAME.fullmatch(name) is None or widgets is None or len(widgets) > MOST_WIDGETS:
            raise AwsError("InvalidParameterInput", "The dashboard body or its name is invalid")
        self.bodies[name] = text
        warned = [message for place, widget in enumerate(widgets) for message in _warnings(place, widget)]
        return {"DashboardValidationMessages": warned}


def _widgets(text: str) -> list[Any] | None:
    try:
        widgets = json.loads(text)["widgets"]
    except (ValueError, KeyError, TypeError):
        return None
    return widgets if isinstance(widgets, list) else None


def _warnings(place: int, widget: Any) -> Iterator[Mapping[str, str]]:
    if widget.get("type") != "metric":
        return
    properties, path = widget.get("properties", {}), f"/widgets/{place}/properties"
    if "region" not in properties:
        yield {"DataPath": f"{path}/region", "Message": "Should have a region"}
    if properties.get("period", 60) not in (1, 5, 10, 20, 30) and properties.get("period", 60) % 60:
        yield {"DataPath": f"{path}/period", "Message": "Should be 1, 5, 10, 20, 30 or a multiple of 60"}
    for number, row in enumerate(properties.get("metrics", ())):
        names = [each for each in row if isinstance(each, str)]
        if len(names) % 2 and "..." not in names:
            yield {"DataPath": f"{path}/metrics/{number}", "Message": "Should have dimensions in pairs"}
