"""A strongly consistent read of the ledger through boto3: how many a second, by what answers it.

python -m bench.calls
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import boto3
from botocore.config import Config

from twin import fast_path
from twin.clock import Clock
from twin.cloud import Behind, Cloud
from twin.doubles import Doubles
from twin.moto.backing import Moto
from twin.services.dynamodb.model import DynamoDB

REPLICAS = ("us-east-1", "us-east-2", "us-west-2")


def rate(backing: Behind, calls: int, the_long_way: bool = False) -> float:
    """Calls a second on one core; best of five. The long way is botocore's own, for every call."""
    with Cloud(Clock(), 1, backing) as cloud:
        DynamoDB.of(cloud).strong_table("ledger", REPLICAS)
        if the_long_way:
            fast_path.close()
        config = Config(connect_timeout=2, read_timeout=5, retries={"total_max_attempts": 1})
        client = boto3.client("dynamodb", region_name=REPLICAS[2], config=config)
        for item in ("lease", "directive", "proposal"):
            row = {"application": {"S": "shop"}, "item": {"S": item}, "body": {"S": "{}"}}
            client.put_item(TableName="ledger", Item=row)
        _read(client)
        return max(_timed(lambda: _read(client), calls) for _ in range(5))


def _read(client: Any) -> None:
    client.query(
        TableName="ledger",
        KeyConditionExpression="application = :a",
        ExpressionAttributeValues={":a": {"S": "shop"}},
        ConsistentRead=True,
    )


def _timed(act: Callable[[], None], times: int) -> float:
    began = time.process_time()
    for _ in range(times):
        act()
    return times / (time.process_time() - began)


def measure() -> None:
    rates = {
        "moto": rate(Moto(), 100),
        "the double, botocore's way": rate(Doubles(), 1000, the_long_way=True),
        "the double": rate(Doubles(), 4000),
    }
    for name, found in rates.items():
        print(f"ledger reads of {name:27} {found:7.0f} calls/s, {found / rates['moto']:5.1f} times moto")


if __name__ == "__main__":
    measure()
