"""Doubles of just the moto operations that steps and the stage use, for exploration's speed.

They understand exactly the forms of parameters that our code sends: any other is an AssertionError that names
it, for an expression half understood would be a lie. tests/test_doubles.py holds each of them to moto.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import boto3
from boto3.session import Session

from ..aws import Cloud
from ..backing import Bucket
from ..faults import Request
from ..services.dynamodb.double import Item, Key, Table, Tables
from ..services.s3.double import Buckets
from ..services.sns.double import Topics


class Doubles:
    """All of them, behind one Cloud: `Cloud(clock, seed, Doubles())`.

    Python's own clocks go on as they are, unlike with moto: nothing here reads them.
    """

    def start(self, cloud: Cloud) -> None:
        self._before, boto3.DEFAULT_SESSION = boto3.DEFAULT_SESSION, SESSION
        self.tables, self.buckets, self.topics = Tables(cloud), Buckets(cloud), Topics(cloud)

    def stop(self) -> None:
        boto3.DEFAULT_SESSION = self._before

    def take(self, request: Request) -> None:
        raise AssertionError(f"no double answers {request}")

    def create_table(self, region: str, name: str, key: Key) -> None:
        self.tables.kept[region, name] = Table(key)

    def item(self, region: str, name: str, key: Mapping[str, str]) -> Item | None:
        table = self.tables.kept[region, name]
        found = table.items.get((key[table.key[0]], key[table.key[1]]))
        return None if found is None else dict(found)

    def bucket(self, name: str) -> Bucket | None:
        found = self.buckets.kept.get(name)
        if found is None:
            return None
        restricted = bool(found.block and found.block["RestrictPublicBuckets"])
        return Bucket(found.region, found.index, found.policy, restricted, found.objects.get)

    def account_is_restricted(self) -> bool:
        return False


class _Session(Session):
    """Makes each client once, for every Cloud to come: making one takes longer than a whole run."""

    def __init__(self) -> None:
        super().__init__(aws_access_key_id="twin", aws_secret_access_key="twin")  # noqa: S106
        self._make: Any = super().client  # its stubs know every service's name, but not that names vary
        self._made: dict[str, Any] = {}

    def client(self, *given: Any, config: Any = None, **named: Any) -> Any:
        options = None if config is None else sorted(config._user_provided_options.items())
        key = repr((given, sorted(named.items()), options))
        if key not in self._made:
            self._made[key] = self._make(*given, config=config, **named)
        return self._made[key]


SESSION = _Session()
