"""What the children of a distributed Map came to, as its ResultWriter has written it: read in ranges, and no
more at a time than a function can hold.

A manifest names the objects; each holds a JSON list, an entry a child, whose output is JSON in a text.
Source: docs.aws.amazon.com/step-functions/latest/dg/input-output-resultwriter.html
"""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from .calls import Api, Call, Sight, Silence
from .errors import NotYet, Refused
from .world import World

OBJECTS = "s3:::{bucket}/sweeps/*"
"""Objects' keys hold the execution's name, which nobody knows before."""
LIST = "s3:ListBucket"
READ = Api(
    "s3:GetObject",
    resource=(OBJECTS, "s3:::{bucket}"),
    plane="data",
    absent=frozenset({"NoSuchKey"}),
    dependents=(LIST,),
)
"""Who may not list the bucket is not told that an object is missing, but denied.
Source: docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html"""
RANGE_BYTES = 8_000_000
AT_ONCE = 3
"""Ranges that are held at once."""
BETWEEN = re.compile(r"[\s,\[]*")
ODD = (KeyError, TypeError, ValueError, AttributeError, RecursionError)


def most_bytes(asks: int) -> int:
    """Of results, that so many asks read."""
    return AT_ONCE * asks * RANGE_BYTES


def body_of(sight: Sight) -> bytes | None:
    """An object; None where there is none. Raises NotYet where nobody answers."""
    if isinstance(sight, Silence):
        raise NotYet(sight.why)
    return bytes(sight["Body"]) if isinstance(sight, Mapping) and "Body" in sight else None


def results(world: World, region: str, bucket: str, manifest: bytes | None, asks: int) -> Iterator[Any]:
    """The outputs of the children that have succeeded, of which the manifest says where they are; reading
    them asks at most so often. Raises Refused where that is no manifest, or names more than that."""
    try:
        files = [
            (str(each["Key"]), int(each["Size"]))
            for each in json.loads(manifest or b"")["ResultFiles"]["SUCCEEDED"]
        ]
    except ODD as odd:
        raise Refused(f"the Map's manifest in {bucket} is none ({type(odd).__name__})") from None
    ranges = [
        (key, start, min(start + RANGE_BYTES, size))
        for key, size in files
        for start in range(0, size, RANGE_BYTES)
    ]
    if len(ranges) * RANGE_BYTES > most_bytes(asks):
        raise Refused(
            f"the results in {bucket}, {files[0][0]} and so on, have {sum(size for _, size in files)} bytes, "
            f"and a reduce reads {most_bytes(asks)}: read them by other means"
        )

    def read(some: Sequence[tuple[str, int, int]]) -> list[Sight]:
        return world.ask(*(_range(region, bucket, *each) for each in some))

    return _outputs(ranges, read)


def _range(region: str, bucket: str, key: str, start: int, end: int) -> Call:
    return READ(region, Bucket=bucket, Key=key, Range=f"bytes={start}-{end - 1}")


def _outputs(
    ranges: Sequence[tuple[str, int, int]],
    read: Callable[[Sequence[tuple[str, int, int]]], list[Sight]],
) -> Iterator[Any]:
    decoder, rest = codecs.getincrementaldecoder("utf-8")(), ""
    for place in range(0, len(ranges), AT_ONCE):
        some = ranges[place : place + AT_ONCE]
        for (key, start, _), sight in zip(some, read(some), strict=True):
            if not start:
                decoder, rest = codecs.getincrementaldecoder("utf-8")(), ""
            if (body := body_of(sight)) is None:
                raise Refused(f"{key} is gone, and the Map's results were in it")
            found, rest = _entries(rest + decoder.decode(body))
            yield from map(_output, found)


def _entries(text: str) -> tuple[list[Any], str]:
    """The whole entries at the beginning of a JSON list's text, and the rest of the text."""
    decoder, found, at = json.JSONDecoder(), list[Any](), 0
    while True:
        between = BETWEEN.match(text, at)
        assert between is not None, "it matches nothing, too"
        at = between.end()
        if at == len(text) or text[at] == "]":
            return found, ""
        try:
            entry, at = decoder.raw_decode(text, at)
        except ValueError:
            return found, text[at:]
        found.append(entry)


def _output(entry: Any) -> Any:
    try:
        return json.loads(entry["Output"])
    except ODD as odd:
        raise Refused(f"a result of the Map is none ({type(odd).__name__})") from None
