"""What lies outside the process: AWS's clients, HTTP, and the one clock.

Retrying is the state machine's work, where it can be seen, so every client makes a single try. Only what AWS
throttles while it answers others is asked again in the same tick: that is its pace, and no failure.
"""

from __future__ import annotations

import copy
import socket
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import Any, Protocol, Self

import boto3
import urllib3
from botocore import xform_name
from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ChecksumError,
    ClientError,
    ConnectionError,
    CredentialRetrievalError,
    FlexibleChecksumError,
    HTTPClientError,
    IncompleteReadError,
    MetadataRetrievalError,
    NoCredentialsError,
)
from botocore.parsers import ResponseParserError
from botocore.response import StreamingBody

from .assume import NOBODY, Assume, Assumed, Session, Sessions, session_name
from .calls import (
    CONNECT_SECONDS,
    LONGEST_CALL_SECONDS,
    READ_SECONDS,
    Absent,
    Answer,
    Api,
    Call,
    Denied,
    Endpoint,
    Reply,
    Silence,
)
from .errors import NotYet

THROTTLED = frozenset(
    {
        "BandwidthLimitExceeded",
        "EC2ThrottledException",
        "KMSThrottling",
        "KmsThrottlingException",
        "LimitExceededException",
        "PriorRequestNotComplete",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "RequestThrottled",
        "RequestThrottledException",
        "SlowDown",
        "ThrottledException",
        "Throttling",
        "ThrottlingException",
        "TooManyRequestsException",
        "TransactionInProgressException",
    }
)
"""Error codes of every AWS protocol that mean: the same call will be welcome later. botocore retries them all
but those of KMS, by which topics and machines may be encrypted.
Sources: docs.aws.amazon.com/sns/latest/api/API_Publish.html,
docs.aws.amazon.com/step-functions/latest/apireference/API_StartExecution.html"""

UNREADY = frozenset(
    {
        "CodeArtifactUserPendingException",
        "EFSMountConnectivityException",
        "EFSMountTimeoutException",
        "ResourceConflictException",
        "ResourceNotReadyException",
        "S3FilesMountConnectivityException",
        "S3FilesMountTimeoutException",
        "SnapStartNotReadyException",
        "SnapStartTimeoutException",
    }
)
"""A function was idle, is being made ready or changed, or waits for its files: it answers a little later.
Source: docs.aws.amazon.com/lambda/latest/api/API_Invoke.html"""

PASSING = UNREADY | {
    "RequestTimeout",
    "RequestTimeoutException",
    "ExpiredToken",
    "ExpiredTokenException",
    "RequestExpired",
}
"""What else is over by itself. botocore retries the first two; credentials are new at the next tick."""

UNAVAILABLE = frozenset({"EndpointTemporarilyUnavailableException"})
"""ARC's word for: try another endpoint. Its model gives it no HTTP status, so it cannot be known by that."""

TOO_MANY, TIMED_OUT = 429, 408
"""HTTP's own words for such: botocore retries 429 by the status alone, whatever code stands beside it."""

OWN_FAULTS = ("Internal", "ServerException")
"""So begin AWS's words for a fault of its own. Most models of JSON services give those no status, either."""

NO_ANSWER = (
    HTTPClientError,
    ConnectionError,
    ResponseParserError,
    IncompleteReadError,
    ChecksumError,
    FlexibleChecksumError,
    NoCredentialsError,
    CredentialRetrievalError,
    MetadataRetrievalError,
    urllib3.exceptions.HTTPError,
)
"""botocore's ConnectTimeoutError and EndpointConnectionError are ConnectionErrors, not HTTPClientErrors.
Credentials are fetched over the network, too."""

USER_AGENT = "farshore"
"""Firewalls turn away what calls itself a library."""
PACED_SECONDS = 12.0
"""So long at most throttled calls are made again, in one go: a tick looks, changes, and looks again."""
IN_VAIN = 15
"""So often in a row, one call at a time, before it is given up that anybody gets through."""
NO_ADDRESS = getattr(socket, "EAI_NODATA", socket.EAI_NONAME)
LONGEST_BODY = 1 << 20
"""Bytes that are read of an answer over HTTP. What customers get is shorter."""


class Transport(Protocol):
    """Sends one HTTP request from a Region; raises urllib3's errors."""

    def __call__(
        self, region: str, method: str, url: str, body: bytes | None, headers: Mapping[str, str], /
    ) -> tuple[int, bytes]: ...


