"""A fence in a runbook: what takes something from customers, and the line that gives it back."""

from __future__ import annotations

import dataclasses
import typing
from typing import Any, Literal

from functions.step import Step

from ..runbook.model import Line
from ..runbook.registry import steps
from ..runbook.typed import hints

RESTORE = "restore"


def is_fence(line: Line) -> bool:
    """It takes something away; the line that gives it back does not."""
    return steps()[line.step].fences and not restores(line)


def restores(line: Line) -> bool:
    step = steps()[line.step]
    return step.fences and line.inputs.get(giving_back(step)) == RESTORE


def restored(line: Line) -> Line:
    """The line that gives back what a fence's line takes away."""
    return dataclasses.replace(line, inputs={**line.inputs, giving_back(steps()[line.step]): RESTORE})


def giving_back(step: type[Step[Any]]) -> str:
    """The input of a fence that takes the word `restore`."""
    return next(name for name, kind in hints(step).items() if RESTORE in _words(kind))


def _words(kind: Any) -> set[Any]:
    """The literal words in a type, however deep: int | Literal["restore"], Literal[True, "restore"]."""
    if typing.get_origin(kind) is Literal:
        return set(typing.get_args(kind))
    return {word for part in typing.get_args(kind) for word in _words(part)}
