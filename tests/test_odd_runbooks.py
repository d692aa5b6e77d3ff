"""Whatever a runbook says, `farshore lint` and `farshore compile` accept it or name its mistakes, and agree.
`make fuzz` goes on with other numbers."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from odd_runbooks import SAMPLES, Door, odd_runbook

TIMES = 500


@pytest.fixture
def door(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Door:
    monkeypatch.chdir(tmp_path)
    return Door(tmp_path)


def test_every_sample_is_accepted(door: Door) -> None:
    assert all(door.accepts(sample.encode()) for sample in SAMPLES)


HEAD = """\
application: shop
regions: {primary: us-east-1, standby: us-west-1, observer: us-west-2}
objectives: {rto: 15m, rpo: 30s}
ledger: {table: ledger, regions: [us-east-1, us-east-2, us-west-2]}
"""
UNORDERED = (
    "failover:\n"
    "  - approval: {topics: {us-east-1: 'arn:aws:sns:us-east-1:123456789012:t',\n"
    "      us-west-1: 'arn:aws:sns:us-west-1:123456789012:t'}}\n"
)
SERVICES = [f"{'a-cluster' * 10}/service-{number}" for number in range(300)]
CAPACITY = "  - ecs_capacity: {{services: {{us-east-1: [{east}], us-west-1: [a/b]}}, region: {to}}}\n"
LONG = {
    "a path": "failover:\n  - synthetic_write: {url: 'http://a.example', body: '{marker}', "
    f"read: '/{{marker}}', region: $to, write: {'x' * 300_000}}}\n",
    "lines in the wrong order": UNORDERED
    + "  - region_impaired: {region: $from, of: [{alarm: a, at: us-west-1}], at_least: 1}\n" * 300,
    "keys of a table": "failover:\n  - data_matches: {table: orders, partitions: [{KEYS}]}\n".replace(
        "KEYS", ", ".join(f"a{number}: b" for number in range(300))
    ),
    "services that are not given back": "failover:\n"
    + CAPACITY.format(east=", ".join(SERVICES), to="$from, desired: 0")
    + CAPACITY.format(east="a/b", to="$to, desired: restore"),
}


@pytest.mark.parametrize("what", LONG)
def test_however_many_and_long_they_are_a_message_is_short(door: Door, what: str) -> None:
    assert not door.accepts((HEAD + LONG[what]).encode())


def test_whatever_a_runbook_says_is_accepted_or_named_with_its_line(door: Door) -> None:
    accepted = Counter(door.accepts(odd_runbook(number)) for number in range(TIMES))
    assert accepted[True] > TIMES / 100, "what nobody accepts tests only the first line of defence"
