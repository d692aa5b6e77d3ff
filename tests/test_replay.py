"""`farshore replay`: seeds that read as they print, a run described in plain words, and its shortest form."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

import pytest
from click.testing import CliRunner, Result
from own_shop import TESTS

from farshore.cli import farshore
from farshore.compile import retry
from farshore.explore.seed import Fault, Point, Seed
from farshore.explore.syntax import read

LEASE = Point("failover-1/lease", 1, 2)
FENCE = Point("failover-1/lambda_concurrency.us-east-1.2", 12, 0)
KILLED = "killed@failover-1/arc_controls/1/2"
BASELINE = "unicorn-shop,failover,graceful"


@pytest.fixture(autouse=True)
def at_home(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the runbooks are; what the command sets in the environment is taken back at the end."""
    monkeypatch.chdir(TESTS)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_DEFAULT_REGION"):
        monkeypatch.setenv(name, "us-east-1")


def replay(*words: str) -> Result:
    result = CliRunner(mix_stderr=False).invoke(farshore, ["replay", *words])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def described(*words: str) -> list[dict[str, Any]]:
    stories: list[dict[str, Any]] = json.loads(replay("--json", *words).stdout)
    return stories


@pytest.fixture
def no_second_try(monkeypatch: pytest.MonkeyPatch) -> None:
    """A planted bug: a tick that ended without a word is not ticked again."""
    monkeypatch.setattr(retry, "LAMBDA_FAULTS", ["Lambda.Nothing"])


# What a seed is.

SEEDS: dict[str, Seed] = {
    "shop,failover,graceful": Seed("shop", "failover", "graceful"),
    "../some folder/shop.yaml,failback,ungraceful": Seed(
        "../some folder/shop.yaml", "failback", "ungraceful"
    ),
    "shop,prepare,graceful,lost_after@failover-1/lease/1/2": Seed(
        "shop", "prepare", "graceful", (Fault("lost_after", "", LEASE),)
    ),
    "shop,outage,graceful,503@failover-1/lambda_concurrency.us-east-1.2/12/0": Seed(
        "shop", "outage", "graceful", (Fault("503", "", FENCE),)
    ),
    "shop,recovery,graceful,dark:us-east-1": Seed(
        "shop", "recovery", "graceful", (Fault("dark", "us-east-1"),)
    ),
    "shop,failover,ungraceful,dark:rds/us-west-1@failover-1/lease/1/2..+60": Seed(
        "shop", "failover", "ungraceful", (Fault("dark", "rds/us-west-1", LEASE, 60.0),)
    ),
    "shop,failover,ungraceful,dark:a.b-c.us-east-1.amazonaws.com..+0.5": Seed(
        "shop", "failover", "ungraceful", (Fault("dark", "a.b-c.us-east-1.amazonaws.com", None, 0.5),)
    ),
    "shop,failover,ungraceful,partition:us-east-1~us-west-1..failover-1/lease/1/2,random:7": Seed(
        "shop",
        "failover",
        "ungraceful",
        (Fault("partition", "us-east-1~us-west-1", None, LEASE), Fault("random", "7")),
    ),
    "shop,failover,graceful,grey:us-west-1@failover-1/lease/1/2,late@failover-1/lease/1/2": Seed(
        "shop", "failover", "graceful", (Fault("grey", "us-west-1", LEASE), Fault("late", "", LEASE))
    ),
}


@pytest.mark.parametrize("text", SEEDS)
def test_a_seed_reads_as_it_prints(text: str) -> None:
    assert read(text) == SEEDS[text]
    assert str(SEEDS[text]) == text
    assert hash(read(text)) == hash(SEEDS[text])


