"""Global Accelerator: static addresses at the edge, before a load balancer in each of some Regions.

The data plane is at the edge, and lives while any Region does; the control plane lives in us-west-2 alone.
A new connection goes to the nearest endpoint group, as far as that one's dial lets it, else to the next one;
and where that group is not healthy, to the nearest that is, whatever the dials say, 0 included. Where none
is, to the nearest of all. Connections that stand stay where they are. Sources:
docs.aws.amazon.com/global-accelerator/latest/dg/about-endpoint-groups-traffic-dial.html,
docs.aws.amazon.com/global-accelerator/latest/dg/about-endpoints-endpoint-weights.unhealthy-endpoints.html,
docs.aws.amazon.com/global-accelerator/latest/api/API_UpdateEndpointGroup.html
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

from urllib3.exceptions import HTTPError

from ...cloud import ACCOUNT, Answer, AwsError, Cloud, Operation
from ...faults import Request
from ...net import HttpAnswer, HttpRequest, Net
from ...service import APART, WIRING, Service, Stateful, register, seconds_until

BALANCER = "elasticloadbalancing"
CHECK_SECONDS = 10
CHECKS = 3
"""So many in a row change an endpoint's health."""
IDLE_SECONDS = 30.0
"""Longer than any caller waits: a Region that is dark does not answer, and the edge says nothing itself."""


class Endpoint(Protocol):
    """What an endpoint group leads to: a load balancer, as far as the edge sees of it."""

    @property
    def host(self) -> str: ...
    @property
    def arn(self) -> str: ...
    def healthy(self) -> bool: ...


@dataclass(frozen=True)
class Names:
    """What AWS has called an accelerator, and its endpoint groups by Region."""

    arn: str
    dns: str
    groups: Mapping[str, str]

    @classmethod
    def of(cls, number: int, regions: Iterable[str]) -> Names:
        arn = f"arn:aws:globalaccelerator::{ACCOUNT}:accelerator/{number:08x}-0000-4000-8000-000000000000"
        groups = {
            region: f"{arn}/listener/{number:08x}/endpoint-group/{place:012x}"
            for place, region in enumerate(regions)
        }
        return cls(arn, f"a{number:016x}.awsglobalaccelerator.com", groups)


class EndpointGroup(Stateful):
    """The load balancer of a Region, with its dial and its health as the edge sees it."""

    not_state: ClassVar = {"region": WIRING, "arn": WIRING, "balancer": APART}

    def __init__(self, region: str, arn: str, balancer: Endpoint, dial: float) -> None:
        self.region, self.arn, self.balancer = region, arn, balancer
        self.dial = self.edge_dial = dial
        """As it is set, and as the edge has it yet."""
        self.healthy = True
        self.against = 0
        """Checks in a row that have said otherwise."""
        self.credit = 0.0
        """Of its dial, in percent, what the next connection may use."""

    def state(self) -> object:
        return self.dial, self.edge_dial, self.healthy, self.against, self.credit

    def check(self, well: bool) -> None:
        self.against = 0 if well == self.healthy else self.against + 1
        if self.against == CHECKS:
            self.healthy, self.against = well, 0

    def takes(self) -> bool:
        """One more connection, by its dial: of a hundred, as many as that says."""
        self.credit += self.edge_dial
        taken = self.credit >= 100
        self.credit -= 100 * taken
        return taken

    def description(self) -> dict[str, Any]:
        health = {"HealthState": "HEALTHY" if self.healthy else "UNHEALTHY"}
        endpoint = {"EndpointId": self.balancer.arn, "Weight": 128, **health}
        return {
            "EndpointGroupArn": self.arn,
            "EndpointGroupRegion": self.region,
            "TrafficDialPercentage": self.dial,
            "EndpointDescriptions": [endpoint],
        }


