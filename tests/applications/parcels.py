"""Parcels: two Regions that serve at once, one table that both write, and clients that choose for themselves.

There is no writer to promote and no record to turn: a client asks its own Region first, and the other one
then. A run takes a Region out by throttling its function, and brings it back by giving that back.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

from botocore.exceptions import ConnectTimeoutError
from urllib3.exceptions import HTTPError

from twin.application import Journey, Refusal, Visitor
from twin.applications.foundation import Foundation
from twin.net import HttpRequest
from twin.services.dynamodb.dataset import GlobalTableData
from twin.services.dynamodb.global_table import GlobalTable
from twin.services.dynamodb.model import DynamoDB

FUNCTION, REGIONS = "parcels", ("us-east-1", "us-west-1")


def shared(regions: list[str]) -> dict[str, float]:
    return {region: 1 / len(regions) for region in regions}


def host(region: str) -> str:
    return f"{region}.parcels.example"


class RegionalApi:
    """One Region's host, and the function behind it."""

    datasets = ("parcels",)

    def __init__(self, on: Foundation, table: GlobalTable, region: str) -> None:
        self.region, self.address, self._on, self._table = region, host(region), on, table
        on.functions.deploy(region, FUNCTION, self._handle)
        on.net.serve(self.address, region, self._serve)

    def is_throttled(self) -> bool:
        return self._on.functions.reserved(self.region, FUNCTION) == 0

    def is_open(self) -> bool:
        return not (self.is_throttled() or self._on.cloud.faults.is_dark(self.region))

    def glance(self) -> object:
        return self._on.functions.reserved(self.region, FUNCTION)

    def _serve(self, request: HttpRequest) -> tuple[int, bytes]:
        try:
            asked = {"path": request.path, "body": request.body.decode()}
            return 200, json.dumps(self._on.functions.invoke(self.region, FUNCTION, asked)).encode()
        except Exception:
            return 502, b"{}"

    def _handle(self, event: Mapping[str, str], context: object) -> dict[str, object]:
        if event["body"]:
            key = json.loads(event["body"])["parcel"]
            self._table.put(self.region, key, {"parcel": key}, name=f"parcel {key}")
            return {"region": self.region, "parcel": key}
        return {"region": self.region, "parcel": self._table.get(self.region, event["path"].split("/")[-1])}


class Parcels:
    """The application, its own route and its own session."""

    name, dataset, regions = "clients", "parcels", REGIONS
    pace = (2.0, 6.0)

    def __init__(self, on: Foundation) -> None:
        self._table = DynamoDB.of(on.cloud).global_table("parcels", REGIONS, keys=("parcel",))
        self.datasets = (GlobalTableData(on.cloud, self._table, "parcels"),)
        self.entries = tuple(RegionalApi(on, self._table, region) for region in REGIONS)
        self.routes, self.session = (self,), self

    def intent(self) -> dict[str, float]:
        """Clients are to go wherever nobody has throttled them."""
        return shared([entry.region for entry in self.entries if not entry.is_throttled()])

    def led_to(self) -> dict[str, float]:
        """They go wherever they are answered."""
        return shared([entry.region for entry in self.entries if entry.is_open()])

    def glance(self) -> object:
        return None

    def visit(self, visitor: Visitor) -> None:
        key = f"{visitor.name}-{visitor.number()}"
        first, second = REGIONS if visitor.name < "d" else REGIONS[::-1]
        try:
            answer = visitor.ask("POST", f"https://{host(first)}/parcels", {"parcel": key})
        except (HTTPError, Refusal):
            answer = visitor.ask("POST", f"https://{host(second)}/parcels", {"parcel": key})
        visitor.promised(f"parcel {key}", "parcels", key, answer["region"])

    def write(self, region: str, key: str) -> None:
        try:
            self._table.put(region, key, {"parcel": key}, name=f"parcels {key}")
        except ConnectTimeoutError as silence:
            raise Refusal(str(silence)) from None

    def settings(self) -> dict[str, object]:
        return {entry.region: entry.glance() for entry in self.entries}

    def shall_serve(self, procedure: str, source: str, target: str) -> set[str]:
        return set(REGIONS) if procedure == "failback" else {target}

    def journey(self, region: str) -> Journey:
        return f"https://{host(REGIONS[0])}/parcels/any"


build = Parcels
