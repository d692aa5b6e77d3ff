"""One clock and one event queue for everything that happens in the twin.

Whatever takes time is a greenlet that parks until an instant, or until a `Signal`. Events at the same
instant run in the order in which they were asked for, so a seed gives one history, to the byte.
"""

from __future__ import annotations

import contextvars
import heapq
from collections import Counter
from collections.abc import Callable
from typing import Any

from greenlet import getcurrent, greenlet

EPOCH = 1_798_761_600.0
"""2027-01-01T00:00:00Z: where every rehearsal's time begins, in seconds since 1970."""


class Killed(BaseException):
    """Raised inside a parked greenlet to end it: a function that died between two calls."""


class Clock:
    """Virtual time. `after_each` is called after every event: that is where invariants look."""

    def __init__(self, start: float = EPOCH) -> None:
        self.start = start
        self._now = start
        self._queue: list[tuple[float, int, Callable[[], None]]] = []
        self._sequence = 0
        self._hub = getcurrent()
        self.after_each: list[Callable[[], None]] = []
        self.on_move: list[Callable[[float], None]] = []
        self.failures: list[BaseException] = []
        self.tasks: dict[greenlet, Task] = {}
        """What has begun and not ended, by the greenlet that it runs in."""
        self.unended: Counter[str] = Counter()
        """How many tasks have been started and have not ended, begun or not, by their kind."""

    @property
    def now(self) -> float:
        """Seconds since 1970."""
        return self._now

    @property
    def elapsed(self) -> float:
        """Seconds since the beginning."""
        return self._now - self.start

    def at(self, instant: float, act: Callable[[], None]) -> None:
        """Runs `act` at the instant (now, where that has passed). It must not park: `spawn` may."""
        self._sequence += 1
        heapq.heappush(self._queue, (instant if instant > self._now else self._now, self._sequence, act))

    def after(self, seconds: float, act: Callable[[], None]) -> None:
        self.at(self._now + seconds, act)

    def every(self, seconds: float, act: Callable[[], None]) -> None:
        """Runs `act` again and again, for as long as the twin lives."""

        def again() -> None:
            act()
            self.after(seconds, again)

        self.after(seconds, again)

    def spawn(self, act: Callable[[], Any], delay: float = 0.0) -> Task:
        """Starts `act` as a greenlet of its own, which may park."""
        task = Task(self, act)
        self.after(delay, task.resume)
        return task

    def queued(self) -> list[tuple[str, int]]:
        """What is under way, or about to begin: the kinds of tasks, each with how many there are."""
        return sorted((kind, count) for kind, count in self.unended.items() if count)

    def sleep(self, seconds: float) -> None:
        """Parks the current greenlet; outside any, lets the world run for so long."""
        here = self.tasks.get(getcurrent())
        if here is None:
            self.run(self._now + seconds)
            return
        deadline = self._now + seconds
        self.at(deadline, here.resume)
        while self._now < deadline:
            self._hub.switch()

    def wait(
        self, met: Callable[[], bool], waiting: list[Callable[[], None]], limit: float | None = None
    ) -> bool:
        """Parks until `met`, or for `limit` seconds; whoever brings it about runs what is in `waiting`.

        Outside any greenlet it lets the world run instead. True where met.
        """
        deadline = None if limit is None else self._now + limit
        here = self.tasks.get(getcurrent())
        if deadline is not None:
            self.at(deadline, here.resume if here is not None else nothing)
        while not met() and (deadline is None or self._now < deadline):
            if here is not None:
                if here.resume not in waiting:
                    waiting.append(here.resume)
                self._hub.switch()
            elif not self.step():
                raise RuntimeError("nothing will ever happen again: a wait that nobody can end")
        return met()

    def wait_for(self, met: Callable[[], bool], limit: float = float("inf")) -> bool:
        """From outside: runs the world until `met`, or for at most `limit` seconds. True where met."""
        deadline = self._now + limit
        while not met():
            if not self._queue or self._queue[0][0] > deadline:
                if limit < float("inf"):
                    self._move(deadline)
                return met()
            self.step()
        return True

    def run(self, until: float) -> None:
        """Runs every event up to and including the instant."""
        while self._queue and self._queue[0][0] <= until:
            self.step()
        self._move(until)

    def step(self) -> bool:
        """Runs the next event; False where there is none."""
        if not self._queue:
            return False
        instant, _, act = heapq.heappop(self._queue)
        if instant > self._now:
            self._move(instant)
        act()
        if self.failures:
            raise self.failures.pop(0)
        for look in self.after_each:
            look()
        return True

    def close(self) -> None:
        """Ends what is still parked: a greenlet that nobody else knows keeps itself, and its whole twin."""
        for task in list(self.tasks.values()):
            task.kill()

    def _move(self, instant: float) -> None:
        if instant > self._now:
            self._now = instant
            for moved in self.on_move:
                moved(instant)


