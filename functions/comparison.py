"""How far the comparison of a whole table has come: which segments are read in each Region, and what differs.

Two passes. The first adds up each item's digest by leaves, here and there, and keeps only the difference:
where that is nothing in the end, the tables are the same, and each was read once. The second asks those
segments that were not the same for the keys in the leaves that differ, and keeps the ones of which the two
Regions do not say the same. Nothing relies on a segment holding the same keys in both Regions, which no page
of AWS says: sums and keys are those of the table. But what is the same in both the second pass need not read.
"""

from __future__ import annotations

import copy
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from .digests import WHOLE, Key, Sums

SEGMENT_BYTES = 2_500_000
"""Of a table in one segment, about: it is read in one go, in pages of 1 MB."""
MOST_SEGMENTS = 1_000_000
"""Source: docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_Scan.html"""
SIDE_BY_SIDE = 8
"""Segments that are read at once."""
NOTE_BYTES = 300_000
"""Of keys in the ledger: an item of its table holds 400 KB.
Source: docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html"""
MOST_NOTED = 1000
"""Differences that are looked at again."""
MOST_UNEQUAL = 10_000
"""Segments that are noted one by one; where more are unequal, the second pass reads all."""

AGAIN_SECONDS = 30
"""After a comparison that found too much: what is under way has arrived by then."""

HERE, THERE = 0, 1
SIDES = (HERE, THERE)
"""The Region that takes over, and the other."""


@dataclass(frozen=True)
class Part:
    """What one invocation reads: a segment of its own Region's table, or what is left of one."""

    region: str
    segment: int
    segments: int
    names: tuple[str, ...]
    """The attributes of the key."""
    salt: str
    only: tuple[int, ...] = ()
    """The leaves whose keys are wanted; without any, the sums of all leaves are."""
    after: str = ""
    """Where it goes on: the last key that was read."""


@dataclass(frozen=True)
class Told:
    """What an invocation has read."""

    items: int
    units: float
    after: str
    """Where it goes on; "" where it is read to its end."""
    sums: Sums | None = None
    keys: Mapping[Key, str] = field(default_factory=dict)

    @classmethod
    def from_json(cls, body: Mapping[str, Any]) -> Self:
        """Raises KeyError, TypeError or ValueError for what no invocation tells."""
        items, after, keys = int(body["items"]), str(body["after"]), dict(body["keys"])
        sums = Sums.unpacked(body["sums"], items) if body["sums"] else None
        return cls(items, float(body["units"]), after, sums, keys)

    def as_json(self) -> dict[str, Any]:
        sums = self.sums.packed() if self.sums is not None else ""
        return vars(self) | {"sums": sums, "keys": dict(self.keys)}


@dataclass
class Open:
    """A segment that is being read, on both sides."""

    after: list[str] = field(default_factory=lambda: ["", ""])
    read: list[bool] = field(default_factory=lambda: [False, False])
    root: int = 0
    """Of its difference so far."""


