"""Rules of a security group let in one block, or whom they let in before: the real handler, in the twin."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from farshore.lint import judged
from farshore.runbook.load import load
from farshore.runbook.mistakes import Mistakes
from farshore.testing.ticker import EAST, REPLICAS, TABLE, WEST, Ticker, declared, ticking
from functions.steps.security_group_source import SecurityGroupSource
from twin.cloud import Cloud
from twin.faults import Kind
from twin.services.ec2.model import VPC, SecurityGroups
from twin.services.ecs.model import Ecs, Image
from twin.services.elbv2.model import LoadBalancers

STEP, READ, MODIFY = "security_group_source", "DescribeSecurityGroupRules", "ModifySecurityGroupRules"
GROUPS = {EAST: "sg-0123456789abcdef0", WEST: "sg-1123456789abcdef0"}
RULES = {
    EAST: ["sgr-0123456789abcdef0", "sgr-0123456789abcdef1"],
    WEST: ["sgr-1123456789abcdef0", "sgr-1123456789abcdef1"],
}
FENCE = {
    "groups": GROUPS,
    "rules": RULES,
    "region": EAST,
    "source": "10.0.0.0/32",
    "patience": 20,
    "within": 300,
}
RESTORE = {**FENCE, "source": "restore"}


class Scene(Ticker):
    """A load balancer whose targets are behind a group of two rules."""

    def __init__(self, cloud: Cloud) -> None:
        super().__init__(cloud)
        self.groups = SecurityGroups.of(cloud)
        first, second = RULES[EAST]
        web: Any = {"protocol": "tcp", "ports": (80, 90), "description": "targets"}
        self.groups.rule(EAST, GROUPS[EAST], first, VPC, **web)
        self.groups.rule(EAST, GROUPS[EAST], second, "10.0.0.0/15")
        balancers = LoadBalancers.of(cloud, self.net)
        self.targets = balancers.target_group(EAST, "shop", lambda: self.groups.lets_in(EAST, GROUPS[EAST]))
        self.groups.on_change.append(self.targets.reachable_again)
        image = Image("shop:1", lambda request: (200, b"served"))
        self.targets.services.append(Ecs.of(cloud).create(EAST, "shop", "shop", image, 1, self.targets.arn))
        self.host = balancers.load_balancer(EAST, "shop.elb.example", [("*", self.targets)]).host
        self.deploy(SecurityGroupSource, policy=declared(SecurityGroupSource, FENCE))
        self.hold()
        self.clock.sleep(40)
        self.before = self.stand()

    def stand(self) -> list[dict[str, Any]]:
        return [self.groups.rules[EAST, rule].description_of(rule) for rule in RULES[EAST]]

    def served(self) -> int:
        return self.net.request("", "GET", f"http://{self.host}/", read_timeout=30)[0]

    def kept(self) -> list[str]:
        records = self.records()
        return sorted([m.resource for m in records.memories] + [f"debt {each}" for each in records.debts])


@pytest.fixture
def scene() -> Iterator[Scene]:
    with ticking(kind=Scene) as made:
        assert isinstance(made, Scene)
        yield made


def test_targets_behind_the_group_are_shut_off_and_their_health_checks_fail(scene: Scene) -> None:
    assert scene.served() == 200
    assert scene.converge(STEP, FENCE) == {"outcome": "done", "facts": {"fenced": 2}}
    assert scene.served() == 504
    scene.clock.sleep(30)
    assert scene.targets.healthy() == []


def test_the_rules_come_back_whole(scene: Scene) -> None:
    scene.converge(STEP, FENCE)
    assert scene.stand()[0] == {**scene.before[0], "CidrIpv4": "10.0.0.0/32"}
    assert scene.converge(STEP, RESTORE)["outcome"] == "nothing to give back"
    assert scene.stand() == scene.before
    assert scene.kept() == []
    scene.clock.sleep(30)
    assert (scene.served(), len(scene.targets.healthy())) == (200, 1)


def test_a_tick_repeated_changes_nothing(scene: Scene) -> None:
    scene.converge(STEP, FENCE)
    scene.calls()
    assert scene.tick(STEP, FENCE)["outcome"] == "done"
    assert scene.calls(MODIFY) == []


def test_a_restore_is_done_at_once_where_nothing_is_remembered_even_in_the_dark(scene: Scene) -> None:
    scene.cloud.faults.dark.add(EAST)
    assert scene.tick(STEP, RESTORE)["outcome"] == "nothing to give back"
    assert scene.calls(READ) == []


def test_a_graceful_run_is_refused_by_a_silent_region_and_an_ungraceful_one_owes_it(scene: Scene) -> None:
    scene.cloud.faults.dark.add(EAST)
    assert "Refused" in scene.fails(STEP, FENCE, entered=scene.clock.now - 30)
    assert scene.converge(STEP, FENCE, mode="ungraceful")["outcome"] == "unknown"
    assert [each.partition(" ")[0] for each in scene.kept()] == ["debt", "debt"]
    scene.cloud.faults.dark.clear()
    scene.converge(STEP, FENCE, mode="ungraceful", purpose="settle")
    assert not scene.groups.lets_in(EAST, GROUPS[EAST])
    scene.converge(STEP, RESTORE)
    assert scene.stand() == scene.before


def test_the_recovery_gives_back_what_the_game_day_took(scene: Scene) -> None:
    scene.converge(STEP, FENCE, purpose="break")
    scene.converge(STEP, RESTORE, purpose="mend")
    assert scene.stand() == scene.before


@pytest.mark.parametrize("operation", [READ, MODIFY])
@pytest.mark.parametrize("kind", ["lost_before", "lost_after", "throttled", "503", "slow", "hollow"])
def test_one_call_that_goes_wrong_delays_the_fence_and_its_restore(
    scene: Scene, operation: str, kind: Kind
) -> None:
    scene.inject(kind, operation)
    scene.converge(STEP, FENCE)
    assert not scene.groups.lets_in(EAST, GROUPS[EAST])
    scene.inject(kind, operation)
    scene.converge(STEP, RESTORE)
    assert scene.stand() == scene.before
    assert scene.kept() == []


def test_what_is_denied_ends_a_graceful_run(scene: Scene) -> None:
    scene.inject("denied", MODIFY, times=9)
    assert "not authorized to perform ec2:ModifySecurityGroupRules" in scene.fails(STEP, FENCE)


def test_a_rule_that_cannot_be_narrowed_is_refused_by_name(scene: Scene) -> None:
    first = scene.groups.rules[EAST, RULES[EAST][0]]
    first.egress = True
    assert f"{RULES[EAST][0]} is about what goes out" in scene.fails(STEP, FENCE)
    first.egress, first.group = False, "sg-2123456789abcdef0"
    assert "is a rule of sg-2123456789abcdef0" in scene.fails(STEP, FENCE)
    first.group = GROUPS[EAST]
    asked = scene.cloud._operations["ec2", READ]

    def of_a_group(request: Any) -> Any:
        told = asked(request)["SecurityGroupRules"]
        return {"SecurityGroupRules": [{k: v for k, v in each.items() if k != "CidrIpv4"} for each in told]}

    scene.cloud.serve("ec2", READ, of_a_group)
    assert "lets in no IPv4 block" in scene.fails(STEP, FENCE)


@pytest.mark.parametrize("dry_run", [True, False])
def test_two_rules_that_would_become_one_are_refused_before_one_is_narrowed(
    scene: Scene, dry_run: bool
) -> None:
    """They let in two blocks on the same ports: EC2 would refuse the second for ever."""
    first, second = (scene.groups.rules[EAST, rule] for rule in RULES[EAST])
    second.protocol, second.ports = first.protocol, first.ports
    said = scene.fails(STEP, FENCE, dry_run=dry_run)
    assert f"{RULES[EAST][1]} and {RULES[EAST][0]} are about the same ports" in said
    assert scene.calls(MODIFY) == []


def test_a_rule_that_is_not_there_is_refused_by_name(scene: Scene) -> None:
    del scene.groups.rules[EAST, RULES[EAST][0]]
    assert f"'{RULES[EAST][0]}' does not exist" in scene.fails(STEP, FENCE)


def test_what_is_not_told_is_waited_for(scene: Scene) -> None:
    asked = scene.cloud._operations["ec2", READ]

    def partly(request: Any) -> Any:
        told = asked(request)["SecurityGroupRules"]
        return {"SecurityGroupRules": [{k: v for k, v in each.items() if k != "ToPort"} for each in told[1:]]}

    scene.cloud.serve("ec2", READ, partly)
    assert f"EC2 did not tell of {RULES[EAST][0]}" in scene.fails(STEP, FENCE)


RUNBOOK = f"""\
application: shop
regions: {{primary: {EAST}, standby: {WEST}, observer: us-east-2}}
objectives: {{rto: 4h, rpo: 30s}}
ledger: {{table: {TABLE}, regions: [{", ".join(REPLICAS)}]}}
failover:
  - synthetic_write:
      url: https://shop.example
      write: /orders
      body: '{{"order": "{{marker}}"}}'
      read: /orders/{{marker}}
outage:
  - security_group_source:
      groups: {{{EAST}: sg-0123456789abcdef0, {WEST}: sg-1123456789abcdef0}}
      rules: {{{EAST}: [sgr-0123456789abcdef0], {WEST}: [sgr-1123456789abcdef0]}}
      source: 10.0.0.0/32
"""


def test_a_runbook_breaks_with_it(tmp_path: Path) -> None:
    path = tmp_path / "shop.yaml"
    path.write_text(RUNBOOK)
    assert [each.what for each in judged(load(path)).findings] == []


@pytest.mark.parametrize(
    ("block", "said"),
    [
        ("10.0.0.1/16", "write 10.0.0.0/16"),
        ("10.0.0.0/40", "expected an IPv4 block"),
        ("300.0.0.0/8", "expected an IPv4 block"),
        ("10.0.0.0", "write 10.0.0.0/32"),
    ],
)
def test_a_block_that_ec2_would_not_keep_is_a_mistake(tmp_path: Path, block: str, said: str) -> None:
    path = tmp_path / "shop.yaml"
    path.write_text(RUNBOOK.replace("10.0.0.0/32", f'"{block}"'))
    with pytest.raises(Mistakes) as wrong:
        load(path)
    assert said in str(wrong.value)
