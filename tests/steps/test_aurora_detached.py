"""A cluster that left its global database: the real handler, in the twin."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest

from farshore.compile.machine import machines
from farshore.compile.policy import statements
from farshore.runbook.load import load
from farshore.runbook.mistakes import Mistakes
from farshore.testing.ticker import EAST, OTHER, REPLICAS, TABLE, WEST, Ticker, ticking
from functions.aurora_global import NEXT_SAMPLE_SECONDS
from functions.handler import lambda_handler
from functions.steps.aurora_detached import AuroraDetached
from twin.applications.account import Statement
from twin.cloud import ACCOUNT
from twin.faults import Kind
from twin.services.aurora.journal import Journal
from twin.services.aurora.model import Aurora
from twin.services.cloudwatch.model import Metrics
from twin.services.lambda_.model import FunctionError

NAME, DATABASE, CLUSTER, REMOVE = (
    "aurora_detached",
    "DescribeGlobalClusters",
    "DescribeDBClusters",
    "RemoveFromGlobalCluster",
)
MEMBERS = {EAST: "unicorn-east", WEST: "unicorn-west"}
ARN = {region: f"arn:aws:rds:{region}:{ACCOUNT}:cluster:{name}" for region, name in MEMBERS.items()}
RUNBOOK = f"""\
application: shop
regions: {{primary: {EAST}, standby: {WEST}}}
objectives: {{rto: 15m, rpo: 30s}}
ledger: {{table: {TABLE}, regions: [{", ".join(REPLICAS)}]}}
failover:
  - aurora_detached:
      cluster: unicorn
      members: {{{EAST}: unicorn-east, {WEST}: unicorn-west}}
      lose_at_most: 30s
"""
FAILBACK = RUNBOOK[RUNBOOK.index("failover") :].replace("failover", "failback").replace("detached", "writer")


class Night(Ticker):
    """A global database with its lag in CloudWatch, and a run that holds the lease."""

    def __init__(self, cloud: Any) -> None:
        super().__init__(cloud)
        metrics = Metrics(cloud)
        self.measured = True
        self.store = Journal((EAST, WEST))

        def put(*sample: Any) -> None:
            if self.measured:
                metrics.put(*sample)

        self.database = Aurora(cloud, put).global_database("unicorn", MEMBERS, self.store)
        self.removed: list[tuple[str, object]] = []
        """Removals that AWS began: where, and of what."""
        cloud.watchers.append(self._note_removal)
        for region in (EAST, WEST):
            self.deploy(AuroraDetached, region)
        self.hold()

    def falls(self) -> None:
        """The primary Region goes dark, long enough after the last change for CloudWatch to know the lag."""
        self.clock.sleep(90)
        self.cloud.faults.dark.add(EAST)

    def begin_failover(self) -> None:
        """Somebody else fails over, as AWS manages it."""
        boto3.client("rds", region_name=WEST).failover_global_cluster(
            GlobalClusterIdentifier="unicorn", TargetDbClusterIdentifier=ARN[WEST], AllowDataLoss=True
        )

    def inputs(self, **more: object) -> dict[str, Any]:
        given = {"cluster": "unicorn", "members": MEMBERS, "region": WEST, "lose_at_most": 30.0}
        return given | more

    def detach(self, mode: str = "ungraceful", **inputs: object) -> dict[str, Any]:
        """Ticks until the state holds, more slowly than the machine does, since little happens in between."""
        entered = self.clock.now
        for _ in range(100):
            try:
                return self.tick(NAME, self.inputs(**inputs), mode=mode, entered=entered)
            except FunctionError as error:
                if error.body["errorType"] != "NotYet":
                    raise
                self.clock.sleep(15)
        raise AssertionError("it never got there")

    def says(self, mode: str = "ungraceful", inputs: dict[str, Any] | None = None, **given: Any) -> str:
        """The error of one tick, of a state that has waited for a sample of the lag long enough."""
        given.setdefault("entered", self.clock.now - NEXT_SAMPLE_SECONDS - 1)
        return self.fails(NAME, self.inputs(**inputs or {}), mode=mode, **given)

    def amend(self, operation: str, change: Callable[[dict[str, Any]], None]) -> None:
        """RDS's answers are otherwise than the twin has them, from now on."""

        def watch(request: Any, answer: Any) -> None:
            if request.operation == operation:
                change(answer)

        self.cloud.watchers.append(watch)

    def _note_removal(self, request: Any, _: object) -> None:
        if request.operation == REMOVE:
            self.removed.append((request.region, request.parameters["DbClusterIdentifier"]))


