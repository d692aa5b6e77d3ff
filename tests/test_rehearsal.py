"""Whole game days, through the command line and through the rehearsal that it uses."""

from __future__ import annotations

import dataclasses
import json
import os
import random
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
from own_shop import SHOP, TESTS

from farshore.runbook.load import load
from farshore.runbook.model import Runbook
from farshore.simulate.rehearsal import Rehearsal
from farshore.simulate.report import Moment, Report
from twin.applications.foundation import Foundation
from twin.applications.unicorn_shop.application import UnicornShop
from twin.cloud import Cloud
from twin.faults import Kind, Request
from twin.services.stepfunctions.interpreter import on_the_clock

PRIMARY, STANDBY = "us-east-1", "us-west-1"
HELD = {f"S{n}": 0 for n in range(1, 9)}


@pytest.fixture(scope="module")
def runbook() -> Runbook:
    return load(SHOP)


def command(*arguments: str, hash_seed: int = 0) -> subprocess.CompletedProcess[str]:
    program = [sys.executable, "-c", "from farshore.cli import main; main()", *arguments]
    environment = os.environ | {"PYTHONHASHSEED": str(hash_seed)}
    return subprocess.run(program, cwd=TESTS, env=environment, capture_output=True, text=True, check=False)


@contextmanager
def game_day(runbook: Runbook, *, dark: str | None = None, seed: int = 1, **more: Any) -> Iterator[Rehearsal]:
    moments: list[Moment] = []
    mode = "ungraceful" if dark else "graceful"
    with Rehearsal(runbook, mode, dark, seed, moments.append, **more) as rehearsal:
        yield rehearsal


def reordered(runbook: Runbook, procedure: str, order: Callable[[list[Any]], list[Any]]) -> Runbook:
    entries = list(runbook.procedures.get(procedure, runbook.procedures["failover"]))
    return dataclasses.replace(runbook, procedures={**runbook.procedures, procedure: tuple(order(entries))})


# The two stories that the command line tells.


@pytest.fixture(scope="module")
def graceful() -> dict[str, Any]:
    ended = command("rehearse", "unicorn-shop", "--json", "--seed", "5", hash_seed=1)
    assert ended.returncode == 0, ended.stderr
    report: dict[str, Any] = json.loads(ended.stdout)
    return report


def motos_interpreter(cloud: Cloud, stack: ExitStack) -> None:
    """The second implementation of Step Functions."""
    stack.enter_context(on_the_clock(cloud.clock))


def test_motos_interpreter_plays_the_same_game_day(runbook: Runbook, graceful: dict[str, Any]) -> None:
    with game_day(runbook, seed=5, engine=motos_interpreter) as rehearsal:
        theirs = json.loads(json.dumps(rehearsal.play().as_json()))
    assert theirs | {"wall_seconds": 0} == graceful | {"wall_seconds": 0}


def test_a_graceful_game_day_succeeds_and_loses_nothing(graceful: dict[str, Any]) -> None:
    assert [(run["procedure"], run["status"]) for run in graceful["runs"]] == [
        ("outage", "SUCCEEDED"),
        ("failover", "SUCCEEDED"),
        ("recovery", "SUCCEEDED"),
        ("failback", "SUCCEEDED"),
    ]
    assert graceful["invariants"] == HELD
    assert graceful["data"]["lost"] == graceful["data"]["overwritten"] == graceful["data"]["late"] == []
    assert graceful["data"]["acknowledged"] > 1000


def test_failback_takes_the_same_steps_in_the_same_order_with_the_regions_swapped(
    graceful: dict[str, Any],
) -> None:
    there, back = (next(r for r in graceful["runs"] if r["procedure"] == p) for p in ("failover", "failback"))
    assert there["direction"] == [PRIMARY, STANDBY]
    assert back["direction"] == [STANDBY, PRIMARY]
    swap = {PRIMARY: STANDBY, STANDBY: PRIMARY}
    swapped = [" ".join(swap.get(word, word) for word in step["name"].split()) for step in there["steps"]]
    assert swapped == [step["name"] for step in back["steps"]]


def test_every_simulated_figure_is_named_as_such(graceful: dict[str, Any]) -> None:
    assert {"aws_call", "aurora_switchover", "http_request"} <= set(graceful["simulated"])


def test_the_same_seed_gives_the_same_story_to_the_byte(graceful: dict[str, Any]) -> None:
    again = json.loads(command("rehearse", "unicorn-shop", "--json", "--seed", "5", hash_seed=2).stdout)
    assert again | {"wall_seconds": 0} == graceful | {"wall_seconds": 0}


