"""How far the comparison of a whole table has come: which segments are read in each Region, and what differs.

Three passes. The first adds up each item's digest, here and there, and keeps only the difference: where that
is nothing in the end, the tables are the same, and each was read once. The second makes a sketch of what
differs, as large as the first says that it must be, which gives the hashes of the keys. The third asks for
the keys of these hashes, and keeps the ones of which the two Regions do not say the same. Where a sketch of
any size is too small, it is made of one key in 16, or in 256 …: the keys are a sample, and are called one.

Nothing relies on a segment holding the same keys in both Regions, which no page of AWS says: sums and sketch
are those of the table. But where a segment is the same in both, the later passes need not read it.
"""

from __future__ import annotations

import base64
import copy
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

from . import sketch
from .differences import HERE, SIDES, THERE
from .digests import DIGEST_BYTES, Key, Sums, rows_of

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
SPARSER = 16
"""Of so many keys one is left, where a sketch was too small."""
MOST_UNEQUAL = 10_000
"""Segments that are noted one by one; where more are unequal, the later passes read all."""

AGAIN_SECONDS = 30
"""After a comparison that found too much: what is under way has arrived by then."""


@dataclass(frozen=True)
class Part:
    """What one invocation reads: a segment of its own Region's table, or what is left of one."""

    region: str
    segment: int
    segments: int
    names: tuple[str, ...]
    """The attributes of the key."""
    salt: str
    after: str = ""
    """Where it goes on: the last key that was read."""
    size: int = 0
    """A third of the sketch that is wanted; without one, the digests' sums are."""
    share: int = 1
    """Of so many keys one is in the sketch."""
    only: tuple[str, ...] = ()
    """The hashes of the keys that are wanted, if any are."""


def no_sums(size: int, only: Sequence[str]) -> Sums:
    """Of the places that a pass asks for."""
    return sketch.empty(size) if size and not only else Sums.none()


def shown(digest: int) -> str:
    """As the ledger has it."""
    return base64.b64encode(digest.to_bytes(DIGEST_BYTES, "big")).decode().rstrip("=")


@dataclass(frozen=True)
class Told:
    """What an invocation has read."""

    items: int
    units: float
    after: str
    """Where it goes on; "" where it is read to its end."""
    sums: Sums
    keys: Mapping[Key, str] = field(default_factory=dict)

    @classmethod
    def from_json(cls, body: Mapping[str, Any], sums: Sums) -> Self:
        """`sums` are of the places that are asked for. Raises KeyError, TypeError or ValueError for what no
        invocation tells."""
        items, after, keys = int(body["items"]), str(body["after"]), dict(body["keys"])
        return cls(items, float(body["units"]), after, sums.unpacked(body["sums"]), keys)

    @classmethod
    def nothing(cls, part: Part) -> Self:
        return cls(0, 0.0, part.after, no_sums(part.size, part.only))

    def and_page(self, body: bytes, part: Part) -> Told:
        """With DynamoDB's answer to a Scan. Raises KeyError, TypeError or ValueError for what is none."""
        answer, rows = rows_of(body, "Items")
        units = self.units + float(answer["ConsumedCapacity"]["CapacityUnits"])
        following = answer.get("LastEvaluatedKey")
        sums, keys = self.sums, self.keys
        if part.only:
            only = {int(each, 16) for each in part.only}
            found = sketch.entries(rows, part.names, part.salt, only)
            keys = {**keys, **{key: shown(digest) for key, digest in found}}
        elif part.size:
            sums = sketch.with_items(sums, rows, part.names, part.salt, part.share)
        else:
            sums = sums.with_digests(rows, part.salt)
        return Told(self.items + len(rows), units, json.dumps(following) if following else "", sums, keys)

    def as_json(self) -> dict[str, Any]:
        return vars(self) | {"sums": self.sums.packed(), "keys": dict(self.keys)}


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
    size: int = 0
    """A third of the sketch: then this is the second pass, or the third."""
    share: int = 1
    """Of so many keys one is in the sketch."""
    only: tuple[str, ...] = ()
    """The hashes of the keys that differ: then this is the third pass."""
    keys: dict[Key, list[str | None]] = field(default_factory=dict)
    """Of what differs so far."""
    looked: bool = False
    """All passes are over, and the keys are those that differed."""
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
        given |= {"names": tuple(body["names"]), "only": tuple(body["only"]), "sums": Sums.none()}
        progress = cls(**given)
        progress.sums = progress.no_sums.unpacked(body["sums"]) if body["sums"] else progress.no_sums
        return progress

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
        return self.unequal if self.size and len(self.unequal) <= MOST_UNEQUAL else range(self.segments)

    @property
    def no_sums(self) -> Sums:
        return no_sums(self.size, self.only)

    def part(self, region: str, segment: int, side: int, salt: str) -> Part:
        """What this pass asks for."""
        after = self.open[segment].after[side]
        wanted = (after, self.size, self.share, self.only)
        return Part(region, segment, self.segments, self.names, salt, *wanted)

    @property
    def read(self) -> int:
        """Segments of this pass that are read."""
        return self.started - len(self.open)

    @property
    def same(self) -> bool:
        """Nothing differs, and both Regions have been read to the end."""
        return self.pass_is_over and self.share == 1 and not (self.keys if self.only else self.sums.filled)

    @property
    def pass_is_over(self) -> bool:
        return self.started == len(self.visited) and not self.open

    @property
    def sampled(self) -> dict[str, str]:
        """A fact, where what is found is not all."""
        return {"sample": f"of one key in {self.share}"} if self.share > 1 else {}

    @property
    def too_many(self) -> bool:
        """More differs, or may, than the ledger takes."""
        if len(json.dumps(self.keys)) > NOTE_BYTES:
            return True
        return self.looked and (self.share > 1 or len(self.keys) > MOST_NOTED)

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
        if not self.only:
            sign = 1 if side == HERE else -1
            self.sums = self.sums.plus(told.sums, sign)
            opened.root = (opened.root + sign * told.sums.root) % told.sums.whole
        if not self.size:
            self.items[side] += told.items
        for key, digest in told.keys.items():
            pair = self.keys.setdefault(key, [None, None])
            pair[side] = digest
            if pair[HERE] == pair[THERE]:
                del self.keys[key]
        if all(opened.read):
            del self.open[segment]
            if opened.root and not self.size and len(self.unequal) <= MOST_UNEQUAL:
                self.unequal.append(segment)

    def turn(self) -> None:
        """To the next pass, where this one is over and something differs."""
        if not self.pass_is_over or self.same or self.looked:
            return
        if self.only:
            self.looked = True
            return
        if not self.size:
            self.size = sketch.size_for(self.sums.filled)
            self.unequal.sort()
        elif (differing := sketch.differing(self.sums)) is not None:
            self.only = tuple(f"{each:x}" for each in sorted(differing))
            self.looked = not differing
        elif self.size < sketch.SIZES[-1]:
            self.size = sketch.SIZES[-1]
        else:
            self.share *= SPARSER
        self.started, self.sums = 0, self.no_sums
