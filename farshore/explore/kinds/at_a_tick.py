"""What happens to a tick between two of its calls: it dies, comes twice, or its execution is redriven."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from functions.run import GIVES_UP

from ...checkers.events import Call
from ...runbook.model import Runbook
from ..data import Baseline, RecordedCall
from ..person import aside
from ..points import firsts, is_undisturbed_move, own_call
from ..seed import Fault
from ..site import Site
from .at_a_call import ODD
from .kind import Family, FaultKind, Met

KILLED = Family("killed", "the function dies before the call")
TWICE = Family(
    "twice",
    "the tick is delivered a second time, beside the first, 40 s later, or when the run has failed there and "
    "gives back what it took",
)
REDRIVEN = Family("redriven", "a person stops the execution at the call, and redrives it")

STRAGGLES = 40.0
"""Seconds after which a tick is delivered a second time: what was queued is not forgotten."""


def _runs(baseline: Baseline, call: RecordedCall) -> bool:
    """Before the machine's own call nothing runs yet that could be killed."""
    return call.point.call > 0


def _kill(site: Site, met: Met) -> None:
    assert met.tick is not None, f"{met.request}: there is no function yet that could be killed"
    met.tick.invocation.kill()


def _raise(site: Site, met: Met) -> None:
    assert met.tick is not None, f"{met.request}: no step's code runs there"
    met.tick.raises = True


def _deliver_again(site: Site, met: Met) -> None:
    """The function runs with the same event once more, beside the first time."""
    aside(site.simulation.clock, partial(site.simulation.deliver, met.function, met.event))


def _deliver_late(site: Site, met: Met) -> None:
    """The same, when the state has long gone on."""
    aside(site.simulation.clock, partial(site.simulation.deliver, met.function, met.event), STRAGGLES)


def _deliver_while_given_up(site: Site, met: Met) -> None:
    """The same as soon as the run gives up, and once more when it has given something back."""
    simulation, again = site.simulation, partial(site.simulation.deliver, met.function, met.event)

    def gives_up(call: Call) -> bool:
        tick = call.tick
        return tick is not None and tick.execution == met.execution and tick.purpose in GIVES_UP

    def looks(call: Call) -> None:
        if not gives_up(call):
            return
        simulation.on_call.remove(looks)
        aside(simulation.clock, again)
        if call.change is None:
            simulation.on_call.append(gives_back)

    def gives_back(call: Call) -> None:
        if gives_up(call) and call.change is not None:
            simulation.on_call.remove(gives_back)
            aside(simulation.clock, again)

    simulation.on_call.append(looks)


def _redrive(site: Site, met: Met) -> None:
    def act() -> None:
        site.person.stops(met.execution)
        site.person.redrives(met.execution)

    site.person.does(act)


killed = FaultKind(
    word="killed",
    family=KILLED,
    sentence="is not made: the function is killed",
    at_a_point=True,
    at_call=_runs,
    apart="writes",
    act=_kill,
)
raises = FaultKind(
    word="raises",
    family=ODD,
    sentence="is made, and then the step's own code raises what nobody foresaw",
    at_a_point=True,
    at_call=_runs,
    apart="writes",
    act=_raise,
    passes=True,
)
twice = FaultKind(
    word="twice",
    family=TWICE,
    sentence="is made by two: the same tick is delivered a second time",
    at_a_point=True,
    at_call=lambda baseline, call: True,
    apart="race",
    act=_deliver_again,
)


def _after_its_end(word: str, baseline: Baseline, runbook: Runbook) -> Iterator[tuple[Fault, ...]]:
    """The state ends the run, as one of its changes is denied, and then its first tick comes once more."""
    for first in firsts(baseline) if is_undisturbed_move(baseline) else ():
        changes = [
            call.point for call in baseline.calls if call.changes and call.point.label == first.point.label
        ]
        for change in changes[:1]:
            yield Fault(word, "", first.point), Fault("denied", "", change)


straggler = FaultKind(
    word="straggler",
    family=TWICE,
    sentence="is made by two: the same tick is delivered a second time, 40 s later",
    at_a_point=True,
    at_call=lambda baseline, call: call.point[1:] == (1, 1) and own_call(baseline, call),
    cases=partial(_after_its_end, "straggler"),
    act=_deliver_late,
)
overtaken = FaultKind(
    word="overtaken",
    family=TWICE,
    sentence="is made by two: the same tick is delivered a second time as soon as the run gives up, and a "
    "third when it has given something back",
    at_a_point=True,
    cases=partial(_after_its_end, "overtaken"),
    act=_deliver_while_given_up,
)
redriven = FaultKind(
    word="redriven",
    family=REDRIVEN,
    sentence="is under way when a person stops the execution and redrives it",
    at_a_point=True,
    at_call=lambda baseline, call: not call.point.plans,
    apart="race",
    act=_redrive,
)
