"""What the tests of exploration share: the tests' own shop, surveyed once, and the runs that fit."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import gc
import re
from collections.abc import Iterator, Sequence

import pytest
from click.testing import CliRunner
from click.testing import Result as Invocation
from own_shop import SHOP as RUNBOOK
from own_shop import TESTS

from farshore.cli import farshore
from farshore.explore import exploration
from farshore.explore.cases import baseline_name, fault_cases
from farshore.explore.data import Baseline, FaultCase
from farshore.explore.exploration import Exploration, played
from farshore.explore.recorder import Recorder
from farshore.explore.seed import Seed
from farshore.runbook.find import find

SHOP = RUNBOOK.read_text()
KEYS = {
    "application", "points", "classes", "faults", "runs", "safe", "live", "breaches", "wall_seconds",
    "runs_per_second",
}  # fmt: skip
FAILOVER, FAILBACK = "failover graceful", "failback graceful"
FENCE, WRITER = "failover-1/lambda_concurrency.us-east-1/", "failover-1/aurora_writer.us-west-1/"


def invoked(verb: str, *words: str) -> Invocation:
    result = CliRunner(mix_stderr=False).invoke(farshore, [verb, *words])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


@functools.cache
def survey() -> Exploration:
    """The baseline runs of the shop, and their calls: played once."""
    with contextlib.chdir(TESTS):
        found = Exploration("unicorn-shop", find("unicorn-shop"))
        found.survey()
    return found


@pytest.fixture(scope="module")
def surveyed() -> Iterator[Exploration]:
    yield survey()
    gc.unfreeze()  # forks freeze what they share


@pytest.fixture
def shop(surveyed: Exploration) -> Exploration:
    """Nothing has been explored of it yet."""
    return dataclasses.replace(surveyed, results=[])


@pytest.fixture
def known(surveyed: Exploration, monkeypatch: pytest.MonkeyPatch) -> None:
    """The command line need not survey the shop again."""

    def survey(self: Exploration, on_broken: object = None) -> None:
        assert self.app == surveyed.app
        self.baselines += surveyed.baselines

    monkeypatch.setattr(Exploration, "survey", survey)


@pytest.fixture(autouse=True)
def at_home(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the shop's runbook is; what the commands set in the environment is taken back at the end."""
    monkeypatch.chdir(TESTS)
    monkeypatch.setattr(exploration, "_RUNBOOKS", {})
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_DEFAULT_REGION"):
        monkeypatch.setenv(name, "us-east-1")


def made(
    baselines: Sequence[Baseline], pattern: str, operation: str = "", every: bool = False
) -> list[FaultCase]:
    """Of the runs that explore makes, those whose seed fits, with a fault at a call of that operation.

    The pattern names the procedure and the mode.
    """
    runbook, found = find("unicorn-shop"), []
    for baseline in baselines:
        if f"{baseline.seed.procedure},{baseline.seed.mode}" not in pattern:
            continue  # nor would any of its runs fit: making them up takes longer than playing one
        calls = {call.point for call in baseline.calls if f":{operation} in " in call.what}
        for case in fault_cases(baseline, runbook, every):
            if re.search(pattern, str(case.seed)) and (not operation or case.seed.faults[-1].at in calls):
                found.append(case)
    return found


def baseline_of(shop: Exploration, name: str) -> Baseline:
    return next(baseline for baseline in shop.baselines if baseline.name == name)


def recorded(seed: Seed) -> Baseline:
    """A baseline run, played now."""
    outcome = played(seed, recorder=Recorder())
    return Baseline(seed, baseline_name(seed), outcome.calls, outcome.status, outcome.fingerprints)
