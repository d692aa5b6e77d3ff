"""One holder: the lease step's real handler, in both Regions, on a ledger of three consistent replicas."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import pytest

from farshore.testing.ticker import APP, EAST, OTHER, THIS, WEST, Ticker, execution, ticking
from functions.calls import LONGEST_CALL_SECONDS, LONGEST_TICK_SECONDS, Api
from functions.ledger import BEGUN, Memory, Owe, Remember
from functions.step import Change, Decision, Done, Step
from functions.steps.lease import LeaseStep
from functions.world import World
from twin.cloud import AwsError, stamp
from twin.faults import Kind, Request

SET = Api("route53-recovery-cluster:UpdateRoutingControlState", plane="data", why="made up")
GET = Api("route53-recovery-cluster:GetRoutingControlState", plane="data", why="made up")
PUT_ITEM, DESCRIBE = "PutItem", "DescribeExecution"
BACK = execution("back", EAST, "failback")
SETTLE = execution("minute", procedure="settle")


@dataclass(frozen=True, kw_only=True)
class Gate(Step[bool]):
    """What only the holder may open."""

    name: ClassVar = "gate"
    reads: ClassVar = (GET,)
    writes: ClassVar = (SET,)

    def observe(self, world: World) -> bool:
        return bool(world.need(GET(WEST, RoutingControlArn="a"))["RoutingControlState"] == "On")

    def decide(self, seen: bool) -> Decision:
        return (
            Done() if seen else Change("open", (SET(WEST, RoutingControlArn="a", RoutingControlState="On"),))
        )


class Night(Ticker):
    """Executions that Step Functions describes, and a gate."""

    def __init__(self, cloud: Any) -> None:
        super().__init__(cloud)
        self.executions = dict.fromkeys((THIS, OTHER, BACK, SETTLE), "RUNNING")
        self.redrives = dict.fromkeys(self.executions, 0)
        self.given = '{"mode": "graceful"}'
        """What those that Step Functions describes were started with."""
        self.stopped = self.clock.now
        """When those that have ended did."""
        self.gate = "Off"
        self.opened_by: list[str] = []
        for region in (EAST, WEST):
            self.deploy(LeaseStep, region)
            self.deploy(Gate, region)
        cloud.serve("stepfunctions", DESCRIBE, self._describe)
        arc = "route53-recovery-cluster"
        cloud.serve(
            arc,
            "GetRoutingControlState",
            lambda request: {"RoutingControlArn": "a", "RoutingControlState": self.gate},
        )
        cloud.serve(arc, "UpdateRoutingControlState", self._open)

    def event(self, inputs: Mapping[str, Any], region: str = WEST, **given: Any) -> dict[str, Any]:
        """As its machine writes it, unless the test does."""
        procedure = given.get("execution", THIS).split(":")[-2].removeprefix(f"{APP}-")
        return super().event(inputs, region, **{"started": self.clock.start, "procedure": procedure} | given)

    def take(self, region: str = WEST, **given: Any) -> dict[str, Any]:
        cooldown = {"cooldown": given.pop("cooldown")} if "cooldown" in given else {}
        return self.converge("lease", cooldown, region, **given)

    def refused(self, region: str = WEST, **given: Any) -> str:
        cooldown = {"cooldown": given.pop("cooldown")} if "cooldown" in given else {}
        return self.fails("lease", cooldown, region, **given)

    def release(self, **given: Any) -> dict[str, Any]:
        return self.converge("lease", {"release": True}, **given)

    @property
    def holder(self) -> str:
        lease = self.records().lease
        return "" if lease is None or lease.released else lease.holder

    def _describe(self, request: Request) -> dict[str, Any]:
        arn = str(request.parameters["executionArn"])
        assert request.region == arn.split(":")[3], "an execution is asked for where it runs"
        if arn not in self.executions:
            raise AwsError("ExecutionDoesNotExist", f"Execution Does Not Exist: '{arn}'", 400)
        machine = arn.rpartition(":")[0].replace("execution", "stateMachine")
        return {
            "executionArn": arn,
            "stateMachineArn": machine,
            "status": self.executions[arn],
            "input": self.given,
            "startDate": stamp(self.clock.start),
            "redriveCount": self.redrives[arn],
            **({} if self.executions[arn] == "RUNNING" else {"stopDate": stamp(self.stopped)}),
        }

    def _open(self, request: Request) -> dict[str, Any]:
        self.gate = "On"
        self.opened_by.append(request.origin)
        return {}


@pytest.fixture
def night() -> Iterator[Night]:
    with ticking(1, Night) as night:
        assert isinstance(night, Night)
        yield night


# Taken and given back.


def test_a_free_lease_is_taken_and_given_back(night: Night) -> None:
    assert night.take() == {"outcome": "done", "facts": {"epoch": 1}}
    assert night.holder == THIS
    assert night.release()["outcome"] == "released"
    assert night.holder == ""


def test_each_holder_has_the_next_epoch(night: Night) -> None:
    assert night.take()["facts"]["epoch"] == 1
    night.release()
    assert night.take(execution=OTHER)["facts"]["epoch"] == 2


def test_taking_and_releasing_again_changes_nothing(night: Night) -> None:
    night.take()
    night.calls()
    assert night.take()["facts"]["epoch"] == 1
    assert night.calls(PUT_ITEM) == []
    night.release()
    night.calls()
    assert night.release()["outcome"] == "released"
    assert night.calls(PUT_ITEM) == []


def test_a_dry_run_takes_nothing(night: Night) -> None:
    assert night.take(dry_run=True)["outcome"] == "would change"
    assert night.holder == ""
    assert night.release(dry_run=True)["outcome"] == "not held"


def test_a_late_second_delivery_does_not_take_back_what_was_released(night: Night) -> None:
    night.take()
    night.release()
    assert night.refused().startswith("Refused: ")
    assert night.holder == ""


def test_who_does_not_hold_it_gives_nothing_back(night: Night) -> None:
    night.take(execution=OTHER)
    assert night.release()["outcome"] == "not held"
    assert night.holder == OTHER


# What a run was answered.


NOTED = {"answer#arc_controls": {"said": "no"}, "accepted#synthetic_write": {"at": 1.0}}


def answered(night: Night, execution: str) -> None:
    for item, body in NOTED.items():
        night.ledger.write(item, {"execution": execution, **body})


@pytest.mark.parametrize("purpose", ["move", "undo", "settle"])
def test_whoever_releases_it_erases_what_was_answered(night: Night, purpose: str) -> None:
    night.take()
    answered(night, THIS)
    assert night.release(purpose=purpose)["outcome"] == "released"
    assert night.records().noted() == ()
    night.calls()
    night.take(execution=OTHER)
    night.release(execution=OTHER)
    assert night.calls("DeleteItem") == [], "an ordinary run has nothing to erase"


@pytest.mark.parametrize("released", [True, False])
def test_whoever_takes_it_erases_what_others_were_answered(night: Night, released: bool) -> None:
    night.take(execution=OTHER)
    if released:
        night.release(execution=OTHER)
    night.executions[OTHER] = "ABORTED"
    answered(night, OTHER)
    assert night.take()["outcome"] == "done"
    assert (night.holder, night.records().noted()) == (THIS, ())


def test_who_is_refused_it_erases_nothing_and_who_has_it_keeps_its_own(night: Night) -> None:
    night.take()
    answered(night, THIS)
    night.refused(execution=OTHER)
    night.take()
    assert len(night.records().noted()) == len(NOTED)


def test_an_erasure_without_an_answer_holds_up_the_release_and_does_not_lose_it(night: Night) -> None:
    night.take()
    answered(night, THIS)
    night.inject("503", "DeleteItem", times=3)
    assert night.fails("lease", {"release": True}).startswith("NotYet: ")
    assert night.holder == THIS
    assert night.release()["outcome"] == "released"
    assert night.records().noted() == ()


def test_a_redrive_does_not_hold_what_it_held_before(night: Night) -> None:
    night.take()
    assert "redriven without the lease" in night.refused(redrives=1)


@pytest.mark.parametrize("kind", ["lost_after", "slow", "lost_before", "500"])
def test_a_lost_answer_of_the_conditional_write_takes_it_once(night: Night, kind: Kind) -> None:
    night.inject(kind, PUT_ITEM)
    assert night.take()["facts"]["epoch"] == 1
    night.inject(kind, PUT_ITEM)
    assert night.release()["outcome"] == "released"
    assert night.take(execution=OTHER)["facts"]["epoch"] == 2


# Whether the run is one.


MADE_UP = execution("made-up")
NO_RUNS = {
    "one of which Step Functions knows nothing": {"execution": MADE_UP},
    "one of another machine of the application": {"execution": execution("this", procedure="outage")},
    "one of another application": {"execution": THIS.replace(APP, "bookshop")},
    "one in another Region": {"execution": execution("this", EAST)},
    "one of no machine": {"execution": "shop-failover:this"},
    "one that was started at another time": {"started": 1_000_000_000.0},
    "one of which nobody says when it was started": {"started": 0.0},
    "one that was never redriven": {"redrives": 1},
}


@pytest.mark.parametrize("mode", ["graceful", "ungraceful"])
@pytest.mark.parametrize("given", NO_RUNS.values(), ids=NO_RUNS)
def test_an_event_that_names_no_run_takes_no_lease(night: Night, given: dict[str, Any], mode: str) -> None:
    """Whoever may invoke the function writes the event."""
    given = {"procedure": "failover", "mode": mode, **given}
    late = night.clock.now - 301
    for entered in (night.clock.now, late):
        said = night.refused(**given, entered=entered)
        assert given.get("execution", THIS) in said
    assert said.startswith("Refused: ")
    assert night.holder == ""
    assert night.calls(PUT_ITEM) == []


@pytest.mark.parametrize("given", NO_RUNS.values(), ids=NO_RUNS)
def test_nor_does_it_take_the_lease_of_one_that_is_over(night: Night, given: dict[str, Any]) -> None:
    night.take(execution=OTHER)
    night.executions[OTHER] = "FAILED"
    night.refused(**{"procedure": "failover", **given})
    assert night.holder == OTHER


@pytest.mark.parametrize("ended", ["SUCCEEDED", "FAILED", "TIMED_OUT", "ABORTED"])
def test_a_run_that_has_ended_takes_no_lease(night: Night, ended: str) -> None:
    night.executions[THIS] = ended
    assert f"Refused: the state: {THIS} is {ended}" in night.refused()
    assert night.holder == ""


def test_a_run_of_which_nobody_knows_whether_it_runs_takes_no_lease(night: Night) -> None:
    night.executions[THIS] = "PENDING_REDRIVE"
    assert night.refused().startswith(f"NotYet: the state: {THIS} is PENDING_REDRIVE")
    assert night.holder == ""


def test_an_event_from_before_a_redrive_takes_no_lease(night: Night) -> None:
    night.redrives[THIS] = 1
    assert "redriven 1 times: it takes no lease" in night.refused()
    assert night.take(redrives=1)["outcome"] == "done"


def test_a_run_that_step_functions_does_not_know_yet_is_waited_for(night: Night) -> None:
    """Its answers are eventually consistent."""
    del night.executions[THIS]
    assert "does not say that" in night.refused()
    night.executions[THIS] = "RUNNING"
    assert night.take()["outcome"] == "done"


def test_a_redrive_that_step_functions_does_not_know_yet_is_waited_for(night: Night) -> None:
    night.executions[THIS] = "FAILED"
    assert night.refused(redrives=1).startswith("NotYet: ")
    night.executions[THIS], night.redrives[THIS] = "RUNNING", 1
    assert night.take(redrives=1)["outcome"] == "done"


def test_while_step_functions_is_silent_no_lease_is_taken(night: Night) -> None:
    night.inject("503", DESCRIBE)
    said = night.refused()
    assert said.startswith(f"NotYet: the state: Step Functions in {WEST} does not say that {THIS} runs")
    assert night.holder == ""
    assert night.take()["outcome"] == "done"


def test_step_functions_is_asked_once_and_side_by_side_with_what_it_says_of_the_holder(night: Night) -> None:
    night.take()
    assert night.calls(DESCRIBE) == [DESCRIBE]
    assert night.take()["outcome"] == "done"
    assert night.calls(DESCRIBE) == []
    night.executions[THIS] = "FAILED"
    night.inject("slow", DESCRIBE, times=2)
    began = night.clock.now
    night.refused(execution=OTHER)
    assert night.calls(DESCRIBE) == [DESCRIBE, DESCRIBE]
    assert night.clock.now - began < 2 * LONGEST_CALL_SECONDS


def test_who_only_looks_or_has_nothing_to_settle_asks_nobody(night: Night) -> None:
    night.take(dry_run=True, execution=MADE_UP)
    assert settled(night) == "nothing owed"
    assert night.calls(DESCRIBE) == []


# Another's.


def test_a_running_holder_refuses_every_other_run(night: Night) -> None:
    night.take(execution=OTHER)
    for given in ({}, {"mode": "ungraceful"}):
        assert f"{OTHER} is running and holds the lease" in night.refused(**given)
    assert night.holder == OTHER


ALARM = '{"mode": "ungraceful", "trigger": "canary"}'


def test_what_an_alarm_starts_finds_at_work_what_the_same_alarm_has_started(night: Night) -> None:
    night.given = ALARM
    night.take(execution=OTHER)
    night.calls()
    said = night.refused(mode="ungraceful", trigger="canary")
    assert said == f"AtWork: the state: {OTHER} is at work: the alarm canary has started it"
    assert night.calls(PUT_ITEM) == []


@pytest.mark.parametrize(
    ("given", "mine"),
    [
        (ALARM, {"mode": "ungraceful"}),
        (ALARM, {"mode": "graceful", "trigger": "canary"}),
        (ALARM, {"mode": "ungraceful", "trigger": "latency"}),
        (ALARM, {"mode": "ungraceful", "trigger": "canary", "dry_run": False, "execution": BACK}),
        ('{"mode": "ungraceful"}', {"mode": "ungraceful", "trigger": "canary"}),
        ("[]", {"mode": "ungraceful", "trigger": "canary"}),
        ("", {"mode": "ungraceful", "trigger": "canary"}),
    ],
)
def test_what_was_started_for_something_else_is_refused(
    night: Night, given: str, mine: dict[str, Any]
) -> None:
    night.given = given
    night.take(execution=OTHER)
    region = EAST if mine.get("execution") == BACK else WEST
    assert night.refused(region, **mine).startswith("Refused: ")


def test_what_an_alarm_starts_takes_over_from_what_the_same_alarm_has_started_and_is_dead(
    night: Night,
) -> None:
    night.given = ALARM
    night.take(execution=OTHER)
    night.executions[OTHER] = "ABORTED"
    assert night.take(mode="ungraceful", trigger="canary")["outcome"] == "done"
    assert night.holder == THIS


@pytest.mark.parametrize("ended", ["SUCCEEDED", "FAILED", "TIMED_OUT", "ABORTED"])
def test_a_holder_that_has_ended_gives_way(night: Night, ended: str) -> None:
    night.take(execution=OTHER)
    night.executions[OTHER] = ended
    assert night.take()["outcome"] == "done"
    assert night.holder == THIS


def test_a_holder_of_which_nobody_knows_whether_it_ended_keeps_the_lease(night: Night) -> None:
    """A word that AWS adds some day is no end."""
    night.take(execution=OTHER)
    night.executions[OTHER] = "PENDING_REDRIVE"
    assert "holds the lease and is PENDING_REDRIVE" in night.refused()


def test_a_holder_that_step_functions_has_forgotten_gives_way(night: Night) -> None:
    """An execution's history is kept for 90 days; a lease for ever."""
    night.take(execution=OTHER)
    del night.executions[OTHER]
    assert night.take()["outcome"] == "done"


