"""The twin's STS over HTTPS: it takes what botocore signs for it, and nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore import auth
from botocore.auth import SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import ReadOnlyCredentials

from twin.clock import Clock
from twin.cloud import ACCOUNT, Cloud
from twin.doubles import Doubles
from twin.net import HttpAnswer, Net
from twin.services.sts.model import Sts

WEST, OREGON = "us-west-1", "us-west-2"
BOUND = {"x-a-plan": "one"}


class Desk:
    """A person who signs, and the network."""

    def __init__(self, cloud: Cloud) -> None:
        self.clock, self.net = cloud.clock, Net(cloud)
        self.sts = Sts(cloud, self.net)
        self.sts.endpoint(OREGON)
        self.host = self.sts.endpoint(WEST)
        self.ann = self.sts.user("ann")

    def signed(
        self,
        by: ReadOnlyCredentials | None = None,
        service: str = "sts",
        region: str = WEST,
        expires: int = 900,
        action: str = "GetCallerIdentity",
    ) -> str:
        """As botocore's own signer of URLs does it, which none of ours is."""
        url = f"https://{self.host}/?Action={action}&Version=2011-06-15"
        request = AWSRequest("GET", url, BOUND)
        SigV4QueryAuth(by or self.ann, service, region, expires).add_auth(request)
        return str(request.url)

    def sent(
        self, url: str, headers: Any = BOUND, method: str = "GET", body: bytes | None = None
    ) -> HttpAnswer:
        return self.net.request("", method, url, body, headers=headers)


@pytest.fixture
def desk(monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    with Cloud(Clock(), 1, Doubles()) as cloud:
        monkeypatch.setattr(
            auth, "get_current_datetime", lambda: datetime.fromtimestamp(cloud.clock.now, UTC)
        )
        yield Desk(cloud)


def refused(answer: HttpAnswer, code: str, status: int = 403) -> bool:
    return answer[0] == status and f"<Code>{code}</Code>".encode() in answer[1]


def test_what_botocore_signs_is_told_whose_it_is(desk: Desk) -> None:
    status, body = desk.sent(desk.signed())
    assert status == 200
    assert f"<Arn>arn:aws:iam::{ACCOUNT}:user/ann</Arn>".encode() in body


def test_temporary_credentials_are_told_whose_they_are(desk: Desk) -> None:
    joe = desk.sts.user("joe", token="a/token+of=joe")
    assert b"user/joe" in desk.sent(desk.signed(joe))[1]
    other = ReadOnlyCredentials(joe.access_key, joe.secret_key, "another")
    assert refused(desk.sent(desk.signed(other)), "InvalidClientTokenId")


@pytest.mark.parametrize("headers", [{}, {"x-a-plan": "another"}], ids=["missing", "another"])
def test_a_signed_header_that_is_another_is_refused(desk: Desk, headers: dict[str, str]) -> None:
    assert refused(desk.sent(desk.signed(), headers), "SignatureDoesNotMatch")


def test_an_altered_body_method_or_query_is_refused(desk: Desk) -> None:
    url = desk.signed()
    assert refused(desk.sent(url, method="POST"), "SignatureDoesNotMatch")
    assert refused(desk.sent(url, body=b"Action=GetSessionToken"), "SignatureDoesNotMatch")
    assert refused(desk.sent(f"{url}&More=1"), "SignatureDoesNotMatch")
    assert refused(desk.sent(url.replace("GetCallerIdentity", "GetSessionToken")), "InvalidAction", 400)


def test_another_host_region_service_or_key_is_refused(desk: Desk) -> None:
    elsewhere = desk.signed().replace(WEST, OREGON, 1)
    assert refused(desk.sent(elsewhere), "SignatureDoesNotMatch")
    assert refused(desk.sent(desk.signed(region=OREGON)), "SignatureDoesNotMatch")
    assert refused(desk.sent(desk.signed(service="s3")), "SignatureDoesNotMatch")
    stranger = ReadOnlyCredentials("AKIANOBODY", "nothing", None)
    assert refused(desk.sent(desk.signed(stranger)), "InvalidClientTokenId")
    impostor = ReadOnlyCredentials(desk.ann.access_key, "guessed", None)
    assert refused(desk.sent(desk.signed(impostor)), "SignatureDoesNotMatch")
    assert refused(
        desk.sent(f"https://{desk.host}/?Action=GetCallerIdentity&Version=2011-06-15"),
        "MissingAuthenticationToken",
    )


@pytest.mark.parametrize(("expires", "lasts"), [(60, 60), (900, 900), (3600, 900)])
def test_a_signature_lasts_for_a_quarter_of_an_hour_at_most(desk: Desk, expires: int, lasts: int) -> None:
    url = desk.signed(expires=expires)
    desk.clock.sleep(lasts - 5)
    assert desk.sent(url)[0] == 200
    desk.clock.sleep(10)
    assert b"Signature expired" in desk.sent(url)[1]


def test_a_signature_of_a_clock_that_is_far_ahead_is_refused(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    ahead = datetime.fromtimestamp(desk.clock.now + 600, UTC)
    monkeypatch.setattr(auth, "get_current_datetime", lambda: ahead)
    assert b"Signature not yet current" in desk.sent(desk.signed())[1]
