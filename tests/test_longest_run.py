"""The longest run of a machine fits into an execution's history: as proved, and as an engine counts it."""

from __future__ import annotations

import json
import re
import shutil
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import boto3
import pytest
from click.testing import CliRunner
from engines import ROLE, Engine, engine
from own_shop import ROOT
from own_shop import SHOP as RUNBOOK

from farshore.cli import farshore
from farshore.compile.history import BUDGET, WIDEST_PACE, longest_run, tries
from farshore.compile.limits import EVENTS
from farshore.compile.machine import Machine, machines
from farshore.compile.retry import LAMBDA_FAULTS
from farshore.runbook.load import load
from farshore.runbook.mistakes import Mistakes

SHOP = RUNBOOK.read_text()
STEPS = 40
FENCES = 12
DAYS = 4 * 86400.0


def lines_of(text: str) -> tuple[str, list[str]]:
    """What stands before the lines of failover, and each of them; with `within: 15m`."""
    head, rest = text.split("\nfailover:\n")
    lines = re.split(r"(?m)^(?=  - )", rest.split("\n\noutage:")[0])[1:]
    return head, [re.sub(r"\n +within: .*", "", line).rstrip() + "\n      within: 15m\n" for line in lines]


def forty() -> str:
    """Forty lines: evidence, approval, twelve fences, the writer, twelve restores, traffic, twelve proofs."""
    head, (detect, approve, fence, data, restore, traffic, verify, *_) = lines_of(SHOP)

    def each(line: str) -> list[str]:
        return [re.sub(r"functions: .*", f"functions: [shop-{n}]", line) for n in range(1, FENCES + 1)]

    proofs = STEPS - 2 * FENCES - 4
    lines = [detect, approve, *each(fence), data, *each(restore), traffic, *[verify] * proofs]
    assert len(lines) == STEPS
    return head + "\nfailover:\n" + "".join(lines)


@pytest.fixture
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository whose one runbook has forty lines."""
    (tmp_path / "runbooks").mkdir()
    (tmp_path / "runbooks/unicorn-shop.yaml").write_text(forty())
    shutil.copy(ROOT / "template.yaml", tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def compiled(folder: Path, text: str) -> dict[str, Machine]:
    path = folder / "shop.yaml"
    path.write_text(text)
    return {machine.procedure: machine for machine in machines(load(path))}


def tasks(definition: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for name, state in definition["States"].items():
        if state["Type"] == "Task":
            yield name, state
        for branch in state.get("Branches", ()):
            yield from tasks(branch)


class Slowest:
    """Every state needs all the ticks that it has: waiting, Lambda's faults, and in one of them a pause."""

    def __init__(self, definition: Mapping[str, Any], *paused: str, refused: str = "") -> None:
        self.ticks: Counter[str] = Counter()
        self.refused = refused
        self.said: dict[str, list[str]] = {}
        for name, task in tasks(definition):
            self.said[name] = ["NotYet"] * tries(task, "NotYet")
            self.said[name] += [LAMBDA_FAULTS[-3]] * tries(task, LAMBDA_FAULTS[-3])
            self.said[name] += ["Paused"] * tries(task, "Paused") if name in paused else []

    def __call__(self, event: dict[str, Any], context: Any) -> Any:
        state = event["state"]["Name"]
        tick = self.ticks[state]
        self.ticks[state] += 1
        if tick < len(self.said[state]):
            raise type(self.said[state][tick], (Exception,), {})("not yet")
        if state == self.refused:
            raise type("Refused", (Exception,), {})("no")
        return {"outcome": "done", "facts": {}}


def events(kind: Engine, definition: Mapping[str, Any], play: Slowest) -> tuple[str, int]:
    """How a run of the machine ended, and how many events its history has."""
    with engine(kind) as runner:
        arn = runner.functions.deploy("us-west-1", "slowest", play, timeout=900)
        text = re.sub(r"\$\{\w+\}", arn, json.dumps(definition))
        client = boto3.client("stepfunctions", region_name="us-west-1")
        made = client.create_state_machine(name="slowest", definition=text, roleArn=ROLE)
        run = client.start_execution(stateMachineArn=made["stateMachineArn"], input='{"mode": "graceful"}')
        runner.cloud.clock.sleep(DAYS)
        status = client.describe_execution(executionArn=run["executionArn"])["status"]
        pages = client.get_paginator("get_execution_history").paginate(
            executionArn=run["executionArn"], PaginationConfig={"PageSize": 1000}
        )
        return status, sum(len(page["events"]) for page in pages)


