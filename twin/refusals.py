"""How a service says that it is busy, broken or closed: in the words of its own model.

botocore's models name the errors of most operations. A service of the query protocol names none, and answers
"Throttling" (github.com/cloud-custodian/cloud-custodian/issues/3340,
github.com/aws-cloudformation/aws-cloudformation-resource-providers-rds/pull/205). Where a model gives no HTTP
status it is 400, as AWS's JSON protocol has it: of an endpoint that is unavailable for a while, too.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from botocore.model import OperationModel

from .cloud import AwsError
from .faults import Kind, Request


@dataclass(frozen=True)
class _Way:
    """How one kind is said: by the first of these names that the operation's model has, or by the other."""

    names: tuple[str, ...]
    otherwise: str
    status: int
    message: str


_WAYS: Mapping[Kind, _Way] = {
    "throttled": _Way(
        ("TooManyRequestsException", "ThrottlingException"), "Throttling", 400, "Rate exceeded"
    ),
    "500": _Way(
        ("ServiceException", "InternalServerError", "InternalServerException", "InternalErrorException"),
        "InternalFailure",
        500,
        "The request processing has failed",
    ),
    "503": _Way(
        ("EndpointTemporarilyUnavailableException",),
        "ServiceUnavailable",
        503,
        "The service is unavailable",
    ),
    "expired": _Way(
        (), "ExpiredTokenException", 403, "The security token included in the request is expired"
    ),
    "denied": _Way((), "AccessDeniedException", 403, "not authorized to perform {request}"),
}


def refusal(kind: Kind, request: Request, model: OperationModel) -> AwsError:
    """The service's own answer of that kind."""
    asked = request.service, request.operation, kind
    if asked not in _SAID:
        _SAID[asked] = _said(kind, model)
    code, status = _SAID[asked]
    return AwsError(code, _WAYS[kind].message.format(request=request), status)


_SAID: dict[tuple[str, str, Kind], tuple[str, int]] = {}
"""Codes and HTTP statuses, by service, operation and kind."""


def _said(kind: Kind, model: OperationModel) -> tuple[str, int]:
    way = _WAYS[kind]
    shapes = {shape.name: shape.metadata.get("error", {}) for shape in model.error_shapes}
    name = next((name for name in way.names if name in shapes), "")
    if not name:
        return way.otherwise, way.status
    usual = 500 if kind == "500" else 400
    return shapes[name].get("code", name), shapes[name].get("httpStatusCode", usual)
