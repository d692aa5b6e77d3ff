"""Doubles answer as moto does, request by request; what they do not know they do not half understand."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import boto3
import pytest
from botocore import xform_name
from botocore.config import Config
from botocore.exceptions import ClientError, ConnectionError

from twin.clock import Clock
from twin.cloud import Behind, Cloud
from twin.doubles import Doubles
from twin.moto.backing import Moto
from twin.net import Net
from twin.services.dynamodb.model import DynamoDB
from twin.services.s3.model import Websites, website

EAST, WEST, OHIO, OREGON = "us-east-1", "us-west-1", "us-east-2", "us-west-2"
REPLICAS = (EAST, OHIO, OREGON)
FOUR = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")
PAGES = f"arn:aws:sns:{WEST}:123456789012:pages"
BOTH = pytest.mark.parametrize("backing", [Moto, Doubles])
SEQUENCES, LENGTH = 300, 12


@dataclass(frozen=True)
class Ask:
    """A request through boto3."""

    service: str
    operation: str
    region: str
    parameters: Mapping[str, Any]


@dataclass(frozen=True)
class Dark:
    """From here on, exactly these Regions are dark."""

    regions: frozenset[str]


@dataclass(frozen=True)
class Pause:
    seconds: float


Turn = Ask | Dark | Pause


def asking(service: str, operation: str, region: str = OREGON, /, **parameters: Any) -> Ask:
    return Ask(service, operation, region, parameters)


def answered(backing: Callable[[], Behind], turns: Sequence[Turn]) -> list[Any]:
    """What each request is answered, in a world of one ledger, two buckets and one topic."""
    with Cloud(Clock(), 1, backing()) as cloud:
        DynamoDB.of(cloud).strong_table("ledger", REPLICAS)
        Websites(cloud, Net(cloud))
        clients: dict[tuple[str, str], Any] = {}
        config = Config(connect_timeout=2, read_timeout=5, retries={"total_max_attempts": 1})
        found = []
        for turn in turns:
            if isinstance(turn, Dark):
                cloud.faults.dark = set(turn.regions)
            elif isinstance(turn, Pause):
                cloud.clock.sleep(turn.seconds)
            else:
                where = turn.service, turn.region
                if where not in clients:
                    clients[where] = boto3.client(turn.service, turn.region, config=config)
                found.append((answer(clients[where], turn), round(cloud.clock.elapsed, 9)))
        return found


def answer(client: Any, ask: Ask) -> Any:
    """Without ids: an answer, or an error's class, code, message and status."""
    try:
        parsed = getattr(client, xform_name(ask.operation))(**ask.parameters)
    except ClientError as error:
        said = error.response["Error"]
        status = error.response["ResponseMetadata"]["HTTPStatusCode"]
        return type(error).__name__, said["Code"], said["Message"], status
    except ConnectionError as error:
        return repr(error)
    assert isinstance(parsed.pop("MessageId", ""), str)
    parsed["ResponseMetadata"] = parsed["ResponseMetadata"]["HTTPStatusCode"]
    if ask.operation in ("GetObject", "PutObject"):
        # The double keeps no tags, checksums or dates of objects.
        return parsed["Body"].read() if "Body" in parsed else "put"
    return parsed


# Requests as our code sends them.


def query(application: str = "shop", region: str = OREGON, table: str = "ledger") -> Ask:
    return asking(
        "dynamodb",
        "Query",
        region,
        TableName=table,
        KeyConditionExpression="application = :a",
        ExpressionAttributeValues={":a": {"S": application}},
        ConsistentRead=True,
    )


def put(
    item: str,
    stamp: str | None = None,
    after: str | None = None,
    *,
    once: bool = False,
    application: str = "shop",
    region: str = OREGON,
    table: str = "ledger",
) -> Ask:
    row = {"application": {"S": application}, "item": {"S": item}, "body": {"S": f"{stamp} of {item}"}}
    more: dict[str, Any] = {}
    if stamp is not None:
        row["stamp"] = {"S": stamp}
    if once:
        more["ConditionExpression"] = "attribute_not_exists(application)"
    if after is not None:
        more["ConditionExpression"] = "stamp = :stamp"
        more["ExpressionAttributeValues"] = {":stamp": {"S": after}}
    return asking("dynamodb", "PutItem", region, TableName=table, Item=row, **more)


def delete(item: str, application: str = "shop", region: str = OREGON, table: str = "ledger") -> Ask:
    key = {"application": {"S": application}, "item": {"S": item}}
    return asking("dynamodb", "DeleteItem", region, TableName=table, Key=key)


