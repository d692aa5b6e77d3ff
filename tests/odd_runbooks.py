"""Runbooks that nobody would write on purpose, and what the command line may make of any file at all.

The samples and the tests' own after slips in their structure and their text, and sheer text. `farshore lint`
and `farshore compile` either accept one or name its mistakes, and agree. What is accepted, AWS would accept,
too, as far as that can be judged in a moment: the samples are judged wholly in test_template.py.
"""

from __future__ import annotations

import json
import random
import re
import shutil
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml
from click.testing import CliRunner, Result
from made_up import SNIPPETS, mutated
from own_shop import ROOT, TESTS, runbooks_of
from slips import WORDS, slipped
from statelint.linter import Linter

from farshore.cli import farshore
from farshore.compile.graph import every_state
from farshore.compile.limits import FUNCTION_NAME, LOGICAL_ID, LONGEST_PREFIX, STATE_NAME
from farshore.runbook.mistakes import Mistakes

WRITTEN = [*runbooks_of(ROOT), *runbooks_of(TESTS), *sorted(TESTS.glob("applications/*.yaml"))]
SAMPLES = [path.read_text(encoding="utf-8") for path in WRITTEN]
LONGEST_CPU_SECONDS = 30
"""Of one command in this process: two hundred times what a sample needs, however busy the machine is."""
Said = set[tuple[str, int, str, str]]


class Endless(BaseException):
    """More work than any runbook is worth. No `except Exception` takes it."""


def odd_runbook(number: int) -> bytes:
    """The same for the same number."""
    dice = random.Random(f"runbook {number}")
    sample = dice.choice(SAMPLES)
    kind = dice.random()
    if kind < 0.7:
        text = dumped(slipped(yaml.safe_load(sample), dice), dice)
    elif kind < 0.8:
        text = mutated(dumped(slipped(yaml.safe_load(sample), dice), dice), dice)
    elif kind < 0.95:
        text = mutated(sample, dice)
    else:
        text = "".join(
            dice.choice(dice.choice((SNIPPETS, WORDS, "abc: -[]{}\n"))) for _ in range(dice.randrange(60))
        )
    data = text.encode("utf-8", "surrogatepass")
    at = dice.randrange(len(data) + 1)
    return data[:at] + dice.randbytes(1) + data[at:] if dice.random() < 0.02 else data


def dumped(value: Any, dice: random.Random) -> str:
    return str(
        yaml.safe_dump(value, sort_keys=False, allow_unicode=True, default_flow_style=dice.random() < 0.1)
    )


@contextmanager
def bounded() -> Iterator[None]:
    """By work: by the CPU's seconds, which pass only while we compute."""

    def over(*_: object) -> None:
        raise Endless(f"not done after {LONGEST_CPU_SECONDS} s of the CPU")

    before = signal.signal(signal.SIGVTALRM, over)
    signal.setitimer(signal.ITIMER_VIRTUAL, LONGEST_CPU_SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)


