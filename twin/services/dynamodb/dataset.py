"""A global table as a dataset of an application: every Region writes, and the last writer of an item wins."""

from __future__ import annotations

from collections.abc import Sequence

from ...application import Fate, Promise
from ...cloud import Cloud
from .global_table import GlobalTable


class GlobalTableData:
    """A promise of it is kept under the name that its write has in the table."""

    many_writers = True

    def __init__(self, cloud: Cloud, table: GlobalTable, name: str) -> None:
        self.name = name
        self._cloud, self._table = cloud, table

    def writers(self) -> set[str]:
        return {region for region in self._table.regions if not self._cloud.faults.is_dark(region)}

    def caught_up(self, region: str) -> bool:
        return True

    def lag(self, region: str) -> float:
        return self._table.lag(region)

    def fates(self, promises: Sequence[Promise]) -> dict[Promise, Fate]:
        """Lost is what no Region has that can be reached."""
        table = self._table
        missing = [{write.name for write in table.missing(region)} for region in self.writers()]
        lost = set[str].intersection(*missing) if missing else {promise.name for promise in promises}
        overwritten = {write.name for write in table.overwritten}
        late = {write.name for write in table.late}

        def fate(name: str) -> Fate:
            if name in lost:
                return "lost"
            return "overwritten" if name in overwritten else "late" if name in late else "kept"

        return {promise: fate(promise.name) for promise in promises}

    def stall(self) -> None:
        self._table.hold()

    def resume(self) -> None:
        self._table.release()

    def glance(self) -> object:
        return None
