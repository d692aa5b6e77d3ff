"""Whether a failover could begin: the real handler, which asks real handlers of a made-up step."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

import pytest

from farshore.testing.ticker import EAST, WEST, Ticker, ticking
from functions.calls import Api
from functions.errors import Refused
from functions.planned import DOUBTS
from functions.run import Mode
from functions.step import Decision, Done, Step
from functions.steps.readiness import Readiness
from functions.world import World

LISTS = Api("sns:ListSubscriptionsByTopic", plane="data", why="made up")


@dataclass(frozen=True, kw_only=True)
class Door(Step[Any]):
    """Open in every mode but `locked_in`, and where `creaks`, in doubt."""

    name: ClassVar = "door"
    reads: ClassVar = (LISTS,)
    creaks: bool = False
    locked_in: str = ""
    topic: str = ""

    def observe(self, world: World) -> Any:
        if self.topic:
            world.ask(LISTS(EAST, TopicArn=self.topic))
        return world.run.mode

    def decide(self, seen: Mode) -> Decision:
        if seen == self.locked_in:
            raise Refused("it is locked")
        return Done(facts={DOUBTS: ["it creaks"]} if self.creaks else {})


@pytest.fixture
def ticker() -> Iterator[Ticker]:
    with ticking() as ticker:
        ticker.deploy(Readiness)
        ticker.deploy(Door)
        yield ticker


def inputs(ticker: Ticker, **doors: dict[str, Any]) -> dict[str, Any]:
    later = []
    for state, given in doors.items():
        event = ticker.event(given, step="door")
        asked = {key: event[key] for key in ("inputs", "run", "ledger")}
        later.append({"state": state, "function": "door", "event": asked, "no_return": False})
    return {"later": later}


def test_it_is_ready_when_no_step_refuses_or_doubts(ticker: Ticker) -> None:
    assert ticker.tick("readiness", inputs(ticker, front={}, back={}))["outcome"] == "ready"


def test_all_that_is_wrong_is_told_at_once_and_in_which_mode(ticker: Ticker) -> None:
    given = inputs(ticker, front={"creaks": True}, back={"locked_in": "ungraceful"}, cellar={})
    assert ticker.fails("readiness", given) == (
        "NotYet: the state: front: it creaks; back: back: it is locked (ungraceful runs)"
    )


def test_it_looks_again_before_it_fails(ticker: Ticker) -> None:
    given, entered = inputs(ticker, front={"creaks": True}), ticker.clock.now
    assert ticker.fails("readiness", given, entered=entered).startswith("NotYet")
    ticker.clock.sleep(61)
    told = "Refused: the state: not within 60 s: front: it creaks"
    assert ticker.fails("readiness", given, entered=entered) == told


def test_a_step_that_said_nothing_once_is_asked_again_in_the_same_tick(ticker: Ticker) -> None:
    ticker.inject("lost_before", "Invoke")
    assert ticker.tick("readiness", inputs(ticker, front={}, back={}))["outcome"] == "ready"


def test_who_is_silent_is_in_doubt(ticker: Ticker) -> None:
    ticker.cloud.faults.dark.add("sns/us-east-1")
    given = inputs(ticker, front={"topic": f"arn:aws:sns:{EAST}:123456789012:pages"})
    assert "front: sns:ListSubscriptionsByTopic in us-east-1" in ticker.fails("readiness", given)


def test_what_a_step_says_counts_wherever_the_lease_is(ticker: Ticker) -> None:
    """It changes nothing, so it needs none."""
    ticker.hold("arn:aws:states:us-west-1:123456789012:execution:shop-failover:other")
    assert ticker.tick("readiness", inputs(ticker, front={}), region=WEST)["outcome"] == "ready"