def test_the_holder_is_asked_for_in_its_own_region(night: Night) -> None:
    night.take(EAST, execution=BACK)
    assert f"{BACK} is running" in night.refused()


def test_a_holder_that_may_not_be_asked_is_refused(night: Night) -> None:
    night.take(execution=OTHER)
    night.inject("denied", DESCRIBE)
    assert f"states:DescribeExecution of {OTHER} in us-west-1 was refused" in night.refused()


def test_a_holder_that_cannot_be_asked_is_waited_for_and_then_refused_saying_what_to_do(night: Night) -> None:
    night.take(EAST, execution=BACK)
    night.cloud.faults.dark.add(EAST)
    said = night.refused(mode="ungraceful")
    assert said.startswith("NotYet: ")
    assert f"{BACK} holds the lease and cannot be asked" in said
    late = night.clock.now - 121
    assert "ungraceful run with --take-over" in night.refused(mode="ungraceful", entered=late)
    assert night.holder == BACK


@pytest.mark.parametrize(
    ("mode", "holder", "taken"),
    [("ungraceful", BACK, True), ("graceful", BACK, False), ("ungraceful", OTHER, False)],
)
def test_only_an_ungraceful_run_with_a_persons_word_on_that_holder_takes_over(
    night: Night, mode: str, holder: str, taken: bool
) -> None:
    night.take(EAST, execution=BACK)
    night.cloud.faults.dark.add(EAST)
    dead(night, holder, 1)
    if taken:
        assert night.take(mode=mode)["outcome"] == "done"
    else:
        assert "cannot be asked" in night.refused(mode=mode)
    assert night.holder == (THIS if taken else BACK)


