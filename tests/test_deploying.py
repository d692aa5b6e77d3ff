"""The template deployed to an account on this machine: in either order, armed, disarmed, upgraded."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest
from account import PAGED, STACK, Account, body, moto_alone
from click.testing import CliRunner
from own_shop import FOUR, ROOT, SHOP, compiled
from samcli.lib.config.samconfig import SamConfig

from farshore.cli import farshore
from farshore.compile.machine import machines
from farshore.compile.parameters import triggers
from farshore.compile.samconfig import stack_regions
from farshore.compile.starts import alarm_rules
from farshore.runbook.load import load

RUNBOOK = load(SHOP)
(FAILOVER, *_) = (each for each in machines(RUNBOOK) if each.procedure == "failover")
(RULE, *_) = alarm_rules(RUNBOOK, FAILOVER)
REGIONS = stack_regions(RUNBOOK)
HERE = FAILOVER.region
PARAMETER = triggers(RUNBOOK.application)


@pytest.fixture(scope="module")
def template() -> str:
    return body(compiled(*FOUR) / "template.yaml")


@pytest.fixture
def account(template: str) -> Iterator[Account]:
    with moto_alone():
        yield Account(template)


def failover(account: Account) -> str:
    return account.machine(HERE, FAILOVER.name)


@pytest.mark.parametrize("order", [REGIONS, REGIONS[::-1]], ids=["ledger first", "ledger last"])
def test_in_either_order_nothing_starts_before_it_is_armed_and_then_a_person_and_the_alarm_do(
    account: Account, order: tuple[str, ...]
) -> None:
    for region in order:
        account.deploy(region, **PAGED)
        assert account.stack(region)["StackStatus"] == "CREATE_COMPLETE"
    machine = failover(account)
    account.alarm(HERE, RULE.alarm)
    assert account.runs(machine) == []
    account.make_ledger(RUNBOOK)
    assert account.run("arm", RUNBOOK).exit_code == 0
    states = boto3.client("stepfunctions", region_name=HERE)
    by_hand = states.start_execution(stateMachineArn=machine, input=json.dumps({"mode": "graceful"}))
    account.alarm(HERE, RULE.alarm)
    (by_alarm,) = set(account.runs(machine)) - {by_hand["executionArn"]}
    assert json.loads(states.describe_execution(executionArn=by_alarm)["input"]) == dict(RULE.given)


def test_without_its_ledger_nothing_is_armed_and_everything_that_lacks_is_said_at_once(
    account: Account,
) -> None:
    account.deploy(HERE, **PAGED)
    result = account.run("arm", RUNBOOK)
    assert result.exit_code == 1
    for region in set(REGIONS) - {HERE}:
        assert f"{region}: there is no stack {STACK}: deploy it first" in result.stderr
    assert f"the ledger {RUNBOOK.ledger.table} does not answer" in result.stderr
    assert "Traceback" not in result.stderr
    assert account.enabled(HERE, failover(account)) == []


# Before it, and after it.


def findings(account: Account) -> list[tuple[str, str, str]]:
    shown = json.loads(account.run("preflight", RUNBOOK, "--json").stdout)
    return [
        (each["region"], each["what"], each["why"])
        for each in shown["findings"]
        if each["verdict"] != "right"
    ]


def test_an_empty_account_is_ready_for_a_deployment(account: Account) -> None:
    assert findings(account) == []
    assert account.run("preflight", RUNBOOK).exit_code == 0


def test_what_a_deleted_stack_has_left_is_said_before_a_deployment_collides_with_it(account: Account) -> None:
    group = f"/aws/vendedlogs/states/{FAILOVER.name}"
    boto3.client("logs", region_name=HERE).create_log_group(logGroupName=group)
    account.make_ledger(RUNBOOK)
    assert {(region, what) for region, what, _ in findings(account)} == {
        (HERE, group),
        (RUNBOOK.ledger.regions[0], RUNBOOK.ledger.table),
    }
    assert account.run("preflight", RUNBOOK).exit_code == 1


def test_another_stack_with_the_same_prefix_is_said_before_too(account: Account, template: str) -> None:
    account.deploy(HERE, **PAGED)
    said = account.run("preflight", RUNBOOK, "--stack-name", "another").stdout
    assert "farshore-lease  is there already: another stack's? give this one another" in said


def test_a_second_stack_has_a_prefix_of_its_own(account: Account) -> None:
    account.deploy(HERE, **PAGED, Prefix="acme-test")
    names = boto3.client("lambda", region_name=HERE).list_functions()["Functions"]
    assert names
    assert all(each["FunctionName"].startswith("acme-test-") for each in names)
    (topic,) = boto3.client("sns", region_name=HERE).list_topics()["Topics"]
    assert topic["TopicArn"].endswith(":acme-test-pages")
    assert any("and the stack has" in why for _, what, why in findings(account) if what == "pages")


# The commands.


def printed(*words: str) -> list[str]:
    result = CliRunner().invoke(farshore, ["deploy", RUNBOOK.path, "--print", *words])
    assert result.exit_code == 0, result.output
    return [line.removesuffix(" &&") for line in result.output.splitlines() if not line.startswith("echo ")]


def test_deploy_prints_each_command_for_this_runbook_in_order() -> None:
    path = RUNBOOK.path
    address = "PageAddress=ops@shop.example"
    assert printed("--parameter", address, "--tag", "team=shop") == [
        "farshore compile --check",
        f"farshore preflight {path}",
        "sam build",
        *(
            f"sam deploy --config-env {region} --parameter-overrides {address} --tags team=shop"
            for region in REGIONS
        ),
        f"farshore preflight {path}",
        f"farshore arm {path}",
    ]


def test_a_key_of_one_region_is_given_to_that_regions_stack_alone() -> None:
    key = f"LogKeyArn=arn:aws:kms:{HERE}:123456789012:key/1"
    assert [key in line for line in printed("--parameter", key) if line.startswith("sam deploy")] == [
        region == HERE for region in REGIONS
    ]


def test_what_cloudformation_would_refuse_is_refused_before_all_at_once() -> None:
    words = ["--parameter", "PageAddress=", "--parameter", "Retention=1", "--tag", "shop"]
    result = CliRunner().invoke(farshore, ["deploy", RUNBOOK.path, "--print", *words])
    assert result.exit_code == 2
    for said in (
        "PageAddress is an address of email",
        "Retention=1: write NAME=VALUE",
        "shop: write KEY=VALUE",
    ):
        assert said in result.output


def test_deploy_runs_them_and_stops_where_one_fails(tmp_path: Path) -> None:
    """sam and farshore are programs that say what they were asked; sam cannot deploy to the second Region."""
    log = tmp_path / "log"
    for name in ("sam", "farshore"):
        program = tmp_path / name
        program.write_text(
            f'#!/bin/sh\necho "{name} $*" >>{log}\ncase "$*" in *{REGIONS[1]}*) exit 3;; esac\n'
        )
        program.chmod(0o755)
    code = "import sys; sys.executable = sys.argv.pop(1) + '/python'; from farshore.cli import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path), "deploy", RUNBOOK.path], env={**os.environ}, cwd=ROOT
    )
    assert done.returncode == 3
    assert log.read_text().splitlines() == [
        "farshore compile --check",
        f"farshore preflight {RUNBOOK.path}",
        "sam build",
        f"sam deploy --config-env {REGIONS[0]}",
        f"sam deploy --config-env {REGIONS[1]}",
    ]


@pytest.mark.parametrize("region", sorted({each for path in FOUR for each in stack_regions(load(path))}))
def test_sam_finds_in_its_file_what_it_needs_for_each_region(region: str) -> None:
    told = SamConfig(str(compiled(*FOUR))).get_all(["deploy"], "parameters", region)
    assert (told["region"], told["stack_name"], told["resolve_s3"]) == (region, STACK, True)
    assert told["capabilities"] == "CAPABILITY_IAM"
