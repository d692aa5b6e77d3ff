"""A botocore client's side of a call: its time-outs, its service's own words, and the form of its answers."""

from __future__ import annotations

import base64
import datetime
import json
from collections.abc import Callable, Iterable
from typing import Any

from botocore.exceptions import ConnectTimeoutError, ReadTimeoutError
from botocore.model import OperationModel
from botocore.validate import ParamValidator

from .cloud import Answer, AwsError, Call, Cloud, Unanswered, Unreachable
from .faults import Kind, Request
from .fits import Fit, fits_of, service_of
from .refusals import refusal

Parsed = dict[str, Any]
"""An answer's body as botocore has parsed it."""


class BotocoreClient:
    """What the Cloud needs to know of it (twin/cloud.py's `Client`)."""

    __slots__ = ("_config", "_model")

    def __init__(self, model: OperationModel, config: Any) -> None:
        self._model, self._config = model, config

    @property
    def connect_timeout(self) -> float:
        return float(self._config.connect_timeout)

    @property
    def read_timeout(self) -> float:
        return float(self._config.read_timeout)

    def refusal(self, kind: Kind, request: Request) -> AwsError:
        return refusal(kind, request, self._model)

    def check(self, answer: Answer) -> None:
        validate(answer, self._model)


TEMPORARY = "ASIA"
"""So begin the keys of sessions.
Source: docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html"""


def session_of(signer: Any) -> str:
    """The key of the session whose credentials a client signs with; "" of any other credentials."""
    credentials = signer._credentials
    key = "" if credentials is None else str(credentials.access_key)
    return key if key.startswith(TEMPORARY) else ""


Handler = Callable[..., Any]


def ask(
    cloud: Cloud, call: Call, model: OperationModel, parses: Iterable[Handler] = ()
) -> tuple[int, Parsed] | None:
    """An HTTP status and a body; None where the backing is to answer. Raises botocore's time-outs.

    `parses` are the handlers of its `before-parse` event: a body is made for those, and what they leave of it
    is parsed."""
    try:
        answer = cloud.ask(call)
    except Unreachable as why:
        raise ConnectTimeoutError(endpoint_url=call.request.url) from why
    except Unanswered as why:
        raise ReadTimeoutError(endpoint_url=call.request.url) from why
    except AwsError as error:
        said = {"Code": error.code, "Message": error.message}
        return error.status, {"Error": said, "ResponseMetadata": _metadata(error.status)}
    if answer is None:
        return None
    status = int(model.http.get("responseCode", 200))
    for handler in parses:
        answer = _handled(handler, model, status, answer)
    return status, {**answer, "ResponseMetadata": _metadata(status)}


def parsers(emitter: Any, model: OperationModel) -> list[Handler]:
    """Whoever is called with an answer's body before it is parsed, but for botocore itself."""
    service = str(model.service_model.service_id.hyphenize())
    name = emitter._alias_event_name(f"before-parse.{service}.{model.name}")
    found = emitter._emitter._handlers.prefix_search(name)
    return [each for each in found if not each.__module__.startswith("botocore.")]


def _handled(handler: Handler, model: OperationModel, status: int, answer: Answer) -> Answer:
    assert model.service_model.resolved_protocol == "json", "the twin writes no other protocol's bodies"
    body, added = json.dumps(answer, default=_as_json).encode(), Parsed()
    response = {"status_code": status, "headers": {}, "body": body}
    handler(operation_model=model, response_dict=response, customized_response_dict=added)
    assert response["body"] in (body, b"{}"), "what a handler writes, nobody has a parser for"
    return {**(answer if response["body"] == body else {}), **added}


def _as_json(value: Any) -> Any:
    """As the JSON protocol has what JSON has not."""
    if isinstance(value, bytes | bytearray):
        return base64.b64encode(value).decode()
    assert isinstance(value, datetime.datetime), f"{value!r} is none of AWS's types"
    return value.timestamp()


def answer(cloud: Cloud, call: Call, status: int, parsed: Parsed) -> None:
    """The way back. Raises botocore's time-out where the answer is lost."""
    try:
        cloud.answer(call, status < 300, parsed)
    except Unanswered as why:
        raise ReadTimeoutError(endpoint_url=call.request.url) from why


def validate(answer: Answer, model: OperationModel) -> None:
    """A service of the twin answers in the form of its model, or the twin itself is wrong."""
    key = service_of(model), model.name
    if key not in _ANSWERS:
        _ANSWERS[key] = _fit_of_answers(model)
    if _ANSWERS[key](answer):
        return
    if model.output_shape is None:
        raise AssertionError(f"{model.name} answers nothing, but got {answer}")
    members = model.output_shape.members
    body = {k: v for k, v in answer.items() if k not in members or members[k].type_name != "blob"}
    report = ParamValidator().validate(body, model.output_shape)
    if report.has_errors():
        raise AssertionError(f"the twin's answer to {model.name} is not AWS's: {report.generate_report()}")


_ANSWERS: dict[tuple[str, str], Fit] = {}


def _fit_of_answers(model: OperationModel) -> Fit:
    """A fit of the whole answer; blobs may be streams, which botocore's validator need not see."""
    if model.output_shape is None:
        return lambda answer: not answer
    members = model.output_shape.members
    fits = {
        name: (lambda value: True) if member.type_name == "blob" else fits_of(model).of(member)
        for name, member in members.items()
    }
    required = frozenset(model.output_shape.required_members)

    def fit(answer: Any) -> bool:
        if required and not required <= answer.keys():
            return False
        for name, value in answer.items():
            member = fits.get(name)
            if member is None or not member(value):
                return False
        return True

    return fit


def _metadata(status: int) -> dict[str, Any]:
    return {"RequestId": "0" * 32, "HTTPStatusCode": status, "HTTPHeaders": {}, "RetryAttempts": 0}
