"""The route of a stand-in whose runbook leads nobody: customers try one Region, and then the other."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from ..furnishing import Kept


class OwnChoice:
    """They go wherever they are let in and their write is taken."""

    name = "customers' own choice"

    def __init__(
        self, regions: Sequence[str], lets_in: Callable[[str], bool], datasets: Sequence[Kept]
    ) -> None:
        self._regions, self._lets_in, self._datasets = regions, lets_in, datasets

    def intent(self) -> Mapping[str, float]:
        """Nobody sets where they go: to either."""
        return dict.fromkeys(self._regions, 1 / len(self._regions))

    def led_to(self) -> Mapping[str, float]:
        found = [region for region in self._regions if self._lets_in(region) and self._is_taken(region)]
        return {region: 1 / len(found) for region in found}

    def glance(self) -> object:
        return None

    def _is_taken(self, region: str) -> bool:
        return all(region in dataset.writers() for dataset in self._datasets)
