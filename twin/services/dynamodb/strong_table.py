"""A DynamoDB global table with multi-Region strong consistency (MRSC): the ledger's, for boto3.

One truth, that answers in three Regions with any one of them dark.
Source: docs.aws.amazon.com/amazondynamodb/latest/developerguide/V2globaltables_HowItWorks.html
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Protocol

from ...cloud import AwsError, Cloud
from ...faults import Request
from ...service import APART, WIRING, Stateful
from .global_table import SERVICE

REGION_SETS = (
    {"us-east-1", "us-east-2", "us-west-2"},
    {"eu-west-1", "eu-west-2", "eu-west-3", "eu-central-1"},
    {"ap-northeast-1", "ap-northeast-2", "ap-northeast-3"},
)
"""A strongly consistent table lives in three Regions of one set."""
WRITES = frozenset({"PutItem", "UpdateItem", "DeleteItem"})
READS = frozenset({"GetItem", "Query", "Scan"})
TRANSACTIONS = frozenset({"TransactWriteItems", "TransactGetItems"})
MAJORITY = 2


class Keeper(Protocol):
    """What keeps items of texts: moto, or the double. Reading takes no time, and meets no fault."""

    def create_table(self, region: str, name: str, key: tuple[str, str]) -> None:
        """Whose partition key and sort key are texts."""

    def item(self, region: str, name: str, key: Mapping[str, str]) -> dict[str, str] | None: ...


class StrongTable(Stateful):
    """A table with multi-Region strong consistency, for boto3: the rules, whatever keeps its items.

    That is moto or its double, in the first Region. A write, and a strongly consistent read, needs two of the
    three replicas.
    """

    not_state: ClassVar = {
        "_cloud": APART,
        "_keeper": APART,
        "name": WIRING,
        "regions": WIRING,
        "_key": WIRING,
    }

    def __init__(
        self, cloud: Cloud, keeper: Keeper, name: str, regions: Sequence[str], key: tuple[str, str]
    ) -> None:
        if len(set(regions)) != 3 or not any(set(regions) <= one for one in REGION_SETS):
            raise AwsError(
                "ValidationException", f"{', '.join(regions)} are not three Regions of one MRSC set"
            )
        self._cloud, self._keeper = cloud, keeper
        self.name = name
        self.regions = tuple(regions)
        self._key = key
        self._committing: dict[str, tuple[str, float]] = {}
        keeper.create_table(self.regions[0], name, key)
        cloud.guards.append(self._guard)
        before = cloud.reroute
        cloud.reroute = lambda request: self._home_of(request) or before(request)

    def state(self) -> object:
        """Writes that are being agreed upon: which item, and in which Region."""
        now = self._cloud.clock.now
        return sorted((item, region) for item, (region, until) in self._committing.items() if now < until)

    def peek(self, key: Mapping[str, str]) -> dict[str, str] | None:
        """An item of texts as it is now: for invariants, which take no time and meet no fault."""
        return self._keeper.item(self.regions[0], self.name, key)

    def _home_of(self, request: Request) -> str | None:
        """A Region without a replica has no such table, as is said there."""
        if self._is_meant(request) and request.region in self.regions[1:]:
            return self.regions[0]
        return None

    def _is_meant(self, request: Request) -> bool:
        return request.service == SERVICE and request.parameters.get("TableName") == self.name

    def _guard(self, request: Request) -> None:
        if request.service != SERVICE or request.region not in self.regions:
            return
        if request.operation in TRANSACTIONS and self.name in _tables(request):
            raise AwsError(
                "ValidationException", f"{self.name} has multi-Region strong consistency: no transactions"
            )
        if not self._is_meant(request):
            return
        strong = request.operation in READS and request.parameters.get("ConsistentRead") is True
        if (strong or request.operation in WRITES) and self._alive(request.region) < MAJORITY:
            raise AwsError("InternalServerError", "Internal server error", 500)
        if request.operation in WRITES:
            self._commit(request)

    def _alive(self, seen_from: str) -> int:
        is_dark = self._cloud.faults.is_dark
        return sum(not is_dark(region, SERVICE, origin=seen_from) for region in self.regions)

    def _commit(self, request: Request) -> None:
        """Refuses a write to an item for which another Region's write is still being agreed upon."""
        parameters: Mapping[str, Any] = request.parameters
        given = parameters.get("Key") or parameters["Item"]
        item = "/".join(given[attribute]["S"] for attribute in self._key)
        region, until = self._committing.get(item, (request.region, 0.0))
        now = self._cloud.clock.now
        if region != request.region and now < until:
            message = "One or more items in this request are being modified by a request in another Region."
            raise AwsError("ReplicatedWriteConflictException", message)
        self._committing[item] = request.region, now + self._cloud.latency.draw("dynamodb_strong_commit")


def _tables(request: Request) -> set[str]:
    """The tables of a transaction."""
    parameters: Mapping[str, Any] = request.parameters
    return {body["TableName"] for entry in parameters["TransactItems"] for body in entry.values()}