def block(operation: str, bucket: str, region: str = EAST, **settings: bool) -> Ask:
    more = {"PublicAccessBlockConfiguration": settings} if operation == "PutPublicAccessBlock" else {}
    return asking("s3", operation, region, Bucket=bucket, **more)


def publish(topic: str = PAGES, region: str = WEST, subject: str = "approve?", message: str = "plan") -> Ask:
    return asking("sns", "Publish", region, TopicArn=topic, Subject=subject, Message=message)


def buckets() -> list[Turn]:
    where = {"CreateBucketConfiguration": {"LocationConstraint": WEST}}
    return [
        asking("s3", "CreateBucket", EAST, Bucket="east"),
        asking("s3", "CreateBucket", WEST, Bucket="west", **where),
    ]


STORIES: Mapping[str, list[Turn]] = {
    "an empty ledger": [query(), delete("lease"), query()],
    "writes, in the order of their keys": [put("b"), put("é"), put("a"), put("B"), put("a#1"), query()],
    "a write replaces all of an item": [put("lease", "1/False"), put("lease"), query()],
    "the first write wins": [put("m", "1", once=True), put("m", "2", once=True), query()],
    "once again after a delete": [put("m", once=True), delete("m"), put("m", "2", once=True), query()],
    "a stamp that was read": [put("lease", "1"), put("lease", "2", "1"), put("lease", "3", "1"), query()],
    "a stamp of nothing": [put("lease", "2", "1"), put("lease"), put("lease", "2", "1"), query()],
    "applications apart": [put("a"), put("a", application="other"), query(), query("other"), query("none")],
    "an unknown table": [query(table="none"), put("a", table="none"), delete("a", table="none")],
    "a Region with no replica": [
        put("a"),
        query(region=WEST),
        put("b", region=WEST),
        delete("a", region=WEST),
    ],
    "every replica answers the same": [
        put("a", region=EAST),
        Pause(1),
        put("b", region=OHIO),
        *map(query, "x"),
    ]
    + [query(region=region) for region in REPLICAS],
    "two Regions at once": [put("a", region=EAST), put("a", region=OHIO), Pause(1), put("a", region=OHIO)],
    "a dark replica": [
        put("a"),
        Dark(frozenset({OREGON})),
        query(),
        query(region=OHIO),
        put("b", region=EAST),
    ],
    "no majority": [put("a"), Dark(frozenset({OREGON, EAST})), query(region=OHIO), delete("a", region=OHIO)],
    "a whole block at first, and none": [
        *buckets(),
        block("GetPublicAccessBlock", "east"),
        block("DeletePublicAccessBlock", "east"),
        block("GetPublicAccessBlock", "east"),
    ],
    "blocks": [
        *buckets(),
        block("PutPublicAccessBlock", "east", **dict.fromkeys(FOUR, True)),
        block("GetPublicAccessBlock", "east"),
        block("GetPublicAccessBlock", "west"),
        block("PutPublicAccessBlock", "east", RestrictPublicBuckets=True),
        block("GetPublicAccessBlock", "east"),
        block("PutPublicAccessBlock", "east"),
        block("GetPublicAccessBlock", "east", WEST),
        block("DeletePublicAccessBlock", "east"),
        block("DeletePublicAccessBlock", "east"),
        block("GetPublicAccessBlock", "east"),
    ],
    "no such bucket": [
        block("GetPublicAccessBlock", "none"),
        block("PutPublicAccessBlock", "none", BlockPublicAcls=True),
        block("DeletePublicAccessBlock", "none"),
        asking("s3", "PutBucketPolicy", EAST, Bucket="none", Policy="{}"),
        asking("s3", "PutObject", EAST, Bucket="none", Key="a", Body=b"a"),
    ],
    "an object": [
        *buckets(),
        asking("s3", "PutObject", WEST, Bucket="west", Key="read", Body=b"0123456789"),
        asking("s3", "GetObject", WEST, Bucket="west", Key="read"),
        asking("s3", "GetObject", WEST, Bucket="west", Key="read", Range="bytes=2-4"),
        asking("s3", "GetObject", WEST, Bucket="west", Key="read", Range="bytes=8-20"),
        asking("s3", "GetObject", WEST, Bucket="west", Key="none"),
        asking("s3", "GetObject", WEST, Bucket="none", Key="a"),
        asking("s3", "DeleteObject", WEST, Bucket="west", Key="read"),
        asking("s3", "DeleteObject", WEST, Bucket="west", Key="a"),
        asking("s3", "HeadObject", WEST, Bucket="west", Key="a"),
        asking("s3", "HeadObject", WEST, Bucket="none", Key="a"),
        asking("s3", "HeadBucket", WEST, Bucket="west"),
        asking("s3", "HeadBucket", WEST, Bucket="none"),
        asking("s3", "DeleteObject", WEST, Bucket="none", Key="a"),
    ],
    "pages": [
        asking("sns", "CreateTopic", WEST, Name="pages"),
        asking("sns", "CreateTopic", WEST, Name="pages"),
        publish(),
        publish(subject="x" * 100),
        publish(subject="x" * 101),
        publish(region=EAST),
        publish(topic=PAGES.replace(WEST, EAST), region=EAST),
        publish(topic=PAGES + "-of-others"),
        asking("sns", "Subscribe", WEST, TopicArn=PAGES + "s", Protocol="email", Endpoint="a@example.com"),
        asking("sns", "ListSubscriptionsByTopic", WEST, TopicArn=PAGES + "s"),
        asking("sns", "ListSubscriptionsByTopic", WEST, TopicArn=PAGES),
        asking("sns", "DeleteTopic", WEST, TopicArn=PAGES),
        publish(),
        asking("sns", "CreateTopic", WEST, Name="pages"),
        publish(),
    ],
}


