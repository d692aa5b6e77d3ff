"""The world as a step sees it: AWS calls as data, and the one door through which they go.

A `Call` is data (action, Region, parameters), so that a plan can be shown, hashed, printed as AWS CLI
commands, or sent. `World.ask` sends reads side by side and gets for each an answer, an `Absent` (AWS says
that there is no such thing, which the step expected) or a `Silence` (nobody answered in time, or nobody
who could): a dark Region is a sight, not an exception. `World.send` sends the writes of a Change.

Retrying is the state machine's work, where it can be seen, so every client makes a single try.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

import boto3
import urllib3
from botocore import xform_name
from botocore.config import Config
from botocore.exceptions import ClientError, ConnectionError, HTTPClientError
from botocore.parsers import ResponseParserError

CONNECT_SECONDS = 2
READ_SECONDS = 5
LONGEST_CALL_SECONDS = CONNECT_SECONDS + READ_SECONDS
"""No change of ours is in flight for longer, so a superseded run's last change has arrived after it."""

LONGEST_TICK_SECONDS = 60
"""Every function's time-out: when it has passed, the tick that checked the lease has surely ended."""

THROTTLED = frozenset(
    {
        "Throttling",
        "ThrottlingException",
        "ThrottledException",
        "RequestLimitExceeded",
        "TooManyRequestsException",
        "ProvisionedThroughputExceededException",
        "SlowDown",
        "RequestThrottled",
    }
)
"""Error codes of every AWS protocol that mean: the same call will be welcome later."""

UNAVAILABLE = frozenset({"EndpointTemporarilyUnavailableException"})
"""ARC's word for: try another endpoint. Its model gives it no HTTP status, so it cannot be known by that."""

NO_ANSWER = (HTTPClientError, ConnectionError, ResponseParserError, urllib3.exceptions.HTTPError)
"""botocore's ConnectTimeoutError and EndpointConnectionError are ConnectionErrors, not HTTPClientErrors."""

Plane = Literal["data", "control"]


class NotYet(Exception):
    """Under way, busy, throttled or unanswered: the state machine's Retry ticks this step again."""


class Refused(Exception):
    """The world is not as the runbook says: trying again cannot help, a person must look."""


@dataclass(frozen=True)
class Api:
    """One AWS operation that a step declares; calling it with a Region makes a `Call`.

    `resource` is the ARN for IAM after "arn:<partition>:", in the words of the step's inputs
    ("lambda:{region}:{account}:function:{functions}"), for all the Regions of the runbook; "*" needs `why`.
    `home` is the Region of a global service's control plane (us-east-1 for CloudFront, us-west-2 for ARC's
    configuration); None is the Region that is called. `absent` names error codes that are a sight.
    """

    action: str
    resource: str | tuple[str, ...] = "*"
    plane: Plane = "control"
    operation: str = ""
    client: str = ""
    home: str | None = None
    absent: frozenset[str] = frozenset()
    why: str = ""
    read_seconds: int = READ_SECONDS
    """How long an answer may take. Only a read may take longer than the default: see LONGEST_CALL_SECONDS."""

    def __call__(self, region: str, /, **parameters: object) -> Call:
        return Call(self, (Door(region),), parameters)

    @property
    def service(self) -> str:
        """boto3's name of the service."""
        return self.client or self.action.partition(":")[0]

    @property
    def operation_name(self) -> str:
        """The operation as botocore's model spells it."""
        return self.operation or self.action.partition(":")[2]


HTTP = Api("http:Request", plane="data", resource="*", why="not an AWS action")
"""A request as customers make it. It needs no IAM."""


@dataclass(frozen=True)
class Door:
    """Where a call goes: a Region, and an endpoint where the service has several (ARC's clusters)."""

    region: str
    endpoint: str | None = None


@dataclass(frozen=True)
class Call:
    """A call as data. Its doors are tried in order, the next one only where the last was silent."""

    api: Api
    doors: tuple[Door, ...]
    parameters: Mapping[str, Any] = field(default_factory=dict)

    def through(self, doors: Iterable[Door]) -> Call:
        return Call(self.api, tuple(doors), self.parameters)

    @property
    def region(self) -> str:
        return self.doors[0].region

    def __str__(self) -> str:
        return f"{self.api.action} in {self.region}"


def request(region: str, method: str, url: str, body: bytes | None = None) -> Call:
    """An HTTP request as data; its answer is {"status": int, "body": bytes}."""
    parameters = {"method": method, "url": url} | ({"body": body} if body is not None else {})
    return Call(HTTP, (Door(region),), parameters)


@dataclass(frozen=True)
class Silence:
    """Nobody answered: no connection, a time-out, a 5xx, a throttle. `why` is for people."""

    why: str
    answered: bool = False
    """Somebody did answer, and no other door would say otherwise."""


@dataclass(frozen=True)
class Absent:
    """AWS answered that there is no such thing."""

    code: str


