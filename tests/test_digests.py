"""Digests of a table's items: what is the same has the same, and whatever differs is found."""

from __future__ import annotations

import base64
import gc
import json
import random
from collections.abc import Sequence
from contextlib import suppress
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from functions.differences import salt_of
from functions.digests import Row, Sums, many_small_parts, rows_of
from functions.sketch import differing, empty, entries, hashes, with_items

SALT = salt_of("a run", 1.0)
NAMES = ("PK", "SK")

numbers = st.decimals(allow_nan=False, allow_infinity=False, places=4).map(lambda n: {"N": str(n)})
texts = st.text(max_size=6)
plain = st.one_of(
    texts.map(lambda text: {"S": text}),
    numbers,
    st.integers().map(lambda n: {"N": str(n)}),
    st.binary(max_size=6).map(lambda data: {"B": base64.b64encode(data).decode()}),
    st.booleans().map(lambda yes: {"BOOL": yes}),
    st.just({"NULL": True}),
    st.sets(texts, min_size=1, max_size=4).map(lambda some: {"SS": list(some)}),
    st.sets(st.integers(), min_size=1, max_size=4).map(lambda some: {"NS": [str(n) for n in some]}),
    st.sets(st.binary(max_size=3), min_size=1, max_size=4).map(
        lambda some: {"BS": [base64.b64encode(data).decode() for data in some]}
    ),
)
names = st.sampled_from(["a", "b", "N", "SS", "M", "total"])
values = st.recursive(
    plain,
    lambda inner: (
        st.lists(inner, max_size=3).map(lambda some: {"L": some})
        | st.dictionaries(names, inner, max_size=3).map(lambda some: {"M": some})
    ),
    max_leaves=6,
)
tables = st.dictionaries(st.integers(0, 60), st.dictionaries(names, values, max_size=3), max_size=25)


def row(number: int, more: dict[str, Any]) -> dict[str, Any]:
    return {**more, "PK": {"S": f"p{number % 5}"}, "SK": {"N": str(number)}}


def otherwise(value: Any, dice: random.Random) -> Any:
    """The same value, spelled in another way."""
    if isinstance(value, list):
        return [otherwise(each, dice) for each in value]
    if not isinstance(value, dict):
        return value
    mixed = list(value.items())
    dice.shuffle(mixed)
    found: dict[str, Any] = {}
    for name, each in mixed:
        if name == "N" and isinstance(each, str):
            found[name] = f"{Decimal(each):E}" if dice.random() < 0.5 else f"{Decimal(each):f}"
        elif name in ("SS", "NS") and isinstance(each, list):
            found[name] = dice.sample(each, len(each))
        else:
            found[name] = otherwise(each, dice)
    return found


def page(rows: list[dict[str, Any]]) -> Sequence[Row]:
    """As they come out of DynamoDB's answer."""
    return rows_of(json.dumps({"Items": rows}).encode(), "Items")[1]


def canonical(row: dict[str, Any]) -> Any:
    return page([row])[0]


def read(rows: list[dict[str, Any]]) -> tuple[Sums, dict[str, int]]:
    spelled = page(rows)
    return Sums.none().with_digests(spelled, SALT), dict(entries(spelled, NAMES, SALT))


@settings(max_examples=200, deadline=None, derandomize=True, database=None)
@given(tables, tables, st.booleans(), st.integers())
def test_every_difference_between_two_tables_is_found_and_none_invented(
    here: dict[int, Any], there: dict[int, Any], alike: bool, seed: int
) -> None:
    """In whatever order and spelling they are read, and in however many pieces."""
    dice = random.Random(seed)
    there = {**here, **there} if alike else there
    mine = [row(number, more) for number, more in here.items()]
    theirs = [otherwise(row(number, more), dice) for number, more in there.items()]
    dice.shuffle(theirs)
    cut = dice.randint(0, len(theirs))
    sums, keys = read(mine)
    first, some = read(theirs[:cut])
    second, more = read(theirs[cut:])
    others, other_keys = first.plus(second), {**some, **more}
    truly = {number for number in {*here, *there} if unlike(here.get(number), there.get(number))}
    expected = {
        json.dumps([row(number, {})[name] for name in NAMES], separators=(",", ":")) for number in truly
    }
    assert {key for key in {*keys, *other_keys} if keys.get(key) != other_keys.get(key)} == expected
    assert bool(sums.plus(others, -1).filled) == bool(expected)
    sketches = [with_items(empty(64), page(rows), NAMES, SALT, 1) for rows in (mine, theirs)]
    hashed = hashes(SALT)
    assert differing(sketches[0].plus(sketches[1], -1)) == frozenset(hashed(key.encode()) for key in expected)