class Accelerator(Stateful):
    """One accelerator with one listener."""

    not_state: ClassVar = {"_cloud": APART, "_net": APART, "name": WIRING, "arn": WIRING, "dns": WIRING}

    def __init__(
        self,
        cloud: Cloud,
        net: Net,
        name: str,
        names: Names,
        balancers: Mapping[str, Endpoint],
        dials: Mapping[str, float],
    ) -> None:
        self._cloud, self._net, self.name = cloud, net, name
        self.arn, self.dns = names.arn, names.dns
        self.groups = {
            region: EndpointGroup(region, names.groups[region], it, dials[region])
            for region, it in balancers.items()
        }
        """By Region, the nearest to most customers first."""
        self.deployed_at = 0.0
        """When the edge has what was changed last, in seconds since 1970."""
        cloud.clock.every(CHECK_SECONDS, self._check)

    def state(self) -> object:
        self._deploy()
        groups = [group.state() for group in self.groups.values()]
        return groups, seconds_until(self.deployed_at, self._cloud.clock.now)

    def change(self, group: EndpointGroup, dial: float) -> None:
        self._deploy()
        if dial != group.dial:
            group.dial = dial
            self.deployed_at = self._cloud.clock.now + self._cloud.latency.draw("globalaccelerator_deployed")

    @property
    def status(self) -> str:
        return "IN_PROGRESS" if self._cloud.clock.now < self.deployed_at else "DEPLOYED"

    def route(self, origin: str) -> EndpointGroup:
        """Where a new connection from a Region, or from "" on the Internet, is led."""
        self._deploy()
        near = sorted(self.groups.values(), key=lambda group: group.region != origin)
        dialled = [group for group in near if group.edge_dial > 0]
        meant = next((group for group in dialled if group.takes()), (dialled or near)[-1])
        if meant.healthy and dialled:
            return meant
        return next((group for group in near if group.healthy), near[0])

    def share(self) -> dict[str, float]:
        """Of new customers on the Internet, those of each Region, by what the edge has now."""
        self._deploy()
        groups = list(self.groups.values())
        dialled = [group for group in groups if group.edge_dial > 0]
        instead = next((group for group in groups if group.healthy), groups[0])
        shares, left = dict.fromkeys(self.groups, 0.0), 1.0
        for group in dialled or groups[-1:]:
            share = left if group is (dialled or groups)[-1] else left * group.edge_dial / 100
            shares[(group if group.healthy and dialled else instead).region] += share
            left -= share
        return shares

    def answer(self, asked: HttpRequest) -> HttpAnswer:
        return self.through(self.route(asked.origin), asked)

    def through(self, group: EndpointGroup, asked: HttpRequest) -> HttpAnswer:
        """Over a connection that leads there, for as long as it stands."""
        with self._cloud.acting_as("", ""):
            try:
                return self._net.request(
                    "",
                    asked.method,
                    f"http://{group.balancer.host}{asked.path}",
                    asked.body,
                    connect_timeout=IDLE_SECONDS,
                    read_timeout=IDLE_SECONDS,
                )
            except HTTPError:
                return 504, b""  # by now nobody waits for it

    def _check(self) -> None:
        for group in self.groups.values():
            region, host, faults = group.region, group.balancer.host, self._cloud.faults
            ill = faults.is_dark(region, BALANCER, host) or faults.ailment(region, BALANCER, host)
            group.check(group.balancer.healthy() and not ill)

    def _deploy(self) -> None:
        if self._cloud.clock.now >= self.deployed_at:
            for group in self.groups.values():
                group.edge_dial = group.dial


class GlobalAccelerator(Service):
    """Every accelerator."""

    service: ClassVar = "globalaccelerator"
    not_state: ClassVar = {"cloud": APART, "_net": APART}

    def __init__(self, cloud: Cloud, net: Net) -> None:
        super().__init__(cloud)
        self._net = net
        self.accelerators: dict[str, Accelerator] = {}
        """By name."""

    def operations(self) -> Mapping[str, Operation]:
        return {
            "DescribeAccelerator": self._describe,
            "DescribeEndpointGroup": self._describe_group,
            "UpdateEndpointGroup": self._update,
        }

    def state(self) -> object:
        return [accelerator.state() for accelerator in self.accelerators.values()]

    def accelerator(
        self,
        name: str,
        balancers: Mapping[str, Endpoint],
        dials: Mapping[str, float] | None = None,
        names: Names | None = None,
    ) -> Accelerator:
        """One more: a load balancer a Region, the nearest to most customers first. What AWS calls it comes of
        its number, unless it is given."""
        full = dict.fromkeys(balancers, 100.0) | dict(dials or {})
        called = names or Names.of(len(self.accelerators) + 1, balancers)
        made = register(
            self.accelerators,
            name,
            lambda: Accelerator(self.cloud, self._net, name, called, balancers, full),
        )
        self._net.serve(made.dns, "", made.answer, service=self.service)
        return made

    def _describe(self, request: Request) -> Answer:
        for it in self.accelerators.values():
            if it.arn == request.parameters["AcceleratorArn"]:
                shown = {"AcceleratorArn": it.arn, "Name": it.name, "Enabled": True, "DnsName": it.dns}
                return {"Accelerator": {**shown, "Status": it.status}}
        raise AwsError("AcceleratorNotFoundException", "There is no such accelerator")

    def _describe_group(self, request: Request) -> Answer:
        return {"EndpointGroup": self._asked(request)[1].description()}

    def _update(self, request: Request) -> Answer:
        if not set(request.parameters) <= {"EndpointGroupArn", "TrafficDialPercentage"}:
            raise NotImplementedError("the twin changes dials only: what else is sent replaces what is there")
        accelerator, group = self._asked(request)
        dial: Any = request.parameters.get("TrafficDialPercentage", group.dial)
        if not 0 <= dial <= 100:
            raise AwsError("InvalidArgumentException", f"A traffic dial of {dial} is not between 0 and 100")
        accelerator.change(group, float(dial))
        return {"EndpointGroup": group.description()}

    def _asked(self, request: Request) -> tuple[Accelerator, EndpointGroup]:
        for accelerator in self.accelerators.values():
            for group in accelerator.groups.values():
                if group.arn == request.parameters["EndpointGroupArn"]:
                    return accelerator, group
        raise AwsError("EndpointGroupNotFoundException", "There is no such endpoint group")
