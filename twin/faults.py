"""Faults, in one place: between a caller and what it calls.

`Faults` says what is injected into a call: it can be lost before AWS has it, lost after AWS has done it,
throttled, answered 5xx, denied, stale, hollow, slow, or reverted; a Region, one service of one, or one
endpoint can be dark, or ail: it takes connections, and does nothing of what it is asked.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from .rows import rows_of

Kind = Literal[
    "lost_before",
    "lost_after",
    "throttled",
    "500",
    "503",
    "denied",
    "expired",
    "stale",
    "hollow",
    "slow",
    "reverted",
]
KINDS: tuple[Kind, ...] = get_args(Kind)
"""Expired says that the session has ended that signed it. Hollow is an answer without any member that may be
left out. Reverted is a change that is acknowledged, and
that somebody else (a pipeline) takes back at once."""
ANSWERED: frozenset[Kind] = frozenset({"throttled", "500", "503", "denied", "expired"})
"""Kinds that a service answers, in its own words; the others are silence, or an answer that looks well."""
Ailment = Literal["mute", "throttled", "503"]
"""What a place does with every call while it ails. A mute one never answers, and does nothing of it."""
UNANSWERED: frozenset[Kind] = frozenset({"lost_after", "slow"})
"""Kinds of which AWS has done what was asked, or refused it, and nobody gets the answer."""


@dataclass(frozen=True)
class Request:
    """One call to AWS, as AWS receives it."""

    service: str
    operation: str
    region: str
    parameters: dict[str, object]
    caller: str
    """The function that calls, by name; "" for a person, a customer or a test."""
    origin: str
    """The Region that the caller runs in; "" outside AWS."""
    url: str = ""
    session: str = ""
    """The key of another account's session that has signed it; "" where the caller's own credentials have."""

    def __str__(self) -> str:
        return f"{self.service}:{self.operation} in {self.region}"


@dataclass(frozen=True)
class Plug:
    """Something of a service that somebody can take from customers, and give back, at once.

    It changes no setting of what it is about: what a run sets meanwhile stays as the run has set it.
    """

    region: str
    what: str
    """The thing and its kind: "function orders"."""
    verb: str
    """What is done to it: "throttle"."""
    state: str
    """How it is then: "throttled"."""
    key: str
    pulled: set[str]
    """The service's own: the keys of all that is taken now."""

    def is_pulled(self) -> bool:
        return self.key in self.pulled

    def pull(self) -> None:
        self.pulled.add(self.key)

    def mend(self) -> None:
        self.pulled.discard(self.key)


class EarlierAnswers:
    """What reads were answered before, so that a later one can be answered stale.

    Only those that may be: each service says in its rows which of its reads are strongly consistent.
    """

    def __init__(self) -> None:
        self._answers: dict[str, Mapping[str, Any]] = {}
        self._before: dict[str, Mapping[str, Any]] = {}

    def note(self, request: Request, answer: Mapping[str, Any]) -> Mapping[str, Any] | None:
        """What the same question was last answered before that changed; None where it never did."""
        rows = rows_of(request.service)
        if not rows.may_be_stale(request.operation, request.parameters):
            return None
        asked = {k: v for k, v in request.parameters.items() if k not in rows.span}
        key = f"{request.service}/{request.operation}/{request.region}/{asked}"
        last = self._answers.get(key)
        if last is not None and last != answer:
            self._before[key] = last
        if last != answer:
            self._answers[key] = copy.deepcopy(answer)
        return self._before.get(key)


@dataclass
class Faults:
    """What is dark, and what is injected into single calls."""

    dark: set[str] = field(default_factory=set)
    """Regions ("us-east-1"), services of one ("<service>/us-east-1"), or endpoints' hosts."""
    ailing: dict[str, Ailment] = field(default_factory=dict)
    """Places, as in `dark`, that take connections and do nothing they are asked. Their data live on."""
    partitions: set[frozenset[str]] = field(default_factory=set)
    """Pairs of Regions that do not reach each other."""
    errors_kept: float = 0.0
    """Seconds for which what stands before the hosts (a CDN) answers a GET with the error that it got."""
    injectors: list[Callable[[Request], Kind | None]] = field(default_factory=list)
    """Asked in order about every call; the first kind named is injected."""
    earlier: EarlierAnswers | None = None
    """Notes every answer where something is to be answered stale."""

    def is_dark(self, region: str, service: str = "", host: str = "", origin: str = "") -> bool:
        return (
            region in self.dark
            or (service != "" and f"{service}/{region}" in self.dark)
            or (host != "" and host in self.dark)
            or (origin != "" and frozenset({origin, region}) in self.partitions)
        )

    def away(self, place: str) -> str:
        """How that very place is away: "dark", or its ailment; "" where it is not."""
        return "dark" if place in self.dark else self.ailing.get(place, "")

    def ailment(self, region: str, service: str = "", host: str = "") -> Ailment | None:
        """What becomes of every call there; None where all is well."""
        if not self.ailing:
            return None
        places = (region, f"{service}/{region}", host)
        return next((self.ailing[place] for place in places if place in self.ailing), None)

    @contextmanager
    def suspended(self) -> Iterator[None]:
        """Nothing is injected into calls while it lasts: for whoever checks what has been done."""
        injectors, self.injectors = self.injectors, []
        try:
            yield
        finally:
            self.injectors = injectors

    def injected(self, request: Request) -> Kind | None:
        for injector in self.injectors:
            kind = injector(request)
            if kind is not None:
                return kind
        return None

    def state(self) -> object:
        """What is dark, ails and is parted; what is still to be injected, whoever injects it knows."""
        partitions = sorted(map(sorted, self.partitions))
        return sorted(self.dark), sorted(self.ailing.items()), partitions, self.errors_kept
