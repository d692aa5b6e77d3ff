"""The twin's Aurora global database behaves as AWS says that Aurora does."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import boto3
import psycopg
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError, ConnectTimeoutError

from twin.clock import Clock
from twin.cloud import ACCOUNT, Cloud
from twin.moto.backing import Moto
from twin.services.aurora.journal import Connection, Journal
from twin.services.aurora.model import Aurora, Store
from twin.services.aurora.postgres import Dark, Pair

PRIMARY, STANDBY, OBSERVER = "us-east-1", "us-west-1", "us-west-2"
MEMBERS = {PRIMARY: "unicorn-east", STANDBY: "unicorn-west"}
ARN = {region: f"arn:aws:rds:{region}:{ACCOUNT}:cluster:{name}" for region, name in MEMBERS.items()}
IN_PROCESS = "InvalidGlobalClusterStateFault"
HOUR = 3600


@dataclass
class Shop:
    """A cloud with one global database, an application that counts what it lost, and a person with boto3."""

    cloud: Cloud
    store: Store
    samples: list[tuple[str, dict[str, str], float]] = field(default_factory=list)
    acknowledged: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.database = Aurora(self.cloud, self._sample).global_database("unicorn", MEMBERS, self.store)
        once = Config(connect_timeout=2, read_timeout=5, retries={"total_max_attempts": 1})
        self.rds: dict[str, Any] = {
            region: boto3.client("rds", region_name=region, config=once) for region in (*MEMBERS, OBSERVER)
        }

    def _sample(
        self, region: str, namespace: str, name: str, dimensions: dict[str, str], value: float
    ) -> None:
        assert (namespace, name) == ("AWS/RDS", "AuroraGlobalDBRPOLag")
        self.samples.append((region, dimensions, value))

    def order(self, region: str, name: str) -> bool:
        """Whether the Region's database acknowledged the order."""
        try:
            connection = self.database.connect(region)
            if isinstance(connection, Connection):
                connection.write("orders", name, {"name": name})
            else:
                connection.execute("INSERT INTO orders VALUES (%s)", [name])
        except (psycopg.OperationalError, psycopg.errors.ReadOnlySqlTransaction):
            return False
        self.acknowledged.append(name)
        return True

    def orders(self, region: str) -> list[str]:
        connection = self.database.connect(region)
        if isinstance(connection, Connection):
            return sorted(connection.rows("orders"))
        return sorted(name for (name,) in connection.execute("SELECT name FROM orders").fetchall())

    def keep_ordering(self, region: str) -> None:
        """A customer orders in the Region every 0.1 s, for ever."""
        numbers = iter(range(10**6))

        def another() -> None:
            self.order(region, f"{next(numbers):06}")

        self.cloud.clock.every(0.1, another)

    def described(self, region: str = STANDBY) -> dict[str, Any]:
        (cluster,) = self.rds[region].describe_global_clusters(GlobalClusterIdentifier="unicorn")[
            "GlobalClusters"
        ]
        return dict(cluster)

    def writer(self, region: str = STANDBY) -> str:
        (arn,) = [m["DBClusterArn"] for m in self.described(region)["GlobalClusterMembers"] if m["IsWriter"]]
        return str(arn).split(":")[3]

    def state(self) -> str:
        return str(self.described().get("FailoverState", {}).get("Status", ""))

    def synchronized(self, region: str) -> str:
        members = self.described()["GlobalClusterMembers"]
        (status,) = [m["SynchronizationStatus"] for m in members if m["DBClusterArn"] == ARN[region]]
        return str(status)

    def switch_over(self, to: str = STANDBY, at: str = PRIMARY) -> None:
        self.rds[at].switchover_global_cluster(
            GlobalClusterIdentifier="unicorn", TargetDbClusterIdentifier=ARN[to]
        )

    def fail_over(self, to: str = STANDBY, at: str = STANDBY, **options: bool) -> None:
        self.rds[at].failover_global_cluster(
            GlobalClusterIdentifier="unicorn", TargetDbClusterIdentifier=ARN[to], **options
        )

    def detach(self, cluster: str = ARN[STANDBY], at: str = STANDBY) -> None:
        self.rds[at].remove_from_global_cluster(
            GlobalClusterIdentifier="unicorn", DbClusterIdentifier=cluster
        )

    def cluster(self, region: str = STANDBY, name: str = "") -> dict[str, Any]:
        """The Region's cluster by itself."""
        (found,) = self.rds[region].describe_db_clusters(DBClusterIdentifier=name or MEMBERS[region])[
            "DBClusters"
        ]
        return dict(found)

    def accepts_writes(self, region: str = STANDBY) -> bool:
        found = self.cluster(region)
        return found["Status"] == "available" and found["DBClusterMembers"][0]["IsClusterWriter"]

    def until(self, met: Callable[[], bool], limit: float = HOUR) -> None:
        """Lets the world run, looking once a second as a person would."""
        end = self.cloud.clock.now + limit
        while not met():
            assert self.cloud.clock.now < end, "it never came about"
            self.cloud.clock.sleep(1)

    def darken(self, region: str) -> None:
        self.cloud.faults.dark.add(region)

    def lighten(self, region: str) -> None:
        self.cloud.faults.dark.remove(region)