def dead(night: Night, holder: str, epoch: int) -> None:
    """A person's word that the holder of that epoch is."""
    word = {"holder": holder, "epoch": epoch, "who": "jane", "why": "dead, I think"}
    assert night.ledger.say("take_over", word, night.records())


def test_a_persons_word_on_a_holder_is_none_on_a_later_one_of_the_same_name(night: Night) -> None:
    night.take(EAST, execution=BACK)
    dead(night, BACK, 1)
    night.release(region=EAST, execution=BACK)
    night.hold(BACK)
    night.cloud.faults.dark.add(EAST)
    assert "cannot be asked" in night.refused(mode="ungraceful")
    dead(night, BACK, 2)
    assert night.take(mode="ungraceful")["outcome"] == "done"


def test_a_persons_word_does_not_kill_a_holder_that_answers(night: Night) -> None:
    night.take(EAST, execution=BACK)
    dead(night, BACK, 1)
    assert "is running" in night.refused(mode="ungraceful")


# What may still be in flight.


def test_after_an_unclean_change_of_holders_nothing_changes_until_the_last_tick_before_has_surely_ended(
    night: Night,
) -> None:
    night.take(execution=OTHER)
    night.executions[OTHER] = "ABORTED"
    night.take()
    taken = night.clock.now
    assert "may be in flight" in night.fails("gate", {})
    assert night.gate == "Off"
    assert night.converge("gate", {})["outcome"] == "done"
    assert LONGEST_TICK_SECONDS - 5 < night.clock.now - taken < LONGEST_TICK_SECONDS + 10


