"""Lambda: functions whose handlers are real Python, run on the twin's clock.

Each invocation is a task of its own, so that handlers park at their calls and interleave, outlive whoever
called them, and can be killed between two calls. What a handler prints is kept as log lines. Sources:
docs.aws.amazon.com/lambda/latest/dg/configuration-concurrency.html (reservations),
docs.aws.amazon.com/lambda/latest/dg/provisioned-concurrency.html (which count towards reservations),
docs.aws.amazon.com/lambda/latest/api/API_ListProvisionedConcurrencyConfigs.html,
docs.aws.amazon.com/lambda/latest/api/API_Invoke.html (answers and errors).
"""

from __future__ import annotations

import functools
import io
import json
import math
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, ClassVar

from botocore.response import StreamingBody

from ...clock import Killed
from ...cloud import ACCOUNT, PATIENCE, Answer, AwsError, Cloud, Operation, Unanswered
from ...faults import Plug, Request
from ...service import APART, WIRING, Service, seconds_until
from ..iam.model import Policy, guard
from .sandbox import Function, FunctionError, Handler, Invocation, Provisioned, Version, failure, marshalled
from .stdout import CONSOLE, PRINTED

__all__ = ["FunctionError", "Functions", "Invocation", "Policy"]

ACCOUNT_CONCURRENCY = 1000
"""Invocations that an account may run at once in one Region, unless it asks for more."""

LEAST_UNRESERVED = 100

LONGEST_PAGE = 50
"""Provisioned configurations on one page, at most and by default."""

NAME = re.compile(
    r"(arn:aws:lambda:)?((?<=:)(?P<region>[a-z]+(-[a-z]+)+-\d):)?((?P<account>\d{12}):)?((?<=:)function:)?"
    r"(?P<name>[a-zA-Z0-9_-]+)(:(?P<qualifier>\$LATEST|[a-zA-Z0-9_-]+))?"
)
"""A function's name, ARN or partial ARN, each with or without a version."""


