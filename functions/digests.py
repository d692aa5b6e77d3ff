"""Digests of a DynamoDB table's items, by which two Regions compare a whole table and exchange no item.

A tree of three levels: the sum of all leaves, the leaves, and the keys. An item's digest is 128 bits of keyed
BLAKE2b over its canonical bytes; its key picks its leaf; a leaf is the sum of its items' digests, modulo
2^128. A sum and no exclusive or, since a Scan may give twice what is written meanwhile, and that must not
cancel itself. Sums can be added and subtracted, so a table may be read in any pieces and in any order.

The digests' key (`salt_of`) is of one run, and whoever can read that run's ARN can work it out: it is no
secret. It need not be one. Sums of digests whose key is known can be aimed (that is Wagner's generalized
birthday problem, and not hard for who may write many items), but who aims must know the key before the items
are written and scanned, and nobody knows the name of an execution that has not begun. Who reads it then and
writes meanwhile has the minutes of a scan for it, needs Regions that do not replicate each other, and hides
no difference but those of items that are his to write.

Numbers have one spelling, sets no order, and binary is compared as DynamoDB's JSON has it, in base64. Source:
docs.aws.amazon.com/amazondynamodb/latest/developerguide, Programming.LowLevelAPI.html and
HowItWorks.NamingRulesDataTypes.html
"""

from __future__ import annotations

import base64
import hashlib
import re
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import orjson

LEAVES = 256
"""Of a table: 4 KB of digests for any part of it."""
DIGEST_BYTES = 16
WHOLE = 1 << 8 * DIGEST_BYTES

_SET = b'S":['
_ODD = re.compile(rb'"N":"(?!(?:0|-?(?:[1-9][0-9]*|(?:0|[1-9][0-9]*)\.[0-9]*[1-9]))")')
"""A number that is not spelled in the shortest way. A quotation mark within a text is escaped, so that no
text looks so, or like a set."""
_SETS = ("SS", "NS", "BS")

Key = str
"""An item's: the JSON list of its values, each under its type, in the order of the table's key schema."""


def salt_of(*words: object) -> str:
    """The digests' key, of what names a run and its start."""
    return hashlib.blake2b(repr(words).encode(), digest_size=16).hexdigest()


@dataclass
class Sums:
    """The digests of some items, added up by leaves."""

    leaves: list[int]
    items: int = 0

    @classmethod
    def none(cls) -> Sums:
        return cls([0] * LEAVES)

    @classmethod
    def unpacked(cls, text: str, items: int = 0) -> Sums:
        """Raises ValueError for what `packed` has not written."""
        data = base64.b64decode(text, validate=True)
        if len(data) != LEAVES * DIGEST_BYTES:
            raise ValueError(f"{len(data)} bytes, where {LEAVES} digests have {LEAVES * DIGEST_BYTES}")
        places = range(0, len(data), DIGEST_BYTES)
        return cls([int.from_bytes(data[at : at + DIGEST_BYTES], "big") for at in places], items)

    def packed(self) -> str:
        return base64.b64encode(b"".join(leaf.to_bytes(DIGEST_BYTES, "big") for leaf in self.leaves)).decode()

    def add(self, key: bytes, digest: int) -> None:
        leaf = leaf_of(key)
        self.leaves[leaf] = (self.leaves[leaf] + digest) % WHOLE
        self.items += 1

    def plus(self, other: Sums, times: int = 1) -> Sums:
        """-1 times is the difference: its leaves are 0 where both have the same items."""
        pairs = zip(self.leaves, other.leaves, strict=True)
        return Sums([(mine + times * theirs) % WHOLE for mine, theirs in pairs], self.items + other.items)

    @property
    def filled(self) -> tuple[int, ...]:
        """The leaves that are not 0: of a difference, those in which the items are not the same."""
        return tuple(leaf for leaf, sum_ in enumerate(self.leaves) if sum_)

    @property
    def root(self) -> int:
        return sum(self.leaves) % WHOLE


def leaf_of(key: bytes) -> int:
    return zlib.crc32(key) % LEAVES


def entries(
    rows: Sequence[Mapping[str, Any]], names: Sequence[str], salt: str
) -> Iterator[tuple[bytes, int]]:
    """Of items as DynamoDB's JSON has them: each one's key, as `Key`, and its digest. `names` are the
    attributes of the key. Raises KeyError for an item without one."""
    blake2b, key, number = hashlib.blake2b, salt.encode(), int.from_bytes
    for row in rows:
        digest = blake2b(canonical(row), digest_size=DIGEST_BYTES, key=key).digest()
        yield canonical([row[name] for name in names]), number(digest, "big")


def rows_of(body: bytes) -> Mapping[str, Any]:
    """An answer of DynamoDB, as it came. Raises ValueError for what is none."""
    answer = orjson.loads(body)
    if not isinstance(answer, dict):
        raise ValueError("an answer that is no JSON object")
    return answer


def canonical(value: Mapping[str, Any] | Sequence[Mapping[str, Any]]) -> bytes:
    """The same for the same item, or the same list of values, however it is spelled."""
    plain = orjson.dumps(value, None, orjson.OPT_SORT_KEYS)
    if _SET not in plain and _ODD.search(plain) is None:
        return plain
    if isinstance(value, Mapping):
        spelled: Any = {name: _spelled(each) for name, each in value.items()}
    else:
        spelled = [_spelled(each) for each in value]
    return orjson.dumps(spelled, None, orjson.OPT_SORT_KEYS)


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
