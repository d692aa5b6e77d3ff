"""Step Functions: machines and their executions, run by the twin's own engine (asl/).

Sources: docs.aws.amazon.com/step-functions/latest/apireference/ (operations, errors, paging);
docs.aws.amazon.com/step-functions/latest/dg/redrive-executions.html (what can be redriven, and for how long).
"""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from ...cloud import ACCOUNT, Answer, AwsError, Cloud, Operation
from ...faults import Request
from ...service import APART, Service
from .asl.cursor import Calls, Machine
from .asl.definition import Invalid, parse
from .asl.execution import Execution
from .asl.history import LONGEST_CAUSE, described, instant
from .asl.map_run import READING, WRITING
from .asl.states import LARGEST_BYTES, Failure, compact

NAME = re.compile(r'[^\s<>{}\[\]?*"#%\\^|~`$&,;:/\x00-\x1f\x7f-\x9f]{1,80}')
MACHINE = re.compile(r"arn:aws:states:(?P<region>[a-z0-9-]+):\d{12}:stateMachine:[^:]+")
EXECUTION = re.compile(r"arn:aws:states:(?P<region>[a-z0-9-]+):\d{12}:execution:[^:]+:[^:]+")
PAGE, LONGEST_PAGE = 100, 1000
STATUSES = ("RUNNING", "SUCCEEDED", "FAILED", "TIMED_OUT", "ABORTED", "PENDING_REDRIVE")

REDRIVABLE_SECONDS = 14 * 86400.0
REDRIVABLE_EVENTS = 24_999
TOKENS, TOKEN_SECONDS = 10, 900.0
"""RedriveExecution answers so many client tokens again, for so long."""

CONNECT_SECONDS, READ_SECONDS = 10.0, 960.0
"""Step Functions' own patience with Lambda: AWS gives no figure. Ten seconds is what its SDK (Java 1, by the
names of its errors) waits for a connection; an answer may take as long as a function may run, 15 minutes."""


