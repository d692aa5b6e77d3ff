"""Digests of a DynamoDB table's items, by which two Regions compare a whole table and exchange no item.

An item's digest is 128 bits of salted BLAKE2b over its canonical bytes. Digests are added up, modulo 2^128,
in 64 leaves, by their own last bits: what is equal has equal sums, and how many leaves differ says about how
many items do. A sum and no exclusive or, since a Scan may give twice what is written meanwhile, and that must
not cancel itself. Sums can be added and subtracted, so a table may be read in any pieces and in any order.
Which items differ is told by a sketch of them (sketch.py).

The salt is of one run, and whoever can read that run's ARN can work it out: it is no secret. It need not be
one. Sums of digests whose salt is known can be aimed (that is Wagner's generalized birthday problem, and not
hard for who may write many items), but who aims must know the salt before the items are written and scanned,
and nobody knows the name of an execution that has not begun. Who reads it then and writes meanwhile has the
minutes of a scan for it, needs Regions that do not replicate each other, and hides no difference but those of
items that are his to write.

Numbers have one spelling, sets no order, and binary is compared as DynamoDB's JSON has it, in base64. Nearly
all pages have neither a set nor a number that is spelled otherwise, which one look at a page's bytes tells:
then an item is parsed, written again in the order of its names, and hashed, and nothing else. Source:
docs.aws.amazon.com/amazondynamodb/latest/developerguide, Programming.LowLevelAPI.html and
HowItWorks.NamingRulesDataTypes.html
"""

from __future__ import annotations

import base64
import gc
import hashlib
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from operator import itemgetter
from typing import Any

import orjson

LEAVES = 64
"""Of a table: 1 KB of sums for any part of it."""
DIGEST_BYTES = 16

_SET = re.compile(rb'S"\s*:\s*\[')
_ODD = re.compile(rb'"N"\s*:\s*"(?!(?:0|-?(?:[1-9][0-9]*|(?:0|[1-9][0-9]*)\.[0-9]*[1-9]))")')
"""A number that is not spelled in the shortest way. A quotation mark within a text is escaped, so that no
text looks so, or like a set."""
_SETS = ("SS", "NS", "BS")

Key = str
"""An item's: the JSON list of its values, each under its type, in the order of the table's key schema."""


Row = Mapping[str, Any]
"""An item as DynamoDB's JSON has it."""


@dataclass
class Sums:
    """Numbers of so many bytes, added up in places."""

    places: list[int]
    width: int

    @classmethod
    def none(cls, places: int = LEAVES, width: int = DIGEST_BYTES) -> Sums:
        return cls([0] * places, width)

    def unpacked(self, text: str) -> Sums:
        """Others of the same places and width. Raises ValueError for what `packed` has not written."""
        data, width = base64.b64decode(text, validate=True), self.width
        if len(data) != len(self.places) * width:
            raise ValueError(f"{len(data)} bytes, where {len(self.places)} sums have {width} bytes each")
        every = range(0, len(data), width)
        return Sums([int.from_bytes(data[at : at + width], "big") for at in every], width)

    def packed(self) -> str:
        return base64.b64encode(b"".join(each.to_bytes(self.width, "big") for each in self.places)).decode()

    def plus(self, other: Sums, times: int = 1) -> Sums:
        """-1 times is the difference: its places are 0 where both have the same items."""
        pairs = zip(self.places, other.places, strict=True)
        return self._of(mine + times * theirs for mine, theirs in pairs)

    def with_digests(self, rows: Sequence[Row], salt: str) -> Sums:
        """With those of more items, which are in their one spelling, in leaves."""
        places, digest_of, count = self.places.copy(), digests(salt), len(self.places)
        for row in rows:
            digest = digest_of(row)
            places[digest % count] += digest
        return self._of(places)

    def _of(self, places: Iterable[int]) -> Sums:
        return Sums([each % self.whole for each in places], self.width)

    @property
    def filled(self) -> int:
        """Places that are not 0: of a difference, those in which the items are not the same."""
        return sum(map(bool, self.places))

    @property
    def root(self) -> int:
        return sum(self.places) % self.whole

    @property
    def whole(self) -> int:
        """What they are counted by: a number and this more are one."""
        return 1 << 8 * self.width


def digests(salt: str) -> Callable[[Row], int]:
    """What gives an item's digest."""
    blake2b, salted, dumps, number = hashlib.blake2b, bytes.fromhex(salt), orjson.dumps, int.from_bytes
    return lambda row: number(
        blake2b(dumps(row, None, orjson.OPT_SORT_KEYS), digest_size=DIGEST_BYTES, salt=salted).digest(), "big"
    )


def keys(names: Sequence[str]) -> Callable[[Row], bytes]:
    """What gives an item's `Key`, as bytes. It raises KeyError for an item without one."""
    dumps = orjson.dumps
    if len(names) > 1:
        values = itemgetter(*names)
        return lambda row: dumps(values(row))
    (name,) = names
    return lambda row: dumps([row[name]])


@contextmanager
def many_small_parts() -> Iterator[None]:
    """What JSON is made of holds no circles: while pages of it are read, Python need not look for any, which
    would take nearly half of the time."""
    looks = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if looks:
            gc.enable()


def rows_of(body: bytes, *path: str) -> tuple[Mapping[str, Any], Sequence[Row]]:
    """An answer of DynamoDB, as it came, and its items, which are under `path`, in their one spelling. Raises
    ValueError, KeyError or TypeError for what is none."""
    answer = found = orjson.loads(body)
    for name in path:
        found = found[name]
    if _SET.search(body) or _ODD.search(body):
        found = [{name: _spelled(each) for name, each in row.items()} for row in found]
    return answer, found


def _spelled(value: Mapping[str, Any]) -> Any:
    """One value under its type, in its one spelling."""
    ((kind, given),) = value.items()
    if kind == "N":
        return {kind: _number(given)}
    if kind in _SETS:
        return {kind: sorted(map(_number, given) if kind == "NS" else given)}
    if kind == "L":
        return {kind: [_spelled(each) for each in given]}
    if kind == "M":
        return {kind: {name: _spelled(each) for name, each in given.items()}}
    return value


def _number(text: str) -> str:
    """At most 38 digits, and up to 130 zeros before or behind them."""
    number = f"{Decimal(text):f}"
    number = number.rstrip("0").rstrip(".") if "." in number else number
    return "0" if number in ("-0", "") else number
