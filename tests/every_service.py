"""A Cloud in which every service of the twin is enlisted, with two of whatever it holds.

Each service's test, tests/services/test_NAME.py, has `furnish`: it enlists its service, unless another did
so before, and gives it one more of everything, under a name. What the test calls `UNDER_WAY`, if it does,
are changes that last, each in a few words. They are found there, so that a service is added by adding both.
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import boto3

from twin.clock import Clock
from twin.cloud import Cloud
from twin.doubles import Doubles
from twin.services.lambda_.model import Functions

EAST, WEST, OREGON = "us-east-1", "us-west-1", "us-west-2"
REPLICAS = (EAST, "us-east-2", OREGON)
OWN = Path(__file__).parent / "services"


def client(service: str, region: str = WEST, **more: Any) -> Any:
    return boto3.client(service, region, **more)  # type: ignore[call-overload]


@functools.cache
def tests_of_services() -> list[ModuleType]:
    """By their names."""
    sys.path.append(str(OWN))  # where pytest looks as well: it must be the same module
    return [import_module(file.stem) for file in sorted(OWN.glob("test_*.py"))]


def under_way() -> dict[str, Callable[[Cloud], object]]:
    """Of every service, what can be under way, each in a few words. What is `BRIEF` comes last: it would be
    over before the others had begun."""
    return {
        words: change
        for test in sorted(tests_of_services(), key=lambda test: hasattr(test, "BRIEF"))
        for words, change in getattr(test, "UNDER_WAY", {}).items()
    }


@contextmanager
def every_service() -> Iterator[Cloud]:
    """On doubles. All is well, and nothing is under way but what always is."""
    with Cloud(Clock(), 1, Doubles()) as cloud:
        for name in ("one", "two"):
            for test in tests_of_services():
                test.furnish(cloud, name)
        cloud.clock.sleep(100)
        try:
            yield cloud
        finally:
            Functions.of(cloud).close()
