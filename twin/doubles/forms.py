"""What a double understands: exactly the forms of parameters that our code sends."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..faults import Request


def only(request: Request, needed: tuple[str, ...], allowed: tuple[str, ...] = ()) -> Mapping[str, Any]:
    """The parameters, where they are all that is needed and nothing that no double knows."""
    given: Mapping[str, Any] = request.parameters
    strange = sorted((given.keys() - {*needed, *allowed}) | (set(needed) - given.keys()))
    known(not strange, request, ", ".join(strange))
    return given


def known(understood: bool, request: Request, what: object) -> None:
    if not understood:
        raise AssertionError(f"no double understands {what} of {request}")