def test_after_a_clean_release_there_is_nothing_to_wait_for(night: Night) -> None:
    night.take(execution=OTHER)
    night.release(execution=OTHER)
    night.take()
    assert night.tick("gate", {})["outcome"] == "done"


def test_a_short_hold_in_between_does_not_end_the_quiet(night: Night) -> None:
    """The run that took over failed at once, and released: what was in flight before it still is."""
    night.take(execution=OTHER)
    night.executions[OTHER] = "ABORTED"
    night.take()
    night.release()
    night.take(EAST, execution=BACK)
    assert "may be in flight" in night.fails("gate", {}, EAST, execution=BACK)


# Cooling down.


def cooled(night: Night, **given: Any) -> str:
    return night.refused(execution=OTHER, cooldown=3600, **given)


@pytest.mark.parametrize("ending", ["move", "undo"])
def test_an_alarm_starts_nothing_soon_after_a_run_and_a_person_may(night: Night, ending: str) -> None:
    night.take()
    night.release(purpose=ending)
    assert "Refused: the state: cooling down for" in cooled(night, trigger="canary")
    assert night.take(execution=OTHER, cooldown=3600)["outcome"] == "done"


def test_the_cooldown_ends_and_what_settles_in_between_does_not_renew_it(night: Night) -> None:
    night.take()
    night.release()
    night.clock.sleep(3000)
    night.ledger.write_once("debt#lambda:buy", {"why": "dark", "since": 0.0})
    night.take(execution=SETTLE, purpose="settle")
    assert night.holder == SETTLE
    night.release(execution=SETTLE, purpose="settle")
    assert "cooling down" in cooled(night, trigger="canary")
    night.clock.sleep(600)
    assert night.take(execution=OTHER, cooldown=3600, trigger="canary")["outcome"] == "done"