@pytest.fixture
def night() -> Iterator[Night]:
    with ticking(7, Night) as night:
        assert isinstance(night, Night)
        yield night


def test_the_secondary_leaves_a_dead_primary_and_accepts_writes(night: Night) -> None:
    night.falls()
    done = night.detach()
    assert done["outcome"] == "done"
    assert done["facts"]["lag_seconds"] <= 1
    assert 30 < done["facts"]["lag_age_seconds"] < 900
    assert night.removed == [(WEST, ARN[WEST])]
    assert night.database.writers() == {WEST}


def test_it_is_not_done_before_the_cluster_accepts_writes(night: Night) -> None:
    night.falls()
    entered, writers = night.clock.now, []
    said = ""
    while said != "done":
        try:
            said = night.tick(NAME, night.inputs(), mode="ungraceful", entered=entered)["outcome"]
        except FunctionError as error:
            if error.body["errorType"] != "NotYet":
                raise
            night.clock.sleep(0.2)
        writers.append(night.database.writers())
    assert len(writers) > 10
    assert writers[-1] == {WEST}


def test_again_asks_for_nothing(night: Night) -> None:
    night.falls()
    night.detach()
    night.calls()
    assert night.detach()["outcome"] == "done"
    assert night.calls(REMOVE) == []


def test_a_graceful_run_is_refused_with_the_step_that_is_for_it(night: Night) -> None:
    assert "Untouched" in night.says("graceful")
    assert "in graceful mode, use aurora_writer" in night.says("graceful")
    night.cloud.faults.dark.add(f"rds/{WEST}")
    assert "use aurora_writer" in night.says("graceful")
    assert night.removed == []


def test_a_run_that_a_person_made_ungraceful_goes_on(night: Night) -> None:
    night.falls()
    night.say(ungraceful=True)
    assert night.detach("graceful")["outcome"] == "done"


@pytest.mark.parametrize("kind", ["lost_after", "slow"])
def test_an_answer_that_is_lost_after_aws_acted_does_not_hurt(night: Night, kind: Kind) -> None:
    night.falls()
    night.inject(kind, REMOVE)
    night.detach()
    night.clock.sleep(900)
    assert night.removed == [(WEST, ARN[WEST])]
    assert night.database.writers() == {WEST}


@pytest.mark.parametrize("kind", ["lost_before", "throttled", "500", "503", "slow"])
@pytest.mark.parametrize("operation", [DATABASE, CLUSTER, "GetMetricData", REMOVE])
def test_a_passing_fault_delays_and_does_not_stop(night: Night, operation: str, kind: Kind) -> None:
    night.falls()
    night.inject(kind, operation)
    night.detach()
    assert night.database.writers() == {WEST}


def test_a_list_of_yesterday_does_not_hurt(night: Night) -> None:
    night.falls()
    stale: list[Any] = []
    night.amend(DATABASE, lambda answer: stale.append(answer["GlobalClusters"]))
    assert "NotYet" in night.says()
    night.clock.sleep(600)
    night.cloud.watchers.pop()
    # This Region's RDS still has the list on which the cluster stood.
    night.cloud.serve("rds", DATABASE, lambda request: {"GlobalClusters": stale[0]})
    night.calls()
    assert night.says().startswith("NotYet")
    assert REMOVE in night.calls(REMOVE)
    assert night.removed == [(WEST, ARN[WEST])]


def test_a_database_that_is_stuck_in_a_failover_can_still_be_left(night: Night) -> None:
    def stuck(answer: dict[str, Any]) -> None:
        for database in answer["GlobalClusters"]:
            database["Status"], database["FailoverState"] = "failing-over", {"Status": "failing-over"}

    night.falls()
    night.amend(DATABASE, stuck)
    night.detach()
    assert night.database.writers() == {WEST}


