"""Throttling: the stage of a REST API in API Gateway lets no request through in `region`, or as many as
before.

A limit of 0 turns requests away with 429, in the stage's default (`*/*`) and in each method that has
limits of its own, since those go before it. What all of them were is remembered as one value, and given
back exactly: a default that was not there is removed again, and -1, which is no limit at all, is a limit
as any other. Requests in flight go on. Usage plans are let be, and so are all other settings of a method.
HTTP and WebSocket APIs have other stages, which are not known here. The calls are control plane, in the
Region that may be sick, hence `patience`. Sources:
docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-request-throttling.html,
docs.aws.amazon.com/apigateway/latest/api/patch-operations.html#UpdateStage-Patch,
docs.aws.amazon.com/apigateway/latest/api/API_MethodSetting.html,
docs.aws.amazon.com/service-authorization/latest/reference/list_amazonapigatewaymanagement.html
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from math import isfinite
from typing import Annotated, Any, ClassVar, Literal, NewType

from ..calls import Absent, Api, Call, Sight, Silence
from ..fence import (
    ASKS,
    NOTES,
    PATIENCE,
    FenceSight,
    Held,
    Value,
    ask_all,
    give_back,
    patient,
    remembered_here,
    take_away,
)
from ..handler import lambda_handler
from ..inputs import FORMS, Form, Patience, Region
from ..ledger import Memory
from ..step import Decision, Step
from ..world import World

RestApiId = NewType("RestApiId", str)
# docs.aws.amazon.com/apigateway/latest/api/API_RestApi.html
FORMS[RestApiId] = Form(
    "the id of a REST API",
    "ids of REST APIs",
    "[a-z0-9]{5,20}",
    "its id, of small letters and digits",
    "a1b2c3d4e5",
    regional=True,
    canonical=str.lower,
)
StageName = NewType("StageName", str)
# docs.aws.amazon.com/apigateway/latest/api/API_CreateStage.html
FORMS[StageName] = Form(
    "a stage's name",
    "stage names",
    "[A-Za-z0-9_-]{1,128}",
    "at most 128 letters, digits, hyphens and underscores",
    "prod",
)

STAGE = "apigateway:{region}::/restapis/{apis}/stages/{stage}"
GET = Api("apigateway:GET", resource=STAGE, operation="GetStage")
PATCH = Api("apigateway:PATCH", resource=STAGE, operation="UpdateStage")
REMOVE = Api(
    "apigateway:PATCH",
    resource=STAGE,
    operation="UpdateStage",
    absent=frozenset({"BadRequestException"}),
)
"""Of settings: where there are none (any more), API Gateway calls that a bad request.
Source: github.com/hashicorp/terraform-provider-aws (internal/service/apigateway/method_settings.go)"""

DEFAULT = "*/*"
"""The settings of every method that has none of its own."""
LIMITS = {"rate": ("throttlingRateLimit", "rateLimit"), "burst": ("throttlingBurstLimit", "burstLimit")}
"""What is remembered of a method: as GetStage names it, and as UpdateStage does."""
NONE = {"rate": 0, "burst": 0}
CLOSED = "closed"
"""Of a stage that lets nobody in."""


@dataclass(frozen=True, kw_only=True)
class ApiThrottle(Step[FenceSight]):
    """A REST API's stage in `region` turns every request away, where `requests` is 0."""

    apis: Annotated[Mapping[Region, RestApiId], "each Region's REST API"]
    stage: Annotated[StageName, "the stage that customers call"]
    region: Annotated[Region, "whose API"]
    requests: Annotated[Literal[0, "restore"], "0 takes away, `restore` gives the limits back that were"]
    patience: Annotated[Patience, "how long a silent Region is waited for"] = PATIENCE

    name: ClassVar = "api_throttle"
    reads: ClassVar = (GET,)
    writes: ClassVar = (PATCH, REMOVE)
    notes: ClassVar = NOTES
    busy: ClassVar = frozenset({"ConflictException"})
    asks: ClassVar = ASKS
    fences: ClassVar = True
    closed: ClassVar = 0

    def __post_init__(self) -> None:
        patient(self.patience, self.within)

    @property
    def resource(self) -> str:
        """The ledger's name of what is fenced."""
        return f"apigateway:{self.region}:{self.apis[self.region]}:{self.stage}:throttle"

    def observe(self, world: World) -> FenceSight:
        current: Value | Silence = Silence("not asked: nothing is remembered")
        there: tuple[str, ...] = ()
        if self.requests == 0 or remembered_here(world, self.resource):
            call = GET(self.region, restApiId=self.apis[self.region], stageName=self.stage)
            (sight,) = ask_all(world, [call], self.patience)
            limits = _limits(sight)
            current = limits
            if not isinstance(limits, Silence) and self._restores:
                current = _before(limits, world.records.remembered(self.resource))
            elif not isinstance(limits, Silence):
                there, current = tuple(limits), CLOSED if _is_closed(limits) else limits
        return FenceSight.of(
            world, self.patience, [Held(self.resource, current, None, self._put(there))], self.region
        )

    def decide(self, seen: FenceSight) -> Decision:
        return give_back(seen) if self._restores else take_away(seen, CLOSED)

    @property
    def _restores(self) -> bool:
        return self.requests == "restore"

    def _put(self, there: Iterable[str]) -> Callable[[Value], tuple[Call, ...]]:
        def put(value: Value) -> tuple[Call, ...]:
            limits = value if isinstance(value, Mapping) else dict.fromkeys([DEFAULT, *there], NONE)
            changes = [each for method in sorted(limits) for each in _set(method, limits[method])]
            stage = {"restApiId": self.apis[self.region], "stageName": self.stage}
            calls = [PATCH(self.region, **stage, patchOperations=changes)] if changes else []
            if DEFAULT not in limits:
                removal = {"op": "remove", "path": f"/{DEFAULT}"}
                calls.append(REMOVE(self.region, **stage, patchOperations=[removal]))
            return tuple(calls)

        return put


def _set(method: str, limits: Mapping[str, Any]) -> Iterator[dict[str, str]]:
    """The changes of one method: its path, with its slashes as API Gateway has them, and its verb."""
    for name, (_, named) in LIMITS.items():
        yield {"op": "replace", "path": f"/{method}/throttling/{named}", "value": _text(limits[name])}


def _text(number: float) -> str:
    return str(int(number)) if float(number).is_integer() else repr(number)


def _limits(sight: Sight) -> dict[str, dict[str, Any]] | Silence:
    """Of each method that has settings."""
    if isinstance(sight, Silence | Absent):
        return sight if isinstance(sight, Silence) else Silence(sight.code)
    if "stageName" not in sight:
        return Silence("the stage is not told of", answered=True)
    limits = {}
    for method, settings in sight.get("methodSettings", {}).items():
        told = {name: settings.get(member) for name, (member, _) in LIMITS.items()}
        if not all(isinstance(value, int | float) and isfinite(value) for value in told.values()):
            return Silence(f"the limits of {method} are not told, and could not be given back", answered=True)
        limits[method] = told
    return limits


def _is_closed(limits: Mapping[str, Mapping[str, Any]]) -> bool:
    return DEFAULT in limits and all(value == 0 for each in limits.values() for value in each.values())


def _before(limits: Mapping[str, Any], memories: Iterable[Memory]) -> dict[str, Any]:
    """Of what is remembered, and of the default, which the fence has made: what others added is theirs."""
    values = [each.value for each in memories if isinstance(each.value, Mapping)]
    known = {DEFAULT, *(method for value in values for method in value)}
    return {method: told for method, told in limits.items() if method in known}


handler = lambda_handler(ApiThrottle)
