"""Two people have said yes to this very plan, and STS tells them apart."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.credentials import ReadOnlyCredentials
from test_approval import FENCE, Desk, desk

from functions.identity import LASTS_SECONDS
from functions.ledger import places
from functions.planned import PAGE_AGAIN_SECONDS
from functions.steps.approval import Approval

__all__ = ["desk"]

JANE, JOE = (f"arn:aws:iam::123456789012:user/{name} (proved by STS)" for name in ("jane", "joe"))


@pytest.fixture
def jane(desk: Desk) -> ReadOnlyCredentials:
    """The first of two who must approve, while a plan waits for both."""
    desk.more = {"identity": "proved", "approvers": 2}
    desk.asks()
    return desk.sts.user("jane")


@pytest.fixture
def joe(desk: Desk, jane: ReadOnlyCredentials) -> ReadOnlyCredentials:
    return desk.sts.user("joe")


def says(desk: Desk, place: int, by: ReadOnlyCredentials, decision: str = "approve", **more: Any) -> None:
    """The first decision on the plan that waits, or the second."""
    desk.decide(places(desk.hash)[place], decision, proof=desk.proof(by, decision), **more)


def test_both_are_named_by_who_they_are(
    desk: Desk, jane: ReadOnlyCredentials, joe: ReadOnlyCredentials
) -> None:
    says(desk, 0, jane)
    assert f"NotYet: the state: only {JANE} has approved plan {desk.hash}" in desk.asks()
    says(desk, 1, joe)
    said = desk.decided()
    assert said["outcome"] == "approved"
    assert said["facts"] == {"plan": desk.hash, "by": f"{JANE} and {JOE}", "why": "I looked; I looked"}


def test_who_approve_between_two_looks_are_both_counted(
    desk: Desk, jane: ReadOnlyCredentials, joe: ReadOnlyCredentials
) -> None:
    says(desk, 0, jane)
    says(desk, 1, joe)
    assert desk.decided()["facts"]["by"] == f"{JANE} and {JOE}"


def test_the_second_is_paged_as_soon_as_the_first_has_approved_and_again_while_nobody_answers(
    desk: Desk, jane: ReadOnlyCredentials
) -> None:
    says(desk, 0, jane)
    for _ in range(3):
        desk.asks()
    assert len(desk.pages) == 2
    assert f"only {JANE} has approved plan {desk.hash}: another must" in str(desk.pages[-1]["Message"])
    desk.clock.sleep(PAGE_AGAIN_SECONDS)
    desk.asks()
    assert len(desk.pages) == 3


def test_one_who_approves_twice_counts_once_and_another_can_take_that_place(
    desk: Desk, jane: ReadOnlyCredentials, joe: ReadOnlyCredentials
) -> None:
    says(desk, 0, jane)
    says(desk, 1, jane, who="her other name")
    for _ in range(2):
        said = desk.asks()
        assert "the decision of her other name counts for nothing" in said
        assert f"{JANE} has approved already, and another must" in said
    says(desk, 1, joe)
    assert desk.decided()["facts"]["by"] == f"{JANE} and {JOE}"


def test_the_same_word_in_both_places_is_one_and_does_not_undo_itself(
    desk: Desk, jane: ReadOnlyCredentials
) -> None:
    says(desk, 0, jane)
    first, second = places(desk.hash)
    assert desk.ledger.say(f"decision#{second}", desk.records().decisions[first], desk.records())
    for _ in range(2):
        assert f"only {JANE} has approved plan {desk.hash}" in desk.asks()


@pytest.mark.parametrize("who", ["jane", "joe"])
def test_either_can_still_decline(desk: Desk, jane: ReadOnlyCredentials, who: str) -> None:
    says(desk, 0, jane)
    desk.asks()
    says(desk, 1, jane if who == "jane" else desk.sts.user(who), "decline")
    assert f"declined by {JANE if who == 'jane' else JOE}: I looked" in desk.asks()


def test_the_first_to_speak_can_decline_alone(desk: Desk, jane: ReadOnlyCredentials) -> None:
    says(desk, 0, jane, "decline")
    assert f"declined by {JANE}: I looked" in desk.asks()


def test_the_firsts_proof_is_looked_at_once_and_holds_until_the_second_has_come(
    desk: Desk, jane: ReadOnlyCredentials, joe: ReadOnlyCredentials
) -> None:
    desk.more["within"] = 3600
    says(desk, 0, jane)
    desk.asks()
    desk.requests.clear()
    desk.clock.sleep(LASTS_SECONDS + 60)
    desk.asks()
    assert desk.asked_of_sts() == []
    says(desk, 1, joe)
    assert desk.decided()["facts"]["by"] == f"{JANE} and {JOE}"


def test_when_the_plan_moves_both_must_approve_that(
    desk: Desk, jane: ReadOnlyCredentials, joe: ReadOnlyCredentials
) -> None:
    says(desk, 0, jane)
    desk.asks()
    desk.gates[FENCE] = "On"
    assert "nobody has decided on plan" in desk.asks()
    says(desk, 0, joe)
    assert f"only {JOE} has approved plan" in desk.asks()
    says(desk, 1, jane)
    assert desk.decided()["facts"]["by"] == f"{JOE} and {JANE}"


def test_a_first_approval_without_a_proof_counts_for_nothing_and_a_second_does_not_stand_on_it(
    desk: Desk, jane: ReadOnlyCredentials, joe: ReadOnlyCredentials
) -> None:
    desk.decide(desk.hash)
    says(desk, 1, joe)
    assert "counts for nothing: it has no proof of identity" in desk.asks()
    assert "nobody has decided on plan" in desk.asks()


def test_where_a_plan_notes_oddly_who_has_approved_they_are_asked_for_again(
    desk: Desk, jane: ReadOnlyCredentials
) -> None:
    says(desk, 0, jane)
    for odd in ("jane", ["jane"], {"mark": 1}, None):
        desk.ledger.write("proposal", dict(desk.records().proposal) | {"approved": odd})
        assert f"only {JANE} has approved" in desk.asks()


def test_two_of_whom_nobody_proves_who_they_are_are_no_two() -> None:
    with pytest.raises(ValueError, match="may be one: write identity: proved"):
        Approval(topics={}, approvers=2)