class StepFunctions(Service):
    """Every Region's state machines."""

    service: ClassVar = "stepfunctions"
    not_state: ClassVar = {
        "cloud": APART,
        "_tokens": "of redrives, which nobody asks for twice with one token",
        "_calls": "clients, that remember nothing",
    }

    def __init__(self, cloud: Cloud) -> None:
        super().__init__(cloud)
        self._machines: dict[str, Machine] = {}
        self.executions: dict[str, Execution] = {}
        self._tokens: dict[str, dict[str, float]] = {}
        self._calls: dict[str, Calls] = {}

    def operations(self) -> Mapping[str, Operation]:
        return {
            "CreateStateMachine": self._create,
            "DescribeStateMachine": self._describe_machine,
            "DescribeStateMachineForExecution": self._describe_machine_of,
            "StartExecution": self._start,
            "DescribeExecution": self._describe,
            "GetExecutionHistory": self._history,
            "ListExecutions": self._list,
            "StopExecution": self._stop,
            "RedriveExecution": self._redrive,
        }

    def state(self) -> object:
        """What runs, and where it stands; of each machine, how its runs have ended that went well, and which
        did not: those could be redriven."""
        executions = self.executions.values()
        well = {each.machine.name for each in executions if each.status == "SUCCEEDED"}
        others = [each.state() for each in executions if each.status != "SUCCEEDED"]
        machines = [machine.name for machine in self._machines.values()]
        return machines, sorted(well), others

    def status(self, execution: str) -> str:
        """Of an execution, by its ARN. For whoever judges: it takes no time."""
        return self.executions[execution].status

    # Machines.

    def _create(self, request: Request) -> Answer:
        """Creating the same machine again is no mistake; another one of its name is."""
        asked: Mapping[str, Any] = request.parameters
        name = asked["name"]
        _name(name)
        if more := asked.keys() - {"name", "definition", "roleArn", "type"}:
            raise NotImplementedError(f"the twin's Step Functions has no {min(more)}")
        express = asked.get("type", "STANDARD") == "EXPRESS"
        arn = f"arn:aws:states:{request.region}:{ACCOUNT}:stateMachine:{name}"
        try:
            program = parse(asked["definition"])
        except Invalid as why:
            raise AwsError("InvalidDefinition", f"Invalid State Machine Definition: '{why}'") from why
        there = self._machines.get(arn)
        if there is None:
            now = self.cloud.clock.now
            there = Machine(arn, name, asked["definition"], asked["roleArn"], now, program, express)
            self._machines[arn] = there
        elif there.definition != asked["definition"]:
            raise AwsError("StateMachineAlreadyExists", f"State Machine Already Exists: '{arn}'")
        return {"stateMachineArn": arn, "creationDate": instant(there.created)}

    def _describe_machine(self, request: Request) -> Answer:
        machine = self._machine(request)
        kind = "EXPRESS" if machine.express else "STANDARD"
        more = {"status": "ACTIVE", "type": kind, "creationDate": instant(machine.created)}
        return _defined(machine) | more

    def _describe_machine_of(self, request: Request) -> Answer:
        machine = self._execution(request).machine
        return _defined(machine) | {"updateDate": instant(machine.created)}

    def _machine(self, request: Request) -> Machine:
        arn = str(request.parameters.get("stateMachineArn", ""))
        _arn(MACHINE, arn, request.region)
        if arn not in self._machines:
            raise AwsError("StateMachineDoesNotExist", f"State Machine Does Not Exist: '{arn}'")
        return self._machines[arn]

    # Executions.

    def _start(self, request: Request) -> Answer:
        """The same name with the same input, while that runs, is the same execution."""
        asked: Mapping[str, Any] = request.parameters
        machine, given = self._machine(request), asked.get("input", "{}")
        name = asked.get("name", f"00000000-0000-4000-8000-{len(self.executions) + 1:012x}")
        _name(name)
        arn = f"{machine.arn.replace(':stateMachine:', ':execution:')}:{name}"
        there = self.executions.get(arn)
        if there is not None:
            if there.status != "RUNNING" or there.given != given:
                raise AwsError("ExecutionAlreadyExists", f"Execution Already Exists: '{arn}'")
            return {"executionArn": arn, "startDate": instant(there.started)}
        if len(given.encode()) > LARGEST_BYTES:
            raise AwsError("InvalidExecutionInput", f"the input exceeds {LARGEST_BYTES} bytes")
        try:
            json.loads(given)
        except ValueError as error:
            why = f"Invalid State Machine Execution Input: '{error}'"
            raise AwsError("InvalidExecutionInput", why) from error
        calls = self._calls_in(request.region)
        if machine.express:
            return self._start_express(calls, machine, name, given)
        made = self.executions[arn] = Execution(self.cloud.clock, calls, machine, arn, name, given)
        return {"executionArn": arn, "startDate": instant(made.started)}

    def _start_express(self, calls: Calls, machine: Machine, name: str, given: str) -> Answer:
        """At least once, and nobody can ask for it again: its history would be in its log, if it has one.
        Source: docs.aws.amazon.com/step-functions/latest/dg/choosing-workflow-type.html"""
        arn = f"{machine.arn.replace(':stateMachine:', ':express:')}:{name}:{self.cloud.clock.now:.0f}"
        made = Execution(self.cloud.clock, calls, machine, arn, name, given)
        return {"executionArn": arn, "startDate": instant(made.started)}

    def _describe(self, request: Request) -> Answer:
        execution = self._execution(request)
        answer: dict[str, Any] = _listed(execution) | {"input": execution.given, "inputDetails": _INCLUDED}
        if execution.status == "SUCCEEDED":
            answer |= {"output": execution.output, "outputDetails": _INCLUDED}
        if execution.failure is not None:
            answer |= described(execution.failure)
        why = self._not_redrivable(execution)
        if why:
            return answer | {"redriveStatus": "NOT_REDRIVABLE", "redriveStatusReason": why}
        return answer | {"redriveStatus": "REDRIVABLE"}

    def _history(self, request: Request) -> Answer:
        asked: Mapping[str, Any] = request.parameters
        if not asked.get("includeExecutionData", True):
            raise NotImplementedError("the twin's histories include execution data")
        events = self._execution(request).history.events
        if asked.get("reverseOrder", False):
            events = events[::-1]
        page, more = _page(events, asked)
        return {"events": page, **more}

    def _list(self, request: Request) -> Answer:
        """The newest first."""
        asked: Mapping[str, Any] = request.parameters
        machine, wanted = self._machine(request), asked.get("statusFilter")
        if more := asked.keys() & {"mapRunArn", "redriveFilter"}:
            raise NotImplementedError(f"the twin's Step Functions has no {min(more)}")
        if wanted is not None and wanted not in STATUSES:
            raise AwsError("ValidationException", f"statusFilter {wanted!r} is none of {', '.join(STATUSES)}")
        found = [
            _listed(each)
            for each in reversed(self.executions.values())
            if each.machine is machine and wanted in (None, each.status)
        ]
        page, rest = _page(found, asked)
        return {"executions": page, **rest}

    def _stop(self, request: Request) -> Answer:
        """What has ended stays as it ended."""
        asked: Mapping[str, Any] = request.parameters
        execution, error, cause = self._execution(request), asked.get("error"), asked.get("cause")
        if len(error or "") > 256 or len(cause or "") > LONGEST_CAUSE:
            raise AwsError("ValidationException", f"an error has 256 characters, a cause {LONGEST_CAUSE}")
        if execution.status == "RUNNING":
            execution.stop(error, cause)
        return {"stopDate": instant(execution.stopped)}

    def _redrive(self, request: Request) -> Answer:
        execution, now = self._execution(request), self.cloud.clock.now
        token = str(request.parameters.get("clientToken", ""))
        tokens = self._tokens.setdefault(execution.arn, {})
        if token in tokens and now <= tokens[token] + TOKEN_SECONDS:
            return {"redriveDate": instant(tokens[token])}
        if why := self._not_redrivable(execution):
            raise AwsError("ExecutionNotRedrivable", why)
        execution.redrive()
        tokens[token] = now
        for old in list(tokens)[:-TOKENS]:
            del tokens[old]
        return {"redriveDate": instant(now)}

    def _not_redrivable(self, execution: Execution) -> str:
        """Why not; empty where it is."""
        if execution.status in ("RUNNING", "SUCCEEDED"):
            return f"Execution is {execution.status} and cannot be redriven"
        if len(execution.history) >= REDRIVABLE_EVENTS:
            return "Execution history event limit exceeded"
        if self.cloud.clock.now > execution.stopped + REDRIVABLE_SECONDS:
            return "Execution redrivable period exceeded"
        return ""

    def _execution(self, request: Request) -> Execution:
        arn = str(request.parameters["executionArn"])
        _arn(EXECUTION, arn, request.region)
        if arn not in self.executions:
            raise AwsError("ExecutionDoesNotExist", f"Execution Does Not Exist: '{arn}'")
        return self.executions[arn]

    # What it calls itself.

    def _calls_in(self, region: str) -> Calls:
        """Through the Cloud, like everybody: faults, latencies and who is watching are the same for all."""
        if region not in self._calls:
            config = Config(
                parameter_validation=False,
                retries={"total_max_attempts": 1},
                connect_timeout=CONNECT_SECONDS,
                read_timeout=READ_SECONDS,
            )
            client = functools.cache(lambda service: boto3.client(service, region_name=region, config=config))
            self._calls[region] = Calls(
                lambda parameters: _invoke(client("lambda"), parameters),
                lambda parameters: _moved(READING, client("s3").get_object, parameters)["Body"].read(),
                lambda parameters: _moved(WRITING, client("s3").put_object, parameters) and None,
            )
        return self._calls[region]


