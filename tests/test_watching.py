"""A rehearsal on a terminal: what is drawn, and that whoever looks on changes nothing."""

from __future__ import annotations

import io
import json
import os
import pty
import subprocess
import sys
import termios
from collections.abc import Callable
from typing import Any

import pytest
from click.testing import CliRunner
from game_days import FAST
from own_shop import SHOP, TESTS
from rich.console import Console

from farshore.cli import farshore
from farshore.operate.run_tree import NO_RETURN, drawn, tree_of
from farshore.runbook.load import load
from farshore.simulate.rehearsal import Rehearsal
from farshore.simulate.report import Moment, Scene
from farshore.simulate.view import Screen
from farshore.testing.twin import Twin

APP = str(SHOP)
BOOKS = str(TESTS / "stand_ins" / "bookworm.yaml")


class Watched:
    """A game day whose every scene is kept."""

    def __init__(self, watched: bool) -> None:
        self.scenes: list[Scene] = []
        show = self.scenes.append if watched else None
        with Rehearsal(
            load(APP), "ungraceful", "us-east-1", 1, lambda moment: None, show=show, **FAST
        ) as day:
            self.report: dict[str, Any] = json.loads(json.dumps(day.play().as_json(), default=str))


@pytest.fixture(scope="module")
def watched() -> Watched:
    return Watched(True)


def test_whoever_looks_on_changes_nothing(watched: Watched) -> None:
    assert Watched(False).report == watched.report


def test_a_step_is_to_come_then_waits_for_a_reason_and_then_has_ended(watched: Watched) -> None:
    steps = [
        step
        for s in watched.scenes
        if s.run
        for step in s.run.states
        if step.name.startswith("aurora_writer")
    ]
    outcomes = list(dict.fromkeys(step.outcome for step in steps))
    assert outcomes == ["", "waiting", "done"]
    waiting = [step for step in steps if step.outcome == "waiting"]
    assert any("failing-over" in step.why for step in waiting)
    assert waiting[-1].seconds > waiting[0].seconds


def test_a_region_says_who_writes_and_that_it_was_left_behind(watched: Watched) -> None:
    said = {
        (name, row.name, row.if_so if row.serves else row.if_not)
        for scene in watched.scenes
        for name, region in scene.regions.items()
        for row in region.rows
    }
    assert {
        ("us-east-1", "users", "writer"),
        ("us-west-1", "users", "follows"),
        ("us-east-1", "users", "left behind"),
        ("us-west-1", "users", "writer"),
    } <= said
    assert any(scene.regions["us-east-1"].dark for scene in watched.scenes)
    assert any(scene.regions["us-west-1"].writes for scene in watched.scenes)


def test_the_screen_draws_the_run_the_regions_the_customers_and_the_clock(watched: Watched) -> None:
    scene = next(
        s for s in watched.scenes if s.run and any("failing-over" in step.why for step in s.run.states)
    )
    drawn = io.StringIO()
    with Screen(Console(file=drawn, force_terminal=True, width=110, height=50), 1e9, Hands(".")) as screen:
        screen.show(scene)
    text = drawn.getvalue()
    for said in (
        "unicorn-shop-failover, ungraceful",
        "aurora_writer us-west-1",
        "failing-over",
        "dark: nothing",
    ):
        assert said in text
    assert "0 visits went well" in text


class Hands:
    """Presses these keys one after the other, where `.` is to wait until the scene's time is over."""

    def __init__(self, keys: str) -> None:
        self.keys = list(keys)
        self.scene = 0
        self.asked: list[tuple[int, bool]] = []
        """During which scene, and whether it was paused."""

    def pressed(self, seconds: float | None) -> str:
        self.asked.append((self.scene, seconds is None))
        return self.keys.pop(0).replace(".", "")


def watched_by(hands: Hands, said_in: int = 99) -> str:
    """Four scenes, in one of which something happens."""
    drawn = io.StringIO()
    with Screen(Console(file=drawn, force_terminal=True, width=110, height=50), 80.0, hands) as screen:
        for hands.scene in range(4):
            screen.show(Scene(float(hands.scene), "being watched", {}, None, 0, 0))
            if hands.scene == said_in:
                screen.say(Moment(float(hands.scene), "outage", "it begins"))
    return drawn.getvalue()


@pytest.mark.parametrize(
    ("keys", "asked"),
    [
        (".  ...", [(0, False), (1, False), (1, True), (1, False), (2, False), (3, False)]),
        (" ss ..", [(0, False), (0, True), (1, True), (2, True), (2, False), (3, False)]),
        (" n. ..", [(0, False), (0, True), (1, False), (2, True), (2, False), (3, False)]),
    ],
    ids=["space pauses and goes on", "s plays a second", "n plays on to what happens next"],
)
def test_a_person_pauses_and_goes_on(keys: str, asked: list[tuple[int, bool]]) -> None:
    hands = Hands(keys)
    drawn = watched_by(hands, said_in=1)
    assert hands.asked == asked
    assert "paused: space goes on, s a second, n to what happens next" in drawn