@pytest.mark.parametrize("story", STORIES)
def test_a_double_answers_what_moto_answers(story: str) -> None:
    assert answered(Doubles, STORIES[story]) == answered(Moto, STORIES[story])


def test_a_refusal_is_worded_as_aws_words_it() -> None:
    """So that the stories do not agree on nothing."""
    _, (lost, _), _ = answered(Doubles, STORIES["the first write wins"])
    code = "ConditionalCheckFailedException"
    assert lost == (code, code, "The conditional request failed", 400)
    (unknown, _), *_ = answered(Doubles, STORIES["an unknown table"])
    assert unknown[1:] == ("ResourceNotFoundException", "Requested resource not found", 400)
    *_, (blocked, _) = answered(Doubles, STORIES["a whole block at first, and none"])
    assert blocked[1] == "NoSuchPublicAccessBlockConfiguration"
    assert blocked[3] == 404


def test_random_sequences_are_answered_the_same() -> None:
    """Each in an application of its own; all one after the other, in one world."""
    turns = [*buckets(), asking("sns", "CreateTopic", WEST, Name="pages")]
    for seed in range(SEQUENCES):
        turns += sequence(random.Random(seed), f"app-{seed}")
    doubles, moto = answered(Doubles, turns), answered(Moto, turns)
    kinds = {found[1] for found, _ in doubles if isinstance(found, tuple)}
    assert kinds >= {"ConditionalCheckFailedException", "ReplicatedWriteConflictException", "NoSuchBucket"}
    for number, (one, other) in enumerate(zip(doubles, moto, strict=True)):
        assert one == other, [turn for turn in turns if isinstance(turn, Ask)][: number + 1][-LENGTH:]


def sequence(dice: random.Random, application: str) -> list[Turn]:
    return [turn(dice, application) for _ in range(LENGTH)] + [Dark(frozenset()), query(application)]


def turn(dice: random.Random, application: str) -> Turn:
    region = dice.choice((*REPLICAS, *REPLICAS, WEST))
    item, stamp = dice.choice(("lease", "memory#run#a", "debt#b")), str(dice.randrange(3))
    bucket = dice.choice(("east", "east", "west", "none"))
    settings = {setting: dice.random() < 0.5 for setting in FOUR if dice.random() < 0.5}
    where = {"application": application, "region": region}
    return dice.choices(
        (
            query(application, region, dice.choice(("ledger", "ledger", "ledger", "none"))),
            put(item, dice.choice((None, stamp)), **where),
            put(item, stamp, once=True, **where),
            put(item, stamp, after=str(dice.randrange(3)), **where),
            delete(item, **where),
            block(dice.choice(("Get", "Put", "Delete")) + "PublicAccessBlock", bucket, **settings),
            publish(dice.choice((PAGES, PAGES + "x")), subject="s" * dice.choice((1, 100, 101))),
            Dark(frozenset(dice.sample(REPLICAS, dice.choice((0, 0, 1, 2))))),
            Pause(dice.choice((0.001, 0.3, 2))),
        ),
        (4, 2, 2, 3, 1, 2, 1, 1, 2),
    )[0]


@BOTH
def test_a_strong_table_can_be_peeked_at(backing: Callable[[], Behind]) -> None:
    with Cloud(Clock(), 1, backing()) as cloud:
        table = DynamoDB.of(cloud).strong_table("ledger", REPLICAS)
        answer(boto3.client("dynamodb", OHIO), put("lease", "1"))
        found = table.peek({"application": "shop", "item": "lease"})
        assert found == {"application": "shop", "item": "lease", "stamp": "1", "body": "1 of lease"}
        assert table.peek({"application": "shop", "item": "none"}) is None


