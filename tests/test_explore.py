"""`farshore explore`: which runs it makes, that a replay plays the same, and that what is wrong is found."""

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
from click.testing import CliRunner, Result
from greenlet import greenlet
from test_lint import DATA, ONE_ENDPOINT, RESTORE, Edit, ordered, replaced, step

from farshore.cli import farshore
from farshore.compile import machine, retry
from farshore.compile import procedure as definitions
from farshore.explore import exploration
from farshore.explore.cases import Course, Struck, TickClass, classes, strikes
from farshore.explore.exploration import Exploration, Verdict, played
from farshore.explore.play import Heard, Play
from farshore.explore.seed import CALL_KINDS, HAND_KINDS, LASTING_KINDS, TICK_KINDS, Point, read
from farshore.explore.standing import standing
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
from twin.clock import Task
from twin.faults import Request
from twin.services.stepfunctions.asl.execution import Execution

ROOT = Path(__file__).parent.parent
SHOP = (ROOT / "runbooks" / "unicorn-shop.yaml").read_text()
KEYS = {
    "application", "points", "classes", "faults", "runs", "safe", "live", "breaches", "wall_seconds",
    "runs_per_second",
}  # fmt: skip
FAILOVER, FAILBACK = "failover graceful", "failback graceful"
FENCE, WRITER = "failover-1/lambda_concurrency.us-east-1/", "failover-1/aurora_writer.us-west-1/"


def invoked(verb: str, *words: str) -> Result:
    result = CliRunner(mix_stderr=False).invoke(farshore, [verb, *words])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


@pytest.fixture(scope="module")
def surveyed() -> Iterator[Exploration]:
    """The courses of the shop that ships, and what was heard of each."""
    with contextlib.chdir(ROOT):
        shop = Exploration("unicorn-shop", find("unicorn-shop"))
        shop.survey()
    yield shop
    gc.unfreeze()  # forks freeze what they share


@pytest.fixture
def shop(surveyed: Exploration) -> Exploration:
    """Nothing has been explored of it yet."""
    return dataclasses.replace(surveyed, verdicts=[])


@pytest.fixture
def known(surveyed: Exploration, monkeypatch: pytest.MonkeyPatch) -> None:
    """The command line need not survey the shop again."""

    def survey(self: Exploration) -> None:
        assert self.app == surveyed.app
        self.courses += surveyed.courses

    monkeypatch.setattr(Exploration, "survey", survey)


