"""YAML text as nodes that know their line; what of YAML a runbook may not use is refused here, all at once.

Values are read later, by the type that is declared for them (values.py): so `on` and `no` are texts where a
text is due, and every value still has its line. Events are read one by one, not recursively, and aliases are
never followed: neither a deep nor a small, exploding file can hurt.
"""

from __future__ import annotations

import re
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import yaml

from .mistakes import Mistake, quoted

LIMIT_BYTES = 1_000_000
LIMIT_DEPTH = 20
"""Lists and mappings within each other; a runbook needs seven, a topology four."""


@dataclass(frozen=True)
class Scalar:
    """A single value as written. `refused`: a mistake is on record already, so it is not judged again."""

    text: str
    plain: bool
    """Written without quotes."""
    line: int
    column: int
    refused: bool = False


@dataclass(frozen=True)
class List:
    items: tuple[Node, ...]
    line: int
    column: int
    refused: bool = False


@dataclass(frozen=True)
class Entry:
    key: Scalar
    value: Node


@dataclass(frozen=True)
class Map:
    entries: dict[str, Entry]
    line: int
    column: int
    refused: bool = False
    partial: bool = False
    """An entry could not be read (its key is no text, an alias, a merge): do not say that it is missing."""


Node = Scalar | List | Map
Kind = Literal["text", "number", "truth", "nothing"]

_NOTHING = frozenset({"", "~", "null", "Null", "NULL"})
_TRUTH = frozenset({"true", "True", "TRUE", "false", "False", "FALSE"})
_NUMBER = re.compile(
    r"[-+]?(\.[0-9]+|[0-9][0-9_]*(\.[0-9]*)?)([eE][-+]?[0-9]+)?|0[ox][0-9a-fA-F]+|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)"
)
_NOT_TEXT = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]")
"""What YAML allows in no place (YAML 1.1, 5.1), and a byte order mark within the text."""


def kind(scalar: Scalar) -> Kind:
    """What YAML 1.2 and the editors take it for. YAML 1.1's yes, no, on and off are texts."""
    if not scalar.plain:
        return "text"
    if scalar.text in _NOTHING:
        return "nothing"
    if scalar.text in _TRUTH:
        return "truth"
    return "number" if _NUMBER.fullmatch(scalar.text) else "text"


def found(node: Node) -> str:
    """A node for a message: found …"""
    if isinstance(node, Scalar):
        what = kind(node)
        return (
            "nothing"
            if what == "nothing"
            else quoted(node.text)
            if what == "text"
            else quoted(node.text)[1:-1]
        )
    return "a list" if isinstance(node, List) else "a mapping"


def read(
    path: Path, mistakes: list[Mistake], holds: str = "runbook", begins: str = "`application: NAME`"
) -> Node | None:
    """The file's one document; None where it cannot be read at all. What is wrong is added to `mistakes`.
    For messages: what the file `holds`, and what it `begins` with."""
    text = _text(path, mistakes, holds)
    return None if text is None else _Reading(str(path), text, mistakes, holds, begins).document()


def _text(path: Path, mistakes: list[Mistake], holds: str) -> str | None:
    def whole(what: str, instead: str) -> None:
        mistakes.append(Mistake(str(path), 0, what, instead))

    try:
        status = path.stat()
        if stat.S_ISDIR(status.st_mode):
            whole("this is a directory", f"name the {holds} in it")
        elif not stat.S_ISREG(status.st_mode):
            whole("this is not a file", f"name a {holds}")
        elif status.st_size > LIMIT_BYTES:
            whole(f"{status.st_size:,} bytes", f"a {holds} has at most {LIMIT_BYTES:,}")
        else:
            return _decoded(str(path), path.read_bytes(), mistakes)
    except FileNotFoundError:
        whole("no such file", "check the path")
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        whole(f"cannot be read: {why.lower()}", "check the path and its permissions")
    return None


def _decoded(path: str, data: bytes, mistakes: list[Mistake]) -> str | None:
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        what = f"byte 0x{data[error.start]:02x} is not text"
        mistakes.append(Mistake(path, line, what, "save the file as UTF-8"))
        return None
    refused = [
        Mistake(path, number, f"character U+{ord(match[0]):04X} is not text", "remove it", match.start() + 1)
        for number, line in enumerate(text.split("\n"), 1)
        if (match := _NOT_TEXT.search(line))
    ]
    mistakes += refused
    return None if refused else text


@dataclass
class _Open:
    """A list or mapping whose end has not been read."""

    event: Any
    nodes: list[Node] = field(default_factory=list)


