"""Bugs that are planted one at a time, and what exploration must find of each."""

from __future__ import annotations

import dataclasses
import inspect
import textwrap
from collections.abc import Callable
from typing import Any

import pytest
from exploring import FENCE, WRITER

from farshore.compile import machine, procedure, retry
from farshore.operate import operator as operate
from functions import fence, later, outside
from functions import tick as ticking
from functions.ledger import Ledger
from functions.outside import Outside
from functions.steps import approval, lambda_concurrency, lease
from functions.steps.approval import Approval
from functions.steps.arc_controls import ArcControls
from functions.steps.aurora_writer import AuroraWriter
from functions.steps.lease import LeaseStep
from functions.steps.region_impaired import RegionImpaired
from twin.services.stepfunctions.asl.execution import Execution

Plant = Callable[[pytest.MonkeyPatch], None]


def slip(owner: Any, name: str, *changes: str) -> Plant:
    """A function as a slip would have left it: each text once in it, and what stands instead."""

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


def both(*plants: Plant) -> Plant:
    """Each would find that the other alone is wrong."""

    def plant(patch: pytest.MonkeyPatch) -> None:
        for each in plants:
            each(patch)

    return plant


SAYS_NOTHING = slip(ticking, "_tick", "if run.gives_up:", "if False:")
"""A run that gives up without a word."""


def other(owner: Any, name: str, value: Any) -> Plant:
    return others(owner, **{name: value})


def others(owner: Any, **values: Any) -> Plant:
    def plant(patch: pytest.MonkeyPatch) -> None:
        for name, value in values.items():
            patch.setattr(owner, name, value)

    return plant


def asks_for(seconds: int) -> Plant:
    """Approval waits no longer for a plan's answers."""
    hasty = dataclasses.replace(later.INVOKE, read_seconds=seconds)

    def plant(patch: pytest.MonkeyPatch) -> None:
        patch.setattr(later, "INVOKE", hasty)
        patch.setattr(Approval, "reads", (hasty, approval.SUBSCRIBED))

    return plant


def compiles(old: str, new: str) -> Plant:
    """A slip in the list of a runbook's machines."""
    return slip(machine, "_procedures", old, new)


