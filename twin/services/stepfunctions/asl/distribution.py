"""A distributed Map's part of its execution: items are read, children begin and end, results are written.

Sources: docs.aws.amazon.com/step-functions/latest/dg/state-map-distributed.html and redrive-map-run.html.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Protocol

from ....clock import Clock
from .cursor import Calls, Cursor, Machine
from .history import described
from .map_run import EXCEEDED, Child, MapRun, items_of
from .states import Failure, Map, fill


class Parent(Protocol):
    """The execution that has the Map."""

    clock: Clock
    machine: Machine
    arn: str
    calls: Calls

    def event(self, cursor: Cursor, kind: str, **details: Mapping[str, Any]) -> None: ...

    def wake(self, cursor: Cursor, instant: float, act: Callable[[], None]) -> None: ...

    def beside(
        self, cursor: Cursor, act: Callable[[], Any], then: Callable[[Any, Failure | None], None]
    ) -> None: ...

    def leave(self, cursor: Cursor, output: Any, following: str | None) -> None: ...

    def fail(self, cursor: Cursor, failure: Failure) -> None: ...

    def child(self, machine: Machine, name: str, given: Any, on_end: Callable[[], None]) -> Child: ...


def distribute(parent: Parent, cursor: Cursor, state: Map, context: Mapping[str, Any]) -> None:
    """Reads the items, and begins; or goes on, after a redrive."""
    if cursor.children is None:
        run = cursor.children = MapRun(
            state, parent.arn, lambda *child: _begin(parent, cursor, state, *child)
        )
        parent.event(cursor, "MapStateStarted", mapStateStartedEventDetails={"length": 0})
        parent.event(cursor, "MapRunStarted", mapRunStartedEventDetails={"mapRunArn": run.arn})
    else:
        run = cursor.children
        run.redrive()
        redriven = {"mapRunArn": run.arn, "redriveCount": run.redrives}
        parent.event(cursor, "MapRunRedriven", mapRunRedrivenEventDetails=redriven)
    if run.items is not None:
        _advance(parent, cursor, state)
        return

    def begun(body: Any, failure: Failure | None) -> None:
        try:
            if failure is not None:
                raise failure
            places = [{"Index": index, "Value": value} for index, value in enumerate(items_of(body))]
            run.items = [
                fill(state.selector, cursor.given, {**context, "Map": {"Item": place}}) for place in places
            ]
        except Failure as error:
            _failed(parent, cursor, error)
        else:
            _advance(parent, cursor, state)

    parameters = fill(state.reader, cursor.given, context)
    parent.beside(cursor, lambda: parent.calls.read(parameters), begun)


def _begin(parent: Parent, cursor: Cursor, state: Map, name: str, given: Any) -> Child:
    """As of a machine of its own, with a label behind its name: here the Map's, on AWS one that nobody knows
    before."""
    label = f"/{state.name}"
    whole = parent.machine
    own = replace(whole, arn=whole.arn + label, name=whole.name + label, program=state.processor)

    def ended() -> None:
        parent.wake(cursor, parent.clock.now, lambda: _advance(parent, cursor, state))

    return parent.child(own, name, given, ended)


def _advance(parent: Parent, cursor: Cursor, state: Map) -> None:
    """A child has ended, or all may begin. When the last has ended, their results are written."""
    run = cursor.children
    if run is None or run.status != "RUNNING":
        return
    run.advance()
    if run.status == "RUNNING":
        return
    writer = fill(state.writer, cursor.given, {})
    told, objects = run.written(writer["Bucket"], writer["Prefix"])

    def write() -> None:
        for key, body in objects:
            parent.calls.write({"Bucket": writer["Bucket"], "Key": key, "Body": body})

    def written(_: Any, failure: Failure | None) -> None:
        failure = failure or (EXCEEDED if run.status == "FAILED" else None)
        if failure is not None:
            _failed(parent, cursor, failure)
            return
        parent.event(cursor, "MapRunSucceeded")
        parent.event(cursor, "MapStateSucceeded")
        parent.leave(cursor, state.result.place(cursor.given, told), state.next)

    parent.beside(cursor, write, written)


def _failed(parent: Parent, cursor: Cursor, failure: Failure) -> None:
    parent.event(cursor, "MapRunFailed", mapRunFailedEventDetails=described(failure))
    parent.event(cursor, "MapStateFailed")
    parent.fail(cursor, failure)