def test_a_person_changes_the_pace() -> None:
    drawn = watched_by(Hands("+.+-..."))
    assert "160x" in drawn
    assert "320x" in drawn


def test_keys_are_heard_on_a_terminal_and_it_is_left_as_it_was() -> None:
    command = "from farshore.cli import main; main()"
    program = [sys.executable, "-c", command, "rehearse", BOOKS, "--pace", "100000"]
    main, terminal = pty.openpty()
    before = termios.tcgetattr(terminal)
    environment = {**os.environ, "TERM": "xterm-256color"}
    with subprocess.Popen(
        program, env=environment, stdin=terminal, stdout=terminal, stderr=terminal
    ) as running:
        said = b""
        for awaited, key in (
            (b"space pauses", b" "),
            (b"paused: space goes on", b" "),
            (b"code and state", b""),
        ):
            while awaited not in said:
                said += os.read(main, 1 << 16)
            os.write(main, key)
    assert running.returncode == 0
    assert termios.tcgetattr(terminal) == before
    os.close(terminal)
    os.close(main)


@pytest.mark.parametrize("pace", ["fast", "0x", "-3", "inf"])
def test_a_pace_that_is_none_is_refused_before_the_work(pace: str) -> None:
    result = CliRunner(mix_stderr=False).invoke(farshore, ["rehearse", APP, "--pace", pace])
    assert result.exit_code == 2
    assert f"{pace} is no pace: write 10x" in result.stderr
    assert "is being built" not in result.stdout


def test_with_no_color_a_terminal_gets_the_lines_of_a_pipe() -> None:
    command = "from farshore.cli import main; main()"
    program = [sys.executable, "-c", command, "rehearse", APP]
    main, terminal = pty.openpty()
    environment = {**os.environ, "NO_COLOR": "1", "TERM": "xterm-256color"}
    with subprocess.Popen(program, cwd=TESTS, env=environment, stdout=terminal, stderr=terminal) as running:
        os.close(terminal)
        said = b""
        try:
            while part := os.read(main, 1 << 16):
                said += part
        except OSError:  # so a terminal ends that nobody writes to any more
            pass
    os.close(main)
    assert running.returncode == 0
    lines = said.decode().replace("\r\n", "\n").splitlines()
    piped = subprocess.run(program, cwd=TESTS, capture_output=True, text=True, check=True).stdout.splitlines()
    measured = "simulated minutes in"
    assert [each.rstrip() for each in lines if measured not in each] == [
        each.rstrip() for each in piped if measured not in each
    ]


# A real run.


def test_a_run_is_watched_in_a_pipe_until_it_ends_and_each_line_is_said_once(
    twin: Callable[..., Twin], monkeypatch: pytest.MonkeyPatch
) -> None:
    books = twin(BOOKS)
    monkeypatch.setattr("farshore.commands.status.sleep", books.advance)
    books.start("failover", "graceful")
    outside = books.simulation.deployment.outside
    result = CliRunner(mix_stderr=False).invoke(farshore, ["status", BOOKS, "--watch"], obj=outside)
    assert result.exit_code == 0, result.stderr
    lines = result.stdout.splitlines()
    (waiting,) = (line for line in lines if "aurora_writer" in line and line.endswith("switching-over"))
    assert waiting.startswith("waiting  aurora_writer eu-central-1  ")
    assert any(line.startswith("done  arc_controls") for line in lines)
    assert any(line.startswith("succeeded  bookworm-failover") for line in lines)
    assert len(lines) < 30


def test_watching_is_for_people(twin: Callable[..., Twin]) -> None:
    outside = twin(BOOKS).simulation.deployment.outside
    result = CliRunner(mix_stderr=False).invoke(farshore, ["status", BOOKS, "--watch", "--json"], obj=outside)
    assert result.exit_code == 2
    assert "--watch is for people" in result.stderr


def test_a_tree_says_how_each_state_stands_and_where_no_return_is(twin: Callable[..., Twin]) -> None:
    books = twin(BOOKS)
    books.says = "nothing"
    run = books.start("failover", "graceful")
    books.advance(60)
    snapshot = books.simulation.operator.runs.look(run.arn)
    screen = Console(file=io.StringIO(), width=110, color_system=None)
    screen.print(drawn(tree_of(snapshot)))
    text = screen.file.getvalue()  # type: ignore[attr-defined]
    name, *states = [line.strip("├└─ ").split("  ")[0] for line in text.splitlines()]
    assert name == "bookworm-failover/failover-4, graceful"
    assert states[:3] == ["✓ lease", "✓ region_impaired eu-west-1", "▸ approval"]
    assert states[3:6] == ["· lambda_concurrency eu-west-1", NO_RETURN, "· aurora_writer eu-central-1"]
    assert "of 15m  nobody has decided on plan" in text
