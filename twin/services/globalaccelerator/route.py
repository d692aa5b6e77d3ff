"""An accelerator as a route of an application."""

from __future__ import annotations

from collections.abc import Mapping

from .model import Accelerator


class Dials:
    """The accelerator's name: by its dials, and by the health of what stands behind them."""

    name = "accelerator"

    def __init__(self, accelerator: Accelerator) -> None:
        self._accelerator = accelerator

    def intent(self) -> Mapping[str, float]:
        """Each dial's share; of a Region that is not healthy, it is the other's, if that is."""
        groups = self._accelerator.groups
        dialled = {region: group.dial for region, group in groups.items() if group.dial > 0}
        well = [region for region, group in groups.items() if group.healthy]
        shares: dict[str, float] = {}
        for region, dial in dialled.items():
            led = region if region in well or not well else well[0]
            shares[led] = shares.get(led, 0.0) + dial / sum(dialled.values())
        return shares

    def led_to(self) -> Mapping[str, float]:
        return {region: share for region, share in self._accelerator.share().items() if share}

    def glance(self) -> object:
        return tuple((group.dial, group.healthy) for group in self._accelerator.groups.values())
