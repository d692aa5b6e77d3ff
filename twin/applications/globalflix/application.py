"""Globalflix, small but real: viewers whose bookmarks are in a global table, behind an API in each Region.

From the global serverless workshop of AWS's DynamoDB labs, with two changes: one name, which ARC's routing
controls govern, leads viewers to a Region, where the workshop has a button; and a bookmark is written by
POST, where the workshop's has a GET.
"""

from __future__ import annotations

import json

from ...application import Journey
from ...services.arc.model import Arc, AtLeast
from ...services.dynamodb.dataset import GlobalTableData
from ...services.dynamodb.model import DynamoDB
from ...services.route53.model import Route53
from ..foundation import Foundation
from ..regional import ControlledName, FunctionEntry
from .api import Api
from .names import API, FUNCTION, HOSTS, KEYS, PRIMARY, REGIONS, STANDBY, TABLE, api_host
from .players import DATASET, Players

JUST_ONE = (
    AtLeast("at-least-one-region", REGIONS),
    AtLeast("not-two-regions", REGIONS, threshold=2, inverted=True),
)
"""Safety rules that only a change of both controls at once goes by."""


class Globalflix:
    """The application in both Regions."""

    regions = REGIONS

    def __init__(self, on: Foundation) -> None:
        cloud, self._net = on.cloud, on.net
        table = DynamoDB.of(cloud).global_table(TABLE, REGIONS, KEYS)
        arc = Arc.of(cloud).cluster("globalflix", {PRIMARY: "On", STANDBY: "Off"}, JUST_ONE, number=1)
        api = Api(on.net, on.functions, table)
        for region in REGIONS:
            api.deploy(region)
        dns = Route53.of(cloud, on.net)
        dns.record(API, [(api_host(region), dns.health_check(arc, region)) for region in REGIONS])
        self.datasets = (GlobalTableData(cloud, table, DATASET),)
        self.routes = (ControlledName("api", arc, lambda: {HOSTS[on.net.resolve(API)]}),)
        self.entries = tuple(
            FunctionEntry(cloud, on.functions, region, api_host(region), FUNCTION, (DATASET,))
            for region in REGIONS
        )
        self.session = Players(table, cloud.clock.spawn)

    def settings(self) -> dict[str, object]:
        """Reserved concurrencies."""
        return {entry.region: entry.glance() for entry in self.entries}

    def shall_serve(self, procedure: str, source: str, target: str) -> set[str]:
        """One Region: the other stands by."""
        return {target}

    def journey(self, region: str) -> Journey:
        """A title of the library is read through the API: by the answer's body, since its status is always
        200."""

        def reads() -> bool:
            status, body = self._net.request(region, "GET", f"https://{API}/get/library/01")
            return status == 200 and "Item" in json.loads(body)

        return reads
