"""The Cloud: AWS's Regions in one process, on one clock, with the faults between them and their callers.

Services enlist in it. A call comes as a `Request`, from whoever plugged the Cloud in (twin/botocore_hook.py).
A fault may be injected into it, it takes its time on the one clock, guards may refuse it, and then a service
answers, or what backs the Cloud does.
"""

from __future__ import annotations

import contextvars
import datetime
import functools
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from .backing import Backing
from .clock import Clock
from .faults import ANSWERED, UNANSWERED, Faults, Kind, Plug, Request
from .latency import Latency
from .quotas import Quotas
from .rows import rows_of

ACCOUNT = "123456789012"
"""Everybody's: moto's, and that of AWS's own local engines."""

WHO: contextvars.ContextVar[tuple[str, str]] = contextvars.ContextVar("who", default=("", ""))
"""The function whose code is running and its Region; empty for people and customers."""

PATIENCE: contextvars.ContextVar[float] = contextvars.ContextVar("patience", default=math.inf)
"""Seconds for which whoever calls waits for an answer: for a service whose answers may take longer."""

Answer = Mapping[str, Any]
Operation = Callable[[Request], Answer]
Guard = Callable[[Request], None]


class AwsError(Exception):
    """An error as AWS answers it."""

    def __init__(self, code: str, message: str, status: int = 400) -> None:
        super().__init__(f"{code}: {message}")
        self.code, self.message, self.status = code, message, status


class Unreachable(Exception):
    """Nobody answered for as long as the caller waits for a connection."""


class Unanswered(Exception):
    """The call was sent, and no answer came for as long as the caller waits for one."""


class Client(Protocol):
    """The caller's side of a call, in whatever it calls with."""

    @property
    def connect_timeout(self) -> float:
        """Seconds, as the next one."""

    @property
    def read_timeout(self) -> float: ...

    def refusal(self, kind: Kind, request: Request) -> AwsError:
        """That kind of fault in the service's own words."""

    def check(self, answer: Answer) -> None:
        """AssertionError where the service never answers so."""


@dataclass(slots=True)
class Call:
    """A request on its way there and back."""

    request: Request
    client: Client
    kind: Kind | None = None
    """The fault that was injected into it."""
    gives_up_at: float = math.inf
    """When whoever calls no longer waits for an answer, in seconds of the clock."""


class Enlisted(Protocol):
    """What the Cloud needs of a service (twin/service.py)."""

    @property
    def service(self) -> str:
        """boto3's name for it."""

    def operations(self) -> Mapping[str, Operation]: ...

    def state(self) -> object: ...

    def plugs(self) -> Sequence[Plug]: ...


class Behind(Backing, Protocol):
    """A backing that can be put behind a Cloud."""

    def behind(self, cloud: Cloud) -> AbstractContextManager[None]:
        """While it lasts, it answers for the Cloud, and boto3's clients speak to the Cloud."""


Found = TypeVar("Found")