class Task:
    """A greenlet on the clock: parks, ends with a result or an error, can be killed and joined."""

    def __init__(self, clock: Clock, act: Callable[[], Any]) -> None:
        self.clock = clock
        self.done = False
        self.result: Any = None
        self.error: BaseException | None = None
        self._act = act
        self._waiting: list[Callable[[], None]] = []
        self._watched = False
        self._context = contextvars.copy_context()
        self._kind = getattr(act, "__qualname__", type(act).__qualname__)
        clock.unended[self._kind] += 1
        self._greenlet: greenlet | None = None

    def begin(self) -> None:
        """In a greenlet that ran another task before, if there is one: a new one costs a memory mapping."""
        self._greenlet = _IDLE.pop() if _IDLE else _at_rest()
        self._greenlet.parent = self.clock._hub
        self._greenlet.gr_context = self._context
        self.clock.tasks[self._greenlet] = self
        self._greenlet.switch(self)

    def live(self) -> None:
        """Does what there is to do, to whatever end."""
        try:
            self.result = self._act()
        except Killed as killed:
            self.error = killed
        except BaseException as error:
            self.error = error
            if not self._watched:
                self.clock.failures.append(error)
        finally:
            self._end()

    def _end(self) -> None:
        self.done = True
        self.clock.unended[self._kind] -= 1
        if self._greenlet is not None:
            del self.clock.tasks[self._greenlet]
        for resume in self._waiting:
            self.clock.at(self.clock.now, resume)

    def resume(self) -> None:
        if self._greenlet is None:
            if not self.done:
                self.begin()
        elif not self.done:
            self._greenlet.switch()

    def watch(self) -> None:
        """Somebody will join it: until then its error is not one that nobody sees."""
        self._watched = True

    def kill(self) -> None:
        """Ends the greenlet where it is parked."""
        self._watched = True
        if getcurrent() is not self.clock._hub:
            self.clock.at(self.clock.now, self.kill)
        elif self.done:
            return
        elif self._greenlet is not None:
            self._greenlet.throw(Killed())
        else:
            self.error = Killed()
            self._end()

    def wait(self) -> None:
        """Waits for the end, whatever it is."""
        self._watched = True
        self.clock.wait(lambda: self.done, self._waiting)

    def join(self) -> Any:
        """Waits for the end; gives the result or raises the error."""
        self.wait()
        if self.error is not None:
            raise self.error
        return self.result

    def join_for(self, seconds: float) -> bool:
        """Waits for the end for so long at most; True where it has ended."""
        return self.clock.wait(lambda: self.done, self._waiting, seconds)


def nothing() -> None:
    """So that whoever waits outside any greenlet looks up at its deadline."""


_IDLE: list[greenlet] = []
"""Greenlets whose task has ended, of whatever clock."""


def _at_rest() -> greenlet:
    """One that waits for its first task: given as an argument, that would live as long as the greenlet."""
    made = greenlet(_work)
    made.switch()
    return made


def _work() -> None:
    """One task after the other, for as long as the process lives."""
    here = getcurrent()
    while True:
        task = _hub_of(here).switch()
        task.live()
        del task  # or the last one, and its whole twin, would live on
        _IDLE.append(here)


def _hub_of(here: greenlet) -> greenlet:
    assert here.parent is not None
    return here.parent


def at_once(clock: Clock, acts: list[Callable[[], Any]]) -> list[Any]:
    """Runs all side by side, each parking as it will; returns when the last has ended, or raises the first
    error then: as threads do."""
    if len(acts) == 1:
        return [acts[0]()]
    tasks = [clock.spawn(act) for act in acts]
    for task in tasks:
        task.watch()
    try:
        for task in tasks:
            task.wait()
    except BaseException:
        for task in tasks:
            task.kill()
        raise
    return [task.join() for task in tasks]
