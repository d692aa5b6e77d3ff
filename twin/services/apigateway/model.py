"""API Gateway's REST APIs: the stages, and the limits of their methods.

A method that gets a limit gets settings, and one that has none has those of `*/*`, or the account's.
Whatever else can be patched is not here. Sources:
docs.aws.amazon.com/apigateway/latest/api/patch-operations.html#UpdateStage-Patch,
docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-request-throttling.html
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from ...cloud import Answer, AwsError, Cloud, Operation
from ...faults import Request
from ...service import APART, WIRING, Service, register

ACCOUNTS = {"throttlingRateLimit": 10_000.0, "throttlingBurstLimit": 5_000}
"""Limits of an account in a Region, unless it asks for more.
Source: docs.aws.amazon.com/apigateway/latest/developerguide/limits.html"""
LIMIT = re.compile(r"/(?P<method>[^/]+/[^/]+)/throttling/(?P<limit>rateLimit|burstLimit)")
METHOD = re.compile(r"/(?P<method>[^/]+/[^/]+)")


@dataclass
class Stage:
    """One stage of one API."""

    not_state: ClassVar = dict.fromkeys(("api", "name"), WIRING)

    api: str
    name: str
    settings: dict[str, dict[str, Any]] = field(default_factory=dict)
    """By method: "*/*", or the path with ~1 for each slash, and the verb."""

    def limits(self, method: str) -> tuple[float, int]:
        """Requests a second, and at once, that it lets through: its own, the default's, or the account's."""
        found = self.settings.get(method, self.settings.get("*/*", ACCOUNTS))
        return found["throttlingRateLimit"], found["throttlingBurstLimit"]


class ApiGateway(Service):
    """Every Region's stages."""

    service: ClassVar = "apigateway"
    not_state: ClassVar = {"cloud": APART}

    def __init__(self, cloud: Cloud) -> None:
        super().__init__(cloud)
        self._stages: dict[tuple[str, str, str], Stage] = {}

    def operations(self) -> Mapping[str, Operation]:
        return {"GetStage": self._get, "UpdateStage": self._update}

    def state(self) -> object:
        return [(named, stage.settings) for named, stage in self._stages.items()]

    def stage(self, region: str, api: str, name: str) -> Stage:
        """One more, without settings of any method."""
        return register(self._stages, (region, api, name), lambda: Stage(api, name))

    def patch(self, stage: Stage, operations: list[dict[str, str]]) -> None:
        """Raises AwsError where AWS would, and nothing is changed."""
        changed = {method: dict(settings) for method, settings in stage.settings.items()}
        for each in operations:
            limit, method = LIMIT.fullmatch(each["path"]), METHOD.fullmatch(each["path"])
            if each["op"] == "replace" and limit is not None:
                settings = changed.setdefault(limit["method"], dict(ACCOUNTS))
                settings[f"throttling{limit['limit'][0].upper()}{limit['limit'][1:]}"] = _number(
                    each["value"], limit["limit"]
                )
            elif each["op"] == "remove" and method is not None:
                if method["method"] not in changed:
                    why = "because there is no method setting for this method"
                    raise AwsError(
                        "BadRequestException", f"Cannot remove method setting {method['method']} {why}"
                    )
                del changed[method["method"]]
            else:
                raise NotImplementedError(f"the twin patches limits of methods, not {each}")
        stage.settings = changed

    def _get(self, request: Request) -> Answer:
        return _told(self._named(request))

    def _update(self, request: Request) -> Answer:
        stage = self._named(request)
        operations: Any = request.parameters["patchOperations"]
        self.patch(stage, operations)
        return _told(stage)

    def _named(self, request: Request) -> Stage:
        given = request.parameters
        stage = self._stages.get((request.region, str(given["restApiId"]), str(given["stageName"])))
        if stage is None:
            raise AwsError("NotFoundException", "Invalid stage identifier specified", 404)
        return stage


def _number(text: str, limit: str) -> float | int:
    try:
        return float(text) if limit == "rateLimit" else int(text)
    except ValueError as error:
        raise AwsError("BadRequestException", f"Invalid value {text} for {limit}") from error


def _told(stage: Stage) -> Answer:
    settings = {method: dict(each) for method, each in stage.settings.items()}
    return {"stageName": stage.name, **({"methodSettings": settings} if settings else {})}
