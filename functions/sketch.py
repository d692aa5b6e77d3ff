"""A sketch of items, of a size that says how many differences it tells, whatever the table's size.

It is an invertible Bloom lookup table: each item, as one number, is added to three places, which its digest
picks. Of two Regions' sketches the difference holds only the items that differ; a place with one item alone
gives that item away, and once it is taken out of its other places, some of those have one item alone. So all
of them come out, as long as they are not more than about four in five of the places. Nothing else is said
about a table, and nothing relies on what its segments hold. Source: Goodrich and Mitzenmacher, Invertible
Bloom Lookup Tables (arXiv 1101.2245); Eppstein and others, What's the Difference? (SIGCOMM 2011).

An item's number: its digest, 8 bytes of its key's hash, and 8 that only an item's number has.
"""

from __future__ import annotations

import hashlib
import math
from collections import deque
from collections.abc import Callable, Container, Iterator, Sequence

from .digests import DIGEST_BYTES, LEAVES, Key, Row, Sums, digests, keys

HASH_BYTES = 8
WIDTH = DIGEST_BYTES + 2 * HASH_BYTES
WHOLE = 1 << 8 * WIDTH
SIZES = (64, 256, 1024)
"""Of a third of the places, which one of an item's three is in."""
FULL = 0.6
"""Items of a place, as many as are sure to come out: the limit is 0.82."""


def size_for(filled: int) -> int:
    """How large a third must be, where so many leaves differ."""
    empty = LEAVES - filled
    differ = LEAVES * math.log(LEAVES / empty) if empty else math.inf
    return next((size for size in SIZES if differ <= 3 * size * FULL), SIZES[-1])


def empty(size: int) -> Sums:
    return Sums.none(3 * size, WIDTH)


def with_items(sketch: Sums, rows: Sequence[Row], names: Sequence[str], salt: str, share: int) -> Sums:
    """With more items, which are in their one spelling: those of one key in `share`."""
    added = Sums(sketch.places.copy(), WIDTH)
    key_of, digest_of, hashed = keys(names), digests(salt), hashes(salt)
    for row in rows:
        key_hash = hashed(key_of(row))
        if key_hash % share == 0:
            _put(added, _number(digest_of(row), key_hash), 1)
    return added


def differing(sketch: Sums) -> frozenset[int] | None:
    """The hashes of the keys of which a difference is a sketch. None where they are too many to tell."""
    left = Sums(sketch.places.copy(), WIDTH)
    found, due = set(), deque(range(len(left.places)))
    while due:
        at = due.popleft()
        for times, number in ((1, left.places[at]), (-1, WHOLE - left.places[at])):
            if left.places[at] and _is_item(number) and at in _places(number, left):
                _put(left, number, -times)
                due.extend(_places(number, left))
                found.add(number >> 8 * HASH_BYTES & (1 << 8 * HASH_BYTES) - 1)
    return None if left.filled else frozenset(found)


def entries(
    rows: Sequence[Row], names: Sequence[str], salt: str, only: Container[int] | None = None
) -> Iterator[tuple[Key, int]]:
    """Keys and digests of items in their one spelling: all, or those whose keys have `only` these hashes."""
    key_of, digest_of, hashed = keys(names), digests(salt), hashes(salt)
    for row in rows:
        key = key_of(row)
        if only is None or hashed(key) in only:
            yield key.decode(), digest_of(row)


def hashes(salt: str) -> Callable[[bytes], int]:
    """What gives a key's hash."""
    salted = bytes.fromhex(salt)
    return lambda key: int.from_bytes(
        hashlib.blake2b(key, digest_size=HASH_BYTES, salt=salted).digest(), "big"
    )


def _number(digest: int, key_hash: int) -> int:
    first = digest << 8 * HASH_BYTES | key_hash
    data = first.to_bytes(DIGEST_BYTES + HASH_BYTES, "big")
    return first << 8 * HASH_BYTES | int.from_bytes(
        hashlib.blake2b(data, digest_size=HASH_BYTES).digest(), "big"
    )


def _is_item(number: int) -> bool:
    first = number >> 8 * HASH_BYTES
    mask = (1 << 8 * HASH_BYTES) - 1
    return 0 < number < WHOLE and _number(first >> 8 * HASH_BYTES, first & mask) == number


def _places(number: int, sketch: Sums) -> tuple[int, int, int]:
    third, digest = len(sketch.places) // 3, number >> 16 * HASH_BYTES
    return digest % third, third + (digest >> 32) % third, 2 * third + (digest >> 64) % third


def _put(sketch: Sums, number: int, times: int) -> None:
    for at in _places(number, sketch):
        sketch.places[at] = (sketch.places[at] + times * number) % WHOLE
