"""Doubles of just the moto operations that steps and simulations use, for exploration's speed.

They understand exactly the forms of parameters that our code sends: any other is an AssertionError that names
it, for an expression half understood would be a lie. tests/test_doubles.py holds each of them to moto. Each
stands in its service's folder, as `double.py`.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any

import boto3
from boto3.session import Session

from ..botocore_hook import plugged
from ..cloud import Cloud
from ..faults import Request
from ..rows import folders
from ..service import Service


class Doubles:
    """All of them, behind one Cloud: `Cloud(clock, seed, Doubles())`.

    Python's own clocks go on as they are, unlike with moto: nothing here reads them.
    """

    @contextmanager
    def behind(self, cloud: Cloud) -> Iterator[None]:
        with plugged(cloud):
            before, boto3.DEFAULT_SESSION = boto3.DEFAULT_SESSION, _session()
            try:
                self._doubles: dict[str, Service] = {
                    double.service: double for double in (make(cloud) for make in _kinds())
                }
                yield
            finally:
                boto3.DEFAULT_SESSION = before

    def take(self, request: Request) -> None:
        raise AssertionError(f"no double answers {request}")

    def keeper(self, service: str) -> Any:
        return self._doubles[service]

    def state(self) -> object:
        """Doubles are services, and enlist in the Cloud."""
        return ()


@functools.cache
def _kinds() -> list[type[Service]]:
    return [import_module(name).Double for name in folders("double")]


class _Session(Session):
    """Makes each client once, for every Cloud to come: making one takes longer than a whole run."""

    def __init__(self) -> None:
        super().__init__(aws_access_key_id="twin", aws_secret_access_key="twin")  # noqa: S106
        self._make: Any = super().client  # its stubs know every service's name, but not that names vary
        self._made: dict[str, Any] = {}

    def client(self, *given: Any, config: Any = None, **named: Any) -> Any:
        options = None if config is None else sorted(config._user_provided_options.items())
        key = repr((given, sorted(named.items()), options))
        if key not in self._made:
            self._made[key] = self._make(*given, config=config, **named)
        return self._made[key]


@functools.cache
def _session() -> _Session:
    """The first time while a Cloud is plugged in: so that its clients have the hook's handlers."""
    return _Session()
