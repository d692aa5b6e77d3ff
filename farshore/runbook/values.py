"""A node read as the type that is declared for it; each mistake says what was expected, in words.

    str                     a text, not empty
    a NewType with a Form   a text that names something, as AWS writes and keeps it
    int, float              0 or more: counts and shares
    bool                    true or false
    Seconds                 30s, 15m, 2h; given in seconds
    Region                  $from, $to or one of the runbook's own, still symbolic
    AwsRegion               any Region of AWS, in the partition of the runbook's own
    Literal["a", "b"]       one of these
    X | Y                   whichever fits first
    tuple[X, ...]           a list, not empty, nothing in it twice; tuple[X, X, X] has exactly three
    Mapping[Region, X]      an entry for each Region of the application
    Mapping[K, X]           a mapping, not empty
    a dataclass             a mapping of its annotated fields

A type that is not among these is a mistake of the step's author: TypeError.
"""

from __future__ import annotations

import dataclasses
import difflib
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args, get_origin

from functions.inputs import FORMS, AwsRegion, Region, Seconds, seconds

from .document import Entry, List, Map, Node, Scalar, found, kind
from .mistakes import Mistake, quoted
from .regions import partitions, wrong_partition, wrong_region
from .registry import Input, inputs
from .wording import (
    DIRECTION,
    DURATION_FORM,
    LONGEST_SECONDS,
    bare,
    did_you_mean,
    duration_meant,
    expected,
    is_list,
    is_single,
    is_union,
    nearest,
    one_of,
    spelled,
    truth_meant,
)

DIGITS = 15
"""More are exact in no JSON."""
LARGEST = 2**31 - 1
"""Of whole numbers: AWS counts in 32 bits."""


