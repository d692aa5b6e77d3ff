"""Calls as command lines, for the night on which Farshore itself is broken: the AWS CLI, and curl.

The conversion is the AWS CLI's own rule, from botocore's models: an operation or parameter in kebab case, a
boolean as --flag or --no-flag, lists and structures as JSON, blobs in base64 (version 2 of the CLI).
Source: docs.aws.amazon.com/cli/latest/userguide/cli-usage-parameters-types.html
"""

from __future__ import annotations

import base64
import datetime
import functools
import json
import shlex
from collections.abc import Iterator
from typing import Any

from botocore import xform_name
from botocore.loaders import Loader
from botocore.model import OperationModel, ServiceModel, Shape

from functions.calls import Call, Endpoint
from functions.planned import ASSUMED, Planned


def as_script(plan: list[Planned]) -> Iterator[str]:
    """The lines of a shell script: a comment for each step, and its calls, to be pasted one by one."""
    moved = False
    for number, step in enumerate(plan, 1):
        yield f"# {number}. {step.state}: {step.outcome}: {_one_line(step.why)}"
        if step.calls and step.no_return and not moved:
            moved = True
            yield "# Point of no return: from here on, customers' data or traffic has moved."
        for resource, value in step.remembers.items():
            yield f"# Write down what this overwrites: {resource} was {json.dumps(value)}"
        if step.calls and ASSUMED in step.facts:
            yield f"# As another account's role, so with its credentials: {step.facts[ASSUMED]}"
        for call in step.calls:
            yield as_command(call)
            for endpoint in call.endpoints[1:]:
                yield f"#   no answer? the same with {shlex.join(_place(endpoint))}"
        if step.calls:
            yield "# Go on when it has come about: plan again, or look with your own eyes."


def as_command(call: Call) -> str:
    """One call, through its first endpoint, as a line to paste into a shell."""
    words = _curl(call) if call.api.is_http else _aws(call, call.endpoints[0])
    return shlex.join(words)


def _curl(call: Call) -> list[str]:
    asked = call.parameters
    words = ["curl", "--fail-with-body", "--silent", "--show-error", "--request", call.api.operation_name]
    if "body" in asked:
        words += ["--header", "content-type: application/json", "--data-raw", asked["body"].decode()]
    return [*words, asked["url"]]


def _aws(call: Call, endpoint: Endpoint) -> list[str]:
    model = operation(call.api.service, call.api.operation_name)
    words = ["aws", call.api.cli or call.api.service, xform_name(model.name, "-")]
    words += _place(endpoint)
    members = {} if model.input_shape is None else model.input_shape.members
    for name, value in call.parameters.items():
        words += _parameter(xform_name(name, "-"), value, members[name])
    return [*words, "/dev/stdout"] if model.has_streaming_output else words


def _place(endpoint: Endpoint) -> list[str]:
    return ["--region", endpoint.region, *(["--endpoint-url", endpoint.url] if endpoint.url else [])]


def _parameter(name: str, value: Any, shape: Shape) -> list[str]:
    if shape.type_name == "boolean":
        return [f"--{name}" if value else f"--no-{name}"]
    if shape.type_name == "blob":
        value = base64.b64encode(value if isinstance(value, bytes) else str(value).encode()).decode()
    text = value if isinstance(value, str) else json.dumps(value, default=_plain)
    # The CLI would take "--x -y" for two options.
    return [f"--{name}={text}"] if text.startswith("-") else [f"--{name}", text]


def _plain(value: Any) -> str:
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    assert isinstance(value, datetime.datetime)
    return value.isoformat()


@functools.cache
def operation(service: str, name: str) -> OperationModel:
    """botocore's model of an operation; it asks nobody."""
    model = ServiceModel(Loader().load_service_model(service, "service-2"), service)
    return model.operation_model(name)


def _one_line(text: str) -> str:
    return " ".join(text.split())