MADE = "_change(decision, due, world, ledger, progress, moves)"
TRUSTS = (
    MADE
    + '\n        if not progress.trouble and {}:\n            return {{"outcome": "done", "facts": {{}}}}'
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
        slip(ticking, "_tick", MADE, TRUSTS.format('step.name == "aurora_writer"')),
        "failover,graceful", "", "S2", "customers are sent to us-west-1, where not every dataset",
    ),
    "a restore that trusts a 200": (
        slip(ticking, "_tick", MADE, TRUSTS.format("step.fences")),
        "failback,graceful", "", "S5", "us-east-1:unicorn-shop-users:reserved_concurrency",
    ),
    "a fence that trusts any answer": (
        slip(ticking, "_tick", MADE, TRUSTS.format("step.fences").replace("not progress.trouble", "True")),
        f"failover,graceful,lost_before@{FENCE}", "PutFunctionConcurrency",
        "S6", "lambda_concurrency us-east-1 would change again: fence lambda:us-east-1",
    ),
    "a fence that trusts a 200": (
        slip(ticking, "_tick", MADE, TRUSTS.format("step.fences")),
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
        slip(fence, "_restore", "(), calls)", "(Forget(mine), *void), calls)"),
        "failback,graceful,killed@failback-1/lambda_concurrency.us-east-1/", "PutFunctionConcurrency",
        "L1", "no customer is served anywhere, long after the end",
    ),
    "a restore that trusts whatever it reads": (
        slip(fence, "_restore", " or _may_be_stale(seen, held, mine.value)", ""),
        "failover,graceful,undone,stale@failover-1/undo", "GetFunctionConcurrency",
        "S5", "left customers nowhere to go",
    ),
    "an undo that takes no for an answer": (
        other(Outside, "insisting", lambda mine: mine),
        "failover,graceful,undone,denied@failover-1/undo", "GetFunctionConcurrency",
        "S5", "left customers nowhere to go",
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
             'if seen.run.purpose == "settle":',
             'if True:\n            return self._take(seen, lease, 0.0)\n'
             '        if seen.run.purpose == "settle":'),
        f"failover,graceful,other@{FENCE}", "PutFunctionConcurrency",
        "S8", "failover held the lease, another run was started, and it ended: Refused",
    ),
    "a fence that nobody confirmed and nobody owes": (
        slip(fence, "_fence", "(*notes, *(() if owed else void), owe))",
             "notes) if notes else due.unknown.append(why)"),
        DARK, "", "S5", "us-east-1 still lets requests in, and was to be fenced",
    ),
    "a fence that refuses a dark Region": (
        slip(fence.FenceSight, "owes", 'self.mode == "ungraceful"', "False"),
        DARK, "", "S7", "may not stay open, and is silent after",
    ),
    "a plan that nobody need approve": (
        slip(
            Approval, "decide",
            "len(approved) < self.approvers", "not seen.records.proposal",
        ),
        "failover,graceful", "", "S8", "but the approved plan says nothing for it",
    ),
    "an approval of any plan": (
        slip(Approval, "decide", "seen.records.decided(digest, run.execution, run.started)",
             "tuple(seen.records.decisions.values())"),
        "failback,graceful", "", "S8", "but the approved plan says nothing for it",
    ),
    "a single endpoint of ARC's five": (
        slip(ArcControls, "observe", "endpoints[first:] + endpoints[:first]", "endpoints[first : first + 1]"),
        r"failover,graceful,dark:[a-e]{8}\.[a-z0-9.-]*com$", "", "S7", "no endpoint of the cluster answers",
    ),
    "a service's word for busy that is not known": (
        other(AuroraWriter, "busy", frozenset()),
        f"failover,graceful,twice@{WRITER}", "SwitchoverGlobalCluster", "L1", "InvalidGlobalClusterState",
    ),
    "a throttle that is taken for a no": (
        others(outside, THROTTLED=frozenset(), TOO_MANY=0),
        f"failover,graceful,throttled@{FENCE}", "PutFunctionConcurrency", "L1", "TooManyRequestsException",
    ),
    "Lambda's word for a throttle that is not known": (
        others(outside, THROTTLED=outside.THROTTLED - {"TooManyRequestsException"}, TOO_MANY=0),
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
        slip(Outside, "_refused", "status >= 500", "status == 503"),
        f"failover,graceful,500@{FENCE}", "PutFunctionConcurrency", "L1", "ServiceException",
    ),
    "a plan that is not waited for as long as a mute Region takes": (
        asks_for(outside.READ_SECONDS),
        "failover,ungraceful,mute:us-east-1$", "", "S7", "lambda_concurrency us-east-1 did not say",
    ),
    "a fence that refuses a Region which only throttles": (
        slip(fence.FenceSight, "owes", 'self.mode == "ungraceful"', "False"),
        "failover,ungraceful,swamped:us-east-1$", "", "S7", "not within 900 s",
    ),
    "a fence that refuses a Region which only fails": (
        slip(fence.FenceSight, "owes", 'self.mode == "ungraceful"', "False"),
        "failover,ungraceful,failing:us-east-1$", "", "S7", "may not stay open, and is silent after",
    ),
    # What shows only later: to another run, to a second death, to who was not paged.
    "a run started anew that keeps what its predecessor's fence is owed": (
        slip(fence, "_fence", "seen.void(held.resource)", "seen.void(held.resource) if owed else ()"),
        "failover,graceful,anew@failover-1/aurora_writer.us-west-1/1/1$", "",
        "S5", "us-east-1 still lets requests in, and was to be fenced",
    ),
    "a debt that outlives what is given back": (
        slip(fence, "_restore", "if void:", "if False:"),
        f"{DARK_BACK},hasty", "", "L1", "no customer is served anywhere, long after the end",
    ),
    "a dead run's debts that nobody takes back": (
        slip(lease, "_taken_by", 'if debt.get("by") == execution and resource not in taken', "if False"),
        "failover,ungraceful,dark:us-east-1,dark:us-west-1@failover-1/aurora_writer.us-west-1/1/1$", "",
        "S5", "left customers nowhere to go",
    ),
    "a failback into a Region that a game day holds": (
        both(
            slip(lease, "_held_by_a_game_day", 'if seen.run.purpose != "move":', "if True:"),
            slip(lambda_concurrency, "give_back", 'if still and seen.purpose == "move":', "if False:"),
        ),
        "failback,graceful,unmended", "", "L1", "failback was to be refused before it moved anything",
    ),
    "a page that is never sent again": (
        slip(Approval, "_propose", "seen.now - paged_at >= PAGE_AGAIN_SECONDS", "not paged_at"),
        "failover,graceful,lost_before@failover-1/approval/1/", "Publish", "L1", "nobody was paged",
    ),
    "a page with every tick": (
        slip(Approval, "_propose", "seen.now - paged_at >= PAGE_AGAIN_SECONDS", "True"),
        "failover,graceful,hesitant", "", "L1", "times in 120 s",
    ),
    "a pause that uses up the time which a state has": (
        slip(ticking, "_heed", 'since = max(since, word.get("resumed_at", 0.0))', "pass"),
        "failback,ungraceful,pondered@failback-1/aurora_writer.us-east-1/", "",
        "L1", "failback ended FAILED",
    ),
    "evidence that wants one source more than it says": (
        slip(RegionImpaired, "decide", "len(sure) >= self.at_least", "len(sure) > self.at_least"),
        "failover,ungraceful,dark:us-east-1,dark:cloudwatch/us-west-2", "", "S7", "say that us-east-1",
    ),
    "a run that has let go and goes on": (
        both(SAYS_NOTHING, slip(ticking, "_hold", "lease.released or lease.holder", "lease.holder")),
        "failover,graceful,straggler@failover-1/lambda_concurrency.us-east-1/1/1,denied", "",
        "S8", "holds the lease",
    ),
    "a run that has given up and goes on": (
        slip(ticking, "_hold", "records.has_given_up(run.execution, run.started)", "False"),
        "failover,graceful,overtaken@failover-1/lambda_concurrency.us-east-1/1/1,denied", "",
        "S5", "us-east-1 has not got back what it had while all was well",
    ),
    "a word that wipes out the one before": (
        slip(operate.Operator, "direct", "kept = records.word_to(execution, since)", "kept = {}"),
        "failover,graceful,ungraceful@failover-1/", "", "S7", "failover ended FAILED",
    ),
    "a settling run after which an alarm must cool down": (
        slip(LeaseStep, "_let_go", 'seen.now if lease.purpose == "move" else lease.ended', "seen.now"),
        DARK, "", "S8", "has changed when the last run ended",
    ),
    # What a person does.
    "an approval that is not waited for until it is too late": (
        slip(retry, "attempts", "quick + math.ceil(", "min(120, quick) + 0 * math.ceil("),
        "failover,graceful,hesitant", "", "L1", "NotYet: approval",
    ),
    "a decision that counts for the next run, too": (
        slip(Approval, "decide", "seen.records.decided(digest, run.execution, run.started)",
             "tuple(seen.records.decisions.values())"),
        "failover,graceful,away", "", "S8", "but the approved plan says nothing for it",
    ),
    "a redrive that leaves the pause in force": (
        other(operate, "TAKEN_BACK", frozenset({"abort"})),
        "failover,graceful,forgotten@failover-1/arc_controls/", "",
        "L1", "even when repaired, ended FAILED: Refused: arc_controls: paused by",
    ),
    "a word that nobody heeds": (
        slip(ticking, "_heed", 'if word.get("ungraceful") and not asks:', "if False:"),
        f"failover,graceful,ungraceful@{WRITER}", "", "S7", "failover ended FAILED",
    ),
    "a pause that ends the run": (
        slip(ticking, "_heed", "raise Paused(", "raise Aborted("),
        f"failover,graceful,paused@{WRITER}", "", "L1", "failover ended FAILED: Aborted",
    ),
    "a pause that nobody ends": (
        slip(ticking, "_heed", 'if word.get("pause"):', 'if "pause" in word:'),
        f"failover,graceful,paused@{WRITER}", "", "L1", "and nobody resumed it within 3600 s",
    ),
    "a decline that nobody heeds": (
        slip(Approval, "decide", 'decision.get("decision") != "approve"', "False"),
        "failover,graceful,declined", "", "S8", "a person declined the plan, and failover ended SUCCEEDED",
    ),
    "a redrive that leaves the abort in force": (
        other(operate, "TAKEN_BACK", frozenset()),
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
    "an undo after the move": (
        both(
            SAYS_NOTHING,
            slip(machine, "definition", "catch = undone if i < committed else None", "catch = undone"),
        ),
        "failover,graceful,denied@failover-1/arc_controls/", "UpdateRoutingControlStates",
        "S5", "though its run had moved data or customers",
    ),
    "a run that died, and whose fences nobody gives back": (
        slip(lease, "_left_by", "return _taken_by(lease.holder, seen)", "return ()"),
        "failover,graceful,dark:us-west-1@failover-1/aurora_writer.us-west-1/1/1$", "",
        "S5", "failover ended FAILED before it had moved anything, and left customers nowhere to go",
    ),
    "a fence that remembers a round number": (
        slip(fence, "_memory", "held.resource, held.current, seen", "held.resource, 100, seen"),
        "failover,graceful", "", "S5", "failback SUCCEEDED, but us-east-1 has not got back what it had",
    ),
    "a run that keeps the lease": (
        slip(machine, "definition", '"release", "lease", {"release": True}', '"release", "lease", {}'),
        "failover,graceful", "", "S5", "SUCCEEDED, but the lease was not released",
    ),
    "a failback in failover's direction": (
        compiles("there, back = both_ways(runbook)", "there = back = both_ways(runbook)[0]"),
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
