"""The step aurora_writer, ticked as a state machine would, against the twin's global database."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, get_args

import boto3
import pytest

from functions.aurora_global import Lag, newest
from functions.calls import Silence
from functions.errors import NotYet, Refused
from functions.handler import lambda_handler
from functions.ledger import Lease, Ledger
from functions.outside import Outside
from functions.run import Mode
from functions.steps.aurora_writer import AuroraWriter
from twin.clock import Clock, at_once
from twin.cloud import ACCOUNT, Cloud, stamp
from twin.faults import Kind, Request
from twin.moto.backing import Moto
from twin.services.aurora.database import MeasuredBy
from twin.services.aurora.journal import Journal
from twin.services.aurora.model import Aurora, Store
from twin.services.aurora.postgres import Pair
from twin.services.cloudwatch.model import Metrics

PRIMARY, STANDBY, OBSERVER = "us-east-1", "us-west-1", "us-west-2"
MEMBERS = {PRIMARY: "unicorn-east", STANDBY: "unicorn-west"}
EXECUTION = f"arn:aws:states:{STANDBY}:{ACCOUNT}:execution:corner-shop-failover:one"
MOVES = ("SwitchoverGlobalCluster", "FailoverGlobalCluster")


@dataclass
class Runbook:
    """One state of a run: its step, its ledger, and what RDS was asked and did."""

    cloud: Cloud
    store: Store
    measured: bool = True
    """CloudWatch has samples of the lag."""
    measured_by: MeasuredBy = "cluster"
    asked: list[str] = field(default_factory=list)
    """Moves that AWS received."""
    accepted: list[str] = field(default_factory=list)
    """Moves that AWS began."""

    def __post_init__(self) -> None:
        put = Metrics(self.cloud).put
        self.aurora = Aurora(self.cloud, put if self.measured else None)
        self.database = self.aurora.global_database("unicorn", MEMBERS, self.store, self.measured_by)
        self.cloud.guards.append(self._note_asked)
        self.cloud.watchers.append(self._note_accepted)
        clock = self.cloud.clock
        outside = Outside(clock=lambda: clock.now, at_once=lambda thunks: at_once(clock, list(thunks)))
        self.handler = lambda_handler(AuroraWriter, outside)
        boto3.client("dynamodb", region_name=OBSERVER).create_table(
            TableName="farshore-ledger",
            BillingMode="PAY_PER_REQUEST",
            KeySchema=[
                {"AttributeName": "application", "KeyType": "HASH"},
                {"AttributeName": "item", "KeyType": "RANGE"},
            ],
            AttributeDefinitions=[
                {"AttributeName": "application", "AttributeType": "S"},
                {"AttributeName": "item", "AttributeType": "S"},
            ],
        )
        self.ledger = Ledger(outside, "corner-shop", "farshore-ledger", [OBSERVER], STANDBY)
        assert self.ledger.hold(Lease(EXECUTION, redrives=0, epoch=1, released=False), after=None)
        clock.sleep(90)  # one sample of the lag

    def _note_asked(self, request: Request) -> None:
        if request.operation in MOVES:
            self.asked.append(f"{request.operation} in {request.region}")

    def _note_accepted(self, request: Request, _: object) -> None:
        if request.operation in MOVES:
            self.accepted.append(f"{request.operation} in {request.region}")

    def enter(
        self, mode: str, to: str = STANDBY, dry_run: bool = False, **inputs: object
    ) -> Callable[[], Any]:
        """The state is entered now; each call of what is returned is a tick."""
        event = {
            "inputs": {"cluster": "unicorn", "members": MEMBERS, "region": to, "lose_at_most": 30.0} | inputs,
            "run": {
                "application": "corner-shop",
                "procedure": "failover",
                "step": "aurora_writer",
                "purpose": "move",
                "source": PRIMARY if to == STANDBY else STANDBY,
                "target": to,
            },
            "input": {"mode": mode, "dry_run": dry_run},
            "ledger": {"table": "farshore-ledger", "regions": [OBSERVER]},
            "execution": {"Id": EXECUTION},
            "state": {"Name": "aurora_writer", "EnteredTime": stamp(self.cloud.clock.now).isoformat()},
        }
        return lambda: self.handler(event, None)

    def carry_out(self, mode: str, **inputs: Any) -> dict[str, Any]:
        """Ticks until the step is done, as the state machine's Retry would."""
        tick = self.enter(mode, **inputs)
        for _ in range(1000):
            try:
                return dict(tick())
            except NotYet:
                self.cloud.clock.sleep(5)
        raise AssertionError("never done")

    def meets(self, operation: str, kind: Kind, times: int = 1) -> None:
        """A fault of the operation's next calls."""
        left = itertools.repeat(kind, times)
        self.cloud.faults.injectors.append(
            lambda request: next(left, None) if request.operation == operation else None
        )