def test_an_ungraceful_game_day_with_both_regions_alive_loses_nothing() -> None:
    report = json.loads(command("rehearse", "unicorn-shop", "--mode", "ungraceful", "--json").stdout)
    assert [run["status"] for run in report["runs"]] == ["SUCCEEDED"] * 4
    assert report["invariants"] == HELD
    assert report["data"]["lost"] == []
    assert report["debts"] == []


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["no-such-shop"], "the applications here are: "),
        (["unicorn-shop", "--mode", "ungraceful", "--dark", "eu-west-1"], "us-east-1"),
        (["unicorn-shop", "--dark", "us-east-1"], "--mode ungraceful"),
        (["unicorn-shop", "--mode", "sideways"], "graceful"),
    ],
)
def test_what_cannot_be_rehearsed_is_said_at_once(arguments: list[str], says: str) -> None:
    ended = command("rehearse", *arguments)
    assert ended.returncode != 0
    assert says in ended.stderr
    assert ended.stdout == ""
    assert "Traceback" not in ended.stderr


def test_a_runbook_that_compile_refuses_is_not_rehearsed(tmp_path: Path) -> None:
    """What compile would never make a machine of, no night has to show."""
    wrong = tmp_path / "unicorn-shop.yaml"
    right = SHOP.read_text()
    wrong.write_text(right.replace("      reserved: 0\n", "      reserved: restore\n", 1))
    ended = command("rehearse", str(wrong))
    assert ended.returncode != 0
    assert f"{wrong}:" in ended.stderr
    assert ended.stdout == ""
    assert "Traceback" not in ended.stderr


def without(tmp_path: Path, key: str) -> Path:
    """Our runbook without a part that it need not have."""
    text = SHOP.read_text()
    head, _, rest = text.partition(f"\n{key}:")
    more = [line for line in rest.splitlines() if line and line[0].isalpha()]
    path = tmp_path / "unicorn-shop.yaml"
    path.write_text(head + "\n" + (rest[rest.index(f"\n{more[0]}") :] if more else ""))
    return path


def test_without_an_alarm_a_person_starts_the_run(tmp_path: Path) -> None:
    ended = command("rehearse", str(without(tmp_path, "triggers")))
    assert ended.returncode == 0, ended.stderr + ended.stdout
    assert "unicorn-shop-failover is started in us-west-1, graceful" in ended.stdout


def test_without_an_outage_only_a_dark_region_can_be_rehearsed(tmp_path: Path) -> None:
    path = without(tmp_path, "outage")
    ended = command("rehearse", str(path))
    assert ended.returncode == 2
    assert f"write an outage in {path}, or rehearse with --mode ungraceful --dark us-east-1" in ended.stderr
    dark = command("rehearse", str(path), "--mode", "ungraceful", "--dark", "us-east-1")
    assert dark.returncode == 0, dark.stderr + dark.stdout


# The dark one, looked at from outside the report.


def test_what_an_ungraceful_run_lost_is_what_customers_miss(runbook: Runbook) -> None:
    with game_day(runbook, dark=PRIMARY, seed=3) as rehearsal:
        report = rehearsal.play()
        shop = rehearsal.simulation.application
        server = shop.database.store.connect(shop.database.writer)
        kept = {email for (email,) in server.execute("SELECT email FROM unicorn_user")}
        baskets = shop.table.items(PRIMARY)
        promises = list(rehearsal.simulation.customers.notebook.promises)
    assert [run.status for run in report.runs] == ["SUCCEEDED", "SUCCEEDED"]
    assert report.invariants == HELD
    lost = {f"sign-up {p.key}" for p in promises if p.dataset == "users" and p.key not in kept}
    lost |= {f"basket {p.key}" for p in promises if p.dataset == "baskets" and p.key not in baskets}
    assert lost, "the transport was held, so that there is something to lose"
    assert set(report.data["lost"]) == lost
    assert 0 < report.data["rpo_seconds"] <= runbook.objectives.rpo
    assert 0 < report.data["exposure_seconds"] <= report.as_json()["exposure_bound_seconds"]
    assert set(report.data["late"]).isdisjoint(lost)


