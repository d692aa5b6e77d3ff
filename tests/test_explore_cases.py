"""Which runs explore makes: points in classes of ticks, and faults that nothing can tell apart."""

from __future__ import annotations

import dataclasses
import itertools
import json
import re
from collections.abc import Sequence

import exploring
import pytest
from exploring import FAILBACK, FAILOVER, WRITER, baseline_of, invoked, recorded
from planted import PLANTED

from farshore.explore.cases import at_calls, fault_cases
from farshore.explore.data import Baseline, RecordedCall
from farshore.explore.exploration import Exploration, played
from farshore.explore.kinds import KINDS, kind_of
from farshore.explore.points import own_call, tick_classes
from farshore.explore.seed import Fault

surveyed, shop, known, at_home = exploring.surveyed, exploring.shop, exploring.known, exploring.at_home


def alike(one: Sequence[RecordedCall], other: Sequence[RecordedCall]) -> bool:
    """Two ticks ask the same and end the same, but for figures."""
    ends = [re.sub(r"[0-9]+(\.[0-9]+)?", "", tick[-1].tick_end) for tick in (one, other)]
    asked = [[call.what for call in tick] for tick in (one, other)]
    return ends[0] == ends[1] and asked[0] == asked[1]


def test_ticks_in_a_row_that_are_alike_are_one_class(surveyed: Exploration) -> None:
    found = {baseline.name: list(tick_classes(baseline)) for baseline in surveyed.baselines}
    for several in found.values():
        for one in several:
            assert all(alike(one.ticks[0], tick) for tick in one.ticks)
    waiting = [one for one in found[FAILOVER] if one.ticks[0][0].point.label == WRITER[:-1]]
    assert len(waiting) > 1
    for before, after in itertools.pairwise(waiting):
        assert not alike(before.ticks[-1], after.ticks[0])
        assert before.ticks[-1][0].point.tick + 1 == after.ticks[0][0].point.tick


def test_a_class_is_met_at_its_first_its_second_and_its_last_tick(surveyed: Exploration) -> None:
    baseline = baseline_of(surveyed, FAILOVER)
    longest = max(tick_classes(baseline), key=lambda each: len(each.ticks))
    ticks = [tick[0].point.tick for tick in longest.ticks]
    label = longest.ticks[0][0].point.label
    assert len(ticks) > 4

    def met(every: bool) -> set[int]:
        cases = fault_cases(baseline, surveyed.runbook, every)
        points = [case.seed.faults[0].at for case in cases if kind_of(case.seed.faults[0]).at_call]
        return {at.tick for at in points if at is not None and at.label == label and at.tick in ticks}

    assert met(every=False) == {ticks[0], ticks[1], ticks[-1]}
    assert met(every=True) == set(ticks)


def test_every_tick_agrees_with_the_classes(shop: Exploration, known: None) -> None:
    runs = [
        [case for case in shop.cases(every) if f"failover,graceful,killed@{WRITER}" in str(case.seed)]
        for every in (False, True)
    ]
    few, every = ([case for case in each if str(case.seed).endswith("/3")] for each in runs)
    assert len(every) > len(few) > 2
    assert set(every) > set(few)
    shop.explore(every, lambda result: None)
    assert shop.holds
    counts = [
        invoked("explore", "unicorn-shop", "--count", "--json", *more).stdout for more in ((), ("--all",))
    ]
    assert json.loads(counts[0])["runs"] < json.loads(counts[1])["runs"]


def test_no_kind_of_fault_is_left_out(surveyed: Exploration) -> None:
    kinds = {case.kind for case in surveyed.cases()} | {
        fault.kind for baseline in surveyed.baselines for fault in baseline.seed.faults
    }
    elsewhere = {"expired", "instead"}  # of a line with `assume`; where approvals are proved
    assert kinds == KINDS.keys() - elsewhere


SILENT = ("lost_before", "lost_after", "throttled", "500", "503", "slow")


def test_whoever_wants_all_has_every_kind_at_every_call(surveyed: Exploration) -> None:
    baseline = baseline_of(surveyed, FAILOVER)
    firsts = {
        call.point for call in baseline.calls if call.point.tick == 1 and "failover-1/" in call.point.label
    }
    faults = [case.seed.faults[0] for case in fault_cases(baseline, surveyed.runbook, every=True)]
    for kind in (
        "lost_before",
        "lost_after",
        "throttled",
        "500",
        "503",
        "denied",
        "slow",
        "twice",
        "redriven",
    ):
        met = {fault.at for fault in faults if fault.kind == kind}
        assert met >= {point for point in firsts if kind != "redriven" or not point.plans}, kind


# Faults that nothing can tell apart.


def made_at(baseline: Baseline, what: str, every: bool = False) -> list[list[str]]:
    """The kinds that are played at each call of these words, over all ticks."""
    found = []
    for each in tick_classes(baseline):
        for tick in each.ticks:
            faults = list(at_calls(baseline, tick, every))
            found += [[f.kind for f in faults if f.at == call.point] for call in tick if call.what == what]
    return found


def test_a_read_is_silent_at_once_or_late_and_each_is_played_once(surveyed: Exploration) -> None:
    asked = "rds:DescribeGlobalClusters in us-west-1"
    baseline = baseline_of(surveyed, FAILOVER)
    for kinds in made_at(baseline, asked):
        assert [kind for kind in kinds if kind in SILENT] == ["lost_before", "throttled", "500"]
    for kinds in made_at(baseline, asked, every=True):
        assert set(SILENT) < set(kinds)