@pytest.mark.parametrize("ending", ["itself", "undo"])
@pytest.mark.parametrize("purpose", ["break", "mend", "prepare", "settle"])
def test_nothing_else_is_cooled_down_after(night: Night, purpose: str, ending: str) -> None:
    night.ledger.write_once("debt#lambda:buy", {"why": "dark", "since": 0.0})
    night.take(purpose=purpose)
    assert night.holder == THIS
    night.release(purpose=purpose if ending == "itself" else ending)
    assert night.take(execution=OTHER, cooldown=3600, trigger="canary")["outcome"] == "done"


# Settling.


def settled(night: Night) -> str:
    return str(night.converge("lease", {}, execution=SETTLE, purpose="settle")["outcome"])


def test_settling_takes_the_lease_only_where_something_is_owed(night: Night) -> None:
    assert settled(night) == "nothing owed"
    assert night.holder == ""
    night.ledger.write_once("debt#lambda:buy", {"why": "dark", "since": 0.0})
    assert settled(night) == "done"
    assert night.holder == SETTLE


def test_settling_gives_way_to_a_run_under_way(night: Night) -> None:
    night.ledger.write_once("debt#lambda:buy", {"why": "dark", "since": 0.0})
    night.take(execution=OTHER)
    assert settled(night) == "busy"
    assert night.holder == OTHER