def test_rto_is_what_customers_felt(runbook: Runbook) -> None:
    with game_day(runbook, seed=9) as rehearsal:
        report = rehearsal.play()
        customers = rehearsal.simulation.customers
        tries = customers.notebook.visits
        broken_at, returning = rehearsal.broken_at, rehearsal.returning
        prompt = {customer.name for customer in customers.each if not customer.stale}
        reserved = {
            name: rehearsal.simulation.functions.reserved(PRIMARY, name)
            for name in ("unicorn-shop-users", "unicorn-shop-basket", "unicorn-shop-unicorns")
        }
    felt = []
    for customer in prompt:
        mine = [t for t in tries if t.customer == customer and broken_at <= t.at <= returning]
        after = len(mine)
        while mine[after - 1].done:
            after -= 1
        felt.append(mine[after].at - broken_at)
    assert report.clients["rto_seconds"] == pytest.approx(max(felt), abs=0.001)
    assert reserved == {
        "unicorn-shop-users": 40,
        "unicorn-shop-basket": 40,
        "unicorn-shop-unicorns": None,
    }, "what the fences took is given back as it was"


# Mutants: each must turn a rehearsal red.


def swapped(entries: list[Any], one: str, other: str) -> list[Any]:
    names = [entry.step for entry in entries]
    i, j = names.index(one), names.index(other)
    entries[i], entries[j] = entries[j], entries[i]
    return entries


def test_traffic_before_data_is_caught(runbook: Runbook) -> None:
    wrong = reordered(runbook, "failover", lambda entries: swapped(entries, "arc_controls", "aurora_writer"))
    with game_day(wrong) as rehearsal:
        report = rehearsal.play()
    assert report.invariants["S2"] > 0
    assert not report.ok


def test_a_failback_in_reverse_order_is_caught(runbook: Runbook) -> None:
    wrong = reordered(runbook, "failback", lambda entries: entries[:2] + entries[:1:-1])
    with game_day(wrong) as rehearsal:
        report = rehearsal.play()
    assert not report.ok
    assert report.runs[-1].procedure == "failback"
    assert report.runs[-1].status == "FAILED"


def test_a_game_day_closes_and_reopens_pages_that_are_public_by_acl(runbook: Runbook) -> None:
    with game_day(runbook, build=lambda foundation: UnicornShop(foundation, public="acl")) as rehearsal:
        report = rehearsal.play()
    assert report.ok
    assert [run.status for run in report.runs] == ["SUCCEEDED"] * 4


def as_in_the_workshop(foundation: Foundation) -> UnicornShop:
    """Each Region's config.json names its own API."""
    return UnicornShop(foundation, wiring="workshop")


def test_the_workshops_wiring_of_config_json_is_caught(runbook: Runbook) -> None:
    with game_day(runbook, dark=PRIMARY, build=as_in_the_workshop) as rehearsal:
        report = rehearsal.play()
    assert report.invariants["S1"] > 0
    assert not report.ok


def test_prepare_refuses_the_workshops_wiring(runbook: Runbook) -> None:
    with game_day(runbook, build=as_in_the_workshop) as rehearsal:
        client = rehearsal.simulation.deployment.client("prepare")
        run = client.start_execution(
            stateMachineArn=rehearsal.simulation.deployment.arns["prepare"],
            name="p",
            input='{"mode": "graceful"}',
        )["executionArn"]
        rehearsal.clock.wait_for(lambda: client.describe_execution(executionArn=run)["status"] != "RUNNING")
        shown = client.describe_execution(executionArn=run)
    assert shown["status"] == "FAILED"
    assert "should be https://api.unicorn-shop.example" in shown["cause"]


def test_an_iam_action_that_is_missing_is_caught(runbook: Runbook, monkeypatch: pytest.MonkeyPatch) -> None:
    from farshore.simulate import package

    def forgetful(step: str, uses: Any) -> Any:
        return [
            dataclasses.replace(s, actions=tuple(a for a in s.actions if a != "rds:SwitchoverGlobalCluster"))
            for s in statements(step, uses)
        ]

    statements = package.statements
    monkeypatch.setattr(package, "statements", forgetful)
    with game_day(dataclasses.replace(runbook)) as rehearsal:
        report = rehearsal.play()
    failover = next(run for run in report.runs if run.procedure == "failover")
    assert failover.status == "FAILED"
    assert "rds:SwitchoverGlobalCluster" in failover.why
    assert not report.ok


# Faults: the same end, whatever happens to the calls.


