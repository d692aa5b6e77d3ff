"""Step Functions' engine: one execution, its cursors and its history.

A cursor stands in one state of one branch: its input, what its retriers have left, when it was entered.
Cursors run at instants of the twin's clock in the order of (time, branch, sequence); nothing here parks but a
Lambda's invocation, which is a task of its own, because it outlives the state that gave up on it.
Sources: docs.aws.amazon.com/step-functions/latest/dg/redrive-executions.html,
docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html (history),
docs.aws.amazon.com/step-functions/latest/dg/input-output-contextobject.html.
"""

from __future__ import annotations

import functools
import heapq
import json
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Literal

from ....clock import Clock
from ....cloud import WHO
from ....service import APART, WIRING, Stateful
from .cursor import Calls, Cursor, Machine
from .distribution import distribute
from .history import WHOLE, Details, Full, History, described, text
from .states import (
    DATA_LIMIT,
    RUNTIME,
    TIMEOUT,
    Choice,
    Fail,
    Failure,
    Map,
    Parallel,
    Pass,
    Path,
    Retrier,
    Task,
    Wait,
    compact,
    fill,
    matches,
    too_large,
)

LAMBDA = {"resourceType": "lambda", "resource": "invoke"}

Status = Literal["RUNNING", "SUCCEEDED", "FAILED", "ABORTED"]