@pytest.mark.parametrize(
    ("seed", "mistakes"),
    [
        ("unicorn-shop", ["a seed is APP,PROCEDURE,MODE and then faults: copy it from `explore`"]),
        ("unicorn-shop,failover", ["a seed is APP,PROCEDURE,MODE"]),
        (
            "unicorn-shop,fail over,gracefull",
            [
                "fail over: the procedures are failover, failback, outage, recovery, prepare",
                "gracefull: the modes are graceful, ungraceful",
            ],
        ),
        (
            f"{BASELINE},lost@failover-1/lease/1/2,killed,dark,twice:us-east-1@failover-1/lease/1/2",
            [
                "lost@failover-1/lease/1/2: no such fault; there are lost_before, lost_after",
                "killed: killed happens at one point: write killed@POINT",
                "dark: dark needs a place",
                "twice:us-east-1@failover-1/lease/1/2: twice has no place",
            ],
        ),
        (
            f"{BASELINE},killed@lease/1,dark:us-east-1..60,dark:us-east-1..+soon,denied@failover-1/lease/1/2..+5",
            [
                "lease/1: a point is EXECUTION/STATE/TICK/CALL, the last two in figures",
                "60: a point is EXECUTION/STATE/TICK/CALL",
                "+soon: seconds are written +60",
                "denied happens at one point",
            ],
        ),
        (
            f"{BASELINE},dark:xx-nowhere-1,partition:us-east-1~us-west-l,mute:rds/us-eest-1",
            [
                "xx-nowhere-1 is no AWS Region",
                "us-west-l is no AWS Region: did you mean us-west-1?",
                "us-eest-1 is no AWS Region",
            ],
        ),
        (
            f"{BASELINE},dark:us-east-1..+nan,dark:us-east-1..+inf,dark:us-east-1..+-5,"
            "dark:us-east-1..+86401,lag:99999999999999999999",
            [
                "+nan: seconds are written +60, and are at most 86400",
                "+inf: seconds",
                "+-5: seconds",
                "+86401: seconds",
                "lag:99999999999999999999: write a number of at most 86400",
            ],
        ),
    ],
)
def test_every_mistake_of_a_seed_is_said_at_once(seed: str, mistakes: list[str]) -> None:
    result = replay(BASELINE, seed)
    assert result.exit_code == 2
    assert result.stdout == ""
    for mistake in mistakes:
        assert mistake in result.stderr
    assert result.stderr.count(f"{seed}: ") == len(mistakes)


def test_the_mistakes_of_several_seeds_are_said_at_once() -> None:
    result = replay("unicorn-shop", f"{BASELINE},nonsense", f"{BASELINE},dark")
    assert result.exit_code == 2
    assert "a seed is APP" in result.stderr
    assert "nonsense: no such fault" in result.stderr
    assert "dark: dark needs a place" in result.stderr


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ([], "Missing argument 'SEED"),
        (["no-such-shop,failover,graceful"], "the applications here are: unicorn-shop"),
    ],
)
def test_what_cannot_be_replayed_is_a_usage_error(words: list[str], says: str) -> None:
    result = replay(*words)
    assert result.exit_code == 2
    assert says in result.stderr


# A run, described.


def test_a_story_has_the_fault_the_changes_the_ticks_the_world_and_the_end() -> None:
    result = replay(f"{BASELINE},{KILLED}")
    assert result.exit_code == 0
    lines = result.stdout.splitlines()
    assert lines[0] == f"{BASELINE},{KILLED}"
    assert lines[-1] == "SUCCEEDED: safe, live"

    def place(*words: str) -> int:
        return next(n for n, line in enumerate(lines) if all(word in line for word in words))

    story = [
        place("start", "failover-1, graceful, in us-west-1"),
        place("tick", "failover-1/approval: approved"),
        place(
            "change", "failover-1/lambda_concurrency.us-east-1: lambda:PutFunctionConcurrency in us-east-1"
        ),
        place("world", "users is written in us-west-1", "customers are led to us-east-1"),
        place("fault", "failover-1/arc_controls, tick 1, call 2", "the function is killed"),
        place("change", "failover-1/arc_controls: route53-recovery-cluster:UpdateRoutingControlStates"),
        place("world", "customers are led to us-west-1"),
        place("end", "failover-1: SUCCEEDED"),
    ]
    assert story == sorted(story)
    assert "world" in lines[1]
    assert place("died", "failover-1/arc_controls: tick 1 never ended") < len(lines)


def test_the_same_seed_gives_the_same_story_to_the_byte() -> None:
    seeds = (
        f"{BASELINE},late@failover-1/aurora_writer.us-west-1/1/5",
        "unicorn-shop,failover,ungraceful,random:3",
    )

    def printed(hash_seed: int) -> str:
        program = [sys.executable, "-c", "from farshore.cli import main; main()", "replay", "--json", *seeds]
        environment = os.environ | {"PYTHONHASHSEED": str(hash_seed)}
        return subprocess.run(
            program, cwd=TESTS, env=environment, capture_output=True, text=True, check=True
        ).stdout

    one = printed(1)
    assert one == printed(2)
    assert [story["seed"] for story in json.loads(one)] == list(seeds)
    assert json.dumps(described(*seeds), indent=2) + "\n" == one


