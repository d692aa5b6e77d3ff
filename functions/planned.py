"""What a step would do now: what a dry run answers, what an approval shows, what `farshore plan` prints."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from .calls import Api, Call

PAGE_AGAIN_SECONDS = 120
"""A page is repeated after so long without a decision, and a plan that flickers pages no more often."""

DOUBTS = "doubts"
"""The fact of a dry run that lists what would keep a run from its state, though nothing is due now: who was
silent, and what proves nothing or wakes nobody."""

NOT_READY = "not_ready"
"""The fact of a look at what is ready: how many troubles each state has. It becomes a metric a state."""

ASSUMED = "assumed"
"""The fact that says as whom a step's calls are made, where that is another account's role."""

ANSWER = "answer"
"""The fact of a dry run that one function tells another, and no log line: it may be long, and customers'."""

Plan = tuple[Mapping[str, Any], ...]
"""What each step would do: Planned's JSON."""

Outcome = Literal["done", "would change", "would wait", "would refuse", "unknown"]


@dataclass(frozen=True)
class Planned:
    """One step of a plan, as JSON holds it, too."""

    outcome: Outcome
    why: str
    """What is due, waited for, wrong or silent; of a step that is done, its own word."""
    calls: tuple[Call, ...] = ()
    remembers: Mapping[str, Any] = field(default_factory=dict)
    """What a run would write in the ledger before the calls: the values that they overwrite, by resource."""
    facts: Mapping[str, Any] = field(default_factory=dict)
    state: str = ""
    no_return: bool = False
    """With it, customers' data or traffic moves."""
    fences: bool = False
    """It takes something from customers."""

    def as_json(self) -> dict[str, Any]:
        return {
            "state": self.state,
            "outcome": self.outcome,
            "why": self.why,
            "calls": [
                {
                    "action": call.api.action,
                    "service": call.api.service,
                    "operation": call.api.operation_name,
                    "region": call.region,
                    "parameters": legible(call.parameters),
                }
                for call in self.calls
            ],
            "remembers": dict(self.remembers),
            "facts": dict(self.facts),
            "no_return": self.no_return,
        }


def one_line(text: str) -> str:
    """What others wrote, without a line or an escape of theirs: a page and a terminal say what we say."""
    return text if text.isprintable() else "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)


def first_few(texts: Sequence[str]) -> str:
    """The first few: a Cause holds 32,768 characters, and a person fewer."""
    return "; ".join(texts[:3]) + (f"; and {len(texts) - 3} more" if len(texts) > 3 else "")


def planned_from(entry: Mapping[str, Any], fences: bool = False) -> Planned:
    """Reads a plan's JSON, in which a step that is done answers with a word of its own.

    Of its calls it holds what is to be shown: the first endpoint's Region, bytes as text.
    """
    outcomes: dict[str, Outcome] = {
        "would change": "would change",
        "would wait": "would wait",
        "would refuse": "would refuse",
        "unknown": "unknown",
    }
    return Planned(
        outcomes.get(entry["outcome"], "done"),
        entry.get("why") or entry.get("facts", {}).get("why") or entry["outcome"],
        tuple(map(_call_from, entry.get("calls", ()))),
        entry.get("remembers", {}),
        entry.get("facts", {}),
        entry.get("state", ""),
        entry.get("no_return", False),
        fences,
    )


def _call_from(entry: Mapping[str, Any]) -> Call:
    api = Api(entry["action"], operation=entry["operation"], client=entry["service"])
    return api(entry["region"], **entry["parameters"])


def legible(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """As a plan holds parameters: bytes as text."""
    return {k: v.decode(errors="replace") if isinstance(v, bytes) else v for k, v in parameters.items()}