@pytest.fixture
def cloud(monkeypatch: pytest.MonkeyPatch) -> Iterator[Cloud]:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "x")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "x")
    with Cloud(Clock(), 7, Moto()) as cloud:
        yield cloud


@pytest.fixture
def shop(cloud: Cloud) -> Shop:
    """On a store in memory."""
    return Shop(cloud, Journal((PRIMARY, STANDBY)))


@pytest.fixture(params=["journal", "postgres"])
def any_shop(cloud: Cloud, request: pytest.FixtureRequest) -> Iterator[Shop]:
    """On either store."""
    if request.param == "journal":
        yield Shop(cloud, Journal((PRIMARY, STANDBY)))
        return
    pair = Pair((PRIMARY, STANDBY), "CREATE TABLE orders (name text PRIMARY KEY)")
    yield Shop(cloud, pair)
    pair.close()


def refusal(act: Callable[[], object]) -> str:
    with pytest.raises(ClientError) as refused:
        act()
    return str(refused.value.response["Error"]["Code"])


def test_the_regions_with_a_member_show_who_writes(shop: Shop) -> None:
    assert shop.writer(PRIMARY) == shop.writer(STANDBY) == PRIMARY
    assert shop.described()["Status"] == "available"
    assert "FailoverState" not in shop.described()
    writer, reader = shop.described()["GlobalClusterMembers"]
    assert (writer["Readers"], reader["Readers"]) == ([ARN[STANDBY]], [])
    assert shop.rds[STANDBY].describe_global_clusters(GlobalClusterIdentifier="UNICORN")["GlobalClusters"]


def test_a_global_database_that_does_not_exist_is_not_found(shop: Shop) -> None:
    assert (
        refusal(lambda: shop.rds[STANDBY].describe_global_clusters(GlobalClusterIdentifier="unikorn"))
        == "GlobalClusterNotFoundFault"
    )
    assert (
        refusal(lambda: shop.rds[OBSERVER].describe_global_clusters(GlobalClusterIdentifier="unicorn"))
        == "GlobalClusterNotFoundFault"
    )


def test_available_straight_after_the_call_means_nothing(shop: Shop) -> None:
    shop.switch_over()
    assert (shop.described()["Status"], shop.state(), shop.writer()) == ("available", "", PRIMARY)
    shop.until(lambda: shop.state() == "pending", limit=5)
    assert shop.described()["Status"] == "switching-over"


def test_a_switchover_loses_nothing(any_shop: Shop) -> None:
    any_shop.keep_ordering(PRIMARY)
    any_shop.cloud.clock.sleep(5)
    any_shop.switch_over()
    any_shop.until(lambda: any_shop.writer() == STANDBY)
    assert any_shop.order(STANDBY, "after")
    assert len(any_shop.acknowledged) > 50
    assert any_shop.orders(STANDBY) == sorted(any_shop.acknowledged)
    any_shop.cloud.clock.sleep(2)
    assert any_shop.orders(PRIMARY) == sorted(any_shop.acknowledged)
    assert not any_shop.order(PRIMARY, "too late")


def test_nobody_writes_while_a_switchover_is_under_way(shop: Shop) -> None:
    shop.switch_over()
    shop.until(lambda: shop.state() == "switching-over")
    assert shop.database.writers() == set()
    with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
        shop.database.connect(PRIMARY).write("orders", "a", {"name": "a"})


def test_a_failover_loses_exactly_what_was_not_shipped(any_shop: Shop) -> None:
    for name in ("a", "b"):
        any_shop.order(PRIMARY, name)
    any_shop.cloud.clock.sleep(2)
    any_shop.database.hold()
    for name in ("c", "d"):
        any_shop.order(PRIMARY, name)
    any_shop.darken(PRIMARY)
    any_shop.database.release()
    any_shop.fail_over(AllowDataLoss=True)
    any_shop.until(lambda: any_shop.writer() == STANDBY)
    assert any_shop.orders(STANDBY) == ["a", "b"]
    assert any_shop.order(STANDBY, "e")