def unlike(one: Any, other: Any) -> bool:
    """By Python's own equality, which knows nothing of digests."""
    return bool(_plain(one) != _plain(other))


def _plain(item: Any) -> Any:
    return None if item is None else {name: _value(each) for name, each in item.items()}


def _value(value: dict[str, Any]) -> Any:
    ((kind, given),) = value.items()
    if kind == "N":
        return kind, Decimal(given)
    if kind in ("SS", "NS"):
        return kind, frozenset(map(Decimal, given) if kind == "NS" else given)
    if kind == "L":
        return kind, [_value(each) for each in given]
    if kind == "M":
        return kind, {name: _value(each) for name, each in given.items()}
    return kind, given


@settings(max_examples=50, deadline=None, derandomize=True, database=None)
@given(tables)
def test_sums_come_back_from_their_packed_form(table: dict[int, Any]) -> None:
    sums, _ = read([row(number, more) for number, more in table.items()])
    assert Sums.none().unpacked(sums.packed()) == sums
    assert sums.plus(sums, -1).filled == 0


def test_an_item_that_is_read_twice_does_not_cancel_itself() -> None:
    one = row(1, {"a": {"S": "x"}})
    assert read([one, one])[0].filled == read([one])[0].filled == 1


@pytest.mark.parametrize("text", ["1000", "1E3", "1e+3", "1000.0", "1000.00", "01000", "100E1"])
def test_a_number_has_one_spelling(text: str) -> None:
    assert canonical({"a": {"N": text}}) == {"a": {"N": "1000"}}


@pytest.mark.parametrize("text", ["0", "-0", "0.0", "0E9", "-0.00"])
def test_nothing_has_one_spelling_too(text: str) -> None:
    assert canonical({"a": {"N": text}}) == {"a": {"N": "0"}}


@pytest.mark.parametrize("text", ["0.5", "5e-1", ".5", "0.50"])
def test_a_fraction_has_one_spelling(text: str) -> None:
    assert canonical({"a": {"N": text}}) == {"a": {"N": "0.5"}}


def test_the_greatest_numbers_keep_all_their_digits() -> None:
    digits = "9" * 38
    assert canonical({"a": {"N": f"{digits}E88"}}) != canonical({"a": {"N": f"{digits[:-1]}8E88"}})
    assert canonical({"a": {"N": f"{digits}.0"}}) == canonical({"a": {"N": digits}})


def test_an_attribute_that_is_called_like_a_type_is_none() -> None:
    item = {"SS": {"L": [{"S": "b"}, {"S": "a"}]}, "N": {"S": "1E3"}, "M": {"M": {"NS": {"N": "2.0"}}}}
    assert canonical(item) == {**item, "M": {"M": {"NS": {"N": "2"}}}}


def test_a_text_that_looks_like_a_set_or_a_number_is_one() -> None:
    item = {"a": {"S": '"SS":["b","a"],"N":"1E3"'}}
    assert canonical(item) == item


def test_the_same_letters_of_another_type_are_another_value() -> None:
    values = [
        {"S": "1"},
        {"N": "1"},
        {"B": "1"},
        {"SS": ["1"]},
        {"NS": ["1"]},
        {"BS": ["1"]},
        {"L": []},
        {"M": {}},
    ]
    told = {digest for _, digest in entries([row(1, {"a": value}) for value in values], ("PK",), SALT)}
    assert len(told) == len(values)


def test_another_run_has_other_digests() -> None:
    rows = [row(1, {})]
    (one,), (other,) = (
        entries(rows, ("PK",), salt_of("a run", 1)),
        entries(rows, ("PK",), salt_of("a run", 2)),
    )
    assert one[0] == other[0]
    assert one[1] != other[1]


@pytest.mark.parametrize("body", [b"[]", b"", b"{", b"1", b"{}", b'{"Items": 1, "N": "N": ""}'])
def test_what_is_no_answer_is_an_error(body: bytes) -> None:
    with pytest.raises((ValueError, TypeError, KeyError)):
        rows_of(body, "Items")


@pytest.mark.parametrize("text", ["", "AAAA", "!"])
def test_what_is_no_packed_sums_is_a_value_error(text: str) -> None:
    with pytest.raises(ValueError, match=r"sums have 16|base64"):
        Sums.none().unpacked(text)


@pytest.mark.parametrize("looks", [True, False])
def test_python_looks_for_circles_again_as_it_did_before_a_page(looks: bool) -> None:
    was = gc.isenabled()
    try:
        (gc.enable if looks else gc.disable)()
        with suppress(KeyError), many_small_parts():
            looked = gc.isenabled()
            raise KeyError
        assert (looked, gc.isenabled()) == (False, looks)
    finally:
        (gc.enable if was else gc.disable)()
