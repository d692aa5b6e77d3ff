"""The public can read a bucket's website, or can not: the real handler, in the twin."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from random import Random
from typing import Any

import boto3
import pytest

from functions.errors import NotYet, Refused
from functions.handler import lambda_handler
from functions.outside import Outside
from functions.steps.s3_public_access import CLOSED, S3PublicAccess
from twin.clock import Clock, at_once
from twin.cloud import ACCOUNT, Cloud
from twin.faults import Kind, Request
from twin.moto.backing import Moto
from twin.net import Net
from twin.services.s3.model import Websites, website

EAST, WEST, OBSERVER = "us-east-1", "us-west-1", "us-west-2"
BUCKETS = {EAST: "unicorn-east", WEST: "unicorn-west"}
FENCED = f"s3:{EAST}:{BUCKETS[EAST]}:public_access_block"
EXECUTION = "arn:aws:states:us-west-1:123456789012:execution:corner-shop-failover:night"
TABLE = "farshore-ledger"
PARTLY = {**CLOSED, "RestrictPublicBuckets": False, "IgnorePublicAcls": False}
"""What a careful owner of a public website sets, and wants back."""


class Scene:
    """Two public websites, the ledger whose lease this run holds, and the step's Lambda."""

    def __init__(self, cloud: Cloud, by: str) -> None:
        self.cloud, self.clock, self.faults = cloud, cloud.clock, cloud.faults
        self.net = Net(cloud)
        Websites(cloud, self.net)
        self.calls: list[Request] = []
        self.faults.injectors.append(lambda request: self.calls.append(request))
        for region, bucket in BUCKETS.items():
            a_public_website(bucket, region, by)
        self.handler = lambda_handler(
            S3PublicAccess,
            Outside(
                clock=lambda: self.clock.now,
                at_once=lambda acts: at_once(self.clock, list(acts)),
                http=lambda region, method, url, body, headers: self.net.request(region, method, url, body),
            ),
        )
        boto3.client("dynamodb", OBSERVER).create_table(
            TableName=TABLE,
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[
                {"AttributeName": name, "AttributeType": "S"} for name in ("application", "item")
            ],
            KeySchema=[
                {"AttributeName": "application", "KeyType": "HASH"},
                {"AttributeName": "item", "KeyType": "RANGE"},
            ],
        )
        self.clock.sleep(10)
        self.calls.clear()
        self.note("lease", holder=EXECUTION, redrives=0, epoch=1, released=False)
        self.enter()

    def enter(self) -> None:
        """The state machine comes to this state now."""
        self.entered = self.clock.now

    def tick(
        self, blocked: bool | str, purpose: str = "move", mode: str = "graceful", dry_run: bool = False
    ) -> Any:
        """One invocation; raises what the Lambda raises."""
        event = {
            "inputs": {"buckets": BUCKETS, "region": EAST, "blocked": blocked, "patience": 20, "within": 120},
            "run": {
                "application": "corner-shop",
                "procedure": "failover",
                "step": "s3_public_access",
                "purpose": purpose,
                "source": EAST,
                "target": WEST,
            },
            "input": {"mode": mode, "dry_run": dry_run},
            "ledger": {"table": TABLE, "regions": [OBSERVER]},
            "execution": {"Id": EXECUTION},
            "state": {
                "Name": "s3_public_access",
                "EnteredTime": datetime.fromtimestamp(self.entered, tz=UTC).isoformat(),
            },
        }
        return self.clock.spawn(lambda: self.handler(event, None)).join()

    def converge(self, blocked: bool | str, purpose: str = "move", mode: str = "graceful") -> dict[str, Any]:
        """Ticks as the state machine does, until the state holds; a state is entered at its first tick."""
        self.enter()
        while True:
            try:
                answer: dict[str, Any] = self.tick(blocked, purpose, mode)
                return answer
            except NotYet:
                self.clock.sleep(2)

    def block(self, region: str = EAST) -> Any:
        """The bucket's own setting, None where it has none."""
        s3 = boto3.client("s3", region)
        try:
            return s3.get_public_access_block(Bucket=BUCKETS[region])["PublicAccessBlockConfiguration"]
        except s3.exceptions.ClientError:
            return None

    def set_block(self, **settings: bool) -> None:
        boto3.client("s3", EAST).put_public_access_block(
            Bucket=BUCKETS[EAST], PublicAccessBlockConfiguration=settings
        )
        self.clock.sleep(10)

    def customers_read(self, region: str = EAST) -> int:
        return self.net.request("", "GET", f"http://{website(BUCKETS[region], region)}/")[0]

    def ledger(self) -> dict[str, Any]:
        """All items but the lease, by name."""
        items = boto3.client("dynamodb", OBSERVER).scan(TableName=TABLE)["Items"]
        found = {item["item"]["S"]: json.loads(item["body"]["S"]) for item in items}
        return {item: body for item, body in found.items() if item.partition("#")[0] in ("memory", "debt")}

    def note(self, item: str, **body: Any) -> None:
        row = {"application": "corner-shop", "item": item, "body": json.dumps(body)}
        boto3.client("dynamodb", OBSERVER).put_item(
            TableName=TABLE, Item={name: {"S": value} for name, value in row.items()}
        )

    def writes(self) -> list[str]:
        return [
            c.operation for c in self.calls if "PublicAccessBlock" in c.operation and c.operation[:3] != "Get"
        ]

    def inject(self, operation: str, kind: Kind, times: int) -> None:
        left = [times]

        def line(request: Request) -> Kind | None:
            if request.operation != operation or left[0] == 0:
                return None
            left[0] -= 1
            return kind

        self.faults.injectors.append(line)


