"""A failover could begin now: each of its steps says so, in both modes, while all is well.

The compiler places it at the end of `prepare`. The functions of the failover's steps are asked, in dry run,
what they would do; and what would fail at night is told in one list: a call that is denied, a replica that is
missing, a source of evidence that says nothing or says yes already, a page that would wake nobody. It looks
again for a while, since an answer can be lost, and changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

from ..errors import NotYet
from ..handler import lambda_handler
from ..inputs import Seconds
from ..later import ASKS, INVOKE, Later, ask_each
from ..planned import DOUBTS
from ..run import MODES, Mode
from ..step import Decision, Done, Step, Wait
from ..world import World


@dataclass(frozen=True)
class Seen:
    plans: Mapping[Mode, tuple[Mapping[str, Any], ...]]


@dataclass(frozen=True, kw_only=True)
class Readiness(Step[Seen]):
    """A failover could begin now: each of its steps says so, in both modes."""

    within: Annotated[Seconds, "how long it may take until nothing is in doubt"] = Seconds(60)
    later: Annotated[tuple[Later, ...], "the failover's steps; the compiler fills it in"] = ()

    name: ClassVar = "readiness"
    reads: ClassVar = (INVOKE,)
    asks: ClassVar = ASKS
    needs_lease: ClassVar = False
    written: ClassVar = False
    derived: ClassVar = frozenset({"later"})

    def observe(self, world: World) -> Seen:
        asked = [(mode, later) for mode in MODES for later in self.later]
        plans: dict[Mode, tuple[Mapping[str, Any], ...]] = dict.fromkeys(MODES, ())
        answers, _ = ask_each(world, asked)
        for (mode, later), said in zip(asked, answers, strict=True):
            plans[mode] += (_unknown(later, said) if isinstance(said, NotYet) else said,)
        return Seen(plans)

    def decide(self, seen: Seen) -> Decision:
        found: dict[str, list[Mode]] = {}
        for mode, plan in seen.plans.items():
            for entry in plan:
                for trouble in _troubles(entry):
                    found.setdefault(f"{entry['state']}: {trouble}", []).append(mode)
        if found:
            return Wait("; ".join(map(_told, found, found.values())))
        return Done("ready")


def _unknown(later: Later, silence: NotYet) -> Mapping[str, Any]:
    """Who says nothing keeps nobody else from the list."""
    return {"state": later.state, "outcome": "unknown", "why": str(silence)}


def _troubles(entry: Mapping[str, Any]) -> Iterator[str]:
    """What is wrong or in doubt with a step, as it answered."""
    if entry["outcome"] in ("would refuse", "unknown"):
        yield str(entry.get("why", ""))
    yield from entry.get("facts", {}).get(DOUBTS, ())


def _told(trouble: str, modes: list[Mode]) -> str:
    return trouble if len(modes) == len(MODES) else f"{trouble} ({modes[0]} runs)"


handler = lambda_handler(Readiness)
