"""What other steps would do now: their functions are invoked in dry run. Not a step itself.

A plan that a person approves is made of it, and so is the readiness that `prepare` looks for.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .calls import Api, Call, Sight
from .errors import NotYet
from .planned import Planned
from .run import Mode, Run

INVOKE = Api(
    "lambda:InvokeFunction",
    client="lambda",
    operation="Invoke",
    resource="lambda:{region}:{account}:function:{later}",
    plane="data",
    read_seconds=20,
)
"""A step whose Region takes connections and never answers needs its time to say so."""

SAID_NOTHING = ("NotYet", "Runtime.ExitError", "Sandbox.Timedout")
"""What a tick ends with that has said nothing about the world: it is asked again."""


@dataclass(frozen=True)
class Later:
    """A step of the machine that moves the application: its state, its function, and its event."""

    state: str
    function: str
    event: Mapping[str, Any]
    no_return: bool

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
            raise NotYet(f"{self.state} did not say what it would do: {answer}")
        body: dict[str, Any] = json.loads(answer["Payload"].read())
        if answer.get("FunctionError"):
            kind, why = body.get("errorType", ""), body.get("errorMessage", "")
            if kind in SAID_NOTHING:
                raise NotYet(f"{self.state} did not say what it would do: {why}")
            # A step that is broken fails the run as surely as one that refuses.
            body = Planned("would refuse", why if kind == "Refused" else f"{kind}: {why}").as_json()
        return body | {"state": self.state, "no_return": self.no_return}
