"""An answer past botocore's parser: as it came from AWS, and from the twin the same, either way."""

from __future__ import annotations

import base64
import io
import json
import zlib
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.awsrequest import AWSResponse
from botocore.compat import HTTPHeaders

from functions.calls import Api, Call, Denied, Silence
from functions.outside import Outside
from twin.clock import Clock
from twin.cloud import Cloud
from twin.doubles import Doubles
from twin.moto.backing import Moto
from twin.services.dynamodb.model import DynamoDB

EAST, WEST = "us-east-1", "us-west-1"
PLAIN = Api("dynamodb:Scan", plane="data", why="a test")
RAW = Api("dynamodb:Scan", plane="data", why="a test", raw=True)
ROWS = {"Items": [{"id": {"S": "a"}, "data": {"B": base64.b64encode(b"\0\1").decode()}}], "Count": 1}


class Raw(io.BytesIO):
    def stream(self, *_: Any, **__: Any) -> Iterator[bytes]:
        yield self.read()


def answered(status: int, body: bytes, crc: int | None = None, api: Api = RAW) -> Any:
    """What is made of it, all the way through botocore but for the connection."""
    outside, call = Outside(), api(EAST, TableName="orders")

    def send(**_: Any) -> AWSResponse:
        headers = HTTPHeaders.from_dict({"x-amz-crc32": str(zlib.crc32(body) if crc is None else crc)})
        return AWSResponse("https://dynamodb.us-east-1.amazonaws.com/", status, headers, Raw(body))

    outside.client(api, call.endpoints[0]).meta.events.register("before-send.dynamodb.Scan", send)
    return outside.reply(call)


@pytest.fixture(autouse=True)
def credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "a")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "b")


def test_its_body_is_as_it_came() -> None:
    body = json.dumps(ROWS).encode()
    reply = answered(200, body)
    assert (reply["body"], reply.keys()) == (body, {"body", "ResponseMetadata"})


@pytest.mark.parametrize("body", [b"\xff\xfe", b"[]", b"null", b'{"Items": 5}', b'{"Items": [{"id": []}]}'])
def test_what_botocore_cannot_read_is_a_silence(body: bytes) -> None:
    reply = answered(200, body, api=PLAIN)
    assert isinstance(reply, Silence)
    assert "its answer cannot be read" in reply.why


def test_its_checksum_is_looked_at() -> None:
    reply = answered(200, json.dumps(ROWS).encode(), crc=1)
    assert isinstance(reply, Silence)
    assert "ChecksumError" in reply.why


def test_a_no_is_parsed() -> None:
    body = {"__type": "com.amazonaws.dynamodb#ResourceNotFoundException", "message": "no such table"}
    assert answered(400, json.dumps(body).encode()) == Denied("ResourceNotFoundException", "no such table")


def test_a_throttle_is_one() -> None:
    body = {"__type": "com.amazonaws.dynamodb#ProvisionedThroughputExceededException", "message": "slower"}
    reply = answered(400, json.dumps(body).encode())
    assert isinstance(reply, Silence)
    assert reply.throttled


@pytest.mark.parametrize("backing", [Moto, Doubles])
def test_the_twin_gives_the_same_member_on_botocores_way_and_on_the_short_one(backing: Any) -> None:
    """And where clients are kept from one run to the next."""
    for _ in range(2):
        with Cloud(Clock(), 1, backing()) as cloud:
            table = DynamoDB.of(cloud).global_table("orders", (EAST, WEST))
            table.put(EAST, "a", {"data": b"\0\1", "tags": {"x"}, "n": 1}, "a write")
            outside = Outside()
            call, plain = RAW(EAST, TableName="orders"), PLAIN(EAST, TableName="orders")
            first, second, parsed = outside.reply(call), outside.reply(call), outside.reply(plain)
    assert isinstance(first, dict)
    assert isinstance(second, dict)
    assert isinstance(parsed, dict)
    assert first == second
    assert first.keys() == {"body", "ResponseMetadata"} == answered(200, json.dumps(ROWS).encode()).keys()
    rows = json.loads(first["body"])["Items"]
    assert rows[0].pop("data") == {"B": base64.b64encode(b"\0\1").decode()}
    assert parsed["Items"][0].pop("data") == {"B": b"\0\1"}
    assert rows == parsed["Items"]


def test_the_twins_no_is_parsed_too() -> None:
    with Cloud(Clock(), 1, Moto()) as cloud:
        DynamoDB.of(cloud).global_table("orders", (EAST, WEST))
        outside = Outside()
        call = Call(RAW, RAW(EAST).endpoints, {"TableName": "orders", "Segment": 1})
        for _ in range(2):
            reply = outside.reply(call)
            assert isinstance(reply, Denied)
            assert reply.code == "ValidationException"
