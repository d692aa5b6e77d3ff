"""What other steps would do now: their functions are invoked in dry run. Not a step itself.

A plan that a person approves is made of it, and so is the readiness that `prepare` looks for.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .calls import Api, Call, Sight, Silence
from .errors import NotYet
from .planned import Planned
from .run import Mode, Run
from .world import World

INVOKE = Api(
    "lambda:InvokeFunction",
    client="lambda",
    operation="Invoke",
    resource="lambda:{region}:{account}:function:{later}",
    plane="data",
    read_seconds=16,
    ours=True,
)
"""A step whose Region takes connections and never answers needs its time to say so."""

ITSELF = "itself"
"""The derived input of a step that asks its own function: that, as a Later. `farshore plan` leaves it out,
since it asks no function."""

ASKS = 2
"""How often one look asks those that said nothing: where each fails now and then, of nine steps one does."""

SAID_NOTHING = ("NotYet", "Runtime.ExitError", "Sandbox.Timedout")
"""What a tick ends with that has said nothing about the world: it is asked again."""


@dataclass(frozen=True)
class Later:
    """A step of the machine that moves the application: its state, its function, and its event."""

    state: str
    function: str
    event: Mapping[str, Any]
    no_return: bool

    @property
    def of_prepare(self) -> bool:
        """It makes something true in peace: there is nothing to do once it has."""
        return bool(self.event["run"]["purpose"] == "prepare")

    def asked(self, run: Run, mode: Mode) -> Call:
        """The call that asks it, on behalf of this run."""
        event = dict(self.event) | {
            "input": {"mode": mode, "dry_run": True},
            "execution": {"Id": run.execution},
            "state": {"Name": self.state, "EnteredTime": None},
        }
        return INVOKE(run.target, FunctionName=self.function, Payload=json.dumps(event).encode())

    def planned(self, answer: Sight) -> Mapping[str, Any]:
        """What it answered, as Planned's JSON. Raises NotYet where it said nothing."""
        if not isinstance(answer, Mapping):
            why = (
                answer.why if isinstance(answer, Silence) else f"there is no {self.function} ({answer.code})"
            )
            raise NotYet(f"{self.state} did not say what it would do: {why}")
        try:
            body: dict[str, Any] = json.loads(answer["Payload"])
            kind, why = body.get("errorType", ""), body.get("errorMessage", "")
            if "FunctionError" not in answer:
                body["outcome"]
        except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as odd:
            raise NotYet(f"{self.state} did not say what it would do: {type(odd).__name__}: {odd}") from odd
        if answer.get("FunctionError"):
            if kind in SAID_NOTHING:
                raise NotYet(f"{self.state} did not say what it would do: {why}")
            # Shown as what would fail: in the run it is asked again, and a step that is broken stays so.
            body = Planned("would refuse", why if kind == "Refused" else f"{kind}: {why}").as_json()
        return body | {"state": self.state, "no_return": self.no_return}


def ask_each(
    world: World, asked: Sequence[tuple[Mode, Later]], beside: Sequence[Call] = ()
) -> tuple[list[Mapping[str, Any] | NotYet], list[Sight]]:
    """What each would do in its mode, as Planned's JSON; or its silence, if it said nothing twice. And what
    is answered to the calls that are made beside the first of these."""
    said: dict[int, Mapping[str, Any] | NotYet] = {}
    sights: list[Sight] = []
    for _ in range(ASKS):
        due = [place for place in range(len(asked)) if not isinstance(said.get(place), Mapping)]
        if not due and not beside:
            break
        calls = [later.asked(world.run, mode) for mode, later in map(asked.__getitem__, due)]
        answers = world.ask(*calls, *beside)
        for place, answer in zip(due, answers, strict=False):
            said[place] = _said(asked[place][1], answer)
        sights += answers[len(due) :]
        beside = ()
    return list(said.values()), sights


def _said(later: Later, answer: Sight) -> Mapping[str, Any] | NotYet:
    try:
        return later.planned(answer)
    except NotYet as silence:
        return silence
