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

from twin.aws import ACCOUNT, Cloud
from twin.clock import Clock
from twin.journal import Book, Journal
from twin.postgres import Dark, Pair
from twin.services.aurora import GlobalDatabase, Store

PRIMARY, STANDBY, OBSERVER = "us-east-1", "us-west-1", "us-west-2"
MEMBERS = {PRIMARY: "unicorn-east", STANDBY: "unicorn-west"}
ARN = {region: f"arn:aws:rds:{region}:{ACCOUNT}:cluster:{name}" for region, name in MEMBERS.items()}
IN_PROCESS = "InvalidGlobalClusterStateFault"
HOUR = 3600


@dataclass
class Shop:
    """A cloud with one global database, an application that keeps score, and a person with boto3."""

    cloud: Cloud
    store: Store
    samples: list[tuple[str, dict[str, str], float]] = field(default_factory=list)
    acknowledged: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.database = GlobalDatabase(self.cloud, "unicorn", MEMBERS, self.store, self._sample)
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
            if isinstance(connection, Book):
                connection.write("orders", name, {"name": name})
            else:
                connection.execute("INSERT INTO orders VALUES (%s)", [name])
        except (psycopg.OperationalError, psycopg.errors.ReadOnlySqlTransaction):
            return False
        self.acknowledged.append(name)
        return True

    def orders(self, region: str) -> list[str]:
        connection = self.database.connect(region)
        if isinstance(connection, Book):
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

    def until(self, met: Callable[[], bool], limit: float = HOUR) -> None:
        """Lets the world run, looking once a second as a person would."""
        end = self.cloud.clock.now + limit
        while not met():
            assert self.cloud.clock.now < end, "it never came about"
            self.cloud.clock.sleep(1)

    def darken(self, region: str) -> None:
        self.cloud.weather.dark.add(region)

    def lighten(self, region: str) -> None:
        self.cloud.weather.dark.remove(region)


@pytest.fixture
def cloud(monkeypatch: pytest.MonkeyPatch) -> Iterator[Cloud]:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "x")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "x")
    with Cloud(Clock(), seed=7) as cloud:
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


def test_the_regions_with_a_member_tell_who_writes(shop: Shop) -> None:
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
    shop.cloud.weather.cut.add(frozenset(MEMBERS))
    shop.fail_over(AllowDataLoss=True)
    shop.until(lambda: shop.writer() == STANDBY)
    shop.cloud.clock.sleep(HOUR)
    assert shop.database.writers() == {PRIMARY, STANDBY}
    shop.cloud.weather.cut.clear()
    shop.until(lambda: shop.database.writers() == {STANDBY}, limit=62)


def test_a_failover_whose_target_dies_reverts(shop: Shop) -> None:
    shop.fail_over(AllowDataLoss=True)
    shop.until(lambda: shop.state() == "failing-over")
    shop.darken(STANDBY)
    shop.until(lambda: shop.writer(PRIMARY) == PRIMARY and shop.database.writers() == {PRIMARY})
    assert shop.order(PRIMARY, "a")


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


def test_nobody_can_tell_the_lag_behind_a_dark_primary(shop: Shop) -> None:
    shop.darken(PRIMARY)
    shop.cloud.clock.sleep(600)
    assert shop.samples == []


def test_the_same_seed_gives_the_same_history(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "x")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "x")

    def history(seed: int) -> list[float]:
        with Cloud(Clock(), seed) as cloud:
            shop = Shop(cloud, Journal((PRIMARY, STANDBY)))
            shop.keep_ordering(PRIMARY)
            shop.cloud.clock.sleep(60)
            shop.darken(PRIMARY)
            shop.fail_over(AllowDataLoss=True)
            shop.until(lambda: shop.writer() == STANDBY)
            return [cloud.clock.now, len(shop.orders(STANDBY)), shop.samples[0][2]]

    assert history(1) == history(1)
    assert history(1) != history(2)
