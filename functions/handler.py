"""The Lambda of a step type: from an event to a step, a run and one tick."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

from . import telemetry
from .assume import Assume
from .calls import LAST_CALL_SECONDS
from .errors import Aborted, NotYet, Refused
from .ledger import Ledger
from .outside import Outside
from .planned import ASSUMED
from .run import MODES, Purpose, Run
from .step import Step
from .tick import tick

StepT = TypeVar("StepT", bound=Step[Any])


def lambda_handler(
    step_type: type[StepT], outside: Outside | None = None, tick_of: telemetry.Telemetry = telemetry.tick_of
) -> Callable[[Mapping[str, Any], Any], Any]:
    """The Lambda of a step type: one tick an invocation, its log lines and metrics by the run's id.

    `tick_of` notes them: an exploration has nobody who would read it.
    """
    home = outside or Outside()

    def handler(event: Mapping[str, Any], context: Any) -> dict[str, Any]:
        """One tick. Its errors name the state, so that a failed execution says where it failed."""
        mine = home.until(home.clock() + LAST_CALL_SECONDS)
        try:
            run, since = run_from(event)
            if run.step != step_type.name:
                raise Refused(f"an event of {run.step!r} came to {step_type.name}; {REDEPLOY}")
            mine = mine.insisting() if run.gives_up else mine
            since = since or home.clock()  # a plan's dry tick has not entered its state
            where, inputs = event["ledger"], event["inputs"]
            ledger = Ledger(mine, run.application, where["table"], where["regions"], run.target)
            assume = assume_from(event)
            theirs = mine if assume is None else mine.assuming(assume, run.execution)
        except ODD as error:
            raise Refused(_odd("an event", error)) from None
        with tick_of(run) as report:
            result: dict[str, Any] | NotYet | Refused | Aborted
            try:
                step = _fit(step_type, inputs)
                result = tick(step, run, ledger, theirs, since)
                result["facts"] = {**result["facts"], **assumed(assume)}
            except (NotYet, Refused, Aborted) as error:
                result = error
                facts = error.facts if isinstance(error, NotYet) else {}
                report(type(error).__name__, str(error), home.clock() - since, facts)
            else:
                report(result["outcome"], result.get("why", ""), home.clock() - since, result["facts"])
        if isinstance(result, Exception):
            raise type(result)(_cut(f"{run.state}: {result}"))
        return result

    handler.step_type = step_type  # type: ignore[attr-defined]
    return handler


LONGEST_MESSAGE = 16_000
"""Characters of an error: a Cause holds 32,768, and in it stand the error's traces, and escapes.
Source: docs.aws.amazon.com/step-functions/latest/apireference/API_TaskFailedEventDetails.html"""


def _cut(said: str) -> str:
    more = len(said) - LONGEST_MESSAGE
    return said if more <= 0 else f"{said[:LONGEST_MESSAGE]} (and {more} characters more)"


def run_from(event: Mapping[str, Any]) -> tuple[Run, float]:
    """The run and since when its state has been waiting, from the state machine's context object."""
    execution, state, given = event["execution"], event["state"], event["input"]
    _accept(given)
    if not event["run"]["application"].strip():
        raise Refused(f"an event names no application; {REDEPLOY}")
    if event["run"]["purpose"] not in get_args(Purpose):
        raise Refused(f"no state has the purpose {event['run']['purpose']!r}; {REDEPLOY}")
    run = Run(
        **event["run"],
        mode=given["mode"],
        dry_run=given.get("dry_run", False),
        execution=execution["Id"],
        redrives=execution.get("RedriveCount", 0),
        state=state["Name"],
        trigger=given.get("trigger", ""),
        started=_epoch(execution.get("StartTime")),
    )
    return run, max(_epoch(state["EnteredTime"]), _epoch(execution.get("RedriveTime")))


def assume_from(event: Mapping[str, Any]) -> Assume | None:
    """The role as which the line's calls are made, where its event names one."""
    return Assume(**event["assume"]) if "assume" in event else None


def assumed(assume: Assume | None) -> Mapping[str, Any]:
    """A fact for people: as whom a step looks and changes."""
    return {} if assume is None else {ASSUMED: ", ".join(assume.roles)}


REDEPLOY = "the state machine is none of this version's: `farshore compile`, then sam deploy"
ODD = (AttributeError, IndexError, KeyError, TypeError, ValueError)
"""What reading an event raises that is not as a machine writes it."""
ACCEPTED = (
    'start it with {"mode": "graceful"} or {"mode": "ungraceful"}; add "dry_run": true to change nothing'
)


OURS = frozenset({"mode", "dry_run", "trigger"})
AWS_OWN = frozenset({"AWS_STEP_FUNCTIONS_STARTED_BY_EXECUTION_ID", "Comment"})
"""What Step Functions' console proposes as an input, and what another machine says that starts this one.
Source: docs.aws.amazon.com/step-functions/latest/dg/concepts-nested-workflows.html"""


def _accept(given: Any) -> None:
    """Nobody's Region moves by a default: anything but the documented input is refused, saying what it is."""
    known = isinstance(given, Mapping) and given.keys() <= OURS | AWS_OWN
    if (
        not known
        or given.get("mode") not in MODES
        or not isinstance(given.get("dry_run", False), bool)
        or not isinstance(given.get("trigger", ""), str)
    ):
        raise Refused(f"not an input: {json.dumps(given)[:200]}; {ACCEPTED}")


def _fit(step_type: type[StepT], inputs: Mapping[str, Any]) -> StepT:
    try:
        step = step_from(step_type, inputs)
    except ValueError as error:
        raise Refused(
            f"inputs that do not go together: {error}; correct the runbook and compile it"
        ) from None
    except ODD as error:
        raise Refused(_odd("inputs", error)) from None
    if not isinstance(step.within, int | float):
        raise Refused(_odd("inputs", TypeError(f"within is {step.within!r}")))
    return step


def _odd(what: str, error: Exception) -> str:
    return f"{what} of no machine: {type(error).__name__}: {error}; {REDEPLOY}"


def step_from(step_type: type[StepT], inputs: Mapping[str, Any]) -> StepT:
    """The step with its inputs, as the compiler wrote them into the event. Raises ValueError where the step
    does not take them together."""
    hints = _hints(step_type)
    return step_type(**{name: _typed(hints[name], value) for name, value in inputs.items()})


_HINTS: dict[Any, Mapping[str, Any]] = {}


def _hints(kind: Any) -> Mapping[str, Any]:
    """A class's fields and their types, which stay what they are: reading them takes longer than a tick."""
    if kind not in _HINTS:
        _HINTS[kind] = get_type_hints(kind)
    return _HINTS[kind]


def _typed(kind: Any, value: Any) -> Any:
    """JSON's lists and objects as the tuples and dataclasses that the step declares."""
    if isinstance(value, list):
        return tuple(_typed(get_args(kind)[0], item) for item in value)
    if not isinstance(value, Mapping):
        return value
    if dataclasses.is_dataclass(kind):
        hints = _hints(kind)
        return kind(**{name: _typed(hints[name], item) for name, item in value.items()})  # type: ignore[operator]
    if get_origin(kind) is not None:
        return {name: _typed(get_args(kind)[1], item) for name, item in value.items()}
    return value


def _epoch(text: str | None) -> float:
    return 0.0 if text is None else datetime.fromisoformat(text).timestamp()
