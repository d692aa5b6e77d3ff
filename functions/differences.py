"""What differs between two Regions, by key, and what of it has stayed so."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

from .global_tables import some

HERE, THERE = 0, 1
SIDES = (HERE, THERE)
"""The Region that takes over, and the other."""

Digests = Mapping[str, str]
"""Of items, by their keys, each as JSON has the list of its values, with or without their types."""
Pair = Sequence[str | None]
"""The digests under one key, in the Region that takes over and in the other; None where it is missing."""


def salt_of(*words: object) -> str:
    """The digests' salt, of what names a run and its start: 16 bytes, as hexadecimal digits."""
    return hashlib.blake2b(repr(words).encode(), digest_size=hashlib.blake2b.SALT_SIZE).hexdigest()


def shown(key: str) -> str:
    """For people."""
    parts = json.loads(key)
    return "/".join(next(iter(part.values())) if isinstance(part, dict) else part for part in parts)


def different(here: Digests, there: Digests) -> dict[str, Pair]:
    return {
        key: [here.get(key), there.get(key)]
        for key in sorted({*here, *there})
        if here.get(key) != there.get(key)
    }


def stuck(pairs: Mapping[str, Pair], first: Mapping[str, Any] | None) -> Mapping[str, Pair]:
    """What was different at the first look, and has not changed in both Regions since."""
    if first is None:
        return pairs
    before: Mapping[str, Pair] = first.get("different", {})
    return {
        key: pair
        for key, pair in pairs.items()
        if key in before and any(now == then for now, then in zip(pair, before[key], strict=False))
    }


def counts(pairs: Mapping[str, Pair]) -> dict[str, object]:
    here, there, both = _sorted(pairs)
    return {
        "missing_here": len(here),
        "missing_there": len(there),
        "different": len(both),
        "keys": some(map(shown, pairs)),
    }


def told_counts(found: Mapping[str, Any]) -> str:
    """The same in short, of `counts`."""
    kinds = [kind for kind in ("missing_here", "missing_there", "different") if found[kind]]
    numbers = ", ".join(f"{found[kind]} {kind.replace('_', ' ')}" for kind in kinds) or "some differ"
    keys = f" ({found['keys']})" if kinds else ""
    return f"{numbers}{keys}{', ' + found['sample'] if 'sample' in found else ''}"


def told(pairs: Mapping[str, Pair], region: str, other: str) -> str:
    """For people, in the order of `counts`."""
    words = (f"missing in {region}", f"missing in {other}", "different")
    return ", ".join(
        f"{len(keys)} {word} ({some(map(shown, keys))})"
        for word, keys in zip(words, _sorted(pairs), strict=True)
        if keys
    )


def _sorted(pairs: Mapping[str, Pair]) -> tuple[list[str], list[str], list[str]]:
    """The keys that are missing here, missing there, and of different items."""
    here = [key for key, pair in pairs.items() if pair[0] is None]
    there = [key for key, pair in pairs.items() if pair[1] is None]
    return here, there, [key for key, pair in pairs.items() if None not in pair]
