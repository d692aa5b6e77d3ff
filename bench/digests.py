"""Whole tables: items a second on one core, by digests and the plain way; and the bytes that are exchanged.

The plain way is botocore's parser for both tables, whose items are then compared in dictionaries. Both ways
get the same pages of 1 MB as DynamoDB would answer them, with what the network takes not in it; ours is all
that the step does with them, in both Regions, with what they tell each other as JSON.

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

from functions.comparison import SEGMENT_BYTES, Progress, Told
from functions.differences import SIDES, salt_of
from functions.digests import many_small_parts

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


def timed(items: int, act: Callable[[bytes], None]) -> float:
    """Seconds of this process, without those in which pages are made."""
    took = 0.0
    for page in pages(items):
        began = time.process_time()
        act(page)
        took += time.process_time() - began
    return took


def ours(items: int) -> float:
    progress = Progress.of_table(NAMES, items * ITEM_BYTES, 0.0)
    progress.segments = -(-items // PAGE_ITEMS)
    every, took = pages(items), 0.0
    while not progress.pass_is_over:
        progress.start(1e9, 1.0, 1e9)
        for segment in sorted(progress.open):
            page = next(every)[:-1] + b',"ConsumedCapacity":{"CapacityUnits":125.5}}'
            began = time.process_time()
            for side in SIDES:
                take(progress, segment, side, page)
            took += time.process_time() - began
    assert progress.same
    assert progress.items == [items, items]
    return took


def take(progress: Progress, segment: int, side: int, page: bytes) -> int:
    """As a Region's function reads and tells it, and a look takes it. The bytes that are exchanged."""
    part = progress.part("eu-west-1", segment, side, SALT)
    with many_small_parts():
        told = Told.nothing(part).and_page(page, part)
    text = json.dumps(told.as_json())
    progress.take(segment, side, Told.from_json(json.loads(text), progress.no_sums))
    return len(text) + len(json.dumps(vars(part)))


def plain(items: int) -> float:
    model = botocore.session.get_session().get_service_model("dynamodb").operation_model("Scan")
    shape = model.output_shape
    assert shape
    parser = create_parser("json")
    tables: tuple[dict[Any, Row], dict[Any, Row]] = ({}, {})

    def keep(page: bytes, table: dict[Any, Row]) -> None:
        answer = parser.parse({"status_code": 200, "headers": {}, "body": page}, shape)
        for each in answer["Items"]:
            table[each["PK"]["S"], each["SK"]["S"]] = each

    took = sum(timed(items, lambda page, table=table: keep(page, table)) for table in tables)  # type: ignore[misc]
    began = time.process_time()
    here, there = tables
    assert not [key for key in {*here, *there} if here.get(key) != there.get(key)]
    return took + time.process_time() - began


def exchanged(items: int, differ: int, alike: bool) -> tuple[int, Progress]:
    """Bytes that invocations are asked and tell, and what is found. Segments are `alike` in both Regions, or
    hold quite other keys."""
    changed = set(random.Random(1).sample(range(items), differ))
    progress = Progress.of_table(NAMES, items * ITEM_BYTES, 0.0)
    total, bytes_ = progress.segments, 0
    held: list[dict[int, list[Row]]] = [{at: [] for at in range(total)} for _ in SIDES]
    for number in range(items):
        for side in SIDES:
            segment = number * 7919 % total if alike or not side else number * 104_729 // 3 % total
            held[side][segment].append(row(number, int(side and number in changed)))
    answers = [
        {
            at: orjson.dumps({"Items": rows, "ConsumedCapacity": {"CapacityUnits": 1}})
            for at, rows in each.items()
        }
        for each in held
    ]
    while not (progress.same or progress.looked):
        progress.start(1e9, 1.0, 1e9)
        for segment in sorted(progress.open):
            bytes_ += sum(take(progress, segment, side, answers[side][segment]) for side in SIDES)
        progress.turn()
    return bytes_, progress


def measure(items: int = 1_000_000) -> None:
    # The plain way last: what it keeps would be in the other's memory.
    mine, memory = ours(items), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print(f"two tables of {items} items, digested   {2 * items / mine:9.0f} items/s, {memory} MB at most")
    fewer = min(items, 100_000)
    for alike in (True, False):
        for differ in (0, 1, 100, 1_000, 10_000):
            told, progress = exchanged(fewer, differ, alike)
            words = "alike" if alike else "of other keys"
            segments = -(-fewer * ITEM_BYTES // SEGMENT_BYTES)
            found = f"{len(progress.keys)} found {progress.sampled.get('sample', '')}"
            percent = 100 * told / (2 * fewer * ITEM_BYTES)
            print(f"{differ:6} differences of {fewer}, {segments} segments {words:13}: {found}")
            print(f"{told:14} bytes are exchanged, {percent:.2f} % of the tables")
    other = plain(items)
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print(f"two tables of {items} items, plain way  {2 * items / other:9.0f} items/s, {memory} MB at most")
    print(f"digested is {other / mine:.1f} times as fast")


if __name__ == "__main__":
    measure(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000)