def test_a_run_waits_for_settling_to_end(night: Night) -> None:
    night.ledger.write_once("debt#lambda:buy", {"why": "dark", "since": 0.0})
    night.executions[SETTLE] = "RUNNING"
    settled(night)
    assert f"NotYet: the state: {SETTLE} is retrying an owed fence" in night.refused()
    night.release(execution=SETTLE, purpose="settle")
    assert night.take()["outcome"] == "done"


# What a game day broke.


@pytest.mark.parametrize("mode", ["graceful", "ungraceful"])
def test_no_run_moves_to_a_region_of_which_a_game_day_still_holds_anything(night: Night, mode: str) -> None:
    """By whatever step it holds it: no step of the run need know of that one."""
    night.given = json.dumps({"mode": mode})
    Remember(Memory("outage", "sg:us-west-1:sg-0a:ingress", ["0.0.0.0/0"], "the game day")).write_in(
        night.ledger
    )
    for dry_run in (True, False):
        said = night.refused(mode=mode, dry_run=dry_run)
        assert said.endswith("the outage still holds sg:us-west-1:sg-0a:ingress: end it first, by `recovery`")
    assert night.holder == ""
    assert night.take(EAST, execution=BACK, mode=mode)["outcome"] == "done", "it leaves that Region"


def test_the_recovery_takes_the_lease_all_the_same(night: Night) -> None:
    Remember(Memory("outage", "sg:us-west-1:sg-0a:ingress", ["0.0.0.0/0"], "the game day")).write_in(
        night.ledger
    )
    assert night.take(purpose="mend")["outcome"] == "done"


# What a run left that ended before it moved anything.

BUY, PAY = "lambda:us-east-1:buy:reserved_concurrency", "lambda:us-east-1:pay:reserved_concurrency"
ENDED = ["FAILED", "ABORTED", "TIMED_OUT"]


def fenced(night: Night, by: str = THIS) -> None:
    """The run holds the lease, has fenced one function, and owes the fence of another."""
    night.take(execution=by)
    Remember(Memory("run", BUY, 40, by)).write_in(night.ledger)
    Owe(PAY, "dark", 0.0, by).write_in(night.ledger)


def over(night: Night, status: str = "ABORTED") -> None:
    """The run has ended, and so long ago that nobody is just redriving it."""
    night.executions[THIS], night.stopped = status, night.clock.now
    night.clock.sleep(LONGEST_TICK_SECONDS + 1)


def to_give_back(night: Night) -> dict[str, bool]:
    return {resource: bool(debt.get("give_back")) for resource, debt in night.records().debts.items()}


@pytest.mark.parametrize("status", ENDED)
def test_settling_gives_back_what_a_run_took_that_ended_before_it_moved_anything(
    night: Night, status: str
) -> None:
    """And what that run only owed, nobody wants any more."""
    fenced(night)
    over(night, status)
    assert settled(night) == "done"
    assert night.holder == SETTLE
    assert to_give_back(night) == {BUY: True}


