"""What applications with an API of Lambda functions in each Region have in common: a gateway, and in the five
words their entries and their routes."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from ..cloud import Cloud
from ..net import HttpAnswer, HttpRequest, Net
from ..services.arc.model import Cluster
from ..services.lambda_.model import Functions

Answer = tuple[int, Mapping[str, Any]]
"""A status, and a body."""
Handler = Callable[[str, Mapping[str, Any]], Answer]
"""Gets the Region, and the event: method, path and body."""


class Gateway:
    """An API Gateway host in a Region: what begins as a route does is a function's."""

    def __init__(
        self, net: Net, functions: Functions, region: str, host: str, routes: Mapping[str, str]
    ) -> None:
        """`routes` are functions by their paths, or by method and path; the longest that fits is asked."""
        self._functions, self._region = functions, region
        self._routes = sorted(routes.items(), key=lambda route: len(route[0]), reverse=True)
        net.serve(host, region, self._answer)

    def _answer(self, request: HttpRequest) -> HttpAnswer:
        asked = (request.path, f"{request.method} {request.path}")
        name = next(
            (name for route, name in self._routes if any(each.startswith(route) for each in asked)), None
        )
        if name is None:
            return 404, b'{"message": "Not Found"}'
        event = {"method": request.method, "path": request.path, "body": request.body.decode()}
        try:
            answer = self._functions.invoke(self._region, name, event)
        except Exception:  # whatever goes wrong behind it, API Gateway tells customers no more than this
            return 502, b'{"message": "Internal server error"}'
        return answer["status"], json.dumps(answer["body"] | {"region": self._region}).encode()


def deploy(functions: Functions, region: str, name: str, handler: Handler) -> None:
    """The function, for a Gateway."""

    def handle(event: Mapping[str, Any], context: object) -> dict[str, Any]:
        status, body = handler(region, event)
        return {"status": status, "body": dict(body)}

    functions.deploy(region, name, handle, timeout=10)


class FunctionEntry:
    """A Region's API, all of whose writes come through one function."""

    def __init__(
        self,
        cloud: Cloud,
        functions: Functions,
        region: str,
        address: str,
        function: str,
        datasets: tuple[str, ...],
    ) -> None:
        self.region, self.address, self.datasets = region, address, datasets
        self._cloud, self._function = cloud, functions.function(region, function)

    def is_open(self) -> bool:
        """Neither dark nor throttled to nothing."""
        return self._function.reserved != 0 and not self._cloud.faults.is_dark(self.region)

    def glance(self) -> object:
        return self._function.reserved


class ControlledName:
    """A name of which routing controls, one a Region, say where it is to lead."""

    def __init__(self, name: str, arc: Cluster, led_to: Callable[[], set[str]]) -> None:
        """`led_to` gives the Regions to which the name leads somebody now."""
        self.name, self._arc, self._led_to = name, arc, led_to

    def intent(self) -> Mapping[str, float]:
        return _shared({region for region, state in self._arc.states.items() if state == "On"})

    def led_to(self) -> Mapping[str, float]:
        return _shared(self._led_to())

    def glance(self) -> object:
        return tuple(self._arc.states.values())


def _shared(regions: set[str]) -> dict[str, float]:
    return {region: 1 / len(regions) for region in sorted(regions)}
