"""Whether a failover could begin: the real handler, which asks real handlers of a made-up step."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

import pytest

from farshore.testing.ticker import EAST, WEST, Ticker, ticking
from functions.calls import Api
from functions.errors import Refused
from functions.planned import DOUBTS
from functions.run import Mode
from functions.step import Decision, Done, Step, Wait
from functions.steps.readiness import Readiness
from functions.world import World

LISTS = Api("sns:ListSubscriptionsByTopic", plane="data", why="made up")


@dataclass(frozen=True, kw_only=True)
class Door(Step[Any]):
    """Open in every mode but `locked_in`, and where `creaks`, in doubt."""

    name: ClassVar = "door"
    reads: ClassVar = (LISTS,)
    creaks: bool = False
    shut: bool = False
    locked_in: str = ""
    topic: str = ""

    def observe(self, world: World) -> Any:
        if self.topic:
            world.ask(LISTS(EAST, TopicArn=self.topic))
        return world.run.mode

    def decide(self, seen: Mode) -> Decision:
        if self.shut:
            return Wait("it is shut")
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


# On schedule, as a machine's one state.


def looks(ticker: Ticker, prepared: dict[str, Any]) -> str:
    """What it says of a door that `prepare` has opened, or not, and of the doors of the failover."""
    asked = ticker.event(prepared, step="door", purpose="prepare")
    gate = {
        "state": "gate",
        "function": "door",
        "event": {key: asked[key] for key in ("inputs", "run", "ledger")},
        "no_return": False,
    }
    given = inputs(ticker, front={"creaks": True}, back={})
    return ticker.fails("readiness", {"later": [gate, *given["later"]]}, purpose="look")


def test_the_steps_of_prepare_must_have_nothing_to_do(ticker: Ticker) -> None:
    told = looks(ticker, {"shut": True})
    assert told == "NotYet: the state: front: it creaks; gate: would wait: it is shut"
    assert looks(ticker, {}) == "NotYet: the state: front: it creaks"


def test_how_many_troubles_each_state_has_is_a_metric(ticker: Ticker) -> None:
    looks(ticker, {"shut": True})
    lines = [json.loads(line) for *_, line in ticker.functions.logs]
    found = {line["state"]: line["NotReady"] for line in lines if "NotReady" in line}
    assert found == {"gate": [1.0], "front": [1.0], "back": [0.0]}
