"""AWS, in one process: the one seam through which every boto3 call of the twin goes.

botocore's `before-call` event sees every request after its shape has been validated and before anything is
sent. There the fault layer speaks, the call takes its time on the one clock, IAM judges, and then either
one of our back-ends answers (validated against the service's model) or what backs the Cloud does: moto, or
its doubles. twin/door.py spares a call that has been here before the making of a request that nobody sends.
"""

from __future__ import annotations

import contextvars
import datetime
import functools
import random
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from importlib.resources import files
from typing import Any

import botocore.handlers
import yaml
from botocore.awsrequest import AWSResponse
from botocore.compat import HTTPHeaders
from botocore.exceptions import ConnectTimeoutError, ReadTimeoutError
from botocore.model import OperationModel

from . import door
from .backing import ACCOUNT as ACCOUNT
from .backing import Backing
from .clock import Clock
from .faults import Request, Weather
from .refusals import REFUSED, refusal
from .refusals import AwsError as AwsError

GLOBAL_HOMES = {
    "cloudfront": "us-east-1",
    "iam": "us-east-1",
    "route53": "us-east-1",
    "globalaccelerator": "us-west-2",
    "route53-recovery-control-config": "us-west-2",
}
"""Control planes that live in one Region.
Source: docs.aws.amazon.com/whitepapers/latest/aws-fault-isolation-boundaries/global-services.html"""

WHO: contextvars.ContextVar[tuple[str, str]] = contextvars.ContextVar("who", default=("", ""))
"""The function whose code is running and its Region; empty for people and customers."""


Answer = Mapping[str, Any]
Asked = tuple[int, dict[str, Any]]
"""An HTTP status, and the parsed body."""
Operation = Callable[[Request], Answer]
Guard = Callable[[Request], None]


class Latency:
    """Durations drawn from twin/latency.yaml with the seed; remembers which figures were used."""

    def __init__(self, seed: int) -> None:
        self.table: dict[str, Any] = {name: dict(entry) for name, entry in _figures().items()}
        self.random = random.Random(seed)
        self.used: set[str] = set()

    def draw(self, name: str) -> float:
        """Seconds, uniform between the table's bounds."""
        self.used.add(name)
        low, high = self.table[name]["seconds"]
        return float(low + (high - low) * self.random.random())


@functools.cache
def _figures() -> dict[str, Any]:
    """Reading YAML takes longer than a run."""
    table: dict[str, Any] = yaml.safe_load((files("twin") / "latency.yaml").read_text())
    return table


