"""Every kind of fault that there is: a record in a module of this package, found by itself."""

from __future__ import annotations

import pkgutil
from collections.abc import Iterator, Mapping
from importlib import import_module

from ..seed import Fault, Seed
from .kind import Family, FaultKind


def _found() -> Iterator[FaultKind]:
    for module in sorted(each.name for each in pkgutil.iter_modules(__path__)):
        for value in vars(import_module(f"{__name__}.{module}")).values():
            if isinstance(value, FaultKind):
                yield value


KINDS: Mapping[str, FaultKind] = {kind.word: kind for kind in _found()}
"""By their words in a seed."""


def kind_of(fault: Fault) -> FaultKind:
    return KINDS[fault.kind]


def kinds_of(seed: Seed) -> Iterator[FaultKind]:
    """Of all that goes wrong, in order."""
    return (kind_of(fault) for fault in seed.faults)


def families() -> tuple[Family, ...]:
    """In the order of the matrix."""
    return tuple(dict.fromkeys(kind.family for kind in KINDS.values()))


def answers_stale(seed: Seed) -> bool:
    """Somebody must remember what has been answered."""
    return any(kind.to_the_call == "stale" for kind in kinds_of(seed))