def test_a_failover_without_allow_data_loss_needs_the_dead_primary(shop: Shop) -> None:
    shop.darken(PRIMARY)
    assert refusal(lambda: shop.fail_over()) == IN_PROCESS
    shop.cloud.clock.sleep(HOUR)
    assert shop.writer() == PRIMARY


def test_a_failover_without_allow_data_loss_is_a_switchover(shop: Shop) -> None:
    shop.fail_over(at=PRIMARY)
    shop.until(lambda: shop.state() == "switching-over")
    assert shop.described()["FailoverState"] == {
        "Status": "switching-over",
        "FromDbClusterArn": ARN[PRIMARY],
        "ToDbClusterArn": ARN[STANDBY],
        "IsDataLossAllowed": False,
    }


def test_allow_data_loss_together_with_switchover_is_refused(shop: Shop) -> None:
    assert (
        refusal(lambda: shop.fail_over(AllowDataLoss=True, Switchover=True)) == "InvalidParameterCombination"
    )


def test_a_second_call_is_refused_from_the_first_moment_on(shop: Shop) -> None:
    shop.darken(PRIMARY)
    shop.fail_over(AllowDataLoss=True)
    assert shop.state() == ""
    assert refusal(lambda: shop.fail_over(AllowDataLoss=True)) == IN_PROCESS


def test_a_target_must_be_another_member(shop: Shop) -> None:
    assert refusal(lambda: shop.switch_over(to=PRIMARY)) == IN_PROCESS
    assert (
        refusal(
            lambda: shop.rds[PRIMARY].switchover_global_cluster(
                GlobalClusterIdentifier="unicorn", TargetDbClusterIdentifier="unicorn-west"
            )
        )
        == "DBClusterNotFoundFault"
    )


def test_a_call_in_the_wrong_region_is_refused(shop: Shop) -> None:
    assert refusal(lambda: shop.switch_over(at=STANDBY)) == "InvalidParameterValue"
    assert refusal(lambda: shop.fail_over(at=PRIMARY, AllowDataLoss=True)) == "InvalidParameterValue"


def test_a_request_to_a_dark_region_never_arrives(shop: Shop) -> None:
    shop.darken(PRIMARY)
    with pytest.raises(ConnectTimeoutError):
        shop.switch_over()
    shop.lighten(PRIMARY)
    shop.cloud.clock.sleep(HOUR)
    assert shop.writer() == PRIMARY


def test_clients_of_a_dark_region_lose_what_they_had_open(shop: Shop) -> None:
    connection = shop.database.connect(PRIMARY)
    shop.cloud.clock.after(1, lambda: shop.darken(PRIMARY))
    shop.cloud.clock.sleep(2)
    with pytest.raises(psycopg.OperationalError):
        connection.write("orders", "a", {"name": "a"})
    with pytest.raises(Dark):
        shop.database.connect(PRIMARY)
    shop.lighten(PRIMARY)
    assert shop.order(PRIMARY, "b")


def test_a_returning_region_accepts_writes_until_it_is_fenced(any_shop: Shop) -> None:
    any_shop.darken(PRIMARY)
    any_shop.fail_over(AllowDataLoss=True)
    any_shop.until(lambda: any_shop.writer() == STANDBY)
    assert any_shop.database.writers() == {STANDBY}
    any_shop.lighten(PRIMARY)
    assert any_shop.database.writers() == {PRIMARY, STANDBY}
    back = any_shop.cloud.clock.now
    while any_shop.order(PRIMARY, f"stray {any_shop.cloud.clock.elapsed:05.0f}"):
        any_shop.cloud.clock.sleep(1)
    assert 10 <= any_shop.cloud.clock.now - back <= 62
    assert any_shop.database.writers() == {STANDBY}
    strays = list(any_shop.acknowledged)
    assert any_shop.synchronized(PRIMARY) == "pending-resync"
    any_shop.until(lambda: any_shop.synchronized(PRIMARY) == "connected")
    assert [row["name"] for _, row in any_shop.database.lost] == strays
    any_shop.order(STANDBY, "kept")
    any_shop.cloud.clock.sleep(2)
    assert any_shop.orders(PRIMARY) == any_shop.orders(STANDBY) == ["kept"]