class Cloud:
    """The Regions. Back-ends register with `serve`; `guards` may refuse a call that moto would answer."""

    def __init__(self, clock: Clock, seed: int = 0, backing: Backing | None = None) -> None:
        """Backed by moto, unless something else is given."""
        self.clock = clock
        self.backing = backing or _moto()
        self.weather = Weather()
        self.latency = Latency(seed)
        self.guards: list[Guard] = []
        self.watchers: list[Callable[[Request, Answer | None], None]] = []
        """Told of every call that AWS has done, with its answer."""
        self.reroute: Callable[[Request], str | None] = lambda request: None
        """The Region whose store holds what the request is about (an MRSC table has one truth)."""
        self.validates = True
        """What a back-end answers is held to the service's model."""
        self.calls = 0
        self._operations: dict[tuple[str, str], Operation] = {}

    def __enter__(self) -> Cloud:
        if not _OPEN:
            door.open_for(_newest)
        _OPEN.append(self)
        self.backing.start(self)
        return self

    def __exit__(self, *_: object) -> None:
        self.backing.stop()
        _OPEN.remove(self)
        if not _OPEN:
            door.close()

    def serve(self, service: str, operation: str, answer: Operation) -> None:
        """Lets `answer` reply to the operation instead of moto. It must not keep the request."""
        self._operations[service, operation] = answer

    @contextmanager
    def acting_as(self, function: str, region: str) -> Iterator[None]:
        """Calls made inside come from this function."""
        token = WHO.set((function, region))
        try:
            yield
        finally:
            WHO.reset(token)

    def serves(self, service: str, operation: str) -> bool:
        """A back-end of ours answers."""
        return (service, operation) in self._operations

    def ask(self, request: Request, model: OperationModel, context: dict[str, Any]) -> Asked | None:
        """Takes the time that a call takes; None where what backs us answers. Raises time-outs."""
        config = context["client_config"]
        context["twin"] = request
        self.calls += 1
        kind = self.weather.befalls(request)
        host = _host(request.url)
        if kind == "lost_before" or self.weather.is_dark(
            request.region, request.service, host, request.origin
        ):
            self.clock.sleep(config.connect_timeout)
            raise ConnectTimeoutError(endpoint_url=request.url)
        self.clock.sleep(config.read_timeout if kind == "slow" else self.latency.draw("aws_call") / 2)
        context["twin_kind"] = kind
        try:
            if kind is not None and kind in REFUSED:
                raise refusal(kind, request, model)
            for guard in self.guards:
                guard(request)
            if kind == "reverted":
                return 200, {"ResponseMetadata": _metadata(200)}
            operation = self._operations.get((request.service, request.operation))
            if operation is None:
                self.backing.take(request)
                return None
            answer = dict(operation(request))
            if self.weather.echo is not None:
                before = self.weather.echo.hear(request, answer)
                answer = dict(before) if kind == "stale" and before is not None else answer
        except AwsError as error:
            context["twin_kind"] = kind if kind in REFUSED else None
            return _refusal(error)
        if self.validates:
            door.validate(answer, model)
        status = int(model.http.get("responseCode", 200))
        answer["ResponseMetadata"] = _metadata(status)
        return status, answer

    def settle(self, done: bool, request: Request, parsed: dict[str, Any], context: dict[str, Any]) -> None:
        """The way back: who watches hears of what was done, and the answer takes its time or gets lost."""
        if done:
            for watcher in self.watchers:
                watcher(request, parsed)
        kind = context.get("twin_kind")
        if kind in ("lost_after", "slow"):
            if kind == "lost_after":
                self.clock.sleep(context["client_config"].read_timeout)
            raise ReadTimeoutError(endpoint_url=request.url)
        self.clock.sleep(self.latency.draw("aws_call") / 2)

    def request(self, model: OperationModel, url: str, context: dict[str, Any]) -> Request:
        service = model.service_model.service_name
        function, origin = WHO.get()
        return Request(
            service=service,
            operation=model.name,
            region=GLOBAL_HOMES.get(service, context["client_region"]),
            parameters=context.get("twin_parameters", {}),
            caller=function,
            origin=origin,
            url=url,
        )


@functools.lru_cache(maxsize=1024)
def _host(url: str) -> str:
    return url.split("/")[2].split(":")[0]


def _moto() -> Backing:
    from .moto.backing import Moto  # which takes a second, and memory that every fork pays for

    return Moto()


_OPEN: list[Cloud] = []
"""The newest is the one that clients speak to."""


def _newest() -> Cloud | None:
    return _OPEN[-1] if _OPEN else None


def _note_parameters(params: dict[str, Any], context: dict[str, Any], **_: Any) -> None:
    context["twin_parameters"] = params


def _before_call(
    model: OperationModel, params: dict[str, Any], context: dict[str, Any], **_: Any
) -> tuple[AWSResponse, dict[str, Any]] | None:
    cloud = _newest()
    if cloud is None:
        return None
    request = cloud.request(model, params["url"], context)
    if cloud.serves(request.service, request.operation):
        door.learn(model, request, context)
    asked = cloud.ask(request, model, context)
    if asked is not None:
        status, body = asked
        return AWSResponse(request.url, status, HTTPHeaders(), None), body
    elsewhere = cloud.reroute(request)
    if elsewhere is not None:
        params["url"] = params["url"].replace(request.region, elsewhere)
        params["context"]["signing"] = params["context"].get("signing", {}) | {"region": elsewhere}
    return None


def _after_call(http_response: Any, parsed: dict[str, Any], context: dict[str, Any], **_: Any) -> None:
    cloud = _newest()
    if cloud is not None:
        cloud.settle(http_response.status_code < 300, context["twin"], parsed, context)


botocore.handlers.BUILTIN_HANDLERS.extend(
    [
        ("before-parameter-build", _note_parameters),
        ("before-call", _before_call),
        ("after-call", _after_call),
    ]
)
# For good, so that a client may outlive the Cloud in which it was made: making one takes longer than a run.
door.passes_by(_note_parameters, _after_call)


def _refusal(error: AwsError) -> Asked:
    return error.status, {
        "Error": {"Code": error.code, "Message": error.message},
        "ResponseMetadata": _metadata(error.status),
    }


def _metadata(status: int) -> dict[str, Any]:
    return {"RequestId": "0" * 32, "HTTPStatusCode": status, "HTTPHeaders": {}, "RetryAttempts": 0}


def stamp(instant: float) -> datetime.datetime:
    """An instant of the clock as boto3 gives times."""
    return datetime.datetime.fromtimestamp(instant, tz=datetime.UTC)