def _moved(failed: str, call: Callable[..., Any], parameters: Mapping[str, Any]) -> Any:
    """What an object's store answers. Raises Failure where it does not."""
    try:
        return call(**parameters)
    except (ClientError, BotoCoreError) as error:
        raise Failure(failed, str(error)) from error


def _invoke(client: Any, parameters: Mapping[str, Any]) -> Mapping[str, Any]:
    """The result of a Task. Raises Failure, with the error as Step Functions names it."""
    payload = json.dumps(parameters["Payload"]).encode()
    try:
        answer = client.invoke(FunctionName=parameters["FunctionName"], Payload=payload)
    except ClientError as error:
        raise _service_failure(client, error) from error
    except BotoCoreError as error:
        raise Failure("Lambda.SdkClientException", f"Unable to execute HTTP request: {error}") from error
    result = json.loads(answer["Payload"].read())
    if "FunctionError" in answer:
        raise Failure(result["errorType"], compact(result))
    return {
        "ExecutedVersion": answer["ExecutedVersion"],
        "Payload": result,
        "StatusCode": answer["StatusCode"],
    }


def _service_failure(client: Any, error: ClientError) -> Failure:
    """Errors that Invoke's model does not have are all Lambda.AWSLambdaException: its SDK's base class."""
    said, metadata = error.response["Error"], error.response["ResponseMetadata"]
    known = {shape.name for shape in client.meta.service_model.operation_model("Invoke").error_shapes}
    name = said["Code"] if said["Code"] in known else "AWSLambdaException"
    details = (
        f"Service: AWSLambda; Status Code: {metadata['HTTPStatusCode']}; Error Code: {said['Code']}; "
        f"Request ID: {metadata['RequestId']}; Proxy: null"
    )
    return Failure(f"Lambda.{name}", f"{said['Message']} ({details})")


