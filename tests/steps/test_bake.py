"""A run goes on when its alarms have been quiet: the real handler against the twin's alarms."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest

from farshore.testing.ticker import EAST, OTHER, WEST, Ticker, ticking
from functions.inputs import AlarmName, Region, Seconds
from functions.steps.bake import Alarm, Bake
from twin.services.cloudwatch.model import Metrics

ERRORS, DEPTH = {"alarm": "errors", "at": WEST}, {"alarm": "depth", "at": WEST}
MINUTES = 60
INPUTS = {"alarms": [ERRORS, DEPTH], "quiet_for": 5 * MINUTES, "within": 15 * MINUTES}


class Watched(Ticker):
    """Two alarms with samples twice a minute, and a composite over one of them."""

    def __init__(self, cloud: Any) -> None:
        super().__init__(cloud)
        self.deploy(Bake)
        self.metrics = Metrics(cloud)
        self.failing: set[str] = set()
        self.silent: set[str] = set()
        for name in ("errors", "depth"):
            self._watch(name)
        self.metrics.composite(WEST, "all", "ALARM(errors)")
        self.clock.sleep(5 * MINUTES)
        self.entered = self.clock.now

    def _watch(self, name: str) -> None:
        self.metrics.alarm(WEST, name, "Shop", name, {}, 1, "GreaterThanOrEqualToThreshold")

        def sample() -> None:
            if name not in self.silent:
                self.metrics.put(WEST, "Shop", name, {}, float(name in self.failing))

        self.clock.after(1, sample)
        self.clock.every(20, sample)

    def wait(self, minutes: float) -> None:
        self.clock.sleep(minutes * MINUTES)

    def enter(self) -> None:
        self.entered = self.clock.now

    def holds(self, **more: Any) -> dict[str, Any]:
        given = {"entered": self.entered, "dry_run": more.pop("dry_run", False)}
        return self.tick("bake", INPUTS | more, **given)

    def waits(self, **more: Any) -> str:
        return self.fails("bake", INPUTS | more, entered=self.entered)

    def answers(self, change: Callable[[dict[str, Any]], None]) -> None:
        """Of every alarm that is described, this is changed."""
        describe = self.metrics.operations()["DescribeAlarms"]

        def changed(request: Any) -> Mapping[str, Any]:
            answer: dict[str, Any] = dict(describe(request))
            for alarm in answer["MetricAlarms"]:
                change(alarm)
            return answer

        self.cloud.serve("cloudwatch", "DescribeAlarms", changed)


@pytest.fixture
def watched() -> Iterator[Watched]:
    with ticking(1, Watched) as watched:
        assert isinstance(watched, Watched)
        yield watched


def test_it_holds_when_all_have_been_quiet_for_so_long_since_the_state_was_entered(watched: Watched) -> None:
    watched.wait(4)
    assert watched.waits() == "NotYet: the state: all alarms have been quiet for 240 s of 300 s"
    watched.wait(1.1)
    said = watched.holds()
    assert (said["outcome"], said["facts"]) == ("done", {"quiet_seconds": 306})


def test_again_is_the_same_and_needs_no_lease_since_it_changes_nothing(watched: Watched) -> None:
    watched.hold(OTHER)
    watched.wait(6)
    watched.holds()
    watched.holds()
    assert set(watched.calls("DescribeAlarms", "PutItem")) == {"DescribeAlarms"}


def test_one_that_fires_is_refused_by_its_name_and_since_when(watched: Watched) -> None:
    watched.failing.add("errors")
    watched.wait(3)
    said = watched.waits()
    assert said.startswith("Refused: the state: alarm errors in us-west-1: ALARM since 20")
    assert "depth" not in said


def test_one_that_has_fired_since_before_is_waited_for_and_the_time_counts_from_its_end(
    watched: Watched,
) -> None:
    """Alarms on what customers feel still fire when customers have just been moved."""
    watched.failing.add("errors")
    watched.wait(3)
    watched.enter()
    watched.wait(1)
    assert "NotYet: the state: not quiet: alarm errors in us-west-1: ALARM since" in watched.waits()
    watched.failing.clear()
    watched.wait(6)
    assert watched.waits().startswith("NotYet: the state: all alarms have been quiet for 2")
    watched.wait(1)
    assert watched.holds()["outcome"] == "done"


def test_one_that_fired_between_two_looks_makes_the_time_count_anew(watched: Watched) -> None:
    watched.wait(1)
    watched.failing.add("errors")
    watched.wait(2.2)
    watched.failing.clear()
    watched.wait(2.8)
    assert watched.metrics.states()[WEST, "errors"] == "OK"
    assert "all alarms have been quiet for" in watched.waits()


def test_one_without_data_is_not_quiet(watched: Watched) -> None:
    watched.silent.add("depth")
    watched.wait(8)
    said = watched.waits()
    assert said.startswith("NotYet: the state: not quiet: alarm depth in us-west-1: INSUFFICIENT_DATA since")


def test_a_composite_alarm_is_asked_for_too(watched: Watched) -> None:
    both = {"alarms": [{"alarm": "all", "at": WEST}]}
    watched.wait(6)
    assert watched.holds(**both)["outcome"] == "done"
    watched.failing.add("errors")
    watched.wait(3)
    assert watched.waits(**both).startswith("Refused: the state: alarm all in us-west-1: ALARM since")


def test_one_that_is_not_there_is_waited_for_and_named(watched: Watched) -> None:
    watched.wait(6)
    odd = {"alarms": [ERRORS, {"alarm": "eror", "at": WEST}]}
    assert watched.waits(**odd) == (
        "NotYet: the state: not quiet: alarm eror in us-west-1: there is no such alarm"
    )
    watched.wait(10)
    assert watched.waits(**odd).startswith("Refused: the state: not within 900 s: not quiet: alarm eror")


@pytest.mark.parametrize("mode", ["graceful", "ungraceful"])
def test_a_dark_region_is_not_quiet(watched: Watched, mode: str) -> None:
    far = {"alarms": [ERRORS, {"alarm": "errors", "at": EAST}]}
    watched.wait(6)
    watched.cloud.faults.dark.add(EAST)
    said = watched.fails("bake", INPUTS | far, entered=watched.entered, mode=mode)
    assert "NotYet: the state: not quiet: alarm errors in us-east-1: cloudwatch:DescribeAlarms" in said


def test_what_it_may_not_read_is_refused(watched: Watched) -> None:
    watched.inject("denied", "DescribeAlarms")
    assert watched.waits().startswith(
        "Refused: the state: cloudwatch:DescribeAlarms in us-west-1 was refused"
    )


@pytest.mark.parametrize("kind", ["lost_before", "lost_after", "throttled", "500", "503", "hollow"])
def test_an_answer_that_is_lost_or_empty_delays_it(watched: Watched, kind: Any) -> None:
    watched.wait(6)
    watched.inject(kind, "DescribeAlarms")
    assert watched.waits().startswith("NotYet: the state: not quiet: alarm errors")
    assert watched.holds()["outcome"] == "done"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda alarm: alarm.update(EvaluationState="PARTIAL_DATA"), "OK, but PARTIAL_DATA"),
        (lambda alarm: alarm.update(EvaluationState="EVALUATION_ERROR"), "OK, but EVALUATION_ERROR"),
        (lambda alarm: alarm.pop("StateValue"), "its state is missing"),
        (lambda alarm: alarm.update(StateValue="QUITE_WELL"), "QUITE_WELL since"),
        (lambda alarm: alarm.pop("AlarmName"), "there is no such alarm"),
    ],
)
def test_an_answer_that_nobody_foresaw_is_not_quiet(
    watched: Watched, change: Callable[[dict[str, Any]], None], said: str
) -> None:
    watched.wait(6)
    watched.answers(change)
    assert said in watched.waits()


def test_one_of_which_aws_does_not_say_since_when_is_not_quiet(watched: Watched) -> None:
    def undated(alarm: dict[str, Any]) -> None:
        del alarm["StateTransitionedTimestamp"], alarm["StateUpdatedTimestamp"]

    watched.wait(6)
    watched.answers(undated)
    assert "OK since nobody knows when" in watched.waits()


def test_many_alarms_are_asked_for_in_as_few_calls_as_answer_for_all(watched: Watched) -> None:
    many = [{"alarm": f"a{number}", "at": region} for region in (EAST, WEST) for number in range(60)]
    watched.waits(alarms=many)
    asked = [request for request in watched.requests if request.operation == "DescribeAlarms"]
    assert sorted((each.region, len(each.parameters["AlarmNames"])) for each in asked) == [  # type: ignore[arg-type]
        (EAST, 10), (EAST, 50), (WEST, 10), (WEST, 50),
    ]  # fmt: skip


def test_a_plan_says_that_it_will_wait_and_doubts_what_is_not_quiet_already(watched: Watched) -> None:
    said = watched.holds(dry_run=True)
    assert (said["outcome"], said["facts"]) == ("would wait", {})
    watched.failing.add("errors")
    watched.wait(3)
    said = watched.holds(dry_run=True, alarms=[ERRORS, {"alarm": "eror", "at": WEST}])
    fires, missing = said["facts"]["doubts"]
    assert fires.startswith("alarm errors in us-west-1: ALARM since")
    assert missing == "alarm eror in us-west-1: there is no such alarm"


def test_a_time_that_leaves_none_to_look_is_refused_before_anything_runs() -> None:
    alarms = (Alarm(AlarmName("a"), Region(WEST)),)
    with pytest.raises(ValueError, match="write 420s or more"):
        Bake(alarms=alarms, quiet_for=Seconds(300), within=Seconds(300))
