"""What a Cloud's fingerprint is made of: all that a service's next answer depends on, and no more."""

from __future__ import annotations

import dataclasses
import importlib
import pkgutil
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from every_service import EAST, WAITS, WEST, every_service

import twin
from twin.cloud import Cloud
from twin.faults import Kind, Request
from twin.service import Service
from twin.services.arc.model import Arc
from twin.services.aurora.model import Aurora
from twin.services.cloudwatch.model import Metrics
from twin.services.dynamodb.model import DynamoDB
from twin.services.events.model import Bus
from twin.services.health.model import Health
from twin.services.lambda_.model import Functions
from twin.services.s3.model import Websites

OREGON = "us-west-2"
ROOMS = ("twin.services.", "twin.net")
"""Where what services are made of stands; the clock, the faults and the Cloud are not theirs."""


@pytest.fixture
def cloud() -> Iterator[Cloud]:
    with every_service() as cloud:
        yield cloud


def client(service: str, region: str = WEST, **more: Any) -> Any:
    return boto3.client(service, region, **more)  # type: ignore[call-overload]


# Whatever a service remembers is part of its state.


def test_every_service_of_the_twin_is_in_the_cloud_that_these_tests_look_at(cloud: Cloud) -> None:
    for module in pkgutil.walk_packages(twin.__path__, "twin."):
        importlib.import_module(module.name)
    every = {kind for kind in kinds(Service) if kind.__module__.startswith("twin.")}
    assert {type(service) for service in cloud.services} == every


def test_every_attribute_of_every_service_is_read_by_its_state_or_declared_not_to_be(cloud: Cloud) -> None:
    make_busy(cloud)
    assert forgotten(cloud) == set()


@pytest.mark.parametrize("kind", [Arc, Functions, Aurora])
def test_an_attribute_that_a_service_gets_and_its_state_does_not_is_found(
    cloud: Cloud, kind: type[Service]
) -> None:
    service: Any = kind.of(cloud)
    service.quota = 3
    assert forgotten(cloud) == {f"{kind.__name__}.quota"}


def test_an_attribute_of_a_thing_that_a_service_holds_is_found_too(cloud: Cloud) -> None:
    make_busy(cloud)
    database: Any = Aurora.of(cloud).databases["one"]
    database.paused = False
    database._move.step = 1
    assert forgotten(cloud) == {"GlobalDatabase.paused", "Move.step"}


def test_an_attribute_of_a_helper_that_a_thing_holds_is_found_too(cloud: Cloud) -> None:
    """It needs no `state()` of its own: wherever it is kept, what it holds must be read."""

    class Told:
        __module__ = Arc.__module__

        def __init__(self) -> None:
            self.often = 0

    service: Any = Arc.of(cloud)
    service.asked = deque([Told()])
    assert forgotten(cloud) == {"Arc.asked", "Told.often"}


def test_every_reason_why_an_attribute_is_no_state_is_about_an_attribute(cloud: Cloud) -> None:
    make_busy(cloud)
    met = {type(thing): thing for thing in reachable(cloud)}
    for kind, thing in met.items():
        family = {*kinds(kind.__mro__[-2]), *kind.__mro__}  # an alarm's declaration is for all kinds of alarm
        known = {*vars(thing), *(name for each in family for name in getattr(each, "__annotations__", ()))}
        assert set(getattr(kind, "not_state", {})) <= known, kind


def kinds(base: type[Any]) -> set[type[Any]]:
    return {each for kind in base.__subclasses__() for each in (kind, *kinds(kind))}


def forgotten(cloud: Cloud) -> set[str]:
    """Attributes that the fingerprint does not read, of all that it comes across, and no reason given."""
    things = list(reachable(cloud))
    with reads_of({type(thing) for thing in things}) as read:
        cloud.fingerprint()
    return {
        f"{type(thing).__name__}.{name}"
        for thing in things
        if not is_value(thing)
        for name in vars(thing)
        if (id(thing), name) not in read and name not in getattr(type(thing), "not_state", {})
    }


