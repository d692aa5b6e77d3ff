"""A wrong runbook gets every mistake at once, with file, line and a suggestion; never another exception.

The step types are made up (made_up.py), one for each shape that an input can have.
"""

from __future__ import annotations

import os
import random
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import pytest
from _pytest.mark import ParameterSet
from made_up import GOOD, REGISTRY, changed, mutated

from farshore.runbook.load import load, read_all
from farshore.runbook.mistakes import Mistake, Mistakes
from farshore.runbook.model import Line, Objectives, Together, Trigger
from farshore.runbook.registry import inputs, steps
from functions.inputs import Seconds
from functions.step import Step


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "shop.yaml"


def refusal(file: Path, text: str | bytes) -> list[str]:
    """What is wrong, each as "line: what: instead"."""
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(Mistakes) as refused:
        load(file, REGISTRY)
    assert all(str(each).startswith(str(file)) for each in refused.value.mistakes)
    return [line.removeprefix(f"{file}:").strip() for line in str(refused.value).split("\n")]


def test_a_runbook_is_read_with_regions_as_written_and_durations_in_seconds(file: Path) -> None:
    file.write_text(GOOD)
    runbook = load(file, REGISTRY)
    assert (runbook.path, runbook.application) == (str(file), "corner-shop")
    assert (runbook.regions.primary, runbook.regions.standby) == ("us-east-1", "us-west-1")
    assert runbook.regions.observer == "us-west-2"
    assert runbook.objectives == Objectives(rto=Seconds(900), rpo=Seconds(30))
    assert runbook.triggers == (Trigger("corner-shop-canary", "ungraceful", Seconds(3600), line=5),)
    assert runbook.ledger.table == "farshore-ledger"
    assert runbook.ledger.regions == ("us-east-1", "us-east-2", "us-west-2")
    assert list(runbook.procedures) == ["failover", "outage"]
    assert (runbook.lines["failover"], runbook.lines["outage"]) == (8, 29)
    impaired, fence, together, restore, controls = runbook.procedures["failover"]
    assert isinstance(impaired, Line)
    assert impaired.inputs["of"] == [
        {"kind": "alarm", "region": "us-west-2"},
        {"kind": "probe", "region": "$from", "url": "https://shop.example"},
    ]
    assert fence == Line(
        "lambda_concurrency", {"functions": ["buy", "pay"], "region": "$from", "reserved": 0}, 16, True
    )
    writer = {
        "cluster": "unicorn",
        "members": {"us-east-1": "east", "us-west-1": "west"},
        "lose_at_most": 30,
    }
    assert together == Together((Line("aurora_writer", writer, 18), Line("bake", {}, 22)), 17)
    assert isinstance(restore, Line)
    assert restore.inputs["reserved"] == "restore"
    assert isinstance(controls, Line)
    assert (controls.inputs["on_in"], controls.inputs["off_in"], controls.inputs["within"]) == (
        "$to",
        "$from",
        7200,
    )


TABLE = Path(__file__).with_name("runbook_mistakes.txt")
"""Cases: a name, what of GOOD is replaced (-) by what (+), and all that is said then."""


def test_the_least_runbook_has_two_regions_objectives_and_a_failover(file: Path) -> None:
    file.write_text(
        "application: a\nregions: {primary: eu-west-1, standby: eu-west-2}\n"
        "objectives: {rto: 1h, rpo: 0s}\nfailover: [bake: ]\n"
    )
    runbook = load(file, REGISTRY)
    assert (runbook.regions.observer, runbook.triggers) == (None, ())
    assert runbook.procedures == {"failover": (Line("bake", {}, 4),)}


def wrong_runbooks() -> list[ParameterSet]:
    cases = []
    for case in TABLE.read_text().strip().split("\n\n"):
        name, old, new, *said = (line.strip() for line in case.split("\n"))
        assert (old[:1], new[:1], bool(said)) == ("-", "+", True), name
        cases.append(pytest.param(unescaped(old[2:]), unescaped(new[2:]), said, id=name))
    return cases


def unescaped(text: str) -> str:
    return text.replace("\\n", "\n").replace("\\t", "\t").replace("\\0", "\0").replace("·", " ")


@pytest.mark.parametrize(("old", "new", "said"), wrong_runbooks())
def test_a_mistake_is_named_with_its_line_and_what_would_be_right(
    file: Path, old: str, new: str, said: list[str]
) -> None:
    assert refusal(file, changed(old, new)) == said


@dataclass(frozen=True, kw_only=True)
class Slow(Step[None]):
    """It takes half an hour."""

    name: ClassVar = "slow"
    prepares: ClassVar = "it takes half an hour"


