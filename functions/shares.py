"""The shares of a sweep: the segments that one child of its Map reads, tick after tick.

The machine hands a share on from tick to tick, so what one tick has read the next one need not: nothing is
kept in the ledger, and a redrive goes on where the child stood. A tick reads one segment, in both Regions
side by side, by the function itself in each. As in comparison.py there are three passes, for sums, a sketch,
and keys; sums and sketch are added up over all shares, and nothing relies on a segment holding the same keys
in both Regions. Where it does, what is the same there needs no second reading; and where more differs than a
sketch of the table tells, the sketch of each share tells of that share.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from . import sketch
from .calls import Silence
from .comparison import SEGMENT_BYTES, Part, Told, no_sums
from .differences import HERE, SIDES
from .digests import Key, Sums
from .errors import Refused
from .later import Later
from .whole_tables import ASK_ITSELF, asked, said
from .world import World

MOST_SHARES = 1000
"""Of a table, unless one share would be read in more ticks than MOST_TICKS. So each gets its child in a map
of them that is read from one object, and their results fit into a reduce."""
MOST_TICKS = 1000
"""A child's history holds 25,000 events, and a tick with its pause writes nine of them.
Source: docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html"""
MOST_KEY_BYTES = 150_000
"""Of the keys that differ in one share: Step Functions hands on 256 KB, and up to 75 KB are the hashes of as
many keys as a sketch tells."""
LARGEST = 1536
"""A third of a share's sketch: 197 KB, which Step Functions hands on, too. A key takes two of the items that
it tells where both Regions have one, so that it tells of 1,300 keys for sure."""
PLACE_BYTES = sketch.WIDTH * 4 // 3
"""Of a sketch's place, as JSON has it."""

MORE, READ = "more", "read"
"""The words of a share that goes on, and of one that is read to its end."""

BOTH_KEYS = tuple[str | None, ...]


@dataclass(frozen=True)
class Plan:
    """What holds for all shares of one sweep."""

    prefix: str = ""
    """Of the keys of all that it writes."""
    key: str = ""
    """Of the object that lists the shares."""
    shares: int = 0
    segments: int = 0
    names: tuple[str, ...] = ()
    """The attributes of the table's key."""
    salt: str = ""
    size: int = 0
    """A third of a share's sketch; 0 until the sums are known, or where none is needed."""
    items: tuple[int, ...] = (0, 0)
    outcome: str = ""


@dataclass(frozen=True)
class Share:
    """As the machine hands it on. Pairs are of the Region that takes over, and of the other."""

    number: int = 0
    left: tuple[int, ...] = ()
    """The segments that are still to be read; the first may be under way."""
    only: tuple[str, ...] = ()
    """The hashes of the keys that are searched for, once they are known."""
    after: tuple[str, ...] = ("", "")
    """Where that goes on."""
    ended: tuple[bool, ...] = (False, False)
    """Whether it is read to its end."""
    root: str = "0"
    """Of its difference so far."""
    items: tuple[int, ...] = (0, 0)
    sums: str = ""
    """The difference of all that is read; "" for none."""
    unequal: tuple[int, ...] = ()
    """Segments that do not hold the same in both Regions."""
    keys: Mapping[Key, BOTH_KEYS] = field(default_factory=dict)
    """Of those that are searched for, the ones of which the Regions do not say the same."""
    in_flight: tuple[Key, ...] = ()
    """Of these, those that somebody was writing when they were looked at."""
    units: float = 0.0
    """Read capacity units that the last tick has consumed, in the Region that took more."""
    pause: int = 1
    """Seconds until the next tick, so that the rate is kept."""
    outcome: str = MORE

    def as_json(self) -> dict[str, Any]:
        return vars(self) | {"keys": dict(self.keys)}

    def take(self, side: int, told: Told) -> Share:
        """With what was read of its first segment, on that side."""
        sign, after, ended = 1 if side == HERE else -1, list(self.after), list(self.ended)
        after[side], ended[side] = told.after, not told.after
        more = replace(self, after=tuple(after), ended=tuple(ended))
        if not self.only:
            items, none = list(self.items), Sums.none(len(told.sums.places), told.sums.width)
            items[side] += told.items
            sums = self.difference(none).plus(told.sums, sign)
            root = (int(self.root, 16) + sign * told.sums.root) % told.sums.whole
            packed = sums.packed() if sums.filled else ""
            more = replace(more, items=tuple(items), sums=packed, root=f"{root:x}")
        return replace(more, keys=_joined(self.keys, told.keys, side), units=self.units + told.units)

    def difference(self, none: Sums) -> Sums:
        """Of all that is read, where `none` is that of nothing. Raises Refused where it is no such thing."""
        try:
            return none.unpacked(self.sums) if self.sums else none
        except ValueError as error:
            raise Refused(f"share {self.number}: its sums are none: {error}") from None

    def turned(self) -> Share:
        """To the next segment, where the first is read on both sides."""
        if not all(self.ended):
            return self
        unequal = (*self.unequal, self.left[0]) if int(self.root, 16) else self.unequal
        left, fresh = self.left[1:], Share()
        return replace(
            self,
            left=left,
            after=fresh.after,
            ended=fresh.ended,
            root=fresh.root,
            unequal=unequal,
            outcome=MORE if left else READ,
        )


