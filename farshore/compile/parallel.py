"""`together` as a Parallel: every branch ends with an outcome, and they are judged when all have ended.

So one refusal does not stop another branch half-way; then the first that failed, in the runbook's order,
fails the run.
"""

from __future__ import annotations

from collections.abc import Mapping

from ..runbook.model import Line, Together
from .states import Json, States

TITLE = 66
"""Characters of a Parallel's name, so that there is room for a number and for `judge`."""


def parallel(
    states: States, entry: Together, names: Mapping[int, str], following: str, catch: str | None
) -> str:
    """The states of a `together`. Gives the first of them."""
    branches = [_branch(states, line, names[id(line)]) for line in entry.branches]
    title = states.numbered(" and ".join(names[id(line)] for line in entry.branches)[:TITLE], states.made)
    end = catch or states.fail()
    choices = []
    for i, line in enumerate(entry.branches):
        fate = f"{names[id(line)]} fails the run"
        choices.append({"Variable": f"$.together[{i}].failure", "IsPresent": True, "Next": fate})
        states.made[fate] = {
            "Type": "Pass",
            # One by one: not every interpreter takes an object out of a list by its path.
            "Parameters": {f"{word}.$": f"$.together[{i}].failure.{word}" for word in ("Error", "Cause")},
            "ResultPath": "$.failure",
            "Next": end,
        }
    judged = f"judge {title}"
    states.made[judged] = {"Type": "Choice", "Choices": choices, "Default": following}
    states.made[title] = {
        "Type": "Parallel",
        "Branches": branches,
        "ResultPath": "$.together",
        "Next": judged,
    }
    return title


def _branch(states: States, line: Line, name: str) -> Json:
    failed = f"{name} failed"
    states.step(line, name, None)
    task = states.made.pop(name)
    task["Catch"] = [{"ErrorEquals": ["States.ALL"], "ResultPath": "$.failure", "Next": failed}]
    return {"StartAt": name, "States": {name: task, failed: {"Type": "Pass", "End": True}}}
