"""What a Cloud's fingerprint is made of: all that a service's next answer depends on, and no more."""

from __future__ import annotations

import ast
import copy
import dataclasses
import importlib
import inspect
import pkgutil
import sys
import textwrap
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar

import pytest
from every_service import EAST, every_service, under_way

import twin
from twin.clock import Task
from twin.cloud import Cloud
from twin.service import APART, Service
from twin.services.arc.model import Arc
from twin.services.aurora.model import Aurora
from twin.services.cloudwatch.alarms import Alarm
from twin.services.lambda_.model import Functions

ROOMS = ("twin.services.", "twin.net")
"""Where what services are made of stands; the clock, the faults and the Cloud are not theirs."""
CONTAINERS = (dict, list, tuple, set, frozenset, deque)


@pytest.fixture
def cloud() -> Iterator[Cloud]:
    with every_service() as cloud:
        yield cloud


# Whatever a service remembers is part of its state.


def test_everything_that_has_a_state_is_in_the_cloud_that_these_tests_look_at(cloud: Cloud) -> None:
    """What has none is missing: its service's own test furnishes it (tests/every_service.py)."""
    make_busy(cloud)
    every = {
        kind
        for name, module in MODULES.items()
        for kind in vars(module).values()
        if inspect.isclass(kind) and kind.__module__ == name and hasattr(kind, "not_state")
    }
    assert every - {type(thing) for thing in reachable(cloud)} == {Alarm}  # each is one of two kinds


def test_every_attribute_of_every_service_is_in_its_state_or_declared_not_to_be(cloud: Cloud) -> None:
    make_busy(cloud)
    assert forgotten(cloud) == set()


@pytest.mark.parametrize("kind", [Arc, Functions, Aurora])
def test_an_attribute_that_a_service_gets_and_its_state_does_not_is_found(
    cloud: Cloud, kind: type[Service]
) -> None:
    make_busy(cloud)
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

    make_busy(cloud)
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


class Planted(Service):
    """Forgets, in every way that there is."""

    __module__ = Arc.__module__
    service: ClassVar = "planted"
    not_state: ClassVar = {"cloud": APART}
    shared: ClassVar[list[str]] = []

    def __init__(self, cloud: Cloud) -> None:
        super().__init__(cloud)
        self.names, self.said, self.level, self.counted = ["ann"], {"ann": ["hi"], "bob": []}, 3, {"ann": 1}

    def state(self) -> object:
        said = {name: len(each) for name, each in self.said.items()}
        return len(self.names), said, self.level * 0, self.counted

    def seldom(self) -> None:
        self.quota: int = 3


def test_an_attribute_that_the_state_drops_or_that_only_an_operation_sets_is_found_too(cloud: Cloud) -> None:
    """Though the state has read it, or has counted it; though nobody calls the operation."""
    make_busy(cloud)
    Planted(cloud)
    assert forgotten(cloud) == {f"Planted.{name}" for name in ("names", "said", "level", "quota")}


def test_what_a_class_keeps_for_all_its_objects_does_not_change(cloud: Cloud) -> None:
    make_busy(cloud)
    assert shared(cloud) == set()
    Planted(cloud)
    assert shared(cloud) == {"Planted.shared"}


def test_an_attribute_that_is_set_from_outside_is_one_that_is_known(cloud: Cloud) -> None:
    make_busy(cloud)
    known = {name for thing in (cloud, *reachable(cloud)) for name in vars(thing)}
    for module in MODULES.values():
        known |= {name for each in vars(module).values() if inspect.isclass(each) for name in set_in(each)}
    for module in MODULES.values():
        assert set_from_outside(Path(str(module.__file__)).read_text(), vars(module)) <= known, module
    assert set_from_outside("table.quota = sys.stdout = ''", {"sys": sys}) - known == {"quota"}


def kinds(base: type[Any]) -> set[type[Any]]:
    return {each for kind in base.__subclasses__() for each in (kind, *kinds(kind))}


def forgotten(cloud: Cloud) -> set[str]:
    """Attributes no change of which shows in the fingerprint, on whatever object of their class, and no
    reason given; and those that no object has yet, because only an operation sets them."""
    found: dict[type[Any], list[Any]] = {}
    for thing in reachable(cloud):
        if not is_value(thing):
            found.setdefault(type(thing), []).append(thing)
    return {
        f"{kind.__name__}.{name}"
        for kind, things in found.items()
        for name in {*set_in(kind), *(name for thing in things for name in vars(thing))}
        if name not in getattr(kind, "not_state", {}) and not shows(cloud, things, name)
    }