def test_a_region_that_goes_dark_again_is_fenced_and_rebuilt_later(shop: Shop) -> None:
    shop.darken(PRIMARY)
    shop.fail_over(AllowDataLoss=True)
    shop.until(lambda: shop.writer() == STANDBY)
    shop.lighten(PRIMARY)
    shop.cloud.clock.sleep(5)
    shop.darken(PRIMARY)
    shop.cloud.clock.sleep(HOUR)
    assert shop.synchronized(PRIMARY) == "pending-resync"
    shop.lighten(PRIMARY)
    assert shop.database.writers() == {PRIMARY, STANDBY}
    shop.until(lambda: shop.synchronized(PRIMARY) == "connected")
    assert shop.database.writers() == {STANDBY}


def test_nothing_fails_back_to_a_cluster_that_is_being_rebuilt(shop: Shop) -> None:
    shop.darken(PRIMARY)
    shop.fail_over(AllowDataLoss=True)
    shop.until(lambda: shop.writer() == STANDBY)
    shop.lighten(PRIMARY)
    assert refusal(lambda: shop.switch_over(to=PRIMARY, at=STANDBY)) == IN_PROCESS
    assert (
        refusal(lambda: shop.fail_over(to=PRIMARY, at=PRIMARY, AllowDataLoss=True))
        == "InvalidDBClusterStateFault"
    )
    shop.until(lambda: shop.synchronized(PRIMARY) == "connected")
    shop.switch_over(to=PRIMARY, at=STANDBY)
    shop.until(lambda: shop.writer() == PRIMARY)
    assert shop.database.writers() == {PRIMARY}


def test_a_switchover_whose_primary_dies_reverts(any_shop: Shop) -> None:
    any_shop.order(PRIMARY, "a")
    any_shop.switch_over()
    any_shop.until(lambda: any_shop.state() == "switching-over")
    any_shop.darken(PRIMARY)
    any_shop.until(lambda: any_shop.state() == "cancelling", limit=3)
    any_shop.until(lambda: any_shop.state() == "")
    assert (any_shop.described()["Status"], any_shop.writer()) == ("available", PRIMARY)
    any_shop.lighten(PRIMARY)
    assert any_shop.order(PRIMARY, "b")
    any_shop.cloud.clock.sleep(2)
    assert any_shop.orders(STANDBY) == ["a", "b"]


def test_a_switchover_that_cannot_catch_up_reverts(shop: Shop) -> None:
    shop.database.hold()
    shop.order(PRIMARY, "a")
    shop.switch_over()
    shop.until(lambda: shop.state() == "cancelling")
    shop.until(lambda: shop.state() == "")
    assert shop.database.writers() == {PRIMARY}
    assert shop.order(PRIMARY, "b")


def test_a_failover_fences_a_writer_that_can_be_reached(shop: Shop) -> None:
    shop.cloud.clock.after_each.append(lambda: check(len(shop.database.writers()) <= 1))
    shop.keep_ordering(PRIMARY)
    shop.fail_over(AllowDataLoss=True)
    shop.until(lambda: shop.writer() == STANDBY)
    shop.until(lambda: shop.synchronized(PRIMARY) == "connected")


def check(holds: bool) -> None:
    assert holds


def test_regions_that_do_not_hear_each_other_both_write_after_a_failover(shop: Shop) -> None:
    shop.cloud.faults.partitions.add(frozenset(MEMBERS))
    shop.fail_over(AllowDataLoss=True)
    shop.until(lambda: shop.writer() == STANDBY)
    shop.cloud.clock.sleep(HOUR)
    assert shop.database.writers() == {PRIMARY, STANDBY}
    shop.cloud.faults.partitions.clear()
    shop.until(lambda: shop.database.writers() == {STANDBY}, limit=62)


def test_a_failover_whose_target_dies_reverts(shop: Shop) -> None:
    shop.fail_over(AllowDataLoss=True)
    shop.until(lambda: shop.state() == "failing-over")
    shop.darken(STANDBY)
    shop.until(lambda: shop.writer(PRIMARY) == PRIMARY and shop.database.writers() == {PRIMARY})
    assert shop.order(PRIMARY, "a")


def test_a_cluster_shows_by_itself_whom_it_follows(shop: Shop) -> None:
    secondary, primary = shop.cluster(STANDBY, ARN[STANDBY].upper()), shop.cluster(PRIMARY)
    assert secondary["ReplicationSourceIdentifier"] == ARN[PRIMARY]
    assert "ReplicationSourceIdentifier" not in primary
    assert [c["GlobalClusterIdentifier"] for c in (secondary, primary)] == ["unicorn"] * 2
    assert [c["DBClusterMembers"][0]["IsClusterWriter"] for c in (secondary, primary)] == [False, True]


