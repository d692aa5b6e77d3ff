"""The door from boto3 to the seam, for a call like one that has been through it before.

botocore spends most of a call on a request that nobody sends: it resolves the endpoint, composes a user agent
and serialises. The first call of an operation goes that way, to learn its URL and to be validated; a later
one with parameters of the same shape goes straight to the seam. Where there is any doubt, botocore decides.
Handlers of `provide-client-params`, `before-parameter-build` and `after-call` hear of every call; those of
`before-call` only of the first.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast
from weakref import WeakKeyDictionary

from botocore import handlers
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


class Ears:
    """Who hears of an operation: the handlers of its events, as botocore finds them."""

    def __init__(self, client: Any, model: OperationModel) -> None:
        self._emitter = client.meta.events._emitter
        self._registered = self._emitter._lookup_cache
        self.names = {
            event: client.meta.events._alias_event_name(f"{event}.{_service_id(model)}.{model.name}")
            for event in ("provide-client-params", "before-parameter-build", "after-call")
        }
        self.provide, build, self.after = (
            list(self._emitter._handlers.prefix_search(name)) for name in self.names.values()
        )
        idle = {*_OURS, *(handler for handler, works in _RARELY.items() if not works(model))}
        self.build = [handler for handler in build if handler not in idle]
        self.settles = all(handler in _OURS for handler in self.after)
        """Of the answer hears the seam alone."""

    @property
    def up_to_date(self) -> bool:
        """Nobody has registered since: the emitter begins a new cache whenever somebody does."""
        return self._emitter._lookup_cache is self._registered


_OURS: list[Callable[..., Any]] = []
"""The seam's own handlers of these events. The door does by itself what they do."""
_RARELY: dict[Callable[..., Any], Callable[[OperationModel], bool]] = {
    handlers.generate_idempotent_uuid: lambda model: bool(model.idempotent_members),
    cast(Any, handlers)._handle_request_validation_mode_member: lambda model: bool(
        model.http_checksum.get("requestValidationModeMember")
    ),
}
"""botocore's handlers of every operation's parameters, and of which operations they touch any."""


@dataclass
class Way:
    """One operation of one client."""

    model: OperationModel
    takes: Fit
    names: tuple[str, ...]
    """Parameters that its URL is made of."""
    urls: dict[tuple[Any, ...], str] = field(default_factory=dict)
    ears: Ears | None = None

    def url(self, parameters: dict[str, Any]) -> str | None:
        """As botocore has resolved it before; None where it must."""
        try:
            return self.urls.get(tuple([parameters.get(name) for name in self.names]))
        except TypeError:  # a list or a structure cannot be a key
            return None

    def heard_by(self, client: Any) -> Ears:
        if self.ears is None or not self.ears.up_to_date:
            self.ears = Ears(client, self.model)
        return self.ears

    @functools.cached_property
    def key(self) -> tuple[str, str]:
        """Service and operation."""
        return _service(self.model), self.model.name

    @functools.cached_property
    def streams(self) -> bool:
        return bool(self.model.has_streaming_input)


_WAYS: WeakKeyDictionary[Config, dict[str, Way]] = WeakKeyDictionary()
"""By the client's own config, then by operation."""
_ANSWERS: dict[tuple[str, str], Fit] = {}


def open_for(cloud: Callable[[], Cloud | None]) -> None:
    """Lets every client's calls go to that Cloud."""

    def call(client: Any, operation: str, parameters: dict[str, Any]) -> Any:
        here, meta = cloud(), client.meta
        ways = client.__dict__.get("_ways")
        if ways is None:
            ways = client._ways = _WAYS.setdefault(meta.config, {})
        way = ways.get(operation)
        if here is not None and way is not None and here.serves(*way.key):
            context = {
                "client_region": meta.region_name,
                "client_config": meta.config,
                "has_streaming_input": way.streams,
            }
            ears = way.heard_by(client)
            built = context["twin_parameters"] = dict(parameters)
            if ears.provide or ears.build:
                built = _told(ears, way, built, context)
            url = way.url(built)
            if url is not None and way.takes(built):
                return _through(here, client, way, url, context, ears)
        return _BOTOCORES(client, operation, parameters)

    cast(Any, BaseClient)._make_api_call = call


def close() -> None:
    cast(Any, BaseClient)._make_api_call = _BOTOCORES


def passes_by(*handlers: Callable[..., Any]) -> None:
    """The door does by itself what these handlers of the seam do for botocore."""
    _OURS.extend(handlers)


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


def _told(ears: Ears, way: Way, parameters: dict[str, Any], context: dict[str, Any]) -> dict[str, Any]:
    """The parameters, as those who hear of them make them."""
    given = {"model": way.model, "context": context}
    name = ears.names["provide-client-params"]
    said = [each(params=parameters, event_name=name, **given) for each in ears.provide]
    parameters = next((each for each in said if each is not None), parameters)
    for each in ears.build:
        each(params=parameters, event_name=ears.names["before-parameter-build"], **given)
    context["twin_parameters"] = parameters
    return parameters


def _through(
    cloud: Cloud, client: Any, way: Way, url: str, context: dict[str, Any], ears: Ears
) -> dict[str, Any]:
    """What botocore does with a request that has been made, as far as the twin can tell."""
    model, request = way.model, cloud.request(way.model, url, context)
    asked = cloud.ask(request, model, context)
    assert asked is not None, f"{model.name} is served, and nobody answered"
    status, parsed = asked
    if ears.settles:
        cloud.settle(status < 300, request, parsed, context)
    else:
        answer = AWSResponse(url, status, HTTPHeaders(), None)
        given = {"http_response": answer, "parsed": parsed, "model": model, "context": context}
        for each in ears.after:
            each(event_name=ears.names["after-call"], **given)
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

    def fit(answer: Any) -> bool:
        if required and not required <= answer.keys():
            return False
        for name, value in answer.items():
            member = fits.get(name)
            if member is None or not member(value):
                return False
        return True

    return fit


def _fits(model: OperationModel) -> Fits:
    return _FITS.setdefault(_service(model), Fits())


def _service(model: OperationModel) -> str:
    return str(model.service_model.service_name)


def _service_id(model: OperationModel) -> str:
    return str(model.service_model.service_id.hyphenize())
