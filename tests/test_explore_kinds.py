"""Kinds of faults: a place that takes connections and does nothing, a slow person, earlier runs."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path

import exploring
import pytest
from exploring import FAILOVER, FENCE, SHOP, WRITER, baseline_of, recorded
from planted import slip

from farshore.checkers.events import Call
from farshore.checkers.final_state import FinalState
from farshore.explore.cases import fault_cases
from farshore.explore.data import FaultCase, Outcome
from farshore.explore.driver import Driver
from farshore.explore.exploration import Exploration, played
from farshore.explore.kinds import KINDS
from farshore.explore.syntax import read
from farshore.runbook.find import find
from functions.ledger import Ledger

surveyed, at_home = exploring.surveyed, exploring.at_home

DARK_THROUGHOUT = "dark:us-east-1..failover-1/release/1/0"
AILING = ("mute", "failing", "swamped")
MOVES = [(procedure, mode) for procedure in ("failover", "failback") for mode in ("graceful", "ungraceful")]


def cases(surveyed: Exploration, *kinds: str, every: bool = False) -> list[FaultCase]:
    return [case for case in surveyed.cases(every) if case.kind in kinds]


class OneWay(Driver):
    """What comes after the run is not looked at here."""

    def _go_back(self, final: FinalState) -> None:
        pass


class Watched:
    """A seed, played, with what its runs have changed of the application, and the ends of its executions."""

    def __init__(self, surveyed: Exploration, seed: str) -> None:
        self.driver = OneWay(surveyed.runbook, read(f"unicorn-shop,{seed}"))
        self.changes: list[Call] = []
        self.driver.on_begin.append(self._begin)
        self.outcome: Outcome = self.driver.play()

    def _begin(self) -> None:
        self.driver.simulation.on_call.append(self._note)
        self.began = self.driver.simulation.clock.now

    def _note(self, call: Call) -> None:
        if call.change is not None:
            self.changes.append(call)

    def changed_by(self, execution: str) -> list[Call]:
        return [call for call in self.changes if call.tick and call.tick.execution.endswith(f":{execution}")]

    def ends(self, execution: str) -> tuple[str, str, float]:
        """Its status, its error, and after how many seconds it ended."""
        engine = self.driver.simulation.engine
        (arn,) = [arn for arn in self.driver.simulation.executions if arn.endswith(f":{execution}")]
        run = engine.executions[arn]
        cause = (run.failure.cause or "") if run.failure else ""
        return run.status, cause, run.stopped - self.began


# A place that takes connections and does nothing.


def test_a_place_ails_from_before_and_from_each_step_that_calls_it(surveyed: Exploration) -> None:
    asked = "rds/us-east-1"
    mine = [case.seed.faults[0] for case in cases(surveyed, "mute") if case.baseline == FAILOVER]
    assert {(str(fault.at), fault.until) for fault in mine if fault.place == asked} == {
        (at, until)
        for at in ("None", "failover-1/aurora_writer.us-west-1/1/1", "failover-1/aurora_snapshot_kept/1/1")
        for until in (None, 60.0)
    }
    places = {fault.place for fault in mine}
    assert places >= {"us-east-1", "us-west-1", "us-west-2", "us-east-2", "lambda/us-west-1", "sns/us-west-1"}
    assert sum("." in place for place in places) == 5, "each endpoint of ARC's"
    assert not any(fault.place == "us-west-1" and fault.at is None for fault in mine), "nobody could start it"


def test_a_throttle_is_played_only_where_a_step_can_tell_it_from_a_503(surveyed: Exploration) -> None:
    baseline = baseline_of(surveyed, FAILOVER)

    def places(kind: str, every: bool = False) -> set[str]:
        found = fault_cases(baseline, surveyed.runbook, every)
        return {case.seed.faults[0].place for case in found if case.kind == kind}

    ledgers = {"us-east-2", *(f"dynamodb/{region}" for region in surveyed.runbook.ledger.regions)}
    alike = places("failing") - places("swamped")
    assert alike
    assert alike <= ledgers, "who writes notes does not look why"
    assert places("swamped", every=True) == places("failing") == places("mute")


def test_what_it_may_come_to_is_that_of_the_dark() -> None:
    for word in AILING:
        mine, dark = KINDS[word], KINDS["dark"]
        assert (mine.excuses, mine.outlasts) == (dark.excuses, dark.outlasts)


@pytest.mark.parametrize("word", AILING)
def test_an_ungraceful_failover_leaves_a_region_that_ails(surveyed: Exploration, word: str) -> None:
    watched = Watched(surveyed, f"failover,ungraceful,{word}:us-east-1@{FENCE}1/1")
    assert (watched.outcome.status, watched.outcome.breaches) == ("SUCCEEDED", ())
    assert not [call for call in watched.changed_by("failover-1") if call.request.region == "us-east-1"]
    paid = [call for call in watched.changes if call.request.region == "us-east-1"]
    assert {call.tick.purpose for call in paid if call.tick} == {"settle"}, "when it is well again"


# A read that is not strongly consistent.


def test_a_ledger_that_is_not_read_strongly_is_found(
    surveyed: Exploration, monkeypatch: pytest.MonkeyPatch
) -> None:
    seed = baseline_of(surveyed, FAILOVER).seed
    stale = f"{seed},stale@failover-1/approval/1/"

    def met(baseline: exploring.Baseline) -> list[FaultCase]:
        found = fault_cases(baseline, surveyed.runbook)
        return [case for case in found if str(case.seed).startswith(stale)]

    assert not met(baseline_of(surveyed, FAILOVER)), "all that it reads is the ledger, strongly"
    slip(Ledger, "read", "ConsistentRead=True", "ConsistentRead=False")(monkeypatch)
    stories = [breach.story for case in met(recorded(seed)) for breach in played(case.seed).breaches]
    assert any("the lease is held by nobody" in story for story in stories), stories


# A slow person.


@pytest.mark.parametrize(("procedure", "mode"), MOVES)
def test_who_approves_just_before_it_is_too_late_is_heard(
    surveyed: Exploration, procedure: str, mode: str
) -> None:
    watched = Watched(surveyed, f"{procedure},{mode},hesitant")
    assert (watched.outcome.status, watched.outcome.breaches) == ("SUCCEEDED", ())
    assert min(call.tick.began for call in watched.changes if call.tick) > watched.began + 890


def test_where_approvals_are_proved_a_person_in_the_dark_starts_an_ungraceful_run_instead(
    tmp_path: Path,
) -> None:
    """No word carries an approved run on there."""
    step, path = "- approval:\n", tmp_path / "unicorn-shop.yaml"
    path.write_text(SHOP.replace(step, f"{step}      identity: proved\n      approvers: 2\n"))
    runbook = find(str(path))
    baseline = recorded(read(f"{path},failover,graceful"))
    seeds = [case.seed for case in fault_cases(baseline, runbook)]
    assert not any("ungraceful@" in str(seed) for seed in seeds)
    (seed,) = [seed for seed in seeds if re.search(rf"instead@{WRITER}1/1,dark:us-east-1@[^,]*$", str(seed))]
    outcome = OneWay(runbook, seed).play()
    assert (outcome.status, outcome.breaches) == ("FAILED", ())


def test_who_approves_a_day_later_changes_nothing_and_starts_anew(surveyed: Exploration) -> None:
    watched = Watched(surveyed, "failover,graceful,away")
    assert watched.outcome.breaches == ()
    status, cause, seconds = watched.ends("failover-1")
    assert (status, 890 < seconds < 910) == ("FAILED", True)
    assert "not within 900 s" in cause
    assert not watched.changed_by("failover-1")
    status, _, seconds = watched.ends("failover-2")
    assert (status, seconds > 86_400) == ("SUCCEEDED", True)
    assert len(watched.changes) == len(watched.changed_by("failover-2")) > 4


@pytest.mark.parametrize("word", ["overslept", "forgotten"])
def test_a_pause_that_lasts_too_long_ends_the_run_and_gives_its_fences_back(
    surveyed: Exploration, word: str
) -> None:
    watched = Watched(surveyed, f"failover,graceful,{word}@{FENCE}1/1")
    assert watched.outcome.breaches == ()
    status, cause, seconds = watched.ends("failover-1")
    assert (status, 3600 < seconds < 3700) == ("FAILED", True)
    assert "nobody resumed it within 3600 s" in cause
    fences = [call for call in watched.changed_by("failover-1") if call.request.region == "us-east-1"]
    assert [call.tick.purpose for call in fences if call.tick] == ["move"] * 3 + ["undo"] * 3
    assert watched.ends("failover-3")[0] == "SUCCEEDED", "the alarm's own, the second, came meanwhile"


def test_a_pause_that_is_forgotten_after_data_has_moved_is_taken_back_by_a_redrive(
    surveyed: Exploration,
) -> None:
    watched = Watched(surveyed, "failover,graceful,forgotten@failover-1/arc_controls/1/1")
    assert (watched.outcome.status, watched.outcome.breaches) == ("FAILED", ())
    assert watched.ends("failover-1")[0] == "SUCCEEDED"


# Runs one after another.


@pytest.mark.parametrize(("procedure", "mode"), MOVES)
def test_the_same_procedure_once_more_ends_well_and_changes_nothing(
    surveyed: Exploration, procedure: str, mode: str
) -> None:
    watched = Watched(surveyed, f"{procedure},{mode},repeated")
    assert (watched.outcome.status, watched.outcome.breaches) == ("SUCCEEDED", ())
    assert watched.driver.main.endswith(f":{procedure}-2")
    assert not sent(watched.changes)


def sent(calls: list[Call]) -> list[str]:
    """Without the Region: the dice choose among five endpoints. And without the verifier's own row, which is
    another in each run."""
    mine = (call.request for call in calls if call.request.service != "rds-data")
    return sorted(f"{request.operation} {request.parameters}" for request in mine)


def test_a_second_failover_changes_what_the_first_did(surveyed: Exploration) -> None:
    """But for the Region that was never fenced yet."""
    first, second = Watched(surveyed, "failover,graceful"), Watched(surveyed, "failover,graceful,returned")
    assert (second.outcome.status, second.outcome.breaches) == ("SUCCEEDED", ())
    assert set(sent(first.changes)) <= set(sent(second.changes))


def test_a_failback_after_two_failovers_gives_back_what_the_first_took(
    surveyed: Exploration, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not what the second one found."""
    twice = dataclasses.replace(KINDS["repeated"], before=lambda procedures, procedure: ("failover",) * 2)
    monkeypatch.setitem(KINDS, "repeated", twice)  # type: ignore[arg-type]
    watched = Watched(surveyed, "failback,graceful,repeated")
    assert (watched.outcome.status, watched.outcome.breaches) == ("SUCCEEDED", ())
    assert watched.changes


