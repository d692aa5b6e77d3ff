"""ECR's repositories and their replication, in the Cloud that has everything."""

from __future__ import annotations

import pytest
from botocore.exceptions import ClientError
from every_service import EAST, WEST, client

from twin.cloud import ACCOUNT, Cloud
from twin.services.ecr.model import Ecr

THERE = {"region": EAST, "registryId": ACCOUNT}
OLD, NEW = (f"sha256:{digit * 64}" for digit in "12")


def furnish(cloud: Cloud, name: str) -> None:
    for region in (EAST, WEST):
        Ecr.of(cloud).repository(region, name)
        Ecr.of(cloud).push(region, name, "old", OLD)


def rule(cloud: Cloud) -> None:
    rules = [{"destinations": [THERE], "repositoryFilters": [{"filter": "on", "filterType": "PREFIX_MATCH"}]}]
    client("ecr").put_replication_configuration(replicationConfiguration={"rules": rules})


def push(cloud: Cloud) -> None:
    rule(cloud)
    Ecr.of(cloud).push(WEST, "one", "latest", NEW)


def backfill(cloud: Cloud) -> None:
    rule(cloud)
    client("ecr").start_replication_backfill(destination=THERE)


UNDER_WAY = {"an image that is replicated": push, "a backfill": backfill}


def tags(cloud: Cloud, region: str = EAST, name: str = "one") -> dict[str, str]:
    return Ecr.of(cloud).repositories[region, name].tags


def test_what_is_pushed_under_a_rule_comes_to_the_other_region_a_little_later(cloud: Cloud) -> None:
    push(cloud)
    assert "latest" not in tags(cloud)
    cloud.clock.sleep(300)
    assert tags(cloud)["latest"] == NEW
    Ecr.of(cloud).push(WEST, "two", "latest", NEW)
    cloud.clock.sleep(300)
    assert "latest" not in tags(cloud, name="two"), "no filter of a rule is its prefix"


def test_what_was_pushed_before_comes_by_a_backfill_only_of_which_one_runs_at_a_time(cloud: Cloud) -> None:
    Ecr.of(cloud).push(WEST, "one", "latest", NEW)
    rule(cloud)
    cloud.clock.sleep(300)
    assert "latest" not in tags(cloud)
    backfill(cloud)
    with pytest.raises(ClientError, match="ReplicationBackfillInProgressException"):
        backfill(cloud)
    cloud.clock.sleep(1800)
    assert tags(cloud)["latest"] == NEW
    assert client("ecr").list_replication_backfills()["backfills"][0]["status"] == "COMPLETE"


def test_a_backfill_to_where_no_rule_leads_is_refused(cloud: Cloud) -> None:
    with pytest.raises(ClientError, match="InvalidParameterException"):
        client("ecr").start_replication_backfill(destination=THERE)


def test_a_dark_region_takes_images_when_it_is_back(cloud: Cloud) -> None:
    cloud.faults.dark.add(EAST)
    push(cloud)
    cloud.clock.sleep(600)
    assert "latest" not in tags(cloud)
    cloud.faults.dark.clear()
    cloud.clock.sleep(60)
    assert tags(cloud)["latest"] == NEW


def test_a_tag_that_cannot_move_stays(cloud: Cloud) -> None:
    Ecr.of(cloud).repositories[EAST, "one"].immutable = True
    rule(cloud)
    Ecr.of(cloud).push(WEST, "one", "old", NEW)
    cloud.clock.sleep(300)
    assert tags(cloud)["old"] == OLD
    asked = {"repositoryName": "one", "imageId": {"imageDigest": NEW}}
    (status,) = client("ecr").describe_image_replication_status(**asked)["replicationStatuses"]
    assert status["status"] == "FAILED"


def test_who_writes_rules_replaces_all_and_ten_is_the_most(cloud: Cloud) -> None:
    rule(cloud)
    client("ecr").put_replication_configuration(replicationConfiguration={"rules": []})
    assert client("ecr").describe_registry()["replicationConfiguration"]["rules"] == []
    many = {"rules": [{"destinations": [THERE]}] * 11}
    with pytest.raises(ClientError, match="at most 10 rules"):
        client("ecr").put_replication_configuration(replicationConfiguration=many)