class Door:
    """A folder in which `farshore` is run, as an operator's repository. The process must stand in it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "runbooks").mkdir()
        shutil.copy(ROOT / "template.yaml", folder)
        self.file = folder / "runbooks" / "a.yaml"

    def accepts(self, content: bytes) -> bool:
        """Whether lint and compile accept it. AssertionError where anything is not as it must be."""
        self.file.write_bytes(content)
        linted = self._linted()
        before = self._files()
        compiled = self._run("compile", "--json")
        if compiled.exception is None:
            assert not linted, f"compile accepts what lint calls an error: {sorted(linted)[:3]}"
            self._fit_for_aws()
            return True
        refused = compiled.exception
        assert isinstance(refused, Mistakes), f"compile: {refused!r}: {compiled.output[-300:]}"
        said = {(each.path, each.line, each.what, each.instead) for each in refused.mistakes}
        self._proper(said, content)
        assert said == linted, f"lint and compile do not agree: {sorted(said ^ linted)[:3]}"
        assert self._files() == before, "compile refused, and wrote"
        return False

    def _linted(self) -> Said:
        """What lint calls an error."""
        result = self._run("lint", "runbooks/a.yaml", "--json")
        assert result.exception is None or isinstance(result.exception, SystemExit), (
            f"lint: {result.exception!r}"
        )
        found = json.loads(result.output)["findings"]
        self._proper(
            {(each["path"], each["line"], each["what"], each["instead"]) for each in found},
            self.file.read_bytes(),
        )
        errors = {
            (each["path"], each["line"], each["what"], each["instead"])
            for each in found
            if each["severity"] == "error"
        }
        assert result.exit_code == bool(errors)
        return errors

    def _run(self, *words: str) -> Result:
        with bounded():
            return CliRunner().invoke(farshore, list(words))

    def _proper(self, said: Said, content: bytes) -> None:
        last = len(content.decode("utf-8", "replace").splitlines()) + 1
        for path, line, what, instead in said:
            assert path == "runbooks/a.yaml", (path, what)
            assert 0 <= line <= last, (line, what)
            assert what.isprintable(), what
            assert instead.isprintable(), instead
            assert len(what) + len(instead) < 2000, what

    def _files(self) -> dict[str, int]:
        return {str(path): path.stat().st_mtime_ns for path in self.folder.rglob("*") if path.is_file()}

    def _fit_for_aws(self) -> None:
        template = yaml.load((self.folder / "template.yaml").read_text(encoding="utf-8"), Loader=_Template)
        resources = template["Resources"]
        known = {*resources, *template["Parameters"]}
        for name, each in resources.items():
            assert re.fullmatch(f"[A-Za-z0-9]{{1,{LOGICAL_ID}}}", name), name
            for function in _every_sub(each["Properties"].get("FunctionName", {})):
                named = function.replace("${Prefix}", "f" * LONGEST_PREFIX)
                assert re.fullmatch(f"[A-Za-z0-9_-]{{1,{FUNCTION_NAME}}}", named), named
            assert each.get("Condition", next(iter(template["Conditions"]))) in template["Conditions"], name
        for text in _every_sub(resources):
            for named in re.findall(r"\$\{([^}]*)\}", text):
                assert named.startswith("AWS::") or named.partition(".")[0] in known, text
        for path in (self.folder / "statemachines").glob("*.asl.json"):
            self._fit_machine(path.read_text(encoding="utf-8"), known)

    def _fit_machine(self, text: str, known: set[str]) -> None:
        assert set(re.findall(r"\$\{(.*?)\}", text)) <= known, "a substitution of nothing"
        definition = json.loads(text)
        names = [name for name, _ in every_state(definition["States"])]
        assert max(map(len, names)) <= STATE_NAME, names
        assert len(set(names)) == len(names), names
        arn = "arn:aws:lambda:us-west-1:123456789012:function:a-step:1"
        said = Linter.validate(json.loads(re.sub(r"\$\{\w+\}", arn, text)))
        assert said == [], said


class _Template(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """Reads CloudFormation's short forms as {"!Sub": ...}."""


def _short(loader: Any, suffix: str, node: Any) -> dict[str, Any]:
    made = {
        yaml.ScalarNode: loader.construct_scalar,
        yaml.SequenceNode: lambda it: loader.construct_sequence(it, deep=True),
        yaml.MappingNode: lambda it: loader.construct_mapping(it, deep=True),
    }
    return {f"!{suffix}": made[type(node)](node)}


_Template.add_multi_constructor("!", _short)


def _every_sub(value: Any) -> Iterator[str]:
    """The texts in which CloudFormation replaces names."""
    if isinstance(value, dict):
        for key, each in value.items():
            if key == "!Sub":
                yield each if isinstance(each, str) else each[0]
            else:
                yield from _every_sub(each)
    elif isinstance(value, list):
        for each in value:
            yield from _every_sub(each)