@pytest.fixture
def cloud(monkeypatch: pytest.MonkeyPatch) -> Iterator[Cloud]:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "x")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "x")
    with Cloud(Clock(), 7, Moto()) as cloud:
        yield cloud


@pytest.fixture
def runbook(cloud: Cloud) -> Runbook:
    return Runbook(cloud, Journal((PRIMARY, STANDBY)))


def test_a_graceful_run_switches_over_in_the_writers_region(runbook: Runbook) -> None:
    done = runbook.carry_out("graceful")
    assert done["outcome"] == "done"
    assert runbook.accepted == [f"SwitchoverGlobalCluster in {PRIMARY}"]
    assert runbook.database.writers() == {STANDBY}


def test_the_same_step_brings_the_writer_back(runbook: Runbook) -> None:
    runbook.carry_out("graceful")
    runbook.carry_out("graceful", to=PRIMARY)
    assert runbook.accepted[1:] == [f"SwitchoverGlobalCluster in {STANDBY}"]
    assert runbook.database.writers() == {PRIMARY}


def test_an_ungraceful_run_fails_over_without_the_dead_region(runbook: Runbook) -> None:
    runbook.cloud.faults.dark.add(PRIMARY)
    done = runbook.carry_out("ungraceful")
    assert done["facts"]["lag_seconds"] <= 1
    assert runbook.accepted == [f"FailoverGlobalCluster in {STANDBY}"]
    assert runbook.database.writers() == {STANDBY}


def test_it_is_not_done_before_the_target_is_the_writer(runbook: Runbook) -> None:
    tick = runbook.enter("graceful")
    while runbook.database.writers() != {STANDBY}:
        with pytest.raises(NotYet):
            tick()
        runbook.cloud.clock.sleep(1)
    assert tick()["outcome"] == "done"


def test_done_again_changes_nothing(runbook: Runbook) -> None:
    runbook.carry_out("graceful")
    asked = list(runbook.asked)
    assert runbook.carry_out("graceful")["outcome"] == "done"
    assert runbook.carry_out("ungraceful")["outcome"] == "done"
    assert runbook.asked == asked


def test_nothing_more_is_asked_while_a_switchover_shows(runbook: Runbook) -> None:
    tick = runbook.enter("graceful")
    with pytest.raises(NotYet):
        tick()
    runbook.cloud.clock.sleep(5)
    asked = list(runbook.asked)
    with pytest.raises(NotYet, match=r"pending|switching-over"):
        tick()
    assert runbook.asked == asked


@pytest.mark.parametrize(
    ("mode", "move"), [("graceful", "SwitchoverGlobalCluster"), ("ungraceful", "FailoverGlobalCluster")]
)
def test_a_lost_answer_does_not_promote_twice(runbook: Runbook, mode: str, move: str) -> None:
    if mode == "ungraceful":
        runbook.cloud.faults.dark.add(PRIMARY)
    runbook.meets(move, "lost_after")
    runbook.carry_out(mode)
    runbook.cloud.clock.sleep(900)
    assert len(runbook.accepted) == 1
    assert runbook.database.writers() == {STANDBY}


