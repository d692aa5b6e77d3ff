"""What customers see of API Gateway: a host in a Region, with Lambda functions behind it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from ...net import HttpAnswer, HttpRequest, Net
from ..lambda_.model import Functions

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
