"""What the samples' workshops get wrong, each mistake by itself, and which door of a user finds it.

What is missing in one Region, and what has drifted apart, is in taken_away.py: in test_samples.py `prepare`
finds each. There are a failback by hand, too, and a client that reads the status alone.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from click.testing import CliRunner
from game_days import FAST, Change, played, prepared
from planted import slip
from samples import of, path_of

from farshore.cli import farshore
from farshore.explore import exploration
from farshore.explore.syntax import read
from farshore.runbook.load import load
from farshore.simulate.simulation import Simulation
from functions.steps.arc_controls import ArcControls
from twin.applications.foundation import Foundation
from twin.applications.mythical_mysfits import names as mysfits
from twin.applications.mythical_mysfits.application import MythicalMysfits
from twin.services.ecs.model import Ecs, Image

GLOBALFLIX, MYSFITS = "globalflix", "mythical-mysfits"


def rewritten(app: str, folder: Path, *changes: str) -> Path:
    """Its runbook with each text that stands once in it, and what stands instead."""
    text = path_of(app).read_text()
    for old, new in zip(changes[::2], changes[1::2], strict=True):
        assert text.count(old) == 1, f"{old!r} stands {text.count(old)} times"
        text = text.replace(old, new)
    path = folder / f"{app}.yaml"
    path.write_text(text)
    return path


def linted(path: Path) -> list[tuple[str, str]]:
    """The rule and the text of each finding."""
    result = CliRunner(mix_stderr=False).invoke(farshore, ["lint", str(path), "--json"])
    return [(each["rule"], each["what"]) for each in json.loads(result.stdout)["findings"]]


# An API that answers 200 to whatever goes wrong behind it.

PROBE = """          search_string: '"Item"'  # it answers 200 to whatever goes wrong\n"""
WRITE = """      search_string: '"Attributes"'\n"""


@of(GLOBALFLIX)
@pytest.mark.parametrize(("reads", "says"), [("the body", "impaired"), ("the status", "1 of 3 say that")])
def test_a_probe_that_reads_the_status_alone_is_no_evidence(reads: str, says: str, tmp_path: Path) -> None:
    """DynamoDB is dark, and one canary's alarm cannot be read: the probe must say so."""
    changes = (PROBE, "") if reads == "the status" else ()
    with Simulation(load(rewritten(GLOBALFLIX, tmp_path, *changes)), 1, **FAST) as simulation:
        simulation.clock.sleep(120)
        simulation.cloud.faults.dark |= {"dynamodb/us-west-2", "cloudwatch/us-east-2"}
        simulation.clock.wait_for(lambda: bool(_answer(simulation)), 1800)
        assert says in _answer(simulation)


def _answer(simulation: Simulation) -> str:
    """How the evidence ended of the run that the alarm has started; "" as long as it is gathered."""
    label = next((each for each in simulation.deployment.ticks if "/region_impaired" in each), "")
    answers = [tick.answer for tick in simulation.deployment.ticks.get(label, ())]
    return next((answer for answer in answers if answer and not answer.startswith("NotYet")), "")


DARK, STATE = "dark:dynamodb/eu-west-1", "failover-1/synthetic_write.eu-west-1"
SPELLS = f"failover,graceful,{DARK}@{STATE}/1/1..+60,{DARK}@{STATE}/40/1..+60"
"""Whenever it would be written, if the one in time comes to nothing."""


@of(GLOBALFLIX)
def test_a_written_proof_that_reads_the_status_alone_is_found_by_exploration(tmp_path: Path) -> None:
    """What is written comes to nothing, and is taken for accepted: it is not written again but once."""
    assert exploration.played(read(f"{GLOBALFLIX},{SPELLS}")).breaches == ()
    path = rewritten(GLOBALFLIX, tmp_path, WRITE, "")
    found = exploration.played(read(f"{path},{SPELLS}")).breaches
    assert ("S7", True) in [
        (each.invariant, "and does not show it yet (200)" in each.story) for each in found
    ]


# A fence that is not given back as it was.


