"""Evidence that a Region is impaired, source by source, and how much of it is enough.

The linter asks each source who must answer for it, so that what decides in the dark can speak in the dark.
"""

from __future__ import annotations

from typing import Literal, NewType

Quorum = NewType("Quorum", int)
"""How many sources must say yes."""

Says = Literal["yes", "no", "unknown"]
"""Whether a Region is impaired, as a source says: unknown is not yes."""


class Evidence:
    """One source, as a step's inputs hold it: their dataclass derives from this. Its text names it."""

    @property
    def home(self) -> str:
        """The one Region that must answer for it; empty where it is asked from wherever the step runs."""
        raise NotImplementedError

    @property
    def chosen(self) -> bool:
        """The runbook says where it is, and could say another Region."""
        raise NotImplementedError

    def host(self, region: str) -> str:
        """The host that it asks about this Region, for which it alone can speak; empty where it asks none."""
        return ""
