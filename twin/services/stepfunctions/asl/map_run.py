"""The Map Run of a distributed Map: a child execution an item, no more than so many at once, and their
results as ResultWriter writes them.

Where one child fails, the Map fails: those that run are stopped, and those that wait are not begun. A redrive
goes on with just these. Sources: docs.aws.amazon.com/step-functions/latest/dg/state-map-distributed.html,
redrive-map-run.html and input-output-resultwriter.html. No page says what a redriven Map Run writes; here it
writes the results of all its children anew.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterator, Mapping
from typing import Any, ClassVar, Protocol

from ....service import WIRING, Stateful
from .history import described, instant
from .states import Failure, Map, compact

READING, WRITING = "States.ItemReaderFailed", "States.ResultWriterFailed"
EXCEEDED = Failure(
    "States.ExceedToleratedFailureThreshold", "The specified tolerated failure threshold was exceeded"
)


class Child(Protocol):
    """An execution of the Map's own states."""

    arn: str
    name: str
    given: str
    started: float
    stopped: float
    redrives: int
    output: str
    failure: Failure | None

    @property
    def status(self) -> str: ...

    def state(self) -> object: ...

    def stop(self, error: str | None, cause: str | None) -> None: ...

    def redrive(self) -> None: ...


Begin = Callable[[str, Any], Child]
"""Begins an execution of this name with this input."""


class MapRun(Stateful):
    """The children of one Map of one execution."""

    not_state: ClassVar = {
        "map": WIRING,
        "arn": "by it nobody asks for anything",
        "id": "distinguishes Map Runs",
        "items": "what the children are given is in their states",
        "redrives": "what has been is past",
        "_begin": WIRING,
    }

    def __init__(self, state: Map, execution: str, begin: Begin) -> None:
        self.map, self._begin = state, begin
        owner, machine = execution.rpartition(":")[0].split(":execution:")
        self.id = str(uuid.uuid5(uuid.NAMESPACE_URL, f"{execution}/{state.name}"))
        self.arn = f"{owner}:mapRun:{machine}/{state.name}:{self.id}"
        self.items: list[Any] | None = None
        """The inputs of children; None until they have been read."""
        self.children: list[Child] = []
        """Those that have begun, in the order of their items."""
        self.status = "RUNNING"
        self.redrives = 0

    def state(self) -> object:
        return self.status, [child.state() for child in self.children]

    def advance(self) -> None:
        """Begins as many children as may run; where one has failed, stops the others."""
        if self.status != "RUNNING" or self.items is None:
            return
        statuses = [child.status for child in self.children]
        if any(status not in ("RUNNING", "SUCCEEDED") for status in statuses):
            self.status = "FAILED"
            self.stop()
            return
        due = self.items[len(statuses) :][: self.map.concurrency - statuses.count("RUNNING")]
        for item in due:
            name = str(uuid.uuid5(uuid.NAMESPACE_URL, f"{self.arn}/{len(self.children)}"))
            self.children.append(self._begin(name, item))
        if statuses.count("SUCCEEDED") == len(self.items):
            self.status = "SUCCEEDED"

    def stop(self) -> None:
        for child in self.children:
            if child.status == "RUNNING":
                child.stop(None, None)

    def redrive(self) -> None:
        """Goes on with those children that have not ended well."""
        self.redrives, self.status = self.redrives + 1, "RUNNING"
        for child in self.children:
            if child.status != "SUCCEEDED":
                child.redrive()

    def written(self, bucket: str, prefix: str) -> tuple[Mapping[str, Any], Iterator[tuple[str, bytes]]]:
        """The Map's output; and the objects, by their keys, of which it names the manifest."""
        folder = f"{prefix.rstrip('/')}/{self.id}" if prefix else self.id
        files: dict[str, list[dict[str, Any]]] = {"FAILED": [], "PENDING": [], "SUCCEEDED": []}
        bodies: dict[str, bytes] = {}
        for kind in files:
            ended = [_result(child) for child in self.children if _kind(child) == kind]
            if ended:
                key = f"{folder}/{kind}_0.json"
                bodies[key] = compact(ended).encode()
                files[kind] = [{"Key": key, "Size": len(bodies[key])}]
        manifest = {"DestinationBucket": bucket, "MapRunArn": self.arn, "ResultFiles": files}
        at = f"{folder}/manifest.json"
        bodies[at] = json.dumps(manifest).encode()
        told = {"MapRunArn": self.arn, "ResultWriterDetails": {"Bucket": bucket, "Key": at}}
        return told, iter(bodies.items())


def items_of(body: bytes) -> list[Any]:
    """The list in the object that an ItemReader has read. Raises Failure where it is none."""
    try:
        items = json.loads(body)
    except ValueError as error:
        raise Failure(READING, f"Attempting to parse the object as JSON failed: {error}") from error
    if not isinstance(items, list):
        raise Failure(READING, "The object holds no JSON array")
    return items


def _kind(child: Child) -> str:
    return child.status if child.status == "SUCCEEDED" else "FAILED"


def _result(child: Child) -> dict[str, Any]:
    ended = {"Output": child.output, "OutputDetails": {"Included": True}}
    if child.failure is not None:
        said = described(child.failure)
        ended = {"Error": said.get("error", ""), "Cause": said.get("cause", "")}
    return {
        "ExecutionArn": child.arn,
        "Input": child.given,
        "InputDetails": {"Included": True},
        "Name": child.name,
        **ended,
        "RedriveCount": child.redrives,
        "StartDate": instant(child.started).isoformat(),
        "Status": child.status,
        "StopDate": instant(child.stopped).isoformat(),
    }
