"""What differs between two Regions of a global table, by key: a line of JSON each, for a person to pick from.

A difference is of one of the kinds that a step counts: an item is missing `here` (in the Region that took
over), missing `there`, or different. Items are written in AWS's own JSON, each value under its type. What one
write has overwritten in both Regions is in neither, and no comparison finds it.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from functions.global_tables import Row

Kind = Literal["missing_here", "missing_there", "different"]

TIME = "aws:rep:updatetime"
"""Bears a write's time in items of global tables of 2017; in those of 2019 it is hidden. Source:
docs.aws.amazon.com/amazondynamodb/latest/developerguide/globaltables.DetermineVersion.html"""
OWN = "aws:rep:"
"""What the attributes of such tables begin with that nobody else may write."""
MILLISECONDS = 1e11
"""A time above it, in seconds since 1970, would be in the year 5138: it is in milliseconds."""

NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")


@dataclass(frozen=True)
class Difference:
    """A key under which two Regions have not the same."""

    table: str
    key: Row
    here: str
    there: str
    items: Mapping[str, Row | None]
    """What each of the two Regions has; None where it has nothing."""
    stands: str = ""
    """The Region whose item shall stand; "" until a person has said so."""

    @property
    def kind(self) -> Kind:
        if self.items[self.here] is None:
            return "missing_here"
        return "missing_there" if self.items[self.there] is None else "different"

    @property
    def named(self) -> str:
        """For people."""
        return f"{self.table} {'/'.join(str(next(iter(value.values()))) for value in self.key.values())}"

    def later(self, attribute: str) -> dict[str, Any] | None:
        """Whose item is later, and by how much; None where they do not both bear a time that can be read."""
        times = {region: time_of(item, attribute) for region, item in self.items.items()}
        if any(time is None for time in times.values()):
            return None
        (_, before), (last, after) = sorted(times.items(), key=lambda each: each[1] or 0.0)
        assert before is not None
        assert after is not None
        return {"region": last, "seconds": round(after - before, 6)} if after > before else None

    def as_json(self, time: str) -> dict[str, Any]:
        return {
            "table": self.table,
            "key": self.key,
            "kind": self.kind,
            "here": self.here,
            "there": self.there,
            "items": dict(self.items),
            "later": self.later(time),
            "stands": self.stands,
        }

    @classmethod
    def from_json(cls, body: Any) -> Difference:
        """Raises ValueError, in a person's words, for what is no line of `as_json`."""
        words = ("table", "here", "there", "stands")
        if not isinstance(body, dict):
            raise ValueError("this is no JSON object")
        if missing := [name for name in (*words, "key", "items") if name not in body]:
            raise ValueError(f"it has no {', no '.join(missing)}")
        if wrong := [name for name in words if not isinstance(body[name], str)]:
            raise ValueError(f"{', '.join(wrong)}: this is no text")
        here, there, items, key = body["here"], body["there"], body["items"], body["key"]
        if here == there or not isinstance(items, dict) or items.keys() != {here, there}:
            raise ValueError("its items are not those of two Regions, `here` and `there`")
        if not isinstance(key, dict) or not key:
            raise ValueError("its key has no attributes")
        for row in (key, *(item for item in items.values() if item is not None)):
            as_boto(row)
            if any(row.get(name) != value for name, value in key.items()):
                raise ValueError("an item has another key than the line")
        if not any(items.values()):
            raise ValueError("no Region has an item")
        if body["stands"] not in ("", here, there):
            raise ValueError(f"stands {body['stands']}: it is neither {here} nor {there}")
        return cls(body["table"], key, here, there, items, body["stands"])


def time_of(item: Row | None, attribute: str) -> float | None:
    """In seconds since 1970, of a number (of seconds or milliseconds) or an ISO 8601 text, or None."""
    value = (item or {}).get(attribute, {})
    try:
        if "N" in value:
            number = float(value["N"])
            return number / 1000 if number > MILLISECONDS else number
        moment = datetime.fromisoformat(str(value["S"]))
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    except (KeyError, ValueError, OverflowError):
        return None


def content(item: Row | None) -> Row | None:
    """An item without what only AWS writes in it."""
    return None if item is None else {n: value for n, value in item.items() if not n.startswith(OWN)}


def as_boto(row: Any) -> dict[str, Any]:
    """An item, or a key, as boto3 takes it: binary is bytes there. Raises ValueError for what is none."""
    if not isinstance(row, Mapping):
        raise ValueError("an item or key is no JSON object")
    return {str(name): _value(value, name) for name, value in row.items()}


def _value(value: Any, name: str) -> dict[str, Any]:
    if not isinstance(value, Mapping) or len(value) != 1:
        raise ValueError(f"{name} is no value under its type")
    ((kind, given),) = value.items()
    return {kind: _of_kind(kind, given, name)}


def _of_kind(kind: str, given: Any, name: str) -> Any:
    match kind, given:
        case "S", str():
            return given
        case "N", str() if NUMBER.fullmatch(given):
            return given
        case "B", str():
            try:
                return base64.b64decode(given, validate=True)
            except binascii.Error:
                raise ValueError(f"{name} is binary, and not written in base64") from None
        case "BOOL", bool():
            return given
        case "NULL", True:
            return given
        case (("SS" | "NS" | "BS"), [_, *_]):
            return [_of_kind(kind[0], each, name) for each in given]
        case "L", list():
            return [_value(each, name) for each in given]
        case "M", Mapping():
            return as_boto(given)
    raise ValueError(f"{name} is no {kind}")
