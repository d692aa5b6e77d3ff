"""Tables of texts in moto."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...cloud import ACCOUNT

SERVICE = "dynamodb"


class Keeper:
    """moto's tables, under the methods of their double."""

    def __init__(self) -> None:
        from moto.dynamodb.models import dynamodb_backends  # importing moto changes botocore

        self._backends: Any = dynamodb_backends[ACCOUNT]

    def create_table(self, region: str, name: str, key: tuple[str, str]) -> None:
        """Whose partition key and sort key are texts."""
        self._backends[region].create_table(
            name=name,
            schema=[{"AttributeName": a, "KeyType": k} for a, k in zip(key, ("HASH", "RANGE"), strict=True)],
            attr=[{"AttributeName": attribute, "AttributeType": "S"} for attribute in key],
            billing_mode="PAY_PER_REQUEST",
            **dict.fromkeys(_UNUSED),
        )

    def item(self, region: str, name: str, key: Mapping[str, str]) -> dict[str, str] | None:
        """An item of texts."""
        asked = {attribute: {"S": value} for attribute, value in key.items()}
        found = self._backends[region].get_item(name, asked)
        return None if found is None else {each: value.value for each, value in found.attrs.items()}


_UNUSED = (
    "throughput", "global_indexes", "indexes", "streams", "sse_specification", "tags",
    "deletion_protection_enabled", "warm_throughput",
)  # fmt: skip
"""What moto's create_table needs to be given, and a table of ours has not."""