def is_value(thing: Any) -> bool:
    """It is never changed, so who holds it says all of it."""
    return dataclasses.is_dataclass(thing) and bool(thing.__dataclass_params__.frozen)  # type: ignore[attr-defined]


def reachable(cloud: Cloud) -> Iterator[Any]:
    """The services, and all things of theirs that no declaration excepts."""
    met: set[int] = set()

    def walk(value: Any) -> Iterator[Any]:
        if id(value) in met:
            return
        met.add(id(value))
        if isinstance(value, dict):
            for each in value.values():
                yield from walk(each)
        elif isinstance(value, list | tuple | set | frozenset | deque):
            for each in value:
                yield from walk(each)
        elif type(value).__module__.startswith(ROOMS) and hasattr(value, "__dict__"):
            yield value
            for name, each in vars(value).items():
                if name not in getattr(type(value), "not_state", {}):
                    yield from walk(each)

    yield from walk(list(cloud.services))


@contextmanager
def reads_of(kinds: set[type[Any]]) -> Iterator[set[tuple[int, str]]]:
    """Who is asked for which attribute."""
    read: set[tuple[int, str]] = set()

    def noting(self: Any, name: str) -> Any:
        read.add((id(self), name))
        return object.__getattribute__(self, name)

    with ExitStack() as stack:
        for kind in kinds:
            kind.__getattribute__ = noting  # type: ignore[method-assign]
            stack.callback(delattr, kind, "__getattribute__")
        yield read


def make_busy(cloud: Cloud) -> None:
    """Everything of every service is under way."""
    Aurora.of(cloud).databases["one"].move(WEST, True, WEST, "FailoverGlobalCluster")
    Aurora.of(cloud).databases["two"].remove(WEST)
    for change in UNDER_WAY.values():
        change(cloud)
    client("lambda", EAST).put_function_concurrency(FunctionName="one", ReservedConcurrentExecutions=1)
    cloud.clock.sleep(2)


# Time alone changes nothing.


def test_while_all_is_well_the_fingerprint_is_always_the_same(cloud: Cloud) -> None:
    cloud.clock.sleep(30)
    before = cloud.fingerprint()
    for minutes in (1, 1, 7, 50):
        cloud.clock.sleep(minutes * 60)
        assert cloud.fingerprint() == before


def test_a_failed_canary_a_lag_that_grows_and_what_is_dark_look_alike_a_little_later(
    cloud: Cloud,
) -> None:
    cloud.faults.dark.add(EAST)
    Aurora.of(cloud).databases["one"].hold()
    cloud.clock.sleep(290)
    before = cloud.fingerprint()
    cloud.clock.sleep(20)
    assert cloud.fingerprint() == before


# What is under way is in the state, and forgotten when it has ended.


def put(table: str) -> None:
    item = {"application": {"S": "shop"}, "item": {"S": "lease"}, "body": {"S": "{}"}}
    client("dynamodb", OREGON).put_item(TableName=table, Item=item)


def turn(state: str, cluster: str = "one") -> Callable[[Cloud], object]:
    def act(cloud: Cloud) -> None:
        it = Arc.of(cloud).clusters[cluster]
        controls = client("route53-recovery-cluster", OREGON, endpoint_url=it.endpoints[OREGON])
        wanted = {"RoutingControlArn": it.arns[WEST], "RoutingControlState": state}
        controls.update_routing_control_states(UpdateRoutingControlStateEntries=[wanted])

    return act


def write(cloud: Cloud) -> None:
    DynamoDB.of(cloud).global_tables["one"].put(EAST, "a", {"n": 1}, "a write")


def held_write(cloud: Cloud) -> None:
    cloud.faults.partitions.add(frozenset({EAST, WEST}))
    write(cloud)
    cloud.clock.sleep(5)
    cloud.faults.partitions.clear()


def close(cloud: Cloud) -> None:
    block = {"RestrictPublicBuckets": True}
    client("s3").put_public_access_block(Bucket="one", PublicAccessBlockConfiguration=block)


