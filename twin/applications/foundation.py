"""What an application is built on, and how it is found by its name.

It stands in twin/applications/NAME/, by the name that its runbook gives it, with `build`.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from typing import Literal, cast

from ..application import Application
from ..cloud import Cloud
from ..net import Net
from ..services.cloudwatch.model import Metrics
from ..services.lambda_.model import Functions

Data = Literal["real", "memory"]
"""Where datasets live: in real engines, as in a rehearsal, or in lists, as in an exploration."""


@dataclass(frozen=True)
class Foundation:
    """What an application is built on."""

    cloud: Cloud
    net: Net
    functions: Functions
    metrics: Metrics
    seed: int
    data: Data
    stack: ExitStack
    """Closed when the twin is taken down."""
    primary: str
    standby: str


Build = Callable[[Foundation], Application]


class Unknown(LookupError):
    """No such application."""


def builder(name: str, regions: tuple[str, str] | None = None) -> Build:
    """How the application of this name is built: `build` of twin/applications/NAME/. Raises Unknown; also
    where that one says in `regions` that it is in others than these."""
    module = f"twin.applications.{name.replace('-', '_')}"
    build = getattr(import_module(module), "build", None) if find_spec(module) is not None else None
    if build is None or regions not in (None, getattr(build, "regions", regions)):
        raise Unknown(f"the twin has no {name}: write {module.replace('.', '/')}/, with its `build`")
    return cast(Build, build)
