"""What a service declares of itself, a row an operation: how IAM judges it, and which reads may be stale.

Each folder of twin/services/ has its own in `rows.py`. They are found there, so that a service is added by
adding a folder. Nothing here depends on who answers: a service of the twin, its double, or moto.
"""

from __future__ import annotations

import functools
import pkgutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from importlib.util import find_spec

Parameters = Mapping[str, object]

SERVICES = f"{__package__}.services"


def _never(parameters: Parameters) -> bool:
    return False


def _always(parameters: Parameters) -> bool:
    return True


def _nothing(parameters: Parameters) -> tuple[tuple[str, str], ...]:
    return ()


@dataclass(frozen=True)
class Row:
    """One operation."""

    action: str = ""
    """IAM's name of it, with its prefix, where that is not the operation's own."""
    stale: Callable[[Parameters], bool] = _never
    """Whether, asked with these parameters, it is a read that may be answered as things were before."""
    keys: Mapping[str, Callable[[Parameters], frozenset[str]]] = field(default_factory=dict)
    """IAM's condition keys that a policy may judge it by, and what values a request has of each."""
    names: Callable[[Parameters], tuple[str, ...]] | None = None
    """The ARNs, after "arn:aws:", that IAM judges it on, where no parameter names one by itself."""
    beside: Callable[[Parameters], tuple[tuple[str, str], ...]] = _nothing
    """Other actions that its caller must be allowed: each on the same resource, with the Region where, or on
    another, with its whole ARN."""
    empty: bool = False
    """An empty answer says something: that nothing is set. Nobody can tell it from one that lacks all."""


WRITE = Row()
READ = Row(stale=_always)
"""Eventually consistent, as AWS's control planes are. A strongly consistent read has the row of a write."""


@dataclass(frozen=True)
class Quota:
    """What AWS takes of these operations together, of one account in one Region: a token bucket."""

    operations: frozenset[str]
    per_second: float
    at_once: float
    """The bucket's size: so many may come together after a while without any."""


@dataclass(frozen=True)
class Rows:
    """One service, under boto3's name for it."""

    service: str
    operations: Mapping[str, Row] = field(default_factory=dict)
    home: str = ""
    """The Region of its control plane, where that lives in one; "" where each Region has its own.
    Source: docs.aws.amazon.com/whitepapers/latest/aws-fault-isolation-boundaries/global-services.html"""
    prefix: str = ""
    """What its IAM actions begin with, where that is not boto3's name."""
    resources: Mapping[str, str] = field(default_factory=dict)
    """The parameters that name resources, each with the ARN that it stands for; an ARN stands for itself, and
    a mapping for each of its keys.
    An operation that is asked with none of them is judged on "*"."""
    entries: str = ""
    """A parameter whose list has such parameters in each of its entries."""
    qualifier: str = ""
    """A parameter that narrows a resource down to one of its versions."""
    below: str = ""
    """A parameter that names what lies below a resource, and is a resource of its own."""
    denial: str = "AccessDeniedException"
    """The code by which it says that IAM does not allow a call."""
    span: frozenset[str] = frozenset()
    """Parameters that say of which time is asked: the same question otherwise has the same answer."""

    quotas: tuple[Quota, ...] = ()
    """As AWS documents them; operations without one are taken as often as they come."""

    def may_be_stale(self, operation: str, parameters: Parameters) -> bool:
        row = self.operations.get(operation)
        return row is not None and row.stale(parameters)

    def may_be_hollow(self, operation: str) -> bool:
        """An answer without any member is none that AWS gives."""
        row = self.operations.get(operation)
        return row is None or not row.empty


def folders(module: str) -> list[str]:
    """The services' folders that have a module of this name, as its full names."""
    package = import_module(SERVICES)
    names = sorted(f"{SERVICES}.{folder.name}.{module}" for folder in pkgutil.iter_modules(package.__path__))
    return [name for name in names if find_spec(name) is not None]


@functools.cache
def declared() -> Mapping[str, Rows]:
    """Every service's rows, by boto3's name for it."""
    every = [rows for name in folders("rows") for rows in import_module(name).ROWS]
    found = {rows.service: rows for rows in every}
    assert len(found) == len(every), "two folders declare rows for the same service"
    return found


UNDECLARED = Rows("")


def rows_of(service: str) -> Rows:
    """Without any, where no folder declares some."""
    return declared().get(service, UNDECLARED)


def homes() -> dict[str, str]:
    """The Region of each control plane that lives in one, by boto3's name for the service."""
    return {service: rows.home for service, rows in declared().items() if rows.home}
