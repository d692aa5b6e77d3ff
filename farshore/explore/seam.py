"""At each call of a run: it is recorded, the process may fork there, and something may happen to it."""

from __future__ import annotations

from collections.abc import Callable

from twin.faults import Kind as CallFault
from twin.faults import Request

from ..checkers.events import TICK, invoked, invokes
from ..simulate.deployment import label_of
from ..simulate.simulation import Simulation
from .data import Figures, Outcome
from .forks import Forks
from .injector import Injector
from .kinds import answers_stale
from .recorder import Recorder
from .seed import Point


class Seam:
    """Of one run, from its beginning on. `fingerprint` says how everything stands, at such a call."""

    def __init__(
        self,
        simulation: Simulation,
        injector: Injector,
        recorder: Recorder | None,
        forks: Forks | None,
        fingerprint: Callable[[Request], str],
        figures: Callable[[], Figures],
    ) -> None:
        self.fingerprints: dict[str, str] = {}
        """At the beginning of each of the run's states, by label, where calls are recorded."""
        self.figures: dict[str, Figures] = {}
        """The same."""
        self._simulation, self._injector = simulation, injector
        self._recorder, self._forks, self._fingerprint = recorder, forks, fingerprint
        self._figures = figures

    def begin(self) -> None:
        """A process that has forked before the first call has its faults, and that may take time."""
        self._fork(None)
        self._simulation.cloud.faults.injectors.append(self._call)

    def _call(self, request: Request) -> CallFault | None:
        tick = TICK.get()
        if tick is not None:
            tick.calls += 1
            point, event = Point(tick.label, tick.number, tick.calls), tick.event
        elif invokes(request):
            event = invoked(request)
            label = label_of(event)
            point = Point(label, len(self._simulation.deployment.ticks.get(label, ())) + 1, 0)
        else:
            return None
        if self._recorder is not None:
            self._recorder.record(point, request)
        if point[1:] == (1, 0):
            self._enter(point, request)
        self._fork(point)
        kind = self._injector.at(point, request, event)
        self._simulation.tally.sends(request, kind)
        return kind

    def _enter(self, point: Point, request: Request) -> None:
        """One of the run's states begins: a run that was disturbed may stand as its baseline run again."""
        seed = self._injector.seed
        if point.execution != seed.execution or point.plans:
            return
        if self._recorder is not None:
            self.fingerprints[point.label] = self._fingerprint(request)
            self.figures[point.label] = self._figures()
        elif self._forks is not None and self._forks.forked:
            baseline = self._forks.baseline
            if baseline.fingerprints.get(point.label) == self._fingerprint(request):
                figures = self._figures() + (baseline.figures[""] - baseline.figures[point.label])
                if figures.unserved <= self._simulation.runbook.objectives.rto:
                    outcome = Outcome(seed, baseline.status, (), figures={"": figures}, rejoined=point.label)
                    outcome.excused = tuple(self._simulation.checkers.excused())
                    self._forks.end(outcome)

    def _fork(self, point: Point | None) -> None:
        """From here on, this may be another process, in which something more goes wrong."""
        further = self._forks.at(point) if self._forks else None
        if further is not None:
            self._simulation.cloud.validates = False  # whatever is asked, the baseline run has asked
            if not answers_stale(further):
                self._simulation.cloud.faults.earlier = None
            self._injector.add(further, further.faults[len(self._injector.seed.faults) :])
