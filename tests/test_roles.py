"""What the role of a step that is in no sample would allow is what its function calls, and nothing else.

Each is played by the ticker of its own test. Those of the samples are held to rehearsals, in test_samples.py.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import samples
from own_shop import compiled
from roles import dependents, granted, needed, would_allow

from farshore.runbook.registry import steps
from farshore.testing.ticker import Ticker, ticking

sys.path.append(
    str(Path(__file__).parent / "steps")
)  # where pytest looks as well: it must be the same module

Play = Callable[[Any], object]


def fence_and_restore(scene: Any) -> None:
    test = sys.modules[type(scene).__module__]
    scene.comes_about(test.FENCE)
    scene.comes_about(test.RESTORE)


def raise_and_restore(scene: Any) -> None:
    test = sys.modules[type(scene).__module__]
    scene.comes_about(test.RAISE)
    scene.comes_about(test.RESTORE)


def detach(scene: Any) -> None:
    scene.falls()
    scene.detach()


def verify(scene: Any) -> None:
    scene.move()
    scene.matches()


def keep(scene: Any) -> None:
    """AWS's last word to a change is noted when half of the time is over."""
    test = sys.modules[type(scene).__module__]
    scene.fails_over_and_rebuilds()
    scene.clock.sleep(300)
    scene.inject("500", test.COPY, times=10)
    scene.fails(test.STEP, test.INPUTS, entered=scene.clock.now - 500)
    scene.keeps()


def look_after_a_while(scene: Any) -> None:
    scene.wait(6)
    scene.holds()


def freeze_and_thaw(scene: Any) -> None:
    scene.freeze()
    scene.thaw()


def plan_and_run(scene: Any) -> None:
    scene.comes_about(input={"mode": "graceful", "dry_run": True})
    scene.comes_about()


def shut_and_open(scene: Any) -> None:
    test = sys.modules[type(scene).__module__]
    scene.converge(test.STEP, test.FENCE)
    scene.converge(test.STEP, test.RESTORE)


def go_twice(scene: Any) -> None:
    """Somebody does by hand between what makes the note of before needless."""
    scene.go()
    scene.go_home()
    scene.edge.config["DefaultCacheBehavior"]["TargetOriginId"] = "primary"
    scene.go()


def plan_and_lead_there_and_home_owing_it(scene: Any) -> None:
    test = sys.modules[type(scene).__module__]
    scene.tick(test.STEP, scene.inputs, dry_run=True)
    scene.go()
    scene.darken(scene.inputs["standby"])
    scene.go_home(mode="ungraceful")
    scene.cloud.faults.dark.clear()
    scene.go_home()


def plan_and_send(scene: Any) -> None:
    test = sys.modules[type(scene).__module__]
    scene.tick(test.STEP, test.INPUTS, dry_run=True)
    scene.go()


def lack_an_object(scene: Any) -> None:
    scene.west.forget("ann.png")
    scene.refuses()


def beat_and_bound(scene: Any) -> None:
    scene.beats()
    scene.bounds()


PLAYED: Mapping[str, tuple[str, Play]] = {
    "api_throttle": ("Shop", fence_and_restore),
    "asg_capacity": ("Shop", raise_and_restore),
    "aurora_data_matches": ("Night", verify),
    "aurora_detached": ("Night", detach),
    "aurora_snapshot_kept": ("Night", keep),
    "bake": ("Watched", look_after_a_while),
    "cloudfront_origin": ("Scene", go_twice),
    "event_sources": ("Shop", fence_and_restore),
    "freeze": ("Scene", freeze_and_thaw),
    "loss_bounded": ("Store", beat_and_bound),
    "nested_run": ("Shop", plan_and_run),
    "route53_standby": ("Scene", plan_and_lead_there_and_home_owing_it),
    "s3_objects_match": ("Store", lack_an_object),
    "security_group_source": ("Scene", shut_and_open),
    "ssm_command": ("Scene", plan_and_send),
}
"""By step the ticker of its test, and what is done there."""


@samples.with_all
def test_every_step_is_in_a_sample_or_here() -> None:
    """Or in a sweep, whose own test holds it."""
    template = compiled(*map(samples.path_of, samples.NAMES)) / "template.yaml"
    swept = {name for name, kind in steps().items() if kind.sweeps}
    assert PLAYED.keys() >= steps().keys() - granted(template).keys() - swept


@pytest.mark.parametrize("name", PLAYED)
def test_its_role_allows_what_it_calls_and_nothing_else(name: str) -> None:
    kind, play = PLAYED[name]
    scene_of: type[Ticker] = getattr(import_module(f"test_{name}"), kind)
    called: set[str] = set()
    with ticking(1, scene_of) as scene:
        scene.cloud.faults.injectors.append(
            lambda request: called.update(needed(request)) if request.caller == name else None
        )
        play(scene)
    assert would_allow(name) == called | dependents(name, called)