def test_where_aws_does_not_let_it_leave_it_waits_until_within_has_passed(night: Night) -> None:
    night.falls()
    night.begin_failover()
    entered = night.clock.now - 11
    said = night.says(inputs={"within": 20}, entered=entered)
    assert said.startswith("NotYet")
    assert "InvalidGlobalClusterStateFault: unicorn is being moved" in said
    night.clock.sleep(20)
    said = night.says(inputs={"within": 20}, entered=entered)
    assert said.startswith("Untouched: the state: not within 20 s: detach unicorn-west from unicorn")
    assert night.removed == []


def test_the_writer_of_the_database_is_refused(night: Night) -> None:
    night.falls()
    night.begin_failover()
    night.clock.sleep(600)
    assert "Untouched: the state: unicorn-west is the writer of unicorn" in night.says()


def test_a_cluster_that_is_being_rebuilt_is_not_promoted(night: Night) -> None:
    night.falls()
    night.begin_failover()
    night.clock.sleep(600)
    night.cloud.faults.dark.clear()
    assert night.fails(NAME, night.inputs(region=EAST), EAST, mode="ungraceful") == (
        "NotYet: the state: unicorn-east is pending-resync"
    )
    assert night.calls(REMOVE) == []


def test_a_lag_above_the_bound_is_refused(night: Night) -> None:
    night.database.hold()
    night.clock.sleep(120)
    night.cloud.faults.dark.add(EAST)
    assert "Untouched: the state: unicorn lagged" in night.says()
    assert night.calls(REMOVE) == []


def test_a_lag_that_nobody_measured_is_refused(night: Night) -> None:
    night.measured = False
    night.falls()
    assert "the loss cannot be bounded" in night.says()
    assert night.calls(REMOVE) == []


@pytest.mark.parametrize("service", ["cloudwatch", "rds"])
def test_a_service_that_does_not_answer_is_waited_for(night: Night, service: str) -> None:
    night.falls()
    night.cloud.faults.dark.add(f"{service}/{WEST}")
    assert night.says().startswith("NotYet: the state: ")
    assert night.calls(REMOVE) == []


@pytest.mark.parametrize("operation", [DATABASE, CLUSTER])
def test_silence_does_not_mean_that_it_has_left(night: Night, operation: str) -> None:
    night.falls()
    night.detach()
    night.inject("503", operation)
    assert night.says() == "NotYet: the state: RDS in us-west-1 does not answer about unicorn"


def test_a_cluster_in_any_other_state_is_asked_to_leave(night: Night) -> None:
    night.falls()
    night.amend(CLUSTER, lambda answer: answer["DBClusters"][0].update(Status="upgrading"))
    assert night.says().startswith("NotYet: the state: acknowledged, but not to be seen yet")
    assert night.removed == [(WEST, ARN[WEST])]


def test_after_it_has_left_nobody_needs_the_lag(night: Night) -> None:
    night.falls()
    night.detach()
    night.cloud.faults.dark.add(f"cloudwatch/{WEST}")
    assert night.detach() == {"outcome": "done", "facts": {}}


def test_a_cluster_that_still_promotes_on_the_list_is_not_asked_again(night: Night) -> None:
    night.falls()
    night.amend(CLUSTER, lambda answer: answer["DBClusters"][0].update(Status="promoting"))
    assert "NotYet: the state: unicorn-west is promoting" in night.says()
    assert night.calls(REMOVE) == []


@pytest.mark.parametrize(
    ("shown", "why"),
    [
        ({"GlobalClusterIdentifier": "unicorn"}, "has not left unicorn yet"),
        ({"GlobalClusterIdentifier": "Unicorn"}, "has not left unicorn yet"),
        ({"ReplicationSourceIdentifier": ARN[EAST]}, "has not left unicorn yet"),
        ({"Status": "promoting"}, "is promoting"),
        ({"DBClusterMembers": []}, "has no writer"),
        ({"DBClusterMembers": [{"IsClusterWriter": False}]}, "has no writer"),
    ],
)
def test_off_the_list_is_not_enough(night: Night, shown: dict[str, Any], why: str) -> None:
    night.falls()
    night.detach()
    night.amend(CLUSTER, lambda answer: answer["DBClusters"][0].update(shown))
    assert night.says() == f"NotYet: the state: unicorn-west {why}"


