"""Step Functions on the twin's clock: moto's own interpreter, with its threads and sleeps made greenlets.

moto's interpreter evaluates Amazon States Language on real threads and real time. Replacing the names
`threading` and `time` in its modules by the two small stand-ins below moves it, unchanged, onto the event
queue: branches interleave at exact instants and a wait of hours takes milliseconds.
"""

from __future__ import annotations

import functools
import logging
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from ...clock import Clock, Task
from ...cloud import WHO

_PREFIX = "moto.stepfunctions.parser"


@contextmanager
def on_the_clock(clock: Clock) -> Iterator[None]:
    """While it lasts, every state machine of moto runs on `clock`. The Cloud is backed by moto."""
    # Here and not above: importing moto changes botocore, unless twin/moto does it first.
    import moto.stepfunctions.parser.models as _load_the_interpreter
    from jsonpath_ng.ext import parse
    from moto.stepfunctions.parser.asl.component.state.exec.state_task import lambda_eval_utils
    from moto.stepfunctions.parser.asl.utils.boto_client import boto_client_for

    assert _load_the_interpreter
    stand_ins = _Threading(clock)
    replacements = {
        "threading": (threading, stand_ins),
        "time": (time, _Time(clock)),
        "Thread": (threading.Thread, stand_ins.Thread),
        "Event": (threading.Event, stand_ins.Event),
        "Lock": (threading.Lock, _NoLock),
        "boto_client_for": (boto_client_for, _clients(boto_client_for)),
        "parse": (parse, functools.cache(parse)),  # moto parses a path of JSON each time it follows it
    }
    replaced: list[tuple[Any, str, Any]] = []
    for name, module in list(sys.modules.items()):
        if name.startswith(_PREFIX):
            for attribute, (real, stand_in) in replacements.items():
                if vars(module).get(attribute) is real:
                    setattr(module, attribute, stand_in)
                    replaced.append((module, attribute, real))
    assert any(module is lambda_eval_utils for module, *_ in replaced), "moto's interpreter has moved"
    noise = logging.getLogger("moto.stepfunctions")
    level = noise.level
    noise.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        noise.setLevel(level)
        for module, attribute, real in replaced:
            setattr(module, attribute, real)


def _clients(boto_client_for: Callable[..., Any]) -> Callable[..., Any]:
    """moto makes a client for each task; one for each service and Region serves as well, and much faster."""
    made: dict[tuple[str, str], Any] = {}

    def client_for(region: str, service: str, state_credentials: Any = None) -> Any:
        if (region, service) not in made:
            made[region, service] = boto_client_for(region, service, state_credentials)
        return made[region, service]

    return client_for


class _Threading:
    """The part of `threading` that moto's interpreter uses."""

    def __init__(self, clock: Clock) -> None:
        class BoundThread(_Thread):
            _clock = clock

        class BoundEvent(_Event):
            _clock = clock

        self.Thread, self.Event = BoundThread, BoundEvent
        self.Lock = self.RLock = self.Condition = _NoLock


class _Thread:
    """A thread that is a task of the clock. What Step Functions calls, no function calls."""

    _clock: Clock
    native_id = 0

    def __init__(self, target: Callable[..., Any], args: tuple[Any, ...] = (), **_: Any) -> None:
        self._target, self._args = target, args
        self._task: Task | None = None

    def start(self) -> None:
        token = WHO.set(("", ""))
        self._task = self._clock.spawn(lambda: self._target(*self._args))
        WHO.reset(token)

    def join(self, timeout: float | None = None) -> None:
        assert self._task is not None
        if timeout is None:
            self._task.join()
        else:
            self._task.join_for(timeout)

    def is_alive(self) -> bool:
        return self._task is not None and not self._task.done


class _Event:
    _clock: Clock

    def __init__(self) -> None:
        self._set = False
        self._turns = 0
        self._waiting: list[Callable[[], None]] = []

    def is_set(self) -> bool:
        return self._set

    def set(self) -> None:
        self._set = True
        self._turns += 1
        waiting, self._waiting = self._waiting, []
        for resume in waiting:
            self._clock.at(self._clock.now, resume)

    def clear(self) -> None:
        self._set = False

    def wait(self, timeout: float | None = None) -> bool:
        """True where it was set in time, even if it was cleared at once, as moto's interpreter does."""
        turn = self._turns
        self._clock.wait(lambda: self._set or self._turns > turn, self._waiting, timeout)
        return self._set or self._turns > turn


class _NoLock:
    """One greenlet gives way to another only where it parks, and the interpreter parks inside no lock."""

    def __enter__(self) -> None: ...

    def __exit__(self, *_: object) -> None: ...

    def acquire(self, *_: object, **__: object) -> bool:
        return True

    def release(self) -> None: ...


class _Time:
    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def sleep(self, seconds: float) -> None:
        self._clock.sleep(seconds)

    def time(self) -> float:
        return self._clock.now