def _joined(keys: Mapping[Key, BOTH_KEYS], told: Mapping[Key, str], side: int) -> Mapping[Key, BOTH_KEYS]:
    """Without those that are the same on both sides."""
    joined = dict(keys)
    for key, digest in told.items():
        pair = list(joined.get(key, (None, None)))
        pair[side] = digest
        joined[key] = tuple(pair)
        if pair[0] == pair[1]:
            del joined[key]
    return joined


def read_on(
    world: World, plan: Plan, share: Share, regions: Sequence[str], itself: Sequence[Later], pace: float
) -> Share | Silence:
    """The share after this tick; or why nothing could be read. Raises Refused where it finds too much."""
    before, silence = share, Silence("nobody was asked")
    share, none = replace(share, units=0.0), no_sums(plan.size, share.only)
    units = [0.0, 0.0]
    for _ in range(ASK_ITSELF.asks or 1):
        due = [side for side in SIDES if share.left and not share.ended[side]]
        if not due:
            break
        parts = [_part(plan, share, side, regions[side]) for side in due]
        sights = world.ask(*(asked(world, itself, part) for part in parts))
        for side, sight in zip(due, sights, strict=True):
            told = said(sight, regions[side], none)
            if isinstance(told, Silence):
                silence = told
            else:
                share = share.take(side, told)
                units[side] += told.units
    if len(json.dumps(share.keys)) > MOST_KEY_BYTES:
        raise Refused(
            f"share {share.number}: {len(share.keys)} keys differ up to its segment {share.left[0]}, and it "
            "names no more: wait until replication has caught up, or write more `segments`"
        )
    if (share.ended, share.after) == (before.ended, before.after):
        return silence
    pause = max(1, math.ceil(max(units) / pace))
    return replace(share.turned(), units=max(units), pause=pause)


def _part(plan: Plan, share: Share, side: int, region: str) -> Part:
    after, size, only = share.after[side], plan.size, share.only
    return Part(region, share.left[0], plan.segments, plan.names, plan.salt, after, size, only=only)


def shares_of(segments: int, size: int) -> list[dict[str, Any]]:
    """A table's segments in shares of about the same size; `size` is the table's, in bytes."""
    count = min(segments, max(MOST_SHARES, math.ceil(size / (MOST_TICKS * SEGMENT_BYTES))))
    bounds = [segments * place // count for place in range(count + 1)]
    return [
        {"number": number, "left": list(range(bounds[number], bounds[number + 1]))} for number in range(count)
    ]


def size_of(shares: int, most_bytes: int) -> int:
    """A third of the sketch of each, so that a reduce can read them: a third of what it reads is for the rest
    of the results."""
    return max(1, min(LARGEST, most_bytes * 2 // 3 // (shares * 3 * PLACE_BYTES)))


def searched(shares: Sequence[Share], size: int) -> list[dict[str, Any]]:
    """The shares to search, of those that were sketched, each for which keys' hashes. Raises Refused where
    that cannot be told: no part of what differs is taken for all."""
    none = sketch.empty(size)
    together = none
    for share in shares:
        together = together.plus(share.difference(none))
    every, found = sketch.differing(together), list[dict[str, Any]]()
    for share in shares:
        only = sketch.differing(share.difference(none)) if every is None else every
        if only is None:
            raise Refused(
                f"more differs than sketches of {3 * size} places tell, in all shares together and in share "
                f"{share.number}: wait until replication has caught up, and start the sweep anew; if it has, "
                "write more `segments`, or restore the table"
            )
        if only and share.unequal:
            hashes = [f"{each:x}" for each in sorted(only)]
            found.append({"number": len(found), "left": list(share.unequal), "only": hashes})
    return found