_INCLUDED = {"included": True}


def _listed(execution: Execution) -> dict[str, Any]:
    listed = {
        "executionArn": execution.arn,
        "stateMachineArn": execution.machine.arn,
        "name": execution.name,
        "status": execution.status,
        "startDate": instant(execution.started),
        "redriveCount": execution.redrives,
    }
    if execution.status != "RUNNING":
        listed["stopDate"] = instant(execution.stopped)
    if execution.redrives:
        listed["redriveDate"] = instant(execution.redriven)
    return listed


def _defined(machine: Machine) -> dict[str, Any]:
    return {
        "stateMachineArn": machine.arn,
        "name": machine.name,
        "definition": machine.definition,
        "roleArn": machine.role,
    }


def _page(
    items: list[dict[str, Any]], asked: Mapping[str, Any]
) -> tuple[list[dict[str, Any]], dict[str, str]]:
    """The page that is asked for, and the token of the next one where there is one."""
    size, token = asked.get("maxResults", 0) or PAGE, asked.get("nextToken", "0")
    if size > LONGEST_PAGE:
        raise AwsError("ValidationException", f"maxResults must be at most {LONGEST_PAGE}")
    if not token.isdecimal() or int(token) > len(items):
        raise AwsError("InvalidToken", f"Invalid Token: '{token}'")
    end = int(token) + size
    return items[int(token) : end], {"nextToken": str(end)} if end < len(items) else {}


def _name(name: str) -> None:
    if NAME.fullmatch(name) is None:
        raise AwsError("InvalidName", f"Invalid Name: '{name}'")


def _arn(kind: re.Pattern[str], arn: str, region: str) -> None:
    found = kind.fullmatch(arn)
    if found is None or found["region"] != region:
        raise AwsError("InvalidArn", f"Invalid Arn: '{arn}' in {region}")