def one_call_in_five(cloud: Cloud, seed: int, *kinds: Kind) -> None:
    dice = random.Random(seed)

    def inject(request: Request) -> Kind | None:
        if request.caller.startswith("farshore-") and dice.random() < 0.2:
            return dice.choice(kinds)
        return None

    cloud.faults.injectors.append(inject)


def assert_all_is_well(report: Report) -> None:
    assert report.breaches == []
    assert [run.status for run in report.runs] == ["SUCCEEDED"] * len(report.runs)
    assert report.data["lost"] == []


@pytest.mark.parametrize("kinds", [("lost_after",), ("lost_before", "throttled", "500", "503", "slow")])
def test_one_call_in_five_going_wrong_delays_a_game_day_and_does_not_stop_it(
    runbook: Runbook, kinds: tuple[Kind, ...]
) -> None:
    with game_day(runbook, seed=4) as rehearsal:
        one_call_in_five(rehearsal.simulation.cloud, 4, *kinds)
        report = rehearsal.play()
    assert_all_is_well(report)


def test_a_lambda_killed_at_one_call_in_thirty_is_ticked_again(runbook: Runbook) -> None:
    dice = random.Random(6)
    killed = []
    with game_day(runbook, seed=6) as rehearsal:

        def kill(request: Request) -> Kind | None:
            if request.caller.startswith("farshore-") and dice.random() < 0.03:
                for invocation in rehearsal.simulation.functions.running:
                    if invocation.function.name == request.caller:
                        killed.append(str(request))
                        invocation.kill()
            return None

        rehearsal.simulation.cloud.faults.injectors.append(kill)
        report = rehearsal.play()
    assert len(killed) > 20
    assert_all_is_well(report)


# Game days that stop before their end: they say why, how everything stands and what to do.


def refused(operation: str, since: float = 0.0, kind: Kind = "denied") -> Callable[[Rehearsal], None]:
    def meet(rehearsal: Rehearsal) -> None:
        def inject(request: Request) -> Kind | None:
            return kind if request.operation == operation and rehearsal.clock.elapsed >= since else None

        rehearsal.simulation.cloud.faults.injectors.append(inject)

    return meet


def darkness(region: str, since: float) -> Callable[[Rehearsal], None]:
    return lambda rehearsal: rehearsal.clock.after(
        since, lambda: rehearsal.simulation.cloud.faults.dark.add(region)
    )


def said_otherwise(step: str, **inputs: Any) -> Callable[[Runbook], Runbook]:
    """The failover with other inputs of a step."""

    def change(line: Any) -> Any:
        return dataclasses.replace(line, inputs={**line.inputs, **inputs}) if line.step == step else line

    return lambda runbook: reordered(runbook, "failover", lambda lines: [change(line) for line in lines])


def as_it_is(thing: Any) -> Any:
    return thing


NIGHTS: dict[str, tuple[Callable[[Runbook], Runbook], str | None, Callable[[Rehearsal], None], str, str]] = {
    "nobody approves in time": (
        said_otherwise("approval", within=15.0), PRIMARY, as_it_is,
        "nobody has decided", "farshore start unicorn-shop --procedure failover --mode ungraceful",
    ),
    "the data lag too far": (
        said_otherwise("aurora_writer", lose_at_most=0.1), PRIMARY, as_it_is,
        "above lose_at_most", "start a new run: farshore start",
    ),
    "there is no such cluster": (
        said_otherwise("aurora_writer", cluster="no-such"), PRIMARY, as_it_is,
        "GlobalClusterNotFoundFault", "start a new run: farshore start",
    ),
    "there is no such function": (
        said_otherwise("lambda_concurrency", functions=["no-such"]), None, as_it_is,
        "Function not found", "--procedure recovery",
    ),
    "traffic is denied": (
        as_it_is, PRIMARY, refused("UpdateRoutingControlStates"),
        "UpdateRoutingControlStates", "farshore redrive unicorn-shop failover-",
    ),
    "the outage is denied": (
        as_it_is, None, refused("PutPublicAccessBlock"),
        "outage ended FAILED", "rehearse again",
    ),
    "failback is denied": (
        as_it_is, None, refused("PutFunctionConcurrency", 700.0),
        "failback ended FAILED", "--procedure failback --mode graceful",
    ),
    "the ledger denies": (
        as_it_is, PRIMARY, refused("Query", 300.0),
        "AccessDeniedException", "see that the ledger answers",
    ),
    "the ledger takes no decision": (
        as_it_is, PRIMARY, refused("PutItem", 500.0, "503"),
        "not within 900 s", "farshore start",
    ),
    "nobody says how the run stands": (
        as_it_is, PRIMARY, refused("DescribeExecution", 300.0, "503"),
        "the end of a run never came", "look again when somebody answers",
    ),
    "nothing may be started": (
        as_it_is, None, refused("StartExecution", 300.0),
        "unicorn-shop-outage could not be started", "rehearse again",
    ),
    "the other Region is dark, too": (
        as_it_is, PRIMARY, darkness(STANDBY, 310.0),
        "the alarm's run never came", "rehearse again",
    ),
    "the primary is dark again": (
        as_it_is, None, darkness(PRIMARY, 800.0),
        "", "rehearse again",
    ),
}  # fmt: skip