def test_what_a_customer_is_answered_differs_and_every_status_is_played(surveyed: Exploration) -> None:
    asked = "http:GET in us-west-1"
    for kinds in made_at(baseline_of(surveyed, FAILBACK), asked):
        assert {"throttled", "500", "503"} < set(kinds)


def test_a_write_that_is_lost_late_and_one_that_is_done_late_are_both_played(surveyed: Exploration) -> None:
    asked = "rds:SwitchoverGlobalCluster in us-east-1"
    for kinds in made_at(baseline_of(surveyed, FAILOVER), asked):
        assert {"lost_before", "lost_after", "throttled", "500", "slow"} < set(kinds)
        assert "503" not in kinds


def test_a_fault_that_no_step_sees_is_not_played(surveyed: Exploration) -> None:
    """Another replica of the ledger answers at once."""
    kinds = made_at(baseline_of(surveyed, FAILOVER), "dynamodb:Query in us-west-2")
    assert kinds
    assert all({"throttled", "500", "503"}.isdisjoint(each) and "lost_before" in each for each in kinds)


@pytest.mark.parametrize(
    ("wrong", "kind"),
    [
        ("Lambda's word for a throttle that is not known", "throttled"),
        ("a 500 that is taken for a no", "500"),
        ("ARC's word for another endpoint that is not known", "503"),
    ],
)
def test_a_code_that_is_no_silence_is_in_a_class_of_its_own(
    wrong: str, kind: str, surveyed: Exploration, monkeypatch: pytest.MonkeyPatch
) -> None:
    plant, _, operation, _, _ = PLANTED[wrong]
    plant(monkeypatch)
    baseline = recorded(baseline_of(surveyed, FAILOVER).seed)
    (what, *_) = [call.what for call in baseline.calls if f":{operation} in " in call.what]
    for kinds in made_at(baseline, what):
        assert kind in kinds
        assert {"throttled", "500", "503"} - {kind} & set(kinds)


def test_the_members_of_a_class_come_to_the_same_end(surveyed: Exploration) -> None:
    """They agree in status, in breaches, and in how everything stands in the end."""
    for baseline in (baseline_of(surveyed, name) for name in (FAILOVER, "failback ungraceful")):
        ticks = [tick for each in tick_classes(baseline) for tick in each.chosen(every=False)]
        for tick in ticks[2::9]:
            call = next((each for each in tick if len(each.replies) == 6), None)
            for kinds in classes_of(call) if call is not None else ():
                ends = [played(baseline.seed.but(Fault(kind, "", call.point))) for kind in kinds]
                assert len({end.status for end in ends}) == 1, (call.point, kinds)
                assert len({end.breaches for end in ends}) == 1, (call.point, kinds)
                assert len({but_for_the_alarm(end.end) for end in ends}) == 1, (call.point, kinds)


def classes_of(call: RecordedCall) -> list[list[str]]:
    """Kinds that get the same reply to this call, where there are several."""
    found: dict[str, list[str]] = {}
    for kind, reply in call.replies.items():
        found.setdefault(reply, []).append(kind)
    return [kinds for kinds in found.values() if len(kinds) > 1]


def but_for_the_alarm(end: str) -> str:
    """It goes by the second in which its canary asks, and may start another run, which is refused. So
    does the schedule: whether what it started is just running, and a step's function for it."""
    apart = (
        r"\('failover', False\)(, )?",
        r"\('StepFunctions'.*(?=\('Functions')",
        r"(?<=\[)\('[a-z0-9-]+', 'farshore-lease', '\d+', False\)(?=\]\)\), \('Bus')",
        r"\('Bus'.*(?=\('Health')",
        r"\('Synthetics'.*",
    )
    schedule = r"(?<=, \]), (True|False)(?=, \{)"
    return re.sub(schedule, "", re.sub("|".join(apart), "", end), count=1)


def test_what_happens_beside_reads_in_a_row_comes_to_the_same_end(shop: Exploration) -> None:
    """All that `--all` plays of a tick without a write, and before one, ends as what is played by default."""
    shop.baselines = [dataclasses.replace(each, fingerprints={}) for each in shop.baselines]  # to their ends
    baseline = baseline_of(shop, FAILBACK)
    every = [tick for each in tick_classes(baseline) for tick in each.chosen(every=False)]
    ticks = [tick for tick in every if len(tick) > 3 and own_call(baseline, tick[0])]
    groups: list[list[Fault]] = []
    for number, kind in enumerate(("killed", "twice", "redriven", "again", "other", "turn", "abort")):
        tick = [call for call in ticks[number * len(ticks) // 7] if call.point.call]
        writes = [at for at, call in enumerate(tick) if call.writes]
        end = writes[0] if writes else len(tick)
        points = [call.point for call in tick[:end] if KINDS[kind].at_call(baseline, call)]  # type: ignore[misc]
        groups.append([Fault(kind, "", point) for point in points])
    assert sum(len(group) > 2 for group in groups) > 4
    seeds = {str(baseline.seed.but(fault)) for group in groups for fault in group}
    shop.explore([case for case in shop.cases(every=True) if str(case.seed) in seeds], lambda result: None)
    ends = {result.case.seed: result.outcome for result in shop.results}
    assert len(ends) == len(seeds)
    for group in groups:
        came = [ends[baseline.seed.but(fault)] for fault in group]
        assert len({(end.status, end.breaches) for end in came}) <= 1, group