class Functions(Service):
    """Every Region's Lambda functions."""

    service: ClassVar = "lambda"
    not_state: ClassVar = {
        "cloud": APART,
        "logs": "what has been printed changes no answer",
        "_invocations": "distinguishes invocations",
        "on_line": WIRING,
        "_pulled": "a person throttles in a rehearsal alone",
    }

    def __init__(self, cloud: Cloud) -> None:
        super().__init__(cloud)
        self.running: list[Invocation] = []
        """In flight, in order of their start; `kill` ends one."""
        self.logs: list[tuple[float, str, str, str]] = []
        """(instant, Region, function, line) of everything that handlers printed."""
        self.on_line: dict[tuple[str, str], Callable[[str], None]] = {}
        """Who reads each line that a function prints, by its Region and name."""
        self._functions: dict[tuple[str, str], Function] = {}
        self._invocations = 0
        self._pulled: set[str] = set()
        """ARNs of functions that a plug throttles, whatever is reserved for them."""
        cloud.guards.append(guard(self._policy_of))

    def operations(self) -> Mapping[str, Operation]:
        return {
            "Invoke": self._invoke,
            "GetFunctionConcurrency": self._get_concurrency,
            "PutFunctionConcurrency": self._put_concurrency,
            "DeleteFunctionConcurrency": self._delete_concurrency,
            "ListProvisionedConcurrencyConfigs": self._list_provisioned,
        }

    def state(self) -> object:
        """Reservations, what is provisioned, how many versions there are, and what runs."""
        functions, now = self._functions.items(), self.cloud.clock.now
        reserved = [(named, it.reserved) for named, it in functions if it.reserved is not None]
        provisioned = [
            (named, number, each.wanted, each.fails, seconds_until(each.allocated_at, now))
            for named, function in functions
            for number, each in function.provisioned.items()
        ]
        versions = sum(len(function.versions) for _, function in functions)
        return reserved, provisioned, versions, sorted(each.state() for each in self.running)

    def plugs(self) -> Sequence[Plug]:
        """Each function throttled to nothing."""
        return [
            Plug(
                function.region,
                f"function {function.name}",
                "throttle",
                "throttled",
                function.arn,
                self._pulled,
            )
            for _, function in sorted(self._functions.items())
        ]

    def close(self) -> None:
        """Ends what still runs and gives standard output back."""
        for invocation in list(self.running):
            invocation.task.kill()
        CONSOLE.uninstall()

    def deploy(
        self,
        region: str,
        name: str,
        handler: Handler,
        *,
        timeout: float = 60,
        policy: Policy | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> str:
        """Publishes a version, the first or one more, and gives its ARN.

        `timeout` is in seconds; no policy allows everything.
        """
        function = self._functions.setdefault((region, name), Function(region, name))
        function.policy = policy
        number = str(len(function.versions) + 1)
        function.versions.append(Version(number, handler, timeout, environment or {}))
        return f"{function.arn}:{number}"

    def reserved(self, region: str, name: str) -> int | None:
        """A function's reserved concurrency; None where it has none. For invariants, which take no time."""
        return self.function(region, name).reserved

    def provision(self, region: str, name: str, version: str, wanted: int, fails: str = "") -> None:
        """Keeps so many execution environments of a version ready, in a while; or turns out to fail, for the
        reason given. Of none it lets go at once. Raises AwsError where AWS would."""
        function = self._functions[region, name]
        if version not in (each.number for each in function.versions):
            raise _unknown(f"Function not found: {function.arn}:{version}")
        others = _provisioned(function) - _requested(function.provisioned.get(version))
        if not wanted:
            function.provisioned.pop(version, None)
            return
        if function.reserved is not None and others + wanted > function.reserved:
            raise AwsError(
                "InvalidParameterValueException",
                "Requested Provisioned Concurrency should not be greater than the "
                "reservedConcurrentExecution for function",
            )
        if function.reserved is None:
            self._leave_enough(region, function, others + wanted)
        now = self.cloud.clock.now
        allocated_at = now + self.cloud.latency.draw("lambda_provisioning")
        function.provisioned[version] = Provisioned(wanted, now, allocated_at, fails)

    def function(self, region: str, name: str) -> Function:
        """As it is configured: for invariants, too."""
        return self._functions[region, name]

    def invoke(self, region: str, name: str, payload: Mapping[str, Any]) -> Any:
        """What the handler returns, as JSON gives it; parks the caller for as long as it runs.

        Raises AwsError (ResourceNotFoundException, TooManyRequestsException) where Lambda does not run it,
        and FunctionError where it ran and failed.
        """
        return json.loads(self._answer(region, name, json.loads(json.dumps(payload))))

    def _answer(self, region: str, name: str, event: Any, patience: float = math.inf) -> str:
        """What the handler returns for an event of its own, as JSON. Raises Unanswered where the caller has
        given up by then: the function runs on."""
        function, version, arn = self._find(region, name)
        self._admit(function)
        self._invocations += 1
        number = self._invocations
        invocation = Invocation(
            function,
            version,
            f"{number:08x}-0000-4000-8000-{number:012x}",
            arn,
            lambda: self.cloud.clock.now,
            lambda line: self._printed(function, line),
        )
        self.running.append(invocation)
        invocation.task = self.cloud.clock.spawn(lambda: self._run(invocation, event))
        outlasts = patience < version.timeout
        if outlasts and not invocation.task.join_for(patience):
            raise Unanswered(arn)
        invocation.task.join()
        if invocation.error is not None:
            raise FunctionError(invocation.error)
        return invocation.answer

    def _printed(self, function: Function, line: str) -> None:
        self.logs.append((self.cloud.clock.now, function.region, function.name, line))
        if read := self.on_line.get((function.region, function.name)):
            read(line)

    def _run(self, invocation: Invocation, event: dict[str, Any]) -> None:
        clock, timeout = self.cloud.clock, invocation.version.timeout
        try:
            clock.sleep(self.cloud.latency.draw("lambda_start"))
            invocation.deadline = clock.now + timeout
            clock.after(timeout, invocation.expire)
            CONSOLE.install()
            PRINTED.set(invocation.print)
            with self.cloud.acting_as(invocation.function.name, invocation.function.region):
                answer = invocation.version.handler(event, invocation)
            invocation.answer = marshalled(answer)
        except Killed:
            pass
        except FunctionError as error:
            invocation.error = error.body
        except Exception as error:
            invocation.error = failure(error)
        finally:
            if invocation.killed:  # whatever the handler made of it: its process is gone
                invocation.error = invocation.death()
            if invocation.unfinished_line:
                invocation.print("\n")
            self.running.remove(invocation)
            if not self.running:
                CONSOLE.uninstall()

    def _admit(self, function: Function) -> None:
        pulled = function.arn in self._pulled
        if function.reserved is None and len(self.running) < LEAST_UNRESERVED and not pulled:
            return  # reservations leave at least so many
        if function.reserved is not None:
            reason, most = "ReservedFunctionConcurrentInvocationLimitExceeded", function.reserved
            running = [i for i in self.running if i.function is function]
        else:
            reason, most = "ConcurrentInvocationLimitExceeded", self._unreserved(function.region)
            running = [
                i
                for i in self.running
                if i.function.region == function.region and i.function.reserved is None
            ]
        if pulled or len(running) >= most:
            raise AwsError("TooManyRequestsException", f"Rate Exceeded. Reason: {reason}", 429)

    def _unreserved(self, region: str, but: Function | None = None) -> int:
        there = [f for f in self._functions.values() if f.region == region and f is not but]
        return ACCOUNT_CONCURRENCY - sum(f.reserved or 0 for f in there)

    def _leave_enough(self, region: str, function: Function, wanted: int) -> None:
        """Raises AwsError where the function would leave others too little of what the account has. What is
        provisioned of a function without a reservation is taken from that, too."""
        others = (f for f in self._functions.values() if f.region == region and f is not function)
        taken = sum(_provisioned(f) for f in others if f.reserved is None)
        if self._unreserved(region, but=function) - taken - wanted < LEAST_UNRESERVED:
            raise AwsError(
                "InvalidParameterValueException",
                "Specified ReservedConcurrentExecutions for function decreases account's "
                f"UnreservedConcurrentExecution below its minimum value of [{LEAST_UNRESERVED}].",
            )

    def _policy_of(self, region: str, name: str) -> Policy | None:
        function = self._functions.get((region, name))
        return None if function is None else function.policy

    def _find(self, region: str, given: str, qualifier: str = "") -> tuple[Function, Version, str]:
        """The function, the version asked for (the newest, where none is) and the ARN it was asked by."""
        match = _named(given)
        if match is None:
            raise AwsError("ValidationException", f"functionName {given!r} is neither a name nor an ARN")
        if match["region"] not in (None, region):
            raise _unknown(
                f"Functions from '{match['region']}' are not reachable in this region ('{region}')"
            )
        qualifier = qualifier or match["qualifier"] or ""
        arn = f"arn:aws:lambda:{region}:{ACCOUNT}:function:{match['name']}" + (
            f":{qualifier}" if qualifier else ""
        )
        function = self._functions.get((region, match["name"]))
        if function is None or match["account"] not in (None, ACCOUNT):
            raise _unknown(f"Function not found: {arn}")
        for version in reversed(function.versions):
            if qualifier in ("", "$LATEST", version.number):
                return function, version, arn
        raise _unknown(f"Function not found: {arn}")

    def _invoke(self, request: Request) -> Answer:
        asked = request.parameters
        kind = asked.get("InvocationType", "RequestResponse")
        if kind != "RequestResponse":
            raise NotImplementedError(f"the twin's Lambda has no {kind} invocations")
        name, qualifier = str(asked["FunctionName"]), str(asked.get("Qualifier", ""))
        _, version, arn = self._find(request.region, name, qualifier)
        payload = asked.get("Payload") or b"{}"
        assert isinstance(payload, str | bytes | bytearray)
        try:
            event = json.loads(payload)
        except ValueError as error:
            raise AwsError(
                "InvalidRequestContentException", f"Could not parse request body into json: {error}"
            ) from error
        answer: dict[str, Any] = {"StatusCode": 200, "ExecutedVersion": version.number}
        try:
            body = self._answer(request.region, arn, event, PATIENCE.get()).encode()
        except FunctionError as error:
            answer["FunctionError"] = "Unhandled"
            body = json.dumps(error.body).encode()
        answer["Payload"] = StreamingBody(io.BytesIO(body), len(body))
        return answer

    def _configured(self, request: Request) -> Function:
        """Reservations belong to a function, never to one of its versions."""
        given = str(request.parameters["FunctionName"])
        match = _named(given)
        if match is not None and match["qualifier"] is not None:
            raise AwsError(
                "InvalidParameterValueException", f"{given}: concurrency is reserved without a qualifier"
            )
        return self._find(request.region, given)[0]

    def _get_concurrency(self, request: Request) -> Answer:
        reserved = self._configured(request).reserved
        return {} if reserved is None else {"ReservedConcurrentExecutions": reserved}

    def _put_concurrency(self, request: Request) -> Answer:
        function = self._configured(request)
        wanted = request.parameters["ReservedConcurrentExecutions"]
        assert isinstance(wanted, int)
        if wanted < (provisioned := _provisioned(function)):
            raise AwsError(
                "InvalidParameterValueException",
                "Specified ReservedConcurrentExecutions for function should not be lower than function's "
                f"total provisioned concurrency [{provisioned}].",
            )
        self._leave_enough(request.region, function, wanted)
        function.reserved = wanted
        return {"ReservedConcurrentExecutions": wanted}

    def _delete_concurrency(self, request: Request) -> Answer:
        self._configured(request).reserved = None
        return {}

    def _list_provisioned(self, request: Request) -> Answer:
        function = self._configured(request)
        start, most = int(str(request.parameters.get("Marker", 0))), request.parameters.get("MaxItems")
        assert most is None or isinstance(most, int)
        end = start + (most or LONGEST_PAGE)
        listed = list(function.provisioned.items())
        items = [self._told(function, version, each) for version, each in listed[start:end]]
        more = {"NextMarker": str(end)} if end < len(listed) else {}
        return {"ProvisionedConcurrencyConfigs": items, **more}

    def _told(self, function: Function, version: str, provisioned: Provisioned) -> Answer:
        under_way = self.cloud.clock.now < provisioned.allocated_at
        ready = 0 if under_way or provisioned.fails else provisioned.wanted
        status = "IN_PROGRESS" if under_way else "FAILED" if provisioned.fails else "READY"
        return {
            "FunctionArn": f"{function.arn}:{version}",
            "RequestedProvisionedConcurrentExecutions": provisioned.wanted,
            "AllocatedProvisionedConcurrentExecutions": ready,
            "AvailableProvisionedConcurrentExecutions": ready,
            "Status": status,
            **({"StatusReason": provisioned.fails} if status == "FAILED" else {}),
            "LastModified": datetime.fromtimestamp(provisioned.since, tz=UTC).strftime("%Y-%m-%dT%H:%M:%S%z"),
        }


@functools.lru_cache(maxsize=1024)
def _named(given: str) -> re.Match[str] | None:
    return NAME.fullmatch(given)


def _requested(provisioned: Provisioned | None) -> int:
    return 0 if provisioned is None else provisioned.wanted


def _provisioned(function: Function) -> int:
    """Of all its versions together, whether it is allocated yet or not."""
    return sum(map(_requested, function.provisioned.values()))


def _unknown(message: str) -> AwsError:
    return AwsError("ResourceNotFoundException", message, 404)