def shows(cloud: Cloud, things: list[Any], name: str) -> bool:
    """Some change of the attribute does, on one of these things: to something else of its kind, or to what
    another attribute is. That there is something where nothing was counts only if all have nothing there."""
    before, kept = cloud.fingerprint(), [(thing, getattr(thing, name, UNSET)) for thing in things]
    if any(is_thing(value) for _, value in kept):
        return True  # its own attributes are tried
    empty = all(isinstance(value, CONTAINERS) and not value for _, value in kept)
    for thing, value in kept:
        alike = [each for each in vars(thing).values() if type(each) is type(value) is str]
        for other in [_like(value, [("other", "other")])] if empty else (*others(value), *alike):
            setattr(thing, name, other)
            try:
                if cloud.fingerprint() != before:
                    return True
            except (AttributeError, LookupError, TypeError, ValueError):
                pass  # what could never be there is no proof
            finally:
                setattr(thing, name, value)
    return False


UNSET = object()


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


def set_in(kind: type[Any]) -> set[str]:
    """Attributes that its methods set, called or not."""
    return {
        node.attr
        for each in kind.__mro__
        if each.__module__.startswith(ROOMS)
        for method in vars(each).values()
        if inspect.isfunction(method) and inspect.unwrap(method).__code__.co_filename != "<string>"
        for node in ast.walk(ast.parse(textwrap.dedent(inspect.getsource(method))))
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store)
        if isinstance(node.value, ast.Name) and node.value.id == "self"
    }


def shared(cloud: Cloud) -> set[str]:
    """What could be changed for all objects of a class at once."""
    return {
        f"{each.__name__}.{name}"
        for thing in reachable(cloud)
        for each in type(thing).__mro__
        if each.__module__.startswith(ROOMS)
        for name, value in vars(each).items()
        if isinstance(value, CONTAINERS) and not isinstance(value, tuple | frozenset)
        if name != "not_state" and not name.startswith("__")
    }


def is_thing(value: Any) -> bool:
    return type(value).__module__.startswith(ROOMS) and hasattr(value, "__dict__") and not is_value(value)


def others(value: Any) -> Iterator[Any]:
    """What could stand there instead, of the same kind.

    It is as long where it has a length, so that to have counted is not enough, and has the same keys. Only of
    things, whose own attributes are tried, there are fewer, or they change places.
    """
    if isinstance(value, dict):
        changed = [{**value, key: other} for key, kept in value.items() for other in others(kept)]
        if any(map(is_thing, value.values())):
            changed += [_renamed(value, key) for key in value]
            changed.append(dict(zip(value, reversed(value.values()), strict=True)))
        changed = changed or [_renamed(value, key, other) for key in value for other in others(key)]
        yield from (_like(value, list(each.items())) for each in changed)
    elif isinstance(value, CONTAINERS):
        elements = list(value)
        for number, element in enumerate(elements):
            before, after = elements[:number], elements[number + 1 :]
            yield from (_like(value, [*before, other, *after]) for other in others(element))
            if is_thing(element):
                yield _like(value, [*before, *after])
    elif is_value(value) or type(value) is Task:
        for name, kept in vars(value).items():
            for other in others(kept):
                changed = copy.copy(value)
                object.__setattr__(changed, name, other)
                yield changed
    elif type(value) in OTHERS:
        yield from OTHERS[type(value)](value)


OTHERS: dict[type, Callable[[Any], tuple[object, ...]]] = {
    type(None): lambda value: (True, 1e6, "other"),
    bool: lambda value: (not value,),
    int: lambda value: (value + 1, value + 1_000_000, value - 1_000_000, 0),
    float: lambda value: (value + 1e6, value - 1e6, 0.0),
    str: lambda value: (f"{value}?",),
}


def _renamed(container: dict[Any, Any], key: Any, *other: Any) -> dict[Any, Any]:
    """With one key less, or another one in its place."""
    kept = {each: value for each, value in container.items() if each != key}
    return kept | dict.fromkeys(other, container[key])


def _like(container: Any, elements: list[Any]) -> Any:
    """Of the same class."""
    if not isinstance(container, dict):
        return type(container)(elements)
    made = copy.copy(container)
    made.clear()
    made.update(elements)
    return made


MODULES = {
    module.name: importlib.import_module(module.name)
    for module in pkgutil.walk_packages(twin.__path__, "twin.")
    if module.name.startswith(ROOMS)
}


def set_from_outside(source: str, names: Mapping[str, object]) -> set[str]:
    """Attributes that the source sets on anything, itself or another; but for those of modules."""
    return {
        node.attr
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store)
        if not (isinstance(node.value, ast.Name) and inspect.ismodule(names.get(node.value.id)))
    }


def make_busy(cloud: Cloud) -> None:
    """Everything of every service is under way."""
    for change in under_way().values():
        change(cloud)
    cloud.clock.sleep(0.1)


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


# What is under way is in the state.


@pytest.mark.parametrize("what", under_way())
def test_what_is_under_way_is_in_the_fingerprint(cloud: Cloud, what: str) -> None:
    cloud.clock.sleep(30)
    before = cloud.fingerprint()
    under_way()[what](cloud)
    cloud.clock.sleep(0.001)
    assert cloud.fingerprint() != before
