"""EC2's subnets, as far as they are described.

Asked for by a filter, those that are there are told; asked for by IDs, EC2 refuses all for one that is
missing, and nobody asks so. Source: docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeSubnets.html
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from ...cloud import Answer, Cloud, Operation
from ...faults import Request
from ...service import APART, Service, register


class Subnets(Service):
    """Every Region's subnets, by Region and ID."""

    service: ClassVar = "ec2"
    not_state: ClassVar = {"cloud": APART}

    def __init__(self, cloud: Cloud) -> None:
        super().__init__(cloud)
        self._vpcs: dict[tuple[str, str], str] = {}
        self._states: dict[tuple[str, str], str] = {}

    def operations(self) -> Mapping[str, Operation]:
        return {"DescribeSubnets": self._describe}

    def state(self) -> object:
        return list(self._vpcs.items()), list(self._states.items())

    def subnet(self, region: str, name: str, vpc: str) -> None:
        """One more, available."""
        self._states[region, name] = register(self._vpcs, (region, name), lambda: vpc) and "available"

    def becomes(self, region: str, name: str, state: str) -> None:
        """Something has happened to it: pending, unavailable, failed."""
        self._states[region, name] = state

    def drop(self, region: str, name: str) -> None:
        """Somebody deletes it."""
        del self._vpcs[region, name], self._states[region, name]

    def _describe(self, request: Request) -> Answer:
        asked: Any = request.parameters
        names = [each["Values"] for each in asked["Filters"] if each["Name"] == "subnet-id"]
        if set(asked) != {"Filters"} or len(asked["Filters"]) != len(names) or len(names) != 1:
            raise NotImplementedError(f"the twin filters subnets by one list of subnet-id only, not {asked}")
        return {
            "Subnets": [
                {"SubnetId": name, "VpcId": vpc, "State": self._states[region, name]}
                for (region, name), vpc in self._vpcs.items()
                if region == request.region and name in names[0]
            ]
        }
