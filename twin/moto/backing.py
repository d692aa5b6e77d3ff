"""moto behind the Cloud, for rehearsals and tests. Exploration never loads it, so that a fork costs less."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any

import time_machine
from botocore.handlers import BUILTIN_HANDLERS
from moto import mock_aws
from moto.core.serialize import XFormedAttributePicker

from ..botocore_hook import plugged
from ..clock import Clock
from ..cloud import Cloud
from ..faults import Request
from ..rows import folders
from . import MOTOS_HANDLERS

FOLDERS = folders("on_moto")


class Moto:
    """moto, as it is. What a service's folder needs to know of moto stands there, in `on_moto.py`;
    what AWS does otherwise, in `differently` of it."""

    @contextmanager
    def behind(self, cloud: Cloud) -> Iterator[None]:
        with handlers(), plugged(cloud), mock_aws(config=_config()), _keys(), _frozen(cloud.clock):
            for module in map(import_module, FOLDERS):
                if hasattr(module, "differently"):
                    module.differently(cloud)
            yield

    def take(self, request: Request) -> None:
        """moto itself says what it has not."""

    def keeper(self, service: str) -> Any:
        return next(
            module.Keeper()
            for module in map(import_module, FOLDERS)
            if getattr(module, "SERVICE", "") == service
        )

    def state(self) -> object:
        raise NotImplementedError("moto does not give its state: a Cloud on doubles has a fingerprint")


def _config() -> Any:
    """What moto is to do otherwise than it does by itself, as the services' folders have it."""
    modules = map(import_module, FOLDERS)
    return {module.SERVICE: module.CONFIG for module in modules if hasattr(module, "CONFIG")}


@contextmanager
def handlers() -> Iterator[None]:
    """moto's own, which answers before anything is sent."""
    missing = [handler for handler in MOTOS_HANDLERS if handler not in BUILTIN_HANDLERS]
    BUILTIN_HANDLERS.extend(missing)
    try:
        yield
    finally:
        for handler in missing:
            BUILTIN_HANDLERS.remove(handler)


@contextmanager
def _keys() -> Iterator[None]:
    """The keys under which moto's models may have a member of an answer, worked out once.

    They depend on the kind of model and on the member alone, and moto spends a quarter of a game day on them.
    """
    find = XFormedAttributePicker.get_possible_keys

    def kept(self: Any, context: Any) -> Iterable[str]:
        found = vars(context.shape).setdefault("_possible_keys", {})
        which = type(context.obj), context.key, *self.alias_providers
        if which not in found:
            found[which] = tuple(find(self, context))
        keys: Iterable[str] = found[which]
        return keys

    XFormedAttributePicker.get_possible_keys = kept
    try:
        yield
    finally:
        XFormedAttributePicker.get_possible_keys = find


@contextmanager
def _frozen(clock: Clock) -> Iterator[None]:
    """Python's own clocks, which moto's timestamps and log lines are made of, at the twin's time."""
    travel = time_machine.travel(clock.now, tick=False)
    move = travel.start().move_to
    clock.on_move.append(move)
    try:
        yield
    finally:
        clock.on_move.remove(move)
        travel.stop()
