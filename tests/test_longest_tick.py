"""No tick is cut off: what is computed of it, what the twin measures, and what compile refuses."""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, ClassVar

import pytest
from click.testing import CliRunner
from own_shop import SHOP, repository

from farshore.cli import farshore
from farshore.compile import states
from farshore.compile.machine import machines
from farshore.compile.states import function_name
from farshore.compile.ticks import longest_look
from farshore.runbook.load import load
from farshore.runbook.mistakes import Mistakes
from farshore.runbook.registry import steps
from farshore.simulate.rehearsal import Rehearsal
from farshore.testing.ticker import EAST, Ticker, ticking
from functions.calls import LAST_CALL_SECONDS, LONGEST_TICK_SECONDS, Api, Endpoint
from functions.inputs import Region
from functions.outside import in_threads
from functions.step import Decision, Done, Step
from functions.steps.lambda_concurrency import LambdaConcurrency
from functions.world import World
from twin.faults import Kind, Request

REPLICAS = 3
PROBE = Api("lambda:GetFunctionConcurrency", why="a test", absent=frozenset({"ResourceNotFoundException"}))


@dataclasses.dataclass(frozen=True, kw_only=True)
class Asks(Step[int]):
    """Asks so often, each time at so many endpoints."""

    often: Annotated[int, "how often"]
    endpoints: Annotated[int, "at how many"] = 1
    side_by_side: Annotated[int, "how many calls at once"] = 1

    name: ClassVar = "asks"
    reads: ClassVar = (PROBE,)
    asks: ClassVar = 20
    tries: ClassVar = 5
    needs_lease: ClassVar = False

    def observe(self, world: World) -> int:
        call = PROBE(Region(EAST), FunctionName="buy").through([Endpoint(EAST)] * self.endpoints)
        for _ in range(self.often):
            world.ask(*[call] * self.side_by_side)
        return self.often

    def decide(self, seen: int) -> Decision:
        return Done()


@pytest.fixture
def ticker() -> Iterator[Ticker]:
    with ticking() as made:
        made.deploy(Asks)
        yield made


def slow_but(ticker: Ticker, *answered: str) -> None:
    """Every call of a function is slow, but those of these services."""

    def line(request: Request) -> Kind | None:
        return "slow" if request.caller and request.service not in answered else None

    ticker.cloud.faults.injectors.append(line)


def test_a_tick_whose_calls_are_all_slow_ends_by_its_own_word_and_says_so(ticker: Ticker) -> None:
    slow_but(ticker, "dynamodb")
    began = ticker.clock.now
    said = ticker.fails("asks", {"often": 20})
    assert said.startswith("NotYet: the state: no time left in this tick for lambda:GetFunctionConcurrency")
    assert LAST_CALL_SECONDS - 10 < ticker.clock.now - began <= LAST_CALL_SECONDS


def test_calls_side_by_side_for_which_no_time_is_left_end_the_tick_in_the_same_way(ticker: Ticker) -> None:
    slow_but(ticker, "dynamodb")
    assert "no time left in this tick" in ticker.fails("asks", {"often": 20, "side_by_side": 3})


def test_nothing_is_concluded_of_an_endpoint_that_was_not_tried(ticker: Ticker) -> None:
    slow_but(ticker, "dynamodb")
    began = ticker.clock.now
    assert ticker.fails("asks", {"often": 4, "endpoints": 5}).startswith("NotYet")
    assert ticker.clock.now - began <= LAST_CALL_SECONDS


def test_a_step_asks_no_more_often_and_at_no_more_endpoints_than_it_declares(ticker: Ticker) -> None:
    assert "declared asks 20" in ticker.fails("asks", {"often": 21})
    assert "declared tries 5" in ticker.fails("asks", {"often": 1, "endpoints": 6})


def test_forty_calls_are_made_at_once() -> None:
    """Or forty slow ones would take as long as three."""
    meeting = threading.Barrier(40, timeout=20)
    in_threads([lambda: (meeting.wait(), {})[1]] * 40)


# What the twin measures of the shop's steps, a game day through.

SLOW_SECONDS = 120.0


def longest_ticks(but: tuple[str, ...]) -> dict[str, float]:
    """By step, the longest tick of an ungraceful game day. For its first two minutes each function's calls
    are slow, but those of these services."""
    runbook = load(SHOP)
    with Rehearsal(
        runbook, "ungraceful", "us-east-1", 1, lambda moment: None, data="memory", backed="doubles"
    ) as rehearsal:
        simulation, begun = rehearsal.simulation, {}

        def meets(request: Request) -> Kind | None:
            now = simulation.clock.now
            if not request.caller.startswith("farshore-"):
                return None
            since = begun.setdefault(request.caller, now)
            return "slow" if now - since < SLOW_SECONDS and request.service not in but else None

        simulation.cloud.faults.injectors.append(meets)
        rehearsal.play()
        ticks = [tick for each in simulation.deployment.ticks.values() for tick in each]
        assert [tick.label for tick in ticks if not tick.ended] == [], "no tick was cut off"
    longest: dict[str, float] = {}
    for tick in ticks:
        step = next(name for name in steps() if function_name(name) == tick.function[1])
        longest[step] = max(longest.get(step, 0.0), tick.ended - tick.began)
    return longest


@pytest.mark.parametrize("but", [(), ("dynamodb",), ("dynamodb", "lambda")])
def test_no_tick_of_a_game_day_in_which_every_call_is_slow_is_cut_off(but: tuple[str, ...]) -> None:
    longest = longest_ticks(but)
    assert {"lease", "region_impaired", "approval", "lambda_concurrency"} <= longest.keys()
    assert max(longest.values()) > 10
    assert max(longest.values()) <= LAST_CALL_SECONDS < LONGEST_TICK_SECONDS


# What compile refuses.


def test_every_step_can_look_within_a_tick_and_every_state_waits_for_its_function() -> None:
    for kind in steps().values():
        assert longest_look(kind, REPLICAS) <= LAST_CALL_SECONDS
    for machine in machines(load(SHOP)):
        for state in machine.definition["States"].values():
            if state["Type"] == "Task":
                assert state["TimeoutSeconds"] > LONGEST_TICK_SECONDS


def test_a_step_that_could_not_look_within_a_tick_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(LambdaConcurrency, "asks", 6)
    with pytest.raises(Mistakes) as refused:
        machines(load(SHOP))
    first = refused.value.mistakes[0]
    assert first.what == (
        "unicorn-shop-failover: lambda_concurrency us-east-1: its tick may look for 63 s, and has 57 s: the "
        "ledger has 3 replicas, and lambda_concurrency asks up to 6 times at up to 1 endpoints"
    )
    assert first.line > 1


def test_a_state_that_gives_a_tick_up_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(states, "LONGEST_TICK_SECONDS", LONGEST_TICK_SECONDS - 10)
    with pytest.raises(Mistakes) as refused:
        machines(load(SHOP))
    assert "Step Functions gives its tick up after 60 s, and its function may run for 60 s" in str(
        refused.value
    )


def test_a_template_whose_functions_may_run_for_longer_than_a_tick_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = (repository(tmp_path) / "template.yaml").read_text()
    (tmp_path / "template.yaml").write_text(text.replace("    Timeout: 60\n", "    Timeout: 900\n"))
    monkeypatch.chdir(tmp_path)
    done = CliRunner(mix_stderr=False).invoke(farshore, ["compile"])
    line = text[: text.index("    Timeout: 60")].count("\n") + 1
    assert done.exit_code == 1
    assert str(done.exception).startswith(f"template.yaml:{line}: the functions' Timeout is 900 s")
