"""What stands is armed and disarmed, and looked at before."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from account import PAGED, Account, body, moto_alone
from own_shop import FOUR, compiled
from test_deploying import HERE, PARAMETER, REGIONS, RUNBOOK, failover, findings

from functions.calls import Absent, Call, Denied, Reply


@pytest.fixture(scope="module")
def standing() -> Iterator[Account]:
    """Deployed to each Region, its ledger too; tests leave it disarmed."""
    with moto_alone():
        made = Account(body(compiled(*FOUR) / "template.yaml"))
        for region in REGIONS:
            made.deploy(region, **PAGED)
        made.make_ledger(RUNBOOK)
        yield made


def test_arming_is_of_one_application_and_is_undone_by_disarming(standing: Account) -> None:
    assert standing.run("arm", RUNBOOK).exit_code == 0
    armed = json.loads(standing.run("arm", RUNBOOK, "--json").stdout)
    assert armed["armed"] == list(REGIONS), "again is no mistake"
    for region in REGIONS:
        values = {
            each["ParameterKey"]: each["ParameterValue"] for each in standing.stack(region)["Parameters"]
        }
        assert {name for name, value in values.items() if value == "armed"} == {PARAMETER}
    assert standing.enabled(HERE, failover(standing))
    assert standing.run("disarm", RUNBOOK).exit_code == 0
    assert standing.enabled(HERE, failover(standing)) == []


def test_an_upgrade_leaves_an_application_as_armed_as_it_was(standing: Account) -> None:
    standing.run("arm", RUNBOOK)
    standing.deploy(HERE, LogRetentionDays="30")
    assert standing.enabled(HERE, failover(standing))
    standing.run("disarm", RUNBOOK)
    standing.deploy(HERE, LogRetentionDays="365")
    assert standing.enabled(HERE, failover(standing)) == []


def test_an_update_that_cloudformation_refuses_is_said_with_its_reason(
    standing: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(call: Call) -> Reply:
        return Denied("AccessDenied", "not authorized")

    monkeypatch.setitem(standing.said, "UpdateStack", refused)
    result = standing.run("arm", RUNBOOK)
    assert result.exit_code == 1
    assert f"{PARAMETER} is disarmed, not armed: AccessDenied: not authorized" in result.stderr


def test_what_stands_and_whom_it_pages_is_ready_to_be_armed(standing: Account) -> None:
    assert findings(standing) == []


@pytest.mark.parametrize(
    ("operation", "answer", "said"),
    [
        ("ListSubscriptionsByTopic", {"Subscriptions": []}, "nobody is subscribed to"),
        (
            "ListSubscriptionsByTopic",
            {"Subscriptions": [{"SubscriptionArn": "PendingConfirmation"}]},
            "nobody has confirmed a subscription of",
        ),
        ("ListSubscriptionsByTopic", Absent("NotFound"), "is not there (NotFound)"),
        ("GetAccountSettings", {"AccountLimit": {"UnreservedConcurrentExecutions": 1}}, "1 are unreserved"),
        ("GetAccountSettings", {}, "AWS's answer does not say what nobody has reserved"),
        ("DescribeTable", {"Table": {"TableStatus": "ACTIVE"}}, "of consistency None"),
        ("DescribeTable", Absent("ResourceNotFoundException"), "is not there"),
        ("Query", Absent("ResourceNotFoundException"), "is not there"),
    ],
)
def test_what_is_not_ready_is_named(
    standing: Account, monkeypatch: pytest.MonkeyPatch, operation: str, answer: Reply, said: str
) -> None:
    monkeypatch.setitem(standing.said, operation, lambda call: answer)
    assert any(said in why for _, _, why in findings(standing))


def test_other_code_in_one_region_than_in_another_is_named(
    standing: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(
        standing.said, "GetFunctionConfiguration", lambda call: {"CodeSha256": f"of {call.region}"}
    )
    assert any("other code in one Region than in another" in why for _, _, why in findings(standing))


def test_another_account_than_the_runbooks_is_named(
    standing: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(
        standing.said, "GetCallerIdentity", lambda call: {"Arn": "arn:aws:iam::999999999999:user/jane"}
    )
    ((region, what, why), *_) = findings(standing)
    assert (region, what) == ("", "account")
    assert "you are in 999999999999" in why