def in_threads(thunks: Sequence[Callable[[], Reply]]) -> list[Reply]:
    """All at once: a dark Region costs one time-out, not one a call. A function may have 1,024 threads.
    Source: docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html"""
    if len(thunks) < 2:
        return [thunk() for thunk in thunks]
    with ThreadPoolExecutor(max_workers=len(thunks)) as pool:
        return list(pool.map(lambda thunk: thunk(), thunks))


def over_the_network(
    region: str, method: str, url: str, body: bytes | None, headers: Mapping[str, str]
) -> tuple[int, bytes]:
    """As customers do: the name is looked up anew each time, since a connection outlives what led to it."""
    headers = {"user-agent": USER_AGENT, "connection": "close", **headers}
    if body is not None:
        headers["content-type"] = "application/json"
    timeout = urllib3.Timeout(connect=CONNECT_SECONDS, read=READ_SECONDS)
    until = time.monotonic() + LONGEST_CALL_SECONDS
    with urllib3.PoolManager() as pool, _hung_up(pool.connection_from_url(url)):
        answer = pool.request(
            method, url, body=body, headers=headers, timeout=timeout, retries=False, preload_content=False
        )
        try:
            return answer.status, _body(answer, until)
        finally:
            answer.close()


@contextmanager
def _hung_up(pool: urllib3.HTTPConnectionPool) -> Iterator[None]:
    """After so long as a call may last: a time-out counts from one byte to the next, in the headers, too."""
    made: list[Any] = []
    kind: Any = pool.ConnectionCls

    class Connection(kind):  # type: ignore[misc]
        def connect(self) -> None:
            made.append(self)
            super().connect()

    def hang_up() -> None:
        for connection in made:
            with suppress(OSError, AttributeError):  # it has ended by itself
                connection.sock.shutdown(socket.SHUT_RDWR)

    pool.ConnectionCls = Connection
    timer = threading.Timer(LONGEST_CALL_SECONDS, hang_up)
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _body(answer: urllib3.BaseHTTPResponse, until: float) -> bytes:
    """What comes until then (of time.monotonic), as it was sent: a small body can unpack to any size."""
    read = b""
    while len(read) < LONGEST_BODY and (part := answer.read1(1 << 16, decode_content=False)):
        read += part
        _in_time(until)
    _in_time(until)  # who was hung up on looks as if they had ended
    return read


def _in_time(until: float) -> None:
    if time.monotonic() > until:
        raise urllib3.exceptions.ProtocolError(f"no whole answer within {LONGEST_CALL_SECONDS} s")


def _is_no_name(error: BaseException) -> bool:
    """DNS answered, and has no such name, or none with an address; a resolver that does not answer says
    something else (EAI_AGAIN)."""
    why = error.__cause__
    return isinstance(why, socket.gaierror) and why.errno in (socket.EAI_NONAME, NO_ADDRESS)


def _whole(answer: Answer) -> Answer:
    """With what comes after the headers: reading that may fail as the call itself may."""
    return {k: v.read() if isinstance(v, StreamingBody) else v for k, v in answer.items()}


def _is_botocores(error: Exception) -> bool:
    """It takes it for granted that an answer is UTF-8, and of the model's shape; whatever it raises otherwise
    is no mistake of ours."""
    *_, (frame, _) = traceback.walk_tb(error.__traceback__)
    return str(frame.f_globals.get("__name__")).partition(".")[0] in ("botocore", "dateutil", "json")


def _keep_body(response_dict: dict[str, Any], customized_response_dict: dict[str, Any], **_: Any) -> None:
    """Errors are parsed, and the checksum is that of the body as it came."""
    if response_dict["status_code"] == 200:
        customized_response_dict["body"] = response_dict["body"]
        response_dict["body"] = b"{}"