@pytest.mark.parametrize(
    ("region", "name"), [(STANDBY, "unikorn"), (STANDBY, MEMBERS[PRIMARY]), (OBSERVER, MEMBERS[STANDBY])]
)
def test_a_cluster_is_found_in_its_own_region_only(shop: Shop, region: str, name: str) -> None:
    assert refusal(lambda: shop.cluster(region, name)) == "DBClusterNotFoundFault"


def test_a_detached_cluster_stands_alone_and_has_what_was_shipped(any_shop: Shop) -> None:
    any_shop.order(PRIMARY, "a")
    any_shop.cloud.clock.sleep(2)
    any_shop.database.hold()
    any_shop.order(PRIMARY, "b")
    any_shop.darken(PRIMARY)
    any_shop.database.release()
    any_shop.detach()
    asked = any_shop.cloud.clock.now
    any_shop.until(any_shop.accepts_writes)
    assert 30 <= any_shop.cloud.clock.now - asked <= 308
    assert any_shop.database.writers() == {STANDBY}
    assert any_shop.orders(STANDBY) == ["a"]
    assert any_shop.order(STANDBY, "c")
    alone = any_shop.cluster()
    assert not {"GlobalClusterIdentifier", "ReplicationSourceIdentifier"} & alone.keys()


def test_nobody_fences_or_rebuilds_what_a_detached_cluster_leaves(any_shop: Shop) -> None:
    any_shop.order(PRIMARY, "a")
    any_shop.cloud.clock.sleep(2)
    any_shop.darken(PRIMARY)
    any_shop.detach()
    any_shop.until(any_shop.accepts_writes)
    any_shop.lighten(PRIMARY)
    any_shop.cloud.clock.sleep(HOUR)
    assert any_shop.database.writers() == {PRIMARY, STANDBY}
    assert any_shop.order(PRIMARY, "b")
    assert any_shop.order(STANDBY, "c")
    any_shop.cloud.clock.sleep(HOUR)
    assert any_shop.orders(PRIMARY) == ["a", "b"]
    assert any_shop.orders(STANDBY) == ["a", "c"]


def test_what_is_written_while_a_cluster_leaves_a_living_primary_is_lost_to_it(shop: Shop) -> None:
    shop.keep_ordering(PRIMARY)
    shop.cloud.clock.sleep(5)
    before = len(shop.acknowledged)
    shop.detach()
    shop.until(shop.accepts_writes)
    assert before - 15 <= len(shop.orders(STANDBY)) <= before + 30
    assert len(shop.acknowledged) > before + 200


def test_nothing_shows_straight_after_a_removal_and_then_in_turns(shop: Shop) -> None:
    def shown() -> tuple[int, str, bool]:
        members = shop.described(PRIMARY)["GlobalClusterMembers"]
        return len(members), shop.cluster()["Status"], shop.accepts_writes()

    shop.detach()
    turns = [shown()]
    while not turns[-1][2]:
        if (now := shown()) != turns[-1]:
            turns.append(now)
        shop.cloud.clock.sleep(0.2)
    assert turns == [
        (2, "available", False),
        (1, "available", False),
        (1, "promoting", False),
        (1, "available", True),
    ]
    assert shop.database.writers() == {PRIMARY, STANDBY}


def test_the_old_primary_is_alone_on_the_list_and_the_region_that_left_sees_none(shop: Shop) -> None:
    shop.detach()
    shop.until(shop.accepts_writes)
    (member,) = shop.described(PRIMARY)["GlobalClusterMembers"]
    assert (member["DBClusterArn"], member["IsWriter"], member["Readers"]) == (ARN[PRIMARY], True, [])
    assert refusal(lambda: shop.described(STANDBY)) == "GlobalClusterNotFoundFault"
    assert shop.rds[STANDBY].describe_global_clusters()["GlobalClusters"] == []


def test_only_its_arn_in_its_own_region_removes_a_cluster(shop: Shop) -> None:
    assert refusal(lambda: shop.detach(MEMBERS[STANDBY])) == "DBClusterNotFoundFault"
    assert refusal(lambda: shop.detach(at=PRIMARY)) == "DBClusterNotFoundFault"
    assert refusal(lambda: shop.detach(at=OBSERVER)) == "DBClusterNotFoundFault"
    shop.cloud.clock.sleep(HOUR)
    assert len(shop.described()["GlobalClusterMembers"]) == 2


