"""Event patterns: what EventBridge takes for one, and which events it matches.

A field matches where any of its listed values does; an array, where any of its elements does; of an array of
objects one element must match all that is asked of it. Sources:
docs.aws.amazon.com/eventbridge/latest/userguide/eb-create-pattern.html,
docs.aws.amazon.com/eventbridge/latest/userguide/eb-create-pattern-operators.html,
github.com/aws/event-ruler (what is refused)
"""

from __future__ import annotations

import ipaddress
import operator
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any

Pattern = Mapping[str, Any]
Test = Callable[[Any], bool]
"""Of one value: a text, a number, a truth or None."""

OR = "$or"
MOST_ALTERNATIVES = 1000
"""Of a pattern, after its `$or` are multiplied out."""
LARGEST = 5_000_000_000
"""Numbers to compare with lie between minus and plus so many."""
COMPARISONS: Mapping[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


class InvalidEventPattern(ValueError):
    """PutRule would answer InvalidEventPatternException."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"InvalidEventPatternException: Event pattern is not valid. Reason: {reason}")


def check(pattern: Any) -> None:
    """Raises InvalidEventPattern where EventBridge would refuse the pattern."""
    if _alternatives(pattern) > MOST_ALTERNATIVES:
        raise InvalidEventPattern(f"{OR} makes more than {MOST_ALTERNATIVES} combinations")


def matches(pattern: Pattern, event: Mapping[str, Any]) -> bool:
    """Whether the event is one that the pattern asks for. The pattern has been checked."""
    for field, wanted in pattern.items():
        if field == OR:
            if not any(matches(each, event) for each in wanted):
                return False
        elif isinstance(wanted, Mapping):
            if not any(matches(wanted, each) for each in _objects(event.get(field)) or [{}]):
                return False
        else:
            values = list(_values(event[field])) if field in event else []
            if not any(_fits(leaf, values) for leaf in wanted):
                return False
    return True


def _alternatives(pattern: Any) -> int:
    """In how many ways a pattern can match, once its parts are found valid."""
    if not isinstance(pattern, Mapping):
        raise InvalidEventPattern(f"an object is expected, not {pattern!r}")
    if not pattern:
        raise InvalidEventPattern("an object with nothing in it")
    product = 1
    for field, wanted in pattern.items():
        if field == OR:
            product *= _or(wanted)
        elif isinstance(wanted, Mapping):
            product *= _alternatives(wanted)
        elif not isinstance(wanted, list) or not wanted:
            raise InvalidEventPattern(f"{field} must be an object or an array with something in it")
        else:
            for leaf in wanted:
                _tested(field, leaf)
    return product


def _or(wanted: Any) -> int:
    if not isinstance(wanted, list) or len(wanted) < 2:
        raise InvalidEventPattern(f"{OR} must be an array of at least two objects")
    return sum(map(_alternatives, wanted))


def _tested(field: str, leaf: Any) -> None:
    if isinstance(leaf, list):
        raise InvalidEventPattern(f"{field}: an array within an array")
    if isinstance(leaf, Mapping):
        kind, given = _one(field, leaf)
        if kind == "exists":
            if not isinstance(given, bool):
                raise InvalidEventPattern(f"{field}: exists must be true or false, not {given!r}")
        else:
            _test(field, kind, given)


def _one(field: str, leaf: Mapping[str, Any]) -> tuple[str, Any]:
    if len(leaf) != 1:
        raise InvalidEventPattern(f"{field}: one match type in an object, not {sorted(leaf)}")
    ((kind, given),) = leaf.items()
    return kind, given


def _objects(value: Any) -> list[Mapping[str, Any]]:
    return [each for each in (value if isinstance(value, list) else [value]) if isinstance(each, Mapping)]


def _values(value: Any) -> Iterator[Any]:
    """The leaves of a field: an object has none of its own."""
    if isinstance(value, list):
        for each in value:
            yield from _values(each)
    elif not isinstance(value, Mapping):
        yield value


def _fits(leaf: Any, values: Sequence[Any]) -> bool:
    if not isinstance(leaf, Mapping):
        return any(_same(leaf, each) for each in values)
    kind, given = _one("", leaf)
    if kind == "exists":
        return bool(values) is given
    return any(map(_test("", kind, given), values))


def _same(one: Any, other: Any) -> bool:
    """300, 300.0 and "300" are three values, and so are 1 and true."""
    return type(one) is type(other) and bool(one == other)


def _test(field: str, kind: str, given: Any) -> Test:
    """What a match type asks of a value. Raises InvalidEventPattern where it is not written so."""
    if kind not in TESTS:
        raise InvalidEventPattern(f"{field}: unrecognized match type {kind}")
    return TESTS[kind](field, given)


def _of_text(test: Callable[[str], bool]) -> Test:
    return lambda value: isinstance(value, str) and test(value)


def _text(field: str, kind: str, given: Any) -> str:
    if not isinstance(given, str):
        raise InvalidEventPattern(f"{field}: {kind} must be a string, not {given!r}")
    return given


def _end(kind: str, is_end: Callable[[str, str], bool]) -> Callable[[str, Any], Test]:
    """Of prefix and suffix, which may be asked for in either case."""

    def made(field: str, given: Any) -> Test:
        if isinstance(given, Mapping):
            inner, text = _one(field, given)
            if inner != "equals-ignore-case":
                raise InvalidEventPattern(
                    f"{field}: {kind} takes a string or equals-ignore-case, not {inner}"
                )
            small = _text(field, kind, text).lower()
            return _of_text(lambda value: is_end(value.lower(), small))
        exact = _text(field, kind, given)
        return _of_text(lambda value: is_end(value, exact))

    return made


def _either_case(field: str, given: Any) -> Test:
    small = _text(field, "equals-ignore-case", given).lower()
    return _of_text(lambda value: value.lower() == small)


def _wildcard(field: str, given: Any) -> Test:
    """`*` is any text; `\\*` and `\\\\` are the characters themselves."""
    text = _text(field, "wildcard", given)
    parts = re.findall(r"\\.?|\*|[^\\*]+", text, re.DOTALL)
    stars = any(one == other == "*" for one, other in pairwise(parts))
    if stars or any(part[0] == "\\" and part not in ("\\*", "\\\\") for part in parts):
        raise InvalidEventPattern(f"{field}: wildcard {text!r} has ** or an escape of another character")
    form = re.compile("".join(".*" if each == "*" else re.escape(_plain(each)) for each in parts), re.DOTALL)
    return _of_text(lambda value: form.fullmatch(value) is not None)


def _plain(part: str) -> str:
    return part[1:] if part.startswith("\\") else part


def _numeric(field: str, given: Any) -> Test:
    if not isinstance(given, list) or len(given) not in (2, 4):
        raise InvalidEventPattern(f"{field}: numeric must be a comparison and a number, or two of them")
    pairs = list(zip(given[::2], given[1::2], strict=True))
    for word, bound in pairs:
        if word not in COMPARISONS or not _is_number(bound) or abs(bound) > LARGEST:
            raise InvalidEventPattern(
                f"{field}: numeric {word!r} {bound!r}: {', '.join(COMPARISONS)} and a number"
            )
    if len(pairs) == 2:
        (low, bottom), (high, top) = pairs
        if low[0] != ">" or high[0] != "<" or not bottom < top:
            raise InvalidEventPattern(
                f"{field}: numeric {given}: a range is a lower bound, and then an upper one"
            )
    return lambda value: _is_number(value) and all(COMPARISONS[word](value, bound) for word, bound in pairs)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _cidr(field: str, given: Any) -> Test:
    try:
        network = ipaddress.ip_network(_text(field, "cidr", given), strict=False)
    except ValueError as error:
        raise InvalidEventPattern(f"{field}: cidr: {error}") from None

    def within(value: str) -> bool:
        try:
            return ipaddress.ip_address(value) in network
        except ValueError:
            return False

    return _of_text(within)


def _anything_but(field: str, given: Any) -> Test:
    """A field that is there, and has another value than any of these."""
    if isinstance(given, Mapping):
        kind, inner = _one(field, given)
        if kind not in ("prefix", "suffix", "equals-ignore-case", "wildcard"):
            raise InvalidEventPattern(f"{field}: anything-but does not take {kind}")
        texts = _some(field, inner)
        if not all(isinstance(text, str) and text for text in texts):
            raise InvalidEventPattern(f"{field}: anything-but {kind} takes strings that are not empty")
        return _none_of(_test(field, kind, text) for text in texts)
    unwanted = _some(field, given)
    if not (all(isinstance(each, str) for each in unwanted) or all(map(_is_number, unwanted))):
        raise InvalidEventPattern(f"{field}: anything-but takes strings or numbers, and not both")
    return lambda value: not any(_same(each, value) for each in unwanted)


def _some(field: str, given: Any) -> list[Any]:
    listed = given if isinstance(given, list) else [given]
    if not listed:
        raise InvalidEventPattern(f"{field}: anything-but of nothing")
    return listed


def _none_of(tests: Iterable[Test]) -> Test:
    each = list(tests)
    return lambda value: not any(test(value) for test in each)


TESTS: Mapping[str, Callable[[str, Any], Test]] = {
    "prefix": _end("prefix", str.startswith),
    "suffix": _end("suffix", str.endswith),
    "equals-ignore-case": _either_case,
    "wildcard": _wildcard,
    "numeric": _numeric,
    "cidr": _cidr,
    "anything-but": _anything_but,
}
"""The match types, but for `exists`, which is about the field and not about a value."""