@BOTH
@pytest.mark.parametrize(("by", "shuts"), [("policy", "RestrictPublicBuckets"), ("acl", "IgnorePublicAcls")])
def test_a_website_closes_a_little_after_its_block_and_opens_again(
    backing: Callable[[], Behind], by: str, shuts: str
) -> None:
    with Cloud(Clock(), 1, backing()) as cloud:
        net = Net(cloud)
        sites = Websites(cloud, net)
        s3 = boto3.client("s3", EAST)
        s3.create_bucket(Bucket="shop")
        s3.delete_public_access_block(Bucket="shop")
        grant = {
            "Effect": "Allow",
            "Principal": "*",
            "Action": "s3:GetObject",
            "Resource": "arn:aws:s3:::shop/*",
        }
        if by == "policy":
            s3.put_bucket_policy(
                Bucket="shop", Policy=json.dumps({"Version": "2012-10-17", "Statement": [grant]})
            )
        s3.put_bucket_website(Bucket="shop", WebsiteConfiguration={"IndexDocument": {"Suffix": "index.html"}})
        s3.put_object(
            Bucket="shop", Key="index.html", Body=b"unicorns", ACL="public-read" if by == "acl" else "private"
        )
        page = f"http://{website('shop', EAST)}/"
        assert net.request("", "GET", page) == (200, b"unicorns")
        assert net.request("", "GET", page + "none")[0] == (404 if by == "policy" else 403)
        s3.put_public_access_block(Bucket="shop", PublicAccessBlockConfiguration={shuts: True})
        assert sites.is_open("shop")
        cloud.clock.sleep(120)
        assert not sites.is_open("shop")
        assert net.request("", "GET", page)[0] == 403
        s3.delete_public_access_block(Bucket="shop")
        cloud.clock.sleep(120)
        assert net.request("", "GET", page)[0] == 200


STRANGE: Mapping[str, Ask] = {
    "begins_with": asking(
        "dynamodb",
        "Query",
        TableName="ledger",
        KeyConditionExpression="application = :a AND begins_with(item, :b)",
        ExpressionAttributeValues={":a": {"S": "shop"}, ":b": {"S": "debt"}},
    ),
    "item": asking(
        "dynamodb",
        "Query",
        TableName="ledger",
        KeyConditionExpression="item = :a",
        ExpressionAttributeValues={":a": {"S": "shop"}},
    ),
    "Limit": asking("dynamodb", "Query", **query().parameters, Limit=1),
    ":more": asking(
        "dynamodb",
        "Query",
        **{
            **query().parameters,
            "ExpressionAttributeValues": {":a": {"S": "shop"}, ":more": {"S": "x"}},
        },
    ),
    "OR": asking(
        "dynamodb", "PutItem", **put("a").parameters, ConditionExpression="stamp = :a OR stamp = :b"
    ),
    "values that no": asking(
        "dynamodb", "PutItem", **put("a").parameters, ExpressionAttributeValues={":a": {"S": "1"}}
    ),
    "'N': '1'": asking(
        "dynamodb",
        "PutItem",
        TableName="ledger",
        Item={"application": {"S": "shop"}, "item": {"S": "a"}, "n": {"N": "1"}},
    ),
    "without its key": put(""),
    "ReturnValues": asking("dynamodb", "DeleteItem", **delete("a").parameters, ReturnValues="ALL_OLD"),
    "GetItem": asking("dynamodb", "GetItem", **delete("a").parameters),
    "ExpectedBucketOwner": asking(
        "s3", "GetPublicAccessBlock", EAST, Bucket="east", ExpectedBucketOwner="123456789012"
    ),
    "Subject": asking("sns", "Publish", WEST, TopicArn=PAGES, Message="no subject"),
    "ListBuckets": asking("s3", "ListBuckets", EAST),
}


@pytest.mark.parametrize("what", STRANGE)
def test_a_double_names_what_it_does_not_know(what: str) -> None:
    with pytest.raises(AssertionError, match="no double") as refusal:
        answered(Doubles, [STRANGE[what]])
    assert what in str(refusal.value)


def test_a_ledger_that_dynamodb_would_answer_in_pages_is_not_answered() -> None:
    long = "x" * 190_000  # twice in an item: as its stamp, and in its body
    with pytest.raises(AssertionError, match="pages"):
        answered(Doubles, [put(item, long) for item in "abc"] + [query()])
    with pytest.raises(AssertionError, match="400 KB"):
        answered(Doubles, [put("a", long + long)])
