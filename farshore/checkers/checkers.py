"""All checkers of one simulation: found by discovery, fed from one place, and what they found."""

from __future__ import annotations

import functools
import importlib
import pkgutil
import sys
from collections.abc import Callable, Mapping

from functions.planned import Planned
from twin.application import Promise

from ..operate.history import RunReport
from .checker import Breach, Checker, Subject
from .events import Call
from .final_state import FinalState


@functools.cache
def registry() -> tuple[type[Checker], ...]:
    """Every checker of this folder, S1 first and L1 last."""
    found: list[type[Checker]] = []
    for module in pkgutil.iter_modules(importlib.import_module(__package__).__path__):
        for thing in vars(importlib.import_module(f"{__package__}.{module.name}")).values():
            if isinstance(thing, type) and issubclass(thing, Checker) and "invariant" in vars(thing):
                found += [] if thing in found else [thing]
    return tuple(sorted(found, key=lambda kind: (kind.invariant[0] != "S", kind.invariant, kind.__name__)))


@functools.cache
def sentences() -> Mapping[str, str]:
    """What each invariant says, by its short name: the first sentence of each of its files."""
    said: dict[str, list[str]] = {}
    for checker in registry():
        doc = sys.modules[checker.__module__].__doc__ or ""
        first = doc.partition("\n\n")[0].partition(": ")[2].replace("\n", " ")
        said.setdefault(checker.invariant, []).append(first.rstrip("."))
    return {invariant: "; ".join(all_of_it) for invariant, all_of_it in said.items()}


class Checkers:
    """Feeds every checker with the events of one simulation, from its making on."""

    def __init__(self, subject: Subject) -> None:
        self.breaches: list[Breach] = []
        self._subject, self._clock = subject, subject.cloud.clock
        self._all = [kind(subject, self._breach_of(kind)) for kind in registry()]
        self._on_event = self._those_with("on_event")
        self._on_call = self._those_with("on_call")
        self._at_ease = False
        """The last look would come to the same again, as long as what it saw is the same."""
        self._glanced: list[object] = []
        self._dark: set[str] = set()
        self._parted: set[frozenset[str]] = set()
        self._glances = [
            thing.glance
            for things in (
                subject.application.datasets,
                subject.application.routes,
                subject.application.entries,
            )
            for thing in things
        ]
        subject.customers.notebook.on_promise.append(self.on_write)

    def figures(self) -> dict[str, float]:
        """What they have measured, by the names that a report gives it."""
        return {name: figure for checker in self._all for name, figure in checker.figures().items()}

    def excused(self) -> list[str]:
        """What they let pass, a sentence each."""
        return sorted(sentence for checker in self._all for sentence in checker.excused)

    def begin(self) -> None:
        """Looks after every event, from now on."""
        for checker in self._all:
            checker.begin()
        self._clock.after_each.append(self._look)

    def _look(self) -> None:
        """Looks, unless everybody would see what they saw last."""
        faults, glanced = self._subject.cloud.faults, [glance() for glance in self._glances]
        same = glanced == self._glanced and faults.dark == self._dark and faults.partitions == self._parted
        if self._at_ease and same:
            return
        self._glanced, self._dark, self._parted = glanced, set(faults.dark), set(faults.partitions)
        for checker in self._on_event:
            checker.on_event()
        self._at_ease = not any(checker.restless for checker in self._all)

    def on_call(self, call: Call) -> None:
        for checker in self._on_call:
            checker.on_call(call)

    def on_approval(self, execution: str, plan: Mapping[str, Planned]) -> None:
        for checker in self._all:
            checker.on_approval(execution, plan)

    def on_write(self, promise: Promise) -> None:
        for checker in self._all:
            checker.on_write(promise)

    def on_run_end(self, run: RunReport) -> None:
        for checker in self._all:
            checker.on_run_end(run)

    def on_end(self, final: FinalState) -> None:
        for checker in self._all:
            checker.on_end(final)

    def state(self) -> object:
        """What they wait to see the end of, and what they have found."""
        return [checker.state() for checker in self._all], self.breaches

    def _those_with(self, hook: str) -> list[Checker]:
        return [each for each in self._all if getattr(type(each), hook) is not getattr(Checker, hook)]

    def _breach_of(self, kind: type[Checker]) -> Callable[[str], None]:
        def breach(story: str) -> None:
            self.breaches.append(Breach(kind.invariant, round(self._clock.elapsed, 3), story))

        return breach