@of(GLOBALFLIX)
def test_a_failback_without_the_restore_is_found_by_lint(tmp_path: Path) -> None:
    """As where somebody means to do it by hand."""
    restore = """  - lambda_concurrency:
      functions: [global-serverless-dev]
      region: $to
      reserved: restore
"""
    found = linted(rewritten(GLOBALFLIX, tmp_path, restore, ""))
    (what,) = [what for rule, what in found if rule == "fence"]
    assert "lambda_concurrency takes global-serverless-dev from $from, and nothing gives it back" in what


# Placeholders, capacity, and two Regions at once.


def placeholder(region: str, name: str) -> Change:
    """The service runs what stands there until a pipeline has run: it listens on another port."""

    def change(on: Foundation) -> None:
        for (where, _, service), it in Ecs.of(on.cloud).services.items():
            if where == region and service.endswith(name):
                it.deploy(it.definition, Image("docker.io/nginx:latest"))

    return change


@of(MYSFITS)
@pytest.mark.parametrize("name", mysfits.SERVICES)
def test_a_placeholder_that_runs_is_found_by_prepare(name: str) -> None:
    found = prepared(MYSFITS, placeholder(mysfits.STANDBY, name))
    (ready,) = [step for step in found.before if step.outcome != "done"]
    assert f"in {mysfits.STANDBY} is healthy" in ready.why
    assert "look at its targets, and at what their tasks run" in ready.why
    assert (found.status, ready.state) == ("FAILED", "ready")


@of(MYSFITS)
def test_dials_before_capacity_are_found_by_lint(tmp_path: Path) -> None:
    path = path_of(MYSFITS)
    head, rest = path.read_text().split("\nfailover:\n")
    body, tail = rest.split("\n\nfailback:")
    lines = re.split(r"^(?=  - )", body + "\n", flags=re.M)[1:]
    dials = next(line for line in lines if line.startswith("  - accelerator_dials"))
    capacity = next(line for line in lines if "desired: match" in line)
    there, here = lines.index(dials), lines.index(capacity)
    lines[here], lines[there] = dials, capacity
    wrong = tmp_path / path.name
    wrong.write_text(f"{head}\nfailover:\n{''.join(lines)}\nfailback:{tail}")
    (what,) = [what for rule, what in linted(wrong) if rule == "order"]
    assert what.startswith("accelerator_dials stands before ecs_capacity")
    assert what.endswith("customers are sent to a Region that has no room for them")
    assert [what for rule, what in linted(path) if rule == "order"] == []


@of(MYSFITS)
def test_likes_that_are_lost_at_dials_of_50_and_50_are_named_in_the_report() -> None:
    report = played(MYSFITS, build=lambda on: MythicalMysfits(on, dict.fromkeys(mysfits.REGIONS, 50))).report
    assert report.ok, report.breaches
    assert report.data["lost"] == []
    named = report.data["overwritten"]
    assert len(named) > 20
    assert all(re.fullmatch(r"like \d+ of mysfit \d+", name) for name in named)


# Routing controls that are turned one after the other.

ONE_CALL = """return Change(f"{why}, overriding {', '.join(rules)}" if rules else why, (call,))"""
EACH = """
        each = [
            UPDATE(seen.endpoints[0].region, UpdateRoutingControlStateEntries=[entry]).through(seen.endpoints)
            for entry, region in zip(entries, wanted, strict=True)
            if seen.states[region] != wanted[region]
        ]
        return Change(why, tuple(each[{}]))"""


@of(GLOBALFLIX)
@pytest.mark.parametrize("which", [":1", ":"], ids=["On first", "two calls at once"])
def test_controls_that_are_turned_one_after_the_other_are_found_by_exploration(
    which: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where just one is On, a call for each is refused, and the run ends where it stands."""
    slip(ArcControls, "decide", ONE_CALL, EACH.format(which).lstrip())(monkeypatch)
    outcome = exploration.played(read(f"{GLOBALFLIX},failover,graceful"))
    assert outcome.status == "FAILED"
    said = [each.story for each in outcome.breaches if each.invariant == "L1"]
    assert any("AWS last answered" in each and "safety rule" in each for each in said), outcome.breaches
