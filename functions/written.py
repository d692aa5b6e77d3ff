"""What an item of the ledger says, as far as it is of the form that Farshore writes.

Anybody with the right to write may have written it, and another version of Farshore. So a member of another
type is as if it were not there, an item without what it is nothing without is none, and what another version
has added is left alone. A lease, a memory and who has begun are not guessed: ledger.py refuses them by name.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

Is = Callable[[Any], bool]

YEAR_3000 = 32_503_680_000
"""In seconds since 1970."""


def _is_text(given: Any) -> bool:
    return isinstance(given, str)


def _is_truth(given: Any) -> bool:
    return isinstance(given, bool)


def _is_count(given: Any) -> bool:
    return type(given) is int and given >= 0


def _is_time(given: Any) -> bool:
    """Or that nobody has said when."""
    return given is None or is_number(given)


def is_number(given: Any) -> bool:
    """JSON's reader takes NaN and Infinity for numbers; and as a time it is of this era."""
    return type(given) in (int, float) and abs(given) <= YEAR_3000


def _are_texts(given: Any) -> bool:
    return isinstance(given, list) and all(map(_is_text, given))


def _are_named_texts(given: Any) -> bool:
    return isinstance(given, Mapping) and all(map(_is_text, given.values()))


@dataclass(frozen=True)
class Form:
    """Of one kind of item."""

    members: Mapping[str, Is]
    """What each is, of those that it knows."""
    needs: Sequence[str] = ()
    """Without these it says nothing."""
    instead: Mapping[str, Any] = field(default_factory=dict)
    """What stands for a member that is not there."""

    def read(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """Empty for what is not of this form."""
        fits = {name: value for name, value in body.items() if self.members.get(name, _anything)(value)}
        return {**self.instead, **fits} if fits and all(name in fits for name in self.needs) else {}

    def flaw(self, body: Mapping[str, Any]) -> str:
        """What keeps it from being read; "" where nothing does."""
        odd = (name for name, fits in self.members.items() if name in body and not fits(body[name]))
        lacks = (f"has no {name}" for name in self.needs if name not in body)
        return next(lacks, "") or next((f"has {name} {body[name]!r}" for name in odd), "")


def _anything(given: Any) -> bool:
    return True


def _is_call(given: Any) -> bool:
    if not isinstance(given, Mapping) or not isinstance(given.get("parameters"), Mapping):
        return False
    named = all(_is_text(given.get(name)) for name in ("action", "service", "operation", "region"))
    return named and given["action"].count(":") == 1


def _is_planned(given: Any) -> bool:
    """Of a step, as Planned's JSON has it (planned.py)."""
    return (
        isinstance(given, Mapping)
        and _is_text(given.get("state"))
        and _is_text(given.get("outcome"))
        and _is_text(given.get("why", ""))
        and _is_truth(given.get("no_return", False))
        and isinstance(given.get("facts", {}), Mapping)
        and isinstance(given.get("remembers", {}), Mapping)
        and isinstance(given.get("calls", []), list)
        and all(map(_is_call, given.get("calls", [])))
    )


def _is_plan(given: Any) -> bool:
    return isinstance(given, list) and all(map(_is_planned, given))


_SIGNED: Mapping[str, Is] = {"who": _is_text, "why": _is_text, "at": is_number}
_NOBODY = {"who": "somebody", "why": ""}

DEBT = Form(
    {"why": _is_text, "since": is_number, "by": _is_text, "give_back": _is_truth, "owner": _is_text},
    instead={"why": "nobody says why", "since": 0.0, "by": ""},
)
DIRECTIVE = Form(
    {
        **_SIGNED,
        "execution": _is_text,
        "pause": _is_truth,
        "paused_at": is_number,
        "resumed_at": is_number,
        "skip": _are_texts,
        "ungraceful": _is_truth,
        "abort": _is_truth,
        "override": _are_named_texts,
    },
    instead=_NOBODY,
)
TAKE_OVER = Form(
    {**_SIGNED, "holder": _is_text, "epoch": _is_count}, needs=("holder", "epoch"), instead=_NOBODY
)
DECISION = Form(
    {
        **_SIGNED,
        "digest": _is_text,
        "execution": _is_text,
        "started": is_number,
        "decision": _is_text,
        "mode": _is_text,
        "arn": _is_text,
    },
    needs=("execution", "decision"),
    instead={**_NOBODY, "at": 0.0},
)
PROPOSAL = Form(
    {
        "hash": _is_text,
        "digest": _is_text,
        "execution": _is_text,
        "started": is_number,
        "mode": _is_text,
        "plan": _is_plan,
        "at": is_number,
        "paged_at": is_number,
        "proof": _is_text,
        "refused": _are_named_texts,
        "approvers": _is_count,
        "approved": _are_named_texts,
    },
    needs=("execution", "started"),
)
MEMORY = Form({"by": _is_text, "confirmed_at": is_number}, needs=("value",))
BEGUN = Form(
    {"execution": _is_text, "at": _is_time, "given_up": _is_text, "given_up_at": is_number},
    needs=("execution",),
)
LEASE = Form(
    {
        "holder": _is_text,
        "redrives": _is_count,
        "epoch": _is_count,
        "released": _is_truth,
        "quiet_until": is_number,
        "ended": is_number,
        "purpose": _is_text,
    },
    needs=("holder", "redrives", "epoch", "released"),
)