class _Reading:
    def __init__(self, path: str, text: str, mistakes: list[Mistake], holds: str, begins: str) -> None:
        self.path, self.text, self.mistakes = path, text, mistakes
        self._holds, self._begins = holds, begins

    def document(self) -> Node | None:
        stack = [_Open(None)]
        try:
            for event in self._events():
                if isinstance(event, yaml.NodeEvent):
                    self._refuse_tag_and_anchor(event)
                if isinstance(event, yaml.CollectionStartEvent):
                    stack.append(_Open(event))
                    if len(stack) > LIMIT_DEPTH + 1:
                        what = f"nested deeper than {LIMIT_DEPTH}"
                        self._mistake(event, what, "write it flatter")
                        return None
                elif isinstance(event, yaml.CollectionEndEvent):
                    ended = stack.pop()
                    stack[-1].nodes.append(self._collection(ended))
                elif isinstance(event, yaml.AliasEvent):
                    stack[-1].nodes.append(Scalar(f"*{event.anchor}", True, *_place(event), refused=True))
                elif isinstance(event, yaml.ScalarEvent):
                    plain, tagged = not event.style, event.tag is not None
                    stack[-1].nodes.append(Scalar(event.value, plain, *_place(event), refused=tagged))
        except yaml.MarkedYAMLError as error:
            self._not_yaml(error)
            return None
        except yaml.YAMLError as error:
            self.mistakes.append(Mistake(self.path, 0, f"this is not YAML: {' '.join(str(error).split())}"))
            return None
        if not stack[0].nodes or self._is_blank(stack[0].nodes[0]):
            self.mistakes.append(Mistake(self.path, 1, "the file is empty", f"begin with {self._begins}"))
            return None
        return stack[0].nodes[0]

    def _events(self) -> Iterator[Any]:
        """The first document's events."""
        documents = 0
        for event in yaml.parse(self.text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)):
            if isinstance(event, yaml.DocumentStartEvent):
                documents += 1
                if documents > 1:
                    instead = f"a file holds one {self._holds}, the other needs a file of its own"
                    self._mistake(event, "a second document begins here", instead)
                    return
            yield event

    def _is_blank(self, node: Node) -> bool:
        return isinstance(node, Scalar) and kind(node) == "nothing" and not node.refused

    def _refuse_tag_and_anchor(self, event: Any) -> None:
        if isinstance(event, yaml.AliasEvent):
            self._mistake(event, f"alias {quoted(f'*{event.anchor}')}", "write the value out")
            return
        if event.anchor is not None:
            self._mistake(
                event, f"anchor {quoted('&' + event.anchor)}", "write the value out where it is needed"
            )
        if event.tag is not None:
            tag = event.tag.replace("tag:yaml.org,2002:", "!!")
            self._mistake(event, f"tag {quoted(tag)}", "remove it, the type is known")

    def _collection(self, ended: _Open) -> Node:
        line, column = _place(ended.event)
        tagged = ended.event.tag is not None
        if isinstance(ended.event, yaml.SequenceStartEvent):
            return List(tuple(ended.nodes), line, column, tagged)
        entries: dict[str, Entry] = {}
        for key, value in zip(ended.nodes[::2], ended.nodes[1::2], strict=True):
            if self._is_key(key, entries):
                assert isinstance(key, Scalar)
                entries[key.text] = Entry(key, value)
        keys = ended.nodes[::2]
        partial = not all(isinstance(key, Scalar) and key.text in entries for key in keys)
        return Map(entries, line, column, tagged, partial)

    def _is_key(self, key: Node, entries: dict[str, Entry]) -> bool:
        if key.refused:
            return False
        if not isinstance(key, Scalar) or kind(key) != "text":
            value = isinstance(key, Scalar) and kind(key) != "nothing"
            instead = f'write "{found(key)}" in quotes' if value else "write a name"
            self._mistake_at(key, f"a key must be a text, found {found(key)}", instead)
            return False
        if key.text == "<<":
            self._mistake_at(key, 'merge key "<<"', "write the entries out")
            return False
        if key.text in entries:
            first = entries[key.text].key.line
            self._mistake_at(key, f"duplicate key {quoted(key.text)}", f"it stands in line {first} already")
            return False
        return True

    def _not_yaml(self, error: yaml.MarkedYAMLError) -> None:
        """Tabs first: they cause the least understandable messages."""
        lines = self.text.splitlines() or [""]
        mark = error.problem_mark or error.context_mark
        line = min(mark.line + 1, len(lines)) if mark else 0
        tabs = [number for number, text in enumerate(lines, 1) if re.match(r" *\t", text)]
        for number in tabs:
            self.mistakes.append(
                Mistake(self.path, number, "a tab indents this line", "YAML allows only spaces")
            )
        if line in tabs:
            return
        what = f"this is not YAML: {error.problem or error.context}"
        if error.context_mark and error.context and error.context_mark.line + 1 != line:
            what += f" ({error.context} that begins in line {error.context_mark.line + 1})"
        self.mistakes.append(
            Mistake(self.path, line, what, _hint(str(error.problem)), mark.column + 1 if mark else 0)
        )

    def _mistake(self, event: Any, what: str, instead: str) -> None:
        line, column = _place(event)
        self.mistakes.append(Mistake(self.path, line, what, instead, column))

    def _mistake_at(self, node: Node, what: str, instead: str) -> None:
        self.mistakes.append(Mistake(self.path, node.line, what, instead, node.column))


def _place(event: Any) -> tuple[int, int]:
    return event.start_mark.line + 1, event.start_mark.column + 1


def _hint(problem: str) -> str:
    if "cannot start any token" in problem:
        return "put the value in quotes"
    if "mapping values are not allowed" in problem:
        return "check the indentation, or put a value that contains a colon in quotes"
    return "check the indentation, brackets and quotes here and above"
