"""`farshore explore`: which runs it makes, that a replay does the same, and that what is wrong is found."""

from __future__ import annotations

import contextlib
import dataclasses
import gc
import inspect
import itertools
import json
import re
import textwrap
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from click.testing import Result as Invocation
from greenlet import greenlet
from test_lint import DATA, ONE_ENDPOINT, RESTORE, Edit, ordered, replaced, step

from farshore.cli import farshore
from farshore.compile import machine, procedure, retry
from farshore.explore import exploration
from farshore.explore.cases import at_calls, baseline_name, fault_cases
from farshore.explore.data import Baseline, FaultCase, Outcome, RecordedCall, Result
from farshore.explore.driver import Driver
from farshore.explore.exploration import Exploration, played
from farshore.explore.kinds import KINDS, kind_of
from farshore.explore.points import tick_classes
from farshore.explore.recorder import Recorder
from farshore.explore.seam import Seam
from farshore.explore.seed import Fault, Point, Seed
from farshore.explore.syntax import read
from farshore.operate import operator as operate
from farshore.runbook.find import find
from functions import fence, handler, outside
from functions import tick as ticking
from functions.ledger import Ledger
from functions.outside import Outside
from functions.steps import lease
from functions.steps.approval import Approval
from functions.steps.arc_controls import ArcControls
from functions.steps.aurora_writer import AuroraWriter
from functions.steps.lease import LeaseStep
from twin.application import Promise
from twin.asl.execution import Execution
from twin.clock import Task
from twin.faults import Request

ROOT = Path(__file__).parent.parent
SHOP = (ROOT / "runbooks" / "unicorn-shop.yaml").read_text()
KEYS = {
    "application", "points", "classes", "faults", "runs", "safe", "live", "breaches", "wall_seconds",
    "runs_per_second",
}  # fmt: skip
FAILOVER, FAILBACK = "failover graceful", "failback graceful"
FENCE, WRITER = "failover-1/lambda_concurrency.us-east-1/", "failover-1/aurora_writer.us-west-1/"


def invoked(verb: str, *words: str) -> Invocation:
    result = CliRunner(mix_stderr=False).invoke(farshore, [verb, *words])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


@pytest.fixture(scope="module")
def surveyed() -> Iterator[Exploration]:
    """The baseline runs of the shop that ships, and their calls."""
    with contextlib.chdir(ROOT):
        shop = Exploration("unicorn-shop", find("unicorn-shop"))
        shop.survey()
    yield shop
    gc.unfreeze()  # forks freeze what they share


@pytest.fixture
def shop(surveyed: Exploration) -> Exploration:
    """Nothing has been explored of it yet."""
    return dataclasses.replace(surveyed, results=[])


@pytest.fixture
def known(surveyed: Exploration, monkeypatch: pytest.MonkeyPatch) -> None:
    """The command line need not survey the shop again."""

    def survey(self: Exploration) -> None:
        assert self.app == surveyed.app
        self.baselines += surveyed.baselines

    monkeypatch.setattr(Exploration, "survey", survey)