@pytest.mark.parametrize("night", NIGHTS)
def test_a_game_day_that_stops_says_how_everything_stands_and_what_to_do(
    runbook: Runbook, night: str
) -> None:
    change, dark, meet, why, what = NIGHTS[night]
    with game_day(change(runbook), dark=dark, data="memory", backed="doubles") as rehearsal:
        meet(rehearsal)
        report = rehearsal.play()
    assert not report.ok
    assert report.broken == []
    assert report.stand is not None
    assert why in report.stand.stopped
    assert what in "; ".join(report.stand.to_do)
    assert report.clients["requests"] > 0
    json.dumps(report.as_json())


def test_a_failover_that_nobody_approves_in_time_ends_with_its_report_and_exit_code_1(tmp_path: Path) -> None:
    path = tmp_path / "unicorn-shop.yaml"
    right = SHOP.read_text()
    path.write_text(right.replace("within: 15m", "within: 15s"))
    ended = command("rehearse", str(path), "--mode", "ungraceful", "--dark", PRIMARY)
    assert ended.returncode == 1, ended.stderr
    assert "Traceback" not in ended.stderr + ended.stdout
    assert "customers were served nowhere, and were led to us-east-1" in ended.stdout
    assert "fences up        none" in ended.stdout
    assert f"rehearse again: {path}" in ended.stdout


def test_what_is_only_out_of_reach_when_a_game_day_stops_is_not_lost(runbook: Runbook) -> None:
    late = said_otherwise("approval", within=15.0)(runbook)
    with game_day(late, dark=PRIMARY, data="memory", backed="doubles") as rehearsal:
        report = rehearsal.play()
    assert report.data["lost"] == []
    assert report.invariants == HELD | {"S7": 1}


def test_a_rehearsal_that_breaks_itself_says_so_and_reports_all_the_same(
    runbook: Runbook, monkeypatch: pytest.MonkeyPatch
) -> None:
    def breaks(self: Rehearsal) -> None:
        raise ZeroDivisionError("a mistake of ours")

    monkeypatch.setattr(Rehearsal, "_break", breaks)
    with game_day(runbook, data="memory", backed="doubles") as rehearsal:
        report = rehearsal.play()
    assert report.broken == ["ZeroDivisionError: a mistake of ours"]
    assert report.stand is not None
    assert report.data["acknowledged"] > 0
    assert not report.ok


# What starts a run is what the template ships.


def test_an_alarm_starts_the_run_that_the_template_says_whatever_mode_is_rehearsed(runbook: Runbook) -> None:
    with game_day(runbook, data="memory", backed="doubles") as rehearsal:
        report = rehearsal.play()
        simulation = rehearsal.simulation
        begun = [mode for procedure, mode in simulation.executions.values() if procedure == "failover"]
    assert report.ok
    failover = next(run for run in report.runs if run.procedure == "failover")
    assert failover.mode == "graceful"
    assert begun[0] == "graceful"
    assert set(begun[1:]) == {"ungraceful"}, "the alarm's runs come later, and the lease refuses them"


@pytest.mark.parametrize("mode", ["graceful", "ungraceful"])
def test_an_alarm_of_the_same_mode_starts_the_rehearsed_run(runbook: Runbook, mode: Any) -> None:
    (trigger,) = runbook.triggers
    ours = dataclasses.replace(runbook, triggers=(dataclasses.replace(trigger, mode=mode),))
    said: list[Moment] = []
    with Rehearsal(ours, mode, None, 1, said.append, data="memory", backed="doubles") as rehearsal:
        report = rehearsal.play()
    assert report.ok
    assert any(m.text == f"alarm unicorn-shop-canary starts unicorn-shop-failover, {mode}" for m in said)
    assert not [m for m in said if m.kind == "start" and "failover" in m.text]