@pytest.mark.parametrize("procedure", ["failover", "failback", "outage", "prepare"])
def test_what_is_for_prepare_alone_is_refused_elsewhere(file: Path, procedure: str) -> None:
    others = "".join(f"{name}: [bake: ]\n" for name in {"failover", "failback"} - {procedure})
    head = "application: a\nregions: {primary: eu-west-1, standby: eu-west-2}\n"
    file.write_text(head + "objectives: {rto: 1h, rpo: 0s}\n" + f"{procedure}:\n  - slow:\n" + others)
    registry = {**REGISTRY, "slow": Slow}
    if procedure == "prepare":
        assert load(file, registry).procedures["prepare"] == (Line("slow", {}, 5),)
        return
    with pytest.raises(Mistakes) as refused:
        load(file, registry)
    said = f"slow belongs in prepare, and not in {procedure} (it takes half an hour): move it there"
    assert str(refused.value) == f"{file}:5: {said}"


NOT_A_RUNBOOK: dict[str, tuple[str | bytes, list[str]]] = {
    "empty file": ("", ["1: the file is empty: begin with `application: NAME`"]),
    "only a comment": ("# todo\n", ["1: the file is empty: begin with `application: NAME`"]),
    "a list": (
        "- application: a\n",
        ["1: expected a mapping that begins with application, found a list: write `application: NAME`"],
    ),
    "a text": (
        "corner-shop",
        [
            '1: expected a mapping that begins with application, found "corner-shop": '
            "write `application: NAME`"
        ],
    ),
    "latin-1": (
        GOOD.encode().replace(b"corner-shop-canary", b"caf\xe9"),
        ["5: byte 0xe9 is not text: save the file as UTF-8"],
    ),
    "utf-16": (GOOD.encode("utf-16"), ["1: byte 0xff is not text: save the file as UTF-8"]),
    "NUL": (GOOD + "\0", ["31: character U+0000 is not text: remove it"]),
    "binary": (bytes(range(256)), ["2: byte 0x80 is not text: save the file as UTF-8"]),
    "20 MB": ("#" * 20_000_000, ["20,000,000 bytes: a runbook has at most 1,000,000"]),
    "nested a hundred thousand deep": ("[" * 100_000, ["1: nested deeper than 20: write it flatter"]),
}


@pytest.mark.parametrize(("content", "said"), NOT_A_RUNBOOK.values(), ids=NOT_A_RUNBOOK)
def test_a_file_that_is_no_runbook_is_refused(file: Path, content: str | bytes, said: list[str]) -> None:
    assert refusal(file, content) == said


def test_a_bomb_of_aliases_is_never_expanded(file: Path) -> None:
    bomb = "".join(f"k{i}: &k{i} [{', '.join([f'*k{i - 1}'] * 9)}]\n" for i in range(1, 30))
    said = refusal(file, "k0: &k0 x\n" + bomb)
    assert sum("alias" in line for line in said) == 29 * 9
    assert '2: alias "*k0": write the value out' in said


def test_ten_mistakes_of_one_file_are_named_at_once_in_their_order(file: Path) -> None:
    text = """\
application: Unicorn
regions: {primary: us-east-1, standby: us-west-1}
objectives: {rto: 15, rpo: 30s}
failover:
  - aurora_witer: {cluster: unicorn}
  - lambda_concurrency: {functions: buy, region: $form, reserved: restroe}
  - aurora_writer:
      members: {us-east-1: &a east, us-west-1: !!str west}
      lose_at_most: 30 seconds
  - detached:
"""
    assert refusal(file, text) == [
        '1: application: "Unicorn" is not an application\'s name: write unicorn',
        "3: rto: expected a duration such as 30s or 15m, found 15: write 15m for minutes or 15s for seconds",
        '5: unknown step "aurora_witer": did you mean "aurora_writer"?',
        '6: functions: expected a list of texts, found "buy": write ["buy"]',
        '6: region: "$form" is not a Region of this runbook: did you mean "$from"?',
        "6: reserved: expected a whole number, 0 or more, or `restore`, "
        'found "restroe": did you mean "restore"?',
        '7: aurora_writer lacks the input "cluster": add it: the global database',
        '8: anchor "&a": write the value out where it is needed',
        '8: tag "!!str": remove it, the type is known',
        '9: lose_at_most: expected a duration such as 30s or 15m, found "30 seconds": write 30s',
        "10: detached is one-way (a detached cluster cannot rejoin) and there is no failback: "
        "write a failback",
    ]


@pytest.mark.parametrize(
    "word", ["on", "off", "yes", "no", "n", "NO", "2026-11-20", "1:30", "12e", "<<", "="]
)
def test_words_that_old_yaml_took_for_something_else_are_texts(file: Path, word: str) -> None:
    file.write_text(changed("cluster: unicorn", f"cluster: {word}"))
    together = load(file, REGISTRY).procedures["failover"][2]
    assert isinstance(together, Together)
    assert together.branches[0].inputs["cluster"] == word