@pytest.fixture(autouse=True)
def at_home(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the runbooks are; what the commands set in the environment is taken back at the end."""
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr(exploration, "_RUNBOOKS", {})
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_DEFAULT_REGION"):
        monkeypatch.setenv(name, "us-east-1")


def made(
    baselines: Sequence[Baseline], pattern: str, operation: str = "", every: bool = False
) -> list[FaultCase]:
    """Of the runs that explore makes, those whose seed fits, with a fault at a call of that operation."""
    runbook, found = find("unicorn-shop"), []
    for baseline in baselines:
        calls = {call.point for call in baseline.calls if f":{operation} in " in call.what}
        for case in fault_cases(baseline, runbook, every):
            if re.search(pattern, str(case.seed)) and (not operation or case.seed.faults[-1].at in calls):
                found.append(case)
    return found


def baseline_of(shop: Exploration, name: str) -> Baseline:
    return next(baseline for baseline in shop.baselines if baseline.name == name)


def recorded(seed: Seed) -> Baseline:
    """A baseline run, played now."""
    outcome = played(seed, recorder=Recorder())
    return Baseline(seed, baseline_name(seed), outcome.calls, outcome.status, outcome.fingerprints)


# What there is, and what is printed.


def test_a_count_has_points_classes_faults_and_runs_and_makes_none(
    shop: Exploration, known: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(Exploration, "explore")
    told = json.loads(invoked("explore", "unicorn-shop", "--count", "--json").stdout)
    assert told.keys() == {"points", "classes", "faults", "runs"}
    assert told["points"] > told["classes"] > told["faults"] > 20
    assert told["runs"] == len(list(shop.cases())) + len(shop.baselines)
    line = invoked("explore", "unicorn-shop", "--count").stdout
    figures = [int(figure.replace(",", "")) for figure in re.findall(r"\d[\d,]*", line)]
    assert figures == [told[key] for key in ("points", "classes", "faults", "runs")]
    words = re.sub(r"\d[\d,]*", "#", line)
    assert words == "# points in # classes, x # faults: # runs\n"


def test_what_is_explored_is_json_on_standard_output_alone() -> None:
    result = invoked("explore", "unicorn-shop", "--only", "failover,graceful,killed@failover-1/arc", "--json")
    told = json.loads(result.stdout)
    assert told.keys() == KEYS
    assert (result.exit_code, result.stderr) == (0, "")
    assert told["safe"] == told["live"] == told["runs"] > 9
    assert told["breaches"] == []
    assert told["application"] == "unicorn-shop"
    assert told["runs_per_second"] > 0


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["unicorn-shop", "--only", "nonsense"], "no seed contains 'nonsense'"),
        (["no-such-shop"], "the applications here are: unicorn-shop"),
    ],
)
def test_what_cannot_be_explored_is_a_usage_error(known: None, words: list[str], says: str) -> None:
    result = invoked("explore", *words)
    assert result.exit_code == 2
    assert says in result.stderr
    assert result.stdout == ""


def test_a_breach_is_shown_with_its_seed_and_ends_the_exploration_with_1(
    known: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retry, "LAMBDA_FAULTS", ["Lambda.Nothing"])
    only = ("--only", "failover,graceful,killed@failover-1/arc")
    result = invoked("explore", "unicorn-shop", *only, "--json")
    told = json.loads(result.stdout)
    assert result.exit_code == 1
    assert told["live"] < told["safe"] == told["runs"]
    assert {breach["invariant"] for breach in told["breaches"]} == {"L1"}
    assert all("Runtime.ExitError" in breach["story"] for breach in told["breaches"])
    assert all(only[1] in breach["seed"] for breach in told["breaches"])
    said = invoked("explore", "unicorn-shop", *only).stdout
    assert "farshore replay --shrink 'unicorn-shop,failover,graceful,killed@failover-1/arc" in said


# Which runs.


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
    assert len(every) > len(few) > 4
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
    assert kinds == KINDS.keys()


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
        assert [kind for kind in kinds if kind in SILENT] == ["lost_before", "throttled"]
    for kinds in made_at(baseline, asked, every=True):
        assert set(SILENT) < set(kinds)


def test_what_a_customer_is_answered_differs_and_every_status_is_played(surveyed: Exploration) -> None:
    asked = "http:GET in us-west-1"
    for kinds in made_at(baseline_of(surveyed, FAILBACK), asked):
        assert {"throttled", "500", "503"} < set(kinds)


def test_a_write_that_is_lost_late_and_one_that_is_done_late_are_both_played(surveyed: Exploration) -> None:
    asked = "rds:SwitchoverGlobalCluster in us-east-1"
    for kinds in made_at(baseline_of(surveyed, FAILOVER), asked):
        assert {"lost_before", "lost_after", "throttled", "slow"} < set(kinds)
        assert {"500", "503"}.isdisjoint(kinds)


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
    """It goes by the second in which its canary asks, and may start another run, which is refused."""
    return re.sub(r"\('failover', False\)(, )?|: '(OK|ALARM)'", "", end)


# One run: forked from its baseline run, or played from the start.


def agree(results: Sequence[Result]) -> None:
    """Forked and played from the start they come to the same."""
    for result in results:
        replay, forked = played(result.case.seed), result.outcome
        assert (forked.status, forked.breaches) == (replay.status, replay.breaches), result.case.seed


def cases_by_kind(shop: Exploration) -> dict[str, list[FaultCase]]:
    found: dict[str, list[FaultCase]] = {}
    for case in shop.cases():
        found.setdefault(case.kind, []).append(case)
    return found


def test_a_run_forked_from_its_baseline_run_comes_to_the_end_of_a_replay(shop: Exploration) -> None:
    by_kind = cases_by_kind(shop)
    sample = [several[len(several) * n // len(by_kind)] for n, several in enumerate(by_kind.values())]
    assert len({case.baseline for case in sample}) > 4
    shop.explore(sample, lambda result: None)
    assert [result.case for result in shop.results] == sample
    agree(shop.results)


def test_a_fork_and_a_replay_agree_on_what_is_wrong(
    shop: Exploration, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retry, "LAMBDA_FAULTS", ["Lambda.Nothing"])
    pattern = "failover,graceful,(killed|twice|late|dark)@?.*"
    sample = made(shop.baselines, pattern, "PutFunctionConcurrency")[:6]
    heard: list[Result] = []
    shop.explore(sample, heard.append)
    assert len(heard) == len(sample)
    assert any(result.outcome.breaches for result in heard)
    agree(heard)


# A run that stands as its baseline run did is not followed.


def test_a_run_that_rejoins_its_baseline_run_would_have_ended_as_that_does(shop: Exploration) -> None:
    by_kind = cases_by_kind(shop)
    kinds = [word for word, kind in KINDS.items() if word in by_kind and kind.family.name in SHORT_LIVED]
    sample = [by_kind[kind][len(by_kind[kind]) * n // 12] for n, kind in enumerate(kinds)]
    shop.explore(sample, lambda result: None)
    assert shop.rejoined > len(sample) / 2
    agree(shop.results)


SHORT_LIVED = {
    "lost", "throttled, 5xx", "denied", "stale", "slow", "reverted", "killed", "twice", "redriven",
}  # fmt: skip


def test_whoever_wants_all_has_every_run_followed_to_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    ends: list[str] = []
    result = exploration.Result

    def kept(case: FaultCase, outcome: Outcome) -> Result:
        ends.append(outcome.rejoined)
        return result(case, outcome)

    monkeypatch.setattr(exploration, "Result", kept)
    only = ("unicorn-shop", "--only", "failover,graceful,lost_before@failover-1/arc_controls/1/", "--json")
    few = json.loads(invoked("explore", *only).stdout)
    assert len(ends) > 4
    assert all(ends)
    ends.clear()
    every = json.loads(invoked("explore", "--all", *only).stdout)
    assert len(ends) > 4
    assert not any(ends)
    assert (few["safe"], few["live"]) == (every["safe"], every["live"])


OTHERWISE: dict[str, Callable[[Any], object]] = {
    "a fence": lambda driver: setattr(
        driver.simulation.functions.function("us-east-1", "unicorn-shop-users"), "reserved", 7
    ),
    "a route": lambda driver: driver.simulation.application.arc.states.update({"us-east-1": "Off"}),
    "a word in the ledger": lambda driver: driver.person.directs(driver.main, "why", pause=True),
    "a transport that is held": lambda driver: driver.simulation.application.datasets[0].stall(),
    "an alarm": lambda driver: setattr(
        next(iter(driver.simulation.metrics._alarms.values())), "state", "ALARM"
    ),
    "a dark Region": lambda driver: driver.simulation.cloud.weather.dark.add("us-west-2"),
    "a lost write": lambda driver: driver.simulation.customers.notebook.promises.append(
        Promise("nobody has it", "users", "nobody has it", "us-east-1", 0.0)
    ),
    "a person who will decline": lambda driver: setattr(driver.person, "declines", True),
    "a person at work": lambda driver: setattr(driver.person, "busy", 1),
    "another run": lambda driver: driver.person.starts("failback"),
    "a call that is under way": lambda driver: driver.simulation.clock.tasks.update(
        {greenlet(): Task(driver.simulation.clock, list)}
    ),
    "a website that will be closed": lambda driver: setattr(
        driver.simulation.cloud.backing.buckets.kept["active-primary-uibucket"],
        "block",
        {"BlockPublicPolicy": True},
    ),
}


@pytest.mark.parametrize("what", OTHERWISE)
def test_a_run_in_which_anything_stands_otherwise_does_not_rejoin(
    what: str, surveyed: Exploration, monkeypatch: pytest.MonkeyPatch
) -> None:
    where, stood = "failover-1/lambda_concurrency.us-west-1", []
    driver = Driver(surveyed.runbook, read("unicorn-shop,failover,graceful"))

    def enter(seam: Seam, point: Point, request: Request) -> None:
        if point.label == where:
            stood.append(driver.stands(request))
            with driver.simulation.cloud.weather.fair():
                OTHERWISE[what](driver)
            stood.append(driver.stands(request))

    monkeypatch.setattr(Seam, "_enter", enter)
    driver.play()
    before, after = stood
    assert before == baseline_of(surveyed, FAILOVER).fingerprints[where]
    assert after != before


def test_a_baseline_run_that_goes_wrong_by_itself_is_shown_and_nothing_is_injected(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    slip(AuroraWriter, "decide", 'seen.mode == "ungraceful"', "True")(monkeypatch)
    result = invoked("explore", "unicorn-shop", "--only", "unicorn-shop,failover,graceful,killed@")
    assert result.exit_code == 1
    wrong = "failover graceful goes wrong by itself, and nothing was injected: mend that first"
    assert wrong in result.stdout
    assert "farshore replay --shrink 'unicorn-shop,failover,graceful'" in result.stdout


# Bugs that are planted, one at a time.


Plant = Callable[[pytest.MonkeyPatch], None]


def slip(owner: Any, name: str, *changes: str) -> Plant:
    """A function as a slip of the hand would have left it: each text once in it, and what stands instead."""

    def plant(patch: pytest.MonkeyPatch) -> None:
        found = inspect.getattr_static(owner, name)
        function: Any = found.fget if isinstance(found, property) else found
        source = inspect.getsource(function).replace("@property\n", "\n")
        for old, new in zip(changes[::2], changes[1::2], strict=True):
            assert source.count(old) == 1, f"{name}: {old!r} stands {source.count(old)} times"
            source = source.replace(old, new)
        scope: dict[str, Any] = {}
        exec("from __future__ import annotations\n" + textwrap.dedent(source), function.__globals__, scope)
        wrong = scope[name]
        patch.setattr(owner, name, property(wrong) if isinstance(found, property) else wrong)

    return plant


def other(owner: Any, name: str, value: Any) -> Plant:
    return lambda patch: patch.setattr(owner, name, value)


def compiles(old: str, new: str) -> Plant:
    """A slip in the list of a runbook's machines."""
    return slip(machine, "_procedures", old, new)


TRUSTS = (
    'if not trouble and {}:\n            return {{"outcome": "done", "facts": {{}}}}\n        acknowledged +='
)
BOTH_WAYS = "(*_owed(failover, there), *_owed(failback, back))"
DARK = "failover,ungraceful,dark:us-east-1..failover-1/release/1/0"
DARK_BACK = "failback,ungraceful,dark:us-west-1..failback-1/release/1/0"

PLANTED: dict[str, tuple[Plant, str, str, str, str]] = {
    # What is wrong: how, the seeds of a baseline run or of few runs, the call that is met, and what is found.
    # Steps.
    "a graceful run that accepts a loss": (
        slip(AuroraWriter, "decide", 'seen.mode == "ungraceful"', "True"),
        "failover,graceful", "", "S4", "a graceful run let data be lost",
    ),
    "a promotion that trusts a 200": (
        slip(handler, "tick", "acknowledged +=", TRUSTS.format('step.name == "aurora_writer"')),
        "failover,graceful", "", "S2", "customers are sent to us-west-1, where not every dataset",
    ),
    "a restore that trusts a 200": (
        slip(handler, "tick", "acknowledged +=", TRUSTS.format("step.fences")),
        "failback,graceful", "", "S5", "us-east-1:unicorn-shop-users:reserved_concurrency",
    ),
    "a fence that trusts any answer": (
        slip(handler, "tick", "acknowledged +=", TRUSTS.format("step.fences").replace("not trouble", "True")),
        f"failover,graceful,lost_before@{FENCE}", "PutFunctionConcurrency",
        "S6", "lambda_concurrency us-east-1 would change again: fence lambda:us-east-1",
    ),
    "a fence that trusts a 200": (
        slip(handler, "tick", "acknowledged +=", TRUSTS.format("step.fences")),
        f"failover,graceful,reverted@{FENCE}", "PutFunctionConcurrency",
        "S5", "us-east-1 still lets requests in, and was to be fenced",
    ),
    "a run that remembers what an outage left": (
        slip(fence, "_memory", "held.resource, m.value", "held.resource, held.current"),
        "failback,graceful,outage", "", "L1", "no customer is served anywhere, long after the end",
    ),
    "a lease that is taken whoever has it by now": (
        slip(Ledger, "hold", '"attribute_not_exists(application)", _stamp', "None, _stamp"),
        "failover,graceful,late@failover-1/lease", "PutItem", "S8", "failover-1 has taken it",
    ),
    "a refusal that leaves the fences though nothing has been sent": (
        slip(ticking, "_given_up", "why if touched", "why if True"),
        "failover,graceful,denied@failover-1/aurora_writer.us-west-1/1/", "SwitchoverGlobalCluster",
        "S5", "left customers nowhere to go",
    ),
    "a memory that is forgotten before what it remembers is back": (
        slip(fence, "_restore", "(), held.put(mine.value))", "(Forget(mine), *void), held.put(mine.value))"),
        "failback,graceful,killed@failback-1/lambda_concurrency.us-east-1/", "PutFunctionConcurrency",
        "L1", "no customer is served anywhere, long after the end",
    ),
    "a run that does not ask whether it holds the lease": (
        other(ticking, "_hold", lambda *_: None),
        "failover,graceful,revived@failover-1/aurora_writer.us-west-1/", "SwitchoverGlobalCluster",
        "S8", "aurora_writer.us-west-1 sent rds:SwitchoverGlobalCluster in us-east-1, but",
    ),
    "a run that does not wait for what is in flight": (
        slip(ticking, "_hold", "now < lease.quiet_until", "False"),
        f"failover,graceful,late@{WRITER}", "SwitchoverGlobalCluster",
        "L1", "no customer is served anywhere, long after the end",
    ),
    "a lease that is taken without a quiet time": (
        other(lease, "LONGEST_TICK_SECONDS", 0.0),
        f"failover,graceful,late@{WRITER}", "SwitchoverGlobalCluster",
        "S8", "aurora_writer.us-west-1 sent rds:SwitchoverGlobalCluster in us-east-1, but arn:aws:states",
    ),
    "a lease that is taken from a run that is running": (
        slip(LeaseStep, "_after_another",
             "if self.settling:",
             "if True:\n            return self._take(seen, lease, 0.0)\n        if self.settling:"),
        f"failover,graceful,other@{FENCE}", "PutFunctionConcurrency",
        "S8", "failover held the lease, another run was started, and it ended: Refused",
    ),
    "a fence that nobody confirmed and nobody owes": (
        slip(fence, "_fence", "(*notes, *(() if owed else void), owe), calls)",
             "notes, calls) if notes or calls else due.unknown.append(why)"),
        DARK, "", "S5", "us-east-1 still lets requests in, and was to be fenced",
    ),
    "a fence that refuses a dark Region": (
        slip(fence.FenceSight, "owes", 'self.mode == "ungraceful"', "False"),
        DARK, "", "S7", "may not stay open, and is silent after",
    ),
    "a plan that nobody need approve": (
        slip(
            Approval, "decide",
            "if decision is None:", "if decision is None and not seen.records.proposal:",
            'decision["decision"] != "approve"', "False",
            'who = f"', 'decision = decision or dict.fromkeys(("who", "identity", "why"))\n        who = f"',
        ),
        "failover,graceful", "", "S8", "but the approved plan says nothing for it",
    ),
    "an approval of any plan": (
        slip(Approval, "decide", "decisions.get(digest)", "decisions.get(digest, next(iter(decided), None))",
             "        digest = ", "        decided = seen.records.decisions.values()\n        digest = "),
        "failback,graceful", "", "S8", "but the approved plan says nothing for it",
    ),
    "a single endpoint of ARC's five": (
        slip(ArcControls, "observe", "endpoints[first:] + endpoints[:first]", "endpoints[first : first + 1]"),
        r"failover,graceful,dark:[a-e]{8}\.[a-z0-9.-]*com$", "", "S7", "no endpoint of the cluster tells",
    ),
    "a service's word for busy that is not known": (
        other(AuroraWriter, "busy", frozenset()),
        f"failover,graceful,twice@{WRITER}", "SwitchoverGlobalCluster", "L1", "InvalidGlobalClusterState",
    ),
    "a throttle that is taken for a no": (
        other(outside, "THROTTLED", frozenset()),
        f"failover,graceful,throttled@{FENCE}", "PutFunctionConcurrency", "L1", "TooManyRequestsException",
    ),
    "Lambda's word for a throttle that is not known": (
        other(outside, "THROTTLED", outside.THROTTLED - {"TooManyRequestsException"}),
        f"failover,graceful,throttled@{FENCE}", "PutFunctionConcurrency", "L1", "TooManyRequestsException",
    ),
    "RDS's word for a throttle that is not known": (
        other(outside, "THROTTLED", outside.THROTTLED - {"Throttling"}),
        f"failover,graceful,throttled@{WRITER}", "SwitchoverGlobalCluster", "L1", "Throttling",
    ),
    "ARC's word for another endpoint that is not known": (
        other(outside, "UNAVAILABLE", frozenset()),
        "failover,graceful,503@failover-1/arc_controls/", "UpdateRoutingControlStates",
        "L1", "EndpointTemporarilyUnavailableException",
    ),
    "a 500 that is taken for a no": (
        slip(Outside, "_through", "status >= 500", "status == 503"),
        f"failover,graceful,500@{FENCE}", "PutFunctionConcurrency", "L1", "ServiceException",
    ),
    # What a person does.
    "a word that nobody heeds": (
        slip(ticking, "_heed", 'word.get("ungraceful")', "False"),
        f"failover,graceful,ungraceful@{WRITER}", "", "S7", "failover ended FAILED",
    ),
    "a pause that ends the run": (
        slip(ticking, "_heed", "raise Paused(", "raise Aborted("),
        f"failover,graceful,paused@{WRITER}", "", "L1", "failover ended FAILED: Aborted",
    ),
    "a pause that nobody ends": (
        slip(ticking, "_heed", 'if word.get("pause"):', 'if "pause" in word:'),
        f"failover,graceful,paused@{WRITER}", "", "L1", "failover ended FAILED: Paused",
    ),
    "a decline that nobody heeds": (
        slip(Approval, "decide", 'decision["decision"] != "approve"', "False"),
        "failover,graceful,declined", "", "S8", "a person declined the plan, and failover ended SUCCEEDED",
    ),
    "a redrive that leaves the abort standing": (
        other(operate, "STOPPING", frozenset()),
        "failback,graceful,abort@failback-1/arc_controls/", "UpdateRoutingControlStates",
        "L1", "even when repaired, ended FAILED: Aborted: ",
    ),
    # The compiler.
    "a tick that ended without a word and is not ticked again": (
        other(retry, "LAMBDA_FAULTS", ["Lambda.Nothing"]),
        "failover,graceful,lost_before@failover-1/lease/1/0", "Invoke", "L1", "Lambda.SdkClientException",
    ),
    "a Lambda that dies and is not ticked again": (
        other(retry, "LAMBDA_FAULTS", [e for e in retry.LAMBDA_FAULTS if e != "Runtime.ExitError"]),
        f"failover,graceful,killed@{FENCE}", "PutFunctionConcurrency", "L1", "Runtime.ExitError",
    ),
    "a Lambda that is throttled and not ticked again": (
        other(retry, "LAMBDA_FAULTS", [e for e in retry.LAMBDA_FAULTS if "TooMany" not in e]),
        "failover,graceful,throttled@failover-1/lease/1/0", "Invoke", "L1", "Lambda.TooManyRequestsException",
    ),
    "a Lambda that is broken and not ticked again": (
        other(retry, "LAMBDA_FAULTS", [e for e in retry.LAMBDA_FAULTS if "ServiceEx" not in e]),
        "failover,graceful,500@failover-1/lease/1/0", "Invoke", "L1", "Lambda.ServiceException",
    ),
    "a Lambda that is not there and not ticked again": (
        other(retry, "LAMBDA_FAULTS", [e for e in retry.LAMBDA_FAULTS if "AWSLambda" not in e]),
        "failover,graceful,503@failover-1/lease/1/0", "Invoke", "L1", "Lambda.AWSLambdaException",
    ),
    "a tick that is given up and not ticked again": (
        other(retry, "LAMBDA_FAULTS", [e for e in retry.LAMBDA_FAULTS if e != "States.Timeout"]),
        "failover,graceful,slow@failover-1/lease/1/0", "Invoke", "L1", "States.Timeout",
    ),
    "too few attempts": (
        slip(retry, "attempts", "quick + math.ceil(max(0.0, within - waited) / pace) + SPARE", "5"),
        "failover,graceful", "", "L1", "NotYet: aurora_writer us-west-1",
    ),
    "an undo that heeds the abort which it undoes": (
        slip(
            procedure, "undo",
            "following, line=line.line, purpose=giving_up", "following, line=line.line",
        ),
        f"failover,graceful,denied@{FENCE}", "PutFunctionConcurrency",
        "S8", "undo.lambda_concurrency.us-east-1 sent lambda:",
    ),
    "debts that only failover's fences are paid for": (
        compiles(BOTH_WAYS, "tuple(_owed(failover, there))"),
        DARK_BACK, "", "L1", "owed for ever: lambda:us-west-1",
    ),
    "settling that takes peace for a mistake": (
        slip(LeaseStep, "decide", 'return Done("nothing owed")', 'raise Refused("nothing owed")'),
        "failover,graceful", "", "L1", "settling ended Refused",
    ),
    "settling that says nothing of what it could not pay": (
        slip(fence.FenceSight, "owes", " and not self.settling", ""),
        "failover,ungraceful,dark:us-east-1", "", "L1", "settling ended well at",
    ),
    "debts that nobody pays": (
        compiles(BOTH_WAYS, "()"),
        DARK, "", "L1", "owed for ever: lambda:us-east-1",
    ),
    "a failure that gives nothing back": (
        slip(machine, "definition", "catch = undone if", "catch = states.fail() if"),
        f"failover,graceful,denied@{FENCE}", "PutFunctionConcurrency", "S5", "left customers nowhere to go",
    ),
    "an undo that forgets the fence": (
        slip(procedure, "undo", "for line in fences:", "for line in fences[1:]:"),
        f"failover,graceful,denied@{FENCE}", "PutFunctionConcurrency", "S5", "left customers nowhere to go",
    ),
    "a run that keeps the lease": (
        slip(machine, "definition", '"release", "lease", {"release": True}', '"release", "lease", {}'),
        "failover,graceful", "", "S5", "failover SUCCEEDED, but the lease was not released",
    ),
    "a failback in failover's direction": (
        compiles("back = Direction(there.target, there.source)", "back = there"),
        "failback,graceful", "", "S5", "customers are served in us-west-1, not in us-east-1",
    ),
    # The engine.
    "an engine that tries again but once": (
        slip(Execution, "_failed", "< retrier.most", "< min(retrier.most, 1)"),
        "failover,graceful", "", "L1", "NotYet: approval",
    ),
    "an engine that does not count redrives": (
        slip(Execution, "redrive", "self.redrives + 1", "self.redrives"),
        f"failover,graceful,redriven@{FENCE}", "PutFunctionConcurrency", "L1", "redriven without the lease",
    ),
}  # fmt: skip


def replayed(*seeds: str) -> list[dict[str, Any]]:
    result = invoked("replay", "--json", *seeds)
    stories: list[dict[str, Any]] = json.loads(result.stdout)
    assert result.exit_code == any(each["breaches"] for each in stories)
    return stories


@pytest.mark.parametrize("wrong", PLANTED)
def test_a_planted_bug_is_found(wrong: str, surveyed: Exploration, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the runs that explore makes where it is planted: classes are made of what the code answers then."""
    plant, text, operation, invariant, words = PLANTED[wrong]
    baselines = {str(baseline.seed): baseline.seed for baseline in surveyed.baselines}
    if f"unicorn-shop,{text}" in baselines:
        plant(monkeypatch)
        seeds = [f"unicorn-shop,{text}"]
    else:
        pattern = f"^unicorn-shop,{text}"
        met = {case.baseline for case in made(surveyed.baselines, pattern, operation, every=True)}
        plant(monkeypatch)
        again = [recorded(each.seed) for each in surveyed.baselines if each.name in met]
        seeds = [str(case.seed) for case in made(again, pattern, operation)][:6]
    assert seeds
    found = [each for story in replayed(*seeds) for each in story["breaches"]]
    assert any(each["invariant"] == invariant and words in each["story"] for each in found), found


def test_where_nothing_is_planted_nothing_is_found(surveyed: Exploration) -> None:
    asked = {(f"^unicorn-shop,{text}", operation) for _, text, operation, _, _ in PLANTED.values()}
    for pattern, operation in sorted(asked):
        for case in made(surveyed.baselines, pattern, operation)[:1]:
            assert played(case.seed).breaches == (), case.seed


DETECT, APPROVE, FENCING, PROMOTE, GIVING, TURNING, PROVING = range(7)

WRONG_RUNBOOKS: dict[str, tuple[Edit, str, str, str]] = {
    "customers before their data": (
        ordered(DETECT, APPROVE, FENCING, TURNING, PROMOTE, GIVING, PROVING),
        "failover,graceful",
        "S2",
        "customers are sent to us-west-1, where not every dataset",
    ),
    "a fence that nothing gives back": (
        ordered(DETECT, APPROVE, FENCING, PROMOTE, TURNING, PROVING),
        "failback,graceful",
        "L1",
        "no customer is served anywhere, long after the end",
    ),
    "a fence of some functions": (
        step(FENCING, "[unicorn-shop-users, ", "["),
        "failover,graceful",
        "S5",
        "us-east-1 still lets requests in, and was to be fenced",
    ),
    "nobody is asked": (
        ordered(DETECT, FENCING, PROMOTE, GIVING, TURNING, PROVING),
        "failover,graceful",
        "S8",
        "but the approved plan says nothing for it",
    ),
    "a promotion that asks the Region that is left": (
        step(DATA, "region: $to", "region: $from"),
        DARK,
        "S7",
        "failover ended FAILED: Untouched: aurora_writer us-east-1",
    ),
    "a restore of the Region that is left": (
        step(RESTORE, "region: $to", "region: $from"),
        "failover,graceful",
        "S6",
        "lambda_concurrency us-east-1 would change again: fence",
    ),
    "customers who stay": (
        replaced("on_in: $to\n      off_in: $from", "on_in: $from\n      off_in: $to"),
        "failover,graceful",
        "L1",
        "failover ended FAILED: Refused: synthetic_write us-west-1",
    ),
    "a single endpoint of ARC": (
        lambda text: ONE_ENDPOINT.sub("", text),
        DARK,
        "S7",
        "no endpoint of the cluster tells the state",
    ),
}


@pytest.mark.parametrize("wrong", WRONG_RUNBOOKS)
def test_a_runbook_that_is_wrong_is_found(wrong: str, tmp_path: Path) -> None:
    edit, text, invariant, words = WRONG_RUNBOOKS[wrong]
    path = tmp_path / "shop.yaml"
    path.write_text(edit(SHOP))
    (story,) = replayed(f"{path},{text}")
    assert story["seed"] == f"{path},{text}"
    found = story["breaches"]
    assert any(each["invariant"] == invariant and words in each["story"] for each in found), found


# What lint says about the dark, explore finds.

ENDPOINT = re.compile(r"\n +([a-z0-9-]+): https://\w+\.route53-recovery-cluster.*")


def endpoints(*regions: str) -> Edit:
    """Of ARC's five endpoints the runbook names only these."""
    return lambda text: ENDPOINT.sub(lambda line: line[0] if line[1] in regions else "", text)


DARKNESS: dict[str, tuple[Edit, set[str]]] = {
    "the shop that ships": (lambda text: text, set()),
    "an endpoint in us-east-1": (endpoints("us-east-1"), {"us-east-1", "the primary"}),
    "an endpoint in us-west-2": (endpoints("us-west-2"), {"us-west-2"}),
    "two endpoints": (endpoints("us-east-1", "us-west-2"), set()),
}


@pytest.mark.parametrize("which", DARKNESS)
def test_lint_and_explore_agree_on_the_dark(which: str, tmp_path: Path) -> None:
    edit, lost = DARKNESS[which]
    path = tmp_path / "shop.yaml"
    path.write_text(edit(SHOP))
    verdicts: Mapping[str, Any] = json.loads(invoked("lint", str(path), "--json").stdout)["survives"][
        "unicorn-shop"
    ]
    assert {loss for loss, verdict in verdicts.items() if not verdict["survives"]} == lost
    ends: dict[str, str] = {}
    for verdict in verdicts.values():
        for run in verdict["runs"]:
            seed = f"{path},{run},ungraceful,dark:{verdict['region']}"
            if seed not in ends:
                (story,) = replayed(seed)
                ends[seed] = story["status"]
    for loss, verdict in verdicts.items():
        ended = {ends[f"{path},{run},ungraceful,dark:{verdict['region']}"] for run in verdict["runs"]}
        assert (ended == {"SUCCEEDED"}) == verdict["survives"], (loss, ended)


# What exploration has found, and was mended.

FOUND = {
    "a failback's owed fences are settled": "failback,ungraceful,dark:us-west-1..failback-1/release/1/0",
    "a redrive takes back an abort": "failback,graceful,abort@failback-1/arc_controls/1/5",
    "a lag sampled before the fence is not trusted": "failover,ungraceful,lag:60",
    "what an undo could not give back is given back by settling":
        "failover,graceful,dark:us-east-1@failover-1/lambda_concurrency.us-east-1/1/12",
    "two lost ticks do not end the wait for the lease": "failover,graceful,random:350",
    "three lost answers do not make a Region dark": "failover,graceful,random:12",
    "a stale answer while Aurora fails over ends nothing":
        "failover,ungraceful,stale@failover-1/aurora_writer.us-west-1/60/2",
    "a plan says that it has not read everything":
        "failback,graceful,grey:us-east-1@failback-1/region_impaired.us-west-1/1/1",
}  # fmt: skip


@pytest.mark.parametrize("seed", FOUND.values(), ids=FOUND)
def test_what_was_found_stays_mended(seed: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    assert played(read(f"unicorn-shop,{seed}")).breaches == ()


def test_a_region_that_came_back_during_the_promotion_is_fenced_as_soon_as_data_has_moved(
    surveyed: Exploration,
) -> None:
    """Not only when the run has ended: until then both Regions take writes."""
    seed = read("unicorn-shop,failover,ungraceful,dark:us-east-1@failover-1/lease/1/1..+120")
    driver = Driver(surveyed.runbook, seed)
    assert driver.play().breaches == ()
    assert driver.simulation.checkers.figures()["exposure_seconds"] < 10
