"""pytest's fixtures. What they stand on is imported when a test asks for one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from .ticker import Ticker
    from .twin import Twin


@pytest.fixture
def twin(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Twin]]:
    """`twin("shop")`, or with a runbook's path: the twin of its application, with customers, Farshore
    deployed beside it, and a person who approves what nothing refuses. `seed` throws other dice."""
    from ..commands._twin import as_the_twin
    from ..runbook.find import find
    from .twin import Twin

    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_DEFAULT_REGION"):
        monkeypatch.setenv(name, "")  # what stood there is put back
    as_the_twin()
    with ExitStack() as stack:
        yield lambda app, seed=1: stack.enter_context(Twin(find(app), seed))


@pytest.fixture
def ticker(monkeypatch: pytest.MonkeyPatch) -> Iterator[Ticker]:
    """Ticks a single step's handler as its state machine would, in an empty account that moto answers."""
    from ..commands._twin import as_the_twin
    from .ticker import ticking

    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_DEFAULT_REGION"):
        monkeypatch.setenv(name, "")
    as_the_twin()
    with ticking() as ticker:
        yield ticker