@pytest.mark.parametrize("kind", ["lost_before", "throttled", "500", "503", "slow"])
@pytest.mark.parametrize("operation", ["DescribeGlobalClusters", "GetMetricData", "FailoverGlobalCluster"])
def test_a_passing_fault_delays_and_does_not_stop(runbook: Runbook, operation: str, kind: Kind) -> None:
    runbook.cloud.faults.dark.add(PRIMARY)
    runbook.meets(operation, kind)
    runbook.carry_out("ungraceful")
    assert runbook.database.writers() == {STANDBY}


def test_a_lag_above_the_bound_is_refused(runbook: Runbook) -> None:
    runbook.database.hold()
    runbook.cloud.clock.sleep(120)
    runbook.cloud.faults.dark.add(PRIMARY)
    with pytest.raises(Refused, match=r"lagged .* above lose_at_most 30 s"):
        runbook.carry_out("ungraceful")
    assert runbook.asked == []


def test_a_lag_above_the_bound_is_waited_for_once_a_failover_has_been_asked_for(runbook: Runbook) -> None:
    """A stale list hides that Aurora fails over, while no newer sample of the lag is taken."""
    runbook.cloud.faults.dark.add(PRIMARY)
    tick = runbook.enter("ungraceful")
    while not runbook.asked:
        with pytest.raises(NotYet):
            tick()
        runbook.cloud.clock.sleep(5)
    runbook.database.hold()
    runbook.cloud.faults.dark.clear()
    before = dict(runbook.database.described(), FailoverState={})
    runbook.cloud.serve("rds", "DescribeGlobalClusters", lambda request: {"GlobalClusters": [before]})
    runbook.cloud.clock.sleep(65)
    with pytest.raises(NotYet, match=r"lagged .* above lose_at_most 30 s, and this run has asked"):
        tick()
    assert runbook.asked == [f"FailoverGlobalCluster in {STANDBY}"]


def test_a_lag_that_nobody_measured_is_refused(cloud: Cloud) -> None:
    runbook = Runbook(cloud, Journal((PRIMARY, STANDBY)), measured=False)
    runbook.cloud.faults.dark.add(PRIMARY)
    with pytest.raises(Refused, match="the loss cannot be bounded"):
        runbook.carry_out("ungraceful")
    assert runbook.asked == []


@pytest.mark.parametrize("by", get_args(MeasuredBy))
def test_the_lag_is_read_under_whichever_dimensions_aws_has_it(cloud: Cloud, by: MeasuredBy) -> None:
    runbook = Runbook(cloud, Journal((PRIMARY, STANDBY)), measured_by=by)
    calls: list[Request] = []
    cloud.guards.append(calls.append)
    cloud.faults.dark.add(PRIMARY)
    facts = runbook.enter("ungraceful", dry_run=True)()["facts"]
    assert 0 <= facts["lag_seconds"] < 1
    assert [call.operation for call in calls].count("GetMetricData") == 1
    assert runbook.carry_out("ungraceful")["outcome"] == "done"


def series(**more: Any) -> dict[str, Any]:
    whole = {"StatusCode": "Complete", "Timestamps": [], "Values": []}
    return {"MetricDataResults": [whole | {k: v for k, v in more.items() if k != "NextToken"}]} | {
        k: v for k, v in more.items() if k == "NextToken"
    }


@pytest.mark.parametrize(
    "answer",
    [
        series(StatusCode="InternalError"),
        series(StatusCode="PartialData"),
        series(StatusCode="Forbidden"),
        series(NextToken="more"),
        series(Values=[5.0]),
        series(Timestamps=[stamp(9e8)], Values=[float("nan")]),
        series(Timestamps=[stamp(9e8)], Values=[-5.0]),
        series(Timestamps=[stamp(1e9 + 3600)], Values=[5.0]),
        {"MetricDataResults": []},
        {},
    ],
)
def test_what_cloudwatch_does_not_surely_say_is_neither_a_lag_nor_none(answer: dict[str, Any]) -> None:
    assert isinstance(newest(answer, now=1e9), Silence)


def test_only_a_whole_and_empty_series_says_that_nobody_measured() -> None:
    assert newest(series(), now=1e9) is None
    taken = stamp(1e9 - 60)
    assert newest(series(StatusCode="PartialData", Timestamps=[taken], Values=[2000.0]), 1e9) == Lag(
        2.0, 1e9 - 60
    )


