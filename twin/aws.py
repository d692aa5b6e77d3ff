"""AWS, in one process: the one seam through which every boto3 call of the twin goes.

botocore's `before-call` event sees every request after its shape has been validated and before anything is
sent. There the fault layer speaks, the call takes its time on the one clock, IAM judges, and then either
one of our back-ends answers (validated against the service's model) or moto does.
"""

from __future__ import annotations

import contextvars
import datetime
import random
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from importlib.resources import files
from typing import Any

import botocore.handlers
import time_machine
import yaml
from botocore.awsrequest import AWSResponse
from botocore.compat import HTTPHeaders
from botocore.exceptions import ConnectTimeoutError, ReadTimeoutError
from botocore.model import OperationModel
from botocore.validate import ParamValidator
from moto import mock_aws

from .clock import Clock
from .faults import Request, Weather

ACCOUNT = "123456789012"
"""moto's and Step Functions Local's account."""

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


class AwsError(Exception):
    """An error as AWS answers it."""

    def __init__(self, code: str, message: str, status: int = 400) -> None:
        super().__init__(f"{code}: {message}")
        self.code, self.message, self.status = code, message, status


Answer = Mapping[str, Any]
Operation = Callable[[Request], Answer]
Guard = Callable[[Request], None]


class Latency:
    """Durations drawn from twin/latency.yaml with the seed; remembers which figures were used."""

    def __init__(self, seed: int) -> None:
        self.table: dict[str, Any] = yaml.safe_load((files("twin") / "latency.yaml").read_text())
        self.random = random.Random(seed)
        self.used: set[str] = set()

    def draw(self, name: str) -> float:
        """Seconds, uniform between the table's bounds."""
        self.used.add(name)
        low, high = self.table[name]["seconds"]
        return self.random.uniform(low, high)


class Cloud:
    """The Regions. Back-ends register with `serve`; `guards` may refuse a call that moto would answer."""

    def __init__(self, clock: Clock, seed: int = 0) -> None:
        self.clock = clock
        self.weather = Weather()
        self.latency = Latency(seed)
        self.guards: list[Guard] = []
        self.watchers: list[Callable[[Request, Answer | None], None]] = []
        """Told of every call that AWS has done, with its answer (None where moto answers)."""
        self.reroute: Callable[[Request], str | None] = lambda request: None
        """The Region whose store holds what the request is about (an MRSC table has one truth)."""
        self.calls = 0
        self._operations: dict[tuple[str, str], Operation] = {}
        self._mock = mock_aws(config={"stepfunctions": {"execute_state_machine": True}})
        self._travel = time_machine.travel(clock.now, tick=False)

    def __enter__(self) -> Cloud:
        self._mock.start()
        traveller = self._travel.start()
        self.clock.on_move.append(traveller.move_to)
        self._hooks: list[Any] = [
            ("before-parameter-build", _note_parameters),
            ("before-call", self._before_call),
            ("after-call", self._after_call),
        ]
        botocore.handlers.BUILTIN_HANDLERS.extend(self._hooks)
        return self

    def __exit__(self, *_: object) -> None:
        for hook in self._hooks:
            botocore.handlers.BUILTIN_HANDLERS.remove(hook)
        self._travel.stop()
        self._mock.stop()

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

    def _before_call(
        self, model: OperationModel, params: dict[str, Any], context: dict[str, Any], **_: Any
    ) -> tuple[AWSResponse, dict[str, Any]] | None:
        request = self._request(model, params, context)
        context["twin"] = request
        config = context["client_config"]
        self.calls += 1
        kind = self.weather.befalls(request)
        host = request.url.split("/")[2].split(":")[0]
        if kind == "lost_before" or self.weather.is_dark(
            request.region, request.service, host, request.origin
        ):
            self.clock.sleep(config.connect_timeout)
            raise ConnectTimeoutError(endpoint_url=request.url)
        self.clock.sleep(config.read_timeout if kind == "slow" else self.latency.draw("aws_call") / 2)
        context["twin_kind"] = kind
        errors = {
            "throttled": AwsError("ThrottlingException", "Rate exceeded", 400),
            "500": AwsError("InternalFailure", "The request processing has failed", 500),
            "503": AwsError("ServiceUnavailable", "The service is unavailable", 503),
            "denied": AwsError("AccessDeniedException", f"not authorized to perform {request}", 403),
        }
        try:
            if kind in errors:
                raise errors[kind]
            for guard in self.guards:
                guard(request)
            operation = self._operations.get((request.service, request.operation))
            if operation is None:
                elsewhere = self.reroute(request)
                if elsewhere is not None:
                    params["url"] = params["url"].replace(request.region, elsewhere)
                    params["context"]["signing"] = params["context"].get("signing", {}) | {
                        "region": elsewhere
                    }
                return None
            answer = dict(operation(request))
        except AwsError as error:
            context["twin_kind"] = kind if kind in errors else None
            return _refusal(error, request)
        _validate(answer, model)
        return _accepted(answer, request)

    def _after_call(
        self,
        http_response: Any,
        parsed: dict[str, Any],
        model: OperationModel,
        context: dict[str, Any],
        **_: Any,
    ) -> None:
        request: Request = context["twin"]
        if http_response.status_code < 300:
            for watcher in self.watchers:
                watcher(request, parsed)
        kind = context.get("twin_kind")
        if kind in ("lost_after", "slow"):
            if kind == "lost_after":
                self.clock.sleep(context["client_config"].read_timeout)
            raise ReadTimeoutError(endpoint_url=request.url)
        self.clock.sleep(self.latency.draw("aws_call") / 2)

    def _request(self, model: OperationModel, params: dict[str, Any], context: dict[str, Any]) -> Request:
        service = model.service_model.service_name
        function, origin = WHO.get()
        return Request(
            service=service,
            operation=model.name,
            region=GLOBAL_HOMES.get(service, context["client_region"]),
            parameters=context.get("twin_parameters", {}),
            caller=function,
            origin=origin,
            url=params["url"],
        )


def _note_parameters(params: dict[str, Any], context: dict[str, Any], **_: Any) -> None:
    context["twin_parameters"] = params


def _validate(answer: dict[str, Any], model: OperationModel) -> None:
    """Our back-ends answer in the shape of the service's model, or the twin itself is wrong."""
    if model.output_shape is None:
        assert not answer, f"{model.name} answers nothing, but got {answer}"
        return
    members = model.output_shape.members
    body = {k: v for k, v in answer.items() if members[k].type_name != "blob"}
    report = ParamValidator().validate(body, model.output_shape)
    if report.has_errors():
        raise AssertionError(f"the twin's answer to {model.name} is not AWS's: {report.generate_report()}")


def _accepted(answer: dict[str, Any], request: Request) -> tuple[AWSResponse, dict[str, Any]]:
    answer["ResponseMetadata"] = _metadata(200)
    return AWSResponse(request.url, 200, HTTPHeaders(), None), answer


def _refusal(error: AwsError, request: Request) -> tuple[AWSResponse, dict[str, Any]]:
    body = {
        "Error": {"Code": error.code, "Message": error.message},
        "ResponseMetadata": _metadata(error.status),
    }
    return AWSResponse(request.url, error.status, HTTPHeaders(), None), body


def _metadata(status: int) -> dict[str, Any]:
    return {"RequestId": "0" * 32, "HTTPStatusCode": status, "HTTPHeaders": {}, "RetryAttempts": 0}


def stamp(instant: float) -> datetime.datetime:
    """An instant of the clock as boto3 gives times."""
    return datetime.datetime.fromtimestamp(instant, tz=datetime.UTC)