def test_settling_leaves_a_run_that_a_person_may_just_be_redriving(night: Night) -> None:
    night.take()
    Remember(Memory("run", BUY, 40, THIS)).write_in(night.ledger)
    night.executions[THIS], night.stopped = "ABORTED", night.clock.now
    assert settled(night) == "nothing owed"
    assert night.holder == THIS


def test_settling_leaves_such_a_run_also_where_it_owes_a_fence(night: Night) -> None:
    fenced(night)
    night.executions[THIS], night.stopped = "ABORTED", night.clock.now
    assert settled(night) == "busy"
    assert night.holder == THIS
    night.clock.sleep(LONGEST_TICK_SECONDS + 1)
    assert settled(night) == "done"
    assert night.holder == SETTLE


def test_what_a_run_took_that_has_begun_to_move_anything_stays_taken(night: Night) -> None:
    fenced(night)
    night.ledger.write(BEGUN, {"execution": THIS})
    over(night)
    assert settled(night) == "done", "the fence that is owed is still to be put up"
    assert to_give_back(night) == {PAY: False}


def test_what_a_run_of_the_same_name_before_has_begun_keeps_nothing_taken(night: Night) -> None:
    fenced(night)
    night.ledger.write(BEGUN, {"execution": THIS, "at": night.clock.start - 91 * 86_400})
    over(night)
    night.take(execution=OTHER)
    assert (night.holder, to_give_back(night)) == (OTHER, {BUY: True})


def test_whoever_takes_the_lease_after_it_owes_what_such_a_run_took(night: Night) -> None:
    fenced(night)
    over(night)
    night.take(execution=OTHER)
    assert (night.holder, to_give_back(night)) == (OTHER, {BUY: True})


def test_what_another_run_took_before_is_not_given_back_with_it(night: Night) -> None:
    fenced(night, by=OTHER)
    night.release(execution=OTHER)
    night.take()
    over(night)
    night.take(execution=BACK, region=EAST)
    assert to_give_back(night) == {PAY: False}


def test_what_a_settling_run_fenced_stays_fenced_when_it_dies(night: Night) -> None:
    night.ledger.write_once(f"debt#{PAY}", {"why": "dark", "since": 0.0})
    settled(night)
    Remember(Memory("run", BUY, 40, SETTLE)).write_in(night.ledger)
    night.executions[SETTLE] = "ABORTED"
    night.clock.sleep(LONGEST_TICK_SECONDS + 1)
    night.take()
    assert to_give_back(night) == {PAY: False}


def test_an_undo_owes_what_it_could_not_give_back(night: Night) -> None:
    fenced(night)
    night.release(purpose="undo")
    assert (night.holder, to_give_back(night)) == ("", {BUY: True})


def test_a_settling_run_that_fails_opens_nothing(night: Night) -> None:
    night.ledger.write_once(f"debt#{PAY}", {"why": "dark", "since": 0.0})
    settled(night)
    Remember(Memory("run", BUY, 40, SETTLE)).write_in(night.ledger)
    night.converge("lease", {"release": True}, execution=SETTLE, purpose="undo")
    assert to_give_back(night) == {PAY: False}


def test_a_run_that_went_well_owes_nothing_of_what_it_took(night: Night) -> None:
    night.take()
    Remember(Memory("run", BUY, 40, THIS)).write_in(night.ledger)
    night.release()
    assert to_give_back(night) == {}


# Races.


@pytest.mark.parametrize("seed", range(12))
def test_of_two_runs_that_start_at_once_in_two_regions_one_holds(seed: int) -> None:
    """Their ticks interleave at their calls, each seed otherwise: both may have read that nobody holds it."""
    with ticking(seed, Night) as night:
        assert isinstance(night, Night)
        runs = ((WEST, THIS), (EAST, BACK))
        later = iter((0.0, 0.02 * seed))
        tasks = [night.clock.spawn(lambda r=r, e=e: attempt(night, r, e), next(later)) for r, e in runs]
        ends = [task.join() for task in tasks]
        assert sorted(end == "done" for end in ends) == [False, True]
        winner = next(run for (_, run), end in zip(runs, ends, strict=True) if end == "done")
        assert night.holder == winner
        assert any("is running and holds the lease" in end for end in ends)


