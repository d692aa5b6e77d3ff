"""The door from boto3 to the seam, for a call like one that has been through it before.

botocore spends most of a call on a request that nobody sends: it resolves the endpoint, composes a user agent
and serialises. The first call of an operation goes that way, to learn its URL and to be validated; a later
one with parameters of the same shape goes straight to the seam. Where there is any doubt, botocore decides.
Handlers of `provide-client-params`, `before-parameter-build` and `after-call` hear of every call; those of
`before-call` only of the first.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast
from weakref import WeakKeyDictionary

from botocore.awsrequest import AWSResponse
from botocore.client import BaseClient
from botocore.compat import HTTPHeaders
from botocore.config import Config
from botocore.model import OperationModel
from botocore.validate import ParamValidator

from .faults import Request
from .shapes import Fit, Fits

if TYPE_CHECKING:
    from .aws import Cloud

_BOTOCORES: Any = cast(Any, BaseClient)._make_api_call
_FITS: dict[str, Fits] = {}
"""By service."""


@dataclass
class Way:
    """One operation of one client."""

    model: OperationModel
    takes: Fit
    names: tuple[str, ...]
    """Parameters that its URL is made of."""
    urls: dict[tuple[Any, ...], str] = field(default_factory=dict)

    def url(self, parameters: dict[str, Any]) -> str | None:
        """As botocore has resolved it before; None where it must."""
        try:
            return self.urls.get(tuple(parameters.get(name) for name in self.names))
        except TypeError:  # a list or a structure cannot be a key
            return None


_WAYS: WeakKeyDictionary[Config, dict[str, Way]] = WeakKeyDictionary()
"""By the client's own config, then by operation."""
_ANSWERS: dict[tuple[str, str], Fit] = {}


def open_for(cloud: Callable[[], Cloud | None]) -> None:
    """Lets every client's calls go to that Cloud."""

    def call(client: Any, operation: str, parameters: dict[str, Any]) -> Any:
        here = cloud()
        way = _WAYS.get(client.meta.config, {}).get(operation)
        if here is not None and way is not None and here.serves(_service(way.model), operation):
            context = {
                "client_region": client.meta.region_name,
                "client_config": client.meta.config,
                "has_streaming_input": way.model.has_streaming_input,
            }
            built = client._emit_api_params(
                api_params=dict(parameters), operation_model=way.model, context=context
            )
            url = way.url(built)
            if url is not None and way.takes(built):
                return _through(here, client, way.model, url, context)
        return _BOTOCORES(client, operation, parameters)

    cast(Any, BaseClient)._make_api_call = call


def close() -> None:
    cast(Any, BaseClient)._make_api_call = _BOTOCORES


def learn(model: OperationModel, request: Request, context: dict[str, Any]) -> None:
    """A request has come the long way: botocore has validated it and made its URL."""
    ways = _WAYS.setdefault(context["client_config"], {})
    if model.name not in ways:
        names = _names(model)
        if names is None:
            return
        shape = model.input_shape
        takes = (lambda given: not given) if shape is None else _fits(model).of(shape)
        ways[model.name] = Way(model, takes, names)
    way = ways[model.name]
    parameters: dict[str, Any] = request.parameters
    try:
        way.urls[tuple(parameters.get(name) for name in way.names)] = request.url
    except TypeError:
        return


def validate(answer: dict[str, Any], model: OperationModel) -> None:
    """Our back-ends answer in the shape of the service's model, or the twin itself is wrong."""
    key = _service(model), model.name
    if key not in _ANSWERS:
        _ANSWERS[key] = _answers(model)
    if _ANSWERS[key](answer):
        return
    if model.output_shape is None:
        raise AssertionError(f"{model.name} answers nothing, but got {answer}")
    members = model.output_shape.members
    body = {k: v for k, v in answer.items() if k not in members or members[k].type_name != "blob"}
    report = ParamValidator().validate(body, model.output_shape)
    if report.has_errors():
        raise AssertionError(f"the twin's answer to {model.name} is not AWS's: {report.generate_report()}")


def _through(cloud: Cloud, client: Any, model: OperationModel, url: str, context: dict[str, Any]) -> Any:
    """What botocore does with a request that has been made, as far as the twin can tell."""
    asked = cloud.ask(cloud.request(model, url, context), model, context)
    assert asked is not None, f"{model.name} is served, and nobody answered"
    status, parsed = asked
    client.meta.events.emit(
        f"after-call.{_service_id(model)}.{model.name}",
        http_response=AWSResponse(url, status, HTTPHeaders(), None),
        parsed=parsed,
        model=model,
        context=context,
    )
    if status >= 300:
        code = context.get("error_code_override") or parsed["Error"]["Code"]
        raise client.exceptions.from_code(code)(parsed, model.name)
    return parsed


def _names(model: OperationModel) -> tuple[str, ...] | None:
    """None where the URL depends on more than single parameters."""
    endpoint: Any = model.endpoint
    if model.operation_context_parameters or "{" in (endpoint or {}).get("hostPrefix", ""):
        return None
    members = model.input_shape.members if model.input_shape is not None else {}
    named = {each.member_name for each in model.context_parameters}
    named |= {
        name
        for name, member in members.items()
        if member.serialization.get("location") in ("uri", "querystring")
    }
    return tuple(sorted(named))


def _answers(model: OperationModel) -> Fit:
    """A fit of the whole answer; blobs may be streams, which botocore's validator need not see."""
    if model.output_shape is None:
        return lambda answer: not answer
    members = model.output_shape.members
    fits = {
        name: (lambda value: True) if member.type_name == "blob" else _fits(model).of(member)
        for name, member in members.items()
    }
    required = frozenset(model.output_shape.required_members)
    return lambda answer: (
        required <= answer.keys()
        and all(name in fits and fits[name](value) for name, value in answer.items())
    )


def _fits(model: OperationModel) -> Fits:
    return _FITS.setdefault(_service(model), Fits())


def _service(model: OperationModel) -> str:
    return str(model.service_model.service_name)


def _service_id(model: OperationModel) -> str:
    return str(model.service_model.service_id.hyphenize())
