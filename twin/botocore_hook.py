"""Lets boto3's clients speak to a Cloud, for as long as a `with` lasts: `with plugged(cloud):`.

botocore's `before-call` event has every request after its form has been validated and before anything is
sent: there the Cloud is asked. Importing this changes nothing. While a Cloud is plugged in, new sessions get
three handlers; a client keeps its session's, so that it may outlive the Cloud in which it was made (making
one takes longer than a run), and without a Cloud they do nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from botocore import handlers
from botocore.awsrequest import AWSResponse
from botocore.compat import HTTPHeaders
from botocore.model import OperationModel

from . import fast_path
from .botocore_client import BotocoreClient, answer, ask, parsers, session_of
from .cloud import Call, Cloud
from .fits import service_of

_PLUGGED: list[Cloud] = []
"""The newest is the one that clients speak to."""


@contextmanager
def plugged(cloud: Cloud) -> Iterator[None]:
    """While it lasts, boto3's clients speak to this Cloud."""
    if not _PLUGGED:
        handlers.BUILTIN_HANDLERS.extend(_HANDLERS)
        fast_path.open_to(_newest)
    _PLUGGED.append(cloud)
    try:
        yield
    finally:
        _PLUGGED.remove(cloud)
        if not _PLUGGED:
            fast_path.close()
            for each in _HANDLERS:
                handlers.BUILTIN_HANDLERS.remove(each)


def _newest() -> Cloud | None:
    return _PLUGGED[-1] if _PLUGGED else None


def _note_parameters(params: dict[str, Any], context: dict[str, Any], **_: Any) -> None:
    context["twin_parameters"] = params


def _before_call(
    model: OperationModel, params: dict[str, Any], context: dict[str, Any], request_signer: Any, **_: Any
) -> tuple[AWSResponse, dict[str, Any]] | None:
    cloud = _newest()
    if cloud is None:
        return None
    config, parameters = context["client_config"], context.get("twin_parameters", {})
    request = cloud.request(
        service_of(model),
        model.name,
        context["client_region"],
        parameters,
        params["url"],
        session_of(request_signer),
    )
    if cloud.serves(request):
        fast_path.learn(model, request, config)
    call = context["twin_call"] = Call(request, BotocoreClient(model, config))
    asked = ask(cloud, call, model, parsers(request_signer._event_emitter, model))
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
        answer(cloud, context["twin_call"], http_response.status_code, parsed)


_HANDLERS = [
    ("before-parameter-build", _note_parameters),
    ("before-call", _before_call),
    ("after-call", _after_call),
]
fast_path.does_without(_note_parameters, _after_call)