@dataclass
class Progress:
    """As the ledger has it, and as a look brings it on."""

    names: tuple[str, ...]
    segments: int
    began: float
    """In seconds since 1970; before that, nothing is read."""
    units: list[float] = field(default_factory=lambda: [0.0, 0.0])
    """Read capacity units that were consumed since, on each side."""
    items: list[int] = field(default_factory=lambda: [0, 0])
    """Read by the first pass."""
    started: int = 0
    """Segments of this pass that were begun."""
    open: dict[int, Open] = field(default_factory=dict)
    sums: Sums = field(default_factory=Sums.none)
    """The difference."""
    unequal: list[int] = field(default_factory=list)
    only: tuple[int, ...] = ()
    """Leaves that differ: then this is the second pass."""
    keys: dict[Key, list[str | None]] = field(default_factory=dict)
    """Of what differs so far."""
    looked: bool = False
    """Both passes are over, and the keys are those that differed."""
    before: Mapping[str, Any] = field(default_factory=dict)
    """What differed in a comparison before this one, of which too much did."""

    @classmethod
    def of_table(cls, names: tuple[str, ...], size: int, now: float) -> Self:
        return cls(names, min(max(1, math.ceil(size / SEGMENT_BYTES)), MOST_SEGMENTS), now)

    @classmethod
    def from_json(cls, body: Mapping[str, Any]) -> Self:
        given = copy.deepcopy(dict(body))  # a look changes it, and the ledger keeps what was read
        opened = given["open"].items()
        given["open"] = {int(at): Open(**{**each, "root": int(each["root"], 16)}) for at, each in opened}
        given |= {"names": tuple(body["names"]), "only": tuple(body["only"])}
        return cls(**{**given, "sums": Sums.unpacked(body["sums"]) if body["sums"] else Sums.none()})

    def as_json(self) -> dict[str, Any]:
        opened = {str(at): {**vars(each), "root": f"{each.root:x}"} for at, each in self.open.items()}
        sums = self.sums.packed() if self.sums.filled else ""
        return vars(self) | {"names": list(self.names), "only": list(self.only), "open": opened, "sums": sums}

    def again(self, before: Mapping[str, Any], now: float) -> Progress:
        """From the beginning, in a while, after this one found too much."""
        return Progress(self.names, self.segments, now + AGAIN_SECONDS, before=before)

    @property
    def visited(self) -> range | list[int]:
        """The segments of this pass."""
        return self.unequal if self.only and len(self.unequal) <= MOST_UNEQUAL else range(self.segments)

    @property
    def read(self) -> int:
        """Segments of this pass that are read."""
        return self.started - len(self.open)

    @property
    def same(self) -> bool:
        """Nothing differs, and both Regions have been read to the end."""
        return self.pass_is_over and not (self.keys if self.only else self.sums.filled)

    @property
    def pass_is_over(self) -> bool:
        return self.started == len(self.visited) and not self.open

    @property
    def too_many(self) -> bool:
        """More differs, or may, than the ledger takes."""
        return len(json.dumps(self.keys)) > NOTE_BYTES or (self.looked and len(self.keys) > MOST_NOTED)

    def start(self, rate: float, seconds: float, now: float) -> None:
        """Begins as many segments as may be read in so many seconds; none while more was consumed than `rate`
        (units a second) has allowed so far."""
        if max(self.units) > rate * (now - self.began):
            return
        most = min(SIDE_BY_SIDE, max(1, int(rate * seconds / (SEGMENT_BYTES / 8192))))
        while len(self.open) < most and self.started < len(self.visited):
            self.open[self.visited[self.started]] = Open()
            self.started += 1

    def due(self) -> list[tuple[int, int]]:
        """Segments, and the side on which each is not read to its end."""
        return [(at, side) for at, each in self.open.items() for side in SIDES if not each.read[side]]

    def take(self, segment: int, side: int, told: Told) -> None:
        """What was read of it, on that side."""
        opened = self.open[segment]
        opened.after[side], opened.read[side] = told.after, not told.after
        self.units[side] += told.units
        if told.sums is not None and not self.only:
            sign = 1 if side == HERE else -1
            self.items[side] += told.items
            self.sums = self.sums.plus(told.sums, sign)
            opened.root = (opened.root + sign * told.sums.root) % WHOLE
        for key, digest in told.keys.items():
            pair = self.keys.setdefault(key, [None, None])
            pair[side] = digest
            if pair[HERE] == pair[THERE]:
                del self.keys[key]
        if all(opened.read):
            del self.open[segment]
            if opened.root and not self.only and len(self.unequal) <= MOST_UNEQUAL:
                self.unequal.append(segment)

    def turn(self) -> None:
        """To the next pass, where this one is over and something differs."""
        if self.pass_is_over and not self.same and not self.looked:
            if self.only:
                self.looked = True
            else:
                self.only = self.sums.filled
                self.started, self.sums = 0, Sums.none()
                self.unequal.sort()
