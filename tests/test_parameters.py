"""What whoever deploys may say: CloudFormation refuses at once what a service would refuse in the middle."""

from __future__ import annotations

import re
from typing import Any

import pytest
from own_shop import FOUR, compiled
from transform import parsed, transformed

from farshore.compile.limits import FUNCTION_NAME, LONGEST_PREFIX
from farshore.runbook.registry import steps

TEMPLATE = compiled(*FOUR) / "template.yaml"
WRITTEN = parsed(TEMPLATE)
PARAMETERS: dict[str, dict[str, Any]] = WRITTEN["Parameters"]
TRIGGERS = next(name for name in PARAMETERS if name.endswith("Triggers"))
KEY = "arn:aws:kms:us-east-1:123456789012:key/00000000-0000-4000-8000-000000000000"


@pytest.fixture(scope="module")
def deployed() -> dict[str, Any]:
    return transformed(TEMPLATE)


def accepts(name: str, value: str) -> bool:
    """As CloudFormation judges a value: the pattern must match all of it."""
    says = PARAMETERS[name]
    if "AllowedValues" in says:
        return value in map(str, says["AllowedValues"])
    return re.fullmatch(says["AllowedPattern"], value) is not None


@pytest.mark.parametrize("name", PARAMETERS)
def test_each_says_what_it_means_what_it_takes_and_in_which_group_it_stands(name: str) -> None:
    says = PARAMETERS[name]
    assert says.keys() >= {"Type", "Description", "ConstraintDescription"}
    assert says.keys() & {"AllowedValues", "AllowedPattern"}
    shown = WRITTEN["Metadata"]["AWS::CloudFormation::Interface"]
    assert [name in group["Parameters"] for group in shown["ParameterGroups"]].count(True) == 1
    assert shown["ParameterLabels"][name]["default"]
    assert "Default" not in says or accepts(name, str(says["Default"]))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PageAddress", ""),
        ("PageAddress", "ops"),
        ("PageAddress", "http://pager.example/"),
        ("PageAddress", "ops@shop.example\nmore@shop.example"),
        ("PageProtocol", "fax"),
        ("LogRetentionDays", "100"),
        ("LogKeyArn", "alias/logs"),
        ("LogKeyArn", KEY.replace("key/", "alias/")),
        ("PermissionsBoundaryArn", "Boundary"),
        ("Prefix", ""),
        ("Prefix", "Farshore"),
        ("Prefix", "farshore-"),
        ("Prefix", "f" * (LONGEST_PREFIX + 1)),
        (TRIGGERS, "yes"),
    ],
)
def test_what_a_service_would_refuse_is_refused_at_once(name: str, value: str) -> None:
    assert not accepts(name, value)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PageAddress", "ops@shop.example"),
        ("PageAddress", "https://events.pager.example/integration/1/enqueue"),
        ("PageAddress", "+15550100"),
        ("LogRetentionDays", "400"),
        ("LogKeyArn", KEY),
        ("LogKeyArn", KEY.replace("arn:aws:", "arn:aws-us-gov:")),
        ("PermissionsBoundaryArn", "arn:aws-cn:iam::123456789012:policy/teams/Boundary"),
        ("Prefix", "farshore-test"),
        ("Prefix", "f" * LONGEST_PREFIX),
    ],
)
def test_what_is_right_is_taken(name: str, value: str) -> None:
    assert accepts(name, value)


def test_every_step_has_a_function_name_that_lambda_takes_under_the_longest_prefix() -> None:
    assert all(len(name) + 1 + LONGEST_PREFIX <= FUNCTION_NAME for name in steps())


def of_type(deployed: dict[str, Any], kind: str) -> dict[str, dict[str, Any]]:
    return {name: each for name, each in deployed["Resources"].items() if each["Type"] == kind}


def test_every_role_is_bounded_where_the_account_asks_for_it(deployed: dict[str, Any]) -> None:
    roles = of_type(deployed, "AWS::IAM::Role")
    bounded = {
        "Fn::If": ["HasPermissionsBoundary", {"Ref": "PermissionsBoundaryArn"}, {"Ref": "AWS::NoValue"}]
    }
    assert len(roles) > 20
    assert [
        name for name, each in roles.items() if each["Properties"].get("PermissionsBoundary") != bounded
    ] == []


def test_every_log_group_has_its_days_and_its_key(deployed: dict[str, Any]) -> None:
    for each in of_type(deployed, "AWS::Logs::LogGroup").values():
        assert each["Properties"]["RetentionInDays"] == {"Ref": "LogRetentionDays"}
        assert each["Properties"]["KmsKeyId"]["Fn::If"][:2] == ["HasLogKey", {"Ref": "LogKeyArn"}]


def test_a_first_deployment_that_fails_leaves_nothing_that_its_retry_collides_with(
    deployed: dict[str, Any],
) -> None:
    """What is retained is retained from an update on; and a ledger that nobody relies on yet is unprotected,
    since CloudFormation cannot roll back what may not be deleted."""
    kept = {
        name: each["DeletionPolicy"]
        for name, each in deployed["Resources"].items()
        if "DeletionPolicy" in each
    }
    named = {name for name in kept if deployed["Resources"][name]["Type"] != "AWS::Lambda::LayerVersion"}
    named = {name for name in named if deployed["Resources"][name]["Type"] != "AWS::Lambda::Version"}
    assert {kept[name] for name in named} == {"RetainExceptOnCreate"}
    (ledger,) = of_type(deployed, "AWS::DynamoDB::GlobalTable").values()
    for replica in ledger["Properties"]["Replicas"]:
        assert replica["DeletionProtectionEnabled"] == {"Fn::If": ["FarshoreLedgerInUse", True, False]}


NAMES = {
    "AWS::Lambda::Function": "FunctionName",
    "AWS::Lambda::LayerVersion": "LayerName",
    "AWS::SNS::Topic": "TopicName",
}
APART = ("Prefix", "AWS::StackName")


def test_two_stacks_of_one_account_share_no_name_of_what_serves_all_applications(
    deployed: dict[str, Any],
) -> None:
    for kind, key in NAMES.items():
        for name, each in of_type(deployed, kind).items():
            assert any(word in str(each["Properties"][key]) for word in APART), name
    for kind in ("AWS::IAM::Role", "AWS::IAM::ManagedPolicy", "AWS::Events::Rule", "AWS::CloudWatch::Alarm"):
        for each in of_type(deployed, kind).values():
            named = each["Properties"].keys() & {"Name", "RoleName", "ManagedPolicyName", "AlarmName"}
            assert not named, "CloudFormation names it after the stack"


def test_nothing_that_starts_runs_by_itself_is_enabled_before_its_application_is_armed(
    deployed: dict[str, Any],
) -> None:
    rules = of_type(deployed, "AWS::Events::Rule")
    pages = {name for name in rules if name.endswith("Ended")}
    for name in rules.keys() - pages:
        (armed, *states) = rules[name]["Properties"]["State"]["Fn::If"]
        assert states == ["ENABLED", "DISABLED"]
        assert name.startswith(armed.removesuffix("Armed"))
        assert PARAMETERS[armed.replace("Armed", "Triggers")]["Default"] == "disarmed"
    assert all("State" not in rules[name]["Properties"] for name in pages), "whoever starts a run is paged"