@dataclass(frozen=True)
class Denied:
    """AWS answered no, and will again: the code and message as AWS gave them."""

    code: str
    message: str


Answer = Mapping[str, Any]
Sight = Answer | Absent | Silence
Reply = Sight | Denied


class Transport(Protocol):
    """Sends one HTTP request from a Region; raises urllib3's errors."""

    def __call__(self, region: str, method: str, url: str, body: bytes | None, /) -> tuple[int, bytes]: ...


def in_threads(thunks: Sequence[Callable[[], Reply]]) -> list[Reply]:
    """All at once: a dark Region costs one time-out, not one a call."""
    if len(thunks) < 2:
        return [thunk() for thunk in thunks]
    with ThreadPoolExecutor(max_workers=min(16, len(thunks))) as pool:
        return list(pool.map(lambda thunk: thunk(), thunks))


_pool: urllib3.PoolManager | None = None


def over_the_network(region: str, method: str, url: str, body: bytes | None) -> tuple[int, bytes]:
    global _pool
    if _pool is None:
        _pool = urllib3.PoolManager()
    answer = _pool.request(
        method,
        url,
        body=body,
        headers={"content-type": "application/json"} if body is not None else None,
        timeout=urllib3.Timeout(connect=CONNECT_SECONDS, read=READ_SECONDS),
        retries=False,
    )
    return answer.status, answer.data


class Outside:
    """What lies outside the process: AWS's clients, HTTP, and the one clock. The twin hands in its own."""

    def __init__(
        self,
        clock: Callable[[], float] = time.time,
        at_once: Callable[[Sequence[Callable[[], Reply]]], list[Reply]] = in_threads,
        http: Transport = over_the_network,
    ) -> None:
        self.clock = clock
        self.at_once = at_once
        self.http = http
        self._clients: dict[tuple[str, str, str | None, int], Any] = {}

    def client(self, service: str, door: Door, read_seconds: int = READ_SECONDS) -> Any:
        """One client a service and door, made on first use (boto3's factory is not thread-safe)."""
        key = service, door.region, door.endpoint, read_seconds
        if key not in self._clients:
            make: Any = boto3.client  # its stubs know every service's name, but not that names vary
            self._clients[key] = make(
                service,
                region_name=door.region,
                endpoint_url=door.endpoint,
                config=Config(
                    connect_timeout=CONNECT_SECONDS,
                    read_timeout=read_seconds,
                    retries={"total_max_attempts": 1},
                    s3={"us_east_1_regional_endpoint": "regional"},
                ),
            )
        return self._clients[key]

    def reply(self, call: Call, busy: frozenset[str] = frozenset()) -> Reply:
        """Tries the doors in order until one is not silent."""
        reply: Reply = Silence("no door to try")
        for door in call.doors:
            reply = self._through(door, call, busy)
            if not isinstance(reply, Silence) or reply.answered:
                break
        return reply

    def _through(self, door: Door, call: Call, busy: frozenset[str]) -> Reply:
        where = f"{call.api.action} in {door.region}"
        try:
            if call.api is HTTP:
                return self._http(door, call)
            client = self.client(call.api.service, door, call.api.read_seconds)
            method = getattr(client, xform_name(call.api.operation_name))
            answer: Answer = method(**call.parameters)
            return answer
        except ClientError as error:
            code = error.response["Error"]["Code"]
            message = error.response["Error"].get("Message", "")
            status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 400)
            if code in call.api.absent:
                return Absent(code)
            if code in busy:
                return Silence(f"{where}: {code}: {message}", answered=True)
            if status >= 500 or code in THROTTLED or code in UNAVAILABLE:
                return Silence(f"{where}: {code}: {message}")
            return Denied(code, message)
        except NO_ANSWER as error:
            return Silence(f"{where}: {type(error).__name__}")

    def _http(self, door: Door, call: Call) -> Reply:
        asked = call.parameters
        status, body = self.http(door.region, asked["method"], asked["url"], asked.get("body"))
        return {"status": status, "body": body}

    def replies(self, calls: Sequence[Call], busy: frozenset[str]) -> list[Reply]:
        for call in calls:
            if call.api is not HTTP:
                for door in call.doors:
                    self.client(call.api.service, door, call.api.read_seconds)
        return self.at_once([lambda call=call: self.reply(call, busy) for call in calls])  # type: ignore[misc]


def seconds(text: str | int | float) -> float:
    """A duration as runbooks write it ("30s", "15m", "2h"), in seconds."""
    if isinstance(text, int | float):
        return float(text)
    match = re.fullmatch(r"(\d+(?:\.\d+)?)(s|m|h)", text)
    if match is None:
        raise ValueError(f"{text!r} is not a duration: write 30s, 15m or 2h")
    return float(match[1]) * {"s": 1, "m": 60, "h": 3600}[match[2]]