@pytest.fixture(autouse=True)
def at_home(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the runbooks are; what the commands set in the environment is taken back at the end."""
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr(exploration, "_RUNBOOKS", {})
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_DEFAULT_REGION"):
        monkeypatch.setenv(name, "us-east-1")


def made(shop: Exploration, pattern: str, operation: str = "") -> list[Struck]:
    """Of the runs that explore makes, those whose seed fits, struck at a call of that operation."""
    calls = {
        (course.name, each.point)
        for course in shop.courses
        for each in course.heard
        if f":{operation} in " in each.what
    }
    return [
        struck
        for struck in shop.runs()
        if re.search(pattern, str(struck.seed))
        and (not operation or (struck.base, struck.seed.faults[-1].at) in calls)
    ]


def course_of(shop: Exploration, name: str) -> Course:
    return next(course for course in shop.courses if course.name == name)


# What there is, and what is printed.


def test_a_count_tells_points_classes_faults_and_runs_and_makes_none(
    shop: Exploration, known: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(Exploration, "explore")
    told = json.loads(invoked("explore", "unicorn-shop", "--count", "--json").stdout)
    assert told.keys() == {"points", "classes", "faults", "runs"}
    assert told["points"] > told["classes"] > told["faults"] > 20
    assert told["runs"] == len(list(shop.runs())) + len(shop.courses)
    line = invoked("explore", "unicorn-shop", "--count").stdout
    figures = [int(figure.replace(",", "")) for figure in re.findall(r"\d[\d,]*", line)]
    assert figures == [told[key] for key in ("points", "classes", "faults", "runs")]
    words = re.sub(r"\d[\d,]*", "#", line)
    assert words == "# points in # classes, x # faults: # runs\n"


def test_what_is_explored_is_told_as_json_on_standard_output_alone() -> None:
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


def test_a_breach_is_told_with_its_seed_and_ends_the_exploration_with_1(
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


def alike(one: Sequence[Heard], other: Sequence[Heard]) -> bool:
    """Two ticks ask the same and say the same, but for figures."""
    said = [re.sub(r"[0-9]+(\.[0-9]+)?", "", tick[-1].verdict) for tick in (one, other)]
    asked = [[heard.what for heard in tick] for tick in (one, other)]
    return said[0] == said[1] and asked[0] == asked[1]


def test_ticks_in_a_row_that_are_alike_are_one_class(surveyed: Exploration) -> None:
    found = {course.name: list(classes(course)) for course in surveyed.courses}
    for several in found.values():
        for one in several:
            assert all(alike(one.ticks[0], tick) for tick in one.ticks)
    waiting = [one for one in found[FAILOVER] if one.ticks[0][0].point.label == WRITER[:-1]]
    assert len(waiting) > 1
    for before, after in itertools.pairwise(waiting):
        assert not alike(before.ticks[-1], after.ticks[0])
        assert before.ticks[-1][0].point.tick + 1 == after.ticks[0][0].point.tick


def test_a_class_is_struck_at_its_first_its_second_and_its_last_tick(surveyed: Exploration) -> None:
    course = course_of(surveyed, FAILOVER)
    longest: TickClass = max(classes(course), key=lambda each: len(each.ticks))
    ticks = [tick[0].point.tick for tick in longest.ticks]
    label = longest.ticks[0][0].point.label
    assert len(ticks) > 4

    def struck(every: bool) -> set[int]:
        points = [struck.seed.faults[0].at for struck in strikes(course, every)]
        return {at.tick for at in points if at is not None and at.label == label and at.tick in ticks}

    assert struck(every=False) == {ticks[0], ticks[1], ticks[-1]}
    assert struck(every=True) == set(ticks)


def test_every_tick_agrees_with_the_classes(shop: Exploration, known: None) -> None:
    runs = [
        [struck for struck in shop.runs(every) if f"failover,graceful,killed@{WRITER}" in str(struck.seed)]
        for every in (False, True)
    ]
    few, every = ([struck for struck in each if str(struck.seed).endswith("/2")] for each in runs)
    assert len(every) > len(few) > 4
    assert set(every) > set(few)
    shop.explore(every, lambda verdict: None)
    assert shop.holds
    counts = [
        invoked("explore", "unicorn-shop", "--count", "--json", *more).stdout for more in ((), ("--all",))
    ]
    assert json.loads(counts[0])["runs"] < json.loads(counts[1])["runs"]


def test_no_call_of_any_kind_is_left_out(surveyed: Exploration) -> None:
    kinds = {struck.fault.split()[0] for struck in surveyed.runs()}
    assert kinds >= {*CALL_KINDS, *TICK_KINDS, *HAND_KINDS, *LASTING_KINDS, "rain"}
    course = course_of(surveyed, FAILOVER)
    firsts = {
        each.point for each in course.heard if each.point.tick == 1 and "failover-1/" in each.point.label
    }
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
        struck = {each.seed.faults[0].at for each in strikes(course) if each.fault == kind}
        told = {point for point in firsts if kind != "redriven" or "/plan." not in point.label}
        assert struck >= told, kind


# One run: forked from its course, or played from the start.


def test_a_run_forked_from_its_course_comes_to_the_end_of_a_replay(shop: Exploration) -> None:
    by_kind: dict[str, list[Struck]] = {}
    for struck in shop.runs():
        by_kind.setdefault(struck.fault.split()[0], []).append(struck)
    sample = [several[len(several) * n // len(by_kind)] for n, several in enumerate(by_kind.values())]
    assert len({struck.base for struck in sample}) > 4
    shop.explore(sample, lambda verdict: None)
    assert [each.struck for each in shop.verdicts] == sample
    for verdict in shop.verdicts:
        replay = played(verdict.struck.seed)
        assert (verdict.status, verdict.breaches) == (replay.status, replay.breaches), verdict.struck.seed


def test_a_fork_and_a_replay_agree_on_what_is_wrong(
    shop: Exploration, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retry, "LAMBDA_FAULTS", ["Lambda.Nothing"])
    sample = made(shop, "failover,graceful,(killed|twice|late|dark)@?.*", "PutFunctionConcurrency")[:6]
    heard: list[Verdict] = []
    shop.explore(sample, heard.append)
    assert len(heard) == len(sample)
    assert any(verdict.breaches for verdict in heard)
    for verdict in heard:
        replay = played(verdict.struck.seed)
        assert (verdict.status, verdict.breaches) == (replay.status, replay.breaches), verdict.struck.seed


# A run that is back on course is not followed.


def test_a_run_that_is_back_on_course_would_have_ended_as_the_course_does(shop: Exploration) -> None:
    by_kind: dict[str, list[Struck]] = {}
    for struck in shop.runs():
        by_kind.setdefault(struck.fault, []).append(struck)
    sample = [
        by_kind[kind][len(by_kind[kind]) * n // 12] for n, kind in enumerate((*CALL_KINDS, *TICK_KINDS))
    ]
    shop.explore(sample, lambda verdict: None)
    assert sum(bool(verdict.back) for verdict in shop.verdicts) > len(sample) / 2
    for verdict in shop.verdicts:
        replay = played(verdict.struck.seed)
        assert (verdict.status, verdict.breaches) == (replay.status, replay.breaches), verdict.struck.seed


def test_whoever_wants_all_has_every_run_followed_to_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    ends: list[str] = []
    hear = exploration.Verdict
    monkeypatch.setattr(exploration, "Verdict", lambda *given: ends.append(given[3]) or hear(*given))
    only = ("unicorn-shop", "--only", "failover,graceful,throttled@failover-1/arc_controls/1/", "--json")
    few = json.loads(invoked("explore", *only).stdout)
    assert len(ends) > 4
    assert all(ends)
    ends.clear()
    every = json.loads(invoked("explore", "--all", *only).stdout)
    assert len(ends) > 4
    assert not any(ends)
    assert (few["safe"], few["live"]) == (every["safe"], every["live"])


OTHERWISE: dict[str, Callable[[Play], object]] = {
    "a fence": lambda play: setattr(
        play.functions.function("us-east-1", "unicorn-shop-users"), "reserved", 7
    ),
    "a route": lambda play: play.shop.arc.states.update({"us-east-1": "Off"}),
    "a word in the ledger": lambda play: play.operator.direct(play.main, "who", "why", pause=True),
    "a transport that is held": lambda play: play.shop.database.hold(),
    "an alarm": lambda play: setattr(next(iter(play.metrics._alarms.values())), "state", "ALARM"),
    "a dark Region": lambda play: play.cloud.faults.dark.add("us-west-2"),
    "a lost write": lambda play: play.pulse.promises.append((0.0, "nobody has it")),
    "a person who will decline": lambda play: setattr(play, "declines", True),
    "a hand at work": lambda play: setattr(play.strikes, "busy", 1),
    "another run": lambda play: play.begin("failback", {"mode": "graceful"}),
    "a call that is under way": lambda play: play.clock.tasks.update({greenlet(): Task(play.clock, list)}),
    "a page that will be closed": lambda play: setattr(
        play.cloud.backing.keeper("s3").kept["active-primary-uibucket"], "block", {"BlockPublicPolicy": True}
    ),
}


@pytest.mark.parametrize("what", OTHERWISE)
def test_a_run_in_which_anything_stands_otherwise_is_not_back_on_course(
    what: str, surveyed: Exploration, monkeypatch: pytest.MonkeyPatch
) -> None:
    where, stood = "failover-1/lambda_concurrency.us-west-1", []

    def stand(play: Play, point: Point, request: Request) -> None:
        if point.label == where:
            stood.append(standing(play, request))
            with play.cloud.faults.suspended():
                OTHERWISE[what](play)
            stood.append(standing(play, request))

    monkeypatch.setattr(Play, "_stand", stand)
    Play(surveyed.runbook, read("unicorn-shop,failover,graceful")).play()
    before, after = stood
    assert before == course_of(surveyed, FAILOVER).standings[where]
    assert after != before


def test_a_course_that_goes_wrong_by_itself_is_told_and_not_struck(monkeypatch: pytest.MonkeyPatch) -> None:
    slip(AuroraWriter, "decide", 'seen.mode == "ungraceful"', "True")(monkeypatch)
    result = invoked("explore", "unicorn-shop", "--only", "unicorn-shop,failover,graceful,killed@")
    assert result.exit_code == 1
    assert "failover graceful goes wrong by itself, and was not struck: mend that first" in result.stdout
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
BOTH_WAYS = "*_owed(failover, there), *_owed(failback, back)"
DARK = "failover,ungraceful,dark:us-east-1..failover-1/release/1/0"
DARK_BACK = "failback,ungraceful,dark:us-west-1..failback-1/release/1/0"

PLANTED: dict[str, tuple[Plant, str, str, str, str]] = {
    # What is wrong: how, the seeds of a course or of few runs, the call that is struck, and what is found.
    # Steps.
    "a graceful run that accepts a loss": (
        slip(AuroraWriter, "decide", 'seen.mode == "ungraceful"', "True"),
        "failover,graceful", "", "S4", "a graceful run told Aurora to accept a loss",
    ),
    "a promotion that trusts a 200": (
        slip(handler, "tick", "acknowledged +=", TRUSTS.format('step.name == "aurora_writer"')),
        "failover,graceful", "", "S2", "customers are sent to {'us-west-1'}; writers are {'us-east-1'}",
    ),
    "a restore that trusts a 200": (
        slip(handler, "tick", "acknowledged +=", TRUSTS.format("step.fences")),
        "failback,graceful", "", "S5", "us-east-1:unicorn-shop-users:reserved_concurrency",
    ),
    "a fence that trusts whatever it is told": (
        slip(handler, "tick", "acknowledged +=", TRUSTS.format("step.fences").replace("not trouble", "True")),
        f"failover,graceful,lost_before@{FENCE}", "PutFunctionConcurrency",
        "S6", "lambda_concurrency us-east-1 would change again: fence lambda:us-east-1",
    ),
    "a fence that trusts a 200": (
        slip(handler, "tick", "acknowledged +=", TRUSTS.format("step.fences")),
        f"failover,graceful,reverted@{FENCE}", "PutFunctionConcurrency",
        "S5", "the API is still open in us-east-1, which was to be fenced",
    ),
    "a run that remembers what an outage left": (
        slip(fence, "_memory", "held.resource, m.value", "held.resource, held.current"),
        "failback,graceful,outage", "", "L1", "customers cannot buy anywhere, long after the end",
    ),
    "a lease that is taken whoever has it by now": (
        slip(Ledger, "hold", '"attribute_not_exists(application)", _stamp', "None, _stamp"),
        "failover,graceful,late@failover-1/lease", "PutItem", "S8", "failover-1 has taken it",
    ),
    "a refusal that leaves the fences though nothing has been sent": (
        slip(ticking, "_given_up", "why if touched", "why if True"),
        "failover,graceful,denied@failover-1/aurora_writer.us-west-1/1/", "SwitchoverGlobalCluster",
        "S5", "left customers nowhere to buy",
    ),
    "a memory that is forgotten before what it remembers is back": (
        slip(fence, "_restore", "(), held.put(mine.value))", "(Forget(mine), *void), held.put(mine.value))"),
        "failback,graceful,killed@failback-1/lambda_concurrency.us-east-1/", "PutFunctionConcurrency",
        "L1", "customers cannot buy anywhere, long after the end",
    ),
    "a hand that does not ask whether it holds the lease": (
        other(ticking, "_hold", lambda *_: None),
        "failover,graceful,revived@failover-1/aurora_writer.us-west-1/", "SwitchoverGlobalCluster",
        "S8", "aurora_writer.us-west-1 sent rds:SwitchoverGlobalCluster in us-east-1, but",
    ),
    "a hand that does not wait for what is in flight": (
        slip(ticking, "_hold", "now < lease.quiet_until", "False"),
        f"failover,graceful,late@{WRITER}", "SwitchoverGlobalCluster",
        "L1", "customers cannot buy anywhere, long after the end",
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
        DARK, "", "S5", "the API is still open in us-east-1, which was to be fenced",
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
        f"failover,graceful,paused@{WRITER}", "", "L1", "nobody resumed it within 3600 s",
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
        slip(retry, "attempts", "return quick + ", "return 5  # quick + "),
        "failover,graceful", "", "L1", "NotYet: aurora_writer us-west-1",
    ),
    "an undo that heeds the abort which it undoes": (
        slip(
            definitions, "undo",
            "following, line=line.line, purpose=giving_up)", "following, line=line.line)",
        ),
        f"failover,graceful,denied@{FENCE}", "PutFunctionConcurrency",
        "S8", "undo.lambda_concurrency.us-east-1 sent lambda:",
    ),
    "debts that only failover's fences are paid for": (
        compiles(BOTH_WAYS, "*_owed(failover, there),"),
        DARK_BACK, "", "L1", "owed for ever: lambda:us-west-1",
    ),
    "settling that takes peace for a mistake": (
        slip(LeaseStep, "decide", 'return Done("nothing owed")', 'raise Refused("nothing owed")'),
        "failover,graceful", "", "L1", "settling ended Refused",
    ),
    "settling that tells nobody of what it could not pay": (
        slip(fence.FenceSight, "owes", " and not self.settling", ""),
        "failover,ungraceful,dark:us-east-1", "", "L1", "settling ended well at",
    ),
    "debts that nobody pays": (
        compiles(f"({BOTH_WAYS})", "()"),
        DARK, "", "L1", "owed for ever: lambda:us-east-1",
    ),
    "a failure that gives nothing back": (
        slip(machine, "definition", "catch = undone if", "catch = states.fail() if"),
        f"failover,graceful,denied@{FENCE}", "PutFunctionConcurrency", "S5", "left customers nowhere to buy",
    ),
    "an undo that forgets the fence": (
        slip(definitions, "undo", "for line in fences:", "for line in fences[1:]:"),
        f"failover,graceful,denied@{FENCE}", "PutFunctionConcurrency", "S5", "left customers nowhere to buy",
    ),
    "a run that keeps the lease": (
        slip(machine, "definition", '"release", "lease", {"release": True}', '"release", "lease", {}'),
        "failover,graceful", "", "S5", "failover SUCCEEDED, but the lease was not released",
    ),
    "a failback in failover's direction": (
        compiles("back = Direction(there.target, there.source)", "back = there"),
        "failback,graceful", "", "S5", "customers can buy in us-west-1, not us-east-1",
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
    told: list[dict[str, Any]] = json.loads(result.stdout)
    assert result.exit_code == any(each["breaches"] for each in told)
    return told


@pytest.mark.parametrize("wrong", PLANTED)
def test_a_planted_bug_is_found(wrong: str, surveyed: Exploration, monkeypatch: pytest.MonkeyPatch) -> None:
    plant, text, operation, invariant, words = PLANTED[wrong]
    course = f"unicorn-shop,{text}"
    if course in {str(each.seed) for each in surveyed.courses}:
        seeds = [course]
    else:
        seeds = [str(struck.seed) for struck in made(surveyed, f"^unicorn-shop,{text}", operation)][:6]
    assert seeds
    plant(monkeypatch)
    told = replayed(*seeds)
    found = [each for tale in told for each in tale["breaches"]]
    assert any(each["invariant"] == invariant and words in each["story"] for each in found), found


def test_where_nothing_is_planted_nothing_is_found(surveyed: Exploration) -> None:
    asked = {(f"^unicorn-shop,{text}", operation) for _, text, operation, _, _ in PLANTED.values()}
    for pattern, operation in sorted(asked):
        for struck in made(surveyed, pattern, operation)[:1]:
            assert played(struck.seed).breaches == (), struck.seed


DETECT, APPROVE, FENCING, PROMOTE, GIVING, TURNING, PROVING = range(7)

WRONG_RUNBOOKS: dict[str, tuple[Edit, str, str, str]] = {
    "customers before their data": (
        ordered(DETECT, APPROVE, FENCING, TURNING, PROMOTE, GIVING, PROVING),
        "failover,graceful",
        "S2",
        "customers are sent to {'us-west-1'}; writers are {'us-east-1'}",
    ),
    "a fence that nothing gives back": (
        ordered(DETECT, APPROVE, FENCING, PROMOTE, TURNING, PROVING),
        "failback,graceful",
        "L1",
        "customers cannot buy anywhere, long after the end",
    ),
    "a fence of some functions": (
        step(FENCING, "[unicorn-shop-users, ", "["),
        "failover,graceful",
        "S5",
        "the API is still open in us-east-1, which was to be fenced",
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
    ((tale),) = replayed(f"{path},{text}")
    assert tale["seed"] == f"{path},{text}"
    found = tale["breaches"]
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
        for procedure in verdict["runs"]:
            seed = f"{path},{procedure},ungraceful,dark:{verdict['region']}"
            if seed not in ends:
                (tale,) = replayed(seed)
                ends[seed] = tale["status"]
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
    "two lost ticks do not end the wait for the lease": "failover,graceful,rain:12",
    "three lost answers do not make a Region dark": "failback,graceful,rain:8",
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
    play = Play(surveyed.runbook, seed)
    assert play.play().breaches == ()
    assert play.watch.exposure < 10
