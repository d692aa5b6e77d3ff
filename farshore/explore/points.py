"""Where a baseline run can be met: its calls in classes of equal ticks, and the beginnings of its states.

Ticks of one state that follow each other, ask the same and end the same are one class, and are met at the
first, the second and the last of them. So are the same ticks of executions that a schedule starts, one after
the other. A class is known by its calls and its end, without figures.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass

from .data import Baseline, RecordedCall
from .seed import OPPOSITE, Point

BEAT = "heartbeat-"
SCHEDULES = ("settle-", BEAT)
"""How executions begin that a schedule starts."""
FIGURES = re.compile(r"[0-9]+(\.[0-9]+)?")


@dataclass(frozen=True)
class TickClass:
    """Ticks that are alike, in their order: each a list of its calls."""

    ticks: Sequence[Sequence[RecordedCall]]

    def chosen(self, every: bool) -> Iterator[Sequence[RecordedCall]]:
        """The first, the second and the last; or every one."""
        last = len(self.ticks) - 1
        for number, tick in enumerate(self.ticks):
            if every or number in (0, 1, last):
                yield tick


def ticks(baseline: Baseline) -> Iterator[list[RecordedCall]]:
    """The ticks of the run itself, of the plans that it asks for, and of what schedules start beside it."""
    found: dict[tuple[str, int], list[RecordedCall]] = {}
    for call in baseline.calls:
        found.setdefault(call.point[:2], []).append(call)
    for calls in found.values():
        if calls[0].point.execution == baseline.seed.execution or _is_beside(baseline, calls[0].point):
            yield calls


def _is_beside(baseline: Baseline, point: Point) -> bool:
    """A schedule started it. Beats beside a failback are those beside the failover, the Regions exchanged."""
    if point.execution.startswith(BEAT):
        return baseline.seed.procedure == "failover"
    return point.execution.startswith(SCHEDULES)


def tick_classes(
    baseline: Baseline, struck: Callable[[list[RecordedCall]], bool] = lambda tick: True
) -> Iterator[TickClass]:
    """Of those ticks that are struck."""
    states: dict[str, list[list[RecordedCall]]] = {}
    for calls in filter(struck, ticks(baseline)):
        point = calls[0].point
        state = f"{point.execution.rpartition('-')[0]}/{point.state}"
        if point.execution.startswith(SCHEDULES):
            state += f"/{point.tick}"
        states.setdefault(state, []).append(calls)
    for of_state in states.values():
        alike: list[list[RecordedCall]] = []
        for calls in of_state:
            if alike and _asked(alike[-1]) != _asked(calls):
                yield TickClass(alike)
                alike = []
            alike.append(calls)
        yield TickClass(alike)


def _asked(calls: Sequence[RecordedCall]) -> tuple[str, tuple[str, ...]]:
    end = next((call.tick_end for call in calls if call.tick_end), "")
    return FIGURES.sub("", end), tuple(call.what for call in calls)


def is_undisturbed_move(baseline: Baseline) -> bool:
    """It moves the application, and nothing goes wrong in it at all."""
    return baseline.seed.procedure in OPPOSITE and baseline.undisturbed


def own_call(baseline: Baseline, call: RecordedCall) -> bool:
    """It is made by the run itself: not for a plan in dry run, not by the settling after it."""
    return call.point.execution == baseline.seed.execution and not call.point.plans


def firsts(baseline: Baseline) -> list[RecordedCall]:
    """The first call of each of the run's states."""
    return [call for call in baseline.calls if call.point[1:] == (1, 1) and own_call(baseline, call)]


def turns(baseline: Baseline) -> list[RecordedCall]:
    """The first call of each of the run's states, and each call that changes the application."""
    return firsts(baseline) + [call for call in baseline.calls if call.changes]


def entries(baseline: Baseline) -> list[Point]:
    """Where each of the run's states is entered: the machine's own call for its first tick."""
    return [Point(call.point.label, 1, 0) for call in firsts(baseline)]


def later(start: Point, baseline: Baseline) -> Iterator[Point]:
    """The entries of the states after the one in which `start` is."""
    order = entries(baseline)
    labels = [point.label for point in order]
    if start.label in labels:
        yield from order[labels.index(start.label) + 1 :]


def callers(baseline: Baseline, places: Collection[str]) -> list[Point]:
    """Where each state begins that calls any of these Regions, services or hosts: to others it is all one
    whether they are dark."""
    labels = {
        call.point.label.replace("/plan.", "/")
        for call in baseline.calls
        if any(call.goes_to(place) for place in places)
    }
    return [call.point for call in firsts(baseline) if call.point.label in labels]
