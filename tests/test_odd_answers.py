"""Nothing that AWS, the ledger or the network could answer, and no event, makes a step raise what no machine
knows. `make fuzz` goes on with other numbers."""

from __future__ import annotations

from collections import Counter

from odd_answers import ended, odd_tick

TIMES = 3000


def test_a_tick_ends_with_an_outcome_or_an_error_of_ours_whatever_is_answered_and_asked() -> None:
    ends = Counter(ended(odd_tick(number)) for number in range(TIMES))
    assert min(ends[each] for each in ("outcome", "NotYet", "Refused", "Untouched")) > TIMES / 100, ends