def test_as_json_a_story_has_its_seed_its_end_its_breaches_and_its_events() -> None:
    (story,) = described(f"{BASELINE},{KILLED}")
    assert story.keys() == {"seed", "status", "safe", "live", "breaches", "never", "events"}
    assert (story["status"], story["safe"], story["live"], story["breaches"]) == ("SUCCEEDED", True, True, [])
    assert {event["kind"] for event in story["events"]} >= {
        "start",
        "tick",
        "change",
        "world",
        "fault",
        "end",
    }
    times = [event["at"] for event in story["events"]]
    assert times == sorted(times)


def test_a_breach_ends_with_1_and_the_story_names_its_cause(no_second_try: None) -> None:
    result = replay(f"{BASELINE},{KILLED}")
    assert result.exit_code == 1
    assert "L1: failover ended FAILED: Runtime.ExitError" in result.stdout
    assert result.stdout.splitlines()[-1] == "FAILED: safe, NOT LIVE"


def test_several_seeds_are_described_one_by_one_and_one_breach_is_enough(
    no_second_try: None,
) -> None:
    seeds = [BASELINE, f"{BASELINE},{KILLED}", "unicorn-shop,prepare,graceful"]
    result = replay(*seeds)
    assert result.exit_code == 1
    assert [line for line in result.stdout.splitlines() if line in seeds] == seeds
    stories = described(*seeds)
    assert [(story["seed"], story["live"]) for story in stories] == list(
        zip(seeds, (True, False, True), strict=True)
    )


# The shortest.


def test_the_shortest_has_the_same_breach_and_none_of_the_needless_faults(no_second_try: None) -> None:
    needless = "throttled@failover-1/lease/1/1"
    (story,) = described("--shrink", f"{BASELINE},{needless},{KILLED}")
    assert story["seed"] == f"{BASELINE},{KILLED}"
    assert [breach["invariant"] for breach in story["breaches"]] == ["L1"]


def test_the_shortest_lasts_no_longer_than_it_must(no_second_try: None) -> None:
    dark = "dark:lambda/us-west-1@failover-1/arc_controls/1/0"
    (story,) = described("--shrink", f"{BASELINE},{dark}..+100")
    (fault,) = read(story["seed"]).faults
    assert str(fault).startswith(dark)
    assert isinstance(fault.until, float)
    assert fault.until <= 5
    assert {breach["invariant"] for breach in story["breaches"]} == {"S7"}


def test_what_breaches_nothing_is_short_enough() -> None:
    seed = f"{BASELINE},throttled@failover-1/lease/1/1,{KILLED}"
    result = replay("--shrink", "--json", seed)
    assert result.exit_code == 0
    assert [story["seed"] for story in json.loads(result.stdout)] == [seed]


def test_a_fault_that_never_happens_is_named_and_is_no_success() -> None:
    fault = KILLED.replace("arc_controls", "arc_control")
    result = replay(f"{BASELINE},throttled@failover-1/lease/1/1,{fault}")
    assert result.exit_code == 1
    assert f"{fault} never happened" in result.stdout
    assert result.stdout.count("never happened") == 1
    assert replay(f"{BASELINE},{KILLED}").exit_code == 0


def test_a_region_that_nobody_calls_is_no_fault_and_no_success() -> None:
    result = replay(f"{BASELINE},dark:sa-east-1@failover-1/lease/1/1..+1")
    assert result.exit_code == 1
    assert "dark:sa-east-1@failover-1/lease/1/1..+1 never happened" in result.stdout


def test_the_dice_of_a_seed_are_the_same_wherever_its_runbook_lies() -> None:
    random = (Fault("random", "7"),)
    here, there = (
        Seed(path, "failover", "graceful", random) for path in ("shop.yaml", "/far/away/shop.yaml")
    )
    assert here.dice == there.dice
    assert here.dice != Seed("shop.yaml", "failover", "ungraceful", random).dice
