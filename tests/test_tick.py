"""One tick of a step: look, decide, change, look again. Made-up gates in a made-up world, a real handler."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

import pytest

from farshore.testing.ticker import OTHER, THIS, WEST, Ticker, ticking
from functions.calls import LONGEST_TICK_SECONDS, Absent, Api, Silence
from functions.errors import Refused
from functions.handler import lambda_handler
from functions.ledger import PUT
from functions.run import Run, loss_digest
from functions.step import Change, Decision, Done, Step, Wait
from functions.telemetry import Report
from functions.world import World
from twin.cloud import AwsError
from twin.faults import Kind, Request
from twin.services.lambda_.model import FunctionError

SERVICE = "route53-recovery-cluster"
GET = Api(f"{SERVICE}:GetRoutingControlState", plane="data", why="made up")
SET = Api(f"{SERVICE}:UpdateRoutingControlState", plane="data", why="made up")
READ, WRITE = "GetRoutingControlState", "UpdateRoutingControlState"


@dataclass(frozen=True, kw_only=True)
class Gates(Step[dict[str, Any]]):
    """These gates are open."""

    gates: Annotated[tuple[str, ...], "their names"]

    name: ClassVar = "gates"
    reads: ClassVar = (GET,)
    writes: ClassVar = (SET,)
    busy: ClassVar = frozenset({"ConflictException"})

    def observe(self, world: World) -> dict[str, Any]:
        sights = world.ask(*(GET(WEST, RoutingControlArn=gate) for gate in self.gates))
        return dict(zip(self.gates, sights, strict=True))

    def decide(self, seen: dict[str, Any]) -> Decision:
        if any(isinstance(sight, Silence | Absent) for sight in seen.values()):
            return Wait("a gate is silent")
        closed = [gate for gate, sight in seen.items() if sight["RoutingControlState"] == "Off"]
        if not closed:
            return Done(facts={"gates": len(seen)})
        calls = (SET(WEST, RoutingControlArn=gate, RoutingControlState="On") for gate in closed)
        return Change(f"open {', '.join(closed)}", tuple(calls))


@dataclass(frozen=True, kw_only=True)
class Stairs(Gates):
    """These gates are open, one after the other: each change makes the next one due."""

    name: ClassVar = "stairs"

    def decide(self, seen: dict[str, Any]) -> Decision:
        decision = super().decide(seen)
        return Change(decision.why, decision.calls[:1]) if isinstance(decision, Change) else decision


@dataclass(frozen=True, kw_only=True)
class Thief(Gates):
    """It calls what it never declared."""

    name: ClassVar = "thief"
    writes: ClassVar = ()


@dataclass(frozen=True, kw_only=True)
class Peeper(Gates):
    """It reads what it never declared."""

    name: ClassVar = "peeper"
    reads: ClassVar = ()


@dataclass(frozen=True, kw_only=True)
class Needy(Gates):
    """It cannot decide without an answer."""

    name: ClassVar = "needy"

    def observe(self, world: World) -> dict[str, Any]:
        return {gate: world.need(GET(WEST, RoutingControlArn=gate)) for gate in self.gates}


@dataclass(frozen=True, kw_only=True)
class Bridge(Gates):
    """These gates are open, and customers go through them."""

    name: ClassVar = "bridge"
    notes: ClassVar = (PUT,)
    point_of_no_return: ClassVar = True


class Yard:
    """The made-up world: gates that are open or closed."""

    def __init__(self, ticker: Ticker) -> None:
        self.ticker = ticker
        self.open: dict[str, bool] = dict.fromkeys("abcd", False)
        self.deaf = False
        """A 200 that changes nothing."""
        self.denied: set[str] = set()
        for step in (Gates, Stairs, Thief, Peeper, Needy, Bridge):
            ticker.deploy(step)
        ticker.cloud.serve(SERVICE, READ, self._get)
        ticker.cloud.serve(SERVICE, WRITE, self._set)
        ticker.hold()

    def tick(self, gates: str = "a", step: str = "gates", **given: Any) -> dict[str, Any]:
        return self.ticker.tick(step, inputs(gates, given), **given)

    def fails(self, gates: str = "a", step: str = "gates", **given: Any) -> str:
        return self.ticker.fails(step, inputs(gates, given), **given)

    def writes(self) -> int:
        """Since the last look."""
        return len(self.ticker.calls(WRITE))

    def _get(self, request: Request) -> dict[str, Any]:
        gate = str(request.parameters["RoutingControlArn"])
        state = "On" if self.open[gate] else "Off"
        return {"RoutingControlArn": gate, "RoutingControlState": state}

    def _set(self, request: Request) -> dict[str, Any]:
        gate = str(request.parameters["RoutingControlArn"])
        if gate in self.denied:
            raise AwsError("AccessDeniedException", f"not allowed: {gate}", 403)
        if not self.deaf:
            self.open[gate] = request.parameters["RoutingControlState"] == "On"
        return {}


def inputs(gates: str, given: dict[str, Any]) -> dict[str, Any]:
    return {"gates": list(gates)} | ({"within": given.pop("within")} if "within" in given else {})


@pytest.fixture
def yard() -> Iterator[Yard]:
    with ticking() as ticker:
        yield Yard(ticker)


# What is read back, and how often a change goes out.


def test_a_change_is_made_and_read_back_in_one_tick(yard: Yard) -> None:
    assert yard.tick("abc") == {"outcome": "done", "facts": {"gates": 3}}
    assert yard.writes() == 3


def test_a_state_that_holds_is_done_without_a_change(yard: Yard) -> None:
    yard.open["a"] = True
    assert yard.tick()["outcome"] == "done"
    assert yard.writes() == 0


def test_an_acknowledgement_that_changed_nothing_is_no_success_and_is_not_repeated_within_the_tick(
    yard: Yard,
) -> None:
    yard.deaf = True
    assert yard.fails() == "NotYet: the state: acknowledged, but not to be seen yet: open a"
    assert yard.writes() == 1
    assert yard.fails().startswith("NotYet: the state: acknowledged")
    assert yard.writes() == 1  # another tick may ask again


def test_what_was_not_acknowledged_goes_out_again_and_what_was_does_not(yard: Yard) -> None:
    yard.ticker.inject(
        "lost_before", WRITE, met=lambda request: request.parameters["RoutingControlArn"] == "b"
    )
    assert yard.tick("abc")["outcome"] == "done"
    assert yard.writes() == 4


def test_three_changes_of_which_each_makes_the_next_due_are_one_tick(yard: Yard) -> None:
    assert yard.tick("abc", "stairs")["outcome"] == "done"


def test_a_fourth_change_is_left_to_the_next_tick(yard: Yard) -> None:
    assert yard.fails("abcd", "stairs") == "NotYet: the state: open d"
    assert yard.tick("abcd", "stairs")["outcome"] == "done"


# What AWS may answer.


def test_a_denied_write_is_refused_naming_the_call_after_another_look(yard: Yard) -> None:
    yard.denied = {"b"}
    said = yard.fails("ab")
    assert said == (
        "Refused: the state: route53-recovery-cluster:UpdateRoutingControlState of b in us-west-1: "
        "AccessDeniedException: not allowed: b"
    )
    assert yard.open["a"]
    assert yard.ticker.calls(READ, WRITE) == [READ, READ, WRITE, WRITE, READ, READ]


def test_a_lost_answer_that_is_then_denied_but_done_is_done(yard: Yard) -> None:
    yard.ticker.inject("lost_after", WRITE)
    yard.ticker.inject("denied", WRITE)
    assert yard.tick()["outcome"] == "done"
    assert yard.writes() == 1


@pytest.mark.parametrize("lost", [1, 2])
def test_a_denial_after_lost_calls_is_looked_at_again_however_late_it_comes(yard: Yard, lost: int) -> None:
    """Somebody else opened the gate while we were being denied."""
    yard.ticker.inject("lost_before", WRITE, times=lost)

    def opened_meanwhile(request: Request) -> bool:
        yard.open["a"] = True
        return True

    yard.ticker.inject("denied", WRITE, met=opened_meanwhile)
    assert yard.tick()["outcome"] == "done"
    assert yard.writes() == lost + 1


@pytest.mark.parametrize("kind", ["throttled", "500", "503", "lost_before"])
@pytest.mark.parametrize("operation", [READ, WRITE])
def test_a_throttle_a_5xx_and_a_silence_are_not_yet(yard: Yard, kind: Kind, operation: str) -> None:
    yard.ticker.inject(kind, operation, times=99)
    assert yard.fails().startswith("NotYet: the state: ")
    assert not yard.open["a"]
    yard.ticker.cloud.faults.injectors.pop()
    assert yard.tick()["outcome"] == "done"


@pytest.mark.parametrize("kind", ["lost_after", "slow"])
def test_an_answer_that_never_came_is_found_out_by_looking(yard: Yard, kind: Kind) -> None:
    yard.ticker.inject(kind, WRITE)
    assert yard.tick()["outcome"] == "done"
    assert yard.writes() == 1


def test_a_read_that_is_denied_is_refused_at_once(yard: Yard) -> None:
    yard.ticker.inject("denied", READ)
    assert yard.fails().startswith(
        "Refused: the state: route53-recovery-cluster:GetRoutingControlState of a in us-west-1 was refused"
    )


def test_the_services_own_word_for_busy_is_not_yet(yard: Yard) -> None:
    def busy(request: Request) -> None:
        if request.operation == WRITE:
            raise AwsError("ConflictException", "another change is under way", 409)

    yard.ticker.cloud.guards.append(busy)
    assert "NotYet: " in yard.fails()


def test_a_silent_ledger_changes_nothing(yard: Yard) -> None:
    yard.ticker.cloud.faults.dark |= {"us-east-1", "us-east-2", "us-west-2"}
    assert yard.fails().startswith("NotYet: the state: the ledger did not answer in any of its Regions")
    assert yard.writes() == 0


# How long.


def test_what_does_not_come_about_in_time_is_refused_saying_what_was_waited_for(yard: Yard) -> None:
    yard.ticker.inject("503", READ, times=9)
    entered = yard.ticker.clock.now - 31
    said = yard.fails(within=30, entered=entered)
    assert said.startswith("Refused: the state: not within 30 s: a gate is silent; ")
    assert "GetRoutingControlState in us-west-1: EndpointTemporarilyUnavailableException: " in said


def no(yard: Yard, *answers: str) -> None:
    """What AWS says to the next changes, one after the other, and then always the last."""
    left = list(answers)

    def line(request: Request) -> None:
        if request.operation == WRITE:
            raise AwsError("ConflictException", left.pop(0) if len(left) > 1 else left[0], 409)

    yard.ticker.cloud.guards.append(line)


LATER: dict[str, Any] = {"within": 30, "step": "bridge"}


def test_the_last_tick_only_looks_and_says_what_aws_answered_last_to_the_ticks_before(yard: Yard) -> None:
    no(yard, *["rule 1 forbids it"] * 4, "rule 2\nforbids it")
    began = yard.ticker.clock.now - 16
    for _ in range(3):
        assert yard.fails(entered=began, **LATER).startswith("NotYet: ")
    yard.ticker.calls()
    said = yard.fails(entered=began - 15, **LATER)
    assert said == (
        "Untouched: the state: not within 30 s: open a; AWS last answered route53-recovery-cluster:"
        "UpdateRoutingControlState in us-west-1: ConflictException: rule 2\\nforbids it"
    )
    assert yard.writes() == 0


def test_an_answer_is_noted_once_and_only_where_the_state_may_end_by_time(yard: Yard) -> None:
    """What a state that is soon done was answered costs no call."""
    no(yard, "rule 1 forbids it")
    noted: list[str] = []

    def note(request: Request) -> None:
        if request.operation == "PutItem":
            noted.append(request.parameters["Item"]["item"]["S"])

    yard.ticker.cloud.guards.append(note)
    early = yard.ticker.clock.now
    yard.fails(entered=early, **LATER)
    assert set(noted) == {"begun"}
    for _ in range(2):
        yard.fails(entered=early - 16, **LATER)
    assert noted.count("answer#the state") == 1


def test_what_aws_did_at_last_is_not_said_to_be_refused(yard: Yard) -> None:
    no(yard, "rule 1 forbids it")
    late = yard.ticker.clock.now - 16
    yard.fails(entered=late, **LATER)
    yard.ticker.cloud.guards.pop()
    yard.deaf = True
    assert "acknowledged" in yard.fails(entered=late, **LATER)
    assert yard.fails(entered=late - 15, **LATER).endswith("not within 30 s: open a")


def test_what_was_answered_within_the_last_tick_is_said_too(yard: Yard) -> None:
    """Its time may be over when it has sent something and looks again."""
    no(yard, "rule 1 forbids it")
    yard.ticker.inject("slow", WRITE)
    said = yard.fails(entered=yard.ticker.clock.now - 29, **LATER)
    assert said.startswith("Untouched: the state: not within 30 s: open a; AWS last answered ")
    assert "rule 1 forbids it" in said


def test_what_was_answered_to_a_run_before_or_before_a_redrive_is_not_this_ones(yard: Yard) -> None:
    no(yard, "rule 1 forbids it")
    late = yard.ticker.clock.now - 31
    yard.fails(entered=late + 15, **LATER)
    assert "AWS last answered" in yard.fails(entered=late, **LATER)
    for other in ({"execution": OTHER}, {"redrives": 1}, {"state": "another"}, {"started": 1e9}):
        assert yard.fails(entered=late, **LATER, **other).endswith("not within 30 s: open a")


def test_a_ledger_that_does_not_take_the_note_changes_nothing_else(yard: Yard) -> None:
    no(yard, "rule 1 forbids it")
    yard.ticker.inject("denied", "PutItem", times=99, met=lambda r: "answer#" in str(r.parameters))
    late = yard.ticker.clock.now - 31
    assert "rule 1 forbids it" in yard.fails(entered=late + 15, **LATER)
    assert yard.ticker.records().answers == {}
    assert yard.fails(entered=late, **LATER).endswith("not within 30 s: open a")


def test_of_many_answers_the_first_few_are_told(yard: Yard) -> None:
    no(yard, "no " * 2000)
    said = yard.fails("abcd", entered=yard.ticker.clock.now, within=30)
    assert "; and 1 more" in said
    assert len(said) < 4000


def test_what_cannot_be_decided_without_an_answer_is_refused_in_time_as_well(yard: Yard) -> None:
    yard.ticker.inject("503", READ, times=9)
    early, late = yard.ticker.clock.now, yard.ticker.clock.now - 31
    assert yard.fails(step="needy", within=30, entered=early).startswith("NotYet: ")
    assert yard.fails(step="needy", within=30, entered=late).startswith(
        "Refused: the state: not within 30 s:"
    )


def test_nothing_more_is_changed_after_the_time_but_done_still_counts(yard: Yard) -> None:
    late = yard.ticker.clock.now - 31
    assert "not within 30 s: open a" in yard.fails(within=30, entered=late)
    assert yard.writes() == 0
    yard.open["a"] = True
    assert yard.tick(within=30, entered=late)["outcome"] == "done"


def test_a_redrive_has_its_own_time(yard: Yard) -> None:
    yard.ticker.hold(redrives=1)
    now = yard.ticker.clock.now
    assert yard.tick(within=30, entered=now - 999, redriven=now - 1, redrives=1)["outcome"] == "done"


# Who may change what.


@pytest.mark.parametrize(("step", "action"), [("thief", WRITE), ("peeper", READ)])
def test_a_call_that_was_not_declared_is_never_made(yard: Yard, step: str, action: str) -> None:
    said = yard.fails(step=step)
    assert f"never declared {SERVICE}:{action}: call not made" in said
    assert said.startswith("Refused: ")
    assert yard.ticker.calls(action) == []


def test_a_dry_run_shows_the_calls_changes_nothing_and_needs_no_lease(yard: Yard) -> None:
    yard.ticker.hold(OTHER)
    said = yard.tick("ab", dry_run=True)
    assert (said["outcome"], said["why"]) == ("would change", "open a, b")
    assert said["calls"][1] == {
        "action": f"{SERVICE}:{WRITE}",
        "service": SERVICE,
        "operation": WRITE,
        "region": WEST,
        "parameters": {"RoutingControlArn": "b", "RoutingControlState": "On"},
    }
    assert yard.writes() == 0
    assert yard.tick("", dry_run=True)["outcome"] == "done"


def test_a_dry_run_that_meets_silence_would_wait(yard: Yard) -> None:
    yard.ticker.inject("503", READ, times=9)
    for step in ("gates", "needy"):
        assert yard.tick(step=step, dry_run=True)["outcome"] == "would wait"


def test_a_run_that_does_not_hold_the_lease_changes_nothing(yard: Yard) -> None:
    yard.ticker.hold(OTHER)
    assert yard.fails() == f"Refused: the state: superseded: the lease is held by {OTHER}"
    assert yard.writes() == 0


def test_a_run_that_lost_the_lease_between_two_rounds_stops_there(yard: Yard) -> None:
    def steal(request: Request, answer: object) -> None:
        if request.operation == WRITE and yard.open["a"] and not yard.open["b"]:
            yard.ticker.cloud.watchers.remove(steal)
            yard.ticker.clock.spawn(lambda: yard.ticker.hold(OTHER))

    yard.ticker.cloud.watchers.append(steal)
    assert "superseded" in yard.fails("ab", "stairs")
    assert not yard.open["b"]


def test_a_released_lease_is_nobodys(yard: Yard) -> None:
    yard.ticker.hold(released=True)
    assert "superseded" in yard.fails()


def test_a_bare_redrive_is_refused_by_the_first_tick_that_would_change_anything(yard: Yard) -> None:
    assert yard.fails(redrives=1).startswith("Refused: the state: redriven without the lease")
    assert yard.writes() == 0
    yard.open["a"] = True
    assert yard.tick(redrives=1)["outcome"] == "done"


def test_nothing_is_changed_while_a_call_of_the_run_before_may_be_in_flight(yard: Yard) -> None:
    yard.ticker.hold(quiet_until=yard.ticker.clock.now + 60)
    assert "NotYet: the state: a call of the run before may be in flight for" in yard.fails()
    assert yard.writes() == 0
    yard.ticker.clock.sleep(61)
    assert yard.tick()["outcome"] == "done"


# A person's word.


def test_a_pause_stops_every_change_and_a_resume_gives_the_state_its_time_anew(yard: Yard) -> None:
    entered = yard.ticker.clock.now
    yard.ticker.say(pause=True, paused_at=entered)
    assert yard.fails(within=30, entered=entered) == "Paused: the state: paused by jane: she knows"
    yard.ticker.clock.sleep(3000)
    assert yard.fails(within=30, entered=entered).startswith("Paused: ")
    assert yard.writes() == 0
    yard.ticker.say(pause=False, resumed_at=yard.ticker.clock.now)
    assert yard.tick(within=30, entered=entered)["outcome"] == "done"


def test_a_pause_that_nobody_ends_ends_the_run_after_an_hour_and_does_not_hold_its_undoing(
    yard: Yard,
) -> None:
    """Else each of its states would be paused for an hour, and what was taken would not be given back."""
    yard.ticker.say(pause=True, paused_at=yard.ticker.clock.now)
    yard.ticker.clock.sleep(3599)
    assert yard.fails().startswith("Paused: ")
    assert yard.fails(purpose="undo").startswith("Paused: ")
    yard.ticker.clock.sleep(1)
    assert yard.fails() == (
        "Refused: the state: paused by jane: she knows, and nobody resumed it within 3600 s"
    )
    assert yard.tick(purpose="undo")["outcome"] == "done"


def test_a_fence_before_the_approval_is_left_for_later_by_a_graceful_run(yard: Yard) -> None:
    later = {"outcome": "left for later", "facts": {}}
    assert yard.tick(purpose="early") == later
    assert yard.tick(purpose="early", dry_run=True) == later
    assert not yard.open["a"]
    yard.ticker.converge("gates", inputs("a", {}), purpose="early", mode="ungraceful")
    assert yard.open["a"]


def test_a_run_that_a_person_carries_on_as_ungraceful_waits_for_no_word(yard: Yard) -> None:
    yard.ticker.say(ungraceful=True)
    yard.ticker.converge("gates", inputs("a", {}), purpose="early")
    assert yard.open["a"]


def test_a_skipped_state_says_by_whom_and_changes_nothing(yard: Yard) -> None:
    yard.ticker.say(skip=["the state"])
    assert yard.tick() == {"outcome": "skipped", "facts": {"by": "jane: she knows"}}
    assert yard.writes() == 0
    assert yard.tick(state="another state")["outcome"] == "done"


@pytest.mark.parametrize("purpose", ["undo", "unbreak"])
def test_an_abort_ends_the_run_but_not_its_undoing(yard: Yard, purpose: str) -> None:
    yard.ticker.say(abort=True)
    assert yard.fails() == "Aborted: the state: aborted by jane: she knows"
    assert yard.writes() == 0
    assert yard.tick(purpose=purpose)["outcome"] == "done"


# What moves data or customers.


def test_what_gives_up_before_it_has_sent_anything_says_so(yard: Yard) -> None:
    late = yard.ticker.clock.now - 31
    assert yard.fails(step="bridge", within=30, entered=late).startswith("Untouched: the state: not within")
    assert yard.fails(step="gates", within=30, entered=late).startswith("Refused: the state: not within")
    yard.ticker.say(abort=True)
    assert yard.fails(step="bridge") == "Untouched: the state: aborted by jane: she knows"
    assert yard.writes() == 0
    assert yard.ticker.records().begun == ""


def test_before_anything_is_sent_it_is_noted_that_this_run_has_begun(yard: Yard) -> None:
    noted: list[str] = []
    yard.ticker.cloud.watchers.append(
        lambda request, answer: (
            noted.append(yard.ticker.records().begun) if request.operation == WRITE else None
        )
    )
    assert yard.tick(step="bridge")["outcome"] == "done"
    assert noted == [THIS]


@pytest.mark.parametrize("kind", ["lost_before", "503"])
def test_what_may_have_been_done_is_not_untouched(yard: Yard, kind: Kind) -> None:
    yard.ticker.inject(kind, WRITE, times=9)
    assert yard.fails(step="bridge").startswith("NotYet: ")
    yard.open["a"] = False
    late = yard.ticker.clock.now - 31
    assert yard.fails(step="bridge", within=30, entered=late).startswith("Refused: the state: not within")
    yard.ticker.say(abort=True)
    assert yard.fails(step="bridge").startswith("Aborted: ")


def test_what_aws_has_denied_altogether_is_untouched(yard: Yard) -> None:
    yard.denied = {"a"}
    assert yard.fails(step="bridge").startswith("Untouched: the state: route53-recovery-cluster:Update")
    yard.ticker.hold("arn:aws:states:us-west-1:123456789012:execution:m:2")
    assert yard.fails("ab", step="bridge", execution=yard.ticker.records().lease.holder).startswith(
        "Refused: "
    )


def test_what_aws_has_answered_with_busy_every_time_is_untouched(yard: Yard) -> None:
    """It has done nothing of it, so the fences can still be given back."""

    def busy(request: Request) -> None:
        if request.operation == WRITE:
            raise AwsError("ConflictException", "another change is under way", 409)

    yard.ticker.cloud.guards.append(busy)
    began = yard.ticker.clock.now
    assert yard.fails(step="bridge", within=30, entered=began).startswith("NotYet: ")
    assert yard.ticker.records().begun == ""
    assert yard.fails(step="bridge", within=30, entered=began - 31).startswith("Untouched: ")


def test_what_one_tick_has_begun_no_other_takes_back_though_aws_tells_it_no(yard: Yard) -> None:
    """Two branches of one run, or a tick that was delivered twice: while one is refused, another is not."""
    inside: list[str] = []

    def meanwhile(request: Request) -> Kind | None:
        if request.operation != WRITE or request.parameters["RoutingControlArn"] != "a":
            return None
        if not inside:
            inside.append(yard.tick("b", step="bridge")["outcome"])
        return "denied"

    yard.ticker.cloud.faults.injectors.append(meanwhile)
    assert "AccessDenied" in yard.fails(step="bridge")
    assert inside == ["done"]
    assert yard.ticker.records().begun == THIS


def test_a_moving_step_that_a_person_skips_has_begun_and_only_for_who_holds_the_lease(yard: Yard) -> None:
    yard.ticker.say(skip=["the state"])
    yard.ticker.hold(OTHER)
    assert "superseded" in yard.fails(step="bridge")
    assert yard.ticker.records().begun == ""
    yard.ticker.hold()
    assert yard.tick(step="bridge")["outcome"] == "skipped"
    assert yard.ticker.records().begun == THIS


def test_nobody_gives_up_untouched_who_could_not_read_whether_the_run_has_begun(yard: Yard) -> None:
    assert yard.tick(step="bridge")["outcome"] == "done"
    yard.open["a"] = False
    yard.ticker.inject("hollow", "Query", times=9)
    late = yard.ticker.clock.now - 31
    assert yard.fails(step="bridge", within=30, entered=late).startswith(
        "Refused: the state: not within 30 s"
    )


def test_a_state_that_a_person_resumed_has_its_time_anew_for_odd_answers_too(yard: Yard) -> None:
    yard.ticker.cloud.serve(SERVICE, READ, lambda request: {})
    now = yard.ticker.clock.now
    yard.ticker.say(pause=False, resumed_at=now)
    assert yard.fails(within=30, entered=now - 31).startswith("NotYet: the state: Farshore did not foresee")


def test_what_was_busy_after_a_lost_answer_may_have_been_done(yard: Yard) -> None:
    yard.ticker.inject("lost_after", WRITE)
    yard.deaf = True
    assert yard.fails(step="bridge").startswith("NotYet: ")
    assert yard.ticker.records().begun == THIS


def test_an_answer_that_nobody_foresaw_is_asked_again_until_the_time_is_over(yard: Yard) -> None:
    yard.ticker.cloud.serve(SERVICE, READ, lambda request: {})
    yard.ticker.cloud.validates = False
    said = yard.fails(step="bridge")
    assert said.startswith(
        "NotYet: the state: Farshore did not foresee this: KeyError: 'RoutingControlState' ("
    )
    late = yard.ticker.clock.now - 31
    assert yard.fails(step="bridge", within=30, entered=late).startswith(
        "Untouched: the state: not within 30 s"
    )
    assert yard.fails(within=30, entered=late).startswith("Refused: the state: not within 30 s: Farshore did")
    assert yard.fails(dry_run=True).startswith("KeyError: "), "a plan shows that the step is broken"


def test_a_note_that_is_denied_before_anything_is_sent_leaves_it_untouched(yard: Yard) -> None:
    """That it begins, and what it will overwrite: who cannot note it sends nothing."""
    yard.ticker.inject("denied", "PutItem")
    assert yard.fails(step="bridge").startswith(
        "Untouched: the state: the ledger ledger refused dynamodb:PutItem"
    )
    assert yard.writes() == 0


def test_who_cannot_read_the_ledger_cannot_know_whether_anything_is_touched(yard: Yard) -> None:
    yard.ticker.inject("denied", "Query", times=9)
    assert yard.fails(step="bridge").startswith(
        "Refused: the state: the ledger ledger refused dynamodb:Query"
    )


def test_what_another_run_has_begun_is_not_this_ones(yard: Yard) -> None:
    assert yard.tick(step="bridge")["outcome"] == "done"
    yard.open["a"] = False
    other = "arn:aws:states:us-west-1:123456789012:execution:m:2"
    yard.ticker.hold(other)
    late = yard.ticker.clock.now - 31
    said = yard.fails(step="bridge", within=30, entered=late, execution=other)
    assert said.startswith("Untouched: the state: not within")


# A tick that is delivered late, when the run has given up.


def test_a_run_that_has_given_up_changes_nothing_but_what_it_gives_back(yard: Yard) -> None:
    assert yard.tick("a", purpose="undo")["outcome"] == "done"
    for step in ("gates", "bridge"):
        assert yard.fails("b", step=step) == (
            "Refused: the state: the run has given up, and gives back what it took: "
            "it changes nothing else any more"
        )
    assert yard.tick("c", purpose="undo")["outcome"] == "done"
    assert yard.open == {"a": True, "b": False, "c": True, "d": False}
    yard.ticker.hold(OTHER)
    assert yard.tick("b", step="bridge", execution=OTHER)["outcome"] == "done", "another run does"


def test_that_a_run_gives_up_is_noted_before_anything_is_given_back_and_once(yard: Yard) -> None:
    noted: list[bool] = []

    def looks(request: Request, answer: object) -> None:
        if request.operation == WRITE:
            noted.append(yard.ticker.records().has_given_up(THIS, 0.0))

    yard.ticker.cloud.watchers.append(looks)
    yard.ticker.calls("PutItem")
    assert yard.tick("ab", purpose="undo")["outcome"] == "done"
    assert len(yard.ticker.calls("PutItem")) == 1
    assert yard.tick("c", purpose="undo")["outcome"] == "done"
    assert (noted, yard.ticker.calls("PutItem")) == ([True, True, True], [])


def test_who_gives_up_leaves_what_a_run_before_has_noted(yard: Yard) -> None:
    """What that has moved stays moved."""
    yard.ticker.hold(OTHER)
    assert yard.tick("b", step="bridge", execution=OTHER)["outcome"] == "done"
    yard.ticker.hold()
    assert yard.tick("a", purpose="undo")["outcome"] == "done"
    records = yard.ticker.records()
    assert (records.has_begun(OTHER, 0.0), records.has_begun(THIS, 0.0)) == (True, False)


def test_nothing_is_given_back_once_a_late_tick_has_moved_something(yard: Yard) -> None:
    assert yard.tick("b", step="bridge")["outcome"] == "done"
    assert yard.fails("a", purpose="undo").startswith("NotYet: the state: a late tick of this run has begun")
    yard.ticker.clock.sleep(LONGEST_TICK_SECONDS)
    assert yard.fails("a", purpose="undo").startswith("Refused: the state: a late tick of this run has moved")
    assert not yard.open["a"]


def test_what_a_late_tick_was_told_no_for_is_given_back(yard: Yard) -> None:
    yard.denied = {"b"}
    assert yard.fails("b", step="bridge").startswith("Untouched: ")
    assert yard.tick("a", purpose="undo")["outcome"] == "done"


@pytest.mark.parametrize("first", ["bridge", "undo"])
def test_of_a_late_tick_and_the_undo_that_race_one_comes_to_nothing(yard: Yard, first: str) -> None:
    """Whichever is noted first: the other finds that when it would note itself."""
    ticks: dict[str, dict[str, Any]] = {
        "bridge": {"gates": "b", "step": "bridge"}, "undo": {"gates": "a", "purpose": "undo"},
    }  # fmt: skip
    quick, slow = ticks.pop(first), next(iter(ticks.values()))
    inside: list[str] = []

    def meanwhile(request: Request) -> Kind | None:
        if request.operation == "PutItem" and not inside:
            inside.append("")
            inside[0] = yard.tick(**quick)["outcome"]
        return None

    yard.ticker.cloud.faults.injectors.append(meanwhile)
    assert "NotYet: the state: another tick of this run begins to move something" in yard.fails(**slow)
    assert inside == ["done"]
    assert yard.writes() == 1


def test_a_plan_and_a_superseded_run_are_refused_as_ever(yard: Yard) -> None:
    yard.ticker.inject("denied", READ, times=2)
    assert yard.fails(step="bridge", dry_run=True).startswith("Refused: ")
    yard.ticker.hold(OTHER)
    assert yard.fails(step="bridge", state="the other state").startswith("Untouched: ")
    assert yard.fails(step="bridge").startswith("Refused: the state: superseded")


def test_a_word_to_another_run_is_not_heeded(yard: Yard) -> None:
    yard.ticker.say(pause=True, execution=OTHER)
    assert yard.tick()["outcome"] == "done"


def test_a_dry_run_hears_no_directive(yard: Yard) -> None:
    yard.ticker.say(abort=True)
    assert yard.tick(dry_run=True)["outcome"] == "would change"


@dataclass(frozen=True, kw_only=True)
class Patient(Step[float]):
    """It says for how long it has waited, in seconds."""

    name: ClassVar = "patient"

    def observe(self, world: World) -> float:
        return world.waited

    def decide(self, seen: float) -> Decision:
        return Done(facts={"waited": seen})


def test_a_plans_dry_tick_has_waited_for_nothing(yard: Yard) -> None:
    """Its state was never entered: it must not look like one whose patience has long been at its end."""
    yard.ticker.deploy(Patient)
    event = yard.ticker.event({}, step="patient", dry_run=True)
    event["state"]["EnteredTime"] = None
    said = yard.ticker.functions.invoke(WEST, "patient", event)
    assert said["facts"]["waited"] < 1
    entered = yard.ticker.clock.now - 50
    assert yard.ticker.tick("patient", {}, entered=entered)["facts"]["waited"] >= 50


@dataclass(frozen=True, kw_only=True)
class Mode(Step[str]):
    """It says in which mode it runs."""

    name: ClassVar = "mode"

    def observe(self, world: World) -> str:
        return world.run.mode

    def decide(self, seen: str) -> Decision:
        return Done(seen)


def test_a_run_can_be_carried_on_as_ungraceful(yard: Yard) -> None:
    yard.ticker.deploy(Mode)
    assert yard.ticker.tick("mode", {})["outcome"] == "graceful"
    yard.ticker.say(ungraceful=True)
    assert yard.ticker.tick("mode", {})["outcome"] == "ungraceful"


def approved(yard: Yard, mode: str, execution: str = THIS, started: float = 0.0, item: str = "abc") -> None:
    word = {"execution": execution, "started": started, "decision": "approve", "mode": mode}
    assert yard.ticker.ledger.say(f"decision#{item}", word, yard.ticker.records())


def test_a_run_that_was_approved_as_graceful_goes_on_as_ungraceful_once_that_is_approved(yard: Yard) -> None:
    """Who may direct could otherwise lose what nobody has agreed to lose."""
    yard.ticker.deploy(Mode)
    approved(yard, "graceful")
    assert yard.ticker.tick("mode", {})["outcome"] == "graceful"
    yard.ticker.say(ungraceful=True)
    loss = loss_digest(THIS, 0.0)[:12]
    said = yard.ticker.fails("mode", {})
    assert said.startswith("NotYet: the state: jane: she knows says ungraceful, and the plan was approved as")
    assert f"farshore approve shop {loss} --why" in said
    approved(yard, "ungraceful", OTHER, item="of-another-run")
    approved(yard, "ungraceful", THIS, started=7.0, item="of-its-namesake")
    assert yard.ticker.fails("mode", {}) == said
    approved(yard, "ungraceful", item=loss)
    assert yard.ticker.tick("mode", {})["outcome"] == "ungraceful"


def test_where_approvals_are_proved_no_word_lets_a_run_lose_that_was_approved_as_graceful(yard: Yard) -> None:
    """Nobody would look at the proof of that."""
    yard.ticker.deploy(Mode)
    plan = {"execution": THIS, "started": 0.0, "mode": "graceful", "proof": "proved"}
    yard.ticker.ledger.write("proposal", plan)
    yard.ticker.say(ungraceful=True)
    assert yard.ticker.tick("mode", {})["outcome"] == "ungraceful", "its plan is still to be approved as that"
    approved(yard, "graceful")
    approved(yard, "ungraceful", item=loss_digest(THIS, 0.0)[:12])
    said = yard.ticker.fails("mode", {})
    assert said.endswith(
        "approved as graceful, by proof, which only a plan can be: abort it, and start an ungraceful run"
    )
    assert yard.ticker.tick("mode", {}, entered=yard.ticker.clock.now - 901)["outcome"] == "graceful"
    yard.ticker.ledger.write("proposal", {**plan, "mode": "ungraceful"})
    assert yard.ticker.tick("mode", {})["outcome"] == "ungraceful"
    yard.ticker.ledger.write("proposal", {**plan, "execution": OTHER})
    assert yard.ticker.tick("mode", {})["outcome"] == "ungraceful", "another run's plan"


def test_a_run_that_a_person_says_may_not_lose_goes_on_at_once_without_losing(yard: Yard) -> None:
    yard.ticker.deploy(Mode)
    approved(yard, "graceful")
    yard.ticker.say(ungraceful=True)
    loss = loss_digest(THIS, 0.0)
    assert yard.ticker.fails("mode", {}).startswith("NotYet")
    word = {"execution": THIS, "started": 0.0, "digest": loss, "decision": "decline", "mode": "ungraceful"}
    assert yard.ticker.ledger.say(f"decision#{loss[:12]}", word, yard.ticker.records())
    assert yard.ticker.tick("mode", {})["outcome"] == "graceful"


def test_what_nobody_lets_a_run_lose_it_goes_on_without_losing(yard: Yard) -> None:
    yard.ticker.deploy(Mode)
    approved(yard, "graceful")
    yard.ticker.say(ungraceful=True)
    late = yard.ticker.clock.now - 901
    assert yard.ticker.tick("mode", {}, entered=late)["outcome"] == "graceful"


# Again is the same.


def test_a_tick_delivered_twice_at_once_ends_in_the_same_world(yard: Yard) -> None:
    clock = yard.ticker.clock
    twins = [clock.spawn(lambda: yard.tick("abc", "stairs")) for _ in range(2)]
    assert [task.join()["outcome"] for task in twins] == ["done", "done"]
    assert yard.open == {"a": True, "b": True, "c": True, "d": False}


def killed(ticker: Ticker, number: int, *, after: bool) -> Callable[[], None]:
    """The sandbox dies at the call of this number: before AWS has it, or after AWS has done it."""
    count = 0

    def kill(request: Request, answer: object = None) -> None:
        nonlocal count
        if request.caller:
            count += 1
            if count == number:
                ticker.functions.running[-1].kill()

    hooks: Any = ticker.cloud.watchers if after else ticker.cloud.faults.injectors
    hooks.append(kill)
    return lambda: hooks.remove(kill)


@pytest.mark.parametrize("after", [False, True], ids=["before AWS has the call", "after AWS has done it"])
def test_a_function_killed_at_any_call_and_ticked_again_ends_in_the_same_world(
    yard: Yard, after: bool
) -> None:
    yard.ticker.requests.clear()
    yard.tick("abc", "stairs")
    calls = len(yard.ticker.requests)
    assert calls > 9
    for number in range(1, calls + 1):
        yard.open = dict.fromkeys("abcd", False)
        spare = killed(yard.ticker, number, after=after)
        assert yard.fails("abc", "stairs").startswith("Runtime.ExitError: ")
        spare()
        assert yard.tick("abc", "stairs")["outcome"] == "done"
        assert yard.open == {"a": True, "b": True, "c": True, "d": False}


# What a run is started with.


@pytest.mark.parametrize("purpose", ["Move", "", None, 5, ["move"]])
def test_a_purpose_that_no_state_has_is_refused(yard: Yard, purpose: Any) -> None:
    assert f"no state has the purpose {purpose!r}" in yard.fails(purpose=purpose)
    assert yard.writes() == 0


def test_an_event_of_another_step_is_refused(yard: Yard) -> None:
    event = yard.ticker.event(inputs("a", {}), step="stairs")
    with pytest.raises(FunctionError, match="an event of 'stairs' came to gates"):
        yard.ticker.functions.invoke(WEST, "gates", event)
    assert yard.writes() == 0


@pytest.mark.parametrize(
    "given",
    [
        {},
        [],
        None,
        "graceful",
        {"mode": "gracefull"},
        {"mode": None},
        {"mode": ["graceful"]},
        {"dry_run": True},
        {"mode": "graceful", "dryrun": True},
        {"mode": "graceful", "dry_run": "true"},
        {"mode": "graceful", "dry_run": 1},
        {"mode": "graceful", "dry_run": None},
        {"mode": "graceful", "trigger": 7},
    ],
    ids=json.dumps,
)
def test_any_other_input_is_refused_saying_what_is_accepted(yard: Yard, given: Any) -> None:
    said = yard.fails(input=given)
    assert said.startswith("Refused: ")
    assert json.dumps(given) in said
    assert '{"mode": "graceful"} or {"mode": "ungraceful"}; add "dry_run": true to change nothing' in said
    assert yard.writes() == 0


@pytest.mark.parametrize(
    ("part", "odd"),
    [
        ("inputs", {"nothing": "of the kind"}),
        ("inputs", ["a", "list"]),
        ("inputs", {"gates": ["a"], "within": {"a": "mapping"}}),
        ("run", {"purpose": "move"}),
        ("run", None),
        ("ledger", {"table": "ledger"}),
        ("ledger", {"table": "ledger", "regions": [1, 2, 3]}),
        ("state", {"Name": "the state", "EnteredTime": "yesterday"}),
        ("execution", "an ARN"),
    ],
)
def test_an_event_that_no_machine_writes_is_refused_in_words(yard: Yard, part: str, odd: Any) -> None:
    event = yard.ticker.event(inputs("a", {}), step="gates") | {part: odd}
    with pytest.raises(FunctionError, match=r"^Refused: .* of no machine: .*sam deploy"):
        yard.ticker.functions.invoke(WEST, "gates", event)
    assert yard.writes() == 0


@pytest.mark.parametrize(
    "given",
    [{"mode": "graceful"}, {"mode": "ungraceful", "dry_run": False}, {"mode": "ungraceful", "trigger": "a"}],
    ids=json.dumps,
)
def test_the_inputs_that_are_accepted_are(yard: Yard, given: Any) -> None:
    assert yard.tick(input=given)["outcome"] == "done"


# What is pure is the same each time.


@dataclass(frozen=True, kw_only=True)
class Dicer(Step[int]):
    """It rolls dice."""

    name: ClassVar = "dicer"

    def observe(self, world: World) -> int:
        return world.dice(1 << 30)

    def decide(self, seen: int) -> Decision:
        return Done(facts={"rolled": seen})


def test_dice_fall_the_same_for_every_tick_of_a_state_and_otherwise_for_another_run(yard: Yard) -> None:
    yard.ticker.deploy(Dicer)

    def rolled(**given: Any) -> int:
        return int(yard.ticker.tick("dicer", {}, **given)["facts"]["rolled"])

    assert rolled(execution=THIS) == rolled(execution=THIS)
    assert len({rolled(execution=THIS), rolled(execution=OTHER), rolled(state="another")}) == 3


@dataclass(frozen=True, kw_only=True)
class Wrong(Step[None]):
    """The world is not as the runbook says."""

    name: ClassVar = "wrong"

    def observe(self, world: World) -> None: ...

    def decide(self, seen: None) -> Decision:
        raise Refused("a person must look")


def test_whoever_deploys_a_step_may_choose_what_notes_how_its_ticks_end(yard: Yard) -> None:
    said: list[tuple[str, str, str, str]] = []

    @contextmanager
    def tick_of(run: Run) -> Iterator[Report]:
        yield lambda outcome, why, waited, facts: said.append((run.step, run.execution, outcome, why))

    for step in (Dicer, Wrong):
        handler = lambda_handler(step, yard.ticker.outside, tick_of)
        yard.ticker.functions.deploy(WEST, step.name, handler)
    yard.ticker.tick("dicer", {})
    yard.ticker.fails("wrong", {})
    assert said == [("dicer", THIS, "done", ""), ("wrong", THIS, "Refused", "a person must look")]
    assert not yard.ticker.functions.logs


def test_a_failure_names_its_state(yard: Yard) -> None:
    yard.ticker.deploy(Wrong)
    said = yard.ticker.fails("wrong", {}, state="aurora_writer us-west-1")
    assert said == "Refused: aurora_writer us-west-1: a person must look"