def test_earlier_runs_are_baseline_runs_into_which_nothing_is_injected(surveyed: Exploration) -> None:
    names = [baseline.name for baseline in surveyed.baselines]
    assert {
        "failover graceful after a round trip",
        "failback ungraceful once more",
        "outage graceful once more",
    } <= {*names}
    assert not any("once more" in case.baseline or "round" in case.baseline for case in surveyed.cases())


def test_a_run_that_is_given_up_is_met_while_it_gives_back_and_nowhere_else(surveyed: Exploration) -> None:
    mine = [case for case in surveyed.cases() if case.baseline == f"{FAILOVER} given up"]
    assert {case.state for case in mine} == {
        "undo.lambda_concurrency.us-east-1", "release.undone",
    }  # fmt: skip
    assert {"lost_before", "denied", "stale", "killed", "redriven"} <= {case.kind for case in mine}


# What was broken before.

BROKEN_BEFORE = ("forbidden", "no_topic", "no_alarm", "red")


def test_what_was_broken_before_is_each_permission_topic_and_alarm_that_a_run_needs(
    surveyed: Exploration,
) -> None:
    mine = {str(case.seed.faults[0]) for case in cases(surveyed, *BROKEN_BEFORE) if case.baseline == FAILOVER}
    assert mine >= {
        "forbidden:rds:SwitchoverGlobalCluster",
        "forbidden:lambda:GetFunctionConcurrency",
        "forbidden:dynamodb:Query",
        "no_topic:us-west-1",
        "no_alarm:unicorn-shop-canary/us-west-2",
        "red:unicorn-shop-canary/us-west-1",
    }


