"""pytest's fixtures. What they stand on is imported when a test asks for one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

from ..runbook.registry import look_here

if TYPE_CHECKING:
    from .ticker import Ticker
    from .twin import Twin


def pytest_configure() -> None:
    """A test of a step of one's own imports it, before any fixture is asked for."""
    look_here()


@pytest.fixture
def _alone(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """There is one account, and one clock: a test has one twin, or one ticker."""
    from ..commands._twin import as_the_twin

    begun: list[bool] = []

    def begin() -> None:
        if begun:
            raise RuntimeError("a test has one twin, or one ticker: write two tests")
        begun.append(True)
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_DEFAULT_REGION"):
            monkeypatch.setenv(name, "")  # what stood there is put back
        as_the_twin()

    return begin


@pytest.fixture
def twin(_alone: Callable[[], None]) -> Iterator[Callable[..., Twin]]:
    """`twin("shop")`, or with a runbook's path: the twin of its application, with customers, Farshore
    deployed beside it, and a person who approves what nothing refuses. `seed` throws other dice."""
    from ..runbook.find import find
    from .twin import Twin

    with ExitStack() as stack:

        def begin(app: str, seed: int = 1) -> Twin:
            runbook = find(app)
            _alone()
            return stack.enter_context(Twin(runbook, seed))

        yield begin


@pytest.fixture
def ticker(_alone: Callable[[], None]) -> Iterator[Ticker]:
    """Ticks a single step's handler as its state machine would, in an empty account that moto answers."""
    from .ticker import ticking

    _alone()
    with ticking() as ticker:
        yield ticker
