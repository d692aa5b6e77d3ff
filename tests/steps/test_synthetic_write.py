"""Customers can buy: the real handler against a made-up shop behind one endpoint."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from farshore.testing.ticker import EAST, OTHER, WEST, Ticker, ticking
from functions.steps.synthetic_write import SyntheticWrite
from twin.faults import Kind
from twin.net import HttpAnswer, HttpRequest
from twin.services.lambda_.model import FunctionError

HOST = "api.shop.example"
INPUTS = {
    "url": f"https://{HOST}",
    "write": "/user",
    "body": '{"email": "{marker}@farshore.example"}',
    "read": "/user/{marker}@farshore.example",
    "region": WEST,
}


class Shop(Ticker):
    """One endpoint, behind it the Region that serves; users are replicated at once."""

    def __init__(self, cloud: Any) -> None:
        super().__init__(cloud)
        self.serving, self.writable, self.forgets = WEST, True, False
        self.users: list[str] = []
        self.taken = 0
        self.no: HttpAnswer = (500, b"read-only transaction")
        self.deploy(SyntheticWrite)
        for region in (EAST, WEST):
            self.net.serve(
                f"api.{region}", region, lambda request, region=region: self.answer(region, request)
            )
        self.net.name(HOST, lambda: f"api.{self.serving}" if self.serving else None)
        self.hold()

    def answer(self, region: str, request: HttpRequest) -> HttpAnswer:
        if request.method == "POST":
            if not self.writable:
                return self.no
            self.taken += 1
            if not self.forgets:
                self.users.append(json.loads(request.body)["email"])
            return 201, b"{}"
        email = request.path.removeprefix("/user/")
        if email not in self.users:
            return 404, b"no such user"
        return 200, json.dumps({"email": email, "region": region}).encode()

    def proves(self, **given: Any) -> dict[str, Any]:
        return self.tick("synthetic_write", INPUTS, **given)

    def ends(self, **given: Any) -> str:
        """With its outcome, or its error in words."""
        try:
            return str(self.proves(**given)["outcome"])
        except FunctionError as error:
            return f"{error.body['errorType']}: {error.body['errorMessage']}"

    def fails_to(self, **given: Any) -> str:
        return self.fails("synthetic_write", INPUTS, **given)


@pytest.fixture
def shop() -> Iterator[Shop]:
    with ticking(1, Shop) as shop:
        assert isinstance(shop, Shop)
        yield shop


def test_a_write_that_can_be_read_back_from_the_region_is_done(shop: Shop) -> None:
    said = shop.proves()
    assert said["outcome"] == "done"
    assert shop.users == [f"{said['facts']['marker']}@farshore.example"]


def test_again_finds_the_marker_and_writes_nothing(shop: Shop) -> None:
    shop.proves()
    assert shop.proves()["outcome"] == "done"
    assert len(shop.users) == 1


@pytest.mark.parametrize("seconds", [10, 60, 250])
def test_an_error_that_is_kept_on_the_way_brings_about_no_second_write(shop: Shop, seconds: float) -> None:
    """As CloudFront keeps a 404 to a GET for ten seconds."""
    shop.cloud.faults.errors_kept = seconds
    entered, said = shop.clock.now, "NotYet"
    while said.startswith("NotYet"):
        assert shop.clock.now < entered + seconds + 20
        said = shop.ends(entered=entered)
        shop.clock.sleep(5)
    assert said == "done"
    assert len(shop.users) == 1


def test_what_the_region_that_is_left_accepted_is_written_once_more_before_the_run_gives_up(
    shop: Shop,
) -> None:
    """Nobody will read it: that Region was dark, and lived again just after customers had been led away."""
    entered, shop.forgets, said = shop.clock.now, True, "NotYet"
    while said.startswith("NotYet"):
        said = shop.ends(entered=entered)
        shop.forgets = shop.taken == 0
        shop.clock.sleep(5)
    assert said == "done"
    assert shop.taken == 2
    assert 255 <= shop.clock.now - entered < 300


def test_a_state_that_is_entered_anew_writes_anew(shop: Shop) -> None:
    """What the Region that is left accepted may never be seen: a redrive does not wait for it."""
    shop.forgets = True
    shop.fails_to()
    shop.clock.sleep(60)
    shop.forgets = False
    assert shop.proves(entered=shop.clock.now)["outcome"] == "done"


def test_each_run_writes_a_marker_of_its_own(shop: Shop) -> None:
    shop.proves()
    shop.hold(OTHER)
    shop.proves(execution=OTHER)
    assert len(set(shop.users)) == 2


def test_reads_that_succeed_while_writes_fail_prove_nothing(shop: Shop) -> None:
    shop.writable = False
    assert shop.fails_to() == "NotYet: the state: http:POST in us-west-1: HTTP 500"
    late = shop.clock.now - 301
    assert "Refused: the state: not within 300 s: write farshore-" in shop.fails_to(entered=late)
    shop.writable = True
    assert shop.proves()["outcome"] == "done"


def test_an_answer_of_200_that_lacks_the_text_is_no_acceptance_and_the_write_is_made_again(
    shop: Shop,
) -> None:
    shop.writable, shop.no = False, (200, b'{"Error": "read-only transaction"}')
    inputs = {**INPUTS, "search_string": "{}"}
    said = shop.fails("synthetic_write", inputs)
    assert "its body lacks {}" in said
    shop.writable = True
    assert shop.tick("synthetic_write", inputs)["outcome"] == "done"


def test_a_write_that_the_other_region_served_proves_nothing_and_is_not_repeated(shop: Shop) -> None:
    """Resolvers still hold the old address."""
    shop.serving = EAST
    assert f"answers, but not from {WEST}" in shop.fails_to()
    assert f"answers, but not from {WEST}" in shop.fails_to()
    assert len(shop.users) == 1
    shop.serving = WEST
    assert shop.proves()["outcome"] == "done"
    assert len(shop.users) == 1


def test_an_endpoint_that_does_not_answer_is_waited_for(shop: Shop) -> None:
    shop.cloud.faults.dark.add(WEST)
    assert shop.fails_to() == f"NotYet: the state: https://{HOST} does not answer"
    shop.cloud.faults.dark.clear()
    assert shop.proves()["outcome"] == "done"


def test_an_endpoint_that_has_no_address_is_waited_for(shop: Shop) -> None:
    shop.serving = ""
    assert "does not answer" in shop.fails_to()


@pytest.mark.parametrize("kind", ["lost_after", "slow"])
def test_a_write_whose_answer_was_lost_is_found_and_not_repeated(shop: Shop, kind: Kind) -> None:
    shop.inject(kind, "POST")
    assert shop.converge("synthetic_write", INPUTS)["outcome"] == "done"
    assert len(shop.users) == 1


@pytest.mark.parametrize("kind", ["lost_before", "500", "503", "throttled", "denied"])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_request_that_fails_once_delays_it(shop: Shop, kind: Kind, method: str) -> None:
    shop.inject(kind, method)
    assert shop.converge("synthetic_write", INPUTS)["outcome"] == "done"
    assert len(set(shop.users)) == 1


def test_a_dry_run_shows_the_write_and_makes_none(shop: Shop) -> None:
    said = shop.proves(dry_run=True)
    assert said["outcome"] == "would change"
    (call,) = said["calls"]
    assert call["action"] == "http:POST"
    assert call["parameters"]["url"] == f"https://{HOST}/user"
    assert "@farshore.example" in call["parameters"]["body"]
    assert shop.users == []


def test_a_run_without_the_lease_writes_nothing(shop: Shop) -> None:
    shop.hold(OTHER)
    assert "superseded" in shop.fails_to()
    assert shop.users == []
