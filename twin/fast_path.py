"""A short way from boto3 to the Cloud, for a call like one that has been made before.

botocore spends most of a call on a request that nobody sends: it resolves the endpoint, composes a user agent
and serialises. The first call of an operation goes that way, to learn its URL and to be validated; a later
one with parameters of the same form goes straight to the Cloud. Where there is any doubt, botocore decides.
Handlers of `provide-client-params`, `before-parameter-build` and `after-call` are called for every call;
those of `before-call` only for the first.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, cast

import jmespath
from botocore import handlers
from botocore.awsrequest import AWSResponse
from botocore.client import BaseClient
from botocore.compat import HTTPHeaders
from botocore.config import Config
from botocore.model import OperationModel
from jmespath.parser import ParsedResult

from .botocore_client import BotocoreClient, answer, ask, parsers, session_of
from .cloud import Call, Cloud
from .faults import Request
from .fits import Fit, fits_of, service_of

_BOTOCORES: Any = cast(Any, BaseClient)._make_api_call


class Handlers:
    """Whoever is called for an operation: the handlers of its events, as botocore finds them."""

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
        self.parses = parsers(client.meta.events, model)
        self.only_ours = all(handler in _OURS for handler in self.after)
        """Nobody but the Cloud wants the answer on its way back."""

    @property
    def up_to_date(self) -> bool:
        """Nobody has registered since: the emitter begins a new cache whenever somebody does."""
        return self._emitter._lookup_cache is self._registered


_OURS: list[Callable[..., Any]] = []
"""The hook's own handlers of these events. What they do is done here without them."""
_RARELY: dict[Callable[..., Any], Callable[[OperationModel], bool]] = {
    handlers.generate_idempotent_uuid: lambda model: bool(model.idempotent_members),
    cast(Any, handlers)._handle_request_validation_mode_member: lambda model: bool(
        model.http_checksum.get("requestValidationModeMember")
    ),
}
"""botocore's handlers of every operation's parameters, and of which operations they touch any."""


@dataclass
class Learned:
    """One operation of one client, as botocore has called it before."""

    model: OperationModel
    takes: Fit
    names: tuple[str, ...]
    """Parameters that its URL is made of."""
    paths: tuple[ParsedResult, ...]
    """Where in its parameters there is more that the URL is made of."""
    urls: dict[tuple[Any, ...], str] = field(default_factory=dict)
    handlers: Handlers | None = None

    def url(self, parameters: dict[str, Any]) -> str | None:
        """As botocore has resolved it before; None where it must."""
        try:
            return self.urls.get(self._made_of(parameters))
        except TypeError:  # a list or a structure cannot be a key
            return None

    def note(self, parameters: dict[str, Any], url: str) -> None:
        """botocore has resolved it."""
        with suppress(TypeError):
            self.urls[self._made_of(parameters)] = url

    def _made_of(self, parameters: dict[str, Any]) -> tuple[Any, ...]:
        named = [parameters.get(name) for name in self.names]
        return (*named, *[repr(path.search(parameters)) for path in self.paths])

    def handlers_of(self, client: Any) -> Handlers:
        if self.handlers is None or not self.handlers.up_to_date:
            self.handlers = Handlers(client, self.model)
        return self.handlers

    @functools.cached_property
    def key(self) -> tuple[str, str]:
        """Service and operation."""
        return service_of(self.model), self.model.name

    @functools.cached_property
    def streams(self) -> bool:
        return bool(self.model.has_streaming_input)


def _learned_of(config: Config) -> dict[str, Learned]:
    """By operation. On the client's own config, so that it goes with it: it leads back to its client, and no
    dictionary, not even a weak one, would let the two go."""
    learned: dict[str, Learned] = vars(config).setdefault("_learned", {})
    return learned