@dataclass
class Reader:
    """Reads one file's nodes. A value that is wrong is a `Mistake` on the list, and None to the caller."""

    path: str
    mistakes: list[Mistake]
    regions: tuple[str, ...] = ()
    """The runbook's Regions, primary and standby first; empty while they are unknown."""

    def wrong(self, node: Node, what: str, instead: str = "") -> None:
        if not node.refused:
            self.mistakes.append(Mistake(self.path, node.line, what, instead, node.column))

    def fields(
        self,
        at: Node,
        node: Node,
        declared: Sequence[Input],
        noun: str,
        owner: str,
        also: Sequence[Input] = (),
    ) -> dict[str, Any]:
        """A mapping of declared names. What is missing is missed `at` the node that names the owner.

        Those in `also` may stand here too, and are left to the caller.
        """
        names = [each.name for each in (*declared, *also)]
        given = self._entries(node, names, noun, owner)
        meant: set[str | None] = set()
        for name, entry in given.items():
            if name not in names:
                near = nearest(name, [known for known in names if known not in given])
                meant.add(near)
                what = f"unknown {noun} {quoted(name)} of {owner}"
                self.wrong(entry.key, what, did_you_mean(near, names, f"its {noun}s are"))
        whole = not (isinstance(node, Map) and node.partial)
        for each in (*declared, *also):
            if whole and each.required and each.name not in meant and each.name not in given:
                what = f"{owner} lacks the {noun} {quoted(each.name)}"
                self.wrong(at, what, f"add it: {each.doc}" if each.doc else "add it")
        return {
            each.name: self.value(each.type, given[each.name].value, each.name)
            for each in declared
            if each.name in given
        }

    def _entries(self, node: Node, names: Sequence[str], noun: str, owner: str) -> dict[str, Entry]:
        """A mapping's entries; nothing at all is an empty mapping."""
        if isinstance(node, Map):
            return node.entries
        if not isinstance(node, Scalar) or kind(node) != "nothing":
            what = f"{owner}: expected a mapping of {noun}s, found {found(node)}"
            self.wrong(node, what, f"write {owner}: {{{names[0]}: …}}")
        return {}

    def value(self, declared: Any, node: Node, name: str) -> Any:
        """As written: durations in seconds, Regions as they stand, lists and dicts as JSON has them."""
        declared = bare(declared)
        if node.refused and isinstance(node, Scalar):
            return None
        if is_union(declared):
            return self._either(declared, node, name)
        if isinstance(node, List) and is_list(declared):
            return self._list(declared, node, name)
        if isinstance(node, Map) and dataclasses.is_dataclass(declared):
            assert isinstance(declared, type)
            return self.fields(node, node, inputs(declared), "key", quoted(name))
        if isinstance(node, Map) and not is_list(declared) and not is_single(declared):
            return self._mapping(declared, node, name)
        if isinstance(node, Scalar):
            return self._scalar(declared, node, name)
        return self._mismatch(declared, node, name)

    def _mismatch(self, declared: Any, node: Node, name: str, instead: str = "") -> Any:
        """Gives None, for the caller to give on."""
        if not instead and isinstance(node, Scalar) and kind(node) != "nothing" and is_list(declared):
            instead = f"write [{found(node)}]"
        self.wrong(node, f"{name}: expected {expected(declared, self.regions)}, found {found(node)}", instead)

    def _either(self, declared: Any, node: Node, name: str) -> Any:
        parts = [bare(part) for part in get_args(declared)]
        if not isinstance(node, Scalar):
            fitting = [
                part for part in parts if is_list(part) == isinstance(node, List) and not is_single(part)
            ]
            return self.value(fitting[0], node, name) if fitting else self._mismatch(declared, node, name)
        hints = []
        for part in parts:
            attempt = Reader(self.path, [], self.regions)
            value = attempt.value(part, node, name)
            if not attempt.mistakes:
                return value
            hints += [mistake.instead for mistake in attempt.mistakes if mistake.instead]
        return self._mismatch(declared, node, name, hints[0] if hints else "")

    def _list(self, declared: Any, node: List, name: str) -> list[Any] | None:
        parts = get_args(declared)
        if parts[-1] is not ... and len(node.items) != len(parts):
            self.wrong(node, f"{name}: expected {expected(declared)}, found {len(node.items)}")
        elif not node.items:
            self.wrong(node, f"{name}: expected at least one, found an empty list")
        read: list[Any] = []
        known: set[str] = set()
        for item in node.items:
            value = self.value(parts[0], item, name)
            if value is not None and repr(value) in known:
                self.wrong(item, f"{name}: {found(item)} stands here twice", "remove one")
            known.add(repr(value))
            read.append(value)
        return read

    def _mapping(self, declared: Any, node: Map, name: str) -> dict[str, Any]:
        key_type, value_type = map(bare, get_args(declared))
        for entry in node.entries.values():
            self.value(key_type, entry.key, name)
        if not node.entries and not node.partial:
            self.wrong(node, f"{name}: expected at least one entry, found an empty mapping")
        elif key_type is Region:
            self._both_regions(node, name)
        read = {
            key: self.value(value_type, each.value, f"{name}.{quoted(key)[1:-1]}")
            for key, each in node.entries.items()
        }
        if key_type is Region:
            self._each_its_own(value_type, node, name, read)
        return read

    def _each_its_own(self, declared: Any, node: Map, name: str, read: Mapping[str, Any]) -> None:
        """What is of one Region stands for one."""
        form = FORMS.get(bare(get_args(declared)[0]) if is_list(declared) else declared)
        if form is None or not form.regional:
            return
        first: dict[str, str] = {}
        for region, value in read.items():
            for text in filter(None, value if isinstance(value, list) else [value]):
                if (other := first.setdefault(text, region)) != region:
                    what = f"{name}.{quoted(region)[1:-1]}: {quoted(text)} is that of {other} already"
                    self.wrong(node.entries[region].value, what, "write each Region's own")

    def _both_regions(self, node: Map, name: str) -> None:
        """Whichever Region is `$to` tonight, its entry must be there."""
        keys = set(node.entries)
        if node.partial or not self.regions or not keys <= {*DIRECTION, *self.regions}:
            return
        symbolic = not keys.isdisjoint(DIRECTION)
        if symbolic and not keys <= set(DIRECTION):
            what = f"{name} mixes {' and '.join(DIRECTION)} with names of Regions"
            self.wrong(node, what, "write one or the other")
            return
        missing = [key for key in (DIRECTION if symbolic else self.regions[:2]) if key not in keys]
        if missing:
            instead = "write an entry for each Region of the application"
            self.wrong(node, f"{name} lacks {' and '.join(missing)}", instead)

    def _scalar(self, declared: Any, node: Scalar, name: str) -> Any:
        reading: Mapping[Any, Callable[[Any, Scalar, str], Any]] = {
            Seconds: self._seconds,
            Region: self._region,
            AwsRegion: self._aws_region,
            str: self._text,
            int: self._number,
            float: self._number,
            bool: self._bool,
        }
        if declared in reading:
            return reading[declared](declared, node, name)
        if declared in FORMS:
            return self._named(declared, node, name)
        if get_origin(declared) is Literal:
            return self._literal(declared, node, name)
        if declared is type(None) and kind(node) == "nothing":
            return None
        return self._mismatch(declared, node, name)

    def _text(self, declared: Any, node: Scalar, name: str) -> str | None:
        if kind(node) in ("number", "truth"):
            self._mismatch(declared, node, name, f'write "{found(node)}" in quotes')
        elif kind(node) == "nothing" or not node.text.strip():
            self._mismatch(declared, node, name)
        elif not all(c.isprintable() or c in "\t\n" for c in node.text):
            self.wrong(node, f"{name}: {quoted(node.text)} has a character that is not text", "remove it")
        else:
            return node.text
        return None

    def _named(self, declared: Any, node: Scalar, name: str) -> str | None:
        """A text that names something: as AWS would take it, and as AWS keeps it."""
        text = self._text(declared, node, name)
        if text is None:
            return None
        if wrong := FORMS[declared].wrong(text):
            self.wrong(node, f"{name}: {quoted(text)}{wrong[0]}", wrong[1])
            return None
        return text if self._is_somewhere(text, node, name) else None

    def _is_somewhere(self, text: str, node: Scalar, name: str) -> bool:
        """Of an ARN: its Region is one of AWS, and its partition that Region's, or the runbook's."""
        if not text.startswith("arn:"):
            return True
        region, beside = text.split(":")[3], next(iter(self.regions), "")
        if region and (wrong := wrong_region(region)):
            self.wrong(node, f"{name}: {quoted(region)}{wrong[0]}", wrong[1])
        elif wrong := wrong_partition(text, beside):
            self.wrong(node, f"{name}: {quoted(text)}{wrong[0]}", wrong[1])
        else:
            return True
        return False

    def _number(self, declared: Any, node: Scalar, name: str) -> Any:
        form = r"[0-9]+" if declared is int else r"[0-9]+(\.[0-9]+)?"
        text = node.text
        if not node.plain or not re.fullmatch(form, text) or re.match(r"0[0-9]", text):
            unquoted = (
                f"write {node.text} without quotes" if not node.plain and re.fullmatch(form, text) else ""
            )
            return self._mismatch(declared, node, name, unquoted)
        if len(text) > DIGITS:
            self.wrong(node, f"{name}: {found(node)} is too large", f"write at most {DIGITS} digits")
            return None
        if declared is int and int(text) > LARGEST:
            self.wrong(node, f"{name}: {found(node)} is too large", f"write at most {LARGEST}")
            return None
        return int(text) if declared is int or float(text).is_integer() else float(text)

    def _bool(self, declared: Any, node: Scalar, name: str) -> Any:
        if kind(node) != "truth":
            return self._mismatch(declared, node, name, truth_meant(node.text, (True, False)))
        return node.text.lower() == "true"

    def _literal(self, declared: Any, node: Scalar, name: str) -> Any:
        options = {spelled(option): option for option in get_args(declared)}
        for spelling, option in options.items():
            if node.text == spelling and kind(node) == _KINDS[type(option)]:
                return option
        names = [option for option in options.values() if isinstance(option, str)]
        near = difflib.get_close_matches(node.text[:100], names, n=1)
        meant = f"did you mean {quoted(near[0])}?" if near else truth_meant(node.text, options.values())
        return self._mismatch(declared, node, name, meant)

    def _region(self, declared: Any, node: Scalar, name: str) -> Any:
        known = (*DIRECTION, *self.regions)
        if node.text in known or (not self.regions and node.text in partitions()):
            return node.text
        near = difflib.get_close_matches(node.text[:100], DIRECTION, n=1, cutoff=0.7)
        if kind(node) != "text":
            return self._mismatch(declared, node, name)
        instead = f"did you mean {quoted(near[0])}?" if near else f"write {one_of(known)}"
        self.wrong(node, f"{name}: {quoted(node.text)} is not a Region of this runbook", instead)
        return None

    def _aws_region(self, declared: Any, node: Scalar, name: str) -> Any:
        if kind(node) != "text":
            return self._mismatch(declared, node, name)
        if wrong := wrong_region(node.text, next(iter(self.regions), "")):
            self.wrong(node, f"{name}: {quoted(node.text)}{wrong[0]}", wrong[1])
            return None
        return node.text

    def _seconds(self, declared: Any, node: Scalar, name: str) -> Any:
        if not re.fullmatch(DURATION_FORM, node.text):
            return self._mismatch(declared, node, name, duration_meant(node.text))
        value = seconds(node.text)
        if not value <= LONGEST_SECONDS:
            self.wrong(node, f"{name}: {quoted(node.text)} is longer than a year", "a run ends before that")
            return None
        return int(value) if value.is_integer() else value


_KINDS = {str: "text", bool: "truth", int: "number"}