class Outside:
    """What lies outside the process: AWS's clients, HTTP, and the one clock. The twin gives its own."""

    def __init__(
        self,
        clock: Callable[[], float] = time.time,
        at_once: Callable[[Sequence[Callable[[], Reply]]], list[Reply]] = in_threads,
        http: Transport = over_the_network,
    ) -> None:
        self.clock = clock
        self.at_once = at_once
        self.http = http
        self._clients: dict[tuple[str, str, str | None, int, bool], Any] = {}
        self._making = threading.Lock()
        self._until = float("inf")
        self._insists = False
        self._assume: tuple[Assume, str] | None = None
        self._sessions = Sessions()
        self._unassumed: Mapping[str, Silence | Denied] = {}
        """By Region, why there is no session for the calls that are made side by side now."""

    def until(self, instant: float) -> Self:
        """The same, for one tick: no call is made that may last beyond the instant (seconds since 1970)."""
        mine = copy.copy(self)
        mine._until = instant
        return mine

    def insisting(self) -> Self:
        """The same, for a run that gives up: a no is silence to it, and it asks again, since nobody else
        gives back what it took."""
        mine = copy.copy(self)
        mine._insists = True
        return mine

    def assuming(self, assume: Assume, execution: str) -> Self:
        """The same, for a line whose calls are made as another account's role, on behalf of an execution."""
        mine = copy.copy(self)
        mine._assume = assume, session_name(execution)
        return mine

    def elsewhere(self) -> Self:
        """The same in another process, which begins its own sessions."""
        mine = copy.copy(self)
        mine._sessions = Sessions()
        return mine

    def client(self, api: Api, endpoint: Endpoint, session: Session | None = None) -> Any:
        """One client a service, endpoint and session, made on first use."""
        key = api.service, endpoint.region, endpoint.url, api.read_seconds, api.raw
        clients = self._clients if session is None else session.clients
        if key not in clients:
            make: Any = boto3.client  # its stubs know every service's name, but not that names vary
            with self._making:  # boto3's factory is not thread-safe
                clients[key] = made = make(
                    api.service,
                    region_name=endpoint.region,
                    endpoint_url=endpoint.url,
                    config=Config(
                        connect_timeout=CONNECT_SECONDS,
                        read_timeout=api.read_seconds,
                        retries={"total_max_attempts": 1},
                        s3={"us_east_1_regional_endpoint": "regional"},
                        # Who keeps clients by how they are made keeps these apart.
                        user_agent_extra="raw" if api.raw else None,
                    ),
                    **({} if session is None else session.credentials),
                )
            if api.raw:
                made.meta.events.register("before-parse", _keep_body, unique_id="raw")
        return clients[key]

    def reply(self, call: Call, busy: frozenset[str] = frozenset()) -> Reply:
        """Tries the endpoints in order until one is not silent. Raises NotYet where the tick has no time left
        for one: that it was not asked says nothing of it."""
        reply: Reply = Silence("no endpoint to try")
        for tried, endpoint in enumerate(call.endpoints):
            reply = self._through(endpoint, call, busy)
            if not isinstance(reply, Silence) or reply.answered:
                # One that was silent may have done it.
                return (
                    replace(reply, answered=False) if tried and isinstance(reply, Silence | Denied) else reply
                )
        return reply

    def _through(self, endpoint: Endpoint, call: Call, busy: frozenset[str]) -> Reply:
        """As the line's role, where it names one. Without a session the call has surely not been made."""
        if not self._assumes(call.api):
            return self._made(endpoint, call, busy)
        session = self._session_in(endpoint.region)
        if isinstance(session, Session):
            return self._made(endpoint, call, busy, session)
        if isinstance(session, Denied) and session.code in call.api.absent:
            return Absent(session.code)
        return session

    def _assumes(self, api: Api) -> bool:
        return self._assume is not None and not (api.is_http or api.ours)

    def _session_in(self, region: str) -> Session | Silence | Denied:
        """The role's, be it another Region that gave it; a new one of this Region where it is due."""
        assert self._assume is not None
        assume, name = self._assume
        if (role := assume.role_in(region)) is None:
            return self._no(f"assume in {region}", NOBODY, f"the line names no role for {region}")
        who = Assumed(role, assume.external_id, name)
        if region in self._unassumed:
            return self._unassumed[region]
        if held := self._sessions.held(who, self.clock()):
            return held
        asked = who.asked_in(region)
        answer = self.reply(asked)
        if isinstance(answer, Denied):
            remedy = f"farshore show APP --role {role} prints what it must allow, and whom it must trust"
            return replace(answer, message=f"{answer.message} ({remedy})")
        if isinstance(answer, Silence):
            return answer
        begun = self._sessions.begin(who, answer, self.clock()) if isinstance(answer, Mapping) else None
        return begun or Silence(f"{asked}: an answer without a session")

    def _no(self, where: str, code: str, message: str) -> Silence | Denied:
        if self._insists:
            return Silence(f"{where}: {code}: {message}", answered=True)
        return Denied(code, message)

    def _made(
        self, endpoint: Endpoint, call: Call, busy: frozenset[str], session: Session | None = None
    ) -> Reply:
        where = f"{call.api.action} in {endpoint.region}"
        if self.clock() + CONNECT_SECONDS + call.api.read_seconds > self._until:
            raise NotYet(f"no time left in this tick for {where}")
        try:
            if call.api.is_http:
                return self._http(endpoint, call)
            client = self.client(call.api, endpoint, *filter(None, [session]))
            method = getattr(client, xform_name(call.api.operation_name))
            return _whole(method(**call.parameters))
        except ClientError as error:
            return self._refused(where, error, call.api, busy, session)
        except urllib3.exceptions.NameResolutionError as error:
            nameless = _is_no_name(error)
            why = "there is no such host: correct the name" if nameless else type(error).__name__
            return Silence(f"{where}: {why}", nameless=nameless)
        except NO_ANSWER as error:
            return Silence(f"{where}: {type(error).__name__}")
        except BotoCoreError as error:  # what AWS was never asked, as with a parameter that is none
            return Denied(type(error).__name__, str(error))
        except Exception as error:
            if not _is_botocores(error):
                raise
            return Silence(f"{where}: its answer cannot be read: {type(error).__name__}")

    def _refused(
        self, where: str, error: ClientError, api: Api, busy: frozenset[str], session: Session | None
    ) -> Reply:
        """What an error that AWS has answered comes to."""
        said = error.response.get("Error", {})
        code, message = said.get("Code", "Unknown"), said.get("Message", "")
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 400)
        if code in api.absent:
            return Absent(code)
        if code in busy:
            return Silence(f"{where}: {code}: {message}", answered=True)
        own_fault = status >= 500 or status == TIMED_OUT or code.startswith(OWN_FAULTS)
        throttled = code in THROTTLED or status == TOO_MANY
        if session is not None and not (own_fault or throttled):
            session.until = 0.0  # it may have ended, or been revoked: a new one may hear yes
        if own_fault or throttled or code in PASSING | UNAVAILABLE:
            return Silence(f"{where}: {code}: {message}", throttled=throttled)
        return self._no(where, code, message)

    def _http(self, endpoint: Endpoint, call: Call) -> Reply:
        url, body = call.parameters["url"], call.parameters.get("body")
        headers = call.parameters.get("headers", {})
        status, body = self.http(endpoint.region, call.api.operation_name, url, body, headers)
        return {"status": status, "body": body}

    def replies(self, calls: Sequence[Call], busy: frozenset[str], lives: bool = False) -> list[Reply]:
        """All side by side. Where AWS takes fewer a second than these (15 of Lambda's control plane), the
        others come again, in groups about as large as what got through: its throttles set the pace. It
        `lives` where it has just answered others, so that somebody will get through, though nobody did yet.
        Source: docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html"""
        for call in calls:
            if not (call.api.is_http or self._assumes(call.api)):
                for endpoint in call.endpoints:
                    self.client(call.api, endpoint)
        replies = self._side_by_side(calls, busy)
        left = [place for place, reply in enumerate(replies) if _throttled(reply)]
        through, until = len(replies) - len(left), self.clock() + PACED_SECONDS
        in_vain = 0 if through or lives else IN_VAIN
        while left and in_vain < IN_VAIN and self.clock() < until:
            group = left[: max(1, 2 * through)]
            try:
                again = self._side_by_side([calls[place] for place in group], busy)
            except NotYet:
                break
            for place, reply in zip(group, again, strict=True):
                replies[place] = reply
            through = sum(not _throttled(reply) for reply in again)
            in_vain = 0 if through else in_vain + 1
            left = [place for place in left if _throttled(replies[place])]
        return replies

    def _side_by_side(self, calls: Sequence[Call], busy: frozenset[str]) -> list[Reply]:
        mine = self._with_sessions(calls)
        return self.at_once([lambda call=call: mine.reply(call, busy) for call in calls])  # type: ignore[misc]

    def _with_sessions(self, calls: Sequence[Call]) -> Self:
        """The same, once each Region that is called has been asked for a session where one is due: forty
        calls need one. Where a Region's STS is silent, so is the call there; at the next look the session
        that another Region gave serves."""
        regions = list(dict.fromkeys(call.region for call in calls if self._assumes(call.api)))
        if not regions:
            return self
        sessions: list[Any] = self.at_once([lambda at=at: self._session_in(at) for at in regions])  # type: ignore[misc]
        mine = copy.copy(self)
        mine._unassumed = {
            at: why for at, why in zip(regions, sessions, strict=True) if not isinstance(why, Session)
        }
        return mine


def _throttled(reply: Reply) -> bool:
    return isinstance(reply, Silence) and reply.throttled