def attempt(night: Night, region: str, run: str) -> str:
    try:
        return str(night.converge("lease", {}, region, execution=run)["outcome"])
    except Exception as error:
        return str(error)


@pytest.mark.parametrize("seed", range(6))
def test_of_two_runs_that_find_a_dead_holder_one_holds(seed: int) -> None:
    with ticking(seed, Night) as night:
        assert isinstance(night, Night)
        night.take(execution=OTHER)
        night.executions[OTHER] = "FAILED"
        runs = ((WEST, THIS), (EAST, BACK))
        later = iter((0.0, 0.02 * seed))
        tasks = [night.clock.spawn(lambda r=r, e=e: attempt(night, r, e), next(later)) for r, e in runs]
        ends = [task.join() for task in tasks]
        assert sorted(end == "done" for end in ends) == [False, True]
        assert night.records().lease is not None
        assert night.records().lease.epoch == 2


@pytest.mark.parametrize("dead", [False, True], ids=["a free lease", "a dead holder's"])
def test_a_write_that_was_long_on_its_way_takes_nothing_from_who_was_quicker(
    night: Night, dead: bool
) -> None:
    """Both have read that it may be taken; one has taken it, and looked again, before the other writes."""
    if dead:
        night.take(execution=OTHER)
        night.executions[OTHER] = "FAILED"

    def dawdle(request: Request) -> None:
        if request.operation == PUT_ITEM and request.origin == EAST:
            night.clock.sleep(2)

    night.cloud.faults.injectors.append(dawdle)
    slow = night.clock.spawn(lambda: attempt(night, EAST, BACK))
    assert attempt(night, WEST, THIS) == "done"
    assert f"{THIS} is running and holds the lease" in slow.join()
    assert night.holder == THIS


def test_a_run_that_was_superseded_in_the_middle_of_its_tick_changes_nothing_more(night: Night) -> None:
    """It looked, and was slow; meanwhile it was stopped, and another took over."""
    night.take()

    def slow_look(request: Request) -> Kind | None:
        if request.operation == "GetRoutingControlState" and request.caller == "gate":
            night.cloud.faults.injectors.remove(slow_look)
            night.executions[THIS] = "ABORTED"
            night.clock.spawn(lambda: night.take(EAST, execution=BACK))
            night.clock.sleep(4)
        return None

    night.cloud.faults.injectors.append(slow_look)
    assert f"superseded: the lease is held by {BACK}" in night.fails("gate", {})
    assert night.gate == "Off"


# A ledger with a Region dark.


@pytest.mark.parametrize("dark", ["us-east-1", "us-east-2", "us-west-2"])
def test_the_lease_is_taken_and_given_back_with_any_one_replica_dark(night: Night, dark: str) -> None:
    night.cloud.faults.dark.add(dark)
    night.take()
    assert night.holder == THIS
    assert night.release()["outcome"] == "released"


def test_what_was_written_while_a_replica_was_dark_is_read_through_it_afterwards(night: Night) -> None:
    """The nearest replica comes back: it must not give the lease that it remembers."""
    night.take()
    night.cloud.faults.dark.add("us-west-2")
    night.release()
    night.take(EAST, execution=BACK)
    night.cloud.faults.dark.clear()
    assert f"{BACK} is running" in night.refused()


def test_with_two_replicas_dark_nobody_takes_it(night: Night) -> None:
    night.cloud.faults.dark |= {"us-west-2", "us-east-2"}
    assert night.refused().startswith("NotYet: the state: the ledger did not answer in any of its Regions")
    night.cloud.faults.dark.clear()
    assert night.records().lease is None


def test_the_application_is_its_own(night: Night) -> None:
    """Two applications in one table have two leases."""
    night.take()
    theirs = OTHER.replace(APP, f"{APP}-two")
    night.executions[theirs], night.redrives[theirs] = "RUNNING", 0
    other = night.event({}, step="lease", execution=theirs, procedure="failover")
    other["run"]["application"] = f"{APP}-two"
    assert night.functions.invoke(WEST, "lease", other)["facts"]["epoch"] == 1
    assert night.holder == THIS
