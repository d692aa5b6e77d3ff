"""Names are not any text: the runbook that ships, with one name written as AWS would not take or keep it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import jsonschema
import pytest
import yaml
from test_schema import AsEditorsRead

from farshore.compile.compilation import compiled
from farshore.compile.schema import json_schema
from farshore.runbook.load import Mistakes, load
from functions.inputs import FORMS

SHIPPED = (Path(__file__).parent.parent / "runbooks" / "unicorn-shop.yaml").read_text()
TABLE = Path(__file__).with_name("input_mistakes.txt")
"""Cases: a name, what of the shipped runbook is replaced (-) by what (+), and what is said then."""
CONTROL = f"123456789012:controlpanel/{'0' * 32}/routingcontrol/us-east-1"


def cases() -> dict[str, tuple[str, str, str]]:
    found = {}
    for case in TABLE.read_text().strip().split("\n\n"):
        name, old, new, said = (line.strip() for line in case.split("\n"))
        assert (old[:2], new[:2]) == ("- ", "+ "), name
        found[name] = (old[2:].replace("\\n", "\n"), new[2:].replace("\\n", "\n"), said)
    return found


CASES = cases()
BEYOND_SCHEMA = {"a port that no host has", "a topic in no Region", "a topic in another partition"}


def written(path: Path, text: str) -> list[str]:
    """What is wrong in the runbook of this text."""
    path.write_text(text)
    try:
        load(path)
    except Mistakes as refused:
        return [each.what + (f": {each.instead}" if each.instead else "") for each in refused.mistakes]
    return []


@pytest.mark.parametrize(("old", "new", "said"), CASES.values(), ids=CASES)
def test_a_name_is_refused_as_aws_would_and_told_as_aws_keeps_it(
    tmp_path: Path, old: str, new: str, said: str
) -> None:
    assert old in SHIPPED
    assert written(tmp_path / "shop.yaml", SHIPPED.replace(old, new, 1)) == [said]


@pytest.mark.parametrize("case", [case for case in CASES if case not in BEYOND_SCHEMA])
def test_editors_refuse_it_too(case: str) -> None:
    old, new, _ = CASES[case]
    schema = jsonschema.Draft202012Validator(json_schema())
    assert schema.is_valid(yaml.load(SHIPPED, Loader=AsEditorsRead))
    assert not schema.is_valid(yaml.load(SHIPPED.replace(old, new, 1), Loader=AsEditorsRead))


@pytest.mark.parametrize("kind", FORMS, ids=str)
def test_every_form_takes_its_own_example(kind: object) -> None:
    form = FORMS[kind]
    assert form.wrong(form.example) is None


FRAME = "Resources:\n\n# ---- derived by farshore compile: do not edit below ----\n"


def files(root: Path, old: str, new: str) -> Mapping[str, str]:
    """What compile would write. Raises Mistakes."""
    assert old in SHIPPED
    (root / "runbooks").mkdir()
    (root / "runbooks" / "unicorn-shop.yaml").write_text(SHIPPED.replace(old, new, 1))
    (root / "template.yaml").write_text(FRAME)
    return compiled(root).files


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("on_in: $to", "on_in: $from", "us-east-1 is both on_in and off_in"),
        # Right on the way there, and wrong on the way back.
        ("on_in: $to", "on_in: us-west-1", "us-west-1 is both on_in and off_in"),
        ("on_in: $to", "on_in: us-west-2", "no routing control for us-west-2"),
        (CONTROL, CONTROL.replace("east", "west"), "two Regions have the same routing control"),
    ],
)
def test_inputs_that_do_not_go_together_are_refused_before_anything_is_written(
    tmp_path: Path, old: str, new: str, said: str
) -> None:
    with pytest.raises(Mistakes, match=f"unicorn-shop.yaml:[0-9]+: arc_controls: {said}"):
        files(tmp_path, old, new)


def test_a_text_that_reads_like_a_direction_stays_a_text(tmp_path: Path) -> None:
    """Only what is a Region by its type is replaced."""
    body = next(line.strip() for line in SHIPPED.splitlines() if line.strip().startswith("body: "))
    machine = files(tmp_path, body, "body: $from")["statemachines/unicorn-shop-failover.asl.json"]
    assert '"body": "$from"' in machine
