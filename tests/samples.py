"""The samples in runbooks/. Each may be deleted: what is marked as of it is then left out, by conftest.py."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

RUNBOOKS = Path(__file__).parent.parent / "runbooks"
NAMES = ("globalflix", "mythical-mysfits", "resilient-orders", "unicorn-shop")
of = pytest.mark.sample
"""The mark, with a sample's name."""


def path_of(name: str) -> Path:
    return RUNBOOKS / f"{name}.yaml"


def is_there(name: str) -> bool:
    return path_of(name).is_file()


def case(name: str, *values: Any, **more: Any) -> Any:
    """A case of a test that is about this sample."""
    return pytest.param(*(values or (name,)), marks=of(name), **more)


EACH = [case(name) for name in NAMES]


def with_all(test: Any) -> Any:
    """A test that is about all of them together."""
    for name in NAMES:
        test = of(name)(test)
    return test


THERE = [name for name in NAMES if is_there(name)]