class Cloud:
    """The Regions. Open it with `with`: a Cloud that is not open serves nobody."""

    def __init__(self, clock: Clock, seed: int, backing: Behind) -> None:
        """`seed` is that of the latencies."""
        self.clock = clock
        self.backing = backing
        self.faults = Faults()
        self.quotas = Quotas(clock)
        self.latency = Latency(seed)
        self.guards: list[Guard] = []
        """Each may refuse a call before anybody answers it."""
        self.watchers: list[Callable[[Request, Answer | None], None]] = []
        """Called for every call that AWS has done, with its answer."""
        self.reroute: Callable[[Request], str | None] = lambda request: None
        """The Region that keeps what the request is about, where that is another one."""
        self.validates = True
        """What a service answers is held to the service's model."""
        self.calls = 0
        self.services: list[Enlisted] = []
        self._operations: dict[tuple[str, str], Operation] = {}
        self._shared: dict[tuple[str, str], tuple[Callable[[Request], bool], Operation]] = {}
        self._open = ExitStack()

    def __enter__(self) -> Cloud:
        self._open.enter_context(self.backing.behind(self))
        return self

    def __exit__(self, *_: object) -> None:
        self.clock.close()
        self._open.close()

    def enlist(self, service: Enlisted) -> None:
        """From now on the service answers its operations. ValueError where another object does already."""
        if any(type(other) is type(service) for other in self.services):
            raise ValueError(f"there is a {type(service).__name__} in this Cloud: find it with `of`")
        offered = {(service.service, name): answer for name, answer in service.operations().items()}
        for other in self.services:
            for name in other.operations() if other.service == service.service else ():
                if (other.service, name) in offered:
                    who = type(other).__name__
                    raise ValueError(f"{service.service}:{name} is served by {who} already")
        self._operations |= offered
        self.services.append(service)

    def enlisted(self, kind: type[Found]) -> Found | None:
        """The service of this class, if there is one."""
        return next((service for service in self.services if isinstance(service, kind)), None)

    def serve(self, service: str, operation: str, answer: Operation) -> None:
        """Lets `answer` reply to one operation, whoever did before. It must not keep the request."""
        self._operations[service, operation] = answer

    def share(
        self, service: str, operation: str, meant: Callable[[Request], bool], answer: Operation
    ) -> None:
        """Lets `answer` reply to those requests of the operation that are meant for it; to the others replies
        whoever did before."""
        self._shared[service, operation] = meant, answer

    def serves(self, request: Request) -> bool:
        """Somebody other than the backing answers it."""
        return self._answering(request) is not None

    def served(self) -> list[tuple[str, str]]:
        """Service and operation of all that somebody other than the backing answers, be it not always."""
        return sorted({*self._operations, *self._shared})

    def fingerprint(self) -> str:
        """All that what follows comes from, but for the dice, the time, and what is still to be injected.

        Two moments with the same fingerprint go on alike. Times in it are relative to now, in whole figures.
        """
        states = [(type(service).__name__, service.state()) for service in self.services]
        return repr(
            (states, self.backing.state(), self.faults.state(), self.quotas.state(), self.clock.queued())
        )

    @contextmanager
    def acting_as(self, function: str, region: str) -> Iterator[None]:
        """Calls made inside come from this function."""
        token = WHO.set((function, region))
        try:
            yield
        finally:
            WHO.reset(token)

    def request(
        self, service: str, operation: str, region: str, parameters: dict[str, Any], url: str, session: str
    ) -> Request:
        """What arrives at AWS when whoever is acting calls; `region` is the client's."""
        function, origin = WHO.get()
        home = rows_of(service).home
        return Request(service, operation, home or region, parameters, function, origin, url, session)

    def ask(self, call: Call) -> Answer | None:
        """Takes the time that a call takes. None where the backing is to answer.

        Raises AwsError for a refusal, Unreachable, and Unanswered where nothing has been done, or not yet.
        """
        request, client = call.request, call.client
        self.calls += 1
        call.gives_up_at = self.clock.now + client.read_timeout
        kind = self.faults.injected(request)
        host = _host(request.url)
        if kind == "lost_before" or self.faults.is_dark(
            request.region, request.service, host, request.origin
        ):
            self.clock.sleep(client.connect_timeout)
            raise Unreachable(request.url)
        ailment = self.faults.ailment(request.region, request.service, host)
        if ailment == "mute":
            self.clock.sleep(client.read_timeout)
            raise Unanswered(request.url)
        kind = ailment or kind
        self.clock.sleep(client.read_timeout if kind == "slow" else self.latency.draw("aws_call") / 2)
        if kind not in ANSWERED and not self.quotas.takes(request):
            kind = "throttled"
        if kind in ANSWERED:
            call.kind = kind
            raise client.refusal(kind, request)
        for guard in self.guards:
            guard(request)
        call.kind = kind
        if kind == "reverted":
            return {}
        operation = self._answering(request)
        if operation is None:
            self.backing.take(request)
            return None
        patience = PATIENCE.set(call.gives_up_at - self.clock.now)
        try:
            answer = operation(request)
        except AwsError:
            call.kind = kind if kind in UNANSWERED else None  # a refusal can get lost on its way as well
            raise
        finally:
            PATIENCE.reset(patience)
        if self.faults.earlier is not None:
            before = self.faults.earlier.note(request, answer)
            answer = before if kind == "stale" and before is not None else answer
        if kind == "hollow":
            return {}
        if self.validates:
            client.check(answer)
        return answer

    def _answering(self, request: Request) -> Operation | None:
        key = request.service, request.operation
        meant, answer = self._shared.get(key, (None, None))
        return answer if meant is not None and meant(request) else self._operations.get(key)

    def answer(self, call: Call, done: bool, answer: Answer) -> None:
        """The way back: watchers are called; the answer takes its time, or is lost (Unanswered)."""
        if done:
            for watcher in self.watchers:
                watcher(call.request, answer)
        if call.kind in UNANSWERED:
            if call.kind == "lost_after":
                self.clock.sleep(max(0.0, call.gives_up_at - self.clock.now))
            raise Unanswered(call.request.url)
        self.clock.sleep(self.latency.draw("aws_call") / 2)


@functools.lru_cache(maxsize=1024)
def _host(url: str) -> str:
    return url.split("/")[2].split(":")[0]


def stamp(instant: float) -> datetime.datetime:
    """An instant of the clock as AWS's answers give times."""
    return datetime.datetime.fromtimestamp(instant, tz=datetime.UTC)
