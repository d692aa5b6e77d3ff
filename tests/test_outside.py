"""What AWS and the network answer, and what a tick makes of it: an answer, a silence or a no."""

from __future__ import annotations

import io
import re
import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import botocore.session
import pytest
import urllib3
from botocore.exceptions import (
    ChecksumError,
    ClientError,
    CredentialRetrievalError,
    FlexibleChecksumError,
    IncompleteReadError,
    MetadataRetrievalError,
    NoCredentialsError,
    ParamValidationError,
    ReadTimeoutError,
)
from botocore.response import StreamingBody
from botocore.retries.standard import ThrottledRetryableChecker, TransientRetryableChecker

from farshore.runbook.registry import steps
from functions import outside
from functions.calls import HTTP_GET, Api, Denied, Endpoint, Silence
from functions.outside import LONGEST_BODY, PASSING, THROTTLED, Outside, over_the_network

READ = Api("lambda:InvokeFunction", operation="Invoke", why="a test")


class Answering(Outside):
    """Of AWS, whose every call does this."""

    def __init__(self, act: Any) -> None:
        super().__init__()
        self._act = act

    def client(self, api: Api, endpoint: Endpoint) -> Any:
        return type("Client", (), {"invoke": lambda mine, **parameters: self._act()})()


def reply(act: Any) -> Any:
    return Answering(act).reply(READ("us-east-1"))


def raising(error: Exception) -> Any:
    def act() -> Any:
        raise error

    return act


def test_every_error_code_that_botocore_retries_is_a_silence() -> None:
    assert set(ThrottledRetryableChecker._THROTTLED_ERROR_CODES) <= THROTTLED
    assert set(TransientRetryableChecker._TRANSIENT_ERROR_CODES) <= THROTTLED | PASSING


@pytest.mark.parametrize("code", sorted(THROTTLED | PASSING))
def test_an_error_that_is_over_by_itself_is_a_silence(code: str) -> None:
    error = ClientError({"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": 400}}, "Invoke")
    assert isinstance(reply(raising(error)), Silence)


@pytest.mark.parametrize(("status", "throttled"), [(429, True), (408, False)])
def test_http_says_the_same_by_its_status_whatever_code_stands_beside_it(
    status: int, throttled: bool
) -> None:
    said = {"Error": {"Code": str(status)}, "ResponseMetadata": {"HTTPStatusCode": status}}
    silence = reply(raising(ClientError(said, "Invoke")))  # type: ignore[arg-type]
    assert isinstance(silence, Silence)
    assert silence.throttled is throttled


def test_a_fault_of_awss_own_is_a_silence_whatever_status_its_model_gives_it() -> None:
    """Of every call that a step declares: models of JSON services mostly give none."""
    session = botocore.session.get_session()
    apis = {api for step in steps().values() for api in (*step.reads, *step.writes) if not api.is_http}
    codes = {
        shape.error_code
        for api in apis
        for shape in session.get_service_model(api.service).operation_model(api.operation_name).error_shapes
    }
    passing = [c for c in codes if re.match("Internal|Server|kmsthrottl", c, re.IGNORECASE)]
    assert len(passing) > 5
    for code in passing:
        error = ClientError({"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": 400}}, "Invoke")
        assert isinstance(reply(raising(error)), Silence), code