def test_of_two_series_the_newest_sample_counts_and_none_only_where_both_surely_have_none() -> None:
    def both(one: dict[str, Any], other: dict[str, Any]) -> Any:
        results = [answer["MetricDataResults"][0] for answer in (one, other)]
        return newest({"MetricDataResults": results}, now=1e9)

    old = series(Timestamps=[stamp(1e9 - 600)], Values=[1000.0])
    new = series(Timestamps=[stamp(1e9 - 60)], Values=[2000.0])
    assert both(old, new) == both(new, old) == both(series(), new) == Lag(2.0, 1e9 - 60)
    assert both(series(), series()) is None
    assert isinstance(both(series(), series(StatusCode="InternalError")), Silence)


def test_a_region_dark_for_hours_can_still_be_left(runbook: Runbook) -> None:
    runbook.cloud.faults.dark.add(PRIMARY)
    runbook.cloud.clock.sleep(5 * 3600)
    done = runbook.carry_out("ungraceful")
    assert done["facts"]["lag_age_seconds"] > 4 * 3600


def test_a_lag_that_was_sampled_before_the_fence_is_not_trusted(runbook: Runbook) -> None:
    """Found by exploration: a sample is up to a minute old, and the lag had grown by as much."""
    runbook.cloud.clock.sleep(61)
    runbook.database.hold()
    runbook.cloud.clock.sleep(55)
    tick = runbook.enter("ungraceful")
    with pytest.raises(NotYet, match="last sampled before this step began"):
        tick()
    runbook.cloud.clock.sleep(120)
    with pytest.raises(Refused, match="above lose_at_most"):
        tick()
    assert runbook.accepted == []


@pytest.mark.parametrize("mode", ["graceful", "ungraceful"])
def test_no_run_waits_with_its_fence_up_for_a_cluster_that_is_being_rebuilt(
    runbook: Runbook, mode: Mode
) -> None:
    """Found by exploration: it waited for ten minutes, and had no time left to promote."""
    runbook.cloud.faults.dark.add(PRIMARY)
    runbook.carry_out("ungraceful")
    runbook.cloud.faults.dark.clear()
    with pytest.raises(Refused, match=r"pending-resync: .*start again when it is connected"):
        runbook.enter(mode, to=PRIMARY)()
    runbook.cloud.clock.wait_for(lambda: not runbook.database.left_behind, 3600)
    runbook.cloud.clock.sleep(120)
    runbook.carry_out(mode, to=PRIMARY)
    assert runbook.database.writers() == {PRIMARY}


def test_a_graceful_run_whose_primary_dies_is_refused_and_loses_nothing(runbook: Runbook) -> None:
    tick = runbook.enter("graceful")
    with pytest.raises(NotYet):
        tick()
    runbook.cloud.clock.sleep(20)
    runbook.cloud.faults.dark.add(PRIMARY)
    runbook.cloud.clock.sleep(900)
    with pytest.raises(Refused, match="not within 900 s"):
        tick()
    runbook.cloud.faults.dark.clear()
    assert runbook.database.writers() == {PRIMARY}


def test_a_run_that_lost_the_lease_changes_nothing(runbook: Runbook) -> None:
    mine = Lease(EXECUTION, redrives=0, epoch=1, released=False)
    assert runbook.ledger.hold(Lease("another", redrives=0, epoch=2, released=False), after=mine)
    with pytest.raises(Refused, match="superseded"):
        runbook.carry_out("graceful")
    assert runbook.asked == []


def test_a_dry_run_says_what_it_would_do_and_does_nothing(runbook: Runbook) -> None:
    would = runbook.enter("ungraceful", dry_run=True)()
    assert would["outcome"] == "would change"
    assert [call["action"] for call in would["calls"]] == ["rds:FailoverGlobalCluster"]
    assert would["calls"][0]["parameters"]["AllowDataLoss"] is True
    assert runbook.asked == []