def open_to(newest: Callable[[], Cloud | None]) -> None:
    """Lets every client's calls go to that Cloud."""

    def call(client: Any, operation: str, parameters: dict[str, Any]) -> Any:
        cloud, meta = newest(), client.meta
        known = client.__dict__.get("_learned")
        if known is None:
            known = client._learned = _learned_of(meta.config)
        learned: Learned | None = known.get(operation)
        if cloud is not None and learned is not None:
            context = {
                "client_region": meta.region_name,
                "client_config": meta.config,
                "has_streaming_input": learned.streams,
            }
            registered = learned.handlers_of(client)
            built = dict(parameters)
            if registered.provide or registered.build:
                built = _handled(registered, learned, built, context)
            url = learned.url(built)
            if url is not None and learned.takes(built):
                signer = session_of(client._request_signer)
                request = cloud.request(*learned.key, meta.region_name, built, url, signer)
                if cloud.serves(request):
                    return _straight(cloud, client, learned.model, request, context, registered)
        return _BOTOCORES(client, operation, parameters)

    cast(Any, BaseClient)._make_api_call = call


def close() -> None:
    """Every call goes botocore's own way."""
    cast(Any, BaseClient)._make_api_call = _BOTOCORES


def does_without(*handlers: Callable[..., Any]) -> None:
    """What these handlers do for botocore is done here without them."""
    _OURS.extend(handlers)


def learn(model: OperationModel, request: Request, config: Config) -> None:
    """A request has come botocore's way: it is valid, and has its URL."""
    known = _learned_of(config)
    if model.name not in known:
        endpoint: Any = model.endpoint
        if "{" in (endpoint or {}).get("hostPrefix", ""):
            return
        form = model.input_shape
        takes = (lambda given: not given) if form is None else fits_of(model).of(form)
        known[model.name] = Learned(model, takes, _names(model), _paths(model))
    known[model.name].note(request.parameters, request.url)


def _handled(
    registered: Handlers, learned: Learned, parameters: dict[str, Any], context: dict[str, Any]
) -> dict[str, Any]:
    """The parameters, as the handlers of their events make them."""
    given = {"model": learned.model, "context": context}
    name = registered.names["provide-client-params"]
    provided = [each(params=parameters, event_name=name, **given) for each in registered.provide]
    parameters = next((each for each in provided if each is not None), parameters)
    for each in registered.build:
        each(params=parameters, event_name=registered.names["before-parameter-build"], **given)
    return parameters


def _straight(
    cloud: Cloud,
    client: Any,
    model: OperationModel,
    request: Request,
    context: dict[str, Any],
    registered: Handlers,
) -> dict[str, Any]:
    """What botocore does with a request that has been made, as far as the twin can tell."""
    made = context["twin_call"] = Call(request, BotocoreClient(model, context["client_config"]))
    asked = ask(cloud, made, model, registered.parses)
    assert asked is not None, f"{model.name} is served, and nobody answered"
    status, parsed = asked
    if registered.only_ours:
        answer(cloud, made, status, parsed)
    else:
        response = AWSResponse(request.url, status, HTTPHeaders(), None)
        given = {"http_response": response, "parsed": parsed, "model": model, "context": context}
        for each in registered.after:
            each(event_name=registered.names["after-call"], **given)
    if status >= 300:
        code = context.get("error_code_override") or parsed["Error"]["Code"]
        raise client.exceptions.from_code(code)(parsed, model.name)
    return parsed


def _names(model: OperationModel) -> tuple[str, ...]:
    members = model.input_shape.members if model.input_shape is not None else {}
    named = {each.member_name for each in model.context_parameters}
    named |= {
        name
        for name, member in members.items()
        if member.serialization.get("location") in ("uri", "querystring")
    }
    return tuple(sorted(named))


def _paths(model: OperationModel) -> tuple[ParsedResult, ...]:
    """Such as the names of all tables that a batch is about."""
    given = cast(Any, model).operation_context_parameters or {}  # a mapping, which its stubs do not say
    return tuple(jmespath.compile(given[name]["path"]) for name in sorted(given))


def _service_id(model: OperationModel) -> str:
    return str(model.service_model.service_id.hyphenize())