def test_forty_lines_with_twelve_fences_and_fifteen_minutes_each_compile_and_lint_without_an_error(
    house: Path,
) -> None:
    done = CliRunner(mix_stderr=False).invoke(farshore, ["compile"], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    judged = CliRunner(mix_stderr=False).invoke(farshore, ["lint", "--json"], catch_exceptions=False)
    found = json.loads(judged.stdout)["findings"]
    assert [each for each in found if each["severity"] == "error"] == []
    machine = json.loads((house / "statemachines/unicorn-shop-failover.asl.json").read_text())
    assert sum(1 for name, _ in tasks(machine) if not name.startswith("undo ")) == STEPS + FENCES + 3


def test_the_longest_run_of_forty_lines_ends_within_its_history(tmp_path: Path) -> None:
    """Every state at its last tick, with all of Lambda's faults that it may meet, and a pause of an hour."""
    made = compiled(tmp_path, forty())
    assert max(longest_run(machine.definition) for machine in made.values()) <= BUDGET < EVENTS
    definition = made["failover"].definition
    status, written = events("ours", definition, Slowest(definition, definition["StartAt"]))
    assert (status, written) == ("SUCCEEDED", longest_run(definition))


FENCE = "  - lambda_concurrency: {functions: [buy], region: $from, reserved: 0}\n"
RESTORE = "  - lambda_concurrency: {functions: [buy], region: $to, reserved: restore}\n"
WRITER = """\
  - aurora_writer: {cluster: c, members: {us-east-1: e, us-west-1: w}, region: $to, lose_at_most: 30s}
"""
PROOF = """\
  - synthetic_write: {url: "http://api", write: /w, body: "{marker}", read: "/{marker}", region: $to}
"""
SHORT = lines_of(SHOP)[0] + "\nfailover:\n"


@pytest.mark.parametrize("kind", ["ours", "moto"])
def test_a_longest_run_is_as_long_as_an_engine_counts_it(tmp_path: Path, kind: Engine) -> None:
    definition = compiled(tmp_path, SHORT + FENCE + WRITER + RESTORE)["failover"].definition
    status, written = events(kind, definition, Slowest(definition, definition["StartAt"]))
    assert (status, written) == ("SUCCEEDED", longest_run(definition))


def test_the_way_through_undo_counts_where_it_is_the_longer_one(tmp_path: Path) -> None:
    definition = compiled(tmp_path, SHORT + FENCE * 3 + PROOF)["failover"].definition
    last = "synthetic_write us-west-1"
    status, written = events("ours", definition, Slowest(definition, last, refused=last))
    assert (status, written) == ("FAILED", longest_run(definition))


def test_the_branches_of_together_are_paused_and_count_side_by_side(tmp_path: Path) -> None:
    beside = "  - together:\n" + "".join(f"    {line}" for line in (FENCE, WRITER))
    definition = compiled(tmp_path, SHORT + beside)["failover"].definition
    branches = ["lambda_concurrency us-east-1", "aurora_writer us-west-1"]
    status, written = events("ours", definition, Slowest(definition, *branches))
    assert status == "SUCCEEDED"
    assert written <= longest_run(definition) <= written + 20, "the judging of a branch that failed"


def paces(definition: Mapping[str, Any]) -> dict[str, int]:
    found = {}
    for name, task in tasks(definition):
        (found[name],) = (r["MaxDelaySeconds"] for r in task["Retry"] if r["ErrorEquals"] == ["NotYet"])
    return found


def test_a_state_keeps_its_steps_own_pace_as_long_as_the_history_suffices(tmp_path: Path) -> None:
    assert set(paces(compiled(tmp_path, SHORT + FENCE + WRITER)["failover"].definition).values()) == {5}


def test_the_pace_of_the_longest_states_is_widened_before_a_runbook_is_refused(tmp_path: Path) -> None:
    text = SHORT + FENCE + WRITER.replace("lose_at_most: 30s", "lose_at_most: 30s, within: 10h")
    found = paces(compiled(tmp_path, text)["failover"].definition)
    assert found.pop("aurora_writer us-west-1") in range(6, WIDEST_PACE + 1)
    assert set(found.values()) == {5}


def test_what_no_pace_makes_short_enough_is_refused_naming_the_longest_states(tmp_path: Path) -> None:
    text = SHORT + FENCE + WRITER.replace("lose_at_most: 30s", "lose_at_most: 30s, within: 80h")
    with pytest.raises(Mistakes) as refused:
        compiled(tmp_path, text)
    mistake = refused.value.mistakes[0]
    assert mistake.line == text.splitlines().index(next(w for w in text.splitlines() if "80h" in w)) + 1
    assert re.fullmatch(
        r"unicorn-shop-failover: its longest run writes [0-9]+ events of history, of 20000, "
        "even looking only every 30 s",
        mistake.what,
    )
    assert mistake.instead.startswith(
        "shorten a `within`, or the list: the longest are those of aurora_writer us-west-1 (80h), "
    )
