"""`together` as a Parallel: every branch ends with an outcome, and they are judged when all have ended.

So one refusal does not stop another branch half-way; then the first that failed, in the runbook's order,
fails the run. Where it is the first that may move anything, and none of its branches that could has, what was
taken away before is given back.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ..runbook.model import Line, Together
from .states import Json, States, type_of

TITLE = 66
"""Characters of a Parallel's name, so that there is room for a number and for `judge`."""


def parallel(
    states: States,
    entry: Together,
    names: Mapping[int, str],
    following: str,
    catch: str | None,
    untouched: str | None,
) -> str:
    """The states of a `together`; `catch` is where to go if it fails, `untouched` if nothing moved, either.
    Gives the first of them."""
    moving = [i for i, line in enumerate(entry.branches) if untouched and type_of(line).moves()]
    branches = [_branch(states, line, names[id(line)], i in moving) for i, line in enumerate(entry.branches)]
    title = states.numbered(" and ".join(names[id(line)] for line in entry.branches)[:TITLE], states.made)
    end = catch or states.fail()
    if untouched:
        end = _untouched(states, [(i, names[id(entry.branches[i])]) for i in moving], untouched, end)
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


def _untouched(states: States, moving: Sequence[tuple[int, str]], following: str, moved: str) -> str:
    """Looks whether every branch that could move anything has failed before it did."""
    for i, name in reversed(moving):
        asked = f"{name} moved nothing?"
        rule = {"Variable": f"$.together[{i}].untouched", "IsPresent": True, "Next": following}
        states.made[asked] = {"Type": "Choice", "Choices": [rule], "Default": moved}
        following = asked
    return following


def _branch(states: States, line: Line, name: str, may_move: bool) -> Json:
    failed = f"{name} failed"
    states.step(line, name, None)
    task = states.made.pop(name)
    task["Catch"] = [{"ErrorEquals": ["States.ALL"], "ResultPath": "$.failure", "Next": failed}]
    made: Json = {name: task, failed: {"Type": "Pass", "End": True}}
    if may_move:
        untouched = f"{name} untouched"
        caught = {"ErrorEquals": ["Untouched"], "ResultPath": "$.failure", "Next": untouched}
        task["Catch"].insert(0, caught)
        made[untouched] = {
            "Type": "Pass",
            "Parameters": {"moved": False},
            "ResultPath": "$.untouched",
            "Next": failed,
        }
    return {"StartAt": name, "States": made}