@pytest.mark.parametrize("mode", get_args(Mode))
def test_a_cluster_without_an_instance_is_refused_by_the_plan_before_any_fence(
    runbook: Runbook, mode: Mode
) -> None:
    """RDS answers "InvalidDBClusterStateFault" for ever, which is its word for being busy, too."""
    runbook.database.headless.add(STANDBY)
    for dry_run in (True, False):
        with pytest.raises(Refused, match="unicorn-west has no instance that could write: add one"):
            runbook.enter(mode, dry_run=dry_run)()
    assert runbook.asked == []


STOPPED = "cluster unicorn-west is stopped: bring it to available"
UPGRADING = "global database unicorn is upgrading: bring it to available"
LEFT = "cluster unicorn-east in us-east-1 is disconnected: a switchover needs it connected"


@pytest.mark.parametrize(
    ("operation", "changed", "mode", "doubt"),
    [
        ("DescribeDBClusters", {"Status": "stopped"}, "graceful", STOPPED),
        ("DescribeDBClusters", {"Status": "backing-up"}, "graceful", ""),
        ("DescribeDBClusters", {"Status": "stopped"}, "ungraceful", STOPPED),
        ("DescribeGlobalClusters", {"Status": "upgrading"}, "graceful", UPGRADING),
        ("DescribeGlobalClusters", {"Status": "upgrading"}, "ungraceful", UPGRADING),
        ("DescribeGlobalClusters", {"SynchronizationStatus": "disconnected"}, "graceful", LEFT),
        ("DescribeGlobalClusters", {"SynchronizationStatus": "disconnected"}, "ungraceful", ""),
        ("DescribeGlobalClusters", {}, "graceful", ""),
    ],
)
def test_a_plan_doubts_what_is_in_a_state_from_which_aws_may_not_move_it(
    runbook: Runbook, operation: str, changed: dict[str, str], mode: Mode, doubt: str
) -> None:
    """In a run it is tried all the same: who is in such a state may still be moved."""
    runbook.cloud.validates = False
    answered = runbook.aurora.operations()[operation]

    def answer(request: Request) -> Any:
        given = answered(request)
        (described,) = given.get("GlobalClusters") or given["DBClusters"]
        inner = "SynchronizationStatus" in changed
        (described["GlobalClusterMembers"][0] if inner else described).update(changed)
        return given

    runbook.cloud.serve("rds", operation, answer)
    doubts = runbook.enter(mode, dry_run=True)().get("facts", {}).get("doubts", [])
    assert len(doubts) == bool(doubt)
    assert doubt in "".join(doubts)
    runbook.carry_out(mode)
    assert STANDBY in runbook.database.writers()


def test_members_that_are_not_of_this_global_database_are_refused_by_the_plan(runbook: Runbook) -> None:
    other = MEMBERS | {STANDBY: "mule-west"}
    runbook.aurora.global_database("mule", {PRIMARY: "mule-east", STANDBY: "mule-west"}, runbook.store)
    with pytest.raises(Refused, match=r"in us-west-1 is .*unicorn-west, not mule-west: see `members`"):
        runbook.enter("graceful", dry_run=True, members=other)()


def test_a_cluster_that_nobody_describes_is_promoted_all_the_same(runbook: Runbook) -> None:
    runbook.meets("DescribeDBClusters", "503", times=1000)
    runbook.carry_out("ungraceful")
    assert runbook.database.writers() == {STANDBY}


def test_a_global_database_that_does_not_exist_is_refused(runbook: Runbook) -> None:
    with pytest.raises(Refused, match="GlobalClusterNotFoundFault"):
        runbook.carry_out("graceful", cluster="unikorn")


def test_there_and_back_on_real_engines_keeps_every_order(cloud: Cloud) -> None:
    pair = Pair((PRIMARY, STANDBY), "CREATE TABLE orders (name text)")
    runbook = Runbook(cloud, pair)
    for number, to in enumerate((STANDBY, PRIMARY)):
        for region in runbook.database.writers():
            pair.connect(region).execute("INSERT INTO orders VALUES (%s)", [f"order {number}"])
        runbook.carry_out("graceful", to=to)
    names = pair.connect(PRIMARY).execute("SELECT name FROM orders ORDER BY name").fetchall()
    pair.close()
    assert [name for (name,) in names] == ["order 0", "order 1"]
