"""S6: again is the same: every step of a run that went well, asked once more, has nothing left to change.

But for what is held while a run lasts: that has been given back by then, and would be held once more. And for
what is done anew in each run, as what a step writes and removes again, to learn something.
"""

from __future__ import annotations

from ..compile.definition import step_of
from ..operate.history import RunReport
from .checker import Checker


class AgainIsTheSame(Checker):
    invariant = "S6"

    def on_run_end(self, run: RunReport) -> None:
        if run.status != "SUCCEEDED":
            return
        with self.subject.cloud.faults.suspended():
            for step in run.steps:
                kind = step_of(step.event)
                if kind is None or not (kind.needs_lease and kind.writes) or step.outcome == "unknown":
                    continue
                if kind.for_the_run or kind.each_run:
                    continue
                again = self.subject.ask(run, step)
                if again.outcome in ("would change", "would refuse"):
                    self.breach(f"{run.procedure}: {step.name} {again.outcome} again: {again.why}")
