"""Mythical Mysfits in the five words of twin/application.py, as far as others do not share them."""

from __future__ import annotations

from botocore.exceptions import ConnectTimeoutError

from ...application import Refusal, Visitor
from ...cloud import Cloud
from ...services.dynamodb.global_table import GlobalTable
from ...services.elbv2.model import LoadBalancer
from .containers import MYSFITS

DATASET = "likes"


class BalancerEntry:
    """A Region's load balancer: likes are written by the tasks behind it."""

    datasets = (DATASET,)

    def __init__(self, cloud: Cloud, region: str, balancer: LoadBalancer) -> None:
        self.region, self.address = region, balancer.host
        self._cloud, self._balancer = cloud, balancer

    def is_open(self) -> bool:
        """Each of its target groups has a healthy target, and the Region is not dark."""
        return self._balancer.healthy() and not self._cloud.faults.is_dark(self.region)

    def glance(self) -> object:
        return self._balancer.healthy()


class Likes:
    """The workshop's load test: a like of any mysfit, again and again."""

    dataset, pace = DATASET, (1.0, 3.0)

    def __init__(self, table: GlobalTable, dns: str) -> None:
        self._table, self._dns = table, dns

    def visit(self, visitor: Visitor) -> None:
        mysfit = visitor.dice.choice(MYSFITS)
        answer = visitor.ask("POST", f"http://{self._dns}/mysfits/{mysfit}/like")
        visitor.promised(answer["like"], DATASET, mysfit, answer["region"])

    def write(self, region: str, key: str) -> None:
        """A mysfit of its own, past the load balancer."""
        try:
            self._table.put(region, key, {"Likes": 1}, f"{DATASET} {key}")
        except ConnectTimeoutError as silence:
            raise Refusal(str(silence)) from None