def start(cloud: Cloud) -> None:
    steps = client("stepfunctions")
    made = steps.create_state_machine(name="waits", definition=WAITS, roleArn="arn:aws:iam::1:role/r")
    steps.start_execution(stateMachineArn=made["stateMachineArn"], name="run")


def undelivered(cloud: Cloud) -> None:
    Bus.of(cloud).rule(WEST, "on-alarm", {"source": ["me"]}, lambda event: cloud.clock.sleep(60))
    Bus.of(cloud).emit(WEST, "me", "it", {})


UNDER_WAY: dict[str, Callable[[Cloud], object]] = {
    "a routing control that was turned": turn("On"),
    "a write that is being agreed upon": lambda cloud: put("ledger-one"),
    "a write that waits for its Region": held_write,
    "a page that closes": close,
    "an execution": start,
    "an event on its way": undelivered,
    "an impairment": lambda cloud: Health.of(cloud).impair(EAST, "RDS"),
    "a page to people": lambda cloud: client("sns").publish(
        TopicArn="arn:aws:sns:us-west-1:123456789012:pages", Subject="wake up", Message="it burns"
    ),
    "an invocation": lambda cloud: cloud.clock.spawn(lambda: Functions.of(cloud).invoke(EAST, "one", {})),
    "a sample out of the usual": lambda cloud: Metrics.of(cloud).put(
        EAST, "AWS/RDS", "AuroraGlobalDBRPOLag", {"DBClusterIdentifier": "one-east"}, 40_000
    ),
}


@pytest.mark.parametrize("what", UNDER_WAY)
def test_what_is_under_way_is_in_the_fingerprint(cloud: Cloud, what: str) -> None:
    cloud.clock.sleep(30)
    before = cloud.fingerprint()
    UNDER_WAY[what](cloud)
    cloud.clock.sleep(0.001)
    assert cloud.fingerprint() != before


def test_a_write_that_changes_nothing_is_in_the_state_while_it_is_agreed_upon(cloud: Cloud) -> None:
    put("ledger-one")
    cloud.clock.sleep(30)
    before = DynamoDB.of(cloud).state()
    meanwhile: list[object] = []
    cloud.watchers.append(lambda request, answer: meanwhile.append(DynamoDB.of(cloud).state()))
    put("ledger-one")
    cloud.clock.sleep(1)
    assert meanwhile != [before]
    assert DynamoDB.of(cloud).state() == before


def test_the_quiet_time_after_a_change_of_routes_is_in_the_state_in_seconds_and_ends(cloud: Cloud) -> None:
    cloud.clock.sleep(30)
    for state in ("On", "Off", "On"):
        turn(state)(cloud)
        cloud.clock.sleep(6)
    cloud.clock.sleep(6)
    settled = Arc.of(cloud).state()
    turn("Off")(cloud)
    quiet = Arc.of(cloud).state()
    with pytest.raises(ClientError, match="wait period"):
        turn("On")(cloud)
    cloud.clock.sleep(2)
    assert Arc.of(cloud).state() not in (quiet, settled)
    cloud.clock.sleep(6)
    turn("On")(cloud)
    cloud.clock.sleep(12)
    assert Arc.of(cloud).state() == settled


def test_a_delivery_that_is_made_twice_is_under_way_until_the_second_is_done(cloud: Cloud) -> None:
    twice = iter(("lost_after", None))

    def inject(request: Request) -> Kind | None:
        return next(twice, None) if request.operation == "Deliver" else None  # type: ignore[return-value]

    cloud.faults.injectors.append(inject)
    before = Bus.of(cloud).state()
    undelivered(cloud)
    assert Bus.of(cloud).state() != before
    cloud.clock.sleep(90)
    assert Bus.of(cloud).state() != before
    cloud.clock.sleep(90)
    assert Bus.of(cloud).state() == before


def test_a_page_is_open_until_its_block_has_taken_effect_and_the_state_shows_both(cloud: Cloud) -> None:
    sites = Websites.of(cloud)
    before = sites.state()
    close(cloud)
    closing = sites.state()
    cloud.clock.sleep(20)
    assert len({repr(each) for each in (before, closing, sites.state())}) == 3
