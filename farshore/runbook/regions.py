"""The Regions that AWS has, and their partitions, as botocore's own list has them."""

from __future__ import annotations

import difflib
import functools
import json
import re
from collections.abc import Mapping
from importlib.resources import files

REGION_FORM = r"[a-z]{2,4}(-[a-z]+)+-[0-9]"


@functools.cache
def partitions() -> Mapping[str, str]:
    """Each Region's partition: aws, aws-cn, aws-us-gov …"""
    listed = json.loads(files("botocore").joinpath("data/partitions.json").read_text())
    return {
        region: partition["id"]
        for partition in listed["partitions"]
        for region in partition["regions"]
        if re.fullmatch(REGION_FORM, region)
    }


def wrong_region(word: str, beside: str = "") -> tuple[str, str] | None:
    """What is wrong with a Region, to be read after it, and what to do; None where AWS has it, and in the
    partition of the one beside it."""
    if word not in partitions():
        near = _region_meant(word)
        return " is no AWS Region", f"did you mean {near}?" if near else "write one such as us-east-1"
    home = partitions().get(beside, partitions()[word])
    if partitions()[word] != home:
        return f" is in the partition {partitions()[word]}", f"name a Region of {home}, where {beside} is"
    return None


def wrong_partition(arn: str, beside: str = "") -> tuple[str, str] | None:
    """The same of an ARN whose Region, or else the one beside it, is in another partition."""
    _, partition, _, region, *_ = arn.split(":")
    home = partitions().get(region or beside, partition)
    return None if partition == home else (f" is in the partition {partition}", f"write arn:{home}:…")


def _region_meant(word: str) -> str:
    """The Region that a misspelt word is nearest to; empty where none is near."""
    alike = word[:-1] + {"l": "1", "i": "1", "o": "0"}.get(word[-1:].lower(), "")
    if alike in partitions():
        return alike
    near = difflib.get_close_matches(word[:100].lower(), partitions(), n=1, cutoff=0.75)
    return near[0] if near else ""