@pytest.mark.parametrize("word", BROKEN_BEFORE)
def test_prepare_names_what_was_broken_before(surveyed: Exploration, word: str) -> None:
    found = [case for case in cases(surveyed, word) if case.seed.procedure == "prepare"]
    assert found
    for case in found:
        outcome = played(case.seed)
        assert (outcome.status, outcome.breaches) == ("FAILED", ()), str(case.seed)


def test_a_prepare_that_does_not_doubt_is_found(
    surveyed: Exploration, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("functions.steps.approval._confirmed", lambda subscription: True)
    monkeypatch.setattr("functions.steps.readiness.DOUBTS", "nothing")
    outcome = played(read("unicorn-shop,prepare,graceful,no_topic:us-west-1"))
    (breach,) = outcome.breaches
    assert (breach.invariant, "did not name there is no topic" in breach.story) == ("L1", True)


def test_a_failover_from_a_dark_region_does_without_one_of_its_alarms(surveyed: Exploration) -> None:
    seed = f"failover,ungraceful,{DARK_THROUGHOUT},no_alarm:unicorn-shop-canary/us-west-2"
    watched = Watched(surveyed, seed)
    assert (watched.outcome.status, watched.outcome.breaches) == ("SUCCEEDED", ())


def test_a_canary_that_fails_of_itself_starts_a_run_that_changes_nothing(surveyed: Exploration) -> None:
    watched = Watched(surveyed, "failover,ungraceful,red:unicorn-shop-canary/us-west-1")
    assert (watched.outcome.status, watched.outcome.breaches) == ("FAILED", ())
    status, cause, _ = watched.ends("failover-1")
    assert (status, "1 of 3 say that us-east-1 is impaired, not 2" in cause) == ("FAILED", True)
    assert not watched.changed_by("failover-1")