def a_public_website(bucket: str, region: str, by: str) -> None:
    s3 = boto3.client("s3", region)
    where = {} if region == EAST else {"CreateBucketConfiguration": {"LocationConstraint": region}}
    s3.create_bucket(Bucket=bucket, **where)
    s3.put_bucket_website(Bucket=bucket, WebsiteConfiguration={"IndexDocument": {"Suffix": "index.html"}})
    s3.delete_public_access_block(Bucket=bucket)
    acl = "public-read" if by == "acl" else "private"
    s3.put_object(Bucket=bucket, Key="index.html", Body=region.encode(), ACL=acl)
    if by == "acl":
        return
    grant = {
        "Effect": "Allow",
        "Principal": "*",
        "Action": "s3:GetObject",
        "Resource": f"arn:aws:s3:::{bucket}/*",
    }
    s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps({"Version": "2012-10-17", "Statement": [grant]}))


@pytest.fixture(params=["policy", "acl"])
def scene(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Scene]:
    """What makes the websites public makes no difference, but where a test says so."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "x")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "x")
    with Cloud(Clock(), 11, Moto()) as cloud:
        yield Scene(cloud, request.param)


def test_a_fence_is_done_only_when_customers_get_403(scene: Scene) -> None:
    with pytest.raises(NotYet, match="customers do not feel it yet"):
        scene.tick(True)
    assert scene.block() == CLOSED
    assert scene.customers_read() == 200
    assert scene.converge(True)["outcome"] == "done"
    assert scene.customers_read() == 403


def test_only_the_buckets_own_region_is_fenced(scene: Scene) -> None:
    scene.converge(True)
    assert scene.customers_read(WEST) == 200
    assert scene.block(WEST) is None


def test_a_bucket_that_had_no_block_has_none_again(scene: Scene) -> None:
    scene.converge(True)
    assert scene.ledger() == {f"memory#run#{FENCED}": {"value": None, "by": EXECUTION}}
    scene.converge("restore")
    assert scene.block() is None
    assert scene.customers_read() == 200
    assert scene.ledger() == {}


def test_the_owners_own_settings_come_back_as_they_were(scene: Scene) -> None:
    scene.set_block(**PARTLY)
    scene.converge(True)
    assert scene.block() == CLOSED
    scene.converge("restore")
    assert scene.block() == PARTLY
    assert scene.customers_read() == 200


OTHER = {"policy": "IgnorePublicAcls", "acl": "RestrictPublicBuckets"}
"""The setting that does nothing to a website which is public by the key."""


def test_half_a_block_that_leaves_the_website_open_comes_back_and_is_felt(
    scene: Scene, request: pytest.FixtureRequest
) -> None:
    half = {**PARTLY, OTHER[request.node.callspec.params["scene"]]: True}
    scene.set_block(**half)
    assert scene.customers_read() == 200
    scene.converge(True)
    assert scene.customers_read() == 403
    with pytest.raises(NotYet, match="customers do not feel it yet"):
        scene.tick("restore")
    assert scene.converge("restore")["outcome"] == "nothing to give back"
    assert (scene.block(), scene.customers_read(), scene.ledger()) == (half, 200, {})


def test_half_a_block_that_closed_the_website_comes_back_once_patience_is_over(
    scene: Scene, request: pytest.FixtureRequest
) -> None:
    closing = next(each for by, each in OTHER.items() if by != request.node.callspec.params["scene"])
    scene.set_block(**{**PARTLY, closing: True})
    assert scene.customers_read() == 403
    scene.converge(True)
    assert scene.converge("restore")["outcome"] == "nothing to give back"
    assert scene.clock.now - scene.entered > 20
    assert (scene.block(), scene.ledger()) == ({**PARTLY, closing: True}, {})


def test_the_memory_is_kept_until_customers_can_read_again(scene: Scene) -> None:
    scene.converge(True)
    with pytest.raises(NotYet, match="customers do not feel it yet"):
        scene.tick("restore")
    assert f"memory#run#{FENCED}" in scene.ledger()


def test_a_restore_does_not_end_while_the_accounts_block_still_closes_the_website(scene: Scene) -> None:
    scene.converge(True)
    boto3.client("s3control", EAST).put_public_access_block(
        AccountId=ACCOUNT, PublicAccessBlockConfiguration=CLOSED
    )
    scene.clock.sleep(10)
    with pytest.raises(Refused, match="customers do not feel it yet"):
        scene.converge("restore")


def test_a_website_that_was_closed_before_is_not_remembered_and_stays_closed(scene: Scene) -> None:
    scene.set_block(**CLOSED)
    assert scene.converge(True)["outcome"] == "done"
    assert scene.ledger() == {}
    assert scene.converge("restore")["outcome"] == "nothing to give back"
    assert scene.block() == CLOSED


def test_a_restore_of_nothing_asks_nobody(scene: Scene) -> None:
    scene.faults.dark.add(EAST)
    before = len(scene.calls)
    assert scene.tick("restore")["outcome"] == "nothing to give back"
    assert [call.operation for call in scene.calls[before:]] == ["Query"]


def test_a_second_tick_changes_nothing(scene: Scene) -> None:
    scene.converge(True)
    writes = scene.writes()
    scene.converge(True)
    assert scene.writes() == writes == ["PutPublicAccessBlock"]
    assert scene.ledger() == {f"memory#run#{FENCED}": {"value": None, "by": EXECUTION}}


def test_a_lost_answer_does_not_remember_the_fence_itself(scene: Scene) -> None:
    scene.inject("PutPublicAccessBlock", "lost_after", 1)
    scene.converge(True)
    assert scene.ledger() == {f"memory#run#{FENCED}": {"value": None, "by": EXECUTION}}


def test_a_lost_request_is_sent_again(scene: Scene) -> None:
    scene.inject("PutPublicAccessBlock", "lost_before", 1)
    assert scene.converge(True)["outcome"] == "done"
    assert scene.customers_read() == 403


def test_what_is_overwritten_is_in_the_ledger_first(scene: Scene) -> None:
    scene.inject("PutItem", "lost_before", 1)
    with pytest.raises(NotYet):
        scene.tick(True)
    assert scene.writes() == []


def test_the_first_to_give_back_does_not_open_it_under_the_seconds_feet(scene: Scene) -> None:
    scene.converge(True, purpose="break")
    scene.converge(True, purpose="move")
    assert scene.converge("restore", purpose="break")["outcome"] == "still held by run"
    assert scene.customers_read() == 403
    scene.converge("restore", purpose="move")
    assert scene.customers_read() == 200
    assert scene.block() is None
    assert scene.ledger() == {}


def test_a_graceful_run_is_refused_where_the_region_is_silent(scene: Scene) -> None:
    scene.faults.dark.add(EAST)
    with pytest.raises(NotYet):
        scene.tick(True)
    with pytest.raises(Refused, match="silent"):
        scene.converge(True)
    assert scene.clock.now - scene.entered < 30
    assert scene.ledger() == {}


def test_an_ungraceful_run_owes_the_fence_of_a_silent_region_and_goes_on(scene: Scene) -> None:
    scene.faults.dark.add(EAST)
    answer = scene.converge(True, mode="ungraceful")
    assert answer["outcome"] == "unknown"
    assert answer["facts"]["unknown"] == 1
    assert 20 < scene.clock.now - scene.entered < 30
    assert list(scene.ledger()) == [f"debt#{FENCED}"]


def test_a_debt_is_paid_when_the_region_answers_and_customers_get_403(scene: Scene) -> None:
    scene.faults.dark.add(EAST)
    scene.converge(True, mode="ungraceful")
    scene.faults.dark.clear()
    assert scene.converge(True, mode="ungraceful")["outcome"] == "done"
    assert scene.customers_read() == 403
    assert list(scene.ledger()) == [f"memory#run#{FENCED}"]


def test_a_region_that_answers_after_it_was_owed_is_fenced_in_the_same_state(scene: Scene) -> None:
    scene.note(f"debt#{FENCED}", why="silent", since=0)
    scene.clock.sleep(30)
    assert scene.tick(True, mode="ungraceful")["outcome"] == "unknown"
    assert scene.block() == CLOSED
    assert set(scene.ledger()) == {f"debt#{FENCED}", f"memory#run#{FENCED}"}


def test_a_control_plane_that_takes_no_writes_is_owed_with_what_it_would_have_overwritten(
    scene: Scene,
) -> None:
    scene.inject("PutPublicAccessBlock", "503", -1)
    assert scene.converge(True, mode="ungraceful")["outcome"] == "unknown"
    assert set(scene.ledger()) == {f"debt#{FENCED}", f"memory#run#{FENCED}"}


def test_a_fence_that_is_given_back_is_owed_no_more(scene: Scene) -> None:
    scene.faults.dark.add(EAST)
    scene.converge(True, mode="ungraceful")
    assert scene.converge("restore", mode="ungraceful")["outcome"] == "nothing to give back"
    assert scene.ledger() == {}


def test_a_game_day_owes_no_breakage(scene: Scene) -> None:
    scene.faults.dark.add(EAST)
    with pytest.raises(Refused):
        scene.converge(True, purpose="break", mode="ungraceful")
    assert scene.ledger() == {}


def test_a_website_that_does_not_answer_is_not_closed(scene: Scene) -> None:
    scene.faults.dark.add(website(BUCKETS[EAST], EAST))
    with pytest.raises(Refused, match="not within 120 s"):
        scene.converge(True)
    assert scene.block() == CLOSED


def test_a_website_that_answers_503_is_not_open(scene: Scene) -> None:
    scene.converge(True)
    scene.inject("GET", "503", -1)
    with pytest.raises(Refused, match="not within 120 s"):
        scene.converge("restore")
    assert f"memory#run#{FENCED}" in scene.ledger()


def test_what_was_silent_while_others_answered_is_asked_again_in_the_same_look(scene: Scene) -> None:
    scene.inject("GetPublicAccessBlock", "lost_before", 1)
    with pytest.raises(NotYet):
        scene.tick(True)
    assert scene.block() == CLOSED


def test_one_call_in_five_lost_delays_the_fence_and_does_not_stop_it(scene: Scene) -> None:
    dice = Random(5)

    def one_in_five(request: Request) -> Kind | None:
        return dice.choice(("lost_before", None, None, None, None))

    scene.faults.injectors.append(one_in_five)
    assert scene.converge(True)["outcome"] == "done"
    assert scene.converge("restore")["outcome"] == "nothing to give back"
    assert scene.block() is None


def test_a_dry_run_says_what_it_would_do_and_does_nothing(scene: Scene) -> None:
    plan = scene.tick(True, dry_run=True)
    assert plan["outcome"] == "would change"
    assert [call["action"] for call in plan["calls"]] == ["s3:PutBucketPublicAccessBlock"]
    assert scene.writes() == []
    assert scene.ledger() == {}


def test_without_the_lease_nothing_changes(scene: Scene) -> None:
    scene.note("lease", holder="another", redrives=0, epoch=2, released=False)
    with pytest.raises(Refused, match="superseded"):
        scene.tick(True)
    assert scene.writes() == []


def test_the_step_asks_where_a_younger_regions_website_is(scene: Scene) -> None:
    young = S3PublicAccess(buckets={"us-east-2": "shop"}, region="us-east-2", blocked=True)  # type: ignore[dict-item, arg-type]
    assert young.website == f"http://{website('shop', 'us-east-2')}/"
