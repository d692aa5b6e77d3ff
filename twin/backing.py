"""What stands behind the Cloud where no service of the twin answers: moto, or doubles of what is used of it.

Both keep the same things: tables, buckets, topics. A service that adds rules of its own to these (strong
tables, websites) asks here for whatever keeps them, which its folder knows: `double.py`, or `on_moto.py`.
"""

from __future__ import annotations

from typing import Any, Protocol

from .faults import Request


class Backing(Protocol):
    """Reading what it keeps takes no time, and no fault is injected there."""

    def take(self, request: Request) -> None:
        """Gets every request that no service of the twin serves. What it cannot answer either, it raises."""

    def keeper(self, service: str) -> Any:
        """What keeps the things of that service's folder: the double, or moto's under the same methods."""

    def state(self) -> object:
        """Of what it keeps itself, for the Cloud's fingerprint. NotImplementedError where it cannot say."""
