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


def test_whatever_a_runbook_says_is_accepted_or_named_with_its_line(door: Door) -> None:
    accepted = Counter(door.accepts(odd_runbook(number)) for number in range(TIMES))
    assert accepted[True] > TIMES / 100, "what nobody accepts tests only the first line of defence"