def test_a_region_that_still_sees_the_database_it_left_is_done(night: Night) -> None:
    night.falls()
    night.detach()
    member = {"DBClusterArn": ARN[EAST], "IsWriter": True}
    seen = {"GlobalClusterIdentifier": "unicorn", "GlobalClusterMembers": [member]}
    for answer in ([seen], []):
        night.cloud.serve("rds", DATABASE, lambda request, answer=answer: {"GlobalClusters": answer})
        assert night.detach()["outcome"] == "done"


def test_a_cluster_of_another_database_is_refused(night: Night) -> None:
    night.falls()
    assert "Untouched: the state: unicorn-west belongs to unicorn and not to unikorn" in (
        night.says(inputs={"cluster": "unikorn"})
    )


def test_names_are_as_rds_has_them_in_any_case(night: Night) -> None:
    night.falls()
    assert night.detach(cluster="Unicorn")["outcome"] == "done"


def test_a_cluster_that_does_not_exist_is_refused(night: Night) -> None:
    night.falls()
    wrong = {"members": MEMBERS | {WEST: "unikorn-west"}}
    said = night.says(inputs=wrong)
    assert "Untouched: the state: rds:DescribeDBClusters of unikorn-west in us-west-1 was refused" in said


def test_a_cluster_beside_the_one_on_the_list_is_refused(night: Night) -> None:
    night.falls()
    beside = {"DBClusterArn": ARN[WEST] + "-copy", "DBClusterIdentifier": "unicorn-west-copy"}
    night.amend(CLUSTER, lambda answer: answer["DBClusters"][0].update(beside))
    said = night.says()
    assert "Untouched" in said
    assert f"in {WEST} is {ARN[WEST]}, not unicorn-west-copy" in said
    assert night.calls(REMOVE) == []


def test_a_cluster_without_an_instance_is_refused_before_it_leaves(night: Night) -> None:
    night.falls()
    night.amend(CLUSTER, lambda answer: answer["DBClusters"][0].update(DBClusterMembers=[]))
    assert "Untouched: the state: unicorn-west has no instance that could write" in night.says()
    assert night.calls(REMOVE) == []


def test_a_run_that_lost_the_lease_changes_nothing(night: Night) -> None:
    night.falls()
    night.hold(OTHER)
    assert "Refused: the state: superseded" in night.says()
    assert night.calls(REMOVE) == []


def test_a_dry_run_says_what_it_would_do_and_does_nothing(night: Night) -> None:
    night.falls()
    would = night.tick(NAME, night.inputs(), mode="ungraceful", dry_run=True)
    assert would["calls"] == [
        {
            "action": "rds:RemoveFromGlobalCluster",
            "service": "rds",
            "operation": "RemoveFromGlobalCluster",
            "region": WEST,
            "parameters": {"GlobalClusterIdentifier": "unicorn", "DbClusterIdentifier": ARN[WEST]},
        }
    ]
    assert would["facts"]["lag_seconds"] <= 1
    assert night.calls(REMOVE) == []


def test_a_runbook_that_detaches_must_say_how_it_comes_back(tmp_path: Path) -> None:
    path = tmp_path / "shop.yaml"
    path.write_text(RUNBOOK)
    with pytest.raises(Mistakes) as refused:
        load(path)
    assert str(refused.value) == (
        f"{path}:6: aurora_detached is one-way ({AuroraDetached.one_way}) and there is no failback: "
        "write a failback"
    )
    path.write_text(RUNBOOK + FAILBACK)
    assert load(path).procedures["failback"]


def test_its_function_may_do_what_it_needs(night: Night, tmp_path: Path) -> None:
    path = tmp_path / "shop.yaml"
    path.write_text(RUNBOOK + FAILBACK)
    runbook = load(path)
    allowed = statements(NAME, [(runbook, machine) for machine in machines(runbook)])
    policy = tuple(
        Statement(
            frozenset(each.actions),
            tuple(r.format(partition="aws", account=ACCOUNT) for r in each.resources),
            each.only,
        )
        for each in allowed
    )
    night.functions.deploy(
        WEST, NAME, lambda_handler(AuroraDetached, night.outside), timeout=60, policy=policy
    )
    night.falls()
    assert night.detach()["outcome"] == "done"
