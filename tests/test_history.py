"""What a run's history says, where another version of Farshore deployed its machine."""

from __future__ import annotations

from typing import Any

import pytest

from farshore.operate.history import RunReport, StepReport, committed


def report(*steps: tuple[str, str]) -> RunReport:
    """A run whose states, one after another, belong to these step types and ended so."""
    reports = tuple(
        StepReport(f"{step} us-west-1", outcome, "", {}, 1.0, 1, "arn", asked(step), outcome == "done", 0.0)
        for step, outcome in steps
    )
    where = ("us-east-1", "us-west-1")
    return RunReport("failover", where, "graceful", "RUNNING", "", 2.0, 2, None, reports, False, 0.0)


def asked(step: str) -> dict[str, Any]:
    return {"run": {"step": step, "purpose": "move"}} if step else {}


def test_a_step_that_moves_data_is_the_point_of_no_return() -> None:
    assert committed(report(("lease", "done"), ("aurora_writer", "done"))) == "aurora_writer us-west-1"
    assert committed(report(("lease", "done"), ("aurora_writer", "NotYet")), begun=False) == ""


def test_a_step_of_another_version_may_have_moved_data_and_the_answer_says_so() -> None:
    run = report(("lease", "done"), ("aurora_mover", "done"))
    assert committed(run) == "aurora_mover us-west-1 (no step of this version of Farshore)"
    assert committed(run, begun=False) == "", "the ledger says that nothing has moved"


@pytest.mark.parametrize("begun", [True, False])
def test_a_state_that_was_never_ticked_has_moved_nothing(begun: bool) -> None:
    assert committed(report(("lease", "done"), ("", "running")), begun) == ""
