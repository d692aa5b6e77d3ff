"""Whole tables: items a second on one core, digested and the plain way; and the bytes that Regions exchange.

The plain way is botocore's parser for both tables, whose items are then compared in dictionaries. Both get
the same pages of 1 MB as DynamoDB would answer them: what the network takes is not in it.

python -m bench.digests [ITEMS]
"""

from __future__ import annotations

import json
import random
import resource
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

import botocore.session
import orjson
from botocore.parsers import create_parser

from functions.comparison import SEGMENT_BYTES, SIDES, Open, Progress, Told
from functions.digests import Sums, entries, leaf_of, rows_of, salt_of

NAMES = ("PK", "SK")
SALT = salt_of("a run", 1.0)
PAGE_ITEMS, ITEM_BYTES = 5_000, 184
Row = dict[str, Any]


def row(number: int, version: int = 0) -> Row:
    """A small order."""
    line = {"M": {"sku": {"S": f"sku-{number % 331}"}, "n": {"N": "2"}}}
    return {
        "PK": {"S": f"customer#{number % 977}"},
        "SK": {"S": f"order#{number:09d}"},
        "total": {"N": f"{number % 99 + 1}.95"},
        "state": {"S": "PAID"},
        "lines": {"L": [line]},
        "at": {"N": str(1_700_000_000 + number + version)},
    }


def pages(items: int) -> Iterator[bytes]:
    for first in range(0, items, PAGE_ITEMS):
        rows = [row(number) for number in range(first, min(items, first + PAGE_ITEMS))]
        yield orjson.dumps({"Items": rows, "Count": len(rows), "ScannedCount": len(rows)})


def digested(page: bytes, sums: Sums) -> None:
    for key, digest in entries(rows_of(page)["Items"], NAMES, SALT):
        sums.add(key, digest)


def timed(items: int, act: Callable[[bytes], None]) -> float:
    """Seconds of this process, without those in which pages are made."""
    took = 0.0
    for page in pages(items):
        began = time.process_time()
        act(page)
        took += time.process_time() - began
    return took


def ours(items: int) -> float:
    here, there = Sums.none(), Sums.none()
    took = timed(items, lambda page: digested(page, here)) + timed(items, lambda page: digested(page, there))
    assert here.leaves == there.leaves
    return took


def plain(items: int) -> float:
    model = botocore.session.get_session().get_service_model("dynamodb").operation_model("Scan")
    parser = create_parser("json")
    tables: tuple[dict[Any, Row], dict[Any, Row]] = ({}, {})

    def keep(page: bytes, table: dict[Any, Row]) -> None:
        answer = parser.parse({"status_code": 200, "headers": {}, "body": page}, model.output_shape)
        for each in answer["Items"]:
            table[each["PK"]["S"], each["SK"]["S"]] = each

    took = sum(timed(items, lambda page, table=table: keep(page, table)) for table in tables)  # type: ignore[misc]
    began = time.process_time()
    here, there = tables
    assert not [key for key in {*here, *there} if here.get(key) != there.get(key)]
    return took + time.process_time() - began


def exchanged(every: list[tuple[bytes, int]], differ: int, alike: bool) -> tuple[int, int]:
    """Bytes that the invocations tell, and differences that are found. Segments are `alike` in both Regions,
    or hold quite other keys."""
    items = len(every)
    changed = set(random.Random(1).sample(range(items), differ))
    progress = Progress.of_table(NAMES, items * ITEM_BYTES, 0.0)
    total = progress.segments
    told_bytes = 0
    held: list[dict[int, list[tuple[bytes, int]]]] = [{at: [] for at in range(total)} for _ in SIDES]
    for number in range(items):
        for side in SIDES:
            entry = every[number]
            if side and number in changed:
                (entry,) = entries([row(number, 1)], NAMES, SALT)
            segment = number * 7919 % total if alike or not side else number * 104_729 // 3 % total
            held[side][segment].append(entry)
    while not (progress.same or progress.looked):
        for segment in progress.visited:
            progress.open[segment], progress.started = Open(), progress.started + 1
            for side in SIDES:
                told = _told(held[side][segment], progress.only)
                told_bytes += len(json.dumps(told.as_json()))
                progress.take(segment, side, told)
        progress.turn()
    return told_bytes, len(progress.keys)


def _told(found: list[tuple[bytes, int]], only: tuple[int, ...]) -> Told:
    if only:
        keys = {key.decode(): f"{digest:x}"[:22] for key, digest in found if leaf_of(key) in only}
        return Told(len(found), 0.0, "", None, keys)
    sums = Sums.none()
    for key, digest in found:
        sums.add(key, digest)
    return Told(len(found), 0.0, "", sums)


def measure(items: int = 100_000) -> None:
    # The plain way last: what it keeps would be in the other's memory.
    mine, memory = ours(items), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    other = plain(items)
    print(f"two tables of {items} items, digested   {2 * items / mine:9.0f} items/s, {memory} MB at most")
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print(f"two tables of {items} items, plain way  {2 * items / other:9.0f} items/s, {memory} MB at most")
    print(f"digested is {other / mine:.1f} times as fast")
    every = list(entries([row(number) for number in range(items)], NAMES, SALT))
    for alike in (True, False):
        for differ in (0, 1, 100, 10_000):
            told, found = exchanged(every, differ, alike)
            assert found == differ
            words = "alike" if alike else "of other keys"
            segments = -(-items * ITEM_BYTES // SEGMENT_BYTES)
            print(f"{differ:6} differences, {segments} segments {words:13}: {told:10} bytes are exchanged")


if __name__ == "__main__":
    measure(int(sys.argv[1]) if len(sys.argv) > 1 else 100_000)
