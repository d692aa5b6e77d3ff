"""One running of a Lambda handler, and how Lambda reports its end.

Sources: docs.aws.amazon.com/lambda/latest/dg/python-exceptions.html (errorType is the exception's name),
docs.aws.amazon.com/lambda/latest/dg/python-context.html (what the context object tells the handler).
"""

from __future__ import annotations

import functools
import json
import linecache
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import PurePath
from typing import Any, ClassVar

from ...clock import Task
from ...cloud import ACCOUNT
from ...service import WIRING, Stateful
from ..iam.model import Policy

Handler = Callable[[dict[str, Any], Any], Any]


class FunctionError(Exception):
    """The handler raised, ran out of time or died; `body` is Invoke's answer: errorType, errorMessage …"""

    def __init__(self, body: Mapping[str, Any]) -> None:
        super().__init__(f"{body['errorType']}: {body['errorMessage']}")
        self.body = body


@dataclass(frozen=True)
class Provisioned:
    """Execution environments that a version has ready: one configuration a version."""

    not_state: ClassVar = {"since": "when it was asked for differs from one moment to the next"}

    wanted: int
    since: float
    """When it was asked for: seconds on the clock."""
    allocated_at: float
    """When it is allocated, or turns out not to be."""
    fails: str = ""
    """Why it cannot be allocated, as AWS says it; "" where it can."""


@dataclass
class Function:
    """A function in one Region. Its versions are numbered from 1; each deployment publishes one."""

    not_state: ClassVar = {
        **dict.fromkeys(("region", "name", "policy"), WIRING),
        "versions": "what each was deployed with nothing changes: how many there are is in the state",
    }

    region: str
    name: str
    policy: Policy | None = None
    reserved: int | None = None
    versions: list[Version] = field(default_factory=list)
    provisioned: dict[str, Provisioned] = field(default_factory=dict)
    """By version."""

    @property
    def arn(self) -> str:
        return f"arn:aws:lambda:{self.region}:{ACCOUNT}:function:{self.name}"


@dataclass(frozen=True)
class Version:
    """What a deployment published."""

    not_state: ClassVar = dict.fromkeys(("handler", "timeout", "environment"), WIRING)

    number: str
    handler: Handler
    timeout: float
    environment: Mapping[str, str]


@dataclass
class Invocation(Stateful):
    """One running of a handler, and the context object that the handler is given."""

    not_state: ClassVar = {
        "aws_request_id": "distinguishes invocations",
        "invoked_function_arn": "by which name it was called, is past",
        "now": WIRING,
        "log": WIRING,
        "task": "where the handler is, only the handler knows: that it runs is in the state",
        "deadline": "for how much longer it may run differs from one moment to the next",
        "timed_out": "in the state as that it was killed",
        "answer": "of one that has ended, which is no longer here",
        "error": "of one that has ended, which is no longer here",
        "unfinished_line": "what has been printed changes no answer",
        "memory_limit_in_mb": WIRING,
    }

    function: Function
    version: Version
    aws_request_id: str
    invoked_function_arn: str
    now: Callable[[], float]
    log: Callable[[str], None]
    task: Task = field(init=False)
    deadline: float = 0.0
    killed: bool = False
    timed_out: bool = False
    answer: str = ""
    error: Mapping[str, Any] | None = None
    unfinished_line: str = ""
    memory_limit_in_mb: int = 256

    def state(self) -> tuple[str, str, str, bool]:
        return self.function.region, self.function.name, self.version.number, self.killed

    @property
    def function_name(self) -> str:
        return self.function.name

    @property
    def function_version(self) -> str:
        return self.version.number

    @property
    def environment(self) -> Mapping[str, str]:
        """Handlers share one process, so os.environ cannot be each one's own."""
        return self.version.environment

    def get_remaining_time_in_millis(self) -> int:
        return max(0, round((self.deadline - self.now()) * 1000))

    def kill(self) -> None:
        """The sandbox dies where the handler is parked, or will park next."""
        self.task.clock.after(0, self._die)

    def expire(self) -> None:
        """Its time is up."""
        self.timed_out = not self.task.done and not self.killed
        self._die()

    def _die(self) -> None:
        if not self.task.done:
            self.killed = True
            self.task.kill()

    def death(self) -> Mapping[str, Any]:
        """What Lambda says of an invocation that was killed."""
        kind, why = "Runtime.ExitError", "Runtime exited with error: signal: killed"
        if self.timed_out:
            kind, why = "Sandbox.Timedout", f"Task timed out after {self.version.timeout:.2f} seconds"
        return {"errorType": kind, "errorMessage": f"RequestId: {self.aws_request_id} Error: {why}"}

    def print(self, text: str) -> None:
        *lines, self.unfinished_line = (self.unfinished_line + text).split("\n")
        for line in lines:
            self.log(line)


def failure(error: Exception) -> Mapping[str, Any]:
    """As Lambda's Python runtime reports it, with file names as they are in a sandbox."""
    stack = [
        _place(frame.f_code.co_filename, line, frame.f_code.co_name)
        for frame, line in traceback.walk_tb(error.__traceback__)
        if frame.f_code.co_filename
    ][1:]
    return {"errorMessage": str(error), "errorType": type(error).__name__, "stackTrace": stack}


@functools.cache
def _place(file: str, line: int, function: str) -> str:
    """One place of a stack; the code does not change while it runs."""
    source = linecache.getline(file, line).strip()
    return f'  File "/var/task/{PurePath(file).name}", line {line}, in {function}\n    {source}\n'


def marshalled(answer: Any) -> str:
    try:
        return json.dumps(answer)
    except TypeError as error:
        raise FunctionError(
            {
                "errorMessage": f"Unable to marshal response: {error}",
                "errorType": "Runtime.MarshalError",
                "stackTrace": [],
            }
        ) from error
