"""AWS calls and HTTP requests as data, and what is answered.

A `Call` is data (action, endpoints, parameters), so that a plan can be shown, hashed, printed as AWS CLI
commands, or sent. What comes back is an answer, an `Absent` (AWS says that there is no such thing, which the
step expected), a `Silence` (nobody answered in time, or nobody who could) or a `Denied`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

CONNECT_SECONDS = 2
READ_SECONDS = 5
LONGEST_CALL_SECONDS = CONNECT_SECONDS + READ_SECONDS
"""No change of ours is in flight for longer, so a superseded run's last change has arrived after it."""

LONGEST_TICK_SECONDS = 60
"""Every function's time-out: when it has passed, the tick that checked the lease has surely ended."""

LAST_CALL_SECONDS = LONGEST_TICK_SECONDS - 3
"""A tick makes no call that may last beyond this: it ends by its own word, and is not cut off. What is left
is for what takes no call: its errors and its log."""

HOMES = ("us-east-1", "us-west-2")
"""Where the control planes of AWS's global services live.
Source: docs.aws.amazon.com/whitepapers/latest/aws-fault-isolation-boundaries/global-services.html"""

Plane = Literal["data", "control"]


def _any_call(parameters: Mapping[str, Any]) -> bool:
    return True


def domain_of(region: str) -> str:
    """Of AWS's hosts in the Region's partition.
    Source: docs.amazonaws.cn/en_us/aws/latest/userguide/endpoints-Beijing.html"""
    return "amazonaws.com.cn" if region.startswith("cn-") else "amazonaws.com"


@dataclass(frozen=True)
class Api:
    """One AWS operation that a step declares; calling it with a Region makes a `Call`.

    `resource` is the ARN for IAM after "arn:<partition>:", in the words of the step's inputs
    ("lambda:{region}:{account}:function:{functions}"), for all the Regions of the runbook; "*" needs `why`.
    `home` is the Region of a global service's control plane, one of HOMES (us-east-1 for CloudFront,
    us-west-2 for ARC's configuration); None is the Region that is called. `absent` names error codes that are
    a sight.
    """

    action: str
    resource: str | tuple[str, ...] = "*"
    plane: Plane = "control"
    operation: str = ""
    client: str = ""
    cli: str = ""
    """The AWS CLI's command for the service, where it is not boto3's name."""
    home: str | None = None
    absent: frozenset[str] = frozenset()
    why: str = ""
    only_for: str = ""
    """The input that it is asked for: where that is left out, no call of it is made, nor allowed."""
    accepts_loss: bool = False
    """A call of it promotes without what was not shipped yet."""
    pages: bool = False
    """It pages a person, and changes nothing of the application."""
    own_items: bool = False
    """It writes items of Farshore's own among the application's, and changes nothing of that."""
    ours: bool = False
    """It is about what is Farshore's own: made by the function as itself, whatever role its line names."""
    dependents: tuple[str, ...] = ()
    """Other actions that its caller must be allowed, on the same resources."""
    only: tuple[str, tuple[str, ...]] | None = None
    """A condition key of IAM, and all the values that a request of a step's function may have of it."""
    read_seconds: int = READ_SECONDS
    """How long an answer may take. Only a read may take longer than the default: see LONGEST_CALL_SECONDS."""
    asks: int | None = None
    """How often one look asks it at most, where that is not as often as its step asks anything."""
    raw: bool = False
    """Its answer is only the `body`, in bytes as they came: botocore's parser takes longer over a large one
    than all that is done with it."""
    of: Callable[[Mapping[str, Any]], bool] = _any_call
    """Of an operation that looks or changes by what it is given: whether a call with these parameters is one
    of this Api."""

    def __call__(self, region: str, /, **parameters: object) -> Call:
        return Call(self, (Endpoint(region),), parameters)

    @property
    def service(self) -> str:
        """boto3's name of the service."""
        return self.client or self.prefix

    @property
    def prefix(self) -> str:
        """IAM's name of the service, in actions and in ARNs."""
        return self.action.partition(":")[0]

    @property
    def operation_name(self) -> str:
        """The operation as botocore's model spells it."""
        return self.operation or self.action.partition(":")[2]

    def makes(self, service: str, operation: str, parameters: Mapping[str, Any]) -> bool:
        """Whether such a request is a call of this Api."""
        return (service, operation) == (self.service, self.operation_name) and self.of(parameters)

    @property
    def is_http(self) -> bool:
        """A request as customers make it. It needs no IAM."""
        return self.service == "http"


HTTP_GET = Api("http:GET", plane="data", why="not an AWS action")
"""Takes `url`, and `headers` where there are any; its answer is {"status": int, "body": bytes}."""
HTTP_POST = Api("http:POST", plane="data", why="not an AWS action")
"""Takes `url` and `body`, bytes of JSON, and `search_string` where an answer without that text is a no;
answers as HTTP_GET does."""


@dataclass(frozen=True)
class Endpoint:
    """Where a call goes: a Region, and an endpoint where the service has several (ARC's clusters)."""

    region: str
    url: str | None = None


@dataclass(frozen=True)
class Call:
    """A call as data. Its endpoints are tried in order, the next one only where the last was silent."""

    api: Api
    endpoints: tuple[Endpoint, ...]
    parameters: Mapping[str, Any] = field(default_factory=dict)

    def through(self, endpoints: Iterable[Endpoint]) -> Call:
        return Call(self.api, tuple(endpoints), self.parameters)

    @property
    def region(self) -> str:
        return self.endpoints[0].region

    def __str__(self) -> str:
        return f"{self.api.action} in {self.region}"

    @property
    def named(self) -> str:
        """For people: with the name of what it is about, which is its first parameter, if that is a text."""
        about = next(iter(self.parameters.values()), None)
        return f"{self.api.action}{f' of {about}' if isinstance(about, str) else ''} in {self.region}"


@dataclass(frozen=True)
class Silence:
    """Nobody answered: no connection, a time-out, a 5xx, a throttle. `why` is for people."""

    why: str
    answered: bool = False
    """Somebody did answer, be it nothing of use, and no other endpoint would say otherwise: it has surely not
    been done."""
    throttled: bool = False
    """Somebody did answer: that it was asked too much. It has not been done."""
    nameless: bool = False
    """DNS says that there is no such host: nobody was asked, and so nobody was silent."""


@dataclass(frozen=True)
class Absent:
    """AWS answered that there is no such thing."""

    code: str


@dataclass(frozen=True)
class Denied:
    """AWS answered no, and will again: the code and message as AWS gave them."""

    code: str
    message: str
    answered: bool = True
    """It has surely not been done: no other endpoint was asked before, and may have."""

    @property
    def why(self) -> str:
        return f"{self.code}: {self.message}"


Answer = Mapping[str, Any]
Sight = Answer | Absent | Silence
Reply = Sight | Denied
Missed = tuple[Call, Silence | Denied]
"""A call that was sent and not acknowledged, and why not."""


def said_to(call: Call, reply: Silence | Denied) -> str:
    """What was said to a call that was not acknowledged, for people. A silence says itself what it is of."""
    return f"{call.named}: {reply.why}" if isinstance(reply, Denied) else reply.why
