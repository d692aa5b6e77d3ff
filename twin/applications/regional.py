"""What applications with an API of Lambda functions in each Region have in common: in the five words their
entries and their routes."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from ..cloud import Cloud
from ..services.arc.model import Cluster
from ..services.lambda_.model import Functions


class FunctionEntry:
    """A Region's API, all of whose writes come through one function."""

    def __init__(
        self,
        cloud: Cloud,
        functions: Functions,
        region: str,
        address: str,
        function: str,
        datasets: tuple[str, ...],
    ) -> None:
        self.region, self.address, self.datasets = region, address, datasets
        self._cloud, self._function = cloud, functions.function(region, function)

    def is_open(self) -> bool:
        """Neither dark nor throttled to nothing."""
        return self._function.reserved != 0 and not self._cloud.faults.is_dark(self.region)

    def glance(self) -> object:
        return self._function.reserved


class ControlledName:
    """A name of which routing controls, one a Region, say where it is to lead."""

    def __init__(self, name: str, arc: Cluster, led_to: Callable[[], set[str]]) -> None:
        """`led_to` gives the Regions to which the name leads somebody now."""
        self.name, self._arc, self._led_to = name, arc, led_to

    def intent(self) -> Mapping[str, float]:
        return _shared({region for region, state in self._arc.states.items() if state == "On"})

    def led_to(self) -> Mapping[str, float]:
        return _shared(self._led_to())

    def glance(self) -> object:
        return tuple(self._arc.states.values())


def _shared(regions: set[str]) -> dict[str, float]:
    return {region: 1 / len(regions) for region in sorted(regions)}