def test_the_database_that_a_cluster_leaves_must_exist(shop: Shop) -> None:
    asked = {"GlobalClusterIdentifier": "unikorn", "DbClusterIdentifier": ARN[STANDBY]}
    assert (
        refusal(lambda: shop.rds[STANDBY].remove_from_global_cluster(**asked)) == "GlobalClusterNotFoundFault"
    )


def test_the_primary_does_not_leave_its_secondary(shop: Shop) -> None:
    assert refusal(lambda: shop.detach(ARN[PRIMARY], at=PRIMARY)) == IN_PROCESS


def test_no_cluster_leaves_twice(shop: Shop) -> None:
    shop.detach()
    assert refusal(shop.detach) == "InvalidDBClusterStateFault"
    shop.until(shop.accepts_writes)
    assert refusal(shop.detach) == "InvalidParameterValue"


def test_no_cluster_leaves_while_the_database_moves_nor_moves_while_it_leaves(shop: Shop) -> None:
    shop.switch_over()
    assert refusal(shop.detach) == IN_PROCESS
    shop.until(lambda: shop.writer() == STANDBY)
    shop.detach(ARN[PRIMARY], at=PRIMARY)
    assert refusal(lambda: shop.switch_over(to=PRIMARY, at=STANDBY)) == IN_PROCESS
    shop.until(lambda: shop.accepts_writes(PRIMARY))
    assert refusal(lambda: shop.switch_over(to=PRIMARY, at=STANDBY)) == "DBClusterNotFoundFault"


def test_a_cluster_that_is_being_rebuilt_does_not_leave(shop: Shop) -> None:
    shop.darken(PRIMARY)
    shop.fail_over(AllowDataLoss=True)
    shop.until(lambda: shop.writer() == STANDBY)
    shop.lighten(PRIMARY)
    assert refusal(lambda: shop.detach(ARN[PRIMARY], at=PRIMARY)) == "InvalidDBClusterStateFault"


def test_a_cluster_whose_region_goes_dark_while_it_leaves_is_promoted_later(shop: Shop) -> None:
    shop.detach()
    shop.cloud.clock.sleep(10)
    shop.darken(STANDBY)
    shop.cloud.clock.sleep(HOUR)
    shop.lighten(STANDBY)
    assert shop.database.writers() == {PRIMARY}
    shop.until(shop.accepts_writes, limit=3)


def test_nobody_publishes_the_lag_of_a_cluster_that_left(shop: Shop) -> None:
    shop.detach()
    shop.until(shop.accepts_writes)
    shop.samples.clear()
    shop.cloud.clock.sleep(600)
    assert shop.samples == []


def test_both_regions_publish_a_lag_below_a_second(shop: Shop) -> None:
    shop.cloud.clock.sleep(600)
    assert len(shop.samples) == 20
    assert {(region, dimensions["DBClusterIdentifier"]) for region, dimensions, _ in shop.samples} == set(
        MEMBERS.items()
    )
    assert all(0 <= milliseconds <= 1000 for *_, milliseconds in shop.samples)


def test_the_lag_grows_while_the_transport_is_held(shop: Shop) -> None:
    shop.database.hold()
    shop.cloud.clock.sleep(180)
    assert [round(value / 60_000, 1) for region, _, value in shop.samples if region == STANDBY] == [1, 2, 3]
    shop.database.release()
    shop.cloud.clock.sleep(60)
    assert shop.samples[-1][2] <= 1000


def test_nobody_knows_the_lag_behind_a_dark_primary(shop: Shop) -> None:
    shop.darken(PRIMARY)
    shop.cloud.clock.sleep(600)
    assert shop.samples == []


def test_the_same_seed_gives_the_same_history(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "x")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "x")

    def history(seed: int) -> list[float]:
        with Cloud(Clock(), seed, Moto()) as cloud:
            shop = Shop(cloud, Journal((PRIMARY, STANDBY)))
            shop.keep_ordering(PRIMARY)
            shop.cloud.clock.sleep(60)
            shop.darken(PRIMARY)
            shop.fail_over(AllowDataLoss=True)
            shop.until(lambda: shop.writer() == STANDBY)
            return [cloud.clock.now, len(shop.orders(STANDBY)), shop.samples[0][2]]

    assert history(1) == history(1)
    assert history(1) != history(2)
