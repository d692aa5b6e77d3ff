"""Globalflix, small but real: viewers whose bookmarks are in a global table, behind an API in each Region.

From the global serverless workshop of AWS's DynamoDB labs, with two changes: one name, which ARC's routing
controls govern, leads viewers to a Region, where the workshop has a button; and a bookmark is written by
POST, where the workshop's has a GET.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

from ...application import Journey
from ...cloud import Cloud
from ...net import Net
from ...services.arc.model import Arc, AtLeast, Cluster
from ...services.dynamodb.dataset import GlobalTableData
from ...services.dynamodb.model import DynamoDB
from ...services.lambda_.model import Functions
from ...services.route53.model import Route53
from ..foundation import Foundation
from .api import Api
from .names import API, FUNCTION, HOSTS, KEYS, PRIMARY, REGIONS, STANDBY, TABLE, api_host
from .players import DATASET, Players


class ApiName:
    """The API's one name: routing controls say where it is to lead."""

    name = "api"

    def __init__(self, net: Net, arc: Cluster) -> None:
        self._net, self._arc = net, arc

    def intent(self) -> Mapping[str, float]:
        on = [region for region, state in self._arc.states.items() if state == "On"]
        return {region: 1 / len(on) for region in on}

    def led_to(self) -> Mapping[str, float]:
        return {HOSTS[self._net.resolve(API)]: 1.0}

    def glance(self) -> object:
        return tuple(self._arc.states.values())


class ApiEntry:
    """A Region's API: all comes through its function."""

    datasets = (DATASET,)

    def __init__(self, cloud: Cloud, functions: Functions, region: str) -> None:
        self.region, self.address = region, api_host(region)
        self._cloud, self._function = cloud, functions.function(region, FUNCTION)

    def is_open(self) -> bool:
        """Neither dark nor throttled to nothing."""
        return self._function.reserved != 0 and not self._cloud.faults.is_dark(self.region)

    def glance(self) -> object:
        return self._function.reserved


class Globalflix:
    """The application in both Regions."""

    regions = REGIONS

    def __init__(self, on: Foundation) -> None:
        cloud, self._net = on.cloud, on.net
        table = DynamoDB.of(cloud).global_table(TABLE, REGIONS, KEYS)
        arc = Arc.of(cloud).cluster(
            "globalflix", {PRIMARY: "On", STANDBY: "Off"}, [AtLeast("at-least-one-region", REGIONS)]
        )
        api = Api(on.net, on.functions, table)
        for region in REGIONS:
            api.deploy(region)
        dns = Route53.of(cloud, on.net)
        dns.record(API, [(api_host(region), dns.health_check(arc, region)) for region in REGIONS])
        self.datasets = (GlobalTableData(cloud, table, DATASET),)
        self.routes = (ApiName(on.net, arc),)
        self.entries = tuple(ApiEntry(cloud, on.functions, region) for region in REGIONS)
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