@pytest.mark.parametrize(
    "error",
    [
        ReadTimeoutError(endpoint_url="x"),
        IncompleteReadError(actual_bytes=1, expected_bytes=2),
        ChecksumError(checksum_type="crc32", expected_checksum="a", actual_checksum="b"),
        FlexibleChecksumError(error_msg="it is another"),
        MetadataRetrievalError(error_msg="a time-out"),
        NoCredentialsError(),
        CredentialRetrievalError(provider="x", error_msg="the network"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_what_fails_on_the_way_is_a_silence(error: Exception) -> None:
    assert isinstance(reply(raising(error)), Silence)


def test_what_aws_was_never_asked_is_a_no_and_an_error_without_a_word_as_well() -> None:
    assert reply(raising(ParamValidationError(report="no such parameter"))).code == "ParamValidationError"
    assert isinstance(reply(raising(ClientError({}, "Invoke"))), Denied)


def test_a_body_that_breaks_off_after_the_headers_is_a_silence() -> None:
    class Broken(io.RawIOBase):
        def read(self, *_: Any) -> bytes:
            raise urllib3.exceptions.ReadTimeoutError(None, "", "read timed out")  # type: ignore[arg-type]

    body = StreamingBody(Broken(), 10)
    assert isinstance(reply(lambda: {"StatusCode": 200, "Payload": body}), Silence)
    whole = StreamingBody(io.BytesIO(b"{}"), 2)
    assert reply(lambda: {"Payload": whole}) == {"Payload": b"{}"}


def test_a_no_after_an_endpoint_that_was_silent_does_not_say_that_nothing_was_done() -> None:
    said: list[Exception] = [
        ReadTimeoutError(endpoint_url="x"),
        ClientError({"Error": {"Code": "ConflictException"}}, "Invoke"),
    ]

    def one_by_one() -> Any:
        raise said.pop(0)

    call = READ("us-east-1").through([Endpoint("us-east-1"), Endpoint("us-west-2")])
    reply = Answering(one_by_one).reply(call, busy=frozenset({"ConflictException"}))
    assert (isinstance(reply, Silence), reply.answered) == (True, False)
    said += [ReadTimeoutError(endpoint_url="x"), ClientError({"Error": {"Code": "No"}}, "Invoke")]
    reply = Answering(one_by_one).reply(call)
    assert (isinstance(reply, Denied), reply.answered) == (True, False)


# HTTP as customers speak it.


@contextmanager
def serving(address: str, port: int = 0) -> Iterator[tuple[int, list[dict[str, str]]]]:
    """A server that keeps its connections: its port, and the headers that it got."""
    seen: list[dict[str, str]] = []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            seen.append(dict(self.headers))
            body = address.encode()
            self.send_response(200)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    with HTTPServer((address, port), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        yield server.server_address[1], seen
        server.shutdown()


def test_a_name_that_leads_elsewhere_is_followed_and_no_connection_is_kept(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    leads_to, real = ["127.0.0.1"], socket.getaddrinfo
    monkeypatch.setattr(socket, "getaddrinfo", lambda host, *more, **other: real(leads_to[0], *more, **other))
    with ExitStack() as stack:
        port, here = stack.enter_context(serving("127.0.0.1"))
        _, there = stack.enter_context(serving("127.0.0.2", port))
        url = f"http://api.shop.example:{port}/"
        assert over_the_network("us-east-1", "GET", url, None, {}) == (200, b"127.0.0.1")
        leads_to[0] = "127.0.0.2"
        more = {"x-farshore": "ours"}
        assert over_the_network("us-east-1", "GET", url, None, more) == (200, b"127.0.0.2")
        assert len(here) == len(there) == 1
        headers = {name.lower(): value for name, value in here[0].items()}
        assert headers["user-agent"] == "farshore"
        assert there[0]["x-farshore"] == "ours"


@pytest.mark.parametrize(
    ("errno", "nameless"),
    [(socket.EAI_NONAME, True), (outside.NO_ADDRESS, True), (socket.EAI_AGAIN, False)],
)
def test_a_host_that_does_not_exist_is_told_from_a_resolver_that_does_not_answer(
    monkeypatch: pytest.MonkeyPatch, errno: int, nameless: bool
) -> None:
    def resolve(*_: object, **__: object) -> None:
        raise socket.gaierror(errno, "as the system says")

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    said = Outside().reply(HTTP_GET("us-east-1", url="https://api.us-east-l.shop.example/"))
    assert isinstance(said, Silence)
    assert said.nameless is nameless


def test_headers_that_come_one_by_one_for_ever_are_hung_up_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """A time-out of the socket counts from one byte to the next."""
    monkeypatch.setattr(outside, "LONGEST_CALL_SECONDS", 0.2)
    over, sent = threading.Event(), []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.wfile.write(b"HTTP/1.1 200 OK\r\n")
            while not over.wait(0.05):
                self.wfile.write(b"x: y\r\n")
                sent.append(1)

        def log_message(self, *_: Any) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.handle_request, daemon=True).start()
        with pytest.raises(urllib3.exceptions.HTTPError):
            over_the_network("us-east-1", "GET", f"http://127.0.0.1:{server.server_address[1]}/", None, {})
        over.set()
    assert len(sent) < 60


class Endless:
    """A body that comes a little at a time, for ever."""

    def read1(self, amount: int, decode_content: bool) -> bytes:
        assert not decode_content
        return b"x" * amount


def test_an_answer_without_an_end_is_read_no_further_than_anybody_needs() -> None:
    endless: Any = Endless()
    assert len(outside._body(endless, until=float("inf"))) < 2 * LONGEST_BODY
    with pytest.raises(urllib3.exceptions.HTTPError, match="no whole answer within"):
        outside._body(endless, until=0.0)