@pytest.mark.parametrize(
    "content",
    [b"\xef\xbb\xbf" + GOOD.encode(), GOOD.replace("\n", "\r\n").encode(), b"---\n" + GOOD.encode()],
)
def test_what_editors_add_is_no_mistake(file: Path, content: bytes) -> None:
    file.write_bytes(content)
    assert load(file, REGISTRY).application == "corner-shop"


def test_a_written_failback_allows_a_one_way_step(file: Path) -> None:
    file.write_text(changed("      - bake:\n", "      - detached:\n") + "failback:\n  - bake:\n")
    assert "failback" in load(file, REGISTRY).procedures


def test_each_tab_is_named(file: Path) -> None:
    text = GOOD.replace("  - bake: {loud", "\t- bake: {loud").replace("          cluster", "\t\tcluster")
    assert refusal(file, text) == [
        "19: a tab indents this line: YAML allows only spaces",
        "30: a tab indents this line: YAML allows only spaces",
    ]


def test_what_cannot_be_read_is_a_mistake_too(tmp_path: Path) -> None:
    (tmp_path / "loop.yaml").symlink_to("loop.yaml")
    (tmp_path / "file.yaml").write_text("")
    os.mkfifo(tmp_path / "pipe.yaml")
    said = {
        "none.yaml": "no such file: check the path",
        "": "this is a directory: name the runbook in it",
        "pipe.yaml": "this is not a file: name a runbook",
        "loop.yaml": "cannot be read: too many levels of symbolic links: check the path and its permissions",
        "file.yaml/shop.yaml": "cannot be read: not a directory: check the path and its permissions",
    }
    for name, words in said.items():
        with pytest.raises(Mistakes) as refused:
            load(tmp_path / name, REGISTRY)
        assert str(refused.value) == f"{tmp_path / name}: {words}"


def test_a_file_that_may_not_be_read_is_a_mistake(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def denied(_: Path) -> bytes:
        raise PermissionError(13, "Permission denied")

    file.write_text(GOOD)
    monkeypatch.setattr(Path, "read_bytes", denied)
    with pytest.raises(
        Mistakes, match="cannot be read: permission denied: check the path and its permissions"
    ):
        load(file, REGISTRY)


def test_a_folder_is_read_whole_and_its_mistakes_are_named_together(tmp_path: Path) -> None:
    (tmp_path / "b.yaml").write_text(GOOD)
    (tmp_path / "a.yaml").write_text(GOOD.replace("corner-shop\n", "other-shop\n"))
    read, _ = read_all(tmp_path, REGISTRY)
    assert [each.application for each in read] == ["other-shop", "corner-shop"]
    (tmp_path / "c.yaml").write_text("# second\n" + GOOD)
    (tmp_path / "d.yaml").write_text(changed("aurora_writer:", "aurora_witer:"))
    (tmp_path / "e.yml").write_text(GOOD)
    _, mistakes = read_all(tmp_path, REGISTRY)
    twice = f'application "corner-shop" stands in {tmp_path}/b.yaml already: an application has one runbook'
    assert str(Mistakes(mistakes)).split("\n") == [
        f"{tmp_path}/c.yaml:2: {twice}",
        f"{tmp_path}/d.yaml:1: {twice}",
        f'{tmp_path}/d.yaml:18: unknown step "aurora_witer": did you mean "aurora_writer"?',
        f"{tmp_path}/e.yml: not read as a runbook: name it e.yaml",
    ]


def test_a_missing_folder_is_a_mistake(tmp_path: Path) -> None:
    read, (mistake,) = read_all(tmp_path / "none", REGISTRY)
    assert read == ()
    assert str(mistake).endswith(
        "no such folder: run farshore where runbooks/ is, or begin with: farshore init"
    )


def test_no_slip_of_the_hand_raises_anything_but_mistakes(file: Path) -> None:
    dice = random.Random(20260)
    outcomes = {"read": 0, "refused": 0}
    for case in range(300):
        text = mutated(GOOD, dice)
        file.write_bytes(text.encode("utf-8"))
        mistakes: tuple[Mistake, ...] = ()
        try:
            load(file, REGISTRY)
            outcomes["read"] += 1
        except Mistakes as refused:
            mistakes = refused.mistakes
            outcomes["refused"] += 1
        for mistake in mistakes:
            assert 0 <= mistake.line <= len(text.splitlines()) + 1, f"case {case}: {mistake}"
            assert str(mistake).isprintable(), f"case {case}: {mistake}"
    assert min(outcomes.values()) > 0, outcomes


def test_every_input_of_every_real_step_says_what_it_is() -> None:
    undocumented = [
        f"{name}.{each.name}" for name, step in steps().items() for each in inputs(step) if not each.doc
    ]
    assert undocumented == []
    assert list(steps()) == sorted(steps())
    assert "aurora_writer" in steps()
