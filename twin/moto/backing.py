"""moto behind the seam, in process, for rehearsals and tests. Exploration never loads it: forks cost less."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import time_machine
import xmltodict
from moto import mock_aws
from moto.dynamodb.models import dynamodb_backends
from moto.s3.models import FakeDeleteMarker, s3_backends
from moto.s3control.models import s3control_backends

from ..backing import ACCOUNT, Bucket
from ..faults import Request

if TYPE_CHECKING:
    from ..aws import Cloud


class Frozen:
    """Python's own clocks, which moto's timestamps and log lines are made of, at the twin's time."""

    def __init__(self, cloud: Cloud) -> None:
        self._clock = cloud.clock
        self._travel = time_machine.travel(cloud.clock.now, tick=False)

    def start(self) -> None:
        self._move = self._travel.start().move_to
        self._clock.on_move.append(self._move)

    def stop(self) -> None:
        self._clock.on_move.remove(self._move)
        self._travel.stop()


class Moto:
    """moto, as it is."""

    def start(self, cloud: Cloud) -> None:
        self._mock = mock_aws(config={"stepfunctions": {"execute_state_machine": True}})
        self._mock.start()
        self._frozen = Frozen(cloud)
        self._frozen.start()

    def stop(self) -> None:
        self._frozen.stop()
        self._mock.stop()

    def take(self, request: Request) -> None:
        """moto itself says what it has not."""

    def create_table(self, region: str, name: str, key: tuple[str, str]) -> None:
        dynamodb_backends[ACCOUNT][region].create_table(
            name=name,
            schema=[{"AttributeName": a, "KeyType": k} for a, k in zip(key, ("HASH", "RANGE"), strict=True)],
            attr=[{"AttributeName": attribute, "AttributeType": "S"} for attribute in key],
            billing_mode="PAY_PER_REQUEST",
            **dict.fromkeys(_UNUSED),
        )

    def item(self, region: str, name: str, key: Mapping[str, str]) -> dict[str, str] | None:
        asked = {attribute: {"S": value} for attribute, value in key.items()}
        found = dynamodb_backends[ACCOUNT][region].get_item(name, asked)
        return None if found is None else {each: value.value for each, value in found.attrs.items()}

    def bucket(self, name: str) -> Bucket | None:
        found = s3_backends[ACCOUNT]["aws"].buckets.get(name)
        if found is None:
            return None

        def read(key: str) -> bytes | None:
            thing = found.keys.get(key)
            return None if thing is None or isinstance(thing, FakeDeleteMarker) else bytes(thing.value)

        website = found.website_configuration
        return Bucket(
            found.region_name,
            None if website is None else _index(website),
            found.policy,
            _restricts(found.public_access_block),
            read,
        )

    def account_is_restricted(self) -> bool:
        return _restricts(s3control_backends[ACCOUNT]["aws"].public_access_block)


def _restricts(block: Any) -> bool:
    return block is not None and bool(block.restrict_public_buckets)


def _index(configuration: bytes) -> str:
    return str(xmltodict.parse(configuration)["WebsiteConfiguration"]["IndexDocument"]["Suffix"])


_UNUSED = (
    "throughput", "global_indexes", "indexes", "streams", "sse_specification", "tags",
    "deletion_protection_enabled", "warm_throughput",
)  # fmt: skip
"""What moto's create_table wants to hear of, and a table of ours has not."""
