"""Resilient Orders' API, a host in each Region before three Lambda functions, and a fourth that verifies the
data for a run."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from botocore.exceptions import BotoCoreError

from ...cloud import Cloud
from ...net import Net
from ...services.apigateway.host import Answer, Gateway, deploy
from ...services.lambda_.model import Functions
from .names import CREATE, FILL, PRIMARY, READ, REGIONS, VERIFY, api_host
from .tables import Cancelled, Tables

ROUTES = {"GET /orders": READ, "POST /orders": CREATE, "POST /fill": FILL}
SAMPLE = "sample"
"""The order that canaries read."""
NAMED = 5
"""So many are named, and of the others how many there are."""


class Api:
    """In both Regions."""

    def __init__(self, cloud: Cloud, net: Net, functions: Functions, tables: Tables) -> None:
        self._cloud, self._net, self._functions, self._tables = cloud, net, functions, tables

    def deploy(self, region: str) -> None:
        for name, handler in ((READ, self._read), (CREATE, self._create), (FILL, self._fill)):
            deploy(self._functions, region, name, handler)
        self._functions.deploy(region, VERIFY, lambda event, _: self._verify(region), timeout=10)
        if region == PRIMARY:
            self._tables.try_out(region, SAMPLE)
        Gateway(self._net, self._functions, region, api_host(region), ROUTES)

    def _read(self, region: str, event: Mapping[str, Any]) -> Answer:
        order = event["path"].split("/")[-1]
        item = self._tables.orders.get(region, order)
        return (404, {"message": "no such order"}) if item is None else (200, {"OrderId": order, **item})

    def _create(self, region: str, event: Mapping[str, Any]) -> Answer:
        asked = json.loads(event["body"])
        try:
            self._tables.order(region, asked["customerId"], asked["productId"], asked["orderId"])
        except (BotoCoreError, Cancelled):
            return 400, {"message": "Could not store order"}
        return 201, {"OrderId": asked["orderId"]}

    def _fill(self, region: str, event: Mapping[str, Any]) -> Answer:
        asked = json.loads(event["body"])
        self._tables.fill(region, asked["customerId"], asked["products"])
        if "orderId" in asked:
            self._tables.try_out(region, asked["orderId"])
        return 200, {}

    def _verify(self, region: str) -> dict[str, str]:
        """As a step asks a function of the application: how the data of this Region stand. A transaction that
        arrives by halves is waited for, as long as the Region that it comes from can be reached."""
        (other,) = set(REGIONS) - {region}
        half, twice = sorted(self._tables.half(region)), self._tables.sold_twice(region)
        found = {"half replicated": half, "sold twice": twice}
        if not self._cloud.faults.is_dark(other, "dynamodb", origin=region):
            missing = self._tables.under_way(region)
            if half or missing:
                return {
                    "status": "wait",
                    "why": _told({"half replicated": half, f"not here from {other}": missing}),
                }
        return {"status": "done", "why": _told(found)}


def _told(found: Mapping[str, list[str]]) -> str:
    return "; ".join(
        f"{len(names)} {what}: {', '.join(names[:NAMED])}" for what, names in found.items() if names
    )
