"""What a service of the twin is made of: what it answers, and the state that its next answer depends on.

A service is a folder of twin/services/: `model.py` is its behaviour, `double.py` what exploration has in
place of moto, `rows.py` what it declares of its operations, `latency.yaml` how long it takes. It enlists in
the Cloud, and holds any number of things (databases, clusters, tables), each registered by its name.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, Self, TypeVar

from .cloud import Cloud, Operation
from .faults import Plug


class Stateful:
    """Whatever remembers something that a later answer may depend on.

    A change of any attribute shows in `state`, or the attribute stands in `not_state` with the reason why
    nothing depends on it: a test holds that over all services.
    """

    not_state: ClassVar[Mapping[str, str]] = {}
    """Attributes that are no part of the state, each with why."""

    def state(self) -> object:
        """Plain data, of whose `repr` the Cloud's fingerprint is made. It is taken often, so it is cheap.

        Times are relative to now, in whole figures (`seconds_until`, `magnitude`): what stands where it stood
        a little later has the same state.
        """
        return ()


class Service(Stateful):
    """One service, in all Regions of a Cloud."""

    service: ClassVar[str]
    """boto3's name for it."""

    def __init__(self, cloud: Cloud) -> None:
        self.cloud = cloud
        cloud.enlist(self)

    @classmethod
    def of(cls, cloud: Cloud, *parts: Any) -> Self:
        """The one of this Cloud; made of these parts, where there is none yet."""
        return cloud.enlisted(cls) or cls(cloud, *parts)

    def operations(self) -> Mapping[str, Operation]:
        """What it answers boto3's clients, by the operation's name."""
        return {}

    def plugs(self) -> Sequence[Plug]:
        """What of it somebody who rehearses by hand can take from customers."""
        return ()


WIRING = "what the application is made of: nothing changes it once the twin stands"
APART = "what it belongs to or works with, whose state is its own"

Name = TypeVar("Name")
Thing = TypeVar("Thing")


def register(things: dict[Name, Thing], name: Name, make: Callable[[], Thing]) -> Thing:
    """Makes a thing and keeps it under its name; ValueError where there is one of that name."""
    if name in things:
        said = " ".join(reversed(name)) if isinstance(name, tuple) else name
        raise ValueError(f"there is a {type(things[name]).__name__} {said} already")
    made = things[name] = make()
    return made


def seconds_until(instant: float, now: float) -> int:
    """Whole seconds until an instant, rounded up; 0 where it has passed."""
    return max(0, math.ceil(instant - now))


def magnitude(value: float) -> int:
    """How large a figure is, in powers of two: 0, 1, 2 to 3, 4 to 7 … What grows all the time looks the same
    a little later, unless the difference matters."""
    return int(max(0.0, value)).bit_length()