class Execution(Stateful):
    """One execution of a machine. `given` is its input, as the caller wrote it."""

    not_state: ClassVar = {
        "clock": APART,
        "arn": "by it and its machine's name, which are in the state, it is asked for",
        "history": "what has been is past, but for its length, which no run of ours comes near",
        "started": "what has been is past",
        "stopped": "from then on it can be redriven for longer than any simulation lasts",
        "redriven": "what has been is past",
        "output": "of one that has ended well, which changes nothing any more",
        "calls": WIRING,
        "_on_end": WIRING,
        "_input": "its input, which is in the state as it was written",
        "_due": "where its cursors are is in the state, and what each has tried",
        "_sequence": "distinguishes turns",
    }

    def __init__(
        self,
        clock: Clock,
        calls: Calls,
        machine: Machine,
        arn: str,
        name: str,
        given: str,
        on_end: Callable[[], None] = lambda: None,
    ) -> None:
        self.clock, self.machine, self.arn, self.name, self.given = clock, machine, arn, name, given
        self.status: Status = "RUNNING"
        self.history = History(clock)
        self.started, self.stopped, self.redriven = clock.now, 0.0, 0.0
        self.redrives = 0
        self.output = ""
        self.failure: Failure | None = None
        self.calls, self._on_end, self._input = calls, on_end, json.loads(given)
        self._due: list[tuple[float, tuple[int, ...], int, int, Cursor, Callable[[], None]]] = []
        self._sequence = 0
        self._root = root = Cursor((), machine.program, machine.program.start, self._input)
        details = {"input": given, "inputDetails": WHOLE, "roleArn": machine.role}
        self.event(root, "ExecutionStarted", executionStartedEventDetails=details)
        root.last = 0  # the first state follows nothing
        self.wake(root, clock.now, self._again(root))

    def state(self) -> object:
        """Where each branch stands and how often it has tried there; not for how long it has waited."""
        cursors = [cursor.state_of_branch() for cursor in self._root.unfinished()]
        failed = self.failure.error if self.failure else ""
        redrives = {"redrives": self.redrives}
        return self.machine.name, self.name, self.given, self.status, redrives, failed, cursors

    def stop(self, error: str | None, cause: str | None) -> None:
        """Every branch stops where it is; the Lambdas that they called run on."""
        self.failure = Failure(error, cause)
        try:
            self._abort(self._root)
            self.event(self._root, "ExecutionAborted", executionAbortedEventDetails=described(self.failure))
        except Full:
            self._overflow()
        else:
            self._end("ABORTED")

    def redrive(self) -> None:
        """Reruns what failed or was aborted, in the same states with the same input."""
        self.status, self.failure = "RUNNING", None
        self.redrives, self.redriven = self.redrives + 1, self.clock.now
        details = {"redriveCount": self.redrives}
        self.event(self._root, "ExecutionRedriven", executionRedrivenEventDetails=details)
        for cursor in self._root.unfinished():
            if all(branch.ended for branch in cursor.branches):
                cursor.retries, cursor.tries = 0, {}
                self.wake(cursor, self.clock.now, self._again(cursor))

    def _again(self, cursor: Cursor) -> Callable[[], None]:
        if isinstance(cursor.state, Fail) or not cursor.entry:
            return lambda: self._enter(cursor, cursor.name, cursor.given)
        return lambda: self._run(cursor)

    # Turns.

    def wake(self, cursor: Cursor, instant: float, act: Callable[[], None]) -> None:
        self._sequence += 1
        heapq.heappush(self._due, (instant, cursor.path, self._sequence, cursor.turn, cursor, act))
        self.clock.at(instant, self._turn)

    def _turn(self) -> None:
        """Runs what is due first. The clock calls once for each thing that is due."""
        *_, turn, cursor, act = heapq.heappop(self._due)
        if turn == cursor.turn and self.status == "RUNNING":
            try:
                act()
            except Full:
                self._overflow()

    def _enter(self, cursor: Cursor, name: str, given: Any) -> None:
        cursor.name, cursor.given, cursor.entered = name, given, self.clock.now
        cursor.retries, cursor.tries, cursor.branches, cursor.children = 0, {}, [], None

        def details() -> Mapping[str, Any]:
            return {"name": name, "input": compact(given), "inputDetails": WHOLE}

        self.event(cursor, f"{cursor.state.kind}StateEntered", stateEnteredEventDetails=details)
        cursor.entry = cursor.last
        self._run(cursor)

    def _run(self, cursor: Cursor) -> None:
        state, context = cursor.state, self._context(cursor)
        try:
            match state:
                case Task():
                    self._schedule(cursor, state, fill(state.parameters, cursor.given, context))
                case Parallel():
                    self._fork(cursor, state)
                case Map():
                    distribute(self, cursor, state, context)
                case Wait():
                    seconds = _seconds(state, cursor.given, context)
                    left = cursor.given, state.next
                    self.wake(cursor, self.clock.now + seconds, lambda: self.leave(cursor, *left))
                case Choice():
                    rules = (rule.next for rule in state.rules if rule.holds(cursor.given, context))
                    self.leave(cursor, cursor.given, next(rules, state.default))
                case Pass():
                    given = cursor.given
                    made = given if state.parameters is None else fill(state.parameters, given, context)
                    self.leave(cursor, state.result.place(given, made), state.next)
                case Fail():
                    error = fill(state.error, cursor.given, context)
                    self._fall(cursor, Failure(error, fill(state.cause, cursor.given, context)))
                case _:
                    self.leave(cursor, cursor.given, None)
        except Failure as failure:
            self.fail(cursor, failure)

    # Tasks.

    def _schedule(self, cursor: Cursor, task: Task, parameters: Mapping[str, Any]) -> None:
        def scheduled() -> Mapping[str, Any]:
            return LAMBDA | {
                "region": self.arn.split(":")[3],
                "parameters": compact(parameters),
                "timeoutInSeconds": task.timeout,
            }

        self.event(cursor, "TaskScheduled", taskScheduledEventDetails=scheduled)
        self.event(cursor, "TaskStarted", taskStartedEventDetails=LAMBDA)
        answered = functools.partial(self._answered, cursor, task)
        self.beside(cursor, lambda: self.calls.invoke(parameters), answered)
        self.wake(cursor, self.clock.now + task.timeout, lambda: self._timed_out(cursor, task))

    def beside(
        self, cursor: Cursor, act: Callable[[], Any], then: Callable[[Any, Failure | None], None]
    ) -> None:
        """Calls what parks, and goes on with what it came to."""
        cursor.turn += 1
        turn = cursor.turn

        def call() -> None:
            try:
                result, failure = act(), None
            except Failure as error:
                result, failure = None, error
            if cursor.turn == turn:
                self.wake(cursor, self.clock.now, lambda: then(result, failure))

        token = WHO.set(("", ""))  # Step Functions calls, not whichever function started the execution
        self.clock.spawn(call)
        WHO.reset(token)

    def _answered(self, cursor: Cursor, task: Task, result: Any, failure: Failure | None) -> None:
        cursor.turn += 1
        output_text = compact(result)
        if failure is None and too_large(output_text):
            failure = Failure(DATA_LIMIT, f"The result of {task.name} exceeds the maximum number of bytes")
        if failure is not None:
            self.event(cursor, "TaskFailed", taskFailedEventDetails=LAMBDA | described(failure))
            self._failed(cursor, task, failure)
            return
        details = LAMBDA | {"output": output_text, "outputDetails": WHOLE}
        self.event(cursor, "TaskSucceeded", taskSucceededEventDetails=details)
        try:
            if task.selector is not None:
                result = fill(task.selector, result, self._context(cursor))
            output = task.result.place(cursor.given, result)
        except Failure as error:
            self._failed(cursor, task, error)
        else:
            self.leave(cursor, output, task.next)

    def _timed_out(self, cursor: Cursor, task: Task) -> None:
        cursor.turn += 1
        failure = Failure(TIMEOUT)
        self.event(cursor, "TaskTimedOut", taskTimedOutEventDetails=LAMBDA | described(failure))
        self._failed(cursor, task, failure)

    def _failed(self, cursor: Cursor, task: Task, failure: Failure) -> None:
        """The first retrier that names the error decides; where it has no try left, the first catcher."""
        for number, retrier in enumerate(task.retry):
            if matches(retrier.errors, failure.error):
                if cursor.tries.get(number, (0, 0.0))[0] < retrier.most:
                    self._retry(cursor, number, retrier)
                    return
                break
        for catcher in task.catch:
            if matches(catcher.errors, failure.error):
                caught = {"Error": failure.error or "", "Cause": failure.cause or ""}
                try:
                    output = catcher.result.place(cursor.given, caught)
                except Failure as error:
                    self.fail(cursor, error)
                else:
                    self.leave(cursor, output, catcher.next)
                return
        self.fail(cursor, failure)

    def _retry(self, cursor: Cursor, number: int, retrier: Retrier) -> None:
        count, waited = cursor.tries.get(number, (0, 0.0))
        wait = retrier.after(waited) if count else retrier.interval
        cursor.tries[number] = count + 1, wait
        cursor.retries += 1
        self.wake(cursor, self.clock.now + wait, lambda: self._run(cursor))

    # Branches.

    def _fork(self, cursor: Cursor, state: Parallel) -> None:
        self.event(cursor, "ParallelStateStarted")
        cursor.branches = [
            Cursor((*cursor.path, number), program, program.start, cursor.given, cursor.last)
            for number, program in enumerate(state.branches)
        ]
        for branch in cursor.branches:
            self.wake(branch, self.clock.now, self._again(branch))

    def leave(self, cursor: Cursor, output: Any, following: str | None) -> None:
        output_text = compact(output)
        if too_large(output_text):
            why = f"The state/task '{cursor.name}' returned a result with a size exceeding the maximum number"
            self.fail(cursor, Failure(DATA_LIMIT, f"{why} of bytes service limit."))
            return
        details = {"name": cursor.name, "output": output_text, "outputDetails": WHOLE}
        self.event(cursor, f"{cursor.state.kind}StateExited", stateExitedEventDetails=details)
        if following is not None:
            self.wake(cursor, self.clock.now, lambda: self._enter(cursor, following, output))
            return
        cursor.ended, cursor.output = True, output
        if cursor is self._root:
            self.output = output_text
            done = {"output": output_text, "outputDetails": WHOLE}
            self.event(cursor, "ExecutionSucceeded", executionSucceededEventDetails=done)
            self._end("SUCCEEDED")
        elif all(branch.ended for branch in self._around(cursor).branches):
            self._join(self._around(cursor))

    def _join(self, cursor: Cursor) -> None:
        """The next state follows the last event of the branches, as AWS shows it."""
        last = cursor.last = max(branch.last for branch in cursor.branches)
        self.event(cursor, "ParallelStateSucceeded")
        cursor.last = last
        state, outputs = cursor.state, [branch.output for branch in cursor.branches]
        assert isinstance(state, Parallel)
        try:
            output = state.result.place(cursor.given, outputs)
        except Failure as failure:
            self.fail(cursor, failure)
        else:
            self.leave(cursor, output, state.next)

    # Children.

    def child(self, machine: Machine, name: str, given: Any, on_end: Callable[[], None]) -> Execution:
        """An execution of a distributed Map's own states."""
        arn = f"{machine.arn.replace(':stateMachine:', ':execution:')}:{name}"
        return Execution(self.clock, self.calls, machine, arn, name, compact(given), on_end)

    def _around(self, cursor: Cursor) -> Cursor:
        """The cursor whose branch this one is."""
        found = self._root
        for number in cursor.path[:-1]:
            found = found.branches[number]
        return found

    # Ends.

    def fail(self, cursor: Cursor, failure: Failure) -> None:
        if failure.error == RUNTIME:
            where = f"the state '{cursor.name}' (entered at the event id #{cursor.entry})"
            failure = Failure(RUNTIME, f"An error occurred while executing {where}. {failure.cause}")
        self._fall(cursor, failure)

    def _fall(self, cursor: Cursor, failure: Failure) -> None:
        """The execution fails, at once with States.Runtime; else the Parallel does, and its other branches
        stop. A Task that fails its branch is shown as aborted, too."""
        cursor.turn += 1
        if cursor is self._root or failure.error == RUNTIME:
            self.failure, self._root.last = failure, cursor.last
            self.event(self._root, "ExecutionFailed", executionFailedEventDetails=described(failure))
            self._end("FAILED")
            return
        around = self._around(cursor)
        around.last = cursor.last
        for branch in around.branches:
            if branch is not cursor or isinstance(cursor.state, Task):
                self._abort(branch)
        self.event(around, "ParallelStateFailed")
        self._fall(around, failure)

    def _abort(self, cursor: Cursor) -> None:
        for each in list(cursor.unfinished()):
            each.turn += 1
            if each.children is not None:
                each.children.stop()
            if each.entry and isinstance(each.state, Task | Parallel | Map | Wait):
                each.last = max([each.last, *(branch.last for branch in each.branches)])
                self.event(each, f"{each.state.kind}StateAborted")

    def _overflow(self) -> None:
        self.failure = self.history.overflow(self._root.last)
        self._end("FAILED")

    def _end(self, status: Status) -> None:
        self.status, self.stopped = status, self.clock.now
        for cursor in self._root.unfinished():
            cursor.turn += 1
        self._on_end()

    # What is shown.

    def event(self, cursor: Cursor, kind: str, **details: Details) -> None:
        cursor.last = self.history.add(cursor.last, kind, details)

    def _context(self, cursor: Cursor) -> Mapping[str, Any]:
        """What `$$` is. It has no current time, and before a redrive nothing about redrives."""
        execution = {
            "Id": self.arn,
            "Input": self._input,
            "Name": self.name,
            "RoleArn": self.machine.role,
            "StartTime": text(self.started),
        }
        if self.redrives:
            execution |= {"RedriveCount": self.redrives, "RedriveTime": text(self.redriven)}
        return {
            "Execution": execution,
            "State": {
                "EnteredTime": text(cursor.entered),
                "Name": cursor.name,
                "RetryCount": cursor.retries,
            },
            "StateMachine": {"Id": self.machine.arn, "Name": self.machine.name},
        }


def _seconds(state: Wait, given: Any, context: Any) -> float:
    if not isinstance(state.seconds, Path):
        return state.seconds
    found = fill(state.seconds, given, context)
    if not isinstance(found, int | float) or isinstance(found, bool) or found < 0:
        raise Failure(RUNTIME, f"The SecondsPath parameter does not reference a number: {compact(found)}")
    return found
